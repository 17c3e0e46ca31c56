"""Intake: every file offered gets a row before it is touched, is claimed into work/, and ends in a visible state.

Reference of intake, sections 4.2 to 4.5. `muniment ingest` copies what it is given; a watched file is claimed by
rename. States: waiting(since) -> received (claimed) -> accessioned; exits duplicate(of) and refused(reason).
Crash points: 11 row written, 12 bytes in work/, 13 row says received.
"""

import errno
import logging
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, update

from custody.ledger import Actor, Draft, append
from custody.originals import abandon
from custody.sealing import sync_folder
from records.catalogue import scan_row
from records.errors import NoSpaceError, RefusedScanError, WaitingScanError
from records.ids import BatchId, ClientId, ScanId, instant
from records.tables import scans
from tasks.batches import still_open
from tasks.inbox_files import take_out
from tasks.services import Services

_logger = logging.getLogger(__name__)
CHUNK = 1 << 20  # bytes
SPARE_BYTES = 64 * 1024**2  # left free on the disk when a file is claimed: sealed copy and catalogue need room too
RETRY = timedelta(seconds=20)  # a waiting row is tried again after this long


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as offered: its client and batch, how it came, the class its sender says, and who acts."""

    client: ClientId
    batch: BatchId
    via: str
    class_hint: str | None
    actor: Actor


def files_below(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files named and all below the folders named, sorted by bytes; links and what cannot be listed too.

    Nothing that was named is passed over in silence: a link (also to a folder) and a folder that may not be read are
    yielded as they are, and end as refused or waiting with their reason.
    """
    for path in paths:
        if not _is_folder(path):
            yield path
            continue
        closed: list[OSError] = []
        for folder, folders, names in os.walk(os.fsencode(path), onerror=closed.append):
            here = Path(os.fsdecode(folder))
            links = [name for name in folders if (here / os.fsdecode(name)).is_symlink()]
            folders.sort()
            for name in sorted([*names, *links]):
                yield here / os.fsdecode(name)
        yield from (_named(error) for error in closed)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _named(error: OSError) -> Path:
    return Path(os.fsdecode(error.filename))


def shown_path(path: Path) -> str:
    r"""Return a path as people read it: UTF-8, other bytes as `\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def offer(services: Services, given: Offer, path: Path) -> ScanId:
    """Write the row of a file before anything touches it; return its scan id, state `waiting`."""
    try:
        found = path.lstat()
        size, mtime = found.st_size, found.st_mtime_ns
    except OSError:
        size, mtime = None, None
    values = row_values(services, given, path, size, mtime)
    with services.database.write() as connection:
        still_open(connection, given.batch)
        connection.execute(insert(scans).values(**values))
    services.vault.reached(11)
    return ScanId(values["id"])


def row_values(services: Services, given: Offer, path: Path, size: int | None, mtime_ns: int | None) -> dict[str, Any]:
    """Return the row of a file at first sight: waiting, and due at once."""
    scan = services.ids.new("scn")
    now = instant(services.clock.now())
    return {
        "id": scan, "client": given.client, "batch": given.batch, "via": given.via, "path": shown_path(path),
        "source": os.fsencode(path.absolute()), "size": size, "mtime_ns": mtime_ns, "work": scan, "state": "waiting",
        "reason": "arriving", "class_hint": given.class_hint, "actor": given.actor.as_json(), "offered": now,
        "since": now, "todo": True, "attempt": 0, "lease_token": 0, "arrival": None,
    }  # fmt: skip


def work_file(services: Services, row: Row[Any]) -> Path:
    """Return where the claimed bytes of a scan lie while it is worked on."""
    work: Path = services.places.work / row.batch / row.work
    return work


def claim(scan: ScanId, services: Services) -> None:
    """Bring the bytes of a waiting scan into work/ and set it to `received`, with its event.

    Raises:
        RefusedScanError: not regular, or not there.
        WaitingScanError: no permission, or the disk is full.
        LeaseLostError: another worker goes on with it.
    """
    with services.database.read() as connection:
        row = scan_row(connection, scan)
    if row.state != "waiting":
        return
    source, target = Path(os.fsdecode(bytes(row.source))), work_file(services, row)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not target.exists():  # a crash may have come between the claim and its row
        if row.via == "watch":
            _claim_by_rename(services, row, source, target)
        else:
            _claim_by_copy(services, source, target)
        sync_folder(target.parent)
    services.vault.reached(12)
    with services.database.write() as connection:
        services.leases.fence(connection, scan)
        now = services.clock.now()
        size = target.stat().st_size
        connection.execute(
            update(scans)
            .where(scans.c.id == scan)
            .values(state="received", since=instant(now), reason=None, detail=None, size=size, arrival=None)
        )
        services.leases.progress(connection, scan)
        draft = Draft(services.ids.new("evt"), "received", scan, actor_of(row), client=row.client, after="received")
        append(connection, draft, now)
    services.vault.reached(13)


def actor_of(row: Row[Any]) -> Actor:
    """Return who offered a scan: later steps of the pipeline act on that person's behalf."""
    return Actor(**row.actor)


def refuse(scan: ScanId, services: Services, error: RefusedScanError) -> None:
    """Set a scan to `refused` with its reason and event, then move its bytes to quarantine untouched."""
    with services.database.write() as connection:
        services.leases.fence(connection, scan)
        row = scan_row(connection, scan)
        now = services.clock.now()
        connection.execute(
            update(scans)
            .where(scans.c.id == scan)
            .values(state="refused", since=instant(now), reason=error.code, detail=error.detail or None, todo=False)
        )
        before = "received" if row.state == "received" else None
        abandon(services.vault, connection, scan, actor_of(row))  # what was announced for it will never be stored
        draft = Draft(
            services.ids.new("evt"), "refused", scan, actor_of(row), client=row.client, before=before, after="refused",
            reason=error.code,
        )  # fmt: skip
        append(connection, draft, now)
    to_quarantine(services, row)
    _logger.info("refused scan %s: %s", scan, error.code)


def to_quarantine(services: Services, row: Row[Any]) -> None:
    """Move the bytes of a refused scan out of work/; nothing in quarantine is ever removed by a job."""
    source = work_file(services, row)
    target = services.places.quarantine / row.client / row.id
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source.replace(target)


def wait(scan: ScanId, services: Services, code: str) -> None:
    """Put a scan back with a reason to wait; nothing is given up, it is tried again later."""
    with services.database.write() as connection:
        services.leases.fence(connection, scan)
        later = instant(services.clock.now() + RETRY)
        connection.execute(update(scans).where(scans.c.id == scan).values(reason=code, not_before=later, attempt=0))
    _logger.info("scan %s waits: %s", scan, code)


def done(scan: ScanId, services: Services) -> None:
    """Mark that nothing is left to do and remove the claimed copy: the sealed original is stored and read back."""
    with services.database.write() as connection:
        services.leases.fence(connection, scan)
        row = scan_row(connection, scan)
        set_done(connection, scan)
    clear_away(services, row)


def clear_away(services: Services, row: Row[Any]) -> None:
    """Remove the claimed copy of a scan that is settled; refused bytes, and bytes that came late, go to quarantine."""
    work = work_file(services, row)
    if not work.exists():
        return
    late = work.stat().st_size != row.size
    if late:
        # a sender wrote on after the original was sealed: the bytes that came late are kept for a person
        _logger.error("scan %s was written to after it was taken; see quarantine", row.id)
    if late or row.state == "refused":
        to_quarantine(services, row)
    else:
        work.unlink()


def set_done(connection: Connection, scan: str) -> None:
    """Say in the row that the pipeline has nothing left to do."""
    connection.execute(
        update(scans).where(scans.c.id == scan).values(todo=False, not_before=None, reason=None, detail=None)
    )


def _claim_by_copy(services: Services, source: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        with _open_regular(source) as file:
            before = os.fstat(file)
            if shutil.disk_usage(target.parent).free < 2 * before.st_size + SPARE_BYTES:
                raise NoSpaceError("not enough space to claim the file")
            with os.fdopen(os.dup(file), "rb") as data, part.open("xb") as copy:
                while chunk := data.read(CHUNK):
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
            after = os.fstat(file)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise WaitingScanError("arriving")  # rewritten meanwhile: the copy is of no file there ever was
        part.replace(target)
    except NoSpaceError as error:
        raise WaitingScanError("no-space") from error
    except OSError as error:
        raise _meaning(error) from error
    finally:
        part.unlink(missing_ok=True)


def _claim_by_rename(services: Services, row: Row[Any], source: Path, target: Path) -> None:
    if shutil.disk_usage(target.parent).free < (row.size or 0) + SPARE_BYTES:
        raise WaitingScanError("no-space")
    try:
        take_out(services.places.inbox.absolute(), source, target, (row.size, row.mtime_ns))
    except OSError as error:
        raise _meaning(error) from error


@contextmanager
def _open_regular(path: Path) -> Iterator[int]:
    """Open a file without following a link and make sure it is a regular one (intake, section 4.12)."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise RefusedScanError("not-regular") from error
        raise
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise RefusedScanError("not-regular")
        yield file
    finally:
        os.close(file)


def _meaning(error: OSError) -> RefusedScanError | WaitingScanError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV):
        return WaitingScanError("no-permission")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WaitingScanError("no-space")
    return RefusedScanError("unreadable", os.strerror(error.errno or 0))
