"""In charge of helpers that run in a process of their own, so that they take nothing from what is measured.

A helper prints its port, serves until its standard input ends, and then prints what it counted, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Helper:
    """A helper that runs beside us."""

    port: int
    running: subprocess.Popen[str]

    def counted(self) -> dict[str, int]:
        """End it and return what it counted."""
        words, _ = self.running.communicate()
        counted: dict[str, int] = json.loads(words)
        return counted


@contextlib.contextmanager
def beside(module: str, *arguments: object) -> Iterator[Helper]:
    """Run this module of ours as a helper."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=ROOT, **pipes) as running:  # type: ignore[call-overload]
        try:
            yield Helper(int(running.stdout.readline()), running)
        finally:
            running.terminate()


def serve(
    made: Callable[[], asyncio.Protocol],
    counted: Callable[[], dict[str, int]],
    loop: asyncio.AbstractEventLoop | None = None,
) -> None:
    """Be a helper: one protocol for each connection."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, backlog=1000)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps(counted()), flush=True)

    with asyncio.Runner(loop_factory=(lambda: loop) if loop else None) as runner:
        runner.run(run())
