"""Orders that destroy paper: their lines, what authorises them, by whom and how it was done."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.states import allow

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.String(36)
BOX_STATES = (
    "announced", "received", "stored", "picked", "in_transit", "on_loan", "returned", "checked", "missing",
    "found_pending", "withdrawn", "disposal_listed", "destroyed",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns and the table; orders so far are of records."""
    allow("boxes", "state", BOX_STATES)
    op.add_column("disposal_orders", sa.Column("kind", sa.String(8), nullable=False, server_default="records"))
    for column in (
        sa.Column("authorisation", sa.Text()), sa.Column("witness", Id), sa.Column("method", sa.String(16)),
        sa.Column("place", sa.Text()),
    ):  # fmt: skip
        op.add_column("disposal_orders", column)
    op.create_table(
        "disposal_papers",
        sa.Column("disposal", Id, nullable=False),
        sa.Column("paper", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("box", sa.String(64)),
        sa.Column("listing", Id, nullable=False),
        sa.Column("proposal", Id, nullable=False),
        sa.Column("approval", Id),
        sa.Column("disposed", Id),
        sa.CheckConstraint("state IN ('listed', 'disposed', 'dropped')", name=op.f("ck_disposal_papers_state")),
        sa.ForeignKeyConstraint(["disposal"], ["disposal_orders.id"], name=op.f("fk_disposal_papers_disposal")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_disposal_papers_client")),
        *(
            sa.ForeignKeyConstraint([name], ["events.id"], name=op.f(f"fk_disposal_papers_{name}"))
            for name in ("listing", "proposal", "approval", "disposed")
        ),
        sa.PrimaryKeyConstraint("disposal", "paper", name=op.f("pk_disposal_papers")),
    )
    listed = sa.text("state = 'listed'")
    op.create_index(
        "uq_disposal_papers_paper", "disposal_papers", ["paper"], unique=True, sqlite_where=listed,
        postgresql_where=listed,
    )  # fmt: skip
