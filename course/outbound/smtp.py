"""In charge of the connections to a mail server: opened when there is work, kept, and all driven by one thread."""

from __future__ import annotations

import selectors
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from course.outbound import local_part
from course.outbound.answers import broken
from course.outbound.dialogue import Dialogue, Letter
from course.outbound.greeting import Server, opened, server_of
from course.outbound.letters import Letters
from course.outbound.line import Line
from course.outbound.openings import Openings
from course.outbound.relaying import Relaying
from course.outgoing import Notes, Outcome, Outgoing, TryLater
from course.settings import Settings

LONGEST_UNUSED = 30  # seconds; then a connection is made anew rather than trusted
LOOK = 0.005  # seconds between looks at connections that are being opened, while others work
Decided = tuple[Line, Letter, Outcome]  # what became of a message, and by which connection


class Smtp:
    """One mail server, by up to so many connections at once."""

    has_events = False
    most = 1  # it asks for one at a time

    def __init__(
        self,
        server: Server,
        own_name: str,
        *,
        cafile: str | None = None,
        connect_seconds: float = 10,
        answer_seconds: float = 60,
        taking_seconds: float = 600,  # after the final dot; RFC 5321 section 4.5.3.2.6: else it comes again
        connections: int = 1,
        messages_each: int = 100,  # providers close a connection after about as many
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        context = ssl.create_default_context(cafile=cafile)
        self._server = server
        # In EHLO stands our own name; smtplib would ask the DNS for one.
        making = partial(opened, server, own_name, context, connect_seconds, answer_seconds)
        self._openings = Openings(making, connections, monotonic)
        self._answer_seconds = answer_seconds
        self._taking_seconds = taking_seconds
        self._patience = answer_seconds / 60  # seconds between looks for connections that are silent for too long
        self._next_look = 0.0
        self._connections = connections
        self._messages_each = messages_each
        self._monotonic = monotonic
        self._now = 0.0  # when we last looked
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._relaying = Relaying()
        self._selector = selectors.DefaultSelector()

    def prepare(self, outgoing: Outgoing) -> None:
        """Make the bytes that will leave."""
        outgoing.as_bytes()

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Hand these messages over, each by a fresh connection if the kept one turns out to be dead."""
        with self._lock:
            self._run(Letters(batch, notes))

    def close(self) -> None:
        """Say goodbye to the server."""
        with self._lock:
            self._openings.close()
            for line in list(self._lines):
                self._drop(line, politely=True)

    def _run(self, letters: Letters) -> None:
        self._now = self._monotonic()
        self._welcome(late=True)
        for line in list(self._lines):
            if self._now - line.used > LONGEST_UNUSED:
                self._drop(line, politely=True)
            else:
                self._feed(line, letters)
        most = self._connections
        while any(not line.dialogue.idle for line in self._lines) or letters.ahead(1):
            room = most - len(self._lines)
            if room > 0:
                self._openings.begin(min(room, letters.ahead(room)))
            new, trouble = self._welcome()
            for line in new:
                self._feed(line, letters)
            if trouble:
                most = max(1, len(self._lines))  # as many as the server lets us have
                if not self._lines and not self._openings:
                    self._give_up(letters, trouble)
            self._drive(letters)
        for letter, outcome in letters.refused():
            letters.notes.answered(letter.outgoing, outcome)

    def _feed(self, line: Line, letters: Letters) -> None:
        """Let a connection that is ready begin with the next message, and write; drop one that is of no more use."""
        served = line.messages >= self._messages_each
        if served and line.dialogue.idle:
            self._drop(line, politely=True)
            return
        letter = letters.take() if line.dialogue.ready and not served else None
        if letter:
            letter.kept, line.kept = line.kept, True
            line.messages += 1
            line.dialogue.begin(letter)
            self._wait_for(line)
        try:
            if line.push():
                self._wait_for(line)
        except OSError as error:
            self._broken(line, letters, error)
        if line.dialogue.over:
            self._drop(line)
        elif bool(line.dialogue.out) != line.writing:
            line.writing = not line.writing
            wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.writing else 0)
            self._selector.modify(line.sock, wants, line)

    def _wait_for(self, line: Line) -> None:
        """Begin to wait for this connection's next answer, or for room to write."""
        line.deadline = self._now + (self._taking_seconds if line.dialogue.taking else self._answer_seconds)

    def _welcome(self, *, late: bool = False) -> tuple[list[Line], Exception | None]:
        """Take in connections that are there by now; return them, and why one could not be had, if so.

        `late`: they were asked for in an earlier round. A refusal of then says nothing about now.
        """
        there, trouble = self._openings.take()
        new = list[Line]()
        for smtp, since in there:
            features = {"pipelining": smtp.has_extn("pipelining"), "size": smtp.has_extn("size")}
            try:
                new.append(Line(smtp, Dialogue(self._server.password, **features), since, kept=late))
            except OSError as error:
                trouble = error
            else:
                self._selector.register(new[-1].sock, selectors.EVENT_READ, new[-1])
        self._lines += new
        return new, trouble

    def _drive(self, letters: Letters) -> None:
        """Wait until something can be read or written; read, begin with the next message, and write."""
        if all(line.dialogue.idle for line in self._lines):
            if self._lines and letters.ahead(1):  # what a connection had that died, and there is no other
                for line in list(self._lines):
                    self._feed(line, letters)
            else:
                self._openings.wait()
            return
        ready = self._selector.select(0)
        if not ready:  # the server's time is ours: what comes next is made before it is asked for
            letters.ahead(len(self._lines))
            ready = self._selector.select(LOOK if self._openings else self._patience)
        self._now = self._monotonic()
        living = self._read([key.data for key, _ in ready], letters)
        self._give(living, letters)
        for line in living:
            self._feed(line, letters)
        if self._now >= self._next_look:
            self._next_look = self._now + self._patience
            for line in [line for line in self._lines if not line.dialogue.idle and line.deadline <= self._now]:
                self._broken(line, letters, TimeoutError("timed out"))

    def _read(self, lines: list[Line], letters: Letters) -> list[Line]:
        """Read from all of these and note what was answered, in one write to the ledger; return those that live."""
        decided, living = list[Decided](), list[Line]()
        for line in lines:
            try:
                decided += [(line, letter, outcome) for letter, outcome in line.pull()]
            except OSError as error:
                self._broken(line, letters, error)
            else:
                living.append(line)
        self._answered(decided, letters)
        return living

    def _give(self, lines: list[Line], letters: Letters) -> None:
        """Note what these give away, in one write, and let the texts follow; what is kept back is for no other one."""
        awaited = [(line, letter) for line in lines if (letter := line.dialogue.awaited)]
        if not awaited:
            return
        verdicts = letters.notes.giving_all([letter.outgoing for _, letter in awaited])
        for (line, letter), kept_back in zip(awaited, verdicts, strict=True):
            for one, outcome in line.dialogue.give(letter, kept_back):
                letters.notes.answered(one.outgoing, outcome)

    def _answered(self, decided: list[Decided], letters: Letters) -> None:
        answers = []
        for line, letter, outcome in decided:
            line.used = self._now
            self._wait_for(line)
            if letter.kept and line.dialogue.over and isinstance(outcome, TryLater):
                letters.again(letter, outcome)
            else:
                answers.append((letter.outgoing, self._relaying.judge(letter.outgoing.to, outcome)))
        if answers:
            letters.notes.answered_all(answers)

    def _broken(self, line: Line, letters: Letters, error: OSError) -> None:
        self._answered([(line, *one) for one in line.dialogue.lost(error)], letters)
        self._drop(line)

    def _give_up(self, letters: Letters, error: Exception) -> None:
        """Without any connection the rest of the batch is not tried one by one: it would take as long for each."""
        while letter := letters.take():
            outcome = broken(error, (self._server.password, local_part(letter.outgoing.to)))
            letters.notes.answered(letter.outgoing, outcome)

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
