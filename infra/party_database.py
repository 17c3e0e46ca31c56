"""Known parties and references of a client out of somebody else's database: by one read-only query each.

States what the reference of data verification asks of an adapter (section 6): timeout 5 s for the connection and for
the query; it is not asked again within the same call, `muniment review recheck --unknown` does that; an outage yields
None, for which checks answer `unknown`, never a pass; what is kept is the check's outcome with its event; an answer is
used for 60 s, an outage for 20, for every client, so that a batch does not wait for it again and again.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, ProgrammingError, SQLAlchemyError

from infra.asking import Memory, Patience, Silence
from records.errors import ConfigurationError
from records.parties import Party, party_of

T = TypeVar("T")
PATIENCE_S = 5
PATIENCE = Patience(answer_s=60.0, open_s=20.0, outage_s=20.0, most=50)  # of long lists
MOST_ROWS = 200_000

_logger = logging.getLogger(__name__)


class QueriedList(Generic[T]):
    """A list that a database has for each client; its query gets the client's name as `:client`."""

    def __init__(
        self, url: str, password: str | None, query: str, row: Callable[[Mapping[str, str | None], int], T], what: str
    ) -> None:
        """Nothing is connected before it is asked. `row` makes an entry of a row and its number, `what` names the list.

        Raises:
            ConfigurationError: the URL is neither one of PostgreSQL nor of SQLite.
        """
        self._query, self._row, self._what = query, row, what
        self._engine = _engine(url, password)
        self._memory = Memory(self._ask, PATIENCE)

    def of(self, client: str) -> tuple[T, ...] | None:
        """Return the list of a client, None where the database cannot be asked.

        Raises:
            ConfigurationError: the query is wrong, or a row of its answer has not what an entry needs.
        """
        return self._memory.of(client)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _ask(self, client: str) -> tuple[T, ...] | Silence:
        try:
            with self._engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{PATIENCE_S}s'")
                rows = connection.execute(text(self._query), {"client": client}).mappings().fetchmany(MOST_ROWS + 1)
        except ProgrammingError as error:
            raise ConfigurationError(f"the query for {self._what} does not run") from error
        except SQLAlchemyError as error:
            _logger.warning("the database of %s could not be asked: %s", self._what, type(error).__name__)
            return Silence.DOWN
        if len(rows) > MOST_ROWS:
            raise ConfigurationError(f"the query for {self._what} gives more than {MOST_ROWS}")
        return tuple(self._row(_texts(row), number) for number, row in enumerate(rows, 1))


class PartyDatabase(QueriedList[Party]):
    """A database of known parties."""

    def __init__(self, url: str, password: str | None, query: str) -> None:
        """See `QueriedList`."""
        super().__init__(url, password, query, party_of, "known parties")


def _texts(row: Mapping[Any, Any]) -> dict[str, str | None]:
    return {str(name): None if value is None else str(value) for name, value in row.items()}


def _engine(url: str, password: str | None) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("party_database_url is no URL") from error
    if parsed.drivername.startswith("postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        parsed = parsed.set(password=password) if password else parsed
        return create_engine(
            parsed, pool_size=1, max_overflow=3, pool_timeout=PATIENCE_S, connect_args={"connect_timeout": PATIENCE_S}
        )
    if parsed.drivername != "sqlite" or not parsed.database:
        raise ConfigurationError("party_database_url begins with postgresql:// or sqlite:///")
    return _sqlite_reader(parsed)


def _sqlite_reader(parsed: URL) -> Engine:
    """Return an engine that reads a file and can neither make nor change it."""
    place = Path(str(parsed.database)).absolute().as_uri()
    engine = create_engine(
        f"sqlite:///{place}?mode=ro&uri=true", connect_args={"timeout": PATIENCE_S, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def read_only(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    return engine
