"""Turn what stands on a page into normalised values: dates, money, rates, identifiers.

Forms that can be read in two ways are read by the conventions of the document (order of day and month, decimal sign)
where these are known; where they are not, the reading says `ambiguous` and a person decides (reference of data
verification, sections 1 and 3). Money is Decimal throughout, never float.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

DateOrder = Literal["dmy", "mdy"]
DecimalSign = Literal[",", "."]

_MONTH_NAMES = (
    ("enero", "january", "januar", "janvier", "januari", "janeiro", "gener", "gennaio", "ene", "jan"),
    ("febrero", "february", "februar", "fevrier", "februari", "fevereiro", "febrer", "febbraio", "feb", "fev"),
    ("marzo", "march", "marz", "mars", "maart", "marco", "marc", "mar", "mrz"),
    ("abril", "april", "avril", "aprile", "abr", "apr"),
    ("mayo", "may", "mai", "mei", "maio", "maig", "maggio"),
    ("junio", "june", "juni", "juin", "junho", "juny", "giugno", "jun"),
    ("julio", "july", "juli", "juillet", "julho", "juliol", "luglio", "jul"),
    ("agosto", "august", "aout", "augustus", "agost", "ago", "aug"),
    ("septiembre", "setiembre", "september", "septembre", "setembro", "setembre", "settembre", "sept", "sep", "set"),
    ("octubre", "october", "oktober", "octobre", "outubro", "ottobre", "oct", "okt", "out"),
    ("noviembre", "november", "novembre", "novembro", "nov"),
    ("diciembre", "december", "dezember", "decembre", "dezembro", "desembre", "dicembre", "dic", "dec", "dez"),
)
MONTHS: dict[str, int] = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))

_GLUED_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?!\d)"  # 02.03.2015:59 is the second of March 2020, one minute to four
_NUMERIC_DATE = re.compile(
    r"(?<![\w/.,-])(\d{1,2})\s?(?:([-/])\s?(\d{1,2})\s?\2|[.,]\s?(\d{1,2})\s?[.,])\s?"
    rf"((?:\d{{4}}|\d{{2}})(?={_GLUED_TIME})|(?:\d{{4}}(?!:\d\d)|\d{{2}}(?!\w))(?![\d/]|[.,-]\d))"
)  # a comma is a point misread: no amount looks like 11,04,20
_ISO_DATE = re.compile(r"(?<![\d/.-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_DAY_MONTH = re.compile(
    rf"(?<![\d/.,-])(\d{{1,2}})(?:o|st|nd|rd|th|er)?\.?[\s-]{{0,2}}(?:de\s|d')?\s?({_MONTH})\.?"
    r"[\s,-]{0,2}(?:del?\s)?\s?(\d{4}|'?\d{2})(?![\d:])"
)
_MONTH_DAY = re.compile(rf"(?<![a-z])({_MONTH})\.?\s?(\d{{1,2}})(?:st|nd|rd|th)?\s?,?\s{{0,2}}(\d{{4}})(?!\d)")

CURRENCIES: dict[str, str] = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "gbp": "GBP", "us$": "USD", "usd": "USD",
    "rm": "MYR", "myr": "MYR", "₹": "INR", "rs": "INR", "inr": "INR", "chf": "CHF", "pln": "PLN", "zl": "PLN",
    "mxn": "MXN", "cop": "COP", "clp": "CLP", "sgd": "SGD", "s$": "SGD", "aud": "AUD", "cad": "CAD", "jpy": "JPY",
    "¥": "JPY", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "$": "USD",
}  # fmt: skip
_SYMBOL = "|".join(re.escape(symbol) for symbol in sorted(CURRENCIES, key=len, reverse=True))
_AMOUNT = (
    r"\d{1,3}(?:[.,']\d{3})+(?:[.,]\s?\d{1,2})?(?!\d)"
    r"|\d{1,3}(?:[.,]\s\d{3})+[.,]\d{2}(?!\d)"
    r"|\d{1,3}(?:[ \u00a0\u202f]\d{3})+[.,]\d{2}(?!\d)"
    r"|\d+[.,]\s?\d{1,4}(?!\d)|\d+"
)
_MONEY = re.compile(
    rf"(?<![a-z0-9/.,:])(?P<neg>[-−–(]\s?)?(?:(?P<before>{_SYMBOL})(?![a-z])[.:]?\s{{0,3}}(?P<neg2>[-−–]\s?)?"
    r"|[a-z$]{1,3}[.:]?(?=\d+[.,]\s?\d{2}(?!\d)))?"  # a currency sign misread: RN24.00
    rf"(?P<number>{_AMOUNT})(?P<tail>\s?-(?![\w])|\))?(?:\s{{0,2}}(?P<after>{_SYMBOL})(?![a-z]))?"
    r"(?![\d/:]|[.,-]\d|\s?%|[a-z]{2}\d)"
)
_RATE = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,3})?)\s?%")
_TIME = re.compile(
    r"(?<![\d:/.])([01]?\d|2[0-3])\s?[:.h]\s?([0-5]\d)(?:\s?[:.]\s?([0-5]\d))?\s?([ap])?\.?(?:m\b)?(?![\d/])"
)
PIVOT = 80  # two-digit years below are read as 20yy, the others as 19yy


@dataclass(frozen=True, slots=True)
class Reading:
    """One value found in a text: normalised, as it stood, and where (`start`, `end`: characters of the text).

    `ambiguous` says that another reading is as good; `firm` is False for a bare integer taken as money.
    """

    value: str
    raw: str
    start: int
    end: int
    ambiguous: bool = False
    currency: str | None = None
    firm: bool = True


def fold(text: str) -> str:
    """Return `text` in lower case without accents, character by character, so that positions stay the same."""
    return text.lower() if text.isascii() else "".join(_fold_character(character) for character in text)


_SINGLE = {"ß": "b", "º": "o", "°": "o", "ª": "a", "’": "'", "‘": "'", "`": "'", "´": "'", "ø": "o", "ł": "l", "№": "n"}


def _fold_character(character: str) -> str:
    if character.isascii():
        return character.lower()
    if character in _SINGLE:
        return _SINGLE[character]
    plain = unicodedata.normalize("NFD", character.lower())[:1]
    return plain or character


def make_date(year: int, month: int, day: int) -> date | None:
    """Return the date, or None where the calendar has none; two-digit years are completed at 1980."""
    if year < 100:
        year += 2000 if year < PIVOT else 1900
    if not 1900 <= year <= 2199:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def find_dates(text: str, order: DateOrder | None = None) -> list[Reading]:
    """Return the dates in `text` from left to right; `order` decides 03/04/2025, None leaves it ambiguous."""
    folded = fold(text)
    found: list[Reading] = []
    for match in _ISO_DATE.finditer(folded):
        _keep(found, text, match, make_date(int(match[1]), int(match[3]), int(match[4])), False)
    for match in _DAY_MONTH.finditer(folded):
        _keep(found, text, match, make_date(int(match[3].lstrip("'")), MONTHS[match[2]], int(match[1])), False)
    for match in _MONTH_DAY.finditer(folded):
        _keep(found, text, match, make_date(int(match[3]), MONTHS[match[1]], int(match[2])), False)
    for match in _NUMERIC_DATE.finditer(folded):
        day, ambiguous = _read_numeric(int(match[1]), int(match[3] or match[4]), int(match[5]), order)
        glued = len(match[5]) == 2 and folded[match.end() : match.end() + 1].isdigit()
        _keep(found, text, match, day, ambiguous or glued)
    return sorted(found, key=lambda reading: reading.start)


def _read_numeric(first: int, second: int, year: int, order: DateOrder | None) -> tuple[date | None, bool]:
    """Read two numbers as day and month; without a known order Spanish usage is proposed and called ambiguous."""
    by_order = {"dmy": make_date(year, second, first), "mdy": make_date(year, first, second)}
    possible = {value for value in by_order.values() if value is not None}
    if len(possible) < 2:
        return next(iter(possible), None), False
    return by_order[order or "dmy"], order is None


def _keep(found: list[Reading], text: str, match: "re.Match[str]", day: date | None, ambiguous: bool) -> None:
    overlaps = any(match.start() < other.end and other.start < match.end() for other in found)
    if day is not None and not overlaps:
        found.append(Reading(day.isoformat(), text[match.start() : match.end()], *match.span(), ambiguous))


def read_number(digits: str, decimal: DecimalSign | None = None) -> tuple[Decimal, bool]:
    """Return the number written as `digits` and whether it is ambiguous (1.234 or 1,234 with no known sign).

    Two different signs: the last is the decimal sign. One sign once, before exactly three digits: `decimal`
    decides; without it thousands are proposed. Spaces and apostrophes group.
    """
    plain = re.sub(r"[\s']", "", digits)
    signs = [character for character in plain if character in ".,"]
    if not signs:
        return Decimal(plain), False
    last = signs[-1]
    tail = plain.rsplit(last, 1)[1]
    if len(set(signs)) == 1 and (len(signs) > 1 or len(tail) == 3):
        if len(signs) == 1 and decimal == last:
            return Decimal(plain.replace(last, ".")), True
        grouped = len(signs) > 1 or decimal is not None
        return Decimal(re.sub(r"[.,]", "", plain)), not grouped
    whole = plain.rsplit(last, 1)[0]
    return Decimal(re.sub(r"[.,]", "", whole) + "." + tail), False


def find_money(text: str, decimal: DecimalSign | None = None) -> list[Reading]:
    """Return the amounts in `text` from left to right, as decimal text with a point, with their currency if shown."""
    found = []
    for match in _MONEY.finditer(fold(text)):
        number, ambiguous = read_number(match["number"], decimal)
        symbol = match["before"] or match["after"]
        tail = match["tail"] or ""
        parenthesis = (match["neg"] or "").startswith("(")
        negative = (
            bool((match["neg"] or match["neg2"]) and not parenthesis) or "-" in tail or (parenthesis and tail == ")")
        )
        start, end = match.start("number"), match.end()
        firm = symbol is not None or bool(re.search(r"[.,]\s?\d{2}$", match["number"]))
        value = money_text(-number if negative else number)
        raw = text[match.start() : end].strip("() ")
        found.append(Reading(value, raw, start, end, ambiguous, CURRENCIES[symbol] if symbol else None, firm))
    return found


def money_text(amount: Decimal) -> str:
    """Return an amount as text with a point and at least two decimals."""
    exponent = amount.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{amount:.{places}f}"


def number_text(number: Decimal) -> str:
    """Return a number as text with a point and no trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def find_numbers(text: str, decimal: DecimalSign | None = None) -> list[Reading]:
    """Return bare numbers (quantities) in `text`."""
    found = []
    for match in re.finditer(rf"(?<![\w.,])(?:{_AMOUNT})(?![\d%]|[.,]\d)", text):
        number, ambiguous = read_number(match[0], decimal)
        found.append(Reading(number_text(number), match[0], *match.span(), ambiguous))
    return found


def find_rates(text: str) -> list[Reading]:
    """Return percentages in `text`, as text without the sign."""
    return [
        Reading(number_text(Decimal(match[1].replace(",", "."))), match[0], *match.span())
        for match in _RATE.finditer(text)
    ]


def find_times(text: str) -> list[Reading]:
    """Return times of day in `text` as HH:MM or HH:MM:SS on the 24-hour clock."""
    found = []
    for match in _TIME.finditer(fold(text)):
        hour = int(match[1])
        if match[4] and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match[4] == "p" else 0)
        value = f"{hour:02d}:{match[2]}" + (f":{match[3]}" if match[3] else "")
        found.append(Reading(value, text[match.start() : match.end()].strip(), *match.span()))
    return found


def identifier(raw: str) -> str:
    """Return an identifier in upper case without spaces, dots, dashes or slashes."""
    return re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKC", raw).upper())


def clean_text(raw: str) -> str:
    """Return a name or phrase with single spaces and no punctuation hanging at its ends."""
    return re.sub(r"\s+", " ", raw).strip(" \t:;,·|*#=_-–—«»\"'“”")
