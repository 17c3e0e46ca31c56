"""Notices: each level once, made up for, never doubled; by a real mail server on this machine, and as letters."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from desk_rows import CLERK, DeskRows
from notice_house import DUE, IDLE, Inbox, on
from printed import text
from sqlalchemy import insert, select, update

from custody.contact_tables import contacts
from custody.desk_tables import calendar_rules, locations, physical_files
from custody.loan_tables import loans, notices
from custody.people import answer_for
from infra.mail import SmtpMailer
from infra.settings import Settings
from records.errors import UnavailableError
from records.notices import KINDS, incident_words, levels_reached, template, wait_after
from tasks import notices as task
from tasks.notices_due import TOLD_INCIDENTS


@pytest.mark.parametrize(
    ("today", "reached"),
    [
        ("2027-03-06", []), ("2027-03-07", [("due-soon", 1)]), ("2027-03-10", [("due-soon", 1)]),
        ("2027-03-11", [("overdue", 1)]), ("2027-03-17", [("overdue", 1)]),
        ("2027-03-18", [("overdue", 1), ("overdue", 2), ("escalated", 2)]),
        ("2027-06-01", [("overdue", 1), ("overdue", 2), ("escalated", 2), ("overdue", 3), ("escalated", 3)]),
    ],
)  # fmt: skip
def test_a_level_is_reached_from_its_day_on(today: str, reached: list[tuple[str, int]]) -> None:
    found = levels_reached(DUE, date.fromisoformat(today))
    assert [(level.kind, level.level) for level in found] == reached


def test_every_kind_has_its_words_in_both_languages() -> None:
    for language in ("en", "es"):
        for kind in KINDS:
            said = template(language, kind)
            (said.subject + said.one + "".join(said.text)).format(person="x", count=1, level=1)
            said.line.format(borrower="x", pages=1, what="x", until="x", records=1, papers=1)
        for kind in TOLD_INCIDENTS:
            assert incident_words(language, kind, {"pages": 1, "expected": 2}) not in (kind, "")


def test_case_12_a_missed_run_is_made_up_for_and_none_is_doubled(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-01")
    assert task.run(lent, mailer)["planned"] == 0
    on(lent, "2027-03-19")  # nothing ran for weeks: levels 1 and 2 are due
    assert task.run(lent, mailer) == {"expired": 0, "planned": 6, "sent": 4, "refused": 0, "later": 0}
    assert task.run(lent, mailer) == IDLE
    assert len(held.messages) == 2  # one for each level, with both files
    on(lent, "2027-03-22")
    assert task.run(lent, mailer)["sent"] == 0 and len(held.messages) == 2


def test_e_mail_names_codes_and_case_numbers_and_no_title(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    task.run(lent, mailer)
    message = message_from_bytes(held.messages[0], policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_content()
    assert (
        message["Subject"] == "2 expedientes pendientes de devolución (aviso 1)" and message["To"] == "ana@example.org"
    )
    assert "EXP/Sec" in body and "2027-03-10" in body and "Ana Ñúñez" in body and "Pérez" not in body
    assert message["Auto-Submitted"] == "auto-generated"


def test_nothing_goes_on_a_closed_day_and_it_goes_on_the_next_open_one(
    lent: Any, inbox: tuple[Inbox, SmtpMailer]
) -> None:
    _, mailer = inbox
    on(lent, "2027-03-07")  # a Sunday, three days before
    assert task.run(lent, mailer)["planned"] == 0
    on(lent, "2027-03-08")
    assert task.run(lent, mailer)["sent"] == 2


def test_a_site_without_a_calendar_holds_up_no_other(
    lent: Any, inbox: tuple[Inbox, SmtpMailer], caplog: pytest.LogCaptureFixture
) -> None:
    _, mailer = inbox
    with lent.database.write() as connection:
        connection.execute(update(locations).values(calendar=None))
        rows = DeskRows(lent, connection, lent.clock.now())
        rows.lend(rows.file("Cuarto", case_no="EXP/Cua"), rows.person("Ana Ñúñez"), rows.site("BCN"), rows.now, DUE)
    on(lent, "2027-03-11")
    assert task.run(lent, mailer)["sent"] == 1  # of the four that are due
    assert "the site has no calendar" in caplog.text


def test_what_came_back_or_was_renewed_meanwhile_is_not_sent(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    task.plan(lent)
    with lent.database.write() as connection:
        rows = connection.execute(select(loans).order_by(loans.c.id)).all()
        connection.execute(update(loans).where(loans.c.id == rows[0].id).values(state="return_pending_check"))
        connection.execute(update(loans).where(loans.c.id == rows[1].id).values(due_on="2027-04-01"))
    assert task.run(lent, mailer)["sent"] == 0 and held.messages == []
    on(lent, "2027-04-02")
    assert task.run(lent, mailer)["sent"] == 1  # its new due date is a turn of its own


def test_a_process_that_died_while_sending_sends_again_and_says_so(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    task.plan(lent)
    (sending,) = task.waiting(lent, "email")
    assert task._claim(lent, sending)  # and then nothing more: it is dead
    assert not task._claim(lent, sending)  # who read the same rows before does not send either
    assert task.run(lent, mailer)["sent"] == 0  # it may be alive
    lent.clock.sleep(601)
    assert task.run(lent, mailer)["sent"] == 2 and len(held.messages) == 1
    with lent.database.read() as connection:
        results = connection.execute(select(notices.c.result).where(notices.c.channel == "email")).scalars().all()
    assert set(results) == {task.AGAIN} and sending.key.encode() in held.messages[0]


def test_two_runs_at_once_send_once(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    runs = [threading.Thread(target=task.run, args=(lent, mailer)) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert len(held.messages) == 1


def test_refused_for_good_is_kept_and_put_off_is_tried_again(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    held.refuse["ana@example.org"] = "451 later"
    assert task.run(lent, mailer)["later"] == 2
    held.refuse.clear()
    assert task.run(lent, mailer) == IDLE  # its time has not come
    lent.clock.sleep(15 * 60)
    assert task.run(lent, mailer)["sent"] == 2
    on(lent, "2027-03-18")
    held.refuse["ana@example.org"] = "550 nobody"
    assert task.run(lent, mailer)["refused"] == 2
    assert task.run(lent, mailer)["refused"] == 0
    letters = [one for one in task.waiting(lent, "letter") if one.person == "Ana Ñúñez"]
    assert [len(one.rows) for one in letters] == [2]  # it goes on paper


def test_the_waits_become_longer_and_end_at_six_hours() -> None:
    waits = [wait_after(attempts).total_seconds() / 3600 for attempts in (1, 2, 3, 4, 5, 6, 7, 1000)]
    assert waits == [0.25, 0.5, 1, 2, 4, 6, 6, 6]


def keep_trying(services: Any, mailer: Any, days: float) -> int:
    """Run every quarter of an hour for so many days; return how often a message was put off."""
    put_off = 0
    for _quarter in range(int(days * 96)):
        put_off += bool(task.run(services, mailer)["later"])
        services.clock.sleep(15 * 60)
    return put_off


class Down:
    """A mail server that does not answer; counts how often it was asked."""

    sender = "archivo@example.org"

    def send(self, message: EmailMessage) -> None:
        raise UnavailableError("the mail server did not answer")


def test_a_mail_server_that_is_down_over_a_weekend_loses_nothing(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    lent.clock.moment = datetime(2027, 3, 12, 15, tzinfo=UTC)  # Friday afternoon
    assert 12 <= keep_trying(lent, Down(), 2.7) <= 18  # not a message every quarter of an hour
    assert held.messages == []
    keep_trying(lent, mailer, 0.3)  # Monday morning
    assert len(held.messages) == 1


def test_what_was_tried_in_vain_for_days_becomes_a_letter(lent: Any) -> None:
    on(lent, "2027-03-11")
    keep_trying(lent, Down(), 4.9)
    assert len(task.waiting(lent, "letter")) == 1  # Luis's
    keep_trying(lent, Down(), 0.6)
    assert len(task.waiting(lent, "letter")) == 2
    with lent.database.read() as connection:
        results = connection.execute(select(notices.c.result).where(notices.c.channel == "letter")).scalars().all()
    assert results.count(task.UNREACHED) == 2
    assert task.run(lent, Down())["later"] == 0


def test_who_has_no_address_any_more_gets_a_letter(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-11")
    task.plan(lent)
    with lent.database.write() as connection:
        connection.execute(update(contacts).values(email=None))
    assert task.run(lent, mailer) == IDLE and held.messages == []
    assert {one.person for one in task.waiting(lent, "letter")} == {"Ana Ñúñez", "Luis"}


def test_an_overdue_loan_goes_on_to_who_answers_for_it(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    with lent.database.write() as connection:
        rows = DeskRows(lent, connection, lent.clock.now())
        head, whole = rows.person("Head"), rows.person("Whole")
        for who, address in ((head, "head@example.org"), (whole, "whole@example.org")):
            connection.execute(insert(contacts).values(person=who, email=address, language="en"))
        answer_for(connection, lent.vault, head, rows.client(), "Legal", CLERK)
        answer_for(connection, lent.vault, whole, rows.client(), "", CLERK)
        connection.execute(update(physical_files).where(physical_files.c.title == "Otro").values(department="Legal"))
    on(lent, "2027-03-18")
    task.run(lent, mailer)
    said = [message_from_bytes(one, policy=policy.default) for one in held.messages]
    to = {str(one["To"]): one for one in said if "answer for" in str(one["Subject"])}
    assert to.keys() == {"head@example.org", "whole@example.org"}
    assert "with Ana Ñúñez" in to["head@example.org"].get_content()  # type: ignore[attr-defined]  # default policy
    held.messages.clear()
    on(lent, "2027-04-09")
    task.run(lent, mailer)
    third = [message_from_bytes(one, policy=policy.default) for one in held.messages]
    assert [str(one["To"]) for one in third if "answer for" in str(one["Subject"])] == ["whole@example.org"]


def test_a_server_that_is_not_there_is_no_loss(lent: Any) -> None:
    settings = Settings(home=Path("/none"), smtp_host="127.0.0.1", smtp_port=9, smtp_tls="none", smtp_from="a@b.org")
    with pytest.raises(UnavailableError):
        SmtpMailer(settings).send(EmailMessage())
    on(lent, "2027-03-11")
    assert task.run(lent, SmtpMailer(settings))["later"] == 2


def test_letters_are_printed_once(lent: Any, run: Callable[..., Any], tmp_path: Path) -> None:
    with lent.database.write() as connection:  # the command's clock is the real one
        past = {"due_on": "2026-01-12", "due_at": "2026-01-12T23:00:00.000Z"}
        connection.execute(update(loans).values(**past))
        connection.execute(calendar_rules.delete())
    target = tmp_path / "letters.pdf"
    answer = run("notice", "letters", "--to", target, "--json")
    assert answer.code == 0 and answer.document["letters"] == 6  # no mail server: Ana's too
    assert "Luis" in text(target.read_bytes()) and "aviso 3" in text(target.read_bytes())
    assert run("notice", "letters", "--to", target, "--json").document["error"]["code"] == "invalid-value"
    rows = run("notice", "list", "--json").document["notices"]
    assert {row["result"] for row in rows if row["person"] == "Luis"} == {"sent"}
    assert run("person", "contact", "Luis", "--email", "a@b\nBcc: x@y.org").code == 15
    assert run("person", "contact", "Luis", "--email", "luis@example.org", "--language", "en").code == 0
    assert run("notice", "run", "--json").code == 0
