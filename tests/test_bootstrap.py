"""What the first `make run` promises on a fresh machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with nothing in it but what the set-up reads."""
    for name in ("bootstrap.py", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def installer(checkout: Path, *, code: int) -> Path:
    """Put an installer on the path that only notes how it was called and ends with this code; return its notes."""
    notes = checkout / "called"
    script = checkout / "bin" / "uv"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\necho "$@" >> "{notes}"\nexit {code}\n')
    script.chmod(0o755)
    return notes


def set_up(checkout: Path, *flags: str, kind: str = "run") -> subprocess.CompletedProcess[str]:
    """Run it as make does."""
    command = [sys.executable, *flags, "bootstrap.py", kind]
    alone = {**os.environ, "PATH": str(checkout / "bin")}
    return subprocess.run(command, cwd=checkout, env=alone, check=False, text=True, capture_output=True, timeout=120)


def test_without_pip_it_says_how_to_get_it(checkout: Path) -> None:
    """A bare Debian has Python and no pip: the message names the package."""
    done = set_up(checkout, "-I", "-S")  # -S: as if nothing had been installed beside Python
    assert done.returncode == 1
    assert done.stderr == "Python's pip is needed. On Debian: apt install python3-pip\n"


def test_a_set_up_that_failed_is_tried_again(checkout: Path) -> None:
    """When packages cannot be had it says so, and the next run does not take it for done."""
    installer(checkout, code=1)
    done = set_up(checkout)
    assert done.returncode == 1
    assert "Run the same command again" in done.stderr
    notes = installer(checkout, code=0)
    notes.unlink()
    assert set_up(checkout).returncode == 0
    assert "--require-hashes" in notes.read_text()


def test_nothing_is_installed_twice(checkout: Path) -> None:
    """What is set up stays as it is until a lock changes; what the tests need holds what the service needs."""
    notes = installer(checkout, code=0)
    set_up(checkout, kind="dev")
    notes.unlink()
    assert set_up(checkout, kind="dev").stdout == ""
    assert set_up(checkout).stdout == ""
    assert not notes.exists()
    for lock in LOCKS:
        (checkout / lock).write_text("# another one\n")
    assert "Ready" in set_up(checkout).stdout
    assert "requirements.lock" in notes.read_text()
