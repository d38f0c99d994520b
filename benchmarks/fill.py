"""Filling a compiled mailing against rendering and composing each person's mail anew: Jinja2 and EmailMessage.

CPU time of one thread. Both sign the same links; the other side's templates are compiled once, its CSS is inlined.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import partial
from itertools import count

from jinja2 import Environment, Template
from markupsafe import Markup, escape

from benchmarks.results import Limit, MismatchError, Result, Speed, rounds
from benchmarks.run import Run
from course import links
from course.app import App
from course.content import samples, slots
from course.content.mailing import MARKUP, Mailing
from course.outgoing import Outgoing
from course.settings import load

FEWER = 20  # the other side is given fewer messages: it takes longer for each
LIMITS = [Limit("fill a compiled mailing, against Jinja2 and EmailMessage for each person (CPU)", 100, 130)]


@dataclass
class People:
    """People without end, all different, and the lesson that they get."""

    app: App
    mailing: Mailing
    shared: Mapping[str, str]
    at: datetime
    numbers: Iterator[int]

    def next(self) -> Outgoing:
        """Return the next one's message, its links signed, not yet filled."""
        person, settings, keys = next(self.numbers), self.app.settings, self.app.keys
        course = self.mailing.course
        leave = links.leave_links(keys, person, course, settings.site, settings.replies_at)
        return Outgoing(
            delivery_id=person,
            to=f"person.{person}@people.example",
            mailing=self.mailing,
            values={**self.shared, "greeting": f"Dear Person {person},", "leave_url": leave[0]},
            sender=settings.mail_from,
            sender_name=settings.mail_from_name,
            reply_to=links.reply_address(keys, person, settings.replies_at),
            message_id=links.message_id(keys, person, settings.mail_domain),
            date=self.at,
            leave=leave,
            list_id=f"<{course}.{settings.mail_domain}>",
            feedback_id=f"{links.course_mark(course):x}:{self.mailing.name}:{self.mailing.locale}:dear-self",
        )


def measure(run: Run) -> Iterator[Result]:
    """Compare both sides' messages once, then let them take turns."""
    app = App.build(load(data_dir=run.new_folder(), database_url="", transport="folder"))
    with contextlib.closing(app):
        course, at = app.catalogue.first, app.clock.real().replace(microsecond=0)
        mailing = app.catalogue.mailing(course.name, "day-1", course.locales[0])
        shared = samples.values(app.catalogue, mailing, at, confirm_url="", leave_url="")
        people = People(app, mailing, shared, at, count(1))
        text, html = templates(mailing)
        compose = partial(composed, text=text, html=html)
        same(people.next(), compose)
        filled, each = run.messages, max(1, run.messages // FEWER)
        speeds = rounds(
            run.times,
            {
                "ours": partial(_timed, people, Outgoing.as_bytes, filled),
                "theirs": partial(_timed, people, compose, each),
            },
        )
    yield LIMITS[0].against(speeds["ours"], speeds["theirs"], "Jinja2 and EmailMessage")


def templates(mailing: Mailing) -> tuple[Template, Template]:
    """Return the mailing's text and HTML as Jinja templates, with a variable where we leave a slot open."""
    plain, markup = Environment(autoescape=False), Environment(autoescape=True)  # noqa: S701 (plain text)
    return plain.from_string(_jinja(mailing.text)), markup.from_string(_jinja(mailing.html))


def composed(message: Outgoing, *, text: Template, html: Template) -> bytes:
    """Return the same message as it is made where nothing is prepared: rendered, composed and encoded anew."""
    mail = EmailMessage(policy.SMTP)
    mail["From"] = formataddr((message.sender_name, message.sender))
    mail["To"] = message.to
    mail["Subject"] = message.mailing.subject_for(message.values)
    mail["Reply-To"] = message.reply_to
    mail["Date"] = format_datetime(message.date)
    for name, value in message.extra_headers().items():
        mail[name] = value
    lines = {
        name: Markup(value) if name.endswith(MARKUP) else Markup("<br>").join(escape(value).split("\n"))  # noqa: S704
        for name, value in message.values.items()
    }
    mail.set_content(text.render(message.values), cte="quoted-printable")
    mail.add_alternative(html.render(lines), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def same(message: Outgoing, compose: Callable[[Outgoing], bytes]) -> None:
    """Raise MismatchError unless both make the same mail of it."""
    ours, theirs = _read(message.as_bytes()), _read(compose(message))
    if ours != theirs:
        raise MismatchError("Jinja2 and EmailMessage made another mail than we did")


def _jinja(text: str) -> str:
    pieces = slots.split(text)
    literal = ["{% raw %}" + piece + "{% endraw %}" for piece in pieces]
    return "".join("{{ " + piece + " }}" if place % 2 else literal[place] for place, piece in enumerate(pieces))


def _read(data: bytes) -> tuple[dict[str, list[str]], list[str]]:
    """Return a mail's headers and parts, but for where lines are folded and how the last one ends."""
    mail = message_from_bytes(data, policy=policy.default)
    headers = {name: str(value).split() for name, value in mail.items() if name not in {"Content-Type", "MIME-Version"}}
    return headers, ["\n".join(str(part.get_content()).splitlines()) for part in mail.iter_parts()]


def _timed(people: People, make: Callable[[Outgoing], bytes], messages: int) -> Speed:
    began = time.process_time()
    for _ in range(messages):
        make(people.next())
    took = time.process_time() - began
    return Speed(messages / took, took / messages * 1e6)
