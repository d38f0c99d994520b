"""In charge of distance: a proxy to a port of this machine that holds back what it carries for so long each way.

It holds back, it does not limit: any amount may be under way at a time. Run as `delay PORT MILLISECONDS`.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections import deque
from functools import partial

from benchmarks.beside import serve


class Way(asyncio.Protocol):
    """One end of a connection: what it is given leaves by the other end, later and in order."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.other: asyncio.Transport | None = None
        self.waiting: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what the other end writes to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (TCP)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Hold it back. Timers of one moment fire in any order, so each takes what has waited longest."""
        self.waiting.append(data)
        asyncio.get_running_loop().call_later(self.seconds, self._pass_on)

    def connection_lost(self, _: Exception | None) -> None:
        """Say goodbye to the other end, after all that still waits."""
        asyncio.get_running_loop().call_later(self.seconds * 2, self._end)

    def _pass_on(self) -> None:
        if self.other and not self.other.is_closing():
            self.other.write(self.waiting.popleft())

    def _end(self) -> None:
        if self.other:
            self.other.close()


class Near(Way):
    """The end that a client connects to; the far one is opened for it."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(seconds)
        self.port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the far end; a client that talks first is read only then."""
        super().connection_made(transport)
        self.transport.pause_reading()
        self.opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        far = Way(self.seconds)
        await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self.port)
        self.other, far.other = far.transport, self.transport
        self.transport.resume_reading()


if __name__ == "__main__":
    # epoll counts in whole milliseconds and would add one to each way; select does not.
    exact = asyncio.SelectorEventLoop(selectors.SelectSelector())
    serve(partial(Near, int(sys.argv[1]), float(sys.argv[2]) / 1000), dict, exact)
