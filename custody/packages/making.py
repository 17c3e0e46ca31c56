"""Making an evidence package out of files that are laid in a bag and of the ledger's evidence for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from custody.ledger import SOFTWARE, Entry
from custody.packages.bags import BagWriter
from custody.packages.layout import (
    CHECKPOINT,
    EVENTS,
    KEY,
    OPENER,
    POLICY,
    PREMIS,
    README,
    ROOTS,
    SCRIPT,
    proof_name,
    token_name,
)
from custody.packages.premis import write_premis
from custody.proofs import TlogProof


@dataclass(frozen=True, slots=True)
class Evidence:
    """A published checkpoint and what leads to it.

    `prove` gives the audit path of the event with this `seq`. `roots` are the PEM certificates that tokens lead to.
    """

    checkpoint: bytes
    size: int
    prove: Callable[[int], tuple[bytes, ...]]
    vkey: str
    policy: bytes
    tokens: tuple[bytes, ...] = ()
    roots: bytes | None = None


def add_evidence(bag: BagWriter, entries: Callable[[], Iterable[Entry]], evidence: Evidence) -> int:
    """Lay the events (in ledger order, all before the checkpoint) and their proofs in the bag; return how many."""
    bag.write(EVENTS, (entry.leaf + b"\n" for entry in entries()))
    number = -1
    for number, entry in enumerate(entries()):
        proof = TlogProof(entry.seq, tuple(evidence.prove(entry.seq)), evidence.checkpoint)
        bag.write(proof_name(number), [proof.data])
    bag.write(CHECKPOINT, [evidence.checkpoint])
    bag.write(KEY, [evidence.vkey.strip().encode() + b"\n"])
    bag.write(POLICY, [evidence.policy])
    for renewal, token in enumerate(evidence.tokens):
        bag.write(token_name(renewal), [token])
    if evidence.tokens and evidence.roots is not None:
        bag.write(ROOTS, [evidence.roots])
    return number + 1


def add_description(bag: BagWriter, records: Mapping[str, list[str]], entries: Callable[[], Iterable[Entry]]) -> None:
    """Lay the PREMIS document of the payload so far and of the events in the bag, and the pages for people."""
    files = {name: (bag.digests[name], bag.sizes[name]) for name in sorted(bag.digests) if name.startswith("data/")}
    agents = {event["actor"]["id"]: event["actor"]["role"] for event in _parsed(entries())}
    bag.write(PREMIS, write_premis(records, files, _parsed(entries()), agents, SOFTWARE["version"]))
    for name in (README, SCRIPT, OPENER):
        bag.write(name, [resources.files("custody.packages").joinpath(name).read_bytes()])


def _parsed(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    return (entry.event for entry in entries)
