"""In charge of files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

DRAFT = ".draft-"  # what a file is called until it is whole; a crash may leave one behind


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the place, sync, rename, and sync the folder: the rename is only durable with it. Mode 0600.

    Raises OSError (disk full …): then nothing is there, or what was there before.
    """
    write_pieces(path, (data,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file like `write_whole`, of which not all need be in memory at once."""
    draft = _drafted(path, pieces)
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a file like `write_whole`, but leave one that is there already: of two writers, the first one wins."""
    draft = _drafted(path, (data,))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


@contextlib.contextmanager
def taking_the_place_of(path: Path) -> Iterator[Path]:
    """Give a draft to write into, for a program that wants a path; at the end it is synced and takes the place.

    Raises OSError, or what was raised while it was written: then nothing is there, or what was there before.
    """
    draft = _drafted(path, ())
    try:
        yield draft
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on this file, which is made if need be. Raises BlockingIOError when somebody else does."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def sync(path: Path) -> None:
    """Let a file, or a folder's list of names, outlive a power cut. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _drafted(path: Path, pieces: Iterable[bytes]) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
