"""Slips and out-cards, read from the catalogue: what one person took, and what stands in the place of a file."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from custody.codes import find_code
from custody.ledger import find
from custody.loan_tables import checks, loans, slips
from custody.movements import reload
from custody.whereabouts import where_is
from records.catalogue import resolve
from records.errors import UnknownIdError
from records.tables import persons
from tasks.desk_papers import OutCard, PaperFile, Slip
from tasks.printing.sight import Sight, at_home, client_name, file_named, home_names, name_of, named, path_of


def slip_of(seen: Sight, raw: str) -> tuple[Slip, str, str]:
    """Return the slip that a code or id of a slip or loan names, with what is still out; its id and client.

    Raises:
        UnknownIdError: there is none that may be seen, or nothing of it is out.
        AmbiguousIdError, BarcodeError: as `label_of`.
    """
    row = _slip_row(seen, raw)
    lent = seen.connection.execute(
        select(loans).where(loans.c.slip == row.id, loans.c.closed_at.is_(None)).order_by(loans.c.id)
    ).all()
    if not lent:
        raise UnknownIdError("nothing of this slip is out any more")
    lines = tuple((_lent_file(seen, loan), date.fromisoformat(loan.due_on)) for loan in lent)
    opened = find(seen.connection, lent[0].opened_event)
    lender = None if opened is None else opened.event["actor"]["id"]
    slip = Slip(
        row.barcode, name_of(seen, row.borrower), name_of(seen, row.delegate), row.purpose,
        _by_pseudonym(seen, row.authorised_by), _by_pseudonym(seen, lender), datetime.fromisoformat(lent[0].opened_at),
        client_name(seen, row.client), lines,
    )  # fmt: skip
    return slip, row.id, row.client


def out_card_of(seen: Sight, raw: str) -> tuple[OutCard, str, str]:
    """Return the out-card of a file that is away from its place; the file's id and client.

    Raises:
        UnknownIdError, AmbiguousIdError, BarcodeError: as `label_of`.
    """
    file = file_named(seen, raw)
    loan = seen.connection.execute(
        select(loans, slips.c.barcode)
        .join(slips, slips.c.id == loans.c.slip)
        .where(loans.c.file == file.id, loans.c.closed_at.is_(None))
    ).one_or_none()
    where = where_is(seen.connection, file)
    holder = where.holder_name or where.text or ""
    since = datetime.fromisoformat(loan.opened_at if loan is not None else file.since)
    due = None if loan is None else date.fromisoformat(loan.due_on)
    return OutCard(at_home(seen, file), holder, since, due, "" if loan is None else loan.barcode), file.id, file.client


def _slip_row(seen: Sight, raw: str) -> Row[Any]:
    query = select(slips)
    if raw.startswith("lon_"):
        loan = resolve(seen.connection, loans, raw, loans.c.client.in_(seen.mine))
        query = query.join(loans, loans.c.slip == slips.c.id).where(loans.c.id == loan)
    elif raw.startswith("slp_"):
        query = query.where(slips.c.id == resolve(seen.connection, slips, raw))
    else:
        coded = find_code(seen.connection, raw)
        query = query.where(slips.c.id == (coded.target if coded is not None else ""))
    row = seen.connection.execute(query.where(slips.c.client.in_(seen.mine))).one_or_none()
    if row is None:
        raise UnknownIdError("no slip or loan that you may print has this code")
    return row


def _lent_file(seen: Sight, loan: Row[Any]) -> PaperFile:
    if loan.file is None:
        box = reload(seen.connection, loan.box)
        return PaperFile(box.barcode, box.client_ref or "", "", "", path_of(seen, box.home) or "")
    file = reload(seen.connection, loan.file)
    check = None
    if loan.out_check is not None:
        check = seen.connection.execute(select(checks).where(checks.c.id == loan.out_check)).one()
    pages = check.pages if check is not None and check.pages is not None else file.pages_expected
    condition = (check.condition if check is not None else None) or file.condition or ""
    return named(file, home_names(seen, file), pages, condition)


def _by_pseudonym(seen: Sight, pseudonym: str | None) -> str:
    found = select(persons.c.name).where(persons.c.pseudonym == pseudonym)
    return str(seen.connection.execute(found).scalar_one_or_none() or pseudonym or "")
