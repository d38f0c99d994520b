"""In charge of the official client on a connection that is kept: one request, timed, and either answered or not.

Here alone are the libraries sendgrid and python_http_client; a test pins what is used of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import python_http_client
import sendgrid
from python_http_client.client import Response

from course.outbound.http_answer import heard

# Seconds. A server closes what is idle, and a request that crosses its goodbye on the way is lost without a trace.
LONGEST_IDLE = 5
PIECE = 64 * 1024  # bytes that have the whole time limit to leave, so that a slow line can carry a large call


class KeptClient(python_http_client.Client):  # type: ignore[misc]
    """SendGrid's client for POST to one place, by one connection that stays open. For one thread at a time.

    The client as shipped makes an opener and a connection for each request, knows no time limit, and follows redirects
    with the key in hand; `post` is its one method that we use, and does none of that.
    """

    def __init__(
        self,
        key: str,
        host: str,
        context: ssl.SSLContext | None,
        *,
        path: tuple[str, ...] = ("mail", "send"),
        seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        official = sendgrid.SendGridAPIClient(key, host).client
        headers = {**official.request_headers, "Content-Type": "application/json"}
        super().__init__(host, headers, 3, list(path), timeout=seconds)
        self._monotonic = monotonic
        self._used = -math.inf
        self._connection = _connection(host, context, seconds)
        self._head = self._begun()

    def post(self, request_body: dict[str, Any] | bytes) -> Any:
        """Ask once and return the client's Response, whatever its status. Bytes are JSON already.

        Raises URLError when the whole request cannot have left, so that nothing was sent; any other OSError or
        HTTPException when it did leave and no whole answer came.
        """
        body = request_body if isinstance(request_body, bytes) else json.dumps(request_body).encode()
        self._leave(self._request(body))
        kept = False
        try:
            whole, kept = heard(self._connection.sock)
        finally:
            if not kept:
                self.close()
        self._used = self._monotonic()
        return Response(whole)

    def hang_up(self) -> None:
        """End what this client is doing, from another thread: it finds its connection broken."""
        sock = self._connection.sock
        with contextlib.suppress(OSError):
            if sock is not None:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection; the next request opens a new one."""
        self._connection.close()

    def _request(self, body: bytes) -> memoryview:
        """Return the request as it leaves (RFC 9112), in one piece: a head alone would wake the other side."""
        return memoryview(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))

    def _begun(self) -> bytes:
        """Return what all requests begin with."""
        url = urlsplit(self._build_url(None))
        fields = {"Host": url.netloc, **self.request_headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {url.path} HTTP/1.1\r\n{head}".encode("ascii")

    def _leave(self, request: memoryview) -> None:
        """Write the whole request. Raises URLError when that did not come about."""
        kept = self._still_open()
        try:
            try:
                self._write(request)
            except TimeoutError:
                raise
            except OSError:
                # The server closed it while it was idle, and cannot have read a whole request.
                if not kept:
                    raise
                self.close()
                self._write(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise URLError(error) from error

    def _write(self, request: memoryview) -> None:
        if self._connection.sock is None:
            self._connection.connect()
        for start in range(0, len(request), PIECE):
            self._connection.sock.sendall(request[start : start + PIECE])

    def _still_open(self) -> bool:
        """Return whether the kept connection can be trusted with a request; else close it."""
        sock = self._connection.sock
        if sock is None:
            return False
        if self._monotonic() - self._used <= LONGEST_IDLE and _quiet(sock):
            sock.settimeout(self.timeout)
            return True
        self.close()
        return False


def _quiet(sock: socket.socket) -> bool:
    """Return whether the other side has neither said goodbye nor anything else that nobody asked for."""
    sock.settimeout(0)
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def tls_for(host: str) -> ssl.SSLContext | None:
    """Return what verifies a host's certificate; None where the key does not leave this machine."""
    return ssl.create_default_context() if host.startswith("https:") else None


def _connection(host: str, context: ssl.SSLContext | None, seconds: float) -> http.client.HTTPConnection:
    """Return a connection to this host, not opened yet, by the proxy that HTTPS_PROXY names if it does."""
    target = urlsplit(host)
    name = target.hostname or ""
    if target.scheme == "http":  # to this machine itself, and by no proxy: it would see the key
        return http.client.HTTPConnection(name, target.port, timeout=seconds)
    proxy = "" if proxy_bypass(name) else getproxies().get("https", "")
    if not proxy:
        return http.client.HTTPSConnection(name, target.port, timeout=seconds, context=context)
    via = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    through = http.client.HTTPSConnection(via.hostname or "", via.port or 80, timeout=seconds, context=context)
    login = f"{unquote(via.username or '')}:{unquote(via.password or '')}".encode()
    knock = {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"} if via.username else {}
    through.set_tunnel(name, target.port or http.client.HTTPS_PORT, knock)
    return through
