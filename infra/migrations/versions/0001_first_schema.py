"""The first schema: catalogue, intake register, custody events, originals, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table; events can be added, never changed or removed."""
    op.create_table(
        "clients",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("name", name=op.f("uq_clients_name")),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ts", sa.String(length=24), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_index("ix_events_subject_seq", "events", ["subject", "seq"], unique=False)
    op.create_index("ix_events_type_seq", "events", ["type", "seq"], unique=False)
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("delivered", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_delivered", "outbox", ["delivered", "id"], unique=False)
    op.create_table(
        "persons",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pseudonym", sa.String(length=36), nullable=False),
        sa.Column("os_user", sa.Text(), nullable=True),
        sa.Column("token_sha256", sa.String(length=64), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("name", name=op.f("uq_persons_name")),
        sa.UniqueConstraint("os_user", name=op.f("uq_persons_os_user")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_persons_pseudonym")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_persons_token_sha256")),
    )
    op.create_table(
        "record_classes",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("loaded", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_record_classes")),
    )
    op.create_table(
        "accreditations",
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_accreditations_client")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_accreditations_person")),
        sa.PrimaryKeyConstraint("person", "client", "role", name=op.f("pk_accreditations")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("opened", sa.String(length=24), nullable=False),
        sa.Column("closed", sa.String(length=24), nullable=True),
        sa.Column("waiver", sa.JSON(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_batches_state")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_batches_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_client_opened", "batches", ["client", "opened"], unique=False)
    op.create_table(
        "event_details",
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_event_details_event")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_event_details")),
    )
    op.create_table(
        "key_releases",
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name=op.f("fk_key_releases_event")),
        sa.PrimaryKeyConstraint("event", "original", name=op.f("pk_key_releases")),
    )
    op.create_table(
        "vault_keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("escrow_recipient", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("retired", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_vault_keys_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_keys")),
        sa.UniqueConstraint("client", "epoch", name=op.f("uq_vault_keys_client_epoch")),
    )
    op.create_table(
        "scans",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.String(length=36), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("media_type", sa.String(length=64), nullable=True),
        sa.Column("work", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("class_hint", sa.String(length=64), nullable=True),
        sa.Column("original", sa.String(length=36), nullable=True),
        sa.Column("duplicate_of", sa.String(length=36), nullable=True),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("offered", sa.String(length=24), nullable=False),
        sa.Column("since", sa.String(length=24), nullable=False),
        sa.Column("todo", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.String(length=24), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.String(length=24), nullable=True),
        sa.Column("arrival", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'received', 'accessioned', 'duplicate', 'refused')", name=op.f("ck_scans_state")
        ),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_scans_batch")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_scans_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
        sa.UniqueConstraint("arrival", name=op.f("uq_scans_arrival")),
        sa.UniqueConstraint("work", name=op.f("uq_scans_work")),
    )
    op.create_index("ix_scans_batch", "scans", ["batch"], unique=False)
    op.create_index("ix_scans_client_sha256", "scans", ["client", "sha256"], unique=False)
    op.create_index("ix_scans_todo", "scans", ["todo", "offered"], unique=False)
    op.create_table(
        "originals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("scan", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.Text(), nullable=True),
        sa.Column("sealed_size", sa.BigInteger(), nullable=False),
        sa.Column("sealed_sha256", sa.String(length=64), nullable=False),
        sa.Column("locked_until", sa.String(length=24), nullable=True),
        sa.Column("retention_set", sa.Boolean(), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.CheckConstraint("state IN ('sealed', 'stored', 'abandoned')", name=op.f("ck_originals_state")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_originals_client")),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"], name=op.f("fk_originals_scan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_originals")),
        sa.UniqueConstraint("object_key", name=op.f("uq_originals_object_key")),
    )
    alive = sa.text("state <> 'abandoned'")
    op.create_index(
        "uq_originals_client_sha256",
        "originals",
        ["client", "sha256"],
        unique=True,
        sqlite_where=alive,
        postgresql_where=alive,
    )
    op.create_index("ix_originals_scan", "originals", ["scan"])
    op.create_table(
        "records",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.String(length=36), nullable=False),
        sa.Column("scan", sa.String(length=36), nullable=False),
        sa.Column("record_class", sa.String(length=64), nullable=True),
        sa.Column("class_version", sa.String(length=32), nullable=True),
        sa.Column("class_confidence", sa.Float(), nullable=True),
        sa.Column("class_evidence", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("text_source", sa.String(length=16), nullable=True),
        sa.Column("readable", sa.String(length=32), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("detail_salt", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('accessioned', 'read', 'described', 'in_review', 'indexed')", name=op.f("ck_records_state")
        ),
        sa.ForeignKeyConstraint(["batch"], ["batches.id"], name=op.f("fk_records_batch")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_records_client")),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"], name=op.f("fk_records_scan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
    )
    op.create_index("ix_records_batch", "records", ["batch"], unique=False)
    op.create_index("ix_records_client_state", "records", ["client", "state"], unique=False)
    op.create_index("ix_records_scan", "records", ["scan"], unique=False)
    op.create_table(
        "derivatives",
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sealed_size", sa.BigInteger(), nullable=False),
        sa.Column("sealed_sha256", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_derivatives_client")),
        sa.ForeignKeyConstraint(["original"], ["originals.id"], name=op.f("fk_derivatives_original")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_derivatives_record")),
        sa.PrimaryKeyConstraint("record", "kind", name=op.f("pk_derivatives")),
    )
    op.create_table(
        "fields",
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("box", sa.JSON(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=True),
        sa.Column("engine", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=True),
        sa.Column("event", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_fields_client")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_fields_record")),
        sa.PrimaryKeyConstraint("record", "name", "position", "revision", name=op.f("pk_fields")),
    )
    op.create_index("ix_fields_client_name_value", "fields", ["client", "name", "value"], unique=False)
    op.create_table(
        "key_envelopes",
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("vault_key", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_key_envelopes_client")),
        sa.ForeignKeyConstraint(["original"], ["originals.id"], name=op.f("fk_key_envelopes_original")),
        sa.ForeignKeyConstraint(["vault_key"], ["vault_keys.id"], name=op.f("fk_key_envelopes_vault_key")),
        sa.PrimaryKeyConstraint("original", "vault_key", name=op.f("pk_key_envelopes")),
    )
    op.create_table(
        "pages",
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("original_page", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("dpi", sa.Integer(), nullable=False),
        sa.Column("turned", sa.Integer(), nullable=False),
        sa.Column("skew", sa.Float(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("engine", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=True),
        sa.Column("blank", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_pages_client")),
        sa.ForeignKeyConstraint(["original"], ["originals.id"], name=op.f("fk_pages_original")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_pages_record")),
        sa.PrimaryKeyConstraint("record", "number", name=op.f("pk_pages")),
    )
    op.create_table(
        "record_sources",
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("original", sa.String(length=36), nullable=False),
        sa.Column("scan", sa.String(length=36), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_record_sources_client")),
        sa.ForeignKeyConstraint(["original"], ["originals.id"], name=op.f("fk_record_sources_original")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_record_sources_record")),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"], name=op.f("fk_record_sources_scan")),
        sa.PrimaryKeyConstraint("record", "position", name=op.f("pk_record_sources")),
        sa.UniqueConstraint("original", "first_page", name=op.f("uq_record_sources_original_first_page")),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("record", sa.String(length=36), nullable=False),
        sa.Column("client", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=24), nullable=False),
        sa.Column("settled", sa.String(length=24), nullable=True),
        sa.Column("settled_by", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_reviews_client")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_reviews_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_client_settled", "reviews", ["client", "settled"], unique=False)
    op.create_index("ix_reviews_record", "reviews", ["record"], unique=False)

    op.execute("INSERT INTO ledger_head (id, size) VALUES (1, 0)")
    _append_only()


def _append_only() -> None:
    # A convenience against accidents, not the protection: that is the published ledger (custody reference, 1.4).
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_no_{act.lower()} BEFORE {act} ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
        )
