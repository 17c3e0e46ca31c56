"""A report as a value: named columns, rows, totals; and what every report needs to know to be made.

A report is read from the rows the acts of the desk wrote, at one instant, for the clients that the person may see, and
counts nothing that is not in the catalogue. Reference of the records desk, section 9.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from custody.desk_tables import locations
from records.due_dates import local_date, zone_of
from records.ids import instant

Value = str | int | None


# What is counted below reports; keys of programs, whose words people read translated.
TOTALS = (
    "out", "overdue", "due", "files_lent", "loans", "in_transit", "not_put_away", "returned", "checked", "received",
    "found_pending", "missing", "phantom", "places", "full", "free", "since", "hours", "requests", "met",
    "not_fillable", "expired", "refused", "cancelled", "waiting", "retrieval_percent", "in_time", "in_time_percent",
    "median_minutes", "p90_minutes", "code", "id", "events", "ledger_entries", "borrower", "client", "department",
    "home", "band",
)  # fmt: skip


class Column(NamedTuple):
    """A column: key in JSON and CSV, heading for people, width as a share of the page."""

    key: str
    heading: str
    share: int = 2


@dataclass(frozen=True, slots=True)
class Report:
    """Rows under columns, as of an instant. `totals` are what stands below a report; keys are for programs."""

    name: str
    title: str
    as_of: datetime
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]
    totals: Mapping[str, Value] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the JSON shape: every row by the keys of its columns."""
        keys = [column.key for column in self.columns]
        rows = [dict(zip(keys, row, strict=True)) for row in self.rows]
        return {"report": self.name, "as_of": instant(self.as_of), "rows": rows, "totals": dict(self.totals)}

    def totals_said(self, say: Callable[[str], str]) -> list[tuple[str, Value]]:
        """Return the totals with the names people read; what was counted by (a name, a day) stays as it is."""
        named = []
        for key, value in self.totals.items():
            word, colon, counted = key.partition(": ")
            named.append((say(word.replace("_", " ")) + colon + counted, value))
        return named


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom and when a report is made: the clients (id -> name) and the instant, aware, UTC."""

    connection: Connection
    clients: Mapping[str, str]
    now: datetime

    def sites(self) -> dict[str, ZoneInfo]:
        """Return the time zone of each site, by the site's id.

        Raises:
            CalendarError: a site's time zone is unknown.
        """
        query = select(locations.c.id, locations.c.time_zone).where(locations.c.parent.is_(None))
        zone = cache(zone_of)
        return {row.id: zone(row.time_zone) for row in self.connection.execute(query)}

    def today(self, zone: ZoneInfo) -> date:
        """Return the local date at a site."""
        return local_date(self.now, zone)


def age_days(since: str, now: datetime) -> int:
    """Return how many whole days ago an instant of the catalogue was."""
    return max(0, (now - datetime.fromisoformat(since)).days)
