"""What is claimed is claimed in the order of an index: many lessons are due at the same moment, then by their id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

QUEUED = {
    "queued_deliveries": sa.text("status = 'queued'"),
    "queued_notices": sa.text("status = 'queued' AND kind = 'notice'"),
}


def upgrade() -> None:
    """Make both indexes anew."""
    for name, which in QUEUED.items():
        op.drop_index(name, "deliveries")
        op.create_index(name, "deliveries", ["send_at", "id"], sqlite_where=which, postgresql_where=which)
