"""Every file of the sets of real bad and turned scans through the whole pipeline: a result or a reason, in its time.

The files are kept outside the project (`--data`). They are taken in side by side, as `muniment ingest` does, with a
good sheet after every twenty of them; each step's time is measured where the step is.
"""

import csv
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import select

from infra.services import open_services
from records.ids import BatchId, ClientId, ScanId
from records.reasons import REFUSALS
from records.tables import clients, pages
from tasks import answers, batches, ingest, intake
from tasks.indexing import drain
from tasks.pipeline import PLAIN, Steps
from tasks.services import SYSTEM

PAGE_SECONDS = 60  # wall clock for one page, by setting
FILE_SECONDS = 60  # besides its pages: examined, sealed, described; the readable copy made
GOOD_EVERY = 20
GOOD = 12  # sheets: as many as the sets need, each with another number
READ = ("described", "in_review", "indexed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: its answer, its pages as the catalogue has them, and how long its steps took."""

    path: Path
    scan: dict[str, Any]
    pages: tuple[Any, ...]
    seconds: float

    @property
    def said(self) -> str:
        return str(self.scan["reason"]["code"] if self.scan["reason"] else self.scan["outcome"])


class Timed:
    """The steps of the pipeline with a watch: seconds by scan."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._mine = threading.local()
        self.steps = Steps(
            accession=self._first(PLAIN.accession), read=self._then(PLAIN.read), describe=self._then(PLAIN.describe),
            index=drain,
        )  # fmt: skip

    def _first(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(scan: ScanId, services: Any) -> Any:
            self._mine.scan = scan
            return self._measured(step, scan, services)

        return timed

    def _then(self, step: Callable[..., Any]) -> Callable[..., Any]:
        return lambda record, services: self._measured(step, record, services)

    def _measured(self, step: Callable[..., Any], subject: str, services: Any) -> Any:
        began = time.monotonic()
        try:
            return step(subject, services)
        finally:
            self.seconds[self._mine.scan] += time.monotonic() - began


def good_sheet(folder: Path, number: int) -> Path:
    path = folder / f"good-{number:02d}.tif"
    image = Image.new("1", (1654, 1200), 1)
    pen = ImageDraw.Draw(image)
    for line in range(12):
        text = f"sheet {number} holds the ordinary words of an office, line {line}"
        pen.text((120, 120 + 80 * line), text, 0, ImageFont.load_default(40))
    image.save(path, dpi=(200, 200))
    return path


@pytest.fixture(scope="module")
def offered(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of both sets, with a good sheet before them and after every twenty."""
    sheets = tmp_path_factory.mktemp("sheets")
    files = [path for name in ("nasty", "orientation") for path in intake.files_below([data / name])]
    mixed: list[Path] = []
    for number, path in enumerate(files):
        if number % GOOD_EVERY == 0:
            mixed.append(good_sheet(sheets, number // GOOD_EVERY))
        mixed.append(path)
    return [*mixed, good_sheet(sheets, len(files) // GOOD_EVERY + 1)]


@pytest.fixture(scope="module")
def taken(offered: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Outcome]]:
    """All of them taken in, read and described on a fresh home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUNIMENT_HOME", str(tmp_path_factory.mktemp("nasty") / "home"))
        patch.setenv("MUNIMENT_PAGE_SECONDS", str(PAGE_SECONDS))
        services = open_services()
        try:
            watch = Timed()
            with services.database.read() as connection:
                client = ClientId(connection.execute(select(clients.c.id)).scalar_one())
            batch = BatchId(batches.find_or_open(services, client, None, None, SYSTEM))
            given = intake.Offer(client, batch, "ingest", None, SYSTEM)
            receipt = ingest.ingest_files(services, offered, given, watch.steps)
            with services.database.read() as connection:
                shown = answers.scan_answers(connection, receipt.scans)
                found = {
                    path: Outcome(
                        path, scan,
                        tuple(connection.execute(select(pages).where(pages.c.record.in_(scan["records"])))),
                        watch.seconds[scan["scan"]],
                    )
                    for path, scan in zip(offered, shown, strict=True)
                }  # fmt: skip
            yield found
        finally:
            services.close()


def of_set(taken: dict[Path, Outcome], name: str) -> dict[str, Outcome]:
    """Return the outcomes of one set by path below it."""
    return {
        str(path.relative_to(next(folder for folder in path.parents if folder.name == name))): outcome
        for path, outcome in taken.items()
        if any(folder.name == name for folder in path.parents)
    }


@pytest.mark.service
def test_each_has_a_result_or_a_reason(taken: dict[Path, Outcome]) -> None:
    odd = {}
    for path, outcome in taken.items():
        scan = outcome.scan
        if scan["outcome"] == "refused":
            right = outcome.said in REFUSALS and scan["reason"]["message"] and scan["reason"]["next"]
        elif scan["outcome"] == "duplicate":
            right = scan["duplicate_of"] is not None
        else:
            unread = [page for page in outcome.pages if not (page.words or page.blank or page.flags)]
            right = scan["outcome"] == "accessioned" and scan["state"] in READ and outcome.pages and not unread
        if not right:
            odd[path.name] = (outcome.said, scan["state"], len(outcome.pages))
    assert not odd
    assert len(of_set(taken, "nasty")) > 200 and len(of_set(taken, "orientation")) > 5


@pytest.mark.service
def test_none_is_longer_at_work_than_its_limit(taken: dict[Path, Outcome]) -> None:
    slowest = sorted(taken.values(), key=lambda outcome: -outcome.seconds)[:5]
    print("slowest:", ", ".join(f"{o.path.name} {o.seconds:.1f} s, {len(o.pages)} pages" for o in slowest))
    flags = Counter(flag for outcome in taken.values() for page in outcome.pages for flag in page.flags)
    print("said:", dict(Counter(outcome.said for outcome in taken.values())), "pages flagged:", dict(flags))
    late = {
        path.name: round(outcome.seconds)
        for path, outcome in taken.items()
        if outcome.seconds > PAGE_SECONDS * len(outcome.pages) + FILE_SECONDS
    }
    assert not late


@pytest.mark.service
def test_good_sheets_between_them_are_read_and_not_delayed(taken: dict[Path, Outcome]) -> None:
    good = [outcome for path, outcome in taken.items() if path.name.startswith("good-")]
    assert len(good) >= GOOD
    assert {outcome.scan["outcome"] for outcome in good} == {"accessioned"}
    assert min(page.words for outcome in good for page in outcome.pages) > 100
    seconds = sorted(outcome.seconds for outcome in good)
    print("good sheets:", ", ".join(f"{each:.1f}" for each in seconds), "s")
    assert seconds[-1] < PAGE_SECONDS  # none waited for a bad page to come to its limit


@pytest.mark.service
def test_what_needs_a_password_says_so(taken: dict[Path, Outcome], data: Path) -> None:
    rows = csv.DictReader((data / "nasty" / "PASSWORDS.tsv").read_text().splitlines(), delimiter="\t")
    said = of_set(taken, "nasty")
    files = [row["file"].removeprefix("nasty/") for row in rows]
    assert files and {said[name].said for name in files} == {"encrypted"}


@pytest.mark.service
def test_bombs_and_torn_files_are_called_so(taken: dict[Path, Outcome]) -> None:
    said = {path.name: outcome.said for path, outcome in taken.items()}
    assert said["hugemono.pdf"] == "too-large"
    assert said["zero_byte.pdf"] == "empty"
    assert said["droste.zip"] == "unsupported"
    assert said["truncated_jpeg.jpg"] == "truncated"
    assert said["png_decompression_dos.png"] == "bomb"


@pytest.mark.service
def test_turned_pages_hold_the_words_of_the_upright_one(taken: dict[Path, Outcome]) -> None:
    turned = {path.name: outcome.pages for path, outcome in taken.items() if path.name.startswith("ocr_test")}
    (upright,) = turned.pop("ocr_test.pdf")
    assert len(turned) == 3 and upright.words > 10
    for name, (page,) in turned.items():
        assert abs(page.words - upright.words) <= 1, name
        assert abs(page.confidence - upright.confidence) < 5, name
