"""In charge of where the tests keep their files: in memory where there is room, for thousands of them make some.

Nothing is lost by it: no test cuts the power, and a process that is killed leaves its files where they are.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 (each folder in it has a name of its own, and one owner)
ROOM = 4 << 30  # bytes that must be free: several times what a run of all tests has at once


def place() -> Path | None:
    """Return the folder in memory, or nothing: where there is none, little room, or nothing may be run from it."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(MEMORY)
    enough = found.f_bavail * found.f_frsize >= ROOM
    return MEMORY if enough and not found.f_flag & os.ST_NOEXEC else None


def settle() -> None:
    """Make it the place for temporary files of this process and those it starts, unless somebody chose another."""
    if "TMPDIR" not in os.environ and (folder := place()):
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # asked for anew
