"""Asking VIES, the European Commission's register of VAT numbers, by its REST service; off unless its address is set.

States what the reference of data verification asks of an adapter (section 6): 5 s for the connection, 10 s for the
answer; not asked again within the call, `muniment review recheck --unknown` does that; outage, timeout, a member
state's error and anything that is not clearly yes or no yield None, for which the check answers `unknown`, never valid
and never invalid; kept are date, consultation number and name with the check; an answer is used for an hour, none for a
minute, and while the register is out no number waits for it. Only the number leaves, and the one of `requester` where
it is set. Nothing here follows redirects.
"""

import json
import re
from typing import Any

from infra.asking import HttpService, Memory, Patience, Silence
from records.errors import ConfigurationError
from records.vat_answers import VatAnswer, split_vat

PATIENCE = Patience(answer_s=3600.0, open_s=60.0, outage_s=60.0)
CONNECT_S, READ_S = 5.0, 10.0
MOST_BYTES = 64 * 1024
MOST_LETTERS = 200  # of a name that comes back


class VatRegistry:
    """VIES at an address, asked through a client of its own."""

    def __init__(self, url: str, requester: str | None = None) -> None:
        """Nothing is connected before it is asked. `requester` is our own number: with it a consultation has a number.

        Raises:
            ConfigurationError: the address is none, or the requester no VAT number.
        """
        self._service = HttpService(url, "vies_url", connect_s=CONNECT_S, read_s=READ_S, most_bytes=MOST_BYTES)
        self._requester = None if requester is None else split_vat(requester)
        if requester is not None and self._requester is None:
            raise ConfigurationError("vies_requester is an EU VAT number with its country")
        self._memory = Memory(self._answer, PATIENCE)

    def ask(self, number: str) -> VatAnswer | None:
        """Return what the register says of a VAT number with its country; None where it did not say yes or no."""
        return self._memory.of(number)

    def close(self) -> None:
        """Close every connection."""
        self._service.close()

    def _answer(self, number: str) -> VatAnswer | Silence:
        parts = split_vat(number)
        if parts is None:
            return Silence.OPEN
        fields = {}
        if self._requester is not None:
            fields = {"requesterMemberStateCode": self._requester[0], "requesterNumber": self._requester[1]}
        reply = self._service.get(f"/ms/{parts[0]}/vat/{parts[1]}", fields, "application/json")
        if reply is None or reply.status >= 500:  # the service itself is out
            return Silence.DOWN
        found = read_answer(reply.body) if reply.status == 200 else None
        return Silence.OPEN if found is None else found


def read_answer(data: bytes) -> VatAnswer | None:
    """Return what an answer of VIES says, None where it says neither yes nor no (an outage of a member state)."""
    try:
        said: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    valid, word = said.get("isValid"), said.get("userError")
    if not isinstance(valid, bool) or word != ("VALID" if valid else "INVALID"):
        return None
    return VatAnswer(
        valid, _text(said.get("requestDate"))[:10], _text(said.get("requestIdentifier")) or None,
        _text(said.get("name")) or None,
    )  # fmt: skip


def _text(value: object) -> str:
    """Return a text that came back on one line; `---` is how the register says that it tells nothing."""
    text = " ".join(re.sub(r"[^\w .,&/:()'+-]", " ", value).split()) if isinstance(value, str) else ""
    return "" if text == "---" else text[:MOST_LETTERS]
