"""Which records have checks that could not run: they are listed until they have (reference, section 2, UNKNOWN).

A value is marked when it is saved (`fields.unchecked`), and a partial index holds the marked ones alone.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from records.tables import fields, records
from tasks.record_describing import DESCRIBED


def unchecked(
    connection: Connection, clients: Iterable[str], record_class: str | None = None, limit: int | None = None
) -> list[str]:
    """Return the records of these clients with a check that could not run on a value nobody decided, oldest first."""
    query = (
        select(fields.c.record)
        .join(records, records.c.id == fields.c.record)
        .where(
            fields.c.client.in_(list(clients)), fields.c.unchecked.is_(True), fields.c.current.is_(True),
            records.c.state.in_(DESCRIBED),
        )
    )  # fmt: skip
    if record_class is not None:
        query = query.where(records.c.record_class == record_class)
    found = connection.execute(query.distinct().order_by(fields.c.record).limit(limit))
    return [str(record) for record in found.scalars()]
