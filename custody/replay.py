"""Replaying a ledger from its leaves: each keeps its form, its place, its chain, its time and its subject's rules.

No database, clock or network: leaf bytes in, problems out; `custody.ledger_check` feeds it from the event table and
the offline verifier from published bundles. The rules are those of `records.rules`, the form is `custody.leaves`.

Memory is 48 bytes an event (leaf hash and id) and about 130 a subject, so that a million events stay far under
300 MiB: ids are kept as numbers and states as codes, and only events that move nothing plainly are parsed into objects.
"""

from array import array
from binascii import unhexlify
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from custody.findings import Step
from custody.leaves import parse, read_leaf
from records.errors import LeafError
from records.ids import parse_instant
from records.lifecycle import EVENT_TYPES, TRANSITIONS
from records.rules import AFTER_THE_END, ENDS, MARKED_ONLY, WATCHED, Mark, Marks, broken

TOLERANCE_S = 60.0  # how far an event's time may lie before that of an earlier one; our own writer never goes back
NEVER = b""

_STATES = (None, *sorted({state for kinds in TRANSITIONS.values() for moves in kinds.values() for _, state in moves}))
_CODES = {state: code for code, state in enumerate(_STATES)}
_BITS = 8  # of a subject's number: its state's code; above them the place of its last event
_MASK = (1 << _BITS) - 1
_ENDED = frozenset(_CODES[state] for states in ENDS.values() for state in states if state in _CODES)
NO_ID = bytes(16)

Watch = Mapping[str, Callable[[dict[str, Any]], None]]  # type -> what gets each event of it, in order
Move = tuple[bytes, bytes, bytes | None, bytes | None]  # type, subject kind, from, to


def _plain_moves() -> dict[Move, tuple[int, int]]:
    """Return the moves for which the subject's state decides alone, as codes before and after."""
    return {
        (kind.encode(), prefix.encode(), None if before is None else before.encode(), after.encode()):
            (_CODES[before], _CODES[after])
        for kind, kinds in TRANSITIONS.items() if kind not in WATCHED
        for prefix, moves in kinds.items()
        for before, after in moves if kind in AFTER_THE_END or before not in ENDS.get(prefix, ())
    }  # fmt: skip


_PLAIN = _plain_moves()
_IF_MARKED = frozenset(kind.encode() for kind in MARKED_ONLY)
_STILL = frozenset(kind.encode() for kind in EVENT_TYPES if kind not in TRANSITIONS and kind not in WATCHED)


class Replay:
    """One pass over a ledger from its first leaf; implements `records.rules.Past` for what was taken so far."""

    def __init__(self, step: Step, watch: Watch | None = None) -> None:
        """Args: step of the report that gets what does not hold, named by the event's number; watch, who looks on."""
        self._step = step
        self._watch = {kind.encode(): seen for kind, seen in (watch or {}).items()}
        self.size = 0
        self._hashes = bytearray()  # 32 bytes each
        self._ids = bytearray()  # 16 bytes each, zero where there is none
        self._subjects: dict[bytes, dict[int, int]] = {}  # kind -> number -> last event's place and the state's code
        self._marks = Marks()
        self._newest = NEVER
        self._day = NEVER

    def take(self, leaf: bytes, leaf_hash: bytes) -> bool:
        """Go on by one leaf, whose raw hash is given; return whether it could be read."""
        seq = self.size
        self.size += 1
        self._hashes += leaf_hash
        try:
            before, number, _, prev, stated, subject, after, ts, kind = read_leaf(leaf)
        except LeafError as error:
            self._ids += NO_ID
            self._step.problem("leaf", f"entry {seq}", error.expected, error.found, seq)
            return False
        self._ids += unhexlify(number)
        if stated != b"%d" % seq:
            self._step.problem("seq", f"entry {seq}", seq, stated.decode(), seq)
        if ts < self._newest or ts[:10] != self._day:
            self._check_time(ts, seq)
        else:
            self._newest = ts
        prefix = subject[:3]
        known = self._subjects.setdefault(prefix, {})
        key = int(subject[4:], 16)
        last = known.get(key)
        if last is None:
            follows, state = prev is None, 0
        else:
            place, state = (last >> _BITS) * 32, last & _MASK
            follows = prev is not None and self._hashes[place : place + 32] == unhexlify(prev)
        if not follows:
            self._step.problem("chain", subject.decode(), self._head(last), prev and prev.decode(), seq)
        move = _PLAIN.get((kind, prefix, before, after))
        if kind in _IF_MARKED and self._marks.any_of(subject.decode()):
            state = self._judge(leaf, seq, state)
        elif move is not None and move[0] == state:
            state = move[1]
        elif kind not in _STILL or before is not None or after is not None or state in _ENDED:
            state = self._judge(leaf, seq, state)
        known[key] = seq << _BITS | state
        if kind in self._watch:
            self._watch[kind](parse(leaf))
        return True

    def miss(self, count: int) -> None:
        """Leave places for events that are not there, so that the ones behind them keep theirs."""
        self.size += count
        self._hashes += bytes(32 * count)
        self._ids += NO_ID * count

    def finish(self) -> None:
        """Name every id that more than one event bears."""
        halves = array("Q", bytes(self._ids))  # for sorting only: the second half of an id is the random one
        for low in {a for a, b in pairwise(sorted(halves[1::2])) if a == b}:
            seen: set[bytes] = set()
            for seq in range(self.size):
                if halves[2 * seq + 1] == low and (number := bytes(self._ids[16 * seq : 16 * seq + 16])) != NO_ID:
                    if number in seen:
                        self._step.problem("id", f"evt_{number.hex()}", "once", "again", seq)
                    seen.add(number)

    @property
    def newest(self) -> str | None:
        """The latest time that an event has claimed, RFC 3339; None before the first."""
        return self._newest.decode() or None

    def state(self, subject: str) -> str | None:
        """See `Past.state`."""
        last = self._subjects.get(subject[:3].encode(), {}).get(int(subject[4:], 16))
        return None if last is None else _STATES[last & _MASK]

    def marks(self, subject: str, name: str) -> list[Mark]:
        """See `Past.marks`."""
        return self._marks.of(subject, name)

    def mark(self, event: str) -> Mark | None:
        """See `Past.mark`."""
        return self._marks.by(event)

    def states(self) -> Iterator[tuple[str, str]]:
        """Yield every subject that has moved, with the state it was left in."""
        for prefix, known in self._subjects.items():
            for key, last in known.items():
                state = _STATES[last & _MASK]
                if state is not None:
                    yield f"{prefix.decode()}_{key:032x}", state

    def leaf_hash(self, seq: int) -> bytes:
        """Return the raw leaf hash of an event that was taken."""
        return bytes(self._hashes[32 * seq : 32 * seq + 32])

    def _head(self, last: int | None) -> str | None:
        return None if last is None else self.leaf_hash(last >> _BITS).hex()

    def _judge(self, leaf: bytes, seq: int, state: int) -> int:
        """Ask every rule about an event that is not plain; return the code of the state that it leaves."""
        event = parse(leaf)
        for rule in broken(event, self):
            self._step.problem(rule.kind, rule.object, rule.expected, rule.found, seq)
        self._marks.take(event)
        return _CODES.get(event["to"], state) if event["type"] in TRANSITIONS else state

    def _check_time(self, ts: bytes, seq: int) -> None:
        self._day = ts[:10]
        try:
            moment = parse_instant(ts.decode())
        except ValueError:
            self._step.problem("time", f"entry {seq}", "a day of the calendar", ts.decode(), seq)
            return
        if ts >= self._newest:
            self._newest = ts
        elif (parse_instant(self._newest.decode()) - moment).total_seconds() > TOLERANCE_S:
            self._step.problem("time", f"entry {seq}", f"not before {self._newest.decode()}", ts.decode(), seq)
