"""Draw the sample scans that the tests and the demo use, with their text and where it stands.

    python tests/corpus/make.py FOLDER

Nothing is downloaded and nothing is random: the same scans every time. `truth.json` names for every file its pages'
text, language, and the turn and skew that a reader must take out. Names, numbers and addresses are invented.
"""

import io
import json
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from plain_pdf import Page, write_pdf

DPI = 300
A4 = (2480, 3508)  # pixels at 300 dpi
ROLL = (1000, 1800)  # a till receipt
MARGIN = 200
LETTER, LINE = 46, 76  # pixels: 11 points, and the distance of lines

INVOICE_ES = """\
FACTURA

Papelería Ordóñez, S.L.
NIF: B64717838
Calle Mayor 14, 28013 Madrid

Número de factura: 2026-0417
Fecha de factura: 12/03/2026
Fecha de vencimiento: 11/04/2026

Cliente: Talleres Iniesta, S.A.
NIF del cliente: A58818501
Avenida del Puerto 7, 46023 Valencia

Descripción                          Cantidad      Precio      Importe
Archivador de cartón                       50       12,40       620,00
Papel blanco A4 (caja)                     20       24,50       490,00
Carpeta con goma                           83        1,50       124,50

Base imponible                                               1.234,50
IVA 21 %                                                       259,25
Total factura                                            1.493,75 EUR

Forma de pago: transferencia
IBAN: ES91 2100 0418 4502 0005 1332

Gracias por su confianza. Para cualquier consulta sobre esta factura,
escriba a la dirección que figura en la parte superior.
"""

INVOICE_EN = """\
INVOICE

Harbour Office Supplies Ltd
VAT number: GB980780684
22 Quay Street, Bristol BS1 4DJ

Invoice number: HOS-20881
Invoice date: 5 May 2026
Due date: 4 June 2026

Bill to: Northgate Surveyors Ltd

Description                           Quantity       Price       Amount
Drawing paper, roll                          4       31.00       124.00
Map cabinet, five drawers                    1      640.00       640.00

Net total                                                        764.00
VAT 20 %                                                         152.80
Total                                                        916.80 GBP

Please pay by bank transfer within thirty days of the date of this invoice.
"""

LETTER_EN = """\
Northgate Surveyors Ltd
9 Castle Green, Bristol BS1 3XB

18 June 2026

To the land registry

Reference: plot 114, meadow at Ashton

Dear Sir or Madam,

We write to you on behalf of our client, who has asked us to measure the
meadow that was sold to him in the spring of this year. When our surveyor
walked the boundary he found that the hedge does not stand where the plan
of 1962 has it, but about four metres to the north.

The neighbour has been told and is not opposed to a new entry. We have
enclosed the field book, two plans and the statement that both of them
signed in our office. If there is anything else that you need from us,
please let us know before the end of the month.

Yours faithfully,

Eleanor Whitcombe
"""

LETTER_ES = """\
Talleres Iniesta, S.A.
Avenida del Puerto 7, 46023 Valencia

Valencia, 3 de febrero de 2026

A la atención de la gestoría Ordóñez

Asunto: documentación del expediente 2025/318

Muy señores nuestros:

Les enviamos con esta carta los documentos que nos pidieron el mes pasado
para el expediente de la nave. El contrato original está en nuestro archivo
y se puede consultar en cualquier momento; las copias que acompañan a esta
carta están firmadas por las dos partes.

Por otra parte, les rogamos que nos devuelvan la carpeta azul cuando ya no
la necesiten, porque en ella están los planos que el ayuntamiento pide para
la licencia. Si falta algún papel, pueden llamarnos por teléfono.

Atentamente,

Joaquín Peñalver
"""

CONTRACT_ES = """\
CONTRATO DE DEPÓSITO

En Valencia, a 2 de enero de 2026, reunidos de una parte la empresa Talleres
Iniesta, S.A., y de la otra la empresa Archivos del Turia, S.L., acuerdan:

Primero. La segunda guardará en sus estanterías los expedientes que la
primera le entregue, y los devolverá cuando se los pida por escrito.

Segundo. El precio es de noventa euros al mes por cada diez metros de
estantería, y se paga en los cinco primeros días del mes.

Tercero. Este contrato termina el 31 de diciembre de 2027 y se renueva por
un año más si ninguna de las partes lo denuncia un mes antes.
"""

RECEIPT_ES = """\
CAFETERÍA EL FARO
NIF: 12345678Z
Paseo Marítimo 3
46011 Valencia

Fecha: 14/07/2026  Hora: 10:42
Ticket: 004518

2 Café con leche     3,60
1 Tostada            2,20
1 Zumo natural       3,10

TOTAL            8,90 EUR
IVA incluido 10 %

Pago: tarjeta
Gracias por su visita
"""

RECEIPT_EN = """\
THE CORNER BOOKSHOP
31 Market Street, Leeds
VAT GB980780684

Date: 21/08/2026  Time: 16:05
Receipt: 77120

1 Atlas of rivers   24.00
2 Pencil             1.80

TOTAL            25.80 GBP
Paid by card
Thank you for your visit
"""


@dataclass(frozen=True)
class Sheet:
    """One page to draw: its text, language, size in pixels, and how it lies in the scan."""

    text: str
    language: str
    size: tuple[int, int] = A4
    turned: int = 0  # degrees clockwise that make it upright
    skew: float = 0.0  # degrees counter-clockwise that straighten it
    kind: str = "letter"

    def truth(self) -> dict[str, object]:
        return {"text": self.text, "language": self.language, "turned": self.turned, "skew": self.skew}


@dataclass(frozen=True)
class Scan:
    """A file to make: its name, its sheets, and the function that writes it."""

    name: str
    sheets: tuple[Sheet, ...]
    write: Callable[[Path, tuple[Sheet, ...]], None]
    options: dict[str, object] = field(default_factory=dict)


def draw(sheet: Sheet) -> Image.Image:
    """Return a sheet as it lies on the glass: 8-bit grey, turned and skewed as it says."""
    page = Image.new("L", sheet.size, 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(LETTER)
    cell = font.getlength("0")  # columns of tables stand on cells, words run as the font has them
    for row, line in enumerate(sheet.text.splitlines()):
        top = (80 if sheet.size == ROLL else MARGIN) + row * LINE
        left = 60 if sheet.size == ROLL else MARGIN
        start = 0
        for part in _parts(line):
            start = line.index(part, start)
            _write(pen, (left + start * cell * 0.98, top), part, font)
            start += len(part)
    if sheet.skew:
        page = page.rotate(-sheet.skew, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return page.rotate(sheet.turned, expand=True) if sheet.turned else page


def _parts(line: str) -> list[str]:
    """Part a line where two or more blanks part columns."""
    return [part.strip() for part in line.split("  ") if part.strip()]


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont) -> None:
    """Write text; the font that Pillow brings has no accents, so they are drawn over their letters."""
    x, y = at
    for letter in unicodedata.normalize("NFC", text):
        base, *marks = unicodedata.normalize("NFD", letter)
        pen.text((x, y), base, font=font, fill=0)
        box = pen.textbbox((x, y), base, font=font)
        for mark in marks:
            _accent(pen, mark, base, box)
        x += font.getlength(base)


def _accent(pen: ImageDraw.ImageDraw, mark: str, base: str, box: tuple[float, float, float, float]) -> None:
    left, top, right, _ = box
    middle, high = (left + right) / 2, top - 4
    if base == "i":  # the dot makes room for the accent
        pen.rectangle((left, top, right, top + 8), fill=255)
        high = top + 8
    if mark == "\u0301":
        pen.line((middle - 3, high, middle + 7, high - 9), fill=0, width=4)
    elif mark == "\u0303":
        pen.line((middle - 10, high - 1, middle - 4, high - 6, middle + 4, high - 2, middle + 10, high - 7), 0, 4)
    elif mark == "\u0308":
        for dx in (-7, 4):
            pen.rectangle((middle + dx, high - 6, middle + dx + 4, high - 2), fill=0)


# ---- files


def tiff_g4(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """Black and white as fax machines and most office scanners write it; one strip a page."""
    first, *others = [draw(sheet).point(lambda value: 255 * (value > 127)).convert("1") for sheet in sheets]
    first.save(
        path, compression="group4", dpi=(DPI, DPI), save_all=bool(others), append_images=others, strip_size=1 << 30
    )


def tiff_lzw(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """Grey, in several strips."""
    draw(sheets[0]).save(path, compression="tiff_lzw", dpi=(DPI, DPI))


def jpeg(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """Colour, as cameras and cheap scanners write it."""
    draw(sheets[0]).convert("RGB").save(path, quality=85, dpi=(DPI, DPI))


def jpeg_exif(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """Lying on its side, with the turn in its EXIF (orientation 6: turn clockwise by 90 degrees)."""
    exif = Image.Exif()
    exif[274] = 6
    draw(sheets[0]).save(path, quality=85, dpi=(DPI, DPI), exif=exif)


def image(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """Whatever the name's ending says: PNG, WebP or JPEG 2000, without loss."""
    options: dict[str, object] = {"lossless": True} if path.suffix == ".webp" else {"dpi": (DPI, DPI)}
    draw(sheets[0]).save(path, **options)


def pdf_scanned(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """A PDF of pictures only; a sheet that lies turned says so by /Rotate."""
    write_pdf(path, [_picture_page(sheet) for sheet in sheets])


def pdf_digital(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """A PDF of text only, as programs print it."""
    write_pdf(path, [_text_page(sheet) for sheet in sheets])


def pdf_mixed(path: Path, sheets: tuple[Sheet, ...]) -> None:
    """A printed page and then scanned ones."""
    write_pdf(path, [_text_page(sheets[0]), *(_picture_page(sheet) for sheet in sheets[1:])])


def _picture_page(sheet: Sheet) -> Page:
    page, coded = draw(sheet), io.BytesIO()
    page.save(coded, "JPEG", quality=85)
    width, height = page.width * 72 / DPI, page.height * 72 / DPI
    content = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /P Do Q".encode()
    return Page(width, height, sheet.turned, content, coded.getvalue(), page.size)


def _text_page(sheet: Sheet) -> Page:
    lines = [b"BT /F 11 Tf 18.24 TL 48 780 Td"]
    for line in sheet.text.splitlines():
        coded = line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        lines.append(b"(" + coded + b") Tj T*")
    return Page(595.2, 841.92, 0, b"\n".join([*lines, b"ET"]))


SCANS = (
    Scan("factura.tif", (Sheet(INVOICE_ES, "spa", kind="invoice"),), tiff_g4),
    Scan("invoice.png", (Sheet(INVOICE_EN, "eng", kind="invoice"),), image),
    Scan("letter.tif", (Sheet(LETTER_EN, "eng"),), tiff_lzw),
    Scan("carta.jpg", (Sheet(LETTER_ES, "spa"),), jpeg),
    Scan("recibo.jpg", (Sheet(RECEIPT_ES, "spa", ROLL, kind="receipt"),), jpeg),
    Scan("receipt.webp", (Sheet(RECEIPT_EN, "eng", ROLL, kind="receipt"),), image),
    Scan("contrato.jp2", (Sheet(CONTRACT_ES, "spa", kind="contract"),), image),
    Scan(
        "expediente.tif",
        (Sheet(LETTER_ES, "spa"), Sheet("", "spa", kind="blank"), Sheet(CONTRACT_ES, "spa", kind="contract")),
        tiff_g4,
    ),
    Scan("scanned.pdf", (Sheet(LETTER_EN, "eng"), Sheet(INVOICE_EN, "eng", turned=90, kind="invoice")), pdf_scanned),
    Scan("digital.pdf", (Sheet(INVOICE_ES, "spa", kind="invoice"),), pdf_digital),
    Scan("mixed.pdf", (Sheet(LETTER_ES, "spa"), Sheet(CONTRACT_ES, "spa", kind="contract")), pdf_mixed),
    Scan("sideways.tif", (Sheet(LETTER_EN, "eng", turned=90),), tiff_g4),
    Scan("upside-down.png", (Sheet(LETTER_ES, "spa", turned=180),), image),
    Scan("skewed.jpg", (Sheet(LETTER_EN, "eng", skew=3.0),), jpeg),
    Scan("exif.jpg", (Sheet(CONTRACT_ES, "spa", turned=90, kind="contract"),), jpeg_exif),
)


def make(folder: Path) -> None:
    """Write all scans and their truth into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for scan in SCANS:
        scan.write(folder / scan.name, scan.sheets)
        truth[scan.name] = {"kind": scan.sheets[0].kind, "pages": [sheet.truth() for sheet in scan.sheets]}
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
