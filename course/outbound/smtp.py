"""In charge of the connections to a mail server: opened when there is work, kept, and all driven by one thread."""

from __future__ import annotations

import binascii
import re
import selectors
import smtplib
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial

from course.outbound import local_part
from course.outbound.answers import broken
from course.outbound.dialogue import Dialogue, Letter
from course.outbound.greeting import Server, opened, server_of
from course.outbound.line import Line
from course.outgoing import Halt, Notes, Outcome, Outgoing, RefusedRecipient, TryLater
from course.settings import Settings

LONGEST_UNUSED = 30  # seconds; then a connection is made anew rather than trusted
LOOK = 0.005  # seconds between looks at connections that are being opened, while others work
# smtplib writes any address as it comes, so a line break in one would become a command of its own.
ONE_ADDRESS = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")


class Smtp:
    """One mail server, by up to so many connections at once."""

    has_events = False

    def __init__(
        self,
        server: Server,
        own_name: str,
        *,
        cafile: str | None = None,
        connect_seconds: float = 10,
        answer_seconds: float = 60,
        connections: int = 1,
        messages_each: int = 100,  # providers close a connection after about as many
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        context = ssl.create_default_context(cafile=cafile)
        self._server = server
        # In EHLO stands our own name; smtplib would ask the DNS for one.
        self._opened = partial(opened, server, own_name, context, connect_seconds, answer_seconds)
        self._answer_seconds = answer_seconds
        self._connections = connections
        self._messages_each = messages_each
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._opening: set[Future[smtplib.SMTP]] = set()
        self._openers = ThreadPoolExecutor(connections, "smtp")
        self._selector = selectors.DefaultSelector()

    def send_many(self, batch: Sequence[Outgoing], notes: Notes) -> None:
        """Hand these messages over, each by a fresh connection if the kept one turns out to be dead."""
        todo: deque[Letter] = deque()
        for outgoing in batch:
            wrong = _unwritable(outgoing)
            if wrong is None:
                todo.append(Letter(outgoing, outgoing.as_bytes(), outgoing.envelope_from))
            elif notes.go_on():
                notes.answered(outgoing, wrong)
        with self._lock:
            self._run(todo, notes)

    def close(self) -> None:
        """Say goodbye to the server."""
        with self._lock:
            wait_for(self._opening)
            self._welcome(None)
            for line in list(self._lines):
                self._drop(line, politely=True)

    def _run(self, todo: deque[Letter], notes: Notes) -> None:
        for line in list(self._lines):
            line.dialogue.notes = notes
            if self._monotonic() - line.used > LONGEST_UNUSED:
                self._drop(line, politely=True)
        most = self._connections
        while True:
            more = notes.go_on()
            if more:
                self._begin(todo)
            busy = [line for line in self._lines if not line.dialogue.idle]
            if not busy and not (todo and more):
                return
            if more:
                self._open(min(most, len(todo) + len(busy)))
            trouble = self._welcome(notes)
            if trouble:
                most = max(1, len(self._lines))  # as many as the server lets us have
                if not self._lines and not self._opening:
                    self._give_up(todo, notes, trouble)
            self._drive(todo, busy)

    def _begin(self, todo: deque[Letter]) -> None:
        """Let each connection that is ready begin with the next message; close one that has served its share."""
        for line in list(self._lines):
            if line.messages >= self._messages_each and line.dialogue.idle:
                self._drop(line, politely=True)
            elif todo and line.messages < self._messages_each and line.dialogue.ready:
                letter = todo.popleft()
                letter.kept = line.messages > 0
                line.messages += 1
                line.deadline = self._monotonic() + self._answer_seconds
                line.dialogue.begin(letter)

    def _open(self, wanted: int) -> None:
        for _ in range(wanted - len(self._lines) - len(self._opening)):
            self._opening.add(self._openers.submit(self._opened))

    def _welcome(self, notes: Notes | None) -> Exception | None:
        """Take in connections that are open by now; return why one could not be had, if so."""
        trouble = None
        for answer in [each for each in self._opening if each.done()]:
            self._opening.discard(answer)
            try:
                smtp = answer.result()
                if notes is None:
                    smtp.close()
                    continue
                features = {"pipelining": smtp.has_extn("pipelining"), "size": smtp.has_extn("size")}
                line = Line(smtp, Dialogue(notes, self._server.password, **features), self._monotonic())
            except (OSError, binascii.Error) as error:  # smtplib's own errors are OSErrors
                trouble = error
            else:
                self._lines.append(line)
                self._selector.register(line.sock, selectors.EVENT_READ, line)
        return trouble

    def _drive(self, todo: deque[Letter], busy: list[Line]) -> None:
        """Write, wait until something can be read or written, and read."""
        for line in busy:
            self._attempt(line, todo, line.push)
        waiting = [line for line in busy if line in self._lines]
        if not waiting:
            wait_for(self._opening, return_when="FIRST_COMPLETED")
            return
        for line in waiting:
            wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.dialogue.out else 0)
            if self._selector.get_key(line.sock).events != wants:
                self._selector.modify(line.sock, wants, line)
        now = self._monotonic()
        patience = max(0.0, min(line.deadline for line in waiting) - now)
        for key, _ in self._selector.select(min(patience, LOOK) if self._opening else patience):
            self._attempt(key.data, todo, partial(self._read, key.data, todo))
        for line in waiting:
            if line in self._lines and line.deadline <= self._monotonic() and not line.dialogue.idle:
                self._broken(line, todo, TimeoutError("timed out"))

    def _read(self, line: Line, todo: deque[Letter]) -> bool:
        for letter, outcome in line.pull():
            self._answered(line, todo, letter, outcome)
        return line.push()

    def _attempt(self, line: Line, todo: deque[Letter], act: Callable[[], bool]) -> None:
        try:
            if act():
                line.deadline = self._monotonic() + self._answer_seconds
        except OSError as error:
            self._broken(line, todo, error)
        if line.dialogue.over:
            self._drop(line)

    def _answered(self, line: Line, todo: deque[Letter], letter: Letter, outcome: Outcome) -> None:
        line.used = self._monotonic()
        line.deadline = line.used + self._answer_seconds
        if letter.kept and line.dialogue.over and isinstance(outcome, TryLater):
            todo.appendleft(Letter(letter.outgoing, letter.data, letter.outgoing.envelope_from))
        else:
            line.dialogue.notes.answered(letter.outgoing, outcome)

    def _broken(self, line: Line, todo: deque[Letter], error: OSError) -> None:
        for letter, outcome in line.dialogue.lost(error):
            self._answered(line, todo, letter, outcome)
        self._drop(line)

    def _give_up(self, todo: deque[Letter], notes: Notes, error: Exception) -> None:
        """Without any connection the rest of the batch is not tried one by one: it would take as long for each."""
        while todo and notes.go_on():
            letter = todo.popleft()
            private = (self._server.password, local_part(letter.outgoing.to))
            notes.answered(letter.outgoing, broken(error, private))

    def _drop(self, line: Line, *, politely: bool = False) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._selector.unregister(line.sock)
            line.close(politely=politely)


def open(settings: Settings) -> Smtp:  # noqa: A001 (every transport offers `open`)
    """Return the transport to the server in SMTP_URL. Raises SettingsError for a URL that cannot be read."""
    server = server_of(settings.smtp_url.get_secret_value())
    connections, messages_each = settings.smtp_connections, settings.smtp_messages
    return Smtp(server, settings.mail_domain, connections=connections, messages_each=messages_each)


def _unwritable(outgoing: Outgoing) -> Outcome | None:
    """Return what it means that an address of this message cannot stand in a command, if so."""
    if not ONE_ADDRESS.fullmatch(outgoing.to):
        return RefusedRecipient("this address cannot be written in SMTP (RFC 3463: 5.1.3)", dead=True)
    if not ONE_ADDRESS.fullmatch(outgoing.reply_to):
        return Halt("our return address cannot be written in SMTP: check REPLY_DOMAIN")
    return None
