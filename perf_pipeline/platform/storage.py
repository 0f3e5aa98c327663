"""dagster-postgres storage that takes a PostgreSQL URL in any spelling."""

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.connect import describe, libpq_url

#: The driver dagster-postgres is written for.
SCHEME = "postgresql+psycopg2"


def with_driver(url: str) -> str:
    """Return the URL with the driver named that dagster-postgres works with.

    SQLAlchemy 2.1 resolves a bare `postgresql://` to psycopg 3, which binds on the server;
    dagster-postgres sends `NOTIFY run_events, :id` with each event, and PostgreSQL takes no bound
    parameter there: every run would fail at its first event.

    Parameters
    ----------
    url : str
        `postgresql://`, `postgres://`, or with any driver suffix.

    Raises
    ------
    ConfigurationError
        Not a PostgreSQL URL.

    """
    if "://" not in url:
        raise ConfigurationError(
            f"DAGSTER_PG_URL: {describe(url)} is not a URL",
            "use postgresql://user:password@host:5432/database",
        )
    return SCHEME + libpq_url(url).removeprefix("postgresql")


class PostgresStorage(DagsterPostgresStorage):
    """`storage` of dagster.yaml: dagster-postgres with `with_driver` applied to its URL."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PostgresStorage":
        """Build the storage from dagster.yaml (called by Dagster)."""
        return cls(
            postgres_url=with_driver(pg_url_from_config(config_value)),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )
