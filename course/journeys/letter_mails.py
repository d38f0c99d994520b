"""In charge of the mails about a letter that comes back: where it is, when it comes, its words where asked for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from course import links, schedule
from course.content import dates
from course.content.gathering import Words
from course.content.slots import say
from course.journeys import letters
from course.journeys.notices import mailing_name
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.locking import LockedError
from course.store.tables import letters as kept


def values(tx: Connection, service: Service, row: Owed, words: Words, _: datetime) -> dict[str, str]:
    """Return the slots of a mail about a letter. Raises LockedError where it is gone, or cannot be opened."""
    found = {"letter_url": links.letter(service.keys, row.id, service.settings.site)}
    name = mailing_name(row.kind, row.name)
    if name in {"unwritten", "months"}:
        return found
    letter = tx.execute(select(kept).where(letters.of_round(row.enrolment_id))).first()
    its = letters.opened(service, letter) if letter is not None and name == letters.IN_MAIL else ""
    if letter is None or its is None:
        raise LockedError("There is no letter any more, or nobody can open it")
    locale = service.catalogue.locale(row.course, row.locale)
    day = dates.date(letter.due_at, schedule.zone_of(row.timezone), locale)
    comes = say(words["letters"]["comes_in_mail" if letter.in_mail else "comes"], letter_day=day)
    return found | {"letter_day": day, "letter_comes": comes, "letter_text": its}


def offer(service: Service, row: Owed, words: Words) -> str:
    """Return what a farewell adds where a letter can come back, or ""."""
    if not letters.offered(service, row.course):
        return ""
    if row.plain:
        return "\n\n" + str(words["letters"]["plain_offer"])
    return "\n\n" + say(words["letters"]["offer"], url=links.letter(service.keys, row.id, service.settings.site))
