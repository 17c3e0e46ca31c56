"""The index at scale: OpenSearch behind an alias, on a client that is given.

Every page is a document `<record>/<key>`, beside the pages each record has a marker `<record>`, as in the embedded
index. Documents carry the version of their change as external version, so the server itself refuses older ones,
whatever the order in which writers come. The marker is written first and names how far pages may reach: whoever
replaces a record removes what the new one no longer has, even where a writer was ended half-way.

A rebuild fills `<alias>-<n>` behind a second alias, to which changes are written as well as to the first, then moves
the first alias over in one step.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import NotFoundError, OpenSearchException, RequestError, TransportError

from records.errors import IndexUnavailableError, QueryError
from search.analysis import MAPPING_VERSION
from search.answers import NOTHING, SAMPLED, Found, Question, answer, errors_allowed, respellable, suggest, understand
from search.contract import Change, IndexedRecord, Query, RecordDocument, Removal, Results
from search.documents import (
    StoredPage,
    field_tokens,
    pack,
    page_fields,
    page_key,
    record_facts,
    split_key,
    stored_page,
    unpack,
)
from search.opensearch_queries import Json, has, index_body, near, ranked
from search.query import Term

_CHUNK_PAGES = 500  # pages sent at once
_CHUNK_BYTES = 8 * 1024**2
_BUCKETS = 1_000  # records read at once
_CONFLICT, _MISSING = 409, 404
