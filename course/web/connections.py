"""In charge of connections to the pages: each has some seconds to say what it wants, and their number has an end.

uvicorn itself waits for ever for a request that never comes. A thousand such connections would take every file that the
system lets this process open, and with them its database and its mail.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 400  # connections; systems let a process open 1,024 files, and sending and incoming mail want theirs
BACKLOG = 100  # connections that the system keeps waiting outside, and that are let in at once
# Seconds from the first moment to the last byte: of a request's head, and of its body (30 MB from a mail provider).
HEAD, BODY = "head", "body"


class Connection(H11Protocol):
    """One connection; what is awaited of it, and since when (seconds of the loop's clock)."""

    seconds: ClassVar[dict[str, float]] = {HEAD: 20, BODY: 300}
    awaited = ""
    since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; in a crowd, hang up on the connection that has been silent for longest."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST:
            silent = [one for one in cast("set[Connection]", self.connections) if one.awaited]
            min(silent, key=lambda one: one.since).hang_up()

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Begin to wait for the missing part of a request. Sending it in small pieces gives nobody more time."""
        missing = self._missing()
        if missing == self.awaited:
            return
        self._stop_waiting()
        if missing and not self.transport.is_closing():
            self.awaited, self.since = missing, self.loop.time()
            self._timer = self.loop.call_later(self.seconds[missing], self.hang_up)

    def _missing(self) -> str:
        if self.cycle is None or self.cycle.response_complete:
            return HEAD
        return BODY if self.cycle.more_body else ""

    def hang_up(self) -> None:
        """End it at once; a page that waits for the rest of a request is told."""
        self._stop_waiting()
        self.transport.abort()

    def _stop_waiting(self) -> None:
        self.awaited = ""
        if self._timer:
            self._timer.cancel()
