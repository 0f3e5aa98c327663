"""What became of regressions, what cost most, how things trend; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from perf_pipeline.reports import latency
from perf_pipeline.reports.model import Finding, Statement
from perf_pipeline.reports.period.model import (
    Calibration,
    Cost,
    Day,
    Outcome,
    Period,
    Trend,
)

#: Days up to an instant whose mean says at what level a statement is: one day may be a holiday.
LEVEL_DAYS: Final = 3
#: Days before a period whose regressions may still be open in it: as far back as the sensor
#: `daily_reports_due` looks for days to judge.
OPEN_DAYS: Final = 62
#: Statements listed.
TOP: Final = 15
#: Days with a figure below which no trend is told: of a size, and of work with its weekly rhythm.
LEAST_DAYS: Final = 5
LEAST_DAYS_OF_WORK: Final = 14
#: Standard errors by which a slope must differ from none: days are not independent of each other.
CLEAR: Final = 4.0

#: What may have become of a regression, the worst first.
STATES: Final = ("open", "resolved", "not called")

Key = tuple[int, int, int, bool]
#: Sums of a statement's exact calls and their time (ns) by day.
Levels = Mapping[Key, Mapping[date, tuple[int, int]]]


def level(levels: Levels, key: Key, last: date) -> float | None:
    """Return a statement's time per call over the `LEVEL_DAYS` days up to `last` (ms).

    None when it was not called in an exact interval of these days.
    """
    by_day = levels.get(key, {})
    sums = [by_day.get(last - timedelta(days=n), (0, 0)) for n in range(LEVEL_DAYS)]
    calls = sum(each[0] for each in sums)
    return sum(each[1] for each in sums) / 1e6 / calls if calls else None


def state(finding: Finding, current: float | None) -> str:
    """Return what became of a rise: `resolved` when the level is nearer, by ratio, to the old one.

    Parameters
    ----------
    finding : Finding
        A rise of the time per call.
    current : float or None
        The level now; None: not called.

    """
    if current is None:
        return "not called"
    middle = (max(finding.old_level, 0.0) * max(finding.new_level, 0.0)) ** 0.5
    return "resolved" if current < middle else "open"


def outcomes(
    findings: Iterable[tuple[Finding, date]],
    levels: Levels,
    period: Period,
    last: date,
    said: Mapping[str, str] | None = None,
) -> tuple[Outcome, ...]:
    """Return the regressions found in a period, and those open when it began.

    Parameters
    ----------
    findings : iterable of (Finding, date)
        Rises as last told, with the day on which each was first told; also of the days before.
    levels : Mapping
    period : Period
    last : date
        The last day with data.
    said : Mapping of finding_id to str
        What was said of them.

    Returns
    -------
    tuple of Outcome
        One for each statement: found ones first, those expected or false last, then by what they
        add to a day, largest first.

    """
    made = []
    for finding, first_told in findings:
        if first_told > period.last:
            continue
        found = first_told >= period.first
        key = finding.statement.key
        if not found:
            before = level(levels, key, period.first - timedelta(days=1))
            if state(finding, before) != "open":
                continue
        now = level(levels, key, last)
        word = (said or {}).get(finding.finding_id, "")
        made.append(Outcome(finding, first_told, found, state(finding, now), now, word))
    return _by_statement(sorted(made, key=_rank))


def _rank(outcome: Outcome) -> tuple[bool, bool, float, str]:
    finding = outcome.finding
    added = -finding.added_ms_per_day
    return (not outcome.counts, not outcome.found, added, finding.finding_id)


def _by_statement(ranked: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Make one of a statement's outcomes: a slow drift is told as many small rises.

    The first by rank stands for the others; one that is still open keeps all of them open.
    """
    groups: dict[tuple[Key, bool], list[Outcome]] = {}
    for outcome in ranked:
        key = (outcome.finding.statement.key, outcome.counts)
        groups.setdefault(key, []).append(outcome)
    return tuple(
        replace(
            group[0],
            first_told=min(each.first_told for each in group if each.found == group[0].found),
            state=min((outcome.state for outcome in group), key=STATES.index),
            steps=len(group),
        )
        for group in groups.values()
    )


def by_day(rows: pl.DataFrame, own: pl.DataFrame) -> dict[date, Day]:
    """Return what the statements of each day did: statements, calls, time, and the p95.

    Parameters
    ----------
    rows : polars.DataFrame
        `day`, the key, `calls`, `exec_ns`, `squares` (thousandths of ms²), one source a day.
    own : polars.DataFrame
        `queryid`, `userid`, `dbid` of our own statements: not part of the p95.

    """
    found = {}
    client = rows.filter(pl.col("toplevel"))
    served = client.join(own, on=["queryid", "userid", "dbid"], how="anti")
    users = {key[0]: part for key, part in served.partition_by("day", as_dict=True).items()}
    for (day,), part in client.sort("day").group_by("day", maintain_order=True):
        others = users.get(day)
        found[day] = Day(
            day,
            statements=part.height,
            calls=int(part["calls"].sum()),
            exec_ms=int(part["exec_ns"].sum()) / 1e6,
            p95_ms=None if others is None else _p95(others),
        )
    return found


def _p95(rows: pl.DataFrame) -> float | None:
    ordered = rows.sort("queryid", "userid", "dbid")
    calls, exec_ns, squares = (
        ordered[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("calls", "exec_ns", "squares")
    )
    return latency.percentile(calls, exec_ns / 1e6, squares / 1e3)


def top(
    rows: pl.DataFrame, period: Period, known: Mapping[tuple[int, int, int], Statement]
) -> tuple[Cost, ...]:
    """Return the statements that cost most; those that functions call are in their callers' time.

    Parameters
    ----------
    rows : polars.DataFrame
        As for `by_day`.
    period : Period
    known : Mapping
        Statements whose text is known.

    """
    client = rows.filter(pl.col("toplevel"))
    whole = int(client["exec_ns"].sum())
    made = []
    for row in costliest(client).iter_rows(named=True):
        mine = client.filter(
            pl.col("queryid") == row["queryid"],
            pl.col("userid") == row["userid"],
            pl.col("dbid") == row["dbid"],
        )
        spent = dict(zip(mine["day"].to_list(), mine["exec_ns"].to_list(), strict=True))
        text = known.get((row["queryid"], row["userid"], row["dbid"]))
        made.append(
            Cost(
                Statement(
                    row["queryid"],
                    row["userid"],
                    row["dbid"],
                    True,
                    text.text if text else None,
                    text.text_length if text else 0,
                    text.tags if text else (),
                ),
                row["calls"],
                row["exec_ns"] / 1e6,
                row["exec_ns"] / whole if whole else 0.0,
                tuple(spent.get(day, 0) / 1e6 for day in period.days),
            )
        )
    return tuple(made)


def costliest(client: pl.DataFrame) -> pl.DataFrame:
    """Return the statements with the largest execution time: key, `calls`, `exec_ns`."""
    key = ["queryid", "userid", "dbid"]
    return (
        client.group_by(key)
        .agg(pl.col("calls").sum(), pl.col("exec_ns").sum())
        .sort("exec_ns", *key, descending=[True, False, False, False])
        .head(TOP)
    )


def trend(values: Sequence[float | None], least: int = LEAST_DAYS) -> Trend | None:
    """Return the straight line through the days (least squares), None for too few of them.

    Parameters
    ----------
    values : Sequence of float or None
        One per day, in order; None: not known.
    least : int
        Days with a figure that it needs.

    """
    known = [(n, value) for n, value in enumerate(values) if value is not None]
    if len(known) < least:
        return None
    x = np.array([n for n, _ in known], dtype=np.float64)
    y = np.array([value for _, value in known], dtype=np.float64)
    centred = x - x.mean()
    width = float((centred**2).sum())
    slope = float((centred * (y - y.mean())).sum()) / width
    left = y - y.mean() - slope * centred
    error = float(np.sqrt((left**2).sum() / (len(known) - 2) / width))
    doubling = float(y[-1]) / slope if slope > 0 and y[-1] > 0 else None
    return Trend(slope, len(known), doubling, abs(slope) > CLEAR * error)


def calibration(rows: Sequence[Mapping[str, Any]]) -> Calibration | None:
    """Return what the newest calibration says, None without one.

    Parameters
    ----------
    rows : Sequence of Mapping
        Rows of `report_calibration.sql`, by week.

    """
    if not rows:
        return None
    newest = [row for row in rows if row["week"] == rows[-1]["week"]]
    quiet = next((row for row in newest if row["kind"] == "unchanged"), None)
    return Calibration(
        newest[0]["as_of"],
        None if quiet is None else (quiet["rate"], quiet["rate_low"], quiet["rate_high"]),
        tuple((row["factor"], row["rate"]) for row in newest if row["kind"] == "injected"),
    )
