"""The mailbox: the five days on one machine, and nowhere else."""

from __future__ import annotations

import email
import re
from email.policy import default
from html import unescape

import pytest
from conftest import SetClock, World, make_settings
from starlette.testclient import TestClient

from course.app import App
from course.web import create_app

SITE = "http://127.0.0.1:8000"
HERE = ("127.0.0.1", 50_000)
OURS = {"Origin": SITE}
SHOWN = ["done", "next", "skip", "again", "time 7", "pause", "resume", "help", "stop"]  # as buttons


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def world(settings):
    """Return the service as a newcomer has it: its mail goes to a folder."""
    clock = SetClock()
    app = App.build(settings, clock=clock)
    yield World(app, clock, None)
    app.close()


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, client=HERE, headers={"Accept-Language": "en-GB"})


@pytest.fixture
def day_one(world, browser):
    """Alice has signed up and confirmed, all in the browser; day 1 is in the mailbox: its page."""
    world.sign_up()
    world.app.tick()
    link = re.search(r"/confirm/[0-9a-f]+", browser.get(newest(browser)).text)
    assert link
    browser.post(link[0])
    for _ in range(25):
        world.clock.go(hours=1)
        world.app.tick()
    return newest(browser)


def newest(browser):
    """Return the page of the newest mail."""
    return re.findall(r'href="(/mailbox/[^"]+)"', browser.get("/mailbox").text)[0]


def test_an_empty_mailbox_says_how_to_begin(browser):
    """And leads to the form."""
    answer = browser.get("/mailbox")

    assert answer.status_code == 200
    assert "No mail yet" in answer.text
    assert 'href="/#join"' in answer.text


def test_the_list_shows_the_newest_mail_first(browser, day_one):
    """Subject, the line beside it, whom it is for."""
    text = browser.get("/mailbox").text
    subjects = re.findall(r'<span class="subject">(.*?)</span>', text)

    assert subjects == ["Day 1: two ways of saying it", "Welcome: what comes, and when", "Please confirm your sign-up"]
    assert "What you say to yourself, and what you would say to a friend" in text
    assert "to alice@example.org" in text


def test_a_mail_is_shown_in_a_frame_that_can_do_nothing_but_follow_links(browser, day_one):
    """No scripts, forms or origin of ours in there; its links open in the whole window."""
    answer = browser.get(day_one)
    frame = re.search(r"<iframe[^>]*>", answer.text)
    assert frame

    sandbox = re.search(r'sandbox="([^"]*)"', frame[0])
    assert sandbox
    assert set(sandbox[1].split()) == {
        "allow-popups",
        "allow-popups-to-escape-sandbox",
        "allow-top-navigation-by-user-activation",
    }
    shown = unescape(re.search(r'srcdoc="([^"]*)"', frame[0])[1])
    assert shown.startswith("<!DOCTYPE html>")
    assert '<head><base target="_top">' in shown
    assert "Hello Alice," in shown
    assert "style-src 'self' 'unsafe-inline';" in answer.headers["content-security-policy"]
    assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_a_reply_goes_in_as_any_mail_does_and_brings_the_receipt(world, browser, day_one):
    """Typed words on top, the mail quoted below; the day is noted; then back to the list."""
    answer = browser.post(
        day_one + "/reply", data={"words": "typical\r\nit happens"}, headers=OURS, follow_redirects=False
    )
    world.app.tick()

    assert (answer.status_code, answer.headers["location"]) == (303, "/mailbox?replied=1")
    assert world.rows("SELECT day FROM completions") == [(1,)]
    assert "Day 1 is noted" in browser.get("/mailbox").text


def test_the_reply_is_a_real_mail(world, browser, day_one, monkeypatch):
    """From the person to the reply address, tied to the mail it answers, with a Message-ID and a date of its own."""
    taken = []
    monkeypatch.setattr(world.app, "receive", lambda raw, *, source, to: taken.append((raw, source, to)))
    monkeypatch.setattr(world.app, "read_spool", list)
    browser.post(day_one + "/reply", data={"words": "Für mich – “ja”\r\n.\r\nFrom here"}, headers=OURS)  # noqa: RUF001
    raw, source, to = taken[0]
    reply = email.message_from_bytes(raw, policy=default)
    original = email.message_from_bytes(
        (world.app.settings.data_dir / "outbox" / f"{day_one.rpartition('/')[2]}.eml").read_bytes(), policy=default
    )
    text = reply.get_content().replace("\r\n", "\n")

    assert source == "mailbox"
    assert to == (original["Reply-To"],)
    assert (reply["From"], reply["To"]) == ("alice@example.org", original["Reply-To"])
    assert reply["Subject"] == "Re: Day 1: two ways of saying it"
    assert reply["In-Reply-To"] == reply["References"] == original["Message-ID"]
    assert reply["Message-ID"].endswith("@example.org>")
    assert reply["Date"].datetime.tzinfo is not None
    assert text.startswith("Für mich – “ja”\n.\nFrom here\n\nOn ")  # noqa: RUF001
    assert "Dear Self <hello@dearself.example> wrote:\n\n> Five days of self-compassion\n>\n> Day 1: two ways" in text


def test_one_word_is_one_button(world, browser, day_one):
    """The words that the course understands are there to be pressed, in the mail's own language."""
    text = browser.get(day_one).text
    browser.post(day_one + "/reply", data={"quick": "pause", "words": ""}, headers=OURS)

    assert re.findall(r'name="quick" value="([^"]+)"', text) == SHOWN
    assert world.rows("SELECT status FROM enrolments") == [("paused",)]


def test_an_empty_reply_is_asked_about(world, browser, day_one):
    """422 beside the field; nothing is sent."""
    answer = browser.post(day_one + "/reply", data={"words": " \r\n "}, headers=OURS)

    assert answer.status_code == 422
    assert re.search(
        r'<textarea id="words"[^>]*aria-describedby="words-hint words-error"[^>]*aria-invalid="true"', answer.text
    )
    assert world.rows("SELECT count(*) FROM replies") == [(0,)]


def test_where_there_is_nothing_to_answer_there_is_no_place_to_answer(world, browser):
    """A confirmation has its button, and no box beneath it that would lead nowhere."""
    world.sign_up()
    world.app.tick()

    assert "<textarea" not in browser.get(newest(browser)).text


def unreachable(browser, path, **how):
    """Whether this answer is the one of a page that is not there, headers and all."""
    there, nowhere = browser.get(path, **how), browser.get("/nothing", **how)
    return there.status_code == 404 and (there.content, there.headers) == (nowhere.content, nowhere.headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Host": "127.0.0.1"},
        {"X-Forwarded-Proto": "http"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_behind_a_proxy_there_is_no_mailbox(browser, day_one, headers):
    """Whoever stands between might be anybody's door."""
    for path in ("/mailbox", day_one):
        assert unreachable(browser, path, headers=headers)
    assert browser.post(day_one + "/reply", data={"words": "hi"}, headers=OURS | headers).status_code == 404


def test_from_another_machine_there_is_no_mailbox(world, day_one):
    """Nor when a name of this machine is claimed."""
    for peer in ("192.168.0.7", "203.0.113.7", "2001:db8::1", "testclient"):
        stranger = TestClient(create_app(world.app), base_url=SITE, client=(peer, 5))

        assert unreachable(stranger, "/mailbox")
        assert unreachable(stranger, day_one)
        assert "/mailbox" not in stranger.get("/").text
        assert {stranger.request(method, "/mailbox").status_code for method in ("POST", "PUT", "DELETE")} == {404}


def test_with_real_mail_there_is_no_mailbox(world, browser, day_one):
    """It shows what a folder transport wrote, and nothing when mail leaves the machine."""
    data = world.app.settings.data_dir
    world.app.settings = make_settings(data_dir=data, transport="smtp", smtp_url="smtp://127.0.0.1:2525")

    assert unreachable(browser, "/mailbox")
    assert unreachable(browser, day_one)
    assert "/mailbox" not in browser.get("/").text


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://127.0.0.1:9", "http://127.0.0.1.evil.example"]
)
def test_no_other_site_can_reply_for_the_person(world, browser, day_one, origin):
    """A form on a foreign page, or one without an origin, is as good as nowhere."""
    headers = {"Origin": origin} if origin else {}

    assert browser.post(day_one + "/reply", data={"words": "stop"}, headers=headers).status_code == 404
    assert world.rows("SELECT count(*) FROM replies") == [(0,)]


def test_the_mailbox_sends_its_origin_along(browser, day_one):
    """With no-referrer a browser would send `Origin: null`, and the reply would be refused."""
    assert browser.get(day_one).headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsecret", "%2e%2e%2fcourse", "secret.key", "a%00", "x" * 300, "20270301-120000-none"]
)
def test_a_name_is_never_a_path(browser, day_one, name):
    """Only messages of the outbox can be read."""
    assert browser.get(f"/mailbox/{name}").status_code == 404
    assert browser.post(f"/mailbox/{name}/reply", data={"words": "x"}, headers=OURS).status_code in {404, 405}


def test_time_lapse_is_explained(world, browser):
    """Who lives a day in twenty seconds reads so."""
    world.app.settings = world.app.settings.model_copy(update={"timelapse": 20.0})

    assert "a day of the course takes about 20 seconds" in browser.get("/mailbox").text
