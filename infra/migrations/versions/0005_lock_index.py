"""Find originals whose lock must be lengthened or renewed without reading all of them."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index originals by state and lock."""
    op.create_index("ix_originals_lock", "originals", ["state", "retention_set", "locked_until"])
