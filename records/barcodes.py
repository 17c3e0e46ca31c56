"""Barcodes of the records desk: a letter for the kind, eight digits, two check digits; reading what a scanner types.

A code is `F0000001206`: kind, number, and check digits of ISO/IEC 7064 MOD 97-10 over kind and number, so that every
single wrong, missing or added character and every swap of neighbours is noticed, the kind's letter included; two codes
run together are refused, never guessed. A number is given once in an installation for ever (reference of the records
desk, invariants 4 and 5); this module knows the form only, the catalogue knows which codes were given.

The kinds' letters stand on the same key of the US, Spanish, French and German keyboards; a scanner that types through
another layout is understood as long as the check digits agree (same reference, section 7).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from stdnum.iso7064 import mod_97_10

from records.errors import BarcodeError

NUMBER_DIGITS = 8
CODE_LENGTH = 1 + NUMBER_DIGITS + 2
LAST_NUMBER = 10**NUMBER_DIGITS - 1
INPUT_LIMIT = 256  # characters; what is longer is no scan


class Kind(StrEnum):
    """What a code stands on; the value is its letter."""

    FILE = "F"
    BOX = "B"
    PLACE = "L"
    PERSON = "P"
    COMMAND = "C"
    SLIP = "S"
    TRANSFER = "T"


# What each kind is called, in the order of the letters above; people read it translated.
KIND_NAMES: dict[Kind, str] = {
    Kind.FILE: "physical file",
    Kind.BOX: "box",
    Kind.PLACE: "location",
    Kind.PERSON: "person",
    Kind.COMMAND: "command",
    Kind.SLIP: "loan slip",
    Kind.TRANSFER: "transfer",
}

_LETTERS = "".join(Kind)
_CODE = re.compile(rf"[{_LETTERS}][0-9]{{{NUMBER_DIGITS + 2}}}")
_RUN_ON = re.compile(rf"(?:[{_LETTERS}][0-9]{{{NUMBER_DIGITS + 2}}}){{2,}}")
_ALMOST = re.compile(rf"[{_LETTERS}]?[0-9]{{{NUMBER_DIGITS},{NUMBER_DIGITS + 4}}}")
_AIM_PREFIX = re.compile(r"\][A-Za-z][0-9]")  # ISO/IEC 15424: what a scanner puts before the data, if it is set to

# The keys of digits and of our letters as other layouts write them: French and Belgian without Shift, Czech, Greek,
# Russian. No mapped character occurs in a code of ours, so nothing right is changed.
_OTHER_LAYOUTS = (
    str.maketrans("&é\"'(-è_çà", "1234567890"),
    str.maketrans("&é\"'(§è!çà", "1234567890"),
    str.maketrans("+ěščřžýáíé", "1234567890"),
    str.maketrans("φΦβΒλΛπΠψΨσΣτΤ", "FFBBLLPPCCSSTT"),
    str.maketrans("аАиИдДзЗсСыЫеЕ", "FFBBLLPPCCSSTT"),
)


@dataclass(frozen=True, slots=True)
class Barcode:
    """A code whose check digits agree."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        """Return the code as it is printed and scanned, `F0000001206`."""
        return make_code(self.kind, self.number)


def make_code(kind: Kind, number: int) -> str:
    """Return the code of a number, 1 to 99,999,999.

    Raises:
        BarcodeError: the number is outside that range.
    """
    if not 1 <= number <= LAST_NUMBER:
        raise BarcodeError("out-of-range")
    body = f"{kind.value}{number:0{NUMBER_DIGITS}d}"
    return body + str(mod_97_10.calc_check_digits(body))


def read_code(raw: str) -> Barcode:
    """Read what a scanner or a person typed: ends, case, grouping and keyboard layout do not matter, check digits do.

    Raises:
        BarcodeError: `not-a-barcode`, `run-on`, `wrong-length`, or `check-digits`; scan again.
    """
    if len(raw) > INPUT_LIMIT:
        raise BarcodeError("not-a-barcode")
    text = trim(raw)
    for candidate in (text, *(text.translate(layout) for layout in _OTHER_LAYOUTS)):
        code = _ungrouped(candidate)
        if _CODE.fullmatch(code) and mod_97_10.is_valid(code):
            number = int(code[1:-2])
            if number:
                return Barcode(Kind(code[0]), number)
    raise BarcodeError(_what_is_wrong(_ungrouped(text)))


def looks_like_code(raw: str) -> bool:
    """Tell whether something typed is meant as one of our codes, right or wrong (else it may be a word)."""
    try:
        read_code(raw)
    except BarcodeError as error:
        return error.reason != "not-a-barcode"
    return True


def trim(raw: str) -> str:
    """Take off what a scanner adds to the data: AIM prefix, line ends, tabs, control characters, spaces around."""
    kept = "".join(c for c in unicodedata.normalize("NFC", raw) if c == " " or unicodedata.category(c)[0] not in "CZ")
    return _AIM_PREFIX.sub("", kept.strip(), count=1) if kept.strip().startswith("]") else kept.strip()


def grouped(code: str) -> str:
    """Return a code as people read it out, `F 0000 0012 06`; `read_code` takes it back."""
    return f"{code[0]} {code[1:5]} {code[5:9]} {code[9:]}"


def _ungrouped(text: str) -> str:
    # only the printed grouping is taken back; spaces elsewhere are part of something else
    text = text.upper()
    parts = text.split(" ")
    return "".join(parts) if [len(part) for part in parts] == [1, 4, 4, 2] else text


def _what_is_wrong(text: str) -> str:
    if _CODE.fullmatch(text):
        return "check-digits"
    if _RUN_ON.fullmatch(text):
        return "run-on"
    if _ALMOST.fullmatch(text):
        return "wrong-length"
    return "not-a-barcode"
