"""Making ledgers for tests without a database: events by the form and rules of the real ones, in their places."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785

from custody.checkpoints import Checkpoint
from custody.ledger import leaf_hash
from custody.merkle import hash_leaf, subtrees_of, tree_root
from custody.notes import COSIGNATURE_ED25519, ED25519, Note
from custody.signing_keys import SigningKey, make_signing_key
from custody.tiles import ENTRIES, encode_bundle, tiles_of

BEGAN = datetime(2026, 11, 22, 1, 39, 36, tzinfo=UTC)


def an_id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:032x}"


CLIENT = an_id("cli", 1)


def an_event(
    kind: str, subject: str, before: str | None = None, after: str | None = None, **more: Any
) -> dict[str, Any]:
    """An event without its place; `actor` may be the bare pseudonym."""
    event = {
        "v": 1, "type": kind, "subject": subject, "from": before, "to": after, "actor": "psn_1", "on_behalf": None,
        "reason": None, "auth_ref": None, "obj": None, "commit": None, "detail": None, "client": CLIENT,
        "occurred": None, "place": None, "holder": None, "due": None, "refs": [],
        "sw": {"name": "muniment", "version": "0.1.0"},
    } | more  # fmt: skip
    if isinstance(event["actor"], str):
        event["actor"] = {"id": event["actor"], "role": "archivist", "auth": "os"}
    return event


def placed(events: Iterable[dict[str, Any]], seconds: float = 1.0) -> list[dict[str, Any]]:
    """Give each event its number, id, time and the hash of its subject's event before it, where it has none yet."""
    heads: dict[str, str] = {}
    found = []
    for seq, event in enumerate(events):
        moment = BEGAN + timedelta(seconds=seq * seconds)
        ts = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
        whole = {"seq": seq, "id": an_id("evt", seq + 1), "ts": ts, "prev": heads.get(event["subject"])} | event
        heads[event["subject"]] = leaf_hash(leaf_of(whole))
        found.append(whole)
    return found


def leaf_of(event: dict[str, Any]) -> bytes:
    return bytes(rfc8785.dumps(event))


def leaves(*events: dict[str, Any]) -> list[bytes]:
    return [leaf_of(event) for event in placed(events)]


def a_life(number: int) -> list[dict[str, Any]]:
    """What happens to one scan, its original and its record, as the pipeline says it."""
    scan, original, record = (an_id(kind, number) for kind in ("scn", "ori", "rec"))
    obj = {
        "bucket": "originals", "key": f"o/{CLIENT}/{original}/{'ab' * 32}.age", "version": "v1", "size": 1234,
        "sha256": "ab" * 32, "fmt": "age-v1",
    }  # fmt: skip
    return [
        an_event("received", scan, None, "received"),
        an_event("sealed", original, None, "sealed", obj=obj, commit="cd" * 32),
        an_event("stored", original, "sealed", "stored", obj=obj, commit="cd" * 32),
        an_event("accessioned", scan, "received", "accessioned"),
        an_event("registered", record, None, "accessioned"),
        an_event("read", record, "accessioned", "read", obj={"pages": 1, "words": 120}),
        an_event("described", record, "read", "described", detail="ef" * 32),
        an_event("indexed", record, "described", "indexed"),
        an_event("viewed", record, reason="audit"),
    ]


def many_lives(count: int) -> list[bytes]:
    """The leaves of the first `count` events of lives one after another."""
    lives = [event for number in range(1, count // 9 + 2) for event in a_life(number)]
    return [leaf_of(event) for event in placed(lives[:count], 0.01)]


def a_key(name: str = "test.example/ledger", number: int = 1, kind: int = ED25519) -> SigningKey:
    """A key that is the same in every run."""
    return make_signing_key(name, kind, bytes([number]) * 32)


LOG, WITNESS = a_key(), a_key("witness.example", 2, COSIGNATURE_ED25519)
POLICY = f"log {LOG.key.vkey}\nwitness officer {WITNESS.key.vkey}\nquorum officer\n"


def publish(folder: Path, leaves: Sequence[bytes], sizes: Sequence[int], by: SigningKey = LOG) -> None:
    """Write a ledger as it grew through these sizes: partials stay, every checkpoint is kept and witnessed."""
    hashes = [hash_leaf(leaf) for leaf in leaves]
    for before, size in zip([0, *sizes], sizes, strict=False):
        subtrees = subtrees_of(hashes[:size])
        for tile in tiles_of(size, since=before):
            if tile.level == ENTRIES:
                data = encode_bundle(leaves[tile.first : tile.first + tile.width])
            else:
                data = b"".join(subtrees(8 * tile.level, tile.first + place) for place in range(tile.width))
            write(folder / tile.path, data)
        body = Checkpoint(by.name, size, tree_root(size, subtrees)).body
        note = Note(body, (by.sign(body),))
        write(folder / f"checkpoints/{size}", note.data)
        cosigned = replace(note, signatures=(*note.signatures, WITNESS.cosign(body, 1_795_000_000 + size)))
        write(folder / f"witnessed/{size}/{WITNESS.key.key_id.hex()}", cosigned.data)
        write(folder / "checkpoint", note.data)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
