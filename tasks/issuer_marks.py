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
from tasks.parties import LEGAL_FORM, Block, read_name
from tasks.printed_tax_ids import loose_tax_ids

FOOT_SHARE = 0.72  # of the height of what is printed, below which register details stand
FOOT_ABOVE = 2  # rows over the details in which the firm's name may stand by itself
FOOT_GAP = 2.5  # letter heights between the name and the details
FOOT_SCORE = 0.62
FOOT_FIRM = 1.0  # of a legal form there, on the row of the register details: the law asks the issuer for them
DOMAIN_NAME = 0.88  # of words that write one of the page's domains, before that is counted
MOST_WORDS = 5  # of such a name
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
            yield from_reading(spec, reading, row, 0, FOOT_FIRM * FIRM, "zone")
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
    if _REGISTER.search(row.folded, 0, form.start()):
        return None  # a court, a bank, who manages it
    return read_name(row, 0, form.end())


def domains(page: PageLayout) -> frozenset[str]:
    """Return the names of the web and mail domains on a page, folded, without what is anybody's mail."""
    found = {match[1] for row in page.rows for match in _DOMAIN.finditer(row.folded)}
    return frozenset(one.replace("-", "") for one in found if len(one) >= SHORTEST_DOMAIN and one not in _ANYBODYS)


def names_by_domain(
    spec: FieldSpec, page: PageLayout, known: frozenset[str], blocks: Sequence[Block]
) -> Iterator[Candidate]:
    """Yield names that write a domain of the page, wherever they stand but in the recipient's block."""
    for row in page.rows if known else ():
        for start, end in _writing(row, known):
            theirs = any(block.party == "recipient" and block.holds(row, start) for block in blocks)
            form = LEGAL_FORM.match(row.folded, end + 1)
            reading = None if theirs else read_name(row, start, end if form is None else form.end())
            if reading is not None:
                yield from_reading(spec, reading, row, 0, DOMAIN_NAME * FIRM, "zone")


def _writing(row: Row, known: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield where words of a row, read as one, are a domain's name; the domain itself is none of these."""
    bare = [re.sub(r"[^a-z0-9]", "", fold(placed.word.text)) for placed in row.words]
    for first, placed in enumerate(row.words):
        for last in range(first, min(first + MOST_WORDS, len(row.words))):
            if _DOMAIN.search(row.folded, row.words[last].start, row.words[last].end):
                break
            if "".join(bare[first : last + 1]) in known:
                yield placed.start, row.words[last].end


def names_domain(name: str, known: Iterable[str]) -> bool:
    """Tell whether a domain is written as a name is: `tallerescosta` for Talleres Costa S.L."""
    bare = re.sub(r"[^a-z0-9]", "", LEGAL_FORM.sub("", fold(name)))
    return len(bare) >= SHORTEST_DOMAIN and any(one.startswith(bare) or bare.startswith(one) for one in known)


def check_issuer(name: Candidate, recipient: str | None, pages: Sequence[PageLayout], *, identified: bool) -> Check:
    """Check that a name without a label is the issuer's: by its domain, by standing again further down, by elimination.

    An identifier decides, a name confirms (reference of data verification, section 7): where no tax id of the issuer
    was read, such a name may be a brand's or a shop's, and only a label or the register details make it the issuer's.

    Args:
        name: as chosen.
        recipient: who the document is to, where a label says so.
        pages: of the record.
        identified: whether a tax id of the issuer was read whose control character holds.
    """
    if name.method != "zone":
        return Check("issuer", "pass", "a label says so")
    if any(_is_registered(name, page) for page in pages):
        return Check("issuer", "pass", "stands with its register details")
    if any(_stands_again(name, page) for page in pages):
        return Check("issuer", "pass", "stands again further down")
    if not identified:
        return Check("issuer", "unknown", "no tax id of the issuer tells that it is this one")
    if any(names_domain(name.value, domains(page)) for page in pages):
        return Check("issuer", "pass", "a web or mail domain is of that name")
    if recipient is not None and fold(recipient) != fold(name.value):
        return Check("issuer", "pass", "another is named as who it is to")
    return Check("issuer", "unknown", "nothing tells whether it is by this one or to this one")


def _is_registered(name: Candidate, page: PageLayout) -> bool:
    """Tell whether a name stands at the foot on the row of the register details."""
    return any(
        (row.page, row.number) == (name.page, name.row)
        and row.box.y0 >= FOOT_SHARE * page.rows[-1].box.y1
        and _REGISTER.search(row.folded) is not None
        for row in page.rows
    )


def _stands_again(name: Candidate, page: PageLayout) -> bool:
    bare = LEGAL_FORM.sub("", fold(name.value)).strip(" ,.-")
    lowest = CLOSING_SHARE * page.rows[-1].box.y1 if page.rows else 0
    again = (row for row in page.rows if (row.page, row.number) != (name.page, name.row) and row.box.y0 >= lowest)
    return len(bare) >= SHORTEST_DOMAIN and any(
        re.search(rf"(?<![a-z0-9]){re.escape(bare)}(?![a-z0-9])", row.folded) for row in again
    )
