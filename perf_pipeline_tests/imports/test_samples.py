from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from perf_pipeline.imports.samples import Sample, apart, interval
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=30)
BEFORE = Sample(6, True, Observation(NOON - STEP, 170_000), 2, 7, 70.0)
SAMPLE = Sample(7, True, Observation(NOON, 170_000), 2, 10, 100.0)
OLD = (NOON - timedelta(days=1)).replace(tzinfo=None)
NEW = (NOON - timedelta(minutes=9)).replace(tzinfo=None)


def rows(*given: dict[str, object]) -> pl.DataFrame:
    usual = {"userid": 10, "dbid": 5, "toplevel": True, "stats_since": OLD, "plans": 0}
    kinds = {"stats_since": pl.Datetime("us"), "queryid": pl.Int64, "rows": pl.Int64}
    return pl.DataFrame(
        [
            {**usual, "queryid": number, "calls": 4, "total_exec_time": 40.0, "rows": 1, **row}
            for number, row in enumerate(given, 1)
        ],
        schema_overrides=kinds,
    )


def made(raw: pl.DataFrame, before: Sample | None = BEFORE, sample: Sample = SAMPLE):
    return interval(before, sample, raw, STEP.total_seconds())[0]


WHOLE = rows({}, {"calls": 6, "total_exec_time": 60.0})


def test_a_whole_sample_of_entries_that_were_there_before_is_exact() -> None:
    found = made(WHOLE)
    assert (found.quality, found.previous_ts) == ("exact", NOON - STEP)
    assert found.rows.select("calls", "quality").rows() == [(4, "exact"), (6, "exact")]
    assert tuple(found.rows.columns) == STATEMENTS.columns
    assert found.notes == ()


@pytest.mark.parametrize("since", [None, NEW])
def test_what_nothing_proves_complete_is_a_lower_bound(since: datetime | None) -> None:
    found = made(rows({"stats_since": since}, {"calls": 6, "total_exec_time": 60.0}))
    assert found.rows["quality"].to_list() == ["lower_bound", "exact"]
    assert found.quality == "lower_bound"


def test_a_sample_cut_to_the_busiest_is_a_lower_bound_although_its_rows_are_exact() -> None:
    found = made(rows({"calls": 6, "total_exec_time": 60.0}))
    assert found.rows["quality"].to_list() == ["exact"]
    assert found.quality == "lower_bound"
    assert found.notes == ("1 of 2 statements kept, 60.0% of their execution time",)


def test_a_sample_that_was_compared_with_none_we_know_counts_nothing() -> None:
    found = made(WHOLE, before=None)
    assert (found.previous_ts, found.quality, found.rows.height) == (None, "first_seen", 0)
    assert tuple(found.rows.columns) == STATEMENTS.columns


def test_resets_and_gaps_are_marked() -> None:
    reset = replace(SAMPLE.observation, database_stats_reset=NOON - STEP / 2)
    found = made(WHOLE, sample=replace(SAMPLE, observation=reset))
    assert found.quality == "reset"
    assert set(found.rows["quality"]) == {"reset"}
    assert "reset" in found.notes[-1]
    late = replace(SAMPLE, observation=replace(SAMPLE.observation, ts=NOON + 4 * STEP))
    assert set(made(WHOLE, sample=late).rows["quality"]) == {"gap"}


def test_a_restart_is_told() -> None:
    def started(sample: Sample, at: datetime) -> Sample:
        return replace(sample, observation=replace(sample.observation, postmaster_start=at))

    found = made(WHOLE, started(BEFORE, NOON - 9 * STEP), started(SAMPLE, NOON - STEP / 2))
    assert found.notes == ("the server was restarted",)


def test_nothing_negative_and_nothing_idle_is_kept() -> None:
    raw = rows({}, {"total_exec_time": -1.0}, {"calls": 0, "total_exec_time": 0.0, "rows": 0})
    found, negative = interval(BEFORE, SAMPLE, raw, STEP.total_seconds())
    assert found.rows["queryid"].to_list() == [1]
    assert negative == 1


def test_two_samples_of_one_second_are_kept_apart() -> None:
    again = replace(SAMPLE, number=8)
    found = apart([again, SAMPLE, BEFORE])
    assert [sample.number for sample in found] == [6, 7, 8]
    assert [sample.observation.ts - NOON for sample in found] == [
        -STEP,
        timedelta(0),
        timedelta(microseconds=1),
    ]
