"""In charge of many rows in one statement: values that travel as one parameter, which the database reads as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

OTHER_PLANS = ("bitmapscan", "hashjoin", "mergejoin", "seqscan", "sort")  # than walking an index, row by row


def one_of(tx: Connection, which: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of these values, however many they are."""
    found = list(values)
    if tx.dialect.name == "sqlite":
        return which.in_(select(func.json_each(_parameter(found)).table_valued("value").c.value))
    return which == func.any(bindparam(None, found, ARRAY(which.type), unique=True))


def table_of(tx: Connection, rows: Sequence[dict[str, Any]], *columns: Column[Any]) -> FromClause:
    """Return rows as a table with the names and types of these columns; every row has a value for each, or None."""
    if tx.dialect.name == "sqlite":
        listed = [[row[one.name] for one in columns] for row in rows]  # half as long as with its names, and read sooner
        each = func.json_each(_parameter(listed)).table_valued("value")
        values = (func.json_extract(each.c.value, f"$[{place}]").label(one.name) for place, one in enumerate(columns))
        return select(*values).subquery()
    typed = [column(one.name, one.type) for one in columns]
    return func.json_to_recordset(cast(_parameter(rows), JSON)).table_valued(*typed).render_derived(with_types=True)


def by_index(tx: Connection) -> None:
    """Let the statements of this transaction walk indexes, whatever PostgreSQL's statistics say.

    They are from before the hour at which a hundred thousand deliveries were queued at once: by them nothing is queued,
    so each claim of two hundred would read and sort all of them.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(*(func.set_config(f"enable_{name}", "off", true()) for name in OTHER_PLANS)))


def _parameter(value: Sequence[Any]) -> Any:
    return bindparam(None, json.dumps(value, default=_written), Text, unique=True)


@lru_cache(4096)  # many rows have the same moment, or the same date
def _written(value: date) -> str:
    """Write a moment or a date as the database itself does: on SQLite a moment is text, the UTC wall clock."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat()
