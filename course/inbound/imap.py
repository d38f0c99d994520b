"""In charge of a mailbox that is watched by IMAP: what comes is kept, decided, and only then marked, moved or erased.

The place up to which everything is done is noted in the database, after each mail. Whatever happens before that, the
mail is taken once more, which does no harm: its Message-ID tells. So it is after a restore, and when the server
counts anew. What is there at such a beginning is never erased: it may be somebody's from before there was a course.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from course.files import locked
from course.inbound import Reception, Source
from course.inbound.imap_talk import Folder, RefusedError, Server, opened, server_of
from course.reading.caps import LARGEST
from course.settings import Settings, SettingsError

LOOK = 60.0  # seconds between two looks, when the server says nothing
WAITS = (5.0, 15.0, 60.0, 300.0)  # seconds until the next try after the first, second … failure in a row
TRIES = 10  # of a mail at which the connection breaks each time; then the next ones have their turn
log = structlog.get_logger()


class UndecidedError(Exception):
    """The database does not take a mail just now; it is kept, and stays in the mailbox as it is."""


@dataclass
class Watch:
    """One mailbox that is watched, and how far it has been read: `validity` and the last UID that is done.

    `before` is the last UID that was there when it was first looked at.
    """

    server: Server
    after: Callable[[Folder, int], None]
    after_folder: str
    erases: bool
    reception: Reception
    validity: int = -1
    uid: int = 0
    before: int = 0
    kept: dict[int, Path] = field(default_factory=dict)  # not decided yet: kept once, however often it is tried
    broken: Counter[int] = field(default_factory=Counter)


def prepared(settings: Settings) -> Source | None:
    """Return the way in of IMAP_URL, or None. Raises SettingsError."""
    url = settings.imap_url.get_secret_value()
    if not url:
        return None
    server = server_of(url)
    lock = _only_watch(settings.data_dir)
    says = f"the mailbox at {server.host}, folder {server.folder}"
    return Source("imap", says, partial(_serve, server, settings.imap_after, lock))


def _only_watch(folder: Path) -> ExitStack:
    """Hold the lock that proves this to be the only one who watches. Raises SettingsError."""
    held = ExitStack()
    try:
        held.enter_context(locked(folder / "imap.lock"))
    except BlockingIOError:
        raise SettingsError(
            "IMAP_URL: another worker watches the mailbox already; end that one, or start this one with --only clock "
            "or --only web"
        ) from None
    return held


def _serve(server: Server, after: str, lock: ExitStack, reception: Reception) -> None:
    how, _, folder = after.partition(":")
    act: dict[str, Callable[[Folder, int], None]] = {
        "flag": Folder.mark_seen,
        "delete": Folder.erase,
        "move": lambda opened_folder, uid: opened_folder.move(uid, folder),
    }
    watch, failures = Watch(server, act[how], folder, how == "delete", reception), 0
    with lock:
        while not reception.stopped.is_set():
            try:
                with opened(server) as opened_folder:
                    _begin(watch, opened_folder)
                    while not reception.stopped.is_set():
                        take(watch, opened_folder)
                        failures = 0
                        opened_folder.wait(LOOK, reception.stopped)
            except Exception as error:  # noqa: BLE001 (whatever the server did, it is tried again)
                _tell(error)
                reception.stopped.wait(WAITS[min(failures, len(WAITS) - 1)])
                failures += 1


def _begin(watch: Watch, folder: Folder) -> None:
    """Find the place to go on from. Raises RefusedError when mail is to be moved to where it cannot be."""
    if watch.after_folder and not folder.has(watch.after_folder):
        raise RefusedError(f"IMAP_AFTER: the mailbox has no folder {watch.after_folder}; make one, or put flag")
    if watch.validity != folder.validity:
        noted = watch.reception.receiver.place(_name(watch.server)).split()
        known = [*map(int, noted), 0] if noted else [-1, 0, 0]
        same = known[0] == folder.validity
        if noted and not same:
            log.warning("the mailbox counts its mails anew; they are looked at from the beginning")
        watch.uid, watch.before = known[1:3] if same else (0, max(folder.after(0), default=0))
        watch.validity = folder.validity
        _note(watch)
        watch.kept.clear()
        watch.broken.clear()


def take(watch: Watch, folder: Folder) -> None:
    """Take in what has come since the last time. Raises UndecidedError, and whatever breaks a connection."""
    for uid in folder.after(watch.uid):
        if watch.reception.stopped.is_set():
            return
        _take_one(watch, folder, uid)
        watch.uid = uid
        _note(watch)


def _note(watch: Watch) -> None:
    place = f"{watch.validity} {watch.uid} {watch.before}"
    watch.reception.receiver.note_place(_name(watch.server), place)


def _take_one(watch: Watch, folder: Folder, uid: int) -> None:
    receiver = watch.reception.receiver
    if uid not in watch.kept:
        raw = _raw(watch, folder, uid)
        if raw is None:
            return
        watch.kept[uid] = receiver.receive(raw, source="imap")
    receiver.read_spool()
    if watch.kept[uid].exists():
        raise UndecidedError
    if watch.erases and uid <= watch.before:
        folder.mark_seen(uid)
    else:
        watch.after(folder, uid)
    del watch.kept[uid]


def _raw(watch: Watch, folder: Folder, uid: int) -> bytes | None:
    """Return a mail, or None for one that is gone or is left where it is."""
    if watch.broken[uid] >= TRIES:
        log.error("the connection broke at a mail each time; it was left in the mailbox", uid=uid)
        return None
    watch.broken[uid] += 1
    size = folder.size(uid)
    if size is not None and size > LARGEST:
        log.warning("a mail is larger than 35 MB and was left in the mailbox", uid=uid)
    raw = folder.mail(uid) if size is not None and size <= LARGEST else None
    del watch.broken[uid]
    return raw


def _name(server: Server) -> str:
    return f"imap {server.host} {server.user} {server.folder}"


def _tell(error: Exception) -> None:
    """Log what to do about it; only our own sentences, since a server's may hold anything."""
    match error:
        case RefusedError():
            log.error("the mailbox cannot be read", why=str(error))
        case UndecidedError():
            log.warning("the database does not take mail just now; it stays in the mailbox and is tried again")
        case ssl.SSLCertVerificationError():
            log.error("IMAP_URL: the server's certificate cannot be believed", why=error.verify_message)
        case _:
            log.warning("the mailbox could not be read; it is tried again", error=type(error).__name__)
