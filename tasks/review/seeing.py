"""What a person sees who decides: each doubtful field with its value, its rivals, the reasons, and a piece of the page.

The event that says so is committed before (`look`); it opens the record's documents once each. Words and pages are
clear in this process's private folder only while they are looked at; pieces of pages are cut in a limited child and
belong to whoever asked for them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from custody.keys import DocumentKey
from custody.ledger import Actor, Entry
from custody.opening import fetch, release, unseal_original
from custody.tables import derivatives, originals
from records.catalogue import blind_fields, current_fields, field_of, open_reviews, record_row, sources_of
from records.class_library import RecordClass
from records.fields import Field
from records.options import Limits, ReadingOptions
from records.tables import pages
from records.text import Box, PageText
from tasks.conventions import find_conventions
from tasks.describe import FIRST_PAGES, LAST_PAGES
from tasks.extract import Choice, collect, mark_pages, rank
from tasks.layout import lay_out
from tasks.review.overriding import proposals_of
from tasks.services import Services
from tasks.sources import load_page
from tasks.words import ends_of

MOST_RIVALS = 5
MARGIN = 1.5  # of a box's height, above and below it; three times as much beside it
WIDEST = 1600  # pixels of a piece
CLASS = "class"  # the name by which a decision addresses the record's class


@dataclass(frozen=True, slots=True)
class Rival:
    """A value that may be meant: its score 0..1 before checks, and where it stands."""

    value: str
    score: float
    currency: str | None = None
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One field to decide on. `name` is CLASS for the record's class; `snippet` is a PNG file, None where none was cut.

    `reasons` are (code, message). `proposed` is what another person decided on a held field, "" for none there: it
    waits for a second one.
    """

    name: str
    index: int | None
    value: str | None
    currency: str | None
    confidence: float
    status: str
    reasons: tuple[tuple[str, str], ...]
    rivals: tuple[Rival, ...] = ()
    page: int | None = None
    box: Box | None = None
    snippet: Path | None = None
    proposed: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece to be cut: page of the original counted from 1, box (None: the whole page), turn, and where to."""

    page: int
    box: Box | None
    turned: int
    target: Path


def steps_of(services: Services, record: str) -> list[Step]:
    """Return what must be decided about a record, in keyboard order: the class, then the fields as its class has them.

    Without rivals and pieces of the page: nothing is opened. Fields that people key blind are not among them.
    """
    with services.database.read() as connection:
        row = record_row(connection, record)
        current = [field_of(one) for one in current_fields(connection, record)]
        blind = {name for _, name in blind_fields(connection, [record])}
        open_ = [one for one in open_reviews(connection, record) if one.field not in blind]
        proposed = {name: one.value or "" for name, one in proposals_of(connection, record).items()}
    reasons: dict[str | None, list[tuple[str, str]]] = {}
    for one in open_:
        reasons.setdefault(one.field, []).append((one.code, one.message))
    order = [spec.name for spec in services.library.get(row.record_class or "generic").fields]
    found = []
    if None in reasons:
        confidence = row.class_confidence or 0.0
        found.append(Step(CLASS, None, row.record_class, None, confidence, "review", tuple(reasons[None])))
    named = [name for name in reasons if name is not None]
    for name in sorted(named, key=lambda name: order.index(name) if name in order else len(order)):
        rows = [field for field in current if field.name == name]
        waiting = [field for field in rows if field.status == "review"] or rows[:1]
        steps = [_step(field, reasons[name]) for field in waiting] or [
            Step(name, None, None, None, 0.0, "missing", tuple(reasons[name]))
        ]
        found += [replace(step, proposed=proposed.get(name)) for step in steps]
    return found


def _step(field: Field, reasons: Sequence[tuple[str, str]]) -> Step:
    return Step(
        field.name, field.index, field.value, field.currency, field.confidence, field.status, tuple(reasons),
        page=field.page, box=field.box,
    )  # fmt: skip


def see(
    services: Services, record: str, steps: Sequence[Step], entry: Entry, actor: Actor, folder: Path | None
) -> list[Step]:
    """Return the steps with rivals, and where a `folder` is named with a piece of the page each, as PNG files in it.

    Args:
        services: what steps need.
        record: its id.
        steps: as `steps_of` has them.
        entry: the committed event that says that `actor` looks at the record.
        actor: who looks.
        folder: where the pieces go, mode 0600.

    Raises:
        UnknownIdError, FixityError, EnvelopeError, OriginalNotFoundError: the record's documents do not open.
        UnavailableError: store, database or disk.
    """
    with services.database.read() as connection:
        row = record_row(connection, record)
        there = connection.execute(
            select(derivatives).where(derivatives.c.record == record, derivatives.c.kind == "words")
        ).one_or_none()
    if there is None or not steps:
        return list(steps)
    key = release(services.vault, entry, there.original, actor)
    clear = services.scratch / f"{entry.id}.words"
    try:
        fetch(
            services.vault, there.object_key, there.object_version, there.sealed_sha256, there.sealed_size, key, clear
        )  # fmt: skip
        read, _ = ends_of(clear, FIRST_PAGES, LAST_PAGES)
    finally:
        clear.unlink(missing_ok=True)
    record_class = services.library.get(row.record_class or "generic")
    found = list(with_rivals(steps, read, record_class))
    if folder is None:
        return found
    return _with_snippets(services, record, there.original, key, found, folder)


def see_blind(
    services: Services, record: str, steps: Sequence[Step], entry: Entry, actor: Actor, folder: Path | None
) -> list[Step]:
    """Return the steps with pieces of the page as `see` does, and with nothing that the machine has read."""
    if folder is None or not steps:
        return list(steps)
    with services.database.read() as connection:
        original = sources_of(connection, record)[0].original
    key = release(services.vault, entry, original, actor)
    return _with_snippets(services, record, original, key, steps, folder)


def with_rivals(steps: Iterable[Step], read: Sequence[PageText], record_class: RecordClass) -> Iterator[Step]:
    """Yield steps with the values that extraction finds for their fields, the best first."""
    layouts = [lay_out(page) for page in read]
    conventions = find_conventions(layouts)
    marks = mark_pages(layouts, record_class)
    found = collect(marks, record_class, conventions)
    for step in steps:
        spec = record_class.spec(step.name)
        if spec is None or spec.cardinality == "lines":
            yield step
            continue
        choices = rank(spec, found.get(step.name, []))
        rivals = tuple(_rival(choice) for choice in choices[:MOST_RIVALS])
        yield replace(step, rivals=rivals)


def _rival(choice: Choice) -> Rival:
    best = choice.best
    return Rival(choice.value, round(choice.score, 3), best.currency, best.page or None, best.box)


def _with_snippets(
    services: Services, record: str, original: str, key: DocumentKey, steps: Sequence[Step], folder: Path
) -> list[Step]:
    """Cut the pieces of those pages that are in the original whose key was released."""
    with services.database.read() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one()
        of_record = select(pages).where(pages.c.record == record, pages.c.original == original)
        places = {page.number: page for page in connection.execute(of_record)}
    cuts: dict[int, Cut] = {}
    for number, step in enumerate(steps):
        place = places.get(step.page or next((rival.page for rival in step.rivals if rival.page), None) or 1)
        if place is not None:
            box = step.box or (step.rivals[0].box if step.rivals and not step.page else None)
            name = step.name if step.index is None else f"{step.name}-{step.index}"
            cuts[number] = Cut(place.original_page, box, place.turned, folder / f"{record}.{name}.png")
    clear = services.scratch / f"{record}.seen"
    try:
        unseal_original(services.vault, row, key, clear)
        services.children.run(
            services.limits.examine_seconds, cut_pieces, clear, row.media_type, list(cuts.values()),
            services.reading, services.limits,
        )  # fmt: skip
    finally:
        clear.unlink(missing_ok=True)
    return [replace(step, snippet=cuts[number].target) if number in cuts else step for number, step in enumerate(steps)]


def cut_pieces(
    path: Path, media_type: str, cuts: Sequence[Cut], options: ReadingOptions, limits: Limits
) -> int:  # fmt: skip
    """Write each piece as a PNG, upright, mode 0600; return how many. Runs in a limited child."""
    by_page: dict[int, list[Cut]] = {}
    for cut in cuts:
        by_page.setdefault(cut.page, []).append(cut)
    for number, wanted in by_page.items():
        raster = Image.fromarray(load_page(path, media_type, number, options, limits).pixels)
        for cut in wanted:
            piece = raster if cut.box is None else raster.crop(_around(cut.box, raster.size))
            upright = piece.rotate(-cut.turned, expand=True) if cut.turned else piece
            if upright.width > WIDEST:
                upright = upright.resize((WIDEST, max(1, upright.height * WIDEST // upright.width)))
            cut.target.touch(mode=0o600)
            upright.save(cut.target, "PNG")
    return len(cuts)


def _around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box with what stands around it, within the page: a value is judged by its neighbours too."""
    above = round((box.y1 - box.y0) * MARGIN)
    beside = 3 * above
    return (
        max(0, box.x0 - beside), max(0, box.y0 - above), min(size[0], box.x1 + beside), min(size[1], box.y1 + above),
    )  # fmt: skip
