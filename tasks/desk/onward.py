"""Where a paper goes next: kept ready for who heads the queue, sent to another site, or put away."""

from datetime import timedelta

from sqlalchemy import select

from custody.decisions import Outcome
from custody.desk_tables import locations
from custody.movements import Move, Paper, Position, move
from records.desk_answers import Said
from records.ids import instant
from records.tables import persons
from tasks.desk import queue
from tasks.desk.acts import Desk
from tasks.desk.places import Place, here, passing, sites
from tasks.desk.shelving import where_home
from tasks.desk.terms import terms_of

Notes = tuple[Said, ...]


def here_for(desk: Desk, paper: Paper) -> Place:
    """Return where the clerk is; where nobody said so among several sites, the desk of the paper's own site."""
    if desk.asked.at is not None or desk.services.loans.desk is not None or len(sites(desk.connection)) < 2:
        return here(desk)
    first = sites(desk.connection)[0].id
    return passing(desk, queue.home_site(desk, paper, first), "DESK")


def go(desk: Desk, paper: Paper, outcome: Outcome, at: Place) -> tuple[Notes, str | None]:
    """Do what the table says becomes of a paper that is here and free; return what to say and what to do next."""
    if outcome is Outcome.READY:
        return keep_ready(desk, paper), "hand-over"
    if outcome is Outcome.PICKUP:
        return send_to_pickup(desk, paper), "send"
    if outcome is Outcome.HOMEWARD:
        return send_home(desk, paper, at), "send"
    if paper.state == "at_desk":
        return (), None
    home = where_home(desk, paper)
    if home is None:
        return (), "locate"
    return (Said("put-away", {"home": home}),), "refile"


def keep_ready(desk: Desk, paper: Paper) -> Notes:
    """Keep a paper at the desk for the head of its queue, until a day by which it is fetched."""
    request = queue.open_requests(desk.connection, paper.id)[0]
    place = desk.connection.execute(select(locations).where(locations.c.id == request.pickup)).one()
    terms = terms_of(desk, place)
    until = terms.calendar.next_open(terms.today + timedelta(days=desk.services.loans.ready_days)).isoformat()
    if paper.state != "at_desk":
        move(desk.act, paper, Move("reserved", "at_desk", Position(place=place.id), auth_ref=request.id))
    ready = {"ready_at": instant(desk.now), "reserved_until": until}
    queue.advance(desk, request, "reserved", "ready", **ready)
    return (Said("kept-ready", {"person": _name(desk, request.requester), "place": place.path, "until": until}),)


def send_to_pickup(desk: Desk, paper: Paper) -> Notes:
    """Send a paper to the site where the head of its queue fetches it."""
    request = queue.open_requests(desk.connection, paper.id)[0]
    site = desk.connection.execute(select(locations).where(locations.c.id == request.site)).one()
    _send(desk, paper, site.id, request.id)
    if request.state != "in_transit":
        queue.advance(desk, request, "in_transit", "in_transit", reserved_until=None, ready_at=None)
    return (Said("sent-on", {"person": _name(desk, request.requester), "site": site.path}),)


def send_home(desk: Desk, paper: Paper, at: Place) -> Notes:
    """Send a paper to the site it belongs to."""
    home = queue.home_site(desk, paper, at.site)
    site = desk.connection.execute(select(locations).where(locations.c.id == home)).one()
    _send(desk, paper, site.id, None)
    return (Said("sent-home", {"site": site.path}),)


def _send(desk: Desk, paper: Paper, site: str, request: str | None) -> None:
    if paper.state != "in_transit":
        move(desk.act, paper, Move("in_transit", "in_transit", Position(), auth_ref=request, obj={"to": site}))


def _name(desk: Desk, person: str) -> str:
    return str(desk.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())
