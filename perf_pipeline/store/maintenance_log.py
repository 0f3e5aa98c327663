"""One true row for each operation of maintenance, in `maintenance.maintenance_log`.

A row is committed before the operation starts and finished after it ended, so that a process that
is killed leaves one that says `running`. Each writer's session holds an advisory lock for its row:
where the lock is free, the writer is gone, and the row is closed as `killed`.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from perf_pipeline import settings
from perf_pipeline.errors import BusyError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store.engine import LOCK_TIMEOUT_MS, PATIENCE_S, STATEMENT_TIMEOUT_MS, Store

#: How an operation ends. `skipped`: there was nothing to do, or a rule forbade it; `blocked`: its
#: lock budget was spent; `killed`: its process ended without a word.
Outcome = Literal["done", "skipped", "blocked", "failed", "killed"]

#: Characters of an error that are kept.
_MOST_ERROR: Final = 2000


@dataclass
class Entry:
    """What is said of one operation when it ends; fill in while it runs.

    Attributes
    ----------
    log_id : int
        Its row.
    outcome : str
        `done` unless set; an exception makes it `failed`, or `blocked` when a lock was in the way.
    rows, bytes : int or None
        What it moved or removed; None where it has none or was not told.
    lock_wait_ms : float or None
        Milliseconds lost waiting for locks.
    statement : str or None
        Its main statement, of which a digest is kept.
    detail : dict
        Anything more, as JSON; no literals of the user's data.

    """

    log_id: int
    outcome: Outcome = "done"
    rows: int | None = None
    bytes: int | None = None
    lock_wait_ms: float | None = None
    statement: str | None = None
    error: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class MaintenanceLog:
    """The log of what one process does to one target; a context manager that owns one session.

    Parameters
    ----------
    store : Store
        At revision 0004 or later.
    target : str
        Name of the target.

    """

    def __init__(self, store: Store, target: str) -> None:
        self.target = target
        self._store = store
        self._session: psycopg.Connection[Any] | None = None

    def __enter__(self) -> "MaintenanceLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session; rows of it that still run count as killed from now on."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @contextmanager
    def operation(
        self,
        operation: str,
        object_name: str,
        *,
        statement: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Iterator[Entry]:
        """Log one operation around a block; whatever the block raises is noted and raised on.

        Parameters
        ----------
        operation : str
            What is done, for example `partition.create`, `view.refresh`, `index.reindex`.
        object_name : str
            `schema.name` of what it is done to.
        statement : str, optional
            Its main statement; a digest is kept.
        detail : Mapping, optional
            Known beforehand.

        """
        entry = Entry(self.start(operation, object_name, statement=statement, detail=detail))
        try:
            yield entry
        except BaseException as error:
            entry.outcome = "blocked" if isinstance(error, BusyError) else "failed"
            entry.error = str(error) or type(error).__name__
            self.finish(entry)
            raise
        self.finish(entry)

    def start(
        self,
        operation: str,
        object_name: str,
        *,
        statement: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Commit a row `running` and return its number."""
        values = {
            "target": self.target,
            "operation": operation,
            "object": object_name,
            "statement_digest": digest(statement),
            "detail": Jsonb(dict(detail or {})),
        }
        row = self._execute("store/maintenance_start", values)
        return int(row["log_id"])

    def finish(self, entry: Entry) -> None:
        """Commit how an operation ended; a store that was restarted meanwhile is asked again."""
        values = {
            "log_id": entry.log_id,
            "outcome": entry.outcome,
            "rows": entry.rows,
            "bytes": entry.bytes,
            "lock_wait_ms": entry.lock_wait_ms,
            "statement_digest": digest(entry.statement),
            "error": entry.error[:_MOST_ERROR] if entry.error else None,
            "detail": Jsonb(entry.detail),
        }
        try:
            self._execute("store/maintenance_finish", values)
        except psycopg.OperationalError:
            self.close()
            time.sleep(1.0)
            self._execute("store/maintenance_finish", values)

    def start_many(
        self, operation: str, objects: Sequence[str], details: Sequence[Mapping[str, Any]]
    ) -> list[Entry]:
        """Commit rows `running` for operations that are done together; at most a few dozen.

        Parameters
        ----------
        operation : str
        objects : sequence of str
            `schema.name`, each once.
        details : sequence of Mapping
            Of each object.

        """
        values = {
            "target": self.target,
            "operation": operation,
            "objects": list(objects),
            "details": [Jsonb(dict(detail)) for detail in details],
        }
        rows = self._all("store/maintenance_start_many", values)
        numbers = {row["object"]: int(row["log_id"]) for row in rows}
        return [Entry(numbers[name]) for name in objects]

    def finish_many(self, entries: Sequence[Entry]) -> None:
        """Commit how operations ended that were done together."""
        values = {
            "log_ids": [entry.log_id for entry in entries],
            "outcomes": [entry.outcome for entry in entries],
            "rows": [entry.rows for entry in entries],
            "lock_wait_ms": [entry.lock_wait_ms for entry in entries],
            "errors": [entry.error[:_MOST_ERROR] if entry.error else None for entry in entries],
            "details": [Jsonb(entry.detail) for entry in entries],
        }
        self._all("store/maintenance_finish_many", values)

    def close_killed(self) -> list[Mapping[str, Any]]:
        """Close this target's rows whose writer is gone, and return them.

        Returns
        -------
        list of Mapping
            `log_id`, `operation`, `object`.

        """
        return close_killed(self._store, self.target)

    def _execute(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Run one statement in its own transaction; one row comes back."""
        rows = self._all(name, values)
        return rows[0] if rows else {}

    def _all(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one statement in its own transaction and return its rows."""
        if self._session is None or self._session.closed:
            limits = pg.Limits(
                STATEMENT_TIMEOUT_MS, LOCK_TIMEOUT_MS, settings.current().connect_timeout_s
            )
            self._session = pg.connect(
                self._store.url,
                limits=limits,
                autocommit=True,
                label=f"{pg.APPLICATION_NAME}:maintenance",
                patience_s=PATIENCE_S,
            )
        with self._session.cursor(row_factory=dict_row) as cursor:
            cursor.execute(sqlfiles.load(name).text, values)
            return cursor.fetchall()


def close_killed(store: Store, target: str | None = None) -> list[Mapping[str, Any]]:
    """Close the rows of operations whose writer is gone, and return them.

    Parameters
    ----------
    store : Store
    target : str, optional
        Default: of all targets.

    Returns
    -------
    list of Mapping
        `log_id`, `operation`, `object`.

    """
    return list(store.rows("maintenance_close_killed", {"target": target}))


def recent(
    store: Store,
    target: str | None = None,
    *,
    operation: str | None = None,
    object_name: str | None = None,
    limit: int = 100,
) -> Sequence[Mapping[str, Any]]:
    """Return the newest operations, newest first.

    Parameters
    ----------
    store : Store
    target, operation, object_name : str, optional
        Only those; default: all.
    limit : int
        Rows at most.

    Returns
    -------
    Sequence of Mapping
        The columns of `maintenance.maintenance_log`; times are aware.

    """
    values = {"target": target, "operation": operation, "object": object_name, "limit": limit}
    return store.rows("maintenance_recent", values)


def digest(statement: str | None) -> str | None:
    """Return what stands for a statement: 16 hexadecimal digits of the SHA-256 of its words."""
    if statement is None:
        return None
    return hashlib.sha256(" ".join(statement.split()).encode()).hexdigest()[:16]
