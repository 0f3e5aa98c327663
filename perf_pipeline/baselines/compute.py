"""What was normal for each statement on the eve of a day; pure.

The baseline of day D rests on the days before D. It is a centre (weighted median of the logarithm)
and a spread (1.4826 median absolute deviation of the logarithm) in tiers: `all` for each statement,
`hour_of_day` and `hour_of_week` where that hour differs from the coarser tier. A reader takes the
finest tier present for its hour. Medians weigh samples by whole numbers, so that no result depends
on which other days or statements are computed with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

#: Days before D a baseline rests on: four of each hour of the week (the window of a rolling
#: baseline in the described design is 30 days; 28 are whole weeks).
BASELINE_DAYS = 28
#: Samples of one slot below which its tier is not used: 4 of the 4 or 5 that 28 days can hold of an
#: hour of the week; 5 is the described least number of recent samples.
MINIMUM = {"hour_of_week": 4, "hour_of_day": 5, "all": 5}
#: The initial baseline: the first 20 exact intervals of a day that has no history, at least the
#: 10 baseline samples the described thresholds ask for.
INITIAL_SAMPLES = 20
INITIAL_MINIMUM = 10
#: A sample of n calls weighs n / (n + 10): half at 10 calls, as when one call varies about three
#: times as much (sqrt 10) as the hourly means do.
CALLS_HALF = 10
#: Weights are whole thousandths: sums of integers do not depend on their order.
WEIGHT_SCALE = 1000
#: 2 %: below it differences are timer resolution and code layout, not the database.
SPREAD_FLOOR = 0.02
#: Consistency of the median absolute deviation with a normal standard deviation.
MAD_TO_SIGMA = 1.4826
#: 5 % to 95 % of a normal distribution.
Z90 = 1.6448536269514722
#: A segment counts as the accepted level within 10 %, the floor below which no change is reported.
LEVEL_TOLERANCE = 0.0953101798043249  # ln 1.1
#: A finer slot is kept when its centre is at least 5 % and four standard errors of a median (1.2533
#: times a mean's) from the coarser: 168 slots are looked at, and 1 in 16,000 passes by chance.
SLOT_FLOOR = 0.04879016416943205  # ln 1.05
SLOT_ERRORS = 4 * 1.2533141373155003

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SCHEMA = {
    "day": pl.Date,
    "series": pl.UInt32,
    "tier": pl.String,
    "slot": pl.Int16,
    "samples": pl.Int32,
    "calls": pl.Int64,
    "center": pl.Float64,
    "spread": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True)
class Computed:
    """Baselines, and for how many statements with samples on a day there was not enough data.

    Attributes
    ----------
    frame : polars.DataFrame
        Columns of `SCHEMA`: `center`, `low`, `high` in ms per call, `spread` the standard
        deviation of the logarithm; sorted by day, series, tier, slot.
    not_enough_data : dict of date to int

    """

    frame: pl.DataFrame
    not_enough_data: dict[date, int]


def weighted_median(groups: Ints, values: Floats, weights: Ints) -> tuple[Ints, Floats]:
    """Return the weighted median of each group.

    Parameters
    ----------
    groups : ndarray of int64
    values : ndarray of float64
    weights : ndarray of int64
        At least 1.

    Returns
    -------
    tuple of ndarray
        The distinct groups, ascending, and the value at which half of the group's weight is
        reached; the mean of two values where exactly half lies below.

    """
    order = np.lexsort((values, groups))
    groups, values, weights = groups[order], values[order], weights[order]
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if groups.size else groups
    if not groups.size:
        return groups, values
    before = np.cumsum(weights) - weights
    totals = np.add.reduceat(weights, starts)
    # doubled, so that half of an odd total stays a whole number
    reached = 2 * (before + weights)
    half = 2 * before[starts] + totals
    lower = np.searchsorted(reached, half, side="left")
    upper = np.where(reached[lower] == half, np.minimum(lower + 1, groups.size - 1), lower)
    return groups[starts], (values[lower] + values[upper]) / 2


def levels_to_leave_out(changes: pl.DataFrame) -> pl.DataFrame:
    """Return the segments of each series and whether they belong to its accepted level.

    A rise is open until the level falls again: the accepted level is that of the last segment
    that was not opened by a rise. Segments farther than 10 % from it are left out, so that a
    regression never becomes normal while it lasts; one that fills the whole window has.

    Parameters
    ----------
    changes : polars.DataFrame
        `as_of`, `series`, `change_ts`, `direction`, `old_level`, `new_level`; sorted by these.

    Returns
    -------
    polars.DataFrame
        `as_of`, `series`, `ts` (start of the segment; the first one starts at the epoch), `keep`;
        sorted by ts. Only series that changed have rows.

    """
    by = ["as_of", "series"]
    first = changes.group_by(by, maintain_order=True).first()
    opening = first.select(
        *by,
        ts=pl.lit(datetime(1970, 1, 1)).cast(pl.Datetime("us")),
        up=pl.lit(value=False),
        level=pl.col("old_level"),
    )
    later = changes.select(
        *by, ts="change_ts", up=pl.col("direction") == "up", level=pl.col("new_level")
    )
    segments = pl.concat([opening, later]).sort(*by, "ts")
    accepted = (
        segments.filter(~pl.col("up"))
        .group_by(by, maintain_order=True)
        .last()
        .select(*by, accepted=pl.col("level"))
    )
    distance = (pl.col("level").log() - pl.col("accepted").log()).abs()
    return (
        segments.join(accepted, on=by)
        .with_columns(
            keep=(pl.col("level") == pl.col("accepted"))
            | (distance.is_finite() & (distance <= LEVEL_TOLERANCE))
        )
        .select(*by, "ts", "keep")
        .sort("ts", *by)
    )


def accepted_samples(seen: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return the samples of each window that belong to the accepted level of their series.

    Parameters
    ----------
    seen : polars.DataFrame
        `as_of`, `series`, `ts` and more.
    changes : polars.DataFrame
        What the detector saw as of the same days.

    """
    segments = levels_to_leave_out(changes)
    by = ["as_of", "series"]
    changed = seen.join(segments.select(by).unique(), on=by, how="semi").sort("ts")
    kept = (
        changed.join_asof(segments, on="ts", by=by, strategy="backward", check_sortedness=False)
        .filter(pl.col("keep"))
        .drop("keep")
    )
    quiet = seen.join(segments.select(by).unique(), on=by, how="anti")
    return pl.concat([quiet, kept])


def compute(
    samples: pl.DataFrame,
    seen: pl.DataFrame,
    changes: pl.DataFrame,
    days: Sequence[date],
    grain: str,
) -> Computed:
    """Return the baselines of a range of days in one pass.

    Parameters
    ----------
    samples : polars.DataFrame
        `series`, `ts`, `value` (ms per call), `calls`; covers `days` and the days before.
    seen : polars.DataFrame
        The windows of the days before: `as_of` (the eve of the day), `series`, `ts`, `value`,
        `calls`.
    changes : polars.DataFrame
        What the detector saw as of the same eves.
    days : Sequence of date
    grain : str
        `hour`, or `sweep`: a history too short to know hours of the day.

    """
    usable = seen.filter(pl.col("value") > 0, pl.col("value").is_finite())
    prior = accepted_samples(usable, changes).with_columns(day=pl.col("as_of") + timedelta(days=1))
    rows = _tiers(prior, grain)
    current = samples.filter(
        pl.col("value") > 0, pl.col("value").is_finite(), pl.col("ts").dt.date().is_in(days)
    ).with_columns(day=pl.col("ts").dt.date())
    by = ["day", "series"]
    unknown = current.join(rows.select(by).unique(), on=by, how="anti")
    initial = (
        unknown.sort(*by, "ts")
        .with_columns(nth=pl.col("ts").cum_count().over(by))
        .filter(pl.col("nth") <= INITIAL_SAMPLES, pl.len().over(by) >= INITIAL_MINIMUM)
    )
    rows = pl.concat([rows, _rows(_centres(initial, "initial", pl.lit(0)), initial=True)])
    missing = current.select(by).unique().join(rows.select(by).unique(), on=by, how="anti")["day"]
    counts = dict.fromkeys(days, 0) | dict(missing.value_counts().iter_rows())
    return Computed(rows.sort("day", "series", "tier", "slot"), counts)


def _tiers(prior: pl.DataFrame, grain: str) -> pl.DataFrame:
    whole = _rows(_centres(prior, "all", pl.lit(0)))
    if grain != "hour":
        return whole
    hour = pl.col("ts").dt.hour().cast(pl.Int16)
    week = (pl.col("ts").dt.weekday().cast(pl.Int16) - 1) * 24 + hour
    daily = _rows(_centres(prior, "hour_of_day", hour))
    weekly = _rows(_centres(prior, "hour_of_week", week))
    by = ["day", "series"]
    daily = _different(daily, whole.select(*by, coarse="center"), by)
    coarse = (
        weekly.select(*by, "slot", hour=pl.col("slot") % 24)
        .join(whole.select(*by, all="center"), on=by)
        .join(daily.select(*by, hour="slot", daily="center"), on=[*by, "hour"], how="left")
        .select(*by, "slot", coarse=pl.coalesce("daily", "all"))
    )
    weekly = _different(weekly, coarse, [*by, "slot"])
    return pl.concat([whole, daily, weekly])


def _different(fine: pl.DataFrame, coarse: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Keep the slots whose centre is not what the coarser tier says already."""
    distance = (pl.col("center").log() - pl.col("coarse").log()).abs()
    error = pl.col("spread") / pl.col("samples").cast(pl.Float64).sqrt()
    return (
        fine.join(coarse, on=by)
        .filter(distance > SLOT_FLOOR, distance > SLOT_ERRORS * error)
        .drop("coarse")
    )


def _centres(rows: pl.DataFrame, tier: str, slot: pl.Expr) -> pl.DataFrame:
    """One row per day, series and slot: samples, calls, log centre and log spread."""
    keys = ["day", "series", "slot"]
    rows = rows.with_columns(slot=slot.cast(pl.Int16))
    numbered = rows.select(
        *keys,
        "calls",
        x=pl.col("value").log(),
        weight=(WEIGHT_SCALE * pl.col("calls") // (pl.col("calls") + CALLS_HALF)).clip(1),
    ).sort(keys)
    group = numbered.select(pl.struct(keys).rle_id().cast(pl.Int64)).to_series().to_numpy()
    x, weight = numbered["x"].to_numpy(), numbered["weight"].cast(pl.Int64).to_numpy()
    _, centre = weighted_median(group, x, weight)
    table = numbered.group_by(keys, maintain_order=True).agg(
        samples=pl.len().cast(pl.Int32), calls=pl.col("calls").sum()
    )
    residual = np.abs(x - centre[group])
    if tier in ("all", "initial"):
        scope = group
    else:
        # one slot has too few samples to know its own spread: all slots of a series share one,
        # widened by the degree of freedom that each centre used up
        both = numbered.select(pl.struct("day", "series").rle_id().cast(pl.Int64)).to_series()
        scope = both.to_numpy()
        counts = table["samples"].to_numpy()[group]
        residual = residual * np.sqrt(counts / np.maximum(counts - 1, 1))
    _, mad = weighted_median(scope, residual, weight)
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if group.size else group
    spread = np.maximum(MAD_TO_SIGMA * mad[scope[first]], SPREAD_FLOOR)
    return table.with_columns(tier=pl.lit(tier), x=pl.Series(centre), spread=pl.Series(spread))


def _rows(centres: pl.DataFrame, *, initial: bool = False) -> pl.DataFrame:
    if not initial:
        minimum = pl.col("tier").replace_strict(MINIMUM, return_dtype=pl.Int32)
        centres = centres.filter(pl.col("samples") >= minimum)
    band = Z90 * pl.col("spread")
    return centres.with_columns(
        center=pl.col("x").exp(), low=(pl.col("x") - band).exp(), high=(pl.col("x") + band).exp()
    ).select(*SCHEMA)
