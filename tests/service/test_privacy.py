"""Clear text has few homes: logs, exception texts and the ledger carry ids and salted commitments (design, rule 7)."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from running import ROOT

SECRETS = ("Papelería", "Ordóñez", "Iniesta", "B64717838", "ES9121000418450200051332", "ES91 2100", "secreto-nombre")


def test_logs_and_ledger_hold_no_names_and_no_text(muniment: Any, home: Path, corpus: Path, tmp_path: Path) -> None:
    scan = tmp_path / "secreto-nombre.tif"
    scan.write_bytes((corpus / "factura.tif").read_bytes())
    (tmp_path / "secreto-nombre.pdf").write_bytes((corpus / "scanned.pdf").read_bytes()[:-2000])
    child = muniment.start("ingest", tmp_path, "--json", MUNIMENT_LOG_LEVEL="DEBUG")
    out, err = child.communicate(timeout=300)
    record = next(s for s in json.loads(out)["scans"] if s["records"])["records"][0]
    logs = err.decode()
    assert "sealed original" in logs and record in logs  # there is something to look at
    for reason in ("audit: asked by secreto-nombre", "test"):
        muniment("original", "open", record, "--reason", reason, "--to", tmp_path / "out")
    muniment("review", "correct", record, "--set", "supplier=Papelería secreto-nombre", "--reason", "review")
    leaves = b"\n".join(row[0] for row in sqlite3.connect(home / "catalogue.db").execute("SELECT leaf FROM events"))
    digest = json.loads(out)["scans"][1]["sha256"] or json.loads(out)["scans"][0]["sha256"]
    for secret in (*SECRETS, digest):
        assert secret not in logs, secret
        assert secret.encode() not in leaves, secret


def test_the_store_holds_ciphertext_only(muniment: Any, home: Path, corpus: Path) -> None:
    muniment("ingest", corpus / "digital.pdf")
    objects = list((home / "store").rglob("*.age"))
    assert len(objects) == 3
    for path in objects:
        data = path.read_bytes()
        assert data.startswith(b"age-encryption.org/v1\n") and b"%PDF" not in data


def test_nothing_clear_is_left_behind(muniment: Any, home: Path, corpus: Path) -> None:
    muniment("ingest", corpus / "factura.tif", corpus / "letter.tif")
    left = [path for name in ("work", "tmp") for path in (home / name).rglob("*") if path.is_file()]
    assert left == []
    for path in home.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.is_symlink(), path


CLEAR_HOMES = ("catalogue.db", "index", "keys", "escrow")  # where the threat model says that clear text or keys lie


def test_nothing_planted_is_found_anywhere_else(muniment: Any, home: Path, corpus: Path, tmp_path: Path) -> None:
    scan = tmp_path / "secreto-nombre.tif"
    scan.write_bytes((corpus / "factura.tif").read_bytes())
    taken = muniment("ingest", scan, corpus / "letter.tif", corpus / "digital.pdf")
    record = taken["scans"][0]["records"][0]
    muniment("review", "correct", record, "--set", "supplier=Papelería secreto-nombre", "--reason", "review")
    muniment("original", "open", record, "--reason", "audit: asked by secreto-nombre", "--to", tmp_path / "out")
    muniment("ledger", "publish")
    planted = [secret.encode() for secret in (*SECRETS, *(scan["sha256"] for scan in taken["scans"]))]
    looked, published = 0, 0
    for path in home.rglob("*"):
        inside = path.relative_to(home)
        assert not any(secret in str(inside).encode() for secret in planted), inside  # object names among them
        if path.is_file() and not inside.parts[0].startswith(CLEAR_HOMES):
            data = path.read_bytes()
            assert [secret for secret in planted if secret in data] == [], inside
            looked += 1
            published += inside.parts[0] == "ledger"
    assert looked > 10 and published >= 3
    clear = (home / "catalogue.db").read_bytes()
    assert any(secret in clear for secret in planted)  # they are what was in the papers


def test_a_process_that_dies_leaves_no_picture_of_its_memory(home: Path) -> None:
    code = "import resource\nfrom infra.services import open_services\nopen_services().close()\n"
    code += "print(resource.getrlimit(resource.RLIMIT_CORE))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0)"
