"""In charge of errors: a backup or restore that fails, and a write where the code only reads."""

from __future__ import annotations

import sqlite3

from sqlalchemy import ExceptionContext

READ_ONLY = {sqlite3.SQLITE_READONLY, "25006"}  # as SQLite and PostgreSQL say it


def reason(error: BaseException | None) -> str:
    """Return the first line of what a driver said: those after it may be somebody's data."""
    return (str(error).strip().splitlines() or ["no reason was given"])[0]


class BackupError(Exception):
    """A backup could not be made, or cannot be used; nothing was changed."""


class WriteError(Exception):
    """Something was written inside reading(): a programmer's mistake."""


def expect_no_write(context: ExceptionContext) -> None:
    """Tell a write inside reading() from a database that takes no writes. Raises WriteError."""
    looking = context.connection is not None and "course_read_only" in context.connection.get_execution_options()
    said = {getattr(context.original_exception, name, None) for name in ("sqlite_errorcode", "sqlstate")}
    if looking and said & READ_ONLY:
        raise WriteError("inside reading() nothing is written: it would be lost. Use transaction()")
