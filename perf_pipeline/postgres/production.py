"""Databases that are marked as production: nothing may be generated or loaded there."""

import psycopg

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import sqlfiles


class ProductionError(PerfPipelineError):
    """The database is marked as production; nothing may be generated there."""


def refuse_production(connection: psycopg.Connection) -> None:
    """Raise ProductionError where `perf_pipeline.environment` begins with `prod`."""
    row = connection.execute(sqlfiles.load("target/is_production").text, {}).fetchone()
    if row is None or row[0]:
        raise ProductionError(
            f"database {connection.info.dbname!r} is marked as production "
            "(setting perf_pipeline.environment)",
            "use a database of its own for example data and load; never remove the mark for this",
        )
