"""In charge of files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

DRAFT = ".draft-"  # what a file is called until it is whole; a crash may leave one behind


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the place, sync, rename, and sync the folder: the rename is only durable with it. Mode 0600.

    Raises OSError (disk full …): then nothing is there, or what was there before.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
