"""In charge of opening the service for one command: with the worker's settings, database and course time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from course import logs, settings
from course.app import App
from course.outgoing import Halt, Notes, Outgoing, Transport
from course.settings import Settings


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


@contextmanager
def opened(loaded: Settings, *, sending: bool = False) -> Iterator[App]:
    """Open the service, with its way out only if that is wanted; whatever was opened is closed at the end."""
    transport: Transport | None = None if sending else NoWayOut()
    app = App.build(loaded, transport=transport)
    try:
        yield app
    finally:
        app.close()
