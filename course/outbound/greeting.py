"""In charge of a mail server's door: where SMTP_URL leads, the greeting, TLS and the login, by smtplib."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import unquote, urlsplit

from course.hosts import is_loopback
from course.settings import SettingsError

PORTS = {"smtps": 465, "smtp": 587}  # RFC 8314 section 3.3; RFC 6409 section 3.1
MECHANISMS = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})  # those that smtplib speaks
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


def opened(
    server: Server, own_name: str, context: ssl.SSLContext, connect_seconds: float, answer_seconds: float
) -> smtplib.SMTP:
    """Return a connection that may be used: greeted, under TLS, logged in. Raises OSError or binascii.Error."""
    implicit = server.tls == "implicit"
    kind = partial(smtplib.SMTP_SSL, context=context) if implicit else smtplib.SMTP
    smtp: smtplib.SMTP = kind(server.host, server.port, local_hostname=own_name, timeout=connect_seconds)
    try:
        _greet(smtp, server, context, answer_seconds)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _greet(smtp: smtplib.SMTP, server: Server, context: ssl.SSLContext, answer_seconds: float) -> None:
    if smtp.sock:
        smtp.sock.settimeout(answer_seconds)
    smtp.ehlo_or_helo_if_needed()
    if server.tls == "starttls":
        if not smtp.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError(NO_STARTTLS)
        smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
    if server.user:
        if MECHANISMS.isdisjoint(smtp.esmtp_features.get("auth", "").split()):
            raise smtplib.SMTPNotSupportedError(NO_LOGIN)
        smtp.login(server.user, server.password)
