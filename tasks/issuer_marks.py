"""Marks by which a document tells who issued it where no label does: its foot, and the names of its web and mail.

At the foot of a letterhead the firm names itself beside its register details (capital, register, seat, VAT number);
its own domain is written in one word what its name is in several. Both only speak for a name; neither is needed. But a
name that nothing ties to the issuer may be who the document was sent to, and waits for a person.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from records.class_library import FieldSpec
from records.fields import Check
from records.normalise import Reading, fold
from records.validation import is_tax_id
from tasks.candidates import FIRM, Candidate, from_reading
from tasks.layout import PageLayout, Row
from tasks.parties import LEGAL_FORM, read_name
from tasks.printed_tax_ids import loose_tax_ids

FOOT_SHARE = 0.72  # of the height of what is printed, below which register details stand
FOOT_ABOVE = 2  # rows over the details in which the firm's name may stand by itself
FOOT_GAP = 2.5  # letter heights between the name and the details
FOOT_SCORE = 0.62
CLOSING_SHARE = 0.6  # of the height of what is printed, below which a firm names itself again, and no address stands
SHORTEST_DOMAIN = 4  # letters; shorter ones are in many names

_REGISTER = re.compile(
    r"siege social|au capital|\br\.?c\.?s\b|\bsiret\b|registro mercantil|\binscrita en\b|\bdomicilio social\b"
    r"|\breg\. ?merc|\br\. ?m\. "
    r"|\bhrb\b|handelsregister|amtsgericht|geschaftsfuhrer|\bkvk\b|registered (?:office|in)|registration number"
    r"|\bcompany (?:no|number|reg)\b|\bcapitale sociale\b|\bcapital social\b"
)
_DOMAIN = re.compile(r"(?:@|www\.|https?://(?:www\.)?)([a-z0-9-]+)\.(?:co\.|com\.)?[a-z]{2,6}\b")
_ANYBODYS = frozenset(
    {"gmail", "hotmail", "outlook", "yahoo", "icloud", "live", "aol", "gmx", "proton", "protonmail", "facebook", "web"}
)


def names_at_foot(spec: FieldSpec, page: PageLayout) -> Iterator[Candidate]:
    """Yield names at the foot of a page that stand before or over the register details of a firm."""
    bottom = page.rows[-1].box.y1 if page.rows else 0
    for row in page.rows:
        if row.box.y0 < FOOT_SHARE * bottom or not _REGISTER.search(row.folded):
            continue
        reading = _up_to_form(row)
        if reading is not None:
            yield from_reading(spec, reading, row, 0, FOOT_SCORE * FIRM, "zone")
        for above in reversed(page.rows[max(0, row.number - FOOT_ABOVE) : row.number]):
            if row.box.y0 - above.box.y1 > FOOT_GAP * max(row.height, above.height) * FOOT_ABOVE:
                break
            name = read_name(above, above.cells[0].start, above.cells[0].end) if len(above.cells) == 1 else None
            if name is not None and ":" not in name.value:  # a label and what it says
                yield from_reading(spec, name, above, 0, FOOT_SCORE * FIRM, "zone")


def ids_at_foot(page: PageLayout) -> frozenset[str]:
    """Return the valid tax ids that stand at the foot of a page in a row with the register details of a firm."""
    bottom = page.rows[-1].box.y1 if page.rows else 0
    rows = [row for row in page.rows if row.box.y0 >= FOOT_SHARE * bottom and _REGISTER.search(row.folded)]
    found = (reading.value for row in rows for reading in loose_tax_ids(row.text))
    return frozenset(value for value in found if is_tax_id(value))


def _up_to_form(row: Row) -> Reading | None:
    """Return the name that begins a row and ends in a legal form: `Acme SAS au capital de ...`."""
    form = LEGAL_FORM.search(row.folded)
    if form is None or form.start() == 0 or row.text[: form.start()].count(" ") > 6:
        return None
    return read_name(row, 0, form.end())


def domains(page: PageLayout) -> frozenset[str]:
    """Return the names of the web and mail domains on a page, folded, without what is anybody's mail."""
    found = {match[1] for row in page.rows for match in _DOMAIN.finditer(row.folded)}
    return frozenset(one.replace("-", "") for one in found if len(one) >= SHORTEST_DOMAIN and one not in _ANYBODYS)


def names_domain(name: str, known: Iterable[str]) -> bool:
    """Tell whether a domain is written as a name is: `tallerescosta` for Talleres Costa S.L."""
    bare = re.sub(r"[^a-z0-9]", "", LEGAL_FORM.sub("", fold(name)))
    return len(bare) >= SHORTEST_DOMAIN and any(one.startswith(bare) or bare.startswith(one) for one in known)


def check_issuer(name: Candidate, recipient: str | None, pages: Sequence[PageLayout]) -> Check:
    """Check that a name without a label is the issuer's: by its domain, by standing again further down, by elimination.

    `recipient` is who the document is to, where a label says so.
    """
    if name.method != "zone":
        return Check("issuer", "pass", "a label says so")
    if any(names_domain(name.value, domains(page)) for page in pages):
        return Check("issuer", "pass", "a web or mail domain is of that name")
    if any(_stands_again(name, page) for page in pages):
        return Check("issuer", "pass", "stands again further down")
    if recipient is not None and fold(recipient) != fold(name.value):
        return Check("issuer", "pass", "another is named as who it is to")
    return Check("issuer", "unknown", "nothing tells whether it is by this one or to this one")


def _stands_again(name: Candidate, page: PageLayout) -> bool:
    bare = LEGAL_FORM.sub("", fold(name.value)).strip(" ,.-")
    lowest = CLOSING_SHARE * page.rows[-1].box.y1 if page.rows else 0
    again = (row for row in page.rows if (row.page, row.number) != (name.page, name.row) and row.box.y0 >= lowest)
    return len(bare) >= SHORTEST_DOMAIN and any(
        re.search(rf"(?<![a-z0-9]){re.escape(bare)}(?![a-z0-9])", row.folded) for row in again
    )
