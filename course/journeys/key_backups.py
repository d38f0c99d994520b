"""In charge of backups of people's keys: of their own, few, and gone after thirty days, for an erasure must reach them.

A file holds the keys as they are kept, wrapped by JOURNAL_KEYS; alone it opens nothing.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from course.files import write_whole
from course.journeys import erasures
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.failures import BackupError
from course.store.key_store import person_keys

KEEP = timedelta(days=30)  # real time
NAME = "journal-keys-%Y%m%dT%H%M%SZ.json"


@dataclass(frozen=True)
class Taken:
    """What a backup of the keys came to: its file, how many keys are in it, how many older files are gone."""

    file: Path
    keys: int
    gone: int


def take(service: Service, folder: Path, real_now: datetime) -> Taken:
    """Write all keys into a new file in this folder, mode 0600, and erase ours that are older than thirty days.

    Raises BackupError.
    """
    if not folder.is_dir():
        raise BackupError(f"There is no folder {folder}; make it, for the backups of the keys alone")
    with service.key_store.reading() as tx:
        keys = [dict(row) for row in tx.execute(select(person_keys).order_by(person_keys.c.id)).mappings()]
    file = folder / real_now.astimezone(UTC).strftime(NAME)
    try:
        write_whole(file, json.dumps({"made_at": real_now.isoformat(), "keys": list(map(_written, keys))}).encode())
        old = [path for path in folder.glob("journal-keys-*.json") if _too_old(path, real_now)]
        for path in old:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(
            f"{folder} cannot be used ({error.strerror}). Is there room, and may we write there?"
        ) from None
    return Taken(file, len(keys), len(old))


def put_back(service: Service, file: Path, real_now: datetime) -> int:
    """Add the keys of a backup that are missing, but for those of people who were erased since; return how many.

    Raises BackupError for a file that is none, or older than thirty days.
    """
    try:
        held = json.loads(file.read_text(encoding="ascii"))
        made_at, keys = datetime.fromisoformat(held["made_at"]), list(map(_read, held["keys"]))
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, TypeError):
        raise BackupError(f"{file} is no backup of the keys; `course keys backup` makes them") from None
    if real_now - made_at > KEEP:
        raise BackupError(f"{file} is older than {KEEP.days} days: who was erased since might be in it. Delete it")
    erased = erasures.known(service)
    alive = [key for key in keys if key["who"] not in erased or key["made_at"] > erased[key["who"]]]
    with service.key_store.transaction() as tx:
        return insert_new(tx, person_keys, alive)


def _too_old(path: Path, real_now: datetime) -> bool:
    try:
        return real_now - datetime.strptime(path.name, NAME).replace(tzinfo=UTC) > KEEP
    except ValueError:  # not a name of ours
        return False


def _written(key: dict[str, Any]) -> dict[str, str]:
    wrapped = base64.b64encode(key["wrapped"]).decode()
    return {**key, "wrapped": wrapped, "made_at": key["made_at"].isoformat()}


def _read(key: dict[str, str]) -> dict[str, Any]:
    known = {name: str(key[name]) for name in ("id", "who", "mark")}
    return {**known, "wrapped": base64.b64decode(key["wrapped"]), "made_at": datetime.fromisoformat(key["made_at"])}
