"""Evidence packages: records handed over with the proof of their custody, as numbered steps.

 1. access is decided for every record; all belong to one client; the target is free
 2. `exported` is committed for each record and each of its originals
 3. the documents' keys are released against these events; they stay in memory and go nowhere
 4. the ledger is published up to these events, time-stamped, and witnessed as the policy asks
 5. originals are unsealed and compared, copies and words written, all of it encrypted where a receiver is named
 6. events, proofs, checkpoint, description and manifests are laid beside them
 7. only then does the folder get the name that was asked for

A crash leaves an event without a package, never the reverse, and a hidden folder that the next export beside it
sweeps. Envelopes and document keys never travel (docs/design/evidence-package.md).
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from custody import access, ledger
from custody.keys import DocumentKey
from custody.ledger import Actor, Entry
from custody.opening import Act, append_with_words, fetch, record_act, release, stored_original, unseal_original
from custody.packages.bags import BagWriter
from custody.packages.layout import (
    COMMITMENTS,
    SEALED,
    Opening,
    encode_openings,
    original_name,
    rendition_name,
)
from custody.packages.making import Evidence, add_description, add_evidence
from custody.sealing import check_recipient, digest_file, sync_folder
from custody.tables import derivatives, events
from records.catalogue import record_row, sources_of
from records.errors import InvalidValueError, NoSpaceError, PackageError
from records.text import read_words
from tasks.alto import write_alto
from tasks.answers import subjects_of
from tasks.renditions import head_of
from tasks.services import Services

ANNOUNCED, LAID, FINISHED = 71, 72, 73  # where a test may kill the process: after steps 3, 5 and 6
STAGING = ".muniment-export-"
AT_ONCE = 500  # subjects asked for at once
MOST_RECORDS = 10_000

Progress = Callable[[int, int], None]  # files done, files in all


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: whole ids of records, where to, why, and whom the payload is encrypted to (None: clear)."""

    records: tuple[str, ...]
    target: Path
    reason: str
    words: str | None = None
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was handed over: SHA-256 of the payload's manifest, how many files and events, up to which checkpoint."""

    manifest_sha256: str
    files: int
    events: int
    size: int
    stamped: bool


@dataclass
class _Load:
    """What travels, in memory that grows with the number of documents: rows, released keys, the last event."""

    originals: dict[str, Row[Any]] = field(default_factory=dict)
    keys: dict[str, DocumentKey] = field(default_factory=dict)
    copies: list[Row[Any]] = field(default_factory=list)
    of_record: dict[str, list[str]] = field(default_factory=dict)  # record -> originals, then its files' paths
    subjects: list[str] = field(default_factory=list)
    last: int = 0


def export(
    services: Services,
    order: Order,
    evidence_of: Callable[[int], Evidence],
    progress: Progress = lambda _done, _all: None,
) -> Exported:
    """Make an evidence package by the numbered steps above.

    Args:
        services: what steps need.
        order: what is asked for.
        evidence_of: publishes the ledger so that a checkpoint covers at least this many events, and returns it.
        progress: called after each file.

    Raises:
        InvalidValueError: the target is taken or cannot be made, the recipient is none, records of two clients.
        AccessDeniedError: not for every one of the records; the denial is in the ledger.
        OriginalNotFoundError, FixityError, EnvelopeError, CustodyError: an original is not as it was stored.
        UnavailableError: the store, the witnesses or the authority do not answer.
    """
    _check_order(order)
    load = _gather(services, order)
    actor = _require(services, order, load)  # step 1
    _announce(services, order, actor, load)  # steps 2 and 3
    services.vault.reached(ANNOUNCED)
    evidence = evidence_of(load.last + 1)  # step 4
    if evidence.size <= load.last:
        raise PackageError("the ledger's checkpoint does not reach the events of this export")
    with _staging(order.target) as folder:
        bag = BagWriter(folder / "bag")
        for place in (bag.folder, folder / "work"):
            place.mkdir(mode=0o700)
        _lay_payload(services, order, load, _Wrapping(services, bag, folder / "work", order.recipient), progress)

        services.vault.reached(LAID)

        def entries() -> Iterator[Entry]:
            return _entries(services, load.subjects, evidence.size)

        count = add_evidence(bag, entries, evidence)  # step 6
        add_description(bag, {record: load.of_record[record] for record in order.records}, entries)
        digest = bag.finish({
            "Bagging-Software": f"muniment {ledger.SOFTWARE['version']}",
            "Bagging-Date": services.clock.now().date().isoformat(),
            "External-Description": "evidence package: originals and the proof of their custody",
        })  # fmt: skip
        services.vault.reached(FINISHED)
        _put_in_place(bag.folder, order.target)  # step 7
    return Exported(digest, len(bag.digests) + 1, count, evidence.size, bool(evidence.tokens))


def _check_order(order: Order) -> None:
    if not 0 < len(order.records) <= MOST_RECORDS or len(set(order.records)) != len(order.records):
        raise InvalidValueError(f"a package holds 1 to {MOST_RECORDS} records, each once")
    target = order.target
    if target.exists() or target.is_symlink():
        raise InvalidValueError("the folder to write is there already")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK | os.X_OK):
        raise InvalidValueError("the folder to write in is not there, or may not be written")
    if order.recipient is not None:
        check_recipient(order.recipient)


def _require(services: Services, order: Order, load: _Load) -> Actor:
    """Step 1: the person may see every record and open its originals; all belong to one client."""
    with services.database.read() as connection:
        clients = {record: record_row(connection, record).client for record in order.records}
    for record, client in clients.items():
        # an original may hold pages of another record, whose paper is of a higher class: it is asked for, too
        asked = [("view", record), ("open_original", record)]
        asked += [("open_original", original) for original in load.of_record[record]]
        for action, subject in asked:
            actor = access.require(
                services.database, services.clock, services.ids, services.person, client, action, subject
            )
    if len(set(clients.values())) != 1:
        raise InvalidValueError("a package holds records of one client")
    return actor


def _gather(services: Services, order: Order) -> _Load:
    load = _Load()
    subjects: set[str] = set()
    with services.database.read() as connection:
        for record in order.records:
            record_row(connection, record)
            load.of_record[record] = [source.original for source in sources_of(connection, record)]
            subjects.update(subjects_of(connection, record))
            load.copies += connection.execute(
                select(derivatives).where(derivatives.c.record == record).order_by(derivatives.c.kind)
            ).all()
    for original in (o for found in load.of_record.values() for o in found):
        load.originals[original] = stored_original(services.vault, original)
    load.subjects = sorted(subjects)
    return load


def _announce(services: Services, order: Order, actor: Actor, load: _Load) -> None:
    """Steps 2 and 3: an event for each record and each original, in one transaction; then the keys, while fresh."""
    act = Act("exported", actor, order.reason, order.words)
    announced: dict[str, Entry] = {}
    with services.database.write() as connection:
        for record in order.records:
            client = record_row(connection, record).client
            entry = record_act(services.vault, connection, act, record, client)
            load.last = entry.seq
            for original in load.of_record[record]:
                if original not in announced:
                    draft = ledger.Draft(
                        services.ids.new("evt"), "exported", original, actor, client=client, reason=order.reason,
                        refs=(entry.id,),
                    )  # fmt: skip
                    announced[original] = append_with_words(services.vault, connection, draft, None)
                    load.last = announced[original].seq
    for original, entry in announced.items():
        load.keys[original] = release(services.vault, entry, original, actor)


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """Puts files into the bag, clear or encrypted to the receiver."""

    services: Services
    bag: BagWriter
    work: Path
    recipient: str | None

    def name(self, name: str) -> str:
        """Return the name that a payload file gets in the bag."""
        return name if self.recipient is None else name + SEALED

    def take(self, clear: Path, name: str) -> None:
        """Move a clear file of the work folder into the bag under its name; encrypted, the clear one is removed."""
        target = self.bag.path(self.name(name))
        if self.recipient is None:
            digest, size = digest_file(clear)
            clear.replace(target)
        else:
            sealed = self.services.vault.seal(clear, target, self.recipient)
            clear.unlink()
            digest, size = sealed.sealed_sha256, sealed.sealed_size
        self.bag.note(self.name(name), digest, size)


def _lay_payload(services: Services, order: Order, load: _Load, wrapping: _Wrapping, progress: Progress) -> None:
    """Step 5; `of_record` then holds the paths of each record's files."""
    openings, done, total = [], 0, len(load.originals) + len(load.copies) + 1
    for original, row in load.originals.items():
        name = original_name(original, row.media_type)
        clear = wrapping.work / original
        unseal_original(services.vault, row, load.keys[original], clear)
        wrapping.take(clear, name)
        openings.append(Opening(original, load.keys[original].salt, name))
        progress(done := done + 1, total)
    paths = {opening.original: wrapping.name(opening.path) for opening in openings}
    load.of_record = {record: [paths[o] for o in originals] for record, originals in load.of_record.items()}
    for copy in load.copies:
        name = _lay_copy(services, copy, load.keys[copy.original], wrapping)
        load.of_record[copy.record].append(wrapping.name(name))
        progress(done := done + 1, total)
    salts = wrapping.work / "salts"
    salts.write_bytes(encode_openings(openings))
    salts.chmod(0o600)
    wrapping.take(salts, COMMITMENTS)
    progress(total, total)


def _lay_copy(services: Services, row: Row[Any], key: DocumentKey, wrapping: _Wrapping) -> str:
    clear = wrapping.work / f"{row.record}.{row.kind}"
    fetch(services.vault, row.object_key, row.object_version, row.sealed_sha256, row.sealed_size, key, clear)
    if row.kind != "words":
        name = rendition_name(row.record, "readable.pdf")
        wrapping.take(clear, name)
        return name
    name = rendition_name(row.record, "words.alto.xml")
    with services.database.read() as connection:
        head = head_of(connection, row.record)
    written = clear.with_name(clear.name + ".xml")
    with written.open("wb") as file:
        file.writelines(write_alto(head, lambda: read_words(clear)))
    written.chmod(0o600)
    clear.unlink()
    wrapping.take(written, name)
    return name


def _entries(services: Services, subjects: Sequence[str], size: int) -> Iterator[Entry]:
    """Yield the events of these subjects before `size`, in ledger order."""
    numbers: list[int] = []
    with services.database.read() as connection:
        for start in range(0, len(subjects), AT_ONCE):
            part = events.c.subject.in_(subjects[start : start + AT_ONCE])
            numbers += connection.execute(select(events.c.seq).where(part, events.c.seq < size)).scalars()
        numbers.sort()
        for start in range(0, len(numbers), AT_ONCE):
            query = select(events).where(events.c.seq.in_(numbers[start : start + AT_ONCE])).order_by(events.c.seq)
            for row in connection.execute(query):
                yield Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash)


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Yield a private folder beside the target, which goes with the process; sweep those of exports that died."""
    for left in target.parent.glob(STAGING + "*"):
        _sweep(left)
    try:
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=target.parent))
    except OSError as error:
        raise InvalidValueError("the folder to write cannot be made there") from error
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    except OSError as error:
        raise NoSpaceError("the package could not be written") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(left: Path) -> None:
    """Remove the folder of an export whose process is gone: it may hold clear files."""
    with suppress(OSError):
        lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)


def _put_in_place(folder: Path, target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InvalidValueError("the folder to write is there already")
    try:
        folder.rename(target)  # an empty folder made meanwhile would be replaced, anything else refuses
    except OSError as error:
        raise InvalidValueError("the folder to write was made by another meanwhile") from error
    sync_folder(target.parent)
