"""Promises of the store: what must hold, the database itself holds, on both engines."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import alembic.op
import pytest
from alembic.script import ScriptDirectory
from conftest import ON_SQLITE
from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    UniqueConstraint,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from course.app import App
from course.failures import told
from course.store import ids, migrate
from course.store.database import AWAY, Store, insert_adding, insert_many, insert_new, insert_once, move
from course.store.failures import WriteError
from course.store.migrate import SchemaError
from course.store.states import DeliveryStatus, EnrolmentStatus
from course.store.tables import (
    address_changes,
    checkin_counts,
    checkins,
    completions,
    consents,
    deliveries,
    delivery_counts,
    enrolments,
    entries,
    facts,
    folded_deliveries,
    fresh_links,
    journals,
    letters,
    mailings,
    metadata,
    past_counts,
    photos,
    replies,
    skips,
    subscribers,
    suppressions,
)

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
ALICE = {
    "email": "alice@example.org",
    "email_key": "alice@example.org",
    "name": "Alice",
    "locale": "en-GB",
    "timezone": "Europe/London",
    "send_hour": 8,
    "created_at": NOON,
}
BOB = {**ALICE, "email": "bob@example.org", "email_key": "bob@example.org", "name": "Bob"}
ROUND = {"course": "self-compassion", "status": "active", "created_at": NOON}
WAITING = {"course": "other", "pace": "self-paced", "waiting_since": NOON}
LESSON = {
    "course": "self-compassion",
    "kind": "lesson",
    "name": "day-1",
    "day": 1,
    "status": "queued",
    "due_at": NOON,
    "send_at": NOON,
}
COUNT = {
    "course": "c",
    "kind": "lesson",
    "name": "day-1",
    "status": "sent",
    "week": date(2027, 3, 1),
    "number": 3,
}
LIVE = ("pending", "active", "paused")

# Written out here on purpose: the code's own table is what is being checked.
ENROLMENT_MOVES = {
    "pending": {"active", "stopped"},
    "active": {"paused", "finished", "stopped"},
    "paused": {"active", "stopped"},
    "finished": set(),
    "stopped": set(),
}
DELIVERY_MOVES = {
    "queued": {"sending", "cancelled", "unknown", "sent"},
    "sending": {"sent", "queued", "failed", "stalled"},
    "sent": {"bounced"},
    "failed": set(),
    "cancelled": {"queued"},
    "stalled": {"sent", "bounced", "queued", "unknown"},
    "bounced": set(),
    "unknown": set(),
}


@pytest.fixture
def bare(database):
    """Give a database without a single table."""
    Path(database.removeprefix("sqlite:///")).unlink(missing_ok=True)
    store = Store(database)
    if not store.sqlite:
        run(store, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    yield store
    store.close()


@pytest.fixture
def alice(store):
    """Alice's id, the id of her round, and that of its first lesson."""
    with store.transaction() as tx:
        tx.execute(insert(mailings), {"digest": "d", "course": "c", "name": "day-1", "locale": "en-GB", "text": "{}"})
        return _with_lesson(tx, ALICE)


def _with_lesson(tx, person):
    subscriber = insert_once(tx, subscribers, person)
    enrolment = insert_once(tx, enrolments, {**ROUND, "subscriber_id": subscriber})
    lesson = {**LESSON, "subscriber_id": subscriber, "enrolment_id": enrolment, "local_date": date(2027, 3, 1)}
    return subscriber, enrolment, insert_once(tx, deliveries, lesson)


def run(store, *statements):
    """Do these statements, in one transaction."""
    with store.transaction() as tx:
        for statement in statements:
            tx.execute(text(statement))


def rows(store, query):
    """Return what a query finds."""
    with store.reading() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def schema(store):
    """Everything that the database says about itself, in an order that does not matter."""
    if store.sqlite:
        made = rows(store, "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {(kind, name, _clauses(sql)) for kind, name, sql in made}
    queries = {
        "constraint": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "index": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "column": "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, "
        "is_identity FROM information_schema.columns WHERE table_schema = 'public'",
        "trigger": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE NOT tgisinternal",
    }
    return {(kind, *row) for kind, query in queries.items() for row in rows(store, query)}


def _clauses(sql):
    """Take a CREATE statement apart at its outer commas: their order says nothing."""
    parts, depth, part = set(), 0, ""
    for char in " ".join(sql.split()):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if (char == "," and depth == 1) or (char == "(" and depth == 1) or (char == ")" and depth == 0):
            parts.add(part.strip())
            part = ""
        else:
            part += char
    return frozenset(parts | {part.strip()})


def own(found):
    """Leave out what is Alembic's, and the triggers, which models cannot say."""
    return {
        row for row in found if "alembic_version" not in row and row[1] != "alembic_version" and row[0] != "trigger"
    }


def test_nobody_else_on_the_machine_reads_the_database(tmp_path):
    """SQLite's file, and the log beside it, are for their owner, whatever folder they are in."""
    tmp_path.chmod(0o755)
    store = Store(f"sqlite:///{tmp_path / 'course.db'}")
    migrate.upgrade(store)
    with store.reading():
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()

    assert {"course.db", "course.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}


VISIT = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM facts').fetchall(); c.close()"


def test_a_command_beside_the_service_leaves_its_log_alone(tmp_path):
    """`course status` looks and ends, as the service has several connections: the write-ahead log is still in use.

    Whoever closes the last connection removes the log, and believes to be that one when nobody's lock is there.
    """
    path = tmp_path / "course.db"
    service = Store(f"sqlite:///{path}")
    migrate.upgrade(service)
    with service.reading() as one, service.reading() as other:
        for tx in (one, other):
            tx.execute(text("SELECT 1 FROM facts"))
    subprocess.run([sys.executable, "-c", VISIT, path], check=True)
    beside = {file.name for file in tmp_path.iterdir()}
    service.close()

    assert beside == {"course.db", "course.db-wal", "course.db-shm"}


def test_models_and_migrations_agree(bare):
    """A database that was migrated has the tables, CHECKs, keys and indexes of the models: no more, no less."""
    with bare.transaction() as tx:
        metadata.create_all(tx)
    by_models = schema(bare)
    with bare.transaction() as tx:
        metadata.drop_all(tx)
    migrate.upgrade(bare)

    assert own(schema(bare)) == own(by_models)


def test_the_only_trigger_freezes_consents(store):
    """There is one trigger, and it is about consents."""
    assert [row[2 if not store.sqlite else 1] for row in schema(store) if row[0] == "trigger"] == [
        "consents_are_never_changed"
    ]


def test_a_consent_is_never_changed(store):
    """The database refuses to change a proof of consent, whoever asks."""
    row = {
        "who": "w",
        "course": "c",
        "what": "given",
        "wording": "yes",
        "version": "v",
        "locale": "en-GB",
        "how": "page",
        "at": NOON,
    }
    with store.transaction() as tx:
        tx.execute(insert(consents), row)

    with pytest.raises(DBAPIError, match="consents are never changed"), store.transaction() as tx:
        tx.execute(update(consents).values(wording="no"))
    assert rows(store, "SELECT wording FROM consents") == [("yes",)]


def test_everything_has_a_name(store):
    """Every constraint and index has a name, in the models and in the database."""
    nameless = [
        (table.name, thing)
        for table in metadata.sorted_tables
        for thing in (*table.constraints, *table.indexes)
        if not thing.name
    ]
    made_up = [
        clause
        for row in own(schema(store))
        if store.sqlite
        for clause in row[2]
        if re.match(r"(PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY)\b", clause)
    ]

    assert (nameless, made_up) == ([], [])


def test_whatever_goes_with_a_row_is_found_by_an_index():
    """Whoever is erased takes their rows along: no database looks through everybody else's for them."""
    lacking = [
        f"{table.name}.{key.parent.name}"
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if not any(next(iter(found.columns)) is key.parent for found in wholly(table, key.parent))
    ]

    assert lacking == ["deliveries.mailing"]  # no mailing goes while a delivery names it; see folding


@ON_SQLITE
@pytest.mark.parametrize("table", ["subscribers", "enrolments", "deliveries", "replies", "entries"])
def test_sqlite_finds_what_goes_with_a_row(store, table):
    """It uses these indexes for what it erases along, and for what then leads nowhere."""
    steps = [row[3] for row in rows(store, f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE id = 1")]  # noqa: S608 (ours)

    assert steps
    assert [step for step in steps if step.startswith("SCAN")] == []


def wholly(table, column):
    """Return the keys and indexes of a table that hold each row in which this column says something."""
    keys = [one for one in table.constraints if isinstance(one, (PrimaryKeyConstraint, UniqueConstraint))]
    only = {str(index.name): index.dialect_options["sqlite"]["where"] for index in table.indexes}
    return [*keys, *(one for one in table.indexes if str(only[one.name]) in {"None", f"{column.name} IS NOT NULL"})]


def test_a_downgrade_is_not_offered():
    """There is no way back: going back would lose what people did."""
    scripts = ScriptDirectory.from_config(migrate._config()).walk_revisions()  # noqa: SLF001 (there is no other door)

    assert [script.revision for script in scripts if hasattr(script.module, "downgrade")] == []
    assert not hasattr(migrate, "downgrade")


def test_upgrading_twice_changes_nothing(store):
    """A second start finds the schema as it is."""
    before = schema(store)
    migrate.upgrade(store)

    assert schema(store) == before
    migrate.check(store)


def test_two_first_starts_take_turns(bare, database):
    """Two workers that start at once on an empty database both come up, and the tables are made once."""
    other = Store(database)
    both_are_here = threading.Barrier(2)

    def start(store):
        both_are_here.wait(10)
        migrate.upgrade(store)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(start, [bare, other]))
    other.close()

    migrate.check(bare)
    assert rows(bare, "SELECT version_num FROM alembic_version") == [(migrate.newest(),)]


@pytest.mark.parametrize("way", [migrate.upgrade, migrate.check], ids=["upgrade", "check"])
def test_a_newer_schema_is_refused(store, way):
    """A database that a newer version made is refused, in words, and left as it is."""
    run(store, "UPDATE alembic_version SET version_num = '9999'")
    before = schema(store)

    with pytest.raises(SchemaError, match="made by a newer one") as refused:
        way(store)
    assert "Install that version again" in str(refused.value)
    assert (schema(store), rows(store, "SELECT version_num FROM alembic_version")) == (before, [("9999",)])


def test_a_newer_schema_stops_the_start(store, settings, monkeypatch):
    """The service does not start on a database that a newer version made."""
    monkeypatch.setattr("course.app.Store", lambda _: store)
    run(store, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaError, match="made by a newer one"):
        App.build(settings)


def test_an_empty_database_is_not_called_an_older_one(bare):
    """DATABASE_URL may have a typo: that is asked before the command is named that makes the tables."""
    with pytest.raises(SchemaError, match=r"is empty: is DATABASE_URL right.*course migrate"):
        migrate.check(bare)


def test_an_older_schema_names_the_command(bare):
    """Where migrations are somebody's own step, the error names it."""
    migrate.upgrade(bare)
    run(bare, "UPDATE alembic_version SET version_num = '0001'")

    with pytest.raises(SchemaError, match="older schema: run `course migrate`"):
        migrate.check(bare)


def test_a_crash_half_way_leaves_the_old_state(bare, monkeypatch):
    """A migration happens whole or not at all: after a crash the database is as before, and the next start mends it."""
    make, made = alembic.op.create_table, []

    def crash_at_the_second(*args, **kwargs):
        if made:
            raise RuntimeError("the power went")
        made.append(args[0])
        return make(*args, **kwargs)

    monkeypatch.setattr(alembic.op, "create_table", crash_at_the_second)
    with pytest.raises(RuntimeError, match="the power went"):
        migrate.upgrade(bare)
    left_behind = schema(bare)
    monkeypatch.undo()
    migrate.upgrade(bare)

    assert (made, left_behind) == (["consents"], set())
    migrate.check(bare)


def test_a_naive_moment_is_refused(store):
    """A datetime without a zone never reaches a column."""
    naive = datetime(2027, 3, 1, 12, 0)  # noqa: DTZ001 (that is the point)

    with pytest.raises(StatementError, match="has no time zone") as refused, store.transaction() as tx:
        tx.execute(insert(facts), {"name": "tick", "value": "", "at": naive})
    assert isinstance(refused.value.orig, ValueError)


def test_moments_come_back_as_they_went(store):
    """An aware moment of any zone comes back as the same moment, in UTC."""
    elsewhere = datetime.fromisoformat("2027-03-01T17:45:00+05:45")
    with store.transaction() as tx:
        tx.execute(insert(facts), {"name": "tick", "value": "", "at": elsewhere})
    with store.reading() as tx:
        found = tx.execute(select(facts.c.at)).scalar_one()

    assert (found, found.tzinfo) == (NOON, UTC)


# What the business swears by. Each row breaks one constraint and no other: its name, the table, the changed columns.
BAD_ROWS = [
    ("journal_level_is_known", journals, {"level": "count"}),
    ("entry_level_is_known", entries, {"reply_id": 2, "level": "count"}),
    ("each_reply_kept_once", entries, {}),
    ("pk_journals", journals, {}),
    ("photo_kind_is_known", photos, {"place": 1, "kind": "image/heic"}),
    ("each_photo_in_its_place", photos, {}),
    ("one_subscriber_per_address", subscribers, {**ALICE, "email": "Alice@example.org"}),
    ("send_hour_is_an_hour", subscribers, {**BOB, "send_hour": 24}),
    ("send_hour_is_an_hour", subscribers, {**BOB, "send_hour": -1}),
    ("one_live_enrolment_per_course", enrolments, {}),
    ("one_live_enrolment_per_course", enrolments, {"status": "paused"}),
    ("one_live_enrolment_per_course", enrolments, {"status": "pending", "confirm_by": NOON}),
    ("enrolment_status_is_known", enrolments, {"course": "other", "status": "asleep"}),
    ("ended_reason_is_known", enrolments, {"course": "other", "status": "stopped", "ended_reason": "bored"}),
    ("pace_is_known", enrolments, {"course": "other", "pace": "hourly"}),
    ("only_self_paced_waits", enrolments, {"course": "other", "waiting_since": NOON}),
    ("only_self_paced_waits", enrolments, {**WAITING, "status": "paused"}),
    ("only_self_paced_waits", enrolments, {**WAITING, "next_send_at": NOON}),
    ("only_the_quiet_get_notes", enrolments, {"course": "other", "note_at": NOON}),
    ("only_the_quiet_get_notes", enrolments, {**WAITING, "note_at": NOON, "on_paper": True}),
    ("only_active_is_due", enrolments, {"course": "other", "status": "paused", "next_send_at": NOON}),
    ("stopped_says_why", enrolments, {"course": "other", "status": "stopped"}),
    ("stopped_says_why", enrolments, {"course": "other", "ended_reason": "bounced"}),
    ("pending_has_an_end", enrolments, {"course": "other", "status": "pending"}),
    ("pending_has_an_end", enrolments, {"course": "other", "confirm_by": NOON}),
    ("next_day_counts_from_one", enrolments, {"course": "other", "next_day": 0}),
    ("fk_enrolments_subscriber_id", enrolments, {"subscriber_id": 404}),
    ("delivery_kind_is_known", deliveries, {"name": "n", "kind": "letter"}),
    ("delivery_status_is_known", deliveries, {"name": "n", "status": "lost"}),
    ("one_lesson_per_local_date", deliveries, {"name": "day-2", "day": 2, "local_date": date(2027, 3, 1)}),
    (
        "one_lesson_per_local_date",
        deliveries,
        {"name": "day-1", "enrolment_id": None, "local_date": date(2027, 3, 1)},
    ),
    ("each_mail_once", deliveries, {}),
    ("only_lessons_have_a_date", deliveries, {"name": "n", "kind": "notice", "local_date": date(2027, 3, 2)}),
    ("only_lessons_have_a_date", deliveries, {"name": "n", "kind": "copy", "local_date": date(2027, 3, 2)}),
    ("lessons_have_a_day", deliveries, {"name": "n", "day": None}),
    ("each_mail_once_per_subscriber", deliveries, {"name": "again", "enrolment_id": None}),
    ("fk_deliveries_mailing", deliveries, {"name": "n", "mailing": "unknown"}),
    ("fk_deliveries_subscriber_id", deliveries, {"name": "n", "subscriber_id": 404}),
    ("fk_deliveries_enrolment_id", deliveries, {"name": "n", "enrolment_id": 404}),
    ("pk_mailings", mailings, {"digest": "d", "course": "c", "name": "day-1", "locale": "en-GB", "text": "{}"}),
    ("counts_count_something", delivery_counts, {**COUNT, "number": 0}),
    ("pk_delivery_counts", delivery_counts, COUNT),
    ("pk_folded_deliveries", folded_deliveries, {"delivery_id": 9}),
    ("fk_folded_deliveries_enrolment_id", folded_deliveries, {"delivery_id": 10, "enrolment_id": 404}),
    ("reply_sender_is_known", replies, {"message_key": "n", "sender": "friend"}),
    ("each_reply_once", replies, {}),
    ("fk_replies_enrolment_id", replies, {"message_key": "n", "enrolment_id": 404}),
    ("fk_replies_delivery_id", replies, {"message_key": "n", "delivery_id": 404}),
    ("pk_completions", completions, {}),
    ("fk_completions_enrolment_id", completions, {"enrolment_id": 404}),
    ("fk_completions_reply_id", completions, {"day": 2, "reply_id": 404}),
    ("each_visit_once", fresh_links, {}),
    ("a_visit_has_an_end", fresh_links, {"visit": "another", "visit_until": None}),
    ("a_visit_has_an_end", fresh_links, {"visit": None}),
    ("one_address_change_at_a_time", address_changes, {}),
    ("checkin_answer_is_known", checkins, {"day": 2, "answer": "great"}),
    ("pk_checkins", checkins, {}),
    ("counted_answer_is_known", checkin_counts, {"answer": "great"}),
    ("checkin_counts_count_something", checkin_counts, {"day": 2, "number": 0}),
    ("pk_checkin_counts", checkin_counts, {}),
    ("past_fact_is_known", past_counts, {"fact": "great"}),
    ("past_counts_count_something", past_counts, {"day": 2, "number": 0}),
    ("pk_past_counts", past_counts, {}),
    ("letter_months_are_known", letters, {"months": 2}),
    ("one_letter_per_round", letters, {}),
    ("pk_skips", skips, {}),
    ("fk_skips_enrolment_id", skips, {"enrolment_id": 404}),
    ("pk_suppressions", suppressions, {"address_hash": "h", "reason": "not-me", "at": NOON}),
]


def test_every_bad_row_is_refused_by_its_constraint(store, alice):
    """Each constraint refuses the row that breaks it, and names itself."""
    subscriber, enrolment, lesson = alice
    usual = {
        enrolments: {**ROUND, "subscriber_id": subscriber},
        deliveries: {**LESSON, "subscriber_id": subscriber, "enrolment_id": enrolment},
        replies: {
            "enrolment_id": enrolment,
            "delivery_id": lesson,
            "source": "test",
            "message_key": "k",
            "kind": "completed",
            "received_at": NOON,
        },
        completions: {"enrolment_id": enrolment, "day": 1, "via": "reply", "completed_at": NOON},
        skips: {"enrolment_id": enrolment, "day": 1, "skipped_at": NOON},
        folded_deliveries: {"enrolment_id": enrolment, "delivery_id": 9},
        delivery_counts: COUNT,
        journals: {"enrolment_id": enrolment, "level": "keep", "chosen_at": NOON},
        entries: {
            "enrolment_id": enrolment,
            "reply_id": 1,
            "level": "keep",
            "key_id": "k",
            "locked": b"l",
            "kept_at": NOON,
        },
        photos: {"entry_id": 1, "place": 0, "kind": "image/png", "locked": b"l"},
        fresh_links: {"subscriber_id": subscriber, "expires_at": NOON, "visit": "v", "visit_until": NOON},
        address_changes: {"subscriber_id": subscriber, "email": "b@example.org", "confirm_by": NOON},
        checkins: {"enrolment_id": enrolment, "day": 1, "answered_on": date(2027, 3, 1)},
        checkin_counts: {"course": "c", "day": 1, "week": date(2027, 3, 1), "answer": "same", "number": 1},
        past_counts: {"course": "c", "fact": "completed", "day": 1, "week": date(2027, 3, 1), "number": 1},
        letters: {
            "subscriber_id": subscriber,
            "enrolment_id": enrolment,
            "months": 3,
            "in_mail": False,
            "key_id": "k",
            "locked": b"l",
            "asked_at": NOON,
            "due_at": NOON,
        },
    }
    with store.transaction() as tx:
        for table in [table for table in usual if table not in (enrolments, deliveries)]:
            tx.execute(insert(table), usual[table])
        tx.execute(insert(suppressions), {"address_hash": "h", "reason": "not-me", "at": NOON})
        tx.execute(insert(deliveries), {**usual[deliveries], "name": "again", "enrolment_id": None})
    said = [(name, _refused_by(store, table, {**usual.get(table, {}), **row})) for name, table, row in BAD_ROWS]

    assert [(name, by) for name, by in said if name not in by] == []


def _refused_by(store, table, row):
    """Return what the database names: the constraint, or (SQLite, for keys) what it is made of."""
    try:
        with store.transaction() as tx:
            tx.execute(insert(table), row)
    except IntegrityError as error:
        if not store.sqlite:
            return error.orig.diag.constraint_name
        message = str(error.orig)
        if "FOREIGN KEY" in message:
            return " ".join(str(key.name) for key in table.foreign_key_constraints)
        return f"{message} {_unique_by(table).get(message.partition(': ')[2], '')}"
    return "nothing"


def _unique_by(table):
    """Return the names of a table's unique keys by SQLite's way of naming them."""
    keys = [key for key in table.constraints if not isinstance(key, CheckConstraint | ForeignKeyConstraint)]
    keys += [index for index in table.indexes if index.unique]
    return {", ".join(f"{table.name}.{column.name}" for column in key.columns): str(key.name) for key in keys}


def test_no_constraint_is_without_a_bad_row():
    """Whoever adds a constraint also shows what it refuses."""
    tested = {name for name, _, _ in BAD_ROWS}
    sworn = {
        str(thing.name)
        for table in metadata.sorted_tables
        for thing in (*table.constraints, *table.indexes)
        if isinstance(thing, CheckConstraint | UniqueConstraint) or getattr(thing, "unique", False)
    }

    assert sworn - tested == set()


def test_a_round_may_follow_a_round(store, alice):
    """Who has left, or come to the end, may begin again: that is a new row beside the old one."""
    subscriber, enrolment, _ = alice
    with store.transaction() as tx:
        move(tx, enrolments, enrolment, EnrolmentStatus.STOPPED, ended_reason="unsubscribed")
        again = insert_once(tx, enrolments, {**ROUND, "subscriber_id": subscriber})
        move(tx, enrolments, again, EnrolmentStatus.FINISHED)
        third = insert_once(tx, enrolments, {**ROUND, "subscriber_id": subscriber})

    assert None not in {again, third}


def test_an_erased_id_is_never_given_again(store, alice):
    """An id that was in a link or an address never means somebody else later."""
    subscriber, _, lesson = alice
    with store.transaction() as tx:
        tx.execute(delete(subscribers))
        new_subscriber, _, new_lesson = _with_lesson(tx, BOB)

    assert new_subscriber > subscriber
    assert new_lesson > lesson


def test_ids_begin_where_they_are_told_and_never_go_back(store):
    """After a restore no id is given that an old link may hold: also of a table that has never had a row."""
    with store.transaction() as tx:
        ids.begin_at(tx, 5_000)
        ids.begin_at(tx, 10)
        tx.execute(insert(subscribers).values(**BOB))
        (first,) = tx.execute(select(subscribers.c.id)).one()
        ids.begin_at(tx, 10)
        tx.execute(insert(subscribers).values(**{**BOB, "email": "c@example.org", "email_key": "c@example.org"}))
        *_, second = tx.execute(select(subscribers.c.id).order_by(subscribers.c.id)).scalars()

    assert 5_000 <= first < second


def test_an_enrolment_moves_as_allowed_only(store):
    """Of all pairs of states, move() takes an enrolment along exactly those that the design allows."""
    with store.transaction() as tx:
        subscriber = insert_once(tx, subscribers, ALICE)
        moved = {
            (before, str(after)): _moved(tx, enrolments, {"subscriber_id": subscriber, **ROUND}, before, after)
            for before in ENROLMENT_MOVES
            for after in EnrolmentStatus
        }

    assert {pair for pair, done in moved.items() if done} == _pairs(ENROLMENT_MOVES)
    assert len(moved) == len(EnrolmentStatus) ** 2


def test_a_delivery_moves_as_allowed_only(store, alice):
    """Of all pairs of states, move() takes a delivery along exactly those that the design allows."""
    row = {**LESSON, "subscriber_id": alice[0]}
    with store.transaction() as tx:
        moved = {
            (before, str(after)): _moved(tx, deliveries, {**row, "name": f"{before} {after}"}, before, after)
            for before in DELIVERY_MOVES
            for after in DeliveryStatus
        }

    assert {pair for pair, done in moved.items() if done} == _pairs(DELIVERY_MOVES)
    assert len(moved) == len(DeliveryStatus) ** 2


def _pairs(moves):
    return {(before, after) for before, targets in moves.items() for after in targets}


def _moved(tx, table, row, before, after):
    """Make a row in one state, try to move it to another, and say whether it is there then; it is gone afterwards."""
    values = {}
    if table is enrolments:
        row = {**row, "confirm_by": NOON} if before == "pending" else row
        row = {**row, "ended_reason": "bounced"} if before == "stopped" else row
        values = {
            "confirm_by": NOON if after == "pending" else None,
            "ended_reason": "bounced" if after == "stopped" else None,
        }
    made = insert_once(tx, table, {**row, "status": before})
    said = move(tx, table, made, after, **values)
    is_there = tx.execute(select(table.c.status).where(table.c.id == made)).scalar_one() == after
    tx.execute(delete(table).where(table.c.id == made))
    assert said == (is_there and before != after)
    return said


@pytest.mark.parametrize("put_in", [insert_new, insert_many])
def test_new_rows_are_counted(store, put_in):
    """It is said how many rows went in: those that were there already are left out, and not counted."""
    row = {"reason": "not-me", "at": NOON}
    alice, bob, charlie = ({"address_hash": name, **row} for name in ("alice", "bob", "charlie"))
    with store.transaction() as tx:
        counts = [put_in(tx, suppressions, some) for some in ([alice], [alice], [alice, bob, charlie], [])]
        kept = tx.execute(select(suppressions).order_by(suppressions.c.address_hash)).all()

    assert counts == [1, 0, 2, 0]
    assert [(one.address_hash, one.reason, one.at) for one in kept] == [
        (name, "not-me", NOON) for name in ("alice", "bob", "charlie")
    ]


def test_what_is_added_is_added_to_what_is_there(store):
    """Rows of the same key become one, whether they come at once or later; others are left alone."""
    other = {**COUNT, "name": "day-2"}
    with store.transaction() as tx:
        insert_adding(tx, delivery_counts, [COUNT, other])
        insert_adding(tx, delivery_counts, [{**COUNT, "number": 4}])
        insert_adding(tx, delivery_counts, [])

    assert sorted(rows(store, "SELECT name, number FROM delivery_counts")) == [("day-1", 7), ("day-2", 3)]


def test_a_new_row_says_its_id_once(store):
    """insert_once() gives the new row's id, and None when there is such a row."""
    with store.transaction() as tx:
        ids = [insert_once(tx, subscribers, person) for person in (ALICE, ALICE, BOB)]

    assert ids[1] is None
    assert None not in {ids[0], ids[2]}


def test_of_two_movers_one_hears_no(store, alice):
    """Two workers that move the same row: one does it, the other is told that someone was faster."""
    both_are_here = threading.Barrier(2)

    def claim(_):
        both_are_here.wait(10)
        with store.transaction() as tx:
            return move(tx, deliveries, alice[2], DeliveryStatus.SENDING)

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(claim, range(2)))

    assert sorted(said) == [False, True]


def test_a_writer_waits_for_a_writer(store, database):
    """A second writer waits until the first is done, and goes on with what the first wrote, rather than failing."""
    other = Store(database)
    with store.transaction() as tx:
        tx.execute(insert(facts), {"name": "said", "value": "", "at": NOON})

    def second():
        with other.transaction() as tx:
            # Reads first: on SQLite a deferred transaction would fail at once when it turns to writing.
            tx.execute(select(facts.c.value)).all()
            tx.execute(update(facts).values(value=facts.c.value + "second"))

    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as tx:
            tx.execute(update(facts).values(value="first, "))
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
        waiting.result(timeout=10)
    other.close()

    assert rows(store, "SELECT value FROM facts") == [("first, second",)]


def test_a_reader_does_not_wait_for_a_writer(store, database):
    """While somebody writes, pages see the state before."""
    other = Store(database)
    with store.transaction() as tx:
        tx.execute(insert(facts), {"name": "said", "value": "before", "at": NOON})
    with store.transaction() as tx:
        tx.execute(update(facts).values(value="after"))
        seen = rows(other, "SELECT value FROM facts")
    other.close()

    assert seen == [("before",)]


def test_reading_refuses_to_write(store):
    """What is written inside reading() would be lost in silence, so it is refused at once; writing goes on after it.

    It is a programmer's mistake, and no database that is away: nobody tries it again, and its place is told.
    """
    with pytest.raises(WriteError, match=r"reading\(\)") as refused, store.reading() as tx:
        tx.execute(insert(facts), {"name": "said", "value": "by a reader", "at": NOON})
    with store.transaction() as tx:
        tx.execute(insert(facts), {"name": "said", "value": "by a writer", "at": NOON})

    assert rows(store, "SELECT value FROM facts") == [("by a writer",)]
    assert not isinstance(refused.value, AWAY)
    assert told(refused.value) == ""


def test_a_failed_transaction_leaves_nothing(store):
    """An exception inside a transaction takes everything back."""

    def half_way():
        with store.transaction() as tx:
            tx.execute(insert(facts), {"name": "said", "value": "", "at": NOON})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()

    assert rows(store, "SELECT name FROM facts") == []


def test_sqlite_is_opened_as_it_must_be(tmp_path):
    """SQLite waits for writers, logs ahead, survives a power cut, minds its keys and overwrites what is erased."""
    store = Store(f"sqlite:///{tmp_path / 'course.db'}")
    names = ("busy_timeout", "journal_mode", "synchronous", "foreign_keys", "secure_delete")
    with store.reading() as tx:
        found = {name: tx.execute(text(f"PRAGMA {name}")).scalar_one() for name in names}
    store.close()

    assert found == {
        "busy_timeout": 15_000,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_postgresql_needs_no_driver_in_its_address():
    """The address that every provider gives, postgresql://, is enough."""
    store = Store("postgresql://course@db.example.org/course")
    store.close()

    assert store.engine.driver == "psycopg"


BROKEN = {
    "statement": lambda tx: tx.execute(text("SELECT :said FROM nowhere"), {"said": "canary-words"}),
    "key": lambda tx: tx.execute(
        insert(subscribers), {**BOB, "email_key": "alice@example.org", "name": "canary-words"}
    ),
    "check": lambda tx: tx.execute(insert(subscribers), {**BOB, "send_hour": 99, "name": "canary-words"}),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_errors_hold_nobody_s_data(store, alice, broken):
    """An error of the database, with its whole traceback, shows no address and no value that a person gave."""
    with pytest.raises(DBAPIError) as raised, store.transaction() as tx:
        BROKEN[broken](tx)
    shown = "".join(traceback.format_exception(raised.value))

    # The source line of this very test is in the traceback too; only what the database said counts.
    said = re.sub(r"(?m)^    .*$", "", shown)
    assert "canary-words" not in said
    assert "@example.org" not in said
