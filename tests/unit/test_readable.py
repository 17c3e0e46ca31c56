"""The readable copy: the scan's own pictures, its words where they are printed, PDF/A or the reason why not."""

import datetime as dt
import io
import struct
import zlib

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image

from records.errors import RefusedScanError
from records.options import Limits, ReadingOptions
from records.text import Box, PageText, Word, write_words
from tasks import glyphless, pdfa
from tasks.pdf_structure import check_pdf
from tasks.readable import Part, make_readable
from tasks.sources import JP2, JPEG, PDF, PNG, TIFF, WEBP, load_page, page_count
from tasks.text_layer import text_layer

LIMITS, OPTIONS = Limits(), ReadingOptions()
TYPES = {"tif": TIFF, "jpg": JPEG, "png": PNG, "webp": WEBP, "jp2": JP2, "pdf": PDF}
IMAGES = ["factura.tif", "letter.tif", "expediente.tif", "carta.jpg", "exif.jpg", "invoice.png", "receipt.webp",
          "contrato.jp2"]  # fmt: skip


def media_type(path):
    return TYPES[path.suffix[1:]]


def placed(path, number, turned=None, skew=0.0):
    """A page as if it had been read: three words at known places of its raster."""
    raster = load_page(path, media_type(path), number, OPTIONS, LIMITS)
    height, width = raster.pixels.shape
    boxes = [Box(400, 500, 640, 540), Box(700, 500, 1000, 540), Box(400, 900, 520, 1020)]
    if turned in (90, 270):
        boxes = [Box(500, 400, 540, 640), Box(500, 700, 540, 1000), Box(900, 400, 1020, 520)]
    words = tuple(
        Word(text, box, 90.0, line, 1)
        for text, box, line in zip(("Ordóñez", "naïve", "x"), boxes, (1, 1, 2), strict=True)
    )
    turn = raster.stored_turn if turned is None else turned
    return PageText(number, width, height, raster.dpi, turn, skew, "spa", "test 1", False, "ocr", words)


def made(path, folder, pages, **options):
    words, target = folder / "words.gz", folder / "readable.pdf"
    target.unlink(missing_ok=True)
    write_words(words, pages)
    report = make_readable(path, media_type(path), words, target, LIMITS, **options)
    assert report.size_bytes == target.stat().st_size
    return target, report


def all_pages(path):
    return [placed(path, number) for number in range(1, page_count(path, media_type(path)) + 1)]


def picture(target, number=1):
    with pikepdf.open(target) as document:
        (stored,) = document.pages[number - 1].get_images().values()
        return stored.read_raw_bytes(), pikepdf.PdfImage(stored).filters


@pytest.mark.parametrize("name", [*IMAGES, "scanned.pdf"])
def test_the_copy_has_the_same_pages_and_says_what_it_is(corpus, tmp_path, name):
    pages = all_pages(corpus / name)
    target, report = made(corpus / name, tmp_path, pages)
    assert (report.pages, report.conformance, report.reason) == (len(pages), "PDF/A-2b", None)
    assert check_pdf(target, LIMITS).pages == len(pages)
    with pikepdf.open(target) as document:
        metadata = document.Root.Metadata.read_bytes()
        assert b"<pdfaid:part>2</pdfaid:part>" in metadata
        assert document.Root.OutputIntents[0].S == "/GTS_PDFA1"


@pytest.mark.parametrize("name", [*IMAGES, "scanned.pdf"])
def test_the_copy_shows_the_pixels_of_the_scan(corpus, tmp_path, name):
    path = corpus / name
    target, _ = made(path, tmp_path, all_pages(path))
    for number in range(1, page_count(path, media_type(path)) + 1):
        stored = load_page(path, media_type(path), number, OPTIONS, LIMITS)
        copied = load_page(target, PDF, number, OPTIONS, LIMITS)
        assert copied.whole_image
        assert np.array_equal(copied.pixels, stored.pixels)
        assert copied.dpi == stored.dpi
        assert copied.stored_turn == stored.stored_turn


def test_a_g4_strip_is_copied(corpus, tmp_path):
    target, _ = made(corpus / "factura.tif", tmp_path, all_pages(corpus / "factura.tif"))
    with Image.open(corpus / "factura.tif") as image:
        start, size = image.tag_v2[273][0], image.tag_v2[279][0]
    raw, filters = picture(target)
    assert raw == (corpus / "factura.tif").read_bytes()[start : start + size]
    assert filters == ["/CCITTFaxDecode"]


@pytest.mark.parametrize(("name", "kind"), [("carta.jpg", "/DCTDecode"), ("contrato.jp2", "/JPXDecode")])
def test_jpeg_bytes_are_copied(corpus, tmp_path, name, kind):
    target, _ = made(corpus / name, tmp_path, all_pages(corpus / name))
    assert picture(target) == ((corpus / name).read_bytes(), [kind])


def test_png_data_is_copied(corpus, tmp_path):
    target, _ = made(corpus / "invoice.png", tmp_path, all_pages(corpus / "invoice.png"))
    whole, at, data = (corpus / "invoice.png").read_bytes(), 8, b""
    while at < len(whole):
        size, kind = struct.unpack_from(">I4s", whole, at)
        data += whole[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    assert picture(target) == (data, ["/FlateDecode"])


def test_the_pictures_of_a_pdf_are_copied(corpus, tmp_path):
    target, _ = made(corpus / "scanned.pdf", tmp_path, all_pages(corpus / "scanned.pdf"))
    for number in (1, 2):
        assert picture(target, number) == picture(corpus / "scanned.pdf", number)


def save_png(path, image, **options):
    image.save(path, **options)
    return path


ODD_IMAGES = {
    "palette": lambda p: save_png(p / "s.png", Image.effect_mandelbrot((900, 1200), (-2, -1, 1, 1), 9).quantize(16)),
    "16 bit": lambda p: save_png(
        p / "s.png", Image.fromarray(np.linspace(0, 65535, 900 * 1200).astype(np.uint16).reshape(1200, 900))
    ),
    "transparent": lambda p: save_png(p / "s.png", Image.new("RGBA", (900, 1200), (20, 60, 80, 128))),
    "interlaced": lambda p: interlaced(p / "s.png"),
    "inverted bits": lambda p: save_png(
        p / "s.tif", bits().point(lambda v: 255 - v), compression="group4", tiffinfo={262: 1}
    ),
    "several strips": lambda p: save_png(p / "s.tif", bits(), compression="group4", strip_size=3000),
    "fax group 3": lambda p: save_png(p / "s.tif", bits(), compression="group3"),
    "colour lzw": lambda p: save_png(
        p / "s.tif", Image.merge("RGB", [Image.linear_gradient("L").resize((900, 1200))] * 3), compression="tiff_lzw"
    ),
    "jpeg in tiff": lambda p: save_png(
        p / "s.tif", Image.linear_gradient("L").resize((900, 1200)), compression="jpeg", strip_size=1 << 30
    ),
    "colour jpeg in tiff": lambda p: save_png(
        p / "s.tif", Image.radial_gradient("L").resize((900, 1200)).convert("RGB"), compression="jpeg"
    ),
    "turned tiff": lambda p: save_png(p / "s.tif", bits(), compression="group3", tiffinfo={274: 6}),
}


def bits():
    image = Image.new("1", (900, 1200), 1)
    image.paste(0, (100, 100, 400, 300))
    return image


def interlaced(path):
    """Pillow writes none: the seven passes of an all-grey picture, by hand (PNG, section 8.2)."""
    width, height = 900, 1200
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b"".join((b"\0" + b"\x80" * len(range(x, width, dx))) * len(range(y, height, dy)) for x, y, dx, dy in passes)
    chunks = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)),
        (b"IDAT", zlib.compress(raw)),
        (b"IEND", b""),
    ):
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(chunks)
    return path


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_what_a_pdf_cannot_carry_is_coded_again_without_loss(tmp_path, name):
    path = ODD_IMAGES[name](tmp_path)
    target, report = made(path, tmp_path, [placed(path, 1)])
    assert report.conformance == "PDF/A-2b"
    stored = load_page(path, media_type(path), 1, OPTIONS, LIMITS)
    copied = load_page(target, PDF, 1, OPTIONS, LIMITS)
    # colour made grey by one library or the other differs by a level, 16 bits made 8 likewise
    assert np.abs(copied.pixels.astype(int) - stored.pixels).max() <= 2
    assert copied.stored_turn == stored.stored_turn


def words_of(target, number=1):
    """Words of a copy as pdfium finds them, with their boxes in points."""
    text = pypdfium2.PdfDocument(target)[number - 1].get_textpage()
    found, run = {}, []
    for at in range(text.count_chars() + 1):
        letter = text.get_text_range(at, 1) if at < text.count_chars() else " "
        if letter.strip():
            run.append((letter, text.get_charbox(at, loose=True)))
        elif run:
            boxes = [box for _, box in run]
            found["".join(letter for letter, _ in run)] = (
                min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes),
            )  # fmt: skip
            run = []
    return found


@pytest.mark.parametrize(
    ("name", "number"),
    [("factura.tif", 1), ("exif.jpg", 1), ("receipt.webp", 1), ("scanned.pdf", 1), ("scanned.pdf", 2)],
)
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_words_lie_exactly_over_their_print(corpus, tmp_path, name, number, turned):
    path = corpus / name
    pages = all_pages(path)
    pages[number - 1] = placed(path, number, turned)
    target, _ = made(path, tmp_path, pages)
    found = words_of(target, number)
    page = pages[number - 1]
    scale, high = 72 / page.dpi, page.height * 72 / page.dpi
    for word in page.words:
        box = word.box
        expected = (box.x0 * scale, high - box.y1 * scale, box.x1 * scale, high - box.y0 * scale)
        assert found[word.text] == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_the_copy_is_shown_upright(corpus, tmp_path, turned):
    path = corpus / "scanned.pdf"
    pages = [placed(path, 1, turned), placed(path, 2, turned)]
    target, _ = made(path, tmp_path, pages)
    with pikepdf.open(target) as document:
        assert [int(page.obj.get("/Rotate", 0)) for page in document.pages] == [turned, turned]
    target, _ = made(corpus / "factura.tif", tmp_path, [placed(corpus / "factura.tif", 1, turned)])
    with pikepdf.open(target) as document:
        assert int(document.pages[0].obj.get("/Rotate", 0)) == turned


def test_words_of_a_skewed_page_keep_their_places_and_sides(corpus, tmp_path):
    path = corpus / "factura.tif"
    page = placed(path, 1, 0, skew=3.0)
    geometry = page.geometry
    box = geometry.box_to_raster(Box(600, 800, 900, 850))  # 300 x 50 on the upright page
    page = PageText(1, page.width, page.height, 300, 0, 3.0, "spa", "t", False, "ocr", (Word("palabra", box, 9, 1, 1),))
    target, _ = made(path, tmp_path, [page])
    x0, y0, x1, y1 = (value * 300 / 72 for value in words_of(target)["palabra"])
    assert x1 - x0 == pytest.approx(300, abs=4)
    assert y1 - y0 == pytest.approx(50, abs=4)
    assert (x0 + x1) / 2 == pytest.approx((box.x0 + box.x1) / 2, abs=1.5)
    assert page.height - (y0 + y1) / 2 == pytest.approx((box.y0 + box.y1) / 2, abs=1.5)


def test_every_character_can_be_copied_out(corpus, tmp_path):
    path = corpus / "factura.tif"
    text = ["Ñandú", "€12,50", "Łódź", "日本", "\U0001f600"]
    words = tuple(Word(word, Box(200, 200 + 80 * i, 500, 250 + 80 * i), 90, i + 1, 1) for i, word in enumerate(text))
    base = placed(path, 1)
    page = PageText(1, base.width, base.height, 300, 0, 0.0, "spa", "t", False, "ocr", words)
    target, _ = made(path, tmp_path, [page])
    assert pypdfium2.PdfDocument(target)[0].get_textpage().get_text_range().split() == text


def test_earlier_hidden_text_is_replaced(corpus, tmp_path):
    path = corpus / "scanned.pdf"
    first, _ = made(path, tmp_path, all_pages(path))
    again = first.rename(tmp_path / "again.pdf")
    target, report = made(again, tmp_path, all_pages(again))
    assert report.conformance == "PDF/A-2b"
    text = pypdfium2.PdfDocument(target)[0].get_textpage().get_text_range()
    assert text.count("Ordóñez") == 1


def test_printed_text_is_kept_and_not_doubled(corpus, tmp_path):
    path = corpus / "mixed.pdf"
    layer = text_layer(path, 1, 300)
    first = PageText(
        1, layer.width, layer.height, 300, 0, 0.0, "spa", "pdf-text", False, "born-digital", layer.words
    )  # fmt: skip
    target, report = made(path, tmp_path, [first, placed(path, 2)])
    texts = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(target)]
    assert texts[0].count("gestoría") == 1
    assert "Ordóñez" in texts[1]
    assert (report.conformance, report.reason) == (None, "a font is not embedded")
    with pikepdf.open(target) as document:
        assert b"pdfaid:part>" not in document.Root.Metadata.read_bytes()


def test_the_same_input_gives_the_same_bytes(corpus, tmp_path):
    for name in ("factura.tif", "letter.tif", "scanned.pdf"):
        copies = [made(corpus / name, tmp_path, all_pages(corpus / name))[0].read_bytes() for _ in range(2)]
        assert copies[0] == copies[1]
    created = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
    target, _ = made(corpus / "factura.tif", tmp_path, all_pages(corpus / "factura.tif"), created=created)
    assert b"<xmp:CreateDate>2026-11-23T12:00:00+00:00<" in target.read_bytes()


@pytest.mark.parametrize("name", ["expediente.tif", "scanned.pdf"])
def test_a_part_of_a_file_can_be_a_record(corpus, tmp_path, name):
    path = corpus / name
    page = placed(path, 2)
    page = PageText(
        1, page.width, page.height, page.dpi, page.turned, 0.0, "spa", "t", False, "ocr", page.words
    )  # fmt: skip
    target, report = made(path, tmp_path, [page], part=Part(2, 2))
    assert report.pages == 1
    copied = load_page(target, PDF, 1, OPTIONS, LIMITS)
    assert np.array_equal(copied.pixels, load_page(path, media_type(path), 2, OPTIONS, LIMITS).pixels)


def test_pages_that_could_not_be_read_are_in_the_copy(corpus, tmp_path):
    from tasks.reading import flagged_page

    for name in ("expediente.tif", "scanned.pdf"):
        path = corpus / name
        pages = [flagged_page(number, "time") for number in range(1, page_count(path, media_type(path)) + 1)]
        _, report = made(path, tmp_path, pages)
        assert report.pages == len(pages)


def test_what_an_archive_forbids_is_taken_away(corpus, tmp_path):
    path = tmp_path / "busy.pdf"
    with pikepdf.open(corpus / "scanned.pdf") as document:
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        document.Root.OpenAction = script
        document.Root.AA = pikepdf.Dictionary(WC=script)
        document.Root.Names = pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=pikepdf.Array([])))
        document.attachments["note.txt"] = b"attached"
        link = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=pikepdf.Array([0, 0, 9, 9]), A=script
        )
        document.pages[0].obj.Annots = pikepdf.Array([link])
        document.save(path, encryption=pikepdf.Encryption(owner="x", user=""))
    target, report = made(path, tmp_path, all_pages(path))
    assert report.conformance == "PDF/A-2b"
    with pikepdf.open(target) as document:
        assert not document.is_encrypted
        assert not document.attachments
        assert not {"/OpenAction", "/AA"} & set(document.Root.keys())
        assert "/A" not in document.pages[0].obj.Annots[0]
    assert b"app.alert" not in target.read_bytes()


def test_colours_of_print_are_named_as_the_reason(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (900, 1200), (0, 0, 0, 200)).save(path)
    target, report = made(path, tmp_path, [placed(path, 1)])
    assert (report.conformance, report.reason) == (None, "colours of print without their profile")
    assert load_page(target, PDF, 1, OPTIONS, LIMITS).pixels.mean() < 120


def test_a_target_is_never_written_over(corpus, tmp_path):
    words, target = tmp_path / "words.gz", tmp_path / "there.pdf"
    target.write_bytes(b"something")
    write_words(words, all_pages(corpus / "factura.tif"))
    with pytest.raises(FileExistsError):
        make_readable(corpus / "factura.tif", TIFF, words, target, LIMITS)
    assert target.read_bytes() == b"something"


def test_a_copy_without_pages_is_not_made(corpus, tmp_path):
    with pytest.raises(RefusedScanError):
        made(corpus / "factura.tif", tmp_path, [])


def test_the_font_is_a_sound_truetype_font():
    from PIL import ImageFont

    program = glyphless.font_program()
    font = ImageFont.truetype(io.BytesIO(program), 100, layout_engine=ImageFont.Layout.BASIC)
    assert font.getlength("x") == pytest.approx(50)
    total = sum(int.from_bytes((program + bytes(3))[at : at + 4], "big") for at in range(0, len(program), 4))
    assert total & 0xFFFFFFFF == 0xB1B0AFBA  # ISO/IEC 14496-22, head


def test_the_profile_has_no_clock_in_it():
    assert pdfa.srgb_profile()[24:36] == bytes.fromhex("07d0 0001 0001 0000 0000 0000".replace(" ", ""))
    assert pdfa.srgb_profile()[36:40] == b"acsp"
