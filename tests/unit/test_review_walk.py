"""The walk through a record's doubtful fields: one key a decision, taken back or committed together."""

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli import review_walk
from records.class_library import shipped_library
from records.errors import InvalidValueError
from tasks.review.corrections import Change
from tasks.review.seeing import CLASS, Rival, Step
from tasks.review.walking import Walk

Run = Callable[..., Any]
RIVALS = (Rival("121.00", 0.8, "EUR", 1), Rival("100.00", 0.4, "EUR", 1))
STEPS = (
    Step(CLASS, None, "invoice", None, 0.5, "review", (("class-unsure", "invoice or receipt"),)),
    Step("number", None, "F-1", None, 0.6, "review", (("low-confidence", ""),)),
    Step("total", None, "121.00", "EUR", 0.6, "review", (("totals", ""),), RIVALS),
    Step("line_total", 2, None, None, 0.0, "missing", (("required-missing", ""),)),
)  # fmt: skip


def a_walk(*steps: Step) -> Walk:
    return Walk(steps or STEPS, shipped_library().get("invoice"))


def test_every_key_makes_its_change_in_order() -> None:
    walk = a_walk()
    walk.accept()
    walk.correct("F-77")
    walk.choose(2)
    walk.absent()
    assert walk.step is None
    assert walk.changes == (
        Change(CLASS, None, None), Change("number", None, "F-77"), Change("total", None, "100.00 EUR", page=1),
        Change("line_total", 2, ""),
    )  # fmt: skip


def test_choosing_the_value_there_is_confirms_it() -> None:
    walk = a_walk(STEPS[2])
    walk.choose(1)
    assert walk.changes == (Change("total", None, None),)


def test_nobody_can_read_it_and_nothing_is_said_are_told_apart() -> None:
    walk = a_walk(*STEPS[1:3])
    walk.illegible()
    walk.skip()
    assert walk.changes == (Change("number", None, None, illegible=True),)


def test_the_last_answer_is_taken_back_until_nothing_is_left() -> None:
    walk = a_walk()
    walk.accept()
    walk.correct("F-77")
    walk.undo()
    assert walk.step == STEPS[1] and len(walk.changes) == 1
    walk.undo()
    with pytest.raises(InvalidValueError, match="nothing was answered"):
        walk.undo()


def test_another_class_is_decided_alone_since_its_fields_are_others() -> None:
    walk = a_walk()
    walk.correct("receipt")
    walk.accept()
    assert walk.changes == (Change(CLASS, None, "receipt"),)


@pytest.mark.parametrize(
    "act",
    [lambda w: w.correct("1.234"), lambda w: w.correct(" "), lambda w: w.choose(3), lambda w: w.choose(0)],
    ids=["two ways", "nothing", "no such rival", "counted from one"],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_at_once_and_the_step_stays(act: Callable[[Walk], None]) -> None:
    walk = a_walk(STEPS[2])
    with pytest.raises(InvalidValueError):
        act(walk)
    assert walk.step == STEPS[2]


def test_a_class_is_never_absent_and_no_value_never_accepted() -> None:
    with pytest.raises(InvalidValueError):
        a_walk().absent()
    with pytest.raises(InvalidValueError):
        a_walk(STEPS[3]).accept()
    done = a_walk(STEPS[1])
    done.accept()
    with pytest.raises(InvalidValueError, match="everything is answered"):
        done.accept()


def test_the_page_has_every_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/review.md").read_text()
    keys = [key + ("-5" if key == "1" else "") for key in re.findall(r"^\| `(.)`", page, re.M)]
    assert keys == list(review_walk.KEYS)


# --- from the command line


def rows(home: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda lines: monkeypatch.setattr(review_walk.sys, "stdin", StringIO(lines))


def test_next_takes_the_record_and_shows_pieces_of_its_page(held: Path, run: Run, tmp_path: Path) -> None:
    shown = run("review", "next", "--snippets", tmp_path, "--json").document
    assert shown["lock"]["token"] == 1 and shown["items"][0]["locked_by"]
    assert shown["items"][0]["locked_until"] == shown["lock"]["until"] > shown["lock"]["since"]
    names = [step["field"] for step in shown["steps"]]
    order = [spec.name for spec in shipped_library().get("invoice").fields]
    assert names == sorted(names, key=order.index) and "iban" in names
    iban = next(step for step in shown["steps"] if step["field"] == "iban")
    assert iban["candidates"][0]["value"] == iban["value"] and 0 < iban["candidates"][0]["score"] <= 1
    assert iban["reasons"][0]["code"] == "iban-unconfirmed"
    piece = Path(iban["snippet"])
    assert piece.parent == tmp_path and stat.S_IMODE(piece.stat().st_mode) == 0o600
    with Image.open(piece) as image:
        dark = sum(count for count, grey in image.convert("L").getcolors(1 << 16) or [] if grey < 128)
        assert image.width > iban["box"][2] - iban["box"][0] and dark > 100
    scratch = held / "tmp"
    assert not [path for path in scratch.rglob("*") if path.suffix in (".seen", ".words", ".sealed")]


def test_the_event_of_looking_comes_before_anything_is_opened(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.review import seeing

    seen: list[Any] = []
    monkeypatch.setattr(
        seeing, "see", lambda *given: seen.append(rows(held, "SELECT type FROM events ORDER BY seq")[-1]) or []
    )
    run("review", "next")
    assert seen == [("viewed",)]


def test_a_walk_decides_all_at_once_and_gives_the_record_back(
    held: Path, run: Run, typed: Callable[[str], None]
) -> None:
    record = run("review", "list", "--json").document["items"][0]["record"]
    count = len(run("review", "show", record, "--json").document["steps"])
    typed("a\nu\n" + "a\n" * count + "\n")
    before = len(rows(held, "SELECT 1 FROM events"))
    done = run("review", "next", "--walk")
    assert done.code == 0, done
    kinds = [kind for (kind,) in rows(held, "SELECT type FROM events ORDER BY seq")[before:]]
    assert kinds == ["viewed", "viewed", *["field_confirmed"] * count, "review_released", "processed", "indexed"]
    assert rows(held, "SELECT person FROM review_tasks") == [(None,)]
    assert run("record", "show", record, "--json").document["state"] == "indexed"


@pytest.mark.parametrize(
    ("keys", "passed"), [("q\n", False), ("", False), ("p\n", True), ("a\nq\n", False), ("1\n9\n?\nz\nq\n", False)]
)
def test_a_walk_that_is_left_decides_nothing_and_frees_the_record(
    held: Path, run: Run, typed: Callable[[str], None], keys: str, passed: bool
) -> None:
    typed(keys)
    assert run("review", "next", "--walk").code == 0
    assert rows(held, "SELECT count(*) FROM fields WHERE actor IS NOT NULL") == [(0,)]
    assert rows(held, "SELECT person IS NULL, passed_by IS NOT NULL FROM review_tasks") == [(1, int(passed))]


def test_a_rejected_record_leaves_the_queue_until_that_is_taken_back(
    held: Path, run: Run, typed: Callable[[str], None]
) -> None:
    waiting = len(run("review", "list", "--json").document["items"])
    typed("r\n")
    run("review", "next", "--walk", "--class", "invoice")
    (item,) = run("review", "list", "--reason", "rescan", "--json").document["items"]
    record = item["record"]
    assert rows(held, "SELECT type FROM events ORDER BY seq")[-1] == ("qc_failed",)
    assert run("review", "next", "--class", "invoice", "--json").document["record"] is None
    assert run("review", "reject", record, "--json").code == 0  # again: no second event
    assert len(rows(held, "SELECT 1 FROM events WHERE type = 'qc_failed'")) == 1
    back = run("review", "reject", record, "--back", "--reason", "quality: a good copy came", "--json")
    assert back.code == 0 and "rescan" not in str(back.document["review"])
    assert len(run("review", "list", "--json").document["items"]) == waiting
    assert run("custody", "check").code == 0


def test_what_another_holds_is_not_decided_and_ranks_and_locks_are_said(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = run("review", "next", "--json").document["record"]["id"]
    token = run("person", "add", "Ana", "--json").document["token"]
    run("person", "accredit", "Ana", "--role", "reviewer")
    run("review", "rank", record, "urgent")
    assert run("review", "list", "--limit", "1", "--json").document["items"][0]["priority"] == "urgent"
    monkeypatch.setenv("MUNIMENT_TOKEN", token)
    for line in (["correct", record, "--keep", "iban"], ["release", record], ["reject", record]):
        refused = run("--as", "Ana", "review", *line, "--json")
        assert (refused.code, refused.document["error"]["code"]) == (18, "review-taken"), line
    assert run("--as", "Ana", "review", "release", record, "--force", "--json").code == 27
    assert run("review", "correct", record, "--keep", "iban", "--token", "7", "--json").code == 18
    assert run("review", "release", record, "--pass", "--json").document == {"record": record, "released": True}
    assert run("--as", "Ana", "review", "correct", record, "--keep", "iban", "--json").code == 0
