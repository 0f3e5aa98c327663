"""What became of a regression, what cost most, which way things go."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from perf_pipeline.reports.model import Statement
from perf_pipeline.reports.period import MONTHLY, WEEKLY, compute
from perf_pipeline.reports.period.build import periods
from perf_pipeline.reports.period.model import LIMITS, of
from perf_pipeline_tests.reports.samples import finding

MONDAY = date(2026, 11, 16)
WEEK = of(WEEKLY, MONDAY)
SUNDAY = MONDAY + timedelta(days=6)


def levels(queryid: int, means: dict[date, float], calls: int = 10) -> compute.Levels:
    statement = Statement(queryid)
    return {statement.key: {day: (calls, round(calls * m * 1e6)) for day, m in means.items()}}


def rise(number: int = 1, **changes: Any) -> Any:
    return finding(number, statement=Statement(number), old_level=1.0, new_level=4.0, **changes)


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    assert (WEEK.first, WEEK.last, len(WEEK.days)) == (MONDAY, SUNDAY, 7)
    assert of(WEEKLY, SUNDAY) == WEEK
    assert WEEK.previous == of(WEEKLY, MONDAY - timedelta(days=1))
    november = of(MONTHLY, SUNDAY)
    assert (november.first, november.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert november.previous == of(MONTHLY, date(2026, 10, 3))
    assert of(MONTHLY, date(2027, 1, 1)).previous == of(MONTHLY, date(2026, 12, 31))
    assert str(november) == "2026-11"
    assert len(periods(MONTHLY, date(2026, 11, 30), date(2027, 1, 1))) == 3
    assert len(periods(WEEKLY, MONDAY, SUNDAY)) == 1


@pytest.mark.parametrize(
    ("now", "state"), [(3.9, "open"), (2.01, "open"), (1.99, "resolved"), (None, "not called")]
)
def test_a_rise_is_resolved_when_its_level_is_nearer_to_the_old(
    now: float | None, state: str
) -> None:
    assert compute.state(rise(), now) == state


def test_a_level_rests_on_the_last_three_days() -> None:
    known = levels(1, {SUNDAY: 2.0, SUNDAY - timedelta(days=2): 4.0, MONDAY: 90.0})
    assert compute.level(known, Statement(1).key, SUNDAY) == pytest.approx(3.0)
    assert compute.level(known, Statement(1).key, SUNDAY + timedelta(days=9)) is None
    assert compute.level({}, Statement(1).key, SUNDAY) is None


def test_found_open_resolved_and_forgotten() -> None:
    before = MONDAY - timedelta(days=1)
    at: dict[int, dict[date, float]] = {
        1: {SUNDAY: 4.0},  # found, open
        2: {SUNDAY: 1.0},  # found, resolved
        3: {before: 4.0, SUNDAY: 1.0},  # open before, resolved
        4: {before: 1.0, SUNDAY: 1.0},  # resolved before: not this week's
        5: {before: 4.0, SUNDAY: 4.0},  # still open
        6: {before: 4.0},  # open before, not called any more
    }
    told = {1: MONDAY, 2: SUNDAY, 3: before, 4: before, 5: before, 6: before, 7: SUNDAY}
    told[8] = SUNDAY + timedelta(days=1)  # of the next week
    known: dict[Any, Any] = {}
    for number, means in at.items():
        known |= levels(number, means)
    found = compute.outcomes(
        [(rise(n, finding_id=f"f{n}"), day) for n, day in told.items()], known, WEEK, SUNDAY
    )
    assert {o.finding.finding_id: (o.found, o.state) for o in found} == {
        "f1": (True, "open"),
        "f2": (True, "resolved"),
        "f7": (True, "not called"),
        "f3": (False, "resolved"),
        "f5": (False, "open"),
        "f6": (False, "not called"),
    }
    assert [o.found for o in found] == [True] * 3 + [False] * 3


def test_what_is_expected_or_false_is_no_regression_any_more() -> None:
    known = levels(1, {SUNDAY: 4.0}) | levels(2, {SUNDAY: 4.0})  # type: ignore[operator]
    told = [(rise(n, finding_id=f"f{n}"), MONDAY) for n in (1, 2)]
    said = {"f1": "expected", "f2": "acknowledged"}
    found = compute.outcomes(told, known, WEEK, SUNDAY, said)
    assert [(o.finding.finding_id, o.counts, o.said) for o in found] == [
        ("f2", True, "acknowledged"),
        ("f1", False, "expected"),
    ]


ROWS = {
    "day": pl.Date(),
    "queryid": pl.Int64(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "calls": pl.Int64(),
    "exec_ns": pl.Int64(),
    "squares": pl.Int64(),
}


def rows(*values: tuple[date, int, bool, int, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "day": day,
                "queryid": queryid,
                "userid": 10,
                "dbid": 5,
                "toplevel": toplevel,
                "calls": calls,
                "exec_ns": round(calls * mean * 1e6),
                "squares": round(calls * mean**2 * 1e3),
            }
            for day, queryid, toplevel, calls, mean in values
        ],
        schema=ROWS,
    )


def test_days_leave_out_nested_statements_and_our_own() -> None:
    frame = rows((MONDAY, 1, True, 10, 2.0), (MONDAY, 2, False, 10, 9.0), (MONDAY, 3, True, 10, 70))
    own = pl.DataFrame([{"queryid": 3, "userid": 10, "dbid": 5}])
    (day,) = compute.by_day(frame, own).values()
    assert (day.statements, day.calls, day.exec_ms) == (2, 20, 720.0)
    assert day.p95_ms == pytest.approx(2.0, rel=0.01)
    alone = compute.by_day(frame.filter(pl.col("queryid") == 3), own)[MONDAY]
    assert alone.p95_ms is None
    unknown = frame.with_columns(squares=pl.lit(None, dtype=pl.Int64))
    assert compute.by_day(unknown, own)[MONDAY].p95_ms is None


def test_what_cost_most_has_its_days() -> None:
    frame = rows((MONDAY, 1, True, 10, 2.0), (SUNDAY, 1, True, 5, 2.0), (SUNDAY, 2, True, 1, 1.0))
    first, second = compute.top(frame, WEEK, {(1, 10, 5): Statement(1, text="SELECT 1")})
    assert (first.calls, first.total_ms, first.statement.text) == (15, 30.0, "SELECT 1")
    assert first.days == (20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0)
    assert first.share + second.share == 1.0


def test_a_trend_needs_days_and_is_a_straight_line() -> None:
    assert compute.trend([1.0, 2.0, 3.0, 4.0]) is None
    found = compute.trend([10.0, None, 30.0, 40.0, 50.0, 60.0])
    assert found is not None
    assert (found.per_day, found.days) == (pytest.approx(10.0), 5)
    assert found.doubling_days == pytest.approx(6.0)
    assert found.clear
    assert compute.trend([10.0] * 13, compute.LEAST_DAYS_OF_WORK) is None
    flat = compute.trend([10.0, 12.0, 9.0, 11.0, 10.5, 12.5])
    assert flat is not None
    assert not flat.clear
    falling = compute.trend([5.0, 4.0, 3.0, 2.0, 1.0])
    assert falling is not None
    assert falling.doubling_days is None


def test_limits_are_kept_missed_or_not_measured() -> None:
    p95, cache, connect = LIMITS
    assert (p95.kept(99.9), p95.kept(100.0), p95.kept(None)) == (True, False, None)
    assert (cache.kept(0.91), cache.kept(0.9)) == (True, False)
    assert connect.kept(50.0) is False


def test_the_newest_calibration_is_told() -> None:
    def row(week: date, kind: str, factor: float, rate: float) -> dict[str, Any]:
        bounds = {"rate_low": rate / 2, "rate_high": rate * 2}
        return {"week": week, "as_of": week, "kind": kind, "factor": factor, "rate": rate} | bounds

    assert compute.calibration([]) is None
    rows = [row(MONDAY, "unchanged", 1.0, 9.0), row(SUNDAY, "unchanged", 1.0, 0.4)]
    found = compute.calibration([*rows, row(SUNDAY, "injected", 2.0, 0.97)])
    assert found is not None
    assert (found.as_of, found.false_alarms, found.found) == (
        SUNDAY,
        (0.4, 0.2, 0.8),
        ((2.0, 0.97),),
    )
    only = compute.calibration([row(MONDAY, "injected", 2.0, 1.0)])
    assert only is not None
    assert only.false_alarms is None


def test_many_small_rises_of_one_statement_are_one_regression() -> None:
    known = levels(1, {MONDAY - timedelta(days=1): 4.0, SUNDAY: 4.0})
    day = MONDAY - timedelta(days=9)
    told = [
        (rise(1, finding_id="a", added_ms_per_day=5.0), day),
        (rise(1, finding_id="b", added_ms_per_day=9.0), SUNDAY),
        (replace(rise(1, finding_id="c"), new_level=90.0), SUNDAY),  # resolved, were it alone
    ]
    (found,) = compute.outcomes(told, known, WEEK, SUNDAY)
    assert (found.finding.finding_id, found.found, found.steps) == ("c", True, 3)
    assert (found.first_told, found.state) == (SUNDAY, "open")
    apart = compute.outcomes(told, known, WEEK, SUNDAY, {"b": "false"})
    assert [(o.finding.finding_id, o.steps, o.counts) for o in apart] == [
        ("c", 2, True),
        ("b", 1, False),
    ]
