"""In charge of what reading cut from a reply that is kept: locked beside the words, for its writer to see and put back.

The owner, with whom words may be shared, sees none of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from course.journeys import person_keys
from course.journeys.service import Service
from course.locking import LockedError, lock, unlock
from course.reading import Incoming


@dataclass(frozen=True)
class Cut:
    """What was cut, and the whole text that it was cut from."""

    text: str = field(repr=False)
    whole: str = field(repr=False)


def locked(key: bytes, reply_id: int, mail: Incoming) -> bytes | None:
    """Return what was cut of this reply, locked by its writer's key; None for nothing."""
    if not mail.cut:
        return None
    return lock(key, json.dumps([mail.cut, mail.whole], ensure_ascii=False).encode(), _place(reply_id))


def opened(service: Service, entry: Any) -> Cut | None:
    """Return what was cut of a row of `entries`, for its writer alone; None for nothing, or if nobody can open it."""
    if entry.cut is None:
        return None
    try:
        return Cut(*json.loads(unlock(person_keys.find(service, entry.key_id), entry.cut, _place(entry.reply_id))))
    except LockedError:
        return None


def _place(reply_id: int) -> str:
    return f"cut of reply {reply_id}"
