from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import copy
from perf_pipeline.snapshots.families import STATEMENTS
from perf_pipeline.snapshots.rollup import INTERVALS, Rolled, daily, hourly, roll_up
from perf_pipeline.store import Store, partitions, targets

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12)


def intervals(*rows: dict[str, object]) -> pl.DataFrame:
    usual = {"source": "collected", "toplevel": True, "quality": "exact"}
    zero = dict.fromkeys(INTERVALS, 0)
    return pl.DataFrame([{**zero, **usual, **row} for row in rows], schema=INTERVALS)


def test_hours_are_summed_by_key() -> None:
    table = hourly(
        intervals(
            {"ts": NOON, "queryid": 1, "calls": 2, "total_exec_time": 3.0},
            {"ts": NOON + timedelta(minutes=59), "queryid": 1, "calls": 5, "total_exec_time": 1.0,
             "quality": "first_seen"},
            {"ts": NOON + timedelta(minutes=60), "queryid": 1, "calls": 7},
            {"ts": NOON, "queryid": 1, "toplevel": False, "calls": 9},
        )
    )  # fmt: skip
    assert table.select(
        "hour", "toplevel", "exact", "intervals", "calls", "total_exec_time"
    ).rows() == [
        (NOON, False, True, 1, 9, 0.0),
        (NOON, True, False, 1, 5, 1.0),
        (NOON, True, True, 1, 2, 3.0),
        (NOON + timedelta(hours=1), True, True, 1, 7, 0.0),
    ]


def test_days_are_summed_by_key() -> None:
    table = daily(
        intervals(
            {"ts": NOON, "queryid": 1, "calls": 2, "total_exec_time": 3.0, "plans": 1},
            {"ts": NOON + timedelta(hours=11), "queryid": 1, "calls": 5, "total_exec_time": 1.0,
             "quality": "first_seen", "plans": None},
            {"ts": NOON + timedelta(hours=12), "queryid": 1, "calls": 7, "plans": 4},
        )
    )  # fmt: skip
    assert table.select(
        "day", "intervals", "exact_intervals", "calls", "plans", "total_exec_time",
        "exact_calls", "exact_exec_time",
    ).rows() == [
        (DAY, 2, 1, 7, None, 4.0, 2, 3.0),
        (DAY + timedelta(days=1), 1, 1, 7, 4, 0.0, 7, 0.0),
    ]  # fmt: skip


def test_an_hour_has_temporary_blocks_and_time_of_blocks_in_one() -> None:
    one = {"temp_blks_read": 1, "temp_blks_written": 2}
    row = hourly(
        intervals(
            {"ts": NOON, **one, "blk_read_time": 0.5, "blk_write_time": 0.25},
            {"ts": NOON + timedelta(minutes=5), **one, "blk_read_time": None},
        )
    ).row(0, named=True)
    assert (row["temp_blks"], row["io_time"]) == (6, None)


def test_what_one_interval_does_not_tell_the_hour_does_not_tell() -> None:
    table = hourly(
        intervals(
            {"ts": NOON, "queryid": 1, "wal_bytes": 5, "exec_time_squares": None},
            {"ts": NOON, "queryid": 2, "wal_bytes": 7, "exec_time_squares": 2.0},
            {"ts": NOON + timedelta(minutes=1), "queryid": 2, "wal_bytes": None,
             "exec_time_squares": 3.0},
        )
    )  # fmt: skip
    assert table.select("queryid", "wal_bytes", "exec_time_squares").rows() == [
        (1, 5, None),
        (2, None, 5.0),
    ]


@pytest.mark.parametrize(("source", "trusted"), [("imported", 3), ("collected", 1)])
def test_a_lower_bound_counts_in_imported_history_only(source: str, trusted: int) -> None:
    usual = {"source": source, "total_exec_time": 1.5}
    rows = intervals(
        {**usual, "ts": NOON, "calls": 1},
        {**usual, "ts": NOON + timedelta(minutes=1), "calls": 2, "quality": "lower_bound"},
        {**usual, "ts": NOON + timedelta(minutes=2), "calls": 4, "quality": "reset"},
    )
    table = hourly(rows)
    found = dict(table.select("exact", "calls").rows())
    assert found == {True: trusted, False: 7 - trusted}
    row = daily(rows).row(0, named=True)
    assert (row["calls"], row["exact_calls"]) == (7, trusted)
    assert row["exact_intervals"] * 1.5 == row["exact_exec_time"]


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_does_not_matter(times: list[float], random: object) -> None:
    rows = [
        {"ts": NOON + timedelta(seconds=n * 7), "queryid": n % 3, "total_exec_time": value}
        for n, value in enumerate(times)
    ]
    straight = intervals(*rows)
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert hourly(straight).equals(hourly(intervals(*rows)))
    assert daily(straight).equals(daily(intervals(*rows)))


def put(store: Store, target_id: int, ts: datetime, source: str, calls: int) -> None:
    zero = {name: 0.0 if kind == pl.Float64 else 0 for name, kind in STATEMENTS.counters.items()}
    with store.begin() as connection:
        partitions.ensure(connection, ts.date())
        connection.execute(
            "INSERT INTO ledger.sweeps (target_id, ts, source, quality, server_version_num)"
            " VALUES (%s, %s, %s::ledger.source, 'exact', 180000)",
            [target_id, ts.replace(tzinfo=UTC), source],
        )
        row = {
            "target_id": target_id, "ts": ts, "userid": 1, "dbid": 1, "queryid": 4,
            "toplevel": True, "quality": "exact", **zero, "exec_time_squares": 0.1, "calls": calls,
            "total_exec_time": 0.1,
        }  # fmt: skip
        copy.write_frame(connection, ("ledger", "statements"), pl.DataFrame([row]))


@pytest.mark.server
def test_roll_up_takes_each_days_best_source_and_repeats_itself(store: Store) -> None:
    target_id = targets.register(store, "t")
    put(store, target_id, NOON, "generated", 100)
    put(store, target_id, NOON + timedelta(minutes=5), "collected", 1)
    put(store, target_id, NOON + timedelta(minutes=10), "collected", 2)
    put(store, target_id, NOON + timedelta(days=1), "generated", 50)
    put(store, target_id, NOON + timedelta(days=1, hours=1), "imported", 60)
    put(store, target_id, datetime(2026, 3, 3), "generated", 70)
    first = roll_up(store, "t", DAY, DAY + timedelta(days=2))
    assert first == Rolled(3, 4, 3)
    assert rolled(store) == [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "collected", 3, 2, 0.2),
        (datetime(2026, 3, 2, 13, tzinfo=UTC), "imported", 60, 1, 0.1),
        (datetime(2026, 3, 3, 0, tzinfo=UTC), "generated", 70, 1, 0.1),
    ]
    before = rolled(store)
    assert roll_up(store, "t", DAY, DAY) == Rolled(1, 2, 1)
    assert roll_up(store, "t", DAY, DAY + timedelta(days=2)) == first
    assert rolled(store) == before


def rolled(store: Store) -> list[tuple[object, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT hour, source::text, calls, intervals, total_exec_time"
            " FROM ledger.statements_hourly ORDER BY hour"
        ).fetchall()


@pytest.mark.server
def test_edges(store: Store) -> None:
    assert roll_up(store, "never swept", DAY, DAY) == Rolled(0, 0)
    with pytest.raises(InputError, match="lies before"):
        roll_up(store, "t", DAY, DAY - timedelta(days=1))
    targets.register(store, "empty")
    assert roll_up(store, "empty", DAY, DAY) == Rolled(0, 0)
