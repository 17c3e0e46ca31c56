"""Counting what came back, against what went out and against the scan; what does not agree is kept aside.

Pages in = pages out + declared additions - declared removals, or an incident is open: never both wrong and on the shelf
(reference of the records desk, invariants 12 and 13). A file is short, has too many, or came back damaged: the borrower
is told, the box is looked at, and a supervisor settles it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from custody.decisions import Act
from custody.loan_tables import checks, loans
from custody.movements import Move, Paper, Position, move, position_of, reload
from records.desk_answers import Said, state_word
from records.ids import instant
from records.tables import persons
from tasks.desk import lookup, onward, places, queue
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.incidents import open_incident, open_of, settle
from tasks.desk.receiving import answered, scanned_pages
from tasks.services import Services

COUNTABLE = ("returned", "received", "stored", "picked", "at_desk", "checked")
WORSE = ("damaged", "wet", "incomplete")
WHOLE = "count-pages"  # the answer of somebody who looked through it and saw that nothing is missing


@dataclass(frozen=True, slots=True)
class Count:
    """What a person counted: pages, condition, and what the borrower says was added or removed."""

    pages: int | None = None
    condition: str | None = None
    added: int = 0
    removed: int = 0
    declared: str | None = None

    @property
    def said(self) -> bool:
        """Whether anything was counted or looked at."""
        return self.pages is not None or self.condition is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a count shows: the incident's kind (none: it agrees), and the numbers."""

    kind: str | None
    expected: int | None
    difference: int = 0


def check(services: Services, asked: Asked, raw: str, count: Count) -> Answer:
    """Count a file that came back, or one on its shelf (an audit)."""
    what = f"check {raw} {count} {sorted(asked.answers)}"
    return perform(services, asked, what, lambda desk: _check(desk, raw, count))


def _check(desk: Desk, raw: str, count: Count) -> Answer:
    paper = lookup.paper(desk, raw, "handle", lookup.PAPERS)
    if paper.state not in COUNTABLE:
        stop("not-to-check", barcode=paper.barcode, state=state_word(paper.state), file=paper.id)
    if paper.id.startswith("box_"):
        return _box_checked(desk, paper)
    return count_in(desk, paper, count)


def count_in(desk: Desk, file: Paper, count: Count) -> Answer:
    """Record the count of a file; of one that came back, its loan ends and it goes on, or is kept aside."""
    loan = queue.open_loan(desk.connection, file.id)
    out = None if loan is None else _check_row(desk, loan.out_check)
    expected = out.pages if out is not None and out.pages is not None else file.pages_expected
    if count.pages is None and not desk.answered(WHOLE) and file.pages_expected is None:
        stop("count-unknown", barcode=file.barcode, file=file.id)
    if count.pages is None and not desk.answered(WHOLE):
        stop(WHOLE, barcode=file.barcode, expected=expected, file=file.id)
    scanned = scanned_pages(desk.connection, file.id)
    finding = compare(count, expected if expected is not None else scanned, None if out is None else out.condition)
    after = _after(file.state, finding)
    at = position_of(file)
    if finding.kind is not None:
        site = onward.here_for(desk, file).site
        at = Position(place=places.passing(desk, site, "QUARANTINE").id)
    entry = move(desk.act, file, _move_of(count, finding, expected, loan, at, after), **_counted(file, count, finding))
    _save_check(desk, file, entry.id, count, loan)
    if finding.kind is not None:
        detail = {"expected": finding.expected, "pages": count.pages, "added": count.added, "removed": count.removed}
        open_incident(desk, entry.id, file, finding.kind, None if loan is None else loan.id, **detail)
    if loan is not None and file.state == "returned":
        _end_loan(desk, loan, entry.id, finding)
    differs = scanned is not None and count.pages is not None and scanned != count.pages
    notes = (Said("scan-differs", {"scanned": scanned}),) if differs else ()
    return _told(desk, file, count, finding, loan, notes)


def compare(count: Count, expected: int | None, condition: str | None) -> Finding:
    """Say what a count shows against the pages and the condition with which a file went out."""
    if count.pages is not None and expected is not None:
        due = expected + count.added - count.removed
        if count.pages != due:
            return Finding("PAGES_SHORT" if count.pages < due else "PAGES_EXTRA", due, abs(count.pages - due))
    if count.condition in WORSE and count.condition != condition:
        return Finding("DAMAGED", expected)
    return Finding(None, expected)


def _after(state: str, finding: Finding) -> str:
    if finding.kind is not None:
        return "quarantine"
    return "checked" if state == "returned" else state


def _move_of(
    count: Count, finding: Finding, expected: int | None, loan: Row[Any] | None, at: Position, after: str
) -> Move:
    said = {
        "pages": count.pages, "out": expected, "added": count.added, "removed": count.removed,
        "condition": count.condition,
    }  # fmt: skip
    obj = {name: value for name, value in said.items() if value is not None}
    about = {"refs": (loan.opened_event,), "about": loan.borrower} if loan is not None else {}
    return Move("checked", after, at, reason=finding.kind, words=count.declared, obj=obj, **about)


def _counted(file: Paper, count: Count, finding: Finding) -> dict[str, Any]:
    """Return what the catalogue knows of a file after the count; a count that does not agree settles nothing yet."""
    known: dict[str, Any] = {"searches": 0}
    if finding.kind is None and count.pages is not None:
        known |= {"pages_expected": count.pages, "pages_basis": "COUNTED"}
    if count.condition is not None:
        known["condition"] = count.condition
    return known


def _save_check(desk: Desk, file: Paper, event: str, count: Count, loan: Row[Any] | None) -> None:
    moment = "IN" if loan is not None and file.state == "returned" else "AUDIT"
    desk.connection.execute(
        insert(checks).values(
            id=event, client=file.client, file=file.id, moment=moment, pages=count.pages, condition=count.condition,
            added=count.added, removed=count.removed, declared=count.declared, photos=[],
            by=desk.asked.person.pseudonym, at=instant(desk.act.happened),
        )
    )  # fmt: skip


def _end_loan(desk: Desk, loan: Row[Any], event: str, finding: Finding) -> None:
    state = "closed" if finding.kind is None else "closed_with_incident"
    ended = {"state": state, "closed_at": instant(desk.now), "close_reason": "returned", "in_check": event}
    desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**ended))


def _told(
    desk: Desk, file: Paper, count: Count, finding: Finding, loan: Row[Any] | None, notes: tuple[Said, ...]
) -> Answer:
    person = None if loan is None else _name(desk, loan.borrower)
    values = {
        "barcode": file.barcode, "pages": count.pages, "expected": finding.expected, "person": person,
        "short": finding.difference, "extra": finding.difference, "condition": count.condition,
    }  # fmt: skip
    loan_id = None if loan is None else loan.id
    if finding.kind is not None:
        code = {"PAGES_SHORT": "pages-short", "PAGES_EXTRA": "pages-extra"}.get(finding.kind, "came-damaged")
        return answered(desk, Said(code, values), file, loan=loan_id, notes=notes, then=None if person else "settle")
    said = Said("checked-whole" if count.pages is None else "checked", values)
    if file.state != "returned":
        return answered(desk, said, file, loan=loan_id, notes=notes)
    further, then = _go_on(desk, file)
    return answered(desk, said, file, loan=loan_id, notes=(*notes, *further), then=then)


def _go_on(desk: Desk, file: Paper) -> tuple[tuple[Said, ...], str | None]:
    """Send a file that was counted on its way: to who heads the queue, to its own site, or back to its place."""
    here = onward.here_for(desk, file)
    now = reload(desk.connection, file.id)
    case = queue.decided(desk, Act.CHECKIN, now, here.site)
    return onward.go(desk, now, case.outcome, here)


def _box_checked(desk: Desk, box: Paper) -> Answer:
    """A box that came back is looked at: its loan ends; its files are counted one by one."""
    loan = queue.open_loan(desk.connection, box.id)
    after = "checked" if box.state == "returned" else box.state
    if loan is None or box.state != "returned":
        move(desk.act, box, Move("checked", after, position_of(box)))
    else:
        move(desk.act, box, Move("checked", after, position_of(box), refs=(loan.opened_event,), about=loan.borrower))
        ended = {"state": "closed", "closed_at": instant(desk.now), "close_reason": "returned"}
        desk.connection.execute(update(loans).where(loans.c.id == loan.id).values(**ended))
    return answered(desk, Said("checked-whole", {"barcode": box.barcode}), box, then="refile")


def settle_file(services: Services, asked: Asked, raw: str, pages: int | None = None) -> Answer:
    """Settle what was wrong with a file that is kept aside; `pages` is what it has from now on."""
    return perform(services, asked, f"settle {raw} {pages}", lambda desk: _settle(desk, raw, pages))


def _settle(desk: Desk, raw: str, pages: int | None) -> Answer:
    file = lookup.paper(desk, raw, "handle")
    if file.client not in desk.may("supervise"):
        stop("not-supervisor", file=file.id, denied=("supervise", file.client, file.id))
    if desk.asked.reason is None:
        stop("settle-reason", barcode=file.barcode, file=file.id)
    if file.state != "quarantine":
        if not open_of(desk.connection, file.id):
            stop("nothing-to-settle", barcode=file.barcode, file=file.id)
        desk.act.append("correction", file.id, file.client, desk.asked.words, reason=desk.asked.reason)
    else:
        wrong = tuple(row.id for row in open_of(desk.connection, file.id))
        counted = _check_row(desk, wrong[-1] if wrong else None)
        known = pages if pages is not None else None if counted is None else counted.pages
        also = {} if known is None else {"pages_expected": known, "pages_basis": "COUNTED"}
        asked = desk.asked
        settled = Move("settled", "checked", position_of(file), reason=asked.reason, words=asked.words, refs=wrong)
        move(desk.act, file, settled, **also)
    settle(desk, file.id, desk.asked.reason)
    return answered(desk, Said("settled", {"barcode": file.barcode}), file)


def _check_row(desk: Desk, check_id: str | None) -> Row[Any] | None:
    if check_id is None:
        return None
    return desk.connection.execute(select(checks).where(checks.c.id == check_id)).one_or_none()


def _name(desk: Desk, person: str) -> str:
    return str(desk.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())
