"""Promises about reports: whom they are about is found, in whatever form they come, and nobody is ended for a guess."""

# ruff: noqa: RUF001 (many alphabets)

from __future__ import annotations

import json
import time

import pytest
from conftest import ON_SQLITE
from hypothesis import given
from hypothesis import strategies as st

from course.reading import failures, is_automatic

ALICE, BOB = "alice@example.org", "bob@example.org"
DSN = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
MIME-Version: 1.0

--b
Content-Type: text/plain

I could not deliver your message.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

{groups}

--b
Content-Type: message/rfc822

From: hello@dearself.example
To: {who}
Subject: Day 1

Hello.

--b--
"""
GROUP = "Final-Recipient: rfc822; {who}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}"


def dsn(*groups, to="reply-1@reply.example.org", who=ALICE):
    """Return a delivery status notification (RFC 3464)."""
    return DSN.format(groups="\n\n".join(groups), to=to, who=who).encode()


def group(who=ALICE, action="failed", status="5.1.1", said="550 5.1.1 User unknown"):
    """Return what it says of one recipient."""
    return GROUP.format(who=who, action=action, status=status, said=said)


def plain(body, subject="Mail delivery failed", sender="MAILER-DAEMON@mx.example.net"):
    """Return a report in a server's own words."""
    return f"From: {sender}\nTo: hello@dearself.example\nSubject: {subject}\n\n{body}\n".encode()


SAID = {
    "no such user": ("5.1.1", "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown", "hard"),
    "no such host": ("5.4.4", "Host or domain name not found", "hard"),
    "moved": ("5.1.6", "551 5.1.6 The recipient has moved", "hard"),
    "null MX": ("5.1.10", "556 5.1.10 Domain has a null MX", "hard"),
    "in French": ("5.1.1", "550 5.1.1 Adresse du destinataire invalide", "hard"),
    "a temporary code for ever": ("4.1.1", "450 4.1.1 User unknown in virtual alias table", "hard"),
    "full": ("5.2.2", "552 5.2.2 Mailbox full", "soft"),
    "full, by another code": ("5.2.1", "550 5.2.1 The user is over quota", "soft"),
    "spam": ("5.7.1", "550 5.7.1 Message content rejected as spam", "soft"),
    "our address": ("5.1.8", "553 5.1.8 Domain of sender address does not exist", "soft"),
    "policy": ("5.0.0", "550 Denied by policy", "soft"),
    "time": ("4.4.7", "421 4.4.2 Connection timed out", "soft"),
    "nothing": ("5.0.0", "", "soft"),
    "Exchange Online's directory": (
        "5.4.1",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "hard",
    ),
    "Yandex": ("5.7.1", "550 5.7.1 No such user!", "hard"),
    "Libero": ("5.0.0", "550 <alice@example.org> utente non esistente", "hard"),
    "a server without sense": ("5.0.0", "550 Voller Hoffnung", "soft"),
}


@pytest.mark.parametrize(("status", "said", "kind"), SAID.values(), ids=SAID)
def test_an_address_is_dead_only_when_that_is_said(status, said, kind):
    """Full, slow, suspicious or silent is soft; unknown, moved or without a mail server is hard."""
    assert failures(dsn(group(status=status, said=said))) == [(ALICE, kind)]


def test_each_recipient_is_told_apart():
    """One report, three people: one does not exist, one is full, one got it."""
    bob = group(BOB, status="5.2.2", said="552 Mailbox full")
    charlie = group("charlie@example.org", action="delivered", status="2.1.5", said="250 Ok")

    assert failures(dsn(group(), bob, charlie)) == [(ALICE, "hard"), (BOB, "soft")]


def test_the_address_that_we_wrote_to_counts():
    """Behind a source route, or known only by a name within a machine, the original address is taken."""
    routed = group("@relay.example.net:mailbox7@server") + "\nOriginal-Recipient: rfc822; alice@example.org"

    assert failures(dsn(routed)) == [(ALICE, "hard")]


WORDS = {
    "Exim": "A message could not be delivered to:\n\n  alice@example.org\n    Unrouteable address\n",
    "qmail": "Hi. This is qmail-send.\n\n<alice@example.org>:\n192.0.2.1 said: 550 no mailbox here by that name\n",
    "Yahoo": "Sorry, we were unable to deliver to the following address.\n\n<alice@example.org>:\nUser unknown\n",
    "below a copy's From": (
        "Unable to deliver to:\nalice@example.org: no such user\n\n--- Original message follows.\n"
        "From: hello@dearself.example\nTo: charlie@example.org\n"
    ),
    "a smart quote of the name": "Failed: alice@example.org <alice@example.org>: user unknown\n",
}


@pytest.mark.parametrize("body", WORDS.values(), ids=WORDS)
def test_reports_without_a_format_are_read(body):
    """What servers write in words names the same person, and neither the sender nor whom the copy was for."""
    assert failures(plain(body)) == [(ALICE, "hard")]


# Exchange's own words, in the languages it speaks: subject, what it says, kind. No format, no codes.
EXCHANGE = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>"
ABROAD = {
    "de": ("Unzustellbar: Day 1", "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden.", "hard"),
    "fr": ("Non remis : Day 1", "L\u2019adresse de messagerie que vous avez entrée est introuvable.", "hard"),
    "es": ("No se puede entregar: Day 1", "No se encontró la dirección de correo electrónico que especificó.", "hard"),
    "it": ("Non recapitabile: Day 1", "Impossibile trovare l'indirizzo di posta elettronica immesso.", "hard"),
    "nl": ("Onbestelbaar: Day 1", "Het ingevoerde e-mailadres kan niet worden gevonden.", "hard"),
    "pt": ("Não é possível entregar: Day 1", "Não foi possível localizar o endereço de email digitado.", "hard"),
    "pl": ("Nie można dostarczyć: Day 1", "Nie można odnaleźć wprowadzonego adresu e-mail.", "hard"),
    "ja": ("配信不能: Day 1", "入力された電子メール アドレスが見つかりませんでした。", "hard"),
    "ru": ("Не удается доставить: Day 1", "Указанный адрес электронной почты не найден.", "hard"),
    "en": ("Undeliverable: Day 1", "alice wasn't found at example.org.", "hard"),
    "de, full": ("Unzustellbar: Day 1", "Das Postfach des Empfängers ist voll. Versuchen Sie es später.", "soft"),
    "fr, full": ("Non remis : Day 1", "La boîte aux lettres du destinataire est pleine.", "soft"),
    "es, full": ("No se puede entregar: Day 1", "El buzón del destinatario está lleno.", "soft"),
    "it, full": ("Non recapitabile: Day 1", "La casella del destinatario è piena.", "soft"),
    "pl, full": ("Nie można dostarczyć: Day 1", "Skrzynka pocztowa adresata jest pełna.", "soft"),
    "de, late": ("Verzögert: Day 1", "Diese Nachricht wurde noch nicht zugestellt.", "soft"),
    "sv": ("Kan inte levereras: Day 1", "Den e-postadress som du angav hittades inte.", "hard"),
    "sv, full": ("Kan inte levereras: Day 1", "Mottagarens brevlåda är full.", "soft"),
    "da": ("Kan ikke leveres: Day 1", "Den angivne e-mailadresse blev ikke fundet.", "hard"),
    "no": ("Kan ikke leveres: Day 1", "E-postadressen du skrev inn, ble ikke funnet.", "hard"),
    "tr": ("Teslim Edilemiyor: Day 1", "Girdiğiniz e-posta adresi bulunamadı.", "hard"),
    "tr, full": ("Teslim Edilemiyor: Day 1", "Alıcının posta kutusu dolu.", "soft"),
    "de, refused": ("Unzustellbar: Day 1", "Die Nachricht wurde vom Server des Empfängers abgelehnt.", "soft"),
}


@pytest.mark.parametrize(("subject", "said", "kind"), ABROAD.values(), ids=ABROAD)
def test_exchange_s_own_words_are_read_in_its_languages(subject, said, kind):
    """With our Message-ID in In-Reply-To, as it puts it there, and without; an address that is in doubt is soft."""
    raw = plain(f"alice (alice@example.org)\n{said}\n", subject, EXCHANGE)

    for report in (raw, b"In-Reply-To: <day-1@dearself.example>\n" + raw):
        assert failures(report) == [(ALICE, kind)]
        assert is_automatic(report)


OTHERS = {
    "Gmail, German": ("zugestellt an alice@example.org, weil die Adresse nicht gefunden wurde.", "hard"),
    "Gmail, French": ("alice@example.org : l'adresse est introuvable ou ne peut pas recevoir de messages.", "hard"),
    "Gmail, Swedish": ("levererades inte till alice@example.org eftersom adressen inte kunde hittas.", "hard"),
    "Gmail, Turkish": ("adres bulunamadığından alice@example.org adresine teslim edilmedi.", "hard"),
    "Gmail, Finnish": ("alice@example.org: osoitetta ei löytynyt.", "hard"),
    "GMX": ("alice@example.org: Empfänger unbekannt", "hard"),
    "QQ": ("退信原因 收件人邮件地址（alice@example.org）不存在，邮件无法送达。", "hard"),
    "QQ, full": ("alice@example.org 退信原因 收件人邮箱已满", "soft"),
    "Orange": ("alice@example.org: 552 5.2.2 Boite du destinataire pleine. Adresse inconnue", "soft"),
}


@pytest.mark.parametrize(("said", "kind"), OTHERS.values(), ids=OTHERS)
def test_what_other_providers_say_in_their_own_language_counts(said, kind):
    """Nobody translates a report for us: the words that end an address are known in a dozen languages."""
    assert failures(plain(said)) == [(ALICE, kind)]


@pytest.mark.parametrize("subject", ["Unzustellbar: meine Briefe an mich", "Non remis : une lettre", "配信不能"])
def test_a_person_who_names_a_letter_undeliverable_is_no_server(subject):
    """Such a subject is believed of a mail server alone."""
    mail = plain("Mein Brief an bob@example.org kam zurück, die Adresse ist unbekannt.", subject, ALICE)

    assert (failures(mail), is_automatic(mail)) == ([], False)


def test_a_report_within_a_report_is_found():
    """A server that passes a report on says nothing itself; what it passes on does."""
    outer = dsn("", who="charlie@example.org").replace(b"From: hello@dearself.example", group().encode())

    assert failures(outer) == [(ALICE, "hard")]


def test_who_answers_a_lesson_by_a_machine_s_hand_is_read_too():
    """Some servers put In-Reply-To into their reports."""
    raw = b"In-Reply-To: <day-1@dearself.example>\n" + plain(
        "<alice@example.org>: user unknown", "Undeliverable: Day 1"
    )

    assert failures(raw) == [(ALICE, "hard")]


@ON_SQLITE
def test_a_report_by_an_unknown_hand_does_no_day(world, lessons):
    """A server that signs like anybody, and sets no header, is known by what it says."""
    raw = plain("550 no such user here\nRCPT TO: alice@example.org", "Re: Day 1", "post_master@example.org")
    raw = raw.replace(b"hello@dearself.example", lessons[0].reply_to.encode())

    assert world.deliver(raw) == ["automatic"]


def test_exim_s_own_header_names_the_people():
    """X-Failed-Recipients counts more than any address in the text."""
    raw = b"X-Failed-Recipients: alice@example.org\n" + plain("Ask help@example.net. No such user.")

    assert failures(raw) == [(ALICE, "hard")]


def test_a_complaint_is_found():
    """A feedback report (RFC 5965) names who complained; a DMARC report is none."""
    raw = dsn(group()).replace(b"message/delivery-status", b"message/feedback-report")
    abuse = raw.replace(
        b"Reporting-MTA: dns; mx.example.net", b"Feedback-Type: abuse\nOriginal-Rcpt-To: alice@example.org"
    )
    dmarc = abuse.replace(b"Feedback-Type: abuse", b"Feedback-Type: auth-failure")

    assert failures(abuse) == [(ALICE, "complaint")]
    assert failures(dmarc) == []


def test_amazon_s_notifications_are_read():
    """SES tells by JSON, bare or inside SNS."""
    bounce = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bouncedRecipients": [
                {"emailAddress": ALICE, "status": "5.1.1", "diagnosticCode": "smtp; 550 user unknown"}
            ],
        },
    }
    complaint = {"notificationType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": BOB}]}}
    wrapped = json.dumps({"Type": "Notification", "Message": json.dumps(complaint)})

    assert failures(plain(json.dumps(bounce), sender="no-reply@sns.example.net")) == [(ALICE, "hard")]
    assert failures(plain(wrapped, sender="no-reply@sns.example.net")) == [(BOB, "complaint")]


PEOPLE = {
    "about a returned letter": "Re: Day 1: undeliverable feelings",
    "about being away": "Re: out of the office",
    "in plain words": "Re: Day 2",
}


@pytest.mark.parametrize("subject", PEOPLE.values(), ids=PEOPLE)
def test_a_person_is_no_machine(subject):
    """Whoever writes about returned mail, or about being away, is a person all the same."""
    mail = plain("I wrote to no such user: me. bob@example.org knows.", subject, ALICE)
    mail = b"In-Reply-To: <day-1@dearself.example>\n" + mail

    assert (failures(mail), is_automatic(mail)) == ([], False)


LANGUAGES = {
    "Czech": "Automatická odpověď: Day 1",
    "Russian": "Автоматический ответ: Day 1",
    "Turkish": "Otomatik yanıt: Day 1",
    "Japanese": "自動応答: Day 1",
    "Korean": "자동 회신: Day 1",
    "Polish": "Odpowiedź automatyczna: Day 1",
    "Greek": "Αυτόματη απάντηση: Day 1",
    "Hebrew": "תשובה אוטומטית: Day 1",
}


@pytest.mark.parametrize("subject", LANGUAGES.values(), ids=LANGUAGES)
def test_a_vacation_notice_is_known_in_many_languages(subject):
    """The subject that a mail program writes by itself tells, whatever its language."""
    assert is_automatic(plain("Until Monday.", subject, ALICE))


@given(st.binary(max_size=3000))
def test_nothing_that_comes_breaks_the_reading(noise):
    """Whatever bytes come, there is an answer."""
    for raw in (noise, dsn(group()).replace(b"smtp; ", noise), plain("x").replace(b"x", noise)):
        assert isinstance(failures(raw), list)
        assert is_automatic(raw) in {True, False}


@pytest.mark.parametrize("body", ["a" * 64_000, "x@" * 32_000, "a.b-c" * 12_000, "the (\n" * 12_000, "<a@b>" * 12_000])
def test_a_long_line_takes_no_longer_than_its_length(body):
    """A text made to be slow to read costs a moment, not a worker: seconds would mean that it grows with the square."""
    began = time.process_time()
    failures(plain(body))

    assert time.process_time() - began < 2


STANDS = "SELECT status, ended_reason, (SELECT count(*) FROM suppressions) FROM enrolments"


@pytest.fixture
def lessons(world):
    """Let Alice have her first two lessons; return them."""
    world.join("alice")
    world.pass_hours(48)
    return [world.box.last("day-1"), world.box.last("day-2")]


@ON_SQLITE
def test_an_address_is_dead_when_two_mails_came_back(world, lessons):
    """Where no provider reports, mail servers' own letters do; one alone could be anybody's."""
    first, second = lessons

    assert world.deliver(dsn(group(), to=first.reply_to)) == ["automatic"]
    world.deliver(b"Message-ID: <again@mx.example.net>\n" + dsn(group(), to=first.reply_to))
    assert world.rows(STANDS) == [("active", None, 0)]

    assert world.deliver(dsn(group(), to=second.reply_to)) == ["automatic"]
    assert world.rows(STANDS) == [("stopped", "bounced", 1)]


@ON_SQLITE
def test_a_report_of_our_own_mail_server_is_heard(world, lessons):
    """A Postfix of one's own signs its reports with the domain that the course writes from."""
    for lesson in lessons:
        raw = dsn(group(), to=lesson.reply_to).replace(b"DAEMON@mx.example.net", b"DAEMON@dearself.example")
        assert world.deliver(raw) == ["automatic"]

    assert world.rows(STANDS) == [("stopped", "bounced", 1)]


HEADERS = b"\nMessage-ID: %s\nSubject: Day 1\n"
ENCLOSED = {
    "whole": lambda raw, own: raw.replace(b"\nSubject: Day 1\n", HEADERS % own),
    "its headers": lambda raw, own: raw.replace(b"\nSubject: Day 1\n", HEADERS % own).replace(
        b"message/rfc822", b"text/rfc822-headers"
    ),
}


@ON_SQLITE
@pytest.mark.parametrize("enclose", ENCLOSED.values(), ids=ENCLOSED)
def test_a_report_may_name_our_mail_in_what_it_encloses_alone(world, lessons, enclose):
    """Where the provider has put its own mailbox for the return path, it comes to no delivery's own address."""
    for lesson in lessons:
        raw = enclose(dsn(group(), to="hello@dearself.example"), lesson.message_id.encode())
        assert world.deliver(raw) == ["automatic"]

    assert world.rows(STANDS) == [("stopped", "bounced", 1)]


@ON_SQLITE
def test_what_a_person_encloses_is_no_answer_to_it(world, lessons):
    """Bob forwards Alice's lesson to us as an attachment: only a report is about what it encloses."""
    raw = enclose_all(dsn(group(), to="hello@dearself.example"), lessons[0].message_id.encode())

    assert world.deliver(raw) == ["held"]


def enclose_all(raw, own):
    """Make a person's mail of a report."""
    raw = ENCLOSED["whole"](raw, own).replace(b"multipart/report; report-type=delivery-status", b"multipart/mixed")
    raw = raw.replace(b"Mail Delivery System <MAILER-DAEMON@mx.example.net>", b"Bob <bob@example.org>")
    raw = raw.replace(b"Undelivered Mail Returned to Sender", b"Look").replace(b"I could not deliver", b"I like")
    return raw.replace(b"message/delivery-status", b"text/plain").replace(b"Final-Recipient", b"Recipient")


@ON_SQLITE
def test_a_full_mailbox_ends_nothing(world, lessons):
    """It may be emptied: whatever comes back for a while, the course goes on."""
    for lesson in lessons:
        world.deliver(dsn(group(status="5.2.2", said="552 5.2.2 Mailbox full"), to=lesson.reply_to))

    assert world.rows(STANDS) == [("active", None, 0)]


def complaint(lesson, sender="feedback@arf.example.org"):
    """Return a feedback report about this lesson."""
    raw = dsn(group(), to=lesson.reply_to).replace(b"message/delivery-status", b"message/feedback-report")
    raw = raw.replace(b"MAILER-DAEMON@mx.example.net", sender.encode())
    said = b"Feedback-Type: abuse\nOriginal-Rcpt-To: alice@example.org\nX-Mx:"
    return raw.replace(b"Reporting-MTA: dns;", said).replace(b"Message-ID: <", b"Message-ID: <%d." % lesson.delivery_id)


@ON_SQLITE
@pytest.mark.parametrize(
    "sender", ["feedback@arf.example.org", "Abuse@Example.org", "alice@example.org"], ids=["subdomain", "role", "she"]
)
def test_a_complaint_that_is_proven_ends_at_once(world, lessons, sender):
    """Whom her own mail house believes that she has reported us never hears from us again."""
    world.deliver(complaint(lessons[0], sender), passed=("example.org",))

    assert world.rows(STANDS) == [("stopped", "complained", 1)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("sender", "passed"),
    [
        ("feedback@arf.example.org", ()),
        ("alice@example.org", ()),
        ("friend@example.org", ("example.org",)),
        ("feedback@evil.example", ("evil.example",)),
        ("feedback@evil.example", ("evil.example", "example.org")),
    ],
    ids=["only said", "only her name", "a neighbour at her mail house", "a stranger", "a stranger by her mail house"],
)
def test_a_complaint_that_nothing_proves_ends_the_courses_and_shuts_nobody_out(world, lessons, sender, passed):
    """A friend who was forwarded the lesson could have written it: Alice may come back, as after leaving."""
    world.deliver(complaint(lessons[0], sender), passed=passed)
    ended = world.rows(STANDS)
    world.deliver(complaint(lessons[0], sender).replace(b"Message-ID: <", b"Message-ID: <again."), passed=passed)
    again = world.rows(STANDS)
    world.clock.go(days=2)
    world.join("alice")

    assert ended == again == [("stopped", "complained", 0)]
    assert world.rows("SELECT status FROM enrolments ORDER BY id") == [("stopped",), ("active",)]


@ON_SQLITE
def test_a_friend_with_two_forwarded_letters_shuts_nobody_out(world, lessons):
    """Both were Alice's before the first report ended her course: she may come back, as after leaving."""
    for lesson in lessons:
        world.deliver(complaint(lesson))

    assert world.rows(STANDS) == [("stopped", "complained", 0)]


@ON_SQLITE
def test_a_complaint_about_what_came_after_another_one_is_believed(world, lessons):
    """It ended, and somebody signed her up again: the mail that asked is reported, too, so it is hardly a friend."""
    world.deliver(complaint(lessons[0]))
    world.clock.go(days=2)
    world.sign_up("alice")
    world.app.tick()
    world.deliver(complaint(world.box.last("confirm")))

    assert world.rows("SELECT reason FROM suppressions") == [("complained",)]


@ON_SQLITE
def test_a_report_about_somebody_else_ends_nobody(world, lessons):
    """A report that came to Alice's address and speaks of Bob is none about Alice."""
    for lesson in lessons:
        world.deliver(dsn(group(BOB), to=lesson.reply_to, who=BOB))

    assert world.rows("SELECT status FROM enrolments") == [("active",)]
