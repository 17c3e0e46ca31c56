"""Bookmarks of the readable copy: a part is found by its own page numbers; what a PDF came with leads to its pages."""

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, OutlineItem

from records.options import Limits
from records.text import Box, PageText, Word, write_words
from tasks.bookmarks import TITLE, Parts, title_of
from tasks.readable import Part, ReadableReport, make_readable
from tasks.sources import PDF, TIFF


def page_of(number: int, *lines: str) -> PageText:
    words = tuple(
        Word(text, Box(100 + 200 * at, 100 + 60 * line, 280 + 200 * at, 140 + 60 * line), 95.0, line + 1, 1)
        for line, told in enumerate(lines)
        for at, text in enumerate(told.split())
    )
    return PageText(number, 1654, 2339, 200, 0, 0.0, "spa", "test 1", False, "ocr", words)


def made(source: Path, media_type: str, folder: Path, pages: list[PageText], part: Part | None = None) -> Path:
    words, target = folder / "words.gz", folder / "readable.pdf"
    write_words(words, pages)
    report: ReadableReport = make_readable(source, media_type, words, target, Limits(), part=part)
    assert report.conformance == "PDF/A-2b", report.reason
    return target


def bookmarks(path: Path) -> list[tuple[int, str, int | None]]:
    """Return depth, title and page (from 1) of every bookmark; no bookmark does anything else."""
    found: list[tuple[int, str, int | None]] = []
    with pikepdf.open(path) as document:
        places = {page.obj.objgen: number for number, page in enumerate(document.pages, start=1)}

        def walk(items: list[OutlineItem], depth: int) -> None:
            for item in items:
                assert item.action is None
                target = item.destination
                found.append((depth, item.title, places[target[0].objgen] if isinstance(target, Array) else None))
                walk(item.children, depth + 1)

        walk(document.open_outline().root, 0)
    return found


PARTS = [
    page_of(1, "Contrato de arrendamiento", "Página 1 de 2"),
    page_of(2, "sigue el contrato", "Página 2 de 2"),
    page_of(3, "page 1 of 1", "Annual report – Ordóñez"),
]


@pytest.mark.parametrize(("name", "kind"), [("expediente.tif", TIFF), ("scanned.pdf", PDF)])
def test_each_part_that_numbers_its_pages_gets_a_bookmark(corpus: Path, tmp_path: Path, name: str, kind: str) -> None:
    source = thrice(corpus / name, tmp_path / "longer.pdf") if kind == PDF else corpus / name
    found = bookmarks(made(source, kind, tmp_path, PARTS))
    assert found == [(0, "Contrato de arrendamiento", 1), (0, "Annual report – Ordóñez", 3)]


def thrice(source: Path, target: Path) -> Path:
    with pikepdf.open(source) as document, pikepdf.new() as longer:
        for _ in range(3):
            longer.pages.append(document.pages[0])
        longer.save(target)
    return target


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("Página 1 de 3", True), ("pág. 1/3", True), ("Hoja 01 de 12", True), ("Page 1 of 1", True),
        ("Seite 1 von 4", True),
        ("Página 2 de 3", False), ("Página 11 de 12", False), ("Page 1", False), ("1 de 3", False),
        ("Page 1 of 0", False),
    ],
)  # fmt: skip
def test_only_a_page_that_says_it_is_the_first_begins_a_part(line: str, first: bool) -> None:
    parts = Parts()
    list(parts.noting([page_of(1, line), page_of(2, "Page 1 of 2")]))
    assert [page for page, _title in parts.found] == ([1, 2] if first else [2])


def test_a_document_that_is_one_part_gets_no_bookmark(corpus: Path, tmp_path: Path) -> None:
    pages = [page_of(1, "Acta", "Página 1 de 3"), page_of(2, "Página 2 de 3"), page_of(3, "Página 3 de 3")]
    assert bookmarks(made(corpus / "expediente.tif", TIFF, tmp_path, pages)) == []


def test_a_title_is_short_and_never_the_number_alone() -> None:
    assert title_of(page_of(4, "Página 1 de 3", "— 12 —", "Escritura de compraventa")) == "Escritura de compraventa"
    assert len(title_of(page_of(4, "palabra " * 40))) == TITLE
    assert title_of(page_of(4, "12 34")) == "4"


@pytest.fixture
def outlined(corpus: Path, tmp_path: Path) -> Path:
    """A PDF of three pages whose bookmarks lead to pages, by name, elsewhere, and to a script."""
    target = tmp_path / "outlined.pdf"
    thrice(corpus / "scanned.pdf", target)
    with pikepdf.open(target, allow_overwriting_input=True) as document:
        pages = [page.obj for page in document.pages]
        document.Root.Dests = Dictionary(Second=Array([pages[1], Name.Fit]))
        script = Dictionary(S=Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        going = Dictionary(S=Name.GoTo, D=Array([pages[2], Name.Fit]))
        with document.open_outline() as outline:
            chapter = OutlineItem("Uno", 0)
            chapter.children += [OutlineItem("Dos", Name.Second), OutlineItem("script", action=script)]
            empty = OutlineItem("nowhere", Array([99, Name.Fit]))
            outline.root += [chapter, OutlineItem("Tres", action=going), empty]
        document.save(target)
    return target


def test_bookmarks_that_a_pdf_came_with_lead_to_its_pages_and_run_nothing(outlined: Path, tmp_path: Path) -> None:
    target = made(outlined, PDF, tmp_path, PARTS)
    assert bookmarks(target) == [(0, "Uno", 1), (1, "Dos", 2), (0, "Tres", 3)]
    assert b"app.alert" not in target.read_bytes()


def test_a_part_of_a_file_keeps_the_bookmarks_of_its_pages(outlined: Path, tmp_path: Path) -> None:
    pages = [page_of(1, "sigue"), page_of(2, "fin")]
    target = made(outlined, PDF, tmp_path, pages, Part(2, 3))
    assert bookmarks(target) == [(0, "Uno", None), (1, "Dos", 1), (0, "Tres", 2)]


def test_an_outline_in_a_circle_ends(outlined: Path, tmp_path: Path) -> None:
    with pikepdf.open(outlined, allow_overwriting_input=True) as document:
        first = document.Root.Outlines.First
        first.Next = first
        first.First.First = first
        document.save(outlined)
    assert bookmarks(made(outlined, PDF, tmp_path, PARTS))[0] == (0, "Uno", 1)


@pytest.mark.parametrize("broken", [Dictionary(First=5), pikepdf.String("none"), Dictionary(First=Dictionary(Next=3))])
def test_a_broken_outline_is_left_out(outlined: Path, tmp_path: Path, broken: pikepdf.Object) -> None:
    with pikepdf.open(outlined, allow_overwriting_input=True) as document:
        document.Root.Outlines = broken
        document.save(outlined)
    found = bookmarks(made(outlined, PDF, tmp_path, PARTS))
    assert [title for _depth, title, _page in found] == ["Contrato de arrendamiento", "Annual report – Ordóñez"]
