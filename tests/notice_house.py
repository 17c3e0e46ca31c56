"""A mail server that keeps what it took, and papers that are lent, for tests of notices."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from desk_rows import CLERK, DeskRows
from sqlalchemy import insert

from custody.contact_tables import contacts
from custody.people import accredit
from infra.mail import SmtpMailer
from infra.settings import Settings
from records.calendars import Rule

IDLE = {"expired": 0, "planned": 0, "sent": 0, "refused": 0, "later": 0}
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


@contextmanager
def mail_server() -> Iterator[tuple[Inbox, SmtpMailer]]:
    """A real SMTP server on this machine, and who hands it messages."""
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


def lend_some(services: Any) -> Any:
    """Ana (e-mail) has two files and Luis (letter) one, all due on DUE at a site closed at weekends."""
    services.clock = Clock(datetime(2027, 2, 1, 9, tzinfo=UTC))
    with services.database.write() as connection:
        rows = DeskRows(services, connection, services.clock.now())
        site = rows.site("MAD", rules=(Rule("weekly", "sat"), Rule("weekly", "sun")))
        ana, luis = rows.person("Ana Ñúñez"), rows.person("Luis")
        connection.execute(insert(contacts).values(person=ana, email="ana@example.org", language="es"))
        for who in (ana, luis):
            accredit(connection, services.vault, who, rows.client(), "reader", None, CLERK)
        for who, title in ((ana, "Secreto de Pérez"), (ana, "Otro"), (luis, "Tercero")):
            file = rows.file(title, case_no=f"EXP/{title[:3]}")
            rows.lend(file, who, site, services.clock.now(), DUE)
    return services


def on(services: Any, day: str) -> None:
    services.clock.moment = datetime.fromisoformat(day + "T09:00:00+00:00")
