"""In charge of what a command acts on: who replied, with which command, to what, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from course.content.command_words import Command
from course.journeys.answering import Reply
from course.journeys.people import Person
from course.journeys.service import Service


@dataclass(frozen=True)
class Request:
    """A command that came by reply. `person` is the round whose mail was answered, live or not."""

    person: Person
    command: Command
    reply: Reply
    now: datetime
    real_now: datetime


Act = Callable[[Connection, Service, Request], None]
