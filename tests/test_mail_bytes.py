"""Promises of the bytes that leave: every lesson and notice, in every locale, made on the way that mail really takes.

The numbers M1 to M15 are those of the mail rules this service keeps: RFC 5322, 8058, 3834 and 2919, and what Google,
Yahoo and Microsoft ask of whoever writes to many. M14, spam filters, is in test_mail_spam.py.
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Box, SetClock, World, make_settings
from every_mail import KEYS, LIVE
from mail_page import URL, Page, in_sight, words

from course import links
from course.app import App
from course.links import Purpose
from course.outbound.sendgrid_calls import part, payload
from course.outgoing import Sent, TryLater
from course.settings import EMAILS

PEOPLE = {
    "en-GB": {"email": "quill@post.example.net", "name": "Alicequill", "timezone": "Europe/London"},
    "en-US": {"email": "plume@post.example.net", "name": "Bobplume", "timezone": "America/New_York"},
    "es": {"email": "pluma@post.example.net", "name": "Carolapluma", "timezone": "Europe/Madrid"},
    "he": {"email": "notza@post.example.net", "name": "נוצהעליזה", "timezone": "Asia/Jerusalem"},
}
WORDS = {locale: tomllib.loads((EMAILS / f"words/{locale}.toml").read_text(encoding="utf-8")) for locale in PEOPLE}
LESSONS = tuple(f"day-{day}" for day in range(1, 6))
ANSWERS = ("receipt", "help", "paused", "resumed", "skipped", "left", "unread", "empty")
KINDS = ("confirm", "welcome", "again", *LESSONS, *ANSWERS, "farewell")
ALL = [(locale, kind) for locale in PEOPLE for kind in KINDS]
MAILS = pytest.mark.parametrize(("locale", "kind"), ALL, ids=[f"{locale}-{kind}" for locale, kind in ALL])
# What no language could change is looked at in two: one from the left and one from the right.
TWO = [(locale, kind) for locale, kind in ALL if locale in {"en-GB", "he"}]
IN_TWO = pytest.mark.parametrize(("locale", "kind"), TWO, ids=[f"{locale}-{kind}" for locale, kind in TWO])
AFTER = [(locale, kind) for locale, kind in TWO if kind != "confirm"]
MAILS_TO_LEAVE = pytest.mark.parametrize(("locale", "kind"), AFTER, ids=[f"{locale}-{kind}" for locale, kind in AFTER])
LOCALES = pytest.mark.parametrize("locale", list(PEOPLE))


@contextmanager
def service(folder, **changed):
    """Open a service on SQLite, as it is in production but for its box and its clock."""
    settings = make_settings(data_dir=folder, spread_minutes=1, **(LIVE | changed))
    clock, box = SetClock(), Box()
    app = App.build(settings, transport=box, clock=clock)
    try:
        yield World(app, clock, box)
    finally:
        app.close()


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: the bytes are the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


def until(world, kind, address=None):
    """Let time go by until this mail has come (to this person)."""
    for _ in range(24 * 10):
        came = [mail for mail in world.box.sent if mail.mailing.name == kind and address in (None, mail.to)]
        if came:
            return came[-1]
        world.pass_hours(1)
    raise AssertionError(kind)


def answer(world, mail, said):
    """Reply to a mail, and get what comes of it."""
    world.reply(mail, said)
    world.app.tick()


def live(world):
    """Live a whole course in which every kind of mail comes, one person for each language."""
    everybody = [person["email"] for person in PEOPLE.values()]
    for number, (locale, person) in enumerate(PEOPLE.items()):
        who = {"locale": locale, "network": f"203.0.113.{number}", **person}
        world.join("", **who)
        world.sign_up("", **who)
        world.app.tick()
    for address in everybody:
        first = until(world, "day-1", address)
        for said in ("It helped a little.", "HELP", "PAUSE", "RESUME"):
            answer(world, first, said)
    for kind, said in (
        ("day-2", "SKIP"),
        ("day-3", ""),
        ("day-4", None),
        ("welcome", "Thank you."),
        ("farewell", None),
    ):
        for address in everybody:
            mail = until(world, kind, address)
            if said is not None:
                answer(world, mail, said)
    for address in everybody:
        answer(world, until(world, "day-5", address), "STOP")


@dataclass(frozen=True)
class Mail:
    """One mail as it left, and what a mail program makes of it."""

    outgoing: object
    raw: bytes

    @cached_property
    def head(self):
        """Return the lines of its header block; a folded one is several."""
        return self.raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")

    @cached_property
    def parsed(self):
        """Return it read by Python's strictest policy."""
        return message_from_bytes(self.raw, policy=policy.default)

    def __getitem__(self, name):
        """Return a header's value as it stands in the bytes."""
        return next(line.partition(": ")[2] for line in self.head if line.lower().startswith(f"{name.lower()}: "))

    def count(self, name):
        """Return how often a header is there."""
        return sum(line.lower().startswith(f"{name.lower()}:") for line in self.head)

    @cached_property
    def text(self):
        """Return the plain text, decoded from the bytes."""
        return self.parsed.get_body(("plain",)).get_payload(decode=True).decode().replace("\r\n", "\n")

    @cached_property
    def html(self):
        """Return the HTML, decoded from the bytes."""
        return self.parsed.get_body(("html",)).get_payload(decode=True).decode().replace("\r\n", "\n")

    @cached_property
    def page(self):
        """Return the HTML, taken apart."""
        return Page.of(self.html)


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    """Return one mail of every kind in every locale."""
    found = {}
    locales = {person["email"]: locale for locale, person in PEOPLE.items()}
    with service(tmp_path_factory.mktemp("mails") / "var") as world:
        live(world)
        for outgoing in world.box.sent:
            place = locales[outgoing.to], outgoing.mailing.name
            found.setdefault(place, Mail(outgoing, outgoing.as_bytes()))
    return found


@pytest.fixture
def mail(mails, locale, kind):
    """Return the mail that a test is about."""
    return mails[locale, kind]


# M1, M2: the header block.


@IN_TWO
@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version"])
def test_m1_each_identity_header_is_there_once(mail, name):
    """A second one of any would leave it to each mail program which to believe."""
    assert mail.count(name) == 1


@MAILS
def test_m1_sender_and_recipient_are_one_ascii_mailbox_each(mail, locale, kind):
    """From the course, under its own name; to the person, whose name is nobody else's business on the way."""
    (sender,), (to,) = mail.parsed["From"].addresses, mail.parsed["To"].addresses

    assert (sender.display_name, sender.addr_spec) == ("Dear Self", "hello@course.example.org")
    assert (to.display_name, to.addr_spec) == ("", PEOPLE[locale]["email"])
    assert mail["To"] == PEOPLE[locale]["email"]


@IN_TWO
def test_m1_the_message_id_is_ours_and_the_date_is_now(mail):
    """`<token@own-domain>` without a +; the date at which it was handed over, in UTC."""
    assert re.fullmatch(r"<[0-9a-f]+@course\.example\.org>", mail["Message-ID"])
    assert mail.parsed["Date"].datetime == mail.outgoing.date
    assert mail["Date"].endswith("+0000")


@IN_TWO
def test_m1_the_message_id_is_hard_to_forge(mail, mails):
    """At least 80 bits of it are signature: a reference to it proves that somebody had our mail."""
    token = mail["Message-ID"].strip("<>").partition("@")[0]
    raw = bytes.fromhex(token)

    assert 8 * (len(raw) - 1 - 2) >= 80  # the key's mark, and an id of up to 16,384
    assert len({one["Message-ID"] for one in mails.values()}) >= len(KINDS)


@MAILS
def test_m2_headers_are_ascii_on_one_line_each(mail):
    """Unfolded, so that no mail house's folding rule spoils one; no control character, no line over 998."""
    assert mail.raw.partition(b"\r\n\r\n")[0].isascii()
    assert [line for line in mail.head if not re.fullmatch(r"[A-Za-z-]+: [ -~]+", line)] == []
    assert max(len(line) for line in mail.head) <= 998


@MAILS
def test_m2_lines_end_with_crlf_and_are_short(mail):
    """No bare CR or LF and no NUL anywhere; body lines of at most 76 characters (RFC 2045), all in ASCII."""
    lines = mail.raw.split(b"\r\n")
    body = mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n")

    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    assert mail.raw.isascii()
    assert max(len(line) for line in body) <= 76
    assert mail.raw.endswith(b"\r\n")


EXPECTED = ["From", "To", "Subject", "Reply-To", "Date", "Message-ID", "List-Id", "Auto-Submitted"]
EXPECTED += ["X-Auto-Response-Suppress", "Feedback-ID", "MIME-Version", "Content-Type"]


@IN_TWO
def test_a1_there_is_no_header_but_those_we_know(mail, kind):
    """M9: no Precedence, no Return-Path by hand, no Bcc, nothing that was not asked for."""
    names = sorted(line.partition(":")[0] for line in mail.head)
    wanted = EXPECTED + ([] if kind == "confirm" else ["List-Unsubscribe", "List-Unsubscribe-Post"])
    wanted += ["In-Reply-To", "References"] if kind in ANSWERS else []

    assert names == sorted(wanted)


# M3: two parts that say the same.


@MAILS
def test_m3_text_and_html_are_the_two_parts(mail):
    """multipart/alternative: text/plain first, then text/html, both in UTF-8 and with something in them."""
    parts = list(mail.parsed.iter_parts())

    assert mail.parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    assert all(part.get_payload(decode=True).strip() for part in parts)
    assert [part.defects for part in (mail.parsed, *parts)] == [[], [], []]


@MAILS
def test_m3_text_and_html_say_the_same_words(mail):
    """In the same order, addresses of links and numbers of steps aside."""
    text = re.sub(r"^ *\d+\. ", "", URL.sub("", mail.text), flags=re.MULTILINE)
    html = URL.sub("", in_sight(mail.html))

    assert words(text) == words(html)
    assert len(words(text)) > 50


@MAILS
def test_no_slot_and_no_marker_is_left_open(mail):
    """Neither a {slot}, nor what stands for one, nor anything that a template forgot."""
    for said in (mail.text, mail.html, mail["Subject"]):
        assert not re.search(r"zq[a-z_]+qz|\{[a-z_]+\}|\{\{|\{%|Undefined", said)


# M4, M6: leaving.


@MAILS_TO_LEAVE
def test_m4_one_click_leaves(mail):
    """List-Unsubscribe stands on one line: exactly one https address, then a mailto; and the Post header beside it."""
    found = re.fullmatch(r"<(https://[^>,\s]+)>, <(mailto:[^>,\s]+)>", mail["List-Unsubscribe"])

    assert found
    assert urlsplit(found[1]).hostname == "course.example.org"
    assert (mail.count("List-Unsubscribe"), mail.count("List-Unsubscribe-Post")) == (1, 1)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"mailto:leave-[0-9a-f]+@reply\.course\.example\.org\?subject=unsubscribe", found[2])


@MAILS_TO_LEAVE
def test_m4_the_links_token_is_opaque_and_long(mail):
    """At least 128 bits of signature; both addresses carry the same token, and nothing but letters and digits."""
    tokens = set(re.findall(r"leave[/-]([^>@?]+)", mail["List-Unsubscribe"]))
    (token,) = tokens
    raw = bytes.fromhex(token)

    numbers = links.read(KEYS, Purpose.LEAVE, token)
    said = 1 + sum(1 + -(-number.bit_length() // 8) for number in numbers)  # the key's mark, person and course

    assert re.fullmatch("[0-9a-f]+", token)
    assert 8 * (len(raw) - said) >= 128


@pytest.mark.parametrize(("locale", "kind"), [one for one in ALL if one[1] != "confirm"])
def test_m6_whoever_reads_the_mail_can_leave(mail, locale):
    """The text has the address, the HTML the link with its words: the very one of the header, without a login."""
    url = re.search("<(https:[^>]+)>", mail["List-Unsubscribe"])[1]
    linked = [one for one in mail.page.all("a") if one.attributes["href"] == url]
    own = WORDS[locale]["mail"]["footer_leave"]

    assert f"{own}: {url}\n" in mail.text
    assert len(linked) == 1
    assert own in [text for text, path in mail.page.shown() if linked[0] in path]


def said_as(words):
    """Return a pattern for one of the short strings, whatever stands in its slots."""
    return ".+".join(re.escape(part) for part in re.split(r"\{[a-z_]+\}", words))


@MAILS
def test_m6_every_mail_says_who_why_and_where_help_is(mail, locale, kind):
    """The sender's name and postal address, why it came, that nobody reads along, and where somebody answers now."""
    own = WORDS[locale]["mail"]
    for said in (mail.text, in_sight(mail.html)):
        assert "Quiet Lane Press, 1 Quiet Lane, London" in said
        assert re.search(said_as(own["footer_confirm_why" if kind == "confirm" else "footer_why"]), said)
        assert own["footer_not_therapy"] in said
        assert own["help_emergency"] in said
        assert kind == "confirm" or "https://findahelpline.com" in said


@MAILS
def test_a_language_without_a_review_says_so(mail, locale):
    """In each mail of it, and in none of the others."""
    said = [WORDS[one]["mail"]["unreviewed"] in mail.text for one in PEOPLE]

    assert any(said) == (locale in {"es", "he"})


@MAILS_TO_LEAVE
def test_the_privacy_notice_and_help_are_a_link_away(mail, locale):
    """In the text and in the HTML, in the language of the mail and not in that of somebody's browser."""
    pressed = [one.attributes["href"] for one in mail.page.all("a")]
    for page in ("privacy", "help"):
        address = f"https://course.example.org/{page}?locale={locale}"
        assert f"{address}\n" in mail.text
        assert address in pressed


# M7 to M10: lists, robots, answers.


@IN_TWO
def test_m7_the_list_id_is_the_courses(mail):
    """The same for every mail of a course, in our own domain (RFC 2919)."""
    assert mail["List-Id"] == "<self-compassion.course.example.org>"


@IN_TWO
def test_m8_robots_are_told_what_wrote_this(mail, kind):
    """An answer to somebody's own mail is auto-replied; what comes of itself is auto-generated (RFC 3834 section 5)."""
    assert mail["Auto-Submitted"] == ("auto-replied" if kind in ANSWERS else "auto-generated")
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"


@IN_TWO
def test_m8_an_answer_has_no_return_path(mail, kind):
    """Two robots never go on answering each other: an answer's bounce goes nowhere, any other to its own address."""
    assert mail.outgoing.envelope_from == ("" if kind in ANSWERS else mail["Reply-To"])


@IN_TWO
def test_the_feedback_id_tells_mailings_apart_not_people(mail, mails, locale, kind):
    """Four fields: course, mailing, locale, sender; two people's copies have the same one."""
    fields = mail["Feedback-ID"].split(":")

    assert len(fields) == 4
    assert (fields[1], fields[2]) == (kind, locale)
    assert 5 <= len(fields[3]) <= 15
    assert re.fullmatch("[0-9a-f]{1,8}", fields[0])


@IN_TWO
def test_m10_replies_come_back_to_a_token(mail, mails):
    """At most 64 characters before the @, hexadecimal behind its hyphen, no +, one of its own for each mail."""
    local, _, domain = mail["Reply-To"].partition("@")

    assert re.fullmatch("reply-[0-9a-f]+", local)
    assert len(local) <= 64
    assert domain == "reply.course.example.org"
    assert links.read(KEYS, Purpose.REPLY, local.removeprefix("reply-")) == (mail.outgoing.delivery_id,)


@LOCALES
def test_m10_no_two_mails_share_an_address(mails, locale):
    """What is answered is told by where the answer goes."""
    addresses = [mail["Reply-To"] for (where, _), mail in mails.items() if where == locale]

    assert len(set(addresses)) == len(KINDS)


@IN_TWO
def test_no_header_has_a_plus_or_a_percent(mail):
    """SendGrid has turned a + into a space, and % may be read as an escape: no identifier of ours has one."""
    for name in ("Message-ID", "Reply-To", "List-Id", "Feedback-ID"):
        assert not set("+%") & set(mail[name])


@LOCALES
@pytest.mark.parametrize("kind", ["receipt", "skipped"])
def test_an_answer_about_a_lesson_stands_below_it(mails, locale, kind):
    """In-Reply-To and References name the lesson that was answered, so that a mail program shows them together."""
    lesson = mails[locale, "day-1" if kind == "receipt" else "day-2"]

    assert mails[locale, kind]["In-Reply-To"] == lesson["Message-ID"]
    assert mails[locale, kind]["References"] == lesson["Message-ID"]


# M11: what the HTML is made of.


@IN_TWO
def test_m11_the_html_is_small(mail):
    """Under 60 kB: Gmail cuts at 102, and a phone on a slow line shows it at once."""
    assert len(mail.html.encode()) < 60_000


@IN_TWO
def test_m11_nothing_is_fetched(mail):
    """No image, no font, no style sheet, no script, no form: opening the mail tells nobody, and works offline."""
    forbidden = {"img", "link", "script", "iframe", "form", "input", "object", "embed", "video", "audio", "svg", "base"}
    page = mail.page

    assert forbidden & {element.tag for element, _ in page.elements} == set()
    assert not re.search(r"url\(|@import|@font-face|expression\(", mail.html)
    assert [one.attributes for one, _ in page.elements if {"src", "background", "srcset"} & set(one.attributes)] == []
    assert [name for one, _ in page.elements for name in one.attributes if name.startswith("on")] == []


DIRECTORY = "https://findahelpline.com"


@MAILS
def test_m11_every_link_leads_to_us(mail, locale):
    """Over https, to our own host, by its name; none goes through a shortener or a counter, or says but a language.

    But for the one to help lines in many countries.
    """
    for one in mail.page.all("a"):
        url = urlsplit(one.attributes["href"])
        if one.attributes["href"] == DIRECTORY:
            continue
        assert (url.scheme, url.netloc, url.fragment) == ("https", "course.example.org", "")
        assert url.query == (f"locale={locale}" if url.path in {"/help", "/privacy"} else "")


@MAILS
def test_m11_every_link_says_where_it_leads(mail):
    """A link has words in it, and they are not another address."""
    for one in mail.page.all("a"):
        said = " ".join(text for text, path in mail.page.shown() if one in path)
        assert words(said)
        assert not URL.search(said) or set(said.split()) == {one.attributes["href"]}  # the same link may come twice


@IN_TWO
def test_layout_has_no_tables_but_the_one_for_old_outlook(mail):
    """One column of plain blocks: where a person answers, nothing splits the quote. Its table is in a comment."""
    conditional = [one for one in mail.page.comments if "table" in one]

    assert {"table", "tr", "td", "tbody", "th"} & {element.tag for element, _ in mail.page.elements} == set()
    assert len(conditional) == 2
    assert all(one.startswith("[if mso]>") and one.endswith("<![endif]") for one in mail.page.comments)
    assert "".join(conditional).count("<table") == "".join(conditional).count("</table>") == 1


@MAILS
def test_the_language_is_said(mail, locale):
    """On the page, and again on the block inside for webmail that drops <html>: a screen reader speaks it right."""
    page = mail.page
    body = next(
        element for element, path in page.elements if path and path[-1].tag == "body" and "lang" in element.attributes
    )

    assert page.all("html")[0].attributes["lang"] == locale
    assert body.attributes["lang"] == locale


@MAILS
def test_headings_are_headings(mail):
    """One <h1>, which is the subject; below it only <h2>: somebody who listens can jump."""
    page = mail.page
    said = "".join(text for text, path in page.shown() if path[-1].tag == "h1")

    assert len(page.all("h1")) == 1
    assert said == str(mail.parsed["Subject"])
    assert [element.tag for element, _ in page.elements if re.fullmatch("h[3-6]", element.tag)] == []


@MAILS
def test_the_preheader_comes_first_and_is_not_seen(mail):
    """The inbox's second line is what an author wrote for it, not the first words of the page."""
    page = mail.page
    text, path = next((text, path) for text, path in page.texts if "body" in [one.tag for one in path])

    assert path[-1].style["display"] == "none"
    assert 15 <= len(text) <= 120  # Hebrew needs few letters


@IN_TWO
def test_phones_and_dark_screens_are_provided_for(mail):
    """The viewport, both colour schemes; and the two blocks of the style sheet that cannot be inlined are there."""
    metas = {one.attributes.get("name"): one.attributes.get("content") for one in mail.page.all("meta")}
    sheet = mail.page.sheet()

    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert re.search(r"@media \(prefers-color-scheme: dark\) *\{", sheet)
    assert re.search(r"@media \(max-width: 480px\) *\{", sheet)
    assert sheet.count("{") == sheet.count("}")


@MAILS
def test_the_rest_of_the_style_is_inlined(mail):
    """A mail program that drops <style> still shows 18 pixels, 600 wide, on paper's colour."""
    style = {frozenset(one.classes): one.style for one, _ in mail.page.elements if one.classes}
    outside = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", mail.page.sheet())

    assert style[frozenset({"page", mail.page.all("html")[0].attributes["dir"]})]["font-size"] == "18px"
    assert style[frozenset({"sheet"})]["max-width"] == "600px"
    assert outside.strip() == ""


# Colours: what a person with weak eyes can still read (WCAG 2.2, 1.4.3: 4.5 to 1).


def luminance(colour):
    """Return the relative luminance of #rrggbb."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def dark_rules(sheet):
    """Return the rules of the dark block: selectors that are a tag, a class, or a tag inside a class."""
    block = re.search(r"prefers-color-scheme: dark\) *\{((?:[^{}]*\{[^{}]*\})*)", sheet)[1]
    rules = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", block):
        said = dict(re.findall(r"([a-z-]+): (#[0-9a-f]{6}) !important", body))
        assert len(said) == body.count(":"), body
        rules += [(selector.split(), said) for selector in selectors.strip().split(",")]
    return rules


def matches(selector, path):
    """Whether the last element of a path is meant by a selector."""

    def one(simple, element):
        return simple[1:] in element.classes if simple.startswith(".") else simple == element.tag

    if not one(selector[-1], path[-1]):
        return False
    return len(selector) == 1 or any(one(selector[0], element) for element in path[:-1])


def colours(path, rules):
    """Return the colour and the background that the text at the end of a path has."""
    colour = background = None
    for depth in range(1, len(path) + 1):
        said = {name: path[depth - 1].style.get(name) for name in ("color", "background-color")}
        said = {name: None if colour == "inherit" else colour for name, colour in said.items()}
        weight = {}
        for place, (selector, given) in enumerate(rules):
            if matches(selector, path[:depth]):
                rank = (sum(part.startswith(".") for part in selector), len(selector), place)
                for name in given.keys() & said.keys():
                    if rank >= weight.get(name, (0, 0, -1)):
                        said[name], weight[name] = given[name], rank
        colour, background = said["color"] or colour, said["background-color"] or background
    return colour, background


@MAILS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_background(mail, scheme):
    """At least 4.5 to 1, computed from the styles as they leave: page, boxes, links, button and footer."""
    page = mail.page
    rules = dark_rules(page.sheet()) if scheme == "dark" else []
    pairs = {colours(path, rules): text for text, path in page.shown()}
    faint = {text: (pair, contrast(*pair)) for pair, text in pairs.items() if contrast(*pair) < 4.5}

    assert len(pairs) >= 4
    assert faint == {}


def test_dark_is_dark(mails):
    """In the dark scheme no background stays a light one."""
    page = mails["en-GB", "day-1"].page
    rules = dark_rules(page.sheet())

    assert max(luminance(colours(path, rules)[1]) for _, path in page.shown() if "button" not in path[-1].classes) < 0.1


# M12, M15: what it calls itself.


@MAILS
def test_m12_no_mail_pretends_to_be_an_answer(mail):
    """No Re: or Fwd:, no capitals, no exclamation mark; a subject that fits on a phone and says nothing of a person."""
    subject = str(mail.parsed["Subject"])

    assert not re.match(r"(re|fwd?|aw|wg)\s*:", subject, re.IGNORECASE)
    assert not subject.isupper()
    assert "!" not in subject
    assert 5 <= len(subject) <= 60


NOT_ME = {"en-GB": "If this was not you", "en-US": "If this wasn\u2019t you", "es": "Si no fuiste tú"}
NOT_ME["he"] = "אם הבקשה לא באה ממך"


@LOCALES
def test_m15_the_confirmation_has_one_link_and_nothing_to_leave(mails, locale):
    """One https link in each part, to the page with the two buttons; no List-Unsubscribe, no day's text."""
    mail = mails[locale, "confirm"]
    linked = [one.attributes["href"] for one in mail.page.all("a")]

    assert URL.findall(mail.text) == linked
    assert re.fullmatch(r"https://course\.example\.org/confirm/[0-9a-f]+", linked[0])
    assert len(linked) == 1
    assert mail.count("List-Unsubscribe") == 0
    assert NOT_ME[locale] in mail.text


@LOCALES
def test_m15_the_confirmation_says_nothing_that_a_visitor_typed(mails, locale):
    """Neither the name nor the address, but in To: somebody else may have typed both."""
    mail = mails[locale, "confirm"]
    rest = b"\r\n".join(line for line in mail.raw.split(b"\r\n") if not line.startswith(b"To: ")) + mail.text.encode()

    assert PEOPLE[locale]["name"].encode() not in rest + mail.html.encode()
    assert PEOPLE[locale]["email"].encode() not in rest + mail.html.encode()


@MAILS
def test_h6_no_identifier_says_who_or_what(mail, locale):
    """Message-ID, Feedback-ID, Reply-To, links and the subject hold no address, no name and no course's name."""
    person = PEOPLE[locale]
    headers = ("Message-ID", "Feedback-ID", "Reply-To", "Subject")
    shown = [mail[name] for name in headers if mail.count(name)]
    shown += [one.attributes["href"] for one in mail.page.all("a")] + URL.findall(mail.text)
    shown += [mail["List-Unsubscribe"]] if mail.count("List-Unsubscribe") else []

    for said in shown:
        for private in (person["name"], person["email"].partition("@")[0], "post.example.net", "compassion"):
            assert private.lower() not in said.lower()


# M13: mail that is not made.


def unconfirmed(world):
    """Alice never pressed the button."""
    world.sign_up("alice")
    world.app.tick()


def paused(world):
    """Alice replied PAUSE to the welcome."""
    world.join("alice")
    answer(world, world.box.last("welcome"), "PAUSE")


def left(world):
    """Alice left by the link."""
    world.join("alice")
    world.app.leave(world.leave_token(), "page")


def unwanted(world):
    """Alice said that it was not her, after all."""
    world.join("alice")
    world.app.not_me(world.confirm_token())


@pytest.mark.parametrize("how", [unconfirmed, paused, left, unwanted], ids=lambda how: how.__name__)
def test_m13_nothing_is_made_for_whoever_does_not_want_it(world, how):
    """Unconfirmed, paused, gone or on the list of those we never write to: three days pass without a mail."""
    how(world)
    before = world.box.names()
    for _ in range(9):
        world.clock.go(hours=8)
        world.app.tick()

    assert world.box.names() == before


# The same message, whatever becomes of it.


def test_a_retry_is_the_same_message(world):
    """A mail house that has it already sees the same Message-ID, Reply-To and words; only the date has gone on."""
    tried = []

    def busy_once(outgoing):
        tried.append(outgoing.as_bytes())
        return TryLater("busy") if len(tried) == 1 else Sent("provider-1")

    world.box.answer = busy_once
    world.sign_up("alice")
    world.app.tick()
    world.clock.go(minutes=2)
    world.app.tick()
    first, again = (re.sub(rb"\r\nDate: [^\r]+", b"", raw) for raw in tried)

    assert first == again
    assert tried[0] != tried[1]


def photo(mail):
    """Return a reply that is a photo and nothing else."""
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = mail.to, mail.reply_to, "<photo@client.example.org>"
    message.set_content("")
    message.add_attachment(bytes(40_000), "image", "jpeg", filename="page.jpg")
    return message.as_bytes()


def test_h9_a_receipt_is_the_same_whatever_was_written(tmp_path):
    """To "I want to die", to "done", to a long text and to a photo: the same bytes, with where help is in each."""
    receipts = []
    for number, words_or_photo in enumerate(["I want to die", "done", "It helped. " * 100, None]):
        with service(tmp_path / str(number)) as world:
            world.join("alice")
            lesson = until(world, "day-1")
            if words_or_photo is None:
                world.deliver(photo(lesson))
            else:
                world.reply(lesson, words_or_photo)
            world.app.tick()
            receipts.append(world.box.last("receipt").as_bytes())

    assert len(receipts) == 4
    assert len(set(receipts)) == 1
    assert "Call your local emergency number" in Mail(None, receipts[0]).text


def test_a2_nothing_of_a_reply_comes_back_in_its_receipt(world):
    """A subject with a hidden line break, a strange sender, headers of its own: the receipt is what it always is."""
    world.join("alice")
    lesson = until(world, "day-1")
    raw = (
        f'From: "x\\\r\n y" <alice@example.org>\r\nTo: {lesson.reply_to}\r\nMessage-ID: <a@client.example.org>\r\n'
        "Subject: =?utf-8?q?a=0ABcc:_x=40y.z?=\r\nReply-To: eve@example.org\r\nBcc: eve@example.org\r\n"
        "\r\nIt helped.\r\n"
    )
    decided = world.deliver(raw.encode())
    world.app.tick()
    receipt = Mail(None, world.box.last("receipt").as_bytes())
    called = payload([part(world.box.last("receipt"))], sandbox=False)  # the same by SendGrid

    assert decided == ["completed"]
    assert json.loads(called)["personalizations"][0]["to"] == [{"email": "alice@example.org"}]
    assert not re.search(b'"bcc"|bcc:|x@y|eve@|It helped', called, re.IGNORECASE)  # an id may have "bcc" in it
    assert receipt.count("Bcc") == 0
    assert receipt["To"] == "alice@example.org"
    assert receipt["Subject"] == "Day 1 is noted"
    assert not re.search(b"x@y|eve@|It helped", receipt.raw)


# Names that are more than names (A1, A3 to A6).

NAMES = [
    "{{7*7}}",
    "{leave_url}",
    "{name}",
    "zqleave_urlqz",
    "zqnosuchqz",
    "${x}",
    "%open-track%",
    "%%name%%",
    "-name-",
    "{{{ name }}}",
    "<% x %>",
    "<%= 7*7 %>",
    "{% import os %}",
    "[%unsubscribe%]",
    "*|NAME|*",
    "\\1 \\g<0>",
    "%s %(x)s %d",
    "&amp; &lt;b&gt;",
    "<img src=x onerror=alert(1)>",
    "<b>Bold</b>",
    '"><script>alert(1)</script>',
    "' onmouseover='x",
    "</style></p>",
    "<!--[if mso]>",
    "a=3Db =E2=80=A6 =",
    ".",
    "--=_",
    "[a](https://evil.example)",
    "evil@bank.com",
    '"Ana" <x@y.org>',
    "moc.live\u202e",
    "🌻" * 20,
    "مريم",
    "Zoë",
    "x" * 80,
]


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Return, for each of these names, the mails of somebody who is called so."""
    found = {}
    with service(tmp_path_factory.mktemp("named") / "var") as world:
        for number, name in enumerate(NAMES):
            world.sign_up(f"person{number}", name=name, network=f"203.0.{number}.7")
        world.app.tick()
        for mail in list(world.box.sent):
            world.app.confirm(world.link(mail, "confirm"))
        world.app.tick()
        until(world, "day-1")
        for mail in world.box.sent:
            name = NAMES[int(re.search(r"person(\d+)@", mail.to)[1])]
            found[name, mail.mailing.name] = Mail(mail, mail.as_bytes())
    return found


CALLED = pytest.mark.parametrize("name", NAMES, ids=ascii)


@CALLED
@pytest.mark.parametrize("kind", ["welcome", "day-1"])
def test_a5_a_name_is_greeted_as_it_is(named, name, kind):
    """Nothing in it is computed, filled in, escaped twice or dropped: text and HTML show the letters it is made of."""
    mail = named[name, kind]
    shown = "".join(text for text, _ in mail.page.shown())

    assert f"\nHello {name},\n" in mail.text
    assert f"Hello {name}," in shown


@CALLED
@pytest.mark.parametrize("kind", ["welcome", "day-1"])
def test_a6_a_name_is_no_markup(named, name, kind):
    """The page is made of the same elements, links and comments as for anybody else."""
    mail, plain = named[name, kind], named["Zoë", kind]

    assert [(one.tag, sorted(one.attributes)) for one, _ in mail.page.elements] == [
        (one.tag, sorted(one.attributes)) for one, _ in plain.page.elements
    ]
    assert mail.page.comments == plain.page.comments
    assert len(URL.findall(mail.text)) == len(URL.findall(plain.text)) + name.count("https://")


@CALLED
@pytest.mark.parametrize("kind", ["confirm", "welcome", "day-1"])
def test_a1_a_name_is_in_no_header(named, name, kind):
    """The header block has the same lines in the same order as for anybody else, and two parts follow."""
    mail, plain = named[name, kind], named["Zoë", kind]

    assert [line.partition(":")[0] for line in mail.head] == [line.partition(":")[0] for line in plain.head]
    assert mail["Subject"] == plain["Subject"]
    assert [part.get_content_type() for part in mail.parsed.iter_parts()] == ["text/plain", "text/html"]


@CALLED
def test_a4_a_name_is_not_in_the_confirmation(named, name):
    """It could be an advertisement, sent through us to anybody: it is the same mail for every name."""

    def bare(mail):
        said = mail.text + mail.html
        return re.sub("[0-9a-f]{20,}", "<token>", said)

    assert bare(named[name, "confirm"]) == bare(named["Zoë", "confirm"])


BREAKING = [
    "x\r\nBcc: eve@example.org",
    "x\nBcc: eve@example.org",
    "x\rBcc: eve",
    "x\0y",
    "x\x0by",
    "x\x85y",
    "x\u2028y",
]


@pytest.mark.parametrize("name", BREAKING, ids=ascii)
def test_a1_what_never_gets_past_the_form_would_do_no_harm_either(world, name):
    """A line break or a NUL in a stored name (from an import, say) makes no header, no bare CR or LF, no third part."""
    world.sign_up("alice", name=name)
    world.app.tick()
    world.app.confirm(world.confirm_token())
    world.app.tick()
    mail = Mail(None, world.box.last("welcome").as_bytes())

    assert mail.count("Bcc") == 0
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in mail.raw.split(b"\r\n"))
    assert [part.get_content_type() for part in mail.parsed.iter_parts()] == ["text/plain", "text/html"]


# Without any configuration.


def test_on_this_machine_the_links_lead_to_it(world):
    """`make run` and nothing else: all links are to this machine, but for the one to help lines, and all else holds."""
    world.join("alice")
    mail = Mail(None, world.box.last("welcome").as_bytes())

    assert re.match(r"<http://127\.0\.0\.1:8000/leave/[0-9a-f]+>, <mailto:", mail["List-Unsubscribe"])
    assert {urlsplit(one.attributes["href"]).netloc for one in mail.page.all("a")} == {
        "127.0.0.1:8000",
        "findahelpline.com",
    }


def test_a_sender_whose_name_is_not_ascii_is_still_one_mailbox(tmp_path):
    """MAIL_FROM_NAME in any script, with commas and quotes: encoded on one line, and read back as it was set."""
    for number, name in enumerate(["Grüße, dir", 'Dear "Self", ok', "親愛なる自分", "Dear; Self <x@y.org>"]):
        with service(tmp_path / str(number), mail_from_name=name) as world:
            world.sign_up("alice")
            world.app.tick()
            mail = Mail(None, world.box.last("confirm").as_bytes())

            assert [(one.display_name, one.addr_spec) for one in mail.parsed["From"].addresses] == [
                (name, "hello@course.example.org")
            ]


def test_a_subject_that_is_not_ascii_stays_on_one_line(tmp_path):
    """An author's subject in any script, however long, is encoded without folding, and read back as it was written."""
    subject = "День первый: два способа сказать " * 4
    emails = tmp_path / "emails"
    shutil.copytree(Path(__file__).parents[1] / "emails", emails)
    path = emails / "notices" / "en-GB" / "confirm.md"
    path.write_text(path.read_text().replace("Please confirm your sign-up", subject.strip()))
    with service(tmp_path / "var", emails_dir=emails) as world:
        world.sign_up("alice")
        world.app.tick()
        mail = Mail(None, world.box.last("confirm").as_bytes())

    assert str(mail.parsed["Subject"]) == subject.strip()
    assert max(len(line) for line in mail.head) <= 998
    assert timedelta(0) == mail.parsed["Date"].datetime.utcoffset()
