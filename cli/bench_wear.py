"""What happens to pages before they are scanned, made here: kinds of wear that a benchmark lays on clean pages.

Which angle, how much noise, where the shadow falls: all follows from a seed (the page's digest and the kind), so that
every machine reads the same pixels. `WEAR` has the kinds; docs/accuracy.md says what each is for.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from cli.drawn_form import Colour, coloured_form

Grey = npt.NDArray[np.uint8]
Draw = random.Random


@dataclass(frozen=True, slots=True)
class Worn:
    """A worn page, and what mends it: a turn (degrees clockwise) and an angle (degrees, counter-clockwise positive).

    `pixels` is what a scanner makes of it in grey; `colour`, (H, W, 3), where the page itself has any.
    """

    pixels: Grey
    dpi: int
    turned: int = 0
    skew: float = 0.0
    colour: Colour | None = None


def wear(pixels: Grey, dpi: int, kind: str, seed: str) -> Worn:
    """Return a page with one kind of wear.

    Args:
        pixels: (H, W) uint8, 0 = ink.
        dpi: its resolution.
        kind: a key of WEAR.
        seed: decides everything that is drawn.
    """
    return WEAR[kind](pixels, dpi, random.Random(f"{seed}:{kind}"))  # noqa: S311  a picture, not a secret


def _rotate(page: Grey, dpi: int, draw: Draw) -> Worn:
    angle = draw.choice((-1, 1)) * draw.uniform(0.5, 5.0)
    return Worn(_rotated(page, angle), dpi, 0, -angle)


def _rotated(page: Grey, angle: float) -> Grey:
    high, wide = page.shape
    cos, sin = abs(np.cos(np.radians(angle))), abs(np.sin(np.radians(angle)))
    size = (int(wide * cos + high * sin), int(high * cos + wide * sin))
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, 1.0)
    matrix[:, 2] += (size[0] / 2 - wide / 2, size[1] / 2 - high / 2)
    return _grey(cv2.warpAffine(page, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255,)))


def _gauss(page: Grey, dpi: int, draw: Draw) -> Worn:
    return Worn(_noisy(page, draw, draw.uniform(15, 28)), dpi)


def _noisy(page: Grey, draw: Draw, sigma: float) -> Grey:
    source = np.random.default_rng(draw.getrandbits(32))
    return _clipped(page * 0.86 + 20 + source.normal(0, sigma, page.shape))


def _salt(page: Grey, dpi: int, draw: Draw) -> Worn:
    source = np.random.default_rng(draw.getrandbits(32))
    where, share = source.random(page.shape, np.float32), draw.uniform(0.004, 0.012)
    return Worn(np.where(where < share, 0, np.where(where > 1 - share, 255, page)).astype(np.uint8), dpi)


def _blur(page: Grey, dpi: int, draw: Draw) -> Worn:
    return Worn(_grey(cv2.GaussianBlur(page, (0, 0), draw.uniform(1.2, 2.2) * dpi / 300)), dpi)


def _low_contrast(page: Grey, dpi: int, draw: Draw) -> Worn:
    paper = draw.uniform(180, 225)
    ink = paper - draw.uniform(28, 55)
    soft = cv2.GaussianBlur(page, (0, 0), 0.7).astype(np.float32)
    return Worn(_clipped(ink + soft / 255 * (paper - ink)), dpi)


def _shadow(page: Grey, dpi: int, draw: Draw) -> Worn:
    high, wide = page.shape
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    angle = draw.uniform(0, 6.28)
    along = (x / wide - 0.5) * np.cos(angle) + (y / high - 0.5) * np.sin(angle)
    light = 1.0 - draw.uniform(0.45, 0.65) / (1.0 + np.exp(-along.astype(np.float32) * draw.uniform(6, 14)))
    return Worn(_clipped((page * 0.8 + 45) * light), dpi)


def _hard_shadow(page: Grey, dpi: int, draw: Draw) -> Worn:
    high, wide = page.shape
    mask = np.zeros((high, wide), np.float32)
    x, y = draw.uniform(0.3, 0.7) * wide, draw.uniform(0.3, 0.7) * high
    corners = [(x, 0), (wide, 0), (wide, high), (draw.uniform(0.2, 0.8) * wide, high), (x * 0.8, y)]
    cv2.fillPoly(mask, [np.array(corners, np.int32)], (1.0,))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.float32)
    return Worn(_clipped((page * 0.85 + 30) * (1 - draw.uniform(0.35, 0.55) * mask)), dpi)


def _down150(page: Grey, _dpi: int, draw: Draw) -> Worn:
    scale = 150 / _dpi
    draw.random()
    return Worn(_grey(cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)), 150)


def _turn(page: Grey, dpi: int, draw: Draw) -> Worn:
    quarter = draw.choice((1, 2, 3))
    return Worn(np.ascontiguousarray(np.rot90(page, quarter)), dpi, 90 * quarter)


def _bleed(page: Grey, dpi: int, draw: Draw) -> Worn:
    back = cv2.GaussianBlur(np.ascontiguousarray(page[:, ::-1]), (0, 0), 2.0).astype(np.float32)
    back = np.roll(back, draw.randrange(20, 90), axis=0)
    through = draw.uniform(0.25, 0.4)
    return Worn(_clipped(np.minimum(page * 0.9 + 20, 245 - through * (255 - back))), dpi)


def _stain(page: Grey, dpi: int, draw: Draw) -> Worn:
    high, wide = page.shape
    light = np.ones((high, wide), np.float32)
    for _ in range(draw.randint(2, 4)):
        centre = (int(draw.uniform(0.1, 0.9) * wide), int(draw.uniform(0.1, 0.9) * high))
        radius = int(draw.uniform(0.06, 0.16) * wide)
        blob = np.zeros((high, wide), np.float32)
        cv2.circle(blob, centre, radius, (0.28,), -1)
        cv2.circle(blob, centre, radius, (0.45,), max(3, radius // 12))
        light -= np.asarray(cv2.GaussianBlur(blob, (0, 0), 6.0), np.float32)
    return Worn(_clipped((page * 0.88 + 25) * np.clip(light, 0.3, 1)), dpi)


def _fold(page: Grey, dpi: int, draw: Draw) -> Worn:
    high, wide = page.shape
    at = int(draw.uniform(0.3, 0.7) * high)
    rows = np.arange(high, dtype=np.float32) - at
    light = 1 - 0.35 * np.exp(-np.abs(rows) / 14) - 0.12 * (rows > 0)
    bent = np.where(rows > 0, 0.004 * rows, 0.0).astype(np.float32)
    x = np.tile(np.arange(wide, dtype=np.float32), (high, 1))
    y = np.tile((np.arange(high, dtype=np.float32) - bent)[:, None], (1, wide))
    moved = cv2.remap(page, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,))
    return Worn(_clipped((np.asarray(moved, np.float32) * 0.88 + 25) * light[:, None]), dpi)


def _perspective(page: Grey, dpi: int, draw: Draw) -> Worn:
    high, wide = page.shape
    by = draw.uniform(0.02, 0.045)
    before = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    moved = [[by * wide, by * high / 2], [-by * wide / 3, 0], [0, -by * high / 3], [0, 0]]
    after = before + np.array(moved, np.float32)
    matrix = cv2.getPerspectiveTransform(before, after)
    seen = cv2.warpPerspective(page, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderValue=(70,))
    return Worn(_clipped(np.asarray(seen, np.float32) * 0.9 + 15), dpi)


def _mixed(page: Grey, dpi: int, draw: Draw) -> Worn:
    angle = draw.choice((-1, 1)) * draw.uniform(0.4, 2.5)
    turned = _grey(cv2.GaussianBlur(_rotated(page, angle), (0, 0), 0.8))
    across = np.linspace(draw.uniform(0.6, 0.75), 1.0, turned.shape[1], dtype=np.float32)
    source = np.random.default_rng(draw.getrandbits(32))
    return Worn(_clipped((turned * 0.8 + 40) * across + source.normal(0, 6, turned.shape)), dpi, 0, -angle)


def _form(page: Grey, dpi: int, draw: Draw) -> Worn:
    colour = coloured_form(page, dpi, draw)
    return Worn(np.asarray(Image.fromarray(colour).convert("L"), dtype=np.uint8), dpi, colour=colour)


def _clipped(pixels: npt.ArrayLike) -> Grey:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _grey(pixels: npt.ArrayLike) -> Grey:
    return np.asarray(pixels, dtype=np.uint8)


WEAR: Mapping[str, Callable[[Grey, int, Draw], Worn]] = {
    "rotated": _rotate, "noise": _gauss, "specks": _salt, "blur": _blur, "low contrast": _low_contrast,
    "shadow": _shadow, "150 dpi": _down150, "turned": _turn, "show-through": _bleed, "mixed": _mixed,
    "hard shadow": _hard_shadow, "stains": _stain, "fold": _fold, "perspective": _perspective,
    "coloured form": _form,
}  # fmt: skip
# no step of the chain was made for these when they came: told apart
UNMET = ("hard shadow", "stains", "fold", "perspective", "coloured form")
