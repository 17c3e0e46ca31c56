"""A benchmark's rows: values of several turns, their unit, and the ratio to what they are measured against."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.frame import _


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `values` of the turns (none where it was not run), `ratio` = value / value of `ratio_to`."""

    what: str
    values: Sequence[float]
    unit: str
    ratio_to: str | None = None
    ratio: float | None = None
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row with its median, lowest and highest value."""
        value = statistics.median(self.values) if self.values else None
        low, high = (min(self.values), max(self.values)) if self.values else (None, None)
        return {
            "what": self.what, "value": value, "unit": self.unit, "ratio_to": self.ratio_to, "ratio": self.ratio,
            "low": low, "high": high, "turns": len(self.values), "note": self.note,
        }  # fmt: skip


def rates_of(ours: str, unit: str, values: Mapping[str, Sequence[float]], absent: Mapping[str, str]) -> list[Row]:
    """Return a row of ours for each of the others, with the ratio of the medians, and one row for each of them.

    Args:
        ours: the name whose ratio to each other is shown.
        unit: of all values.
        values: name and values of the turns, ours among them.
        absent: those that were not run, and why.
    """
    mine = statistics.median(values[ours])
    others = [name for name in values if name != ours]
    rows = [Row(ours, values[ours], unit, name, mine / statistics.median(values[name])) for name in others]
    rows = rows or [Row(ours, values[ours], unit)]
    rows += [Row(name, values[name], unit) for name in others]
    return rows + [Row(name, (), unit, note=f"not run: {why}") for name, why in absent.items()]


def plain_table(document: Mapping[str, Any]) -> str:
    """Return the answer as people read it: conditions, rows, memory."""
    lines = [f"{name + ':':<20} {value}" for name, value in document["conditions"].items() if value is not None]
    head = (_("measured"), _("value"), _("range"), _("unit"), _("ratio"), _("to"))
    lines += ["", *_aligned([head, *map(_cells, document["rows"])], right={1, 4})]
    lines += [f"  {row['what']} ({row['unit']}): {row['note']}" for row in document["rows"] if row["note"]]
    if document["memory"]:
        head = (_("memory of one ingest"), _("all processes"), _("largest"), _("processes"), _("pages/min"), "")
        lines += ["", *_aligned([head, *map(_memory_cells, document["memory"])], right={1, 2, 3, 4})]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["value"] is None:
        return (row["what"], "-", "", row["unit"], "", "")
    ranged = f"{_shown(row['low'])}..{_shown(row['high'])}" if row["turns"] > 1 else ""
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return (row["what"], _shown(row["value"]), ranged, row["unit"], ratio, row["ratio_to"] or "")


def _memory_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    if "tree_mib" not in row:
        return (row["what"], "-", "-", "-", "-", row["note"])
    sizes = (f"{row['tree_mib']:.0f} MiB", f"{row['largest_mib']:.0f} MiB", str(row["processes"]))
    return (row["what"], *sizes, _shown(row["pages_per_minute"]), row["measure"])


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _aligned(rows: Sequence[Sequence[str]], right: set[int]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
