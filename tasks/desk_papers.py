"""The papers of the desk: loan slip, out-card, pick list, put-back list, transfer list; each from values, as PDF.

A paper bears its own barcode and never that of a file or place it speaks of: such a scan says "it is here in my hand",
and a list must not be able to say so. Codes of files are printed for the eye. Reference of the records desk, sections 3
(out-card at the pick) and 7 (pick, lend, transfer).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from reportlab.lib.pagesizes import A4, A5, landscape
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Spacer

from records.errors import InvalidValueError
from tasks.labels import spoken
from tasks.papers import (
    LARGE,
    MARGIN,
    SMALL,
    STRONG,
    TITLE,
    Cell,
    Paper,
    facts,
    heading,
    listing,
    paper_pdf,
    signatures,
    text,
    tick_box,
)

WIDTH = A4[0] - 2 * MARGIN
CARD_MARGIN = 10 * mm
PICK_LIST, PUT_BACK_LIST = "Pick list", "Put-back list"
FOR_GOOD = "The client takes these papers back for good. From the signature on they are in its own keeping."
CODE_WIDTH = 31 * mm  # of a code for the eye, in a table


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A physical file as papers name it. `pages` None: not counted; `condition` as the desk writes it, or empty."""

    code: str
    title: str
    case_no: str = ""
    box: str = ""
    place: str = ""
    pages: int | None = None
    condition: str = ""

    def names(self) -> str:
        """Return case number and title on two lines, whichever there are."""
        return "\n".join(part for part in (self.case_no, self.title) if part)


@dataclass(frozen=True, slots=True)
class Slip:
    """A loan slip: the files one person takes at once. `due_on` is that of the rows where they differ."""

    code: str
    borrower: str
    collected_by: str
    purpose: str
    authorised_by: str
    lent_by: str
    lent_at: datetime
    client: str
    lines: tuple[tuple[PaperFile, date], ...]


@dataclass(frozen=True, slots=True)
class OutCard:
    """What stands in the place of a file that is out."""

    file: PaperFile
    holder: str
    since: datetime
    due_on: date | None
    slip: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """A file to fetch. `sort_key` is the shelf order of its place; `position` in its box."""

    file: PaperFile
    sort_key: str
    position: int | None
    wanted_by: str
    needed_by: date | None
    wants: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class TransferList:
    """What goes from one place to another, to be checked line by line."""

    code: str
    kind: str
    origin: str
    destination: str
    lines: tuple[tuple[PaperFile, str], ...]  # the file or box, and what the check found so far
    leaves: "Leaving | None" = None  # of papers that their client takes back for good


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who listed papers that leave for good, who approved it, and who took them; empty where nobody has yet."""

    listed_by: str
    approved_by: str
    taken_by: str


def slip_pdf(slip: Slip, paper: Paper) -> bytes:
    """Print a loan slip twice: for the borrower, and for the desk with the lines to sign on.

    Raises:
        InvalidValueError: the slip has no line.
    """
    _not_empty(slip.lines)
    say = paper.say
    parts: list[Flowable] = []
    for copy in (say("copy for the borrower"), say("copy for the desk")):
        if parts:
            parts.append(PageBreak())
        parts += [*heading(say("Loan slip"), slip.code, WIDTH), text(copy, SMALL), Spacer(0, 2 * mm)]
        parts += [facts(_slip_facts(slip, paper), WIDTH), Spacer(0, 4 * mm)]
        widths = [CODE_WIDTH, WIDTH - CODE_WIDTH - 73 * mm, 16 * mm, 27 * mm, 30 * mm]
        heads = [say("physical file"), say("title"), say("pages"), say("condition"), say("due")]
        parts += [listing(heads, [_slip_row(file, due, paper) for file, due in slip.lines], widths), Spacer(0, 6 * mm)]
        parts += [text(say("Order and condition are kept; pages that are added are declared when it is returned.")),
                  Spacer(0, 8 * mm)]  # fmt: skip
    parts.append(signatures([say("received by (name, signature, date)"), say("handed over by")], WIDTH))
    return paper_pdf(say("Loan slip"), parts, paper)


def _slip_facts(slip: Slip, paper: Paper) -> list[tuple[str, Cell]]:
    say = paper.say
    dues = sorted({due for _, due in slip.lines})
    return [
        (say("borrower"), text(slip.borrower, STRONG)),
        (say("collected by"), slip.collected_by),
        (say("client"), slip.client),
        (say("purpose"), slip.purpose),
        (say("authorised by"), slip.authorised_by),
        (say("lent by"), slip.lent_by),
        (say("lent at"), paper.moment(slip.lent_at)),
        (say("files"), str(len(slip.lines))),
        (say("due back, at the latest"), text("\n".join(paper.day(due) for due in dues), LARGE)),
    ]


def _slip_row(file: PaperFile, due: date, paper: Paper) -> list[Cell]:
    pages = "" if file.pages is None else str(file.pages)
    condition = paper.say(file.condition) if file.condition else ""
    return [spoken(file.code), file.names(), pages, condition, paper.short_day(due)]


def out_cards_pdf(cards: Sequence[OutCard], paper: Paper) -> bytes:
    """Print out-cards, one A5 page each, to stand in the box or slot while the file is out.

    Raises:
        InvalidValueError: there is no card to print.
    """
    _not_empty(cards)
    width = landscape(A5)[0] - 2 * CARD_MARGIN
    say = paper.say
    parts: list[Flowable] = []
    for card in cards:
        if parts:
            parts.append(PageBreak())
        parts += [*heading(say("Out"), card.slip or None, width), *_file_lines(card.file), Spacer(0, 5 * mm)]
        parts += [facts(_card_facts(card, paper), width), Spacer(0, 6 * mm)]
        parts.append(text(say("Put the file back here and take this card out."), STRONG))
    return paper_pdf(say("Out"), parts, paper, landscape(A5), CARD_MARGIN)


def _file_lines(file: PaperFile) -> list[Flowable]:
    names = [part for part in (file.case_no, file.title) if part] or [spoken(file.code)]
    return [text(names[0], TITLE), *(text(name, LARGE) for name in names[1:]), text(spoken(file.code))]


def _card_facts(card: OutCard, paper: Paper) -> list[tuple[str, Cell]]:
    say, file = paper.say, card.file
    return [
        (say("belongs in"), text(" · ".join(part for part in (file.place, file.box) if part), LARGE)),
        (say("is with"), text(card.holder, LARGE)),
        (say("since"), paper.moment(card.since)),
        (say("due back, at the latest"), "" if card.due_on is None else text(paper.day(card.due_on), LARGE)),
        (say("pages"), "" if file.pages is None else str(file.pages)),
    ]


def pick_list_pdf(picks: Sequence[Pick], paper: Paper, title: str = PICK_LIST) -> bytes:
    """Print what is to be fetched (or, by another title, put back) in the order of the shelves.

    Raises:
        InvalidValueError: there is nothing on the list.
    """
    _not_empty(picks)
    say = paper.say
    heads = ["", say("location"), say("box"), say("physical file"), say("title"), say("for whom")]
    widths = [8 * mm, 30 * mm, 27 * mm, CODE_WIDTH, WIDTH - CODE_WIDTH - 99 * mm, 34 * mm]
    parts = [*heading(say(title), None, WIDTH)]
    parts.append(text(say("Files, in the order of the shelves: {count}").format(count=len(picks)), SMALL))
    parts += [Spacer(0, 3 * mm), listing(heads, [_pick_row(pick, paper) for pick in in_shelf_order(picks)], widths)]
    return paper_pdf(say(title), parts, paper)


def in_shelf_order(picks: Sequence[Pick]) -> list[Pick]:
    """Sort what is to be fetched by shelf, box, position in it, and what is needed first."""
    latest = date.max
    return sorted(
        picks,
        key=lambda pick: (
            pick.sort_key, pick.file.box, pick.position is None, pick.position or 0, pick.needed_by or latest,
            pick.file.code,
        ),
    )  # fmt: skip


def _pick_row(pick: Pick, paper: Paper) -> list[Cell]:
    box = pick.file.box if pick.position is None else f"{pick.file.box} / {pick.position}"
    urgent = paper.say("urgent").upper() if pick.urgent else ""
    who = "\n".join(part for part in (urgent, pick.wanted_by, pick.wants and paper.say(pick.wants),
                                      paper.short_day(pick.needed_by)) if part)  # fmt: skip
    return [tick_box(), pick.file.place, box, spoken(pick.file.code), pick.file.names(), who]


def transfer_pdf(transfer: TransferList, paper: Paper) -> bytes:
    """Print what is transferred, to be checked line by line: found, in order, what is wrong with it.

    What its client takes back for good is a list to sign: it says who listed it, who approved it, and who takes it.

    Raises:
        InvalidValueError: nothing is transferred.
    """
    _not_empty(transfer.lines)
    say = paper.say
    rows: list[list[Cell]] = [
        [str(number), spoken(file.code), file.names(), "" if file.pages is None else str(file.pages),
         tick_box(), say(check) if check else ""]
        for number, (file, check) in enumerate(transfer.lines, 1)
    ]  # fmt: skip
    rows_above: list[tuple[str, Cell]] = [
        (say("kind"), say(transfer.kind)),
        (say("origin"), transfer.origin),
        (say("destination"), transfer.destination),
        (say("lines"), str(len(transfer.lines))),
    ]
    title = say("Transfer list")
    said: list[Flowable] = []
    if transfer.leaves is not None:
        title = say("Hand-over list")
        rows_above += [
            (say("listed by"), transfer.leaves.listed_by),
            (say("approved by"), transfer.leaves.approved_by or say("nobody yet")),
            (say("taken by"), transfer.leaves.taken_by),
        ]
        said = [Spacer(0, 4 * mm), text(say(FOR_GOOD))]
    parts = [
        *heading(title, transfer.code, WIDTH),
        facts(rows_above, WIDTH),
        *said,
        Spacer(0, 4 * mm),
        listing(["", say("code"), say("title"), say("pages"), say("there"), say("remarks")], rows,
                [10 * mm, CODE_WIDTH, WIDTH - CODE_WIDTH - 84 * mm, 16 * mm, 16 * mm, 42 * mm]),
        Spacer(0, 8 * mm),
        signatures([say("handed over by"), say("received by (name, signature, date)")], WIDTH),
    ]  # fmt: skip
    return paper_pdf(title, parts, paper)


def _not_empty(things: Sequence[object]) -> None:
    if not things:
        raise InvalidValueError("there is nothing to print")
