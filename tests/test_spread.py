"""Promises of the spread: everybody has a minute of their own within their hour, always the same, told truly."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest
from conftest import MONDAY, ON_SQLITE, Box, SetClock, World
from sqlalchemy import text

from course import schedule
from course.app import App
from course.keys import Keys
from course.outgoing import Sent, Unsure

SPREAD = 20  # minutes


@pytest.fixture
def spread(settings):
    """Build the service as it is where nothing is set: lessons are spread over twenty minutes."""
    clock, box = SetClock(), Box()
    app = App.build(settings.model_copy(update={"spread_minutes": SPREAD}), transport=box, clock=clock)
    yield World(app, clock, box)
    app.close()


def by_the_minute(world, hours):
    """Let time go by, ticking every minute."""
    for _ in range(hours * 60):
        world.clock.go(minutes=1)
        world.app.tick()


def times(world, who):
    """Return when this person's lessons came, by the clock in London in winter."""
    sent = [mail for mail in world.box.sent if mail.to == f"{who}@example.org" and mail.mailing.day]
    return [f"{mail.date:%H:%M}" for mail in sent]


def minute(world, who):
    """Return this person's minute."""
    row = world.rows(f"SELECT id FROM subscribers WHERE email = '{who}@example.org'")[0]  # noqa: S608 (alice, bob)
    return world.app.service.minute(row[0])


@ON_SQLITE
def test_a_minute_is_the_same_for_ever_and_another_for_others(spread):
    """It follows from the person alone, a new SECRET_KEY does not move it, and people fill all twenty alike."""
    service = spread.app.service
    newer = Keys((b"another key, newer than the first one", *service.keys.ring))
    many = Counter(service.minute(number) for number in range(1, 6001))

    assert [type(service)(service.settings, newer, service.catalogue, service.store).minute(n) for n in range(50)] == [
        service.minute(n) for n in range(50)
    ]
    assert sorted(many) == list(range(SPREAD))
    assert all(220 < count < 380 for count in many.values())


@ON_SQLITE
def test_lessons_come_at_ones_own_minute_day_after_day(spread):
    """Alice, Bob and Charlie chose eight: each gets every lesson a little after it, always at the same minute."""
    for who in ("alice", "bob", "charlie"):
        spread.join(who)
    by_the_minute(spread, 3 * 24)
    minutes = {who: minute(spread, who) for who in ("alice", "bob", "charlie")}

    assert len(set(minutes.values())) == 3
    for who, own in minutes.items():
        assert times(spread, who) == [f"08:{own:02}"] * 3


@ON_SQLITE
def test_the_welcome_tells_the_time_at_which_letters_come(spread):
    """Nobody is told 08:00 who gets it later: first day and those after are said with the minute."""
    spread.join()
    said = spread.box.last("welcome")
    own = f"08:{minute(spread, 'alice'):02}"
    words = re.sub(r"\s+", " ", said.mailing.text_for(said.values))

    assert own != "08:00"
    assert f"The first is planned for Tuesday 2 March at {own}." in words
    assert f"The others follow at about {own}, your time." in words


@ON_SQLITE
def test_an_answer_waits_for_no_minute(spread):
    """Only lessons are spread: a receipt leaves with the next tick."""
    spread.join()
    by_the_minute(spread, 21)
    spread.reply(spread.box.last("day-1"))
    spread.app.tick()

    assert spread.box.names("alice@example.org")[-1] == "receipt"


@ON_SQLITE
def test_after_an_outage_in_the_night_a_lesson_comes_at_its_minute(spread):
    """What could not leave all day leaves the next morning, at the person's own minute and not on the hour."""
    spread.join()
    spread.clock.at = MONDAY + timedelta(days=1, hours=11)  # Tuesday 23:00
    by_the_minute(spread, 12)

    assert times(spread, "alice") == [f"08:{minute(spread, 'alice'):02}"]


@ON_SQLITE
def test_a_lesson_in_doubt_comes_again_at_its_minute(spread):
    """Nobody knows whether it left, and it is night when that is looked at: it is owed for the person's own minute."""
    spread.join()
    spread.box.answer = lambda _: Unsure("no answer came")
    by_the_minute(spread, 1)
    spread.clock.at = MONDAY + timedelta(hours=20, minutes=minute(spread, "alice"))
    spread.app.tick()
    spread.box.answer = lambda _: Sent()
    spread.clock.at = MONDAY + timedelta(days=1, hours=11, minutes=30)  # Tuesday 23:30
    by_the_minute(spread, 12)

    assert times(spread, "alice") == [f"08:{minute(spread, 'alice'):02}"]
    assert spread.box.sent[-1].date.day == 3


@ON_SQLITE
@pytest.mark.parametrize("lessons", [0, 1])
def test_whoever_pauses_and_resumes_keeps_their_minute(spread, lessons):
    """Before the first lesson or after one, and days later: the next one is at the same minute as ever."""
    spread.join()
    by_the_minute(spread, 24 * lessons)
    token = spread.leave_token()
    spread.app.pause(token)
    spread.clock.go(days=3)
    spread.app.resume(token)
    with spread.app.service.store.transaction() as tx:
        due = tx.execute(text("SELECT min(next_send_at) FROM enrolments")).scalar_one()

    assert str(due)[11:16] == f"08:{minute(spread, 'alice'):02}"


@pytest.mark.parametrize(("confirmed", "day"), [("08:12", 1), ("08:13", 1), ("08:14", 2)])
def test_whoever_confirms_before_their_minute_begins_today(confirmed, day):
    """The hour has begun, the minute has not passed: the first lesson is still to come today."""
    at = MONDAY.replace(hour=8, minute=int(confirmed[3:]))
    due = schedule.first_lesson(schedule.Start.NEXT_HOUR, at, 8, schedule.zone_of("UTC"), minute=13)

    assert (due.day, f"{due:%H:%M}") == (day, "08:13")
