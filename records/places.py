"""Where things lie on this machine: the folders of MUNIMENT_HOME (the command line's contract, section 2)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one installation. `keys`, `escrow` and `signer` may lie on other volumes by setting."""

    home: Path
    keys: Path
    escrow: Path
    inbox: Path
    signer: Path  # key and memory of who signs the ledger

    @property
    def catalogue(self) -> Path:
        """The embedded database's file."""
        return self.home / "catalogue.db"

    @property
    def store(self) -> Path:
        """Sealed objects, where the store is a directory."""
        return self.home / "store"

    @property
    def index(self) -> Path:
        """The embedded search index."""
        return self.home / "index"

    @property
    def ledger(self) -> Path:
        """What is published of the ledger."""
        return self.home / "ledger"

    @property
    def work(self) -> Path:
        """Claimed files, `<batch>/<work name>`: removed only after they are stored and read back."""
        return self.home / "work"

    @property
    def staging(self) -> Path:
        """Sealed files that wait for the store."""
        return self.home / "work" / "sealed"

    @property
    def words(self) -> Path:
        """Clear words of records that wait for the index; private, swept."""
        return self.home / "work" / "words"

    @property
    def quarantine(self) -> Path:
        """Refused bytes, untouched."""
        return self.home / "quarantine"

    @property
    def tmp(self) -> Path:
        """Private clear working files; one folder a process, swept when it is dead."""
        return self.home / "tmp"

    @property
    def run(self) -> Path:
        """Locks, process ids, sockets."""
        return self.home / "run"

    @property
    def prefect(self) -> Path:
        """Prefect's home."""
        return self.home / "prefect"

    def folders(self) -> tuple[Path, ...]:
        """All folders that must exist."""
        return (
            self.home, self.keys, self.escrow, self.inbox, self.signer, self.store, self.index, self.ledger, self.work,
            self.staging, self.words, self.quarantine, self.tmp, self.run, self.prefect,
        )  # fmt: skip
