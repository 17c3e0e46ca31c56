"""Recognise text on one upright page image: a contract and two engines of the same Tesseract.

Where the wheel of `tesserocr` is installed, Tesseract runs in this process and its models stay loaded; elsewhere its
command line is called by `pytesseract`. Both run in a limited child (design, section 2, rule 8).
Measured traps: docs/design/reading.md.
"""

import importlib.metadata
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from records.errors import EngineUnavailableError
from records.options import ClientWords
from records.text import Box, Word

Grey = npt.NDArray[np.uint8]

PAGE = 3  # Tesseract's page segmentation: a full page, no orientation detection
BLOCK = 6  # one uniform block of text
MIN_DPI, MAX_DPI = 70, 600  # what Tesseract believes; outside it guesses anew
OPEN_AT_ONCE = 2  # engines of one process: one with its models and words has up to 50 MB, and loads in 0.2 to 0.8 CPU s

_MODEL_FOLDERS = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)


class Engine(Protocol):
    """A reading engine."""

    @property
    def name(self) -> str:
        """Engine and version, as recorded with each page."""
        ...

    def read(self, pixels: Grey, dpi: int, language: str, layout: int = PAGE) -> tuple[Word, ...]:
        """Return the words of an upright page in reading order.

        Args:
            pixels: (H, W) uint8, 0 = ink.
            dpi: resolution of `pixels`.
            language: Tesseract's name of one language, such as "spa".
            layout: PAGE or BLOCK.

        Returns:
            Words with boxes in pixels of `pixels`, confidence 0..100, lines and blocks numbered from 1.

        Raises:
            EngineUnavailableError: the program or the language's model is missing; install them.
        """
        ...


class TesserocrEngine:
    """Tesseract in this process, one handle a language."""

    def __init__(self, tessdata: str | None = None, words: ClientWords | None = None) -> None:
        """Load the library, no model yet.

        Raises:
            EngineUnavailableError: the wheel or the folder of models is missing.
        """
        try:
            import tesserocr  # costs 60 ms: only where pages are read
        except ImportError as error:
            raise EngineUnavailableError("tesserocr is not installed") from error
        self._library: Any = tesserocr
        self._folder = find_tessdata(tessdata)
        self._variables = {"user_words_file": str(words.file)} if words else {}
        self._handles: dict[str, Any] = {}
        version = tesserocr.tesseract_version().split()[1]
        self._name = f"tesserocr {importlib.metadata.version('tesserocr')}, tesseract {version}"

    @property
    def name(self) -> str:
        """Engine and version."""
        return self._name

    def read(self, pixels: Grey, dpi: int, language: str, layout: int = PAGE) -> tuple[Word, ...]:
        """Return the words of an upright page; see `Engine.read`."""
        handle = self._handle(language)
        height, width = pixels.shape
        handle.SetPageSegMode(layout)
        # Never SetImage(PIL image): it is saved once more in its own format, as JPEG with losses.
        handle.SetImageBytes(np.ascontiguousarray(pixels).tobytes(), width, height, 1, width)
        handle.SetSourceResolution(min(MAX_DPI, max(MIN_DPI, dpi)))
        handle.Recognize()
        try:
            return tuple(self._words(handle))
        finally:
            handle.Clear()

    def _handle(self, language: str) -> Any:
        if language not in self._handles:
            try:
                self._handles[language] = self._library.PyTessBaseAPI(
                    path=str(self._folder), lang=language, variables=self._variables
                )
            except RuntimeError as error:
                raise EngineUnavailableError(f"no Tesseract model for {language}") from error
        return self._handles[language]

    def _words(self, handle: Any) -> Iterator[Word]:
        """One pass of the iterator gives text, boxes and confidence: a third of the cost of text and TSV."""
        level = self._library.RIL
        iterator = handle.GetIterator()
        if iterator is None:
            return
        line = block = 0
        for item in self._library.iterate_level(iterator, level.WORD):
            try:
                text = item.GetUTF8Text(level.WORD).strip()
            except RuntimeError:  # a box without text
                continue
            line += bool(item.IsAtBeginningOf(level.TEXTLINE)) or line == 0
            block += bool(item.IsAtBeginningOf(level.PARA)) or block == 0
            if text:
                yield Word(text, Box(*item.BoundingBox(level.WORD)), float(item.Confidence(level.WORD)), line, block)


class PytesseractEngine:
    """Tesseract's command line; its process dies with the child's group when time is over."""

    def __init__(self, tessdata: str | None = None, words: ClientWords | None = None) -> None:
        """Find program and models.

        Raises:
            EngineUnavailableError: the program, the package or the folder of models is missing.
        """
        try:
            import pytesseract
        except ImportError as error:
            raise EngineUnavailableError("pytesseract is not installed") from error
        if shutil.which(pytesseract.pytesseract.tesseract_cmd) is None:
            raise EngineUnavailableError("the program tesseract is not installed")
        self._library: Any = pytesseract
        self._folder = find_tessdata(tessdata)
        self._words = f' --user-words "{words.file}"' if words else ""
        version = importlib.metadata.version("pytesseract")
        self._name = f"pytesseract {version}, tesseract {pytesseract.get_tesseract_version()}"

    @property
    def name(self) -> str:
        """Engine and version."""
        return self._name

    def read(self, pixels: Grey, dpi: int, language: str, layout: int = PAGE) -> tuple[Word, ...]:
        """Return the words of an upright page; see `Engine.read`."""
        from PIL import Image

        if not (self._folder / f"{language}.traineddata").is_file():
            raise EngineUnavailableError(f"no Tesseract model for {language}")
        resolution = min(MAX_DPI, max(MIN_DPI, dpi))
        try:
            table = self._library.image_to_data(
                Image.fromarray(pixels),
                lang=language,
                config=f'--psm {layout} --dpi {resolution} --tessdata-dir "{self._folder}"{self._words}',
                output_type=self._library.Output.DICT,
            )
        except self._library.TesseractError as error:
            raise EngineUnavailableError(f"tesseract ended with status {error.status}") from error
        return tuple(_numbered(table))


def _numbered(table: dict[str, list[Any]]) -> Iterator[Word]:
    """Turn pytesseract's columns into words; its blocks, paragraphs and lines are counted through the page."""
    blocks: dict[tuple[int, int], int] = {}
    lines: dict[tuple[int, int, int], int] = {}
    for row, raw in enumerate(table["text"]):
        text = str(raw).strip()
        if not text or float(table["conf"][row]) < 0:
            continue
        paragraph = (table["block_num"][row], table["par_num"][row])
        block = blocks.setdefault(paragraph, len(blocks) + 1)
        line = lines.setdefault((*paragraph, table["line_num"][row]), len(lines) + 1)
        left, top = table["left"][row], table["top"][row]
        box = Box(left, top, left + table["width"][row], top + table["height"][row])
        yield Word(text, box, float(table["conf"][row]), line, block)


@lru_cache(OPEN_AT_ONCE)
def open_engine(name: str = "auto", tessdata: str | None = None, words: ClientWords | None = None) -> Engine:
    """Return the engine called `name` ("auto", "tesserocr", "pytesseract"); each is opened once a process.

    Of engines with clients' words the newest stay open.

    Raises:
        EngineUnavailableError: it, or for "auto" any, cannot be started; 'muniment doctor' says what to install.
    """
    if name == "tesserocr":
        return TesserocrEngine(tessdata, words)
    if name == "pytesseract":
        return PytesseractEngine(tessdata, words)
    if name != "auto":
        raise EngineUnavailableError(f"no engine has the name {name}")
    try:
        return TesserocrEngine(tessdata, words)
    except EngineUnavailableError:
        return PytesseractEngine(tessdata, words)


def find_tessdata(given: str | None = None) -> Path:
    """Return the folder of Tesseract's models: the one given, else Debian's newest, else the usual places.

    Raises:
        EngineUnavailableError: there is none with a model in it.
    """
    patterns = (given,) if given else _MODEL_FOLDERS
    for pattern in patterns:
        for folder in sorted(Path("/").glob(str(Path(pattern).absolute()).lstrip("/")), reverse=True):
            if any(folder.glob("*.traineddata")):
                return folder
    raise EngineUnavailableError("no folder of Tesseract models was found")


def available_languages(tessdata: str | None = None) -> tuple[str, ...]:
    """Return the names of the models that are installed, such as ("eng", "spa").

    Raises:
        EngineUnavailableError: there is no folder of models.
    """
    names = {path.stem for path in find_tessdata(tessdata).glob("*.traineddata")}
    return tuple(sorted(names - {"osd", "equ"}))
