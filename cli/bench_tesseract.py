"""Tesseract alone, as a benchmark's yardstick: decode, SetImageBytes, recognise; one process a core, nothing else.

Run as a child by `muniment bench` with OMP_THREAD_LIMIT=1; answers with one JSON document. The engine, its models and
the way pixels are handed over are those of `tasks.ocr`, so that the ratio shows what the rest of the chain costs.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import tesserocr
from PIL import Image, ImageSequence

from tasks.ocr import PAGE, find_tessdata

_handle: list[Any] = []
FALLBACK_DPI = 300


def open_handle(tessdata: str | None, language: str) -> None:
    """Load one language's model in this process."""
    _handle.append(tesserocr.PyTessBaseAPI(path=str(find_tessdata(tessdata)), lang=language, psm=PAGE))


def read(path: str) -> int:
    """Read every page of a file; return how many."""
    pages = 0
    with Image.open(path) as image:
        dpi = round(image.info.get("dpi", (FALLBACK_DPI, FALLBACK_DPI))[0]) or FALLBACK_DPI
        for frame in ImageSequence.Iterator(image):
            grey = frame.convert("L")
            width, height = grey.size
            _handle[0].SetImageBytes(grey.tobytes(), width, height, 1, width)
            _handle[0].SetSourceResolution(dpi)
            _handle[0].GetUTF8Text()
            pages += 1
    return pages


def main() -> int:
    """Read what standard input names: {"files", "language", "tessdata", "workers"}."""
    asked = json.load(sys.stdin)
    with ProcessPoolExecutor(
        asked["workers"], get_context("spawn"), open_handle, (asked["tessdata"], asked["language"])
    ) as pool:
        pages = sum(pool.map(read, asked["files"]))
    json.dump({"pages": pages, "version": tesserocr.tesseract_version().split()[1]}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
