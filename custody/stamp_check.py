"""Time stamps of a published ledger against roots that the caller got by another way: step 11 of the verification."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from custody.algorithms import Algorithms
from custody.findings import Step
from custody.timestamps import Stamp, Trust, verify_tokens
from custody.verification import Stamped
from records.errors import TimestampError
from records.ids import instant, parse_instant

TOLERANCE = timedelta(seconds=60)  # how far an authority's clock and the ledger's may differ


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """Implements `custody.verification.StampCheck`; `now` decides whether a token is still good."""

    trust: Trust
    algorithms: Algorithms
    now: datetime

    def check(self, stamped: Sequence[Stamped], step: Step) -> None:
        """Check every token, and say what does not hold; without any token nothing is proved."""
        good = [size for one in stamped if (size := self._check_one(one, step)) is not None]
        if not stamped:
            step.unchecked("no time stamp is there")
        elif good:
            step.say(f"stamped up to entry {max(good)}")

    def _check_one(self, one: Stamped, step: Step) -> int | None:
        missing = [name for name, token in one.tokens if token is None]
        tokens = [token for _, token in one.tokens if token is not None]
        for name in missing:
            step.problem("timestamp", name, "a file", "none")
        name = one.tokens[0][0]
        if one.checkpoint is None:
            step.problem("timestamp", name, f"the kept checkpoint of {one.size} entries", "none")
        if missing or one.checkpoint is None:
            return None
        try:
            stamps = verify_tokens(one.checkpoint, tokens, self.trust, self.algorithms)
        except TimestampError as error:
            step.problem("timestamp", name, "time stamps that hold", error)
            return None
        self._check_times(one, name, stamps, step)
        return one.size

    def _check_times(self, one: Stamped, name: str, stamps: Sequence[Stamp], step: Step) -> None:
        if one.newest is not None and parse_instant(one.newest) > stamps[0].made + TOLERANCE:
            step.problem("time", name, f"no entry after {instant(stamps[0].made)}", one.newest)
        until = stamps[-1].good_until(self.algorithms)
        if until < self.now:
            step.doubt("timestamp", name, "a renewal", f"none since it ended on {instant(until)}")
