"""Promises of sharing: the owner reads what is shared from now on and nothing else, is named, and is seen reading."""

from __future__ import annotations

import pytest
from conftest import ON_SQLITE
from sqlalchemy import delete, update
from test_journal import COUNT, KEEP, OLD, SHARE, a_lesson, answer, choose, kept, lessons
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)

from course.journeys import sharing
from course.store.key_store import person_keys
from course.store.tables import journals

OWNER = "The course\u2019s owner, Dear Self (sample name, set CONTROLLER_NAME), may read yours later"


def read(world, *, again=False):
    """Return what the owner reads."""
    return [one.words for one in sharing.read(world.app.service, world.clock.real(), again=again)]


def text_of(mail):
    """Return a mail's plain text, as it was sent."""
    return mail.mailing.text_for(mail.values)


def test_the_owner_reads_what_is_shared_from_now_on(world):
    """Not what Alice kept for herself before she shared, and nothing of Bob, who keeps his."""
    a_lesson(world, level=KEEP)
    answer(world, "before")
    choose(world, SHARE)
    answer(world, "shared")
    a_lesson(world, "bob", KEEP)
    answer(world, "bob's", "bob")

    assert read(world) == ["shared"]


def test_the_person_sees_when_it_was_first_opened(world):
    """Alice sees when the owner first read it; reading it once more changes nothing, and it is no news any more."""
    a_lesson(world, level=SHARE)
    answer(world, "shared")
    before = kept(world)[0].opened_at
    first = world.clock.real()
    read(world)
    world.clock.go(days=1)
    news, everything = read(world), read(world, again=True)

    assert before is None
    assert kept(world)[0].opened_at == first
    assert (news, everything) == ([], ["shared"])


@ON_SQLITE
def test_what_nobody_can_open_was_not_read(world):
    """Its key is gone: the owner sees that there is something, and the person is not told that it was read."""
    a_lesson(world, level=SHARE)
    answer(world, "shared")
    with world.app.service.key_store.transaction() as tx:
        tx.execute(delete(person_keys))

    assert read(world) == [None]
    assert world.rows("SELECT opened_at FROM entries") == [(None,)]


@ON_SQLITE
def test_a_round_that_is_not_shared_is_not_read_whatever_its_entries_say(world):
    """Both have to say so, the choice as it is now and the entry: a restore may bring back one of them."""
    a_lesson(world, level=SHARE)
    answer(world, "shared")
    with world.app.service.store.transaction() as tx:
        tx.execute(update(journals).values(level=KEEP))

    assert read(world) == []


@pytest.mark.parametrize("level", [KEEP, COUNT], ids=["keep", "count"])
def test_taking_back_hides_everything_at_once(world, level):
    """After Alice has taken it back the owner can read none of it, not even what was read before."""
    a_lesson(world, level=SHARE)
    answer(world, "one")
    answer(world, "two")
    read(world)
    choose(world, level)

    assert read(world, again=True) == []
    assert len(kept(world)) == (2 if level == KEEP else 0)


@ON_SQLITE
def test_sharing_again_shows_nothing_that_was_hidden(world):
    """What Alice hid stays hidden when she shares once more: only new replies are shared."""
    a_lesson(world, level=SHARE)
    answer(world, "hidden")
    choose(world, KEEP)
    choose(world, SHARE)
    answer(world, "new")

    assert read(world, again=True) == ["new"]


@ON_SQLITE
def test_who_leaves_the_course_shares_nothing_any_more(world):
    """Leaving hides her words from the owner, too."""
    a_lesson(world, level=SHARE)
    answer(world, "shared")
    world.app.leave(world.leave_token(world.box.last("welcome")), "page")

    assert read(world, again=True) == []


def test_the_footer_says_who_may_read(world):
    """Each lesson to Alice, who shares, names the owner at its foot; Bob's and Charlie's do not. All say "not live"."""
    for who, level in (("alice", SHARE), ("bob", KEEP), ("charlie", None)):
        a_lesson(world, who, level)
    said = {who: text_of(lessons(world, who)[-1]) for who in ("alice", "bob", "charlie")}
    page = lessons(world)[-1].mailing.html_for(lessons(world)[-1].values)

    assert [who for who, text in said.items() if OWNER in text] == ["alice"]
    assert OWNER in page
    assert all("Nobody reads replies as they arrive." in text for text in said.values())


@ON_SQLITE
def test_lessons_and_receipts_say_what_becomes_of_words(world):
    """Whoever chose nothing reads that words are not kept; whoever asked reads that theirs are."""
    for who, level in (("alice", KEEP), ("bob", None)):
        a_lesson(world, who, level)
        answer(world, "words", who)
        world.app.tick()
    mails = {who: [text_of(m) for m in world.box.sent if m.to.startswith(who)] for who in ("alice", "bob")}
    asked, not_asked = "Your words are kept for you, locked", "Your words are not kept; your own copy"

    assert [asked in text for text in mails["alice"][-2:]] == [True, True]
    assert [not_asked in text for text in mails["bob"][-2:]] == [True, True]
    assert not any(not_asked in text for text in mails["alice"][-2:])


@ON_SQLITE
def test_the_owner_reads_and_takes_back_on_the_command_line(world, course, monkeypatch):
    """`read` prints what is shared, but nothing that commands a terminal; `withdraw` hides it, or finds none."""
    a_lesson(world, level=SHARE)
    answer(world, "shared \x1b[2J words")
    monkeypatch.setenv("JOURNAL_KEYS", OLD)
    first = course("journal", "read")
    hidden = course("journal", "withdraw", "ALICE@example.org", "--sharing")
    later = course("journal", "read", "--all")
    nothing = course("journal", "withdraw", "bob@example.org")

    assert "shared [2J words" in first.out
    assert "Alice, self-compassion, day 1" in first.out
    assert (hidden.code, nothing.code) == (0, 1)
    assert "words" not in later.out
    assert [row[0] for row in world.rows("SELECT how FROM consents WHERE what = 'share-withdrawn'")] == [
        "the owner, asked to"
    ]
