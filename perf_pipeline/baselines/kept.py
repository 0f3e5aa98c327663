"""The baselines of load tests in the store: one active of each kind, all former ones kept.

Whoever changes baselines of a test holds its row, so that two at once come one after the other and
leave one active; the partial unique index says the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.baselines import rolling, run_machine
from perf_pipeline.baselines.judge_run import Baseline
from perf_pipeline.baselines.rolling import Line, Row
from perf_pipeline.baselines.run_work import Statement, Work
from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import Thresholds

_FILTERS: Final = ("baseline_id", "test_id", "test_name", "target", "environment", "server_major")
#: Columns of a baseline's thresholds, by their name in `Thresholds`.
_THRESHOLDS: Final = {
    "response_time_percent": "response_time_threshold_percent",
    "throughput_percent": "throughput_threshold_percent",
    "error_rate_points": "error_rate_threshold_points",
    "resource_points": "resource_threshold_points",
}
#: Executions looked at for one line: 30 days of 16 runs a day.
_NEWEST: Final = 500


@dataclass(frozen=True)
class Change:
    """What became of a line's rolling baseline, and why."""

    line: Line
    action: str
    note: str
    baseline_id: int | None = None
    runs: int = 0


def rows_in(
    connection: psycopg.Connection, name: str, params: Mapping[str, object]
) -> Sequence[Row]:
    """Run the statement of `sql/store/<name>.sql` inside a transaction of the caller's."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(f"store/{name}").text, dict(params))
        return cursor.fetchall()


def listed(store: Store, *, active: bool = True, **chosen: object) -> Sequence[Row]:
    """Return baselines, newest first within a line.

    Parameters
    ----------
    store : Store
    active : bool
        Only those that hold; else the retired ones as well.
    **chosen
        Any of `baseline_id`, `test_id`, `test_name`, `target`, `environment`, `server_major`.

    """
    with store.begin() as connection:
        return _listed(connection, active=active, **chosen)


def _listed(connection: psycopg.Connection, *, active: bool, **chosen: object) -> Sequence[Row]:
    params = {**dict.fromkeys(_FILTERS), "active": active, **chosen}
    return rows_in(connection, "baseline_rows", params)


def active(connection: psycopg.Connection, line: Line) -> list[Baseline]:
    """Return a line's active baselines, for `judge_run.judge`."""
    found = _listed(connection, active=True, **line.as_dict())
    ids = sorted({each for row in found for each in row["source_execution_ids"]})
    known = {
        each["execution_id"]: each
        for each in rows_in(connection, "execution_circumstances", {"executions": ids})
    }
    done = work(connection, ids)

    def baseline(row: Row) -> Baseline:
        of = [known[each] for each in row["source_execution_ids"]]
        sizes = [each["data_bytes"] for each in of if each["data_bytes"] is not None]
        return Baseline(
            baseline_type=row["baseline_type"],
            level=replace(
                rolling.run_of(row),
                reference=run_machine.middle([each["reference"] for each in of]),
                data_bytes=int(median(sizes)) if sizes else None,
            ),
            thresholds=Thresholds(**{n: row[column] for n, column in _THRESHOLDS.items()}),
            baseline_id=row["baseline_id"],
            runs=len(row["source_execution_ids"]),
            source=row["source_execution_id"],
            work=tuple(
                (done[each["execution_id"]], each["transactions"] or 0)
                for each in of
                if each["execution_id"] in done
            ),
        )

    return [baseline(row) for row in found]


def work(connection: psycopg.Connection, ids: Sequence[UUID]) -> dict[UUID, Work]:
    """Return what each statement did in some executions; one nobody counted in is absent."""
    found: dict[UUID, dict[str, Statement]] = {}
    for row in rows_in(connection, "execution_work", {"executions": list(ids)}):
        found.setdefault(row["execution_id"], {})[row["query_hash"]] = Statement(
            row["calls"], row["blocks"], row["query"] or ""
        )
    return dict(found)


def history(connection: psycopg.Connection, line: Line) -> tuple[list[Row], UUID | None]:
    """Return the executions of a line that count, oldest first, and the one declared normal.

    Where somebody has set a MANUAL baseline, what ran before its execution counts no more.
    """
    rows = list(executions.read_in(connection, **line.as_dict(), ended=True, newest=_NEWEST))
    manual = [
        row
        for row in _listed(connection, active=True, **line.as_dict())
        if row["baseline_type"] == "MANUAL"
    ]
    if not manual:
        return rows, None
    since, declared = manual[0]["source_started_at"], manual[0]["source_execution_id"]
    return [row for row in rows if row["started_at"] >= since], declared


def update(store: Store, line: Line, now: datetime | None = None) -> Change:
    """Bring the INITIAL and ROLLING baselines of a line up to date, in one transaction.

    INITIAL is set once, from the first three good executions. ROLLING rests on the last ten good
    ones of the last 30 days; it stays as it is while a regression is open, or nothing good ran.

    Parameters
    ----------
    store : Store
    line : Line
    now : datetime, optional
        With time zone; default: now.

    Returns
    -------
    Change
        `action` is `set`, `unchanged`, `frozen`, `kept` or `none` (nothing to set it from).

    """
    with store.begin() as connection:
        rows_in(connection, "baseline_lock", {"test_id": line.test_id})
        return update_in(connection, line, now or datetime.now(UTC))


def update_in(connection: psycopg.Connection, line: Line, now: datetime) -> Change:
    """Do as `update` does, inside a transaction that holds the test's row."""
    known = _listed(connection, active=False, **line.as_dict())
    rows, declared = history(connection, line)
    first = rolling.good(rows, declared)[: rolling.INITIAL_RUNS]
    has_initial = any(row["baseline_type"] == "INITIAL" for row in known)
    if len(first) == rolling.INITIAL_RUNS and not has_initial:
        note = f"median of the first {len(first)} good executions"
        _insert(connection, line, "INITIAL", first, note)
    regressed = rolling.open_regression(rows, declared)
    if regressed is not None:
        return Change(line, "frozen", f"a regression is open since execution {regressed}")
    chosen = rolling.members(rows, now, declared)
    current = next((r for r in known if r["is_active"] and r["baseline_type"] == "ROLLING"), None)
    if not chosen:
        note = f"no good execution within {rolling.WINDOW.days} days"
        return Change(line, "kept" if current else "none", note)
    ids = [row["execution_id"] for row in chosen]
    if current is not None and current["source_execution_ids"] == ids:
        return Change(line, "unchanged", "no other executions", current["baseline_id"], len(ids))
    if current is not None:
        _retire(connection, current["baseline_id"], "followed by a newer one")
    note = f"median of the last {len(ids)} good executions within {rolling.WINDOW.days} days"
    return Change(line, "set", note, _insert(connection, line, "ROLLING", chosen, note), len(ids))


def update_all(store: Store, now: datetime | None = None) -> list[Change]:
    """Bring the baselines of every active test up to date; each line in its own transaction."""
    return [update(store, Line.of(row), now) for row in store.rows("execution_lines")]


def set_manual(
    store: Store,
    execution_id: UUID,
    note: str = "",
    thresholds: Thresholds | None = None,
    now: datetime | None = None,
) -> int:
    """Declare an execution normal: a MANUAL baseline, which is the anchor instead of INITIAL.

    The rolling baseline begins anew with this execution, and a regression that was open before it
    is closed.

    Parameters
    ----------
    store : Store
    execution_id : UUID
    note : str
        Why; kept with the baseline.
    thresholds : Thresholds, optional
        Default: the test's.
    now : datetime, optional

    Returns
    -------
    int
        The number of the new baseline.

    Raises
    ------
    InputError
        The execution is not recorded, did not complete, or lacks a number.

    """
    with store.begin() as connection:
        row = executions.get(connection, execution_id)
        if not rolling.run_of(row).has_data:
            raise InputError(
                f"execution {execution_id} ({row['status']}) lacks a number a baseline needs",
                "choose one that completed, with p95, p99, throughput and counts",
            )
        line = Line.of(row)
        rows_in(connection, "baseline_lock", {"test_id": line.test_id})
        for each in _listed(connection, active=True, **line.as_dict()):
            if each["baseline_type"] != "INITIAL":
                _retire(connection, each["baseline_id"], f"execution {execution_id} set as MANUAL")
        made = _insert(connection, line, "MANUAL", [row], note, thresholds)
        update_in(connection, line, now or datetime.now(UTC))
        return made


def retire(store: Store, baseline_id: int, note: str = "") -> Row:
    """Retire a ROLLING or MANUAL baseline; it stays in the table, with the note.

    Parameters
    ----------
    store : Store
    baseline_id : int
    note : str

    Returns
    -------
    Mapping
        The baseline as it is now.

    Raises
    ------
    InputError
        There is none of this number, it is retired already, or it is INITIAL.

    """
    with store.begin() as connection:
        found = _listed(connection, active=False, baseline_id=baseline_id)
        if not found:
            raise InputError(
                f"baseline {baseline_id} does not exist", "see `perf-pipeline baseline list --all`"
            )
        rows_in(connection, "baseline_lock", {"test_id": found[0]["test_id"]})
        if found[0]["baseline_type"] == "INITIAL":
            raise InputError(
                f"baseline {baseline_id} is the INITIAL one, which never moves",
                "declare another execution normal: `perf-pipeline baseline set`",
            )
        if not _retire(connection, baseline_id, note or "retired by hand"):
            raise InputError(f"baseline {baseline_id} is retired already", "nothing is left to do")
        return _listed(connection, active=False, baseline_id=baseline_id)[0]


def _retire(connection: psycopg.Connection, baseline_id: int, note: str) -> bool:
    params = {"baseline_id": baseline_id, "notes": note}
    return bool(rows_in(connection, "baseline_retire", params))


def _insert(
    connection: psycopg.Connection,
    line: Line,
    kind: str,
    rows: Sequence[Row],
    note: str,
    thresholds: Thresholds | None = None,
) -> int:
    chosen = thresholds or Thresholds.of(rows[-1]["baseline_thresholds"])
    params: dict[str, Any] = {
        **line.as_dict(),
        **rolling.level(rows, chosen),
        "baseline_type": kind,
        "notes": note,
    }
    return int(rows_in(connection, "baseline_insert", params)[0]["baseline_id"])
