"""Taking back the last act: the reverse move, never a deletion. By who did it, soon, and only what is plainly reversed.

A return is not taken back: lending again says the truth, that the paper was here in between. A box that was lent whole
is taken back with each file that went with it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from custody import ledger
from custody.loan_tables import loans
from custody.movements import Move, Paper, Position, move, reload
from custody.tables import events
from records.desk_answers import Said, state_word
from records.ids import instant, parse_instant
from records.lifecycle import TRANSITIONS
from records.tables import persons
from tasks.desk import lookup, queue
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.receiving import answered
from tasks.services import Services

WITHIN = timedelta(minutes=15)
REVERSIBLE = ("moved", "picked", "refiled", "lent")


def undo(services: Services, asked: Asked, raw: str, seqs: Sequence[int] | None = None) -> Answer:
    """Take back the last move of a file or box; with `seqs` only if it is one of these events."""
    return perform(services, asked, f"undo {raw} {seqs}", lambda desk: _undo(desk, raw, seqs))


def _undo(desk: Desk, raw: str, seqs: Sequence[int] | None) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    if seqs is not None and paper.version not in seqs:
        stop("undo-too-late", barcode=paper.barcode, file=paper.id)
    last, before = _undoable(desk, paper)
    if last["type"] == "lent":
        for file in _end_loan(desk, paper, last):
            _take_back(desk, file, *_undoable(desk, file))
    _take_back(desk, paper, last, before)
    return answered(desk, Said("undone", {"barcode": paper.barcode, "state": state_word(last["from"])}), paper)


def _undoable(desk: Desk, paper: Paper) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the last two moves of a paper, the newest first; stop where they are not to be taken back."""
    told = _last_moves(desk.connection, paper.id)
    if len(told) < 2 or told[0]["type"] not in REVERSIBLE or told[0]["auth_ref"] is not None:
        stop("nothing-to-undo", barcode=paper.barcode, file=paper.id)
    last, before = told
    if last["actor"]["id"] != desk.asked.person.pseudonym or desk.now - parse_instant(last["ts"]) > WITHIN:
        stop("undo-too-late", barcode=paper.barcode, file=paper.id)
    return last, before


def _take_back(desk: Desk, paper: Paper, last: dict[str, Any], before: dict[str, Any]) -> None:
    to = _position(desk.connection, before)
    home: dict[str, Any] = {}
    if last["from"] == "stored":  # where it stood was its own place, and is so again
        home = {"home": to.place} if paper.id.startswith("box_") else {"home_box": to.box, "home_place": to.place}
    made = Move("reversed", last["from"], to, desk.asked.reason, desk.asked.words, refs=(last["id"],))
    move(desk.act, paper, made, **home)


def _last_moves(connection: Connection, file: str) -> list[dict[str, Any]]:
    """Return the last two moves of a file, the newest first."""
    query = select(events.c.leaf).where(events.c.subject == file, events.c.type.in_(TRANSITIONS))
    leaves = connection.execute(query.order_by(events.c.seq.desc()).limit(2)).scalars()
    return [ledger.Entry(0, "", bytes(leaf), "").event for leaf in leaves]


def _position(connection: Connection, event: dict[str, Any]) -> Position:
    """Return the position that an event stated."""
    holder = None
    if event["holder"] is not None:
        holder = connection.execute(select(persons.c.id).where(persons.c.pseudonym == event["holder"])).scalar_one()
    place = event["place"]
    boxed = place is not None and place.startswith("box_")
    return Position(box=place if boxed else None, place=None if boxed else place, holder=holder)


def _end_loan(desk: Desk, paper: Paper, lent: dict[str, Any]) -> list[Paper]:
    """Close the loan that an event opened, and those of the files that went with a box; return these files.

    A box is taken back as it went, or not at all: once a file of it came back or went on, it is too late.
    """
    loan = queue.open_loan(desk.connection, paper.id)
    if loan is None or loan.within is not None or loan.opened_event != lent["id"]:
        stop("nothing-to-undo", barcode=paper.barcode, file=paper.id)
    parts = desk.connection.execute(select(loans).where(loans.c.within == loan.id).order_by(loans.c.id)).all()
    files = [reload(desk.connection, part.file or part.box) for part in parts]
    for part, file in zip(parts, files, strict=True):
        opened = ledger.find(desk.connection, part.opened_event)
        if part.state != "open" or opened is None or opened.seq != file.version:
            stop("undo-too-late", barcode=paper.barcode, file=paper.id)
    ended = {"state": "closed", "closed_at": instant(desk.now), "close_reason": "reversed"}
    desk.connection.execute(
        update(loans).where(loans.c.id.in_([loan.id, *(part.id for part in parts)])).values(**ended)
    )
    return files
