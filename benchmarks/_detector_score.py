"""Score a change detector against labelled series: offline, nightly, by delay, on nothing.

The rule: a detection counts when its direction is right and it lies within `WINDOW` samples of
the event (for a drift: of its whole course); anything else that is a regression is a false
alarm. Detections smaller than 5 % are dropped. Events labelled `hard` or `ignore` are free
either way. Recall is over the regressions that must be found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

Detector = Callable[[pl.DataFrame], pl.DataFrame]

WINDOW = {"hourly": 24, "six_hourly": 5, "daily": 4, "loadtest": 4}
SMALLEST = 0.05
DELAYS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 36, 48, 72)


@dataclass(frozen=True)
class Score:
    """Counts and what follows from them."""

    found: int
    missed: int
    false_alarms: int
    series_days: float

    @property
    def precision(self) -> float:
        """Share of reported regressions that are real."""
        return self.found / max(self.found + self.false_alarms, 1)

    @property
    def recall(self) -> float:
        """Share of real regressions that are reported."""
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.found / max(2 * self.found + self.missed + self.false_alarms, 1)

    @property
    def rate(self) -> float:
        """False alarms per 1,000 series-days."""
        return 1000 * self.false_alarms / max(self.series_days, 1e-9)

    def __str__(self) -> str:
        return (
            f"P {self.precision:.3f} R {self.recall:.3f} F1 {self.f1:.3f} "
            f"FA/1000 {self.rate:.2f} ({self.false_alarms})"
        )


def regressions(found: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Take detections of 5 % and more, with sample index `at` and whether they are regressions."""
    facts = series.group_by("series_id").agg(
        pl.col("metric").first(), pl.col("grid").first(), stamps=pl.col("ts").sort()
    )
    worse = pl.when(pl.col("metric") == "throughput").then(pl.lit("down")).otherwise(pl.lit("up"))
    return (
        found.filter(pl.col("relative_change").abs() >= SMALLEST)
        .join(facts.drop("stamps"), on="series_id")
        .with_columns(
            window=pl.col("grid").replace_strict(WINDOW, return_dtype=pl.Int64),
            worse=pl.col("direction") == worse,
        )
        .join(_index(series, found, "change_ts"), on=["series_id", "change_ts"])
    )


def _index(series: pl.DataFrame, frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Sample number of each timestamp: samples of the series before it."""
    wanted = frame.select("series_id", pl.col(column).cast(pl.Datetime("us"))).unique()
    samples = (
        series.select("series_id", ts=pl.col("ts").cast(pl.Datetime("us")))
        .unique()
        .sort("series_id", "ts")
        .with_columns(at=pl.int_range(pl.len()).over("series_id"))
    )
    return (
        wanted.sort("series_id", column)
        .join_asof(
            samples.sort("series_id", "ts"),
            left_on=column,
            right_on="ts",
            by="series_id",
            strategy="forward",
            check_sortedness=False,
        )
        .join(samples.group_by("series_id").agg(n=pl.len()), on="series_id", how="left")
        .select("series_id", column, at=pl.col("at").fill_null(pl.col("n")).cast(pl.Int64))
    )


def match(found: pl.DataFrame, events: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Pairs of detection and event that fit; columns of both, `event_id`, `finding_id`."""
    spots = events.with_columns(
        pl.col("change_ts").cast(pl.Datetime("us")),
        pl.col("change_ts_latest").cast(pl.Datetime("us")).fill_null(pl.col("change_ts")),
    )
    spots = (
        spots.join(_index(series, spots, "change_ts"), on=["series_id", "change_ts"])
        .rename({"at": "first"})
        .join(_index(series, spots, "change_ts_latest"), on=["series_id", "change_ts_latest"])
        .rename({"at": "last", "direction": "event_direction"})
    )
    return found.join(spots.drop("change_ts", "change_ts_latest"), on="series_id").filter(
        (pl.col("event_direction") == "any") | (pl.col("event_direction") == pl.col("direction")),
        pl.col("at") >= pl.col("first") - pl.col("window"),
        pl.col("at") <= pl.col("last") + pl.col("window"),
    )


def days(series: pl.DataFrame) -> float:
    """Series-days covered."""
    span = series.group_by("series_id").agg(pl.col("ts").max() - pl.col("ts").min())
    return float(span["ts"].dt.total_seconds().sum()) / 86400


def score(
    found: pl.DataFrame, events: pl.DataFrame, series: pl.DataFrame
) -> tuple[Score, pl.DataFrame, pl.DataFrame]:
    """Score detections; also returns the missed events and the false alarms."""
    events = events.with_row_index("event_id")
    found = regressions(found, series).with_row_index("finding_id")
    pairs = match(found, events, series)
    must = events.filter(pl.col("label") == "must", pl.col("severity") == "regression")
    missed = must.join(pairs, on="event_id", how="anti")
    false = found.filter("worse").join(pairs, on="finding_id", how="anti")
    return (
        Score(must.height - missed.height, missed.height, false.height, days(series)),
        missed,
        false,
    )


def nightly(detect: Detector, series: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Collect findings as a nightly run would have reported them: each midnight on the data so far.

    Returns two frames: findings reported on the first night on which they are seen, and those
    reported when two nights in a row agree. The same change (direction, within the window) is
    reported once.
    """
    first, last = series["ts"].min(), series["ts"].max()
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    size: dict[str, int] = {}
    yesterday: dict[str, list[dict]] = {}
    reported: tuple[dict[str, list[dict]], dict[str, list[dict]]] = ({}, {})
    out: tuple[list[dict], list[dict]] = ([], [])
    for day in range(1, (last - midnight).days + 2):
        night = midnight + timedelta(days=day)
        seen = series.filter(pl.col("ts") < night)
        now = dict(seen.group_by("series_id").len().iter_rows())
        fresh = [name for name, n in now.items() if size.get(name) != n]
        size = now
        seen = seen.filter(pl.col("series_id").is_in(fresh))
        tonight: dict[str, list[dict]] = {name: [] for name in fresh}
        for row in regressions(detect(seen), seen).iter_rows(named=True):
            name = row["series_id"]
            tonight[name].append(row)
            agreed = any(_same(row, k) for k in yesterday.get(name, []))
            for k, enough in enumerate((True, agreed)):
                known = reported[k].setdefault(name, [])
                if enough and not any(_same(row, other) for other in known):
                    known.append(row)
                    out[k].append({**row, "night": night})
        yesterday |= tonight
    columns = ("series_id", "change_ts", "direction", "relative_change", "p_value", "night")
    schema = {
        "series_id": pl.String, "change_ts": pl.Datetime("us"), "direction": pl.String,
        "relative_change": pl.Float64, "p_value": pl.Float64, "night": pl.Datetime("us"),
    }  # fmt: skip
    once, twice = (
        pl.DataFrame([{c: row[c] for c in columns} for row in rows], schema=schema) for rows in out
    )
    return once, twice


def _same(a: dict, b: dict) -> bool:
    return a["direction"] == b["direction"] and abs(a["at"] - b["at"]) <= a["window"]


def delays(detect: Detector, events: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Count samples after a step until it is reported, per event; null = not within 72.

    Each step that must be found is shown with 1, 2, ... 72 samples of its new level, less if
    the series ends or changes again before.
    """
    steps = events.filter(
        pl.col("event").is_in(["step", "step_revert"]),
        pl.col("label") == "must",
        pl.col("magnitude") >= 0.15,
    ).with_row_index("event_id")
    spots = _index(series, steps, "change_ts")
    steps = steps.join(spots, on=["series_id", "change_ts"])
    ordered = series.sort("series_id", "ts").with_columns(
        _i=pl.int_range(pl.len()).over("series_id")
    )
    first: dict[int, int] = {}
    for k in DELAYS:
        left = steps.filter(~pl.col("event_id").is_in(list(first)))
        if left.height == 0:
            break
        shown = ordered.join(left.select("event_id", "series_id", "at"), on="series_id").filter(
            pl.col("_i") < pl.col("at") + k
        )
        shown = shown.with_columns(
            series_id=pl.col("series_id") + "#" + pl.col("event_id").cast(pl.String)
        ).drop("_i", "at", "event_id")
        truth = left.with_columns(
            series_id=pl.col("series_id") + "#" + pl.col("event_id").cast(pl.String)
        )
        rows = regressions(detect(shown), shown)
        hit = match(rows.with_row_index("finding_id"), truth.drop("at"), shown)
        for event in hit["event_id"].unique().to_list():
            first[event] = k
    return steps.select("series_id", "event_id", "magnitude").with_columns(
        delay=pl.col("event_id").replace_strict(first, default=None, return_dtype=pl.Int64)
    )
