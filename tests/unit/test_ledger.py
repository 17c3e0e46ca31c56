"""The event table: gapless, chained, canonical, append-only, and every change to it is named."""

import json
import threading
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from custody import ledger
from custody.findings import Report
from custody.ledger import Actor, Draft
from custody.ledger_check import replay
from custody.opening import merkle_root
from records.errors import CustodyError, LifecycleError

ACTOR = Actor("psn_1", "operator", "os")
RECORD, CLIENT, ORIGINAL, EVENT = (f"{kind}_{1:032x}" for kind in ("rec", "cli", "ori", "evt"))
OTHER = f"rec_{2:032x}"


def add(services: Any, kind: str = "viewed", subject: str = RECORD, **more: Any) -> ledger.Entry:
    draft = Draft(more.pop("id", None) or services.ids.new("evt"), kind, subject, ACTOR, **more)
    with services.database.write() as connection:
        return ledger.append(connection, draft, services.clock.now())


def problems(services: Any) -> list[str]:
    report = Report()
    with services.database.read() as connection, report.step("ledger") as step:
        replay(connection, step)
    return [problem.kind for problem in report.problems]


def test_seq_is_the_index_and_prev_chains_the_subject(services: Any) -> None:
    first, other, second = add(services), add(services, subject=OTHER), add(services)
    assert (other.seq, second.seq) == (first.seq + 1, first.seq + 2)
    assert second.event["prev"] == first.leaf_hash and other.event["prev"] is None
    assert problems(services) == []


def test_the_leaf_is_canonical_json_with_every_key(services: Any) -> None:
    entry = add(services, client=CLIENT, reason="audit", obj={"size": 3, "key": "ñ"})
    event = json.loads(entry.leaf)
    assert list(event) == sorted(event) and b": " not in entry.leaf and "ñ".encode() in entry.leaf
    assert set(event) == {
        "v", "id", "seq", "ts", "type", "subject", "prev", "from", "to", "actor", "on_behalf", "reason", "auth_ref",
        "obj", "commit", "detail", "client", "occurred", "place", "holder", "due", "refs", "sw",
    }  # fmt: skip
    assert ledger.leaf_hash(entry.leaf) == entry.leaf_hash


def test_the_same_event_twice_is_one(services: Any) -> None:
    first = add(services, id=EVENT)
    assert add(services, id=EVENT) == first
    assert problems(services) == []


def test_an_id_taken_by_another_event_is_an_error_and_leaves_no_gap(services: Any) -> None:
    add(services, id=EVENT)
    with pytest.raises(CustodyError, match="taken"):
        add(services, id=EVENT, reason="other")
    add(services)
    assert problems(services) == []


@pytest.mark.parametrize("obj", [{"x": 1.5}, {"x": [{"y": 0.1}]}, {"x": "a" * 17_000}])
def test_floats_and_long_leaves_are_refused(services: Any, obj: dict[str, Any]) -> None:
    with pytest.raises(CustodyError):
        add(services, obj=obj)
    assert problems(services) == []


def drafts_of(services: Any, *subjects: str) -> list[Draft]:
    return [Draft(services.ids.new("evt"), "viewed", subject, ACTOR) for subject in subjects]


def add_many(services: Any, drafts: list[Draft]) -> list[ledger.Entry]:
    with services.database.write() as connection:
        return ledger.append_many(connection, drafts, services.clock.now())


def test_a_batch_is_the_same_events_one_after_another(services: Any) -> None:
    before = add(services, subject=OTHER)
    batch = drafts_of(services, RECORD, OTHER, RECORD, f"rec_{3:032x}", RECORD)
    entries = add_many(services, batch)
    assert [entry.seq for entry in entries] == list(range(before.seq + 1, before.seq + 6))
    assert [entry.id for entry in entries] == [draft.id for draft in batch]
    previous = [entry.event["prev"] for entry in entries]
    assert previous == [None, before.leaf_hash, entries[0].leaf_hash, None, entries[2].leaf_hash]
    assert add(services).seq == entries[-1].seq + 1
    assert problems(services) == []


def test_what_a_batch_repeats_is_one_event_and_leaves_no_gap(services: Any) -> None:
    there = add(services, id=EVENT)
    first, second = drafts_of(services, RECORD, RECORD)
    again = Draft(EVENT, "viewed", RECORD, ACTOR)
    entries = add_many(services, [first, again, first, second])
    assert entries[1] == there and entries[0] == entries[2]
    assert (entries[0].seq, entries[3].seq) == (there.seq + 1, there.seq + 2)
    assert entries[3].event["prev"] == entries[0].leaf_hash
    assert add_many(services, [first, second]) == [entries[0], entries[3]]  # nothing new at all
    assert add_many(services, []) == []
    assert problems(services) == []


def test_a_batch_with_one_wrong_event_leaves_nothing(services: Any) -> None:
    add(services, id=EVENT)
    first, second = drafts_of(services, RECORD, OTHER)
    wrong = [
        Draft(EVENT, "viewed", f"rec_{9:032x}", ACTOR), Draft(first.id, "viewed", f"rec_{9:032x}", ACTOR),
        Draft(f"evt_{2:032x}", "stored", ORIGINAL, ACTOR, after="stored"),
        Draft(f"evt_{2:032x}", "viewed", RECORD, ACTOR, obj={"x": 0.5}),
    ]  # fmt: skip
    for draft in wrong:
        with pytest.raises(CustodyError):
            add_many(services, [first, draft, second])
    with services.database.read() as connection:
        assert ledger.find(connection, first.id) is None and ledger.find(connection, second.id) is None
    assert problems(services) == []


def test_a_large_batch_of_many_subjects_is_whole(services: Any) -> None:
    subjects = [f"rec_{number:032x}" for number in range(1200)]
    entries = add_many(services, drafts_of(services, *subjects)) + add_many(services, drafts_of(services, *subjects))
    assert [entry.event["prev"] for entry in entries[1200:]] == [entry.leaf_hash for entry in entries[:1200]]
    assert problems(services) == []


def test_an_illegal_move_is_refused(services: Any) -> None:
    with pytest.raises(LifecycleError):
        add(services, "stored", ORIGINAL, before=None, after="stored")


def test_many_writers_leave_no_gap(services: Any) -> None:
    threads = [threading.Thread(target=lambda: [add(services) for _ in range(20)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with services.database.read() as connection:
        seqs = [entry.seq for entry in ledger.entries(connection)]
    assert seqs == list(range(len(seqs))) and len(seqs) >= 120
    assert problems(services) == []


@pytest.mark.parametrize("act", ["UPDATE events SET type = 'exported'", "DELETE FROM events"])
def test_the_table_refuses_change(services: Any, act: str) -> None:
    add(services)
    with pytest.raises(IntegrityError), services.database.write() as connection:
        connection.execute(text(act))


TAMPERING = {
    "leaf changed": (
        "UPDATE events SET leaf = CAST(replace(leaf, 'viewed', 'vieweD') AS BLOB) WHERE seq = :seq", "leaf-hash",
    ),
    "leaf made text": ("UPDATE events SET leaf = CAST(leaf AS TEXT) WHERE seq = :seq", "leaf"),
    "leaf and hash changed": (
        "UPDATE events SET leaf = CAST('{}' AS BLOB), leaf_hash = 'x' WHERE seq = :seq", "leaf",
    ),
    "column changed": ("UPDATE events SET type = 'exported' WHERE seq = :seq", "column"),
    "subject changed": ("UPDATE events SET subject = 'rec_9' WHERE seq = :seq", "column"),
    "row removed": ("DELETE FROM events WHERE seq = :seq", "gap"),
    "last row removed": ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "length"),
    "head turned back": ("UPDATE ledger_head SET size = size - 1", "length"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_named(services: Any, name: str) -> None:
    entry = add(services)
    add(services)
    statement, kind = TAMPERING[name]
    with services.database.write() as connection:
        for trigger in ("events_no_update", "events_no_delete"):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(statement), {"seq": entry.seq} if ":seq" in statement else {})
    assert kind in problems(services)


def test_every_single_byte_of_a_leaf_counts(services: Any) -> None:
    entry = add(services, "sealed", ORIGINAL, after="sealed", reason="x")
    with services.database.write() as connection:
        connection.execute(text("DROP TRIGGER events_no_update"))
    unseen = []
    for place in range(len(entry.leaf)):
        changed = bytearray(entry.leaf)
        changed[place] ^= 1
        with services.database.write() as connection:
            connection.execute(
                text("UPDATE events SET leaf = :l WHERE seq = :s"), {"l": bytes(changed), "s": entry.seq}
            )
        if not problems(services):
            unseen.append(place)
    assert unseen == []


def test_merkle_root_is_that_of_rfc_6962() -> None:
    import hashlib

    def leaf(data: bytes) -> bytes:
        return hashlib.sha256(b"\x00" + data).digest()

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    assert merkle_root([]) == hashlib.sha256(b"").hexdigest()
    assert merkle_root([b"a"]) == leaf(b"a").hex()
    assert merkle_root([b"a", b"b", b"c"]) == node(node(leaf(b"a"), leaf(b"b")), leaf(b"c")).hex()
