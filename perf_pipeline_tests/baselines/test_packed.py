"""Baselines from packed hours are those of `compute`, and hold from a day of the week on."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from perf_pipeline.baselines import packed
from perf_pipeline.baselines.build import _runs
from perf_pipeline.baselines.compute import compute
from perf_pipeline.regressions.detector import detect_arrays
from perf_pipeline.store import asof, samples
from perf_pipeline.store.samples import Plan
from perf_pipeline_tests.store import test_screen as made

MONDAY = date(2025, 3, 3)


def unpacked(frame: pl.DataFrame) -> dict[tuple[str, int], float]:
    """Return the centres of the only row, by tier and slot."""
    row = frame.row(0, named=True)
    found = {(row["tier"], 0): row["center"]}
    for tier, data in (("hour_of_day", row["daily"]), ("hour_of_week", row["weekly"])):
        for at in range(0, len(data), 5):
            slot, _, low, high, _ = data[at : at + 5]
            found[tier, slot] = 1e-4 * np.exp((low + 256 * high - 1) / 2500)
    return found


@pytest.mark.parametrize("weekday", [0, 3])
@pytest.mark.parametrize("step", [0.0, 0.7])
def test_the_same_as_by_rows(weekday: int, step: float) -> None:
    hours = made.history(4, 60, 11, step)
    day = made.FIRST + timedelta(days=57)
    day -= timedelta(days=(day.weekday() - weekday) % 7)
    number = hours.at(day)
    of_all = np.arange(4)
    changes = asof.changes_of_hours(
        detect_arrays, hours, of_all, np.full(4, number - 1), packed.BASELINE_DAYS
    )
    rows = samples.of_hours(hours, of_all)
    eve = day - timedelta(days=1)
    seen = asof.windows(rows, [eve], packed.BASELINE_DAYS)
    wanted = compute(rows, seen, changes, [day], "hour").frame
    asked = packed.Wanted(of_all, np.full(4, number), of_all[:0], of_all[:0], 0)
    found = packed.profiles(hours, asked, changes)
    assert found["day"].unique().to_list() == [day]
    for series in range(4):
        mine = found.filter(pl.col("series") == series)
        theirs = wanted.filter(pl.col("series") == series)
        centers = dict(
            zip(theirs.select("tier", "slot").rows(), theirs["center"].to_list(), strict=True)
        )
        assert set(unpacked(mine)) == set(centers)
        assert len(centers) > 2
        for slot, center in unpacked(mine).items():
            assert center == pytest.approx(centers[slot], rel=0.001)
        whole = theirs.filter(pl.col("tier") == "all")
        for name in ("samples", "calls"):
            assert mine[name].item() == whole[name].item()
        for name in ("spread", "low", "high"):
            assert mine[name].item() == pytest.approx(whole[name].item(), rel=0.02)
        fine = theirs.filter(pl.col("tier") == "hour_of_day")
        assert mine["daily_spread"].item() == pytest.approx(fine["spread"][0], rel=0.02)


def test_a_row_is_made_on_the_first_day_of_the_week_that_can_have_one() -> None:
    # series 0 runs all along, 1 from Wednesday noon on, 2 three times on Friday
    days = 42
    calls = np.zeros((3, days * 24), np.int64)
    calls[0] = 5
    calls[1, 30 * 24 + 12 :] = 5
    calls[2, 32 * 24 : 32 * 24 + 3] = 5
    first = MONDAY - timedelta(days=28)
    hours = made.hours(np.zeros(calls.shape), calls, first)
    asked = packed.wanted(hours, [MONDAY + timedelta(days=n) for n in range(7)])
    assert list(zip(asked.series.tolist(), asked.days.tolist(), strict=True)) == [(0, 28), (1, 31)]
    assert list(zip(asked.new_series.tolist(), asked.new_days.tolist(), strict=True)) == [(1, 30)]
    assert asked.missing == 1
    # Thursday alone gets what the week gives it
    alone = packed.wanted(hours, [MONDAY + timedelta(days=n) for n in range(4)])
    assert (alone.series.tolist(), alone.days.tolist()) == ([0, 1], [28, 31])
    found = packed.profiles(hours, asked, asof.changes_of_hours(
        detect_arrays, hours, asked.series[:0], asked.days[:0], 28
    ))  # fmt: skip
    assert found.select("series", "tier", "samples").rows() == [
        (0, "all", 672),
        (1, "initial", 12),
        (1, "all", 12),
    ]


def plans(*days: tuple[int, str, str]) -> list[Plan]:
    """Return plans of days after Monday."""
    return [Plan(MONDAY + timedelta(days=n), source, grain) for n, source, grain in days]


def days_of(runs: list[list[Plan]]) -> list[list[int]]:
    """Return the days of each run, as days after Monday."""
    return [[(plan.day - MONDAY).days for plan in run] for run in runs]


def test_a_day_comes_with_the_days_of_its_week_before_it() -> None:
    hour = plans(*((n, "collected", "hour") for n in (0, 1, 3, 4, 8)))
    assert days_of(_runs(hour, MONDAY + timedelta(days=3))) == [[0, 1, 3, 4, 8]]
    # a day without data does not end the week's run, another week or source does
    assert days_of(_runs(hour, MONDAY + timedelta(days=2))) == [[0, 1, 3, 4, 8]]
    mixed = plans(
        (0, "generated", "hour"), (1, "collected", "sweep"), (2, "imported", "hour"),
        (3, "collected", "hour"),
    )  # fmt: skip
    assert days_of(_runs(mixed, MONDAY + timedelta(days=3))) == [[2, 3]]
    assert days_of(_runs(mixed, MONDAY + timedelta(days=1))) == [[1], [2, 3]]
