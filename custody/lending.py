"""Whether a paper may be lent to a person: one list of rules over facts, in the order in which they are said.

Each rule has a code, whose basket says whether it forbids (`blocked`), asks (`confirm`), warns (`alert`) or tells
(`info`): the baskets of reference of the records desk, section 4. Nothing is read or written here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from custody.decisions import Outcome
from records.desk_answers import Said, Value

LENDABLE = ("received", "stored", "picked", "at_desk", "checked", "in_transit")
UNSOUND = ("damaged", "wet", "incomplete")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `outcome` is what the table of decisions says of this borrower (CHECKOUT).

    `values` stand in the sentences. `box_state` is that of the first box around it that is not with us, `sealed` that
    one is sealed. `overridden` is True where a reason was given by somebody who may pass over who waits.
    """

    state: str
    outcome: Outcome
    values: Mapping[str, Value]
    box_state: str | None = None
    sealed: bool = False
    held: bool = False
    accredited: bool = True
    cleared: bool = True
    restricted: bool = False
    to_oneself: bool = False
    undecided: bool = False  # the borrower's own request waits for a decision
    overridden: bool = False
    pages_expected: int | None = None
    pages_counted: int | None = None
    condition: str | None = None
    overdue: int = 0  # papers that the borrower has and that are overdue
    ends_before_due: bool = False  # the borrower's accreditation
    scanned: bool = False
    asked_by_others: int = 0
    answered: frozenset[str] = frozenset()


class Rule(NamedTuple):
    """A sentence of the desk and when it is said."""

    code: str
    applies: Callable[[Facts], bool]


def _waits(facts: Facts) -> bool:
    return facts.outcome is Outcome.DENY_UNLESS_REASON


def _pages_differ(facts: Facts) -> bool:
    return None not in (facts.pages_counted, facts.pages_expected) and facts.pages_counted != facts.pages_expected


RULES: tuple[Rule, ...] = (
    Rule("lent-to-same", lambda facts: facts.outcome is Outcome.SAY_LENT),
    Rule("already-lent", lambda facts: facts.outcome is Outcome.DENY),
    Rule("unchecked", lambda facts: facts.state == "returned"),
    Rule("in-quarantine", lambda facts: facts.state == "quarantine"),
    Rule("not-available", lambda facts: facts.state not in (*LENDABLE, "on_loan", "returned", "quarantine")),
    Rule("box-not-available", lambda facts: facts.box_state is not None),
    Rule("box-sealed", lambda facts: facts.sealed),
    Rule("on-hold", lambda facts: facts.held),
    Rule("not-accredited", lambda facts: not facts.accredited),
    Rule("not-cleared", lambda facts: facts.accredited and not facts.cleared),
    Rule("lend-to-oneself", lambda facts: facts.to_oneself and facts.restricted),
    Rule("request-undecided", lambda facts: facts.undecided),
    Rule("queue-reason", lambda facts: _waits(facts) and "queue" in facts.answered and not facts.overridden),
    Rule("queue", lambda facts: _waits(facts) and "queue" not in facts.answered),
    Rule("pages-differ", lambda facts: _pages_differ(facts) and "pages-differ" not in facts.answered),
    Rule("leaves-incomplete", lambda facts: facts.condition in UNSOUND and "leaves-incomplete" not in facts.answered),
    Rule("lent-anyway", _waits),
    Rule("borrower-overdue", lambda facts: facts.overdue > 0),
    Rule("borrower-ending", lambda facts: facts.ends_before_due),
    Rule("to-oneself", lambda facts: facts.to_oneself),
    Rule("scan-there", lambda facts: facts.scanned),
    Rule("asked-too", lambda facts: facts.asked_by_others > 0),
)
STOPS = ("lent-to-same",)  # told, not forbidden; all the same nothing is lent


class Verdict(NamedTuple):
    """What the rules say: `stop` is the first that ends the act, `notes` go with what is done."""

    stop: Said | None
    notes: tuple[Said, ...]


def check(facts: Facts) -> Verdict:
    """Ask every rule; the first that forbids, else the first that asks, ends the act."""
    said = [Said(rule.code, facts.values) for rule in RULES if rule.applies(facts)]
    ending = [one for one in said if one.code in STOPS or one.basket == "blocked"]
    ending += [one for one in said if one.basket == "confirm"]
    notes = tuple(one for one in said if one.basket in ("alert", "info") and one.code not in STOPS)
    return Verdict(ending[0] if ending else None, notes)
