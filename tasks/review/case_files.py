"""The documents of one case compared: what contradicts itself waits for a person on every document that says it.

The comparison is `records.case_files`; here are the documents, and what follows. Source: reference of data
verification, section 9; acceptance case 24.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select

from custody.desk_tables import file_records, physical_files
from custody.ledger import Actor
from records.case_files import CaseOutcome, compare_case
from records.catalogue import blind_fields, current_fields, field_of, open_reviews, record_row
from records.errors import InvalidValueError, UnknownIdError
from records.fields import Field, ReviewReason
from records.review_codes import CASE_DIFFERS
from records.tables import records
from tasks.record_describing import DESCRIBED
from tasks.review.queue import now_of, require_free
from tasks.review.reopening import reopen
from tasks.services import Services


def records_of_file(services: Services, clients: Sequence[str], name: str) -> list[str]:
    """Return the records bound to papers of one barcode or one case number, among these clients' papers.

    Raises:
        UnknownIdError: there is none.
    """
    with services.database.read() as connection:
        query = select(file_records.c.record).join(physical_files, physical_files.c.id == file_records.c.file)
        named = or_(physical_files.c.barcode == name, physical_files.c.case_no == name)
        found = connection.execute(query.where(named, physical_files.c.client.in_(clients))).scalars().all()
    if not found:
        raise UnknownIdError("no record is bound to a file of this barcode or case number")
    return sorted(map(str, found))


def check_case(
    services: Services, wanted: Sequence[str], required: Sequence[str]
) -> tuple[CaseOutcome, Mapping[str, str]]:
    """Compare the documents of a case; return what they say together, and the class of each.

    A value that people key blind takes no part. The caller has asked `custody.access`, and recorded who looks.

    Raises:
        InvalidValueError: a record is not described yet, or they are not one client's.
    """
    documents: dict[str, tuple[str, Sequence[Field]]] = {}
    with services.database.read() as connection:
        blind, owners = blind_fields(connection, wanted), set()
        for record in wanted:
            row = record_row(connection, record)
            owners.add(row.client)
            if row.state not in DESCRIBED or len(owners) > 1:
                raise InvalidValueError("a case has documents of one client, and all are described")
            fields = [field_of(one) for one in current_fields(connection, record) if one.status != "rejected"]
            said = [field for field in fields if (record, field.name) not in blind]
            documents[record] = (row.record_class or "generic", said)
    return compare_case(documents, required), {record: name for record, (name, _) in documents.items()}


def hold_case(services: Services, outcome: CaseOutcome, actors: Mapping[str, Actor]) -> list[str]:
    """Let every field that contradicts another document wait for a person; return the records that do now.

    Harmless to repeat: what waits for it already stays as it is.

    Raises:
        ReviewTakenError: another person works on one of them; those before it are held.
    """
    reasons: dict[str, list[ReviewReason]] = {}
    for found in outcome.contradictions if outcome.state in ("blocked", "review") else ():
        for one in found.statements:
            others = ", ".join(other.record for other in found.statements if other.record != one.record)
            reasons.setdefault(one.record, []).append(ReviewReason(CASE_DIFFERS, one.field.name, others))
    for record, wanted in reasons.items():
        with services.database.write() as connection:
            row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
            require_free(connection, record, services.person.id, None, now_of(connection, services.clock))
            asked = {one.field for one in open_reviews(connection, record) if one.code == CASE_DIFFERS}
            fresh = [reason for reason in wanted if reason.field not in asked]
            if fresh and row.state in DESCRIBED:
                reopen(services, connection, row, fresh, actors[record])
    return sorted(reasons)
