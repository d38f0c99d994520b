"""Promises of a course of one letter: no mail and no page speaks of it as if there were several."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from conftest import MONDAY, ON_SQLITE
from starlette.testclient import TestClient

from course.content import samples
from course.settings import EMAILS
from course.web import create_app

COURSE = "self-compassion"
SITE = "http://127.0.0.1:8000"
LOCALES = ("en-GB", "en-US", "es", "he")
WORDS = {one: tomllib.loads((EMAILS / f"words/{one}.toml").read_text(encoding="utf-8")) for one in LOCALES}

pytestmark = ON_SQLITE


@pytest.fixture(autouse=True)
def _one(world):
    """Let the course be its first letter."""
    course = world.app.catalogue.courses[COURSE]
    world.app.catalogue.courses[COURSE] = replace(course, days=1, letter_days=(), next="")


def text(mail):
    """Return what a mail says, on one line."""
    return " ".join(mail.mailing.text_for(mail.values).split())


@pytest.mark.parametrize("locale", LOCALES)
def test_its_welcome_and_its_farewell_speak_of_one_letter(world, locale):
    """When it comes, that nothing follows, and at the end that one came."""
    mail = WORDS[locale]["mail"]
    world.join(locale=locale)
    world.pass_hours(24 * 4)
    welcome, farewell = text(world.box.last("welcome")), text(world.box.last("farewell"))

    assert mail["comes_one"].partition("{")[0] in welcome
    assert mail["goes_on_one"] in welcome
    assert mail["goes_on"] not in welcome
    assert mail["done_none_one"] in farewell


@pytest.mark.parametrize("locale", LOCALES)
def test_the_question_by_mail_names_one_letter(world, locale):
    """Whoever asks for the course by mail is asked whether they want one letter."""
    known = world.app.catalogue
    mailing = known.mailing(COURSE, "joining", locale)
    said = mailing.text_for(samples.values(known, mailing, MONDAY, confirm_url="", leave_url=""))

    assert WORDS[locale]["mail"]["outline_one"] in said
    assert "{" not in said


@pytest.mark.parametrize("locale", LOCALES)
def test_its_page_speaks_of_one_letter(world, locale):
    """What it is, and how long it takes."""
    page = TestClient(create_app(world.app), base_url=SITE).get(f"/?locale={locale}").text
    said = WORDS[locale]["pages"]["signup"]

    assert f"<li>{said['facts_days_one']}</li>" in page
    assert said["what"][0]["text_one"] in page
    assert ">1 " not in page
