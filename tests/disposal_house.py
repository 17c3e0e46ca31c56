"""A planted record, and two people who dispose of it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


AT = "2026-11-23T00:00:00.000Z"


NAME, TEXT, VALUE, WORDS = "zurullo-nombre", "quintaplana", "Zahorra-4471", "dijo-abundio"


@dataclass
class Planted:
    """A record whose file name, text, field value and reasons are known, and a scan of the same bytes."""

    home: Path
    record: str
    original: str
    scan: str
    sha256: str
    file: Path


def events(home: Path, *types: str) -> list[dict[str, Any]]:
    found = [json.loads(leaf) for (leaf,) in sql(home, "SELECT leaf FROM events ORDER BY seq")]
    return [event for event in found if not types or event["type"] in types]


def sql(home: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def propose(run: Run, *records: str, basis: str = "law") -> Any:
    return run("disposal", "propose", *records, "--basis", basis, "--reason", "legal: autoridad-9", "--json")


def approved(run: Run, ana: Run, *records: str) -> str:
    order = str(propose(run, *records).document["order"])
    answer = ana("disposal", "approve", order, "--reason", "audit", "--json")
    assert answer.code == 0, answer.out
    return order


def dispose(run: Run, ana: Run, *records: str) -> dict[str, Any]:
    answer = run("disposal", "run", approved(run, ana, *records), "--json")
    assert answer.code == 0, answer.out
    return dict(answer.document)


def columns(planted: Planted, table: str, **values: Any) -> None:
    """Insert a row whose other columns, where they must not be empty, hold something that does not matter."""
    person = sql(planted.home, "SELECT id FROM persons LIMIT 1")[0][0]
    client = sql(planted.home, "SELECT client FROM records WHERE id = ?", planted.record)[0][0]
    row = {"client": client}
    for _, name, kind, notnull, default, key in sql(planted.home, f"PRAGMA table_info({table})"):
        if name in values or not (notnull or key) or default is not None or name in row:
            continue
        row[name] = person if name in ("requester", "borrower") else 0 if kind in ("INTEGER", "BOOLEAN") else AT
    row |= values
    with closing(sqlite3.connect(planted.home / "catalogue.db")) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values())
        )


def due(run: Run, record: str) -> dict[str, Any]:
    rows = run("disposal", "due", "--all", "--json").document["records"]
    found = next(dict(row) for row in rows if row["record"] == record)
    found["obstacles"].sort(key=lambda one: (one["code"] not in ("listed", "no-rule"), one["code"]))
    return found
