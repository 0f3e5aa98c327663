"""How often the detector is wrong on this installation's own history, and what it finds; pure.

*Unchanged* series are made from real ones: the longest stretch without a change, its days in random
order (working days among themselves, and weekends), so that noise, calls and the season of the day
stay, and no change of level is where it was. What is reported on them, night by night, is a false
alarm. *Injected* ones are the same stretches as they were, with every sample from a random onset on
times a factor. All random numbers follow from the target, the week, the series and the replicate,
so that no result depends on which other series take part.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from perf_pipeline.regressions.identity import LATE_DAYS, SAME_SAMPLES
from perf_pipeline.regressions.judge import Q_LIMIT, large, not_enough, q_values
from perf_pipeline.regressions.policy import DEFAULT, Policy
from perf_pipeline.regressions.rates import Rate, rate_interval, share_interval

Detector = Callable[[pl.DataFrame], pl.DataFrame]

FACTORS = (1.2, 1.5, 2.0)
#: Calls per sample (median) of the classes; a mean over few calls is noisy.
CLASSES = (("<10", 0.0), ("10-99", 10.0), ("100-999", 100.0), (">=1000", 1000.0))
ALL = "all"
#: Series taken at most, and how often the days of each are shuffled.
SERIES, REPLICATES = 120, 8
#: Nights replayed of each shuffled series; the night before them is only looked at.
NIGHTS = 7
#: Days and samples that a stretch without a change must have.
LEAST_DAYS, LEAST_SAMPLES = 12, 60
#: Samples of the new level after which an injected step is looked for; the last is the patience.
LOOKS = (5, 6, 8, 12, 16, 24, 48, 72)
#: Samples by which a finding's onset may be off.
NEAR = 24

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """One line of the calibration.

    Attributes
    ----------
    kind : str
        `unchanged` or `injected`.
    factor : float
        1 for `unchanged`.
    calls_class : str
        `all` or a name in `CLASSES`.
    series : int
        Distinct real series.
    trials : int
        Shuffled or injected series.
    series_days : float
        Days replayed; 0 for `injected`.
    hits : int
        False alarms (rises), or injected rises found.
    rate : Rate
        False alarms per 1,000 series-days, or the share found.
    median_delay : float or None
        Samples of the new level until half of the injected rises were found; None when fewer were.

    """

    kind: str
    factor: float
    calls_class: str
    series: int
    trials: int
    series_days: float
    hits: int
    rate: Rate
    median_delay: float | None


def seed(*words: object) -> np.random.Generator:
    """Return a generator that depends on these words alone."""
    text = "\x1f".join(str(word) for word in words)
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode()).digest()[:16]))


def quiet(samples: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return the longest stretch of each series between two changes, where it is long enough.

    Parameters
    ----------
    samples : DataFrame
        `series_id` str, `ts` datetime, `value` f64, `calls` i64; other columns are dropped.
    changes : DataFrame
        As `detect` returns them for these series.

    Returns
    -------
    DataFrame
        The samples of the stretches, sorted by series and time; a stretch has at least
        `LEAST_DAYS` days with samples and `LEAST_SAMPLES` samples.

    """
    marks = changes.select("series_id", ts=pl.col("change_ts"), _new=pl.lit(value=True))
    stretches = (
        samples.select("series_id", pl.col("ts").cast(pl.Datetime("us")), "value", "calls")
        .filter(pl.col("value") > 0)
        .sort("series_id", "ts")
        .join(marks.unique(), on=["series_id", "ts"], how="left", maintain_order="left")
        .with_columns(_part=pl.col("_new").fill_null(value=False).cum_sum().over("series_id"))
    )
    sizes = (
        stretches.group_by("series_id", "_part")
        .agg(_n=pl.len(), _days=pl.col("ts").dt.date().n_unique())
        .filter(pl.col("_n") >= LEAST_SAMPLES, pl.col("_days") >= LEAST_DAYS)
        .sort("series_id", "_n", "_part", descending=[False, True, True])
        .unique("series_id", keep="first", maintain_order=True)
    )
    kept = stretches.join(sizes, on=["series_id", "_part"], how="semi", maintain_order="left")
    return kept.select("series_id", "ts", "value", "calls")


def chosen(stretches: pl.DataFrame, name: str, number: int = SERIES) -> pl.DataFrame:
    """Choose series by lot, as many of each class of calls as there are.

    Parameters
    ----------
    stretches : DataFrame
        As `quiet` returns them.
    name : str
        Names the lot: target and week.
    number : int

    Returns
    -------
    DataFrame
        `series_id`, `calls_class`, sorted by series.

    """
    usual = stretches.group_by("series_id").agg(pl.col("calls").median()).sort("series_id")
    rows = [
        (series, calls_class(calls), seed(name, series).random())
        for series, calls in usual.iter_rows()
    ]
    lots = pl.DataFrame(
        rows,
        schema={"series_id": pl.String(), "calls_class": pl.String(), "lot": pl.Float64()},
        orient="row",
    )
    turn = pl.col("lot").rank("ordinal").over("calls_class")
    return (
        lots.with_columns(turn=turn)
        .sort("turn", "lot")
        .head(number)
        .select("series_id", "calls_class")
        .sort("series_id")
    )


def calls_class(calls: float | None) -> str:
    """Return the class of a series by its usual calls per sample; unknown calls are few."""
    known = [name for name, least in CLASSES if calls is not None and calls >= least]
    return known[-1] if known else CLASSES[0][0]


def shuffled(part: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Put the days of one series into random order, weekends and working days apart.

    Parameters
    ----------
    part : DataFrame
        `ts`, `value`, `calls` of one series.
    rng : Generator

    Returns
    -------
    DataFrame
        The same samples with other days; each keeps its time of the day.

    """
    dated = part.with_columns(_day=pl.col("ts").dt.date())
    known = dated["_day"].unique().sort()
    weekend = known.dt.weekday().to_numpy() >= 6
    order = np.arange(len(known))
    for group in (weekend, ~weekend):
        order[group] = rng.permutation(order[group])
    moved = pl.DataFrame({"_day": known, "_to": known[order]})
    return (
        dated.join(moved, on="_day")
        .with_columns(ts=pl.col("ts") + (pl.col("_to") - pl.col("_day")))
        .sort("ts")
        .select(part.columns)
    )


def accepted(changes: pl.DataFrame, tested: int, policy: Policy = DEFAULT) -> pl.DataFrame:
    """Return the rises that a night's run would report as findings.

    Parameters
    ----------
    changes : DataFrame
        As `detect` returns them, all of one night.
    tested : int
        Series of the night.
    policy : Policy

    """
    rows = changes.filter(not_enough(policy).is_null())
    q = pl.Series("q_value", q_values(rows["p_value"].to_numpy(), tested), dtype=pl.Float64)
    return rows.with_columns(q).filter(
        pl.col("q_value") <= Q_LIMIT, large(policy), pl.col("direction") == "up"
    )


def unchanged(
    detect: Detector,
    stretches: pl.DataFrame,
    classes: pl.DataFrame,
    name: str,
    policy: Policy = DEFAULT,
) -> list[Row]:
    """Measure false alarms on shuffled history, replayed night by night.

    Parameters
    ----------
    detect : Detector
    stretches : DataFrame
        As `quiet` returns them.
    classes : DataFrame
        As `chosen` returns them.
    name : str
        Names the random numbers: target and week.
    policy : Policy

    Returns
    -------
    list of Row
        For `all`, then for each class with series.

    """
    alarms: dict[str, int] = {}
    nights: dict[str, int] = {}
    same = SAME_SAMPLES * _step(stretches)
    for replicate in range(REPLICATES):
        history = [
            shuffled(part, seed(name, series, replicate))
            for series, part in _by_series(stretches, classes)
        ]
        seen: dict[str, list[datetime]] = {}
        for back in range(NIGHTS, -1, -1):
            tonight = {
                part["series_id"][0]: known
                for part in history
                if (known := _before(part, back)) is not None
            }
            if not tonight:
                continue
            counted = back < NIGHTS
            for series in tonight if counted else ():
                nights[series] = nights.get(series, 0) + 1
            found = accepted(detect(pl.concat(tonight.values())), len(tonight), policy)
            for series, onset in found.select("series_id", "change_ts").iter_rows():
                fresh = onset > tonight[series]["ts"][-1] - LATE_DAYS * _DAY
                others = seen.setdefault(series, [])
                new = not any(abs(onset - other) <= same for other in others)
                others.append(onset)
                alarms[series] = alarms.get(series, 0) + (counted and fresh and new)
    return [_false_alarms(label, members, alarms, nights) for label, members in _members(classes)]


def _step(stretches: pl.DataFrame) -> timedelta:
    gaps = stretches["ts"].diff().drop_nulls()
    usual: Any = gaps.filter(gaps > timedelta(0)).median()
    return usual if isinstance(usual, timedelta) else timedelta(hours=1)


def _by_series(
    stretches: pl.DataFrame, classes: pl.DataFrame
) -> Iterator[tuple[str, pl.DataFrame]]:
    wanted = stretches.join(classes, on="series_id", how="semi", maintain_order="left")
    for (series,), part in wanted.group_by("series_id", maintain_order=True):
        yield str(series), part


def _before(part: pl.DataFrame, nights: int) -> pl.DataFrame | None:
    """Return what was known so many nights before the last one; None before the first day."""
    last: Any = part["ts"].max()
    end = datetime.combine(last.date() - timedelta(days=nights) + _DAY, datetime.min.time())
    known = part.filter(pl.col("ts") < end)
    return known if known.height else None


def _members(classes: pl.DataFrame) -> list[tuple[str, list[str]]]:
    groups = [(ALL, classes["series_id"].to_list())]
    for label, _ in CLASSES:
        members = classes.filter(pl.col("calls_class") == label)["series_id"].to_list()
        groups += [(label, members)] if members else []
    return groups


def _false_alarms(
    label: str, members: Sequence[str], alarms: dict[str, int], nights: dict[str, int]
) -> Row:
    counts = [alarms.get(series, 0) for series in members]
    days = float(sum(nights.get(series, 0) for series in members))
    rate = rate_interval(counts, days)
    return Row(
        "unchanged",
        1.0,
        label,
        len(members),
        len(members) * REPLICATES,
        days,
        sum(counts),
        rate,
        None,
    )


def injected(
    detect: Detector,
    stretches: pl.DataFrame,
    classes: pl.DataFrame,
    name: str,
    policy: Policy = DEFAULT,
) -> list[Row]:
    """Multiply real quiet series by each factor from a random onset on, and look for it.

    Parameters
    ----------
    detect, stretches, classes, name, policy
        As for `unchanged`.

    Returns
    -------
    list of Row
        For each factor: `all`, then each class with series.

    """
    rows: list[Row] = []
    parts = dict(_by_series(stretches, classes))
    for factor in FACTORS:
        onsets = {
            series: _onset(part, seed(name, series, factor)) for series, part in parts.items()
        }
        delays: dict[str, int] = {}
        for look in LOOKS:
            left = {s: part for s, part in parts.items() if s not in delays}
            if not left:
                break
            shown = [_stepped(part, onsets[s], factor, look) for s, part in left.items()]
            found = accepted(detect(pl.concat(shown)), len(shown), policy)
            for series, onset in found.select("series_id", "change_ts").iter_rows():
                ts = parts[series]["ts"]
                off = int(ts.search_sorted(onset)) - onsets[series]
                if abs(off) <= NEAR:
                    delays.setdefault(series, look)
        rows += [_recall(factor, label, members, delays) for label, members in _members(classes)]
    return rows


def _onset(part: pl.DataFrame, rng: np.random.Generator) -> int:
    """Return a random place between 40 and 85 % of a series."""
    return int(part.height * rng.uniform(0.4, 0.85))


def _stepped(part: pl.DataFrame, at: int, factor: float, look: int) -> pl.DataFrame:
    value = np.array(part["value"].to_numpy(), dtype=np.float64)
    value[at:] *= factor
    return part.with_columns(value=pl.Series(value)).head(at + look)


def _recall(factor: float, label: str, members: Sequence[str], delays: dict[str, int]) -> Row:
    known = sorted(delays[series] for series in members if series in delays)
    half = (len(members) + 1) // 2
    median = float(known[half - 1]) if len(known) >= half > 0 else None
    share = share_interval(len(known), len(members))
    return Row(
        "injected", factor, label, len(members), len(members), 0.0, len(known), share, median
    )


def judged_above(rows: Sequence[Row], goal: float) -> bool | None:
    """Tell whether the false-alarm rate is significantly above the goal; None if not measured."""
    rate = next((r.rate for r in rows if r.kind == "unchanged" and r.calls_class == ALL), None)
    if rate is None or math.isnan(rate.value):
        return None
    return rate.low > goal
