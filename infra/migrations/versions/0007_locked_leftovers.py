"""Objects of replaced derivatives that a lock still holds."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "locked_leftovers",
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.Text(), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("until", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_locked_leftovers_client")),
        sa.PrimaryKeyConstraint("object_key", "object_version", name=op.f("pk_locked_leftovers")),
    )
    op.create_index("ix_locked_leftovers_until", "locked_leftovers", ["until"])
