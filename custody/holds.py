"""Holds: a ban on disposal, of a record or of everything in a batch, file, box or client. They stack.

A hold wins over retention, law and instruction alike, until it is released by itself (reference of the records desk,
invariant 17). Each is an event of what it holds; words of its reason stay in the database beside that event.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.desk_tables import boxes, file_records, physical_files
from custody.disposal_tables import holds
from custody.ledger import Draft
from custody.opening import Act, append_with_words
from custody.vault import Vault
from records.errors import InvalidValueError
from records.tables import records

HOLDABLE = ("rec", "bat", "cli", "fil", "box")
DEEPEST = 20  # boxes in boxes; more is a circle


def set_hold(vault: Vault, connection: Connection, subject: str, client: str, act: Act) -> str:
    """Hold a subject in the caller's transaction; return the hold's id.

    Raises:
        LifecycleError: the subject is disposed of.
        InvalidValueError: what it names cannot be held.
    """
    if subject.partition("_")[0] not in HOLDABLE:
        raise InvalidValueError("what can be held is a record, batch, client, file or box")
    hold = vault.ids.new("hld")
    draft = Draft(
        vault.ids.new("evt"), "hold_set", subject, act.actor, client=client, reason=act.reason, obj={"hold": hold}
    )
    entry = append_with_words(vault, connection, draft, act.words)
    connection.execute(
        insert(holds).values(
            id=hold, client=client, subject=subject, reason=act.reason, set_by=act.actor.id,
            since=entry.event["ts"], event=entry.id,
        )
    )  # fmt: skip
    return hold


def release_hold(vault: Vault, connection: Connection, hold: str, act: Act) -> None:
    """Release one hold in the caller's transaction; others on the same subject stay.

    Raises:
        InvalidValueError: it is released already.
    """
    row = connection.execute(select(holds).where(holds.c.id == hold).with_for_update()).one()
    if row.released is not None:
        raise InvalidValueError("this hold is released already")
    draft = Draft(
        vault.ids.new("evt"), "hold_released", row.subject, act.actor, client=row.client, reason=act.reason,
        obj={"hold": hold}, refs=(row.event,),
    )  # fmt: skip
    entry = append_with_words(vault, connection, draft, act.words)
    connection.execute(
        update(holds).where(holds.c.id == hold).values(released=entry.event["ts"], released_by=act.actor.id)
    )


def open_holds(connection: Connection, subjects: Iterable[str]) -> list[Row[Any]]:
    """Return the holds on these subjects that are not released, the oldest first."""
    query = select(holds).where(holds.c.subject.in_(list(subjects)), holds.c.released.is_(None))
    return list(connection.execute(query.order_by(holds.c.id)))


def holdings(connection: Connection, wanted: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return for each record everything whose hold would hold it: itself, its client, its batch, its file and boxes."""
    found: dict[str, list[str]] = {
        row.id: [row.id, row.client, row.batch]
        for row in connection.execute(
            select(records.c.id, records.c.client, records.c.batch).where(records.c.id.in_(wanted))
        )
    }
    papers = connection.execute(
        select(file_records.c.record, physical_files.c.id, physical_files.c.box, physical_files.c.home_box)
        .join(physical_files, physical_files.c.id == file_records.c.file)
        .where(file_records.c.record.in_(wanted))
    ).all()
    above = _boxes_above(connection, {box for paper in papers for box in (paper.box, paper.home_box) if box})
    for paper in papers:
        found[paper.record].append(paper.id)
        for box in (paper.box, paper.home_box):
            found[paper.record] += above.get(box, ())
    return {record: tuple(dict.fromkeys(subjects)) for record, subjects in found.items()}


def _boxes_above(connection: Connection, inner: set[str]) -> dict[str, list[str]]:
    """Return for each box itself and every box it stands in."""
    parent: dict[str, str | None] = {}
    asked = set(inner)
    for _ in range(DEEPEST):
        if not asked:
            break
        rows = connection.execute(select(boxes.c.id, boxes.c.box).where(boxes.c.id.in_(asked))).all()
        parent |= {row.id: row.box for row in rows}
        asked = {row.box for row in rows if row.box is not None} - parent.keys()
    found: dict[str, list[str]] = {}
    for box in inner:
        chain: list[str] = []
        here: str | None = box
        while here is not None and here not in chain:
            chain.append(here)
            here = parent.get(here)
        found[box] = chain
    return found
