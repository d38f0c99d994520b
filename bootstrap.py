"""Makes .venv from requirements.lock, with nothing but Python's standard library and pip.

`python3 bootstrap.py` installs what the service needs, `python3 bootstrap.py dev` what its tests need too.
Works on a bare Debian, where `python3 -m venv` has no ensurepip and the system's Python is marked as managed
(PEP 668): the environment is made without pip, and the system's pip installs into it by `--python`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main(kind: str) -> None:
    """Make the environment, or do nothing (in some milliseconds) when it is as the lock says."""
    if sys.version_info < OLDEST:
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12 run")
    lock = HERE / ("requirements-dev.lock" if kind == "dev" else "requirements.lock")
    stamp = VENV / "stamp"
    wanted = fingerprint(lock)
    if stamp.exists() and wanted in stamp.read_text().split():
        return
    started = time.monotonic()
    print(f"Setting up .venv from {lock.name} (a minute at most) ...", flush=True)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=False, symlinks=True)
    install("--require-hashes", "-r", str(lock))
    install("--no-deps", "--no-build-isolation", "-e", str(HERE))
    # The development lock holds all that the runtime lock holds, so its stamp serves both.
    runtime = fingerprint(HERE / "requirements.lock")
    stamp.write_text(f"{wanted} {runtime}\n")
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)


def fingerprint(lock: Path) -> str:
    """Return what an environment made from this lock, by this Python, is known by."""
    parts = [
        lock.read_bytes(),
        (HERE / "pyproject.toml").read_bytes(),
        sys.version.encode(),
        str(HERE).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install(*arguments: str) -> None:
    """Install into .venv by uv where it is to be had, else by pip."""
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), *arguments]
    elif importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "--python", str(PYTHON), "--disable-pip-version-check", "install"]
        command += ["--quiet", *arguments]
    else:
        sys.exit("Python's pip is needed. On Debian: apt install python3-pip")
    done = subprocess.run(command, check=False, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})
    if done.returncode:
        sys.exit("The packages could not be installed; the lines above say why. Run the same command again to retry.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "run")
