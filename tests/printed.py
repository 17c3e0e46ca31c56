"""Looking at printed papers as a scanner and a reader do: barcodes from pictures of the pages, text, fonts."""

import io

import numpy as np
import pikepdf
import pypdfium2
import zxingcpp
from PIL import Image, ImageFilter


def pages(pdf: bytes, dpi: int) -> list[Image.Image]:
    """Return the pages as grey pictures."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.render(scale=dpi / 72, grayscale=True).to_pil() for page in document]


def codes(picture: Image.Image) -> list[tuple[str, str]]:
    """Return the barcodes on a picture as `(symbology, text)`, in reading order."""
    found = zxingcpp.read_barcodes(np.asarray(picture.convert("L")))
    found.sort(key=lambda one: (one.position.top_left.y // 20, one.position.top_left.x))
    return [(str(one.format), one.text) for one in found]


def scanned(picture: Image.Image, angle_deg: float = 1.5) -> Image.Image:
    """Return a page as a scanner gives it: a little askew, soft, with noise of a fixed seed."""
    turned = picture.rotate(angle_deg, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    noise = np.random.default_rng(7).normal(0, 12, soft.shape)
    return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


def text(pdf: bytes) -> str:
    """Return the text of all pages, as a reader would copy it, white space as single spaces."""
    document = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


def unembedded_fonts(pdf: bytes) -> list[str]:
    """Return the names of fonts that are named in the file and not embedded in it."""
    found = set()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for item in document.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font":
                descriptor = item.get("/FontDescriptor", {})
                if not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
                    found.add(str(item.get("/BaseFont")))
    return sorted(found)
