"""What the ledger gives an evidence package: a checkpoint that stays, its time stamps, the paths that lead to it.

Where a policy asks for witnesses, the checkpoint is the published one with their cosignatures, waited for as long as
the settings say; it is then stamped in this form, since a time stamp is over bytes.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace

from custody.merkle import inclusion_proof
from custody.notes import Note, Signature, parse_note
from custody.packages.making import Evidence
from custody.policies import Policy, believe, parse_policy
from custody.publishing import Published
from custody.stores.ledger_files import witnessed_path
from custody.tiles import Tile, TileHashes
from custody.timestamps import request_token
from records.errors import AuthorityUnavailableError, ConfigurationError, LedgerError, NoteError, ProofError
from tasks import publishing, timestamping
from tasks.services import Services

HASH_BYTES = 32
LOOK_SECONDS = 1.0  # between two looks for cosignatures


def evidence_of(services: Services, least: int) -> Evidence:
    """Publish the ledger so that a checkpoint covers at least `least` events, stamp it, and return what proves them.

    Raises:
        LedgerError: the checkpoint does not reach so far.
        AuthorityUnavailableError: the witnesses did not cosign in time.
        And the errors of publishing and stamping: nothing may be handed over then.
    """
    found = publishing.publish(services)
    if found.size < least:
        raise LedgerError("the published checkpoint does not reach the events it must prove")
    stamped = timestamping.stamp(services, found)
    vkey = services.signing.public_keys()[0].vkey
    hashes = TileHashes(found.size, lambda tile: _tile(services, tile))
    plain = Evidence(
        found.checkpoint,
        found.size,
        lambda seq: tuple(inclusion_proof(seq, found.size, hashes)),
        vkey,
        f"log {vkey}\nquorum none\n".encode(),
        () if stamped is None else stamped.tokens,
        None if services.stamping is None else services.stamping.roots_pem,
    )
    return plain if services.ledger_policy is None else _witnessed(services, found, plain, services.ledger_policy)


def _witnessed(services: Services, found: Published, plain: Evidence, policy: bytes) -> Evidence:
    checkpoint = _cosigned(services, found, _policy(found, policy))
    if services.stamping is None or checkpoint == found.checkpoint:
        return replace(plain, checkpoint=checkpoint, policy=policy)
    token, _ = request_token(services.stamping.authority, checkpoint, services.stamping.trust)
    return replace(plain, checkpoint=checkpoint, policy=policy, tokens=(token,))


def _policy(found: Published, data: bytes) -> Policy:
    try:
        policy = parse_policy(data)
        believe(found.checkpoint, replace(policy, quorum="none"))
    except (ProofError, NoteError) as error:
        raise ConfigurationError(f"ledger_policy is not one for this ledger: {error}") from error
    return policy


def _cosigned(services: Services, found: Published, policy: Policy) -> bytes:
    """Return the checkpoint with the cosignatures that are there, as soon as they are a quorum."""
    until = services.clock.now() + services.witness_wait
    while True:
        note = parse_note(found.checkpoint)
        data = Note(note.text, (*note.signatures, *_cosignatures(services, found, policy))).data
        try:
            believe(data, policy)
        except ProofError as error:
            if services.clock.now() >= until:
                raise AuthorityUnavailableError(str(error)) from error
            threading.Event().wait(LOOK_SECONDS)
        else:
            return data


def _cosignatures(services: Services, found: Published, policy: Policy) -> Iterator[Signature]:
    for witness in policy.witnesses.values():
        data = services.ledger_files.read(witnessed_path(found.size, witness))
        if data is None:
            continue
        note = parse_note(data)
        mine = [s for s in note.signatures if (s.name, s.key_id) == (witness.name, witness.key_id)]
        if note.text == parse_note(found.checkpoint).text:
            yield from mine[-1:]


def _tile(services: Services, tile: Tile) -> bytes:
    """Read a tile; a partial one that was outgrown meanwhile is the beginning of its full one."""
    data = services.ledger_files.read(tile.path)
    if data is None and not tile.is_full:
        whole = services.ledger_files.read(tile.path.partition(".p/")[0])
        data = None if whole is None else whole[: tile.width * HASH_BYTES]
    if data is None:
        raise LedgerError(f"{tile.path} of the published ledger is missing")
    return data
