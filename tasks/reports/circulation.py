"""Reports of loans: what is out, late by age, due soon; which files are lent so often that a scan would serve better.

Overdue is derived when the report is made: the due day is over at the lending site (records/due_dates.py).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from custody.desk_tables import boxes, locations, physical_files
from custody.loan_tables import loans
from records.due_dates import overdue_days
from records.ids import instant
from records.tables import clients, persons
from tasks.reports.report import Column, Report, Scope, Value

OUT = ("open", "declared_lost", "claimed_returned")  # states in which the paper is not back
# age bands of what is overdue: name and last day of each
BANDS = (("1-7", 7), ("8-30", 30), ("31-90", 90), ("91-", None))
GROUPS = ("borrower", "client", "department", "home")

LOAN_COLUMNS = (
    Column("file", "code", 2),
    Column("case_no", "case number", 2),
    Column("title", "title", 4),
    Column("client", "client", 2),
    Column("borrower", "borrower", 3),
    Column("department", "department", 2),
    Column("home", "belongs in", 2),
    Column("out", "since", 2),
    Column("due", "due", 2),
    Column("overdue_days", "days overdue", 1),
    Column("renewals", "renewals", 1),
    Column("state", "state", 2),
)
BORROWER, CLIENT, DEPARTMENT, HOME, DUE, LATE = 4, 3, 5, 6, 8, 9  # places in a row

BAND_COLUMN = Column("band", "days overdue, band", 1)


def on_loan(scope: Scope, by: str = "borrower") -> Report:
    """List everything that is out, grouped by borrower, client, department or home; totals count each group."""
    rows = sorted(_out(scope, loans.c.client.in_(scope.clients)), key=lambda row: _group_key(row, by))
    counts = Counter(str(row[_place_of(by)] or "-") for row in rows)
    totals: dict[str, Value] = {"out": len(rows), "overdue": sum(1 for row in rows if row[LATE])}
    totals |= {f"{by}: {name}": count for name, count in sorted(counts.items())}
    return Report("on-loan", "On loan", scope.now, LOAN_COLUMNS, rows, totals)


def overdue(scope: Scope) -> Report:
    """List what should be back, the latest first, in bands of age; totals count each band."""
    late = loans.c.client.in_(scope.clients) & (loans.c.due_at <= instant(scope.now)) & (loans.c.state == "open")
    rows = [(*row, _band(int(row[LATE] or 0))) for row in _out(scope, late) if row[LATE]]
    rows.sort(key=lambda row: (-int(row[LATE] or 0), str(row[BORROWER]), str(row[0])))
    counts = Counter(row[-1] for row in rows)
    totals: dict[str, Value] = {"overdue": len(rows), **{f"band: {band}": counts[band] for band, _ in BANDS}}
    return Report("overdue", "Overdue, by age", scope.now, (*LOAN_COLUMNS, BAND_COLUMN), rows, totals)


def due_soon(scope: Scope, days: int = 7) -> Report:
    """List what is due within `days` days from today at its site, today included, the first due first."""
    last = max((scope.today(zone) for zone in scope.sites().values()), default=scope.now.date()) + timedelta(days=days)
    within = (loans.c.due_at > instant(scope.now)) & (loans.c.due_on <= last.isoformat())
    rows = list(_out(scope, loans.c.client.in_(scope.clients) & within))
    rows.sort(key=lambda row: (str(row[DUE]), str(row[BORROWER]), str(row[0])))
    counts = Counter(str(row[DUE]) for row in rows)
    totals: dict[str, Value] = {"due": len(rows), **{f"due: {day}": counts[day] for day in sorted(counts)}}
    return Report("due-soon", "Due soon", scope.now, LOAN_COLUMNS, rows, totals)


def most_lent(scope: Scope, since: date, share: float = 0.01) -> Report:
    """List the files lent most often since a day: the top `share` of those that were lent, at least one.

    A file that is lent again and again is one to digitise; those with a scan already are marked.
    """
    # grouped first, over an index that holds all it needs; only then the clients are asked for
    grouped = (
        select(loans.c.file, func.count().label("times"))
        .where(loans.c.file.is_not(None), loans.c.opened_at >= since.isoformat())
        .group_by(loans.c.file)
        .subquery()
    )
    query = (
        select(grouped.c.file, grouped.c.times)
        .join(physical_files, physical_files.c.id == grouped.c.file)
        .where(physical_files.c.client.in_(scope.clients))
        .order_by(grouped.c.times.desc(), grouped.c.file)
    )
    found = scope.connection.execute(query).all()
    kept = found[: max(1, round(len(found) * share))]
    named = _files(scope, [row.file for row in kept])
    rows = [(*named[file], lent, *_lendings(scope, file, since)) for file, lent in kept]
    columns = (
        Column("file", "code", 2), Column("case_no", "case number", 2), Column("title", "title", 5),
        Column("client", "client", 2), Column("pages", "pages", 1), Column("basis", "pages known by", 2),
        Column("loans", "times lent", 1), Column("borrowers", "borrowers", 1), Column("last", "last lent", 2),
    )  # fmt: skip
    totals: dict[str, Value] = {"files_lent": len(found), "loans": sum(row.times for row in found)}
    return Report("most-lent", "Lent most often: digitise these", scope.now, columns, rows, totals)


def _lendings(scope: Scope, file: str, since: date) -> tuple[int, str]:
    """Return to how many people a file was lent since a day, and when last."""
    people, last = func.count(func.distinct(loans.c.borrower)), func.max(loans.c.opened_at)
    lent = select(people, last).where(loans.c.file == file, loans.c.opened_at >= since.isoformat())
    count, opened = scope.connection.execute(lent).one()
    return count, opened


def _files(scope: Scope, wanted: list[str]) -> dict[str, tuple[Value, ...]]:
    found: dict[str, tuple[Value, ...]] = {}
    for start in range(0, len(wanted), 500):
        part = physical_files.c.id.in_(wanted[start : start + 500])
        for row in scope.connection.execute(select(physical_files).where(part)):
            found[row.id] = (
                row.barcode, row.case_no, row.title, scope.clients[row.client], row.pages_expected, row.pages_basis,
            )  # fmt: skip
    return found


def _out(scope: Scope, condition: ColumnElement[bool]) -> Iterator[tuple[Value, ...]]:
    zones = scope.sites()
    query = _loan_query().where(condition, loans.c.closed_at.is_(None), loans.c.state.in_(OUT))
    for row in scope.connection.execute(query.execution_options(yield_per=2000)):
        # the clock stands still for what is said to be returned or lost
        late = overdue_days(scope.now, date.fromisoformat(row.due_on), zones[row.site]) if row.state == "open" else 0
        yield _loan_row(row, late)


def _loan_query() -> Select[Any]:
    home, outer = boxes.alias("home_box"), boxes.alias("outer_box")
    lent_box, place = boxes.alias("lent_box"), locations.alias("home_place")
    slot = func.coalesce(physical_files.c.home_place, home.c.home, outer.c.home, lent_box.c.home)
    return (
        select(
            loans.c.site, loans.c.due_on, loans.c.opened_at, loans.c.renewals, loans.c.state,
            func.coalesce(physical_files.c.barcode, lent_box.c.barcode).label("code"),
            physical_files.c.case_no, func.coalesce(physical_files.c.title, lent_box.c.client_ref).label("title"),
            physical_files.c.department, clients.c.name.label("client_name"), persons.c.name.label("borrower_name"),
            place.c.path, home.c.barcode.label("home_code"),
        )
        .join(clients, clients.c.id == loans.c.client)
        .join(persons, persons.c.id == loans.c.borrower)
        .outerjoin(physical_files, physical_files.c.id == loans.c.file)
        .outerjoin(lent_box, lent_box.c.id == loans.c.box)
        .outerjoin(home, home.c.id == physical_files.c.home_box)
        .outerjoin(outer, outer.c.id == home.c.box)
        .outerjoin(place, place.c.id == slot)
    )  # fmt: skip


def _loan_row(row: Row[Any], late: int) -> tuple[Value, ...]:
    home = " > ".join(part for part in (row.path, row.home_code) if part)
    return (
        row.code, row.case_no, row.title, row.client_name, row.borrower_name, row.department, home or None,
        row.opened_at, row.due_on, late, row.renewals, row.state,
    )  # fmt: skip


def _band(days: int) -> str:
    return next(name for name, last in BANDS if last is None or days <= last)


def _place_of(by: str) -> int:
    return {"borrower": BORROWER, "client": CLIENT, "department": DEPARTMENT, "home": HOME}[by]


def _group_key(row: tuple[Value, ...], by: str) -> tuple[str, str, str]:
    return str(row[_place_of(by)] or ""), str(row[DUE]), str(row[0])
