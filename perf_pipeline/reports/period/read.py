"""Read the facts of a week or a month: rollups, findings, and when there were sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline import __version__
from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports import assemble, coverage, texts
from perf_pipeline.reports import read as daily
from perf_pipeline.reports.comparison import build as comparison
from perf_pipeline.reports.comparison import read as sides
from perf_pipeline.reports.comparison.model import Comparison
from perf_pipeline.reports.model import Finding
from perf_pipeline.reports.period import compute
from perf_pipeline.reports.period.model import Day, Growth, LoadTest, Period, PeriodData
from perf_pipeline.store import Store, frames, ledger, samples

Row = Mapping[str, Any]

_STATEMENTS: Final = {
    "day": pl.Date(),
    "source": pl.String(),
    "queryid": pl.Int64(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "calls": pl.Int64(),
    "exec_ns": pl.Int64(),
    "squares": pl.Int64(),
    "exact_calls": pl.Int64(),
    "exact_ns": pl.Int64(),
}
_OWN: Final = {"queryid": pl.Int64(), "userid": pl.Int64(), "dbid": pl.Int64()}
_SWEEP: Final = ("ts", "previous_ts", "source", "quality", "connect_ms")
#: Statements whose texts a report of a period fetches for its comparison.
MOST_TEXTS: Final = 100
_PAGE_BYTES: Final = 8192


def period(store: Store, target_id: int, target_name: str, asked: Period) -> PeriodData:
    """Read one week or month.

    Parameters
    ----------
    store : Store
    target_id : int
    target_name : str
    asked : Period
        A period that is not over is told as far as it goes.

    """
    early = asked.first - timedelta(days=compute.LEVEL_DAYS)
    params = {"target_id": target_id, **daily.span(early, asked.last)}
    everything = frames.read(store, "report_period_statements", _STATEMENTS, params)
    sweeps = _sweeps(store, target_id, asked)
    source = assemble.day_source({*everything["source"].unique(), *sweeps["source"].unique()})
    if source is None:
        days = tuple(Day(day) for day in asked.days)
        return PeriodData(target_name, asked, __version__, days, alone="nothing is known of it")
    sources = list(samples.alike(source))
    others = everything.filter(~pl.col("source").is_in(sources))["day"]
    everything = everything.filter(pl.col("source").is_in(sources))
    rows = everything.filter(pl.col("day") >= asked.first)
    data = PeriodData(
        target_name,
        asked,
        __version__,
        _days(store, target_id, asked, rows, sweeps, sources),
        source=source,
    )
    data = _with_costs(store, target_id, data, rows)
    strange = frozenset(others.unique()) - frozenset(everything["day"].unique())
    data = _with_outcomes(store, target_id, data, everything, strange)
    data = _with_growth(store, target_id, data, sources)
    span = {"target_id": target_id, **daily.span(asked.first, asked.last)}
    data = replace(
        data,
        calibration=compute.calibration(store.rows("report_calibration", span)),
        load_tests=_load_tests(store, target_name, asked),
    )
    found, alone = _compared(store, target_id, target_name, asked)
    return replace(
        data, comparison=found, alone=alone, queries=_queries(store, target_id, asked, sources)
    )


def _sweeps(store: Store, target_id: int, asked: Period) -> pl.DataFrame:
    span = daily.span(asked.first, asked.last)
    found = ledger.read(store, "sweeps", target_id, span["start"], span["end"], columns=_SWEEP)
    return found.sort("ts")


def _days(
    store: Store,
    target_id: int,
    asked: Period,
    rows: pl.DataFrame,
    sweeps: pl.DataFrame,
    sources: list[str],
) -> tuple[Day, ...]:
    span = {"target_id": target_id, **daily.span(asked.first, asked.last)}
    own = frames.read(store, "report_own_statements", _OWN, span)
    worked = compute.by_day(rows, own)
    base = {
        row["day"]: row for row in store.rows("report_period_database", span | {"sources": sources})
    }
    judged = {row["day"] for row in store.rows("report_judged_days", span)}
    swept: dict[date, list[Row]] = {}
    for row in sweeps.filter(pl.col("source").is_in(sources)).iter_rows(named=True):
        swept.setdefault(row["ts"].date(), []).append(row)
    return tuple(
        _day(worked.get(day, Day(day)), base.get(day), swept.get(day, []), judged=day in judged)
        for day in asked.days
    )


def _day(day: Day, base: Row | None, swept: Sequence[Row], *, judged: bool) -> Day:
    hit, read = (base or {}).get("blks_hit"), (base or {}).get("blks_read")
    return replace(
        day,
        sweeps=len(swept),
        exact_seconds=coverage.exact_seconds(swept, day.day),
        connect_ms=coverage.p95(row["connect_ms"] for row in swept),
        cache_hit=None if hit is None or read is None or not hit + read else hit / (hit + read),
        commits=(base or {}).get("commits"),
        deadlocks=(base or {}).get("deadlocks"),
        temp_bytes=(base or {}).get("temp_bytes"),
        database_bytes=(base or {}).get("database_bytes"),
        judged=judged,
    )


def _with_costs(store: Store, target_id: int, data: PeriodData, rows: pl.DataFrame) -> PeriodData:
    client = rows.filter(pl.col("toplevel"))
    shown = compute.costliest(client)["queryid"].to_list()
    return replace(
        data,
        top=compute.top(rows, data.period, texts.known(store, target_id, shown)),
        total_ms=int(client["exec_ns"].sum()) / 1e6,
        statements=client.select("queryid", "userid", "dbid").n_unique(),
        time_trend=compute.trend([day.exec_ms for day in data.days], compute.LEAST_DAYS_OF_WORK),
    )


def _with_outcomes(
    store: Store,
    target_id: int,
    data: PeriodData,
    rows: pl.DataFrame,
    strange: frozenset[date],
) -> PeriodData:
    """Add what became of the regressions; `strange` days are those of another source."""
    asked = data.period
    params = {
        "target_id": target_id,
        "first": asked.first - timedelta(days=compute.OPEN_DAYS),
        "last": asked.last,
    }
    told = store.rows("report_period_findings", params)
    tags = texts.tags(store, target_id, {row["queryid"] for row in told})
    findings = [(daily.finding(row, tags), row) for row in told if row["first_told"] not in strange]
    rises = [
        (finding, row["first_told"])
        for finding, row in findings
        if finding.severity != "improvement" and finding.direction == "up"
    ]
    said = {row["finding_id"]: row["verdict"] for row in store.rows("report_said", params)}
    last = rows["day"].max()
    end = last if isinstance(last, date) else asked.last
    levels = _levels(rows, [f for f, _ in rises])
    found = compute.outcomes(rises, levels, asked, end, said)
    per_day: dict[date, int] = {}
    for outcome in (each for each in found if each.counts):
        per_day[outcome.first_told] = per_day.get(outcome.first_told, 0) + 1
    return replace(
        data,
        outcomes=found,
        improvements=tuple(
            sorted(
                (
                    f
                    for f, row in findings
                    if f.severity == "improvement" and row["first_told"] >= asked.first
                ),
                key=lambda f: (f.added_ms_per_day, f.finding_id),
            )
        ),
        days=tuple(replace(day, found=per_day.get(day.day, 0)) for day in data.days),
    )


def _levels(rows: pl.DataFrame, findings: Sequence[Finding]) -> compute.Levels:
    ids = sorted({finding.statement.queryid for finding in findings})
    found: dict[compute.Key, dict[date, tuple[int, int]]] = {}
    for row in rows.filter(pl.col("queryid").is_in(ids)).iter_rows(named=True):
        days = found.setdefault(assemble.key(row), {})
        days[row["day"]] = (row["exact_calls"], row["exact_ns"])
    return found


def _with_growth(store: Store, target_id: int, data: PeriodData, sources: list[str]) -> PeriodData:
    asked = data.period
    params = {
        "target_id": target_id,
        "earliest": asked.first - timedelta(days=compute.OPEN_DAYS),
        "first": asked.first,
        "last": asked.last,
        "sources": sources,
    }
    return replace(
        data,
        growth=tuple(
            Growth(
                row["name"],
                row["first_pages"] * _PAGE_BYTES,
                row["last_pages"] * _PAGE_BYTES,
                row["rows"],
            )
            for row in store.rows("report_period_growth", params)
        ),
        size_trend=compute.trend([day.database_bytes for day in data.days]),
    )


def _load_tests(store: Store, target_name: str, asked: Period) -> tuple[LoadTest, ...]:
    span = {"target": target_name, **daily.span(asked.first, asked.last)}
    return tuple(
        LoadTest(
            row["name"],
            row["version"],
            row["test_type"],
            row["environment"],
            row["runs"],
            row["regressed"],
            row["broken"],
            row["last_state"],
            (row["first_p95"], row["last_p95"]),
            (row["first_tps"], row["last_tps"]),
        )
        for row in store.rows("report_load_tests", span)
    )


def _compared(
    store: Store, target_id: int, target_name: str, asked: Period
) -> tuple[Comparison | None, str]:
    """Return the comparison with the period before, or why there is none."""
    spans = [comparison.whole_days(p.first, p.last) for p in (asked.previous, asked)]
    try:
        both = [sides.side(store, target_id, span) for span in spans]
    except InputError as error:
        return None, error.message
    return comparison.assembled(store, target_id, target_name, both[0], both[1], MOST_TEXTS), ""


def _queries(
    store: Store, target_id: int, asked: Period, sources: list[str]
) -> tuple[tuple[str, str], ...]:
    params = {
        "target_id": target_id,
        "sources": sources,
        **daily.span(asked.first, asked.last),
    }
    with store.begin() as connection:
        return tuple(
            (name, daily.filled(connection, sqlfiles.load(f"store/report_{file}").text, params))
            for name, file in (
                ("statements", "sums_statements"),
                ("findings", "period_findings"),
                ("database", "period_database"),
            )
        )
