"""In charge of what one notice says beyond what every mail does: what only the database knows of this person now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from course import links, schedule
from course.content import dates
from course.content.catalogue import MOVE, MOVED
from course.content.gathering import Words
from course.content.slots import counted, say
from course.journeys import choice_mails, fresh, letters, moving, offering, people
from course.journeys.completing import MARKED
from course.journeys.notices import mailing_name
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.locking import LockedError
from course.schedule import Pace
from course.store.states import EnrolmentStatus
from course.store.tables import completions, enrolments, entries
from course.store.tables import letters as kept_letters


def _coming(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """When the next lesson is due, at what hour, and whether it waits: of a welcome and of "resumed"."""
    due = people.coming(tx, row.enrolment_id) or now
    zone, locale = schedule.zone_of(row.timezone), service.catalogue.courses[row.course].locale(row.locale)
    said = dates.moment(due, zone, locale, words["dates"])
    hour = dates.time(datetime(2000, 1, 1, row.send_hour, service.minute(row.subscriber_id), tzinfo=UTC), locale)
    goes_on = words["mail"]["goes_on_when_ready" if row.pace == Pace.SELF_PACED else "goes_on"]
    days, rhythm = service.catalogue.known(row.course).days, words["rhythm"][row.pace]
    return {
        "comes": counted(words["mail"], "comes", days, rhythm=rhythm, first_day=said, send_hour=hour),
        "first_day": said,
        "next_lesson": said,
        "send_hour": hour,
        "goes_on": words["mail"]["goes_on_one"] if days == 1 else goes_on,
        "rhythm": rhythm,
    }


def _rest(tx: Connection, service: Service, row: Owed, words: Words, _: datetime) -> dict[str, str]:
    """Until when a pause lasts, in words."""
    end = tx.execute(select(enrolments.c.resume_at).where(enrolments.c.id == row.enrolment_id)).scalar()
    if end is None:
        return {"pause_end": words["mail"]["pause_open"]}
    locale = service.catalogue.courses[row.course].locale(row.locale)
    said = dates.moment(end, schedule.zone_of(row.timezone), locale, words["dates"])
    return {"pause_end": say(words["mail"]["pause_ends"], moment=said)}


def _done(tx: Connection, service: Service, row: Owed, words: Words, _: datetime) -> dict[str, str]:
    """Which days they wrote back, in words (without one, no number), and whether a letter can come back."""
    answered = completions.c.enrolment_id == row.enrolment_id, ~MARKED
    days = tx.execute(select(completions.c.day).where(*answered).order_by(completions.c.day))
    course = service.catalogue.courses[row.course]
    said = [service.catalogue.called(row.course, day, row.locale)["listed"] for day in days.scalars()]
    done = counted(words["mail"], "done_none", course.days)
    if said:
        done = say(words["mail"]["done_some"], list=dates.listed(said, course.locale(row.locale)))
    return {"done": done + _letter_offer(service, row, words)}


def _farewell(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """Which days they wrote back, and which course comes after this one, if they are not in it."""
    url = offering.link(tx, service, row.enrolment_id, row.course, row.locale)
    return {
        **_done(tx, service, row, words, now),
        **service.catalogue.offer(row.course, row.locale, url, plain=row.plain),
    }


def _settings(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """How their course is set, and when the next lesson comes."""
    return {**_coming(tx, service, row, words, now), **choice_mails.settings(tx, service, row, words, now)}


def _hour(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """At what hour lessons come from now on, and where the course stands: there may be no further one."""
    return {**_coming(tx, service, row, words, now), **choice_mails.stands(tx, service, row, words, now)}


def _photo(tx: Connection, _: Service, row: Owed, words: Words, __: datetime) -> dict[str, str]:
    """Why a photo of the reply was not kept, after what is said of its words: of a receipt."""
    if row.journal is None:
        return {}
    newest = select(entries.c.left_out).where(entries.c.enrolment_id == row.enrolment_id, entries.c.day == row.day)
    left_out = tx.execute(newest.order_by(entries.c.id.desc()).limit(1)).scalar()
    return {"kept": f"{words['levels'][row.journal]['kept']} {words['photos'][left_out]}"} if left_out else {}


def _unread(tx: Connection, _: Service, row: Owed, words: Words, __: datetime) -> dict[str, str]:
    """Say what becomes of words in a round that ended because the course was begun again: they are kept as before."""
    person = people.by_id(tx, row.enrolment_id)
    if row.journal is None or row.standing != EnrolmentStatus.STOPPED or not person or people.has_left(tx, person):
        return {}
    return {"kept": words["levels"][row.journal]["kept"]}


def _letter_offer(service: Service, row: Owed, words: Words) -> str:
    if not letters.offered(service, row.course):
        return ""
    if row.plain:
        return "\n\n" + str(words["letters"]["plain_offer"])
    return "\n\n" + say(words["letters"]["offer"], url=_letter_url(service, row))


def _letter_url(service: Service, row: Owed) -> str:
    return links.letter(service.keys, row.id, service.settings.site)


def _letter_page(_: Connection, service: Service, row: Owed, __: Words, ___: datetime) -> dict[str, str]:
    """Return the page on which a letter is written."""
    return {"letter_url": _letter_url(service, row)}


def _letter(tx: Connection, service: Service, row: Owed, words: Words, _: datetime) -> dict[str, str]:
    """Return when a letter comes back, and its text where the mail holds it.

    Raises LockedError where it is gone, or cannot be opened.
    """
    letter = tx.execute(select(kept_letters).where(letters.of_round(row.enrolment_id))).first()
    holds_it = mailing_name(row.kind, row.name) == letters.IN_MAIL
    text = letters.opened(service, letter) if letter is not None and holds_it else ""
    if letter is None or text is None:
        raise LockedError("There is no letter any more, or nobody can open it")
    locale = service.catalogue.locale(row.course, row.locale)
    day = dates.date(letter.due_at, schedule.zone_of(row.timezone), locale)
    comes = say(words["letters"]["comes_in_mail" if letter.in_mail else "comes"], letter_day=day)
    return {"letter_url": _letter_url(service, row), "letter_day": day, "letter_comes": comes, "letter_text": text}


# By the notice; each returns values for its slots.
MORE: dict[str, Callable[[Connection, Service, Owed, Words, datetime], dict[str, str]]] = {
    "welcome": _coming,
    "paused": _rest,
    "resumed": _coming,
    "next": _coming,
    "skipped": choice_mails.stands,
    "hour": _hour,
    "farewell": _farewell,
    "receipt": _photo,
    "unread": _unread,
    "settings": _settings,
    "exercise": choice_mails.exercise,
    "over": choice_mails.stands,
    fresh.NOTICE: fresh.values,
    MOVE: moving.values,
    MOVED: moving.values,
    **dict.fromkeys(("unwritten", "months"), _letter_page),
    **dict.fromkeys(("kept", letters.READY, letters.IN_MAIL), _letter),
}
