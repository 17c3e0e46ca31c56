"""How every act at the desk is done: one transaction with its events, one ANSWER, the same again when it is repeated.

 1. a scan that was sent twice (same device, session, number), or an event id that is in the ledger, moves nothing
 2. the ledger's head is locked: of two clerks at once the second sees what the first did
 3. the act looks things up, decides access, and either answers `blocked` or `confirm` and writes nothing, or writes
 4. a constraint that was met all the same means that somebody was first: the act is done again and sees who

Reference of the records desk, invariants 1, 7, 11 and 18; the command line's contract, section 4 (ANSWER).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.exc import IntegrityError

from custody import ledger
from custody.access import Person, clients_of
from custody.desk_tables import desk_scans
from custody.ledger import Draft, append
from custody.movements import Act
from custody.tables import ledger_head
from records.desk_answers import ANSWERS, NEXT, Basket, Said, Value, filled
from records.errors import DeskError, InvalidValueError
from records.ids import instant
from tasks.services import SYSTEM, Services

Done = TypeVar("Done")
_NOBODY = Person("", SYSTEM.id, SYSTEM.id, frozenset(), SYSTEM.auth)
TRIES = 3  # the constraint is met once at most; more is not a race but a fault


@dataclass(frozen=True, slots=True)
class Answer:
    """ANSWER: what the desk says and what it did. `then` names what to do next, where the code alone does not."""

    said: Said
    then: str | None = None
    notes: tuple[Said, ...] = ()  # what else there is to say: alerts and information
    file: str | None = None
    loan: str | None = None
    due: str | None = None
    location: str | None = None
    events: tuple[int, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def basket(self) -> Basket:
        """One word for all: what was done with something to heed is an alert."""
        own = self.said.basket
        return "alert" if own in ("done", "info") and any(note.basket == "alert" for note in self.notes) else own

    @property
    def exit_code(self) -> int:
        """0 done, alert, info; 2 blocked; 3 confirm."""
        return {"blocked": 2, "confirm": 3}.get(self.basket, 0)

    def next_step(self, translate: Callable[[str], str] = str) -> str | None:
        """Return what to do next."""
        text = ANSWERS[self.said.code].next if self.then is None else NEXT[self.then]
        return None if text is None else filled(text, self.said.values, translate)

    def document(self) -> dict[str, Any]:
        """Return the JSON shape of the contract."""
        notes = [{"answer": note.basket, "code": note.code, "message": note.text()} for note in self.notes]
        return {
            "answer": self.basket, "code": self.said.code, "message": self.said.text(), "next": self.next_step(),
            "file": self.file, "loan": self.loan, "due": self.due, "location": self.location,
            "events": list(self.events), "notes": notes, **self.more,
        }  # fmt: skip


class AnsweredError(Exception):
    """Ends an act before it wrote anything: `blocked` or `confirm`. Never leaves `perform`."""

    def __init__(self, answer: Answer, denied: tuple[str, str, str] | None = None) -> None:
        """Args: the answer; of a denial the action, the client and what it was about."""
        super().__init__(answer.said.code)
        self.answer = answer
        self.denied = denied


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells a scan that a reader sends twice: its device, session and number."""

    device: str
    session: str
    number: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Who acts, and what is said with every act: questions answered, when it happened, how a repetition is told."""

    person: Person
    answers: frozenset[str] = frozenset()
    at: str | None = None  # the place where the clerk is or puts the paper, as typed
    occurred: datetime | None = None
    event: str | None = None
    mark: Mark | None = None
    reason: str | None = None
    words: str | None = None


@dataclass(slots=True)
class Desk:
    """One act under way: its transaction, who acts, and the writing of its events."""

    services: Services
    connection: Connection
    asked: Asked
    act: Act
    now: datetime
    visible: Mapping[str, str]  # client -> role, of those whose paper the person may see

    def may(self, action: str) -> dict[str, str]:
        """Return the clients for which the person may do `action` today, with the role."""
        return clients_of(self.connection, self.asked.person, action, self.now.date())

    def answered(self, code: str) -> bool:
        """Tell whether a question was answered."""
        return code in self.asked.answers


def stop(
    code: str, then: str | None = None, *, denied: tuple[str, str, str] | None = None, **values: Value
) -> NoReturn:
    """End the act with `blocked` or `confirm`; what was written is rolled back."""
    file = values.pop("file", None)
    answer = Answer(Said(code, values), then, file=None if file is None else str(file))
    raise AnsweredError(answer, denied)


def perform(services: Services, asked: Asked, what: str, work: Callable[[Desk], Answer]) -> Answer:
    """Do one act by the numbered steps above; `what` is the question as asked, to tell a repetition from another.

    Raises:
        InvalidValueError: a mark was used for another question.
        DeskError: the act met the same constraint again and again.
        UnavailableError: the database did not answer; nothing was written.
    """
    digest = hashlib.sha256(what.encode()).hexdigest()
    for _ in range(TRIES):
        try:
            with services.database.write() as connection:
                lock_head(connection)
                again = _repeated(connection, asked, digest)
                if again is not None:
                    return again
                answer = work(_open(services, connection, asked))
                _remember(connection, services, asked, digest, answer)
                return answer
        except AnsweredError as end:
            if end.denied is not None:
                _deny(services, asked, *end.denied)
            return end.answer
        except DeskError as error:
            return refused(error)
        except IntegrityError:
            continue
    raise DeskError("the catalogue refused the act each time")


def by_system(services: Services, work: Callable[[Desk], Done]) -> Done:
    """Do what nobody asks for at the desk but time itself: one transaction, after everybody who came before."""
    with services.database.write() as connection:
        lock_head(connection)
        now = services.clock.now()
        act = Act(connection, services.ids, now, {}, SYSTEM)
        return work(Desk(services, connection, Asked(_NOBODY), act, now, {}))


def lock_head(connection: Connection) -> None:
    """Step 2: of two acts at once the second waits here, and then sees what the first did."""
    connection.execute(select(ledger_head).with_for_update()).one()


def look(services: Services, asked: Asked, work: Callable[[Desk], Answer]) -> Answer:
    """Do what only looks: nothing is written but a denial."""
    try:
        with services.database.read() as connection:
            return work(_open(services, connection, asked))
    except AnsweredError as end:
        if end.denied is not None:
            _deny(services, asked, *end.denied)
        return end.answer
    except DeskError as error:
        return refused(error)


def refused(error: DeskError) -> Answer:
    """Return an error of the desk as `blocked`: a wrong barcode, a calendar or due date that may not be."""
    return Answer(Said("refused", {"what": str(error), "advice": error.next_step}))


def _open(services: Services, connection: Connection, asked: Asked) -> Desk:
    now = services.clock.now()
    person = asked.person
    if asked.occurred is not None and asked.occurred > now:
        stop("in-the-future")
    visible = clients_of(connection, person, "trace", now.date())
    handled = clients_of(connection, person, "handle", now.date())
    actors = {client: person.actor(role) for client, role in {**visible, **handled}.items()}
    fallback = person.actor(sorted(person.roles)[0] if person.roles else "none")
    mark = asked.mark
    act = Act(connection, services.ids, now, actors, fallback, asked.occurred, asked.event)
    if mark is not None:
        act.scan = {"device": mark.device, "session": mark.session, "number": mark.number}
    return Desk(services, connection, asked, act, now, visible)


def _repeated(connection: Connection, asked: Asked, digest: str) -> Answer | None:
    """Step 1: the answer that was given, where this very scan or event is recorded already."""
    if asked.mark is not None:
        row = _scan_of(connection, asked.mark)
        if row is not None:
            if row.asked != digest or row.person != asked.person.id:
                raise InvalidValueError("this number of the session was used for another scan")
            return _restored(row.answer)
    if asked.event is not None:
        entry = ledger.find(connection, asked.event)
        if entry is not None:
            event = entry.event
            if event["actor"]["id"] != asked.person.pseudonym:
                raise InvalidValueError("this event is another person's")
            said = Said("already-recorded", {"type": event["type"], "time": event["ts"]})
            return Answer(said, file=event["subject"], due=event["due"], events=(entry.seq,))
    return None


def given_answer(connection: Connection, mark: Mark) -> Answer | None:
    """Return the answer that a scan got, where it did something."""
    row = _scan_of(connection, mark)
    return None if row is None else _restored(row.answer)


def _scan_of(connection: Connection, mark: Mark) -> Row[Any] | None:
    return connection.execute(select(desk_scans).where(*_same_mark(mark))).one_or_none()


def _remember(connection: Connection, services: Services, asked: Asked, digest: str, answer: Answer) -> None:
    if asked.mark is None:
        return
    mark = asked.mark
    connection.execute(
        insert(desk_scans).values(
            device=mark.device, session=mark.session, number=mark.number, person=asked.person.id, asked=digest,
            answer=_kept(answer), at=instant(services.clock.now()),
        )
    )  # fmt: skip


def _same_mark(mark: Mark) -> tuple[Any, ...]:
    return (
        desk_scans.c.device == mark.device,
        desk_scans.c.session == mark.session,
        desk_scans.c.number == mark.number,
    )


def _kept(answer: Answer) -> dict[str, Any]:
    return {
        "said": [answer.said.code, dict(answer.said.values)], "then": answer.then,
        "notes": [[note.code, dict(note.values)] for note in answer.notes], "file": answer.file, "loan": answer.loan,
        "due": answer.due, "location": answer.location, "events": list(answer.events), "more": dict(answer.more),
    }  # fmt: skip


def _restored(kept: Mapping[str, Any]) -> Answer:
    notes = tuple(Said(code, values) for code, values in kept["notes"])
    rest = {name: kept[name] for name in ("then", "file", "loan", "due", "location", "more")}
    return replace(Answer(Said(*kept["said"])), notes=notes, events=tuple(kept["events"]), **rest)


def _deny(services: Services, asked: Asked, action: str, client: str, subject: str) -> None:
    person = asked.person
    with services.database.write() as connection:
        draft = Draft(
            services.ids.new("evt"), "access_denied", subject, person.actor("none"), client=client, reason=action
        )
        append(connection, draft, services.clock.now())
