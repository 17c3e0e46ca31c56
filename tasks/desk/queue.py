"""Who waits for a file: the queue of granted requests, and the situation that the table of decisions asks about.

Positions are 1, 2, 3... without a gap (reference of the records desk, invariant 16). A request that nobody has granted
yet has no position. Of two priorities the higher goes first; of one, who was granted first. The one that a file is
kept ready or on its way for stays at the head.
"""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from custody.decisions import Act, Case, Situation, Standing, Waiting, decide
from custody.desk_tables import boxes, locations
from custody.loan_tables import loans, requests
from custody.movements import Paper
from custody.whereabouts import boxes_around
from records.ids import instant
from tasks.desk.acts import Desk

Request = Row[Any]


def target_column(paper: str) -> Any:
    """Return the column of requests that names this file or box."""
    return requests.c.box if paper.startswith("box_") else requests.c.file


def open_requests(connection: Connection, paper: str) -> list[Request]:
    """Return the granted requests for a file or box, the head first."""
    query = select(requests, locations.c.site).join(locations, locations.c.id == requests.c.pickup)
    here = (target_column(paper) == paper) & requests.c.closed_at.is_(None) & requests.c.position.is_not(None)
    return list(connection.execute(query.where(here).order_by(requests.c.position)))


def undecided(connection: Connection, paper: str) -> list[Request]:
    """Return the requests for a file or box on which nobody has decided."""
    here = (target_column(paper) == paper) & (requests.c.state == "submitted")
    return list(connection.execute(select(requests).where(here).order_by(requests.c.id)))


def open_loan(connection: Connection, paper: str) -> Row[Any] | None:
    """Return the loan of a file or box that is not closed."""
    column = loans.c.box if paper.startswith("box_") else loans.c.file
    return connection.execute(select(loans).where(column == paper, loans.c.closed_at.is_(None))).one_or_none()


def home_site(desk: Desk, paper: Paper, otherwise: str) -> str:
    """Return the site a paper belongs to: that of its slot, or of its box's slot; where it has none, `otherwise`."""
    home = _home_place(desk.connection, paper)
    if home is None:
        return otherwise
    return str(desk.connection.execute(select(locations.c.site).where(locations.c.id == home)).scalar_one())


def _home_place(connection: Connection, paper: Paper) -> str | None:
    if paper.id.startswith("box_"):
        return next((box.home for box in (paper, *boxes_around(connection, paper.box)) if box.home is not None), None)
    if paper.home_box is None:
        return None if paper.home_place is None else str(paper.home_place)
    box = connection.execute(select(boxes).where(boxes.c.id == paper.home_box)).one()
    return _home_place(connection, box)


def situation(desk: Desk, paper: Paper, here: str) -> Situation:
    """Return what a decision about this paper needs to know, for an act at the site `here`."""
    waiting = open_requests(desk.connection, paper.id)
    home = home_site(desk, paper, here)
    if paper.state == "on_loan":
        loan = open_loan(desk.connection, paper.id)
        current = None if loan is None else Waiting(loan.id, loan.borrower, home)
        return Situation(Standing.LENT, home, here, current, _queue(waiting))
    held = next((row for row in waiting if row.state in ("ready", "in_transit")), None)
    standing = Standing.HERE
    if paper.state == "at_desk" and held is not None:
        standing = Standing.READY
    elif paper.state == "in_transit":
        standing = Standing.HOMEWARD if held is None else Standing.TO_PICKUP
    current = None if held is None else Waiting(held.id, held.requester, held.site)
    return Situation(standing, home, here, current, _queue(row for row in waiting if row is not held))


def decided(
    desk: Desk, act: Act, paper: Paper, here: str, person: str | None = None, request: str | None = None
) -> Case:
    """Return what the table says of an act on this paper."""
    return decide(act, situation(desk, paper, here), person, request)


def join(desk: Desk, paper: str, priority: int) -> int:
    """Make room for a request that joins the queue now and return its position.

    It comes behind those of its priority and above, and behind whom the paper is fetched, kept ready or on its way for.
    """
    waiting = open_requests(desk.connection, paper)
    before = [row.position for row in waiting if row.priority >= priority or row.state != "queued"]
    position = max(before, default=0) + 1
    _shift(desk.connection, paper, position - 1, None, 1)
    return position


def advance(desk: Desk, request: Request, kind: str, after: str, **also: Any) -> None:
    """Move a request to another state with its event; `also` are other columns that change with it."""
    event = {name: also.pop(name) for name in ("reason", "words", "place", "refs") if name in also}
    desk.act.append(kind, request.id, request.client, before=request.state, after=after, **event)
    desk.connection.execute(update(requests).where(requests.c.id == request.id).values(state=after, **also))


def close(desk: Desk, request: Request, kind: str, after: str, **also: Any) -> None:
    """End a request with its event; those behind it move up."""
    advance(desk, request, kind, after, closed_at=instant(desk.now), position=None, **also)
    if request.position is not None:
        _shift(desk.connection, request.file or request.box, request.position, None, -1)


def to_head(desk: Desk, request: Request, position: int) -> None:
    """Move a request to `position`, the first behind the one a file is kept for; those between move back."""
    paper = request.file or request.box
    desk.connection.execute(update(requests).where(requests.c.id == request.id).values(position=None))
    _shift(desk.connection, paper, position - 1, request.position, 1)
    advance(desk, request, "requeued", request.state, position=position)


def _shift(connection: Connection, paper: str, above: int, below: int | None, step: int) -> None:
    """Add `step` to the positions between two; by way of negative numbers, so that none is there twice meanwhile."""
    here = (target_column(paper) == paper) & requests.c.closed_at.is_(None)
    between = here & (requests.c.position > above)
    if below is not None:
        between &= requests.c.position < below
    connection.execute(update(requests).where(between).values(position=-requests.c.position))
    connection.execute(
        update(requests).where(here, requests.c.position < 0).values(position=step - requests.c.position)
    )


def _queue(rows: Any) -> tuple[Waiting, ...]:
    return tuple(Waiting(row.id, row.requester, row.site) for row in rows)
