"""Tables of retention and disposal: rules, holds, orders with their lines, and objects that are still to be removed.

Who proposed, approved and ran an order is in the ledger; the columns here are what the next step needs to know. A
record stands on one open order at most. Dates are local civil dates, `YYYY-MM-DD`.
"""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, String, Table, Text, text

from records.lifecycle import DISPOSAL_LINE_STATES, DISPOSAL_STATES
from records.retention import STARTS
from records.tables import METADATA, Id, Instant, one_of

BASES = ("retention", "law", "instruction")

retention_rules = Table(
    "retention_rules",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("client", Id, ForeignKey("clients.id")),  # None: of every client
    Column("record_class", String(64)),  # None: of every class
    Column("period", String(16)),  # ISO 8601; None: for ever
    Column("start", String(16), nullable=False),
    Column("year_end", Boolean, nullable=False),
    Column("authority", Text, nullable=False),  # the law or contract, for people
    Column("since", Instant, nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    one_of("start", STARTS),
)

# A ban on disposal of a record, or of all of a batch, file, box or client. Holds stack: each is released by itself.
holds = Table(
    "holds",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("subject", Id, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("set_by", String(36), nullable=False),  # pseudonym
    Column("since", Instant, nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    Column("released", Instant),
    Column("released_by", String(36)),
    Index("ix_holds_subject", "subject", "released"),
    Index("ix_holds_client", "client", "released"),
)

disposal_orders = Table(
    "disposal_orders",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("kind", String(8), nullable=False, server_default="records"),  # or `paper`
    Column("state", String(16), nullable=False),
    Column("basis", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("proposed_by", Id, ForeignKey("persons.id"), nullable=False),
    Column("proposed", Instant, nullable=False),
    Column("proposal", Id, ForeignKey("events.id"), nullable=False),
    Column("approved_by", Id, ForeignKey("persons.id")),
    Column("approved", Instant),
    Column("approval", Id, ForeignKey("events.id")),
    Column("run_by", String(36)),  # pseudonym of who had it run
    Column("begun", Instant),
    Column("ledger", JSON),  # the published checkpoint before it: size and root
    Column("ended", Instant),  # finished, or refused
    Column("authorisation", Text),  # of paper: what the client wrote
    Column("witness", Id),  # of paper: who watched
    Column("method", String(16)),
    Column("place", Text),
    one_of("state", DISPOSAL_STATES),
    one_of("basis", BASES),
    Index("ix_disposal_orders_client_state", "client", "state"),
)

disposal_lines = Table(
    "disposal_lines",
    METADATA,
    Column("disposal", Id, ForeignKey("disposal_orders.id"), primary_key=True),
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rule", String(64)),  # the retention rule that counted when it was listed
    Column("due_on", String(10)),
    Column("proposal", Id, ForeignKey("events.id"), nullable=False),
    Column("approval", Id, ForeignKey("events.id")),
    Column("disposed", Id, ForeignKey("events.id")),
    one_of("state", DISPOSAL_LINE_STATES),
    Index(
        "uq_disposal_lines_record",
        "record",
        unique=True,
        sqlite_where=text("state = 'listed'"),
        postgresql_where=text("state = 'listed'"),
    ),
)

# Files and boxes of an order of paper; a paper stands on one open order at most. `before` is its state when it was
# listed, `box` the code of the box it stood in.
disposal_papers = Table(
    "disposal_papers",
    METADATA,
    Column("disposal", Id, ForeignKey("disposal_orders.id"), primary_key=True),
    Column("paper", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("before", String(16), nullable=False),
    Column("box", String(64)),
    Column("listing", Id, ForeignKey("events.id"), nullable=False),
    Column("proposal", Id, ForeignKey("events.id"), nullable=False),
    Column("approval", Id, ForeignKey("events.id")),
    Column("disposed", Id, ForeignKey("events.id")),
    one_of("state", DISPOSAL_LINE_STATES),
    Index(
        "uq_disposal_papers_paper",
        "paper",
        unique=True,
        sqlite_where=text("state = 'listed'"),
        postgresql_where=text("state = 'listed'"),
    ),
)

# Sealed bytes whose row is gone, until the store lets them go: what is locked goes when its lock ends.
doomed_objects = Table(
    "doomed_objects",
    METADATA,
    Column("object_key", Text, primary_key=True),
    Column("object_version", Text, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("disposal", Id, ForeignKey("disposal_orders.id"), nullable=False),
    Column("subject", Id, nullable=False),  # the original or the record it was of
    Column("locked_until", Instant),  # as the store last said
    Column("removed", Instant),
    Index("ix_doomed_objects_removed", "removed", "locked_until"),
    Index("ix_doomed_objects_subject", "subject"),
)
