"""Two people: what is held on a field, what the first proposed, and what two of them keyed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id, Instant = sa.String(36), sa.String(24)
TWO_PEOPLE = (
    "check_event IS NULL OR settled IS NULL OR "
    "(proposed_by IS NOT NULL AND settled_by IS NOT NULL AND proposed_by <> settled_by)"
)
OPEN, UNSETTLED = sa.text("state = 'open'"), sa.text("settled IS NULL")


def upgrade() -> None:
    """Let reasons be held for two people, in the database too, and make the tables."""
    op.add_column("reviews", sa.Column("check_event", Id))
    if op.get_context().dialect.name == "postgresql":
        op.add_column("reviews", sa.Column("proposed_by", Id))
        op.create_check_constraint(op.f("ck_reviews_two_people"), "reviews", TWO_PEOPLE)
    else:  # SQLite takes a check with a column that is added, and with nothing else
        added = "ALTER TABLE reviews ADD COLUMN proposed_by VARCHAR(36)"
        op.execute(f"{added} CONSTRAINT ck_reviews_two_people CHECK ({TWO_PEOPLE})")
    op.create_table(
        "review_proposals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("record", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("currency", sa.String(3)),
        sa.Column("page", sa.Integer()),
        sa.Column("box", sa.JSON()),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("proposed_by", Id, nullable=False),
        sa.Column("proposed", Instant, nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", Id),
        sa.Column("decided", Instant),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused')", name=op.f("ck_review_proposals_state")),
        sa.CheckConstraint(
            "state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name=op.f("ck_review_proposals_two_people"),
        ),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_review_proposals_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_review_proposals_event")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_review_proposals_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_proposals")),
    )
    op.create_index(
        "uq_review_proposals_record_field", "review_proposals", ["record", "field"], unique=True,
        sqlite_where=OPEN, postgresql_where=OPEN,
    )  # fmt: skip
