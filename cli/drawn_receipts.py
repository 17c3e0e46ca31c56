"""Made-up till receipts, set on slips: English as in Malaysia, Spanish, German; taxes, rounding, cash and change.

As with invoices, ways are put together at random and labels are those usual in print.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from cli.drawn_facts import cif, rounded
from cli.drawn_sheets import LETTER, Sheet
from records.text import PageText

WIDE = 1100  # pixels of the slip's print
_FIVE = Decimal("0.05")

_ITEMS = {
    "en": "NASI LEMAK/TEH TARIK/100 PLUS 500ML/A4 PAPER 70GSM/LED BULB 9W/BATTERY AA/CHICKEN CHOP/KOPI O ICE/HAIR CLIP/"
          "MINERAL WATER/SARDINES 155G/PHOTO FRAME/USB CABLE/WALL PAINT 1L/RM2 DEAL/TOWEL",
    "es": "PAN INTEGRAL/LECHE ENTERA 1L/CAFE CON LECHE/TOMATE RAMA/ACEITE OLIVA 1L/AGUA 1,5L/YOGUR X4/MENU DIA/"
          "CERVEZA 33CL/JABON MANOS/BOLSA PLASTICO/SERVILLETAS",
    "de": "BROT/MILCH 1,5%/BUTTER/KAESE/APFELSAFT/NUDELN 500G/TOMATEN/JOGHURT/WASSER/PFAND 0,25/SCHRAUBEN/FARBE/KAFFEE",
}  # fmt: skip
_NAMES = {
    "en": ("Lim", "Ocean", "Golden", "Sri Maju", "Wong Kee", "Perfect", "Tiga Bintang", "Happy", "Eastern", "Mega",
           "Sunrise", "Ah Seng", "New World"),
    "es": ("La Plaza", "Hermanos Ruiz", "El Faro", "San Telmo", "Nueva", "Del Puerto", "Mar y Sol", "Central"),
    "de": ("Müller", "Sonnen", "Markt", "Becker", "Neustadt", "Schmidt", "Linden"),
}  # fmt: skip
_TRADES = {
    "en": ("Trading", "Hardware", "Enterprise", "Restaurant", "Stationery", "Mini Market", "Bakery", "Pharmacy"),
    "es": ("Supermercado", "Cafetería", "Ferretería", "Panadería", "Restaurante", "Farmacia"),
    "de": ("Supermarkt", "Apotheke", "Baumarkt", "Bäckerei", "Drogerie"),
}  # fmt: skip
_FORMS = {"en": ("SDN BHD", "Sdn. Bhd.", "ENTERPRISE", "(M) SDN BHD", ""), "es": ("S.L.", "SL", "S.A.", ""),
          "de": ("GmbH", "GmbH & Co. KG", "KG", "")}  # fmt: skip
_TOTAL = {
    "en": ("TOTAL", "Total", "GRAND TOTAL", "Total Amount", "TOTAL (RM)", "Total Incl. GST", "Total Due", "NET TOTAL",
           "Amount Due", "Total Sales (Inclusive GST)", "TOTAL RM", "Rounded Total"),
    "es": ("TOTAL", "Total a pagar", "TOTAL EUROS", "Importe total", "TOTAL COMPRA", "Total (IVA incl.)"),
    "de": ("SUMME", "Zu zahlen", "GESAMTBETRAG", "Summe EUR", "TOTAL", "Gesamt", "ZU ZAHLEN EUR", "Endbetrag"),
}  # fmt: skip
_SUB = {"en": ("SUBTOTAL", "Sub Total", "Total Excl. GST", "Sub-Total"), "es": ("Subtotal", "Base imponible"),
        "de": ("Zwischensumme", "Netto")}  # fmt: skip
_TAX = {"en": ("GST 6%", "Total GST", "GST @6%", "Add GST 6%"), "es": ("IVA 10%", "IVA 21%", "Cuota IVA"),
        "de": ("MwSt 19%", "MwSt 7,00%", "MwSt")}  # fmt: skip
_PAID = {
    "en": ("CASH", "Cash", "CASH TENDERED", "Paid"),
    "es": ("EFECTIVO", "Entregado"),
    "de": ("Bar", "Gegeben", "BAR EUR"),
}
_BACK = {"en": ("CHANGE", "Change", "Change Due"), "es": ("CAMBIO", "Su cambio"), "de": ("Rückgeld", "Zurück")}
_CARD = {"en": ("VISA", "Credit Card", "MASTERCARD"), "es": ("TARJETA", "VISA"), "de": ("girocard", "Kartenzahlung")}
_DATE = {
    "en": ("Date", "DATE", "Invoice Date", "Date:", ""),
    "es": ("Fecha", "FECHA:", ""),
    "de": ("Datum", "Datum:", ""),
}
_THANKS = {"en": "THANK YOU, PLEASE COME AGAIN", "es": "GRACIAS POR SU VISITA", "de": "VIELEN DANK FÜR IHREN EINKAUF"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts of one receipt; `total` is what is to be paid, after rounding."""

    language: str
    company: str
    day: date
    time: str
    items: tuple[tuple[str, Decimal], ...]
    rate: Decimal
    net: Decimal
    tax: Decimal
    rounding: Decimal
    total: Decimal
    paid: Decimal | None  # None: by card


def receipt(draw: Random) -> Receipt:
    """Make up a receipt whose amounts add up."""
    language = draw.choices(("en", "es", "de"), (50, 25, 25))[0]
    form = draw.choice(_FORMS[language])
    name = f"{draw.choice(_NAMES[language])} {draw.choice(_TRADES[language])}"
    if language != "en" and draw.random() < 0.5:
        name = " ".join(reversed(name.split(" ", 1)))
    company = f"{name} {form}".strip()
    company = company.upper() if draw.random() < 0.6 else company
    names = _ITEMS[language].split("/")
    items = tuple(
        (draw.choice(names), rounded(Decimal(draw.randrange(40, draw.choice((900, 3000, 12000)))) / 100))
        for _ in range(draw.choice((1, 2, 3, 4, 6, 9)))
    )
    rate = Decimal({"en": "6", "es": draw.choice(("10", "21")), "de": draw.choice(("19", "7"))}[language])
    if language == "en" and draw.random() < 0.3:
        rate = Decimal(0)
    gross = sum((price for _, price in items), Decimal(0))
    net = rounded(gross * 100 / (100 + rate))
    total = (
        (gross / _FIVE).quantize(Decimal(1), ROUND_HALF_UP) * _FIVE
        if language == "en" and draw.random() < 0.6
        else gross
    )
    notes = [Decimal(note) for note in (5, 10, 20, 50, 100, 200, 500, 1000) if Decimal(note) >= total]
    paid = (notes[0] if draw.random() < 0.7 else total) if draw.random() < 0.7 and notes else None
    day = date(2016, 1, 1) + timedelta(days=draw.randrange(3600))
    time = f"{draw.randrange(8, 22):02d}:{draw.randrange(60):02d}"
    return Receipt(language, company, day, time, items, rate, net, gross - net, total - gross, total, paid)


class _Slip:
    """Sets one receipt; how it writes is drawn once."""

    def __init__(self, bill: Receipt, draw: Random) -> None:
        self.bill, self.draw, self.sheet = bill, draw, Sheet(80)
        self.left = 60
        self.comma = bill.language != "en"
        self.currency = draw.choice(("RM ", "RM", "")) if bill.language == "en" else draw.choice(("", " €", " EUR", ""))
        self.gap = draw.choice((1.3, 1.5, 1.8))

    def money(self, value: Decimal) -> str:
        text = f"{value:.2f}".replace(".", "," if self.comma else ".")
        return f"{text}{self.currency}" if self.comma else f"{self.currency}{text}"

    def day(self) -> str:
        day = self.bill.day
        forms = ["%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%Y", "%d.%m.%y"]
        if self.bill.language == "en":
            forms += ["%d %b %Y", "%Y-%m-%d"]
        return day.strftime(self.draw.choice(forms[4:] if self.bill.language == "de" else forms))

    def middle(self, text: str, size: int = LETTER) -> None:
        wide = round(len(text) * size * 0.52)
        self.sheet.put(max(self.left, self.left + (WIDE - wide) // 2), self.sheet.y, text, size)
        self.sheet.next(size, self.gap)

    def pair(self, label: str, value: str) -> None:
        self.sheet.put(self.left, self.sheet.y, label)
        self.sheet.put(self.left + WIDE, self.sheet.y, value, right=True)
        self.sheet.next(LETTER, self.gap)

    def run(self) -> PageText:
        bill, draw = self.bill, self.draw
        if draw.random() < 0.12:
            self.middle(draw.choice(("WELCOME", "PLAZA MALL", "*** ***", "BIENVENIDOS")))
        self.middle(bill.company, round(LETTER * draw.choice((1.0, 1.0, 1.4))))
        self._address()
        when_first = draw.random() < 0.55
        if when_first:
            self._when()
        for name, price in bill.items:
            self.pair(f"{name}", self.money(price) if draw.random() < 0.3 else self.money(price).strip("RM €EU"))
        self._sums()
        if not when_first:
            self._when()
        self.middle(_THANKS[bill.language])
        return self.sheet.page(language={"en": "eng", "es": "spa", "de": "spa"}[bill.language])

    def _address(self) -> None:
        draw, language = self.draw, self.bill.language
        if language == "en":
            if draw.random() < 0.6:
                self.middle(f"({draw.randrange(100000, 999999)}-{draw.choice('ADHKTUVWX')})")
            self.middle(f"NO {draw.randrange(1, 99)}, JALAN BUKIT {draw.randrange(1, 20)}/{draw.randrange(1, 9)},")
            self.middle(f"{draw.randrange(40000, 59999)} KUALA LUMPUR")
            self.middle(f"TEL: 03-{draw.randrange(10**7, 10**8)}")
            if self.bill.rate:
                self.middle(f"GST ID: 00{draw.randrange(10**9, 10**10)}")
            if draw.random() < 0.6:
                self.middle(draw.choice(("TAX INVOICE", "RECEIPT", "SIMPLIFIED TAX INVOICE", "CASH BILL")))
        elif language == "es":
            self.middle(f"C/ MAYOR {draw.randrange(1, 90)}, {draw.randrange(10000, 52000)} MADRID")
            self.middle(f"CIF: {cif('B', draw.randrange(10**6, 9 * 10**6))}")
            self.middle(draw.choice(("FACTURA SIMPLIFICADA", "TICKET")))
        else:
            self.middle(f"Hauptstr. {draw.randrange(1, 120)}")
            self.middle(f"{draw.randrange(10000, 99999)} Neustadt")
            self.middle(f"Tel. 0{draw.randrange(2000, 9999)}-{draw.randrange(10000, 99999)}")

    def _when(self) -> None:
        label = self.draw.choice(_DATE[self.bill.language])
        day = self.day()
        time = f" {self.bill.time}" if self.draw.random() < 0.7 else ""
        if label and self.draw.random() < 0.5:
            self.pair(label, f"{day}{time}")
        else:
            self.sheet.put(self.left, self.sheet.y, f"{label} {day}{time}".strip())
            self.sheet.next(LETTER, self.gap)
        if self.draw.random() < 0.6:
            number = f"{self.draw.choice('ABCR')}{self.draw.randrange(1000, 999999)}"
            self.sheet.put(
                self.left, self.sheet.y, f"{self.draw.choice(('Receipt No:', 'Bon-Nr.', 'Ticket nº', 'No.'))} {number}"
            )
            self.sheet.next(LETTER, self.gap)

    def _sums(self) -> None:
        bill, draw, language = self.bill, self.draw, self.bill.language
        if draw.random() < 0.5:
            self.pair(draw.choice(_SUB[language]), self.money(bill.net))
            if bill.rate:
                self.pair(draw.choice(_TAX[language]).split(" ")[0] + f" {bill.rate}%", self.money(bill.tax))
        if draw.random() < 0.25:
            self.pair(draw.choice(("Total Qty", "Total Item(s)", "Artículos", "Anzahl Artikel")), str(len(bill.items)))
        if bill.rounding:
            if draw.random() < 0.5:
                self.pair("Total", self.money(bill.total - bill.rounding))
            self.pair(draw.choice(("Rounding", "Rounding Adj", "ROUNDING")), self.money(bill.rounding))
        self.pair(draw.choice(_TOTAL[language]), self.money(bill.total))
        if bill.paid is None:
            self.pair(draw.choice(_CARD[language]), self.money(bill.total))
        else:
            self.pair(draw.choice(_PAID[language]), self.money(bill.paid))
            if bill.paid != bill.total or draw.random() < 0.6:
                self.pair(draw.choice(_BACK[language]), self.money(bill.paid - bill.total))
        if bill.rate and draw.random() < 0.5:
            self.sheet.put(
                self.left,
                self.sheet.y,
                draw.choice(("GST Summary   Amount   Tax", "Base   IVA   Cuota", "Netto   MwSt")),
            )
            self.sheet.next(LETTER, self.gap)
            for x, text in ((0, f"{bill.rate}%"), (400, self.money(bill.net)), (800, self.money(bill.tax))):
                self.sheet.put(self.left + x, self.sheet.y, text)
            self.sheet.next(LETTER, self.gap)


def draw_receipt(bill: Receipt, draw: Random) -> PageText:
    """Set one receipt on a slip, as a page read without a fault."""
    return _Slip(bill, draw).run()


def receipt_truth(bill: Receipt) -> dict[str, str]:
    """Return the receipt's fields as a reader would write them down."""
    return {"company": bill.company, "date": bill.day.isoformat(), "total": f"{bill.total:.2f}"}
