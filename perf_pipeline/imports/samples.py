"""What a pg_profile sample says about the time since the one before it. Pure.

A sample holds differences, of the statements only that were among the busiest by some measure. What
a row says of its statement is not touched by that. It is `exact` where `stats_since` shows that the
entry was there at the sample before. Else nothing proves it complete: by default pg_profile resets
the statistics after reading them, and loses what runs in between; and an entry may have been thrown
out and made again. It is then a lower bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, timedelta

import polars as pl

from perf_pipeline.imports.columns import counters
from perf_pipeline.imports.model import Interval
from perf_pipeline.snapshots.evidence import GAP_SPACINGS, Observation, Quality
from perf_pipeline.snapshots.families import STATEMENTS


@dataclass(frozen=True)
class Sample:
    """One sample: its number, what it saw of the server, and the sums over all statements.

    `statements` counts those that ran; all three sums are None where none is known.
    """

    number: int
    has_statements: bool
    observation: Observation
    statements: int | None
    calls: int | None
    total_exec_time: float | None


def apart(samples: Iterable[Sample]) -> list[Sample]:
    """Return samples in order of time, no two at one instant: pg_profile keeps whole seconds."""
    found: list[Sample] = []
    for sample in sorted(samples, key=lambda one: (one.observation.ts, one.number)):
        ts = sample.observation.ts
        if found and ts <= found[-1].observation.ts:
            ts = found[-1].observation.ts + timedelta(microseconds=1)
        found.append(replace(sample, observation=replace(sample.observation, ts=ts)))
    return found


def interval(
    before: Sample | None, sample: Sample, raw: pl.DataFrame, expected_seconds: float
) -> tuple[Interval, int]:
    """Return the interval that a sample ends, and how many rows were left out of it.

    Parameters
    ----------
    before : Sample or None
        The one it was compared with; None: unknown, its figures are of no known time.
    sample : Sample
    raw : polars.DataFrame
        Its rows, under the names of `columns.RAW`: differences.
    expected_seconds : float
        Usual distance of two samples.

    """
    nothing = counters(raw.clear()).with_columns(pl.lit("exact").alias("quality"))
    if before is None:
        why = "a baseline: nothing is counted" if sample.has_statements else "without statements"
        return Interval(
            sample.observation,
            None,
            "first_seen",
            nothing.select(STATEMENTS.columns),
            raw.height,
            (why,),
        ), 0
    rows = counters(raw)
    below_zero = pl.any_horizontal(pl.col(name) < 0 for name in STATEMENTS.totals)
    kept = rows.filter(~below_zero.fill_null(value=False))
    did = kept.filter(
        pl.any_horizontal(pl.col(name) > 0 for name in STATEMENTS.counters).fill_null(value=False)
    )
    usual, note = _usual(before, sample, expected_seconds)
    start = before.observation.ts.astimezone(UTC).replace(tzinfo=None)
    proved = (pl.col("stats_since") <= start).fill_null(value=False)
    quality = (
        pl.lit(usual)
        if usual in {"reset", "gap"}
        else (pl.when(proved).then(pl.lit("exact")).otherwise(pl.lit("lower_bound")))
    )
    judged = did.with_columns(quality.alias("quality")).sort(*STATEMENTS.keys)
    whole = _whole(sample, judged)
    notes = [*note]
    if not whole:
        notes.append(_coverage(sample, judged))
    exact = whole and not judged.filter(pl.col("quality") != "exact").height
    return Interval(
        observation=sample.observation,
        previous_ts=before.observation.ts,
        quality=usual if usual in {"reset", "gap"} else "exact" if exact else "lower_bound",
        rows=judged.select(STATEMENTS.columns),
        rows_read=raw.height,
        notes=tuple(notes),
    ), rows.height - kept.height


def _usual(
    before: Sample, sample: Sample, expected_seconds: float
) -> tuple[Quality, tuple[str, ...]]:
    then, now = before.observation, sample.observation
    notes: tuple[str, ...] = ()
    if (
        then.postmaster_start
        and now.postmaster_start
        and (then.postmaster_start != now.postmaster_start)
    ):
        notes = ("the server was restarted",)
    if now.database_stats_reset is not None and (
        then.database_stats_reset != now.database_stats_reset
    ):
        return "reset", (*notes, f"statistics were reset at {now.database_stats_reset}")
    if (now.ts - then.ts).total_seconds() > GAP_SPACINGS * expected_seconds:
        return "gap", notes
    return "exact", notes


def _whole(sample: Sample, rows: pl.DataFrame) -> bool:
    """Whether the sample kept every statement that ran."""
    return sample.calls is not None and int(rows["calls"].sum()) >= sample.calls


def _coverage(sample: Sample, rows: pl.DataFrame) -> str:
    if sample.calls is None:
        return "how many statements ran is not known"
    text = f"{rows.height} of {sample.statements} statements kept"
    if sample.total_exec_time:
        share = float(rows["total_exec_time"].sum()) / sample.total_exec_time
        text += f", {share:.1%} of their execution time"
    return text
