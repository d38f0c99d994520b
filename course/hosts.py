"""In charge of what a host name or an address of a server says by itself, without asking anybody."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

SAMPLE_DOMAIN = "dearself.example"  # reserved (RFC 2606): nobody's


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return a host as it stands in a link: an IPv6 address gets brackets."""
    return f"[{host}]" if ":" in host else host


def smtp_host(url: str) -> str:
    """Return the host of an SMTP_URL, or "" for one that cannot be read (`outbound/greeting.py` reads the rest)."""
    return _host(url, {"smtp", "smtps"})


def imap_host(url: str) -> str:
    """Return the host of an IMAP_URL, or "" for one that cannot be read (`inbound/imap_talk.py` reads the rest)."""
    return _host(url, {"imap", "imaps"})


def _host(url: str, schemes: set[str]) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in schemes
    except ValueError:
        return ""
    return (parts.hostname or "") if known else ""


@dataclass(frozen=True)
class Listening:
    """Where mail servers hand their mail in: a socket's path, or a host and port."""

    protocol: str  # lmtp or smtp
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def here_only(self) -> bool:
        """Whether only this machine reaches it."""
        return bool(self.path) or is_loopback(self.host)

    def __str__(self) -> str:
        """Return it as it stands in MAIL_LISTEN."""
        return f"{self.protocol}:{self.path}" if self.path else f"{self.protocol}://{bracketed(self.host)}:{self.port}"


def listening(url: str) -> Listening | None:
    """Read lmtp:/path/to/socket, lmtp://host:port or smtp://host:port; return None for what is none of them."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        return None
    if parts.scheme not in {"lmtp", "smtp"} or parts.query or parts.fragment or parts.username:
        return None
    if not parts.netloc and parts.path.startswith("/"):
        return Listening(parts.scheme, path=parts.path)
    return Listening(parts.scheme, host, port) if host and port and not parts.path.strip("/") else None
