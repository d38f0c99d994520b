"""Promises of mail that nobody could decide: seen without a word of it, counted or erased by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from conftest import ON_SQLITE

from course.inbound import spool
from course.reading.aside import Why
from course.system_clock import SystemClock

WORDS = "canary-quinquireme"
DAY_1 = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def course(course, world, monkeypatch):
    """Let commands live at the moment of the test."""
    monkeypatch.setattr(SystemClock, "of", lambda _: world.clock)
    return course


@pytest.fixture
def day_1(world):
    """Let Alice have her first lesson; return it."""
    world.join()
    world.clock.at = DAY_1
    world.app.tick()
    return world.box.last("day-1")


def letter(to, sender="alice@example.org", **headers):
    """Return a mail with words."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, f"Re: {WORDS}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Message-ID": "<1@client.example.org>", **named}.items():
        mail[name] = value
    mail.set_content(f"{WORDS}\n")
    return mail.as_bytes()


def by_a_group(lesson):
    """Return her answer as a mailing list hands it on: nobody can tell who wrote it."""
    return letter(lesson.reply_to, List_Id="<list.example.org>")


def name_of(world):
    """Return the name of the only mail that is put aside."""
    (only,) = spool.held(world.app.spool_folder)
    return only.name


def test_what_is_put_aside_is_shown_without_a_word(world, day_1, course):
    """When it came, how long it is, its day, why: not her address, nor her subject, nor her words."""
    raw = by_a_group(day_1)
    assert world.deliver(raw) == ["held"]
    ended = course("held", "mail")
    said = json.loads(course("held", "mail", "--json").out)

    assert f"{name_of(world)}  2027-03-02 08:00 UTC  {len(raw):>8} bytes  day 1" in ended.out
    assert "perhaps no person wrote it" in ended.out
    assert [(one["day"], one["reason"], one["bytes"]) for one in said] == [(1, "unclear", len(raw))]
    assert WORDS not in ended.out + ended.err
    assert "alice" not in ended.out + ended.err + str(said)


def test_what_is_counted_is_a_person_s(world, day_1, course):
    """Whoever looks after the service says so: her day is done, and it is no longer put aside."""
    world.deliver(by_a_group(day_1))
    ended = course("held", "count", name_of(world))

    assert (ended.code, "counts for its day" in ended.out) == (0, True)
    assert world.rows("SELECT day, via FROM completions") == [(1, "reply")]
    assert spool.held(world.app.spool_folder) == []
    assert WORDS not in ended.out + ended.err


@ON_SQLITE
@pytest.mark.parametrize("named", ["filename", "filename*", "name"])
def test_a_file_s_name_is_shown_to_nobody(world, day_1, course, named):
    """What people call their files is theirs, too: neither the list nor its JSON has a word of it."""
    name = f"UTF-8''{WORDS}.pdf" if named == "filename*" else f'"{WORDS}.pdf"'
    where = "Content-Type: application/pdf" if named == "name" else "Content-Disposition: attachment"
    parts = ("Content-Type: text/plain\n\nWhat I wrote.\n", f"{where}; {named}={name}\n\nx\n")
    head = f"From: alice@example.org\nTo: {day_1.reply_to}\nMessage-ID: <3@client.example.org>\nList-Id: <l.example>\n"
    body = "".join(f"--b\n{part}" for part in parts)
    raw = f"{head}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{body}--b--\n".encode()
    assert world.deliver(raw) == ["held"]
    told = [course("held", "mail"), course("held", "mail", "--json"), course("held", "count", name_of(world))]

    assert f"{len(raw)} bytes  day 1" in told[0].out
    assert [ended.code for ended in told] == [0, 0, 0]
    assert [ended for ended in told if WORDS in ended.out + ended.err or ".pdf" in ended.out + ended.err] == []


@ON_SQLITE
def test_an_encrypted_answer_can_be_counted(world, day_1, course):
    """Its words stay unread; that there are some is known."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "alice@example.org", day_1.reply_to, "<2@client.example.org>"
    mail.set_content("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n")
    assert world.deliver(mail.as_bytes()) == ["held"]
    shown = course("held", "mail").out
    course("held", "count", name_of(world))

    assert "encrypted" in shown
    assert world.rows("SELECT day, via FROM completions") == [(1, "reply")]


@ON_SQLITE
def test_nobody_s_mail_cannot_be_counted(world, day_1, course):
    """To say that a person wrote it does not tell which; it stays where it is."""
    world.deliver(letter("hello@dearself.example"))
    ended = course("held", "count", name_of(world))

    assert (ended.code, "it cannot be told whose it is" in ended.err) == (1, True)
    assert len(spool.held(world.app.spool_folder)) == 1


@ON_SQLITE
def test_what_is_discarded_is_gone(world, day_1, course):
    """The file is, and nothing has been counted."""
    world.deliver(by_a_group(day_1))
    ended = course("held", "discard", name_of(world))

    assert (ended.code, spool.everywhere(world.app.spool_folder)) == (0, [])
    assert world.rows("SELECT day FROM completions") == []


@ON_SQLITE
@pytest.mark.parametrize("what", ["count", "discard"])
def test_a_name_that_is_none_says_where_names_are(world, course, what):
    """Nothing else happens."""
    ended = course("held", what, "1f2e3d4c")

    assert (ended.code, "course held mail" in ended.err) == (1, True)


@ON_SQLITE
def test_what_was_sealed_with_a_lost_key_is_shown(world, course):
    """It cannot be opened, so neither its length nor its day is known; nothing breaks."""
    path = spool.put(world.app.spool_folder, world.app.keys, spool.Spooled("test", (), (), b"x"), world.clock.real())
    path.write_bytes(b"no seal of ours")
    world.app.read_spool()
    name = name_of(world)

    assert "a key that SECRET_KEY no longer holds" in course("held", "mail").out
    assert course("held", "count", name).code == 1


@ON_SQLITE
def test_a_broken_mail_says_that_it_is(world, day_1, course, monkeypatch):
    """A reader that breaks is named as the reason, without its error."""
    monkeypatch.setattr("course.journeys.replies.read", lambda *_: 1 / 0)
    world.deliver(by_a_group(day_1))

    assert [one.why for one in spool.held(world.app.spool_folder)] == [Why.BROKEN]
    assert "it could not be read" in course("held", "mail").out


# From whom it came.


@pytest.mark.parametrize(
    ("sender", "passed", "noted"),
    [
        ("alice@example.org", ("example.org",), "proven"),
        ("Alice@Example.org", (), "claimed"),
        ("alice@example.org", ("example.net",), "claimed"),
        ("bob@example.com", ("example.com",), "other"),
        ("", (), "other"),
    ],
)
def test_it_is_noted_from_whom_an_answer_came(world, day_1, sender, passed, noted):
    """Her reply address counts from anywhere; whether it was her address on file, and proven, stands beside it."""
    assert world.deliver(letter(day_1.reply_to, sender), passed=passed) == ["completed"]

    assert world.rows("SELECT sender FROM replies") == [(noted,)]


@ON_SQLITE
@pytest.mark.parametrize("settings", [{"other_senders": "hold"}], indirect=True, ids=["hold"])
def test_other_senders_may_be_held(world, day_1, course):
    """With OTHER_SENDERS=hold a friend's answer waits for the owner, who may let it count; hers counts at once."""
    hers = letter(day_1.reply_to)
    decided = world.deliver(letter(day_1.reply_to, "bob@example.com", Message_ID="<9@client.example.com>"))

    assert decided == ["held"]
    assert [one.why for one in spool.held(world.app.spool_folder)] == [Why.OTHER_SENDER]
    assert world.deliver(hers) == ["completed"]
    assert course("held", "count", name_of(world)).code == 0


@ON_SQLITE
@pytest.mark.parametrize("settings", [{"empty_mail": "hold"}], indirect=True, ids=["hold"])
def test_an_empty_mail_may_be_held(world, day_1, course, monkeypatch):
    """With EMPTY_MAIL=hold nothing answers it, and it counts when the owner says so."""
    monkeypatch.setenv("EMPTY_MAIL", "hold")  # for the command, which reads its own
    before, decided = len(world.box.sent), world.reply(day_1, "")
    why = [one.why for one in spool.held(world.app.spool_folder)]
    world.app.tick()
    answered = len(world.box.sent) - before
    counted = course("held", "count", name_of(world))

    assert (decided, why, answered) == (["held"], [Why.EMPTY], 0)
    assert counted.code == 0
    assert world.rows("SELECT day FROM completions") == [(1,)]
