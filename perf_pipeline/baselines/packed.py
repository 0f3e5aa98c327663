"""Baselines of many statements from packed hours, vectorised; pure.

The definitions are those of `compute`: weighted medians of the logarithm, spreads from weighted
median absolute deviations, finer slots where they differ from the coarser tier. Here they work on
whole numbers (codes of `store.hours`), so that a year of weeks is sorted in seconds.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.baselines.compute import (
    BASELINE_DAYS,
    CALLS_HALF,
    INITIAL_MINIMUM,
    INITIAL_SAMPLES,
    MAD_TO_SIGMA,
    MINIMUM,
    SLOT_ERRORS,
    SLOT_FLOOR,
    SPREAD_FLOOR,
    WEIGHT_SCALE,
    Z90,
    levels_to_leave_out,
)
from perf_pipeline.store.hours import CALLS, HOURS, LOG_MEANS, Hours

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint32]

#: Statements and days worked on at once: 3 MB an array.
AT_ONCE = 1_000
#: Natural logarithm of one step of a code.
_STEP = float(LOG_MEANS[2] - LOG_MEANS[1])
_LOG_ZERO = float(LOG_MEANS[1]) - _STEP
#: A word is a code or a distance above eight bits of calls; one that is not there sorts last.
_ABSENT = np.uint32(1 << 31)
_WEIGHTS = np.maximum(WEIGHT_SCALE * CALLS // (CALLS + CALLS_HALF), 1).astype(np.int32)

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
    "daily_spread": pl.Float64,
    "daily": pl.Binary,
    "weekly_spread": pl.Float64,
    "weekly": pl.Binary,
}


@dataclass(frozen=True)
class Wanted:
    """Which statements get a row on which days.

    Attributes
    ----------
    series, days : ndarray of int64
        Pairs, numbers in `Hours`: those with enough samples before the day.
    new_series, new_days : ndarray of int64
        Pairs without, whose first day it is.
    missing : int
        Statements that ran, counted per day, and have no baseline.

    """

    series: Ints
    days: Ints
    new_series: Ints
    new_days: Ints
    missing: int


def wanted(hours: Hours, days: Sequence[date]) -> Wanted:
    """Decide who gets a row when.

    A statement's row is made on the first of `days` in a week on which it has enough samples
    before it, and holds for the rest of the week. Until it has, its first day with enough samples
    of that day itself gives it an initial one.

    Parameters
    ----------
    hours : Hours
        With the `BASELINE_DAYS` days before the first of `days`.
    days : Sequence of date
        Whole weeks but for days that are not judged on hours, ascending: from the first such day
        of the first week on.

    """
    of_day = np.count_nonzero(hours.mean, axis=2)
    running = np.zeros((len(of_day), hours.days + 1), np.int64)
    np.cumsum(of_day, axis=1, out=running[:, 1:])
    pairs: list[tuple[Ints, Ints]] = []
    new: list[tuple[Ints, Ints]] = []
    missing = 0
    for _, week in groupby(days, key=lambda day: day.isocalendar()[:2]):
        at = np.array([hours.at(day) for day in week])
        before = running[:, at] - running[:, np.maximum(at - BASELINE_DAYS, 0)]
        enough = before >= MINIMUM["all"]
        own = of_day[:, at]
        known = np.maximum.accumulate(enough, axis=1)
        first = (own >= INITIAL_MINIMUM) & ~known
        started = np.maximum.accumulate(first, axis=1)
        missing += int(((own > 0) & ~known & ~started).sum())
        for found, into in ((enough, pairs), (first, new)):
            some = np.flatnonzero(found.any(axis=1))
            into.append((some, at[found[some].argmax(axis=1)]))
    series, at = (np.concatenate([part[k] for part in pairs]) for k in (0, 1))
    new_series, new_at = (np.concatenate([part[k] for part in new]) for k in (0, 1))
    return Wanted(series, at, new_series, new_at, missing)


def profiles(hours: Hours, asked: Wanted, changes: pl.DataFrame) -> pl.DataFrame:
    """Return the baselines of the pairs asked for.

    Parameters
    ----------
    hours : Hours
    asked : Wanted
    changes : polars.DataFrame
        What the detector saw as of the eves (`as_of`) in the series that may have changed.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`; sorted by day and series.

    """
    left_out = _Accepted(changes, hours.first)

    def usual(start: int) -> pl.DataFrame:
        part = slice(start, start + AT_ONCE)
        return _profiles(hours, asked.series[part], asked.days[part], left_out)

    def initial(start: int) -> pl.DataFrame:
        part = slice(start, start + AT_ONCE)
        return _initial(hours, asked.new_series[part], asked.new_days[part])

    with ThreadPoolExecutor(2) as pool:
        parts = [
            pl.DataFrame(schema=SCHEMA),
            *pool.map(usual, range(0, len(asked.series), AT_ONCE)),
            *pool.map(initial, range(0, len(asked.new_series), AT_ONCE)),
        ]
    return pl.concat(parts).sort("day", "series")


class _Accepted:
    """Which hours of a window belong to the accepted level of its series."""

    def __init__(self, changes: pl.DataFrame, first: date) -> None:
        segments = levels_to_leave_out(changes).with_columns(
            at=(pl.col("ts") - first).dt.total_hours().clip(0),
            eve=(pl.col("as_of") - first).dt.total_days(),
        )
        self._by_pair = {
            (series, eve + 1): part.select("at", "keep").rows()
            for (series, eve), part in segments.sort("ts")
            .partition_by("series", "eve", as_dict=True, maintain_order=True)
            .items()
        }

    def drop(self, words: Words, series: Ints, days: Ints) -> None:
        """Make hours that do not belong to it absent; shape (pairs, BASELINE_DAYS * 24)."""
        for row, pair in enumerate(zip(series.tolist(), days.tolist(), strict=True)):
            segments = self._by_pair.get(pair)
            if segments is None:
                continue
            start = (pair[1] - BASELINE_DAYS) * HOURS
            ends = [at for at, _ in segments[1:]] + [start + words.shape[1]]
            for (at, keep), end in zip(segments, ends, strict=True):
                if not keep:
                    words[row, max(at - start, 0) : max(end - start, 0)] = _ABSENT


def _words(hours: Hours, series: Ints, days: Ints, count: int) -> Words:
    """Hours of the `count` days up to the eve of each day; shape (pairs, count * 24)."""
    at = days[:, None] + np.arange(-count, 0)
    inside = at >= 0
    codes = hours.mean[series[:, None], np.maximum(at, 0)].astype(np.uint32)
    calls = hours.calls[series[:, None], np.maximum(at, 0)]
    codes[~inside] = 0
    words = np.where(codes > 0, codes << 8 | calls, _ABSENT)
    return words.reshape(len(series), count * HOURS)


def _median(words: Words) -> tuple[Ints, Ints]:
    """Twice the weighted median of the codes along the last axis, and how many there are.

    The code at which half of the weight is reached; between two where exactly half lies below.
    """
    ordered = np.sort(words, axis=-1)
    there = ordered < _ABSENT
    weight = np.where(there, _WEIGHTS[ordered & np.uint32(255)], 0)
    reached = np.cumsum(weight, axis=-1, dtype=np.int32)
    half = reached[..., -1:].copy()
    reached *= 2
    lower = (reached >= half).argmax(axis=-1)[..., None]
    exact = np.take_along_axis(reached, lower, axis=-1) == half
    upper = np.minimum(lower + exact, words.shape[-1] - 1)
    codes = ordered >> np.uint32(8)
    twice = np.take_along_axis(codes, lower, axis=-1).astype(np.int64)
    twice += np.take_along_axis(codes, upper, axis=-1)
    # where there is none, anything a code can be
    return np.minimum(twice[..., 0], 2 * 65535), np.count_nonzero(there, axis=-1)


def _spread(words: Words, twice: Ints, stretch: Floats | None = None) -> Floats:
    """Deviation of the logarithm: from distances to `twice` / 2, over all axes but the first.

    `stretch` (of the shape of `twice`) widens distances by the degree of freedom a centre took.
    """
    distance = np.abs(
        2 * (words >> np.uint32(8)).astype(np.int32) - twice[..., None].astype(np.int32)
    )
    if stretch is not None:
        distance = np.rint(distance * stretch[..., None]).astype(np.int32)
    again = np.where(
        words < _ABSENT,
        np.minimum(distance, (1 << 22) - 1).astype(np.uint32) << 8 | words & np.uint32(255),
        _ABSENT,
    )
    middle, _ = _median(again.reshape(len(words), -1))
    return np.maximum(MAD_TO_SIGMA * _STEP * middle / 4, SPREAD_FLOOR)


def _calls(words: Words) -> Ints:
    there = words < _ABSENT
    made: Ints = np.where(there, CALLS[words & np.uint32(255)], 0).sum(axis=-1)
    return made


def _frame(
    hours: Hours,
    series: Ints,
    days: Ints,
    tier: str,
    words: Words,
    middle: tuple[Ints, Ints],
    spread: Floats,
) -> pl.DataFrame:
    twice, samples = middle
    x = _LOG_ZERO + _STEP * twice / 2
    first = (hours.first - date(1970, 1, 1)).days
    return pl.DataFrame(
        {
            "day": pl.Series(first + days, dtype=pl.Int32).cast(pl.Date),
            "series": pl.Series(series, dtype=pl.UInt32),
            "tier": [tier] * len(series),
            "slot": pl.Series(np.zeros(len(series)), dtype=pl.Int16),
            "samples": pl.Series(samples, dtype=pl.Int32),
            "calls": _calls(words),
            "center": np.exp(x),
            "spread": spread,
            "low": np.exp(x - Z90 * spread),
            "high": np.exp(x + Z90 * spread),
        }
    )


def _initial(hours: Hours, series: Ints, days: Ints) -> pl.DataFrame:
    words = _words(hours, series, days + 1, 1)
    nth = np.cumsum(words < _ABSENT, axis=1)
    words[nth > INITIAL_SAMPLES] = _ABSENT
    middle = _median(words)
    frame = _frame(hours, series, days, "initial", words, middle, _spread(words, middle[0]))
    return frame.with_columns(
        daily_spread=pl.lit(None, dtype=pl.Float64),
        daily=pl.lit(b""),
        weekly_spread=pl.lit(None, dtype=pl.Float64),
        weekly=pl.lit(b""),
    ).select(*SCHEMA)


def _profiles(hours: Hours, series: Ints, days: Ints, accepted: _Accepted) -> pl.DataFrame:
    words = _words(hours, series, days, BASELINE_DAYS)
    accepted.drop(words, series, days)
    whole = _median(words)
    weekday = (hours.first.weekday() + days) % 7
    by_hour = np.ascontiguousarray(words.reshape(-1, BASELINE_DAYS, HOURS).swapaxes(1, 2))
    daily, fine_days, kept_days = _fine(by_hour, whole[0][:, None], MINIMUM["hour_of_day"])
    # slots of the week from Monday on; the window begins with the weekday of its day
    turned = np.ascontiguousarray(
        words.reshape(-1, BASELINE_DAYS // 7, 7, HOURS).transpose(0, 2, 3, 1)
    )
    of_week = turned[np.arange(len(words))[:, None], (np.arange(7) - weekday[:, None]) % 7]
    by_week = of_week.reshape(len(words), 7 * HOURS, BASELINE_DAYS // 7)
    coarse = np.tile(np.where(kept_days, fine_days[0], whole[0][:, None]), (1, 7))
    weekly, fine_weeks, kept_weeks = _fine(by_week, coarse, MINIMUM["hour_of_week"])
    frame = _frame(hours, series, days, "all", words, whole, _spread(words, whole[0]))
    return (
        frame.with_columns(
            daily_spread=pl.Series(daily),
            daily=_packed(by_hour, fine_days, kept_days),
            weekly_spread=pl.Series(weekly),
            weekly=_packed(by_week, fine_weeks, kept_weeks),
        )
        .filter(pl.col("samples") >= MINIMUM["all"])
        .select(*SCHEMA)
    )


def _fine(words: Words, coarse: Ints, minimum: int) -> tuple[Floats, tuple[Ints, Ints], Bools]:
    """Spread of the slots together, their centres and samples, and which differ from `coarse`."""
    twice, samples = _median(words)
    stretch = np.sqrt(samples / np.maximum(samples - 1, 1))
    spread = _spread(words, twice, stretch)
    distance = _STEP * np.abs(twice - coarse) / 2
    error = spread[:, None] / np.sqrt(np.maximum(samples, 1))
    kept = (samples >= minimum) & (distance > SLOT_FLOOR) & (distance > SLOT_ERRORS * error)
    return spread, (twice, samples), kept


def _packed(words: Words, middle: tuple[Ints, Ints], kept: Bools) -> pl.Series:
    """Slot, samples, code of the centre (low byte first) and code of the calls of those kept."""
    row, slot = np.nonzero(kept)
    twice, samples = middle
    code = np.clip((twice[row, slot] + 1) // 2, 1, 65535)
    made = np.empty((len(row), 5), np.uint8)
    made[:, 0], made[:, 1] = slot, samples[row, slot]
    made[:, 2], made[:, 3] = code & 255, code >> 8
    made[:, 4] = np.minimum(np.rint(8 * np.log2(np.maximum(_calls(words[row, slot]), 1))), 255)
    data = made.tobytes()
    ends = 5 * np.cumsum(np.count_nonzero(kept, axis=1))
    return pl.Series(
        [data[a:b] for a, b in zip([0, *ends.tolist()[:-1]], ends.tolist(), strict=True)],
        dtype=pl.Binary,
    )
