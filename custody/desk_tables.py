"""Tables of the records desk, things: calendars, places, boxes, physical files, barcodes, what a file is bound to.

Where a paper is and who has it is derived from its events in the ledger (`place`, `holder`); the columns `box`,
`place`, `holder`, `state` are a cache of that, written in the event's transaction, and `version` is the event's seq.
Dates are local civil dates, `YYYY-MM-DD`. Reference of the records desk, section 2; loans and work are in
custody/loan_tables.py.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)  # fmt: skip

from records.desk import (
    ACCESS_CLASSES,
    BOX_STATES,
    CALENDAR_RULES,
    CONDITIONS,
    FILE_KINDS,
    FILE_STATES,
    PAGES_BASES,
    PLACE_KINDS,
    PLACE_STATES,
)
from records.tables import METADATA, Id, Instant, one_of

Day = String(10)
Code = String(64)  # a barcode, ours or a client's own

calendars = Table(
    "calendars",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("created", Instant, nullable=False),
)

# The lines of a calendar as records/calendars.py reads them; a site without a calendar is an error, never open.
calendar_rules = Table(
    "calendar_rules",
    METADATA,
    Column("calendar", String(64), ForeignKey("calendars.name"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("value", String(21), primary_key=True),
    one_of("kind", CALENDAR_RULES),
)

# Every code that was ever given, whatever it stands on: a code is unique for ever and never given again.
barcodes = Table(
    "barcodes",
    METADATA,
    Column("code", Code, primary_key=True),
    Column("kind", String(1), nullable=False),  # the letter of records/barcodes.Kind
    Column("target", Id, nullable=False),
    Column("given", Instant, nullable=False),
    Column("retired", Instant),
    Index("ix_barcodes_target", "target"),
)

barcode_numbers = Table(
    "barcode_numbers",
    METADATA,
    Column("kind", String(1), primary_key=True),
    Column("last", Integer, nullable=False),
)

locations = Table(
    "locations",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("parent", Id, ForeignKey("locations.id")),
    Column("site", Id, nullable=False),  # the root of the tree; a site's own id
    Column("kind", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("path", Text, nullable=False, unique=True),  # codes from the site down, joined by /
    Column("sort_key", Text, nullable=False),  # the path with numbers padded: shelf order
    Column("barcode", Code, ForeignKey("barcodes.code"), nullable=False, unique=True),
    Column("time_zone", String(64)),  # of a site, IANA name
    Column("calendar", String(64), ForeignKey("calendars.name")),  # of a site
    Column("temporary", Boolean, nullable=False),
    Column("capacity", Integer),  # boxes and loose files that may stand here; None: no limit
    Column("accepts", String(64), ForeignKey("box_profiles.name")),  # the only box profile that fits
    Column("state", String(8), nullable=False),
    Column("created", Instant, nullable=False),
    one_of("kind", PLACE_KINDS),
    one_of("state", PLACE_STATES),
    Index("ix_locations_code", "code"),
    Index("ix_locations_site_sort_key", "site", "sort_key"),
    Index("ix_locations_parent", "parent"),
)

box_profiles = Table(
    "box_profiles",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("width_mm", Integer),
    Column("height_mm", Integer),
    Column("depth_mm", Integer),
    Column("multi_file", Boolean, nullable=False),
    Column("capacity", Integer),  # files; None: no limit
    Column("created", Instant, nullable=False),
)

boxes = Table(
    "boxes",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("barcode", Code, ForeignKey("barcodes.code"), nullable=False, unique=True),
    Column("client_ref", Text),
    Column("profile", String(64), ForeignKey("box_profiles.name")),
    Column("home", Id, ForeignKey("locations.id")),  # its slot, kept while it is away
    Column("seal_no", String(64)),
    Column("sealed", Boolean, nullable=False),
    Column("count_due", Boolean, nullable=False),  # its seal was broken: every file must be seen before it is shelved
    Column("itemised", Boolean, nullable=False),  # every file in it is in the catalogue
    Column("marks", JSON, nullable=False),  # codes that forbid acts: transfer, split
    Column("state", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    Column("box", Id, ForeignKey("boxes.id")),  # the box it stands in
    Column("place", Id, ForeignKey("locations.id")),
    Column("holder", Id, ForeignKey("persons.id")),
    Column("version", BigInteger, nullable=False),
    Column("created", Instant, nullable=False),
    one_of("state", BOX_STATES),
    CheckConstraint("box IS NULL OR place IS NULL", name="one_position"),
    CheckConstraint("box IS NULL OR box <> id", name="not_in_itself"),
    Index("ix_boxes_client_state", "client", "state"),
    Index("ix_boxes_place", "place"),
    Index("ix_boxes_box", "box"),
    Index("ix_boxes_home", "home"),
)

physical_files = Table(
    "physical_files",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("barcode", Code, ForeignKey("barcodes.code"), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    Column("title", Text),
    Column("case_no", Text),
    Column("department", Text),
    Column("volume", Integer),  # k of n
    Column("volumes", Integer),
    Column("part_of", Id, ForeignKey("physical_files.id")),
    Column("pages_expected", Integer),
    Column("pages_basis", String(16), nullable=False),
    Column("condition", String(16)),
    Column("access_class", String(16), nullable=False),
    Column("retention_rule", String(64)),
    Column("home_box", Id, ForeignKey("boxes.id")),  # where it belongs, kept while it is away
    Column("home_place", Id, ForeignKey("locations.id")),
    Column("position", Integer),  # in its box
    Column("searches", Integer, nullable=False, default=0),  # times it was looked for in vain since it was last seen
    Column("state", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    Column("box", Id, ForeignKey("boxes.id")),
    Column("place", Id, ForeignKey("locations.id")),
    Column("holder", Id, ForeignKey("persons.id")),
    Column("seen", Instant),  # when it was last scanned
    Column("version", BigInteger, nullable=False),
    Column("created", Instant, nullable=False),
    one_of("kind", FILE_KINDS),
    one_of("pages_basis", PAGES_BASES),
    one_of("access_class", ACCESS_CLASSES),
    one_of("condition", CONDITIONS),
    one_of("state", FILE_STATES),
    CheckConstraint("box IS NULL OR place IS NULL", name="one_position"),
    CheckConstraint("home_box IS NULL OR home_place IS NULL", name="one_home"),
    Index("ix_physical_files_client_state", "client", "state"),
    Index("ix_physical_files_state_since", "state", "since"),
    Index("ix_physical_files_box", "box"),
    Index("ix_physical_files_place", "place"),
    Index("ix_physical_files_home_box", "home_box"),
    Index("ix_physical_files_home_place", "home_place"),
    Index("ix_physical_files_holder", "holder"),
    Index("ix_physical_files_client_case_no", "client", "case_no"),
)

# The paper of a record: a record has one file, a file may hold many records.
file_records = Table(
    "file_records",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("file", Id, ForeignKey("physical_files.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("bound", Instant, nullable=False),
    Index("ix_file_records_file", "file"),
)

# What was captured of a file; its pages are what a count at the desk is compared with.
file_scans = Table(
    "file_scans",
    METADATA,
    Column("scan", Id, ForeignKey("scans.id"), primary_key=True),
    Column("file", Id, ForeignKey("physical_files.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("bound", Instant, nullable=False),
    Index("ix_file_scans_file", "file"),
)

# A barcode reader sends a scan again when it heard no answer: the same mark gets the same answer and moves nothing.
desk_scans = Table(
    "desk_scans",
    METADATA,
    Column("device", String(64), primary_key=True),
    Column("session", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("person", Id, ForeignKey("persons.id"), nullable=False),
    Column("asked", Text, nullable=False),  # digest of what was asked: another question under the same mark is an error
    Column("answer", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)
