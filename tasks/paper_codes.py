"""Barcodes on paper: Code 128 as wide as the place allows, QR where it is too narrow or the code has other characters.

A module of Code 128 is a whole number of eighths of a millimetre, which is a whole number of dots of a label printer of
203 dpi; below a quarter of a millimetre hand scanners and scans at 200 dpi read badly, so it is never narrower. The
quiet zones are part of the symbol (ISO/IEC 15417 section 4.4, ten modules; ISO/IEC 18004 section 9.1, four modules).
"""

from reportlab.graphics.barcode.code128 import Code128
from reportlab.graphics.barcode.qr import QrCode
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

NARROWEST_MM, WIDEST_MM, STEP_MM = 0.25, 0.5, 0.125
QUIET_MODULES = 10
QR_QUIET_MODULES = 4
QR_MODULE_MM = 0.5
SHORTEST_BARS_MM = 6.0


def code128_width(code: str, module_mm: float) -> float:
    """Return the width of a code as Code 128, quiet zones included, in millimetres."""
    modules = _symbol(code, 1.0, 1.0).width
    return float(modules) * module_mm + 2 * QUIET_MODULES * module_mm


def widest_module(code: str, room_mm: float) -> float | None:
    """Return the widest module in which Code 128 fits into `room_mm`, or None where it does not fit or is no ASCII."""
    if not code.isascii() or not code.isprintable():
        return None
    modules = code128_width(code, 1.0)
    module = min(WIDEST_MM, int(room_mm / modules / STEP_MM) * STEP_MM)
    return module if module >= NARROWEST_MM else None


def draw_code128(canvas: Canvas, code: str, left: float, bottom: float, height: float, module_mm: float) -> None:
    """Draw Code 128; `left` is where its quiet zone begins; points, but the module in millimetres."""
    _symbol(code, module_mm * mm, height).drawOn(canvas, left + QUIET_MODULES * module_mm * mm, bottom)


def qr_size(code: str) -> float:
    """Return the side of a code as QR, quiet zones included, in millimetres."""
    symbol = QrCode(code, qrLevel="Q").qr
    symbol.make()  # only then it knows its version
    return float(symbol.getModuleCount() + 2 * QR_QUIET_MODULES) * QR_MODULE_MM


def draw_qr(canvas: Canvas, code: str, left: float, bottom: float, side: float) -> None:
    """Draw QR with error correction Q into a square of `side` points, quiet zones included."""
    QrCode(code, qrLevel="Q", qrBorder=QR_QUIET_MODULES, width=side, height=side).drawOn(canvas, left, bottom)


class CodeFlowable(Flowable):
    """A barcode in a line of a table or a paper: Code 128 in its room, else QR."""

    def __init__(self, code: str, room_mm: float, bars_mm: float = 8.0) -> None:
        """Args: code; room_mm, the width there is; bars_mm, height of the bars."""
        super().__init__()
        self._code = code
        self._module = widest_module(code, room_mm)
        if self._module is None:
            self.width = self.height = qr_size(code) * mm
        else:
            self.width, self.height = code128_width(code, self._module) * mm, bars_mm * mm

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        """Return the size, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw at the origin."""
        if self._module is None:
            draw_qr(self.canv, self._code, 0, 0, self.height)
        else:
            draw_code128(self.canv, self._code, 0, 0, self.height, self._module)


def _symbol(code: str, module: float, height: float) -> Code128:
    return Code128(code, barWidth=module, barHeight=height, quiet=False, humanReadable=False)
