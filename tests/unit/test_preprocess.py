"""Cleaning and straightening: what must change changes, and a page that needs nothing keeps its pixels."""

import numpy as np
import pytest
from PIL import Image

from records.text import Box, Geometry
from tasks import preprocess
from tasks import skew as angles
from tasks.orientation import reads_better_over, set_upright
from tasks.preprocess import clean
from tasks.skew import straighten, turn

SEED = 7


def never(_strip):
    raise AssertionError("an ordinary page is not asked")


def confident(_strip):
    return 90.0


@pytest.fixture(scope="module")
def page(corpus):
    """A clean grey page of print."""
    return np.asarray(Image.open(corpus / "letter.tif").convert("L"))


@pytest.fixture(scope="module")
def bitonal(corpus):
    return np.asarray(Image.open(corpus / "factura.tif").convert("L"))


def test_a_clean_page_keeps_its_pixels(page, bitonal):
    for pixels in (page, bitonal):
        cleaned = clean(pixels, never)
        assert np.array_equal(cleaned.pixels, pixels)
        assert cleaned.kept == Box(0, 0, pixels.shape[1], pixels.shape[0])
        upright = set_upright(pixels, never)
        assert np.array_equal(upright.pixels, pixels)
        assert (upright.turned, upright.skew) == (0, 0.0)


def test_speckle_is_taken_away(page):
    random = np.random.default_rng(SEED)
    speckled = page.copy()
    speckled[random.random(page.shape) < 0.01] = 0
    cleaned = clean(speckled, never)
    assert cleaned.facts["isolated"] > preprocess.SALT
    assert preprocess.isolated_share(cleaned.pixels) < preprocess.SALT / 10


def test_thin_grey_strokes_outlive_the_specks(page):
    """A median of every pixel takes strokes of one pixel with the specks: small print of 150 dpi."""
    thin = np.full((600, 600), 220, np.uint8)
    thin[20:-20:20, 20:-20] = 150
    speckled = thin.copy()
    specks = np.random.default_rng(SEED).random(thin.shape) < 0.004
    speckled[specks] = 0
    cleaned = preprocess.without_specks(speckled)
    assert np.count_nonzero(cleaned == 0) < 0.05 * np.count_nonzero(specks)
    assert np.array_equal(cleaned[~specks], thin[~specks])


def test_thin_strokes_of_a_coarse_page_stay_dark_when_it_is_straightened():
    thin = np.full((900, 600), 255, np.uint8)
    thin[20:-20:12, 20:-20] = 0
    fine = np.full((2400, 1600), 255, np.uint8)
    fine[20:-20:12, 20:-20] = 0
    darkest = []
    for page in (thin, fine):
        turned = straighten(page, 1.3)
        columns = turned[turned.shape[0] // 3 : turned.shape[0] // 2, turned.shape[1] // 3 : turned.shape[1] // 2]
        darkest.append(float(np.percentile(columns, 8)))  # one row of twelve is stroke
    assert darkest[0] < darkest[1] - 15


def test_the_black_bed_is_cut_off_and_its_size_kept(page):
    bed = np.zeros((page.shape[0] + 400, page.shape[1] + 240), np.uint8)
    bed[160 : 160 + page.shape[0], 80 : 80 + page.shape[1]] = page
    kept = clean(bed, never).kept
    assert abs(kept.x0 - 80) <= 8
    assert abs(kept.y0 - 160) <= 8
    assert abs(kept.x1 - (80 + page.shape[1])) <= 8
    assert abs(kept.y1 - (160 + page.shape[0])) <= 8


def test_the_last_pixels_of_a_page_are_not_cut(page):
    odd = page[:3501, :2473]  # no multiple of eight
    assert clean(odd, never).kept == Box(0, 0, 2473, 3501)


def test_a_shadow_is_divided_out(page):
    shade = np.linspace(1.0, 0.4, page.shape[1])[None, :]
    shadowed = (page * shade).astype(np.uint8)
    cleaned = clean(shadowed, never)
    assert cleaned.facts["uneven"] > preprocess.UNEVEN
    assert np.percentile(cleaned.pixels[:, -200:], 50) > 235
    assert preprocess.unevenness(preprocess.paper_map(cleaned.pixels)) < 0.03


def test_faint_print_is_stretched(page):
    faint = (150 + page.astype(float) * 0.2).astype(np.uint8)
    cleaned = clean(faint, never)
    assert cleaned.facts["stretched"] == 1.0
    assert cleaned.pixels.min() < 30
    assert cleaned.pixels.max() == 255


def test_print_twelve_levels_from_its_paper_is_stretched_and_blank_paper_is_not(page):
    random = np.random.default_rng(SEED)
    paper = 190 + random.normal(0, 1.2, page.shape)
    assert clean(np.round(paper - (255.0 - page) / 255 * 13).astype(np.uint8), never).facts["stretched"] == 1.0
    blank = np.round(paper).astype(np.uint8)
    assert np.array_equal(clean(blank, never).pixels, blank)


def test_noise_is_stretched_away(page):
    random = np.random.default_rng(SEED)
    noisy = np.clip(page + random.normal(0, 20, page.shape), 0, 255).astype(np.uint8)
    cleaned = clean(noisy, confident)
    assert cleaned.facts["noise"] > preprocess.NOISY
    assert "stretched" in cleaned.facts


@pytest.mark.parametrize(("contrast", "smoothed"), [(1.0, False), (0.3, True)])
def test_a_page_is_smoothed_only_where_noise_hides_its_print(page, contrast, smoothed):
    random = np.random.default_rng(SEED)
    faint = page.astype(float) * contrast + 230 * (1 - contrast)
    noisy = np.clip(faint + random.normal(0, 15, page.shape), 0, 255).astype(np.uint8)
    cleaned = clean(noisy, confident)
    assert (cleaned.facts["grain"] > preprocess.GRAINY) == smoothed
    ink, paper = (int(cleaned.facts[name]) for name in ("ink", "paper"))
    assert np.array_equal(cleaned.pixels, preprocess.stretch(noisy, ink, paper)) != smoothed


@pytest.mark.parametrize("colour", [40, 90, 130])
def test_a_dark_band_with_light_letters_stays_as_it_is(page, colour):
    """At the edge it is no black bed, and its darkness is no shadow: cut off or divided, its words would be lost."""
    height = page.shape[0] // 3
    banded = page.copy()
    banded[:height] = np.where(page[:height] < 128, 255, colour)
    cleaned = clean(banded, confident)
    assert cleaned.kept == Box(0, 0, page.shape[1], page.shape[0])
    assert np.array_equal(cleaned.pixels, banded)


def test_a_shadow_beside_a_band_is_still_divided_out(page):
    """Print in a shadow is dark: the light between its lines does not make it a band."""
    shadowed = page.copy()
    shadowed[:, page.shape[1] // 2 :] = (page[:, page.shape[1] // 2 :] * 0.5).astype(np.uint8)
    cleaned = clean(shadowed, never)
    assert cleaned.facts["uneven"] > preprocess.UNEVEN
    assert np.percentile(cleaned.pixels[:, -400:], 50) > 235


def test_a_shadow_that_touches_light_print_is_divided_and_the_print_stays(page):
    """Picture or band, and shadow, are one dark area: judged as a whole, light letters in a part kept all of it."""
    full = np.vstack([page[900:1700]] * 4)
    band, printed = np.s_[800:1600, :1600], full.copy()
    printed[band] = np.where(full[band] < 128, 230, 50)
    light = np.where(np.arange(full.shape[1]) > 1200, 0.5, 1.0)[None, :]
    cleaned = clean((printed * light).astype(np.uint8), confident).pixels
    for shadowed in (cleaned[:600, 1300:], cleaned[1800:, 1300:]):
        assert np.percentile(shadowed, 50) > 235
    letters, ground = cleaned[band][full[band] < 100], cleaned[band][full[band] > 200]
    assert np.median(letters) > np.median(ground) + 100


def test_a_coloured_heading_keeps_its_ground_whole_beside_a_tinted_box(page):
    """A part of it divided would have light letters on light; dark print beside it says nothing of it."""
    full = np.vstack([page[900:1700]] * 4)
    form, heading = full.copy(), np.s_[1600:1930]
    form[900:1600, 100:2300] = full[900:1600, 100:2300] * (170 / 255)
    form[heading] = np.where(full[heading] < 128, 255, 80)
    cleaned = clean(form, confident).pixels
    assert np.percentile(cleaned[1000:1500, 200:2200], 50) > 235
    assert np.mean(cleaned[1620:1910][full[1620:1910] > 200] < 140) > 0.99


def test_no_dark_seam_is_left_along_the_edge_of_a_shadow(page):
    full = np.vstack([page[900:1700]] * 4)
    light = np.where(np.arange(full.shape[1]) > 1200, 0.5, 1.0)[None, :]
    cleaned = clean((full * light).astype(np.uint8), never).pixels
    seam = np.s_[:, 1210:1290]
    assert np.mean(cleaned[seam][full[seam] == 255]) > 250


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_a_small_stain_is_divided_out_at_any_resolution(page, scale):
    full = np.vstack([page[900:1700]] * 4)
    worn = full * 1.0
    worn[1500:2000, 900:1300] *= 0.6  # a fortieth of the page: within the darkest twentieth
    size = (round(full.shape[1] * scale), round(full.shape[0] * scale))
    stained = np.asarray(Image.fromarray(worn.astype(np.uint8)).resize(size, Image.Resampling.BOX))
    cleaned = clean(stained, confident)
    part = cleaned.pixels[round(1600 * scale) : round(1900 * scale), round(1000 * scale) : round(1200 * scale)]
    assert cleaned.facts["uneven"] < preprocess.UNEVEN
    assert np.percentile(part, 75) > 235


def test_a_long_slip_has_as_fine_a_map_across_as_a_page():
    assert min(preprocess.paper_map(np.full((6000, 500), 230, np.uint8)).shape) >= 200


def test_a_black_picture_is_no_stain_and_stays_black_in_a_shadow(page):
    random = np.random.default_rng(SEED)
    full = np.vstack([page[900:1700]] * 4)
    picture = np.s_[1500:2000, 900:1300]
    full[picture] = random.integers(0, 25, (500, 400))
    assert np.array_equal(clean(full, confident).pixels, full)
    light = np.linspace(1.0, 0.6, full.shape[1])[None, :]
    cleaned = clean((full * light).astype(np.uint8), confident)
    assert "divided" in cleaned.facts
    assert np.median(cleaned.pixels[picture]) < 60


def test_a_sample_is_taken_where_print_is_and_not_from_a_dark_picture(page):
    full = np.vstack([page[900:1700], np.full((1600, page.shape[1]), 255, np.uint8)])
    full[1200:2300] = 40
    strip = preprocess.inkiest(full, preprocess.ink_rows(full))
    assert np.mean(strip == 40) < 0.1


def test_the_ink_of_a_sparse_noisy_page_is_its_print_and_not_the_noise():
    random = np.random.default_rng(SEED)
    sparse = np.clip(random.normal(245, 14, (1200, 900)), 0, 255)
    sparse[600:604, 100:800] = 30  # less than a hundredth of the page
    ink, paper = preprocess.tones(sparse.astype(np.uint8))
    assert ink < 60
    assert paper > 230


@pytest.mark.parametrize("shape", [(1, 1), (2, 3000), (63, 63), (64, 64), (65, 200)])
def test_small_pages_pass(shape):
    pixels = np.full(shape, 255, np.uint8)
    assert clean(pixels, confident).pixels.shape[0] <= shape[0]
    assert set_upright(pixels, confident).turned == 0


@pytest.mark.parametrize("angle", [-6.0, -3.0, -0.6, 0.6, 1.5, 3.0, 6.0, 11.0])
def test_a_known_skew_is_found(page, angle):
    skewed = np.asarray(Image.fromarray(page).rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255))
    upright = set_upright(skewed, confident)
    assert upright.skew == pytest.approx(angle, abs=0.1)
    assert upright.turned == 0


@pytest.mark.parametrize("angle", [1.1, -1.1])
def test_a_coarse_best_that_lies_too_near_to_straight_is_put_right(page, angle):
    skewed = np.asarray(Image.fromarray(page).rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255))
    lines = angles.Lines(angles.ink_mask(skewed, 2))
    # whole pixels are sharper than parts of one: the grain of paper draws the coarse best to 0
    assert angles.skew(lines, lines, 0.0) == pytest.approx(angle, abs=0.1)


def reads(page):
    """A recogniser that reads a strip well only where it is part of the upright page."""
    upright = {row.tobytes() for row in page if row.min() < 128}

    def sample(strip):
        return 95.0 if any(row.tobytes() in upright for row in strip) else 5.0

    return sample


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_turned_page_is_set_upright(page, turned):
    sample = reads(page)
    upright = set_upright(turn(page, (360 - turned) % 360), sample)
    if not upright.asked and reads_better_over(upright, sample)[0]:  # as the reader asks where a page reads badly
        upright = upright.upside_down()
    assert upright.turned == turned
    assert np.array_equal(upright.pixels, page)


def test_a_quarter_turn_that_nobody_can_read_is_undone(page):
    upright = set_upright(turn(page, 90), lambda strip: 20.0)
    assert upright.turned == 0
    assert upright.asked


def test_straightening_agrees_with_the_geometry_of_boxes(page):
    """A mark on the raster lies where `Geometry.to_upright` says once the page is straight."""
    raster = np.full((900, 1300), 255, np.uint8)
    raster[300:306, 1000:1006] = 0
    for turned in (0, 90, 180, 270):
        for skew in (-4.0, 0.7, 5.0):
            geometry = Geometry(1300, 900, turned, skew)
            straight = straighten(turn(raster, turned), skew)
            assert straight.shape[::-1] == geometry.upright_size
            ys, xs = np.nonzero(straight < 128)
            x, y = geometry.to_upright(1003, 303)
            assert xs.mean() + 0.5 == pytest.approx(x, abs=1.0)
            assert ys.mean() + 0.5 == pytest.approx(y, abs=1.0)
