"""Promises of the command line: it does what its help says, ends with a code to be trusted, and tells why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from email.message import EmailMessage

import pytest
import typer
from conftest import Box, make_settings
from servers import RESET, Answer, Provider

from course import cli, links
from course.app import App
from course.cli import trial
from course.content.catalogue import NOTICES
from course.inbound import spool
from course.inbound.spool import Spooled
from course.journeys import replies, reports, suppression
from course.links import Purpose
from course.outbound import folder
from course.outgoing import Halt, RefusedMailing, RefusedRecipient, TryLater, Unsure
from course.reading.aside import Why
from course.settings import EMAILS
from course.store import migrate
from course.store.database import Store

COMMANDS = (
    "check",
    "preview",
    "send-test",
    "receive",
    "read",
    "status",
    "stats",
    "export",
    "erase",
    "demo-data",
    "simulate",
    "migrate",
    "backup",
    "restore",
    "transfer",
    "resend",
    "sending",
    "held",
    "suppressions",
    "keys",
    "journal",
    "embed",
    "community",
    "resources",
    "locales",
)
CANARY = "heron-canary"


@pytest.fixture
def emails(tmp_path, monkeypatch):
    """Give a copy of emails/ that a test may break, and that commands read."""
    shutil.copytree(EMAILS, tmp_path / "emails")
    monkeypatch.setenv("EMAILS_DIR", str(tmp_path / "emails"))
    return tmp_path / "emails"


def process(tmp_path, *arguments, stdin=b"", **environment):
    """Run `course` as a process of its own, with nothing but these settings."""
    known = {"DATA_DIR": str(tmp_path / "var"), "PATH": os.environ["PATH"], **environment}
    command = [sys.executable, "-m", "course", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=known, cwd=tmp_path)


def break_a_lesson(emails):
    """Put a slot into day 2 that nobody knows."""
    path = emails / "courses/self-compassion/en-GB/day-2.md"
    path.write_text(path.read_text(encoding="utf-8").replace("{greeting}", "{nobody}"), encoding="utf-8")


def mail_from(address, to, words=CANARY, **headers):
    """Return a raw mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = address, to, f"<{words}.{to}>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(words)
    return mail.as_bytes()


def day_1(world, who="alice"):
    """Let somebody join and get day 1; return it."""
    world.join(who)
    world.pass_hours(21)
    return next(mail for mail in world.box.sent if mail.to == f"{who}@example.org" and mail.mailing.name == "day-1")


# Help.


def test_help_begins_with_what_this_is(shell):
    """Whoever types --help reads what this is before they read what it can."""
    ended = shell("--help")

    assert ended.code == 0
    assert "A course that arrives by email and is answered by email" in " ".join(ended.out.split())


def test_help_lists_every_command_in_whole_sentences(shell):
    """All commands are there, none more, and no description is cut off."""
    listed = shell("--help").out.partition("Commands:\n")[2].splitlines()

    assert tuple(line.split()[0] for line in listed) == COMMANDS
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command(command):
    """Whoever reads the README's table knows what there is."""
    readme = (EMAILS.parent / "README.md").read_text(encoding="utf-8")

    assert f"| `course {command}" in readme


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(shell, command):
    """Its help says more than one sentence, describes each option, and ends with an example that can be typed."""
    ended = shell(command, "--help")
    known = typer.main.get_command(cli.app).commands[command]

    assert ended.code == 0
    assert len(known.help.split(".")) > 2
    assert [option.name for option in known.params if not option.help] == []
    assert f"course {command}" in " ".join(known.epilog.split())


def test_help_answers_at_once():
    """Nothing heavy is imported for it: no database, no templates, no settings."""
    program = (
        "import sys, contextlib\nfrom course.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([name for name in ('sqlalchemy', 'jinja2', 'pydantic', 'babel', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_python_m_course_is_the_same(tmp_path):
    """`python -m course` works where the script is not on the PATH."""
    done = process(tmp_path, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(b"Usage: course ")


# What is told when something is wrong.


def test_a_wrong_setting_is_named(shell, monkeypatch):
    """The command ends with 2, and says which setting and what to put."""
    monkeypatch.setenv("SEND_HOUR", "8")
    monkeypatch.setenv("PORT", "many")
    ended = shell("status")

    assert ended.code == 2
    assert "A setting is missing or wrong (environment or .env):\nPORT: " in ended.err
    assert "Traceback" not in ended.err


def test_broken_content_is_told(shell, emails):
    """The file and line, and the command that finds all the rest."""
    (emails / "notices/en-GB/left.md").unlink()
    ended = shell("stats")

    assert ended.code == 2
    assert f"{emails}/notices/en-GB/left.md:1: this file is missing" in ended.err
    assert "course check" in ended.err


def test_a_database_that_does_not_answer_is_told(shell, monkeypatch, tmp_path):
    """The setting that leads there, and the driver's own first line."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/nowhere/course.db")
    ended = shell("status")

    assert ended.code == 2
    assert ended.err == (
        "DATABASE_URL: the database did not do its part (unable to open database file). "
        "Is it there, and may we use it?\n"
    )


def test_a_password_is_never_told(shell, monkeypatch):
    """Neither by the error of a database that does not answer, nor by its traceback."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://course:{CANARY}@127.0.0.1:1/course")
    ended = shell("migrate")

    assert ended.code == 2
    assert CANARY not in ended.out + ended.err


def test_a_disk_that_cannot_be_written_is_told(shell, tmp_path):
    """The path, and where to look."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "preview").write_text("in the way")
    ended = shell("preview", "--day", "1")

    assert ended.code == 2
    assert "Check DATA_DIR: its disk and its owner." in ended.err


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_an_older_schema_is_told(world, tmp_path):
    """On PostgreSQL nothing migrates by itself: the sentence names the command that does."""
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    done = process(tmp_path, "status", DATABASE_URL=world.app.settings.database_url.get_secret_value())

    assert done.returncode == 2
    assert b"run `course migrate`" in done.stderr


def test_what_only_a_programmer_can_mend_stays_an_error(shell, monkeypatch):
    """An error that is no operator's fault is not dressed up as one."""

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(App, "build", broken)

    with pytest.raises(ZeroDivisionError):
        shell("stats")


# check, preview, send-test


def test_check_of_the_shipped_course(shell):
    """It ends with 0; warnings are told and counted."""
    ended = shell("check")

    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("No mistakes and ")


def test_check_of_a_broken_course(shell, emails):
    """It ends with 1, and prints file and line as they are typed from here."""
    break_a_lesson(emails)
    ended = shell("check")

    assert ended.code == 1
    assert ended.out.startswith("emails/courses/self-compassion/en-GB/day-2.md:9: {nobody} is no slot here")
    assert ended.out.splitlines()[-1].startswith("1 mistake and ")


def test_preview_of_one_lesson(shell, tmp_path):
    """It prints the text and the path of the page, and writes both parts with sample values."""
    ended = shell("preview", "--day", "2", "--locale", "en-US")
    page = tmp_path / "var/preview/self-compassion/en-US/day-2.html"

    assert ended.code == 0
    assert "Hello Alex," in ended.out
    assert ended.out.splitlines()[-1] == str(page.relative_to(tmp_path))
    assert "Hello Alex," in page.read_text(encoding="utf-8")
    assert page.with_suffix(".txt").read_text(encoding="utf-8") in ended.out


def test_preview_of_everything(shell, tmp_path):
    """Every lesson and notice in every language is written, with links and without, and the index links them all."""
    ended = shell("preview")
    made = tmp_path / "var/preview"
    pages = sorted(str(page.relative_to(made)) for page in made.glob("*/*/*.html"))
    index = (made / "index.html").read_text(encoding="utf-8")

    assert ended.code == 0
    assert (
        ended.out
        == f"{len(pages)} mails, each as HTML and as text. All are linked from this page:\nvar/preview/index.html\n"
    )
    assert len(pages) == 2 * (4 * (5 + len(NOTICES)) + 2 * (4 + len(NOTICES)))  # two courses, in their languages
    assert [page for page in pages if f'href="{page}"' not in index] == []
    assert [page for page in made.rglob("*.*") if "zq" in page.read_text(encoding="utf-8")] == []


def test_preview_without_links(shell, tmp_path):
    """With --plain it is the letter of whoever replied NO LINKS, beside the other one: nothing in it can be pressed."""
    with_links = shell("preview", "--day", "2")
    ended = shell("preview", "--day", "2", "--plain")
    page = tmp_path / "var/preview/self-compassion/en-GB/day-2.plain.html"

    assert (with_links.code, ended.code) == (0, 0)
    assert ended.out.splitlines()[-1] == str(page.relative_to(tmp_path))
    assert "http" in with_links.out
    assert "http" not in ended.out
    assert "findahelpline dot com" in ended.out
    assert "<a " not in page.read_text(encoding="utf-8")
    assert "<a " in page.with_name("day-2.html").read_text(encoding="utf-8")


def test_preview_of_everything_without_links(shell, tmp_path):
    """With --plain alone only the letters without links are written."""
    ended = shell("preview", "--course", "self-compassion", "--locale", "he", "--plain")
    pages = [page.name for page in (tmp_path / "var/preview").glob("*/*/*.html")]

    assert ended.code == 0
    assert len(pages) == 5 + len(NOTICES)
    assert [page for page in pages if not page.endswith(".plain.html")] == []


def test_preview_of_a_language_shows_the_courses_that_have_it(shell, tmp_path):
    """Not every course is written in Hebrew: whoever wants to see what is sees that."""
    ended = shell("preview", "--locale", "he", "--plain")
    made = {page.parts[-3:-1] for page in (tmp_path / "var/preview").glob("*/*/*.html")}

    assert ended.code == 0
    assert made == {("self-compassion", "he")}


def test_preview_opens_a_browser_only_if_asked(shell, monkeypatch):
    """With --open, and with nothing else."""
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    shell("preview", "--notice", "welcome")
    before = list(opened)
    shell("preview", "--notice", "welcome", "--open")

    assert before == []
    assert [address.rpartition("/")[2] for address in opened] == ["welcome.html"]


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (("--day", "6"), "self-compassion has 5 days"),
        (("--notice", "hello"), "there is no notice hello; choose one of confirm, joining"),
        (("--locale", "fr"), "self-compassion is not written in fr; choose one of en-GB, en-US"),
        (("--course", "none"), "there is no course none; choose one of self-compassion"),
        (("--day", "1", "--notice", "help"), "choose either --day or --notice"),
    ],
    ids=["day", "notice", "locale", "course", "both"],
)
def test_preview_names_what_there_is(shell, arguments, say):
    """A wrong choice ends with 2 and lists the right ones."""
    ended = shell("preview", *arguments)

    assert ended.code == 2
    assert say in " ".join(ended.err.split())


def test_preview_of_a_broken_course(shell, emails):
    """The mistakes are told instead: a preview with a hole would look like the mail."""
    break_a_lesson(emails)
    ended = shell("preview", "--day", "2")

    assert ended.code == 1
    assert "day-2.md:9: {nobody} is no slot here" in ended.err


def test_a_test_mail_is_the_mail_that_people_get(shell, tmp_path):
    """Same subject, both parts, real headers; it ends with 0 and says where it went."""
    ended = shell("send-test", "me@example.org", "--day", "4", "--locale", "en-US")
    (letter,) = (tmp_path / "var/outbox").glob("*.eml")
    text = letter.read_text()

    assert ended.code == 0
    assert ended.out == f"Sent by folder: {letter.relative_to(tmp_path)}\n"
    for line in ("To: me@example.org", "Subject: Day 4: a letter", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"):
        assert f"\n{line}\n" in text


def test_a_test_mail_leaves_no_row(course, world):
    """Nobody is signed up by it, and nothing is owed."""
    course("send-test", "me@example.org")

    assert world.rows("SELECT * FROM subscribers") == []
    assert world.rows("SELECT * FROM deliveries") == []


def test_an_answer_to_a_test_mail_is_forgotten(course, world):
    """It is neither counted nor held."""
    course("send-test", "me@example.org")
    to = links.reply_address(world.app.keys, 0, world.app.settings.reply_domain)

    assert world.deliver(mail_from("me@example.org", to)) == ["dropped"]


def test_two_test_mails_are_two_mails(shell, tmp_path):
    """Inboxes hide a second mail with the same Message-ID."""
    shell("send-test", "me@example.org")
    shell("send-test", "me@example.org")

    assert len(list((tmp_path / "var/outbox").glob("*.eml"))) == 2


def test_a_test_mail_minds_the_list_of_those_we_never_write_to(course, world):
    """Who wants no mail gets none, not even a test."""
    with world.app.service.store.transaction() as tx:
        suppression.suppress(tx, world.app.keys, "me@example.org", "not me", world.clock.real())
    ended = course("send-test", "me@example.org")

    assert ended.code == 1
    assert "never write to" in ended.err
    assert list((world.app.settings.data_dir / "outbox").glob("*.eml")) == []


def test_a_test_mail_to_no_address(shell):
    """What is no address is told at once."""
    ended = shell("send-test", "hello")

    assert ended.code == 2
    assert "does not look like an email address" in " ".join(ended.err.split())


@pytest.mark.parametrize(
    "outcome",
    [TryLater("busy"), RefusedRecipient("no such user"), RefusedMailing("spam"), Halt("bad key"), Unsure("silence")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_a_test_mail_that_was_not_sent(shell, monkeypatch, outcome):
    """It ends with 1, and says why and what to do, for every way in which sending can fail."""
    monkeypatch.setattr(folder, "open", lambda _: Box(answer=lambda _: outcome))
    ended = shell("send-test", "me@example.org")

    assert ended.code == 1
    assert ended.err == f"Not sent: {outcome.reason}\n{trial.ADVICE[type(outcome)]}\n"


# receive


def test_receive_counts_a_day(course, world):
    """A reply from a mail server's pipe is decided at once."""
    lesson = day_1(world)
    ended = course("receive", stdin=mail_from(lesson.to, lesson.reply_to))

    assert ended.code == 0
    assert world.rows("SELECT day, via FROM completions") == [(1, "reply")]
    assert spool.waiting(world.app.spool_folder) == []


def test_receive_believes_the_recipient_of_the_envelope(course, world):
    """What the mail server says whom it took it in for counts like the To header."""
    lesson = day_1(world)
    course("receive", "--to", "other@example.org", "--to", lesson.reply_to, stdin=mail_from(lesson.to, "x@example.org"))

    assert world.rows("SELECT day FROM completions") == [(1,)]


def test_receive_takes_any_bytes(tmp_path):
    """Standard input need be no UTF-8, nor look like mail; as a real process, with nothing but its bytes."""
    done = process(tmp_path, "receive", stdin=b"From: a@example.org\n\n\xff\xfe\x00 " + CANARY.encode())

    assert done.returncode == 0
    assert len(list((tmp_path / "var/spool").rglob("*.mail"))) == 1
    assert CANARY.encode() not in done.stdout + done.stderr


def test_receive_prints_no_word_of_a_mail(course, world):
    """A mail server writes what is printed into its log, or sends it back."""
    lesson = day_1(world)
    ended = course("receive", stdin=mail_from(lesson.to, lesson.reply_to, Subject=CANARY))

    assert CANARY not in ended.out + ended.err
    assert lesson.to not in ended.out + ended.err


def test_receive_prints_no_word_when_reading_crashes(course, world, monkeypatch):
    """Not even if the error repeats what was written; the mail is kept for a person to look at."""

    def crash(*_):
        raise ValueError(CANARY)

    monkeypatch.setattr(replies, "read", crash)
    lesson = day_1(world)
    ended = course("receive", stdin=mail_from(lesson.to, lesson.reply_to))

    assert ended.code == 0
    assert CANARY not in ended.out + ended.err
    assert len(spool.waiting(world.app.spool_folder / "held")) == 1


def test_receive_keeps_no_word_in_the_open(shell, tmp_path, monkeypatch):
    """In the spool it is encrypted from its first moment."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://course@127.0.0.1:1/course")
    shell("receive", stdin=mail_from("a@example.org", "b@example.org"))

    assert [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def database_down(monkeypatch, emails):
    """Let nobody answer at the database's address."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://course@127.0.0.1:1/course")


def content_broken(monkeypatch, emails):
    """Let a notice be missing."""
    (emails / "notices/en-GB/left.md").unlink()


@pytest.mark.parametrize("trouble", [database_down, content_broken])
def test_receive_keeps_what_cannot_be_decided_yet(shell, emails, tmp_path, monkeypatch, trouble):
    """Once the mail is kept, nothing sends it back: it ends with 0, and the worker decides it later."""
    trouble(monkeypatch, emails)
    ended = shell("receive", stdin=mail_from("a@example.org", "b@example.org"))

    assert ended.code == 0
    assert "the worker decides it later" in ended.err
    assert len(spool.waiting(tmp_path / "var/spool")) == 1


def spool_in_the_way(monkeypatch, tmp_path):
    """Let the spool be no folder."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var/spool").write_text("")


def wrong_setting(monkeypatch, tmp_path):
    """Let a setting be wrong."""
    monkeypatch.setenv("TRANSPORT", "pigeon")


@pytest.mark.parametrize("trouble", [spool_in_the_way, wrong_setting])
def test_receive_asks_for_another_try_when_it_could_not_keep_the_mail(shell, tmp_path, monkeypatch, trouble):
    """It ends with 75 (EX_TEMPFAIL): the mail server has the mail still, and sends no bounce to a person."""
    trouble(monkeypatch, tmp_path)
    ended = shell("receive", stdin=mail_from("a@example.org", "b@example.org"))

    assert ended.code == 75
    assert CANARY not in ended.err


def test_receive_of_nothing(shell):
    """An empty input is no mail: it ends with 65 (EX_DATAERR), so that the mail server does not bring it again."""
    assert shell("receive").code == 65


def test_receive_of_too_much(shell, tmp_path):
    """A mail over 35 MB ends with 65 and is not kept."""
    ended = shell("receive", stdin=b"x" * (35 * 1024 * 1024 + 1))

    assert ended.code == 65
    assert not (tmp_path / "var/spool").exists()


# status, stats, migrate


def test_status_of_a_fresh_service(course):
    """Whoever looks learns that the clock has never ticked, and what to start."""
    ended = course("status")

    assert ended.code == 0
    assert "has never ticked: start the worker (make run)" in ended.out
    assert f"schema {migrate.newest()}" in ended.out


def test_status_tells_what_is_stopped_held_and_waiting(course, world):
    """The breaker, mailings that were refused, the queue, and mail that was put aside."""
    world.join()
    world.box.answer = lambda _: Halt("bad key")
    world.pass_hours(21)
    world.deliver(mail_from("stranger@example.org", "nobody@reply.dearself.example"))
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE mailings SET held_reason = 'spam' WHERE name = 'welcome'")
    said = course("status").out

    assert "STOPPED: bad key" in said
    assert "self-compassion welcome en-GB: spam" in said
    assert "1 queued" in said
    assert "0 to be read, 1 put aside" in said


def test_status_for_programs(course, world):
    """The same as JSON."""
    world.join()
    said = json.loads(course("status", "--json").out)

    assert said["schema"] == migrate.newest()
    assert said["transport"] == "folder"
    assert (said["sending_stopped"], said["held_mailings"], said["due_now"]) == ("", [], 0)
    assert said["last_tick"] == world.clock.real().isoformat()


def test_status_tells_of_a_folder_with_another_database(shell, tmp_path, monkeypatch):
    """DATABASE_URL has a typo, and nobody is there: status says so each time, for looking changes nothing."""
    watermark = tmp_path / "var" / "watermark"
    watermark.parent.mkdir(exist_ok=True)
    watermark.write_text('{"database": "true", "mark": 1806537600000}')
    before = watermark.read_bytes()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/typo.db")
    shown = [shell("status").out for _ in range(2)]

    told = "check       DATA_DIR has served another database, and this one is empty"
    assert [told in said for said in shown] == [True, True]
    assert watermark.read_bytes() == before


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_status_tells_no_password(shell, monkeypatch, database):
    """Where the database is, but not how to get in."""
    monkeypatch.setenv("DATABASE_URL", database.replace("course@", f"course:{CANARY}@"))

    assert CANARY not in shell("status").out + shell("status", "--json").out


def test_stats_for_programs(course, world):
    """Exactly the counts, as JSON: enrolments by status, sent and completed by day."""
    lesson = day_1(world)
    world.reply(lesson)
    ended = course("stats", "--json")
    counts = json.loads(ended.out)["courses"]["self-compassion"]

    assert json.loads(ended.out) == reports.stats(world.app.service)
    assert counts["enrolments"] == {"pending": 0, "active": 1, "paused": 0, "finished": 0, "stopped": 0}
    assert (counts["sent"]["1"], counts["completed"]["1"], counts["sent"]["2"]) == (1, 1, 0)


def test_stats_for_people(course, world):
    """A small table; nobody is named in it."""
    day_1(world)
    said = course("stats").out

    assert "1 active" in said
    assert ["1", "1", "0"] in [line.split() for line in said.splitlines()]
    assert "alice" not in said


def test_migrate_says_from_which_version_to_which(shell, tmp_path):
    """A new database comes from none."""
    assert shell("migrate").out == f"From schema none to {migrate.newest()}.\n"
    assert shell("migrate").out == f"The database has schema {migrate.newest()} already.\n"


def test_migrate_works_on_either_database(course):
    """Both kinds can be asked, and asking again changes nothing."""
    ended = course("migrate")

    assert (ended.code, ended.out) == (0, f"The database has schema {migrate.newest()} already.\n")


def test_migrate_refuses_a_newer_database(course, world):
    """What a newer version made is left alone."""
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ended = course("migrate")

    assert ended.code == 2
    assert "made by a newer one" in ended.err


# export, erase


def test_export_prints_all_that_is_known(course, world):
    """Valid JSON with every table, whatever the address's letter case."""
    lesson = day_1(world)
    world.reply(lesson)
    ended = course("export", "Alice@Example.ORG")
    known = json.loads(ended.out)

    assert ended.code == 0
    assert known["subscriber"][0]["email"] == "alice@example.org"
    assert [row["day"] for row in known["completions"]] == [1]
    assert {"welcome", "day-1"} < {row["name"] for row in known["deliveries"]}


@pytest.mark.parametrize("command", [("export",), ("erase", "--yes")], ids=["export", "erase"])
def test_nobody_is_known_by_this_address(course, world, command):
    """It says so and ends with 1; a typing mistake is not taken for an erasure."""
    world.join("bob")
    ended = course(*command, "alice@example.org")

    assert (ended.code, ended.out, ended.err) == (1, "", "Nobody is known by this address.\n")
    assert world.rows("SELECT email FROM subscribers") == [("bob@example.org",)]


def leave_traces(world, who):
    """Leave letters to a person in the outbox and mails of theirs in the spool: by sender, and by token."""
    lesson = day_1(world, who)
    outbox = folder.open(world.app.settings)
    for letter in [mail for mail in world.box.sent if mail.to == lesson.to]:
        outbox.send(letter)
    lines = {
        "sender": mail_from(lesson.to, "nobody@reply.dearself.example"),
        "two senders": b"From: x@example.net\n" + mail_from(lesson.to, "nobody@reply.dearself.example"),
        "token": mail_from("work@example.net", lesson.reply_to),
        "reference": mail_from("work@example.net", "x@reply.dearself.example", References=lesson.message_id),
        "leaving": mail_from("work@example.net", lesson.leave[1]),
        "too much": b"From: " + lesson.to.encode() + b"\nX: y\n" * 600 + b"\n" + CANARY.encode(),
    }
    for raw in lines.values():
        spooled = Spooled("pipe", (), (), raw)
        spool.put(world.app.spool_folder, world.app.keys, spooled, world.clock.real())
        spool.hold(spool.put(world.app.spool_folder, world.app.keys, spooled, world.clock.real()), Why.NOBODY)
    spooled = Spooled("pipe", (lesson.reply_to,), (), mail_from("work@example.net", "x@example.org"))
    spool.put(world.app.spool_folder, world.app.keys, spooled, world.clock.real())


def traces(world, who):
    """Return all files in which this person still shows; what is in the spool is opened."""
    everything = [path for path in world.app.settings.data_dir.parent.rglob("*") if path.is_file()]
    shown = []
    for path in everything:
        data = path.read_bytes()
        if path.suffix == ".mail":
            data = spool.take(path, world.app.keys).raw
        if who.encode() in data.lower() or CANARY.encode() in data.lower():
            shown.append(path.name)
    return shown


def files_of(world, who):
    """Return the letters and mails in which this person shows."""
    return sorted(name for name in traces(world, who) if name.endswith((".eml", ".mail")))


def test_erase_leaves_no_trace(course, world):
    """Rows, letters in the outbox and mails in the spool and its held folder: nothing of the person is in any file."""
    leave_traces(world, "alice")
    before = traces(world, "alice")
    ended = course("erase", "Alice@example.org", "--yes")

    assert len(before) >= 3 + 13
    assert ended.code == 0
    assert traces(world, "alice") == []
    assert world.rows("SELECT * FROM subscribers") == []


def test_erase_says_what_it_did(course, world):
    """How many letters and mails went, what stays, and where copies may remain."""
    leave_traces(world, "alice")
    said = course("erase", "alice@example.org", "--yes").out

    assert (
        "the person and all their rows; letters in the outbox: 3; mails of theirs that waited to be read: 13." in said
    )
    assert "Kept, naming nobody: the proof of consent" in said
    assert "Copies may remain in your backups." in said


@pytest.fixture
def by_sendgrid(monkeypatch):
    """Return a function that lets commands send by SendGrid at this address."""

    def use(url):
        monkeypatch.setenv("TRANSPORT", "sendgrid")
        monkeypatch.setenv("SENDGRID_API_KEY", "SG.aaaaaaaaaaaaaaaaaaaaaa")
        monkeypatch.setenv("SENDGRID_BASE_URL", url)

    return use


def test_erase_asks_sendgrid_to_erase(course, world, by_sendgrid):
    """SendGrid is asked to erase its copies of this address, by one request, with the key."""
    world.join()
    with Provider() as provider:
        by_sendgrid(provider.url)
        ended = course("erase", "alice@example.org", "--yes")

    assert ended.code == 0
    assert [(one.path, one.body) for one in provider.requests] == [
        ("/v3/recipients/erasejob", {"email_addresses": ["alice@example.org"]})
    ]
    assert "SendGrid was asked to erase its copies" in ended.out


@pytest.mark.parametrize("answer", [Answer(403), Answer(500), Answer(act=RESET)], ids=["403", "500", "reset"])
def test_erase_is_done_here_whatever_sendgrid_says(course, world, by_sendgrid, answer):
    """Alice is erased here all the same; it is said, without the key, and a repeat asks again although she is gone."""
    world.join()
    with Provider(answer) as provider:
        by_sendgrid(provider.url)
        first = course("erase", "alice@example.org", "--yes")
        second = course("erase", "alice@example.org", "--yes")

    assert first.code == 1
    assert "SendGrid has not taken the request" in first.err
    assert "SG.aaaa" not in first.out + first.err
    assert world.rows("SELECT * FROM subscribers") == []
    assert "SendGrid was asked to erase its copies" in second.out
    assert provider.requests[-1].body == {"email_addresses": ["alice@example.org"]}


def test_erase_asks_nobody_by_other_ways_out(course, world, by_sendgrid, monkeypatch):
    """With another transport SendGrid hears of nobody, even if its key is set."""
    world.join()
    with Provider() as provider:
        by_sendgrid(provider.url)
        monkeypatch.setenv("TRANSPORT", "folder")
        course("erase", "alice@example.org", "--yes")

    assert provider.requests == []


def test_erase_touches_nobody_else(course, world):
    """Bob's rows, letters and mails stay as they are."""
    world.join("alice")
    leave_traces(world, "bob")
    before = files_of(world, "bob")
    course("erase", "alice@example.org", "--yes")

    assert len(before) == 3 + 13
    assert files_of(world, "bob") == before
    assert world.rows("SELECT email FROM subscribers") == [("bob@example.org",)]


def test_erase_asks_first(course, world):
    """A no ends it with 1, and nothing is erased."""
    world.join()
    ended = course("erase", "alice@example.org", stdin=b"n\n")

    assert ended.code == 1
    assert "Erase everything about alice@example.org?" in ended.out
    assert world.rows("SELECT email FROM subscribers") == [("alice@example.org",)]


def test_erase_takes_a_yes(course, world):
    """A yes is enough."""
    world.join()
    ended = course("erase", "alice@example.org", stdin=b"y\n")

    assert ended.code == 0
    assert world.rows("SELECT email FROM subscribers") == []


def test_erase_leaves_alone_what_it_cannot_open(course, world):
    """A mail that was sealed with a key that is gone is nobody's to tell; the rest is erased."""
    world.join()
    world.app.spool_folder.mkdir(parents=True)
    (world.app.spool_folder / "20270301-000000-000000-aaaaaaaa.mail").write_bytes(b"not ours")

    assert course("erase", "alice@example.org", "--yes").code == 0


# restore


def test_restore_on_a_new_machine_replaces_nothing(shell, tmp_path):
    """Where there is no database yet there is nothing to be asked about, and none is said to be kept."""
    file = str(tmp_path / "course.backup")
    shell("migrate")
    shell("backup", file)
    for one in (tmp_path / "var").glob("course.db*"):
        one.unlink()
    ended = shell("restore", file)

    assert ended.code == 0
    assert "The database is restored" in ended.out
    assert "is kept" not in ended.out
    assert [one.name for one in (tmp_path / "var").glob("course.db*")] == ["course.db"]


@pytest.mark.parametrize(("name", "why"), [("nothing", "cannot be read"), ("diary", "is no backup")])
def test_restore_asks_only_about_a_backup(course, tmp_path, name, why):
    """A name with a slip in it is told before the question whether to replace the database."""
    (tmp_path / "diary").write_text("Dear diary, today was a long day.")
    ended = course("restore", name)

    assert ended.code == 2
    assert why in ended.err
    assert "Replace the database" not in ended.out + ended.err


# demo-data


def test_demo_data_adds_people(course, world):
    """So many, confirmed and active; with --due all of them get a lesson at the next tick."""
    ended = course("demo-data", "--people", "30", "--due")
    world.app.tick()

    assert (ended.code, ended.out) == (0, "Added 30 made-up people, each owed a lesson now.\n")
    assert "People" not in ended.err
    assert world.rows("SELECT status, count(*) FROM enrolments GROUP BY status") == [("active", 30)]


def test_demo_data_keeps_away_from_real_people(course, world):
    """It ends with 1 and adds nobody, unless forced."""
    world.join()
    refused = course("demo-data", "--people", "5")
    before = world.rows("SELECT count(*) FROM subscribers")
    forced = course("demo-data", "--people", "5", "--force")

    assert refused.code == 1
    assert "1 people who are not made up" in refused.err
    assert before == [(1,)]
    assert forced.code == 0
    assert world.rows("SELECT count(*) FROM subscribers") == [(6,)]


def test_demo_data_needs_a_number(shell):
    """Nobody is added by an option that was forgotten or is no number of people."""
    assert shell("demo-data").code == 2
    assert shell("demo-data", "--people", "0").code == 2


# What the commands share with the worker.


def test_commands_live_in_the_workers_time(shell, tmp_path, monkeypatch):
    """In time lapse a command goes on from the anchor that DATA_DIR keeps; it makes no second one."""
    monkeypatch.setenv("TIMELAPSE", "20")
    shell("stats")
    anchor = (tmp_path / "var/timelapse.json").read_text()
    shell("status")

    assert (tmp_path / "var/timelapse.json").read_text() == anchor
    assert "a day takes 20 s" in shell("status").out


def test_commands_that_send_nothing_open_no_way_out(shell, monkeypatch):
    """A transport that cannot be opened is no reason not to look, count, export or erase."""

    def broken(_):
        raise AssertionError

    monkeypatch.setattr("course.outbound.open_transport", broken)

    assert [shell(*words).code for words in (("status",), ("stats",), ("export", "a@example.org"))] == [0, 0, 1]


def test_a_store_is_given_back(shell, tmp_path):
    """After a command nobody holds the database: its write-ahead log is gone."""
    shell("migrate")
    store = Store(f"sqlite:///{tmp_path / 'var/course.db'}")
    store.close()

    assert not (tmp_path / "var/course.db-wal").exists()


def test_the_tokens_of_a_test_mail_mean_nobody(shell, tmp_path):
    """Delivery 0 and subscriber 0 do not exist, and never will."""
    shell("send-test", "me@example.org")
    settings = make_settings(data_dir=tmp_path / "var")
    app = App.build(settings, transport=Box())
    (letter,) = (tmp_path / "var/outbox").glob("*.eml")
    token = letter.read_text().partition("/leave/")[2].split(">")[0]
    numbers = links.read(app.keys, Purpose.LEAVE, token)
    standing = app.enrolment(token)
    app.close()

    assert numbers is not None
    assert numbers[0] == 0
    assert standing is None
