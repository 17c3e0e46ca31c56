"""Tables of the records desk, acts: requests, slips, loans, renewals, checks, incidents, work, transfers, notices.

At most one loan of a file is not closed, and of a box: a partial unique index on `closed_at IS NULL`, since what is
returned and not yet checked, claimed returned or declared lost still occupies its file (reference of the records desk,
section 2 and invariant 1). `id` of a renewal, check or incident is the id of its event in the ledger.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)  # fmt: skip

from custody.desk_tables import Code, Day
from records.desk import (
    CHECK_MOMENTS,
    CLOSE_REASONS,
    CONDITIONS,
    INCIDENT_KINDS,
    LINE_OUTCOMES,
    LOAN_STATES,
    ORDER_KINDS,
    ORDER_STATES,
    REQUEST_STATES,
    TRANSFER_CHECKS,
    TRANSFER_KINDS,
    TRANSFER_STATES,
    WANTS,
)
from records.tables import METADATA, Id, Instant, one_of

ONE_TARGET = "(file IS NULL) <> (box IS NULL)"


def _unique_while(name: str, condition: str, *columns: str) -> Index:
    """Return a unique index over the rows that meet `condition`, on SQLite and PostgreSQL alike."""
    where = text(condition)
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


# Who may collect for whom.
delegates = Table(
    "delegates",
    METADATA,
    Column("person", Id, ForeignKey("persons.id"), primary_key=True),
    Column("principal", Id, ForeignKey("persons.id"), primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), primary_key=True),
    Column("until", Day),
    Column("granted_by", String(36), nullable=False),
    Column("created", Instant, nullable=False),
)

requests = Table(
    "requests",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id")),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("requester", Id, ForeignKey("persons.id"), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("legal_basis", Text),
    Column("wants", String(16), nullable=False),
    Column("needed_by", Day),
    Column("priority", Integer, nullable=False),
    Column("pickup", Id, ForeignKey("locations.id"), nullable=False),  # the place it is kept ready at
    Column("state", String(16), nullable=False),
    Column("position", Integer),  # 1, 2, 3... of those that wait for this target; None once it is closed
    Column("ready_at", Instant),
    Column("reserved_until", Day),
    Column("decided_by", String(36)),
    Column("decided_at", Instant),
    Column("refusal_reason", String(32)),
    Column("scan", Id, ForeignKey("scans.id")),  # what was captured instead of lending
    Column("created", Instant, nullable=False),
    Column("closed_at", Instant),
    one_of("wants", WANTS),
    one_of("state", REQUEST_STATES),
    CheckConstraint(ONE_TARGET, name="one_target"),
    _unique_while("uq_requests_file_position", "closed_at IS NULL", "file", "position"),
    _unique_while("uq_requests_box_position", "closed_at IS NULL", "box", "position"),
    _unique_while("uq_requests_file_requester", "closed_at IS NULL", "file", "requester"),
    _unique_while("uq_requests_box_requester", "closed_at IS NULL", "box", "requester"),
    _unique_while("uq_requests_file_ready", "state = 'ready'", "file"),
    _unique_while("uq_requests_box_ready", "state = 'ready'", "box"),
    Index("ix_requests_client_state", "client", "state"),
    Index("ix_requests_requester", "requester"),
    Index("ix_requests_created", "created"),
    Index("ix_requests_decided_at", "decided_at"),
)

slips = Table(
    "slips",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("barcode", Code, ForeignKey("barcodes.code"), nullable=False, unique=True),
    Column("borrower", Id, ForeignKey("persons.id"), nullable=False),
    Column("delegate", Id, ForeignKey("persons.id")),
    Column("purpose", String(32), nullable=False),
    Column("authorised_by", String(36), nullable=False),
    Column("receipt", Text),  # where the signed paper is: a record or a scan
    Column("created", Instant, nullable=False),
    Index("ix_slips_borrower", "borrower"),
)

loans = Table(
    "loans",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("slip", Id, ForeignKey("slips.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id")),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("within", Id, ForeignKey("loans.id")),  # the loan of the whole box that this one is part of
    Column("request", Id, ForeignKey("requests.id")),
    Column("borrower", Id, ForeignKey("persons.id"), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("site", Id, ForeignKey("locations.id"), nullable=False),  # whose calendar and time zone hold
    Column("due_on", Day, nullable=False),  # local date at the site
    Column("due_at", Instant, nullable=False),  # the instant that day is over
    Column("renewals", Integer, nullable=False),
    Column("recalled_at", Instant),
    Column("state", String(24), nullable=False),
    Column("returned_at", Instant),  # when it came back
    Column("returned_recorded", Instant),  # when that was recorded
    Column("closed_at", Instant),
    Column("close_reason", String(16)),
    Column("opened_event", Id, ForeignKey("events.id"), nullable=False),
    Column("out_check", Id, ForeignKey("checks.id")),
    Column("in_check", Id, ForeignKey("checks.id")),
    one_of("state", LOAN_STATES),
    one_of("close_reason", CLOSE_REASONS),
    CheckConstraint(ONE_TARGET, name="one_target"),
    _unique_while("uq_loans_file_open", "closed_at IS NULL", "file"),
    _unique_while("uq_loans_box_open", "closed_at IS NULL", "box"),
    Index("ix_loans_client_closed_at_due_at", "client", "closed_at", "due_at"),
    Index("ix_loans_borrower_closed_at", "borrower", "closed_at"),
    Index("ix_loans_file_opened_at", "file", "opened_at"),
    Index("ix_loans_slip", "slip"),
    Index("ix_loans_within", "within"),
)

renewals = Table(
    "renewals",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("loan", Id, ForeignKey("loans.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("reason", String(32)),
    Column("by", String(36), nullable=False),
    Column("at", Instant, nullable=False),
    Column("old_due", Day, nullable=False),
    Column("new_due", Day, nullable=False),
    Index("ix_renewals_loan", "loan"),
)

checks = Table(
    "checks",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id"), nullable=False),
    Column("moment", String(8), nullable=False),
    Column("pages", Integer),
    Column("condition", String(16)),
    Column("seal_no", String(64)),
    Column("added", Integer, nullable=False),  # pages declared as added since the paper went out
    Column("removed", Integer, nullable=False),
    Column("declared", Text),  # what was added or removed, in the borrower's words
    Column("photos", JSON, nullable=False),  # ids of scans
    Column("by", String(36), nullable=False),
    Column("second_by", String(36)),
    Column("at", Instant, nullable=False),
    one_of("moment", CHECK_MOMENTS),
    one_of("condition", CONDITIONS),
    Index("ix_checks_file_at", "file", "at"),
)

incidents = Table(
    "incidents",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id")),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("loan", Id, ForeignKey("loans.id")),
    Column("kind", String(24), nullable=False),
    Column("detail", JSON, nullable=False),  # numbers: pages out, in, declared, scanned
    Column("opened", Instant, nullable=False),
    Column("resolved", Instant),
    Column("resolved_by", String(36)),
    Column("resolution", String(32)),
    one_of("kind", INCIDENT_KINDS),
    CheckConstraint(ONE_TARGET, name="one_target"),
    Index("ix_incidents_file_resolved", "file", "resolved"),
    Index("ix_incidents_client_kind_opened", "client", "kind", "opened"),
)

work_orders = Table(
    "work_orders",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("site", Id, ForeignKey("locations.id"), nullable=False),
    Column("place", Id, ForeignKey("locations.id")),  # the shelf of an inventory
    Column("state", String(16), nullable=False),
    Column("by", String(36), nullable=False),
    Column("created", Instant, nullable=False),
    Column("closed", Instant),
    one_of("kind", ORDER_KINDS),
    one_of("state", ORDER_STATES),
    Index("ix_work_orders_state_kind", "state", "kind"),
)

work_lines = Table(
    "work_lines",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("work_order", Id, ForeignKey("work_orders.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id")),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("request", Id, ForeignKey("requests.id")),
    Column("expected", Id),  # the place or box it should be in
    Column("created", Instant, nullable=False),
    Column("outcome", String(16)),
    Column("at", Instant),
    Column("by", String(36)),
    one_of("outcome", LINE_OUTCOMES),
    CheckConstraint(ONE_TARGET, name="one_target"),
    Index("ix_work_lines_work_order", "work_order"),
    Index("ix_work_lines_file_outcome", "file", "outcome"),
    Index("ix_work_lines_request", "request"),
)

transfers = Table(
    "transfers",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("barcode", Code, ForeignKey("barcodes.code"), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("origin", Id, ForeignKey("locations.id")),  # None: the client's own house
    Column("destination", Id, ForeignKey("locations.id")),
    Column("state", String(16), nullable=False),
    Column("by", String(36), nullable=False),
    Column("created", Instant, nullable=False),
    Column("sent", Instant),
    Column("received", Instant),
    Column("closed", Instant),
    one_of("kind", TRANSFER_KINDS),
    one_of("state", TRANSFER_STATES),
    Index("ix_transfers_client_state", "client", "state"),
)

transfer_lines = Table(
    "transfer_lines",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("transfer", Id, ForeignKey("transfers.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("file", Id, ForeignKey("physical_files.id")),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("state", String(8), nullable=False),
    Column("note", String(32)),
    Column("at", Instant),
    Column("by", String(36)),
    Column("open", Boolean, nullable=False),  # False once its transfer is over
    one_of("state", TRANSFER_CHECKS),
    CheckConstraint(ONE_TARGET, name="one_target"),
    Index("ix_transfer_lines_transfer", "transfer"),
    _unique_while("uq_transfer_lines_file_open", "open", "file"),
    _unique_while("uq_transfer_lines_box_open", "open", "box"),
)

# What was sent, so that a run that was missed is made up for and none is doubled (reference, section 8).
notices = Table(
    "notices",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("loan", Id, ForeignKey("loans.id")),
    Column("request", Id, ForeignKey("requests.id")),
    Column("person", Id, ForeignKey("persons.id")),  # whom an accreditation that ends soon is told
    Column("kind", String(32), nullable=False),
    Column("level", Integer, nullable=False),
    Column("round", String(36), nullable=False),  # what makes the same notice due anew: the due date, or the event
    Column("channel", String(16), nullable=False),
    Column("template", String(32), nullable=False),
    Column("scheduled_for", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Instant),  # not tried again before
    Column("result", String(64)),
    Index("uq_notices_loan_kind_level_round", "loan", "kind", "level", "round", unique=True),
    Index("uq_notices_request_kind_level_round", "request", "kind", "level", "round", unique=True),
    Index("ix_notices_sent_at", "sent_at"),
)
