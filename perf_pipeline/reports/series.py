"""The series of the findings that get a chart, for many days in few reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.reports.model import Finding, Point
from perf_pipeline.store import Store, frames, hours, samples

#: How far before its onset a series is read: sweeps five minutes apart fill a chart in half a day,
#: hours in a week.
LOOK_BACK: Final = {"sweep": timedelta(days=2), "hour": timedelta(days=8)}
#: The metric whose samples the ledger holds; other findings have no chart.
CHARTED_METRIC: Final = "mean_exec_time"

_KEY: Final = ("queryid", "userid", "dbid", "toplevel")
_IDENTITY: Final = {
    "queryid": pl.Int64(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "toplevel": pl.Boolean(),
}
_BASELINES: Final = {
    "day": pl.Date(),
    **_IDENTITY,
    "tier": pl.String(),
    "slot": pl.Int64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}

#: A report's day and one of its findings.
Charted = tuple[date, Finding]


@dataclass(frozen=True)
class Hours:
    """The hours of one statement and of sources that are alike; `at`: microseconds since 1970."""

    sources: Sequence[str]
    at: npt.NDArray[np.int64]
    rows: pl.DataFrame


@dataclass(frozen=True)
class Known:
    """Hours by statement (from packed ones: 0.04 % a step), and baselines by day and statement."""

    hours: Mapping[tuple[Any, ...], Sequence[Hours]] = field(default_factory=dict)
    baselines: Mapping[tuple[Any, ...], Sequence[dict[str, Any]]] = field(default_factory=dict)

    def points(
        self, finding: Finding, sources: Sequence[str], start: datetime, end: datetime
    ) -> list[Point]:
        """Return a finding's hours from `start` on and before `end` (naive UTC), by time."""
        found: list[Point] = []
        for known in self.hours.get(finding.statement.key, ()):
            if known.sources == sources:
                first, last = np.searchsorted(known.at, [_us(start), _us(end)]).tolist()
                found += [Point(*row) for row in known.rows[first:last].rows()]
        return found

    def normal(self, day: date, finding: Finding) -> Sequence[dict[str, Any]]:
        """Return what was normal for a finding's statement on the eve of a day, in all tiers."""
        return self.baselines.get((day, *finding.statement.key), ())


def _us(ts: datetime) -> int:
    return (ts - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def read(store: Store, target_id: int, charted: Iterable[Charted], sources: Iterable[str]) -> Known:
    """Read what the charts of some findings show, whatever their days.

    Parameters
    ----------
    store : Store
    target_id : int
    charted : iterable of (date, Finding)
        Findings without samples in the ledger are left out.
    sources : iterable of str
        Those of the days.

    """
    wanted = [(day, each) for day, each in charted if each.metric == CHARTED_METRIC]
    if not wanted:
        return Known()
    ids: dict[date, set[int]] = {}
    for day, each in wanted:
        ids.setdefault(day, set()).add(each.statement.queryid)
    baselines: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    with store.begin() as connection:
        for day in sorted(ids):  # a day's baselines hold packed hours: only some are unpacked
            params = {"target_id": target_id, "day": day, "queryids": sorted(ids[day])}
            found = frames.read_in(connection, "report_baselines", _BASELINES, params)
            for row in found.iter_rows(named=True):
                key = (row["day"], *(row[name] for name in _KEY))
                baselines.setdefault(key, []).append(row)
    return Known(_hours(store, target_id, wanted, sources), baselines)


def _hours(
    store: Store, target_id: int, wanted: Sequence[Charted], sources: Iterable[str]
) -> Mapping[tuple[Any, ...], Sequence[Hours]]:
    hourly = [(day, each) for day, each in wanted if each.grain == "hour"]
    if not hourly:
        return {}
    first = min(each.onset for _, each in hourly) - LOOK_BACK["hour"]
    last = max(day for day, _ in hourly)
    ids = sorted({each.statement.queryid for _, each in hourly})
    known: dict[tuple[Any, ...], list[Hours]] = {}
    for alike in sorted({samples.alike(source) for source in sources}):
        packed = hours.read(store, target_id, first.date(), last, alike, ids)
        found = samples.of_hours(packed, np.arange(packed.keys.height))
        for key, part in found.partition_by(*_KEY, as_dict=True).items():
            rows = part.select("ts", "value", "calls")
            at = rows["ts"].dt.epoch("us").to_numpy().astype(np.int64)
            known.setdefault(key, []).append(Hours(alike, at, rows))
    return known
