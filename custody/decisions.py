"""What becomes of a request, a loan or a return, by where the file is: one table, asked by every act at the desk.

The cases and their ids are those of the decision table of reference of the records desk, section 11, with its four
deviations: a file lent again to who has it is said to be so and never returned (a); who is not at the head of the queue
may be served all the same, with a reason (b); what comes back from a loan is counted before it goes on (c); where
nothing is to be done a sighting is still recorded (d).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What is asked for."""

    ADD_REQUEST = "ADD_REQUEST"
    CANCEL_REQUEST = "CANCEL_REQUEST"
    CHECKOUT = "CHECKOUT"
    CHECKIN = "CHECKIN"
    VALIDATE = "VALIDATE"
    EXTEND = "EXTEND"
    CHANGE_PICKUP_LOCATION = "CHANGE_PICKUP_LOCATION"
    REQUEST_TO_FIRST_RANK = "REQUEST_TO_FIRST_RANK"


class Standing(StrEnum):
    """Where a file is as far as loans and requests go; the number is that of the cases."""

    HERE = "1"  # with us and kept ready for nobody
    READY = "2"  # at a desk for whom it is kept
    LENT = "3"
    TO_PICKUP = "4"  # on its way to where somebody fetches it
    HOMEWARD = "5"  # on its way home


class Outcome(StrEnum):
    """What is to be done."""

    QUEUE = "queue"
    DENY = "deny"
    IMPOSSIBLE = "impossible"
    CANCEL = "cancel"  # nothing moves
    CANCEL_NEXT_READY = "cancel; kept ready here for the next"
    CANCEL_NEXT_PICKUP = "cancel; on its way to the next"
    CANCEL_HOMEWARD = "cancel; on its way home"
    CANCEL_SHELVE = "cancel; put away"
    LEND = "lend"
    SAY_LENT = "say that the same person has it"  # deviation a
    DENY_UNLESS_REASON = "deny without a reason"  # deviation b
    SIGHT = "record a sighting"  # deviation d
    SHELVE = "put away"
    HOMEWARD = "send home"
    READY = "keep ready here"
    PICKUP = "send to where it is fetched"
    EXTEND = "extend"
    CHANGE = "change"
    CHANGE_PICKUP = "change; send to where it is fetched"
    FIRST = "move to the head"
    FIRST_HOMEWARD = "move to the head; on its way home"
    FIRST_PICKUP = "move to the head; send to where it is fetched"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits: its id, who asked, and the site where it is fetched."""

    request: str
    person: str
    site: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision needs to know of a file.

    `current` is the request it is kept ready or on its way for, or the loan; `queue` are the others, in order.
    """

    standing: Standing
    home: str  # site
    here: str  # site where the act is done
    current: Waiting | None = None
    queue: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One row: in which standing, under which facts, what is done."""

    id: str
    standing: Standing
    facts: Mapping[str, bool]
    outcome: Outcome


def decide(act: Act, situation: Situation, person: str | None = None, request: str | None = None) -> Case:
    """Return the one case that fits: `person` asks or borrows, `request` is the one concerned."""
    known = _facts(situation, person, request)
    for case in CASES[act]:
        if case.standing is situation.standing and all(known[name] == value for name, value in case.facts.items()):
            return case
    raise LookupError(f"no case of {act} fits")  # a test shows that every situation has one


def _facts(situation: Situation, person: str | None, request: str | None) -> dict[str, bool]:
    queue, current = situation.queue, situation.current
    head = queue[0] if queue else None
    of_current = current is not None and request == current.request
    return {
        "queue": bool(queue),
        "more": len(queue) > 1,
        "asked": person is not None and person in {waiting.person for waiting in queue},
        "same": current is not None and person == current.person,
        "head": head is not None and person == head.person,
        "current": of_current,
        "first": head is not None and request == head.request,
        "home here": situation.home == situation.here,
        "pickup here": current is not None and current.site == situation.here,
        "pickup home": current is not None and current.site == situation.home,
        "head here": head is not None and head.site == situation.here,
        "head home": head is not None and head.site == situation.home,
        "head there": head is not None and current is not None and head.site == current.site,
        "asked home": any(waiting.request == request and waiting.site == situation.home for waiting in queue),
    }


def _cases(act: Act, rows: str) -> tuple[Case, ...]:
    """Read a table of lines `1_2_1 | fact, no fact | outcome`; the first digit is the standing."""
    outcomes = {outcome.name: outcome for outcome in Outcome}
    found = []
    for line in rows.strip().splitlines():
        number, facts, outcome = (cell.strip() for cell in line.split("|"))
        words = [word.strip() for word in facts.split(",") if word.strip()]
        wanted = {word.removeprefix("no "): not word.startswith("no ") for word in words}
        found.append(Case(f"{act}_{number}", Standing(number[0]), wanted, outcomes[outcome]))
    return tuple(found)


_TABLES = {
    Act.ADD_REQUEST: """
        1_1       | no queue                             | QUEUE
        1_2_1     | queue, asked                         | DENY
        1_2_2     | queue, no asked                      | QUEUE
        2_1       | same                                 | DENY
        2_2_1     | no same, asked                       | DENY
        2_2       | no same, no asked                    | QUEUE
        3_1       | same                                 | DENY
        3_2_1     | no same, no queue                    | QUEUE
        3_2_2_1   | no same, queue, asked                | DENY
        3_2_2_2   | no same, queue, no asked             | QUEUE
        4_1       | same                                 | DENY
        4_2_1     | no same, asked                       | DENY
        4_2       | no same, no asked                    | QUEUE
        5_1       | no queue                             | QUEUE
        5_2_1     | queue, asked                         | DENY
        5_2_2     | queue, no asked                      | QUEUE
    """,
    Act.CANCEL_REQUEST: """
        1_1       | no queue                             | IMPOSSIBLE
        1_2       | queue                                | CANCEL
        2_1_1_1   | current, no queue, no home here      | CANCEL_HOMEWARD
        2_1_1_2   | current, no queue, home here         | CANCEL_SHELVE
        2_1_2_1   | current, queue, no head there        | CANCEL_NEXT_PICKUP
        2_1_2_2   | current, queue, head there           | CANCEL_NEXT_READY
        2_2       | no current                           | CANCEL
        3_1       | current                              | IMPOSSIBLE
        3_2       | no current                           | CANCEL
        4_1_1     | current, no queue                    | CANCEL_HOMEWARD
        4_1_2     | current, queue                       | CANCEL_NEXT_PICKUP
        4_2       | no current                           | CANCEL
        5_1_1     | current, no queue                    | CANCEL_SHELVE
        5_1_2     | current, queue                       | CANCEL_NEXT_PICKUP
        5_2       | no current                           | CANCEL
    """,
    Act.CHECKOUT: """
        1_1       | no queue                             | LEND
        1_2_1     | queue, head                          | LEND
        1_2_2     | queue, no head                       | DENY_UNLESS_REASON
        2_1       | same                                 | LEND
        2_2       | no same                              | DENY_UNLESS_REASON
        3_1       | same                                 | SAY_LENT
        3_2       | no same                              | DENY
        4_1       | same                                 | LEND
        4_2       | no same                              | DENY_UNLESS_REASON
        5_1       | no queue                             | LEND
        5_2_1     | queue, head                          | LEND
        5_2_2     | queue, no head                       | DENY_UNLESS_REASON
    """,
    Act.CHECKIN: """
        1_1_1     | no queue, home here                  | SIGHT
        1_1_2     | no queue, no home here               | HOMEWARD
        1_2_1     | queue, head here                     | READY
        1_2_2     | queue, no head here                  | PICKUP
        2_1       | pickup here                          | SIGHT
        2_2       | no pickup here                       | PICKUP
        3_1_1     | no queue, home here                  | SHELVE
        3_1_2     | no queue, no home here               | HOMEWARD
        3_2_1     | queue, head here                     | READY
        3_2_2_1   | queue, no head here, head home       | PICKUP
        3_2_2_2   | queue, no head here, no head home    | PICKUP
        4_1       | pickup here                          | READY
        4_2       | no pickup here                       | SIGHT
        5_1_1     | no queue, home here                  | SHELVE
        5_1_2     | no queue, no home here               | SIGHT
        5_2_1_1   | queue, head here, head home          | READY
        5_2_1_2   | queue, head here, no head home       | READY
        5_2_2_1   | queue, no head here, head home       | SIGHT
        5_2_2_2   | queue, no head here, no head home    | PICKUP
    """,
    Act.VALIDATE: """
        1_1       | no queue                             | IMPOSSIBLE
        1_2_1     | queue, head here                     | READY
        1_2_2     | queue, no head here                  | PICKUP
        2         |                                      | IMPOSSIBLE
        3         |                                      | IMPOSSIBLE
        4         |                                      | IMPOSSIBLE
        5         |                                      | IMPOSSIBLE
    """,
    Act.EXTEND: """
        1         |                                      | IMPOSSIBLE
        2         |                                      | IMPOSSIBLE
        3_1       | no queue                             | EXTEND
        3_2       | queue                                | DENY
        4         |                                      | IMPOSSIBLE
        5         |                                      | IMPOSSIBLE
    """,
    Act.CHANGE_PICKUP_LOCATION: """
        1_1       | no queue                             | IMPOSSIBLE
        1_2       | queue                                | CHANGE
        2_1       | current                              | DENY
        2_2       | no current                           | CHANGE
        3_1       | current                              | IMPOSSIBLE
        3_2       | no current                           | CHANGE
        4         |                                      | CHANGE
        5_1       | current                              | IMPOSSIBLE
        5_2       | no current, first                    | CHANGE_PICKUP
        5_3       | no current, no first                 | CHANGE
    """,
    Act.REQUEST_TO_FIRST_RANK: """
        1_1       | no more                              | IMPOSSIBLE
        1_2       | more                                 | FIRST
        2_1       | no more                              | IMPOSSIBLE
        2_2       | more                                 | FIRST
        3_1       | no more                              | IMPOSSIBLE
        3_2       | more                                 | FIRST
        4_1       | no more                              | IMPOSSIBLE
        4_2       | more                                 | FIRST
        5_1       | no more                              | IMPOSSIBLE
        5_2_1     | more, asked home                     | FIRST_HOMEWARD
        5_2_2     | more, no asked home                  | FIRST_PICKUP
    """,
}

CASES: Mapping[Act, tuple[Case, ...]] = {act: _cases(act, rows) for act, rows in _TABLES.items()}
