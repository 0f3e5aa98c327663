"""One handle on the store: an SQLAlchemy engine on psycopg, and transactions for COPY."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from perf_pipeline import settings
from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles

#: The store's own limits: a day's partition is created in milliseconds, a 365-day backfill reads
#: for seconds; a lock that takes longer than this is somebody's mistake.
STATEMENT_TIMEOUT_MS = 120_000
LOCK_TIMEOUT_MS = 10_000


#: SQLSTATE classes: connection exceptions, and an operator's shutdown.
_CONNECTION_LOST = ("08", "57P")


class Store:
    """The store's database.

    Parameters
    ----------
    url : str, optional
        Default: PERF_STORE_URL, else the embedded server's database `perf_store`.

    """

    def __init__(self, url: str | None = None) -> None:
        self.url = pg.libpq_url(url or settings.store_url())
        self._limits = pg.Limits(
            STATEMENT_TIMEOUT_MS, LOCK_TIMEOUT_MS, settings.current().connect_timeout_s
        )
        # connections are made by `connect`, so that limits, version check and errors are one place
        self.engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            pool_size=2,
            # as many more as targets are swept at once; they are closed when given back
            max_overflow=settings.current().collection_threads,
            pool_pre_ping=True,  # a store that was restarted costs nobody a failed run
        )

    def _connect(self) -> psycopg.Connection:
        try:
            return pg.connect(self.url, limits=self._limits, label=f"{pg.APPLICATION_NAME}:store")
        except PerfPipelineError as error:
            kind = type(error)
            raise kind(f"store {error.message}", error.remedy) from error

    @contextmanager
    def begin(self) -> Iterator[psycopg.Connection]:
        """Open one transaction on a pooled psycopg connection; commit at the end, else roll back.

        Raises
        ------
        UnreachableError, ConfigurationError
            The store cannot be opened.

        """
        with self._explained(), self.engine.begin() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, psycopg.Connection):  # pragma: no cover - engine is psycopg's
                raise UnreachableError("the store's pool lost its connection", "try again")
            yield driver

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell a lost connection from a mistake in a statement."""
        try:
            yield
        except (psycopg.OperationalError, sa.exc.OperationalError) as error:
            cause = error.orig if isinstance(error, sa.exc.OperationalError) else error
            # errors with a code of another class are the statement's: a deadlock, a full disk
            state = getattr(cause, "sqlstate", None)
            if state is not None and not state.startswith(_CONNECTION_LOST):
                raise
            raise UnreachableError(
                f"store {pg.describe(self.url)}: the connection was lost: {cause}",
                "check that the store's server runs; nothing of this transaction was kept",
            ) from error

    def rows(
        self, name: str, params: Mapping[str, object] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Run the statement of `sql/store/<name>.sql` in its own transaction, return its rows.

        Parameters
        ----------
        name : str
            File name without ending.
        params : Mapping, optional
            Values of the `%(name)s` placeholders.

        """
        with self._explained(), self.engine.begin() as connection:
            text = sqlfiles.load(f"store/{name}").text
            result = connection.exec_driver_sql(text, dict(params or {}))
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def close(self) -> None:
        """Close the pool."""
        self.engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
