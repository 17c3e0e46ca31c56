"""The custody ledger: append-only events, gapless, each a leaf of canonical JSON written with the state it records.

Format: docs/design/formats.md (RFC 8785 leaf, `seq` = log index, `prev` = leaf hash of the subject's previous event;
leaf hash of RFC 6962, section 2.1). The rules an event keeps are `records.rules`, the form of its leaf is
`custody.leaves`: those that a verifier applies, asked before the event is written. The caller owns the transaction: a
state change and its event commit together or not at all. Publishing leaves as tiles only reads these rows.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Row, bindparam, insert, select, update

from custody.leaves import write_leaf
from custody.ledger_past import CHUNK, LedgerPast
from custody.merkle import hash_leaf
from custody.tables import events, ledger_head
from records.errors import CustodyError, LifecycleError
from records.ids import instant, parse_instant
from records.rules import broken

PAGE = 1000  # events read at once
SLACK = timedelta(seconds=1)  # clocks of several machines differ; more than this behind the ledger is said in it
SOFTWARE: Mapping[str, str] = {"name": "muniment", "version": "0.1.0"}

# Built once: what a statement costs to put together is more than what it costs the database.
_MOVE_HEAD = (
    update(ledger_head)
    .where(ledger_head.c.id == 1)
    .values(size=ledger_head.c.size + bindparam("by", type_=BigInteger))
    .returning(ledger_head.c.size)
)
_BY_ID = select(events).where(events.c.id.in_(bindparam("ids", expanding=True)))
_INSERT = insert(events)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the ledger says it: a pseudonym (never a name), the role acted in, how it was established."""

    id: str
    role: str
    auth: Literal["os", "token", "system"]

    def as_json(self) -> dict[str, str]:
        """Return the leaf's `actor`."""
        return {"id": self.id, "role": self.role, "auth": self.auth}


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has its place: everything but `seq`, `ts` and `prev`.

    `reason` is a code; `commit` and `detail` are salted commitments (64 hexadecimal digits); no clear text anywhere.
    """

    id: str
    type: str
    subject: str
    actor: Actor
    client: str | None = None
    before: str | None = None
    after: str | None = None
    reason: str | None = None
    obj: Mapping[str, Any] | None = None
    commit: str | None = None
    detail: str | None = None
    occurred: str | None = None  # when it happened, where that is not when it is recorded
    refs: tuple[str, ...] = ()
    on_behalf: str | None = None  # pseudonym of the person acted for
    auth_ref: str | None = None  # id of the request, proposal or loan that allows the act
    place: str | None = None  # id of the location a paper is at from now on
    holder: str | None = None  # pseudonym of the person who has it from now on
    due: str | None = None  # local date YYYY-MM-DD a loan is due back


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place. `leaf` is what is hashed and published; `event` is the same, parsed."""

    seq: int
    id: str
    leaf: bytes
    leaf_hash: str

    @property
    def happened(self) -> datetime:
        """When it happened: as stated, or by the writer's clock where that was behind the ledger, else when written."""
        event = self.event
        return parse_instant(event["occurred"] or event["ts"])

    @property
    def event(self) -> dict[str, Any]:
        """Return the leaf parsed."""
        parsed: dict[str, Any] = json.loads(self.leaf)
        return parsed


def leaf_hash(leaf: bytes) -> str:
    """Hash a leaf: SHA-256(0x00 || leaf), lower-case hexadecimal (RFC 6962, section 2.1)."""
    return hash_leaf(leaf).hex()


def commitment(salt: bytes, data: bytes) -> str:
    """Commit to `data` under a secret `salt`: HMAC-SHA-256, hexadecimal (reference, section 1.3)."""
    return hmac.new(salt, data, hashlib.sha256).hexdigest()


def append(connection: Connection, draft: Draft, now: datetime) -> Entry:
    """Write one event at the end of the ledger, in the caller's transaction.

    The same id with the same content is a no-op that returns the entry already there. Time in the ledger never runs
    back: where the clock is behind the newest event, that event's time is taken, and the clock's own goes to
    `occurred` when they differ by more than a second.

    Raises:
        LifecycleError: a rule is broken (`records.rules`): an illegal move, a state it is not in, a hold.
        LeafError: the leaf has not the form of docs/design/formats.md.
        CustodyError: the id is taken by another event.
    """
    return append_many(connection, [draft], now)[0]


def append_many(connection: Connection, drafts: Sequence[Draft], now: datetime) -> list[Entry]:
    """Write events at the end of the ledger in their order, in the caller's transaction, with few statements.

    The rules of `append` hold for each, also between events of one call: `prev` chains a subject's events, an id that
    comes twice is one event. Returns the entry of each draft. All are in memory at once: give some thousand at most.

    Raises:
        LifecycleError, LeafError, CustodyError: as `append`; the caller's transaction is then not to be committed.
    """
    if not drafts:
        return []
    # The head row is the lock of the whole ledger: gapless by construction (SQLite's writer lock is held already).
    first = _moved_head(connection, len(drafts)) - len(drafts)
    known = _known(connection, [draft.id for draft in drafts])
    past = LedgerPast(connection, first)
    past.load(draft.subject for draft in drafts)
    made: list[Entry] = []
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        if draft.id in known:
            _refuse_another(draft, known[draft.id])
            continue
        event = _placed(draft, past, first + len(made), now)
        leaf = write_leaf(event)
        entry = known[draft.id] = Entry(event["seq"], draft.id, leaf, leaf_hash(leaf))
        past.take(event, entry.leaf_hash)
        made.append(entry)
        rows.append({
            "seq": entry.seq, "id": draft.id, "ts": event["ts"], "type": draft.type, "subject": draft.subject,
            "client": draft.client, "leaf": leaf, "leaf_hash": entry.leaf_hash,
        })  # fmt: skip
    if len(made) < len(drafts):
        _moved_head(connection, len(made) - len(drafts))
    if rows:
        connection.execute(_INSERT, rows)
    return [known[draft.id] for draft in drafts]


def _moved_head(connection: Connection, by: int) -> int:
    """Move the head and return where it is then."""
    return int(connection.execute(_MOVE_HEAD, {"by": by}).scalar_one())


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """Return the events that have these ids already."""
    found: dict[str, Entry] = {}
    for start in range(0, len(ids), CHUNK):
        rows = connection.execute(_BY_ID, {"ids": ids[start : start + CHUNK]})
        found |= {row.id: _entry(row) for row in rows}
    return found


def _placed(draft: Draft, past: LedgerPast, seq: int, now: datetime) -> dict[str, Any]:
    """Return the event in its place, when every rule holds for it there."""
    event = _content(draft)
    for rule in broken(event, past):
        raise LifecycleError(f"{draft.type} of {draft.subject}: {rule.found}, expected {rule.expected}")
    ts, newest = instant(now), past.newest()
    if newest is not None and ts < newest:
        if parse_instant(newest) - parse_instant(ts) > SLACK and event["occurred"] is None:
            event["occurred"] = ts
        ts = newest
    return {**event, "seq": seq, "ts": ts, "prev": past.head(draft.subject)}


def find(connection: Connection, event_id: str) -> Entry | None:
    """Return the event with this id, or None."""
    row = connection.execute(select(events).where(events.c.id == event_id)).one_or_none()
    return None if row is None else _entry(row)


def size(connection: Connection) -> int:
    """Return how many events the ledger holds."""
    return int(connection.execute(select(ledger_head.c.size).where(ledger_head.c.id == 1)).scalar_one())


def hold(connection: Connection) -> None:
    """Hold the ledger's head in the caller's transaction: nobody else appends until it ends."""
    _moved_head(connection, 0)


def entries(connection: Connection, first: int = 0, last: int | None = None) -> Iterator[Entry]:
    """Yield events by `seq` from `first` to before `last`, in flat memory.

    They are read page by page: whoever stops in the middle leaves no cursor open.
    """
    query = select(events).where(events.c.seq >= bindparam("first")).order_by(events.c.seq).limit(PAGE)
    if last is not None:
        query = query.where(events.c.seq < last)
    while rows := connection.execute(query, {"first": first}).all():
        for row in rows:
            yield _entry(row)
        first = rows[-1].seq + 1


def of_subjects(connection: Connection, subjects: list[str]) -> list[Entry]:
    """Return the events of these subjects in ledger order: the parts of a record's timeline."""
    rows = connection.execute(select(events).where(events.c.subject.in_(subjects)).order_by(events.c.seq))
    return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash)


def _content(draft: Draft) -> dict[str, Any]:
    return {
        "v": 1, "id": draft.id, "type": draft.type, "subject": draft.subject, "from": draft.before, "to": draft.after,
        "actor": draft.actor.as_json(), "on_behalf": draft.on_behalf, "reason": draft.reason,
        "auth_ref": draft.auth_ref, "obj": None if draft.obj is None else dict(draft.obj), "commit": draft.commit,
        "detail": draft.detail, "client": draft.client, "occurred": draft.occurred, "place": draft.place,
        "holder": draft.holder, "due": draft.due, "refs": list(draft.refs), "sw": dict(SOFTWARE),
    }  # fmt: skip


def _refuse_another(draft: Draft, entry: Entry) -> None:
    """Refuse a draft whose id is taken by an event with other content."""
    event = entry.event
    for name in ("seq", "ts", "prev"):
        del event[name]
    if draft.occurred is None:  # it may have been filled in when the event was written
        event["occurred"] = None
    if event != json.loads(json.dumps(_content(draft))):
        raise CustodyError(f"event id {draft.id} is taken by another event")
