"""Draw the pictures of docs/records-desk.md: a sheet of labels and a loan slip, as the desk prints them.

    python tests/corpus/desk_papers.py docs/images

The names and files are invented; the papers are made by the very functions of `muniment print`.
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pypdfium2

from infra.i18n import translations
from records.barcodes import Kind, make_code
from records.label_sheets import shipped_sheets
from tasks.desk_papers import PaperFile, Slip, slip_pdf
from tasks.labels import Label, labels_pdf
from tasks.papers import Paper

TITLES = ("Licencia de obras, c/ Mayor 4", "Recurso de alzada", "Padrón de Íñigo Peña", "Actas del pleno de mayo",
          "Contrato de limpieza", "Nóminas del museo")  # fmt: skip


def draw(folder: Path) -> None:
    """Write labels.png and slip.png."""
    files = [PaperFile(make_code(Kind.FILE, 31 + n), title, f"EXP-2026/{n + 1:04d}", "", "", 40 + 17 * n, "good")
             for n, title in enumerate(TITLES)]  # fmt: skip
    labels = [Label(file.code, "expediente físico · Ayuntamiento", file.case_no, (file.title,)) for file in files]
    _write(labels_pdf(labels, shipped_sheets()["a4-21"]), folder / "labels.png", 72, 0.32)
    now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    paper = Paper("es", translations("es").gettext, now, ZoneInfo("Europe/Madrid"), "Archivo municipal")
    lines = tuple((file, date(2026, 12, 9)) for file in files[:3])
    slip = Slip(make_code(Kind.SLIP, 7), "Ana Ñúñez Güell", "", "legal", "Luis Pons", "Sara Gil", now, "default", lines)
    _write(slip_pdf(slip, paper), folder / "slip.png", 72, 0.62)


def _write(pdf: bytes, path: Path, dpi: int, share: float) -> None:
    picture = pypdfium2.PdfDocument(pdf)[0].render(scale=dpi / 72, grayscale=True).to_pil()
    picture.crop((0, 0, picture.width, int(picture.height * share))).quantize(16).save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
