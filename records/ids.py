"""Identity and time as values: the forms of ids and instants, and who makes them (infra only).

An id is a prefix and a UUIDv7 as 32 hexadecimal digits (RFC 9562, section 5.7; the command line's contract, section 2).
An instant is RFC 3339 in UTC with milliseconds and `Z`, so that text order is time order.
"""

import re
from datetime import UTC, datetime
from typing import Literal, NewType, Protocol

Prefix = Literal["cli", "bat", "scn", "ori", "rec", "evt", "per", "fil", "box", "loc", "lon", "req", "key",
                 "slp", "wrk", "trf", "hld", "dsp", "exp", "smp"]  # fmt: skip

ClientId = NewType("ClientId", str)
BatchId = NewType("BatchId", str)
ScanId = NewType("ScanId", str)
OriginalId = NewType("OriginalId", str)
RecordId = NewType("RecordId", str)
EventId = NewType("EventId", str)
PersonId = NewType("PersonId", str)
KeyId = NewType("KeyId", str)

ID_PATTERN = re.compile(
    r"(?:cli|bat|scn|ori|rec|evt|per|fil|box|loc|lon|req|key|slp|wrk|trf|hld|dsp|exp|smp)_[0-9a-f]{32}"
)


class Ids(Protocol):
    """Makes ids."""

    def new(self, prefix: Prefix) -> str:
        """Return a fresh id with this prefix."""
        ...


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a test's clock moves on instead."""
        ...


def instant(moment: datetime) -> str:
    """Write an aware datetime as `YYYY-MM-DDTHH:MM:SS.mmmZ` (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """Read what `instant` wrote.

    Raises:
        ValueError: the text has another form.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
