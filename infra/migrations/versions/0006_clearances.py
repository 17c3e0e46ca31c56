"""Accreditations reach up to an access class; those there are reach normal papers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("accreditations", sa.Column("clearance", sa.String(length=16), nullable=True))
