"""In charge of what a person does on "My course": each wish in one transaction, and harmless if it is repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, update

from course.journeys import completing, leaving, mine, pacing, pages, people, preferences, resending, restarting
from course.journeys import enrolments as rounds
from course.journeys.completing import MARKED, PAGE
from course.journeys.mine import Day, Mine
from course.journeys.service import Service
from course.schedule import Pace
from course.store.states import EndedReason
from course.store.tables import completions, subscribers

LONGEST_PAUSE = timedelta(days=366)
NOTHING = ""  # nothing was to be done, so nothing is to be said


@dataclass(frozen=True)
class Told:
    """What became of a wish: the key of the words that say so, under [pages.mine.said], and how things stand then."""

    said: str
    mine: Mine


Do = Callable[[Connection, Mine], str]


def mark(service: Service, token: str, day: int, now: datetime) -> Told | None:
    """Count a day as done: any that was sent, in any order."""

    def do(tx: Connection, before: Mine) -> str:
        if day not in before.days:
            return NOTHING
        completing.complete(tx, service, before.person, day, PAGE, None, now)
        return "done"

    return _act(service, token, "done", do, now)


def unmark(service: Service, token: str, day: int, now: datetime) -> Told | None:
    """Take back what was marked here; a day that was answered stays so."""

    def do(tx: Connection, before: Mine) -> str:
        if before.days.get(day) in {None, Day.ANSWERED}:
            return NOTHING
        theirs = completions.c.enrolment_id == before.person.id, completions.c.day == day, MARKED
        tx.execute(delete(completions).where(*theirs))
        return "open"

    return _act(service, token, "open", do, now)


def again(service: Service, token: str, day: int, now: datetime) -> Told | None:
    """Owe the letter of a day once more: once a day, however often it is asked for."""

    def do(tx: Connection, before: Mine) -> str:
        if day not in before.days:
            return NOTHING
        return "again" if resending.once_more(tx, before.person, day, now, now) else "again_today"

    return _act(service, token, "again", do, now)


def retime(service: Service, token: str, send_hour: int, timezone: str, now: datetime) -> Told | None:
    """Let letters come at another hour, by another clock, in all of their courses."""

    def do(tx: Connection, before: Mine) -> str:
        preferences.set_clock(tx, service, before.person, send_hour, timezone, now)
        return "when"

    return _act(service, token, "when", do, now)


def translate(service: Service, token: str, locale: str, now: datetime) -> Told | None:
    """Let what is not claimed yet come in another language of the course."""

    def do(tx: Connection, before: Mine) -> str:
        preferences.set_locale(tx, before.person, locale, now)
        return "locale"

    return _act(service, token, "locale", do, now)


def pace(service: Service, token: str, wanted: Pace, now: datetime) -> Told | None:
    """Let letters come at another pace. "pace_wrong": the course is not offered at this one."""

    def do(tx: Connection, before: Mine) -> str:
        if wanted not in before.paces:
            return "pace_wrong"
        pacing.change(tx, service, before.person, wanted, now)
        return "pace"

    return _act(service, token, "pace", do, now)


def pause(service: Service, token: str, until: date | None, now: datetime) -> Told | None:
    """Let the letters rest, until that local date or until they come back. "pause_wrong": not until that date."""

    def do(tx: Connection, before: Mine) -> str:
        person, today = before.person, before.person.today(now)
        if until is not None and not today < until <= today + LONGEST_PAUSE:
            return "pause_wrong"
        end = rounds.pause_end(service, person, until) if until else None
        if not rounds.pause(tx, person, now, end):
            rounds.pause_until(tx, person, end, now)
        return "paused"

    return _act(service, token, "pause", do, now)


def resume(service: Service, token: str, now: datetime) -> Told | None:
    """Go on at the same place."""

    def do(tx: Connection, before: Mine) -> str:
        rounds.resume(tx, service, before.person, now)
        return "resumed"

    return _act(service, token, "resume", do, now)


def ready(service: Service, token: str, now: datetime) -> Told | None:
    """Let the next letter of somebody who sets their own pace come as soon as it may."""

    def do(tx: Connection, before: Mine) -> str:
        person, comes = before.person, pacing.ready(tx, service, before.person, now)
        if comes is None:
            return NOTHING
        return "ready_tomorrow" if person.today(comes) == person.today(now) + timedelta(days=1) else "ready"

    return _act(service, token, "ready", do, now)


def on_paper(service: Service, token: str, now: datetime, *, wanted: bool) -> Told | None:
    """Say that they write on paper, so that no note asks after them; or that one is welcome again."""

    def do(tx: Connection, before: Mine) -> str:
        pacing.set_on_paper(tx, before.person, now, on_paper=wanted)
        return "on_paper" if wanted else "checked_on"

    return _act(service, token, "paper", do, now)


def plain(service: Service, token: str, now: datetime, *, wanted: bool) -> Told | None:
    """Let letters come without a link to press, or with their links again."""

    def do(tx: Connection, before: Mine) -> str:
        preferences.set_plain(tx, before.person, now, plain=wanted)
        return "plain" if wanted else "not_plain"

    return _act(service, token, "plain", do, now)


def help_from(service: Service, token: str, country: str, now: datetime) -> Told | None:
    """Let mails and pages name the help lines of this country (ISO 3166), or "" for those of where they live."""

    def do(tx: Connection, before: Mine) -> str:
        theirs = update(subscribers).where(subscribers.c.id == before.person.subscriber_id)
        tx.execute(theirs.values(country=country or None))
        return "country"

    return _act(service, token, "country", do, now)


def restart(service: Service, token: str, of: int, wording: str, now: datetime, real_now: datetime) -> Told | None:
    """Begin the course once more, after round number `of`; `wording` is the consent exactly as it was shown."""

    def do(tx: Connection, before: Mine) -> str:
        if before.round != of:
            return NOTHING  # the same button once more
        begun = restarting.restart(tx, service, before.person, wording, now, real_now)
        return "restarted" if begun else "restart_later"

    return _act(service, token, "restart", do, now)


def leave(service: Service, token: str, now: datetime, real_now: datetime) -> Told | None:
    """Stop this course."""

    def do(tx: Connection, before: Mine) -> str:
        rounds.stop(tx, service.keys, before.person, EndedReason.UNSUBSCRIBED, PAGE, now, real_now)
        return "left"

    return _act(service, token, "leave", do, now)


def leave_everything(service: Service, token: str, now: datetime, real_now: datetime) -> Told | None:
    """Stop every course of this person, and take them off the community list."""

    def do(tx: Connection, before: Mine) -> str:
        leaving.everything(tx, service, before.person, now, real_now)
        return "left_everything"

    return _act(service, token, "everything", do, now)


def _act(service: Service, token: str, wish: str, do: Do, now: datetime) -> Told | None:
    """Do it, if it can be asked for as things stand; None for a token that is of no use."""
    with service.store.transaction() as tx:
        opened = pages.look(tx, service, token)
        if opened is None:
            return None
        people.lock(tx, opened.person)
        opened = pages.look(tx, service, token)  # whatever another request did meanwhile
        if opened is None:
            return None
        before = mine.of(tx, service, people.newest_round(tx, opened.person), now)
        said = do(tx, before) if wish in before.may else NOTHING
        return Told(said, mine.of(tx, service, people.newest_round(tx, opened.person), now))
