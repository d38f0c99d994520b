"""The whole loop by SendGrid's Web API, against its official client as shipped, one call each, to a stand-in here.

The official client only sends: it has no database to ask and to tell, and its text is the same for everybody.
"""

from __future__ import annotations

import gc
import http.client
import time
from collections.abc import Iterator
from functools import partial

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail, ReplyTo

from benchmarks import ours
from benchmarks.beside import beside
from benchmarks.results import Limit, MismatchError, MissingError, Result, Speed, rounds
from benchmarks.run import Run
from course.settings import Settings

BATCH = 1_000  # people a call
FEWER = {1: 4, BATCH: 1}  # of what we send in each turn
THEIRS = 10  # so many times fewer messages than we batch
KEY = "SG.benchmark"
LIMITS = [
    Limit("SendGrid, one call each, whole loop, against the official client as shipped", 3, 5),
    Limit("SendGrid, 1,000 people a call, whole loop, against the official client, one call each", 30, 40),
]


def measure(run: Run) -> Iterator[Result]:
    """Measure one call each, then a thousand people a call, if this version can do that."""
    sample, theirs = ours.sample(run), max(1, run.messages // THEIRS)
    for limit, batch in zip(LIMITS, (1, BATCH), strict=True):
        people = max(1, run.messages // FEWER[batch])
        _verified(run, people, batch)
        speeds = rounds(
            run.times, {"ours": partial(_ours, run, people, batch), "official": partial(_theirs, sample, theirs)}
        )
        yield limit.against(speeds["ours"], speeds["official"], "official client", " people")


def _ours(run: Run, people: int, batch: int) -> Speed:
    with beside("http_sink") as sink:
        with ours.service(run, people, _settings(sink.port, batch)) as app:
            speed = ours.send(app, people)
        _must_have(sink.counted(), people)
    return speed


def _verified(run: Run, people: int, batch: int) -> None:
    with beside("http_sink", "each") as sink:
        with ours.service(run, people, _settings(sink.port, batch)) as app:
            ours.send(app, people)
        ours.exactly(sink.counted(), people)


def _theirs(sample: ours.Sample, messages: int) -> Speed:
    with beside("http_sink") as sink:
        client = SendGridAPIClient(KEY, f"http://127.0.0.1:{sink.port}")
        gc.collect()
        began = time.perf_counter()
        for number in range(messages):
            to = f"person.{number}@people.example"
            mail = Mail("hello@dearself.example", to, sample.subject, sample.text, sample.html)
            mail.reply_to = ReplyTo(f"reply-{number}@reply.dearself.example")
            if client.send(mail).status_code != http.client.ACCEPTED:
                raise MismatchError("the official client was not answered 202")
        took = time.perf_counter() - began
        _must_have(sink.counted(), messages)
    return Speed(messages / took)


def _must_have(counted: dict[str, int], people: int) -> None:
    if counted["messages"] != people:
        raise MismatchError(f"the sink got {counted['messages']:,} recipients instead of {people:,}")


def _settings(port: int, batch: int) -> dict[str, object]:
    if batch > 1 and "sendgrid_batch" not in Settings.model_fields:
        raise MissingError("this version has no SENDGRID_BATCH")
    url = f"http://127.0.0.1:{port}"
    settings: dict[str, object] = {"transport": "sendgrid", "sendgrid_api_key": KEY, "sendgrid_base_url": url}
    return {**settings, "sendgrid_batch": batch} if batch > 1 else settings
