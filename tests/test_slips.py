"""Promises of `course check` about slips of the pen: what would be lost or read as typed is told, where it stands."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import make_settings
from test_check import (
    COURSE,
    DAY,
    LESSON,
    OTHER,
    TEXT,
    WORDS,
    change,
    emails,  # noqa: F401 (a fixture)
    found,
    only,
)

from course.content import catalogue

KEPT = "{kept} Nobody reads"
LOST = {
    "the way out": (WORDS, ": {leave_url}", "", "mail.footer_leave_text: write {leave_url} in it"),
    "help lines": ("notices/en-GB/help.md", "{help_lines}", "", "write {help_lines} where it belongs in this text"),
    "what becomes of a reply": ("notices/en-GB/receipt.md", "{kept}", "", "write {kept} where it belongs"),
    "the same, of a welcome": ("notices/en-GB/welcome.md", "{kept} ", "", "write {kept} where it belongs"),
    "the letter that comes back": ("notices/en-GB/returned.md", "{letter_text}", "", "write {letter_text} where"),
}


@pytest.mark.parametrize(("file", "old", "new", "say"), LOST.values(), ids=LOST)
def test_what_a_text_is_there_to_say_cannot_be_lost(emails, file, old, new, say):  # noqa: F811
    """A slot that went in editing is a mistake where a mail would be without its way out, its help or its promise."""
    change(emails, file, old, new)

    where, _, said, warning = only(emails)
    assert (where, warning) == (file, False)
    assert say in said


SLIPS = {
    "no greeting": ("{greeting}\n", "", 9, "begin with {greeting}: it becomes “Hello Alice,”"),
    "two braces": ("{greeting}\n", "{{greeting}}\n", 8, "write slots in single braces, like {greeting}"),
    "a key that nothing reads": (
        "minutes: 10\n",
        "minutes: 10\nresouce: feet\n",
        5,
        "resouce: nothing reads this",
    ),
    "a section twice": (
        "## Back {#prompt}",
        "## Back {#prompt}\n\nBoth.\n\n## Small {#small}",
        26,
        "{#small} is",
    ),
    "a table": (TEXT, "\n| a | b |\n| --- | --- |\n| c | d |", 13, "a table is no part of a mail here"),
    "points of another kind": (TEXT, "\n• One\n• Two", 12, "begin each point of a list with - and a space"),
    "a space in a link": (TEXT, "See [my site] (https://example.org).", 11, "without a space between ] and ("),
    "crossed out": (TEXT, "and a ~~second~~ one.", 11, "~~ is printed as it stands"),
    "bold without an end": (TEXT, "and **a second one.", 11, "** is printed as it stands"),
    "a box to tick": (TEXT, "\n- [ ] breathe", 12, "a box to tick is printed as it stands"),
    "a title in the text": (TEXT, "\n# More", 12, "begin a heading with ##, not with #"),
}


@pytest.mark.parametrize(("old", "new", "line", "say"), SLIPS.values(), ids=SLIPS)
def test_what_would_be_read_as_it_was_typed_is_a_warning(emails, old, new, line, say):  # noqa: F811
    """The letter leaves all the same; its author is told where to look and what to write."""
    change(emails, DAY, old, new)
    first = found(emails)[0]

    assert (first[0], first[1], first[3]) == (DAY, line, True)
    assert say in first[2]


@pytest.mark.parametrize("words", ["____________", "2 * 3 and a * b", "[not a link]", "- (a) one", "word | word"])
def test_what_only_looks_like_a_slip_is_none(emails, words):  # noqa: F811
    """Lines to fill in, stars, brackets and bars have their place in a text."""
    change(emails, DAY, TEXT, words)

    assert found(emails) == []


TABLES = {
    "a key that nothing reads": ('pace = "daily"', 'pace = "daily"\npaces = "weekly"', "paces", "write pace, or take"),
    "a day that is none": ("letter_days = [4, 5]", "letter_days = [4, 6]", "letter_days", "there is no day 6"),
    "itself": ('next = "writing-', 'next = "self-compassion" # "writing-', "next", "this is the course itself"),
}


@pytest.mark.parametrize(("old", "new", "key", "say"), TABLES.values(), ids=TABLES)
def test_what_a_courses_table_says_in_vain_is_a_warning(emails, old, new, key, say):  # noqa: F811
    """A line that nothing reads, a day that never comes, a course that offers itself."""
    change(emails, COURSE, old, new)
    lines = (emails / COURSE).read_text(encoding="utf-8").splitlines()

    file, line, said, warning = only(emails)
    assert (file, warning) == (COURSE, True)
    assert lines[line - 1].startswith(f"{key} =")
    assert say in said


@pytest.mark.parametrize("key", ["days = 5", "send_hour = 8", 'pace = "daily"'])
def test_a_line_below_a_table_is_told_to_go_above_it(emails, key):  # noqa: F811
    """There it would be one more title, and the line that it was meant for would be missing."""
    change(emails, COURSE, key + "\n", "")
    with (emails / COURSE).open("a", encoding="utf-8") as table:
        table.write(f"{key}\n")

    said = [message for file, _, message, warning in found(emails) if file == COURSE and not warning]
    assert said == [f"{key.split()[0]}: put this line above the first [table]; here it is one of [summary]"]


def second(root):
    """Put a course beside the first one that comes before it in the alphabet; return its name."""
    name = "gentle-mornings"
    shutil.copytree(root / "courses/self-compassion", root / "courses" / name)
    shutil.rmtree(root / "courses" / name / "resources")
    path = root / "courses" / name / "course.toml"
    for lesson in path.parent.glob("*/day-*.md"):
        lesson.write_text(re.sub(r"(?m)^resource: .*\n", "", lesson.read_text("utf-8")), encoding="utf-8")
    return name


def first(root):
    """Return the course that the home page shows."""
    return catalogue.load(make_settings(data_dir=root.parent / "var", emails_dir=root)).first.name


def test_the_first_course_is_the_one_that_says_so(emails):  # noqa: F811
    """The alphabet decides only where no course.toml does: a new course need not take the old one's place."""
    second(emails)
    by_name = first(emails)
    change(emails, COURSE, "days = 5", "first = true\ndays = 5")

    assert (by_name, first(emails)) == ("gentle-mornings", "self-compassion")
    assert [one for one in found(emails) if not one[3]] == []


def test_two_first_courses_are_a_mistake(emails):  # noqa: F811
    """One of them is named, with its line."""
    change(emails, COURSE, "days = 5", "first = true\ndays = 5")
    second(emails)
    mistakes = [one for one in found(emails) if not one[3]]

    assert [(line_file, "keep one of them" in said) for line_file, _, said, _ in mistakes] == [(COURSE, True)]


@pytest.mark.parametrize(
    ("made", "say"),
    [
        ((), "there is no course.toml here, so this is no course; write it"),
        (("Course.toml",), "rename Course.toml to course.toml"),
        (("course.toml.txt",), "rename course.toml.txt to course.toml"),
    ],
)
def test_a_folder_that_is_no_course_is_told(emails, made, say):  # noqa: F811
    """It would simply be absent: nobody could sign up for it, and nothing would say why."""
    (emails / "courses/gentle-mornings").mkdir()
    for name in made:
        (emails / "courses/gentle-mornings" / name).write_text("days = 1\n")

    assert only(emails) == ("courses/gentle-mornings", 1, say, True)


@pytest.mark.parametrize("name", ["day-1.MD", "day-1.md.txt", "day-1.docx"])
def test_a_lesson_that_was_saved_under_another_name_is_named(emails, name):  # noqa: F811
    """It is missing all the same; what lies beside its place is probably it."""
    (emails / DAY).rename(emails / DAY.replace("day-1.md", name))

    said = next(message for file, _, message, _ in found(emails) if file == DAY)
    assert said == f"this file is missing: {name} is beside it; save that as plain text, under the name day-1.md"


HEADS = {
    "round quotes": ('subject: "Day 1: two ways"', "subject: “Day 1: two ways”", 2, "round ones; put straight ones"),
    "a space before a key": ("minutes: 10", "  minutes: 10", 4, "there is a space before the first word of this line"),
}


@pytest.mark.parametrize(("old", "new", "line", "say"), HEADS.values(), ids=HEADS)
def test_a_head_that_cannot_be_read_is_told_by_what_is_wrong_with_it(emails, old, new, line, say):  # noqa: F811
    """A word processor's quotes and a space at a line's start are hardly seen: they are named."""
    (emails / DAY).write_text(LESSON.replace(old, new), encoding="utf-8")

    file, at, said, warning = only(emails)
    assert (file, at, warning) == (DAY, line, False)
    assert say in said


def test_a_pattern_that_makes_no_day_is_told_once(emails):  # noqa: F811
    """By its own line, not by every mail that holds a day."""
    change(emails, WORDS, 'day = "EEEE d MMMM"', 'day = "dddd D MMMM"')

    file, _, said, warning = only(emails)
    assert (file, warning) == (WORDS, False)
    assert said == "dates.day: write EEEE for the weekday, d for the day, MMMM for the month"


def test_a_word_that_was_lost_in_the_first_language_is_told_there(emails):  # noqa: F811
    """All others have it, so nobody is told to take it out of them; and it is told once, not by every mail."""
    path = emails / COURSE
    path.write_text(re.sub(r"(?m)^locales = .*$", 'locales = ["en-GB", "en-US", "es"]', path.read_text("utf-8")))
    text = (emails / WORDS).read_text(encoding="utf-8")
    (emails / WORDS).write_text(re.sub(r"(?m)^footer_help = .*\n", "", text), encoding="utf-8")
    said = [(file, message, warning) for file, _, message, warning in found(emails) if "footer_help" in message]

    assert (WORDS, "mail.footer_help: write it here; all others have it", True) in said
    assert [message for file, message, _ in said if file in (OTHER, "words/es.toml")] == []
    assert len(said) == 2
