"""Find the dates of datelines: where and when a paper was written or signed ("En Lugo, a 3 de mayo de 2026").

Running text of such papers is full of other dates, some beside words that are labels elsewhere ("su escrito de fecha 7
de abril"). A dateline is a place and a date, alone in a cell, or after "en" or "at" at the end of a clause.
"""

import re
from collections.abc import Iterator, Sequence

from records.class_library import FieldSpec
from records.normalise import Reading, find_dates
from tasks.candidates import FIRM, Candidate, from_reading
from tasks.conventions import Conventions
from tasks.layout import PageLayout

DATELINE = "dateline"  # the place of a class file that asks for them
ALONE = 1.0  # of the score of a sure label: a place and a date that nothing stands beside
IN_A_CLAUSE = 0.97

_CAPITAL = r"[A-ZÁÉÍÓÚÑÇÀÈÒÜ][\w'’.-]*"
_PLACE = rf"{_CAPITAL}(?:[ -](?:(?:de|del|d'|la|las|los|el|lo|o|a|of|upon|the) )*{_CAPITAL}){{0,3}}(?: \([^()]*\))?"
_ALONE = re.compile(
    rf"(?:(?:[Ee]n|EN|[Dd]ado en|[Ff]irmado en|[Ss]igned in|[Aa]t) )?{_PLACE} ?(?:,(?: (?:a|el|día))*|a|,? on) ?$"
)
_IN_A_CLAUSE = re.compile(rf"\b(?:en|EN|in|at) {_PLACE} ?(?:, ?(?:a|el)(?: día)?|,? on(?: the)?|, ?) ?$")


def datelines(spec: FieldSpec, pages: Sequence[PageLayout], conventions: Conventions) -> Iterator[Candidate]:
    """Yield the dates of datelines from the first page to the last.

    Args:
        spec: a field of the type date.
        pages: of one record.
        conventions: which way 03/04 is read.
    """
    for page in pages:
        for row in page.rows:
            for cell in row.cells:
                for reading in find_dates(row.text[cell.start : cell.end], conventions.date_order):
                    weight = _weight(row.text[cell.start : cell.end], reading)
                    if weight:
                        yield from_reading(spec, reading, row, cell.start, weight * FIRM, "zone")


def _weight(text: str, reading: Reading) -> float:
    """Return how surely a date in a cell's text belongs to a dateline, 0 if it does not."""
    before, after = text[: reading.start], text[reading.end :]
    if _ALONE.fullmatch(before) and not re.search(r"\w", after):
        return ALONE
    found = _IN_A_CLAUSE.search(before)
    ends = not re.match(r"\s*\w", after)
    return IN_A_CLAUSE if found is not None and ends else 0.0
