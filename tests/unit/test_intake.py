"""What is offered: every file below what was named, links and closed folders too; nothing in silence."""

import os
from pathlib import Path
from typing import Any

import pytest

from tasks.intake import files_below, shown_path


def test_links_to_folders_are_offered_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/secret.tif").write_bytes(b"x")
    (tmp_path / "in/sub/a.tif").write_bytes(b"x")
    (tmp_path / "in/link").symlink_to(tmp_path / "out")
    found = [path.relative_to(tmp_path) for path in files_below([tmp_path / "in"])]
    assert found == [Path("in/link"), Path("in/sub/a.tif")]


def test_what_is_not_there_is_offered_as_it_was_named(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    assert list(files_below([tmp_path / "none", long])) == [tmp_path / "none", long]


@pytest.mark.parametrize("name", [b"plain", b"two\nlines", b"\xff\xfe", "ñ".encode()])
def test_names_are_shown_as_text(tmp_path: Path, name: bytes) -> None:
    shown = shown_path(Path(os.fsdecode(name)))
    assert shown.encode("utf-8") and "\ufffd" not in shown


def test_a_name_that_is_too_long_is_refused_and_the_batch_goes_on(muniment: Any, corpus: Path, tmp_path: Path) -> None:
    answer = muniment("ingest", corpus / "letter.tif", tmp_path / ("x" * 300), expect=3)
    assert (answer["accessioned"], answer["refused"]) == (1, 1)
