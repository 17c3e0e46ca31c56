"""The digest of each envelope as it was wrapped, so that a changed byte is seen without any key."""

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Add the column, and take the digests of the envelopes that stand."""
    op.add_column("key_envelopes", sa.Column("sha256", sa.String(64)))
    kept = sa.table("key_envelopes", *map(sa.column, ("original", "vault_key", "envelope", "sha256")))
    connection, last = op.get_bind(), ("", "")
    places = sa.tuple_(kept.c.original, kept.c.vault_key)
    page = sa.select(kept.c.original, kept.c.vault_key, kept.c.envelope).order_by(*places.clauses).limit(BATCH)
    while rows := connection.execute(page.where(places > last)).all():
        for row in rows:
            connection.execute(
                sa.update(kept)
                .where(kept.c.original == row.original, kept.c.vault_key == row.vault_key)
                .values(sha256=sha256(bytes(row.envelope)).hexdigest())
            )
        last = (rows[-1].original, rows[-1].vault_key)
