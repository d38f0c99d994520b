"""In charge of a way to PostgreSQL that can be cut: connections are dropped, or nothing passes any more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self


class Proxy:
    """Passes on what comes by TCP to a socket of this machine. `silent`: nothing passes and nobody is told."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self._passes = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._do(self._listen())
        return self

    def __exit__(self, *_) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, *, silent: bool) -> None:
        """Let nothing pass from now on."""
        self._do(self._cut(silent=silent))

    def mend(self) -> None:
        """Let everything pass again. What was on its way in silence is lost with its connection."""
        self._do(self._mend())

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> int:
        self._passes.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _cut(self, *, silent: bool) -> None:
        self._passes.clear()
        self._open = silent
        if not silent:
            self._drop()

    async def _mend(self) -> None:
        self._drop()
        self._open = True
        self._passes.set()

    async def _end(self) -> None:
        await self._mend()
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        self._writers.add(writer)
        await self._passes.wait()
        with contextlib.suppress(OSError):
            there, to_there = await asyncio.open_unix_connection(self._path)
            self._writers.add(to_there)
            await asyncio.gather(self._pass(reader, to_there), self._pass(there, writer), return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
            self._writers.discard(writer)
