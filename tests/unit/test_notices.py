"""Notices: each level once, made up for, never doubled; by a real mail server on this machine, and as letters."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from desk_rows import DeskRows
from printed import text
from sqlalchemy import insert, select, update

from custody.contact_tables import contacts
from custody.desk_tables import calendar_rules
from custody.loan_tables import loans, notices
from infra.mail import SmtpMailer
from infra.settings import Settings
from records.calendars import Rule
from records.errors import UnavailableError
from records.notices import KINDS, levels_reached, template
from tasks import notices as task

DUE = date(2027, 3, 10)  # a Wednesday


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Inbox:
    """Keeps what a real SMTP server took; refuses the addresses named."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(envelope.content)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, SmtpMailer]]:
    held = Inbox()
    with socket.socket() as free:  # the controller speaks to its own port, so it must know it
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(held, hostname="127.0.0.1", port=port)
    server.start()
    settings = Settings(home=Path("/none"), smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none",
                        smtp_from="archivo@example.org")  # fmt: skip
    yield held, SmtpMailer(settings)
    server.stop()


@pytest.fixture
def lent(services: Any) -> Any:
    """Ana (e-mail) has two files and Luis (letter) one, all due on DUE at a site closed at weekends."""
    services.clock = Clock(datetime(2027, 2, 1, 9, tzinfo=UTC))
    with services.database.write() as connection:
        rows = DeskRows(services, connection, services.clock.now())
        site = rows.site("MAD", rules=(Rule("weekly", "sat"), Rule("weekly", "sun")))
        ana, luis = rows.person("Ana Ñúñez"), rows.person("Luis")
        connection.execute(insert(contacts).values(person=ana, email="ana@example.org", language="es"))
        for who, title in ((ana, "Secreto de Pérez"), (ana, "Otro"), (luis, "Tercero")):
            file = rows.file(title, case_no=f"EXP/{title[:3]}")
            rows.lend(file, who, site, services.clock.now(), DUE)
    return services


def on(services: Any, day: str) -> None:
    services.clock.moment = datetime.fromisoformat(day + "T09:00:00+00:00")


@pytest.mark.parametrize(
    ("today", "reached"),
    [
        ("2027-03-06", []), ("2027-03-07", [("due-soon", 1)]), ("2027-03-10", [("due-soon", 1)]),
        ("2027-03-11", [("overdue", 1)]), ("2027-03-17", [("overdue", 1)]),
        ("2027-03-18", [("overdue", 1), ("overdue", 2)]),
        ("2027-06-01", [("overdue", 1), ("overdue", 2), ("overdue", 3)]),
    ],
)  # fmt: skip
def test_a_level_is_reached_from_its_day_on(today: str, reached: list[tuple[str, int]]) -> None:
    found = levels_reached(DUE, date.fromisoformat(today))
    assert [(level.kind, level.level) for level in found] == reached


def test_every_kind_has_its_words_in_both_languages() -> None:
    for language in ("en", "es"):
        for kind in KINDS:
            said = template(language, kind)
            (said.subject + "".join(said.text)).format(person="x", count=1, level=1)


def test_a_missed_run_is_made_up_for_and_none_is_doubled(lent: Any, inbox: tuple[Inbox, SmtpMailer]) -> None:
    held, mailer = inbox
    on(lent, "2027-03-01")
    assert task.run(lent, mailer)["planned"] == 0
    on(lent, "2027-03-19")  # nothing ran for weeks: levels 1 and 2 are due
    assert task.run(lent, mailer) == {"planned": 6, "sent": 4, "refused": 0, "later": 0}
    assert task.run(lent, mailer) == {"planned": 0, "sent": 0, "refused": 0, "later": 0}
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
    assert task.run(lent, mailer)["sent"] == 2
    on(lent, "2027-03-18")
    held.refuse["ana@example.org"] = "550 nobody"
    assert task.run(lent, mailer)["refused"] == 2
    assert task.run(lent, mailer)["refused"] == 0


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
    assert answer.code == 0 and answer.document["letters"] == 3
    assert "Luis" in text(target.read_bytes()) and "aviso 3" in text(target.read_bytes())
    assert run("notice", "letters", "--to", target, "--json").document["error"]["code"] == "invalid-value"
    rows = run("notice", "list", "--json").document["notices"]
    assert {row["result"] for row in rows if row["person"] == "Luis"} == {"sent"}
    assert run("person", "contact", "Luis", "--email", "a@b\nBcc: x@y.org").code == 15
    assert run("person", "contact", "Luis", "--email", "luis@example.org", "--language", "en").code == 0
    assert run("notice", "run", "--json").code == 0
