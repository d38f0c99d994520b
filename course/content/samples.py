"""In charge of sample values for a mailing's slots: what a preview and a test mail show in a person's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from course.content import command_words, courses, dates, locales, zones
from course.content.catalogue import Catalogue
from course.content.gathering import Words
from course.content.mailing import Mailing
from course.content.slots import counted, say
from course.links import PAGES

NAME = "Alex"
DONE = (1, 2, 4)  # the days that a farewell speaks of
ZONE = ZoneInfo("UTC")
PLACE = ZoneInfo("Europe/London")


def values(
    catalogue: Catalogue, mailing: Mailing, now: datetime, *, confirm_url: str, leave_url: str, plain: bool = False
) -> dict[str, str]:
    """Return a value for every slot that any mailing may have, in the mailing's locale. `plain` is without links."""
    course, words, locale = catalogue.courses[mailing.course], catalogue.words[mailing.locale], mailing.locale
    mail = words["mail"]
    tomorrow = (now + timedelta(days=1)).replace(hour=course.send_hour, minute=0)
    first = dates.moment(tomorrow, ZONE, locale, words["dates"])
    hour = dates.time(datetime(2000, 1, 1, course.send_hour, tzinfo=UTC), locale)
    course_has = {"rhythm": words["rhythm"][course.pace], "first_day": first, "send_hour": hour}
    done = [catalogue.called(course.name, day, locale)["listed"] for day in DONE if course.has(day)]
    return {
        "greeting": say(mail["greeting"], name=NAME),
        **catalogue.help_slots(locale, locale.rpartition("-")[2], now.date(), plain=plain),
        "date": dates.date(now, ZONE, locale),
        "leave_url": leave_url,
        **{f"{page}_url": catalogue.settings.site for page in PAGES},
        "letter_url": catalogue.settings.site,
        **_letter(words, dates.date(now, ZONE, locale)),
        "resource_url": catalogue.settings.site,
        "contact": catalogue.settings.contact_email,
        "kept": words["levels"]["count"]["kept"],
        "readers": words["levels"]["count"]["readers"],
        "confirm_url": confirm_url,
        "open_url": catalogue.settings.site,
        **catalogue.called(course.name, mailing.day or 1, locale),
        **course_has,
        **{key: counted(mail, key, course.days, **course_has) for key in ("comes", "outline", "goes_on")},
        **catalogue.offer(course.name, locale, catalogue.settings.site, plain=plain),
        "next_lesson": first,
        "pause_end": say(mail["pause_ends"], moment=first),
        "days_now": dates.listed(done, locale),
        "stands": say(words["pages"]["mine"]["stands"]["left" if mailing.name == "over" else "next"], moment=first),
        "place": zones.city(PLACE.key, locale),
        "clock": dates.time(now.astimezone(PLACE), locale),
        "language": locales.language(locale),
        "pace_words": command_words.named(words, "PACE", "pace", courses.PACES[course.pace]),
        "language_words": command_words.named(words, "LANGUAGE", "language", course.locales),
        "exercise": mail["resource_label"],
        "exercise_text": words["pages"]["heavier"]["grounding_intro"],
        "done": say(mail["done_some"], list=dates.listed(done, locale)),
    }


def _letter(words: Words, day: str) -> dict[str, str]:
    """Return what is said of a letter that comes back on this day."""
    said = words["letters"]
    return {"letter_text": said["sample"], "letter_day": day, "letter_comes": say(said["comes"], letter_day=day)}
