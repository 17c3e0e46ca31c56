"""Deliveries of index data and their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "exports",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("record_class", sa.String(64), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("event", Id),
        sa.Column("began", Instant, nullable=False),
        sa.Column("finished", Instant),
        sa.CheckConstraint("state IN ('open', 'finished')", name=op.f("ck_exports_state")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_exports_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_exports_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index("ix_exports_client_began", "exports", ["client", "began"], unique=False)
    op.create_table(
        "export_lines",
        sa.Column("export", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("record", Id, nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_export_lines_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_export_lines_event")),
        sa.ForeignKeyConstraint(["export"], ["exports.id"], name=op.f("fk_export_lines_export")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_export_lines_record")),
        sa.PrimaryKeyConstraint("export", "number", name=op.f("pk_export_lines")),
        sa.UniqueConstraint("client", "delivery", "record", name=op.f("uq_export_lines_client_delivery_record")),
    )
    op.create_index("ix_export_lines_record", "export_lines", ["record"], unique=False)
