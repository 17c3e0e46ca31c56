"""The replay of a ledger: every broken rule is named with its event; the writer refuses what the verifier names."""

from typing import Any

import pytest
from ledger_making import a_life, an_event, an_id, leaf_of, many_lives, placed

from custody import ledger
from custody.findings import Report
from custody.ledger import Actor, Draft
from custody.ledger_past import LedgerPast
from custody.replay import Replay
from records.errors import CustodyError, LifecycleError
from records.lifecycle import EVENT_TYPES
from records.rules import CLOSES, GUARDS, OPENS

RECORD, OTHER, ORIGINAL, PERSON = an_id("rec", 1), an_id("rec", 2), an_id("ori", 1), an_id("per", 1)
HELD = an_event("hold_set", RECORD)
PROPOSED = an_event("disposal_proposed", RECORD, actor="psn_1")
APPROVED = an_event("disposal_approved", RECORD, actor="psn_2", refs=[an_id("evt", 1)])
SERVICE = {"id": "system", "role": "executor", "auth": "system"}
BATCH = an_id("bat", 1)
REGISTERED = an_event("registered", RECORD, None, "accessioned")
# a record with its proposal (event 2) and approval (event 3), and the end of it
LISTED = [REGISTERED, PROPOSED, {**APPROVED, "refs": [an_id("evt", 2)]}]
DISPOSED = an_event("disposed", RECORD, "accessioned", "disposed", actor=SERVICE, auth_ref=an_id("evt", 3))
KEPT_KEY = [*a_life(1)[:3]]  # an original that is stored, events 1 to 3
SHREDDED = an_event("key_destroyed", ORIGINAL, "stored", "shredded", actor=SERVICE, auth_ref=an_id("evt", 6))
LISTED_AFTER = [REGISTERED, PROPOSED, {**APPROVED, "refs": [an_id("evt", 5)]}]  # events 4 to 6


def problems(leaves: list[bytes]) -> list[tuple[str, int | None]]:
    return [(kind, seq) for kind, _, seq in named(leaves)]


def named(leaves: list[bytes]) -> list[tuple[str, str, int | None]]:
    report = Report()
    with report.step("replay") as step:
        run = Replay(step)
        for leaf in leaves:
            run.take(leaf, bytes.fromhex(ledger.leaf_hash(leaf)))
        run.finish()
    return [(p.kind, p.object, p.seq) for p in report.problems]


def of(*events: dict[str, Any]) -> list[tuple[str, int | None]]:
    return problems([leaf_of(event) for event in placed(events)])


def test_what_the_pipeline_does_holds() -> None:
    assert problems(many_lives(500)) == []
    assert problems([]) == []


def test_the_replay_knows_where_it_leaves_each_subject() -> None:
    report = Report()
    with report.step("replay") as step:
        run = Replay(step)
        for leaf in many_lives(27):
            run.take(leaf, bytes.fromhex(ledger.leaf_hash(leaf)))
    assert run.size == 27 and run.state(RECORD) == "indexed" and run.state(an_id("rec", 99)) is None
    expected = {an_id(kind, n): state for n in (1, 2, 3)
                for kind, state in (("scn", "accessioned"), ("ori", "stored"), ("rec", "indexed"))}  # fmt: skip
    assert dict(run.states()) == expected


IN_REVIEW = [
    REGISTERED, an_event("read", RECORD, "accessioned", "read"), an_event("described", RECORD, "read", "in_review"),
]  # fmt: skip
IBAN, TOTAL = {"field": "iban"}, {"field": "total"}
CHECKED = an_event("check_held", RECORD, actor=SERVICE, obj=IBAN)  # event 4
OVERRIDE = an_event("override_proposed", RECORD, obj=IBAN, refs=[an_id("evt", 4)])  # event 5
AGREED = an_event("override_approved", RECORD, actor="psn_2", obj=IBAN, refs=[an_id("evt", 4), an_id("evt", 5)])
CONFIRMED = an_event("field_confirmed", RECORD, actor="psn_2", obj=IBAN)
RELEASED = an_event("review_released", RECORD, "in_review", "described", actor="psn_2")
HELD_OPEN = [*IN_REVIEW, CHECKED]
A, B = "aa" * 32, "bb" * 32
KEYED = [  # events 4 and 5
    an_event("field_keyed", RECORD, obj=TOTAL, commit=A),
    an_event("field_keyed", RECORD, actor="psn_2", obj=TOTAL, commit=B),
]  # fmt: skip
SETTLED = an_event("keying_settled", RECORD, actor="psn_3", obj=TOTAL, refs=[an_id("evt", 4), an_id("evt", 5)])

BROKEN: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int]]]] = {
    "stored before it was sealed": ([an_event("stored", ORIGINAL, "sealed", "stored")], [("state", 0)]),
    "stored twice": ([*a_life(1)[:3], a_life(1)[2]], [("state", 3)]),
    "a move of another kind": ([an_event("stored", RECORD, "sealed", "stored")], [("move", 0), ("state", 0)]),
    "a state where none moves": ([an_event("viewed", RECORD, "read", "read")], [("move", 0)]),
    "an unknown type": ([an_event("invented", RECORD)], [("move", 0)]),
    "the same number twice": ([an_event("viewed", RECORD), an_event("viewed", RECORD, seq=0)], [("seq", 1)]),
    "a number left out": ([an_event("viewed", RECORD), an_event("viewed", RECORD, seq=2)], [("seq", 1)]),
    "an id twice": (
        [an_event("viewed", RECORD), an_event("viewed", RECORD, id=an_id("evt", 1))], [("id", 1)],
    ),
    "a broken chain": ([an_event("viewed", RECORD), an_event("viewed", RECORD, prev="00" * 32)], [("chain", 1)]),
    "a chain begun again": ([an_event("viewed", RECORD), an_event("viewed", RECORD, prev=None)], [("chain", 1)]),
    "a chain from nowhere": ([an_event("viewed", RECORD, prev="00" * 32)], [("chain", 0)]),
    "time running back": (
        [an_event("viewed", RECORD), an_event("viewed", RECORD, ts="2026-11-22T01:38:35.999Z")], [("time", 1)],
    ),
    "a day that never was": ([an_event("viewed", RECORD, ts="2026-02-30T01:38:35.999Z")], [("time", 0)]),
    "viewed after its end": (
        [*a_life(1)[:2], an_event("abandoned", ORIGINAL, "sealed", "abandoned"), an_event("viewed", ORIGINAL)],
        [("end", 3)],
    ),
    "approved by who proposed": (
        [PROPOSED, {**APPROVED, "actor": PROPOSED["actor"]}], [("guard", 1)],
    ),
    "approved without a proposal": ([an_event("disposal_approved", RECORD)], [("guard", 0)]),
    "another record's proposal approved": (
        [{**PROPOSED, "subject": OTHER}, APPROVED], [("guard", 1)],
    ),
    "approved under a hold": ([PROPOSED, HELD, APPROVED], [("guard", 2)]),
    "approved under a hold of the client": (
        [PROPOSED, {**HELD, "subject": HELD["client"]}, APPROVED], [("guard", 2)],
    ),
    "a hold released that was not set": ([an_event("hold_released", RECORD, refs=[an_id("evt", 9)])], [("guard", 0)]),
    "a hold released without naming it": ([HELD, an_event("hold_released", RECORD)], [("guard", 1)]),
    "a hold released twice": (
        [HELD, *[an_event("hold_released", RECORD, refs=[an_id("evt", 1)])] * 2], [("guard", 2)],
    ),
    "proposed by a service": ([an_event("disposal_proposed", RECORD, actor=SERVICE)], [("guard", 0)]),
    "approved by a service": ([PROPOSED, {**APPROVED, "actor": SERVICE}], [("guard", 1)]),
    "approved after it was refused": (
        [PROPOSED, an_event("disposal_refused", RECORD, refs=[an_id("evt", 1)]), APPROVED], [("guard", 2)],
    ),
    "refused without a proposal": ([an_event("disposal_refused", RECORD)], [("guard", 0)]),
    "disposed without approval": ([*LISTED[:2], {**DISPOSED, "auth_ref": an_id("evt", 2)}], [("guard", 2)]),
    "disposed by who proposed": ([*LISTED, {**DISPOSED, "actor": PROPOSED["actor"]}], [("guard", 3)]),
    "disposed by who approved": ([*LISTED, {**DISPOSED, "actor": APPROVED["actor"]}], [("guard", 3)]),
    "disposed by another record's approval": (
        [*LISTED, an_event("registered", OTHER, None, "accessioned"), {**DISPOSED, "subject": OTHER}],
        [("guard", 4)],
    ),
    "disposed under a hold": ([*LISTED, HELD, DISPOSED], [("guard", 4)]),
    "disposed under a hold of its batch": (
        [*LISTED, {**HELD, "subject": BATCH}, {**DISPOSED, "obj": {"within": [RECORD, BATCH]}}], [("guard", 4)],
    ),
    "disposed twice": ([*LISTED, DISPOSED, DISPOSED], [("state", 4), ("end", 4), ("guard", 4)]),
    "viewed after it was disposed of": ([*LISTED, DISPOSED, an_event("viewed", RECORD)], [("end", 4)]),
    "held after it was disposed of": ([*LISTED, DISPOSED, HELD], [("end", 4)]),
    "a key destroyed without approval": (
        [*KEPT_KEY, *LISTED_AFTER[:2], {**SHREDDED, "auth_ref": an_id("evt", 5)}], [("guard", 5)],
    ),
    "a key destroyed by who approved": (
        [*KEPT_KEY, *LISTED_AFTER, {**SHREDDED, "actor": APPROVED["actor"]}], [("guard", 6)],
    ),
    "a key destroyed under a hold of the record": ([*KEPT_KEY, *LISTED_AFTER, HELD, SHREDDED], [("guard", 7)]),
    "an original opened after its key was destroyed": (
        [*KEPT_KEY, *LISTED_AFTER, SHREDDED, an_event("exported", ORIGINAL)], [("end", 7)],
    ),
    "erased before its key was destroyed": (
        [*KEPT_KEY, an_event("erasure_effective", ORIGINAL, "shredded", "erased")], [("state", 3)],
    ),
    "a held field confirmed by one person": ([*HELD_OPEN, CONFIRMED], [("guard", 4)]),
    "a held field corrected by one person": (
        [*HELD_OPEN, an_event("field_corrected", RECORD, obj=IBAN)], [("guard", 4)],
    ),
    "a record released with a field held": ([*HELD_OPEN, RELEASED], [("guard", 4)]),
    "a record described out of review with a field held": (
        [*HELD_OPEN, an_event("described", RECORD, "in_review", "described", actor=SERVICE)], [("guard", 4)],
    ),
    "a record read again and described with a field held": (
        [*HELD_OPEN, an_event("read", RECORD, "in_review", "read"), an_event("described", RECORD, "read", "described")],
        [("guard", 5)],
    ),
    "an override agreed to by who proposed it": (
        [*HELD_OPEN, OVERRIDE, {**AGREED, "actor": OVERRIDE["actor"]}], [("guard", 5)],
    ),
    "an override agreed to by a service": ([*HELD_OPEN, OVERRIDE, {**AGREED, "actor": SERVICE}], [("guard", 5)]),
    "an override of nothing": ([*IN_REVIEW, an_event("override_proposed", RECORD, obj=IBAN)], [("guard", 3)]),
    "an override of another field": ([*HELD_OPEN, {**OVERRIDE, "obj": TOTAL}], [("guard", 4)]),
    "an override agreed to for another field": (
        [*HELD_OPEN, OVERRIDE, {**AGREED, "obj": TOTAL}], [("guard", 5)],
    ),
    "an override agreed to after it was refused": (
        [*HELD_OPEN, OVERRIDE, an_event("override_refused", RECORD, obj=IBAN, refs=[an_id("evt", 5)]), AGREED],
        [("guard", 6)],
    ),
    "keyed twice by one person": ([*IN_REVIEW, KEYED[0], {**KEYED[1], "actor": KEYED[0]["actor"]}], [("guard", 4)]),
    "keyed a third time": ([*IN_REVIEW, *KEYED, {**KEYED[0], "actor": SETTLED["actor"]}], [("guard", 5)]),
    "keyed differently and settled by one of the two": (
        [*IN_REVIEW, *KEYED, {**SETTLED, "actor": KEYED[0]["actor"]}], [("guard", 5)],
    ),
    "one keying settled": (
        [*IN_REVIEW, KEYED[0], {**SETTLED, "refs": [an_id("evt", 4)]}], [("guard", 4)],
    ),
    "corrected while its keyings are open": (
        [*IN_REVIEW, KEYED[0], an_event("field_corrected", RECORD, obj=TOTAL)], [("guard", 4)],
    ),
    "another's hold released": (
        [HELD, an_event("hold_released", OTHER, refs=[an_id("evt", 1)])], [("guard", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_rule_is_named_with_its_event(name: str) -> None:
    events, expected = BROKEN[name]
    assert of(*events) == expected


ALLOWED = {
    "clocks that differ a little": [
        an_event("viewed", RECORD), an_event("viewed", RECORD, ts="2026-11-22T01:38:37.000Z"),
    ],
    "approved by another person": [PROPOSED, APPROVED],
    "a hold that was released": [
        HELD, PROPOSED, an_event("hold_released", RECORD, refs=[an_id("evt", 1)]),
        {**APPROVED, "refs": [an_id("evt", 2)]},
    ],
    "one of two holds released, the other record free": [
        HELD, {**PROPOSED, "subject": OTHER}, {**APPROVED, "subject": OTHER, "refs": [an_id("evt", 2)]},
    ],
    "disposed of, to the end": [
        *KEPT_KEY, *LISTED_AFTER, SHREDDED, {**DISPOSED, "auth_ref": an_id("evt", 6)},
        an_event("object_removed", ORIGINAL, actor=SERVICE), an_event("access_denied", RECORD),
        an_event("erasure_effective", ORIGINAL, "shredded", "erased", actor=SERVICE),
    ],
    "proposed anew after it was refused": [
        PROPOSED, an_event("disposal_refused", RECORD, refs=[an_id("evt", 1)]), PROPOSED,
        {**APPROVED, "refs": [an_id("evt", 3)]},
    ],
    "disposed of after its batch was held and released": [
        *LISTED, {**HELD, "subject": BATCH},
        an_event("hold_released", BATCH, refs=[an_id("evt", 4)]), {**DISPOSED, "obj": {"within": [RECORD, BATCH]}},
    ],
    "a held field agreed to by two": [*HELD_OPEN, OVERRIDE, AGREED, CONFIRMED, RELEASED],
    "another field than the held one confirmed": [*HELD_OPEN, an_event("field_confirmed", RECORD, obj=TOTAL)],
    "each agrees to the other's override of another field": [
        *HELD_OPEN, OVERRIDE, {**CHECKED, "obj": TOTAL},
        {**OVERRIDE, "obj": TOTAL, "actor": AGREED["actor"], "refs": [an_id("evt", 6)]}, AGREED,
        {**AGREED, "obj": TOTAL, "actor": OVERRIDE["actor"], "refs": [an_id("evt", 6), an_id("evt", 7)]},
    ],
    "keyed the same and settled by the second": [
        *IN_REVIEW, KEYED[0], {**KEYED[1], "commit": A}, {**SETTLED, "actor": KEYED[1]["actor"]}, RELEASED,
    ],
    "keyed differently and settled by a third": [
        *IN_REVIEW, *KEYED, SETTLED, an_event("field_corrected", RECORD, actor="psn_3", obj=TOTAL), RELEASED,
    ],
    "denied after its end": [
        *a_life(1)[:2], an_event("abandoned", ORIGINAL, "sealed", "abandoned"), an_event("access_denied", ORIGINAL),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_holds(name: str) -> None:
    assert of(*ALLOWED[name]) == []


def test_only_the_held_one_of_two_records_is_held() -> None:
    released = [HELD, HELD, an_event("hold_released", RECORD, refs=[an_id("evt", 2)]), PROPOSED]
    assert of(*released, {**APPROVED, "refs": [an_id("evt", 4)]}) == [("guard", 4)]


def test_an_unreadable_leaf_keeps_its_place() -> None:
    leaves = many_lives(30)
    leaves[4] = b"{}"
    found = problems(leaves)
    assert ("leaf", 4) in found and {seq for _, seq in found} == {4, 5}  # the next of its subject has lost its chain


def test_leaves_in_another_order_are_named() -> None:
    leaves = many_lives(30)
    leaves[3], leaves[12] = leaves[12], leaves[3]
    assert {("seq", 3), ("seq", 12)} <= set(problems(leaves))


def test_guards_are_about_types_that_exist() -> None:
    assert {*OPENS, *CLOSES, *GUARDS} <= set(EVENT_TYPES)
    assert {name for names in CLOSES.values() for name in names} <= set(OPENS.values())


REFUSED = [
    name for name, (_, found) in BROKEN.items() if {kind for kind, _ in found} <= {"move", "state", "end", "guard"}
]


def write(services: Any, event: dict[str, Any]) -> None:
    actor = Actor(**event["actor"])
    more = {name: event[name] for name in ("obj", "commit", "detail", "auth_ref")}
    draft = Draft(
        event["id"], event["type"], event["subject"], actor, client=event["client"], before=event["from"],
        after=event["to"], refs=tuple(event["refs"]), **more,
    )  # fmt: skip
    with services.database.write() as connection:
        ledger.append(connection, draft, services.clock.now())


@pytest.mark.parametrize("name", REFUSED)
def test_the_writer_refuses_what_the_verifier_names(services: Any, name: str) -> None:
    events, found = BROKEN[name]
    written = placed(events)
    last = found[-1][1]
    for event in written[:last]:
        write(services, event)
    with pytest.raises(LifecycleError):
        write(services, written[last])


@pytest.mark.parametrize("name", [name for name in ALLOWED if "clocks" not in name])
def test_the_writer_writes_what_the_verifier_takes(services: Any, name: str) -> None:
    for event in placed(ALLOWED[name]):
        write(services, event)


def test_events_of_one_transaction_are_past_to_each_other(services: Any) -> None:
    proposed, approved = placed([PROPOSED, APPROVED])
    with services.database.write() as connection:
        past = LedgerPast(connection, ledger.size(connection))
        assert past.state(RECORD) is None and past.marks(RECORD, "proposal") == []
        past.take(proposed, "ab" * 32)
        assert past.head(RECORD) == "ab" * 32
        assert [mark.event for mark in past.marks(RECORD, "proposal")] == [proposed["id"]]
        assert past.mark(proposed["id"]) is not None
        past.take(placed([an_event("registered", RECORD, None, "accessioned")])[0], "cd" * 32)
        past.take(approved, "ef" * 32)
        assert past.state(RECORD) == "accessioned" and past.head(RECORD) == "ef" * 32


def test_time_in_the_ledger_never_runs_back(services: Any) -> None:
    class Clock:
        def now(self) -> Any:
            return ledger.parse_instant("2020-01-01T00:00:00.000Z")

    draft = Draft(services.ids.new("evt"), "viewed", RECORD, Actor("psn_1", "archivist", "os"))
    with services.database.write() as connection:
        newest = LedgerPast(connection, ledger.size(connection)).newest()
        entry = ledger.append(connection, draft, Clock().now())
    assert entry.event["ts"] == newest and entry.event["occurred"] == "2020-01-01T00:00:00.000Z"
    with services.database.write() as connection:
        assert ledger.append(connection, draft, Clock().now()) == entry
        with pytest.raises(CustodyError, match="taken"):
            ledger.append(connection, Draft(draft.id, "viewed", OTHER, draft.actor), Clock().now())
