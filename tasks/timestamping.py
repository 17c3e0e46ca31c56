"""Time stamps of the ledger: daily by `up`, on demand, and before export or disposal; renewed before they end.

Without an authority there are none, which `verify` and `doctor` state and nobody treats as an error. The token is kept
beside the checkpoint first, the event `checkpoint_timestamped` names it after that: what a crash leaves between the
two is finished by the next call. Format: docs/design/timestamps.md.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from custody import ledger
from custody.ledger import Draft, append
from custody.publishing import Published
from custody.stores.ledger_files import LedgerFiles, kept_path
from custody.tables import events
from custody.timestamps import (
    Stamp,
    Stamping,
    file_digest,
    parse_token_name,
    renewed_data,
    request_token,
    token_name,
    verify_tokens,
)
from records.errors import LedgerError, MunimentError, TimestampError
from records.ids import instant, parse_instant
from tasks import publishing
from tasks.services import SYSTEM, Services

_logger = logging.getLogger(__name__)
LOOK_SECONDS = 60.0  # how often `up` looks whether a time stamp is due


@dataclass(frozen=True, slots=True)
class Stamped:
    """A checkpoint's tokens, the first one and its renewals, with what the newest says and how long it is good."""

    size: int
    tokens: tuple[bytes, ...]
    stamp: Stamp
    good_until: datetime


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a look at all time stamps found: sizes whose tokens were renewed, end soon, ended so, or do not hold."""

    looked_at: int
    renewed: tuple[int, ...]
    ending: tuple[int, ...]
    ended: tuple[int, ...]
    failing: tuple[int, ...]
    next_end: datetime | None


def stamp(services: Services, published: Published | None = None) -> Stamped | None:
    """Stamp the newest checkpoint, published now where none is given; None where no authority is named.

    Doing it twice is no error: a checkpoint that has its token keeps it.

    Raises:
        AuthorityUnavailableError: the authority does not answer; nothing was kept.
        TimestampError: what it answered, or what is kept already, does not hold.
        And the errors of publishing.
    """
    stamping = services.stamping
    if stamping is None:
        return None
    found = publishing.publish(services) if published is None else published
    tokens = tokens_of(services.ledger_files, found.size)
    if not tokens:
        token, _ = request_token(stamping.authority, found.checkpoint, stamping.trust)
        tokens = [_keep(services, found.size, 0, token)]
    stamps = verify_tokens(found.checkpoint, tokens, stamping.trust, services.algorithms)
    _record_older(services, stamping, found.size)
    for renewal, (token, one) in enumerate(zip(tokens, stamps, strict=True)):
        _record(services, stamping, found.size, renewal, token, one)
    return Stamped(found.size, tuple(tokens), stamps[-1], stamps[-1].good_until(services.algorithms))


def renew(services: Services) -> Renewed:
    """Look at every time stamp and renew those that end soon; errors as `stamp`.

    Where the authority's new token would end no later than the old one (it still rests on what ends), nothing is kept:
    they stay among those that end soon, and `doctor` asks for another authority.
    """
    found, renewed = look(services), []
    if services.stamping is None or not found.ending:
        return found
    for size in found.ending:
        if not _renew_one(services, services.stamping, size):
            break
        renewed.append(size)
    return replace(look(services), renewed=tuple(renewed))


def look(services: Services) -> Renewed:
    """Look at every time stamp: which end soon, ended unrenewed, or do not hold; nothing is changed."""
    stamping, now = services.stamping, services.clock.now()
    ending, ended, failing, ends = [], [], [], []
    sizes = stamped_sizes(services.ledger_files) if stamping is not None else []
    for size in sizes:
        try:
            until = _end_of(services, size)
        except TimestampError:
            failing.append(size)
            continue
        if until <= now:
            ended.append(size)  # a renewal now would prove nothing: it came too late
            continue
        ends.append(until)
        if stamping is not None and until - stamping.renew_before <= now:
            ending.append(size)
    return Renewed(len(sizes), (), tuple(ending), tuple(ended), tuple(failing), min(ends, default=None))


def is_due(services: Services) -> bool:
    """Tell whether the newest time stamp is older than the settings want, or there is none."""
    if services.stamping is None:
        return False
    with services.database.read() as connection:
        last = connection.execute(
            select(events.c.ts).where(events.c.type == "checkpoint_timestamped").order_by(events.c.seq.desc()).limit(1)
        ).scalar()
    return last is None or parse_instant(last) + services.stamping.every <= services.clock.now()


def keep_stamping(services: Services, stop: threading.Event, say: Callable[[MunimentError], None]) -> None:
    """Stamp and renew when it is due, until `stop` is set; each error is said once, until it is another one."""
    said = ""
    while not stop.wait(LOOK_SECONDS if said else min(LOOK_SECONDS, 5.0)):
        try:
            if is_due(services):
                stamp(services)
                renew(services)
            said = ""
        except MunimentError as error:
            if repr(error) != said:
                said = repr(error)
                say(error)


def tokens_of(files: LedgerFiles, size: int) -> list[bytes]:
    """Return a checkpoint's token and its renewals, the oldest first."""
    tokens: list[bytes] = []
    while (token := files.read(token_name(size, len(tokens)))) is not None:
        tokens.append(token)
    return tokens


def stamped_sizes(files: LedgerFiles) -> list[int]:
    """Return the sizes of the checkpoints that have a token, in order."""
    names = [parse_token_name(path) for path in files.paths("timestamps/")]
    return sorted({name[0] for name in names if name is not None})


def _end_of(services: Services, size: int) -> datetime:
    stamping = services.stamping
    if stamping is None:
        raise TimestampError("no roots are named to judge time stamps by")
    tokens = tokens_of(services.ledger_files, size)
    stamps = verify_tokens(_checkpoint(services, size), tokens, stamping.trust, services.algorithms)
    if not stamps:
        raise TimestampError(f"the first token of checkpoint {size} is missing")
    return stamps[-1].good_until(services.algorithms)


def _renew_one(services: Services, stamping: Stamping, size: int) -> bool:
    checkpoint, tokens = _checkpoint(services, size), tokens_of(services.ledger_files, size)
    before = verify_tokens(checkpoint, tokens, stamping.trust, services.algorithms)[-1]
    token, made = request_token(stamping.authority, renewed_data(checkpoint, tokens), stamping.trust)
    if made.good_until(services.algorithms) <= before.good_until(services.algorithms):
        return False
    token = _keep(services, size, len(tokens), token)
    last = verify_tokens(checkpoint, [*tokens, token], stamping.trust, services.algorithms)[-1]
    _record(services, stamping, size, len(tokens), token, last)
    return True


def _checkpoint(services: Services, size: int) -> bytes:
    data = services.ledger_files.read(kept_path(size))
    if data is None:
        raise LedgerError(f"checkpoint {size} of the published ledger is missing")
    return data


def _keep(services: Services, size: int, renewal: int, token: bytes) -> bytes:
    """Keep a token under its name; where another process was quicker, its token is the one."""
    path = token_name(size, renewal)
    until = (services.clock.now() + services.ledger_lock).replace(microsecond=0)
    with services.publisher():
        try:
            services.ledger_files.keep(path, token, until)
        except LedgerError:
            there = services.ledger_files.read(path)
            if there is None:
                raise
            return there
    return token


def _record_older(services: Services, stamping: Stamping, size: int) -> None:
    """Name the tokens that a crash left without their event, before a later one is named: a verifier relies on it."""
    with services.database.read() as connection:
        named = {event["obj"]["sha256"] for event in _recorded(connection)}
    for older in (one for one in stamped_sizes(services.ledger_files) if one < size):
        tokens = tokens_of(services.ledger_files, older)
        if all(file_digest(token) in named for token in tokens):
            continue
        try:
            stamps = verify_tokens(_checkpoint(services, older), tokens, stamping.trust, services.algorithms)
        except TimestampError:  # not named: `look` counts it among those that do not hold
            continue
        for renewal, (token, one) in enumerate(zip(tokens, stamps, strict=True)):
            _record(services, stamping, older, renewal, token, one)


def _record(services: Services, stamping: Stamping, size: int, renewal: int, token: bytes, made: Stamp) -> None:
    """Name a token by an event, once."""
    digest = file_digest(token)
    with services.database.write() as connection:
        ledger.hold(connection)
        if digest in {event["obj"]["sha256"] for event in _recorded(connection)}:
            return
        event = services.ids.new("evt")
        obj = {
            "size": size, "file": token_name(size, renewal), "sha256": digest, "policy": made.policy,
            "qualified": stamping.qualified,
        }  # fmt: skip
        draft = Draft(event, "checkpoint_timestamped", event, SYSTEM, obj=obj, occurred=instant(made.made))
        append(connection, draft, services.clock.now())
    _logger.info("stamped checkpoint %s", size)


def _recorded(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(select(events).where(events.c.type == "checkpoint_timestamped").order_by(events.c.seq))
    for row in rows:
        yield ledger.Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash).event
