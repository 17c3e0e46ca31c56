"""Loans that go on: renewed, asked back, handed from one holder to the next, or claimed to be returned.

A renewal moves the due date on, never back, only what is still out, a bounded number of times, and not while somebody
waits or the paper was asked back (reference of the records desk, invariant 10). Renewing a slip renews exactly what is
out of it.
"""

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select, update

from custody.codes import find_code
from custody.decisions import Act, Outcome
from custody.lending import check
from custody.loan_tables import loans, renewals, slips
from custody.movements import Move, Paper, move, position_of, reload
from records.barcodes import Kind
from records.desk_answers import Said, state_word
from records.ids import instant
from records.tables import persons
from tasks.desk import lending, lookup, onward, queue
from tasks.desk.acts import Answer, AnsweredError, Asked, Desk, perform, stop
from tasks.desk.receiving import answered
from tasks.desk.terms import first_due, renewed_due, terms_of_site, weekday
from tasks.services import Services


def renew(services: Services, asked: Asked, raw: str, due: date | None = None) -> Answer:
    """Renew the loan of a file or box, or every loan of a slip that is still out."""
    return perform(services, asked, f"renew {raw} {due}", lambda desk: _renew(desk, raw, due))


def _renew(desk: Desk, raw: str, due: date | None) -> Answer:
    slip = _slip(desk, raw)
    if slip is None:
        paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
        loan = _loan_out(desk, paper)
        day = _renew_one(desk, paper, loan, due)
        return _told(desk, "renewed", paper, loan, day)
    query = select(loans).where(loans.c.slip == slip.id, loans.c.state == "open").order_by(loans.c.id)
    out = desk.connection.execute(query).all()
    if not out:
        stop("nothing-to-renew")
    for loan in out:
        _renew_one(desk, reload(desk.connection, loan.file or loan.box), loan, due)
    said = Said("renewed-many", {"count": len(out), "person": _name(desk, slip.borrower)})
    return Answer(said, events=tuple(desk.act.seqs), more={"loans": [loan.id for loan in out]})


def _slip(desk: Desk, raw: str) -> Row[Any] | None:
    coded = None if raw.startswith(("fil_", "box_")) else find_code(desk.connection, raw)
    if coded is None or coded.kind is not Kind.SLIP:
        return None
    row = desk.connection.execute(select(slips).where(slips.c.id == coded.target)).one()
    if row.client not in desk.may("handle"):
        stop("unknown-barcode", raw=raw, denied=("handle", row.client, row.id))
    return row


def _loan_out(desk: Desk, paper: Paper) -> Row[Any]:
    """Return the open loan of a paper that is out, or end the act."""
    loan = queue.open_loan(desk.connection, paper.id)
    if loan is None or paper.state != "on_loan":
        stop("not-on-loan", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    return loan


def _renew_one(desk: Desk, paper: Paper, loan: Row[Any], asked: date | None) -> date:
    case = queue.decided(desk, Act.EXTEND, paper, loan.site)
    values = {"barcode": paper.barcode, "person": _name(desk, loan.borrower), "count": loan.renewals}
    if case.outcome is Outcome.DENY:
        waiting = _name(desk, queue.open_requests(desk.connection, paper.id)[0].requester)
        stop("queue-waits", waiting=waiting, file=paper.id, **values)
    if loan.recalled_at is not None:
        stop("was-recalled", file=paper.id, **values)
    if loan.renewals >= desk.services.loans.renewals:
        stop("renewed-enough", file=paper.id, **values)
    terms = terms_of_site(desk, loan.site)
    day = renewed_due(desk, terms, date.fromisoformat(loan.due_on), asked)
    entry = _note(desk, paper, loan, "renewed", day.isoformat())
    changed = {"due_on": day.isoformat(), "due_at": terms.due_at(day), "renewals": loan.renewals + 1}
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**changed))
    desk.connection.execute(
        insert(renewals).values(
            id=entry.id, loan=loan.id, client=loan.client, reason=desk.asked.reason, by=desk.asked.person.pseudonym,
            at=instant(desk.now), old_due=loan.due_on, new_due=day.isoformat(),
        )
    )  # fmt: skip
    return day


def _note(desk: Desk, paper: Paper, loan: Row[Any], kind: str, due: str | None = None) -> Any:
    """Record something about a loan that moves no paper."""
    asked = desk.asked
    note = Move(kind, paper.state, position_of(paper), asked.reason, asked.words, refs=(loan.opened_event,),
                about=loan.borrower, due=due)  # fmt: skip
    return move(desk.act, paper, note)


def recall(services: Services, asked: Asked, raw: str, due: date | None = None) -> Answer:
    """Ask a lent paper back; `due` brings its due date forward, without it the date stays."""
    return perform(services, asked, f"recall {raw} {due}", lambda desk: _recall(desk, raw, due))


def _recall(desk: Desk, raw: str, due: date | None) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    loan = _loan_out(desk, paper)
    values = {"barcode": paper.barcode, "person": _name(desk, loan.borrower)}
    if loan.recalled_at is not None and due is None:
        since = loan.recalled_at[:10]
        return answered(
            desk, Said("recalled-already", {**values, "since": since}), paper, loan=loan.id, due=loan.due_on
        )
    terms = terms_of_site(desk, loan.site)
    day = date.fromisoformat(loan.due_on)
    if due is not None:
        day = min(day, first_due(desk, terms, due)[0])
    _note(desk, paper, loan, "recalled", day.isoformat())
    changed = {"recalled_at": instant(desk.now), "due_on": day.isoformat(), "due_at": terms.due_at(day)}
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**changed))
    said = Said("recalled", {**values, "due": day.isoformat()})
    return answered(desk, said, paper, loan=loan.id, due=day.isoformat())


def claim(services: Services, asked: Asked, raw: str) -> Answer:
    """Record that the borrower says a paper was returned; its loan stays, and the paper is looked for."""
    return perform(services, asked, f"claim {raw}", lambda desk: _claim(desk, raw))


def _claim(desk: Desk, raw: str) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    loan = _loan_out(desk, file)
    _note(desk, file, loan, "claimed")
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(state="claimed_returned"))
    values = {"barcode": file.barcode, "person": _name(desk, loan.borrower)}
    return answered(desk, Said("claimed", values), file, loan=loan.id, due=loan.due_on)


def recharge(services: Services, asked: Asked, raw: str, to: str, due: date | None = None) -> Answer:
    """Hand a lent file from its holder to the next: it was scanned there and both agree, or nothing is moved."""
    what = f"recharge {raw} {to} {due} {sorted(asked.answers)}"
    return perform(services, asked, what, lambda desk: _recharge(desk, raw, to, due))


def _recharge(desk: Desk, raw: str, to: str, due: date | None) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    loan = _loan_out(desk, file)
    borrower = lookup.person(desk, to)
    here = onward.here_for(desk, file)
    terms = terms_of_site(desk, here.site)
    day, _moved = first_due(desk, terms, due)
    way = lending.Terminus(borrower, None, here, terms, day, False)
    if loan.borrower != borrower.id:
        _may_take(desk, file, way)
    case = queue.decided(desk, Act.CHECKOUT, file, here.site, borrower.id)
    old = _name(desk, loan.borrower)
    if case.outcome is Outcome.SAY_LENT:
        stop("lent-to-same", barcode=file.barcode, holder=borrower.name, since=loan.opened_at[:10], file=file.id)
    values = {**way.values, "barcode": file.barcode, "old": old}
    if not desk.answered("seen-at-holder"):
        stop("seen-at-holder", file=file.id, **values)
    new = _hand_on(desk, file, loan, way)
    return answered(desk, Said("recharged", values), file, loan=new, due=day.isoformat())


def _may_take(desk: Desk, file: Paper, way: lending.Terminus) -> None:
    """Ask the rules of lending about the next holder, as if the file were here."""
    head = queue.open_requests(desk.connection, file.id)
    waits = bool(head) and head[0].requester != way.borrower.id
    outcome = Outcome.DENY_UNLESS_REASON if waits else Outcome.LEND
    facts = lending.facts_of(desk, file, way, outcome, inside=True)
    verdict = check(replace(facts, state="checked"))
    if verdict.stop is not None:
        raise AnsweredError(Answer(verdict.stop, file=file.id))


def _hand_on(desk: Desk, file: Paper, loan: Row[Any], way: lending.Terminus) -> str:
    """Close one loan and open the next in one event."""
    new = desk.services.ids.new("lon")
    lent = lending.Lending((file.barcode,), way.borrower.name, _purpose(desk, loan))
    slip = lending.new_slip(desk, file.client, lent, way)
    position = replace(position_of(file), holder=way.borrower.id)
    made = Move(
        "recharged", "on_loan", position, desk.asked.reason, desk.asked.words, refs=(loan.opened_event,),
        about=loan.borrower, due=way.due.isoformat(), obj={"loan": new, "slip": slip},
    )  # fmt: skip
    entry = move(desk.act, file, made)
    closed = {"state": "closed", "closed_at": instant(desk.now), "close_reason": "recharged"}
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**closed))
    desk.connection.execute(
        insert(loans).values(
            id=new, slip=slip, client=file.client, file=file.id, borrower=way.borrower.id,
            opened_at=instant(desk.act.happened), site=way.terms.site, due_on=way.due.isoformat(),
            due_at=way.terms.due_at(way.due), renewals=0, state="open", opened_event=entry.id,
            out_check=loan.out_check,
        )
    )  # fmt: skip
    request = lending.request_of(desk, file, way.borrower.id)
    if request is not None:
        queue.close(desk, request, "lent", "filled")
    return new


def _purpose(desk: Desk, loan: Row[Any]) -> str:
    return str(desk.connection.execute(select(slips.c.purpose).where(slips.c.id == loan.slip)).scalar_one())


def _told(desk: Desk, code: str, paper: Paper, loan: Row[Any], day: date) -> Answer:
    values = {
        "barcode": paper.barcode, "person": _name(desk, loan.borrower), "due": day.isoformat(),
        "weekday": weekday(day),
    }  # fmt: skip
    return answered(desk, Said(code, values), paper, loan=loan.id, due=day.isoformat())


def _name(desk: Desk, person: str) -> str:
    return str(desk.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())
