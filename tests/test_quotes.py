"""Promises of quotes that carry no marks, or odd ones: what announces them is known, and no sentence is taken for it."""

# ruff: noqa: RUF001, E501 (many alphabets, and lines as clients write them)

from __future__ import annotations

import pytest

from course.reading import extract

OWN = "I sat by the window and heard the rain."
QUOTE = "Which place is quiet for you?\n\nTake ten minutes, and sit there.\nThen write down what you heard."
WHO = "Dear Self <days@course.example.org>"

# What clients write above a quote that may have no marks at all.
HEADS = {
    "horde": f"Quoting {WHO}:",
    "horde, quoted name": 'Quoting "Dear Self" <days@course.example.org>:',
    "horde, wrapped": 'Quoting "Dear Self"\n<days@course.example.org>:',
    "horde, address alone": "Quoting days@course.example.org:",
    "horde-de": f"Zitat von {WHO}:",
    "horde-es": f"Citando a {WHO}:",
    "horde-it, pt": f"Citando {WHO}:",
    "horde-pl": f"Cytowanie {WHO}:",
    "elm": "Thus spake Dear Self (days@course.example.org):",
    "tuta": "Nov 16, 2026, 07:00 by days@course.example.org:",
    "tuta-de": "16. Nov. 2026, 07:00 von days@course.example.org:",
    "aol-de": "In einer eMail vom 16.11.2026 07:00:00 Westeuropäische Normalzeit schreibt days@course.example.org:",
    "proton, old": f"‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Monday, November 16th, 2026 at 7:00 AM, {WHO} wrote:",
    "yandex": '----------------\nКому: alice@example.org;\nТема: Day 4;\n16.11.2026, 07:00, "Dear Self" <days@course.example.org>:',
    "notes": "Inactive hide details for Dear Self ---16/11/2026 07:00:00---Day 4\n\nFrom: Dear Self/example\nTo: alice@example.org\nDate: 16/11/2026 07:00\nSubject: Day 4",
    "orange": "======================================================\nMessage du 16/11/26 07:00\nDe : days@course.example.org\nA : alice@example.org\nCopie à :\nObjet : Day 4",
    "qq": "------------------&nbsp;原始邮件&nbsp;------------------\n发件人: Dear Self <days@course.example.org>;\n发送时间:&nbsp;2026年11月16日(星期一) 下午3:00\n主题:&nbsp;Day 4",
    "pegasus": f"From:           \t{WHO}\nTo:             \talice@example.org\nSubject:        \tDay 4\nDate sent:      \tMon, 16 Nov 2026 07:00:00 +0000\nSend reply to:  \tbob@example.org",
    "notes, padded": f"From:        {WHO}\nTo:        alice@example.org\nDate:        16/11/2026 07:00\nSubject:        Day 4\nSent by:        Dear Self",
    "samsung-ko": f"-------- 원본 이메일 --------\n발신: {WHO}\n날짜: 26/11/16  오전 7:00  (GMT+09:00)\n받은 사람: alice@example.org\n제목: Day 4",
    "abv": "-------- Оригинално писмо --------\nОт: Dear Self days@course.example.org\nОтносно: Day 4\nДо: alice@example.org\nИзпратено на: 16.11.2026 07:00",
    "alibaba": "------------------------------------------------------------------\n发件人：Dear Self <days@course.example.org>\n发送时间：2026年11月16日(星期一) 07:00\n收件人：alice <alice@example.org>\n主　题：Day 4",
}  # fmt: skip

# Heads that are marked, whether the quote below them is or not.
MARKED = {
    "laposte": '> Message du 16/11/26 07:00\n> De : "Dear Self" <days@course.example.org>\n> A : alice@example.org\n> Copie à :\n> Objet : Day 4\n>',
    "libero": ">---- Messaggio originale ----\n>Da: days@course.example.org\n>A: alice@example.org\n>Oggetto: Day 4\n>Data: 16/11/2026 7.00",
    "centrum": f"______________________________________________________________\n> Od: {WHO}\n> Komu: alice@example.org\n> Datum: 16.11.2026 07:00\n> Předmět: Day 4\n>",
    "open-xchange": f"> {WHO} hat am 16.11.2026 07:00 geschrieben:\n>",
    "yahoo, old": f"----- Original Message -----\n> From: {WHO}\n> To: alice@example.org\n> Sent: Monday, November 16, 2026 7:00:00 AM\n> Subject: Day 4\n>",
    "gnus": '>>>>> "Dear" == Dear Self <days@course.example.org> writes:',
}  # fmt: skip

# What somebody may write, and keeps: all of it.
KEPT = [
    f"{OWN}\n\nQuoting my mother:\n\nYou are enough.",
    f"{OWN}\n\nQuoting what bob wrote to bob@example.org in May, this is the line:\n\nYou are enough.",
    f"{OWN}\n\nIn the end I wrote to bob@example.org:\n\nDear Bob, I am sorry.",
    f"{OWN}\n\nAccording to Alice:\n\nall is well",
    f"{OWN}\n\nMessage du matin\n\nje vais bien",
    f"{OWN}\n\nMy mother writes:\n\ncome home",
    f"{OWN}\n\nMeine Mutter schreibt:\n\nkomm nach Hause",
    f"{OWN}\n\nOn Nov 16, 2026 at 07:00 I promised never again to write in anger to bob@example.org:\n\nlet me keep it",
    f"{OWN}\n\n3 hours ---sleep--- and then tea",
    f"{OWN}\n\nOn Sunday 22 November Mum wrote:\n\nYou were late to everything, even as a child.\n\nTo a friend I would say: you came.",
    f"{OWN}\n\nOn 3 May 1987 Grandma wrote:\n\nMy dear, have patience.\n\nI read it twice.",
    f"{OWN}\n\nOn 28 November 2026 at 22:15 I wrote:\n\nthis will never do",
    f"{OWN}\n\nAm 23. November schrieb Mutter:\n\nDu kommst ja doch zu spät.",
    f"{OWN}\n\nAm 23. November 2026 um 22:15 schrieb ich:\n\nDas wird nie etwas.",
    "2026-11-29 07:40 said slow\n2026-11-29 21:10 said sad",
    "2026-11-29 07:40 said slow\n2026-11-29 21:10 sent it",
    "Dear> myself, I am tired.\nDear> myself, I rest.",
    "Dear Alice,\n\na > b, and that is all",
]


def marked(text):
    """Return a text with the marks of a quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


@pytest.mark.parametrize("head", [*HEADS.values(), *MARKED.values()], ids=[*HEADS, *MARKED])
def test_what_announces_a_quote_takes_it_along(head):
    """The quote has no marks: what stands above it is the person's, and nothing else."""
    assert extract(f"{OWN}\n\n{head}\n\n{QUOTE}\n") == OWN


@pytest.mark.parametrize("head", [*HEADS.values(), *MARKED.values()], ids=[*HEADS, *MARKED])
def test_words_above_and_below_a_marked_quote_stay(head):
    """The quote has marks: it goes, with what announces it, and nobody's answer below it."""
    assert extract(f"{OWN}\n\n{head}\n{marked(QUOTE)}\n") == OWN
    assert extract(f"{head}\n{marked(QUOTE)}\n\n{OWN}\n") == OWN


def test_the_name_that_supercite_puts_before_each_line_is_a_mark():
    """Emacs: "Dear> …", in more than one piece, with answers between."""
    head = MARKED["gnus"]
    text = f"{head}\n\n    Dear> Which place is quiet for you?\n\nThe kitchen.\n\n    Dear> What did you hear?\n    Dear> Write it down.\n\nRain.\n"

    assert extract(text) == "The kitchen.\n\nRain."
    assert extract(f"Dear Self writes:\n\nDS> Which place is quiet for you?\nDS> Sit there.\n\n{OWN}\n") == OWN


def test_the_line_that_nextcloud_puts_above_a_marked_quote_goes():
    """An address, a date and a time, and no word more; above nothing that is marked it may be anybody's line."""
    line = '"Dear Self" days@course.example.org \u2013 November 16, 2026 7:00 AM'

    assert extract(f"{OWN}\n\n{line}\n{marked(QUOTE)}\n") == OWN
    assert extract(f"{OWN}\n\n{line}\n") == f"{OWN}\n\n{line}"


@pytest.mark.parametrize(
    "head", ["Dear Self wrote:", "Dear Self a écrit :", '"Dear Self" schrieb:', "שלום, Dear Self כתב:"[6:]]
)
def test_our_name_and_a_verb_announce_a_bare_quote_in_a_mail_to_us(head):
    """No date, no address, no mark; in a mail to somebody else, or with a word more, it is a line of theirs."""

    def reply(line, to="Dear Self <days@course.example.org>"):
        return f"To: {to}\nContent-Type: text/plain; charset=utf-8\n\n{OWN}\n\n{line}\n\n{QUOTE}\n".encode()

    assert extract(reply(head)) == OWN
    assert extract(reply(head, "Bob <bob@example.org>")) != OWN
    assert extract(reply(f"Today {head}")) != OWN
    assert extract(reply("My mother wrote:")) != OWN


def test_initials_before_each_line_are_a_mark_of_the_bat():
    """Below a date and a time, with an answer below the quote."""
    head = "Monday, November 16, 2026, 7:00:00 AM, you wrote:"

    assert extract(f"{head}\n\nDS> Which place is quiet for you?\nDS> Sit there.\n\n{OWN}\n") == OWN


def test_a_paragraph_above_an_odd_announcement_is_not_taken_along():
    """A client that writes its date in a way nobody knows: with the last word above it, it must not become one."""
    assert extract(f"{OWN}\n\n16|11|26 07:00h Dear Self:\n{marked(QUOTE)}\n").startswith(OWN)


@pytest.mark.parametrize("text", KEPT)
def test_no_sentence_is_taken_for_what_announces_a_quote(text):
    """Letters, sayings and lists look like it; a leaked quote would do less harm than a lost line."""
    assert extract(text) == text
    assert extract(f"{text}\n\nOn Mon, 16 Nov 2026 at 07:00, {WHO} wrote:\n\n{QUOTE}\n") == text
    assert extract(f"{text}\n\n{WHO} wrote:\n{marked(QUOTE)}\n") == text


def test_an_answer_below_a_marked_head_alone_is_kept_where_nothing_stands_above():
    """Somebody deletes the quote, leaves its head, and answers below."""
    for head in MARKED.values():
        assert extract(f"{head}\n\n{OWN}\n") == OWN


def cases():
    """Yield the replies above as (name, text) for the benchmark; what is right is OWN."""
    for name, head in (HEADS | MARKED).items():
        yield f"{name}-bare", f"{OWN}\n\n{head}\n\n{QUOTE}\n"
        yield f"{name}-below", f"{head}\n{marked(QUOTE)}\n\n{OWN}\n"
