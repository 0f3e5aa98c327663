from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.loadtests import latency

SCRIPTS = ["a", "b"]
START = datetime(2026, 1, 2, 3, 4, 5)


def frame(rows: list[tuple[float, str, float | None, str]]) -> pl.DataFrame:
    """Build transactions from (seconds after START, script, latency, outcome)."""
    return pl.DataFrame(
        {
            "ts": [START + timedelta(seconds=row[0]) for row in rows],
            "script": [row[1] for row in rows],
            "client": [0] * len(rows),
            "latency_ms": [row[2] for row in rows],
            "lag_ms": [None] * len(rows),
            "outcome": [row[3] for row in rows],
        },
        schema=latency.schema(["b", "a"]),
    )


def write(folder: Path, text: str, name: str = "pgbench.17") -> Path:
    (folder / name).write_text(text)
    return folder


# --- reading --------------------------------------------------------------------------------


def test_a_log_without_rate(tmp_path: Path) -> None:
    write(tmp_path, "0 1 1500 1 1700000001 250000\n1 1 500 0 1700000000 0\n")
    read = latency.read_logs(tmp_path, SCRIPTS)
    assert read.schema == pl.Schema(latency.schema(SCRIPTS))
    assert read.rows() == [
        (datetime(2023, 11, 14, 22, 13, 20), "a", 1, 0.5, None, "ok"),
        (datetime(2023, 11, 14, 22, 13, 21, 250000), "b", 0, 1.5, None, "ok"),
    ]


def test_a_log_with_rate_and_failures(tmp_path: Path) -> None:
    write(
        tmp_path,
        "0 1 1500 0 1700000001 0 700\n0 2 skipped 0 1700000002 0 900\n"
        "0 3 failed 0 1700000003 0 100\n",
    )
    read = latency.read_logs(tmp_path, ["a"])
    assert read["latency_ms"].to_list() == [1.5, None, None]
    assert read["lag_ms"].to_list() == pytest.approx([0.7, 0.9, 0.1])
    assert read["outcome"].to_list() == ["ok", "skipped", "failed"]


def test_threads_write_a_log_each(tmp_path: Path) -> None:
    write(tmp_path, "0 1 1500 0 1700000001 0\n")
    write(tmp_path, "1 1 2500 0 1700000000 0\n", "pgbench.17.1")
    write(tmp_path, "", "pgbench.17.2")
    assert latency.read_logs(tmp_path, ["a"])["latency_ms"].to_list() == [2.5, 1.5]


@pytest.mark.parametrize("cut", ["0 2 15", "0 2 1500 0 17000000", "0 2 1500 0 1700000001 0", "0"])
def test_a_cut_last_line_is_left_out(tmp_path: Path, cut: str) -> None:
    write(tmp_path, f"0 1 1500 0 1700000001 0\n{cut}")
    assert latency.read_logs(tmp_path, ["a"]).height == 1


@pytest.mark.parametrize("text", ["", "0 1 15"])
def test_a_run_that_never_finished_a_transaction_gives_no_rows(tmp_path: Path, text: str) -> None:
    read = latency.read_logs(write(tmp_path, text), SCRIPTS)
    assert read.is_empty()
    assert read.schema == pl.Schema(latency.schema(SCRIPTS))
    assert latency.percentiles(read).is_empty()
    assert latency.time_series(read).is_empty()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 1500 0\n", "4 fields"),
        ("0 1 1500 0 17 0 1 2 3\n", "9 fields"),
        ("0 1 1500 zero 17 0\n", "not a per-transaction log"),
        ("0 1 1500 1 17 0\n", "script number 1"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        latency.read_logs(write(tmp_path, text), ["a"])


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log"):
        latency.read_logs(tmp_path, ["a"])


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not unique"):
        latency.read_logs(write(tmp_path, "0 1 1500 0 17 0\n"), ["a", "a"])


# --- percentiles ----------------------------------------------------------------------------

samples = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=200)


@given(samples, samples)
def test_percentiles_are_numpys(a: list[float], b: list[float]) -> None:
    rows = [(0.0, "a", value, "ok") for value in a] + [(0.0, "b", value, "ok") for value in b]
    reduced = latency.percentiles(frame(rows))
    assert reduced["script"].to_list() == ["a", "b"]
    for row, values in zip(reduced.iter_rows(named=True), (a, b), strict=True):
        assert row["transactions"] == len(values)
        assert row["max_ms"] == max(values)
        for level in (50, 95, 99):
            assert row[f"p{level}_ms"] == pytest.approx(np.percentile(values, level), abs=1e-6)


def test_failures_count_but_have_no_latency() -> None:
    rows = [(0.0, "a", 1.0, "ok"), (0.0, "a", None, "failed"), (0.0, "b", None, "skipped")]
    reduced = latency.percentiles(frame(rows)).to_dicts()
    assert [(r["transactions"], r["failed"], r["skipped"], r["max_ms"]) for r in reduced] == [
        (1, 1, 0, 1.0),
        (0, 0, 1, None),
    ]
    assert latency.percentiles(frame(rows), by=None).height == 1


@given(st.permutations(range(12)))
def test_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows = [(n / 3, "ab"[n % 2], float(n * n), "ok") for n in range(12)]
    assert latency.percentiles(frame([rows[n] for n in order])).equals(
        latency.percentiles(frame(rows))
    )


# --- time series ----------------------------------------------------------------------------


def test_a_second_without_transactions_shows() -> None:
    rows = [(0.1, "a", 1.0, "ok"), (0.2, "a", 3.0, "ok"), (2.5, "b", 9.0, "ok")]
    series = latency.time_series(frame(rows), by=None)
    assert series["ts"].to_list() == [START + timedelta(seconds=n) for n in range(3)]
    assert series["transactions"].to_list() == [2, 0, 1]
    assert series["p50_ms"].to_list() == [2.0, None, 9.0]
    by_script = latency.time_series(frame(rows))
    assert by_script.height == 6
    assert by_script.filter(pl.col("script") == "b")["transactions"].to_list() == [0, 0, 1]


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from("ab")), min_size=1))
def test_a_time_series_loses_nothing(moments: list[tuple[float, str]]) -> None:
    rows = [(moment, script, 1.0, "ok") for moment, script in moments]
    series = latency.time_series(frame(rows), "5s")
    assert series["transactions"].sum() == len(rows)
    assert series.select("ts", "script").is_duplicated().sum() == 0
