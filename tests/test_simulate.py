"""Promises of `course simulate`: it drives the real service, keeps to a place of its own, and can say no."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from conftest import EMAILS, ON_SQLITE
from sqlalchemy import text

from course.app import App
from course.cli import simulation
from course.cli.simulation import Counting, LeapingClock
from course.journeys import crowd, verdict
from course.journeys.crowd import Crowd
from course.settings import Settings

LESSONS = 5
ZONES = {
    "America/New_York": 3,
    "Europe/London": 3,
    "Europe/Berlin": 2,
    "Australia/Lord_Howe": 3,
    "Asia/Kolkata": 1,
    "Pacific/Kiritimati": 1,
    "Pacific/Pago_Pago": 1,
}
HOURS = {0: 1, 1: 2, 2: 3, 3: 1, 8: 3, 20: 2, 23: 1}
WEEKS = {
    "america forward": date(2027, 3, 11),
    "europe forward": date(2027, 3, 25),
    "lord howe half an hour back": date(2027, 4, 1),
    "lord howe half an hour forward": date(2027, 9, 30),
    "europe back": date(2027, 10, 28),
    "america back": date(2027, 11, 4),
}


def spread(settings):
    """Return these settings with lessons spread over twenty minutes, as they are where nothing is set."""
    return settings.model_copy(update={"spread_minutes": Settings.model_fields["spread_minutes"].default})


class Passed:
    """A simulation that has ended: of a few people, in few zones, at hours around which clocks change."""

    def __init__(self, settings, first, people=300, days=7, seconds=0.0, apart=1):
        self.crowd = Crowd(people, first, days, LESSONS, ZONES, HOURS, apart)
        self.clock = LeapingClock(self.crowd.begin, lambda: 0.0)  # work takes no time: each run is the same
        self.counting = Counting(self.clock, seconds)
        self.app = App.build(settings, transport=self.counting, clock=self.clock)
        self.batches = []
        crowd.make(self.app.service, self.crowd, tell=self.batches.append)
        self.seen = simulation.drive(self.app, self.clock, self.crowd.end, lambda: None)

    def judge(self):
        return verdict.judge(self.app.service, self.crowd)

    def run(self, statement):
        with self.app.service.store.transaction() as tx:
            tx.execute(text(statement))


@pytest.fixture
def passed(settings):
    """Return a function that lets a simulation pass; it is closed at the end."""
    open_ = []

    def passing(first, *, settings=settings, **named):
        open_.append(Passed(settings, first, **named))
        return open_[-1]

    yield passing
    for one in open_:
        one.app.close()


@pytest.fixture
def shell(shell):
    """Give a shell whose operator has a DATA_DIR; it runs `course simulate` and says code, output and DATA_DIR."""

    def run(*arguments):
        ended = shell("simulate", *arguments)
        return ended.code, ended.out, ended.err

    return run


@ON_SQLITE
@pytest.mark.parametrize("first", WEEKS.values(), ids=WEEKS)
def test_a_week_in_which_clocks_change_gives_everybody_each_lesson_on_its_date(passed, first):
    """300 people around the world, midnight and the changing hour among theirs: each lesson once, on the minute."""
    week = passed(first)
    found = week.judge()

    assert found.kept, found.examples
    assert (found.lessons, week.counting.lessons, week.counting.twice) == (1500, 1500, 0)
    assert found.late == {0: 1500}


@ON_SQLITE
def test_lessons_that_are_spread_keep_to_their_minute(settings, passed):
    """Each person has a minute of their own: also in the week of a half-hour change, each lesson once and on it."""
    week = passed(WEEKS["lord howe half an hour forward"], people=100, settings=spread(settings))
    found = week.judge()

    assert found.kept, found.examples
    assert found.late == {0: 500}
    assert {minute.minute for minute in week.counting.minutes} > {0, 1, 5, 15, 19}


@ON_SQLITE
def test_a_weekly_course_comes_once_a_week(settings, passed, tmp_path):
    """In nine days each of thirty people gets two lessons, seven dates apart, where clocks change too."""
    emails = tmp_path / "weekly"
    shutil.copytree(EMAILS, emails)
    table = emails / "courses/self-compassion/course.toml"
    table.write_text(table.read_text(encoding="utf-8").replace('pace = "daily"', 'pace = "weekly"'), encoding="utf-8")
    own = settings.model_copy(update={"emails_dir": emails})
    weeks = passed(WEEKS["europe forward"], people=30, days=9, apart=7, settings=own)
    found = weeks.judge()

    assert found.kept, found.examples
    assert found.lessons == weeks.crowd.expected == 60


def test_it_runs_on_either_database(passed):
    """The store is the real one: on PostgreSQL the same people get the same lessons."""
    week = passed(WEEKS["america forward"], people=60)

    assert week.judge().kept
    assert week.counting.lessons == week.crowd.expected == 300


TOO_MANY = (
    "INSERT INTO deliveries (subscriber_id, enrolment_id, kind, name, day, local_date, status, due_at, send_at) "
    "SELECT subscriber_id, enrolment_id, kind, 'day-9', 9, local_date, status, due_at, send_at FROM deliveries "
    "WHERE name = 'day-5' AND enrolment_id = 7"
)
BROKEN = {
    "a lesson that is missing": ("DELETE FROM deliveries WHERE id = (SELECT max(id) FROM deliveries)", (1, 0, 0)),
    "a lesson on the wrong date": (
        "UPDATE deliveries SET local_date = '2027-03-05' WHERE name = 'day-2' AND enrolment_id = 7",
        (0, 0, 1),
    ),
    "a lesson that did not leave": (
        "UPDATE deliveries SET status = 'failed' WHERE name = 'day-2' AND enrolment_id = 7",
        (0, 0, 1),
    ),
    "a lesson before its minute": (
        "UPDATE deliveries SET settled_at = '2027-03-11 00:00:00.000000' WHERE name = 'day-3' AND enrolment_id = 7",
        (0, 0, 1),
    ),
    "a lesson too many": (TOO_MANY, (0, 1, 1)),
}


@ON_SQLITE
@pytest.mark.parametrize(("change", "faults"), BROKEN.values(), ids=BROKEN)
def test_the_verdict_finds_what_is_wrong(passed, change, faults):
    """One row is changed behind the service's back: the verdict counts it and tells whose it is."""
    week = passed(WEEKS["america forward"], people=12)
    week.run("DELETE FROM deliveries WHERE kind = 'notice'")
    assert week.judge().kept
    week.run(change)
    found = week.judge()

    assert (found.missing, found.doubled, found.amiss) == faults
    assert not found.kept
    assert len(found.examples) == 1


@ON_SQLITE
def test_a_slow_provider_makes_lessons_late(passed):
    """A provider that takes a second for each message: the last of those at eight waits for all before it."""
    seconds = sorted(passed(WEEKS["europe back"], people=60, days=5, seconds=1.0).judge().late)

    assert seconds[0] == 1
    assert 5 < seconds[-1] < 60


@ON_SQLITE
def test_a_message_that_is_handed_over_twice_is_counted(passed, monkeypatch):
    """The count does not believe the rows, which say that all is well: it is taken where messages leave."""
    once = Counting.take
    monkeypatch.setattr(Counting, "take", lambda self, mail: (once(self, mail), once(self, mail))[1])
    week = passed(WEEKS["europe back"], people=3, days=1)

    assert week.judge().kept
    assert week.counting.twice == week.counting.lessons // 2 + week.counting.notices // 2 > 0


def test_the_clock_goes_on_by_the_work_and_leaps_over_the_rest():
    """Three seconds of work are three seconds; what the simulation itself does takes none."""
    watch = iter([10.0, 13.0, 13.0, 99.0, 100.0])
    clock = LeapingClock(datetime(2027, 3, 11, 8, tzinfo=UTC), lambda: next(watch))

    assert clock.now() == datetime(2027, 3, 11, 8, 0, 3, tzinfo=UTC)
    assert clock.monotonic() == 3.0
    clock.leap(datetime(2027, 3, 11, 9, tzinfo=UTC))
    assert clock.now() == datetime(2027, 3, 11, 9, 0, 1, tzinfo=UTC)


@ON_SQLITE
def test_people_are_made_in_batches(passed, monkeypatch):
    """A million people are never in memory at once."""
    monkeypatch.setattr(crowd, "AT_ONCE", 40)
    week = passed(WEEKS["europe back"], people=100, days=1)

    assert week.batches == [40, 40, 20]
    assert week.judge().kept


def test_every_zone_is_lived_in():
    """Big countries weigh more, and nowhere is left out."""
    zones = crowd.everywhere()

    assert set(crowd.MILLIONS) <= set(zones)
    assert len(zones) > 400
    assert zones["Asia/Kolkata"] > 100 * zones["Pacific/Chatham"] > 0


# The command.


def test_the_command_measures_and_tells(shell, tmp_path):
    """A few people and a week: numbers for programs, an exit code, and no trace in the operator's folder."""
    code, out, _ = shell("--subscribers", "40", "--json")
    said = json.loads(out)

    assert code == 0
    assert (said["kept"], said["lessons"], said["lessons_due"]) == (True, 200, 200)
    assert sum(said["per_hour"].values()) == said["lessons"] + said["notices"]
    assert said["peak_hour"]["messages"] == max(said["per_hour"].values())
    assert said["store"]["growth_a_day"] > 0
    assert said["lateness"]["p99"] <= 300
    assert not (tmp_path / "var").exists()


def test_the_command_tells_people(shell):
    """The same, in lines."""
    code, out, err = shell("--subscribers", "12", "--days", "1")

    assert code == 0
    assert "12 due, each once on its date" in out
    assert "p99" in out
    assert "Lessons" in err


def test_late_lessons_end_it_with_1(shell, monkeypatch):
    """All at the full hour, by a provider that takes ten seconds a message: too late, and the exit code says so."""
    monkeypatch.setenv("SPREAD_MINUTES", "1")
    code, out, _ = shell("--subscribers", "700", "--days", "1", "--per-second", "0.1", "--json")

    assert code == 1
    assert json.loads(out)["lateness"]["over_5_minutes"] > 0


def test_a_folder_is_kept_and_never_used_again(shell, tmp_path):
    """The first run fills a new folder; the second one refuses it."""
    assert shell("--subscribers", "3", "--days", "1", "--folder", str(tmp_path / "kept"))[0] == 0
    assert (tmp_path / "kept" / "course.db").exists()
    code, _, err = shell("--subscribers", "3", "--days", "1", "--folder", str(tmp_path / "kept"))

    assert code == 2
    assert "not an empty folder" in err


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_in_use_is_refused(shell, database):
    """People's own database is never simulated in."""
    code, _, err = shell("--subscribers", "3", "--days", "1", "--database", database)

    assert code == 2
    assert "not empty" in err


def test_the_passing_folder_is_removed(shell, tmp_path, monkeypatch):
    """Without --folder nothing stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shell("--subscribers", "3", "--days", "1")

    assert [path.name for path in Path(tmp_path).glob("course-simulate-*")] == []
    assert "course.cli.simulating" in sys.modules
