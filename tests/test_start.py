"""Promises of a start that cannot be: whoever typed it reads one line that says what to do, and no traceback."""

from __future__ import annotations

import os
import sys

import pytest

import worker
from course.settings import Settings


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return what starts the clock with these settings and nothing else; it gives the last words of the service."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
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


def test_what_only_a_programmer_can_mend_is_not_hidden(start, monkeypatch):
    """A mistake of ours keeps its traceback: no sentence stands in for it."""

    def wrong(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("worker.sound", wrong)

    with pytest.raises(ZeroDivisionError):
        start()
