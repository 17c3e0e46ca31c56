"""Find the angle of a page's lines and whether they stand on their head, from row profiles of its ink.

Method and measured error (median 0.01 degrees against known angles, 10 ms a page): docs/design/reading.md, skew.
Angles are in degrees, positive where the text falls to the right.
"""

import cv2
import numpy as np
import numpy.typing as npt

from tasks.preprocess import NOISY, noise

Grey = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]

STRIPS = 48  # vertical strips shifted against each other, so that no image is turned to try an angle
BANDS = 6  # columns of text need not be aligned: the energy is summed over six bands
USUAL, WIDE = 7.0, 20.0  # degrees searched either way at first, and when the best lies at the edge
COARSE, FINE = 0.5, 0.1  # steps in degrees
NEAR = 0.6  # degrees round the coarse best in which the fine one is looked for
# Whole pixels are sharper than parts of one, which draws the coarse best of grainy paper to 0: on pages turned by 1.4
# degrees it lay there. A fine best at the edge is followed so many times.
FOLLOWED = 4
COARSE_PAGE = 2000  # pixels of the longer side (A4 at 170 dpi) below which strokes are too thin for bilinear rotation
FRAME = 0.03  # share of the page left out all round: black beds and page frames have straight edges too


class Lines:
    """Row profiles of an ink mask at any angle."""

    def __init__(self, mask: Grey) -> None:
        """Reduce the mask to strips.

        Args:
            mask: (H, W) uint8, 255 = ink.
        """
        height, width = mask.shape
        self._strips = cv2.resize(mask, (STRIPS, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        self._x = ((np.arange(STRIPS) + 0.5) * width / STRIPS - width / 2).astype(np.float32)[None, :]
        self._row = np.arange(height, dtype=np.float32)[:, None]
        columns = np.arange(STRIPS, dtype=np.float32)[None, :]
        self._column = np.ascontiguousarray(np.broadcast_to(columns, (height, STRIPS)))

    def profile(self, angle: float) -> Rows:
        """Return ink a row and band, (H, 6), along lines that fall by `angle` degrees."""
        # numpy 2 makes this float64, which cv2.remap misreads without a word
        shift = (self._row + np.tan(np.radians(angle)) * self._x).astype(np.float32)
        shifted = cv2.remap(self._strips, self._column, shift, cv2.INTER_LINEAR)
        # the mean of eight neighbours, a third of the time that numpy's sum takes
        bands = cv2.resize(shifted, (BANDS, shifted.shape[0]), interpolation=cv2.INTER_AREA)
        return np.asarray(bands, dtype=np.float32) * np.float32(STRIPS // BANDS)

    def best(self, limit: float, step: float, around: float = 0.0) -> tuple[float, float]:
        """Return the angle within `limit` degrees of `around` where lines part from gaps most, and its energy."""
        angles = around + np.arange(-limit, limit + step / 2, step)
        energies = [self._energy(float(angle)) for angle in angles]
        peak = int(np.argmax(energies))
        angle = float(angles[peak])
        if 0 < peak < len(energies) - 1:
            before, here, after = energies[peak - 1 : peak + 2]
            bend = before - 2 * here + after
            if bend < 0:
                angle += step * 0.5 * (before - after) / bend
        return angle, energies[peak]

    def updown(self, angle: float) -> float:
        """Return the skewness of the profile's steps: negative upright, positive upside down, 0 unknown.

        The base line of print is sharper than its x line, so the profile rises and falls at unequal speed.
        """
        steps = np.diff(cv2.GaussianBlur(self.profile(angle), (1, 3), 0), axis=0)
        return float((steps**3).sum() / (np.abs(steps) ** 3).sum()) if np.any(steps) else 0.0

    def _energy(self, angle: float) -> float:
        steps = np.diff(self.profile(angle), axis=0)
        return float((steps * steps).sum())


def ink_mask(pixels: Grey, factor: int) -> Grey:
    """Return 255 where a page is darker than its surroundings, at 1/factor, without the outer frame.

    The margin follows the contrast: a fixed one finds no ink on faint pages (paper 190, ink 165).
    """
    small = cv2.resize(pixels, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    darker = cv2.subtract(cv2.blur(small, (41, 41)), small)
    counts = np.cumsum(cv2.calcHist([darker], [0], None, [256], [0, 256]).ravel().astype(np.int64))
    margin = max(8.0, 0.35 * int(np.searchsorted(counts, 0.99 * counts[-1])))
    _, mask = cv2.threshold(darker, margin, 255, cv2.THRESH_BINARY)
    frame = int(FRAME * min(mask.shape))
    return np.ascontiguousarray(mask[frame : mask.shape[0] - frame, frame : mask.shape[1] - frame])


def skew(fine: Lines, coarse: Lines, angle: float) -> float:
    """Refine the coarse best `angle` to about 0.1 degrees; look further where the best lies at the edge."""
    if abs(angle) > USUAL - NEAR:
        angle, _ = coarse.best(WIDE, COARSE)
    for _ in range(FOLLOWED):
        around, (angle, _energy) = angle, fine.best(NEAR, FINE, angle)
        if abs(angle - around) < NEAR - FINE / 2:
            break
    return angle


def turn(pixels: Grey, degrees: int) -> Grey:
    """Turn clockwise by 0, 90, 180 or 270 degrees."""
    codes = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    return np.asarray(cv2.rotate(pixels, codes[degrees]), dtype=np.uint8) if degrees else pixels


def straighten(pixels: Grey, angle: float) -> Grey:
    """Rotate counter-clockwise by `angle` degrees about the centre on a white canvas that keeps the corners.

    The same geometry as `records.text.Geometry`.
    """
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cos, sin = abs(np.cos(np.radians(angle))), abs(np.sin(np.radians(angle)))
    new_width, new_height = int(width * cos + height * sin), int(height * cos + width * sin)
    matrix[:, 2] += ((new_width - width) / 2, (new_height - height) / 2)
    thin = max(height, width) < COARSE_PAGE and noise(pixels) <= NOISY  # grain is better softened than sharpened
    flags = cv2.INTER_CUBIC if thin else cv2.INTER_LINEAR
    turned = cv2.warpAffine(pixels, matrix, (new_width, new_height), flags=flags, borderValue=(255,))
    return np.asarray(turned, dtype=np.uint8)
