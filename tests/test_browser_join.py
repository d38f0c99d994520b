"""The next course's offer in a real browser, without scripts: looked at, light and dark, and taken up by one tap."""

from __future__ import annotations

import pytest
from test_browser import BROWSER, free_port, look, serving
from test_browser import chromium as chromium  # noqa: PLC0414 (a fixture: the browser)
from test_second_course import FIRST, NEXT, finish, join_token, standing

pytestmark = BROWSER


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def site(world):
    """Serve the pages of the world; return their address."""
    port = free_port()
    with serving(world.app, port):
        yield f"http://127.0.0.1:{port}"


def test_one_tap_goes_on_to_the_next_course(world, site, chromium):
    """From the farewell's link: one page, one button, no script and no cookie; then it says when the first comes."""
    token = join_token(finish(world))
    context = chromium.new_context(base_url=site, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/join/{token}")
    page.get_by_role("button", name="Yes, send me this course").press("Enter")
    page.get_by_role("heading", name="The letters are on their way").wait_for()

    assert page.get_by_text("The first letter is planned for").count() == 1
    assert standing(world) == [(FIRST, "finished"), (NEXT, "active")]
    assert context.cookies() == []
    context.close()


def test_the_offer_is_made_for_everybody(world, site, chromium):
    """At 360 pixels and wide, light and dark: nothing axe finds, nothing that overflows, nothing too small to press."""
    context = chromium.new_context(base_url=site, locale="en-GB")
    page = context.new_page()
    page.goto(f"/join/{join_token(finish(world))}")
    look(page, "join")
    context.close()
