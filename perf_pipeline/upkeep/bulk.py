"""Bulk mode: validation suspended for one transaction, by who may, checked again at its end.

The flag is the transaction's: a rollback, a killed process and a pooled session leave nothing of
it. Who may begin it is decided by the database (EXECUTE on its functions), as is what its triggers
then leave out. At the end the orphans are counted as they are, not as a summary of last night says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog
from perf_pipeline.upkeep.model import require_policy
from perf_pipeline.upkeep.orphan_search import qualified

OPERATION: Final = "bulk.load"
#: From here on an operation is called slow, minutes, or its orphans many.
SLOW_MINUTES: Final = 60.0
MANY_ORPHANS: Final = 100


class BulkModeError(PerfPipelineError):
    """Bulk mode was refused, or its end was: everything done in it is taken back."""

    exit_code = 1


@dataclass
class Bulk:
    """One bulk operation; add to `records` what was written.

    Attributes
    ----------
    connection : psycopg.Connection
        In the transaction of bulk mode.
    records : int
    orphans : int or None
        Counted at the end.

    """

    connection: psycopg.Connection[Any]
    records: int = 0
    orphans: int | None = None


@contextmanager
def bulk_mode(
    connection: psycopg.Connection[Any],
    store: Store,
    target: Target,
    operation: str,
    *,
    most_orphans: int | None = None,
) -> Iterator[Bulk]:
    """Run a block in one transaction in which relationships are not validated row by row.

    Parameters
    ----------
    connection : psycopg.Connection
        Of the role that loads, outside a transaction.
    store : Store
        Where it is logged, also when it fails.
    target : Target
        Its policy names the functions (`relationships.bulk`).
    operation : str
        What is done, for the log and the audit entry.
    most_orphans : int, optional
        With more at the end, all of it is taken back; default: they are only counted and told.

    Raises
    ------
    ConfigurationError
        The target declares no bulk mode, or the connection is in a transaction.
    BulkModeError
        The role may not, or there were more orphans than allowed.

    """
    rule = require_policy(target).relationships
    if rule is None or rule.bulk is None:
        raise ConfigurationError(
            f"target {target.name!r} declares no bulk mode",
            "name its functions in relationships.bulk",
        )
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        raise ConfigurationError(
            "bulk mode is a transaction of its own", "commit or roll back before it"
        )
    begin = sql.SQL("SELECT /* perf-pipeline */ {}()").format(qualified(rule.bulk.begin))
    end = sql.SQL("SELECT /* perf-pipeline */ {}(%s, %s)").format(qualified(rule.bulk.end))
    with MaintenanceLog(store, target.name) as log, log.operation(OPERATION, rule.table) as entry:
        entry.detail["what"] = operation
        bulk = Bulk(connection)
        with connection.transaction():
            try:
                connection.execute(begin)
            except pg_errors.InsufficientPrivilege as error:
                raise BulkModeError(
                    f"role {connection.info.user!r} may not begin bulk mode: "
                    f"{str(error).splitlines()[0]}",
                    f"GRANT EXECUTE ON FUNCTION {rule.bulk.begin}() to it, if it should",
                ) from error
            yield bulk
            row = connection.execute(end, (operation, bulk.records)).fetchone()
            bulk.orphans = None if row is None else row[0]
            entry.rows = bulk.records
            entry.detail["orphans"] = bulk.orphans
            if most_orphans is not None and (bulk.orphans or 0) > most_orphans:
                raise BulkModeError(
                    f"{operation}: {bulk.orphans:,} relationships lead nowhere, more than "
                    f"{most_orphans:,}: all of it was taken back",
                    "load what they lead to in the same bulk operation",
                )


def recent(store: Store, target_name: str) -> list[dict[str, Any]]:
    """Return the bulk operations that began within the last day, newest first.

    Returns
    -------
    list of dict
        `operation`, `began`, `outcome`, `records`, `minutes` (of the operation; None while it
        runs), `orphans`, `note`.

    """
    rows = store.rows("upkeep_bulk_operations", {"target": target_name, "operation": OPERATION})
    return [{**row, "note": note(row["minutes"], row["orphans"])} for row in rows]


def note(minutes: float | None, orphans: int | None) -> str:
    """Return what stands out of a bulk operation, empty where nothing does. Pure."""
    found = []
    if minutes is not None and minutes > SLOW_MINUTES:
        found.append("SLOW: more than an hour")
    if orphans is not None and orphans > MANY_ORPHANS:
        found.append(f"HIGH ORPHAN COUNT: more than {MANY_ORPHANS}")
    return "; ".join(found)
