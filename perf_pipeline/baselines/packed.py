"""Baselines of many statements from packed hours, vectorised; pure.

The definitions are those of `compute`: weighted medians of the logarithm, spreads from weighted
median absolute deviations, finer slots where they differ from the coarser tier. Here they work on
whole numbers (codes of `store.hours`), so that a year of weeks is sorted in seconds.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import chain, groupby
from typing import Any

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
Bytes = npt.NDArray[np.uint8]

#: Statements and days worked on at once: 0.7 MB an array, what a core's cache holds.
AT_ONCE = 250
_WEEK = 7
#: Natural logarithm of one step of a code.
_STEP = float(LOG_MEANS[2] - LOG_MEANS[1])
_LOG_ZERO = float(LOG_MEANS[1]) - _STEP
#: A word is a code or a distance above the bits of its weight; one that is not there sorts last.
_WEIGHTS = np.maximum(WEIGHT_SCALE * CALLS // (CALLS + CALLS_HALF), 1).astype(np.uint32)
_WEIGHT_BITS = np.uint32(WEIGHT_SCALE.bit_length())
_WEIGHT_MASK = np.uint32((1 << WEIGHT_SCALE.bit_length()) - 1)
_ABSENT = np.uint32(1 << 31)
_FARTHEST = (1 << (31 - WEIGHT_SCALE.bit_length())) - 1

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

    def usual(start: int) -> _Columns:
        part = slice(start, start + AT_ONCE)
        return _profiles(hours, asked.series[part], asked.days[part], left_out)

    def initial(start: int) -> _Columns:
        part = slice(start, start + AT_ONCE)
        return _initial(hours, asked.new_series[part], asked.new_days[part])

    with ThreadPoolExecutor(2) as pool:
        normal = pool.map(usual, range(0, len(asked.series), AT_ONCE))
        new = pool.map(initial, range(0, len(asked.new_series), AT_ONCE))
        frames = [_together(list(normal), "all", hours.first)]
        frames.append(_together(list(new), "initial", hours.first))
    rows = pl.concat(frames)
    return rows.filter((pl.col("tier") == "initial") | (pl.col("samples") >= MINIMUM["all"])).sort(
        "day", "series"
    )


#: Arrays of a part's rows, and lists of bytes, by column.
_Columns = dict[str, Any]


def _together(parts: Sequence[_Columns], tier: str, first: date) -> pl.DataFrame:
    """Make one frame of columns of `SCHEMA`; `day` counts from `first`."""
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    columns = {
        name: list(chain.from_iterable(part[name] for part in parts))
        if isinstance(values, list)
        else np.concatenate([part[name] for part in parts])
        for name, values in parts[0].items()
    }
    frame = pl.DataFrame(columns).with_columns(
        day=(pl.col("day") + (first - date(1970, 1, 1)).days).cast(pl.Int32).cast(pl.Date),
        tier=pl.lit(tier),
        slot=pl.lit(0),
    )
    missing = [pl.lit(None).alias(name) for name in SCHEMA if name not in frame.columns]
    return frame.with_columns(missing).select(
        pl.col(name).cast(dtype).fill_null(b"") if dtype == pl.Binary else pl.col(name).cast(dtype)
        for name, dtype in SCHEMA.items()
    )


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


@dataclass(frozen=True)
class _Window:
    """Hours of the days up to the eve of each pair's day, shape (pairs, days * 24) each.

    Attributes
    ----------
    words : ndarray of uint32
        Code above the weight; what is not there sorts last.
    calls : ndarray of uint8
        Codes of `CALLS`; of words that are there.

    """

    words: Words
    calls: Bytes

    def calls_of(self, row: Ints, at: Ints) -> Ints:
        """Sum the calls of some hours; `at` has shape (rows, hours)."""
        place = (row[:, None], at)
        made: Ints = np.where(self.words[place] < _ABSENT, CALLS[self.calls[place]], 0).sum(axis=1)
        return made


def _window(hours: Hours, series: Ints, days: Ints, count: int) -> _Window:
    at = days[:, None] + np.arange(-count, 0)
    inside = at >= 0
    codes = hours.mean[series[:, None], np.maximum(at, 0)].astype(np.uint32)
    calls = hours.calls[series[:, None], np.maximum(at, 0)]
    codes[~inside] = 0
    words = np.where(codes > 0, codes << _WEIGHT_BITS | _WEIGHTS[calls], _ABSENT)
    shape = (len(series), count * HOURS)
    return _Window(words.reshape(shape), calls.reshape(shape))


def _median(words: Words) -> Ints:
    """Twice the weighted median of the codes along the last axis.

    The code at which half of the weight is reached; between two where exactly half lies below.
    """
    ordered = np.sort(words, axis=-1)
    reached = np.cumsum(ordered & _WEIGHT_MASK, axis=-1, dtype=np.int32)
    total = reached[..., -1:]
    lower = (reached >= (total + 1) // 2).argmax(axis=-1)[..., None]
    exact = 2 * np.take_along_axis(reached, lower, axis=-1) == total
    upper = np.minimum(lower + exact, words.shape[-1] - 1)
    twice = _twice(*(np.take_along_axis(ordered, at, axis=-1) for at in (lower, upper)))
    return twice[..., 0]


def _median_of_four(words: Words) -> Ints:
    """Do as `_median` does along the second axis of words of shape (pairs, 4, slots)."""
    lanes = [words[:, k] for k in range(4)]
    for a, b in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):
        lanes[a], lanes[b] = np.minimum(lanes[a], lanes[b]), np.maximum(lanes[a], lanes[b])
    reached = [(lane & _WEIGHT_MASK).astype(np.int32) for lane in lanes]
    for k in range(1, 4):
        reached[k] += reached[k - 1]
    total = reached[3]
    half = (total + 1) // 2
    lower = upper = lanes[3]
    for k in (2, 1, 0):
        here = reached[k] >= half
        upper = np.where(here, np.where(2 * reached[k] == total, lanes[k + 1], lanes[k]), upper)
        lower = np.where(here, lanes[k], lower)
    return _twice(lower, upper)


def _twice(lower: Words, upper: Words) -> Ints:
    """Sum of the codes of two words; where there are none, anything that two codes can be."""
    added = (lower >> _WEIGHT_BITS) + (upper >> _WEIGHT_BITS)
    return np.minimum(added, np.uint32(2 * 65535)).astype(np.int64)


def _spread(words: Words, twice: Ints, stretch: Floats | None = None) -> Floats:
    """Deviation of the logarithm: from distances of all words of a pair to `twice` / 2.

    `twice` (pairs, slots) belongs to words of shape (pairs, samples, slots); `stretch`, of its
    shape, widens distances by the degree of freedom that a centre took.
    """
    distance = np.abs(
        2 * (words >> _WEIGHT_BITS).astype(np.int32) - twice[:, None].astype(np.int32)
    )
    if stretch is not None:
        distance = np.rint(distance * stretch[:, None]).astype(np.int32)
    again = np.minimum(distance, _FARTHEST).astype(np.uint32) << _WEIGHT_BITS
    again |= words & (_ABSENT | _WEIGHT_MASK)
    middle = _median(again.reshape(len(words), -1))
    return np.maximum(MAD_TO_SIGMA * _STEP * middle / 4, SPREAD_FLOOR)


def _whole(series: Ints, days: Ints, window: _Window, middle: tuple[Ints, Ints]) -> _Columns:
    twice, samples = middle
    spread = _spread(window.words[:, :, None], twice[:, None])
    x = _LOG_ZERO + _STEP * twice / 2
    return {
        "day": days,
        "series": series,
        "samples": samples,
        "calls": np.where(window.words < _ABSENT, CALLS[window.calls], 0).sum(axis=1),
        "center": np.exp(x),
        "spread": spread,
        "low": np.exp(x - Z90 * spread),
        "high": np.exp(x + Z90 * spread),
    }


def _initial(hours: Hours, series: Ints, days: Ints) -> _Columns:
    window = _window(hours, series, days + 1, 1)
    nth = np.cumsum(window.words < _ABSENT, axis=1)
    window.words[nth > INITIAL_SAMPLES] = _ABSENT
    middle = (_median(window.words), np.count_nonzero(window.words < _ABSENT, axis=1))
    return _whole(series, days, window, middle)


def _profiles(hours: Hours, series: Ints, days: Ints, accepted: _Accepted) -> _Columns:
    window = _window(hours, series, days, BASELINE_DAYS)
    accepted.drop(window.words, series, days)
    words = window.words
    by_hour = words.reshape(-1, BASELINE_DAYS, HOURS)
    by_week = words.reshape(-1, BASELINE_DAYS // _WEEK, _WEEK * HOURS)
    hourly = _median(np.ascontiguousarray(by_hour.swapaxes(1, 2)))
    daily = _fine(by_hour, hourly)
    whole = (_median(words), daily.samples.sum(axis=1))
    kept_days = daily.kept(whole[0][:, None], MINIMUM["hour_of_day"])
    weekly = _fine(by_week, _median_of_four(by_week))
    coarse = np.tile(np.where(kept_days, daily.twice, whole[0][:, None]), (1, _WEEK))
    kept_weeks = weekly.kept(coarse, MINIMUM["hour_of_week"])
    # slots of the week count from Monday on; the window begins with the weekday of its day
    weekday = (hours.first.weekday() + days) % _WEEK
    return {
        **_whole(series, days, window, whole),
        "daily_spread": daily.spread,
        "daily": _packed(window, daily, kept_days, np.zeros_like(days)),
        "weekly_spread": weekly.spread,
        "weekly": _packed(window, weekly, kept_weeks, weekday * HOURS),
    }


@dataclass(frozen=True)
class _Fine:
    """Twice the centres and the samples of slots, shape (pairs, slots), and their one spread."""

    twice: Ints
    samples: Ints
    spread: Floats

    def kept(self, coarse: Ints, minimum: int) -> Bools:
        """Say which slots have enough samples and differ from `coarse`."""
        distance = _STEP * np.abs(self.twice - coarse) / 2
        error = self.spread[:, None] / np.sqrt(np.maximum(self.samples, 1))
        far: Bools = (distance > SLOT_FLOOR) & (distance > SLOT_ERRORS * error)
        return far & (self.samples >= minimum)


def _fine(words: Words, twice: Ints) -> _Fine:
    """Count and spread of words of shape (pairs, samples, slots) around their centres."""
    samples = (words < _ABSENT).sum(axis=1, dtype=np.uint8).astype(np.int64)
    stretch = np.sqrt(samples / np.maximum(samples - 1, 1))
    return _Fine(twice, samples, _spread(words, twice, stretch))


def _packed(window: _Window, fine: _Fine, kept: Bools, turn: Ints) -> list[bytes]:
    """Slot, samples, code of the centre (low byte first) and code of the calls of those kept.

    The slots of a pair count from `turn` on.
    """
    row, at = np.nonzero(kept)
    slots = kept.shape[1]
    slot = (at + turn[row]) % slots
    order = np.lexsort((slot, row))
    row, at, slot = row[order], at[order], slot[order]
    code = np.clip((fine.twice[row, at] + 1) // 2, 1, 65535)
    calls = window.calls_of(row, at[:, None] + np.arange(0, window.words.shape[1], slots))
    made = np.empty((len(row), 5), np.uint8)
    made[:, 0], made[:, 1] = slot, fine.samples[row, at]
    made[:, 2], made[:, 3] = code & 255, code >> 8
    made[:, 4] = np.minimum(np.rint(8 * np.log2(np.maximum(calls, 1))), 255)
    data = made.tobytes()
    ends = 5 * np.cumsum(np.count_nonzero(kept, axis=1))
    starts = [0, *ends.tolist()[:-1]]
    return [data[a:b] for a, b in zip(starts, ends.tolist(), strict=True)]
