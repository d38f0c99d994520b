"""Promises of the fresh link: what somebody wrote is opened by a link to their own inbox alone, once, and soon."""

from __future__ import annotations

import threading

import pytest
from conftest import ON_SQLITE
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from course.journeys import fresh, people
from course.store.tables import subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
HERE = {"Sec-Fetch-Site": "same-origin"}


def person_of(world, who="alice"):
    """Return somebody's newest round."""
    with world.app.service.store.reading() as tx:
        return people.find(tx, subscribers.c.email == f"{who}@example.org")[0]


def ask(world, who="alice"):
    """Ask for a fresh link, as the page at the foot of each letter does."""
    return fresh.send(world.app.service, person_of(world, who), world.clock.now(), world.clock.real())


def a_link(world, who="alice"):
    """Ask, let the mail leave, and return the token in it."""
    assert ask(world, who)
    world.app.tick()
    return world.link(world.box.last("fresh"), "open")


def a_browser(world, **more):
    """Return a browser without a visit."""
    return TestClient(
        create_app(world.app),
        base_url=SITE,
        headers={"Accept-Language": "en-GB", **HERE},
        follow_redirects=False,
        **more,
    )


def visiting(world, who="alice"):
    """Return a browser in which somebody has just opened their own pages."""
    browser = a_browser(world)
    assert browser.post(f"/open/{a_link(world, who)}").headers["location"] == "/own"
    return browser


def cookie(answer):
    """Return the cookie that an answer sets, with its attributes."""
    return answer.headers["set-cookie"]


def test_the_link_goes_to_the_address_on_file(world):
    """Alice asks, and one mail leaves: to her, with a link that opens her pages."""
    world.join()
    token = a_link(world)
    page = a_browser(world).get(f"/open/{token}")

    assert world.box.last("fresh").to == "alice@example.org"
    assert page.status_code == 200
    assert "Open my own pages" in page.text


def test_its_mail_says_how_long_and_what_to_do_with_one_that_nobody_asked_for(world):
    """Once, fifteen minutes, and nothing happens by itself."""
    world.join()
    a_link(world)
    mail = world.box.last("fresh")
    said = mail.mailing.text_for(mail.values)

    assert "once, within fifteen minutes" in said
    assert "Nothing happens by itself" in said


def test_three_links_an_hour_are_enough(world):
    """A fourth is not sent, whoever asks; an hour later one is."""
    world.join()
    asked = [ask(world) for _ in range(4)]
    world.clock.go(minutes=61)

    assert asked == [True, True, True, False]
    assert ask(world)


def test_ten_links_a_day_are_enough(world):
    """Whoever was forwarded a letter cannot fill her inbox; a day later she can have one."""
    world.join()
    asked = []
    for _ in range(15):
        asked.append(ask(world))
        world.clock.go(minutes=61)
    world.clock.go(hours=9)

    assert asked == [True] * 10 + [False] * 5
    assert ask(world)


def test_who_never_confirmed_or_wants_no_mail_gets_none(world):
    """Bob has not said yes, Charlie said that we never write again: neither is sent a link."""
    world.sign_up("bob")
    world.join("charlie")
    charlie = person_of(world, "charlie")
    world.app.not_me(world.link(world.box.last("confirm"), "confirm"))

    assert not ask(world, "bob")
    assert not fresh.send(world.app.service, charlie, world.clock.now(), world.clock.real())


def test_who_has_left_can_still_open_their_own_pages(world):
    """What Alice wrote is hers, wherever she stands."""
    world.join()
    world.app.leave(world.leave_token(), "page")

    assert a_browser(world).get(f"/open/{a_link(world)}").status_code == 200


@ON_SQLITE
def test_a_scanner_that_opens_the_link_uses_nothing_up(world):
    """GET and HEAD, again and again, and the button still works."""
    world.join()
    token, browser = a_link(world), a_browser(world)
    before = world.rows("SELECT * FROM fresh_links")
    for _ in range(20):
        browser.get(f"/open/{token}")
        browser.head(f"/open/{token}")

    assert world.rows("SELECT * FROM fresh_links") == before
    assert browser.cookies.get("visit") is None
    assert browser.post(f"/open/{token}").status_code == 303


def test_a_link_works_once(world):
    """The second press, and the link itself, are a link of no use like any other."""
    world.join()
    token = a_link(world)
    browser = a_browser(world)
    first, second = browser.post(f"/open/{token}"), a_browser(world).post(f"/open/{token}")

    assert (first.status_code, second.status_code) == (303, 404)
    assert a_browser(world).get(f"/open/{token}").text == a_browser(world).get("/open/00").text
    assert "A new link is sent to your own address." in second.text


def test_of_parallel_presses_one_begins_a_visit(world):
    """Eight at once: one cookie is given out."""
    world.join()
    token, found = a_link(world), []
    press = lambda: found.append(fresh.begin(world.app.service, token, world.clock.real()))  # noqa: E731
    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len([one for one in found if one]) == 1


@pytest.mark.parametrize(("seconds", "status"), [(899, 303), (900, 404)])
def test_a_link_lasts_for_fifteen_minutes(world, seconds, status):
    """To the second, from when its mail began to leave."""
    world.join()
    token = a_link(world)
    world.clock.go(seconds=seconds)

    assert a_browser(world).post(f"/open/{token}").status_code == status


def test_a_mail_that_leaves_late_brings_a_link_that_works(world):
    """The worker stood still for an hour: the fifteen minutes begin when the mail leaves."""
    world.join()
    ask(world)
    world.clock.go(hours=1)
    world.app.tick()
    token = world.link(world.box.last("fresh"), "open")
    world.clock.go(minutes=14)

    assert a_browser(world).post(f"/open/{token}").status_code == 303


def test_forged_and_other_links_open_nothing(world):
    """Every bit flipped, cut short, or signed for something else: the same calm page."""
    world.join()
    token, browser = a_link(world), a_browser(world)
    flipped = [f"{token[:at]}{int(token[at], 16) ^ 1:x}{token[at + 1 :]}" for at in range(len(token))]
    others = [world.leave_token(world.box.last("welcome")), world.confirm_token()]
    answers = {browser.post(f"/open/{one}").text for one in (*flipped, token[:-1], *others)}

    assert len(answers) == 1
    assert browser.post(f"/open/{token}").status_code == 303


def test_the_cookie_is_for_these_pages_alone(world):
    """No script reads it, no other site sends it, and it lasts no longer than the visit."""
    world.join()
    set_to = cookie(a_browser(world).post(f"/open/{a_link(world)}"))

    assert "HttpOnly" in set_to
    assert "SameSite=strict" in set_to
    assert "Path=/own" in set_to
    assert "Max-Age=1800" in set_to


@ON_SQLITE
def test_where_there_is_tls_the_cookie_stays_within_it(world):
    """Secure, as soon as BASE_URL says https."""
    world.join()
    token = a_link(world)
    world.app.settings = world.app.settings.model_copy(update={"base_url": "https://course.example.org"})
    browser = TestClient(create_app(world.app), base_url="https://course.example.org", follow_redirects=False)

    assert "Secure" in cookie(browser.post(f"/open/{token}"))


def test_nobody_gets_a_cookie_before_they_need_one(world):
    """Looking at the link's page, at a used one or at the closed pages sets none."""
    world.join()
    token, browser = a_link(world), a_browser(world)
    answers = [browser.get("/"), browser.get(f"/open/{token}"), browser.get("/own"), browser.post("/open/00")]

    assert ["set-cookie" in answer.headers for answer in answers] == [False] * 4


def test_a_visit_ends_by_itself(world):
    """After half an hour the pages are closed, and say how to come back."""
    world.join()
    browser = visiting(world)
    opened = browser.get("/own")
    world.clock.go(minutes=30)
    closed = browser.get("/own")

    assert (opened.status_code, closed.status_code) == (200, 403)
    assert "“My course”" in closed.text


def test_a_visit_ends_by_its_button(world):
    """Here and in the browser; the old cookie opens nothing any more."""
    world.join()
    browser = visiting(world)
    kept = browser.cookies["visit"]
    closed = browser.post("/own/close")

    assert "Your own pages are closed" in closed.text
    assert 'visit=""' in cookie(closed)
    assert browser.get("/own", headers={"Cookie": f"visit={kept}"}).status_code == 403


def test_one_visit_is_not_anothers(world):
    """Alice's cookie opens Alice's pages; a made-up one opens nobody's."""
    for who in ("alice", "bob"):
        world.join(who)
    browser = visiting(world)

    assert (
        fresh.visitor(world.app.service, browser.cookies["visit"], world.clock.real()) == person_of(world).subscriber_id
    )
    assert fresh.visitor(world.app.service, "made-up", world.clock.real()) is None


@ON_SQLITE
def test_a_stolen_database_opens_nothing(world, tmp_path):
    """Neither a link that still works nor the cookie of a visit is in any file."""
    world.join()
    used, browser = a_link(world), a_browser(world)
    browser.post(f"/open/{used}")
    unused = a_link(world)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))

    assert b"alice@example.org" in held
    assert [one for one in (used, unused, browser.cookies["visit"]) if one.encode() in held] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": SITE}, 400),
        ({"Sec-Fetch-Site": "same-site", "Origin": SITE}, 400),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 400),
        ({"Origin": "https://evil.example"}, 400),
        ({"Origin": "null"}, 400),
        ({}, 400),
        ({"Origin": SITE}, 200),
    ],
)
@ON_SQLITE
def test_what_another_site_makes_a_browser_send_changes_nothing(world, headers, status):
    """Beside SameSite: a POST counts when the browser says that it comes from one of our pages."""
    world.join()
    browser = visiting(world)
    kept = browser.cookies["visit"]
    strange = TestClient(create_app(world.app), base_url=SITE, headers={"Cookie": f"visit={kept}", **headers})

    assert strange.post("/own/close").status_code == status
    assert (fresh.visitor(world.app.service, kept, world.clock.real()) is None) == (status == 200)


@pytest.mark.parametrize("elsewhere", ["cross-site", "same-site"])
def test_nobody_is_led_into_anothers_pages(world, elsewhere):
    """Another site that posts its own fresh link gives its visitor no cookie, nor does a neighbour under our domain."""
    world.join()
    answer = a_browser(world).post(f"/open/{a_link(world)}", headers={"Sec-Fetch-Site": elsewhere})

    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


def test_old_links_and_visits_are_erased(world):
    """Days later nothing tells that anybody looked."""
    world.join()
    visiting(world)
    ask(world)
    world.clock.go(days=3)
    world.app.tidy()

    assert world.rows("SELECT * FROM fresh_links") == []


@ON_SQLITE
def test_no_log_holds_a_link_or_a_cookie(world):
    """The routes are named, never their paths."""
    world.join()
    token, browser = a_link(world), a_browser(world)
    with capture_logs() as lines:
        browser.get(f"/open/{token}")
        browser.post(f"/open/{token}")
        browser.get("/own")
    said = str(lines)

    assert "/open/{token}" in said
    assert token not in said
    assert browser.cookies["visit"] not in said
