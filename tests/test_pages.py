"""A mail's own pages: its token opens them for whoever has the mail, as long as its person is there."""

from __future__ import annotations

import pytest

from course import links
from course.journeys import pages, privacy
from course.links import Purpose


def look(world, token):
    """Open a page by this token."""
    with world.app.service.store.reading() as tx:
        return pages.look(tx, world.app.service, token)


def tokens(world, mail):
    """Return the tokens of all pages that a mail links to."""
    there = [what for what in links.PAGES if f"/{what}/" in mail.mailing.text_for(mail.values)]
    return {world.link(mail, what) for what in there}


def test_a_lesson_opens_its_person_and_its_day(world):
    """Alice's first letter, however often: her round, day 1, and one token for all three pages."""
    world.join()
    world.pass_hours(24)
    (token,) = tokens(world, world.box.last("day-1"))
    opened = look(world, token)

    assert (opened.person.email, opened.mail.day) == ("alice@example.org", 1)
    assert look(world, token) == opened


def test_a_notice_opens_its_person_without_a_day(world):
    """The welcome is no lesson."""
    world.join()
    (token,) = tokens(world, world.box.last("welcome"))
    opened = look(world, token)

    assert (opened.person.email, opened.mail.day) == ("alice@example.org", None)


def test_a_mail_of_an_old_round_opens_the_round_that_goes_on(world):
    """She left and began again: the letter of then leads to her course of now, and still says which day it was."""
    world.join()
    world.pass_hours(24)
    (token,) = tokens(world, world.box.last("day-1"))
    before = look(world, token)
    world.app.leave(world.leave_token(), "page")

    assert look(world, token).person.status == "stopped"

    world.join()
    after = look(world, token)

    assert after.person.id > before.person.id
    assert (after.person.status, after.mail.day) == ("active", 1)


@pytest.mark.parametrize("settings", [{"keep_people_days": 0}], indirect=True, ids=["people stay"])
def test_a_folded_mail_still_opens_its_pages(world):
    """Half a year after the end only its number is left, and that is enough: her pages are there for her."""
    world.join()
    world.pass_hours(24 * 7)
    letters = [world.box.last(name) for name in ("day-3", "farewell")]
    world.clock.go(days=180)
    world.app.tidy()
    opened = [look(world, world.link(mail, "mine")) for mail in letters]

    assert world.rows("SELECT count(*) FROM deliveries") == [(0,)]
    assert [one.mail.day for one in opened] == [3, None]
    assert {one.person.email for one in opened} == {"alice@example.org"}


def test_a_forged_token_opens_nothing(world):
    """Each changed letter, another purpose, another number of numbers, nobody's mail."""
    world.join()
    mail = world.box.last("welcome")
    token = world.link(mail, "mine")
    flipped = [token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :] for at in range(len(token))]
    keys = world.app.keys
    forged = (), (1, 2), (4_000_000,)
    signed = [links.sign(keys, Purpose.PAGES, *numbers) for numbers in forged]
    useless = [*flipped, *signed, token[:-1], token + "a", world.link(mail, "leave"), "", "ä", "a" * 300]

    assert look(world, token)
    assert [one for one in useless if look(world, one)] == []


def test_whoever_was_erased_has_no_pages(world):
    """Neither after their rows are gone nor while the last mail to them is on its way; Bob keeps his."""
    world.join("bob")
    bobs = world.link(world.box.last("welcome"), "mine")
    world.join()
    welcome = world.box.last("welcome")
    token = world.link(welcome, "mine")
    world.reply(welcome, "DELETE")
    world.app.tick()
    world.reply(world.box.last("erase"), "DELETE")
    asked = world.rows("SELECT count(*) FROM deliveries WHERE name = 'erased'"), look(world, token)
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert asked == ([(1,)], None)
    assert look(world, token) is None
    assert look(world, bobs)
