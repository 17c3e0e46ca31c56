"""One changed byte of a stored object or of an envelope is found, the document named, and nothing is opened with it.

The ledger's files are changed in test_verification.py, packages in test_packages_found.py: the four kinds together are
all that custody rests on.
"""

import importlib
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import select, update

from custody.keys import DocumentKey
from custody.tables import derivatives, key_envelopes, originals
from infra.services import Services
from records.errors import EnvelopeError
from tasks import custody_check

Run = Callable[..., Any]
PLACES = 8  # of each object, the first and the last byte among them
SEED = 20261125


def changed(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def places(size: int, chance: random.Random) -> list[int]:
    return sorted({0, size - 1, *chance.sample(range(size), PLACES)})


def problems(services: Services) -> set[tuple[str, str]]:
    report = custody_check.check(services)
    found = {(problem.kind, str(problem.object)) for problem in report.problems}
    assert bool(found) is (report.verdict != "holds")
    return found


@pytest.mark.usefixtures("held")
def test_a_changed_byte_of_any_stored_object_is_named(services: Services) -> None:
    chance = random.Random(SEED)
    with services.database.read() as connection:
        kept = {row.object_key: ("object", row.id) for row in connection.execute(select(originals))}
        made = connection.execute(select(derivatives)).all()
        kept |= {row.object_key: ("derivative", f"{row.record} {row.kind}") for row in made}
    store = services.places.home / "store"
    assert len(kept) == 6 and set(kept) == {str(path.relative_to(store)) for path in store.rglob("*.age")}
    for key, named in kept.items():
        path = store / key
        good = path.read_bytes()
        path.chmod(0o600)
        for place in places(len(good), chance):
            path.write_bytes(changed(good, place, chance.randrange(8)))
            assert problems(services) == {named}, (key, place)
        for other in (good[:-1], good + b"\0", b""):
            path.write_bytes(other)
            assert problems(services) == {named}, (key, len(other))
        path.write_bytes(good)
    assert problems(services) == set()


def envelopes(services: Services) -> list[Any]:
    with services.database.read() as connection:
        return list(connection.execute(select(key_envelopes)))


def put(services: Services, row: Any, **values: Any) -> None:
    with services.database.write() as connection:
        connection.execute(update(key_envelopes).where(key_envelopes.c.original == row.original).values(**values))


@pytest.mark.usefixtures("held")
def test_a_changed_byte_of_any_envelope_is_named(services: Services) -> None:
    chance = random.Random(SEED)
    for row in envelopes(services):
        good = bytes(row.envelope)
        for place in places(len(good), chance):
            put(services, row, envelope=changed(good, place, chance.randrange(8)))
            assert problems(services) == {("envelope", row.original)}, place
        for other in (good[:-1], good + b"\0"):
            put(services, row, envelope=other)
            assert problems(services) == {("envelope", row.original)}, len(other)
        put(services, row, envelope=good, sha256=changed(row.sha256.encode(), 5, 0).decode("latin-1"))
        assert problems(services) == {("envelope", row.original)}
        put(services, row, sha256=None)  # nobody escapes by forgetting
        assert problems(services) == {("envelope", row.original)}
        put(services, row, sha256=row.sha256)
    assert problems(services) == set()


@pytest.mark.usefixtures("held")
def test_no_envelope_opens_with_any_byte_changed(services: Services) -> None:
    """Every byte, every one of them with one bit: age authenticates header and content."""
    row = envelopes(services)[0]
    good, ring = bytes(row.envelope), services.vault.keyring
    assert isinstance(ring.unwrap(good, row.vault_key), DocumentKey)
    for place in range(len(good)):
        with pytest.raises(EnvelopeError):
            ring.unwrap(changed(good, place, place % 8), row.vault_key)
    for cut in range(0, len(good), 7):
        with pytest.raises(EnvelopeError):
            ring.unwrap(good[:cut], row.vault_key)


def test_a_changed_envelope_hands_nothing_out(held: Path, run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(held / "catalogue.db")) as connection, connection:
        ((original, envelope),) = connection.execute("SELECT original, envelope FROM key_envelopes LIMIT 1").fetchall()
        bad = changed(bytes(envelope), len(envelope) - 1, 0)
        connection.execute("UPDATE key_envelopes SET envelope = ? WHERE original = ?", (bad, original))
    answer = run("original", "open", original, "--reason", "audit", "--to", tmp_path / "out", "--json")
    assert answer.document["error"]["code"] == "envelope" and not (tmp_path / "out").exists()
    checked = run("custody", "check", "--json")
    assert checked.code == 1
    assert original in {problem["object"] for problem in checked.document["problems"]}


@pytest.mark.usefixtures("held")
def test_envelopes_from_before_get_their_digests(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {row.original: row.sha256 for row in envelopes(services)}
    migration = importlib.import_module("infra.migrations.versions.0020_envelope_digests")
    monkeypatch.setattr(migration, "BATCH", 1)
    with services.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE key_envelopes DROP COLUMN sha256")
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
    assert {row.original: row.sha256 for row in envelopes(services)} == before and len(before) == 2
    assert problems(services) == set()


def test_age_itself_refuses_what_was_changed() -> None:
    """The property that the rest stands on, asked of the library on a small object, every byte of it."""
    identity = pyrage.x25519.Identity.generate()
    sealed = pyrage.encrypt(b"an original", [identity.to_public()])
    for place in range(len(sealed)):
        with pytest.raises((pyrage.DecryptError, ValueError, OSError)):
            pyrage.decrypt(changed(sealed, place, place % 8), [identity])
