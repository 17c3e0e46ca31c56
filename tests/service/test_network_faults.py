"""Every exchange with the store or the database is cut, before it arrives or before its answer does.

One accession, or one publishing of the ledger, on PostgreSQL and MinIO through relays (tests/relays.py). That covers
the store gone in a put, in a HEAD, in lengthening a lock, and a put or COMMIT of which nobody knows whether it was
done. Then connections are whole again, the sweeper finishes, and the same file is offered again; or the ledger is
published again, and a verifier with the checkpoint from before accepts it.
"""

import gc
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from one_accession import STEPS, clear_bytes, opened, take_in
from PIL import Image
from relays import Cut, Relay
from running import servers
from sqlalchemy import select, update

from custody import ledger
from custody.algorithms import shipped_algorithms
from custody.ledger import Draft
from custody.ledger_copy import copy_ledger
from custody.ledger_verdict import Given, verify_folder
from custody.stores.ledger_directory import LedgerDirectory
from custody.tables import originals
from infra.services import Services
from records.errors import MunimentError
from records.tables import scans
from tasks import custody_check, publishing, sweeping
from tasks.services import SYSTEM

pytestmark = [pytest.mark.crash, pytest.mark.service]
EVERY = {"store": 3, "database": 29}  # of the exchanges, one in so many is cut where not all are asked for
LEASE = 1.0  # seconds; a lease that could not be given back is over by then


@pytest.fixture
def relays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Relay]]:
    """Settings of a fresh installation on the servers, reached through relays."""
    run = servers(tmp_path / "home", search="tantivy")
    database = re.search(r"@([^/]+)/", run.environment["MUNIMENT_DATABASE_URL"])
    assert database is not None
    found = {"database": Relay(database[1]), "store": Relay(run.environment["MUNIMENT_S3_ENDPOINT"][len("https://") :])}
    ours = {
        **{name: value for name, value in run.environment.items() if name.startswith("MUNIMENT_")},
        "MUNIMENT_LEASE_SECONDS": str(LEASE),
    }
    ours["MUNIMENT_DATABASE_URL"] = ours["MUNIMENT_DATABASE_URL"].replace(database[1], found["database"].address)
    ours["MUNIMENT_S3_ENDPOINT"] = f"https://{found['store'].address}"
    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(name)
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    yield found
    for relay in found.values():
        relay.close()


def sheet(folder: Path, number: int) -> Path:
    path = folder / f"{number}.png"
    Image.new("RGB", (300, 200), (number % 256, number // 256, 77)).save(path)
    return path


def disturbed(home: Path, path: Path) -> str:
    """Take a file in while something is cut; return how it ended."""
    try:
        services = opened(home)
    except MunimentError as error:
        return type(error).__name__
    try:
        return take_in(services, path)
    except MunimentError as error:
        return type(error).__name__
    finally:
        services.close()


def recover(services: Services, path: Path) -> None:
    """Do what the next command does, and hold everything against the rules."""
    with services.database.write() as connection:  # its time to be tried again has come
        connection.execute(update(scans).values(not_before=None))
    sweeping.sweep(services, STEPS)
    assert take_in(services, path) in ("duplicate", "accessioned")
    sweeping.sweep(services, STEPS)
    report = custody_check.check(services)
    assert report.verdict == "holds", report.problems
    notes = {name: report.notes[name] for name in ("pending", "orphans", "extra", "leftovers")}
    assert notes == {"pending": [], "orphans": [], "extra": [], "leftovers": []}
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    with services.database.read() as connection:
        query = select(originals).where(originals.c.sha256 == wanted, originals.c.state != "abandoned")
        (row,) = connection.execute(query).all()  # neither lost nor doubled
    assert row.state == "stored" and row.retention_set
    assert clear_bytes(services, row) == path.read_bytes()


@pytest.mark.parametrize("which", ["store", "database"])
def test_every_exchange_may_be_cut(
    relays: dict[str, Relay],
    tmp_path: Path,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
    which: str,
) -> None:
    home, relay = tmp_path / "home", relays[which]
    opened(home).close()
    assert disturbed(home, sheet(tmp_path, 0)) == "accessioned"  # tries the locks too, which is not done again
    relay.arm(None)
    assert disturbed(home, sheet(tmp_path, 1)) == "accessioned"
    exchanges = relay.count
    assert exchanges > 8
    seed, everything = pytestconfig.getoption("--seed"), pytestconfig.getoption("--every-call")
    chosen = [
        n for n in range(1, exchanges + 1) if everything or n % EVERY[which] == seed % EVERY[which] or n == exchanges
    ]
    ends: dict[str, int] = {}
    cuts = 0
    failures: list[Any] = []
    hows: tuple[Cut, ...] = ("before", "after")
    for run, (number, how) in enumerate(((n, how) for n in chosen for how in hows), 2):
        path = sheet(tmp_path, run)
        relay.arm(number, how)
        ended = disturbed(home, path)
        ends[ended], cuts = ends.get(ended, 0) + 1, cuts + relay.cuts
        relay.arm(None)
        time.sleep(LEASE + 0.2)
        services = opened(home)
        try:
            recover(services, path)
        except Exception as error:  # noqa: BLE001  all are told together
            failures.append((number, how, ended, f"{type(error).__name__}: {error}"))
        finally:
            services.close()
        gc.collect()  # a connection or cursor that was left open is told here, and ends the test red
    assert failures == []
    with capsys.disabled():
        print(json.dumps({"cut": which, "exchanges": exchanges, "runs": 2 * len(chosen), "ended": ends}))
    assert cuts >= len(chosen)  # the last exchange of an accession may come sooner than counted, and be cut in none
    assert len(ends) > 1 or not everything  # some were disturbed, and some went on by themselves


class Publishing:
    """A ledger in a bucket that grows and is published, as `up` does it: by one process, whatever was cut before."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services, self._copy, self._saved = services, LedgerDirectory(folder / "copy"), b""
        self._folder = folder / "copy"
        with services.database.read() as connection:
            self._original = str(connection.execute(select(originals.c.id)).scalar_one())

    def grow(self) -> None:
        with self.services.database.write() as connection:
            drafts = [Draft(self.services.ids.new("evt"), "viewed", self._original, SYSTEM) for _ in range(90)]
            ledger.append_many(connection, drafts, self.services.clock.now())

    def disturbed(self) -> str:
        """Publish while something is cut; return how it ended."""
        try:
            publishing.publish(self.services)
        except MunimentError as error:
            return type(error).__name__
        return "published"

    def recover(self) -> None:
        """Publish again: every event is there, and an outsider who saw the ledger before accepts it."""
        done = publishing.publish(self.services)
        with self.services.database.read() as connection:
            assert done.size == ledger.size(connection)
        copy_ledger(self.services.ledger_files, self._copy)
        vkey = (self.services.places.signer / "ledger.vkey").read_text()
        saved = {"before": self._saved} if self._saved else {}
        verdict = verify_folder(self._folder, Given(datetime.now(UTC), shipped_algorithms(), vkeys=vkey, saved=saved))
        assert verdict.report.verdict == "holds", verdict.report.problems
        self._saved = verdict.note


@pytest.mark.parametrize("which", ["store", "database"])
def test_every_exchange_of_publishing_may_be_cut(
    relays: dict[str, Relay], tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str],
    which: str,
) -> None:  # fmt: skip
    seed, everything = pytestconfig.getoption("--seed"), pytestconfig.getoption("--every-call")
    relay, services = relays[which], opened(tmp_path / "home")
    try:
        assert take_in(services, sheet(tmp_path, 0)) == "accessioned"
        house = Publishing(services, tmp_path)
        house.recover()
        house.grow()
        relay.arm(None)
        assert house.disturbed() == "published"
        exchanges = relay.count
        ends: dict[str, int] = {}
        # the database is asked little; of the store's exchanges one in three is cut where not all are asked for
        every = EVERY["store"] if which == "store" else 1
        chosen = [n for n in range(1, exchanges + 1) if everything or n % every == seed % every or n == exchanges]
        hows: tuple[Cut, ...] = ("before", "after")
        for number, how in ((n, how) for n in chosen for how in hows):
            house.grow()
            relay.arm(number, how)
            ended = house.disturbed()
            ends[ended] = ends.get(ended, 0) + 1
            relay.arm(None)
            house.recover()
    finally:
        services.close()
        gc.collect()
    with capsys.disabled():
        print(json.dumps({"publishing, cut": which, "exchanges": exchanges, "ended": ends}))
    assert exchanges > 3 and len(ends) > 1  # some were disturbed, and some went on by themselves
