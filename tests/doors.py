"""In charge of running a way in for a test, and of a caller at its door who says any bytes at all."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Self

from course import inbound


@dataclass
class Kept:
    """A receiver that keeps what it is given, or raises `trouble`. While `undecided` is there, nothing is decided."""

    trouble: Exception | None = None
    undecided: Path = Path("/nowhere/decided.mail")
    places: dict[str, str] = field(default_factory=dict)
    mails: list[tuple[bytes, str, tuple[str, ...]]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def receive(self, raw, *, source, to=(), passed=()) -> Path:  # noqa: ARG002 (the service takes it)
        if self.trouble:
            raise self.trouble
        with self.changed:
            self.mails.append((raw, source, to))
            self.changed.notify_all()
        return self.undecided

    def read_spool(self) -> None:
        """Nothing waits."""

    def place(self, mailbox: str) -> str:
        return self.places.get(mailbox, "")

    def note_place(self, mailbox: str, place: str) -> None:
        with self.changed:
            self.places[mailbox] = place
            self.changed.notify_all()

    def wait_for(self, what: Callable[[], object]) -> None:
        """Wait until something has come in that makes this true."""
        with self.changed:
            assert self.changed.wait_for(what, 30)

    def sweep_spool(self) -> None:
        """Nothing is old."""


@contextlib.contextmanager
def open_ways(settings, receiver) -> Iterator[None]:
    """Run the ways in of these settings, as the worker does."""
    stop = inbound.start(inbound.prepared(settings), receiver)
    try:
        yield
    finally:
        stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Caller:
    """Somebody at a mail server's door, who says exactly these bytes. A place is a port of this machine or a path."""

    def __init__(self, place: int | Path, hello: bytes = b"LHLO client") -> None:
        if isinstance(place, int):
            self.sock = socket.create_connection(("127.0.0.1", place), 10)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(str(place))
        self._file = self.sock.makefile("rb")
        self.greeting = self.answer()
        self.features = self.say(hello + b"\r\n") if hello else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()
        self.sock.close()

    def say(self, words: bytes) -> str:
        """Send these bytes and return the answer."""
        self.sock.sendall(words)
        return self.answer()

    def answer(self) -> str:
        """Return the next answer, its lines joined, or "" when the other side has hung up."""
        lines = []
        while line := self._file.readline().decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def envelope(self, *to: str, sender: str = "alice@example.org") -> list[str]:
        """Say whom the mail is from and to."""
        words = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to)]
        return [self.say(word.encode() + b"\r\n") for word in words]

    def mail(self, data: bytes, *to: str) -> str:
        """Hand a mail in, its end as given; return the first answer to it."""
        self.envelope(*to)
        assert self.say(b"DATA\r\n").startswith("354")
        return self.say(data)
