"""The store is away: an S3 service that cannot be reached, a folder whose volume is not mounted."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from infra.services import open_services
from records.errors import StoreUnavailableError


def sheet(path: Path, text: str) -> Path:
    page = Image.new("1", (900, 300), 1)
    ImageDraw.Draw(page).text((60, 100), text, font=ImageFont.load_default(48), fill=0)
    page.save(path, dpi=(300, 300), compression="group4")
    return path


@pytest.fixture
def nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings of an S3 service at an address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    for name, value in (
        ("STORE", "s3"), ("S3_ENDPOINT", f"https://{address}"), ("S3_ACCESS_KEY", "accesskey1"),
        ("S3_SECRET_KEY", "secretkey1"), ("S3_BUCKET", "originals"), ("WORKERS", "1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"MUNIMENT_{name}", value)
    return address


def test_what_needs_no_store_works_without_it(nobody: str, run: Callable[..., Any]) -> None:
    for command in (["status"], ["search", "word"], ["record", "list"], ["batch", "list"]):
        answer = run(*command, "--json")
        assert answer.code == 0, (command, answer.err)


def test_files_offered_meanwhile_wait(nobody: str, run: Callable[..., Any], tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.tif", "muniment waits")
    taken = run("ingest", path, "--json")
    assert taken.code == 2
    (scan,) = taken.document["scans"]
    assert (scan["outcome"], scan["reason"]["code"]) == ("waiting", "store-unavailable")
    counts = run("status", "--json").document["counts"]
    assert counts["waiting"] + counts["received"] == 1
    checked = run("custody", "check", "--json")
    assert checked.code == 2 and checked.document["verdict"] == "could not check"


def test_the_error_names_host_and_port_and_no_secret(nobody: str) -> None:
    services = open_services()
    with pytest.raises(StoreUnavailableError) as caught:
        services.vault.store.stat("o/a/b/c.age")
    services.close()
    text = str(caught.value)
    assert nobody in text and "cannot be reached" in text
    assert "key1" not in text and "c.age" not in text


@pytest.mark.parametrize("mounted_over", ["an empty folder", "nothing"])
def test_a_volume_that_is_not_mounted_is_never_taken_for_the_store(
    home: Path, run: Callable[..., Any], tmp_path: Path, mounted_over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_WORKERS", "1")
    assert run("ingest", sheet(tmp_path / "a.tif", "muniment one")).code == 0
    (home / "store").rename(home / "elsewhere")
    if mounted_over == "an empty folder":
        (home / "store").mkdir()
    checked = run("custody", "check", "--json")
    assert checked.code == 2 and checked.document["verdict"] == "could not check"
    assert checked.document["problems"] == []
    taken = run("ingest", sheet(tmp_path / "b.tif", "muniment two"), "--json")
    assert taken.code == 2 and taken.document["scans"][0]["reason"]["code"] == "store-unavailable"
    assert list((home / "store").iterdir()) == []
    (home / "store").rmdir()
    (home / "elsewhere").rename(home / "store")
    scan = taken.document["scans"][0]["scan"]
    services = open_services()
    from tasks.pipeline import ingest_scan

    assert ingest_scan(scan, services).outcome == "accessioned"
    services.close()
    assert run("custody", "check", "--json").code == 0
