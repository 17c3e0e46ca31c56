"""Paper that a client takes back for good: what goes with it, what is proposed of each, and what stands in the way.

Of every paper the ledger says by itself that it was proposed, approved by another person, and handed over: a list alone
would prove nothing about what was on it. Reference of the records desk, section 2 (PERM_WITHDRAWAL) and section 4; the
demands are rows of records/rules.py.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Row, select

from custody import ledger
from custody.desk_tables import boxes, physical_files
from custody.ledger_past import LedgerPast
from custody.movements import Paper
from custody.opening import root_of_ids
from custody.paper_obstacles import leaving_obstacles
from records.desk_answers import state_word
from records.rules import Mark
from tasks.desk.acts import Desk, stop

KIND = "PERM_WITHDRAWAL"
GONE = ("withdrawn", "destroyed")
# an obstacle -> what the desk says of it; any other: the paper is in a state in which it may not leave
SAID = {
    "hold": "on-hold", "on-loan": "leaves-lent", "requested": "leaves-requested", "incident": "leaves-incident",
    "in-transfer": "leaves-listed",
}  # fmt: skip


def with_contents(desk: Desk, named: Iterable[Paper]) -> list[Paper]:
    """Return the papers named, and after each box all that stands in it, once each."""
    found: dict[str, Paper] = {}
    waiting = list(named)
    while waiting:
        paper = waiting.pop(0)
        if paper.id in found:
            continue
        found[paper.id] = paper
        if paper.id.startswith("box_"):
            inside: list[Row[tuple[object, ...]]] = []
            for table in (physical_files, boxes):
                inside += desk.connection.execute(select(table).where(table.c.box == paper.id).order_by(table.c.id))
            waiting = [*inside, *waiting]
    return list(found.values())


def require_free(desk: Desk, transfer: str, papers: Sequence[Paper]) -> None:
    """End the act with the first thing that stands in the way of handing these papers over."""
    listed = {paper.id for paper in papers}
    for paper in papers:
        for obstacle in leaving_obstacles(desk.connection, paper, transfer):
            state = state_word(paper.state)
            stop(SAID.get(obstacle.code, "transfer-not-listable"), barcode=paper.barcode, state=state, file=paper.id)
        if paper.id.startswith("box_"):
            _require_whole(desk, paper, listed)


def _require_whole(desk: Desk, box: Paper, listed: set[str]) -> None:
    """A box leaves with all that is in it and all that belongs in it."""
    homes = ((physical_files, physical_files.c.home_box), (boxes, boxes.c.box))
    for table, home in homes:
        belongs = ((table.c.box == box.id) | (home == box.id)) & table.c.state.not_in(GONE)
        for one in desk.connection.execute(select(table.c.id, table.c.barcode).where(belongs).order_by(table.c.id)):
            if one.id not in listed:
                stop("leaves-behind", barcode=box.barcode, other=one.barcode, file=one.id)


def propose(desk: Desk, transfer: str, client: str, papers: Sequence[Paper]) -> None:
    """Record that this person wants these papers given back: of the list, and of each."""
    require_free(desk, transfer, papers)
    ids = [paper.id for paper in papers]
    said = {"count": len(ids), "root": root_of_ids(ids)}
    asked = desk.asked
    desk.act.append("withdrawal_proposed", transfer, client, asked.words, reason=asked.reason, obj=said)
    for paper in ids:
        desk.act.append("withdrawal_proposed", paper, client, reason=asked.reason, obj={"transfer": transfer})


def marks(desk: Desk, subjects: Sequence[str], name: str) -> dict[str, Mark]:
    """Return the newest open mark of this name of each subject that has one, as the ledger says."""
    past = LedgerPast(desk.connection, ledger.size(desk.connection))
    past.load(subjects)
    found = {subject: past.marks(subject, name) for subject in subjects}
    return {subject: left[-1] for subject, left in found.items() if left}


def drop(desk: Desk, transfer: str, papers: Sequence[Paper]) -> None:
    """Take back what was proposed, and approved, of a list and its papers."""
    clients = {transfer: papers[0].client, **{paper.id: paper.client for paper in papers}}
    for subject, mark in marks(desk, list(clients), "leaving").items():
        desk.act.append("withdrawal_refused", subject, clients[subject], reason=desk.asked.reason, refs=(mark.event,))
