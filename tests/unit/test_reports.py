"""Reports over known rows: who is counted, from when, for whose clients; as CSV and PDF."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from desk_rows import DeskRows
from printed import pages, text, unembedded_fonts
from sqlalchemy import insert, select, update

from custody import ledger
from custody.desk_tables import boxes, locations, physical_files
from custody.loan_tables import loans, slips
from infra.i18n import translations
from records.barcodes import Kind, make_code
from records.calendars import Rule
from records.ids import instant
from records.tables import persons
from tasks.papers import Paper
from tasks.reports import circulation, service_level, whereabouts
from tasks.reports.court import trace_pdf
from tasks.reports.report import Report, Scope
from tasks.reports.trace import trace
from tasks.reports.writing import report_csv, report_pdf

BOX = make_code(Kind.BOX, 1)
HOME = f"MAD/A/1 > {BOX}"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PAPER = Paper("es", translations("es").gettext, NOW, ZoneInfo("Europe/Madrid"), "Archivo")


def ago(**time: int) -> datetime:
    return NOW - timedelta(**time)


def plain(value: Any, _key: str) -> str:
    return "" if value is None else str(value)


@pytest.fixture
def rows(services: Any) -> Iterator[DeskRows]:
    """An open transaction in which rows are written; never committed."""
    with services.database.write() as connection:
        rows = DeskRows(services, connection, NOW)
        rows.site("MAD", rules=(Rule("weekly", "sat"), Rule("weekly", "sun")))
        yield rows


def scope(rows: DeskRows, *clients: str) -> Scope:
    return Scope(rows.connection, {rows.client(name): name for name in clients or ("default",)}, NOW)


def site(rows: DeskRows) -> str:
    return str(rows.connection.execute(select(locations.c.id).where(locations.c.path == "MAD")).scalar_one())


def shown(report: Report, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in report.document()["rows"]]


@pytest.fixture
def lent(rows: DeskRows) -> DeskRows:
    """Five loans: due in a week, due today, 1, 10 and 100 days late; one returned; one of another client."""
    place, ana, luis = site(rows), rows.person("Ana Ñúñez"), rows.person("Luis")
    shelf = rows.place("MAD/A/1")
    box = rows.box(shelf)
    for title, due, who, more in (
        ("later", "2026-12-01", ana, {}), ("today", "2026-11-24", ana, {}), ("one", "2026-11-23", ana, {}),
        ("ten", "2026-11-14", luis, {}), ("hundred", "2026-08-16", luis, {"recalled_at": instant(NOW)}),
        ("lost", "2026-08-16", luis, {"state": "declared_lost"}),
        ("back", "2026-08-16", luis, {"state": "return_pending_check", "returned_at": instant(NOW)}),
        ("closed", "2026-08-16", luis, {"state": "closed", "closed_at": instant(NOW), "close_reason": "returned"}),
    ):  # fmt: skip
        file = rows.file(title, "on_loan", home_box=box, case_no=f"EXP/{title}", department="Legal")
        rows.lend(file, who, place, ago(days=120), date.fromisoformat(due), **more)
    other = rows.file("secret", "on_loan", client=rows.client("Otra"))
    rows.lend(other, luis, place, ago(days=120), date(2026, 8, 16))
    return rows


def test_on_loan_lists_what_is_out_and_counts_groups(lent: DeskRows) -> None:
    report = circulation.on_loan(scope(lent))
    assert shown(report, "title", "borrower", "overdue_days", "home") == [
        ("one", "Ana Ñúñez", 1, HOME), ("today", "Ana Ñúñez", 0, HOME),
        ("later", "Ana Ñúñez", 0, HOME), ("hundred", "Luis", 100, HOME),
        ("lost", "Luis", 0, HOME), ("ten", "Luis", 10, HOME),
    ]  # fmt: skip
    assert report.totals == {"out": 6, "overdue": 3, "borrower: Ana Ñúñez": 3, "borrower: Luis": 3}
    by = circulation.on_loan(scope(lent, "default", "Otra"), "client").totals
    assert by == {"out": 7, "overdue": 4, "client: Otra": 1, "client: default": 6}


def test_overdue_is_in_bands_and_the_latest_is_first(lent: DeskRows) -> None:
    report = circulation.overdue(scope(lent))
    assert shown(report, "title", "overdue_days", "band") == [
        ("hundred", 100, "91-"),
        ("ten", 10, "8-30"),
        ("one", 1, "1-7"),
    ]
    assert report.totals == {"overdue": 3, "band: 1-7": 1, "band: 8-30": 1, "band: 31-90": 0, "band: 91-": 1}


@pytest.mark.parametrize(("days", "titles"), [(0, ["today"]), (6, ["today"]), (7, ["today", "later"])])
def test_due_soon_counts_from_today_and_leaves_out_what_is_late(lent: DeskRows, days: int, titles: list[str]) -> None:
    report = circulation.due_soon(scope(lent), days)
    assert [title for (title,) in shown(report, "title")] == titles


def test_a_day_ends_where_the_loan_was_made(rows: DeskRows) -> None:
    # 23:30 in Madrid is 22:30 in the Canaries: due today is overdue at neither; at 23:30 UTC only in Madrid
    west = rows.site("TFS", "Atlantic/Canary")
    for code, place in (("east", site(rows)), ("west", west)):
        rows.lend(rows.file(code, "on_loan"), rows.person("Ana"), place, ago(days=9), date(2026, 11, 24),
                  due_at="2026-11-24T23:00:00.000Z" if code == "east" else "2026-11-25T00:00:00.000Z")  # fmt: skip
    at = Scope(rows.connection, {rows.client(): "default"}, datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    assert shown(circulation.overdue(at), "title") == [("east",)]
    assert shown(circulation.due_soon(at, 0), "title") == [("west",)]


def test_a_whole_box_that_is_lent_is_a_row(rows: DeskRows) -> None:
    box = rows.box(rows.place("MAD/B"), "on_loan", client_ref="CAJA-7")
    loan = rows.lend(rows.file("x", "on_loan"), rows.person("Ana"), site(rows), ago(days=1), date(2026, 12, 1))
    rows.connection.execute(update(loans).where(loans.c.id == loan).values(file=None, box=box))
    assert shown(circulation.on_loan(scope(rows)), "file", "title", "home") == [(BOX, "CAJA-7", "MAD/B")]


def test_most_lent_names_the_top_and_counts_borrowers(rows: DeskRows) -> None:
    for title, times in (("often", 5), ("seldom", 1), ("some", 2)):
        file = rows.file(title, pages_expected=40, pages_basis="SCANNED" if title == "often" else "UNKNOWN")
        for n in range(times):
            closed = {"state": "closed", "closed_at": instant(NOW), "close_reason": "returned"}
            opened = ago(days=30 - n)
            rows.connection.execute(_loan_values(rows, file, f"P{n % 2}", opened, closed))
    report = circulation.most_lent(scope(rows), date(2026, 1, 1), 0.34)
    assert shown(report, "title", "loans", "borrowers", "basis") == [("often", 5, 2, "SCANNED")]
    assert report.totals == {"files_lent": 3, "loans": 8}
    assert shown(circulation.most_lent(scope(rows), date(2026, 11, 1), 1.0), "title") == []


def _loan_values(rows: DeskRows, file: str, who: str, opened: datetime, more: dict[str, Any]) -> Any:
    slip, person = rows.services.ids.new("slp"), rows.person(who)
    rows.connection.execute(insert(slips).values(
        id=slip, client=rows.client(), barcode=rows.code(Kind.SLIP, slip), borrower=person, purpose="request",
        authorised_by="psn_x", created=instant(opened)))  # fmt: skip
    event = rows.connection.execute(select(ledger.events.c.id).limit(1)).scalar_one()
    return insert(loans).values(
        id=rows.services.ids.new("lon"), slip=slip, client=rows.client(), file=file, borrower=person,
        opened_at=instant(opened), site=site(rows), due_on="2026-12-01", due_at="2026-12-01T23:00:00.000Z", renewals=0,
        opened_event=event, **more,
    )  # fmt: skip


def test_on_the_way_and_not_put_away_are_told_by_age(rows: DeskRows) -> None:
    staging = rows.place("MAD/STAGING", "STAGING")
    for title, state, since in (
        ("slow", "in_transit", ago(days=3)), ("fast", "in_transit", ago(days=1)), ("old", "returned", ago(hours=30)),
        ("new", "returned", ago(hours=2)), ("checked", "checked", ago(days=9)), ("away", "stored", ago(days=99)),
    ):  # fmt: skip
        rows.file(title, state, since=instant(since), place=None if state == "in_transit" else staging)
    rows.box(state="in_transit", client_ref="box", since=instant(ago(days=8)), place=None)
    assert shown(whereabouts.in_transit(scope(rows)), "title", "kind", "days") == [
        ("box", "box", 8),
        ("slow", "file", 3),
    ]
    report = whereabouts.staging(scope(rows))
    assert shown(report, "title", "state", "place", "days") == [
        ("checked", "checked", "MAD/STAGING", 9), ("old", "returned", "MAD/STAGING", 1),
    ]  # fmt: skip
    assert report.totals == {"not_put_away": 2, "returned": 1, "checked": 1, "received": 0, "found_pending": 0}


def test_missing_names_the_last_places_and_people(rows: DeskRows) -> None:
    first, second, box = rows.place("MAD/A"), rows.place("MAD/B"), rows.box()
    ana, _luis = rows.person("Ana Ñúñez"), rows.person("Luis")
    file = rows.file("gone", "missing")
    rows.event("received", file, "received", place=first)
    rows.event("refiled", file, "stored", place=box)
    rows.event("lent", file, "on_loan", holder=rows.pseudonym(ana))
    rows.event("returned", file, "returned", place=second, refs=(rows._last,), on_behalf=rows.pseudonym(ana))
    rows.event("missing", file, "missing")
    rows.connection.execute(update(boxes).where(boxes.c.id == box).values(place=first))
    rows.connection.execute(update(persons).where(persons.c.name == "Luis").values(pseudonym="psn_clerk"))
    ((places, people, by),) = shown(whereabouts.missing(scope(rows)), "last_places", "last_holders", "reported_by")
    assert re.sub(r" \(\d{4}-\d\d-\d\d\)", "", places) == f"MAD/B; MAD/A > {BOX}; MAD/A" and by == "Luis"
    assert re.fullmatch(r"Ana Ñúñez \(\d{4}-\d\d-\d\d\)", people)


def test_phantoms_are_unsettled_sightings_of_what_is_lent(rows: DeskRows) -> None:
    for title, resolved in (("ghost", None), ("settled", instant(NOW))):
        file = rows.file(title, "on_loan")
        loan = rows.lend(file, rows.person("Ana"), site(rows), ago(days=5), date(2026, 12, 1))
        rows.incident(file, "SEEN_WHILE_ON_LOAN", loan, ago(days=1), resolved=resolved)
    rows.incident(rows.file("short"), "PAGES_SHORT", None, ago(days=1))
    assert shown(whereabouts.phantom(scope(rows)), "title", "borrower") == [("ghost", "Ana")]


def test_occupancy_counts_what_stands_and_what_belongs_there_once(rows: DeskRows) -> None:
    shelf, full, free = (rows.place(f"MAD/{n}", capacity=size) for n, size in (("A", 4), ("B", 1), ("C", 3)))
    rows.place("MAD/D")
    rows.box(shelf)
    rows.box(shelf, "on_loan", place=None)
    rows.box(shelf, "destroyed", place=None)
    rows.file("loose", home_place=shelf, place=shelf)
    rows.box(full, place=free)
    report = whereabouts.occupancy(scope(rows))
    assert shown(report, "place", "boxes", "loose_files", "capacity", "free", "percent") == [
        ("MAD/A", 2, 1, 4, 1, 75), ("MAD/B", 1, 0, 1, 0, 100), ("MAD/C", 1, 0, 3, 2, 33),
    ]  # fmt: skip
    assert report.totals == {"places": 3, "full": 1, "free": 3}


def test_retrieval_counts_what_was_met_and_in_time(rows: DeskRows) -> None:
    desk = rows.place("MAD/DESK", "DESK")
    for n, (state, created, ready, needed) in enumerate((
        ("filled", ago(days=9), ago(days=9, hours=-2), None),  # two hours
        ("filled", ago(days=9), ago(days=7), None),  # two days: late by the terms
        ("ready", ago(days=9), ago(days=6), "2026-11-18"),  # three days, on the day it was needed
        ("converted", ago(days=9), ago(days=4), "2026-11-18"),  # late
        ("not_fillable", ago(days=9), None, None),
        ("expired", ago(days=9), None, None),
        ("cancelled", ago(days=9), None, None),
        ("refused", ago(days=9), None, None),
        ("queued", ago(days=1), None, None),
        ("filled", ago(days=400), ago(days=400), None),  # before
    )):  # fmt: skip
        open_ = state in ("queued", "ready")
        rows.request(rows.file(f"f{n}"), rows.person("Ana"), desk, state, created, needed_by=needed,
                     ready_at=None if ready is None else instant(ready),
                     closed_at=None if open_ else instant(ready or NOW))  # fmt: skip
    report = service_level.retrieval(scope(rows), service_level.Terms(date(2026, 11, 1), 24))
    assert report.document()["rows"] == [{
        "client": "default", "requests": 9, "met": 4, "not_fillable": 1, "expired": 1, "refused": 1, "cancelled": 1,
        "waiting": 1, "retrieval_percent": 66, "in_time": 2, "in_time_percent": 33, "median_minutes": 2880,
        "p90_minutes": 7200,
    }]  # fmt: skip
    assert report.totals["met"] == 4 and report.totals["since"] == "2026-11-01"
    assert service_level.retrieval(scope(rows, "Otra"), service_level.Terms(date(2026, 11, 1))).rows == []


@pytest.mark.parametrize(
    ("values", "p50", "p90"), [([], None, None), ([7], 7, 7), ([1, 2], 1, 2), (list(range(1, 101)), 50, 90)]
)
def test_percentiles_are_of_the_nearest_rank(values: list[int], p50: int | None, p90: int | None) -> None:
    assert (service_level.percentile(values, 50), service_level.percentile(values, 90)) == (p50, p90)


def _row(rows: DeskRows, file: str) -> Any:
    return rows.connection.execute(select(physical_files).where(physical_files.c.id == file)).one()


def traced(rows: DeskRows) -> tuple[str, Report]:
    """A file that goes into a box, the box into another, both away and back, the file out again."""
    shelf, van = rows.place("MAD/A"), rows.place("MAD/VAN", "VAN")
    file, box, outer = rows.file("traced", case_no="EXP/1"), rows.box(), rows.box()
    rows.event("received", file, "received", place=shelf)
    rows.event("received", box, "received", place=shelf)
    rows.event("received", outer, "received", place=shelf)
    rows.event("refiled", outer, "stored", place=shelf)
    rows.event("refiled", box, "stored", place=shelf)  # before the file is in it
    rows.event("refiled", file, "stored", place=box)
    rows.event("sighted", file, "checked", place=box)
    rows.event("picked", box, "picked", place=outer)
    rows.event("picked", outer, "picked", place=van)
    rows.event("incident", file, None, reason="other")
    rows.event("in_transit", outer, "in_transit", place=None)
    rows.event("lent", file, "on_loan", holder=rows.pseudonym(rows.person("Ana Ñúñez")), due="2026-12-01")
    rows.event("received", outer, "received", place=shelf)  # after it left
    return file, trace(scope(rows), _row(rows, file))


def test_a_trace_holds_the_boxes_movements_while_the_file_stood_in_them(rows: DeskRows) -> None:
    _, report = traced(rows)
    assert [(event, subject.split()[0]) for event, subject in shown(report, "event", "subject")] == [
        ("registered", "file"), ("received", "file"), ("refiled", "file"), ("sighted", "file"), ("picked", "box"),
        ("picked", "box"), ("incident", "file"), ("in_transit", "box"), ("lent", "file"),
    ]  # fmt: skip
    last = report.document()["rows"][-1]
    assert last["holder"] == "Ana Ñúñez" and last["due"] == "2026-12-01" and last["place"] is None
    seqs = [seq for (seq,) in shown(report, "seq")]
    assert seqs == sorted(set(seqs)) and report.totals["events"] == len(seqs)


def test_each_line_of_a_trace_is_an_entry_of_the_ledger(rows: DeskRows) -> None:
    _, report = traced(rows)
    entries = {entry.seq: entry.leaf_hash for entry in ledger.entries(rows.connection)}
    assert [(seq, entries[seq]) for seq, _ in shown(report, "seq", "leaf_hash")] == shown(report, "seq", "leaf_hash")


def test_the_paper_for_a_court_leaves_nothing_out(rows: DeskRows) -> None:
    _, report = traced(rows)
    pdf = trace_pdf(report, [("expediente físico", "EXP/1")], PAPER, plain)
    said = "".join(text(pdf).split())
    for row in report.document()["rows"]:
        assert row["leaf_hash"] in said and (row["holder"] or "").replace(" ", "") in said
    assert "EXP/1" in said and unembedded_fonts(pdf) == [] and "muniment ledger proof" in text(pdf)


def test_csv_is_read_back_and_no_cell_is_a_formula(rows: DeskRows) -> None:
    for title in ('=HYPERLINK("http://x")', "+1", "-2", "@x", 'Peña, "Ñ"\nsegunda', "normal"):
        rows.file(title, "in_transit", since=instant(ago(days=9)))
    data = report_csv(whereabouts.in_transit(scope(rows)))
    assert data.startswith("\ufeff".encode())
    read = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert sorted(row["title"] for row in read) == sorted(
        ['\'=HYPERLINK("http://x")', "'+1", "'-2", "'@x", 'Peña, "Ñ"\nsegunda', "normal"]
    )
    assert list(read[0]) == [column.key for column in whereabouts.PAPER_COLUMNS]
    json.dumps(whereabouts.in_transit(scope(rows)).document())


def test_a_report_as_pdf_runs_over_pages_and_shows_its_totals(rows: DeskRows) -> None:
    for n in range(120):
        rows.file(f"Expediente de Íñigo {n}", "in_transit", since=instant(ago(days=9)))
    pdf = report_pdf(whereabouts.in_transit(scope(rows)), PAPER, plain)
    said = text(pdf)
    assert len(pages(pdf, 20)) > 2 and "Expediente de Íñigo 119" in said and "120" in said
    assert unembedded_fonts(pdf) == [] and "página 1 de" in said
    assert report_pdf(whereabouts.in_transit(scope(rows)), PAPER, plain) == pdf


def test_a_long_text_in_a_report_is_broken_into_lines_and_none_of_it_is_lost(rows: DeskRows) -> None:
    words = [f"palabra{n}" for n in range(9)]
    rows.file(" ".join(words), "in_transit", case_no="EXP/2026/000123", since=instant(ago(days=9)))
    said = text(report_pdf(whereabouts.in_transit(scope(rows)), PAPER, plain))
    assert all(word in said for word in words) and "…" not in said and "número de" in said


def test_other_clients_files_are_in_no_report(rows: DeskRows) -> None:
    other = rows.client("Otra")
    file = rows.file("secret", "missing", client=other)
    rows.file("secret2", "in_transit", client=other, since=instant(ago(days=9)))
    rows.file("secret3", "returned", client=other, since=instant(ago(days=9)))
    rows.lend(file, rows.person("Ana"), site(rows), ago(days=90), date(2026, 9, 1))
    mine = scope(rows)
    for report in (
        circulation.on_loan(mine), circulation.overdue(mine), circulation.due_soon(mine), whereabouts.missing(mine),
        circulation.most_lent(mine, date(2020, 1, 1)), whereabouts.in_transit(mine), whereabouts.staging(mine),
        whereabouts.phantom(mine), service_level.retrieval(mine, service_level.Terms(date(2020, 1, 1))),
    ):  # fmt: skip
        assert list(report.rows) == [], report.name


def test_no_report_of_an_empty_installation_fails(services: Any) -> None:
    with services.database.read() as connection:
        empty = Scope(connection, {}, NOW)
        for report in (
            circulation.on_loan(empty), circulation.overdue(empty), circulation.due_soon(empty),
            circulation.most_lent(empty, date(2020, 1, 1)), whereabouts.missing(empty), whereabouts.phantom(empty),
            whereabouts.occupancy(empty), service_level.retrieval(empty, service_level.Terms(date(2020, 1, 1))),
        ):  # fmt: skip
            assert list(report.rows) == []
            assert report_pdf(report, PAPER, plain).startswith(b"%PDF")
