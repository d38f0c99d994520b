"""In charge of what becomes of an enrolment after it began: stop, pause, resume, skip, other hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, insert, select, update

from course import schedule
from course.journeys import consent, finishing, letter_ends, notices, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.keys import Keys
from course.store.database import insert_new, move
from course.store.sets import one_of
from course.store.states import AT_REST, DeliveryKind, DeliveryStatus, EndedReason, EnrolmentStatus
from course.store.tables import completions, deliveries, enrolments, history, skips


def stop(
    tx: Connection,
    keys: Keys,
    person: Person,
    reason: EndedReason,
    how: str,
    now: datetime,
    real_now: datetime,
) -> bool:
    """End it: nothing that is queued goes out any more. Every way to end a course leads here. False: nothing to end.

    Whoever leaves, or begins again, also ends their sign-up for the course that waits for a yes.

    A course that has finished stays so, but what is still queued of it (a farewell) is cancelled just the same.
    """
    for other in _unconfirmed(tx, person) if reason in (EndedReason.UNSUBSCRIBED, EndedReason.RESTARTED) else ():
        stop(tx, keys, other, reason, how, now, real_now)
    restarted = reason == EndedReason.RESTARTED  # a letter outlives that, and so does word of it
    spared = (~letter_ends.tells(),) if restarted else ()
    cancelled = letter_ends.let_go(tx, person, reason, real_now) + _cancel(tx, person.id, *spared)
    ended = {"ended_reason": reason, "ended_at": now, "resume_at": None, "confirm_by": None, "choices": None}
    stopped = move(tx, enrolments, person.id, EnrolmentStatus.STOPPED, **AT_REST, **ended)
    if not stopped and not cancelled:
        return False
    note(tx, person.id, "stopped", f"{reason} by {how}", now)
    if person.confirmed_at and not restarted:  # who starts again takes nothing back
        consent.record(tx, keys, person, "withdrawn", str(reason), how, real_now)
    return True


def stop_all(
    tx: Connection,
    keys: Keys,
    subscriber_id: int,
    reason: EndedReason,
    how: str,
    now: datetime,
    real_now: datetime,
) -> None:
    """End every course of a person."""
    for person in people.find(tx, enrolments.c.subscriber_id == subscriber_id):
        stop(tx, keys, person, reason, how, now, real_now)


def pause(tx: Connection, person: Person, now: datetime, until: datetime | None = None, *, why: str = "") -> bool:
    """Let the lessons rest and keep the place, until then or until they come back. False: it was not active.

    `why` is for the history, where it was not they who asked for it.
    """
    if not move(tx, enrolments, person.id, EnrolmentStatus.PAUSED, resume_at=until, **AT_REST):
        return False
    _cancel(tx, person.id, deliveries.c.kind == DeliveryKind.LESSON)
    note(tx, person.id, "paused", why or _until(person, until), now)
    return True


def pause_until(tx: Connection, person: Person, until: datetime | None, now: datetime) -> bool:
    """Give a pause that goes on another end, or none. False: it was not paused, or ends then already."""
    paused = enrolments.c.id == person.id, enrolments.c.status == EnrolmentStatus.PAUSED
    other = enrolments.c.resume_at.is_distinct_from(until)
    if not tx.execute(update(enrolments).where(*paused, other).values(resume_at=until)).rowcount:
        return False
    note(tx, person.id, "paused", _until(person, until), now)
    return True


def pause_end(service: Service, person: Person, day: date) -> datetime:
    """Return when a pause is over on this local date: at their hour, or the next one that there is."""
    before, minute = day - timedelta(days=1), service.minute(person.subscriber_id)
    early = datetime.combine(before, time(0), UTC)
    return schedule.next_hour(early, person.send_hour, person.zone, after=before, pace=person.pace, minute=minute)


def resume(tx: Connection, service: Service, person: Person, now: datetime) -> bool:
    """Go on at the same place. The lesson that was queued is queued again: the same row, so no day is lost.

    After a pause that ended by itself, lessons go on from the moment at which it did, however late this is: `now` is
    that moment.
    """
    if person.status != EnrolmentStatus.PAUSED:
        return False
    if not move(tx, enrolments, person.id, EnrolmentStatus.ACTIVE, resume_at=None):
        return False
    note(tx, person.id, "resumed", "", now)
    course = service.catalogue.courses.get(person.course)
    if course is not None and not course.has(person.next_day):
        finishing.finish(tx, [person], now)
        return True
    due = next_due(tx, service, person, now)
    waiting = update(deliveries).where(
        deliveries.c.enrolment_id == person.id,
        deliveries.c.kind == DeliveryKind.LESSON,
        deliveries.c.status == DeliveryStatus.CANCELLED,
        deliveries.c.day == person.next_day,
    )
    anew = {"due_at": due, "send_at": due, "attempts": 0, "first_tried_at": None}
    if not tx.execute(waiting.values(status=DeliveryStatus.QUEUED, **anew)).rowcount:
        tx.execute(update(enrolments).where(enrolments.c.id == person.id).values(next_send_at=due))
    return True


def skip(tx: Connection, person: Person, day: int, now: datetime) -> bool:
    """Mark a day as skipped, which is not completed. False: it is skipped already, or completed, and stays so."""
    done = select(completions.c.day).where(completions.c.enrolment_id == person.id, completions.c.day == day)
    if tx.execute(done).first() is not None:
        return False
    marked = insert_new(tx, skips, [{"enrolment_id": person.id, "day": day, "skipped_at": now}])
    return marked == 1


def sooner(tx: Connection, service: Service, person: Person, now: datetime) -> None:
    """Let the next lesson of a round that goes on come as soon as it may."""
    if person.status == EnrolmentStatus.ACTIVE:
        _move_due(tx, person, next_due(tx, service, person, now), only_sooner=True)


def retime(tx: Connection, service: Service, before: Person, now: datetime, *, but: Iterable[int] = ()) -> None:
    """Move what is still to come, in every round but these, to their present hour and zone.

    `before` is the person with the hour and zone of before. The end of a pause, or a note, stays on its date, which is
    now that of the new zone.
    """
    mine = enrolments.c.subscriber_id == before.subscriber_id, enrolments.c.id.not_in(list(but))
    for person in people.find(tx, *mine, enrolments.c.status == EnrolmentStatus.ACTIVE):
        replan(tx, service, person, now)
        _move_note(tx, person, before, now)
    for person in people.find(tx, *mine, enrolments.c.resume_at.is_not(None)):
        end = pause_end(service, person, before.today(person.resume_at or now))
        tx.execute(update(enrolments).where(enrolments.c.id == person.id).values(resume_at=end))
    _move_farewells(tx, before, people.find(tx, *mine, enrolments.c.status == EnrolmentStatus.FINISHED), now)


def next_due(tx: Connection, service: Service, person: Person, now: datetime) -> datetime:
    """Return the next moment at which this person may get a lesson of this course."""
    last = people.last_lesson(tx, person.subscriber_id, person.course)
    hour, zone, pace = person.send_hour, person.zone, person.pace
    minute = service.minute(person.subscriber_id)
    at_once = schedule.next_hour(now, hour, zone, pace=pace, minute=minute)
    if last is None or person.next_day == 1:
        course = service.catalogue.courses.get(person.course)
        rule = course.start if course else schedule.Start.NEXT_HOUR
        began = person.confirmed_at or now
        return max(at_once, schedule.first_lesson(rule, began, hour, zone, last=last, pace=pace, minute=minute))
    return max(at_once, schedule.next_lesson(*last, hour, zone, pace=pace, minute=minute))


def replan(tx: Connection, service: Service, person: Person, now: datetime) -> None:
    """Move what is still to come in one round to when it is due by their present hour, zone and pace."""
    _move_due(tx, person, next_due(tx, service, person, now))


def _move_note(tx: Connection, person: Person, before: Person, now: datetime) -> None:
    """Move what is to be said of a silence to their present hour, on the same date."""
    if person.note_at is not None:
        eve = before.today(person.note_at) - timedelta(days=1)
        later = schedule.next_hour(now, person.send_hour, person.zone, after=eve)
        mine = enrolments.c.id == person.id, enrolments.c.note_at == person.note_at
        tx.execute(update(enrolments).where(*mine).values(note_at=later))


def _move_farewells(tx: Connection, before: Person, ended: list[Person], now: datetime) -> None:
    """Move a farewell that is still to come to their present hour, on the same date."""
    theirs = {person.id: person for person in ended}
    to_come = deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.send_at > now
    which = one_of(deliveries.c.enrolment_id, theirs), deliveries.c.name == finishing.FAREWELL, *to_come
    columns = deliveries.c.id, deliveries.c.enrolment_id, deliveries.c.due_at
    for row in tx.execute(select(*columns).where(*which)).all():
        person, eve = theirs[row.enrolment_id], before.today(row.due_at) - timedelta(days=1)
        at = schedule.next_hour(now, person.send_hour, person.zone, after=eve)
        tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(due_at=at, send_at=at))


def _move_due(tx: Connection, person: Person, due: datetime, *, only_sooner: bool = False) -> None:
    """Move the next lesson of one round, planned or queued."""
    planned = [enrolments.c.id == person.id, enrolments.c.next_send_at.is_not(None)]
    queued = [
        deliveries.c.enrolment_id == person.id,
        deliveries.c.kind == DeliveryKind.LESSON,
        deliveries.c.status == DeliveryStatus.QUEUED,
    ]
    if only_sooner:
        planned.append(enrolments.c.next_send_at > due)
        queued.append(deliveries.c.due_at > due)
    tx.execute(update(enrolments).where(*planned).values(next_send_at=due))
    tx.execute(update(deliveries).where(*queued).values(due_at=due, send_at=due))


def _until(person: Person, until: datetime | None) -> str:
    return f"until {person.today(until)}" if until else ""


def note(tx: Connection, enrolment_id: int, event: str, detail: str, now: datetime) -> None:
    """Write down what happened, for whoever asks why; never what a person wrote."""
    tx.execute(insert(history).values(enrolment_id=enrolment_id, at=now, event=event, detail=detail))


def _unconfirmed(tx: Connection, person: Person) -> list[Person]:
    """Return the sign-up for this course that waits for a yes, if it is another round than this one."""
    pending = enrolments.c.status == EnrolmentStatus.PENDING, enrolments.c.id != person.id
    return people.find(tx, people.same_course(person), *pending)


def _cancel(tx: Connection, enrolment_id: int, *which: ColumnElement[bool]) -> int:
    """Cancel what a round is still owed, but for the mail that says that it has ended."""
    last = deliveries.c.name.startswith(notices.LAST) | (deliveries.c.name == notices.ERASED)
    return notices.cancel(tx, deliveries.c.enrolment_id == enrolment_id, ~last, *which)
