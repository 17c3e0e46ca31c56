"""The catalogue's database on SQLite (WAL) or PostgreSQL, and its schema brought to the newest migration.

SQLite: WAL, synchronous=FULL, foreign_keys=ON, busy_timeout 30 s, writers BEGIN IMMEDIATE (the command line's
contract, section 2). PostgreSQL by psycopg 3.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from records.errors import ConfigurationError, DatabaseUnavailableError, NoSpaceError

HEAD = "0021"  # the newest migration; a test compares it with Alembic's


class EngineDatabase:
    """Implements `records.database.Database` on a SQLAlchemy engine."""

    def __init__(self, engine: Engine, guard: Callable[[Connection], None] | None = None) -> None:
        """Args: engine, made by `sqlite_engine` or `postgres_engine`; guard, asked once before anything is written."""
        self.engine = engine
        self._guard = guard

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """See `Database.write`."""
        with _translated(), self.engine.connect() as connection:
            connection = connection.execution_options(muniment_writes=True)
            with connection.begin():
                if self._guard is not None:
                    self._guard(connection)
                    self._guard = None
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database.read`."""
        with _translated(), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's transactions are one view anyway
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def purge(self) -> None:
        """See `Database.purge`."""
        with _translated():
            if self.engine.dialect.name == "postgresql":
                with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql("VACUUM")
                return
            pooled = self.engine.raw_connection()  # our engine would open a transaction, in which nothing is vacuumed
            try:
                for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    busy = pooled.cursor().execute(statement).fetchone()
                if busy is None or busy[0]:
                    raise DatabaseUnavailableError("somebody reads the database's log: it is emptied later")
            except sqlite3.OperationalError as error:
                raise DatabaseUnavailableError("the database is in use: it is purged later") from error
            finally:
                pooled.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        if "full" in str(error.orig if isinstance(error, DBAPIError) else error):
            raise NoSpaceError("the database's disk is full") from error
        raise DatabaseUnavailableError("the database did not answer") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # a narrower one says what the caller did, not what the file is
            raise
        raise DatabaseUnavailableError("the database's file is damaged, or is none") from error


def sqlite_engine(path: Path) -> Engine:
    """Return an engine on a SQLite file with the settings of the contract."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late and be deferred
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("muniment_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def postgres_engine(url: str, password: str | None) -> Engine:
    """Return an engine on PostgreSQL.

    Raises:
        ConfigurationError: the URL is not one of PostgreSQL.
    """
    import psycopg  # here: an installation without PostgreSQL starts a tenth quicker

    parsed = make_url(url)
    if not parsed.drivername.startswith("postgresql"):
        raise ConfigurationError("database_url must begin with postgresql+psycopg://")
    parsed = parsed.set(drivername="postgresql+psycopg")
    if password:
        parsed = parsed.set(password=password)
    engine = create_engine(
        parsed, pool_pre_ping=True, pool_size=8, max_overflow=8, connect_args={"connect_timeout": 10}
    )

    @event.listens_for(engine, "handle_error")
    def close_what_was_cut(context: ExceptionContext) -> None:
        # The connection is invalidated and closed, but a cursor at the server is only left behind: it is closed here,
        # where no server can be asked any more, or psycopg warns of it whenever it happens to be collected.
        under_way: Any = context.execution_context  # None where a connection is tried before it is used
        cursor = getattr(under_way, "cursor", None)
        if context.is_disconnect and cursor is not None:
            with suppress(psycopg.Error):
                cursor.connection.close()
                cursor.close()

    return engine


def bring_up_to_date(engine: Engine) -> bool:
    """Migrate the schema to HEAD; return True where it was made from nothing. Safe to run from many processes.

    Raises:
        ConfigurationError: the database is newer than this program.
        DatabaseUnavailableError: it did not answer.
    """
    with _translated():
        with engine.connect() as connection:
            there = inspect(connection).has_table("alembic_version")
            if there and connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD:
                return False
        return _migrate(engine)


def _migrate(engine: Engine) -> bool:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    with engine.connect() as connection:
        connection = connection.execution_options(muniment_writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(734011)"))
            fresh = not inspect(connection).has_table("alembic_version")
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise ConfigurationError("the database is newer than this program") from error
    return fresh
