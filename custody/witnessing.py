"""The compliance officer's witness: verifies a published ledger, compares it with what was seen before, and cosigns.

 1. `checkpoint` is signed by the log's key
 2. bundles, tiles and root are those of the entries, byte for byte
 3. the tree continues the one that was cosigned last
 4. that is remembered, durably, before the cosignature leaves (cli/witness.py)

The state is the checkpoint that was cosigned last, byte for byte: anybody's saved checkpoint will do to begin with.
Same bytes as C2SP tlog-witness, so that another witness can join or take over. Reference: custody, section 7.2.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from custody.checkpoints import Checkpoint, SignedCheckpoint, open_checkpoint
from custody.findings import Report, Step
from custody.growth import GrowingTree
from custody.notes import NOTE_LIMIT, NoteKey, parse_vkey
from custody.stores.folders import flush_folder, translated
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import CHECKPOINT
from custody.tiles import ENTRIES, Tile, decode_bundle, tiles_of
from records.errors import ConfigurationError, LedgerError, NoteError, UnknownIdError


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examination came to: `note` is the log's checkpoint, None unless every step holds."""

    report: Report
    note: bytes | None


def examine(folder: Path, vkey: str, saved: bytes | None) -> Examined:
    """Verify the ledger in a folder by steps 1 to 3; for a limited child process, since the files are a stranger's.

    Args:
        folder: of tiles and checkpoint.
        vkey: the log's verifier key, got by another way than the ledger.
        saved: the checkpoint that was cosigned last; None where none was yet.
    """
    report, files = Report(), LedgerDirectory(folder)
    signed: SignedCheckpoint | None = None
    last: Checkpoint | None = None
    with report.step("the checkpoint is signed by the log") as step:
        key = parse_vkey(vkey)
        if saved is not None:
            last = _opened(saved, key, "the saved checkpoint", step)
        data = files.read(CHECKPOINT)
        if data is None:
            raise UnknownIdError("there is no checkpoint in this folder")
        signed = _signed(data, key, step)
    earlier: list[bytes] = []  # the root that this tree had at the size that was cosigned last
    with report.step("bundles, tiles and root are those of the entries") as step:
        if signed is None:
            step.not_applicable("there is no tree to check against")
        else:
            _walk(files, signed.checkpoint, last, earlier, step)
            report.checked["entries"] = signed.checkpoint.size
    with report.step("the ledger continues what was cosigned before") as step:
        if last is None or signed is None:
            step.not_applicable("nothing was cosigned before" if signed else "there is no tree to check against")
        elif signed.checkpoint.size < last.size:
            step.problem("rolled-back", CHECKPOINT, last.size, signed.checkpoint.size)
        elif earlier != [last.root]:
            step.problem("fork", CHECKPOINT, last.root.hex(), earlier[0].hex() if earlier else "unknown", last.size)
    good = signed is not None and report.exit_code == 0
    return Examined(report, signed.data if signed is not None and good else None)


def _signed(data: bytes, key: NoteKey, step: Step) -> SignedCheckpoint | None:
    try:
        return open_checkpoint(data, key)
    except NoteError as error:
        step.problem("checkpoint", CHECKPOINT, "a checkpoint signed by the log", error)
        return None


def _opened(data: bytes, key: NoteKey, what: str, step: Step) -> Checkpoint | None:
    try:
        return open_checkpoint(data, key).checkpoint
    except NoteError as error:
        step.problem("checkpoint", what, "a checkpoint signed by the log", error)
        return None


def _walk(files: LedgerDirectory, now: Checkpoint, last: Checkpoint | None, earlier: list[bytes], step: Step) -> None:
    """Rebuild the tree from its bundles and compare every file of it."""
    tree = GrowingTree(0, [])
    if last is not None and last.size == 0:
        earlier.append(tree.root())
    for bundle in (tile for tile in tiles_of(now.size) if tile.level == ENTRIES):
        entries = _entries(files, bundle, step)
        if entries is None:
            return
        for entry in entries:
            for tile, data in tree.add(entry):
                _compare(files, tile, data, step)
            if last is not None and tree.size == last.size:
                earlier.append(tree.root())
    for tile, data in tree.partials():
        _compare(files, tile, data, step)
    if tree.root() != now.root:
        step.problem("root", CHECKPOINT, now.root.hex(), tree.root().hex(), now.size)


def _entries(files: LedgerDirectory, bundle: Tile, step: Step) -> list[bytes] | None:
    data = files.read(bundle.path)
    try:
        if data is None:
            raise LedgerError("missing")
        return decode_bundle(data, bundle.width)
    except LedgerError as error:
        step.problem("bundle", bundle.path, f"{bundle.width} entries", error)
        return None


def _compare(files: LedgerDirectory, tile: Tile, data: bytes, step: Step) -> None:
    found = files.read(tile.path)
    if found != data:
        step.problem("tile", tile.path, "what its entries give", "missing" if found is None else "other bytes")


def read_state(path: Path) -> bytes | None:
    """Return the checkpoint that was cosigned last, None where the file is not there.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(NOTE_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"the state {path.name} cannot be read ({type(error).__name__})") from error
    return data


def write_state(path: Path, note: bytes) -> None:
    """Remember a checkpoint, durably, in the place of the one before.

    Raises:
        NoSpaceError, StoreUnavailableError: it cannot be written; the old one stands.
    """
    temporary = path.with_name(path.name + ".new")
    with translated():
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        flush_folder(path.parent)
