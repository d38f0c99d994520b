"""Promises of several workers on one PostgreSQL: the dead are found out, and the silent stop in time."""

from __future__ import annotations

import contextlib

import pytest
from conftest import Box, make_settings
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from course.app import App
from course.journeys import demo, settling, workers
from course.journeys.owed import owed
from course.ledger import Ledger
from course.outgoing import Halt, Sent
from course.store import database
from course.store.database import AWAY, Store

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
STAND = "SELECT status, count(*) FROM deliveries GROUP BY status ORDER BY status"


class Crash(BaseException):
    """The process is gone."""


def crash(*_):
    """End as a killed process does."""
    raise Crash


@pytest.fixture
def other(world, tmp_path):
    """Build another worker, on another machine: the same database, another DATA_DIR."""
    settings = make_settings(
        data_dir=tmp_path / "other",
        database_url=world.app.settings.database,
        secret_key=world.app.settings.secret_key.get_secret_value(),
    )
    app = App.build(settings, transport=Box(), clock=world.clock)
    yield app
    app.close()


@pytest.fixture
def beside(world):
    """Build another worker on the same machine: the same database and DATA_DIR."""
    app = App.build(world.app.settings, transport=Box(), clock=world.clock)
    yield app
    app.close()


def die_with_claims(world, monkeypatch, people=3):
    """Let the first worker be killed when it hands its first message over; nothing of it is tidied up."""
    demo.make(world.app.service, people, world.clock.now(), due=True)
    monkeypatch.setattr(settling, "put_back", lambda *_: None)
    world.box.answer = crash
    with pytest.raises(Crash):
        world.app.tick()
    monkeypatch.undo()


def silence(world, other, seconds):
    """Let so long go by in which another worker lives and listens, and the first one says nothing."""
    other.beat()
    while seconds > 0:
        world.clock.go(seconds=min(20, seconds))
        seconds -= 20
        other.beat()


def test_a_silent_worker_s_claims_are_left_to_it_for_a_minute(world, other, monkeypatch):
    """Half a minute without a sign of life is a slow network, no death."""
    die_with_claims(world, monkeypatch)
    silence(world, other, 50)
    other.tick()

    assert world.rows(STAND) == [("sending", 3)]


def test_a_dead_worker_s_claims_are_taken_over(world, other, monkeypatch):
    """After a minute of silence the others bring its claims to an end: each message leaves."""
    die_with_claims(world, monkeypatch)
    silence(world, other, 61)
    other.tick()
    world.clock.go(minutes=2)
    other.tick()

    assert world.rows(STAND) == [("sent", 3)]
    assert len({mail.message_id for mail in other.transport.sent}) == 3


def test_a_worker_that_says_goodbye_is_not_waited_for(world, other, monkeypatch):
    """What a worker that ended left claimed is taken over at once."""
    die_with_claims(world, monkeypatch)
    world.app.ticker.heartbeat.end()
    other.tick()
    world.clock.go(minutes=2)
    other.tick()

    assert world.rows(STAND) == [("sent", 3)]


def test_a_worker_that_sent_nothing_says_goodbye_too(world, other):
    """It only ticked: once it has ended, nobody takes it for one that lives."""
    other.tick()
    assert len(world.rows("SELECT name FROM workers")) == 1
    other.close()

    assert world.rows("SELECT name FROM workers") == []


def test_a_database_that_was_away_makes_nobody_dead(world, other):
    """It was gone for 90 seconds after twenty lessons had left, for both workers; the other one is back first.

    Nobody could be heard meanwhile. What had left is written down by the worker that knows it, and comes once.
    """
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    other.beat()
    gone = []

    def refuse(*_):
        if gone:
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection unexpectedly"))

    for store in (world.app.service.store, other.service.store):
        for what in ("before_cursor_execute", "commit", "begin"):
            event.listen(store.engine, what, refuse)
    world.box.answer = lambda _: Sent() if len(world.box.sent) < 19 else gone.append(1) or Sent()
    for app in (world.app, other, world.app):
        with pytest.raises(OperationalError):
            app.tick()
    world.clock.go(seconds=90)
    gone.clear()
    for app in (other, world.app):
        app.tick()
    for _ in range(5):
        silence(world, other, 120)
        other.tick()
        world.app.tick()

    assert len(world.box.sent) + len(other.transport.sent) == 20
    assert world.rows(STAND) == [("sent", 20)]


def test_a_database_whose_clock_is_set_ahead_makes_nobody_dead(world, beside):
    """Two minutes ahead, in the middle of a claim: whoever beat a second ago lives."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    beside.beat()
    set_ahead = text("UPDATE workers SET beat_at = beat_at - interval '2 minutes' WHERE name = :name")

    def answer(_):
        if not world.box.sent:
            with world.app.service.store.transaction() as tx:
                tx.execute(set_ahead, {"name": world.app.ticker.worker})
            beside.tick()
        return Sent()

    world.box.answer = answer
    world.app.ticker.turn()

    assert (len(world.box.sent), len(beside.transport.sent)) == (20, 0)


def test_who_came_after_the_last_look_is_not_taken_for_gone(world, other):
    """A worker that began a moment ago has claims; one that has not heard of it yet leaves them alone."""
    other.beat()
    demo.make(world.app.service, 3, world.clock.now(), due=True)
    world.box.answer = lambda _: other.ticker.turn() and Sent()
    world.app.ticker.turn()

    assert (len(world.box.sent), len(other.transport.sent)) == (3, 0)


def test_a_worker_that_slept_hands_nothing_more_over(world, other):
    """Stopped for a while in the middle and woken, it finds its claims gone: only what was on its way came twice."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    took_over = []

    def sleep(_):
        if not took_over:
            silence(world, other, 70)
            other.tick()
            world.clock.go(seconds=100)
            other.tick()
            took_over.append(len(other.transport.sent))
        return Sent()

    world.box.answer = sleep
    world.app.tick()
    world.app.tick()

    assert took_over == [20]
    assert len(world.box.sent) == 1
    assert world.rows(STAND) == [("sent", 20)]


def test_waking_up_is_no_sign_that_it_never_slept(world, other):
    """Even if its heart beats before it looks: what it claimed before is looked up again, and is another's by now."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    asleep = []

    def sleep(_):
        if not asleep:
            asleep.append(silence(world, other, 70))
            other.tick()
            world.app.beat()
        return Sent()

    world.box.answer = sleep
    turn = world.app.ticker.turn()

    assert (turn.sent, len(world.box.sent)) == (1, 1)


def test_out_of_touch_nothing_leaves(world, monkeypatch):
    """A worker that cannot say that it lives stops half a minute before the others take over."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    world.box.answer = lambda _: world.clock.go(seconds=workers.TOUCH_LASTS / 10) or Sent()
    world.app.beat()
    monkeypatch.setattr(workers.Heartbeat, "beat", lambda *_, **__: None)
    world.app.tick()
    sent = len(world.box.sent)

    assert 0 < sent <= 10
    assert dict(world.rows(STAND))["queued"] == 20 - sent


@pytest.mark.parametrize("beats", [False, True], ids=["alone", "beside another"])
def test_a_ledger_that_takes_a_minute_to_write_lets_nothing_leave(world, beside, monkeypatch, beats):
    """The disk stalls, or the process is stopped right there, for longer than others wait to take over.

    They looked for the line, found none, and sent: it comes from them, once.
    """
    demo.make(world.app.service, 3, world.clock.now(), due=True)
    giving, stalled = Ledger.giving, []

    def stall(ledger, ids):
        if not stalled and ledger is world.app.ticker.ledger:
            stalled.append(silence(world, beside, 70) if beats else world.clock.go(seconds=70))
            if beats:
                beside.tick()
        return giving(ledger, ids)

    monkeypatch.setattr(Ledger, "giving", stall)
    world.app.ticker.turn()

    assert world.box.sent == []
    assert len({mail.to for mail in beside.transport.sent}) == len(beside.transport.sent) == (3 if beats else 0)
    assert world.rows("SELECT count(*) FROM deliveries WHERE status = 'stalled'") == [(0,)]


def test_what_had_left_after_all_does_not_leave_again(world, beside):
    """Alice's worker slept with her lesson on its way, and others owe it again; it wakes, and hears a yes."""
    demo.make(world.app.service, 1, world.clock.now(), due=True)

    def sleep(_):
        silence(world, beside, 70)
        beside.tick()
        return Sent("provider-1")

    world.box.answer = sleep
    world.app.ticker.turn()
    stands = world.rows("SELECT status, provider_id, local_date IS NOT NULL FROM deliveries")
    world.clock.go(minutes=10)
    beside.tick()

    assert [(status, by, bool(dated)) for status, by, dated in stands] == [("sent", "provider-1", True)]
    assert beside.transport.sent == []


def test_a_late_answer_does_not_take_a_claim_back(world, other, monkeypatch):
    """What a worker learns too late changes nothing of a claim that is another's by now."""
    die_with_claims(world, monkeypatch, people=1)
    silence(world, other, 61)
    other.transport.answer = crash
    other.tick()
    world.clock.go(minutes=2)
    monkeypatch.setattr(settling, "put_back", lambda *_: None)
    with pytest.raises(Crash):
        other.tick()
    monkeypatch.undo()
    row = world.rows("SELECT id, worker FROM deliveries")[0]
    with world.app.service.store.reading() as tx:
        mine = owed(tx, row[0])._replace(worker=world.app.ticker.worker)
    settling.settle(world.app.service, [(mine, Halt("too late"))], world.clock.now(), world.clock.real())

    assert row[1] == other.ticker.worker
    assert world.rows(STAND) == [("sending", 1)]


@pytest.mark.parametrize("way", ["with_events", "without"])
def test_the_ledger_of_one_that_stands_still_tells_too(world, beside, way):
    """Stopped in the middle of a claim, and silent for a minute: others read its ledger, and only one is in doubt.

    What was answered is settled by that answer, what it never gave away goes out at once, and when it wakes it hands
    nothing more over.
    """
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    beside.transport.has_events = way == "with_events"

    def sleep(_):
        if len(world.box.sent) == 9:
            silence(world, beside, 70)
            beside.tick()
        return Sent()

    world.box.answer = sleep
    world.app.tick()
    came = [mail.to for mail in (*world.box.sent, *beside.transport.sent)]

    assert (len(world.box.sent), len(beside.transport.sent)) == (10, 10)
    assert len(set(came)) == 20


def test_one_that_stands_still_in_a_transaction_is_put_out(settings, world, monkeypatch):
    """Stopped with rows locked, it holds the others up for a while only; what it had not committed is as it was."""
    monkeypatch.setattr(database, "STANDS_STILL", 0.3)
    store, touch = Store(settings.database), text("UPDATE facts SET value = value || :by WHERE name = 'key_check'")
    with contextlib.ExitStack() as stack:
        asleep = stack.enter_context(store.engine.connect())
        asleep.execute(touch, {"by": "asleep"})
        with world.app.service.store.transaction() as tx:
            tx.execute(touch, {"by": "awake"})
        with pytest.raises(AWAY):
            asleep.execute(touch, {"by": "woken"})
    with store.transaction() as tx:
        tx.execute(touch, {"by": "again"})
    store.close()

    assert world.rows("SELECT value FROM facts WHERE name = 'key_check'")[0][0].endswith("awakeagain")
    assert "asleep" not in world.rows("SELECT value FROM facts WHERE name = 'key_check'")[0][0]


def test_a_database_that_vanished_is_found_out(settings):
    """Its machine was taken off the net without a word: the kernel asks, and gives up within half a minute."""
    given = {}
    store = Store(settings.database)
    event.listen(store.engine, "do_connect", lambda _dialect, _record, _args, named: given.update(named))
    with store.transaction():
        pass
    store.close()
    probes = given["keepalives_interval"] * given["keepalives_count"]

    assert given["keepalives_idle"] + probes <= workers.TOUCH_LASTS
    assert given["tcp_user_timeout"] <= 1000 * workers.TOUCH_LASTS
    assert given["connect_timeout"] <= workers.TOUCH_LASTS
