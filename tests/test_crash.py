"""The promise of kill -9: real workers die at any moment, and nobody's lesson is lost or comes twice.

A lesson in doubt (given away, not answered) waits for its turn: a minute with SMTP, half an hour with SendGrid. What
comes twice all the same must have been in doubt; `make chaos` goes on until all of it came.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from datetime import date
from functools import partial

import pytest
from conftest import ON_SQLITE
from crashes import Books, Calls, Crew, Lesson, Mails, Verdict, owe

from course.store.database import Store

CONNECTIONS = 3
PEOPLE = {"sqlite": 300, "postgresql": 800}
PACE = 0.02  # seconds until each answer: most kills leave something in doubt
PATIENCE = 100  # seconds that the whole of it may take; a quiet machine needs some ten
WAYS = {"pipelined": Mails, "plain": partial(Mails, pipelining=False), "sendgrid": Calls}


@pytest.fixture
def dice():
    """Return the same moments in every run."""
    return random.Random(20270302)  # noqa: S311 (no secret)


@pytest.fixture
def books(settings, tmp_path):
    """Owe everybody a lesson; return what reads the books."""
    store = Store(settings.database)
    people = PEOPLE[store.engine.dialect.name]
    owe(tmp_path, settings.database, people)
    yield lambda: Books.of(store, people)
    store.close()


def wait_for(true):
    """Wait for something that must come."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def judge(sink, books, most_in_doubt):
    """Hold what came against the books."""
    verdict = Verdict.of(sink.came, books())

    assert books().closed
    assert (verdict.lost, verdict.unexplained) == (set(), set())
    assert 0 < verdict.doubts <= most_in_doubt


@ON_SQLITE
@pytest.mark.parametrize(("way", "kills"), [("pipelined", 4), ("plain", 2), ("sendgrid", 6)])
def test_kill_9_loses_nothing_and_repeats_nothing(tmp_path, settings, books, dice, way, kills):
    """The one worker is killed while it sends, again and again: what arrived arrived once, what did not is owed."""
    with WAYS[way](PACE) as sink, Crew.of(tmp_path, settings.database, sink, CONNECTIONS) as crew:
        for _ in range(kills):
            goal = len(sink.came) + dice.randrange(5, 40)
            worker = crew.start()
            wait_for(lambda goal=goal: len(sink.came) >= goal)
            crew.kill(worker)
        crew.start()
        wait_for(lambda: books().closed)

        assert crew.end() == [0]
        judge(sink, books, kills * CONNECTIONS)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", ["pipelined", "sendgrid"])
def test_kill_9_of_one_of_many_loses_nothing_and_repeats_nothing(tmp_path, settings, books, dice, way):
    """Of several workers some are killed, stopped, woken, or killed as they stand still; the others take over."""
    kills, most = 6, 3
    with WAYS[way](PACE) as sink, Crew.of(tmp_path, settings.database, sink, CONNECTIONS) as crew:
        for _ in range(most):
            crew.start()
        for kill in range(kills):
            goal = len(sink.came) + dice.randrange(5, 40)
            wait_for(lambda goal=goal: len(sink.came) >= goal)
            one = dice.choice(crew.at_work[:2])  # who began last has hardly begun
            if kill % 2:
                crew.stop(one)
                time.sleep(dice.random() / 2)
            crew.wake(one) if kill % 4 == 1 else crew.kill(one)
            while len(crew.at_work) < most:
                crew.start()
        wait_for(lambda: books().closed)

        assert crew.died() == []
        assert set(crew.end()) <= {0, -signal.SIGTERM}  # who had hardly begun dies of it
        judge(sink, books, kills * CONNECTIONS)


@pytest.mark.parametrize(
    ("came", "sent", "waits", "expected"),
    [
        (["alice", "bob"], "alice bob", {}, (set(), set())),
        (["alice"], "alice bob", {}, ({"bob"}, set())),
        (["alice", "alice"], "alice", {}, (set(), {"alice"})),
        (["alice", "alice"], "alice", {"alice": 1}, (set(), set())),
        (["alice", "alice", "alice"], "alice", {"alice": 1}, (set(), {"alice"})),
        (["alice", "bob"], "alice", {}, (set(), {"bob"})),
    ],
    ids=["well", "lost", "twice", "doubted", "twice doubted once", "not noted"],
)
def test_what_went_wrong_is_seen(came, sent, waits, expected):
    """The judgement of these tests and of `make chaos` finds what is missing, double or not noted."""
    lessons = [Lesson(who, "<course>", date(2027, 3, 1)) for who in came]
    verdict = Verdict.of(lessons, Books(2, set(sent.split()), set(), Counter(waits), Counter()))

    assert (verdict.lost, verdict.unexplained) == expected
