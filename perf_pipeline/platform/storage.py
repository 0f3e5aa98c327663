"""dagster-postgres storage that takes a PostgreSQL URL in any spelling and keeps its sessions."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.connect import describe, libpq_url

#: The driver dagster-postgres is written for.
SCHEME = "postgresql+psycopg2"

#: Idle sessions a process keeps: the daemon's threads, busy all at once, use more for a moment.
KEPT_SESSIONS = 5


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
    """`storage` of dagster.yaml: dagster-postgres with `with_driver` applied to its URL.

    dagster-postgres opens a session for each thing it reads or writes. The daemon of four targets
    opened 30 in a second, most of what daemon and server did; here a process keeps a few.
    """

    def __init__(self, postgres_url: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(postgres_url, *args, **kwargs)
        # one that the server has ended meanwhile is noticed and replaced before it is used
        self.engine = sqlalchemy.create_engine(
            postgres_url,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT_SESSIONS,
            max_overflow=-1,
            pool_use_lifo=True,
            pool_pre_ping=True,
        )
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine.dispose()
            part._engine = self.engine
        self._run_storage.dispose = self.engine.dispose  # type: ignore[method-assign]

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
