"""Taking back the last act: the reverse move, never a deletion. By who did it, soon, and only what is plainly reversed.

A return is not taken back: lending again says the truth, that the paper was here in between.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from custody import ledger
from custody.loan_tables import loans
from custody.movements import Move, Paper, Position, move
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
    """Take back the last move of a file; with `seqs` only if it is one of these events."""
    return perform(services, asked, f"undo {raw} {seqs}", lambda desk: _undo(desk, raw, seqs))


def _undo(desk: Desk, raw: str, seqs: Sequence[int] | None) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    if seqs is not None and file.version not in seqs:
        stop("undo-too-late", barcode=file.barcode, file=file.id)
    told = _last_moves(desk.connection, file.id)
    if len(told) < 2 or told[0]["type"] not in REVERSIBLE or told[0]["auth_ref"] is not None:
        stop("nothing-to-undo", barcode=file.barcode, file=file.id)
    last, before = told
    if last["actor"]["id"] != desk.asked.person.pseudonym or desk.now - parse_instant(last["ts"]) > WITHIN:
        stop("undo-too-late", barcode=file.barcode, file=file.id)
    if last["type"] == "lent":
        _end_loan(desk, file)
    to = _position(desk.connection, before)
    home: dict[str, Any] = {}
    if last["from"] == "stored":  # where it stood was its own place, and is so again
        home = {"home_box": to.box, "home_place": to.place}
    made = Move("reversed", last["from"], to, desk.asked.reason, desk.asked.words, refs=(last["id"],))
    move(desk.act, file, made, **home)
    return answered(desk, Said("undone", {"barcode": file.barcode, "state": state_word(last["from"])}), file)


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


def _end_loan(desk: Desk, file: Paper) -> None:
    loan = queue.open_loan(desk.connection, file.id)
    if loan is None or loan.within is not None:
        stop("nothing-to-undo", barcode=file.barcode, file=file.id)
    ended = {"state": "closed", "closed_at": instant(desk.now), "close_reason": "reversed"}
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**ended))
