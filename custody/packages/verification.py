"""Verifying an evidence package, offline and closed: numbered steps, each problem named by file, event or original.

 1. the bag: every file is listed and as listed, none is missing, a link, or besides
 2. the checkpoint is signed by the log's key that the caller got by another way, and witnessed as the policy asks
 3. each event stands in the tree of that checkpoint
 4. each subject's chain of events is whole, each move is legal, records have what they rest on
 5. the originals are what the log committed to
 6. the time stamps, against the roots that the caller got by another way
 7. the PREMIS document says what files and events say
 8. with a copy of the ledger: no event of these records was left out

Without a key of the caller's own step 2 could not be checked, and so the package as a whole: whoever can change a
package can change the key in it. Format: docs/design/evidence-package.md.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyrage
from pyrage import x25519

from custody.algorithms import Algorithms
from custody.checkpoints import SignedCheckpoint, open_checkpoint
from custody.findings import Report, Step
from custody.notes import NoteKey, parse_vkey
from custody.packages.bags import check_bag, digest_of
from custody.packages.events import Timeline, check_proofs, check_timeline
from custody.packages.layout import (
    CHECKPOINT,
    COMMITMENTS,
    COMMITMENTS_LIMIT,
    KEY,
    POLICY,
    PREMIS,
    SEALED,
    Opening,
    parse_openings,
    token_name,
)
from custody.packages.omissions import check_omissions
from custody.packages.premis import check_premis
from custody.policies import POLICY_LIMIT, believe, parse_policy
from custody.timestamps import RESPONSE_LIMIT, Trust, read_roots, verify_tokens
from records.errors import ConfigurationError, LedgerError, NoteError, PackageError, TimestampError

SMALL = 1 << 20  # bytes: keys, checkpoints
MOST_RENEWALS = 1000


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller got by another way than the package; None where he has it not.

    `vkey` is the log's key as text, `policy` a policy file, `roots` a PEM file, `tsa_policy` an OID, `identity` the
    receiver's age identity for an encrypted package, `ledger` a folder of the published ledger. `now` and
    `algorithms` decide whether a time stamp is still good.
    """

    now: datetime
    algorithms: Algorithms
    vkey: str | None = None
    policy: bytes | None = None
    roots: bytes | None = None
    tsa_policy: str | None = None
    identity: str | None = field(default=None, repr=False)
    ledger: Path | None = None


def verify_package(folder: Path, given: Given) -> Report:
    """Verify the package in `folder` by the numbered steps; the report names what does not hold."""
    report = Report()
    files: dict[str, str] = {}
    signed: SignedCheckpoint | None = None
    timeline = Timeline()
    with report.step("every file of the package is as listed, and none besides") as step:
        if not folder.is_dir():
            raise PackageError("there is no such folder")
        files = check_bag(folder, step)
        report.checked["files"] = len(files)
    with report.step("the checkpoint is signed by the log's key") as step:
        signed = _checkpoint(folder, given, step)
    with report.step("each event stands in the tree of the checkpoint") as step:
        if signed is None:
            raise PackageError("there is no checkpoint to believe")
        report.checked["entries"] = check_proofs(folder, signed, step)
        if report.checked["entries"] == 0:
            step.problem("events", "evidence/events.jsonl", "events", "none")
    with report.step("the chains of events are whole and their moves legal") as step:
        timeline = check_timeline(folder, step)
    with report.step("the originals are what the log committed to") as step:
        report.checked["originals"] = _check_originals(folder, timeline, given, step)
    with report.step("the time stamps of the checkpoint") as step:
        _check_stamps(folder, given, step)
    with report.step("the PREMIS document says what files and events say") as step:
        described = {n: (d, (folder / n).stat().st_size) for n, d in files.items() if n.startswith("data/")}
        check_premis(folder / PREMIS, described, timeline, step)
    if given.ledger is not None:
        with report.step("the ledger has no other event of these records") as step:
            if signed is None:
                raise PackageError("there is no checkpoint to believe")
            check_omissions(given.ledger, signed.checkpoint, timeline, step)
    return report


def _checkpoint(folder: Path, given: Given, step: Step) -> SignedCheckpoint | None:
    """Step 2. The checkpoint is returned even where the caller has no key: what follows can then be told, too."""
    data = _small(folder, CHECKPOINT)
    try:
        inside = parse_vkey(_small(folder, KEY).decode("utf-8"))
        believe(data, parse_policy(_small(folder, POLICY, POLICY_LIMIT)))
        signed = open_checkpoint(data, inside)
    except (NoteError, LedgerError, UnicodeDecodeError) as error:
        step.problem("checkpoint", CHECKPOINT, "signed and witnessed as the package's own key and policy say", error)
        return None
    if given.vkey is None:
        step.unchecked("no key is given that was got by another way than the package")
        return signed
    trusted = parse_vkey(given.vkey)
    _compare_keys(trusted, inside, step)
    try:
        signed = open_checkpoint(data, trusted)
        if given.policy is not None:
            believe(data, parse_policy(given.policy))
    except (NoteError, LedgerError) as error:
        step.problem("checkpoint", CHECKPOINT, "signed and witnessed as the given key and policy ask", error)
        return None
    return signed


def _compare_keys(trusted: NoteKey, inside: NoteKey, step: Step) -> None:
    if (trusted.name, trusted.public) != (inside.name, inside.public):
        step.problem("key", KEY, trusted.vkey, inside.vkey)


def _check_originals(folder: Path, timeline: Timeline, given: Given, step: Step) -> int:
    """Step 5; return how many originals were compared."""
    sealed = (folder / (COMMITMENTS + SEALED)).exists()
    if sealed and given.identity is None:
        step.unchecked("the package is encrypted, and no identity is given that opens it")
        return 0
    openings = _openings(folder, given.identity if sealed else None)
    for opening in openings:
        expected = timeline.commits.get(opening.original)
        digest = _digest(folder, opening.path, given.identity if sealed else None)
        if expected is None:
            step.problem("original", opening.original, "an event of its storing", "missing")
        elif digest is None:
            step.problem("original", opening.path, "a file that opens", "none")
        elif not hmac.compare_digest(_commitment(opening.salt, digest), expected):
            step.problem("original", opening.path, expected, _commitment(opening.salt, digest))
    for original in sorted(timeline.commits.keys() - {opening.original for opening in openings}):
        step.problem("original", original, "its file and salt", "missing")
    _check_payload(folder, {opening.path for opening in openings}, timeline, sealed, step)
    if not openings:
        step.problem("original", COMMITMENTS, "at least one original", "none")
    return len(openings)


def _check_payload(folder: Path, originals: set[str], timeline: Timeline, sealed: bool, step: Step) -> None:
    """Name what lies in the payload and is neither an original that was compared nor a rendition of a record."""
    for path in sorted(p for p in (folder / "data").rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        clear = name.removesuffix(SEALED)
        if sealed != name.endswith(SEALED):
            step.problem("payload", name, "encrypted" if sealed else "clear", "not so")
        parts = clear.split("/")
        of_record = parts[1] == "records" and len(parts) == 4 and parts[2] in timeline.heads
        if clear != COMMITMENTS and clear not in originals and not of_record:
            step.problem("payload", name, "an original, or a copy of a record in the events", "another file")


def _check_stamps(folder: Path, given: Given, step: Step) -> None:
    """Step 6: the token and its renewals, the newest of which must still be good."""
    tokens: list[bytes] = []
    while (folder / token_name(len(tokens))).exists() and len(tokens) <= MOST_RENEWALS:
        tokens.append(_small(folder, token_name(len(tokens)), RESPONSE_LIMIT + 1))
    there = {p.name for p in (folder / "evidence").glob("*.tsr")}
    for name in sorted(there - {Path(token_name(n)).name for n in range(len(tokens))}):
        step.problem(
            "timestamp", f"evidence/{name}", "the token of the checkpoint, or its next renewal", "another file"
        )
    if not tokens:
        if not there:
            step.not_applicable("none")
        return
    if given.roots is None:
        step.unchecked("no root certificates are given that were got by another way than the package")
        return
    trust = Trust(read_roots(given.roots), given.tsa_policy)
    try:
        stamps = verify_tokens(_small(folder, CHECKPOINT), tokens, trust, given.algorithms)
    except TimestampError as error:
        step.problem("timestamp", token_name(), "time stamps of the checkpoint that hold", error)
        return
    until = stamps[-1].good_until(given.algorithms)
    step.say(f"made {stamps[0].made.isoformat()}, good until {until.isoformat()}")
    if until < given.now:
        step.unchecked(f"what the newest time stamp rests on ended on {until.date().isoformat()}")


def _openings(folder: Path, identity: str | None) -> list[Opening]:
    if identity is None:
        return parse_openings(_small(folder, COMMITMENTS, COMMITMENTS_LIMIT + 1))
    try:
        sealed = _small(folder, COMMITMENTS + SEALED, COMMITMENTS_LIMIT + 1)
        return parse_openings(bytes(pyrage.decrypt(sealed, [_identity(identity)])))
    except (pyrage.DecryptError, OSError) as error:
        raise PackageError("the file of salts does not open with the identity given") from error


def _digest(folder: Path, path: str, identity: str | None) -> bytes | None:
    """Return SHA-256 of an original's clear bytes, decrypted as they are hashed; None where there is none to read."""
    source = folder / (path if identity is None else path + SEALED)
    if not source.is_file() or source.is_symlink():
        return None
    if identity is None:
        return bytes.fromhex(digest_of(source))
    writer = _Hashing()
    try:
        with source.open("rb") as file:
            pyrage.decrypt_io(file, writer, [_identity(identity)])
    except (pyrage.DecryptError, OSError):
        return None
    return writer.sha256.digest()


class _Hashing:
    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept."""


def _identity(text: str) -> x25519.Identity:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        return x25519.Identity.from_str(lines[0])
    except (pyrage.IdentityError, IndexError) as error:
        raise ConfigurationError("this is no age identity") from error


def _commitment(salt: bytes, digest: bytes) -> str:
    return hmac.new(salt, digest, hashlib.sha256).hexdigest()


def _small(folder: Path, name: str, limit: int = SMALL) -> bytes:
    """Return a file of the package that is small by its nature.

    Raises:
        PackageError: it is not there, a link, or larger than it can be.
    """
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > limit:
            raise PackageError(f"{name} is a link, or too large")
        return path.read_bytes()
    except OSError as error:
        raise PackageError(f"{name} cannot be read") from error
