"""Bad input through the real command: accepted or a clear reason each, and the batch goes on (design, section 7)."""

import io
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont
from running import Muniment


def page(text: str, form: str = "TIFF", **more: Any) -> bytes:
    image = Image.new("L", (900, 300), 255)
    ImageDraw.Draw(image).text((60, 100), text, font=ImageFont.load_default(48), fill=0)
    out = io.BytesIO()
    image.save(out, form, dpi=(300, 300), **more)
    return out.getvalue()


def encrypted() -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    out = io.BytesIO()
    pdf.save(out, encryption=pikepdf.Encryption(user="secret", owner="owner"))
    return out.getvalue()


def giant() -> bytes:
    """Return a 35,000 x 35,000 page of one bit a pixel: 1.2 thousand million pixels in a few kilobytes."""
    out = io.BytesIO()
    Image.new("1", (35_000, 35_000), 1).save(out, "TIFF", compression="group4")
    return out.getvalue()


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    folder = tmp_path / "offered"
    folder.mkdir()
    (folder / "a-good.tif").write_bytes(page("first good sheet"))
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "truncated.jpg").write_bytes(page("cut", "JPEG")[:-900])
    (folder / "truncated.tif").write_bytes(page("cut")[:-500])
    (folder / "encrypted.pdf").write_bytes(encrypted())
    (folder / "wrong-extension.pdf").write_bytes(page("wrong extension sheet", "PNG"))
    (folder / "notes.txt").write_text("just a text")
    (folder / "archive.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    (folder / "giant.tif").write_bytes(giant())
    Path(os.fsdecode(os.fsencode(folder) + b"/odd\nname \xff\xfe.tif")).write_bytes(page("odd name sheet"))
    (folder / "link.tif").symlink_to(folder / "a-good.tif")
    os.mkfifo(folder / "pipe.tif")
    (folder / "z-good.tif").write_bytes(page("last good sheet"))
    return folder


EXPECTED = {
    "a-good.tif": "accessioned",
    "empty.pdf": "empty",
    "truncated.jpg": "truncated",
    "truncated.tif": "truncated",
    "encrypted.pdf": "encrypted",
    "wrong-extension.pdf": "accessioned",
    "notes.txt": "not-an-image",
    "archive.zip": "unsupported",
    "giant.tif": "too-large",
    "odd\nname \\xff\\xfe.tif": "accessioned",
    "link.tif": "not-regular",
    "pipe.tif": "not-regular",
    "z-good.tif": "accessioned",
}


def test_each_ends_in_a_state_with_its_reason(muniment: Any, offered: Path, home: Path) -> None:
    answer = muniment("ingest", offered, offered / "does-not-exist.tif", expect=3)
    found = {
        scan["path"].removeprefix(f"{offered}/"): (scan["reason"]["code"] if scan["reason"] else scan["outcome"])
        for scan in answer["scans"]
    }
    assert found == {**EXPECTED, "does-not-exist.tif": "unreadable"}
    assert (
        answer["offered"] == answer["accessioned"] + answer["duplicate"] + answer["refused"] + answer["waiting"] == 14
    )
    for scan in answer["scans"]:
        if scan["outcome"] == "refused":
            assert scan["reason"]["message"] and scan["reason"]["next"]
    assert muniment("search", "odd name sheet")["total"] == 1
    assert muniment("custody", "check")["verdict"] == "holds"
    kept = {path.read_bytes() for path in (home / "quarantine").rglob("scn_*")}
    assert (offered / "truncated.jpg").read_bytes() in kept and (offered / "giant.tif").read_bytes() in kept
    assert not [path for path in (home / "work").rglob("scn_*") if path.is_file()]


def test_nothing_that_was_given_is_changed(muniment: Any, offered: Path) -> None:
    files = [path for path in offered.iterdir() if path.is_file() and not path.is_symlink()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    muniment("ingest", offered, expect=3)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before


def test_exit_codes_say_how_it_went(muniment: Any, offered: Path) -> None:
    muniment("ingest", offered / "a-good.tif", expect=0)
    muniment("ingest", offered / "a-good.tif", expect=0)  # a duplicate is no fault
    muniment("ingest", offered / "a-good.tif", offered / "notes.txt", expect=3)
    muniment("ingest", offered / "notes.txt", expect=2)
    muniment("ingest", offered / "does-not-exist.tif", expect=2)
    muniment("ingest", offered / "z-good.tif", "--expected", "2", expect=3)


def test_a_socket_in_the_folder_is_not_regular(muniment: Any, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "x.tif"))
        answer = muniment("ingest", folder, expect=2)
    assert answer["scans"][0]["reason"]["code"] in ("not-regular", "unreadable")


@pytest.fixture
def bound(tmp_path: Path) -> Any:
    """The real command as somebody who may not read everything; root may, so it gives that power up."""
    run = Muniment(tmp_path / "home")
    if os.getuid() == 0:
        run.prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    return run


def test_a_file_without_permission_waits_and_is_taken_when_it_is_mended(bound: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "closed.tif"
    sheet.write_bytes(page("closed sheet"))
    sheet.chmod(0)
    answer = bound("ingest", sheet, expect=2)
    assert (answer["waiting"], answer["scans"][0]["reason"]["code"]) == (1, "no-permission")
    sheet.chmod(0o644)
    time.sleep(PAUSE)
    bound("ingest", sheet)
    assert bound("status")["counts"]["waiting"] == 0 and bound("search", "closed sheet")["total"] == 1


PAUSE = 21  # seconds: a waiting row is tried again after twenty


@pytest.mark.skipif(os.getuid() != 0, reason="a small file system can only be mounted as root")
def test_a_full_disk_waits_and_nothing_is_lost(tmp_path: Path, offered: Path) -> None:
    home = tmp_path / "small"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "none", home], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    try:
        run = Muniment(home)
        run("status")
        (home / "ballast").write_bytes(bytes(80 * 1024**2))
        answer = run("ingest", offered / "a-good.tif", expect=2)
        assert answer["waiting"] == 1 and answer["scans"][0]["reason"]["code"] == "no-space"
        assert run("custody", "check")["verdict"] == "holds"
        (home / "ballast").unlink()
        again = run("ingest", offered / "z-good.tif")
        assert again["accessioned"] == 1
        time.sleep(PAUSE)
        run("ingest", offered / "z-good.tif")
        assert run("status")["counts"]["waiting"] == 0 and run("search", "first good sheet")["total"] == 1
        assert run("custody", "check")["verdict"] == "holds"
    finally:
        subprocess.run(["umount", home], check=False)
