"""Measuring fields: sets are found by their form, the split never moves, right means equal, and it runs end to end."""

import json
import shutil

import pytest

from cli import bench_fields, bench_truth
from cli.bench_fields import Case, captured, is_right, scores
from records.errors import InvalidValueError
from records.fields import Description, Field


def row(file, record_class="invoice", **fields):
    return json.dumps({"file": file, "class": record_class, "fields": fields})


@pytest.mark.parametrize(
    ("name", "wanted", "value", "right"),
    [
        ("total", "10.00", "10.0", True),
        ("withholding", "15.00", "-15.00", True),  # documents print it either way
        ("withholding", "", None, True),
        ("withholding", "", "0.00", True),
        ("withholding", "", "3.00", False),
        ("total", "10.00", "10.01", False),
        ("total", "10.00", None, False),
        ("date", "2026-03-01", "2026-03-01", True),
        ("date", "2026-03-01", "2026-01-03", False),
        ("supplier_tax_id", "B-82387770", "ESB82387770", True),
        ("supplier", "Cafés Ruiz, S.L.", "CAFES RUIZ SL", True),
        ("supplier", "Cafés Ruiz, S.L.", "Cafés Ruiz", False),
        ("number", "F-2024/001", "F-2024/001", True),
        ("number", "F-2024/001", "F-2024/011", False),
    ],
)
def test_right_means_equal(name, wanted, value, right):
    assert is_right(name, wanted, value) is right


def test_a_set_of_ones_own_is_read_and_another_folder_is_refused(tmp_path):
    with pytest.raises(InvalidValueError):
        bench_truth.find_sets(tmp_path)
    (tmp_path / "truth.jsonl").write_text(row("a.pdf", number="7"))
    (tmp_path / "a.pdf").write_bytes(b"a")
    found = bench_truth.find_sets(tmp_path)
    assert [(one.record_class, one.truth, one.file.name) for one in found] == [("invoice", {"number": "7"}, "a.pdf")]


def test_truth_that_cannot_be_read_names_its_set(tmp_path):
    (tmp_path / "truth.jsonl").write_text("{")
    with pytest.raises(InvalidValueError, match=tmp_path.name):
        bench_truth.find_sets(tmp_path)


def test_about_half_is_held_out_and_always_the_same():
    digests = [f"{number:064x}" for number in range(0, 2**256, 2**256 // 1000)]
    held = [digest for digest in digests if bench_truth.is_held_out(digest)]
    assert 400 < len(held) < 600
    assert held == [digest for digest in digests if bench_truth.is_held_out(digest)]


def test_scores_count_what_was_taken_without_a_person():
    right, wrong, waits = (
        Case("set", "total", "d", "1.00", "1.00", True, True, 0.9),
        Case("set", "total", "d", "1.00", "2.00", False, True, 0.9),
        Case("set", "total", "d", "1.00", "1.00", True, False, 0.5),
    )
    (score,) = scores([right, wrong, waits])
    assert (score.count, score.right, score.accepted, score.accepted_right) == (3, 2, 2, 1)
    assert score.as_json()["precision"] == 0.5


def test_labelled_scans_are_read_described_and_compared(corpus, tmp_path, home, run, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(corpus / "digital.pdf", folder)
    (folder / "truth.jsonl").write_text(row("digital.pdf", number="A-2025/0341", total="999.00"))
    answer = run("bench", "--json", "--set", f"fields:{folder}", "--part", "all")
    assert answer.code == 0, answer.err
    rows = {line["field"]: line for line in answer.document["rows"]}
    assert rows[bench_fields.CLASS]["right"] == 1.0
    assert rows["number"]["documents"] == 1
    assert rows["total"]["right"] == 0.0
    assert "wrong" not in answer.document  # only of documents that rules may be worked on
    again = run("bench", "--set", f"fields:{folder}", "--part", "all")
    assert "description:" in again.out
    assert not home.exists()


def test_confidence_is_compared_with_what_was_right():
    cases = [
        Case("s", "total", "d", "1", "1", right, True, sure)
        for right, sure in ((True, 0.99), (False, 0.99), (True, 0.85))
    ]
    cases.append(Case("s", "total", "d", "1", None, False, False, 0.0))
    low, high = bench_fields.reliability(cases)
    assert (low["from"], low["values"], low["right"]) == (0.8, 1, 1.0)
    assert (high["values"], high["right"], round(high["said"], 2)) == (2, 0.5, 0.99)


@pytest.mark.parametrize(
    ("name", "wanted", "value"),
    [
        ("PermanentCity", "Soria", "Soria"),
        ("PermanentCity", "Avila", "Avila"),  # the second label that shares a word
        ("PermanentCity", "Lugo", "Soria"),
        ("EIN", "12", "12"),
        ("Id #", "7", "7"),
        ("Salary", "7", None),
    ],
)
def test_what_a_form_answers_is_found_by_a_word_of_its_label(name, wanted, value):
    asked = [("City or town", "Soria"), ("City", "Avila"), ("Employer identification number", "12"), ("ID#", "7")]
    fields = [
        Field(kind, text, "text", "review", index=index, method="pair")
        for index, pair in enumerate(asked)
        for kind, text in zip(("question", "answer"), pair, strict=True)
    ]
    found = captured(name, wanted, Description("generic", "2", 0.5, (), tuple(fields), ()))
    assert (found.value if found is not None else None) == value
