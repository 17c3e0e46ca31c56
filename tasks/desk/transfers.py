"""Transfers: a list of papers that come in, go to another site, or leave for good; what arrives is checked by line.

open -> sent -> received -> checking -> checked -> placed, or with_errors -> corrected -> checked. Every line ends as
OK, ERROR (damaged), EXTRA (it came and was not listed) or MISSING (listed, and it did not come); an archivist settles
what is wrong, and nothing is placed before. The list itself is a subject of the ledger, and so is each of its papers
(reference of the records desk, sections 3 and 4). What a client takes back for good goes by tasks/desk/withdrawing.py.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from custody.codes import find_code, give_code
from custody.loan_tables import transfer_lines, transfers
from custody.movements import Move, Paper, Position, move, reload
from records.desk import TRANSFER_CHECKS
from records.desk_answers import Said, state_word
from records.ids import instant
from tasks.desk import leaving, lookup, places, queue, returning, shelving
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.holding import held_back
from tasks.desk.incidents import open_incident
from tasks.desk.receiving import Described, add_file, client_of
from tasks.desk.transfer_lists import (
    SETTLED,
    Transfer,
    counts,
    find,
    line_of,
    lines,
    papers_of,
    shown,
    within,
    wrong,
)
from tasks.services import Services

KINDS = ("CLIENT_IN", "SITE", "PERM_WITHDRAWAL")
COMING = ("announced", "withdrawn")  # papers that are not with us and may be listed as coming in
LEAVING = ("received", "stored", "picked", "checked")  # papers that may be sent to another site
CHECKABLE = ("received", "checking", "with_errors", "corrected")
UNPLACED = ("received", "checked")  # papers of a checked transfer that nobody has put away


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A transfer to be listed: `papers` are barcodes; one that nobody knows is a client's file that is announced."""

    client: str
    kind: str
    papers: tuple[str, ...]
    origin: str | None = None
    destination: str | None = None


def add(services: Services, asked: Asked, new: NewTransfer) -> Answer:
    """List a transfer: all its papers, or none and the reason."""
    return perform(services, asked, f"transfer add {new}", lambda desk: _add(desk, new))


def _add(desk: Desk, new: NewTransfer) -> Answer:
    client = client_of(desk, new.client)
    ends = [None if raw is None else lookup.place(desk, raw).id for raw in (new.origin, new.destination)]
    transfer = desk.services.ids.new("trf")
    code = give_code(desk.connection, transfer, desk.now)
    desk.act.append("registered", transfer, client, after="open", obj={"kind": new.kind})
    desk.connection.execute(
        insert(transfers).values(
            id=transfer, client=client, barcode=code, kind=new.kind, origin=ends[0], destination=ends[1],
            state="open", by=desk.asked.person.pseudonym, created=instant(desk.now),
        )
    )  # fmt: skip
    papers = [_listed(desk, client, new.kind, raw) for raw in dict.fromkeys(new.papers)]
    if new.kind == leaving.KIND:
        papers = leaving.with_contents(desk, papers)
        leaving.propose(desk, transfer, client, papers)
    for paper in papers:
        _add_line(desk, transfer, paper, "PENDING")
    return told(desk, transfer, "withdrawal-added" if new.kind == leaving.KIND else "transfer-added")


def _listed(desk: Desk, client: str, kind: str, raw: str) -> Paper:
    """Return a paper that may be listed; what nobody knows is announced."""
    if kind == "CLIENT_IN" and not raw.startswith(("fil_", "box_")) and find_code(desk.connection, raw) is None:
        return add_file(desk, client, raw, Described(), None)
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    if paper.client != client:
        stop("transfer-other-client", barcode=paper.barcode)
    if kind != leaving.KIND:
        _check_listable(desk, kind, paper)
    return paper


def _check_listable(desk: Desk, kind: str, paper: Paper) -> None:
    if paper.state not in (LEAVING if kind == "SITE" else COMING):
        stop("transfer-not-listable", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    if kind == "SITE" and held_back(desk, paper):
        stop("on-hold", barcode=paper.barcode, file=paper.id)


def _add_line(desk: Desk, transfer: str, paper: Paper, state: str, note: str | None = None) -> None:
    boxed = paper.id.startswith("box_")
    column = transfer_lines.c.box if boxed else transfer_lines.c.file
    other = select(transfers.c.barcode).join(transfer_lines, transfer_lines.c.transfer == transfers.c.id)
    listed = desk.connection.execute(other.where(column == paper.id, transfer_lines.c.open)).scalar()
    if listed is not None:
        stop("transfer-listed", barcode=paper.barcode, transfer=listed, file=paper.id)
    values = {"at": instant(desk.now), "by": desk.asked.person.pseudonym} if state != "PENDING" else {}
    desk.connection.execute(
        insert(transfer_lines).values(
            transfer=transfer, client=paper.client, state=state, note=note, open=True,
            **{column.name: paper.id}, **values,
        )
    )  # fmt: skip


def send(services: Services, asked: Asked, raw: str) -> Answer:
    """Send a transfer off; what goes to another site is on its way from then on."""
    return perform(services, asked, f"transfer send {raw}", lambda desk: _send(desk, raw))


def _send(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw)
    in_state(row, "open")
    _comes_or_moves(row)
    for paper in papers_of(desk.connection, row.id):
        _check_listable(desk, row.kind, paper)
        if row.kind == "SITE":
            move(desk.act, paper, Move("in_transit", "in_transit", Position(), obj={"transfer": row.id}))
    step(desk, row, "in_transit", "sent", sent=instant(desk.now))
    return told(desk, row.id, "transfer-sent")


def receive(services: Services, asked: Asked, raw: str) -> Answer:
    """Record that a transfer arrived; its lines are checked one by one after that."""
    return perform(services, asked, f"transfer receive {raw}", lambda desk: _receive(desk, find(desk, raw)))


def begin(services: Services, asked: Asked, raw: str) -> Answer:
    """Begin or go on with the check of a transfer whose list was scanned: it is here."""
    return perform(services, asked, f"transfer begin {raw}", lambda desk: _begin(desk, find(desk, raw)))


def _begin(desk: Desk, row: Transfer) -> Answer:
    return told(desk, row.id, "transfer-goes-on") if row.state in CHECKABLE else _receive(desk, row)


def _receive(desk: Desk, row: Transfer) -> Answer:
    _comes_or_moves(row)
    in_state(row, *(("sent",) if row.kind == "SITE" else ("open", "sent")))
    step(desk, row, "received", "received", received=instant(desk.now))
    return told(desk, row.id, "transfer-received")


def _comes_or_moves(row: Transfer) -> None:
    if row.kind == leaving.KIND:
        stop("transfer-leaves", transfer=row.barcode)


def check(services: Services, asked: Asked, raw: str, paper: str, damaged: bool = False) -> Answer:
    """Check one line: this paper came, `damaged` or in order; one that is not listed is extra, and is taken in too."""
    what = f"transfer check {raw} {paper} {damaged}"
    return perform(services, asked, what, lambda desk: _check(desk, raw, paper, damaged))


def _check(desk: Desk, raw: str, code: str, damaged: bool) -> Answer:
    row = find(desk, raw)
    in_state(row, *CHECKABLE)
    paper = _scanned(desk, row, code)
    line = line_of(desk.connection, row.id, paper.id)
    values = {"barcode": paper.barcode}
    if line is None and within(desk.connection, row.id, paper):
        return told(desk, row.id, "transfer-within", paper.id, **values)
    if line is not None and line.state in ("OK", "EXTRA", "ERROR") and not damaged:
        return told(desk, row.id, "transfer-checked-already", paper.id, **values)
    state = "ERROR" if damaged else "EXTRA" if line is None else "OK"
    note = "damaged" if damaged else paper.state if line is None else None
    if line is None or line.state in ("PENDING", "MISSING"):
        _arrive(desk, row, paper)
    if damaged:
        _set_aside(desk, reload(desk.connection, paper.id))
    if line is None:
        _add_line(desk, row.id, paper, state, note)
    else:
        mark(desk, line.id, state, note)
    step(desk, row, "checked", "checking", obj={"paper": paper.id, "line": state})
    code = {"OK": "transfer-line-ok", "EXTRA": "transfer-line-extra", "ERROR": "transfer-line-damaged"}[state]
    return told(desk, row.id, code, paper.id, **values)


def _scanned(desk: Desk, row: Transfer, raw: str) -> Paper:
    """Return the paper that came; a label that nobody knows is a new file, where the paper comes from the client."""
    fresh = not raw.startswith(("fil_", "box_")) and find_code(desk.connection, raw) is None
    if fresh and row.kind == "CLIENT_IN":
        return add_file(desk, row.client, raw, Described(), None)
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    if paper.client != row.client:
        stop("transfer-other-client", barcode=paper.barcode)
    return paper


def _arrive(desk: Desk, row: Transfer, paper: Paper) -> None:
    """Record that a paper is here: it came with the transfer, or, in any other state, it was seen."""
    if paper.state not in (*COMING, "in_transit"):
        returning.seen_here(desk, paper.id)
        return
    staging = places.passing(desk, places.site_of(desk.connection, places.here(desk)).id, "STAGING")
    after = "received"
    if paper.state == "in_transit":
        after = "checked" if queue.open_loan(desk.connection, paper.id) is None else "returned"
    move(desk.act, paper, Move("received", after, Position(place=staging.id), obj={"transfer": row.id}))


def _set_aside(desk: Desk, paper: Paper) -> None:
    """Open an incident about a damaged paper; a file is kept aside until it is settled, as after any count."""
    if not paper.id.startswith("box_") and paper.state in ("received", "checked", "returned", "stored"):
        site = places.site_of(desk.connection, places.here(desk)).id
        aside = Position(place=places.passing(desk, site, "QUARANTINE").id)
        said = {"condition": "damaged"}
        entry = move(desk.act, paper, Move("checked", "quarantine", aside, obj=said), condition="damaged")
    else:
        entry = desk.act.append("incident", paper.id, paper.client, reason="DAMAGED")
    open_incident(desk, entry.id, paper, "DAMAGED")


def finish(services: Services, asked: Asked, raw: str) -> Answer:
    """End the check: what was listed and did not come is missing; says whether anything is wrong."""
    return perform(services, asked, f"transfer finish {raw}", lambda desk: _finish(desk, raw))


def _finish(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw)
    in_state(row, *CHECKABLE)
    for line in lines(desk.connection, row.id):
        if line.state == "PENDING":
            mark(desk, line.id, "MISSING", None)
    faults = wrong(desk.connection, row.id)
    if row.state == "with_errors" and faults:
        return told(desk, row.id, "transfer-with-errors")
    step(desk, row, "checked", "with_errors" if faults else "checked", obj={"lines": counts(desk.connection, row.id)})
    return told(desk, row.id, "transfer-with-errors" if faults else "transfer-checked")


def correct(services: Services, asked: Asked, raw: str) -> Answer:
    """Settle what is wrong with the lines of a transfer, with a reason. For archivists."""
    return perform(services, asked, f"transfer correct {raw}", lambda desk: _correct(desk, raw))


def _correct(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw)
    require_supervisor(desk, row)
    if desk.asked.reason is None:
        stop("settle-reason", barcode=row.barcode)
    in_state(row, "with_errors")
    for line in wrong(desk.connection, row.id):
        desk.connection.execute(update(transfer_lines).where(transfer_lines.c.id == line.id).values(note=SETTLED))
    step(desk, row, "settled", "corrected", reason=desk.asked.reason, words=desk.asked.words)
    return told(desk, row.id, "transfer-corrected")


def place(services: Services, asked: Asked, raw: str, at: str | None = None) -> Answer:
    """End a checked transfer: its papers are put `at` a place or box, or were put away one by one before."""
    return perform(services, asked, f"transfer place {raw} {at}", lambda desk: _place(desk, raw, at))


def _place(desk: Desk, raw: str, at: str | None) -> Answer:
    row = find(desk, raw)
    in_state(row, "checked")
    waiting = [paper for paper in papers_of(desk.connection, row.id) if paper.state in UNPLACED]
    if waiting and at is None:
        stop("transfer-unplaced", count=len(waiting), transfer=row.barcode)
    for paper in waiting:
        shelving.put(desk, paper.id, at or "")
    step(desk, row, "refiled", "placed", closed=instant(desk.now))
    return over(desk, row, "transfer-placed")


def reject(services: Services, asked: Asked, raw: str) -> Answer:
    """Reject a transfer of which nothing was taken in yet, with a reason. For archivists."""
    return perform(services, asked, f"transfer reject {raw}", lambda desk: _reject(desk, raw))


def _reject(desk: Desk, raw: str) -> Answer:
    row = find(desk, raw)
    require_supervisor(desk, row)
    if desk.asked.reason is None:
        stop("refusal-reason")
    in_state(row, *(("open", "sent", "received") if row.kind == "CLIENT_IN" else ("open",)))
    asked = desk.asked
    if row.kind == leaving.KIND:
        leaving.drop(desk, row.id, papers_of(desk.connection, row.id))
    step(desk, row, "refused", "rejected", reason=asked.reason, words=asked.words, closed=instant(desk.now))
    return over(desk, row, "transfer-rejected")


def require_supervisor(desk: Desk, row: Transfer) -> None:
    """End the act where the person may not decide about this client's lists; the denial is an event."""
    if row.client not in desk.may("supervise"):
        stop("not-supervisor", denied=("supervise", row.client, row.id))


def over(desk: Desk, row: Transfer, code: str) -> Answer:
    """Let go of the lines of a list that is over, and answer with it."""
    lines_of = update(transfer_lines).where(transfer_lines.c.transfer == row.id)
    desk.connection.execute(lines_of.values(open=False))
    return told(desk, row.id, code)


def told(desk: Desk, transfer: str, code: str, paper: str | None = None, **values: str | int | None) -> Answer:
    """Return ANSWER about a transfer as it is now, with its lines."""
    document = shown(desk.connection, transfer)
    each = counts(desk.connection, transfer)
    numbers = {name.lower(): each.get(name, 0) for name in TRANSFER_CHECKS}
    said = Said(code, {"transfer": document["barcode"], "count": len(document["lines"]), **numbers, **values})
    return Answer(said, file=paper, events=tuple(desk.act.seqs), more={"transfer": document})


def step(desk: Desk, row: Transfer, kind: str, after: str, **more: Any) -> None:
    """Write a move of the list itself: its event and its row."""
    times = {name: more.pop(name) for name in ("sent", "received", "closed") if name in more}
    desk.act.append(kind, row.id, row.client, more.pop("words", None), before=row.state, after=after, **more)
    desk.connection.execute(update(transfers).where(transfers.c.id == row.id).values(state=after, **times))


def mark(desk: Desk, line: int, state: str, note: str | None) -> None:
    """Write what became of a line."""
    values = {"state": state, "note": note, "at": instant(desk.now), "by": desk.asked.person.pseudonym}
    desk.connection.execute(update(transfer_lines).where(transfer_lines.c.id == line).values(**values))


def in_state(row: Transfer, *states: str) -> None:
    """End the act where a transfer is in none of these states."""
    if row.state not in states:
        stop("transfer-state", transfer=row.barcode, state=state_word(row.state))
