"""The ledger, and what is derived from it."""

from alembic import op

from perf_pipeline.postgres import sqlfiles

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create schemas, types and tables of `sql/store/0001/`, in name order."""
    bind = op.get_bind()
    for file in sqlfiles.folder("store/0001"):
        bind.exec_driver_sql(file.text)
