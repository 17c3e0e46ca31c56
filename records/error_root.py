"""The root of the error tree; the tree itself is drawn in records/errors.py, where everybody imports from."""

from typing import ClassVar


class MunimentError(Exception):
    """Could not be checked or done; base of every error this application raises on purpose."""

    exit_code: ClassVar[int] = 2
    retryable: ClassVar[bool] = False
    next_step: ClassVar[str] = "Run 'muniment doctor' and read docs/errors.md."
