"""The whole loop (claim, fill, send, record) by SMTP against Postfix's `smtp-source`, to the same `smtp-sink`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from functools import partial

from benchmarks import ours
from benchmarks.results import Limit, Result, Speed, rounds
from benchmarks.run import Run
from benchmarks.sinks import smtp_sink, tool

CASES = [(postgres, connections) for postgres in (False, True) for connections in (10, 50)]
WHAT = "whole loop, SMTP, {} connections, {}, against smtp-source"
LIMITS = [
    Limit(WHAT.format(connections, "PostgreSQL"), 0.7, 1.0)
    if postgres
    else Limit(WHAT.format(connections, "SQLite"), 0.85, 1.2)
    for postgres, connections in CASES
]


def measure(run: Run) -> Iterator[Result]:
    """Measure on SQLite, then on PostgreSQL."""
    program = tool("smtp-source")
    size = len(ours.sample(run).data)
    for limit, (postgres, connections) in zip(LIMITS, CASES, strict=True):
        ours.verified(run, run.messages, connections, postgres=postgres)
        speeds = rounds(
            run.times,
            {
                "ours": partial(ours.timed, run, run.messages, connections, postgres=postgres),
                "smtp-source": partial(_theirs, run, program, connections, size),
            },
        )
        yield limit.against(speeds["ours"], speeds["smtp-source"], "smtp-source")


def _theirs(run: Run, program: str, connections: int, size: int) -> Speed:
    """Let smtp-source send as many messages of the same size by as many kept connections."""
    with smtp_sink(run) as sink:
        amounts = ["-l", str(size), "-m", str(run.messages), "-s", str(connections)]
        began = time.perf_counter()
        subprocess.run([program, "-d", *amounts, f"127.0.0.1:{sink.port}"], check=True)
        took = time.perf_counter() - began
        sink.must_have(run.messages)
    return Speed(run.messages / took)
