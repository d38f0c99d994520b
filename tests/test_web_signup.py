"""The course page and its form: what a visitor sees, what is refused, and what nobody can find out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from starlette.testclient import TestClient

from course.content import zones
from course.journeys import reports
from course.web import create_app

SITE = "http://127.0.0.1:8000"
FORM = {
    "email": "alice@example.org",
    "name": "Alice",
    "timezone": "Europe/London",
    "send_hour": "8",
    "locale": "en-GB",
    "consent": "yes",
    "website": "",
}
URL = "/courses/self-compassion"


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB,en;q=0.8"})


@pytest.fixture
def signed_up(world, monkeypatch):
    """Return what reaches the App."""
    taken = []
    monkeypatch.setattr(world.app, "sign_up", taken.append)
    return taken


def words(answer):
    """Return the page as a reader sees it: no tags, single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.mark.parametrize("path", ["/", URL])
def test_the_page_says_what_a_visitor_needs_before_signing_up(browser, path):
    """What it is, how long it takes, day 1 as it is written, the safety words, and what happens to their words."""
    answer = browser.get(path)
    said = words(answer)

    assert answer.status_code == 200
    for needed in (
        "Five days of self-compassion",
        "10 to 20 minutes each",
        "Day 1: two ways of saying it",
        "To a friend, I would say …",
        "Being kind to yourself can bring up sadness or old pain.",
        "If you need someone now:",
        "Then your words are deleted.",
        "Choose a mailbox only you read.",
        "I am 16 or over. I can withdraw at any time.",
    ):
        assert needed in said


def test_nothing_is_ticked_before_the_visitor_ticks_it(browser):
    """Consent is given, never assumed."""
    box = re.search(r'<input id="consent"[^>]*>', browser.get("/").text)

    assert box
    assert "checked" not in box[0]


def test_nobody_is_asked_when_they_were_born(browser):
    """All that the form asks for, and what it takes along by itself; the age is one sentence to agree to."""
    text = browser.get("/").text
    asked = set(re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"', text.partition('id="join"')[2]))

    assert asked == {*FORM, "pace", "stamp", "ref"}
    assert re.findall(r'type="(?:date|month|number)"', text) == []


def test_a_sign_up_reaches_the_app_as_it_was_read(browser, signed_up):
    """The address and name are read strictly; the consent is kept in exactly the words that were shown."""
    form = FORM | {"email": " Alice@EXAMPLE.org ", "name": "  Alice\u200b  Ash ", "send_hour": "21", "locale": "en-US"}
    answer = browser.post(URL + "?locale=en-GB", data=form)

    assert answer.status_code == 200
    assert words(browser.get("/")).count(signed_up[0].wording) == 1
    assert (signed_up[0].email, signed_up[0].name) == ("Alice@example.org", "Alice Ash")
    assert (signed_up[0].send_hour, signed_up[0].locale, signed_up[0].timezone) == (21, "en-US", "Europe/London")
    assert signed_up[0].network == ""


def test_one_sign_up_owes_one_confirmation(world, browser):
    """From the form to the mail: one POST, one mail."""
    browser.post(URL, data=FORM)
    world.app.tick()

    assert world.box.names() == ["confirm"]


def test_new_known_and_suppressed_addresses_get_the_same_page_byte_by_byte(world, browser):
    """Nobody finds out whether an address is known, neither by text nor by status nor by a header."""
    world.join("bob")
    world.sign_up("charlie")
    world.app.tick()
    world.app.not_me(world.confirm_token())
    answers = [browser.post(URL, data=FORM | {"email": f"{who}@example.org"}) for who in ("alice", "bob", "charlie")]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert b"example.org" not in answers[0].content


def test_a_program_that_fills_in_every_field_gets_the_same_page_and_nothing_happens(browser, signed_up):
    """The trap says nothing; what it catches is dropped."""
    caught = browser.post(URL, data=FORM | {"website": "https://spam.example", "consent": ""})
    honest = browser.post(URL, data=FORM)

    assert caught.content == honest.content
    assert len(signed_up) == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("email", "", "Write the email address that the letters may go to."),
        ("email", "alice", "This does not look like an email address."),
        ("email", "alice@example.org, bob@example.org", "This does not look like an email address."),
        ("email", "alice@example.org)bob@evil.example", "This does not look like an email address."),
        ("email", "alice@[127.0.0.1]", "This does not look like an email address."),
        ("email", "alice@example.org\r\nBcc: bob@example.org", "This does not look like an email address."),
        ("email", "alice@exa\x00mple.org", "This does not look like an email address."),
        ("email", "alice@localhost", "This does not look like an email address."),
        ("email", "postmaster@example.org", "This address belongs to a role"),
        ("email", "hello@reply.dearself.example", "This is an address of the course itself."),
        ("name", "Alice\r\nBcc: bob@example.org", "Write the name on one line"),
        ("name", "Alice\u2028", "Write the name on one line"),
        ("name", "Al\x00ice", "Write the name on one line"),
        ("timezone", "", "Choose the city nearest to you."),
        ("timezone", "../../etc/passwd", "Choose the city nearest to you."),
        ("timezone", "Foo/Bar", "Choose the city nearest to you."),
        ("timezone", "Europe/London\x00", "Choose the city nearest to you."),
        ("timezone", "posix/Europe/London", "Choose the city nearest to you."),
        ("timezone", "Etc/GMT+8", "Choose the city nearest to you."),
        ("send_hour", "24", "Choose an hour from the list."),
        ("send_hour", "-1", "Choose an hour from the list."),
        ("send_hour", "٨", "Choose an hour from the list."),
        ("send_hour", "", "Choose an hour from the list."),
        ("pace", "hourly", "Choose from the list how often the letters come."),
        ("pace", "weekly", "Choose from the list how often the letters come."),
        ("locale", "de-DE", "Choose a language from the list."),
        ("consent", "", "Tick the box if you agree."),
        ("consent", "no", "Tick the box if you agree."),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(browser, signed_up, field, typed, said):
    """422, the error tied to its field and listed in a summary that has the focus; nothing reaches the App."""
    answer = browser.post(URL, data=FORM | {field: typed})
    tag = re.search(rf'<(?:input|select) id="{field}"[^>]*>', answer.text)

    assert answer.status_code == 422
    assert words(answer).count(said) == 2
    assert tag
    assert 'aria-invalid="true"' in tag[0]
    assert re.search(rf'aria-describedby="[^"]*{field}-error"', tag[0])
    assert f'<a href="#{field}">' in answer.text
    assert re.search(r'id="summary"[^>]*tabindex="-1" autofocus', answer.text)
    assert signed_up == []


def test_what_was_typed_is_kept_and_shown_as_text(browser):
    """One mistake costs one field, and HTML in a field is only text."""
    name = '"><img src=x onerror=alert(1)>{{7*7}}'
    answer = browser.post(URL, data=FORM | {"name": name, "email": "", "send_hour": "21", "timezone": "Asia/Calcutta"})

    assert "<img" not in answer.text
    assert f'value="{name}"' in unescape(answer.text)
    assert '<option value="21" selected>' in answer.text
    assert '<option value="Asia/Calcutta" selected>' in answer.text
    assert re.search(r'<input id="consent"[^>]* checked', answer.text)


def test_a_hostile_name_is_no_name(browser, signed_up):
    """Links and addresses are no names: the letters greet nobody by them, and the sign-up goes on."""
    for name in ("WIN $$$ http://evil.example", "evil@bank.example", "x" * 81):
        assert browser.post(URL, data=FORM | {"name": name}).status_code == 200

    assert {form.name for form in signed_up} == {""}


@pytest.mark.parametrize(
    ("headers", "query", "locale"),
    [
        ({"Accept-Language": "en-US,en;q=0.7"}, "", "en-US"),
        ({"Accept-Language": "fr, en-US;q=0.2, en-GB;q=0.9"}, "", "en-GB"),
        ({"Accept-Language": "en"}, "", "en-GB"),
        ({"Accept-Language": "en-US;q=0, en-GB;q=0.1"}, "", "en-GB"),
        ({"Accept-Language": ";q=x,,*"}, "", "en-GB"),
        ({"Accept-Language": "en-GB"}, "?locale=en-US", "en-US"),
        ({"Accept-Language": "en-US"}, "?locale=../xx", "en-US"),
    ],
)
def test_the_page_speaks_the_visitors_language(browser, headers, query, locale):
    """?locale= first, then Accept-Language, then the course's first; the page says which it is."""
    answer = browser.get("/" + query, headers=headers)

    assert f'<html lang="{locale}" dir="ltr">' in answer.text
    assert f'hreflang="{locale}" aria-current="true"' in answer.text


def test_hours_are_said_as_the_locales_people_say_them(browser):
    """24 hours, in each locale's manner, the course's own hour chosen."""
    british = re.findall(r'<option value="(\d+)"( selected)?>(.*?)</option>', browser.get("/?locale=en-GB").text)
    american = re.findall(r'<option value="(\d+)"( selected)?>(.*?)</option>', browser.get("/?locale=en-US").text)

    assert len(british) == len(american) == 24
    assert british[8] == ("8", " selected", "08:00")
    assert american[20] == ("20", "", "8:00 PM")


def test_the_zones_can_be_chosen_without_a_script():
    """Every listed zone is allowed, has a city's name, and the paths and oddities of the zone folder are not there."""
    listed = [zone for zones_ in zones.cities("en-GB").values() for zone in zones_]

    assert {"Europe/London", "Asia/Kolkata", "America/Argentina/Buenos_Aires"} <= {name for name, _ in listed}
    assert {name for name, _ in listed} <= zones.allowed()
    assert ("America/Argentina/Buenos_Aires", "Buenos Aires") in listed
    assert zones.allowed().isdisjoint({"Factory", "localtime", "GB", "EST", "Etc/UTC", "posixrules"})
    assert "UTC" in zones.allowed()


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_a_city_stands_where_people_look_for_it(locale):
    """An accent changes nothing in the order: in Spanish, Ámsterdam begins Europe, and Ürümqi does not end Asia."""
    plain = lambda said: unicodedata.normalize("NFD", said)[0].casefold()  # noqa: E731
    firsts = {area: [plain(said) for _, said in listed] for area, listed in zones.cities(locale).items()}

    assert {area: found for area, found in firsts.items() if found != sorted(found)} == {}
    assert zones.cities("es")["Europe"][0] == ("Europe/Amsterdam", "Ámsterdam")


def test_an_unknown_course_is_a_page_that_is_not_there(browser):
    """GET and POST alike."""
    assert browser.get("/courses/nothing").status_code == 404
    assert browser.post("/courses/..%2f..%2fetc", data=FORM).status_code == 404


def test_the_page_works_without_scripts_and_loads_nothing_from_elsewhere(browser):
    """No inline script or style, and no address of another site but the directory of help lines."""
    text = browser.get("/").text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/static/)", text)
    assert set(re.findall(r'(?:src|href)="(https?:[^"]*)"', text)) == {"https://findahelpline.com"}


def test_how_often_the_letters_come_is_a_choice(world, browser):
    """The course's own pace is chosen already; another one counts from the first letter on."""
    page = browser.get("/").text
    browser.post(URL, data=FORM | {"pace": "self-paced"})
    world.app.tick()
    browser.post(f"/confirm/{world.confirm_token()}")

    assert re.findall(r'<option value="(daily|weekdays|weekly|self-paced)"( selected)?>', page) == [
        ("daily", " selected"),
        ("weekdays", ""),
        ("self-paced", ""),
    ]
    assert world.rows("SELECT pace FROM enrolments") == [("self-paced",)]


# Where somebody comes from, how quick they are, and forms on other sites.


def test_a_link_may_name_the_course_and_the_language(world, browser):
    """/?course=&locale= shows that course in that language, an unknown one the first; a language link keeps it."""
    first = world.app.catalogue.first
    world.app.catalogue.courses["writing"] = replace(first, name="writing", titles={"en-GB": "W", "en-US": "Wr"})
    shown = browser.get("/?course=writing&locale=en-US").text

    assert "<h1>Wr</h1>" in shown
    assert 'action="/courses/writing?locale=en-US"' in shown
    assert 'href="?locale=en-GB&amp;course=writing"' in shown
    assert "<h1>Five days" in browser.get("/?course=../../etc&locale=en-GB").text


def test_where_sign_ups_come_from_is_a_count(world, browser):
    """The word of a link travels through form and confirmation into a number, and names nobody."""
    page = browser.get("/?ref=spring-blog").text
    browser.post(URL, data=FORM | {"ref": "spring-blog"})
    world.app.tick()
    browser.post(f"/confirm/{world.confirm_token()}")
    world.join("bob")

    assert '<input type="hidden" name="ref" value="spring-blog">' in page
    assert reports.stats(world.app.service)["courses"]["self-compassion"]["came_from"] == {"spring-blog": 1}


@pytest.mark.parametrize("ref", ["alice@example.org", "Spring", "a b", "x" * 33, "<script>", ""])
def test_only_a_short_plain_word_is_taken_along(browser, signed_up, ref):
    """Anything else, like somebody's address, is forgotten at the door; the sign-up goes on."""
    page = browser.get("/", params={"ref": ref}).text
    browser.post(URL, data=FORM | {"ref": ref})

    assert '<input type="hidden" name="ref" value="">' in page
    assert [form.ref for form in signed_up] == [""]


def stamp_of(page):
    """Return the stamp of a form."""
    return re.search(r'name="stamp" value="([0-9a-f]*)"', page.text)[1]


def test_whoever_is_quick_is_asked_to_press_once_more(world, browser, signed_up):
    """At once, a program would do; a person with autofill presses again, and nothing that they typed is gone."""
    form = FORM | {"stamp": stamp_of(browser.get("/"))}
    world.clock.go(seconds=2)
    first = browser.post(URL, data=form)
    second = browser.post(URL, data=form | {"stamp": stamp_of(first)})

    assert (first.status_code, second.status_code) == (200, 200)
    assert "Nearly there" in first.text
    assert 'value="alice@example.org"' in first.text
    assert re.search(r'<input id="consent"[^>]* checked', first.text)
    assert not re.search(r"robot|quick|fast|program|spam", words(first).lower())
    assert "Look in your inbox" in second.text
    assert len(signed_up) == 1


def test_a_form_that_was_read_is_taken(world, browser, signed_up):
    """Three seconds are enough, and so is a page that stood open for days, or somebody else's stamp."""
    form = FORM | {"stamp": stamp_of(browser.get("/"))}
    world.clock.go(seconds=3)
    browser.post(URL, data=form)
    world.clock.go(days=9)
    browser.post(URL, data=form)
    browser.post(URL, data=FORM | {"stamp": "forged"})

    assert len(signed_up) == 3


def test_a_form_on_another_site_is_taken_from_there(browser, signed_up):
    """Its Origin is not ours, and it has no stamp; the hour is the course's own."""
    short = {name: FORM[name] for name in ("email", "timezone", "consent")}
    answer = browser.post(URL, data=short, headers={"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"})

    assert "Look in your inbox" in answer.text
    assert (signed_up[0].send_hour, signed_up[0].locale) == (8, "en-GB")


def test_a_plain_form_on_another_site_is_finished_on_ours(browser, signed_up):
    """It cannot know where somebody is: our page asks for the city, and blames nobody."""
    plain = browser.post(URL, data={"email": "alice@example.org", "consent": "yes", "locale": "en-US", "ref": "blog"})

    assert plain.status_code == 200
    assert "Nearly there" in plain.text
    assert "aria-invalid" not in plain.text
    assert 'value="alice@example.org"' in plain.text
    assert '<input type="hidden" name="ref" value="blog">' in plain.text
    assert signed_up == []


def test_a_yes_to_words_that_have_changed_is_asked_for_again(browser, signed_up):
    """A blog shows last year's consent: our page shows today's, and its box is empty."""
    now = re.search(r'<input id="consent"[^>]*value="([0-9a-f]+)"', browser.get("/").text)[1]
    old = browser.post(URL, data={"email": "alice@example.org", "consent": "0123456789abcdef"})
    browser.post(URL, data=FORM | {"consent": now})

    assert "checked" not in re.search(r'<input id="consent"[^>]*>', old.text)[0]
    assert len(signed_up) == 1


def test_slots_in_the_heading_of_a_prompt_are_filled_on_pages_too(world, browser):
    """An author may write {course} there: course check allows it, and the mail has always filled it."""
    course = world.app.catalogue.first
    lesson = course.lesson(1, "en-GB")
    sections = [replace(one, heading="For {course}") if one.id == "prompt" else one for one in lesson.sections]
    lessons = {**course.lessons, (1, "en-GB"): replace(lesson, sections=tuple(sections))}
    world.app.catalogue.courses[course.name] = replace(course, lessons=lessons)

    assert f"<h3>For {course.titles['en-GB']}</h3>" in browser.get("/").text


# Whoever is too young.


def test_whoever_is_too_young_finds_help_and_is_asked_nothing(world, browser, monkeypatch):
    """The form leads there; the page has lines for young people that were checked, and no form, field or trace.

    Whether a check is fresh goes by the real day, as on the help page: in time lapse course time is years ahead.
    """
    monkeypatch.setattr(world.clock, "now", lambda: world.clock.at + timedelta(days=400))
    fresh = replace(world.app.catalogue.help_lines[0], verified_on=world.clock.at.date())
    lines = [
        replace(fresh, country="GB", audience="young people", name="Quiet Lane Youth", contact="0123"),
        replace(fresh, country="GB", audience="everyone", name="For everyone"),
        replace(fresh, country="IE", audience="young people", name="Unchecked", verified_on=None),
    ]
    world.app.service = replace(world.app.service, catalogue=replace(world.app.catalogue, help_lines=tuple(lines)))
    link = re.search(r'href="(/young[^"]*)">(.*?)<', browser.get("/").text)
    page = browser.get(link[1])
    said = words(page)

    assert link[2] == "I am under 16"
    assert "United Kingdom Quiet Lane Youth:" in said
    assert "Call your local emergency number" in said
    assert "For everyone" not in said
    assert "Unchecked" not in said
    assert not re.search(r"<(form|input|select|script)\b", page.text)
