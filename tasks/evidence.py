"""What the ledger gives an evidence package: a checkpoint that stays, its time stamps, the paths that lead to it."""

from custody.merkle import inclusion_proof
from custody.packages.making import Evidence
from custody.tiles import Tile, TileHashes
from records.errors import LedgerError
from tasks import publishing, timestamping
from tasks.services import Services

HASH_BYTES = 32


def evidence_of(services: Services, least: int) -> Evidence:
    """Publish the ledger so that a checkpoint covers at least `least` events, stamp it, and return what proves them.

    Raises:
        LedgerError: the checkpoint does not reach so far. And the errors of publishing and stamping: nothing may be
            handed over then.
    """
    found = publishing.publish(services)
    if found.size < least:
        raise LedgerError("the published checkpoint does not reach the events it must prove")
    stamped = timestamping.stamp(services, found)
    hashes = TileHashes(found.size, lambda tile: _tile(services, tile))
    vkey = services.signing.public_keys()[0].vkey
    return Evidence(
        found.checkpoint,
        found.size,
        lambda seq: tuple(inclusion_proof(seq, found.size, hashes)),
        vkey,
        f"log {vkey}\nquorum none\n".encode(),
        () if stamped is None else stamped.tokens,
        None if services.stamping is None else services.stamping.roots_pem,
    )


def _tile(services: Services, tile: Tile) -> bytes:
    """Read a tile; a partial one that was outgrown meanwhile is the beginning of its full one."""
    data = services.ledger_files.read(tile.path)
    if data is None and not tile.is_full:
        whole = services.ledger_files.read(tile.path.partition(".p/")[0])
        data = None if whole is None else whole[: tile.width * HASH_BYTES]
    if data is None:
        raise LedgerError(f"{tile.path} of the published ledger is missing")
    return data
