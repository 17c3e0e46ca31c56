"""Tables of the review desk; the reasons themselves are `reviews`, the values `fields` (records/tables.py).

A row of `review_tasks` is made when somebody first takes a record or gives it a rank. Its key is the record, so that
two people cannot hold one record, whoever writes.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table

from records.tables import METADATA, Id, Instant

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
