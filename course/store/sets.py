"""In charge of many rows in one statement: values that travel as one parameter, which the database reads as a table.

A statement that every claim needs is built once, with names for its parameters: building it takes as long as running it
for a hundred rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    Connection,
    Dialect,
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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NULLTYPE, TypeDecorator

OTHER_PLANS = ("bitmapscan", "hashjoin", "mergejoin", "seqscan", "sort")  # than walking an index, row by row
WALK = select(*(func.set_config(f"enable_{name}", "off", true()) for name in OTHER_PLANS))


class one_of(FunctionElement[bool]):  # noqa: N801 (it reads like the functions of SQLAlchemy)
    """The condition that a column holds one of these values, however many they are.

    `values`: the values themselves, or the name by which they are given when the statement is executed.
    """

    type: Any = NULLTYPE  # Boolean: SQLite would ask whether it is 1, and walk the whole table
    inherit_cache = True

    def __init__(self, which: Column[Any], values: str | Iterable[Any]) -> None:
        many = _Many()
        if isinstance(values, str):
            super().__init__(which, bindparam(values, type_=many))
        else:
            super().__init__(which, bindparam(None, list(values), many, unique=True))


@compiles(one_of, "sqlite")
def _in_a_list(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    which, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{which} IN (SELECT value FROM json_each({values}))"  # noqa: S608 (both are parameters' and columns' names)


@compiles(one_of)
def _in_an_array(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    which, values = element.clauses
    many = cast(values, ARRAY(which.type))
    return f"{compiler.process(which, **options)} = ANY ({compiler.process(many, **options)})"


def table_of(dialect: str, name: str, *columns: Column[Any]) -> FromClause:
    """Return rows as a table with the names and types of these columns.

    The rows are given by this name when the statement is executed: tuples, a value for each column.
    """
    if dialect == "sqlite":
        each = func.json_each(_rows(name, columns)).table_valued("value")
        values = (func.json_extract(each.c.value, f"$[{place}]").label(one.name) for place, one in enumerate(columns))
        return select(*values).subquery()
    typed = [column(one.name, one.type) for one in columns]
    listed = func.json_to_recordset(cast(_rows(name, columns), JSON))
    return listed.table_valued(*typed).render_derived(with_types=True)


def by_index(tx: Connection) -> None:
    """Let the statements of this transaction walk indexes, whatever PostgreSQL's statistics say.

    They are from before the hour at which a hundred thousand deliveries were queued at once: by them nothing is queued,
    so each claim of two hundred would read and sort all of them.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(WALK)


class _Many(TypeDecorator[list[Any]]):
    """Values as one parameter, text: JSON, or an array as PostgreSQL writes it (its section 8.15.2).

    Its driver would look at each value by itself: for a thousand hashes that takes as long as asking for them.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> str:
        listed = list(value or ())
        if dialect.name == "sqlite":
            return json.dumps(listed, default=_written)
        return "{" + ",".join([str(one) if isinstance(one, int) else _quoted(one) for one in listed]) + "}"


class _Rows(TypeDecorator[list[Any]]):
    """Rows as JSON: lists for SQLite, which reads them sooner; with names for PostgreSQL, which wants them."""

    impl = Text
    cache_ok = True

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        rows = value if dialect.name == "sqlite" else [dict(zip(self.names, row, strict=True)) for row in value]
        return json.dumps(rows, default=_written)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _rows(name: str, columns: Iterable[Column[Any]]) -> BindParameter[Any]:
    return bindparam(name, type_=_Rows(tuple(one.name for one in columns)))


@lru_cache(4096)  # many rows have the same moment, or the same date
def _written(value: date) -> str:
    """Write a moment or a date as the database itself does: on SQLite a moment is text, the UTC wall clock."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat()
