"""Verifying a published ledger offline: files in, a report out; no database, no clock, no network, no installation.

In numbered steps (docs/design/verification.md; the reference of custody, sections 1.5 and 7.1):

 1. the files can be listed, and something is there
 2. `checkpoint` is a note signed by the log's key; its origin, size and root are strict
 3. every bundle of entries is there, and ends exactly after its last entry
 4. every tile of the tree, rebuilt from the entries, is the same byte for byte
 5. the root of the entries is the root that was signed
 6. every leaf keeps its form, place, chain, time and the rules of its subject (custody/replay.py)
 7. left-over partial tiles and bundles are beginnings of their full ones
 8. every checkpoint that is kept or was witnessed is signed, and is of this very tree at its size
 9. the checkpoints that the caller saved are of this very tree: nothing that was seen once was taken back
10. a quorum of witnesses has cosigned
11. time stamps are those that the entries name, they hold, and no entry under one claims to be later than it
12. no file is there that belongs to no checkpoint

A step that has nothing to check says `not applicable`; one that lacks what it needs says `could not check`, and never
`holds`. What the caller must still do: get keys, policy, roots and saved checkpoints by another way than the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from custody.checkpoint_check import CheckpointCheck, KnownTree, NoteFile, check_quorum, stated_size
from custody.findings import HOLDS, Report, Step
from custody.ledger_names import CHECKPOINT, LedgerNames, kept_name, sort_names
from custody.leftovers import check_leftover
from custody.merkle import EMPTY_ROOT
from custody.named_tokens import NAMING, NamedTokens
from custody.notes import NOTE_LIMIT, NoteKey, parse_vkey
from custody.policies import NONE, Policy
from custody.received_folder import Odd
from custody.replay import Replay, Watch
from custody.tiles import ENTRIES, tile_at, tiles_of
from custody.tree_walk import TreeWalk, Walked
from records.errors import LedgerError, NoteError

ANNOUNCED = "ledger-key"  # reason of the event that announces a key (tasks/publishing.py)
NO_TREE = "there is no tree to check against"


class Files(Protocol):
    """A ledger's files, wherever they lie: `custody.received_folder.ReceivedFolder` is one."""

    def listed(self) -> tuple[set[str], list[Odd]]:
        """See ReceivedFolder.listed."""
        ...

    def read(self, name: str, limit: int) -> bytes | None:
        """See ReceivedFolder.read."""
        ...


@dataclass(frozen=True, slots=True)
class Stamped:
    """The tokens of one checkpoint, the first one and its renewals, and when the newest entry under it was written."""

    size: int
    checkpoint: bytes | None  # as it is kept; None where it is missing
    tokens: Sequence[tuple[str, bytes | None]]  # name and bytes
    newest: str | None  # RFC 3339; None where it is not known


class StampCheck(Protocol):
    """Step 11, for callers that have roots: `custody.stamp_check.TokenCheck` is one."""

    def check(self, stamped: Sequence[Stamped], step: Step) -> None:
        """Check every token, and say what does not hold."""
        ...


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the caller believes, and what he kept himself; got by another way than the ledger's files.

    `saved` are checkpoints by the names that a report gives them. `slack` is how much older than the newest entry an
    entry may be that no quorum has witnessed yet.
    """

    keys: tuple[NoteKey, ...]
    policy: Policy | None = None
    stamps: StampCheck | None = None
    saved: Mapping[str, bytes] | None = None
    slack: timedelta = timedelta(0)


@dataclass(slots=True)
class Verified:
    """What came of a verification. `tree` is what was signed, `note` its bytes; None where that does not hold."""

    report: Report
    tree: KnownTree | None = None
    note: bytes = b""
    replay: Replay | None = None  # of the entries up to the first that could not be read


def verify_ledger(files: Files, trust: Trust, watch: Watch | None = None) -> Verified:
    """Verify a ledger by the numbered steps above; `watch` gets events of the types it names as they are replayed."""
    return _Verification(files, trust, watch or {}).run()


class _Verification:
    """One verification under way."""

    def __init__(self, files: Files, trust: Trust, watch: Watch) -> None:
        self._files = files
        self._trust = trust
        self._watch = watch
        self._found = Verified(Report())
        self._names = LedgerNames()
        self._present: set[str] = set()
        self._odd: list[Odd] = []
        self._walked: Walked | None = None
        self._keys: list[NoteKey] = []  # that the entries announce
        self._named = NamedTokens()
        self._ahead: list[str] = []
        self._checkpoints = CheckpointCheck(trust.keys, trust.policy)

    def run(self) -> Verified:
        """Take the steps in their order; those behind a missing tree say so."""
        report = self._found.report
        with report.step("the ledger's files are there") as step:
            self._list(step)
        with report.step("the checkpoint is signed by the log") as step:
            self._open(step)
        with report.step("leaves keep their form and their rules") as rules:  # listed behind what it rests on
            with report.step("every bundle ends after its last entry") as step:
                self._walk(step, rules)
            with report.step("every tile is that of its entries") as step:
                self._tiles(step)
            with report.step("the root is the signed one") as step:
                self._root(step)
            self._rules(rules)
        with report.step("left-over partial files are beginnings of their full ones") as step:
            self._leftovers(step)
        with report.step("kept checkpoints are of this tree") as step:
            self._kept(step)
        with report.step("saved checkpoints are of this tree") as step:
            self._saved(step)
        with report.step("a quorum of witnesses has cosigned") as step:
            self._quorum(step)
        with report.step("time stamps hold") as step:
            self._stamps(step)
        with report.step("every file belongs to a checkpoint") as step:
            self._untracked(step)
        return self._found

    def _list(self, step: Step) -> None:
        """Step 1."""
        self._present, self._odd = self._files.listed()
        self._names = sort_names(self._present)
        if not self._names:
            step.unchecked("nothing of a ledger is there")

    def _open(self, step: Step) -> None:
        """Step 2."""
        if not self._names:
            step.unchecked(NO_TREE)
            return
        data = self._read_note(CHECKPOINT)
        if data is None:
            step.problem("missing", CHECKPOINT, "a file", "none")
            return
        try:
            opened = self._checkpoints.open(data)
        except NoteError as error:
            step.problem("note", CHECKPOINT, "a checkpoint signed by the log", error)
            return
        self._found.tree = KnownTree(opened.checkpoint, {0: EMPTY_ROOT})
        self._found.note = data

    def _walk(self, step: Step, rules: Step) -> None:
        """Step 3; and what step 6 needs, in the same pass over all entries."""
        tree = self._found.tree
        if tree is None:
            step.unchecked(NO_TREE)
            return
        wanted = self._sizes_of_interest() | {tree.checkpoint.size}
        seen: Watch = {"config_changed": self._announced, NAMING: self._named.take}
        replay = self._found.replay = Replay(rules, {**self._watch, **seen})

        def take(entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
            for entry, entry_hash in zip(entries, hashes, strict=True):
                replay.take(entry, entry_hash)
                if replay.size in wanted:
                    tree.times[replay.size] = replay.newest

        walked = self._walked = TreeWalk(tree.checkpoint.size, self._read, wanted, take).run()
        tree.roots.update(walked.roots)
        self._found.report.checked["entries"] = walked.entries
        self._found.report.checked["files"] += walked.files + 1  # with the checkpoint
        for damage in walked.damaged:
            if damage.tile.level == ENTRIES:
                step.problem("bundle", damage.tile.path, damage.expected, damage.found, damage.tile.first)

    def _announced(self, event: dict[str, Any]) -> None:
        """Remember a key that the ledger announces: it signed older checkpoints, or will sign the next ones."""
        if event["reason"] == ANNOUNCED and isinstance(event["obj"], dict):
            try:
                self._keys.append(parse_vkey(str(event["obj"].get("vkey"))))
            except NoteError:  # not a key: nothing is believed for it
                return

    def _tiles(self, step: Step) -> None:
        """Step 4. Where the root is the signed one a tile differs, else the entry that it was made of."""
        walked, tree = self._walked, self._found.tree
        if walked is None or tree is None:
            step.unchecked(NO_TREE)
            return
        for damage in walked.damaged:
            if damage.tile.level != ENTRIES:
                step.problem("tile", damage.tile.path, damage.expected, damage.found)
        signed = walked.root == tree.checkpoint.root
        changed: set[tuple[int, int]] = set()  # tiles below which something is at fault
        for one in walked.differences:
            changed.add((one.tile.level, one.tile.index))
            index = one.tile.first + one.place
            if signed:
                seq = index if one.tile.level == 0 else None
                step.problem("tile", one.tile.path, one.made, one.stored, seq)
            elif one.tile.level == 0:
                bundle = tile_at(tree.checkpoint.size, ENTRIES, one.tile.index) or one.tile
                step.problem("entry", bundle.path, one.stored, one.made, index)
            elif (one.tile.level - 1, index) not in changed:
                step.problem("tile", one.tile.path, one.made, one.stored)

    def _root(self, step: Step) -> None:
        """Step 5."""
        tree = self._found.tree
        if tree is None or self._walked is None or self._walked.root is None:
            step.unchecked(NO_TREE if tree is None else "not all entries could be read")
        elif self._walked.root != tree.checkpoint.root:
            step.problem("root", CHECKPOINT, tree.checkpoint.root.hex(), self._walked.root.hex())
        else:
            self._checkpoints.believe(key for key in self._keys if key.name == tree.checkpoint.origin)

    def _rules(self, step: Step) -> None:
        """Step 6, after the walk."""
        if self._walked is None or self._found.replay is None:
            step.unchecked(NO_TREE)
            return
        self._found.replay.finish()
        if self._walked.unread:
            step.unchecked(f"not checked from entry {self._walked.unread[0].first} on, which could not be read")

    def _leftovers(self, step: Step) -> None:
        """Step 7."""
        tree = self._found.tree
        if tree is None:
            step.unchecked(NO_TREE)
            return
        current = {tile.path for tile in tiles_of(tree.checkpoint.size)}
        for path, tile in self._names.tiles.items():
            there = tile_at(tree.checkpoint.size, tile.level, tile.index)
            if path in current:
                continue
            if there is not None:
                check_leftover(tile, there, self._read, step)
                self._found.report.checked["files"] += 1
            if there is None or there.width < tile.width:
                self._ahead.append(path)

    def _kept(self, step: Step) -> None:
        """Step 8."""
        tree = self._found.tree
        if tree is None:
            step.unchecked(NO_TREE)
            return
        for name, size in self._names.kept.items():
            self._checkpoints.check(NoteFile(name, self._read_note(name), size), tree, step)
        for name, (size, witness) in self._names.witnessed.items():
            self._checkpoints.check(NoteFile(name, self._read_note(name), size, witness), tree, step)
        count = len(self._names.kept) + len(self._names.witnessed)
        self._found.report.checked["files"] += count
        if not count:
            step.not_applicable("none is kept")

    def _saved(self, step: Step) -> None:
        """Step 9."""
        tree = self._found.tree
        if not self._trust.saved:
            step.not_applicable("none was given")
        elif tree is None:
            step.unchecked(NO_TREE)
        else:
            for name, data in self._trust.saved.items():
                self._checkpoints.check(NoteFile(name, data), tree, step)

    def _quorum(self, step: Step) -> None:
        """Step 10."""
        tree, policy = self._found.tree, self._trust.policy
        if policy is None or policy.quorum == NONE:
            step.not_applicable("no quorum is asked for")
        elif tree is None:
            step.unchecked(NO_TREE)
        else:
            check_quorum(self._checkpoints, policy, tree, self._trust.slack, step)

    def _stamps(self, step: Step) -> None:
        """Step 11."""
        tree = self._found.tree
        if tree is None:
            if self._trust.stamps is None:
                step.not_applicable("no roots of an authority were given")
            else:
                step.unchecked(NO_TREE)
            return
        self._named.check(self._names, self._read, step)
        if self._trust.stamps is not None:
            self._trust.stamps.check([self._stamped(size, tree) for size in sorted(self._names.tokens)], step)
            self._found.report.checked["files"] += sum(len(names) for names in self._names.tokens.values())
        elif step.outcome == HOLDS:  # what the entries name is there; whether it holds only roots can tell
            step.not_applicable("no roots of an authority were given")

    def _stamped(self, size: int, tree: KnownTree) -> Stamped:
        names = self._names.tokens[size]
        tokens = [(name, self._read(name, NOTE_LIMIT)) for _, name in sorted(names.items())]
        missing = [(f"renewal {n} of {size}", None) for n in range(max(names)) if n not in names]
        return Stamped(size, self._read_note(kept_name(size)), [*tokens, *missing], tree.times.get(size))

    def _untracked(self, step: Step) -> None:
        """Step 12."""
        for name in self._names.foreign:
            step.problem("untracked", name, "no such file", "a file")
        for odd in self._odd:
            step.problem("untracked", odd.name, "a plain file of the ledger", odd.what)
        for path in self._ahead:
            step.doubt("untracked", path, "no file beyond the checkpoint", "a file")
        if self._found.tree is None:
            step.unchecked(NO_TREE)

    def _sizes_of_interest(self) -> set[int]:
        saved = {size for data in (self._trust.saved or {}).values() if (size := stated_size(data)) is not None}
        witnessed = {size for size, _ in self._names.witnessed.values()}
        return {*self._names.kept.values(), *witnessed, *self._names.tokens, *saved}

    def _read_note(self, name: str) -> bytes | None:
        try:
            return self._read(name, NOTE_LIMIT)
        except LedgerError:  # longer than a note is: none, which whoever opens it says
            return b""

    def _read(self, name: str, limit: int) -> bytes | None:
        return self._files.read(name, limit) if name in self._present else None
