"""Every statistics family, coverage and cost of a sweep, archive and rollups."""

from alembic import op

from perf_pipeline.postgres import sqlfiles

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the files of `sql/store/0002/`, in name order."""
    bind = op.get_bind()
    for file in sqlfiles.folder("store/0002"):
        bind.exec_driver_sql(file.text)
