"""Promises of the calendar: one lesson per local date, at their hour, none skipped, whatever clocks and people do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course import schedule
from course.schedule import Pace, Start

ZONES = sorted(available_timezones())
LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAYS = 5


def utc(said):
    """Read `2027-03-14 07:00` as a moment."""
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


def local(said, zone):
    """Read `2027-03-14 07:00` as a moment by the clock of a zone."""
    return datetime.fromisoformat(said).replace(tzinfo=zone).astimezone(UTC)


# The moment that an hour of a date is.

GAPS = [
    ("America/New_York", "2027-03-14", 2, "2027-03-14 07:00", "2027-03-14 03:00"),
    ("Europe/London", "2027-03-28", 1, "2027-03-28 01:00", "2027-03-28 02:00"),
    ("Australia/Lord_Howe", "2027-10-03", 2, "2027-10-02 15:30", "2027-10-03 02:30"),
    ("Antarctica/Troll", "2027-03-28", 1, "2027-03-28 01:00", "2027-03-28 03:00"),
    ("Antarctica/Troll", "2027-03-28", 2, "2027-03-28 01:00", "2027-03-28 03:00"),
    ("America/Sao_Paulo", "2018-11-04", 0, "2018-11-04 03:00", "2018-11-04 01:00"),
    ("Asia/Beirut", "2027-03-28", 0, "2027-03-27 22:00", "2027-03-28 01:00"),
    ("Africa/Cairo", "2027-04-30", 0, "2027-04-29 22:00", "2027-04-30 01:00"),
    ("America/Asuncion", "2023-10-01", 0, "2023-10-01 04:00", "2023-10-01 01:00"),
    ("America/Santiago", "2027-09-05", 0, "2027-09-05 04:00", "2027-09-05 01:00"),
]


@pytest.mark.parametrize(
    ("zone", "day", "hour", "moment", "shown"), GAPS, ids=[f"{zone}-{hour:02}" for zone, _, hour, *_ in GAPS]
)
def test_an_hour_in_a_gap_is_the_first_valid_minute(zone, day, hour, moment, shown):
    """Where the clocks go forward over somebody's hour, it is when the gap ends, on the same date."""
    found = schedule.at_hour(date.fromisoformat(day), hour, ZoneInfo(zone))

    assert found == utc(moment)
    assert f"{found.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == shown


FOLDS = [
    ("America/New_York", "2027-11-07", 1, "2027-11-07 05:00"),
    ("Europe/London", "2027-10-31", 1, "2027-10-31 00:00"),
    ("America/Havana", "2027-11-07", 0, "2027-11-07 04:00"),
    ("America/Asuncion", "2023-03-25", 23, "2023-03-26 02:00"),
    ("Asia/Beirut", "2027-10-30", 23, "2027-10-30 20:00"),
    ("Australia/Lord_Howe", "2027-04-04", 2, "2027-04-03 15:30"),
    ("Antarctica/Troll", "2027-10-31", 1, "2027-10-30 23:00"),
]


@pytest.mark.parametrize(
    ("zone", "day", "hour", "moment"), FOLDS, ids=[f"{zone}-{hour:02}" for zone, _, hour, _ in FOLDS]
)
def test_an_hour_that_comes_twice_is_the_first_of_the_two(zone, day, hour, moment):
    """Where the clocks go back over somebody's hour, it is the earlier one."""
    found = schedule.at_hour(date.fromisoformat(day), hour, ZoneInfo(zone))

    assert found == utc(moment)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "moment"),
    [
        ("Europe/London", "2027-01-15", 0, "2027-01-15 00:00"),
        ("Europe/London", "2027-07-15", 23, "2027-07-15 22:00"),
        ("Asia/Kathmandu", "2027-01-15", 8, "2027-01-15 02:15"),
        ("Pacific/Kiritimati", "2027-01-15", 0, "2027-01-14 10:00"),
        ("Etc/GMT+12", "2027-01-15", 23, "2027-01-16 11:00"),
        ("America/New_York", "2028-02-29", 8, "2028-02-29 13:00"),
        ("America/New_York", "2027-12-31", 23, "2028-01-01 04:00"),
    ],
    ids=["midnight", "last-hour", "quarter-offset", "far-east", "far-west", "leap-day", "year-end"],
)
def test_a_plain_hour_is_that_hour(zone, day, hour, moment):
    """Away from clock changes an hour is what the zone's clock says, from 0 to 23."""
    assert schedule.at_hour(date.fromisoformat(day), hour, ZoneInfo(zone)) == utc(moment)


@pytest.mark.parametrize("hour", [0, 8, 23])
def test_a_date_that_never_was_has_no_hour(hour):
    """Apia crossed the date line: there was no 30 December 2011, and whoever lived there goes on with the 31st."""
    apia = ZoneInfo("Pacific/Apia")

    assert schedule.at_hour(date(2011, 12, 30), hour, apia) is None
    assert schedule.next_lesson(local("2011-12-29 08:00", apia), date(2011, 12, 29), hour, apia) == local(
        f"2011-12-31 {hour:02}:00", apia
    )


@cache
def changes(zone):
    """Return the local dates around each clock change of 2027 and 2028, and of the days when Apia crossed the line."""
    found = set()
    for begin, end in ((utc("2027-01-01"), utc("2029-01-01")), (utc("2011-12-01"), utc("2012-02-01"))):
        at, offset = begin, begin.astimezone(zone).utcoffset()
        while at < end:
            at += DAY
            now = at.astimezone(zone).utcoffset()
            if now != offset:
                found |= {(at + step * DAY).astimezone(zone).date() for step in (-1, 0)}
            offset = now
    return sorted(found)


def minutes_of(day, zone):
    """Return every minute of a local date in turn, by its wall clock."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - 15 * HOUR
    shown = [(at + minute * MINUTE, (at + minute * MINUTE).astimezone(zone)) for minute in range(52 * 60)]
    return [(moment, wall.hour * 60 + wall.minute) for moment, wall in shown if wall.date() == day]


IN_A_MINUTE = [
    ("America/New_York", "2027-03-14", 2, 40, "2027-03-14 03:00"),  # left out: when the gap ends
    ("Australia/Lord_Howe", "2027-10-03", 2, 10, "2027-10-03 02:30"),  # the half that is left out
    ("Australia/Lord_Howe", "2027-10-03", 2, 40, "2027-10-03 02:40"),  # the half that is there
    ("Australia/Lord_Howe", "2027-04-04", 1, 40, "2027-04-04 01:40"),  # twice: the first of the two
    ("Asia/Kathmandu", "2027-03-02", 8, 19, "2027-03-02 08:19"),
    ("Europe/London", "2027-10-31", 1, 19, "2027-10-31 01:19"),
]


@pytest.mark.parametrize(("zone", "day", "hour", "minute", "shown"), IN_A_MINUTE)
def test_a_minute_of_an_hour_is_within_that_hour_where_there_is_one(zone, day, hour, minute, shown):
    """A person's own minute is on the clock where they live; in a gap it is the first valid minute after."""
    found = schedule.at_hour(date.fromisoformat(day), hour, ZoneInfo(zone), minute=minute)

    assert f"{found.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == shown
    assert found.astimezone(ZoneInfo(zone)).fold == 0


def test_around_every_clock_change_of_every_zone_the_hour_is_the_first_minute_not_before_it():
    """Counting minutes one by one finds the same moments: all IANA zones, all 24 hours, two years of changes."""
    wrong, seen = [], set()
    for name in ZONES:
        zone = ZoneInfo(name)
        for day in changes(zone):
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            alike = (day, *((noon + step * HOUR).astimezone(zone).utcoffset() for step in range(-36, 37)))
            if alike in seen:
                continue  # another name of a zone with the same clocks
            seen.add(alike)
            minutes = minutes_of(day, zone)
            for hour in range(24):
                counted = next((moment for moment, wall in minutes if wall >= hour * 60), None)
                if schedule.at_hour(day, hour, zone) != counted:
                    wrong.append((name, day, hour, counted))

    assert len(seen) > 100
    assert wrong == []


# When the next lesson is.


@pytest.mark.parametrize(
    ("settled", "last", "hour", "due"),
    [
        ("2027-03-02 08:00", "2027-03-02", 8, "2027-03-03 08:00"),
        ("2027-03-02 08:00", "2027-03-02", 19, "2027-03-03 19:00"),
        ("2027-03-02 23:00", "2027-03-02", 0, "2027-03-04 00:00"),
        ("2027-03-02 23:00", "2027-03-02", 11, "2027-03-03 11:00"),
        ("2027-03-02 23:00", "2027-03-02", 10, "2027-03-04 10:00"),
        ("2028-02-28 08:00", "2028-02-28", 8, "2028-02-29 08:00"),
        ("2028-02-29 08:00", "2028-02-29", 8, "2028-03-01 08:00"),
        ("2027-02-28 08:00", "2027-02-28", 8, "2027-03-01 08:00"),
        ("2027-12-31 08:00", "2027-12-31", 8, "2028-01-01 08:00"),
        ("2027-03-27 01:00", "2027-03-27", 1, "2027-03-28 02:00"),
        ("2027-03-03 00:10", "2027-03-02", 23, "2027-03-03 23:00"),
    ],
    ids=[
        "a-day-on",
        "later-hour",
        "not-an-hour-after",
        "just-twelve-hours",
        "not-eleven-hours",
        "to-leap-day",
        "from-leap-day",
        "no-leap-day",
        "year-end",
        "into-a-gap",
        "settled-after-midnight",
    ],
)
def test_the_next_lesson_is_on_a_later_date_and_twelve_hours_on(settled, last, hour, due):
    """The first moment at their hour that is on a later date than the last lesson and twelve hours after it."""
    found = schedule.next_lesson(local(settled, LONDON), date.fromisoformat(last), hour, LONDON)

    assert found == local(due, LONDON)


def test_flying_west_over_the_date_line_is_no_second_lesson_on_a_date():
    """Alice had Tuesday's in Auckland and is in Honolulu, where it is Monday: the next one is on Wednesday."""
    auckland, honolulu = ZoneInfo("Pacific/Auckland"), ZoneInfo("Pacific/Honolulu")
    due = schedule.next_lesson(local("2027-03-02 08:00", auckland), date(2027, 3, 2), 8, honolulu)

    assert due == local("2027-03-03 08:00", honolulu)


def test_flying_east_over_the_date_line_is_no_second_lesson_within_twelve_hours():
    """Bob had Monday's in Honolulu and is in Auckland, where Tuesday's hour is at hand: he waits for Wednesday's."""
    auckland, honolulu = ZoneInfo("Pacific/Auckland"), ZoneInfo("Pacific/Honolulu")
    settled = local("2027-03-01 08:00", honolulu)
    due = schedule.next_lesson(settled, date(2027, 3, 1), 8, auckland)

    assert settled.astimezone(auckland).date() == date(2027, 3, 2)
    assert due == local("2027-03-03 08:00", auckland)


@pytest.mark.parametrize(
    ("rule", "confirmed", "due"),
    [
        (Start.NEXT_HOUR, "2027-03-02 07:59", "2027-03-02 08:00"),
        (Start.NEXT_HOUR, "2027-03-02 08:00", "2027-03-02 08:00"),
        (Start.NEXT_HOUR, "2027-03-02 08:01", "2027-03-03 08:00"),
        (Start.NEXT_HOUR, "2027-12-31 09:00", "2028-01-01 08:00"),
        (Start.TOMORROW, "2027-03-02 00:00", "2027-03-03 08:00"),
        (Start.TOMORROW, "2027-03-02 23:59", "2027-03-03 08:00"),
        (Start.TOMORROW, "2028-02-28 12:00", "2028-02-29 08:00"),
        (Start.MONDAY, "2027-03-01 07:00", "2027-03-08 08:00"),
        (Start.MONDAY, "2027-03-02 12:00", "2027-03-08 08:00"),
        (Start.MONDAY, "2027-03-07 23:59", "2027-03-08 08:00"),
    ],
)
def test_day_1_follows_the_start_rule(rule, confirmed, due):
    """The next time it is their hour; the day after; the Monday to come (which is never today)."""
    found = schedule.first_lesson(rule, local(confirmed, LONDON), 8, LONDON)

    assert found == local(due, LONDON)


@pytest.mark.parametrize(
    ("confirmed", "hour", "due"),
    [
        ("2027-03-02 10:00", 19, "2027-03-03 19:00"),
        ("2027-03-02 10:00", 21, "2027-03-03 21:00"),  # thirteen hours on, and still on the same date
        ("2027-03-03 06:00", 19, "2027-03-03 19:00"),
    ],
    ids=["same-date", "same-date-hours-on", "next-date"],
)
def test_a_second_round_keeps_its_distance_from_the_first(confirmed, hour, due):
    """Charlie left after Tuesday's lesson and came back: day 1 is on another date and twelve hours after it."""
    last = (local("2027-03-02 08:00", LONDON), date(2027, 3, 2))
    found = schedule.first_lesson(Start.NEXT_HOUR, local(confirmed, LONDON), hour, LONDON, last=last)

    assert found == local(due, LONDON)


def test_a_second_round_is_twelve_hours_from_the_first():
    """Charlie had a lesson at eleven at night: his new seven-o'clock is the day after the next morning."""
    last = (local("2027-03-02 23:00", LONDON), date(2027, 3, 2))
    found = schedule.first_lesson(Start.NEXT_HOUR, local("2027-03-02 23:30", LONDON), 7, LONDON, last=last)

    assert found == local("2027-03-04 07:00", LONDON)


# A lesson that is late.

NOW = "at once"


@pytest.mark.parametrize(
    ("hour", "due", "now", "leaves"),
    [
        (8, "2027-03-02 08:00", "2027-03-02 07:00", "2027-03-02 08:00"),
        (8, "2027-03-02 08:00", "2027-03-02 08:00", NOW),
        (8, "2027-03-02 08:00", "2027-03-02 11:00", NOW),
        (8, "2027-03-02 08:00", "2027-03-02 19:59", NOW),
        (8, "2027-03-02 08:00", "2027-03-02 20:00", "2027-03-03 08:00"),
        (8, "2027-03-02 08:00", "2027-03-02 23:59", "2027-03-03 08:00"),
        (8, "2027-03-02 08:00", "2027-03-03 00:01", "2027-03-03 08:00"),
        (8, "2027-03-02 08:00", "2027-03-05 07:00", "2027-03-05 08:00"),
        (8, "2027-03-02 08:00", "2027-03-05 12:00", "2027-03-06 08:00"),
        (19, "2027-03-02 19:00", "2027-03-02 22:00", NOW),
        (19, "2027-03-02 19:00", "2027-03-02 22:01", "2027-03-03 19:00"),
        (22, "2027-03-02 22:00", "2027-03-02 23:59", NOW),
        (22, "2027-03-02 22:00", "2027-03-03 00:00", "2027-03-03 22:00"),
        (23, "2027-03-02 23:00", "2027-03-03 00:30", "2027-03-03 23:00"),
        (0, "2027-03-02 00:00", "2027-03-02 02:30", NOW),
        (0, "2027-03-02 00:00", "2027-03-02 12:00", NOW),
        (8, "2027-12-31 08:00", "2028-01-01 07:30", "2028-01-01 08:00"),
    ],
    ids=[
        "early-waits",
        "on-time",
        "three-hours",
        "before-evening",
        "evening",
        "late-evening",
        "past-midnight",
        "outage-till-morning",
        "outage-till-noon",
        "evening-person-three-hours",
        "evening-person-more",
        "night-person-same-date",
        "night-person-midnight",
        "night-person-past-midnight",
        "midnight-person",
        "midnight-person-noon",
        "year-end",
    ],
)
def test_a_late_lesson_leaves_at_once_by_day_and_else_at_their_next_hour(hour, due, now, leaves):
    """At most three hours late, or any lateness before eight in the evening, of its own date; never after midnight."""
    found = schedule.departure(local(due, LONDON), local(now, LONDON), hour, LONDON)

    assert found == local(now if leaves is NOW else leaves, LONDON)


def test_three_hours_are_hours_that_passed_not_hours_on_the_clock():
    """In the night when New York goes back, 23:00 of the day before and a date later are still two dates."""
    due, now = local("2027-11-06 23:00", NEW_YORK), local("2027-11-07 00:30", NEW_YORK)

    assert schedule.departure(due, now, 23, NEW_YORK) == local("2027-11-07 23:00", NEW_YORK)


def test_a_late_lesson_leaves_on_no_date_that_a_pace_keeps_free():
    """Alice chose weekdays while her Saturday's lesson waited for a mail server: it comes on Monday, at her hour."""
    due, now = local("2027-03-06 08:00", LONDON), local("2027-03-06 09:00", LONDON)

    assert schedule.departure(due, now, 8, LONDON, pace=Pace.WEEKDAYS) == local("2027-03-08 08:00", LONDON)


def test_ones_own_minute_is_not_late_and_comes_again_after_an_outage():
    """At 20:40 it is time for whoever has minute 40; what waited over the night leaves at their minute."""
    due = local("2027-03-02 20:40", LONDON)
    morning = local("2027-03-03 09:00", LONDON)

    assert schedule.departure(due, due, 20, LONDON, minute=40) == due
    assert schedule.departure(due, morning, 20, LONDON, minute=40) == local("2027-03-03 20:40", LONDON)


def test_retries_come_after_longer_and_longer_waits_and_never_stop_by_themselves():
    """After 1, 5, 15, 30, 60 and 120 minutes and every two hours from then on, or up to a quarter later."""
    at, least = utc("2027-03-02 08:00"), (1, 5, 15, 30, 60, 120, 120, 120)
    for delivery in range(100):
        waits = [(schedule.retry(at, attempts, delivery) - at) / MINUTE for attempts in (1, 2, 3, 4, 5, 6, 7, 100)]

        assert all(wait <= each <= wait * 1.25 for wait, each in zip(least, waits, strict=True))


def test_what_failed_together_does_not_come_back_together():
    """A thousand messages that a server could not take in one moment are spread when they are tried again."""
    at = utc("2027-03-02 08:00")
    moments = {schedule.retry(at, 2, delivery) for delivery in range(1_000)}

    assert len(moments) > 60


def test_a_lesson_is_given_up_after_72_hours():
    """Three days is what an outage of a mail house may take (and how long SendGrid retries a hook)."""
    assert timedelta(hours=72) == schedule.GIVE_UP


# Whole courses, lived through whatever can happen: the steps are those of planning, claiming and settling.


@dataclass(frozen=True)
class Departed:
    """One lesson that left. `late` says that it was not sent at the moment it was due."""

    day: int
    due: datetime
    at: datetime
    on: date
    hour: int
    zone: ZoneInfo
    late: bool
    pace: Pace


@dataclass
class Taker:
    """Somebody who takes a course, with the pure functions only; the rows that a store would hold are its fields."""

    zone: ZoneInfo
    hour: int
    next_send_at: datetime | None
    minute: int = 0
    pace: Pace = Pace.DAILY
    day: int = 1
    queued: tuple[datetime, datetime] | None = None  # due_at, send_at
    attempts: int = 0
    first_tried_at: datetime | None = None
    paused: bool = False
    last: tuple[datetime, date] | None = None
    departed: list[Departed] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)

    @property
    def owed_at(self):
        """When there is something to do next."""
        if self.paused:
            return None
        return self.queued[1] if self.queued else self.next_send_at

    def tick(self, now, works):
        """Plan, claim, hand over and settle, as the service does in one tick."""
        if self.paused:
            return
        if self.next_send_at is not None and self.next_send_at <= now:
            self.queued, self.next_send_at = (self.next_send_at, self.next_send_at), None
        if self.queued is None or self.queued[1] > now:
            return
        due, _ = self.queued
        today = now.astimezone(self.zone).date()
        leaves = schedule.departure(due, now, self.hour, self.zone, pace=self.pace, minute=self.minute)
        if today in {one.on for one in self.departed}:
            leaves = schedule.next_hour(now, self.hour, self.zone, after=today, pace=self.pace, minute=self.minute)
        if leaves > now:
            self.queued = leaves, leaves
        elif works:
            late = now != due
            self.departed.append(Departed(self.day, due, now, today, self.hour, self.zone, late, self.pace))
            self._settle(now, today)
        else:
            self.first_tried_at = self.first_tried_at or now
            self.attempts += 1
            if now - self.first_tried_at >= schedule.GIVE_UP:
                self.given_up.append(self.day)
                self._settle(now, today)
            else:
                self.queued = due, schedule.retry(now, self.attempts, 7)

    def _settle(self, now, today):
        self.last, self.queued, self.attempts, self.first_tried_at = (now, today), None, 0, None
        self.day += 1
        if self.day <= DAYS:
            self.next_send_at = schedule.next_lesson(now, today, self.hour, self.zone, **self._theirs)

    def _next_due(self, now):
        at_once = schedule.next_hour(now, self.hour, self.zone, **self._theirs)
        if self.last is None:
            return at_once
        return max(at_once, schedule.next_lesson(*self.last, self.hour, self.zone, **self._theirs))

    @property
    def _theirs(self):
        return {"pace": self.pace, "minute": self.minute}

    def retime(self, now):
        """Count again what is still to come."""
        due = self._next_due(now)
        if self.queued:
            self.queued = due, due
        elif self.next_send_at:
            self.next_send_at = due

    def happens(self, what, value, now):
        """Let a person change something."""
        if what == "zone":
            self.zone = value
            self.retime(now)
        elif what == "hour":
            self.hour = value
            self.retime(now)
        elif what == "pace":
            self.pace = value
            self.retime(now)
        elif what == "pause" and not self.paused:
            self.paused, self.next_send_at, self.queued = True, None, None
        elif what == "resume" and self.paused:
            self.paused = False
            if self.day <= DAYS:
                self.queued, self.next_send_at = None, self._next_due(now)


def live(taker, begin, happenings, outages, failures):
    """Live until the course is done, or for 100 days: things happen in turn, ticks come when something is owed."""
    waiting = sorted(((begin + after, what, value) for after, what, value in happenings), key=lambda one: one[0])
    outages = [(begin + after, begin + after + span) for after, span in outages]
    failures = iter(failures)
    now, end = begin, begin + 100 * DAY
    while taker.day <= DAYS and now < end:
        owed = taker.owed_at
        moments = [at for at in (owed, waiting[0][0] if waiting else None) if at is not None]
        if not moments:
            taker.happens("resume", None, now)
            continue
        now = max(now, min(moments))
        if waiting and waiting[0][0] <= now:
            taker.happens(*waiting.pop(0)[1:], now)
            continue
        for from_, to in outages:
            if from_ <= now < to:
                now = to
        while waiting and waiting[0][0] <= now:
            taker.happens(*waiting.pop(0)[1:], now)  # pages and replies are answered while no mail can leave
        if taker.owed_at is not None:
            before = taker.owed_at, taker.day
            taker.tick(now, next(failures, True))
            if (taker.owed_at, taker.day) == before:
                now += MINUTE


hours, minutes = st.integers(0, 23), st.integers(0, 59)
zones = st.sampled_from(ZONES).map(ZoneInfo)
spans = st.integers(0, 12 * 24 * 60).map(lambda minutes: minutes * MINUTE)
happenings = st.lists(
    st.one_of(
        st.tuples(spans, st.just("zone"), zones),
        st.tuples(spans, st.just("hour"), hours),
        st.tuples(spans, st.sampled_from(["pause", "resume"]), st.none()),
    ),
    max_size=6,
)
changes_of_pace = st.tuples(spans, st.just("pace"), st.sampled_from(Pace))
outages = st.lists(st.tuples(spans, st.integers(1, 80 * 60).map(lambda minutes: minutes * MINUTE)), max_size=3)
failures = st.lists(st.booleans(), max_size=30)
begins = st.integers(0, 366 * 24 * 60 - 1).map(lambda minutes: utc("2027-01-01 00:00") + minutes * MINUTE)
rules = st.sampled_from(Start)
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def begun(rule, begin, hour, zone, minute, pace=Pace.DAILY):
    """Return somebody who has just confirmed."""
    return Taker(zone, hour, schedule.first_lesson(rule, begin, hour, zone, pace=pace, minute=minute), minute, pace)


@often
@given(rules, begins, hours, zones, minutes, happenings, outages, failures)
@example(
    Start.NEXT_HOUR,
    utc("2027-03-01 00:00"),
    23,
    LONDON,
    0,
    [(26 * HOUR, "zone", ZoneInfo("Pacific/Honolulu")), (30 * HOUR, "hour", 0)],
    [(22 * HOUR, 3 * HOUR)],
    [False, False, True],
)
def test_whatever_happens_the_days_come_in_order_on_dates_of_their_own_and_apart(
    rule, begin, hour, zone, minute, happenings, outages, failures
):
    """No local date has two lessons, no day is left out, and none comes within twelve hours of the one before."""
    taker = begun(rule, begin, hour, zone, minute)
    live(taker, begin, happenings, outages, failures)

    days = [one.day for one in taker.departed]
    dates = [one.on for one in taker.departed]
    apart = [later.at - one.at for one, later in zip(taker.departed, taker.departed[1:], strict=False)]
    assert sorted(days + taker.given_up) == list(range(1, DAYS + 1))
    assert days == sorted(days)
    assert len(set(dates)) == len(dates)
    assert all(span >= timedelta(hours=12) for span in apart)


@often
@given(rules, begins, hours, zones, minutes, happenings, outages, failures)
def test_whatever_happens_nobody_is_written_to_in_the_night_after(
    rule, begin, hour, zone, minute, happenings, outages, failures
):
    """A lesson leaves at their hour; else on the date it is due on, up to three hours late or before eight at night."""
    taker = begun(rule, begin, hour, zone, minute)
    live(taker, begin, happenings, outages, failures)

    for one in taker.departed:
        shown = one.at.astimezone(one.zone)
        same_date = one.on == one.due.astimezone(one.zone).date()
        welcome = one.at - one.due <= timedelta(hours=3) or shown.hour < 20
        assert one.at >= one.due
        assert (same_date and welcome) or one.at == schedule.at_hour(one.on, one.hour, one.zone, minute=minute)


@often
@given(rules, begins, hours, zones, minutes, happenings, outages, failures)
def test_whatever_happened_before_a_lesson_that_was_not_late_is_at_their_hour(
    rule, begin, hour, zone, minute, happenings, outages, failures
):
    """The clock where they live shows their hour; the first valid minute after it, where it has none that day."""
    taker = begun(rule, begin, hour, zone, minute)
    live(taker, begin, happenings, outages, failures)

    for one in taker.departed:
        if not one.late:
            assert one.at == schedule.at_hour(one.on, one.hour, one.zone, minute=minute)


@often
@given(rules, begins, hours, zones, minutes)
def test_undisturbed_a_course_is_five_dates_in_a_row(rule, begin, hour, zone, minute):
    """Nothing happens, so nothing is late: one lesson on each of five consecutive dates, at the one hour."""
    taker = begun(rule, begin, hour, zone, minute)
    live(taker, begin, [], [], [])

    first = taker.departed[0].on
    assert [one.day for one in taker.departed] == [1, 2, 3, 4, 5]
    assert [one.on - first for one in taker.departed] == [timedelta(days=day) for day in range(DAYS)]
    assert {one.at.astimezone(zone).hour for one in taker.departed} <= {hour, (hour + 1) % 24, (hour + 2) % 24}
    assert not any(one.late for one in taker.departed)


@often
@given(rules, begins, hours, zones, minutes)
def test_day_1_is_never_more_than_its_rule_away(rule, begin, hour, zone, minute):
    """It comes after the confirmation, within 26 hours, two days or eight, clock changes included."""
    due = schedule.first_lesson(rule, begin, hour, zone, minute=minute)
    longest = {Start.NEXT_HOUR: 26 * HOUR, Start.TOMORROW: 50 * HOUR, Start.MONDAY: 8 * DAY + 2 * HOUR}[rule]
    on = due.astimezone(zone).date()

    assert begin <= due <= begin + longest
    assert rule != Start.MONDAY or on.weekday() == 0
    assert rule == Start.NEXT_HOUR or on > begin.astimezone(zone).date()


# At another pace.

now_and_then = settings(often, max_examples=150)


@now_and_then
@given(rules, begins, hours, zones, minutes, happenings, outages, failures)
def test_on_weekdays_no_lesson_ever_leaves_at_a_weekend(rule, begin, hour, zone, minute, happenings, outages, failures):
    """Where they live at that moment it is Monday to Friday, however late a lesson and wherever they went."""
    taker = begun(rule, begin, hour, zone, minute, Pace.WEEKDAYS)
    live(taker, begin, happenings, outages, failures)

    assert taker.departed or taker.given_up
    assert {one.on.weekday() for one in taker.departed} <= {0, 1, 2, 3, 4}


@now_and_then
@given(rules, begins, hours, zones, minutes, happenings, outages, failures)
def test_weekly_lessons_are_at_least_seven_dates_apart(rule, begin, hour, zone, minute, happenings, outages, failures):
    """Counted in dates where they live, whatever hour and zone they change to between two lessons."""
    taker = begun(rule, begin, hour, zone, minute, Pace.WEEKLY)
    live(taker, begin, happenings, outages, failures)

    dates = [one.on for one in taker.departed]
    assert all(later - one >= 7 * DAY for one, later in pairwise(dates))


@now_and_then
@given(rules, begins, hours, zones, minutes)
def test_undisturbed_a_weekly_course_keeps_its_weekday(rule, begin, hour, zone, minute):
    """Nothing happens: five lessons, each on the same weekday, a week after the other."""
    taker = begun(rule, begin, hour, zone, minute, Pace.WEEKLY)
    live(taker, begin, [], [], [])

    first = taker.departed[0].on
    assert [one.on - first for one in taker.departed] == [timedelta(days=7 * week) for week in range(DAYS)]


@now_and_then
@given(
    st.sampled_from(Pace),
    begins,
    hours,
    zones,
    minutes,
    st.lists(st.one_of(changes_of_pace, happenings.map(lambda some: some[0] if some else (HOUR, "pause", None)))),
    outages,
    failures,
)
def test_whatever_becomes_of_the_pace_the_days_come_in_order_on_dates_of_their_own(
    pace, begin, hour, zone, minute, changed, outages, failures
):
    """However often it changes: no date has two lessons, no day is left out, none comes within twelve hours."""
    taker = begun(Start.NEXT_HOUR, begin, hour, zone, minute, pace)
    live(taker, begin, changed, outages, failures)

    days, dates = [one.day for one in taker.departed], [one.on for one in taker.departed]
    assert sorted(days + taker.given_up) == list(range(1, DAYS + 1))
    assert days == sorted(days)
    assert len(set(dates)) == len(dates)
    assert all(later.at - one.at >= timedelta(hours=12) for one, later in pairwise(taker.departed))
    assert all(one.on.weekday() < 5 for one in taker.departed if one.pace == Pace.WEEKDAYS)


@pytest.mark.parametrize(
    ("rule", "confirmed", "due"),
    [
        (Start.NEXT_HOUR, "2027-03-05 07:00", "2027-03-05 08:00"),
        (Start.NEXT_HOUR, "2027-03-05 09:00", "2027-03-08 08:00"),
        (Start.TOMORROW, "2027-03-05 07:00", "2027-03-08 08:00"),
        (Start.TOMORROW, "2027-03-07 07:00", "2027-03-08 08:00"),
        (Start.MONDAY, "2027-03-06 07:00", "2027-03-08 08:00"),
    ],
)
def test_on_weekdays_day_1_is_no_saturday_either(rule, confirmed, due):
    """Who joins on a Friday after their hour begins on Monday."""
    found = schedule.first_lesson(rule, local(confirmed, LONDON), 8, LONDON, pace=Pace.WEEKDAYS)

    assert found == local(due, LONDON)


def test_quiet_days_are_over_at_their_hour_so_many_dates_later():
    """Alice got a lesson at 08:00:01 on Tuesday; a week is over at eight on the next one, over a clock change too."""
    since = local("2027-03-23 08:00:01", LONDON)

    assert schedule.quiet_until(since, 7, 8, LONDON) == local("2027-03-30 08:00", LONDON)
    assert schedule.quiet_until(since, 7, 7, LONDON) == local("2027-03-30 07:00", LONDON)
