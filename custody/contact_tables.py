"""How people are reached by notices, and who answers for a department: beside the persons, and never in the ledger."""

from sqlalchemy import Column, ForeignKey, String, Table, Text

from records.tables import METADATA, Id, Instant, one_of

contacts = Table(
    "contacts",
    METADATA,
    Column("person", Id, ForeignKey("persons.id"), primary_key=True),
    Column("email", Text),  # None: by letter
    Column("address", Text),  # lines of a postal address
    Column("language", String(2), nullable=False),
    one_of("language", ("en", "es")),
)

# Whom an overdue notice goes on to: the head of a department, or, under "", who answers for the whole client.
responsibles = Table(
    "responsibles",
    METADATA,
    Column("client", Id, ForeignKey("clients.id"), primary_key=True),
    Column("department", String(64), primary_key=True),
    Column("person", Id, ForeignKey("persons.id"), nullable=False),
    Column("created", Instant, nullable=False),
)
