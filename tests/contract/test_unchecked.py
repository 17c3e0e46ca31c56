"""Values with a check that could not run, on SQLite and PostgreSQL: marked when saved, and found by an index alone."""

import importlib

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from review_rows import CLIENT, ReviewRows, review_rows
from sqlalchemy import Engine, text

from records.catalogue import add_revision
from records.fields import Check, Field, Status
from tasks.review.unchecked import unchecked

UNKNOWN, PASS = Check("vies", "unknown", 'no "answer"', "vies 1"), Check("tax-id", "pass", '"unknown"', "tax-id 1")


@pytest.fixture
def rows(engine: Engine) -> ReviewRows:
    return review_rows(engine, "Ana")


def save(rows: ReviewRows, record: str, *checks: Check, status: Status = "review", name: str = "total") -> None:
    with rows.services.database.write() as connection:
        add_revision(connection, record, CLIENT, Field(name, "1", "code", status, checks=checks), "evt", None)


def listed(rows: ReviewRows, limit: int | None = None, record_class: str | None = None) -> list[str]:
    with rows.services.database.read() as connection:
        return unchecked(connection, [CLIENT], record_class, limit)


def test_what_could_not_run_is_listed_until_it_has_or_a_person_decides(rows: ReviewRows) -> None:
    first, second = rows.record(1), rows.record(2)
    save(rows, first, PASS)
    assert listed(rows) == []  # the word in a message is no outcome
    save(rows, first, PASS, UNKNOWN)
    save(rows, first, UNKNOWN, name="iban")
    save(rows, second, UNKNOWN)
    assert listed(rows) == [first, second] and listed(rows, 1) == [first]
    assert listed(rows, None, "invoice") == [first, second] and listed(rows, None, "letter") == []
    save(rows, first, PASS)
    assert listed(rows) == [first, second]  # of two values one is left
    save(rows, first, UNKNOWN, status="confirmed", name="iban")
    assert listed(rows) == [second]
    with rows.services.database.read() as connection:
        assert unchecked(connection, ["cli_other"]) == [] and unchecked(connection, []) == []


def test_the_list_is_found_by_its_index(rows: ReviewRows, engine: Engine) -> None:
    for number in range(1, 40):
        save(rows, rows.record(number), UNKNOWN if number % 10 == 0 else PASS)
    asked = "SELECT record FROM fields WHERE client = :client AND unchecked IS {0} AND current IS {0} ORDER BY record"
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.execute(text("EXPLAIN QUERY PLAN " + asked.format("1")), {"client": CLIENT}).all()
        else:
            connection.execute(text("SET enable_seqscan = off"))  # few rows are read as fast from end to end
            plan = connection.execute(text("EXPLAIN " + asked.format("true")), {"client": CLIENT}).all()
    assert "ix_fields_unchecked" in str(plan), plan
    assert len(listed(rows)) == 3


def test_what_was_saved_before_is_marked_by_the_migration(rows: ReviewRows, engine: Engine) -> None:
    first, second = rows.record(1), rows.record(2)
    save(rows, first, UNKNOWN)
    save(rows, first, PASS, name="iban")
    save(rows, second, UNKNOWN)
    save(rows, second, UNKNOWN, status="confirmed")
    migration = importlib.import_module("infra.migrations.versions.0021_unchecked_fields")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_fields_unchecked")
        connection.exec_driver_sql("ALTER TABLE fields DROP COLUMN unchecked")
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
    assert listed(rows) == [first]
