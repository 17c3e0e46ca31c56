"""ALTO and hOCR: each element and attribute checked against tables of the schema; nothing lost, no name in it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.text import Box, PageText, Word
from tasks.alto import NAMESPACE, Head, Source, write_alto
from tasks.hocr import write_hocr
from tasks.markup import clean

Run = Callable[..., Any]
NUMBER = re.compile(r"-?\d+(\.\d+)?")
NAME = re.compile(r"[A-Za-z_][\w.-]*")
UNIT = re.compile(r"0(\.\d+)?|1(\.0+)?")
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
ANYTHING = re.compile(r".*", re.S)
PLACE = {name: NUMBER for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")}

# element -> (children in their order, required attributes, optional attributes): the part of the schema that we write
SCHEMA: dict[str, tuple[str, dict[str, re.Pattern[str]], dict[str, re.Pattern[str]]]] = {
    "alto": ("(Description )?(Layout )", {}, {"SCHEMAVERSION": re.compile(r"4\.\d")}),
    "Description": ("MeasurementUnit (sourceImageInformation )?(Processing )*", {}, {}),
    "sourceImageInformation": ("(fileName )?(fileIdentifier )*(documentIdentifier )*", {}, {}),
    "fileIdentifier": ("", {}, {"fileIdentifierLocation": ANYTHING}),
    "documentIdentifier": ("", {}, {"documentIdentifierLocation": ANYTHING}),
    "MeasurementUnit": ("", {}, {}),
    "Processing": (
        "(processingCategory )?(processingDateTime )?(processingAgency )?(processingStepDescription )*"
        "(processingStepSettings )?(processingSoftware )?",
        {"ID": NAME},
        {},
    ),
    "processingCategory": ("", {}, {}),
    "processingDateTime": ("", {}, {}),
    "processingStepDescription": ("", {}, {}),
    "processingSoftware": (
        "(softwareCreator )?(softwareName )?(softwareVersion )?(applicationDescription )?", {}, {},
    ),
    "softwareName": ("", {}, {}),
    "softwareVersion": ("", {}, {}),
    "applicationDescription": ("", {}, {}),
    "Layout": ("(Page )+", {}, {}),
    "Page": (
        "(PrintSpace )?",
        {"ID": NAME, "PHYSICAL_IMG_NR": NUMBER},
        {"WIDTH": NUMBER, "HEIGHT": NUMBER, "PROCESSINGREFS": NAME, "PC": UNIT, "ROTATION": NUMBER, "LANG": LANGUAGE,
         "OTHERLANGS": ANYTHING, "QUALITY_DETAIL": ANYTHING},
    ),
    "PrintSpace": ("(TextBlock )*", {}, PLACE),
    "TextBlock": ("(TextLine )*", {"ID": NAME}, PLACE),
    "TextLine": ("(String (SP )?)+", {}, {"ID": NAME, **PLACE}),
    "String": ("", {"CONTENT": ANYTHING}, {"WC": UNIT, **PLACE}),
    "SP": ("", {}, PLACE),
}  # fmt: skip


def check_schema(node: XML.Element) -> None:
    name = node.tag.removeprefix("{" + NAMESPACE + "}")
    children, required, optional = SCHEMA[name]
    order = "".join(child.tag.removeprefix("{" + NAMESPACE + "}") + " " for child in node)
    assert re.fullmatch(children, order), f"{name}: {order}"
    given = {k: v for k, v in node.attrib.items() if not k.startswith("{")}
    assert required.keys() <= given.keys() <= required.keys() | optional.keys(), (name, given)
    for attribute, value in given.items():
        assert (required | optional)[attribute].fullmatch(value), (name, attribute, value)
    for child in node:
        check_schema(child)


def page(*words: Word, number: int = 1, **changes: Any) -> PageText:
    values = {"width": 2550, "height": 3300, "dpi": 300, "turned": 90, "skew": -1.25, "language": "spa+eng",
              "engine": "tesserocr 5.3.0", "blank": False, "source": "ocr", **changes}  # fmt: skip
    return PageText(number, words=words, **values)


WORDS = (
    Word("Hormigón", Box(10, 20, 110, 50), 96.5, 1, 1),
    Word("<armado> & \"fino\"", Box(120, 20, 200, 50), 88.0, 1, 1),
    Word("HA-25", Box(10, 60, 90, 90), 91.0, 2, 1),
    Word("Total", Box(10, 160, 90, 190), 100.0, 3, 2),
)  # fmt: skip
HEAD = Head("rec_1", (Source("ori_1", 1, 2), Source("ori_2", 3, 3)), "2026-11-23T10:00:00.000Z", "0.1.0")
PAGES = [
    page(*WORDS), page(number=2, blank=True),
    page(number=3, flags=("time",), engine="pdfium", source="born-digital", language="cat"),
]  # fmt: skip


def alto(pages: list[PageText]) -> XML.Element:
    return XML.fromstring(b"".join(write_alto(HEAD, lambda: pages)))


def q(path: str) -> str:
    return re.sub(r"(\w+)", "{" + NAMESPACE + r"}\1", path)


def test_alto_keeps_to_the_schema() -> None:
    check_schema(alto(PAGES))


def test_alto_is_valid_by_the_schema_itself(request: pytest.FixtureRequest) -> None:
    folder = request.config.getoption("--schemas")
    if not folder:
        pytest.skip("the schema is its publisher's: name a folder with alto-4-4.xsd and xlink.xsd by --schemas")
    from lxml import etree

    text = (Path(folder) / "alto-4-4.xsd").read_text("utf-8")
    text = text.replace("http://www.loc.gov/standards/xlink/xlink.xsd", str(Path(folder) / "xlink.xsd"))
    etree.XMLSchema(etree.fromstring(text.encode())).assertValid(
        etree.fromstring(b"".join(write_alto(HEAD, lambda: PAGES)))
    )


def test_alto_holds_every_word_with_box_and_confidence_in_reading_order() -> None:
    found = [
        (
            s.get("CONTENT"),
            *(int(s.get(k) or -1) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT")),
            float(s.get("WC") or -1),
        )
        for s in alto(PAGES).iter(q("String"))
    ]
    assert found == [
        (w.text, w.box.x0, w.box.y0, w.box.x1 - w.box.x0, w.box.y1 - w.box.y0, pytest.approx(w.confidence / 100))
        for w in WORDS
    ]


def test_alto_keeps_blocks_and_lines() -> None:
    lines = [
        [[s.get("CONTENT") for s in line.iter(q("String"))] for line in block]
        for block in alto(PAGES).iter(q("TextBlock"))
    ]
    assert [[len(line) for line in block] for block in lines] == [[2, 1], [1]]
    block = next(alto(PAGES).iter(q("TextBlock")))
    assert [block.get(k) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == ["10", "20", "190", "70"]


def test_alto_says_how_the_writing_lies_and_in_which_language() -> None:
    first, second, third = alto(PAGES).iter(q("Page"))
    assert first.get("ROTATION") == "91.25" and first.get("LANG") == "es" and first.get("OTHERLANGS") == "en"
    assert second.get("QUALITY_DETAIL") == "blank" and len(list(second.iter(q("TextBlock")))) == 0
    assert third.get("QUALITY_DETAIL") == "not whole: time" and third.get("LANG") == "ca"


def test_alto_names_engines_and_originals_by_id() -> None:
    document = alto(PAGES)
    steps = {s.get("ID"): s.findtext(q("processingSoftware/softwareName")) for s in document.iter(q("Processing"))}
    assert list(steps.values()) == ["tesserocr", "pdfium"]
    assert [steps[p.get("PROCESSINGREFS") or ""] for p in document.iter(q("Page"))] == ["tesserocr"] * 2 + ["pdfium"]
    assert [s.text for s in document.iter(q("fileIdentifier"))] == ["ori_1", "ori_2"]
    assert document.find(q("Description/sourceImageInformation/fileName")) is None


@given(st.text())
def test_any_text_makes_a_document_that_can_be_read(text: str) -> None:
    word = Word(text, Box(0, 0, 1, 1), 50.0, 1, 1)
    (found,) = alto([page(word)]).iter(q("String"))
    assert found.get("CONTENT") == clean(text)
    XML.fromstring(b"".join(write_hocr(HEAD, lambda: [page(word)])))


@given(st.text(st.characters(codec="utf-8", exclude_characters=["\ufffe", "\uffff"], min_codepoint=32)))
def test_only_what_xml_cannot_hold_is_replaced(text: str) -> None:
    assert clean(text) == text


def test_hocr_holds_every_word_with_box_and_confidence() -> None:
    document = XML.fromstring(b"".join(write_hocr(HEAD, lambda: PAGES)))
    html = "{http://www.w3.org/1999/xhtml}"
    spans = [s for s in document.iter(f"{html}span") if s.get("class") == "ocrx_word"]
    assert [s.text for s in spans] == [w.text for w in WORDS]
    assert spans[0].get("title") == "bbox 10 20 110 50; x_wconf 96"
    pages = [d.get("title") for d in document.iter(f"{html}div") if d.get("class") == "ocr_page"]
    assert pages[2] == "image ori_2; bbox 0 0 2550 3300; ppageno 2; scan_res 300 300"


def test_a_thousand_pages_take_no_more_memory_than_ten(tmp_path: Path) -> None:
    peaks = {}
    for pages in (10, 1000):
        code = f"""
import resource, sys
from pathlib import Path
from records.text import Box, PageText, Word, read_words, write_words
from tasks.alto import Head, write_alto
words = tuple(Word("palabra", Box(i, i, i + 5, i + 5), 90.0, i // 10, i // 100) for i in range(100))
path = Path({str(tmp_path)!r}) / "words.gz"
made = (PageText(n, 2000, 3000, 300, 0, 0.0, "spa", "t 5", False, "ocr", words) for n in range(1, {pages} + 1))
write_words(path, made)
size = sum(len(part) for part in write_alto(Head("rec", (), None, "0"), lambda: read_words(path)))
print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        size, peak = map(int, done.stdout.split())
        assert size > pages * 5_000
        peaks[pages] = peak
    assert peaks[1000] < peaks[10] + 10_000  # KiB


def test_the_commands_write_files_and_say_so_in_the_ledger_first(held: Path, run: Run, tmp_path: Path) -> None:
    record = run("record", "list", "--class", "invoice", "--json").document["records"][0]
    for name, media in (("alto", "<alto "), ("hocr", "<html ")):
        target = tmp_path / f"words.{name}"
        answer = run("record", name, record["id"], "--to", target, "--json").document
        data = target.read_bytes()
        assert answer == {"record": record["id"], "to": str(target), "bytes": len(data), "sha256": answer["sha256"]}
        assert media in data.decode() and record["original"] in data.decode() and "digital.pdf" not in data.decode()
    check_schema(XML.fromstring((tmp_path / "words.alto").read_bytes()))
    words = run("record", "words", record["id"], "--json").document["pages"][0]["words"]
    strings = list(XML.fromstring((tmp_path / "words.alto").read_bytes()).iter(q("String")))
    assert [s.get("CONTENT") for s in strings] == [w["text"] for w in words]
    events = run("record", "timeline", record["id"], "--json").document["events"]
    assert [e["type"] for e in events].count("exported") == 2


def test_a_target_that_cannot_be_written_is_no_event(held: Path, run: Run, tmp_path: Path) -> None:
    record = run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"]
    assert run("record", "alto", record, "--to", tmp_path / "nowhere" / "words.xml", "--json").code == 15
    assert "exported" not in [e["type"] for e in run("record", "timeline", record, "--json").document["events"]]
