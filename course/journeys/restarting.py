"""In charge of beginning a course once more: a new round beside the old one, with a yes of its own."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from course.journeys import enrolments as rounds
from course.journeys import people, signup
from course.journeys.people import Person
from course.journeys.service import Service
from course.journeys.unconfirmed import CONFIRM_WITHIN
from course.store.database import insert_once
from course.store.states import EndedReason, EnrolmentStatus
from course.store.tables import enrolments

A_DAY = 3  # rounds; each brings a welcome


def restart(tx: Connection, service: Service, person: Person, wording: str, now: datetime, real_now: datetime) -> bool:
    """Begin a new round with day 1, at the same pace; a round that goes on ends. False: not so soon again.

    No two lessons come on one local date, whichever round they belong to: what is due reckons with the last one, and a
    constraint guards that.
    """
    recent = people.same_course(person), enrolments.c.created_at > now - timedelta(days=1)
    if tx.execute(select(func.count()).select_from(enrolments).where(*recent)).scalar_one() >= A_DAY:
        return False
    rounds.stop(tx, service.keys, person, EndedReason.RESTARTED, "page", now, real_now)
    chosen = {key: getattr(person, key) for key in (*people.SETTINGS, "pace")}
    row = {
        "subscriber_id": person.subscriber_id,
        "course": person.course,
        "status": EnrolmentStatus.PENDING,
        "created_at": now,
        "confirm_by": real_now + CONFIRM_WITHIN,
        "on_paper": person.on_paper,
        "choices": json.dumps({**chosen, "wording": wording, "asked_at": real_now.isoformat()}, ensure_ascii=False),
    }
    begun = people.by_id(tx, insert_once(tx, enrolments, row) or 0)
    if begun is not None:
        signup.begin(tx, service, begun, "started again on a page", now, real_now)
    return begun is not None
