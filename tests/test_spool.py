"""Raw mail on disk: how long it stays, and who can read it."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from conftest import ON_SQLITE
from cryptography.fernet import InvalidToken
from pydantic import SecretStr
from starlette.testclient import TestClient

from course.inbound import pieces, spool
from course.inbound.room import Room
from course.reading.aside import Why
from course.web import create_app

pytestmark = ON_SQLITE
CANARY = "heron-canary"
LONG = b"From: alice@example.org\r\n\r\n" + b"I was kind to myself today.\r\n" * 60_000  # of four pieces


@pytest.fixture
def lesson(world):
    """Let alice get day 1; return it."""
    world.join()
    world.pass_hours(24)
    return world.box.last("day-1")


def keep(world, days):
    """Set KEEP_RAW_DAYS."""
    world.app.settings = world.app.settings.model_copy(update={"keep_raw_days": days})


def age(path, world, **span):
    """Let a file be so old."""
    moment = (world.clock.real() - timedelta(**span)).timestamp()
    os.utime(path, (moment, moment))


def test_a_mail_is_gone_once_it_is_decided(world, lesson):
    """KEEP_RAW_DAYS=0, the default."""
    assert world.reply(lesson, CANARY) == ["completed"]
    assert spool.everywhere(world.app.spool_folder) == []


@pytest.mark.parametrize("raw", [b"From: alice@example.org\r\n\r\nIt helped.\r\n", LONG], ids=["short", "long"])
def test_a_mail_is_accepted_when_a_power_cut_cannot_take_it(world, monkeypatch, raw):
    """All of it is written before its file is synced; only then it gets its name, and then its folder is synced."""
    done = []
    rename = os.replace

    def synced(handle):
        found = os.fstat(handle)
        done.append((found.st_ino, found.st_size))

    def renamed(draft, path):
        done.append(("renamed", path))
        rename(draft, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    path = world.app.receive(raw, source="test")
    file, folder = path.stat(), path.parent.stat()

    assert done == [(file.st_ino, file.st_size), ("renamed", path), (folder.st_ino, folder.st_size)]


def test_a_mail_may_be_kept_for_some_days(world, lesson):
    """KEEP_RAW_DAYS=7: encrypted, whatever it was decided to be, and erased when the time is over."""
    keep(world, 7)
    world.reply(lesson, CANARY)
    world.deliver(b"From: x@evil.example\r\nAuto-Submitted: auto-replied\r\n\r\naway")
    first, second = (world.app.spool_folder / "kept").glob("*.mail")
    words = [CANARY in spool.take(path, world.app.keys).raw.decode() for path in (first, second)]
    age(first, world, days=6, hours=23)
    age(second, world, days=7, hours=1)
    world.app.tidy()

    assert sorted(words) == [False, True]
    assert CANARY.encode() not in first.read_bytes()
    assert spool.everywhere(world.app.spool_folder) == [first]


def test_what_was_kept_goes_when_it_shall_not_be_kept_any_more(world, lesson):
    """Back to 0: the next tidying erases all."""
    keep(world, 7)
    world.reply(lesson, CANARY)
    (path,) = spool.everywhere(world.app.spool_folder)
    age(path, world, seconds=5)
    keep(world, 0)
    world.app.tidy()

    assert spool.everywhere(world.app.spool_folder) == []


def test_what_is_not_proven_goes_after_two_weeks(world):
    """As what is held does; a beginning that a crash left goes after an hour."""
    world.app.put_unproven(b"From: a@b.example\r\n\r\nx", source="sendgrid", to=(), passed=())
    (path,) = (world.app.spool_folder / "unproven").iterdir()
    draft = path.with_name(".draft-x")
    draft.touch()
    age(draft, world, hours=2)
    age(path, world, days=13)
    world.app.tidy()
    kept = list(path.parent.iterdir())
    age(path, world, days=15)
    world.app.tidy()

    assert kept == [path]
    assert list(path.parent.iterdir()) == []


def test_erasing_a_person_erases_what_was_kept_of_theirs(course, world, lesson):
    """Kept, held or not proven: wherever their mail lies."""
    keep(world, 7)
    world.reply(lesson, CANARY)
    world.app.put_unproven(f"From: {lesson.to}\r\n\r\nx".encode(), source="sendgrid", to=(), passed=())
    ended = course("erase", lesson.to, "--yes")

    assert ended.code == 0
    assert spool.everywhere(world.app.spool_folder) == []


@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
def test_the_privacy_page_says_how_long_replies_are_kept(world, locale):
    """It is made from the settings in force: with KEEP_RAW_DAYS it does not say that replies are deleted at once."""
    client = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000", headers={"Accept-Language": locale})
    gone = client.get("/privacy").text
    keep(world, 9)
    kept = client.get("/privacy").text

    assert "Then the reply is deleted." in gone
    assert "We do not keep what you write." in gone
    assert "9 days" not in gone
    assert "Your replies are kept for 9 days, encrypted. Then they are erased." in kept
    assert "not store" not in kept
    assert "{" not in kept
    assert "We do not keep what you write." not in kept


@pytest.mark.parametrize(("after", "stays"), [("flag", True), ("move:Archive", True), ("delete", False)])
def test_the_privacy_page_says_that_replies_stay_in_a_mailbox(world, after, stays):
    """A mailbox that is watched keeps them, unless they are erased there."""
    more = {"imap_url": SecretStr("imaps://a:b@mail.example.org/INBOX"), "imap_after": after}
    world.app.settings = world.app.settings.model_copy(update=more)
    shown = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000").get("/privacy").text

    assert ("Your replies stay in the mailbox that they come to, until we empty it." in shown) is stays
    assert ("Then the reply is deleted." in shown) is not stays


# What is put aside.


def held(world, name, why, number=1):
    """Let so many mails be put aside, a second after each other."""
    for _ in range(number):
        world.clock.go(seconds=1)
        mail = spool.Spooled(name, (), (), b"x")
        spool.hold(spool.put(world.app.spool_folder, world.app.keys, mail, world.clock.real()), why)


def there(world):
    """Return why each mail is put aside, the oldest first."""
    return [one.why for one in spool.held(world.app.spool_folder)]


def test_junk_pushes_nobody_s_letter_out(world, monkeypatch):
    """Alice's letter waits for the owner while any number of mails come that are nobody's, or over a cap."""
    monkeypatch.setattr(spool, "FOR_HELD", Room(files=3, bytes=10_000))
    held(world, "alice", Why.UNCLEAR)
    held(world, "junk", Why.NOBODY, 4)
    held(world, "junk", Why.TOO_MUCH, 4)
    some = there(world)
    held(world, "bob", Why.SEALED, 2)
    held(world, "junk", Why.NOBODY)

    assert some == [Why.UNCLEAR, Why.TOO_MUCH, Why.TOO_MUCH]
    assert there(world) == [Why.UNCLEAR, Why.SEALED, Why.SEALED]


def test_of_what_is_alike_the_oldest_goes(world, monkeypatch):
    """The disk has an end, also for letters."""
    monkeypatch.setattr(spool, "FOR_HELD", Room(files=2, bytes=10_000))
    held(world, "alice", Why.UNCLEAR)
    held(world, "bob", Why.SEALED)
    held(world, "charlie", Why.UNCLEAR)

    assert there(world) == [Why.SEALED, Why.UNCLEAR]


def test_what_is_put_aside_has_an_end_in_bytes(world, monkeypatch):
    """A few hundred mails of 34 MB would fill a small disk: nobody's go first, and Alice's letter stays."""
    held(world, "alice", Why.UNCLEAR)
    one = spool.held(world.app.spool_folder)[0].path.stat().st_size
    monkeypatch.setattr(spool, "FOR_HELD", Room(files=100, bytes=3 * one))
    held(world, "junk!", Why.NOBODY, 4)
    some = there(world)
    held(world, "bob", Why.SEALED, 2)

    assert some == [Why.UNCLEAR, Why.NOBODY, Why.NOBODY]
    assert there(world) == [Why.UNCLEAR, Why.SEALED, Why.SEALED]


def test_what_no_key_proves_has_an_end_in_bytes(world, monkeypatch):
    """A forger fills no disk either, with few mails as little as with many."""
    monkeypatch.setattr(spool, "FOR_UNPROVEN", Room(files=100, bytes=10_000))
    for _ in range(5):
        world.app.put_unproven(b"x" * 4_000, source="sendgrid", to=(), passed=())

    assert 1 <= len(list((world.app.spool_folder / "unproven").glob("*.mail"))) <= 2


def test_there_is_room_for_so_many_files_and_so_many_bytes(world, tmp_path):
    """The last file and the last byte that there is room for are taken, and none beyond."""
    room, one, other = Room(files=2, bytes=10), tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1234")
    other.write_bytes(b"")

    assert (room.full([one], 6), room.full([one], 7)) == (False, True)
    assert (room.full([one, other], 0), room.full([one, tmp_path / "decided meanwhile"], 0)) == (True, True)
    assert (room.over([one, other]), room.over([one, other, other])) == ([], [one])


def test_what_is_put_aside_waits_for_somebody_where_mail_is_kept_as_well(world, lesson):
    """KEEP_RAW_DAYS is for what was decided: what nobody could decide lies where it is looked for, for two weeks."""
    keep(world, 7)
    world.deliver(f"From: a@list.example\r\nTo: {lesson.reply_to}\r\nList-Id: <l.example>\r\n\r\nHi.\r\n".encode())
    (path,) = spool.everywhere(world.app.spool_folder)
    age(path, world, days=8)
    world.app.tidy()

    assert there(world) == [Why.UNCLEAR]


@pytest.mark.parametrize("mine", [True, False], ids=["hers", "nobody's"])
def test_a_mail_by_a_list_is_somebody_s_only_by_their_own_address(world, lesson, mine):
    """Else anybody could have junk taken for a letter, by a header."""
    to = lesson.reply_to if mine else "any@reply.dearself.example"
    world.deliver(f"From: a@list.example\r\nTo: {to}\r\nList-Id: <list.example>\r\n\r\nHello.\r\n".encode())

    assert there(world) == [Why.UNCLEAR if mine else Why.NOBODY]


# Of pieces.


@pytest.fixture
def long_mail(world):
    """Keep a mail of several pieces; return its file and its lines."""
    path = spool.put(
        world.app.spool_folder, world.app.keys, spool.Spooled("test", ("a@b.example",), (), LONG), world.clock.real()
    )
    return path, path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("raw", [b"", b"x", LONG[: pieces.PIECE], LONG[: 2 * pieces.PIECE], LONG])
def test_a_mail_of_any_length_comes_back_as_it_was(world, raw):
    """Empty, of one piece, ending where a piece ends, of several."""
    mail = spool.Spooled("test", ("a@b.example",), ("b.example",), raw)
    path = spool.put(world.app.spool_folder, world.app.keys, mail, world.clock.real())

    assert spool.take(path, world.app.keys) == mail


SPOILT = {
    "the last piece is gone": lambda lines, _: lines[:-1],
    "a piece is gone": lambda lines, _: lines[:1] + lines[2:],
    "two pieces have changed places": lambda lines, _: [lines[0], lines[2], lines[1], *lines[3:]],
    "a piece stands there twice": lambda lines, _: [*lines, lines[-1]],
    "a piece is another mail's": lambda lines, other: [*lines[:-1], other[-1]],
    "it breaks off in a piece": lambda lines, _: [*lines[:-1], lines[-1][:100]],
    "it breaks off in the first piece": lambda lines, _: [lines[0][:60]],
    "it is empty": lambda _, __: [],
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_mail_that_is_not_whole_is_not_taken_for_one(world, long_mail, spoil):
    """Whoever can write to the disk, or a disk that fails, changes nobody's words: the mail does not open."""
    path, lines = long_mail
    other = spool.put(world.app.spool_folder, world.app.keys, spool.Spooled("test", (), (), LONG), world.clock.real())
    path.write_bytes(b"".join(spoil(lines, other.read_bytes().splitlines(keepends=True))))

    with pytest.raises(InvalidToken):
        spool.take(path, world.app.keys)


def test_a_mail_that_an_earlier_version_kept_is_read(world):
    """It was sealed in one; it may wait, or be put aside for two weeks, while the version changes."""
    head = b'{"source": "imap", "to": ["a@b.example"], "passed": []}'
    path = world.app.spool_folder / "old.mail"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(world.app.keys.seal(head + b"\n" + LONG))

    assert spool.take(path, world.app.keys) == spool.Spooled("imap", ("a@b.example",), (), LONG)
