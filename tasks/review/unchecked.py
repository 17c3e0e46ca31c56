"""Which records have checks that could not run: they are listed until they have (reference, section 2, UNKNOWN)."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Text, cast, select

from records.tables import fields, records
from tasks.record_describing import DESCRIBED, SETTLED

_MARK = '%"unknown"%'  # an outcome as it is stored; quotes within a message are escaped


def unchecked(
    connection: Connection, clients: Iterable[str], record_class: str | None = None, limit: int | None = None
) -> list[str]:
    """Return the records of these clients with a check that could not run on a value nobody decided, oldest first."""
    here: list[ColumnElement[bool]] = [records.c.client.in_(list(clients)), records.c.state.in_(DESCRIBED)]
    if record_class is not None:
        here.append(records.c.record_class == record_class)
    of_value = (fields.c.record == records.c.id) & fields.c.current.is_(True) & fields.c.status.not_in(SETTLED)
    query = select(records.c.id).where(
        *here, select(fields.c.record).where(of_value, cast(fields.c.checks, Text).like(_MARK)).exists()
    )
    return [str(found) for found in connection.execute(query.order_by(records.c.id).limit(limit)).scalars()]
