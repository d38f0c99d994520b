"""Whose request it is: what a proxy says of it counts as far as the proxy is trusted."""

from __future__ import annotations

import pytest
import structlog
from conftest import make_settings
from starlette.requests import Request

from course.web import visitors
from course.web.visitors import client_address


def asked(peer, *forwarded):
    """Return a request as it comes from this peer."""
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("203.0.113.7", [], "", "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "", "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "10.0.0.0/8", "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1, 10.0.0.2"], "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", ["evil, 10.0.0.2"], "10.0.0.0/8", "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1, '; DROP TABLE"], "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.0/8", "10.0.0.3"),
        ("::ffff:203.0.113.7", [], "", "203.0.113.7"),
        ("10.0.0.1", ["2001:db8::1"], "10.0.0.0/8", "2001:db8::1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:99"], "10.0.0.0/8", "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "10.0.0.0/8", "2001:db8::1"),
        ("127.0.0.1", ["198.51.100.1"], "", "198.51.100.1"),
        ("::1", ["1.2.3.4, 198.51.100.1"], "", "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1"], "10.0.0.0/8", "127.0.0.1"),
        ("no address", ["198.51.100.1"], "10.0.0.0/8", ""),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_not_ours(tmp_path, peer, forwarded, trusted, found):
    """Whoever forges X-Forwarded-For stands to the left of what a trusted proxy wrote."""
    assert client_address(asked(peer, *forwarded), make_settings(data_dir=tmp_path, trusted_proxies=trusted)) == found


@pytest.mark.parametrize(
    ("peer", "forwarded", "told"),
    [
        ("172.18.0.2", ["198.51.100.1"], 1),  # a proxy in a container of its own
        ("172.18.0.2", [], 0),  # a visitor of the house
        ("93.184.216.34", ["198.51.100.1"], 0),  # a visitor who makes one up; their address is no business of the log
        ("127.0.0.1", ["198.51.100.1"], 0),
    ],
)
def test_a_proxy_that_nobody_named_is_told_once(tmp_path, peer, forwarded, told):
    """Behind it all visitors would count as one: the log says so once, and what to put where."""
    visitors.tell_of.cache_clear()
    settings = make_settings(data_dir=tmp_path)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            client_address(asked(peer, *forwarded), settings)

    assert [(line["proxy"], "TRUSTED_PROXIES" in line["event"]) for line in lines] == [(peer, True)] * told
