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
    "har reagerat p\u00e5 ditt meddelande:",
    "reagiu \u00e0 tua mensagem:",
    "heeft op je bericht gereageerd:",
)


def parts(*found, subtype="mixed"):
    """Return a mail of several parts, each with its type."""
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in found) + "--b--\r\n"
    return mail(body=body, kind=f"multipart/{subtype}; boundary=b")


def results(said):
    """Return what our own mail server wrote on a mail."""
    return mail(f"Authentication-Results: {OURS}; {said}")


MACHINES = (
    "MAILER-DAEMON",
    "postmaster",
    "no-reply",
    "noreply-12",
    "do_not_reply",
    "auto-reply",
    "autoresponder",
    "owner-friends",
    "friends-owner",
    "friends-request",
    "bounce",
    "bounces+12-alice=example.org",
    "bounce-12",
    "notification",
    "notifications",
    "listserv",
    "majordomo",
)
# Notices of absence in the words of each language's programs.
AWAY = (
    "Autoreply",
    "Away from the office",
    "Abwesenheit",
    "Außer Haus",
    "Automatische Antwort",
    "Autoantwort",
    "Réponse automatique",
    "Absence du bureau",
    "Absent du bureau",
    "Respuesta automática",
    "Autorespuesta",
    "Fuera de la oficina",
    "Risposta automatica",
    "Fuori sede",
    "Resposta automática",
    "Fora do escritório",
    "Automatisch antwoord",
    "Afwezig",
    "Autosvar",
    "Automatiskt svar",
    "Automatisk svar",
    "Frånvarande",
    "Fraværende",
    "Automaattinen vastaus",
    "Poissa",
    "Mimo kancelář",
    "Automatická odpověď",
    "Automatická odpoveď",
    "Automatyczna odpowiedź",
    "Odpowiedź automatyczna",
    "Autoodpowiedź",
    "Poza biurem",
    "Автоматический ответ",
    "Автоответ",
    "Автоматична відповідь",
    "Otomatik yanıt",  # noqa: RUF001
    "Αυτόματη απάντηση",
    "Automatikus válasz",
    "Răspuns automat",
    "Automatski odgovor",
    "Автоматичен отговор",
    "Automatinis atsakymas",
    "Automaatvastus",
    "Automātiska atbilde",
    "Trả lời tự động",
    "Jawaban otomatis",
    "Balasan automatik",
    "Аутоматски одговор",
    "Samodejni odgovor",
    "Resposta automàtica",
    "Erantzun automatikoa",
    "स्वचालित उत्तर",
    "الرد التلقائي",
    "رد تلقائي",
    "תשובה אוטומטית",
    "מענה אוטומטי",
    "ตอบกลับอัตโนมัติ",
    "自动回复",
    "自動返信",
    "不在通知",
    "자동 회신",
    "부재중",
)
# What a machine says of itself at the beginning of its mail.
SAID = (
    "Dies ist eine automatische Nachricht.",
    "Ceci est une réponse automatique.",
    "Esto es un correo automático.",
    "Esta é uma mensagem automática.",
    "Questa è una risposta automatica.",
    "Dit is een automatisch bericht.",
    "To jest automatyczna odpowiedź.",
    "Это автоматический ответ.",
    "これは自動返信メールです。",
    "这是一封自动回复。",
)
PLAIN = "text/plain; charset=utf-8"
BOUNCE = "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; alice@example.org\r\nStatus: 5.1.1"
# What each row must find. Every row has at least one.
FOUND = {
    "ours": [
        mail(sender="hello@dearself.example"),
        mail(sender="reply-09@reply.dearself.example"),
        mail(sender="hello@DearSelf.example"),
        mail("Message-ID: <0901024c7d2af0913bb21c40e8d6f7@dearself.example>"),
        mail("Message-ID: <0901024c7d2af0913bb21c40e8d6f7@DEARSELF.example>"),
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
        mail(kind="text/calendar", body="BEGIN:VCALENDAR"),
        *(
            parts(
                (PLAIN, "Alice says yes."), (f"text/calendar; method={how}", "BEGIN:VCALENDAR"), subtype="alternative"
            )
            for how in ("REPLY", "reply", "COUNTER", "DECLINECOUNTER", "REQUEST", "CANCEL", "REFRESH", "ADD")
        ),
    ],
    "sender": [mail(sender=f"Post <{name}@example.org>") for name in MACHINES],
    "X-Autoreply": [mail("X-Autoreply: yes")],
    "X-Autorespond": [mail("X-Autorespond: Re: Day 1")],
    "X-Auto-Reply-From": [mail("X-Auto-Reply-From: alice@example.org")],
    "X-Mail-Autoreply": [mail("X-Mail-Autoreply: alice@example.org")],
    "X-Auto-Reply": [mail("X-Auto-Reply: true")],
    "X-Autogenerated": [mail("X-Autogenerated: Reply")],
    "X-MS-Exchange-Generated-Message-Source": [mail("X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent")],
    "X-POST-MessageClass": [mail("X-POST-MessageClass: 9; Autoresponder")],
    "X-FC-MachineGenerated": [mail("X-FC-MachineGenerated: true")],
    "X-Cron-Env": [mail("X-Cron-Env: <SHELL=sh>")],
    "Delivered-To": [mail("Delivered-To: Autoresponder")],
    "Precedence": [mail(f"Precedence: {said}") for said in ("bulk", "auto_reply", "auto-reply")]
    + [mail("X-Precedence: junk")],
    "hops": [mail(*["Received: from a.example by b.example; Tue, 2 Mar 2027 08:00:00 +0000"] * 51)],
    "list": [
        mail("Precedence: list"),
        mail("List-Id: Friends <friends.example.org>"),
        mail("List-Unsubscribe: <https://lists.example.org/u>"),
        mail("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        *(
            mail(f"List-{name}: <mailto:friends@example.org>")
            for name in ("Post", "Subscribe", "Help", "Owner", "Archive")
        ),
        mail("X-Precedence: list"),
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
        mail("Subject: Alice Liddell is out of the office."),
        mail("Subject: Out of Office AutoReply: Day 1"),
        mail("Subject: Your email requires verification verify#abc-123"),
        mail("Subject: Out of office until 3 December: Day 1"),
        mail("Subject: Out of Office Re: Day 1"),
        mail("Subject: AutoReply AW: Day 1"),
        mail("Subject: away from my mail"),
        mail("Subject: Vacation auto-reply"),
        mail("Subject: [example.org #123] AutoReply: Day 1"),
        mail("Subject: [Request received] Day 1"),
        mail("Subject: Automatische Eingangsbest\u00e4tigung: Day 1"),
        mail("Subject: Message d'absence : Day 1"),
        mail("Subject: Niet op kantoor: Day 1"),
        mail("Subject: \u067e\u0627\u0633\u062e \u062e\u0648\u062f\u06a9\u0627\u0631: Day 1"),
        mail("Subject: Sj\u00e1lfvirkt svar: Day 1"),
        *(mail(f"Subject: {said}: Day 1") for said in AWAY),
        mail("Subject: AUTO: Alice Liddell is out of the office (returning 03/05/2027)"),
    ],
    "says so": [
        mail(body="This is an automatic reply.\r\n\r\nYour message has been received."),
        mail(body="I apologize for this automatic reply to your email.\r\n\r\nTo control spam, I now allow few."),
        mail(body="This message was created automatically by mail delivery software (TMDA)."),
        mail(body="This message has been automatically generated in response to the creation of a ticket."),
        mail(body="*** Diese Nachricht wurde automatisch erzeugt. ***"),
        mail(body="Ceci est un message automatique."),
        mail(
            body="Thank you for contacting Quiet Lane Press. We have received your email and will get back to you soon."
        ),
        mail(body="Este es un mensaje autom\u00e1tico.\r\n\r\nGracias."),
        *(mail(body=said) for said in SAID),
        mail(body="##- Please type your reply above this line -##\r\nYour request has been received."),
        mail(body="Your message\r\n\r\nTo: Alice\r\nSubject: Day 1\r\nSent: Monday\r\n\r\nwas read on Monday, 9:00."),
        mail(
            body="Ihre Nachricht\r\n\r\nAn: Alice\r\nBetreff: Tag 1\r\n\r\nwurde am Montag um 09:00 gelesen. Gru\u00df"
        ),
    ],
    "reaction": [
        parts((PLAIN, "\U0001f44d"), ("text/vnd.google.email-reaction+json", '{"emoji":"\U0001f44d","version":1}')),
        mail(kind="text/vnd.google.email-reaction+json", body='{"emoji":"x","version":1}'),
        mail(body="Alice Liddell reacted to your message:"),
        mail(body="Liddell, Alice reacted to your message:\r\n\r\n\U0001f44d"),
        mail(body="Alice Maria Liddell Castro Jones reacted to your message:"),
        mail(body="Alice Liddell reacted to your message:", sender="ALICE LIDDELL <alice@example.org>"),
        mail(body="Min Lee reacted to your message:", sender="Min Lee <min@example.org>"),
        mail(body="Liked an image"),
        mail(body="Disliked an image"),
        mail(body="Laughed at an attachment"),
        mail(body="Emphasised an image"),
        mail(body="Emphasized an image"),
        mail(body="Reacted \U0001f622 to an image"),
        mail(body="Removed a heart from an image"),
        mail(body="Removed an exclamation from an attachment"),
        mail(body="Removed a question mark from an image"),
        mail(body="Questioned an audio message"),
        *(mail(body=f"Alice Liddell {said}") for said in REACTED),
        mail(body="\U0001f44d\r\n\r\nAlice Liddell reacted via Gmail"),
        mail(body="\u2764\ufe0f\r\nAlice Liddell hat \u00fcber Gmail reagiert"),
        mail(body="\U0001f469\u200d\U0001f469\u200d\U0001f467\r\n\r\nAlice Liddell reacted via Gmail"),
    ],
    "spam": [mail("X-Spam-Flag: YES"), mail("X-Spam-Flag: Yes, score=7.1")],
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
    "a name in other signs": mail("Message-ID: <20270302080000.47321905@dearself.example>"),
    "a place in Exchange": mail("X-MS-Exchange-Generated-Message-Source: Journal Agent"),
    "a class of messages": mail("X-POST-MessageClass: 1; Normal"),
    "no machine": mail("X-FC-MachineGenerated: false"),
    "somebody's inbox": mail("Delivered-To: reply-abc@reply.dearself.example"),
    "an inbox of such a name": mail("Delivered-To: the-autoresponder@example.org"),
    "no spam": mail("X-Spam-Flag: NO"),
    "a class of post": mail("Precedence: first-class"),
    "a bouncer": mail(sender="bouncer@example.org"),
    "a published calendar": parts((PLAIN, "My week."), ("text/calendar; method=PUBLISH", "BEGIN:VCALENDAR")),
    "a reaction as a file": parts(
        (PLAIN, "Look what I got."),
        ("text/vnd.google.email-reaction+json\r\nContent-Disposition: attachment; filename=x.json", '{"emoji":"x"}'),
    ),
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
    "an automatic reply of the heart": mail(body="This is an automatic reply my heart gives whenever she calls."),
    "a message to oneself": mail(body="This is an automatic message to myself, I said, and laughed."),
    "a message that was read": mail(body="Your message\r\nwas read on the train, and I cried."),
    "a receipt that is told of": mail(
        body="This came:\r\n\r\nYour message\r\n\r\nTo: Alice\r\nSent: Monday\r\n\r\nwas read on Monday, 9:00."
    ),
    "a receipt and words": mail(
        body="Your message\r\n\r\nTo: Alice\r\nSent: Monday\r\n\r\nwas read on Monday, 9:00.\r\n\r\n"
        "That is what my phone says. I say that I sat down with it, and that it was what I needed on that day."
    ),
    "an answer to an automatic reply": mail(body="Oh, this is an automatic reply."),
    "a letter on automatic replies": mail(body="I wrote it down.\r\n\r\nThis is an automatic reply.\r\n\r\nOr is it?"),
    "somebody who is out": mail("Subject: My Heart is out of the woods"),
    "a heart that is out": mail("Subject: my Heart is out of the office today"),
    "a vacation": mail("Subject: Vacation: what the sea said"),
    "an absence": mail("Subject: Absence: a poem"),
    "an automatic thought": mail("Subject: Automatic thoughts: Day 1"),
    "a request": mail("Subject: Request received, and kept"),
    "a name with a not": mail(sender="donna.reply@example.org"),
    "someone else's reaction": mail(body="My sister reacted to your message:\r\n\r\nshe laughed, and so did I, a lot."),
    "a body that reacted": mail(body="My body reacted to your message"),
    "a chest that reacted": mail(body="I cried. My chest reacted to your message: I slept after."),
    "a Spanish body": mail(body="Mi cuerpo ha reaccionado a tu mensaje"),
    "a German body": mail(body="Mein K\u00f6rper hat auf deine Nachricht reagiert"),
    "a namesake": mail(body="My Alice reacted to your message"),
    **{
        f"a namesake, {name} {said}": mail(body=f"{name} Alice {said}")
        for name, said in (
            ("Meine", "hat auf deine Nachricht reagiert"),
            ("Ma", "a r\u00e9agi \u00e0 ton message"),
            ("Mi", "ha reaccionado a tu mensaje"),
            ("Mia", "ha reagito al tuo messaggio"),
            ("Minha", "reagiu \u00e0 tua mensagem"),
            ("Mijn", "heeft op je bericht gereageerd"),
            ("Min", "reagerade p\u00e5 ditt meddelande"),
        )
    },
    "an Alice in us": mail(body="the Alice in us reacted to your message"),
    "a cry": mail(body="THE CHILD THAT ALICE ONCE WAS reacted to your message"),
    "a name and a heart": mail(body="Alice (it is my heart that writes) reacted to your message"),
    "a reaction and words": mail(body="Alice reacted to your message:\r\n\r\nI laughed, and then I wept."),
    "a brother": mail(body="Bob reacted to your message"),
    "a brother's Gmail": mail(body="\U0001f44d\r\n\r\nBob reacted via Gmail"),
    "a name without Gmail": mail(body="\U0001f62d\r\nAlice has no Gmail"),
    "a name that says more": mail(body="\U0001f62d\r\nAlice reacted: she is not on Gmail"),
    "a name that says more of Gmail": mail(
        body="\U0001f62d\r\nAlice reacted by Gmail, which she never does, and sobbed"
    ),
    "tears and Gmail": mail(body="\U0001f62d\U0001f62d\r\nI could not write more, my Gmail is broken"),
    "a name and Gmail": mail(body="\U0001f62d\r\nAlice (my Gmail is broken)"),
    "loving a part": mail(body="Loved \u201cthe part where you ask what I would say to a friend\u201d"),
    "loving a photo": mail(body="Loved a photo"),
    "loving a movie": mail(body="Loved a movie"),
    "a like that was removed": mail(body="Removed a heart from my window today"),
    "a subject about an office": mail("Subject: Re: Out of office - what do you do when you are not working?"),
    "an office, and more": mail("Subject: Out of office and into the woods"),
    "a door": mail("Subject: Your email requires verification", body="Is what my banker says to me."),
    "thanks to a friend": mail(body="Thank you for contacting me. I was low that day, and you heard it."),
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
