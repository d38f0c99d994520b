"""In charge of sign-up and confirmation: the page says the same to everybody, and only a POST from the inbox counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select, update

from course import addresses, links
from course.content.catalogue import CONFIRM
from course.journeys import consent, extras, limits, notices, people, standing, suppression, unconfirmed
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.journeys.standing import Standing
from course.journeys.unconfirmed import CONFIRM_WITHIN
from course.links import Purpose
from course.store.database import insert_new, move
from course.store.states import EndedReason, EnrolmentStatus
from course.store.tables import deliveries, enrolments, subscribers

AGAIN = timedelta(days=7)  # course time: in it at most one mail says that they signed up already
CONFIRMED = "confirmed"  # in the history; beside it stands which page led somebody here, if it said so
log = structlog.get_logger()


@dataclass(frozen=True)
class SignUp:
    """What the form said, already read strictly. `wording` is the consent exactly as it was shown.

    `network` is None where nobody visited: a sign-up by mail. `pace` is "" where none was chosen: the course's own.
    `ticked` is what was asked for besides (extras.py), each with the words that were shown. `ref` is the word by which
    the page that led here is counted. `guessed`: name, language, zone and hour were not chosen for this, so whoever
    has a course keeps their own.
    """

    course: str
    email: str
    name: str
    timezone: str
    locale: str
    send_hour: int
    wording: str
    network: str | None
    pace: str = ""
    ticked: Mapping[str, str] = field(default_factory=dict)
    ref: str = ""
    guessed: bool = False


def sign_up(service: Service, form: SignUp, now: datetime, real_now: datetime) -> None:
    """Owe the address a confirmation, within the limits. Says nothing about whether the address is known."""
    with service.store.transaction() as tx:
        ask(tx, service, form, CONFIRM, now, real_now)


def ask(tx: Connection, service: Service, form: SignUp, notice: str, now: datetime, real_now: datetime) -> None:
    """Owe the address this question, within the limits.

    A known, unknown and suppressed address take the same way through the same transaction up to the rows it leaves.
    """
    keys, inbox = service.keys, addresses.inbox(form.email)
    counted = [(limits.BY_MAIL, "")]
    if form.network is not None:
        counted = [(limits.EVERYBODY, ""), (limits.NETWORK, limits.network(form.network))]
    send = max(limits.place(tx, keys, rules, who, now) for rules, who in counted)
    first = limits.place(tx, keys, (*limits.INBOX, *limits.REFUSED), inbox, now) == now
    # For a suppressed address the same is done, and then undone: the time it takes must not give it away.
    with tx.begin_nested() as attempt:
        may_mail = first and send - now < limits.DAY
        person = enrol(tx, form, now, real_now, renew=may_mail)
        if person.status != EnrolmentStatus.PENDING:
            _say_again(tx, person, now)
        elif may_mail:
            for rules, who in (*counted, (limits.INBOX, inbox)):
                limits.take(tx, keys, rules, who, send)
            notices.owe(tx, person, notice, send, once=f"{now.date()}")
        if suppression.among(tx, keys, [form.email]):
            attempt.rollback()
    if send > now:
        log.warning("sign-ups are arriving faster than the limits allow; confirmations wait their turn")


def confirmation(service: Service, token: str, real_now: datetime) -> Standing | None:
    """Return where the enrolment of a confirm link stands, or None for a link that is of no use any more."""
    with service.store.reading() as tx:
        person = _of_confirm(tx, service, token)
        return standing.of(service, person) if person and _usable(service, person, real_now) else None


def confirm(
    service: Service, token: str, now: datetime, real_now: datetime, *, letters_only: bool = False
) -> Standing | None:
    """Begin the course: once, however often and however parallel the button is pressed.

    `letters_only`: nothing of what the sign-up asked for besides. Anybody can type anybody's address and tick boxes.
    """
    with service.store.transaction() as tx:
        person = _of_confirm(tx, service, token)
        if person is None or not _usable(service, person, real_now):
            return None
        begin(tx, service, person, "confirmed by mail", now, real_now, letters_only=letters_only)
        begun = people.by_id(tx, person.id)
        return standing.of(service, begun) if begun else None


def not_me(service: Service, token: str, now: datetime, real_now: datetime) -> None:
    """Forget the sign-up of this confirm link; its address is never written to again, but for another course."""
    with service.store.transaction() as tx:
        person = _of_confirm(tx, service, token)
        if person is not None:
            refuse(tx, service, person, now, real_now)


def refuse(tx: Connection, service: Service, person: Person, now: datetime, real_now: datetime) -> None:
    """Never write to this person again; forget the sign-up, if it was never confirmed.

    Who has said yes to another course, or to this one before, keeps that: a stranger's sign-up takes nothing from them.
    They are asked about no further one for a while.
    """
    if _has_another(tx, person):
        limits.take(tx, service.keys, limits.REFUSED, addresses.inbox(person.email), now)
    else:
        suppression.suppress(tx, service.keys, person.email, suppression.NOT_ME, real_now)
    if person.status == EnrolmentStatus.PENDING:
        unconfirmed.forget(tx, person)
    else:
        rounds.stop(tx, service.keys, person, EndedReason.COMPLAINED, "not me", now, real_now)


def _knows_us(tx: Connection, person: Person) -> bool:
    """Whether somebody has said yes before: then their hour, zone, language and name are their own."""
    mine = enrolments.c.subscriber_id == person.subscriber_id, enrolments.c.confirmed_at.is_not(None)
    return bool(people.find(tx, *mine, limit=1))


def _has_another(tx: Connection, person: Person) -> bool:
    others = enrolments.c.subscriber_id == person.subscriber_id, enrolments.c.id != person.id
    kept = enrolments.c.confirmed_at.is_not(None), enrolments.c.status != EnrolmentStatus.STOPPED
    return bool(people.find(tx, *others, *kept, limit=1))


def enrol(tx: Connection, form: SignUp, now: datetime, real_now: datetime, *, renew: bool) -> Person:
    """Return the live enrolment of this address and course; made if there is none.

    An unconfirmed one gets these choices and another seven days only if a mail says so to its inbox (`renew`). A
    person's settings change only at confirmation: anybody can type anybody's address.
    """
    settings = {key: getattr(form, key) for key in people.SETTINGS}
    key = addresses.key(form.email)
    subscriber_id = people.made(tx, {"email": form.email, "email_key": key, "created_at": now, **settings})
    asked = {**settings, "pace": form.pace, "wording": form.wording, "asked_at": real_now.isoformat()}
    asked |= {"ticked": dict(form.ticked), "ref": form.ref, "guessed": form.guessed}
    pending = {"confirm_by": real_now + CONFIRM_WITHIN, "choices": json.dumps(asked, ensure_ascii=False)}
    row = {
        "subscriber_id": subscriber_id,
        "course": form.course,
        "status": EnrolmentStatus.PENDING,
        "created_at": now,
    }
    mine = (enrolments.c.subscriber_id == subscriber_id, enrolments.c.course == form.course)
    if not insert_new(tx, enrolments, [{**row, **pending}]) and renew:
        still = enrolments.c.status == EnrolmentStatus.PENDING
        tx.execute(update(enrolments).where(*mine, still).values(**pending))
    return people.find(tx, *mine)[0]


def _say_again(tx: Connection, person: Person, now: datetime) -> None:
    recent = select(deliveries.c.id).where(
        deliveries.c.subscriber_id == person.subscriber_id,
        notices.named("again"),
        deliveries.c.send_at > now - AGAIN,
    )
    if tx.execute(recent).first() is None:
        notices.owe(tx, person, "again", now, once=f"{person.today(now)}")


def _of_confirm(tx: Connection, service: Service, token: str) -> Person | None:
    numbers = links.read(service.keys, Purpose.CONFIRM, token)
    return people.by_id(tx, numbers[0]) if numbers else None


def _usable(service: Service, person: Person, real_now: datetime) -> bool:
    """Whether a yes is of use. While its folder is gone no course can begin; put back in time, it can."""
    if person.status == EnrolmentStatus.PENDING:
        there = person.course in service.catalogue.courses
        return there and person.confirm_by is not None and real_now < person.confirm_by
    return person.status != EnrolmentStatus.STOPPED


def begin(
    tx: Connection,
    service: Service,
    person: Person,
    how: str,
    now: datetime,
    real_now: datetime,
    *,
    letters_only: bool = False,
) -> None:
    """Begin the course of somebody who signed up and says yes in time; else change nothing."""
    if person.status != EnrolmentStatus.PENDING or not _usable(service, person, real_now):
        return
    choices = json.loads(person.choices or "{}")
    pace = choices.pop("pace", "") or service.catalogue.courses[person.course].pace
    wording, asked_at = choices.pop("wording"), datetime.fromisoformat(choices.pop("asked_at"))
    ticked, ref = choices.pop("ticked", {}), choices.pop("ref", "")
    if not (choices.pop("guessed", False) and _knows_us(tx, person)):
        tx.execute(update(subscribers).where(subscribers.c.id == person.subscriber_id).values(**choices))
    chosen = replace(people.by_id(tx, person.id) or person, pace=pace)
    due = rounds.next_due(tx, service, chosen, now)
    begun = {"confirmed_at": now, "confirm_by": None, "choices": None, "next_send_at": due, "pace": pace}
    if not move(tx, enrolments, person.id, EnrolmentStatus.ACTIVE, **begun):
        return
    consent.record(tx, service.keys, chosen, "given", wording, how, real_now, asked_at=asked_at)
    if not letters_only:
        extras.give(tx, service, chosen, ticked, asked_at, real_now)
    rounds.note(tx, person.id, CONFIRMED, ref, now)
    notices.owe(tx, chosen, "welcome", now)
    limits.release(tx, service.keys, limits.INBOX, addresses.inbox(chosen.email))
    rounds.retime(tx, service, person, now, but=[person.id])
