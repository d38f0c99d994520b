"""The whole loop (claim, fill, send, record) by SMTP on SQLite, against Postfix's `smtp-source`, to one `smtp-sink`.

Run `python -m benchmarks.smtp`. Needs smtp-source and smtp-sink (Debian: postfix, which need not run). The contenders
take turns in one run; medians and the median of their ratios are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from course import logs
from course.app import App
from course.journeys import demo
from course.outbound import folder
from course.settings import load

SINK, SOURCE = "/usr/sbin/smtp-sink", "/usr/sbin/smtp-source"


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run a sink on a free port of this machine; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.getuid() == 0 else []  # it does not run as root
    running = subprocess.Popen([SINK, *user, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def ours(port: int, people: int, connections: int) -> float:
    """Send a lesson to so many people who are owed one; return messages a second."""
    with tempfile.TemporaryDirectory() as data:
        settings = load(
            data_dir=Path(data),
            transport="smtp",
            smtp_url=f"smtp://127.0.0.1:{port}",
            smtp_connections=connections,
            smtp_messages=1_000_000,
        )
        app = App.build(settings)
        demo.make(app.service, people, app.clock.now(), due=True)
        began = time.perf_counter()
        sent = app.tick()
        took = time.perf_counter() - began
        app.close()
    if sent != people:
        sys.exit(f"{people - sent} of {people} messages did not leave")
    return people / took


def theirs(port: int, messages: int, connections: int, size: int) -> float:
    """Let smtp-source send as many messages of the same size by as many kept connections; return messages a second."""
    began = time.perf_counter()
    command = [SOURCE, "-d", "-l", str(size), "-m", str(messages), "-s", str(connections), f"127.0.0.1:{port}"]
    subprocess.run(command, check=True)
    return messages / (time.perf_counter() - began)


def _size() -> int:
    """Return how many bytes a lesson of the first course is on the wire."""
    with tempfile.TemporaryDirectory() as data:
        app = App.build(load(data_dir=Path(data), transport="folder"))
        demo.make(app.service, 1, app.clock.now(), due=True)
        app.tick()
        size = folder.messages(Path(data) / "outbox")[0].stat().st_size
        app.close()
    return size


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit("smtp-sink did not start")


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=4_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    missing = [tool for tool in (SINK, SOURCE) if not shutil.which(tool)]
    if missing:
        print(f"Skipped: {', '.join(missing)} not found; on Debian: apt install postfix (it need not run)")
        return
    logs.set_up("error")
    size = _size()
    for connections in (10, 50):
        pairs = []
        for _ in range(asked.runs):
            with sink() as port:
                other = theirs(port, asked.messages, connections, size)
                pairs.append((ours(port, asked.messages, connections), other))
        own, other = (statistics.median(each) for each in zip(*pairs, strict=True))
        ratio = statistics.median(mine / yours for mine, yours in pairs)
        print(f"{connections} connections, {size} bytes: ours {own:,.0f}/s, smtp-source {other:,.0f}/s: {ratio:.2f} x")


if __name__ == "__main__":
    main()
