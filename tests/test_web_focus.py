"""Promises of pages that answer a press: what is new on them is what is heard first, by the title and by the focus."""

from __future__ import annotations

import re

import pytest
from conftest import make_settings
from test_fresh import SITE, a_browser, visiting
from test_journal import KEEP, OLD, a_lesson, answer, kept, round_of

PRESSES = {
    "sign-up": ("/courses/self-compassion", {"email": ""}),
    "write": ("/write/{token}", {"words": ""}),
    "letter": ("/letter/{token}", {"choice": "keep", "text": ""}),
    "mine": ("/mine/{token}", {"do": "restart"}),
    "name": ("/own/name", {"name": "http://heron.example"}),
    "address": ("/own/address", {"email": "alice at home"}),
    "journal": ("/own/journal", {"round": "{round}"}),
}


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that offers a journal."""
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, journal_keys=OLD)


def focused(page):
    """Return the tags that ask for the focus as a page opens."""
    return re.findall(r"<[^>]+ autofocus[^>]*>", page.text)


@pytest.mark.parametrize("where", PRESSES)
def test_what_is_wrong_is_in_the_title_and_has_the_focus(world, where):
    """At once: the summary of the mistakes, or the first field that has one, which is tied to its words."""
    a_lesson(world)
    browser = visiting(world)
    values = {"token": world.link(world.box.last("day-1"), "mine"), "round": str(round_of(world))}
    path, form = PRESSES[where]
    posted = {name: value.format(**values) for name, value in form.items()}
    page = browser.post(path.format(**values), data=posted, headers={"Origin": SITE})
    (tag,) = focused(page)

    assert page.status_code == 422
    assert "<title>Please look again · " in page.text
    assert "summary" in tag or ('aria-invalid="true"' in tag and "aria-describedby" in tag)


def test_what_was_done_has_the_focus(world):
    """A status that is there as a page opens is heard by nobody, unless the focus comes to it."""
    a_lesson(world, level=KEEP)
    answer(world, "It helped a little.")
    browser = visiting(world)
    entry, token = kept(world)[-1].id, world.link(world.box.last("day-1"), "checkin")
    pages = [
        browser.get("/own?done=name"),
        browser.post(f"/own/words/{entry}/erase", headers={"Origin": SITE}, follow_redirects=True),
        browser.post(f"/checkin/{token}", data={"choice": "forget"}),
    ]

    assert ['role="status"' in " ".join(focused(page)) for page in pages] == [True] * 3


def test_each_of_somebodys_own_pages_has_a_title_of_its_own(world):
    """Whoever has several open, or hears a title first, knows where they are."""
    a_lesson(world, level=KEEP)
    browser = visiting(world)
    places = ("", "/words", "/letter", "/print", "/details", "/journal", "/erase")
    titles = [re.search(r"<title>(.+)</title>", browser.get(f"/own{place}").text)[1] for place in places]

    assert len(set(titles)) == len(places)


def test_a_course_in_another_language_is_named_in_its_own(world):
    """Its title is spoken by a voice of that language, and runs from its own side."""
    page = a_browser(world).get("/?locale=he")

    assert re.search(r'<a [^>]*lang="en-GB" dir="auto">Writing with self-compassion</a>', page.text)


@pytest.mark.parametrize("where", ["/?locale=en-GB", "/mine/{token}", "/mine/{token}/day/1", "/checkin/{token}"])
def test_help_is_found_by_its_heading(world, where):
    """Whoever goes from heading to heading comes to it, and its list is of the ways to reach somebody alone."""
    a_lesson(world)
    page = a_browser(world).get(where.format(token=world.link(world.box.last("day-1"), "mine")))
    ways = re.search(r'<h[23] id="help-title">If you need someone now:</h[23]>\s*<ul.*?</ul>', page.text, re.DOTALL)

    assert ways
    assert "If you need someone now:" not in ways[0].partition("<ul")[2]
