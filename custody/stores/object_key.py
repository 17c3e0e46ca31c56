"""What a key of a stored object may look like, the same in every home.

Keys are made by us from ids and digests (custody, section 3.1, rule 4); anything else is a mistake or an attempt to
leave the store, and is refused before a disk or a server sees it.
"""

import re

from records.errors import InvalidValueError

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~+=-]{0,199}")
_LONGEST = 900  # bytes; S3 allows 1024 and some servers add to it


def checked_key(key: str) -> str:
    """Return `key` if it is one: segments of letters, digits and ``._~+=-``, none hidden, empty or leading out.

    Raises:
        InvalidValueError: it is not; the key itself is not in the text.
    """
    if len(key) > _LONGEST or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise InvalidValueError("not a key of a stored object")
    return key


def checked_prefix(prefix: str) -> str:
    """Return `prefix` if it can be the start of a key ('' is the start of all).

    Raises:
        InvalidValueError: no key can start like this.
    """
    if prefix:
        checked_key(prefix + "x" if prefix.endswith("/") else prefix)
    return prefix
