"""Read tax identifiers out of printed text: after their label, or by their form alone.

Any number might look like a tax id, so that without a label only such as hold count (reference of data verification,
section 3). One whose control character is wrong is still shown to a person where nothing else stands there.
"""

import re

from records.normalise import Reading, identifier
from records.validation import is_spanish_tax_id, is_tax_id, repair_tax_id

_SPANISH_ID = re.compile(
    r"(?<![A-Z0-9])(?:ES[ -]?)?([XYZKLM]|[A-W])?[ .-]?(\d{1,2}[ .]?\d{3}[ .]?\d{3}|\d{7,8})[ .-]?([A-Z0-9])(?![A-Z0-9])"
)
_EU_ID = re.compile(r"(?<![A-Z0-9])([A-Z]{2}[ ]?[A-Z0-9]{2,4}(?:[ .]?[A-Z0-9]{2,4}){1,4})(?![A-Z0-9])")
_WHOLE_ID = re.compile(r"(?:ES[ -]?)?(?:[A-HJNP-SUVW][ .-]?\d{8}|[XYZ][ .-]?\d{7}[ .-]?[A-Z]|\d{8}[ .-]?[A-Z])")
_FORMED = re.compile(
    r"(?=(?:\D*\d){6})(?:[A-Z]{0,3}\d{6,13}[A-Z]?\d{0,2}|[A-Z]{2}[0-9A-Z]{8,12}|\d{2}[A-Z]{5}\d{4}[A-Z]\d[A-Z\d]{2})"
)  # what a tax id looks like whose control character does not hold: six digits at least, few letters
_DOLLAR = re.compile(r"\$(?=\d{7})")  # an S before a number without a gap
_ID_TOKEN = re.compile(r"[A-Z0-9]+(?:[.\-/][A-Z0-9]+)*")


def anchored_tax_id(text: str) -> Reading | None:
    """Read the tax id at the start of a text after its label: the first tokens that hold together, else by length."""
    upper = _DOLLAR.sub("S", text.upper())
    tokens = list(_ID_TOKEN.finditer(upper))[:5]
    if not tokens or re.search(r"[^\W_]", upper[: tokens[0].start()]):
        return None
    first = tokens[0].start()
    ends = [token.end() for token in tokens]
    for end in ends:
        if is_tax_id(identifier(upper[first:end])):
            return Reading(identifier(upper[first:end]), text[first:end], first, end)
    for end in ends:
        value = identifier(upper[first:end])
        if _FORMED.fullmatch(value) or (len(value) == 9 and repair_tax_id(value) is not None):
            return Reading(value, text[first:end], first, end)
    return None


def loose_tax_ids(text: str) -> list[Reading]:
    """Return tax ids that stand without a label; only such as hold, unless the text is nothing but one.

    Any number might look like a tax id; one whose control character is wrong is still shown to a person.
    """
    upper = text.upper()
    found = []
    for match in _SPANISH_ID.finditer(upper):
        value = identifier(match[0]).removeprefix("ES")
        if is_spanish_tax_id(value) and any(character.isalpha() for character in value):
            found.append(Reading(value, text[match.start() : match.end()], *match.span()))
    if not found and _WHOLE_ID.fullmatch(upper.strip()):
        start = len(text) - len(text.lstrip())
        found.append(Reading(identifier(upper), text.strip(), start, start + len(text.strip())))
    for match in _EU_ID.finditer(upper):
        value = identifier(match[1])
        if is_tax_id(value) and not any(r.start < match.end() and match.start() < r.end for r in found):
            found.append(Reading(value, text[match.start() : match.end()], *match.span()))
    return found
