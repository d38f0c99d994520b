"""The whole loop by SMTP against nodemailer's pool, which is given ready bytes or composes each message.

nodemailer only sends: it has no database to ask and to tell.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import ours
from benchmarks.beside import ROOT
from benchmarks.results import Limit, MissingError, Result, Speed, rounds
from benchmarks.run import Run
from benchmarks.sinks import smtp_sink

CONNECTIONS = 10
FEWER = 4  # it is given fewer messages: it takes longer for each
HERE = ROOT / "benchmarks"
LIMITS = [
    Limit("whole loop, SMTP, 10 connections, against nodemailer's pool with ready bytes", 3.5, 5),
    Limit("whole loop, SMTP, 10 connections, against nodemailer's pool, composing", 10, 15),
]


def measure(run: Run) -> Iterator[Result]:
    """Measure ours, and both ways of nodemailer."""
    node, sample = installed(), sample_file(run)
    fewer = max(1, run.messages // FEWER)
    speeds = rounds(
        run.times,
        {
            "ours": partial(ours.timed, run, run.messages, CONNECTIONS),
            "ready": partial(_theirs, run, node, fewer, "ready", sample),
            "composing": partial(_theirs, run, node, fewer, "composing", sample),
        },
    )
    ready, composing = LIMITS
    yield ready.against(speeds["ours"], speeds["ready"], "nodemailer")
    yield composing.against(speeds["ours"], speeds["composing"], "nodemailer")


def installed() -> str:
    """Return the path of node, with nodemailer at hand. Raises MissingError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise MissingError("node and npm are not here; on Debian: apt install nodejs npm")
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["nodemailer"]
    if version() != wanted:
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--silent", "--prefix", str(HERE)]
        if subprocess.run([npm, "install", *quiet], check=False).returncode:
            raise MissingError(f"npm could not install nodemailer {wanted}")
    return node


def version() -> str:
    """Return the version of nodemailer that is installed, or ""."""
    path = HERE / "node_modules" / "nodemailer" / "package.json"
    return str(json.loads(path.read_text())["version"]) if path.exists() else ""


def sample_file(run: Run) -> Path:
    """Write down a lesson, for nodemailer to send."""
    sample = dataclasses.asdict(ours.sample(run))
    sample["data"] = sample["data"].decode("ascii")
    path = run.new_folder() / "sample.json"
    path.write_text(json.dumps(sample))
    return path


def pool(node: str, port: int, messages: int, mode: str, sample: Path) -> Speed:
    """Let nodemailer send so many messages to this port; it looks at its own watch, once it has started."""
    command = [node, HERE / "nodemailer.js", port, CONNECTIONS, messages, mode, sample]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    return Speed(messages / float(done.stdout))


def _theirs(run: Run, node: str, messages: int, mode: str, sample: Path) -> Speed:
    with smtp_sink(run) as sink:
        speed = pool(node, sink.port, messages, mode, sample)
        sink.must_have(messages)
    return speed
