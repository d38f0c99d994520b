"""Promises of the restore: who asked for no mail gets none, nobody gets a lesson twice unasked, nothing is lost."""

from __future__ import annotations

import fcntl
import os
import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ON_SQLITE, make_settings
from sqlalchemy import create_engine, text

from course.app import App
from course.content import catalogue
from course.journeys import backlog, pacing, people, privacy, resources, restoring, suppression, switch
from course.journeys import enrolments as rounds
from course.journeys.switch import Why
from course.schedule import Pace
from course.settings import SettingsError
from course.store import backup, replacing
from course.store.database import Store
from course.store.failures import BackupError
from course.store.migrate import SchemaError
from course.store.tables import subscribers

ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # Tuesday, when the first lessons are due
# A child that may write no large file would leave torn bytecode behind for everybody.
BARE = {"PYTHONDONTWRITEBYTECODE": "1"}
ALICE, BOB, CHARLIE = (f"{who}@example.org" for who in ("alice", "bob", "charlie"))


@pytest.fixture
def world(world, pg_tools):
    """Close the service that a restart has left, and drop what a restore keeps on PostgreSQL."""
    yield world
    world.app.close()
    url = make_url_of(world)
    if not world.app.settings.sqlite:
        admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            like = {"like": f"{url.database}_%"}
            kept = connection.execute(text("SELECT datname FROM pg_database WHERE datname LIKE :like"), like).scalars()
            for name in kept.all():
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def make_url_of(world):
    """Return the address of the world's database."""
    return world.app.service.store.engine.url


def take(world, tmp_path):
    """Take a backup of the world as it is."""
    file = tmp_path / f"{len(list(tmp_path.glob('*.backup')))}.backup"
    backup.take(world.app.service.store, file)
    return file


def restore(world, file, *, with_erased=False, force=False):
    """End the service, restore, and start it again; return what was said."""
    world.app.close()
    settings = world.app.settings
    try:
        return restoring.restore(
            settings, catalogue.load(settings), file, world.clock, with_erased=with_erased, force=force
        )
    finally:
        world.app = App.build(settings, transport=world.box, clock=world.clock)


def resume(world, before=None):
    """Do what `course sending resume` does."""
    skipped = backlog.treat_as_sent(world.app.service, before, world.clock.real()) if before else 0
    with world.app.service.store.transaction() as tx:
        switch.turn_on(tx, world.clock.real())
    return skipped


def off(world):
    """Return how sending is off, or None."""
    with world.app.service.store.reading() as tx:
        return switch.look(tx)


def lessons(world):
    """Return how often each person got each lesson."""
    return Counter((mail.to, mail.mailing.name) for mail in world.box.sent if mail.mailing.name.startswith("day-"))


def statuses(world):
    """Return where each person stands."""
    return dict(world.rows("SELECT s.email, e.status FROM enrolments e JOIN subscribers s ON s.id = e.subscriber_id"))


@pytest.fixture
def three(world, tmp_path):
    """Give a world that was backed up on Monday, and in which the first lessons have left on Tuesday since."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    world.file = take(world, tmp_path)
    world.clock.at = EIGHT
    world.app.tick()
    return world


# What it does.


def test_a_restored_database_is_the_one_that_was_backed_up(world, tmp_path):
    """All rows are there again; the database that was replaced is kept, and can be read."""
    world.join()
    world.pass_hours(24)
    tables = ("subscribers", "enrolments", "deliveries", "mailings", "consents", "history")
    queries = [f"SELECT * FROM {table} ORDER BY 1" for table in tables]  # noqa: S608 (names of ours)
    before = [world.rows(query) for query in queries]
    file = take(world, tmp_path)
    world.pass_hours(48)
    done = restore(world, file)
    url = make_url_of(world)
    kept = Store(
        f"sqlite:///{done.kept_as}"
        if world.app.settings.sqlite
        else url.set(database=done.kept_as).render_as_string(hide_password=False)
    )
    with kept.reading() as tx:
        sent = tx.execute(text("SELECT count(*) FROM deliveries WHERE kind = 'lesson' AND status = 'sent'")).scalar()
    kept.close()

    assert [world.rows(query) for query in queries] == before
    assert sent == 3
    assert done.until > done.backup


def test_after_a_restore_nothing_leaves_until_told(three):
    """It is off over restarts, and says why; when told, what is owed leaves, once."""
    restore(three, three.file)
    three.box.sent.clear()
    three.pass_hours(2)
    while_off, why = list(three.box.sent), off(three).why
    resume(three)
    three.app.tick()
    three.pass_hours(1)

    assert (while_off, why) == ([], Why.RESTORED)
    assert lessons(three) == {(who, "day-1"): 1 for who in (ALICE, BOB, CHARLIE)}
    assert off(three) is None


def test_what_is_owed_is_shown(three):
    """By mailing, since when, and how many of them had been due while the lost database was still used."""
    three.clock.go(hours=1)
    restore(three, three.file)
    (waiting,) = backlog.owed(three.app.service, three.clock.now(), off(three).sent_before)

    assert (waiting.course, waiting.name, waiting.count, waiting.before) == ("self-compassion", "day-1", 3, 3)
    assert (waiting.first, waiting.last) == (EIGHT, EIGHT)


def test_what_was_sent_is_not_sent_again_if_that_is_wanted(three):
    """Treated as sent when it was due: nobody gets a copy, and the next lesson comes on the next morning."""
    three.clock.go(hours=2)
    restore(three, three.file)
    skipped = resume(three, off(three).sent_before)
    three.pass_hours(24 * 6)

    assert skipped == 3
    assert lessons(three) == {(who, f"day-{day}"): 1 for who in (ALICE, BOB, CHARLIE) for day in range(1, 6)}
    assert set(statuses(three).values()) == {"finished"}


def test_days_that_were_lost_are_lived_on_paper(three):
    """The backup is older by days: each day that was due is treated as sent, and the course goes on where it was."""
    three.pass_hours(49)  # days 2 and 3
    restore(three, three.file)
    resume(three, off(three).sent_before)
    three.pass_hours(24 * 4)
    days = {who: [name for name in three.box.names(who) if name.startswith("day-")] for who in (ALICE, BOB, CHARLIE)}

    assert days == {who: [f"day-{day}" for day in range(1, 6)] for who in (ALICE, BOB, CHARLIE)}
    assert three.rows("SELECT count(*) FROM deliveries WHERE status = 'unknown'") == [(9,)]
    dates = three.rows(
        "SELECT name, local_date FROM deliveries WHERE kind = 'lesson' AND subscriber_id = 1 ORDER BY name"
    )
    assert [str(date)[:10] for _, date in dates] == [f"2027-03-0{day}" for day in range(2, 7)]


def test_a_course_that_ended_meanwhile_has_ended(three):
    """All five days were due and the farewell, too: nothing of it comes once more."""
    three.pass_hours(24 * 7)
    before = Counter((mail.to, mail.mailing.name) for mail in three.box.sent)
    restore(three, three.file)
    resume(three, off(three).sent_before)
    three.pass_hours(24 * 3)

    assert Counter((mail.to, mail.mailing.name) for mail in three.box.sent) == before
    assert set(statuses(three).values()) == {"finished"}


def test_what_was_due_after_it_is_owed(three):
    """The service was down since the evening: this morning's lesson was sent by nobody, so it leaves."""
    three.clock.go(hours=10)
    three.app.tick()
    three.clock.go(hours=15)  # Wednesday, nine o'clock; nothing ticked
    restore(three, three.file)
    resume(three, off(three).sent_before)
    three.app.tick()

    assert {name for _, name in lessons(three)} == {"day-1", "day-2"}
    assert set(lessons(three).values()) == {1}


# Who must not be written to.


def test_who_left_stays_away(three):
    """Bob left after the backup, and Charlie paused: neither gets another mail, for they are looked up."""
    three.clock.go(hours=1)
    three.app.leave(three.leave_token(last_mail(three, BOB)), "page")
    three.app.pause(three.leave_token(last_mail(three, CHARLIE)))
    done = restore(three, three.file)
    three.box.sent.clear()
    resume(three)
    three.pass_hours(48)

    assert (done.carried.stopped, done.carried.paused, done.carried.unread) == (1, 1, [])
    assert {mail.to for mail in three.box.sent} == {ALICE}
    assert statuses(three) == {ALICE: "active", BOB: "stopped", CHARLIE: "paused"}


def test_a_pause_keeps_its_end(three):
    """Charlie paused for two days after the backup: he rests, and his letters come again by themselves."""
    three.clock.go(hours=1)
    three.reply(last_mail(three, CHARLIE), "PAUSE 2 DAYS")
    end = three.rows("SELECT resume_at FROM enrolments WHERE resume_at IS NOT NULL")
    restore(three, three.file)

    assert three.rows("SELECT resume_at FROM enrolments WHERE resume_at IS NOT NULL") == end
    assert statuses(three)[CHARLIE] == "paused"


def test_a_pause_that_is_over_is_owed(three):
    """What `course sending` shows counts the lesson of a pause whose end has come meanwhile."""
    three.reply(last_mail(three, CHARLIE), "PAUSE 1 DAY")
    three.clock.go(days=1)
    shown = backlog.owed(three.app.service, three.clock.now(), three.clock.now())

    assert sum(waiting.count for waiting in shown) == 4  # the notice that he paused, and three lessons


def last_mail(world, who):
    """Return the last mail that somebody got."""
    return next(mail for mail in reversed(world.box.sent) if mail.to == who)


def test_why_they_left_is_kept(three):
    """The proof comes over with its own moment and wording, and the enrolment says the same reason."""
    three.clock.go(hours=1)
    left_at = three.clock.at
    three.app.provider_events([{"event": "spamreport", "email": BOB, "sg_event_id": "1"}])
    three.clock.go(hours=5)
    restore(three, three.file)
    mark = suppression.mark(three.app.keys, BOB)
    with three.app.service.store.reading() as tx:
        query = text("SELECT wording, at FROM consents WHERE who = :who AND what = 'withdrawn' ORDER BY at")
        first = tx.execute(query, {"who": mark}).first()

    assert three.rows("SELECT ended_reason FROM enrolments WHERE status = 'stopped'") == [("complained",)]
    assert first.wording == "complained"
    assert str(first.at)[:16] == f"{left_at:%Y-%m-%d %H:%M}"


def test_an_address_that_wants_no_mail_wants_none(world, tmp_path):
    """Somebody pressed "this was not me" since: no confirmation is ever sent there."""
    world.join()
    file = take(world, tmp_path)
    world.sign_up("bob")
    world.app.tick()
    world.app.not_me(world.confirm_token())
    done = restore(world, file)
    resume(world)
    world.box.sent.clear()
    world.sign_up("bob")
    world.app.tick()

    assert done.carried.suppressions == 1
    assert world.box.sent == []


def test_who_writes_on_paper_is_not_asked_after(world, tmp_path):
    """Alice said so after the backup, Bob before it; Charlie, who did not, is asked as before."""
    for who in ("alice", "bob", "charlie"):
        world.join(who, pace="self-paced")
    on_paper(world, "bob")
    file = take(world, tmp_path)
    world.pass_hours(20)
    on_paper(world, "alice")
    done = restore(world, file)
    resume(world)
    world.pass_hours(24 * 9)

    assert done.carried.on_paper == 1
    assert [mail.to for mail in world.box.sent if mail.mailing.name == "quiet"] == [CHARLIE]


def test_what_people_chose_since_stays_chosen(world, tmp_path):
    """Alice's hour, zone, language, country, name and kind of letter; Bob, who chose nothing, is as he was."""
    world.join()
    world.join("bob")
    world.clock.go(hours=1)
    file = take(world, tmp_path)
    chosen = "name = 'Al', locale = 'en-US', timezone = 'Asia/Tokyo', send_hour = 21, country = 'JP', plain = TRUE"
    with world.app.service.store.transaction() as tx:
        tx.execute(text(f"UPDATE subscribers SET {chosen} WHERE email = '{ALICE}'"))  # noqa: S608
    done = restore(world, file)
    resume(world)
    world.pass_hours(30)
    first = {mail.to: mail for mail in world.box.sent if mail.mailing.name == "day-1"}

    assert done.carried.chosen == 1
    assert world.rows("SELECT name, locale, timezone, send_hour, country, plain FROM subscribers ORDER BY email") == [
        ("Al", "en-US", "Asia/Tokyo", 21, "JP", True),
        ("Bob", "en-GB", "Europe/London", 8, None, False),
    ]
    assert (first[ALICE].date.hour, first[ALICE].mailing.locale) == (12, "en-US")  # nine in the evening in Tokyo
    assert (first[BOB].date.hour, first[BOB].mailing.locale) == (8, "en-GB")


def another_hour_is_lost(world, tmp_path):
    """Let a day go by after a backup, and everybody choose another hour; then restore the backup."""
    file = take(world, tmp_path)
    world.pass_hours(25)
    with world.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE subscribers SET send_hour = 21"))
    restore(world, file)


def test_another_hour_lets_nothing_come_twice(world, tmp_path):
    """Day 2 was due, and sent, in the lost database: what was owed by then is treated as sent, at whichever hour."""
    world.join()
    world.pass_hours(20)
    another_hour_is_lost(world, tmp_path)
    with world.app.service.store.reading() as tx:
        person = people.find(tx)[0]

    assert person.send_hour == 21
    assert f"{person.next_send_at:%d %H:%M}" == "03 08:00"
    assert resume(world, before=world.clock.at) == 1


def test_another_hour_reaches_each_course_that_is_not_behind(world, tmp_path):
    """Day 2 of one course is owed as of then; the next letter of the other comes at the hour that Alice chose since."""
    world.join(course="writing-with-self-compassion")
    world.pass_hours(24)
    world.join()
    world.pass_hours(24)
    another_hour_is_lost(world, tmp_path)
    with world.app.service.store.reading() as tx:
        due = {person.course: person.next_send_at for person in people.find(tx)}

    assert due["self-compassion"] <= world.clock.at
    assert due["self-compassion"].hour == 8
    assert due["writing-with-self-compassion"] > world.clock.at
    assert due["writing-with-self-compassion"].hour == 21


def another_pace(world, who, pace):
    """Let somebody choose another pace on their page."""
    with world.app.service.store.transaction() as tx:
        person = people.find(tx, subscribers.c.email == f"{who}@example.org")[0]
        pacing.change(tx, world.app.service, person, pace, world.clock.now())


def test_another_pace_stays(world, tmp_path):
    """Alice takes smaller steps since the backup, Bob one letter a day again; Charlie goes on as before."""
    world.join()
    world.join("bob", pace="self-paced")
    world.join("charlie")
    world.pass_hours(24)
    file = take(world, tmp_path)
    another_pace(world, "alice", Pace.SELF_PACED)
    another_pace(world, "bob", Pace.DAILY)
    done = restore(world, file)
    resume(world)
    world.pass_hours(24 * 3)

    assert done.carried.paced == 2
    assert world.rows("SELECT pace FROM enrolments ORDER BY id") == [("self-paced",), ("daily",), ("daily",)]
    assert [lessons(world)[who, day] for who in (ALICE, BOB, CHARLIE) for day in ("day-2", "day-3", "day-4")] == [
        *(1, 0, 0),  # hers was planned already, and the next one waits for her
        *(1, 1, 1),
        *(1, 1, 1),
    ]


def test_another_pace_lets_nothing_come_twice(world, tmp_path):
    """Day 2 was due, and sent, in the lost database: what was owed by then is treated as sent, at whichever pace."""
    world.join()
    world.pass_hours(20)
    file = take(world, tmp_path)
    world.pass_hours(25)
    another_pace(world, "alice", Pace.WEEKDAYS)
    restore(world, file)
    resume(world, before=world.clock.at)
    world.pass_hours(24)

    assert world.rows("SELECT pace FROM enrolments") == [("weekdays",)]
    assert [lessons(world)[ALICE, day] for day in ("day-1", "day-2", "day-3")] == [1, 1, 1]


def test_another_end_of_a_pause_stays(world, tmp_path):
    """Alice rests for longer than she had said when the backup was taken: no letter comes before that."""
    world.join()
    longer = [world.clock.at + timedelta(days=days) for days in (2, 20)]
    with world.app.service.store.transaction() as tx:
        rounds.pause(tx, people.find(tx)[0], world.clock.at, longer[0])
    file = take(world, tmp_path)
    with world.app.service.store.transaction() as tx:
        rounds.pause_until(tx, people.find(tx)[0], longer[1], world.clock.at)
    done = restore(world, file)
    resume(world)
    world.pass_hours(24 * 6)

    assert done.carried.paused == 1
    assert lessons(world) == {}


def go_on(world, who="alice"):
    """Let somebody end their pause."""
    with world.app.service.store.transaction() as tx:
        person = people.find(tx, subscribers.c.email == f"{who}@example.org")[0]
        rounds.resume(tx, world.app.service, person, world.clock.now())


def rest(world, who="alice"):
    """Let somebody pause until they come back."""
    with world.app.service.store.transaction() as tx:
        rounds.pause(tx, people.find(tx, subscribers.c.email == f"{who}@example.org")[0], world.clock.now())


def test_who_went_on_since_goes_on(world, tmp_path):
    """Alice rested when the backup was taken, and asked for her letters again; Bob rests to this day."""
    for who in ("alice", "bob"):
        world.join(who)
        rest(world, who)
    file = take(world, tmp_path)
    go_on(world)
    done = restore(world, file)
    resume(world)
    world.pass_hours(48)

    assert (done.carried.resumed, done.carried.paused) == (1, 0)
    assert statuses(world) == {ALICE: "active", BOB: "paused"}
    assert lessons(world) == {(ALICE, "day-1"): 1, (ALICE, "day-2"): 1}


@pytest.mark.parametrize("days", [2, 9])
def test_who_went_on_since_gets_nothing_twice(world, tmp_path, days):
    """Alice had two letters in the lost database, or all five and the farewell: they are treated as sent."""
    world.join()
    rest(world)
    file = take(world, tmp_path)
    go_on(world)
    world.pass_hours(24 * days)
    restore(world, file)
    resume(world, before=world.clock.at)
    world.pass_hours(24 * 6)

    assert statuses(world) == {ALICE: "finished"}
    assert lessons(world) == {(ALICE, f"day-{day}"): 1 for day in range(1, 6)}


def test_who_rested_again_since_rests(world, tmp_path):
    """Alice went on and paused once more: the newest word counts."""
    world.join()
    rest(world)
    file = take(world, tmp_path)
    go_on(world)
    world.clock.go(minutes=1)
    rest(world)
    done = restore(world, file)

    assert (done.carried.resumed, statuses(world)) == (0, {ALICE: "paused"})


def on_paper(world, who):
    """Let somebody say on their page that they write on paper."""
    with world.app.service.store.transaction() as tx:
        person = people.find(tx, subscribers.c.email == f"{who}@example.org")[0]
        pacing.set_on_paper(tx, person, world.clock.now(), on_paper=True)


def test_what_was_revoked_stays_revoked(world, tmp_path):
    """A link that was made for Alice, and the one in her letter; one that was made since is gone. Bob's still work."""
    world.join()
    world.join("bob")
    world.pass_hours(20)
    service, real = world.app.service, world.clock.real
    letters = [world.link(mail, "r") for mail in world.box.sent if mail.mailing.name == "day-1"]
    made = [resources.link(service, who, "dear-me", real()).rpartition("/")[2] for who in (ALICE, BOB)]
    file = take(world, tmp_path)
    world.clock.go(hours=1)
    made.append(resources.link(service, ALICE, "dear-me", real()).rpartition("/")[2])
    named = resources.look(service, letters[0], real()).resource.id
    for name in {"dear-me", named}:
        resources.revoke(service, ALICE, name, real())
    done = restore(world, file)
    opens = [bool(resources.look(world.app.service, token, real())) for token in (*letters, *made)]

    assert opens == [False, True, False, True, False]
    assert done.carried.revoked == 4


def test_who_came_back_is_not_turned_away(world, tmp_path):
    """Bob left before the backup and signed up again: his newest word is yes."""
    world.join("bob")
    world.clock.go(hours=1)
    world.app.leave(world.leave_token(), "page")
    world.clock.go(hours=25)
    world.join("bob")
    file = take(world, tmp_path)
    done = restore(world, file)

    assert done.carried.stopped == 0
    assert ("bob@example.org", "active") in statuses(world).items()


def test_a_newer_backup_after_an_older_one(world, tmp_path):
    """Monday's backup was restored by mistake, then Tuesday's: nobody who joined in between is erased or stopped."""
    world.join("alice")
    monday = take(world, tmp_path)
    world.clock.go(hours=1)
    world.app.leave(world.leave_token(), "page")
    world.clock.go(hours=1)
    world.join("bob")
    world.clock.go(hours=24)
    world.join("alice")
    tuesday = take(world, tmp_path)
    restore(world, monday)
    world.clock.go(minutes=10)
    world.app.tick()
    world.clock.go(minutes=10)
    done = restore(world, tuesday)

    assert (done.carried.erased, done.carried.stopped) == (0, 0)
    assert statuses(world) == {ALICE: "active", BOB: "active"}


@pytest.mark.parametrize("with_erased", [False, True])
def test_who_was_erased_stays_erased(three, with_erased):
    """Bob was erased since the backup, which still knows him: he is erased again, unless that is what it is for."""
    privacy.erase(three.app.service, BOB, three.clock.now())
    done = restore(three, three.file, with_erased=with_erased)

    assert done.carried.erased == (0 if with_erased else 1)
    assert (BOB in statuses(three)) is with_erased


def test_who_signed_up_since_is_counted(three):
    """They are not in the backup: the operator hears how many."""
    three.join("dora")
    done = restore(three, three.file)

    assert done.carried.lost == 1


def test_a_restore_onto_an_empty_database(three, tmp_path):
    """The disk is gone, and the service was started once on the new one: nobody counts as erased."""
    empty(three, tmp_path)
    done = restore(three, three.file)

    assert statuses(three) == dict.fromkeys((ALICE, BOB, CHARLIE), "active")
    assert (done.carried.erased, done.carried.unread) == (0, [])


def empty(world, tmp_path):
    """Let the present database be a new one, which the service has started once on."""
    if world.app.settings.sqlite:
        world.app.close()
        for path in tmp_path.glob("course.db*"):
            path.unlink()
    else:
        with world.app.service.store.transaction() as tx:
            tx.execute(text("DROP SCHEMA public CASCADE"))
            tx.execute(text("CREATE SCHEMA public"))
        world.app.close()
        store = Store(make_url_of(world).render_as_string(hide_password=False))
        replacing.migrate.upgrade(store)
        store.close()
    world.app = App.build(world.app.settings, transport=world.box, clock=world.clock)


@ON_SQLITE
def test_a_restore_where_there_is_no_database(three, tmp_path):
    """The disk is gone; there is DATA_DIR with its key, and the backup."""
    three.app.close()
    for path in tmp_path.glob("course.db*"):
        path.unlink()
    done = restore(three, three.file)

    assert len(statuses(three)) == 3
    assert done.carried.unread == []
    assert off(three).why == Why.RESTORED


@ON_SQLITE
def test_a_restore_leaves_nothing_where_it_is_typed(three, tmp_path, monkeypatch):
    """What stands for a database that is not there is made in memory, not as a file in the operator's folder."""
    three.app.close()
    for path in tmp_path.glob("course.db*"):
        path.unlink()
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    restore(three, three.file)

    assert list(folder.iterdir()) == []


@ON_SQLITE
def test_a_damaged_database_gives_what_it_can(three, tmp_path):
    """Pages of it are lost: what can be read is carried over, and what cannot is named."""
    three.clock.go(hours=1)
    three.app.provider_events([{"event": "spamreport", "email": BOB, "sg_event_id": "1"}])
    root = three.rows("SELECT rootpage FROM sqlite_master WHERE name = 'consents'")[0][0]
    three.app.service.store.sweep_pages()
    three.app.close()
    spoil(tmp_path / "course.db", root)
    done = restore(three, three.file)

    assert done.carried.suppressions == 1
    assert "the proof of consent" in done.carried.unread
    assert "who left a course" in done.carried.unread
    assert (tmp_path / done.kept_as).exists()
    resume(three)
    three.box.sent.clear()
    three.pass_hours(48)
    assert BOB not in {mail.to for mail in three.box.sent}


@ON_SQLITE
def test_a_database_that_is_none_any_more(three, tmp_path):
    """Nothing of it can be read: all that could not be carried over is named, and the file is kept."""
    three.app.service.store.sweep_pages()
    three.app.close()
    (tmp_path / "course.db").write_bytes(b"\0" * 8192)
    done = restore(three, three.file)

    assert len(done.carried.unread) == 8
    assert Path(done.kept_as).read_bytes() == b"\0" * 8192
    assert len(statuses(three)) == 3


def spoil(path, page):
    """Overwrite a page of a database."""
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


# Old links.


def test_an_old_link_acts_for_nobody_else(world, tmp_path):
    """Dora signed up after the backup, and is lost with it. Her links and replies act for nobody who comes next."""
    world.join("alice")
    file = take(world, tmp_path)
    world.join("dora")
    dora = world.box.sent[-1]
    old_link = world.leave_token(dora)
    restore(world, file)
    resume(world)
    world.join("emil")
    replied = world.reply(dora, "STOP", From="dora@example.org")

    assert world.app.leave(old_link, "page") is None
    assert statuses(world)["emil@example.org"] == "active"
    assert "command" not in replied
    ids = world.rows("SELECT id FROM subscribers ORDER BY id")
    assert ids[-1][0] >= world.clock.at.timestamp() * 1000 - 10_000


# What it refuses.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "is no backup"),
        (b"Dear diary", "is no backup"),
        (b"SQLite format 3\0" + b"\0" * 5000, "is damaged|is a backup of SQLite"),
        (b"PGDMP" + b"\0" * 5000, "is a backup of PostgreSQL|pg_restore did not do its part"),
    ],
    ids=["missing", "empty", "text", "broken-sqlite", "broken-dump"],
)
def test_a_file_that_is_no_backup_changes_nothing(three, tmp_path, content, said):
    """It is refused in words, and the service goes on as it was."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    before = three.rows("SELECT * FROM deliveries ORDER BY id")

    with pytest.raises(BackupError, match=said):
        restore(three, file)
    assert three.rows("SELECT * FROM deliveries ORDER BY id") == before
    assert off(three) is None


def test_a_torn_backup_changes_nothing(three):
    """Half of a file is no backup."""
    whole = three.file.read_bytes()
    three.file.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(BackupError):
        restore(three, three.file)
    assert off(three) is None
    assert len(statuses(three)) == 3


def test_a_backup_of_a_newer_version_is_refused(three, tmp_path):
    """It says which version to install; nothing has changed."""
    with three.app.service.store.transaction() as tx:
        version = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    file = take(three, tmp_path)
    with three.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    with pytest.raises(SchemaError, match="Install that version again"):
        restore(three, file)
    assert off(three) is None
    assert leftovers(three, tmp_path) == []


def leftovers(world, tmp_path):
    """Return what a restore that was refused has left behind."""
    if world.app.settings.sqlite:
        return [path.name for path in tmp_path.glob("course.db.*")]
    return world.rows(f"SELECT datname FROM pg_database WHERE datname LIKE '{make_url_of(world).database}_%'")  # noqa: S608


def test_a_backup_made_with_another_key_is_refused(three, tmp_path):
    """Its links and suppressions would mean nothing: it says so before anything is replaced."""
    settings = three.app.settings
    other = make_settings(data_dir=tmp_path / "other", database_url=settings.database_url)
    three.app.close()
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        restoring.restore(other, catalogue.load(other), three.file, three.clock, with_erased=False, force=False)
    three.app = App.build(settings, transport=three.box, clock=three.clock)

    assert off(three) is None
    assert leftovers(three, tmp_path) == []


@ON_SQLITE
def test_a_database_of_something_else_is_refused(three, tmp_path):
    """A SQLite file, sound, but not of this service."""
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE recipes (id INTEGER)")
    other.close()

    with pytest.raises(BackupError, match="not of this service"):
        restore(three, tmp_path / "other.db")


@ON_SQLITE
def test_the_database_itself_is_no_backup_of_it(three, tmp_path):
    """Typed by mistake: refused."""
    with pytest.raises(BackupError, match="the database itself"):
        restore(three, tmp_path / "course.db")


def test_a_database_in_use_is_not_replaced(three, tmp_path):
    """Pages that are still served would write into a database that nobody reads any more."""
    web = Store(make_url_of(three).render_as_string(hide_password=False))
    with web.reading() as tx:
        tx.execute(text("SELECT 1"))
    with pytest.raises(BackupError, match=r"in use|are using the database"):
        restore(three, three.file)
    refused = off(three), leftovers(three, tmp_path)
    web.close()
    restore(three, three.file)

    assert refused == (None, [])
    assert off(three).why == Why.RESTORED


@ON_POSTGRESQL
def test_force_ends_what_was_left_over(three):
    """A console that somebody forgot is ended, when that is wanted."""
    console = Store(make_url_of(three).render_as_string(hide_password=False))
    with console.reading() as tx:
        tx.execute(text("SELECT 1"))
    restore(three, three.file, force=True)
    console.close()

    assert off(three).why == Why.RESTORED


@ON_POSTGRESQL
def test_a_role_that_may_make_no_database_is_told(three, tmp_path):
    """What is missing, and how an administrator gives it."""
    url = make_url_of(three)
    with three.app.service.store.transaction() as tx:
        tx.execute(text("CREATE ROLE small LOGIN"))
    try:
        small = three.app.settings.model_copy(
            update={
                "database_url": type(three.app.settings.database_url)(
                    url.set(username="small").render_as_string(hide_password=False)
                )
            }
        )
        three.app.close()
        with pytest.raises(BackupError, match=r"permission denied.*CREATEDB"):
            restoring.restore(small, catalogue.load(small), three.file, three.clock, with_erased=False, force=False)
    finally:
        three.app = App.build(three.app.settings, transport=three.box, clock=three.clock)
        with three.app.service.store.transaction() as tx:
            tx.execute(text("DROP ROLE small"))


@ON_POSTGRESQL
def test_a_database_that_is_not_there_yet_is_told(three):
    """On a new server there is nothing to restore into: it says what to type."""
    url = make_url_of(three).set(database="not_there")
    secret = type(three.app.settings.database_url)
    elsewhere = three.app.settings.model_copy(
        update={"database_url": secret(url.render_as_string(hide_password=False))}
    )
    with pytest.raises(BackupError, match="createdb not_there"):
        restoring.restore(elsewhere, catalogue.load(elsewhere), three.file, three.clock, with_erased=False, force=False)


@ON_SQLITE
@pytest.mark.parametrize("step", ["_copy", "_swap", "sync", "_linked"])
def test_a_crash_in_the_middle_leaves_a_database(three, tmp_path, monkeypatch, step):
    """Whatever step it dies in, the present database is in its place; the restore can be repeated."""

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replacing, step, crash)
        patch.setattr(replacing, "_remove", lambda _: None)  # a process that is killed clears nothing away
        with pytest.raises(KeyboardInterrupt):
            restore(three, three.file)
    sent = lessons(three)
    restore(three, three.file)

    assert sent == {(who, "day-1"): 1 for who in (ALICE, BOB, CHARLIE)}
    assert off(three).why == Why.RESTORED
    assert list(tmp_path.glob("*restoring*")) == []


@ON_SQLITE
def test_a_full_disk_changes_nothing(three, tmp_path):
    """There is no room for a second database: it says so, and the first one is as it was."""
    three.app.close()
    done = shell(tmp_path, "restore", three.file, "--yes", limit=50_000)
    three.app = App.build(three.app.settings, transport=three.box, clock=three.clock)

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "Is there room" in done.stderr
    assert off(three) is None
    assert list(tmp_path.glob("*restor*")) == []


@ON_SQLITE
def test_a_worker_that_runs_keeps_its_database(three, tmp_path):
    """While a clock holds its lock there is no restore; it says what to end."""
    with (three.app.settings.data_dir / "clock.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        three.app.close()
        done = shell(tmp_path, "restore", three.file, "--yes")
    three.app = App.build(three.app.settings, transport=three.box, clock=three.clock)

    assert (done.returncode, off(three)) == (2, None)
    assert "A worker is running" in done.stderr


# Typed.


def test_the_drill(world, tmp_path, database):
    """What docs/backup.md tells an operator to type, from the backup to the next lesson, by processes of their own."""
    world.join()
    world.app.close()
    settings = world.app.settings
    known = {"DATABASE_URL": database}
    taken = shell(tmp_path, "backup", tmp_path / "b", **known)
    restored = shell(tmp_path, "restore", tmp_path / "b", "--yes", **known)
    shown = shell(tmp_path, "sending", **known)
    status = shell(tmp_path, "status", **known)
    held = shell(tmp_path, "sending", "hold", **known)
    naive = shell(tmp_path, "sending", "resume", "--skip-before", "2027-03-02T08:01", **known)
    resumed = shell(tmp_path, "sending", "resume", **known)
    again = shell(tmp_path, "sending", "resume", **known)
    world.app = App.build(settings, transport=world.box, clock=world.clock)

    for done in (taken, restored, shown, status, held, resumed, again):
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert "Sending is off. Start the service, then see what is owed: course sending" in restored.stdout
    assert "Sending is off since" in shown.stdout
    assert "OFF since" in status.stdout
    assert "restored from a backup" in held.stdout
    assert naive.returncode == 2
    assert "a zone" in naive.stderr
    assert "Sending goes on" in resumed.stdout
    assert "on already" in again.stdout
    assert off(world) is None


def test_a_moment_to_come_is_refused(tmp_path):
    """Nothing that is still to come can have been sent."""
    done = shell(tmp_path, "sending", "resume", "--skip-before", "2999-01-01T00:00Z")

    assert done.returncode == 2
    assert "still to come" in done.stderr


def shell(tmp_path, *arguments, limit=None, **environment):
    """Run `course` as a process of its own; `limit` is the largest file in bytes that it may write."""
    known = {"DATA_DIR": str(tmp_path / "var"), "DATABASE_URL": f"sqlite:///{tmp_path / 'course.db'}"}
    known |= {"PATH": os.environ["PATH"], **BARE, **environment}

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "course", *map(str, arguments)],
        capture_output=True,
        check=False,
        env=known,
        cwd=tmp_path,
        text=True,
        preexec_fn=limited if limit else None,
    )
