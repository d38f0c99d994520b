"""The whole loop by SMTP, ten milliseconds there and back, against nodemailer's pool with ready bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import ours
from benchmarks.beside import beside
from benchmarks.nodemailer import CONNECTIONS, installed, pool, sample_file
from benchmarks.results import Limit, Result, Speed, rounds
from benchmarks.run import Run
from benchmarks.sinks import smtp_sink

EACH_WAY = 5.0  # milliseconds
FEWER = 4  # waiting takes its time
LIMITS = [Limit("whole loop, SMTP, 10 ms round trip, 10 connections, against nodemailer's pool", 1.9, 2.1)]


def measure(run: Run) -> Iterator[Result]:
    """Measure both through the same kind of proxy, each time a fresh one."""
    node, sample, messages = installed(), sample_file(run), max(1, run.messages // FEWER)
    ours.verified(run, messages, CONNECTIONS, milliseconds=EACH_WAY)
    speeds = rounds(
        run.times,
        {
            "ours": partial(ours.timed, run, messages, CONNECTIONS, milliseconds=EACH_WAY),
            "nodemailer": partial(_theirs, run, node, messages, sample),
        },
    )
    yield LIMITS[0].against(speeds["ours"], speeds["nodemailer"], "nodemailer")


def _theirs(run: Run, node: str, messages: int, sample: Path) -> Speed:
    with smtp_sink(run) as sink, beside("delay", sink.port, EACH_WAY) as proxy:
        speed = pool(node, proxy.port, messages, "ready", sample)
        sink.must_have(messages)
    return speed
