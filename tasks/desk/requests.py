"""Requests: asked for with a purpose and what is wanted, decided, queued, kept ready, filled, or met by a scan.

Copy or scan first, the paper by exception (reference of the records desk, section 4). The table of decisions says which
request is legal where a file is; the queue keeps its order, and who heads it wins.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select, update

from custody.decisions import Act, Outcome
from custody.loan_tables import requests
from custody.movements import Move, Paper, Position, move, reload
from custody.whereabouts import where_is
from records.catalogue import resolve
from records.desk_answers import Said, state_word
from records.errors import AmbiguousIdError, UnknownIdError
from records.ids import instant
from records.tables import clients, persons, scans
from tasks.desk import lookup, onward, places, queue
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.receiving import answered
from tasks.services import Services

SCANNED = ("scan", "certified-copy")  # met without lending


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for: a paper, by whom, what for, and what is wanted of it. `pickup`: where it is kept ready."""

    paper: str
    requester: str | None
    purpose: str
    words: str | None = None
    wants: str = "paper"
    needed_by: date | None = None
    priority: int = 0
    legal_basis: str | None = None


def add(services: Services, asked: Asked, asking: Asking) -> Answer:
    """Ask for a paper; somebody decides about it."""
    return perform(services, asked, f"request {asking}", lambda desk: _add(desk, asking))


def _add(desk: Desk, asking: Asking) -> Answer:
    paper = lookup.paper(desk, asking.paper, "request", lookup.PAPERS)
    if asking.requester is None:
        requester: Any = desk.asked.person
    else:
        requester = lookup.person(desk, asking.requester)
    here = onward.here_for(desk, paper)
    if paper.state in ("missing", "withdrawn", "disposal_listed", "destroyed"):
        stop("not-requestable", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    case = queue.decided(desk, Act.ADD_REQUEST, paper, here.site, requester.id)
    twice = any(row.requester == requester.id for row in queue.undecided(desk.connection, paper.id))
    if case.outcome is Outcome.DENY or twice:
        stop("requested-already", barcode=paper.barcode, person=requester.name, file=paper.id)
    request = desk.services.ids.new("req")
    desk.connection.execute(
        insert(requests).values(
            id=request, client=paper.client, requester=requester.id, purpose=asking.purpose, wants=asking.wants,
            legal_basis=asking.legal_basis, priority=asking.priority, pickup=here.id, state="submitted",
            needed_by=None if asking.needed_by is None else asking.needed_by.isoformat(), created=instant(desk.now),
            **{"box" if paper.id.startswith("box_") else "file": paper.id},
        )
    )  # fmt: skip
    pseudonym = desk.act.pseudonym(requester.id)
    desk.act.append(
        "requested", request, paper.client, asking.words, after="submitted", reason=asking.purpose,
        on_behalf=pseudonym, refs=(), obj={"wants": asking.wants, "paper": paper.id},
    )  # fmt: skip
    said = Said("requested", {"barcode": paper.barcode, "person": requester.name, "request": request})
    return _told(desk, said, paper, request)


def _told(desk: Desk, said: Said, paper: Paper, request: str, notes: tuple[Said, ...] = ()) -> Answer:
    more = {"request": shown(desk, _row(desk, request))}
    return answered(desk, said, paper, notes=notes, more=more)


def _row(desk: Desk, request: str) -> Row[Any]:
    return desk.connection.execute(select(requests).where(requests.c.id == request)).one()


def shown(desk: Desk, row: Row[Any]) -> dict[str, Any]:
    """Return a request as answers show it."""
    paper = reload(desk.connection, row.file or row.box)
    names = select(persons.c.name).where(persons.c.id == row.requester)
    client = select(clients.c.name).where(clients.c.id == row.client)
    return {
        "id": row.id, "client": desk.connection.execute(client).scalar_one(), "paper": paper.id,
        "barcode": paper.barcode, "location": where_is(desk.connection, paper).text,
        "requester": desk.connection.execute(names).scalar_one(), "purpose": row.purpose, "wants": row.wants,
        "needed_by": row.needed_by, "priority": row.priority, "state": row.state, "position": row.position,
        "reserved_until": row.reserved_until, "refusal_reason": row.refusal_reason, "scan": row.scan,
        "created": row.created, "closed": row.closed_at,
    }  # fmt: skip


def find(desk: Desk, raw: str, action: str) -> Row[Any]:
    """Return the request with this id or start of one, which the person may see."""
    try:
        found = resolve(desk.connection, requests, raw, requests.c.client.in_(desk.visible))
    except UnknownIdError:
        stop("unknown-request", raw=raw)
    except AmbiguousIdError:
        stop("ambiguous-id", raw=raw)
    row = _row(desk, found)
    if row.client not in desk.may(action):
        stop("not-allowed", denied=(action, row.client, row.id))
    return row


def authorise(services: Services, asked: Asked, raw: str, priority: int | None = None) -> Answer:
    """Grant a request; it joins the queue by its priority, which who grants it may set otherwise."""
    return perform(services, asked, f"authorise {raw} {priority}", lambda desk: _authorise(desk, raw, priority))


def decide(services: Services, asked: Asked, raw: str, verdict: str) -> Answer:
    """Decide about a request: `authorise`, `refuse`, `cancel`, `unfillable`, `first` (to the head of its queue)."""
    return perform(services, asked, f"decide {raw} {verdict}", lambda desk: _DECISIONS[verdict](desk, raw))


def _authorise(desk: Desk, raw: str, priority: int | None = None) -> Answer:
    row = find(desk, raw, "supervise")
    _still(row, "submitted")
    paper = reload(desk.connection, row.file or row.box)
    rank = row.priority if priority is None else priority
    position = queue.join(desk, paper.id, rank)
    decided = {"decided_by": desk.asked.person.pseudonym, "decided_at": instant(desk.now), "priority": rank}
    queue.advance(desk, row, "authorised", "queued", position=position, **decided)
    code = "authorised-scan" if row.wants in SCANNED else "authorised"
    return _told(desk, Said(code, {"barcode": paper.barcode, "position": position, "request": row.id}), paper, row.id)


def _refuse(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw, "supervise")
    _still(row, "submitted", "queued")
    if desk.asked.reason is None:
        stop("refusal-reason")
    decided = {"decided_by": desk.asked.person.pseudonym, "decided_at": instant(desk.now)}
    queue.close(desk, row, "refused", "refused", reason=desk.asked.reason, words=desk.asked.words,
                refusal_reason=desk.asked.reason, **decided)  # fmt: skip
    paper = reload(desk.connection, row.file or row.box)
    return _told(desk, Said("request-refused", {"barcode": paper.barcode}), paper, row.id)


def _cancel(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw, "request")
    _require_own(desk, row)
    return end(desk, row, "cancelled", "cancelled")


def _unfillable(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw, "supervise")
    _still(row, "queued", "picking", "ready", "in_transit")
    return end(desk, row, "unfillable", "not_fillable")


def end(desk: Desk, row: Row[Any], kind: str, after: str) -> Answer:
    """End a request before it is met; the paper goes to the next, home, or back to its place, as the table says."""
    _still(row, "submitted", "queued", "picking", "ready", "in_transit")
    paper = reload(desk.connection, row.file or row.box)
    here = onward.here_for(desk, paper)
    outcome = Outcome.CANCEL
    if row.position is not None:
        outcome = queue.decided(desk, Act.CANCEL_REQUEST, paper, here.site, request=row.id).outcome
    queue.close(desk, row, kind, after, reason=desk.asked.reason, words=desk.asked.words, reserved_until=None)
    notes: tuple[Said, ...] = ()
    if outcome is Outcome.CANCEL_NEXT_READY:
        notes = onward.keep_ready(desk, paper)
    elif outcome is Outcome.CANCEL_NEXT_PICKUP:
        notes = onward.send_to_pickup(desk, paper)
    elif outcome is Outcome.CANCEL_HOMEWARD and paper.state != "in_transit":
        notes = onward.send_home(desk, paper, here)
    return _told(
        desk, Said("request-ended", {"barcode": paper.barcode, "state": state_word(after)}), paper, row.id, notes
    )


def _first(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw, "supervise")
    _still(row, "queued", "picking")
    paper = reload(desk.connection, row.file or row.box)
    here = onward.here_for(desk, paper)
    case = queue.decided(desk, Act.REQUEST_TO_FIRST_RANK, paper, here.site, request=row.id)
    if case.outcome is Outcome.IMPOSSIBLE:
        stop("nothing-to-pass", barcode=paper.barcode)
    held = [one for one in queue.open_requests(desk.connection, paper.id) if one.state in ("ready", "in_transit")]
    queue.to_head(desk, row, 1 + len(held))
    if case.outcome is Outcome.FIRST_PICKUP:
        onward.send_to_pickup(desk, paper)
    return _told(desk, Said("first", {"barcode": paper.barcode}), paper, row.id)


def change_pickup(services: Services, asked: Asked, raw: str, place: str) -> Answer:
    """Say where a request is fetched instead: for who asked, and for clerks."""
    return perform(services, asked, f"pickup {raw} {place}", lambda desk: _change_pickup(desk, raw, place))


def _change_pickup(desk: Desk, raw: str, place: str) -> Answer:
    row = find(desk, raw, "request")
    _require_own(desk, row)
    _still(row, "queued", "picking", "ready", "in_transit")
    paper = reload(desk.connection, row.file or row.box)
    target = lookup.place(desk, place)
    case = queue.decided(desk, Act.CHANGE_PICKUP_LOCATION, paper, onward.here_for(desk, paper).site, request=row.id)
    if case.outcome not in (Outcome.CHANGE, Outcome.CHANGE_PICKUP):
        stop("pickup-fixed", barcode=paper.barcode, state=state_word(row.state))
    desk.act.append("pickup_changed", row.id, row.client, place=target.id)
    desk.connection.execute(update(requests).where(requests.c.id == row.id).values(pickup=target.id))
    if case.outcome is Outcome.CHANGE_PICKUP:
        onward.send_to_pickup(desk, paper)
    return _told(desk, Said("pickup-changed", {"barcode": paper.barcode, "place": target.path}), paper, row.id)


def _require_own(desk: Desk, row: Row[Any]) -> None:
    """End the act where a person who is no clerk touches the request of another."""
    if row.requester != desk.asked.person.id and row.client not in desk.may("handle"):
        stop("not-allowed", denied=("handle", row.client, row.id))


def _still(row: Row[Any], *states: str) -> None:
    if row.state not in states:
        stop("request-over", state=state_word(row.state))


_DECISIONS = {
    "authorise": _authorise,
    "refuse": _refuse,
    "cancel": _cancel,
    "unfillable": _unfillable,
    "first": _first,
}
VERDICTS = tuple(_DECISIONS)


def ready(services: Services, asked: Asked, raw: str) -> Answer:
    """Bring a picked paper to the desk, or on its way, for who heads its queue."""
    return perform(services, asked, f"ready {raw}", lambda desk: _ready(desk, raw))


def _ready(desk: Desk, raw: str) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    here = onward.here_for(desk, paper)
    case = queue.decided(desk, Act.VALIDATE, paper, here.site)
    if case.outcome is Outcome.IMPOSSIBLE or paper.state not in ("received", "stored", "picked", "checked"):
        stop("nobody-waits", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    notes, then = onward.go(desk, paper, case.outcome, here)
    said = Said("brought", {"barcode": paper.barcode, "person": None})
    return answered(desk, said, paper, notes=notes, then=None if then == "hand-over" else then)


def pick(services: Services, asked: Asked, raw: str) -> Answer:
    """Take a paper from its shelf for who heads its queue."""
    return perform(services, asked, f"pick {raw}", lambda desk: _pick(desk, raw))


def _pick(desk: Desk, raw: str) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    if paper.state != "stored":
        stop("not-movable", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    where = where_is(desk.connection, paper).text
    waiting = queue.open_requests(desk.connection, paper.id)
    head = waiting[0] if waiting else None
    place = places.passing(desk, onward.here_for(desk, paper).site, "STAGING")
    reference = None if head is None else head.id
    move(desk.act, paper, Move("picked", "picked", Position(place=place.id), auth_ref=reference))
    if head is not None and head.state == "queued":
        queue.advance(desk, head, "picked", "picking")
    then = "scan" if head is not None and head.wants in SCANNED else "to-desk"
    said = Said("picked", {"barcode": paper.barcode, "place": where, "request": reference})
    return answered(desk, said, paper, then=then)


def fill_by_scan(services: Services, asked: Asked, raw: str, scan: str) -> Answer:
    """Meet a request for a scan or copy: the scan is named, and the paper goes back without ever being lent."""
    return perform(services, asked, f"fill {raw} {scan}", lambda desk: _fill(desk, raw, scan))


def _fill(desk: Desk, raw: str, scan: str) -> Answer:
    row = find(desk, raw, "handle")
    _still(row, "queued", "picking", "ready", "in_transit")
    try:
        found = resolve(desk.connection, scans, scan, scans.c.client == row.client)
    except (UnknownIdError, AmbiguousIdError):
        stop("unknown-scan", raw=scan)
    paper = reload(desk.connection, row.file or row.box)
    queue.close(desk, row, "scanned", "converted", scan=found, reserved_until=None)
    then = "refile" if paper.state in ("picked", "at_desk", "checked") else None
    return _told_scan(desk, paper, row, then)


def _told_scan(desk: Desk, paper: Paper, row: Row[Any], then: str | None) -> Answer:
    more = {"request": shown(desk, _row(desk, row.id))}
    return answered(desk, Said("met-by-scan", {"barcode": paper.barcode}), paper, then=then, more=more)


def listed(desk: Desk, state: str | None, client: str | None, requester: str | None) -> list[dict[str, Any]]:
    """Return the requests that the person may see, the oldest first; without a state those that are not over."""
    query = select(requests).where(requests.c.client.in_(desk.visible)).order_by(requests.c.created, requests.c.id)
    query = query.where(requests.c.closed_at.is_(None) if state is None else requests.c.state == state)
    if client is not None:
        query = query.where(requests.c.client == client)
    if requester is not None:
        query = query.where(requests.c.requester == requester)
    return [shown(desk, row) for row in desk.connection.execute(query).all()]
