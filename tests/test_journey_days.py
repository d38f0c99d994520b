"""Promises of the five days: one lesson a day, at their hour, in order; whatever happens to clocks and people."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from conftest import MONDAY, ON_SQLITE, Box, SetClock, World, make_settings
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as examples
from sqlalchemy import event, func, select, update
from structlog.testing import capture_logs

from course.app import App
from course.content import catalogue
from course.journeys import enrolments as journeys
from course.journeys import held, people, reports
from course.outgoing import RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.store.tables import deliveries, enrolments, subscribers

LESSONS = ["day-1", "day-2", "day-3", "day-4", "day-5"]
TUESDAY = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # the first lesson of who joins on MONDAY with the hour 8
STEP = timedelta(minutes=10)


def asked(world):
    """Let the next tick come; return how often it begins a transaction, and how often one that writes."""
    begun = []
    engine = world.app.service.store.engine

    def begins(connection):
        begun.append("course_read_only" not in connection.get_execution_options())

    event.listen(engine, "begin", begins)
    world.clock.go(seconds=5)  # sooner than a sign of life is due on PostgreSQL
    world.app.tick()
    event.remove(engine, "begin", begins)
    return len(begun), sum(begun)


def own_words(world, folder):
    """Start the service again with emails that a test may edit; return their folder."""
    shutil.copytree(world.app.settings.emails_dir, folder / "emails")
    world.restart(emails_dir=folder / "emails")
    return folder / "emails"


def live(world, *, until=None, **span):
    """Tick at every moment at which something is owed, for a while."""
    until = until or world.clock.at + timedelta(**span)
    while True:
        with world.app.service.store.reading() as tx:
            due = tx.execute(
                select(func.min(enrolments.c.next_send_at)).where(enrolments.c.status == "active")
            ).scalar()
            owed = tx.execute(select(func.min(deliveries.c.send_at)).where(deliveries.c.status == "queued")).scalar()
            doubt = tx.execute(select(deliveries.c.id).where(deliveries.c.status == "stalled")).first()
        at = min(
            [moment for moment in (due, owed) if moment] + ([world.clock.at + STEP] if doubt else []), default=until
        )
        at = max(at, world.clock.at + timedelta(seconds=1))
        if at > until:
            break
        world.clock.at = at
        world.app.tick()
    world.clock.at = until
    world.app.tick()


def lessons(world, who="alice"):
    """Return the lessons that somebody got: name and moment."""
    sent = [mail for mail in world.box.sent if mail.to == f"{who}@example.org"]
    return [(mail.mailing.name, mail.date) for mail in sent if mail.mailing.day]


def change(world, zone, hour):
    """Let everybody move to another zone and hour."""
    with world.app.service.store.transaction() as tx:
        as_they_were = {person.subscriber_id: person for person in people.find(tx)}
        tx.execute(update(subscribers).values(timezone=zone, send_hour=hour))
        for person in as_they_were.values():
            journeys.retime(tx, world.app.service, person, world.clock.now())


# A lesson a day. Zone, hour, the local date of day 1, and the local times that are not the hour: where clocks go
# forward over it, the first minute that there is.
WEEKS = {
    "London, an ordinary week": ("Europe/London", 8, date(2027, 3, 2), {}),
    "London, clocks go forward": ("Europe/London", 8, date(2027, 3, 26), {}),
    "London, at the hour that is left out": ("Europe/London", 1, date(2027, 3, 26), {date(2027, 3, 28): "02:00"}),
    "London, at the hour that comes twice": ("Europe/London", 1, date(2027, 10, 29), {}),
    "New York, at the hour that is left out": ("America/New_York", 2, date(2027, 3, 12), {date(2027, 3, 14): "03:00"}),
    "New York, at the hour that comes twice": ("America/New_York", 1, date(2027, 11, 5), {}),
    "Kathmandu, a quarter to": ("Asia/Kathmandu", 8, date(2027, 3, 2), {}),
    "Auckland, clocks go back": ("Pacific/Auckland", 2, date(2027, 4, 2), {}),
    "Auckland, at the hour that is left out": ("Pacific/Auckland", 2, date(2027, 9, 24), {date(2027, 9, 26): "03:00"}),
    "Honolulu, at midnight": ("Pacific/Honolulu", 0, date(2027, 3, 2), {}),
    "Honolulu, late": ("Pacific/Honolulu", 23, date(2027, 3, 2), {}),
    "Lord Howe, half an hour": ("Australia/Lord_Howe", 2, date(2027, 10, 1), {date(2027, 10, 3): "02:30"}),
    "Kiritimati, before everybody": ("Pacific/Kiritimati", 8, date(2027, 3, 2), {}),
    "over a leap day": ("Europe/London", 8, date(2028, 2, 27), {}),
    "over a year's end": ("America/New_York", 7, date(2027, 12, 29), {}),
    "over a month's end": ("Asia/Kathmandu", 21, date(2027, 4, 28), {}),
}


def test_a_tick_with_nothing_due_looks_twice_and_takes_no_lock(world):
    """Whether sending is on, and whether anything is due; that it ticks is written down twice a minute."""
    world.join()
    world.pass_hours(1)

    assert asked(world) == (2, 0)


@ON_SQLITE
@pytest.mark.parametrize(("zone", "hour", "first", "odd"), WEEKS.values(), ids=WEEKS)
def test_a_lesson_a_day_at_their_hour(world, zone, hour, first, odd):
    """Five lessons on five dates in a row, each at the person's hour by their own clock, at the first such moment."""
    world.clock.at = datetime.combine(first, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(minutes=5)
    world.join("alice", timezone=zone, send_hour=hour)
    live(world, days=9)

    local = [at.astimezone(ZoneInfo(zone)) for _, at in lessons(world)]
    assert [name for name, _ in lessons(world)] == LESSONS
    assert [at.date() for at in local] == [first + timedelta(days=ahead) for ahead in range(5)]
    assert [f"{at:%H:%M}" for at in local] == [odd.get(at.date(), f"{hour:02}:00") for at in local]
    assert {at.fold for at in local} == {0}


def test_people_all_over_the_world_have_their_own_day(world):
    """Five people in five zones each get their lesson at eight by their own clock, on their own date."""
    zones = {
        "alice": "Europe/London",
        "bob": "America/New_York",
        "charlie": "Asia/Kathmandu",
        "dora": "Pacific/Auckland",
        "eve": "Pacific/Honolulu",
    }
    for who, zone in zones.items():
        world.join(who, timezone=zone)
    live(world, days=9)

    for who, zone in zones.items():
        local = [at.astimezone(ZoneInfo(zone)) for _, at in lessons(world, who)]
        assert [f"{at:%H:%M}" for at in local] == ["08:00"] * 5
        assert len({at.date() for at in local}) == 5


def test_the_whole_course_from_welcome_to_farewell(world):
    """The welcome at once, day 1 at the next hour, a lesson a day, the farewell on the day after; then silence."""
    world.join("alice")
    live(world, days=400)
    got = [(mail.mailing.name, (mail.date - TUESDAY) / timedelta(days=1)) for mail in world.box.sent[2:]]

    assert [(mail.mailing.name, mail.date) for mail in world.box.sent[:2]] == [("confirm", MONDAY), ("welcome", MONDAY)]
    assert got == [("day-1", 0), ("day-2", 1), ("day-3", 2), ("day-4", 3), ("day-5", 4), ("farewell", 5)]
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("answered", "said"),
    [
        ([], "5 letters came your way."),
        ([3], "You wrote back to day 3."),
        ([4, 1, 2], "You wrote back to day 1, day 2 and day 4."),
    ],
    ids=["none", "one", "three"],
)
def test_the_farewell_says_what_was_done(world, answered, said):
    """It names the days that were answered, in order; where there were none it counts nothing."""
    world.join("alice")
    live(world, until=TUESDAY + timedelta(days=4, hours=2))
    for day in answered:
        world.reply(world.box.last(f"day-{day}"))
    live(world, days=2)
    farewell = world.box.last("farewell")

    assert said in farewell.mailing.text_for(farewell.values)


def test_a_day_in_the_evening_does_not_hurry_the_next_morning(world):
    """Who moves the hour from evening to morning has twelve hours at least between two lessons."""
    world.join("alice", send_hour=22)
    live(world, hours=11)
    change(world, "Europe/London", 6)
    live(world, days=9)

    moments = [at for _, at in lessons(world)]
    assert min(later - earlier for earlier, later in pairwise(moments)) >= timedelta(hours=12)
    assert [f"{at:%d %H:%M}" for at in moments] == ["01 22:00", "03 06:00", "04 06:00", "05 06:00", "06 06:00"]


@ON_SQLITE
def test_a_new_hour_counts_from_now_on(world):
    """What is still to come comes at the new hour, today's too if it is still ahead."""
    world.join("alice")
    live(world, until=TUESDAY + timedelta(hours=23))
    change(world, "Europe/London", 9)
    live(world, days=3)

    assert [f"{at:%a %H:%M}" for _, at in lessons(world)] == ["Tue 08:00", "Wed 09:00", "Thu 09:00", "Fri 09:00"]


# Outages.


def test_after_three_days_without_a_clock_nobody_gets_a_burst(world):
    """The service stood still from Tuesday to Friday: it goes on with day 2, one a day, in order."""
    world.join("alice")
    live(world, until=TUESDAY + timedelta(hours=1))
    world.clock.at = datetime(2027, 3, 5, 12, 0, tzinfo=UTC)
    live(world, days=9)

    got = lessons(world)
    assert [name for name, _ in got] == LESSONS
    assert len({at.date() for _, at in got}) == 5
    assert [f"{at:%a %H:%M}" for _, at in got] == ["Tue 08:00", "Sat 08:00", "Sun 08:00", "Mon 08:00", "Tue 08:00"]


@ON_SQLITE
@pytest.mark.parametrize("restarts", [1, 6])
def test_an_outage_is_made_up_for_once(world, restarts):
    """However often the service comes up and goes down again on one date, it sends one lesson of the course."""
    world.join("alice")
    world.clock.at = TUESDAY + timedelta(hours=2)
    for _ in range(restarts):
        world.restart()
        world.app.recover()
        world.app.tick()
        world.clock.go(minutes=30)

    assert [name for name, _ in lessons(world)] == ["day-1"]


# A lesson that came too late to the start: hour, when the clock went on again, and when it leaves then.
LATE = {
    "two hours": (8, "02 10:00", "02 10:00"),
    "the whole day, but for the evening": (8, "02 19:59", "02 19:59"),
    "into the evening": (8, "02 20:00", "03 08:00"),
    "three hours in the evening": (18, "02 21:00", "02 21:00"),
    "more than three hours, in the evening": (18, "02 21:01", "03 18:00"),
    "to a minute before midnight": (22, "02 23:59", "02 23:59"),
    "to midnight": (22, "03 00:00", "03 22:00"),
    "past midnight": (23, "03 00:30", "03 23:00"),
    "past midnight, an early hour": (6, "03 00:30", "03 06:00"),
    "over a day": (8, "03 09:00", "04 08:00"),
}


@ON_SQLITE
@pytest.mark.parametrize(("hour", "up", "leaves"), LATE.values(), ids=LATE)
def test_a_late_lesson_leaves_when_it_is_welcome(world, hour, up, leaves):
    """Late, it leaves at once if it is still its date and not too late in the evening; else at the next hour."""
    world.clock.at = MONDAY + timedelta(hours=11, minutes=50)  # ten to midnight
    world.join("alice", send_hour=hour)
    world.clock.at = datetime.strptime(f"2027-03-{up}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    world.app.tick()
    live(world, hours=40)

    assert f"{lessons(world)[0][1]:%d %H:%M}" == leaves


@ON_SQLITE
@pytest.mark.parametrize(("hour", "up", "leaves"), LATE.values(), ids=LATE)
def test_after_a_late_lesson_the_next_has_its_own_date(world, hour, up, leaves):
    """The lesson after a late one comes on a later date, twelve hours on or more, and no day is left out."""
    world.clock.at = MONDAY + timedelta(hours=11, minutes=50)
    world.join("alice", send_hour=hour)
    world.clock.at = datetime.strptime(f"2027-03-{up}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    world.app.tick()
    live(world, days=9)

    got = lessons(world)
    gaps = [later - earlier for (_, earlier), (_, later) in pairwise(got)]
    assert [name for name, _ in got] == LESSONS
    assert len({at.date() for _, at in got}) == 5
    assert min(gaps) >= timedelta(hours=12)


# Clocks that jump.


@ON_SQLITE
@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(hours=3), timedelta(days=2)], ids=str)
def test_a_clock_that_jumps_back_sends_nothing_twice(world, back):
    """The clock is set back after day 1 has left: it does not leave again, and the course goes on in order."""
    world.join("alice")
    live(world, until=TUESDAY)
    world.clock.at -= back
    live(world, days=9)

    assert [name for name, _ in lessons(world)] == LESSONS
    assert world.box.names().count("welcome") == 1


@ON_SQLITE
def test_a_clock_that_was_wrong_for_an_hour_does_no_harm(world):
    """A day ahead and back again: the lesson that left too early was that day's; none comes twice, none is left out."""
    world.join("alice")
    live(world, until=TUESDAY)
    world.clock.go(days=1)
    world.app.tick()
    world.clock.go(days=-1)
    live(world, days=9)
    dates = [row[0] for row in world.rows("SELECT local_date FROM deliveries WHERE kind = 'lesson'")]

    assert [name for name, _ in lessons(world)] == LESSONS
    assert len(dates) == len(set(dates))


# Zones.

JOURNEYS = [
    ("Pacific/Auckland", "Pacific/Honolulu"),
    ("Pacific/Honolulu", "Pacific/Auckland"),
    ("Pacific/Kiritimati", "Pacific/Niue"),
    ("Pacific/Niue", "Pacific/Kiritimati"),
    ("Europe/London", "Asia/Kathmandu"),
    ("America/New_York", "Europe/London"),
]


@ON_SQLITE
@pytest.mark.parametrize("hour", [0, 8, 23])
@pytest.mark.parametrize(("there", "then"), JOURNEYS, ids=[f"{there} to {then}" for there, then in JOURNEYS])
def test_crossing_the_world_gives_no_day_twice(world, there, then, hour):
    """Over the date line and back: never two lessons within twelve hours or on one local date; no day is left out."""
    world.join("alice", timezone=there, send_hour=hour)
    live(world, days=2, hours=1)
    change(world, then, hour)
    live(world, days=2, hours=13)
    change(world, there, hour)
    live(world, days=9)

    moments = [at for _, at in lessons(world)]
    dates = [str(row[0]) for row in world.rows("SELECT local_date FROM deliveries WHERE kind = 'lesson' ORDER BY day")]
    assert [name for name, _ in lessons(world)] == LESSONS
    assert min(later - earlier for earlier, later in pairwise(moments)) >= timedelta(hours=12)
    assert len(set(dates)) == 5


@ON_SQLITE
@pytest.mark.parametrize(
    ("words", "comes"), [("TIME ZONE New York", "07 13:00"), ("TIME 20", "07 20:00"), ("TIME ZONE Tokyo", "06 23:00")]
)
def test_the_farewell_comes_at_the_hour_that_they_have_by_then(world, words, comes):
    """After day 5 she chooses another clock or hour: the farewell is still to come, so it follows her."""
    world.join("alice")
    live(world, until=TUESDAY + timedelta(days=4, hours=1))
    world.reply(world.box.last("day-5"), words)
    live(world, days=2)

    assert f"{world.box.last('farewell').date:%d %H:%M}" == comes


def test_a_move_that_is_confirmed_moves_what_is_to_come(world, tmp_path):
    """She signs up for a second course from her new home: the first one follows her there from the next lesson on."""
    emails = own_words(world, tmp_path)
    shutil.copytree(emails / "courses/self-compassion", emails / "courses/writing")
    world.restart()
    world.join("alice")
    live(world, until=TUESDAY + timedelta(hours=1))
    world.join("alice", course="writing", timezone="America/New_York", send_hour=9)
    live(world, days=6)

    first = [
        mail.date.astimezone(ZoneInfo("America/New_York")) for mail in world.box.sent if mail.mailing.name == "day-2"
    ]
    assert [f"{at:%a %H:%M}" for at in first] == ["Wed 09:00", "Wed 09:00"]
    assert sorted(name for name, _ in lessons(world)) == sorted(LESSONS * 2)


# Edits.


@ON_SQLITE
def test_an_edit_reaches_lessons_that_are_to_come(world, tmp_path):
    """Day 2 is rewritten after day 1 has left: day 2 comes in the new words."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, until=TUESDAY)
    path = emails / "courses/self-compassion/en-GB/day-2.md"
    path.write_text(
        path.read_text().replace("subject: ", "subject: New words. ").replace(': New words. "', ': "New words. ')
    )
    world.restart()
    live(world, days=1)

    assert world.box.last("day-2").mailing.subject.startswith("New words.")


def make_shorter(world, emails):
    """Take the fifth day out of the course, and start again."""
    course = emails / "courses/self-compassion"
    written = (course / "course.toml").read_text()
    (course / "course.toml").write_text(written.replace("days = 5", "days = 4").replace("[4, 5]", "[4]"))
    for lesson in course.glob("*/day-5.md"):
        lesson.unlink()
    world.restart()


def test_a_lesson_that_is_taken_out_while_it_waits_ends_the_course(world, tmp_path):
    """Day 5 is owed and cannot leave yet; then the course has four days, and ends with its farewell."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, until=TUESDAY + timedelta(days=3, hours=1))
    world.box.answer = lambda _: TryLater("busy")
    live(world, days=1)
    owed = world.rows("SELECT status FROM deliveries WHERE name = 'day-5'")
    world.box.answer = lambda _: Sent()
    make_shorter(world, emails)
    with capture_logs() as logs:
        live(world, days=3)

    assert owed == [("queued",)]
    assert world.rows("SELECT status, next_day FROM enrolments") == [("finished", 5)]
    assert world.rows("SELECT status FROM deliveries WHERE name = 'day-5'") == [("cancelled",)]
    assert world.box.names()[-2:] == ["day-4", "farewell"]
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def test_a_copy_of_a_lesson_that_was_taken_out_is_owed_no_more(world, tmp_path):
    """Alice asks for day 5 again, which is in the course no more: it does not wait for ever."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, days=6)
    day_5 = world.box.last("day-5")
    make_shorter(world, emails)
    world.reply(day_5, "again")
    with capture_logs() as logs:
        live(world, days=1)

    assert world.rows("SELECT status FROM deliveries WHERE kind = 'copy'") == [("cancelled",)]
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


@ON_SQLITE
def test_a_reply_to_a_lesson_that_was_taken_out_counts(world, tmp_path):
    """Alice answers day 5 late, and then leaves in answer to it; the course has no such day any more."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, days=6)
    day_5 = world.box.last("day-5")
    make_shorter(world, emails)

    answers = world.reply(day_5, "It helped a little.")
    live(world, hours=1)
    leaves = world.reply(day_5, "STOP")
    live(world, hours=1)

    assert (answers, leaves) == (["completed"], ["command"])
    assert world.box.names()[-2:] == ["receipt", "left"]


@ON_SQLITE
def test_a_held_lesson_that_was_taken_out_is_held_no_more(world, tmp_path):
    """Day 5 was refused as a whole; then the course has four days: `course status` and `course held` go on working."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, days=3, hours=21)
    world.box.answer = lambda _: RefusedMailing("it looks like spam")
    live(world, days=1)
    before = reports.status(world.app.service, world.clock.at)["held_mailings"]
    make_shorter(world, emails)

    assert before == ["self-compassion day-5 en-GB: it looks like spam"]
    assert reports.status(world.app.service, world.clock.at)["held_mailings"] == []
    assert held.held(world.app.service, world.clock.at) == []


def test_each_delivery_names_what_it_sent(world, tmp_path):
    """After an edit the old delivery still names the old text, and the new one the new, word for word."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    live(world, until=TUESDAY)
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    path.write_text(path.read_text().replace("Much of what we say", "A good part of what we say"))
    world.restart()
    world.join("bob")
    live(world, days=1, hours=1)
    kept = world.rows(
        "SELECT d.subscriber_id, m.text LIKE '%Much of what%', m.text LIKE '%A good part of what%' FROM deliveries d "
        "JOIN mailings m ON m.digest = d.mailing WHERE d.name = 'day-1' ORDER BY d.id"
    )

    assert [(who, bool(old), bool(new)) for who, old, new in kept] == [(1, True, False), (2, False, True)]


@ON_SQLITE
def test_every_mail_that_left_names_its_text(world):
    """No mail leaves without the mailing that it was made from being kept."""
    world.join("alice")
    live(world, days=9)

    sent = {mail.delivery_id: mail.mailing.dump() for mail in world.box.sent}
    kept = world.rows("SELECT d.id, m.text FROM deliveries d JOIN mailings m ON m.digest = d.mailing")
    assert dict(kept) == sent


@ON_SQLITE
def test_an_edit_does_not_reach_what_is_claimed(world, tmp_path):
    """A message that is claimed leaves as it was at that moment, though there are new words by the time it is made."""
    emails = own_words(world, tmp_path)
    world.join("alice")
    world.join("bob")
    path = emails / "courses/self-compassion/en-GB/day-1.md"

    def edit(_):
        path.write_text(path.read_text().replace("Much of what we say", "A good part of what we say"))
        object.__setattr__(world.app.service, "catalogue", catalogue.load(world.app.settings))
        world.clock.go(seconds=1)  # so that Bob's message is made after the edit
        world.box.answer = lambda _: Sent()
        return Sent()

    world.clock.at = TUESDAY
    world.box.answer = edit
    world.app.tick()
    world.join("charlie")
    live(world, days=1)
    said = {mail.to: mail.mailing.text for mail in world.box.sent if mail.mailing.name == "day-1"}

    assert "Much of what we say" in said["bob@example.org"]
    assert "A good part of what we say" in said["charlie@example.org"]


# Pausing, at each point of the way. What is done before the pause, with the service at the moment of day 1 or 5.


def _nothing(world):
    world.clock.at = TUESDAY - timedelta(hours=1)


def _waits_for_a_retry(world):
    world.box.answer = lambda _: TryLater("busy")
    live(world, until=TUESDAY)


def _in_doubt(world):
    world.box.answer = lambda _: Unsure("the line broke")
    live(world, until=TUESDAY)


def _planned(world):
    world.app.stopping.set()
    live(world, until=TUESDAY)
    world.app.stopping.clear()


def _after_a_lesson(world):
    live(world, until=TUESDAY + timedelta(hours=1))


def _last_in_doubt(world):
    live(world, until=TUESDAY + timedelta(days=3, hours=1))
    world.box.answer = lambda _: Unsure("the line broke")
    live(world, until=TUESDAY + timedelta(days=4))


MOMENTS = {
    "before day 1": _nothing,
    "day 1 is planned": _planned,
    "day 1 waits for a retry": _waits_for_a_retry,
    "day 1 is in doubt": _in_doubt,
    "after day 1": _after_a_lesson,
    "day 5 is in doubt": _last_in_doubt,
}


@ON_SQLITE
@pytest.mark.parametrize("come_to", MOMENTS.values(), ids=MOMENTS)
def test_a_pause_keeps_the_place(world, come_to):
    """Whenever Alice pauses, no lesson comes while she rests, and every day comes once, in order, after she resumes."""
    world.join("alice")
    token = world.leave_token()
    come_to(world)
    before = lessons(world)
    world.app.pause(token)
    world.box.answer = lambda _: Sent()
    live(world, days=5)
    rested = lessons(world)
    world.app.resume(token)
    live(world, days=9)

    assert rested == before
    assert [name for name, _ in lessons(world)] == LESSONS
    assert world.box.names()[-1] == "farewell"
    assert world.rows("SELECT count(*) FROM deliveries WHERE kind = 'lesson'") == [(5,)]


def test_a_lesson_that_was_cancelled_is_queued_again(world):
    """The lesson that waited when she paused is the same row when she resumes: queued, cancelled, queued."""
    world.join("alice")
    token = world.leave_token()
    _waits_for_a_retry(world)
    row = "SELECT id, status FROM deliveries WHERE name = 'day-1'"
    queued = world.rows(row)
    world.app.pause(token)
    cancelled = world.rows(row)
    world.app.resume(token)

    assert [[status for _, status in found] for found in (queued, cancelled, world.rows(row))] == [
        ["queued"],
        ["cancelled"],
        ["queued"],
    ]
    assert {number for number, _ in queued + cancelled + world.rows(row)} == {queued[0][0]}


def test_pausing_and_resuming_at_once_loses_and_doubles_nothing(world):
    """Pause, resume, pause, resume on the morning of day 1, before and after it: five lessons on five dates."""
    world.join("alice")
    token = world.leave_token()
    for moment in (TUESDAY - timedelta(minutes=1), TUESDAY, TUESDAY + timedelta(minutes=1)):
        live(world, until=moment)
        for _ in range(2):
            world.app.pause(token)
            world.app.resume(token)
    live(world, days=9)

    got = lessons(world)
    assert [name for name, _ in got] == LESSONS
    assert len({at.date() for _, at in got}) == 5


@ON_SQLITE
def test_a_pause_after_the_end_changes_nothing(world):
    """There is nothing to rest from when all lessons are sent: the farewell comes."""
    world.join("alice")
    token = world.leave_token()
    live(world, until=TUESDAY + timedelta(days=4, hours=1))
    world.app.pause(token)
    live(world, days=2)

    assert world.box.names()[-1] == "farewell"


# Whatever happens, in whatever order.

ZONES = ["Europe/London", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "Pacific/Honolulu"]
ANSWERS = {
    "sent": Sent(),
    "busy": TryLater("busy"),
    "slow": TryLater("slow down", seconds=5_000),
    "full": RefusedRecipient("full"),
    "doubt": Unsure("the line broke"),
}
HOURS = strategies.sampled_from([0, 1, 6, 8, 12, 18, 22, 23])
STEPS = strategies.one_of(
    strategies.tuples(strategies.just("live"), strategies.sampled_from([1, 5, 12, 24, 50])),
    strategies.tuples(strategies.just("outage"), strategies.sampled_from([1, 5, 14, 30, 80])),
    strategies.tuples(strategies.just("jump back"), strategies.integers(1, 5)),
    strategies.tuples(strategies.just("answer"), strategies.sampled_from(sorted(ANSWERS))),
    strategies.tuples(strategies.just("move"), strategies.sampled_from(ZONES), HOURS),
    strategies.tuples(strategies.sampled_from(["pause", "resume", "leave", "skip", "reply"])),
    strategies.tuples(strategies.just("join"), strategies.sampled_from(ZONES), HOURS),
)


ALL_LESSONS = "SELECT enrolment_id, day, status FROM deliveries WHERE kind = 'lesson' ORDER BY id"


class Life:
    """Alice's life with the course, one step at a time; after each of them all that was promised must hold."""

    def __init__(self, world):
        self.world = world
        self.answer = Sent()
        self.token = ""
        world.box.answer = self.hand_over

    def hand_over(self, mail):
        """Be the transport: look whether this mail may leave at this moment, then answer as the test wants."""
        found = self.world.rows(
            "SELECT d.id, e.status, s.timezone, s.send_hour FROM deliveries d "
            "JOIN enrolments e ON e.id = d.enrolment_id JOIN subscribers s ON s.id = d.subscriber_id"
        )
        ((status, zone, hour),) = [row[1:] for row in found if row[0] == mail.delivery_id]
        if not mail.mailing.day:
            assert status != "stopped", mail.mailing.name
            return Sent()
        assert status == "active"
        assert self.world.clock.at.astimezone(ZoneInfo(zone)).hour >= hour
        return self.answer

    def do(self, step, *how):
        """Do one step, and check."""
        getattr(self, step.replace(" ", "_"))(*how)
        self.check()

    def live(self, hours):
        live(self.world, hours=hours)

    def outage(self, hours):
        self.world.clock.go(hours=hours)
        self.world.app.recover()
        self.world.app.tick()

    def jump_back(self, hours):
        self.world.clock.go(hours=-hours)
        self.world.app.tick()

    def move(self, zone, hour):
        change(self.world, zone, hour)

    def join(self, zone, hour):
        confirmed = len(self.world.box.sent)
        self.world.sign_up("alice", timezone=zone, send_hour=hour)
        live(self.world, hours=0)
        new = [mail for mail in self.world.box.sent[confirmed:] if mail.mailing.name == "confirm"]
        if new:
            self.world.app.confirm(self.world.link(new[0], "confirm"))
            self.world.app.tick()
            self.token = self.world.leave_token(self.world.box.last("welcome"))

    def pause(self):
        self.world.app.pause(self.token)

    def resume(self):
        self.world.app.resume(self.token)

    def leave(self):
        self.world.app.leave(self.token, "page")

    def skip(self):
        self.reply("skip")

    def reply(self, words="It helped."):
        mails = [mail for mail in self.world.box.sent if mail.mailing.day]
        if mails:
            self.world.reply(mails[-1], words)

    def check(self):
        """Ask the database whether all that was promised holds."""
        rows = self.world.rows(
            "SELECT enrolment_id, day, status, local_date, settled_at FROM deliveries WHERE kind = 'lesson' "
            "ORDER BY enrolment_id, day"
        )
        dates = [row[3] for row in rows if row[3]]
        assert len(dates) == len(set(dates)), "two lessons on one local date"
        rounds = defaultdict(list)
        for enrolment, day, status, _, at in rows:
            rounds[enrolment].append((day, datetime.fromisoformat(str(at)) if at else None, status))
        for found in rounds.values():
            assert [day for day, *_ in found] == list(range(1, len(found) + 1)), "a day was left out"
            in_turn = [at for _, at, _ in found if at]
            assert in_turn == sorted(in_turn), "out of order"
        left = sorted(at for found in rounds.values() for _, at, status in found if at and status != "failed")
        gaps = [later - earlier for earlier, later in pairwise(left)]
        assert min(gaps, default=timedelta(hours=12)) >= timedelta(hours=12), "less than twelve hours apart"

    def end(self):
        """Let everything be well again: the course that is live comes to its end, with every day in it."""
        self.answer = Sent()
        self.world.app.resume(self.token)
        live(self.world, days=14)
        self.check()
        newest, status = self.world.rows("SELECT id, status FROM enrolments ORDER BY id")[-1]
        if status == "stopped":
            return
        assert status == "finished"
        found = [row[1:] for row in self.world.rows(ALL_LESSONS) if row[0] == newest]
        assert [day for day, _ in found] == [1, 2, 3, 4, 5]
        assert {status for _, status in found} <= {"sent", "failed", "unknown"}


@contextmanager
def small_world():
    """Give a service of its own to one life."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'course.db'}"
        settings = make_settings(data_dir=Path(folder) / "var", database_url=database)
        clock, box = SetClock(), Box()
        world = World(App.build(settings, transport=box, clock=clock), clock, box)
        try:
            yield world
        finally:
            world.app.close()


@examples(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the same lives for everybody; a search for new ones is an afternoon's work, not a test run's
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(strategies.lists(STEPS, min_size=3, max_size=16), strategies.sampled_from(ZONES), HOURS)
def test_whatever_happens_every_promise_holds(steps, zone, hour):
    """Outages, refusals, pauses, moves, leaving, coming back, in any order: one lesson a date, in order, 12 h apart."""
    with small_world() as world:
        life = Life(world)
        life.do("join", zone, hour)
        for step, *how in steps:
            if step == "answer":
                life.answer = ANSWERS[how[0]]
            else:
                life.do(step, *how)
        life.end()
