"""Publishing the ledger from the catalogue's rows: by `up` every few seconds, on demand, before export or disposal.

`publish` gives the checkpoint that covers every event committed so far; the steps are those of custody/publishing.py.
Step 51 comes first: the key that signs is announced by an event of the ledger itself, once, so that a signer on another
machine cannot begin a second ledger beside the first.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection, select

from custody import ledger
from custody.checkpoints import Checkpoint
from custody.ledger import Draft, append
from custody.ledger_signer import KEY
from custody.merkle import inclusion_proof
from custody.notes import ED25519, NoteKey
from custody.proofs import TlogProof, verify_proof
from custody.publishing import Published, Publisher
from custody.stores.ledger_files import CHECKPOINT
from custody.tables import events
from custody.tiles import Tile, TileHashes
from records.errors import (
    ConfigurationError,
    LedgerError,
    LedgerForkError,
    MunimentError,
    UnavailableError,
    UnknownIdError,
)
from tasks.services import SYSTEM, Services

_logger = logging.getLogger(__name__)
ANNOUNCED, RETIRED = "ledger-key", "ledger-key-retired"  # reasons of `config_changed`
KEY_IS_ANNOUNCED = 51
HEARTBEAT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EventRows:
    """custody.publishing.Rows on the event table, in one transaction's view."""

    connection: Connection
    size: int

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """See Rows.entries."""
        return (entry.leaf for entry in ledger.entries(self.connection, first, last))

    def day(self, place: int) -> str:
        """See Rows.day."""
        return str(self.connection.execute(select(events.c.ts).where(events.c.seq == place)).scalar_one())[:10]


def publish(services: Services) -> Published:
    """Publish every event committed so far; this checkpoint stays for good.

    Raises:
        LedgerForkError: the database is not a continuation of what was signed; nothing was published.
        LedgerError: published files were changed.
        ConfigurationError, UnavailableError: signer or home are not as they must be, or do not answer.
    """
    return _published(services, Publisher.publish)


def publish_passing(services: Services) -> Published:
    """Publish every event committed so far; the checkpoint stays if it is its day's last. Errors as `publish`."""
    return _published(services, Publisher.publish_passing)


def publish_whole(services: Services) -> Published:
    """Publish as `publish`, and write again whatever published file is missing; errors as `publish`."""
    return _published(services, Publisher.publish_whole)


def _published(services: Services, how: Callable[[Publisher, EventRows], Published]) -> Published:
    with services.publisher():
        _announce(services, services.signing.public_keys()[0])
        services.vault.reached(KEY_IS_ANNOUNCED)
        with services.database.read() as connection:
            done = how(_publisher(services), EventRows(connection, ledger.size(connection)))
    _logger.info("published the ledger at size %s", done.size)
    return done


def _publisher(services: Services) -> Publisher:
    # whole seconds, so that the same lock is asked for and read back
    until: datetime = (services.clock.now() + services.ledger_lock).replace(microsecond=0)
    return Publisher(services.ledger_files, services.signing, until, services.vault.reached)


def current(services: Services) -> Checkpoint | None:
    """Return the published checkpoint, verified by the signer's key; None where nothing is published.

    Merely looking makes no key: the signer, which makes its own at first use, is asked only where it has one.

    Raises:
        LedgerError: it was changed, or is not this signer's.
        ConfigurationError: something is published, and the signer's key is not where it should be.
    """
    if not (services.places.signer / KEY).exists():
        if services.ledger_files.read(CHECKPOINT) is None:
            return None
        raise ConfigurationError("a ledger is published, and its signer's key is not here: mount or restore its folder")
    found = _publisher(services).current()
    return None if found is None else found.checkpoint


def announced_keys(connection: Connection) -> list[tuple[str, str]]:
    """Return the ledger's keys as its own events announce them, the oldest first: (subject, vkey), retired ones not."""
    found: dict[str, str] = {}
    rows = connection.execute(select(events).where(events.c.type == "config_changed").order_by(events.c.seq))
    for row in rows:
        event = ledger.Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash).event
        if event["reason"] == ANNOUNCED:
            found[event["subject"]] = event["obj"]["vkey"]
        elif event["reason"] == RETIRED:
            found.pop(event["subject"], None)
    return list(found.items())


def _announce(services: Services, key: NoteKey) -> None:
    """Announce the first key of the ledger by an event, once.

    Raises:
        ConfigurationError: the ledger has another key: its signer is elsewhere.
    """
    with services.database.read() as connection:
        known = [vkey for _, vkey in announced_keys(connection)]
    if key.vkey in known:
        return
    with services.database.write() as connection:
        ledger.hold(connection)
        known = [vkey for _, vkey in announced_keys(connection)]
        if known and key.vkey not in known:
            raise ConfigurationError("the ledger is signed by another key: publish where its signer is")
        if not known:
            _append_key(services, connection, key)


def _append_key(services: Services, connection: Connection, key: NoteKey) -> None:
    draft = Draft(
        services.ids.new("evt"), "config_changed", services.ids.new("key"), SYSTEM, reason=ANNOUNCED,
        obj={"vkey": key.vkey},
    )  # fmt: skip
    append(connection, draft, services.clock.now())


def rotate_key(services: Services) -> tuple[NoteKey, Published]:
    """Make a new signing key, announce it under the old one, and let both sign from then on; return the new key.

    A rotation that was interrupted is finished: each of its steps may be done again.

    Raises:
        ConfigurationError: a rotation is under way already, and both keys sign.
    """
    publish(services)  # what came before is the old key's, which is announced by now
    new = services.signing.prepare()
    with services.database.write() as connection:
        ledger.hold(connection)
        if new.vkey not in [vkey for _, vkey in announced_keys(connection)]:
            _append_key(services, connection, new)
    publish(services)  # the announcement, signed by the old key alone
    services.signing.use_prepared()
    return new, publish(services)


def retire_key(services: Services) -> tuple[NoteKey, Published]:
    """End a rotation: the new key signs alone, and the old private key is destroyed; return the key that is left.

    One that was interrupted is finished.

    Raises:
        ConfigurationError: no rotation is under way.
    """
    keys = [key for key in services.signing.public_keys() if key.kind == ED25519]
    if len(keys) > 1:
        publish(services)  # under both keys: what the new one finds published bears its signature
        left = services.signing.retire()
    elif not _older(services, keys[0]):
        left = services.signing.retire()  # says that there is nothing to end
    else:
        left = keys[0]
    with services.database.write() as connection:
        ledger.hold(connection)
        for subject, vkey in _older_than(connection, left):
            draft = Draft(
                services.ids.new("evt"), "config_changed", subject, SYSTEM, reason=RETIRED, obj={"vkey": vkey}
            )
            append(connection, draft, services.clock.now())
    return left, publish(services)


def _older(services: Services, key: NoteKey) -> list[tuple[str, str]]:
    with services.database.read() as connection:
        return _older_than(connection, key)


def _older_than(connection: Connection, key: NoteKey) -> list[tuple[str, str]]:
    """Return the keys that were announced before this one and are not retired."""
    return list(takewhile(lambda known: known[1] != key.vkey, announced_keys(connection)))


def waiting(services: Services) -> int:
    """Return how many events are committed and not published. Errors as `current`."""
    found = current(services)
    with services.database.read() as connection:
        return ledger.size(connection) - (0 if found is None else found.size)


def prove(services: Services, event: str) -> TlogProof:
    """Return the proof that an event is in the ledger, under a checkpoint that stays; verified before it is returned.

    Raises:
        UnknownIdError: there is no such event.
        LedgerError: what is published does not prove it. And the errors of `publish`.
    """
    with services.database.read() as connection:
        entry = ledger.find(connection, event)
    if entry is None:
        raise UnknownIdError("no event has this id")
    found = publish(services)
    hashes = TileHashes(found.size, lambda tile: _tile(services, tile))
    path = tuple(inclusion_proof(entry.seq, found.size, hashes))
    # the leaf goes along: hashing it is how a receiver checks it
    proof = TlogProof(entry.seq, path, found.checkpoint, entry.leaf)
    verify_proof(proof, entry.leaf, services.signing.public_keys()[0])
    return proof


def _tile(services: Services, tile: Tile) -> bytes:
    data = services.ledger_files.read(tile.path)
    if data is None:
        raise LedgerError(f"{tile.path} of the published ledger is missing")
    return data


def keep_publishing(
    services: Services, every: float, stop: threading.Event, say: Callable[[MunimentError], None]
) -> None:
    """Publish every few seconds where events wait, and once a day in any case, until `stop` is set.

    A service that does not answer is asked again. Any other error is said once, until it is another one; on a fork
    `stop` is set, since whatever is taken in from then on would be built on the wrong database.
    """
    published, beat, said = -1, services.clock.now() - HEARTBEAT, ""
    while not stop.wait(every):
        try:
            if services.clock.now() - beat >= HEARTBEAT:
                published, beat = publish(services).size, services.clock.now()
            elif _size(services) > published:
                published = publish_passing(services).size
            said = ""
        except UnavailableError as error:
            _logger.warning("publishing waits: %s", type(error).__name__)
        except MunimentError as error:
            if repr(error) != said:
                said = repr(error)
                say(error)
            if isinstance(error, LedgerForkError):
                stop.set()


def _size(services: Services) -> int:
    with services.database.read() as connection:
        return ledger.size(connection)
