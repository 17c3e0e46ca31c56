"""The same flow on a work pool, as on many machines: a real server, the project's own deployment, a real worker."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from clear_text import ClearText
from PIL import Image, ImageDraw, ImageFont

from infra.services import Services, open_services
from infra.supervisor import PrefectServer
from records.catalogue import client_by_name
from tasks import batches, intake
from tasks.services import SYSTEM

ROOT = Path(__file__).resolve().parents[2]
POOL, DEPLOYMENT = "cpu-ocr", "ingest-scan/default"

pytestmark = pytest.mark.flow


@pytest.fixture
def prefect(services: Services) -> Iterator[PrefectServer]:
    server = PrefectServer(services.places)
    assert server.start(threading.Event())
    yield server
    server.stop()


def environment(server: PrefectServer) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**clean, **server.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1", "PYTHONPATH": ""}


def run(server: PrefectServer, *arguments: str) -> str:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(server), capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def offer(services: Services, path: Path) -> str:
    image = Image.new("L", (1400, 400), 255)
    ImageDraw.Draw(image).text((100, 100), "Zarzaparrilla", fill=0, font=ImageFont.load_default(80))
    image.save(path, dpi=(200, 200))
    with services.database.read() as connection:
        client = client_by_name(connection, "default").id
    batch = batches.open_batch(services, client, None, None, SYSTEM)
    return intake.offer(services, intake.Offer(client, batch, "ingest", None, SYSTEM), path)


def runs(server: PrefectServer) -> list[dict[str, Any]]:
    user, _, password = server.environment()["PREFECT_API_AUTH_STRING"].partition(":")
    answer = httpx.post(f"{server.address}/api/flow_runs/filter", json={}, auth=(user, password))
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


def test_a_worker_runs_the_deployed_flow_to_its_end(
    services: Services, prefect: PrefectServer, muniment: Any, tmp_path: Path
) -> None:
    assert httpx.post(f"{prefect.address}/api/flow_runs/filter", json={}).status_code == 401  # no string, no answer
    scan = offer(services, tmp_path / "scan.tif")
    # the file says where the code lies in the image; here it lies in this checkout
    deployments = tmp_path / "prefect.yaml"
    deployments.write_text((ROOT / "prefect.yaml").read_text().replace("directory: /app", f"directory: {ROOT}"))
    for _ in range(2):  # repeatable, as a one-shot service must be
        run(prefect, "work-pool", "create", "--type", "process", "--overwrite", POOL)
        run(prefect, "deploy", "--all", "--prefect-file", str(deployments))

    said = (tmp_path / "worker.log").open("wb")
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--limit", "1"],
        cwd=tmp_path, env=environment(prefect), stdout=said, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        run(prefect, "deployment", "run", DEPLOYMENT, "--param", f"scan_id={scan}", "--watch", "--watch-timeout", "150")
    finally:
        worker.terminate()
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:  # it deregisters first, which may hang; how Prefect's worker ends is its own
            worker.kill()
            worker.wait()
        said.close()
    (found,) = runs(prefect)
    assert (found["state_type"], found["name"]) == ("COMPLETED", scan)
    assert found["parameters"] == {"scan_id": scan}
    again = open_services()
    try:
        with again.database.read() as connection:
            assert not intake.scan_row(connection, scan).todo
    finally:
        again.close()
    assert muniment("search", "Zarzaparrilla")["total"] == 1
    looking = ClearText(["Zarzaparrilla", "scan.tif"])
    log = (tmp_path / "worker.log").read_bytes()
    assert log and looking.within(log) == set()
    files = [path for path in services.places.prefect.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in files)  # the rows of runs, states and logs
    assert [path for path in files if looking.within(path.read_bytes())] == []
