"""Every exchange with the store or the database is cut, before it arrives or before its answer does.

One accession on PostgreSQL and MinIO through relays (tests/relays.py). That covers the store gone in a put,
in a HEAD, in lengthening a lock, and a put or COMMIT of which nobody knows whether it was done. Then
connections are whole again, the sweeper finishes, and the same file is offered again.
"""

import gc
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from one_accession import STEPS, clear_bytes, opened, take_in
from PIL import Image
from relays import Cut, Relay
from running import servers
from sqlalchemy import select, update

from custody.tables import originals
from infra.services import Services
from records.errors import MunimentError
from records.tables import scans
from tasks import custody_check, sweeping

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
