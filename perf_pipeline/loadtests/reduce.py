"""What was measured in a load test, reduced to what is kept and judged; pure."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from perf_pipeline.loadtests import latency
from perf_pipeline.loadtests.scenario import Limits

#: Points of a time series at most: 10 s each in a run of 30 minutes, 1 s in a short one.
MOST_POINTS: Final = 180
_STEPS: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_HOST: Final = ("cpu_user", "cpu_system", "cpu_idle", "cpu_iowait", "cpu_steal")
_COUNTED: Final = (
    "calls",
    "rows",
    "shared_blks_hit",
    "shared_blks_read",
    "shared_blks_dirtied",
    "shared_blks_written",
    "temp_blks_read",
    "temp_blks_written",
    "wal_bytes",
)
_KEY: Final = ("userid", "dbid", "queryid", "toplevel")


@dataclass(frozen=True)
class Totals:
    """A run or a stage as a whole; latencies in ms, None where nothing succeeded."""

    seconds: float
    transactions: int
    failed: int
    skipped: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @property
    def throughput_tps(self) -> float:
        """Transactions that succeeded, per second."""
        return self.transactions / self.seconds

    @property
    def error_percent(self) -> float | None:
        """Failed of all that were begun; None: none was."""
        begun = self.transactions + self.failed
        return 100.0 * self.failed / begun if begun else None


def totals(transactions: pl.DataFrame, seconds: float) -> Totals:
    """Return the totals of transactions (`latency.read_logs`) in so many seconds."""
    (row,) = latency.percentiles(transactions, None).to_dicts()
    return Totals(seconds=seconds, **row)


def broken(limits: Limits, whole: Totals) -> list[str]:
    """Return which of a scenario's limits a run did not keep, one sentence each.

    What was not measured of latency and errors did not keep its limit.
    """
    most = {
        "average latency": (whole.mean_ms, limits.average_ms, "ms"),
        "p95": (whole.p95_ms, limits.p95_ms, "ms"),
        "error rate": (whole.error_percent, limits.error_percent, "%"),
    }
    if limits.p99_ms is not None:
        most["p99"] = (whole.p99_ms, limits.p99_ms, "ms")
    found = []
    for name, (value, limit, unit) in most.items():
        if value is None or not math.isfinite(value):
            found.append(f"{name} was not measured")
        elif value > limit:
            found.append(f"{name} {value:.4g} {unit} is above {limit:g} {unit}")
    if whole.throughput_tps < limits.throughput_tps:
        found.append(
            f"throughput {whole.throughput_tps:.4g} tps is below {limits.throughput_tps:g} tps"
        )
    return found


def strained(limits: Limits, machine: Mapping[str, float | None]) -> list[str]:
    """Return where the machine was beyond a scenario's limits, one sentence each.

    A word of caution, not a limit that broke: the load's own generator is part of it, where it runs
    on the same machine.
    """
    most = {"CPU": ("cpu_percent", limits.cpu_percent),
            "memory": ("memory_percent", limits.memory_percent)}  # fmt: skip
    return [
        f"{name} {value:.4g} % is above {limit:g} % (the load generator's share included)"
        for name, (column, limit) in most.items()
        if (value := machine.get(column)) is not None and value > limit
    ]


def step(seconds: float) -> int:
    """Return the length (s) of a point of a time series over so many seconds."""
    return next((each for each in _STEPS if seconds / each <= MOST_POINTS), _STEPS[-1])


def series(transactions: pl.DataFrame, stages: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a run's time series as rows of perf_mgmt.performance_metrics.

    Parameters
    ----------
    transactions : polars.DataFrame
        Of all stages, ramps included.
    stages : sequence of mapping
        `name`, `users`, `start`, `end` (naive UTC), in order.

    Returns
    -------
    polars.DataFrame
        `ts`, `metric_type` (`response_time`, `throughput`, `connections`), `name` (`p50`, `p95`,
        `p99`, `transactions`, `failed`, `users`), `value`, `unit`, `context` (JSON: the stage).

    """
    if transactions.is_empty():
        return pl.DataFrame(schema=_METRICS)
    length = transactions.select(pl.col("ts").max() - pl.col("ts").min()).item()
    seconds = step(length.total_seconds())
    points = latency.time_series(transactions, f"{seconds}s", None)
    parts = [
        _points(points, "response_time", level, pl.col(f"{level}_ms"), "ms")
        for level in ("p50", "p95", "p99")
    ]
    parts += [
        _points(points, "throughput", name, pl.col(name) / seconds, "1/s")
        for name in ("transactions", "failed")
    ]
    whole = pl.concat(parts).drop_nulls("value").sort("ts")
    begun = pl.DataFrame(
        [{"begun": each["start"], "context": json.dumps({"stage": each["name"]})}
         for each in stages],
        schema={"begun": pl.Datetime("us"), "context": pl.String},
    ).sort("begun")  # fmt: skip
    placed = whole.join_asof(begun, left_on="ts", right_on="begun", strategy="backward")
    users = pl.DataFrame(
        [
            {
                "ts": each["start"], "metric_type": "connections", "name": "users",
                "value": float(each["users"]), "unit": "users",
                "context": json.dumps({"stage": each["name"]}),
            }
            for each in stages
        ],
        schema=_METRICS,
    )  # fmt: skip
    return pl.concat([placed.select(*_METRICS), users])


_METRICS: Final = {
    "ts": pl.Datetime("us"),
    "metric_type": pl.String(),
    "name": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
    "context": pl.String(),
}


def _points(points: pl.DataFrame, kind: str, name: str, value: pl.Expr, unit: str) -> pl.DataFrame:
    return points.select(
        "ts",
        metric_type=pl.lit(kind),
        name=pl.lit(name),
        value=value.cast(pl.Float64),
        unit=pl.lit(unit),
    )


def queries(rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Return what each statement did, as rows of perf_mgmt.query_performance.

    Parameters
    ----------
    rows : polars.DataFrame
        Of ledger.statements: key, counters, `total_exec_time`, `exec_time_squares`, of the sweeps
        of the run.
    texts : polars.DataFrame
        `userid`, `dbid`, `queryid`, `query` (redacted).

    """
    summed = rows.group_by(_KEY).agg(
        *(pl.col(name).sum() for name in _COUNTED),
        total_ms=pl.col("total_exec_time").sum(),
        squares=pl.col("exec_time_squares").sum(),
        io_read_ms=pl.col("blk_read_time").sum(),
        io_write_ms=pl.col("blk_write_time").sum(),
    )
    variance = pl.col("squares") / pl.col("calls") - (pl.col("total_ms") / pl.col("calls")) ** 2
    joined = (
        summed.filter(pl.col("calls") > 0)
        .join(texts, on=["userid", "dbid", "queryid"], how="left")
        .sort("total_ms", *_KEY, descending=[True, False, False, False, False])
    )
    hashes = [_hash(row) for row in joined.select("queryid", "query").iter_rows()]
    return joined.with_columns(
        stddev_ms=variance.clip(0.0).sqrt(),
        query_hash=pl.Series(hashes, dtype=pl.String),
        query_type=pl.col("query").str.extract(r"(?i)^\W*([a-z]+)").str.to_uppercase(),
    ).drop("squares")


def _hash(row: tuple[int, str | None]) -> str:
    queryid, query = row
    return hashlib.sha256((query or f"queryid {queryid}").encode()).hexdigest()


def host(rows: pl.DataFrame) -> dict[str, float | None]:
    """Return what the machine was busy with; None: not known.

    Parameters
    ----------
    rows : polars.DataFrame
        Of ledger.host with `begin` and `ts`, in order: the intervals of the run.

    Returns
    -------
    dict
        `cpu_percent` (of all processors, pgbench included), `memory_percent` (at the end),
        `disk_mb_per_s` (read and written, of the data directory's disk).

    """
    if rows.is_empty():
        return dict.fromkeys(("cpu_percent", "memory_percent", "disk_mb_per_s"))
    times = {name: math.fsum(rows[f"{name}_seconds"].drop_nulls()) for name in _HOST}
    whole = math.fsum(times.values())
    last = rows.row(-1, named=True)
    total, free = last["memory_total_bytes"], last["memory_available_bytes"]
    seconds = math.fsum((rows["ts"] - rows["begin"]).dt.total_microseconds()) / 1e6
    moved = rows.select("disk_read_bytes", "disk_write_bytes")
    known = seconds > 0 and not any(column.null_count() for column in moved)
    return {
        "cpu_percent": (
            100.0 * (times["cpu_user"] + times["cpu_system"]) / whole if whole > 0 else None
        ),
        "memory_percent": 100.0 * (total - free) / total if total and free is not None else None,
        "disk_mb_per_s": math.fsum(map(math.fsum, moved)) / seconds / 1e6 if known else None,
    }


#: What `host` says -> its type and unit in the time series.
_MACHINE: Final = {
    "cpu_percent": ("cpu", "%"),
    "memory_percent": ("memory", "%"),
    "disk_mb_per_s": ("disk_io", "MB/s"),
}


def host_series(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what the machine did from sweep to sweep, as rows of perf_mgmt.performance_metrics.

    One point an interval, at its end: as many as the target was swept while the run lasted. What
    was not told has none.

    Parameters
    ----------
    rows : polars.DataFrame
        As for `host`.

    """
    points = [
        {
            "ts": rows["ts"][number],
            "metric_type": _MACHINE[name][0],
            "name": "server",
            "value": value,
            "unit": _MACHINE[name][1],
            "context": None,
        }
        for number in range(rows.height)
        for name, value in host(rows[number : number + 1]).items()
        if value is not None
    ]
    return pl.DataFrame(points, schema=_METRICS)
