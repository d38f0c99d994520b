"""In charge of mail programs: how each of them quotes a message and puts what somebody typed around or into it."""

from __future__ import annotations

import re
import textwrap
from base64 import encodebytes
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cached_property
from html import escape
from html.parser import HTMLParser
from itertools import chain
from typing import NamedTuple

PLACES = (4, 9, 14)  # after which paragraphs of the prompt an answer within it is typed


class Block(NamedTuple):
    """A paragraph as a client makes a text of it."""

    tag: str
    text: str
    number: int = 0


@dataclass(frozen=True)
class Sent:
    """A message as it went out."""

    raw: bytes

    def part(self, subtype: str) -> str:
        """Return a part's text."""
        message = message_from_bytes(self.raw, policy=policy.default)
        return message.get_body((subtype,)).get_content().replace("\r\n", "\n")

    @cached_property
    def plain(self) -> str:
        return self.part("plain").strip("\n")

    @cached_property
    def inner(self) -> str:
        """What stands in the body."""
        return re.search(r"<body[^>]*>(.*)</body>", self.part("html"), re.DOTALL)[1].strip()

    def header(self, name: str) -> str:
        return str(message_from_bytes(self.raw, policy=policy.default)[name])

    @property
    def head(self) -> str:
        return re.search(r"<style.*?</style>", self.part("html"), re.DOTALL)[0]


class _Blocks(HTMLParser):
    """Makes paragraphs of HTML, each time a block ends."""

    def __init__(self, link, hidden):
        super().__init__()
        self.link, self.hidden = link, hidden
        self.found, self.text, self.tag, self.number, self.href, self.skip, self.links = [], "", "p", 0, "", 0, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if self.skip or (not self.hidden and "display:none" in attrs.get("style", "").replace(" ", "")):
            self.skip += tag not in {"br", "img", "meta"}
            return
        if tag in {"p", "div", "h1", "h2", "li", "td", "tr", "ol", "ul", "table", "blockquote"}:
            self.end()
            self.tag = tag
            self.number = 0 if tag in {"ol", "ul"} else self.number + (tag == "li")
        if tag == "br":
            self.text += "\n"
        if tag == "a":
            self.href = attrs.get("href", "")

    def handle_endtag(self, tag):
        if self.skip:
            self.skip -= 1
            return
        if tag == "a" and self.href:
            self.links.append(self.href)
            self.text += self.link.format(url=self.href, number=len(self.links))
            self.href = ""
        if tag in {"p", "div", "h1", "h2", "li", "td", "tr", "ol", "ul", "table"}:
            self.end()

    def handle_data(self, data):
        if not self.skip:
            self.text += re.sub(r"\s+", " ", data)

    def end(self):
        text = "\n".join(row.strip() for row in self.text.split("\n")).strip()
        if text:
            self.found.append(Block(self.tag, text, self.number))
        self.text, self.tag = "", "p"


def blocks(html, *, link="", hidden=False):
    """Return the paragraphs of an HTML body, and the links in it."""
    parser = _Blocks(link, hidden)
    parser.feed(html)
    parser.end()
    return parser.found, parser.links


def as_text(html, *, link="", hidden=False, heading=str, item="  {number}. ", width=0, gap=True):
    """Return the paragraphs of HTML as lists of lines, in one of the ways that clients do it; and its links."""
    found, links = blocks(html, link=link, hidden=hidden)
    made = []
    for block in found:
        text = heading(block.text) if block.tag in {"h1", "h2"} else block.text
        if block.tag == "li":
            text = item.format(number=block.number) + text
        rows = [row for line in text.split("\n") for row in (textwrap.wrap(line, width) or [""] if width else [line])]
        made.append([*rows, ""] if gap else rows)
    return made, links


def paragraphs(text):
    """Return a plain text's paragraphs as lists of lines."""
    return [[*one.split("\n"), ""] for one in re.split(r"\n\n+", text)]


def marked(lines, mark="> ", bare=">"):
    """Return lines with a quote mark each."""
    return [(mark + line) if line else bare for line in lines]


def typed(answer):
    """Return the paragraphs of what somebody typed, as lists of lines."""
    return [one.split("\n") for one in answer.split("\n\n")]


def around(quote, answer, style, *, attribution, mark="> ", bare=">", inside=False, signature=()):
    """Return the lines of a plain reply. `inside`: the client puts its mark before what is typed in the quote too."""
    own = [line for one in typed(answer) for line in [*one, ""]][:-1]
    if style == "top":
        return [*own, "", *signature, attribution, *marked([*chain.from_iterable(quote)], mark, bare)]
    if style == "bottom":
        return [attribution, *marked([*chain.from_iterable(quote)], mark, bare), "", *own, *signature]
    rows, left = [attribution], typed(answer)
    places = set(places_in(len(quote), len(left)))
    for number, one in enumerate(quote):
        rows += marked(one, mark, bare)
        if number in places and left:
            count = -(-len(left) // max(1, sum(1 for place in places if place >= number)))
            new = [line for part in left[:count] for line in [*part, ""]]
            left = left[count:]
            rows += marked(new, mark, bare) if inside else ["", *new]
    return [*rows, *signature]


def places_in(count, answers):
    """Return after which of so many paragraphs answers are typed."""
    return [place for place in PLACES if place < count - 1][: max(1, answers)]


def in_html(answer, tag="div"):
    """Return typed paragraphs as markup."""
    return [f"<{tag}>{'<br>'.join(escape(row) for row in one)}</{tag}>" for one in typed(answer)]


def inside_html(inner, answer, tag="div", split=None):
    """Type into the quoted markup, behind some of its paragraphs; `split` closes and opens the quote there."""
    new = in_html(answer, tag)
    pieces = re.split(r"(?<=</p>)", inner)
    places = places_in(len(pieces), len(new))
    made = []
    for number, piece in enumerate(pieces):
        made.append(piece)
        if number in places and new:
            count = -(-len(new) // max(1, sum(1 for place in places if place >= number)))
            own = "".join(new[:count])
            new = new[count:]
            made.append(f"{split[0]}{own}{split[1]}" if split else own)
    return "".join(made)


def message(*parts, headers=(), subject="Re: Day 1"):
    """Return a message of parts (subtype, text, parameters), as an alternative if there are several."""
    head = ["From: Alice <alice@example.org>", "To: reply-abc@reply.example.org", f"Subject: {subject}"]
    head += ["Message-ID: <1@client.example.org>", "MIME-Version: 1.0", *headers]
    made = [_part(*one) for one in parts]
    if len(made) == 1:
        return "\r\n".join([*head, made[0]]).encode()
    body = "".join(f"--=_b\r\n{one}\r\n" for one in made)
    return "\r\n".join(
        [*head, 'Content-Type: multipart/alternative; boundary="=_b"', "", f"{body}--=_b--\r\n"]
    ).encode()


def _part(subtype, text, more=""):
    coded = encodebytes(text.replace("\r\n", "\n").replace("\n", "\r\n").encode()).decode().replace("\n", "\r\n")
    kind = f"Content-Type: text/{subtype}; charset=utf-8{more}"
    return f"{kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{coded}"


def flowed(rows, width=72):
    """Return rows, the client's own marks written as the character 1, as format=flowed: broken softly, and stuffed."""
    made = []
    for row in rows:
        marks = len(row) - len(row.lstrip("\x01"))
        text = row.lstrip("\x01")
        pieces = textwrap.wrap(text, width) or [""]
        for number, piece in enumerate(pieces):
            stuffed = f" {piece}" if marks or piece.startswith((">", " ", "From ")) else piece
            made.append((">" * marks + stuffed).rstrip() + " " * (number < len(pieces) - 1))
    return "\n".join(made)


# Clients that write plain text. Each has its attribution; most quote the text part, some make a text of the HTML.

DAY = "Mon, 16 Nov 2026"
ATTRIBUTIONS = {
    "mutt": "On Mon, Nov 16, 2026 at 06:00:00AM +0000, Dear Self wrote:",
    "claws": "On Mon, 16 Nov 2026 06:00:00 +0000\nDear Self <hello@course.example.org> wrote:\n",
    "kmail": "On Monday, November 16, 2026 7:00:00 AM Central European Standard Time Dear Self wrote:",
    "kmail-german": "Am Montag, 16. November 2026, 07:00:00 Mitteleuropäische Normalzeit schrieb Dear Self:",
    "evolution": "On Mon, 2026-11-16 at 06:00 +0000, Dear Self wrote:",
    "evolution-french": "Le lundi 16 novembre 2026 à 06:00 +0000, Dear Self a écrit :",
    "balsa": "On 2026.11.16 06:00, Dear Self wrote:",
    "trojita": "On Monday, 16 November 2026 07:00:00 CET, Dear Self wrote:",
    "gnus": "Dear Self <hello@course.example.org> writes:\n",
    "nmh": "Dear Self writes:",
    "elm": "According to Dear Self:",
    "aerc": "On Mon Nov 16, 2026 at 6:00 AM UTC, Dear Self wrote:",
    "geary": "On Mon, Nov 16 2026 at 06:00:00 AM +00:00:00, Dear Self \n<hello@course.example.org> wrote:",
    "the-bat": "Monday, November 16, 2026, 6:00:00 AM, you wrote:\n",
    "squirrelmail": "On Mon, November 16, 2026 6:00 am, Dear Self wrote:",
    "horde": "Quoting Dear Self <hello@course.example.org>:\n",
    "horde-german": "Zitat von Dear Self <hello@course.example.org>:\n",
    "roundcube": "On 2026-11-16 07:00, Dear Self wrote:",
    "roundcube-spanish": "El 2026-11-16 07:00, Dear Self escribió:",
    "k-9": "On November 16, 2026 6:00:00 AM UTC, Dear Self <hello@course.example.org> wrote:",
    "k-9-german": "Am 16. November 2026 07:00:00 MEZ schrieb Dear Self <hello@course.example.org>:",
    "thunderbird-german": "Am 16.11.26 um 07:00 schrieb Dear Self:",
    "thunderbird-japanese": "On 2026/11/16 15:00, Dear Self wrote:",
    "opera": "On Mon, 16 Nov 2026 06:00:00 -0000, Dear Self \n<hello@course.example.org> wrote:\n",
    "none": "",
}


def plain(sent, answer, style, client="mutt", *, text=None, inside=False, signature=()):
    """Return a reply in plain text."""
    quote = text or paragraphs(sent.plain)
    rows = around(quote, answer, style, attribution=ATTRIBUTIONS[client], inside=inside, signature=signature)
    return message(("plain", "\n".join(rows)))


def plain_flowed(sent, answer, style, client="evolution", *, text=None, inside=False):
    """Return a reply in plain text that is format=flowed."""
    quote = text or paragraphs(sent.plain)
    rows = around(quote, answer, style, attribution=ATTRIBUTIONS[client], mark="\x01", bare="\x01", inside=inside)
    return message(("plain", flowed(rows), "; format=flowed"))


def two(
    sent, answer, style, name, *, tag="div", inner=None, cite='type="cite"', split=None, before="", after="", text=None
):
    """Return a reply of text and HTML, the quote in a <blockquote>; `split` None types into the quote."""
    attribution = ATTRIBUTIONS[name]
    made = text or as_text(sent.inner, width=72, hidden=True)[0]
    rows = around(made, answer, style, attribution=attribution, inside=split is None)
    own, head = "".join(in_html(answer, tag)), f"<div>{escape(attribution)}</div>" if attribution else ""
    quote = inner or sent.inner
    opens, closes = f"<blockquote {cite}>", "</blockquote>"
    if style == "inter":
        quote = inside_html(quote, answer, tag, (closes, opens) if split else None)
    html = {
        "top": f"{own}<br>{before}{head}{opens}{quote}{closes}{after}",
        "bottom": f"{before}{head}{opens}{quote}{closes}{after}<br>{own}",
        "inter": f"{before}{head}{opens}{quote}{closes}{after}",
    }[style]
    return message(("plain", "\n".join(rows)), ("html", f"<html><head>{sent.head}</head><body>{html}</body></html>"))


def outlook(sent, answer, style, *, plain_too=True, labels=("From", "Sent", "To", "Subject"), phone=""):
    """Return a reply of Outlook for Windows: no quote marks at all, a line and a header block; answers in the text."""
    names, day = (
        ["Dear Self <hello@course.example.org>", "alice@example.org", "Day 1"],
        "Monday, November 16, 2026 7:00 AM",
    )
    values = [names[0], day, names[1], names[2]]
    head = [f"{label}: {value}" for label, value in zip(labels, values, strict=True)]
    body, _ = as_text(sent.inner, link=" <{url}>", item="{number}. ")
    own = [row for one in typed(answer) for row in [*one, ""]]
    block = "<br>".join(f"<b>{label}:</b> {escape(value)}" for label, value in zip(labels, values, strict=True))
    line = "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
    top = f"{line}<p class=MsoNormal>{block}</p></div></div>"
    if style == "inter":
        quoted = inside_html(sent.inner, answer, "p class=MsoNormal")
        rows = [*head, "", *around(body, answer, "inter", attribution="", mark="", bare="")]
        html = f"{top}{quoted}"
    else:
        rows = [*own, phone, *head, "", *chain.from_iterable(body)]
        html = "".join(in_html(answer, "p class=MsoNormal")) + f"<p>{phone}</p>{top}{sent.inner}"
    page = f"<html><body><div class=WordSection1>{html}</div></body></html>"
    parts = [("plain", "\n".join(rows)), ("html", page)]
    return message(*(parts if plain_too else parts[1:]))
