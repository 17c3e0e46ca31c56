"""Draw a coloured form round the print of a page: tinted boxes, combs and rules of dropout colours, white headings.

The print stays where it is. Edges and rules lie in the gaps between lines and words, as on a real form; tints and
combs lie under the dark print; the print of a heading is turned to white on its colour.
"""

import random

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Colour = npt.NDArray[np.uint8]
Draw = random.Random

TINTS = (
    (255, 226, 160), (195, 225, 250), (200, 240, 200), (255, 205, 210), (240, 175, 95), (135, 190, 235),
)  # fmt: skip
RULES = ((215, 60, 50), (45, 120, 200), (25, 150, 90), (235, 120, 30))
HEADINGS = ((160, 30, 40), (20, 70, 140), (0, 110, 80), (95, 95, 95), (200, 90, 20))
COMB_INCHES = 0.2  # from one dropout line of a comb to the next
REACH_INCHES = 0.15  # how far an edge may be moved to lie in a gap


def coloured_form(page: Grey, dpi: int, draw: Draw) -> Colour:
    """Return a page as a coloured form.

    Args:
        page: (H, W) uint8, 0 = ink.
        dpi: its resolution.
        draw: decides everything that is drawn.

    Returns:
        (H, W, 3) uint8, red, green, blue.
    """
    high, wide = page.shape
    thick, reach = max(1, dpi // 120), round(REACH_INCHES * dpi)
    sheet = np.full((high, wide, 3), 255, np.uint8)
    lines = (255.0 - page).sum(1)
    for _ in range(draw.randint(3, 6)):
        top, bottom = _span(lines, draw, draw.uniform(0.04, 0.16), reach)
        across = (255.0 - page[top:bottom]).sum(0)
        left = _gap(across, draw.uniform(0.02, 0.12) * wide, reach)
        right = _gap(across, draw.uniform(0.85, 0.98) * wide, reach)
        sheet[top:bottom, left:right] = draw.choice(TINTS)
        if draw.random() < 0.5:
            for x in range(left, right, max(8, round(COMB_INCHES * dpi))):
                sheet[top:bottom, x : x + thick] = sheet[top, left] // 8 * 7
        cv2.rectangle(sheet, (left, top), (right, bottom), draw.choice(RULES), thick)
    for _ in range(draw.randint(4, 8)):
        at = _gap(lines, draw.uniform(0.05, 0.95) * high, reach)
        sheet[at : at + thick, wide // 20 : wide * 19 // 20] = draw.choice(RULES)
    light = page[:, :, None].astype(np.float32) / 255
    printed = sheet * light
    for _ in range(draw.randint(1, 2)):
        top, bottom = _span(lines, draw, draw.uniform(0.03, 0.07), reach)
        ground = np.array(draw.choice(HEADINGS), np.float32)
        printed[top:bottom] = 255 - (255 - ground) * light[top:bottom]
    return np.asarray(printed.round(), dtype=np.uint8)


def _span(lines: npt.NDArray[np.float64], draw: Draw, share: float, reach: int) -> tuple[int, int]:
    """Return where a box of this share of the page begins and ends, in gaps between lines."""
    top = _gap(lines, draw.uniform(0.03, 0.8) * len(lines), reach)
    return top, max(top + 2, _gap(lines, top + share * len(lines), reach))


def _gap(ink: npt.NDArray[np.float64], at: float, reach: int) -> int:
    """Return the middle of the widest stretch with the least ink within `reach` of `at`."""
    first = max(0, min(int(at), len(ink) - 1) - reach)
    near = ink[first : first + 2 * reach + 1]
    depth = cv2.distanceTransform((near <= near.min()).astype(np.uint8)[None, :], cv2.DIST_L1, 3)
    return first + int(np.argmax(depth))
