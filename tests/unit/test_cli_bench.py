"""The benchmark runs end to end on drawn pages, tells what it could not run, and draws the same pages everywhere."""

import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from cli import bench_memory, bench_pages, bench_peers, bench_runs
from cli.bench_table import Row, plain_table, rates_of
from cli.main import COMMANDS
from infra.settings import Settings
from records.errors import InvalidValueError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def drawn(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    return bench_pages.drawn_pages(folder, 2)


def test_bench_is_a_command():
    assert COMMANDS["bench"] == "cli.bench"


def test_two_drawn_pages_are_measured_from_end_to_end(muniment, home):
    document = muniment("bench", "--pages", "2", "--memory", "1", "--big", "1", "--events", "20", "--desk", "0")
    conditions = document["conditions"]
    assert (conditions["set"], conditions["files"], conditions["pages"], conditions["turns"]) == ("drawn", 2, 2, 1)
    rows = {(row["what"], row["unit"], row["ratio_to"]): row for row in document["rows"]}
    for what, unit, ratio_to in (
        ("whole ingest", "pages/min", "Tesseract alone"),
        ("whole ingest", "CPU s/page", "Tesseract alone"),
        ("seal and hash", "MB/s", "bare SHA-256"),
    ):
        ours, other = rows[what, unit, ratio_to], rows[ratio_to, unit, None]
        assert ours["ratio"] == pytest.approx(ours["value"] / other["value"])
    for what in ("events appended one by one", "events appended in batches of 100", "search p95"):
        assert next(row["value"] for row in document["rows"] if row["what"] == what) > 0
    sealed = rows["seal and hash", "MiB", None]
    assert sealed["value"] is None or 5 < sealed["value"] < 100  # the memory that sealing may take, of any size
    index = next(row for row in document["rows"] if row["what"] == "index")
    assert (index["value"], index["ratio"], index["note"]) == (2, 1.0, "equal to the catalogue")
    for peer in bench_peers.PEERS:  # named all the same
        row = rows[peer.what, "pages/min", None]
        assert (row["value"], row["note"]) == (None, "not run: not asked for; add --peers")
    assert [row["pages"] for row in document["memory"]] == [1]
    assert all(row["tree_mib"] >= row["largest_mib"] > 20 for row in document["memory"])
    assert not home.exists()  # real work is not touched
    assert "Tesseract alone" in plain_table(document)


def test_pages_are_the_same_every_time_and_differ_from_each_other(tmp_path, drawn):
    again = tmp_path / "again"
    again.mkdir()
    bench_pages.draw_page(again, 1)
    first, second = drawn.files
    assert [path.suffix for path in drawn.files] == [".tif", ".png"]
    assert (again / first.name).read_bytes() == first.read_bytes()
    other = bench_pages.draw_page(again, 3)
    assert sha256(other.read_bytes()).digest() != sha256(first.read_bytes()).digest()
    with Image.open(first) as image:
        assert (image.mode, image.size, round(image.info["dpi"][0])) == ("1", bench_pages.A4, 300)
    with Image.open(second) as image:
        assert image.mode == "L"


def test_a_folder_of_pages_leaves_other_files_alone(drawn):
    folder = drawn.files[0].parent
    (folder / "page-0001.txt").write_text("what the page says")
    found = bench_pages.folder_of_pages(folder, None)
    assert (found.files, found.pages) == (drawn.files, 2)
    assert bench_pages.folder_of_pages(folder, 1).pages == 1


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no page")
    with pytest.raises(InvalidValueError, match="no page image"):
        bench_pages.folder_of_pages(tmp_path, None)


def test_a_file_that_only_calls_itself_an_image_is_refused(tmp_path):
    (tmp_path / "page.png").write_text("no page")
    with pytest.raises(InvalidValueError, match="no image inside"):
        bench_pages.folder_of_pages(tmp_path, None)


def test_long_files_repeat_the_pages(tmp_path, drawn):
    tiff, pdf = tmp_path / "long.tiff", tmp_path / "long.pdf"
    bench_pages.as_tiff(drawn.files, 5, tiff)
    bench_pages.as_pdf(drawn.files, 5, pdf)
    with Image.open(tiff) as image:
        assert (image.n_frames, image.size) == (5, bench_pages.A4)
    with pikepdf.open(pdf) as document:
        assert len(document.pages) == 5
        assert [float(side) for side in document.pages[0].mediabox] == [0, 0, 595.2, 841.92]
        for page, path in zip(document.pages, drawn.files, strict=False):
            with Image.open(path) as image:
                picture = page.obj.Resources.XObject["/P"]
                assert pikepdf.PdfImage(picture).as_pil_image().convert("L").tobytes() == image.convert("L").tobytes()


def test_settings_of_real_work_are_not_handed_on(monkeypatch, tmp_path):
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", "postgresql://db/real")
    monkeypatch.setenv("MUNIMENT_HOME", str(tmp_path))
    environment = bench_runs.plain_environment(Settings(home=tmp_path, workers=3))
    ours = {name: value for name, value in environment.items() if name.startswith("MUNIMENT_")}
    assert ours == {
        "MUNIMENT_LANGUAGES": "spa+eng", "MUNIMENT_OCR_ENGINE": "auto", "MUNIMENT_RENDERER": "auto",
        "MUNIMENT_WORKERS": "3",
    }  # fmt: skip
    assert environment["OMP_THREAD_LIMIT"] == "1"


def test_the_peak_is_that_of_the_whole_tree(tmp_path):
    measure = bench_memory.measure_here()
    if measure is None:
        pytest.skip("this system has no /proc to read memory from")
    hold = "import time; held = bytearray(60_000_000); time.sleep(1.5)"
    both = f"import subprocess, sys; held = bytearray(40_000_000); subprocess.run([sys.executable, '-c', {hold!r}])"
    out = tmp_path / "out"
    peak = bench_memory.peak_of([sys.executable, "-c", both], bench_runs.run_environment(), tmp_path, out, measure)
    assert (peak.code, peak.processes, peak.measure) == (0, 2, measure)
    assert 60_000_000 < peak.largest_bytes < 100_000_000 < peak.tree_bytes < 200_000_000


def test_an_ended_process_has_no_memory():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert bench_memory.memory_of(ended.pid, "PSS") == bench_memory.memory_of(ended.pid, "RSS") == 0


def test_ratios_are_of_medians_and_what_was_not_run_says_why():
    rows = rates_of("ours", "pages/min", {"ours": (10.0, 20.0, 90.0), "other": (40.0,)}, {"third": "it is missing"})
    assert [(row.what, row.ratio_to, row.ratio) for row in rows] == [
        ("ours", "other", 0.5), ("other", None, None), ("third", None, None),
    ]  # fmt: skip
    shown = [row.as_json() for row in rows]
    assert (shown[0]["value"], shown[0]["low"], shown[0]["high"], shown[0]["turns"]) == (20.0, 10.0, 90.0, 3)
    assert (shown[2]["value"], shown[2]["note"]) == (None, "not run: it is missing")
    assert rates_of("ours", "s", {"ours": (1.0,)}, {})[0] == Row("ours", (1.0,), "s")


def test_the_peer_is_the_extra_of_the_project():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert bench_peers.REQUIREMENT in extras["bench"]


def test_a_peer_that_cannot_be_installed_says_how_to_install_it(tmp_path):
    bare = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    said = []
    found = bench_peers.find_ocrmypdf(bare, tmp_path / "cache", said.append)
    assert isinstance(found, bench_peers.Absent)
    assert "pip install 'ocrmypdf>=16'" in found.why
    assert len(said) == 1
    assert list((tmp_path / "cache/bench").iterdir()) == []  # the next run tries again


def test_a_peer_without_its_programs_names_them_and_their_packages(tmp_path):
    found = bench_peers.Found("ocrmypdf", "17")
    cleaning = bench_peers.PEERS[1]
    absent = bench_peers.run_peer(cleaning, found, tmp_path / "pages.pdf", "eng", 1, {"PATH": str(tmp_path)})
    assert absent == bench_peers.Absent("missing: tesseract, unpaper; run: apt-get install tesseract-ocr unpaper")


def test_a_peer_that_ends_badly_is_a_row_not_a_crash(tmp_path):
    for name in ("tesseract", "ocrmypdf"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'no such language' >&2\nexit 3\n")
        program.chmod(0o755)
    found = bench_peers.Found(str(tmp_path / "ocrmypdf"), "17")
    absent = bench_peers.run_peer(
        bench_peers.PEERS[0], found, tmp_path / "pages.pdf", "xyz", 1, {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    )
    assert absent == bench_peers.Absent("ended with code 3: no such language")
