"""Promises of time lapse: course time only goes on, over restarts and other speeds, and never into real life."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

import pytest
from conftest import make_settings
from hypothesis import given, settings
from hypothesis import strategies as st

import worker
from course import timelapse
from course.settings import SettingsError
from course.system_clock import SystemClock

ROOT = Path(__file__).parent.parent
NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def start(tmp_path):
    """Return a function that starts the service at a real time, with a TIMELAPSE, and says its lapse."""

    def starting(at, seconds=None):
        return timelapse.lapse(make_settings(data_dir=tmp_path, timelapse=seconds), at)

    return starting


def test_at_the_usual_speed_there_is_no_lapse(start, tmp_path):
    """Nothing is set: nothing is written down, now or at the next start."""
    assert start(NOON) is None
    assert start(NOON + DAY) is None
    assert not (tmp_path / "timelapse.json").exists()


def test_course_time_begins_with_real_time_and_runs_ahead(start):
    """With TIMELAPSE=20 a course day has passed after 20 seconds, and all five after 100."""
    lapse = start(NOON, 20)

    assert lapse.course_time(NOON) == NOON
    assert lapse.course_time(NOON + 20 * SECOND) == NOON + DAY
    assert lapse.course_time(NOON + 100 * SECOND) == NOON + 5 * DAY


def test_a_restart_goes_on_from_the_same_anchor(start):
    """The worker starts again after a minute: course time is where it would have been."""
    first = start(NOON, 20)
    again = start(NOON + 60 * SECOND, 20)

    assert again == first
    assert again.course_time(NOON + 60 * SECOND) == NOON + 3 * DAY


def test_the_command_line_shares_the_anchor(start):
    """Two processes over one DATA_DIR agree on the course time to the microsecond."""
    worker, command = start(NOON, 7), start(NOON + timedelta(seconds=1.234567), 7)
    at = NOON + timedelta(seconds=54.321)

    assert worker.course_time(at) == command.course_time(at)


@pytest.mark.parametrize("seconds", [5, 60, 3600, 86_400], ids=["faster", "slower", "slow", "usual-speed"])
def test_another_speed_goes_on_from_the_course_time_reached(start, seconds):
    """Three course days were lived at 20 seconds; the fourth begins where they ended, at the new speed."""
    start(NOON, 20)
    changed = NOON + 60 * SECOND
    lapse = start(changed, seconds)

    assert lapse.course_time(changed) == NOON + 3 * DAY
    assert lapse.course_time(changed + seconds * SECOND) == NOON + 4 * DAY
    assert start(changed + SECOND, seconds) == lapse


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.sampled_from([1, 20, 20, 3600, 86_400])), min_size=1, max_size=8))
def test_course_time_never_jumps_back(tmp_path_factory, starts):
    """Whatever is started when, at whatever speed: course time is never behind what it was."""
    folder, at, reached = tmp_path_factory.mktemp("lapse"), NOON, NOON
    for wait, seconds in starts:
        lapse = timelapse.lapse(make_settings(data_dir=folder, timelapse=seconds), at)

        assert lapse.course_time(at) >= reached - SECOND / 1000
        at += wait * SECOND
        reached = lapse.course_time(at)


def test_a_folder_that_ran_ahead_is_not_for_real_people(start, tmp_path):
    """Its people had days that were none: without TIMELAPSE the start says what to do."""
    start(NOON, 20)
    with pytest.raises(SettingsError) as error:
        start(NOON + 60 * SECOND)

    assert str(error.value).startswith("TIMELAPSE: ")
    assert str(tmp_path) in str(error.value)
    assert "set TIMELAPSE again" in str(error.value)
    assert "another DATA_DIR" in str(error.value)
    assert "delete that folder" in str(error.value)


def test_what_is_tried_out_stays_apart_and_out_of_git():
    """The line that `make run` prints names a folder of its own, as README.md does; none of these is ever committed."""
    line = worker.greeting(make_settings(), None, None).partition("two minutes: ")[2].split("\n")[0]
    folders = re.findall(r"DATA_DIR=(\S+)", line)
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    assert line in (ROOT / "README.md").read_text()
    assert folders == ["var-demo"]
    assert any(fnmatch(f"/{folder}/", pattern) for folder in ("var", *folders) for pattern in ignored)


def test_refusing_forgets_nothing(start):
    """Set TIMELAPSE again, as the message says, and it goes on."""
    lapse = start(NOON, 20)
    with pytest.raises(SettingsError):
        start(NOON + 60 * SECOND)

    assert start(NOON + 70 * SECOND, 20) == lapse


def test_a_folder_that_is_not_ahead_any_more_may_serve_real_people(start):
    """At a course day in a day nothing ever ran ahead."""
    start(NOON, 86_400)

    assert start(NOON + DAY) is None


BROKEN = {
    "empty": "",
    "no-json": "yesterday",
    "cut-off": '{"real": "2027-03-01T12:00:00+00:00", "cou',
    "null": "null",
    "list": "[]",
    "nothing-in-it": "{}",
    "no-seconds": '{"real": "2027-03-01T12:00:00+00:00", "course": "2027-03-01T12:00:00+00:00"}',
    "no-date": '{"real": "noon", "course": "2027-03-01T12:00:00+00:00", "seconds": 20}',
    "number-as-date": '{"real": 1, "course": "2027-03-01T12:00:00+00:00", "seconds": 20}',
    "no-zone": '{"real": "2027-03-01T12:00:00", "course": "2027-03-01T12:00:00", "seconds": 20}',
    "seconds-in-words": '{"real": "2027-03-01T12:00:00+00:00", "course": "2027-03-01T12:00:00+00:00", "seconds": "20"}',
    "no-time-at-all": '{"real": "2027-03-01T12:00:00+00:00", "course": "2027-03-01T12:00:00+00:00", "seconds": 0}',
    "not-finite": '{"real": "2027-03-01T12:00:00+00:00", "course": "2027-03-01T12:00:00+00:00", "seconds": NaN}',
}


@pytest.mark.parametrize("seconds", [None, 10], ids=["usual-speed", "time-lapse"])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_anchor_is_named(start, tmp_path, broken, seconds):
    """Whatever became of the file, the start says which it is and what to do with it."""
    (tmp_path / "timelapse.json").write_text(broken)
    with pytest.raises(SettingsError) as error:
        start(NOON + SECOND, seconds)

    assert str(error.value).startswith("TIMELAPSE: ")
    assert str(tmp_path / "timelapse.json") in str(error.value)
    assert "delete it" in str(error.value)


def test_bytes_that_are_no_text_are_a_broken_anchor(start, tmp_path):
    """A file system that lost the file's bytes is told apart from a bug."""
    (tmp_path / "timelapse.json").write_bytes(b"\xff\xfe\x00{")

    with pytest.raises(SettingsError, match="delete it"):
        start(NOON, 20)


def test_the_anchor_is_whole_or_not_there(start, tmp_path):
    """It is written beside its place and renamed: no half of it is left behind."""
    start(NOON, 20)

    assert [path.name for path in tmp_path.glob("timelapse*")] == ["timelapse.json"]
    assert json.loads((tmp_path / "timelapse.json").read_text())["seconds"] == 20


def test_only_course_time_runs_fast(start):
    """The service's clock has two times: Date headers, leases and links' lives go by the real one."""
    lapse = start(datetime.now(UTC) - timedelta(seconds=100), 20)
    clock = SystemClock(lapse)
    ahead = clock.now() - clock.real()

    assert timedelta(days=4) < ahead
    assert SystemClock().now().tzinfo is UTC
