"""Calibration on made-up histories: what is shuffled, what is injected, what is counted."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from perf_pipeline.regressions import detect
from perf_pipeline.regressions.calibration import (
    CLASSES,
    REPLICATES,
    calls_class,
    chosen,
    injected,
    judged_above,
    quiet,
    seed,
    shuffled,
    unchanged,
)

START = datetime(2025, 3, 3)
HOURS = 24 * 28


def history(
    number: int, *, sigma: float = 0.1, calls: int = 500, season: float = 0.2
) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    hours = np.arange(HOURS)
    day = season * np.sin(2 * np.pi * hours / 24) - 0.2 * ((hours // 24) % 7 >= 5)
    ts = [START + timedelta(hours=int(h)) for h in hours]
    return pl.concat(
        pl.DataFrame(
            {
                "series_id": f"s{i:03d}",
                "ts": ts,
                "value": np.exp(day + sigma * rng.normal(size=HOURS)),
                "calls": pl.Series(np.full(HOURS, calls), dtype=pl.Int64),
            }
        )
        for i in range(number)
    )


def stepped(frame: pl.DataFrame, at: int, factor: float) -> pl.DataFrame:
    after = pl.col("ts") >= START + timedelta(hours=at)
    return frame.with_columns(
        value=pl.when(after).then(pl.col("value") * factor).otherwise("value")
    )


def test_the_longest_stretch_without_a_change_is_taken():
    frame = stepped(history(2), 500, 1.6)
    kept = quiet(frame, detect(frame))
    assert kept["series_id"].unique().sort().to_list() == ["s000", "s001"]
    assert kept["ts"].max() == START + timedelta(hours=499)
    # too short on both sides of a change in the middle
    short = frame.filter(
        pl.col("ts").is_between(START + timedelta(hours=300), START + timedelta(hours=560))
    )
    assert quiet(short, detect(short)).is_empty()


def by_slot(frame: pl.DataFrame) -> pl.DataFrame:
    slot = (pl.col("ts").dt.hour().alias("h"), (pl.col("ts").dt.weekday() >= 6).alias("w"))
    return frame.group_by(*slot).agg(pl.col("value").sort()).sort("h", "w")


def test_shuffling_moves_days_and_nothing_else():
    part = quiet(history(1), detect(history(1))).select("ts", "value", "calls")
    moved = shuffled(part, seed("a", 1))
    assert moved["ts"].equals(part["ts"])
    assert sorted(moved["value"]) == sorted(part["value"])
    assert not moved["value"].equals(part["value"])
    assert by_slot(moved).equals(by_slot(part))
    assert shuffled(part, seed("a", 1)).equals(moved)
    assert not shuffled(part, seed("a", 2)).equals(moved)


def test_a_real_change_is_gone_from_where_it_was_when_days_are_shuffled():
    frame = stepped(history(30), 408, 1.3)
    moved = pl.concat(
        shuffled(part, seed(name)).select(frame.columns)
        for (name,), part in frame.group_by("series_id", maintain_order=True)
    )
    onset = START + timedelta(hours=408)
    there = pl.col("change_ts").is_between(onset - timedelta(hours=3), onset + timedelta(hours=3))
    assert detect(frame).filter(there)["series_id"].n_unique() == 30
    assert detect(moved).filter(there)["series_id"].n_unique() <= 3


def test_quiet_history_gives_few_alarms_and_finds_what_is_injected():
    frame = history(12)
    kept = quiet(frame, detect(frame))
    classes = chosen(kept, "shop/2025-03-24")
    rows = unchanged(detect, kept, classes, "shop/2025-03-24")
    assert [row.calls_class for row in rows] == ["all", "100-999"]
    assert rows[0].series == 12
    assert rows[0].trials == 12 * REPLICATES
    assert rows[0].series_days == 12 * REPLICATES * 7
    assert rows[0].hits == 0
    assert rows[0].rate.low == 0.0 < rows[0].rate.high
    assert judged_above(rows, 0.8) is False
    found = {
        row.factor: row for row in injected(detect, kept, classes, "x") if row.calls_class == "all"
    }
    assert found[2.0].hits == found[1.5].hits == 12
    assert found[1.2].hits >= 10
    assert found[2.0].median_delay <= found[1.5].median_delay <= 6
    assert found[1.5].median_delay <= found[1.2].median_delay
    # the same words, the same figures
    assert injected(detect, kept, classes, "x") == injected(detect, kept, classes, "x")


def wrong(series: pl.DataFrame) -> pl.DataFrame:
    """Alarm on every series, ten samples before its end."""
    late = series.group_by("series_id", maintain_order=True).agg(
        change_ts=pl.col("ts").sort().get(-10)
    )
    good = detect(stepped(history(1), 400, 2.0)).drop("series_id", "change_ts")
    return late.join(good, how="cross")


def test_a_detector_that_is_often_wrong_is_caught():
    kept = quiet(history(6), detect(history(6)))
    classes = chosen(kept, "shop")
    rows = unchanged(wrong, kept, classes, "shop")
    # each night's onset is a day later than the one before: a new alarm every night
    assert rows[0].hits == 6 * REPLICATES * 7
    assert rows[0].rate.value == 1000.0
    assert judged_above(rows, 0.8) is True
    assert judged_above([], 0.8) is None


def test_few_series_are_chosen_from_every_class():
    many = pl.concat(
        [
            history(4, calls=5).with_columns(pl.format("few{}", "series_id").alias("series_id")),
            history(20, calls=50_000),
        ]
    )
    classes = chosen(many, "lot", number=8)
    assert classes["calls_class"].to_list().count("<10") == 4
    assert classes.height == 8
    assert chosen(many.reverse(), "lot", number=8).equals(classes)
    assert not chosen(many, "other", number=8).equals(classes)


@pytest.mark.parametrize(
    ("calls", "name"),
    [(None, "<10"), (9.5, "<10"), (10, "10-99"), (999, "100-999"), (1000, ">=1000")],
)
def test_classes_of_calls(calls, name):
    assert calls_class(calls) == name
    assert name in dict(CLASSES)
