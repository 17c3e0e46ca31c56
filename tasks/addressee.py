"""Compare the customer an invoice names with the client it is filed under; another one waits for a person.

Which field is the customer's tax id, and which its name, is said by the class file (check `addressee`, key `of`).
Source: reference of data verification, section 3 (addressee).
"""

from dataclasses import replace

from sqlalchemy import Connection, select

from records.class_library import RecordClass
from records.fields import Description, ReviewReason
from records.parties import ADDRESSEE, Party, check_addressee
from records.tables import clients
from tasks.judge import holds, missing, with_check


def addressed(connection: Connection, client: str, record_class: RecordClass, found: Description) -> Description:
    """Return a description with what its customer is to the client.

    The answer stands on the tax id, or where none was read on the name. An answer `unknown` sends the value to a
    person unless the class file lets it pass.
    """
    specs = [spec for spec in record_class.fields if ADDRESSEE in spec.checks]
    if not specs:
        return found
    party = client_party(connection, client)
    fields, review = {field.name: field for field in found.fields if field.index is None}, list(found.review)
    for spec in specs:
        tax_id = fields.get(spec.name, missing(spec))
        name = fields.get(spec.of or "")
        check = check_addressee(party, None if name is None else name.value, tax_id.value)
        place = name if tax_id.value is None and name is not None and name.value is not None else tax_id
        fields[place.name] = with_check(place, check, hold=holds(spec, check))
        if check.outcome == "hold":
            review.append(ReviewReason(ADDRESSEE, place.name, check.message))
        elif fields[place.name].status != place.status:
            review.append(ReviewReason("addressee-unknown", place.name, check.message))
    kept = tuple(fields.get(field.name, field) if field.index is None else field for field in found.fields)
    return replace(found, fields=kept, review=tuple(review))


def client_party(connection: Connection, client: str) -> Party:
    """Return a client as a party: tax id None and name empty where they are not on file."""
    row = connection.execute(select(clients).where(clients.c.id == client)).one()
    return Party(row.id, row.tax_id, row.legal_name or "")
