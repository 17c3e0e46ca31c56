"""The second engine: RapidOCR with the PP-OCR models of its wheel; finds lines anywhere on a page and reads each.

Better than Tesseract on receipts and other print that is faint, dotted or scattered, at several times the cost, so a
page asks for it (tasks.page_reader). An extra (`muniment[lines]`): where it is not installed, pages are read once.
Nothing is downloaded: the models named here lie in the wheel. Measured: docs/accuracy.md.
"""

import importlib.metadata
import importlib.util
import logging
import math
import statistics
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from records.errors import EngineUnavailableError
from records.text import Box, Word, union

Grey = npt.NDArray[np.uint8]

SAME_LINE = 0.5  # share of the lower of two pieces' heights that they must have in common to stand in one line
WIDEST = 60  # heights that the image of one word or line, and the longer side of a page, may measure
NEW_BLOCK = 1.2  # line heights of empty paper after which a new block begins


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of print as the detector found it: its words, and the slanted box by its middle heights at both ends."""

    left: float
    right: float
    top: float
    bottom: float
    words: tuple[tuple[str, Box, float], ...]

    @property
    def middle(self) -> float:
        """Middle height, in pixels from the top."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top


def is_installed() -> bool:
    """Tell whether the extra is there, without loading it."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


class LineEngine:
    """RapidOCR in this process, on one thread; its models stay loaded."""

    def __init__(self) -> None:
        """Load the models.

        Raises:
            EngineUnavailableError: the extra is not installed, or its models are not in it.
        """
        try:
            import rapidocr  # costs 0.5 s and 100 MB: only where a page asks for it
        except ImportError as error:
            raise EngineUnavailableError("the second engine (rapidocr, onnxruntime) is not installed") from error
        models = Path(rapidocr.__file__).parent / "models"
        found = {kind: sorted(models.glob(f"*_{kind}_*.onnx")) for kind in ("det", "rec")}
        if not all(found.values()):
            raise EngineUnavailableError("the second engine's wheel holds no models")
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)  # it tells of each page
        engine = "EngineConfig.onnxruntime."
        self._engine: Any = rapidocr.RapidOCR(
            params={
                "Global.use_cls": False,  # pages are upright already
                "Global.text_score": 0.0,  # what is unsure is kept, with its confidence
                "Global.return_word_box": True,
                "Global.log_level": "error",
                # smaller than the page: large print is found better, in 0.7 of the time and 0.6 of the memory
                "Det.limit_type": "max",
                "Det.limit_side_len": 960,
                "Rec.rec_batch_num": 1,
                "Det.model_path": str(found["det"][0]),
                "Rec.model_path": str(found["rec"][0]),
                engine + "intra_op_num_threads": 1,
                engine + "inter_op_num_threads": 1,
            }
        )
        self._name = f"rapidocr {importlib.metadata.version('rapidocr')}, {found['rec'][0].stem}"

    @property
    def name(self) -> str:
        """Engine and version, as recorded with each page."""
        return self._name

    def read(self, pixels: Grey) -> tuple[Word, ...]:
        """Return the words of an upright page in reading order.

        Args:
            pixels: (H, W) uint8, 0 = ink.

        Returns:
            Words with boxes in pixels of `pixels`, confidence 0..100, lines and blocks numbered from 1; none on a strip
            more than 60 times as long as it is wide, on which the library fails.
        """
        if max(pixels.shape) > WIDEST * min(pixels.shape):
            return ()
        image = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        found = self._engine(image, use_det=True, use_cls=False, use_rec=True)  # it would go on as it was last called
        if found.boxes is None or found.txts is None:
            return ()
        parts: Any = found.word_results
        if len(parts) != len(found.txts):  # the library leaves out lines whose places it could not tell
            parts = [()] * len(found.txts)
        rows = zip(found.boxes, found.txts, found.scores, parts, strict=True)
        return assemble([_piece(np.asarray(box, np.float64), str(text), float(s), at) for box, text, s, at in rows])

    def look(self, pixels: Grey) -> tuple[str, float]:
        """Return the text of an image of one word or line, and how sure the engine is of it, 0..1.

        Args:
            pixels: (H, W) uint8, 0 = ink; the print fills its height.
        """
        height, width = pixels.shape
        if not height or not 0 < width <= WIDEST * height:  # the library fails on what is no word
            return "", 0.0
        image = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        found = self._engine(image, use_det=False, use_cls=False, use_rec=True)
        if not found.txts:
            return "", 0.0
        return " ".join(_western(token) for token in str(found.txts[0]).split()), float(found.scores[0])


def _piece(box: npt.NDArray[np.float64], text: str, score: float, parts: Any) -> Piece:
    middle = float(box[:, 1].mean())
    half = float(np.linalg.norm(box[3] - box[0]) + np.linalg.norm(box[2] - box[1])) / 4  # of a slanted piece too
    left, right = float(box[:, 0].min()), float(box[:, 0].max())
    at = [_around(corners, text) for text, _, corners in parts]
    if sum(len(boxes) for boxes in at) != len("".join(text.split())):  # the library has lost count: by share of letters
        row = Box(int(left), int(middle - half), math.ceil(right), math.ceil(middle + half))
        boxes = [found for place, found in enumerate(_shared(row, len(text))) if not text[place].isspace()]
    else:
        boxes = [one for found in at for one in found]
    words, start = [], 0
    for token in text.split():
        words.append((_western(token), union(boxes[start : start + len(token)]), 100.0 * score))
        start += len(token)
    return Piece(left, right, middle - half, middle + half, tuple(words))


def _around(corners: npt.ArrayLike, text: str) -> list[Box]:
    """Return a box for each letter of a part of a line, from the part's corners."""
    xs, ys = np.asarray(corners, np.float64).T
    whole = Box(int(xs.min()), int(ys.min()), math.ceil(xs.max()), math.ceil(ys.max()))
    return _shared(whole, len("".join(text.split())))


def _shared(whole: Box, count: int) -> list[Box]:
    wide = (whole.x1 - whole.x0) / max(1, count)
    return [
        Box(round(whole.x0 + n * wide), whole.y0, max(round(whole.x0 + (n + 1) * wide), round(whole.x0 + n * wide) + 1),
            max(whole.y1, whole.y0 + 1))
        for n in range(count)
    ]  # fmt: skip


def _western(token: str) -> str:
    """Return a token with the full-width signs of East Asian print, which the models know too, as ours."""
    return "".join(unicodedata.normalize("NFKC", c) if "\uff00" <= c <= "\uffef" else c for c in token)


def assemble(pieces: list[Piece]) -> tuple[Word, ...]:
    """Return the words of pieces in reading order: lines from the top, in them from the left; blocks by white space."""
    lines: list[list[Piece]] = []
    for piece in sorted((p for p in pieces if p.words), key=lambda p: p.middle):
        if lines and _belongs(piece, lines[-1]):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    words: list[Word] = []
    block, bottom = 1, None
    usual = statistics.median(p.height for p in pieces) if pieces else 0.0
    for number, line in enumerate(lines, start=1):
        if bottom is not None and min(p.top for p in line) - bottom > NEW_BLOCK * usual:
            block += 1
        bottom = max(p.bottom for p in line)
        for piece in sorted(line, key=lambda p: p.left):
            words.extend(Word(text, box, confidence, number, block) for text, box, confidence in piece.words)
    return tuple(words)


def _belongs(piece: Piece, line: list[Piece]) -> bool:
    """Tell whether a piece stands in a line: beside each of its pieces, and at the height of the nearest."""
    if any(piece.left < other.right - 0.6 * other.height and other.left < piece.right - 0.6 * other.height
           for other in line):  # fmt: skip
        return False
    near = min(line, key=lambda other: max(other.left - piece.right, piece.left - other.right))
    shared = min(piece.bottom, near.bottom) - max(piece.top, near.top)
    return shared >= SAME_LINE * min(piece.height, near.height)


def with_accents(words: tuple[Word, ...], other: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return words with the accents that another reading has on the same letters in the same place.

    On worn print this engine writes MARN or MARIN where the other one reads MARÍN.
    """
    accented = [word for word in other if not word.text.isascii()]
    return tuple(
        word._replace(text=next((o.text for o in accented if _same_place(word.box, o.box) and _same_letters(word, o)),
                                word.text))
        for word in words
    ) if accented else words  # fmt: skip


def _same_place(one: Box, other: Box) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide > 0.6 * min(one.x1 - one.x0, other.x1 - other.x0) and high > 0.4 * min(
        one.y1 - one.y0, other.y1 - other.y0
    )


def _same_letters(word: Word, accented: Word) -> bool:
    """Tell whether the texts differ by nothing but accents, or by accented letters that are missing."""
    parted = unicodedata.normalize("NFD", accented.text)
    bare = "".join(c for c in parted if not unicodedata.combining(c))
    without = "".join(c for c in accented.text if c.isascii())
    return len(without) > 1 and word.text != accented.text and word.text in (bare, without)


@cache
def open_line_engine() -> LineEngine | None:
    """Return this process's second engine, or None where the extra is not installed."""
    return LineEngine() if is_installed() else None
