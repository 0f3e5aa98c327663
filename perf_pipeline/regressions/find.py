"""Find, judge, explain and store the changes of a range of days.

A day's findings are the changes visible in the data up to its end that began in the three days
up to its end, those that became visible that day and began up to two weeks before, and those that
grew past a limit that day. They depend on the ledger, on what was said of findings and on the day
alone: whatever the range, and in whatever order days are run, the rows are the same.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from perf_pipeline.regressions import candidates, context
from perf_pipeline.regressions.creep import with_creep
from perf_pipeline.regressions.detector import detect, detect_arrays
from perf_pipeline.regressions.draft import (
    SCHEMA,
    Row,
    Surroundings,
    compared,
    key_of,
    rows_of_day,
    sighting_of,
)
from perf_pipeline.regressions.flips import with_flips
from perf_pipeline.regressions.identity import (
    HORIZON_DAYS,
    LATE_DAYS,
    Key,
    Sighting,
    belongs,
    earlier_sightings,
)
from perf_pipeline.regressions.judge import Q_LIMIT, judge, large, not_enough, size_grade
from perf_pipeline.regressions.policy import DEFAULT, Policy
from perf_pipeline.store import Store, asof, feedback, frames, samples, screen
from perf_pipeline.store import hours as store_hours
from perf_pipeline.store.ahead import ahead
from perf_pipeline.store.samples import WINDOW_DAYS, Plan

TABLE = ("perf_mgmt", "findings")
#: Days looked at together, a year mostly: bounds memory (5,000 statements: 200 MB), changes no
#: result. Each part reads the eleven weeks before it again.
CHUNK_DAYS = 400

#: Days whose findings are explained together: each part reads the weeks before it again.
EXPLAINED_DAYS = 92

#: What was said of the target's findings.
Said = Sequence[feedback.Verdict]


@dataclass(frozen=True)
class Found:
    """What one call of `find` wrote; counts are sums over the days.

    Attributes
    ----------
    rows : int
        Rows in perf_mgmt.findings for these days.
    incidents : int
        Distinct incidents.
    findings : polars.DataFrame
        The rows, columns of `draft.SCHEMA` (`causes` and `evidence` as JSON text), by day, then by
        incident with its leading finding first.
    series_judged : int
        Statements with enough samples to judge.
    not_enough_data : int
        Statements that ran of which too little is known, and changes with a figure missing.
    rejected : int
        Changes without enough evidence or size.
    notes : tuple of str
        Days without data, and changes that are not told because of feedback.

    """

    rows: int
    incidents: int
    findings: pl.DataFrame
    series_judged: int
    not_enough_data: int
    rejected: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Judged:
    """Days of one source and grain, judged; counts by day, `tested` by day and dbid."""

    plan: Plan
    findings: pl.DataFrame
    sightings: list[Sighting]
    totals: candidates.Totals | candidates.HourTotals
    tested: dict[date, dict[int, int]]
    lacking: int
    rejected: int


def find(
    store: Store, target_name: str, first: date, last: date, policy: Policy = DEFAULT
) -> Found:
    """Compute and store the findings of the days `first` to `last`, replacing what is there.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included. A day that is not over is judged on what there is.
    policy : Policy
        Limits of size, and the samples they need.

    Raises
    ------
    ConfigurationError
        The target has no history in the store.
    InputError
        `last` lies before `first`.

    """
    days = samples.days_of(first, last)
    target_id = samples.target_id(store, target_name)
    earliest = first - timedelta(days=LATE_DAYS - 1)
    plans = samples.read_plans(store, target_id, samples.days_of(earliest, last))
    wanted = [plan for plan in plans if plan.day >= first]
    said = feedback.current(store, target_id)
    groups = [_judge(store, target_id, part, said, policy) for part in _parts(wanted)]
    seen = [sighting for each in groups for sighting in each.sightings]
    keys = {key_of(row) for each in groups for row in each.findings.iter_rows(named=True)}
    if keys:
        before = [plan for plan in plans if plan.day < first]
        for part in _parts(before):
            seen += _look_back(store, target_id, part, keys, said, policy)
    rows: list[dict[str, Any]] = []
    for each in groups:
        rows += _explain(store, target_name, target_id, each, seen, said)
    findings = pl.DataFrame(rows, schema=dict(SCHEMA), orient="row")
    written = frames.replace_days(store, TABLE, "day", target_id, first, last, findings)
    planned = {plan.day for plan in wanted}
    return Found(
        rows=written,
        incidents=findings["incident_id"].n_unique(),
        findings=findings,
        series_judged=sum(sum(n.values()) for each in groups for n in each.tested.values()),
        not_enough_data=sum(each.lacking for each in groups),
        rejected=sum(each.rejected for each in groups),
        notes=(
            *(f"{day.isoformat()}: no samples" for day in days if day not in planned),
            *feedback.notes(said, days, HORIZON_DAYS),
        ),
    )


def _parts(plans: Iterable[Plan]) -> list[list[Plan]]:
    """Split days by source and grain, and hours so that they fit into memory."""
    return [
        list(part)
        for _, part in groupby(
            plans, key=lambda p: (p.source, p.grain, p.day.toordinal() // CHUNK_DAYS)
        )
    ]


@dataclass(frozen=True)
class _Seen:
    """What the detector saw as of some days, in statements that ran lately and often enough.

    Attributes
    ----------
    changes : polars.DataFrame
        As of `candidates.placed`.
    totals : Totals or HourTotals
    tested : dict of date to dict of dbid to int
        Statements with enough samples.
    lacking : int
        Statements, counted per day, with too few.

    """

    changes: pl.DataFrame
    totals: candidates.Totals | candidates.HourTotals
    tested: dict[date, dict[int, int]]
    lacking: int


def _look(
    store: Store,
    target_id: int,
    plans: list[Plan],
    said: Said,
    policy: Policy,
    queryids: Sequence[int] | None = None,
) -> _Seen:
    """Run the detector as of each day."""
    look = _look_at_hours if plans[0].grain == "hour" else _look_at_sweeps
    return look(store, target_id, plans, said, policy, queryids)


def _look_at_sweeps(
    store: Store,
    target_id: int,
    plans: list[Plan],
    said: Said,
    policy: Policy,
    queryids: Sequence[int] | None,
) -> _Seen:
    found = samples.read_samples(store, target_id, plans, WINDOW_DAYS, queryids)
    days = [plan.day for plan in plans]
    counts = candidates.counted(found, days, WINDOW_DAYS, HORIZON_DAYS)
    enough = counts.filter(pl.col("n") >= policy.minimum_before + policy.minimum_after)
    tested: dict[date, dict[int, int]] = {day: {} for day in days}
    for day, dbid, number in enough.group_by("as_of", "dbid").len().iter_rows():
        tested[day][dbid] = number
    seen = asof.changes(detect, found, days, WINDOW_DAYS, HORIZON_DAYS)
    seen = seen.join(enough, on=["as_of", "series"], how="semi")
    return _Seen(
        _settled(seen, found, said, policy),
        candidates.Totals(found),
        tested,
        counts.height - enough.height,
    )


def _look_at_hours(
    store: Store,
    target_id: int,
    plans: list[Plan],
    said: Said,
    policy: Policy,
    queryids: Sequence[int] | None,
) -> _Seen:
    start = plans[0].day - timedelta(days=screen.REACH_DAYS + LATE_DAYS - 1)
    source = samples.alike(plans[0].source)
    hours = store_hours.read(store, target_id, start, plans[-1].day, source, queryids)
    days = np.array([hours.at(plan.day) for plan in plans], dtype=np.int64)
    counts = candidates.counted_hours(hours, days, WINDOW_DAYS, HORIZON_DAYS)
    enough = counts >= policy.minimum_before + policy.minimum_after
    kept = screen.possible(hours, LATE_DAYS, math.log(policy.low), fresh_days=HORIZON_DAYS)[:, days]
    series, place = np.nonzero(kept & enough)
    seen = asof.changes_of_hours(detect_arrays, hours, series, days[place], WINDOW_DAYS)
    changed = seen["series"].unique().sort().to_numpy().astype(np.int64)
    totals = candidates.HourTotals(hours)
    totals.keep(changed.tolist())
    dbid = hours.keys["dbid"].to_numpy()
    tested: dict[date, dict[int, int]] = {}
    for number, plan in enumerate(plans):
        ids, amounts = np.unique(dbid[enough[:, number]], return_counts=True)
        tested[plan.day] = dict(zip(ids.tolist(), amounts.tolist(), strict=True))
    found = samples.of_hours(hours, changed)
    return _Seen(
        _settled(seen, found, said, policy),
        totals,
        tested,
        int(np.count_nonzero(counts) - np.count_nonzero(enough)),
    )


def _settled(seen: pl.DataFrame, found: pl.DataFrame, said: Said, policy: Policy) -> pl.DataFrame:
    """Apply what was said to changes, add up small rises, and place them in time."""
    seen = with_creep(with_flips(feedback.settled(seen, found, said)), policy)
    seen = seen.filter(pl.col("direction") != feedback.ACCEPTED)
    return candidates.placed(seen.with_columns(size_grade=size_grade(policy)), found)


def _sightings(changes: pl.DataFrame, source: str, policy: Policy) -> list[Sighting]:
    enough = changes.filter(
        large(policy), not_enough(policy).is_null(), pl.col("p_value") <= Q_LIMIT
    )
    return [sighting_of(row, source) for row in enough.iter_rows(named=True)]


def _judge(store: Store, target_id: int, plans: list[Plan], said: Said, policy: Policy) -> _Judged:
    seen = _look(store, target_id, plans, said, policy)
    changes = candidates.costed(seen.changes, seen.totals)
    by_day = changes.partition_by("as_of", as_dict=True)
    verdicts = [
        judge(by_day.get((plan.day,), changes.clear()), sum(seen.tested[plan.day].values()), policy)
        for plan in plans
    ]
    return _Judged(
        plans[0],
        pl.concat(verdict.findings for verdict in verdicts),
        _sightings(changes, plans[0].source, policy),
        seen.totals,
        seen.tested,
        seen.lacking + sum(v.not_enough_data.height for v in verdicts),
        sum(verdict.rejected for verdict in verdicts),
    )


def _look_back(
    store: Store,
    target_id: int,
    plans: list[Plan],
    keys: set[Key],
    said: Said,
    policy: Policy,
) -> list[Sighting]:
    """Return what was visible on earlier days of the statements that have findings."""
    queryids = sorted({key[2] for key in keys})
    seen = _look(store, target_id, plans, said, policy, queryids)
    return _sightings(seen.changes, plans[0].source, policy)


def _explain(
    store: Store,
    target_name: str,
    target_id: int,
    judged: _Judged,
    seen: list[Sighting],
    said: Said,
) -> list[dict[str, Any]]:
    by_key: dict[Key, list[Sighting]] = {}
    for sighting in seen:
        by_key.setdefault(sighting.key, []).append(sighting)
    kept: list[tuple[Row, Sighting]] = []
    for row in judged.findings.sort("as_of").iter_rows(named=True):
        own = sighting_of(row, judged.plan.source)
        tested = max(1, sum(judged.tested[row["as_of"]].values()))
        earlier = earlier_sightings(own, by_key[own.key], Q_LIMIT / tested)
        if belongs(own, earlier):
            kept.append((row, earlier[0] if earlier else own))
    if not kept:
        return []
    rows = []
    for part, around in _surroundings(store, target_id, judged, kept):
        for day, of_day in groupby(part, key=lambda item: item[0]["as_of"]):
            surroundings = Surroundings(
                target_id, target_name, judged.plan, around, judged.totals, judged.tested[day], said
            )
            rows += rows_of_day(list(of_day), surroundings)
    return rows


def _surroundings(
    store: Store, target_id: int, judged: _Judged, kept: list[tuple[Row, Sighting]]
) -> Iterator[tuple[list[tuple[Row, Sighting]], context.Context]]:
    """Return the changes part by part with what surrounds them, that of the next read meanwhile."""
    days = groupby(kept, key=lambda item: item[0]["as_of"].toordinal() // EXPLAINED_DAYS)
    parts = [list(part) for _, part in days]
    load = judged.totals.load if isinstance(judged.totals, candidates.HourTotals) else None

    def read(part: list[tuple[Row, Sighting]]) -> context.Context:
        return context.read(
            store,
            target_id,
            judged.plan,
            [(row["earliest"], row["latest"]) for row, _ in part],
            [(row["as_of"], row["queryid"]) for row, _ in part],
            [(key_of(row), *span) for row, _ in part for span in compared(row)],
            load,
        )

    return ahead(read, parts)
