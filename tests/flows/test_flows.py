"""Flows prove wiring only: the steps run in their order, what may be tried again is, and nothing but ids goes out."""

import asyncio
import importlib
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk_rows import CLERK, DeskRows
from PIL import Image, ImageDraw, ImageFont
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings
from sqlalchemy import select, update

from custody.people import DEFAULT_CLIENT, accredit
from custody.tables import originals
from flows import running
from flows._tasks import as_task
from flows.fixity import fixity
from flows.ingest import ingest_batch, ingest_scan
from flows.notices import loans_due
from flows.reindex import reindex
from infra.services import Services
from records.catalogue import client_by_name
from records.errors import CustodyError, DatabaseUnavailableError, FixityError, MunimentError, StoreUnavailableError
from records.ids import BatchId, ScanId
from records.tables import clients, persons, records, scans
from tasks import batches, indexing, intake, notices
from tasks.services import SYSTEM

# one connection a run is left to the collector by Prefect 3.8's client
LEFT = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings(LEFT)]

WORDS = ("Zarzaparrilla", "Melquiades", "Ferrocarriles")  # what no table of Prefect's would hold by itself


def offered(services: Services, folder: Path, count: int = 1) -> tuple[BatchId, list[ScanId]]:
    """Offer drawn scans that hold WORDS."""
    with services.database.read() as connection:
        client = client_by_name(connection, DEFAULT_CLIENT).id
    batch = batches.open_batch(services, client, "Melquiades box", None, SYSTEM)
    given = intake.Offer(client, batch, "ingest", None, SYSTEM)
    made = []
    for number in range(count):
        image = Image.new("L", (1400, 800), 255)
        draw = ImageDraw.Draw(image)
        for line, word in enumerate((*WORDS, f"number {number}")):
            draw.text((100, 100 + 150 * line), word, fill=0, font=ImageFont.load_default(80))
        path = folder / f"Ferrocarriles-{number}.tif"
        image.save(path, dpi=(200, 200))
        made.append(intake.offer(services, given, path))
    return batch, made


def runs_named(name: str) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return [run for run in client.read_flow_runs(limit=200) if run.name == name]


def task_names(run: FlowRun, count: int) -> list[str]:
    """Return the task runs of a flow run as the server has them; it hears of them a little later."""
    deadline = time.monotonic() + 30.0
    while True:
        with get_client(sync_client=True) as client:
            found = [task for task in client.read_task_runs(limit=200) if task.flow_run_id == run.id]
        if len(found) >= count or time.monotonic() > deadline:
            return sorted(task.name.rsplit("-", 1)[0] for task in found)
        time.sleep(0.3)


def prefect_database() -> str:
    """Return every value of every table of Prefect's database as one text."""
    url = get_current_settings().server.database.connection_url
    assert url is not None
    path = url.get_secret_value().split("///")[1]
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def state_of(services: Services, scan: str) -> str:
    with services.database.read() as connection:
        return str(connection.execute(select(records.c.state).where(records.c.scan == scan)).scalar_one())


def test_a_scan_goes_through_every_step_and_only_its_id_is_kept(services: Services, tmp_path: Path) -> None:
    _, (scan,) = offered(services, tmp_path)
    assert asyncio.run(ingest_scan(scan)) == "accessioned"
    assert state_of(services, scan) in ("indexed", "in_review")
    assert indexing.status(services).indexed_pages == 1
    (run,) = runs_named(scan)
    assert run.parameters == {"scan_id": scan}
    assert run.state is not None
    assert run.state.is_completed()
    assert task_names(run, 4) == ["accession", "describe", "index", "read"]

    running.flush()
    held = prefect_database()
    assert scan in held  # the search would find what is there
    with services.database.read() as connection:
        row = connection.execute(select(scans)).one()
        names = [*connection.execute(select(persons.c.name)).scalars(), *connection.execute(select(clients.c.name))]
    secrets = [path.read_text().strip().splitlines()[-1] for path in services.places.keys.rglob("*.agekey")]
    assert secrets
    told = [word for word in (*WORDS, *secrets, row.path, row.sha256, row.client) if str(word) in held]
    assert told == []
    assert names  # `default` and the system's user are words of Prefect's own tables too: only paths show them here
    assert str(services.places.home) not in held


def test_a_scan_that_is_done_is_left_alone(services: Services, tmp_path: Path) -> None:
    _, (scan,) = offered(services, tmp_path)
    assert [asyncio.run(ingest_scan(scan)) for _ in range(2)] == ["accessioned", "accessioned"]
    with services.database.read() as connection:
        assert len(connection.execute(select(originals)).all()) == 1


def test_a_batch_is_gone_on_with_and_counted(services: Services, tmp_path: Path) -> None:
    batch, made = offered(services, tmp_path, 2)
    asyncio.run(ingest_scan(made[0]))
    counts = asyncio.run(ingest_batch(batch))
    assert counts == {"offered": 2, "accessioned": 2, "refused": 0, "duplicate": 0, "waiting": 0, "pages": 2}


def test_the_index_is_made_anew_and_fixity_holds_until_a_byte_is_changed(services: Services, tmp_path: Path) -> None:
    _, (scan,) = offered(services, tmp_path)
    asyncio.run(ingest_scan(scan))
    assert asyncio.run(reindex()) == 1
    assert asyncio.run(fixity()) == "holds"
    (stored,) = [path for path in services.places.store.rglob("*.age*") if path.is_file() and "/o/" in str(path)]
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(content)
    with pytest.raises(CustodyError):
        asyncio.run(fixity())


def attempts(error: Exception, times: int) -> list[int]:
    """Run a flow whose one task raises `error` so many times; return how often it was begun."""
    begun: list[int] = []

    def step() -> str:
        begun.append(len(begun))
        if len(begun) <= times:
            raise error
        return "done"

    tried = as_task(step, "step")

    @flow(name="trial")
    async def trial() -> str:
        return tried()

    try:
        assert asyncio.run(trial()) == "done"
    except type(error):
        begun.append(-1)
    return begun


def test_what_may_go_away_by_itself_is_tried_again() -> None:
    assert attempts(StoreUnavailableError("the store did not answer"), times=2) == [0, 1, 2]


def test_a_broken_digest_is_never_tried_again_and_comes_out_as_itself() -> None:
    assert attempts(FixityError("a" * 64, "b" * 64), times=1) == [0, -1]


def _foreign() -> None:
    raise ValueError("Melquiades says Zarzaparrilla")


def _translated() -> None:
    try:
        _foreign()
    except ValueError as error:
        raise DatabaseUnavailableError("the database did not answer") from error


@pytest.mark.parametrize("step", [_foreign, _translated])
def test_texts_of_foreign_errors_do_not_reach_prefect(step: Any) -> None:
    tried = as_task(step, "step").with_options(retries=0)

    @flow(name="trial")
    async def trial() -> None:
        tried()

    with pytest.raises(MunimentError):
        asyncio.run(trial())
    running.flush()
    held = prefect_database()
    assert "did not answer" in held or "unexpected ValueError" in held
    assert [word for word in WORDS if word in held] == []


def test_a_worker_of_up_gives_back_what_it_could_not_begin(services: Services, tmp_path: Path) -> None:
    _, (scan,) = offered(services, tmp_path)
    taken = services.leases.take_next()
    assert taken == scan
    one = running.one_scan(services, lambda: True)
    try:
        assert one(scan, services) is True
    finally:
        running._services._given.clear()
    assert not services.leases.holds(scan)
    assert state_of(services, scan) in ("described", "in_review")
    with services.database.write() as connection:
        connection.execute(update(scans).values(todo=True))
    assert running.settle_left_over_runs() == 0


def test_notices_are_sent_by_their_flow_and_no_name_goes_to_prefect(services: Services, tmp_path: Path) -> None:
    with services.database.write() as connection:
        rows = DeskRows(services, connection, services.clock.now())
        ana = rows.person("Melquiades")
        accredit(connection, services.vault, ana, rows.client(), "reader", None, CLERK)
        site = rows.site("MAD")
        for days in (-1, 40):  # one is overdue, one is not
            due = services.clock.now().date() + timedelta(days=days)
            rows.lend(rows.file("Zarzaparrilla"), ana, site, services.clock.now(), due)
    assert asyncio.run(loans_due()) == {"expired": 0, "planned": 1, "sent": 0, "refused": 0, "later": 0}
    assert asyncio.run(loans_due())["planned"] == 0
    with get_client(sync_client=True) as client:
        mine = client.read_flow_by_name("loans-due").id
        run, *_ = [run for run in client.read_flow_runs(limit=200) if run.flow_id == mine]
    assert run.state is not None and run.state.is_completed() and run.parameters == {}
    assert task_names(run, 1) == ["notices"]
    running.flush()
    assert [word for word in WORDS if word in prefect_database()] == []


def test_a_deployment_runs_notices_every_quarter_of_an_hour() -> None:
    written = yaml.safe_load((Path(__file__).resolve().parents[2] / "prefect.yaml").read_text())
    (deployed,) = [one for one in written["deployments"] if "notices" in one["tags"]]
    module, _, name = deployed["entrypoint"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is loans_due
    assert [schedule["interval"] for schedule in deployed["schedules"]] == [notices.EVERY_SECONDS]
