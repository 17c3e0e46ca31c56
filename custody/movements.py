"""Moving paper: one event of the ledger, and the cache of where it is and who has it, in the caller's transaction.

An event that moves a file or box states its whole position from now on: `place`, a location or the box it stands in,
and `holder`. So the last move alone says where a paper is (docs/design/records-desk.md); nothing else writes these
columns. Both times are kept: `occurred`, where it happened before it is recorded (reference, invariant 7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select, update

from custody.desk_tables import boxes, physical_files
from custody.keys import new_salt
from custody.ledger import Actor, Draft, Entry, append, commitment
from custody.tables import event_details
from records.ids import Ids, instant
from records.tables import persons

Paper = Row[Any]  # a row of physical_files or boxes


@dataclass(frozen=True, slots=True)
class Position:
    """Where a paper is from now on: in a box or at a location, and who has it; ids. Nothing: it is on its way."""

    box: str | None = None
    place: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A move before it is made: event type, state after it, position after it, and what else the event says.

    `about` is the person whose loan it concerns; `words` stay in the database, the ledger gets a commitment.
    """

    type: str
    after: str
    to: Position
    reason: str | None = None
    words: str | None = None
    auth_ref: str | None = None
    refs: tuple[str, ...] = ()
    obj: Mapping[str, Any] | None = None
    about: str | None = None
    due: str | None = None


@dataclass(slots=True)
class Act:
    """One act at the desk in one transaction: who acts, when, and the events it has written so far.

    `first_event` is the id for its first event where the caller made one, so that a retry can be told.
    """

    connection: Connection
    ids: Ids
    now: datetime
    actors: Mapping[str, Actor]  # by client: the role that lets the person act for it
    fallback: Actor  # for what belongs to no client: places, sites
    occurred: datetime | None = None
    first_event: str | None = None
    scan: Mapping[str, str | int] | None = None  # device, session and number of the scan that asked for it
    seqs: list[int] = field(default_factory=list)
    _pseudonyms: dict[str, str] = field(default_factory=dict)

    @property
    def happened(self) -> datetime:
        """When the act happened, which may be before it is recorded."""
        return self.occurred or self.now

    def append(self, kind: str, subject: str, client: str | None, words: str | None = None, **more: Any) -> Entry:
        """Append an event of this act; free text is kept beside it under a salted commitment."""
        event = self.first_event if self.first_event is not None and not self.seqs else self.ids.new("evt")
        salt = new_salt() if words else b""
        detail = commitment(salt, words.encode()) if words else None
        actor = self.fallback if client is None else self.actors.get(client, self.fallback)
        occurred = None if self.occurred is None else instant(self.occurred)
        if self.scan is not None:
            more["obj"] = {**(more.get("obj") or {}), "scan": dict(self.scan)}
        draft = Draft(event, kind, subject, actor, client=client, occurred=occurred, detail=detail, **more)
        entry = append(self.connection, draft, self.now)
        if words:
            self.connection.execute(insert(event_details).values(event=event, client=client, salt=salt, text=words))
        self.seqs.append(entry.seq)
        return entry

    def pseudonym(self, person: str | None) -> str | None:
        """Return what the ledger says instead of a person's name."""
        if person is None:
            return None
        if person not in self._pseudonyms:
            query = select(persons.c.pseudonym).where(persons.c.id == person)
            self._pseudonyms[person] = str(self.connection.execute(query).scalar_one())
        return self._pseudonyms[person]


def table_of(paper: str) -> Table:
    """Return the table of a paper by its id: of files or of boxes."""
    return boxes if paper.startswith("box_") else physical_files


def reload(connection: Connection, paper: str) -> Paper:
    """Return the row of a file or box as it is now."""
    table = table_of(paper)
    return connection.execute(select(table).where(table.c.id == paper)).one()


def position_of(paper: Paper) -> Position:
    """Return where the cache says a paper is."""
    return Position(paper.box, paper.place, paper.holder)


def move(act: Act, paper: Paper, made: Move, **also: Any) -> Entry:
    """Write a move of a file or box: its event, and the cache with it; `also` are other columns that change with it.

    Raises:
        LifecycleError: the paper may not go from its state to that one, or a rule of the ledger forbids it.
    """
    entry = act.append(
        made.type, paper.id, paper.client, made.words, before=paper.state, after=made.after, reason=made.reason,
        obj=made.obj, refs=made.refs, auth_ref=made.auth_ref, on_behalf=act.pseudonym(made.about),
        place=made.to.box or made.to.place, holder=act.pseudonym(made.to.holder), due=made.due,
    )  # fmt: skip
    changed: dict[str, Any] = {
        "state": made.after, "box": made.to.box, "place": made.to.place, "holder": made.to.holder,
        "version": entry.seq, **also,
    }  # fmt: skip
    if made.after != paper.state:
        changed["since"] = instant(act.now)
    table = table_of(paper.id)
    if table is physical_files:
        changed["seen"] = instant(act.happened)
    act.connection.execute(update(table).where(table.c.id == paper.id).values(**changed))
    return entry
