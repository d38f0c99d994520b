"""What a page does, said by reply: how a day was, pace, language and time zone, how all is set, an exercise as text."""

from __future__ import annotations

import re
import tomllib
from zoneinfo import ZoneInfo

import pytest
from conftest import ON_SQLITE
from starlette.testclient import TestClient

from course.content import command_words, zones
from course.content.command_words import Command, Phrases
from course.journeys import diary, journal, people, resources
from course.settings import EMAILS
from course.store.states import CheckinAnswer, JournalLevel
from course.store.tables import subscribers
from course.web import create_app

LOCALES = sorted(path.stem for path in (EMAILS / "words").glob("*.toml"))
WORDS = {locale: tomllib.loads((EMAILS / f"words/{locale}.toml").read_text(encoding="utf-8")) for locale in LOCALES}
PHRASES = {locale: Phrases.of(words) for locale, words in WORDS.items()}
SAID = {
    "lighter": "CHECK-IN LIGHTER",
    "same": "check-in the same",
    "heavier": "Check-in: heavier.",
    "unsure": "check in not sure",
}
BOLD = re.compile(r"\*\*(.+?)\*\*")
JOURNAL = {"journal_keys": "journal-key-of-the-tests-0123456789abcdef"}


@pytest.fixture
def lesson(world):
    """Alice has had day 1: that letter."""
    return first(world)


def first(world, who="alice", **how):
    """Let somebody join and get their first letter; return it."""
    world.join(who, **how)
    while "day-1" not in world.box.names(f"{who}@example.org"):
        world.clock.go(hours=4)
        world.app.tick()
    return world.box.last("day-1")


def answer(world, mail, line, **headers):
    """Reply to a mail; return the names of what comes in answer."""
    before = len(world.box.sent)
    world.reply(mail, line, **headers)
    world.app.tick()
    return [one.mailing.name for one in world.box.sent[before:]]


def text(world, name):
    """Return the text of the last mail of this name, on one line."""
    mail = world.box.last(name)
    return " ".join(mail.mailing.text_for(mail.values).split())


def chosen(world, column="pace"):
    """Return what stands in this column of Alice's round."""
    with world.app.service.store.reading() as tx:
        return getattr(people.find(tx, subscribers.c.email == "alice@example.org")[0], column)


# How a day was.


@pytest.mark.parametrize("felt", CheckinAnswer)
def test_an_answer_is_counted_and_her_row_says_only_that_she_answered(world, lesson, felt):
    """By course, day and week, as the page counts it."""
    assert answer(world, lesson, SAID[felt]) == ["checkin"]
    assert world.rows("SELECT course, day, answer, number FROM checkin_counts") == [("self-compassion", 1, felt, 1)]
    assert world.rows("SELECT day, answer FROM checkins") == [(1, None)]


@ON_SQLITE
def test_what_comes_back_is_the_same_whatever_was_said(world):
    """So neither an inbox, a mail house nor the row of the delivery tells what somebody answered."""
    said, rows = set(), set()
    for who, line in zip(("alice", "bob", "carol", "dora"), SAID.values(), strict=True):
        answer(world, first(world, who, name="Sam"), line)
        mail = world.box.last("checkin")
        mine = {"mine_url", "leave_url", "write_url", "checkin_url", "resource_url", "date"}
        said.add(mail.mailing.text_for({**mail.values, **dict.fromkeys(mine, "")}))
        rows |= set(world.rows("SELECT substr(name, 1, 8) FROM deliveries WHERE name LIKE 'checkin%'"))

    assert len(said) == 1
    assert rows == {("checkin-",)}


@pytest.mark.parametrize("locale", LOCALES)
def test_it_holds_what_the_page_says_after_heavier(locale):
    """Word for word: that it happens, two minutes to come back, and the ways to go on."""
    page = WORDS[locale]["pages"]["heavier"]
    said = (EMAILS / f"notices/{locale}/checkin.md").read_text(encoding="utf-8")
    words = [page[key] for key in ("title", "grounding_title", "grounding_intro", "grounding_end", "doors_title")]
    meant = [command.name for command in map(PHRASES[locale].command, BOLD.findall(said)) if command]

    assert [one for one in (*words, *page["text"], *page["grounding"], page["doors_text"]) if one not in said] == []
    assert meant == ["PAUSE", "PACE", "STOP"]


@ON_SQLITE
def test_one_answer_counts_for_a_day(world, lesson):
    """As on the page; each is answered all the same."""
    came = [answer(world, lesson, SAID[felt]) for felt in ("heavier", "lighter")]

    assert came == [["checkin"], ["checkin"]]
    assert world.rows("SELECT answer, number FROM checkin_counts") == [("heavier", 1)]


@ON_SQLITE
def test_an_answer_is_kept_for_whoever_asked_for_that(world, lesson):
    """She ticked the box on the page once; a word needs no second consent, and changes what is kept."""
    client = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000")
    client.post(f"/checkin/{world.link(lesson, 'checkin')}", data={"answer": "same", "keep": "yes"})
    answer(world, lesson, SAID["heavier"])

    assert world.rows("SELECT answer FROM checkins") == [("heavier",)]


@ON_SQLITE
def test_it_is_about_the_letter_that_is_answered_or_else_the_last_one(world, lesson):
    """The welcome is no letter of a day, so a word in answer to it means the day that she had last."""
    welcome = world.box.last("welcome")
    world.pass_hours(24)
    answer(world, welcome, SAID["same"])
    answer(world, lesson, SAID["same"])

    assert world.rows("SELECT day FROM checkins ORDER BY day") == [(1,), (2,)]


@ON_SQLITE
@pytest.mark.parametrize("settings", [JOURNAL], indirect=True)
@pytest.mark.parametrize("below", ["\n\n", "\u2028", "\u2029", "\x0b"], ids=ascii)
def test_what_stands_below_answers_the_letter_and_the_line_itself_is_not_kept(world, below):
    """Her words may be shared with the course's owner one day; how it was is shown to nobody.

    Word processors end a line with other signs than mail programs do, and what is pasted from them has those.
    """
    mail = first(world)
    with world.app.service.store.reading() as tx:
        alice = people.find(tx)[0]
    journal.choose(world.app.service, alice.id, JournalLevel.SHARE, "page", world.clock.real())
    answer(world, mail, f"CHECK-IN HEAVIER{below}It was a long day.")
    kept = [entry.words for entry in diary.of(world.app.service, alice.subscriber_id)]

    assert kept == ["It was a long day."]
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_no_other_answer_keeps_it_back(world, lesson):
    """Three answers have gone to her today, and then it is heavier."""
    for line in ("PACE WEEKDAYS", "PACE DAILY", "MY SETTINGS"):
        assert answer(world, lesson, line) == ["settings"]

    assert answer(world, lesson, "MY SETTINGS") == []
    assert answer(world, lesson, SAID["heavier"]) == ["checkin"]


@pytest.mark.parametrize(
    "line",
    [
        "heavier", "the same", "The same as always", "not sure", "lighter", "check in with myself", "Check-in",
        "My own pace", "pace", "daily", "A language of my own", "time zone", "my settings are all wrong", "Exercise",
        "time zone changes always wear me out so", "how was it", "igual", "ritmo", "ejercicio", "qué tal fue",
        "אותו דבר", "כבד יותר", "איך היה", "הקצב שלי", "תרגיל",
    ],
)  # fmt: skip
def test_what_may_begin_a_diary_is_no_command(line):
    """Only a whole line that nobody writes to themselves is taken as one."""
    assert command_words.first(PHRASES.values(), line) is None


@pytest.mark.parametrize("hyphen", "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}")
def test_a_hyphen_is_one_however_it_is_typed(hyphen):
    """Word processors have several; a line that is not understood would be kept, and might be shared."""
    assert PHRASES["en-GB"].command(f"CHECK{hyphen}IN HEAVIER") == Command("CHECKIN", chosen="heavier")


# What is chosen.


@pytest.mark.parametrize(
    ("line", "pace"),
    [("PACE MY OWN", "self-paced"), ("pace: weekdays", "weekdays"), ("Please, pace one a day", "daily")],
)
def test_a_pace_by_reply(world, lesson, line, pace):
    """It counts as on her page, and the answer says which one it is now."""
    said = WORDS["en-GB"]["rhythm"][pace]

    assert answer(world, lesson, line) == ["settings"]
    assert chosen(world) == pace
    assert f"Pace: {said}." in text(world, "settings")


@ON_SQLITE
def test_a_pace_that_the_course_is_not_offered_at_changes_nothing(world, lesson):
    """The answer names those that there are."""
    assert answer(world, lesson, "PACE WEEKLY") == ["settings"]
    assert chosen(world) == "daily"
    assert "For the pace: PACE DAILY · PACE WEEKDAYS · PACE MY OWN" in text(world, "settings")


@pytest.mark.parametrize(
    ("line", "locale"),
    [
        ("LANGUAGE SPANISH", "es"),
        ("idioma hebreo", "he"),
        ("letters in עברית", "he"),
        ("LANGUAGE AMERICAN ENGLISH", "en-US"),
        ("language es", "es"),
    ],
)
def test_a_language_by_reply(world, lesson, line, locale):
    """The answer speaks it already, and so do the letters to come."""
    assert answer(world, lesson, line) == ["settings"]
    world.pass_hours(24)

    assert [world.box.last(name).mailing.locale for name in ("settings", "day-2")] == [locale, locale]


@ON_SQLITE
def test_a_language_that_the_course_is_not_written_in_changes_nothing(world):
    """The second course is in English only: the answer says which languages there are."""
    mail = first(world, course="writing-with-self-compassion", locale="en-US")

    assert answer(world, mail, "LANGUAGE SPANISH") == ["settings"]
    assert chosen(world, "locale") == "en-US"
    assert "LANGUAGE BRITISH ENGLISH · LANGUAGE AMERICAN ENGLISH" in text(world, "settings")
    assert "SPANISH" not in text(world, "settings")


def test_a_time_zone_by_reply(world, lesson):
    """Her hour goes by the clock there: eight in Tokyo is eleven at night in London."""
    assert answer(world, lesson, "TIME ZONE TOKYO") == ["settings"]
    assert chosen(world, "timezone") == "Asia/Tokyo"
    assert "by the clock of Tokyo" in text(world, "settings")
    world.pass_hours(48)

    left = world.rows("SELECT settled_at FROM deliveries WHERE name = 'day-2'")
    assert [str(at)[11:13] for (at,) in left] == ["23"]


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("en-GB", "TIME ZONE LONDON, please"),
        ("en-US", "Please, time zone London. Thanks a lot!"),
        ("es", "Zona horaria de Londres, por favor"),
        ("he", "אזור זמן לונדון, תודה"),
    ],
)
def test_courtesy_is_no_part_of_a_place(locale, line):
    """It changes nothing of any other command, either."""
    said = PHRASES[locale].command(line)

    assert said.name == "ZONE"
    assert zones.find(said.place, locale) == "Europe/London"


@ON_SQLITE
@pytest.mark.parametrize("settings", [JOURNAL], indirect=True)
@pytest.mark.parametrize("line", ["Time zone changes wear me out.", "Ritmo propio", "Language: Spanish", "My settings"])
def test_what_stands_below_a_choice_is_kept_and_counts(world, line):
    """Somebody may head their own words with such a line; what they wrote is never the price of a mistake."""
    mail = first(world)
    with world.app.service.store.reading() as tx:
        alice = people.find(tx)[0]
    journal.choose(world.app.service, alice.id, JournalLevel.KEEP, "page", world.clock.real())
    written = f"{line}\n\nI slept for an hour, and was kind to myself about it."
    came = answer(world, mail, written)
    kept = [entry.words for entry in diary.of(world.app.service, alice.subscriber_id)]

    assert came == ["settings"]
    assert kept == [written]
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_the_answer_says_what_the_time_is_there(world, lesson):
    """Two places may be called alike (Perth, Granada): whoever meant the other one sees it by the hour."""
    answer(world, lesson, "TIME ZONE PERTH")
    there = world.clock.now().astimezone(ZoneInfo("Australia/Perth"))

    assert f"by the clock of Perth, where it was {there:%H:%M} when this email left" in text(world, "settings")


@ON_SQLITE
def test_a_place_that_is_unknown_here_changes_nothing(world, lesson):
    """The answer says by which clock letters come, and how to name a place."""
    assert answer(world, lesson, "time zone Atlantis") == ["settings"]
    assert chosen(world, "timezone") == "Europe/London"
    assert "by the clock of London" in text(world, "settings")


@pytest.mark.parametrize(
    ("said", "locale", "zone"),
    [
        ("berlin", "en-GB", "Europe/Berlin"),
        ("sao paulo", "en-GB", "America/Sao_Paulo"),
        ("St. John\N{RIGHT SINGLE QUOTATION MARK}s", "en-US", "America/St_Johns"),
        ("nueva york", "es", "America/New_York"),
        ("new york", "es", "America/New_York"),
        ("ירושלים", "he", "Asia/Jerusalem"),
        ("israel", "en-GB", "Asia/Jerusalem"),
        ("asia/calcutta", "en-GB", "Asia/Calcutta"),
        ("utc", "en-GB", "UTC"),
        ("united states", "en-GB", None),  # it has several
        ("nowhere", "en-GB", None),
    ],
)
def test_a_place_has_many_names(said, locale, zone):
    """In one's own language or in English, with accents or without; a country where it has one clock."""
    assert zones.find(said, locale) == zone


# How all is set.


@pytest.mark.parametrize("locale", LOCALES)
def test_the_settings_say_what_her_page_says(world, locale):
    """Her days, when the next letter comes, pace, hour, place and language; nothing that she wrote."""
    mail = first(world, locale=locale)
    world.reply(mail, "A sentence of my own.")
    line = WORDS[locale]["commands"]["SETTINGS"][0]
    words, catalogue = WORDS[locale], world.app.catalogue
    asked = answer(world, mail, line)
    said = text(world, "settings")
    day = catalogue.called("self-compassion", 1, locale)["listed"]

    assert asked[-1:] == ["settings"]
    assert f"{day} ({words['pages']['mine']['states']['answered']})" in said
    assert words["rhythm"]["daily"] in said
    assert zones.city("Europe/London", locale) in said
    assert world.app.settings.contact_email in said
    assert "sentence" not in said
    assert "{" not in said


@ON_SQLITE
def test_the_settings_go_to_the_address_on_file(world, lesson):
    """Whoever has a forwarded letter learns nothing by asking."""
    answer(world, lesson, "MY SETTINGS", From="mallory@example.org")

    assert world.box.last("settings").to == "alice@example.org"


@ON_SQLITE
def test_who_never_confirmed_chooses_nothing(world):
    """Anybody can type anybody's address: no such word is answered or obeyed before the yes."""
    world.sign_up()
    world.app.tick()
    confirm = world.box.last("confirm")
    came = [answer(world, confirm, line) for line in ("MY SETTINGS", "PACE MY OWN", "TIME ZONE TOKYO", SAID["same"])]

    assert came == [[], [], [], []]
    assert (chosen(world), chosen(world, "timezone")) == ("daily", "Europe/London")
    assert world.rows("SELECT * FROM checkin_counts") == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_word_that_a_mail_names_is_understood(locale):
    """Those in bold, and those that stand in place of a link or are made of what there is to choose."""
    known, words = PHRASES[locale], WORDS[locale]
    for name, least in (("settings", 6), ("checkin", 3), ("plain", 11), ("help", 19)):
        bold = BOLD.findall((EMAILS / f"notices/{locale}/{name}.md").read_text(encoding="utf-8"))
        assert len(bold) >= least
        assert [one for one in bold if known.command(one) is None and not {"3", "{"} & set(one)] == [], name
    listed = command_words.named(words, "PACE", "pace", words["replies"]["paces"]).split(" · ")
    listed += command_words.named(words, "LANGUAGE", "language", words["replies"]["languages"]).split(" · ")
    keys = [*words["replies"]["paces"], *words["replies"]["languages"]]

    assert [known.command(one).chosen for one in listed] == keys
    for felt in CheckinAnswer:
        named = command_words.named(words, "CHECKIN", "felt", [felt])
        assert named.upper() in words["mail"]["plain_checkin"].upper()
        assert known.command(named) == Command("CHECKIN", chosen=felt)
    assert words["commands"]["EXERCISE"][0].upper() in words["mail"]["plain_resource"]


# An exercise.


@pytest.mark.parametrize("locale", LOCALES)
def test_an_exercise_comes_as_text(world, locale):
    """The whole script in her language, word for word, each heading once, and nothing to press in what is its own."""
    mail = first(world, locale=locale)
    script = world.app.catalogue.courses["self-compassion"].resource_of(1, locale).scripts[locale]

    assert answer(world, mail, WORDS[locale]["commands"]["EXERCISE"][0]) == ["exercise"]
    said = text(world, "exercise")
    lines = " ".join([script.introduction, *(one.markdown for one in script.sections)]).split("\n")
    sent = world.box.last("exercise")
    shown = sent.mailing.text_for(sent.values).splitlines()
    assert script.title in said
    assert [line for line in lines if " ".join(line.split()) not in said] == []
    assert [shown.count(one.heading) for one in script.sections] == [1] * len(script.sections)


@ON_SQLITE
def test_the_last_exercise_stands_in_for_a_letter_without_one(world, lesson):
    """Day 2 names none; what she had with day 1 comes."""
    world.pass_hours(24)

    assert answer(world, world.box.last("day-2"), "send the exercise") == ["exercise"]
    assert "day-1" not in text(world, "exercise")
    assert "Day 1" in text(world, "exercise")


@ON_SQLITE
def test_an_exercise_that_was_taken_back_does_not_come(world, lesson):
    """As its link does not work: how the course is set comes in its place, as where there is none."""
    resource = world.app.catalogue.courses["self-compassion"].resource_of(1, "en-GB").id
    world.clock.go(minutes=1)
    resources.revoke(world.app.service, "alice@example.org", resource, world.clock.real())

    assert answer(world, lesson, "SEND EXERCISE") == ["settings"]


@ON_SQLITE
def test_where_no_letter_names_an_exercise_the_words_are_an_answer(world):
    """The second course has none, so somebody may write that line to themselves."""
    mail = first(world, course="writing-with-self-compassion")

    assert answer(world, mail, "Send the exercise") == ["receipt"]
