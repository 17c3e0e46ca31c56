"""Handwriting drawn on printed pages: a signature, a note of three words, a ring around print.

What is written, and where, follows from a seed (the page's digest), so that every machine sees the same strokes.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from cli.bench_pages import kind_of
from cli.reading_truth import TruePage
from records.options import Limits, ReadingOptions
from records.text import HANDWRITING
from tasks import page_reader
from tasks.sources import load_page

Grey = npt.NDArray[np.uint8]
Draw = random.Random
Points = npt.NDArray[np.float64]

KINDS = ("signature", "note", "ring")
NOTHING = "nothing"
PEN = 0.013  # inches: the width of a ball pen's stroke
HIGH = 0.13  # inches: a small written letter
REDUCED = 16  # the place with least ink is looked for at this part of the page
FINE = 4  # parts of a pixel in which strokes are drawn, as a power of two


def write_on(pixels: Grey, dpi: int, kind: str, seed: str) -> Grey:
    """Return a page with something written on it.

    Args:
        pixels: (H, W) uint8, 0 = ink.
        dpi: its resolution.
        kind: one of KINDS.
        seed: decides everything that is written.
    """
    draw = random.Random(f"{seed}:{kind}")  # noqa: S311  a picture, not a secret: the same on every machine
    strokes = {"signature": _signature, "note": _note, "ring": _ring}[kind](draw)
    strokes = [stroke * dpi for stroke in strokes]
    corner = np.min([stroke.min(0) for stroke in strokes], 0)
    size = np.max([stroke.max(0) for stroke in strokes], 0) - corner
    at = _place(pixels, size, kind, draw) - corner
    page = pixels.copy()
    ink = draw.randint(0, 70)
    for stroke in strokes:
        points = np.round((stroke + at) * 2**FINE).astype(np.int32)
        cv2.polylines(page, [points], False, (ink,), max(2, round(PEN * dpi)), cv2.LINE_AA, FINE)
    return page


def _signature(draw: Draw) -> list[Points]:
    """One line that winds along, and a stroke beneath."""
    letters = draw.randint(7, 12)
    under = np.array([[0.0, 0.12], [HIGH * letters * 0.5, 0.17], [HIGH * letters * 0.9, 0.09]])
    return [_word(draw, letters), _smooth(np.repeat(under, 12, 0), 9)]


def _note(draw: Draw) -> list[Points]:
    """Three words in one line, smaller than a signature."""
    words: list[Points] = []
    right = 0.0
    for _ in range(3):
        word = _word(draw, draw.randint(3, 6)) * 0.7
        words.append(word + np.array([right, HIGH * draw.uniform(-0.1, 0.1)]))
        right = float(words[-1][:, 0].max()) + HIGH * 0.6
    return words


def _word(draw: Draw, letters: int) -> Points:
    """Return one winding line: for each letter a loop of another height and width."""
    time = np.linspace(0, letters, letters * 24)
    number = np.minimum(time.astype(int), letters - 1)
    tall = np.array([draw.choice((0.6, 0.8, 1.0, 1.0, 2.2)) for _ in range(letters)])[number]
    wide = np.array([draw.uniform(0.5, 1.1) for _ in range(letters)])[number]
    phase = 2 * np.pi * time
    x = HIGH * (0.9 * time + 0.45 * wide * np.sin(phase)) + HIGH * 0.35 * tall * (1 - np.cos(phase)) / 2
    y = HIGH * tall * (np.cos(phase) - 1) / 2 + HIGH * draw.uniform(-0.12, 0.05) * time
    return _smooth(np.stack([x, y], 1), 5)


def _ring(draw: Draw) -> list[Points]:
    """An oval drawn once round and a little further."""
    angle = np.linspace(0, 2 * np.pi * draw.uniform(1.0, 1.15), 90) + draw.uniform(0, 6)
    away = 1 + 0.06 * np.sin(2 * angle + draw.uniform(0, 6)) + np.linspace(0, 0.08, 90)
    wide, high = draw.uniform(0.35, 0.6), draw.uniform(0.15, 0.22)
    return [np.stack([wide * away * np.cos(angle), high * away * np.sin(angle)], 1)]


def _smooth(points: Points, over: int) -> Points:
    """Return a line rounded as a hand rounds it: the mean over so many of its points."""
    padded = np.pad(points, ((over // 2, over // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, n], np.ones(over) / over, "valid") for n in range(2)], 1)


def _place(pixels: Grey, size: Points, kind: str, draw: Draw) -> Points:
    """Return where to write: where least ink is; for a ring, where there is print."""
    small = 255.0 - cv2.resize(pixels, None, fx=1 / REDUCED, fy=1 / REDUCED, interpolation=cv2.INTER_AREA)
    wide, high = (max(1, int(side / REDUCED) + 1) for side in size)
    inked = np.asarray(cv2.boxFilter(small.astype(np.float32), -1, (wide, high), normalize=False), np.float64)
    top, left = high // 2 + small.shape[0] // 16 + 1, wide // 2 + small.shape[1] // 16 + 1
    inner = inked[top:-top, left:-left] if top * 2 < inked.shape[0] and left * 2 < inked.shape[1] else inked
    inner = inner + np.random.default_rng(draw.getrandbits(32)).random(inner.shape)
    y, x = np.unravel_index(int(np.argmax(inner) if kind == "ring" else np.argmin(inner)), inner.shape)
    offset = (left, top) if inner.shape != inked.shape else (0, 0)
    centre = np.array([x + offset[0], y + offset[1]], np.float64) * REDUCED
    return np.asarray(np.clip(centre - size / 2, 0, None), np.float64)


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is given: one page, what is written on it, and where it may write that."""

    page: TruePage
    kind: str
    file: Path


def strokes_of(work: Work, options: ReadingOptions, limits: Limits) -> int:
    """Read one page and return how many written strokes were found. Runs in a child."""
    raster = load_page(work.page.file, kind_of(work.page.file), 1, options, limits)
    pixels, dpi = np.asarray(raster.pixels, np.uint8), raster.dpi
    if work.page.receipt:
        dpi = round(pixels.shape[1] / 3.1)  # the tag of a photographed slip lies: it is 80 mm wide
    if work.kind != NOTHING:
        pixels = write_on(pixels, dpi, work.kind, work.page.digest)
    Image.fromarray(pixels).save(work.file, dpi=(raster.dpi, raster.dpi))
    found = page_reader.read(work.file, "image/png", 1, None, options, limits)
    work.file.unlink()
    return round(dict(found.facts).get(HANDWRITING, 0.0))
