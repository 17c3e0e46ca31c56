"""How people are reached by notices: address, language; beside the catalogue's persons, and never in the ledger."""

from sqlalchemy import Column, ForeignKey, String, Table, Text

from records.tables import METADATA, Id, one_of

contacts = Table(
    "contacts",
    METADATA,
    Column("person", Id, ForeignKey("persons.id"), primary_key=True),
    Column("email", Text),  # None: by letter
    Column("address", Text),  # lines of a postal address
    Column("language", String(2), nullable=False),
    one_of("language", ("en", "es")),
)
