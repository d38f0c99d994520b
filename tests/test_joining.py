"""Promises about sign-up by mail: one question, a whole yes in answer to it, and nothing for anything else."""

from __future__ import annotations

import re
from dataclasses import replace
from email.message import EmailMessage

import pytest
from conftest import CONSENT, ON_SQLITE

from course import offsets
from course.journeys import limits

JOIN = "join@reply.dearself.example"


@pytest.fixture
def settings(settings, two_courses):
    """Let the service have both courses."""
    return settings.model_copy(update={"emails_dir": two_courses})


def ask(world, sender="alice@example.org", to=JOIN, words="Please.\n", number=1, passed=(), **headers):
    """Write to join@ as a person would; return what was decided."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, "The quinquireme course"
    mail["Message-ID"] = f"<{number}@client.example.org>"
    mail["Date"] = headers.pop("Date", "Mon, 01 Mar 2027 13:00:00 +0100")
    mail.set_content(words)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    decided = world.deliver(mail.as_bytes(), passed=passed)
    world.app.tick()
    return decided


def standing(world):
    """Return who stands where."""
    return world.rows(
        "SELECT s.email, e.course, e.status FROM enrolments e JOIN subscribers s ON s.id = e.subscriber_id"
    )


def test_a_mail_to_join_is_asked_back_and_yes_begins(world):
    """Alice writes, is asked with the whole consent, answers YES, and has her place and her welcome."""
    decided = ask(world)
    question = world.box.last("joining")
    pending = standing(world)
    world.reply(question, "YES")
    world.app.tick()

    assert (decided, pending) == (["joined"], [("alice@example.org", "self-compassion", "pending")])
    assert standing(world) == [("alice@example.org", "self-compassion", "active")]
    assert world.box.names() == ["joining", "welcome"]
    assert world.rows("SELECT course, what, how FROM consents") == [("self-compassion", "given", "confirmed by reply")]


@ON_SQLITE
def test_the_question_holds_the_consent_that_is_recorded(world):
    """The words of the form, the age in them, stand in the mail exactly as they are kept as proof."""
    ask(world)
    question = world.box.last("joining")
    world.reply(question, "yes")
    wording = world.rows("SELECT wording FROM consents")[0][0]

    assert f"I am {world.app.settings.min_age} or over" in wording
    assert wording in " ".join(question.mailing.text_for(question.values).split())


@ON_SQLITE
def test_the_question_is_an_answer_and_quotes_nothing(world):
    """Auto-replied (RFC 3834), without a word, the subject or the Message-ID of what came; and with no way to leave."""
    ask(world, words="quinquireme words\n")
    raw = world.box.last("joining").as_bytes().decode()

    assert "Auto-Submitted: auto-replied" in raw
    assert "quinquireme" not in raw
    assert "client.example.org" not in raw
    assert "List-Unsubscribe" not in raw


@ON_SQLITE
def test_the_page_of_its_link_confirms_too(world):
    """Whoever rather presses the button may."""
    ask(world)
    world.app.confirm(world.link(world.box.last("joining"), "confirm"))

    assert standing(world) == [("alice@example.org", "self-compassion", "active")]


@ON_SQLITE
@pytest.mark.parametrize("words", ["Yes.", "YES", "yes, please!", "I agree", "Hello, yes. Thank you", "Hi,\n\nYES"])
def test_a_whole_yes_confirms_from_wherever_it_comes(world, words):
    """The address that the question came with is the proof: she may answer from her phone."""
    ask(world)
    world.reply(world.box.last("joining"), words, From="ali@phone.example.net")

    assert standing(world) == [("alice@example.org", "self-compassion", "active")]


@ON_SQLITE
@pytest.mark.parametrize(
    "words", ["Yes, but what is it?", "yesterday I wrote", "maybe", "Who are you?\nYes", "DONE", "PAUSE", "", "RESUME"]
)
def test_anything_else_changes_nothing_and_is_not_answered(world, words):
    """Only the whole first line is a yes or a no."""
    ask(world)
    world.reply(world.box.last("joining"), words)
    world.pass_hours(24)

    assert standing(world) == [("alice@example.org", "self-compassion", "pending")]
    assert world.box.names() == ["joining"]


@ON_SQLITE
@pytest.mark.parametrize("words", ["No", "STOP", "no, thank you", "That was not me.", "unsubscribe"])
def test_no_is_never_written_to_again(world, words):
    """As on the page "not me": nothing is left of it but a mark, and a further mail to join@ sends nothing."""
    ask(world)
    world.reply(world.box.last("joining"), words)
    left = standing(world)
    world.clock.go(days=2)
    ask(world, number=2)

    assert (left, standing(world)) == ([], [])
    assert world.box.names() == ["joining"]
    assert world.rows("SELECT reason FROM suppressions") == [("not-me",)]


@ON_SQLITE
@pytest.mark.parametrize("words", ["YES", "NO"])
@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"Return_Path": "<>"},
        {"From": "noreply@example.org"},
    ],
    ids=str,
)
def test_a_machine_decides_nothing(world, header, words):
    """Only a person consents: what a responder writes confirms nothing and refuses nothing, and she still may."""
    ask(world)
    question = world.box.last("joining")
    decided = world.reply(question, words, **header)
    before = standing(world)
    world.reply(question, "YES")

    assert decided == ["automatic"]
    assert before == [("alice@example.org", "self-compassion", "pending")]
    assert standing(world) == [("alice@example.org", "self-compassion", "active")]


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        *(("es", words) for words in ("SÍ", "sí", "Si.", "Sí, acepto", "Sí, por favor. Gracias", "Estoy de acuerdo")),
        *(("he", words) for words in ("כן", "כן.", "כן, בבקשה", "אני מסכימה", "אני מסכים", "שלום, כן. תודה")),
    ],
)
def test_yes_begins_in_their_language(world, locale, words):
    """They were asked in Spanish or Hebrew, and say yes in it."""
    ask(world, Content_Language=locale)
    question = world.box.last("joining")
    world.reply(question, words)

    assert question.mailing.locale == locale
    assert standing(world) == [("alice@example.org", "self-compassion", "active")]


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        *(("es", words) for words in ("NO", "No, gracias", "No fui yo", "CANCELAR")),
        *(("he", words) for words in ("לא", "לא, תודה", "זה לא אני", "הסרה")),
    ],
)
def test_no_refuses_in_their_language(world, locale, words):
    """As in English: nothing is left but a mark, and nobody writes to them again."""
    ask(world, Content_Language=locale)
    question = world.box.last("joining")
    world.reply(question, words)

    assert question.mailing.locale == locale
    assert standing(world) == []
    assert world.rows("SELECT reason FROM suppressions") == [("not-me",)]


@ON_SQLITE
def test_what_is_a_yes_in_another_language_is_a_no_in_their_own(world):
    """A word may be both: no course begins, and nothing is agreed to, by a no."""
    ask(world)
    phrases = world.app.service.catalogue.phrases
    phrases["he"] = replace(phrases["he"], yes=phrases["he"].yes | {"no"})
    world.reply(world.box.last("joining"), "No")

    assert standing(world) == []
    assert world.rows("SELECT reason FROM suppressions") == [("not-me",)]


@ON_SQLITE
@pytest.mark.parametrize(("locale", "yes", "no"), [("en-GB", "YES", "NO"), ("es", "SÍ", "NO"), ("he", "כן", "לא")])
def test_the_question_names_words_that_work(world, locale, yes, no):
    """The words that it asks for are those that are tried here."""
    ask(world, Content_Language=locale)
    question = world.box.last("joining")
    text = question.mailing.text_for(question.values)

    assert re.search(rf"\W{yes}\W", text)
    assert re.search(rf"\W{no}\W", text)


@ON_SQLITE
def test_help_is_answered_even_here(world):
    """Whoever asks for help gets the help lines; nothing is confirmed by it."""
    ask(world)
    world.reply(world.box.last("joining"), "HELP")
    world.app.tick()

    assert world.box.names() == ["joining", "help"]
    assert standing(world)[0][-1] == "pending"


@ON_SQLITE
def test_a_yes_after_seven_days_is_too_late(world):
    """The question says how long it works."""
    ask(world)
    question = world.box.last("joining")
    world.clock.go(days=7, hours=1)
    world.reply(question, "yes")

    assert standing(world)[0][-1] == "pending"


def test_the_same_mail_again_asks_once(world):
    """Delivered three times, at once and two days later: one question."""
    first, at_once = ask(world), ask(world)
    world.clock.go(days=2)

    assert (first, at_once, ask(world)) == (["joined"], ["repeated"], ["repeated"])
    assert world.box.names() == ["joining"]


@ON_SQLITE
def test_many_mails_ask_once_a_day_and_three_times_a_month(world):
    """The form's limits hold, so that nobody's inbox is filled through us."""
    for number in range(10):
        ask(world, number=number)
        world.clock.go(hours=26)

    assert world.box.names() == ["joining"] * 3


@ON_SQLITE
def test_many_people_of_one_provider_may_join_in_an_hour(world):
    """The limit for a network is for visitors: by mail there is none."""
    for number in range(8):
        ask(world, sender=f"person{number}@example.org", number=number)

    assert world.box.names() == ["joining"] * 8


def used_up(world, rules, most):
    """Let so many have asked in this moment."""
    service = world.app.service
    with service.store.transaction() as tx:
        for _ in range(most):
            limits.take(tx, service.keys, rules[:1], "", world.clock.now())


@ON_SQLITE
def test_a_group_of_25_may_join_within_ten_minutes(world):
    """All of them write at once, and nothing on the way in proves who they are: each is asked."""
    for number in range(25):
        ask(world, sender=f"person{number}@example.org", number=number)

    assert world.box.names() == ["joining"] * 25


@ON_SQLITE
def test_of_made_up_senders_few_are_asked_and_nobody_later(world):
    """Anybody can write strangers' addresses into From lines: past forty nobody is asked, then or afterwards."""
    decided = [ask(world, sender=f"v@victims{number}.example", number=number) for number in range(45)]
    asked = len(world.box.sent)
    world.pass_hours(24)

    assert (decided.count(["joined"]), decided.count(["dropped"])) == (40, 5)
    assert (asked, len(world.box.sent)) == (40, 40)


@ON_SQLITE
def test_made_up_senders_have_a_day_s_limit_too(world):
    """A flood that goes on and on reaches two hundred in a day; the next day somebody may ask again."""
    used_up(world, limits.UNPROVEN[1:], 200)
    world.clock.go(hours=23)
    late = ask(world)
    world.clock.go(hours=2)

    assert (late, ask(world)) == (["dropped"], ["joined"])


@ON_SQLITE
def test_whoever_is_proven_is_asked_in_the_middle_of_a_flood(world):
    """A checked mark of her domain is what no made-up sender has."""
    used_up(world, limits.UNPROVEN, 40)

    assert ask(world, sender="bob@example.net", number=1) == ["dropped"]
    assert ask(world, sender="alice@example.org", number=2, passed=("example.org",)) == ["joined"]
    assert [mail.to for mail in world.box.sent] == ["alice@example.org"]


@ON_SQLITE
@pytest.mark.parametrize("passed", [(), ("example.net",)], ids=["made up", "proven"])
def test_no_flood_of_mail_closes_the_page(world, monkeypatch, passed):
    """However much is written to join@, a visitor's confirmation leaves at once: the page has places of its own."""
    monkeypatch.setattr(limits, "EVERYBODY", (replace(limits.EVERYBODY[0], most=5),))
    for number in range(10):
        ask(world, sender=f"p{number}@example.net", number=number, passed=passed)
    world.sign_up("alice")
    world.app.tick()

    assert world.box.sent[-1].to == "alice@example.org"


@ON_SQLITE
@pytest.mark.parametrize(
    ("headers", "decided"),
    [
        ({"Auto_Submitted": "auto-replied"}, "dropped"),
        ({"Precedence": "bulk"}, "dropped"),
        ({"X_Auto_Response_Suppress": "All"}, "dropped"),
        ({"List_Id": "<list.example.org>"}, "held"),
    ],
)
def test_a_machine_s_mail_is_not_answered(world, headers, decided):
    """No question goes to a machine, a list, or whoever asks for silence."""
    assert ask(world, **headers) == [decided]
    assert world.box.sent == []


@ON_SQLITE
@pytest.mark.parametrize("sender", ["postmaster@example.org", "abuse@example.org", "hello@dearself.example", "x"])
def test_an_address_that_the_form_refuses_is_not_asked(world, sender):
    """Roles, our own addresses, and what is no address."""
    assert ask(world, sender=sender) == ["dropped"]
    assert world.box.sent == []


@ON_SQLITE
def test_whoever_has_a_place_hears_so_and_keeps_it(world):
    """As with the form: nothing of it changes."""
    world.join("alice")
    ask(world)

    assert world.box.names()[-1] == "again"
    assert world.rows("SELECT timezone FROM subscribers") == [("Europe/London",)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("to", "course"), [("Join-Writing@reply.dearself.example", "writing"), (JOIN.upper(), "self-compassion")]
)
def test_the_address_names_the_course(world, to, course):
    """In any capitals; without a name it is the first course."""
    ask(world, to=to)

    assert [row[1] for row in standing(world)] == [course]


@ON_SQLITE
@pytest.mark.parametrize(
    "to", ["join-nothing@reply.dearself.example", "joiner@reply.dearself.example", "join@else.example"]
)
def test_another_address_asks_for_nothing(world, to):
    """It is held for the owner, as any mail that nobody can place."""
    assert ask(world, to=to) == ["held"]
    assert world.box.sent == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("said", "locale"),
    [("en-US", "en-US"), ("de, en-US;q=0.5", "en-US"), ("en", "en-GB"), ("fr", "en-GB"), ("", "en-GB")],
)
def test_the_question_speaks_their_language_if_the_course_does(world, said, locale):
    """The first of Content-Language that the course has, else its first one."""
    ask(world, **({"Content_Language": said} if said else {}))

    assert world.box.sent[0].mailing.locale == locale


@ON_SQLITE
def test_the_welcome_says_the_hour_and_how_to_choose_another(world):
    """The zone is a guess and the hour the course's: she is told both, and TIME changes it."""
    ask(world, Date="Mon, 01 Mar 2027 17:30:00 +0530")
    world.reply(world.box.last("joining"), "yes")
    world.app.tick()
    welcome = world.box.last("welcome")
    text = " ".join(welcome.mailing.text_for(welcome.values).split())

    assert world.rows("SELECT timezone, send_hour FROM subscribers") == [("Asia/Kolkata", 8)]
    assert "at about 08:00, your time. To choose another hour, reply TIME and the hour" in text


@ON_SQLITE
def test_whoever_has_a_course_keeps_their_own_hour_and_place(world):
    """A mail to join@ tells neither: for the second course nothing of what they chose is guessed anew."""
    world.join("alice", timezone="Asia/Tokyo", send_hour=21, locale="en-US")
    ask(world, to="join-writing@reply.dearself.example")
    world.reply(world.box.last("joining"), "yes")
    world.app.tick()

    assert [row[1:] for row in standing(world)] == [("self-compassion", "active"), ("writing", "active")]
    assert world.rows("SELECT name, locale, timezone, send_hour FROM subscribers") == [
        ("Alice", "en-US", "Asia/Tokyo", 21)
    ]


@pytest.mark.parametrize(
    ("date", "locale", "zone"),
    [
        ("Mon, 01 Mar 2027 12:00:00 +0000", "en-GB", "Europe/London"),
        ("Thu, 01 Jul 2027 12:00:00 +0100", "en-GB", "Europe/London"),
        ("Mon, 01 Mar 2027 12:00:00 +0100", "en-GB", "Europe/Berlin"),
        ("Mon, 01 Mar 2027 12:00:00 -0500", "en-US", "America/New_York"),
        ("Thu, 01 Jul 2027 12:00:00 -0500", "en-US", "America/Chicago"),
        ("Mon, 01 Mar 2027 12:00:00 +0545", "en-GB", "Asia/Kathmandu"),
        ("Mon, 01 Mar 2027 12:00:00 -0000", "en-US", "America/New_York"),
        ("Mon, 01 Mar 2027 12:00:00 +0117", "en-GB", "Europe/London"),
        ("Fri, 31 Dec 9999 23:59:59 -1200", "en-GB", "Europe/London"),
        ("yesterday", "en-GB", "Europe/London"),
        ("", "eo", "UTC"),
    ],
)
def test_an_offset_is_a_place_where_clocks_showed_it_then(date, locale, zone):
    """Of their country, if there is one; without an offset it is their country's first."""
    assert offsets.zone(date, locale) == zone


# The form's confirmation is answered in the same words.


def confirmation(world, **form):
    """Sign up by the form; return the mail that asks."""
    world.sign_up(**form)
    world.app.tick()
    return world.box.last("confirm")


def test_a_yes_to_the_confirmation_begins_the_course(world):
    """Alice answers it instead of pressing its button: her place, her welcome, and the consent that the form showed."""
    world.reply(confirmation(world), "YES please")
    world.app.tick()

    assert standing(world) == [("alice@example.org", "self-compassion", "active")]
    assert world.box.names() == ["confirm", "welcome"]
    assert world.rows("SELECT what, wording, how FROM consents") == [("given", CONSENT, "confirmed by reply")]


@ON_SQLITE
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
@pytest.mark.parametrize(
    ("button", "left"), [("button", [("alice@example.org", "self-compassion", "active")]), ("not_me_button", [])]
)
@pytest.mark.parametrize("asked_by", ["form", "mail"])
def test_what_the_buttons_say_may_be_typed(world, locale, button, left, asked_by):
    """Who answers "Yes, send me the course" or "This was not me" is understood, in their language."""
    if asked_by == "form":
        mail = confirmation(world, locale=locale)
    else:
        ask(world, Content_Language=locale)
        mail = world.box.last("joining")
    words, text = world.app.catalogue.words[locale]["pages"]["confirm"], mail.mailing.text_for(mail.values)
    quote = "".join(f"> {line}\n" for line in text.splitlines())
    world.reply(mail, f"{words[button]}.\n\nOn Monday, Dear Self wrote:\n{quote}")

    assert words["button"] in text
    assert standing(world) == left


@ON_SQLITE
@pytest.mark.parametrize(("locale", "yes", "no"), [("en-GB", "YES", "NO"), ("es", "SÍ", "NO"), ("he", "כן", "לא")])
def test_the_confirmation_names_words_that_work(world, locale, yes, no):
    """The words that it asks for are those that are tried here."""
    mail = confirmation(world, locale=locale)
    text = mail.mailing.text_for(mail.values)

    assert re.search(rf"\W{yes}\W", text)
    assert re.search(rf"\W{no}\W", text)


@pytest.mark.parametrize("words", ["No", "STOP", "Not me", "unsubscribe"])
def test_a_no_to_the_confirmation_is_never_written_to_again(world, words):
    """Whoever it was never had a place: no goodbye to a course comes, and nothing is left but a mark."""
    world.reply(confirmation(world), words)
    left = standing(world)
    world.clock.go(days=2)
    confirmation(world)

    assert (left, standing(world)) == ([], [])
    assert world.box.names() == ["confirm"]
    assert world.rows("SELECT reason FROM suppressions") == [("not-me",)]
    assert world.rows("SELECT * FROM consents") == []


@ON_SQLITE
def test_stop_says_no_from_wherever_it_is_said_before_the_yes(world):
    """Bob asked for help first, and the help lines name STOP: it is a no there as well, and no goodbye follows."""
    world.reply(confirmation(world, who="bob"), "HELP")
    world.app.tick()
    world.reply(world.box.last("help"), "STOP")
    world.app.tick()

    assert standing(world) == []
    assert world.box.names() == ["confirm", "help"]


@ON_SQLITE
@pytest.mark.parametrize("words", ["Who is this?", "Yes, but what is it?", "PAUSE", "TIME 7", "RESUME", ""])
def test_anything_else_to_the_confirmation_changes_nothing(world, words):
    """Only a whole yes or no counts, and nobody who never said yes is written to."""
    world.reply(confirmation(world), words)
    world.pass_hours(24)

    assert standing(world) == [("alice@example.org", "self-compassion", "pending")]
    assert world.box.names() == ["confirm"]


@ON_SQLITE
def test_a_machine_s_yes_to_the_confirmation_begins_nothing(world):
    """Only a person consents."""
    decided = world.reply(confirmation(world), "Yes", Auto_Submitted="auto-replied")

    assert decided == ["automatic"]
    assert standing(world) == [("alice@example.org", "self-compassion", "pending")]


@ON_SQLITE
@pytest.mark.parametrize("asked_by", ["form", "mail"])
def test_who_wants_to_be_erased_is_asked_even_before_a_yes(world, asked_by):
    """DELETE is more than a no: it is asked back, whichever question it answers."""
    if asked_by == "form":
        confirmation(world)
    else:
        ask(world)
    world.reply(world.box.sent[-1], "DELETE")
    world.app.tick()

    assert world.box.names()[-1] == "erase"


@ON_SQLITE
def test_a_yes_to_the_confirmation_after_seven_days_is_too_late(world):
    """As its link."""
    mail = confirmation(world)
    world.clock.go(days=7, hours=1)
    world.reply(mail, "yes")

    assert standing(world)[0][-1] == "pending"
