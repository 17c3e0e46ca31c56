"""Lists of the clients' own, as the settings name them: known parties, references. A file goes before a database."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from infra.party_database import PartyDatabase, QueriedList
from infra.settings import Settings
from records.errors import ConfigurationError
from records.parties import Party, parse_parties
from records.references import Reference, parse_references, reference_of

T = TypeVar("T")


class ClientLists:
    """What the clients know themselves; nothing is connected before it is asked."""

    def __init__(self, settings: Settings) -> None:
        """Describe the lists.

        Raises:
            ConfigurationError: the database's URL is none that is read.
        """
        url, secret = settings.party_database_url, settings.party_database_password
        password = secret.get_secret_value() if secret else None
        self._folders = settings.party_folder, settings.reference_folder
        self._parties = None if url is None else PartyDatabase(url, password, settings.party_query)
        query = settings.reference_query
        self._references = None if url is None or query is None else QueriedList(
            url, password, query, reference_of, "references"
        )  # fmt: skip

    def parties(self, client: str) -> tuple[Party, ...] | None:
        """Return the known parties of a client; none: there is no list; None: it could not be asked.

        Raises:
            ConfigurationError: the list cannot be read.
        """
        return _listed(self._folders[0], client, parse_parties, self._parties)

    def references(self, client: str) -> tuple[Reference, ...] | None:
        """Return the orders, contracts and deliveries that a client's papers may refer to, as `parties` does.

        Raises:
            ConfigurationError: the list cannot be read.
        """
        return _listed(self._folders[1], client, parse_references, self._references)

    def close(self) -> None:
        """Close every connection."""
        for one in (self._parties, self._references):
            if one is not None:
                one.close()


def _listed(
    folder: Path | None, client: str, parse: Callable[[bytes], Sequence[T]], queried: QueriedList[T] | None
) -> tuple[T, ...] | None:
    """Read the client's file, anew each time; where there is none ask the database."""
    file = folder / f"{client}.csv" if folder is not None and "/" not in client else None
    if file is None or not file.exists():
        return () if queried is None else queried.of(client)
    try:
        return tuple(parse(file.read_bytes()))
    except OSError as error:
        raise ConfigurationError("a client's list of parties or references cannot be read") from error
