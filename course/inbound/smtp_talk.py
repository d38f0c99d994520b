"""In charge of the talk with one mail server: what a mail may be, and what it is answered.

aiosmtpd speaks the protocol. Only CRLF ends a line here: what servers read differently is how one mail is smuggled
inside another. Nothing of a mail is logged, and every address of our domain is taken alike, so that nobody learns
which ones mean something.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from course.inbound.arriving import Arriving
from course.reading.caps import LARGEST

LONGEST_LINE = 8 * 1024  # bytes; RFC 5321 section 4.5.3.1.6 has 1000, and people's programs do not mind it
LONGEST_COMMAND = 1024  # bytes
MOST_COMMANDS = 5_000  # of a kind by one connection
MOST_RECIPIENTS = 100  # RFC 5321 section 4.5.3.1.8
COMMAND_SECONDS = 300.0  # to the next command (RFC 5321 section 4.5.3.2.7)
DATA_SECONDS = 600.0  # for the whole of one mail
LIFE_SECONDS = 3600.0  # of a connection

BARE = "5.5.2 a line ends with CR LF; a CR or LF alone is not taken (RFC 5321 section 2.3.8)"
LONG_LINE = f"500 5.5.2 a line is longer than {LONGEST_LINE} bytes"
TOO_LARGE = "552 5.3.4 the mail is larger than 35 MB"
NOT_OURS = "550 5.1.1 no mail for this address is taken here"
TOO_MANY = f"452 4.5.3 {MOST_RECIPIENTS} recipients at most; send the rest in another mail"
NOT_KEPT = "451 4.3.0 the mail could not be kept just now; try again later"
KEPT = "250 2.0.0 kept"
log = structlog.get_logger()


@dataclass
class Door:
    """What all callers have in common. `keep` keeps a mail, its sender and recipients given, or raises OSError."""

    domain: str
    folder: Path  # where a long mail is while it arrives
    pool: Executor
    keep: Callable[[Arriving, str, tuple[str, ...]], None]
    talks: set[Talk] = field(default_factory=set)


class BareLineEndError(Exception):
    """A command ended with a CR or LF alone, or had one in it."""


class Lines:
    """A connection's reader, through which no command passes that does not end with CRLF."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def read(self, most: int = -1) -> bytes:
        """Return bytes as they come."""
        return await self._reader.read(most)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Return a line. Raises BareLineEndError for a command with another end; the mail itself is looked at later."""
        line = await self._reader.readuntil(separator)
        if separator == b"\n" and (bare(line) or not line.endswith(b"\r\n")):
            raise BareLineEndError
        return line


class Talk(SMTP):
    """One caller."""

    line_length_limit = LONGEST_LINE

    def __init__(self, door: Door) -> None:
        self.door = door
        self.keeping = False
        self._life: asyncio.TimerHandle | None = None
        super().__init__(
            self,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=door.domain,
            ident="Dear Self",
            timeout=COMMAND_SECONDS,
            command_call_limit=MOST_COMMANDS,
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)  # aiosmtpd's own is shared by all callers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; no connection stays for ever."""
        self.door.talks.add(self)
        self._life = self.loop.call_later(LIFE_SECONDS, transport.close)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.door.talks.discard(self)
        if self._life:
            self._life.cancel()
        super().connection_lost(error)

    def hang_up(self) -> None:
        """End the connection; the caller comes again."""
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(b"421 4.3.2 the service ends; try again later\r\n")
            self.transport.close()

    def _cb_client_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super()._cb_client_connected(Lines(reader), writer)  # type: ignore[arg-type]  # aiosmtpd calls these two only

    async def handle_exception(self, error: Exception) -> str:
        """Return what to answer, and log no word of it: an exception may quote what came."""
        if isinstance(error, BareLineEndError):
            return f"500 {BARE}"
        log.error("a mail server's command could not be followed", error=type(error).__name__)
        return "451 4.3.0 something is wrong here; try again later"

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Tell that commands may come several at once."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take every address of our domain, and no other."""
        if address.rpartition("@")[2].lower() != self.door.domain:
            return NOT_OURS
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return TOO_MANY
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Take one mail in: to a file while it arrives, then to the spool, and only then say so."""
        if await self.check_helo_needed():
            return
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 DATA takes nothing with it" if arg else "503 5.5.1 RCPT comes first")
            return
        sender, to = self.envelope.mail_from or "", tuple(self.envelope.rcpt_tos)
        self.door.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # fails before the mail begins, if it does
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._reset_timeout(DATA_SECONDS)
        try:
            with Arriving(self.door.folder) as body:
                answer = await self._arrived(body) or await self._kept(body, sender, to)
        except ConnectionError:
            raise
        except OSError:  # the file could not be closed: its disk is full
            answer = NOT_KEPT
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self._reset_timeout()
        await self.push(self._answers(answer, len(to)))

    async def _arrived(self, body: Arriving) -> str:
        """Read the mail to its end; return why it is refused, or ""."""
        size, refused = 0, ""
        within = False  # what is read next goes on with a line that was too long to read at once
        while True:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as over:
                await self._reader.read(over.consumed)
                refused, within = refused or LONG_LINE, True
                continue
            if line == b".\r\n" and not within:
                return refused
            within = False
            size += len(line)
            refused = refused or self._refused(line, size)
            if not refused:
                try:
                    body.write(line[1:] if line.startswith(b".") else line)
                except OSError:
                    refused = NOT_KEPT

    @staticmethod
    def _refused(line: bytes, size: int) -> str:
        if size > LARGEST:
            return TOO_LARGE
        return f"550 {BARE}" if bare(line) else ""

    async def _kept(self, body: Arriving, sender: str, to: tuple[str, ...]) -> str:
        self.keeping = True
        try:
            await self.loop.run_in_executor(self.door.pool, self.door.keep, body, sender, to)
        except Exception as error:  # noqa: BLE001 (whatever it was, the mail server still has the mail)
            log.error("a mail could not be kept; it will come again", error=type(error).__name__)
            return NOT_KEPT
        finally:
            self.keeping = False
        return KEPT

    def _answers(self, answer: str, recipients: int) -> str:  # noqa: ARG002 (LMTP's depend on them)
        return answer


class LmtpTalk(Talk, LMTP):
    """One caller that speaks LMTP: it gets an answer for each recipient (RFC 2033 section 4.2)."""

    def _answers(self, answer: str, recipients: int) -> str:
        return "\r\n".join([answer] * recipients)


def bare(line: bytes) -> bool:
    """Whether a line has a CR or LF before its end."""
    return b"\r" in line[:-2] or b"\n" in line[:-2]
