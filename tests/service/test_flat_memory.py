"""Memory does not grow with the file (design, section 2, rule 12): sealing, storing in parts, reading back.

So does reading: pages at the limit of pixels, files of many pages that ask for the second engine.

PSS of the command and of each child is sampled, as `muniment bench` does it. A factor of eight in size may cost no more
than the noise between two runs. With --large MEBIBYTES one file of that size goes through and its figures are printed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter
from running import ROOT, Muniment, embedded, servers

from cli.bench_memory import Peak, measure_here, peak_of
from cli.bench_runs import MUNIMENT
from tasks.line_engine import is_installed

MIB = 1 << 20
SMALL, LARGE = 48, 384  # MiB
NOISE = 24 * MIB
MOST = 250 * MIB  # of any one process, storing in parts of 16 MiB
MOST_READING = 600 * MIB  # of any one process, whatever the page (design, section 7)
SIDE = 15_800  # pixels: 250 million a page are the limit
FEW_SLIPS, MANY_SLIPS = 4, 24  # pages of one file
HOMES = ["embedded", pytest.param("servers", marks=pytest.mark.service)]


def installation(where: str, home: Path) -> Muniment:
    run = servers(home, search="tantivy") if where == "servers" else embedded(home)
    run("status")  # made beforehand: what first use costs is not measured
    return run


def take_in(run: Muniment, mebibytes: int, folder: Path) -> tuple[Peak, dict[str, Any]]:
    measure = measure_here()
    if measure is None:
        pytest.skip("no process table here: memory cannot be watched")
    command = [sys.executable, str(ROOT / "tests/one_large_file.py"), str(mebibytes)]
    environment = {**run.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    peak = peak_of(command, environment, ROOT, folder / "answer", measure)
    assert peak.code == 0, peak.answer
    return peak, json.loads(peak.answer)


@pytest.mark.parametrize("where", HOMES)
def test_a_file_of_eight_times_the_size_costs_no_more_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    run = installation(where, tmp_path / "home")
    small, _ = take_in(run, SMALL, tmp_path)
    large, said = take_in(run, LARGE, tmp_path)
    with capsys.disabled():
        grown = {"small_mib": small.tree_bytes // MIB, "large_mib": large.tree_bytes // MIB}
        print(json.dumps({"where": where, **said, **grown, "largest_process_mib": large.largest_bytes // MIB}))
    assert large.largest_bytes < MOST
    assert large.largest_bytes < small.largest_bytes + NOISE
    assert large.tree_bytes < small.tree_bytes + 2 * NOISE


@pytest.mark.parametrize("where", HOMES)
def test_one_file_of_the_size_asked_for(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    mebibytes = pytestconfig.getoption("--large")
    if not mebibytes:
        pytest.skip("takes minutes and three times the file's size on disk: ask for it by --large MEBIBYTES")
    peak, said = take_in(installation(where, tmp_path / "home"), mebibytes, tmp_path)
    with capsys.disabled():
        found = {"largest_process_mib": peak.largest_bytes // MIB, "all_mib": peak.tree_bytes // MIB}
        print(json.dumps({"where": where, **said, **found}))
    assert peak.largest_bytes < MOST


def taken(run: Muniment, file: Path, folder: Path) -> Peak:
    measure = measure_here()
    if measure is None:
        pytest.skip("no process table here: memory cannot be watched")
    ours = [*MUNIMENT, "ingest", "--json", str(file)]
    peak = peak_of(ours, run.environment, ROOT, folder / "answer", measure)
    assert peak.code == 0, peak.answer
    return peak


@pytest.mark.parametrize(
    ("name", "mode"), [("one-bit.tif", "1"), ("grey.png", "L"), ("colour.jpg", "RGB"), ("shaded.jpg", "shaded")]
)
def test_the_largest_page_costs_a_worker_less_than_600_mib(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str], name: str, mode: str
) -> None:
    with Image.open(corpus / "letter.tif") as letter:
        page = Image.new("L", (SIDE, SIDE), 255)
        page.paste(letter.convert("L").resize((SIDE // 2, SIDE // 2)), (SIDE // 4, SIDE // 4))
    if mode == "shaded":
        pixels = np.array(page)
        pixels[:, : SIDE // 2] = pixels[:, : SIDE // 2] // 5 * 3
        page = Image.fromarray(pixels)
        del pixels
    else:
        page = page.convert(mode)
    page.save(tmp_path / name, dpi=(600, 600), **({"compression": "group4"} if name.endswith("tif") else {}))
    del page
    run = installation("embedded", tmp_path / "home")
    peak = taken(run, tmp_path / name, tmp_path)
    [scan] = json.loads(peak.answer)["scans"]
    with capsys.disabled():
        print(json.dumps({"page": name, "largest_process_mib": peak.largest_bytes // MIB, "seconds": peak.seconds}))
    assert scan["outcome"] == "accessioned"
    [read] = run("record", "words", scan["records"][0])["pages"]
    assert (read["width"], read["height"]) == (SIDE, SIDE)
    assert len(read["words"]) > 20
    assert peak.largest_bytes < MOST_READING


def test_a_page_of_35000_pixels_a_side_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (35_000, 35_000), 1).save(tmp_path / "huge.tif", compression="group4", dpi=(600, 600))
    run = installation("embedded", tmp_path / "home")
    measure = measure_here()
    if measure is None:
        pytest.skip("no process table here: memory cannot be watched")
    ours = [*MUNIMENT, "ingest", "--json", str(tmp_path / "huge.tif")]
    peak = peak_of(ours, run.environment, ROOT, tmp_path / "answer", measure)
    assert json.loads(peak.answer)["scans"][0]["reason"]["code"] == "too-large"
    assert peak.largest_bytes < MOST


def test_many_pages_for_the_second_engine_cost_no_more_memory_than_few(
    tmp_path: Path, corpus: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    if not is_installed():
        pytest.skip("the second engine is not installed: pip install 'muniment[lines]'")
    run = installation("embedded", tmp_path / "home")
    few, many = FEW_SLIPS, pytestconfig.getoption("--slips") or MANY_SLIPS
    peaks = [taken(run, faint_slips(corpus, pages, tmp_path / f"{pages}.tif"), tmp_path) for pages in (few, many)]
    record = json.loads(peaks[1].answer)["scans"][0]["records"][0]
    engines = {page["engine"].split()[0] for page in run("record", "words", record)["pages"]}
    with capsys.disabled():
        figures = {pages: peak.largest_bytes // MIB for pages, peak in zip((few, many), peaks, strict=True)}
        print(json.dumps({"largest_process_mib_by_pages": figures, "seconds": peaks[1].seconds}))
    assert "rapidocr" in engines
    assert peaks[1].largest_bytes < MOST_READING
    assert peaks[1].largest_bytes < peaks[0].largest_bytes + 2 * NOISE


def faint_slips(corpus: Path, pages: int, file: Path) -> Path:
    """Draw a file of slips as a worn thermal head prints: of every four rows one is not burnt, dots are missing."""
    with Image.open(corpus / "recibo.jpg") as image:
        clear = np.asarray(image.convert("L"))
    drawn = []
    for number in range(pages):
        dots = np.random.default_rng(number).random(clear.shape) < 0.25
        worn = np.where(dots, 255, clear).astype(np.uint8)
        worn[::4] = 255
        drawn.append(Image.fromarray(worn).filter(ImageFilter.GaussianBlur(1.2)).resize((270, 486)))
    drawn[0].save(file, save_all=True, append_images=drawn[1:], compression="tiff_lzw", dpi=(150, 150))
    return file
