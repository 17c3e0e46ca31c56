"""Deliveries of index data, as numbered steps that can be gone on with after any crash.

 1. in one transaction: which records, on which line each, and an `exported` event of every one of them
 2. rows are written to a part beside the target and synced, a few hundred records at a time; how far is noted after
 3. the part gets the name that was asked for
 4. in one transaction: the export is finished, with an `exported` event of the client that commits to the file's digest

An interrupted export goes on where its part ends; what is beyond what was noted is cut off and written again. A record
is never twice in a delivery: `export_lines` refuses it. Only settled records leave unless others are asked for.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, select, update

from custody.access import Person, hidden_from
from custody.handover import check_target, chunks_of
from custody.keys import new_salt
from custody.ledger import Actor, Draft, append, append_many, commitment, hold
from custody.opening import root_of_ids
from custody.sealing import sync_folder
from records.errors import InvalidValueError, NoSpaceError, UnknownIdError
from records.export_tables import export_lines, exports
from records.ids import instant
from records.tables import records, reviews
from tasks.delivering.rows import head_of, mapping_of, rows_of
from tasks.services import Services

AT_ONCE = 500  # records
MOST = 100_000  # records of one export
ANNOUNCED, PARTLY, RENAMED = 81, 82, 83  # where a test may kill the process
SETTLED = ("described", "indexed")

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `delivery` None makes one of its own; `unsettled` takes records in review too."""

    client: str
    record_class: str
    form: str
    target: Path
    delivery: str | None = None
    batch: str | None = None
    by_line: bool = False
    unsettled: bool = False
    reason: str = "request"


def begin(services: Services, wanted: Wanted, person: Person, actor: Actor) -> str:
    """Step 1; return the export's id. The caller has asked `custody.access` for `view` of the client's records.

    Raises:
        InvalidValueError: the file cannot be made there, the class has no mapping, or nothing is left to deliver.
        RecordClassError: there is no such class.
    """
    check_target(wanted.target)
    record_class = services.library.get(wanted.record_class)
    if wanted.form == "class" and record_class.export is None:
        raise InvalidValueError("this class has no mapping of its own: see [export] in docs/record-classes.md")
    with services.database.write() as connection:
        hold(connection)  # of two exports of one delivery the second sees what the first has listed
        export = services.ids.new("exp")
        delivery = wanted.delivery or export
        listed = _listed(connection, wanted, delivery)
        listed = _seen_by(services, connection, person, listed)
        if not listed:
            raise InvalidValueError("no record is left to deliver")
        now = services.clock.now()
        form = f"{wanted.form}:line" if wanted.by_line else wanted.form
        connection.execute(
            insert(exports).values(
                id=export, client=wanted.client, delivery=delivery, record_class=wanted.record_class, format=form,
                target=str(wanted.target), state="open", actor=actor.as_json(), reason=wanted.reason,
                records=len(listed), written=0, bytes=0, rows=0, salt=new_salt(), began=instant(now),
            )
        )  # fmt: skip
        for start in range(0, len(listed), AT_ONCE):
            part = listed[start : start + AT_ONCE]
            drafts = [
                Draft(
                    services.ids.new("evt"), "exported", record, actor, client=wanted.client, reason=wanted.reason,
                    obj={"export": export},
                )
                for record in part
            ]  # fmt: skip
            append_many(connection, drafts, now)
            lines = [
                {"export": export, "number": start + at, "client": wanted.client, "delivery": delivery,
                 "record": draft.subject, "event": draft.id}
                for at, draft in enumerate(drafts)
            ]  # fmt: skip
            connection.execute(insert(export_lines), lines)
    services.vault.reached(ANNOUNCED)
    return export


def carry_on(services: Services, export: str, progress: Progress = lambda _count: None) -> Row[Any]:
    """Steps 2 to 4, from where they stopped; return the row of the finished export. Harmless to repeat.

    Raises:
        UnknownIdError: there is no such export.
        InvalidValueError, NoSpaceError: the file cannot be made there; call again when it can.
    """
    row = export_row(services, export)
    if row.state == "finished":
        return row
    target = Path(row.target)
    check_target(target)
    part = target.with_name(f".muniment-{export}.part")
    try:
        if not _renamed(row, part, target):
            _write(services, row, part, progress)
            part.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise NoSpaceError("the file could not be written") from error
    services.vault.reached(RENAMED)
    return _finish(services, export, target)


def export_row(services: Services, export: str) -> Row[Any]:
    """Return the row of an export.

    Raises:
        UnknownIdError: there is none.
    """
    with services.database.read() as connection:
        row = connection.execute(select(exports).where(exports.c.id == export)).one_or_none()
    if row is None:
        raise UnknownIdError(export)
    return row


def _listed(connection: Connection, wanted: Wanted, delivery: str) -> list[str]:
    done = exists().where(
        export_lines.c.client == wanted.client, export_lines.c.delivery == delivery,
        export_lines.c.record == records.c.id,
    )  # fmt: skip
    open_ = exists().where(reviews.c.record == records.c.id, reviews.c.settled.is_(None))
    query = select(records.c.id).where(
        records.c.client == wanted.client, records.c.record_class == wanted.record_class, ~done
    )
    if wanted.batch is not None:
        query = query.where(records.c.batch == wanted.batch)
    if wanted.unsettled:
        query = query.where(records.c.state.in_((*SETTLED, "in_review")))
    else:
        query = query.where(records.c.state.in_(SETTLED), ~open_)
    return list(connection.execute(query.order_by(records.c.id).limit(MOST)).scalars())


def _seen_by(services: Services, connection: Connection, person: Person, listed: list[str]) -> list[str]:
    """Leave out what is above the person's clearance."""
    today = services.clock.now().astimezone().date()
    hidden: set[str] = set()
    for start in range(0, len(listed), AT_ONCE):
        hidden |= hidden_from(connection, person, "view", today, listed[start : start + AT_ONCE])
    return [record for record in listed if record not in hidden]


def _write(services: Services, row: Row[Any], part: Path, progress: Progress) -> None:
    """Write the rows that are missing in the part, noting after each few hundred records how far it is."""
    record_class = services.library.get(row.record_class)
    form, _, by_line = row.format.partition(":")
    mapping = mapping_of(record_class, form, bool(by_line))
    written, size, rows = (row.written, row.bytes, row.rows) if part.exists() else (0, 0, 0)
    if written and part.stat().st_size < size:  # somebody cut our part: begin it again
        written, size, rows = 0, 0, 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.truncate(size)
        file.seek(size)
        if not written:
            size += file.write(head_of(mapping, form))
        while written < row.records:
            with services.database.read() as connection:
                listed = select(export_lines.c.record).where(
                    export_lines.c.export == row.id, export_lines.c.number >= written
                )
                part_of = list(connection.execute(listed.order_by(export_lines.c.number).limit(AT_ONCE)).scalars())
                made = list(rows_of(connection, part_of, record_class, mapping, form))
            size += sum(file.write(data) for data, _ in made)
            rows += sum(count for _, count in made)
            written += len(part_of)
            file.flush()
            os.fsync(file.fileno())
            _note(services, row.id, written=written, bytes=size, rows=rows)
            progress(len(part_of))
            services.vault.reached(PARTLY)


def _renamed(row: Row[Any], part: Path, target: Path) -> bool:
    """Tell whether step 3 was done: the part is whole and gone, and a file of its length has its name."""
    whole = row.written == row.records and not part.exists()
    return whole and target.exists() and target.stat().st_size == row.bytes


def _note(services: Services, export: str, **values: int) -> None:
    with services.database.write() as connection:
        connection.execute(update(exports).where(exports.c.id == export).values(**values))


def _finish(services: Services, export: str, target: Path) -> Row[Any]:
    digest = hashlib.sha256()
    for chunk in chunks_of(target):
        digest.update(chunk)
    sha256 = digest.hexdigest()
    with services.database.write() as connection:
        row = connection.execute(select(exports).where(exports.c.id == export).with_for_update()).one()
        if row.state != "finished":
            event, now = services.ids.new("evt"), services.clock.now()
            said = {"export": export, "count": row.records, "root": root_of_ids(list(_records_of(connection, export)))}
            draft = Draft(
                event, "exported", row.client, Actor(**row.actor), client=row.client, reason=row.reason, obj=said,
                commit=commitment(bytes(row.salt), bytes.fromhex(sha256)),
            )  # fmt: skip
            append(connection, draft, now)
            done = {"state": "finished", "sha256": sha256, "event": event, "finished": instant(now)}
            connection.execute(update(exports).where(exports.c.id == export).values(done))
    return export_row(services, export)


def _records_of(connection: Connection, export: str) -> Iterator[str]:
    query = select(export_lines.c.record).where(export_lines.c.export == export)
    yield from connection.execute(query).scalars()
