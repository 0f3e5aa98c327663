"""Care: partitions, views, upkeep, invalidation, and what the systems report."""

from alembic import op

from perf_pipeline.postgres import sqlfiles

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the files of `sql/store/0004/`, in name order."""
    bind = op.get_bind()
    for file in sqlfiles.folder("store/0004"):
        bind.exec_driver_sql(file.text)
