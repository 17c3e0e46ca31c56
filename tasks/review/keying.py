"""Blind double keying: two people key a field, each unseen by the other; where they differ a third decides.

A keying is a row, an event with a salted commitment to what was keyed, and a mark in the ledger that keeps the field
and the record where they are. Two that say the same settle the field at once, by the second person's hand; else it
waits for a person who made neither. Nobody takes two of the three parts: the writer and the verifier of the ledger
refuse it (`records.rules`), and so does the key of `review_keyings`. What is settled on is then checked, and saved or
proposed, as any other decision. Source: reference of data verification, section 10; acceptance case 25;
docs/decisions/0016.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from custody.ledger import Actor, Draft, append, commitment
from records.catalogue import current_fields, field_of, record_row
from records.errors import AccessDeniedError, InvalidValueError
from records.fields import Field
from records.ids import RecordId
from records.review_codes import DOUBLE_KEY, KEYED, KEYING_DIFFERS
from records.review_tables import review_keyings
from records.tables import records, reviews
from tasks.ingest import bring_up_to_date
from tasks.review.corrections import Corrections, KeyingReceipt
from tasks.review.deciding import DONE, ILLEGIBLE, MOVED, WRITTEN, Decision, check_state
from tasks.review.denials import denials
from tasks.review.queue import let_go, now_of, require_free
from tasks.review.seeing import Rival, Step
from tasks.services import Services
from tasks.typed_values import check_typed

_logger = logging.getLogger(__name__)
THIRD = 3


def to_key(services: Services, record: str, person: str) -> list[Step]:
    """Return the fields that a person (a pseudonym) may key blind: where each stands, and no value of anybody."""
    with services.database.read() as connection:
        waiting, made = _waiting(connection, record), _open_keyings(connection, record)
        places = {row.name: field_of(row) for row in current_fields(connection, record)}
    names = [
        name for name, codes in waiting.items()
        if KEYING_DIFFERS not in codes and all(one.keyed_by != person for one in made.get(name, ()))
    ]  # fmt: skip
    return [_blind_step(name, places.get(name)) for name in names]


def to_settle(services: Services, record: str, actor: Actor) -> list[Step]:
    """Return the fields that two have keyed differently, with what each of them keyed, for a third to decide.

    Raises:
        AccessDeniedError: the person keyed one of them; the denial is in the ledger.
    """
    with denials(services, record, actor), services.database.read() as connection:
        waiting, made = _waiting(connection, record), _open_keyings(connection, record)
        places = {row.name: field_of(row) for row in current_fields(connection, record)}
        found = []
        for name in [name for name, codes in waiting.items() if KEYING_DIFFERS in codes]:
            _require_third(made[name], actor)
            step = _blind_step(name, places.get(name))
            rivals = tuple(Rival(one.value or "", 0.0, one.currency) for one in made[name] if one.status != "illegible")
            said = " / ".join(one.status if one.value is None else f"{one.value} {one.currency or ''}".rstrip()
                              for one in made[name])  # fmt: skip
            found.append(replace(step, reasons=((KEYING_DIFFERS, said),), rivals=rivals))
    return found


def progress_of(connection: Connection, record: str, person: str) -> list[dict[str, Any]]:
    """Return for each field that is keyed blind how often it was, whether by this person, and whether it differs."""
    made = _open_keyings(connection, record)
    return [
        {
            "field": name, "keyed": len(made.get(name, ())), "differs": KEYING_DIFFERS in codes,
            "own": any(one.keyed_by == person for one in made.get(name, ())),
        }
        for name, codes in _waiting(connection, record).items()
    ]  # fmt: skip


def key(
    services: Services, record: RecordId, asked: Corrections, actor: Actor, token: int | None = None
) -> KeyingReceipt:
    """Save what a person keyed blind, in one transaction; a field that two have keyed alike is settled in it.

    The caller has asked `custody.access` for `review`. `token` is that of the lock under which it was keyed.

    Raises:
        AccessDeniedError: the person keyed a field already; the denial is in the ledger.
        ReviewTakenError: another person works on the record, or took it since the lock ended. Nothing was changed.
        InvalidValueError: a field is not keyed by two people, was keyed by two, or a value has not its form or cannot
            be true. Nothing was changed.
    """
    _require_values(asked)
    with denials(services, record, actor), _deciding(services, record, asked, actor, token) as round_:
        same = [round_.key(found) for found in round_.decision.read()]
        round_.decision.save([found for found in same if found is not None])
    return _end(services, record, round_)


def settle(
    services: Services, record: RecordId, asked: Corrections, actor: Actor, token: int | None = None
) -> KeyingReceipt:
    """Decide as a third person what fields are that two keyed differently; as `key` otherwise.

    Raises:
        AccessDeniedError: the person keyed a field; the denial is in the ledger.
        ReviewTakenError, InvalidValueError: as `key`; also where two people have not keyed it differently.
    """
    _require_values(asked)
    with denials(services, record, actor), _deciding(services, record, asked, actor, token) as round_:
        round_.decision.save([round_.decide(found) for found in round_.decision.read()])
    return _end(services, record, round_)


@dataclass(slots=True)
class _Round:
    """What one person keys or decides on one record, in the transaction of `decision`."""

    decision: Decision
    made: Mapping[str, list[Row[Any]]]
    waiting: Mapping[str, set[str]]
    keyed: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    state: str = ""
    still: int = 0

    def key(self, found: Field) -> Field | None:
        """Save a keying; return the field as it is to be where this is the second and says the same, else None."""
        made = self.made.get(found.name, [])
        if found.name not in self.waiting:
            raise InvalidValueError(f"{found.name} is not keyed by two people, or that is settled")
        if any(one.keyed_by == self.decision.actor.id for one in made):
            raise AccessDeniedError("who keyed a field does not key it again: another person must")
        if len(made) == 2:
            raise InvalidValueError(f"two people have keyed {found.name}: a third decides, with 'review key settle'")
        self._require_possible(found)
        event = self._append("field_keyed", found, ())
        self._insert(found, len(made) + 1, event)
        self.keyed.append(found.name)
        if not made:
            self._hold(found.name, event)
            return None
        (first,) = made
        if _same(first, found):
            return self._settle(found, [first.event, event])
        self._say_differs(found.name, first)
        return None

    def decide(self, found: Field) -> Field:
        """Settle a field that two have keyed differently; return it as it is to be."""
        made = self.made.get(found.name, [])
        if KEYING_DIFFERS not in self.waiting.get(found.name, ()):
            raise InvalidValueError(f"{found.name} was not keyed differently by two people")
        _require_third(made, self.decision.actor)
        return self._settle(found, [one.event for one in made])

    def _settle(self, found: Field, keyings: Sequence[str]) -> Field:
        decision, now = self.decision, self.decision.now()
        made = self.made.get(found.name, [])
        event = self._append("keying_settled", found, keyings)
        if len(made) == 2:
            self._insert(found, THIRD, event, settled=True)
        here = (review_keyings.c.record == decision.row.id) & (review_keyings.c.field == found.name)
        right = or_(review_keyings.c.turn == THIRD, review_keyings.c.event.in_(
            [one.event for one in made if _same(one, found)] if len(made) == 2 else keyings
        ))  # fmt: skip
        decision.connection.execute(
            update(review_keyings).where(here, review_keyings.c.settled.is_(None)).values(settled=now, right=right)
        )
        reasons = (reviews.c.record == decision.row.id) & (reviews.c.field == found.name) & reviews.c.code.in_(KEYED)
        settled = {"settled": now, "settled_by": decision.actor.id}
        decision.connection.execute(update(reviews).where(reasons, reviews.c.settled.is_(None)).values(settled))
        self.settled.append(found.name)
        return self._as_read(found)

    def _as_read(self, found: Field) -> Field:
        """Return what was settled on as a confirmation where the machine had said the same."""
        old = next((field_of(row) for row in current_fields(self.decision.connection, self.decision.row.id)
                    if row.name == found.name), None)  # fmt: skip
        if old is None or _status(found) == "illegible" or (old.value, old.currency) != (found.value, found.currency):
            return found
        return replace(old, status="confirmed")

    def _require_possible(self, found: Field) -> None:
        """Make sure that a value can be true by itself; whether it fits the others is asked when it is settled."""
        record_class = self.decision.record_class()
        if found.value is not None and record_class.spec(found.name) is not None:
            check_typed(record_class, found.name, {found.name: found.value}, self.decision.services.clock.now().date())

    def _append(self, kind: str, found: Field, marks: Sequence[str]) -> str:
        decision, event = self.decision, self.decision.services.ids.new("evt")
        said = f"{found.name}\n{_status(found)}\n{found.value or ''}\n{found.currency or ''}"
        draft = Draft(
            event, kind, decision.row.id, decision.actor, client=decision.row.client, refs=(*decision.refs, *marks),
            obj={"field": found.name, "index": None}, commit=commitment(decision.salt, said.encode()),
        )  # fmt: skip
        append(decision.connection, draft, decision.services.clock.now())
        return event

    def _insert(self, found: Field, turn: int, event: str, *, settled: bool = False) -> None:
        decision, now, table = self.decision, self.decision.now(), review_keyings
        ended = select(func.coalesce(func.max(table.c.round), 0)).where(
            table.c.record == decision.row.id, table.c.field == found.name, table.c.settled.is_not(None)
        )
        decision.connection.execute(
            insert(table).values(
                record=decision.row.id, client=decision.row.client, field=found.name,
                round=decision.connection.execute(ended).scalar_one() + 1, turn=turn, status=_status(found),
                value=found.value, currency=found.currency, keyed_by=decision.actor.id, keyed=now, event=event,
                settled=now if settled else None, right=True if settled else None,
            )
        )  # fmt: skip

    def _hold(self, name: str, event: str) -> None:
        """Keep the reason open until another person has settled it, whatever is described meanwhile."""
        decision = self.decision
        there = (reviews.c.record == decision.row.id) & (reviews.c.field == name) & (reviews.c.code == DOUBLE_KEY)
        held = {"check_event": event, "proposed_by": decision.actor.id}
        decision.connection.execute(update(reviews).where(there, reviews.c.settled.is_(None)).values(held))

    def _say_differs(self, name: str, first: Row[Any]) -> None:
        decision = self.decision
        decision.connection.execute(
            insert(reviews).values(
                record=decision.row.id, client=decision.row.client, code=KEYING_DIFFERS, field=name, message="",
                since=decision.now(), check_event=first.event, proposed_by=first.keyed_by,
            )
        )  # fmt: skip
        self.differ.append(name)


@contextmanager
def _deciding(
    services: Services, record: str, asked: Corrections, actor: Actor, token: int | None
) -> Iterator[_Round]:  # fmt: skip
    """Begin a decision on a record that is locked, and end it: state, lock and index entry follow from what is open."""
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        check_state(row)
        require_free(connection, record, services.person.id, token, now_of(connection, services.clock))
        decision = Decision(services, connection, row, asked, actor)
        decision.begin()
        if row.detail_salt is None:  # two who key alike are known by their commitments: under one salt
            connection.execute(update(records).where(records.c.id == record).values(detail_salt=decision.salt))
        round_ = _Round(decision, _open_keyings(connection, record), _waiting(connection, record))
        yield round_
        services.vault.reached(WRITTEN)
        round_.state, round_.still = decision.end()
        let_go(connection, record)
        services.vault.reached(MOVED)
    services.vault.reached(DONE)


def _end(services: Services, record: RecordId, round_: _Round) -> KeyingReceipt:
    _logger.info(
        "keyed record %s: %d fields, %d settled, %d differ", record, len(round_.keyed), len(round_.settled),
        len(round_.differ),
    )  # fmt: skip
    indexed = bring_up_to_date(services) if round_.settled else True
    with services.database.read() as connection:
        state = record_row(connection, record).state
    return KeyingReceipt(
        record, state, round_.still, indexed, tuple(round_.keyed), tuple(round_.settled), tuple(round_.differ)
    )


def _waiting(connection: Connection, record: str) -> dict[str, set[str]]:
    """Return the fields that wait to be keyed or settled, with the codes of their open reasons, in their order."""
    query = select(reviews.c.field, reviews.c.code).where(
        reviews.c.record == record, reviews.c.settled.is_(None), reviews.c.code.in_(KEYED)
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query.order_by(reviews.c.id)):
        found.setdefault(row.field, set()).add(row.code)
    return found


def _open_keyings(connection: Connection, record: str) -> dict[str, list[Row[Any]]]:
    """Return what was keyed and is not settled, by field, the first turn first."""
    table = review_keyings.c
    query = select(review_keyings).where(table.record == record, table.settled.is_(None))
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(table.field, table.turn)):
        found.setdefault(row.field, []).append(row)
    return found


def _blind_step(name: str, place: Field | None) -> Step:
    page, box = (None, None) if place is None else (place.page, place.box)
    return Step(name, None, None, None, 0.0, "review", ((DOUBLE_KEY, ""),), page=page, box=box)


def _require_third(made: Sequence[Row[Any]], actor: Actor) -> None:
    if any(one.keyed_by == actor.id for one in made):
        raise AccessDeniedError("who keyed a field does not decide between what was keyed: a third person must")


def _require_values(asked: Corrections) -> None:
    if not asked.changes:
        raise InvalidValueError("nothing is keyed: name a field with --set NAME=VALUE or --illegible NAME")
    if any(change.agree or (change.typed is None and not change.illegible) for change in asked.changes):
        raise InvalidValueError("what is keyed blind is typed, or said to be illegible")


def _status(found: Field) -> str:
    if ILLEGIBLE in found.checks:
        return "illegible"
    return "absent" if found.value is None else "value"


def _same(keyed: Row[Any], found: Field) -> bool:
    return (keyed.status, keyed.value, keyed.currency) == (_status(found), found.value, found.currency)
