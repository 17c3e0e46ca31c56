"""Samples of values that were accepted unseen."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "samples",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("record_class", sa.String(64), nullable=False),
        sa.Column("field", sa.String(64)),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("lot", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ordered_by", Id, nullable=False),
        sa.Column("ordered", Instant, nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.Column("closed", Instant),
        sa.CheckConstraint("state IN ('open', 'passed', 'rejected')", name=op.f("ck_samples_state")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_samples_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_samples_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
    )
    op.create_index("ix_samples_client_ordered", "samples", ["client", "ordered"], unique=False)
    op.create_table(
        "sample_values",
        sa.Column("sample", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("record", Id, nullable=False),
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("defect", sa.String(16), nullable=False),
        sa.Column("right", sa.Boolean()),
        sa.Column("judged_by", Id),
        sa.Column("event", Id),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_sample_values_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_sample_values_event")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_sample_values_record")),
        sa.ForeignKeyConstraint(["sample"], ["samples.id"], name=op.f("fk_sample_values_sample")),
        sa.PrimaryKeyConstraint("sample", "number", name=op.f("pk_sample_values")),
    )
    op.create_index("ix_sample_values_record", "sample_values", ["record"], unique=False)
