"""Domains on a paper: the party's own pass, look-alikes wait, others and free mail are pointed out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from records.parties import parse_parties
from records.sender_domains import Printed, check_domains, looks_like, printed_domains

Run = Callable[..., Any]
KNOWN = ("papeleria-sol.es", "sol.com")


def outcome(*printed: str, sure: bool = True) -> str | None:
    check = check_domains([Printed(name, sure) for name in printed], KNOWN)
    return None if check is None else check.outcome


LOOK_ALIKES = [
    "papeleria-so1.es", "papeleriasol.es", "papeleria-sol.com", "papelerla-sol.es", "papeleria-sols.es",
    "papelreia-sol.es", "s0l.com", "sol.net",
]  # fmt: skip


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_section_3_a_look_alike_is_held_though_the_known_one_is_named_too(name: str) -> None:
    assert outcome(name) == "hold" and outcome("papeleria-sol.es", name) == "hold"
    assert outcome("papeleria-sol.es", name, sure=False) == "warn"  # on a scan it may be misread
    assert outcome(name, sure=False) == "hold"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (("papeleria-sol.es",), "pass"), (("mail.papeleria-sol.es", "aeat.es"), "pass"),
        (("sol.com", "gmail.com"), "pass"),
        (("gmail.com",), "warn"), (("aeat.es",), "warn"), (("rol.com.ar",), "warn"), (("luz.com",), "warn"), ((), None),
    ],
)  # fmt: skip
def test_section_3_known_unknown_and_free_mail(printed: tuple[str, ...], expected: str | None) -> None:
    assert outcome(*printed) == expected
    assert check_domains([Printed(name, True) for name in printed], ()) is None


def test_letters_that_look_alike() -> None:
    assert looks_like("rnuebles.es", "muebles.es") and looks_like("muebles.co", "muebles.es")
    assert not looks_like("muebles.es", "muebles.es") and not looks_like("gmail.com", "gmall.com")


def test_domains_are_read_from_mail_and_web() -> None:
    found = printed_domains(
        [("Info: VENTAS@Papelería-Sol.es, www.sol.com/x. https://a.b.com", True), ("x@sol.com", False)]
    )
    assert found == (Printed("papeleria-sol.es", True), Printed("sol.com", True), Printed("a.b.com", True))
    assert printed_domains([("a @ b, art. 25.com, user@localhost, 12.50", True)]) == ()


def test_a_list_names_domains() -> None:
    (party,) = parse_parties(b"id,name,domains\n1,Sol,www.Sol.com; sol.es\n")
    assert party.domains == ("sol.com", "sol.es")


def test_a_record_with_a_look_alike_waits(
    home: Path, run: Run, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = tmp_path / "parties"
    lists.mkdir()
    row = "P1,B64717838,Papelería Ordóñez,ordonez.example"
    (lists / "default.csv").write_text(f"id,tax_id,name,domains\n{row}\n", encoding="utf-8")
    monkeypatch.setenv("MUNIMENT_PARTY_FOLDER", str(lists))
    with pikepdf.open(corpus / "digital.pdf") as document:
        page = document.pages[0]
        page.contents_add(b"BT /F 11 Tf 48 60 Td (pagos@ordonnez.example) Tj ET")
        document.save(tmp_path / "fake.pdf")
    run("ingest", tmp_path / "fake.pdf", "--json")
    record = str(run("record", "list", "--json").document["records"][0]["id"])
    shown = run("record", "show", record, "--json").document
    assert ("supplier", "sender-domain") in {(one["field"], one["code"]) for one in shown["review"]}
