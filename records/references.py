"""What a document refers to of the client's own: orders, contracts, delivery notes; they exist, are open, and suffice.

The list is the client's, by CSV or by a query, and is never written to (reference of data verification, section 3, row
on PO, contract and delivery references). A number is compared without case, accents and marks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from records.errors import ConfigurationError
from records.fields import Check
from records.normalise import fold
from records.parties import bare_tax_id, rows_of

REFERENCE = "reference"
NOT_ASKED = "the list of references could not be asked"
_OPEN = {"": True} | dict.fromkeys(("1", "true", "yes", "open", "si", "abierto", "abierta"), True)
_OPEN |= dict.fromkeys(("0", "false", "no", "closed", "cerrado", "cerrada"), False)


@dataclass(frozen=True, slots=True)
class Reference:
    """One number of the client's: whose, by tax id, or anybody's; whether it is open; what remains of it before tax."""

    number: str
    party: str | None = None
    open: bool = True
    remaining: Decimal | None = None


def parse_references(data: bytes) -> tuple[Reference, ...]:
    """Parse a list of references: CSV in UTF-8 with a head row.

    Columns: `number`, and if wanted `party` (a tax id), `open` (yes or no), `remaining` (an amount with a point).

    Raises:
        ConfigurationError: it is no such list; the row is named.
    """
    rows = rows_of(data, "the list of references")
    return tuple(reference_of(row, number) for number, row in enumerate(rows, 2))


def reference_of(row: Mapping[str, str | None], number: int) -> Reference:
    """Return the reference that a row of a list tells of; `number` is the row's.

    Raises:
        ConfigurationError: it has no number, or `open` or `remaining` has not its form.
    """
    name, said = row.get("number"), fold((row.get("open") or "").strip())
    if not name or not bare_number(name) or said not in _OPEN:
        raise ConfigurationError(f"the list of references: row {number} needs a number, and yes or no as 'open'")
    rest = (row.get("remaining") or "").strip()
    try:
        remaining = Decimal(rest) if rest else None
    except InvalidOperation as error:
        raise ConfigurationError(f"the list of references: row {number} has no amount as 'remaining'") from error
    if remaining is not None and not remaining.is_finite():
        raise ConfigurationError(f"the list of references: row {number} has no amount as 'remaining'")
    return Reference(name, bare_tax_id(row.get("party") or "") or None, _OPEN[said], remaining)


def bare_number(number: str) -> str:
    """Return a number as it is compared."""
    return "".join(filter(str.isalnum, fold(number)))


def check_reference(
    number: str, party: str | None, amount: Decimal | None, listed: Sequence[Reference] | None
) -> Check | None:
    """Check the number that a document refers to; None where the client has no list.

    Args:
        number: as read.
        party: the tax id of the document's issuer, or None.
        amount: of the document before tax, else its total; None where neither was read.
        listed: the client's references; None where they could not be asked.
    """
    if listed is None:
        return Check("reference", "unknown", NOT_ASKED)
    if not listed:
        return None
    found = [one for one in listed if bare_number(one.number) == bare_number(number)]
    if not found:
        return Check("reference", "hold", "not in the list of references")
    mine = [one for one in found if one.party is None or (party is not None and one.party == bare_tax_id(party))]
    if not mine:
        return Check("reference", "hold", "another party's reference, or no tax id was read")
    open_ones = [one for one in mine if one.open]
    if not open_ones:
        return Check("reference", "hold", "the reference is closed")
    if any(one.remaining is None for one in open_ones):
        return Check("reference", "pass", "in the list of references and open")
    rest = sum((one.remaining or Decimal(0) for one in open_ones), Decimal(0))
    if amount is None:
        return Check("reference", "unknown", "no amount was read to compare with what remains")
    if amount > rest:  # a credit note takes nothing
        return Check("reference", "hold", f"{amount} is more than remains: {rest}")
    return Check("reference", "pass", f"open; {rest} remained")
