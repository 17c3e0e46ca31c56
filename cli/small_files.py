"""Small files that people give beside what is verified: keys, policies, roots, saved checkpoints."""

from pathlib import Path

from records.errors import InvalidValueError

SMALL = 1 << 20  # bytes of the largest of them


def read_text(path: Path) -> str:
    """Return the text of a small file in UTF-8.

    Raises:
        InvalidValueError: it cannot be read, is too large, or no text.
    """
    try:
        return read_small(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{path.name} is no text") from error


def read_small(path: Path) -> bytes:
    """Return the bytes of a small file.

    Raises:
        InvalidValueError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SMALL + 1)
    except OSError as error:
        raise InvalidValueError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > SMALL:
        raise InvalidValueError(f"{path.name} is larger than such a file can be")
    return data
