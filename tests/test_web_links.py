"""The links of our mails: opening one changes nothing, its buttons do, and a useless one is polite."""

from __future__ import annotations

import threading

import pytest
from starlette.testclient import TestClient

from course.web import create_app

SITE = "http://127.0.0.1:8000"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
TABLES = ("subscribers", "enrolments", "deliveries", "consents", "suppressions", "history", "limits", "skips")


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


@pytest.fixture
def asked(world):
    """Alice has signed up and has the confirmation in her inbox: its token."""
    world.sign_up()
    world.app.tick()
    return world.confirm_token()


@pytest.fixture
def alice(world):
    """Alice takes the course: her leave token."""
    world.join()
    return world.leave_token()


def state(world):
    """Return all rows that a link could change."""
    return {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}  # noqa: S608


def status_of(world):
    """Return how the enrolments stand."""
    return [row[0] for row in world.rows("SELECT status FROM enrolments ORDER BY id")]


def test_opening_the_confirm_link_changes_nothing(world, browser, asked):
    """A scanner may GET and HEAD it a hundred times."""
    before = state(world)
    for _ in range(50):
        page = browser.get(f"/confirm/{asked}")
        browser.head(f"/confirm/{asked}")

    assert page.status_code == 200
    assert "Yes, send me the course" in page.text
    assert state(world) == before


def test_the_button_begins_the_course_and_pressing_again_is_friendly(world, browser, asked):
    """The first POST says when the first letter comes; the second says that all is well."""
    first, second = browser.post(f"/confirm/{asked}"), browser.post(f"/confirm/{asked}")
    opened = browser.get(f"/confirm/{asked}")
    world.app.tick()

    assert (first.status_code, second.status_code, opened.status_code) == (200, 200, 200)
    assert "The first letter is planned for Tuesday 2 March at 08:00." in first.text
    assert "You have already said yes" in second.text
    assert "You have already said yes" in opened.text
    assert world.box.names() == ["confirm", "welcome"]


def test_parallel_buttons_begin_one_course(world, browser, asked):
    """Eight POSTs at once: one transition, one welcome."""
    threads = [threading.Thread(target=browser.post, args=(f"/confirm/{asked}",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.app.tick()

    assert world.box.names() == ["confirm", "welcome"]
    assert world.rows("SELECT count(*) FROM history WHERE event = 'confirmed'") == [(1,)]


def test_every_useless_link_shows_one_and_the_same_page(world, browser, asked, monkeypatch):
    """Forged, cut short, of another purpose, expired, given up: 404 and the same bytes; nothing changes."""
    world.join("bob")
    leave = world.leave_token()
    flipped = [asked[:at] + ("a" if asked[at] != "a" else "b") + asked[at + 1 :] for at in range(len(asked))]
    before = state(world)
    useless = [*flipped, asked[:-1], asked + "a", leave, "a", "A" * 300, "%00", "ä"]
    answers = [browser.get(f"/confirm/{token}") for token in useless]
    answers += [browser.post(f"/confirm/{token}") for token in useless]
    answers += [browser.get(f"/leave/{token}") for token in (*useless[:-6], asked)]
    answers += [browser.post(f"/leave/{token}", data={"choice": "leave"}) for token in (*useless[:-6], asked)]
    changed = state(world) != before
    world.clock.go(days=8)
    answers += [browser.get(f"/confirm/{asked}"), browser.post(f"/confirm/{asked}")]

    assert not changed
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "you can sign up again" in answers[0].text
    assert asked not in answers[0].text


def test_this_was_not_me_says_the_same_whatever_the_token(world, browser, asked):
    """The address is never written to again; a stranger's guess learns nothing."""
    genuine = browser.post(f"/confirm/{asked}/not-me")
    forged = browser.post("/confirm/aaaa/not-me")
    again = browser.post(f"/confirm/{asked}/not-me")

    assert genuine.status_code == 200
    assert genuine.content == forged.content == again.content
    assert world.rows("SELECT count(*) FROM suppressions") == [(1,)]
    assert browser.get(f"/confirm/{asked}/not-me").status_code == 405


def test_opening_the_leave_link_changes_nothing(world, browser, alice):
    """It shows three doors: leave, pause instead, leave everything."""
    before = state(world)
    for _ in range(50):
        page = browser.get(f"/leave/{alice}")
        browser.head(f"/leave/{alice}")

    assert page.status_code == 200
    assert all(door in page.text for door in ("Leave this course", "Pause instead", "Leave everything"))
    assert "Resume" not in page.text
    assert state(world) == before


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
    ],
    ids=["url-encoded", "multipart"],
)
def test_one_click_leaves_at_once(world, browser, alice, body):
    """RFC 8058: a POST from anywhere, no cookie, no redirect, 200 and a short text; twice is as good as once."""
    answers = [
        browser.post(f"/leave/{alice}", headers={"Origin": "https://mail.example"}, follow_redirects=False, **body)
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"].startswith("text/plain")
    assert answers[0].text == "You have left the course.\n"
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert status_of(world) == ["stopped"]


def test_one_click_with_a_forged_token_is_a_short_404(world, browser, alice):
    """Text for a machine, no page; nothing changes."""
    answer = browser.post(f"/leave/{alice[:-1]}", data=ONE_CLICK)

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert status_of(world) == ["active"]


def test_each_button_does_what_it_says_however_often_it_is_pressed(world, browser, alice):
    """Pause, resume, leave, leave everything; each twice; the page says what is so now."""
    said = {
        "pause": ("The course is paused", "paused"),
        "resume": ("The course goes on", "active"),
        "leave": ("You have left the course", "stopped"),
        "everything": ("You have left everything", "stopped"),
    }
    for choice, (title, status) in said.items():
        for _ in range(2):
            page = browser.post(f"/leave/{alice}", data={"choice": choice})

            assert page.status_code == 200
            assert f"<h1>{title}</h1>" in page.text
            assert status_of(world) == [status]


def test_a_paused_course_offers_to_go_on(world, browser, alice):
    """The page of the link shows the doors that are open from where things stand."""
    world.app.pause(alice)
    page = browser.get(f"/leave/{alice}")

    assert "Resume the course" in page.text
    assert "Pause" not in page.text


def test_what_has_ended_cannot_be_paused_or_begun_again_by_its_link(world, browser, alice):
    """The page says what is so, not what was asked for."""
    world.app.leave(alice, "page")
    for choice in ("pause", "resume"):
        page = browser.post(f"/leave/{alice}", data={"choice": choice})

        assert "<h1>You have left the course</h1>" in page.text
        assert "Leave everything" in page.text

    assert "<h1>You have left the course</h1>" in browser.get(f"/leave/{alice}").text
    assert status_of(world) == ["stopped"]


def test_a_finished_course_says_so(world, browser, alice):
    """Nothing is left to leave but everything."""
    world.pass_hours(24 * 7)
    page = browser.get(f"/leave/{alice}")

    assert "This course has come to its end" in page.text
    assert "Leave this course" not in page.text


def test_a_choice_that_is_none_changes_nothing(world, browser, alice):
    """An empty POST and an unknown choice show the page again."""
    before = state(world)
    for data in ({}, {"choice": "delete"}, {"List-Unsubscribe": "Yes"}):
        assert browser.post(f"/leave/{alice}", data=data).status_code == 200

    assert state(world) == before


def test_pages_speak_the_persons_own_language(world, browser):
    """A link's page is in the locale of its letters, whatever the browser says."""
    world.join(locale="en-US")

    assert '<html lang="en-US" dir="ltr">' in browser.get(f"/leave/{world.leave_token()}").text


def test_links_work_when_the_course_s_folder_is_gone(world, browser, alice):
    """The owner took the course away; whoever has its mail can still leave, and the page calls it by its name."""
    left = world.app.catalogue.courses.pop("self-compassion")
    world.app.catalogue.courses["another"] = left
    shown = browser.get(f"/leave/{alice}")
    done = browser.post(f"/leave/{alice}", data={"choice": "leave"})

    assert (shown.status_code, done.status_code) == (200, 200)
    assert "self-compassion" in shown.text
    assert status_of(world) == ["stopped"]


def test_no_page_leads_anywhere_but_where_it_belongs(world, browser, alice):
    """No parameter moves a visitor to another site: there is no redirect to be had (C12)."""
    for name in ("next", "url", "return", "redirect"):
        for target in ("//evil.example", "https://evil.example", "/\\evil.example"):
            for path in ("/", f"/leave/{alice}", "/privacy"):
                answer = browser.get(path, params={name: target}, follow_redirects=False)

                assert answer.status_code == 200
                assert "evil.example" not in answer.text
