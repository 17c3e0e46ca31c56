"""Untrusted bytes are parsed in limited child processes: the contract of their pool (design, section 2, rule 8).

Functions that run in a child are module-level, take and return simple values, and never see keys or the database.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class ChildPool(Protocol):
    """A pool of children with an address-space limit, killed one by one when they overrun their time.

    The parent's threads may call it at once; a killed child is replaced and costs only its own call.
    """

    @property
    def workers(self) -> int:
        """How many children run at once: one a core."""
        ...

    def submit(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Run `function` in a child; the future raises ChildLimitError ('time', 'memory', 'crash') or its error."""
        ...

    def run(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a child and wait for its result."""
        ...

    def close(self) -> None:
        """End all children, running or not; calls that still wait are cancelled, later ones are errors."""
        ...
