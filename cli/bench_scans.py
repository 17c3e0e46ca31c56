"""The scans a field benchmark reads: documents as they are, drawn as a scanner would, and worn; words kept once read.

A worn page is the drawn one, turned a little, unevenly lit, noisy, soft, faint or coarse: which of these, and how
much, follows from the document's digest, so that every machine reads the same pixels. Words are kept in the user's
cache folder by digest of what was read and by engine: changing a rule then costs no reading.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import platformdirs
from PIL import Image

from infra.children import Children
from records.options import Limits, ReadingOptions
from records.text import PageText, read_words, write_words
from tasks.examine import look
from tasks.reading import read_document
from tasks.sources import load_page

Variant = Literal["as-is", "scanned", "worn"]
Grey = npt.NDArray[np.uint8]
DPI = 300


@dataclass(frozen=True, slots=True)
class Words:
    """What was read of one document, and how many seconds of wall clock reading took."""

    pages: tuple[PageText, ...]
    seconds: float


class WordCache:
    """Reads documents in limited children, and keeps their words between runs."""

    def __init__(self, children: Children, options: ReadingOptions, limits: Limits, engine: str, folder: Path) -> None:
        """Name where words are kept (`folder` is made) and by what they are read; `folder` also takes drawn pages."""
        self.children, self.options, self.limits = children, options, limits
        self.engine, self.folder = engine, folder
        self.kept = platformdirs.user_cache_path("muniment", appauthor=False) / "bench-words"
        self.kept.mkdir(parents=True, exist_ok=True)

    def words(self, file: Path, variant: Variant) -> Words:
        """Return the words of a document, read now if they are not kept.

        Raises:
            RefusedScanError, ChildLimitError: the file cannot be read.
            EngineUnavailableError: there is no engine.
        """
        options = f"{'+'.join(self.options.languages)}:{self.options.engine}:{self.options.render_dpi}:{self.engine}"
        key = sha256(file.read_bytes() + f":{variant}:{options}".encode()).hexdigest()
        kept, timed = self.kept / f"{key}.words.gz", self.kept / f"{key}.json"
        if not timed.is_file():
            began = perf_counter()
            pages = self._read(file, variant)
            write_words(kept, pages)
            timed.write_text(json.dumps({"seconds": perf_counter() - began}))
        return Words(tuple(read_words(kept)), float(json.loads(timed.read_text())["seconds"]))

    def _read(self, file: Path, variant: Variant) -> tuple[PageText, ...]:
        examined, _, _ = self.children.run(self.limits.examine_seconds, look, file, self.limits)
        if variant == "as-is":
            return self._pages(file, examined.media_type, examined.pages)
        drawn = self.children.run(
            self.limits.derive_seconds, draw_scans, file, examined.media_type, examined.pages, variant, self.folder,
            self.options, self.limits,
        )  # fmt: skip
        return self._pages(drawn, "image/tiff", examined.pages)

    def _pages(self, file: Path, media_type: str, pages: int) -> tuple[PageText, ...]:
        return tuple(read_document(file, media_type, pages, self.options, self.limits, self.children))


def draw_scans(
    file: Path, media_type: str, pages: int, variant: Variant, folder: Path, options: ReadingOptions, limits: Limits
) -> Path:
    """Draw the pages of a document as grey scans of 300 dpi in one TIFF, worn if `variant` says so. Runs in a child."""
    digest = sha256(file.read_bytes()).hexdigest()
    images = []
    for number in range(1, pages + 1):
        pixels = np.asarray(load_page(file, media_type, number, options, limits).pixels)
        grey: Grey = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        images.append(Image.fromarray(wear(grey, f"{digest}:{number}") if variant == "worn" else grey))
    target = folder / f"{digest}-{variant}.tif"
    images[0].save(target, save_all=True, append_images=images[1:], compression="jpeg", quality=80, dpi=(DPI, DPI))
    return target


def wear(page: Grey, seed: str) -> Grey:
    """Return a page with two kinds of wear drawn by `seed`; `(H, W)` uint8, white 255."""
    draw = random.Random(seed)  # noqa: S311  a picture, not a secret: the same on every machine
    for change in draw.sample(_WEAR, 2):
        page = change(page, draw)
    return page


def _turn(page: Grey, draw: random.Random) -> Grey:
    high, wide = page.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), draw.uniform(-2.5, 2.5), 1.0)
    turned = cv2.warpAffine(page, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderValue=(255,))
    return np.asarray(turned, np.uint8)


def _noise(page: Grey, draw: random.Random) -> Grey:
    source = np.random.default_rng(draw.getrandbits(32))
    return np.clip(page + source.normal(0, draw.uniform(10, 22), page.shape), 0, 255).astype(np.uint8)


def _soft(page: Grey, draw: random.Random) -> Grey:
    return np.asarray(cv2.GaussianBlur(page, (0, 0), draw.uniform(0.9, 1.6)), np.uint8)


def _faint(page: Grey, draw: random.Random) -> Grey:
    ink, paper = draw.uniform(90, 130), draw.uniform(195, 225)
    return (ink + page.astype(np.float32) / 255 * (paper - ink)).astype(np.uint8)


def _shadow(page: Grey, draw: random.Random) -> Grey:
    across = np.linspace(draw.uniform(0.45, 0.7), 1.0, page.shape[1], dtype=np.float32)
    return (page * (across if draw.random() < 0.5 else across[::-1])[None, :]).astype(np.uint8)


def _coarse(page: Grey, draw: random.Random) -> Grey:
    high, wide = page.shape
    small = cv2.resize(page, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), np.uint8)


def _specks(page: Grey, draw: random.Random) -> Grey:
    source = np.random.default_rng(draw.getrandbits(32))
    where = source.random(page.shape)
    share = draw.uniform(0.002, 0.006)
    return np.where(where < share, 0, np.where(where > 1 - share, 255, page)).astype(np.uint8)


_WEAR: tuple[Callable[[Grey, random.Random], Grey], ...] = (_turn, _noise, _soft, _faint, _shadow, _coarse, _specks)
