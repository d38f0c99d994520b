"""In charge of driving the real service by a clock that leaps over idle time, with a transport that only counts.

While the service works, the simulated clock goes on by as much as the work takes here; so lateness is a measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

from course.app import App
from course.clock import TICK, TIDY
from course.journeys import crowd
from course.outbound import one_by_one
from course.outgoing import Notes, Outcome, Outgoing, Sent

EVERY = timedelta(seconds=TICK)


@dataclass
class LeapingClock:
    """Course time and real time at once. It goes on by a stopwatch, and leaps only between two ticks."""

    at: datetime
    stopwatch: Callable[[], float]  # seconds
    begun: datetime = field(init=False)
    _mark: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.at
        self._mark = self.stopwatch()

    def now(self) -> datetime:
        """Return the simulated time, aware UTC."""
        return self.at + timedelta(seconds=self.stopwatch() - self._mark)

    def real(self) -> datetime:
        """Return the same: links, leases and doubts live in the simulated world too."""
        return self.now()

    def monotonic(self) -> float:
        """Return the seconds since the simulation began."""
        return (self.now() - self.begun).total_seconds()

    def leap(self, moment: datetime) -> None:
        """Go to this moment. Work since `now()` was last asked (counting, the progress bar) takes no simulated time."""
        self.at, self._mark = moment, self.stopwatch()

    def rest(self, seconds: float, until: Event) -> None:
        """Let time pass that nobody works."""
        if not until.is_set():
            self.spend(seconds)

    def spend(self, seconds: float) -> None:
        """Let time pass that the work here did not take: a provider's."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Counting:
    """A way out that makes every message, bytes and all, and counts it. `seconds` is a provider's time for each one."""

    clock: LeapingClock
    seconds: float = 0.0
    lessons: int = 0
    notices: int = 0
    twice: int = 0  # deliveries that were handed over before
    minutes: Counter[datetime] = field(default_factory=Counter)
    _seen: bytearray = field(default_factory=bytearray, repr=False)  # a byte for each delivery
    has_events = False
    most = 1

    def prepare(self, outgoing: Outgoing) -> None:
        """Make every message, bytes and all."""
        outgoing.as_bytes()

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Take these messages, one after the other."""
        one_by_one(self.take, batch, notes)

    def close(self) -> None:
        """Nothing is kept open."""

    def take(self, outgoing: Outgoing) -> Outcome:
        """Count one message."""
        self.clock.spend(self.seconds)
        self.minutes[self.clock.now().replace(second=0, microsecond=0)] += 1
        number = outgoing.delivery_id
        self._seen.extend(bytes(max(0, number + 1 - len(self._seen))))
        self.twice += self._seen[number]
        self._seen[number] = 1
        if outgoing.mailing.name.startswith("day-"):
            self.lessons += 1
        else:
            self.notices += 1
        return Sent()

    def by_hour(self) -> Counter[datetime]:
        """Return how many messages were handed over in each hour, UTC."""
        hours: Counter[datetime] = Counter()
        for minute, count in self.minutes.items():
            hours[minute.replace(minute=0)] += count
        return hours


@dataclass
class Seen:
    """What was seen on the way: seconds of work, the longest tick's, and the database's bytes at each midnight UTC."""

    ticks: int = 0
    ticking: float = 0.0
    longest: float = 0.0
    tidying: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)


def drive(app: App, clock: LeapingClock, until: datetime, tell: Callable[[], object]) -> Seen:
    """Tick and tidy as the worker does, until this moment; `tell` is called after each tick."""
    seen = Seen()
    tidy, midnight = clock.now() + timedelta(seconds=TIDY), _midnight(clock.now())
    while clock.now() < until:
        took = _timed(clock, app.tick)
        seen.ticks, seen.ticking, seen.longest = seen.ticks + 1, seen.ticking + took, max(seen.longest, took)
        if clock.now() >= tidy:
            seen.tidying += _timed(clock, app.tidy)
            tidy += timedelta(seconds=TIDY)
        now = clock.now()
        wanted = min(crowd.next_due(app.service) or until, tidy, until)
        following = max(_second(now) + EVERY, _second(wanted + EVERY - wanted.resolution))
        while midnight <= following:
            seen.sizes[f"{midnight:%Y-%m-%d}"] = app.service.store.size()
            midnight += timedelta(days=1)
        tell()
        clock.leap(following)
    return seen


def _timed(clock: LeapingClock, work: Callable[[], object]) -> float:
    began = clock.now()
    work()
    return (clock.now() - began).total_seconds()


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + timedelta(days=1)
