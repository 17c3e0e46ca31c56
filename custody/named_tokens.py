"""Time-stamp tokens as the ledger's own events name them: each is there, byte for byte, and none is beside them.

Part of step 11 of the verification (docs/design/verification.md); it needs no roots of an authority. The event
`checkpoint_timestamped` follows its token, and is published with the next checkpoint: the newest token, and a renewal,
may wait for theirs. An older first token never does, since its event is written before a later token's
(tasks/timestamping.py).
"""

import hashlib
from collections.abc import Callable
from typing import Any

from custody.findings import Step
from custody.ledger_names import LedgerNames
from custody.notes import NOTE_LIMIT

NAMING = "checkpoint_timestamped"
Read = Callable[[str, int], bytes | None]  # a file's bytes, at most so many; None where it is missing


class NamedTokens:
    """Collects what events say of tokens, and compares it with the files."""

    def __init__(self) -> None:
        """Begin with no event."""
        self._said: dict[str, list[tuple[str, int]]] = {}  # file -> digests, each with its event's number

    def take(self, event: dict[str, Any]) -> None:
        """Go on by one event of the type `NAMING`."""
        obj = event["obj"] if isinstance(event["obj"], dict) else {}
        self._said.setdefault(str(obj.get("file")), []).append((str(obj.get("sha256")), event["seq"]))

    def check(self, names: LedgerNames, read: Read, step: Step) -> None:
        """Name every token that is missing, is another one than its event names, or has no event.

        Raises:
            LedgerError: a token is longer than one can be.
            StoreUnavailableError: one could not be read.
        """
        there = {name for renewals in names.tokens.values() for name in renewals.values()}
        for name, said in self._said.items():
            token = read(name, NOTE_LIMIT) if name in there else None
            found = "none" if token is None else hashlib.sha256(token).hexdigest()
            for digest, seq in said:
                if digest != found:
                    step.problem("timestamp", name, digest, found, seq)
        newest = max((size for size, renewals in names.tokens.items() if renewals.get(0) in self._said), default=0)
        for size, renewals in names.tokens.items():
            first = renewals.get(0)
            if first is not None and first not in self._said and size < newest:
                step.doubt("timestamp", first, "an event that names it", "none")
        waiting = len(there - self._said.keys())
        if waiting:
            step.say(f"named by no event so far: {waiting}")
