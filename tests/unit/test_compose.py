"""docker-compose.yml and prefect.yaml can be relied on without a Docker engine: what they name exists and is pinned."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / "infra/container/env.example").read_text().splitlines()
    if line and not line.startswith("#")
)


def test_has_every_part():
    assert set(SERVICES) == {
        *("certificates", "postgres", "objects", "identities", "opensearch", "prefect", "deploy", "worker", "muniment"),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned_to_a_version(service):
    image = re.sub(r"^\$\{\w+:-(.+)\}$", r"\1", SERVICES[service]["image"])
    assert re.search(r":[\w.-]*\d+\.\d+|:RELEASE\.\d{4}-\d\d-\d\dT|@sha256:[0-9a-f]{64}$", image), image


def test_the_image_of_ours_is_built_from_a_pinned_base_and_has_the_version_of_the_project():
    first = re.search(r"^FROM (\S+)", (ROOT / "infra/container/Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"python:3\.1\d\.\d+-slim-\w+", first[1])
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    assert ours == {f"muniment:{version}"}
    assert (ROOT / SERVICES["muniment"]["build"]["dockerfile"]).is_file()


def test_same_versions_as_the_local_servers():
    script = (ROOT / "infra/services/opensearch.sh").read_text()
    version = re.search(r"^OPENSEARCH_VERSION=(.+)$", script, re.MULTILINE)[1]
    assert SERVICES["opensearch"]["image"] == f"opensearchproject/opensearch:{version}"


def test_what_is_waited_for_exists_and_can_be_waited_for():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no", f"{other} would start again when it has ended"


def test_volumes_and_mounted_files_exist():
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], (name, mount)


def test_every_secret_must_be_given_and_is_in_the_example():
    text = (ROOT / "docker-compose.yml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    optional = set(re.findall(r"\$\{(\w+):-", text))
    assert needed | optional == set(re.findall(r"(?<!\$)\$\{(\w+)", text)) == set(EXAMPLE)
    assert {name for name, value in EXAMPLE.items() if not value} == needed
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        assert EXAMPLE[name] == default
    assert not re.search(r"(?i)(password|secret)\w*: +(?!\$\{)\S", text)


def test_only_loopback_is_published():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_setting_of_muniment_exists_and_services_are_reached_over_tls():
    environment = SERVICES["muniment"]["environment"]
    names = [name.removeprefix("MUNIMENT_").lower() for name in environment if name.startswith("MUNIMENT_")]
    assert set(names) <= set(Settings.model_fields)
    assert environment["MUNIMENT_S3_ENDPOINT"].startswith("https://")
    assert environment["MUNIMENT_OPENSEARCH_URL"].startswith("https://")
    assert "sslmode=verify-full" in environment["MUNIMENT_DATABASE_URL"]
    for name in ("MUNIMENT_S3_ENDPOINT", "MUNIMENT_OPENSEARCH_URL", "MUNIMENT_DATABASE_URL", "PREFECT_API_URL"):
        assert re.search(r"(?://|@)([a-z]+):", environment[name])[1] in SERVICES


def test_deployments_name_functions_that_exist_and_the_pool_the_worker_serves():
    prefect = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    pools = {deployment["work_pool"]["name"] for deployment in prefect["deployments"]}
    assert pools == {SERVICES["worker"]["command"][-3]}
    assert f"work-pool create {pools.pop()} " in SERVICES["deploy"]["command"][-1]
    for deployment in prefect["deployments"]:
        module, _, function = deployment["entrypoint"].rpartition(".")
        tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}


def _compose_client() -> list[str] | None:
    """The compose client that is here: Docker's plugin or the older program; neither needs an engine to check."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def test_the_compose_client_takes_the_file(tmp_path):
    client = _compose_client()
    if client is None:
        pytest.skip("no compose client here: apt-get install docker-compose")
    filled = tmp_path / "env"
    filled.write_text("".join(f"{name}={value or 'x'}\n" for name, value in EXAMPLE.items()))
    command = [*client, "--env-file", str(filled), "-f", str(ROOT / "docker-compose.yml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
