"""When a destroyed key is gone for good: `erasure_effective`, the second moment of an erasure.

`key_destroyed` says that no living envelope is left. Copies of old ones may lie in database backups. None of them opens
when every epoch that ever wrapped the key is beyond recovery: its vault key destroyed, and at most one share of its
escrow not destroyed. None is left when the last backup from before is gone (`backup_days`). The event names what left
our reach: content, envelopes and keys that were handed out. Source: custody reference, section 2.5.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from custody.disposal_tables import disposal_orders, doomed_objects
from custody.escrow import escrow_of
from custody.ledger import Draft, append
from custody.shredding import EXECUTOR
from custody.tables import events, key_wrappings, originals, vault_keys
from custody.vault import Vault
from records.ids import parse_instant
from records.tables import record_sources

OUT_OF_REACH = ("exported", "envelope_released", "key_released", "printed")  # copies that somebody outside has
MOST_REFS = 100  # copies that the event names one by one; it counts them all
AT_ONCE = 200


def settle(vault: Vault) -> int:
    """Record every erasure that has become effective; return how many. Safe to run at any time, also twice."""
    count, last = 0, ""
    while True:
        with vault.database.read() as connection:
            query = (
                select(originals.c.id)
                .join(doomed_objects, doomed_objects.c.subject == originals.c.id)
                .join(disposal_orders, disposal_orders.c.id == doomed_objects.c.disposal)
                .where(originals.c.state == "shredded", disposal_orders.c.state == "finished", originals.c.id > last)
                .order_by(originals.c.id)
                .limit(AT_ONCE)
            )
            part = list(connection.execute(query).scalars())
            gone = _beyond_recovery(vault, connection)
            due = list(_due(connection, part, gone, vault.clock.now(), vault.backup_days))
        for original, reason in due:
            count += _record(vault, original, reason)
        if len(part) < AT_ONCE:
            return count
        last = part[-1]


def copies_of(connection: Connection, subjects: Sequence[str]) -> list[Row[Any]]:
    """Return the events by which content, envelopes or keys of these subjects left our reach, the oldest first."""
    return list(
        connection.execute(
            select(events.c.id, events.c.seq, events.c.ts, events.c.type, events.c.subject)
            .where(events.c.subject.in_(subjects), events.c.type.in_(OUT_OF_REACH))
            .order_by(events.c.seq)
        )
    )


def _beyond_recovery(vault: Vault, connection: Connection) -> set[str]:
    """Return the epochs that nobody can use any more: the vault key is destroyed, and all shares but one."""
    destroyed = connection.execute(select(vault_keys.c.id).where(vault_keys.c.destroyed.is_not(None))).scalars().all()
    return {key for key in destroyed if not escrow_of(vault, connection, key).recoverable}


def _due(
    connection: Connection, wanted: Sequence[str], gone: set[str], now: datetime, backup_days: int | None
) -> Iterator[tuple[str, str]]:
    wrappings: dict[str, list[Row[Any]]] = {original: [] for original in wanted}
    for row in connection.execute(select(key_wrappings).where(key_wrappings.c.original.in_(wanted))):
        wrappings[row.original].append(row)
    for original, rows in wrappings.items():
        if all(row.vault_key in gone for row in rows):
            yield original, "epochs"
        elif backup_days is not None and all(
            row.vault_key in gone or parse_instant(row.until) + timedelta(days=backup_days) <= now for row in rows
        ):
            yield original, "backups"


def _record(vault: Vault, original: str, reason: str) -> int:
    with vault.database.write() as connection:
        changed = connection.execute(
            update(originals).where(originals.c.id == original, originals.c.state == "shredded").values(state="erased")
        ).rowcount
        if not changed:
            return 0
        client = connection.execute(select(originals.c.client).where(originals.c.id == original)).scalar_one()
        made = select(record_sources.c.record).where(record_sources.c.original == original)
        copies = copies_of(connection, [original, *connection.execute(made).scalars()])
        epochs = select(key_wrappings.c.vault_key).where(key_wrappings.c.original == original)
        draft = Draft(
            vault.ids.new("evt"), "erasure_effective", original, EXECUTOR, client=client, before="shredded",
            after="erased", reason=reason, refs=tuple(copy.id for copy in copies[:MOST_REFS]),
            obj={
                "epochs": sorted(connection.execute(epochs).scalars()),
                "copies": dict(Counter(copy.type for copy in copies)),
            },
        )  # fmt: skip
        append(connection, draft, vault.clock.now())
    return 1
