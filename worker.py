"""The one entry point: clock, pages and incoming mail in one process; `--only clock|web|mail` runs one of them.

The clock is APScheduler's and only that: every tick asks the database what is due. Nothing is remembered in it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
import uvicorn
from apscheduler.schedulers.background import BackgroundScheduler

from course import garbage, inbound, jumps, logs, sockets, sole
from course.app import App
from course.clock import TICK, TIDY, Clock
from course.content import checks, lacking
from course.content.sources import ContentError
from course.failures import Complaint, cause, told
from course.greeting import greeting
from course.inbound import Source
from course.journeys import reports, trials
from course.journeys.workers import BEAT
from course.jumps import Reading
from course.settings import Settings, SettingsError, load
from course.system_clock import SystemClock
from course.timelapse import DAY
from course.web import connections, create_app

TICKS_A_DAY = 48  # at least so many in a course day, however short time lapse makes it
LOOK = 5.0  # seconds between looks whether the wall clock was put back
GOODBYE = 3  # seconds that open pages get to finish
LAST_ANSWER = 20  # seconds that a pending network answer gets
log = structlog.get_logger()


def main() -> None:
    """Run until Ctrl-C, SIGTERM or SIGHUP."""
    parser = argparse.ArgumentParser(description="Runs the course: its clock and its pages.")
    parser.add_argument("--only", choices=("clock", "web", "mail"), help="run one of them (default: all)")
    only = parser.parse_args().only
    try:
        settings = load()
        logs.set_up(settings.log_level)
        sound(settings)
        lock = None if only in {"web", "mail"} else sole.hold(settings)
        app = App.build(settings)
        warn(app)
        garbage.seldom()
        listening = None if only in {"clock", "mail"} else sockets.for_pages(settings)
        sources = [] if only in {"clock", "web"} else ways_in(settings, only)
        if only in {None, "clock"} and app.service.store.sqlite:  # on PostgreSQL others may be in the middle of it
            app.recover()
    except Exception as error:
        sentence = told(error)
        if not sentence:
            raise
        sys.exit(f"The service cannot start:\n{sentence}")
    stop_clock = start_clock(app) if only in {None, "clock"} else None
    stop_mail = inbound.start(sources, app) if only != "clock" else None
    done = threading.Event()
    on_signal(done.set)
    print(greeting(settings, only, app.guard.look(), sources), flush=True)  # noqa: T201 (what the person who typed the command reads)
    if listening and not done.is_set():
        serve(app, listening)
    else:
        done.wait()
    app.stopping.set()
    if stop_mail:
        stop_mail()
    if stop_clock:
        stop_clock()
    app.close()
    if lock:
        lock.close()


def sound(settings: Settings) -> None:
    """Raise ContentError when `course check` finds a mistake: better no start than a letter with a hole in it."""
    mistakes = checks.mistakes(settings, SystemClock().real().date())
    if mistakes:
        raise ContentError(mistakes)


def warn(app: App) -> None:
    """Say what is not wrong, and still not known to be right."""
    unproven = trials.warning(app.service)
    if unproven:
        log.warning(unproven)
    for said in reports.gone(app.service.store, app.catalogue.courses):
        log.warning(said)
    for locale, count in lacking.counts(app.settings.emails_dir).items():
        log.warning(
            "a language lacks texts: others stand in, and `course locales` lists them", locale=locale, texts=count
        )


def start_clock(app: App) -> Callable[[], None]:
    """Start ticking; return what ends it."""
    lapse = app.settings.timelapse
    tick = min(TICK, lapse / TICKS_A_DAY) if lapse else TICK
    tidy = max(tick, TIDY * lapse / DAY) if lapse else TIDY
    busy = threading.Lock()

    # UTC intervals; late ticks are one tick; none is ever dropped for being late (APScheduler's default drops it).
    clock = BackgroundScheduler(timezone="UTC")
    each = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    clock.add_job(guarded(app.tick, busy, app.clock), "interval", seconds=tick, id="tick", **each)
    if not app.service.store.sqlite:
        clock.add_job(beat(app), "interval", seconds=BEAT, id="beat", **each)
    clock.add_job(guarded(app.tidy, busy, app.clock), "interval", seconds=tidy, id="tidy", **each)
    clock.start()
    threading.Thread(target=go_on_when_put_back, args=(clock, app), daemon=True).start()

    def stop() -> None:
        clock.shutdown(wait=False)
        app.ticker.release()
        if not busy.acquire(timeout=LAST_ANSWER):
            log.warning("an answer from the mail server is still missing; that message is in doubt")
            app.ticker.abandon()
            sys.stderr.flush()
            os._exit(0)

    return stop


def guarded(work: Callable[[], object], busy: threading.Lock, clock: Clock) -> Callable[[], None]:
    """Return what does this work, one at a time; a failure is said, but not at each of a thousand ticks."""
    complaint = Complaint()

    def run() -> None:
        with busy:
            try:
                work()
            except Exception as error:  # noqa: BLE001 (whatever this tick met, the next one tries again)
                if complaint.news(cause(error), clock.monotonic()):
                    log.error("a tick failed; the next one tries again", error=type(error).__name__, why=complaint.said)
            else:
                if complaint.over():
                    log.warning("ticks go on again")

    return run


def go_on_when_put_back(clock: BackgroundScheduler, app: App) -> None:
    """Let every job run at once when the wall clock was put back: each waits for a moment that is hours away again."""
    before = Reading.of(app.clock)
    while not app.stopping.wait(LOOK):
        here = Reading.of(app.clock)
        if jumps.ahead(before, here) < -timedelta(seconds=LOOK):
            for job in clock.get_jobs():
                job.modify(next_run_time=here.real)
        before = here


def beat(app: App) -> Callable[[], None]:
    """Return what says that this worker lives, whatever its tick is busy with."""
    complaint = Complaint()

    def run() -> None:
        try:
            app.beat()
        except Exception as error:  # noqa: BLE001 (out of touch for too long, it hands nothing over)
            if complaint.news(cause(error), app.clock.monotonic()):
                log.warning("this worker could not say that it lives", error=type(error).__name__, why=complaint.said)
        else:
            complaint.over()

    return run


def ways_in(settings: Settings, only: str | None) -> list[Source]:
    """Return the ways in that the settings name. Raises SettingsError."""
    sources = inbound.prepared(settings)
    if only and not sources:
        raise SettingsError(
            "MAIL_LISTEN: --only mail needs a way in; put lmtp://127.0.0.1:8024, or a mailbox into IMAP_URL"
        )
    return sources


def serve(app: App, listening: socket.socket) -> None:
    """Serve the pages until a signal comes."""
    config = uvicorn.Config(
        create_app(app),
        http=connections.Connection,
        backlog=connections.BACKLOG,
        log_config=None,
        access_log=False,  # paths hold tokens; the web room logs route names
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides that
        timeout_graceful_shutdown=GOODBYE,
    )
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    # uvicorn raises its signals once more when it has shut down; the clock's goodbye still has to follow.
    on_signal(end)
    server.run(sockets=[listening])


def on_signal(act: Callable[[], None]) -> None:
    """Do this when Ctrl-C or SIGTERM comes or the terminal is closed, instead of what Python would do."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:  # under nohup it goes on
            signal.signal(name, lambda *_: act())


if __name__ == "__main__":
    main()
