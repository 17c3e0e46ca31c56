"""Incidents about paper: opened with the event that found something wrong, settled by a person, never forgotten."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.loan_tables import incidents
from custody.movements import Paper
from records.ids import instant
from tasks.desk.acts import Desk


def open_incident(desk: Desk, event: str, paper: Paper, kind: str, loan: str | None = None, **detail: Any) -> None:
    """Open an incident; its id is that of the event that says what was found. `detail` has numbers and codes only."""
    column = "box" if paper.id.startswith("box_") else "file"
    desk.connection.execute(
        insert(incidents).values(
            id=event, client=paper.client, loan=loan, kind=kind, opened=instant(desk.now), detail=detail,
            **{column: paper.id},
        )
    )  # fmt: skip


def open_of(connection: Connection, paper: str) -> list[Row[Any]]:
    """Return what is not settled about a file or box, the oldest first."""
    column = incidents.c.box if paper.startswith("box_") else incidents.c.file
    query = select(incidents).where(column == paper, incidents.c.resolved.is_(None))
    return list(connection.execute(query.order_by(incidents.c.opened, incidents.c.id)))


def settle(desk: Desk, paper: str, resolution: str, *kinds: str) -> int:
    """Settle the open incidents of these kinds (all, where none is named); return how many they were."""
    column = incidents.c.box if paper.startswith("box_") else incidents.c.file
    mine = (column == paper) & incidents.c.resolved.is_(None)
    if kinds:
        mine &= incidents.c.kind.in_(kinds)
    settled = {
        "resolved": instant(desk.now), "resolved_by": desk.asked.person.pseudonym, "resolution": resolution,
    }  # fmt: skip
    return desk.connection.execute(update(incidents).where(mine).values(**settled)).rowcount
