"""Rotation: envelopes move to a new epoch, once each, whatever happens meanwhile; old epochs end retired, destroyed."""

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from custody import rotation
from custody.keys import new_document_key, open_envelope, recover_escrow
from custody.ledger import Actor, entries
from custody.opening import Act, root_of_ids
from custody.rotation import destroy_epoch, rotate
from custody.tables import event_details, key_envelopes, key_wrappings, originals, vault_keys
from custody.vault_keys import current_key, destroy_envelopes, epochs, put_envelope
from records.errors import CustodyError, KeyInUseError
from records.tables import batches, clients, scans

ACTOR = Actor("psn_custodian", "custodian", "os")
DESTROY = Act("key_destroyed", ACTOR, "other", "the quarter is over")


def client_of(services: Any) -> str:
    with services.database.read() as connection:
        return str(connection.execute(select(clients.c.id)).scalar_one())


def hold(services: Any, count: int) -> dict[str, Any]:
    """Put rows of `count` originals with their envelopes into the catalogue; return id -> document key."""
    client, at = client_of(services), "2026-11-23T00:00:00.000Z"
    keys = {services.ids.new("ori"): new_document_key() for _ in range(count)}
    with services.database.write() as connection:
        batch = services.ids.new("bat")
        connection.execute(insert(batches).values(id=batch, client=client, state="open", opened=at))
        vault_key = current_key(connection, client)
        for original, key in keys.items():
            scan = services.ids.new("scn")
            connection.execute(
                insert(scans).values(
                    id=scan, client=client, batch=batch, via="ingest", path="a", source=b"a", work=scan,
                    state="accessioned", actor={}, offered=at, since=at, todo=False,
                )
            )  # fmt: skip
            connection.execute(
                insert(originals).values(
                    id=original, client=client, scan=scan, sha256=original.rjust(64), size=1, media_type="x", pages=1,
                    state="stored", recipient=key.recipient, bucket="b", object_key=original, object_version="1",
                    sealed_size=1, sealed_sha256="0" * 64, retention_set=False, commitment="0" * 64, created=at,
                )
            )  # fmt: skip
            put_envelope(connection, original, key, vault_key, services.clock.now())
    return keys


def opened(services: Any) -> dict[str, Any]:
    """Return what the envelopes hold, opened with the key ring; every original exactly once."""
    with services.database.read() as connection:
        rows = connection.execute(select(key_envelopes)).all()
    found = {row.original: services.vault.keyring.unwrap(bytes(row.envelope), row.vault_key) for row in rows}
    assert len(found) == len(rows)
    return found


def types_since(services: Any, first: int) -> list[str]:
    with services.database.read() as connection:
        return [entry.event["type"] for entry in entries(connection, first)]


def size(services: Any) -> int:
    return len(types_since(services, 0))


def test_every_envelope_opens_with_the_new_epoch_and_no_longer_with_the_old(services: Any, home: Path) -> None:
    keys = hold(services, 7)
    before = size(services)
    with services.database.read() as connection:
        old = {row.original: bytes(row.envelope) for row in connection.execute(select(key_envelopes))}
    done = rotate(services.vault, client_of(services), ACTOR)
    assert (done.rewrapped, done.resumed, done.left, done.key.epoch) == (7, False, (), 2)
    assert opened(services) == keys
    with services.database.read() as connection:
        rows = epochs(connection, client_of(services))
        standing = {row.original: row for row in connection.execute(select(key_envelopes))}
    assert done.retired == (rows[0].id,) and rows[0].retired and not rows[1].retired
    assert {row.vault_key for row in standing.values()} == {done.key.id}
    assert all(bytes(standing[name].envelope) != old[name] for name in keys)
    assert types_since(services, before) == ["key_rotated", "key_rewrapped", "key_retired"]
    shares = [(home / "escrow" / done.key.id / f"share-{n}.txt").read_text().strip() for n in (1, 3)]
    escrow = recover_escrow(shares)
    assert all(open_envelope(bytes(row.envelope), escrow) == keys[row.original] for row in standing.values())


def test_the_event_of_a_batch_names_count_and_root(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 3)
    keys = sorted(hold(services, 7))
    rotate(services.vault, client_of(services), ACTOR)
    with services.database.read() as connection:
        found = [entry.event["obj"] for entry in entries(connection) if entry.event["type"] == "key_rewrapped"]
    assert [obj["count"] for obj in found] == [3, 3, 1]
    assert [obj["root"] for obj in found] == [root_of_ids(keys[n : n + 3]) for n in (0, 3, 6)]


def test_every_epoch_that_ever_wrapped_a_key_is_remembered(services: Any) -> None:
    (original,) = hold(services, 1)
    client = client_of(services)
    rotate(services.vault, client, ACTOR)
    rotate(services.vault, client, ACTOR)
    with services.database.read() as connection:
        found = connection.execute(
            select(vault_keys.c.epoch, key_wrappings.c.until)
            .join(vault_keys, vault_keys.c.id == key_wrappings.c.vault_key)
            .where(key_wrappings.c.original == original)
            .order_by(vault_keys.c.epoch)
        ).all()
    assert [(epoch, until is None) for epoch, until in found] == [(1, False), (2, False), (3, True)]


class Stop(Exception):
    pass


@pytest.mark.parametrize(("step", "after"), [(61, 1), (62, 1), (62, 2), (62, 3), (63, 1)])
def test_a_rotation_that_was_ended_is_finished_and_begins_no_other(
    services: Any, monkeypatch: pytest.MonkeyPatch, step: int, after: int
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(rotation, "BATCH", 3)
    keys = hold(services, 8)
    seen: list[int] = []

    def reached(number: int) -> None:
        seen.append(number)
        if number == step and seen.count(step) == after:
            raise Stop

    client = client_of(services)
    with pytest.raises(Stop):
        rotate(replace(services.vault, reached=reached), client, ACTOR)
    assert opened(services) == keys  # also in the middle of it
    hold(services, 1)  # sealed while two epochs are current: goes to the newer one
    done = rotate(services.vault, client, ACTOR)
    with services.database.read() as connection:
        rows = epochs(connection, client)
    expected = 2 if step != 63 else 3  # ended after its last step there was nothing to finish
    assert len(rows) == expected and done.resumed == (step != 63)
    assert [row.retired is None for row in rows] == [False] * (expected - 1) + [True]
    assert len(opened(services)) == 9
    with services.database.read() as connection:
        assert set(connection.execute(select(key_envelopes.c.vault_key)).scalars()) == {rows[-1].id}


def test_what_was_destroyed_meanwhile_does_not_come_back(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = sorted(hold(services, 3))
    real = rotation._replace

    def after_a_disposal(*arguments: Any) -> int:
        with services.database.write() as connection:
            destroy_envelopes(connection, keys[1], services.clock.now())
        return real(*arguments)

    monkeypatch.setattr(rotation, "_replace", after_a_disposal)
    done = rotate(services.vault, client_of(services), ACTOR)
    assert done.rewrapped == 2 and sorted(opened(services)) == [keys[0], keys[2]]
    with services.database.read() as connection:
        wrapped = connection.execute(select(func.count()).where(key_wrappings.c.original == keys[1])).scalar()
    assert wrapped == 1


def test_what_was_sealed_anew_meanwhile_keeps_its_new_key(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = hold(services, 2)
    first, fresh = sorted(keys)[0], new_document_key()
    client = client_of(services)
    with services.database.read() as connection:
        old = current_key(connection, client)
    real, once = rotation._replace, []

    def after_a_worker(*arguments: Any) -> int:
        if not once:
            once.append(1)
            with services.database.write() as connection:  # a worker that had taken the old epoch's key before
                connection.execute(delete(key_envelopes).where(key_envelopes.c.original == first))
                connection.execute(delete(key_wrappings).where(key_wrappings.c.original == first))
                put_envelope(connection, first, fresh, old, services.clock.now())
        return real(*arguments)

    monkeypatch.setattr(rotation, "_replace", after_a_worker)
    done = rotate(services.vault, client, ACTOR)
    assert opened(services)[first] == fresh
    assert done.retired == (old.id,) and done.rewrapped == 2


def test_a_damaged_envelope_stops_only_itself_and_no_later_rotation(services: Any) -> None:
    keys = hold(services, 4)
    broken = sorted(keys)[2]
    with services.database.write() as connection:
        connection.execute(
            update(key_envelopes).where(key_envelopes.c.original == broken).values(envelope=b"age-encryption.org/v1\n")
        )
    client = client_of(services)
    done = rotate(services.vault, client, ACTOR)
    assert done.rewrapped == 3 and done.left == (broken,) and done.retired == ()
    again = rotate(services.vault, client, ACTOR)
    assert again.key.epoch == 3 and again.rewrapped == 3 and again.left == (broken,) and len(again.retired) == 1
    with services.database.read() as connection:
        incidents = [e.event for e in entries(connection) if e.event["type"] == "incident"]
    assert [(event["subject"], event["reason"]) for event in incidents] == [(broken, "Envelope")]


def test_a_retired_epoch_is_destroyed_with_its_shares(services: Any, home: Path) -> None:
    keys = hold(services, 2)
    client = client_of(services)
    done = rotate(services.vault, client, ACTOR)
    (old,) = done.retired
    destroy_epoch(services.vault, old, DESTROY, None)
    assert not (home / "keys" / f"{old}.agekey").exists() and not list((home / "escrow" / old).glob("share-*"))
    assert not services.vault.keyring.holds(old) and opened(services) == keys
    with services.database.read() as connection:
        last = list(entries(connection))[-1].event
        words = connection.execute(select(event_details.c.text)).scalar_one()
        row = connection.execute(select(vault_keys).where(vault_keys.c.id == old)).one()
    assert (last["type"], last["subject"], last["to"], last["obj"]) == (
        "key_destroyed", old, "destroyed", {"shares": [1, 2, 3]},
    )  # fmt: skip
    assert words == "the quarter is over" and last["detail"] and row.destroyed
    destroy_epoch(services.vault, old, DESTROY, None)  # again is no error and no second event
    assert types_since(services, 0).count("key_destroyed") == 1


def test_a_destruction_that_was_ended_before_its_event_is_finished(services: Any) -> None:
    hold(services, 1)
    (old,) = rotate(services.vault, client_of(services), ACTOR).retired
    services.vault.keyring.destroy(old)
    destroy_epoch(services.vault, old, DESTROY, None)
    assert types_since(services, 0)[-1] == "key_destroyed"


def test_a_key_that_is_needed_is_not_destroyed(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = hold(services, 2)
    client = client_of(services)
    with services.database.read() as connection:
        first = current_key(connection, client).id
    with pytest.raises(KeyInUseError, match="not retired"):
        destroy_epoch(services.vault, first, DESTROY, None)
    rotate(services.vault, client, ACTOR)
    with pytest.raises(KeyInUseError, match="backups"):
        destroy_epoch(services.vault, first, DESTROY, timedelta(days=30))
    with services.database.write() as connection:  # a restored row, say
        envelope = connection.execute(select(key_envelopes)).first()
        connection.execute(insert(key_envelopes).values({**envelope._asdict(), "vault_key": first}))
    with pytest.raises(KeyInUseError, match="still opens 1"):
        destroy_epoch(services.vault, first, DESTROY, None)
    assert services.vault.keyring.holds(first) and len(keys) == 2


def test_a_retired_epoch_seals_nothing(services: Any) -> None:
    client = client_of(services)
    with services.database.write() as connection:
        connection.execute(update(vault_keys).values(retired="2026-11-23T00:00:00.000Z"))
    with services.database.read() as connection, pytest.raises(CustodyError, match="no vault key"):
        current_key(connection, client)


def test_another_clients_envelopes_stay_as_they_are(services: Any) -> None:
    from custody.people import add_client

    hold(services, 2)
    with services.database.write() as connection:
        other = add_client(connection, services.vault, "Other", ACTOR)
    with services.database.read() as connection:
        before = connection.execute(select(key_envelopes.c.envelope).order_by(key_envelopes.c.original)).all()
    assert rotate(services.vault, other, ACTOR).rewrapped == 0
    with services.database.read() as connection:
        assert connection.execute(select(key_envelopes.c.envelope).order_by(key_envelopes.c.original)).all() == before


def test_new_key_files_are_their_owners_alone(services: Any, home: Path) -> None:
    key = rotate(services.vault, client_of(services), ACTOR).key.id
    for path in [home / "keys" / f"{key}.agekey", *(home / "escrow" / key).iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
