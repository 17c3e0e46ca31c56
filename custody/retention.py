"""Retention on the catalogue: rules as rows, and for each record the rule that counts and the day it is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from custody.disposal_tables import retention_rules
from custody.ledger import Actor, Draft, append
from custody.vault import Vault
from records.errors import InvalidValueError
from records.ids import parse_instant
from records.retention import NAME, Rule, Start, parse_period, rule_for
from records.tables import fields, records

SURE = ("accepted", "confirmed", "corrected")  # statuses of a field whose date may start a period
OWN_DATE = "date"  # the index field that is a record's own date


@dataclass(frozen=True, slots=True)
class Due:
    """What retention says of a record: the rule that counts, None where there is none, and the day it is due.

    `due_on` is None without a rule, or where the rule keeps for ever.
    """

    rule: Rule | None
    due_on: date | None


def set_rule(vault: Vault, connection: Connection, rule: Rule, actor: Actor) -> None:
    """Put a rule in the place of the one of its name, in the caller's transaction; its change is an event.

    Raises:
        InvalidValueError: name or period have not their form, or another rule has the same client and class.
    """
    if not NAME.fullmatch(rule.name):
        raise InvalidValueError("a rule's name is small letters, digits and -")
    if rule.period is not None:
        parse_period(rule.period)
    for other in rules_of(connection):
        if other.name != rule.name and (other.client, other.record_class) == (rule.client, rule.record_class):
            raise InvalidValueError(f"the rule {other.name} has the same client and class")
    event = vault.ids.new("evt")
    draft = Draft(
        event, "config_changed", rule.client or event, actor, client=rule.client, reason="retention",
        obj={
            "rule": rule.name, "class": rule.record_class, "period": rule.period, "start": rule.start,
            "year_end": rule.year_end,
        },
    )  # fmt: skip
    entry = append(connection, draft, vault.clock.now())
    connection.execute(delete(retention_rules).where(retention_rules.c.name == rule.name))
    connection.execute(
        insert(retention_rules).values(
            name=rule.name, client=rule.client, record_class=rule.record_class, period=rule.period, start=rule.start,
            year_end=rule.year_end, authority=rule.authority, since=entry.event["ts"], event=entry.id,
        )
    )  # fmt: skip


def rules_of(connection: Connection) -> list[Rule]:
    """Return every rule, by name."""
    return [_rule(row) for row in connection.execute(select(retention_rules).order_by(retention_rules.c.name))]


def due_dates(connection: Connection, wanted: Sequence[str]) -> dict[str, Due]:
    """Return for each record the rule that counts today and the day on which it may be disposed of."""
    rules = rules_of(connection)
    rows = connection.execute(
        select(records.c.id, records.c.client, records.c.record_class, records.c.created).where(
            records.c.id.in_(wanted)
        )
    ).all()
    own = _own_dates(connection, wanted)
    found: dict[str, Due] = {}
    for row in rows:
        rule = rule_for(rules, row.client, row.record_class)
        accessioned = parse_instant(row.created).astimezone().date()
        found[row.id] = Due(rule, None if rule is None else rule.due_on(accessioned, own.get(row.id)))
    return found


def _own_dates(connection: Connection, wanted: Sequence[str]) -> dict[str, date]:
    rows = connection.execute(
        select(fields.c.record, fields.c.value).where(
            fields.c.record.in_(wanted),
            fields.c.name == OWN_DATE,
            fields.c.position == -1,
            fields.c.current.is_(True),
            fields.c.status.in_(SURE),
        )
    )
    found: dict[str, date] = {}
    for record, value in rows:
        try:
            found[record] = date.fromisoformat(value or "")
        except ValueError:  # a day or month is missing: the accession, which is later, counts
            continue
    return found


def _rule(row: Row[Any]) -> Rule:
    start: Start = "record-date" if row.start == "record-date" else "accession"
    return Rule(row.name, row.client, row.record_class, row.period, start, row.year_end, row.authority)
