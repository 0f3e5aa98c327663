"""Read the facts of executions from the store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from perf_pipeline.errors import InputError
from perf_pipeline.reports.loadtests.assemble import newest
from perf_pipeline.reports.loadtests.model import HISTORY, MOST_EXECUTIONS, Facts, Row
from perf_pipeline.store import Store, executions, run_events

_BASELINE_FILTERS: Final = (
    *("baseline_id", "test_id", "test_name", "target", "environment", "server_major"),
)
_LINE: Final = ("test_id", "target", "environment", "server_major")


def facts(store: Store, execution_id: UUID, now: datetime | None = None) -> Facts:
    """Return what the store knows of one execution.

    Raises
    ------
    InputError
        It is not recorded.

    """
    with store.begin() as connection:
        row = executions.get(connection, execution_id)
    line = {name: row[name] for name in _LINE}
    history = list(executions.read(store, **line, before=None, newest=HISTORY))
    if not any(each["execution_id"] == execution_id for each in history):
        history = [
            *executions.read(store, **line, before=row["started_at"], newest=HISTORY - 1),
            row,
        ]
    baselines = _baselines(store, row)
    # the one of most runs says best what is usual
    normal = max(baselines, key=lambda each: len(each["source_execution_ids"]), default=None)
    sources = [] if normal is None else list(normal["source_execution_ids"])
    operations = _by_run(store, "run_operations", [execution_id, *sources])
    statements = _by_run(store, "run_statements", [execution_id, *sources])
    return Facts(
        row,
        operations.get(execution_id, []),
        statements.get(execution_id, []),
        store.rows("run_metrics", {"execution_id": execution_id}),
        run_events.read(store, execution_id),
        baselines,
        normal,
        [operations[each] for each in sources if each in operations],
        [statements[each] for each in sources if each in statements],
        history,
        now or datetime.now(UTC),
    )


def _baselines(store: Store, row: Row) -> list[Row]:
    told = (row["comparison"] or {}).get("rows") or ()
    ids = sorted({each["baseline_id"] for each in told if each["baseline_id"] is not None})
    empty = {**dict.fromkeys(_BASELINE_FILTERS), "active": False}
    return [
        found
        for each in ids
        for found in store.rows("baseline_rows", {**empty, "baseline_id": each})
    ]


def _by_run(store: Store, name: str, ids: Sequence[UUID]) -> dict[UUID, list[Mapping[str, Any]]]:
    found: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in store.rows(name, {"execution_ids": list(ids)}):
        found.setdefault(row["execution_id"], []).append(row)
    return found


def ranged(
    store: Store, since: datetime, before: datetime, target: str | None = None
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return the executions that began in `[since, before)`, and the statements of the newest.

    Raises
    ------
    InputError
        The range is empty.

    """
    if not since < before:
        raise InputError(f"the range from {since} to {before} is empty", "give the earlier first")
    # one more than are looked at tells that there are more
    rows = executions.read(
        store, since=since, before=before, target=target, newest=10 * MOST_EXECUTIONS
    )
    ids = [row["execution_id"] for row in newest(rows)]
    return rows, store.rows("run_statements", {"execution_ids": ids})


def newest_of(store: Store, target: str, test: str | None = None) -> UUID:
    """Return the newest execution on a target, of one test or of any.

    Raises
    ------
    InputError
        There is none.

    """
    rows = [
        row
        for row in executions.read(store, target=target, newest=MOST_EXECUTIONS)
        if test is None or row["test_name"] == test or row["test_name"].startswith(f"{test}/")
    ]
    if not rows:
        raise InputError(
            f"target {target!r} has no execution" + (f" of {test!r}" if test else ""),
            "run one: perf-pipeline loadtest SCENARIO --target NAME",
        )
    found: UUID = rows[-1]["execution_id"]
    return found
