"""Vault key epochs: when one was destroyed, and every epoch that ever wrapped a document's key."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; for documents held already, the envelope there is tells the only epoch there was."""
    op.add_column("vault_keys", sa.Column("destroyed", sa.String(length=24), nullable=True))
    op.create_table(
        "key_wrappings",
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("vault_key", sa.String(length=36), nullable=False),
        sa.Column("since", sa.String(length=24), nullable=False),
        sa.Column("until", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["original"], ["originals.id"], name=op.f("fk_key_wrappings_original")),
        sa.ForeignKeyConstraint(["vault_key"], ["vault_keys.id"], name=op.f("fk_key_wrappings_vault_key")),
        sa.PrimaryKeyConstraint("original", "vault_key", name=op.f("pk_key_wrappings")),
    )
    op.execute(
        "INSERT INTO key_wrappings (original, vault_key, since) SELECT original, vault_key, created FROM key_envelopes"
    )
