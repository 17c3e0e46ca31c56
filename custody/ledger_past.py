"""What the ledger says so far, asked of the event table by who writes its next events.

The same questions that a verifier answers from the leaves it has replayed (`records.rules.Past`), answered in the
writer's transaction, which holds the head row: nobody else appends meanwhile. Several events of one transaction are
`take`n one after another, whether or not their rows are inserted yet.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from custody.leaves import parse
from custody.tables import events
from records.lifecycle import TRANSITIONS
from records.rules import CLOSES, OPENS, Event, Mark, Marks

CHUNK = 500  # values asked for in one statement
_MARKING = sorted({*OPENS, *CLOSES})
_MOVING_KINDS = frozenset(prefix for kinds in TRANSITIONS.values() for prefix in kinds)


class LedgerPast:
    """Implements `records.rules.Past` on the event table, up to but without event number `size`."""

    def __init__(self, connection: Connection, size: int) -> None:
        """Args: connection of the writer's transaction; size, events before the first that is going to be written."""
        self._connection = connection
        self._size = size
        self._newest: list[str | None] = []  # one, once it is known
        self._heads: dict[str, str | None] = {}
        self._states: dict[str, str | None] = {}
        self._marks = Marks()
        self._marked: set[str] = set()  # subjects whose marks are loaded, or that have no event to have left one

    def newest(self) -> str | None:
        """Return the time of the newest event, None where there is none."""
        if not self._newest:
            there = select(events.c.ts).where(events.c.seq == self._size - 1)
            self._newest.append(self._connection.execute(there).scalar_one_or_none())
        return self._newest[0]

    def head(self, subject: str) -> str | None:
        """Return the leaf hash of the subject's newest event, None where it has none."""
        self.load([subject])
        return self._heads[subject]

    def state(self, subject: str) -> str | None:
        """See `Past.state`."""
        self.load([subject])
        if subject not in self._states:  # its newest event moved nothing: look for the last that did
            moved = self._of(subject).where(events.c.type.in_(TRANSITIONS)).order_by(events.c.seq.desc()).limit(1)
            row = self._connection.execute(moved).one_or_none() if subject[:3] in _MOVING_KINDS else None
            self._states[subject] = None if row is None else parse(bytes(row.leaf))["to"]
        return self._states[subject]

    def marks(self, subject: str, name: str) -> list[Mark]:
        """See `Past.marks`."""
        self._load_marks(subject)
        return self._marks.of(subject, name)

    def mark(self, event: str) -> Mark | None:
        """See `Past.mark`."""
        there = select(events.c.subject).where(events.c.id == event, events.c.seq < self._size)
        subject = self._connection.execute(there.where(events.c.type.in_(_MARKING))).scalar_one_or_none()
        if subject is not None:
            self._load_marks(subject)
        return self._marks.by(event)

    def load(self, subjects: Iterable[str]) -> None:
        """Look up where subjects stand, with one query for many of them; known ones are not asked again."""
        wanted = sorted(set(subjects) - self._heads.keys())
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            self._heads.update(dict.fromkeys(part))
            for row in self._newest_of(part):
                self._heads[row.subject] = row.leaf_hash
                if row.type in TRANSITIONS:
                    self._states[row.subject] = parse(bytes(row.leaf))["to"]
            self._marked.update(subject for subject in part if self._heads[subject] is None)

    def take(self, event: Event, leaf_hash: str) -> None:
        """Go on by one event, in its place, that is written in this transaction."""
        subject, kind = event["subject"], event["type"]
        if kind in OPENS or kind in CLOSES:
            self._load_marks(subject)
            self._marks.take(event)
        if kind in TRANSITIONS:
            self._states[subject] = event["to"]
        self._heads[subject] = leaf_hash
        self._newest = [event["ts"]]

    def _of(self, subject: str) -> Select[Any]:
        return select(events.c.leaf).where(events.c.subject == subject, events.c.seq < self._size)

    def _newest_of(self, subjects: list[str]) -> list[Row[Any]]:
        newest = (
            select(func.max(events.c.seq).label("seq"))
            .where(events.c.subject.in_(subjects), events.c.seq < self._size)
            .group_by(events.c.subject)
            .subquery()
        )
        columns = (events.c.subject, events.c.type, events.c.leaf_hash, events.c.leaf)
        return list(self._connection.execute(select(*columns).join(newest, newest.c.seq == events.c.seq)))

    def _load_marks(self, subject: str) -> None:
        if subject not in self._marked:
            self._marked.add(subject)
            past = self._of(subject).where(events.c.type.in_(_MARKING)).order_by(events.c.seq)
            for row in self._connection.execute(past):
                self._marks.take(parse(bytes(row.leaf)))
