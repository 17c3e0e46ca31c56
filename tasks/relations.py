"""Compare a record with what the client holds already: duplicates by key fields, accounts, known parties.

An account read from a document makes an exception, never a record: nothing here writes to a list of parties, and an
account is believed only after a person has confirmed it for the same party, twice where it replaced another (reference
of data verification, sections 5, 7 and 8; acceptance cases 5 and 15 to 23).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from records.amount_patterns import AMOUNT, check_amount
from records.class_library import RecordClass
from records.class_tables import DuplicateKey
from records.duplicates import InvoiceKey, Verdict, compare
from records.fields import Check, Description, Field, Outcome, ReviewReason
from records.parties import Match, Party, match_party
from records.sender_domains import DOMAIN, Printed, check_domains
from records.tables import fields as fields_table
from tasks.judge import with_check

MOST_COMPARED = 2000  # records of one issuer that are looked at, the newest first
CONFIRMED = ("confirmed", "corrected")
STANDING = ("accepted", *CONFIRMED)
NOT_ASKED = "the list of known parties could not be asked"


@dataclass(frozen=True, slots=True)
class Held:
    """Another record of the client: its id and current values by field name, with their status."""

    record: str
    values: Mapping[str, tuple[str, str]]  # name -> (value, status)

    def value(self, name: str | None) -> str | None:
        """Return a field's value, or None."""
        found = self.values.get(name or "")
        return found[0] if found else None


def relate(
    connection: Connection,
    record: str,
    client: str,
    record_class: RecordClass,
    found: Description,
    registry: Sequence[Party] | None,
    marks: tuple[bool, bool] = (False, False),
    printed: Sequence[Printed] = (),
) -> Description:
    """Return a description with what the client's other records and known parties say about it.

    Args:
        connection: for reading; nothing is written.
        record: its id, which is not compared with itself.
        client: whose records are looked at.
        record_class: the class it was described as.
        found: the description.
        registry: the client's known parties; an empty one means that there is no list to compare with, None that it
            could not be asked: what it would have said is unknown, and waits for a person.
        marks: whether the pages say that it is a credit note, and a copy.
        printed: the web and mail domains on its pages.
    """
    key = record_class.duplicate_key
    if key is None:
        return found
    values = {field.name: field.value for field in found.fields if field.index is None and field.value is not None}
    others = _held(connection, record, client, key, values)
    fields, review = list(found.fields), list(found.review)
    mine = _invoice_key(values, key, marks)
    for other in others:
        theirs = _invoice_key({name: value for name, (value, _) in other.values.items()}, key, (False, False))
        _note(fields, review, key, other.record, compare(mine, theirs))
    _judge_amount(fields, record_class, key, values, others)
    if key.iban is not None and key.iban in values:
        _judge_account(fields, review, key, values, others, registry)
    if registry is None:
        name = key.party if key.party in values else key.issuer
        _add_check(fields, name, Check("party", "unknown", NOT_ASKED), hold=True)
        review.append(ReviewReason("party-unchecked", name, NOT_ASKED))
    elif registry:
        party = _judge_party(fields, review, key, values, registry)
        _judge_sender(fields, review, key, values, (printed, () if party is None else party.domains))
    return replace(found, fields=tuple(fields), review=tuple(review))


def _held(connection: Connection, record: str, client: str, key: DuplicateKey, values: Mapping[str, str]) -> list[Held]:
    """Return the client's other records of the same issuer or with the same account."""
    wanted = [(name, values[name]) for name in (key.issuer, key.iban) if name is not None and name in values]
    table, ids = fields_table.c, []
    for name, value in wanted:
        query = select(table.record).where(
            table.client == client, table.name == name, table.value == value, table.current.is_(True),
            table.record != record,
        )  # fmt: skip
        ids += list(connection.execute(query.order_by(table.record.desc()).limit(MOST_COMPARED)).scalars())
    held: dict[str, dict[str, tuple[str, str]]] = {one: {} for one in dict.fromkeys(ids)}
    names = [name for name in (key.issuer, key.number, key.date, key.total, key.iban) if name is not None]
    listed = list(held)
    for start in range(0, len(listed), 500):
        query = select(table.record, table.name, table.value, table.status).where(
            table.record.in_(listed[start : start + 500]), table.name.in_(names), table.current.is_(True),
            table.position == -1, table.value.is_not(None),
        )  # fmt: skip
        for row in connection.execute(query):
            held[row.record][row.name] = (row.value, row.status)
    return [Held(one, found) for one, found in held.items()]


def _invoice_key(values: Mapping[str, str | None], key: DuplicateKey, marks: tuple[bool, bool]) -> InvoiceKey:
    day, total = values.get(key.date), values.get(key.total)
    amount = None if total is None else Decimal(total)
    return InvoiceKey(
        values.get(key.issuer), values.get(key.number), None if day is None else date.fromisoformat(day), amount,
        values.get(key.iban or ""), marks[0] or (amount is not None and amount < 0), marks[1],
    )  # fmt: skip


def _note(fields: list[Field], review: list[ReviewReason], key: DuplicateKey, other: str, verdict: Verdict) -> None:
    """Say on the number what another record is to this one; a duplicate or candidate waits for a person."""
    if verdict.likeness == "different":
        return
    message = f"{other}: {verdict.reason}"
    outcome: Outcome = "info" if verdict.likeness == "linked" else "hold" if verdict.likeness == "duplicate" else "warn"
    code = {"duplicate": "duplicate", "candidate": "duplicate-candidate"}.get(verdict.likeness)
    _add_check(fields, key.number, Check("duplicate", outcome, message), hold=code is not None)
    if code is not None:
        review.append(ReviewReason(code, key.number, message))


def _judge_account(
    fields: list[Field], review: list[ReviewReason], key: DuplicateKey, values: Mapping[str, str],
    others: Sequence[Held], registry: Sequence[Party] | None,
) -> None:  # fmt: skip
    """Replace the account's `unknown` by what is known of it."""
    account, issuer, iban = values[key.iban or ""], values.get(key.issuer), key.iban or ""
    mine = [other for other in others if issuer is not None and other.value(key.issuer) == issuer]
    seen = [other for other in mine if other.value(iban) == account]
    confirmed = [other for other in seen if other.values[iban][1] in CONFIRMED]
    changed = any(other.value(iban) not in (None, account) for other in mine)
    shared = any(other.value(iban) == account and other.value(key.issuer) not in (None, issuer) for other in others)
    owner = match_party(None, issuer, registry).party if issuer is not None and registry else None
    check, code = _account_check(account, owner, len(confirmed), changed=changed, shared=shared)
    if registry is None and check.outcome == "pass":  # the list might say that the party has another
        check, code = Check("iban-known", "unknown", NOT_ASKED), "iban-unconfirmed"
    for place, field in enumerate(fields):
        if field.name == iban:
            kept = tuple(one for one in field.checks if one.check != "iban-known")
            good = check.outcome == "pass" and all(one.outcome in ("pass", "info", "warn") for one in kept)
            fields[place] = replace(field, checks=(*kept, check), status="accepted" if good else "review")
    if code != "iban-unconfirmed":
        review[:] = [reason for reason in review if (reason.field, reason.code) != (iban, "iban-unconfirmed")]
    if code not in (None, "iban-unconfirmed"):
        review.append(ReviewReason(code or "", iban, check.message))


def _judge_amount(
    fields: list[Field], record_class: RecordClass, key: DuplicateKey, values: Mapping[str, str], others: Sequence[Held]
) -> None:
    """Say of a total what is unusual after the party's others that stand."""
    spec, issuer = record_class.spec(key.total), values.get(key.issuer)
    if spec is None or AMOUNT not in spec.checks or key.total not in values:
        return
    totals = [other.values[key.total] for other in others if issuer and other.value(key.issuer) == issuer
              and other.value(key.total) is not None]  # fmt: skip
    earlier = [Decimal(value) for value, status in totals if status in STANDING]
    for check in check_amount(Decimal(values[key.total]), record_class.approval_limits, earlier):
        _add_check(fields, key.total, check, hold=False)


def _account_check(
    account: str, owner: Party | None, confirmed: int, *, changed: bool, shared: bool
) -> tuple[Check, str | None]:
    if shared:
        return Check("iban-known", "hold", "another party has been paid on this account"), "iban-shared"
    if owner is not None and owner.accounts:
        if account in owner.accounts:
            return Check("iban-known", "pass", "a verified account of this party"), None
        return Check("iban-known", "hold", "not one of this party's verified accounts"), "iban-changed"
    if changed and confirmed < 2:
        return Check("iban-known", "hold", "earlier records of this party have another account"), "iban-changed"
    if confirmed:
        return Check("iban-known", "pass", f"confirmed by a person in {confirmed} earlier record(s)"), None
    return Check(
        "iban-known", "unknown", "first seen: confirm it by a call to a number already on file"
    ), "iban-unconfirmed"


def _judge_party(
    fields: list[Field], review: list[ReviewReason], key: DuplicateKey, values: Mapping[str, str],
    registry: Sequence[Party],
) -> Party | None:  # fmt: skip
    """Say who the party is by the list; return it where it is surely one of them."""
    tax_id = values.get(key.issuer)
    field = next((one for one in fields if one.name == key.issuer), None)
    holds = field is not None and any(one.check == "tax-id" and one.outcome == "pass" for one in field.checks)
    found = match_party(values.get(key.party or ""), tax_id if holds else None, registry)
    name = key.party if key.party in values else key.issuer
    _add_check(fields, name, _party_check(found), hold=found.outcome != "match")
    if found.outcome == "match" and found.party is not None and found.party.unpaid is not None:
        _add_check(fields, name, Check("unpaid", "info", f"owes by own books: {found.party.unpaid}"), hold=False)
    if found.outcome != "match":
        code = "party-conflict" if found.outcome == "conflict" else "party-unknown"
        review.append(ReviewReason(code, name, _party_check(found).message))
    return found.party if found.outcome == "match" else None


def _judge_sender(
    fields: list[Field], review: list[ReviewReason], key: DuplicateKey, values: Mapping[str, str],
    compared: tuple[Sequence[Printed], Sequence[str]],
) -> None:  # fmt: skip
    """Say whether the domains on the paper are the party's."""
    check, name = check_domains(*compared), key.party if key.party in values else key.issuer
    if check is not None:
        _add_check(fields, name, check, hold=check.outcome == "hold")
        if check.outcome == "hold":
            review.append(ReviewReason(DOMAIN, name, check.message))


def _party_check(found: Match) -> Check:
    if found.outcome == "match" and found.party is not None:
        return Check("party", "pass", f"known: {found.party.id}")
    if found.outcome == "conflict":
        named = ", ".join(party.id for party in (found.party, *found.proposed) if party is not None)
        return Check("party", "hold", f"the identifier is one party's, the name another's: {named}")
    if found.proposed:
        return Check("party", "hold", f"not a known party; perhaps {', '.join(party.id for party in found.proposed)}")
    return Check("party", "hold", "not a known party")


def _add_check(fields: list[Field], name: str | None, check: Check, *, hold: bool) -> None:
    for place, field in enumerate(fields):
        if field.name == name and field.index is None:
            fields[place] = with_check(field, check, hold=hold)
