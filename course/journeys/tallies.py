"""In charge of what the owner may see of check-ins: counts of weeks that are over, and none that points at somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from course.journeys.service import Service
from course.schedule import monday
from course.store.states import CheckinAnswer
from course.store.tables import checkin_counts

FEWEST = 5  # answers in a cell, and in the others of its day and week, for it to be shown (threats: H10)


@dataclass(frozen=True)
class Tally:
    """The answers about one day in one week, which is named by its Monday. None is a number that is not shown."""

    course: str
    day: int
    week: date
    numbers: Mapping[CheckinAnswer, int | None]


def closed(service: Service, now: datetime) -> list[Tally]:
    """Return the tallies of the weeks that are over, without those of which nothing can be shown.

    There are no totals: with one, whatever is hidden could be had by subtraction.
    """
    counts = checkin_counts.c
    columns = counts.course, counts.day, counts.week, counts.answer, counts.number
    order = counts.course, counts.week, counts.day
    query = select(*columns).where(counts.week < monday(now)).order_by(*order)
    found: dict[tuple[str, int, date], dict[CheckinAnswer, int]] = {}
    with service.store.reading() as tx:
        for row in tx.execute(query):
            found.setdefault((row.course, row.day, row.week), {})[CheckinAnswer(row.answer)] = row.number
    tallies = [Tally(*key, shown(cells)) for key, cells in found.items()]
    return [tally for tally in tallies if any(number is not None for number in tally.numbers.values())]


def shown(cells: Mapping[CheckinAnswer, int]) -> dict[CheckinAnswer, int | None]:
    """Return each number, or None while it or the rest of the answers is under five."""
    total = sum(cells.values())
    numbers = {answer: cells.get(answer, 0) for answer in CheckinAnswer}
    return {answer: number if min(number, total - number) >= FEWEST else None for answer, number in numbers.items()}
