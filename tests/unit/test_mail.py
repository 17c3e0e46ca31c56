"""Mail over a real server that demands TLS and a login: nothing goes in clear, and a wrong password loses no notice."""

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.mail import SmtpMailer
from infra.settings import Settings
from records.errors import UnavailableError

USER, PASSWORD = "archivo", "cien-anos"


class Office:
    """Keeps what came, and whether it came over TLS from whom it was meant to."""

    def __init__(self) -> None:
        self.came: list[tuple[bool, bool, bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.came.append((session.ssl is not None, bool(session.authenticated), envelope.content))
        return "250 OK"


def check_login(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    right = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)  # the server answers 535 by itself


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1 that signs itself; return its file and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    public, private = folder / "mail.crt", folder / "mail.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Office, dict[str, Any]]]:
    """A server that takes mail only over STARTTLS and after a login, and the settings that reach it."""
    held = Office()
    ca, context = certificate(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(held, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
                        auth_required=True, authenticator=check_login)  # fmt: skip
    server.start()
    given = {"home": Path("/none"), "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from": "archivo@example.org",
             "smtp_tls": "starttls", "smtp_ca": ca, "smtp_user": USER, "smtp_password": PASSWORD}  # fmt: skip
    yield held, given
    server.stop()


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "archivo@example.org", "ana@example.org", "Aviso"
    made.set_content("F0000001206\n")
    return made


def test_a_notice_goes_over_starttls_after_a_login(office: tuple[Office, dict[str, Any]]) -> None:
    held, given = office
    SmtpMailer(Settings(**given)).send(message())
    ((encrypted, known, content),) = held.came
    assert encrypted and known and b"F0000001206" in content


@pytest.mark.parametrize(
    "changed",
    [{"smtp_password": "otra"}, {"smtp_user": None}, {"smtp_tls": "none", "smtp_user": None}, {"smtp_ca": None},
     {"smtp_tls": "tls"}],
    ids=["a wrong password", "no login", "no TLS", "a certificate nobody vouches for", "TLS where there is none"],
)  # fmt: skip
def test_a_wrong_setting_sends_nothing_and_may_be_mended(
    office: tuple[Office, dict[str, Any]], changed: dict[str, Any]
) -> None:
    held, given = office
    with pytest.raises(UnavailableError):
        SmtpMailer(Settings(**{**given, **changed})).send(message())
    assert held.came == []


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    held = Office()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(held, hostname="127.0.0.1", port=port)
    server.start()
    try:
        settings = Settings(home=Path("/none"), smtp_host="127.0.0.1", smtp_port=port, smtp_tls="starttls",
                            smtp_from="archivo@example.org", smtp_user=USER, smtp_password=PASSWORD)  # fmt: skip
        with pytest.raises(UnavailableError):
            SmtpMailer(settings).send(message())
    finally:
        server.stop()
    assert held.came == []
