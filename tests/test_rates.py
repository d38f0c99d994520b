"""Promises of going slowly: a rate and a day's cap, for all workers together, and whoever asks us to wait is heard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Box, SetClock, World, make_settings
from sqlalchemy import select

from course.app import App
from course.journeys import demo, suppression
from course.outgoing import Sent, TryLater
from course.store.tables import subscribers

EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Astray(SetClock):
    """A clock that is wrong; its stopwatch is not."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.at + self.ahead

    real = now


@pytest.fixture
def slow(tmp_path, database):
    """Open services with limits on one database; each call is another worker."""
    opened = []

    def start(clock=None, **limits):
        settings = make_settings(
            data_dir=tmp_path / f"var{len(opened)}", database_url=database, secret_key="k" * 40, **limits
        )
        clock = clock or SetClock(EIGHT)
        box = Box(lambda _: sent_at.append(clock.at) or Sent())
        opened.append(App.build(settings, transport=box, clock=clock))
        return World(opened[-1], clock, box)

    sent_at = []
    start.sent_at = sent_at
    yield start
    for app in opened:
        app.close()


def fullest_minute(moments):
    """Return the most messages that left within any sixty seconds."""
    return max(sum(first <= at < first + timedelta(minutes=1) for at in moments) for first in moments)


@pytest.mark.parametrize("rate", [0.5, 7])
def test_no_minute_has_more_than_the_rate_says(slow, rate):
    """Within two percent, however much is due: not more in any minute, and not less in all of them."""
    world = slow(send_rate=rate)
    demo.make(world.app.service, int(rate * 100), world.clock.now(), due=True)
    while world.clock.at < EIGHT + timedelta(seconds=80):
        world.app.tick()

    assert fullest_minute(slow.sent_at) <= rate * 60 * 1.02 + 1
    in_time = [at for at in slow.sent_at if at < EIGHT + timedelta(seconds=80)]
    assert len(in_time) >= rate * 80 * 0.98 - 1


def test_two_workers_share_the_rate(slow):
    """Two workers send no more than one would."""
    one = slow(send_rate=10)
    two = slow(one.clock, send_rate=10)
    demo.make(one.app.service, 1_000, one.clock.now(), due=True)
    while one.clock.at < EIGHT + timedelta(seconds=70):
        one.app.ticker.turn()
        two.app.ticker.turn()

    assert {bool(one.box.sent), bool(two.box.sent)} == {True}
    assert fullest_minute(slow.sent_at) <= 612


def test_a_quiet_hour_saves_nothing_up(slow):
    """An allowance that nobody used is kept for one second only."""
    world = slow(send_rate=10)
    world.app.tick()
    world.clock.go(hours=1)
    demo.make(world.app.service, 1_000, world.clock.now(), due=True)
    began = world.clock.at
    world.app.ticker.turn()

    assert sum(at == began for at in slow.sent_at) <= 10


def test_a_day_has_no_more_than_its_cap(slow):
    """While an address is warmed up, lessons that find no place wait for the next day; none is lost."""
    world = slow(send_daily=20)
    demo.make(world.app.service, 30, world.clock.now(), due=True)
    for _ in range(12 * 13):
        world.app.tick()
        world.clock.go(hours=2)
    a_day = Counter(at.date() for at in slow.sent_at)

    assert max(a_day.values()) <= 20
    assert world.rows("SELECT count(*) FROM deliveries WHERE kind = 'lesson' AND status = 'sent'") == [(30 * 5,)]


def test_what_does_not_leave_takes_nobodys_place(slow):
    """Ten addresses are never to be written to any more: their lessons use up nothing of the day."""
    world = slow(send_daily=20)
    service, now = world.app.service, world.clock.now()
    demo.make(service, 30, now, due=True)
    with service.store.transaction() as tx:
        for (address,) in tx.execute(select(subscribers.c.email).order_by(subscribers.c.id).limit(10)).all():
            suppression.suppress(tx, service.keys, address, "by hand", now)
    world.app.tick()

    assert len(world.box.sent) == 19


def test_a_confirmation_has_a_place_even_then(slow):
    """Whoever signs up on a day whose lessons have used the cap up gets the confirmation at once, and the welcome."""
    world = slow(send_daily=100)
    demo.make(world.app.service, 250, world.clock.now(), due=True)
    world.app.tick()
    lessons = len(world.box.sent)
    world.join("alice")

    assert lessons == 95
    assert world.box.names("alice@example.org") == ["confirm", "welcome"]


def test_confirmations_and_lessons_share_an_allowance(slow):
    """What is due at once, mail of both kinds, is no more than what may leave: neither of a day nor of a minute."""
    world = slow(send_daily=20)
    demo.make(world.app.service, 40, world.clock.now(), due=True)
    for number in range(12):
        world.sign_up(f"visitor{number}")
    world.app.tick()
    fast = slow(SetClock(EIGHT + timedelta(days=1)), send_rate=10)
    for number in range(9):
        fast.sign_up(f"guest{number}")
    fast.app.ticker.transport.answer = lambda _: slow.sent_at.append(fast.clock.at) or Sent()
    slow.sent_at.clear()
    fast.clock.go(hours=1)
    began = fast.clock.at
    fast.app.ticker.turn()

    assert len(world.box.sent) == 19  # the twentieth is kept for whoever signs up later
    assert sum(at == began for at in slow.sent_at) <= 10


def test_at_midnight_two_clocks_count_the_same_day(slow):
    """For one of two workers it is tomorrow half a second earlier: that day has one cap, not one at each look."""
    midnight = EIGHT.replace(hour=0) + timedelta(days=1)
    one = slow(SetClock(midnight - timedelta(seconds=0.2)), send_daily=20)
    two = slow(SetClock(midnight + timedelta(seconds=0.3)), send_daily=20)
    demo.make(one.app.service, 200, EIGHT, due=True)
    for _ in range(6):
        one.app.ticker.turn()
        two.app.ticker.turn()

    assert (len(one.box.sent), len(two.box.sent)) == (19, 19)


def test_a_confirmation_waits_for_nobody_s_lesson(slow):
    """Notices are claimed before lessons that were due before them."""
    world = slow(send_rate=1)
    demo.make(world.app.service, 500, world.clock.now(), due=True)
    world.clock.go(minutes=1)
    world.sign_up("alice")
    world.app.ticker.turn()

    assert world.box.names()[0] == "confirm"


def test_who_asks_us_to_wait_is_not_asked_again(slow):
    """A rate limit holds for everybody: the rest is not tried, nobody fails, and it goes on when the time is over."""
    world = slow()
    demo.make(world.app.service, 50, world.clock.now(), due=True)
    asked = []
    world.box.answer = lambda mail: asked.append(mail) or (TryLater("429", 90) if len(asked) == 11 else Sent())
    world.app.tick()
    world.clock.go(seconds=60)
    world.app.tick()
    early = len(asked)
    world.clock.go(seconds=31)
    world.app.tick()

    assert early == 11
    assert world.rows("SELECT status, count(*) FROM deliveries GROUP BY status") == [("sent", 50)]
    assert world.rows("SELECT sum(attempts) FROM deliveries") == [(1,)]


@pytest.mark.parametrize("limits", [{"send_rate": 10}, {"send_daily": 20}, {}], ids=["rate", "cap", "pause"])
def test_a_clock_that_is_put_right_keeps_nothing_back(slow, limits):
    """A machine starts with a clock days ahead, and sends until it must wait; put right, it goes on within minutes."""
    world = slow(Astray(EIGHT, timedelta(days=40)), **limits)
    demo.make(world.app.service, 30, world.clock.now(), due=True)
    if not limits:
        world.box.answer = lambda _: TryLater("429", 90)
    world.app.ticker.turn()
    world.clock.ahead = timedelta(0)
    world.box.answer = lambda _: slow.sent_at.append(world.clock.at) or Sent()
    slow.sent_at.clear()
    demo.make(world.app.service, 30, EIGHT, due=True)
    for _ in range(5):
        world.app.tick()
        world.clock.go(minutes=1)

    assert len(slow.sent_at) >= 10


def test_what_tomorrow_allows_is_not_asked_for_all_day(slow, monkeypatch):
    """With a rate and a cap that lessons have used up, a tick is over at once: waiting a second would bring nothing."""
    world = slow(send_rate=50, send_daily=20)
    demo.make(world.app.service, 40, world.clock.now(), due=True)
    world.app.tick()
    world.clock.go(minutes=1)
    rests = []
    monkeypatch.setattr(SetClock, "rest", lambda *_: rests.append(1) or world.clock.go(seconds=1))
    world.app.tick()

    assert len(slow.sent_at) == 19
    assert rests == []


def test_no_limit_is_no_work(slow):
    """Without limits nothing is counted."""
    world = slow()
    demo.make(world.app.service, 5, world.clock.now(), due=True)
    world.app.tick()

    assert world.rows("SELECT * FROM rates") == []
