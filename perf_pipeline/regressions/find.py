"""Find, judge, explain and store the changes of a range of days.

A day's findings are the changes that began in the three days up to its end and are visible in the
data up to its end. They depend on the ledger and on the day alone: whatever the range, and in
whatever order days are run, the rows are the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import groupby
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import asof, candidates, context, samples
from perf_pipeline.regressions.decompose import decompose
from perf_pipeline.regressions.explain import Cause, Onset, causes, to_json
from perf_pipeline.regressions.identity import (
    HORIZON_DAYS,
    Key,
    Sighting,
    finding_id,
    first_sighting,
)
from perf_pipeline.regressions.incidents import Member, group
from perf_pipeline.regressions.judge import MINIMUM_AFTER, MINIMUM_BEFORE, judge
from perf_pipeline.regressions.samples import METRIC, WINDOW_DAYS, Plan, midnight
from perf_pipeline.store import Store, frames

TABLE = ("perf_mgmt", "findings")

#: Time before an onset with which the new level's calls and parts are compared: one whole week.
COMPARED_DAYS = 7

SCHEMA: Schema = {
    "target_id": pl.Int32,
    "day": pl.Date,
    "finding_id": pl.String,
    "incident_id": pl.String,
    "is_new": pl.Boolean,
    "userid": pl.Int64,
    "dbid": pl.Int64,
    "queryid": pl.Int64,
    "toplevel": pl.Boolean,
    "metric": pl.String,
    "grain": pl.String,
    "onset": pl.Datetime("us"),
    "direction": pl.String,
    "old_level": pl.Float64,
    "new_level": pl.Float64,
    "relative_change": pl.Float64,
    "relative_change_low": pl.Float64,
    "relative_change_high": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "baseline_level": pl.Float64,
    "baseline_tier": pl.String,
    "severity": pl.String,
    "policy": pl.String,
    "calls_per_day": pl.Float64,
    "added_ms_per_day": pl.Float64,
    "causes": pl.String,
    "evidence": pl.String,
}


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
        The rows, columns of `SCHEMA` (`causes` and `evidence` as JSON text), by day, incident and
        leading finding first.
    series_judged : int
        Statements with enough samples to judge.
    not_enough_data : int
        Statements that ran of which too little is known, and changes with a figure missing.
    rejected : int
        Changes without enough evidence or size.
    notes : tuple of str
        Days without data.

    """

    rows: int
    incidents: int
    findings: pl.DataFrame
    series_judged: int
    not_enough_data: int
    rejected: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Group:
    """Days of one source and grain, judged."""

    plan: Plan
    findings: pl.DataFrame
    totals: candidates.Totals
    step: timedelta
    judged: dict[tuple[date, int], int]
    few: dict[date, int]
    rejected: dict[date, int]


def find(store: Store, target_name: str, first: date, last: date) -> Found:
    """Compute and store the findings of the days `first` to `last`, replacing what is there.

    Parameters
    ----------
    store : Store
    target_name : str
    first, last : date
        UTC days, both included. A day that is not over is judged on what there is.

    Raises
    ------
    ConfigurationError
        The target has no history in the store.

    """
    target_id = samples.target_id(store, target_name)
    days = samples.days_of(first, last)
    # what the three days before found tells what is new
    plans = samples.read_plans(
        store, target_id, samples.days_of(first - timedelta(days=HORIZON_DAYS), last)
    )
    groups = [
        _judge_group(store, target_id, list(part))
        for _, part in groupby(plans, key=lambda p: (p.source, p.grain))
    ]
    sightings: dict[date, list[Sighting]] = {}
    for each in groups:
        for row in each.findings.iter_rows(named=True):
            sightings.setdefault(row["as_of"], []).append(_sighting(row, each))
    rows: list[dict[str, Any]] = []
    for each in groups:
        wanted = each.findings.filter(pl.col("as_of").is_between(first, last))
        if wanted.height:
            rows += _explain_group(store, target_name, target_id, each, wanted, sightings)
    findings = pl.DataFrame(rows, schema=dict(SCHEMA), orient="row")
    written = frames.replace_days(store, TABLE, "day", target_id, first, last, findings)
    planned = {plan.day for plan in plans}
    return Found(
        rows=written,
        incidents=findings["incident_id"].n_unique(),
        findings=findings,
        series_judged=sum(n for g in groups for (d, _), n in g.judged.items() if d >= first),
        not_enough_data=sum(n for g in groups for d, n in g.few.items() if d >= first),
        rejected=sum(n for g in groups for d, n in g.rejected.items() if d >= first),
        notes=tuple(f"{day.isoformat()}: no samples" for day in days if day not in planned),
    )


def _judge_group(store: Store, target_id: int, plans: Sequence[Plan]) -> _Group:
    found = samples.read_samples(store, target_id, plans, WINDOW_DAYS)
    days = [plan.day for plan in plans]
    totals = candidates.Totals(found)
    seen = asof.changes(found, days, WINDOW_DAYS, HORIZON_DAYS)
    end = pl.col("as_of").cast(pl.Datetime("us")) + timedelta(days=1)
    fresh = seen.filter(pl.col("change_ts") >= end - timedelta(days=HORIZON_DAYS))
    costed = candidates.costed(candidates.placed(fresh, found), totals)
    counts = candidates.counted(
        found, days, WINDOW_DAYS, HORIZON_DAYS, MINIMUM_BEFORE + MINIMUM_AFTER
    )
    judged = {(day, dbid): n for day, dbid, n, _ in counts.iter_rows()}
    few = dict.fromkeys(days, 0)
    for day, _, _, n in counts.iter_rows():
        few[day] += n
    rejected = {}
    verdicts = []
    for day in days:
        tested = sum(n for (d, _), n in judged.items() if d == day)
        verdict = judge(costed.filter(pl.col("as_of") == day), tested)
        verdicts.append(verdict.findings)
        few[day] += verdict.not_enough_data.height
        rejected[day] = verdict.rejected
    length = (found["end"] - found["start"]).median()
    step = timedelta(hours=1) if plans[0].grain == "hour" else length
    return _Group(
        plans[0],
        pl.concat(verdicts),
        totals,
        step if isinstance(step, timedelta) else timedelta(0),
        judged,
        few,
        rejected,
    )


def _key(row: dict[str, Any]) -> Key:
    return (row["userid"], row["dbid"], row["queryid"], row["toplevel"])


def _sighting(row: dict[str, Any], group_: _Group) -> Sighting:
    return Sighting(row["as_of"], _key(row), row["direction"], row["change_ts"], group_.step)


def _explain_group(
    store: Store,
    target_name: str,
    target_id: int,
    group_: _Group,
    wanted: pl.DataFrame,
    sightings: dict[date, list[Sighting]],
) -> list[dict[str, Any]]:
    around = context.read(
        store,
        target_id,
        group_.plan,
        wanted.select("earliest", "latest").rows(),
        wanted["queryid"].to_list(),
        (wanted["as_of"].min(), wanted["as_of"].max()),  # type: ignore[arg-type]
        COMPARED_DAYS,
    )
    result = []
    for day, rows in groupby(wanted.sort("as_of").iter_rows(named=True), lambda r: r["as_of"]):
        members, drafts = [], []
        for row in rows:
            first = first_sighting(_sighting(row, group_), sightings)
            ranked = _causes(row, around)
            name = finding_id(target_name, METRIC, first)
            members.append(
                Member(
                    name,
                    row["dbid"],
                    row["direction"],
                    first.onset,
                    abs(row["added_ms_per_day"]),
                    ranked,
                )
            )
            drafts.append((row, first, ranked, name))
        judged = {dbid: n for (d, dbid), n in group_.judged.items() if d == day}
        incidents = group(target_name, members, judged)
        day_rows = [_row(target_id, group_, around, draft, incidents[draft[3]]) for draft in drafts]
        result += sorted(
            day_rows, key=lambda r: (r["incident_id"], not r.pop("leads"), r["finding_id"])
        )
    return result


def _causes(row: dict[str, Any], around: context.Context) -> list[Cause]:
    end = midnight(row["as_of"] + timedelta(days=1))
    onset = Onset(
        row["direction"],
        row["onset_start"],
        row["onset_end"],
        row["earliest"],
        row["latest"],
        max(row["segment_start"], row["onset_start"] - context.NEAR),
        min(row["onset_end"] + context.NEAR, end),
        around.texts.get((row["userid"], row["dbid"], row["queryid"])),
    )
    visible = (event for event in around.events if event.end < end)
    return causes(onset, visible, around.scans(end), around.reads(end))


def _evidence(
    row: dict[str, Any], group_: _Group, around: context.Context, *, leads: bool
) -> dict[str, Any]:
    onset, key = row["change_ts"], _key(row)
    end = midnight(row["as_of"] + timedelta(days=1))
    start = max(row["segment_start"], onset - timedelta(days=COMPARED_DAYS))
    sides = [
        around.work(key, a, b, group_.totals.days(a, b) * 86_400.0)
        for a, b in ((start, onset), (onset, end))
    ]
    return {
        "leads": leads,
        "began_between": [
            row[name].replace(tzinfo=UTC).isoformat() for name in ("onset_start", "onset_end")
        ],
        "samples_before": row["n_before"],
        "samples_after": row["n_after"],
        "time": decompose(*sides),
    }


def _row(
    target_id: int,
    group_: _Group,
    around: context.Context,
    draft: tuple[dict[str, Any], Sighting, list[Cause], str],
    incident: tuple[str, bool],
) -> dict[str, Any]:
    row, first, ranked, name = draft
    day = row["as_of"]
    baseline_level, baseline_tier = around.baseline(day, _key(row), row["change_ts"])
    evidence = _evidence(row, group_, around, leads=incident[1])
    return {
        **{column: row[column] for column in SCHEMA if column in row},
        "target_id": target_id,
        "day": day,
        "finding_id": name,
        "incident_id": incident[0],
        "is_new": first.as_of == day,
        "metric": METRIC,
        "grain": group_.plan.grain,
        "onset": row["change_ts"],
        "baseline_level": baseline_level,
        "baseline_tier": baseline_tier,
        "causes": to_json(ranked),
        "evidence": json.dumps(evidence, separators=(",", ":")),
        "leads": incident[1],
    }
