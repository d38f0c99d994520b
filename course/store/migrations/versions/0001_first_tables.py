"""The tables as they were first: people, their rounds, what is owed to them, and what they did."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = Moment()

# Consent records are proof: no statement changes one. (Their erasure after the time the law asks for is a deletion.)
FROZEN_SQLITE = """
CREATE TRIGGER consents_are_never_changed BEFORE UPDATE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are never changed'); END
"""
FROZEN_POSTGRESQL = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'consents are never changed'; END $$;
CREATE TRIGGER consents_are_never_changed BEFORE UPDATE ON consents
FOR EACH ROW EXECUTE FUNCTION refuse_change()
"""


def where(condition: str) -> dict[str, Any]:
    """Return the condition of a partial index, for both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "consents",
        sa.Column("id", ID, nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("how", sa.String(length=32), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sqlite_autoincrement=True,
    )
    op.create_index("consents_of_a_person", "consents", ["who"], unique=False)
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    op.create_table(
        "limits",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limits"),
    )
    op.create_index("places_taken", "limits", ["key", "at"], unique=False)
    op.create_table(
        "mailings",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_mailings"),
    )
    op.create_table(
        "provider_events",
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_provider_events"),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("send_hour", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("send_hour BETWEEN 0 AND 23", name="send_hour_is_an_hour"),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("email_key", name="one_subscriber_per_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name="pk_suppressions"),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("pace", sa.String(length=16), server_default="daily", nullable=False),
        sa.Column("next_day", sa.Integer(), server_default="1", nullable=False),
        sa.Column("next_send_at", MOMENT, nullable=True),
        sa.Column("ended_reason", sa.String(length=16), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirm_by", MOMENT, nullable=True),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("choices", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'pending') = (confirm_by IS NOT NULL)", name="pending_has_an_end"),
        sa.CheckConstraint("(status = 'stopped') = (ended_reason IS NOT NULL)", name="stopped_says_why"),
        sa.CheckConstraint(
            "ended_reason IN ('unsubscribed', 'bounced', 'complained', 'expired', 'restarted', 'erased')",
            name="ended_reason_is_known",
        ),
        sa.CheckConstraint("next_send_at IS NULL OR status = 'active'", name="only_active_is_due"),
        sa.CheckConstraint("pace IN ('daily')", name="pace_is_known"),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'paused', 'finished', 'stopped')",
            name="enrolment_status_is_known",
        ),
        sa.CheckConstraint("next_day >= 1", name="next_day_counts_from_one"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_enrolments_subscriber_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_enrolments"),
        sqlite_autoincrement=True,
    )
    op.create_index("due_enrolments", "enrolments", ["next_send_at"], unique=False, **where("status = 'active'"))
    op.create_index("enrolments_of_a_subscriber", "enrolments", ["subscriber_id", "course"], unique=False)
    op.create_index(
        "one_live_enrolment_per_course",
        "enrolments",
        ["subscriber_id", "course"],
        unique=True,
        **where("status IN ('pending', 'active', 'paused')"),
    )
    op.create_index("pending_enrolments", "enrolments", ["confirm_by"], unique=False, **where("status = 'pending'"))
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("enrolment_id", ID, nullable=True),
        sa.Column("course", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("local_date", sa.Date(), nullable=True),
        sa.Column("mailing", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("send_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_tried_at", MOMENT, nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("claimed_at", MOMENT, nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("kind = 'notice' OR day IS NOT NULL", name="lessons_have_a_day"),
        sa.CheckConstraint("kind IN ('lesson', 'copy', 'notice')", name="delivery_kind_is_known"),
        sa.CheckConstraint("local_date IS NULL OR kind = 'lesson'", name="only_lessons_have_a_date"),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'cancelled', 'stalled', 'bounced', 'unknown')",
            name="delivery_status_is_known",
        ),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_deliveries_enrolment_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["mailing"], ["mailings.digest"], name="fk_deliveries_mailing"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_deliveries_subscriber_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("enrolment_id", "name", name="each_mail_once"),
        sa.UniqueConstraint("subscriber_id", "course", "local_date", name="one_lesson_per_local_date"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "deliveries_in_doubt",
        "deliveries",
        ["claimed_at"],
        unique=False,
        **where("status IN ('sending', 'stalled')"),
    )
    op.create_index(
        "each_mail_once_per_subscriber",
        "deliveries",
        ["subscriber_id", "name"],
        unique=True,
        **where("enrolment_id IS NULL"),
    )
    op.create_index("queued_deliveries", "deliveries", ["send_at"], unique=False, **where("status = 'queued'"))
    op.create_table(
        "history",
        sa.Column("id", ID, nullable=False),
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_history_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("history_of_an_enrolment", "history", ["enrolment_id"], unique=False)
    op.create_table(
        "skips",
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("skipped_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name="fk_skips_enrolment_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("enrolment_id", "day", name="pk_skips"),
    )
    op.create_table(
        "replies",
        sa.Column("id", ID, nullable=False),
        sa.Column("enrolment_id", ID, nullable=True),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("message_key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_replies_delivery_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_replies_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_replies"),
        sa.UniqueConstraint("message_key", name="each_reply_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("replies_of_an_enrolment", "replies", ["enrolment_id"], unique=False)
    op.create_table(
        "completions",
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("reply_id", ID, nullable=True),
        sa.Column("completed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_completions_enrolment_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_completions_reply_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("enrolment_id", "day", name="pk_completions"),
    )
    op.execute(FROZEN_SQLITE if op.get_bind().dialect.name == "sqlite" else FROZEN_POSTGRESQL)
