"""How well requests are met: the retrieval rate, how long it took, and how many were in time.

The retrieval rate is the share of the requests that were decided on and are over, in which the paper (or a scan of it)
was handed over or made ready; those who changed their mind do not count. Time runs from the request to the moment it
was ready, filled or converted. In time means: ready by the end of the day it was needed by or, where none was named,
within the agreed hours. Reference of the records desk, section 9.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from custody.desk_tables import locations
from custody.loan_tables import requests
from records.due_dates import day_ends_at
from records.ids import instant
from tasks.reports.report import Column, Report, Scope, Value

MET = ("filled", "converted", "ready")
NOT_MET = ("not_fillable", "expired")
COUNTED = (*MET, *NOT_MET)

COLUMNS = (
    Column("client", "client", 3),
    Column("requests", "requests", 1),
    Column("met", "met", 1),
    Column("not_fillable", "not fillable", 1),
    Column("expired", "expired", 1),
    Column("refused", "refused", 1),
    Column("cancelled", "cancelled", 1),
    Column("waiting", "waiting", 1),
    Column("retrieval_percent", "retrieved, %", 1),
    Column("in_time", "in time", 1),
    Column("in_time_percent", "in time, %", 1),
    Column("median_minutes", "median, minutes", 1),
    Column("p90_minutes", "90th percentile, minutes", 1),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed: requests since a day, and within how many hours they are to be met."""

    since: date
    hours: int = 24


def retrieval(scope: Scope, terms: Terms) -> Report:
    """Report the retrieval rate and the response time of each client's requests since a day, and of all together."""
    zones = scope.sites()
    query = (
        select(
            requests.c.client, requests.c.state, requests.c.created, requests.c.ready_at, requests.c.closed_at,
            requests.c.needed_by, locations.c.site,
        )
        .join(locations, locations.c.id == requests.c.pickup)
        .where(requests.c.client.in_(scope.clients), requests.c.created >= instant(_start(terms, scope)))
    )  # fmt: skip
    by_client: dict[str, _Tally] = {}
    everybody = _Tally()
    for row in scope.connection.execute(query.execution_options(yield_per=2000)):
        minutes, in_time = _response(row, terms, zones)
        for tally in (by_client.setdefault(row.client, _Tally()), everybody):
            tally.add(row.state, minutes, in_time)
    rows = sorted((scope.clients[client], *tally.row()) for client, tally in by_client.items())
    keys = [column.key for column in COLUMNS[1:]]
    totals = {"since": terms.since.isoformat(), "hours": terms.hours, **dict(zip(keys, everybody.row(), strict=True))}
    return Report("retrieval", "Requests met", scope.now, COLUMNS, rows, totals)


class _Tally:
    """Counts one client's requests."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.minutes: list[int] = []
        self.in_time = 0

    def add(self, state: str, minutes: int | None, in_time: bool) -> None:
        self.states[state] += 1
        if minutes is not None:
            self.minutes.append(minutes)
            self.in_time += in_time

    def row(self) -> tuple[Value, ...]:
        met = sum(self.states[state] for state in MET)
        over = sum(self.states[state] for state in COUNTED)
        ended = {*COUNTED, "refused", "cancelled"}
        waiting = sum(count for state, count in self.states.items() if state not in ended)
        minutes = sorted(self.minutes)
        return (
            self.states.total(), met, self.states["not_fillable"], self.states["expired"], self.states["refused"],
            self.states["cancelled"], waiting, percent(met, over), self.in_time, percent(self.in_time, over),
            percentile(minutes, 50), percentile(minutes, 90),
        )  # fmt: skip


def percent(part: int, whole: int) -> int | None:
    """Return a share in whole percent, rounded down; None of nothing."""
    return None if not whole else 100 * part // whole


def percentile(ordered: Sequence[int], share: int) -> int | None:
    """Return the value that `share` percent do not exceed (nearest rank); None of nothing."""
    return None if not ordered else ordered[max(0, -(-share * len(ordered) // 100) - 1)]


def _start(terms: Terms, scope: Scope) -> datetime:
    # the first site's midnight: sites of one installation are hours apart at most, and a report is of weeks
    zones = list(scope.sites().values())
    before = terms.since - timedelta(days=1)
    return (
        day_ends_at(before, zones[0]) if zones else datetime.combine(terms.since, datetime.min.time(), scope.now.tzinfo)
    )


def _response(row: Any, terms: Terms, zones: Mapping[str, ZoneInfo]) -> tuple[int | None, bool]:
    """Return after how many minutes a request was met, and whether that was in time."""
    if row.state not in MET:
        return None, False
    met = row.ready_at or row.closed_at
    created, done = datetime.fromisoformat(row.created), datetime.fromisoformat(met)
    minutes = int((done - created).total_seconds() // 60)
    if row.needed_by is not None:
        return minutes, done < day_ends_at(date.fromisoformat(row.needed_by), zones[row.site])
    return minutes, done - created <= timedelta(hours=terms.hours)
