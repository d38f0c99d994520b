"""In charge of the photos of a journal: which are kept, locked like the words beside them, and why others are not."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from course.journeys import person_keys
from course.journeys.service import Service
from course.locking import LockedError, lock, unlock
from course.reading.photos import MOST, Kind, Photo, kind_of, stripped
from course.store.states import JournalLevel
from course.store.tables import photos


@dataclass(frozen=True)
class Sorted:
    """The photos that are kept; `left_out` says why another one is not: heic, other, shared or None."""

    kept: tuple[Photo, ...]
    left_out: str | None = None


def sort(pictures: tuple[bytes, ...], level: JournalLevel) -> Sorted:
    """Strip each picture of what says more than it shows (place, time, device); leave out those that cannot be."""
    if not pictures:
        return Sorted(())
    if level != JournalLevel.KEEP:
        return Sorted((), "shared")
    found = [(one, stripped(one)) for one in pictures[:MOST]]
    refused = [kind_of(one) for one, photo in found if photo is None]
    other = "other" if refused or len(pictures) > MOST else None
    return Sorted(tuple(photo for _, photo in found if photo), "heic" if Kind.HEIC in refused else other)


def keep(tx: Connection, entry_id: int, key: bytes, kept: tuple[Photo, ...]) -> None:
    """Keep the photos of an entry, locked by its key."""
    for place, photo in enumerate(kept):
        locked = lock(key, photo.content, _name(entry_id, place))
        row = {"entry_id": entry_id, "place": place, "kind": photo.kind, "locked": locked}
        tx.execute(insert(photos), row)


def of(tx: Connection, service: Service, entry: Any) -> list[Photo]:
    """Return the photos of a row of `entries`, for the person alone; those that nobody can open are left out.

    Whoever serves one does so as an attachment: it is a stranger's file, and no page of ours.
    """
    found = tx.execute(select(photos).where(photos.c.entry_id == entry.id).order_by(photos.c.place)).all()
    try:
        key = person_keys.find(service, entry.key_id) if found else b""
        return [Photo(Kind(row.kind), unlock(key, row.locked, _name(entry.id, row.place))) for row in found]
    except LockedError:
        return []


def as_text(tx: Connection, service: Service, entry: Any) -> list[dict[str, str]]:
    """Return the photos of an entry as JSON can hold them."""
    return [{"kind": photo.kind, "base64": b64encode(photo.content).decode()} for photo in of(tx, service, entry)]


def _name(entry_id: int, place: int) -> str:
    return f"photo {entry_id} {place}"
