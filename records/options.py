"""What an operator may set about limits and reading; values passed down, never read from the environment here."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on untrusted input (intake rules: limits, parse in a child process)."""

    file_bytes: int = 8 * 1024**3
    pages: int = 5_000
    page_pixels: int = 250_000_000  # Tesseract itself takes 32,767 pixels a side at most
    side_pixels: int = 32_767
    examine_seconds: float = 120.0  # wall clock for one structural check
    page_seconds: float = 180.0  # wall clock for one page
    derive_seconds: float = 900.0  # wall clock to assemble one readable copy
    child_bytes: int = 3 * 1024**3  # address space of one child


@dataclass(frozen=True, slots=True)
class ClientWords:
    """A client's own words as the engine takes them: a file with one a line, how many, and the SHA-256 of the file."""

    file: Path
    count: int
    sha256: str

    @property
    def version(self) -> int:
        """The first 40 bits of the digest: which words a page was read with, in the page's facts."""
        return int(self.sha256[:10], 16)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How pages are read. `languages` are Tesseract's names, the first being tried first."""

    languages: tuple[str, ...] = ("spa", "eng")
    engine: str = "auto"  # auto, tesserocr or pytesseract
    tessdata: str | None = None  # folder of models; None finds Debian's
    renderer: str = "auto"  # auto, poppler (pdf2image) or pdfium
    render_dpi: int = 300
    second: bool = True  # read slips and weak pages with the second engine too, where it is installed
    words: ClientWords | None = None  # of the client whose pages they are
