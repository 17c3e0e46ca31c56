"""Notices that are tried again for days, and go on to who answers for a department or client."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)


def upgrade() -> None:
    """Add when a notice is tried again, and who answers for whom."""
    op.add_column("notices", sa.Column("next_at", Instant))
    op.create_index("ix_requests_decided_at", "requests", ["decided_at"], unique=False)
    op.create_table(
        "responsibles",
        sa.Column("client", Id, nullable=False),
        sa.Column("department", sa.String(64), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_responsibles_client")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_responsibles_person")),
        sa.PrimaryKeyConstraint("client", "department", name=op.f("pk_responsibles")),
    )
