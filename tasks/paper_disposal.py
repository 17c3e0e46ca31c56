"""Orders that destroy paper: one person lists it, another approves by the client's word, a third destroys it.

 1. propose: each file and box is `disposal_proposed` and `listed`; from then on it is not lent or asked for
 2. approve: by somebody else, with what the client wrote; `disposal_approved` of the order and of each paper
 3. destroy: the ledger is published up to the approval; then each paper is scanned at the shredder by a third person,
    with a witness, and what stands in the way is asked once more: `disposed`, after which nothing happens to it

What was listed may be taken off again (`unlisted`) until it is destroyed. A box is listed with all that is in it; it is
destroyed sealed, by its own scan, or after its files. Reference of the records desk, sections 3 and 4, invariants 3 and
4; docs/design/disposal.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody import movements
from custody.access import Person, still_may
from custody.codes import find_code
from custody.desk_tables import boxes, physical_files
from custody.disposal_tables import disposal_orders, disposal_papers
from custody.ledger import Actor, Draft, append
from custody.movements import Move, Paper, Position, move, position_of, reload
from custody.opening import Act, append_with_words, root_of_ids
from custody.paper_obstacles import around, paper_obstacles
from custody.shredding import EXECUTOR
from custody.whereabouts import boxes_around, files_within
from records.errors import AccessDeniedError, DisposalRefusedError, UnknownIdError
from records.ids import instant
from tasks.desk.acts import lock_head
from tasks.disposal import MOST, Proposal, locked, order_row, today_of
from tasks.disposal_run import publish_before
from tasks.services import Services

PAPER = "paper"
METHODS = ("shredded", "pulped", "burnt")


@dataclass(frozen=True, slots=True)
class Destruction:
    """How paper is destroyed: who watches, by which of METHODS, and where."""

    witness: Person
    method: str
    place: str


def propose(
    services: Services, client: str, codes: Sequence[str], proposal: Proposal, person: Person, actor: Actor
) -> str:
    """List files and boxes of a client for destruction; return the order's id. All of them, or nothing.

    The caller has asked `custody.access` for `propose_disposal`.

    Raises:
        UnknownIdError: nothing of the client's has one of these barcodes.
        DisposalRefusedError: none or too many are named, or something is in the way.
    """
    with services.database.write() as connection:
        lock_head(connection)
        papers = _with_contents(connection, [paper_named(connection, client, code) for code in codes])
        if not 1 <= len(papers) <= MOST:
            raise DisposalRefusedError(f"an order is of 1 to {MOST} papers")
        _check(services, connection, papers, proposal.basis)
        order, event = services.ids.new("dsp"), services.ids.new("evt")
        draft = Draft(
            event, "disposal_proposed", order, actor, client=client, reason=proposal.reason,
            obj={"basis": proposal.basis, "count": len(papers), "root": root_of_ids([one.id for one in papers])},
        )  # fmt: skip
        append_with_words(services.vault, connection, draft, proposal.words)
        connection.execute(
            insert(disposal_orders).values(
                id=order, client=client, kind=PAPER, state="proposed", basis=proposal.basis, reason=proposal.reason,
                proposed_by=person.id, proposed=instant(services.clock.now()), proposal=event,
            )
        )  # fmt: skip
        act = _act(services, connection, client, actor)
        for paper in papers:
            said = {"order": order, "basis": proposal.basis}
            proposed = act.append("disposal_proposed", paper.id, client, reason=proposal.reason, obj=said)
            listing = Move("listed", "disposal_listed", position_of(paper), proposal.reason, auth_ref=proposed.id)
            listed = move(act, paper, listing)
            inner = next(boxes_around(connection, paper.box), None)
            connection.execute(
                insert(disposal_papers).values(
                    disposal=order, paper=paper.id, client=client, state="listed", before=paper.state,
                    box=None if inner is None else inner.barcode, listing=listed.id, proposal=proposed.id,
                )
            )  # fmt: skip
    return order


def approve(services: Services, order: str, person: Person, act: Act) -> None:
    """Approve an order whole, by what the client wrote (`act.words`).

    Raises:
        AccessDeniedError: who approves has proposed it; the denial is in the ledger.
        DisposalRefusedError: the client's word is missing, it is not waiting for this, or something is in the way.
    """
    if not act.words:
        raise DisposalRefusedError("say what the client authorised it by: --reason 'CODE: letter of ...'")
    _another(services, order, person, act.actor, "proposed_by")
    with services.database.write() as connection:
        lock_head(connection)
        row = locked(connection, order, "proposed", kind=PAPER)
        lines = papers_listed(connection, order)
        papers = [reload(connection, line.paper) for line in lines]
        _check(services, connection, papers, row.basis, order)
        event = services.ids.new("evt")
        draft = Draft(
            event, "disposal_approved", order, act.actor, client=row.client, reason=act.reason, refs=(row.proposal,)
        )
        append_with_words(services.vault, connection, draft, act.words)
        for line, paper in zip(lines, papers, strict=True):
            made = Draft(
                services.ids.new("evt"), "disposal_approved", paper.id, act.actor, client=row.client,
                reason=act.reason, obj={"order": order, "within": around(connection, paper)}, refs=(line.proposal,),
                auth_ref=event,
            )  # fmt: skip
            append(connection, made, services.clock.now())
            _set_line(connection, line, approval=made.id)
        _set_order(
            connection, order, state="approved", approved_by=person.id, approved=instant(services.clock.now()),
            approval=event, authorisation=act.words,
        )  # fmt: skip


def refuse(services: Services, order: str, act: Act, codes: Sequence[str] = ()) -> None:
    """Refuse an order, or take papers off it (`codes`); what is not destroyed is as it was before.

    Raises:
        DisposalRefusedError: the order is over, or a paper is not waiting on it.
    """
    with services.database.write() as connection:
        lock_head(connection)
        row = locked(connection, order, "proposed", "approved", kind=PAPER)
        lines = papers_listed(connection, order)
        if codes:
            wanted = {paper_named(connection, row.client, code).id for code in codes}
            lines = [line for line in lines if line.paper in wanted]
            if len(lines) < len(wanted):
                raise DisposalRefusedError("a paper that is named does not wait on this order")
        desk = _act(services, connection, row.client, act.actor)
        for line in lines:
            paper = reload(connection, line.paper)
            desk.append("disposal_refused", paper.id, row.client, reason=act.reason, refs=(line.proposal,),
                        obj={"order": order})  # fmt: skip
            move(desk, paper, Move("unlisted", line.before, position_of(paper), act.reason))
            _set_line(connection, line, state="dropped")
        if not papers_listed(connection, order):
            draft = Draft(
                services.ids.new("evt"), "disposal_refused", order, act.actor, client=row.client, reason=act.reason,
                refs=(row.proposal,),
            )  # fmt: skip
            append_with_words(services.vault, connection, draft, act.words)
            destroyed = any(line.state == "disposed" for line in paper_lines(connection, order))
            _set_order(connection, order, state="finished" if destroyed else "refused",
                       ended=instant(services.clock.now()))  # fmt: skip


def destroy(
    services: Services, order: str, codes: Sequence[str], how: Destruction, person: Person, actor: Actor
) -> int:
    """Record that papers were scanned and destroyed; return how many: a sealed box counts with what is in it.

    The caller has asked `custody.access` for `run_disposal`.

    Raises:
        AccessDeniedError: who destroys has proposed or approved it; the denial is in the ledger.
        DisposalRefusedError: it is not approved, a right has ended, something is in the way, or nobody else watches.
        LedgerError, AuthorityUnavailableError: the ledger is not published, stamped or cosigned; nothing was destroyed.
    """
    if how.witness.id == person.id:
        raise DisposalRefusedError("who destroys it is not its witness")
    for role in ("proposed_by", "approved_by"):
        _another(services, order, person, actor, role)
    with services.database.write() as connection:
        row = locked(connection, order, "approved", kind=PAPER)
        _scanned(services, connection, row, codes)
    if row.ledger is None:
        publish_before(services, order, PAPER)
    with services.database.write() as connection:
        lock_head(connection)
        row = locked(connection, order, "approved", kind=PAPER)
        found = _scanned(services, connection, row, codes)
        desk = _act(services, connection, row.client, actor)
        for line, paper in found:
            _end(connection, desk, row, line, paper, how)
        _set_order(connection, order, begun=row.begun or instant(services.clock.now()), run_by=actor.id,
                   witness=how.witness.id, method=how.method, place=how.place)  # fmt: skip
        if not papers_listed(connection, order):
            _finish(services, connection, row, actor)
    return len(found)


def paper_named(connection: Connection, client: str, code: str) -> Paper:
    """Return the file or box of a client with this barcode or id.

    Raises:
        UnknownIdError: there is none.
    """
    coded = None if code.startswith(("fil_", "box_")) else find_code(connection, code)
    target = code if coded is None else coded.target
    for table in (physical_files, boxes):
        row = connection.execute(select(table).where(table.c.id == target, table.c.client == client)).one_or_none()
        if row is not None:
            return row
    raise UnknownIdError("no file or box of this client has this barcode")


def paper_lines(connection: Connection, order: str) -> list[Row[Any]]:
    """Return the papers of an order, as they were listed."""
    query = select(disposal_papers).where(disposal_papers.c.disposal == order).order_by(disposal_papers.c.listing)
    return list(connection.execute(query))


def papers_listed(connection: Connection, order: str) -> list[Row[Any]]:
    """Return the papers of an order that are still to be destroyed."""
    return [line for line in paper_lines(connection, order) if line.state == "listed"]


def _another(services: Services, order: str, person: Person, actor: Actor, role: str) -> None:
    """Deny what somebody else must do, and record it."""
    with services.database.read() as connection:
        row = order_row(connection, order)
    if getattr(row, role) != person.id:
        return
    action = "approve_disposal" if row.state == "proposed" else "run_disposal"
    with services.database.write() as connection:
        draft = Draft(
            services.ids.new("evt"), "access_denied", order, replace(actor, role="none"), client=row.client,
            reason=action,
        )  # fmt: skip
        append(connection, draft, services.clock.now())
    raise AccessDeniedError("who proposes, who approves and who destroys are three people")


def _with_contents(connection: Connection, named: Sequence[Paper]) -> list[Paper]:
    """Return the papers named, and for each box all that is in it, once each."""
    found: dict[str, Paper] = {}
    for paper in named:
        found[paper.id] = paper
        if paper.id.startswith("box_"):
            if connection.execute(select(boxes.c.id).where(boxes.c.box == paper.id)).first() is not None:
                raise DisposalRefusedError(f"{paper.id} holds boxes: list these by themselves")
            found |= {file.id: file for file in files_within(connection, paper.id)}
    return list(found.values())


def _check(
    services: Services, connection: Connection, papers: Sequence[Paper], basis: str, order: str | None = None
) -> None:
    for paper in papers:
        things = paper_obstacles(connection, paper, basis, today_of(services), order)
        if things:
            raise DisposalRefusedError(
                f"something is in the way of {paper.id}: " + ", ".join(thing.code for thing in things)
            )


def _scanned(
    services: Services, connection: Connection, order: Row[Any], codes: Sequence[str]
) -> list[tuple[Row[Any], Paper]]:
    """Return the lines that these scans are about, files before their boxes; refuse where one may not be destroyed."""
    for person, action in ((order.proposed_by, "propose_disposal"), (order.approved_by, "approve_disposal")):
        if not still_may(connection, person, order.client, action, today_of(services)):
            raise DisposalRefusedError(f"the right to {action.replace('_', ' ')} has ended: propose it anew")
    waiting = {line.paper: line for line in papers_listed(connection, order.id)}
    named = [paper_named(connection, order.client, code) for code in codes]
    for box in [one for one in named if one.id.startswith("box_") and one.sealed]:
        named += files_within(connection, box.id)
    papers = {one.id: one for one in named}
    for paper in papers.values():
        if paper.id not in waiting:
            raise DisposalRefusedError(f"{paper.id} does not wait on this order")
        if paper.id.startswith("box_") and any(one.id not in papers for one in files_within(connection, paper.id)):
            raise DisposalRefusedError(f"{paper.id} is not sealed: scan each file in it")
    _check(services, connection, list(papers.values()), order.basis, order.id)
    ordered = sorted(papers.values(), key=lambda one: one.id.startswith("box_"))
    return [(waiting[one.id], one) for one in ordered]


def _end(
    connection: Connection, desk: movements.Act, order: Row[Any],
    line: Row[Any], paper: Paper, how: Destruction,
) -> None:  # fmt: skip
    said = {
        "order": order.id, "within": around(connection, paper), "witness": how.witness.pseudonym, "method": how.method,
    }  # fmt: skip
    entry = move(desk, paper, Move("disposed", "destroyed", Position(), order.reason, auth_ref=line.approval, obj=said))
    _set_line(connection, line, state="disposed", disposed=entry.id)


def _finish(services: Services, connection: Connection, order: Row[Any], actor: Actor) -> None:
    draft = Draft(
        services.ids.new("evt"), "disposed", order.id, EXECUTOR, client=order.client, after="disposed",
        reason=order.reason, auth_ref=order.approval, on_behalf=actor.id,
    )  # fmt: skip
    append(connection, draft, services.clock.now())
    _set_order(connection, order.id, state="finished", ended=instant(services.clock.now()))


def _act(services: Services, connection: Connection, client: str, actor: Actor) -> movements.Act:
    return movements.Act(connection, services.ids, services.clock.now(), {client: actor}, actor)


def _set_line(connection: Connection, line: Row[Any], **values: str) -> None:
    same = (disposal_papers.c.disposal == line.disposal) & (disposal_papers.c.paper == line.paper)
    connection.execute(update(disposal_papers).where(same).values(**values))


def _set_order(connection: Connection, order: str, **values: str | None) -> None:
    connection.execute(update(disposal_orders).where(disposal_orders.c.id == order).values(**values))
