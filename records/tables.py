"""The catalogue's tables: clients, people, batches, scans, records, pages, fields; one MetaData for all of Muniment.

SQLAlchemy Core on SQLite and PostgreSQL; custody's own tables stand beside it (custody/tables.py, same MetaData).
Instants are text as `records.ids.instant` writes them. Every row about a client's papers names the client.
Design: sections 3 and 4; the command line's contract, section 2. Migrations: infra/migrations.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)  # fmt: skip

from records.lifecycle import BATCH_STATES, RECORD_STATES, SCAN_STATES

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = String(36)
Instant = String(24)
Digest = String(64)


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Allow only `values` in `column`, in the database too."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


clients = Table(
    "clients",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Instant, nullable=False),
    Column("tax_id", Text),  # whose invoices these papers are: asked for by the check of the addressee
    Column("legal_name", Text),
)

persons = Table(
    "persons",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("pseudonym", String(36), nullable=False, unique=True),  # what the ledger says instead of the name
    Column("os_user", Text, unique=True),
    Column("token_sha256", Digest, unique=True),
    Column("roles", JSON, nullable=False),
    Column("created", Instant, nullable=False),
)

accreditations = Table(
    "accreditations",
    METADATA,
    Column("person", Id, ForeignKey("persons.id"), primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("until", String(10)),  # last day, inclusive; None = until withdrawn
    Column("clearance", String(16)),  # the highest access class it reaches; None = normal
    Column("created", Instant, nullable=False),
)

record_classes = Table(
    "record_classes",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("loaded", Instant, nullable=False),
)

class_models = Table(  # what a client's own papers taught about classes: one row a version
    "class_models",
    METADATA,
    Column("client", Id, ForeignKey("clients.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("made", Instant, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("model", JSON, nullable=False),
    Column("event", Id, nullable=False),
)

batches = Table(
    "batches",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("name", Text),
    Column("state", String(16), nullable=False),
    Column("expected", Integer),
    Column("opened", Instant, nullable=False),
    Column("closed", Instant),
    Column("waiver", JSON),
    one_of("state", BATCH_STATES),
    Index("ix_batches_client_opened", "client", "opened"),
)

# The intake register and the queue at once: a row from first sight, a lease while it is worked on (orchestration,
# section 7). `path` is what was offered, for people; `source` its exact bytes; `work` our name for the bytes in work/.
scans = Table(
    "scans",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("batch", Id, ForeignKey("batches.id"), nullable=False),
    Column("via", String(16), nullable=False),  # ingest or watch
    Column("path", Text, nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("size", BigInteger),
    Column("mtime_ns", BigInteger),
    Column("sha256", Digest),
    Column("media_type", String(64)),
    Column("work", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("reason", String(32)),
    Column("detail", Text),
    Column("class_hint", String(64)),
    Column("original", Id),
    Column("duplicate_of", Id),
    Column("actor", JSON, nullable=False),
    Column("offered", Instant, nullable=False),
    Column("since", Instant, nullable=False),  # when the state was entered
    Column("todo", Boolean, nullable=False),  # True while the pipeline has something left to do
    Column("attempt", Integer, nullable=False, default=0),
    Column("not_before", Instant),
    Column("lease_owner", Text),
    Column("lease_token", Integer, nullable=False, default=0),
    Column("lease_until", Instant),
    Column("arrival", String(64), unique=True),  # digest of client and path while a watched file is there
    one_of("state", SCAN_STATES),
    Index("ix_scans_batch", "batch"),
    Index("ix_scans_todo", "todo", "offered"),
    Index("ix_scans_client_sha256", "client", "sha256"),
)

records = Table(
    "records",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("batch", Id, ForeignKey("batches.id"), nullable=False),
    Column("scan", Id, ForeignKey("scans.id"), nullable=False),
    Column("record_class", String(64)),
    Column("class_version", String(32)),
    Column("class_confidence", Float),
    Column("class_evidence", JSON),
    Column("state", String(16), nullable=False),
    Column("language", String(16)),
    Column("text_source", String(16)),
    Column("readable", String(32)),  # conformance of the readable copy, or why there is none
    Column("created", Instant, nullable=False),
    Column("version", BigInteger, nullable=False),  # seq of the last event that changed what the index shows
    Column("detail_salt", LargeBinary),
    one_of("state", RECORD_STATES),
    Index("ix_records_client_state", "client", "state"),
    Index("ix_records_batch", "batch"),
    Index("ix_records_scan", "scan"),
)

record_sources = Table(
    "record_sources",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("original", Id, ForeignKey("originals.id"), nullable=False),
    Column("scan", Id, ForeignKey("scans.id"), nullable=False),
    Column("first_page", Integer, nullable=False),
    Column("last_page", Integer, nullable=False),
    UniqueConstraint("original", "first_page"),  # a page of an original belongs to one record: do it twice, get it once
)

pages = Table(
    "pages",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("original", Id, ForeignKey("originals.id"), nullable=False),
    Column("original_page", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("dpi", Integer, nullable=False),
    Column("turned", Integer, nullable=False),
    Column("skew", Float, nullable=False),
    Column("language", String(16)),
    Column("engine", String(64)),
    Column("source", String(16)),
    Column("blank", Boolean, nullable=False),
    Column("words", Integer, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
)

# A correction adds a row with the next revision; the older one stays: who corrected it, from what.
fields = Table(
    "fields",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),  # -1 for a field that is not repeated
    Column("revision", Integer, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("current", Boolean, nullable=False),
    Column("value", Text),
    Column("raw", Text),
    Column("type", String(16), nullable=False),
    Column("currency", String(3)),
    Column("page", Integer),
    Column("box", JSON),
    Column("confidence", Float, nullable=False),
    Column("method", String(32)),
    Column("engine", String(64)),
    Column("status", String(16), nullable=False),
    Column("checks", JSON, nullable=False),
    Column("actor", String(36)),  # pseudonym of the person who set it, None for the machine
    Column("event", Id),
    # a check could not run on a value that nobody decided
    Column("unchecked", Boolean, nullable=False, server_default=false()),
    Index("ix_fields_client_name_value", "client", "name", "value"),
    Index(
        "ix_fields_unchecked",
        "client",
        "record",
        sqlite_where=text("unchecked IS 1 AND current IS 1"),
        postgresql_where=text("unchecked IS true AND current IS true"),
    ),
)

reviews = Table(
    "reviews",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("record", Id, ForeignKey("records.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("field", String(64)),
    Column("message", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("settled", Instant),
    Column("settled_by", String(36)),
    Column("check_event", Id),  # of `check_held`: two people must decide
    Column("proposed_by", String(36)),  # the first of them
    CheckConstraint(
        "check_event IS NULL OR settled IS NULL OR "
        "(proposed_by IS NOT NULL AND settled_by IS NOT NULL AND proposed_by <> settled_by)",
        name="two_people",
    ),
    Index("ix_reviews_client_settled", "client", "settled"),
    Index("ix_reviews_record", "record"),
)
