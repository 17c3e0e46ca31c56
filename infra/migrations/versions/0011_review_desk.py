"""The review desk: who works on which record."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "review_tasks",
        sa.Column("record", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("person", Id),
        sa.Column("since", Instant),
        sa.Column("until", Instant),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("passed_by", Id),
        sa.CheckConstraint(
            "(person IS NULL) = (until IS NULL) AND (person IS NULL) = (since IS NULL)",
            name=op.f("ck_review_tasks_held"),
        ),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_review_tasks_client")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_review_tasks_person")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_review_tasks_record")),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_review_tasks")),
    )
    op.create_index("ix_review_tasks_person", "review_tasks", ["person"], unique=False)
