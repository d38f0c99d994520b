"""Promises of the guard: a database that was put back, or a clock that jumped, sends nothing until somebody says so."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from conftest import ON_SQLITE, SetClock, World, make_settings
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

import worker
from course.app import App
from course.journeys import privacy, reports, sending, switch
from course.journeys.guard import BESIDE
from course.journeys.switch import Why
from course.outgoing import Sent
from course.system_clock import STOPWATCH, SystemClock

EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # Tuesday, when Alice's first lesson is due
MARKS = "SELECT CAST(value AS BIGINT) FROM facts WHERE name = 'mark'"


@dataclass
class LooseClock(SetClock):
    """A clock whose wall a test may put forward or back; its stopwatch goes on as time passes."""

    off: timedelta = timedelta(0)

    def monotonic(self):
        return (self.at - self.off).timestamp()

    def jump(self, **span):
        self.off += timedelta(**span)
        self.at += timedelta(**span)


@pytest.fixture
def world(settings, world):
    """Give the world a clock that can jump, and close the service that a restart has left."""
    world.app.close()
    clock = LooseClock()
    again = World(App.build(settings, transport=world.box, clock=clock), clock, world.box)
    yield again
    again.app.close()


def why(world):
    """Return why sending is off, or None."""
    with world.app.service.store.reading() as tx:
        off = switch.look(tx)
    return off and off.why


def flip(world, *, on=False):
    """Do what `course sending hold` or `resume` do."""
    with world.app.service.store.transaction() as tx:
        if on:
            switch.turn_on(tx, world.clock.real())
        else:
            switch.turn_off(tx, Why.HELD, world.clock.real())


def put_back(world, seconds=60):
    """Let the database be one that knows less than DATA_DIR remembers."""
    with world.app.service.store.transaction() as tx:
        less = "UPDATE facts SET value = CAST(CAST(value AS BIGINT) - :less AS TEXT) WHERE name = 'mark'"
        tx.execute(text(less), {"less": seconds * 1000})


def lessons(world):
    """Return how often each person got each lesson."""
    return Counter((mail.to, mail.mailing.name) for mail in world.box.sent if mail.mailing.name.startswith("day-"))


# The watermark.


def test_restarts_are_no_restores(world):
    """Whatever is signed up, sent, answered or erased between them, a service that starts again goes on sending."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
        world.restart()
        world.pass_hours(30)
        privacy.erase(world.app.service, f"{who}@example.org", world.clock.now())
        world.app.tidy()
        world.restart()

    assert why(world) is None


@ON_SQLITE
def test_a_file_that_was_put_back_by_hand_sends_nothing(world, tmp_path):
    """An operator copies yesterday's course.db over today's: the lessons of today are not sent a second time."""
    world.join()
    world.app.close()
    shutil.copy(tmp_path / "course.db", tmp_path / "copy.db")
    world.restart()
    world.clock.at = EIGHT
    world.app.tick()
    world.app.close()
    shutil.copy(tmp_path / "copy.db", tmp_path / "course.db")
    with capture_logs() as logs:
        world.restart()
    world.pass_hours(48)

    assert lessons(world) == {("alice@example.org", "day-1"): 1}
    assert [line["why"] for line in logs if line["log_level"] == "error"] == [switch.SENTENCES[Why.OLDER]]
    assert world.app.health() == {
        "ok": False,
        "database": True,
        "clock": True,
        "sending": False,
        "see": "course sending",
    }
    assert reports.status(world.app.service, world.clock.now())["sending_off"]["why"] == "older"


def test_an_older_database_is_told_once_and_waits(world):
    """It stays off over restarts, and says so once; then it goes on when told, and stays on."""
    world.join()
    world.app.tick()
    put_back(world)
    with capture_logs() as logs:
        for _ in range(3):
            world.restart()
            world.pass_hours(10)
    held = lessons(world)
    flip(world, on=True)
    world.restart()
    world.app.tick()

    assert sum(line["log_level"] == "error" for line in logs) == 1
    assert held == {}
    assert (why(world), lessons(world)) == (None, {("alice@example.org", "day-1"): 1})


def test_a_database_that_goes_back_under_a_running_worker_is_noticed(world):
    """A restore beside the service (pg_restore --clean, a replica that was behind) is noticed at the next tick."""
    world.join()
    put_back(world)
    world.clock.at = EIGHT
    world.app.tick()

    assert (why(world), lessons(world)) == (Why.OLDER, {})


def test_a_new_service_is_no_restore(world):
    """The first start of all has no watermark; nor has a first command before the worker starts."""
    world.restart()
    world.restart()
    world.join()

    assert why(world) is None
    assert world.box.names() == ["confirm", "welcome"]


def test_a_watermark_that_cannot_be_read_asks(world):
    """A file that a failing disk has garbled proves nothing: somebody is asked."""
    world.join()
    (world.app.settings.data_dir / "watermark").write_bytes(b"\xff\x00{")
    world.restart()

    assert why(world) == Why.ANOTHER


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_in_a_folder_that_does_not_know_it_asks(world, tmp_path):
    """A course.db that was carried to another machine may be a copy: somebody is asked, once."""
    world.join()
    world.restart(data_dir=new_folder(tmp_path))
    off = why(world)
    flip(world, on=True)
    world.restart()

    assert (off, why(world)) == (Why.MOVED, None)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_new_worker_beside_postgresql_is_no_restore(world, tmp_path):
    """Its folder knows nothing yet, and that is as it should be."""
    world.join()
    world.restart(data_dir=new_folder(tmp_path))

    assert why(world) is None


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_word_counts_for_all_workers(world, tmp_path):
    """After a restore somebody says resume once: a worker whose folder remembers more then starts as usual."""
    world.join()
    first, other = world.app.settings.data_dir, new_folder(tmp_path)
    world.restart(data_dir=other)
    world.clock.go(minutes=5)
    world.app.tick()
    put_back(world, seconds=600)
    world.restart(data_dir=first)
    off = why(world)
    world.clock.go(minutes=1)
    flip(world, on=True)
    world.restart(data_dir=other)

    assert (off, why(world)) == (Why.OLDER, None)


@ON_SQLITE
def test_a_new_database_in_an_old_folder_begins_with_new_numbers(world, tmp_path):
    """Somebody begins anew and keeps the key: an old leave link must not act for a new person."""
    world.join()
    old_link = world.leave_token()
    world.restart(
        database_url=make_settings(data_dir=tmp_path / "x", database_url=f"sqlite:///{tmp_path}/new.db").database_url,
    )
    world.join("bob")

    assert why(world) is None
    assert world.box.names("bob@example.org") == ["confirm", "welcome"]
    assert world.app.leave(old_link, "page") is None
    assert world.rows("SELECT status FROM enrolments") == [("active",)]


def elsewhere(tmp_path):
    """Return the address of a database that is not there yet, as a typo names one."""
    return make_settings(data_dir=tmp_path / "x", database_url=f"sqlite:///{tmp_path}/typo.db").database_url


@ON_SQLITE
def test_an_empty_database_in_an_old_folder_is_said(world, tmp_path):
    """A typo in DATABASE_URL, or a volume that is not there: each start says it, for as long as nobody is in it."""
    world.join()
    with capture_logs() as logs:
        for _ in range(2):
            world.restart(database_url=elsewhere(tmp_path))
            world.clock.go(minutes=5)
            world.app.tick()
    world.join("bob")
    with capture_logs() as later:
        world.restart()
        world.app.tick()

    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [BESIDE] * 2
    assert [line for line in later if line["log_level"] in {"warning", "error"}] == []
    assert why(world) is None


@ON_SQLITE
def test_a_typo_that_is_mended_leaves_no_trace(world, tmp_path):
    """Whoever looked, or ran a worker, on the empty database goes back to the true one, and sending goes on there."""
    world.join()
    url = world.app.settings.database_url
    world.restart(database_url=elsewhere(tmp_path))
    world.clock.go(minutes=5)
    world.app.tick()
    world.restart(database_url=url)

    assert why(world) is None


@ON_SQLITE
def test_a_typo_that_people_came_to_is_asked_about(world, tmp_path):
    """Once somebody has signed up there, the folder is that database's: the first one is another, and asks."""
    world.join()
    url = world.app.settings.database_url
    world.restart(database_url=elsewhere(tmp_path))
    world.join("bob")
    world.restart(database_url=url)

    assert why(world) == Why.ANOTHER


@ON_SQLITE
def test_another_database_with_people_asks(world, tmp_path):
    """DATABASE_URL names a database that others lived in: it is not known what they were sent."""
    world.join()
    world.app.close()
    shutil.copy(tmp_path / "course.db", tmp_path / "other.db")
    world.restart(
        database_url=make_settings(data_dir=tmp_path / "x", database_url=f"sqlite:///{tmp_path}/other.db").database_url,
    )
    with world.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE facts SET value = 'another' WHERE name = 'database'"))
    world.restart()

    assert why(world) == Why.ANOTHER


@ON_SQLITE
def test_a_tick_with_nothing_due_spares_the_disk(world):
    """The watermark is written twice a minute, and after each tick that sent; not at every tick."""
    world.join()
    path = world.app.settings.data_dir / "watermark"
    world.clock.go(seconds=31)
    world.app.tick()
    before = path.stat().st_ino, world.rows(MARKS)
    for _ in range(20):
        world.clock.go(seconds=1)
        world.app.tick()
    idle = path.stat().st_ino, world.rows(MARKS)
    world.clock.go(seconds=11)
    world.app.tick()
    later = json.loads(path.read_text())["mark"]
    world.sign_up("bob")
    world.clock.go(seconds=1)
    world.app.tick()

    assert idle == before
    assert (later,) > before[1][0]
    assert json.loads(path.read_text())["mark"] > later
    assert world.rows(MARKS) == [(json.loads(path.read_text())["mark"],)]


@ON_SQLITE
def test_the_file_is_never_ahead_of_the_database(world, monkeypatch):
    """The process dies at any step of a note: the next start is an ordinary one."""
    world.join()
    for broken in ("course.journeys.guard.write", "course.journeys.guard.facts.raise_mark"):
        world.clock.go(seconds=31)
        with monkeypatch.context() as patch:
            patch.setattr(broken, crash)
            with pytest.raises(KeyboardInterrupt):
                world.app.tick()
        world.restart()

        assert why(world) is None


def test_a_note_that_was_not_committed_is_no_restore(world):
    """The disk is full, or the server goes away, at that very commit: when it is back, lessons leave as always."""
    world.join()
    world.clock.go(seconds=31)
    engine, full = world.app.service.store.engine, OperationalError("COMMIT", {}, Exception("disk is full"))

    def refuse(_):
        event.remove(engine, "commit", refuse)
        raise full

    event.listen(engine, "commit", refuse)
    with pytest.raises(OperationalError):
        world.app.guard.note(settled=False)
    world.clock.at = EIGHT
    world.app.tick()

    assert why(world) is None
    assert world.box.names()[-1] == "day-1"


@ON_SQLITE
def test_a_full_disk_for_the_watermark_stops_no_tick(world, monkeypatch):
    """It is said in the log; what was sent is settled all the same."""
    world.join()
    world.clock.at = EIGHT

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("course.journeys.guard.write_whole", full)
    with capture_logs() as logs:
        world.app.tick()

    assert any("watermark" in line["event"] for line in logs)
    assert world.rows("SELECT status FROM deliveries WHERE name = 'day-1'") == [("sent",)]


# The switch.


def test_while_sending_is_off_the_rest_goes_on(world):
    """Nothing leaves and nothing piles up; replies are read, people leave and sign up; then each gets one lesson."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    welcome = {mail.to: mail for mail in world.box.sent if mail.mailing.name == "welcome"}
    world.pass_hours(24)
    world.box.sent.clear()
    flip(world)
    world.pass_hours(72)
    world.reply(welcome["bob@example.org"], "PAUSE")
    world.app.leave(world.leave_token(welcome["charlie@example.org"]), "page")
    world.sign_up("dora")
    world.app.tick()
    while_off = world.box.names()
    flip(world, on=True)
    world.pass_hours(24)

    assert while_off == []
    assert lessons(world) == {("alice@example.org", "day-2"): 1}
    assert world.box.names("dora@example.org") == ["confirm"]


def test_a_hold_bites_in_the_middle_of_a_round(world, monkeypatch):
    """Somebody sees a mistake while a long round goes out: no claim follows, and what was claimed is put down."""
    monkeypatch.setattr(sending, "CLAIM", 2)
    monkeypatch.setattr(sending, "CLAIM_SHARED", 2)
    for who in ("alice", "bob", "charlie", "dora", "emil"):
        world.join(who)
    world.clock.at = EIGHT
    world.box.sent.clear()

    def answer(outgoing):
        world.clock.go(seconds=2)
        if not world.box.sent:
            flip(world)
        return Sent()

    world.box.answer = answer
    world.app.tick()

    assert len(world.box.sent) <= 2
    assert {row[0] for row in world.rows("SELECT status FROM deliveries WHERE name = 'day-1'")} == {"sent", "queued"}


@ON_SQLITE
def test_a_hold_outlives_a_restart(world):
    """It is the operator's word, and only the operator takes it back."""
    world.join()
    flip(world)
    world.restart()
    world.pass_hours(30)

    assert (why(world), lessons(world)) == (Why.HELD, {})


# The clock.


def test_a_clock_that_jumps_ahead_holds_and_warns(world):
    """Two days at once: nobody gets the lessons of days that were none; it is said once, with what to do."""
    world.join()
    with capture_logs() as logs:
        world.clock.jump(days=2)
        for _ in range(10):
            world.clock.go(seconds=1)
            world.app.tick()

    assert (why(world), lessons(world)) == (Why.CLOCK, {})
    assert [line["why"] for line in logs if line["log_level"] == "error"] == [switch.SENTENCES[Why.CLOCK]]
    assert world.app.health()["sending"] is False


def test_a_clock_that_is_put_right_goes_on_by_itself(world):
    """Nobody needs to say anything, and nothing is sent before its time."""
    world.join()
    world.clock.jump(days=2)
    for _ in range(2):
        world.app.tick()
        world.clock.go(seconds=40)
    world.clock.jump(days=-2)
    world.app.tick()
    on, mark = why(world), world.rows(MARKS)[0][0]
    right = world.clock.at.timestamp() * 1000
    world.pass_hours(24)

    assert on is None
    assert mark - right < 1000  # the wrong time has left no trace in what the database knows
    assert lessons(world) == {("alice@example.org", "day-1"): 1}
    first = next(mail.date for mail in world.box.sent if mail.mailing.name == "day-1")
    assert EIGHT <= first < EIGHT + timedelta(hours=1)


def test_somebody_may_say_that_the_clock_is_right_now(world):
    """It was behind before, and the jump put it right: `resume` goes on, and the next jump is one again."""
    world.join()
    world.clock.jump(days=2)
    world.app.tick()
    flip(world, on=True)
    world.clock.go(seconds=1)
    world.app.tick()
    first = why(world), sum(lessons(world).values())
    world.pass_hours(24)
    world.clock.jump(hours=2)
    world.app.tick()

    assert first == (None, 0)  # their hour comes next morning
    assert sum(lessons(world).values()) == 1
    assert why(world) == Why.CLOCK


@ON_SQLITE
def test_a_jump_under_a_hold_is_told_after_it(world):
    """The operator's hold is not lifted by a clock that is put right, nor does lifting it hide a jump."""
    world.join()
    flip(world)
    world.clock.jump(days=2)
    world.app.tick()
    world.clock.jump(days=-2)
    world.app.tick()
    held = why(world)
    world.clock.jump(days=2)
    world.app.tick()
    flip(world, on=True)
    world.app.tick()

    assert (held, why(world)) == (Why.HELD, Why.CLOCK)


@ON_SQLITE
def test_a_hold_under_a_jump_stays(world):
    """Whoever says hold while the clock is wrong means it also when the clock is right again."""
    world.join()
    world.clock.jump(days=2)
    world.app.tick()
    flip(world)
    world.clock.jump(days=-2)
    world.app.tick()

    assert why(world) == Why.HELD


@ON_SQLITE
@pytest.mark.parametrize("minutes", [1, 59, 60])
def test_a_small_step_is_no_jump(world, minutes):
    """Up to an hour the clock may be put forward."""
    world.join()
    world.clock.jump(minutes=minutes)
    world.app.tick()

    assert why(world) is None


@ON_SQLITE
def test_time_that_passes_is_no_jump(world):
    """A machine that slept over the weekend wakes up with all that is due, and sends it."""
    world.join()
    world.clock.go(hours=72)
    world.app.tick()
    world.pass_hours(24)

    assert why(world) is None
    assert lessons(world)


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux counts the time that a machine sleeps")
def test_the_stopwatch_counts_sleep():
    """The system clock's stopwatch is the one that goes on while the machine sleeps."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    said = SystemClock().monotonic()

    assert STOPWATCH == time.CLOCK_BOOTTIME
    assert before <= said <= time.clock_gettime(time.CLOCK_BOOTTIME)


@ON_SQLITE
def test_a_jump_in_the_middle_of_a_round_stops_it(world, monkeypatch):
    """No claim follows a jump."""
    monkeypatch.setattr(sending, "CLAIM", 1)
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    world.clock.at = EIGHT

    def answer(outgoing):
        world.clock.go(seconds=2)
        if not lessons(world):
            world.clock.jump(hours=2)
        return Sent()

    world.box.answer = answer
    world.app.tick()

    assert (why(world), sum(lessons(world).values())) == (Why.CLOCK, 1)


@ON_SQLITE
def test_a_jump_ahead_erases_nothing(world):
    """A clock that says 2037 has nobody's proof of consent be three years old, or a sign-up be over."""
    world.join()
    world.sign_up("bob")
    before = world.rows("SELECT count(*) FROM consents"), world.rows("SELECT count(*) FROM enrolments")
    world.clock.jump(days=3650)
    world.app.tidy()
    world.app.tick()
    world.app.tidy()

    assert (world.rows("SELECT count(*) FROM consents"), world.rows("SELECT count(*) FROM enrolments")) == before


@pytest.mark.parametrize("back", [{"hours": 1}, {"hours": 5}, {"days": 1}, {"days": 8}], ids=str)
def test_a_clock_that_jumps_back_sends_nothing_twice(world, back):
    """The lessons of today are out, the clock goes back: however long it takes, each day comes once, in its order."""
    for who, zone in (("alice", "Europe/London"), ("bob", "Asia/Tokyo"), ("charlie", "America/Los_Angeles")):
        world.join(who, timezone=zone)
    world.pass_hours(48)
    before = lessons(world)
    world.clock.jump(**{unit: -count for unit, count in back.items()})
    world.pass_hours(24 * 16)

    assert before
    assert set(lessons(world).values()) == {1}
    assert why(world) is None
    for who in ("alice", "bob", "charlie"):
        days = [name for name in world.box.names(f"{who}@example.org") if name.startswith("day-")]
        assert days == [f"day-{day}" for day in range(1, 6)]


@ON_SQLITE
def test_a_clock_that_jumps_back_trips_no_restart(world):
    """The database's mark never goes back with the clock, so a restart is no restore."""
    world.join()
    marks = world.rows(MARKS)
    world.clock.jump(days=-3)
    for _ in range(3):
        world.clock.go(seconds=40)
        world.app.tick()
        marks += world.rows(MARKS)
        world.restart()

    assert why(world) is None
    assert marks == sorted(set(marks))


def test_a_clock_that_is_put_back_stops_no_tick(monkeypatch):
    """A machine that starts two hours ahead and is put right goes on sending at once, not two hours later."""
    shift, ticks = [timedelta(0)], threading.Semaphore(0)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + shift[0]

    class Wall(SystemClock):
        def real(self):
            return Shifted.now(UTC)

    for room in (apscheduler.schedulers.base, apscheduler.triggers.interval):
        monkeypatch.setattr(room, "datetime", Shifted)
    for name in ("TICK", "LOOK"):
        monkeypatch.setattr(worker, name, 0.02)
    nothing = SimpleNamespace(sqlite=True, timelapse=None, release=None)
    app = SimpleNamespace(clock=Wall(), settings=nothing, stopping=threading.Event(), tick=ticks.release, tidy=int)
    app.service, app.ticker = SimpleNamespace(store=nothing), SimpleNamespace(release=int)
    stop = worker.start_clock(app)
    try:
        assert ticks.acquire(timeout=60)
        shift[0] = timedelta(hours=-2)

        assert all(ticks.acquire(timeout=10) for _ in range(5))
    finally:
        app.stopping.set()
        stop()


def test_time_lapse_is_no_jump(tmp_path):
    """Course time may run as fast as it likes: it is the wall that is compared with the stopwatch."""
    app = App.build(make_settings(data_dir=tmp_path / "lapse", timelapse=1))
    app.tick()
    assert app.clock.now() - app.clock.real() >= timedelta(0)
    app.tick()

    assert app.guard.look() is None
    app.close()


def new_folder(tmp_path):
    """Make an empty DATA_DIR with the same key."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(tmp_path / "var" / "secret.key", folder)
    return folder


def crash(*_args, **_named):
    """Be a process that ends here."""
    raise KeyboardInterrupt
