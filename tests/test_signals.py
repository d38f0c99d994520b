"""Promises of the table of signals: each row with a mail of its own, both its decisions, and its line in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.reading import Counts, Verdict, is_automatic, read
from course.reading.signals import EMPTY, SIGNALS

DOCS = Path(__file__).parents[1] / "docs/answers.md"
OURS = "mx.dearself.example"


def mail(*headers, body="It helped a little.", sender="Alice <alice@example.org>", kind="text/plain; charset=utf-8"):
    """Return a mail of Alice's with these header lines."""
    lines = [
        f"From: {sender}",
        "To: reply-abc@reply.dearself.example",
        *headers,
        "MIME-Version: 1.0",
        f"Content-Type: {kind}",
    ]
    return "\r\n".join([*lines, "", body, ""]).encode()


REACTED = (  # as Outlook says it
    "hat auf Ihre Nachricht reagiert:",
    "a r\u00e9agi \u00e0 votre message :",
    "ha reaccionado a tu mensaje:",
    "reaccion\u00f3 a su mensaje:",
    "ha reagito al tuo messaggio:",
    "reagiu \u00e0 sua mensagem:",
    "heeft gereageerd op uw bericht:",
    "reagerade p\u00e5 ditt meddelande:",
)


def parts(*found, subtype="mixed"):
    """Return a mail of several parts, each with its type."""
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in found) + "--b--\r\n"
    return mail(body=body, kind=f"multipart/{subtype}; boundary=b")


def results(said):
    """Return what our own mail server wrote on a mail."""
    return mail(f"Authentication-Results: {OURS}; {said}")


PLAIN = "text/plain; charset=utf-8"
BOUNCE = "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; alice@example.org\r\nStatus: 5.1.1"
# What each row must find. Every row has at least one.
FOUND = {
    "ours": [
        mail(sender="hello@dearself.example"),
        mail(sender="reply-09@reply.dearself.example"),
        mail("Message-ID: <0901024c7d2af0913bb21c40e8d6f7@dearself.example>"),
    ],
    "Return-Path": [mail("Return-Path: <>"), mail("Return-Path:  < >")],
    "Auto-Submitted": [
        mail("Auto-Submitted: auto-replied"),
        mail("Auto-Submitted: AUTO-GENERATED (rejected); owner-email=x@y.example"),
        mail("Auto-Submitted: (a comment) auto-notified"),
        mail("Auto-Submitted: none"),
    ],
    "report": [
        parts((PLAIN, "It came back."), ("message/delivery-status", BOUNCE), subtype="report"),
        mail("Subject: Returned mail", sender="mail@mx.example.org", body=BOUNCE),
    ],
    "status": [mail(kind="message/disposition-notification"), mail(kind="message/delivery-status", body="A: b")],
    "calendar": [
        mail(kind="text/calendar; method=REPLY"),
        parts(
            (PLAIN, "Alice has accepted."), ("text/calendar; method=REPLY", "BEGIN:VCALENDAR"), subtype="alternative"
        ),
    ],
    "sender": [mail(sender="MAILER-DAEMON@example.org"), mail(sender="Post <no-reply@example.org>")],
    "X-Autoreply": [mail("X-Autoreply: yes")],
    "X-Autorespond": [mail("X-Autorespond: Re: Day 1")],
    "X-Auto-Reply-From": [mail("X-Auto-Reply-From: alice@example.org")],
    "X-Mail-Autoreply": [mail("X-Mail-Autoreply: alice@example.org")],
    "X-POST-MessageClass": [mail("X-POST-MessageClass: 9; Autoresponder")],
    "X-FC-MachineGenerated": [mail("X-FC-MachineGenerated: true")],
    "X-Cron-Env": [mail("X-Cron-Env: <SHELL=sh>")],
    "Delivered-To": [mail("Delivered-To: Autoresponder")],
    "Precedence": [mail("Precedence: bulk"), mail("Precedence: auto_reply"), mail("X-Precedence: junk")],
    "hops": [mail(*["Received: from a.example by b.example; Tue, 2 Mar 2027 08:00:00 +0000"] * 51)],
    "list": [
        mail("Precedence: list"),
        mail("List-Id: Friends <friends.example.org>"),
        mail("List-Unsubscribe: <https://lists.example.org/u>"),
        mail("List-Post: <mailto:friends@example.org>"),
        mail("Mailing-List: contact friends@example.org"),
        mail("X-Loop: friends@example.org"),
    ],
    "absence": [
        mail("Subject: Out of office: Day 1"),
        mail("Subject: Abwesenheitsnotiz: Day 1"),
        mail("Subject: OOO: Re: Day 1"),
        mail("Subject: Out of office"),
        mail("Subject: Automatic reply"),
        mail("Subject: Re: Out of Office: Day 1"),
        mail("Subject: Abwesend: Re: Day 1"),
        mail("Subject: =?utf-8?q?Au=C3=9Fer_Haus=3A_Tag_1?="),
        mail("Subject: AUTO: Alice is out (returning 3)"),
        mail("Subject: AUTO: Alice Liddell is out of the office (returning 03/05/2027)"),
    ],
    "reaction": [
        parts((PLAIN, "\U0001f44d"), ("text/vnd.google.email-reaction+json", '{"emoji":"\U0001f44d","version":1}')),
        mail(kind="text/vnd.google.email-reaction+json", body='{"emoji":"x","version":1}'),
        mail(body="Alice Liddell reacted to your message:"),
        mail(body="Liddell, Alice reacted to your message:\r\n\r\n\U0001f44d"),
        mail(body="Liked an image"),
        *(mail(body=f"Alice Liddell {said}") for said in REACTED),
        mail(body="\U0001f44d\r\n\r\nAlice Liddell reacted via Gmail"),
        mail(body="\u2764\ufe0f\r\nAlice Liddell hat \u00fcber Gmail reagiert"),
    ],
    "forged": [results("spf=fail smtp.mailfrom=example.org; dkim=fail header.d=example.org")],
    "sealed": [
        parts(("application/pgp-encrypted", "Version: 1"), ("application/octet-stream", "x"), subtype="encrypted"),
        mail(body="-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----"),
        mail(kind="application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", body="MIAG"),
    ],
    "empty": [mail(body=""), mail(body="Sent from my iPhone"), mail(body="-- \r\nAlice"), mail(body="> Day 1")],
    "X-Auto-Response-Suppress": [
        mail("X-Auto-Response-Suppress: All"),
        mail("X-Auto-Response-Suppress: OOF, AutoReply"),
    ],
}
ROWS = [(row, raw) for row in SIGNALS for raw in FOUND.get(row.name, [None])]


def judged(raw):
    """Return what is decided of a mail, with a mail server of ours and our own domains."""
    return read(raw, OURS, frozenset({"dearself.example", "reply.dearself.example"}))


@pytest.mark.parametrize(("row", "raw"), ROWS, ids=[f"{row.name}-{n}" for n, (row, _) in enumerate(ROWS)])
def test_each_row_of_the_table_decides_as_it_says(row, raw):
    """A mail with this one sign has the row's decisions, and the row is named."""
    assert raw is not None, "write a mail for this row"
    assert judged(raw).verdict == Verdict(row.counts, row.answer, row.name)


def test_no_mail_is_for_a_row_that_is_gone():
    """The mails above and the table name the same rows, each once."""
    assert sorted(FOUND) == sorted(row.name for row in SIGNALS)


@pytest.mark.parametrize(("row", "raw"), ROWS, ids=[f"{row.name}-{n}" for n, (row, _) in enumerate(ROWS)])
def test_a_machine_is_what_its_row_says(row, raw):
    """is_automatic() asks only whether a person wrote it; it does not know our own domains."""
    assert is_automatic(raw) == (row.machine and row.name != "ours")


PEOPLE = {
    "a plain mail": mail(),
    "Auto-Submitted: no": mail("Auto-Submitted: no (a person wrote this)"),
    "no request for silence": mail("X-Auto-Response-Suppress: None"),
    "a name by our own mail server": mail("Message-ID: <20270302080000.4XfA2B@dearself.example>"),
    "fifty servers": mail(*["Received: from a.example by b.example"] * 50),
    "a calendar as a file": parts((PLAIN, "Here it is."), ('text/calendar; name="week.ics"', "BEGIN:VCALENDAR")),
    "an enclosed notice": parts((PLAIN, "Look."), ("message/rfc822", "Auto-Submitted: auto-replied\r\n\r\nx")),
    "an enclosed invitation": parts(
        (PLAIN, "Look."), ("message/rfc822", "Content-Type: text/calendar; method=REQUEST\r\n\r\nx")
    ),
    "an emoji and Gmail": mail(body="\U0001f642 I have Gmail now"),
    "an emoji, then words": mail(body="\U0001f642\r\nI read it in Gmail, and then I walked for an hour."),
    "loving": mail(body="Loved \u201cthe voice\u201d"),
    "loving at length": mail(body="Loved \u201cNotice the voice and how it speaks\u201d and wept."),
    "liking": mail(body='Liked "the part about the friend who always knows what to say".'),
    "someone else's reaction": mail(body="My sister reacted to your message:\r\n\r\nshe laughed, and so did I, a lot."),
    "a body that reacted": mail(body="My body reacted to your message"),
    "a chest that reacted": mail(body="I cried. My chest reacted to your message: I slept after."),
    "a Spanish body": mail(body="Mi cuerpo ha reaccionado a tu mensaje"),
    "a German body": mail(body="Mein K\u00f6rper hat auf deine Nachricht reagiert"),
    "a namesake": mail(body="My Alice reacted to your message"),
    "a brother": mail(body="Bob reacted to your message"),
    "tears and Gmail": mail(body="\U0001f62d\U0001f62d\r\nI could not write more, my Gmail is broken"),
    "a name and Gmail": mail(body="\U0001f62d\r\nAlice (my Gmail is broken)"),
    "loving a part": mail(body="Loved \u201cthe part where you ask what I would say to a friend\u201d"),
    "loving a photo": mail(body="Loved a photo"),
    "a subject about an office": mail("Subject: Re: Out of office - what do you do when you are not working?"),
    "an office, and more": mail("Subject: Out of office and into the woods"),
    "a wonder": mail("Subject: Ooo: this helped"),
    "a car": mail("Subject: Auto: I was late again"),
    "absent": mail("Subject: Abwesend"),
    "out of the house": mail("Subject: Out: I went for a walk"),
    "one failure": results("spf=fail smtp.mailfrom=example.org; dkim=none"),
    "the other failure": results("spf=pass smtp.mailfrom=example.org; dkim=fail header.d=example.org"),
    "a pass beside": results("spf=fail; dkim=fail header.d=list.example; dkim=pass header.d=example.org"),
    "another server's word": mail("Authentication-Results: mx.elsewhere.example; spf=fail; dkim=fail"),
    "a photo alone": parts((PLAIN, ""), ("image/jpeg", "x" * 20_000)),
    "an encrypted file beside words": parts((PLAIN, "Here."), ("application/pkcs7-mime", "MIAG")),
}


@pytest.mark.parametrize("raw", PEOPLE.values(), ids=PEOPLE)
def test_a_person_s_mail_counts_and_may_be_answered(raw):
    """What looks like a sign and is none, costs nobody their day or their answer."""
    assert judged(raw).verdict == Verdict()


def test_a_failure_is_believed_of_our_own_server_only():
    """Without AUTHSERV_ID nothing is known, and a sender could write anything."""
    raw = results("spf=fail; dkim=fail header.d=example.org")

    assert read(raw).verdict == Verdict()


def test_the_strictest_of_several_signs_holds():
    """A machine that went through a group is a machine; an empty mail that asks for silence gets no answer."""
    both = judged(mail("List-Id: <friends.example.org>", "Auto-Submitted: auto-replied")).verdict
    empty = judged(mail("X-Auto-Response-Suppress: All", body="")).verdict

    assert both == Verdict(Counts.NO, answer=False, row="Auto-Submitted")
    assert empty == Verdict(Counts.NO, answer=False, row=EMPTY.name)


def test_the_table_is_in_the_order_of_its_decisions():
    """Machines first, then what is held, then what is empty: the first sign that is found decides."""
    counts = [row.counts for row in SIGNALS if row is not EMPTY]

    assert counts == sorted(counts, key=[Counts.NO, Counts.HOLD, Counts.YES].index)
    assert all(row.counts is Counts.YES for row in SIGNALS[SIGNALS.index(EMPTY) + 1 :])


def test_the_documented_table_is_the_one_that_decides():
    """docs/answers.md shows every row with its decisions and its source, in the order in which they decide."""
    said = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    meant = [
        f"| `{row.name}` | {row.shown} | {row.counts} | {'yes' if row.answer else 'no'} | {row.source} |"
        for row in SIGNALS
    ]

    assert said == meant
