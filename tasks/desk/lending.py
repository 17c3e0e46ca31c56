"""Lending: a slip of what one person takes at once, a loan for each file, all of it or nothing in one transaction.

Of two clerks at once one wins by the index of open loans; the other is told who has it, since when, and until when
(reference of the records desk, section 10, row 1). A box is lent whole: a loan of its own and one for each file in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Row, func, insert, select

from custody.access import borrowing
from custody.codes import give_code
from custody.decisions import Act, Outcome
from custody.desk_tables import file_records, physical_files
from custody.lending import Facts, check
from custody.loan_tables import checks, delegates, loans, requests, slips
from custody.movements import Move, Paper, Position, move
from custody.whereabouts import boxes_around, files_within
from records.desk import ACCESS_CLASSES
from records.desk_answers import Said, Value, state_word
from records.ids import instant
from records.tables import persons
from tasks.desk import lookup, places, queue
from tasks.desk.acts import Answer, AnsweredError, Asked, Desk, perform, stop
from tasks.desk.holding import held_back
from tasks.desk.receiving import answered
from tasks.desk.shelving import HERE
from tasks.desk.terms import Terms, first_due, terms_of, weekday
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class Lending:
    """What is to be lent to whom, and why. `slip` goes on with one that was begun; `collector` fetches it.

    `pages` and `condition` are those counted at the desk when the paper goes out.
    """

    papers: tuple[str, ...]
    to: str
    purpose: str
    words: str | None = None
    due: date | None = None
    pages: int | None = None
    condition: str | None = None
    collector: str | None = None
    slip: str | None = None


@dataclass(frozen=True, slots=True)
class Terminus:
    """To whom and until when: what is the same for every paper of one act."""

    borrower: Row[Any]
    collector: Row[Any] | None
    here: Any
    terms: Terms
    due: date
    due_moved: bool

    @property
    def values(self) -> dict[str, Value]:
        """What sentences say of it."""
        return {
            "person": self.borrower.name, "borrower": self.borrower.name, "due": self.due.isoformat(),
            "weekday": weekday(self.due),
        }  # fmt: skip


def lend(services: Services, asked: Asked, lending: Lending) -> Answer:
    """Lend files and boxes to a person: all of them, or none and the reason."""
    return perform(services, asked, f"lend {lending} {sorted(asked.answers)}", lambda desk: _lend(desk, lending))


def would_lend(services: Services, asked: Asked, lending: Lending) -> Answer:
    """Say what lending would say, and lend nothing."""

    def dry(desk: Desk) -> Answer:
        raise _Dry(_lend(desk, lending))

    try:
        return perform(services, asked, "", dry)
    except _Dry as run:
        return replace(run.answer, events=())


class _Dry(Exception):
    """Rolls a trial back and carries its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("dry run")
        self.answer = answer


def _lend(desk: Desk, lending: Lending) -> Answer:
    papers = [lookup.paper(desk, raw, "handle", lookup.PAPERS) for raw in lending.papers]
    papers = list({paper.id: paper for paper in papers}.values())  # a reader that fires twice says it twice
    borrower = lookup.person(desk, lending.to)
    collector = None if lending.collector is None else lookup.person(desk, lending.collector)
    here = places.here(desk)
    terms = terms_of(desk, here)
    due, moved = first_due(desk, terms, lending.due)
    way = Terminus(borrower, collector, here, terms, due, moved)
    notes: list[Said] = []
    for paper in papers:
        notes += _may_go(desk, paper, lending, way)
    made: dict[str, str] = {}
    opened = [_open_paper(desk, paper, lending, way, made) for paper in papers]
    if way.due_moved:
        notes.append(Said("due-moved", way.values))
    return _lent(desk, papers, opened, way, tuple({note.text(): note for note in notes}.values()), made)


def _lent(
    desk: Desk, papers: Sequence[Paper], opened: Sequence[str], way: Terminus, notes: tuple[Said, ...],
    made: Mapping[str, str],
) -> Answer:  # fmt: skip
    code = "lent" if len(papers) == 1 else "lent-many"
    said = Said(code, {**way.values, "barcode": papers[0].barcode, "count": len(papers)})
    slip = next(iter(made.values()))
    barcode = desk.connection.execute(select(slips.c.barcode).where(slips.c.id == slip)).scalar_one()
    more = {"slip": barcode, "loans": list(opened)}
    return answered(
        desk, said, papers[0], loan=opened[0], due=way.due.isoformat(), notes=notes, more=more
    )  # fmt: skip


def _may_go(desk: Desk, paper: Paper, lending: Lending, way: Terminus, inside: bool = False) -> list[Said]:
    """Ask the rules about one paper (`inside` a box that goes as a whole); end the act where they forbid or ask."""
    case = queue.decided(desk, Act.CHECKOUT, paper, way.terms.site, way.borrower.id)
    facts = facts_of(desk, paper, way, case.outcome, inside)
    boxed = paper.id.startswith("box_")
    facts = replace(
        facts, pages_counted=None if boxed else lending.pages, condition=None if boxed else lending.condition,
        values={**facts.values, "pages": lending.pages, "condition": lending.condition},
    )  # fmt: skip
    verdict = check(facts)
    if verdict.stop is not None:
        raise AnsweredError(Answer(verdict.stop, file=paper.id))
    if way.collector is not None and not _may_collect(desk, way, paper.client):
        stop("not-delegate", person=way.collector.name, borrower=way.borrower.name)
    return list(verdict.notes)


def facts_of(desk: Desk, paper: Paper, way: Terminus, outcome: Outcome, inside: bool = False) -> Facts:
    """Gather what the rules about lending look at."""
    connection, asked = desk.connection, desk.asked
    boxed = paper.id.startswith("box_")
    access_class = ACCESS_CLASSES[0] if boxed else paper.access_class
    may = borrowing(connection, way.borrower.id, paper.client, access_class, way.terms.today)
    around = [] if inside else list(boxes_around(connection, paper.box))
    away = next((box for box in around if box.state not in HERE), None)
    undecided = queue.undecided(connection, paper.id)
    own = next((row for row in undecided if row.requester == way.borrower.id), None)
    waiting = queue.open_requests(connection, paper.id)
    values: dict[str, Value] = {
        **way.values, "barcode": paper.barcode, "state": state_word(paper.state), "access": access_class,
        "until": may.until, "box": None if away is None else away.barcode, "request": None if own is None else own.id,
        "waiting": _name(desk, waiting[0].requester) if waiting else None,
        **_loan_values(desk, paper),
    }  # fmt: skip
    if away is None and around:
        values["box"] = around[0].barcode
    if away is not None:
        values["state"] = state_word(away.state)
    overdue = _overdue(desk, way.borrower.id)
    others = sum(row.requester != way.borrower.id for row in undecided)
    return Facts(
        state=paper.state, outcome=outcome, box_state=None if away is None else away.state,
        sealed=any(box.sealed for box in around), held=held_back(desk, paper),
        accredited=may.accredited, cleared=may.cleared, restricted=access_class != ACCESS_CLASSES[0],
        to_oneself=way.borrower.id == asked.person.id, undecided=own is not None,
        overridden=asked.reason is not None and paper.client in desk.may("supervise"),
        pages_expected=None if boxed else paper.pages_expected, overdue=overdue,
        ends_before_due=may.until is not None and may.until < way.due.isoformat(),
        scanned=not boxed and _is_scanned(desk, paper), asked_by_others=others, answered=asked.answers,
        values={**values, "expected": None if boxed else paper.pages_expected, "count": overdue or others},
    )  # fmt: skip


def _loan_values(desk: Desk, paper: Paper) -> dict[str, Value]:
    loan = queue.open_loan(desk.connection, paper.id)
    if loan is None:
        return {"holder": None, "since": None}
    return {"holder": _name(desk, loan.borrower), "since": loan.opened_at[:16].replace("T", " "), "due": loan.due_on}


def _name(desk: Desk, person: str) -> str:
    return str(desk.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())


def _overdue(desk: Desk, person: str) -> int:
    mine = (loans.c.borrower == person) & loans.c.closed_at.is_(None) & (loans.c.due_at <= instant(desk.now))
    return int(desk.connection.execute(select(func.count()).select_from(loans).where(mine)).scalar_one())


def _is_scanned(desk: Desk, paper: Paper) -> bool:
    query = select(file_records.c.record).where(file_records.c.file == paper.id).limit(1)
    return desk.connection.execute(query).first() is not None


def _may_collect(desk: Desk, way: Terminus, client: str) -> bool:
    if way.collector is None or way.collector.id == way.borrower.id:
        return True
    today = way.terms.today.isoformat()
    query = select(delegates.c.person).where(
        delegates.c.person == way.collector.id, delegates.c.principal == way.borrower.id, delegates.c.client == client,
        (delegates.c.until.is_(None)) | (delegates.c.until >= today),
    )  # fmt: skip
    return desk.connection.execute(query).first() is not None


def _open_paper(desk: Desk, paper: Paper, lending: Lending, way: Terminus, made: dict[str, str]) -> str:
    """Open the loan of a file; of a box, its own and one for each file that is in it; return its id."""
    slip = made.get(paper.client) or new_slip(desk, paper.client, lending, way)
    made[paper.client] = slip
    if not paper.id.startswith("box_"):
        return open_loan(desk, paper, lending, way, slip)
    inside = files_within(desk.connection, paper.id)
    lendable = [file for file in inside if file.state in ("stored", "received", "checked", "picked")]
    if paper.itemised and not lendable:
        stop("no-boxes", box=paper.barcode)
    whole = replace(lending, pages=None, condition=None)
    for file in lendable:
        _may_go(desk, file, whole, way, inside=True)
    outside = _belonging_elsewhere(desk, paper, {file.id for file in lendable})
    if outside and not desk.answered("box-partial"):
        stop("box-partial", box=paper.barcode, out=outside, file=paper.id)
    loan = open_loan(desk, paper, lending, way, slip)
    for file in lendable:
        open_loan(desk, file, whole, way, slip, within=loan)
    return loan


def _belonging_elsewhere(desk: Desk, box: Paper, inside: set[str]) -> int:
    query = select(physical_files.c.id).where(physical_files.c.home_box == box.id)
    return len(set(desk.connection.execute(query).scalars()) - inside)


def new_slip(desk: Desk, client: str, lending: Lending, way: Terminus) -> str:
    """Return the slip that is gone on with, or a new one."""
    connection = desk.connection
    if lending.slip is not None:
        query = select(slips).where((slips.c.barcode == lending.slip) | (slips.c.id == lending.slip))
        row = connection.execute(query).one_or_none()
        if row is None or row.client not in desk.visible:
            stop("unknown-barcode", raw=lending.slip)
        if row.client == client and row.borrower == way.borrower.id:
            return str(row.id)
        stop("other-slip", slip=row.barcode)
    slip = desk.services.ids.new("slp")
    connection.execute(
        insert(slips).values(
            id=slip, client=client, barcode=give_code(connection, slip, desk.now), borrower=way.borrower.id,
            delegate=None if way.collector is None else way.collector.id, purpose=lending.purpose,
            authorised_by=desk.asked.person.pseudonym, created=instant(desk.now),
        )
    )  # fmt: skip
    return slip


def open_loan(desk: Desk, paper: Paper, lending: Lending, way: Terminus, slip: str, within: str | None = None) -> str:
    """Move a paper to its borrower and open its loan; a request of the borrower for it is met."""
    loan = desk.services.ids.new("lon")
    boxed = paper.id.startswith("box_")
    request = request_of(desk, paper, way.borrower.id)
    pages = None if boxed else lending.pages if lending.pages is not None else paper.pages_expected
    said: dict[str, Any] = {"loan": loan, "slip": slip, "pages": pages, "condition": lending.condition}
    if not boxed and paper.access_class != ACCESS_CLASSES[0]:
        said["class"] = paper.access_class
    entry = move(
        desk.act, paper,
        Move(
            "lent", "on_loan", Position(box=paper.box if within else None, holder=way.borrower.id),
            reason=lending.purpose, words=lending.words, auth_ref=None if request is None else request.id,
            due=way.due.isoformat(), obj={name: value for name, value in said.items() if value is not None},
        ),
    )  # fmt: skip
    out_check = None if boxed else _check_out(desk, paper, entry.id, pages, lending.condition)
    desk.connection.execute(
        insert(loans).values(
            id=loan, slip=slip, client=paper.client, within=within, borrower=way.borrower.id,
            request=None if request is None else request.id, opened_at=instant(desk.act.happened),
            site=way.terms.site, due_on=way.due.isoformat(), due_at=way.terms.due_at(way.due), renewals=0,
            state="open", opened_event=entry.id, out_check=out_check, **{"box" if boxed else "file": paper.id},
        )
    )  # fmt: skip
    if request is not None:
        queue.close(desk, request, "lent", "filled")
    return loan


def _check_out(desk: Desk, paper: Paper, event: str, pages: int | None, condition: str | None) -> str:
    desk.connection.execute(
        insert(checks).values(
            id=event, client=paper.client, file=paper.id, moment="OUT", pages=pages,
            condition=condition or paper.condition, added=0, removed=0, photos=[],
            by=desk.asked.person.pseudonym, at=instant(desk.act.happened),
        )
    )  # fmt: skip
    return event


def request_of(desk: Desk, paper: Paper, person: str) -> Row[Any] | None:
    """Return the granted request of a person for a paper, where there is one."""
    query = select(requests).where(
        queue.target_column(paper.id) == paper.id, requests.c.requester == person, requests.c.closed_at.is_(None),
        requests.c.position.is_not(None),
    )  # fmt: skip
    return desk.connection.execute(query).one_or_none()
