"""The records desk, things: calendars, places, boxes, physical files, barcodes, bindings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id, Instant, Code = sa.String(36), sa.String(24), sa.String(64)
Day = sa.String(10)


def _one_of(table: str, column: str, words: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words.split())
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Make the tables of things."""
    op.create_table(
        "barcode_numbers",
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_barcode_numbers")),
    )
    op.create_table(
        "barcodes",
        sa.Column("code", Code, nullable=False),
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("target", Id, nullable=False),
        sa.Column("given", Instant, nullable=False),
        sa.Column("retired", Instant),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_barcodes")),
    )
    op.create_index("ix_barcodes_target", "barcodes", ["target"], unique=False)
    op.create_table(
        "box_profiles",
        sa.Column("name", Code, nullable=False),
        sa.Column("width_mm", sa.Integer()),
        sa.Column("height_mm", sa.Integer()),
        sa.Column("depth_mm", sa.Integer()),
        sa.Column("multi_file", sa.Boolean(), nullable=False),
        sa.Column("capacity", sa.Integer()),
        sa.Column("created", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_box_profiles")),
    )
    op.create_table(
        "calendars",
        sa.Column("name", Code, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_calendars")),
    )
    op.create_table(
        "calendar_rules",
        sa.Column("calendar", Code, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=21), nullable=False),
        _one_of("calendar_rules", "kind", "weekly yearly dates open"),
        sa.ForeignKeyConstraint(["calendar"], ["calendars.name"], name=op.f("fk_calendar_rules_calendar")),
        sa.PrimaryKeyConstraint("calendar", "kind", "value", name=op.f("pk_calendar_rules")),
    )
    op.create_table(
        "delegates",
        sa.Column("person", Id, nullable=False),
        sa.Column("principal", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("until", Day),
        sa.Column("granted_by", Id, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_delegates_client")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_delegates_person")),
        sa.ForeignKeyConstraint(["principal"], ["persons.id"], name=op.f("fk_delegates_principal")),
        sa.PrimaryKeyConstraint("person", "principal", "client", name=op.f("pk_delegates")),
    )
    op.create_table(
        "desk_scans",
        sa.Column("device", Code, nullable=False),
        sa.Column("session", Code, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_desk_scans_person")),
        sa.PrimaryKeyConstraint("device", "session", "number", name=op.f("pk_desk_scans")),
    )
    op.create_table(
        "locations",
        sa.Column("id", Id, nullable=False),
        sa.Column("parent", Id),
        sa.Column("site", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("code", Code, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sort_key", sa.Text(), nullable=False),
        sa.Column("barcode", Code, nullable=False),
        sa.Column("time_zone", Code),
        sa.Column("calendar", Code),
        sa.Column("temporary", sa.Boolean(), nullable=False),
        sa.Column("capacity", sa.Integer()),
        sa.Column("accepts", Code),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created", Instant, nullable=False),
        _one_of("locations", "kind", "SITE ROOM ROW BAY SHELF SLOT STAGING VAN DESK QUARANTINE SCAN_ROOM"),
        _one_of("locations", "state", "open closed"),
        sa.ForeignKeyConstraint(["accepts"], ["box_profiles.name"], name=op.f("fk_locations_accepts")),
        sa.ForeignKeyConstraint(["barcode"], ["barcodes.code"], name=op.f("fk_locations_barcode")),
        sa.ForeignKeyConstraint(["calendar"], ["calendars.name"], name=op.f("fk_locations_calendar")),
        sa.ForeignKeyConstraint(["parent"], ["locations.id"], name=op.f("fk_locations_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("barcode", name=op.f("uq_locations_barcode")),
        sa.UniqueConstraint("path", name=op.f("uq_locations_path")),
    )
    op.create_index("ix_locations_code", "locations", ["code"], unique=False)
    op.create_index("ix_locations_parent", "locations", ["parent"], unique=False)
    op.create_index("ix_locations_site_sort_key", "locations", ["site", "sort_key"], unique=False)
    op.create_table(
        "boxes",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("barcode", Code, nullable=False),
        sa.Column("client_ref", sa.Text()),
        sa.Column("profile", Code),
        sa.Column("home", Id),
        sa.Column("seal_no", Code),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("count_due", sa.Boolean(), nullable=False),
        sa.Column("itemised", sa.Boolean(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("box", Id),
        sa.Column("place", Id),
        sa.Column("holder", Id),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created", Instant, nullable=False),
        _one_of(
            "boxes",
            "state",
            "announced received stored picked in_transit on_loan returned "
            "checked missing found_pending withdrawn destroyed",
        ),
        sa.CheckConstraint("box IS NULL OR box <> id", name=op.f("ck_boxes_not_in_itself")),
        sa.CheckConstraint("box IS NULL OR place IS NULL", name=op.f("ck_boxes_one_position")),
        sa.ForeignKeyConstraint(["barcode"], ["barcodes.code"], name=op.f("fk_boxes_barcode")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_boxes_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_boxes_client")),
        sa.ForeignKeyConstraint(["holder"], ["persons.id"], name=op.f("fk_boxes_holder")),
        sa.ForeignKeyConstraint(["home"], ["locations.id"], name=op.f("fk_boxes_home")),
        sa.ForeignKeyConstraint(["place"], ["locations.id"], name=op.f("fk_boxes_place")),
        sa.ForeignKeyConstraint(["profile"], ["box_profiles.name"], name=op.f("fk_boxes_profile")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boxes")),
        sa.UniqueConstraint("barcode", name=op.f("uq_boxes_barcode")),
    )
    op.create_index("ix_boxes_box", "boxes", ["box"], unique=False)
    op.create_index("ix_boxes_client_state", "boxes", ["client", "state"], unique=False)
    op.create_index("ix_boxes_home", "boxes", ["home"], unique=False)
    op.create_index("ix_boxes_place", "boxes", ["place"], unique=False)
    op.create_table(
        "physical_files",
        sa.Column("id", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("barcode", Code, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("case_no", sa.Text()),
        sa.Column("department", sa.Text()),
        sa.Column("volume", sa.Integer()),
        sa.Column("volumes", sa.Integer()),
        sa.Column("part_of", Id),
        sa.Column("pages_expected", sa.Integer()),
        sa.Column("pages_basis", sa.String(length=16), nullable=False),
        sa.Column("condition", sa.String(length=16)),
        sa.Column("access_class", sa.String(length=16), nullable=False),
        sa.Column("retention_rule", Code),
        sa.Column("home_box", Id),
        sa.Column("home_place", Id),
        sa.Column("position", sa.Integer()),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("box", Id),
        sa.Column("place", Id),
        sa.Column("holder", Id),
        sa.Column("seen", Instant),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created", Instant, nullable=False),
        _one_of("physical_files", "access_class", "normal restricted secret"),
        _one_of("physical_files", "condition", "good worn damaged wet incomplete"),
        _one_of("physical_files", "kind", "FILE VOLUME LOOSE"),
        _one_of("physical_files", "pages_basis", "SCANNED COUNTED DECLARED UNKNOWN"),
        _one_of(
            "physical_files",
            "state",
            "announced received stored picked at_desk in_transit on_loan returned checked in_digitisation "
            "missing found_pending quarantine withdrawn disposal_listed destroyed",
        ),
        sa.CheckConstraint("box IS NULL OR place IS NULL", name=op.f("ck_physical_files_one_position")),
        sa.CheckConstraint("home_box IS NULL OR home_place IS NULL", name=op.f("ck_physical_files_one_home")),
        sa.ForeignKeyConstraint(["barcode"], ["barcodes.code"], name=op.f("fk_physical_files_barcode")),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name=op.f("fk_physical_files_box")),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_physical_files_client")),
        sa.ForeignKeyConstraint(["holder"], ["persons.id"], name=op.f("fk_physical_files_holder")),
        sa.ForeignKeyConstraint(["home_box"], ["boxes.id"], name=op.f("fk_physical_files_home_box")),
        sa.ForeignKeyConstraint(["home_place"], ["locations.id"], name=op.f("fk_physical_files_home_place")),
        sa.ForeignKeyConstraint(["part_of"], ["physical_files.id"], name=op.f("fk_physical_files_part_of")),
        sa.ForeignKeyConstraint(["place"], ["locations.id"], name=op.f("fk_physical_files_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_physical_files")),
        sa.UniqueConstraint("barcode", name=op.f("uq_physical_files_barcode")),
    )
    op.create_index("ix_physical_files_box", "physical_files", ["box"], unique=False)
    op.create_index("ix_physical_files_client_case_no", "physical_files", ["client", "case_no"], unique=False)
    op.create_index("ix_physical_files_client_state", "physical_files", ["client", "state"], unique=False)
    op.create_index("ix_physical_files_holder", "physical_files", ["holder"], unique=False)
    op.create_index("ix_physical_files_home_box", "physical_files", ["home_box"], unique=False)
    op.create_index("ix_physical_files_home_place", "physical_files", ["home_place"], unique=False)
    op.create_index("ix_physical_files_place", "physical_files", ["place"], unique=False)
    op.create_index("ix_physical_files_state_since", "physical_files", ["state", "since"], unique=False)
    op.create_table(
        "file_records",
        sa.Column("record", Id, nullable=False),
        sa.Column("file", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("bound", Instant, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_file_records_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_file_records_file")),
        sa.ForeignKeyConstraint(["record"], ["records.id"], name=op.f("fk_file_records_record")),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_file_records")),
    )
    op.create_index("ix_file_records_file", "file_records", ["file"], unique=False)
    op.create_table(
        "file_scans",
        sa.Column("scan", Id, nullable=False),
        sa.Column("file", Id, nullable=False),
        sa.Column("client", Id, nullable=False),
        sa.Column("bound", Instant, nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name=op.f("fk_file_scans_client")),
        sa.ForeignKeyConstraint(["file"], ["physical_files.id"], name=op.f("fk_file_scans_file")),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"], name=op.f("fk_file_scans_scan")),
        sa.PrimaryKeyConstraint("scan", name=op.f("pk_file_scans")),
    )
    op.create_index("ix_file_scans_file", "file_scans", ["file"], unique=False)
