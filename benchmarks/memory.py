"""Memory of `worker.py --only clock` while it sends to a fifth of a crowd: how it grows after the first thousand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import crowd
from benchmarks.beside import ROOT
from benchmarks.ours import by_smtp
from benchmarks.results import Limit, MismatchError, Result
from benchmarks.run import Run
from benchmarks.sinks import Sink, smtp_sink

FIRST = 1_000  # messages after which it has all that it needs
CONNECTIONS = 10
LOOK = 0.2  # seconds between looks
PATIENCE = 60  # seconds in which no message came
LIMITS = [
    Limit(
        "growth of `worker.py --only clock` while sending 200,000 of 1,000,000, 10 connections, SQLite",
        10,
        2,
        "MiB",
        at_most=True,
    )
]


def measure(run: Run) -> Iterator[Result]:
    """Measure once: it takes long, and memory does not depend on luck."""
    with smtp_sink(run) as sink:
        folder, people = crowd.copied(run, owed=True), crowd.due(run)
        settings = {"data_dir": folder, "log_level": "error", **by_smtp(sink.port, CONNECTIONS)}
        given = {name.upper(): str(value) for name, value in settings.items()}
        command = [sys.executable, str(ROOT / "worker.py"), "--only", "clock"]
        began = time.monotonic()
        with subprocess.Popen(command, env={**os.environ, **given}, stdout=subprocess.DEVNULL) as worker:
            try:
                sizes = list(_sizes(worker.pid, sink, people))
            finally:
                worker.terminate()
        sink.must_have(people)
    first, most = sizes[0], max(sizes)
    speed = people / (time.monotonic() - began)
    words = f"{first:.1f} MiB after the first {FIRST:,}, {most:.1f} MiB at most; {speed:,.0f}/s from its start"
    yield LIMITS[0].result([most - first], words)


def _sizes(worker: int, sink: Sink, people: int) -> Iterator[float]:
    """Yield the worker's resident memory in MiB, from the first thousand messages until all have come."""
    had, came = 0, time.monotonic()
    while had < people:
        time.sleep(LOOK)
        now = sink.count()
        if now > had:
            had, came = now, time.monotonic()
        elif time.monotonic() - came > PATIENCE:
            raise MismatchError(f"{had:,} of {people:,} messages came, then none for {PATIENCE} s")
        if had >= FIRST:
            yield _resident(worker)


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise MismatchError("the worker ended")
    return int(found[1]) / 1024
