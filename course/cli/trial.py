"""In charge of `course send-test`: one lesson to oneself (or a pair, in one call), and nobody signed up by it."""

from __future__ import annotations

from dataclasses import replace

import typer

from course import addresses, links
from course.addresses import AddressError
from course.app import App
from course.cli.lessons import course_of, locale_of, name_of, near, sound
from course.cli.service import load, opened
from course.content import samples
from course.content.mailing import Mailing
from course.content.slots import say
from course.journeys import suppression, trials
from course.links import Purpose
from course.outbound import send_one
from course.outbound.sendgrid import SendGrid
from course.outgoing import Halt, Outcome, Outgoing, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.system_clock import SystemClock

PAIR = ("Ada", "Bob & Co")  # whom the two mails of a pair greet; the second shows whether HTML is escaped
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
        mailing = _lesson(app, course, day, locale)
        address = _address(app, typed)
        if not _wanted(app, address):
            return 1
        outcome = send_one(app.transport, _test_mail(app, mailing, address))
    if isinstance(outcome, Sent):
        kept = f": {near(settings.data_dir / 'outbox' / outcome.provider_id)}.eml"
        typer.echo(f"Sent by {settings.transport}{kept if settings.transport == 'folder' else ''}")
        return 0
    return _not_sent(outcome)


def send_pair(typed: str, second: str, course: str | None, day: int, locale: str | None) -> int:
    """Send a lesson to two addresses in one call, each with a name and a reply address of its own; return 1 if not."""
    settings = load()
    if settings.transport != "sendgrid" or settings.sendgrid_sandbox:
        raise typer.BadParameter("it needs TRANSPORT=sendgrid, and SENDGRID_SANDBOX=false", param_hint="--batch")
    sound(settings, SystemClock().real())
    with opened(settings, sending=True) as app:
        mailing = _lesson(app, course, day, locale)
        pair = [_address(app, typed), _address(app, second or typed, "SECOND")]
        if len({addresses.key(address) for address in pair}) == 1:
            raise typer.BadParameter(
                "SendGrid takes an address once a call: give two of yours, like you@… and you+2@…", param_hint="SECOND"
            )
        if not _wanted(app, *pair) or not isinstance(app.transport, SendGrid):
            return 1
        mails = [_one_of_a_pair(app, mailing, *each) for each in zip(pair, PAIR, strict=True)]
        outcome = app.transport.together(mails)
    if not isinstance(outcome, Sent):
        return _not_sent(outcome)
    greetings = " and ".join(f"“{mail.values['greeting']}”" for mail in mails)
    typer.echo(
        f"Sent by sendgrid, two mails in one call. They begin with {greetings}.\n"
        "Now answer one of them. Once that has come in, `course status` says whether batches are safe here."
    )
    return 0


def _lesson(app: App, course: str | None, day: int, locale: str | None) -> Mailing:
    chosen = course_of(app.catalogue, course)
    return app.catalogue.mailing(chosen.name, name_of(chosen, day, None), locale_of(chosen, locale))


def _not_sent(outcome: Outcome) -> int:
    reason = "" if isinstance(outcome, Sent) else outcome.reason
    typer.echo(f"Not sent: {reason}\n{ADVICE[type(outcome)]}", err=True)
    return 1


def _address(app: App, typed: str, parameter: str = "ADDRESS") -> str:
    try:
        return addresses.parse(typed, app.settings.own)
    except AddressError as error:
        words = app.catalogue.words_for(app.catalogue.first.name, "")["pages"]["errors"]
        raise typer.BadParameter(words[error.reason], param_hint=parameter) from None


def _wanted(app: App, *mails_to: str) -> bool:
    with app.service.store.reading() as tx:
        unwanted = suppression.among(tx, app.keys, mails_to)
    if unwanted:
        typer.echo("Not sent: this address is on the list of those that we never write to.", err=True)
    return not unwanted


def _one_of_a_pair(app: App, mailing: Mailing, to: str, name: str) -> Outgoing:
    """Return a test mail whose answer tells whether it came back by that mail's own address."""
    settings, moment = app.settings, int(app.clock.real().timestamp())
    who = trials.mark(app.keys, to)
    reply_to, message_id = links.trial(app.keys, moment, who, settings.replies_at, settings.mail_domain)
    _fits(reply_to)
    mail = _test_mail(app, mailing, to)
    greeting = say(app.catalogue.words[mailing.locale]["mail"]["greeting"], name=name)
    return replace(mail, reply_to=reply_to, message_id=message_id, values={**mail.values, "greeting": greeting})


def _fits(reply_to: str) -> None:
    """Refuse an address that is longer than RFC 5321 section 4.5.3.1.1 allows; a lesson's own has a shorter token."""
    longer = len(reply_to.rpartition("@")[0]) - addresses.LONGEST_LOCAL
    if longer > 0:
        raise typer.BadParameter(
            f"the mailbox in REPLY_ADDRESS is {longer} characters too long for this test, whose reply addresses hold "
            "more than a lesson's. Use a shorter mailbox or a REPLY_DOMAIN, or put SENDGRID_BATCH=1, which needs none",
            param_hint="--batch",
        )


def _test_mail(app: App, mailing: Mailing, to: str) -> Outgoing:
    """Return a lesson as people get it, but for nobody: delivery 0 does not exist, nor does subscriber 0.

    The Message-ID also holds the moment: an inbox shows a second mail with the same one as none at all.
    """
    settings, keys, real_now = app.settings, app.keys, app.clock.real()
    leave = links.leave_links(keys, 0, mailing.course, settings.site, settings.replies_at)
    moment = links.sign(keys, Purpose.MESSAGE, 0, int(real_now.timestamp() * 1_000_000))
    return Outgoing(
        delivery_id=0,
        to=to,
        mailing=mailing,
        values=samples.values(app.catalogue, mailing, app.clock.now(), confirm_url="", leave_url=leave[0]),
        sender=settings.mail_from,
        sender_name=settings.mail_from_name,
        reply_to=links.reply_address(keys, 0, settings.replies_at),
        message_id=f"<{moment}@{settings.mail_domain}>",
        date=real_now,
        leave=leave,
        list_id=f"<{mailing.course}.{settings.mail_domain}>",
        feedback_id=f"{links.course_mark(mailing.course):x}:{mailing.name}:{mailing.locale}:dear-self",
    )
