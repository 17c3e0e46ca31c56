"""Retention rules, holds, orders of disposal; records and originals may end disposed of."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.states import allow, allow_null

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id, Instant, Code = sa.String(36), sa.String(24), sa.String(64)


def _one_of(table: str, column: str, words: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words.split())
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Make the tables, and let states and the digest of clear bytes be what they are after a disposal."""
    allow("records", "state", ("accessioned", "read", "described", "in_review", "indexed", "disposed"))
    allow("originals", "state", ("sealed", "stored", "abandoned", "shredded", "erased"))
    allow_null("originals", "sha256", sa.String(64))
    _rules_and_holds()
    _orders()
    op.create_table(
        "doomed_objects",
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.Text(), nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("disposal", Id, nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("locked_until", Instant),
        sa.Column("removed", Instant),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_doomed_objects_client")),
        sa.ForeignKeyConstraint(["disposal"], ["disposal_orders.id"], name=op.f("fk_doomed_objects_disposal")),
        sa.PrimaryKeyConstraint("object_key", "object_version", name=op.f("pk_doomed_objects")),
    )
    op.create_index("ix_doomed_objects_removed", "doomed_objects", ["removed", "locked_until"], unique=False)
    op.create_index("ix_doomed_objects_subject", "doomed_objects", ["subject"], unique=False)


def _rules_and_holds() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("name", Code, nullable=False),
        sa.Column("client", Id),
        sa.Column("record_class", Code),
        sa.Column("period", sa.String(16)),
        sa.Column("start", sa.String(16), nullable=False),
        sa.Column("year_end", sa.Boolean(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("event", Id, nullable=False),
        _one_of("retention_rules", "start", "accession record-date"),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_retention_rules_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_retention_rules_event")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_rules")),
    )
    op.create_table(
        "holds",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("reason", Code, nullable=False),
        sa.Column("set_by", Id, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.Column("released", Instant),
        sa.Column("released_by", Id),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_holds_client")),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_holds_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_subject", "holds", ["subject", "released"], unique=False)
    op.create_index("ix_holds_client", "holds", ["client", "released"], unique=False)


def _orders() -> None:
    op.create_table(
        "disposal_orders",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("reason", Code, nullable=False),
        sa.Column("proposed_by", Id, nullable=False),
        sa.Column("proposed", Instant, nullable=False),
        sa.Column("proposal", Id, nullable=False),
        sa.Column("approved_by", Id),
        sa.Column("approved", Instant),
        sa.Column("approval", Id),
        sa.Column("run_by", Id),
        sa.Column("begun", Instant),
        sa.Column("ledger", sa.JSON()),
        sa.Column("ended", Instant),
        _one_of("disposal_orders", "state", "proposed approved refused finished"),
        _one_of("disposal_orders", "basis", "retention law instruction"),
        sa.ForeignKeyConstraint(["approval"], ["events.id"], name=op.f("fk_disposal_orders_approval")),
        sa.ForeignKeyConstraint(["approved_by"], ["persons.id"], name=op.f("fk_disposal_orders_approved_by")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_disposal_orders_client")),
        sa.ForeignKeyConstraint(["proposal"], ["events.id"], name=op.f("fk_disposal_orders_proposal")),
        sa.ForeignKeyConstraint(["proposed_by"], ["persons.id"], name=op.f("fk_disposal_orders_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_orders")),
    )
    op.create_index("ix_disposal_orders_client_state", "disposal_orders", ["client", "state"], unique=False)
    op.create_table(
        "disposal_lines",
        sa.Column("disposal", Id, nullable=False),
        sa.Column("record", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rule", Code),
        sa.Column("due_on", sa.String(10)),
        sa.Column("proposal", Id, nullable=False),
        sa.Column("approval", Id),
        sa.Column("disposed", Id),
        _one_of("disposal_lines", "state", "listed disposed dropped"),
        sa.ForeignKeyConstraint(["approval"], ["events.id"], name=op.f("fk_disposal_lines_approval")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_disposal_lines_client")),
        sa.ForeignKeyConstraint(["disposal"], ["disposal_orders.id"], name=op.f("fk_disposal_lines_disposal")),
        sa.ForeignKeyConstraint(["disposed"], ["events.id"], name=op.f("fk_disposal_lines_disposed")),
        sa.ForeignKeyConstraint(["proposal"], ["events.id"], name=op.f("fk_disposal_lines_proposal")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_disposal_lines_record")),
        sa.PrimaryKeyConstraint("disposal", "record", name=op.f("pk_disposal_lines")),
    )
    op.create_index(
        "uq_disposal_lines_record",
        "disposal_lines",
        ["record"],
        unique=True,
        sqlite_where=sa.text("state = 'listed'"),
        postgresql_where=sa.text("state = 'listed'"),
    )
