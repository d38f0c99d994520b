"""In charge of the journal: what may become of a person's words, as they choose; only the day counts unless they do.

The choice is a round's, not a person's: whoever takes a course once more is asked once more, and no words are kept
because of a box that was ticked a year ago. Taking back is meant wherever it is said, so it counts for every round of
the course. At KEEP and SHARE the words are locked by the person's own key, which is not in the database.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from course.journeys import cuts, journal_consents, keeping_photos, people, person_keys, suppression
from course.journeys.journal_consents import Asked
from course.journeys.people import Person
from course.journeys.service import Service
from course.locking import LockedError, lock, unlock
from course.reading import Incoming, pictures
from course.settings import SettingsError
from course.store.database import insert_once
from course.store.states import JournalLevel
from course.store.tables import entries, journals, letters

LEVELS = tuple(JournalLevel)
AT_ONCE = 1_000  # entries per transaction


def offered(service: Service) -> bool:
    """Whether anything but counting can be chosen here."""
    return bool(service.key_ring)


def level_of(tx: Connection, enrolment_id: int) -> JournalLevel:
    """Return what was chosen for this round."""
    found = tx.execute(select(journals.c.level).where(journals.c.enrolment_id == enrolment_id)).scalar()
    return JournalLevel(found) if found else JournalLevel.COUNT


def wording(service: Service, person: Person, what: str) -> str:
    """Return the words of a consent, as they must be shown to this person: keep, share or their taking back."""
    return journal_consents.wording(service, service.catalogue.locale(person.course, person.locale), what)


def above(level: JournalLevel, other: JournalLevel) -> bool:
    """Whether a level allows more than another."""
    return LEVELS.index(level) > LEVELS.index(other)


def choose(service: Service, enrolment_id: int, level: JournalLevel, how: str, real_now: datetime) -> bool:
    """Choose a level, and do at once what follows from taking back. False: there is no such round.

    Raises SettingsError where the level is not offered.
    """
    with service.store.transaction() as tx:
        person = people.by_id(tx, enrolment_id)
        if person is None:
            return False
        change(tx, service, person, level, how, real_now)
    service.store.sweep_pages()
    return True


def change(
    tx: Connection,
    service: Service,
    person: Person,
    level: JournalLevel,
    how: str,
    real_now: datetime,
    asked: Asked | None = None,
) -> None:
    """Change the level within a transaction, and record each consent that is given or withdrawn by it.

    `asked`: the yes was given earlier than now, to words that were shown then.
    """
    if level != JournalLevel.COUNT and not offered(service):
        raise SettingsError("JOURNAL_KEYS: put at least 32 random characters; until then no words are kept")
    before = level_of(tx, person.id)
    if above(level, before):
        tx.execute(delete(journals).where(journals.c.enrolment_id == person.id))
        tx.execute(insert(journals).values(enrolment_id=person.id, level=level, chosen_at=real_now))
        journal_consents.record(tx, service, person, "given", _between(before, level), how, real_now, asked)
    else:
        rounds = [one.id for one in people.find(tx, people.same_course(person))]
        highest = max((level_of(tx, one) for one in rounds), key=LEVELS.index)
        lower(tx, rounds, level, real_now)
        journal_consents.record(tx, service, person, "withdrawn", _between(level, highest), how, real_now)


def lower(tx: Connection, rounds: list[int], level: JournalLevel, real_now: datetime) -> int:
    """Let these rounds have no more than this level; return how many had. What it no longer allows is gone at once.

    From SHARE the owner sees nothing any more, older entries included; from KEEP the words are erased.
    """
    too_high = _between(level, LEVELS[-1])
    higher = journals.c.enrolment_id.in_(rounds), journals.c.level.in_(too_high)
    if level == JournalLevel.COUNT:
        changed = tx.execute(delete(journals).where(*higher)).rowcount
        tx.execute(delete(entries).where(entries.c.enrolment_id.in_(rounds)))
        return changed
    changed = tx.execute(update(journals).where(*higher).values(level=level, chosen_at=real_now)).rowcount
    shared = entries.c.enrolment_id.in_(rounds), entries.c.level.in_(too_high)
    tx.execute(update(entries).where(*shared).values(level=level))
    return changed


def keep(
    tx: Connection,
    service: Service,
    person: Person,
    reply_id: int,
    day: int | None,
    mail: Incoming,
    real_now: datetime,
) -> None:
    """Keep the words of a reply, and at KEEP its photos, for whoever has asked for that and not left the course.

    Raises SettingsError or LockedError, and then the mail must be held: words that were to be kept are never dropped.
    """
    level = level_of(tx, person.id)
    if level == JournalLevel.COUNT or people.has_left(tx, person):
        return
    key_id, key = person_keys.current(service, suppression.mark(service.keys, person.email), real_now)
    found = keeping_photos.sort(pictures(mail.raw), level)
    row = {
        "enrolment_id": person.id,
        "reply_id": reply_id,
        "day": day,
        "level": level if mail.says_something else JournalLevel.KEEP,  # what was cut is for nobody but its writer
        "key_id": key_id,
        "locked": lock(key, mail.words.encode(), place(reply_id)),
        "cut": cuts.locked(key, reply_id, mail),
        "left_out": found.left_out,
        "kept_at": real_now,
    }
    entry_id = insert_once(tx, entries, row)
    if entry_id is not None:
        keeping_photos.keep(tx, entry_id, key, found.kept)


def opened(service: Service, row: Row[Any]) -> str | None:
    """Return the words of a row of `entries`, or None if they cannot be opened; nothing is changed by trying."""
    try:
        return unlock(person_keys.find(service, row.key_id), row.locked, place(row.reply_id)).decode()
    except LockedError:
        return None


def take_back(tx: Connection, person: Person, entry_id: int) -> bool:
    """Erase one entry of this round. False: there is none."""
    mine = entries.c.id == entry_id, entries.c.enrolment_id == person.id
    return tx.execute(delete(entries).where(*mine)).rowcount == 1


def purge(service: Service, real_now: datetime) -> int:
    """Erase what was kept for KEEP_WORDS_DAYS; return how many entries."""
    old = entries.c.kept_at <= real_now - timedelta(days=service.settings.keep_words_days)
    some = select(entries.c.id).where(old).limit(AT_ONCE)
    total, gone = 0, AT_ONCE
    while gone == AT_ONCE:
        with service.store.transaction() as tx:
            gone = tx.execute(delete(entries).where(entries.c.id.in_(some))).rowcount
        total += gone
    if total:
        service.store.sweep_pages()
    return total


def check(service: Service) -> None:
    """Raise SettingsError when people asked for their words to be kept and JOURNAL_KEYS cannot do that now."""
    with service.store.reading() as tx:
        asked = any(tx.execute(select(table).limit(1)).first() for table in (journals, letters))
    if asked and not offered(service):
        raise SettingsError("JOURNAL_KEYS: people have asked for their words to be kept; put the key back")
    if asked:
        person_keys.check(service)


def _between(low: JournalLevel, high: JournalLevel) -> tuple[JournalLevel, ...]:
    """Return the levels above the one, up to the other: each is a consent of its own."""
    return LEVELS[LEVELS.index(low) + 1 : LEVELS.index(high) + 1]


def place(reply_id: int) -> str:
    """Return the name of the place where a reply's words are kept, to which they are bound."""
    return f"reply {reply_id}"
