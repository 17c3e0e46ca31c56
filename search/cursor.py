"""Cursors: where the next page of answers begins, as an opaque text that belongs to one query.

A cursor is base64 of JSON: the merits and the key of the last page shown, and eight digits that bind it to query,
filters and access. It grants nothing: the access filter is part of every query, whatever the cursor says. The digits
are few on purpose: a cursor may stand in an address, and must not tell what was searched for.
"""

import base64
import binascii
import hashlib
import json
from typing import NamedTuple

from records.errors import QueryError
from search.analysis import MAPPING_VERSION
from search.contract import Query
from search.documents import split_key

_LONGEST = 500  # characters


class Place(NamedTuple):
    """The last page shown: how many merits it holds, and its key (search.documents.page_key)."""

    held: int
    key: str


def write_cursor(query: Query, place: Place) -> str:
    """Return the cursor that goes on after `place`."""
    text = json.dumps([_bind(query), place.held, place.key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(query: Query) -> Place | None:
    """Return where `query` goes on, None at its beginning.

    Raises:
        QueryError: the cursor is damaged, or of another query, another person's access or another version.
    """
    if query.cursor is None:
        return None
    try:
        if len(query.cursor) > _LONGEST:
            raise ValueError("too long")
        data = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        bound, held, key = json.loads(data)
        if not (isinstance(bound, str) and isinstance(held, int) and isinstance(key, str)) or held < 0:
            raise TypeError("not a cursor's shape")
        split_key(key)
    except (ValueError, TypeError, binascii.Error) as error:
        raise QueryError("the cursor is damaged: search again from the beginning") from error
    if bound != _bind(query):
        raise QueryError("the cursor belongs to another search: search again from the beginning")
    return Place(held, key)


def _bind(query: Query) -> str:
    bound = [
        MAPPING_VERSION, query.text, sorted(query.access.clients), query.client, query.record_class,
        str(query.date_from), str(query.date_to), sorted(query.fields.items()),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:8]
