"""In charge of the ways in that the settings name: one file each (lmtp, imap), each in a thread of its own.

A way in hands bytes to a Receiver, which keeps them durably, and only then tells its mail server that the mail is here.
What waits is decided soon after, by one thread for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:  # the process that tastes a long mail imports this too, and needs no settings
    from course.settings import Settings

WAYS = ("lmtp", "imap")
LOOK = 5.0  # seconds between two looks at what waits, when nothing comes in
LOOKS_A_SWEEP = 100
GOODBYE = 15.0  # seconds that a mail on its way in gets to be kept
log = structlog.get_logger()


class Receiver(Protocol):
    """What a way in knows of the service."""

    def receive(self, raw: bytes, *, source: str, to: tuple[str, ...] = (), passed: tuple[str, ...] = ()) -> Path:
        """Keep a mail durably and return its file, which is there until it is decided. Raises OSError."""

    def read_spool(self) -> object:
        """Decide what waits."""

    def place(self, mailbox: str) -> str:
        """Return what was noted of a mailbox, or ""."""

    def note_place(self, mailbox: str, place: str) -> None:
        """Note how far a mailbox has been read."""

    def sweep_spool(self) -> None:
        """Erase what has had its time."""


@dataclass(frozen=True)
class Reception:
    """What a way in is given: whom it hands mail to, how to say that some came, and when to end."""

    receiver: Receiver
    came: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Source:
    """A way in that is ready to begin. `serve` runs until the reception has stopped; `says` is for the greeting."""

    name: str
    says: str
    serve: Callable[[Reception], None]


def prepared(settings: Settings) -> list[Source]:
    """Return the ways in that the settings name. Raises SettingsError for one that cannot be had."""
    found = (import_module(f"course.inbound.{name}").prepared(settings) for name in WAYS)
    return [source for source in found if source is not None]


def start(sources: list[Source], receiver: Receiver) -> Callable[[], None]:
    """Let mail in, and return what ends it: a mail that is on its way in is kept first."""
    reception = Reception(receiver)
    runs = [threading.Thread(target=_guarded, args=(source, reception), name=source.name) for source in sources]
    runs.append(threading.Thread(target=_decide, args=(reception,), name="deciding"))
    for run in runs:
        run.daemon = True  # a way in that hangs must not keep the process
        run.start()

    def stop() -> None:
        reception.stopped.set()
        reception.came.set()
        for run in runs:
            run.join(GOODBYE)

    return stop


def _guarded(source: Source, reception: Reception) -> None:
    try:
        source.serve(reception)
    except Exception as error:  # noqa: BLE001 (the other ways in go on)
        log.error("a way in broke; start the service again", source=source.name, error=type(error).__name__)


def _decide(reception: Reception) -> None:
    """Decide what waits: what an earlier process left, then whatever comes, or came while the database was away."""
    looks = 0
    while not reception.stopped.is_set():
        reception.came.clear()
        try:
            reception.receiver.read_spool()
            if looks % LOOKS_A_SWEEP == 0:
                reception.receiver.sweep_spool()
        except Exception as error:  # noqa: BLE001 (what waits goes on waiting)
            log.error("what came in could not be decided; it waits", error=type(error).__name__)
        looks += 1
        reception.came.wait(LOOK)
