"""Plant errors in made-up invoices and count which are caught: `python -m cli.planted [--count N]`.

An error of one kind is planted in every second invoice: a digit of the total or tax id swapped, a total that does not
add up, another account for a known supplier, the same invoice again, a supplier with a look-alike name. Caught means
that the field or invoice waits for a person, with a reason of its kind. A false alarm is such a reason on an invoice
without an error. What the engine misreads is left out: words are as printed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

from cli.drawn_facts import Firm, Invoice, firm, iban, invoice
from cli.drawn_invoices import draw_invoice, truth_of
from records.class_library import shipped_library
from records.duplicates import InvoiceKey, compare
from records.fields import Description
from records.parties import Party, match_party
from tasks.describe import describe

TODAY = date(2026, 6, 30)
SUPPLIERS = 200  # known parties of the client
KINDS = ("swapped digit in tax id", "wrong total", "wrong tax", "changed account", "duplicate", "look-alike supplier")
AMOUNTS = ("net", "tax", "total", "withholding")
SUMS = ("totals", "unconfirmed", "derived")  # reasons by which an amount waits because others do not confirm it
REASONS: dict[str, frozenset[str]] = {
    "swapped digit in tax id": frozenset({"tax-id"}), "wrong total": frozenset({"totals"}),
    "wrong tax": frozenset({"totals"}), "changed account": frozenset({"account"}),
    "duplicate": frozenset({"duplicate"}), "look-alike supplier": frozenset({"party"}),
}  # fmt: skip


def plant(made: Invoice, kind: str, draw: Random, before: Sequence[Invoice]) -> Invoice:
    """Return an invoice with an error of this kind on its page."""
    text = dict(made.text)
    if kind == "swapped digit in tax id":
        text["supplier_tax_id"] = _swapped(made.supplier.tax_id, draw)
    elif kind == "wrong total":
        text["total"] = _money(made.total + draw.choice((Decimal("1.00"), Decimal("10.00"), Decimal("-0.90"))))
    elif kind == "wrong tax":
        text["tax"] = _money(made.tax + draw.choice((Decimal("0.90"), Decimal("9.00"))))
    elif kind == "changed account":
        text["iban"] = iban(draw)
    elif kind == "duplicate":
        made = draw.choice(list(before))
    else:
        text["supplier"] = firm(draw).name
    return replace(made, text=text if kind != "duplicate" else {}, planted=kind)


def _swapped(text: str, draw: Random) -> str:
    places = [
        n for n in range(1, len(text) - 2) if text[n].isdigit() and text[n + 1].isdigit() and text[n] != text[n + 1]
    ]
    if not places:
        return text[:-1] + ("0" if text[-1] != "0" else "1")
    place = draw.choice(places)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _shown(value: str, text: str) -> bool:
    return "".join(value.split()).rstrip("€") in "".join(text.split())


def _money(value: Decimal) -> str:
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") + " €"


def alarms(found: Description, known: Sequence[Party], held: Sequence[InvoiceKey]) -> frozenset[str]:
    """Return which kinds of reasons stand against an invoice: of its own fields, and of what the client holds."""
    values = {field.name: field for field in found.fields if field.index is None}
    reasons = {reason.code for reason in found.review if reason.code == "tax-id"}
    if any(reason.field in AMOUNTS and reason.code in SUMS for reason in found.review):
        reasons.add("totals")
    tax_id, supplier, account = (values[name].value for name in ("supplier_tax_id", "supplier", "iban"))
    holds = any(check.check == "tax-id" and check.outcome == "pass" for check in values["supplier_tax_id"].checks)
    match = match_party(supplier, tax_id if holds else None, known)
    if match.outcome != "match":
        reasons.add("party")
    if account is not None and (match.party is None or account not in match.party.accounts):
        reasons.add("account")
    if any(compare(_key(found), other).likeness == "duplicate" for other in held):
        reasons.add("duplicate")
    return frozenset(reasons)


def _key(found: Description) -> InvoiceKey:
    values = {field.name: field.value for field in found.fields if field.index is None}
    day, total = values.get("date"), values.get("total")
    return InvoiceKey(
        values.get("supplier_tax_id"), values.get("number"), None if day is None else date.fromisoformat(day),
        None if total is None else Decimal(total),
    )  # fmt: skip


def measure(count: int) -> Iterator[tuple[str | None, frozenset[str]]]:
    """Yield, for each invoice, what was planted (or None) and what stands against it."""
    library = shipped_library()
    start = Random("suppliers")  # noqa: S311  made up: the same on every machine
    suppliers: list[Firm] = [firm(start) for _ in range(SUPPLIERS)]
    known = [Party(str(n), one.tax_id, one.name, (), (one.iban,)) for n, one in enumerate(suppliers)]
    before: list[Invoice] = []
    keys: dict[str | None, list[InvoiceKey]] = {}
    for number in range(count):
        draw = Random(f"planted {number}")  # noqa: S311  made up: the same on every machine
        made = invoice(draw, draw.choice(suppliers))
        kind = KINDS[number // 2 % len(KINDS)] if number % 2 and before else None
        made = plant(made, kind, draw, before) if kind is not None else made
        page = draw_invoice(made, draw)
        if not all(_shown(value, page.text) for value in made.text.values()):
            continue  # this way of setting it does not print what was planted
        found = describe([page], library, TODAY, "invoice")
        key = _key(found)
        yield kind, alarms(found, known, keys.get(key.issuer, ()))
        if kind is None:
            before.append(made)
            keys.setdefault(truth_of(made)["supplier_tax_id"], []).append(key)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and print a table: planted, caught by kind, and false alarms of that kind on invoices without an error."""
    parser = argparse.ArgumentParser(prog="python -m cli.planted", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    planted: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    false: Counter[str] = Counter()
    clean = 0
    for kind, found in measure(asked.count):
        if kind is None:
            clean += 1
            false.update(found)
        else:
            planted[kind] += 1
            caught[kind] += bool(found & REASONS[kind])
    sys.stdout.write(
        f"{clean} invoices without an error\n\n| planted | invoices | caught | false alarms |\n|---|---|---|---|\n"
    )
    for kind in KINDS:
        if planted[kind]:
            alarm = sum(false[code] for code in REASONS[kind])
            share, wrong = 100 * caught[kind] / planted[kind], 100 * alarm / max(clean, 1)
            sys.stdout.write(f"| {kind} | {planted[kind]} | {share:.2f} % | {wrong:.2f} % |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
