"""Who runs the rules of EN 16931: yes, no by which rules, or unknown; what is out is never a pass (case 8)."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from answering import AnsweringServer, answering_server

from infra import rule_service
from infra.rule_service import HttpRuleService
from records.errors import ConfigurationError
from records.fields import Check
from records.rule_answers import check_rules, read_report

Run = Callable[..., Any]
XML = b"<Invoice/>"
HELD = """<i:schematron-output xmlns:i="http://purl.oclc.org/dsdl/svrl" title="EN16931 model bound to UBL">
<i:active-pattern id="UBL-model"/><i:fired-rule context="/ubl:Invoice"/>{}</i:schematron-output>"""
SUM = '<i:failed-assert id="BR-CO-15" flag="fatal" location="/"><i:text>[BR-CO-15]-Total</i:text></i:failed-assert>'
OTHER = '<i:failed-assert id="BR-16" flag="fatal" location="/"><i:text>[BR-16]-A line</i:text></i:failed-assert>'
WARNED = '<i:failed-assert id="UBL-CR-001" flag="warning" location="/"><i:text>not used</i:text></i:failed-assert>'
PASS = HELD.format("").encode()
REPORT = """<r:report xmlns:r="http://www.xoev.de/de/validator/varl/1" valid="true"><r:scenarioMatched>
<r:validationStepResult id="val-xsd" valid="true"/><r:validationStepResult id="val-sch.1" valid="true">{}
</r:validationStepResult></r:scenarioMatched><r:assessment><r:{}/></r:assessment></r:report>"""
MESSAGE = '<r:message id="val-sch.1.1" level="error" code="BR-CO-10" xpathLocation="/">[BR-CO-10]</r:message>'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AnsweringServer]:
    folder = tmp_path / "service"
    folder.mkdir()
    with answering_server(folder) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_service, "READ_S", 0.4)


def asked(service: HttpRuleService) -> Check:
    reply = service.ask("ubl", XML)
    return check_rules(reply, None if reply is None else read_report(reply.body))


ANSWERS: dict[str, tuple[int, str, str, str]] = {
    "every rule holds": (200, HELD.format(""), "pass", "every rule holds"),
    "a sum is wrong": (200, HELD.format(OTHER + SUM), "reject", "failed: BR-16, BR-CO-15"),
    "another rule fails": (200, HELD.format(OTHER + WARNED), "hold", "failed: BR-16"),
    "a rule warns": (200, HELD.format(WARNED), "warn", "warned: UBL-CR-001"),
    "a rule without a flag fails": (200, HELD.format('<i:failed-assert id="BR-1"/>'), "hold", "failed: BR-1"),
    "a report that says so fails": (200, HELD.format('<i:successful-report id="X-1"/>'), "hold", "failed: X-1"),
    "a name that is none": (200, HELD.format('<i:failed-assert id="a\nb"/>'), "hold", "failed: unnamed"),
    "accepted": (200, REPORT.format("", "accept"), "pass", "every rule holds"),
    "not accepted": (406, REPORT.format(MESSAGE, "reject"), "reject", "failed: BR-CO-10"),
    "not accepted, without a reason": (406, REPORT.format("", "reject"), "hold", "failed: rejected"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_kept_by_its_rules_and_its_digest(server: AnsweringServer, name: str) -> None:
    status, body, outcome, said = ANSWERS[name]
    server.answer(body.encode(), status)
    service = HttpRuleService(server.url)
    found = asked(service)
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert (found.check, found.outcome, found.message) == (
        "schematron", outcome, f"{said}; answer {status}, SHA-256 {digest}"
    )  # fmt: skip
    (one,) = server.asked
    assert (one["method"], one["path"], one["type"], one["body"].encode()) == ("POST", "/", "application/xml", XML)
    service.close()


OUTAGES: dict[str, dict[str, Any]] = {
    "an error": {"status": 500, "body": PASS},
    "a gate before it": {"status": 503, "body": PASS},
    "not found": {"status": 404, "body": PASS},
    "a form it does not take": {"status": 400, "body": b'{"statusCode": 400}'},
    "another place": {"status": 302, "headers": {"Location": "/yes"}, "body": PASS},
    "nothing": {"body": b""},
    "a page": {"body": b"<html><body>It works!</body></html>"},
    "no XML": {"body": b"OK"},
    "an output in which no rule was run": {"body": PASS.replace(b'<i:fired-rule context="/ubl:Invoice"/>', b"")},
    "a document type": {"body": b'<!DOCTYPE a [<!ENTITY b "c">]>' + PASS},
    "accepted with the status of a no": {"status": 406, "body": REPORT.format("", "accept").encode()},
    "rejected with the status of a yes": {"status": 200, "body": REPORT.format(MESSAGE, "reject").encode()},
    "both": {"body": REPORT.format("", "accept/><r:reject").encode()},
    "no scenario": {
        "status": 406,
        "body": REPORT.format("", "reject").replace("scenarioMatched", "noScenario").encode(),
    },
    "cut short": {"body": PASS, "cut": True},
    "slow": {"body": PASS, "wait": 3.0},
    "in drops": {"body": PASS, "drip": 0.02},
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", OUTAGES)
def test_case_8_what_is_neither_yes_nor_no_is_unknown(server: AnsweringServer, name: str) -> None:
    server.answer(**OUTAGES[name])
    service, began = HttpRuleService(server.url), time.monotonic()
    assert asked(service).outcome == "unknown"
    assert time.monotonic() - began < 3
    service.close()


def test_case_8_a_server_that_refuses_is_unknown(server: AnsweringServer) -> None:
    server.stop()
    assert asked(HttpRuleService(server.url)).outcome == "unknown"
    assert asked(HttpRuleService("http://[::1]:9")).outcome == "unknown"


def test_too_much_is_unknown(server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_service, "MOST_BYTES", 100)
    server.answer(PASS + b" " * 200)
    assert asked(HttpRuleService(server.url)).outcome == "unknown"


@pytest.mark.usefixtures("impatient")
def test_a_batch_waits_once_for_a_service_that_is_out(server: AnsweringServer) -> None:
    server.answer(wait=5.0)
    service, began = HttpRuleService(server.url), time.monotonic()
    assert {check_rules(service.ask("ubl", b"<a>%d</a>" % n), None).outcome for n in range(100)} == {"unknown"}
    assert len(server.asked) == 1 and time.monotonic() - began < 3
    service.close()


def test_an_error_about_one_invoice_keeps_no_other_from_being_asked(server: AnsweringServer) -> None:
    service = HttpRuleService(server.url)
    server.answer(b"", 500)
    assert asked(service).outcome == "unknown"
    server.answer(PASS)
    assert asked(service).outcome == "pass"
    service.close()


def test_a_server_of_transforms_gets_the_schematron_of_the_syntax(server: AnsweringServer, tmp_path: Path) -> None:
    (tmp_path / "ubl.xslt").write_bytes(b"<xsl/>")
    server.answer(PASS)
    service = HttpRuleService(server.url + "/transform", tmp_path)
    assert asked(service).outcome == "pass"
    (one,) = server.asked
    assert one["path"] == "/transform" and one["type"].startswith("multipart/form-data; boundary=")
    assert 'name="xml"' in one["body"] and 'name="xsl"' in one["body"] and "<xsl/>" in one["body"]
    with pytest.raises(ConfigurationError, match="schematron_folder"):
        service.ask("cii", XML)
    service.close()


def test_a_wrong_address_is_said() -> None:
    with pytest.raises(ConfigurationError, match="schematron_url"):
        HttpRuleService("saxon:5000")


# --- through the commands

AMOUNTS = """<a:TaxTotal><b:TaxAmount>259.25</b:TaxAmount></a:TaxTotal><a:LegalMonetaryTotal>
<b:LineExtensionAmount>1234.50</b:LineExtensionAmount><b:TaxExclusiveAmount>1234.50</b:TaxExclusiveAmount>
<b:TaxInclusiveAmount>1493.75</b:TaxInclusiveAmount><b:PayableAmount>1493.75</b:PayableAmount></a:LegalMonetaryTotal>"""
UBL = f"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:b="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
 xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
<b:ID>2026-0417</b:ID><b:IssueDate>2026-03-12</b:IssueDate><b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>
<a:AccountingSupplierParty><a:Party><a:PartyTaxScheme><b:CompanyID>ESB64717838</b:CompanyID><a:TaxScheme><b:ID>VAT</b:ID>
</a:TaxScheme></a:PartyTaxScheme></a:Party></a:AccountingSupplierParty>{AMOUNTS}</Invoice>"""


def taken(run: Run, corpus: Path, folder: Path, xml: str) -> str:
    """Take in the printed invoice with XML in it; return its record."""
    with pikepdf.open(corpus / "digital.pdf") as document:
        document.attachments["factur-x.xml"] = xml.encode()
        document.save(folder / "with.pdf")
    run("ingest", folder / "with.pdf", "--json")
    return str(run("record", "list", "--json").document["records"][0]["id"])


def checks(run: Run, record: str, name: str = "total") -> list[tuple[str, str]]:
    shown = run("record", "show", record, "--json").document
    found = next(one for one in shown["fields"] if one["name"] == name)
    return [(check["check"], check["outcome"]) for check in found["checks"]]


def codes(run: Run, record: str) -> set[tuple[str, str | None]]:
    return {(one["field"], one["code"]) for one in run("record", "show", record, "--json").document["review"]}


def test_case_8_an_outage_is_listed_and_own_rules_run_until_the_service_answers(
    home: Path, run: Run, corpus: Path, tmp_path: Path, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_SCHEMATRON_URL", server.url)
    server.answer(b"", 503)
    wrong = UBL.replace("<b:PayableAmount>1493.75", "<b:PayableAmount>1494.75")
    record = taken(run, corpus, tmp_path, wrong)
    found = checks(run, record)
    assert ("schematron", "unknown") in found and ("en16931", "hold") in found  # BR-CO-16, by ourselves
    assert {("total", "schematron-unchecked"), ("total", "en16931")} <= codes(run, record)
    others = "UPDATE fields SET unchecked = 0 WHERE record = ? AND name <> 'total'"
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        connection.execute(others, (record,))  # nothing else that is unknown: the account was never seen before
    assert run("review", "recheck", "--unknown", "--list", "--json").document["unknown"] == [record]
    server.answer(HELD.format(SUM.replace("15", "16")).encode())
    run("review", "recheck", "--unknown", "--json")
    assert ("schematron", "reject") in checks(run, record)
    assert ("total", "schematron-unchecked") not in codes(run, record)
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        connection.execute(others, (record,))
    assert run("review", "recheck", "--unknown", "--list", "--json").document["unknown"] == []
    assert [one["body"] for one in server.asked] == [wrong] * 2  # byte for byte what the file carries
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:  # the first answer is still there
        query = "SELECT checks FROM fields WHERE record = ? AND name = 'total' ORDER BY revision"
        kept = [[check[1] for check in json.loads(row[0]) if check[0] == "schematron"] for row in
                connection.execute(query, (record,))]  # fmt: skip
    assert kept == [["unknown"], ["reject"]]


def test_an_invoice_that_the_service_accepts_waits_for_nothing_of_it(
    home: Path, run: Run, corpus: Path, tmp_path: Path, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_SCHEMATRON_URL", server.url)
    server.answer(PASS)
    record = taken(run, corpus, tmp_path, UBL)
    assert ("schematron", "pass") in checks(run, record)
    assert not {field for field, code in codes(run, record) if code in ("en16931", "schematron-unchecked")}


@pytest.mark.usefixtures("home")
def test_nothing_leaves_where_no_service_is_set(
    run: Run, corpus: Path, tmp_path: Path, server: AnsweringServer
) -> None:
    record = taken(run, corpus, tmp_path, UBL)
    assert "schematron" not in {check for check, _ in checks(run, record)} and server.asked == []


def test_a_paper_without_an_embedded_invoice_is_sent_nowhere(
    held: Path, run: Run, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_SCHEMATRON_URL", server.url)
    record = str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])
    run("review", "correct", record, "--class", "invoice")
    assert server.asked == []
