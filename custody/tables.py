"""Custody's tables: events, originals, envelopes, vault keys, derivatives, the outbox; in the catalogue's MetaData.

The event table has the shape of the ledger's leaves (reference of custody, section 1.3): `seq` is gapless and equals
the log index, `leaf` is the canonical JSON (RFC 8785) that is published byte for byte.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip

from records.lifecycle import ORIGINAL_STATES
from records.tables import METADATA, Digest, Id, Instant, one_of

ledger_head = Table(
    "ledger_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # the one row is 1
    Column("size", BigInteger, nullable=False),
)

# What moves nothing, leaves no mark, and a document gets most of: the index of what was done to it leaves them out.
READS = ("access_denied", "exported", "fixity_checked", "printed", "processed", "search_hit_opened", "viewed")
IS_NO_READ = f"type NOT IN ({', '.join(map(repr, READS))})"  # as the index says it: a query must say the same

events = Table(
    "events",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Id, nullable=False, unique=True),
    Column("ts", Instant, nullable=False),
    Column("type", String(32), nullable=False),
    Column("subject", Id, nullable=False),
    Column("client", Id),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", Digest, nullable=False),
    Index("ix_events_subject_seq", "subject", "seq"),
    Index("ix_events_type_seq", "type", "seq"),
    Index("ix_events_subject_done", "subject", "seq", sqlite_where=text(IS_NO_READ), postgresql_where=text(IS_NO_READ)),
)

# What people said in their own words, bound to its event by the salted commitment `detail`; purged at disposal.
event_details = Table(
    "event_details",
    METADATA,
    Column("event", Id, ForeignKey("events.id"), primary_key=True),
    Column("client", Id),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
)

# A committed reading event opens one document once, and only while it is fresh (reference, section 6.1).
key_releases = Table(
    "key_releases",
    METADATA,
    Column("event", Id, ForeignKey("events.id"), primary_key=True),
    Column("original", Id, primary_key=True),
    Column("at", Instant, nullable=False),
)

vault_keys = Table(
    "vault_keys",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("recipient", Text, nullable=False),  # age public key of the vault
    Column("escrow_recipient", Text, nullable=False),  # age public key of the escrow of this epoch
    Column("created", Instant, nullable=False),
    Column("retired", Instant),  # when the last envelope to it was re-wrapped
    Column("destroyed", Instant),  # when its secret half was destroyed
    UniqueConstraint("client", "epoch"),
)

originals = Table(
    "originals",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("scan", Id, ForeignKey("scans.id"), nullable=False),
    Column("sha256", Digest),  # of the clear bytes: catalogue and accredited answers only; None once disposed of
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("pages", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("recipient", Text, nullable=False),  # public half of the document key: derivatives are sealed to it
    Column("bucket", Text, nullable=False),
    Column("object_key", Text, nullable=False, unique=True),
    Column("object_version", Text),
    Column("sealed_size", BigInteger, nullable=False),
    Column("sealed_sha256", Digest, nullable=False),
    Column("locked_until", Instant),
    Column("retention_set", Boolean, nullable=False),
    Column("commitment", Digest, nullable=False),
    Column("created", Instant, nullable=False),
    one_of("state", ORIGINAL_STATES),
    # duplicates are looked for within a client; what was given up does not stand in the way
    Index(
        "uq_originals_client_sha256",
        "client",
        "sha256",
        unique=True,
        sqlite_where=text("state <> 'abandoned'"),
        postgresql_where=text("state <> 'abandoned'"),
    ),
    Index("ix_originals_scan", "scan"),
    Index("ix_originals_lock", "state", "retention_set", "locked_until"),  # the sweeper asks every minute
)

key_envelopes = Table(
    "key_envelopes",
    METADATA,
    Column("original", Id, ForeignKey("originals.id"), primary_key=True),
    Column("vault_key", Id, ForeignKey("vault_keys.id"), primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    Column("sha256", Digest),  # of the envelope as it was wrapped: `custody check` sees a changed byte without any key
)

# Every epoch that ever wrapped a document's key, and until when: what an erasure has to wait for (reference, 2.5).
key_wrappings = Table(
    "key_wrappings",
    METADATA,
    Column("original", Id, ForeignKey("originals.id"), primary_key=True),
    Column("vault_key", Id, ForeignKey("vault_keys.id"), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant),  # when its envelope was destroyed: re-wrapped, or disposed of
)

derivatives = Table(
    "derivatives",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # words, readable
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("original", Id, ForeignKey("originals.id"), nullable=False),  # whose document key opens it
    Column("media_type", String(64), nullable=False),
    Column("object_key", Text, nullable=False),
    Column("object_version", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sealed_size", BigInteger, nullable=False),
    Column("sealed_sha256", Digest, nullable=False),
    Column("created", Instant, nullable=False),
)

# Objects that a newer derivative replaced and that their lock still holds: removed when it ends.
locked_leftovers = Table(
    "locked_leftovers",
    METADATA,
    Column("object_key", Text, primary_key=True),
    Column("object_version", Text, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("until", Instant, nullable=False),
    Index("ix_locked_leftovers_until", "until"),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("record", Id, nullable=False),
    Column("client", Id, nullable=False),
    Column("action", String(8), nullable=False),  # put or remove
    Column("seq", BigInteger, nullable=False),  # the event behind it: the index entry's version
    Column("created", Instant, nullable=False),
    Column("delivered", Instant),
    Index("ix_outbox_delivered", "delivered", "id"),
)
