"""Set made-up invoices on sheets in many ways: heads, labels, tables and totals as Spanish invoices have them.

The ways are put together at random from parts, so that few invoices look alike. Labels are those that are usual in
print, among them some that no class file has: what is measured on these must not be what the rules were written from.
"""

from datetime import date
from decimal import Decimal
from random import Random

from cli.drawn_facts import Firm, Invoice
from cli.drawn_sheets import WIDE, Sheet
from records.text import PageText

LEFT, RIGHT = 180, WIDE - 180

_NUMBER = ("Nº factura", "Factura nº", "Número", "Nº", "Factura", "Núm. factura", "Número de factura", "FACTURA Nº",
           "Nº de factura", "Fra. nº", "Doc. nº", "Número de documento", "Factura número", "N.º factura")  # fmt: skip
_DATE = ("Fecha", "Fecha factura", "Fecha de emisión", "Fecha de expedición", "FECHA", "Fecha emisión", "Fecha fra.",
         "Emitida el", "Fecha de factura", "Expedida")  # fmt: skip
_DUE = ("Vencimiento", "Fecha de vencimiento", "Vence", "Vto.", "Fecha vto.", "Pagar antes del")
_CUSTOMER = ("Cliente", "Datos del cliente", "Facturar a", "Destinatario", "CLIENTE", "Cliente:", "Facturado a",
             "Datos cliente", "Receptor", "")  # fmt: skip
_ISSUER = ("Emisor", "Datos del emisor", "Proveedor", "Vendedor", "EMISOR", "Datos de la empresa")
_TAX_ID = ("NIF", "CIF", "NIF/CIF", "C.I.F.", "N.I.F.", "CIF/NIF", "NIF:", "CIF:", "N.I.F. / C.I.F.")
_NET = ("Base imponible", "BASE IMPONIBLE", "Base", "Subtotal", "Importe neto", "Total neto", "B. imponible",
        "Suma", "Total base imponible")  # fmt: skip
_TOTAL = ("TOTAL", "Total", "Total factura", "TOTAL FACTURA", "Importe total", "Total a pagar", "TOTAL A PAGAR",
          "Líquido a percibir", "Total EUR", "TOTAL EUROS", "Importe a pagar")  # fmt: skip
_WITHHELD = ("IRPF", "Retención IRPF", "Retención", "I.R.P.F.", "Ret. IRPF", "Retención a cuenta IRPF")
_MONTHS = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre")  # fmt: skip


class Setter:
    """Sets one invoice; how it writes dates, amounts and labels is drawn once and kept for the whole sheet."""

    def __init__(self, invoice: Invoice, draw: Random) -> None:
        """Choose the conventions of this sheet."""
        self.invoice, self.draw, self.sheet = invoice, draw, Sheet(draw.randrange(120, 260))
        self.euro = draw.choice((" €", "€", " EUR", ""))
        self.day_form = draw.choice(("/", "/", "/", "-", ".", "long", "short", "iso"))
        self.mark = draw.choice((":", ":", "", " :"))
        self.thousands = draw.random() < 0.8
        self.size = draw.choice((30, 34, 34, 38))

    def day(self, value: date) -> str:
        """Write a date."""
        if self.day_form == "long":
            return f"{value.day} de {_MONTHS[value.month - 1]} de {value.year}"
        if self.day_form == "iso":
            return value.isoformat()
        if self.day_form == "short":
            return f"{value.day:02d}/{value.month:02d}/{value.year % 100:02d}"
        return f"{value.day:02d}{self.day_form}{value.month:02d}{self.day_form}{value.year}"

    def money(self, value: Decimal, *, bare: bool = False) -> str:
        """Write an amount."""
        text = f"{value:,.2f}" if self.thousands else f"{value:.2f}"
        return text.replace(",", " ").replace(".", ",").replace(" ", ".") + ("" if bare else self.euro)

    def said(self, name: str, usual: str) -> str:
        """Return what the page says of a field: what was planted there, else the usual."""
        return self.invoice.text.get(name, usual)

    def run(self) -> PageText:
        """Set everything, top to bottom."""
        self.draw.choice((self._issuer_left, self._issuer_right, self._two_blocks, self._title_first))()
        self.sheet.next(self.size, 2.5)
        self._lines()
        self.sheet.next(self.size, 2.0)
        self.draw.choice((self._totals_stacked, self._totals_stacked, self._totals_table))()
        self.sheet.next(self.size, 3.0)
        self._foot()
        return self.sheet.page()

    def _firm(self, x: int, y: int, firm: Firm, name: str, *, big: bool) -> int:
        """Set a firm's block; return where it ends."""
        size = round(self.size * (self.draw.choice((1.5, 1.3, 1.0)) if big else 1.0))
        self.sheet.put(x, y, self.said(name, firm.name), size)
        y += round(size * 1.5)
        tax_id = f"{self.draw.choice(_TAX_ID)} {self.said(f'{name}_tax_id', firm.tax_id)}"
        details = [firm.street, firm.town]
        details.insert(self.draw.choice((0, 2, 2)), tax_id)
        if self.draw.random() < 0.6:
            details.append(f"Tel. {firm.phone}" if self.draw.random() < 0.7 else f"info@{firm.tax_id.lower()}.es")
        for detail in details:
            self.sheet.put(x, y, detail, self.size)
            y += round(self.size * 1.45)
        return y

    def _customer(self, x: int, y: int) -> int:
        label = self.draw.choice(_CUSTOMER)
        if label:
            self.sheet.put(x, y, label, self.size)
            y += round(self.size * 1.6)
        return self._firm(x, y, self.invoice.customer, "customer", big=False)

    def _meta(self) -> list[tuple[str, str]]:
        invoice = self.invoice
        pairs = [
            (self.draw.choice(_NUMBER), self.said("number", invoice.number)),
            (self.draw.choice(_DATE), self.said("date", self.day(invoice.day))),
        ]
        if invoice.due is not None:
            pairs.append((self.draw.choice(_DUE), self.day(invoice.due)))
        if invoice.order is not None:
            pairs.append((self.draw.choice(("Nº pedido", "Su pedido", "Pedido")), invoice.order))
        if self.draw.random() < 0.3:
            pairs.append((self.draw.choice(("Nº cliente", "Cód. cliente")), str(self.draw.randrange(100, 99999))))
        if self.draw.random() < 0.15:
            pairs.append((self.draw.choice(("Albarán", "Nº albarán")), f"ALB{self.draw.randrange(1000, 9999)}"))
        if self.draw.random() < 0.3:
            self.draw.shuffle(pairs)
        return pairs

    def _meta_list(self, x: int, y: int) -> int:
        """Labels and values line by line; values beside their labels or in a column of their own."""
        column = x + round(self.size * 11) if self.draw.random() < 0.4 else None
        for label, value in self._meta():
            if column is None:
                self.sheet.put(x, y, f"{label}{self.mark} {value}", self.size)
            else:
                self.sheet.put(x, y, f"{label}{self.mark}", self.size)
                self.sheet.put(column, y, value, self.size)
            y += round(self.size * 1.55)
        return y

    def _meta_table(self, y: int) -> int:
        """Labels as a row of headers, the values under them."""
        x = LEFT
        for label, value in self._meta():
            wide = max(len(label), len(value)) * self.size * 0.52
            self.sheet.put(x, y, label, self.size)
            self.sheet.put(x, y + round(self.size * 1.6), value, self.size)
            x += round(wide + self.size * self.draw.choice((2, 3)))
        return y + round(self.size * 3.2)

    def _head(self, below: int, title_x: int, title_y: int, meta_x: int) -> None:
        """Set the title, then number and date: a list beside the parties, or a table under them."""
        if self.draw.random() < 0.8:
            self.sheet.put(title_x, title_y, self.draw.choice(("FACTURA", "Factura", "FACTURA")), self.size * 2)
            title_y += self.size * 4
        if self.draw.random() < 0.65:
            below = max(below, self._meta_list(meta_x, title_y))
        else:
            below = self._meta_table(below + self.size)
        self.sheet.y = below

    def _issuer_left(self) -> None:
        top = self.sheet.y
        below = self._firm(LEFT, top, self.invoice.supplier, "supplier", big=True)
        customer = self._customer(LEFT, below + self.size * 2)
        self._head(customer, 1400, top, 1400)

    def _issuer_right(self) -> None:
        top = self.sheet.y
        right = self._firm(1400, top, self.invoice.supplier, "supplier", big=True)
        self._head(top, LEFT, top, LEFT)
        self.sheet.y = self._customer(LEFT if self.draw.random() < 0.7 else 1400, max(self.sheet.y, right) + self.size)

    def _two_blocks(self) -> None:
        top = self.sheet.y
        self.sheet.put(LEFT, top, "FACTURA", self.size * 2)
        y = top + self.size * 4
        self.sheet.put(LEFT, y, self.draw.choice(_ISSUER), self.size)
        left = self._firm(LEFT, y + round(self.size * 1.6), self.invoice.supplier, "supplier", big=False)
        right = self._customer_labelled(1300, y)
        self.sheet.y = max(left, right) + self.size
        if self.draw.random() < 0.5:
            self.sheet.y = self._meta_list(LEFT, self.sheet.y)
        else:
            self.sheet.y = self._meta_table(self.sheet.y)

    def _customer_labelled(self, x: int, y: int) -> int:
        self.sheet.put(x, y, self.draw.choice(_CUSTOMER[:-1]), self.size)
        return self._firm(x, y + round(self.size * 1.6), self.invoice.customer, "customer", big=False)

    def _title_first(self) -> None:
        top = self.sheet.y
        below = self._firm(LEFT, top, self.invoice.supplier, "supplier", big=True)
        self.sheet.y = self._meta_table(below + self.size)
        self.sheet.y = self._customer(1300 if self.draw.random() < 0.6 else LEFT, self.sheet.y + self.size)

    def _lines(self) -> None:
        with_rate = self.draw.random() < 0.3
        heads = [self.draw.choice(("Concepto", "Descripción", "DESCRIPCIÓN", "Detalle")),
                 self.draw.choice(("Cantidad", "Cant.", "Uds.")),
                 self.draw.choice(("Precio", "P. unitario", "Precio unit.")),
                 self.draw.choice(("Importe", "Total", "IMPORTE"))]  # fmt: skip
        places = (LEFT, 1500, 1860, RIGHT)
        for head, x in zip(heads, places, strict=True):
            self.sheet.put(x, self.sheet.y, head, self.size, right=x != LEFT)
        if with_rate:
            self.sheet.put(2050, self.sheet.y, f"% {self.invoice.tax_name}", self.size, right=True)
        for line in self.invoice.lines:
            y = self.sheet.next(self.size)
            self.sheet.put(LEFT, y, line.text, self.size)
            self.sheet.put(places[1], y, f"{line.quantity}", self.size, right=True)
            self.sheet.put(places[2], y, self.money(line.price, bare=True), self.size, right=True)
            if with_rate:
                self.sheet.put(2050, y, f"{line.rate}", self.size, right=True)
            self.sheet.put(RIGHT, y, self.money(line.total, bare=self.draw.random() < 0.5), self.size, right=True)

    def _rows(self) -> list[tuple[str, str]]:
        """Return labels and amounts of the totals, in print order."""
        invoice, rate_form = self.invoice, self.draw.choice(("{} ({} %)", "{} {}%", "{} {} %", "Cuota {} {}%"))
        rows = [(self.draw.choice(_NET), self.said("net", self.money(invoice.net)))]
        if len(invoice.taxes) > 1:
            for base, rate, tax in invoice.taxes:
                if self.draw.random() < 0.7:
                    rows.append((f"Base {rate}%", self.money(base)))
                rows.append((rate_form.format(invoice.tax_name, rate), self.money(tax)))
        else:
            label = rate_form.format(invoice.tax_name, invoice.taxes[0][1])
            rows.append((label, self.said("tax", self.money(invoice.tax))))
        if invoice.withholding:
            shown = self.money(-invoice.withholding if self.draw.random() < 0.7 else invoice.withholding)
            rows.append((f"{self.draw.choice(_WITHHELD)} {invoice.withheld_rate}%", self.said("withholding", shown)))
        rows.append((self.draw.choice(_TOTAL), self.said("total", self.money(invoice.total))))
        return rows

    def _totals_stacked(self) -> None:
        x = self.draw.choice((1350, 1500, LEFT))
        for label, amount in self._rows():
            y = self.sheet.next(self.size, 1.6)
            self.sheet.put(x, y, f"{label}{self.mark}", self.size)
            self.sheet.put(RIGHT if x != LEFT else 1200, y, amount, self.size, right=True)

    def _totals_table(self) -> None:
        """One row of headers with the amounts under them, where there is one rate; else a row for each."""
        invoice, y = self.invoice, self.sheet.y
        heads = [self.draw.choice(("Base imponible", "Base", "Base imp.")), f"% {invoice.tax_name}",
                 self.draw.choice(("Cuota", f"Cuota {invoice.tax_name}", invoice.tax_name))]  # fmt: skip
        places = [LEFT + 300, LEFT + 620, LEFT + 980]
        for head, x in zip(heads, places, strict=True):
            self.sheet.put(x, y, head, self.size, right=True)
        single = len(invoice.taxes) == 1
        for base, rate, tax in invoice.taxes:
            y = self.sheet.next(self.size, 1.6)
            self.sheet.put(
                places[0], y, self.said("net", self.money(base)) if single else self.money(base), self.size, right=True
            )
            self.sheet.put(places[1], y, f"{rate}" + self.draw.choice(("", "%", " %")), self.size, right=True)
            self.sheet.put(
                places[2], y, self.said("tax", self.money(tax)) if single else self.money(tax), self.size, right=True
            )
        if invoice.withholding:
            y = self.sheet.next(self.size, 1.8)
            shown = self.said("withholding", self.money(-invoice.withholding))
            self.sheet.put(LEFT, y, f"{self.draw.choice(_WITHHELD)} {invoice.withheld_rate}%", self.size)
            self.sheet.put(places[2], y, shown, self.size, right=True)
        y = self.sheet.next(self.size, 2.0)
        self.sheet.put(1600, y, self.draw.choice(_TOTAL), self.size)
        self.sheet.put(RIGHT, y, self.said("total", self.money(invoice.total)), self.size, right=True)

    def _foot(self) -> None:
        iban = self.said("iban", self.invoice.supplier.iban)
        grouped = " ".join(iban[n : n + 4] for n in range(0, len(iban), 4)) if self.draw.random() < 0.7 else iban
        notes: list[str] = []
        if self.draw.random() < 0.8:
            notes.append(
                f"{self.draw.choice(('IBAN', 'IBAN:', 'Nº de cuenta:', 'Transferencia a la cuenta'))} {grouped}"
            )
        if self.draw.random() < 0.5:
            notes.insert(0, f"Forma de pago: {self.draw.choice(('transferencia', 'recibo domiciliado', 'contado'))}")
        if self.draw.random() < 0.3:
            tome, sheet = self.draw.randrange(100, 9999), self.draw.randrange(1000, 99999)
            notes.append(f"Inscrita en el Registro Mercantil, tomo {tome}, folio 12, hoja M-{sheet}")
        for note in notes:
            self.sheet.put(LEFT, self.sheet.next(self.size), note, round(self.size * 0.85))


def draw_invoice(invoice: Invoice, draw: Random) -> PageText:
    """Set one invoice on a sheet, as a page read without a fault."""
    return Setter(invoice, draw).run()


def truth_of(invoice: Invoice) -> dict[str, str]:
    """Return the invoice's fields as a reader would write them down."""
    found = {
        "number": invoice.number, "date": invoice.day.isoformat(), "supplier": invoice.supplier.name,
        "supplier_tax_id": invoice.supplier.tax_id, "customer": invoice.customer.name,
        "customer_tax_id": invoice.customer.tax_id, "net": f"{invoice.net:.2f}", "tax": f"{invoice.tax:.2f}",
        "total": f"{invoice.total:.2f}", "withholding": f"{invoice.withholding:.2f}" if invoice.withholding else "",
    }  # fmt: skip
    return found | ({"due_date": invoice.due.isoformat()} if invoice.due is not None else {})
