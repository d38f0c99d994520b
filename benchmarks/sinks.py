"""In charge of Postfix's test programs: the sink that everybody sends to, and how many messages it has had."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import MismatchError, MissingError
from benchmarks.run import Run

SBIN = "/usr/sbin"  # not on everybody's PATH
TAIL = 200  # bytes; smtp-sink writes its counters anew after each message, some 40 bytes


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink."""

    port: int
    counters: Path

    def count(self) -> int:
        """Return how many messages it has had."""
        with self.counters.open("rb") as file:
            file.seek(max(0, self.counters.stat().st_size - TAIL))
            found = re.findall(rb"mesg=(\d+)", file.read())
        return int(found[-1]) if found else 0

    def must_have(self, messages: int) -> None:
        """Raise MismatchError unless it has had exactly so many."""
        if self.count() != messages:
            raise MismatchError(f"smtp-sink got {self.count():,} messages instead of {messages:,}")


def tool(name: str) -> str:
    """Return the path of one of Postfix's programs. Raises MissingError."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if found is None:
        raise MissingError(f"{name} is not here; on Debian: apt install postfix (it need not run)")
    return found


@contextlib.contextmanager
def smtp_sink(run: Run) -> Iterator[Sink]:
    """Run a sink on a free port of this machine."""
    program = tool("smtp-sink")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.getuid() == 0 else []  # it does not run as root
    counters = run.new_folder() / "counters"
    with counters.open("wb") as out:
        running = subprocess.Popen([program, "-c", *user, f"127.0.0.1:{port}", "1000"], stdout=out)
    try:
        _wait_for(port)
        yield Sink(port, counters)
    finally:
        running.terminate()
        running.wait()
        counters.unlink()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise MismatchError("smtp-sink did not start")
