"""Missing and found: nothing is missing before it was looked for twice, nor found before a second person says so.

Whoever lists a file as not found opens a search slip; the request for it stays alive (reference of the records desk,
invariant 19). Missing is not lost, and lost is not destroyed: row, loan and history stay (same reference, section 10).
"""

from typing import Any

from sqlalchemy import insert, select, update

from custody import ledger
from custody.desk_tables import physical_files
from custody.loan_tables import loans, work_lines, work_orders
from custody.movements import Move, Paper, Position, move, reload
from custody.tables import events
from records.desk_answers import Said, state_word
from records.ids import instant
from tasks.desk import lookup, places
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.finding import last_places
from tasks.desk.incidents import open_incident, settle
from tasks.desk.queue import open_loan
from tasks.desk.receiving import answered
from tasks.desk.shelving import home_of
from tasks.services import Services

SEARCHES = 2  # times a file is looked for in vain before it is missing
LOOKED_FOR = ("received", "stored", "picked", "at_desk", "returned", "checked", "quarantine", "in_transit",
              "in_digitisation", "on_loan")  # fmt: skip
APPROVE, DISAPPROVE = "approve", "disapprove"


def not_found(services: Services, asked: Asked, raw: str) -> Answer:
    """Say that a file is not where it should be: a search slip with its last places and people."""
    return perform(services, asked, f"not-found {raw}", lambda desk: _not_found(desk, raw))


def _not_found(desk: Desk, raw: str) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    if file.state not in LOOKED_FOR:
        stop("not-movable", barcode=file.barcode, state=state_word(file.state), file=file.id)
    note_absent(desk, file)
    where, who = last_places(desk.connection, file.id)
    more = {"searches": file.searches + 1, "last_places": where, "last_people": who}
    return answered(desk, Said("not-found-here", {"barcode": file.barcode}), file, more=more)


def note_absent(desk: Desk, file: Paper, request: str | None = None) -> None:
    """Count one search in vain and open a search slip for it; nothing is moved, no request ends."""
    connection = desk.connection
    site = places.site_of(connection, places.here(desk)).id
    open_order = select(work_orders.c.id).where(
        work_orders.c.kind == "SEARCH", work_orders.c.state == "open", work_orders.c.site == site
    )
    order = connection.execute(open_order).scalar()
    if order is None:
        order = desk.services.ids.new("wrk")
        connection.execute(
            insert(work_orders).values(
                id=order, kind="SEARCH", site=site, state="open", by=desk.asked.person.pseudonym,
                created=instant(desk.now),
            )
        )  # fmt: skip
    connection.execute(
        insert(work_lines).values(
            work_order=order, client=file.client, file=file.id, request=request, expected=file.box or file.place,
            created=instant(desk.now), outcome="NOT_FOUND", at=instant(desk.now), by=desk.asked.person.pseudonym,
        )
    )  # fmt: skip
    searched = update(physical_files).where(physical_files.c.id == file.id)
    connection.execute(searched.values(searches=physical_files.c.searches + 1))


def missing(services: Services, asked: Asked, raw: str) -> Answer:
    """Say that a file is missing; one that was not looked for twice needs `--answer search-again`."""
    return perform(services, asked, f"missing {raw}", lambda desk: _missing(desk, raw))


def _missing(desk: Desk, raw: str) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    if file.state == "missing":
        return answered(desk, Said("missing-already", {"barcode": file.barcode, "since": file.since[:10]}), file)
    if file.state == "found_pending":
        return answered(desk, Said("found-waits", {"barcode": file.barcode}), file)
    if file.state not in LOOKED_FOR:
        stop("not-movable", barcode=file.barcode, state=state_word(file.state), file=file.id)
    loan = open_loan(desk.connection, file.id)
    if loan is None and file.searches < SEARCHES and not desk.answered("search-again"):
        stop("search-again", barcode=file.barcode, times=file.searches, file=file.id)
    note: dict[str, Any] = {}
    if loan is not None:
        note = {"refs": (loan.opened_event,), "about": loan.borrower}
        desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(state="declared_lost"))
    asked = desk.asked
    entry = move(desk.act, file, Move("missing", "missing", Position(), reason=asked.reason, words=asked.words, **note))
    open_incident(desk, entry.id, file, "MISSING", None if loan is None else loan.id, searches=file.searches)
    where, who = last_places(desk.connection, file.id)
    more = {"last_places": where, "last_people": who}
    said = Said("missing", {"barcode": file.barcode})
    return answered(desk, said, file, loan=None if loan is None else loan.id, more=more)


def found(services: Services, asked: Asked, raw: str) -> Answer:
    """Say that a missing file turned up; a second person then answers `approve` or `disapprove`."""
    return perform(services, asked, f"found {raw} {sorted(asked.answers)}", lambda desk: _found(desk, raw))


def _found(desk: Desk, raw: str) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    if file.state == "missing":
        return turned_up(desk, file)
    if file.state != "found_pending":
        stop("not-missing", barcode=file.barcode, state=state_word(file.state), file=file.id)
    if not desk.asked.answers & {APPROVE, DISAPPROVE}:
        return answered(desk, Said("found-waits", {"barcode": file.barcode}), file)
    if file.client not in desk.may("supervise"):
        stop("not-supervisor", barcode=file.barcode, file=file.id, denied=("supervise", file.client, file.id))
    if _finder(desk, file.id) == desk.asked.person.pseudonym:
        stop("second-person", barcode=file.barcode, file=file.id)
    return _disapprove(desk, file) if desk.answered(DISAPPROVE) else _approve(desk, file)


def turned_up(desk: Desk, file: Paper) -> Answer:
    """Record that a missing file was scanned: it waits for a second person, and cannot be lent until then."""
    place = places.here(desk)
    entry = move(desk.act, file, Move("found", "found_pending", Position(place=place.id)), searches=0)
    open_incident(desk, entry.id, file, "FOUND_PENDING")
    return answered(desk, Said("found", {"barcode": file.barcode, "place": place.path}), file)


def _approve(desk: Desk, file: Paper) -> Answer:
    loan = open_loan(desk.connection, file.id)
    at = Position(box=file.box, place=file.place)
    after = "stored" if home_of(file) == at else "checked"
    note: dict[str, Any] = {}
    if loan is not None:
        after = "returned"  # it never came back from its loan: count it first
        note = {"refs": (loan.opened_event,), "about": loan.borrower}
        back = {
            "state": "return_pending_check", "returned_at": instant(desk.act.happened),
            "returned_recorded": instant(desk.now),
        }  # fmt: skip
        desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**back))
    move(desk.act, file, Move("found_approved", after, at, **note))
    settle(desk, file.id, "found", "MISSING", "FOUND_PENDING")
    then = {"returned": "count", "checked": "refile"}.get(after)
    return answered(
        desk, Said("found-approved", {"barcode": file.barcode, "state": state_word(after)}), file, then=then
    )


def _disapprove(desk: Desk, file: Paper) -> Answer:
    asked = desk.asked
    move(desk.act, file, Move("missing", "missing", Position(), reason=asked.reason, words=asked.words))
    settle(desk, file.id, "not-the-one", "FOUND_PENDING")
    return answered(desk, Said("found-refused", {"barcode": file.barcode}), reload(desk.connection, file.id))


def _finder(desk: Desk, file: str) -> str:
    """Return the pseudonym of who saw the missing file."""
    query = select(events.c.leaf).where(events.c.subject == file, events.c.type == "found")
    leaf = desk.connection.execute(query.order_by(events.c.seq.desc()).limit(1)).scalar_one()
    actor: str = ledger.Entry(0, "", bytes(leaf), "").event["actor"]["id"]
    return actor
