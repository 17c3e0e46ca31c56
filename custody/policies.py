"""Trust policies of c2sp.org/tlog-policy: which logs are believed, and which witnesses must have cosigned.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> <k | any | all> <name>...
    quorum <name | none>

Names are defined on earlier lines; each is a member of one group at most; no key stands twice; one quorum line. Octets
that are not ASCII mean themselves. Nothing here reads or writes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from custody.checkpoints import COSIGNATURE_KINDS, LOG_KINDS, SignedCheckpoint, cosigned_at, open_checkpoint
from custody.notes import NoteKey, parse_note, parse_vkey
from records.errors import NoteError, ProofError

NONE = "none"
POLICY_LIMIT = 1 << 20  # bytes
_ALLOWED = frozenset({0x09, 0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)})


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these witnesses and groups must have witnessed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy file says. `quorum` is the name of a witness or a group, or `none`."""

    logs: tuple[NoteKey, ...]
    witnesses: Mapping[str, NoteKey]
    groups: Mapping[str, Group]
    quorum: str

    def is_satisfied(self, by: set[str]) -> bool:
        """Tell whether cosignatures of these witnesses (names of this policy) are a quorum."""
        return self.quorum == NONE or self._witnessed(self.quorum, by)

    def _witnessed(self, name: str, by: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in by
        return sum(self._witnessed(member, by) for member in group.members) >= group.threshold


@dataclass(frozen=True, slots=True)
class Believed:
    """A checkpoint that a policy lets one believe: which log's key signed, and when each witness cosigned (POSIX s)."""

    signed: SignedCheckpoint
    key: NoteKey
    witnessed: Mapping[str, int]


def believe(data: bytes, policy: Policy) -> Believed:
    """Return a checkpoint that is signed by a log of the policy and cosigned by a quorum of its witnesses.

    Raises:
        NoteError: malformed, signed by no log of the policy, or a known key's signature does not hold.
        ProofError: the quorum is not reached.
    """
    note = parse_note(data)
    signers = [key for key in policy.logs if note.of(key)]
    if not signers:
        raise NoteError("the checkpoint is signed by no log of the policy")
    opened = [open_checkpoint(data, key) for key in signers]  # every known key's signature must hold
    times = {name: cosigned_at(note, key) for name, key in policy.witnesses.items()}
    witnessed = {name: time for name, time in times.items() if time is not None}
    if not policy.is_satisfied(set(witnessed)):
        raise ProofError(
            f"the quorum {policy.quorum} is not reached: {len(witnessed)} of the policy's witnesses cosigned"
        )
    return Believed(opened[0], signers[0], witnessed)


@dataclass
class _Draft:
    logs: list[NoteKey] = field(default_factory=list)
    witnesses: dict[str, NoteKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    taken: set[str] = field(default_factory=set)  # names that are members already

    def known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups


def parse_policy(data: bytes) -> Policy:
    """Read a policy file.

    Raises:
        ProofError: a line is not what it must be; its number is named.
    """
    if len(data) > POLICY_LIMIT or not _ALLOWED.issuperset(data):
        raise ProofError("a policy holds no control characters but tab and line feed")
    # latin-1 keeps every octet apart, as the format asks; keys are read as UTF-8 below
    draft = _Draft()
    for number, line in enumerate(data.decode("latin-1").split("\n"), start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            try:
                _LINES.get(words[0], _unknown)(draft, words[1:])
            except (ProofError, NoteError) as error:
                raise ProofError(f"line {number} of the policy: {error}") from error
    if draft.quorum is None:
        raise ProofError("a policy has one quorum line")
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum)


def _log(draft: _Draft, words: list[str]) -> None:
    _counted(words, 1, 2)
    draft.logs.append(_key(words[0], LOG_KINDS, draft.logs))


def _witness(draft: _Draft, words: list[str]) -> None:
    _counted(words, 2, 3)
    key = _key(words[1], COSIGNATURE_KINDS, list(draft.witnesses.values()))
    draft.witnesses[_new_name(draft, words[0])] = key


def _group(draft: _Draft, words: list[str]) -> None:
    _counted(words, 3, None)
    name, threshold, members = _new_name(draft, words[0]), words[1], words[2:]
    for member in members:
        if not draft.known(member) or member in draft.taken:
            raise ProofError("a member is not defined before, or is one already")
        draft.taken.add(member)
    least = {"any": 1, "all": len(members)}.get(threshold)
    if least is None:
        if not (threshold.isascii() and threshold.isdecimal()) or not 1 <= int(threshold[:9]) <= len(members):
            raise ProofError("a group needs any, all, or a number of its members")
        least = int(threshold)
    draft.groups[name] = Group(least, tuple(members))


def _quorum(draft: _Draft, words: list[str]) -> None:
    _counted(words, 1, 1)
    if draft.quorum is not None or (words[0] != NONE and not draft.known(words[0])):
        raise ProofError("there is one quorum, of a name defined before, or none")
    draft.quorum = words[0]


def _unknown(_draft: _Draft, _words: list[str]) -> None:
    raise ProofError("neither log, witness, group nor quorum")


_LINES = {"log": _log, "witness": _witness, "group": _group, "quorum": _quorum}


def _counted(words: list[str], least: int, most: int | None) -> None:
    if len(words) < least or (most is not None and len(words) > most):
        raise ProofError("too few or too many words")


def _new_name(draft: _Draft, name: str) -> str:
    if name == NONE or draft.known(name):
        raise ProofError("this name is taken")
    return name


def _key(text: str, kinds: tuple[int, ...], others: list[NoteKey]) -> NoteKey:
    try:
        key = parse_vkey(text.encode("latin-1").decode("utf-8"), kinds)
    except UnicodeDecodeError as error:
        raise ProofError("a key's name is UTF-8") from error
    if key.public in [other.public for other in others]:
        raise ProofError("this key stands there already")
    return key
