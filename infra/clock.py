"""The system's clock and the one place that makes ids."""

import os
import threading
import time
from datetime import UTC, datetime

from records.ids import Prefix


class SystemClock:
    """Implements `records.ids.Clock` on the machine's clock."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class UuidIds:
    """Implements `records.ids.Ids`: UUIDv7 (RFC 9562, section 5.7), in order within this process."""

    def __init__(self) -> None:
        """Start behind every id of this process."""
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: Prefix) -> str:
        """Return `<prefix>_` and 32 hexadecimal digits: 48 bits of Unix milliseconds, version, variant, 74 random."""
        moment = time.time_ns() // 1_000_000
        random = int.from_bytes(os.urandom(10), "big")
        value = moment << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
        with self._lock:
            # within one millisecond the next id is the last one and a step, so that ids sort as they were made
            if value >> 80 <= self._last >> 80:
                value = self._last + 1 + (random & 0xFFFFFF)
            self._last = value
        return f"{prefix}_{value:032x}"
