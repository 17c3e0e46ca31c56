"""What `custody check` asks of disposals: what was disposed of is gone, and nothing living lost its key.

One step of tasks/custody_check.py; what is under way (an order that was begun) is pending and no fault.
"""

from sqlalchemy import ColumnElement, Connection, Table, func, select

from custody.disposal_tables import disposal_orders, doomed_objects
from custody.findings import Step
from custody.stores.base import ObjectStore, StoredVersion
from custody.tables import derivatives, key_envelopes, originals
from records.errors import OriginalNotFoundError
from records.review_tables import review_keyings, review_proposals
from records.tables import fields, pages, records, reviews, scans

GONE = ("shredded", "erased")  # states of an original whose key is destroyed


def check_disposed(connection: Connection, step: Step) -> None:
    """Name every envelope, digest, name or value that outlived its disposal."""
    shredded = originals.c.state.in_(GONE)
    for table, column, what in (
        (fields, fields.c.record, "field values"),
        (pages, pages.c.record, "pages"),
        (reviews, reviews.c.record, "reasons of a review"),
        (review_proposals, review_proposals.c.record, "proposed values"),
        (review_keyings, review_keyings.c.record, "keyed values"),
        (derivatives, derivatives.c.record, "derivatives"),
    ):
        for record, count in _left(connection, table, column, records.c.id, records.c.state == "disposed"):
            step.problem("disposed", record, f"no {what}", count)
    for original, count in _left(connection, key_envelopes, key_envelopes.c.original, originals.c.id, shredded):
        step.problem("disposed", original, "no envelope", count)
    told = select(originals.c.id).where(shredded, originals.c.sha256.is_not(None))
    for original in connection.execute(told).scalars():
        step.problem("disposed", original, "no digest of clear bytes", "one")
    named = (
        select(scans.c.id)
        .join(originals, originals.c.id == scans.c.original)
        .where(shredded, (scans.c.path != "") | scans.c.sha256.is_not(None) | scans.c.detail.is_not(None))
    )
    for scan in connection.execute(named).scalars():
        step.problem("disposed", scan, "no name and no digest", "one")


def doomed_keys(connection: Connection) -> set[str]:
    """Return the keys of objects that wait for their lock to end: they have no other row any more."""
    query = select(doomed_objects.c.object_key).where(doomed_objects.c.removed.is_(None))
    return set(connection.execute(query).scalars())


def disposed_keys(connection: Connection) -> set[str]:
    """Return the keys of the objects of originals whose key is destroyed; where a lock holds one, it is doomed too."""
    return set(connection.execute(select(originals.c.object_key).where(originals.c.state.in_(GONE))).scalars())


def is_there(store: ObjectStore, found: StoredVersion) -> bool:
    """Tell whether a version that was listed is still there."""
    try:
        store.stat(found.key, found.version)
    except OriginalNotFoundError:
        return False
    return True


def orders_under_way(connection: Connection) -> list[str]:
    """Return the orders that were begun and are not finished."""
    query = select(disposal_orders.c.id).where(
        disposal_orders.c.state == "approved", disposal_orders.c.begun.is_not(None)
    )
    return list(connection.execute(query).scalars())


def _left(
    connection: Connection,
    table: Table,
    column: ColumnElement[str],
    key: ColumnElement[str],
    disposed: ColumnElement[bool],
) -> list[tuple[str, int]]:
    query = select(column, func.count()).select_from(table).where(column.in_(select(key).where(disposed)))
    return [(name, int(count)) for name, count in connection.execute(query.group_by(column))]
