import json
import math
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.loadtests import latency, reduce
from perf_pipeline.loadtests.reduce import Totals
from perf_pipeline.loadtests.scenario import Limits

T0 = datetime(2026, 3, 1, 12)
LIMITS = Limits(average_ms=200, p95_ms=500, throughput_tps=100, error_percent=2)


def transactions(*latencies: float | None, every: float = 1.0) -> pl.DataFrame:
    """Return one transaction `every` seconds; None: failed."""
    return pl.DataFrame(
        [
            (
                T0 + timedelta(seconds=every * number), "a", 0, each, None,
                "failed" if each is None else "ok",
            )
            for number, each in enumerate(latencies)
        ],
        schema={**latency.schema(["a"]), "script": pl.String()},
        orient="row",
    )  # fmt: skip


def whole(**changes: Any) -> Totals:
    usual = {
        "seconds": 10.0, "transactions": 1_000, "failed": 0, "skipped": 0, "mean_ms": 100.0,
        "p50_ms": 90.0, "p95_ms": 300.0, "p99_ms": 400.0, "max_ms": 450.0,
    }  # fmt: skip
    return Totals(**(usual | changes))


def test_totals_count_what_succeeded() -> None:
    found = reduce.totals(transactions(10.0, 20.0, 30.0, None), 2.0)
    assert (found.transactions, found.failed, found.mean_ms) == (3, 1, 20.0)
    assert found.throughput_tps == 1.5
    assert found.error_percent == 25.0
    empty = reduce.totals(transactions(), 2.0)
    assert (empty.throughput_tps, empty.error_percent, empty.p95_ms) == (0.0, None, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"mean_ms": 200.0, "p95_ms": 500.0, "transactions": 1_000}, []),
        ({"mean_ms": 201.0}, ["average latency 201 ms is above 200 ms"]),
        ({"p95_ms": 600.0}, ["p95 600 ms is above 500 ms"]),
        ({"transactions": 990}, ["throughput 99 tps is below 100 tps"]),
        ({"failed": 100}, ["error rate 9.091 % is above 2 %"]),
        (
            {"transactions": 0, "mean_ms": None, "p95_ms": None},
            [
                "average latency was not measured",
                "p95 was not measured",
                "error rate was not measured",
                "throughput 0 tps is below 100 tps",
            ],
        ),
        ({"mean_ms": math.nan}, ["average latency was not measured"]),
    ],
)
def test_a_limit_is_kept_or_named(changes: dict[str, Any], said: list[str]) -> None:
    assert reduce.broken(LIMITS, whole(**changes)) == said


def test_a_strained_machine_is_told_where_it_is_known() -> None:
    said = "(the load generator's share included)"
    assert reduce.strained(LIMITS, {"cpu_percent": 80.5, "memory_percent": 95.0}) == [
        f"CPU 80.5 % is above 80 % {said}",
        f"memory 95 % is above 90 % {said}",
    ]
    assert reduce.strained(LIMITS, {"cpu_percent": 80.0, "memory_percent": None}) == []
    assert reduce.strained(LIMITS, {}) == []


@given(st.floats(0.1, 100_000))
def test_a_time_series_has_few_points(seconds: float) -> None:
    step = reduce.step(seconds)
    assert seconds / step <= reduce.MOST_POINTS or step == 600


def test_a_time_series_names_its_stages() -> None:
    stages = [
        {"name": "ramp", "users": 5, "start": T0, "end": T0},
        {"name": "steady", "users": 10, "start": T0 + timedelta(seconds=3), "end": T0},
    ]
    found = reduce.series(transactions(10.0, 20.0, None, 30.0, 40.0), stages)
    counted = found.filter(name="transactions").sort("ts")
    assert counted["value"].to_list() == [1.0, 1.0, 0.0, 1.0, 1.0]
    assert [json.loads(each)["stage"] for each in counted["context"]] == [
        *("ramp", "ramp", "ramp", "steady", "steady"),
    ]
    assert found.filter(name="users").sort("ts")["value"].to_list() == [5.0, 10.0]
    # nothing succeeded in the third second: no latency, and none is made up
    assert found.filter(name="p95").height == 4
    assert (
        found.select(pl.struct("ts", "metric_type", "name").is_duplicated().any()).item() is False
    )
    assert reduce.series(transactions(), []).is_empty()


def statement(queryid: int, calls: int, total: float, squares: float) -> dict[str, Any]:
    counters = dict.fromkeys(
        (
            *("rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied"),
            *("shared_blks_written", "temp_blks_read", "temp_blks_written", "wal_bytes"),
        ),
        1,
    )
    return {
        "userid": 10, "dbid": 5, "queryid": queryid, "toplevel": True, "calls": calls,
        "total_exec_time": total, "exec_time_squares": squares,
        "blk_read_time": 0.5, "blk_write_time": 0.0, **counters,
    }  # fmt: skip


def test_statements_are_summed_over_sweeps_the_heaviest_first() -> None:
    # 1 and 3 ms, then 2 ms; and one call of 9 ms whose text is not known
    rows = pl.DataFrame(
        [statement(1, 2, 4.0, 10.0), statement(1, 1, 2.0, 4.0), statement(2, 1, 9.0, 81.0)]
    )
    texts = pl.DataFrame({"userid": [10], "dbid": [5], "queryid": [1], "query": ["select 1"]})
    found = reduce.queries(rows, texts).to_dicts()
    assert [(row["queryid"], row["calls"], row["total_ms"]) for row in found] == [
        (2, 1, 9.0),
        (1, 3, 6.0),
    ]
    assert found[1]["stddev_ms"] == pytest.approx(math.sqrt(2 / 3))
    assert (found[1]["query_type"], found[1]["io_read_ms"]) == ("SELECT", 1.0)
    assert (found[0]["query"], found[0]["query_type"]) == (None, None)
    assert {len(row["query_hash"]) for row in found} == {64}


def host(seconds: float, **changes: Any) -> dict[str, Any]:
    usual = {
        "begin": T0, "ts": T0 + timedelta(seconds=seconds), "cpu_user_seconds": 6.0,
        "cpu_system_seconds": 2.0, "cpu_idle_seconds": 12.0, "cpu_iowait_seconds": 0.0,
        "cpu_steal_seconds": None, "memory_total_bytes": 100, "memory_available_bytes": 75,
        "disk_read_bytes": 3_000_000, "disk_write_bytes": 7_000_000,
    }  # fmt: skip
    return usual | changes


def test_the_machine_is_as_busy_as_its_counters_say() -> None:
    found = reduce.host(pl.DataFrame([host(10), host(10)]))
    assert found == {"cpu_percent": 40.0, "memory_percent": 25.0, "disk_mb_per_s": 1.0}


def test_each_sweep_of_a_run_is_a_point_of_the_machine() -> None:
    later = host(20, begin=T0 + timedelta(seconds=10), cpu_user_seconds=10.0, cpu_idle_seconds=8.0)
    found = reduce.host_series(pl.DataFrame([host(10), {**later, "disk_read_bytes": None}]))
    assert found.select("ts", "metric_type", "value", "unit").rows() == [
        (T0 + timedelta(seconds=10), "cpu", 40.0, "%"),
        (T0 + timedelta(seconds=10), "memory", 25.0, "%"),
        (T0 + timedelta(seconds=10), "disk_io", 1.0, "MB/s"),
        (T0 + timedelta(seconds=20), "cpu", 60.0, "%"),
        (T0 + timedelta(seconds=20), "memory", 25.0, "%"),
    ]
    assert reduce.host_series(pl.DataFrame({"ts": []})).is_empty()


def test_what_the_machine_does_not_tell_is_not_zero() -> None:
    unknown = dict.fromkeys(("cpu_percent", "memory_percent", "disk_mb_per_s"))
    assert reduce.host(pl.DataFrame()) == unknown
    found = reduce.host(pl.DataFrame([host(10, disk_read_bytes=None)]))
    assert found["disk_mb_per_s"] is None
    assert found["cpu_percent"] == 40.0
