"""The register of VAT numbers: yes, no, or unknown; an outage is never taken for an answer (case 7)."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from answering import AnsweringServer, answering_server

from infra import asking, vat_registry
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


@pytest.fixture
def register(tmp_path: Path) -> Iterator[AnsweringServer]:
    with answering_server(tmp_path) as made:
        made.url += "/rest-api"
        yield made


def judged(asked: VatRegistry | None, value: str = NUMBER, name: str = "supplier_tax_id") -> tuple[Field, list[str]]:
    fields = (Field(name, value, "tax_id", "accepted", checks=(Check("tax-id", "pass"),)),)
    found = registered(asked, INVOICE, Description("invoice", "2", 1.0, (), fields, ()))
    return found.fields[0], [reason.code for reason in found.review]


def test_a_registered_number_passes_with_what_was_said(register: AnsweringServer) -> None:
    register.answer(json.dumps(YES).encode())
    asked = VatRegistry(register.url, "ESB82387770")
    found, reasons = judged(asked)
    assert (found.status, reasons) == ("accepted", [])
    assert found.checks[-1] == Check("vies", "pass", "registered: 2026-11-25, WAPIAAAAA, Firma GmbH")
    assert [one["path"] for one in register.asked] == [
        "/rest-api/ms/DE/vat/136695976?requesterMemberStateCode=ES&requesterNumber=B82387770"
    ]  # fmt: skip
    judged(asked)
    assert len(register.asked) == 1  # an answer is used for a while
    asked.close()


def test_a_number_that_is_not_registered_is_held(register: AnsweringServer) -> None:
    register.answer(json.dumps(NO).encode())
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
def test_case_7_what_is_neither_yes_nor_no_is_unknown(register: AnsweringServer, name: str) -> None:
    register.answer(**OUTAGES[name])
    asked = VatRegistry(register.url)
    found, reasons = judged(asked)
    assert (found.status, found.checks[-1].outcome, reasons) == ("review", "unknown", ["vies-unchecked"])
    asked.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vat_registry, "READ_S", 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [{"wait": 1.0}, {"drip": 0.05}, {"cut": True}])
def test_case_7_a_slow_register_is_unknown_and_asked_again(
    register: AnsweringServer, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    register.answer(json.dumps(YES).encode(), **fault)
    slow = VatRegistry(register.url)
    began = time.monotonic()
    assert judged(slow)[0].checks[-1].outcome == "unknown"
    assert time.monotonic() - began < 5
    now = time.monotonic() + 61.0
    monkeypatch.setattr(asking.time, "monotonic", lambda: now)
    register.answer(json.dumps(YES).encode())
    assert judged(slow)[0].checks[-1].outcome == "pass"
    slow.close()


def test_case_7_an_absent_register_is_unknown(register: AnsweringServer) -> None:
    register.stop()
    assert judged(VatRegistry(register.url))[0].checks[-1].outcome == "unknown"


@pytest.mark.usefixtures("impatient")
def test_case_7_a_batch_does_not_wait_for_a_register_that_is_out_once_for_each_number(
    register: AnsweringServer,
) -> None:
    register.answer(wait=5.0)
    slow, began = VatRegistry(register.url), time.monotonic()
    found = [judged(slow, f"DE{number:09d}")[0].checks[-1].outcome for number in range(200)]
    assert set(found) == {"unknown"} and len(register.asked) == 1 and time.monotonic() - began < 3
    slow.close()


@pytest.mark.usefixtures("impatient")
def test_case_7_an_open_question_about_one_number_keeps_no_other_from_being_asked(register: AnsweringServer) -> None:
    asked = VatRegistry(register.url)
    register.answer(**OUTAGES["a member state's outage"])
    assert judged(asked, "DE136695976")[0].checks[-1].outcome == "unknown"
    register.answer(json.dumps(YES).encode())
    assert judged(asked, "FR40303265045")[0].checks[-1].outcome == "pass"
    asked.close()


def test_nobody_waits_for_another_ones_question(register: AnsweringServer) -> None:
    register.answer(json.dumps(YES).encode())
    asked = VatRegistry(register.url)
    assert judged(asked)[0].checks[-1].outcome == "pass"
    register.answer(json.dumps(YES).encode(), wait=2.0)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(judged, asked, "FR40303265045")
        while len(register.asked) < 2:
            time.sleep(0.01)
        began = time.monotonic()
        assert judged(asked)[0].checks[-1].outcome == "pass"  # remembered: no lock is held while the other waits
        assert time.monotonic() - began < 1 and not waiting.done()
        assert waiting.result()[0].checks[-1].outcome == "pass"
    asked.close()


@pytest.mark.parametrize("value", ["B82387770", "12345678Z", "US136695976", "DE", "DE1/../../x"])
def test_only_numbers_that_name_a_country_are_asked_about(register: AnsweringServer, value: str) -> None:
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
