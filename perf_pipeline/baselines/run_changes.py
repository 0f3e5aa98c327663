"""Since which execution a load test is on another level: the detector over its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline.baselines import rolling
from perf_pipeline.baselines.rolling import Line, Row
from perf_pipeline.regressions import detect
from perf_pipeline.store import Store, executions

#: Metric -> its kind for the detector, and whether more of it is worse.
METRICS: Final = {
    "p95_ms": ("p95_ms", True),
    "p99_ms": ("generic", True),
    "throughput_tps": ("throughput", False),
    "error_percent": ("error_rate", True),
}
#: Least change that is told: what the described reports call a regression at all.
LEAST: Final = 0.10


#: History that is searched.
SEARCHED: Final = timedelta(days=90)


@dataclass(frozen=True)
class RunChange:
    """A change of level: `row` is the first execution of the new one."""

    row: Row
    metric: str
    relative_change: float
    p_value: float
    worse: bool

    @property
    def line(self) -> Line:
        """Which test, where."""
        return Line.of(self.row)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a table."""
        return {
            "test": f"{self.row['test_name']} {self.row['test_version']}",
            "of": str(self.line),
            "metric": self.metric,
            "change": f"{self.relative_change:+.0%}",
            "worse": self.worse,
            "since": self.row["started_at"],
            "execution_id": str(self.row["execution_id"]),
            "commit": self.row["commit_sha"],
            "p": f"{self.p_value:.2g}",
        }


def recent(store: Store, now: datetime | None = None) -> list[RunChange]:
    """Find the changes of level in the last 90 days of every load test; newest first."""
    since = (now or datetime.now(UTC)) - SEARCHED
    return changes(executions.read(store, ended=True, since=since))


def changes(rows: Sequence[Row]) -> list[RunChange]:
    """Find changes of level in the history of load tests.

    One run tells little; many tell when it began, and which commit it was. Unlike the verdict on a
    run it needs several runs of the new level.

    Parameters
    ----------
    rows : sequence of Mapping
        Executions of any number of lines, as `executions.read` returns them. Those without data
        are left out, and re-runs, which are of the same program as what they repeat.

    Returns
    -------
    list of RunChange
        Of 10 % and more; newest first.

    """
    usable = [row for row in rows if rolling.run_of(row).has_data and row["rerun_of"] is None]
    samples, at = [], {}
    for row in usable:
        started = row["started_at"].astimezone(UTC).replace(tzinfo=None)
        for metric, (kind, _) in METRICS.items():
            series = f"{row['test_id']}/{row['target']}/{row['environment']}/{row['server_major']}"
            series = f"{metric}/{series}"
            at[series, started] = (metric, row)
            value = rolling.run_of(row).value(metric)
            samples.append((series, started, value, row["transactions"], kind))
    if not samples:
        return []
    frame = pl.DataFrame(
        samples,
        schema={
            "series_id": pl.String,
            "ts": pl.Datetime("us"),
            "value": pl.Float64,
            "calls": pl.Int64,
            "metric": pl.String,
        },
        orient="row",
    )
    found = []
    for each in detect(frame).iter_rows(named=True):
        metric, row = at[each["series_id"], each["change_ts"]]
        change = each["relative_change"]
        if abs(change) >= LEAST:
            worse = (each["direction"] == "up") is METRICS[metric][1]
            found.append(RunChange(row, metric, change, each["p_value"], worse))
    return sorted(found, key=lambda c: (c.row["started_at"], c.metric), reverse=True)
