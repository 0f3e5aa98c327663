"""Judgement: baselines of load tests, feedback, what reports need."""

from alembic import op

from perf_pipeline.postgres import sqlfiles

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the files of `sql/store/0003/`, in name order."""
    bind = op.get_bind()
    for file in sqlfiles.folder("store/0003"):
        bind.exec_driver_sql(file.text)
