"""Work out the conventions of a document as a whole: its language, decimal sign, order of day and month, currency.

Single values such as 03/04/2025 or 1.234 are read by these; where the document does not tell, nothing is assumed
and the reading stays ambiguous, which sends it to a person.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from records.normalise import CURRENCIES, DateOrder, DecimalSign, fold
from tasks.layout import PageLayout

_COMMON: dict[str, str] = {
    "es": "de la el los las que del para con por en una su fecha factura importe nif euros se al",
    "en": "the of and to for with this date your you from by is are on no not thank please",
    "de": "der die das und von mit ihren vielen dank fur nicht ist ein eine zu summe datum",
    "fr": "le les du des une et pour vous votre est dans sur par total facture",
}
_STOP_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_TESSERACT = {"spa": "es", "eng": "en", "deu": "de", "fra": "fr", "cat": "ca", "glg": "gl", "por": "pt", "ita": "it"}
_DAY_FIRST_CURRENCIES = frozenset({"EUR", "GBP", "MYR", "INR", "CHF", "PLN", "SGD", "AUD", "SEK", "NOK", "DKK", "MXN"})
_DAY_FIRST_LANGUAGES = frozenset({"es", "de", "fr", "ca", "gl", "pt", "it", "nl"})
_POINT_CURRENCIES = frozenset({"USD", "GBP", "MYR", "INR", "SGD", "AUD", "MXN"})
_NUMERIC_DATE = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](?:\d{4}|\d{2})(?!\d)")
_MARKS = "|".join(re.escape(mark) for mark in sorted(CURRENCIES, key=len, reverse=True))
_CURRENCY_MARK = re.compile(
    rf"(?<![a-z])({_MARKS})(?:(?![a-z])|(?=\d))(?=[.:]?\s{{0,3}}-?\d|\s*$|\)|\s{{2}})|(?<=\d)\s?({_MARKS})(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class Conventions:
    """How this document writes; None where it does not tell."""

    language: str
    decimal: DecimalSign | None
    date_order: DateOrder | None
    currency: str | None


def find_conventions(pages: Sequence[PageLayout]) -> Conventions:
    """Work out the conventions from all rows given."""
    folded = [row.folded for page in pages for row in page.rows]
    language = _find_language(pages, folded)
    currency = _find_currency(folded)
    return Conventions(
        language, _find_decimal(folded, language, currency), _find_order(folded, language, currency), currency
    )


def _find_language(pages: Sequence[PageLayout], folded: Iterable[str]) -> str:
    counts: Counter[str] = Counter()
    for text in folded:
        for word in re.findall(r"[a-z]+", text):
            for language, words in _STOP_WORDS.items():
                counts[language] += word in words
    if counts and counts.most_common(1)[0][1] >= 3:
        return counts.most_common(1)[0][0]
    tags = Counter(page.page.language.split("+")[0] for page in pages)
    tag = tags.most_common(1)[0][0] if tags else ""
    return _TESSERACT.get(tag, tag or "es")


def _find_currency(folded: Sequence[str]) -> str | None:
    marks = Counter(CURRENCIES[before or after] for text in folded for before, after in _CURRENCY_MARK.findall(text))
    if marks["USD"] == 1 and not any("usd" in text for text in folded):
        del marks["USD"]  # one dollar sign alone may be a letter misread
    return marks.most_common(1)[0][0] if marks else None


def _find_decimal(folded: Iterable[str], language: str, currency: str | None) -> DecimalSign | None:
    counts: Counter[DecimalSign] = Counter()
    for text in folded:
        counts[","] += len(re.findall(r"\d,\d{2}(?![\d.,])", text))
        counts["."] += len(re.findall(r"(?<![\d.])\d{1,3}(?:,\d{3})*\.\d{2}(?![\d.,])", text))
    if counts[","] != counts["."]:
        return "," if counts[","] > counts["."] else "."
    if currency in _POINT_CURRENCIES:
        return "."
    return "," if language in _DAY_FIRST_LANGUAGES else None


def _find_order(folded: Iterable[str], language: str, currency: str | None) -> DateOrder | None:
    """Let a date that can be read in one way only decide for all, else currency and language."""
    counts: Counter[DateOrder] = Counter()
    for text in folded:
        for first, second in _NUMERIC_DATE.findall(fold(text)):
            counts["dmy"] += int(first) > 12 >= int(second) > 0
            counts["mdy"] += int(second) > 12 >= int(first) > 0
    if counts["dmy"] != counts["mdy"]:
        return "dmy" if counts["dmy"] > counts["mdy"] else "mdy"
    if counts["dmy"] == 0 and currency == "USD":
        return None if language in _DAY_FIRST_LANGUAGES else "mdy"
    if currency in _DAY_FIRST_CURRENCIES or language in _DAY_FIRST_LANGUAGES:
        return "dmy"
    return None
