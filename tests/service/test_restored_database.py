"""A database restored from an older backup: the ledger refuses to go on, and what is lost of it is listed.

Custody reference, section 8: the signer remembers what it signed, so that the same positions are never signed twice.
"""

import shutil
from pathlib import Path

from PIL import Image
from running import embedded
from warm import warm


def sheet(path: Path, shade: int) -> Path:
    Image.new("L", (400, 200), shade).save(path)
    return path


def test_the_ledger_refuses_to_go_on_and_what_the_backup_does_not_know_is_listed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = warm(embedded(home))
    run.environment |= {"MUNIMENT_WORKERS": "1", "MUNIMENT_LANGUAGES": "eng"}
    run("ingest", sheet(tmp_path / "a.tif", 250))
    before = run("ledger", "publish")
    backup = tmp_path / "backup.db"
    shutil.copyfile(home / "catalogue.db", backup)  # no command runs: the write-ahead log is in it
    assert not (home / "catalogue.db-wal").exists()
    lost = run("ingest", sheet(tmp_path / "b.tif", 240))["scans"][0]["original"]
    published = run("ledger", "publish")
    assert published["size"] > before["size"]

    shutil.copyfile(backup, home / "catalogue.db")
    for command in (("ledger", "publish"), ("ingest", sheet(tmp_path / "c.tif", 230))):
        refused = run(*command, expect=62)["error"]  # nothing is written in the places of what was signed
        assert refused["code"] == "ledger-fork" and refused["retryable"] is False, refused

    report = run("custody", "check", expect=None)
    orphans = [key for key in report["orphans"] if key.startswith("o/")]
    assert [key.split("/")[2] for key in orphans] == [lost]
    assert any((home / "store" / key).is_file() for key in orphans)  # listed, and left where it is
