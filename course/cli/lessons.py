"""In charge of the commands for whoever writes the course: `course check`, `locales` and `preview`."""

from __future__ import annotations

import shutil
import webbrowser
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path

import typer

from course.cli.service import courses_gone, load
from course.content import catalogue, checks, courses, lacking, samples
from course.content.catalogue import NOTICES, Catalogue, every_name
from course.content.courses import Course, lesson_name
from course.content.locales import stand_ins
from course.content.mailing import Mailing
from course.content.sources import Problem
from course.settings import Settings
from course.system_clock import SystemClock


def check() -> int:
    """Print every problem, and return 1 if one of them is a mistake."""
    settings = load()
    found = checks.check(settings, SystemClock().real().date())
    wrong = [problem for problem in found if not problem.warning]
    for problem in found:
        typer.echo(_shown(problem))
    gone = courses_gone(settings)
    for said in gone:
        typer.echo(f"{near(settings.emails_dir / 'courses')}:1: warning: {said}")
    mistakes, warnings = _count(len(wrong), "mistake"), _count(len(found) - len(wrong) + len(gone), "warning")
    typer.echo(f"{mistakes.capitalize()} and {warnings} in {near(settings.emails_dir)}/.")
    return 1 if wrong else 0


def locales(wanted: str | None) -> int:
    """Print what each locale lacks, or one of them, and return 1 if there is something to write or to review."""
    settings = load()
    root, spoken = settings.emails_dir, catalogue.load(settings).courses
    known = courses.read_all(root)
    every = list(stand_ins(known))
    if wanted and wanted not in every:
        raise typer.BadParameter(f"no course is written in {wanted}; choose one of {', '.join(every)}")
    wrong = 0
    for locale in [wanted] if wanted else every:
        lacks = list(lacking.lacks(root, known, locale))
        unread = list(lacking.unreviewed(root, known, locale))
        for problem in lacks + unread:
            typer.echo(_shown(replace(problem, warning=False)))
        written = [course.name for course in known if locale in course.locales]
        off = [name for name in written if locale not in spoken[name].locales]
        said = f"{locale}: {_count(len(lacks), 'text')} to write, {_count(len(unread), 'file')} to review"
        typer.echo(f"{said}; off in {', '.join(off)}." if off else f"{said}.")
        wrong += len(lacks) + len(unread)
    return 1 if wrong else 0


def preview(
    course: str | None, day: int | None, notice: str | None, locale: str | None, *, plain: bool, show: bool
) -> int:
    """Write one mail or all of them to DATA_DIR/preview, print text and place, and show it in the browser if asked.

    `plain`: without links. All of them are written both ways, unless it is asked for.
    """
    settings, now = load(), SystemClock().real()
    everything = sound(settings, now)
    ways = [plain] if plain or day or notice else [False, True]
    mailings = [
        (everything.mailing(*one, plain=way), way)
        for one in _chosen(everything, course, day, notice, locale)
        for way in ways
    ]
    folder = settings.data_dir.resolve() / "preview"
    if len(mailings) > 1:
        shutil.rmtree(folder, ignore_errors=True)  # a lesson that is gone would stay in sight
    pages = [_written(everything, mailing, folder, now, plain=way) for mailing, way in mailings]
    page = pages[0]
    if len(pages) > 1:
        page = folder / "index.html"
        page.write_text(_index(folder, pages), encoding="utf-8")
        typer.echo(f"{_count(len(pages), 'mail')}, each as HTML and as text. All are linked from this page:")
    else:
        typer.echo(page.with_suffix(".txt").read_text(encoding="utf-8"))
    typer.echo(str(near(page)))
    if show:
        webbrowser.open(page.as_uri())
    return 0


def sound(settings: Settings, now: datetime) -> Catalogue:
    """Return the catalogue if every mail in it can be made; else say what is wrong and end the command."""
    wrong = checks.mistakes(settings, now.date())
    for problem in wrong:
        typer.echo(_shown(problem), err=True)
    if wrong:
        raise typer.Exit(1)
    return catalogue.load(settings)


def course_of(everything: Catalogue, name: str | None) -> Course:
    """Return the course that was named, or the first one."""
    known = everything.courses
    if name and name not in known:
        raise typer.BadParameter(f"there is no course {name}; choose one of {', '.join(known)}", param_hint="--course")
    return known[name] if name else everything.first


def locale_of(course: Course, locale: str | None) -> str:
    """Return the locale that was named, or the course's first one."""
    if locale and locale not in course.locales:
        raise typer.BadParameter(
            f"{course.name} is not written in {locale}; choose one of {', '.join(course.locales)}",
            param_hint="--locale",
        )
    return course.locale(locale or "")


def name_of(course: Course, day: int | None, notice: str | None) -> str:
    """Return the name of the mailing that was chosen: a notice, or a day's lesson."""
    if day and notice:
        raise typer.BadParameter("choose either --day or --notice")
    if notice and notice not in NOTICES:
        raise typer.BadParameter(
            f"there is no notice {notice}; choose one of {', '.join(NOTICES)}", param_hint="--notice"
        )
    if day and not course.has(day):
        raise typer.BadParameter(f"{course.name} has {course.days} days", param_hint="--day")
    return notice or lesson_name(day or 1)


def _chosen(
    everything: Catalogue, course: str | None, day: int | None, notice: str | None, locale: str | None
) -> list[tuple[str, str, str]]:
    """Return course, name and locale of each mail that was chosen."""
    one = day or notice
    written = [one for one in everything.courses.values() if not locale or locale in one.locales]
    courses = [course_of(everything, course)] if course or one or not written else written
    return [
        (course.name, name, written_in)
        for course in courses
        for written_in in ([locale_of(course, locale)] if locale or one else course.locales)
        for name in ([name_of(course, day, notice)] if one else every_name(course))
    ]


def _written(everything: Catalogue, mailing: Mailing, folder: Path, now: datetime, *, plain: bool) -> Path:
    """Write a mail as HTML and as text; return the page: day-1.html, or day-1.plain.html for one without links."""
    site = everything.settings.site
    confirm, leave = f"{site}/confirm/…", f"{site}/leave/…"
    values = samples.values(everything, mailing, now, confirm_url=confirm, leave_url=leave, plain=plain)
    page = folder / mailing.course / mailing.locale / f"{mailing.name}{'.plain' if plain else ''}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(mailing.html_for(values), encoding="utf-8")
    page.with_suffix(".txt").write_text(mailing.text_for(values), encoding="utf-8")
    return page


def _index(folder: Path, pages: list[Path]) -> str:
    places = [page.relative_to(folder) for page in pages]
    items = "\n".join(
        f'<li><a href="{escape(place.as_posix())}">{escape(str(place.with_suffix("")))}</a> '
        f'(<a href="{escape(place.with_suffix(".txt").as_posix())}">text</a>)</li>'
        for place in places
    )
    head = '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Preview</title>'
    return f"{head}\n<ul>\n{items}\n</ul></html>\n"


def _shown(problem: Problem) -> str:
    return str(replace(problem, path=near(problem.path)))


def near(path: Path) -> Path:
    """Return a path as it is typed from here."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
