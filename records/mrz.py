"""Read and check the machine readable zone of identity documents: TD1, TD2 and TD3 of ICAO 9303, parts 4 to 6.

Check digits do not tell all: a name has none, and 0 read as A keeps its digit, in any position. So the zone is
compared with what is printed (reference of data verification, section 3; acceptance cases 9 to 11). Dates have two
digits for the year; which century is derived, and said to be.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from records.normalise import fold

_WEIGHTS = (7, 3, 1)
_TO_DIGIT = str.maketrans("OQDIZSGB", "00012568")
_TO_LETTER = str.maketrans("01258", "OIZSB")
LINE = re.compile(r"^[A-Z0-9<]{28,46}$")
ZONE_FIELDS = (  # what a field of a class may take from a zone
    "document_type", "number", "surname", "given_names", "birth_date", "expiry_date", "nationality", "sex", "issuer"
)  # fmt: skip
KINDS = {"I": "identity card", "A": "identity card", "C": "identity card", "P": "passport", "V": "visa"}


@dataclass(frozen=True, slots=True)
class Zone:
    """What a zone says. Dates are None where they are not given; `failed` names the check digits that do not hold.

    `derived` names dates whose century was worked out.
    """

    form: str  # TD1, TD2 or TD3
    document_type: str
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    sex: str
    birth_date: date | None
    expiry_date: date | None
    optional: str
    failed: tuple[str, ...]
    derived: tuple[str, ...] = ("birth_date", "expiry_date")

    @property
    def national_id(self) -> str | None:
        """The holder's number in the optional data of a Spanish card, where it is one."""
        match = re.match(r"[0-9XYZ]\d{7}[A-Z]", self.optional)
        return match[0] if match and self.issuer == "ESP" else None


def check_digit(text: str) -> int:
    """Return the check digit of a field: weights 7, 3, 1; letters count from 10, the filler 0."""
    return sum(_value(character) * _WEIGHTS[place % 3] for place, character in enumerate(text)) % 10


def _value(character: str) -> int:
    if character.isdigit():
        return int(character)
    return 0 if character == "<" else ord(character) - ord("A") + 10


def clean_line(text: str) -> str:
    """Return a line as the zone has it: no spaces, fillers for marks that readers take for them."""
    return re.sub(r"[«‹\(\{\[]", "<", re.sub(r"\s", "", text.upper())).replace("K<K", "<<<")


def find_zone(lines: Sequence[str], today: date) -> Zone | None:
    """Return the zone among lines of text, the last that is one, or None."""
    cleaned = [clean_line(line) for line in lines]
    for start in reversed(range(len(cleaned))):
        for count, size in ((3, 30), (2, 44), (2, 36)):
            rows = cleaned[start : start + count]
            if len(rows) == count and all(LINE.match(row) and abs(len(row) - size) <= 2 for row in rows):
                zone = read_zone([row[:size].ljust(size, "<") for row in rows], today)
                if zone is not None:
                    return zone
    return None


def read_zone(rows: Sequence[str], today: date) -> Zone | None:
    """Read rows of the right length; None if they are no zone."""
    if len(rows) == 3 and rows[0][0] in "IAC":
        return _td1(rows, today)
    if len(rows) == 2 and rows[0][0] in "PIACV":
        return _two_rows(rows, today)
    return None


def _td1(rows: Sequence[str], today: date) -> Zone:
    first, second, third = rows
    number, optional = first[5:14], first[15:30]
    if first[14] == "<" and optional.strip("<"):  # a longer number goes on in the optional data
        rest = optional.split("<")[0]
        number, digit, optional = first[5:14] + rest[:-1], rest[-1:], optional[len(rest) :]
    else:
        digit = first[14]
    birth, expiry = _digits(second[0:6]), _digits(second[8:14])
    composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    failed = _failed(
        ("number", number, digit), ("birth_date", birth, second[6]), ("expiry_date", expiry, second[14]),
        ("composite", composite, second[29]),
    )  # fmt: skip
    surname, given = _names(third)
    return Zone(
        "TD1", first[0:2].strip("<"), _letters(first[2:5]), number.strip("<"), surname, given, _letters(second[15:18]),
        second[7], birth_date(birth, today), expiry_date(expiry, today), optional.strip("<"), failed,
    )  # fmt: skip


def _two_rows(rows: Sequence[str], today: date) -> Zone:
    first, second = rows
    number, birth, expiry = second[0:9], _digits(second[13:19]), _digits(second[21:27])
    checks = [("number", number, second[9]), ("birth_date", birth, second[19]), ("expiry_date", expiry, second[27])]
    long = len(second) == 44
    optional = second[28:42] if long else second[28:35]
    if first[0] != "V":  # visas have no composite check digit
        if long:
            checks.append(("optional", optional, second[42] if second[42] != "<" else "0"))
        end = second[28:43] if long else second[28:35]
        checks.append(("composite", second[0:10] + second[13:20] + second[21:28] + end, second[-1]))
    surname, given = _names(first[5:])
    return Zone(
        "TD3" if long else "TD2", first[0:2].strip("<"), _letters(first[2:5]), number.strip("<"), surname, given,
        _letters(second[10:13]), second[20], birth_date(birth, today), expiry_date(expiry, today), optional.strip("<"),
        _failed(*checks),
    )  # fmt: skip


def _failed(*checks: tuple[str, str, str]) -> tuple[str, ...]:
    return tuple(name for name, text, digit in checks if str(check_digit(text)) != digit.translate(_TO_DIGIT))


def _digits(text: str) -> str:
    return text.translate(_TO_DIGIT)


def _letters(text: str) -> str:
    return text.translate(_TO_LETTER).strip("<")


def _names(text: str) -> tuple[str, str]:
    surname, _, given = text.translate(_TO_LETTER).partition("<<")
    return " ".join(surname.replace("<", " ").split()), " ".join(given.replace("<", " ").split())


def birth_date(text: str, today: date) -> date | None:
    """Return a date of birth: the last century in which it lies in the past."""
    found = _day(text, today.year // 100 * 100)
    if found is not None and found > today:
        found = _day(text, today.year // 100 * 100 - 100)
    return found


def expiry_date(text: str, today: date) -> date | None:
    """Return a date of expiry: within fifty years of today, before or after."""
    century = today.year // 100 * 100
    days = [day for start in (century - 100, century, century + 100) if (day := _day(text, start)) is not None]
    return min(days, key=lambda day: abs((day - today).days), default=None)


def _day(text: str, century: int) -> date | None:
    if not text.isdigit():
        return None
    try:
        return date(century + int(text[0:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def transliterate(name: str) -> str:
    """Return a printed name as the zone would have it: no accents, Ñ as N, no marks, no doubled spaces."""
    return " ".join(re.sub(r"[^A-Z ]", " ", fold(name).upper().replace("'", "")).split())


def same_name(zone: str, printed: str) -> bool:
    """Tell whether a zone's name is the printed one, or its start where the zone had no room for all of it."""
    short, long = transliterate(zone), transliterate(printed)
    spelled = {long, long.replace("UE", "U"), long.replace("Ü", "UE")}
    return any(short == one or (len(short) >= 20 and one.startswith(short)) for one in spelled)
