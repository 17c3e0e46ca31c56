"""Known parties out of somebody else's database, SQLite and PostgreSQL: read, never written; an outage is no answer."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from infra import asking, party_database
from infra.party_database import PartyDatabase
from records.errors import ConfigurationError

QUERY = "SELECT id, tax_id, name, aliases, accounts FROM known_parties WHERE client = :client"
ACCOUNT = "ES9121000418450200051332"


@pytest.fixture
def url(engine: Engine) -> str:
    """A database with the parties of two clients."""
    with engine.begin() as connection:
        columns = ", ".join(f"{name} TEXT" for name in ("client", "id", "tax_id", "name", "aliases", "accounts"))
        connection.execute(text(f"CREATE TABLE known_parties ({columns})"))
        for client, number, name in (("default", "P1", "Talleres Ruiz"), ("other", "P2", "Cafés Sol")):
            row = {"client": client, "id": number, "tax_id": "ES-B82387770", "name": name, "aliases": None}
            made = "INSERT INTO known_parties VALUES (:client, :id, :tax_id, :name, :aliases, :accounts)"
            connection.execute(text(made), {**row, "accounts": "ES91 2100 0418 4502 0005 1332; X"})
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def parties(url: str) -> Iterator[PartyDatabase]:
    made = PartyDatabase(url, None, QUERY)
    yield made
    made.close()


def test_each_client_has_its_own_parties(parties: PartyDatabase) -> None:
    (found,) = parties.of("default") or ()
    assert (found.id, found.tax_id, found.name, found.accounts) == (
        "P1", "B82387770", "Talleres Ruiz", (ACCOUNT, "X"),
    )  # fmt: skip
    assert [one.id for one in parties.of("other") or ()] == ["P2"]
    assert parties.of("nobody") == ()
    assert parties.of("'; DROP TABLE known_parties; --") == ()


@pytest.mark.parametrize(
    "query",
    ["INSERT INTO known_parties (id, name) VALUES ('x', 'x') RETURNING id, name", "DELETE FROM known_parties",
     "UPDATE known_parties SET name = 'x' RETURNING id, name"],
)  # fmt: skip
def test_nothing_can_be_written(engine: Engine, url: str, query: str) -> None:
    made = PartyDatabase(url, None, query)
    assert made.of("default") is None
    made.close()
    with engine.connect() as connection:
        assert sorted(connection.execute(text("SELECT name FROM known_parties")).scalars()) == [
            "Cafés Sol", "Talleres Ruiz",
        ]  # fmt: skip


def test_rows_without_id_or_name_are_said(url: str) -> None:
    made = PartyDatabase(url, None, "SELECT '' AS id, name FROM known_parties")
    with pytest.raises(ConfigurationError, match="row 1"):
        made.of("default")
    made.close()


def test_an_answer_is_used_for_a_while_and_an_outage_for_a_shorter_one(
    engine: Engine, parties: PartyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(asking.time, "monotonic", lambda: now[0])
    assert len(parties.of("default") or ()) == 1
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM known_parties"))
    assert len(parties.of("default") or ()) == 1
    now[0] = 61.0
    assert parties.of("default") == ()


def test_what_is_not_there_is_no_answer_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(asking.time, "monotonic", lambda: now[0])
    missing = tmp_path / "parties.db"
    made = PartyDatabase(f"sqlite:///{missing}", None, QUERY)
    assert made.of("default") is None and not missing.exists()
    with sqlite3.connect(missing) as connection:
        connection.execute("CREATE TABLE known_parties (client, id, tax_id, name, aliases, accounts)")
    connection.close()
    assert made.of("default") is None  # an outage is not asked again at once
    now[0] = 21.0
    assert made.of("default") == ()
    made.close()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "postgresql://nobody@[::1]:9/none"])
def test_a_server_that_refuses_is_no_answer(url: str) -> None:
    made = PartyDatabase(url, "x", QUERY)
    assert made.of("default") is None
    made.close()


@pytest.mark.service
def test_a_slow_server_is_no_answer(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(party_database, "PATIENCE_S", 1)
    made = PartyDatabase(postgres_url, None, "SELECT 'a' AS id, 'b' AS name FROM pg_sleep(30)")
    began = time.monotonic()
    assert made.of("default") is None and time.monotonic() - began < 10
    began = time.monotonic()
    assert made.of("other") is None and time.monotonic() - began < 0.5  # nobody waits for an outage twice
    made.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "no url", "sqlite://"])
def test_other_databases_are_not_asked(url: str) -> None:
    with pytest.raises(ConfigurationError):
        PartyDatabase(url, None, QUERY)
