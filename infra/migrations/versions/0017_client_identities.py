"""Who a client is on paper: its tax id and legal name."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("clients", sa.Column("tax_id", sa.Text()))
    op.add_column("clients", sa.Column("legal_name", sa.Text()))
