"""The receipt of a batch: what the bureau has taken into custody, signed, for the client company to keep.

A signed note (custody/notes.py). Its text, one item a line:

    muniment receipt v1
    batch <id>
    client <id>
    ledger <events before this receipt> <RFC 6962 root over their leaves, base64>
    scan <id> original <id> size <sealed bytes> sha256 <sealed digest> event <seq of `stored`>     (one a scan)
    offered <n> accessioned <n> refused <n> duplicate <n> waiting <n>

Ids and sealed digests only: whoever keeps it learns nothing of the papers. The root binds the whole ledger up to then,
so that a later ledger that was rewritten cannot have grown from it.
"""

import base64

from sqlalchemy import Connection, func, select

from custody.ledger import size
from custody.ledger_past import done
from custody.merkle import root_of
from custody.tables import events, originals
from records.catalogue import batch_counts
from records.tables import batches, scans

HEAD = "muniment receipt v1"


def receipt_text(connection: Connection, batch: str) -> str:
    """Return the text of a batch's receipt as of now, to be signed."""
    client = connection.execute(select(batches.c.client).where(batches.c.id == batch)).scalar_one()
    count = size(connection)
    root = base64.b64encode(_root(connection)).decode("ascii")
    counts = batch_counts(connection, batch)
    lines = [HEAD, f"batch {batch}", f"client {client}", f"ledger {count} {root}"]
    rows = connection.execute(
        select(scans.c.id.label("scan_id"), originals.c.id, originals.c.sealed_size, originals.c.sealed_sha256)
        .join(originals, originals.c.scan == scans.c.id)
        .where(scans.c.batch == batch, scans.c.state == "accessioned")
        .order_by(scans.c.id)
    ).all()
    for row in rows:
        seq = _stored_at(connection, row.id)
        lines.append(
            f"scan {row.scan_id} original {row.id} size {row.sealed_size} sha256 {row.sealed_sha256} event {seq}"
        )
    lines.append(
        f"offered {counts.offered} accessioned {counts.accessioned} refused {counts.refused} "
        f"duplicate {counts.duplicate} waiting {counts.waiting}"
    )
    return "\n".join(lines) + "\n"


def _root(connection: Connection) -> bytes:
    rows = connection.execution_options(yield_per=5000).execute(select(events.c.leaf_hash).order_by(events.c.seq))
    return root_of(bytes.fromhex(row.leaf_hash) for row in rows)


def _stored_at(connection: Connection, original: str) -> int:
    query = select(func.max(events.c.seq)).where(events.c.subject == original, done(events.c.type, ["stored"]))
    return int(connection.execute(query).scalar_one())
