"""A journal for whoever asks for one: the level of each round, and the words of replies, locked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables. People's keys are in a store of their own."""
    op.create_table(
        "journals",
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("chosen_at", Moment(), nullable=False),
        sa.CheckConstraint("level IN ('keep', 'share')", name="journal_level_is_known"),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_journals_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("enrolment_id", name="pk_journals"),
    )
    op.create_table(
        "entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("reply_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("locked", sa.LargeBinary(), nullable=False),
        sa.Column("left_out", sa.String(length=8), nullable=True),
        sa.Column("kept_at", Moment(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=True),
        sa.CheckConstraint("level IN ('keep', 'share')", name="entry_level_is_known"),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_entries_enrolment_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_entries_reply_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.UniqueConstraint("reply_id", name="each_reply_kept_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("entries_of_an_enrolment", "entries", ["enrolment_id"])
    op.create_index("entries_by_age", "entries", ["kept_at"])
    _photos()


def _photos() -> None:
    op.create_table(
        "photos",
        sa.Column("id", ID, nullable=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("locked", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('image/jpeg', 'image/png', 'image/webp')", name="photo_kind_is_known"),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name="fk_photos_entry_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_photos"),
        sa.UniqueConstraint("entry_id", "place", name="each_photo_in_its_place"),
        sqlite_autoincrement=True,
    )
