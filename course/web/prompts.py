"""In charge of a lesson's prompt as a page shows it: in its author's own words, by the mail's own renderer."""

from __future__ import annotations

from markupsafe import Markup

from course.content import markdown, slots
from course.content.courses import Course


def shown(course: Course, day: int, locale: str, greeting: str) -> tuple[str, Markup]:
    """Return the heading and the HTML of a lesson's prompt; both are empty for a day that the course has not."""
    lesson = course.lesson(day, locale) if course.has(day) else None
    prompt = next((part for part in lesson.sections if part.id == "prompt"), None) if lesson else None
    if prompt is None:
        return "", Markup()
    fixed = {"course": course.titles[locale], "days": str(course.days), "greeting": greeting}
    # Our own lesson through the mail's own renderer, which shows raw HTML as the text it is.
    html = markdown.to_html(markdown.parse(slots.say(prompt.markdown, **fixed)))
    return prompt.heading, Markup(html)  # noqa: S704
