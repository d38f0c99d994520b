"""In charge of what a host name or an address of a server says by itself, without asking anybody."""

from __future__ import annotations

import ipaddress
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
    """Return the host of an SMTP_URL, or "" for one that cannot be read (`outbound/smtp.py` reads the rest)."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"smtp", "smtps"}
    except ValueError:
        return ""
    return (parts.hostname or "") if known else ""
