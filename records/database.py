"""The contract of the catalogue's database; infra builds it on SQLite or PostgreSQL.

Code that reads or writes takes a `Connection`; the transaction belongs to whoever opened it.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Database(Protocol):
    """Opens transactions. Both methods raise DatabaseUnavailableError or NoSpaceError instead of what is foreign."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes: BEGIN IMMEDIATE on SQLite; committed when the block ends without error."""
        ...

    def purge(self) -> None:
        """Make what was deleted or overwritten unreadable in the database's own files, as far as the engine can.

        SQLite rewrites its file and empties its write-ahead log. PostgreSQL gives the room of dead rows back; its
        write-ahead log and backups are the operator's (docs/operations.md). Takes time; call it outside transactions.
        """
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads: one consistent view."""
        ...
