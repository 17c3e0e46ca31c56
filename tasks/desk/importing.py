"""Files brought in from a CSV: all of them or none, and a trial that only says which rows would not do.

Columns, by the names in the first line: barcode, title, case_no, department, pages, volume, volumes, access_class,
retention_rule, place (a shelf or box: the file is taken over and put there; without it the file is only announced).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custody.movements import Position, reload
from records.desk import ACCESS_CLASSES
from records.desk_answers import Said
from records.errors import DeskError, InvalidValueError
from tasks.desk import lookup, places, shelving
from tasks.desk.acts import Answer, AnsweredError, Asked, Desk, perform
from tasks.desk.receiving import Described, add_file, client_of
from tasks.services import Services

COLUMNS = (
    "barcode", "title", "case_no", "department", "pages", "volume", "volumes", "access_class", "retention_rule",
    "place",
)  # fmt: skip
NUMBERS = ("pages", "volume", "volumes")
MOST_ROWS = 100_000

Problems = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a CSV: rows, those that will do, and (line, what is wrong) of the others."""

    rows: int
    ok: int
    problems: tuple[tuple[int, str], ...]


def import_files(services: Services, asked: Asked, path: Path, client: str, dry_run: bool) -> Imported:
    """Bring files in from a CSV; with `dry_run`, or where a row will not do, nothing is written.

    Raises:
        InvalidValueError: no CSV in UTF-8, an unknown column, or too many rows.
    """
    rows = _read(path)
    problems: Problems = []

    def work(desk: Desk) -> Answer:
        problems.clear()
        _take_all(desk, client, rows, problems)
        done = Answer(Said("imported", {"count": len(rows)}))
        if dry_run or problems:
            raise AnsweredError(done)  # what was tried is rolled back
        return done

    answer = perform(services, asked, f"import {path.name} {len(rows)}", work)
    if answer.said.code != "imported":
        problems.append((1, answer.said.text()))
    wrong = {line for line, _ in problems}
    return Imported(len(rows), 0 if 1 in wrong else len(rows) - len(wrong), tuple(problems))


def _take_all(desk: Desk, client: str, rows: Sequence[Mapping[str, Any]], problems: Problems) -> None:
    owner = client_of(desk, client)
    staging = places.passing(desk, places.site_of(desk.connection, places.here(desk)).id, "STAGING")
    for line, row in enumerate(rows, 2):
        try:
            with desk.connection.begin_nested():
                _take(desk, owner, row, staging.id)
        except AnsweredError as end:
            problems.append((line, end.answer.said.text()))
        except (DeskError, InvalidValueError) as error:
            problems.append((line, str(error)))


def _take(desk: Desk, client: str, row: Mapping[str, Any], staging: str) -> None:
    if None in row or any(value is None for value in row.values()):
        raise InvalidValueError("the row has more or fewer cells than the first line")
    given = {name: value.strip() for name, value in row.items() if value.strip()}
    for name in NUMBERS:
        if name in given:
            if not given[name].isdecimal():
                raise InvalidValueError(f"{name} is a number")
            given[name] = int(given[name])
    if given.get("access_class", ACCESS_CLASSES[0]) not in ACCESS_CLASSES:
        raise InvalidValueError(f"access_class is one of {', '.join(ACCESS_CLASSES)}")
    at, barcode = given.pop("place", None), given.pop("barcode", None)
    if at is None:
        add_file(desk, client, barcode, Described(**given), None)
        return
    target = lookup.place_or_box(desk, at, "handle")
    file = add_file(desk, client, barcode, Described(**given), staging)
    if target.id.startswith("box_"):
        shelving.check_box(desk, target, file)
        to = Position(box=target.id)
    else:
        places.check_room(desk, target, file, boxed=False)
        to = Position(place=target.id)
    shelving.shelve(desk, reload(desk.connection, file.id), to)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            unknown = [name for name in names if name not in COLUMNS]
            if not names or unknown or len(set(names)) < len(names):
                raise InvalidValueError(f"the first line names columns, each once, of: {', '.join(COLUMNS)}")
            reader.fieldnames = names
            rows = []
            for row in reader:
                rows.append(row)
                if len(rows) > MOST_ROWS:
                    raise InvalidValueError(f"at most {MOST_ROWS} rows at once")
            return rows
    except (OSError, UnicodeError, csv.Error) as error:
        raise InvalidValueError("the file cannot be read as CSV in UTF-8") from error
