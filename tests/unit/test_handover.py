"""Handing files over: private, whole or not at all, never through somebody's link; and saying so before the event."""

from pathlib import Path
from typing import Any

import pytest

from custody.handover import check_target, hand_over
from records.errors import InvalidValueError


def test_what_is_written_is_whole_and_private(tmp_path: Path) -> None:
    digest, size = hand_over([b"a", b"bc"], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"abc" and size == 3 and len(digest) == 64
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_in_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    for name in ("out", "out.part"):
        (tmp_path / name).symlink_to(tmp_path / "victim")
    hand_over([b"x"], tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "mine" and not (tmp_path / "out").is_symlink()


def test_a_source_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Any:
        yield b"x"
        raise KeyError

    with pytest.raises(KeyError):
        hand_over(broken(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["missing/out", "."])
def test_an_impossible_target_is_said_before_anything_happens(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidValueError):
        check_target(tmp_path / place)


def test_an_impossible_target_leaves_no_event(muniment: Any, corpus: Path, tmp_path: Path) -> None:
    taken = muniment("ingest", corpus / "letter.tif")
    record = taken["scans"][0]["records"][0]
    before = len(muniment("record", "timeline", record)["events"])
    muniment("original", "open", record, "--reason", "test", "--to", tmp_path / "none" / "x", expect=15)
    muniment("record", "pdf", record, "--to", tmp_path / "none" / "x", expect=15)
    assert len(muniment("record", "timeline", record)["events"]) == before
