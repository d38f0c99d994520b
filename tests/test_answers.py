"""Promises about what is sent in answer: to whom, how often, and that it never says a word of what was written."""

from __future__ import annotations

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest
from conftest import ON_SQLITE, Box, SetClock, World
from servers import MailServer

from course.app import App
from course.journeys import answering, rates, suppression
from course.journeys.answering import Before, Reply
from course.journeys.notices import LAST
from course.outbound.greeting import Server
from course.outbound.smtp import Smtp

DAY_1 = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)
DIARY = "I walked along the quinquireme canal, and I spoke kindly to myself. " * 60
ANSWERS = ("receipt", "empty", "unread", "paused", "resumed", "skipped", "left", "help")


@pytest.fixture
def settings(settings, two_courses):
    """Let the service have both courses."""
    return settings.model_copy(update={"emails_dir": two_courses})


@pytest.fixture
def lesson(world):
    """Let Alice have her first lesson; return it."""
    world.join("alice")
    world.clock.at = DAY_1
    world.app.tick()
    return world.box.last("day-1")


def until(world, name):
    """Let time go by until this mail has come."""
    for _ in range(24 * 10):
        if name in world.box.names():
            return world.box.last(name)
        world.pass_hours(1)
    raise AssertionError(name)


def said(world, mail, words="It helped.", **headers):
    """Reply to a mail; return the answers that leave within the hour."""
    before = len(world.box.sent)
    world.reply(mail, words, **headers)
    world.clock.go(minutes=30)
    world.app.tick()
    return [one.mailing.name for one in world.box.sent[before:] if one.mailing.name in ANSWERS]


# Two machines.


def a_day_of(world, **headers):
    """Let a responder answer whatever comes, at once, for a day; return how many answers it got."""
    seen = len(world.box.sent) - 1  # the newest one came while nobody was there
    until_then = world.clock.at + timedelta(hours=23, minutes=50)
    while world.clock.at < until_then:
        new, seen = world.box.sent[seen:], len(world.box.sent)
        for mail in new:
            world.reply(mail, "I am away until Monday.", **headers)
        world.clock.go(minutes=10)
        world.app.tick()
    return sum(mail.mailing.name in ANSWERS for mail in world.box.sent)


@pytest.mark.parametrize(
    ("headers", "most"),
    [
        ({"Auto_Submitted": "auto-replied", "Subject": "Out of office"}, 0),
        ({"Subject": "Automatic reply: Day 1"}, 0),
        ({"Subject": "I am not here"}, 1),
    ],
    ids=["as RFC 3834 says", "with a subject that tells", "without any sign"],
)
def test_two_machines_have_no_conversation(world, lesson, headers, most):
    """A responder answers whatever it gets, our answers too: in a day it gets one answer at most."""
    assert a_day_of(world, **headers) <= most


@ON_SQLITE
def test_a_machine_that_begins_with_the_welcome_gets_one_answer_a_day(world):
    """It answers the welcome, the answer to that, and the lesson on the next day: one answer on each date."""
    world.join("alice")
    a_day_of(world)
    dates = [mail.date.date() for mail in world.box.sent if mail.mailing.name in ANSWERS]

    assert len(dates) == len(set(dates)) == 2


@ON_SQLITE
def test_two_machines_without_words_have_no_conversation(world, lesson):
    """A responder that sends nothing but its quote gets one answer, like any other."""
    got = [said(world, lesson, ""), *(said(world, world.box.sent[-1], "") for _ in range(10))]

    assert got == [["empty"], *[[]] * 10]


# The same for everybody.


def alike(mail):
    """Return a mail's bytes without what differs from person to person and from moment to moment."""
    raw = re.sub(
        rb"\r\n(To|Reply-To|Date|Message-ID|In-Reply-To|References|List-Unsubscribe): [^\r]*", b"", mail.as_bytes()
    )
    links = rb"/(leave|mine|write|checkin)/[0-9a-f]+"
    text = message_from_bytes(raw)
    bodies = [re.sub(links, b"", part.get_payload(decode=True)) for part in text.walk() if not part.is_multipart()]
    return text.items(), bodies


@ON_SQLITE
@pytest.mark.parametrize(("to", "name"), [("day-1", "receipt"), ("welcome", "unread")])
def test_the_answer_is_the_same_whatever_was_written(world, to, name):
    """To "I want to die", to "done" and to a long diary entry: byte for byte the same, with help lines in each."""
    people = {"alice": "I want to die", "bob": "done", "charlie": DIARY}
    for who in people:
        world.join(who, name="")
    until(world, to)
    for mail in [mail for mail in world.box.sent if mail.mailing.name == to]:
        world.reply(mail, people[mail.to.partition("@")[0]])
    world.app.tick()
    answers = [mail for mail in world.box.sent if mail.mailing.name in ANSWERS]

    assert [mail.mailing.name for mail in answers] == [name] * 3
    assert alike(answers[0]) == alike(answers[1]) == alike(answers[2])
    assert all("findahelpline.com" in mail.mailing.text_for(mail.values) for mail in answers)


HOSTILE = {
    "Subject": "=?utf-8?q?quinquireme=0ABcc:_eve=40example.net?=",
    "From": "Quinquireme <quinquireme@example.net>",
    "Reply_To": "quinquireme@example.net",
    "Sender": "quinquireme@example.net",
    "Bcc": "quinquireme@example.net",
    "References": "<quinquireme@client.example.net>",
    "MessageID": "<quinquireme@client.example.net>",
}


@ON_SQLITE
@pytest.mark.parametrize("words", ["quinquireme", "", "HELP", "PAUSE", "SKIP", "STOP"], ids=ascii)
@pytest.mark.parametrize("to", ["day-1", "welcome"])
def test_a2_nothing_of_a_mail_comes_back_and_it_goes_to_the_address_on_file(world, lesson, to, words):
    """Neither words nor subject, nor an address that was written from: whatever the answer is."""
    before = len(world.box.sent)
    world.reply(world.box.last(to), f"{words}\n\nquinquireme" if words else "", **HOSTILE)
    world.app.tick()
    answers = world.box.sent[before:]

    assert len(answers) == (0 if (to, words) == ("welcome", "SKIP") else 1)
    assert {mail.to for mail in answers} <= {"alice@example.org"}
    for mail in answers:
        assert not re.search(rb"quinquireme|eve@|\nbcc:", mail.as_bytes(), re.IGNORECASE)


@ON_SQLITE
@pytest.mark.parametrize("words", ["It helped.", "HELP", "PAUSE", "SKIP", "STOP", ""], ids=ascii)
@pytest.mark.parametrize("to", ["day-1", "welcome"])
def test_an_answer_stands_below_what_was_answered(world, lesson, to, words):
    """In-Reply-To names our own mail, never theirs; and it says that a machine answers."""
    prompt = world.box.last(to)
    before = len(world.box.sent)
    world.reply(prompt, words)
    world.app.tick()

    assert len(world.box.sent) == before + (0 if (to, words) == ("welcome", "SKIP") else 1)
    for mail in world.box.sent[before:]:
        answer = message_from_bytes(mail.as_bytes())
        assert (answer["In-Reply-To"], answer["References"]) == (prompt.message_id, prompt.message_id)
        assert (answer["Auto-Submitted"], mail.envelope_from) == ("auto-replied", "")


def test_an_answer_leaves_by_smtp_without_a_return_path(settings):
    """A real mail server is told MAIL FROM:<> for an answer, and the delivery's own address for a lesson."""
    with MailServer() as server:
        smtp = Smtp(
            Server("127.0.0.1", server.port, "", "", "none"), "course.example", connect_seconds=5, answer_seconds=5
        )
        app, box = App.build(settings, transport=smtp, clock=SetClock()), Box()
        world = World(app, app.clock, box)
        world.sign_up("alice")
        app.tick()
        token = re.search(
            rb"/confirm/([0-9a-f]+)", message_from_bytes(server.mails[0].data).get_payload(0).get_payload(decode=True)
        )
        app.confirm(token[1].decode())
        app.clock.at = DAY_1
        app.tick()
        lesson = message_from_bytes(server.mails[-1].data)
        reply = f"From: alice@example.org\r\nTo: {lesson['Reply-To']}\r\nMessage-ID: <1@c>\r\n\r\nIt helped.\r\n"
        world.deliver(reply.encode())
        app.tick()
        app.close()
    answer = message_from_bytes(server.mails[-1].data)

    assert [server.mails[-2].sender, server.mails[-1].sender] == [lesson["Reply-To"], "<>"]
    assert (answer["Auto-Submitted"], answer["In-Reply-To"]) == ("auto-replied", lesson["Message-ID"])


# How often.


def a_full_day(world):
    """Let Alice have four lessons that she has not answered, in two courses; return them."""
    world.join("alice")
    world.join("alice", course="writing")
    until(world, "day-2")
    world.app.tick()
    return [mail for mail in world.box.sent if mail.mailing.day]


def test_the_fourth_answer_of_a_day_is_not_sent(world):
    """Four days are answered on one date: all of them count, and three receipts come; tomorrow there are more."""
    lessons = a_full_day(world)
    got = [said(world, mail) for mail in lessons]
    counted = world.rows("SELECT count(*) FROM completions")
    third = until(world, "day-3")

    assert len(lessons) == 4
    assert got == [["receipt"]] * 3 + [[]]
    assert counted == [(4,)]
    assert said(world, third) == ["receipt"]


@ON_SQLITE
def test_help_is_not_counted_among_the_three(world):
    """Whoever asks for help gets it, however much was answered today; and help takes no place of other answers."""
    lessons = a_full_day(world)
    before = said(world, lessons[0], "HELP")
    got = [said(world, mail) for mail in lessons[:3]]
    after = said(world, lessons[3], "HELP")

    assert (before, got, after) == (["help"], [["receipt"]] * 3, ["help"])


@ON_SQLITE
def test_the_goodbye_comes_whatever_was_answered(world):
    """STOP is confirmed on a day that had its three answers, and beside the receipt of the same lesson; once."""
    lessons = a_full_day(world)
    for mail in lessons[:3]:
        said(world, mail)

    assert said(world, lessons[0], "STOP") == ["left"]
    assert said(world, lessons[0], "STOP") == []


@ON_SQLITE
def test_a_prompt_is_answered_once(world, lesson):
    """However often she writes to one lesson, on however many days, there is one receipt for it."""
    got = [said(world, lesson)]
    for _ in range(3):
        world.pass_hours(24)
        got.append(said(world, lesson, "And another thing."))

    assert got == [["receipt"], [], [], []]


@ON_SQLITE
def test_a_change_is_answered_beside_the_receipt(world, lesson):
    """She answers the lesson and then pauses by the same mail: she must know that it was heard."""
    assert [said(world, lesson), said(world, lesson, "PAUSE"), said(world, lesson, "RESUME")] == [
        ["receipt"],
        ["paused"],
        ["resumed"],
    ]
    assert said(world, lesson, "PAUSE") == []


@ON_SQLITE
@pytest.mark.parametrize("word", ["PAUSE", "RESUME", "SKIP", "TIME 9"])
def test_a_change_that_was_made_is_not_answered_again(world, lesson, word):
    """The same word twice in answer to one lesson asks for one change: it is answered once at most."""
    first, second = said(world, lesson, word), said(world, lesson, word)

    assert len(first) <= 1
    assert second == []


@ON_SQLITE
def test_words_after_an_empty_mail_count_without_another_answer(world, lesson):
    """Her photo was too small to be seen, then she writes "done": the day is done, as the first answer has promised."""
    got = [said(world, lesson, ""), said(world, lesson, "done")]

    assert got == [["empty"], []]
    assert world.rows("SELECT count(*) FROM completions") == [(1,)]


def test_twenty_mails_at_once_get_one_answer(world):
    """Twenty mails to the welcome, decided by four readers at once: one answer."""
    world.join("alice")
    welcome = world.box.last("welcome")
    for number in range(20):
        head = f"From: alice@example.org\r\nTo: {welcome.reply_to}\r\nMessage-ID: <{number}@c>\r\n\r\n"
        world.app.receive(f"{head}Thank you.\r\n".encode(), source="test")
    all_are_here = threading.Barrier(4)

    def read(_):
        all_are_here.wait(10)
        return world.app.read_spool()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    world.app.tick()

    assert world.box.names().count("unread") == 1
    assert world.rows("SELECT count(*) FROM replies") == [(20,)]


# Where nobody reads.


def test_mail_to_the_welcome_is_answered_once_a_day(world):
    """A word to the welcome brings where a person can be reached and where help is: today once, and tomorrow again."""
    world.join("alice")
    welcome = world.box.last("welcome")
    today = said(world, welcome, "Thank you!") + said(world, welcome, "And one more thing.")
    answer = world.box.last("unread")
    world.clock.go(hours=24)
    tomorrow = said(world, welcome, "Good morning.")
    text = answer.mailing.text_for(answer.values)

    assert (today, tomorrow) == (["unread"], ["unread"])
    assert world.app.settings.contact_email in text
    assert "nobody reads" in text
    assert text.index("findahelpline.com") < text.index("* * *")


@ON_SQLITE
@pytest.mark.parametrize("notice", ["receipt", "paused", "farewell", "unread"])
def test_mail_to_any_notice_is_answered_on_another_day(world, lesson, notice):
    """A word to a receipt or to the farewell is a person's, and is answered."""
    if notice == "paused":
        said(world, lesson, "PAUSE")
    elif notice == "unread":
        said(world, world.box.last("welcome"))
    else:
        said(world, lesson)
    mail = until(world, notice)
    world.pass_hours(24)

    assert said(world, mail, "Thank you!") == ["unread"]


@ON_SQLITE
def test_mail_to_a_receipt_of_today_is_not_answered(world, lesson):
    """The receipt has just said that nobody reads replies, and where help is; a machine would go on answering."""
    said(world, lesson)

    assert said(world, world.box.last("receipt"), "Thank you!") == []


@ON_SQLITE
def test_a_receipt_takes_the_place_of_what_still_waits(world, lesson):
    """She writes to the welcome and to the lesson before anything left: one answer, about the lesson."""
    world.reply(world.box.last("welcome"), "Thank you!")
    got = said(world, lesson)

    assert got == ["receipt"]


@ON_SQLITE
def test_help_takes_the_place_of_what_still_waits(world, lesson):
    """The answer to HELP says no less, and comes at once."""
    world.reply(world.box.last("welcome"), "Thank you!")

    assert said(world, lesson, "HELP") == ["help"]


@ON_SQLITE
@pytest.mark.parametrize("how", ["finished", "stopped"])
def test_mail_to_a_course_that_is_over_is_answered_once_a_day(world, lesson, how):
    """Whoever left or has finished and writes to an old lesson again: at most one answer a day, and no other mail."""
    said(world, lesson)
    if how == "finished":
        until(world, "farewell")
    else:
        said(world, lesson, "STOP")
    world.pass_hours(48)
    before = len(world.box.sent)
    got = [said(world, lesson, words) for words in ("I thought of it again.", "", "done", "And again.")]
    world.clock.go(hours=24)
    got.append(said(world, lesson, "Good morning."))
    world.pass_hours(48)

    assert got == [["unread"], [], [], [], ["unread"]]
    assert len(world.box.sent) == before + 2


@ON_SQLITE
def test_an_open_day_of_a_finished_course_still_brings_its_receipt(world, lesson):
    """The farewell says that a late reply counts: it does, and its receipt says so."""
    until(world, "farewell")

    assert said(world, lesson) == ["receipt"]


@ON_SQLITE
def test_a_suppressed_address_gets_nothing(world, lesson):
    """Whoever said "this was not me" is never written to, though they write."""
    world.app.not_me(world.confirm_token())
    before = len(world.box.sent)
    decided = [world.reply(lesson), world.reply(world.box.last("welcome")), world.reply(lesson, "HELP")]
    world.pass_hours(24)

    assert decided == [["completed"], ["noted"], ["command"]]
    assert len(world.box.sent) == before


@ON_SQLITE
def test_whoever_never_confirmed_gets_no_answer(world):
    """Anybody can type anybody's address: a mail to the confirmation is noted, and nothing follows it."""
    world.sign_up("alice")
    world.app.tick()

    assert said(world, world.box.last("confirm"), "Who is this?") == []


# The rules alone.


def before(notice, *, here=True, answers=1, today=True, cancelled=False):
    """Return a notice that Alice was owed before."""
    return Before(notice, here=here, answers=answers, today=today, cancelled=cancelled)


def test_every_answer_has_a_rule_that_ends_it():
    """No answer may come without end: after ten of a kind on one day and in one round each is refused by a rule."""
    for notice, rules in answering.RULES.items():
        so_far = [before(notice)] * 10
        assert not all(rule(notice, Reply(1, 1), so_far) for rule in rules), notice


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("It helped.", []),
        ("", []),
        ("HELP", ["help"]),
        ("PAUSE", ["paused"]),
        ("AGAIN", ["day-1"]),
        ("DELETE", ["erase"]),
        ("STOP", [LAST]),
    ],
)
def test_a_mail_that_asks_for_silence_is_answered_when_it_asks_for_something(world, lesson, words, answers):
    """An office's mail server may ask for silence in everybody's name; help and erasure must not fail for that."""
    before = len(world.box.sent)
    world.reply(lesson, words, **{"X-Auto-Response-Suppress": "All"})
    world.clock.go(minutes=30)
    world.app.tick()

    assert [mail.mailing.name for mail in world.box.sent[before:]] == answers


@ON_SQLITE
def test_our_own_mail_that_comes_back_is_dropped(world, lesson):
    """A server sends a lesson of ours back to its own reply address, from another sender: a loop ends there."""
    raw = lesson.as_bytes().replace(b"From: Dear Self <hello@dearself.example>", b"From: alice@example.org")

    assert world.deliver(raw, to=(lesson.reply_to,)) == ["dropped"]
    assert world.rows("SELECT * FROM completions") == []


# All people together, in an hour of the clock.


@pytest.fixture
def two_an_hour(world):
    """Let only two answers leave in an hour."""
    settings = world.app.settings.model_copy(update={"answers_hourly": 2})
    world.app.service = replace(world.app.service, settings=settings)


def crowd(world, number):
    """Let so many people have their first lesson; return their lessons."""
    for place in range(number):
        world.join(f"person-{place}")
    world.clock.at = DAY_1
    world.app.tick()
    return [mail for mail in world.box.sent if mail.mailing.name == "day-1"]


def leave(world, name):
    """Return in which hour of the day each of these mails is to leave."""
    rows = world.rows(f"SELECT send_at FROM deliveries WHERE name LIKE '{name}-%' ORDER BY send_at")  # noqa: S608
    return [int(str(at)[11:13]) for (at,) in rows]


def test_a_flood_of_replies_is_answered_hour_by_hour(world, two_an_hour):
    """Five replies at once with room for two: two receipts now, two in the next hour, one after it; all five count."""
    lessons = crowd(world, 5)
    decided = [world.reply(lesson) for lesson in lessons]

    assert decided == [["completed"]] * 5
    assert leave(world, "receipt") == [8, 8, 9, 9, 10]


def test_lessons_asked_for_once_more_take_their_places_among_the_answers(world, two_an_hour):
    """A flood of AGAIN is no more mail in an hour than a flood of anything else."""
    for lesson in crowd(world, 5):
        world.reply(lesson, "AGAIN")
    rows = world.rows("SELECT send_at FROM deliveries WHERE kind = 'copy' ORDER BY send_at")

    assert [int(str(at)[11:13]) for (at,) in rows] == [8, 8, 9, 9, 10]


def test_help_does_not_wait_behind_a_flood(world, two_an_hour):
    """HELP and DELETE have room of their own, and the goodbye needs none."""
    lessons = crowd(world, 5)
    for lesson in lessons[:3]:
        world.reply(lesson)
    for lesson, word in zip(lessons[2:], ("HELP", "DELETE", "STOP"), strict=True):
        world.reply(lesson, word)

    assert leave(world, "help") + leave(world, "erase") + leave(world, "left") == [8, 8, 8]


def test_an_hour_that_has_passed_is_forgotten(world, two_an_hour):
    """The next flood begins with an empty hour."""
    lessons = crowd(world, 4)
    for lesson in lessons[:2]:
        world.reply(lesson)
    world.clock.go(hours=3)
    for lesson in lessons[2:]:
        world.reply(lesson)

    assert leave(world, "receipt") == [8, 8, 11, 11]


def book(world, name, number, most=2):
    """Let so many answers be owed to other people; return when they leave."""
    leaves = []
    with world.app.service.store.transaction() as tx:
        for _ in range(number):
            slot = rates.free(tx, name, most, world.clock.at)
            leaves.append(slot and slot.leaves)
            if slot:
                rates.take(tx, slot)
    return leaves


def test_when_a_whole_day_is_owed_nothing_more_is(world):
    """With room for two an hour, fifty are owed: those of this hour and of a day more. Then there is no next week."""
    world.clock.at = DAY_1
    owed = book(world, "answers", 60)

    assert owed[:3] == [DAY_1, DAY_1, DAY_1 + timedelta(hours=1)]
    assert owed[48:] == [DAY_1 + timedelta(days=1)] * 2 + [None] * 10


def test_a_clock_that_went_back_stops_no_answer(world):
    """An hour far ahead is none that was booked: somebody had set the clock wrong."""
    world.clock.at = DAY_1 + timedelta(days=400)
    book(world, "answers", 1, most=1)
    world.clock.at = DAY_1

    assert book(world, "answers", 1, most=1) == [DAY_1]


# Nobody takes what is everybody's.


def test_whoever_is_suppressed_takes_nobody_s_place(world, two_an_hour):
    """Alice has said "this was not me", and asks for help sixty times: nothing is owed to her, and Bob gets his."""
    alices, bobs = crowd(world, 2)
    with world.app.service.store.transaction() as tx:
        suppression.suppress(tx, world.app.keys, alices.to, "complained", world.clock.at)
    for _ in range(60):
        world.reply(alices, "HELP")
    for _ in range(3):
        world.reply(bobs, "HELP")

    assert leave(world, "help") == [8, 8, 8]


def test_whoever_changes_their_mind_all_day_takes_three_places(world, two_an_hour):
    """PAUSE and RESUME, over and over, so that each answer is out of date before it leaves: Bob hears of his reply."""
    alices, bobs = crowd(world, 2)
    for _ in range(30):
        world.reply(alices, "PAUSE")
        world.reply(alices, "RESUME")
        world.app.tick()
    world.reply(alices, "PAUSE")
    for days in range(1, 30):
        world.reply(alices, f"PAUSE {days} DAYS")
    world.reply(bobs)

    assert leave(world, "receipt") == [9]


@ON_SQLITE
def test_what_does_not_leave_takes_no_place(world, two_an_hour):
    """Alice has left: no hour of hers is ever said, so none is owed."""
    alices, bobs = crowd(world, 2)
    world.reply(alices, "STOP")
    for hour in [7, 8] * 5:
        world.reply(alices, f"TIME {hour}")
    world.reply(bobs)

    assert leave(world, "hour") + leave(world, "receipt") == [8]


@ON_SQLITE
def test_help_comes_though_a_whole_day_is_owed(world, lesson, two_an_hour):
    """The first that somebody asks for on a date leaves at once, and no other one is left out; so is it for DELETE."""
    book(world, "urgent answers", 60)
    for word in ("HELP", "DELETE", "HELP", "DELETE"):
        world.reply(lesson, word)
    later = DAY_1 + timedelta(days=1)
    owed = "SELECT name FROM deliveries WHERE name LIKE '{}-%' AND send_at {} '{:%Y-%m-%d %H:%M}'".format

    assert [len(world.rows(owed(name, "<", later))) for name in ("help", "erase")] == [1, 1]
    assert [len(world.rows(owed(name, ">=", later))) for name in ("help", "erase")] == [1, 1]


@ON_SQLITE
def test_what_leaves_after_midnight_is_of_the_day_on_which_it_was_owed(world, two_an_hour):
    """Late in the evening no place is free: there are three answers, three questions, ten times help, and no more."""
    lessons = a_full_day(world)
    world.clock.at = world.clock.at.replace(hour=23, minute=10)
    for name in ("answers", "urgent answers"):
        book(world, name, 2)
    for lesson in lessons:
        world.reply(lesson)
    for number in range(1, 13):
        for word in ("HELP", "DELETE", f"PAUSE {number} DAYS"):
            world.reply(lessons[0], word)
    kinds = Counter(name.partition("-")[0] for (name,) in world.rows("SELECT name FROM deliveries"))

    assert (kinds["help"], kinds["erase"], kinds["receipt"], kinds["paused"]) == (10, 3, 3, 0)
