"""Read a date in which single signs were misread: letters for digits (12/O4/2025), a slash as a stroke (27106/18).

Only where nothing else is a date. Such a reading is a guess: it is marked as ambiguous, so that a person looks at it
whatever speaks for it (reference of data verification, section 2).
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from records.normalise import DateOrder, Reading, find_dates

FEWEST_DIGITS = 3  # that were read as such
_DIGIT = r"[\dOoQDIlZSBGg]"  # with what print readers take for digits
_DIGITS = str.maketrans("OoQDIlZSBGg", "00001125869")
_END = r"(?![\w/-])"
_FORMS = tuple(
    re.compile(rf"(?<![\w/.,-])(?P<first>{first})(?P<second>{second})(?P<year>{_DIGIT}{{4}}|{_DIGIT}{{2}}){_END}")
    for first, second in (
        (rf"{_DIGIT}{{1,2}}(?P<mark>[/.-])", rf"{_DIGIT}{{1,2}}(?P=mark)"),
        (rf"{_DIGIT}{{2}}[1Il|!]", rf"{_DIGIT}{{2}}[/.-]"),
        (rf"{_DIGIT}{{2}}[/.-]", rf"{_DIGIT}{{2}}[1Il|!]"),
    )
)


def misread_dates(text: str, order: DateOrder | None) -> Iterator[Reading]:
    """Yield dates of which single signs were misread, each ambiguous; the first form that fits decides."""
    for form in _FORMS:
        for match in form.finditer(text):
            if sum(character.isdigit() for character in match[0]) < FEWEST_DIGITS:
                continue
            parts = (match["first"][:-1], match["second"][:-1], match["year"])
            for reading in find_dates("/".join(parts).translate(_DIGITS), order):
                yield replace(reading, raw=match[0], start=match.start(), end=match.end(), ambiguous=True)
