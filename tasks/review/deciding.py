"""A person decides what the checks could not; every decision is a revision, an event and an index change.

`look` records the view before anything is shown, `correct` decides. One transaction holds a
decision whole: new revisions of fields, their events (each with a salted commitment to all fields after it), settled
reasons, the state and the outbox row (design, section 2, rules 3, 4 and 6). Words of the reason stay in the database,
bound to the `viewed` event that every decision begins with.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from custody.keys import new_salt
from custody.ledger import Actor, Draft, Entry, append
from custody.opening import Act, record_act
from records.catalogue import (
    SETTLED,
    add_review,
    add_revision,
    current_fields,
    field_of,
    open_reviews,
    record_row,
    replace_fields,
    replace_reviews,
)
from records.check_rules import ruled
from records.class_library import FieldSpec, RecordClass
from records.errors import InvalidValueError
from records.fields import Check, Description, Field, ReviewReason
from records.ids import RecordId, instant
from records.parties import ADDRESSEE, Party, check_addressee
from records.tables import fields, records, reviews
from records.text import read_embedded
from tasks.addressee import addressed, client_party
from tasks.answers import client_name
from tasks.asked_outside import asked_outside
from tasks.describe import FIRST_PAGES, LAST_PAGES, describe
from tasks.ingest import bring_up_to_date
from tasks.record_describing import DECIDED, DESCRIBED, fields_commitment
from tasks.record_reading import put_in_outbox
from tasks.relations import relate
from tasks.review.corrections import Change, CorrectionReceipt, Corrections, currency_of, spec_of
from tasks.review.denials import denials
from tasks.review.double_keys import asked_twice, refuse_blind
from tasks.review.overriding import BANK, Approval, Subject, TwoPeople, hold_checks, proposals_of, with_place
from tasks.review.queue import let_go, now_of, require_free
from tasks.review.seeing import CLASS
from tasks.services import Services
from tasks.typed_values import check_typed, read_typed
from tasks.words import borrowed, ends_of

_logger = logging.getLogger(__name__)
WRITTEN, MOVED, DONE = 84, 85, 86  # where a test may kill the process: events and fields, state, after the commit
ILLEGIBLE = Check("legible", "warn", "a person could not read it")


def look(services: Services, record: str, actor: Actor) -> Entry:
    """Record that a person is shown a record in review; the caller has asked `custody.access`."""
    with services.database.write() as connection:
        client = record_row(connection, record).client
        return record_act(services.vault, connection, Act("viewed", actor), record, client)


def correct(
    services: Services, record: RecordId, asked: Corrections, actor: Actor, token: int | None = None
) -> CorrectionReceipt:
    """Decide on a record in one transaction, then bring the index up to date.

    The caller has asked `custody.access` for `review`. Correcting a record that is described or indexed already is
    allowed; it is described again. `token` is that of the lock under which it was decided, if there is one.

    Raises:
        AccessDeniedError: who proposed a decision would agree to it; the denial is in the ledger.
        ReviewTakenError: another person works on the record, or took it since the lock ended. Nothing was changed.
        InvalidValueError: nothing is asked, a field or class is unknown, a value has not its form or cannot be true,
            or the record is not described yet. Nothing was changed.
    """
    if not asked.changes and asked.record_class is None and not asked.keep_class:
        raise InvalidValueError("nothing is decided: name a field with --set NAME=VALUE or --keep NAME")
    with services.database.read() as connection:
        row = record_row(connection, record)
        check_state(row)
        client = client_name(connection, row.client)
    _ask_ahead(services, client, asked.record_class or row.record_class, asked)
    described = None if asked.record_class is None else _describe_as(services, record, asked.record_class)
    with denials(services, record, actor):
        state, still = _decide(services, record, asked, actor, token, described)
    _logger.info("corrected record %s: %s, %d reasons open", record, state, still)
    indexed = bring_up_to_date(services)
    with services.database.read() as connection:
        state = record_row(connection, record).state
        named = {change.name for change in asked.changes}
        waiting = tuple(name for name in proposals_of(connection, record) if name in named)
    return CorrectionReceipt(record, state, still, indexed, waiting)


def _decide(
    services: Services, record: str, asked: Corrections, actor: Actor, token: int | None,
    described: Description | None,
) -> tuple[str, int]:  # fmt: skip
    """Decide in one transaction; return the record's state after it, and how many reasons are still open."""
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        check_state(row)
        now = now_of(connection, services.clock)
        require_free(connection, record, services.person.id, token, now)
        decision = Decision(services, connection, row, asked, actor)
        decision.begin()
        decision.settle_class(described)
        decision.settle_fields()
        services.vault.reached(WRITTEN)
        state, still = decision.end()
        if not still:
            let_go(connection, record)
        services.vault.reached(MOVED)
    services.vault.reached(DONE)
    return state, still


def check_state(row: Row[Any]) -> None:
    """Make sure that a record has fields to decide on.

    Raises:
        InvalidValueError: it is not described yet.
    """
    if row.state not in DESCRIBED:
        raise InvalidValueError(f"this record is {row.state}: it has no fields to decide on yet")


def _ask_ahead(services: Services, client: str, name: str, asked: Corrections) -> None:
    """Ask for the known parties that the transaction will want: it may wait, and the answer is remembered."""
    key = services.library.classes[name].duplicate_key if name in services.library.classes else None
    if key is not None and (asked.record_class is not None or key.iban in {change.name for change in asked.changes}):
        services.parties(client)


def _describe_as(services: Services, record: str, name: str) -> Description:
    """Describe a record as one of the class that a person named."""
    if name not in services.library.classes:
        raise InvalidValueError(f"class: one of {', '.join(sorted(services.library.classes))}")
    with borrowed(services, [record]) as words:
        pages, _ = ends_of(words[record], FIRST_PAGES, LAST_PAGES)
        embedded = read_embedded(words[record])
    found = describe(pages, services.library, services.clock.now().date(), name, embedded=embedded)
    with services.database.read() as connection:
        client = client_name(connection, record_row(connection, record).client)
    found = asked_outside(services, client, services.library.get(name), found, embedded)
    return replace(found, class_evidence=(DECIDED, *found.class_evidence))


@dataclass(slots=True)
class Decision:
    """One decision under way, in one transaction: `begin`, then what is settled or saved, then `end`."""

    services: Services
    connection: Connection
    row: Row[Any]
    asked: Corrections
    actor: Actor
    state: str = ""
    seq: int = 0
    moved: bool = False  # True once an event has moved the record's state
    salt: bytes = b""
    refs: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)  # columns of the record to be written

    def begin(self) -> None:
        """Record the view that the decision rests on, with the words of the reason."""
        self.state = self.row.state
        self.salt = self.row.detail_salt or new_salt()
        act = Act("viewed", self.actor, self.asked.reason, self.asked.words)
        self.refs = (record_act(self.services.vault, self.connection, act, self.row.id, self.row.client).id,)

    def settle_class(self, described: Description | None) -> None:
        """Take a class that was named, with all its fields, or confirm the one there is; settle what asked for it."""
        if described is None and not self.asked.keep_class:
            return
        self._settle_reasons(None)
        if described is None:
            evidence = [word for word in self.row.class_evidence or [] if word != DECIDED]
            self.values["class_evidence"] = [DECIDED, *evidence]
            self._append(self._event(), "field_confirmed", {"field": CLASS})
            return
        event, record_class = self._event(), self.services.library.get(described.record_class)
        described = relate(
            self.connection, self.row.id, self.row.client, record_class, described, self._registry(record_class)
        )
        described = addressed(self.connection, self.row.client, record_class, described)
        described = asked_twice(record_class, described)
        names = {found.name for found in described.fields}
        here = fields.c.record == self.row.id
        gone = update(fields).where(here, fields.c.name.not_in(names)).values(current=False)
        self.connection.execute(gone)
        replace_fields(
            self.connection, self.row.id, self.row.client, [ruled(one, record_class) for one in described.fields], event
        )
        settled = {row.name for row in self._current() if row.status in SETTLED}
        reasons = [reason for reason in described.review if reason.field is not None and reason.field not in settled]
        replace_reviews(self.connection, self.row.id, self.row.client, reasons, self.now())
        self.values.update(
            record_class=described.record_class, class_version=described.class_version,
            class_confidence=described.class_confidence, class_evidence=list(described.class_evidence),
        )  # fmt: skip
        after = "in_review" if open_reviews(self.connection, self.row.id) else "described"
        self._append(event, "described", {"class": described.record_class}, after)
        hold_checks(self._two().subject, self.record_class())

    def settle_fields(self) -> None:
        """Save each value that was typed or kept as a revision of its own, with its event.

        Raises:
            InvalidValueError: two people are to key one of the fields.
        """
        refuse_blind(self.connection, self.row.id, [change.name for change in self.asked.changes])
        self.save(self.read())

    def save(self, decided: Sequence[Field]) -> None:
        """Check fields as they are to be with all others, and save them, or propose them where two people decide."""
        record_class, before = self.record_class(), self._before()
        typed = sorted(decided, key=lambda found: found.name == "currency")
        values = {old.name: old.value for old in before.values() if old.value is not None and old.index is None}
        for found in typed:
            values.pop(found.name, None)
            if found.value is not None and found.index is None:
                values[found.name] = found.value
        today, two = self.services.clock.now().date(), self._two()
        for found in typed:
            if found.status == "corrected" and record_class.spec(found.name) is not None:
                found = replace(found, checks=check_typed(record_class, found.name, values, today))
            if found.status == "corrected":
                self._compare_account(record_class, found)
                found = self._compare_addressee(record_class, found, values)
            found = ruled(found, record_class)
            rows = two.held(found)
            approval = two.decide(found, rows) if rows else None
            if rows and approval is None:
                continue
            event = self._save(found, approval)
            if found.name == "currency" and found.status == "corrected":
                self._pass_on_currency(found.value, before, event)

    def end(self) -> tuple[str, int]:
        """Move the record to where the decision leaves it, and ask for its index entry; return state, open reasons."""
        still = len(open_reviews(self.connection, self.row.id))
        if not self.seq:  # all of it was proposed: no value has changed
            return self.state, still
        if self.state == "in_review" and not still:
            self._append(self._event(), "review_released", None, "described")
        elif not self.moved and self.state != "in_review":
            self._append(self._event(), "described", None, "in_review" if still else "described")
        self.connection.execute(
            update(records)
            .where(records.c.id == self.row.id)
            .values(state=self.state, version=self.seq, detail_salt=self.salt, **self.values)
        )
        put_in_outbox(self.connection, self.row.id, self.row.client, self.seq, self.now())
        return self.state, still

    def read(self) -> list[Field]:
        """Return the fields as they are asked to be: typed values normalised, kept ones confirmed."""
        found, record_class, before = [], self.record_class(), self._before()
        for change in self.asked.changes:
            spec = self._spec(record_class, change)
            position = -1 if change.index is None else change.index
            old = before.get((change.name, position), Field(spec.name, None, spec.type, "missing", change.index))
            if change.agree:
                found.append(with_place(self._two().proposed(change.name), old))
            elif change.illegible:
                gone = replace(old, value=None, status="rejected", method="person", confidence=1.0)
                found.append(replace(gone, checks=(ILLEGIBLE,)))
            elif change.typed is None:
                found.append(replace(old, status="confirmed"))
            elif not change.typed.strip():
                found.append(replace(old, value=None, status="rejected", checks=(), method="person", confidence=1.0))
            else:
                value, currency = read_typed(spec, change.typed, self.asked.order)
                found.append(
                    replace(
                        old, value=value, status="corrected", method="person", confidence=1.0,
                        currency=currency_of(spec, currency, old, before), page=change.page or old.page,
                        box=change.box or old.box,
                    )
                )  # fmt: skip
        return found

    def _before(self) -> dict[tuple[str, int], Field]:
        return {(row.name, row.position): field_of(row) for row in self._current()}

    def _registry(self, record_class: RecordClass) -> Sequence[Party] | None:
        if record_class.duplicate_key is None:
            return ()
        return self.services.parties(client_name(self.connection, self.row.client))

    def _compare_account(self, record_class: RecordClass, found: Field) -> None:
        """Compare an account that was typed with what is known of the party, as one that was read is compared."""
        key = record_class.duplicate_key
        if key is None or found.name != key.iban:
            return
        others = [field_of(row) for row in self._current() if row.name != found.name]
        typed = Description(record_class.name, record_class.version, 1.0, (), (*others, found), ())
        related = relate(
            self.connection, self.row.id, self.row.client, record_class, typed, self._registry(record_class)
        )
        open_ = {(row.code, row.field) for row in open_reviews(self.connection, self.row.id)}
        for reason in related.review:
            if reason.code in BANK and (reason.code, reason.field) not in open_:
                add_review(self.connection, self.row.id, self.row.client, reason, self.now())

    def _compare_addressee(self, record_class: RecordClass, found: Field, values: Mapping[str, str]) -> Field:
        """Say of a customer's tax id that was typed whether it is the client's; another's is held for two people."""
        spec = record_class.spec(found.name)
        if spec is None or ADDRESSEE not in spec.checks:
            return found
        party = client_party(self.connection, self.row.client)
        check = check_addressee(party, values.get(spec.of or ""), found.value)
        open_ = {(row.code, row.field) for row in open_reviews(self.connection, self.row.id)}
        if check.outcome == "hold" and (ADDRESSEE, found.name) not in open_:
            reason = ReviewReason(ADDRESSEE, found.name, check.message)
            add_review(self.connection, self.row.id, self.row.client, reason, self.now())
        return replace(found, checks=(*found.checks, check))

    def _spec(self, record_class: RecordClass, change: Change) -> FieldSpec:
        """Return the field that a change names; of another class where it is held since the record was of that."""
        held = {row.field for row in open_reviews(self.connection, self.row.id) if row.check_event is not None}
        if change.name in held and record_class.spec(change.name) is None:
            specs = [one.spec(change.name) for one in self.services.library.classes.values()]
            return next(spec for spec in specs if spec is not None)
        return spec_of(record_class, change)

    def _two(self) -> TwoPeople:
        now = self.services.clock.now()
        subject = Subject(self.connection, self.services.ids, now, self.row.id, self.row.client, self.actor, self.salt)
        return TwoPeople(subject, self.refs)

    def _save(self, found: Field, approval: Approval | None = None) -> str:
        event = self._event()
        add_revision(self.connection, self.row.id, self.row.client, found, event, self.actor.id)
        kind = "field_confirmed" if found.status == "confirmed" else "field_corrected"
        self._append(event, kind, {"field": found.name, "index": found.index}, approval=approval)
        waits = any(row.name == found.name and row.status == "review" for row in self._current())
        if not waits:
            self._settle_reasons(found.name)
        return event

    def _pass_on_currency(self, currency: str | None, before: Mapping[tuple[str, int], Field], event: str) -> None:
        """Give the corrected currency to the amounts that had the old one: one document, one currency."""
        old = before.get(("currency", -1))
        was = None if old is None else old.value
        for row in self._current():
            if row.type == "money" and row.value is not None and row.currency == was:
                amount = replace(field_of(row), currency=currency)
                add_revision(self.connection, self.row.id, self.row.client, amount, event, row.actor)

    def _settle_reasons(self, name: str | None) -> None:
        which = reviews.c.field.is_(None) if name is None else reviews.c.field == name
        self.connection.execute(
            update(reviews)
            .where(reviews.c.record == self.row.id, reviews.c.settled.is_(None), which)
            .values(settled=self.now(), settled_by=self.actor.id)
        )

    def _append(
        self, event: str, kind: str, obj: Mapping[str, Any] | None, after: str | None = None,
        approval: Approval | None = None,
    ) -> None:  # fmt: skip
        """Append an event; one that moves the state names both states. Its detail commits to all fields as they are."""
        draft = Draft(
            event, kind, self.row.id, self.actor, client=self.row.client, before=self.state if after else None,
            after=after, reason=self.asked.reason, obj=obj, refs=self.refs,
            detail=fields_commitment(self.connection, self.row.id, self.salt),
            auth_ref=None if approval is None else approval.event,
            on_behalf=None if approval is None else approval.proposer,
        )  # fmt: skip
        self.seq = append(self.connection, draft, self.services.clock.now()).seq
        if after is not None:
            self.state, self.moved = after, True

    def record_class(self) -> RecordClass:
        """Return the class of the record as it is decided so far."""
        name = self.values.get("record_class", self.row.record_class)
        return self.services.library.get(name or "generic")

    def _current(self) -> Sequence[Row[Any]]:
        return current_fields(self.connection, self.row.id)

    def _event(self) -> str:
        return self.services.ids.new("evt")

    def now(self) -> str:
        """Return the time as it is written."""
        return instant(self.services.clock.now())
