"""Loans as lists show them; overdue is derived from the due day and never kept."""

from datetime import date
from typing import Any

from sqlalchemy import func, select

from custody.desk_tables import boxes, locations, physical_files
from custody.loan_tables import loans, slips
from records.due_dates import overdue_days, zone_of
from records.ids import instant
from records.tables import clients, persons
from tasks.desk.acts import Desk

OUT = ("open", "claimed_returned", "declared_lost")  # states of a loan whose paper has not come back


def listed(
    desk: Desk, overdue: bool = False, borrower: str | None = None, client: str | None = None, closed: bool = False
) -> list[dict[str, Any]]:
    """Return the loans that are not closed (or all), those due first first; of the clients that the person may see."""
    query = (
        select(
            loans, persons.c.name.label("borrower_name"), clients.c.name.label("client_name"),
            physical_files.c.barcode.label("file_code"), physical_files.c.title, boxes.c.barcode.label("box_code"),
            locations.c.time_zone, slips.c.barcode.label("slip_code"), slips.c.purpose,
        )
        .join(persons, persons.c.id == loans.c.borrower)
        .join(clients, clients.c.id == loans.c.client)
        .join(locations, locations.c.id == loans.c.site)
        .join(slips, slips.c.id == loans.c.slip)
        .outerjoin(physical_files, physical_files.c.id == loans.c.file)
        .outerjoin(boxes, boxes.c.id == loans.c.box)
        .where(loans.c.client.in_(desk.visible))
        .order_by(loans.c.due_at, loans.c.id)
    )  # fmt: skip
    of_slip = loans.alias("of_slip")
    counted = select(func.count()).where(of_slip.c.slip == loans.c.slip)
    query = query.add_columns(
        counted.scalar_subquery().label("on_slip"),
        counted.where(of_slip.c.state.in_(OUT)).scalar_subquery().label("still_out"),
    )
    if not closed:
        query = query.where(loans.c.closed_at.is_(None))
    if overdue:
        query = query.where(loans.c.state == "open", loans.c.due_at <= instant(desk.now))
    if borrower is not None:
        query = query.where(loans.c.borrower == borrower)
    if client is not None:
        query = query.where(loans.c.client == client)
    return [_shown(desk, row) for row in desk.connection.execute(query)]


def _slip_state(on_slip: int, still_out: int) -> str:
    """Return what a slip is by its loans: all of it out, a part of it back, or all of it."""
    if still_out == on_slip:
        return "delivered"
    return "returned_incomplete" if still_out else "returned"


def _shown(desk: Desk, row: Any) -> dict[str, Any]:
    due = date.fromisoformat(row.due_on)
    late = overdue_days(desk.now, due, zone_of(row.time_zone)) if row.state == "open" else 0
    return {
        "loan": row.id, "file": row.file, "box": row.box, "barcode": row.file_code or row.box_code,
        "title": row.title, "client": row.client_name, "borrower": row.borrower_name, "purpose": row.purpose,
        "slip": row.slip_code, "slip_state": _slip_state(row.on_slip, row.still_out),
        "out": row.opened_at, "due": row.due_on, "overdue_days": late,
        "renewals": row.renewals, "recalled": row.recalled_at, "returned": row.returned_at, "state": row.state,
        "closed": row.closed_at,
    }  # fmt: skip
