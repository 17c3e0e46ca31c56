"""The movement trace of a file as a paper for a court: every event on it, and how each can be proved.

Long texts are wrapped and never cut: what is not on the paper was not in the ledger.
"""

from collections.abc import Callable

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from tasks.papers import MARGIN, SMALL, TEXT, TITLE, Cell, Paper, facts, listing, paper_pdf, prose, text
from tasks.reports.report import Report, Value

FINE = ParagraphStyle("fine", parent=TEXT, fontSize=6.5, leading=8)
PAGE = landscape(A4)
WIDTH = PAGE[0] - 2 * MARGIN
WIDTHS = (14 * mm, 36 * mm, 38 * mm, 40 * mm, 33 * mm, 35 * mm, 26 * mm)


def trace_pdf(report: Report, names: list[tuple[str, str]], paper: Paper, words: Callable[[Value, str], str]) -> bytes:
    """Print a trace; `names` are what people call the file, `words(value, key)` writes a value for people."""
    say = paper.say
    keys = [column.key for column in report.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in report.rows]
    about: list[tuple[str, Cell]] = [
        *names,
        (say("as of"), paper.moment(report.as_of)),
        (say("events"), str(report.totals["events"])),
        (say("entries of the ledger"), str(report.totals["ledger_entries"])),
    ]
    heads = [say(head) for head in ("entry", "recorded; happened", "event", "location", "who has it", "recorded by")]
    parts: list[Flowable] = [
        text(say(report.title), TITLE),
        Spacer(0, 3 * mm),
        facts(about, WIDTH),
        Spacer(0, 3 * mm),
        prose(say(PROVED), SMALL),
        Spacer(0, 4 * mm),
        listing(
            [*heads, say("reason; due"), say("hash of the entry")],
            [_cells(row, paper, words) for row in rows],
            [*WIDTHS, WIDTH - sum(WIDTHS)],
        ),
    ]
    return paper_pdf(say(report.title), parts, paper, PAGE)


PROVED = (
    "Each line is one entry of the custody ledger, which is only ever added to: a changed, missing or added line shows "
    "when the ledger is verified ('muniment verify ledger'). 'muniment ledger proof ID' writes a file with which "
    "others check a single entry by its hash. Times are of the site; in the ledger they are in UTC."
)


def _cells(row: dict[str, Value], paper: Paper, words: Callable[[Value, str], str]) -> list[Cell]:
    def shown(*keys: str) -> Flowable:
        return prose("\n".join(part for key in keys if (part := words(row[key], key))), FINE)

    move = " → ".join(words(row[key], key) for key in ("from", "to") if row[key] is not None)
    event = "\n".join(part for part in (words(row["event"], "event"), words(row["subject"], "subject"), move) if part)
    return [
        shown("seq"), shown("recorded", "occurred"), prose(event, FINE), shown("place"), shown("holder"),
        shown("actor", "role"), shown("reason", "due"), shown("leaf_hash"),
    ]  # fmt: skip
