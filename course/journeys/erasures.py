"""In charge of the erasure log: who was erased and when, in a file outside the database, for restores.

A line holds a moment (course time), what was done, and the keyed hash of an address: it names nobody. Where somebody's
address changed, it holds both hashes, so that a copy of before is erased too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from errno import ENOSPC
from pathlib import Path

from sqlalchemy import delete, select

from course.files import sync
from course.journeys import suppression
from course.journeys.service import Service
from course.store.sets import one_of
from course.store.tables import subscribers

ERASED, BACK = "erased", "back"  # back: a restore has brought them back on purpose
MOVED = "moved"  # from one address to another: whoever is erased at the new one was the same person at the old one


def note(service: Service, who: str, what: str, now: datetime) -> None:
    """Write a line that outlives a power cut, before anything is erased. Raises OSError: then nothing may be."""
    note_all(service, [who], what, now)


def note_all(service: Service, whom: Iterable[str], what: str, now: datetime) -> None:
    """Write a line for each of several people, as `note` does."""
    lines = "".join(f"{now.isoformat()} {what} {who}\n" for who in whom).encode()
    path = _path(service)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"  # the line before was cut off by a power cut
        lines = b"\n" * torn + lines
        if os.write(handle, lines) < len(lines):
            os.ftruncate(handle, size)  # whoever stands in it would be erased by a restore, and is not erased now
            raise OSError(ENOSPC, "the disk is full", str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    sync(path.parent)


def known(service: Service) -> dict[str, datetime]:
    """Return who is erased, and when they last were; who was brought back since is not.

    Somebody who is erased is also erased by the addresses that they had before, as of the day on which each was given
    up: since then it may be somebody else's.
    """
    found: dict[str, datetime] = {}
    moves: list[tuple[datetime, str, str]] = []
    path = _path(service)
    for line in path.read_text(encoding="ascii", errors="replace").splitlines() if path.exists() else ():
        match line.split():
            case [at, what, who] if what == ERASED:
                found[who] = datetime.fromisoformat(at)
            case [_, what, who] if what == BACK:
                found.pop(who, None)
            case [at, what, old, new] if what == MOVED:
                moves.append((datetime.fromisoformat(at), old, new))
    for moment, old, new in reversed(moves):
        if new in found and found[new] >= moment:
            found[old] = max(found.get(old, moment), moment)
    return found


def again(service: Service, now: datetime, *, with_erased: bool) -> int:
    """Erase again whom the log names, out of a database that was restored; return how many.

    Whoever came back after their erasure stays. `with_erased` notes that they are back instead.
    """
    gone = known(service)
    with service.store.reading() as tx:
        people = tx.execute(select(subscribers.c.id, subscribers.c.email, subscribers.c.created_at)).all()
    named = [(row, suppression.mark(service.keys, row.email)) for row in people] if gone else []
    erased = [(row, who) for row, who in named if who in gone and row.created_at <= gone[who]]
    if with_erased:
        for _, who in erased:
            note(service, who, BACK, now)
        return 0
    with service.store.transaction() as tx:
        return tx.execute(delete(subscribers).where(one_of(subscribers.c.id, [row.id for row, _ in erased]))).rowcount


def _path(service: Service) -> Path:
    return service.settings.data_dir / "erasures.log"
