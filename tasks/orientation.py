"""Turn a page upright and straight: which way its lines run, their angle, which end is up.

Lines decide where they are sure; the recogniser is asked about the inkiest sixth of a page where they are not, so an
ordinary page pays nothing. Steps and error rates: docs/design/reading.md, the chain, steps 6 to 8.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from tasks.preprocess import SMALL, Sample, inkiest
from tasks.skew import COARSE, USUAL, Lines, ink_mask, skew, straighten, turn

Grey = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]

MASK_HEIGHT = 1700  # pixels of the ink mask's longer side, about
MIN_SKEW = 0.25  # degrees below which turning costs more than it gives
SURE_DOWN = 0.12  # `updown` above which a page is taken to stand on its head; upright pages have at most 0.08
CLEARLY = 10.0  # points of confidence by which the other way up must win
SURE = 80.0  # confidence at which the other way up is not even tried
READABLE = 50.0  # confidence that the other way up must exceed
SURE_TURN = 60.0  # confidence, one way up or the other, without which a quarter turn is undone


@dataclass(frozen=True, slots=True)
class Upright:
    """A page turned clockwise by `turned` degrees, then straightened by `skew` degrees counter-clockwise.

    `rows` is the ink over the rows of `pixels`; `asked` tells that both ways up have been compared already.
    """

    pixels: Grey
    turned: int
    skew: float
    rows: Rows
    asked: bool
    ink: float
    facts: dict[str, float]

    def upside_down(self) -> "Upright":
        """Return the same page with its other end up."""
        turned = (self.turned + 180) % 360
        return Upright(turn(self.pixels, 180), turned, self.skew, self.rows[::-1], True, self.ink, self.facts)


def set_upright(pixels: Grey, sample: Sample) -> Upright:
    """Return the page upright and straight.

    Args:
        pixels: (H, W) uint8, 0 = ink.
        sample: tells how surely a part of the page reads.
    """
    if min(pixels.shape) < SMALL:
        return Upright(pixels, 0, 0.0, np.ones(1, np.float32), True, 1.0, {})
    mask = ink_mask(pixels, max(1, round(max(pixels.shape) / MASK_HEIGHT)))
    if min(mask.shape) < SMALL or not mask.any():
        return Upright(pixels, 0, 0.0, np.ones(1, np.float32), True, float(mask.mean() / 255), {})
    small = np.asarray(cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    across, down = Lines(small), Lines(turn(small, 90))
    (angle, energy), (angle_down, energy_down) = across.best(USUAL, COARSE), down.best(USUAL, COARSE)
    axis = energy / max(energy_down, 1e-6)
    if axis >= 1:
        page = _level(pixels, mask, across, angle, 0)
    else:
        page = _level(turn(pixels, 90), turn(mask, 90), down, angle_down, 90)
    page.facts["axis"] = axis
    # lying down or plainly upside down: ask about both ways up
    if axis < 1 or page.facts["updown"] > SURE_DOWN:
        over, best = reads_better_over(page, sample)
        if axis < 1 and best < SURE_TURN:  # the lines say so, the recogniser does not: leave it as it came
            return replace(_level(pixels, mask, across, angle, 0), asked=True)
        page = page.upside_down() if over else replace(page, asked=True)
    return page


def reads_better_over(page: Upright, sample: Sample) -> tuple[bool, float]:
    """Tell whether a page reads clearly better upside down, and the better of both confidences."""
    up = sample(inkiest(page.pixels, page.rows))
    over = 0.0
    if up < SURE:
        over = sample(inkiest(turn(page.pixels, 180), page.rows[::-1]))
    page.facts.update(asked_up=up, asked_over=over)
    return over > up + CLEARLY and over > READABLE, max(up, over)


def _level(pixels: Grey, mask: Grey, coarse: Lines, angle: float, turned: int) -> Upright:
    fine = Lines(mask)
    angle = skew(fine, coarse, angle)
    facts = {"measured_skew": angle, "updown": fine.updown(angle)}
    rows = np.asarray(fine.profile(angle).sum(1), dtype=np.float32)
    ink = float(mask.mean() / 255)
    if abs(angle) <= MIN_SKEW:
        return Upright(pixels, turned, 0.0, rows, False, ink, facts)
    return Upright(straighten(pixels, angle), turned, angle, rows, False, ink, facts)
