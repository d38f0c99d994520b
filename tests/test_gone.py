"""Promises about what an educator takes away while people are in it: nobody is left without a word, and she is told."""

from __future__ import annotations

import re
import shutil

import pytest
import structlog
from conftest import ON_SQLITE, make_settings
from starlette.testclient import TestClient

import worker
from course.cli import service as of_commands
from course.content import catalogue
from course.journeys import reports
from course.outgoing import Sent
from course.settings import EMAILS
from course.web import create_app

GONE = "writing-with-self-compassion"
TOLD = (
    f"1 person is in the course {GONE}, whose folder is gone: put it back as courses/{GONE}; "
    "until then none of its letters leaves"
)


@pytest.fixture
def alice(world):
    """Let Alice be in a course, with its first letter at hand, when its folder goes; return that letter."""
    world.join(course=GONE)
    world.pass_hours(24)
    letter = world.box.last("day-1")
    del world.app.catalogue.courses[GONE]
    world.box.sent.clear()
    return letter


def test_whoever_asks_for_help_gets_it_although_the_course_is_gone(world, alice):
    """Help lines need no course: they come at once, in the person's own language."""
    world.reply(alice, "HELP")
    world.app.tick()
    mail = world.box.last("help")

    assert mail.to == "alice@example.org"
    assert "If you need someone now" in mail.mailing.text_for(mail.values)
    assert mail.as_bytes()


def test_whoever_leaves_hears_that_they_have_although_the_course_is_gone(world, alice):
    """They are out, and one mail says so, under the name that the folder had."""
    world.reply(alice, "STOP")
    world.app.tick()

    assert world.box.names("alice@example.org") == ["left"]
    assert GONE in world.box.sent[0].mailing.text
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


def test_no_letter_leaves_while_the_folder_is_gone(world, alice):
    """What needs the course waits until it is back."""
    world.reply(alice, "It helped a little.")
    world.pass_hours(24 * 14)

    assert world.box.sent == []


@ON_SQLITE
@pytest.mark.parametrize("how", ["button", "reply"])
def test_a_yes_to_a_course_that_is_gone_does_nothing_until_it_is_back(world, how):
    """Neither the button nor YES breaks; put back within the seven days, the same question can be answered."""
    browser = TestClient(create_app(world.app), base_url=world.app.settings.site)
    world.sign_up(course=GONE)
    world.app.tick()
    question, course = world.box.last("confirm"), world.app.catalogue.courses.pop(GONE)

    def says_yes():
        page = browser.post(f"/confirm/{world.confirm_token()}").status_code if how == "button" else 0
        decided = world.reply(question, "YES") if how == "reply" else []
        return page, decided, world.rows("SELECT status FROM enrolments")[0][0]

    while_gone = says_yes()
    world.app.catalogue.courses[GONE] = course
    page, _, status = says_yes()

    assert while_gone == ((404, [], "pending") if how == "button" else (0, ["noted"], "pending"))
    assert (page, status) == (200 if how == "button" else 0, "active")


@ON_SQLITE
def test_a_folder_that_goes_while_a_letter_is_on_its_way_ends_nobodys_course(world):
    """The first letter arrived when its course was gone already: once that is back, the second one comes."""
    world.join(course=GONE)
    courses = world.app.catalogue.courses
    there = courses[GONE]

    def go(_):
        courses.pop(GONE, None)
        return Sent()

    world.box.answer = go
    world.pass_hours(24)
    gone = GONE not in courses
    courses[GONE] = there
    world.box.answer = lambda _: Sent()
    world.pass_hours(24 * 7)

    assert gone
    assert world.box.names()[-2:] == ["day-1", "day-2"]


def test_the_educator_is_told_who_waits_for_a_course_that_is_gone(world, alice):
    """At the start and in `course status`: how many, and what to do. Nobody's address is in it."""
    with structlog.testing.capture_logs() as lines:
        worker.warn(world.app)

    assert reports.status(world.app.service, world.clock.now())["courses_gone"] == [TOLD]
    assert TOLD in [line["event"] for line in lines]


@ON_SQLITE
def test_course_check_tells_it_too_where_there_is_a_database(world, alice, tmp_path):
    """It looks into the database that is there, makes none, and needs none."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    shutil.rmtree(emails / "courses" / GONE)
    there = world.app.settings.model_copy(update={"emails_dir": emails})
    empty = make_settings(data_dir=tmp_path / "nothing", emails_dir=emails)

    assert of_commands.courses_gone(there) == [TOLD]
    assert of_commands.courses_gone(empty) == []
    assert not (tmp_path / "nothing/course.db").exists()


def test_what_is_replied_in_a_language_that_was_taken_away_is_understood(tmp_path):
    """Who has letters in Spanish at hand answers in Spanish, although no course is written in it any more."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    for path in emails.glob("courses/*/course.toml"):
        text = re.sub(r"(?m)^locales = .*$", 'locales = ["en-GB"]', path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    (emails / "words/he.toml").write_text("broken", encoding="utf-8")
    known = catalogue.load(make_settings(data_dir=tmp_path / "var", emails_dir=emails))

    assert [known.command("self-compassion", "es", said).name for said in ("AYUDA", "CANCELAR")] == ["HELP", "STOP"]
    assert list(known.words) == ["en-GB"]
