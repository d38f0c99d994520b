"""Promises about what people write back: whose it is, what it does, once; and that the words are kept nowhere."""

from __future__ import annotations

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from io import StringIO

import pytest
from conftest import ON_SQLITE
from sqlalchemy.exc import OperationalError

from course import logs
from course.app import App
from course.inbound import spool
from course.journeys import replies
from course.links import PAGES
from course.store.database import insert_once
from course.store.tables import metadata

DAY_1 = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)
CANARY = "canary-quinquireme"


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


def letter(sender="alice@example.org", to="hello@dearself.example", words="It helped.\n", **headers):
    """Return a mail that a person might write."""
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    for name, value in {"Message-ID": "<1@client.example.org>", **headers}.items():
        message[name] = value
    message.set_content(words)
    return message


def days_done(world):
    """Return which days are done, and by what way, in each course."""
    return world.rows(
        "SELECT e.course, c.day, c.via FROM completions c JOIN enrolments e ON e.id = c.enrolment_id "
        "ORDER BY e.course, c.day"
    )


def live(world, hours):
    """Let time go by, with a tick every four hours; return the names of what was sent meanwhile."""
    before = len(world.box.sent)
    while hours > 0:
        world.clock.go(hours=min(4, hours))
        world.app.tick()
        hours -= 4
    return [mail.mailing.name for mail in world.box.sent[before:]]


# Whose mail it is.


def test_a_reply_completes_its_day(world, lesson):
    """Alice answers day 1: the day is done, noted once, and she gets a receipt for it."""
    decided = world.reply(lesson)
    world.app.tick()

    assert decided == ["completed"]
    assert days_done(world) == [("self-compassion", 1, "reply")]
    assert world.box.names()[-1] == "receipt"
    assert world.box.last("receipt").in_reply_to == lesson.message_id


@ON_SQLITE
@pytest.mark.parametrize("where", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "envelope"])
def test_the_token_counts_wherever_it_stands(world, lesson, where):
    """The reply address is found in any line that names a recipient, and in the envelope; in capitals too."""
    to = lesson.reply_to.upper() if where == "envelope" else lesson.reply_to
    mail = letter(**({} if where in {"To", "envelope"} else {where: to}))
    if where == "To":
        mail.replace_header("To", f"Dear Self <{to}>")
    decided = world.deliver(mail.as_bytes(), to=(to,) if where == "envelope" else ())

    assert decided == ["completed"]


@ON_SQLITE
@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_a_reference_counts_where_no_token_is(world, lesson, header):
    """A client that answers to our From address still says which mail it answers."""
    value = f"<other@client.example.org> {lesson.message_id}" if header == "References" else lesson.message_id

    assert world.deliver(letter(**{header: value}).as_bytes()) == ["completed"]


@ON_SQLITE
def test_the_token_counts_more_than_a_reference(world, lesson):
    """If both name a mail of ours the address decides: a client may keep old references in a thread."""
    world.join("bob")
    world.clock.go(days=1)
    world.app.tick()
    bobs = next(mail for mail in world.box.sent if mail.to.startswith("bob") and mail.mailing.name == "day-1")
    world.reply(lesson, In_Reply_To=bobs.message_id, References=bobs.message_id)

    done = world.rows("SELECT enrolment_id, day FROM completions")
    assert done == world.rows("SELECT enrolment_id, day FROM deliveries WHERE id = " + str(lesson.delivery_id))  # noqa: S608


@ON_SQLITE
def test_a_phones_reaction_is_held_where_it_quotes_our_own_words(world, lesson):
    """A phone quotes the lesson in curly quotes; a person who writes about a part of it in such quotes has answered."""
    ours = max(lesson.mailing.text_for(lesson.values).splitlines(), key=len)

    assert world.reply(lesson, f"Loved \u201c{ours}\u201d") == ["held"]
    assert world.reply(lesson, f"Removed a heart from \u201c{ours[:60]}\u2026\u201d") == ["held"]
    assert world.reply(lesson, "Loved \u201cthe part where I am asked what a friend would say\u201d") == ["completed"]


def forged(lesson):
    """Return references and addresses that only look like ours."""
    local, _, domain = lesson.message_id.strip("<>").partition("@")
    other = "b" if local[8] != "b" else "c"
    wrong = f"{local[:8]}{other}{local[9:]}"
    return {
        "a changed Message-ID": {"In-Reply-To": f"<{wrong}@{domain}>"},
        "a Message-ID cut short": {"In-Reply-To": f"<{local[:-3]}@{domain}>"},
        "a Message-ID of somebody else's": {"In-Reply-To": "<1234@client.example.org>"},
        "a changed reply address": {"Cc": lesson.reply_to.replace(lesson.reply_to[9], "7")},
        "a Message-ID as an address": {"Cc": f"reply-{local}@reply.dearself.example"},
        "an address as a Message-ID": {"In-Reply-To": f"<{lesson.reply_to.removeprefix('reply-')}>"},
    }


@ON_SQLITE
@pytest.mark.parametrize("which", range(6))
def test_a_forged_reference_counts_for_nobody(world, lesson, which):
    """Nobody can make up an address or a Message-ID of ours, or use one as the other."""
    headers = list(forged(lesson).values())[which]

    assert world.deliver(letter(**headers).as_bytes()) == ["held"]
    assert days_done(world) == []


@ON_SQLITE
def test_a_from_line_alone_proves_nothing(world, lesson):
    """Anybody can write Alice's address into a From line: it is held, counts nothing, and nothing is sent back."""
    decided = world.deliver(letter().as_bytes())
    later = live(world, 2)

    assert (decided, later) == (["held"], [])
    assert (days_done(world), world.rows("SELECT * FROM replies")) == ([], [])


def test_a_proven_sender_with_one_open_lesson_counts(world, lesson):
    """A mail that is proven to be from her domain answers the one lesson that she has not answered yet."""
    decided = world.deliver(letter().as_bytes(), passed=("example.org",))

    assert decided == ["completed"]
    assert days_done(world) == [("self-compassion", 1, "reply")]


def test_a_proven_sender_with_two_open_lessons_is_held(world, lesson):
    """With two lessons open nobody can tell which one it is: it is held rather than guessed."""
    live(world, 24)

    assert world.deliver(letter().as_bytes(), passed=("example.org",)) == ["held"]
    assert days_done(world) == []


@ON_SQLITE
def test_a_proven_sender_with_open_lessons_of_two_courses_is_held(world):
    """One open lesson in each of two courses are two."""
    world.join("alice")
    world.join("alice", course="writing")
    live(world, 21)

    assert world.deliver(letter().as_bytes(), passed=("example.org",)) == ["held"]


@ON_SQLITE
def test_a_proven_sender_with_nothing_open_is_held(world, lesson):
    """When her lesson is answered already a mail without token answers none."""
    world.reply(lesson)

    assert world.deliver(letter().as_bytes(), passed=("example.org",)) == ["held"]
    assert len(days_done(world)) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("passed", "decided"),
    [
        (("example.org",), "completed"),
        (("mail.example.org",), "completed"),
        (("example.com", "example.org"), "completed"),
        (("example.net",), "held"),
        (("evil-example.org",), "held"),
        (("org",), "held"),
        ((), "held"),
    ],
    ids=["her own", "a server of hers", "one of two", "another", "one that ends alike", "a whole country", "none"],
)
def test_the_proof_must_be_of_her_domain(world, lesson, passed, decided):
    """A pass counts when its domain stands in line with that of the From address (relaxed, RFC 7489 section 3.1)."""
    assert world.deliver(letter().as_bytes(), passed=passed) == [decided]


@ON_SQLITE
@pytest.mark.parametrize(
    ("result", "decided"),
    [
        ("mx.example.net; dkim=pass header.d=example.org", "completed"),
        ("mx.example.net; spf=fail; dmarc=pass header.from=example.org", "completed"),
        ("mx.example.net; dkim=fail header.d=example.org", "held"),
        ("mx.example.net; dkim=pass header.d=example.com", "held"),
        ("mx.elsewhere.example; dkim=pass header.d=example.org", "held"),
    ],
)
def test_only_our_own_mail_server_s_word_counts(world, lesson, result, decided):
    """Of Authentication-Results only those that AUTHSERV_ID wrote are believed: a sender can write any other."""
    service = App.build(
        world.app.settings.model_copy(update={"authserv_id": "mx.example.net"}), transport=world.box, clock=world.clock
    )
    service.receive(letter(**{"Authentication-Results": result}).as_bytes(), source="test")
    said = [str(one) for one in service.read_spool()]
    service.close()

    assert said == [decided]


@ON_SQLITE
def test_a_stranger_s_mail_is_held(world, lesson):
    """Who is not known to us is neither counted nor answered."""
    decided = world.deliver(letter("bob@example.net").as_bytes(), passed=("example.net",))
    later = live(world, 2)

    assert (decided, later) == (["held"], [])
    assert [path.parent.name for path in world.app.spool_folder.rglob("*.mail")] == ["held"]


@ON_SQLITE
def test_the_token_counts_from_another_address(world, lesson):
    """Alice answers from her phone, which has another address: it counts, and the receipt goes to the one on file."""
    decided = world.reply(lesson, From="Ali <ali@phone.example.net>", Reply_To="ali@phone.example.net")
    world.app.tick()

    assert decided == ["completed"]
    assert [mail.to for mail in world.box.sent if mail.mailing.name == "receipt"] == ["alice@example.org"]


@ON_SQLITE
def test_a_friend_s_answer_to_a_forwarded_lesson_writes_to_alice_only(world, lesson):
    """Alice forwards the lesson and her friend answers it: nothing of ours ever goes to the friend."""
    for words in ("A kind word to Alice.", "HELP", "PAUSE"):
        world.reply(
            lesson, words, From="friend@example.net", Reply_To="friend@example.net", Sender="friend@example.net"
        )
    live(world, 24)

    assert {mail.to for mail in world.box.sent} == {"alice@example.org"}


@ON_SQLITE
def test_mail_from_ourselves_is_dropped(world, lesson):
    """Our own mail that comes back to us ends there: no loop begins with it."""
    for sender in ("hello@dearself.example", lesson.reply_to):
        assert world.reply(lesson, From=sender) == ["dropped"]
    assert days_done(world) == []


# Once is once.


def test_the_same_mail_again_adds_nothing(world, lesson):
    """A mail that is delivered again, at once or after 25 hours, is no second answer and gets no second receipt."""
    raw = letter(to=lesson.reply_to).as_bytes()
    first = world.deliver(raw)
    at_once = world.deliver(raw)
    live(world, 25)
    later = world.deliver(raw)
    live(world, 1)

    assert (first, at_once, later) == (["completed"], ["repeated"], ["repeated"])
    assert len(days_done(world)) == 1
    assert world.box.names().count("receipt") == 1


def test_the_same_mail_twenty_times_at_once_is_one(world, lesson):
    """Twenty deliveries of the same mail, decided by eight readers at once: one completion, one receipt."""
    raw = letter(to=lesson.reply_to).as_bytes()
    for _ in range(20):
        world.app.receive(raw, source="test")
    all_are_here = threading.Barrier(8)

    def read(_):
        all_are_here.wait(10)
        return [str(decision) for decision in world.app.read_spool()]

    with ThreadPoolExecutor(8) as pool:
        decided = [decision for found in pool.map(read, range(8)) for decision in found]
    world.app.tick()

    assert decided.count("completed") == 1
    assert set(decided) <= {"completed", "repeated"}
    assert days_done(world) == [("self-compassion", 1, "reply")]
    assert world.box.names().count("receipt") == 1
    assert list(world.app.spool_folder.rglob("*.mail")) == []


def test_twenty_answers_at_once_are_one_day_done(world, lesson):
    """Twenty different mails about the same day, decided at once: the day is done once, with one receipt."""
    for number in range(20):
        world.app.receive(letter(to=lesson.reply_to, **{"Message-ID": f"<{number}@c>"}).as_bytes(), source="test")
    all_are_here = threading.Barrier(4)

    def read(_):
        all_are_here.wait(10)
        return world.app.read_spool()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    world.app.tick()

    assert days_done(world) == [("self-compassion", 1, "reply")]
    assert world.box.names().count("receipt") == 1


def test_the_same_mail_by_two_ways_is_one(world, lesson):
    """What comes by the provider's hook and by the mailbox too is one reply, though one way shows less of it."""
    mail = letter(**{"In-Reply-To": lesson.message_id})
    world.app.receive(mail.as_bytes(), source="sendgrid", to=(lesson.reply_to,))
    mail["Delivered-To"] = "inbox@dearself.example"
    world.app.receive(mail.as_bytes(), source="imap")
    decided = [str(one) for one in world.app.read_spool()]

    assert sorted(decided) == ["completed", "repeated"]
    assert world.rows("SELECT count(*) FROM replies") == [(1,)]


@ON_SQLITE
def test_a_mail_without_a_name_is_known_by_its_content(world, lesson):
    """Without a Message-ID, date and words tell two mails apart, and a mail from its copy."""
    date = {"Date": "Tue, 02 Mar 2027 09:00:00 +0000"}

    def nameless(words):
        mail = letter(to=lesson.reply_to, words=words, **date)
        del mail["Message-ID"]
        return world.deliver(mail.as_bytes())

    assert [nameless("One.\n"), nameless("One.\n"), nameless("Two.\n")] == [["completed"], ["repeated"], ["completed"]]


@ON_SQLITE
def test_two_answers_on_a_day_get_one_receipt(world, lesson):
    """Alice writes twice about day 1, and once more about the welcome: one receipt that day."""
    for mail in (lesson, lesson, world.box.last("welcome")):
        world.reply(mail)
        world.app.tick()

    assert world.box.names().count("receipt") == 1


def test_two_courses_get_a_receipt_each(world):
    """With two courses, and a day answered in each, each of the two prompts is answered once."""
    world.join("alice")
    world.join("alice", course="writing")
    live(world, 21)
    for mail in 2 * [mail for mail in world.box.sent if mail.mailing.name == "day-1"]:
        world.reply(mail)
    world.app.tick()

    assert days_done(world) == [("self-compassion", 1, "reply"), ("writing", 1, "reply")]
    assert world.box.names().count("receipt") == 2


# Whenever it comes.


@ON_SQLITE
def test_a_late_answer_counts_for_its_own_day(world, lesson):
    """On day 4 Alice answers day 2: day 2 is done, neither day 4 nor day 1."""
    live(world, 24 * 3)
    second = next(mail for mail in world.box.sent if mail.mailing.name == "day-2")
    world.reply(second)

    assert [day for _, day, _ in days_done(world)] == [2]


def test_an_answer_after_the_end_counts(world, lesson):
    """A year after the course she answers day 3: it counts, and is noted."""
    live(world, 24 * 6)
    third = next(mail for mail in world.box.sent if mail.mailing.name == "day-3")
    world.clock.go(days=365)
    world.reply(third)

    assert [day for _, day, _ in days_done(world)] == [3]
    assert live(world, 1) == ["receipt"]


@ON_SQLITE
def test_an_answer_after_leaving_counts_and_brings_no_receipt(world, lesson):
    """Who has left and still answers has the day counted, and hears once where a person can be reached; no more."""
    world.app.leave(world.leave_token(lesson), "page")
    world.reply(lesson)

    assert [day for _, day, _ in days_done(world)] == [1]
    assert live(world, 48) == ["unread"]


@ON_SQLITE
def test_an_answer_while_paused_is_noted(world, lesson):
    """Who rests may still answer."""
    world.app.pause(world.leave_token(lesson))
    world.reply(lesson)

    assert live(world, 2) == ["receipt"]


@ON_SQLITE
@pytest.mark.parametrize("notice", ["confirm", "welcome", "receipt"])
def test_an_answer_to_what_is_no_lesson_counts_for_no_day(world, lesson, notice):
    """A word to the welcome or to a receipt is a person's, and welcome, but it does no day."""
    if notice == "receipt":
        world.reply(lesson)
        world.app.tick()
    before = days_done(world)
    decided = world.reply(world.box.last(notice), "Thank you!")

    assert decided == ["noted"]
    assert days_done(world) == before


# What counts as an answer.


def with_photo(lesson, size, kind="image/jpeg"):
    """Return a mail without words and with a picture."""
    mail = letter(to=lesson.reply_to, words="\n")
    main, _, sub = kind.partition("/")
    mail.add_attachment(b"\xff\xd8" + bytes(size), maintype=main, subtype=sub, filename="page.jpg")
    return mail.as_bytes()


@ON_SQLITE
def test_a_photo_alone_counts(world, lesson):
    """A picture of a page, without a word, is an answer."""
    assert world.deliver(with_photo(lesson, 60_000)) == ["completed"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("size", "kind", "decided"),
    [
        (60_000, "audio/mpeg", "completed"),
        (60_000, "video/mp4", "completed"),
        (900, "image/png", "empty"),
        (60_000, "application/pdf", "empty"),
    ],
    ids=["a recording", "a film", "a logo", "something else"],
)
def test_what_else_is_sent_along(world, lesson, size, kind, decided):
    """A recording is an answer too; a signature's logo is not."""
    assert world.deliver(with_photo(lesson, size, kind)) == [decided]


QUOTED = "> Day 1: two ways of saying it\n> Hello Alice,\n"
QUOTE = f"On Tue, 2 Mar 2027 at 08:00, Dear Self <hello@dearself.example> wrote:\n{QUOTED}"
NOTHING = {
    "nothing": "",
    "white space": " \n\t\n\n",
    "the quote alone": QUOTE,
    "quoted lines alone": QUOTED,
    "a signature": "-- \nAlice Liddell\n+44 20 7946 0000\n",
    "a phone's line": "Sent from my iPhone\n",
    "a phone's line and the quote": f"Sent from my iPhone\n\n{QUOTE}",
    "Outlook's line": "Get Outlook for Android\n",
}


@ON_SQLITE
@pytest.mark.parametrize("words", NOTHING.values(), ids=NOTHING)
def test_an_empty_answer_does_no_day(world, lesson, words):
    """A mail in which a person wrote nothing completes no day; that is said once, and kindly, for words get lost."""
    for number in range(2):
        mail = letter(to=lesson.reply_to, words=words or "\n", **{"Message-ID": f"<{number}@client.example.org>"})
        assert world.deliver(mail.as_bytes()) == ["empty"]

    assert (days_done(world), live(world, 24)) == ([], ["empty", "day-2"])


@ON_SQLITE
@pytest.mark.parametrize(
    "words", ["x", "…", "\N{WHITE SMILING FACE}", "不", "ok\n\nSent from my iPhone", f"no\n\n{QUOTE}"]
)
def test_one_word_is_enough(world, lesson, words):
    """However little a person wrote, it is an answer."""
    assert world.deliver(letter(to=lesson.reply_to, words=words + "\n").as_bytes()) == ["completed"]


ODD_HEADERS = {
    "8-bit Message-ID": (b"Message-ID: <1@client.example.org>", "Message-ID: <jos\xe9@client>".encode("latin-1")),
    "8-bit Subject": (b"MIME-Version", b"Subject: caf\xe9\r\nMIME-Version"),
    "8-bit Date and no Message-ID": (b"Message-ID: <1@client.example.org>", b"Date: 2. M\xe4rz 2027"),
    "8-bit name": (b"From: alice@example.org", b"From: Jos\xe9 <alice@example.org>"),
    "8-bit References": (b"MIME-Version", b"References: <\xe9@client>\r\nMIME-Version"),
    "two From lines": (b"MIME-Version", b"From: mallory@example.net\r\nMIME-Version"),
    "no From line": (b"From: alice@example.org\n", b""),
    "a Message-ID of nothing": (b"<1@client.example.org>", b"<>"),
    "an unknown charset": (b'charset="utf-8"', b'charset="x-unknown"'),
    "NUL in the words": (b"It helped.", b"It \x00 helped."),
}


@ON_SQLITE
@pytest.mark.parametrize("odd", ODD_HEADERS)
def test_an_oddly_written_mail_still_counts(world, lesson, odd):
    """What an old mail program gets wrong does not cost a person their day."""
    old, new = ODD_HEADERS[odd]
    raw = letter(to=lesson.reply_to).as_bytes()
    assert old in raw

    assert world.deliver(raw.replace(old, new, 1)) == ["completed"]


# Machines.

AUTOMATIC = {
    "Auto-Submitted": {"Auto-Submitted": "auto-replied (vacation)"},
    "Auto-Submitted in capitals": {"Auto-Submitted": "AUTO-GENERATED"},
    "an empty return path": {"Return-Path": "<>"},
    "Precedence": {"Precedence": "bulk"},
    "X-Autoreply": {"X-Autoreply": "yes"},
    "X-Autorespond": {"X-Autorespond": "Re: Day 1"},
    "the sender": {"From": "MAILER-DAEMON@example.org"},
    "a no-reply sender": {"From": "no-reply@example.org"},
    "a calendar": {"Content-Type": "text/calendar"},
}
DOUBTFUL = {
    "a list": {"List-Id": "<friends.example.org>"},
    "a list's precedence": {"Precedence": "list"},
    "Outlook's subject": {"Subject": "Automatic reply: Day 1: two ways of saying it"},
    "a German subject": {"Subject": "Abwesenheitsnotiz: Day 1"},
}


@ON_SQLITE
@pytest.mark.parametrize("headers", AUTOMATIC.values(), ids=AUTOMATIC)
def test_a_machine_s_answer_counts_for_nothing(world, lesson, headers):
    """What no person wrote does no day, is no command and is never answered, whatever it says."""
    for number, words in enumerate(("I am away.", "STOP", "HELP")):
        mail = letter(to=lesson.reply_to, words=f"{words}\n", **{"Message-ID": f"<{number}@c>"})
        for name, value in headers.items():
            del mail[name]
            mail[name] = value
        assert world.deliver(mail.as_bytes()) == ["automatic"]

    assert (days_done(world), live(world, 2)) == ([], [])
    assert world.rows("SELECT status FROM enrolments") == [("active",)]


@ON_SQLITE
@pytest.mark.parametrize("headers", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_mail_that_may_be_nobody_s_is_held(world, lesson, headers):
    """It waits for the owner, as it came: it counts for nothing, ends nobody's course and is not answered."""
    sent = []
    for number, words in enumerate((CANARY, "STOP", "HELP")):
        mail = letter(to=lesson.reply_to, words=f"{words}\n", **{"Message-ID": f"<{number}@c>"} | headers)
        sent.append(mail.as_bytes())
        assert world.deliver(sent[-1]) == ["held"]
    kept = [spool.take(path, world.app.keys).raw for path in sorted(world.app.spool_folder.glob("held/*.mail"))]

    assert (days_done(world), live(world, 2)) == ([], [])
    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert world.rows("SELECT * FROM replies") == []
    assert sorted(kept) == sorted(sent)


@ON_SQLITE
def test_a_person_who_asks_machines_for_silence_is_a_person(world, lesson):
    """X-Auto-Response-Suppress asks for no answer: the day counts, and none is sent."""
    decided = world.reply(lesson, X_Auto_Response_Suppress="All", Auto_Submitted="no")

    assert decided == ["completed"]
    assert live(world, 2) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("signal", "most"),
    [({"Auto_Submitted": "auto-replied"}, 0), ({"Precedence": "auto_reply"}, 0), ({}, 1)],
    ids=["as RFC 3834 says", "in the old way", "without any sign"],
)
def test_a_vacation_responder_gets_no_conversation(world, lesson, signal, most):
    """A responder answers whatever it gets, for a day: no receipt, or one if it passes for a person."""
    answered = 1  # the confirmation was before the holiday
    for _ in range(24 * 6):
        world.clock.go(minutes=10)
        for mail in world.box.sent[answered:]:
            world.reply(mail, "I am away until Monday.", **signal)
        answered = len(world.box.sent)
        world.app.tick()
        if world.clock.at.date() > DAY_1.date():
            break

    names = world.box.names()
    assert names.count("receipt") <= most
    assert len(names) <= 3 + most


# Receipts.


@ON_SQLITE
def test_a_receipt_says_the_same_whatever_was_written(world):
    """To "I want to die" and to "done" the answers are the same, word for word, with help lines in each."""
    said = []
    for who in ("alice", "bob", "charlie"):
        world.join(who, name="")
    live(world, 20)
    lessons = [mail for mail in world.box.sent if mail.mailing.name == "day-1"]
    for mail, words in zip(lessons, ("I want to die.", "done", "It was lovely!"), strict=True):
        world.reply(mail, words)
    world.app.tick()
    for mail in [mail for mail in world.box.sent if mail.mailing.name == "receipt"]:
        values = {**mail.values, "leave_url": "-", **{f"{page}_url": "-" for page in PAGES}}
        said.append((mail.mailing.subject_for(values), mail.mailing.text_for(values), mail.mailing.html_for(values)))

    assert len(said) == 3
    assert len(set(said)) == 1
    assert "findahelpline.com" in said[0][1]


@ON_SQLITE
def test_a_receipt_quotes_nothing(world, lesson):
    """Neither the words nor the subject of the answer are in what we send back."""
    world.reply(lesson, f"{CANARY} is what I wrote.", Subject=f"Re: {CANARY}")
    world.app.tick()

    assert CANARY.encode() not in world.box.last("receipt").as_bytes()


@ON_SQLITE
def test_a_receipt_comes_on_each_day_that_is_answered(world, lesson):
    """Once a day at most is not once for ever: tomorrow's answer is noted too."""
    world.reply(lesson)
    live(world, 24)
    world.reply(world.box.last("day-2"))
    live(world, 1)

    assert world.box.names().count("receipt") == 2


# Commands.

COMMANDS = ("STOP", "PAUSE", "RESUME", "SKIP", "DONE", "HELP")


@ON_SQLITE
@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_word_of_a_command_is_understood(world, locale, command):
    """Each phrase that the words file lists for a command is that command, in any capitals."""
    world.join("alice", locale=locale)
    live(world, 20)
    lesson = world.box.last("day-1")
    phrases = world.app.catalogue.words[locale]["commands"][command]
    understood = {
        phrase: world.reply(lesson, phrase.upper() if place % 2 else phrase) for place, phrase in enumerate(phrases)
    }

    assert [phrase for phrase, decided in understood.items() if decided != ["command"]] == []
    assert len(phrases) >= 5


WRITTEN = {
    "with a full stop": "Stop.",
    "with an exclamation": "STOP!!",
    "with spaces": "   stop   ",
    "in two words": "Please   stop",
    "politely": "Please stop these emails.",
    "politely at both ends": "Hello, please stop the course, thank you!",
    "with thanks": "Unsubscribe me. Thanks",
    "in curly quotes": "“Stop”",
    "in quotes": '"stop"',
    "in bold": "*STOP*",
    "after empty lines": "\n\n\nstop",
    "with more below": "Stop\n\nI liked it, but it is too much now.",
    "above a signature": "stop\n\nSent from my iPhone",
    "above a quote": f"stop\n\n{QUOTE}",
}


@ON_SQLITE
@pytest.mark.parametrize("words", WRITTEN.values(), ids=WRITTEN)
def test_a_command_may_be_written_as_people_write(world, lesson, words):
    """Punctuation, quotes, and whatever stands below the first line do not hide a command."""
    decided = world.deliver(letter(to=lesson.reply_to, words=words + "\n").as_bytes())

    assert decided == ["command"]
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


JOURNALLING = [
    "stop being so hard on myself",
    "Stop. Being. So. Hard.",
    "I wish I could stop",
    "I said to myself:\nstop",
    "Help is what I would offer a friend.",
    "I need help from my sister with the boys",
    "pause, breathe, begin again",
    "Done is better than perfect",
    "skip to the end of the day and it was fine",
    "leave",
    "enough",
    "I'm done",
    "Today I thought about the word help.\nHELP",
    "Please stop hurting, I said to myself",
    "Thank you",
]


@ON_SQLITE
@pytest.mark.parametrize("words", JOURNALLING)
def test_what_only_begins_like_a_command_is_an_answer(world, lesson, words):
    """Only a whole first line is a command: people who write about stopping are writing."""
    assert world.deliver(letter(to=lesson.reply_to, words=words + "\n").as_bytes()) == ["completed"]
    assert world.rows("SELECT status FROM enrolments") == [("active",)]


@pytest.mark.parametrize(
    "words", ["", f"\n\n{QUOTE}", "\n\nSent from my iPhone\n"], ids=["empty", "quote", "signature"]
)
def test_a_subject_is_a_command_where_nothing_was_written(world, lesson, words):
    """Some people put STOP into the subject and send the mail empty."""
    assert world.deliver(letter(to=lesson.reply_to, words=words, subject="STOP").as_bytes()) == ["command"]
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


@ON_SQLITE
def test_a_subject_is_no_command_above_words(world, lesson):
    """Whoever wrote something is answered for what they wrote."""
    assert world.deliver(letter(to=lesson.reply_to, subject="stop").as_bytes()) == ["completed"]


@ON_SQLITE
def test_a_proven_sender_s_stop_needs_no_open_lesson(world, lesson):
    """Two lessons wait for an answer, and she writes a fresh mail with STOP: there is only one course to leave."""
    live(world, 24)

    assert world.deliver(letter(words="STOP\n").as_bytes(), passed=("example.org",)) == ["command"]
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


@ON_SQLITE
def test_a_skipped_day_is_not_open(world, lesson):
    """She skipped the first day: a fresh mail answers the second one."""
    world.reply(lesson, "skip")
    live(world, 24)

    assert world.deliver(letter().as_bytes(), passed=("example.org",)) == ["completed"]
    assert days_done(world) == [("self-compassion", 2, "reply")]


@ON_SQLITE
def test_a_stopped_round_has_nothing_open(world, lesson):
    """She left before she answered: a fresh mail of hers is about nothing that goes on."""
    world.reply(lesson, "stop")

    assert world.deliver(letter().as_bytes(), passed=("example.org",)) == ["held"]


def test_stop_leaves_at_once(world, lesson):
    """STOP ends the course, with one goodbye; the day is not done by it."""
    world.reply(lesson, "STOP")

    assert live(world, 72) == ["left"]
    assert (days_done(world), world.rows("SELECT status FROM enrolments")) == ([], [("stopped",)])


def test_stop_after_the_end_cancels_the_farewell(world, lesson):
    """All lessons are sent, the farewell waits; STOP keeps it from coming."""
    live(world, 24 * 4)
    world.reply(world.box.last("day-5"), "stop")

    assert live(world, 72) == ["left"]
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]


def test_pause_and_resume_keep_the_place(world, lesson):
    """PAUSE is confirmed and holds the lessons; RESUME is confirmed and brings day 2, not day 3."""
    world.reply(lesson, "Pause please")
    paused = live(world, 24 * 5 + 1)
    world.reply(world.box.last("paused"), "resume")
    resumed = live(world, 24)

    assert (paused, resumed) == (["paused"], ["resumed", "day-2"])


@ON_SQLITE
def test_resume_says_when_the_next_one_comes(world, lesson):
    """The answer to RESUME names the moment that then comes true."""
    world.reply(lesson, "pause")
    live(world, 24 * 5 + 1)
    world.reply(world.box.last("paused"), "resume")
    live(world, 1)
    said = world.box.last("resumed")

    assert "Monday 8 March at 08:00" in said.mailing.text_for(said.values)


def test_skip_leaves_a_day_out(world, lesson):
    """SKIP marks the day as skipped, which is not done; the next one comes as planned."""
    world.reply(lesson, "skip")
    got = live(world, 24)

    assert got == ["skipped", "day-2"]
    assert world.rows("SELECT day FROM skips") == [(1,)]
    assert days_done(world) == []


@ON_SQLITE
def test_a_skipped_day_can_still_be_done(world, lesson):
    """Who changes their mind and writes after all has done the day."""
    world.reply(lesson, "skip")
    world.reply(lesson, "I did write something after all.")

    assert days_done(world) == [("self-compassion", 1, "reply")]


def test_skip_again_is_answered_once(world, lesson):
    """A day is skipped once, and said so once."""
    world.reply(lesson, "skip")
    world.reply(lesson, "skip this day")

    assert live(world, 2) == ["skipped"]


def test_a_day_that_is_done_is_not_skipped(world, lesson):
    """It is done and stays so: nothing says that it was left out."""
    world.reply(lesson)
    world.reply(lesson, "skip")

    assert live(world, 2) == ["receipt"]
    assert world.rows("SELECT day FROM skips") == []


@ON_SQLITE
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
@pytest.mark.parametrize(("words", "notice"), [("skip", "skipped"), ("time 19", "hour")])
def test_on_the_last_day_no_further_letter_is_promised(world, locale, words, notice):
    """Bob leaves the last letter out, or asks for another hour: he is told that it was the last one."""
    world.join("bob", locale=locale)
    live(world, 24 * 5)
    world.reply(world.box.last("day-5"), words)
    live(world, 1)
    said = world.box.last(notice)
    stands = world.app.catalogue.words[locale]["pages"]["mine"]["stands"]

    assert stands["finished"] in " ".join(said.mailing.text_for(said.values).split())


@ON_SQLITE
@pytest.mark.parametrize(("words", "notice", "hour"), [("skip", "skipped", "08:00"), ("time 19", "hour", "19:00")])
def test_before_the_last_day_it_is_said_when_the_next_letter_comes(world, lesson, words, notice, hour):
    """To SKIP and to TIME alike, by the hour that holds from then on."""
    world.reply(lesson, words)
    live(world, 1)
    said = world.box.last(notice)
    text = " ".join(said.mailing.text_for(said.values).split())

    assert f"The next letter is planned for Wednesday 3 March at {hour}." in text


@ON_SQLITE
@pytest.mark.parametrize(("words", "notice"), [("skip", "skipped"), ("time 19", "hour")])
def test_while_the_course_rests_no_letter_is_promised(world, lesson, words, notice):
    """What she changes then changes nothing in the pause, and nothing else is said."""
    world.reply(lesson, "pause")
    live(world, 1)
    world.reply(lesson, words)
    live(world, 1)
    said = world.box.last(notice)

    assert "No letter comes until you ask for one." in " ".join(said.mailing.text_for(said.values).split())


@ON_SQLITE
def test_done_does_the_day(world, lesson):
    """DONE counts the day without another word, and says that it was by command."""
    world.reply(lesson, "Done!")

    assert days_done(world) == [("self-compassion", 1, "command")]
    assert live(world, 1) == ["receipt"]


@ON_SQLITE
def test_help_brings_help_lines_first(world, lesson):
    """HELP is answered with people to turn to, before anything about the course; it does no day and changes nothing."""
    before = world.rows("SELECT * FROM enrolments")
    world.reply(lesson, "help")
    world.app.tick()
    help_mail = world.box.last("help")
    text = help_mail.mailing.text_for(help_mail.values)

    assert text.index("findahelpline.com") < text.index("PAUSE")
    assert (days_done(world), world.rows("SELECT * FROM enrolments")) == ([], before)


def test_help_is_answered_ten_times_a_day(world, lesson):
    """Ten answers a day are where a machine must be at work; tomorrow there is help again."""
    for _ in range(13):
        world.reply(lesson, "HELP")
        world.app.tick()
    today = world.box.names().count("help")
    live(world, 24)
    world.reply(lesson, "HELP")
    live(world, 1)

    assert (today, world.box.names().count("help")) == (10, 11)


@ON_SQLITE
@pytest.mark.parametrize("standing", ["paused", "finished", "stopped"])
def test_help_is_always_answered(world, lesson, standing):
    """Wherever a person stands in the course, and though they have left it, HELP is answered."""
    if standing == "paused":
        world.app.pause(world.leave_token(lesson))
    elif standing == "stopped":
        world.app.leave(world.leave_token(lesson), "page")
    else:
        live(world, 24 * 7)
    world.reply(lesson, "HELP")

    assert world.rows("SELECT status FROM enrolments") == [(standing,)]
    assert live(world, 1) == ["help"]


@ON_SQLITE
def test_help_is_answered_before_anything_was_confirmed(world):
    """Who answers the very first mail with HELP gets the help lines too."""
    world.sign_up("alice")
    world.app.tick()
    world.reply(world.box.last("confirm"), "HELP")

    assert live(world, 1) == ["help"]


def test_a_command_is_about_the_course_it_answers(world):
    """PAUSE in answer to a mail of "writing" pauses that; the other course goes on."""
    world.join("alice")
    world.join("alice", course="writing")
    live(world, 20)
    mail = next(one for one in world.box.sent if one.mailing.name == "day-1" and one.list_id.startswith("<writing"))
    world.reply(mail, "PAUSE")
    got = live(world, 24)

    assert world.rows("SELECT course, status FROM enrolments ORDER BY course") == [
        ("self-compassion", "active"),
        ("writing", "paused"),
    ]
    assert sorted(got) == ["day-2", "paused"]


@ON_SQLITE
@pytest.mark.parametrize(("command", "answers"), [("SKIP", []), ("DONE", ["unread"])])
def test_a_command_about_a_day_needs_a_day(world, lesson, command, answers):
    """In answer to the welcome there is no day to skip or to have done; "done" is answered as any other words are."""
    world.reply(world.box.last("welcome"), command)

    assert (days_done(world), world.rows("SELECT * FROM skips"), live(world, 2)) == ([], [], answers)


@ON_SQLITE
def test_a_command_is_in_any_language_of_ours(world, lesson):
    """A phrase that only another locale lists is understood as well."""
    assert world.reply(lesson, "quit the course") == ["command"]


# Words are kept nowhere.


@pytest.fixture
def confidential(world, lesson, capfd, caplog, monkeypatch):
    """Turn all logs up; return a check that finds the canary wherever it could have gone."""
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up("debug")
    caplog.set_level("DEBUG")

    def where():
        found = [
            str(path.relative_to(world.app.settings.data_dir.parent))
            for path in world.app.settings.data_dir.parent.rglob("*")
            if path.is_file() and CANARY.encode() in path.read_bytes()
        ]
        tables = (
            "subscribers enrolments deliveries mailings replies completions skips consents suppressions history "
            "provider_events limits facts workers rates delivery_counts folded_deliveries "
            "past_counts address_changes checkin_counts checkins fresh_links letters resource_links"
        )
        for table in tables.split():
            found += [table for row in world.rows(f"SELECT * FROM {table}") if CANARY in str(row)]  # noqa: S608
        said = (stream.getvalue(), caplog.text, *capfd.readouterr())
        return found + (["a log"] if any(CANARY in text for text in said) else [])

    return where


def private_letter(lesson, words=f"{CANARY}: this is between me and my page.\n"):
    """Return a mail with the canary in every place where a person's words can be."""
    mail = letter(to=lesson.reply_to, words=words)
    mail["Subject"] = f"Re: {CANARY}"
    mail["X-Note"] = CANARY
    mail.add_alternative(f"<p>{CANARY}</p>", subtype="html")
    mail.add_attachment(f"{CANARY}\n" * 2_000, filename=f"{CANARY}.txt")
    mail.add_attachment(CANARY.encode() * 2_000, maintype="image", subtype="jpeg", filename=f"{CANARY}.jpg")
    return mail.as_bytes()


@ON_SQLITE
def test_the_table_of_tables_is_whole(world):
    """The check below looks into every table that there is."""
    looked = "completions consents deliveries enrolments facts history limits mailings provider_events replies skips"
    looked += " delivery_counts entries folded_deliveries journals photos rates subscribers suppressions workers"
    looked += " address_changes checkin_counts checkins fresh_links letters past_counts resource_links"
    assert sorted(metadata.tables) == sorted(looked.split())


def test_words_are_kept_nowhere(world, lesson, confidential):
    """After a reply was decided and noted its words are in no file, no table and no log."""
    decided = world.deliver(private_letter(lesson))
    live(world, 2)

    assert decided == ["completed"]
    assert confidential() == []


@ON_SQLITE
def test_words_wait_sealed(world, lesson, confidential):
    """While a reply waits to be decided it is on disk, but nobody can read it there without the key."""
    world.app.receive(private_letter(lesson), source="test")

    assert len(list(world.app.spool_folder.glob("*.mail"))) == 1
    assert confidential() == []


HELD = {
    "an unknown sender": lambda raw, reply_to: raw.replace(reply_to.encode(), b"hello@dearself.example"),
    "too many parts": lambda raw, _: raw + b"\n--x\nContent-Type: text/plain\n\n" * 4_100,
    "too long a header": lambda raw, _: b"X-Long: " + b"x" * 9_000 + b"\n" + raw,
}


@ON_SQLITE
@pytest.mark.parametrize("spoil", HELD.values(), ids=HELD)
def test_words_that_are_held_are_sealed(world, lesson, confidential, spoil):
    """What nobody can decide is put aside sealed, and says nothing in a log."""
    decided = world.deliver(spoil(private_letter(lesson), lesson.reply_to))

    assert decided == ["held"]
    assert [path.parent.name for path in world.app.spool_folder.rglob("*.mail")] == ["held"]
    assert confidential() == []


def test_words_are_kept_nowhere_after_a_parser_crash(world, lesson, confidential, monkeypatch):
    """A reader that breaks, with the words in its error, leaves the mail aside, sealed, and no word in a log."""

    def broken(raw, *_):
        raise ValueError(f"cannot read {raw!r}")

    monkeypatch.setattr(replies, "read", broken)
    world.deliver(private_letter(lesson))
    live(world, 1)

    assert [path.parent.name for path in world.app.spool_folder.rglob("*.mail")] == ["held"]
    assert confidential() == []


@ON_SQLITE
def test_a_parser_crash_keeps_no_other_mail_waiting(world, lesson, monkeypatch):
    """The mail after the one that broke the reader is read and counted."""
    read = replies.read

    def broken_once(raw, *rest):
        if CANARY.encode() in raw:
            raise ZeroDivisionError
        return read(raw, *rest)

    monkeypatch.setattr(replies, "read", broken_once)
    world.app.receive(private_letter(lesson), source="test")
    world.clock.go(seconds=1)
    world.app.receive(letter(to=lesson.reply_to).as_bytes(), source="test")
    world.app.tick()

    assert days_done(world) == [("self-compassion", 1, "reply")]


def fail_insert(monkeypatch):
    """Let the database refuse the row of a reply, with all that is known of it in the error."""

    def broken(_, table, row):
        raise OperationalError(f"INSERT INTO {table}", row, Exception("the disk is full"), hide_parameters=True)

    monkeypatch.setattr(replies, "insert_once", broken)


def test_words_are_kept_nowhere_after_a_failed_insert(world, lesson, confidential, monkeypatch):
    """When the database fails the mail goes on waiting, sealed: nothing is lost, and nothing is readable."""
    fail_insert(monkeypatch)
    decided = world.deliver(private_letter(lesson))

    assert decided == []
    assert len(list(world.app.spool_folder.glob("*.mail"))) == 1
    assert confidential() == []


def test_what_waited_for_the_database_is_decided_later(world, lesson, confidential, monkeypatch):
    """As soon as the database is well the mail counts, once, and is gone from the disk."""
    fail_insert(monkeypatch)
    world.deliver(private_letter(lesson))
    world.app.tick()
    monkeypatch.setattr(replies, "insert_once", insert_once)
    live(world, 1)

    assert days_done(world) == [("self-compassion", 1, "reply")]
    assert list(world.app.spool_folder.rglob("*.mail")) == []
    assert confidential() == []


@ON_SQLITE
def test_a_failing_database_keeps_the_order(world, lesson, monkeypatch):
    """Mail that waited is decided in the order in which it came: PAUSE, then RESUME, leaves her active."""
    fail_insert(monkeypatch)
    for number, words in enumerate(("PAUSE", "RESUME")):
        world.clock.go(seconds=1)
        mail = letter(to=lesson.reply_to, words=f"{words}\n", **{"Message-ID": f"<{number}@c>"})
        world.app.receive(mail.as_bytes(), source="test")
        world.app.tick()
    monkeypatch.undo()
    world.app.tick()

    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert [row[0] for row in world.rows("SELECT event FROM history ORDER BY id")][1:] == ["paused", "resumed"]


@ON_SQLITE
def test_a_mail_under_another_key_is_held(world, lesson):
    """A spooled mail that no key opens is put aside; the others are read."""
    world.app.spool_folder.mkdir(parents=True, exist_ok=True)
    (world.app.spool_folder / "00000000-000000-000000-00000000.mail").write_bytes(b"not ours")

    assert world.reply(lesson) == ["completed"]
    assert [path.parent.name for path in world.app.spool_folder.rglob("*.mail")] == ["held"]


@ON_SQLITE
def test_held_mail_is_erased_after_two_weeks(world, lesson):
    """What nobody could decide does not stay for ever."""
    world.deliver(letter("bob@example.net").as_bytes())
    world.clock.at = datetime.now(UTC) + timedelta(days=13)
    world.app.tidy()
    after_13 = len(list(world.app.spool_folder.rglob("*.mail")))
    world.clock.go(days=2)
    world.app.tidy()

    assert (after_13, len(list(world.app.spool_folder.rglob("*.mail")))) == (1, 0)


def test_a_record_of_a_reply_holds_no_words(world, lesson):
    """What is kept of a reply is its kind, its moment, its way, and a keyed hash that names nothing."""
    world.deliver(private_letter(lesson))
    (row,) = world.rows("SELECT source, message_key, kind FROM replies")

    assert (row[0], row[2]) == ("test", "completed")
    assert re.fullmatch(r"[0-9a-f]{64}", row[1])


def bare(lesson, words):
    """Return a reply whose mail program quotes the whole lesson without a mark, above the words."""
    text = lesson.mailing.text_for(lesson.values)
    return letter(to=lesson.reply_to, words=f"{text}\n\n{words}\n").as_bytes()


def test_the_lesson_alone_is_no_answer_however_it_is_quoted(world, lesson):
    """We know what we sent: without a mark it is still ours, the greeting and the help lines too."""
    assert world.deliver(bare(lesson, "")) == ["empty"]
    assert days_done(world) == []


def test_a_command_below_a_lesson_without_marks_is_heard(world, lesson):
    """Whoever answers below a bare quote leaves like everybody."""
    assert world.deliver(bare(lesson, "STOP")) == ["command"]


def test_a_lesson_whose_text_is_gone_is_read_without_it(world, lesson, monkeypatch):
    """What was sent cannot be made any more: the answer counts, by what marks there are."""
    monkeypatch.setattr(replies.remaking, "once_more", lambda *_: b"")

    assert world.reply(lesson) == ["completed"]
