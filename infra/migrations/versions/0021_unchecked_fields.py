"""Which current values have a check that could not run: listed by an index, however many records there are."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, mark what stands, make the index."""
    op.add_column("fields", sa.Column("unchecked", sa.Boolean(), nullable=False, server_default=sa.false()))
    kept = sa.table("fields", *map(sa.column, ("status", "checks")), sa.column("current", sa.Boolean()),
                    sa.column("unchecked", sa.Boolean()))  # fmt: skip
    unknown = sa.cast(kept.c.checks, sa.Text).like('%"unknown"%')
    undecided = kept.c.status.not_in(("corrected", "confirmed", "rejected"))
    marked = sa.update(kept).where(kept.c.current.is_(sa.true()), undecided, unknown)
    op.get_bind().execute(marked.values(unchecked=True))
    op.create_index(
        "ix_fields_unchecked", "fields", ["client", "record"], unique=False,
        sqlite_where=sa.text("unchecked IS 1 AND current IS 1"),
        postgresql_where=sa.text("unchecked IS true AND current IS true"),
    )  # fmt: skip
