"""Letters of the desk: a notice on paper, from a subject, a text and the files it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Spacer

from records.errors import InvalidValueError
from tasks.desk_papers import CODE_WIDTH, WIDTH, PaperFile
from tasks.labels import spoken
from tasks.papers import LARGE, SMALL, Paper, listing, paper_pdf, prose, text

ABOVE_ADDRESS = 22 * mm  # so that the addressee stands in the window of a DL envelope folded in three
ADDRESS_ROOM = 38 * mm


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. `files` are the files it is about, each with the day it is due, if it is lent."""

    addressee: tuple[str, ...]
    sender: tuple[str, ...]
    written_on: date
    subject: str
    paragraphs: tuple[str, ...]
    files: tuple[tuple[PaperFile, date | None], ...] = ()


def letters_pdf(letters: Sequence[Letter], paper: Paper) -> bytes:
    """Print letters, each from a page of its own.

    Raises:
        InvalidValueError: there is no letter.
    """
    if not letters:
        raise InvalidValueError("there is nothing to print")
    parts: list[Flowable] = []
    for letter in letters:
        if parts:
            parts.append(PageBreak())
        parts += _parts(letter, paper)
    return paper_pdf(paper.say("Letter"), parts, paper)


def _parts(letter: Letter, paper: Paper) -> list[Flowable]:
    say = paper.say
    address: Flowable = text("\n".join(letter.addressee))
    height = address.wrap(WIDTH, 0)[1]
    parts: list[Flowable] = [
        text("\n".join(letter.sender), SMALL),
        Spacer(0, ABOVE_ADDRESS - len(letter.sender) * SMALL.leading),
        address,
        Spacer(0, max(4 * mm, ADDRESS_ROOM - height)),
        text(paper.day(letter.written_on)),
        Spacer(0, 6 * mm),
        text(letter.subject, LARGE),
        Spacer(0, 4 * mm),
    ]
    for paragraph in letter.paragraphs:
        parts += [prose(paragraph), Spacer(0, 3 * mm)]
    if letter.files:
        heads = [say("physical file"), say("title"), say("due")]
        rows = [[spoken(file.code), file.names(), paper.short_day(due)] for file, due in letter.files]
        parts.append(listing(heads, rows, [CODE_WIDTH, WIDTH - CODE_WIDTH - 32 * mm, 32 * mm]))
    return parts
