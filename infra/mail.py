"""Sending e-mail by SMTP (RFC 5321): one connection a message, TLS by setting."""

import smtplib
import ssl
from email.message import EmailMessage

from infra.settings import Settings
from records.errors import ConfigurationError, InvalidValueError, UnavailableError

SECONDS = 30.0  # for the server to answer
PERMANENT = 500  # replies from here on are final (RFC 5321, section 4.2.1)
# ... but for those that are about our login or TLS (RFC 4954, section 6; RFC 3207, section 4): a setting can be mended
SETTINGS_WRONG = (530, 534, 535, 538)


class SmtpMailer:
    """Implements `tasks.notices.Mailer` on a server of the settings."""

    def __init__(self, settings: Settings) -> None:
        """Args: settings with `smtp_host` and `smtp_from`.

        Raises:
            ConfigurationError: there is no sender.
        """
        if settings.smtp_from is None:
            raise ConfigurationError("smtp_from is needed to send notices")
        self._settings = settings
        self.sender = settings.smtp_from

    def send(self, message: EmailMessage) -> None:
        """Hand one message to the server.

        Raises:
            InvalidValueError: the server refuses the address or the message for good.
            UnavailableError: it does not answer, or asks to try later.
        """
        settings = self._settings
        try:
            with self._connect() as server:
                if settings.smtp_tls == "starttls":
                    server.starttls(context=self._context())
                if settings.smtp_user and settings.smtp_password:
                    server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _text in error.recipients.values()]
            kind = InvalidValueError if min(codes) >= PERMANENT else UnavailableError
            raise kind("the mail server refused the address") from error
        except smtplib.SMTPResponseException as error:
            final = error.smtp_code >= PERMANENT and error.smtp_code not in SETTINGS_WRONG
            kind = InvalidValueError if final else UnavailableError
            raise kind(f"the mail server refused the message: {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError("the mail server did not answer") from error

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.smtp_host or "", self._settings.smtp_port
        if self._settings.smtp_tls == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=self._context())
        return smtplib.SMTP(host, port, timeout=SECONDS)

    def _context(self) -> ssl.SSLContext:
        ca = self._settings.smtp_ca
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
