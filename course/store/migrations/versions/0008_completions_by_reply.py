"""An index from a reply to the day that it completed: whoever is erased has replies, and each is looked for there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ANSWERED = sa.text("reply_id IS NOT NULL")


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "completions_by_reply", "completions", ["reply_id"], sqlite_where=ANSWERED, postgresql_where=ANSWERED
    )
