"""The records desk, acts: requests, slips, loans, renewals, checks, incidents, work, transfers, notices."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id, Instant, Code = sa.String(36), sa.String(24), sa.String(64)
Day = sa.String(10)


def _one_of(table: str, column: str, words: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words.split())
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Make the tables of acts; one loan of a file or box that is not closed, by an index."""
    _first()
    _second()


def _first() -> None:
    op.create_table(
        "slips",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("barcode", Code, nullable=False),
        sa.Column("borrower", Id, nullable=False),
        sa.Column("delegate", Id),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("authorised_by", Id, nullable=False),
        sa.Column("receipt", sa.Text()),
        sa.Column("created", Instant, nullable=False),
        sa.ForeignKeyConstraint(["barcode"], ["barcodes.code"], name=op.f("fk_slips_barcode")),
        sa.ForeignKeyConstraint(["borrower"], ["persons.id"], name=op.f("fk_slips_borrower")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_slips_client")),
        sa.ForeignKeyConstraint(["delegate"], ["persons.id"], name=op.f("fk_slips_delegate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slips")),
        sa.UniqueConstraint("barcode", name=op.f("uq_slips_barcode")),
    )
    op.create_index("ix_slips_borrower", "slips", ["borrower"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("barcode", Code, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("origin", Id),
        sa.Column("destination", Id),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", Id, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.Column("sent", Instant),
        sa.Column("received", Instant),
        sa.Column("closed", Instant),
        _one_of("transfers", "kind", "CLIENT_IN SITE CLIENT_OUT PERM_WITHDRAWAL"),
        _one_of("transfers", "state", "open sent received checking with_errors corrected checked placed rejected"),
        sa.ForeignKeyConstraint(["barcode"], ["barcodes.code"], name=op.f("fk_transfers_barcode")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_transfers_client")),
        sa.ForeignKeyConstraint(["destination"], ["locations.id"], name=op.f("fk_transfers_destination")),
        sa.ForeignKeyConstraint(["origin"], ["locations.id"], name=op.f("fk_transfers_origin")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("barcode", name=op.f("uq_transfers_barcode")),
    )
    op.create_index("ix_transfers_client_state", "transfers", ["client", "state"], unique=False)
    op.create_table(
        "work_orders",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("site", Id, nullable=False),
        sa.Column("place", Id),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", Id, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.Column("closed", Instant),
        _one_of("work_orders", "kind", "RETRIEVAL REFILE PICKUP DELIVERY TRANSFER DESTRUCTION INVENTORY SEARCH SCAN"),
        _one_of("work_orders", "state", "open done cancelled"),
        sa.ForeignKeyConstraint(["place"], ["locations.id"], name=op.f("fk_work_orders_place")),
        sa.ForeignKeyConstraint(["site"], ["locations.id"], name=op.f("fk_work_orders_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_orders")),
    )
    op.create_index("ix_work_orders_state_kind", "work_orders", ["state", "kind"], unique=False)
    op.create_table(
        "checks",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id, nullable=False),
        sa.Column("moment", sa.String(length=8), nullable=False),
        sa.Column("pages", sa.Integer()),
        sa.Column("condition", sa.String(length=16)),
        sa.Column("seal_no", Code),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("declared", sa.Text()),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("by", Id, nullable=False),
        sa.Column("second_by", Id),
        sa.Column("at", Instant, nullable=False),
        _one_of("checks", "condition", "good worn damaged wet incomplete"),
        _one_of("checks", "moment", "OUT IN AUDIT"),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_checks_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_checks_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
    )
    op.create_index("ix_checks_file_at", "checks", ["file", "at"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id),
        sa.Column("box", Id),
        sa.Column("requester", Id, nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("legal_basis", sa.Text()),
        sa.Column("wants", sa.String(length=16), nullable=False),
        sa.Column("needed_by", Day),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("pickup", Id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer()),
        sa.Column("ready_at", Instant),
        sa.Column("reserved_until", Day),
        sa.Column("decided_by", Id),
        sa.Column("decided_at", Instant),
        sa.Column("refusal_reason", sa.String(length=32)),
        sa.Column("scan", Id),
        sa.Column("created", Instant, nullable=False),
        sa.Column("closed_at", Instant),
        _one_of(
            "requests",
            "state",
            "submitted queued picking ready in_transit filled refused not_fillable expired cancelled converted",
        ),
        _one_of("requests", "wants", "paper certified-copy scan on-site"),
        sa.CheckConstraint("(file IS NULL) <> (box IS NULL)", name=op.f("ck_requests_one_target")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_requests_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_requests_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_requests_file")),
        sa.ForeignKeyConstraint(["pickup"], ["locations.id"], name=op.f("fk_requests_pickup")),
        sa.ForeignKeyConstraint(["requester"], ["persons.id"], name=op.f("fk_requests_requester")),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"], name=op.f("fk_requests_scan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_client_state", "requests", ["client", "state"], unique=False)
    op.create_index("ix_requests_created", "requests", ["created"], unique=False)
    op.create_index("ix_requests_requester", "requests", ["requester"], unique=False)
    op.create_index(
        "uq_requests_box_position",
        "requests",
        ["box", "position"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "uq_requests_box_ready",
        "requests",
        ["box"],
        unique=True,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "uq_requests_box_requester",
        "requests",
        ["box", "requester"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "uq_requests_file_position",
        "requests",
        ["file", "position"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "uq_requests_file_ready",
        "requests",
        ["file"],
        unique=True,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "uq_requests_file_requester",
        "requests",
        ["file", "requester"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "transfer_lines",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("transfer", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id),
        sa.Column("box", Id),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("note", sa.String(length=32)),
        sa.Column("at", Instant),
        sa.Column("by", Id),
        sa.Column("open", sa.Boolean(), nullable=False),
        _one_of("transfer_lines", "state", "PENDING OK ERROR EXTRA MISSING"),
        sa.CheckConstraint("(file IS NULL) <> (box IS NULL)", name=op.f("ck_transfer_lines_one_target")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_transfer_lines_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_transfer_lines_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_transfer_lines_file")),
        sa.ForeignKeyConstraint(["transfer"], ["transfers.id"], name=op.f("fk_transfer_lines_transfer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_lines")),
    )
    op.create_index("ix_transfer_lines_transfer", "transfer_lines", ["transfer"], unique=False)
    op.create_index(
        "uq_transfer_lines_box_open",
        "transfer_lines",
        ["box"],
        unique=True,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_index(
        "uq_transfer_lines_file_open",
        "transfer_lines",
        ["file"],
        unique=True,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "loans",
        sa.Column("id", Id, nullable=False),
        sa.Column("slip", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id),
        sa.Column("box", Id),
        sa.Column("within", Id),
        sa.Column("request", Id),
        sa.Column("borrower", Id, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("site", Id, nullable=False),
        sa.Column("due_on", Day, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("recalled_at", Instant),
        sa.Column("state", Instant, nullable=False),
        sa.Column("returned_at", Instant),
        sa.Column("returned_recorded", Instant),
        sa.Column("closed_at", Instant),
        sa.Column("close_reason", sa.String(length=16)),
        sa.Column("opened_event", Id, nullable=False),
        sa.Column("out_check", Id),
        sa.Column("in_check", Id),
        _one_of("loans", "close_reason", "returned recharged withdrawn reversed"),
        _one_of(
            "loans", "state", "open return_pending_check claimed_returned declared_lost closed closed_with_incident"
        ),
        sa.CheckConstraint("(file IS NULL) <> (box IS NULL)", name=op.f("ck_loans_one_target")),
        sa.ForeignKeyConstraint(["borrower"], ["persons.id"], name=op.f("fk_loans_borrower")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_loans_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_loans_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_loans_file")),
        sa.ForeignKeyConstraint(["in_check"], ["checks.id"], name=op.f("fk_loans_in_check")),
        sa.ForeignKeyConstraint(["opened_event"], ["events.id"], name=op.f("fk_loans_opened_event")),
        sa.ForeignKeyConstraint(["out_check"], ["checks.id"], name=op.f("fk_loans_out_check")),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_loans_request")),
        sa.ForeignKeyConstraint(["site"], ["locations.id"], name=op.f("fk_loans_site")),
        sa.ForeignKeyConstraint(["slip"], ["slips.id"], name=op.f("fk_loans_slip")),
        sa.ForeignKeyConstraint(["within"], ["loans.id"], name=op.f("fk_loans_within")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loans")),
    )
    op.create_index("ix_loans_borrower_closed_at", "loans", ["borrower", "closed_at"], unique=False)
    op.create_index("ix_loans_client_closed_at_due_at", "loans", ["client", "closed_at", "due_at"], unique=False)
    op.create_index("ix_loans_file_opened_at", "loans", ["file", "opened_at"], unique=False)
    op.create_index("ix_loans_slip", "loans", ["slip"], unique=False)
    op.create_index("ix_loans_within", "loans", ["within"], unique=False)
    op.create_index(
        "uq_loans_box_open",
        "loans",
        ["box"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "uq_loans_file_open",
        "loans",
        ["file"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _second() -> None:
    op.create_table(
        "work_lines",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("work_order", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id),
        sa.Column("box", Id),
        sa.Column("request", Id),
        sa.Column("expected", Id),
        sa.Column("created", Instant, nullable=False),
        sa.Column("outcome", sa.String(length=16)),
        sa.Column("at", Instant),
        sa.Column("by", Id),
        _one_of("work_lines", "outcome", "FOUND NOT_FOUND NOT_FILLABLE WRONG_CONTENT"),
        sa.CheckConstraint("(file IS NULL) <> (box IS NULL)", name=op.f("ck_work_lines_one_target")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_work_lines_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_work_lines_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_work_lines_file")),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_work_lines_request")),
        sa.ForeignKeyConstraint(["work_order"], ["work_orders.id"], name=op.f("fk_work_lines_work_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_lines")),
    )
    op.create_index("ix_work_lines_file_outcome", "work_lines", ["file", "outcome"], unique=False)
    op.create_index("ix_work_lines_request", "work_lines", ["request"], unique=False)
    op.create_index("ix_work_lines_work_order", "work_lines", ["work_order"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("file", Id),
        sa.Column("box", Id),
        sa.Column("loan", Id),
        sa.Column("kind", Instant, nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("opened", Instant, nullable=False),
        sa.Column("resolved", Instant),
        sa.Column("resolved_by", Id),
        sa.Column("resolution", sa.String(length=32)),
        _one_of(
            "incidents",
            "kind",
            "MISSING FOUND_PENDING PAGES_SHORT PAGES_EXTRA DAMAGED WRONG_FILE "
            "BROKEN_SEAL SEEN_WHILE_ON_LOAN SEEN_AFTER_DESTRUCTION",
        ),
        sa.CheckConstraint("(file IS NULL) <> (box IS NULL)", name=op.f("ck_incidents_one_target")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_incidents_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_incidents_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_incidents_file")),
        sa.ForeignKeyConstraint(["loan"], ["loans.id"], name=op.f("fk_incidents_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_client_kind_opened", "incidents", ["client", "kind", "opened"], unique=False)
    op.create_index("ix_incidents_file_resolved", "incidents", ["file", "resolved"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("loan", Id),
        sa.Column("request", Id),
        sa.Column("person", Id),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("round", Id, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("template", sa.String(length=32), nullable=False),
        sa.Column("scheduled_for", Instant, nullable=False),
        sa.Column("sent_at", Instant),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", Code),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_notices_client")),
        sa.ForeignKeyConstraint(["loan"], ["loans.id"], name=op.f("fk_notices_loan")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_notices_person")),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name=op.f("fk_notices_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_sent_at", "notices", ["sent_at"], unique=False)
    op.create_index("uq_notices_loan_kind_level_round", "notices", ["loan", "kind", "level", "round"], unique=True)
    op.create_index(
        "uq_notices_request_kind_level_round", "notices", ["request", "kind", "level", "round"], unique=True
    )
    op.create_table(
        "renewals",
        sa.Column("id", Id, nullable=False),
        sa.Column("loan", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("reason", sa.String(length=32)),
        sa.Column("by", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("old_due", Day, nullable=False),
        sa.Column("new_due", Day, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_renewals_client")),
        sa.ForeignKeyConstraint(["loan"], ["loans.id"], name=op.f("fk_renewals_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewals")),
    )
    op.create_index("ix_renewals_loan", "renewals", ["loan"], unique=False)
