"""An index of what was done to a subject, without the reads of it: its last move is found however often it was read."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

IS_NO_READ = (
    "type NOT IN ('access_denied', 'exported', 'fixity_checked', 'printed', 'processed', 'search_hit_opened', 'viewed')"
)


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_events_subject_done", "events", ["subject", "seq"], unique=False,
        sqlite_where=sa.text(IS_NO_READ), postgresql_where=sa.text(IS_NO_READ),
    )  # fmt: skip
