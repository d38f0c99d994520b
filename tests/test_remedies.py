"""Promises of what is put right by hand: a mailing is released, a lesson sent once more, an address let in again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from conftest import ON_SQLITE
from sqlalchemy import update

from course.journeys import resending, suppression
from course.journeys.resending import ResendError
from course.outgoing import RefusedMailing, RefusedRecipient, Sent, Unsure
from course.schedule import Pace
from course.store.tables import enrolments
from course.system_clock import SystemClock

EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def course(course, world, monkeypatch):
    """Let commands live at the moment of the test."""
    monkeypatch.setattr(SystemClock, "of", lambda _: world.clock)
    return course


@pytest.fixture
def refused(world):
    """Give a world in which day 1 was refused in en-GB: Alice and Bob wait; Dora got hers in en-US."""
    for who, locale in (("alice", "en-GB"), ("bob", "en-GB"), ("dora", "en-US")):
        world.join(who, locale=locale)
    world.clock.at = EIGHT
    world.box.sent.clear()
    world.box.answer = lambda mail: RefusedMailing("550 content") if mail.mailing.locale == "en-GB" else Sent()
    world.app.tick()
    world.box.answer = lambda _: Sent()
    return world


@pytest.fixture
def two_days(world):
    """Give a world in which Alice had day 1 yesterday, and day 2 today."""
    world.join()
    world.pass_hours(44)
    assert world.box.names()[-1] == "day-2"
    return world


def resend(world, day=1, who="alice", course=None):
    """Ask for a copy."""
    return resending.resend(world.app.service, f"{who}@example.org", course, day, world.clock.now())


def why_not(world, *args, **named):
    """Return why there is no copy."""
    with pytest.raises(ResendError) as refused:
        resend(world, *args, **named)
    return str(refused.value)


# Released.


def test_what_is_released_is_due_at_once(refused, course):
    """Everybody who waits gets it at the next tick, and not when it would have been looked at again."""
    ended = course("held", "release", "day-1")
    refused.clock.go(seconds=1)
    refused.app.tick()

    assert (ended.code, refused.box.names("alice@example.org")) == (0, ["day-1"])
    assert refused.box.names("bob@example.org") == ["day-1"]
    assert refused.box.names("dora@example.org") == ["day-1"]
    assert "for 2 who wait" in ended.out


@ON_SQLITE
def test_held_tells_what_why_and_who_waits(refused, course):
    """Which mailing, in which locale, since when, how many wait, and what to type."""
    said = course("held").out
    listed = json.loads(course("held", "--json").out)

    assert "day-1 en-GB: 2 wait, due since 2027-03-02 08:00 UTC" in said
    assert "550 content" in said
    assert "course held release day-1 --course self-compassion --locale en-GB" in said
    assert [(one["name"], one["locale"], one["people"]) for one in listed] == [("day-1", "en-GB", 2)]


@ON_SQLITE
@pytest.mark.parametrize("arguments", [("day-2",), ("day-1", "--locale", "en-US"), ("day-1", "--course", "nothing")])
def test_what_is_not_held_cannot_be_released(refused, course, arguments):
    """It says so, and how to find out what is; what is held stays held."""
    ended = course("held", "release", *arguments)
    refused.clock.go(minutes=20)
    refused.app.tick()

    assert (ended.code, "What is: course held" in ended.err) == (1, True)
    assert refused.box.names("alice@example.org") == []


@ON_SQLITE
def test_nothing_is_held(world, course):
    """Then it says that."""
    assert course("held").out == "No mailing is held.\n"


@ON_SQLITE
def test_what_is_refused_again_is_held_again(refused, course):
    """A release is no promise that it is taken."""
    refused.box.answer = lambda _: RefusedMailing("550 content")
    course("held", "release", "day-1", "--locale", "en-GB")
    refused.clock.go(seconds=1)
    refused.app.tick()

    assert "day-1 en-GB: 2 wait" in course("held").out


# Sent once more.


def test_a_copy_comes_on_the_date_of_another_lesson(two_days, course):
    """Alice had day 2 today; day 1 comes once more all the same, and day 3 tomorrow as if nothing had happened."""
    ended = course("resend", "Alice@Example.org", "--day", "1")
    two_days.clock.go(seconds=1)
    two_days.app.tick()
    today = two_days.box.names()[-2:]
    two_days.pass_hours(24)

    assert (ended.code, today) == (0, ["day-2", "day-1"])
    assert two_days.box.names()[-1] == "day-3"
    assert two_days.rows("SELECT kind, status, local_date FROM deliveries WHERE kind = 'copy'") == [
        ("copy", "sent", None)
    ]


def test_an_answer_to_a_copy_counts_for_its_day(two_days):
    """Whoever answers the copy of day 1 has done day 1."""
    resend(two_days)
    two_days.clock.go(seconds=1)
    two_days.app.tick()
    decided = two_days.reply(two_days.box.last("day-1"))

    assert decided == ["completed"]
    assert two_days.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_a_copy_that_never_came_changes_nothing_of_the_calendar(two_days):
    """The copy of day 1 was refused for three days and given up; the lessons went on, and so they do after that."""
    with two_days.app.service.store.transaction() as tx:
        tx.execute(update(enrolments).values(pace=Pace.WEEKLY))
    resend(two_days)
    two_days.box.answer = lambda mail: RefusedRecipient("552 full") if mail.mailing.name == "day-1" else Sent()
    two_days.pass_hours(24 * 18)

    assert two_days.rows("SELECT kind FROM deliveries WHERE status = 'failed'") == [("copy",)]
    assert two_days.box.names()[-4:] == ["day-3", "day-4", "day-5", "farewell"]


def test_two_commands_at_once_owe_one_copy(two_days):
    """One makes it, the other says that it was made; tomorrow there may be another one."""

    def ask(_):
        try:
            return resend(two_days)
        except ResendError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(ask, range(2)))
    two_days.clock.go(hours=24)
    resend(two_days)

    assert sorted(words[:6] for words in said) == ["A copy", "self-c"]
    assert two_days.rows("SELECT count(*) FROM deliveries WHERE kind = 'copy'") == [(2,)]


def test_a_lesson_that_was_held_for_sent_can_be_sent_again(world):
    """What is settled as unknown may have been lost: its copy leaves, and the unknown stays what it is."""
    world.join()
    world.clock.at = EIGHT
    world.box.answer = lambda _: Unsure("no answer")
    world.app.tick()
    in_doubt = why_not(world)
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE deliveries SET status = 'unknown' WHERE name = 'day-1'")
    world.box.answer = lambda _: Sent()
    resend(world)
    world.clock.go(seconds=1)
    world.app.tick()

    assert "is in doubt" in in_doubt
    assert world.box.names()[-1] == "day-1"
    assert ("unknown",) in world.rows("SELECT status FROM deliveries WHERE name = 'day-1'")


@ON_SQLITE
def test_no_copy_for_who_may_not_get_one(two_days, course):
    """Whoever left, wants no mail, never was due or is not known: each is told apart, and nothing is owed."""
    two_days.sign_up("bob")
    two_days.join("charlie")
    two_days.app.leave(two_days.leave_token(two_days.box.last("welcome")), "page")
    future, unknown, other = why_not(two_days, 5), why_not(two_days, who="nobody"), why_not(two_days, course="writing")
    pending, left = why_not(two_days, who="bob"), why_not(two_days, who="charlie")
    two_days.app.leave_everything(two_days.leave_token(two_days.box.last("day-2")))
    gone = course("resend", "alice@example.org", "--day", "1")

    assert "never due" in future
    assert "Nobody is known" in unknown
    assert "do not take this course" in other
    assert "not confirmed" in pending
    assert "has left" in left
    assert (gone.code, gone.out) == (1, "")
    assert two_days.rows("SELECT count(*) FROM deliveries WHERE kind = 'copy'") == [(0,)]


@ON_SQLITE
def test_no_copy_to_a_suppressed_address(two_days):
    """What bounced or complained is never written to."""
    two_days.app.provider_events(
        [{"event": "spamreport", "email": "alice@example.org", "sg_event_id": "1", "timestamp": 1}]
    )

    assert "wants no mail" in why_not(two_days)


@ON_SQLITE
def test_whoever_leaves_before_the_copy_does_gets_none(two_days):
    """A copy is mail like any other: leaving cancels it."""
    resend(two_days)
    two_days.app.leave(two_days.leave_token(two_days.box.last("day-2")), "page")
    two_days.clock.go(seconds=1)
    two_days.app.tick()

    assert two_days.box.names().count("day-1") == 1
    assert two_days.rows("SELECT status FROM deliveries WHERE kind = 'copy'") == [("cancelled",)]


# Lifted.


def shut_out(world, reason):
    """Never write to Alice again, for this reason."""
    with world.app.service.store.transaction() as tx:
        suppression.suppress(tx, world.app.keys, "alice@example.org", reason, world.clock.at)


@ON_SQLITE
@pytest.mark.parametrize("reason", ["complained", "bounced"])
def test_whoever_a_false_report_shut_out_may_sign_up_again(world, course, reason):
    """The owner lifts it, and it is recorded as the owner's wish; then Alice signs up as anybody does."""
    shut_out(world, reason)
    ended = course("suppressions", "lift", "Alice@example.org")
    world.join("alice")
    noted = world.rows("SELECT what, how, wording FROM consents ORDER BY id")

    assert ended.code == 0
    assert noted[0] == ("mail-allowed", "the owner", f"suppressed since 2027-03-01: {reason}")
    assert world.rows("SELECT status FROM enrolments") == [("active",)]


@ON_SQLITE
def test_who_wanted_no_mail_is_let_in_by_their_own_wish_alone(world, course):
    """The owner cannot, unless Alice has asked; and that is what is recorded."""
    shut_out(world, "not-me")
    refused = course("suppressions", "lift", "alice@example.org")
    kept = world.rows("SELECT reason FROM suppressions")
    ended = course("suppressions", "lift", "alice@example.org", "--they-asked")

    assert (refused.code, kept, ended.code) == (1, [("not-me",)], 0)
    assert "--they-asked" in refused.err
    assert world.rows("SELECT how FROM consents") == [("the owner, asked to",)]
    assert world.rows("SELECT reason FROM suppressions") == []


@ON_SQLITE
def test_an_address_that_is_not_shut_out_is_told(course):
    """A typing mistake lifts nothing and says so."""
    ended = course("suppressions", "lift", "alise@example.org")

    assert (ended.code, ended.out, ended.err) == (1, "", "This address is not suppressed.\n")


@ON_SQLITE
def test_suppressions_are_counted_and_name_nobody(world, course):
    """How many, and why; there is no list of them, for only keyed hashes are kept."""
    none = course("suppressions").out
    shut_out(world, "complained")

    assert (none, course("suppressions").out) == ("No address is suppressed.\n", "complained: 1\n")


@ON_SQLITE
def test_no_lesson_begins_by_lifting(world, course):
    """What had ended stays ended: only a sign-up and a yes begin a course."""
    world.join("alice")
    event = {"event": "spamreport", "email": "alice@example.org", "sg_event_id": "1", "timestamp": 1}
    world.app.provider_events([event])
    world.box.sent.clear()
    course("suppressions", "lift", "alice@example.org")
    world.pass_hours(48)

    assert (world.box.sent, world.rows("SELECT status FROM enrolments")) == ([], [("stopped",)])
