"""The subscriber's side: pace, pages behind a mail's own link, check-ins, letters that come back, resources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE, AFTER = "pace IN ('daily')", "pace IN ('daily', 'weekdays', 'weekly', 'self-paced')"
NOTED = sa.text("note_at IS NOT NULL")
ONLY_SELF_PACED = (
    "CONSTRAINT only_self_paced_waits CHECK "
    "(waiting_since IS NULL OR (pace = 'self-paced' AND status = 'active' AND next_send_at IS NULL))"
)
KNOWN_SENDER = "CONSTRAINT reply_sender_is_known CHECK (sender IN ('proven', 'claimed', 'other'))"

ONLY_THE_QUIET = (
    "CONSTRAINT only_the_quiet_get_notes CHECK (note_at IS NULL OR (waiting_since IS NOT NULL AND NOT on_paper))"
)


def upgrade() -> None:
    """Let more be known of a person and a round, and add the tables."""
    _more_paces()
    moment = Moment().compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE enrolments ADD COLUMN waiting_since {moment} {ONLY_SELF_PACED}")
    op.add_column("enrolments", sa.Column("on_paper", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(f"ALTER TABLE enrolments ADD COLUMN note_at {moment} {ONLY_THE_QUIET}")
    op.create_index("quiet_enrolments", "enrolments", ["note_at"], sqlite_where=NOTED, postgresql_where=NOTED)
    op.add_column("subscribers", sa.Column("plain", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscribers", sa.Column("country", sa.String(length=2), nullable=True))
    op.execute(f"ALTER TABLE replies ADD COLUMN sender VARCHAR(8) {KNOWN_SENDER}")
    op.add_column("entries", sa.Column("cut", sa.LargeBinary(), nullable=True))
    _links()
    _check_ins()
    _letters()
    _past()


def _more_paces() -> None:
    """Widen a CHECK. SQLite has no ALTER for it; this is its own way, sqlite.org/lang_altertable.html section 7."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("pace_is_known", "enrolments", type_="check")
        op.create_check_constraint("pace_is_known", "enrolments", AFTER)
        return
    version = op.get_bind().execute(sa.text("PRAGMA schema_version")).scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    table = sa.table("sqlite_master", sa.column("sql"), sa.column("type"), sa.column("name"))
    ours = table.update().where(table.c.type == "table", table.c.name == "enrolments")
    op.execute(ours.values(sql=sa.func.replace(table.c.sql, BEFORE, AFTER)))
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def _links() -> None:
    op.create_table(
        "fresh_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("visit", sa.String(length=64), nullable=True),
        sa.Column("visit_until", Moment(), nullable=True),
        _person("fresh_links", "subscriber_id"),
        sa.PrimaryKeyConstraint("id", name="pk_fresh_links"),
        sa.UniqueConstraint("visit", name="each_visit_once"),
        sa.CheckConstraint("(visit IS NULL) = (visit_until IS NULL)", name="a_visit_has_an_end"),
        sqlite_autoincrement=True,
    )
    op.create_index("fresh_links_of_a_subscriber", "fresh_links", ["subscriber_id"])
    op.create_table(
        "address_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("confirm_by", Moment(), nullable=False),
        _person("address_changes", "subscriber_id"),
        sa.PrimaryKeyConstraint("id", name="pk_address_changes"),
        sa.UniqueConstraint("subscriber_id", name="one_address_change_at_a_time"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "resource_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=True),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        _person("resource_links", "subscriber_id"),
        sa.PrimaryKeyConstraint("id", name="pk_resource_links"),
        sqlite_autoincrement=True,
    )
    op.create_index("resource_links_of_a_subscriber", "resource_links", ["subscriber_id"])


def _check_ins() -> None:
    known = "answer IN ('lighter', 'same', 'heavier', 'unsure')"
    op.create_table(
        "checkins",
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(length=8), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.CheckConstraint(f"answer IS NULL OR {known}", name="checkin_answer_is_known"),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_checkins_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "day", name="pk_checkins"),
    )
    op.create_table(
        "checkin_counts",
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("answer", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint(known, name="counted_answer_is_known"),
        sa.CheckConstraint("number > 0", name="checkin_counts_count_something"),
        sa.PrimaryKeyConstraint("course", "day", "week", "answer", name="pk_checkin_counts"),
    )


def _letters() -> None:
    op.create_table(
        "letters",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("in_mail", sa.Boolean(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("locked", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.Column("erase_at", Moment(), nullable=True),
        sa.CheckConstraint("months IN (1, 3, 6)", name="letter_months_are_known"),
        _person("letters", "subscriber_id"),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_letters_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
        sa.UniqueConstraint("enrolment_id", name="one_letter_per_round"),
        sqlite_autoincrement=True,
    )
    op.create_index("letters_of_a_subscriber", "letters", ["subscriber_id"])
    untold = sa.text("told_at IS NULL")
    op.create_index("due_letters", "letters", ["due_at"], sqlite_where=untold, postgresql_where=untold)


def _past() -> None:
    ended = sa.text("ended_at IS NOT NULL")
    op.create_index(
        "rounds_by_end", "enrolments", ["ended_at", "subscriber_id"], sqlite_where=ended, postgresql_where=ended
    )
    known = "fact IN ('completed', 'skipped', 'finished', 'stopped')"
    op.create_table(
        "past_counts",
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("fact", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint(known, name="past_fact_is_known"),
        sa.CheckConstraint("number > 0", name="past_counts_count_something"),
        sa.PrimaryKeyConstraint("course", "fact", "day", "week", name="pk_past_counts"),
    )


def _person(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["subscribers.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")
