"""The shape of every check's report: numbered steps, problems with what was expected and found, one verdict.

Verification fails closed and tells "could not check" from "does not hold" (design, section 2, rule 10).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from records.errors import MunimentError

MOST_PROBLEMS = 1000  # that one step lists; what is beyond is only counted
HOLDS, FAILS, UNCHECKED, NOT_APPLICABLE = "holds", "does not hold", "could not check", "not applicable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be: ids, digests and states only."""

    kind: str
    object: str
    seq: int | None = None
    expected: str | None = None
    found: str | None = None


@dataclass(slots=True)
class Report:
    """What a check did and found, growing step by step."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=lambda: {"entries": 0, "originals": 0, "files": 0})
    notes: dict[str, list[str]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator["Step"]:
        """Run one numbered step: it holds unless a problem is added, and a named error makes it unchecked."""
        step = Step(self)
        try:
            yield step
        except MunimentError as error:
            step.unchecked(f"{type(error).__name__}: {error}")
        self.steps.append(
            {"step": len(self.steps) + 1, "name": name, "outcome": step.outcome, "detail": step.detail or None}
        )

    @property
    def verdict(self) -> str:
        """One word for all: what does not hold outranks what could not be checked."""
        outcomes = {step["outcome"] for step in self.steps}
        if FAILS in outcomes:
            return FAILS
        return UNCHECKED if UNCHECKED in outcomes or outcomes <= {NOT_APPLICABLE} else HOLDS

    @property
    def exit_code(self) -> int:
        """0 holds, 1 does not hold, 2 could not be checked."""
        return {HOLDS: 0, FAILS: 1, UNCHECKED: 2}[self.verdict]

    def answer(self) -> dict[str, Any]:
        """Return the JSON shape of the command line's contract (`verify`)."""
        problems = [
            {"kind": p.kind, "object": p.object, "seq": p.seq, "expected": p.expected, "found": p.found}
            for p in self.problems
        ]
        return {
            "verdict": self.verdict, "checked": self.checked, "steps": self.steps, "problems": problems, **self.notes,
        }  # fmt: skip


class Step:
    """One step under way."""

    def __init__(self, report: Report) -> None:
        """Args: the report that the step belongs to."""
        self._report = report
        self._count = 0
        self._details: list[str] = []
        self.outcome = HOLDS

    @property
    def detail(self) -> str:
        """What is to be said about the step, beyond its outcome."""
        more = [f"{self._count - MOST_PROBLEMS} more problems"] if self._count > MOST_PROBLEMS else []
        return "; ".join([*self._details, *more])

    def say(self, detail: str) -> None:
        """Add to the detail."""
        self._details.append(detail)

    def problem(
        self, kind: str, what: str, expected: object = None, found: object = None, seq: int | None = None
    ) -> None:
        """Add a problem; the step then does not hold."""
        self.outcome = FAILS
        self._list(kind, what, expected, found, seq)

    def doubt(
        self, kind: str, what: str, expected: object = None, found: object = None, seq: int | None = None
    ) -> None:
        """Add a problem that leaves open whether anything is wrong; the step could then not be checked whole."""
        self.outcome = FAILS if self.outcome == FAILS else UNCHECKED
        self._list(kind, what, expected, found, seq)

    def unchecked(self, why: str) -> None:
        """Say that the step could not be checked, or not whole; what was found before stands."""
        self.outcome = FAILS if self.outcome == FAILS else UNCHECKED
        self.say(why)

    def not_applicable(self, why: str) -> None:
        """Say that the step has nothing to check here."""
        self.outcome = NOT_APPLICABLE
        self.say(why)

    def _list(self, kind: str, what: str, expected: object, found: object, seq: int | None) -> None:
        self._count += 1
        if self._count <= MOST_PROBLEMS:
            as_text = [None if value is None else str(value) for value in (expected, found)]
            self._report.problems.append(Problem(kind, what, seq, as_text[0], as_text[1]))
