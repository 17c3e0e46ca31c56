"""A session at the scanner, and what is scanned in it."""

from datetime import timedelta
from typing import Any

from records.desk_commands import Command, command_code
from tasks.desk.scanner import Session

C = {command: command_code(command) for command in Command}


class Moved:
    """The services' clock, moved on by a test."""

    def __init__(self, clock: Any) -> None:
        self._clock, self.by = clock, timedelta()

    def now(self) -> Any:
        return self._clock.now() + self.by

    def sleep(self, seconds: float) -> None:
        self.by += timedelta(seconds=seconds)


def scans(desk: Session, *given: str) -> list[tuple[str, str]]:
    """Scan one after another, two seconds apart; return basket and code of each answer."""
    found = []
    for raw in given:
        desk.services.clock.sleep(2.0)  # type: ignore[attr-defined]  # the test's clock
        answer = desk.scan(raw)
        found.append((answer.basket, answer.said.code))
    return found
