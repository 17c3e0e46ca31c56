"""What people's decisions teach: where a party's fields stand, who a tax id is, and which record is of which class.

A decision is a revision of `fields` with its actor; the place is that of the evidence it was made on, or of the value
that was chosen. Nothing is copied: what was disposed of teaches nothing any more. What is learnt only proposes: a name
that people gave a tax id is put where none was surely read, and a person still sees it. An account is never learnt
(reference of data verification, section 5).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from records.class_library import RecordClass
from records.class_tables import DuplicateKey
from records.fields import Check, Description, Field, ReviewReason
from records.normalise import fold
from records.parties import Party, bare_tax_id
from records.tables import fields, pages, records
from records.text import Box

DECIDED = ("corrected", "confirmed")
BY_A_PERSON = "decided by a person"  # first of the class evidence of a record whose class a person named or kept
MOST_LESSONS = 100_000  # the newest
MOST_RECORDS = 500  # of one party that are asked what it is called


@dataclass(frozen=True, slots=True)
class Lesson:
    """One field that a person decided on: its value, and where on which page (of which size) it stands.

    `before` is what the machine had; `party` the tax id of the issuer of that record, None where there is none.
    """

    record: str
    record_class: str
    field: str
    index: int | None
    value: str
    before: str | None
    page: int | None
    box: Box | None
    width: int | None
    height: int | None
    party: str | None


def lessons(connection: Connection, client: str, record_class: RecordClass) -> Iterator[Lesson]:
    """Yield what people decided on a client's records of a class, the newest first; in flat memory."""
    key = record_class.duplicate_key
    first, issuer = fields.alias("first"), fields.alias("issuer")
    place = (pages.c.record == fields.c.record) & (pages.c.number == fields.c.page)
    own = (first.c.record == fields.c.record) & (first.c.name == fields.c.name)
    of_issuer = (
        (issuer.c.record == fields.c.record) & (issuer.c.name == ("" if key is None else key.issuer))
        & issuer.c.current.is_(True)
    )  # fmt: skip
    query = (
        select(fields, pages.c.width, pages.c.height, first.c.value.label("before"), issuer.c.value.label("party"))
        .join(records, records.c.id == fields.c.record)
        .outerjoin(pages, place)
        .outerjoin(first, own & (first.c.position == fields.c.position) & (first.c.revision == 0))
        .outerjoin(issuer, of_issuer)
        .where(
            fields.c.client == client, records.c.record_class == record_class.name, fields.c.current.is_(True),
            fields.c.actor.is_not(None), fields.c.status.in_(DECIDED), fields.c.value.is_not(None),
        )
        .order_by(fields.c.record.desc(), fields.c.name, fields.c.position)
        .limit(MOST_LESSONS)
    )  # fmt: skip
    for row in connection.execution_options(yield_per=500).execute(query):
        yield Lesson(
            row.record, record_class.name, row.name, None if row.position < 0 else row.position, row.value,
            row.before, row.page, None if row.box is None else Box(*row.box), row.width, row.height, row.party,
        )  # fmt: skip


def class_examples(connection: Connection, client: str) -> list[tuple[str, str]]:
    """Return the records of a client whose class a person named or confirmed, with that class; the newest first."""
    query = select(records.c.id, records.c.record_class, records.c.class_evidence).where(
        records.c.client == client, records.c.record_class.is_not(None), records.c.state != "disposed"
    )
    rows = connection.execution_options(yield_per=500).execute(query.order_by(records.c.id.desc()))
    return [(row.id, row.record_class) for row in rows if BY_A_PERSON in (row.class_evidence or ())]


def party_of(connection: Connection, client: str, key: DuplicateKey, tax_id: str) -> Party | None:
    """Return the party whose name people gave a tax id, where all who decided on it say the same; without accounts."""
    issuer = fields.alias("issuer")
    query = (
        select(fields.c.value)
        .join(issuer, issuer.c.record == fields.c.record)
        .where(
            fields.c.client == client, fields.c.name == (key.party or ""), fields.c.current.is_(True),
            fields.c.actor.is_not(None), fields.c.status.in_(DECIDED), fields.c.value.is_not(None),
            issuer.c.client == client, issuer.c.name == key.issuer, issuer.c.value == tax_id,
            issuer.c.current.is_(True), issuer.c.status.in_(("accepted", *DECIDED)),
        )
        .order_by(fields.c.record.desc())
        .limit(MOST_RECORDS)
    )  # fmt: skip
    names = list(connection.execute(query).scalars())
    if not names or len({fold(name) for name in names}) > 1:
        return None
    (name, _), *_rest = Counter(names).most_common(1)
    return Party(bare_tax_id(tax_id), bare_tax_id(tax_id), name)


def with_known_party(
    connection: Connection, client: str, record_class: RecordClass, found: Description
) -> Description:  # fmt: skip
    """Return a description whose party's name is the one that people gave its tax id, where none was surely read.

    The tax id must hold by its own check. The field stays, or comes, before a person.
    """
    key = record_class.duplicate_key
    if key is None or key.party is None:
        return found
    by_name = {field.name: field for field in found.fields if field.index is None}
    issuer, name = by_name.get(key.issuer), by_name.get(key.party)
    if issuer is None or issuer.value is None or not _holds(issuer) or name is None or name.status == "accepted":
        return found
    party = party_of(connection, client, key, issuer.value)
    if party is None or (name.value is not None and fold(name.value) == fold(party.name)):
        return found
    said = "not read" if name.value is None else f"read as {name.value}"
    check = Check("party-learnt", "info", f"people gave this tax id this name; {said}")
    learnt = replace(name, value=party.name, method="learnt", status="review", checks=(*name.checks, check))
    changed = tuple(learnt if field is name else field for field in found.fields)
    review = [one for one in found.review if (one.code, one.field) != ("required-missing", name.name)]
    if all(one.field != name.name for one in review):
        review.append(ReviewReason("low-confidence", name.name, check.message))
    return replace(found, fields=changed, review=tuple(review))


def _holds(field: Field) -> bool:
    return any(check.check == "tax-id" and check.outcome == "pass" for check in field.checks)
