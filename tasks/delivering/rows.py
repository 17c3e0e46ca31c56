"""The rows of a delivery: records with their current values, as CSV, JSON Lines or a class's own mapping has them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from records.catalogue import blind_fields
from records.class_library import RecordClass
from records.export_mapping import ExportMapping, default_mapping, harmless, written
from records.tables import clients, fields, records

Values = Mapping[str, tuple[str | None, str | None]]  # field -> value, currency


def mapping_of(record_class: RecordClass, form: str, by_line: bool) -> ExportMapping:
    """Return how rows are written; for JSON Lines only the fields of the mapping count."""
    if form == "class" and record_class.export is not None:
        return record_class.export
    listed = [(spec.name, spec.type, spec.cardinality) for spec in record_class.fields if not spec.evidence]
    return default_mapping(listed, "line" if by_line else "record")


def head_of(mapping: ExportMapping, form: str) -> bytes:
    """Return the first line of the file; JSON Lines have none."""
    return b"" if form == "jsonl" else _line([heading for heading, _ in mapping.columns], mapping)


def rows_of(
    connection: Connection, wanted: Sequence[str], record_class: RecordClass, mapping: ExportMapping, form: str
) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes of each record's rows and how many rows they are, in the order of `wanted`."""
    heads = {
        row.id: row
        for row in connection.execute(
            select(records, clients.c.name.label("client_name")).join(clients).where(records.c.id.in_(wanted))
        )
    }
    current: dict[str, list[Row[Any]]] = {}
    query = select(fields).where(fields.c.record.in_(wanted), fields.c.current.is_(True))
    blind = blind_fields(connection, wanted)
    for row in connection.execute(query.order_by(fields.c.record, fields.c.position, fields.c.name)):
        if (row.record, row.name) not in blind:
            current.setdefault(row.record, []).append(row)
    for record in wanted:
        head, found = heads[record], current.get(record, [])
        if head.state == "disposed":  # since it was listed
            yield b"", 0
            continue
        said = {
            "record": record, "client": head.client_name, "class": head.record_class, "batch": head.batch,
            "state": head.state,
        }  # fmt: skip
        single = _values(row for row in found if row.position < 0)
        lines = [
            _values(row for row in found if row.position == at) for at in sorted({r.position for r in found}) if at >= 0
        ]
        if form == "jsonl":
            yield _json(said, single, lines), 1
            continue
        each = [{**single, **line} for line in lines] if mapping.rows == "line" and lines else [single]
        yield b"".join(_line(_cells(said, values, record_class, mapping), mapping) for values in each), len(each)


def _values(found: Iterator[Row[Any]]) -> dict[str, tuple[str | None, str | None]]:
    return {row.name: (row.value, row.currency if row.type == "money" else None) for row in found}


def _cells(
    said: Mapping[str, str | None], values: Values, record_class: RecordClass, mapping: ExportMapping
) -> list[str]:
    cells = []
    for _, source in mapping.columns:
        spec = record_class.spec(source)
        if spec is not None:
            cells.append(written(values.get(source, (None, None))[0], spec.type, mapping))
        elif source in said:
            cells.append(said[source] or "")
        else:
            cells.append(values.get(source.removesuffix("_currency"), (None, None))[1] or "")
    return cells


def _line(cells: Sequence[str], mapping: ExportMapping) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=mapping.delimiter, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode()


def _json(said: Mapping[str, Any], single: Values, lines: Sequence[Values]) -> bytes:
    document = {**said, "fields": _plain(single), "lines": [_plain(line) for line in lines]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(values: Values) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, (value, currency) in values.items():
        found[name] = value
        if currency is not None:
            found[f"{name}_currency"] = currency
    return found
