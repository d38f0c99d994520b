"""Promises about `course read`: it tells how a mail is understood, and keeps nothing of it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import mail_clients as clients
import pytest
from conftest import ON_SQLITE

from course.journeys import journal
from course.store.states import JournalLevel

REPLY = "PAUSE 3 DAYS\n\nIt was a long week.\n\nSent from my iPhone\n\nOn Tuesday, Dear Self wrote:\n> Write a line.\n"


@pytest.fixture
def file(tmp_path):
    """Give a function that writes a mail into a file and returns its path."""

    def write(words=REPLY, to="reply-1@reply.dearself.example", **headers):
        mail = EmailMessage()
        mail["From"], mail["To"] = "alice@example.org", to
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(words)
        path = tmp_path / "reply.eml"
        path.write_bytes(mail.as_bytes())
        return str(path)

    return write


def test_each_cut_names_its_rule(shell, file):
    """What was kept and what was cut stand in their order, with the rule that cut."""
    told = shell("read", file())

    assert told.code == 0
    assert [line.strip() for line in told.out.splitlines() if line.startswith(("  kept", "  cut"))] == [
        "kept:",
        "cut as footer, by the rule “footer”:",
        "cut as head, by the rule “attribution”:",
        "cut as quote, by the rule “quote marks”:",
    ]


def test_what_is_left_and_its_command_are_told(shell, file):
    """The person's words, and what their first line asks for."""
    told = shell("read", file())
    left = told.out.partition("the fuller:\n")[2]

    assert left == "    PAUSE 3 DAYS\n    \n    It was a long week.\nCommand: PAUSE, days: 3.\n"


def test_a_sentence_is_no_command(shell, file):
    """Only a whole first line is one."""
    assert "Command: none." in shell("read", file("pause is what I need\n")).out


def test_a_machine_s_mail_names_its_row(shell, file):
    """The row of the table that decided."""
    told = shell("read", file(Auto_Submitted="auto-replied")).out

    assert "Counts as a person's: no. May be answered: no." in told
    assert "Decided by the row: Auto-Submitted." in told


def test_nothing_is_stored(shell, file, tmp_path):
    """No database, no spool: beside the file itself there is only the key that every first command makes."""
    shell("read", file())

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"reply.eml", "secret.key"}


def test_a_file_that_is_not_there_is_told_in_a_sentence(shell):
    """And ends with 2, as any wrong argument."""
    told = shell("read", "nowhere.eml")

    assert told.code == 2
    assert "nowhere.eml" in told.err


@ON_SQLITE
def test_what_we_sent_is_cut_as_it_is_when_the_mail_comes_in(course, world, file):
    """A reply to a lesson of this database, whose quote has no marks and nothing that announces it."""
    world.join()
    world.pass_hours(24)
    lesson = world.box.last("day-1")
    text = message_from_bytes(lesson.as_bytes(), policy=default).get_body(("plain",)).get_content()
    told = course("read", file(f"I was kind to myself.\n\n{text}", to=lesson.reply_to)).out

    assert "It answers a mail of ours" in told
    assert "by the rule “what we sent”" in told
    assert told.partition("the fuller:\n")[2] == "    I was kind to myself.\nCommand: none.\n"
    assert world.rows("SELECT kind FROM replies") == []


@ON_SQLITE
@pytest.mark.parametrize("settings", [{"journal_keys": "k" * 40}], indirect=True)
def test_a_choice_of_since_is_reckoned_with_as_it_is_when_the_mail_comes_in(course, world, file, monkeypatch):
    """The welcome said that no words are kept; by now they are: its quote of before is cut all the same."""
    monkeypatch.setenv("JOURNAL_KEYS", "k" * 40)
    world.join()
    welcome = world.box.last("welcome")
    journal.choose(world.app.service, 1, JournalLevel.KEEP, "page", world.clock.real())
    raw = clients.plain(clients.Sent(welcome.as_bytes()), "I was kind to myself.", "inter")
    mail = message_from_bytes(raw.replace(b"reply-abc@reply.example.org", welcome.reply_to.encode()), policy=default)
    told = course("read", file(mail.get_content(), to=welcome.reply_to)).out

    assert told.partition("the fuller:\n")[2] == "    I was kind to myself.\nCommand: none.\n"


def test_where_what_we_sent_is_not_known_it_is_said(shell, file):
    """No reply address and no reference of ours stands in it."""
    assert "It answers no mail that this database knows" in shell("read", file()).out
