"""Made-up facts of invoices: firms, people, identifiers whose check characters hold, amounts that add up.

Everything follows from a `random.Random`, so that a number names the same invoice on every machine. Names are put
together from common surnames and trades; a likeness to a firm that exists is chance.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

CENT = Decimal("0.01")
NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
CIF_LETTERS = "JABCDEFGHI"

_SURNAMES = """
García López Ruiz Sánchez Navarro Molina Ortega Delgado Castro Vidal Serra Puig Iglesias Cabrera Hernández Medina
Santana Quintana Lorenzo Marrero Peña Vega Campos Fuentes Aguilar Rubio Marín Soler Ibáñez Pastor Esteban Nieto Bravo
Gallego Otero Carmona Redondo Luján Arias Montero
""".split()  # noqa: SIM905  read as text
_GIVEN = """
María José Antonio Carmen Lucía Javier Marta Pablo Elena Sergio Nuria Andrés Pilar Raúl Inés Óscar Beatriz Iván Rosa
Tomás
""".split()  # noqa: SIM905  read as text
_TRADES = (
    "Talleres", "Construcciones", "Suministros", "Panadería", "Carpintería", "Asesoría", "Transportes", "Imprenta",
    "Clínica Dental", "Hotel", "Restaurante", "Comercial", "Distribuciones", "Electricidad", "Fontanería", "Viveros",
    "Gestoría", "Papelería", "Ferretería", "Autoescuela", "Consultoría", "Limpiezas", "Seguridad", "Logística",
    "Bodegas", "Frutas", "Pescados", "Maderas", "Cristalería", "Informática",
)  # fmt: skip
_PLACES = (
    "Atlántico", "del Sur", "Norte", "Levante", "Teide", "del Ebro", "Costa", "Montaña", "Central", "Ibérica", "2000",
    "Europa", "del Mar", "Sierra", "Alameda",
)  # fmt: skip
_FORMS = ("S.L.", "SL", "S.A.", "SA", "S.L.U.", "SLU", "S. Coop.", "C.B.", "S.A.U.", "")
_STREETS = ("C/ Mayor", "Avda. de la Constitución", "Calle Real", "Plaza de España", "C/ San Juan", "Paseo Marítimo",
            "Pol. Ind. Los Olivos, nave", "Ronda Norte", "Camino Viejo", "Carretera General")  # fmt: skip
_TOWNS = (
    ("28013", "Madrid"), ("08019", "Barcelona"), ("41004", "Sevilla"), ("35001", "Las Palmas"), ("46002", "Valencia"),
    ("38003", "Santa Cruz de Tenerife"), ("50001", "Zaragoza"), ("29015", "Málaga"), ("48009", "Bilbao"),
    ("15003", "A Coruña"), ("30001", "Murcia"), ("07012", "Palma"),
)  # fmt: skip
_ITEMS = (
    "Servicio de mantenimiento mensual", "Horas de consultoría", "Material de oficina", "Reparación de equipo",
    "Diseño de folletos", "Transporte de mercancía", "Alquiler de maquinaria", "Menú del día", "Pintura plástica 15 l",
    "Cable eléctrico 2,5 mm", "Revisión anual", "Curso de formación", "Limpieza de cristales", "Cajas de cartón",
    "Licencia de programa 1 año", "Mano de obra", "Desplazamiento", "Tóner negro", "Sillas modelo 45",
    "Informe pericial", "Cemento gris 25 kg", "Honorarios profesionales", "Vino tinto crianza", "Tornillos 4x40",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm or person: name, tax id, address lines, account."""

    name: str
    tax_id: str
    street: str
    town: str
    phone: str
    iban: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: quantity x price = total."""

    text: str
    quantity: Decimal
    price: Decimal
    total: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """The facts of one invoice; amounts add up unless an error was planted (`planted` names it)."""

    number: str
    day: date
    due: date | None
    supplier: Firm
    customer: Firm
    lines: tuple[Line, ...]
    tax_name: str
    taxes: tuple[tuple[Decimal, Decimal, Decimal], ...]  # base, rate, tax
    withheld_rate: Decimal
    net: Decimal
    tax: Decimal
    withholding: Decimal
    total: Decimal
    order: str | None = None
    planted: str | None = None
    text: dict[str, str] = field(default_factory=dict)  # what the page says where it differs from the facts


def nif(number: int) -> str:
    """Return the tax id of a person."""
    return f"{number:08d}{NIF_LETTERS[number % 23]}"


def cif(kind: str, number: int) -> str:
    """Return the tax id of a firm; a control digit or letter as its kind asks."""
    digits = f"{number:07d}"
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[0::2])
    control = (10 - (doubled + sum(int(digit) for digit in digits[1::2])) % 10) % 10
    return f"{kind}{digits}{CIF_LETTERS[control] if kind in 'PQRSNW' else control}"


def iban(draw: Random) -> str:
    """Return a Spanish account whose three pairs of check digits hold."""
    bank, office = draw.choice(("2100", "0049", "0182", "2085", "3058")), f"{draw.randrange(1, 9999):04d}"
    account = f"{draw.randrange(10**10):010d}"
    first = _ccc("00" + bank + office)
    second = _ccc(account)
    bban = f"{bank}{office}{first}{second}{account}"
    return f"ES{98 - int(bban + '142800') % 97:02d}{bban}"


def _ccc(digits: str) -> int:
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return {10: 1, 11: 0}.get(rest, rest)


def firm(draw: Random, person_share: float = 0.2) -> Firm:
    """Make up a firm, or a person in `person_share` of cases."""
    if draw.random() < person_share:
        name = f"{draw.choice(_GIVEN)} {draw.choice(_SURNAMES)} {draw.choice(_SURNAMES)}"
        tax_id = nif(draw.randrange(10**7, 8 * 10**7))
    else:
        form = draw.choice(_FORMS)
        middle = draw.choice((f"{draw.choice(_SURNAMES)}", f"Hermanos {draw.choice(_SURNAMES)}", draw.choice(_PLACES)))
        name = f"{draw.choice(_TRADES)} {middle}"
        name = f"{name}{', ' if form and draw.random() < 0.3 else ' '}{form}".strip()
        name = name.upper() if draw.random() < 0.35 else name
        kind = "A" if form.startswith(("S.A", "SA")) else "E" if form == "C.B." else "F" if "Coop" in form else "B"
        tax_id = cif(kind, draw.randrange(10**6, 9 * 10**6))
    code, town = draw.choice(_TOWNS)
    phone = f"{draw.choice('689')}{draw.randrange(10**7, 10**8)}"
    return Firm(name, tax_id, f"{draw.choice(_STREETS)} {draw.randrange(1, 150)}", f"{code} {town}", phone, iban(draw))


def invoice_number(draw: Random, year: int) -> str:
    """Make up an invoice's number in one of the usual forms."""
    n = draw.randrange(1, 9999)
    forms = (
        f"F-{year}/{n % 1000:03d}", f"{year}-{n:04d}", f"FRA-{year % 100}-{n % 1000:03d}", f"A/{n}", f"{n:06d}",
        f"{year % 100}{n:05d}", f"FV{year % 100}/{n:04d}", f"{n}/{year}", f"INV-{n:05d}",
        f"{draw.choice('ABCTX')}{n:05d}",
        f"F{year % 100}{draw.randrange(1, 13):02d}-{n % 1000}", f"{year}/A/{n}", f"{n}", f"TF-{n:04d}-{year % 100}",
    )  # fmt: skip
    return draw.choice(forms)


def rounded(value: Decimal) -> Decimal:
    """Return an amount to the cent, half up."""
    return value.quantize(CENT, ROUND_HALF_UP)


def invoice(draw: Random, supplier: Firm | None = None, customer: Firm | None = None) -> Invoice:
    """Make up an invoice whose amounts add up."""
    day = date(2023, 1, 1) + timedelta(days=draw.randrange(1000))
    islands = draw.random() < 0.3
    name = "IGIC" if islands else "IVA"
    rates = [Decimal(rate) for rate in (("7", "3", "0", "15") if islands else ("21", "10", "4", "0"))]
    main = draw.choices(rates, (80, 12, 4, 4))[0]
    lines = []
    for _ in range(draw.choices((1, 2, 3, 4, 6, 9), (25, 25, 20, 15, 10, 5))[0]):
        quantity = Decimal(draw.choice((1, 1, 1, 2, 3, 5, 10, 24)))
        price = rounded(Decimal(draw.randrange(150, draw.choice((2000, 20000, 90000)))) / 100)
        rate = main if draw.random() < 0.9 else draw.choice(rates)
        lines.append(Line(draw.choice(_ITEMS), quantity, price, rounded(quantity * price), rate))
    taxes = []
    for rate in sorted({line.rate for line in lines}, reverse=True):
        base = sum((line.total for line in lines if line.rate == rate), Decimal(0))
        taxes.append((base, rate, rounded(base * rate / 100)))
    withheld = Decimal(draw.choice(("15", "7", "19"))) if draw.random() < 0.22 else Decimal(0)
    net = sum((base for base, _, _ in taxes), Decimal(0))
    tax = sum((amount for _, _, amount in taxes), Decimal(0))
    withholding = rounded(net * withheld / 100)
    due = day + timedelta(days=draw.choice((15, 30, 60))) if draw.random() < 0.5 else None
    return Invoice(
        invoice_number(draw, day.year), day, due, supplier or firm(draw), customer or firm(draw), tuple(lines), name,
        tuple(taxes), withheld, net, tax, withholding, net + tax - withholding,
        f"PC-{draw.randrange(100, 99999)}" if draw.random() < 0.25 else None,
    )  # fmt: skip
