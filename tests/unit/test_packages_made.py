"""Evidence packages: making them whole or not at all, and the command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from package_house import Publisher, all_records, flip, make
from time_authority import TimeAuthority

from records.errors import AccessDeniedError, InvalidValueError, StoreUnavailableError
from records.tables import clients, records
from tasks.exporting import STAGING

# --- making it


def test_nothing_is_handed_over_where_one_record_is_not_allowed(
    opened: Any, publisher: Publisher, tmp_path: Path
) -> None:
    from custody.tables import events
    from records.tables import accreditations

    with opened.database.write() as connection:
        connection.execute(
            accreditations.delete().where(accreditations.c.role.in_(("archivist", "reader", "compliance")))
        )
    with pytest.raises(AccessDeniedError):
        make(opened, publisher, tmp_path / "package")
    assert not (tmp_path / "package").exists()
    with opened.database.read() as connection:
        types = [row.type for row in connection.execute(events.select().order_by(events.c.seq))]
    assert types[-1] == "access_denied" and "exported" not in types


def test_records_of_two_clients_never_share_a_package(opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    with opened.database.write() as connection:
        from custody import people

        other = people.add_client(connection, opened.vault, "Acme", people.FIRST)
        for role in ("archivist",):
            people.accredit(connection, opened.vault, opened.person.id, other, role, None, people.FIRST)
        first = all_records(opened)[0]
        connection.execute(records.update().where(records.c.id == first).values(client=other))
        assert connection.execute(clients.select()).all()
    with pytest.raises(InvalidValueError, match="one client"):
        make(opened, publisher, tmp_path / "package")


@pytest.mark.parametrize("taken", ["folder", "file", "link"])
def test_a_target_that_is_taken_is_left_alone(taken: str, opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    target = tmp_path / "package"
    {"folder": target.mkdir, "file": target.touch, "link": lambda: target.symlink_to("nowhere")}[taken]()
    with pytest.raises(InvalidValueError):
        make(opened, publisher, target)
    assert target.is_symlink() or target.exists()


@pytest.mark.parametrize("recipient", ["", "age1", "AGE-SECRET-KEY-1", "ssh-ed25519 AAAA"])
def test_a_recipient_that_is_none_is_refused(recipient: str, opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError):
        make(opened, publisher, tmp_path / "package", recipient=recipient)


def test_a_store_that_fails_midway_leaves_nothing(
    opened: Any, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    store = opened.vault.store
    real = store.read

    def failing(key: str, version: str) -> Iterator[bytes]:
        calls.append(key)
        if len(calls) == 3:
            raise StoreUnavailableError("gone")
        return real(key, version)

    monkeypatch.setattr(type(store), "read", lambda self, key, version: failing(key, version))
    with pytest.raises(StoreUnavailableError):
        make(
            opened, publisher, tmp_path / "out" / "package" if (tmp_path / "out").mkdir() else tmp_path / "out/package"
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_dead_export_left_is_swept_by_the_next_and_a_living_one_is_not(
    opened: Any, publisher: Publisher, tmp_path: Path
) -> None:
    import fcntl
    import os

    out = tmp_path / "out"
    for name in ("dead", "alive"):
        (out / f"{STAGING}{name}" / "bag").mkdir(parents=True)
        (out / f"{STAGING}{name}" / "bag/clear").write_bytes(b"secret")
    lock = os.open(out / f"{STAGING}alive", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    make(opened, publisher, out / "package")
    os.close(lock)
    assert sorted(p.name for p in out.iterdir()) == [f"{STAGING}alive", "package"]


def test_nothing_of_a_package_may_be_read_by_others(package: Path) -> None:
    assert all(not p.stat().st_mode & 0o077 for p in [package, *package.rglob("*")])


# --- the command


def test_the_command_verifies_without_any_home(
    package: Path, publisher: Publisher, authority: TimeAuthority, tmp_path: Path
) -> None:
    (tmp_path / "trusted.vkey").write_text(publisher.signer.key.vkey + "\n")
    environment = {"MUNIMENT_HOME": str(tmp_path / "never"), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}

    def verify(*arguments: str | Path) -> tuple[int, Any]:
        command = [sys.executable, "-m", "cli.main", "verify", "package", *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return done.returncode, json.loads(done.stdout)

    ours = ("--vkey", tmp_path / "trusted.vkey", "--tsa-roots", authority.roots)
    code, report = verify(package, *ours)
    assert code == 0 and report["verdict"] == "holds" and len(report["steps"]) == 7 and report["problems"] == []
    assert verify(package)[0] == 2
    assert verify(package, "--vkey", tmp_path / "nothing")[0] == 2
    assert verify(tmp_path / "nowhere", *ours)[0] == 2
    flip(package / "README.txt", 5)
    code, report = verify(package, *ours)
    assert code == 1 and report["problems"][0]["object"] == "README.txt"
    assert not (tmp_path / "never").exists()


# --- crashes and size, with the real command


@pytest.mark.parametrize("step", [56, 71, 72, 73])
def test_killed_at_a_step_the_package_is_not_there_and_the_next_export_is_whole(
    step: int, held: Path, tmp_path: Path
) -> None:
    from running import Muniment

    muniment = Muniment(held)
    record = muniment("record", "list")["records"][0]["id"]
    out = tmp_path / "out"
    out.mkdir()
    muniment("record", "export", record, "--to", out / "package", expect=-9, CRASH_AT=str(step))
    assert not (out / "package").exists()
    answer = muniment("record", "export", record, "--to", out / "package")
    assert [p.name for p in out.iterdir()] == ["package"] and answer["manifest_sha256"]
    vkey = muniment("ledger", "path")["vkey"]
    assert muniment("verify", "package", out / "package", "--vkey", vkey)["verdict"] == "holds"
    assert muniment("custody", "check")["verdict"] == "holds"


def test_a_record_of_a_thousand_pages_is_packed_in_flat_memory(opened: Any, held: Path, tmp_path: Path) -> None:
    from custody.derivatives import record_derivative, store_derivative
    from records.text import Box, PageText, Word, write_words

    record = all_records(opened)[0]
    with opened.database.read() as connection:
        from custody.tables import derivatives

        original = connection.execute(derivatives.select().where(derivatives.c.record == record)).first().original
    peaks = []
    for pages in (10, 1000):
        words = tuple(Word("palabra", Box(i, i, i + 5, i + 5), 90.0, i // 10, i // 100) for i in range(300))
        path = tmp_path / "words.gz"
        write_words(
            path, (PageText(n, 2000, 3000, 300, 0, 0.0, "spa", "t 5", False, "ocr", words) for n in range(pages))
        )
        stored = [store_derivative(opened.vault, record, "words", original, path)]
        (tmp_path / "copy").write_bytes(bytes(100_000 * pages))
        stored.append(store_derivative(opened.vault, record, "readable", original, tmp_path / "copy"))
        with opened.database.write() as connection:
            for derivative in stored:
                record_derivative(connection, opened.vault, derivative)
        code = f"""
import resource, sys
from cli.main import main
code = main(["record", "export", {record!r}, "--to", {str(tmp_path / str(pages))!r}])
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
sys.exit(code)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stderr.split()[-1]))
        assert (tmp_path / str(pages) / f"data/records/{record}/readable.pdf").stat().st_size == 100_000 * pages
    assert peaks[1] < peaks[0] + 30_000  # KiB
