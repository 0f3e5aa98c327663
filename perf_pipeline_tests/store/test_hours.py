"""Hours packed into a day's row, and read back as arrays."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, hours, targets
from perf_pipeline_tests.regressions import ledger

DAY = date(2025, 3, 3)
START = datetime(2025, 3, 3)


@given(st.lists(st.tuples(st.floats(1e-4, 2e7), st.integers(1, 2**31)), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_a_code_is_within_half_a_step(rows: list[tuple[float, int]]) -> None:
    mean = np.array([row[0] for row in rows])
    calls = np.array([row[1] for row in rows])
    made = hours.encode(mean, calls).astype(np.int64)
    code = made[:, 0] + 256 * made[:, 1]
    assert (code > 0).all()
    assert np.abs(np.log(hours.MEANS[code] / mean)).max() < 0.0002001
    kept = hours.CALLS[made[:, 2]]  # whole numbers: of the small ones some are left out
    assert ((np.abs(np.log2(kept / calls)) < 0.08) | (np.abs(kept - calls) <= 1)).all()


def test_what_is_beyond_the_scale_stays_at_its_end() -> None:
    made = hours.encode(np.array([0.0, 1e12]), np.array([1, 2**60])).astype(np.int64)
    assert (made[:, 0] + 256 * made[:, 1]).tolist() == [1, 65535]
    assert made[:, 2].tolist() == [0, 255]


def generated(seed: int = 1) -> tuple[list[datetime], pl.DataFrame]:
    """Return four days of three statements: in every hour, in some, with what is not exact."""
    rng = np.random.default_rng(seed)
    ends = [START + timedelta(hours=h, minutes=30) for h in range(96)]
    some = [ts for ts in ends if ts.hour in (3, 11, 12, 23)]
    rows = [
        ledger.statement(ends, rng.lognormal(1, 1, 96), 7, calls=900),
        ledger.statement(some, rng.lognormal(1, 1, len(some)), 9, calls=2),
        ledger.statement(ends[:5], [4.0] * 5, 11, quality="gap"),
    ]
    return ends, pl.concat(rows)


@pytest.mark.server
def test_days_are_read_back_as_they_were_rolled_up(store: Store) -> None:
    ends, rows = generated()
    target_id = ledger.write(store, "shop", {"sweeps": ledger.sweeps(ends), "statements": rows})
    last = DAY + timedelta(days=3)
    roll_up(store, "shop", DAY, last)
    found = hours.read(store, target_id, DAY - timedelta(days=2), last, ["collected"])
    assert found.keys["queryid"].to_list() == [7, 9, 11]
    assert (found.days, found.at(DAY)) == (6, 2)
    assert np.count_nonzero(found.mean, axis=(1, 2)).tolist() == [96, 16, 0]
    assert np.flatnonzero(found.mean[1, 2]).tolist() == [3, 11, 12, 23]
    exact = rows.filter(pl.col("queryid") == 7)["total_exec_time"].to_numpy() / 900
    assert np.allclose(hours.MEANS[found.mean[0, 2:].ravel()], exact, rtol=0.0003)
    assert hours.CALLS[found.calls[1, 2, 3]] == 2
    assert found.day_calls[:, 2].tolist() == [900 * 24, 2 * 4, 0]
    # some statements, other sources, a day without any
    assert hours.read(store, target_id, DAY, last, ["collected"], [9]).keys.height == 1
    assert hours.read(store, target_id, DAY, last, ["generated"]).keys.is_empty()
    assert found.of(np.array([1])).keys["queryid"].to_list() == [9]
    assert not found.mean[:, :2].any()


@pytest.mark.server
def test_the_upgrade_packs_what_was_rolled_up_before(store: Store) -> None:
    ends, rows = generated()
    target_id = ledger.write(store, "shop", {"sweeps": ledger.sweeps(ends), "statements": rows})
    last = DAY + timedelta(days=3)
    roll_up(store, "shop", DAY, last)
    rolled = hours.read(store, target_id, DAY, last, ["collected"])
    with store.begin() as connection:
        connection.execute("UPDATE ledger.statements_daily SET hours = 0, hourly = ''")
        assert not packed(connection)
        connection.execute(sqlfiles.load("store/0003/102_fill_statements_daily_hours").text)
        assert packed(connection)
    filled = hours.read(store, target_id, DAY, last, ["collected"])
    assert np.abs(filled.mean.astype(int) - rolled.mean.astype(int)).max() <= 1
    assert (filled.calls == rolled.calls).all()


def packed(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT bool_or(hours > 0) FROM ledger.statements_daily").fetchone()
    return bool(row and row[0])


@pytest.mark.server
def test_what_is_no_such_row_is_refused(store: Store, make_database: Callable[..., str]) -> None:
    targets.register(store, "shop")
    with store.begin() as connection:
        other = copy.read_binary(connection, "SELECT 1 AS day, 2::bigint")
    with pytest.raises(InputError, match="not what hours_daily"):
        hours.parse(other)
    with pytest.raises(InputError, match="not what hours_daily"):
        hours.parse(b"1,2\n")
