"""Rows that go in batches: each its own short transaction, with pauses, never behind a lock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import BusyError
from perf_pipeline.postgres import lock_budget
from perf_pipeline.postgres.lock_budget import Spent
from perf_pipeline.store.maintenance_log import Entry
from perf_pipeline.upkeep import catalog, orphan_search
from perf_pipeline.upkeep.model import Also, Retention
from perf_pipeline.upkeep.step import Step
from perf_pipeline.upkeep.work import Worker

#: Longest transaction of a batch, ms: whoever wants one of its rows waits so long at most. A batch
#: that takes longer is taken back and made half as large.
BATCH_MS: Final = 1_000
#: How often a batch that met a new reference to one of its rows is tried again.
_AGAIN: Final = 3

Batch = Callable[[int], tuple[int, bool]]


def delete(worker: Worker, step: Step, entry: Entry) -> None:
    """Delete the rows of one table or partition that are too old.

    Raises
    ------
    BusyError
        A lock was not got within the budget, or a standby stayed behind; what is deleted stays so.

    """
    rule = worker.policy.retention[step.detail["rule"]]
    cutoff = _cutoff(step)
    after: list[Any] = []
    spent = Spent()

    def batch(rows: int) -> tuple[int, bool]:
        last, count = lock_budget.run_transaction(
            worker.connection,
            lambda connection: _delete_one(connection, rule, step, cutoff, after[-1:], rows),
            worker.budget,
            spent=spent,
            relations=[step.detail["relid"]],
            statement_timeout_ms=BATCH_MS,
            what=f"old rows of {step.object_name}",
        )
        if count:
            after[:] = [last]
        return count, count >= rows

    entry.detail["before"] = str(cutoff)
    _in_batches(worker, entry, worker.policy.cleanup.batch_rows, batch, spent)


def archive(worker: Worker, step: Step, entry: Entry) -> None:
    """Mark relationships an end of which is gone as archived.

    Raises
    ------
    BusyError
        As `delete`.

    """
    rule = worker.policy.relationships
    if rule is None:  # pragma: no cover - such a step comes from the rule
        return
    source, target = step.detail["source_table"], step.detail["target_table"]
    connection = worker.connection
    ends = orphan_search.ends(connection, rule, [{"source_table": source, "target_table": target}])
    parts = {**orphan_search.places(rule), **orphan_search.sides(rule, ends, source, target)}
    before = datetime.now(UTC) - timedelta(minutes=rule.minimum_age_minutes)
    after: list[Any] = []
    spent = Spent()

    def batch(rows: int) -> tuple[int, bool]:
        beyond = (
            sql.SQL("r.{} > {}").format(sql.Identifier(rule.key), sql.Literal(after[-1]))
            if after
            else sql.SQL("true")
        )
        values = {
            "source_table": source,
            "target_table": target,
            "before": before,
            "rows": rows,
        }
        (found,) = lock_budget.run_transaction(
            connection,
            lambda using: catalog.rows(
                using, "orphans_archive", values, {**parts, "after": beyond}
            ),
            worker.budget,
            spent=spent,
            statement_timeout_ms=BATCH_MS,
            what=f"archive orphans of {step.object_name}",
        )
        if found["rows"]:
            after[:] = [found["last"]]
        return found["rows"], found["rows"] >= rows

    entry.detail["path"] = f"{source} -> {target}"
    size = rule.batch_rows or worker.policy.cleanup.batch_rows
    _in_batches(worker, entry, size, batch, spent)


def _in_batches(worker: Worker, entry: Entry, size: int, batch: Batch, spent: Spent) -> None:
    """Repeat a batch until nothing is left or the time is over, and count in `entry.rows`."""
    try:
        _repeat(worker, entry, size, batch)
    finally:
        entry.lock_wait_ms = spent.waited_ms
        entry.detail["longest_ms"] = round(spent.longest_ms, 1)


def _repeat(worker: Worker, entry: Entry, size: int, batch: Batch) -> None:
    rows, entry.rows = size, 0
    count, failures = 0, 0
    while True:
        if worker.left <= 0:
            entry.detail["note"] = "the time of this run is over: the rest is left to the next"
            break
        _wait_for_standbys(worker)
        try:
            done, more = batch(rows)
        except pg_errors.QueryCanceled:
            if rows == 1:
                raise
            rows = max(1, rows // 2)
            continue
        except pg_errors.ForeignKeyViolation:
            # a row came to refer to one of these in between: the next look sees it
            failures += 1
            if failures > _AGAIN:
                raise
            continue
        entry.rows += done
        count += done > 0
        entry.detail["batches"] = count
        if not more:
            break
        time.sleep(worker.policy.cleanup.pause_ms / 1000.0)
    if rows < size:
        entry.detail["batch_rows"] = rows


def _wait_for_standbys(worker: Worker) -> None:
    """Wait while a standby is too far behind.

    Raises
    ------
    BusyError
        It stayed so for `most_lag_wait_seconds`, or to the end of this run.

    """
    limits = worker.policy.cleanup
    until = time.monotonic() + min(limits.most_lag_wait_seconds, max(worker.left, 0.0))
    while True:
        (found,) = catalog.rows(worker.connection, "lag")
        lag = found["lag_bytes"]
        if lag is None or lag <= limits.most_lag_mb * 1e6:
            return
        if time.monotonic() >= until:
            raise BusyError(
                f"standby {found['name'] or '(unnamed)'} is {lag / 1e6:,.1f} MB behind, "
                f"more than most_lag_mb ({limits.most_lag_mb:g})",
                "what was done stays done; the rest is left to the next time",
            )
        time.sleep(0.1)


def _cutoff(step: Step) -> object:
    """Return the moment as the column's type has it; one without a zone is taken for UTC."""
    cutoff: datetime = step.detail["cutoff"].astimezone(UTC)
    if step.detail["type"] == "date":
        return cutoff.date()
    return cutoff if "with time zone" in step.detail["type"] else cutoff.replace(tzinfo=None)


def _delete_one(
    connection: Any, rule: Retention, step: Step, cutoff: object, after: list[Any], rows: int
) -> tuple[Any, int]:
    """Delete one batch and what goes with it; return the age of its last row and its size."""
    places = _places(rule, step)
    beyond = [
        sql.SQL("t.{} >= {}").format(sql.Identifier(rule.column), sql.Literal(value))
        for value in after
    ]
    along = sorted({name for also in rule.also for name in also.columns})
    returned = [rule.column, *(name for name in along if name != rule.column)]
    gone = catalog.rows(
        connection,
        "delete_batch",
        {"cutoff": cutoff, "rows": rows},
        {
            **places,
            "conditions": sql.SQL(" AND ").join([places["conditions"], *beyond]),
            "returned": sql.SQL(", ").join(
                sql.SQL("t.{}").format(sql.Identifier(name)) for name in returned
            ),
        },
    )
    for also in rule.also:
        _delete_also(connection, also, gone)
    return max((row[rule.column] for row in gone), default=None), len(gone)


def is_due(connection: Any, rule: Retention, step: Step) -> bool:
    """Return whether a table has a row to delete; one that takes too long to find may be there."""
    try:
        (found,) = catalog.rows(
            connection, "delete_due", {"cutoff": _cutoff(step)}, _places(rule, step)
        )
    except (pg_errors.QueryCanceled, pg_errors.LockNotAvailable):
        return True
    return bool(found["is_due"])


def _places(rule: Retention, step: Step) -> dict[str, sql.Composable]:
    conditions: list[sql.Composable] = [
        sql.SQL("t.{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in rule.only.items()
    ]
    conditions += [_not_kept(keeper) for keeper in step.detail["keepers"]]
    return {
        "table": sql.Identifier(step.detail["schema_name"], step.detail["table_name"]),
        "column": sql.Identifier(rule.column),
        "conditions": sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true"),
    }


def _not_kept(keeper: Any) -> sql.Composable:
    same = sql.SQL(" AND ").join(
        sql.SQL("k.{} = t.{}").format(sql.Identifier(theirs), sql.Identifier(ours))
        for theirs, ours in zip(keeper.columns, keeper.to_columns, strict=True)
    )
    return sql.SQL("NOT EXISTS (SELECT FROM {} AS k WHERE {})").format(
        sql.Identifier(keeper.schema_name, keeper.table_name), same
    )


def _delete_also(connection: Any, also: Also, gone: list[dict[str, Any]]) -> None:
    if not gone:
        return
    names = [sql.Identifier(f"c{place}") for place in range(len(also.columns))]
    values = [[row[ours] for row in gone] for ours in also.columns]
    catalog.rows(
        connection,
        "delete_also",
        {f"values{place}": column for place, column in enumerate(values)},
        {
            "table": orphan_search.qualified(also.table),
            "arrays": sql.SQL(", ").join(
                sql.SQL("pg_catalog.unnest({})").format(sql.Placeholder(f"values{place}"))
                for place in range(len(values))
            ),
            "names": sql.SQL(", ").join(names),
            "matches": sql.SQL(" AND ").join(
                sql.SQL("a.{} = k.{}").format(sql.Identifier(theirs), name)
                for theirs, name in zip(also.columns.values(), names, strict=True)
            ),
        },
    )
