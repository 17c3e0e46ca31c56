"""A clerk at the scanner: one input for files, boxes, places, people and commands; one answer for each scan.

Command first (RETURN, then file after file) or object first (a file, then what is to be done with it). The acts are
those of this package and nothing else moves paper; here is only what a scan means after the scans before it. A question
(`confirm`) is answered by YES or NO, a count by a number; whatever else is scanned leaves the question unanswered.
Reference of the records desk, section 7 and invariant 18.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from custody.desk_tables import desk_scans
from records.barcodes import KIND_NAMES, Kind, trim
from records.desk_answers import Said
from records.desk_commands import CONDITION_COMMANDS, MEANINGS, Command
from tasks.desk import counting, finding, lending, missing, receiving, renewing, requests, returning, shelving, undoing
from tasks.desk.acts import Answer, Asked, Mark, given_answer
from tasks.desk.counting import WHOLE, Count
from tasks.desk.lending import Lending
from tasks.desk.sheets import STARTS, Sheet
from tasks.desk.things import Station, Thing, known, name_of, staging_of
from tasks.desk_scans import CommandWords, Scan, tell_apart
from tasks.services import Services

TWICE = timedelta(seconds=1)  # a scanner that fires twice does so at once
GOOD = "good"
PAPERS = (Kind.FILE, Kind.BOX)
SPOTS = (Kind.PLACE, Kind.BOX)
Act = Callable[[Asked], Answer]

# what is done with each paper that is scanned in these modes
ONE_SCAN: dict[Command, Callable[[Services, Asked, str], Answer]] = {
    Command.RETURN: returning.give_back,
    Command.FIND: finding.find,
    Command.MISSING: missing.missing,
    Command.FOUND: missing.found,
    Command.NOT_FOUND: missing.not_found,
    Command.RENEW: renewing.renew,
    Command.PICK: requests.pick,
}
MODES = (
    *ONE_SCAN, Command.LEND, Command.RECHARGE, Command.CHECK, Command.REFILE, Command.MOVE, Command.STAGE,
    Command.RECEIVE, *STARTS,
)  # fmt: skip
HERE_COMMANDS = (
    *MODES,
    Command.CHECK_OK,
    Command.SHORT,
    Command.END,
    Command.UNDO,
    Command.YES,
    Command.NO,
    *CONDITION_COMMANDS,
)


@dataclass(slots=True)
class _Under:
    """What is under way: mode, borrower, slip, the paper that waits for more, a count, an open question."""

    mode: Command | None = None
    borrower: str | None = None
    slip: str | None = None
    lent: int = 0
    paper: Thing | None = None
    pages: int | None = None
    sheet: Sheet | None = None
    question: tuple[Act, frozenset[str]] | None = None


@dataclass(slots=True)
class Session:
    """One clerk's session at one device. Not for several threads."""

    services: Services
    station: Station
    words: CommandWords
    _under: _Under = field(default_factory=_Under)
    _number: int = -1
    _last: tuple[str, datetime] | None = None
    _given: dict[int, Answer] = field(default_factory=dict)
    _act: Answer | None = None  # the last act of this session, until it is taken back
    finished: str | None = None  # code of the slip that END closed, to be printed; who prints it sets it back

    def __post_init__(self) -> None:
        """Go on with the numbers of a session that was cut off."""
        mine = (desk_scans.c.device == self.station.device) & (desk_scans.c.session == self.station.session)
        with self.services.database.read() as connection:
            last = connection.execute(select(func.max(desk_scans.c.number)).where(mine)).scalar_one()
            self._act = None if last is None else given_answer(connection, Mark(*self._named(), int(last)))
        self._number = 0 if last is None else int(last)

    def _named(self) -> tuple[str, str]:
        return self.station.device, self.station.session

    @property
    def mode(self) -> str | None:
        """What the next file will be taken for, or None."""
        return None if self._under.mode is None else self._under.mode.value

    @property
    def number(self) -> int:
        """Number of the last scan."""
        return self._number

    def scan(self, raw: str, number: int | None = None) -> Answer:
        """Answer one scan; `number` is the sender's own, and the same number gets the same answer and moves nothing.

        Raises:
            UnavailableError: the database did not answer; nothing was written, scan again.
        """
        if number is not None and number in self._given:
            return self._given[number]
        now = self.services.clock.now()
        idle = self._last is not None and now - self._last[1] > self.station.idle and self._under != _Under()
        idle = idle and self._under.sheet is None
        if idle:
            self._under = _Under()
        elif number is None and self._fired_twice(raw, now):
            return Answer(Said("desk-twice"))
        self._last = (trim(raw), now)
        self._number = self._number + 1 if number is None else number
        answer = self._answer(tell_apart(raw, self.words))
        if idle:
            answer = replace(answer, notes=(*answer.notes, Said("desk-idle")))
        if number is not None:
            self._given[number] = answer
        return answer

    def _fired_twice(self, raw: str, now: datetime) -> bool:
        text = trim(raw)
        return self._last is not None and self._last[0] == text and now - self._last[1] < TWICE and not text.isdecimal()

    def _answer(self, scan: Scan) -> Answer:
        if scan.wrong is not None:
            return Answer(Said("desk-unread", {"why": scan.wrong}))
        question, self._under.question = self._under.question, None
        if scan.command in (Command.YES, Command.NO):
            return self._settle(question, scan.command is Command.YES)
        if scan.number is not None and self._under.sheet is None:
            return self._counted(scan.number)
        answer = self._command(scan.command) if scan.command is not None else self._thing(scan)
        if question is not None:
            answer = replace(answer, notes=(*answer.notes, Said("desk-question-open")))
        return answer

    def _settle(self, question: tuple[Act, frozenset[str]] | None, yes: bool) -> Answer:
        if question is None:
            return Answer(Said("desk-no-question"))
        act, answers = question
        return self._do(act, answers) if yes else Answer(Said("desk-left"))

    def _do(self, act: Act, answers: frozenset[str] = frozenset()) -> Answer:
        """Do one act under this scan's mark; a question it asks stays open until the next scan."""
        mark = Mark(*self._named(), self._number)
        answer = act(Asked(self.services.person, answers, at=self.station.at, mark=mark))
        if answer.events:
            self._act = answer
        if answer.basket == "confirm":
            self._under.question = (act, answers | {answer.said.code})
        return answer

    # commands

    def _command(self, command: Command) -> Answer:
        if command not in HERE_COMMANDS:
            return Answer(Said("desk-not-here"))
        if self._under.sheet is not None:
            return self._on_sheet(self._under.sheet, command)
        if command in CONDITION_COMMANDS:
            return self._conditioned(command.value)
        if command is Command.UNDO:
            return self._undo()
        counted = self._count_pending()
        if counted is not None and counted.basket in ("confirm", "blocked"):
            return counted
        answer = self._begin(command)
        return answer if counted is None else replace(answer, notes=(*answer.notes, counted.said, *counted.notes))

    def _on_sheet(self, sheet: Sheet, command: Command) -> Answer:
        """Do what a command means while a list is under way, which only END ends."""
        if command is Command.END:
            self._under = _Under()
            return sheet.end(self.services, self._do)
        if command is Command.UNDO:
            return sheet.drop()
        if command in (Command.DAMAGED, Command.WET):
            return sheet.damaged(self.services, self._do)
        return Answer(Said("desk-list-open"))

    def _undo(self) -> Answer:
        """Take back the last act of this session, once; what was scanned and led to no act yet is dropped instead."""
        under, last = self._under, self._act
        if under.paper is not None and (under.pages is not None or self._waits_for_more()):
            under.paper = under.pages = None
            return Answer(Said("desk-left"))
        if last is None or last.file is None or last.said.code == "undone":
            return Answer(Said("desk-nothing-to-undo"))
        file, seqs = last.file, last.events
        answer = self._do(lambda asked: undoing.undo(self.services, asked, file, seqs))
        if answer.said.code == "undone":
            under.paper = None
            if last.loan is not None and under.slip is not None and last.more.get("slip") == under.slip:
                under.lent -= 1
                under.slip = under.slip if under.lent else None
        return answer

    def _count_pending(self) -> Answer | None:
        """Record a count whose condition nobody scanned: it was good, or a condition would have been scanned."""
        under = self._under
        paper, pages = under.paper, under.pages
        if paper is None or pages is None:
            return None
        under.paper = under.pages = None
        count = Count(pages=pages, condition=GOOD)
        return self._do(lambda asked: counting.check(self.services, asked, paper.raw, count))

    def _begin(self, command: Command) -> Answer:
        under = self._under
        if command is Command.END:
            return self._end()
        if command in (Command.CHECK_OK, Command.SHORT):
            return self._whole_or_short(command)
        paper = under.paper if under.mode is None else None
        self._under = _Under(mode=command)
        if command in STARTS and paper is not None:
            return self._start_sheet(command, paper)
        if paper is not None and not (command is Command.MOVE and paper.kind is Kind.PLACE):
            return self._paper(paper)
        self._under.paper = paper
        return Answer(Said("desk-began", {"what": MEANINGS[command]}))

    def _end(self) -> Answer:
        under, self._under = self._under, _Under()
        if under.slip is None or under.borrower is None:
            return Answer(Said("desk-over"))
        self.finished = under.slip
        return Answer(Said("desk-ended", {"slip": under.slip, "person": under.borrower, "count": under.lent}))

    def _whole_or_short(self, command: Command) -> Answer:
        paper = self._under.paper
        if paper is None:
            return self._expected(None, Kind.FILE)
        if command is Command.SHORT:
            self._under.mode = Command.CHECK
            return Answer(Said("desk-pages", {"barcode": paper.code}))
        self._under.paper = None
        return self._do(lambda asked: counting.check(self.services, asked, paper.raw, Count(condition=GOOD)),
                        frozenset({WHOLE}))  # fmt: skip

    def _counted(self, number: int) -> Answer:
        paper = self._under.paper
        if self._under.mode is not Command.CHECK or paper is None:
            return Answer(Said("desk-no-question"))
        self._under.pages = number
        return Answer(Said("desk-pages-noted", {"pages": number}))

    def _conditioned(self, condition: str) -> Answer:
        under = self._under
        paper, pages = under.paper, under.pages
        if under.mode is not Command.CHECK or paper is None or pages is None:
            return Answer(Said("desk-no-question"))
        under.paper = under.pages = None
        count = Count(pages=pages, condition=condition)
        return self._do(lambda asked: counting.check(self.services, asked, paper.raw, count))

    # things

    def _start_sheet(self, command: Command, thing: Thing) -> Answer:
        if thing.kind not in STARTS[command]:
            return self._expected(thing, STARTS[command][0])
        sheet = Sheet(command, thing)
        answer = sheet.begin(self.services, self._do)
        if answer.basket != "blocked":
            self._under.sheet = sheet
        return answer

    def _thing(self, scan: Scan) -> Answer:
        if self._under.sheet is not None:
            raw = scan.raw if scan.code is None else str(scan.code)
            here = Asked(self.services.person, at=self.station.at)
            return self._under.sheet.take(self.services, raw, self._do, here)
        thing = known(self.services, scan, new=self._under.mode is Command.RECEIVE)
        if thing is None:
            if self._under.mode is Command.RECEIVE:  # a client's own label, seen for the first time
                return self._paper(Thing(Kind.FILE, scan.raw, scan.raw))
            return Answer(Said("desk-unknown"))
        if self._under.mode in STARTS:
            return self._start_sheet(self._under.mode, thing)
        if thing.kind is Kind.PERSON:
            return self._person(thing)
        if self._waits_for_spot() and thing.kind in SPOTS:
            return self._spot(thing)
        if thing.kind is Kind.PLACE and self._under.mode in (None, Command.MOVE):
            self._under.paper = thing
            return Answer(Said("desk-where-to", {"barcode": thing.code}))
        if thing.kind not in PAPERS:
            return self._expected(thing, Kind.FILE)
        return self._paper(thing)

    def _expected(self, thing: Thing | None, wanted: Kind) -> Answer:
        found = "command" if thing is None else KIND_NAMES[thing.kind]
        return Answer(Said("desk-expected", {"found": found, "wanted": KIND_NAMES[wanted]}))

    def _person(self, thing: Thing) -> Answer:
        under = self._under
        if under.mode is Command.RECHARGE and under.paper is not None:
            return self._hand_on(under.paper, thing)
        if under.mode not in (None, Command.LEND):
            return self._expected(thing, Kind.FILE)
        paper = under.paper
        self._under = _Under(mode=Command.LEND, borrower=name_of(self.services, thing))
        if paper is not None and paper.kind in PAPERS and under.mode is Command.LEND:
            return self._lend(paper)
        return Answer(Said("desk-borrower", {"person": self._under.borrower}))

    def _hand_on(self, paper: Thing, to: Thing) -> Answer:
        self._under.paper = None
        name = name_of(self.services, to)
        return self._do(lambda asked: renewing.recharge(self.services, asked, paper.raw, name))

    def _paper(self, thing: Thing) -> Answer:
        under, services = self._under, self.services
        mode = under.mode
        if mode is None:
            under.paper = thing
            return finding.find(services, Asked(services.person, at=self.station.at), thing.raw)
        if mode in ONE_SCAN:
            answer = self._do(lambda asked: ONE_SCAN[mode](services, asked, thing.raw))
            under.paper = thing  # so that CHECK-OK or SHORT may follow at once
            return answer
        if mode is Command.LEND:
            return self._lend(thing)
        if mode is Command.RECEIVE:
            taken = receiving.Receiving(self.station.client, thing.raw)
            return self._do(lambda asked: receiving.receive(services, asked, taken))
        if mode is Command.CHECK:
            return self._check_next(thing)
        if mode is Command.STAGE:
            return self._do(
                lambda asked: shelving.locate(services, asked, thing.raw, staging_of(services, self.station.at))
            )
        under.paper = thing
        code = "desk-hand-to" if mode is Command.RECHARGE else "desk-where-to"
        return Answer(Said(code, {"barcode": thing.code}))

    def _lend(self, thing: Thing) -> Answer:
        under = self._under
        borrower = under.borrower
        if borrower is None:
            under.paper = thing
            return Answer(Said("desk-lend-whom", {"barcode": thing.code}))
        asked_for = Lending((thing.raw,), borrower, self.station.purpose, slip=under.slip)

        def act(asked: Asked) -> Answer:
            answer = lending.lend(self.services, asked, asked_for)
            if answer.loan is not None and answer.events:
                self._under.slip, self._under.lent = str(answer.more["slip"]), self._under.lent + 1
            return answer

        return self._do(act)

    def _check_next(self, thing: Thing) -> Answer:
        """Begin with a file; the one before it, whose pages were counted, is in good condition."""
        answer = self._count_pending()
        if answer is not None and answer.basket in ("confirm", "blocked"):
            return answer
        self._under.paper = thing
        asks = Said("desk-pages", {"barcode": thing.code})
        return Answer(asks) if answer is None else replace(answer, notes=(*answer.notes, asks))

    def _waits_for_more(self) -> bool:
        """Tell whether the paper that was scanned waits for a number, a place or a card before anything is done."""
        return (
            self._under.mode in (Command.CHECK, Command.RECHARGE)
            or self._waits_for_spot()
            or (self._under.mode is Command.LEND and self._under.borrower is None)
        )

    def _waits_for_spot(self) -> bool:
        return self._under.mode in (Command.MOVE, Command.REFILE) and self._under.paper is not None

    def _spot(self, spot: Thing) -> Answer:
        paper, self._under.paper = self._under.paper, None
        if paper is None:
            return Answer(Said("desk-over"))
        services = self.services
        if paper.kind is Kind.PLACE:
            return self._do(lambda asked: shelving.move_all(services, asked, paper.raw, spot.raw))
        if self._under.mode is Command.REFILE:
            return self._do(lambda asked: shelving.refile(services, asked, paper.raw, spot.raw))
        return self._do(lambda asked: shelving.locate(services, asked, paper.raw, spot.raw))
