"""What a person can change on the page of a mail: each wish does what it says, and again is as good as once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from conftest import CONSENT, ON_SQLITE, Box, SetClock, World, make_settings

from course.app import App
from course.journeys import mine, privacy, steering, writing
from course.schedule import Pace

DATES = "SELECT local_date, count(*) FROM deliveries WHERE local_date IS NOT NULL GROUP BY local_date"


def token(world, name="welcome"):
    """Return the token of the last mail of this name."""
    return world.link(world.box.last(name), "mine")


def page(world, name="welcome"):
    """Look at the page of a mail."""
    return mine.look(world.app.service, token(world, name), world.clock.now())


@pytest.fixture
def alice(world):
    """Alice has had the letters of three days: the token of the last one."""
    world.join()
    world.pass_hours(24 * 3)
    return token(world, "day-3")


def restart(world, token, of=1):
    """Start the course again, after this round."""
    return steering.restart(world.app.service, token, of, CONSENT, world.clock.now(), world.clock.real())


def at_once(do, times=8):
    """Do something several times at one moment."""
    with ThreadPoolExecutor(times) as threads:
        return [done.result() for done in [threads.submit(do) for _ in range(times)]]


def test_days_are_marked_in_any_order_and_opened_again(world, alice):
    """The third before the first; what was marked here can be taken back; no day is asked after."""
    service, now = world.app.service, world.clock.now()
    marked = [steering.mark(service, alice, day, now).said for day in (3, 1, 1)]
    opened = steering.unmark(service, alice, 3, world.clock.now())

    assert marked == ["done", "done", "done"]
    assert opened.mine.days == {1: "done", 2: "open", 3: "open"}
    assert world.rows("SELECT day, via, reply_id FROM completions") == [(1, "page", None)]


def test_a_day_that_was_answered_stays_done(world, alice):
    """What an answer has counted is not taken back by a button, which the page does not even offer."""
    world.reply(world.box.last("day-2"))
    told = steering.unmark(world.app.service, alice, 2, world.clock.now())

    assert (told.said, told.mine.days[2]) == ("", "answered")


def test_a_day_that_was_answered_on_the_page_for_writing_stays_done(world, alice):
    """It is an answer as a reply is: "My course" offers no button to open it again, and pressing one does nothing."""
    now = world.clock.now()
    writing.write(world.app.service, token(world, "day-2"), "One sentence.", "nonce", now, now)
    told = steering.unmark(world.app.service, alice, 2, now)

    assert (told.said, told.mine.days[2]) == ("", "answered")


@pytest.mark.parametrize("words", ["One sentence.", "done"])
def test_an_answer_takes_the_place_of_a_mark(world, alice, words):
    """Alice marks the day and replies later: she gets her receipt, and the day stays done."""
    now = world.clock.now()
    steering.mark(world.app.service, alice, 2, now)
    world.reply(world.box.last("day-2"), words)
    world.app.tick()
    told = steering.unmark(world.app.service, alice, 2, now)

    assert world.box.sent[-1].mailing.name == "receipt"
    assert (told.said, told.mine.days[2]) == ("", "answered")


def test_the_farewell_says_of_no_mark_that_it_was_written(world, alice):
    """Alice marks two days and writes to none: it may have been on paper, so no mail says that she wrote back."""
    for day in (1, 2):
        steering.mark(world.app.service, alice, day, world.clock.now())
    world.pass_hours(24 * 4)
    farewell = world.box.last("farewell")

    assert "5 letters came your way. What you did with them is yours." in farewell.mailing.text_for(farewell.values)


def test_only_days_whose_letter_was_sent_can_be_marked(world, alice):
    """Day 4 has not come yet, and there is no day 99."""
    told = [steering.mark(world.app.service, alice, day, world.clock.now()).said for day in (4, 0, 99)]

    assert told == ["", "", ""]
    assert world.rows("SELECT count(*) FROM completions") == [(0,)]


def test_a_letter_comes_once_more_once_a_day(world, alice):
    """Asked for eight times at one moment: one copy."""
    told = at_once(lambda: steering.again(world.app.service, alice, 2, world.clock.now()).said)
    world.app.tick()

    assert sorted(told) == ["again", *["again_today"] * 7]
    assert world.box.names().count("day-2") == 2


def test_another_hour_and_place_move_what_is_to_come(world, alice):
    """From eight in London to nine in the evening in Tokyo."""
    told = steering.retime(world.app.service, alice, 21, "Asia/Tokyo", world.clock.now())

    assert told.said == "when"
    assert told.mine.next_at == datetime(2027, 3, 5, 12, 0, tzinfo=UTC)
    assert world.rows("SELECT send_hour, timezone FROM subscribers") == [(21, "Asia/Tokyo")]


def test_the_language_is_that_of_mail_to_come(world, alice):
    """The next letter is in American English."""
    steering.translate(world.app.service, alice, "en-US", world.clock.now())
    world.pass_hours(24)

    assert world.box.last("day-4").mailing.locale == "en-US"


def test_another_pace_moves_the_next_letter(world, alice):
    """Not on a Saturday or Sunday: what was planned for the weekend comes on Monday."""
    world.pass_hours(24)
    told = steering.pace(world.app.service, alice, Pace.WEEKDAYS, world.clock.now())

    assert (told.said, told.mine.person.pace) == ("pace", "weekdays")
    assert told.mine.next_at == datetime(2027, 3, 8, 8, 0, tzinfo=UTC)


@ON_SQLITE
def test_a_pace_that_the_course_has_not_changes_nothing(world, alice):
    """One letter a day is not offered once a week."""
    told = steering.pace(world.app.service, alice, Pace.WEEKLY, world.clock.now())

    assert (told.said, told.mine.person.pace) == ("pace_wrong", "daily")


def test_who_sets_their_own_pace_says_when_they_are_ready(world, alice):
    """The fifth letter waits after the fourth, and comes on the day after it was asked for."""
    service = world.app.service
    steering.pace(service, alice, Pace.SELF_PACED, world.clock.now())
    world.pass_hours(24 * 4)
    waiting = page(world)
    told = steering.ready(service, alice, world.clock.now())

    assert world.box.names().count("day-5") == 0
    assert waiting.person.waiting_since
    assert "ready" in waiting.may
    assert told.said == "ready_tomorrow"
    assert told.mine.next_at == datetime(2027, 3, 9, 8, 0, tzinfo=UTC)


def test_a_day_that_is_marked_lets_the_next_letter_of_their_own_pace_come(world, alice):
    """As an answer does."""
    service = world.app.service
    steering.pace(service, alice, Pace.SELF_PACED, world.clock.now())
    world.pass_hours(24 * 2)
    told = steering.mark(service, alice, 4, world.clock.now())

    assert told.mine.person.waiting_since is None
    assert told.mine.next_at


def test_who_writes_on_paper_is_not_asked_after(world, alice):
    """They can say so, and take it back; only who sets their own pace is ever waited for."""
    service, now = world.app.service, world.clock.now()
    before = page(world).may
    steering.pace(service, alice, Pace.SELF_PACED, now)
    told = [steering.on_paper(service, alice, now, wanted=wanted) for wanted in (True, True, False)]

    assert "paper" not in before
    assert [one.said for one in told] == ["on_paper", "on_paper", "checked_on"]
    assert [one.mine.person.on_paper for one in told] == [True, True, False]


def test_letters_can_be_plain(world, alice):
    """Their wish is written down, once, and can be taken back."""
    now = world.clock.now()
    told = [steering.plain(world.app.service, alice, now, wanted=wanted) for wanted in (True, True, False)]

    assert [(one.said, one.mine.plain) for one in told] == [("plain", True), ("plain", True), ("not_plain", False)]
    assert world.rows("SELECT detail FROM history WHERE event = 'letters'") == [("plain",), ("links",)]


def test_a_pause_ends_on_the_day_that_was_chosen(world, alice):
    """At their hour; it can be changed to one without an end, and the course goes on when they say so."""
    service, now = world.app.service, world.clock.now()
    first = steering.pause(service, alice, date(2027, 3, 20), now)
    open_ended = steering.pause(service, alice, None, now)
    resumed = steering.resume(service, alice, now)

    assert (first.said, first.mine.person.resume_at) == ("paused", datetime(2027, 3, 20, 8, 0, tzinfo=UTC))
    assert (open_ended.mine.person.status, open_ended.mine.person.resume_at) == ("paused", None)
    assert (resumed.said, resumed.mine.person.status) == ("resumed", "active")
    assert resumed.mine.next_at == datetime(2027, 3, 5, 8, 0, tzinfo=UTC)


@ON_SQLITE
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_a_pause_ends_on_that_day_also_in_another_zone(world, alice, zone):
    """Whoever chose 10 March and travels has 10 March there."""
    service, now = world.app.service, world.clock.now()
    steering.retime(service, alice, 7, "Europe/London", now)
    steering.pause(service, alice, date(2027, 3, 10), now)
    person = steering.retime(service, alice, 7, zone, now).mine.person

    assert person.resume_at.astimezone(person.zone).replace(tzinfo=None) == datetime(2027, 3, 10, 7, 0)  # noqa: DTZ001


def test_who_writes_on_paper_does_so_in_the_next_round_too(world, alice):
    """Starting again asks after nobody who said not to be asked after; the pace is theirs, too."""
    service, now = world.app.service, world.clock.now()
    steering.pace(service, alice, Pace.SELF_PACED, now)
    steering.on_paper(service, alice, now, wanted=True)
    person = restart(world, alice).mine.person

    assert (person.on_paper, person.pace) == (True, "self-paced")


@ON_SQLITE
@pytest.mark.parametrize(
    ("until", "said"),
    [
        (date(2027, 3, 3), "pause_wrong"),
        (date(2027, 3, 4), "pause_wrong"),
        (date(2027, 3, 5), "paused"),
        (date(2028, 3, 4), "paused"),
        (date(2028, 3, 5), "pause_wrong"),
        (date.max, "pause_wrong"),
    ],
    ids=str,
)
def test_a_pause_ends_from_tomorrow_on_within_a_year(world, alice, until, said):
    """Counted where they are: it is 4 March there. Anything else changes nothing."""
    told = steering.pause(world.app.service, alice, until, world.clock.now())

    assert told.said == said
    assert told.mine.person.status == ("paused" if said == "paused" else "active")


def test_starting_again_is_a_new_round_beside_the_old_one(world, alice):
    """Day 1 comes on a later date than the last letter, with a yes of its own; the days of the old round stay."""
    service = world.app.service
    steering.mark(service, alice, 2, world.clock.now())
    told = restart(world, alice)
    world.pass_hours(24 * 6)

    assert told.said == "restarted"
    assert told.mine.next_at == datetime(2027, 3, 5, 8, 0, tzinfo=UTC)
    assert told.mine.days == {}
    assert told.mine.earlier == (1, 2, 3)
    assert world.rows("SELECT status, ended_reason FROM enrolments ORDER BY id") == [
        ("stopped", "restarted"),
        ("finished", None),
    ]
    assert world.rows("SELECT enrolment_id, day FROM completions") == [(1, 2)]
    assert {number for _, number in world.rows(DATES)} == {1}
    assert len(world.rows(DATES)) == 8


def test_starting_again_is_agreed_to_anew_and_takes_nothing_back(world, alice):
    """The proof holds a second yes with the wording that was shown, and no withdrawal."""
    restart(world, alice)

    assert world.rows("SELECT what, wording, how FROM consents ORDER BY id") == [
        ("given", CONSENT, "confirmed by mail"),
        ("given", CONSENT, "started again on a page"),
    ]


def test_the_same_button_starts_one_round(world, alice):
    """Pressed eight times at one moment, and once more later."""
    told = at_once(lambda: restart(world, alice).said)
    later = restart(world, alice)

    assert sorted(told) == [*[""] * 7, "restarted"]
    assert later.said == ""
    assert world.rows("SELECT count(*) FROM enrolments") == [(2,)]


@ON_SQLITE
def test_a_course_is_not_begun_without_end_on_one_day(world, alice):
    """Each round brings a welcome: three a day, whoever holds the mail."""
    told = [restart(world, alice, of).said for of in (1, 2, 3, 4)]
    world.clock.go(days=1, hours=1)

    assert told == ["restarted", "restarted", "restarted", "restart_later"]
    assert restart(world, alice, 4).said == "restarted"


@ON_SQLITE
def test_what_has_ended_can_be_begun_again(world):
    """After the last letter, and after leaving; at the pace that they had."""
    world.join()
    steering.pace(world.app.service, token(world), Pace.WEEKDAYS, world.clock.now())
    world.pass_hours(24 * 8)
    finished = page(world)
    again = restart(world, token(world))
    left = steering.leave(world.app.service, token(world), world.clock.now(), world.clock.real())
    once_more = restart(world, token(world, "day-1"), 2)

    assert finished.person.status == "finished"
    assert (again.said, left.said, once_more.said) == ("restarted", "left", "restarted")
    assert (once_more.mine.round, once_more.mine.person.pace) == (3, "weekdays")


@ON_SQLITE
def test_whoever_wants_no_mail_gets_no_new_round(world, alice):
    """An address that is never to be written to: the page does not offer it, and a forged form does nothing."""
    world.app.not_me(world.confirm_token())
    told = restart(world, alice)

    assert "restart" not in told.mine.may
    assert (told.said, told.mine.person.status) == ("", "stopped")


def test_pressing_at_one_moment_is_pressing_once(world, alice):
    """Eight pauses: one note in the history; eight times leaving: one withdrawal."""
    service, now = world.app.service, world.clock.now()
    at_once(lambda: steering.pause(service, alice, None, now))
    at_once(lambda: steering.leave(service, alice, now, world.clock.real()))

    assert world.rows("SELECT event FROM history WHERE event IN ('paused', 'stopped') ORDER BY id") == [
        ("paused",),
        ("stopped",),
    ]
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'withdrawn'") == [(1,)]


@pytest.fixture
def two(database, tmp_path, two_courses):
    """Alice takes both courses of a service."""
    settings = make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, emails_dir=two_courses)
    clock, box = SetClock(), Box()
    app = App.build(settings, transport=box, clock=clock)
    world = World(app, clock, box)
    world.join()
    world.clock.go(days=2)
    world.join(course="writing")
    world.pass_hours(24)
    yield world
    app.close()


@ON_SQLITE
def test_a_page_is_of_the_course_of_its_mail(two):
    """Leaving one leaves the other alone; leaving everything does not."""
    first = next(mail for mail in two.box.sent if mail.mailing.course == "self-compassion")
    mail = two.box.last("welcome")
    service, times = two.app.service, (two.clock.now(), two.clock.real())
    told = steering.leave(service, two.link(mail, "mine"), *times)
    between = two.rows("SELECT course, status FROM enrolments ORDER BY course")
    steering.leave_everything(service, two.link(mail, "mine"), *times)

    assert first.mailing.course != mail.mailing.course == told.mine.person.course == "writing"
    assert between == [("self-compassion", "active"), ("writing", "stopped")]
    assert two.rows("SELECT DISTINCT status FROM enrolments") == [("stopped",)]


@ON_SQLITE
@pytest.mark.parametrize("settings", [{"keep_people_days": 0}], indirect=True, ids=["people stay"])
def test_an_old_mail_still_opens_its_letters(world):
    """Half a year after the end the deliveries are folded; which days were sent, and done, is still known."""
    world.join()
    world.pass_hours(24 * 7)
    link = token(world, "farewell")
    steering.mark(world.app.service, link, 5, world.clock.now())
    world.clock.go(days=180)
    world.app.tidy()
    found = mine.look(world.app.service, link, world.clock.now())

    assert world.rows("SELECT count(*) FROM deliveries") == [(0,)]
    assert found.days == {1: "open", 2: "open", 3: "open", 4: "open", 5: "done"}


@ON_SQLITE
def test_a_place_without_a_yes_stands_before_none_that_had_one(world, alice):
    """She left, and somebody typed her address again: her old mail's page is as it was, and can begin the course."""
    world.app.leave(world.leave_token(), "page")
    before = mine.look(world.app.service, alice, world.clock.now())
    world.clock.go(days=1)
    world.sign_up()
    found = mine.look(world.app.service, alice, world.clock.now())
    told = steering.retime(world.app.service, alice, 21, "UTC", world.clock.now())
    begun = restart(world, alice)

    assert found == before
    assert "own" in found.may
    assert told.said == ""
    assert world.rows("SELECT send_hour FROM subscribers") == [(8,)]
    assert (begun.said, begun.mine.person.status) == ("restarted", "active")


@ON_SQLITE
def test_a_useless_token_moves_nothing(world, alice):
    """Every wish of a forged token, and of somebody who was erased, is nobody's."""
    service, now, real = world.app.service, world.clock.now(), world.clock.real()
    wishes = [
        lambda link: steering.mark(service, link, 1, now),
        lambda link: steering.unmark(service, link, 1, now),
        lambda link: steering.again(service, link, 1, now),
        lambda link: steering.retime(service, link, 1, "UTC", now),
        lambda link: steering.translate(service, link, "en-US", now),
        lambda link: steering.pace(service, link, Pace.WEEKLY, now),
        lambda link: steering.pause(service, link, None, now),
        lambda link: steering.resume(service, link, now),
        lambda link: steering.ready(service, link, now),
        lambda link: steering.on_paper(service, link, now, wanted=True),
        lambda link: steering.plain(service, link, now, wanted=True),
        lambda link: steering.restart(service, link, 1, CONSENT, now, real),
        lambda link: steering.leave(service, link, now, real),
        lambda link: steering.leave_everything(service, link, now, real),
    ]
    before = world.rows("SELECT * FROM enrolments"), world.rows("SELECT * FROM subscribers")

    assert [wish(alice[:-2] + "00") for wish in wishes] == [None] * len(wishes)
    assert (world.rows("SELECT * FROM enrolments"), world.rows("SELECT * FROM subscribers")) == before

    privacy.erase(service, "alice@example.org", now)

    assert [wish(alice) for wish in wishes] == [None] * len(wishes)
