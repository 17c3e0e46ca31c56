"""Values from the machine readable zone of identity documents, as candidates beside what is printed.

The zone is surer than print, except for names, which no check digit covers: where the print says otherwise a person
decides, and a zone without print to compare with is not believed alone (reference of data verification, section 3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from records.class_library import RecordClass
from records.fields import Check
from records.mrz import Zone, find_zone, same_name
from records.normalise import fold
from tasks.candidates import Candidate
from tasks.extract import Choice, PageMarks
from tasks.layout import Row

SCORE = 0.96  # of a value from the zone
TITLES = {"I": "identity_card", "A": "identity_card", "C": "identity_card", "P": "passport"}
COMPARED = frozenset({"number", "surname", "given_names", "birth_date", "expiry_date", "sex"})
NAMES = frozenset({"surname", "given_names"})
PRINTED = 0.5  # score from which another value counts as printed


@dataclass(frozen=True, slots=True)
class Found:
    """The zone of a record and the rows it stands on."""

    zone: Zone
    rows: tuple[Row, ...]

    def value(self, name: str) -> str | None:
        """Return what the zone says of a field, in the field's form."""
        zone = self.zone
        if name == "document_type":
            return TITLES.get(zone.document_type[:1])
        if name == "number":
            return zone.national_id or zone.number or None
        found = getattr(zone, name)
        if isinstance(found, date):
            return found.isoformat()
        return str(found).strip("<") or None if found is not None else None


def find(marks: Sequence[PageMarks], today: date) -> Found | None:
    """Return the zone of a record, if there is one on any page."""
    for mark in marks:
        rows = mark.page.rows
        for start in range(len(rows)):
            for count in (3, 2):
                part = rows[start : start + count]
                zone = find_zone([row.text for row in part], today) if _is_start(part, count) else None
                if zone is not None:
                    return Found(zone, part)
    return None


def _is_start(rows: Sequence[Row], count: int) -> bool:
    """Tell whether rows may be a zone at a glance: the first is long and has fillers."""
    return len(rows) == count and sum(character in "<«‹" for character in rows[0].text) >= 2


def candidates(record_class: RecordClass, found: Found) -> Iterator[Candidate]:
    """Yield a candidate for each field that the class takes from the zone."""
    failed = set(found.zone.failed)
    for spec in record_class.fields:
        value = found.value(spec.mrz) if spec.mrz is not None else None
        if value is None:
            continue
        row = found.rows[_row_of(spec.mrz or "", found)]
        words = tuple(placed.word for placed in row.words)
        note = ", ".join(sorted(failed & {spec.mrz or "", "composite"}))
        yield Candidate(spec.name, value, row.text, row.page, words, SCORE, "mrz", note=note, row=row.number)


def _row_of(name: str, found: Found) -> int:
    if name in NAMES:
        return len(found.rows) - 1 if found.zone.form == "TD1" else 0
    if name in ("document_type", "issuer"):
        return 0
    return 0 if name == "number" and found.zone.form == "TD1" else 1


def checks(name: str, choice: Choice, ranked: Sequence[Choice]) -> list[Check]:
    """Return what speaks for and against a value of the zone: its check digits, and the print."""
    found = []
    if choice.best.note:
        found.append(Check("mrz", "hold", f"check digits do not hold: {choice.best.note}"))
    elif name not in NAMES:
        found.append(Check("mrz", "pass", "check digits"))
    if name in COMPARED:
        found.append(_compared(name, choice, ranked))
    return found


def _compared(name: str, choice: Choice, ranked: Sequence[Choice]) -> Check:
    others = [other for other in ranked if other is not choice and other.score >= PRINTED]
    same = [other for other in others if _agree(name, choice.value, other.value)]
    if same or choice.support > 1:
        return Check("mrz-print", "pass", "the print says the same")
    if others:
        return Check("mrz-print", "hold", f"zone {choice.value!r}, print {others[0].value!r}")
    return Check("mrz-print", "unknown", "nothing printed was read to compare it with")


def _agree(name: str, zone: str, printed: str) -> bool:
    return same_name(zone, printed) if name in NAMES else fold(zone) == fold(printed)
