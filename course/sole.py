"""In charge of locks by which only one clock runs on a SQLite database; they end with its process."""

from __future__ import annotations

import contextlib
from pathlib import Path

from course.files import locked
from course.settings import Settings, SettingsError

NAME = "clock.lock"


def hold(settings: Settings) -> contextlib.ExitStack:
    """Hold the locks, of DATA_DIR and of the database, until what is returned is closed; none on PostgreSQL.

    Raises SettingsError when another clock holds one of them.
    """
    with contextlib.ExitStack() as held:
        for path in _places(settings):
            try:
                held.enter_context(locked(path))
            except BlockingIOError:
                raise SettingsError(
                    f"DATA_DIR: another clock is running on {path.parent}. With SQLite there is one clock; end the "
                    "other one first, or put DATABASE_URL=postgresql://… to run several"
                ) from None
        return held.pop_all()


def _places(settings: Settings) -> list[Path]:
    """Return where the locks are: two services with folders of their own may have one database all the same."""
    if not settings.sqlite:
        return []
    database = settings.database_file.resolve()
    beside = database.with_name(NAME if database.name == "course.db" else f"{database.name}.{NAME}")
    own = settings.data_dir.resolve() / NAME
    return [own, beside] if beside != own and beside.parent.is_dir() else [own]
