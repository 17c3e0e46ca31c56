"""What the ledger says so far, asked of the event table by who writes its next events.

The same questions that a verifier answers from the leaves it has replayed (`records.rules.Past`), answered in the
writer's transaction, which holds the head row: nobody else appends meanwhile. Several events of one transaction are
`take`n one after another, whether or not their rows are inserted yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, and_, bindparam, column, select, values

from custody.leaves import parse
from custody.tables import READS, events
from records.lifecycle import TRANSITIONS
from records.rules import CLOSES, OPENS, Event, Mark, Marks

CHUNK = 500  # values asked for in one statement
_MARKING = sorted({*OPENS, *CLOSES})
_MOVING = sorted(TRANSITIONS)
_MOVING_KINDS = frozenset(prefix for kinds in TRANSITIONS.values() for prefix in kinds)
_OLDER = events.alias("older")
# Expressions that change nothing (`type || ''`, `seq + 0`) keep planners from the indexes by type and by number, which
# have every subject's events and look cheap while there are few.


def done(kind: ColumnElement[str], kinds: Sequence[str]) -> ColumnElement[bool]:
    """Ask for types, none of them a read, in the words of their index: the reads of a subject may be 100,000 since.

    Args: kind, the column of types; kinds, those wanted.
    """
    no_read = kind.not_in(bindparam("reads", READS, expanding=True, literal_execute=True))
    return and_(no_read, kind.concat("").in_(kinds))


def newest_done(seq: ColumnElement[int]) -> ColumnElement[int]:
    """Order what `done` asks for, the newest first; there are few."""
    return (seq + 0).desc()


# Built once: what a statement costs to put together is more than what it costs the database.
_OF_ONE: Select[Any] = (
    select(events.c.subject, events.c.type, events.c.leaf_hash, events.c.leaf)
    .where(events.c.subject == bindparam("subject"), events.c.seq < bindparam("size"))
    .order_by(events.c.seq.desc())
    .limit(1)
)
_MOVE_OF_ONE = _OF_ONE.where(done(events.c.type, _MOVING)).order_by(None).order_by(newest_done(events.c.seq))
_TIME = select(events.c.ts).where(events.c.seq == bindparam("seq"))


def _of_many(subjects: list[str], *, moving: bool) -> Select[Any]:
    """Return the newest event, or the newest move, of each: one step down an index for each, however many it has."""
    asked = values(column("subject", String), name="asked").data([(subject,) for subject in subjects]).cte("asked")
    older = select(_OLDER.c.seq).where(_OLDER.c.subject == asked.c.subject, _OLDER.c.seq < bindparam("size"))
    if moving:
        older = older.where(done(_OLDER.c.type, _MOVING)).order_by(newest_done(_OLDER.c.seq))
    else:
        older = older.order_by(_OLDER.c.seq.desc())
    newest = older.limit(1).scalar_subquery()
    columns = (events.c.subject, events.c.type, events.c.leaf_hash, events.c.leaf)
    return select(*columns).join_from(asked, events, events.c.seq == newest)


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
            self._newest.append(self._connection.execute(_TIME, {"seq": self._size - 1}).scalar_one_or_none())
        return self._newest[0]

    def head(self, subject: str) -> str | None:
        """Return the leaf hash of the subject's newest event, None where it has none."""
        self.load([subject])
        return self._heads[subject]

    def state(self, subject: str) -> str | None:
        """See `Past.state`."""
        self.load([subject])
        if subject not in self._states:  # its newest event moved nothing: look for the last that did
            # ... and at once for those of all that stand like it: a batch asks for one after another
            self._load_states([known for known in self._heads if known not in self._states])
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
        self._heads.update(dict.fromkeys(wanted))
        for row in self._newest_of(wanted, moving=False):
            self._heads[row.subject] = row.leaf_hash
            if row.type in TRANSITIONS:
                self._states[row.subject] = parse(bytes(row.leaf))["to"]
        self._marked.update(subject for subject in wanted if self._heads[subject] is None)

    def _load_states(self, subjects: list[str]) -> None:
        self._states.update(dict.fromkeys(subjects))
        there = [known for known in subjects if known[:3] in _MOVING_KINDS and self._heads[known] is not None]
        for row in self._newest_of(there, moving=True):
            self._states[row.subject] = parse(bytes(row.leaf))["to"]

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

    def _newest_of(self, subjects: list[str], *, moving: bool) -> Iterator[Row[Any]]:
        size = {"size": self._size}
        if len(subjects) == 1:
            one = _MOVE_OF_ONE if moving else _OF_ONE
            yield from self._connection.execute(one, {"subject": subjects[0], **size})
            return
        for start in range(0, len(subjects), CHUNK):
            many = _of_many(subjects[start : start + CHUNK], moving=moving)
            yield from self._connection.execute(many, size)

    def _load_marks(self, subject: str) -> None:
        if subject not in self._marked:
            self._marked.add(subject)
            past = self._of(subject).where(done(events.c.type, _MARKING)).order_by(newest_done(events.c.seq))
            for row in reversed(self._connection.execute(past).all()):
                self._marks.take(parse(bytes(row.leaf)))
