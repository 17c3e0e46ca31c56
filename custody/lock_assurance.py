"""What is known of the store's locks: tried by its probe, said in the ledger, relied on for a day.

A server that takes locks and does not keep them looks like one that keeps them until somebody tries (custody
reference, section 3.3). So nothing is stored before a probe of the same server and bucket was seen to hold within
ACCEPTED. The event `lock_probe` is the memory of it, whatever its outcome: `up` and `doctor` try anew, everything else
relies on the newest event. Decision: docs/decisions/0011-locks-are-tried.md.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from custody.ledger import Actor, Draft, Entry, append
from custody.stores.base import Probe
from custody.tables import events
from custody.vault import Vault
from records.errors import StoreLockError, StoreUnavailableError

_logger = logging.getLogger(__name__)
ACCEPTED = timedelta(hours=24)  # how long an outcome is relied on (custody reference, section 3.1, rule 2)
PROBER = Actor("system", "system", "system")
_SHOWN = 6  # trials named in an error; the event has them all


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a probe came to, as its event says it; relied on until `until` (aware UTC)."""

    holds: bool
    wrong: tuple[str, ...]
    until: datetime


def try_locks(vault: Vault, actor: Actor = PROBER) -> Probe:
    """Probe the store now and record the outcome as an event; a directory has no locks and makes no event.

    Raises:
        StoreUnavailableError: the trial could not be made; nothing is recorded, and what was known stays known.
    """
    probe = vault.store.probe()
    if probe.outcome != "not applicable":
        _record(vault, probe, actor)
    return probe


def require_locks(vault: Vault) -> datetime:
    """Make sure that the store was seen to keep locks less than ACCEPTED ago; try it where nothing is known.

    Returns:
        Until when this may be relied on (aware UTC).

    Raises:
        StoreLockError: it was seen not to keep them; tried anew only by `doctor` and `up`, or when ACCEPTED is over.
        StoreUnavailableError: nothing is known and the trial could not be made.
    """
    now = vault.clock.now()
    known = last_outcome(vault, now)
    if known is None:
        probe = vault.store.probe()
        known = _outcome(_record(vault, probe, PROBER)) if probe.outcome != "not applicable" else None
    if known is None:
        return now + ACCEPTED
    if not known.holds:
        named = "; ".join(known.wrong[:_SHOWN])
        raise StoreLockError(f"the store {vault.store.name} does not keep its locks: {named}")
    return known.until


def refuse_pretenders(vault: Vault) -> None:
    """Before anything is taken in: end where the store does not keep locks. One that does not answer is waited for.

    Raises:
        StoreLockError: as `require_locks`.
    """
    try:
        require_locks(vault)
    except StoreLockError:
        raise
    except StoreUnavailableError as error:  # scans wait for it, and it is tried before the first of them is stored
        _logger.warning("the store could not be tried yet: %s", error)


def try_anew(vault: Vault) -> None:
    """When a service starts: try the store whatever is known of it, and end where it does not keep locks.

    Raises:
        StoreLockError: as `require_locks`.
    """
    try:
        try_locks(vault)
    except StoreUnavailableError as error:
        _logger.warning("the store could not be tried yet: %s", error)
        return
    require_locks(vault)


def last_outcome(vault: Vault, now: datetime) -> Outcome | None:
    """Return what the newest probe of this server and bucket came to; None where it is too old, or there was none."""
    query = select(events).where(events.c.type == "lock_probe").order_by(events.c.seq.desc())
    with (
        vault.database.read() as connection,
        connection.execute(query.execution_options(yield_per=100)) as rows,  # closed also when the first one will do
    ):
        for row in rows:
            entry = Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash)
            if entry.event["obj"]["server"] == vault.store_mark:
                outcome = _outcome(entry)
                # an event of the future is of a clock that was put back: nothing can be said of its age
                return outcome if now < outcome.until <= now + ACCEPTED else None
    return None


def _record(vault: Vault, probe: Probe, actor: Actor) -> Entry:
    event = vault.ids.new("evt")
    obj = {
        "bucket": vault.store.name, "server": vault.store_mark, "outcome": probe.outcome,
        "tried": len(probe.details), "wrong": [what for what, good in probe.details if not good],
    }  # fmt: skip
    with vault.database.write() as connection:
        return append(connection, Draft(event, "lock_probe", event, actor, obj=obj), vault.clock.now())


def _outcome(entry: Entry) -> Outcome:
    event = entry.event
    holds = event["obj"]["outcome"] == "holds"
    return Outcome(holds, tuple(event["obj"]["wrong"]), entry.happened + ACCEPTED)
