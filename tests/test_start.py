"""Promises of the worker's start and end: what it cannot do is said in a line, and it says goodbye when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from conftest import SetClock
from doors import free_port
from sqlalchemy.exc import DataError, OperationalError
from structlog.testing import capture_logs
from test_settings import alone as alone  # noqa: PLC0414 (a fixture: no settings but those that are given)

import worker
from course.files import DRAFT

WORKER = Path(worker.__file__)


@pytest.fixture
def start(alone, monkeypatch):
    """Return what starts the clock with these settings and nothing else; it gives the last words of the service."""
    monkeypatch.setattr(sys, "argv", ["worker.py", "--only", "clock"])

    def run(**given):
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            worker.main()
        return str(ended.value)

    return run


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("sqlite:////nowhere/course.db", "unable to open database file"),
        ("sqlite:///damaged.db", "file is not a database"),
        ("postgresql://course:s3cret@127.0.0.1:1/course", "connection failed"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(start, tmp_path, address, why):
    """It is away, damaged, or no path leads there: the setting is named, and the driver's reason. Never a password."""
    (tmp_path / "damaged.db").write_bytes(b"no database " * 1000)
    said = start(DATABASE_URL=address)

    assert said.startswith("The service cannot start:\nDATABASE_URL: the database did not do its part (")
    assert why in said
    assert len(said.splitlines()) == 2
    assert "s3cret" not in said


def test_a_folder_of_somebody_else_is_told_in_a_sentence(start, monkeypatch, tmp_path):
    """DATA_DIR belongs to root after a `sudo course …`: the file is named, and where to look."""

    def refused(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path / "var/clock.lock"))

    monkeypatch.setattr("course.sole.locked", refused)

    assert start().splitlines() == [
        "The service cannot start:",
        f"{tmp_path}/var/clock.lock: Permission denied. Check DATA_DIR: its disk and its owner.",
    ]


def test_settings_that_may_not_be_read_are_told_in_a_sentence(start, monkeypatch):
    """The file .env belongs to another user and is 0600: it is the file to look at, not DATA_DIR."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", ".env")

    monkeypatch.setattr("course.settings.dotenv_values", refused)
    said = start()

    assert ".env cannot be read (Permission denied): it must belong to the service's user" in said
    assert "DATA_DIR" not in said


def test_what_a_worker_before_left_and_cannot_be_touched_is_told_in_a_sentence(start, tmp_path):
    """A folder in which it left drafts belongs to somebody else: no traceback, but the folder's name."""
    outbox = tmp_path / "var/outbox"
    outbox.mkdir(parents=True)
    (outbox / f"{DRAFT}left").mkdir()  # no file that could be unlinked, whoever runs the tests
    said = start()

    assert said.startswith(f"The service cannot start:\nvar/outbox/{DRAFT}left: ")
    assert said.endswith(". Check DATA_DIR: its disk and its owner.")


def test_what_only_a_programmer_can_mend_is_not_hidden(start, monkeypatch):
    """A mistake of ours keeps its traceback: no sentence stands in for it."""

    def wrong(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("worker.sound", wrong)

    with pytest.raises(ZeroDivisionError):
        start()


# What goes on failing.


def failing(errors, clock):
    """Let a tick a second meet these errors, or None for a good one; return what the log says: moment, why."""
    left = iter(errors)
    begun = clock.at

    def work():
        error = next(left)
        if error:
            raise error

    run = worker.guarded(work, threading.Lock(), clock)
    with capture_logs() as logs:
        said = []
        for _ in errors:
            run()
            said += [((clock.at - begun).total_seconds(), line.get("why", line["event"])) for line in logs]
            logs.clear()
            clock.go(seconds=1)
    return said


def gone(words):
    """Return what SQLAlchemy raises when the driver says these words."""
    return OperationalError("SELECT secret", {}, Exception(words))


def test_a_server_that_is_away_is_said_now_and_then_and_why():
    """An hour without PostgreSQL is a dozen lines, not thousands, and each has the driver's words."""
    refused = gone("connection to server at 10.0.0.5, port 5432 failed: Connection refused\nIs the server running?")

    assert failing([refused] * 601, SetClock()) == [
        (at, "connection to server at 10.0.0.5, port 5432 failed: Connection refused") for at in (0, 300, 600)
    ]


def test_another_failure_and_its_end_are_said_at_once():
    """The server starts again, and then all is well."""
    assert failing(
        [gone("refused"), gone("refused"), gone("starting up"), None, None, gone("refused")], SetClock()
    ) == [
        (0, "refused"),
        (2, "starting up"),
        (3, "ticks go on again"),
        (5, "refused"),
    ]


def test_what_the_database_refuses_to_take_is_not_repeated_in_the_log():
    """Its words may hold somebody's: only the kind of failure is said."""
    wrong = DataError("INSERT", {}, Exception('invalid input syntax: "what Alice wrote"'))

    assert failing([wrong], SetClock()) == [(0, "DataError")]


# The end.


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
@pytest.mark.parametrize("only", ["clock", "web"])
def test_every_way_of_ending_it_is_a_goodbye(tmp_path, name, only):
    """Also a terminal that is closed (SIGHUP): what is on its way comes to its end, and the process ends with 0."""
    port = free_port()
    known = {"DATA_DIR": str(tmp_path / "var"), "PORT": str(port), "PATH": os.environ["PATH"]}
    command = [sys.executable, str(WORKER), "--only", only]
    with subprocess.Popen(command, cwd=tmp_path, env=known, stdout=subprocess.PIPE, text=True) as running:
        next(line for line in running.stdout if "is running" in line)
        answered = only == "clock" or any(answers(port) for _ in count())
        running.send_signal(getattr(signal, name))
        ended = running.wait(60)

    assert (answered, ended) == (True, 0)


def answers(port):
    """Whether the pages answer by now: from then on a signal is theirs."""
    with suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).status)
    return False


def test_under_nohup_a_closed_terminal_ends_nothing(monkeypatch):
    """Whoever starts it by nohup wants it to go on."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ended = threading.Event()
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        worker.on_signal(ended.set)
        signal.raise_signal(signal.SIGHUP)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)

    assert not ended.is_set()
