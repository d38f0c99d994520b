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
    draft = _drafted(path, data)
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file like `write_whole`, but leave one that is there already: of two writers, the first one wins."""
    draft = _drafted(path, data)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def _drafted(path: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
