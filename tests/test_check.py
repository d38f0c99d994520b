"""Promises of `course check`: every mistake of an author is found where it stands, and told in words that help."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta

import pytest
from conftest import make_settings

from course.content import checks, prose, word_rules
from course.content.sources import Section
from course.journeys import commands
from course.settings import EMAILS

TODAY = date(2027, 3, 1)
DAY = "courses/self-compassion/en-GB/day-1.md"
CONFIRM = "notices/en-GB/confirm.md"
COURSE = "courses/self-compassion/course.toml"
WORDS = "words/en-GB.toml"
OTHER = "words/en-US.toml"
HELP = "help_lines.toml"
LESSON = """\
---
subject: "Day 1: two ways"
preheader: "What you say to yourself."
minutes: 10
why: "Much slips past us."
needs: "Pen and paper."
---
{greeting}

One line here,
and a second one.

## Catching {#steps}

1. The first step.
2. The second step.

## Small {#small}

One word.

## Back {#prompt}

Both versions.

## End {#closing}

Feet on the floor.
"""
CONFIRMATION = """\
---
subject: "Please confirm"
preheader: "One button."
---
Hello,

[Yes, please]({confirm_url} "button")

The link works for seven days.
"""
HELP_LINES = """\
[[GB]]
name = "Samaritans"
how = "call"
contact = "116 123"
hours = "24/7"
url = "https://www.samaritans.org"
audience = "everyone"
verified_on = "2027-02-28"
"""


@pytest.fixture
def emails(tmp_path):
    """Give a copy of emails/ in which a lesson, the confirmation and the help lines are short and sound."""
    root = tmp_path / "emails"
    shutil.copytree(EMAILS, root)
    only_english(root)
    (root / DAY).write_text(LESSON, encoding="utf-8")
    (root / CONFIRM).write_text(CONFIRMATION, encoding="utf-8")
    (root / HELP).write_text(HELP_LINES, encoding="utf-8")
    return root


def found(root, today=TODAY):
    """Return what is found: file, line, what to do, and whether it is a warning."""
    settings = make_settings(data_dir=root.parent / "var", emails_dir=root)
    return [
        (str(one.path.relative_to(root)), one.line, one.message, one.warning) for one in checks.check(settings, today)
    ]


def only_english(root):
    """Leave out the languages that no test here is about: every mail would be made in each of them."""
    path = root / COURSE
    path.write_text(re.sub(r"(?m)^locales = .*$", 'locales = ["en-GB", "en-US"]', path.read_text(encoding="utf-8")))


def change(root, file, old, new):
    """Put something else in one place of a file."""
    text = (root / file).read_text(encoding="utf-8")
    assert text.count(old) >= 1
    (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def only(root, today=TODAY):
    """Return the one thing that is found."""
    one, *more = found(root, today)
    assert more == []
    return one


def test_a_sound_folder_has_nothing_to_mend(emails):
    """What the tests begin from has no mistake and no warning."""
    assert found(emails) == []


def test_the_shipped_course_is_sound():
    """In emails/ there is no mistake and no long sentence: only help lines that nobody has checked, and words to come.

    What is new in English has a stand-in in the other languages; `course locales` lists it.
    """
    settings = make_settings(emails_dir=EMAILS)
    found = checks.check(settings, TODAY)
    to_come = [
        one
        for one in found
        if one.warning
        and re.search(
            r"write it here too|stands in|words that mean|take it out|no command is|no mail is made", one.message
        )
    ]
    wrong = [str(one) for one in found if not (one.warning and one.path.name == HELP) and one not in to_come]

    assert [str(one) for one in to_come if "en-" in str(one.path.relative_to(EMAILS))] == []

    assert wrong == []


def test_a_problem_reads_as_file_line_and_what_to_do(emails):
    """An editor can jump to it."""
    change(emails, DAY, "minutes: 10", "minutes: 0")
    settings = make_settings(data_dir=emails.parent / "var", emails_dir=emails)

    said = [str(one) for one in checks.check(settings, TODAY)]
    assert said == [f"{emails / DAY}:4: minutes: write a whole number from 1 to 120"]


SUBJECT = 'subject: "Day 1: two ways"'
PREHEADER = 'preheader: "What you say to yourself."'
HEADS = {
    "no subject": (SUBJECT + "\n", "", 1, "subject: write it here, in double quotes"),
    "empty subject": (SUBJECT, 'subject: " "', 2, "subject: write it here"),
    "subject is a number": (SUBJECT, "subject: 5", 2, "in double quotes"),
    "long subject": (SUBJECT, f'subject: "{"a" * 61}"', 2, "shorten it to 60 characters; it has 61"),
    "subject of two lines": (SUBJECT, 'subject: "Day 1:\\ntwo ways"', 2, "put it on one line"),
    "shouting": (SUBJECT, 'subject: "DAY 1: TWO WAYS"', 2, "capitals shout"),
    "fake reply": (SUBJECT, 'subject: "Re: two ways"', 2, "take Re: or Fwd: away"),
    "fake forward": (SUBJECT, 'subject: "FWD: two ways"', 2, "take Re: or Fwd: away"),
    "unknown slot in subject": (SUBJECT, 'subject: "{name}, two ways"', 2, "{name} is no slot here; write one of"),
    "no preheader": (PREHEADER + "\n", "", 1, "preheader: write it here"),
    "long preheader": (PREHEADER, f'preheader: "{"a" * 121}"', 3, "shorten it to 120 characters; it has 121"),
    "unknown slot in preheader": (PREHEADER, 'preheader: "{day}"', 3, "{day} is no slot here"),
    "no minutes": ("minutes: 10\n", "", 1, "minutes: write a whole number from 1 to 120"),
    "no time": ("minutes: 10", "minutes: 0", 4, "minutes: write a whole number from 1 to 120"),
    "too many minutes": ("minutes: 10", "minutes: 121", 4, "minutes: write a whole number from 1 to 120"),
    "minutes in words": ("minutes: 10", "minutes: ten", 4, "minutes: write a whole number from 1 to 120"),
    "no why": ('why: "Much slips past us."\n', "", 1, "why: write it here"),
    "no needs": ('needs: "Pen and paper."\n', "", 1, "needs: write it here"),
    "slot in needs": ("Pen and paper.", "Pen and {course}.", 6, "needs: {course} is no slot here; write plain words"),
}


@pytest.mark.parametrize(("old", "new", "line", "say"), HEADS.values(), ids=HEADS)
def test_mistakes_in_the_head_of_a_lesson(emails, old, new, line, say):
    """Subject, preheader, minutes, why and needs are there and fit to be sent."""
    change(emails, DAY, old, new)

    file, at, said, warning = only(emails)
    assert (file, at, warning) == (DAY, line, False)
    assert say in said


@pytest.mark.parametrize(
    ("old", "new"),
    [(SUBJECT, f'subject: "{"a" * 60}"'), (PREHEADER, f'preheader: "{"a" * 120}"'), ("minutes: 10", "minutes: 120")],
    ids=["subject", "preheader", "minutes"],
)
def test_the_limits_themselves_are_allowed(emails, old, new):
    """Sixty characters, a hundred and twenty, and two hours are not too much."""
    change(emails, DAY, old, new)

    assert found(emails) == []


def test_a_slot_of_several_lines_is_no_subject(emails):
    """Help lines in a subject would break the header."""
    change(emails, "notices/en-GB/help.md", 'subject: "', 'subject: "{help_lines} ')

    file, line, said, _ = only(emails)
    assert (file, line) == ("notices/en-GB/help.md", 2)
    assert "{help_lines} is no slot here" in said


TEXT = "and a second one."
BODIES = {
    "unknown slot": (
        "and {next_lesson}.",
        "{next_lesson} is no slot here; write one of {course}, {days}, {greeting}, {site}",
    ),
    "slot in capitals": ("and {Greeting}.", "{Greeting} is no slot here"),
    "marker": ("and zqgreetingqz.", "write zqgreetingqz another way"),
    "http link": ("[a page](http://example.org).", "link to https://… or mailto:…, not to http://example.org"),
    "bare http link": ("<http://example.org>", "not to http://example.org"),
    "relative link": ("[a page](page.html)", "not to page.html"),
    "empty link": ("[a page]()", "not to nothing"),
    "script": ("[a page](javascript:alert(1))", "mend this link"),
    "space in a link": ("[a page](https://example.org/a b)", "mend this link"),
    "http picture": (
        "![a cup](http://example.org/cup.png)",
        "show a picture from https://…, not from http://example.org",
    ),
    "picture without words": ("![](https://example.org/cup.png)", "say what the picture shows"),
    "HTML": ("and <b>bold</b> words.", "write Markdown, not HTML: <b>"),
    "HTML comment": ("and <!-- a note -->.", "write Markdown, not HTML"),
    "section mark in the text": ("and {#small}.", "{#small} works only on a heading that begins with ##"),
}


@pytest.mark.parametrize(("new", "say"), BODIES.values(), ids=BODIES)
def test_mistakes_in_the_body(emails, new, say):
    """Slots, links, pictures and markup are such that a mail can hold them; the line is the exact one."""
    change(emails, DAY, TEXT, new)

    file, line, said, warning = only(emails)
    assert (file, line, warning) == (DAY, 11, False)
    assert say in said


@pytest.mark.parametrize(
    "new",
    [
        "[a page](https://example.org).",
        "[write](mailto:a@example.org)",
        "[a]({site})",
        "3 < 4, and so <3",
        "![a cup](https://example.org/c.png)",
    ],
    ids=["https", "mailto", "slot", "less than", "picture"],
)
def test_what_a_body_may_hold(emails, new):
    """Links by https and mailto or by a slot, pictures with words, and signs that only look like HTML."""
    change(emails, DAY, TEXT, new)

    assert found(emails) == []


def test_unknown_slots_in_a_heading(emails):
    """A heading is looked at like the text below it."""
    change(emails, DAY, "## Catching", "## Catching {nothing}")

    assert only(emails)[:2] == (DAY, 13)


SECTIONS = {
    "no small version": (
        "## Small {#small}\n\nOne word.\n\n",
        "",
        23,
        "add a section to this lesson: ## The small version {#small}",
    ),
    "no prompt": (
        "## Back {#prompt}\n\nBoth versions.\n\n",
        "",
        23,
        "add a section to this lesson: ## What you might write back {#prompt}",
    ),
    "empty small version": ("One word.\n\n", "", 18, "write something under this heading; {#small} is empty"),
    "unknown section": (
        "{#closing}",
        "{#ending}",
        26,
        "{#ending} is no section; write one of {#steps}, {#small}, {#prompt}, {#closing}",
    ),
    "section that no program reads": ("{#closing}", "{#End-1}", 26, "{#End-1} is no section"),
}


@pytest.mark.parametrize(("old", "new", "line", "say"), SECTIONS.values(), ids=SECTIONS)
def test_mistakes_in_the_sections_of_a_lesson(emails, old, new, line, say):
    """Every lesson has its small version and its prompt, and no section is marked by a name that nobody knows."""
    change(emails, DAY, old, new)

    file, at, said, warning = only(emails)
    assert (file, at, warning) == (DAY, line, False)
    assert say in said


def test_a_lesson_without_steps_is_a_warning(emails):
    """A numbered list is advice, not a rule."""
    change(emails, DAY, "1. The first step.\n2. The second step.", "The first step, then the second.")

    file, line, said, warning = only(emails)
    assert (file, line, warning) == (DAY, 8, True)
    assert "numbered list" in said


@pytest.mark.parametrize("place", [DAY.replace("day-1", "day-1 copy"), "notices/en-GB/goodbye.md"])
def test_a_text_that_is_never_sent_is_a_warning(emails, place):
    """A copy beside a lesson, or a notice that no occasion asks for: its author may think that people get it."""
    (emails / place).write_text("---\nsubject: Mine\n---\nWords.\n")

    file, _, said, warning = only(emails)
    assert (file, warning) == (place, True)
    assert "no mail is made of this file" in said


def test_two_lessons_of_one_name_are_a_warning(emails):
    """A lesson that was begun as a copy of another: in an inbox the two would look alike."""
    second = DAY.replace("day-1", "day-2")
    (emails / second).write_text(LESSON.replace("Day 1: two", "day 1: Two"), encoding="utf-8")

    file, line, said, warning = only(emails)
    assert (file, line, warning) == (second, 2, True)
    assert "subject: day-1.md has the same one" in said


@pytest.mark.parametrize("quoted", ["“Two ways”", "„Two ways“", "«Two ways»", "‘Two ways’"])  # noqa: RUF001 (of many languages)
def test_round_quotes_around_a_subject_are_a_warning(emails, quoted):
    """A text editor makes them of straight ones, and then they are printed."""
    change(emails, DAY, SUBJECT, f"subject: {quoted}")

    file, line, said, warning = only(emails)
    assert (file, line, warning) == (DAY, 2, True)
    assert "subject: the quotes around it are round ones" in said


@pytest.mark.parametrize("quoted", ["Two “ways”", "“One way” and “another”", "“Two” ways"])
def test_quotes_within_a_subject_are_its_own(emails, quoted):
    """They stand around a word of it."""
    change(emails, DAY, SUBJECT, f"subject: '{quoted}'")

    assert found(emails) == []


def test_a_sentence_of_twenty_words_is_a_warning(emails):
    """It is told with the line that it begins on and its number of words."""
    change(emails, DAY, TEXT, "and a second one.\nNow " + "word " * 18 + "end. Short again.")

    file, line, said, warning = only(emails)
    assert (file, line, warning) == (DAY, 12, True)
    assert "split this sentence of 20 words: “Now word word word word …”" in said


def test_a_sentence_of_nineteen_words_is_short_enough(emails):
    """The rule says under twenty."""
    change(emails, DAY, TEXT, "and a second one. Now " + "word " * 17 + "end.")

    assert found(emails) == []


def test_long_sentences_in_the_head_are_told_too(emails):
    """What you need, why, and the preheader are read as well."""
    change(emails, DAY, "Much slips past us.", "word " * 20)

    assert only(emails)[:2] == (DAY, 5)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is *hard*. Go on.", ["It is hard.", "Go on."]),
        ("Begin with *Dear me, no wonder …* and let it write.", ["Begin with Dear me, no wonder … and let it write."]),
        ("One line: *It would be …* A guess is enough.", ["One line: It would be …", "A guess is enough."]),
        ("Say “stop.” Then go.", ["Say “stop.”", "Then go."]),
        ("At 3 p.m. or later.", ["At 3 p.m. or later."]),
        ("- one\n- two", ["one", "two"]),
    ],
    ids=["plain", "ellipsis inside", "ellipsis at the end", "quote", "abbreviation", "list"],
)
def test_sentences_end_where_a_reader_takes_breath(text, sentences):
    """Neither an abbreviation nor an ellipsis in the middle ends a sentence; a list item does."""
    section = Section("opening", "", text, 1)

    assert [said for _, said in prose.sentences(section)] == sentences


CONFIRMATIONS = {
    "no button": ('[Yes, please]({confirm_url} "button")', "Yes, please", 5),
    "no button, but a link": ('({confirm_url} "button")', "({confirm_url})", 7),
    "a second link": ("seven days.", "seven [days](https://example.org).", 9),
    "a second button": ("seven days.", 'seven days: [Yes]({confirm_url} "button")', 5),
    "an address in the text": ("seven days.", "seven days. See https://example.org", 9),
    "the slot in the text": ("seven days.", "seven days: {confirm_url}", 9),
}


@pytest.mark.parametrize(("old", "new", "line"), CONFIRMATIONS.values(), ids=CONFIRMATIONS)
def test_the_confirmation_holds_its_button_and_no_other_link(emails, old, new, line):
    """It may reach a stranger: there is one thing to press in it."""
    change(emails, CONFIRM, old, new)

    file, at, said, warning = only(emails)
    assert (file, at, warning) == (CONFIRM, line, False)
    assert 'keep exactly one link here: [Yes, …]({confirm_url} "button")' in said


def test_each_notice_has_its_own_slots(emails):
    """A slot of one notice is a mistake in another, which lacks its value."""
    change(emails, "notices/en-GB/paused.md", "{greeting}", "{greeting} {first_day}")

    file, line, said, _ = only(emails)
    assert (file, line) == ("notices/en-GB/paused.md", 6)
    assert "{first_day} is no slot here" in said


@pytest.mark.parametrize(
    "file",
    ["courses/self-compassion/en-US/day-2.md", "notices/en-US/receipt.md", OTHER, HELP],
    ids=["lesson", "notice", "words", "help lines"],
)
def test_a_missing_file_is_told(emails, file):
    """Every language needs every lesson, every notice and its words; a course's first one stands in until then."""
    (emails / file).unlink()

    stands_in = "" if file == HELP else "; until then en-GB stands in"
    assert only(emails) == (file, 1, f"this file is missing: write it{stands_in}", file != HELP)


@pytest.mark.parametrize("file", [DAY, "notices/en-GB/receipt.md", WORDS], ids=["lesson", "notice", "words"])
def test_nothing_stands_in_for_the_first_language(emails, file):
    """There a missing file is a mistake."""
    (emails / file).unlink()

    assert (file, 1, "this file is missing: write it", False) in found(emails)


FILES = {
    "no UTF-8": (b"---\nsubject: \xff\n---\n", 1, "save this file as UTF-8"),
    "no head": (b"Hello.\n", 1, "begin with --- and the lines subject:, preheader:, then ---"),
    "a tab before a key": (LESSON.replace("minutes: 10", "\tminutes: 10").encode(), 4, "there is a tab in this line"),
    "a colon in a value": (LESSON.replace('"Day 1: two ways"', "Day 1: two ways").encode(), 2, "in double quotes"),
}


@pytest.mark.parametrize(("content", "line", "say"), FILES.values(), ids=FILES)
def test_a_lesson_that_cannot_be_read(emails, content, line, say):
    """Only that is told of it: whatever else would be said is a consequence."""
    (emails / DAY).write_bytes(content)

    file, at, said, warning = only(emails)
    assert (file, at, warning) == (DAY, line, False)
    assert say in said


def test_a_mistake_hides_no_other(emails):
    """A broken course.toml, a broken lesson of it, broken words and a broken help line are all told at once."""
    change(emails, COURSE, "days = 5", 'days = "five"')
    change(emails, DAY, "minutes: 10", "minutes: 0")
    change(emails, "notices/en-US/left.md", "{greeting}", "{nothing}")
    change(emails, OTHER, 'greeting_nameless = "Hello,"', "greeting_nameless = 5")
    change(emails, HELP, 'hours = "24/7"\n', "")

    assert [file for file, *_ in found(emails)] == [COURSE, DAY, "notices/en-US/left.md", OTHER, HELP]


def test_a_course_that_is_offered_and_not_there_is_a_warning(emails):
    """Whoever takes the second course's folder away is told; the farewell offers none then."""
    change(emails, COURSE, 'next = "writing-with-self-compassion"', 'next = "gone"')
    file, _, say, warning = only(emails)

    assert (file, warning) == (COURSE, True)
    assert "there is no course gone" in say


def test_a_mistake_in_course_toml_has_its_line(emails):
    """The line of the key, and what to write there."""
    change(emails, COURSE, "send_hour = 8", "send_hour = 24")
    line = (emails / COURSE).read_text(encoding="utf-8").splitlines().index("send_hour = 24") + 1

    assert only(emails) == (
        COURSE,
        line,
        "send_hour: write the local hour as a whole number from 0 to 23",
        False,
    )


def test_a_pace_that_no_course_can_have_is_told(emails):
    """Which there are, and that one's own pace needs no line."""
    change(emails, COURSE, 'pace = "daily"', 'pace = "self-paced"')

    assert only(emails)[2:] == ("pace: write one of daily, weekly; self-paced is theirs to choose in any course", False)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('pace = "daily"', 'pace = ["daily"]', "pace: write one of"),
        ('start = "next-hour"', 'start = ["next-hour"]', "start: write one of"),
        ("[title]\n", "[title]\npl = 5\n", "write the line en-GB = … under [title]"),
    ],
)
def test_a_value_of_another_kind_is_a_mistake_like_any_other(emails, old, new, what):
    """Brackets or a number where a word belongs: told as file and line, never by a traceback."""
    change(emails, COURSE, old, new)

    assert any(file == COURSE and what in message for file, _, message, _ in found(emails))


@pytest.mark.parametrize(("field", "wrong"), [("how", "Call"), ("how", "phone"), ("audience", "young")])
def test_a_help_line_is_reached_in_one_of_the_known_ways(emails, field, wrong):
    """A slip would be printed as it stands, and put the line among those for somebody else."""
    right = {"how": "call", "audience": "everyone"}[field]
    change(emails, HELP, f'{field} = "{right}"', f'{field} = "{wrong}"')

    assert any(file == HELP and f"{field}: write one of" in message for file, _, message, _ in found(emails))


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("mañanas-suaves", "mananas-suaves"),
        ("Gentle Mornings", "gentle-mornings"),
        ("gentle-mornings copy", "gentle-mornings-copy"),
        ("g" * 41, "g" * 40),
        ("בוקר", "gentle-mornings"),
    ],
    ids=["accent", "space", "copy", "long", "Hebrew"],
)
def test_a_courses_folder_has_a_name_that_a_header_and_an_address_can_hold(emails, name, better):
    """Else no mail of it could be made, or none could ask for it: the folder is named, with a name that would do."""
    (emails / "courses/self-compassion").rename(emails / "courses" / name)

    file, _, said, warning = found(emails)[0]
    assert (file, warning) == (f"courses/{name}", False)
    assert said == f"name this folder with small letters, figures and hyphens, 40 at most, like {better}"


def test_a_folder_without_a_course(emails):
    """It is told where a course would be looked for."""
    shutil.rmtree(emails / "courses")

    assert ("courses", 1, "there is no course here; make a folder with a course.toml", False) in found(emails)


WORD = {
    "missing": (
        OTHER,
        'footer_privacy = "What happens to your data"\n',
        "",
        "[mail]",
        "mail.footer_privacy: write it here too; en-GB.toml has it",
    ),
    "only in another": (
        OTHER,
        "[mail]\n",
        '[mail]\nnew = "word"\n',
        'new = "word"',
        "mail.new: take it out, or write it in en-GB.toml too",
    ),
    "missing in a list": (
        OTHER,
        'preview_title = "What the first letter looks like"\n',
        "",
        "[pages.signup]",
        "pages.signup.preview_title: write it here too",
    ),
    "a number": (
        OTHER,
        'why_label = "Why"',
        "why_label = 5",
        "why_label = 5",
        "mail.why_label: write it as text, in double quotes",
    ),
    "unknown slot": (
        WORDS,
        'why_label = "Why"',
        'why_label = "Why, {name}"',
        "why_label",
        "mail.why_label: {name} is no slot here; write one of {course}, {days}, {site}",
    ),
    "slot where none is filled": (
        WORDS,
        'help_intro = "If',
        'help_intro = "{course}: If',
        "help_intro",
        "write plain words",
    ),
    "marker": (WORDS, 'why_label = "Why"', 'why_label = "zqdateqz"', "why_label", "write zqdateqz another way"),
    "command twice": (
        WORDS,
        '"skip", ',
        '"skip", "pause",',
        '"skip", "pause"',
        "commands.SKIP: “pause” means PAUSE already",
    ),
    "command in capitals": (
        WORDS,
        '"skip", ',
        '"Skip", ',
        '"Skip"',
        "write “skip”; replies are compared in small letters",
    ),
    "argument of another command": (
        WORDS,
        '"skip", ',
        '"skip", "skip {days} days", ',
        "skip {days} days",
        "{days} is nothing that can be said with SKIP",
    ),
    "hour left out": (
        WORDS,
        '"time {hour}", ',
        '"time {hour}", "my time", ',
        "my time",
        "write {hour} in “my time”: TIME alone asks for nothing",
    ),
    "a phrase that means another command": (
        WORDS,
        '"skip", ',
        '"skip", "pause 3 days", ',
        "pause 3 days",
        "commands.SKIP: “pause 3 days” means PAUSE already",
    ),
    "yes and no at once": (
        WORDS,
        'no = ["no", ',
        'no = ["no", "yes", ',
        'no = ["no", "yes"',
        "replies.no: “yes” means yes already",
    ),
    "unknown command": (
        WORDS,
        "[commands]\n",
        '[commands]\nHALT = ["halt"]\n',
        "HALT",
        "no command is called so; write one of STOP, PAUSE",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "at", "say"), WORD.values(), ids=WORD)
def test_mistakes_in_the_words(emails, file, old, new, at, say):
    """All locales have the same words, all of them text; slots have values; a command's word means one thing."""
    change(emails, file, old, new)
    lines = (emails / file).read_text(encoding="utf-8").splitlines()
    expected = next(number for number, line in enumerate(lines, 1) if at in line)

    where, line, said, warning = only(emails)
    assert (where, line, warning) == (file, expected, "here too" in say or "take it out" in say)
    assert say in said


def test_a_command_without_words_is_told(emails):
    """Nobody could say it."""
    text = (emails / WORDS).read_text(encoding="utf-8")
    start, end = text.index("PAUSE = ["), text.index("RESUME = [")
    (emails / WORDS).write_text(text[:start] + "PAUSE = []\n" + text[end:], encoding="utf-8")

    file, _, said, warning = only(emails)
    assert (file, warning) == (WORDS, False)
    assert said == 'commands.PAUSE: write the words that mean it, like PAUSE = ["pause"]'


def test_the_commands_that_are_checked_are_those_that_act():
    """A new command cannot be forgotten here."""
    assert set(word_rules.COMMANDS) == set(commands.ACTS)


def test_a_word_that_the_layout_wants_and_nobody_wrote(emails):
    """No locale has it, so only making the mails shows that it is missing."""
    for file in (WORDS, OTHER):
        change(emails, file, 'why_label = "Why"\n', "")

    files = {file for file, _, said, _ in found(emails) if "why_label" in said}
    assert files == {WORDS, OTHER}


def test_letters_without_links_are_made_too(emails):
    """What only they ask of the words is looked for as well."""
    change(emails, "layout.txt", "{% if plain %}", "{% if plain %}{{ mail.only_here }}")

    assert {file for file, _, said, _ in found(emails) if "only_here" in said} == {WORDS, OTHER}


def test_a_broken_layout_is_told_by_its_line(emails):
    """Its file and line are those that Jinja names."""
    change(emails, "layout.html", "<h1>", "{% if %}<h1>")
    lines = (emails / "layout.html").read_text(encoding="utf-8").splitlines()
    expected = next(number for number, line in enumerate(lines, 1) if "{% if %}" in line)

    assert {(file, line) for file, line, *_ in found(emails)} == {("layout.html", expected)}


def verified(day):
    """Return the row's line with another day of verification."""
    return 'verified_on = "2027-02-28"', f"verified_on = {day}"


HELPS = {
    "never checked": (
        *verified('""'),
        1,
        True,
        "Samaritans (call) is not printed: check it at https://www.samaritans.org",
    ),
    "stale": (
        *verified(f'"{TODAY - timedelta(days=181)}"'),
        1,
        True,
        "no longer printed: it was checked on 2026-09-01",
    ),
    "no date": (*verified('"yesterday"'), 1, False, 'write verified_on = "YYYY-MM-DD"'),
    "a moment": (*verified("2027-02-28T10:00:00Z"), 1, False, 'write verified_on = "YYYY-MM-DD"'),
    "a number": (*verified("20270228"), 1, False, 'write verified_on = "YYYY-MM-DD"'),
    "a day to come": (*verified('"2027-03-02"'), 1, False, 'write verified_on = "YYYY-MM-DD"'),
    "no verified_on": ('verified_on = "2027-02-28"\n', "", 1, False, 'write verified_on = "YYYY-MM-DD"'),
    "no contact": ('contact = "116 123"\n', "", 1, False, 'GB: write contact = "…" in this row'),
    "empty name": ('"Samaritans"', '""', 1, False, 'GB: write name = "…" in this row'),
    "country in words": ("[[GB]]", "[[Britain]]", 1, False, "write the country as two capital letters, like [[GB]]"),
    "one table, not a list": ("[[GB]]", "[GB]", 1, False, "write [[GB]] above each of its rows"),
}


@pytest.mark.parametrize(("old", "new", "line", "warning", "say"), HELPS.values(), ids=HELPS)
def test_mistakes_in_help_lines(emails, old, new, line, warning, say):
    """A row is whole, and somebody has checked it in the last 180 days; else it is not printed."""
    change(emails, HELP, old, new)

    file, at, said, warned = only(emails)
    assert (file, at, warned) == (HELP, line, warning)
    assert say in said


@pytest.mark.parametrize("day", [f'"{TODAY - timedelta(days=180)}"', "2027-03-01"], ids=["180 days", "TOML's own date"])
def test_a_checked_help_line_is_no_problem(emails, day):
    """A hundred and eighty days are not too long, and a date may stand without quotes."""
    change(emails, HELP, *verified(day))

    assert found(emails) == []


def test_each_row_has_its_own_line(emails):
    """The second row of a country is told by its own line; help lines come last of all."""
    change(emails, HELP, HELP_LINES, HELP_LINES + "\n" + HELP_LINES.replace('"2027-02-28"', '""'))
    change(emails, DAY, "minutes: 10", "minutes: 0")

    assert [(file, line) for file, line, *_ in found(emails)] == [(DAY, 4), (HELP, 10)]
