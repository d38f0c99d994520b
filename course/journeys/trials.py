"""In charge of the proof that calls of many are safe here: an answer to a test mail, back by its own address.

In such a call everybody's reply address is substituted by SendGrid (SENDGRID_BATCH). `course send-test --batch` sends a
pair; whoever answers one of them shows whether the address in it was that mail's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from course import addresses, links
from course.journeys import facts
from course.journeys.service import Service
from course.keys import Keys
from course.reading import Incoming
from course.settings import Settings

NAME = "sendgrid_batches"
SAFE, UNSAFE = "safe", "unsafe"
TRY_IT = "run `course send-test ADDRESS SECOND --batch` and answer one of the two mails"
log = structlog.get_logger()


def mark(keys: Keys, address: str) -> int:
    """Return the number that stands for an address in a test's token."""
    return int(keys.hash("trial", addresses.key(address))[:8], 16)


def take_in(tx: Connection, service: Service, mail: Incoming, recipients: Iterable[str], real_now: datetime) -> bool:
    """Note what the answer to one of a pair proves; return whether it was such an answer.

    It came to an address of the pair: its own, if it answers the mail by that token, or where it does not say what it
    answers, if it is from whom that mail went to. A mail that came to none, or to another's, proves the contrary.
    """
    came_to, answers = links.tried(service.keys, recipients, mail.references)
    if not (came_to or answers):
        return False
    if came_to and not answers and all(who != mark(service.keys, mail.sender) for _, who in came_to):
        log.warning("an answer to a test of batches proves nothing: it names no mail, and its sender got none")
        return True
    if mail.report or mail.failures:
        return True
    found = SAFE if came_to and (not answers or came_to & answers) else UNSAFE
    facts.remember(tx, NAME, f"{found} {service.settings.sendgrid_host}", real_now)
    log.info("an answer to a test of batches came in", batches=found)
    return True


def standing(tx: Connection, settings: Settings) -> str:
    """Return what is known of batches with the account in the settings, in a sentence; "" where none are sent."""
    if settings.transport != "sendgrid":
        return ""
    value, at = facts.recall(tx, NAME)
    known, _, host = value.partition(" ")
    if host == settings.sendgrid_host and at is not None:
        if known == SAFE:
            return f"safe here, as an answer of {at:%Y-%m-%d} proved; SENDGRID_BATCH is {settings.sendgrid_batch}"
        return f"NOT SAFE here: an answer of {at:%Y-%m-%d} came back without its own address; put SENDGRID_BATCH=1"
    return f"not proven to be safe here: {TRY_IT}, or put SENDGRID_BATCH=1" if settings.sendgrid_batch > 1 else ""


def warning(service: Service) -> str:
    """Return what whoever starts the service must hear of its batches, or ""."""
    with service.store.reading() as tx:
        known = standing(tx, service.settings)
    batch = service.settings.sendgrid_batch
    if not known or batch == 1 or known.startswith(SAFE):
        return ""
    return f"SENDGRID_BATCH is {batch}, and calls of many are {known}"
