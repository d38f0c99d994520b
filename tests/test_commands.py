"""Promises about commands with something beside them: until when, at what hour, once more, and erased for good."""

# ruff: noqa: E501, RUF001 (phrases as people write them, many alphabets)

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime

import pytest
from conftest import ON_SQLITE
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from course.content import command_words
from course.content.command_words import Command, Phrases
from course.content.slots import say
from course.journeys import erasures, mine, over, steering
from course.outgoing import Halt, Sent, Unsure
from course.settings import EMAILS
from course.web import create_app

TUESDAY = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # Alice's first lesson; Monday is the 8th
LOCALES = sorted(path.stem for path in (EMAILS / "words").glob("*.toml"))
WORDS = {locale: tomllib.loads((EMAILS / f"words/{locale}.toml").read_text(encoding="utf-8")) for locale in LOCALES}
PHRASES = {locale: Phrases.of(words) for locale, words in WORDS.items()}
SHOUTED = [
    (locale, name, say(phrase, days="3", weeks="2", weekday=PHRASES[locale].example("weekday"), hour="19", months="3"))
    for locale, words in WORDS.items()
    for name in command_words.ARGUMENTS
    for phrase in words["commands"][name]
]


@pytest.fixture
def lesson(world):
    """Let Alice have her first lesson; return it."""
    world.join("alice")
    world.clock.at = TUESDAY
    world.app.tick()
    return world.box.last("day-1")


def days_done(world):
    """Return which days are done."""
    return [day for (day,) in world.rows("SELECT day FROM completions ORDER BY day")]


def lessons(world):
    """Return when each lesson of Alice's left, by the clock of London."""
    return [f"{mail.date:%a %H} {mail.mailing.name}" for mail in world.box.sent if mail.mailing.day is not None]


def last_text(world, name):
    """Return the text of the last notice of this name."""
    mail = world.box.last(name)
    return mail.mailing.text_for(mail.values)


# What is a command, and what is not.


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("PAUSE 3 DAYS", Command("PAUSE", days=3)),
        ("please pause for a week", Command("PAUSE", days=7)),
        ("Pause for two weeks, thank you!", Command("PAUSE", days=14)),
        ("pause until Monday.", Command("PAUSE", weekday=0)),
        ("pause until Sun", Command("PAUSE", weekday=6)),
        ("PAUSE 3", Command("PAUSE", days=3)),
        ("pause for a month", Command("PAUSE", days=30)),
        ("pause 2 months", Command("PAUSE", days=60)),
        ("pause til monday", Command("PAUSE", weekday=0)),
        ("pause 'til Monday, please", Command("PAUSE", weekday=0)),
        ("PAUSE until March", Command("PAUSE")),
        ("pause until the 5th of May", Command("PAUSE")),
        ("pause till 24/12", Command("PAUSE")),
        ("pause 0 days", Command("PAUSE")),
        ("pause 999 days", Command("PAUSE")),
        ("TIME 7", Command("TIME", hour=7)),
        ("time 7pm", Command("TIME", hour=19)),
        ("Time 7 p.m.", Command("TIME", hour=19)),
        ("time 12 am", Command("TIME", hour=0)),
        ("time 12 pm", Command("TIME", hour=12)),
        ("time 19:00", Command("TIME", hour=19)),
        ("time 7 o'clock in the evening", Command("TIME", hour=19)),
        ("time noon", Command("TIME", hour=12)),
        ("time midnight", Command("TIME", hour=0)),
        ("time 7:30", Command("TIME")),
        ("time 25", Command("TIME")),
        ("time 13 pm", Command("TIME")),
        ("time", None),
        ("time 7 is when I wake up", None),
        ("pause until I can breathe", None),
        ("pause until it is over", None),
        ("pause for a moment", None),
        ("pause 3 days a week", None),
        ("delete me", None),
        ("again and again", None),
    ],
)
def test_what_stands_beside_a_command_is_read(line, meant):
    """Days, weeks, weekdays and hours, in figures and words; what is no whole command is none at all."""
    assert PHRASES["en-GB"].command(line) == meant


@pytest.mark.parametrize(("locale", "name", "said"), SHOUTED)
def test_every_phrase_of_every_locale_is_its_command(locale, name, said):
    """Whatever the words file lists is understood, shouted or not."""
    assert {PHRASES[locale].command(line).name for line in (said, f"{said.upper()}!")} == {name}


LEAVING = {
    "en-GB": [
        "Please unsubscribe me from this list", "I’d like to unsubscribe.", "Please stop sending me these emails", "please stop the letters",
        "Remove me from your mailing list, thank you", "Cancel subscription", "UNSUBSCRIBE ME NOW", "Unsuscribe", "unsubcribe",
        "please unsubscribe alice@example.org", "I no longer wish to receive these emails", "I don't want to receive these emails any more",
        "I don’t want these emails anymore", "stop sending me this", "Stop sending me mails", "no more letters please", "end my subscription", "end course",
        "Hi, please stop sending me these. Thanks, Alice", "STOP STOP STOP", "Stop! Stop!",
    ],
    "es": [
        "No quiero recibir más correos", "Por favor, dejen de enviarme correos", "Quiero cancelar mi suscripción", "Baja por favor",
        "Deme de baja por favor", "No me mandéis más correos", "Por favor, no me escribas más", "no me envíen más",
    ],
    "he": ["אני לא רוצה לקבל יותר מיילים", "נא להסיר אותי מרשימת התפוצה", "אני רוצה לבטל את ההרשמה, תודה", "הסירי אותי", "תפסיקו לשלוח לי"],
}  # fmt: skip
LEAVING["en-US"] = LEAVING["en-GB"]


@pytest.mark.parametrize(("locale", "said"), [(locale, said) for locale, some in LEAVING.items() for said in some])
def test_whoever_asks_to_leave_in_a_sentence_leaves(locale, said):
    """As people ask a list to let them go; a receipt would be the answer of somebody who does not listen."""
    assert PHRASES[locale].command(said) == Command("STOP")


HELPS = {
    "en-GB": ["I need help now", "can someone help me", "Can you help me?", "Help, help!"],
    "es": ["Necesito ayuda ya", "¿Alguien me puede ayudar?", "¿Me puedes ayudar?"],
    "he": ["אני צריכה עזרה עכשיו", "מישהו יכול לעזור לי?"],
}


@pytest.mark.parametrize(("locale", "said"), [(locale, said) for locale, some in HELPS.items() for said in some])
def test_whoever_asks_for_help_in_a_sentence_is_shown_help(locale, said):
    """In the words that come; a receipt would leave them alone."""
    assert PHRASES[locale].command(said) == Command("HELP")


@pytest.mark.parametrize("sign", ["\U0001f64f", ":(", " :-)", "\u2764\ufe0f", ". \U0001f44b\U0001f3fd!"])
def test_a_sign_behind_a_command_changes_nothing(sign):
    """Bob says goodbye with an emoji or a smile; a sign alone is an answer."""
    assert PHRASES["en-GB"].command(f"Stop {sign}") == Command("STOP")
    assert PHRASES["en-GB"].command(f"please pause 3 days{sign}") == Command("PAUSE", days=3)
    assert command_words.first(PHRASES.values(), sign) is None


HEARTS = [
    "I want to stop",
    "I want to stop being so hard on myself",
    "stop it please",
    "please stop now",
    "please stop sending me these thoughts",
    "Stop \U0001f64f for once \U0001f64f",
    "Stop :( I said to myself",
    "unsubscribe me from this list of worries",
    "take me off your list of people to please",
    "I don't want these feelings any more",
    "stop sending me away, I told my mother",
    "I don't want these emails from my father to hurt me any more",
    "Stop. Thank you, mind.",
    "stop and stop and stop",
    "can you help me be kinder to myself?",
    "no more letters to nobody",
    "baja la voz",
    "no me escribas más, le dije",
    "תפסיקו לשלוח לי אשמה",
    "quiero parar",
    "no quiero recibir más golpes",
    "אני לא רוצה יותר",
    "די",
]


@pytest.mark.parametrize("said", HEARTS)
def test_no_sentence_of_somebodys_heart_ends_a_course(said):
    """Only a whole line that asks for it does."""
    assert command_words.first(PHRASES.values(), said) is None


@pytest.mark.parametrize("locale", LOCALES)
def test_a_weekday_has_seven_names_and_an_hour_twenty_four(locale):
    """No day and no hour is forgotten in any locale."""
    known, phrase = PHRASES[locale], WORDS[locale]["commands"]["TIME"][0]
    hours = {known.command(say(phrase, hour=str(hour))).hour for hour in range(24)}

    assert set(known.weekdays.values()) == set(range(7))
    assert hours == set(range(24))


@given(
    said=st.sampled_from([said for *_, said in SHOUTED]),
    rest=st.text(alphabet="abcdefghijklmnopqrstuvwxyz ", min_size=3).filter(str.strip),
    between=st.sampled_from([" ", ", ", " - ", ". "]),
)
def test_a_sentence_that_only_begins_like_a_command_is_an_answer(said, rest, between):
    """Whatever follows on the same line makes it writing, unless the whole is one of the phrases itself."""
    line = f"{said}{between}quince {rest}"

    assert command_words.first(PHRASES.values(), line) is None


@ON_SQLITE
@pytest.mark.parametrize(
    "words", ["again, I was late", "time 7 and still awake", "delete it all, I thought", "next year"]
)
def test_such_a_sentence_counts_as_the_day(world, lesson, words):
    """It is journaling: the day is done, and nothing else happens."""
    before = world.rows("SELECT status, resume_at FROM enrolments")

    assert world.reply(lesson, words) == ["completed"]
    assert (days_done(world), world.rows("SELECT status, resume_at FROM enrolments")) == ([1], before)


@ON_SQLITE
@pytest.mark.parametrize("words", ["Hello,\n\nSTOP", "Hi there,\n\nplease stop\n\nThanks,\nAlice"])
def test_whoever_greets_before_they_leave_leaves(world, lesson, words):
    """Alice is polite to the last; a receipt would be the answer of somebody who does not listen."""
    assert world.reply(lesson, words) == ["command"]
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


@ON_SQLITE
@pytest.mark.parametrize("words", ["Hello,\n\nI sat by the window.\n\nStop", "Good morning.\nStop, I told myself."])
def test_a_diary_that_begins_with_a_greeting_is_a_diary(world, lesson, words):
    """Only the line right below a greeting is looked at, and only as a whole."""
    assert world.reply(lesson, words) == ["completed"]
    assert (days_done(world), world.rows("SELECT status FROM enrolments")) == ([1], [("active",)])


@ON_SQLITE
def test_help_with_other_words_is_help_and_the_day(world, lesson):
    """Alice asks for help and writes below it: she gets the help lines, and her day counts."""
    decided = world.reply(lesson, "HELP\n\nIt was a hard day, and I wrote it down.")
    world.app.tick()

    assert (decided, days_done(world)) == (["command"], [1])
    assert "help" in world.box.names()


@ON_SQLITE
def test_help_alone_is_no_answer_to_the_lesson(world, lesson):
    """HELP and nothing else is no day done."""
    world.reply(lesson, "HELP")

    assert days_done(world) == []


# PAUSE with an end.


def test_a_pause_of_three_days_ends_by_itself(world, lesson):
    """PAUSE 3 DAYS on Tuesday: nothing on Wednesday and Thursday, and the next lesson on Friday at her hour."""
    world.clock.go(hours=1)
    world.reply(lesson, "PAUSE 3 DAYS")
    world.pass_hours(24 * 4)

    assert lessons(world) == ["Tue 08 day-1", "Fri 08 day-2", "Sat 08 day-3"]
    assert "Letters come again from Friday 5 March at 08:00." in last_text(world, "paused")
    assert world.rows("SELECT status, resume_at FROM enrolments") == [("active", None)]


@ON_SQLITE
@pytest.mark.parametrize(("day", "comes"), [("monday", "Mon 08"), ("tuesday", "Tue 08"), ("wednesday", "Wed 08")])
def test_a_pause_until_a_weekday_ends_on_that_day(world, lesson, day, comes):
    """The next such day, which is never today: on Tuesday, "until Tuesday" is a week."""
    world.reply(lesson, f"Pause until {day}")
    world.pass_hours(24 * 7 + 1)

    assert lessons(world)[1] == f"{comes} day-2"


@ON_SQLITE
def test_a_late_tick_after_a_pause_costs_no_day(world, lesson):
    """The clock stood still at the very hour: the lesson comes that day all the same, and once."""
    world.reply(lesson, "pause 3 days")
    world.clock.at = datetime(2027, 3, 5, 10, 17, tzinfo=UTC)
    world.pass_hours(1)

    assert lessons(world)[1:] == ["Fri 11 day-2"]


@ON_SQLITE
def test_a_pause_gets_another_end_and_none(world, lesson):
    """PAUSE 3 DAYS and then PAUSE: it lasts until she says so, and both are answered."""
    world.reply(lesson, "pause 3 days")
    world.reply(lesson, "pause")
    world.pass_hours(24 * 5)

    assert lessons(world) == ["Tue 08 day-1"]
    assert "No letter comes until you ask for one." in last_text(world, "paused")
    assert world.box.names().count("paused") == 2


@ON_SQLITE
def test_a_pause_until_a_date_is_open_and_its_answer_says_how_to_set_an_end(world, lesson):
    """Until March: nobody guesses which day that is, and no letter comes in the meantime."""
    world.reply(lesson, "PAUSE until March")
    world.pass_hours(24 * 5)
    said = last_text(world, "paused")

    assert lessons(world) == ["Tue 08 day-1"]
    assert "No letter comes until you ask for one." in said
    assert "PAUSE UNTIL MONDAY" in said


@ON_SQLITE
def test_a_pause_with_an_end_can_be_stopped_or_resumed(world, lesson):
    """RESUME comes before its end; STOP ends it all, and nothing wakes afterwards."""
    world.reply(lesson, "pause 3 days")
    world.reply(lesson, "resume")
    world.pass_hours(24)
    world.reply(lesson, "pause 3 days")
    world.reply(lesson, "stop")
    world.pass_hours(24 * 5)

    assert lessons(world) == ["Tue 08 day-1", "Wed 08 day-2"]
    assert world.rows("SELECT status, resume_at FROM enrolments") == [("stopped", None)]


# NEXT and AGAIN.


@ON_SQLITE
def test_next_never_gives_two_lessons_on_one_day(world, lesson):
    """With one lesson a day NEXT changes nothing, and the answer says when the next one comes."""
    world.reply(lesson, "NEXT")
    world.pass_hours(15)

    assert lessons(world) == ["Tue 08 day-1"]
    assert "planned for Wednesday 3 March at 08:00" in last_text(world, "next")


@ON_SQLITE
def test_next_brings_a_lesson_that_was_planned_for_later_to_the_next_hour(world, lesson):
    """A lesson that is planned for next week comes tomorrow, at her hour."""
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE enrolments SET next_send_at = '2027-03-09 08:00:00.000000'")
    world.reply(lesson, "next letter please")
    world.pass_hours(24)

    assert lessons(world) == ["Tue 08 day-1", "Wed 08 day-2"]


@ON_SQLITE
def test_next_resumes_a_pause(world, lesson):
    """Whoever paused and asks for the next letter wants them back."""
    world.reply(lesson, "pause")
    world.reply(lesson, "next")
    world.pass_hours(24)

    assert lessons(world) == ["Tue 08 day-1", "Wed 08 day-2"]
    assert "resumed" in world.box.names()


def test_again_brings_a_copy_whose_answer_counts_for_its_day(world, lesson):
    """Alice asks for day 1 again, gets it once that day however often she asks, and answers the copy."""
    world.pass_hours(24)
    for _ in range(3):
        world.reply(lesson, "AGAIN")
        world.app.tick()
    copy = world.box.sent[-1]
    world.reply(copy)

    assert lessons(world) == ["Tue 08 day-1", "Wed 08 day-2", "Wed 08 day-1"]
    assert (copy.mailing.name, days_done(world)) == ("day-1", [1])


@ON_SQLITE
def test_again_in_answer_to_a_notice_is_the_last_lesson(world, lesson):
    """The welcome is no lesson: the newest lesson is meant."""
    world.pass_hours(24)
    world.reply(world.box.last("welcome"), "again")
    world.app.tick()

    assert world.box.sent[-1].mailing.name == "day-2"


@ON_SQLITE
def test_again_before_the_first_lesson_is_told_when_that_comes(world):
    """There is nothing yet to send again: she hears how her course is set."""
    world.join("alice")

    assert replied(world, world.box.last("welcome"), "again") == [("settings", "alice@example.org")]
    assert "The first letter is planned for Tuesday 2 March at 08:00." in last_text(world, "settings")


@ON_SQLITE
def test_again_to_a_letter_of_an_earlier_round_is_answered(world, lesson):
    """Alice has begun anew: the same day's letter of this round comes, and before it has, how her course is set."""
    world.pass_hours(24)
    first, second = world.box.last("day-1"), world.box.last("day-2")
    page = world.link(second, "mine")
    steering.restart(world.app.service, page, 1, "yes", world.clock.now(), world.clock.real())
    world.app.tick()
    early = replied(world, first, "AGAIN")
    world.pass_hours(24)
    answers = [replied(world, mail, "AGAIN") for mail in (first, second)]

    assert [[name for name, _ in one] for one in (early, *answers)] == [["settings"], ["day-1"], ["settings"]]
    assert world.rows("SELECT enrolment_id, day FROM deliveries WHERE kind = 'copy'") == [(2, 1)]


@ON_SQLITE
def test_skip_to_a_letter_of_an_earlier_round_is_answered(world, lesson):
    """Alice has begun anew: nothing of this round is left out by it, and she hears how it is set."""
    page = world.link(lesson, "mine")
    steering.restart(world.app.service, page, 1, "yes", world.clock.now(), world.clock.real())
    world.app.tick()

    assert replied(world, lesson, "SKIP") == [("settings", "alice@example.org")]
    assert world.rows("SELECT enrolment_id, day FROM skips") == [(1, 1)]


# TIME.


def test_another_hour_counts_from_the_next_lesson(world, lesson):
    """TIME 7 pm after today's lesson: tomorrow at seven in the evening, and never two on one date."""
    world.reply(lesson, "TIME 7 pm")
    world.pass_hours(24 * 2)

    assert lessons(world) == ["Tue 08 day-1", "Wed 19 day-2"]
    assert "about 19:00, your time" in last_text(world, "hour")


@ON_SQLITE
def test_the_hour_that_is_theirs_already_is_not_answered(world, lesson):
    """TIME 8 at eight changes nothing: no mail, no note, and none of the day's answers is used up."""
    before = len(world.box.sent)
    for _ in range(3):
        world.reply(lesson, "TIME 8")
        world.app.tick()

    assert len(world.box.sent) == before
    assert world.rows("SELECT detail FROM history WHERE event = 'retimed'") == []


@ON_SQLITE
def test_an_earlier_hour_gives_no_two_lessons_within_twelve_hours(world, lesson):
    """TIME 7 pm, and after that evening's lesson TIME 5: twelve hours lie between, and one date."""
    world.reply(lesson, "time 19")
    world.pass_hours(24 + 11)
    world.reply(lesson, "time 5")
    world.pass_hours(48)

    assert lessons(world) == ["Tue 08 day-1", "Wed 19 day-2", "Fri 05 day-3"]


@ON_SQLITE
def test_half_an_hour_is_answered_and_changes_nothing(world, lesson):
    """Letters come at whole hours: she is told so, and hers stays."""
    world.reply(lesson, "TIME 7:30")
    world.app.tick()

    assert "whole hours only" in last_text(world, "hours")
    assert world.rows("SELECT send_hour FROM subscribers") == [(8,)]


@ON_SQLITE
def test_another_hour_moves_the_end_of_a_pause(world, lesson):
    """She paused until Friday and then chose seven in the evening: Friday it is, at seven."""
    world.reply(lesson, "pause 3 days")
    world.reply(lesson, "time 19")
    world.pass_hours(24 * 4)

    assert lessons(world)[1] == "Fri 19 day-2"


@ON_SQLITE
def test_who_has_not_confirmed_keeps_the_hour_of_the_form(world):
    """Anybody can type anybody's address: an answer to the confirmation changes no settings."""
    world.sign_up("alice")
    world.app.tick()
    world.reply(world.box.last("confirm"), "time 19")

    assert world.rows("SELECT send_hour FROM subscribers") == [(8,)]


# DELETE.


def counted(world):
    """Return how many rows there are that would show somebody."""
    tables = ("subscribers", "enrolments", "deliveries", "replies", "completions", "history")
    return {table: world.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608


def test_delete_asks_once_and_then_erases(world, lesson):
    """DELETE is answered with what it means; DELETE again, to that very mail, erases after one last mail."""
    world.reply(lesson, "It was a long day.")
    world.reply(lesson, "DELETE")
    world.app.tick()
    asked = world.box.last("erase")
    active = world.rows("SELECT status FROM enrolments")
    world.reply(asked, "DELETE")
    world.app.tick()

    assert active == [("active",)]
    assert world.box.names()[-1] == "erased"
    assert set(counted(world).values()) == {0}
    assert world.rows("SELECT what FROM consents ORDER BY id") == [("given",), ("withdrawn",)]


@ON_SQLITE
def test_delete_twice_to_a_lesson_only_asks_twice(world, lesson):
    """Only an answer to the mail that asks is a yes."""
    world.reply(lesson, "delete")
    world.reply(lesson, "delete")
    world.app.tick()

    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert world.box.names().count("erase") == 2


@ON_SQLITE
def test_a_question_of_last_week_is_asked_again(world, lesson):
    """After seven days the same answer asks once more."""
    world.reply(lesson, "delete")
    world.app.tick()
    asked = world.box.last("erase")
    world.reply(lesson, "pause")
    world.clock.go(days=7, hours=1)
    world.reply(asked, "delete")
    world.app.tick()

    assert world.rows("SELECT status FROM enrolments") == [("paused",)]
    assert world.box.names().count("erase") == 2


@ON_SQLITE
def test_nobody_erases_somebody_else(world, lesson):
    """The mail that asked Alice erases Alice, whoever answers it, and never the one who writes."""
    world.join("bob")
    world.reply(lesson, "delete")
    world.app.tick()
    world.reply(world.box.last("erase"), "delete", From="bob@example.org")
    world.app.tick()

    assert world.rows("SELECT email FROM subscribers") == [("bob@example.org",)]


@ON_SQLITE
def test_who_has_left_can_be_erased_too(world, lesson):
    """STOP and then DELETE: the course has ended, what is known of her can still go."""
    world.reply(lesson, "stop")
    world.reply(lesson, "delete")
    world.app.tick()
    world.reply(world.box.last("erase"), "delete")
    world.app.tick()

    assert set(counted(world).values()) == {0}


@pytest.fixture
def waiting(world, lesson):
    """Let Alice have asked to be erased at a time when no mail can leave; return the mail that asked her."""
    world.reply(lesson, "It was a long day.")
    world.reply(lesson, "delete")
    world.app.tick()
    asked = world.box.last("erase")
    world.box.answer = lambda _: Halt("no credit")
    world.reply(asked, "delete")
    world.app.tick()
    return asked


@ON_SQLITE
def test_erasing_waits_for_the_last_mail_but_not_for_ever(world, waiting):
    """While no mail can leave she is still known, for three days; then she is erased without it."""
    before = counted(world)["subscribers"]
    world.clock.go(days=3)
    world.app.tick()

    assert (before, counted(world)["subscribers"]) == (1, 0)


def mail_leaves_again(world):
    """Let the next tick send what waits."""
    world.box.answer = lambda _: Sent("provider-2")
    world.clock.go(minutes=10)
    world.app.tick()


def test_who_signs_up_while_their_erasure_waits_is_in_the_course(world, waiting):
    """It is a new wish: what was known before goes, and what she chose now stays, with the link that confirms it."""
    world.sign_up("alice", name="Ali", send_hour=9)
    mail_leaves_again(world)
    world.app.confirm(world.confirm_token())
    world.app.tick()

    assert world.box.names()[-3:] == ["erased", "confirm", "welcome"]
    assert world.rows("SELECT name, send_hour FROM subscribers") == [("Ali", 9)]
    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert counted(world)["replies"] == counted(world)["completions"] == 0
    assert erasures.again(world.app.service, world.clock.now(), with_erased=False) == 0


@ON_SQLITE
def test_who_signed_up_anew_and_says_delete_once_more_is_erased(world, waiting):
    """The last word counts."""
    world.sign_up("alice")
    world.reply(waiting, "delete")
    mail_leaves_again(world)

    assert set(counted(world).values()) == {0}
    assert "confirm" not in world.box.names("alice@example.org")[2:]


@ON_SQLITE
def test_who_begins_anew_is_not_kept_waiting_by_the_last_mail(world, waiting):
    """Their last mail is in doubt, the confirmation came: the old goes at once, and "My course" opens."""
    world.box.answer = lambda mail: Unsure("cut off") if mail.mailing.name == "erased" else Sent("provider-2")
    world.sign_up("alice")
    world.clock.go(minutes=10)
    world.app.tick()
    world.app.confirm(world.confirm_token())
    world.app.tick()
    page = world.link(world.box.last("welcome"), "mine")

    assert counted(world)["subscribers"] == counted(world)["enrolments"] == 1
    assert mine.look(world.app.service, page, world.clock.now()) is not None


def by_a_page(world, lesson):
    """Press the button behind the link to leave."""
    world.app.leave(world.leave_token(lesson), "page")


def at_the_provider(world, lesson):
    """Unsubscribe where the provider says it."""
    world.app.provider_events([{"event": "unsubscribe", "sg_event_id": "e", "email": lesson.to}])


def by_delete_once_more(world, _):
    """Say it once more."""
    world.reply(world.box.last("erase"), "Delete, please.")


def by_stop(world, lesson):
    """Reply STOP to the letter."""
    world.reply(lesson, "STOP")


AT_ONCE = [by_a_page, at_the_provider, by_delete_once_more, by_stop]


@ON_SQLITE
@pytest.mark.parametrize("leave", AT_ONCE, ids=[leave.__name__ for leave in AT_ONCE])
def test_the_last_mail_comes_whatever_they_end_beside_it(world, lesson, leave):
    """Whoever is about to be erased, and leaves by another door as well, still hears that it is done; and only that."""
    world.reply(lesson, "delete")
    world.app.tick()
    before = world.box.names()
    world.reply(world.box.last("erase"), "delete")
    leave(world, lesson)
    world.app.tick()

    assert world.box.names()[len(before) :] == ["erased"]
    assert set(counted(world).values()) == {0}


@ON_SQLITE
def test_who_takes_two_courses_is_told_once_that_they_are_erased(world, lesson):
    """Asked in each of her courses, and twice a yes: one last mail."""
    world.join("alice", course="writing-with-self-compassion")
    for mail in (lesson, world.box.last("welcome")):
        world.reply(mail, "delete")
    world.app.tick()
    for mail in [mail for mail in world.box.sent if mail.mailing.name == "erase"]:
        world.reply(mail, "delete")
    world.app.tick()

    assert world.box.names().count("erase") == 2
    assert world.box.names().count("erased") == 1


@ON_SQLITE
def test_after_the_yes_to_erasing_nothing_is_answered_but_help(world, lesson):
    """The last mail is the last one: what is replied while it waits brings none, unless they ask for help."""
    world.reply(lesson, "delete")
    world.app.tick()
    asked, before = world.box.last("erase"), len(world.box.sent)
    world.reply(asked, "delete")
    for words in ("resume", "Thank you for everything.", "my settings", "letter later", "help"):
        world.reply(asked, words)
    world.app.tick()

    assert sorted(world.box.names()[before:]) == ["erased", "help"]


# Of a course that is over.


def words_for(name, locale="en-GB"):
    """Return a line that is this command."""
    values = {"hour": "7", "pace": "weekly", "language": "british english", "place": "Berlin"}
    return say(WORDS[locale]["commands"][name][0], **values)


def replied(world, mail, line, **headers):
    """Reply to a mail; return what comes in answer, and to whom."""
    before = len(world.box.sent)
    world.reply(mail, line, **headers)
    world.app.tick()
    return [(mail.mailing.name, mail.to) for mail in world.box.sent[before:]]


def leave(world, lesson):
    """Let Alice leave, and a day go by."""
    world.reply(lesson, "STOP")
    world.app.tick()
    world.clock.go(hours=24)
    world.app.tick()


@pytest.mark.parametrize("name", sorted(over.OF_A_COURSE))
def test_who_has_left_and_asks_something_of_the_course_hears_how_to_begin_again(world, lesson, name):
    """Once a day, whichever word it was; nothing begins by it, and no lesson comes."""
    leave(world, lesson)
    answers = [replied(world, lesson, words_for(name)) for _ in range(2)]
    told = " ".join(last_text(world, "over").split())
    world.clock.go(hours=24)
    answers.append(replied(world, lesson, words_for(name)))

    assert answers == [[("over", "alice@example.org")], [], [("over", "alice@example.org")]]
    assert "You have left this course, and no further letter comes." in told
    assert "under “Start again”" in told
    assert world.rows("SELECT status, next_send_at FROM enrolments") == [("stopped", None)]


@pytest.mark.parametrize("name", sorted(over.GOES_ON))
def test_after_the_last_letter_there_is_a_way_to_begin_again(world, lesson, name):
    """Who has had all of it hears that, and where it can begin again; what was answered before still is."""
    world.pass_hours(24 * 6)
    answers = [replied(world, lesson, words_for(name)) for _ in range(2)]
    told = " ".join(last_text(world, "over").split())

    assert answers == [[("over", "alice@example.org")], []]
    assert "The last letter of this course has come your way." in told
    assert [name for name, _ in replied(world, lesson, "MY SETTINGS")] == ["settings"]


@ON_SQLITE
def test_the_page_that_it_leads_to_begins_the_course_again(world, lesson):
    """The link is to the page with "Start again", where she gives the yes that it takes."""
    leave(world, lesson)
    replied(world, lesson, "RESUME")
    page = f"/mine/{world.link(world.box.last('over'), 'mine')}"
    browser = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000")

    assert 'value="restart"' in browser.get(page).text


@ON_SQLITE
def test_a_stranger_with_her_lesson_hears_nothing_and_begins_nothing(world, lesson):
    """Whoever it was forwarded to: the answer goes to her, and her course stays over."""
    leave(world, lesson)

    assert replied(world, lesson, "RESUME", From="mallory@example.net") == [("over", "alice@example.org")]
    assert replied(world, lesson, "RESUME", From="mallory@example.net") == []
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


@ON_SQLITE
def test_a_line_with_her_name_on_it_brings_her_no_mail(world, lesson):
    """Anybody can write her address into From: without a mail of ours to go by, or her house's mark, it is held."""
    leave(world, lesson)

    assert replied(world, lesson, "RESUME", To="course@reply.course.example.org") == []


@ON_SQLITE
def test_who_never_said_yes_or_wants_no_mail_hears_nothing_of_it(world, lesson):
    """An address that was only typed in, and one that said that it was not theirs."""
    world.sign_up("bob")
    world.app.tick()
    asked = world.box.last("confirm")
    world.clock.go(days=8)
    world.app.tick()
    world.app.not_me(world.link(next(mail for mail in world.box.sent if mail.to.startswith("alice")), "confirm"))

    assert replied(world, asked, "RESUME") == replied(world, lesson, "RESUME") == []


@ON_SQLITE
def test_old_mail_of_a_course_that_goes_on_again_is_about_that(world, lesson):
    """A lesson of the round that was left speaks for the one that was begun since: nothing is over."""
    leave(world, lesson)
    world.join("alice")
    before = len(world.box.sent)
    answers = [replied(world, lesson, word) for word in ("RESUME", "PAUSE", "RESUME")]

    assert before < len(world.box.sent)
    assert [[name for name, _ in one] for one in answers] == [[], ["paused"], ["resumed"]]


@ON_SQLITE
def test_letters_without_links_keep_the_one_that_begins_again(world, lesson):
    """She asked for it, and no word does what that page does."""
    world.reply(lesson, "NO LINKS")
    leave(world, lesson)
    replied(world, lesson, "RESUME")

    assert re.findall(r"/(mine|leave|write)/", last_text(world, "over")) == ["mine"]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_goodbye_names_the_word_that_shows_the_way_back(locale):
    """In every language: the word in bold is RESUME."""
    for notice in ("left", "closed"):
        said = (EMAILS / f"notices/{locale}/{notice}.md").read_text(encoding="utf-8")
        assert [PHRASES[locale].command(word).name for word in re.findall(r"\*\*(.+?)\*\*", said)] == ["RESUME"]
