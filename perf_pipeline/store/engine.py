"""One handle on the store: an SQLAlchemy engine on psycopg, and transactions for COPY."""

import selectors
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import dict_row

from perf_pipeline import settings
from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.patience import PatientConnection

#: The store's own limits: a day's partition is created in milliseconds, a 365-day backfill reads
#: for seconds; a lock that takes longer than this is somebody's mistake.
STATEMENT_TIMEOUT_MS = 120_000
LOCK_TIMEOUT_MS = 10_000
#: Longer than any statement may take: the server is silent then.
PATIENCE_S = STATEMENT_TIMEOUT_MS / 1000.0 + 10.0


#: SQLSTATEs by their beginning. The connection is gone: connection exceptions, an operator's
#: shutdown, a transaction left idle too long. No room: disk, memory, connections, and I/O errors.
#: Somebody else was faster or holds on: locks, deadlocks.
_CONNECTION_LOST = ("08", "57P", "25P03")
_NO_ROOM = ("53", "58")
_BUSY = ("55P03", "40")


class Store:
    """The store's database.

    Parameters
    ----------
    url : str, optional
        Default: PERF_STORE_URL, else the embedded server's database `perf_store`.
    patience_s : float
        A store that says nothing for so long is given up.

    """

    def __init__(self, url: str | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
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
        )
        sa.event.listen(self.engine, "checkout", _require_open)

    def _connect(self) -> psycopg.Connection:
        try:
            connection = pg.connect(
                self.url,
                limits=self._limits,
                label=f"{pg.APPLICATION_NAME}:store",
                patience_s=self._patience_s,
            )
            _require_utf8(connection, pg.describe(self.url))
            return connection
        except PerfPipelineError as error:
            kind = type(error)
            raise kind(f"store {error.message}", error.remedy) from error

    @contextmanager
    def begin(self) -> Iterator[psycopg.Connection]:
        """Open one transaction on a pooled psycopg connection; commit at the end, else roll back.

        Raises
        ------
        UnreachableError
            The store cannot be opened, the connection was lost or silent, or there is no room.
        ConfigurationError
            The URL is wrong.
        BusyError
            Another session held a lock for too long.

        """
        attempt = _Attempt()
        with self._explained(attempt), self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, PatientConnection):  # pragma: no cover - `_connect` makes it
                raise UnreachableError("the store's pool lost its connection", "try again")
            attempt.driver = driver
            with connection.begin():
                yield driver
                attempt.committing = True

    @contextmanager
    def _explained(self, attempt: "_Attempt") -> Iterator[None]:
        """Tell a lost connection, a full disk and a held lock from a mistake in a statement."""
        try:
            yield
        except (psycopg.Error, sa.exc.DBAPIError) as error:
            explained = attempt.explain(error, f"store {pg.describe(self.url)}")
            if explained is None:
                raise
            raise explained from error

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
        text = sqlfiles.load(f"store/{name}").text
        with self.begin() as connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(text, dict(params or {}))
            return cursor.fetchall() if cursor.description is not None else []

    def close(self) -> None:
        """Close the pool."""
        self.engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_open(
    driver: psycopg.Connection, record: sa.pool.ConnectionPoolEntry, _: object
) -> None:
    """Let the pool replace a connection whose server was restarted (called by SQLAlchemy).

    A server says nothing to a session that waits, except that it ends it; so there is no need to
    ask. (A server that vanished without a word is found by the keepalives.)
    """
    if record.info.setdefault("used", False):
        with selectors.DefaultSelector() as selector:
            selector.register(driver.fileno(), selectors.EVENT_READ)
            if selector.select(timeout=0):
                raise sa.exc.DisconnectionError("the store's server ended the session")
    record.info["used"] = True


@dataclass
class _Attempt:
    """One transaction, for what is said of it when it fails."""

    driver: PatientConnection | None = None
    committing: bool = False

    def explain(self, error: Exception, where: str) -> PerfPipelineError | None:
        """Return what to tell of an error; None when a statement of ours was at fault."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        state: str = getattr(cause, "sqlstate", None) or ""
        said = str(cause).strip()
        undone = "nothing of this transaction was kept"
        if self.committing:
            undone = "the answer to the commit was lost: what comes next starts from what was kept"
        if self.driver is not None and self.driver.gave_up:
            return UnreachableError(
                f"{where}: no answer within {self.driver.patience_s:g} s",
                f"look at that server's load, its disks and any proxy in between; {undone}",
            )
        silent = not state and isinstance(cause, psycopg.OperationalError)
        if silent or state.startswith(_CONNECTION_LOST):
            return UnreachableError(
                f"{where}: the connection was lost: {said}",
                f"check that the store's server runs; {undone}",
            )
        if state.startswith(_NO_ROOM):
            return UnreachableError(
                f"{where}: it has no room for this: {said}",
                "make room (disk, memory or connections) on that server; "
                "nothing of this transaction was kept",
            )
        if state.startswith(_BUSY):
            return BusyError(
                f"{where}: another session is in the way: {said}",
                "try again; nothing of this transaction was kept",
            )
        return None


def _require_utf8(connection: psycopg.Connection, where: str) -> None:
    """Refuse a database that cannot hold the names and texts of every target.

    Raises
    ------
    ConfigurationError
        Its encoding is another one.

    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise ConfigurationError(
            f"{where} is a database in {encoding}; the store must be in UTF8",
            "make one with CREATE DATABASE perf_store ENCODING 'UTF8' TEMPLATE template0"
            " and let PERF_STORE_URL name it",
        )
