"""In charge of `course read`: how a mail is understood, cut by cut. Nothing is stored or sent.

The database is asked only about a mail that answers one of ours, for what that said.

It shows what a person wrote to whoever asks, on their terminal, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import typer

from course import links
from course.cli.service import load, opened
from course.content import catalogue
from course.content.catalogue import Catalogue
from course.content.command_words import Command
from course.journeys import matching, replies
from course.keys import Keys
from course.reading import Incoming, reacts, read, sift
from course.reading.caps import LARGEST, TooMuchError
from course.reading.explaining import Explained, explain
from course.settings import Settings

FAILED = 1


def show(file: Path, locale: str | None) -> int:
    """Print how this mail would be understood; return 1 for one that would be put aside unread."""
    settings = load()
    with file.open("rb") as mail_file:
        raw = mail_file.read(LARGEST + 1)
    try:
        mail = read(raw, settings.authserv_id, settings.own)
        sent, also = _sent(settings, mail)
        texts = explain(raw, sent, also)
    except TooMuchError as error:
        typer.echo(f"It is put aside unread: {error}.", err=True)
        return FAILED
    courses = catalogue.load(settings)
    left = replace(mail, words=sift(mail.texts, sent, also).text) if sent else mail
    for line in (*_machine(mail), *_answered(mail, sent), "", *_texts(texts), *_meant(courses, locale, left)):
        typer.echo(line)
    return 0


def _sent(settings: Settings, mail: Incoming) -> tuple[bytes, tuple[str, ...]]:
    """Return the message of ours that it answers, by its addresses and references; as replies.as_sent does."""
    keys = Keys.of(settings.secret_key.get_secret_value())
    if not links.answered(keys, mail.recipients, mail.references):
        return b"", ()
    with opened(settings) as app, app.service.store.reading() as tx:
        found = matching.by_token(tx, app.service, mail.recipients, mail)
        return replies.as_sent(tx, app.service, found, app.clock.now(), app.clock.real()) if found else (b"", ())


def _machine(mail: Incoming) -> Iterator[str]:
    """Say by which rows of docs/answers.md it is a machine's, held, or not to be answered."""
    verdict = mail.verdict
    yield f"Counts as a person's: {verdict.counts}. May be answered: {'yes' if verdict.answer else 'no'}."
    yield f"Decided by the row: {verdict.row or 'none, so a person wrote it'}."
    yield from (f"Found: {signal.name} ({signal.shown})" for signal in mail.signals)


def _answered(mail: Incoming, sent: bytes) -> Iterator[str]:
    """Say whether what we sent is known."""
    if not sent:
        yield "It answers no mail that this database knows: what we sent is cut only where the other rules find it."
        return
    yield "It answers a mail of ours: what that said is cut, however it was quoted."
    if reacts(mail.words, sent):
        yield "It is a phone's reaction to that, and no more: it is held."


def _texts(texts: list[Explained]) -> Iterator[str]:
    for text in texts:
        yield "HTML:" if text.html else "Plain text:"
        for piece in (piece for piece in text.pieces if any(line.strip() for line in piece.lines)):
            yield f"  cut as {piece.kind}, by the rule “{piece.rule}”:" if piece.rule else "  kept:"
            yield from (f"    {line}" for line in piece.lines)
        yield ""


def _meant(courses: Catalogue, locale: str | None, mail: Incoming) -> Iterator[str]:
    """Say what is left of it, and what that means as an answer to a lesson."""
    yield "What is left, of plain text and HTML the fuller:" if mail.words else "Nothing is left."
    yield from (f"    {line}" for line in mail.words.splitlines())
    command = courses.command(courses.first.name, locale or "", mail.first_line)
    yield f"Command: {_said(command) if command else 'none'}."
    if mail.unreadable:
        yield "Something in it cannot be read: it is encrypted, or in Outlook's own format."


def _said(command: Command) -> str:
    beside = {"days": command.days, "weekday, from Monday = 0": command.weekday, "hour": command.hour}
    return ", ".join([command.name, *(f"{what}: {value}" for what, value in beside.items() if value is not None)])
