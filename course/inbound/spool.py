"""In charge of the spool: raw mail on disk, encrypted, from the moment it arrived until it is decided.

A file is written whole and synced, then renamed into place: after a power cut it is there or it is not. What could not
be decided waits in held/ for two weeks at most, with the reason in its name; what is not proven to come from our
provider waits in unproven/. Moved back by hand, either is decided after all. What was decided is gone, or stays in
kept/ for as long as KEEP_RAW_DAYS says.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography.fernet import InvalidToken

from course.files import DRAFT, write_pieces
from course.inbound import pieces
from course.inbound.room import Room
from course.keys import Keys
from course.reading.aside import HeldError, Why

KEEP_HELD = timedelta(days=14)
FOR_HELD = Room(files=5_000, bytes=1_000_000_000)  # spam must not fill the disk
# These are erased first when there are too many: anybody can cause them, without an address that we gave to a person.
FIRST_TO_GO = (Why.NOBODY, Why.TOO_MUCH, Why.BROKEN)
MOMENT = "%Y%m%d-%H%M%S-%f"  # begins each file's name, so that they are in order
FOR_UNPROVEN = Room(files=200, bytes=200_000_000)  # a forger must not either
log = structlog.get_logger()


@dataclass(frozen=True)
class Held:
    """A mail that was put aside: what it is called, when it came (real time), and why nobody could decide it."""

    name: str
    came_at: datetime
    why: str
    path: Path


@dataclass(frozen=True)
class Spooled:
    """One mail: which way it came, to which addresses, and whose DKIM mark the way in has checked."""

    source: str
    to: tuple[str, ...]
    passed: tuple[str, ...]
    raw: bytes = field(repr=False)


def put(folder: Path, keys: Keys, mail: Spooled, real_now: datetime) -> Path:
    """Write the mail durably and return its file. Raises OSError (disk full …): then nothing was accepted."""
    head = json.dumps({"source": mail.source, "to": mail.to, "passed": mail.passed})
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{real_now.astimezone(UTC):{MOMENT}}-{secrets.token_hex(4)}.mail"
    write_pieces(path, pieces.sealed(keys, head.encode(), mail.raw))
    return path


def waiting(folder: Path) -> list[Path]:
    """Return the undecided files, the oldest first."""
    return sorted(folder.glob("*.mail"))


def take(path: Path, keys: Keys) -> Spooled:
    """Read one file. Raises FileNotFoundError when another process was faster, InvalidToken when it is not ours."""
    head, raw = pieces.opened(path, keys)
    said = json.loads(head)
    return Spooled(said["source"], tuple(said["to"]), tuple(said["passed"]), raw)


def put_unproven(folder: Path, keys: Keys, mail: Spooled, real_now: datetime) -> None:
    """Keep a mail whose way in is not proven, as long as there are few: a key that was changed must lose nothing."""
    unproven = folder / "unproven"
    if not FOR_UNPROVEN.full(waiting(unproven), len(mail.raw)):
        put(unproven, keys, mail, real_now)


def drain(
    folder: Path,
    keys: Keys,
    decide: Callable[[Spooled], None],
    *,
    waits: tuple[type[Exception], ...],
    keep: bool,
) -> None:
    """Hand each waiting mail to `decide`. When that raises HeldError it is put aside; what is decided may be kept.

    An exception of `waits` (the database is away, there is no process to be had) leaves this mail and the rest waiting.
    Any other one means that the mail cannot be read: it is held, and the next one is read.
    """
    for path in waiting(folder):
        try:
            decide(take(path, keys))
            why = None
        except FileNotFoundError:
            continue  # another process was faster
        except waits as error:
            log.warning("a mail cannot be decided now; it waits", error=type(error).__name__)
            return
        except HeldError as error:
            why = error.why
        except InvalidToken:
            log.error("a spooled mail was sealed with a key that SECRET_KEY no longer holds; it is held")
            why = Why.LOST_KEY
        except Exception as error:  # noqa: BLE001 (whatever a stranger sent, the next mail is read)
            log.error("a mail could not be read and is held", error=type(error).__name__)
            why = Why.BROKEN
        if why:
            hold(path, why)
        elif keep:
            _move(path, "kept")
        else:
            path.unlink(missing_ok=True)


def hold(path: Path, why: Why) -> None:
    """Put a mail aside, still encrypted, for whoever looks after the service.

    Where there are too many (or too much), those of FIRST_TO_GO are erased first, reason by reason, the oldest first;
    only then people's own.
    """
    _move(path, "held", f"{path.name.partition('.')[0]}.{why}.mail")
    for one in FOR_HELD.over(sorted(waiting(path.parent / "held"), key=_worth)):  # of what is alike the oldest is first
        one.unlink(missing_ok=True)


def _worth(path: Path) -> int:
    why = path.name.split(".")[1]
    return FIRST_TO_GO.index(Why(why)) if why in FIRST_TO_GO else len(FIRST_TO_GO)


def held(folder: Path) -> list[Held]:
    """Return what was put aside, the oldest first. Nothing is opened for it."""
    found = []
    for path in waiting(folder / "held"):
        stem, _, why = path.name.removesuffix(".mail").partition(".")
        moment, _, name = stem.rpartition("-")
        with suppress(ValueError):  # no file of ours
            came_at = datetime.strptime(moment, MOMENT).replace(tzinfo=UTC)
            found.append(Held(name, came_at, why or "-", path))
    return found


def everywhere(folder: Path) -> list[Path]:
    """Return every mail there is, wherever it waits or is kept."""
    return sorted(folder.rglob("*.mail"))


def sweep(folder: Path, real_now: datetime, *, keep: timedelta) -> None:
    """Erase what was held for two weeks or kept for long enough, and what a crash left half written an hour ago."""
    ages = {"held/*.mail": KEEP_HELD, "unproven/*.mail": KEEP_HELD, "kept/*.mail": keep}
    drafts = dict.fromkeys((f"{DRAFT}*", f"unproven/{DRAFT}*"), timedelta(hours=1))
    for pattern, age in (ages | drafts).items():
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime < (real_now - age).timestamp():
                    path.unlink()


def _move(path: Path, where: str, name: str = "") -> None:
    there = path.parent / where
    there.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):  # another process was faster
        path.replace(there / (name or path.name))
