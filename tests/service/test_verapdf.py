"""The readable copies of every sample scan, judged by veraPDF: what says PDF/A-2b is, and nothing else says so."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from infra.children import Children
from records.options import Limits, ReadingOptions
from records.text import Box, PageText, Word, write_words
from tasks.examine import examine
from tasks.readable import make_readable
from tasks.reading import read_document

pytestmark = pytest.mark.service
LIMITS = Limits()


@pytest.fixture(scope="module")
def verapdf():
    cached = Path.home() / ".cache" / "muniment-services" / "verapdf" / "verapdf"
    found = os.environ.get("MUNIMENT_VERAPDF") or shutil.which("verapdf") or (str(cached) if cached.exists() else None)
    if found is None:
        pytest.skip("veraPDF is not installed: put it on the PATH or name it by MUNIMENT_VERAPDF")
    return found


def judged(verapdf, files):
    """Return for each file whether it conforms; every file must have been judged."""
    command = [verapdf, "-f", "2b", "--format", "json", *map(str, files)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    verdicts = {}
    for job in json.loads(answer.stdout)["report"]["jobs"]:
        result = job["validationResult"]
        result = result[0] if isinstance(result, list) else result
        verdicts[Path(job["itemDetails"]["name"]).name] = result["compliant"]
    assert sorted(verdicts) == sorted(path.name for path in files)
    return verdicts


def test_copies_are_what_they_say(verapdf, corpus, tmp_path):
    claims = {}
    with Children(2, LIMITS.child_bytes, tmp_path) as children:
        for path in sorted(corpus.iterdir()):
            if path.suffix == ".json":
                continue
            found = examine(path, LIMITS)
            words, target = tmp_path / f"{path.name}.words", tmp_path / f"{path.name}.pdf"
            pages = read_document(path, found.media_type, found.pages, ReadingOptions(), LIMITS, children)
            write_words(words, pages)
            report = children.run(60, make_readable, path, found.media_type, words, target, LIMITS)
            claims[target.name] = report.conformance == "PDF/A-2b"
    assert judged(verapdf, sorted(tmp_path.glob("*.pdf"))) == claims
    assert [name for name, claim in claims.items() if not claim] == ["digital.pdf.pdf", "mixed.pdf.pdf"]


def test_copies_with_bookmarks_conform(verapdf, corpus, tmp_path):
    outlined, copies = tmp_path / "outlined.pdf", tmp_path / "copies"
    copies.mkdir()
    with pikepdf.open(corpus / "scanned.pdf") as document:
        document.pages.append(document.pages[0])
        with document.open_outline() as outline:
            outline.root += [
                pikepdf.OutlineItem("Uno", 0),
                pikepdf.OutlineItem("script", action=Dictionary(S=Name.JavaScript, JS=pikepdf.String("x"))),
            ]
        document.save(outlined)
    for path in (outlined, corpus / "expediente.tif"):
        found = examine(path, LIMITS)
        words, target = tmp_path / "words.gz", copies / f"{path.name}.pdf"
        numbered = tuple(Word(text, Box(9, 9, 99, 30), 90.0, 1, 1) for text in ("Página", "1", "de", "1"))
        write_words(
            words,
            [PageText(n, 1654, 2339, 200, 0, 0.0, "spa", "t", False, "ocr", numbered)
             for n in range(1, found.pages + 1)],
        )  # fmt: skip
        make_readable(path, found.media_type, words, target, LIMITS)
        with pikepdf.open(target) as document:
            assert len(document.open_outline().root) == (1 if path == outlined else found.pages)
    assert set(judged(verapdf, sorted(copies.iterdir())).values()) == {True}
