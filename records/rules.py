"""What an event demands of the events before it: its subject's state, marks that are open, another person.

`records.lifecycle` says which single moves are legal. This module adds what needs memory: the subject must be in the
state that the event moves it from; nothing happens to a subject after its end but what `AFTER_THE_END` names; and an
event may leave a mark (a hold, a proposal, an approval) that later ones ask for, forbid or close. Both who writes the
ledger and who verifies it, without a database, ask `broken`; neither has rules of its own. Source: reference of
custody, sections 1.3 and 8; docs/design/lifecycle.md shows the same tables and a test compares them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from records.errors import LifecycleError
from records.lifecycle import TRANSITIONS, check_transition

Event = Mapping[str, Any]  # a leaf, or what becomes one: see docs/design/formats.md


@dataclass(frozen=True, slots=True)
class Mark:
    """What an event left open: its kind, the event's id, whom it is about, and the pseudonym of who acted.

    `holder` is who has a paper by it, `when` when it happened, `about` the field it concerns, `commit` what it keeps.
    """

    name: str
    event: str
    subject: str
    actor: str
    holder: str | None = None
    when: str = ""
    about: str | None = None
    commit: str | None = None


class Past(Protocol):
    """What the ledger says up to an event."""

    def state(self, subject: str) -> str | None:
        """Return the state that the subject's last move left it in; None where it has not moved yet."""
        ...

    def marks(self, subject: str, name: str) -> Sequence[Mark]:
        """Return the subject's open marks of this name, oldest first."""
        ...

    def mark(self, event: str) -> Mark | None:
        """Return the mark that the event with this id left, while it is open."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """One demand: what it says (as the documents say it), and whether it holds for an event after a past."""

    says: str
    holds: Callable[[Event, Past], bool]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that an event breaks: `kind` is move, state, end or guard."""

    kind: str
    object: str
    expected: str | None
    found: str | None


def named(event: Event, past: Past, name: str) -> list[Mark]:
    """Return the open marks of this name that an event names in `auth_ref` or `refs`."""
    found = [past.mark(ref) for ref in (event["auth_ref"], *event["refs"]) if ref is not None]
    return [mark for mark in found if mark is not None and mark.name == name]


def names_open(name: str) -> Guard:
    """Demand that the event names an open mark."""
    return Guard(f"it names an open {name}", lambda event, past: bool(named(event, past, name)))


def names_own(name: str) -> Guard:
    """Demand that the event names an open mark of its own subject, and none of another."""

    def holds(event: Event, past: Past) -> bool:
        found = named(event, past, name)
        return bool(found) and all(mark.subject == event["subject"] for mark in found)

    return Guard(f"it names an open {name} of its subject", holds)


def another_person(name: str) -> Guard:
    """Demand that who acts is none of those who left the open marks named, or those of the subject."""

    def holds(event: Event, past: Past) -> bool:
        marks = [*named(event, past, name), *past.marks(event["subject"], name)]
        return all(mark.actor != event["actor"]["id"] for mark in marks)

    return Guard(f"its actor did not make the {name}", holds)


def by_a_person() -> Guard:
    """Demand that who acts is no service of the system."""
    return Guard("a person does it", lambda event, _: event["actor"]["auth"] != "system")


def free_of(name: str) -> Guard:
    """Demand that no mark is open on the subject, its client, what it is part of, or the subject of a mark it names.

    What the subject is part of (its batch, file, boxes) the event says in `obj.within`.
    """

    def holds(event: Event, past: Past) -> bool:
        refs = [past.mark(ref) for ref in (event["auth_ref"], *event["refs"]) if ref is not None]
        within = (event["obj"] or {}).get("within", ())
        subjects = {event["subject"], event["client"], *within, *(mark.subject for mark in refs if mark is not None)}
        return not any(past.marks(subject, name) for subject in subjects if subject is not None)

    return Guard(f"no {name} is open on its subject, its client, what it is part of or what it names", holds)


# type -> the mark it leaves open
OPENS: dict[str, str] = {"hold_set": "hold", "disposal_proposed": "proposal", "disposal_approved": "approval"}

# type -> marks that it closes: those of that name which it names; where it names none, all of its subject
CLOSES: dict[str, tuple[str, ...]] = {
    "hold_released": ("hold",), "disposal_refused": ("proposal", "approval"), "disposed": ("proposal", "approval"),
}  # fmt: skip

# type -> subject kind, or ANY -> what it demands
ANY = "*"
GUARDS: dict[str, dict[str, tuple[Guard, ...]]] = {
    "hold_released": {ANY: (names_own("hold"),)},
    "disposal_proposed": {ANY: (by_a_person(),)},
    "disposal_approved": {
        ANY: (by_a_person(), names_own("proposal"), another_person("proposal"), free_of("hold")),
    },
    "disposal_refused": {ANY: (names_own("proposal"),)},
    "key_destroyed": {"ori": (names_open("approval"), another_person("approval"), free_of("hold"))},
    "disposed": {
        ANY: (names_own("approval"), another_person("proposal"), another_person("approval"), free_of("hold")),
    },
}


def _still_here(event: Event, past: Past) -> bool:
    return not past.marks(event["subject"], "hold")


def _lent_by_another(event: Event, past: Past) -> bool:
    restricted = (event["obj"] or {}).get("class", "normal") != "normal"
    return not restricted or event["actor"]["id"] != event["holder"]


def _names_its_borrower(event: Event, past: Past) -> bool:
    loans = past.marks(event["subject"], "loan")
    return not loans or event["on_behalf"] == loans[-1].holder


def _after_the_loan_began(event: Event, past: Past) -> bool:
    began = [mark.when for mark in past.marks(event["subject"], "loan")]
    return event["occurred"] is None or all(event["occurred"] >= when for when in began)


def _pages_agree(event: Event, past: Past) -> bool:
    counted = event["obj"] or {}
    if event["to"] == "quarantine" or counted.get("pages") is None or counted.get("out") is None:
        return True
    return bool(counted["pages"] == counted["out"] + counted.get("added", 0) - counted.get("removed", 0))


def _taken_by_another(event: Event, past: Past) -> bool:
    return event["on_behalf"] is not None and event["on_behalf"] != event["actor"]["id"]


NOT_TO_HIMSELF = Guard("it names who takes it, another person than its actor", _taken_by_another)
NO_HOLD_ON_IT = Guard("no hold is open on the paper itself", _still_here)
NOT_TO_ONESELF = Guard("nobody lends a restricted paper to himself", _lent_by_another)
OWN_LOAN = names_own("loan")
OWN_BORROWER = Guard("it names who has the paper", _names_its_borrower)
IN_TIME = Guard("it happened after the loan began", _after_the_loan_began)
PAGES_AGREE = Guard("pages are those that went out, and what was declared", _pages_agree)
_PAPER = ("fil", "box")

# Paper: a loan is open from `lent` or `recharged` until the paper is back; what concerns it names it and its borrower.
OPENS |= {"lent": "loan", "recharged": "loan", "found": "finding"}
CLOSES |= {
    "recharged": ("loan",), "returned": ("loan",), "reversed": ("loan",),
    "found_approved": ("finding", "loan"), "missing": ("finding",),
}  # fmt: skip
GUARDS |= {
    "listed": dict.fromkeys(_PAPER, (names_own("proposal"), NO_HOLD_ON_IT)),
    "lent": dict.fromkeys(_PAPER, (NO_HOLD_ON_IT, NOT_TO_ONESELF)),
    **{kind: dict.fromkeys(_PAPER, (OWN_LOAN, OWN_BORROWER)) for kind in ("renewed", "recalled", "recharged")},
    "claimed": {"fil": (OWN_LOAN, OWN_BORROWER)},
    "returned": dict.fromkeys(_PAPER, (OWN_LOAN, OWN_BORROWER, IN_TIME)),
    "checked": {"fil": (PAGES_AGREE,)},
    "found_approved": dict.fromkeys(_PAPER, (another_person("finding"),)),
}

# Paper that its client takes back for good: one person lists it, another approves, and then it is handed over.
_LEAVES = (*_PAPER, "trf")
OPENS |= {"withdrawal_proposed": "leaving", "withdrawal_approved": "release"}
CLOSES |= {"withdrawal_refused": ("leaving", "release"), "withdrawn": ("leaving", "release")}
GUARDS |= {
    "withdrawal_proposed": dict.fromkeys(_LEAVES, (by_a_person(),)),
    "withdrawal_approved": dict.fromkeys(
        _LEAVES, (by_a_person(), names_own("leaving"), another_person("leaving"), free_of("hold"))
    ),
    "withdrawal_refused": dict.fromkeys(_LEAVES, (names_own("leaving"),)),
    "withdrawn": dict.fromkeys(
        _LEAVES, (by_a_person(), names_own("release"), NOT_TO_HIMSELF, free_of("hold"), free_of("loan"))
    ),
}

# Review: what two people must decide on is held by a mark on its field; keying twice leaves a mark for each keying.
OPENS |= {"check_held": "check", "override_proposed": "override", "field_keyed": "keying"}
CLOSES |= {
    "override_approved": ("check", "override"), "override_refused": ("override",), "keying_settled": ("keying",),
}  # fmt: skip


def field_of_event(event: Event) -> str | None:
    """Return the field that an event is about, as `name` or `name[2]`; None where it is about none."""
    said = event["obj"] or {}
    name, index = said.get("field"), said.get("index")
    return name if name is None or index is None else f"{name}[{index}]"


def _about_the_field(event: Event, past: Past, name: str) -> list[Mark]:
    field = field_of_event(event)
    return [mark for mark in past.marks(event["subject"], name) if mark.about == field]


def _not_held(event: Event, past: Past) -> bool:
    return not any(_about_the_field(event, past, name) for name in ("check", "keying"))


def _nothing_held(event: Event, past: Past) -> bool:
    return event["to"] != "described" or not any(past.marks(event["subject"], name) for name in ("check", "keying"))


def _of_one_field(event: Event, past: Past) -> bool:
    field = field_of_event(event)
    return all(mark.about == field for name in ("check", "override", "keying") for mark in named(event, past, name))


def _another_than_named(event: Event, past: Past) -> bool:
    return all(mark.actor != event["actor"]["id"] for mark in named(event, past, "override"))


def _keyed_once(event: Event, past: Past) -> bool:
    made = _about_the_field(event, past, "keying")
    return len(made) < 2 and all(mark.actor != event["actor"]["id"] for mark in made)


def _two_keyings(event: Event, past: Past) -> bool:
    made = named(event, past, "keying")
    return len(made) == 2 and made[0].actor != made[1].actor


def _agreed_or_third(event: Event, past: Past) -> bool:
    made = named(event, past, "keying")
    agreed = len({mark.commit for mark in made}) == 1 and made[0].commit is not None if made else False
    return agreed or all(mark.actor != event["actor"]["id"] for mark in made)


NOT_HELD = Guard("no check and no keying of its field is open", _not_held)
NOTHING_HELD = Guard("it leaves review only when no check and no keying is open", _nothing_held)
ONE_FIELD = Guard("all that it names is about its own field", _of_one_field)
GUARDS |= {
    "field_corrected": {"rec": (NOT_HELD,)},
    "field_confirmed": {"rec": (NOT_HELD,)},
    "described": {"rec": (NOTHING_HELD,)},
    "review_released": {"rec": (NOTHING_HELD,)},
    "override_proposed": {"rec": (by_a_person(), names_own("check"), ONE_FIELD)},
    "override_approved": {
        "rec": (
            by_a_person(), names_own("check"), names_own("override"), ONE_FIELD,
            Guard("its actor did not make the override it names", _another_than_named),
        ),
    },
    "override_refused": {"rec": (by_a_person(), names_own("override"), ONE_FIELD)},
    "field_keyed": {
        "rec": (by_a_person(), Guard("two people key a field once each, before it is settled", _keyed_once)),
    },
    "keying_settled": {
        "rec": (
            by_a_person(), names_own("keying"), ONE_FIELD,
            Guard("it names two keyings by two people", _two_keyings),
            Guard("both said the same, or its actor made neither", _agreed_or_third),
        ),
    },
}  # fmt: skip
# types whose demands are about open marks of their own subject alone: of one without a mark they need not be asked
MARKED_ONLY = frozenset({"field_corrected", "field_confirmed", "described", "review_released"})

# subject kind -> states after which nothing may happen to it, but for the types of AFTER_THE_END
ENDS: dict[str, tuple[str, ...]] = {
    "ori": ("abandoned", "shredded", "erased"), "rec": ("disposed",), "dsp": ("disposed",), "fil": ("destroyed",),
    "box": ("destroyed",),
}  # fmt: skip
AFTER_THE_END = ("access_denied", "correction", "erasure_effective", "incident", "object_removed")

WATCHED = frozenset({*OPENS, *CLOSES, *GUARDS}) - MARKED_ONLY  # types that need more than their subject's state


def broken(event: Event, past: Past) -> Iterator[Broken]:
    """Yield every rule that an event breaks after what is past."""
    kind, subject = event["type"], event["subject"]
    try:
        check_transition(kind, subject, event["from"], event["to"])
    except LifecycleError as error:
        yield Broken("move", event["id"], "a legal move", str(error))
    ends = ENDS.get(subject[:3], ())
    if kind in TRANSITIONS or (ends and kind not in AFTER_THE_END):
        state = past.state(subject)
        if kind in TRANSITIONS and state != event["from"]:
            yield Broken("state", subject, state, event["from"])
        if state in ends and kind not in AFTER_THE_END:
            yield Broken("end", event["id"], f"nothing after {state}", kind)
    guards = GUARDS.get(kind, {})
    for guard in guards.get(subject[:3], guards.get(ANY, ())):
        if not guard.holds(event, past):
            yield Broken("guard", event["id"], guard.says, "not so")


@dataclass(slots=True)
class Marks:
    """The open marks, as events leave and close them one after another."""

    _by_subject: dict[str, list[Mark]] = field(default_factory=dict)
    _by_event: dict[str, Mark] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Go on by one event."""
        for name in CLOSES.get(event["type"], ()):
            refs = {event["auth_ref"], *event["refs"]}
            of_subject = self.of(event["subject"], name)
            closed = [mark for mark in of_subject if mark.event in refs] or of_subject
            for mark in closed:
                self._by_subject[mark.subject].remove(mark)
                del self._by_event[mark.event]
        left = OPENS.get(event["type"])
        if left is not None:
            when = event["occurred"] or event.get("ts") or ""
            about, actor = field_of_event(event), event["actor"]["id"]
            mark = Mark(left, event["id"], event["subject"], actor, event["holder"], when, about, event["commit"])
            self._by_subject.setdefault(mark.subject, []).append(mark)
            self._by_event[mark.event] = mark

    def any_of(self, subject: str) -> bool:
        """Tell whether a subject has an open mark at all."""
        return bool(self._by_subject.get(subject))

    def of(self, subject: str, name: str) -> list[Mark]:
        """Return a subject's open marks of one name, oldest first."""
        return [mark for mark in self._by_subject.get(subject, ()) if mark.name == name]

    def by(self, event: str) -> Mark | None:
        """Return the mark that an event left, while it is open."""
        return self._by_event.get(event)
