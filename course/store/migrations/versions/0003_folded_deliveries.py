"""Deliveries of courses that ended long ago become counts: when a round ended, the counts, and what a reply needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# When rounds ended that ended before this was kept: their history tells.
ENDED = """
UPDATE enrolments SET ended_at = COALESCE(
  (SELECT max(history.at) FROM history WHERE history.enrolment_id = enrolments.id
   AND history.event IN ('finished', 'stopped')),
  created_at)
WHERE status IN ('finished', 'stopped')
"""
OPEN = sa.text("ended_at IS NOT NULL AND folded_at IS NULL")


def upgrade() -> None:
    """Add the columns and tables, and say when earlier rounds ended."""
    op.add_column("enrolments", sa.Column("ended_at", Moment(), nullable=True))
    op.add_column("enrolments", sa.Column("folded_at", Moment(), nullable=True))
    op.execute(ENDED)
    op.create_index("ended_enrolments", "enrolments", ["ended_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("replies_of_a_delivery", "replies", ["delivery_id"])
    op.create_table(
        "delivery_counts",
        sa.Column("course", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("course", "kind", "name", "status", "week", name="pk_delivery_counts"),
        sa.CheckConstraint("number > 0", name="counts_count_something"),
    )
    op.create_table(
        "folded_deliveries",
        sa.Column("delivery_id", ID, autoincrement=False, nullable=False),
        sa.Column("enrolment_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name="fk_folded_deliveries_enrolment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_folded_deliveries"),
    )
    op.create_index("folded_of_an_enrolment", "folded_deliveries", ["enrolment_id"])
