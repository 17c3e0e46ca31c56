"""An inventory of a shelf or box: all that was scanned there, with five outcomes and what was expected in vain.

here: it belongs here · elsewhere: it belongs to another place · on loan: it is lent, and stands here all the same ·
no place: it has none of its own yet · unknown: nothing of yours has this barcode. Each scan of a known file is a
sighting; what was expected and not scanned gets a search slip, and is missing only when a person says so (reference of
the records desk, section 7; invariant 19).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from custody.desk_tables import physical_files
from custody.movements import Move, Paper, Position, move, position_of
from records.desk_answers import Said
from records.errors import DeskError
from tasks.desk import lookup
from tasks.desk.acts import Answer, AnsweredError, Asked, Desk, look, perform
from tasks.desk.incidents import open_incident
from tasks.desk.missing import note_absent, turned_up
from tasks.desk.shelving import home_of, where_home
from tasks.services import Services

OUTCOMES = ("here", "elsewhere", "on_loan", "no_place", "unknown")
FREE = ("received", "stored", "picked", "at_desk", "checked", "returned", "quarantine")


def take(services: Services, asked: Asked, at: str, scanned: Sequence[str]) -> Answer:
    """Say what stands at a place or in a box; the answer lists the five outcomes and what was not seen."""
    return perform(services, asked, f"inventory {at} {list(scanned)}", lambda desk: _take(desk, at, scanned))


def _take(desk: Desk, at: str, scanned: Sequence[str]) -> Answer:
    target = lookup.place_or_box(desk, at, "handle")
    here = Position(box=target.id) if target.id.startswith("box_") else Position(place=target.id)
    found: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    seen: set[str] = set()
    for raw in dict.fromkeys(scanned):
        file = _known(desk, raw)
        if file is None:
            found["unknown"].append(raw)
        elif file.id not in seen:
            seen.add(file.id)
            found[_sighted(desk, file, here)].append(file.barcode)
    absent = [file for file in _expected(desk, here) if file.id not in seen]
    for file in absent:
        note_absent(desk, file)
    counts: dict[str, Any] = {outcome: len(codes) for outcome, codes in found.items()}
    counts["absent"] = len(absent)
    client = getattr(target, "client", None)
    desk.act.append("inventoried", target.id, client, obj=counts)
    path = target.barcode if here.box else target.path
    code = "inventory" if counts["here"] == len(dict.fromkeys(scanned)) and not absent else "inventory-differs"
    more = {"outcomes": {**found, "absent": [file.barcode for file in absent]}}
    return Answer(Said(code, {**counts, "place": path}), location=path, events=tuple(desk.act.seqs), more=more)


def preview(services: Services, asked: Asked, at: str, raw: str) -> Answer:
    """Say which of the outcomes one scan is at a place or in a box; nothing is written."""
    return look(services, asked, lambda desk: _preview(desk, at, raw))


def _preview(desk: Desk, at: str, raw: str) -> Answer:
    target = lookup.place_or_box(desk, at, "handle")
    file = _known(desk, raw)
    if file is None:
        return Answer(Said("counted-unknown", {"barcode": raw}))
    home = home_of(file)
    code = "counted-here" if home is not None and target.id in (home.box, home.place) else "counted-elsewhere"
    if home is None:
        code = "counted-no-place"
    if file.state == "on_loan":
        code = "counted-on-loan"
    return Answer(Said(code, {"barcode": file.barcode, "home": where_home(desk, file)}), file=file.id)


def _known(desk: Desk, raw: str) -> Paper | None:
    try:
        return lookup.paper(desk, raw, "handle")
    except (AnsweredError, DeskError):
        return None


def _sighted(desk: Desk, file: Paper, here: Position) -> str:
    """Record that a file was seen here; return the outcome."""
    home = home_of(file)
    if file.state == "on_loan":  # a phantom: lent in the catalogue, on the shelf in truth
        entry = move(desk.act, file, Move("sighted", "on_loan", position_of(file), obj={"at": here.box or here.place}))
        open_incident(desk, entry.id, file, "SEEN_WHILE_ON_LOAN")
        return "on_loan"
    if file.state == "missing":
        turned_up(desk, file)
        return "here" if home == here else "elsewhere"
    if file.state in FREE:
        after = "checked" if file.state == "stored" and home != here else file.state
        move(desk.act, file, Move("sighted", after, here), searches=0)
    if home is None:
        return "no_place"
    return "here" if home == here else "elsewhere"


def _expected(desk: Desk, here: Position) -> list[Paper]:
    """Return the files that should stand here now: those whose last move left them here."""
    column, value = (physical_files.c.box, here.box) if here.box else (physical_files.c.place, here.place)
    query = select(physical_files).where(column == value, physical_files.c.state == "stored")
    mine = desk.may("handle")
    return [file for file in desk.connection.execute(query.order_by(physical_files.c.id)) if file.client in mine]
