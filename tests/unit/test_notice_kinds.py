"""What each kind of notice tells, to whom and when: of requests, loans, rights that end, and orders of disposal."""

from datetime import timedelta
from typing import Any

from desk_rows import CLERK, DeskRows
from notice_house import DUE, IDLE, Inbox, on
from sqlalchemy import insert, select, update

from custody.desk_tables import boxes
from custody.disposal_tables import disposal_orders, disposal_papers
from custody.loan_tables import checks, loans, notices, renewals, requests
from custody.people import accredit, answer_for
from infra.mail import SmtpMailer
from records.ids import instant
from records.tables import persons
from tasks import notices as task


def told(services: Any) -> dict[str, tuple[str, str, str | None, str]]:
    """Who is told what now: kind -> person, channel, day beside the paper, note."""
    task.plan(services)
    found = {}
    with services.database.read() as connection:
        rows = connection.execute(select(notices, persons.c.name).join(persons, persons.c.id == notices.c.person)).all()
    for sending in task.waiting(services, "email"):
        with services.database.read() as connection:
            paper = task.words_of(connection, sending)[2][0]
        row = sending.rows[0]
        found[row.kind] = (sending.person, row.channel, None if paper.due is None else str(paper.due), paper.note)
    assert all(row.kind in found or row.channel == "letter" for row in rows)
    return found


def test_receipts_go_by_e_mail_and_nobody_prints_them(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    """Of what was lent, renewed, asked for or sent on; Luis has no address and is told of none of it."""
    on(lent, "2027-02-03")
    now = instant(lent.clock.now())
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        desk, ana = connection.execute(select(loans.c.site).limit(1)).scalar_one(), rows.person("Ana Ñúñez")
        first, _second, of_luis = connection.execute(select(loans).order_by(loans.c.id)).all()
        check = {"client": first.client, "moment": "OUT", "added": 0, "removed": 0, "photos": [], "by": "psn_x"}
        connection.execute(insert(checks).values(id="evt_out", file=first.file, pages=212, at=now, **check))
        connection.execute(update(loans).where(loans.c.id == first.id).values(out_check="evt_out"))
        for loan in (first, of_luis):
            moved = {"old_due": "2027-02-10", "new_due": loan.due_on, "by": "psn_x", "at": now, "client": loan.client}
            connection.execute(insert(renewals).values(id=f"evt_{loan.id[4:]}", loan=loan.id, **moved))
        for title, who, state in (
            ("A", ana, "submitted"),
            ("B", ana, "in_transit"),
            ("C", rows.person("Luis"), "submitted"),
        ):
            rows.request(rows.file(title), who, desk, state, lent.clock.now())
    assert told(lent) == {
        "lent": ("Ana Ñúñez", "email", str(DUE), "212 páginas"), "renewed": ("Ana Ñúñez", "email", str(DUE), ""),
        "requested": ("Ana Ñúñez", "email", None, ""), "in-transit": ("Ana Ñúñez", "email", None, ""),
    }  # fmt: skip
    assert task.plan(lent) == 0 and task.waiting(lent, "letter") == []
    held, mailer = inbox
    assert task.run(lent, mailer)["sent"] == 5  # of both files she was lent, in one message
    assert len(held.messages) == 4 and task.run(lent, mailer) == IDLE


def test_a_receipt_that_no_mail_server_takes_becomes_no_letter(lent: Any) -> None:
    on(lent, "2027-02-03")
    assert task.plan(lent) == 2
    assert task.waiting(lent, "letter", "email") == [] and task.waiting(lent, "email") == []


def test_what_waits_is_told_only_while_it_is_so(lent: Any) -> None:
    on(lent, "2027-02-10")
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        desk = connection.execute(select(loans.c.site).limit(1)).scalar_one()
        made = rows.request(rows.file("A"), rows.person("Ana Ñúñez"), desk, "submitted", lent.clock.now())
    task.plan(lent)
    with lent.database.write() as connection:
        connection.execute(update(requests).where(requests.c.id == made).values(state="queued"))
    assert task.waiting(lent, "email") == []


def test_who_came_too_late_is_told_that_it_is_not_kept_any_more(lent: Any) -> None:
    on(lent, "2027-02-10")
    now, past = instant(lent.clock.now()), instant(lent.clock.now() - timedelta(days=8))
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        desk = connection.execute(select(loans.c.site).limit(1)).scalar_one()
        for title, when in (("A", now), ("B", past)):
            rows.request(rows.file(title), rows.person("Luis"), desk, "expired", lent.clock.now(), closed_at=when)
    assert task.plan(lent) == 1 and task.plan(lent) == 0
    (sending,) = task.waiting(lent, "letter")
    assert (sending.person, sending.rows[0].kind) == ("Luis", "expired")


def test_who_answers_for_a_client_is_told_of_each_step_of_a_disposal(lent: Any) -> None:
    on(lent, "2027-02-10")
    now = instant(lent.clock.now())
    order = "dsp_" + "0" * 32
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        luis, ana = rows.person("Luis"), rows.person("Ana Ñúñez")
        answer_for(connection, lent.vault, luis, rows.client(), "", CLERK)
        seen = connection.execute(select(loans.c.opened_event).limit(1)).scalar_one()
        paper = {"client": rows.client(), "disposal": order, "state": "listed", "before": "stored"}
        connection.execute(
            insert(disposal_orders).values(
                id=order, client=rows.client(), kind="paper", state="proposed", basis="law", reason="legal",
                proposed_by=ana, proposed=now, proposal=seen,
            )
        )  # fmt: skip
        for title in ("A", "B"):
            connection.execute(
                insert(disposal_papers).values(paper=rows.file(title), listing=seen, proposal=seen, **paper)
            )
    said = []
    for step in ({"approved": now, "state": "approved"}, {"ended": now, "state": "finished"}, {}):
        assert task.plan(lent) == 1 and task.plan(lent) == 0
        (sending,) = [one for one in task.waiting(lent, "letter") if one.rows[0].kind not in dict(said)]
        with lent.database.read() as connection:
            (listed,) = task.words_of(connection, sending)[2]
        said.append((sending.rows[0].kind, (sending.person, listed.code, listed.note)))
        with lent.database.write() as connection:
            connection.execute(update(disposal_orders).values(**step or {"state": "finished"}))
    assert [kind for kind, _ in said] == ["disposal-proposed", "disposal-approved", "disposal-finished"]
    assert {one for _, one in said} == {("Luis", order, "0 registros, 2 papeles")}


def test_a_right_that_ended_during_a_loan_asks_the_paper_back(lent: Any) -> None:
    on(lent, "2027-02-10")
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        accredit(connection, lent.vault, rows.person("Luis"), rows.client(), "reader", "2027-02-12", CLERK)
    assert task.plan(lent) == 1 and task.plan(lent) == 0  # it ends within two weeks
    (soon,) = task.waiting(lent, "letter")
    with lent.database.read() as connection:
        (paper,) = task.words_of(connection, soon)[2]
    assert (soon.person, soon.rows[0].kind, paper.note) == ("Luis", "accreditation", "hasta el 2027-02-12")
    on(lent, "2027-02-15")
    assert task.plan(lent) == 1 and task.plan(lent) == 0
    said = [(one.person, one.rows[0].kind) for one in task.waiting(lent, "letter")]
    assert said == [("Luis", "accreditation"), ("Luis", "recall")]


def test_what_was_decided_came_back_or_is_short_is_told_once_and_not_of_the_past(lent: Any) -> None:
    on(lent, "2027-02-10")
    now, past = instant(lent.clock.now()), instant(lent.clock.now() - timedelta(days=8))
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        desk, luis = connection.execute(select(loans.c.site).limit(1)).scalar_one(), rows.person("Luis")
        loan, other, old = connection.execute(select(loans).order_by(loans.c.id)).all()
        check = {"client": loan.client, "moment": "IN", "added": 0, "removed": 0, "photos": [], "by": "psn_x"}
        for one, closed in ((loan, now), (old, past)):
            connection.execute(insert(checks).values(id=f"evt_{one.id}", file=one.file, pages=212, at=now, **check))
            done = {"state": "closed", "closed_at": closed, "close_reason": "returned", "in_check": f"evt_{one.id}"}
            connection.execute(update(loans).where(loans.c.id == one.id).values(**done))
        rows.incident(other.file, "PAGES_SHORT", other.id, lent.clock.now(), detail={"pages": 9, "expected": 10})
        for title, state, when in (("A", "queued", now), ("B", "refused", now), ("C", "refused", past)):
            rows.request(rows.file(title), luis, desk, state, lent.clock.now(), decided_at=when)
    assert task.plan(lent) == 4 and task.plan(lent) == 0
    said = {}
    for sending in task.waiting(lent, "email", "letter"):
        with lent.database.read() as connection:
            (paper,) = task.words_of(connection, sending)[2]
        said[sending.rows[0].kind] = (sending.person, paper.note)
    assert said == {
        "returned": ("Ana Ñúñez", "212 páginas"), "incident": ("Ana Ñúñez", "9 páginas de 10"),
        "authorised": ("Luis", ""), "refused": ("Luis", ""),
    }  # fmt: skip


def test_a_box_that_is_kept_ready_is_named_by_its_code(lent: Any) -> None:
    on(lent, "2027-02-10")
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        loan, box = connection.execute(select(loans)).first(), rows.box(client_ref="CAJA 7")
        made = rows.request(loan.file, rows.person("Luis"), loan.site, "ready", lent.clock.now())
        connection.execute(update(requests).where(requests.c.id == made).values(file=None, box=box))
        code = connection.execute(select(boxes.c.barcode)).scalar_one()
    task.plan(lent)
    (sending,) = task.waiting(lent, "letter")
    with lent.database.read() as connection:
        (paper,) = task.words_of(connection, sending)[2]
    assert (paper.code, paper.case_no) == (code, "CAJA 7")
