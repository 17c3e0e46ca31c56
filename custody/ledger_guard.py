"""Before anything is written: does the database still hold what the ledger's signer remembers?

A database that was put back from an older backup would go on with other events in the places of those that were signed.
The signer refuses them when they are published; this refuses the first write, which is cheaper to mend.
"""

from pathlib import Path

from sqlalchemy import Connection, select

from custody.ledger import size
from custody.signer_memory import read_memory
from custody.tables import events
from records.errors import ConfigurationError, LedgerForkError


def refuse_older(connection: Connection, memory: Path) -> None:
    """Refuse a database that lacks events which were signed, or has others in the place of the last one.

    Args:
        connection: of any transaction.
        memory: file of the signer's memory; where it is not here, or cannot be read by this user, nothing is compared.

    Raises:
        LedgerForkError: the database is older than the ledger, or another one.
    """
    try:
        signed = read_memory(memory)
    except ConfigurationError:  # another user's, or damaged: the signer itself says so when it is asked
        return
    if signed is None or signed.last is None:
        return
    found = size(connection)
    if found < signed.size:
        raise LedgerForkError(
            f"the database has {found} events, and {signed.size} were signed: an older database was put back"
        )
    last = connection.execute(select(events.c.leaf_hash).where(events.c.seq == signed.size - 1)).scalar_one_or_none()
    if last != signed.last.hex():
        raise LedgerForkError(f"event {signed.size - 1} is another one than was signed: another database was put back")
