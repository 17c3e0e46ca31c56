"""Page rasters: the stored pixels, their turn and resolution, and which PDF pages are their own image."""

from dataclasses import replace

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw

from records.errors import RefusedScanError
from records.options import Limits, ReadingOptions
from tasks import sources
from tasks.pdf_pages import open_page, page_image
from tasks.sources import JP2, JPEG, PDF, PNG, TIFF, WEBP, load_page, page_count
from tasks.text_layer import text_layer

LIMITS, OPTIONS = Limits(), ReadingOptions()


def pattern(width=600, height=400):
    """A picture that shows turns and mirrors: a black corner, a grey bar."""
    image = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 150, 50), fill=0)
    pen.rectangle((0, 350, 599, 399), fill=128)
    return image


def pdf_of(path, image, matrix, box=(0, 0, 144, 96), rotate=0, extra=b""):
    """Write a page that draws an image by `matrix`, then `extra`."""
    with pikepdf.new() as document:
        stream = pikepdf.Stream(
            document, np.asarray(image).tobytes(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image,
            Width=image.width, Height=image.height, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8,
        )  # fmt: skip
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page = pikepdf.Dictionary(
            Type=pikepdf.Name.Page, MediaBox=pikepdf.Array(box), Rotate=rotate,
            Resources=pikepdf.Dictionary(
                XObject=pikepdf.Dictionary(I=document.make_indirect(stream)), Font=pikepdf.Dictionary(F=font)
            ),
            Contents=document.make_stream(b"q %b cm /I Do Q " % matrix + extra),
        )  # fmt: skip
        document.pages.append(pikepdf.Page(document.make_indirect(page)))
        document.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "media_type", "pages"),
    [
        ("expediente.tif", TIFF, 3), ("carta.jpg", JPEG, 1), ("invoice.png", PNG, 1), ("receipt.webp", WEBP, 1),
        ("contrato.jp2", JP2, 1), ("scanned.pdf", PDF, 2),
    ],
)  # fmt: skip
def test_pages_are_counted(corpus, name, media_type, pages):
    assert page_count(corpus / name, media_type) == pages


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("ending", "media_type"), [("tif", TIFF), ("jpg", JPEG)])
def test_the_raster_is_as_stored_whatever_the_orientation(tmp_path, ending, media_type, orientation):
    path = tmp_path / f"scan.{ending}"
    exif = Image.Exif()
    exif[274] = orientation
    pattern().save(path, exif=exif, **({"quality": 100} if ending == "jpg" else {"compression": "tiff_lzw"}))
    page = load_page(path, media_type, 1, OPTIONS, LIMITS)
    assert np.abs(page.pixels.astype(int) - np.asarray(pattern())).max() < 8
    assert page.stored_turn == {3: 180, 6: 90, 8: 270}.get(orientation, 0)
    assert page.whole_image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("ending", "media_type"), [("tif", TIFF), ("jpg", JPEG)])
def test_a_very_large_page_is_reduced_with_its_size_as_stored(tmp_path, monkeypatch, ending, media_type, orientation):
    monkeypatch.setattr(sources, "READ_PIXELS", 100_000)
    path = tmp_path / f"scan.{ending}"
    exif = Image.Exif()
    exif[274] = orientation
    picture = pattern(601, 401)
    picture.save(path, exif=exif, dpi=(600, 600), **({} if ending == "jpg" else {"compression": "tiff_lzw"}))
    page = load_page(path, media_type, 1, OPTIONS, LIMITS)
    assert (page.reduced, page.size, page.dpi) == (2, (601, 401), 300)
    assert page.pixels.shape == (201, 301)
    half = np.asarray(picture.reduce(2)).astype(int)
    assert np.abs(page.pixels[5:195, 5:295] - half[5:195, 5:295]).mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_can_be_reduced(tmp_path, monkeypatch, mode):
    monkeypatch.setattr(sources, "READ_PIXELS", 100_000)
    picture = pattern()
    made = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257) if mode == "I;16" else picture.convert(mode)
    path = tmp_path / ("scan.tif" if mode == "CMYK" else "scan.png")
    made.save(path)
    page = load_page(path, TIFF if mode == "CMYK" else PNG, 1, OPTIONS, LIMITS)
    assert (page.reduced, page.pixels.shape) == (2, (200, 300))
    assert page.pixels[5, 5] < 10
    assert page.pixels[100, 150] > 245


@pytest.mark.parametrize(("stated", "dpi"), [((200, 200), 200), ((72, 72), 300), (None, 300), ((9999, 9999), 300)])
def test_a_resolution_that_nobody_scans_at_is_not_believed(tmp_path, stated, dpi):
    path = tmp_path / "scan.png"
    pattern().save(path, **({"dpi": stated} if stated else {}))
    assert load_page(path, PNG, 1, OPTIONS, LIMITS).dpi == dpi


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_grey_on_white(tmp_path, mode):
    path = tmp_path / "scan.tif"
    image = pattern()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    elif mode != "LA":
        image = image.convert(mode)
    else:
        image = Image.merge("LA", (image, Image.new("L", image.size, 255)))
    image.save(path)
    pixels = load_page(path, TIFF, 1, OPTIONS, LIMITS).pixels
    assert pixels.dtype == np.uint8
    assert pixels[20, 20] < 40
    assert pixels[200, 300] == 255


def test_transparency_is_white_paper(tmp_path):
    path = tmp_path / "scan.png"
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(path)
    assert load_page(path, PNG, 1, OPTIONS, LIMITS).pixels.min() == 255


UPRIGHT = b"144 0 0 96 0 0"
MATRICES = {
    # matrix, page box, /Rotate -> turn that makes the stored image upright
    "plain": (UPRIGHT, (0, 0, 144, 96), 0, 0),
    "rotated by the page": (UPRIGHT, (0, 0, 144, 96), 90, 90),
    "half a turn by the matrix": (b"-144 0 0 -96 144 96", (0, 0, 144, 96), 0, 180),
    "quarter to the left": (b"0 144 -96 0 96 0", (0, 0, 96, 144), 0, 270),
    "quarter to the right": (b"0 -144 96 0 0 144", (0, 0, 96, 144), 0, 90),
    "both": (b"0 -144 96 0 0 144", (0, 0, 96, 144), 270, 0),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_page_that_is_one_image_gives_the_image_itself(tmp_path, name):
    matrix, box, rotate, turn = MATRICES[name]
    path = pdf_of(tmp_path / "scan.pdf", pattern(), matrix, box, rotate)
    page = load_page(path, PDF, 1, OPTIONS, LIMITS)
    assert page.whole_image
    assert np.array_equal(page.pixels, np.asarray(pattern()))
    assert page.stored_turn == turn
    assert page.dpi == 300
    # what a viewer shows is the stored image turned by that
    with open_page(path, 1) as shown:
        seen = np.asarray(shown.render(scale=300 / 72, grayscale=True).to_pil().convert("L"))
    expected = np.rot90(np.asarray(pattern()), -turn // 90)
    assert np.abs(seen.astype(int) - expected).mean() < 3


OTHER_PAGES = {
    "an image that leaves a margin": (b"100 0 0 66 20 15", b"", {}),
    "an image set askew": (b"143 5 -5 95 2 0", b"", {}),
    "a mirrored image": (b"-144 0 0 96 144 0", b"", {}),
    "text that is seen": (UPRIGHT, b"BT /F 12 Tf 20 20 Td (paid) Tj ET", {}),
    "a line over the image": (UPRIGHT, b"5 w 0 0 m 144 96 l S", {}),
    "two images": (UPRIGHT, b"q 40 0 0 40 0 0 cm /I Do Q", {}),
    "a stencil": (UPRIGHT, b"", {"ImageMask": True}),
}


@pytest.mark.parametrize("name", OTHER_PAGES)
@pytest.mark.parametrize("renderer", ["auto", "pdfium"])
def test_any_other_page_is_its_crop_box_at_300_dpi(tmp_path, name, renderer):
    matrix, extra, entries = OTHER_PAGES[name]
    image = pattern()
    if "ImageMask" in entries:
        image = Image.fromarray(np.packbits(np.asarray(pattern()) < 128, axis=1))
        path = tmp_path / "scan.pdf"
        pdf_of(path, image, matrix, extra=extra)
        with pikepdf.open(path, allow_overwriting_input=True) as document:
            stored = document.pages[0].resources.XObject.I
            del stored["/ColorSpace"]
            stored.ImageMask, stored.BitsPerComponent, stored.Width = True, 1, 600
            document.save(path)
    else:
        path = pdf_of(tmp_path / "scan.pdf", image, matrix, extra=extra)
    page = load_page(path, PDF, 1, replace(OPTIONS, renderer=renderer), LIMITS)
    assert not page.whole_image
    assert page.pixels.shape == (400, 600)
    assert page.dpi == 300
    assert page.pixels.min() < 100 < page.pixels.max()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_both_renderers_give_the_page_before_its_rotation(tmp_path, rotate):
    extra = b"BT /F 12 Tf 20 20 Td (paid) Tj ET"
    path = pdf_of(tmp_path / "scan.pdf", pattern(), UPRIGHT, rotate=rotate, extra=extra)
    poppler = load_page(path, PDF, 1, OPTIONS, LIMITS)
    pdfium = load_page(path, PDF, 1, replace(OPTIONS, renderer="pdfium"), LIMITS)
    assert poppler.pixels.shape == pdfium.pixels.shape == (400, 600)
    assert poppler.stored_turn == pdfium.stored_turn == rotate
    for page in (poppler, pdfium):
        assert np.abs(page.pixels.astype(int) - np.asarray(pattern())).mean() < 8


def test_a_page_over_the_limit_is_not_decoded(corpus):
    with pytest.raises(RefusedScanError) as caught:
        load_page(corpus / "scanned.pdf", PDF, 1, OPTIONS, replace(LIMITS, page_pixels=1_000_000))
    assert caught.value.code == "too-large"


def test_pixels_do_not_hang_on_the_decoder(data):
    """pdfium and pikepdf give the same pixels for every image that is a page, so boxes mean the same to both."""
    compared = 0
    for path in sorted((data / "nasty" / "ocrmypdf").glob("c*.pdf")):
        with open_page(path, 1) as page:
            image = page_image(page)
        if image is None:
            continue
        with pikepdf.open(path) as document:
            stored = next(iter(document.pages[0].get_images().values()))
            try:
                expected = np.asarray(pikepdf.PdfImage(stored).as_pil_image().convert("L"))
            except pikepdf.DependencyError:  # JBIG2, which pikepdf leaves to another program
                continue
        assert np.array_equal(load_page(path, PDF, 1, OPTIONS, LIMITS).pixels, expected)
        compared += 1
    assert compared >= 2


# ---- text of born-digital pages


def test_printed_text_is_taken_with_its_boxes(corpus):
    page = text_layer(corpus / "digital.pdf", 1, 300)
    assert (page.width, page.height, page.turn) == (2480, 3508, 0) or page.width == 2481
    words = {word.text: word for word in page.words}
    assert "Papelería" in words
    assert words["FACTURA"].confidence == 100
    # the first line stands at 48, 780 points from below on 841.92, in capitals of 11 points
    box = words["FACTURA"].box
    assert box.x0 == pytest.approx(48 * 300 / 72, abs=6)
    assert box.y1 == pytest.approx((841.92 - (780 - 0)) * 300 / 72, abs=8)
    assert 20 < box.y1 - box.y0 < 46
    lines = [word.line for word in page.words]
    assert lines == sorted(lines)


def test_boxes_of_text_agree_with_what_is_seen(corpus):
    page = text_layer(corpus / "digital.pdf", 1, 300)
    # the font is not embedded, and poppler stands in another for it
    pixels = load_page(corpus / "digital.pdf", PDF, 1, replace(OPTIONS, renderer="pdfium"), LIMITS).pixels
    assert pixels.shape == (page.height, page.width)
    ink = pixels < 128
    inside = np.zeros_like(ink)
    for word in page.words:
        inside[word.box.y0 - 2 : word.box.y1 + 3, word.box.x0 - 2 : word.box.x1 + 3] = True
        assert ink[word.box.y0 : word.box.y1, word.box.x0 : word.box.x1].any()
    assert (ink & ~inside).sum() < 0.01 * ink.sum()


def test_hidden_text_over_a_scan_is_read_again(tmp_path):
    path = pdf_of(tmp_path / "scan.pdf", pattern(), UPRIGHT, extra=b"BT 3 Tr /F 12 Tf 20 20 Td (hidden) Tj ET")
    assert text_layer(path, 1, 300) is None
    assert load_page(path, PDF, 1, OPTIONS, LIMITS).whole_image


def test_a_word_on_a_large_picture_does_not_make_a_page_born_digital(tmp_path):
    path = pdf_of(tmp_path / "scan.pdf", pattern(), UPRIGHT, extra=b"BT /F 12 Tf 20 20 Td (stamp) Tj ET")
    assert text_layer(path, 1, 300) is None


def test_text_without_meaning_is_read_again(tmp_path):
    path = pdf_of(
        tmp_path / "scan.pdf", pattern(), b"10 0 0 10 0 0", extra=b"BT /F 12 Tf 20 20 Td (\"#%&/=!*'`^~<>|) Tj ET"
    )
    assert text_layer(path, 1, 300) is None


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_the_text_of_a_rotated_page_stays_in_the_page_as_stored(tmp_path, rotate):
    extra = b"BT /F 12 Tf 20 20 Td (paid) Tj ET"
    path = pdf_of(tmp_path / "scan.pdf", pattern(), b"10 0 0 10 0 0", rotate=rotate, extra=extra)
    page = text_layer(path, 1, 300)
    assert page.turn == rotate
    assert (page.width, page.height) == (600, 400)
    assert page.words[0].box.x0 == pytest.approx(20 * 300 / 72, abs=5)
    assert page.words[0].box.y1 == pytest.approx((96 - 20) * 300 / 72, abs=16)


def test_what_was_typed_into_a_form_is_text_of_its_page(corpus, tmp_path):
    path = tmp_path / "form.pdf"
    with pikepdf.open(corpus / "digital.pdf") as document:
        font = document.pages[0].resources.Font.F
        look = document.make_stream(b"BT /F 11 Tf 2 4 Td (Valdemar) Tj ET")
        look.Type, look.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
        look.BBox = pikepdf.Array([0, 0, 100, 16])
        look.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T=pikepdf.String("name"),
                V=pikepdf.String("Valdemar"), F=4, Rect=pikepdf.Array([300, 100, 400, 116]),
                AP=pikepdf.Dictionary(N=look),
            )
        )  # fmt: skip
        document.pages[0].obj.Annots = pikepdf.Array([field])
        document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        document.save(path)
    before = path.read_bytes()
    page = text_layer(path, 1, 300)
    (word,) = (word for word in page.words if word.text == "Valdemar")
    assert word.box.x0 == pytest.approx(302 * 300 / 72, abs=6)
    assert word.box.y1 == pytest.approx((841.92 - 104) * 300 / 72, abs=6)
    for renderer in ("pdfium", "auto"):
        pixels = load_page(path, PDF, 1, replace(OPTIONS, renderer=renderer), LIMITS).pixels
        assert (pixels[word.box.y0 : word.box.y1, word.box.x0 : word.box.x1] < 128).mean() > 0.05
    assert path.read_bytes() == before
