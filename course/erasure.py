"""In charge of erasing a person wherever they are: rows, letters in the outbox, and mail of theirs that waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.fernet import InvalidToken

from course import addresses
from course.inbound import spool, tasting
from course.inbound.tasting import NotTastedError
from course.journeys import privacy, retention
from course.journeys.privacy import Traces
from course.journeys.service import Service
from course.outbound import sendgrid_erasing
from course.reading.caps import HEADER_BLOCK, TooMuchError

TO = re.compile(rb"^To: ([^\r\n]+)", re.MULTILINE)
AT_ONCE = 200  # people per transaction, so that no writer waits long
HEAD = 8_192  # bytes of a letter of ours that surely hold its To header


log = structlog.get_logger()


@dataclass(frozen=True)
class Erased:
    """What there was of somebody: rows or none, and how many letters to them and mails from them.

    `refused` is why SendGrid did not take the request to erase its copies, if it was asked.
    """

    known: bool
    letters: int
    mails: int
    refused: str = ""


def erase(service: Service, address: str, now: datetime, *, but_new: bool = False) -> Erased:
    """Erase everything about an address, except what names nobody. It may be repeated.

    `but_new` spares a sign-up that is newer than the mail by which they asked to be erased.
    """
    # Before the rows, so that a repeat finds what a crash left; and after them, for what came in between.
    traces = privacy.traces(service, address)
    letters, mails = _erase_files(service, traces)
    known = privacy.erase(service, address, now, but_new=but_new)
    more_letters, more_mails = _erase_files(service, traces)
    # Also where nobody is known any more, so that a repeat asks again.
    refused = sendgrid_erasing.ask(service.settings, address) if service.settings.transport == "sendgrid" else ""
    return Erased(known, letters + more_letters, mails + more_mails, refused)


def end_storage(service: Service, now: datetime, real_now: datetime, go_on: Callable[[], bool]) -> int:
    """Erase everybody whose storage has ended, as long as `go_on()`; return how many people. The rest waits."""
    ended, refused = 0, ""
    over = retention.over(service, now, real_now)
    for place in range(0, len(over), AT_ONCE):
        if not go_on():
            break
        some = over[place : place + AT_ONCE]
        traces = privacy.traces(service, *retention.addresses_of(service, some))
        _erase_files(service, traces)
        gone = retention.end(service, some, now, real_now)
        _erase_files(service, traces)
        if gone and service.settings.transport == "sendgrid":
            refused = sendgrid_erasing.ask(service.settings, *gone) or refused
        ended += len(gone)
    if ended:
        service.store.sweep_pages()
        log.info("people whose storage has ended were erased", people=ended)
    if refused:
        log.error("SendGrid has not taken the request to erase its copies of some addresses", why=refused)
    return ended


def _erase_files(service: Service, traces: Traces) -> tuple[int, int]:
    """Erase the letters to these people and the mails from them; return how many of each."""
    data = service.settings.data_dir
    letters = [path for path in _files(data / "outbox") if _to(path) in traces.addresses]
    mails = [path for path in spool.everywhere(data / "spool") if _theirs(service, traces, path)]
    for path in (*letters, *mails):
        path.unlink(missing_ok=True)
    return len(letters), len(mails)


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file: drafts that a crash left behind as well as letters."""
    return (path for path in folder.glob("*") if path.is_file())


def _to(letter: Path) -> str:
    try:
        with letter.open("rb") as file:
            found = TO.search(file.read(HEAD))
    except FileNotFoundError:  # a draft that has become a letter meanwhile, which is to be looked at by itself
        return ""
    return addresses.key(found[1].decode("ascii", "replace").strip()) if found else ""


def _theirs(service: Service, traces: Traces, path: Path) -> bool:
    try:
        mail = spool.take(path, service.keys)
    except (FileNotFoundError, InvalidToken):
        return False  # decided meanwhile, or sealed with a key that is gone: nobody can tell
    try:
        raw = tasting.tasted(mail.raw)
    except (TooMuchError, NotTastedError):
        raw = mail.raw[:HEADER_BLOCK]
    return traces.show_in(service.keys, raw, mail.to)
