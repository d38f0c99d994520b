"""What other sites paste: it can be pasted as it is printed, says what our page says, and gives nobody a hold on us."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from course.content import snippets
from course.web import create_app

SITE = "http://127.0.0.1:8000"
DOCUMENT = (Path(__file__).parents[1] / "docs" / "embedding.md").read_text()


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: no row is asked for here."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def browser(world):
    """Return a browser on another site."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Origin": "https://blog.example"})


def test_only_the_script_may_be_loaded_by_another_site(browser):
    """It may be kept for an hour; every page says that it is for itself alone, and lets nobody frame it."""
    script, page = browser.get("/embed.js"), browser.get("/")

    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=3600"
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "access-control-allow-origin" not in script.headers
    assert browser.head("/embed.js").status_code == 200


def test_the_script_holds_the_catalogues_words_and_nothing_to_be_run(world, browser):
    """Each course in each locale, as data: whatever an author writes into a title stays text."""
    first = world.app.catalogue.first
    hostile = "</script><script>alert(1)</script>\u2028\"'"
    world.app.catalogue.courses[first.name] = replace(first, titles={**first.titles, "en-GB": hostile})
    text = browser.get("/embed.js").text
    called_with = json.loads(re.search(r"\}\)\((\{.*\})\);\n$", text, re.DOTALL)[1])

    assert called_with["site"] == SITE
    assert called_with["courses"]["self-compassion"]["en-GB"]["title"] == hostile
    assert called_with["courses"]["self-compassion"]["en-US"]["consent"] in unescape(browser.get("/?locale=en-US").text)
    assert "innerHTML" not in text
    assert "\u2028" not in text


def test_the_script_is_small_and_asks_for_nothing_else(browser):
    """No library, no request of its own, no cookie, no store."""
    text = browser.get("/embed.js").text

    assert len(text) < 18_000
    assert not re.search(r"fetch|XMLHttp|import |cookie|localStorage|sessionStorage|eval", text)


def test_the_plain_form_posts_what_our_page_takes(world, browser):
    """Its fields are ours, its consent is today's, and each has a label."""
    form = unescape(snippets.of(world.app.catalogue, world.app.catalogue.first, "en-US", "blog").form)
    consent = world.app.catalogue.consent("en-US")
    names = re.findall(r'name="(\w+)"', form)

    assert names == ["email", "consent", "locale", "ref"]
    assert f'action="{SITE}/courses/self-compassion?locale=en-US"' in form
    assert f'value="{snippets.mark(consent)}"' in form
    assert consent in form
    assert form.count("<label") == 2


@pytest.mark.parametrize(("locale", "way"), [("he", "rtl"), ("es", "ltr")])
def test_the_plain_form_is_written_the_way_its_language_is(world, locale, way):
    """Whichever way the site is written that it is pasted into; an address is always typed from the left."""
    form = snippets.of(world.app.catalogue, world.app.catalogue.first, locale).form

    assert f'lang="{locale}" dir="{way}"' in form.splitlines()[0]
    assert re.search(r'<input id="dear-self-email"[^>]* dir="ltr"', form)


def test_the_command_prints_all_three(shell):
    """Ready to be pasted: the link, the script and the form, with the word by which they are counted."""
    ended = shell("embed", "--locale", "en-US", "--ref", "spring-blog")

    assert ended.code == 0
    assert f"{SITE}/?course=self-compassion&locale=en-US&ref=spring-blog\n" in ended.out
    assert (
        f'<script src="{SITE}/embed.js" data-course="self-compassion" data-locale="en-US" data-ref="spring-blog"'
        in ended.out
    )
    assert '<input type="hidden" name="ref" value="spring-blog">' in ended.out


def test_the_command_lets_people_choose_their_hour(shell):
    """By --hour: the script offers it, set to that hour; the plain form takes it along to our page, midnight too."""
    ended = shell("embed", "--hour", "0")
    without = shell("embed")

    assert 'data-locale="en-GB" data-hour="0" async' in ended.out
    assert '<input type="hidden" name="send_hour" value="0">' in ended.out
    assert "hour" not in re.sub(r"<strong>.*", "", without.out)


def test_the_hour_of_a_plain_form_is_set_on_our_page(world, browser):
    """Where somebody says which city they are in, the hour stands as the educator set it, for them to change."""
    form = snippets.of(world.app.catalogue, world.app.catalogue.first, "en-GB", hour=19).form
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+|[a-zA-Z-]+)">', form))
    said = {"email": "bob@example.org", "consent": snippets.mark(world.app.catalogue.consent("en-GB")), **fields}
    page = browser.post("/courses/self-compassion?locale=en-GB", data=said, headers={"Origin": "https://blog.example"})

    assert '<option value="19" selected' in page.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--course", "nothing"), "self-compassion"),
        (("--locale", "de-DE"), "en-GB, en-US"),
        (("--ref", "Two Words"), "a-z, 0-9 and -"),
        (("--hour", "24"), "less than or equal to 23"),
        (("--hour", "seven"), "--hour"),
    ],
)
def test_the_command_says_what_there_is(shell, arguments, said):
    """A slip is told with what can be put instead."""
    ended = shell("embed", *arguments)

    assert ended.code == 2
    assert said in ended.err


def test_the_document_shows_what_the_command_prints(world):
    """Whoever pastes from the document gets the same form; each attribute of the script is explained."""
    script = snippets.of(world.app.catalogue, world.app.catalogue.first, "en-GB").script
    shown = re.search(r"```html\n(.*?)```", DOCUMENT, re.DOTALL)[1]

    assert shown == script.replace(SITE, "https://course.example.org")
    for attribute in ("data-course", "data-locale", "data-ref", "data-hour", "data-locales", "data-target"):
        assert f"`{attribute}" in DOCUMENT
