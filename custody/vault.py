"""What custody works with: the database, the store, the key ring, and how a file is sealed. Built by infra."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from custody.keys import KeyRing
from custody.sealing import Sealed
from custody.stores.base import ObjectStore
from records.database import Database
from records.ids import Clock, Ids


@dataclass(frozen=True, slots=True)
class Vault:
    """The custody side of the services.

    `seal` runs custody.sealing.seal_file in a child. `staging` holds sealed files until they are stored; `private`
    holds clear working files and is swept. `reached(n)` is called when numbered step n is durable: a test may kill
    the process there. `retention_days` is the lock asked for where the store locks (0: the period is not certain) and
    `renewal_days` what it is renewed for while the original is held. `store_mark` names server and bucket
    without saying which they are: the same after a restart, another for another server. `backup_days` is how long the
    last backup lives after what it holds was destroyed; None: for ever.
    """

    database: Database
    store: ObjectStore
    keyring: KeyRing
    clock: Clock
    ids: Ids
    seal: Callable[[Path, Path, str], Sealed]
    staging: Path
    private: Path
    reached: Callable[[int], None]
    retention_days: int
    renewal_days: int
    store_mark: str
    backup_days: int | None = None
