"""A pause may have an end, and somebody may ask by mail to be erased: when it is over, and who asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from course.store.tables import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ENDS = sa.text("resume_at IS NOT NULL")
ERASED = sa.text("name = 'erased'")
ONLY_A_PAUSE = "CONSTRAINT only_a_pause_has_an_end CHECK (resume_at IS NULL OR status = 'paused')"


def upgrade() -> None:
    """Add the column with its constraint (SQLite takes one only together with its column) and the indexes."""
    kind = Moment().compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE enrolments ADD COLUMN resume_at {kind} {ONLY_A_PAUSE}")
    op.create_index("pauses_with_an_end", "enrolments", ["resume_at"], sqlite_where=ENDS, postgresql_where=ENDS)
    op.create_index("erasures", "deliveries", ["subscriber_id"], sqlite_where=ERASED, postgresql_where=ERASED)
