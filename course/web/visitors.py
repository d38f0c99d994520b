"""In charge of the network address that a request comes from: a proxy's word counts only as far as it is trusted."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import structlog
from starlette.requests import Request

from course.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Who writes into X-Forwarded-For on this very machine is a proxy here; a visitor from outside has another address.
HERE = "127.0.0.0/8, ::1"
WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d+|\[([0-9A-Fa-f:.]+)\](?::\d+)?")  # as some proxies write a hop
log = structlog.get_logger()


def client_address(request: Request, settings: Settings) -> str:
    """Return the address that a request comes from: the rightmost hop that is no trusted proxy, or "".

    X-Forwarded-For is believed only as far as trusted proxies wrote it: whoever forges one stands to its left.
    """
    named = (settings.trusted_proxies or HERE).split(",")
    trusted = [ipaddress.ip_network(part.strip(), strict=False) for part in named if part.strip()]
    hops = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    peer = address_of(request.client.host if request.client else "")
    found = ""
    for address in (peer, *map(address_of, reversed(hops))):
        if address is None:
            break
        found = str(address)
        if not any(address in network for network in trusted):
            break
    if hops and peer is not None and peer.is_private and found == str(peer):
        tell_of(found)
    return found


def address_of(text: str) -> Address | None:
    """Return the address that is written here, with or without a port; None for anything else."""
    with_port = WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@lru_cache(8)  # once for each
def tell_of(proxy: str) -> None:
    """Say which proxy nobody named."""
    log.warning(
        "all visitors count as one, so that after a few sign-ups an hour the others wait: "
        "put the address of the proxy into TRUSTED_PROXIES",
        proxy=proxy,
    )
