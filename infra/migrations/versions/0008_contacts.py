"""How people are reached by notices."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "contacts",
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.CheckConstraint("language IN ('en', 'es')", name=op.f("ck_contacts_language")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_contacts_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_contacts")),
    )
