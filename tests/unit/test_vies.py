"""The register of VAT numbers: yes, no, or unknown; an outage is never taken for an answer (case 7)."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra import vat_registry
from infra.vat_registry import VatRegistry, read_answer
from records.class_library import shipped_library
from records.errors import ConfigurationError
from records.fields import Check, Description, Field
from records.vat_answers import check_registered, split_vat
from tasks.vat_check import registered

INVOICE = shipped_library().get("invoice")
NUMBER = "DE136695976"
YES = {"isValid": True, "userError": "VALID", "requestDate": "2026-11-25T09:00:00.000Z", "name": "Firma\tGmbH",
       "requestIdentifier": "WAPIAAAAA"}  # fmt: skip
NO = {"isValid": False, "userError": "INVALID", "requestDate": "2026-11-25T09:00:00.000Z", "name": "---"}


@dataclass
class Register:
    """A register that answers as it is told: status, body, seconds it waits; and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    wait: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def register() -> Iterator[Register]:
    made = Register()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            time.sleep(made.wait)
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(made.body)
            except OSError:
                return  # who asked did not wait

        def log_message(self, *_said: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/rest-api"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def judged(asked: VatRegistry | None, value: str = NUMBER, name: str = "supplier_tax_id") -> tuple[Field, list[str]]:
    fields = (Field(name, value, "tax_id", "accepted", checks=(Check("tax-id", "pass"),)),)
    found = registered(asked, INVOICE, Description("invoice", "2", 1.0, (), fields, ()))
    return found.fields[0], [reason.code for reason in found.review]


def test_a_registered_number_passes_with_what_was_said(register: Register) -> None:
    register.body = json.dumps(YES).encode()
    asked = VatRegistry(register.url, "ESB82387770")
    found, reasons = judged(asked)
    assert (found.status, reasons) == ("accepted", [])
    assert found.checks[-1] == Check("vies", "pass", "registered: 2026-11-25, WAPIAAAAA, Firma GmbH")
    assert register.asked == [
        "/rest-api/ms/DE/vat/136695976?requesterMemberStateCode=ES&requesterNumber=B82387770"
    ]  # fmt: skip
    judged(asked)
    assert len(register.asked) == 1  # an answer is used for a while
    asked.close()


def test_a_number_that_is_not_registered_is_held(register: Register) -> None:
    register.body = json.dumps(NO).encode()
    found, reasons = judged(VatRegistry(register.url))
    assert (found.status, found.checks[-1].outcome, reasons) == ("review", "hold", ["tax-id"])


OUTAGES: dict[str, dict[str, Any]] = {
    "a member state's outage": {"body": json.dumps({"isValid": False, "userError": "MS_UNAVAILABLE"}).encode()},
    "too many at once": {"body": json.dumps({"isValid": False, "userError": "MS_MAX_CONCURRENT_REQ"}).encode()},
    "no with a word for yes": {"body": json.dumps({"isValid": False, "userError": "VALID"}).encode()},
    "yes as a text": {"body": json.dumps({"isValid": "true", "userError": "VALID"}).encode()},
    "one as yes": {"body": json.dumps({"isValid": 1, "userError": "INVALID"}).encode()},
    "one as yes, in full": {"body": json.dumps({"isValid": 1, "userError": "VALID"}).encode()},
    "nothing as no": {"body": json.dumps({"isValid": 0, "userError": "INVALID"}).encode()},
    "nothing": {"body": b""},
    "a page": {"body": b"<html>maintenance</html>"},
    "a list": {"body": b"[]"},
    "a deep one": {"body": b"[" * 50_000},
    "an error": {"status": 500, "body": json.dumps(YES).encode()},
    "another place": {"status": 302, "headers": {"Location": "/rest-api/yes"}, "body": json.dumps(YES).encode()},
    "too much": {"body": json.dumps({**YES, "name": "x" * 70_000}).encode()},
}  # fmt: skip


@pytest.mark.parametrize("name", OUTAGES)
def test_case_7_what_is_neither_yes_nor_no_is_unknown(register: Register, name: str) -> None:
    for key, value in OUTAGES[name].items():
        setattr(register, key, value)
    asked = VatRegistry(register.url)
    found, reasons = judged(asked)
    assert (found.status, found.checks[-1].outcome, reasons) == ("review", "unknown", ["vies-unchecked"])
    asked.close()


def test_case_7_a_slow_or_absent_register_is_unknown_and_asked_again(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = vat_registry.urllib3.Timeout(connect=1, read=0.2)
    monkeypatch.setattr(vat_registry.urllib3, "Timeout", lambda **_said: patience)
    register.body, register.wait = json.dumps(YES).encode(), 1.0
    slow = VatRegistry(register.url)
    assert judged(slow)[0].checks[-1].outcome == "unknown"
    now = time.monotonic() + 61.0
    monkeypatch.setattr(vat_registry.time, "monotonic", lambda: now)
    register.wait = 0.0
    assert judged(slow)[0].checks[-1].outcome == "pass"
    slow.close()
    assert judged(VatRegistry("http://127.0.0.1:9"))[0].checks[-1].outcome == "unknown"


@pytest.mark.parametrize("value", ["B82387770", "12345678Z", "US136695976", "DE", "DE1/../../x"])
def test_only_numbers_that_name_a_country_are_asked_about(register: Register, value: str) -> None:
    found, reasons = judged(VatRegistry(register.url), value)
    assert (found.status, reasons, register.asked) == ("accepted", [], [])
    assert split_vat(value) is None


def test_where_no_register_is_set_nothing_is_said() -> None:
    found, reasons = judged(None)
    assert (found.status, reasons, [check.check for check in found.checks]) == ("accepted", [], ["tax-id"])
    other = registered(None, INVOICE, Description("invoice", "2", 1.0, (), (), ()))
    assert other.review == ()


@pytest.mark.parametrize(("url", "requester"), [("ftp://x", None), ("https://x", "B82387770")])
def test_a_wrong_setting_is_said(url: str, requester: str | None) -> None:
    with pytest.raises(ConfigurationError):
        VatRegistry(url, requester)


def test_what_comes_back_is_one_line_of_letters() -> None:
    found = read_answer(json.dumps({**YES, "name": "A\n\x1b[31m<b>B" + "x" * 500}).encode())
    assert found is not None and found.name is not None
    assert found.name.startswith("A 31m b Bx") and len(found.name) == 200
    assert check_registered(None).outcome == "unknown"
