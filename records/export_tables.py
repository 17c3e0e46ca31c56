"""Tables of deliveries of index data: what was asked for, and which record stands on which line.

The lines are written before anything of them leaves. A record stands once in a delivery, however many exports make it
up: the key of `export_lines` says so.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from records.tables import METADATA, Digest, Id, Instant, one_of

exports = Table(
    "exports",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("record_class", String(64), nullable=False),
    Column("format", String(16), nullable=False),
    Column("target", Text, nullable=False),  # the file as it was asked for
    Column("state", String(16), nullable=False),
    Column("actor", JSON, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("records", Integer, nullable=False),
    Column("written", Integer, nullable=False),  # records whose rows are safe in the part of the file
    Column("bytes", BigInteger, nullable=False),  # length of that part
    Column("rows", Integer, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("sha256", Digest),
    Column("event", Id, ForeignKey("events.id")),  # of the finished file
    Column("began", Instant, nullable=False),
    Column("finished", Instant),
    one_of("state", ("open", "finished")),
    Index("ix_exports_client_began", "client", "began"),
)

export_lines = Table(
    "export_lines",
    METADATA,
    Column("export", Id, ForeignKey("exports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 0
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("record", Id, ForeignKey("records.id"), nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    UniqueConstraint("client", "delivery", "record"),
    Index("ix_export_lines_record", "record"),
)
