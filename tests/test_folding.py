"""Promises of folding: deliveries of long ago become counts, and nothing that anybody was promised goes with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.script import ScriptDirectory
from conftest import ON_SQLITE
from sqlalchemy import select, text, update

from course.journeys import folding, privacy, reports, steering
from course.store import migrate
from course.store.tables import enrolments, mailings

KEEP = 180  # days
COUNTS = "SELECT kind, name, status, sum(number) FROM delivery_counts GROUP BY kind, name, status ORDER BY kind, name"


@pytest.fixture
def settings(settings):
    """Let nobody's storage end: folding is what becomes of those who are still known."""
    return settings.model_copy(update={"keep_people_days": 0})


def finish(world, *people):
    """Let these people take the course to its end, farewell included."""
    for who in people:
        world.join(who)
    world.pass_hours(24 * 7)


def later(world, days=KEEP):
    """Let days go by, and tidy up."""
    world.clock.go(days=days)
    world.app.tidy()


def number(world, table):
    """Return how many rows a table has."""
    return world.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 (a table of ours)


def fold(world):
    """Fold all that there is."""
    return folding.fold(world.app.service, world.clock.now(), lambda: True)


def test_a_finished_course_becomes_counts(world):
    """Half a year after the end: no delivery is left, and how many of each mail were sent is known by the week."""
    finish(world, "alice")
    finish(world, "bob")
    later(world)

    assert number(world, "deliveries") == 0
    assert world.rows(COUNTS) == [
        ("lesson", "day-1", "sent", 2),
        ("lesson", "day-2", "sent", 2),
        ("lesson", "day-3", "sent", 2),
        ("lesson", "day-4", "sent", 2),
        ("lesson", "day-5", "sent", 2),
        ("notice", "confirm", "sent", 2),
        ("notice", "farewell", "sent", 2),
        ("notice", "welcome", "sent", 2),
    ]
    assert {str(week) for (week,) in world.rows("SELECT week FROM delivery_counts")} == {"2027-03-01", "2027-03-08"}


def test_nothing_is_folded_before_its_time(world):
    """A day before, all rows are there."""
    finish(world, "alice")
    before = number(world, "deliveries")
    later(world, KEEP - 8)

    assert number(world, "deliveries") == before == 8
    assert number(world, "delivery_counts") == 0


@ON_SQLITE
def test_a_letter_of_long_ago_can_be_had_once_more(world):
    """My course lists it also when its row is folded; asked for there, it comes, and not "you had it today"."""
    finish(world, "alice")
    later(world)
    page = world.link(world.box.last("day-2"), "mine")
    told = steering.again(world.app.service, page, 2, world.clock.now())
    world.app.tick()

    assert told is not None
    assert told.said == "again"
    assert world.box.names()[-1] == "day-2"


@pytest.mark.parametrize("then", ["pause", "go on"])
def test_a_course_that_goes_on_keeps_its_deliveries(world, then):
    """However old they are: who is active or paused may still be owed what follows from them."""
    world.join()
    world.pass_hours(24 * 2)
    if then == "pause":
        world.app.pause(world.leave_token())
    before = number(world, "deliveries")
    later(world, 400)

    assert number(world, "deliveries") == before


def test_a_course_that_was_left_is_folded_too(world):
    """Whoever stopped half a year ago: what was sent and what was cancelled are counted apart."""
    world.join()
    world.pass_hours(24)
    world.clock.go(hours=20)
    world.app.stopping.set()
    world.app.tick()  # day 2 is planned, and does not leave any more
    world.app.stopping.clear()
    world.app.leave(world.leave_token(), "page")
    later(world)

    assert ("lesson", "day-1", "sent", 1) in world.rows(COUNTS)
    assert ("lesson", "day-2", "cancelled", 1) in world.rows(COUNTS)


def test_stats_say_the_same_before_and_after(world):
    """`course stats` counts what was sent, whether its row is there or has been folded."""
    finish(world, "alice", "bob")
    world.reply(world.box.last("day-3"))
    world.app.tick()
    before = reports.stats(world.app.service)
    later(world)

    assert number(world, "deliveries") == 0
    assert reports.stats(world.app.service) == before
    assert before["courses"]["self-compassion"]["sent"]["3"] == 2


# What the farewell promises.


def test_a_reply_next_year_still_counts(world):
    """The row is long gone; the day is counted for the right person, and a receipt says so."""
    finish(world, "alice", "bob")
    mail = next(mail for mail in world.box.sent if mail.mailing.name == "day-2" and mail.to == "alice@example.org")
    later(world, 365)
    decided = world.reply(mail)
    world.app.tick()

    assert decided == ["completed"]
    assert world.rows(
        "SELECT s.email, c.day FROM completions c JOIN enrolments e ON e.id = c.enrolment_id "
        "JOIN subscribers s ON s.id = e.subscriber_id"
    ) == [("alice@example.org", 2)]
    assert world.box.sent[-1].mailing.name == "receipt"
    assert world.box.sent[-1].to == "alice@example.org"


def test_the_same_reply_before_and_after_is_one(world):
    """A mail server delivers a mail twice, half a year apart."""
    finish(world, "alice")
    mail = world.box.last("day-2")
    first = world.reply(mail, MessageID="<once@client.example.org>")
    world.app.tick()
    later(world)
    again = world.reply(mail, MessageID="<once@client.example.org>")

    assert (first, again) == (["completed"], ["repeated"])


@pytest.mark.parametrize("name", ["day-1", "welcome"])
def test_stop_in_answer_to_an_old_mail_stops_the_round_that_goes_on(world, name):
    """Alice has come back; her STOP to a lesson or welcome of the first round ends the second one."""
    finish(world, "alice")
    mail = world.box.last(name)
    later(world)
    world.join()
    decided = world.reply(mail, "STOP")

    assert decided == ["command"]
    assert world.rows("SELECT status FROM enrolments ORDER BY id") == [("finished",), ("stopped",)]


def test_a_reply_of_somebody_erased_is_still_dropped(world):
    """Erased is erased: what is left of a folded delivery goes too."""
    finish(world, "alice")
    mail = world.box.last("day-2")
    later(world)
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert number(world, "folded_deliveries") == 0
    assert world.reply(mail) == ["dropped"]


def test_export_tells_what_is_left(world):
    """Whoever asks what is known of them is shown these rows too, and a waiting answer to one is found as theirs."""
    finish(world, "alice")
    mail = world.box.last("day-2")
    later(world)
    known = privacy.export(world.app.service, "alice@example.org")

    assert sorted(row["day"] for row in known["folded_deliveries"] if row["day"]) == [1, 2, 3, 4, 5]
    assert known["deliveries"] == []
    assert mail.delivery_id in privacy.traces(world.app.service, "alice@example.org").deliveries


def test_coming_back_after_folding_brings_every_lesson(world):
    """Nothing of the first round stands in the way of the second one."""
    finish(world, "alice")
    later(world)
    finish(world, "alice")

    assert world.box.names("alice@example.org").count("day-5") == 2


# How it is done.


def test_it_goes_in_small_steps_and_counts_right(world, monkeypatch):
    """Three rows a transaction, two rounds at a time: the sums are those of one big step."""
    finish(world, "alice", "bob", "charlie")
    world.clock.go(days=KEEP)
    monkeypatch.setattr(folding, "AT_ONCE", 3)
    monkeypatch.setattr(folding, "ROUNDS", 2)

    assert fold(world) == 24
    assert {row[3] for row in world.rows(COUNTS)} == {3}
    assert fold(world) == 0


def test_what_there_is_no_time_for_waits(world, monkeypatch):
    """Folding stops when it is told to, and goes on the next time."""
    finish(world, "alice")
    world.clock.go(days=KEEP)
    monkeypatch.setattr(folding, "AT_ONCE", 3)
    steps = iter([True, False])
    folding.fold(world.app.service, world.clock.now(), lambda: next(steps))

    assert number(world, "deliveries") == 5
    assert fold(world) == 5


def test_workers_that_fold_at_once_count_each_row_once(world, monkeypatch):
    """Four workers tidy at the same moment."""
    finish(world, "alice", "bob", "charlie")
    world.clock.go(days=KEEP)
    monkeypatch.setattr(folding, "AT_ONCE", 2)
    monkeypatch.setattr(folding, "ROUNDS", 1)
    with ThreadPoolExecutor(4) as pool:
        folded = [future.result() for future in [pool.submit(fold, world) for _ in range(4)]]
    folded.append(fold(world))

    assert sum(folded) == 24
    assert world.rows("SELECT sum(number) FROM delivery_counts") == [(24,)]


@ON_SQLITE
def test_nothing_to_fold_costs_one_look_at_an_index(world):
    """The question that every tidying asks is answered by an index that holds only what has ended and is not folded."""
    asked = "SELECT id FROM enrolments WHERE ended_at <= '2027' AND folded_at IS NULL ORDER BY ended_at LIMIT 1"
    plan = str(world.rows(f"EXPLAIN QUERY PLAN {asked}"))

    assert "ended_enrolments" in plan
    assert "TEMP B-TREE" not in plan


def test_a_text_that_is_in_use_nowhere_is_forgotten(world):
    """After an edit the old text stays as long as a delivery names it; the present texts and held ones stay anyway."""
    finish(world, "alice")
    with world.app.service.store.transaction() as tx:
        old = tx.execute(select(mailings).limit(1)).mappings().one()
        for digest, reason in (("edited", None), ("held", "refused"), ("used", None)):
            tx.execute(mailings.insert().values({**old, "digest": digest, "held_reason": reason}))
    world.join("bob")
    world.clock.go(hours=24)
    world.app.tick()
    with world.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE deliveries SET mailing = 'used' WHERE id = (SELECT max(id) FROM deliveries)"))
    later(world)
    kept = {digest for (digest,) in world.rows("SELECT digest FROM mailings")}

    assert "edited" not in kept
    assert {"held", "used", old["digest"]} <= kept


def test_rounds_that_ended_before_this_was_kept_are_folded(world):
    """The migration finds in the history when they ended."""
    finish(world, "alice")
    ended = world.rows("SELECT ended_at FROM enrolments")
    script = ScriptDirectory.from_config(migrate._config()).get_revision("0003")  # noqa: SLF001 (there is no other door)
    with world.app.service.store.transaction() as tx:
        tx.execute(update(enrolments).values(ended_at=None))
        tx.execute(text(script.module.ENDED))

    assert world.rows("SELECT ended_at FROM enrolments") == ended != [(None,)]
