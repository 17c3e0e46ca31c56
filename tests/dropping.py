"""Dropping a database of the test server."""

from collections.abc import Callable
from typing import Any


def drop_database(execute: Callable[[str], Any], name: str) -> None:
    """Drop a database with whatever of this role is still connected to it.

    Never WITH (FORCE): it fails where the server's own autovacuum looks at the database just then, since no other role
    may end that process. A plain drop ends it by itself, and waits for those who are told to go.
    """
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{name}' AND usename = current_user AND pid <> pg_backend_pid()"
    )
    execute(f"DROP DATABASE {name}")
