"""Samples of statements from the ledger: which source and grain a day is judged on, and reading.

A sample is one interval (or one hour) of one statement: its mean execution time, from exact
intervals only, weighted by its calls. Of imported history a `lower_bound` counts as well: what
proves a difference exact is seldom kept there, and each call that was counted did happen. The grain
follows from the ledger alone, so that a two-minute demonstration and a year of production run the
same code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.postgres.copy import Schema
from perf_pipeline.store import frames, hours, ledger, targets
from perf_pipeline.store.engine import Store
from perf_pipeline.store.hours import KEY as KEY

#: Name of the metric in our tables, and the kind of number it is for `detect`.
METRIC = "mean_exec_time"
DETECT_METRIC = "latency_ms"

#: Days of history that decide the grain, and the hours with data below which raw intervals are
#: used: fewer hourly samples cannot show a 20 % step in usual noise (n per side =
#: 2 (5 sigma / ln 1.2)^2, 38 at sigma 0.16). Hours with data, not the span from first to last: a
#: database looked at for two minutes on Monday and on Friday has two hours, not four days.
GRAIN_DAYS = 28
SWEEP_BELOW_HOURS = 72
#: Days up to the end of a day that are searched for changes: five whole weeks, so that a weekday
#: profile rests on five samples of each hour of the week.
WINDOW_DAYS = 35

#: When a day has several sources, the first of these decides.
SOURCES = ("collected", "imported", "generated")

_HOUR_US = 3_600_000_000

HISTORY_SCHEMA: Schema = {
    "origin": pl.String,
    "day": pl.Date,
    "source": pl.String,
    "hours": pl.Int64,
}
_HOURS: Schema = {name: HISTORY_SCHEMA[name] for name in ("day", "source", "hours")}
SAMPLE_SCHEMA: Schema = {
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "ts": pl.Datetime("us"),
    "start": pl.Datetime("us"),
    "end": pl.Datetime("us"),
    "calls": pl.Int64,
    "total_ms": pl.Float64,
}


@dataclass(frozen=True)
class Plan:
    """What a day is judged on: the day's own source, and `sweep` or `hour` samples."""

    day: date
    source: str
    grain: str


def midnight(day: date) -> datetime:
    """Return the naive UTC instant at which a day begins."""
    return datetime.combine(day, time())


def days_of(first: date, last: date) -> list[date]:
    """Return the days `first` to `last`, both included.

    Raises
    ------
    InputError
        `last` lies before `first`.

    """
    if last < first:
        raise InputError(f"last day {last} lies before first day {first}", "swap them")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def plan(history: pl.DataFrame, days: Iterable[date]) -> list[Plan]:
    """Decide source and grain of each day that has data; pure.

    Parameters
    ----------
    history : polars.DataFrame
        Columns of `HISTORY_SCHEMA`: one row per origin (`sweep`: raw, `hour`: rolled up), day and
        source. It reaches back `GRAIN_DAYS` before the first of `days`.
    days : Iterable of date

    Returns
    -------
    list of Plan
        In the order of `days`; a day without data is left out. The grain is `sweep` while its
        source, or one `alike`, has data in fewer than `SWEEP_BELOW_HOURS` hours of the `GRAIN_DAYS`
        days up to the end of the day and the day's raw intervals are still there, else `hour`.

    """
    rows = history.to_dicts()
    plans = []
    for day in days:
        present = {(row["source"], row["origin"]) for row in rows if row["day"] == day}
        source = next((s for s in SOURCES if any(s == name for name, _ in present)), None)
        if source is None:
            continue
        # of either origin: old days may be kept as rollups only
        known: dict[date, int] = {}
        for row in rows:
            near = day - timedelta(days=GRAIN_DAYS) < row["day"] <= day
            if near and row["source"] in alike(source):
                known[row["day"]] = max(known.get(row["day"], 0), row["hours"])
        raw = (source, "sweep") in present and sum(known.values()) < SWEEP_BELOW_HOURS
        plans.append(Plan(day, source, "sweep" if raw else "hour"))
    return plans


def read_plans(store: Store, target_id: int, days: Sequence[date]) -> list[Plan]:
    """Read what the ledger holds around some days (ascending) and `plan` them."""
    start = midnight(days[0] - timedelta(days=GRAIN_DAYS))
    end = midnight(days[-1] + timedelta(days=1))
    span = {"target_id": target_id, "start": start, "end": end}
    rolled = frames.read(store, "baseline_history", _HOURS, span)
    sweeps = ledger.read(store, "sweeps", target_id, start, end, columns=("ts", "source"))
    raw = sweeps.group_by(day=pl.col("ts").dt.date(), source="source").agg(
        hours=pl.col("ts").dt.truncate("1h").n_unique().cast(pl.Int64)
    )
    history = pl.concat(
        frame.select(pl.lit(origin).alias("origin"), *_HOURS)
        for origin, frame in (("sweep", raw), ("hour", rolled))
    )
    return plan(history, days)


def read_samples(
    store: Store,
    target_id: int,
    plans: Sequence[Plan],
    window_days: int,
    queryids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Read the samples that windows ending with these days need.

    Parameters
    ----------
    store : Store
    target_id : int
    plans : Sequence of Plan
        Days in ascending order, all of one source and grain.
    window_days : int
        Days up to the end of each day.
    queryids : Sequence of int, optional
        Only these statements.

    Returns
    -------
    polars.DataFrame
        Columns of `SAMPLE_SCHEMA`, `value` f64 (ms per call) and `series` u32 (number of the
        statement within this frame), sorted by series and ts.

    """
    source = plans[0].source
    start = midnight(plans[0].day - timedelta(days=window_days - 1))
    end = midnight(plans[-1].day + timedelta(days=1))
    if plans[0].grain == "sweep":
        only = {} if queryids is None else {"queryid": queryids}
        wanted = (*KEY, "calls", "total_exec_time")
        rows = read_intervals(store, target_id, start, end, source, wanted, only)
        return number(
            rows.filter(pl.col("calls") > 0).select(
                *KEY, "ts", start="begin", end="ts", calls="calls", total_ms="total_exec_time"
            )
        )
    packed = hours.read(store, target_id, start.date(), plans[-1].day, alike(source), queryids)
    return of_hours(packed, np.arange(packed.keys.height))


def of_hours(packed: hours.Hours, series: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Return the samples of some series of packed hours, as `read_samples` does; pure.

    `series` keeps the numbers of `packed`.
    """
    mean = packed.mean[series].reshape(len(series), packed.days * hours.HOURS)
    row, hour = np.nonzero(mean)
    value = hours.MEANS[mean[row, hour]]
    calls = hours.CALLS[
        packed.calls[series].reshape(len(series), packed.days * hours.HOURS)[row, hour]
    ]
    first = (packed.first - date(1970, 1, 1)).days * hours.HOURS
    ts = pl.Series((first + hour) * _HOUR_US).cast(pl.Datetime("us"))
    keys = packed.keys[series[row]]
    return keys.with_columns(
        ts=ts,
        start=ts,
        end=ts + timedelta(hours=1),
        calls=pl.Series(calls),
        total_ms=pl.Series(value * calls),
        value=pl.Series(value),
        series=pl.Series(series[row], dtype=pl.UInt32),
    ).select(*SAMPLE_SCHEMA, "value", "series")


def alike(source: str) -> tuple[str, ...]:
    """Return the sources whose samples serve a day of this source, the days before it included.

    What was imported is what this database did, like what was collected: a newcomer's first day is
    judged by it. Generated history is nobody's.
    """
    return ("generated",) if source == "generated" else ("collected", "imported")


def read_intervals(
    store: Store,
    target_id: int,
    start: datetime,
    end: datetime,
    source: str,
    columns: Sequence[str],
    only: Mapping[str, Sequence[object]],
) -> pl.DataFrame:
    """Read the intervals of statements that samples for a day of some source are made of.

    Parameters
    ----------
    store : Store
    target_id : int
    start, end : datetime
        Of the intervals' ends; naive UTC.
    source : str
        The day's; those `alike` are read.
    columns : Sequence of str
    only : Mapping of column to sequence of values
        As for `ledger.read`.

    Returns
    -------
    polars.DataFrame
        As of `ledger.intervals`: exact ones, and of imported ones those that are lower bounds, too
        (of calls and time alike: the mean of what was counted).

    """
    rows = ledger.intervals(
        store,
        "statements",
        target_id,
        start,
        end,
        columns=(*columns, "quality"),
        only={**only, "quality": ["exact", "lower_bound"]},
        sources=alike(source),
    )
    usable = (pl.col("quality") == "exact") | (pl.col("source") == "imported")
    return rows.filter(usable).drop("quality")


def number(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `value` and `series` to rows of `SAMPLE_SCHEMA`, sorted by series and ts; pure."""
    return (
        rows.with_columns(
            value=pl.col("total_ms") / pl.col("calls"),
            series=pl.struct(KEY).rank("dense").cast(pl.UInt32),
        )
        .sort("series", "ts")
        .select(*SAMPLE_SCHEMA, "value", "series")
    )


def target_id(store: Store, name: str) -> int:
    """Return the number of a target that has a ledger.

    Raises
    ------
    ConfigurationError
        The target was never swept and has no generated history.

    """
    found = targets.find(store, name)
    if found is None:
        raise ConfigurationError(
            f"target {name!r} has no history in the store",
            "check the name, or wait for its first sweep (`perf-pipeline doctor` tests the target)",
        )
    return found
