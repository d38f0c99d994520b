"""In charge of every mail that ships: each lesson and notice of each course in each locale, with links and without."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass

from conftest import MONDAY, make_settings

from course import links
from course.content import catalogue, samples
from course.content.catalogue import BARE, JOINING, NOTICES
from course.content.courses import lesson_name
from course.journeys.answering import ANSWERS
from course.keys import Keys
from course.links import Purpose
from course.outgoing import Outgoing
from course.settings import EMAILS

LIVE = {
    "base_url": "https://course.example.org",
    "transport": "smtp",
    "smtp_url": "smtp://localhost:2525",
    "mail_from": "hello@course.example.org",
    "reply_domain": "reply.course.example.org",
    "postal_address": "1 Quiet Lane, London",
    "controller_name": "Quiet Lane Press",
    "contact_email": "people@course.example.org",
    "secret_key": "the-key-of-the-tests-0123456789-abcdef",
    "unreviewed_locales": "es, he",
}
KEYS = Keys.of(LIVE["secret_key"])
ID = 4711  # of the delivery, the person and the enrolment


@dataclass(frozen=True)
class Which:
    """One of the mails."""

    course: str
    locale: str
    name: str
    plain: bool

    def __str__(self):
        return "-".join([self.course.partition("-")[0], self.locale, self.name, *(["plain"] if self.plain else [])])


def _all():
    for path in sorted(EMAILS.glob("courses/*/course.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        for locale in told["locales"]:
            for name in (*NOTICES, *(lesson_name(day) for day in range(1, told["days"] + 1))):
                yield from (Which(path.parent.name, locale, name, plain) for plain in (False, True))


EVERY = tuple(_all())


@functools.cache
def shipped():
    """Return the catalogue, as it is where others can reach the site."""
    return catalogue.load(make_settings(**LIVE))


@functools.cache
def outgoing(which):
    """Return a mail as it leaves, with sample values and links as long as real ones."""
    known, settings = shipped(), shipped().settings
    mailing = known.mailing(which.course, which.name, which.locale, plain=which.plain)
    leave = links.leave_links(KEYS, ID, which.course, settings.site, settings.reply_domain)
    confirm = f"{settings.site}/confirm/{links.sign(KEYS, Purpose.CONFIRM, ID)}"
    values = samples.values(known, mailing, MONDAY, confirm_url=confirm, leave_url=leave[0], plain=which.plain)
    return Outgoing(
        delivery_id=ID,
        to="quill@post.example.net",
        mailing=mailing,
        values=values | _addresses(settings.site),
        sender=settings.mail_from,
        sender_name=settings.mail_from_name,
        reply_to=links.reply_address(KEYS, ID, settings.reply_domain),
        message_id=links.message_id(KEYS, ID, settings.mail_domain),
        date=MONDAY,
        leave=None if which.name in BARE else leave,
        list_id=f"<{which.course}.{settings.mail_domain}>",
        feedback_id=f"{links.course_mark(which.course):x}:{which.name}:{which.locale}:dear-self",
        replied=which.name in ANSWERS or which.name == JOINING,
    )


def _addresses(site):
    """Return the pages that a mail leads to, by slot."""
    opened = f"{site}/open/{links.sign(KEYS, Purpose.FRESH, ID)}"
    return links.pages(KEYS, ID, site) | {"letter_url": links.letter(KEYS, ID, site), "open_url": opened}


def html(which):
    """Return the HTML of a mail."""
    mail = outgoing(which)
    return mail.mailing.html_for(mail.values)


def text(which):
    """Return the plain text of a mail."""
    mail = outgoing(which)
    return mail.mailing.text_for(mail.values)
