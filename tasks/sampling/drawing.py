"""Samples of values that were accepted without a person: ordered, drawn, looked at, closed.

 1. in one transaction: the lot (all units, their Merkle root), the seed and the count are recorded with an event
 2. only then is the sample drawn: SHA-256 of seed and unit decides, so that anybody draws it again
 3. people say of each value whether it is what stands on the page; each answer is an event
 4. closing states the exact interval; one critical defect rejects the lot, and every unit of it is looked at again

Source: reference of data verification, section 12; acceptance cases 27 and 29. Bounds: records.sampling.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.keys import new_salt
from custody.ledger import Actor, Draft, append
from custody.opening import root_of_ids
from records.catalogue import open_reviews
from records.errors import InvalidValueError, UnknownIdError
from records.fields import ReviewReason
from records.ids import instant
from records.sample_tables import sample_values, samples
from records.sampling import Outcome, draw_sample, judge_sample
from records.tables import fields, records
from tasks.review.reopening import reopen
from tasks.services import Services

DEFECTS = {"high": "critical", "medium": "major", "low": "minor"}  # by the risk of the field
MOST = 500_000  # units of one lot
LOT_REJECTED = "lot-rejected"


@dataclass(frozen=True, slots=True)
class Lot:
    """Which values are sampled: those of a client's class, of one field where it is named."""

    client: str
    record_class: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One value of a lot."""

    record: str
    field: str
    position: int
    revision: int

    @property
    def name(self) -> str:
        """What is hashed and recorded."""
        return f"{self.record}:{self.field}:{self.position}:{self.revision}"


def unit_of(name: str) -> Unit:
    """Return the unit of a name."""
    record, field, position, revision = name.split(":")
    return Unit(record, field, int(position), int(revision))


def order(services: Services, lot: Lot, count: int, actor: Actor, seed: str | None = None) -> str:
    """Steps 1 and 2; return the sample's id. A seed that is given is recorded as given: chosen, not random.

    The caller has asked `custody.access` for `review`.

    Raises:
        InvalidValueError: nothing of it was accepted unseen, or too much.
    """
    with services.database.write() as connection:
        units = _units(connection, lot)
        if not units or len(units) > MOST:
            raise InvalidValueError(f"a lot is 1 to {MOST} values that were accepted without a person")
        sample, event = services.ids.new("smp"), services.ids.new("evt")
        used = seed if seed is not None else new_salt().hex()[:32]
        said = {
            "seed": used, "given": seed is not None, "lot": root_of_ids(units), "size": len(units), "count": count,
        }  # fmt: skip
        draft = Draft(event, "sample_ordered", sample, actor, client=lot.client, obj=said)
        append(connection, draft, services.clock.now())
        connection.execute(
            insert(samples).values(
                id=sample, client=lot.client, record_class=lot.record_class, field=lot.field, seed=used,
                lot=zlib.compress("\n".join(units).encode()), size=len(units), wanted=count, state="open",
                ordered_by=actor.id, ordered=instant(services.clock.now()), event=event,
            )
        )  # fmt: skip
    draw(services, sample)
    return sample


def draw(services: Services, sample: str) -> None:
    """Step 2; harmless to repeat after a crash between the two."""
    with services.database.write() as connection:
        row = sample_row(connection, sample, lock=True)
        if connection.execute(select(sample_values.c.number).where(sample_values.c.sample == sample)).first():
            return
        record_class = services.library.get(row.record_class)
        made = []
        for number, name in enumerate(draw_sample(lot_of(row), row.wanted, row.seed), 1):
            unit = unit_of(name)
            spec = record_class.spec(unit.field)
            made.append({
                "sample": sample, "number": number, "client": row.client, "record": unit.record, "field": unit.field,
                "position": unit.position, "revision": unit.revision,
                "defect": DEFECTS["medium" if spec is None else spec.risk],
            })  # fmt: skip
        connection.execute(insert(sample_values), made)


def lot_of(row: Row[Any]) -> list[str]:
    """Return the names of a lot's units."""
    return zlib.decompress(bytes(row.lot)).decode().split("\n")


def sample_row(connection: Connection, sample: str, *, lock: bool = False) -> Row[Any]:
    """Return the row of a sample.

    Raises:
        UnknownIdError: there is none.
    """
    query = select(samples).where(samples.c.id == sample)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownIdError(sample)
    return row


def values_of(connection: Connection, sample: str) -> list[Row[Any]]:
    """Return the values drawn, in their order."""
    query = select(sample_values).where(sample_values.c.sample == sample)
    return list(connection.execute(query.order_by(sample_values.c.number)))


def judge(services: Services, sample: str, number: int, right: bool, actor: Actor) -> None:
    """Step 3: say whether a value is what stands on the page, once, in one transaction with its event.

    Raises:
        UnknownIdError: no such value was drawn.
        InvalidValueError: the sample is closed, or somebody has said it already.
    """
    with services.database.write() as connection:
        row = sample_row(connection, sample, lock=True)
        value = next((one for one in values_of(connection, sample) if one.number == number), None)
        if value is None:
            raise UnknownIdError(f"{sample} has no value {number}")
        if row.state != "open" or value.right is not None:
            raise InvalidValueError("this value was judged already, or the sample is closed")
        event = services.ids.new("evt")
        said = {
            "sample": sample, "field": value.field, "index": None if value.position < 0 else value.position,
            "right": right, "defect": None if right else value.defect,
        }  # fmt: skip
        draft = Draft(event, "value_sampled", value.record, actor, client=row.client, obj=said)
        append(connection, draft, services.clock.now())
        here = (sample_values.c.sample == sample) & (sample_values.c.number == number)
        said_now = {"right": right, "judged_by": actor.id, "event": event}
        connection.execute(update(sample_values).where(here).values(said_now))


def outcome_of(values: Sequence[Row[Any]]) -> Outcome:
    """Return what the values judged so far say."""
    judged = [value for value in values if value.right is not None]
    return judge_sample([(not value.right, value.defect == "critical") for value in judged])


def close(services: Services, sample: str, actor: Actor) -> Outcome:
    """Step 4. A lot with a critical defect is rejected at once, any other when every value was judged.

    Raises:
        InvalidValueError: values are left to be judged.
    """
    with services.database.write() as connection:
        row = sample_row(connection, sample, lock=True)
        values = values_of(connection, sample)
        found = outcome_of(values)
        if row.state == "open":
            if found.count < len(values) and not found.rejected:
                raise InvalidValueError(f"{len(values) - found.count} values are left to be judged")
            said = {"count": found.count, "wrong": found.wrong, "critical": found.critical, "rejected": found.rejected}
            draft = Draft(services.ids.new("evt"), "sample_closed", sample, actor, client=row.client, obj=said)
            append(connection, draft, services.clock.now())
            state = "rejected" if found.rejected else "passed"
            closed = {"state": state, "closed": instant(services.clock.now())}
            connection.execute(update(samples).where(samples.c.id == sample).values(closed))
    if found.rejected:
        rework(services, sample, actor)
    return found


def rework(services: Services, sample: str, actor: Actor) -> int:
    """Open a review of every value of a rejected lot, a record at a time; return how many. Harmless to repeat."""
    with services.database.read() as connection:
        row = sample_row(connection, sample)
    by_record: dict[str, list[Unit]] = {}
    for unit in map(unit_of, lot_of(row)):
        by_record.setdefault(unit.record, []).append(unit)
    return sum(_reopen(services, record, units, sample, actor) for record, units in by_record.items())


def _units(connection: Connection, lot: Lot) -> list[str]:
    query = (
        select(fields.c.record, fields.c.name, fields.c.position, fields.c.revision)
        .join(records, records.c.id == fields.c.record)
        .where(
            records.c.client == lot.client, records.c.record_class == lot.record_class,
            records.c.state.in_(("described", "in_review", "indexed")), fields.c.current.is_(True),
            fields.c.status == "accepted", fields.c.value.is_not(None),
        )
    )  # fmt: skip
    if lot.field is not None:
        query = query.where(fields.c.name == lot.field)
    return sorted(Unit(*row).name for row in connection.execute(query.limit(MOST + 1)))


def _reopen(services: Services, record: str, units: Sequence[Unit], sample: str, actor: Actor) -> int:
    """Ask a person about those values of one record that nobody has looked at since."""
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        names = sorted(set(_unseen(connection, units)))
        asked = {one.field for one in open_reviews(connection, record) if one.code == LOT_REJECTED}
        wanted = [name for name in names if name not in asked]
        if not wanted or row.state not in ("described", "in_review", "indexed"):
            return 0
        reopen(services, connection, row, [ReviewReason(LOT_REJECTED, name, sample) for name in wanted], actor)
    return len(wanted)


def _unseen(connection: Connection, units: Sequence[Unit]) -> Iterator[str]:
    for unit in units:
        here = (
            (fields.c.record == unit.record) & (fields.c.name == unit.field) & (fields.c.position == unit.position)
            & (fields.c.revision == unit.revision) & fields.c.current.is_(True) & (fields.c.status == "accepted")
        )  # fmt: skip
        if connection.execute(select(fields.c.record).where(here)).first() is not None:
            yield unit.field
