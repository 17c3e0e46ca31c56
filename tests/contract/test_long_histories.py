"""What a subject's next event costs does not grow with how often the subject was read since it last moved.

The writer asks for the subject's newest event, its last move and its open marks: each must be a step down an index that
reads are not in, on SQLite and on PostgreSQL alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from catalogue_house import ACTOR, CLOCK, IDS, RECORD
from sqlalchemy import Connection, event, text

from custody import ledger
from custody.ledger import Draft
from custody.ledger_past import LedgerPast
from custody.tables import READS
from infra.database import EngineDatabase
from records.lifecycle import TRANSITIONS
from records.rules import CLOSES, OPENS

READ_SINCE = 5_000
OTHERS = 200  # other subjects with a history, so that a plan has something to choose from
INDEX = "ix_events_subject_done"


def append(catalogue: EngineDatabase, drafts: list[Draft]) -> None:
    with catalogue.write() as connection:
        ledger.append_many(connection, drafts, CLOCK.now())


@pytest.fixture
def read_often(catalogue: EngineDatabase) -> EngineDatabase:
    """A ledger whose record moved once, has a hold, and was read 5,000 times since."""
    others = [f"rec_{number + 1000:032x}" for number in range(OTHERS)]
    drafts = [Draft(IDS.new("evt"), "registered", one, ACTOR, after="accessioned") for one in (RECORD, *others)]
    append(catalogue, drafts)
    append(catalogue, [Draft(IDS.new("evt"), "hold_set", one, ACTOR, reason="legal") for one in (RECORD, *others)])
    for _ in range(READ_SINCE // 1000):
        append(catalogue, [Draft(IDS.new("evt"), "viewed", RECORD, ACTOR) for _ in range(1000)])
    append(catalogue, [Draft(IDS.new("evt"), "viewed", one, ACTOR) for one in others])
    with catalogue.write() as connection:
        connection.execute(text("ANALYZE"))
    return catalogue


@contextmanager
def watched(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that are executed and their values."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, values: Any) -> str:
    """Return how the database carries a statement out; what it has read is in it, on PostgreSQL."""
    how = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN (ANALYZE, COSTS OFF) "
    return "\n".join(str(row) for row in connection.exec_driver_sql(how + statement, values).all())


@pytest.mark.parametrize("many", [False, True])
def test_a_last_move_and_marks_are_found_by_their_index(read_often: EngineDatabase, many: bool) -> None:
    subjects = [RECORD, *(f"rec_{number + 1000:032x}" for number in range(20 if many else 0))]
    with read_often.read() as connection:
        past = LedgerPast(connection, ledger.size(connection))
        with watched(connection) as seen:
            past.load(subjects)
            assert {past.state(subject) for subject in subjects} == {"accessioned"}
            assert [mark.name for mark in past.marks(RECORD, "hold")] == ["hold"]
        asked = [(statement, values) for statement, values in seen if f"'{READS[0]}'" in statement]
        assert len(asked) == 2 and len(seen) == 3  # where they stand, the last moves, the marks
        for statement, values in asked:
            found = plan(connection, statement, values)
            assert INDEX in found, found
            assert "Seq Scan on events" not in found and "SCAN events" not in found, found


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # PostgreSQL counts no steps: its plans are above
def test_appending_costs_the_same_however_often_it_was_read(read_often: EngineDatabase) -> None:
    """Counted in SQLite's own steps, which no load on the machine changes."""

    def steps(subject: str) -> int:
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        with read_often.write() as connection:
            driver = connection.connection.driver_connection
            driver.set_progress_handler(count, 10)
            ledger.append(connection, Draft(IDS.new("evt"), "viewed", subject, ACTOR), CLOCK.now())
            driver.set_progress_handler(None, 0)
        return counted

    once, often = steps(f"rec_{1000:032x}"), steps(RECORD)
    assert once > 10 and often < 2 * once, (once, often)


def test_no_read_moves_anything_or_leaves_a_mark() -> None:
    assert set(READS).isdisjoint({*TRANSITIONS, *OPENS, *CLOSES})
