"""In charge of many rows in one statement: values that travel as one parameter, which the database reads as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
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
)
from sqlalchemy.dialects.postgresql import ARRAY


def one_of(tx: Connection, which: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of these values, however many they are."""
    found = list(values)
    if tx.dialect.name == "sqlite":
        return which.in_(select(func.json_each(_parameter(found)).table_valued("value").c.value))
    return which == func.any(bindparam(None, found, ARRAY(which.type), unique=True))


def table_of(tx: Connection, rows: Sequence[dict[str, Any]], *columns: Column[Any]) -> FromClause:
    """Return rows as a table with the names and types of these columns; every row has a value for each, or None."""
    if tx.dialect.name == "sqlite":
        each = func.json_each(_parameter(rows)).table_valued("value")
        values = (func.json_extract(each.c.value, f"$.{one.name}").label(one.name) for one in columns)
        return select(*values).subquery()
    typed = [column(one.name, one.type) for one in columns]
    return func.json_to_recordset(cast(_parameter(rows), JSON)).table_valued(*typed).render_derived(with_types=True)


def _parameter(value: Sequence[Any]) -> Any:
    return bindparam(None, json.dumps(value, default=_written), Text, unique=True)


def _written(value: date) -> str:
    """Write a moment or a date as the database itself does: on SQLite a moment is text, the UTC wall clock."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat()
