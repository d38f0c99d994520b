"""Promises of replies to our own lessons: whatever a mail program does with the prompt, what was typed comes out, exactly.

Each program quotes the lesson as it really went out, above, below and around what alice, bob and charlie typed.
"""

# ruff: noqa: E501, RUF001 (markup as clients write it, many alphabets)

from __future__ import annotations

import base64
import os
import re
import struct
import subprocess
from dataclasses import replace
from datetime import date
from functools import lru_cache
from html import escape
from itertools import pairwise

import mail_clients as clients
import pytest
from conftest import make_settings
from mail_clients import Sent, as_text, message, paragraphs

from benchmarks import reading
from course.content import catalogue, help_lines
from course.links import PAGES
from course.reading import extract, reacts, read
from course.reading.bodies import of
from course.reading.extracting import Reader, sift
from course.reading.lines import MOST
from course.reading.mime import parse

ALICE = "To myself, I said: hurry up, everybody is waiting.\n\nTo a friend, I would say: take the time you need."
BOB = (
    "I forgot my sister's birthday.\n\nWhat came up:\n\n- cold tone, no words\n- then a sigh\n\nOn the fridge hangs a note:"
    "\n\n> one day is not all days\n\nThat is what I would tell her, too. It took me three tries to write it down here, "
    "and on the third one my voice was quieter."
)
CHARLIE = {
    "word": "Weary.",
    "emoji": "🙂🌱",
    "german": "Zu mir: „Stell dich nicht so an.“\n\nZu ihr: „Größe zeigt sich im Kleinen, ruh dich aus.“",
    "hebrew": "אמרתי לעצמי: תתאמץ יותר.\n\nלחברה הייתי אומר: לאט לאט.",
    "arabic": "قلت لنفسي: أسرع قليلا.",
    "chinese": "我对自己说：快一点。\n\n对朋友我会说：慢慢来。",
    "japanese": "自分には「急いで」と言った。\n\n友だちには「ゆっくりでいいよ」と言う。",
}
ANSWERS = {"alice": ALICE, "bob": BOB} | CHARLIE
STYLES = ("top", "bottom", "inter")


@lru_cache
def lesson(name="day-1"):
    """Return a lesson as it went out to alice."""
    settings = make_settings(
        base_url="https://course.example.org",
        transport="smtp",
        smtp_url="smtp://localhost:2525",
        mail_from="hello@course.example.org",
        reply_domain="reply.course.example.org",
        postal_address="1 Quiet Lane, London",
        controller_name="Quiet Lane Press",
        contact_email="people@course.example.org",
        secret_key="the-key-of-the-tests-0123456789-abcdef",
    )
    everything = catalogue.load(settings)
    mailing = everything.mailing("self-compassion", name, "en-GB")
    today, mail = date(2026, 11, 16), everything.words["en-GB"]["mail"]
    checked = tuple(replace(line, verified_on=today) for line in everything.help_lines)
    values = {
        "greeting": "Hello Alice,",
        "help_lines": help_lines.block(checked, mail, "GB", today),
        "help_lines_html": help_lines.block_html(checked, mail, "GB", today),
        "date": "1 November 2026",
        "leave_url": "https://course.example.org/leave/abc",
        **{f"{page}_url": f"https://course.example.org/{page}/abc" for page in (*PAGES, "resource")},
        "kept": everything.words["en-GB"]["levels"]["count"]["kept"],
        "readers": "",
    }
    head = (
        "From: Dear Self <hello@course.example.org>\r\nTo: alice@example.org\r\nReply-To: reply-abc@reply.example.org\r\n"
        f"Subject: {mailing.subject}\r\nMessage-ID: <1@course.example.org>\r\n"
    )
    return Sent(head.encode() + mailing.mime(values))


def html_text(sent, **how):
    """Return the lesson's HTML as one of the clients makes a text of it."""
    return as_text(sent.inner, **{"width": 76, **how})[0]


def roundcube(sent, answer, style):
    """Capitals, stars and a list of links below; what is typed in the quote gets its mark."""
    text, links = as_text(sent.inner, link=" [{number}]", item=" * ", heading=str.upper, width=72)
    numbered = [f"[{number}] {link}" for number, link in enumerate(links, 1)]
    return clients.plain(
        sent, answer, style, "roundcube", text=[*text, ["", "Links:", "------", *numbered]], inside=True
    )


def evolution(sent, answer, style):
    """Flowed text made of the HTML with its hidden preheader; what is typed in the quote gets its mark."""
    return clients.plain_flowed(
        sent, answer, style, text=html_text(sent, width=0, item="   {number}. ", hidden=True), inside=True
    )


def thunderbird(sent, answer, style):
    """Text and HTML; links in angle brackets, and the quote is split where the answer stands."""
    return clients.two(
        sent, answer, style, "thunderbird-german", tag="p", split=True, text=html_text(sent, link=" <{url}>")
    )


def gmail(sent, answer, style):
    """HTML in divs; the attribution in a class of its own, the quote in another."""
    cite = (
        'class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"'
    )
    return clients.two(
        sent, answer, style, "k-9", cite=cite, before='<div class="gmail_quote">', after="</div>", split=True
    )


def apple(sent, answer, style):
    """Put the attribution within the quote, in text and HTML; a phone's footer."""
    own = "".join(clients.in_html(answer))
    said = "On 16 Nov 2026, at 07:00, Dear Self <hello@course.example.org> wrote:"
    lines = [said, "", *(line for one in paragraphs(sent.plain) for line in one)]
    rows = [line for one in clients.typed(answer) for line in [*one, ""]]
    text = "\n".join([*rows, "Sent from my iPhone", "", *clients.marked(lines)])
    quote = f'<blockquote type="cite"><div>{escape(said)}<br><br></div>{sent.inner}</blockquote>'
    page = f"{own}<br><div>Sent from my iPhone</div><div><br>{quote}</div>"
    return message(("plain", text), ("html", f'<html><body dir="auto">{page}</body></html>'))


def yahoo(sent, answer, style):
    """No marks at all: in HTML a class, in text an attribution and the prompt below it."""
    said = "On Monday, November 16, 2026 at 07:00:00 AM GMT, Dear Self <hello@course.example.org> wrote:"
    text = "\n".join([answer, "", "    " + said, " ", *(" " + row for one in html_text(sent, width=0) for row in one)])
    own = "".join(clients.in_html(answer, 'div dir="ltr"'))
    quote = f'<div id="ydp1yahoo_quoted_1" class="yahoo_quoted"><div><div>{escape(said)}</div><div>{sent.inner}</div></div></div>'
    return message(("plain", text), ("html", f"<html><body>{own}<div><br></div>{quote}</body></html>"))


def proton(sent, answer, style):
    """Put a signature block of its own, then the quote in a class of its own."""
    said = "On Monday, November 16th, 2026 at 7:00 AM, Dear Self <hello@course.example.org> wrote:"
    rows = [*answer.split("\n"), "", "Sent with [Proton Mail](https://proton.me) secure email.", "", said, ""]
    text = "\n".join([*rows, *clients.marked([row for one in html_text(sent) for row in one])])
    own = "".join(clients.in_html(answer))
    block = (
        '<div class="protonmail_signature_block"><div>Sent with <a href="https://proton.me">Proton Mail</a></div></div>'
    )
    quote = f'<div class="protonmail_quote">{escape(said)}<br><blockquote class="protonmail_quote">{sent.inner}</blockquote></div>'
    return message(("plain", text), ("html", f"{own}{block}<br>{quote}"))


def samsung(sent, answer, style):
    """Original message between dashes and a block of labels, no marks, below a footer."""
    block = "From: Dear Self <hello@course.example.org>\nDate: 16/11/2026  07:00  (GMT+00:00)\nTo: alice@example.org\nSubject: Day 1"
    rows = [answer, "", "", "Sent from my Galaxy", "", "", "-------- Original message --------", block, ""]
    text = "\n".join([*rows, *(row for one in html_text(sent, width=0) for row in one)])
    own = "".join(clients.in_html(answer, 'div dir="auto"'))
    head = "<br>".join(map(escape, ["-------- Original message --------", *block.split("\n")]))
    footer = '<div id="composer_signature" dir="auto">Sent from my Galaxy</div>'
    return message(("plain", text), ("html", f"{own}<br>{footer}<br><div>{head}</div><br>{sent.inner}"))


def outlook_web(sent, answer, style):
    """HTML only, with the ids of Outlook on the web and its rule."""
    labels = [
        ("From", "Dear Self <hello@course.example.org>"),
        ("Sent", "Monday, November 16, 2026 7:00 AM"),
        ("To", "Alice"),
        ("Subject", "Day 1"),
    ]
    head = "<br>".join(f"<b>{label}:</b> {escape(value)}" for label, value in labels)
    own = "".join(clients.in_html(answer, 'div class="elementToProof"'))
    quoted = f'<div id="appendonsend"></div><hr style="width:98%"><div id="divRplyFwdMsg" dir="ltr">{head}</div><div>{sent.inner}</div>'
    return message(("html", f"<html><body>{own}{quoted}</body></html>"))


def unknown(sent, answer, style):
    """Be a client, in a language, that nobody has heard of: no marks, labels in no language, the prompt re-wrapped."""
    labels = ["Zod: Dear Self <hello@course.example.org>", "Vim: alice@example.org", "Xul: Day 1", ""]
    return message(
        ("plain", "\n".join([answer, "", *labels, *(row for one in html_text(sent, width=50) for row in one)]))
    )


def bare(sent, answer, style):
    """No marks, nothing that announces anything."""
    return clients.message(
        ("plain", "\n".join(clients.around(paragraphs(sent.plain), answer, style, attribution="", mark="", bare="")))
    )


def german_outlook(sent, answer, style):
    """Answers typed between the prompt's own paragraphs, below a header block in German."""
    return clients.outlook(
        sent, answer, style, labels=("Von", "Gesendet", "An", "Betreff"), phone="Von meinem iPhone gesendet"
    )


EVERYWHERE = {
    "roundcube": roundcube, "evolution": evolution, "thunderbird": thunderbird, "gmail": gmail,
    "evolution-html": lambda *of: clients.two(*of, "evolution"), "no attribution": lambda *of: clients.two(*of, "none"),
    "alpine": lambda *of: clients.plain_flowed(*of, "mutt", text=html_text(of[0], heading=str.upper, hidden=True)),
}  # fmt: skip
ABOVE = {
    "apple": apple, "yahoo": yahoo, "proton": proton, "samsung": samsung, "outlook web": outlook_web, "unknown": unknown,
    "outlook": clients.outlook, "outlook, HTML only": lambda *of: clients.outlook(*of, plain_too=False),
    "outlook, German": german_outlook,
}  # fmt: skip
WITHIN = {"outlook": clients.outlook, "outlook, German": german_outlook, "bare": bare}
REPLIES = [
    *((f"{name}-{style}", make, style) for name, make in EVERYWHERE.items() for style in STYLES),
    *((f"{name}-top", make, "top") for name, make in ABOVE.items()),
    *((f"{name}-inter", make, "inter") for name, make in WITHIN.items()),
    *(
        (f"{name}-{style}", lambda *of, name=name: clients.plain(*of, name), style)
        for name in clients.ATTRIBUTIONS
        for style in STYLES
    ),
]


def same(got, want):
    """Whether two texts hold the same words in the same order; blank lines and wrapping are a client's."""
    return " ".join(got.split()) == " ".join(want.split())


@pytest.mark.parametrize("who", ANSWERS)
@pytest.mark.parametrize(("make", "style"), [one[1:] for one in REPLIES], ids=[one[0] for one in REPLIES])
def test_what_was_typed_comes_out_of_every_client(make, style, who):
    """All of it and nothing else: above the prompt, below it, within it, in any script, with a mark of one's own."""
    raw = make(lesson(), ANSWERS[who], style)

    assert same(extract(raw, sent=lesson().raw), ANSWERS[who])


NOTHING = [one for one in REPLIES if one[2] == "top"]


@pytest.mark.parametrize("make", [one[1] for one in NOTHING], ids=[one[0] for one in NOTHING])
def test_nothing_typed_is_nothing(make):
    """Sent by mistake: the quote, its announcement and a phone's footer are no words of a person."""
    assert extract(make(lesson(), "", "top"), sent=lesson().raw) == ""


@pytest.mark.parametrize("make", [one[1] for one in NOTHING if one[0] not in {"unknown-top", "none-top", "elm-top"}])
def test_most_are_right_without_knowing_what_was_sent(make):
    """An old lesson's delivery has become a count: what marks a client does put are enough for an answer on top."""
    assert same(extract(make(lesson(), ALICE, "top")), ALICE)


def test_words_typed_behind_ours_on_the_same_line_stay():
    """As in Outlook, where one types at the end of the line that asks."""
    lines = lesson().plain.split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("You may feel nothing"))
    lines[at] += " I felt a little sad."

    assert extract("\n".join(lines), sent=lesson().raw) == "I felt a little sad."


ITEMS = ("To myself, I said …", "stupid"), ("To a friend, I would say …", "rest")
SMALL = "One word for the tone you used with yourself today: harsh.\nOne word for the tone you would use with a friend: mellow."


@pytest.mark.parametrize("of", ["plain", "html"])
def test_a_word_typed_behind_an_item_of_ours_stays(of):
    """Within the quote, as the lesson asks for it: one word is a fifth of that line, and all that Alice wrote."""
    text = lesson().part(of)
    for item, word in ITEMS:
        text = text.replace(item, f"{item} {word}")
    said = "On 16 Nov 2026, at 07:00, Dear Self <hello@course.example.org> wrote:"
    raw = {
        "plain": "\n".join([said, *clients.marked(text.split("\n"))]),
        "html": f'<div class="gmail_attr">{escape(said)}</div><blockquote>{text}</blockquote>',
    }

    assert extract(message((of, raw[of])), sent=lesson().raw).split() == ["stupid", "rest"]


@pytest.mark.parametrize("make", [gmail, apple, thunderbird])
def test_lines_of_ours_that_were_filled_in_above_the_quote_stay_whole(make):
    """Bob copied the small version, and put a word behind each line; a mark of the quote begins only below."""
    assert same(extract(make(lesson(), SMALL, "top"), sent=lesson().raw), SMALL)


def test_lines_of_ours_that_were_filled_in_keep_their_words_without_a_quote():
    """Charlie's program quotes nothing: our words go, as those of a quote without marks would, and never his."""
    assert extract(message(("plain", SMALL)), sent=lesson().raw).split() == ["harsh.", "mellow."]


@pytest.mark.parametrize("make", [gmail, apple, thunderbird])
def test_a_sentence_of_ours_above_the_quote_stays_in_a_persons_own_line(make):
    """Alice says which one she means; what stands above an announced quote is hers."""
    said = "“When you have had enough, you might rest both feet on the floor.” On the bus I did."

    assert same(extract(make(lesson(), said, "top"), sent=lesson().raw), said)


def test_what_a_mail_server_puts_behind_a_link_of_ours_is_no_word():
    """A filter names the host that a link of ours leads to, in brackets."""
    quote = [
        line.replace("/resource/abc", "/resource/abc [filter.example]")
        for line in clients.marked(lesson().plain.split("\n"))
    ]

    assert extract("\n".join(["On Mon, 16 Nov 2026, Dear Self wrote:", *quote]), sent=lesson().raw) == ""


BANNERS = [
    "CAUTION: This email originated from outside of the organisation. Do not click links or open attachments unless you know who wrote.",
    "CAUTION: This email originated from outside of the organisation. Do not\nclick links or open attachments unless you know who wrote, and that all in\nit is safe.",
    "[EXTERNAL EMAIL] Do not click links you did not expect.",
    "This message is from an external sender\nIt came from outside your organization.",
    "ACHTUNG: Diese E-Mail stammt von einem externen Absender.",
    "ATTENTION : ce courriel provient d'un expéditeur externe. Ne cliquez pas sur les liens.",
    "PRECAUCIÓN: este correo se originó fuera de la organización.",
    "שים לב: ההודעה נשלחה מחוץ לארגון.",
]


def firms(banner, answer=""):
    """Return an answer from Outlook at work, whose mail server put a banner above the lesson as it came in."""
    head = (
        "From: Dear Self <hello@course.example.org>\nSent: Monday, November 16, 2026 7:00 AM\nTo: Alice\nSubject: Day 1"
    )
    return message(("plain", f"{answer}\n\n{head}\n\n{banner}\n\n{lesson().plain}\n"))


@pytest.mark.parametrize("banner", BANNERS)
def test_a_firms_banner_above_our_letter_is_no_word(banner):
    """Or each answer from work would have it in it, and a mail without a word would make a day done."""
    assert extract(firms(banner), sent=lesson().raw) == ""
    assert same(extract(firms(banner, ALICE), sent=lesson().raw), ALICE)


@pytest.mark.parametrize("typed", ["I sat outside and read your email.", "External, I said, is only a word."])
def test_what_was_typed_right_above_our_letter_is_no_banner(typed):
    """Bob types below the header of the quote."""
    assert extract(firms(typed), sent=lesson().raw) == typed


@pytest.mark.parametrize(
    "banner",
    [*BANNERS, "CAUTION: External email.", "[EXTERNAL]", "*** External Sender ***", "Precaución: correo externo."],
)
def test_a_banner_above_a_persons_words_is_no_word_of_theirs(banner):
    """The mail server on our own side may put it above what comes in: STOP below it is the first line."""
    assert read(message(("plain", f"{banner}\n\nSTOP\n"))).first_line == "STOP"
    assert extract(f"{banner}\n\n{ALICE}") == ALICE
    assert extract(f"{banner}\n{ALICE}") == ALICE


NO_BANNERS = [
    "Caution: I am tired.\n\nIt passed.",
    "CAUTION: External email. I read it twice.\n\nThen I slept.",
    "External email made me anxious today.\n\nI let it be.",
    "External\n\nand internal, I said.",
    "This message is from my heart.\n\nIt helped.",
    "I let it be.\n\nCAUTION: External email.",
]


@pytest.mark.parametrize("typed", NO_BANNERS)
def test_what_only_begins_like_a_banner_is_somebodys_word(typed):
    """Each sentence must be one of a mail server's, and it stands on top."""
    assert extract(typed) == typed


def test_a_signature_below_the_quote_is_cut():
    """Where mutt, Thunderbird and KMail put it; or a mail without a word of Charlie's would make a day done."""
    quote = "\n".join(["On Mon, 16 Nov 2026, Dear Self wrote:", *clients.marked(lesson().plain.split("\n"))])

    assert extract(message(("plain", f"{quote}\n\n-- \nCharlie\n")), sent=lesson().raw) == ""
    assert extract(message(("plain", f"{quote}\n\nWeary.\n\n-- \nCharlie\n")), sent=lesson().raw) == "Weary."


def test_a_question_of_ours_in_a_persons_sentence_stays():
    """Only whole lines of ours go; words that somebody quotes in a sentence are theirs."""
    said = 'You write "Write down what you said to yourself just then", and I did: nothing but a sigh.'

    assert extract(said, sent=lesson().raw) == said


def test_a_greeting_like_ours_stays():
    """A short line of ours that stands alone is anybody's."""
    assert extract("Hello Alice,\n\nthat is what I said to the mirror.", sent=lesson().raw).startswith("Hello Alice,")


def test_an_older_message_within_the_quote_is_not_an_answer():
    """Bob answers the second letter of a thread: what he wrote last week is quoted once more, and goes."""
    inner = [f"> {line}" for line in ["On Mon, 9 Nov 2026, Bob wrote:", "> I did it last week.", "> And again."]]
    quote = clients.marked(lesson().plain.split("\n"))
    text = "\n".join(["Today too.", "", "On Mon, 16 Nov 2026, Dear Self wrote:", *quote, *inner])

    assert extract(text, sent=lesson().raw) == "Today too."


def test_several_texts_with_a_picture_between_are_one():
    """Apple Mail cuts the text in two where a photo stands."""
    parts = [
        "Content-Type: text/plain\n\nAbove.",
        "Content-Type: image/jpeg\nContent-Disposition: inline; filename=a.jpg\n\nx",
    ]
    parts.append("Content-Type: text/plain\n\nBelow.\n\nSent from my iPad")
    body = "".join(f"--b\n{one}\n" for one in parts)

    assert extract(f"Content-Type: multipart/mixed; boundary=b\n\n{body}--b--\n".encode()) == "Above.\n\nBelow."


def test_the_fuller_of_text_and_html_is_read():
    """A text part that was cut short, and one that has quotes nobody can see, are both beside a whole HTML part."""
    short = message(("plain", "It helped"), ("html", "<p>It helped a little, in the end.</p>"))
    quote = message(
        ("plain", "It helped.\n\nDay 1\nAbout 10 minutes"),
        ("html", "<p>It helped.</p><blockquote>Day 1<br>About 10 minutes</blockquote>"),
    )

    assert extract(short) == "It helped a little, in the end."
    assert extract(quote) == "It helped."


@pytest.mark.parametrize("mark", ["\u2013", "a"])
def test_format_flowed_is_put_together_and_what_was_stuffed_is_not(mark):
    """RFC 3676: soft breaks go, DelSp takes their space, a typed ">" is the person's, "-- " ends it all."""
    text = f"I wrote it on \nthe train {mark} \ntwice.\n > like this\n-- \nAlice"
    raw = message(("plain", text, "; format=flowed"))

    assert extract(raw) == f"I wrote it on the train {mark} twice.\n> like this"
    assert extract(message(("plain", "ゆっ \nくり", "; format=flowed; delsp=yes"))) == "ゆっくり"


def test_a_forwarded_lesson_keeps_what_stands_above_it():
    """Gmail's and Apple's forwards; an attached one is somebody else's words altogether."""
    for head in ("---------- Forwarded message ---------", "Begin forwarded message:"):
        assert (
            extract(f"Look at this.\n\n{head}\nFrom: Dear Self\nSubject: Day 1\n\n{lesson().plain}", lesson().raw)
            == "Look at this."
        )
    inner = b"Content-Type: message/rfc822\n\nSubject: x\n\nnot mine"
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nMine.\n--b\n"
        + inner
        + b"\n--b--\n"
    )
    assert extract(raw) == "Mine."


def test_a_pgp_signature_is_no_word():
    """RFC 4880 section 7: the armour goes, a dash that it escaped comes back; what is encrypted says nothing."""
    head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    signature = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAd\n=abcd\n-----END PGP SIGNATURE-----\n"

    assert extract(f"{head}It helped.\n- - a little\n{signature}") == "It helped.\n- a little"
    assert extract(message(("plain", f"{head}It helped.\n{signature}"))) == "It helped."
    assert extract("-----BEGIN PGP MESSAGE-----\n\nhQEMA5\n-----END PGP MESSAGE-----\n") == ""


@pytest.fixture
def certificate(tmp_path):
    """Give a key and a certificate for a day."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alice", "-days", "1"]
    subprocess.run([*command, "-keyout", "k.pem", "-out", "c.pem"], check=True, cwd=tmp_path, capture_output=True)
    return tmp_path


NEEDS_OPENSSL = pytest.mark.skipif(
    not any(os.access(f"{folder}/openssl", os.X_OK) for folder in os.get_exec_path()), reason="needs openssl"
)


def smime(inner, folder, *how):
    """Return a mail that is an S/MIME signature around a part (RFC 8551 section 3.5.2)."""
    (folder / "m").write_bytes(inner)
    command = ["openssl", "cms", "-sign", "-in", "m", "-signer", "c.pem", "-inkey", "k.pem", "-binary", *how]
    done = subprocess.run([*command, "-outform", "DER"], check=True, cwd=folder, capture_output=True)
    return SMIME_HEAD + base64.encodebytes(done.stdout), done.stdout


SMIME_HEAD = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\n"


@NEEDS_OPENSSL
@pytest.mark.parametrize("how", [["-nodetach"], ["-nodetach", "-indef", "-stream"]])
def test_an_smime_signature_around_the_message_is_opened(certificate, how):
    """RFC 8551: Outlook's opaque signatures hold the message itself, in one piece or in many."""
    text = "Content-Type: text/plain; charset=utf-8\r\n\r\nIt helped a little.\r\n"
    raw, der = smime(text.encode(), certificate, *how)

    assert extract(raw) == "It helped a little."
    for end in range(0, len(der), 40):
        assert isinstance(extract(SMIME_HEAD + base64.encodebytes(der[:end])), str)


def tnef(*properties, body=b""):
    """Return a winmail.dat of a body and MAPI properties (MS-OXTNEF section 2.1.3)."""
    made = struct.pack("<I", len(properties)) + b"".join(properties)
    found = struct.pack("<IH", 0x223E9F78, 1)
    for name, value in ((0x0002800C, body), (0x00069003, made)):
        found += struct.pack("<BII", 1, name, len(value)) + value + struct.pack("<H", sum(value) % 65536)
    return found


def prop(kind, name, value):
    """Return one property: a number as it is, a text with its length."""
    head = struct.pack("<HH", kind, name)
    return head + value if kind == 3 else head + struct.pack("<II", 1, len(value)) + value + bytes(-len(value) % 4)


WINMAIL = {
    "body": tnef(body=b"It helped a little.\0"),
    "property": tnef(prop(3, 0x17, b"\1\0\0\0"), prop(0x1F, 0x1000, "It helped a little.\0".encode("utf-16-le"))),
    "html": tnef(prop(0x1E, 0x37, b"Re: Day 1\0"), prop(0x102, 0x1013, b"<p>It helped a little.</p>")),
}


@pytest.mark.parametrize("raw", WINMAIL.values(), ids=WINMAIL)
def test_e11_a_winmail_dat_alone_is_opened(raw):
    """Outlook with rich text: what it says is in there, as a body, a property or HTML; cut off, nothing breaks."""
    head = b"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"

    assert extract(head + base64.encodebytes(raw)) == "It helped a little."
    for end in range(len(raw)):
        assert isinstance(extract(head + base64.encodebytes(raw[:end])), str)


# Our lesson, quoted within what a text may be wrapped in.

BY_NAME = {name: (make, style) for name, make, style in REPLIES}
WITH_HTML = ("thunderbird-top", "thunderbird-inter", "gmail-inter", "evolution-html-bottom", "outlook-top", "apple-top")
IN_PLAIN = ("mutt-top", "mutt-bottom", "mutt-inter", "roundcube-top", "roundcube-inter", "alpine-inter")


def reply_of(name, who):
    """Return a reply to our lesson as this client makes it."""
    make, style = BY_NAME[name]
    return make(lesson(), ANSWERS[who], style)


@NEEDS_OPENSSL
@pytest.mark.parametrize("how", [["-nodetach"], ["-nodetach", "-indef", "-stream"]], ids=["one piece", "many"])
def test_our_lesson_within_an_smime_signature_is_cut_out(certificate, how):
    """Whatever the client, opaque or not: what was typed comes out, and nothing of ours."""
    for name in (*WITH_HTML, *IN_PLAIN):
        for who in ("alice", "bob"):
            inner = reply_of(name, who)
            raw, _ = smime(inner[inner.index(b"Content-Type") :], certificate, *how)

            assert same(extract(raw, sent=lesson().raw), ANSWERS[who]), name


@pytest.mark.parametrize("who", ["alice", "bob", "hebrew"])
@pytest.mark.parametrize("name", IN_PLAIN)
def test_our_lesson_within_a_pgp_signature_is_cut_out(name, who):
    """The whole text is signed, the quote and dashes of one's own in it."""
    text = re.sub(r"^-", "- -", Sent(reply_of(name, who)).plain, flags=re.MULTILINE)
    signature = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAd\n=abcd\n-----END PGP SIGNATURE-----\n"
    raw = message(("plain", f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n{signature}"))

    assert same(extract(raw, sent=lesson().raw), ANSWERS[who])


def texts_of(raw):
    """Return the text of a mail and its HTML, as properties of a winmail.dat."""
    sent = Sent(raw)
    return prop(0x1F, 0x1000, f"{sent.plain}\0".encode("utf-16-le")), prop(0x102, 0x1013, sent.part("html").encode())


FORMS = {
    "both": lambda raw: tnef(*texts_of(raw)),
    "text": lambda raw: tnef(texts_of(raw)[0]),
    "html": lambda raw: tnef(texts_of(raw)[1]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("who", ["alice", "bob", "hebrew"])
@pytest.mark.parametrize("name", WITH_HTML)
def test_our_lesson_within_a_winmail_dat_is_cut_out(name, who, form):
    """As text, as HTML or as both, above or between our lines."""
    head = b"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    raw = head + base64.encodebytes(form(reply_of(name, who)))

    assert same(extract(raw, sent=lesson().raw), ANSWERS[who])


def test_utf_8_that_says_it_is_big5_is_read():
    """Some programs label what they do not look at."""
    raw = "Content-Type: text/plain; charset=Big5\n\n慢慢来，今天休息。".encode()

    assert extract(raw) == "慢慢来，今天休息。"


@pytest.mark.parametrize(
    "one", ["👍", "❤️", "?", "1", "+1", ":-)", "done", "Fertig.", "完成", "はい", "끝", "نعم", "כן"]
)
def test_one_word_or_sign_counts(one):
    """Alone, above a footer, in HTML."""
    assert extract(one) == one
    assert extract(f"{one}\n\nSent from my iPhone") == one
    assert extract(f"<div>{escape(one)}</div>") == one


JOURNALS = [
    "To myself:\n\n---\nhurry up\n---\n\nTo a friend:\n\nrest",
    "On 3 May 1987 my father wrote:\n\nbe gentle",
    "On Tuesday 3 March at 8:00 I said to myself:\nhurry up",
    "My mother used to say:\n\nYou are enough.",
    "From: me\nTo: the one who forgot\nSubject: rest\n\nyou did what you could",
    "Date: today\nFrom: my tired self\n\nI am sorry.",
    "| to me | to a friend |\n| hurry | rest |",
    "Three things:\n-Tea\n-Bread\n-Walk",
    "1 < 2 and <alice> said hi",
    "I typed <b> into my notes and laughed.",
    "8:00 am: woke up\n9:30 am: breathe\n10:00: wrote this",
    "Dear me,\n\nyou did what you could.\n\nLove,\nAlice",
    "Best,\nAlice",
    "# Today\n\n---\n\nSlow.\n\n---\n\nAnd then some more.",
    "A line of mine\n> with an arrow in front\nand on it goes.",
    "Write to me at alice@example.org by 12 May:\n\nI would like that.",
    "What I said -- and meant -- was this.\n-- first, nothing\n-- second, a sigh",
    "I sent it from my phone and it was enough",
    "sharp\n---\nsoft",
    "cold\n--\nwarm",
    "To myself: cold\n------\nTo a friend: warm",
    "It was a long day, and I said so to nobody.\n***\nTo a friend: come and sit down",
    "It was a long day, and I said so to nobody.\n---\ncome and sit down",
    "What a mess you are.\n\n--\n\nYou carried a lot, and it shows.",
    "---- Monday ----\nTone: sharp\nDifficulty: 3 out of 10\n\n---- Tuesday ----\nTone: softer",
    "---- original thought ----\nI am in the way.\n---- second thought ----\nI am the one with the flat tyre.",
    "---- 23 November, 8:00 ----\nTone: sharp\nBody: tight",
    "The loud one\n============\nget up\n\nThe quiet one\n=============\nfive minutes more",
]


@pytest.mark.parametrize("text", JOURNALS)
def test_a_journal_stays_as_it_is(text):
    """Letters to oneself, lists, lines and notes look like much that clients write; nothing is lost."""
    for form in (text, f"{text}\n\nOn Mon, 16 Nov 2026 at 07:00, Dear Self <h@example.org> wrote:\n> Day 1"):
        assert extract(form) == text
    assert extract(text, sent=lesson().raw) == text


IT = "It helped a little."
QUOTE = "<blockquote>Day 1</blockquote>"
# name, message, what is right: one for each rule and each mark of a client's HTML that no lesson above needs.
ENDINGS = [
    ("a firm's banner", f"CAUTION: External email.\n\n{IT}", IT),
    ("rfc 3676", f"{IT}\n\n-- \nAlice\nQuiet Lane 1", IT),
    ("rfc 3676, its space lost", f"{IT}\n--\nBob", IT),
    ("rfc 3676, alone", "-- \nAlice", ""),
    ("dashes and a name", f"{IT}\n---\nCharlie", IT),
    ("dashes and a card", "Weary\n---\nCharlie\n+44 20 7946 0000", "Weary"),
    ("rfc 3676, its space lost, a card", "Weary\n--\nBob\nbob@example.org", "Weary"),
    ("underscores and a list", f"{IT}\n\n____________________\nquiet mailing list\nhttps://lists.example.org/quiet", IT),
    ("a dash and a name", f"{IT}\n\n-Alice Example", IT),
    ("two dashes and a name", f"{IT}\n\n--Bob", IT),
    ("card", f"{IT}\n\nCharlie Example\ncharlie@example.org\n+44 20 7946 0000\nwww.example.org", IT),
    ("card of two lines", f"{IT}\n\nalice@example.org\n+49 (0)30 901820", IT),
    ("dividers below", f"{IT}\n\n====\n", IT),
    ("a tracker's sign", f"{IT}\n\n\u1427\n", IT),
    ("rule above a block", f"{IT}\n____\nFrom: Dear Self <h@example.org>\nSent: 3 May\nTo: Bob\n\nDay 1", IT),
    ("blackberry 10", f"{IT}\n\nSent from my BlackBerry 10 smartphone.\n  Original Message  \nFrom: Dear Self\nSent: Monday, November 16, 2026 7:00\nTo: Bob\n\nDay 1", IT),
    ("a title that is typed", f"{IT}\n\nOriginal message\n\nI kept none.", f"{IT}\n\nOriginal message\n\nI kept none."),
    ("groupwise, below", f">>> Dear Self <h@example.org> 16/11/26 7:00 >>>\n\n> Day 1\n\n{IT}", IT),
    ("em client, below", f'------ Original Message ------\nFrom "Dear Self" <h@example.org>\nTo b@example.org\nDate 16/11/2026 7:00\n\n> Day 1\n\n{IT}', IT),
    ("zimbra, below", f"----- Mensaje original -----\nDe: h@example.org\nPara: b@example.org\nEnviados: Lunes 7:00\n\n> Day 1\n\n{IT}", IT),
    ("netease", f"{IT}\n\n---- Replied Message ----\n| From | Dear Self<h@example.org> |\n| Date | 11/16/2026 07:00 |\n\nDay 1", IT),
    ("netease, below", f"---- 回复的原邮件 ----\n| 发件人 | Dear Self<h@example.org> |\n| 主题 | Day 1 |\n> Day 1\n\n{IT}", IT),
    ("groupwise", f"{IT}\n\n>>> Dear Self <h@example.org> 16/11/26 7:00 >>>\nDay 1\nmore", IT),
    ("stamped", f"{IT}\n\n2026-11-16 7:00 GMT+01:00 Dear Self\n\n> Day 1", IT),
    ("a line and a sender", f"{IT}\n\n________________________________\n\nFrom: Dear Self <h@example.org>\n\nDay 1", IT),
    ("tobit", f"{IT}\n\n> Day 1\n\nOriginal Message processed by david®\nDay 1 16. November 2026", IT),
    ("piped", f"{IT}\n\n2026/11/16 Dear Self <h@example.org>\n\n| Day 1\n| more", IT),
    ("shared line", "Rested On Mon, Nov 16, 2026 at 7:00 AM, Dear Self wrote:\n> Day 1", "Rested"),
    ("link broken", f"{IT}\n\nOn Mon, 16 Nov 2026, Dear Self wrote:\n> see https://example.org/a\nb=1&c=2\n> more", IT),
    ("address broken", f"{IT}\n\nOn Mon, 16 Nov 2026 at 07:00 Dear Self\n\n<\nh@example.org\n> wrote:\n\nDay 1", IT),
    ("any language's dashes", f"{IT}\n\n------ Mezu jatorra ------\nNork: Dear Self\nNoiz: 16 Nov 2026 07:00\n\nDay 1", IT),
    ("indented, no quote", f'<div>I said</div><blockquote style="margin:0 0 0 40px;border:none;padding:0px">{IT}</blockquote>', f"I said {IT}"),
    ("indented, outlook.com", f'<div>I said</div><blockquote style="border-style: none">{IT}</blockquote>', f"I said {IT}"),
    ("typed into the signature", f'<div id="Signature">{IT}<br>Sent from my iPhone</div>', IT),
    ("hidden", f'<div style="display:none">peek</div><p>{IT}</p>', IT),
    ("hidden, outlook", f'<div style="mso-hide:all">peek</div><p>{IT}</p>', IT),
    ("list", "<p>Three:</p><ol><li>Tea</li><li>Bread</li></ol><ul><li>Walk</li></ul>", "Three: 1. Tea 2. Bread - Walk"),
    *(
        (f"mark {attribute}", f"<div>{IT}</div><div {attribute}>Alice, Quiet Lane 1</div>", IT)
        for attribute in (
            'class="gmail_signature"', 'data-smartmail="gmail_signature"', 'class="moz-signature"', 'id="_rc_sig"',
            'id="x_ms-outlook-mobile-signature"', 'id="x_Signature"', 'id="AppleMailSignature"', 'data-signature-widget="container"', 'class="ydp12ab34signature"', 'class="protonmail_signature_block"',
            'name="messageSignatureSection"', 'id="composer_signature"', 'class="bloop_sign"', 'class="k9mail-signature"',
            'class="-x-evo-signature-wrapper"', 'id="sig12345678"',
        )
    ),
    *(
        (f"mark {attribute}", f"<div>{IT}</div><div {attribute}><div>Dear Self, lundi</div></div><div>Day 1</div>", IT)
        for attribute in (
            'class="moz-forward-container"', 'id="x_divRplyFwdMsg"', 'id="appendonsend"', 'class="OutlookMessageHeader"',
            'id="mail-editor-reference-message-container"', 'id="ms-outlook-mobile-body-separator-line"',
            'style="border:none;border-top:solid #B5C4DF 1.0pt"', 'style="border-style: solid none none; border-width: 1pt"',
            'class="yahoo_quoted"', 'id="yahoo_quoted_123"', 'class="zmail_extra"', 'name="messageReplySection"',
            'class="ntes-mailmaster-quote"', 'id="isReplyContent"',
        )
    ),
    *(
        (f"mark {attribute}", f"<div>{IT}</div><div {attribute}>Dear Self, lundi<br>Day 1</div>", IT)
        for attribute in ('class="protonmail_quote"', 'class="tutanota_quote"', 'name="quote"')
    ),
    *(
        (f"mark {attribute}", f"<div>{IT}</div><div {attribute}>Dear Self, lundi</div>{QUOTE}", IT)
        for attribute in ('class="gmail_attr"', 'class="moz-cite-prefix"', 'id="reply-intro"', 'class="airmail_on"')
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "right"), [one[1:] for one in ENDINGS], ids=[one[0] for one in ENDINGS])
def test_each_rule_does_what_it_is_there_for(text, right):
    """One by one: each way of ending, announcing and marking that a client or an RFC is known for."""
    assert same(extract(text), right)


def test_no_rule_mark_or_language_is_there_for_nothing():
    """Left out, each changes how some fixture of ours is read, as `python -m benchmarks.reading --rules` lists."""
    whole, needless = reading.Reader(), []
    cases = [*reading.texts()][::-1]  # what was made for one rule comes first, and one that changes is enough
    usual = lru_cache(maxsize=None)(lambda case: whole.read(case.message))
    for name, sieve in reading.each_left_out(whole.sieve):
        reader, language = replace(whole, sieve=sieve), name.removeprefix("words: ")
        likely = sorted(cases, key=lambda case: not case.name.startswith(language))
        if all(reader.read(case.message) == usual(case) for case in likely):
            needless.append(name)

    assert needless == []


def typed(count):
    """Return so many lines, of which none is like another."""
    return [f"I noticed {number} things at the river, and wrote them down." for number in range(count)]


def by_word(lines, sent):
    """Return a reply as Word writes it: a paragraph and a blank one for each line, then the lesson as Outlook quotes it."""
    empty = "<p class=MsoNormal><span lang=EN-GB style='color:#1F497D'><o:p>&nbsp;</o:p></span></p>\n"
    own = "".join(
        f"<p class=MsoNormal><span lang=EN-GB style='color:#1F497D'>{line}<o:p></o:p></span></p>\n{empty}"
        for line in lines
    )
    head = "<p class=MsoNormal><b>From:</b> Dear Self &lt;hello@course.example.org&gt;<br><b>Sent:</b> 16 November 2026 07:00<br><b>To:</b> Alice<br><b>Subject:</b> Day 1</p>"
    line = "<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
    return message(("html", f"<html><body>{own}<div>{line}{head}</div></div>{sent.part('html')}</body></html>"))


@pytest.mark.parametrize("count", [120, 260])
def test_a_long_letter_by_word_comes_out_whole_and_alone(count):
    """Word has seven tags for each paragraph; with the lesson known or not, its words are ours and the letter is theirs."""
    sent, lines = lesson(), typed(count)

    for known in (sent.raw, None):
        assert extract(by_word(lines, sent), known).split("\n\n") == lines


def test_a_long_plain_letter_does_not_take_an_unmarked_quote_along():
    """A thousand lines, then Outlook's header and the lesson without marks."""
    head = "From: Dear Self <hello@course.example.org>\nSent: 16 November 2026 07:00\nTo: Alice\nSubject: Day 1"
    sent, lines = lesson(), typed(1_000)

    assert extract("\n".join([*lines, "", head, "", sent.plain]), sent.raw).splitlines() == lines


BEYOND = {
    "lines": lambda lines, sent: message(("plain", "\n".join([sent.plain, "", *lines]))),
    "flowed": lambda lines, sent: message(("plain; format=flowed", "\n".join([sent.plain, "", *lines]))),
    "lines between quotes": lambda lines, _: message(("plain", "\n".join(f"> a quote\n{line}" for line in lines))),
    "paragraphs": lambda lines, sent: message(
        ("html", "".join(f"<p>{line}</p>" for line in lines) + sent.part("html"))
    ),
    "lines of HTML": lambda lines, sent: message(("html", "<br>".join(lines) + "<br>" + sent.part("html"))),
    "paragraphs below": lambda lines, _: message(
        ("html", "<blockquote>x</blockquote>" * 2_500 + "".join(f"<p>{line}</p>" for line in lines))
    ),
    "one paragraph": lambda lines, _: message(("html", f"<p>{' '.join(lines)}</p>")),
    "words, then ours": lambda lines, sent: message(
        ("plain", "\n".join([*lines[:300], " ".join([" ".join(sent.plain.split()[:40]), *lines[300:]])]))
    ),
}


@pytest.mark.parametrize("make", BEYOND.values(), ids=BEYOND)
def test_nothing_that_was_typed_is_lost_beyond_what_is_looked_at(make):
    """However long it is: what is beyond the limits of lines, tags and words is kept as somebody's words."""
    sent, lines = lesson(), typed(5_000)

    for known in (sent.raw, None):
        words = " ".join(extract(make(lines, sent), known).split())
        assert [line for line in lines if line not in words] == []


def test_a_quote_of_somebody_else_is_cut_with_what_announces_it():
    """Whoever keeps what was cut keeps both; of ours neither is kept."""
    sent = lesson()
    bob = ["On Mon, 1 Mar 2027 at 09:12, Bob wrote:", "> Are you well?", ""]
    lines = [
        "I slept.",
        "",
        *bob,
        "On Mon, 1 Mar 2027 at 08:00, Dear Self wrote:",
        *clients.marked(sent.plain.splitlines()),
    ]
    found = sift(Reader().texts(parse(message(("plain", "\n".join(lines))))), sent.raw)

    assert (found.text, found.rest) == ("I slept.", "On Mon, 1 Mar 2027 at 09:12, Bob wrote:\n> Are you well?")


def test_texts_that_were_read_once_can_be_judged_again():
    """A mail is read before it is known what it answers; to judge it by one lesson changes nothing for the next look."""
    texts = Reader().texts(parse(message(("plain", f"{lesson().plain}\n\nI slept."))))
    before = Reader().sifted(texts).text

    assert sift(texts, lesson().raw).text == "I slept."
    assert Reader().sifted(texts).text == before != "I slept."


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_many_lines_beyond_what_is_looked_at_announce_no_quote(kind):
    """They are one text by then, and what goes on like a header block may go on as somebody's words."""
    beyond = ["Sent: Monday", "To: nobody", "Subject: me", *typed(400)]
    lines = [*typed(MOST - 1), "From: my desk", *beyond]
    page = "\n".join(lines) if kind == "plain" else "<br>".join(lines)

    assert extract(message((kind, page)), lesson().raw).splitlines()[-len(beyond) :] == beyond


def test_a_header_block_cut_off_by_what_is_looked_at_announces_its_quote_all_the_same():
    """Where two of its lines are looked at, all below them is the quote; where it is one, none of it is taken away."""
    head = "From: Dear Self <hello@course.example.org>\nSent: 16 November 2026 07:00\nTo: Alice\nSubject: Day 1"
    sent = lesson()

    for above in range(MOST - 5, MOST - 1):
        lines = typed(above)
        assert extract("\n".join([*lines, head, "", sent.plain]), sent.raw).splitlines() == lines
    words = extract("\n".join([*typed(MOST - 1), head, "", sent.plain]), sent.raw)
    assert words.splitlines()[MOST - 1 :][:4] == head.splitlines()


def test_a_signature_takes_nothing_along_that_is_beyond_what_is_looked_at():
    """What is below "-- " is cut as far as it is looked at; nobody has a signature of four hundred lines."""
    below = typed(400)
    page = "\n".join([*typed(MOST - 1), "-- ", *below])

    assert extract(message(("html", f"<pre>{page}</pre>"))).splitlines()[-len(below) :] == below


def test_lines_of_a_preformatted_page_end_like_all_others():
    """Whoever keeps their words keeps no carriage returns, which a mail's lines end with."""
    assert extract(message(("html", "<pre>I slept.\nThen I wrote.</pre>"))) == "I slept.\nThen I wrote."


@pytest.mark.parametrize("mark", ['id="Signature"', 'id="AppleMailSignature"', 'class="gmail_signature"'])
def test_words_typed_into_a_signature_are_kept_where_there_are_no_others(mark):
    """Outlook and Apple Mail let people write within it, and copy its mark to new lines; what is below "-- " is none."""
    quote = f"<blockquote type='cite'>{lesson().part('html')}</blockquote>"

    def typed_into(own, above=""):
        return extract(message(("html", f"{above}<div {mark}>{own}</div>{quote}")), lesson().raw)

    assert typed_into("I slept at last.<br>P.S. Thank you.") == "I slept at last.\nP.S. Thank you."
    assert typed_into("I slept.<br>Sent from my iPhone") == "I slept."
    assert typed_into("Sent from my iPhone") == ""
    assert typed_into("-- <br>Alice Liddell") == ""
    assert typed_into("Alice Liddell", "<div>I slept.</div>") == "I slept."
    assert typed_into("Alice Liddell<br>P.S. Thank you.", "<div>I slept.</div>") == "I slept.\n\nP.S. Thank you."
    assert typed_into("P.S. Thank you.<br><br>Alice Liddell", "<div>I slept.</div>") == "I slept.\nP.S. Thank you."


def test_broken_markup_and_marks_raise_nothing():
    """Cut at any place, a reply is still read."""
    raw = gmail(lesson(), BOB, "inter")
    for end in range(0, len(raw), 997):
        assert isinstance(extract(raw[:end], sent=lesson().raw), str)
    for begin, end in pairwise(range(0, len(lesson().inner), 333)):
        assert isinstance(extract(lesson().inner[begin:end], sent=raw), str)


@pytest.mark.parametrize(
    "how",
    [
        "Liked “{}”",
        "Loved “{}”",
        "Disliked “{}”",
        "Laughed at “{}”",
        "Emphasized “{}”",
        "Emphasised “{}”",
        "Questioned “{}”",
        "Reacted 🔥 to “{}”",
        "Removed a heart from “{}”",
        "Removed an exclamation from “{}”",
        "Removed a question mark from “{}”",
        "Le gustó “{}”",
        "No le gustó “{}”",
        "Le encantó “{}”",
        "Le dio risa “{}”",
        "Exclamó por “{}”",
        "Dudó sobre “{}”",
        "Reaccionó con 🔥 a “{}”",
        "Ha amato “{}”",
        "Ha adorato “{}”",
        "Ha apprezzato “{}”",
        "Non ha apprezzato “{}”",
        "Ha enfatizzato “{}”",
        "Ha evidenziato “{}”",
        "Ha riso per “{}”",
        "Ha riso a “{}”",
        "Ha riso di “{}”",
        "Gli è piaciuto “{}”",
        "Le è piaciuto “{}”",
        "Non è piaciuto “{}”",
        "Ha messo in dubbio “{}”",
        "Ha reagito con 🔥 a “{}”",
        "Curtiu “{}”",
        "Gostou de “{}”",
        "Não gostou de “{}”",
        "Amou “{}”",
        "Adorou “{}”",
        "Riu de “{}”",
        "Riu com “{}”",
        "Enfatizou “{}”",
        "Destacou “{}”",
        "Questionou “{}”",
        "Lachte om “{}”",
        "Hield van “{}”",
        "Houdt van “{}”",
        "Benadrukte “{}”",
        "Twijfelde aan “{}”",
        "Reageerde met 🔥 op “{}”",
        "A aimé « {} »",
        "A adoré « {} »",
        "A réagi avec 🔥 à « {} »",
        "Gefällt „{}“",
        "Ha messo “Mi piace” a «{}»",
        "Reagiu com 🔥 a «{}»",
        "Gillade ”{}”",
        "Ogillade ”{}”",
        "Älskade ”{}”",
        "Skrattade åt ”{}”",
        "Betonade ”{}”",
        "Ifrågasatte ”{}”",
        "Reagerade med 🔥 på ”{}”",
        "Vond “{}” leuk",
        "Vond “{}” niet leuk",
        "Vond “{}” geweldig",
        "Vindt “{}” grappig",
    ],
)
def test_a_phones_reaction_is_known_in_its_language(how):
    """Apple writes it around our own words; around somebody's own, or with more beside it, it is an answer."""
    ours = max(lesson().plain.splitlines(), key=len)

    assert reacts(how.format(ours), lesson().raw)
    assert not reacts(how.format("the part where I sat by the river and was quiet"), lesson().raw)
    assert not reacts(how.format(ours) + " I thought of my mother.", lesson().raw)


def test_read_and_extract_say_the_same():
    """The journeys' way in and the public one are one."""
    raw = gmail(lesson(), ALICE, "top")

    assert read(raw).words == extract(raw)
    assert len(of(parse(raw))) == 2
