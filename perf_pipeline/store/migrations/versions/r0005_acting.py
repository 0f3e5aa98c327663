"""Acting: invalidation, alerts, advice, capacity, replicas, recovery, exports."""

from alembic import op

from perf_pipeline.postgres import sqlfiles

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the files of `sql/store/0005/`, in name order."""
    bind = op.get_bind()
    for file in sqlfiles.folder("store/0005"):
        bind.exec_driver_sql(file.text)
