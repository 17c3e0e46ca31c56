"""What two people must decide: changed bank details, identities, and keeping a value that a check contradicts.

A field so held has a `check_held` event; its reasons name it. The first person's decision is a proposal, the second's
agreement makes it a value; one who disagrees makes a proposal of his own. Who proposed never agrees to it: the writer,
the verifier (`records.rules`) and the database (checks on `reviews` and `review_proposals`) refuse it alike. Source:
reference of data verification, sections 2, 5 and 10; acceptance cases 5 and 26; docs/decisions/0015.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.ledger import Actor, Draft, append, commitment
from records.catalogue import open_reviews
from records.class_library import RecordClass
from records.errors import AccessDeniedError, InvalidValueError
from records.fields import Check, Field
from records.ids import Ids, instant
from records.review_codes import CASE_DIFFERS, KEYED
from records.review_tables import review_proposals
from records.tables import reviews
from records.text import Box

BANK = frozenset({"iban-changed", "iban-shared", "iban-invalid"})  # always two people, whatever they decide
OVERRIDES = frozenset(
    {"totals", "tax-id", "mrz", "xml", "duplicate", "party-conflict", "date-order", "addressee", CASE_DIFFERS}
)
# OVERRIDES: to keep the value; an addressee also where what was typed is still not the client


@dataclass(frozen=True, slots=True)
class Subject:
    """The record that is decided on, in whose transaction, by whom, and the salt of its commitments."""

    connection: Connection
    ids: Ids
    now: datetime
    record: str
    client: str
    actor: Actor
    salt: bytes


def hold_checks(subject: Subject, record_class: RecordClass) -> None:
    """Hold the open reasons of a record that two people must always decide on; those held already stay so."""
    waiting: dict[str, list[Row[Any]]] = {}
    for row in open_reviews(subject.connection, subject.record):
        spec = record_class.spec(row.field or "")
        if row.check_event is not None or spec is None or row.code in KEYED:
            continue
        if row.code in BANK or spec.mrz is not None:
            waiting.setdefault(spec.name, []).append(row)
    for rows in waiting.values():
        _hold(subject, rows)


def _hold(subject: Subject, rows: Sequence[Row[Any]]) -> None:
    event = subject.ids.new("evt")
    said = {"field": rows[0].field, "index": None, "codes": sorted({row.code for row in rows})}
    draft = Draft(
        event, "check_held", subject.record, subject.actor, client=subject.client, reason=rows[0].code, obj=said
    )
    append(subject.connection, draft, subject.now)
    held = update(reviews).where(reviews.c.id.in_([row.id for row in rows])).values(check_event=event)
    subject.connection.execute(held)


@dataclass(frozen=True, slots=True)
class Approval:
    """What allows a held field to be saved: the event of the second person's agreement, and who proposed it."""

    event: str
    proposer: str


@dataclass(slots=True)
class TwoPeople:
    """The held fields of one record, in the transaction of one person's decision."""

    subject: Subject
    refs: tuple[str, ...]

    def proposed(self, name: str) -> Field:
        """Return what another person proposed for a field, to agree to it.

        Raises:
            InvalidValueError: nothing is proposed.
        """
        row = self._proposal(name)
        if row is None:
            raise InvalidValueError(f"{name}: nothing is proposed that one could agree to")
        checks = tuple(Check(*check) for check in row.checks)
        box = None if row.box is None else Box(*row.box)
        return Field(name, row.value, "text", row.status, currency=row.currency, page=row.page, box=box, checks=checks)

    def held(self, found: Field) -> list[Row[Any]]:
        """Return the open reasons for which this decision on a field needs two people; they are held from now on."""
        rows = [row for row in open_reviews(self.subject.connection, self.subject.record) if row.field == found.name]
        contradicted = any(check.check == "addressee" and check.outcome == "hold" for check in found.checks)
        wanted = BANK | OVERRIDES if found.status == "confirmed" or contradicted else BANK
        fresh = [row for row in rows if row.check_event is None and row.code in wanted]
        if found.index is None and fresh:
            _hold(self.subject, fresh)
            rows = [
                row for row in open_reviews(self.subject.connection, self.subject.record) if row.field == found.name
            ]
        return [row for row in rows if row.check_event is not None]

    def decide(self, found: Field, rows: Sequence[Row[Any]]) -> Approval | None:
        """Agree to what another proposed, if this is the same; else propose it and return None.

        Raises:
            AccessDeniedError: the person would agree to what is his own proposal.
        """
        before = self._proposal(found.name)
        checks = tuple(dict.fromkeys(row.check_event for row in rows))
        if before is not None and before.proposed_by == self.subject.actor.id and _same(before, found):
            raise AccessDeniedError("who proposed a decision does not agree to it: another person must")
        if before is not None and before.proposed_by != self.subject.actor.id and _same(before, found):
            event = self._append("override_approved", found, (*checks, before.event))
            self._end(before, "approved")
            return Approval(event, before.proposed_by)
        if before is not None:
            self._append("override_refused", found, (before.event,))
            self._end(before, "refused")
        self._propose(found, checks)
        return None

    def _propose(self, found: Field, checks: tuple[str, ...]) -> None:
        event = self._append("override_proposed", found, checks)
        subject = self.subject
        subject.connection.execute(
            insert(review_proposals).values(
                record=subject.record, client=subject.client, field=found.name, status=found.status,
                value=found.value, currency=found.currency, page=found.page,
                box=None if found.box is None else list(found.box),
                checks=[[check.check, check.outcome, check.message, check.rule] for check in found.checks],
                proposed_by=subject.actor.id, proposed=instant(subject.now), event=event, state="open",
            )
        )  # fmt: skip
        proposer = update(reviews).where(reviews.c.check_event.in_(checks), reviews.c.settled.is_(None))
        subject.connection.execute(proposer.values(proposed_by=subject.actor.id))

    def _append(self, kind: str, found: Field, marks: tuple[str, ...]) -> str:
        subject, event = self.subject, self.subject.ids.new("evt")
        said = f"{found.status}\n{found.value or ''}\n{found.currency or ''}"
        draft = Draft(
            event, kind, subject.record, subject.actor, client=subject.client, refs=(*self.refs, *marks),
            obj={"field": found.name, "index": found.index}, commit=commitment(subject.salt, said.encode()),
        )  # fmt: skip
        append(subject.connection, draft, subject.now)
        return event

    def _end(self, proposal: Row[Any], state: str) -> None:
        values = {"state": state, "decided_by": self.subject.actor.id, "decided": instant(self.subject.now)}
        there = review_proposals.c.id == proposal.id
        self.subject.connection.execute(update(review_proposals).where(there).values(values))

    def _proposal(self, name: str) -> Row[Any] | None:
        return proposals_of(self.subject.connection, self.subject.record).get(name)


def proposals_of(connection: Connection, record: str) -> Mapping[str, Row[Any]]:
    """Return the open proposals of a record, by field."""
    query = select(review_proposals).where(review_proposals.c.record == record, review_proposals.c.state == "open")
    return {row.field: row for row in connection.execute(query.order_by(review_proposals.c.id))}


def with_place(found: Field, old: Field) -> Field:
    """Return what was agreed to, on the evidence of the field that it replaces."""
    box, page = (found.box, found.page) if found.page is not None else (old.box, old.page)
    method = old.method if found.status == "confirmed" else "person"
    confidence = old.confidence if found.status == "confirmed" else 1.0
    return replace(
        old, value=found.value, status=found.status, currency=found.currency, page=page, box=box,
        checks=found.checks, method=method, confidence=confidence,
    )  # fmt: skip


def _same(proposal: Row[Any], found: Field) -> bool:
    wanted = (proposal.value, proposal.currency, proposal.status == "rejected")
    return wanted == (found.value, found.currency, found.status == "rejected")
