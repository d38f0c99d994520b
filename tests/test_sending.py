"""Promises of sending: whatever becomes of one message, its person gets it once, and nobody else is kept waiting."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from conftest import ON_SQLITE, Box
from sqlalchemy import delete, event, func, select, true, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from course.app import App
from course.content import layout
from course.files import DRAFT
from course.journeys import demo, facts, filling, held, permitting, reports, sending, settling, suppression
from course.journeys import enrolments as rounds
from course.journeys.doubts import ledgers
from course.journeys.people import find
from course.ledger import of_one
from course.outgoing import Halt, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.schedule import Pace
from course.store.database import Store
from course.store.tables import deliveries, enrolments, metadata, subscribers

EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # Tuesday, when Alice's first lesson is due
QUEUE = "SELECT name, status, attempts, local_date, send_at, due_at, error FROM deliveries ORDER BY id"


class Crash(BaseException):
    """The process is gone."""


def until(world, end):
    """Tick at every moment at which something is owed, up to the end."""
    while True:
        with world.app.service.store.reading() as tx:
            due = select(func.min(enrolments.c.next_send_at)).where(enrolments.c.status == "active")
            owed = select(func.min(deliveries.c.send_at)).where(deliveries.c.status == "queued")
            moments = [at for at in (tx.execute(due).scalar(), tx.execute(owed).scalar()) if at]
            if tx.execute(select(deliveries.c.id).where(deliveries.c.status.in_(("stalled", "sending")))).first():
                moments.append(world.clock.at + timedelta(minutes=5))
        at = max(min(moments, default=end), world.clock.at + timedelta(seconds=1))
        if at > end:
            break
        world.clock.at = at
        world.app.tick()
    world.clock.at = end
    world.app.tick()


def answering(world, outcome, *, to=None, name=None):
    """Let the box give this answer (to one person, or about one mail); return the moments and mails it was asked."""
    asked = []

    def answer(outgoing):
        if (to and not outgoing.to.startswith(to)) or (name and outgoing.mailing.name != name):
            return Sent("provider-1")
        asked.append((world.clock.at, outgoing))
        return outcome

    world.box.answer = answer
    return asked


def day_1(world, who="alice"):
    """Return how somebody's first lesson stands."""
    found = world.rows(
        "SELECT s.email, d.status FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id WHERE d.name = 'day-1'"
    )
    return dict(found).get(f"{who}@example.org")


def gather(world, *people, **changed):
    """Let people join; their first lessons are due at eight, which it is now."""
    for who in people:
        world.join(who, **changed)
    world.clock.at = EIGHT
    world.box.sent.clear()


@pytest.fixture
def three(world):
    """Give a world in which the first lessons of Alice, Bob and Charlie are due."""
    gather(world, "alice", "bob", "charlie")
    return world


@ON_SQLITE
def test_try_later_waits_longer_each_time(world):
    """A lesson that cannot leave now is tried after 1, 5, 15, 30, 60 and 120 minutes or somewhat more."""
    world.join()
    asked = answering(world, TryLater("busy"))
    until(world, EIGHT + timedelta(hours=6))

    waits = [(later - at) / timedelta(minutes=1) for (at, _), (later, _) in pairwise(asked)]
    assert len(waits) >= 6
    assert all(least <= wait <= 1.26 * least for least, wait in zip((1, 5, 15, 30, 60, 120), waits, strict=False))


@ON_SQLITE
def test_try_later_minds_the_other_side(world):
    """If the other side says when, it is then."""
    world.join()
    asked = answering(world, TryLater("slow down", seconds=600))
    until(world, EIGHT + timedelta(minutes=25))

    assert [at - EIGHT for at, _ in asked] == [timedelta(minutes=minutes) for minutes in (0, 10, 20)]


def test_a_retry_is_the_same_message(world):
    """It is the same row and Message-ID each time, and it is sent once."""
    world.join()
    asked = answering(world, TryLater("busy"))
    until(world, EIGHT + timedelta(minutes=5))
    world.box.answer = lambda _: Sent()
    until(world, EIGHT + timedelta(hours=1))

    ids = {mail.message_id for _, mail in asked} | {world.box.last("day-1").message_id}
    assert (len(asked), len(ids)) == (2, 1)
    assert world.box.names() == ["confirm", "welcome", "day-1"]
    assert world.rows("SELECT status, local_date IS NULL FROM deliveries WHERE name = 'day-1'") == [("sent", False)]


@ON_SQLITE
def test_a_retry_does_not_go_past_midnight(world):
    """What did not leave on its date leaves at their next hour, not in the night."""
    world.join(send_hour=23)
    asked = answering(world, TryLater("busy"))
    until(world, datetime(2027, 3, 2, 12, 0, tzinfo=UTC))
    world.box.answer = lambda _: Sent()
    until(world, datetime(2027, 3, 2, 23, 0, tzinfo=UTC))

    assert {(at.day, at.hour) for at, _ in asked} == {(1, 23)}
    assert world.rows("SELECT status, CAST(local_date AS TEXT) FROM deliveries WHERE name = 'day-1'") == [
        ("sent", "2027-03-02")
    ]


@ON_SQLITE
def test_the_next_lesson_counts_from_the_one_that_was_late(world):
    """Day 2 comes on the day after day 1 did leave: none is skipped, none is doubled."""
    world.join(send_hour=23)
    answering(world, TryLater("busy"))
    until(world, datetime(2027, 3, 2, 12, 0, tzinfo=UTC))
    world.box.answer = lambda _: Sent()
    until(world, datetime(2027, 3, 3, 23, 30, tzinfo=UTC))

    assert world.box.names() == ["confirm", "welcome", "day-1", "day-2"]


def test_a_dead_address_ends_it(three):
    """An address that cannot work is suppressed, and the person's courses stop; the others get theirs."""
    answering(three, RefusedRecipient("5.1.1 no such user", dead=True), to="bob")
    three.app.tick()

    assert [day_1(three, who) for who in ("alice", "bob", "charlie")] == ["sent", "failed", "sent"]
    assert three.rows("SELECT status, ended_reason FROM enrolments ORDER BY id") == [
        ("active", None),
        ("stopped", "bounced"),
        ("active", None),
    ]
    assert three.rows("SELECT reason FROM suppressions") == [("bounced",)]


@ON_SQLITE
def test_a_dead_address_is_never_written_to_again(three):
    """Nothing goes there any more: not the next lesson, not a new confirmation."""
    asked = answering(three, RefusedRecipient("5.1.1 no such user", dead=True), to="bob")
    three.app.tick()
    three.sign_up("bob")
    until(three, EIGHT + timedelta(days=3))

    assert len(asked) == 1
    assert "bob@example.org" not in {mail.to for mail in three.box.sent}


@ON_SQLITE
def test_a_course_ends_for_an_address_that_was_suppressed_by_hand(three):
    """Bob's lesson is due and his address is never to be written to: his course ends, as if he had left it."""
    with three.app.service.store.transaction() as tx:
        suppression.suppress(tx, three.app.service.keys, "bob@example.org", "by hand", EIGHT)
    three.app.tick()

    assert [day_1(three, who) for who in ("alice", "bob", "charlie")] == ["sent", "cancelled", "sent"]
    assert three.rows("SELECT status, ended_reason FROM enrolments ORDER BY id") == [
        ("active", None),
        ("stopped", "unsubscribed"),
        ("active", None),
    ]


def test_a_refusal_is_tried_for_three_days(world):
    """A full mailbox is tried for 72 hours; then that day has failed, and the course goes on with the next."""
    world.join()
    asked = answering(world, RefusedRecipient("5.2.2 full"), name="day-1")
    until(world, EIGHT + timedelta(days=4))

    first, last = asked[0][0], asked[-1][0]
    assert (first, last) == (EIGHT, EIGHT + timedelta(hours=72))
    assert day_1(world) == "failed"
    assert world.box.names() == ["confirm", "welcome", "day-2"]
    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert ("failed",) in world.rows("SELECT event FROM history")
    assert world.rows("SELECT * FROM suppressions") == []


@ON_SQLITE
def test_a_last_lesson_that_failed_still_ends_the_course(world):
    """When the last day has failed for good, the farewell comes all the same."""
    world.join()
    answering(world, RefusedRecipient("5.2.2 full"), name="day-5")
    until(world, EIGHT + timedelta(days=10))

    assert world.box.names()[-2:] == ["day-4", "farewell"]
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]


@ON_SQLITE
def test_whoever_pauses_while_the_last_lesson_is_on_its_way_has_a_farewell(world):
    """Alice pauses at that very moment; when she resumes nothing is left to send, and her course is at its end."""
    world.join()
    service = world.app.service

    def pause(outgoing):
        if outgoing.mailing.name == "day-5":
            with service.store.transaction() as tx:
                assert rounds.pause(tx, find(tx, true())[0], world.clock.now())
        return Sent()

    world.box.answer = pause
    until(world, EIGHT + timedelta(days=6))
    before = world.rows("SELECT status FROM enrolments")
    with service.store.transaction() as tx:
        rounds.resume(tx, service, find(tx, true())[0], world.clock.now())
    until(world, EIGHT + timedelta(days=8))

    assert (before, world.rows("SELECT status FROM enrolments")) == ([("paused",)], [("finished",)])
    assert world.box.names()[-2:] == ["day-5", "farewell"]


@ON_SQLITE
def test_a_rest_does_not_use_up_the_three_days(world):
    """Whoever pauses after a failed attempt, and resumes a week later, has the whole 72 hours again."""
    world.join()
    answering(world, TryLater("busy"))
    until(world, EIGHT + timedelta(minutes=1))
    token = world.leave_token()
    world.app.pause(token)
    until(world, EIGHT + timedelta(days=7))
    world.app.resume(token)
    until(world, EIGHT + timedelta(days=8, hours=3))
    failed = day_1(world)
    world.box.answer = lambda _: Sent()
    until(world, EIGHT + timedelta(days=9, hours=3))

    assert failed == "queued"
    assert "day-1" in world.box.names()


def test_a_refused_mailing_is_held_for_everybody(world):
    """A lesson that is refused for what it says is held: nobody fails; in another locale it still leaves."""
    world.join("dora", locale="en-US")
    gather(world, "alice", "bob", "charlie")
    asked = answering(world, RefusedMailing("550 content"))
    refuse = world.box.answer
    world.box.answer = lambda mail: Sent() if mail.mailing.locale == "en-US" else refuse(mail)
    until(world, EIGHT + timedelta(hours=1))

    assert {who: day_1(world, who) for who in ("alice", "bob", "charlie", "dora")} == {
        "alice": "queued",
        "bob": "queued",
        "charlie": "queued",
        "dora": "sent",
    }
    assert len(asked) <= 3
    assert set(world.rows("SELECT status FROM enrolments")) == {("active",)}


@ON_SQLITE
def test_a_held_mailing_says_so(three):
    """The owner hears of it once, by name and reason, and sees it in the status."""
    answering(three, RefusedMailing("550 content"), name="day-1")
    with capture_logs() as logs:
        three.app.tick()
        until(three, EIGHT + timedelta(hours=2))

    said = [line for line in logs if "held until its text changes" in line["event"]]
    told = reports.status(three.app.service, three.clock.now())["held_mailings"]
    assert told == ["self-compassion day-1 en-GB: 550 content"]
    assert {(line["name"], line["why"]) for line in said} == {("day-1", "550 content")}


@ON_SQLITE
def test_what_was_held_until_the_night_leaves_in_the_morning(three):
    """A lesson that is let go at nine in the evening is thirteen hours late, whenever somebody last looked at it."""
    answering(three, RefusedMailing("550 content"), name="day-1")
    until(three, EIGHT + timedelta(hours=13))
    three.box.answer = lambda _: Sent()
    held.release(three.app.service, "self-compassion", "day-1", None, three.clock.now())
    until(three, EIGHT + timedelta(hours=23, minutes=59))
    at_night = three.box.names()
    until(three, EIGHT + timedelta(days=1))

    assert (at_night, three.box.names()) == ([], ["day-1"] * 3)


@ON_SQLITE
def test_other_mail_leaves_while_one_is_held(three):
    """A held lesson keeps back nothing else: a newcomer still gets the confirmation and the welcome."""
    answering(three, RefusedMailing("550 content"), name="day-1")
    three.app.tick()
    three.join("dora")

    assert three.box.names("dora@example.org") == ["confirm", "welcome"]


@ON_SQLITE
def test_what_is_due_behind_held_mail_leaves_in_the_same_tick(world, monkeypatch):
    """A whole claim of held mail comes first in line: Dora, whose lesson is another text, need not wait for a tick."""
    monkeypatch.setattr(sending, "CLAIM", 2)
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    world.join("dora", locale="en-US")
    busy = TryLater("busy", 15 * 60)
    world.box.answer = lambda mail: busy if mail.mailing.locale == "en-US" else RefusedMailing("550 content")
    until(world, EIGHT)
    world.box.answer = lambda _: Sent()
    world.box.sent.clear()
    world.clock.at = EIGHT + timedelta(minutes=15)
    world.app.tick()

    assert world.box.names("dora@example.org") == ["day-1"]


def test_an_edit_releases_what_was_held(three, tmp_path):
    """As soon as the lesson reads differently everybody who waits for it gets it, in the new words."""
    answering(three, RefusedMailing("550 content"), name="day-1")
    three.app.tick()
    shutil.copytree(three.app.settings.emails_dir, tmp_path / "emails")
    lesson = tmp_path / "emails/courses/self-compassion/en-GB/day-1.md"
    lesson.write_text(lesson.read_text().replace("two ways of saying it", "said more gently"))
    three.box.answer = lambda _: Sent()
    three.restart(emails_dir=tmp_path / "emails")
    until(three, EIGHT + timedelta(minutes=30))

    assert [mail.to for mail in three.box.sent] == [f"{who}@example.org" for who in ("alice", "bob", "charlie")]
    assert {mail.mailing.subject for mail in three.box.sent} == {"Day 1: said more gently"}


def test_a_halt_changes_nobody_s_state(three):
    """When nothing can leave at all, every row stays as it was: no attempt counted, nothing put off."""
    asked = answering(three, Halt("401 bad key"))
    # What planning does is no part of this: let it have happened.
    three.app.stopping.set()
    three.app.tick()
    three.app.stopping.clear()
    before = three.rows(QUEUE), three.rows("SELECT * FROM enrolments ORDER BY id")
    three.app.tick()

    assert len(asked) == 1
    assert (three.rows(QUEUE), three.rows("SELECT * FROM enrolments ORDER BY id")) == before


@ON_SQLITE
def test_a_halt_is_told_once(three):
    """The breaker opens: it is said once, and health and status show it for as long as it lasts."""
    answering(three, Halt("401 bad key"))
    with capture_logs() as logs:
        for _ in range(12):
            three.app.tick()
            three.clock.go(minutes=1)

    assert [line["why"] for line in logs if line["log_level"] == "error"] == ["401 bad key"]
    assert three.app.health() == {"ok": False, "database": True, "clock": True, "sending": False}
    assert reports.status(three.app.service, three.clock.now())["sending_stopped"] == "401 bad key"


@ON_SQLITE
def test_an_open_breaker_is_not_knocked_at(three):
    """For five minutes the other side is left alone; then one message tries."""
    asked = answering(three, Halt("401 bad key"))
    for _ in range(12):
        three.app.tick()
        three.clock.go(minutes=1)

    assert [(at - EIGHT) / timedelta(minutes=1) for at, _ in asked] == [0, 5, 10]


def test_a_breaker_closes_again(three):
    """When mail leaves again everybody gets theirs, and health is well."""
    answering(three, Halt("401 bad key"))
    three.app.tick()
    three.box.answer = lambda _: Sent()
    three.clock.go(minutes=6)
    three.app.tick()

    assert len(three.box.sent) == 3
    assert three.app.health()["ok"]
    assert reports.status(three.app.service, three.clock.now())["sending_stopped"] == ""


@ON_SQLITE
def test_a_breaker_closes_after_a_restart_too(three):
    """Whoever mends the key and starts again finds the service well as soon as mail leaves."""
    answering(three, Halt("401 bad key"))
    three.app.tick()
    three.box.answer = lambda _: Sent()
    three.restart()
    three.clock.go(minutes=6)
    three.app.tick()

    assert len(three.box.sent) == 3
    assert three.app.health()["ok"]


def test_a_halt_in_the_middle_keeps_what_was_sent(three):
    """What left before the halt is sent; what did not leaves later; nobody gets two."""
    answering(three, Halt("402 no credit"), to="bob")
    three.app.tick()
    middle = [day_1(three, who) for who in ("alice", "bob", "charlie")]
    three.box.answer = lambda _: Sent()
    three.clock.go(minutes=6)
    three.app.tick()

    assert middle == ["sent", "queued", "queued"]
    assert sorted(mail.to for mail in three.box.sent) == [f"{who}@example.org" for who in ("alice", "bob", "charlie")]


@ON_SQLITE
def test_unsure_is_stalled(three):
    """A message that was given away without an answer is in doubt, and is not sent again at once."""
    asked = answering(three, Unsure("the line broke"), to="bob")
    three.app.tick()
    three.app.tick()

    assert day_1(three, "bob") != "sent"
    assert len(asked) == 1


def test_a_doubt_ends_with_the_same_message(three):
    """What stays in doubt is sent again: the same row, the same Message-ID, so that a mail client can tell."""
    asked = answering(three, Unsure("the line broke"), to="bob")
    three.app.tick()
    in_doubt = day_1(three, "bob")
    three.box.answer = lambda _: Sent()
    until(three, EIGHT + timedelta(hours=1))

    again = next(mail for mail in three.box.sent if mail.to == "bob@example.org")
    assert in_doubt == "stalled"
    assert (again.delivery_id, again.message_id) == (asked[0][1].delivery_id, asked[0][1].message_id)
    assert three.box.names("bob@example.org") == ["day-1"]


def test_a_doubt_is_left_to_the_provider_first(three):
    """Where events tell later what became of a message, they have half an hour before it is sent again."""
    three.box.has_events = True
    asked = answering(three, Unsure("the line broke"), to="bob")
    three.app.tick()
    for _ in range(29):
        three.clock.go(minutes=1)
        three.app.tick()
    in_time = len(asked)
    until(three, EIGHT + timedelta(minutes=45))

    assert (in_time, len(asked)) == (1, 2)


@ON_SQLITE
def test_a_doubt_of_a_clock_that_was_wrong_ends(three):
    """A doubt that was noted by a clock weeks ahead does not last for weeks once that is put right."""
    three.box.has_events = True
    asked = answering(three, Unsure("the line broke"), to="bob")
    three.app.tick()
    with three.app.service.store.transaction() as tx:
        tx.execute(update(deliveries).values(claimed_at=EIGHT + timedelta(weeks=3)))
    until(three, EIGHT + timedelta(minutes=20))

    assert len(asked) == 2


@ON_SQLITE
def test_endless_doubt_is_no_flood(three):
    """If every try ends in doubt, it comes twice on one day and once on the next; then the course goes on."""
    asked = answering(three, Unsure("the line broke"), to="bob", name="day-1")
    until(three, EIGHT + timedelta(hours=23))
    on_the_first_day = len(asked)
    until(three, EIGHT + timedelta(hours=97))

    assert (on_the_first_day, len(asked)) == (2, 3)
    assert day_1(three, "bob") == "unknown"
    assert "day-2" in three.box.names("bob@example.org")


@ON_SQLITE
def test_a_first_doubt_after_days_of_trying_is_owed_again(three):
    """The server was away for two days; then it took Bob's lesson and fell silent: no attempt before was a doubt."""
    asked = answering(three, TryLater("no connection"), to="bob", name="day-1")
    until(three, EIGHT + timedelta(hours=48))
    tried = len(asked)
    asked = answering(three, Unsure("the line broke"), to="bob", name="day-1")
    until(three, EIGHT + timedelta(hours=60))

    assert tried > 2
    assert len(asked) == 2


@ON_SQLITE
def test_each_lesson_has_doubts_of_its_own(three):
    """Whoever's first lesson was in doubt for three days gets the second one again at its own first doubt."""
    asked = answering(three, Unsure("the line broke"), to="bob", name="day-1")
    never = three.box.answer
    doubted = []

    def answer(outgoing):
        if outgoing.to.startswith("bob") and outgoing.mailing.name == "day-2" and not doubted:
            doubted.append(outgoing)
            return Unsure("the line broke")
        return never(outgoing)

    three.box.answer = answer
    until(three, EIGHT + timedelta(days=5))

    assert (len(asked), len(doubted)) == (3, 1)
    assert "day-2" in three.box.names("bob@example.org")


@ON_SQLITE
def test_a_doubt_counts_for_the_calendar(three):
    """While day 1 is in doubt it may have arrived: nothing else of the course comes on that date."""
    answering(three, Unsure("the line broke"), to="bob")
    until(three, EIGHT + timedelta(hours=15))

    assert set(three.box.names("bob@example.org")) == set()
    assert three.rows("SELECT count(*) FROM deliveries WHERE name = 'day-2'") == [(0,)]


def test_a_doubt_can_be_taken_for_sent(three):
    """With WHEN_UNSURE=hold nothing in doubt is sent again: it counts for its date, and day 2 comes tomorrow."""
    three.restart(when_unsure="hold")
    answering(three, Unsure("the line broke"), to="bob", name="day-1")
    three.app.tick()
    three.app.tick()
    settled = day_1(three, "bob")
    until(three, EIGHT + timedelta(days=1, hours=2))

    assert settled == "unknown"
    assert three.box.names("bob@example.org") == ["day-2"]


@ON_SQLITE
def test_a_broken_transport_leaves_a_doubt(three):
    """A bug in a transport is no reason to lose anybody: that message is in doubt, the others leave."""

    def break_for_bob(mail):
        if mail.to.startswith("bob"):
            raise ZeroDivisionError
        return Sent()

    three.box.answer = break_for_bob
    three.app.tick()

    assert [day_1(three, who) for who in ("alice", "bob", "charlie")] == ["sent", "stalled", "sent"]


@ON_SQLITE
def test_a_poison_message_keeps_nobody_waiting(three, monkeypatch):
    """A message that cannot be made is Bob's alone; Alice and Charlie get theirs, and so does he once it is mended."""
    fill = filling.fill

    def not_for_bob(tx, service, row, now, real_now):
        if row.email.startswith("bob"):
            raise KeyError("greeting")
        return fill(tx, service, row, now, real_now)

    monkeypatch.setattr(filling, "fill", not_for_bob)
    three.app.tick()
    first = [mail.to for mail in three.box.sent]
    monkeypatch.undo()
    until(three, EIGHT + timedelta(minutes=2))

    assert first == ["alice@example.org", "charlie@example.org"]
    assert three.box.names("bob@example.org") == ["day-1"]


def refuse_to_write_down(monkeypatch, who):
    """Let the database not take that somebody's message was sent."""
    sent = settling.sent

    def not_theirs(tx, service, left, *rest):
        if any(row.email.startswith(who) for row, _ in left):
            raise ZeroDivisionError
        return sent(tx, service, left, *rest)

    monkeypatch.setattr(settling, "sent", not_theirs)


def test_a_poison_outcome_keeps_nobody_waiting(three, monkeypatch):
    """An outcome that cannot be written down is Bob's alone: the others' are, and the next mail leaves."""
    refuse_to_write_down(monkeypatch, "bob")
    for _ in range(3):
        try:
            three.app.tick()
        except ZeroDivisionError:
            continue
    three.join("dora")

    assert [day_1(three, who) for who in ("alice", "charlie")] == ["sent", "sent"]
    assert three.box.names("dora@example.org")[:2] == ["confirm", "welcome"]
    assert three.box.names("bob@example.org") == ["day-1"]


@pytest.mark.parametrize("end", ["kill -9", "SIGTERM"])
def test_what_cannot_be_written_down_is_in_doubt(three, monkeypatch, end):
    """Bob's lesson was taken, and the database refuses to say so; his worker ends before it looks again.

    It is not taken for one that never left: it comes at most once more, as a doubt does.
    """
    refuse_to_write_down(monkeypatch, "bob")
    three.app.ticker.turn()
    before = day_1(three, "bob")
    monkeypatch.undo()
    if end == "SIGTERM":
        three.app.ticker.release()
    else:
        os.close(three.app.ticker.ledger._file)  # noqa: SLF001 (as the system does when a process ends)
        del three.app.ticker.ledger
    three.restart()
    three.app.recover()
    again = three.rows(
        "SELECT d.status, d.attempts FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id"
        " WHERE d.name = 'day-1' AND s.email = 'bob@example.org'"
    )

    assert (before, again) == ("stalled", [("queued", 1)])
    assert three.box.names("bob@example.org") == ["day-1"]


def test_of_whom_nothing_can_be_written_down_the_ledger_tells(three, monkeypatch):
    """Not even that Alice's lesson is in doubt: the others' outcomes are written, and the ledger keeps hers."""
    settle = settling.settle

    def not_for_alice(service, some, *times):
        some = list(some)
        if any(row.email.startswith("alice") for row, _ in some):
            raise ZeroDivisionError
        settle(service, some, *times)

    monkeypatch.setattr(settling, "settle", not_for_alice)
    three.app.ticker.turn()
    page = of_one(ledgers(three.app.service), three.app.ticker.worker)

    assert [day_1(three, who) for who in ("alice", "bob", "charlie")] == ["sending", "sent", "sent"]
    assert len(page.given) == len(page.answers) == 3


def test_a_poison_lesson_keeps_nobody_waiting(world, monkeypatch):
    """A lesson that an author has spoilt is not sent; those who get it in another language get theirs."""
    world.join("dora", locale="en-US")
    gather(world, "alice", "bob", "charlie")
    compile_mailing = layout.compile_mailing

    def not_in_american(settings, course, source, name, day, locale, words, **how):
        if locale == "en-US":
            raise KeyError("preheader")
        return compile_mailing(settings, course, source, name, day, locale, words, **how)

    monkeypatch.setattr(layout, "compile_mailing", not_in_american)
    world.app.tick()
    first = [mail.to for mail in world.box.sent]
    monkeypatch.undo()
    until(world, EIGHT + timedelta(minutes=30))

    assert first == [f"{who}@example.org" for who in ("alice", "bob", "charlie")]
    assert day_1(world, "dora") == "sent"


@ON_SQLITE
def test_a_start_clears_away_what_a_kill_left_half_written(world):
    """Uploads that never arrived whole, and drafts of mails in the outbox; a mail that is whole stays."""
    data = world.app.settings.data_dir
    for name in ("tmp/upload", f"outbox/{DRAFT}1", "outbox/whole.eml"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("It helped.")
    world.app.recover()

    assert [path.name for folder in ("tmp", "outbox") for path in data.glob(f"{folder}/*")] == ["whole.eml"]


@ON_SQLITE
def test_a_spool_that_cannot_be_read_keeps_no_lesson_back(three):
    """What comes in does not stop what goes out."""

    def refuse():
        raise PermissionError

    three.app.ticker.read_spool = refuse
    three.app.tick()

    assert len(three.box.sent) == 3


@ON_SQLITE
@pytest.mark.parametrize(("ends", "turns"), [(False, 3), (True, 1)], ids=["in time", "at the end"])
def test_a_tick_with_more_to_do_comes_to_an_end(world, monkeypatch, ends, turns):
    """After a minute others have their turn, tidying for instance; when the service ends, at once."""
    ticker, taken = world.app.ticker, []

    def turn():
        taken.append(world.clock.go(seconds=20))
        if ends:
            ticker.stopped.set()
        return sending.Tally(sent=1, more=len(taken) < 9)

    monkeypatch.setattr(ticker, "turn", turn)

    assert ticker.tick() == turns


def test_a_killed_worker_s_claims_are_owed_again(three, monkeypatch):
    """After a kill between claim and settle, recover() owes the claims again; what was settled before is untouched."""
    before = three.rows("SELECT * FROM deliveries WHERE status = 'sent' ORDER BY id")
    monkeypatch.setattr(settling, "put_back", lambda *_: None)  # the dead tidy nothing up

    def die_at_bob(mail):
        if mail.to.startswith("bob"):
            raise Crash
        return Sent()

    three.box.answer = die_at_bob
    with pytest.raises(Crash):
        three.app.tick()
    monkeypatch.undo()
    claimed = [day_1(three, who) for who in ("alice", "bob", "charlie")]
    three.box.answer = lambda _: Sent()
    three.restart()
    three.app.recover()
    until(three, EIGHT + timedelta(minutes=10))
    after = three.rows("SELECT * FROM deliveries WHERE name NOT LIKE 'day%' ORDER BY id")

    assert claimed == ["sending"] * 3
    assert [day_1(three, who) for who in ("alice", "bob", "charlie")] == ["sent"] * 3
    assert [three.box.names(f"{who}@example.org") for who in ("bob", "charlie")] == [["day-1"], ["day-1"]]
    assert len({mail.message_id for mail in three.box.sent if mail.to.startswith("alice")}) == 1
    assert (len(before), after) == (6, before)


def test_a_worker_s_own_claims_that_it_forgot_are_swept(three, monkeypatch):
    """What a tick left claimed when it broke: what it gave away is in doubt and owed again, the rest leaves at once."""
    monkeypatch.setattr(settling, "put_back", lambda *_: None)

    def die(_):
        raise Crash

    three.box.answer = die
    with pytest.raises(Crash):
        three.app.tick()
    monkeypatch.undo()
    three.box.answer = lambda _: Sent()
    three.app.tick()
    early = len(three.box.sent)
    until(three, EIGHT + timedelta(minutes=30))

    assert (early, len(three.box.sent)) == (2, 3)


def crash_at_bob(world):
    """Let the process be interrupted while Bob's message is with the transport, which has events; return who had it."""
    world.box.has_events = True

    def die_at_bob(mail):
        if mail.to.startswith("bob"):
            raise Crash
        return Sent()

    world.box.answer = die_at_bob
    with pytest.raises(Crash):
        world.app.tick()
    world.box.answer = lambda _: Sent()


def test_an_interruption_leaves_doubt_where_there_is_doubt(three):
    """Interrupted in the middle, only what was never handed over is released: what was given away is in doubt."""
    crash_at_bob(three)

    assert day_1(three, "charlie") == "queued"
    assert [day_1(three, who) in {"sending", "stalled", "sent"} for who in ("alice", "bob")] == [True, True]


def test_an_interruption_sends_nothing_twice_at_once(three):
    """What was given away before an interruption is not sent again before its provider had time to say so."""
    crash_at_bob(three)
    three.restart()
    three.app.recover()
    three.app.tick()

    assert Counter(mail.to for mail in three.box.sent) == {"alice@example.org": 1, "charlie@example.org": 1}


def test_what_cannot_be_written_down_is_not_sent_twice(three, monkeypatch):
    """If the database fails for a moment after messages have left, they do not leave again at once."""
    settle = settling.settle

    def fail_once(*args):
        monkeypatch.setattr(settling, "settle", settle)
        raise OperationalError("UPDATE deliveries", {}, Exception("deadlock detected"))

    three.box.has_events = True
    monkeypatch.setattr(settling, "settle", fail_once)
    with pytest.raises(OperationalError):
        three.app.tick()
    three.app.tick()

    assert set(Counter(mail.to for mail in three.box.sent).values()) == {1}


def test_two_workers_send_each_mail_once(world, settings):
    """200 lessons are due and two workers start at once: each lesson leaves once, from one of them."""
    world.app.tick()
    demo.make(world.app.service, 200, world.clock.now(), due=True)
    other = App.build(settings, transport=Box(), clock=world.clock)
    both_are_here = threading.Barrier(2)

    def work(app):
        both_are_here.wait(10)
        return app.tick()

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(work, [world.app, other]))
    world.app.tick()  # whatever one of them had to leave to the other
    other.close()

    sent = Counter(mail.to for mail in world.box.sent + other.transport.sent)
    assert len(sent) == 200
    assert set(sent.values()) == {1}
    assert sum(counts) <= 200
    assert world.rows("SELECT status, count(*) FROM deliveries GROUP BY status") == [("sent", 200)]
    assert world.rows("SELECT count(*) FROM enrolments WHERE next_day = 2") == [(200,)]


def test_two_workers_note_their_first_tick_at_once(world, database):
    """Two workers that start on a new database do not fail over who writes the first note."""
    other = Store(database)
    late = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

    def note():
        with other.transaction() as tx:
            facts.remember(tx, "note", "second", late)

    with ThreadPoolExecutor(1) as pool:
        with world.app.service.store.transaction() as tx:
            facts.remember(tx, "note", "first", late)
            waiting = pool.submit(note)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
        error = waiting.exception(timeout=10)
    other.close()

    assert error is None
    assert world.rows("SELECT value FROM facts WHERE name = 'note'") == [("second",)]


def test_stopping_releases_what_was_not_handed_over(three):
    """Asked to stop, a worker ends the message in hand and gives the rest back as it was; the next one sends them."""

    def stop_after_alice(_):
        three.app.stopping.set()
        return Sent()

    three.box.answer = stop_after_alice
    three.app.tick()
    stopped = three.rows(
        "SELECT status, attempts, worker IS NULL, local_date IS NULL FROM deliveries WHERE name = 'day-1' ORDER BY id"
    )
    three.box.answer = lambda _: Sent()
    three.restart()
    three.app.tick()

    assert [bool(row[2]) for row in stopped] == [False, True, True]
    assert [(row[0], row[1], bool(row[3])) for row in stopped] == [
        ("sent", 0, False),
        ("queued", 0, True),
        ("queued", 0, True),
    ]
    assert Counter(mail.to for mail in three.box.sent) == {
        f"{who}@example.org": 1 for who in ("alice", "bob", "charlie")
    }


@pytest.fixture
def waiting(three):
    """Give the three, and a worker's tick that waits for the answer to Alice's lesson, until it is set."""
    asked, answer = threading.Event(), threading.Event()

    def slow(_):
        asked.set()
        assert answer.wait(60)
        return Sent()

    three.box.answer = slow
    tick = threading.Thread(target=three.app.tick)
    tick.start()
    assert asked.wait(60)
    three.app.stopping.set()
    yield three, answer, tick
    answer.set()
    tick.join()


STAND = "SELECT status, attempts, worker IS NULL FROM deliveries WHERE name = 'day-1' ORDER BY id"
OWED = ("queued", 0, True)


@pytest.mark.parametrize("end", ["released", "abandoned"])
def test_without_its_ledger_nothing_is_taken_for_never_given_away(waiting, end):
    """Somebody's cleaner removed the file; the worker is asked to end while Alice's lesson is on its way."""
    three, _, _ = waiting
    three.app.ticker.ledger.path.unlink()
    three.app.ticker.release()
    if end == "abandoned":
        three.app.ticker.abandon()

    assert three.rows(STAND)[0][0] in {"sending", "stalled"}


def test_stopping_releases_the_rest_while_one_is_waited_for(waiting):
    """However long the answer to one message takes, what was not handed over is anybody's at once."""
    three, answer, tick = waiting
    three.app.ticker.release()
    meanwhile = three.rows(STAND)
    answer.set()
    tick.join()

    assert meanwhile == [("sending", 0, False), OWED, OWED]
    assert three.rows(STAND) == [("sent", 0, False), OWED, OWED]
    assert three.box.names() == ["day-1"]


def test_an_answer_that_never_comes_leaves_one_in_doubt(waiting):
    """A worker that waited for long enough ends: that one message is in doubt, with nobody's ledger to ask for it."""
    three, _, _ = waiting
    three.app.ticker.release()
    three.app.ticker.abandon()

    assert three.rows(STAND) == [("stalled", 0, False), OWED, OWED]


def test_what_is_answered_is_settled_when_another_is_not_waited_for(waiting):
    """Of a worker's connections one hangs: what the others were answered is as they were answered."""
    three, _, _ = waiting
    ids = [row for (row,) in three.rows("SELECT id FROM deliveries WHERE name = 'day-1' ORDER BY id")]
    three.app.ticker.ledger.giving([ids[1]])
    three.app.ticker.ledger.answered([(ids[1], Sent())])
    three.app.ticker.release()
    three.app.ticker.abandon()

    assert [status for status, *_ in three.rows(STAND)] == ["stalled", "sent", "queued"]


def test_nothing_is_handed_over_once_the_rest_is_released(three):
    """Bob's lesson was about to leave when it was given back: it does not leave from here any more."""
    ticker = three.app.ticker
    three.box.answer = lambda _: ticker.stopped.clear() or ticker.release() or Sent()
    three.app.tick()

    assert [mail.to for mail in three.box.sent] == ["alice@example.org"]


def test_a_database_that_is_gone_keeps_no_worker_from_its_end(waiting, monkeypatch):
    """What it could not give back is swept."""
    three, _, _ = waiting

    def gone(*_args, **_named):
        raise OperationalError("UPDATE", {}, Exception("gone"))

    monkeypatch.setattr(settling, "put_back", gone)
    three.app.ticker.release()
    three.app.ticker.abandon()

    assert [status for status, *_ in three.rows(STAND)] == ["sending"] * 3


@ON_SQLITE
def test_a_stopping_worker_claims_nothing(three):
    """Who is asked to stop before a tick takes nothing on."""
    three.app.stopping.set()

    assert three.app.tick() == 0
    assert three.rows("SELECT DISTINCT status FROM deliveries WHERE name = 'day-1'") == [("queued",)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("zone", "hour", "pace", "comes"),
    [
        ("Europe/London", 8, Pace.DAILY, "2027-03-06 08:00"),
        ("Europe/London", 8, Pace.WEEKDAYS, "2027-03-08 08:00"),
        ("Pacific/Honolulu", 22, Pace.DAILY, "2027-03-06 08:00"),  # in UTC it is Friday; hers is a Thursday
    ],
    ids=["daily", "weekdays", "Honolulu"],
)
def test_a_date_that_had_a_lesson_has_no_other(world, zone, hour, pace, comes):
    """Alice had a lesson; another that falls due on that date waits for her hour on one that is free, and leaves then.

    The clock may be some minutes late by then.
    """
    gather(world, "alice", timezone=zone, send_hour=hour)
    world.clock.go(days=3)
    world.app.tick()
    with world.app.service.store.transaction() as tx:
        tx.execute(update(enrolments).values(pace=pace, next_send_at=world.clock.at))
    world.clock.go(hours=1)
    world.app.tick()

    waits = [(name, send_at[:16]) for name, status, _, _, send_at, *_ in world.rows(QUEUE) if status == "queued"]
    first = world.box.names()
    world.clock.at = datetime.fromisoformat(comes).replace(tzinfo=UTC) + timedelta(minutes=5)
    world.app.tick()

    assert (first, waits) == (["day-1"], [("day-2", comes)])
    assert world.box.names() == ["day-1", "day-2"]


@ON_SQLITE
def test_a_late_lesson_is_not_taken_along_by_one_that_is_on_time(world):
    """At nine in the evening Alice's lesson leaves; Bob's, of the morning, is tried again and waits for his hour."""
    world.join("alice", send_hour=21)
    gather(world, "bob")
    answering(world, TryLater("no connection"), to="bob")
    world.app.tick()
    nine = EIGHT + timedelta(hours=13)
    with world.app.service.store.transaction() as tx:
        tx.execute(
            update(deliveries).where(deliveries.c.status == "queued").values(send_at=nine + timedelta(seconds=9))
        )
    world.box.answer = lambda _: Sent()
    world.clock.at = nine + timedelta(minutes=1)
    world.app.tick()

    assert [mail.to for mail in world.box.sent] == ["alice@example.org"]


def test_a_date_that_was_taken_meanwhile_keeps_nobody_else_waiting(three, monkeypatch):
    """Bob's date got its lesson after we looked: the database refuses his claim alone; his lesson comes tomorrow."""
    with three.app.service.store.transaction() as tx:
        bob = tx.execute(select(subscribers.c.id).where(subscribers.c.email == "bob@example.org")).scalar_one()
        enrolment = tx.execute(select(enrolments.c.id).where(enrolments.c.subscriber_id == bob)).scalar_one()
        taken = {
            "subscriber_id": bob,
            "enrolment_id": enrolment,
            "course": "self-compassion",
            "name": "day-9",
            "day": 9,
        }
        at = {"local_date": EIGHT.date(), "due_at": EIGHT, "send_at": EIGHT}
        tx.execute(deliveries.insert().values(kind="lesson", status="sent", **taken, **at))
    with monkeypatch.context() as blind:
        blind.setattr(permitting, "_dates_taken", lambda *_: set())
        three.app.tick()
    first = sorted(mail.to for mail in three.box.sent)
    until(three, EIGHT + timedelta(days=1, minutes=30))

    assert first == ["alice@example.org", "charlie@example.org"]
    assert three.box.names("bob@example.org") == ["day-1"]


@ON_SQLITE
def test_a_slow_worker_s_claims_are_dated_anew(three):
    """A message is dated within the minute in which it leaves, however many are before it: its links last from then."""
    ages = []

    def answer(outgoing):
        with three.app.service.store.reading() as tx:
            claimed_at = select(deliveries.c.claimed_at).where(deliveries.c.id == outgoing.delivery_id)
            ages.append(three.clock.real() - tx.execute(claimed_at).scalar_one())
        three.clock.go(seconds=90)
        return Sent()

    three.box.answer = answer
    three.app.tick()

    assert len(ages) == 3
    assert max(ages) < timedelta(minutes=1)


def test_who_still_wants_their_mail_is_asked_without_writing(three):
    """It is asked four times a second for all that wait: their rows are written when they are claimed, not again."""

    def answer(_):
        three.clock.go(seconds=0.3)
        return Sent()

    three.box.answer = answer
    asked: list[str] = []
    event.listen(three.app.service.store.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    three.app.tick()

    assert len(three.box.sent) == 3
    assert sum(sql.startswith("UPDATE deliveries") and "claimed_at=" in sql for sql in asked) == 1


@ON_SQLITE
def test_a_tick_with_nothing_due_sends_nothing(three):
    """A second tick at the same moment finds nothing to do."""
    three.app.tick()

    assert three.app.tick() == 0
    assert len(three.box.sent) == 3


def whole_tables(world):
    """Tick, and return the statements by which SQLite read a table of people or mails from end to end.

    An index that holds next to none of its rows may be read so.
    """
    few = {index.name for table in metadata.tables.values() for index in table.indexes if index.dialect_kwargs}
    asked: list[tuple[str, object]] = []
    engine = world.app.service.store.engine
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    world.app.tick()
    tables = [(sql, values) for sql, values in asked if re.search(r"\b(?:FROM|UPDATE) \w", sql)]
    assert tables
    with engine.connect() as plain:
        plans = [(sql, plain.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()) for sql, values in tables]
    whole = re.compile(r"SCAN (?:deliveries|enrolments|subscribers|letters|replies)\b")
    steps = [(sql, step[3]) for sql, plan in plans for step in plan if whole.match(step[3])]
    return [sql for sql, step in steps if step.rpartition("INDEX ")[2] not in few]


@ON_SQLITE
def test_a_tick_with_nothing_due_reads_no_table_from_end_to_end(world):
    """However many people and letters there are, what most ticks ask is found by an index that holds next to none."""
    world.join()
    world.pass_hours(24)  # a lesson has left, and there are rows of most kinds
    world.clock.go(minutes=1)

    assert whole_tables(world) == []


@ON_SQLITE
def test_a_tick_with_something_due_reads_no_table_from_end_to_end(world):
    """Nobody looks through a million people for those whose lesson is due, whose pause is over, or who are quiet."""
    gather(world, "alice", "bob")
    world.join("charlie", pace=Pace.SELF_PACED)
    world.app.tick()
    bobs = next(mail for mail in world.box.sent if mail.mailing.name == "day-1" and mail.to.startswith("bob"))
    world.reply(bobs, "PAUSE 3 DAYS")
    world.pass_hours(24)
    with world.app.service.store.transaction() as tx:  # all of it in one tick
        due_now = {"next_send_at": world.clock.at, "resume_at": world.clock.at, "note_at": world.clock.at}
        for column, moment in due_now.items():
            tx.execute(update(enrolments).where(enrolments.c[column].is_not(None)).values({column: moment}))
    world.box.sent.clear()

    assert whole_tables(world) == []
    assert sorted(world.box.names()) == ["day-2", "quiet"]


@pytest.mark.parametrize("day", [1, 5], ids=["first", "last"])
def test_a_cohort_takes_as_many_statements_as_two_people(world, day):
    """All who are due in one hour are planned, claimed and recorded together; so are all whose course ends with it."""
    asked: list[str] = []
    event.listen(world.app.service.store.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    taken = []
    for number, people in enumerate((1, 2, 4)):  # the first of them also keeps the words
        world.clock.at = EIGHT + timedelta(days=number, hours=-1)
        for one in range(people):
            world.join(f"person-{number}-{one}")
        world.box.sent.clear()
        with world.app.service.store.transaction() as tx:
            tx.execute(update(enrolments).values(next_day=day))
        world.clock.at += timedelta(hours=1)
        asked.clear()
        world.app.tick()
        taken.append(len(asked))
        assert world.box.names() == [f"day-{day}"] * people
        with world.app.service.store.transaction() as tx:
            assert tx.execute(select(func.count()).where(enrolments.c.next_day == day + 1)).scalar() == people
            tx.execute(delete(subscribers))

    assert taken[1] == taken[2]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_claim_finds_its_rows_by_their_ids_however_much_is_queued(three):
    """Its changes do not walk the index of all that is queued: a hundred thousand may be, at eight in the morning."""
    engine = three.app.service.store.engine
    plans: list[str] = []

    def explain(connection, cursor, sql, values, *_) -> None:
        if sql.startswith("UPDATE deliveries"):
            plain = connection.connection.cursor()
            plain.execute(f"EXPLAIN {sql}", values)
            plans.append(str(plain.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    three.app.tick()

    assert len(three.box.sent) == 3
    assert len(plans) == 2  # claimed, and sent
    assert [plan for plan in plans if "queued_deliveries" in plan] == []
