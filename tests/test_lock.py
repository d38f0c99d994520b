"""Promises of the lock files: they install from any index, with hashes, and say what pyproject.toml says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import lock
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path):
    """Give a copy of pyproject.toml and its locks that a test may break."""
    for name in (lock.PROJECT, lock.RUN, lock.DEV):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def change(path, old, new, count=1):
    """Put something else in the file's first place that holds this."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def pin(project, name):
    """Return a requirement's line in the runtime lock."""
    lines = (project / lock.RUN).read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))


def test_the_locks_fit_pyproject():
    """`make check` can rely on it: no problem, and no network is needed to say so."""
    done = subprocess.run(
        [sys.executable, "tests/lock.py", "--check"], check=False, cwd=ROOT, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "-e .",
        "thing @ https://example.org/thing.whl",
        "thing>=1",
        "https://example.org/thing.whl",
    ],
    ids=["index", "option", "address", "range", "bare address"],
)
def test_a_line_that_is_no_pin_is_told(project, line):
    """A lock names no index and no address, and leaves nothing open."""
    path = project / lock.RUN
    number = len(path.read_text(encoding="utf-8").splitlines()) + 1
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")

    assert [said.partition(": ")[0] for said in lock.check(project)] == [f"{lock.RUN}:{number}"]


def test_a_pin_without_a_hash_is_told(project):
    """Whatever is installed is what was locked."""
    path = project / lock.RUN
    path.write_text(path.read_text(encoding="utf-8") + "zzz==1\n", encoding="utf-8")

    said = list(lock.check(project))
    assert "this requirement has no hash" in said[0]
    assert said[1:] == [f"{lock.DEV}: zzz is not as in {lock.RUN}"]


def test_a_dependency_that_is_not_locked_is_told(project):
    """A new line in pyproject.toml needs `make lock`."""
    change(project / lock.PROJECT, "dependencies = [", 'dependencies = [\n  "New_Thing>=1",')

    assert list(lock.check(project)) == [f"{name}: New_Thing is missing" for name in (lock.RUN, lock.DEV)]


def test_a_pin_that_is_too_old_is_told(project):
    """So does a raised lower bound."""
    version = pin(project, "typer").split("==")[1].split()[0]
    change(project / lock.PROJECT, '"typer>=', '"typer>=99,>=')

    said = list(lock.check(project))
    assert [line.partition(" is not ")[0] for line in said] == [
        f"{name}: typer {version}" for name in (lock.RUN, lock.DEV)
    ]


def test_locks_that_disagree_are_told(project):
    """The tests run on the very versions that people run."""
    change(project / lock.DEV, pin(project, "idna"), "idna==1.0 \\")

    assert list(lock.check(project)) == [f"{lock.DEV}: idna is not as in {lock.RUN}"]


def test_what_does_not_fit_ends_with_advice(project):
    """The last line says what to type."""
    (project / "tests").mkdir()
    shutil.copy(ROOT / "tests/lock.py", project / "tests")
    change(project / lock.PROJECT, '"typer>=', '"typer>=99,>=')
    done = subprocess.run(
        [sys.executable, "tests/lock.py", "--check"], check=False, cwd=project, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "The locks do not fit pyproject.toml: run `make lock`."
