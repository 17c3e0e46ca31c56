"""Tables of a record class beside its fields: which fields a tax table gives, and which tell documents apart."""

from dataclasses import dataclass
from decimal import Decimal

DUPLICATE_KEYS = ("issuer", "number", "date", "total", "iban", "party")
PAIR_KEYS = ("label", "value")
TAX_TABLE_KEYS = ("base", "tax", "total", "withheld", "rates", "surcharge", "surcharge_rates")


@dataclass(frozen=True, slots=True)
class TaxTable:
    """Which fields the sums of a table of base, rate and tax give: names of amounts of the class.

    `rates` are the legal ones, in percent: a printed rate that was misread is put right by them. `surcharge` is what is
    added at one of `surcharge_rates` of the same base (in Spain the recargo de equivalencia).
    """

    base: str
    tax: str
    total: str
    withheld: str | None = None
    rates: tuple[Decimal, ...] = ()
    surcharge: str | None = None
    surcharge_rates: tuple[Decimal, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields named."""
        names = (self.base, self.tax, self.total, self.withheld, self.surcharge)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """Which fields identify a document of the class among others of its client, and which name its party."""

    issuer: str
    number: str
    date: str
    total: str
    iban: str | None = None
    party: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields named."""
        names = (self.issuer, self.number, self.date, self.total, self.iban, self.party)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True, slots=True)
class PairNames:
    """Which repeated fields take the labels of a form and what was filled in beside them."""

    label: str
    value: str
