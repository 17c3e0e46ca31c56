"""Opening originals: recorded before, verified before handed over, one use of one fresh event; access decided once."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from custody import access, people
from custody.access import Person
from custody.ledger import Actor, entries, find
from custody.opening import Act, open_original, processed, record_act, release
from custody.tables import event_details, originals
from records.errors import (
    AccessDeniedError,
    CustodyError,
    EnvelopeError,
    FixityError,
    OriginalNotFoundError,
    ReleaseRefusedError,
)
from tasks import batches, ingest, intake


@pytest.fixture
def held(services: Any, corpus: Path) -> Any:
    """One original in custody: its row."""
    with services.database.read() as connection:
        client = next(iter(access.clients_of(connection, services.person, "ingest", services.today())))
    actor = services.person.actor("operator")
    batch = batches.open_batch(services, client, None, None, actor)
    scan = sorted(corpus.glob("*.tif"))[0]
    ingest.ingest_files(services, [scan], intake.Offer(client, batch, "ingest", None, actor))
    with services.database.read() as connection:
        row = connection.execute(select(originals)).one()
    return row, scan


def act(services: Any, **more: Any) -> Act:
    return Act("exported", services.person.actor("archivist"), "audit", **more)


def test_an_original_opens_bit_for_bit_and_says_so_first(services: Any, held: Any, tmp_path: Path) -> None:
    row, scan = held
    opened = open_original(services.vault, row.id, act(services, words="asked by Ana Ruiz"), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == scan.read_bytes()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    assert (opened.sha256, opened.size) == (row.sha256, row.size)
    with services.database.read() as connection:
        entry = next(iter(entries(connection, opened.seq, opened.seq + 1)))
        kept = connection.execute(select(event_details)).one()
    assert (entry.event["type"], entry.event["reason"]) == ("exported", "audit")
    assert b"Ana" not in entry.leaf and entry.event["detail"] and kept.text == "asked by Ana Ruiz"


def test_the_event_stands_although_the_opening_fails(services: Any, held: Any, home: Path, tmp_path: Path) -> None:
    row, _ = held
    path = home / "store" / row.object_key
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with services.database.read() as connection:
        before = len(list(entries(connection)))
    with pytest.raises(FixityError):
        open_original(services.vault, row.id, act(services), tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("out*"))
    assert not [path for path in services.scratch.rglob("*") if path.is_file()]
    with services.database.read() as connection:
        assert [e.event["type"] for e in entries(connection, before)] == ["exported"]


def test_a_missing_object_is_named(services: Any, held: Any, home: Path, tmp_path: Path) -> None:
    row, _ = held
    (home / "store" / row.object_key).unlink()
    with pytest.raises(OriginalNotFoundError):
        open_original(services.vault, row.id, act(services), tmp_path / "out")


@pytest.mark.parametrize("column", ["sha256", "size"])
def test_a_changed_catalogue_row_does_not_pass(services: Any, held: Any, tmp_path: Path, column: str) -> None:
    row, _ = held
    wrong = "0" * 64 if column == "sha256" else row.size + 1
    with services.database.write() as connection:
        connection.execute(update(originals).values({column: wrong}))
    with pytest.raises(CustodyError, match="step 6"):
        open_original(services.vault, row.id, act(services), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_swapped_envelope_does_not_open(services: Any, held: Any, tmp_path: Path) -> None:
    row, _ = held
    with services.database.write() as connection:
        connection.execute(text("UPDATE key_envelopes SET envelope = :e"), {"e": b"age-encryption.org/v1\nx"})
    with pytest.raises(EnvelopeError):
        open_original(services.vault, row.id, act(services), tmp_path / "out")


def test_an_event_opens_once_and_only_its_own_document(services: Any, held: Any) -> None:
    row, _ = held
    actor = services.person.actor("archivist")
    with services.database.write() as connection:
        entry = record_act(services.vault, connection, act(services), row.id, row.client)
        other = record_act(services.vault, connection, act(services), services.ids.new("ori"), row.client)
    assert release(services.vault, entry, row.id, actor).recipient == row.recipient
    with pytest.raises(ReleaseRefusedError, match="already"):
        release(services.vault, entry, row.id, actor)
    with pytest.raises(ReleaseRefusedError, match="another document"):
        release(services.vault, other, row.id, actor)
    with pytest.raises(ReleaseRefusedError, match="another actor"):
        release(services.vault, other, row.id, Actor("psn_other", "reader", "os"))
    with pytest.raises(ReleaseRefusedError, match="not in the ledger"):
        release(services.vault, replace(other, id="evt_none"), row.id, actor)


def test_a_stale_event_opens_nothing(services: Any, held: Any) -> None:
    row, _ = held

    class Later:
        def now(self) -> Any:
            return services.clock.now() + timedelta(seconds=61)

    with services.database.write() as connection:
        entry = record_act(services.vault, connection, act(services), row.id, row.client)
    with pytest.raises(ReleaseRefusedError, match="stale"):
        release(replace(services.vault, clock=Later()), entry, row.id, services.person.actor("archivist"))


def test_a_processed_event_opens_exactly_its_batch(services: Any, held: Any) -> None:
    row, _ = held
    system = Actor("system", "system", "system")
    with services.database.write() as connection:
        entry = processed(services.vault, connection, system, row.client, [row.id, "ori_2"])
    with pytest.raises(ReleaseRefusedError, match="another batch"):
        release(services.vault, entry, row.id, system, [row.id])
    with pytest.raises(ReleaseRefusedError, match="another batch"):
        release(services.vault, entry, row.id, system, ["ori_2"])
    assert release(services.vault, entry, row.id, system, ["ori_2", row.id]).recipient == row.recipient


def test_nobody_unaccredited_gets_in_and_the_denial_is_recorded(services: Any, held: Any) -> None:
    row, _ = held
    stranger = Person("per_x", "X", "psn_x", frozenset(), "os")
    with pytest.raises(AccessDeniedError):
        access.require(services.database, services.clock, services.ids, stranger, row.client, "view", row.id)
    with services.database.read() as connection:
        last = list(entries(connection))[-1].event
    assert (last["type"], last["subject"], last["actor"]["id"]) == ("access_denied", row.id, "psn_x")


def test_an_accreditation_ends_with_its_day(services: Any, held: Any) -> None:
    row, _ = held
    today = services.today()
    with services.database.write() as connection:
        person, token = people.add_person(connection, services.vault, "Ana", [], Actor("p", "admin", "os"))
        until = today.isoformat()
        people.accredit(connection, services.vault, person, row.client, "reader", until, Actor("p", "admin", "os"))
    with services.database.read() as connection:
        ana = people.current_person(connection, "nobody", "Ana", token)
        assert row.client in access.clients_of(connection, ana, "view", today)
        assert row.client not in access.clients_of(connection, ana, "view", today + timedelta(days=1))
        assert row.client not in access.clients_of(connection, ana, "release_envelope", today)
        with pytest.raises(AccessDeniedError):
            people.current_person(connection, "nobody", "Ana", "wrong")
        with pytest.raises(AccessDeniedError):
            people.current_person(connection, "nobody", "Nobody", token)


def test_no_leaf_holds_clear_text_or_the_clear_digest(services: Any, held: Any) -> None:
    row, scan = held
    with services.database.read() as connection:
        leaves = b"\n".join(entry.leaf for entry in entries(connection))
        stored = next(json.loads(e.leaf) for e in entries(connection) if e.event["type"] == "stored")
        assert find(connection, stored["id"]) is not None
    assert row.sha256.encode() not in leaves
    assert scan.name.encode() not in leaves
    assert services.person.name.encode() + b'"' not in leaves
    assert stored["obj"]["sha256"] == row.sealed_sha256 and stored["commit"] == row.commitment
