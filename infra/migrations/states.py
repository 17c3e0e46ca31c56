"""Letting a column take more states: what ALTER TABLE of SQLite cannot do, done as its manual describes.

SQLite keeps the text of CREATE TABLE; dropping or widening a CHECK or dropping NOT NULL changes no row, and may be
written into that text within a transaction (sqlite.org/lang_altertable.html, section 7, the simpler procedure).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def allow(table: str, column: str, values: Sequence[str]) -> None:
    """Let `column` take exactly `values`; its check is named as records.tables.one_of names it."""
    listed = ", ".join(f"'{value}'" for value in values)
    name = f"ck_{table}_{column}"
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, f"{column} IN ({listed})")
        return
    _rewrite(
        table,
        rf"(CONSTRAINT {name} CHECK \({column} IN \()[^)]*(\)\))",
        lambda found: found[1] + listed + found[2],
    )


def allow_null(table: str, column: str, column_type: sa.types.TypeEngine[Any]) -> None:
    """Let `column` be NULL."""
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(table, column, existing_type=column_type, nullable=True)
        return
    _rewrite(table, rf"(\b{column}\b [A-Z]+(?:\(\d+\))?) NOT NULL", lambda found: found[1])


def _rewrite(table: str, pattern: str, made: Callable[[re.Match[str]], str]) -> None:
    connection = op.get_bind()
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    before = str(connection.execute(query, {"name": table}).scalar_one())
    after, count = re.subn(pattern, made, before)
    if count != 1:
        raise RuntimeError(f"{table} has not the form that this migration changes")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    change = sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name")
    connection.execute(change, {"sql": after, "name": table})
    connection.exec_driver_sql(f"PRAGMA schema_version={int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")
    found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
    if found != ["ok"]:
        raise RuntimeError("the database did not stay whole")
