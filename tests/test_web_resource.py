"""An exercise's page: to read and to hear, streamed and kept, with fixed types; useless links are all alike."""

from __future__ import annotations

import re
import shutil
from html import unescape

import pytest
from conftest import make_settings
from starlette.testclient import TestClient
from test_resources import FRAME

from course.journeys import resources
from course.settings import EMAILS
from course.web import create_app

SITE = "http://127.0.0.1:8000"
SOUND = b"ID3\x03\x00\x00\x00\x00\x00\x00" + FRAME * 400  # longer than one piece of a stream
MADE = "a-kind-voice"


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(tmp_path, database):
    """Load settings with a recording of one exercise in British English."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    folder = emails / "courses/self-compassion/resources" / MADE
    (folder / "voice.mp3").write_bytes(SOUND)
    manifest = folder / "resource.toml"
    manifest.write_text(manifest.read_text().replace("[audio]", '[audio]\nen-GB = "voice.mp3"'))
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, emails_dir=emails)


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-US"})


@pytest.fixture
def token(world):
    """Alice, who reads British English, has a link to an exercise."""
    world.join()
    return resources.link(world.app.service, "alice@example.org", MADE, world.clock.real()).rpartition("/")[2]


def said(answer):
    """Return what a page says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


MINUTE = {
    "en-GB": ("About a minute", "1 minute"),
    "en-US": ("About a minute", "1 minute"),
    "es": ("Un minuto, más o menos", "1 minuto"),
    "he": ("כדקה", "1 דקות"),
}


@pytest.mark.parametrize("locale", MINUTE)
def test_one_minute_is_said_as_people_say_it(settings, world, locale):
    """Of a letter and of an exercise: in the mail, on the sign-up page, on "My course" and on the exercise's page."""
    heads = [*settings.emails_dir.glob("courses/self-compassion/*/day-*.md")]
    for file in [*heads, *settings.emails_dir.glob("courses/self-compassion/resources/*/resource.toml")]:
        file.write_text(re.sub(r"^(minutes ?[:=]) \d+", r"\1 1", file.read_text(), flags=re.MULTILINE))
    world.restart()
    browser = TestClient(create_app(world.app), base_url=SITE)
    world.join(locale=locale)
    world.pass_hours(24)
    letter = world.box.last("day-1")
    text = letter.mailing.text_for(letter.values)
    page = re.search(r"/r/[0-9a-f]+", text)[0]
    mine = f"/mine/{world.link(letter, 'mine')}/day/1"
    pages = [said(browser.get(place)) for place in (f"/?locale={locale}", f"{page}?locale={locale}", mine)]
    right, wrong = MINUTE[locale]

    for shown in (text, letter.mailing.html_for(letter.values), *pages):
        assert right in shown
        assert wrong not in shown


def test_the_page_has_all_that_an_exercise_carries(browser, token):
    """Introduction, text, recording, tags, techniques, references and downloads; guidance is not for this reader."""
    answer = browser.get(f"/r/{token}")
    text = said(answer)

    assert answer.status_code == 200
    assert 'lang="en-GB"' in answer.text
    for part in (
        "A kind voice",
        "About 8 minutes",
        "imagining",
        "You can stop at any word",
        "The exercise",
        "Coming back",
    ):
        assert part in text
    for part in ("imagining a kind presence", "Gilbert, P. (2014).", "Keep the recording", "Keep the text"):
        assert part in text
    assert f'<audio controls preload="metadata" src="/r/{token}/audio?locale=en-GB"' in answer.text
    assert "Ask for a sense and not for a picture" not in text


def test_without_a_recording_the_browsers_voices_wait_to_be_asked(browser, token):
    """The player is hidden until a script finds a voice, so without one nothing promises to read aloud."""
    page = browser.get(f"/r/{token}?locale=en-US").text

    assert "<audio" not in page
    assert re.search(r'<div class="speak" id="speak" hidden>', page)
    assert "/static/listen.js" in page
    assert "Keep the recording" not in page
    assert "/static/listen.js" not in browser.get(f"/r/{token}").text


def test_the_language_can_be_switched(browser, token):
    """To those that the exercise is written in; another one is the reader's own."""
    switched, other = browser.get(f"/r/{token}?locale=en-US"), browser.get(f"/r/{token}?locale=../../en-GB")

    assert "A Kind Voice" in said(switched)
    assert 'href="?locale=en-GB"' in switched.text
    assert "A kind voice" in said(other)


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-9", 206, SOUND[:10]),
        ("bytes=10-", 206, SOUND[10:]),
        ("bytes=-417", 206, SOUND[-417:]),
        ("bytes=0-999999999", 206, SOUND),
        (None, 200, SOUND),
    ],
)
def test_a_recording_is_streamed_in_ranges(browser, token, asked, status, body):
    """RFC 9110 section 14: a player asks for the piece it needs, and is told how long the whole is."""
    answer = browser.get(f"/r/{token}/audio", headers={"Range": asked} if asked else {})

    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(body))
    if asked:
        assert answer.headers["content-range"].endswith(f"/{len(SOUND)}")


def test_a_range_that_cannot_be_is_refused(browser, token):
    """416 says how long the recording is; a range without sense is 400."""
    beyond = browser.get(f"/r/{token}/audio", headers={"Range": "bytes=99999999-"})
    senseless = browser.get(f"/r/{token}/audio", headers={"Range": "lines=1-2"})

    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(SOUND)}")
    assert senseless.status_code == 400


def test_a_piece_is_only_given_of_the_same_recording(browser, token):
    """If-Range: with the entity tag that was given out a piece, with another one the whole."""
    tag = browser.head(f"/r/{token}/audio").headers["etag"]
    same = browser.get(f"/r/{token}/audio", headers={"Range": "bytes=0-1", "If-Range": tag})
    other = browser.get(f"/r/{token}/audio", headers={"Range": "bytes=0-1", "If-Range": '"another"'})

    assert (same.status_code, same.content) == (206, SOUND[:2])
    assert (other.status_code, other.content) == (200, SOUND)


def test_head_is_like_get_without_a_body(browser, token):
    """The page, the recording and the PDF: same status and length, nothing else."""
    for path in (f"/r/{token}", f"/r/{token}/audio", f"/r/{token}/script"):
        got, asked = browser.get(path), browser.head(path)

        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
        assert asked.headers["content-type"] == got.headers["content-type"]


def test_files_have_fixed_kinds_and_are_never_taken_for_pages(browser, token):
    """F3: by their place and not by their name; nosniff; kept as a file under a name of ours; not cached."""
    inline = browser.get(f"/r/{token}/audio").headers
    kept = browser.get(f"/r/{token}/audio?download=1").headers
    script = browser.get(f"/r/{token}/script").headers

    assert inline["content-disposition"] == 'inline; filename="a-kind-voice.en-GB.mp3"'
    assert kept["content-disposition"] == 'attachment; filename="a-kind-voice.en-GB.mp3"'
    assert script["content-disposition"] == 'attachment; filename="a-kind-voice.en-GB.pdf"'
    assert script["content-type"] == "application/pdf"
    for headers in (inline, kept, script):
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_only_this_page_may_play(browser, token):
    """Its policy lets media of our own in, and nothing else that the others do not."""
    mine = browser.get(f"/r/{token}").headers["content-security-policy"]
    others = browser.get("/").headers["content-security-policy"]

    assert mine == f"{others}; media-src 'self'"


def test_every_useless_link_shows_one_and_the_same_page(world, browser, token):
    """Forged, cut, of another purpose, a path, revoked, expired, and files that are not there: one page, 404."""
    old = browser.get("/confirm/aaaa").content
    useless = [token[:-1], token[:-2] + "00", world.leave_token(), "..", "%2e%2e%2fsettings", "CON", "a" * 300, "ä"]
    paths = [f"/r/{one}{rest}" for one in useless for rest in ("", "/audio", "/script") if one != ".."]
    answers = [browser.get(path) for path in (*paths, f"/r/{token}/audio?locale=en-US")]
    resources.revoke(world.app.service, "alice@example.org", MADE, world.clock.real())
    answers += [browser.get(f"/r/{token}{rest}") for rest in ("", "/audio", "/script")]

    assert {answer.status_code for answer in answers} == {404}
    # What holds a slash is no link at all.
    assert {answer.content for answer in answers} <= {old, browser.get("/r/a/b/c").content}
    assert all(token not in answer.text for answer in answers)
    assert answers[-1].content == old


def test_a_file_that_went_away_is_a_calm_page(world, browser, token):
    """Moved or replaced by a link to elsewhere while the service runs: the page for old links, and no failure."""
    path = world.app.catalogue.first.resources[MADE].scripts["en-GB"].audio
    path.unlink()
    gone = browser.get(f"/r/{token}/audio")
    path.symlink_to("/etc/hostname")
    linked = browser.get(f"/r/{token}/audio")

    assert (gone.status_code, linked.status_code) == (404, 404)
    assert gone.content == linked.content


def test_opening_changes_nothing(world, browser, token):
    """GET and HEAD of every part leave every row as it was."""
    tables = ("subscribers", "enrolments", "deliveries", "resource_links", "history", "consents")
    before = [world.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables]  # noqa: S608 (our own names)
    for rest in ("", "/audio", "/script", "?locale=en-US"):
        browser.get(f"/r/{token}{rest}")
        browser.head(f"/r/{token}{rest}")

    assert [world.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before  # noqa: S608
    assert browser.post(f"/r/{token}").status_code == 405
