"""Promises of the content: what an author writes is what people read, in both parts, and every mistake is named."""

from __future__ import annotations

import re
import shutil
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from conftest import make_settings
from hypothesis import example, given
from hypothesis import strategies as st

from course.content import catalogue, courses, dates, help_lines, layout, markdown, samples, slots, sources
from course.content.help_lines import HelpLine
from course.content.mailing import Mailing, in_html
from course.content.sources import ContentError

EMAILS = Path(__file__).parents[1] / "emails"
LONDON = ZoneInfo("Europe/London")
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def text_of(source):
    """Return a Markdown text as plain text."""
    return markdown.to_text(markdown.parse(source))


def html_of(source):
    """Return a Markdown text as HTML."""
    return markdown.to_html(markdown.parse(source))


# Markdown as plain text.

AS_TEXT = {
    "paragraphs": ("One.\n\nTwo.", "One.\n\nTwo."),
    "soft-breaks": ("One\ntwo\nthree.", "One two three."),
    "hard-breaks": ("One  \ntwo\\\nthree.", "One\ntwo\nthree."),
    "emphasis": ("It is *yours*.", "It is *yours*."),
    "strong": ("**STOP** ends it.", "STOP ends it."),
    "code": ("Write `done`.", "Write done."),
    "bullets": ("- one\n- two", "- one\n- two"),
    "loose-bullets": ("- one\n\n- two", "- one\n- two"),
    "numbers": ("1. one\n2. two", "1. one\n2. two"),
    "numbers-begin": ("3. three\n4. four", "3. three\n4. four"),
    "ten-numbers": ("\n".join(f"{n}. x" for n in range(1, 11)), "\n".join(f"{n}. x" for n in range(1, 11))),
    "list-in-list": ("1. one\n   - a\n   - b\n2. two", "1. one\n   - a\n   - b\n2. two"),
    "three-deep": ("- a\n  - b\n    - c\n- d", "- a\n   - b\n      - c\n- d"),
    "numbers-in-bullets": ("- a\n  1. x\n  2. y\n- b", "- a\n   1. x\n   2. y\n- b"),
    "second-paragraph-in-item": ("1. one\n\n   more of one\n2. two", "1. one\n   more of one\n2. two"),
    "between-paragraphs": ("Before.\n\n- one\n\nAfter.", "Before.\n\n- one\n\nAfter."),
    "two-lists": ("- one\n\nThen:\n\n- two", "- one\n\nThen:\n\n- two"),
    "heading": ("### More\n\nWords.", "More\n\nWords."),
    "code-block": ("Before.\n\n```\na  b\n  c\n```\n\nAfter.", "Before.\n\na  b\n  c\n\nAfter."),
    "link": ("See [this page](https://x.example/a).", "See this page (https://x.example/a)."),
    "link-by-itself": ("See <https://x.example/a>.", "See https://x.example/a."),
    "link-said-as-itself": ("[https://x.example](https://x.example)", "https://x.example"),
    "mail-link": ("Write to <hello@x.example>.", "Write to hello@x.example."),
    "mail-link-with-words": ("[Write to us](mailto:hello@x.example).", "Write to us (hello@x.example)."),
    "button": ('[Say yes](https://x.example/y "button")', "Say yes:\nhttps://x.example/y"),
    "emphasis-in-link": ("[a *b* c](https://x.example)", "a *b* c (https://x.example)"),
    "image": ("![a cup of tea](https://x.example/t.png)", "a cup of tea"),
    "entities": ("Tea &amp; toast &copy; 5 < 6", "Tea & toast \u00a9 5 < 6"),
    "raw-html": ("<b>bold</b>", "<b>bold</b>"),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("source", "text"), AS_TEXT.values(), ids=AS_TEXT)
def test_markdown_reads_well_as_plain_text(source, text):
    """One line a paragraph, lists with their signs, links with their address, a button's on a line of its own."""
    assert text_of(source) == text


def test_a_hard_break_in_a_list_stays_in_its_item():
    """A second line in an item, by two spaces or a backslash, is set in under the first."""
    assert text_of("- one  \n  more\n- two") == text_of("- one\\\n  more\n- two") == "- one\n   more\n- two"


class Texts(HTMLParser):
    """The texts of a page."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_data(self, data):
        self.found.append(data)


plain = st.text(st.sampled_from("abc xyz\n-*1.>#`_ \u00e9\u2026"), max_size=120)


@given(plain)
def test_text_and_html_hold_the_same_words(source):
    """Whatever an author makes of the signs of Markdown, no letter is in only one of the two parts."""
    html = "".join(Texts(html_of(source)).found)

    assert re.findall("[a-z\u00e9]", text_of(source)) == re.findall("[a-z\u00e9]", html)


# Markdown as HTML.


def test_raw_html_is_shown_as_the_text_it_is():
    """Nobody pastes a script or a tracking pixel into a lesson: it stands there for all to see."""
    html = html_of("<script>alert(1)</script>\n\nand <img src=x onerror=y>")

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "JavaScript:alert(1)"])
def test_no_link_runs_anything(address):
    """A7: such an address makes no link at all."""
    assert "href" not in html_of(f"[here]({address})")


def test_a_button_is_a_link_with_a_class():
    """Its title is for us, and not shown to anybody who points at it."""
    html = html_of('[Say yes](https://x.example/y "button") and [more](https://x.example "a title")')

    assert '<a href="https://x.example/y" class="button">Say yes</a>' in html
    assert 'title="button"' not in html
    assert 'title="a title"' in html


# Slots.


def test_a_slot_is_filled_where_it_stands():
    """Once for each time it is written."""
    pieces = slots.split(slots.mark("Hello {name}, yes, {name}.", {}))

    assert slots.fill(pieces, {"name": "Alice"}) == "Hello Alice, yes, Alice."


def test_a_slot_that_is_known_beforehand_is_filled_then():
    """The course's title is plain text by the time a mailing is kept."""
    assert slots.mark("“{course}” for {name}", {"course": "Five days"}) == f"“Five days” for {slots.marker('name')}"


@pytest.mark.parametrize("lacking", ["name", "day"])
def test_no_mail_leaves_with_a_hole(lacking):
    """A slot without a value is an error that names it, never an empty place."""
    pieces = slots.split(slots.mark("Hello {name}, day {day}.", {}))
    values = {"name": "Alice", "day": "3"}
    del values[lacking]

    with pytest.raises(KeyError, match=lacking):
        slots.fill(pieces, values)


HOSTILE = ["{day}", "zqdayqz", "{{day}}", "${day}", "%(day)s", "\\1", "\\g<0>", "{", "}", "zq", "qz", "z{day}qday}qz"]


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_value_is_never_read_again(value):
    """What looks like a slot in somebody's name is a part of the name, in a mailing and in a short string."""
    pieces = slots.split(slots.mark("Hello {name}, day {day}.", {}))

    assert slots.fill(pieces, {"name": value, "day": "3"}) == f"Hello {value}, day 3."
    assert slots.say("Hello {name}, day {day}.", name=value, day="3") == f"Hello {value}, day 3."


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_value_changes_what_stands_around_it(name, day):
    """Whatever is put in."""
    pieces = slots.split(slots.mark("<{name}|{day}>", {}))

    assert slots.fill(pieces, {"name": name, "day": day}) == f"<{name}|{day}>"


def test_a_brace_that_is_no_slot_stays():
    """An author may write one: only {lower_case_words} are slots."""
    assert slots.mark("a { b } {A} {1} {} {a-b}", {}) == "a { b } {A} {1} {} {a-b}"


def test_what_a_short_string_does_not_get_stays_to_be_seen():
    """A word's own slot without a value is left as it is written."""
    assert slots.say("Hello {name}", other="x") == "Hello {name}"


# Mailings and their bytes.

MARKED = Mailing(
    course="self-compassion",
    name="day-1",
    locale="en-GB",
    day=1,
    subject="Day zqdayqz",
    text="Hello zqnameqz,\n\nwords.\nzqmoreqz\n\n  zqnameqz\n",
    html='<!doctype html>\n<p title="zqnameqz">Hello zqnameqz,</p>\n<p>zqmoreqz</p>\n',
)


def parts(mailing, values):
    """Return both parts as a mail program decodes them."""
    message = message_from_bytes(b"From: a@example.org\r\n" + mailing.mime(values), policy=policy.default)
    return [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in message.iter_parts()]


@pytest.mark.parametrize("name", [one.name for one in fields(Mailing)])
def test_the_digest_changes_with_every_part_of_a_mailing(name):
    """With a single letter of any of it; a mailing that is the same has the same one."""
    value = getattr(MARKED, name)
    other = replace(MARKED, **{name: value + 1 if isinstance(value, int) else f"{value}."})

    assert other.digest != MARKED.digest
    assert replace(MARKED).digest == MARKED.digest
    assert re.fullmatch("[0-9a-f]{32}", MARKED.digest)


def test_a_digest_outlives_the_process():
    """It is what the database knows a mailing by: the same in every version of this program."""
    assert MARKED.digest == "ce546ae09f9b5b2e1179e2e7b6792220"


mailings = st.builds(
    Mailing,
    course=st.text(max_size=20),
    name=st.text(max_size=20),
    locale=st.text(max_size=5),
    day=st.none() | st.integers(1, 366),
    subject=st.text(max_size=50),
    text=st.text(max_size=200),
    html=st.text(max_size=200),
)


@given(mailings)
def test_a_mailing_comes_back_from_the_store_as_it_was(mailing):
    """Dumped and read again it is equal, with the same digest."""
    again = Mailing.of(mailing.dump())

    assert again == mailing
    assert again.digest == mailing.digest


calm = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=300)
tricky = st.sampled_from(
    [
        ".",
        "..",
        ".\n.\n",
        "a \n b\t\nc  ",
        "   ",
        "\t",
        "🌻🧑‍🤝‍🧑",
        "\u05e9\u05dc\u05d5\u05dd \u202b\u0645\u0631\u062d\u0628\u0627",
        "x" * 998,
        "x" * 74 + "é" + "x" * 74,
        "=",
        "=3D",
        "=\n",
        "--=_",
        "From me",
        "\nFrom you\n",
        "",
        "\n\n\n",
    ]
)
values = st.fixed_dictionaries({"name": calm | tricky, "more": calm | tricky, "day": st.just("3")})


@given(values)
def test_the_bytes_say_what_the_texts_say(values):
    """Emoji, scripts from the right, long lines, spaces at ends, lone dots: decoded, both parts are what was filled."""
    text, html = parts(MARKED, values)

    assert text == MARKED.text_for(values)
    assert html == MARKED.html_for(values)


@given(values)
def test_the_bytes_are_fit_to_travel(values):
    """ASCII, CRLF only, lines of at most 76 characters, no line that begins with a dot, none that ends in space."""
    raw = MARKED.mime(values)
    lines = raw.split(b"\r\n")

    assert raw.isascii()
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(len(line) for line in lines[3:]) <= 76
    assert [line for line in lines if line.startswith(b".")] == []
    assert [line for line in lines if line.endswith((b" ", b"\t"))] == []


LINKED = replace(
    MARKED, text="Here:\nzqmine_urlqz\n\nzqmine_urlqz.\n", html='<p><a href="zqmine_urlqz">zqmine_urlqz</a></p>\n'
)
addresses = st.text("ab1/.:?&=-_%~#é '\"", max_size=320) | st.integers(1, 320).map(lambda size: "a" * size + "." * 99)


@given(addresses)
@example("a" * 74 + "." + "b" * 99)
@example("a" * 148 + ".b")
@example("a" * 148)
def test_a_link_of_any_length_arrives_whole_and_travels(address):
    """Longer than a line, with a dot where a line would begin: both parts say it, in lines that may leave."""
    raw = LINKED.mime({"mine_url": address})
    lines = raw.split(b"\r\n")
    text, html = parts(LINKED, {"mine_url": address})

    assert text == LINKED.text_for({"mine_url": address})
    assert html == LINKED.html_for({"mine_url": address})
    assert max(len(line) for line in lines[3:]) <= 76
    assert [line for line in lines if line.startswith(b".") or line.endswith(b" ")] == []


@given(values)
def test_no_value_makes_a_part_of_its_own(values):
    """A boundary cannot be written in quoted-printable text: there are two parts, whatever somebody is called."""
    values = values | {"name": f"--=_{MARKED.digest}\n{values['name']}\n--=_{MARKED.digest}--"}

    assert len(parts(MARKED, values)) == 2


@given(values)
def test_a_value_is_text_in_html(values):
    """It opens no tag and no attribute: the page has the same tags, and the letters are there."""

    class Tags(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tags, self.titles = [], []

        def handle_starttag(self, tag, attrs):
            if tag != "br":
                self.tags.append((tag, [name for name, _ in attrs]))
                self.titles += [value for name, value in attrs if name == "title"]

    page = Tags()
    page.feed(MARKED.html_for(values))

    assert page.tags == [("p", ["title"]), ("p", [])]
    assert page.titles[0].replace("<br>", "\n") == values["name"]


@pytest.mark.parametrize("how", ["text_for", "html_for", "mime"])
def test_a_mailing_with_a_hole_is_not_made(how):
    """KeyError names the slot, whichever part is asked for."""
    with pytest.raises(KeyError, match="more"):
        getattr(MARKED, how)({"name": "Alice", "day": "1"})


# Help lines.

TODAY = date(2027, 3, 1)
WORDS = {"help_intro": "Now:", "help_emergency": "Emergency number.", "help_directory": "Directory."}


def line(country, name="Someone", verified_on=TODAY, **said):
    """Return a row of help_lines.toml."""
    row = {"how": "call", "contact": "123", "hours": "24/7", "audience": "everyone"} | said
    return HelpLine(country, name, verified_on=verified_on, **row)


@pytest.mark.parametrize(
    ("verified_on", "fresh"),
    [
        (None, False),
        (TODAY, True),
        (date(2026, 9, 2), True),
        (date(2026, 9, 1), False),
        (date(2020, 1, 1), False),
    ],
    ids=["never", "today", "180-days", "181-days", "years"],
)
def test_a_help_line_is_printed_while_its_check_is_fresh(verified_on, fresh):
    """Somebody dialled it at most 180 days ago; a number that nobody has checked may be a dead one."""
    printed = help_lines.block((line("GB", verified_on=verified_on),), WORDS, "GB", TODAY)

    assert ("Someone: call 123 (24/7)" in printed) == fresh
    assert printed.startswith("Now:\nEmergency number.\n")
    assert printed.endswith("Directory.")


def test_no_country_gets_anothers_numbers():
    """A person in the UK sees the UK's, one in an unknown place none: never the United States' by default."""
    lines = (line("US", "Us"), line("GB", "Gb"), line("IE", "Ie"))
    printed = {country: help_lines.block(lines, WORDS, country, TODAY) for country in ("GB", "US", "DE", "")}

    assert re.findall("(Us|Gb|Ie): ", printed["GB"]) == ["Gb"]
    assert re.findall("(Us|Gb|Ie): ", printed["US"]) == ["Us"]
    assert printed["DE"] == printed[""] == "Now:\nEmergency number.\nDirectory."


@pytest.mark.parametrize(
    ("how", "contact", "html"),
    [
        ("call", "116 123", 'call <a href="tel:116123" style="color: inherit">116 123</a> (24/7)'),
        ("call", "+44 (0)20 1234", '<a href="tel:+440201234" style="color: inherit">+44 (0)20 1234</a>'),
        ("text", "988", '<a href="sms:988" style="color: inherit">988</a>'),
        ("text", "SHOUT to 85258", '<a href="sms:85258?body=SHOUT" style="color: inherit">SHOUT to 85258</a>'),
        ("email", "jo@example.org", '<a href="mailto:jo@example.org" style="color: inherit">jo@example.org</a>'),
        ("relay", "133 677, then ask for 13 11 14", "relay 133 677, then ask for 13 11 14 (24/7)"),
        ("relay", "https://example.org/?a&b.", 'relay <a href="https://example.org/?a&amp;b" style="color: inherit">'),
    ],
    ids=["call", "abroad", "text", "word", "email", "words", "address"],
)
def test_whoever_can_be_reached_by_a_tap_is_reached_by_a_tap(how, contact, html):
    """In the HTML of a mail a number is called, a word is sent, an address is written to; what no tap opens is text."""
    row = line("GB", "A <b> & Co", how=how, contact=contact)
    shown = help_lines.block_html((row,), WORDS, "GB", TODAY)

    assert html in shown
    assert shown.startswith("Now:<br>Emergency number.<br>A &lt;b&gt; &amp; Co: ")
    assert re.sub(r"<a [^>]*>|</a>", "", shown).split("<br>") == [
        in_html(said) for said in help_lines.block((row,), WORDS, "GB", TODAY).split("\n")
    ]


def with_help(load):
    """Return what is written, with help lines that were checked today."""
    return replace(load(), help_lines=(line("GB", "Samaritans", contact="116 123"),))


@pytest.mark.parametrize("name", ["day-1", "help"])
def test_help_lines_can_be_tapped_in_every_mail_with_links(load, name):
    """In the foot and where a text names them: the number calls, the directory opens, and the text part has none."""
    known = with_help(load)
    mailing = known.mailing("self-compassion", name, "en-GB")
    values = samples.values(known, mailing, NOON, confirm_url="", leave_url="")
    html = mailing.html_for(values)

    assert html.count("Samaritans") == html.count('Samaritans: call <a href="tel:116123"') == 1 + (name == "help")
    assert 'many countries: <a href="https://findahelpline.com"' in html
    assert "telephone=no" not in html
    assert "<a" not in mailing.text_for(values)
    assert b"tel:116123" in mailing.mime(values)
    assert b"<a" not in mailing.mime(values).partition(b"text/html")[0]


def test_what_an_author_puts_in_is_no_wider_than_the_window(load, emails):
    """A picture shrinks, an indented line and an address without an end are broken: each has its rule inlined."""
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    wide = "![A cup of tea](https://example.org/tea.png)\n\n    An indented line.\n\nhttps://example.org/" + "a" * 200
    path.write_text(path.read_text(encoding="utf-8").replace("{greeting}", "{greeting}\n\n" + wide), encoding="utf-8")
    html = load().mailing("self-compassion", "day-1", "en-GB").html

    assert 'alt="A cup of tea" style="max-width: 100%;height: auto;"' in html
    assert '<pre style="white-space: pre-wrap;' in html
    assert re.search(r'<div class="page ltr"[^>]* style="[^"]*word-wrap: break-word', html)


def test_letters_without_links_have_none_to_help_lines_either(load):
    """Whoever fears links gets the same words, and asks their mail program to make none of them."""
    known = with_help(load)
    mailing = known.mailing("self-compassion", "help", "en-GB", plain=True)
    html = mailing.html_for(samples.values(known, mailing, NOON, confirm_url="", leave_url="", plain=True))

    assert "Samaritans: call 116 123" in html
    assert "tel:" not in html
    assert "telephone=no, email=no" in html


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/London", "GB"),
        ("Europe/Belfast", "GB"),
        ("America/New_York", "US"),
        ("US/Eastern", "US"),
        ("America/Indiana/Knox", "US"),
        ("America/Toronto", "CA"),
        ("Europe/Dublin", "IE"),
        ("Australia/Lord_Howe", "AU"),
        ("Pacific/Auckland", "NZ"),
        ("Asia/Calcutta", "IN"),
        ("Europe/Kiev", "UA"),
        ("Europe/Kyiv", "UA"),
        ("UTC", ""),
        ("Etc/GMT+5", ""),
        ("Nowhere/Land", ""),
        ("", ""),
    ],
)
def test_the_country_is_where_the_zone_lies(zone, country):
    """By CLDR, old names of zones too; a zone that lies nowhere has none."""
    assert help_lines.country_of(zone) == country


def test_no_zone_is_in_the_united_states_that_is_not_there():
    """All IANA zones that count as the US are its own: those of the Americas and the Pacific."""
    found = {zone for zone in available_timezones() if help_lines.country_of(zone) == "US"}

    assert found
    assert {zone for zone in found if not zone.startswith(("America/", "US/", "Pacific/Honolulu", "Navajo"))} <= {
        "Pacific/Johnston",
        "EST5EDT",
        "CST6CDT",
        "MST7MDT",
        "PST8PDT",
        "EST",
        "MST",
        "HST",
    }


def test_what_is_shipped_is_not_printed_before_the_operator_has_checked_it():
    """Every row of help_lines.toml is there to be verified: none is printed as it came."""
    lines = help_lines.load(EMAILS / "help_lines.toml")

    assert {"US", "GB", "CA", "IE", "AU", "NZ"} <= {one.country for one in lines}
    assert [one for one in lines if one.fresh(TODAY)] == []
    assert [one for one in lines if not (one.name and one.how and one.contact)] == []


def test_a_date_in_quotes_is_a_date(tmp_path):
    """`verified_on = "2027-02-01"` and the same without quotes mean one thing; other words are named."""
    path = tmp_path / "help_lines.toml"
    path.write_text('[[GB]]\nname = "A"\nverified_on = "2027-02-01"\n[[GB]]\nname = "B"\nverified_on = 2027-02-01\n')

    assert [one.verified_on for one in help_lines.load(path)] == [date(2027, 2, 1)] * 2
    path.write_text('[[GB]]\nname = "A"\nverified_on = "last week"\n')
    with pytest.raises(ContentError, match="YYYY-MM-DD"):
        help_lines.load(path)


@pytest.mark.parametrize(
    "said",
    [
        '[GB]\nname = "A"\ncontact = "123"\n',
        'GB = "116 123"\n',
        "GB = 5\n",
        '[[GB]]\nname = "A"\nverified_on = 2027-02-01T10:00:00\n',
        '[[GB]]\nname = "A"\nverified_on = 20270201\n',
    ],
    ids=["one-bracket", "text", "number", "date-and-time", "date-as-number"],
)
def test_a_row_that_would_not_be_printed_is_named(tmp_path, said):
    """One bracket too few and the like must not make a country's help lines vanish, or its mail fail, in silence."""
    path = tmp_path / "help_lines.toml"
    path.write_text(said)

    with pytest.raises(ContentError, match=re.escape(f"{path}:")):
        help_lines.load(path)


@pytest.mark.parametrize(
    ("row", "printed"),
    [
        ({}, "Someone: call 123 (24/7)"),
        ({"hours": ""}, "Someone: call 123"),
        ({"how": "text", "contact": "HOME to 741741"}, "Someone: text HOME to 741741 (24/7)"),
        ({"how": ""}, "Someone: 123 (24/7)"),
    ],
    ids=["whole", "no-hours", "text", "no-how"],
)
def test_a_help_line_reads_as_a_line(row, printed):
    """Who, how, when, and no empty brackets."""
    assert line("GB", **row).said(WORDS) == printed


# Dates in each locale's words.

DATES = {"en-GB": ("EEEE d MMMM", "{day} at {time}"), "en-US": ("EEEE, MMMM d", "{day} at {time}")}


@pytest.mark.parametrize(
    ("locale", "zone", "said"),
    [
        ("en-GB", "Europe/London", "Tuesday 2 March at 08:00"),
        ("en-GB", "Asia/Tokyo", "Tuesday 2 March at 17:00"),
        ("en-GB", "Pacific/Auckland", "Tuesday 2 March at 21:00"),
        ("en-US", "America/New_York", "Tuesday, March 2 at 3:00 AM"),
        ("en-US", "America/Los_Angeles", "Tuesday, March 2 at 12:00 AM"),
        ("en-US", "Pacific/Honolulu", "Monday, March 1 at 10:00 PM"),
    ],
)
def test_a_moment_is_said_as_people_there_say_it(locale, zone, said):
    """In their zone, in their order, with their clock; plain spaces, which old mail programs show."""
    day, moment = DATES[locale]
    found = dates.moment(datetime(2027, 3, 2, 8, 0, tzinfo=UTC), ZoneInfo(zone), locale, {"day": day, "moment": moment})

    assert found == said


@pytest.mark.parametrize(
    ("locale", "said"), [("en-GB", "1 January 2028"), ("en-US", "January 1, 2028"), ("de", "1. Januar 2028")]
)
def test_a_date_is_the_local_one(locale, said):
    """Half past eleven at night in London's December is the next year in Auckland."""
    assert dates.date(datetime(2027, 12, 31, 23, 30, tzinfo=UTC), ZoneInfo("Pacific/Auckland"), locale) == said


@pytest.mark.parametrize(
    ("locale", "items", "said"),
    [
        ("en-GB", ["day 1"], "day 1"),
        ("en-GB", ["day 1", "day 2"], "day 1 and day 2"),
        ("en-GB", ["day 1", "day 2", "day 4"], "day 1, day 2 and day 4"),
        ("en-US", ["day 1", "day 2", "day 4"], "day 1, day 2, and day 4"),
    ],
)
def test_a_list_is_said_in_words(locale, items, said):
    """With the locale's own commas."""
    assert dates.listed(items, locale) == said


# The shipped course, and what is not well in a course.


@pytest.fixture
def emails(tmp_path):
    """Return a copy of the folder emails/, to spoil."""
    shutil.copytree(EMAILS, tmp_path / "emails")
    return tmp_path / "emails"


@pytest.fixture
def load(emails, tmp_path):
    """Return a function that reads the copy."""
    return lambda: catalogue.load(make_settings(data_dir=tmp_path / "var", emails_dir=emails))


def wrong(load):
    """Return what is said about each mistake."""
    with pytest.raises(ContentError) as error:
        load()
    return str(error.value).splitlines()


def test_a_locale_that_a_course_lacks_is_its_first_one(load):
    """Somebody who chose a language that was taken away since gets the course all the same."""
    known = load()
    lesson = known.mailing("self-compassion", "day-1", "fr-FR")

    assert lesson.locale == "en-GB"
    assert lesson == known.mailing("self-compassion", "day-1", "en-GB")
    assert known.words_for("self-compassion", "fr-FR") == known.words["en-GB"]


def test_locales_differ_where_their_people_do(load):
    """British and American readers get their own spelling."""
    known = load()
    texts = [known.mailing("self-compassion", "day-1", locale).text for locale in ("en-GB", "en-US")]

    assert texts[0] != texts[1]
    assert [re.findall("neighbou?r", text)[0] for text in texts] == ["neighbour", "neighbor"]


def test_a_mailing_is_compiled_once(load):
    """The second time it is the very same object."""
    known = load()

    assert known.mailing("self-compassion", "day-1", "en-GB") is known.mailing("self-compassion", "day-1", "en-GB")


def test_a_mailing_compiled_anew_has_the_same_digest(load):
    """Nothing in it depends on the moment, the order or the process."""
    digests = [
        {
            (name, locale): known.mailing("self-compassion", name, locale).digest
            for name in (*catalogue.NOTICES, *(courses.lesson_name(day) for day in range(1, 6)))
            for locale in ("en-GB", "en-US")
        }
        for known in (load(), load())
    ]

    assert digests[0] == digests[1]
    assert len(set(digests[0].values())) == len(digests[0])


def test_one_letter_makes_another_digest(load, emails):
    """An edit is told apart from what was sent before: the digest of that lesson changes, and no other."""
    before = load()
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    path.write_text(path.read_text().replace("unnoticed", "unnoticed,"))
    after = load()

    changed = [
        courses.lesson_name(day)
        for day in range(1, 6)
        if before.mailing("self-compassion", courses.lesson_name(day), "en-GB").digest
        != after.mailing("self-compassion", courses.lesson_name(day), "en-GB").digest
    ]
    assert changed == ["day-1"]


def test_a_lessons_slots_are_the_ones_it_may_leave_open(load):
    """What is open in a compiled mailing is what its kind may leave open, and the footer's."""
    known = load()
    for name in (*catalogue.NOTICES, "day-1", "day-5"):
        mailing = known.mailing("self-compassion", name, "en-GB")
        found = {name for text in (mailing.subject, mailing.text, mailing.html) for name in slots.split(text)[1::2]}
        footer = frozenset() if name == catalogue.CONFIRM else slots.FOOTER
        assert found <= slots.NOTICE.get(name, frozenset()) | slots.EVERYWHERE | footer


def test_every_mistake_is_named_at_once_by_its_line(load, emails):
    """A missing lesson, a broken head, a missing head, no UTF-8, a broken table: `file:line: what to do` for each."""
    course = emails / "courses/self-compassion"
    (course / "en-GB/day-2.md").unlink()
    (course / "en-GB/day-3.md").write_text('---\nsubject: "Day 3"\npreheader: a: b: c\n---\nWords.\n')
    (course / "en-US/day-4.md").write_text("Words without a head.\n")
    (course / "en-US/day-5.md").write_bytes(b"---\nsubject: \xe9\n---\n")
    (emails / "notices/en-GB/help.md").unlink()
    (emails / "words/en-US.toml").write_text('[commands]\nSTOP = ["stop"\n\n[mail]\ngreeting = \n')
    lines = wrong(load)

    assert sorted(said.replace(f"{emails}/", "").partition(": ")[0] for said in lines) == [
        "courses/self-compassion/en-GB/day-2.md:1",
        "courses/self-compassion/en-GB/day-3.md:3",
        "courses/self-compassion/en-US/day-4.md:1",
        "courses/self-compassion/en-US/day-5.md:1",
        "notices/en-GB/help.md:1",
        "words/en-US.toml:4",
    ]
    assert all(re.search(r"write|save|put|begin|mend", said.partition(": ")[2]) for said in lines)


LOCALES = 'locales = ["en-GB", "en-US", "es", "he"]'


@pytest.mark.parametrize(
    ("old", "new", "line", "say"),
    [
        ("days = 5", "days = 0", 4, "a whole number from 1 to 366"),
        ("days = 5", 'days = "five"', 4, "a whole number from 1 to 366"),
        ("days = 5", "days = true", 4, "a whole number from 1 to 366"),
        ("send_hour = 8", "send_hour = 24", 8, "from 0 to 23"),
        ("send_hour = 8", "send_hour = 8.5", 8, "from 0 to 23"),
        ('start = "next-hour"', 'start = "soon"', 14, "next-hour, tomorrow, monday"),
        (LOCALES, "locales = []", 25, 'like ["en-GB"]'),
        (LOCALES, 'locales = ["english"]', 25, "english is no locale"),
        (LOCALES, 'locales = ["fr", "en-GB"]', 39, "the line fr = "),
        ("letter_days = [4, 5]", 'letter_days = "4"', 22, "write the days in brackets"),
    ],
    ids=[
        "no-days",
        "days-in-words",
        "days-true",
        "hour-24",
        "half-hour",
        "start",
        "no-locale",
        "locale",
        "title",
        "letter-days",
    ],
)
def test_a_mistake_in_a_courses_table_is_named(load, emails, old, new, line, say):
    """By the line of its key, with what to write there."""
    path = emails / "courses/self-compassion/course.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    lines = wrong(load)

    assert lines[0].startswith(f"{path}:{line}: ")
    assert say in lines[0]


def test_a_folder_without_a_course_is_said_so(load, emails):
    """An empty folder is a mistake, not a service without a course."""
    shutil.rmtree(emails / "courses")

    assert wrong(load) == [f"{emails / 'courses'}:1: there is no course here: make a folder with a course.toml"]


def test_a_broken_file_of_help_lines_is_named(load, emails):
    """By its line."""
    (emails / "help_lines.toml").write_text('[[GB]]\nname = "A"\ncontact = 116 123\n')

    assert wrong(load)[0].startswith(f"{emails / 'help_lines.toml'}:3: mend this line")


def test_a_broken_file_of_help_lines_hides_no_other_mistake(load, emails):
    """All that is wrong is said at once, whichever file it is in."""
    (emails / "help_lines.toml").write_text('[[GB]]\nname = "A"\ncontact = 116 123\n')
    (emails / "notices/en-GB/help.md").unlink()
    lines = wrong(load)

    assert sorted(said.replace(f"{emails}/", "").partition(": ")[0] for said in lines) == [
        "help_lines.toml:3",
        "notices/en-GB/help.md:1",
    ]


def test_a_head_that_is_no_list_of_keys_is_named(tmp_path):
    """`--- just words ---` gives a problem with a line, like any other mistake."""
    path = tmp_path / "day-1.md"
    path.write_text("---\njust words\n---\nBody.\n")
    source = sources.read(path)

    assert [str(problem) for problem in source.problems] != []
    assert str(source.problems[0]).startswith(f"{path}:")


@pytest.mark.parametrize(
    "head",
    [
        "subject: 5\npreheader: x",
        "subject: [a\npreheader: x",
        "\tsubject: x",
        "subject: 'x",
        "&a: *b",
        "a: !!python/x y",
    ],
    ids=ascii,
)
def test_no_head_makes_reading_fail(tmp_path, head):
    """Whatever an author writes there, it is read or it is a problem with a line."""
    path = tmp_path / "day-1.md"
    path.write_text(f"---\n{head}\n---\nBody.\n")
    source = sources.read(path)

    assert source.front or source.problems


def test_sections_are_told_apart_with_their_lines(tmp_path):
    """The opening, then each heading with its id; the line is the one of the first word under it."""
    path = tmp_path / "day-1.md"
    path.write_text(
        '---\nsubject: "S"\n---\nHello.\n\n## Steps {#steps}\n\n1. One.\n\n## Coming back {#closing}\nEnd.\n'
    )
    found = [(one.id, one.heading, one.markdown.strip(), one.line) for one in sources.read(path).sections]

    assert found == [
        ("opening", "", "Hello.", 4),
        ("steps", "Steps", "1. One.", 7),
        ("closing", "Coming back", "End.", 11),
    ]


def test_a_body_that_repeats_its_head_keeps_its_lines(tmp_path):
    """A file whose last line stands in its head too has its sections where they are."""
    path = tmp_path / "day-1.md"
    path.write_text('---\nsubject: "Words."\npreheader: "Words."\n---\n\nWords.')

    assert [one.line for one in sources.read(path).sections] == [6]


def test_windows_line_ends_change_nothing(load, emails):
    """A lesson saved on Windows, with a byte-order mark or without, is the same mailing."""
    before = load().mailing("self-compassion", "day-1", "en-GB")
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert load().mailing("self-compassion", "day-1", "en-GB") == before


def test_a_byte_order_mark_changes_nothing(load, emails):
    """Windows editors put one at the beginning of a file: the head is still read."""
    before = load().mailing("self-compassion", "day-1", "en-GB")
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert load().mailing("self-compassion", "day-1", "en-GB") == before


def test_an_authors_words_are_no_markup(load, emails):
    """A < or & in a subject, preheader or title is shown as such; a {{ }} is text too."""
    path = emails / "courses/self-compassion/en-GB/day-1.md"
    subject = "Tea & <b>toast</b> {{ 7*7 }} {% x %}"
    path.write_text(path.read_text().replace("Day 1: two ways of saying it", subject))
    mailing = load().mailing("self-compassion", "day-1", "en-GB")

    assert mailing.subject == subject
    assert subject in mailing.text
    assert "<h1" in mailing.html
    assert "Tea &amp; &lt;b&gt;toast&lt;/b&gt; {{ 7*7 }} {% x %}</h1>" in mailing.html


def test_the_layout_has_no_white_space_to_carry(load):
    """No line of the HTML begins with spaces, none is empty: they would be sent a thousand times."""
    html = load().mailing("self-compassion", "day-1", "en-GB").html

    assert [one for one in html.splitlines() if one != one.strip() and one.startswith(" ")] == []
    assert layout.INLINER is not None
