"""Promises of the way from SQLite to PostgreSQL: everything goes along, or nothing does, and nobody notices."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conftest import MONDAY, ON_SQLITE, make_settings
from sqlalchemy import insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from course import sole
from course.app import App
from course.journeys import journal, switch, transferring
from course.journeys.doubts import ledgers
from course.journeys.facts import DATABASE, MARK
from course.journeys.switch import Why
from course.ledger import Ledger
from course.outgoing import Sent
from course.settings import SettingsError
from course.store import migrate
from course.store.database import Store
from course.store.failures import BackupError
from course.store.states import JournalLevel
from course.store.tables import entries, facts, limits, metadata, rates, subscribers, workers

pytestmark = ON_SQLITE
KEY = "journal-key-of-the-tests-0123456789abcdef"
CANARY = "heron-canary — ø, 日本"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service on SQLite's own file, that offers a journal."""
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, journal_keys=KEY)


@pytest.fixture
def busy(world):
    """Give a world in the middle of things: three people, an answer that is kept, a pause, somebody who has left."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    with world.app.service.store.reading() as tx:
        alice = tx.execute(text("SELECT min(id) FROM enrolments")).scalar_one()
    journal.choose(world.app.service, alice, JournalLevel.KEEP, "page", world.clock.real())
    world.clock.go(hours=20)  # Tuesday, 08:00
    world.app.tick()
    first = next(mail for mail in world.box.sent if mail.mailing.name == "day-1" and mail.to == "alice@example.org")
    world.reply(first, CANARY)
    welcome = {mail.to: mail for mail in world.box.sent if mail.mailing.name == "welcome"}
    world.app.pause(world.leave_token(welcome["bob@example.org"]))
    world.app.leave(world.leave_token(welcome["charlie@example.org"]), "page")
    world.app.tick()
    return world


def next_morning(world):
    """Let a day go by."""
    world.clock.go(hours=24)
    world.app.tick()
    world.clock.go(hours=1)
    world.app.tick()


def file_of(world):
    """Return where SQLite's database of the world is."""
    return Path(world.app.service.store.engine.url.database)


def move(world, to, said=lambda *_: None):
    """End the service, transfer it, and start it on PostgreSQL; return what the file is called now."""
    world.app.close()
    settings = world.app.settings
    after = settings.model_copy(update={"database_url": make_settings(database_url=to).database_url})
    try:
        before = transferring.as_it_was(after, file_of(world))
        kept = transferring.transfer_all(before, after, world.app.catalogue, world.clock, said)
    except BaseException:
        world.app = App.build(settings, transport=world.box, clock=world.clock)
        raise
    world.app = App.build(after, transport=world.box, clock=world.clock)
    return kept


def contents(store):
    """Return all rows of all tables, but for what a start writes."""
    with store.reading() as tx:
        return {
            table.name: sorted(map(repr, tx.execute(select(*(table.c if table is not limits else table.c[1:]))).all()))
            for table in metadata.sorted_tables
            if table not in (facts, workers)
        }


def people_in(url):
    """Return how many people a database holds."""
    with closing(Store(url)) as store, store.reading() as tx:
        return len(tx.execute(select(subscribers.c.id)).all())


def test_every_row_goes_along(busy, empty):
    """What SQLite held of anybody, PostgreSQL holds, to the microsecond."""
    before = contents(busy.app.service.store)
    counts = {}
    move(busy, empty, counts.__setitem__)

    assert contents(busy.app.service.store) == before
    assert counts["subscribers"] == 3
    assert counts["entries"] == counts["person_keys"] == 1


def test_the_course_goes_on(busy, empty):
    """Alice gets day 2 on the next morning, once, and bob, who pauses, nothing; sending need not be told to go on."""
    move(busy, empty)
    before = len(busy.box.sent)
    next_morning(busy)

    assert [(mail.to, mail.mailing.name) for mail in busy.box.sent[before:]] == [("alice@example.org", "day-2")]


def test_a_reply_to_a_mail_of_before_counts(busy, empty):
    """A lesson that left by SQLite is answered on PostgreSQL, and bob's old link still resumes."""
    move(busy, empty)
    bobs = next(mail for mail in busy.box.sent if mail.mailing.name == "day-1" and mail.to == "bob@example.org")

    assert busy.reply(bobs) == ["completed"]
    assert busy.app.resume(busy.leave_token(bobs)).status == "active"


def test_words_can_be_read_and_their_keys_do_not_stay_behind(busy, empty):
    """Alice's words open with her key, which went along; beside the file that is set aside there is none."""
    data = busy.app.settings.data_dir
    move(busy, empty)
    with busy.app.service.store.reading() as tx:
        entry = tx.execute(select(entries)).one()

    assert journal.opened(busy.app.service, entry) == CANARY
    assert list(data.glob("keys.db*")) == []


def test_the_file_is_set_aside_whole(busy, empty):
    """Nothing starts on it again by mistake, and nothing of it is lost."""
    place = file_of(busy)
    kept = move(busy, empty)

    assert kept.name.startswith("course.db.transferred-")
    assert [path.name for path in kept.parent.glob("course.db*")] == [kept.name]
    assert people_in(f"sqlite:///{kept}") == 3
    assert not place.exists()


def test_new_numbers_follow_the_old_ones(busy, empty):
    """No old link acts for whoever comes afterwards, not even where SQLite's newest row was erased."""
    with busy.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'enrolments'"))
    move(busy, empty)
    busy.join("dora")

    assert busy.rows("SELECT min(id) FROM enrolments e WHERE id > 3")[0][0] > 5000
    assert busy.rows("SELECT count(*) FROM limits")[0][0] > 0


def test_limits_go_on_counting(busy, empty):
    """A place that was given out on SQLite counts, and the next one on PostgreSQL is another."""
    before = busy.rows("SELECT count(*) FROM limits")[0][0]
    move(busy, empty)
    busy.sign_up("dora")

    assert busy.rows("SELECT count(*) FROM limits")[0][0] > before > 0


def test_sending_that_is_held_stays_held(busy, empty):
    """Whoever said hold before is not overruled."""
    with busy.app.service.store.transaction() as tx:
        switch.turn_off(tx, Why.HELD, busy.clock.real(), None)
    move(busy, empty)
    with busy.app.service.store.reading() as tx:
        assert switch.look(tx).why == Why.HELD


def test_what_a_killed_worker_noted_is_written_down(busy, empty):
    """A message that was answered before kill -9 is sent, wherever the next worker runs."""
    with busy.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE deliveries SET status = 'sending', worker = 'dead', settled_at = NULL WHERE id = 1"))
    ledger = Ledger(ledgers(busy.app.service), "dead", busy.app.guard.known.database)
    ledger.giving([1])
    ledger.answered([(1, Sent("provider-9"))])
    ledger.close()
    move(busy, empty)

    assert busy.rows("SELECT status, provider_id FROM deliveries WHERE id = 1") == [("sent", "provider-9")]


def test_a_database_that_holds_somebody_is_refused(busy, empty):
    """Two services are not mixed: PostgreSQL keeps its one person, and SQLite its three."""
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
        with store.transaction() as tx:
            dora = {"email": "dora@example.org", "email_key": "dora@example.org", "name": "Dora", "created_at": MONDAY}
            tx.execute(insert(subscribers).values(**dora, locale="en-GB", timezone="Europe/London", send_hour=8))
    with pytest.raises(BackupError, match="not empty"):
        move(busy, empty)

    assert people_in(empty) == 1
    assert len(busy.rows("SELECT id FROM subscribers")) == 3
    assert (busy.app.settings.data_dir / "keys.db").exists()


def test_a_service_that_has_begun_on_it_and_is_empty_is_no_hindrance(busy, empty, tmp_path):
    """DATABASE_URL was changed and the service started before anybody read on: it has nobody yet, nothing is lost.

    How much may leave today is known of the old one alone.
    """
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
        with store.transaction() as tx:
            tx.execute(insert(rates).values(name="day", at=MONDAY, used=3))
    with busy.app.service.store.transaction() as tx:
        tx.execute(insert(rates).values(name="day", at=MONDAY, used=11))
    early = make_settings(data_dir=busy.app.settings.data_dir, database_url=empty, journal_keys=KEY)
    app = App.build(early, transport=busy.box, clock=busy.clock)
    app.tick()
    app.close()
    move(busy, empty)

    assert len(busy.rows("SELECT id FROM subscribers")) == 3
    assert busy.rows("SELECT used FROM rates WHERE name = 'day'") == [(11,)]
    assert busy.app.guard.look() is None


def test_a_worker_on_postgresql_ends_first(busy, empty):
    """While a worker lives there nothing is filled in below it."""
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
        with store.transaction() as tx:
            tx.execute(text("INSERT INTO workers (name, beat_at) VALUES ('w', clock_timestamp())"))
    with pytest.raises(BackupError, match="end them first"):
        move(busy, empty)


def test_a_service_that_still_runs_is_refused(busy, empty):
    """Somebody has SQLite's file open, a page for instance: what they write would be lost."""
    with closing(sqlite3.connect(file_of(busy))) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM subscribers").fetchall()
        with pytest.raises(BackupError, match="is in use"):
            move(busy, empty)


def test_what_postgresql_cannot_hold_stops_all_of_it(busy, empty):
    """One row in the middle is refused: nothing has changed on either side, and the words of the row are not told."""
    with busy.app.service.store.transaction() as tx:
        tx.execute(text("UPDATE history SET detail = :it WHERE id = 2"), {"it": f"{CANARY}\0"})
    with pytest.raises(BackupError, match="history") as refused:
        move(busy, empty)

    assert CANARY not in str(refused.value)
    assert people_in(empty) == 0
    assert len(busy.rows("SELECT id FROM subscribers")) == 3
    before = len(busy.box.sent)
    next_morning(busy)
    assert [mail.mailing.name for mail in busy.box.sent[before:]] == ["day-2"]


def test_nobody_signs_up_on_postgresql_while_it_is_filled(busy, empty):
    """A page may be open on it already: whoever signs up there waits, so that no row of theirs is mixed in."""
    refused = []

    def said(table, _):
        if table == "subscribers":
            with closing(Store(empty)) as page, page.transaction() as tx:
                tx.execute(text("SET LOCAL lock_timeout = '50ms'"))
                try:
                    tx.execute(text("INSERT INTO subscribers DEFAULT VALUES"))
                except OperationalError as error:
                    refused.append(str(error.orig))
                    tx.rollback()

    move(busy, empty, said)

    assert ["lock timeout" in why for why in refused] == [True]


def test_a_row_that_did_not_arrive_stops_all_of_it(busy, empty):
    """Something on PostgreSQL swallows rows without a word: they are counted, and nothing has changed."""
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
        with store.transaction() as tx:
            tx.execute(text("CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"))
            tx.execute(text("CREATE TRIGGER t BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION swallow()"))
    with pytest.raises(BackupError, match=r"Of \d+ rows of history, 0 arrived"):
        move(busy, empty)

    assert people_in(empty) == 0
    assert len(busy.rows("SELECT id FROM subscribers")) == 3


def test_postgresql_knows_at_once_how_much_it_holds(busy, empty):
    """Else the first ticks would look through whole tables, for as long as it takes until the server counts itself."""
    move(busy, empty)

    assert busy.rows("SELECT reltuples FROM pg_class WHERE relname = 'subscribers'") == [(3,)]


def interrupted(world, to, monkeypatch):
    """Let the power go when all is in PostgreSQL, and the file is not set aside yet."""

    def dies(_place, _stamp):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transferring, "_set_aside", dies)
        with pytest.raises(KeyboardInterrupt):
            move(world, to)


def test_what_was_interrupted_at_its_end_is_ended(busy, empty, monkeypatch):
    """All had gone over before the power went: doing it again only sets the file aside."""
    interrupted(busy, empty, monkeypatch)
    busy.app.close()
    kept = move(busy, empty)

    assert kept.exists()
    assert len(busy.rows("SELECT id FROM subscribers")) == 3


def test_two_databases_that_have_no_name_yet_are_not_taken_for_one(busy, empty):
    """A file of before databases had names: that neither has one is no sign that all went over."""
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
    with busy.app.service.store.transaction() as tx:
        tx.execute(text("DELETE FROM facts WHERE name IN (:name, :mark)"), {"name": DATABASE, "mark": MARK})
    move(busy, empty)

    assert len(busy.rows("SELECT id FROM subscribers")) == 3


def test_a_file_that_was_used_since_is_not_thrown_away(busy, empty, monkeypatch):
    """It went over, then somebody went on with SQLite: neither side is complete, so a person decides."""
    interrupted(busy, empty, monkeypatch)
    busy.clock.go(hours=1)
    busy.app.tick()
    with pytest.raises(BackupError, match="used since"):
        move(busy, empty)


def test_another_secret_key_is_refused(busy, empty):
    """With it no link that was ever mailed would work: it is told before anything goes over."""
    settings = busy.app.settings
    other = make_settings(data_dir=settings.data_dir, database_url=empty, secret_key="x" * 40)
    busy.app.close()
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        transferring.transfer_all(
            transferring.as_it_was(other, file_of(busy)), other, busy.app.catalogue, busy.clock, print
        )
    assert people_in(f"sqlite:///{file_of(busy)}") == 3


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_database_of_ours_is_refused(busy, empty, tmp_path, content):
    """An empty file or another one is named, and left as it was."""
    other = tmp_path / "other.db"
    other.write_bytes(content)
    after = make_settings(data_dir=busy.app.settings.data_dir, database_url=empty)
    with pytest.raises(BackupError, match=r"other\.db is (no|a) SQLite database"):
        transferring.transfer_all(transferring.as_it_was(after, other), after, busy.app.catalogue, busy.clock, print)
    assert other.read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_was(busy, empty, tmp_path):
    """Sound, and somebody's recipes: no table of ours is made in it."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as recipes, recipes:
        recipes.execute("CREATE TABLE recipes (id INTEGER)")
    after = make_settings(data_dir=busy.app.settings.data_dir, database_url=empty)
    with pytest.raises(BackupError, match="not of this service"):
        transferring.transfer_all(transferring.as_it_was(after, other), after, busy.app.catalogue, busy.clock, print)

    with closing(sqlite3.connect(other)) as recipes:
        assert recipes.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_the_command_says_what_went_and_what_comes_next(busy, empty, course, monkeypatch):
    """An operator reads each table's count, where the file is, and that the service may start."""
    busy.app.close()
    monkeypatch.setenv("DATABASE_URL", empty)
    monkeypatch.setenv("JOURNAL_KEYS", KEY)
    ended = course("transfer", str(file_of(busy)), "--yes")

    assert (ended.code, ended.err) == (0, "")
    assert "3  subscribers" in ended.out
    assert "course.db.transferred-" in ended.out
    assert people_in(empty) == 3


def test_the_command_wants_postgresql_first(busy, course):
    """With DATABASE_URL as it was there is nowhere to go: it says what to put."""
    ended = course("transfer")

    assert ended.code == 2
    assert "DATABASE_URL names SQLite" in ended.err


def test_the_command_wants_a_file(database, empty, shell, monkeypatch):
    """In the wrong folder there is no database, and none is made."""
    monkeypatch.setenv("DATABASE_URL", empty)
    ended = shell("transfer", "--yes")

    assert ended.code == 2
    assert "There is no database" in ended.err


def test_a_clock_that_runs_on_sqlite_ends_first(busy, empty, course, monkeypatch):
    """The lock that proves the only clock is asked for: nothing goes over below a running one."""
    busy.app.close()
    with sole.hold(busy.app.settings):
        monkeypatch.setenv("DATABASE_URL", empty)
        ended = course("transfer", str(file_of(busy)), "--yes")

    assert ended.code == 2
    assert "end it first" in ended.err


def test_it_goes_on_where_two_databases_are_apart_in_time(busy, empty):
    """A backup of yesterday that is carried over is older than what DATA_DIR remembers: sending is off, as ever."""
    with closing(sqlite3.connect(file_of(busy))) as now, closing(sqlite3.connect(f"{file_of(busy)}.old")) as then:
        now.backup(then)
    next_morning(busy)
    busy.app.close()
    settings = busy.app.settings
    after = settings.model_copy(update={"database_url": make_settings(database_url=empty).database_url})
    before = transferring.as_it_was(after, settings.data_dir.parent / "course.db.old")
    transferring.transfer_all(before, after, busy.app.catalogue, busy.clock, print)
    busy.app = App.build(after, transport=busy.box, clock=busy.clock)

    assert busy.app.guard.look().why == Why.OLDER


def test_a_password_is_never_printed(busy, course, monkeypatch):
    """A server that is away is told without what opens it."""
    url = make_url("postgresql://course:canary-password@127.0.0.1:9/none").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    busy.app.close()
    ended = course("transfer", str(file_of(busy)), "--yes")

    assert ended.code == 2
    assert "canary-password" not in ended.out + ended.err
