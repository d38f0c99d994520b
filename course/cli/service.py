"""In charge of opening the service for one command: with the worker's settings, database and course time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from course import logs, settings
from course.app import App
from course.content import gathering
from course.journeys import reports
from course.outgoing import Halt, Notes, Outgoing, Transport
from course.settings import Settings
from course.store.database import AWAY, Store


class NoWayOut:
    """The transport of a command that sends nothing: none is opened for it."""

    has_events = False
    most = 1

    def prepare(self, outgoing: Outgoing) -> None:
        """Make nothing."""

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Send nothing."""
        for outgoing in batch:
            notes.answered(outgoing, Halt("this command sends nothing"))

    def close(self) -> None:
        """Nothing is kept open."""


def load() -> Settings:
    """Read the settings, and let logs go where they say. Raises SettingsError."""
    loaded = settings.load()
    logs.set_up(loaded.log_level)
    return loaded


def courses_gone(loaded: Settings) -> list[str]:
    """Return what is to be said of courses that people are in and whose folders are gone, if there is a database."""
    if loaded.sqlite and not loaded.database_file.is_file():
        return []
    store = Store(loaded.database)
    try:
        return reports.gone(store, gathering.names(loaded.emails_dir))
    except (SQLAlchemyError, *AWAY):  # it is away, or has no tables yet: whoever only writes needs none
        return []
    finally:
        store.close()


@contextmanager
def opened(loaded: Settings, *, sending: bool = False) -> Iterator[App]:
    """Open the service, with its way out only if that is wanted; whatever was opened is closed at the end."""
    transport: Transport | None = None if sending else NoWayOut()
    app = App.build(loaded, transport=transport)
    try:
        yield app
    finally:
        app.close()
