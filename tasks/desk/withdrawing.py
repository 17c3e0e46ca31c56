"""A client takes papers back for good: listed by one person, approved by another, handed over to somebody of its own.

 1. `transfer add --kind PERM_WITHDRAWAL`: a box goes with all that is in it
 2. approve: a supervisor who did not list it, with what the client wrote
 3. hand over: what stands in the way is asked once more of every paper, as the catalogue and the ledger are now

Reference of the records desk, sections 2 to 4; the signed list is `muniment print transfer`.
"""

from custody.access import borrowing
from custody.movements import Move, Paper, Position, move
from custody.paper_obstacles import around
from records.desk import ACCESS_CLASSES
from records.ids import instant
from tasks.desk import leaving, lookup
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.transfer_lists import Transfer, find, lines, papers_of
from tasks.desk.transfers import in_state, mark, over, require_supervisor, step, told
from tasks.services import Services


def approve(services: Services, asked: Asked, raw: str) -> Answer:
    """Approve that the papers of a list leave for good, with a reason. For archivists; not for who listed them."""
    return perform(services, asked, f"transfer approve {raw}", lambda desk: _approve(desk, raw))


def _approve(desk: Desk, raw: str) -> Answer:
    row = _open_list(desk, raw)
    require_supervisor(desk, row)
    if desk.asked.reason is None:
        stop("withdrawal-reason")
    papers = papers_of(desk.connection, row.id)
    subjects = [row.id, *(paper.id for paper in papers)]
    proposed = leaving.marks(desk, subjects, "leaving")
    if any(one.actor == desk.asked.person.pseudonym for one in proposed.values()):
        stop("withdrawal-own", denied=("supervise", row.client, row.id))
    if leaving.marks(desk, subjects, "release"):
        stop("withdrawal-approved-already", transfer=row.barcode)
    leaving.require_free(desk, row.id, papers)
    asked = desk.asked
    entry = desk.act.append(
        "withdrawal_approved", row.id, row.client, asked.words, reason=asked.reason, refs=(proposed[row.id].event,)
    )
    for paper in papers:
        said = {"transfer": row.id, "within": around(desk.connection, paper)}
        desk.act.append(
            "withdrawal_approved", paper.id, row.client, reason=asked.reason, obj=said,
            refs=(proposed[paper.id].event,), auth_ref=entry.id,
        )  # fmt: skip
    return told(desk, row.id, "withdrawal-approved")


def hand_over(services: Services, asked: Asked, raw: str, to: str) -> Answer:
    """Hand the papers of an approved list over for good `to` a person of the client: all of them, or none."""
    return perform(services, asked, f"transfer hand-over {raw} {to}", lambda desk: _hand_over(desk, raw, to))


def _hand_over(desk: Desk, raw: str, to: str) -> Answer:
    row = _open_list(desk, raw)
    receiver = lookup.person(desk, to)
    papers = papers_of(desk.connection, row.id)
    if receiver.id == desk.asked.person.id:
        stop("withdrawal-to-oneself")
    for paper in papers:
        _require_accredited(desk, receiver.id, receiver.name, paper)
    released = leaving.marks(desk, [row.id, *(paper.id for paper in papers)], "release")
    if len(released) != len(papers) + 1:
        stop("withdrawal-not-approved", transfer=row.barcode)
    leaving.require_free(desk, row.id, papers)
    # what a paper stood in is asked before anything moves: a box that is gone holds nothing any more
    within = {paper.id: around(desk.connection, paper) for paper in papers}
    for paper in papers:
        move(
            desk.act, paper,
            Move("withdrawn", "withdrawn", Position(), auth_ref=released[paper.id].event, about=receiver.id,
                 obj={"transfer": row.id, "within": within[paper.id]}),
        )  # fmt: skip
    for line in lines(desk.connection, row.id):
        mark(desk, line.id, "OK", None)
    step(
        desk, row, "withdrawn", "sent", sent=instant(desk.now), closed=instant(desk.now),
        auth_ref=released[row.id].event, on_behalf=receiver.pseudonym,
    )  # fmt: skip
    return over(desk, row, "withdrawal-done")


def _require_accredited(desk: Desk, person: str, name: str, paper: Paper) -> None:
    """End the act where who takes a paper may not have papers of this client, or of this access class, today."""
    access = ACCESS_CLASSES[0] if paper.id.startswith("box_") else paper.access_class
    may = borrowing(desk.connection, person, paper.client, access, desk.now.date())
    if not (may.accredited and may.cleared):
        stop("withdrawal-person", person=name, barcode=paper.barcode, file=paper.id)


def _open_list(desk: Desk, raw: str) -> Transfer:
    row = find(desk, raw)
    if row.kind != leaving.KIND:
        stop("transfer-stays", transfer=row.barcode)
    in_state(row, "open")
    return row
