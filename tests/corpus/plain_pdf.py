"""Write a plain PDF by hand: pages of text or of one picture."""

import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Page:
    """One page of a PDF: its size in points, /Rotate, content, and its picture as JPEG with its size in pixels."""

    width: float
    height: float
    rotate: int
    content: bytes
    picture: bytes = b""
    pixels: tuple[int, int] = (0, 0)


def write_pdf(path: Path, pages: list[Page]) -> None:
    """Write a plain PDF 1.4, object by object."""
    objects: list[bytes] = [
        b"",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    ]
    kids: list[int] = []
    for page in pages:
        content = zlib.compress(page.content)
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content))
        resources = b"/Font << /F 3 0 R >>"
        if page.picture:
            head = "<< /Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceGray /BitsPerComponent 8"
            start = head.format(*page.pixels).encode()
            length = len(page.picture)
            picture = b" /Filter /DCTDecode /Length %d >>\nstream\n%b\nendstream" % (length, page.picture)
            objects.append(start + picture)
            resources = b"/XObject << /P %d 0 R >>" % len(objects)
        box = f"[0 0 {page.width:.3f} {page.height:.3f}] /Rotate {page.rotate}".encode()
        content_number = len(objects) - bool(page.picture)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox %b /Contents %d 0 R /Resources << %b >> >>"
            % (box, content_number, resources)
        )
        kids.append(len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    refs = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(kids), refs)
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(out)
