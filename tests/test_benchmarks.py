"""What the benchmarks promise: nothing is counted that did not arrive, and no number outlives its run."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib
import json
import os
import smtplib
import socket
import subprocess
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import postgres
import pytest
import time_machine

from benchmarks import __main__ as command
from benchmarks import claims, crowd, delay, fill, objects, ours, sinks, table
from benchmarks.beside import ROOT, beside
from benchmarks.results import Limit, MismatchError, MissingError, Speed, none, rounds
from benchmarks.run import Run
from course.content import slots
from course.journeys import demo
from course.settings import load

FASTER = Limit("faster than charlie", must=2, aim=3)
LEANER = Limit("memory", must=10, aim=2, unit="MiB", at_most=True)


def speeds(*numbers):
    """Return speeds without a CPU time."""
    return [Speed(number) for number in numbers]


@pytest.mark.parametrize("name", command.NAMES)
def test_every_benchmark_has_rows_and_can_measure_them(name):
    """A benchmark that is named can be run, and has at least one row."""
    module = importlib.import_module(f"benchmarks.{name}")

    assert module.LIMITS
    assert callable(module.measure)


def test_contenders_take_turns_and_another_one_begins_each_time():
    """Whoever always came first would have the colder machine."""
    order = []
    alice, bob = (lambda: order.append("alice") or Speed(1)), (lambda: order.append("bob") or Speed(2))
    measured = rounds(3, {"alice": alice, "bob": bob})

    assert order == ["alice", "bob", "bob", "alice", "alice", "bob"]
    assert measured == {"alice": speeds(1, 1, 1), "bob": speeds(2, 2, 2)}


def test_a_ratio_is_taken_in_each_run_and_the_median_of_them_counts():
    """The ratio of the medians would compare a quiet moment with a loud one."""
    result = FASTER.against(speeds(100, 30, 60), speeds(25, 10, 60), "charlie")

    assert result.value == 3  # of 4, 3 and 1
    assert result.spread == (1, 4)
    assert "60/s" in result.words
    assert "charlie 25/s" in result.words


def test_cpu_time_is_told_where_it_is_known():
    """The operator sees what a message costs."""
    result = FASTER.against([Speed(10, 80.0), Speed(10, 60.0), Speed(10, 70.0)], speeds(1, 1, 1), "charlie")

    assert "70 µs CPU each" in result.words


@pytest.mark.parametrize(
    ("limit", "value", "missed"), [(FASTER, 1.9, True), (FASTER, 2, False), (LEANER, 10, False), (LEANER, 10.1, True)]
)
def test_a_row_that_is_not_what_it_must_be_is_missed(limit, value, missed):
    """Some must be at least so much, some at most."""
    assert limit.result([value], "").missed is missed
    assert ("missed" in table.table([limit.result([value], "")])) is missed


def test_what_is_not_here_is_skipped_with_its_reason():
    """The row that could be measured stays; the other one says what is absent and shows no number."""

    def measure(_):
        yield FASTER.result([4], "")
        raise MissingError("no node here")

    rows = list(command.measured(SimpleNamespace(LIMITS=[FASTER, LEANER], measure=measure), Run()))

    assert rows[0].value == 4
    assert rows[1] == none(LEANER, "skipped: no node here")
    assert "| — |  | skipped: no node here |" in table.table(rows)


def test_a_message_that_is_missing_fails_its_row():
    """No number comes of a run that lost something."""

    def measure(_):
        raise MismatchError("3 messages came instead of 4")
        yield

    (row,) = command.measured(SimpleNamespace(LIMITS=[FASTER], measure=measure), Run())

    assert row.failed
    assert row.value is None
    assert "FAILED: 3 messages came instead of 4" in table.line(row)


def test_a_new_table_leaves_nothing_of_the_old_one(tmp_path):
    """A row that was not measured this time shows no number of last time; the page around the table stays."""
    page = tmp_path / "performance.md"
    page.write_text(f"# Speed\n{table.BEGIN}\n{table.END}\nAfter it.\n", encoding="utf-8")
    table.write([FASTER.result([7], "7/s")], ["a machine"], page)
    table.write([none(FASTER, command.NOT_RUN)], ["another machine"], page)
    text = page.read_text(encoding="utf-8")

    assert text.startswith(f"# Speed\n{table.BEGIN}\n- another machine\n")
    assert text.endswith(f"{table.END}\nAfter it.\n")
    assert "7/s" not in text
    assert command.NOT_RUN in text


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path):
    """Better no table than one in the wrong place."""
    page = tmp_path / "performance.md"
    page.write_text("# Speed\n")
    with pytest.raises(ValueError, match="no place"):
        table.write([], [], page)

    assert page.read_text() == "# Speed\n"


def test_the_page_names_every_benchmark_and_has_a_place_for_the_table():
    """Whoever reads the table finds out how to run it."""
    text = table.PAGE.read_text(encoding="utf-8")

    assert all(f"`{name}`" in text for name in command.NAMES)
    assert text.index(table.BEGIN) < text.index(table.END)


@pytest.mark.parametrize("more", [["--small"], ["--runs", "4"]])
def test_numbers_that_mean_nothing_are_not_written(more, capsys):
    """Trying a benchmark out never changes the page."""
    with pytest.raises(SystemExit):
        command.asked_for(["--write", *more])

    assert "mean something" in capsys.readouterr().err


def test_a_run_sees_neither_the_environment_nor_the_env_file(tmp_path, monkeypatch):
    """They may lead to a database with people in it. Afterwards all is as it was."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://course@db.example/real")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MAIL_FROM=alice@example.org\n")
    with Run() as run:
        settings = load(data_dir=run.new_folder())
        folder = run.folder

    assert settings.database.startswith("sqlite:")
    assert settings.mail_from != "alice@example.org"
    assert os.environ["DATABASE_URL"].endswith("/real")
    assert not folder.exists()


@pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL programs here")
def test_a_run_starts_postgresql_without_the_tests_beside_it():
    """`make bench` is a process of its own: it finds nothing that only pytest puts on the path."""
    code = "from benchmarks.run import Run\nwith Run() as run, run.new_postgres() as address: print(address)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.stderr == ""
    assert found.stdout.startswith("postgresql+psycopg://")


def test_a_tool_that_is_not_here_says_how_to_get_it():
    """The reason in the table is one that helps."""
    with pytest.raises(MissingError, match="apt install postfix"):
        sinks.tool("smtp-nothing")


def test_smtp_sinks_count_is_read_from_its_last_line(tmp_path):
    """It writes its counters over and over; the last ones count."""
    counters = tmp_path / "counters"
    counters.write_bytes(b"sess=0 quit=0 mesg=9\r" * 100 + b"sess=1 quit=0 mesg=412\r")
    sink = sinks.Sink(0, counters)
    sink.must_have(412)

    with pytest.raises(MismatchError, match="412 messages instead of 413"):
        sink.must_have(413)


def test_the_counting_sink_tells_doubles_apart():
    """Three messages of which one came twice are not three different ones."""
    with beside("counting_sink") as sink:
        with smtplib.SMTP("127.0.0.1", sink.port) as smtp:
            for name in ("alice", "bob", "alice"):
                mail = EmailMessage()
                mail["Message-ID"] = f"<{name}@example.org>"
                mail.set_content("A dot alone:\n.\nMessage-ID: <not-a-header@example.org>\n")
                smtp.send_message(mail, "us@example.org", ["alice@example.org"])
        counted = sink.counted()

    assert counted == {"messages": 3, "different": 2}
    with pytest.raises(MismatchError, match="3 messages came, 2 different"):
        ours.exactly(counted, 3)


@pytest.mark.parametrize(("how", "different"), [([], 0), (["each"], 2)])
def test_the_http_sink_counts_recipients_on_a_kept_connection(how, different):
    """Two calls on one connection to three people, one of them twice; a `"to":` in somebody's text is no recipient."""
    names = [["alice", "bob"], ["alice"]]
    with beside("http_sink", *how) as sink:
        line = http.client.HTTPConnection("127.0.0.1", sink.port)
        for people in names:
            to = [{"to": [{"email": f"{name}@example.org"}]} for name in people]
            line.request("POST", "/v3/mail/send", json.dumps({"personalizations": to, "subject": 'the "to": in JSON'}))
            answer = line.getresponse()
            assert answer.status == http.client.ACCEPTED
            answer.read()
        line.close()
        counted = sink.counted()

    assert counted == {"calls": 2, "messages": 3, "different": different}


def test_the_proxy_carries_both_ways_in_order():
    """What was said arrives, whole and in order, and so does the goodbye."""
    said = os.urandom(300_000)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = stack.enter_context(beside("delay", server.getsockname()[1], 1))
        alice = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
        bob = stack.enter_context(server.accept()[0])
        bob.sendall(b"hello")
        heard_by_alice = alice.recv(5, socket.MSG_WAITALL)
        alice.sendall(said)
        alice.shutdown(socket.SHUT_WR)
        heard_by_bob = stack.enter_context(bob.makefile("rb")).read()

    assert heard_by_alice == b"hello"
    assert heard_by_bob == said


def test_the_proxy_holds_back_each_piece_for_its_time(monkeypatch):
    """Nothing is passed on before its timer says so, and a timer that fires early takes what has waited longest."""
    left, timers = [], []

    async def carry():
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", lambda *timer: timers.append(timer))
        way = delay.Way(0.005)
        way.other = SimpleNamespace(is_closing=lambda: False, write=left.append)
        way.data_received(b"one")
        way.data_received(b"two")
        assert left == []
        for _, passing_on in reversed(timers):
            passing_on()

    asyncio.run(carry())

    assert [seconds for seconds, _ in timers] == [0.005, 0.005]
    assert left == [b"one", b"two"]


def test_our_side_really_sends_to_everybody_once():
    """A few people, our whole loop, and a sink that tells messages apart."""
    with Run() as run:
        ours.verified(run, 12, 2)
        ours.verified(run, 4, 2, milliseconds=1)


@pytest.mark.parametrize("hour", range(24))
def test_no_midnight_comes_while_it_is_measured(hour):
    """Whenever it runs, it is noon for those whom a worker sends to, and far from midnight for everybody else."""
    now = datetime(2027, 3, 1, hour, 17, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        began = ours.Morning.begun().now()
    hours = {began.astimezone(ZoneInfo(zone)).hour for zone in demo.ZONES}

    assert now.astimezone(ZoneInfo(crowd.noon(now))).hour == 12
    assert max(hours) < 23


def test_both_sides_fill_the_same_mail():
    """Jinja2 and EmailMessage make what we make; one that leaves something out is found out."""
    with Run(times=1, messages=20) as run:
        (result,) = fill.measure(run)
        app = ours.service(run, 1, {"transport": "folder"})
        with app as service:
            mailing = service.catalogue.mailing(service.catalogue.first.name, "day-1", "en-GB")
            shared = dict.fromkeys((*slots.FOOTER, "greeting", "day"), "x")
            people = fill.People(service, mailing, shared, service.clock.real(), iter([1]))
            with pytest.raises(MismatchError, match="another mail"):
                fill.same(people.next(), lambda message: message.as_bytes().replace(b"Feedback-ID", b"X-Other"))

    assert result.value


def test_both_sides_record_the_same():
    """Set-based and by objects: every lesson is recorded as sent, and every enrolment goes on."""
    with Run(times=1, messages=8) as run:
        result = next(claims.measure(run))

    assert result.limit.what.endswith("SQLite")
    assert result.value


def test_a_side_that_records_something_else_is_found_out(monkeypatch):
    """Before anything is timed both sides' rows are compared: a claim in another name is not the same."""
    monkeypatch.setattr(claims, "by_objects", lambda app: objects.claim_and_record(app, "another"))
    with Run(times=1, messages=8) as run, pytest.raises(MismatchError, match="other rows"):
        next(claims.measure(run))


def test_make_bench_measures_everything_and_writes_it():
    """The one command that CONTRIBUTING.md names."""
    text = (ROOT / "Makefile").read_text()

    assert "-m benchmarks --write" in text
