"""In charge of reading one HTTP answer (RFC 9112) to its end, from a connection that may be kept."""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

TAKEN = re.compile(rb"HTTP/1\.1 202 [ -~]*\r\n((?:[!-9;-~]+:[ -~]*\r\n)+)\r\n")  # and no body
PIECE = 64 * 1024  # bytes read at once
LARGEST_ANSWER = 64 * 1024  # bytes; SendGrid's answers are empty, or an error of a few lines


@dataclass(frozen=True)
class Whole:
    """An answer that was read to its end: as urllib would give it to the official client."""

    status: int
    body: bytes
    fields: http.client.HTTPMessage

    def getcode(self) -> int:
        """Return the status."""
        return self.status

    def read(self) -> bytes:
        """Return the body."""
        return self.body

    def info(self) -> http.client.HTTPMessage:
        """Return the header fields."""
        return self.fields


class _Begun(io.RawIOBase):
    """A connection of whose answer the first piece was read already; what `http.client` takes for a socket."""

    def __init__(self, first: bytes, sock: socket.socket) -> None:
        self._first = first
        self._sock = sock

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        if not self._first:
            return self._sock.recv_into(room)
        some, self._first = self._first[: len(room)], self._first[len(room) :]
        room[: len(some)] = some
        return len(some)


class _Final(http.client.HTTPResponse):
    """The final answer: what comes before it is passed over (RFC 9110 section 15.2), which Python does for 100 only."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


def heard(sock: socket.socket) -> tuple[Whole, bool]:
    """Return the answer to a POST that comes by this connection, and whether that may be used for another request.

    Where its body breaks off, its status and fields count: they say whether the mail was taken, the body only why not.
    Raises OSError or HTTPException when those do not come.
    """
    first = sock.recv(PIECE)
    fields = _taken(first)
    if fields is not None:
        return Whole(HTTPStatus.ACCEPTED, b"", fields), True
    with contextlib.closing(_Final(_Begun(first, sock), method="POST")) as answer:  # type: ignore[arg-type]
        answer.begin()
        try:
            body = answer.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException):
            return Whole(answer.status, b"", answer.headers), False
        broken_off = answer.length and len(body) < LARGEST_ANSWER
        # Not closed: there is more of it than anybody wants to read.
        kept = not broken_off and answer.isclosed() and not answer.will_close
        return Whole(answer.status, body, answer.headers), kept


def _taken(answer: bytes) -> http.client.HTTPMessage | None:
    """Return the fields of a whole answer that says "taken" and nothing else; None for any other.

    Almost every answer is one. Python's own reading of it, by the parser for mail, took more than half of a request.
    """
    found = TAKEN.fullmatch(answer)
    if found is None:
        return None
    fields = http.client.HTTPMessage()
    for line in found[1].decode("ascii").splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    ends = fields.get_all("Content-Length") == ["0"] and "Transfer-Encoding" not in fields
    stays = fields.get("Connection", "keep-alive").lower() == "keep-alive"
    return fields if ends and stays else None
