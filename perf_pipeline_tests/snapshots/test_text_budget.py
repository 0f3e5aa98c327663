from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.snapshots import text_budget
from perf_pipeline.snapshots.text_budget import Budget, Reading

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BUDGET = Budget()


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_texts_are_read_at_most_every_ten_minutes() -> None:
    assert text_budget.is_due(None, NOW, BUDGET)
    done = text_budget.succeeded(text_budget.begun(None, NOW), 20.0)
    assert not text_budget.is_due(done, after(599), BUDGET)
    assert text_budget.is_due(done, after(600), BUDGET)
    assert text_budget.is_due(done, after(0), Budget(minimum_seconds=0))
    # a clock that went back
    assert text_budget.is_due(done, after(-1), BUDGET)


def test_a_dear_reading_is_rarer() -> None:
    done = text_budget.succeeded(text_budget.begun(None, NOW), 5_000.0)
    assert text_budget.next_at(done, BUDGET) == after(2_500)
    endless = text_budget.succeeded(text_budget.begun(None, NOW), 1e9)
    assert text_budget.next_at(endless, BUDGET) == after(86_400)


def test_failures_double_the_wait_up_to_a_day() -> None:
    waits, last = [], None
    for _ in range(10):
        last = text_budget.failed(text_budget.begun(last, NOW))
        waits.append((text_budget.next_at(last, BUDGET) - NOW).total_seconds())
    assert waits == [600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400, 86400]
    again = text_budget.succeeded(text_budget.begun(last, NOW), 20.0)
    assert text_budget.next_at(again, BUDGET) == after(600)


def test_a_reading_that_never_came_back_counts_as_failed() -> None:
    first = text_budget.begun(None, NOW)
    second = text_budget.begun(first, NOW)
    assert (first.finished, first.failures, second.failures) == (False, 1, 2)
    assert text_budget.next_at(second, BUDGET) == after(1200)


@given(
    st.integers(0, 10_000),
    st.floats(0, 1e12),
    st.floats(0, 1e6),
    st.booleans(),
)
def test_the_wait_is_bounded(failures: int, ms: float, minimum: float, finished: bool) -> None:
    budget = Budget(minimum_seconds=minimum)
    wait = text_budget.next_at(Reading(NOW, finished, failures, ms), budget) - NOW
    assert timedelta() <= wait <= timedelta(days=1)


def rows(*found: tuple[int, float, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(10, 5, queryid, ms, quality) for queryid, ms, quality in found],
        schema={
            "userid": pl.Int64,
            "dbid": pl.Int64,
            "queryid": pl.Int64,
            "total_exec_time": pl.Float64,
            "quality": pl.String,
        },
        orient="row",
    )


def test_the_dearest_statement_is_asked_for_first() -> None:
    frame = rows((1, 1.0, "exact"), (2, 3.0, "exact"), (1, 2.5, "exact"), (3, 0.0, "exact"))
    assert text_budget.dearest_first(frame)["queryid"].to_list() == [1, 2, 3]


@pytest.mark.parametrize(
    ("quality", "again"),
    [("exact", 0), ("gap", 0), ("reset", 1), ("evicted_reinserted", 1), ("first_seen", 1)],
)
def test_a_statement_counted_anew_may_have_another_comment(quality: str, again: int) -> None:
    assert text_budget.counted_anew(rows((1, 1.0, quality))).height == again
