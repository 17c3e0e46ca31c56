"""Asking a time-stamping authority over HTTP (RFC 3161, section 3.4); satisfies `custody.timestamps.Authority`.

Plain HTTP is taken too, as most authorities offer it: what comes back is signed and bound to the question by a nonce.
Redirects are not followed, the answer's size is limited, and nothing but the digest of a checkpoint ever leaves.
"""

from collections.abc import Mapping

import urllib3

from custody.timestamps import RESPONSE_LIMIT
from records.errors import AuthorityUnavailableError

QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"


class HttpAuthority:
    """An authority at an address, asked through a client that is given (infra sets its time-outs and retries)."""

    def __init__(self, client: urllib3.PoolManager, url: str, headers: Mapping[str, str]) -> None:
        """Args: client; the authority's address; headers it wants besides, such as a user's."""
        self._client = client
        self._url = url
        self._headers = {**headers, "Content-Type": QUERY_TYPE, "Accept": REPLY_TYPE}

    def answer(self, query: bytes) -> bytes:
        """See `Authority.answer`."""
        try:
            response = self._client.request(
                "POST", self._url, body=query, headers=self._headers, redirect=False, preload_content=False
            )
            try:
                data = response.read(RESPONSE_LIMIT + 1, decode_content=False)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise AuthorityUnavailableError(f"no answer: {type(error).__name__}") from error
        if response.status != 200:
            raise AuthorityUnavailableError(f"answered with status {response.status}")
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != REPLY_TYPE:
            raise AuthorityUnavailableError("answered with something else than a time stamp")
        if len(data) > RESPONSE_LIMIT:
            raise AuthorityUnavailableError(f"answered with more than {RESPONSE_LIMIT} bytes")
        return data
