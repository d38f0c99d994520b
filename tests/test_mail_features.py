"""Promises of what mails are made of: nothing that a mail program cannot show, unless it does without it gracefully."""

from __future__ import annotations

import tomllib
from pathlib import Path

import every_mail
import mail_features
import pytest
from every_mail import EVERY
from mail_features import DATA, FEATURES, FOUND, NOTES, Facts
from mail_page import Page

EXCEPTIONS = tomllib.loads((Path(__file__).parent / "caniemail/exceptions.toml").read_text(encoding="utf-8"))
EXCUSED = {
    (feature, program): one["reason"]
    for one in EXCEPTIONS["exception"]
    for feature in one["features"]
    for program in one["programs"]
}
# What nobody has tested, because every program has always shown it (or, in a head, reads over it).
TAGS_EVERYWHERE = {"html", "head", "meta", "title", "a", "b", "em", "br", "tr", "td", "li", "h1", "h2", "ul", "ol"}
ATTRIBUTES_EVERYWHERE = {"href", "class", "style", "name", "content", "charset"}
PROPERTIES_EVERYWHERE = {"color", "font-family"}
SAID = every_mail.Which("self-compassion", "en-GB", "day-1", plain=False)


def unexcused(html):
    """Return each feature of a page that some program lacks without an exception, with these programs."""
    found = {feature: set(lacking) for feature, lacking in mail_features.lacks(html).items()}
    left = {feature: {one for one in programs if (feature, one) not in EXCUSED} for feature, programs in found.items()}
    return {feature: programs for feature, programs in left.items() if programs}


@pytest.mark.parametrize("which", EVERY, ids=str)
def test_every_program_shows_a_mail_or_does_well_without(which):
    """Each feature that Gmail, Apple Mail, Outlook, Yahoo, Samsung Email, Thunderbird or Proton lack has its reason."""
    assert unexcused(every_mail.html(which)) == {}


@pytest.mark.parametrize(
    ("feature", "planted"),
    [
        ("css-display-flex", '<div style="display: flex"></div>'),
        ("css-display-grid", '<div style="display:inline-grid"></div>'),
        ("css-position", '<p style="color: #000000; position: absolute"></p>'),
        ("css-left-right-top-bottom", '<p style="left: 0"></p>'),
        ("css-background-image", '<div style="background-image: none"></div>'),
        ("css-float", '<p style="float: right"></p>'),
        ("css-margin", '<p style="margin: 0 0 -4px"></p>'),
        ("css-margin-inline-start-end", '<p style="margin-inline-start: 4px"></p>'),
        ("css-text-align", '<p style="text-align: start"></p>'),
        ("css-font-size", '<p style="font-size: 1.2rem"></p>'),
        ("css-unit-rem", '<p style="padding: 0 1.2rem"></p>'),
        ("css-unit-calc", '<p style="width: calc(100% - 2em)"></p>'),
        ("css-variables", '<p style="color: var(--ink)"></p>'),
        ("css-important", '<p style="color: #000000 !IMPORTANT"></p>'),
        ("css-at-font-face", "<style>@font-face { font-family: Quill; }</style>"),
        ("css-at-import", "<style>@import 'a.css';</style>"),
        ("css-nesting", "<style>.page { color: red; p { color: blue; } }</style>"),
        ("css-pseudo-class-hover", "<style>a:hover { color: red; }</style>"),
        ("css-pseudo-element-before", "<style>li::before { color: red; }</style>"),
        ("css-selector-attribute", "<style>[data-ogsc] p { color: red; }</style>"),
        ("html-style", "<style>p { color: red; }</style>"),
        ("html-form", "<form></form>"),
        ("html-input-text", '<form><input type="text"></input></form>'),
        ("html-svg", "<svg></svg>"),
        ("html-video", "<video></video>"),
        ("html-picture", "<picture></picture>"),
        ("html-semantics", "<section></section>"),
        ("html-anchor-links", '<a href="#more">More</a>'),
        ("html-lists", "<ol reversed></ol>"),
        ("html-hidden", "<p hidden></p>"),
        ("css-opacity", '<!--[if mso]><p style="opacity: 0.5"></p><![endif]-->'),
    ],
)
def test_what_is_planted_is_found(feature, planted):
    """A lesson with it in its body is told, by the feature's name."""
    html = every_mail.html(SAID).replace('<div class="sheet"', f'{planted}<div class="sheet"', 1)

    assert feature in mail_features.lacks(html)
    assert feature in unexcused(html)


def test_every_feature_is_looked_for():
    """Each one of HTML and CSS that caniemail knows; and no note is explained that its data does not have."""
    assert set(FOUND) == set(FEATURES)
    assert [place for place in NOTES if place[1] not in FEATURES[place[0]]["notes"]] == []


def test_nothing_in_a_mail_is_looked_over():
    """Every tag, attribute and property of every mail is one that caniemail tests, or as old as HTML."""
    tags, attributes, properties = set(), set(), set()
    for which in EVERY:
        page = Page.of(every_mail.html(which))
        for one in (mail_features.facts(page), mail_features.conditional(page)):
            tags |= {tag for tag, _ in one.tags}
            attributes |= {name for _, said in one.tags for name in said}
            properties |= {name for _, name, _ in one.declarations}

    assert [name for name in tags - TAGS_EVERYWHERE if not looked_for(Facts(tags=[(name, {})]))] == []
    assert [name for name in attributes - ATTRIBUTES_EVERYWHERE if not looked_for(Facts(tags=[("", {name: ""})]))] == []
    assert [name for name in properties - PROPERTIES_EVERYWHERE if not looked_for(declaring(name))] == []


def looked_for(mail):
    """Whether some finder finds anything in it."""
    return any(find(mail) for find in FOUND.values())


def declaring(name):
    """Return a mail that declares this property and is nothing else."""
    return Facts(declarations=[("p", name, "1")])


def test_each_exception_is_needed_and_says_why():
    """None outlives what it was for, none is there twice; each tells in a sentence what a person sees instead."""
    needed = {
        (feature, program)
        for which in EVERY
        for feature, lacking in mail_features.lacks(every_mail.html(which)).items()
        for program in lacking
    }
    listed = [
        (feature, program)
        for one in EXCEPTIONS["exception"]
        for feature in one["features"]
        for program in one["programs"]
    ]

    assert sorted(set(EXCUSED) - needed) == []
    assert len(listed) == len(set(listed))
    assert {program for _, program in listed} <= set(DATA["clients"])
    assert [reason for reason in EXCUSED.values() if len(reason.split()) < 4 or not reason.endswith(".")] == []
