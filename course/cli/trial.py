"""In charge of `course send-test`: one lesson to oneself, by the real way out, and nobody signed up by it."""

from __future__ import annotations

import typer

from course import addresses, links
from course.addresses import AddressError
from course.app import App
from course.cli.lessons import course_of, locale_of, name_of, near, sound
from course.cli.service import load, opened
from course.content import samples
from course.content.mailing import Mailing
from course.journeys import suppression
from course.links import Purpose
from course.outbound import send_one
from course.outgoing import Halt, Outcome, Outgoing, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.system_clock import SystemClock

# What to do when a test mail did not leave.
ADVICE: dict[type[Outcome], str] = {
    TryLater: "Nobody is at fault; try again in a few minutes.",
    RefusedRecipient: "Check the address, or try another one.",
    RefusedMailing: "The text itself was refused; change the lesson.",
    Halt: "Nothing can leave until this is mended; people's courses wait meanwhile.",
    Unsure: "It may have left all the same: look into the inbox before you try again.",
}


def send_test(typed: str, course: str | None, day: int, locale: str | None) -> int:
    """Send one lesson to this address and print what became of it; return 1 when it was not sent."""
    settings = load()
    sound(settings, SystemClock().real())
    with opened(settings, sending=True) as app:
        chosen = course_of(app.catalogue, course)
        mailing = app.catalogue.mailing(chosen.name, name_of(chosen, day, None), locale_of(chosen, locale))
        address = _address(app, typed)
        with app.service.store.reading() as tx:
            unwanted = suppression.among(tx, app.keys, [address])
        if unwanted:
            typer.echo("Not sent: this address is on the list of those that we never write to.", err=True)
            return 1
        outcome = send_one(app.transport, _test_mail(app, mailing, address))
    if isinstance(outcome, Sent):
        kept = f": {near(settings.data_dir / 'outbox' / outcome.provider_id)}.eml"
        typer.echo(f"Sent by {settings.transport}{kept if settings.transport == 'folder' else ''}")
        return 0
    typer.echo(f"Not sent: {outcome.reason}\n{ADVICE[type(outcome)]}", err=True)
    return 1


def _address(app: App, typed: str) -> str:
    try:
        return addresses.parse(typed, app.service.own_domains)
    except AddressError as error:
        words = app.catalogue.words_for(app.catalogue.first.name, "")["pages"]["errors"]
        raise typer.BadParameter(words[error.reason], param_hint="ADDRESS") from None


def _test_mail(app: App, mailing: Mailing, to: str) -> Outgoing:
    """Return a lesson as people get it, but for nobody: delivery 0 does not exist, nor does subscriber 0.

    The Message-ID also holds the moment: an inbox shows a second mail with the same one as none at all.
    """
    settings, keys, real_now = app.settings, app.keys, app.clock.real()
    leave = links.leave_links(keys, 0, mailing.course, settings.site, settings.reply_domain)
    moment = links.sign(keys, Purpose.MESSAGE, 0, int(real_now.timestamp() * 1_000_000))
    return Outgoing(
        delivery_id=0,
        to=to,
        mailing=mailing,
        values=samples.values(app.catalogue, mailing, app.clock.now(), confirm_url="", leave_url=leave[0]),
        sender=settings.mail_from,
        sender_name=settings.mail_from_name,
        reply_to=links.reply_address(keys, 0, settings.reply_domain),
        message_id=f"<{moment}@{settings.mail_domain}>",
        date=real_now,
        leave=leave,
        list_id=f"<{mailing.course}.{settings.mail_domain}>",
        feedback_id=f"{links.course_mark(mailing.course):x}:{mailing.name}:{mailing.locale}:dear-self",
    )
