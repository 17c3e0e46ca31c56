"""What comes back: a return is never refused for a known barcode; it records what is true and says what to do next.

Returned is not counted, and counted is not put away: three events. Paper that was not lent at all was seen: that
is recorded too, and may move it on its way (reference of the records desk, invariant 11, section 10 rows 8 and 11).
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Row, select, update

from custody.decisions import Act, Outcome
from custody.desk_tables import locations
from custody.loan_tables import loans
from custody.movements import Move, Paper, Position, move, reload
from custody.whereabouts import files_within
from records.desk_answers import Said, state_word
from records.due_dates import overdue_days
from records.ids import instant
from records.tables import persons
from tasks.desk import counting, lookup, onward, places, queue
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.counting import Count
from tasks.desk.incidents import open_incident
from tasks.desk.missing import turned_up
from tasks.desk.receiving import answered
from tasks.desk.terms import terms_of_site
from tasks.services import Services


def give_back(services: Services, asked: Asked, raw: str, count: Count | None = None) -> Answer:
    """Take a paper back, lent or not; with `count`, its pages are counted in the same act."""
    what = f"return {raw} {count} {sorted(asked.answers)}"
    return perform(services, asked, what, lambda desk: seen_here(desk, raw, count))


def seen_here(desk: Desk, raw: str, count: Count | None = None) -> Answer:
    """Record, as part of an act, that a paper is here: what was lent is back, what was not was seen."""
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    check_time(desk, paper)
    boxed = paper.id.startswith("box_")
    if paper.state == "on_loan":
        answer = _box_back(desk, paper) if boxed else _from_loan(desk, paper)
    else:
        answer = _SEEN.get(paper.state, _still)(desk, paper)
    now = reload(desk.connection, paper.id)
    if count is not None and count.said and not boxed and now.state == "returned":
        counted = counting.count_in(desk, now, count)
        return Answer(
            counted.said, counted.then, (answer.said, *answer.notes, *counted.notes), counted.file, answer.loan,
            None, counted.location, tuple(desk.act.seqs), {**answer.more, **counted.more},
        )  # fmt: skip
    return answer


def check_time(desk: Desk, paper: Paper) -> None:
    """End the act where it is said to have happened before the paper's last move, or before its loan began."""
    occurred = desk.asked.occurred
    if occurred is None:
        return
    loan = queue.open_loan(desk.connection, paper.id)
    seen = None if paper.id.startswith("box_") else paper.seen
    last = max((moment for moment in (seen, None if loan is None else loan.opened_at) if moment), default=None)
    if last is not None and instant(occurred) < last:
        stop("before-the-last", barcode=paper.barcode, time=last[:16].replace("T", " "), file=paper.id)


def _from_loan(desk: Desk, paper: Paper) -> Answer:
    loan = queue.open_loan(desk.connection, paper.id)
    if loan is None:  # the ledger says it is lent and no loan is open: kept aside for who can tell why
        return _still(desk, paper)
    here = onward.here_for(desk, paper)
    staging = places.passing(desk, here.site, "STAGING")
    said = _said_of_return(desk, paper, loan)
    take_back(desk, paper, loan, Position(place=staging.id))
    notes = tuple(_where_next(desk, paper, here.site))
    return answered(desk, said, paper, then="count", loan=loan.id, due=loan.due_on, notes=notes)


def take_back(desk: Desk, paper: Paper, loan: Row[Any], at: Position) -> None:
    """Record that a lent paper is back: the clock of its loan stops, it is not yet available."""
    move(desk.act, paper, Move("returned", "returned", at, refs=(loan.opened_event,), about=loan.borrower))
    back = {
        "state": "return_pending_check", "returned_at": instant(desk.act.happened),
        "returned_recorded": instant(desk.now),
    }  # fmt: skip
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**back))


def _said_of_return(desk: Desk, paper: Paper, loan: Row[Any]) -> Said:
    name = desk.connection.execute(select(persons.c.name).where(persons.c.id == loan.borrower)).scalar_one()
    terms = terms_of_site(desk, loan.site)
    days = overdue_days(desk.act.happened, date.fromisoformat(loan.due_on), terms.zone)
    values = {"barcode": paper.barcode, "person": name, "days": days}
    if loan.state == "claimed_returned":
        return Said("returned-claimed", values)
    return Said("returned-late" if days else "returned", values)


def _where_next(desk: Desk, paper: Paper, here: str) -> list[Said]:
    """Tell where a paper goes after it is counted."""
    now = reload(desk.connection, paper.id)
    situation = queue.situation(desk, now, here)
    notes: list[Said] = []
    if situation.home != here:
        notes.append(Said("wrong-site", {"home": _path(desk, situation.home)}))
    if situation.queue:
        head = queue.open_requests(desk.connection, paper.id)[0]
        name = desk.connection.execute(select(persons.c.name).where(persons.c.id == head.requester)).scalar_one()
        notes.append(Said("waits-for-it", {"person": name}))
    return notes


def _path(desk: Desk, place: str) -> str:
    return str(desk.connection.execute(select(locations.c.path).where(locations.c.id == place)).scalar_one())


def _box_back(desk: Desk, box: Paper) -> Answer:
    """Take a lent box back: its files with it where a person says that all are in it, else each when it is scanned."""
    loan = queue.open_loan(desk.connection, box.id)
    if loan is None:
        return _still(desk, box)
    here = onward.here_for(desk, box)
    staging = places.passing(desk, here.site, "STAGING")
    inner = desk.connection.execute(select(loans).where(loans.c.within == loan.id, loans.c.closed_at.is_(None))).all()
    out = [row for row in inner if row.state in ("open", "claimed_returned")]
    if out and not box.sealed and not desk.asked.answers & {"box-contents", "box-empty"}:
        stop("box-contents", barcode=box.barcode, count=len(out), file=box.id)
    said = _said_of_return(desk, box, loan)
    take_back(desk, box, loan, Position(place=staging.id))
    back = 0
    if box.sealed or desk.answered("box-contents"):
        inside = {file.id: file for file in files_within(desk.connection, box.id)}
        for row in out:
            if row.file in inside:
                take_back(desk, inside[row.file], row, Position(box=inside[row.file].box))
                back += 1
    values = {**said.values, "count": back, "out": len(out) - back}
    notes = () if said.code == "returned" else (said,)
    return answered(desk, Said("returned-box", values), box, then="count", loan=loan.id, notes=notes)


def _on_hand(desk: Desk, paper: Paper) -> Answer:
    """Record that a paper was scanned that was with us all the time; it goes home, or to whom it is kept for."""
    here = onward.here_for(desk, paper)
    case = queue.decided(desk, Act.CHECKIN, paper, here.site)
    staging = places.passing(desk, here.site, "STAGING")
    at = Position(place=here.id if paper.state == "at_desk" else staging.id)
    after = "checked" if paper.state == "stored" else paper.state
    move(desk.act, paper, Move("sighted", after, at))
    said = Said("sighted", {"barcode": paper.barcode, "place": here.path})
    now = reload(desk.connection, paper.id)
    if paper.state in ("received", "picked") and case.outcome in (Outcome.SIGHT, Outcome.HOMEWARD):
        return answered(desk, said, paper, then="locate" if paper.state == "received" else "refile")
    notes, then = onward.go(desk, now, case.outcome, here)
    return answered(desk, said, paper, then=then, notes=notes)


def _arriving(desk: Desk, paper: Paper) -> Answer:
    """Record that a paper on its way was scanned: it arrives where it is bound for, else it was seen on its way."""
    here = onward.here_for(desk, paper)
    case = queue.decided(desk, Act.CHECKIN, paper, here.site)
    staging = places.passing(desk, here.site, "STAGING")
    if case.outcome is Outcome.SIGHT:
        move(desk.act, paper, Move("sighted", "in_transit", Position()))
        values = {"barcode": paper.barcode, "state": state_word(paper.state), "place": here.path}
        return answered(desk, Said("sighted-still", values), paper, then="send-on")
    loan = queue.open_loan(desk.connection, paper.id)
    after = "checked" if loan is None else "returned"
    move(desk.act, paper, Move("received", after, Position(place=staging.id)))
    said = Said("arrived", {"barcode": paper.barcode, "place": staging.path})
    if after == "returned":
        return answered(desk, said, paper, then="count")
    notes, then = onward.go(desk, reload(desk.connection, paper.id), case.outcome, here)
    return answered(desk, said, paper, then=then, notes=notes)


def _announced(desk: Desk, paper: Paper) -> Answer:
    staging = places.passing(desk, onward.here_for(desk, paper).site, "STAGING")
    move(desk.act, paper, Move("received", "received", Position(place=staging.id)))
    return answered(desk, Said("received", {"barcode": paper.barcode, "place": staging.path}), paper)


def _uncounted(desk: Desk, paper: Paper) -> Answer:
    """A paper that is back and was not counted is scanned once more: seen here now."""
    here = onward.here_for(desk, paper)
    staging = places.passing(desk, here.site, "STAGING")
    move(desk.act, paper, Move("sighted", paper.state, Position(place=staging.id)))
    return answered(desk, Said("returned-already", {"barcode": paper.barcode}), paper, then="count")


def _still(desk: Desk, paper: Paper) -> Answer:
    """Record a sighting that changes nothing: what is kept aside, being scanned or unsure stays what it is."""
    here = onward.here_for(desk, paper)
    move(desk.act, paper, Move("sighted", paper.state, Position(paper.box, paper.place, paper.holder)))
    values = {"barcode": paper.barcode, "state": state_word(paper.state), "place": here.path}
    return answered(desk, Said("sighted-still", values), paper)


def _after_the_end(desk: Desk, paper: Paper) -> Answer:
    """A paper that is gone in the catalogue is here: an incident, and nothing of it changes."""
    entry = desk.act.append("incident", paper.id, paper.client, reason="SEEN_AFTER_DESTRUCTION")
    open_incident(desk, entry.id, paper, "SEEN_AFTER_DESTRUCTION")
    values = {"barcode": paper.barcode, "state": state_word(paper.state)}
    return answered(desk, Said("seen-after-end", values), paper)


_SEEN: dict[str, Callable[[Desk, Paper], Answer]] = {
    "announced": _announced,
    "received": _on_hand,
    "stored": _on_hand,
    "picked": _on_hand,
    "at_desk": _on_hand,
    "checked": _on_hand,
    "in_transit": _arriving,
    "returned": _uncounted,
    "missing": turned_up,
    "withdrawn": _announced,
    "destroyed": _after_the_end,
}
