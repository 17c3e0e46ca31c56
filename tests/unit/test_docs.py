"""The documents agree with the code: lifecycle, formats, README."""

import re
from pathlib import Path

from custody import verification
from custody.received_folder import ReceivedFolder
from custody.replay import TOLERANCE_S
from records.barcodes import KIND_NAMES, Kind
from records.calendars import RuleKind
from records.lifecycle import RESERVED, STATELESS, TRANSITIONS
from records.rules import AFTER_THE_END, ANY, CLOSES, ENDS, GUARDS, OPENS

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "batch": "bat", "scan": "scn", "original": "ori", "record": "rec", "file": "fil", "box": "box", "request": "req",
    "place": "loc", "key": "key", "transfer": "trf", "order": "dsp",
}  # fmt: skip


def test_the_page_of_moves_is_the_table_of_moves() -> None:
    page = (ROOT / "docs/design/lifecycle.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w -]+) \| (\w+) \|$", page, re.M)
    documented = {
        (event, KINDS[kind], None if before == "-" else before, before if after == "same" else after)
        for event, kind, befores, after in rows
        for before in befores.split()
    }
    coded = {(e, k, b, a) for e, kinds in TRANSITIONS.items() for k, moves in kinds.items() for b, a in moves}
    assert documented == coded


def test_the_page_names_every_other_type() -> None:
    page = (ROOT / "docs/design/lifecycle.md").read_text()
    blocks = [set(block.split()) for block in re.findall(r"^`([a-z_\s]+)`$", page, re.M)]
    assert set(STATELESS) in blocks and set(RESERVED) in blocks


def test_the_page_of_rules_is_the_tables_of_rules() -> None:
    page = (ROOT / "docs/design/lifecycle.md").read_text().partition("## What needs memory")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ([a-z, ]+) \|$", page, re.M)
    ends = {KINDS[kind]: tuple(states.split(", ")) for kind, states in rows if kind in KINDS}
    assert ends == ENDS and f"`{' '.join(AFTER_THE_END)}`" in page
    marks = re.findall(r"^\| `(\w+)` \| (\S+) \| ([a-z, -]+) \|$", page.partition("**Demands.**")[0], re.M)
    assert {kind: left for kind, left, _ in marks if left != "-"} == OPENS
    assert {kind: tuple(closed.split(", ")) for kind, _, closed in marks if closed != "-"} == CLOSES
    demands = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|$", page.partition("**Demands.**")[2], re.M)
    assert [(event, {"any": ANY, **KINDS}[kind], says) for event, kind, says in demands] == [
        (event, kind, guard.says)
        for event, kinds in GUARDS.items()
        for kind, guards in kinds.items()
        for guard in guards
    ]
    assert f"{TOLERANCE_S:.0f} s before" in page


def test_the_steps_of_a_verification_are_the_documented_ones(tmp_path: Path) -> None:
    page = (ROOT / "docs/design/verification.md").read_text()
    report = verification.verify_ledger(ReceivedFolder(tmp_path), verification.Trust(())).report
    documented = re.findall(r"^\| (\d+) ([^|]+) \|", page, re.M)
    assert documented == [(str(step["step"]), step["name"]) for step in report.steps]
    assert re.findall(r"^ ?(\d+)\. ", verification.__doc__ or "", re.M) == [number for number, _ in documented]


def test_the_words_format_is_the_documented_one() -> None:
    from records.text import WORDS_FORMAT

    assert WORDS_FORMAT in (ROOT / "docs/design/formats.md").read_text()


def test_the_page_of_barcodes_names_every_kind_and_every_rule_of_a_calendar() -> None:
    page = (ROOT / "docs/design/barcodes-and-due-dates.md").read_text()
    assert ", ".join(f"{kind.value} {KIND_NAMES[kind]}" for kind in Kind) in page
    assert re.findall(r"^\| `([a-z]+)` \|", page, re.M) == [kind.value for kind in RuleKind]


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_every_attack_is_shown_by_tests_that_exist() -> None:
    page = (ROOT / "docs/design/attacks.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", page, re.M)
    assert len(rows) == len(re.findall(r"^\|", page, re.M)) - 2 >= 30  # without its head: no row names no test
    for attack, tests in rows:
        for file, name in re.findall(r"`([\w/.]+)::(\w+)`", tests):
            source = (ROOT / "tests" / file).read_text()
            assert re.search(rf"^def {name}\(", source, re.M), f"{attack}: {file}::{name}"
        assert tests.count("::") == tests.count("`") / 2, attack
