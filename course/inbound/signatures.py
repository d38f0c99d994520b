"""In charge of DKIM marks that nobody before us has checked: whose they are, and whether they fit (RFC 6376)."""

from __future__ import annotations

import re
from collections.abc import Callable

import dkim
import structlog

from course.reading import mime
from course.reading.authentication import one_sender

MOST = 3  # marks of one mail that are looked at; each may need an answer from afar
SECONDS = 5  # that such an answer may take
LONGEST = 1_000_000  # bytes: more is not checked, for the time that it would take
# Over white space the library goes back and forth; no letter has this much of it in one place.
SLOW = re.compile(rb"[ \t]{100}|(?:[ \t]*\r?\n){100}")
MARK = re.compile(rb"^dkim-signature[ \t]*:", re.IGNORECASE | re.MULTILINE)
Ask = Callable[..., bytes | None]  # a name in the DNS -> its TXT record
log = structlog.get_logger()


def passed(raw: bytes, ask: Ask = dkim.get_txt) -> tuple[str, ...]:
    """Return the domains whose mark on this mail is good: what the From line says was signed by them, and all the rest.

    Asks the DNS, so it may take seconds. When nobody answers, nothing is proven.
    """
    if len(raw) > LONGEST or SLOW.search(raw) or not one_sender(raw):
        return ()
    found = (_passed(raw, place, ask) for place in range(min(len(MARK.findall(mime.head(raw))), MOST)))
    return tuple(dict.fromkeys(domain for domain in found if domain))


def _passed(raw: bytes, place: int, ask: Ask) -> str:
    """Return the domain of the mark in this place, or "" if it proves nothing."""
    mail = dkim.DKIM(raw, timeout=SECONDS)
    try:
        good = mail.verify(place, dnsfunc=ask)
    except Exception as error:  # noqa: BLE001 (whatever a stranger wrote there, it is no proof)
        log.info("a DKIM mark could not be checked", error=type(error).__name__)
        return ""
    # With a length (RFC 6376 section 8.2), anybody may have written what follows it.
    whole = b"l" not in mail.signature_fields
    return mail.domain.decode("ascii", "replace").lower() if good and whole else ""
