"""The help page: by country, only numbers that somebody checked lately, and no trace of who looked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
import structlog
from conftest import MONDAY
from starlette.testclient import TestClient

from course.content.help_lines import HelpLine
from course.web import create_app

TODAY = MONDAY.date()


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


def row(country, name, how="call", contact="116 123", audience="everyone", checked=TODAY):
    """Return a row of help_lines.toml."""
    return HelpLine(country, name, how, contact, "24/7", audience, checked)


LINES = (
    row("GB", "Listeners"),
    row("GB", "Writers", "text", "SHOUT to 85258"),
    row("GB", "Posters", "email", "people@example.org"),
    row("GB", "Young ones", audience="young people"),
    row("GB", "Signers", "videophone", "999", audience="deaf"),
    row("GB", "Stale line", checked=TODAY - timedelta(days=181)),
    row("GB", "Unchecked line", checked=None),
    row("US", "Lifeline", contact="988"),
    row("IE", "Nobody yet", checked=None),
)


@pytest.fixture
def browser(world):
    """Return a visitor's browser on a site with rows of three countries."""
    world.app.service = replace(world.app.service, catalogue=replace(world.app.catalogue, help_lines=LINES))
    return TestClient(create_app(world.app), base_url="http://127.0.0.1:8000")


def said(browser, query="", language="en-GB"):
    """Return what the page says, without its tags and its list of countries."""
    answer = browser.get(f"/help{query}", headers={"Accept-Language": language})
    assert answer.status_code == 200
    page = re.sub(r"<form.*?</form>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(page).split())


def test_a_countrys_rows_stand_under_whom_they_are_for(browser):
    """By phone, in writing, for young people, for deaf people: in this order, each row once."""
    page = said(browser, "?country=GB")
    order = ["By phone", "Listeners", "In writing", "Writers", "Posters", "young people", "Young ones", "Signers"]

    assert [page.index(word) for word in order] == sorted(page.index(word) for word in order)
    assert {word: page.count(word) for word in ("Listeners", "Young ones", "Signers")} == dict.fromkeys(
        ("Listeners", "Young ones", "Signers"), 1
    )


@pytest.mark.parametrize("query", ["?country=IE", "?country=GB", ""])
def test_no_page_speaks_of_people_whom_it_does_not_show(browser, query):
    """With a number or without one: what it points to is the two ways that stand above everything."""
    page = said(browser, query)

    assert "These people" not in page
    assert "The ways above lead to people who can." in page


def test_a_row_that_nobody_checked_lately_is_never_shown(browser):
    """Neither a stale nor an unchecked number; the emergency number and the directory are always there."""
    page, none = said(browser, "?country=GB"), said(browser, "?country=IE")

    assert "Stale line" not in page
    assert "Unchecked line" not in page
    assert "Nobody yet" not in none
    assert "we have none at the moment" in none
    for text in (page, none, said(browser)):
        assert "Call your local emergency number" in text
        assert "findahelpline.com" in text


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en-GB", "Listeners"),
        ("fr;q=0.2, en-gb;q=0.9", "Listeners"),
        ("en-US", None),
        ("en-US,en-GB;q=0.9", None),
        ("en", None),
        ("fr-FR", None),
        ("", None),
        ("zh-Hant-TW, *;q=x", None),
    ],
)
def test_the_browser_may_tell_the_country_but_never_that_it_is_the_united_states(browser, language, name):
    """Browsers everywhere say en-US; whoever lives there chooses it."""
    page = said(browser, language=language)

    assert ("Listeners" in page) == (name == "Listeners")
    assert "Lifeline" not in page


def test_the_country_can_be_changed_and_taken_back(browser):
    """A choice goes before the browser's; no choice, or one that is none, shows nobody's numbers."""
    chosen = said(browser, "?country=US")

    assert "Lifeline" in chosen
    assert "Listeners" not in chosen
    for query in ("?country=", "?country=ZZ", "?country=%3Cscript%3E", "?country=gb"):
        page = said(browser, query)
        assert "Lifeline" not in page
        assert "Listeners" not in page
        assert "script" not in page


def test_a_number_can_be_tapped_and_a_way_that_no_phone_opens_cannot(browser):
    """A phone number and an address are links, and so is a word to send to a number: a tap has it ready."""
    page = browser.get("/help?country=GB").text

    assert 'href="tel:116123"' in page
    assert 'href="mailto:people@example.org"' in page
    assert 'href="sms:85258?body=SHOUT"' in page
    assert "999" in page
    assert ":999" not in page


def test_whoever_looks_for_help_leaves_no_trace(world, browser):
    """No cookie, no line in any log at any level, no row; nothing is kept by the browser's cache."""
    before = world.rows("SELECT * FROM facts")
    with structlog.testing.capture_logs() as lines:
        answers = [browser.get("/help?country=GB"), browser.head("/help"), browser.get("/help")]

    assert {answer.status_code for answer in answers} == {200}
    assert lines == []
    assert world.rows("SELECT * FROM facts") == before
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers)
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_another_language_keeps_the_country(browser):
    """The switch of language and the form carry each other's choice."""
    page = unescape(browser.get("/help?country=US&locale=en-US").text)

    assert 'href="?locale=en-GB&country=US"' in page
    assert '<input type="hidden" name="locale" value="en-US">' in page


def test_every_page_and_every_letter_leads_there(world, browser):
    """At the foot of a page, of a page that is not there, and of a letter in both its parts."""
    world.join()
    letter = world.box.last("welcome")

    assert 'href="/help?locale=' in browser.get("/").text
    assert 'href="/help?locale=' in browser.get("/nothing").text
    assert "http://127.0.0.1:8000/help?locale=en-GB\n" in letter.mailing.text_for(letter.values)
    assert 'href="http://127.0.0.1:8000/help?locale=en-GB"' in letter.mailing.html_for(letter.values)
