"""A publisher in memory, and the evidence packages made with it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from time_authority import TimeAuthority

from custody import ledger
from custody.algorithms import shipped_algorithms
from custody.checkpoints import Checkpoint
from custody.findings import Report
from custody.merkle import inclusion_proof, subtrees_of, tree_root
from custody.notes import FileSigner
from custody.packages.making import Evidence
from custody.packages.verification import Given
from custody.timestamps import Trust, read_roots, renewed_data, request_token
from records.tables import records
from tasks.exporting import Order, export

ORIGIN = "example.org/ledger"


NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Publisher:
    """Publishes a home's ledger in memory: what the real publisher does with tiles and a state of its own."""

    def __init__(self, services: Any, folder: Path, authority: TimeAuthority | None = None, renewals: int = 0) -> None:
        self.services, self.authority, self.renewals = services, authority, renewals
        self.signer = FileSigner(folder / "log.key", ORIGIN)

    def __call__(self, size: int) -> Evidence:
        with self.services.database.read() as connection:
            leaves = [bytes.fromhex(e.leaf_hash) for e in ledger.entries(connection)]
        assert len(leaves) >= size
        parts = subtrees_of(leaves)
        root = tree_root(len(leaves), parts)
        checkpoint = self.signer.sign(Checkpoint(ORIGIN, len(leaves), root).body).encode()
        tokens: list[bytes] = []
        roots = None
        if self.authority is not None:
            roots = self.authority.roots.read_bytes()
            for _ in range(1 + self.renewals):
                data = renewed_data(checkpoint, tokens)
                tokens.append(request_token(self.authority, data, Trust(read_roots(roots)))[0])
        return Evidence(
            checkpoint, len(leaves), lambda seq: tuple(inclusion_proof(seq, len(leaves), parts)),
            self.signer.key.vkey, f"log {self.signer.key.vkey}\nquorum none\n".encode(), tuple(tokens), roots,
        )  # fmt: skip


def all_records(services: Any) -> tuple[str, ...]:
    with services.database.read() as connection:
        return tuple(connection.execute(records.select().with_only_columns(records.c.id)).scalars())


def make(services: Any, publisher: Publisher, target: Path, **changes: Any) -> Path:
    export(services, replace(Order(all_records(services), target, "audit"), **changes), publisher)
    return target


def given(publisher: Publisher, **changes: Any) -> Given:
    roots = None if publisher.authority is None else publisher.authority.roots.read_bytes()
    return replace(Given(NOW, shipped_algorithms(), publisher.signer.key.vkey, roots=roots), **changes)


def outcomes(report: Report) -> list[str]:
    return [step["outcome"] for step in report.steps]


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def link(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    path.rename(other)
    path.symlink_to(other)
