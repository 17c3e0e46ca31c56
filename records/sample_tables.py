"""Tables of samples: a lot of values that were accepted unseen, the seed, and what people said of the values drawn.

`lot` is the names of all units of the lot, one a line, compressed: with the seed anybody draws the same sample again,
and its Merkle root is in the ledger. A unit is `RECORD:FIELD:POSITION:REVISION`; no value stands here.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from records.tables import METADATA, Id, Instant, one_of

SAMPLE_STATES = ("open", "passed", "rejected")

samples = Table(
    "samples",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("record_class", String(64), nullable=False),
    Column("field", String(64)),  # None: all of the class
    Column("seed", String(64), nullable=False),
    Column("lot", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),  # units of the lot
    Column("wanted", Integer, nullable=False),  # units to be drawn
    Column("state", String(16), nullable=False),
    Column("ordered_by", Id, nullable=False),  # pseudonym
    Column("ordered", Instant, nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    Column("closed", Instant),
    one_of("state", SAMPLE_STATES),
    Index("ix_samples_client_ordered", "client", "ordered"),
)

sample_values = Table(
    "sample_values",
    METADATA,
    Column("sample", Id, ForeignKey("samples.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1, in the order they were drawn
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("record", Id, ForeignKey("records.id"), nullable=False),
    Column("field", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("defect", String(16), nullable=False),  # what it is if it is wrong: critical, major, minor
    Column("right", Boolean),  # None: nobody has looked yet
    Column("judged_by", Id),  # pseudonym
    Column("event", Id, ForeignKey("events.id")),
    Index("ix_sample_values_record", "record"),
)
