"""Clean a page for recognition: speckle, black bed, uneven light, faint or noisy print.

Every step has a guard, so that a page which needs nothing reaches the recogniser with its pixels unchanged. Steps,
thresholds and what they are worth: docs/design/reading.md, the chain, steps 2 to 5. All functions are pure; pixels
are (H, W) uint8, 0 = ink, 255 = paper.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from records.text import Box

Grey = npt.NDArray[np.uint8]
Marks = npt.NDArray[np.float32]

# How surely a part of a page reads: mean confidence 0..100 times min(1, letters / 20).
Sample = Callable[[Grey], float]

MARK = 192  # a mark in a mask of bytes, of which the mean of eight by eight is a whole number
SMALL = 64  # pixels a side below which nothing is measured
SALT = 0.001  # share of isolated pixels above which the page is speckled; clean pages have at most 0.00002
SPECK = 100  # grey levels by which a speck differs from its surroundings
BITONAL = 0.002  # share of middle tones below which the page is black and white
UNEVEN = 0.10  # relative spread of the paper's brightness above which it is divided out
STAINED = 0.18  # the same with all but the darkest hundredth: a stain is small and dark; clean paper has at most 0.14
NOISY = 5.0  # grey levels of white noise; noisy pages have 15 to 25, all others under 2
GRAINY = 0.12  # noise as a share of the contrast above which the page is smoothed; below, edges are worth more
FAINT = 80  # grey levels between paper and ink
THROUGH = 0.12  # middle tones away from ink, per ink pixel: print of the other side
BED = 0.35  # of the paper's brightness: a shadow is never this dark right across
SHADE = 0.8  # of the paper's brightness: darker is a shadow, or a coloured area that may bear light letters
BAND = 32  # pixels a side below which a dark edge has no line of print
LETTERS = 0.002  # share of small light marks in a dark area above which it is print, not bed or shadow
MAP_SIDE = 320  # pixels of the paper map's shorter side: letters are as large on it at any resolution, on slips too
NEIGHBOURS = 41  # pixels of the paper map in which light marks are counted against dark ones
TONE = 25  # grey levels within which an area is one ground
WHITE = 0.8  # of the way from ink to paper that becomes white
MIN_CONTRAST = 10  # grey levels below which there is nothing to stretch: paper alone has 3 to 7


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A page without what hampers recognition; `kept` is the part of the given pixels that remains."""

    pixels: Grey
    kept: Box
    facts: dict[str, float]


def as_stored(pixels: Grey) -> Cleaned:
    """Return the page with nothing done to it."""
    return Cleaned(pixels, Box(0, 0, pixels.shape[1], pixels.shape[0]), {})


def clean(pixels: Grey, sample: Sample) -> Cleaned:
    """Return the page cleaned as far as its guards ask for it.

    Args:
        pixels: the page as stored.
        sample: reads a part of the page; asked only where faint print and show-through look alike.
    """
    facts: dict[str, float] = {}
    if min(pixels.shape) < SMALL:
        return replace(as_stored(pixels), facts=facts)
    facts["isolated"] = isolated_share(pixels)
    if facts["isolated"] > SALT:
        pixels = without_specks(pixels)
    if is_bitonal(pixels):
        return replace(as_stored(pixels), facts=facts)
    kept = paper_box(pixels)
    pixels = pixels[kept.y0 : kept.y1, kept.x0 : kept.x1]
    paper = without_bands(pixels, paper_map(pixels))
    facts.update(uneven=unevenness(paper), stained=stain(paper))
    if is_shaded(paper):
        # what is darker than a shadow is a picture, or the bed: divided, its noise would become rubbish
        pixels = divide(pixels, np.maximum(paper, np.uint8(BED * np.percentile(paper, 95))))
        facts["divided"] = 1.0
    return Cleaned(_stretch_where_needed(pixels, sample, facts), kept, facts)


def _stretch_where_needed(pixels: Grey, sample: Sample, facts: dict[str, float]) -> Grey:
    facts["noise"] = noise(pixels)
    pixels = _calm_where_needed(pixels, facts)
    ink, paper = tones(pixels)
    facts.update(ink=ink, paper=paper, orphans=orphans(pixels, ink, paper))
    if paper - ink < MIN_CONTRAST:
        return pixels
    sure = "divided" in facts or facts["noise"] > NOISY or paper - ink < FAINT
    doubtful = facts["orphans"] > THROUGH
    if not sure and not doubtful:
        return pixels
    stretched = stretch(pixels, ink, paper)
    if not sure:
        # faint print looks like show-through: the stretched page must read with more confidence
        rows = ink_rows(pixels)
        if sample(inkiest(stretched, rows)) <= sample(inkiest(pixels, rows)) + 1:
            return pixels
    facts["stretched"] = 1.0
    return stretched


def _calm_where_needed(pixels: Grey, facts: dict[str, float]) -> Grey:
    if facts["noise"] <= NOISY:
        return pixels
    calm = _grey(cv2.GaussianBlur(pixels, (3, 3), 0))
    # of the page itself the darkest value is noise, and the commonest one 255 where noise is cut off there
    facts["grain"] = facts["noise"] / max(1.0, float(np.median(calm[::2, ::2])) - tones(calm)[0])
    return calm if facts["grain"] > GRAINY else pixels


def is_bitonal(pixels: Grey) -> bool:
    """Tell whether a page is black and white, from every ninth pixel."""
    counts = np.bincount(pixels[::3, ::3].ravel(), minlength=256)
    return bool(counts[9:247].sum() < BITONAL * counts.sum())


def without_specks(pixels: Grey) -> Grey:
    """Return the page with pixels that stand out by more than SPECK as their neighbours' median; others untouched.

    A median of every pixel takes strokes of small grey print with the specks.
    """
    median = cv2.medianBlur(pixels, 3)
    _, sound = cv2.threshold(cv2.absdiff(pixels, median), SPECK, 255, cv2.THRESH_BINARY_INV)
    return _grey(cv2.copyTo(pixels, sound, median))


def isolated_share(pixels: Grey) -> float:
    """Return the share of pixels darker or lighter by SPECK than all eight neighbours, in the centre of the page."""
    height, width = pixels.shape
    part = pixels[height // 4 : height // 4 * 3, width // 4 : width // 4 * 3][:1200, :1200]
    centre = np.ascontiguousarray(part)
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
    dark = cv2.subtract(cv2.erode(centre, ring), centre) > SPECK
    light = cv2.subtract(centre, cv2.dilate(centre, ring)) > SPECK
    return float((np.count_nonzero(dark) + np.count_nonzero(light)) / centre.size)


def paper_box(pixels: Grey) -> Box:
    """Return the box of the paper on its black bed; the whole page where there is no bed.

    A dark edge with light letters is a printed band, and stays.
    """
    height, width = pixels.shape
    small = cv2.resize(pixels, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    bright = small > max(60.0, BED * float(np.percentile(small, 90)))
    rows, columns = np.flatnonzero(bright.mean(1) > 0.4), np.flatnonzero(bright.mean(0) > 0.4)
    if len(rows) * len(columns) < 0.2 * bright.size:
        return Box(0, 0, width, height)
    left, top = int(columns[0]) * 8, int(rows[0]) * 8
    # where the last eighth is paper, so are the pixels that did not fill one
    right = width if columns[-1] == bright.shape[1] - 1 else (int(columns[-1]) + 1) * 8
    bottom = height if rows[-1] == bright.shape[0] - 1 else (int(rows[-1]) + 1) * 8
    return Box(
        0 if _bears_print(pixels[:, :left]) else left,
        0 if _bears_print(pixels[:top]) else top,
        width if _bears_print(pixels[:, right:]) else right,
        height if _bears_print(pixels[bottom:]) else bottom,
    )


def light_marks(pixels: Grey, hat: int = cv2.MORPH_TOPHAT) -> npt.NDArray[np.bool_]:
    """Return where something small, such as a stroke of a letter, is clearly lighter than what surrounds it.

    With `hat` cv2.MORPH_BLACKHAT: clearly darker.
    """
    calm = cv2.blur(pixels, (3, 3))  # noise is no mark
    return np.asarray(cv2.morphologyEx(calm, hat, np.ones((25, 25), np.uint8)) > 60, dtype=np.bool_)


def _bears_print(edge: Grey) -> bool:
    return min(edge.shape) >= BAND and float(light_marks(edge).mean()) > LETTERS


def without_bands(pixels: Grey, paper: Grey) -> Grey:
    """Return a paper map in which dark areas that bear light letters count as paper: divided, they would be lost.

    An area with dark print too is a shadow that touches a picture or a band: of it only what is as dark as the ground
    of the light letters counts.
    """
    if not is_shaded(paper):
        return paper
    high = np.percentile(paper, 95)
    # the map is as light as light letters are: only without its local maximum is the area between them dark
    behind = _grey(cv2.medianBlur(cv2.resize(pixels, paper.shape[::-1], interpolation=cv2.INTER_AREA), 21))
    count, areas = cv2.connectedComponents((np.minimum(paper, behind) < SHADE * high).astype(np.uint8))
    # at a shadow's edge light paper lies between letters too
    inner = np.where(cv2.erode((areas > 0).astype(np.uint8), np.ones((21, 21), np.uint8)) > 0, areas, 0)
    sizes = np.maximum(1, np.bincount(inner.ravel(), None, count))
    light = _light(pixels, behind)
    printed = np.bincount(inner.ravel(), light.ravel(), count) / sizes > LETTERS
    printed[0] = False
    if not printed.any():
        return paper
    dark = _dark(pixels, behind)
    mixed = printed & (np.bincount(inner.ravel(), dark.ravel(), count) / sizes > LETTERS)
    band = printed[areas] & (~mixed[areas] | _ground(light * (inner > 0), dark, behind))
    # the map passes from paper to print within a few of its pixels
    near = cv2.dilate(band.astype(np.uint8), np.ones((9, 9), np.uint8))
    return np.where(near > 0, np.uint8(high), paper)


def _light(pixels: Grey, behind: Grey) -> Marks:
    """Return the share of light marks; paper between lines of dark ones is darker."""
    least = cv2.resize(np.minimum(1.3 * behind + 30.0, 255).astype(np.uint8), pixels.shape[::-1])
    return _share(light_marks(pixels) & (pixels > least), behind)


def _dark(pixels: Grey, behind: Grey) -> Marks:
    """Return the share of dark marks; the ground between light letters is lighter."""
    most = cv2.resize((0.7 * behind).astype(np.uint8), pixels.shape[::-1])
    return _share(light_marks(pixels, cv2.MORPH_BLACKHAT) & (pixels < most), behind)


def _share(marks: npt.NDArray[np.bool_], like: Grey) -> Marks:
    """Return the share of marks in each pixel of the paper map."""
    small = cv2.resize(marks.view(np.uint8) * np.uint8(MARK), like.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(MARK), dtype=np.float32)


def _ground(light: Marks, dark: Marks, behind: Grey) -> npt.NDArray[np.bool_]:
    """Return where light marks prevail round about, as far as what lies behind is flat and bears no dark marks."""
    around = _round_about(light)
    tone = _round_about(light * behind.astype(np.float32)) / np.maximum(around, 1e-6)
    seeds = (around > LETTERS) & (around > _round_about(dark)) & (np.abs(behind - tone) < TONE)
    ground = np.zeros_like(seeds)
    count, places = cv2.connectedComponents(seeds.astype(np.uint8))
    for place in range(1, count):
        seed = places == place
        flat = np.abs(behind - np.median(behind[seed])) < TONE
        flat &= around >= _round_about(dark * flat)  # what is printed beside it says nothing
        _, parts = cv2.connectedComponents(flat.astype(np.uint8))
        ground |= flat & np.isin(parts, parts[seed & flat])
    return ground


def _round_about(marks: Marks) -> Marks:
    return np.asarray(cv2.blur(marks, (NEIGHBOURS, NEIGHBOURS)), dtype=np.float32)


def paper_map(pixels: Grey) -> Grey:
    """Return the brightness of the paper on a map of about MAP_SIDE: closed, median, mean: print leaves no trace."""
    part = max(2, round(min(pixels.shape) / MAP_SIDE))
    size = (max(1, pixels.shape[1] // part), max(1, pixels.shape[0] // part))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    # closed, not merely dilated: the edge of a shadow stays where it is, and no dark seam is left along it
    bright = cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), 21)
    return _grey(cv2.blur(bright, (5, 5)))


def unevenness(paper: Grey, darkest: float = 5) -> float:
    """Return the relative spread of a paper map, 0 for even light, without its darkest `darkest` per cent."""
    low, high = float(np.percentile(paper, darkest)), float(np.percentile(paper, 95))
    return (high - low) / max(high, 1.0)


def stain(paper: Grey) -> float:
    """Return how dark the darkest hundredth of a paper map is, 0 for even light; black pictures are no stain."""
    light = paper[paper > BED * np.percentile(paper, 95)]
    return unevenness(light, 1) if light.size else 0.0


def is_shaded(paper: Grey) -> bool:
    """Tell whether light or stains are worth dividing out."""
    return unevenness(paper) > UNEVEN or stain(paper) > STAINED


def divide(pixels: Grey, paper: Grey) -> Grey:
    """Return the page in even light: its pixels relative to its paper, 245 where they are equal."""
    full = cv2.resize(paper, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
    return _grey(cv2.divide(pixels, full, scale=245))


def tones(pixels: Grey) -> tuple[int, int]:
    """Return the grey values of ink and paper: the darkest hundredth and the commonest light value.

    Where print covers less than a hundredth, that is noise of the paper: if the darkest thousandth is twice as far
    from the paper, it is the ink.
    """
    counts = np.bincount(pixels[::2, ::2].ravel(), minlength=256)
    ink, sparse = (int(level) for level in np.searchsorted(np.cumsum(counts), np.array([0.01, 0.001]) * counts.sum()))
    paper = int(np.argmax(counts[96:])) + 96
    return (sparse if paper - sparse >= 2 * (paper - ink) else ink), paper


def orphans(pixels: Grey, ink: int, paper: int) -> float:
    """Return middle tones with no ink near them, per ink pixel: high where the other side shows through."""
    half = pixels[::2, ::2]
    dark = (half < ink + 0.35 * (paper - ink)).astype(np.uint8)
    near = cv2.dilate(dark, np.ones((7, 7), np.uint8))
    middle = (half > ink + 0.40 * (paper - ink)) & (half < ink + 0.85 * (paper - ink)) & (near == 0)
    return int(np.count_nonzero(middle)) / max(1, int(np.count_nonzero(dark)))


def noise(pixels: Grey) -> float:
    """Return the robust sigma of white noise in grey levels (median absolute second difference, in the centre)."""
    part = pixels[pixels.shape[0] // 3 :, pixels.shape[1] // 4 :][:512, :1024]
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    curved = cv2.filter2D(np.ascontiguousarray(part), cv2.CV_16S, kernel)
    return float(np.median(np.abs(np.asarray(curved, dtype=np.int16)))) / 4.05


def stretch(pixels: Grey, ink: int, paper: int) -> Grey:
    """Return the page with ink black and everything lighter than WHITE of the way to paper white."""
    table = np.clip((np.arange(256) - ink) * 255 / (WHITE * (paper - ink)), 0, 255).astype(np.uint8)
    return _grey(cv2.LUT(pixels, table))


def ink_rows(pixels: Grey) -> npt.NDArray[np.float32]:
    """Return how much each row's pixels change from one to the next but one, in every eighth column.

    Print changes with every stroke; what is merely dark, a picture or the bed beside the page, does not.
    """
    columns = np.ascontiguousarray(pixels[:, : pixels.shape[1] - 2 : 8]), np.ascontiguousarray(pixels[:, 2::8])
    return np.asarray(cv2.absdiff(*columns).sum(1), dtype=np.float32)


def inkiest(pixels: Grey, rows: npt.NDArray[np.float32]) -> Grey:
    """Return the sixth of the page, full width, that holds most ink; `rows` may be of a reduced page."""
    height, count = pixels.shape[0], max(1, len(rows) // 6)
    at = int(np.argmax(np.convolve(rows, np.ones(count), "valid")))
    return pixels[at * height // len(rows) : max(at * height // len(rows) + 1, (at + count) * height // len(rows))]


def _grey(pixels: npt.ArrayLike) -> Grey:
    return np.asarray(pixels, dtype=np.uint8)
