"""Watched folders: one look lists every client's inbox and reconciles it with the intake register, both ways.

Polling, never events (intake, section 4.11): the listing is what runs at start, and what runs every few seconds.
Nothing in memory decides what was taken; how long a file has been still is remembered by this process only, so a
restart begins to count anew. A file is due when it is still, and whole by its structure, and, in a folder dropped
whole, when the folder is quiet. What is still but not whole waits as `arriving`, then it is taken and refused.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from records.errors import ConfigurationError, RefusedScanError, UnavailableError
from records.ids import ClientId, ScanId
from tasks import arrivals, inbox_files, sweeping
from tasks.crew import Crew, Work
from tasks.inbox_files import Found, Listing
from tasks.services import Services
from tasks.wholeness import Seen, check

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How folders are watched, in seconds, and what the inbox must keep apart from (`inbox_files.check_apart`)."""

    every: float = 2.0
    stable: float = 4.0
    arriving: float = 600.0
    quiet: float = 8.0  # a folder dropped whole is a batch when nothing in it changes for so long
    reconcile: float = 60.0
    grace: float = 12.0  # what is under way at the end may finish within it
    apart: tuple[Path, ...] = ()
    not_below: tuple[Path, ...] = ()


@dataclass(slots=True)
class Memory:
    """What a watcher remembers between looks; losing it costs time, never a file."""

    seen: dict[bytes, Seen] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)  # scans whose files the last look did not find
    problems: dict[str, str] = field(default_factory=dict)  # client, or `inbox` -> why nothing is taken there


@dataclass(slots=True)
class Look:
    """What one look came to. `unfinished`: checks are still under way or not yet begun."""

    files: int = 0
    new: int = 0
    ready: int = 0
    junk: int = 0
    refused: list[ScanId] = field(default_factory=list)
    unfinished: bool = False


def watch(
    services: Services,
    options: WatchOptions,
    stop: threading.Event,
    work: Work,
    say: Callable[[str], None] = lambda _problem: None,
    began: Callable[[], None] = lambda: None,
) -> None:
    """Watch folders and work on what they bring until `stop` is set; what is under way may finish, the rest is kept.

    Args:
        services: of this process.
        options: how folders are watched.
        stop: set from outside to end in order.
        work: how one scan is worked on, when work may begin, and who is told of outcomes.
        say: told of each problem with a folder, once, without names.
        began: called once, when folders are watched and workers are at work.

    Raises:
        ConfigurationError: the inbox lies where it must not.
    """
    memory, said = Memory(), set[str]()
    prepare(services, options, memory)
    crew = Crew(services, work, options.grace)
    crew.start()
    if not stop.is_set():
        began()
    reconciled = None
    try:
        while not stop.is_set() and crew.is_well:
            for problem in sorted({f"{who}: {text}" for who, text in memory.problems.items()} - said):
                said.add(problem)
                say(problem)
            try:
                now = services.clock.now()
                if reconciled is None or (now - reconciled).total_seconds() >= options.reconcile:
                    prepare(services, options, memory)
                    sweeping.tidy(services)
                    arrivals.close_finished(services, options.quiet)
                    reconciled = now
                seen = look(services, options, memory)
                crew.settled(seen.refused)
                if seen.ready:
                    crew.ring()
                pause = 0.0 if seen.unfinished else options.every
            except UnavailableError as error:
                _logger.warning("watched folders wait: %s", type(error).__name__)
                pause = options.every
            stop.wait(pause)
    finally:
        stop.set()
        crew.stop()


def prepare(services: Services, options: WatchOptions, memory: Memory) -> None:
    """Make every client's folder and try each with a canary; one that fails is named in `memory.problems`.

    Raises:
        ConfigurationError: the inbox overlaps programs or our own data, or others may write the settings file.
    """
    places = services.places
    places.inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    inbox_files.check_settings_file(places.home / "muniment.toml")
    ours = tuple(folder for folder in places.folders() if folder not in (places.home, places.inbox))
    inbox_files.check_apart(places.inbox, (*options.apart, *ours), (*options.not_below, places.home))
    memory.problems.clear()
    known = set()
    for client, name in arrivals.watched_clients(services):
        known.add(name)
        try:
            folder = _folder(services, name)
            inbox_files.try_folder(folder, places.work, client)
        except ConfigurationError as error:
            memory.problems[client] = str(error)
            _logger.error("the watched folder of client %s is not served: %s", client, error)  # noqa: TRY400
    strays = sum(1 for path in places.inbox.iterdir() if path.name not in known and not inbox_files.is_junk(path.name))
    if strays:
        memory.problems["inbox"] = f"{strays} names in the inbox belong to no client; nothing is taken from there"
        _logger.error("%s", memory.problems["inbox"])


def look(services: Services, options: WatchOptions, memory: Memory) -> Look:
    """List every client's folder once, bring the register up to date, and let workers claim what is whole.

    Raises:
        UnavailableError: the database did not answer; nothing is lost, look again later.
    """
    answer, now = Look(), services.clock.now()
    due: list[tuple[Found, Seen, Row[Any]]] = []
    present: set[bytes] = set()
    complete = True
    for client, name in arrivals.watched_clients(services):
        try:
            listing = inbox_files.list_folder(_folder(services, name))
        except ConfigurationError:
            complete = False
            continue
        complete &= listing.whole
        present.update(file.source for file in listing.found)
        waiting = _reconcile(services, client, listing, memory, answer)
        _remember(memory, listing.found, now)
        if client in memory.problems:
            arrivals.blocked(services, [row.id for _, row in waiting if row.reason != "no-permission"], "no-permission")
        else:
            due += _still(services, options, memory, _moved(listing, memory), waiting, now, answer)
    if complete:
        for source in [source for source in memory.seen if source not in present]:
            del memory.seen[source]
    _settle(services, options, sorted(due, key=lambda one: one[0].mtime_ns), now, answer)
    return answer


def _folder(services: Services, name: str) -> Path:
    """Return a client's folder, made where it is missing."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ConfigurationError("the client's name cannot be that of a folder")
    folder = services.places.inbox.absolute() / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"it cannot be made: {error.strerror}") from error
    if folder.is_symlink():
        raise ConfigurationError("it is a link, not a folder")
    return folder


def _reconcile(
    services: Services, client: ClientId, listing: Listing, memory: Memory, answer: Look
) -> list[tuple[Found, Row[Any]]]:
    """Compare a listing with the register, both ways; return the files that wait to become due."""
    rows = arrivals.standing(services, client)
    new, waiting = [], []
    for file in listing.found:
        row = rows.pop(file.source, None)
        if row is not None and row.state == "refused" and _is_another(row, file):
            arrivals.forget(services, row)
            row = None
        if row is None:
            new.append(file)
        elif row.state == "waiting" and (row.size, row.mtime_ns) != (file.size, file.mtime_ns):
            arrivals.changed(services, row, file)
        elif row.state == "waiting" and not row.todo:
            waiting.append((file, row))
    new = _without_renamed(services, memory, rows, new)
    answer.files += len(listing.found)
    answer.junk += listing.junk
    answer.new += arrivals.first_sight(services, client, new)
    if listing.whole:
        answer.refused += _gone(services, memory, rows.values())
    return waiting


def _is_another(row: Row[Any], file: Found) -> bool:
    """Tell whether the file under a refused row's name is not the thing that was refused."""
    same = (row.size, row.mtime_ns) == (file.size, file.mtime_ns)
    return not same or (row.reason == "not-regular" and file.regular and file.names == 1)


def _without_renamed(services: Services, memory: Memory, rows: dict[bytes, Row[Any]], new: list[Found]) -> list[Found]:
    """Leave out of the new files those that are old ones under another name (`.part` renamed): their rows go along."""
    lost = {memory.seen[source].look[2:]: source for source in rows if source in memory.seen}
    fresh = []
    for file in new:
        source = lost.pop(file.inode, None)
        if source is None or rows[source].state != "waiting" or rows[source].todo:
            fresh.append(file)
            continue
        arrivals.changed(services, rows.pop(source), file)
        memory.seen[file.source] = memory.seen.pop(source)
    return fresh


def _gone(services: Services, memory: Memory, rows: Iterable[Row[Any]]) -> list[ScanId]:
    """Settle rows whose files two looks have not found: refused, or, where they are already, forgotten."""
    refused = []
    for row in rows:
        if row.todo:
            continue  # a worker claims it, or finds that it is not there
        if row.state == "refused":
            arrivals.forget(services, row)
        elif row.id not in memory.missing:
            memory.missing.add(row.id)
        elif arrivals.refuse(
            services, ScanId(row.id), RefusedScanError("unreadable", "it was taken away before it was whole")
        ):
            memory.missing.discard(row.id)
            refused.append(ScanId(row.id))
    return refused


def _remember(memory: Memory, found: list[Found], now: datetime) -> None:
    for file in found:
        seen = memory.seen.get(file.source)
        if seen is None or seen.look != file.look:
            memory.seen[file.source] = Seen(file.look, now)


def _moved(listing: Listing, memory: Memory) -> dict[str | None, datetime]:
    """Return when each folder below a watched one last changed."""
    moved: dict[str | None, datetime] = {}
    for file in listing.found:
        since = memory.seen[file.source].since
        moved[file.folder] = max(moved.get(file.folder, since), since)
    return moved


def _still(
    services: Services, options: WatchOptions, memory: Memory, moved: dict[str | None, datetime],
    waiting: list[tuple[Found, Row[Any]]], now: datetime, answer: Look,
) -> list[tuple[Found, Seen, Row[Any]]]:  # fmt: skip
    """Return the waiting files that have been still for long enough; what is no regular file is refused, untouched."""
    still = []
    for file, row in waiting:
        memory.missing.discard(row.id)
        seen = memory.seen[file.source]
        age = (now - seen.since).total_seconds()
        quiet = file.folder is None or (now - moved[file.folder]).total_seconds() >= options.quiet
        if age < options.stable:
            continue
        if not file.regular or file.names > 1:
            if arrivals.refuse(services, ScanId(row.id), RefusedScanError("not-regular")):
                answer.refused.append(ScanId(row.id))
        elif quiet and (not file.partial or age >= options.arriving):
            still.append((file, seen, row))
    return still


def _settle(
    services: Services, options: WatchOptions, still: list[tuple[Found, Seen, Row[Any]]], now: datetime, answer: Look
) -> None:
    """Let workers claim what is whole, what never will be, and what has waited too long to become so."""
    late = {id(seen) for _, seen, _ in still if (now - seen.since).total_seconds() >= options.arriving}
    unsure = [(file, seen) for file, seen, _ in still if id(seen) not in late]
    answer.unfinished = not check(services, unsure, options.every)
    due = [ScanId(row.id) for _, seen, row in still if id(seen) in late or seen.verdict in ("whole", "never")]
    if due:
        answer.ready = arrivals.ready(services, due)
