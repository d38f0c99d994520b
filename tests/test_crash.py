"""The promise of kill -9: real workers die at any moment, and nobody's lesson is lost or comes twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from servers import MailServer

ROOT = Path(__file__).parents[1]
PEOPLE, CONNECTIONS = 300, 3
PATIENCE = 240  # seconds that the whole of it may take


@pytest.fixture
def environment(tmp_path):
    """Return the settings of a worker that sends by SMTP to a server of the test's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATA_DIR": str(tmp_path / "var"), "TRANSPORT": "smtp", "SMTP_CONNECTIONS": str(CONNECTIONS)}


def state(folder):
    """Return how many lessons stand in each status and attempt, and the addresses whose lesson is noted as sent."""
    with sqlite3.connect(folder / "var" / "course.db", timeout=15) as database:
        counts = Counter(f"{row[0]} {row[1]}" for row in database.execute("SELECT status, attempts FROM deliveries"))
        sent = database.execute(
            "SELECT s.email FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id WHERE d.status = 'sent'"
        )
        return counts, {row[0] for row in sent}


def done(folder):
    """Whether each lesson is sent, or was in doubt and waits."""
    return set(state(folder)[0]) <= {"sent 0", "queued 1"}


@pytest.mark.parametrize(("pipelining", "kills"), [(True, 6), (False, 2)], ids=["pipelined", "plain"])
def test_kill_9_loses_nothing_and_repeats_nothing(tmp_path, environment, pipelining, kills):
    """Workers are killed while they send: what arrived arrived once, what did not is owed, few are in doubt.

    A message in doubt (given away, not answered) waits for its turn half an hour later, so no repeat hides here.
    """
    dice = random.Random(20270302)  # noqa: S311 (no secret: the same moments in every run)
    with MailServer(pipelining=pipelining) as server:
        environment["SMTP_URL"] = f"smtp://127.0.0.1:{server.port}"
        demo = [sys.executable, "-m", "course", "demo-data", "--people", str(PEOPLE), "--due"]
        subprocess.run(demo, cwd=ROOT, env=environment, check=True, capture_output=True)
        end = time.monotonic() + PATIENCE
        for kill in range(kills + 1):
            goal = len(server.mails) + dice.randrange(5, PEOPLE // (kills + 2)) if kill < kills else PEOPLE
            with (tmp_path / f"worker-{kill}.log").open("wb") as log:
                command = [sys.executable, str(ROOT / "worker.py"), "--only", "clock"]
                worker = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
                try:
                    while worker.poll() is None and time.monotonic() < end:
                        if len(server.mails) >= goal or (kill == kills and done(tmp_path)):
                            break
                        time.sleep(0.001)
                finally:
                    worker.send_signal(signal.SIGKILL if kill < kills else signal.SIGTERM)
                    worker.wait()
        arrived = Counter(mail.to[0] for mail in server.mails)
    counts, noted = state(tmp_path)

    assert time.monotonic() < end
    assert max(arrived.values()) == 1
    assert noted <= set(arrived)
    assert set(counts) <= {"sent 0", "queued 1"}
    assert counts["queued 1"] <= kills * CONNECTIONS
