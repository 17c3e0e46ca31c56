"""Making ledgers for tests without a database: events by the form and rules of the real ones, in their places."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from custody.ledger import leaf_hash

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
