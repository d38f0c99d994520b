"""In charge of the connection to a mail server: one is kept, checked, and used for message after message."""

from __future__ import annotations

import binascii
import contextlib
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import unquote, urlsplit

from course.hosts import is_loopback
from course.outbound import local_part
from course.outbound.dialogue import DONE, broken, hand_over
from course.outgoing import Halt, Outcome, Outgoing, RefusedRecipient, Sent, TryLater, Unsure
from course.settings import Settings, SettingsError

PORTS = {"smtps": 465, "smtp": 587}  # RFC 8314 section 3.3; RFC 6409 section 3.1
MECHANISMS = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})  # those that smtplib speaks
ASK_AFTER = 30  # seconds unused, after which the server is asked whether it is still there
LONGEST_UNUSED = 240  # seconds; a server may close after five minutes (RFC 5321 section 4.5.3.2.7)
# smtplib writes any address as it comes, so a line break in one would become a command of its own.
ONE_ADDRESS = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")

NO_STARTTLS = "the mail server offers no STARTTLS: put smtps:// and its port into SMTP_URL, or ask why not"
NO_LOGIN = "the mail server offers no login that we know: check SMTP_URL's port, or leave user and password out"
BAD_URL = "SMTP_URL: put smtps://user:password@host:465, with : / ? # @ % in a password as %3A %2F %3F %23 %40 %25"


@dataclass(frozen=True)
class Server:
    """Where SMTP_URL leads."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Literal["implicit", "starttls", "none"] = "starttls"


class Smtp:
    """One mail server; sends one message at a time."""

    has_events = False

    def __init__(
        self,
        server: Server,
        own_name: str,
        *,
        cafile: str | None = None,
        connect_seconds: float = 10,
        answer_seconds: float = 60,
        messages_each: int = 100,  # providers close a connection after about as many
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._own_name = own_name  # in EHLO; smtplib would ask the DNS for one
        self._context = ssl.create_default_context(cafile=cafile)
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._messages_each = messages_each
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._smtp: smtplib.SMTP | None = None
        self._messages = 0
        self._used = 0.0

    def send(self, outgoing: Outgoing) -> Outcome:
        """Give one message to the server; by a fresh connection if the kept one turns out to be dead."""
        if not ONE_ADDRESS.fullmatch(outgoing.to):
            return RefusedRecipient("this address cannot be written in SMTP (RFC 3463: 5.1.3)", dead=True)
        if not ONE_ADDRESS.fullmatch(outgoing.reply_to):
            return Halt("our return address cannot be written in SMTP: check REPLY_DOMAIN")
        data = outgoing.as_bytes()
        with self._lock:
            kept = self._still_good()
            outcome = self._attempt(outgoing, data)
            if kept and self._smtp is None and isinstance(outcome, TryLater):
                outcome = self._attempt(outgoing, data)
            return outcome

    def close(self) -> None:
        """Say goodbye to the server."""
        with self._lock:
            self._leave()

    def _attempt(self, outgoing: Outgoing, data: bytes) -> Outcome:
        private = (self._server.password, local_part(outgoing.to))
        try:
            if self._smtp is None:
                self._smtp, self._messages = self._opened(), 0
            outcome = hand_over(self._smtp, outgoing, data, private)
        except (OSError, binascii.Error) as error:  # smtplib's own errors are OSErrors
            self._drop()
            return broken(error, private)
        self._messages += 1
        self._used = self._monotonic()
        # RSET forgets what a refused message left behind.
        if isinstance(outcome, Unsure) or not (isinstance(outcome, Sent) or _content(self._smtp.rset)):
            self._drop()
        return outcome

    def _still_good(self) -> bool:
        """Whether there is a kept connection to use; one that is used up or silent is closed."""
        if self._smtp is None:
            return False
        unused = self._monotonic() - self._used
        if self._messages >= self._messages_each:
            self._leave()
        elif unused > LONGEST_UNUSED or (unused > ASK_AFTER and not _content(self._smtp.noop)):
            self._drop()
        return self._smtp is not None

    def _opened(self) -> smtplib.SMTP:
        server = self._server
        implicit = server.tls == "implicit"
        kind = partial(smtplib.SMTP_SSL, context=self._context) if implicit else smtplib.SMTP
        smtp = kind(server.host, server.port, local_hostname=self._own_name, timeout=self._connect_seconds)
        try:
            self._greet(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _greet(self, smtp: smtplib.SMTP) -> None:
        if smtp.sock:
            smtp.sock.settimeout(self._answer_seconds)
        smtp.ehlo_or_helo_if_needed()
        if self._server.tls == "starttls":
            if not smtp.has_extn("starttls"):
                raise smtplib.SMTPNotSupportedError(NO_STARTTLS)
            smtp.starttls(context=self._context)
            smtp.ehlo_or_helo_if_needed()
        if self._server.user:
            if MECHANISMS.isdisjoint(smtp.esmtp_features.get("auth", "").split()):
                raise smtplib.SMTPNotSupportedError(NO_LOGIN)
            smtp.login(self._server.user, self._server.password)

    def _leave(self) -> None:
        if self._smtp is not None:
            with contextlib.suppress(OSError):
                self._smtp.quit()
        self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


def open(settings: Settings) -> Smtp:  # noqa: A001 (every transport offers `open`)
    """Return the transport to the server in SMTP_URL. Raises SettingsError for a URL that cannot be read."""
    return Smtp(server_of(settings.smtp_url.get_secret_value()), settings.mail_domain)


def server_of(url: str) -> Server:
    """Read smtps:// (TLS from the start) or smtp:// (STARTTLS; mail to this machine itself goes without).

    Raises SettingsError and shows no part of the URL: in a misread one, the password can be anywhere.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        _ = host.encode("idna"), f"{user}{password}".encode("ascii")  # all that the DNS and smtplib can take
    except (ValueError, KeyError):
        raise SettingsError(BAD_URL) from None
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(BAD_URL)
    if parts.scheme == "smtps":
        return Server(host, port, user, password, "implicit")
    return Server(host, port, user, password, "none" if is_loopback(host) else "starttls")


def _content(command: Callable[[], tuple[int, bytes]]) -> bool:
    """Whether the server is there and says yes (NOOP, RSET)."""
    try:
        return command()[0] // 100 == DONE
    except OSError:
        return False
