"""Transfers as the catalogue has them: found, their lines, and how answers show them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from custody.codes import find_code
from custody.desk_tables import locations
from custody.loan_tables import transfer_lines, transfers
from custody.movements import Paper, reload
from custody.whereabouts import boxes_around
from records.barcodes import KIND_NAMES, Kind
from records.catalogue import resolve
from records.errors import AmbiguousIdError, UnknownIdError
from tasks.desk.acts import Desk, stop

Transfer = Row[Any]
Line = Row[Any]

FAULTS = ("ERROR", "EXTRA", "MISSING")
SETTLED = "settled"  # note of a line whose fault an archivist has settled


def find(desk: Desk, raw: str, action: str = "handle") -> Transfer:
    """Return the transfer with this barcode or id, of a client for whom the person may do `action`."""
    try:
        if raw.startswith("trf_"):
            found = resolve(desk.connection, transfers, raw, transfers.c.client.in_(desk.visible))
        else:
            coded = find_code(desk.connection, raw)
            if coded is None:
                stop("unknown-transfer", raw=raw)
            if coded.kind is not Kind.TRANSFER:
                stop("wrong-kind", barcode=raw, found=KIND_NAMES[coded.kind], wanted=KIND_NAMES[Kind.TRANSFER])
            found = coded.target
    except UnknownIdError:
        stop("unknown-transfer", raw=raw)
    except AmbiguousIdError:
        stop("ambiguous-id", raw=raw)
    row = desk.connection.execute(select(transfers).where(transfers.c.id == found)).one()
    if row.client not in desk.visible:
        stop("unknown-transfer", raw=raw, denied=(action, row.client, row.id))
    if row.client not in desk.may(action):
        stop("not-allowed", denied=(action, row.client, row.id))
    return row


def lines(connection: Connection, transfer: str) -> Sequence[Line]:
    """Return the lines of a transfer in the order of its list."""
    query = select(transfer_lines).where(transfer_lines.c.transfer == transfer).order_by(transfer_lines.c.id)
    return connection.execute(query).all()


def shown(connection: Connection, transfer: str) -> dict[str, Any]:
    """Return a transfer as answers show it, with its lines."""
    row = connection.execute(select(transfers).where(transfers.c.id == transfer)).one()
    listed = [
        {"barcode": reload(connection, one.box or one.file).barcode, "file": one.file, "box": one.box,
         "state": one.state, "note": one.note, "at": one.at}
        for one in lines(connection, transfer)
    ]  # fmt: skip
    ends = [_path(connection, end) for end in (row.origin, row.destination)]
    return {
        "id": row.id, "barcode": row.barcode, "kind": row.kind, "state": row.state, "origin": ends[0],
        "destination": ends[1], "created": row.created, "sent": row.sent, "received": row.received,
        "closed": row.closed, "lines": listed,
    }  # fmt: skip


def listed(desk: Desk, everything: bool) -> list[dict[str, Any]]:
    """Return the transfers that the person may see, the newest first; those that are over only with `everything`."""
    query = select(transfers.c.id).where(transfers.c.client.in_(desk.visible)).order_by(transfers.c.id.desc())
    if not everything:
        query = query.where(transfers.c.closed.is_(None))
    return [shown(desk.connection, found) for found in desk.connection.execute(query).scalars()]


def papers_of(connection: Connection, transfer: str) -> list[Paper]:
    """Return the papers of a transfer as they are now, in the order of its list."""
    return [reload(connection, line.box or line.file) for line in lines(connection, transfer)]


def line_of(connection: Connection, transfer: str, paper: str) -> Line | None:
    """Return the line of a paper in a transfer."""
    column = transfer_lines.c.box if paper.startswith("box_") else transfer_lines.c.file
    query = select(transfer_lines).where(transfer_lines.c.transfer == transfer, column == paper)
    return connection.execute(query).one_or_none()


def within(connection: Connection, transfer: str, paper: Paper) -> bool:
    """Tell whether a box that is listed holds this paper: it came with its box."""
    return any(line_of(connection, transfer, box.id) is not None for box in boxes_around(connection, paper.box))


def counts(connection: Connection, transfer: str) -> dict[str, int]:
    """Return how many lines there are of each state."""
    query = select(transfer_lines.c.state, func.count()).where(transfer_lines.c.transfer == transfer)
    return {state: int(count) for state, count in connection.execute(query.group_by(transfer_lines.c.state))}


def wrong(connection: Connection, transfer: str) -> list[Line]:
    """Return the lines that are not in order and that nobody has settled."""
    return [line for line in lines(connection, transfer) if line.state in FAULTS and line.note != SETTLED]


def _path(connection: Connection, place: str | None) -> str | None:
    if place is None:
        return None
    return str(connection.execute(select(locations.c.path).where(locations.c.id == place)).scalar_one())
