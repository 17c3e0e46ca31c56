"""What is taken and what is refused, by bytes: every format whole, cut, and not what its name says."""

import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from infra.children import Children
from records.errors import ChildLimitError, RefusedScanError
from records.options import Limits
from records.reasons import REFUSALS
from tasks.examine import examine

LIMITS = Limits()

TAKEN = {
    "factura.tif": ("image/tiff", 1),
    "expediente.tif": ("image/tiff", 3),
    "letter.tif": ("image/tiff", 1),
    "invoice.png": ("image/png", 1),
    "carta.jpg": ("image/jpeg", 1),
    "exif.jpg": ("image/jpeg", 1),
    "receipt.webp": ("image/webp", 1),
    "contrato.jp2": ("image/jp2", 1),
    "scanned.pdf": ("application/pdf", 2),
    "digital.pdf": ("application/pdf", 1),
    "mixed.pdf": ("application/pdf", 2),
}


def refused(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(RefusedScanError) as caught:
        examine(path, limits)
    assert caught.value.code in REFUSALS
    return caught.value.code


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    return packed.getvalue()


@pytest.mark.parametrize("name", TAKEN)
def test_a_whole_file_is_taken(corpus, name):
    found = examine(corpus / name, LIMITS)
    assert (found.media_type, found.pages) == TAKEN[name]
    assert found.size_bytes == (corpus / name).stat().st_size
    assert not found.encrypted
    assert not found.signed
    assert found.warnings == ()


@pytest.mark.parametrize("share", [1, 10, 25, 50, 75, 90, 99])
@pytest.mark.parametrize("name", TAKEN)
def test_a_cut_file_is_never_taken(corpus, tmp_path, name, share):
    whole = (corpus / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: max(1, len(whole) * share // 100)])
    assert refused(cut) in ("truncated", "damaged", "not-an-image")
    cut.write_bytes(whole)
    assert examine(cut, LIMITS).pages == TAKEN[name][1]


@pytest.mark.parametrize("name", TAKEN)
def test_a_file_cut_late_is_called_truncated(corpus, tmp_path, name):
    whole = (corpus / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: len(whole) * 9 // 10])
    assert refused(cut) == "truncated"


def test_a_tiff_with_its_directory_first_shows_the_cut_by_its_strips(corpus, tmp_path):
    whole = (corpus / "factura.tif").read_bytes()
    cut = tmp_path / "cut.tif"
    # Pillow writes header, directory, strip: the directory survives the cut
    cut.write_bytes(whole[:-500])
    assert refused(cut) == "truncated"


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("empty", b""),
        ("not-an-image", b"A letter typed as text.\n"),
        ("not-an-image", bytes(range(200, 256)) * 8),
        ("unsupported", zipped()),
        ("unsupported", gzip.compress(b"x", mtime=0)),
        ("unsupported", b"GIF89a" + bytes(20)),
        ("unsupported", b"BM" + bytes(60)),
        ("unsupported", b"From: a@example.org\r\nTo: b@example.org\r\n\r\nHello"),
        ("unsupported", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)),
        ("unsupported", b"\0\0\0\x18ftypheic" + bytes(40)),
        ("unsupported", b"%!PS-Adobe-3.0\n"),
        ("truncated", b"%PDF-1.4\n1 0 obj\n"),
        ("damaged", b"%PDF-1.4\n1 0 obj\nendobj\ntrailer\n%%EOF\n"),
        ("truncated", b"II*\0"),
        ("damaged", b"II*\0" + bytes(60)),
        ("truncated", b"\xff\xd8\xff\xe0" + bytes(20)),
    ],
)
def test_what_is_no_scan_is_refused_with_its_reason(tmp_path, code, data):
    path = tmp_path / "scan.pdf"  # the name says nothing
    path.write_bytes(data)
    assert refused(path) == code


def test_a_missing_file_is_unreadable(tmp_path):
    assert refused(tmp_path / "nothing") == "unreadable"


def test_the_name_does_not_matter(corpus, tmp_path):
    path = tmp_path / "scan.docx"
    path.write_bytes((corpus / "factura.tif").read_bytes())
    assert examine(path, LIMITS).media_type == "image/tiff"


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("factura.tif", replace(LIMITS, file_bytes=1000)),
        ("expediente.tif", replace(LIMITS, pages=2)),
        ("scanned.pdf", replace(LIMITS, pages=1)),
        ("factura.tif", replace(LIMITS, side_pixels=3000)),
        ("carta.jpg", replace(LIMITS, page_pixels=5_000_000)),
        ("scanned.pdf", replace(LIMITS, page_pixels=5_000_000)),
        ("digital.pdf", replace(LIMITS, page_pixels=5_000_000)),
        ("contrato.jp2", replace(LIMITS, side_pixels=3000)),
    ],
    ids=["bytes", "tiff pages", "pdf pages", "tiff side", "jpeg pixels", "pdf image", "pdf page", "jp2 side"],
)
def test_each_limit_refuses(corpus, name, limits):
    assert refused(corpus / name, limits) == "too-large"


def test_a_page_of_35000_by_35000_is_too_large(tmp_path):
    path = tmp_path / "huge.png"
    chunk = struct.pack(">IIBBBBB", 35_000, 35_000, 1, 0, 0, 0, 0)
    head = b"IHDR" + chunk
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + head
        + struct.pack(">I", zlib.crc32(head))
        + struct.pack(">I", 99)
        + b"IDAT"
        + bytes(99)
    )
    assert refused(path) == "too-large"


def test_a_page_that_no_scanner_makes_is_a_bomb(tmp_path):
    path = tmp_path / "bomb.tif"
    entries = [(256, 4, 200_000), (257, 4, 200_000), (259, 3, 1), (273, 4, 8), (279, 4, 8)]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 16) + bytes(8) + directory + bytes(4))
    assert refused(path) == "bomb"


def test_text_that_unpacks_to_much_is_a_bomb(tmp_path):
    from PIL import PngImagePlugin

    path, notes = tmp_path / "text.png", PngImagePlugin.PngInfo()
    notes.add_text("comment", "x" * 40_000_000, zip=True)
    Image.new("L", (10, 10)).save(path, pnginfo=notes)
    assert refused(path) == "bomb"


def test_directories_in_a_circle_are_damage(corpus, tmp_path):
    path = tmp_path / "circle.tif"
    data = bytearray((corpus / "factura.tif").read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    path.write_bytes(data)
    assert refused(path) == "damaged"


def test_zeros_after_the_end_of_a_jpeg_are_let_pass_and_said(corpus, tmp_path):
    path = tmp_path / "padded.jpg"
    path.write_bytes((corpus / "carta.jpg").read_bytes() + bytes(512))
    assert examine(path, LIMITS).warnings == ("512 zero bytes after the end",)
    path.write_bytes((corpus / "carta.jpg").read_bytes() + b"more")
    assert refused(path) == "truncated"


def test_a_password_to_open_refuses_and_one_to_change_does_not(corpus, tmp_path):
    locked, restricted = tmp_path / "locked.pdf", tmp_path / "restricted.pdf"
    with pikepdf.open(corpus / "digital.pdf") as document:
        document.save(locked, encryption=pikepdf.Encryption(user="secret", owner="other"))
    with pikepdf.open(corpus / "digital.pdf") as document:
        document.save(restricted, encryption=pikepdf.Encryption(user="", owner="other"))
    assert refused(locked) == "encrypted"
    found = examine(restricted, LIMITS)
    assert found.encrypted
    assert found.warnings == ("opens with an empty password",)


def test_a_signature_is_seen(corpus, tmp_path):
    path = tmp_path / "signed.pdf"
    with pikepdf.open(corpus / "digital.pdf") as document:
        value = pikepdf.Dictionary(
            Type=pikepdf.Name.Sig, ByteRange=pikepdf.Array([0, 1, 2, 3]), Contents=pikepdf.String("x")
        )
        field = pikepdf.Dictionary(FT=pikepdf.Name.Sig, T=pikepdf.String("Signature"), V=value)
        document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]), SigFlags=3)
        document.save(path)
    assert examine(path, LIMITS).signed


def test_text_and_pictures_are_told_apart(corpus):
    assert examine(corpus / "digital.pdf", LIMITS).born_digital
    assert not examine(corpus / "scanned.pdf", LIMITS).born_digital


def test_every_nasty_file_is_accepted_or_refused_in_bounded_time(data):
    """The set of poison files: a reason of the list, or accepted; no other error, none slow."""
    outcomes = {}
    with Children(2, LIMITS.child_bytes) as children:
        files = sorted(path for path in (data / "nasty").rglob("*") if path.is_file())
        waiting = [(path, children.submit(30, examine, path, LIMITS)) for path in files]
        for path, answer in waiting:
            try:
                outcomes[path.name] = answer.result().media_type
            except RefusedScanError as error:
                assert error.code in REFUSALS
                outcomes[path.name] = error.code
            except ChildLimitError as error:
                outcomes[path.name] = error.limit
    assert len(files) > 200
    assert outcomes["hugemono.pdf"] == "too-large"
    assert outcomes["zero_byte.pdf"] == "empty"
    assert outcomes["droste.zip"] == "unsupported"
    assert outcomes["encryption_openpassword.pdf"] == "encrypted"
    assert outcomes["encryption_nocopy.pdf"] == "application/pdf"
    assert outcomes["truncated_jpeg.jpg"] == "truncated"
    assert outcomes["png_decompression_dos.png"] == "bomb"
    assert not {"time", "memory", "crash"} & set(outcomes.values())
