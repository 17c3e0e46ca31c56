"""What people key blind."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "review_keyings",
        sa.Column("record", Id, nullable=False),
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("currency", sa.String(3)),
        sa.Column("keyed_by", Id, nullable=False),
        sa.Column("keyed", Instant, nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.Column("settled", Instant),
        sa.Column("right", sa.Boolean()),
        sa.CheckConstraint("status IN ('value', 'absent', 'illegible')", name=op.f("ck_review_keyings_status")),
        sa.CheckConstraint("turn BETWEEN 1 AND 3", name=op.f("ck_review_keyings_turn")),
        sa.CheckConstraint('(settled IS NULL) = ("right" IS NULL)', name=op.f("ck_review_keyings_settled")),
        sa.CheckConstraint("turn < 3 OR settled IS NOT NULL", name=op.f("ck_review_keyings_third")),
        sa.CheckConstraint("(status = 'value') = (value IS NOT NULL)", name=op.f("ck_review_keyings_value")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_review_keyings_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_review_keyings_event")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_review_keyings_record")),
        sa.PrimaryKeyConstraint("record", "field", "round", "turn", name=op.f("pk_review_keyings")),
        sa.UniqueConstraint("record", "field", "round", "keyed_by", name="uq_review_keyings_one_role"),
    )
