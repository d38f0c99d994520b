"""In charge of the door for mail servers: LMTP (RFC 2033) or SMTP (RFC 5321) at MAIL_LISTEN."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

from course import sockets
from course.hosts import Listening, listening
from course.inbound import Reception, Source
from course.inbound.arriving import Arriving
from course.inbound.smtp_talk import Door, LmtpTalk, Talk
from course.settings import Settings

MOST_CONNECTIONS = 20
AT_ONCE = 2  # mails that are being encrypted: each is in memory once
PIECE = 256 * 1024  # bytes of a mail that are read at once
GOODBYE = 5.0  # seconds that mails get to be kept when the service ends


def prepared(settings: Settings) -> Source | None:
    """Return the way in of MAIL_LISTEN, its socket bound, or None. Raises SettingsError."""
    place = listening(settings.mail_listen)
    if place is None:
        return None
    serve = partial(_serve, place, sockets.for_mail(place), settings.replies_domain, settings.data_dir / "tmp")
    return Source(place.protocol, f"{place} (mail for {settings.replies_domain})", serve)


def _serve(place: Listening, bound: socket.socket, domain: str, folder: Path, reception: Reception) -> None:
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd would write down commands and lines of mails
    with ThreadPoolExecutor(AT_ONCE, "keeping") as pool:
        door = Door(domain, folder, pool, partial(_keep, place.protocol, reception))
        asyncio.run(_served(door, LmtpTalk if place.protocol == "lmtp" else Talk, bound, reception))
    if place.path:
        Path(place.path).unlink(missing_ok=True)


async def _served(door: Door, talk: type[Talk], bound: socket.socket, reception: Reception) -> None:
    loop = asyncio.get_running_loop()
    listen = loop.create_unix_server if bound.family == socket.AF_UNIX else loop.create_server
    server = await listen(partial(_admit, door, talk), sock=bound, backlog=MOST_CONNECTIONS)
    await loop.run_in_executor(None, reception.stopped.wait)
    server.close()
    await _goodbye(door)


def _admit(door: Door, talk: type[Talk]) -> asyncio.Protocol:
    """Return who talks with the next caller."""
    return Busy() if len(door.talks) >= MOST_CONNECTIONS else talk(door)


def _keep(source: str, reception: Reception, body: Arriving, sender: str, to: tuple[str, ...]) -> None:
    """Keep a mail durably, its envelope's sender on top (RFC 5321 section 4.4). Raises OSError."""
    body.seek(0)
    whole = BytesIO()  # it gives its bytes away without a copy
    whole.write(f"Return-Path: <{sender.strip('<>')}>\r\n".encode("utf-8", "surrogateescape"))
    while piece := body.read(PIECE):
        whole.write(piece)
    reception.receiver.receive(whole.getvalue(), source=source, to=to)
    reception.came.set()


async def _goodbye(door: Door) -> None:
    """Let what is being kept be kept, then hang up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            while door.talks:
                for talk in [talk for talk in door.talks if not talk.keeping]:
                    talk.hang_up()
                await asyncio.sleep(0.01)


class Busy(asyncio.Protocol):
    """Who talks with a caller that there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask it to come again."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 (for mypy: a stream's transport is one)
        transport.write(b"421 4.3.2 too many connections; try again later\r\n")
        transport.close()
