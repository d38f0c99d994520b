"""In charge of the privacy page: made from the settings in force, so that it cannot say what is no longer so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.settings import Settings
from course.web import render

router = APIRouter()


@router.api_route("/privacy", methods=["GET", "HEAD"])
def privacy(request: Request) -> Response:
    """Say who keeps what, what for, how long, and what a person can ask for (GDPR article 13)."""
    app = render.app_of(request)
    settings = app.settings
    locales = app.catalogue.first.locales
    locale = render.locale_of(request, locales)
    words = app.catalogue.words[locale]["pages"]["privacy"]
    carrier, raw = words["carriers"][_carrier(settings)], words["raw"][_raw(settings)]
    people = words["people"]["ends" if settings.keep_people_days else "never"]
    values = {
        "controller": settings.controller_name,
        "postal": settings.postal_address,
        "contact": settings.contact_email,
        "min_age": settings.min_age,
        "journal": " ".join(_asked_for(settings, words)),
        "keep_days": settings.keep_deliveries_days,
        "people": render.say(people, days=settings.keep_people_days),
        **{f"raw_{name}": render.say(text, days=settings.keep_raw_days) for name, text in raw.items()},
        "carrier": render.say(carrier, server=urlsplit(settings.smtp_url.get_secret_value()).hostname or ""),
    }
    if settings.journal_keys.get_secret_value():
        values["raw_short"] += " " + words["journal"]["short"]
    return render.page(request, "privacy.html", locale, locales=locales, values=values)


def _raw(settings: Settings) -> str:
    """Return which words say what becomes of a reply that was read."""
    if settings.imap_url.get_secret_value() and settings.imap_after != "delete":
        return "mailbox"
    return "kept" if settings.keep_raw_days else "gone"


def _asked_for(settings: Settings, words: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is kept of whoever asks for more than the letters."""
    journal = "offered" if settings.journal_keys.get_secret_value() else "none"
    yield render.say(words["journal"][journal], days=settings.keep_words_days)
    if settings.community_list:
        yield render.say(words["list"], list=settings.community_list, controller=settings.controller_name)


def _carrier(settings: Settings) -> str:
    return f"sendgrid_{settings.sendgrid_region}" if settings.transport == "sendgrid" else settings.transport
