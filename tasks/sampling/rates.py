"""Error rates: of the values that were accepted unseen by samples, of what people looked at, and of the people.

A rate is a count over a count with its exact interval at 95 %, never a verdict. A person's decision counts as
overturned when another person later decided otherwise on the same field; a blind keying as wrong when a third did.
Measures of people are theirs and their supervisor's business: the report is shown to supervisors alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from records.review_tables import review_keyings, review_proposals
from records.sample_tables import sample_values
from records.sampling import interval
from records.tables import fields, persons, records


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of the report. `what` is field, review, keying or operator; the interval is of `wrong` in `count`."""

    what: str
    record_class: str | None
    name: str
    count: int
    wrong: int

    def document(self) -> dict[str, Any]:
        """Return the shape of the answer."""
        low, high = interval(self.wrong, self.count)
        share = None if not self.count else round(self.wrong / self.count, 6)
        return {
            "what": self.what, "class": self.record_class, "name": self.name, "count": self.count,
            "wrong": self.wrong, "share": share, "low": round(low, 6), "high": round(high, 6),
        }  # fmt: skip


def sampled(connection: Connection, clients: Collection[str]) -> list[Rate]:
    """Return for each class and field how many values accepted unseen were looked at in samples, and how many wrong."""
    query = (
        select(records.c.record_class, sample_values.c.field, sample_values.c.right, func.count().label("many"))
        .join(records, records.c.id == sample_values.c.record)
        .where(sample_values.c.client.in_(clients), sample_values.c.right.is_not(None))
        .group_by(records.c.record_class, sample_values.c.field, sample_values.c.right)
    )
    return _rates("field", [(r.record_class, r.field, not r.right, r.many) for r in connection.execute(query)])


def reviewed(connection: Connection, clients: Collection[str]) -> list[Rate]:
    """Return for each class and field how many values people decided on, and how many the machine had wrong."""
    query = (
        select(records.c.record_class, fields.c.name, fields.c.status, func.count().label("many"))
        .join(records, records.c.id == fields.c.record)
        .where(fields.c.client.in_(clients), fields.c.current.is_(True), fields.c.actor.is_not(None))
        .group_by(records.c.record_class, fields.c.name, fields.c.status)
    )
    return _rates(
        "review", [(r.record_class, r.name, r.status != "confirmed", r.many) for r in connection.execute(query)]
    )


def keyed(connection: Connection, clients: Collection[str]) -> list[Rate]:
    """Return for each class and field how many blind keyings were settled, and how many of them were wrong."""
    query = (
        select(records.c.record_class, review_keyings.c.field, review_keyings.c.right, func.count().label("many"))
        .join(records, records.c.id == review_keyings.c.record)
        .where(review_keyings.c.client.in_(clients), review_keyings.c.turn < 3, review_keyings.c.settled.is_not(None))
        .group_by(records.c.record_class, review_keyings.c.field, review_keyings.c.right)
    )
    return _rates("keying", [(r.record_class, r.field, not r.right, r.many) for r in connection.execute(query)])


def operators(connection: Connection, clients: Collection[str]) -> list[Rate]:
    """Return for each person how many values were decided on or keyed, and how many others decided otherwise."""
    later = fields.alias("later")
    overturned = (
        select(fields.c.actor, func.count().label("many"))
        .join(
            later,
            (later.c.record == fields.c.record) & (later.c.name == fields.c.name)
            & (later.c.position == fields.c.position) & (later.c.revision == fields.c.revision + 1),
        )
        .where(
            fields.c.client.in_(clients), fields.c.actor.is_not(None), later.c.actor.is_not(None),
            later.c.actor != fields.c.actor, func.coalesce(later.c.value, "") != func.coalesce(fields.c.value, ""),
        )
        .group_by(fields.c.actor)
    )  # fmt: skip
    mine = select(fields.c.actor, func.count().label("many")).where(
        fields.c.client.in_(clients), fields.c.actor.is_not(None)
    )
    table = review_proposals.c
    proposed = select(table.proposed_by, table.state, func.count().label("many")).where(
        table.client.in_(clients), table.state != "open"
    )
    lines = [(row.actor, False, row.many) for row in connection.execute(mine.group_by(fields.c.actor))]
    wrong = {row.actor: row.many for row in connection.execute(overturned)}
    lines = [(actor, False, many - wrong.get(actor, 0)) for actor, _, many in lines]
    lines += [(actor, True, many) for actor, many in wrong.items()]
    for row in connection.execute(proposed.group_by(table.proposed_by, table.state)):
        lines.append((row.proposed_by, row.state == "refused", row.many))
    made = review_keyings.c
    typed = select(made.keyed_by, made.right, func.count().label("many")).where(
        made.client.in_(clients), made.turn < 3, made.settled.is_not(None)
    )
    for row in connection.execute(typed.group_by(made.keyed_by, made.right)):
        lines.append((row.keyed_by, not row.right, row.many))
    names = {row.pseudonym: row.name for row in connection.execute(select(persons.c.pseudonym, persons.c.name))}
    return _rates("operator", [(None, names.get(actor, actor), bad, many) for actor, bad, many in lines])


def _rates(what: str, lines: list[tuple[str | None, str, bool, int]]) -> list[Rate]:
    counts: dict[tuple[str | None, str], tuple[int, int]] = {}
    for record_class, name, bad, many in lines:
        count, wrong = counts.get((record_class, name), (0, 0))
        counts[record_class, name] = count + many, wrong + (many if bad else 0)
    order = sorted(counts.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    return [Rate(what, record_class, name, count, wrong) for (record_class, name), (count, wrong) in order]
