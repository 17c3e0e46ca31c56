"""Where a paper is and who has it: derived from its last move and from the boxes it stands in.

`where_is` reads the cache; `replayed` derives the same from the events alone, and `compare` says where the two differ.
Reference of the records desk, section 2 and invariant 6.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from custody.desk_tables import boxes, locations, physical_files
from custody.findings import Step
from custody.ledger import Entry
from custody.movements import Paper
from custody.tables import events
from records.lifecycle import TRANSITIONS
from records.tables import persons

DEEPEST = 16  # boxes within boxes; more is a cycle, which the catalogue does not let be made


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a paper is: the location under all its boxes (none while it is lent or on its way), and who has it.

    `boxes` are barcodes, the innermost first; `path` is the location's as people read it; `moving` is True where the
    paper itself or a box around it is on its way.
    """

    state: str
    place: str | None
    path: str | None
    boxes: tuple[str, ...]
    holder: str | None
    holder_name: str | None
    moving: bool

    @property
    def text(self) -> str | None:
        """The place as people read it, boxes included."""
        parts = [self.path, *reversed(self.boxes)]
        return " > ".join(part for part in parts if part) or None


@dataclass(frozen=True, slots=True)
class Stated:
    """What the events say of one paper: state, id of its location or box, pseudonym of its holder, last event."""

    state: str
    place: str | None
    holder: str | None
    version: int


def where_is(connection: Connection, paper: Paper) -> Whereabouts:
    """Return where a file or box is now, through the boxes it stands in."""
    around = list(boxes_around(connection, paper.box))
    outer = around[-1] if around else paper
    holder = next((one.holder for one in (paper, *around) if one.holder is not None), None)
    path = None
    if outer.place is not None:
        path = connection.execute(select(locations.c.path).where(locations.c.id == outer.place)).scalar_one()
    name = None
    if holder is not None:
        name = connection.execute(select(persons.c.name).where(persons.c.id == holder)).scalar_one()
    moving = any(one.state == "in_transit" for one in (paper, *around))
    return Whereabouts(paper.state, outer.place, path, tuple(one.barcode for one in around), holder, name, moving)


def boxes_around(connection: Connection, box: str | None) -> Iterator[Paper]:
    """Yield the box with this id and those it stands in, the innermost first."""
    for _ in range(DEEPEST):
        if box is None:
            return
        row = connection.execute(select(boxes).where(boxes.c.id == box)).one()
        yield row
        box = row.box


class Stay(NamedTuple):
    """A paper and the events that count: those of `seq` from `first` to before `last`, or of all that follow (None)."""

    paper: str
    first: int
    last: int | None


def stays(
    connection: Connection, paper: str, first: int = 0, last: int | None = None, depth: int = 0
) -> Iterator[Stay]:
    """Yield a paper, and each box around it (in boxes, too) for as long as the paper stood in it, by the ledger."""
    yield Stay(paper, first, last)
    box, since = _box_before(connection, paper, first) if depth else None, first
    query = select(events.c.seq, events.c.leaf).where(
        events.c.subject == paper, events.c.seq >= first, events.c.type.in_(TRANSITIONS)
    )
    if last is not None:
        query = query.where(events.c.seq < last)
    for row in connection.execute(query.order_by(events.c.seq)).all():
        if box is not None:
            yield from stays(connection, box, since + 1, row.seq, depth + 1)
        box, since = _box_of(bytes(row.leaf)), row.seq
    if box is not None and depth < DEEPEST:
        yield from stays(connection, box, since + 1, last, depth + 1)


def _box_before(connection: Connection, paper: str, seq: int) -> str | None:
    """Return the box a paper stood in before an event."""
    query = select(events.c.leaf).where(events.c.subject == paper, events.c.seq < seq, events.c.type.in_(TRANSITIONS))
    leaf = connection.execute(query.order_by(events.c.seq.desc()).limit(1)).scalar_one_or_none()
    return None if leaf is None else _box_of(bytes(leaf))


def _box_of(leaf: bytes) -> str | None:
    """Return the box in which a move put its paper."""
    place = Entry(0, "", leaf, "").event["place"]
    return str(place) if (place or "").startswith("box_") else None


def files_within(connection: Connection, box: str) -> list[Paper]:
    """Return the files that stand in a box or in boxes within it, in the order of their positions."""
    inside = [box]
    for _ in range(DEEPEST):
        nested = list(connection.execute(select(boxes.c.id).where(boxes.c.box.in_(inside))).scalars())
        fresh = [one for one in nested if one not in inside]
        if not fresh:
            break
        inside += fresh
    query = select(physical_files).where(physical_files.c.box.in_(inside))
    return list(connection.execute(query.order_by(physical_files.c.position, physical_files.c.id)))


def replayed(entries: Iterable[Entry]) -> dict[str, Stated]:
    """Fold events in ledger order into where each file and box is, from the events alone."""
    found: dict[str, Stated] = {}
    for entry in entries:
        event = entry.event
        subject: str = event["subject"]
        if subject.startswith(("fil_", "box_")) and event["type"] in TRANSITIONS:
            found[subject] = Stated(event["to"], event["place"], event["holder"], entry.seq)
    return found


def compare(connection: Connection, step: Step) -> int:
    """Compare the cache with what the ledger says of every file and box; return how many there are."""
    stated = replayed(_paper_events(connection))
    count = 0
    for table in (boxes, physical_files):
        query = select(table, persons.c.pseudonym).outerjoin(persons, persons.c.id == table.c.holder)
        for row in connection.execution_options(yield_per=1000).execute(query):
            count += 1
            cached = Stated(row.state, row.box or row.place, row.pseudonym, row.version)
            said = stated.pop(row.id, None)
            if said != cached:
                step.problem("whereabouts", row.id, _shown(said), _shown(cached), row.version)
    for subject, said in stated.items():
        step.problem("whereabouts", subject, _shown(said), None, said.version)
    return count


def _paper_events(connection: Connection) -> Iterator[Entry]:
    """Yield the events of files and boxes in ledger order, in flat memory."""
    papers = or_(*(events.c.subject.startswith(prefix, autoescape=True) for prefix in ("box_", "fil_")))
    query = select(events).where(papers).order_by(events.c.seq)
    with connection.execution_options(yield_per=1000).execute(query) as rows:
        for row in rows:
            yield Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash)


def _shown(stated: Stated | None) -> str | None:
    return None if stated is None else f"{stated.state} at {stated.place} with {stated.holder} by {stated.version}"
