"""The words of the pages: complete in every locale, none in a template; and the privacy page says what is so."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from pathlib import Path

import pytest
from conftest import make_settings
from starlette.testclient import TestClient

from course.content import slots
from course.web import create_app, render

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "course" / "web" / "templates"
WORDS = {path.stem: tomllib.loads(path.read_text())["pages"] for path in (ROOT / "emails" / "words").glob("*.toml")}
CONSENT = "pages.signup.consent"  # its sentence is given, word for word
EASY = 65  # what a Spanish child reads at the end of primary school, at twelve (INFLESZ: Barrio-Cantalejo 2008)
SCHOOL, LONG = 6, 25  # years of school at twelve; words of a text that is long enough to be judged by itself
NEVER = ("well done", "missed", "behind", "you must", "you should", "streak", "click here", "unfortunately")


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


def shape(value):
    """Keys, lengths and slots, without the words."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return sorted(slots.WRITTEN.findall(value))


def texts(value, path="pages"):
    """Every string with its key."""
    if isinstance(value, str):
        yield path, value
    else:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, f"{path}.{key}")


def test_from_the_right_a_line_of_nothing_but_settings_has_no_full_stop():
    """They may be written from the left, as an address is: a full stop after them lands before their first word."""
    alone = re.compile(r"(\W*\{[a-z_]+\}\W*)+")

    assert [text for _, text in texts(WORDS["he"]) if alone.fullmatch(text) and text.endswith(".")] == []


def test_english_has_the_same_words_and_slots_everywhere():
    """A key or a slot in one is in both; other languages may still lack what is new in it (test_languages.py)."""
    assert shape(WORDS["en-US"]) == shape(WORDS["en-GB"])


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_holds_a_word(template):
    """What a reader reads comes from emails/words/; outside of tags and expressions a template has no letters."""
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(), flags=re.DOTALL)
    bare = re.sub(r"<[^>]*>| [a-z-]+=\"[^\"]*\"", "", bare)

    assert re.findall(r"[A-Za-z]+", unescape(bare)) == []
    assert "|safe" not in template.read_text()


@pytest.mark.parametrize("locale", sorted(WORDS))
def test_the_words_keep_to_the_tone(locale):
    """Short sentences; nothing that praises, blames or orders about."""
    long, wrong = [], []
    for key, text in texts(WORDS[locale]):
        if key != CONSENT:
            long += [(key, part) for part in re.split(r"[.?:;]\s", text) if len(part.split()) > 20]
        wrong += [(key, word) for word in NEVER if re.search(rf"\b{word}\b", text.lower())]

    assert long == []
    assert wrong == []


def grade(text):
    """Return after how many years of school English is read easily: Flesch and Kincaid's formula (Kincaid 1975)."""
    plain = re.sub(r"\{\w+\}", "it", text)
    sentences = [one for one in re.split(r"(?<=[.?!:])\s+", plain) if re.search(r"[a-z]", one)]
    spoken = re.findall(r"[a-z\u2019'-]+", plain.lower())
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[a-z]{2})e[ds]?$", "", one)))) for one in spoken)
    return 0.39 * len(spoken) / len(sentences) + 11.8 * syllables / len(spoken) - 15.59


@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
def test_a_twelve_year_old_reads_the_words_of_every_page(locale):
    """Each page as a whole, and each of its longer texts, but for what continents are called."""
    hard = "Comprehensive documentation necessitates considerable administrative perseverance."
    pages = {
        page: " ".join(text for _, text in texts(words)) for page, words in WORDS[locale].items() if page != "areas"
    }
    longer = {key: text for key, text in texts(WORDS[locale]) if len(text.split()) >= LONG and key != CONSENT}

    assert grade(hard) > 12
    assert {key: grade(text) for key, text in (pages | longer).items() if grade(text) > SCHOOL} == {}


def syllables(word):
    """Return how many syllables a Spanish word has, by its spelling: each strong or accented vowel makes one."""
    sounded = re.sub(r"(?<=q)u|(?<=g)u(?=[ei\u00e9\u00ed])", "", re.sub(r"y$", "i", word))
    groups = re.findall(r"[aeiou\u00e1\u00e9\u00ed\u00f3\u00fa\u00fc]+", sounded)
    hearts = (re.findall(r"[aeo\u00e1\u00e9\u00ed\u00f3\u00fa]", group) for group in groups)
    return max(1, sum(max(1, len(found)) for found in hearts))


def ease(text):
    """Return how easily Spanish is read, from 0 to 100 and beyond: Szigriszt's perspicuity (Szigriszt Pazos 1993)."""
    plain = re.sub(r"\{\w+\}", "ello", text).lower()
    spoken = re.findall(r"[a-z\u00e1\u00e9\u00ed\u00f3\u00fa\u00fc\u00f1]+", plain)
    sentences = [one for one in re.split(r"(?<=[.?!:])\s+", plain) if re.search(r"[a-z]", one)]
    return 206.835 - 62.3 * sum(map(syllables, spoken)) / len(spoken) - len(spoken) / len(sentences)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        *(("amor", 2), ("pa\u00eds", 2), ("leer", 2), ("ciudad", 2), ("cuidado", 3), ("construir", 2), ("quiero", 2)),
        *(
            ("guitarra", 3),
            ("ping\u00fcino", 3),
            ("averigu\u00e1is", 4),
            ("autocompasi\u00f3n", 5),
            ("hoy", 1),
            ("y", 1),
        ),
    ],
)
def test_the_syllables_of_spanish_are_those_that_are_spoken(word, parts):
    """Its spelling tells them, so no list of words is needed."""
    assert syllables(word) == parts


def test_a_twelve_year_old_reads_the_spanish_words_of_every_page():
    """Each page as a whole, and each of its longer texts, as in English."""
    hard = "La documentaci\u00f3n administrativa requiere considerable perseverancia burocr\u00e1tica."
    pages = {page: " ".join(text for _, text in texts(words)) for page, words in WORDS["es"].items() if page != "areas"}
    longer = {key: text for key, text in texts(WORDS["es"]) if len(text.split()) >= LONG and key != CONSENT}

    assert ease(hard) < 40
    assert {key: ease(text) for key, text in (pages | longer).items() if ease(text) < EASY} == {}


def test_the_same_consent_is_asked_for_in_english_everywhere():
    """Word for word as it was decided."""
    wording = (
        "Send me the course by email. If I reply, my words, which may say something about my health, pass through the "
        "mail service, count my day and are deleted. I am {min_age} or over. I can withdraw at any time."
    )

    assert {words["signup"]["consent"] for locale, words in WORDS.items() if locale in {"en-GB", "en-US"}} == {wording}


def test_a_page_leads_on_in_its_own_language(world):
    """From a page in Hebrew its privacy notice and its help open in Hebrew, whatever the browser prefers."""
    site = "http://127.0.0.1:8000"
    client = TestClient(create_app(world.app), base_url=site, headers={"Accept-Language": "en-GB"})
    onward = re.findall(r'href="(/(?:help|privacy)[^"]*)"', client.get("/young?locale=he").text)

    assert {path.partition("?")[0] for path in onward} == {"/help", "/privacy"}
    assert [path for path in onward if '<html lang="he"' not in client.get(path).text] == []


LIVE = {
    "base_url": "https://course.example.org",
    "mail_from": "hello@course.example.org",
    "reply_domain": "reply.course.example.org",
    "postal_address": "1 Quiet Lane, London",
    "controller_name": "Quiet Lane <Press>",
    "contact_email": "people@course.example.org",
    "min_age": 18,
}


@pytest.mark.parametrize(
    ("given", "carrier"),
    [
        ({}, "Nothing leaves this machine."),
        (
            LIVE | {"transport": "smtp", "smtp_url": "smtps://us3r:p4ss@mx.example.org:465"},
            "The mail server mx.example.org",
        ),
        (LIVE | {"transport": "sendgrid", "sendgrid_api_key": "SG.k3y"}, "Its servers are in the United States."),
        (
            LIVE | {"transport": "sendgrid", "sendgrid_api_key": "SG.k3y", "sendgrid_region": "eu"},
            "from servers in the European Union.",
        ),
    ],
    ids=["folder", "smtp", "sendgrid", "sendgrid-eu"],
)
def test_the_privacy_page_is_made_from_the_settings_in_force(world, given, carrier):
    """Who, how to reach them, what for, by which law, who carries it, how long, which rights, which age."""
    world.app.settings = settings = make_settings(data_dir=world.app.settings.data_dir, **given)
    answer = TestClient(create_app(world.app), base_url=settings.site).get("/privacy")
    said = " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    assert answer.status_code == 200
    for needed in (
        settings.controller_name,
        settings.postal_address,
        settings.contact_email,
        carrier,
        "article 6(1)(a)",
        "article 9(2)(a)",
        "erased after 7 days",
        "What you write is not stored.",
        "stays for 3 years after the end.",
        "you can complain",
        f"who are {settings.min_age} or over",
        "no cookies",
    ):
        assert needed in said
    for secret in ("us3r", "p4ss", "SG.k3y", "<Press>"):
        assert secret not in answer.text


def test_directions_and_names_of_languages_come_from_cldr():
    """A locale that is written from the right gets its page so, without a line of code."""
    assert [render.direction(locale) for locale in ("en-GB", "ar", "he", "fa-IR")] == ["ltr", "rtl", "rtl", "rtl"]
    assert [render.language(locale) for locale in ("en-GB", "fr")] == ["British English", "Français"]
