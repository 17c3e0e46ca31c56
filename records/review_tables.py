"""Tables of the review desk; the reasons themselves are `reviews`, the values `fields` (records/tables.py).

A row of `review_tasks` is made when somebody first takes a record or gives it a rank. Its key is the record, so that
two people cannot hold one record, whoever writes.
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
    UniqueConstraint,
    text,
)

from records.tables import METADATA, Id, Instant, one_of

review_tasks = Table(
    "review_tasks",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("rank", Integer, nullable=False),  # 1 before 0 before -1
    Column("person", Id, ForeignKey("persons.id")),  # who holds it, until then; None: nobody
    Column("since", Instant),
    Column("until", Instant),
    Column("token", Integer, nullable=False),  # counts who took it: a lock that was lost is known by it
    Column("passed_by", Id),  # who passed it over last: it comes to this person after all others
    CheckConstraint("(person IS NULL) = (until IS NULL) AND (person IS NULL) = (since IS NULL)", name="held"),
    Index("ix_review_tasks_person", "person"),
)

# What the first of two people decided on a field that is held; the second agrees, or proposes something else.
review_proposals = Table(
    "review_proposals",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("record", Id, ForeignKey("records.id"), nullable=False),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("field", String(64), nullable=False),
    Column("status", String(16), nullable=False),  # what the field is to be: confirmed, corrected, rejected
    Column("value", Text),
    Column("currency", String(3)),
    Column("page", Integer),
    Column("box", JSON),
    Column("checks", JSON, nullable=False),
    Column("proposed_by", Id, nullable=False),  # pseudonym, as in the ledger
    Column("proposed", Instant, nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", Id),
    Column("decided", Instant),
    one_of("state", ("open", "approved", "refused")),
    CheckConstraint("state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> proposed_by)", name="two_people"),
    Index(
        "uq_review_proposals_record_field",
        "record",
        "field",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

# What people keyed blind: turns 1 and 2, and 3 of who decided between them. No two turns of a round are one person's.
review_keyings = Table(
    "review_keyings",
    METADATA,
    Column("record", Id, ForeignKey("records.id"), primary_key=True),
    Column("field", String(64), primary_key=True),
    Column("round", Integer, primary_key=True),  # from 1; the next begins when this one is settled
    Column("turn", Integer, primary_key=True),
    Column("client", Id, ForeignKey("clients.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("value", Text),
    Column("currency", String(3)),
    Column("keyed_by", Id, nullable=False),  # pseudonym, as in the ledger
    Column("keyed", Instant, nullable=False),
    Column("event", Id, ForeignKey("events.id"), nullable=False),
    Column("settled", Instant),
    Column("right", Boolean),  # whether it was what was settled on
    UniqueConstraint("record", "field", "round", "keyed_by", name="uq_review_keyings_one_role"),
    one_of("status", ("value", "absent", "illegible")),
    CheckConstraint("turn BETWEEN 1 AND 3", name="turn"),
    CheckConstraint('(settled IS NULL) = ("right" IS NULL)', name="settled"),
    CheckConstraint("turn < 3 OR settled IS NOT NULL", name="third"),
    CheckConstraint("(status = 'value') = (value IS NOT NULL)", name="value"),
)
