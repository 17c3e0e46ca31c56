"""Plots of a reading benchmark as PNG, from its own answer: errors by set and kind of wear, and how sure words are.

Drawn with Pillow and the font it carries, so that the same answer gives the same picture everywhere.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from cli.frame import _

WIDE = 1400  # pixels of a plot
LEFT, RIGHT, TOP, BOTTOM = 330, 150, 90, 60  # pixels round the drawing: names stand left, figures right
BAR, GAP = 22, 14  # pixels: height of a bar, and between two rows
MOST = 10.0  # errors a hundred at which a bar ends: the engine alone misreads turned pages altogether
SQUARE = 760  # pixels a side of the curve's drawing
INK, PALE, PAPER = (30, 30, 30), (205, 205, 205), (255, 255, 255)
ALONE, OURS = (150, 150, 150), (24, 100, 170)
CURVES = ((24, 100, 170), (200, 90, 20), (40, 140, 70))
TEXT, TITLE = 22, 28  # pixels high


def draw_plots(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the plots of a reading benchmark's answer into `folder`, which is made; return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"reading-errors.png": errors(document["rows"]), "reading-confidence.png": confidence(document)}
    for name, image in drawn.items():
        image.save(folder / name, optimize=True)
    return [folder / name for name in drawn]


def errors(rows: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Draw errors a hundred signs, two bars a row: the engine alone and the whole chain; long bars are cut off."""
    step = 2 * BAR + GAP
    image = Image.new("RGB", (WIDE, TOP + step * len(rows) + BOTTOM), PAPER)
    pen, text = ImageDraw.Draw(image), ImageFont.load_default(TEXT)
    pen.text((20, 16), _("Errors in a hundred signs (CER)"), INK, ImageFont.load_default(TITLE))
    for at, (name, colour) in enumerate(((_("engine alone"), ALONE), ("Muniment", OURS))):
        pen.rectangle((LEFT + 300 * at, 58, LEFT + 300 * at + 30, 74), colour)
        pen.text((LEFT + 300 * at + 40, 54), name, INK, text)
    bottom = TOP + step * len(rows)
    for mark in range(0, int(MOST) + 1, 2):
        x = LEFT + round(mark / MOST * (WIDE - LEFT - RIGHT))
        pen.line((x, TOP, x, bottom), PALE)
        pen.text((x, bottom + 8), str(mark), INK, text, anchor="ma")
    for number, row in enumerate(rows):
        y = TOP + step * number
        pen.text((LEFT - 12, y + BAR), _shortened(row["what"], pen, text), INK, text, anchor="rm")
        for who, colour, top in (("alone", ALONE, y), ("ours", OURS, y + BAR)):
            _bar(pen, text, float(row[who]["cer"]), colour, top)
    return image


def _bar(pen: ImageDraw.ImageDraw, text: Any, value: float, colour: tuple[int, int, int], top: int) -> None:
    right = LEFT + round(min(value, MOST) / MOST * (WIDE - LEFT - RIGHT))
    pen.rectangle((LEFT, top, max(right, LEFT + 1), top + BAR - 2), colour)
    if value > MOST:  # cut off: a slanting gap says so
        pen.line((right - 24, top + BAR, right - 16, top - 2), PAPER, 5)
    pen.text((right + 8, top + BAR // 2 - 1), f"{value:.2f}", INK, text, anchor="lm")


def _shortened(name: str, pen: ImageDraw.ImageDraw, text: Any) -> str:
    while pen.textlength(name, text) > LEFT - 20:
        name = name[:-2] + "\u2026"
    return name


def confidence(document: Mapping[str, Any]) -> Image.Image:
    """Draw how many of the words given a confidence are right, a curve for each kind of page."""
    image = Image.new("RGB", (SQUARE + LEFT, SQUARE + TOP + BOTTOM), PAPER)
    pen, text = ImageDraw.Draw(image), ImageFont.load_default(TEXT)
    left = 90
    pen.text((20, 16), _("Words right in a hundred, by the confidence they were given"), INK,
             ImageFont.load_default(TITLE))  # fmt: skip

    def place(given: float, right: float) -> tuple[int, int]:
        return left + round(given / 100 * SQUARE), TOP + round((1 - right / 100) * SQUARE)

    for mark in range(0, 101, 20):
        pen.line((*place(mark, 0), *place(mark, 100)), PALE)
        pen.line((*place(0, mark), *place(100, mark)), PALE)
        pen.text((place(mark, 0)[0], TOP + SQUARE + 8), str(mark), INK, text, anchor="ma")
        pen.text((left - 10, place(0, mark)[1]), str(mark), INK, text, anchor="rm")
    pen.line((*place(0, 0), *place(100, 100)), ALONE, 2)
    for number, curve in enumerate(document["calibration"]):
        bands = [band for band in curve["bands"] if band["right"] is not None]
        edges = [*(band["from"] for band in curve["bands"]), 100]
        middle = {low: (low + high) / 2 for low, high in pairwise(edges)}
        points = [place(middle[band["from"]], band["right"]) for band in bands]
        colour = CURVES[number % len(CURVES)]
        if len(points) > 1:
            pen.line(points, colour, 3)
        for (x, y), band in zip(points, bands, strict=True):
            radius = 3 + min(9, band["words"] // 400)  # a band of few words says little
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
        pen.rectangle((left + SQUARE + 20, TOP + 40 * number, left + SQUARE + 40, TOP + 40 * number + 20), colour)
        pen.text((left + SQUARE + 50, TOP + 40 * number + 10), curve["pages"], INK, text, anchor="lm")
    return image
