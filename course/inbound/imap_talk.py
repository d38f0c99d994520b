"""In charge of the talk with an IMAP server (RFC 9051): one folder, no more bytes than a mail has, no foreign mail.

imap-tools and imaplib speak the protocol. A server may send what nobody asked for, and pieces of any size: what is not
the mail that was asked for is not taken, and a piece that is too long ends the connection. Errors hold no words of the
server: those may repeat a password or a mail.
"""

from __future__ import annotations

import imaplib
import re
import selectors
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from imap_tools import MailboxFolderSelectError, MailboxLoginError
from imap_tools.mailbox import BaseMailBox

from course.hosts import is_loopback
from course.reading.caps import LARGEST
from course.settings import SettingsError

PORTS = {"imaps": 993, "imap": 143}
PATIENCE = 60.0  # seconds for a connection, and for each answer
SLICE = 0.5  # seconds between two looks whether the service ends
MOST = LARGEST + 64 * 1024  # bytes of an answer's long pieces, all together
BAD_URL = (
    "IMAP_URL: put imaps://user:password@host/INBOX, with : / ? # @ % in user, password or folder as "
    "%3A %2F %3F %23 %40 %25"
)
UID = re.compile(rb"\bUID (\d{1,10})\b")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")


class RefusedError(Exception):
    """The server wants something else; the text says which setting to mend."""


@dataclass(frozen=True)
class Server:
    """Where IMAP_URL leads."""

    host: str
    port: int
    folder: str
    user: str
    password: str = field(repr=False)
    tls: Literal["implicit", "starttls", "none"] = "implicit"


def server_of(url: str) -> Server:
    """Read imaps:// (TLS from the start) or imap:// (STARTTLS; to this machine itself it goes without).

    Raises SettingsError and shows no part of the URL: in a misread one, the password can be anywhere.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        folder = unquote(parts.path.removeprefix("/")) or "INBOX"
        _ = host.encode("idna"), f"{user}{password}{folder}".encode()
    except (ValueError, KeyError):
        raise SettingsError(BAD_URL) from None
    odd = any(char < " " or char == "\x7f" for char in f"{user}{password}{folder}")
    if not (host and user and password) or parts.query or parts.fragment or odd:
        raise SettingsError(BAD_URL)
    if parts.scheme == "imaps":
        return Server(host, port, folder, user, password)
    return Server(host, port, folder, user, password, "none" if is_loopback(host) else "starttls")


class _Measured:
    """What imaplib's connections lack: an end to how long the pieces of an answer may be."""

    room = MOST

    def read(self, size: int) -> bytes:
        """Read a piece of so many bytes; imaplib would make room for any number that a server says."""
        self.room -= size
        if self.room < 0:
            raise imaplib.IMAP4.abort("an answer is too long")
        return bytes(super().read(size))  # type: ignore[misc]  # imaplib's, whichever it is


class _Plain(_Measured, imaplib.IMAP4):
    pass


class _Tls(_Measured, imaplib.IMAP4_SSL):
    pass


class _Box(BaseMailBox):
    def __init__(self, server: Server, context: ssl.SSLContext) -> None:
        self._server, self._context = server, context
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        host, port = self._server.host, self._server.port
        if self._server.tls == "implicit":
            return _Tls(host, port, ssl_context=self._context, timeout=PATIENCE)
        client = _Plain(host, port, PATIENCE)
        if self._server.tls == "starttls":
            if "STARTTLS" not in client.capabilities:
                client.shutdown()
                raise RefusedError("IMAP_URL: the server offers no STARTTLS; put imaps:// and its port")
            client.starttls(self._context)
        return client


class Folder:
    """One folder of a mailbox, opened. `validity` says whether its UIDs still mean the same (section 2.3.1.1)."""

    def __init__(self, box: _Box) -> None:
        self._box = box
        self._client: Any = box.client
        _, said = box.client.response("UIDVALIDITY")
        self.validity = int(said[0]) if said and said[0] else 0
        _, able = box.client.capability()
        box.client.capabilities = tuple(able[0].decode("ascii", "replace").upper().split())  # more, once logged in
        self.able: Sequence[str] = box.client.capabilities

    def after(self, uid: int) -> list[int]:
        """Return the UIDs of the mails after this one, the oldest first."""
        found = (int(one) for one in self._box.uids(f"UID {uid + 1}:*", charset=None))
        return sorted({one for one in found if one > uid})  # `*` is the last mail, whatever its number

    def size(self, uid: int) -> int | None:
        """Return how long the server says a mail is, or None if it is gone."""
        for item in self._fetched(uid, "(UID RFC822.SIZE)"):
            line = b"".join(item) if isinstance(item, tuple) else item
            number, size = UID.search(line), SIZE.search(line)
            if number and size and int(number[1]) == uid:
                return int(size[1])
        return None

    def mail(self, uid: int) -> bytes | None:
        """Return a mail as it is, still unseen, or None if it is gone. What else the server sends is left alone."""
        items = [*self._fetched(uid, "(UID BODY.PEEK[])"), b""]
        for item, after in pairwise(items):
            if not isinstance(item, tuple) or b"BODY[]" not in item[0].upper():
                continue
            number = UID.search(item[0]) or (UID.search(after) if isinstance(after, bytes) else None)
            if number and int(number[1]) == uid:
                return bytes(item[1])
        return None

    def mark_seen(self, uid: int) -> None:
        """Mark a mail as read; imap-tools' own way would also erase what others have marked for that."""
        self._told("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")

    def move(self, uid: int, folder: str) -> None:
        """Move a mail (RFC 6851), or copy it and erase it here."""
        if "MOVE" in self.able:
            self._box.move(str(uid), folder)
        else:
            self._box.copy(str(uid), folder)
            self.erase(uid)

    def erase(self, uid: int) -> None:
        """Erase this mail and no other; where the server cannot (RFC 4315), it stays, marked as deleted."""
        self._told("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen \Deleted)")
        if "UIDPLUS" in self.able:
            self._told("EXPUNGE", str(uid))

    def has(self, folder: str) -> bool:
        """Whether the mailbox has a folder of this name."""
        return bool(self._box.folder.exists(folder))

    def wait(self, seconds: float, stopped: threading.Event) -> None:
        """Return when the server has news (RFC 2177), the time is over, or the service ends."""
        if "IDLE" not in self.able:
            stopped.wait(seconds)
            return
        self._box.idle.start()  # type: ignore[no-untyped-call]
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._client.sock, selectors.EVENT_READ)
                for _ in range(int(seconds / SLICE)):
                    if selector.select(SLICE) or stopped.is_set():
                        break
        finally:
            self._box.idle.stop()  # type: ignore[no-untyped-call]

    def _fetched(self, uid: int, what: str) -> list[Any]:
        self._client.room = MOST
        return [item for item in self._told("FETCH", str(uid), what) if item]

    def _told(self, command: str, *words: str) -> list[Any]:
        status, answer = self._client.uid(command, *words)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{command} was refused")
        return list(answer)


@contextmanager
def opened(server: Server, cafile: str | None = None) -> Iterator[Folder]:
    """Open the folder. Raises RefusedError, or what breaks a connection: OSError, errors of imaplib and imap-tools."""
    box = _Box(server, ssl.create_default_context(cafile=cafile))
    try:
        _log_in(box, server)
        try:
            box.folder.set(server.folder)
        except MailboxFolderSelectError:
            raise RefusedError(f"IMAP_URL: there is no folder {server.folder} that can be opened") from None
        yield Folder(box)
    finally:
        with suppress(Exception):
            box.client.logout()
        with suppress(Exception):
            box.client.shutdown()


def _log_in(box: _Box, server: Server) -> None:
    ascii_only = f"{server.user}{server.password}".isascii()
    login = box.login if ascii_only else box.login_utf8
    try:
        login(server.user, server.password, None)
    except imaplib.IMAP4.abort:
        raise  # the connection broke; that says nothing of the password
    except (MailboxLoginError, imaplib.IMAP4.error):
        raise RefusedError("IMAP_URL: the server does not take this user and password") from None
