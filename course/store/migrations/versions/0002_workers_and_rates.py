"""Workers say that they live; how many messages may leave is shared by all of them; notices are claimed first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

QUEUED_NOTICE = sa.text("status = 'queued' AND kind = 'notice'")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("beat_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    op.create_table(
        "rates",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rates"),
    )
    op.create_index(
        "queued_notices",
        "deliveries",
        ["send_at"],
        unique=False,
        sqlite_where=QUEUED_NOTICE,
        postgresql_where=QUEUED_NOTICE,
    )
