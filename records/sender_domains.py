"""The web and mail domains a paper names, against those its party is known to have; one that only looks alike is held.

Who pretends to be a supplier writes a domain that is easily taken for the supplier's, under which an answer reaches him
(reference of data verification, section 3, row on the sender's channel). Muniment takes in files and no mail: what is
compared is what the paper prints. A look-alike is one or two letters from a known domain, the same after signs that
look alike (0 and o, 1 and l, rn and m), or the same name under another ending. On a scan beside the known one it may be
misread, and only warns.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from records.fields import Check
from records.normalise import fold

DOMAIN = "sender-domain"
MOST = 20  # domains of one paper
SHORT = 8  # letters of a name below which one letter is as far as a look-alike may be
_PRINTED = re.compile(r"(?:@|www\.|https?://(?:www\.)?)((?:[a-z0-9-]{1,63}\.)+[a-z]{2,24})")
_FREE = frozenset(
    {
        "gmail.com", "googlemail.com", "hotmail.com", "hotmail.es", "outlook.com", "outlook.es", "live.com",
        "yahoo.com", "yahoo.es", "icloud.com", "aol.com", "gmx.net", "gmx.de", "web.de", "proton.me", "protonmail.com",
        "mail.com", "yandex.com", "zoho.com", "telefonica.net", "terra.es",
    }
)  # fmt: skip
_ALIKE = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""))


@dataclass(frozen=True, slots=True)
class Printed:
    """A domain that a paper names, and whether its letters are the file's own and not read from a picture."""

    name: str
    sure: bool


def printed_domains(pages: Iterable[tuple[str, bool]]) -> tuple[Printed, ...]:
    """Return the domains in the text of pages, each once; with each text, whether it is the file's own."""
    found: dict[str, bool] = {}
    for text, sure in pages:
        for match in _PRINTED.finditer(fold(text)):
            found[match[1]] = found.get(match[1], False) or sure
    return tuple(Printed(name, sure) for name, sure in list(found.items())[:MOST])


def check_domains(printed: Sequence[Printed], known: Sequence[str]) -> Check | None:
    """Compare the domains a paper names with its party's; None where either has none."""
    if not printed or not known:
        return None
    own = {one.name for one in printed if any(one.name == mine or one.name.endswith(f".{mine}") for mine in known)}
    for one in printed:
        mine = next((mine for mine in known if one.name not in own and looks_like(one.name, mine)), None)
        if mine is not None:
            said = f"{one.name} only looks like {mine}"
            if own and not one.sure:
                return Check("sender-domain", "warn", f"{said}, or was misread")
            return Check("sender-domain", "hold", said)
    if own:
        return Check("sender-domain", "pass", f"names {min(own)}")
    free = all(one.name in _FREE for one in printed)
    return Check("sender-domain", "warn", "only free mail" if free else f"names {printed[0].name}, none that is known")


def looks_like(name: str, mine: str) -> bool:
    """Tell whether a domain may be taken for a known one that it is not."""
    if name == mine or name in _FREE:
        return False
    label, own = (_registered(one) for one in (name, mine))
    if _bare(name) == _bare(mine) or _bare(label) == _bare(own):
        return True
    return Levenshtein.distance(label, own) <= (1 if len(own) < SHORT else 2) and len(own) > 3


def _registered(domain: str) -> str:
    """Return the name before a domain's ending: `firma` of `mail.firma.co.uk`."""
    parts = domain.split(".")
    short = len(parts) > 2 and len(parts[-2]) <= 3
    return parts[-3] if short else parts[-2]


def _bare(text: str) -> str:
    for sign, other in _ALIKE:
        text = text.replace(sign, other)
    return text
