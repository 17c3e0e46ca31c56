"""The whole way of a scan through the real command, on the embedded default and on the real servers alike.

Every home is a matter of settings only (design, section 4); what is asked here is the same of both.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running import Muniment, embedded, servers


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.service)])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Muniment:
    return servers(tmp_path / "home") if request.param == "servers" else embedded(tmp_path / "home")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_everything(run: Muniment, offered: list[Path], tmp_path: Path, sample: int) -> dict[str, Any]:
    """Ingest, look, ingest again: every scan held once, opens bit for bit, found; the second run adds nothing."""
    answer = run("ingest", *offered)
    assert answer["accessioned"] + answer["duplicate"] == len(offered)
    scans = {scan["path"]: scan for scan in answer["scans"] if scan["outcome"] == "accessioned"}
    assert {scan["sha256"] for scan in scans.values()} == {digest(path) for path in offered}
    for path in [path for path in offered if str(path) in scans][:: max(1, len(scans) // sample)]:
        opened = run("original", "open", scans[str(path)]["records"][0], "--reason", "test", "--to", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == path.read_bytes()
        assert opened["sha256"] == digest(path)
    before = (run("index", "status"), run("record", "list"), run("custody", "check"))
    again = run("ingest", *offered)
    assert again["duplicate"] == len(offered) and again["accessioned"] == 0
    after = (run("index", "status"), run("record", "list"), run("custody", "check"))
    assert before[:2] == after[:2]
    assert after[2]["verdict"] == "holds" and after[2]["orphans"] == [] and after[2]["pending"] == []
    assert before[2]["checked"]["originals"] == after[2]["checked"]["originals"] == len(scans)
    assert before[2]["checked"]["files"] == after[2]["checked"]["files"]
    return answer


def test_drawn_scans_go_the_whole_way(installation: Muniment, corpus: Path, tmp_path: Path) -> None:
    truth = json.loads((corpus / "truth.json").read_text())
    offered = sorted(path for path in corpus.iterdir() if path.name != "truth.json")
    answer = check_everything(installation, offered, tmp_path, sample=99)
    assert len(truth) == len(offered)
    records = {Path(scan["path"]).name: scan["records"][0] for scan in answer["scans"] if scan["records"]}
    for name in ("factura.tif", "invoice.png", "letter.tif"):
        shown = installation("record", "show", records[name])
        assert shown["state"] in ("indexed", "in_review")
        for field in shown["fields"]:
            if field["value"] is not None and field["method"] != "derived":
                assert field["page"] and len(field["box"]) == 4, field
    found = installation("search", "factura papelería")
    assert records["factura.tif"] in {hit["record"] for hit in found["hits"]} and found["hits"][0]["boxes"]
    shown = installation("record", "show", records["factura.tif"])
    values = {field["name"]: field["value"] for field in shown["fields"]}
    assert values["total"] == "1493.75" and values["number"] == "2026-0417" and values["date"] == "2026-03-12"
    events = [event["type"] for event in installation("record", "timeline", records["factura.tif"])["events"]]
    assert events[0] == "batch_opened"
    steps = [event for event in events[1:] if event != "retention_set"]  # which only a store with locks has
    assert steps[:6] == ["received", "sealed", "stored", "accessioned", "registered", "read"]
    assert ("retention_set" in events) == (installation.environment.get("MUNIMENT_STORE") == "s3")


def test_the_readable_copy_is_a_pdf_with_the_words(installation: Muniment, corpus: Path, tmp_path: Path) -> None:
    answer = installation("ingest", corpus / "factura.tif")
    copy = tmp_path / "copy.pdf"
    made = installation("record", "pdf", answer["scans"][0]["records"][0], "--to", copy)
    assert made["sha256"] == digest(copy)
    text = subprocess.run(["pdftotext", "-layout", copy, "-"], capture_output=True, text=True, check=True).stdout
    assert "FACTURA" in text and "2026-0417" in text


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed: apt-get install age")
def test_debians_age_opens_what_muniment_hands_over(installation: Muniment, corpus: Path, tmp_path: Path) -> None:
    answer = installation("ingest", corpus / "letter.tif")
    original = answer["scans"][0]["original"]
    installation("original", "envelope", original, "--reason", "audit", "--to", tmp_path / "sealed.age")
    vault = next((tmp_path / "home/keys").glob("*.agekey"))
    key = subprocess.run(
        ["age", "-d", "-i", vault, tmp_path / "sealed.age.envelope.age"], capture_output=True, check=True
    ).stdout
    (tmp_path / "document.key").write_bytes(key)
    clear = subprocess.run(
        ["age", "-d", "-i", tmp_path / "document.key", tmp_path / "sealed.age"], capture_output=True, check=True
    ).stdout
    assert clear == (corpus / "letter.tif").read_bytes()


def test_the_index_can_be_made_anew(installation: Muniment, corpus: Path) -> None:
    installation("ingest", corpus / "factura.tif", corpus / "letter.tif")
    before = installation("search", "factura")
    rebuilt = installation("index", "rebuild")
    assert rebuilt["equal"]
    after = installation("search", "factura")
    assert [hit["boxes"] for hit in after["hits"]] == [hit["boxes"] for hit in before["hits"]]
    assert installation("custody", "check")["verdict"] == "holds"


def test_nothing_crosses_between_clients(installation: Muniment, corpus: Path) -> None:
    installation("client", "add", "Acme")
    mine = installation("ingest", corpus / "factura.tif")
    installation("person", "accredit", *whoami(installation), "--role", "operator", "--client", "Acme")
    theirs = installation("ingest", corpus / "factura.tif", "--client", "Acme")
    assert theirs["accessioned"] == 1  # the same bytes are no duplicate of another client's
    assert theirs["scans"][0]["original"] != mine["scans"][0]["original"]
    added = installation("person", "add", "Berta")
    installation("person", "accredit", "Berta", "--role", "reader", "--client", "Acme")
    berta = {"MUNIMENT_TOKEN": added["token"]}
    seen = installation("--as", "Berta", "search", "factura", **berta)
    assert {hit["client"] for hit in seen["hits"]} == {"Acme"} and seen["total"] == 1
    assert [row["client"] for row in installation("--as", "Berta", "record", "list", **berta)["records"]] == ["Acme"]
    installation("--as", "Berta", "record", "show", mine["scans"][0]["records"][0], expect=None, **berta)
    denied = installation("--as", "Berta", "record", "text", mine["scans"][0]["records"][0], expect=27, **berta)
    assert denied["error"]["code"] == "access-denied"


def whoami(run: Muniment) -> tuple[str]:
    return (run("person", "list")[0]["name"],)


SETS = (
    "ocr_en/unlv_reports_300dpi/*.tif", "ocr_en/unlv_letters_400dpi/*.tif", "ocr_es/fondue_es_print19/**/*",
    "fields_receipts_en/sroie/**/*", "fields_invoices_es/aiscan/*.pdf", "fields_receipts_de/softmatic/**/*",
    "fields_invoices_misc/invoice2data/**/*", "fields_forms_en/azure/**/*", "orientation/**/*", "skew/**/*",
)  # fmt: skip
IMAGES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".pdf", ".webp", ".jp2"}


def test_real_scans_go_the_whole_way(installation: Muniment, data: Path, tmp_path: Path) -> None:
    offered = sorted({path for name in SETS for path in data.glob(name) if path.suffix.lower() in IMAGES})
    assert len(offered) > 150
    check_everything(installation, offered, tmp_path, sample=25)
