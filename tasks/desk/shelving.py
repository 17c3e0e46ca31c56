"""Putting paper where it belongs, and taking it from there: locate, refile, pick, move in bulk.

`locate` says where a paper is put: a shelf, slot or box becomes its own place from then on; a place that papers pass
through (staging, desk, van) does not. `refile` puts it back into its own place and into no other. What came back from a
loan is counted first, and what is kept aside stays so until it is settled (reference of the records desk, section 3).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update

from custody.desk_tables import box_profiles, boxes, locations, physical_files
from custody.movements import Move, Paper, Position, move, reload
from custody.whereabouts import boxes_around, where_is
from records.desk_answers import Said, state_word
from tasks.desk import lookup, places
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.queue import open_requests
from tasks.desk.receiving import answered
from tasks.services import Services

MOVABLE = ("received", "stored", "picked", "at_desk", "checked")
ARRIVING = ("announced", "withdrawn")  # locating such a paper takes it over first
HERE = ("received", "stored", "picked", "checked")  # states in which a box stands with us


def locate(services: Services, asked: Asked, raw: str, at: str) -> Answer:
    """Say where a file or box is put from now on."""
    return perform(services, asked, f"locate {raw} {at}", lambda desk: put(desk, raw, at))


def put(desk: Desk, raw: str, at: str) -> Answer:
    """Put a file or box at a place or into a box, as part of an act."""
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    target = lookup.place_or_box(desk, at, "handle")
    if paper.state in ARRIVING:
        paper = _take_over(desk, paper, target)
    boxed = target.id.startswith("box_")
    if not boxed and target.temporary:
        return _pass_through(desk, paper, target)
    _may_be_shelved(desk, paper)
    if boxed:
        check_box(desk, target, paper)
    else:
        places.check_room(desk, target, paper, boxed=paper.id.startswith("box_"))
    shelve(desk, paper, Position(box=target.id) if boxed else Position(place=target.id))
    return _placed(desk, paper, "located-home")


def _placed(desk: Desk, paper: Paper, code: str) -> Answer:
    where = where_is(desk.connection, reload(desk.connection, paper.id))
    return answered(desk, Said(code, {"barcode": paper.barcode, "place": where.text}), paper)


def _take_over(desk: Desk, paper: Paper, target: Any) -> Paper:
    """Take over what was announced, at the staging place of the site it is put at."""
    site = _site_of_target(desk, target)
    staging = places.passing(desk, site, "STAGING")
    move(desk.act, paper, Move("received", "received", Position(place=staging.id)))
    return reload(desk.connection, paper.id)


def _site_of_target(desk: Desk, target: Any) -> str:
    if not target.id.startswith("box_"):
        return str(target.site)
    where = where_is(desk.connection, target)
    if where.place is None:
        return str(places.site_of(desk.connection, places.here(desk)).id)
    return str(desk.connection.execute(select(locations.c.site).where(locations.c.id == where.place)).scalar_one())


def _pass_through(desk: Desk, paper: Paper, target: Any) -> Answer:
    """Move a paper to a place where none belongs: it is on its way through the house, and keeps its own place."""
    to = Position(place=target.id)
    if paper.state == "stored":
        move(desk.act, paper, Move("picked", "picked", to))
    elif paper.state in (*MOVABLE, "returned", "quarantine"):
        move(desk.act, paper, Move("moved", paper.state, to))
    else:
        _not_movable(paper)
    return _placed(desk, paper, "located")


def _may_be_shelved(desk: Desk, paper: Paper) -> None:
    if paper.state == "returned":
        stop("unchecked", barcode=paper.barcode, file=paper.id)
    if paper.state == "quarantine":
        stop("in-quarantine", barcode=paper.barcode, file=paper.id)
    if paper.state not in MOVABLE:
        _not_movable(paper)
    if paper.state == "at_desk" and any(row.state == "ready" for row in open_requests(desk.connection, paper.id)):
        stop("not-movable", barcode=paper.barcode, state=state_word("ready"), file=paper.id)
    if paper.id.startswith("box_") and paper.count_due:
        stop("box-count-due", box=paper.barcode)


def _not_movable(paper: Paper) -> None:
    then = {"on_loan": "return", "in_transit": "return", "missing": "found", "found_pending": "found"}.get(paper.state)
    stop("not-movable", then, barcode=paper.barcode, state=state_word(paper.state), file=paper.id)


def shelve(desk: Desk, paper: Paper, to: Position) -> None:
    """Put a paper into a place that is its own from now on."""
    if paper.id.startswith("box_"):
        home: dict[str, Any] = {"home": to.place}
    else:
        position = None if to.box is None else _next_position(desk, to.box, paper)
        home = {"home_box": to.box, "home_place": to.place, "position": position, "searches": 0}
    kind = "moved" if paper.state == "stored" else "refiled"
    move(desk.act, paper, Move(kind, "stored", to), **home)


def _next_position(desk: Desk, box: str, paper: Paper) -> int:
    if paper.home_box == box and paper.position is not None:
        return int(paper.position)
    last = select(func.max(physical_files.c.position)).where(physical_files.c.home_box == box)
    return int(desk.connection.execute(last).scalar_one() or 0) + 1


def check_box(desk: Desk, box: Paper, paper: Paper) -> None:
    """End the act where a paper may not be put into a box: sealed, away, full, another client's, or within it."""
    if box.client != paper.client:
        stop("box-other-client", box=box.barcode)
    around = list(boxes_around(desk.connection, box.id))
    if any(one.id == paper.id for one in around):
        stop("box-cycle", box=box.barcode)
    if any(one.sealed for one in around):
        stop("box-sealed", box=box.barcode)
    away = next((one for one in around if one.state not in HERE), None)
    if away is not None:
        stop("box-elsewhere", box=away.barcode, state=state_word(away.state))
    if paper.id.startswith("box_") or box.profile is None:
        return
    profile = desk.connection.execute(select(box_profiles).where(box_profiles.c.name == box.profile)).one()
    limit = profile.capacity if profile.multi_file else 1
    if limit is None:
        return
    own = (physical_files.c.home_box == box.id) | (physical_files.c.box == box.id)
    held = select(func.count()).select_from(physical_files).where(own, physical_files.c.id != paper.id)
    if int(desk.connection.execute(held).scalar_one()) >= limit:
        stop("box-full", box=box.barcode, capacity=limit)


def refile(services: Services, asked: Asked, raw: str, at: str | None = None) -> Answer:
    """Put a file or box back into its own place; `at` is what was scanned there, its box or slot."""
    return perform(services, asked, f"refile {raw} {at}", lambda desk: _refile(desk, raw, at))


def _refile(desk: Desk, raw: str, at: str | None) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    home = home_of(paper)
    if at is not None:
        scanned = lookup.place_or_box(desk, at, "handle")
        if home is not None and scanned.id != (home.box or home.place):
            own = where_home(desk, paper)
            stop("wrong-home", barcode=paper.barcode, home=own, place=at, file=paper.id)
    _may_be_shelved(desk, paper)
    if home is None:
        stop("no-home", barcode=paper.barcode, file=paper.id)
    if paper.state == "stored" and (paper.box, paper.place) == (home.box, home.place):
        return _placed(desk, paper, "refiled-already")
    if home.box is not None:
        box = reload(desk.connection, home.box)
        check_box(desk, box, paper)
    move(desk.act, paper, Move("moved" if paper.state == "stored" else "refiled", "stored", home), **_seen(paper))
    return _placed(desk, paper, "refiled")


def _seen(paper: Paper) -> dict[str, int]:
    return {} if paper.id.startswith("box_") else {"searches": 0}


def home_of(paper: Paper) -> Position | None:
    """Return the own place of a file or box, None where it has none yet."""
    if paper.id.startswith("box_"):
        return None if paper.home is None else Position(place=paper.home)
    if paper.home_box is None and paper.home_place is None:
        return None
    return Position(box=paper.home_box, place=paper.home_place)


def where_home(desk: Desk, paper: Paper) -> str | None:
    """Return the own place of a paper as people read it."""
    home = home_of(paper)
    if home is None:
        return None
    if home.box is not None:
        box = reload(desk.connection, home.box)
        slot = where_home(desk, box)
        return f"{slot} > {box.barcode}" if slot else str(box.barcode)
    return str(desk.connection.execute(select(locations.c.path).where(locations.c.id == home.place)).scalar_one())


def move_all(services: Services, asked: Asked, source: str, target: str) -> Answer:
    """Move all boxes and loose files that stand at one place to another: an event for each, contents implied."""
    return perform(services, asked, f"move-all {source} {target}", lambda desk: _move_all(desk, source, target))


def _move_all(desk: Desk, source: str, target: str) -> Answer:
    start, end = lookup.place(desk, source), lookup.place(desk, target)
    if end.temporary or start.id == end.id:
        stop("place-no-shelf", place=end.path)
    papers = [*_standing(desk, boxes, start.id), *_standing(desk, physical_files, start.id)]
    mine = desk.may("handle")
    for paper in papers:
        if paper.client not in mine:
            stop("not-allowed", denied=("handle", paper.client, paper.id))
        _may_be_shelved(desk, paper)
        places.check_room(desk, end, paper, boxed=paper.id.startswith("box_"))
        shelve(desk, paper, Position(place=end.id))
    out = _rehome(desk, start.id, end.id, mine)
    counts = {"boxes": sum(paper.id.startswith("box_") for paper in papers), "out": out}
    counts["files"] = len(papers) - counts["boxes"]
    said = Said("moved-all", {**counts, "place": end.path})
    return Answer(said, location=end.path, events=tuple(desk.act.seqs), more=counts)


def _standing(desk: Desk, table: Any, place: str) -> list[Paper]:
    return list(desk.connection.execute(select(table).where(table.c.place == place).order_by(table.c.id)))


def _rehome(desk: Desk, start: str, end: str, mine: Mapping[str, str]) -> int:
    """Give what belongs at `start` and is out its new place; return how many papers that are."""
    count = 0
    for table, home in ((boxes, boxes.c.home), (physical_files, physical_files.c.home_place)):
        for row in desk.connection.execute(select(table.c.id, table.c.client).where(home == start)).all():
            if row.client not in mine:
                stop("not-allowed", denied=("handle", row.client, row.id))
            desk.connection.execute(update(table).where(table.c.id == row.id).values({home.name: end}))
            count += 1
    return count
