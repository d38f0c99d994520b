"""In charge of a stand-in for SendGrid: it answers every POST with 202, keeps connections, and counts recipients.

With `each` it reads every request and keeps all recipients, to tell doubles apart; that is slower and never timed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.beside import serve

LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
CLOSES = re.compile(rb"^connection:[ \t]*close", re.IGNORECASE | re.MULTILINE)


@dataclass
class Count:
    """What came. Inside a JSON string each quote has a backslash before it, so a bare `"to":` is always a key."""

    each: bool
    calls: int = 0
    recipients: int = 0
    people: Counter[str] = field(default_factory=Counter)

    def take(self, body: bytes) -> None:
        """Count one request."""
        self.calls += 1
        if not self.each:
            self.recipients += body.count(b'"to":')
            return
        named = [to["email"] for one in json.loads(body)["personalizations"] for to in one["to"]]
        self.recipients += len(named)
        self.people.update(named)

    def said(self) -> dict[str, int]:
        """Return what was counted; `different` is known only with `each`."""
        return {"calls": self.calls, "messages": self.recipients, "different": len(self.people)}


class Talk(asyncio.Protocol):
    """One connection, HTTP/1.1 (RFC 9112)."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to answer by."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (TCP)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole by now."""
        self.buffer += data
        while True:
            head_ends = self.buffer.find(b"\r\n\r\n") + 4
            length = LENGTH.search(self.buffer, 0, max(head_ends, 0))
            if head_ends < 4 or length is None:  # noqa: PLR2004 (not found, and the four bytes)
                return
            whole = head_ends + int(length[1])
            if len(self.buffer) < whole:
                return
            closes = CLOSES.search(self.buffer, 0, head_ends) is not None
            self.count.take(bytes(self.buffer[head_ends:whole]))
            del self.buffer[:whole]
            name = f"X-Message-Id: sink-{self.count.calls}\r\n"
            self.transport.write(f"HTTP/1.1 202 Accepted\r\n{name}Content-Length: 0\r\n\r\n".encode())
            if closes:
                self.transport.close()
                return


if __name__ == "__main__":
    counter = Count(each="each" in sys.argv[1:])
    serve(lambda: Talk(counter), counter.said)
