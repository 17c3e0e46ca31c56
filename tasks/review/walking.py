"""The walk through a record's doubtful fields: one key a decision, nothing decided before the end.

Pure: steps in, what was answered so far, corrections out. Every answer can be taken back until the walk is committed;
`cli.review_walk` is its keyboard, a page of the web is another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from records.class_library import RecordClass
from records.errors import InvalidValueError
from records.normalise import DateOrder
from tasks.review.corrections import Change
from tasks.review.seeing import CLASS, Rival, Step
from tasks.typed_values import read_typed


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said about one step: a change, or None where it was passed over; `said` is how people read it."""

    change: Change | None
    said: str


@dataclass
class Walk:
    """One walk. `steps` are in keyboard order; `answered` has the answers so far, one for each step passed."""

    steps: Sequence[Step]
    record_class: RecordClass
    order: DateOrder | None = None
    answered: list[Answered] = field(default_factory=list)

    @property
    def step(self) -> Step | None:
        """The step to be answered; None at the end."""
        return self.steps[len(self.answered)] if len(self.answered) < len(self.steps) else None

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was decided, for `tasks.review.deciding.correct`; another class alone, since its fields are others."""
        made = tuple(one.change for one in self.answered if one.change is not None)
        other = tuple(change for change in made if change.name == CLASS and change.typed is not None)
        return other or made

    def accept(self) -> None:
        """Say that the value is right.

        Raises:
            InvalidValueError: there is none, or the walk is at its end.
        """
        step = self._current()
        if step.value is None:
            raise InvalidValueError("there is no value to accept: type it, or say that there is none")
        self._say(Change(step.name, step.index, None), step.value)

    def agree(self) -> None:
        """Agree to what another person proposed.

        Raises:
            InvalidValueError: nothing is proposed.
        """
        step = self._current()
        if step.proposed is None:
            raise InvalidValueError("nothing is proposed that one could agree to")
        self._say(Change(step.name, step.index, None, agree=True), step.proposed or "absent")

    def choose(self, number: int) -> None:
        """Take one of the rivals, counted from 1.

        Raises:
            InvalidValueError: there is none of this number.
        """
        step = self._current()
        if not 1 <= number <= len(step.rivals):
            raise InvalidValueError(f"there is no value {number} to choose")
        rival = step.rivals[number - 1]
        typed = rival.value if rival.currency is None else f"{rival.value} {rival.currency}"
        self._say(_chosen(step, rival, typed), rival.value)

    def correct(self, typed: str) -> None:
        """Type what the field is.

        Raises:
            InvalidValueError: it has not the form of the field; the form is named.
        """
        step = self._current()
        spec = self.record_class.spec(step.name)
        if not typed.strip():
            raise InvalidValueError("type a value, or say that there is none")
        value = typed.strip() if spec is None else read_typed(spec, typed, self.order)[0]
        self._say(Change(step.name, step.index, typed), value)

    def absent(self) -> None:
        """Say that the record has no such value."""
        self._blank("", "absent")

    def illegible(self) -> None:
        """Say that there is a value and nobody can read it."""
        self._blank(None, "illegible")

    def skip(self) -> None:
        """Leave a step undecided."""
        self._current()
        self.answered.append(Answered(None, "skipped"))

    def undo(self) -> None:
        """Take back the last answer.

        Raises:
            InvalidValueError: nothing was answered yet.
        """
        if not self.answered:
            raise InvalidValueError("nothing was answered yet")
        self.answered.pop()

    def _blank(self, typed: str | None, said: str) -> None:
        step = self._current()
        if step.name == CLASS:
            raise InvalidValueError("a record has a class: confirm it or name another")
        self._say(Change(step.name, step.index, typed, illegible=typed is None), said)

    def _current(self) -> Step:
        step = self.step
        if step is None:
            raise InvalidValueError("everything is answered: commit it, or take the last answer back")
        return step

    def _say(self, change: Change, said: str) -> None:
        self.answered.append(Answered(change, said))


def _chosen(step: Step, rival: Rival, typed: str) -> Change:
    """Return the change for a rival: with its place as evidence, and a confirmation where it is the value there is."""
    if rival.value == step.value and rival.currency in (None, step.currency):
        return Change(step.name, step.index, None)
    return Change(step.name, step.index, typed, page=rival.page, box=rival.box)
