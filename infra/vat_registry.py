"""Asking VIES, the European Commission's register of VAT numbers, by its REST service; off unless its address is set.

States what the reference of data verification asks of an adapter (section 6): 5 s for the connection, 10 s for the
answer; not asked again within the call, `muniment review recheck --unknown` does that; outage, timeout, a member
state's error and anything that is not clearly yes or no yield None, for which the check answers `unknown`, never valid
and never invalid; kept are date, consultation number and name with the check; an answer is used for an hour, an outage
for a minute. Only the number leaves, and the one of `requester` where it is set. Nothing here follows redirects.
"""

import json
import logging
import re
import threading
import time
from typing import Any

import urllib3

from records.errors import ConfigurationError
from records.vat_answers import VatAnswer, split_vat

FRESH_S = {True: 3600.0, False: 60.0}  # by whether there was an answer
MOST_BYTES = 64 * 1024
MOST_LETTERS = 200  # of a name that comes back

_logger = logging.getLogger(__name__)


class VatRegistry:
    """VIES at an address, asked through a client of its own."""

    def __init__(self, url: str, requester: str | None = None) -> None:
        """Nothing is connected before it is asked. `requester` is our own number: with it a consultation has a number.

        Raises:
            ConfigurationError: the address is none, or the requester no VAT number.
        """
        if not url.startswith(("https://", "http://")):
            raise ConfigurationError("vies_url begins with https:// or http://")
        self._url = url.rstrip("/")
        self._requester = None if requester is None else split_vat(requester)
        if requester is not None and self._requester is None:
            raise ConfigurationError("vies_requester is an EU VAT number with its country")
        self._client = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=10), retries=urllib3.Retry(total=0, redirect=0)
        )
        self._kept: dict[str, tuple[float, VatAnswer | None]] = {}
        self._lock = threading.Lock()

    def ask(self, number: str) -> VatAnswer | None:
        """Return what the register says of a VAT number with its country; None where it did not say yes or no."""
        with self._lock:
            kept = self._kept.get(number)
            if kept is None or time.monotonic() - kept[0] > FRESH_S[kept[1] is not None]:
                kept = self._kept[number] = time.monotonic(), self._answer(number)
            return kept[1]

    def close(self) -> None:
        """Close every connection."""
        self._client.clear()

    def _answer(self, number: str) -> VatAnswer | None:
        parts = split_vat(number)
        if parts is None:
            return None
        fields = {}
        if self._requester is not None:
            fields = {"requesterMemberStateCode": self._requester[0], "requesterNumber": self._requester[1]}
        try:
            response = self._client.request(
                "GET", f"{self._url}/ms/{parts[0]}/vat/{parts[1]}", fields=fields, redirect=False,
                preload_content=False, headers={"Accept": "application/json"},
            )  # fmt: skip
            try:
                data = response.read(MOST_BYTES + 1, decode_content=False)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            _logger.warning("the register of VAT numbers could not be asked: %s", type(error).__name__)
            return None
        return read_answer(data) if response.status == 200 and len(data) <= MOST_BYTES else None


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
