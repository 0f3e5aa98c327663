"""Turn judged changes and their surroundings into rows of perf_mgmt.findings; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import plans
from perf_pipeline.regressions.candidates import HourTotals, Totals
from perf_pipeline.regressions.context import HOUR, NEAR, Context
from perf_pipeline.regressions.decompose import decompose
from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.explain import Cause, Onset, causes, to_json
from perf_pipeline.regressions.flips import MOST_CHANGES
from perf_pipeline.regressions.identity import Key, Sighting, finding_id
from perf_pipeline.regressions.incidents import Incident, Member, group, stable_id
from perf_pipeline.regressions.pressure import Span
from perf_pipeline.regressions.summary import sentence
from perf_pipeline.store.feedback import Verdict
from perf_pipeline.store.samples import METRIC, Plan, midnight

#: Time before an onset with which the new level's calls and parts are compared: one whole week.
COMPARED = timedelta(days=7)
MOMENT = timedelta(microseconds=1)

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
    "size_class": pl.String,
    "calls_per_day": pl.Float64,
    "added_ms_per_day": pl.Float64,
    "causes": pl.String,
    "evidence": pl.String,
}

#: A judged change: the columns of `judge.judge`'s findings.
Row = dict[str, Any]


@dataclass(frozen=True)
class Surroundings:
    """What the rows of one day, source and grain need.

    Attributes
    ----------
    target_id : int
    target : str
    plan : Plan
    context : Context
    totals : Totals or HourTotals
    judged : Mapping of dbid to int
        Statements judged that day.
    said : Sequence of Verdict
        What was said of the target's findings.

    """

    target_id: int
    target: str
    plan: Plan
    context: Context
    totals: Totals | HourTotals
    judged: Mapping[int, int]
    said: Sequence[Verdict] = ()

    def covered(self, span: Span) -> tuple[float, float]:
        """Return the covered seconds of a span of samples' ends, and all statements' ms in it."""
        # `totals` counts samples from a beginning on; an hour's ts is its beginning
        shift = MOMENT - (HOUR if self.plan.grain == "hour" else timedelta())
        ends = span.start + shift, span.end + shift
        return self.totals.days(*ends) * 86_400.0, self.totals.database_ms(*ends)


def key_of(row: Row) -> Key:
    """Return what identifies the statement of a row."""
    return (row["userid"], row["dbid"], row["queryid"], row["toplevel"])


def sighting_of(row: Row, source: str) -> Sighting:
    """Return a judged or placed change as a sighting."""
    return Sighting(
        row["as_of"],
        source,
        key_of(row),
        row["direction"],
        row["change_ts"],
        row["onset_end"] - row["onset_start"],
        row["p_value"],
        row["size_grade"],
    )


@dataclass(frozen=True)
class _Draft:
    """A change with what was found out about it."""

    row: Row
    first: Sighting
    name: str
    time: dict[str, Any] | None
    waits: dict[str, Any] | None
    plan: dict[str, Any] | None
    causes: list[Cause]


def rows_of_day(
    changes: Sequence[tuple[Row, Sighting]], around: Surroundings
) -> list[dict[str, Any]]:
    """Return the rows of one day.

    Parameters
    ----------
    changes : Sequence of (judged change, its first sighting)
    around : Surroundings

    Returns
    -------
    list of dict
        Columns of `SCHEMA`; by incident, its leading finding first.

    """
    kept = _named(_folded(changes), around.target)
    drafts = [_drafted(*each, around) for each in kept]
    members = [
        Member(
            draft.name,
            draft.row["dbid"],
            draft.row["direction"],
            draft.first.onset,
            draft.row["added_ms_per_day"],
            draft.causes,
            draft.name if draft.row["flips"] else None,
        )
        for draft in drafts
    ]
    incidents = group(around.target, members, around.judged)
    drafts.sort(key=lambda d: (incidents[d.name].incident_id, not incidents[d.name].leads, d.name))
    return [_row(draft, around, incidents[draft.name]) for draft in drafts]


def _folded(changes: Sequence[tuple[Row, Sighting]]) -> list[tuple[Row, Sighting]]:
    """Of the changes of a statement that flips, leave the newest: one note stands for them."""
    notes: dict[Key, Row] = {}
    for row, _ in changes:
        known = notes.get(key_of(row))
        if row["flips"] and (known is None or row["change_ts"] > known["change_ts"]):
            notes[key_of(row)] = row
    kept = []
    for row, first in changes:
        note = notes.get(key_of(row))
        if note is None or row is note or row["change_ts"] < note["flips_since"]:
            kept.append((row, first))
    return kept


def _named(changes: Sequence[tuple[Row, Sighting]], target: str) -> list[tuple[Row, Sighting, str]]:
    """Give each change its stable name; of two that were one before, the nearer keeps it."""
    named: dict[str, tuple[Row, Sighting, str]] = {}
    nearest = sorted(
        changes, key=lambda c: (abs(c[0]["change_ts"] - c[1].onset), c[0]["change_ts"])
    )
    for row, first in nearest:
        if row["flips"]:  # whichever change it is, it is one more of the same
            name = stable_id(target, *key_of(row), METRIC, "unstable")
        else:
            name = finding_id(target, METRIC, first)
        if name in named:
            first = sighting_of(row, first.source)
            name = finding_id(target, METRIC, first)
        named[name] = (row, first, name)
    return list(named.values())


def compared(row: Row) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime]]:
    """Return the spans before and after a change that are compared."""
    start = max(row["segment_start"], row["since"] - COMPARED)
    return (start, row["since"]), (row["change_ts"], midnight(row["as_of"] + timedelta(days=1)))


def _drafted(row: Row, first: Sighting, name: str, around: Surroundings) -> _Draft:
    spans = compared(row)
    end = spans[1][1]
    context = around.context
    seconds = [around.totals.days(a, b) * 86_400.0 for a, b in spans]
    works = [
        context.work(key_of(row), *span, covered)
        for span, covered in zip(spans, seconds, strict=True)
    ]
    time = decompose(*works)
    happened = context.happened(row, end, around.covered)
    plan = plans.judge(time, context.uses(row, end), happened)
    happened += plans.event(plan, row["queryid"], row["onset_start"], row["onset_end"])
    return _Draft(
        row,
        first,
        name,
        time,
        context.waited(key_of(row), *spans),
        plan,
        _causes(row, context, time, happened),
    )


def _causes(
    row: Row, context: Context, time: dict[str, Any] | None, happened: Sequence[Event]
) -> list[Cause]:
    end = midnight(row["as_of"] + timedelta(days=1))
    onset = Onset(
        row["direction"],
        row["onset_start"],
        row["onset_end"],
        row["earliest"],
        row["latest"],
        max(row["segment_start"], row["onset_start"] - NEAR),
        min(row["onset_end"] + NEAR, end),
        context.text(row),
        row["queryid"],
        {part["part"]: part["share"] for part in time["parts"]} if time else {},
    )
    habit = context.events.habit
    return causes(onset, happened, context.scans(end), context.reads(end), habit)


def _iso(ts: datetime) -> str:
    return ts.replace(tzinfo=UTC).isoformat()


def _evidence(draft: _Draft, incident: Incident) -> dict[str, Any]:
    row = draft.row
    return {
        "leads": incident.leads,
        "summary": sentence(draft.time, row["direction"], draft.waits),
        "began_between": [_iso(row["onset_start"]), _iso(row["onset_end"])],
        "creep": {"steps": row["steps"], "since": _iso(row["since"])} if row["steps"] > 1 else None,
        "samples_before": row["n_before"],
        "samples_after": row["n_after"],
        "time": draft.time,
        "waits": draft.waits,
        "plan": draft.plan,
        "unstable": {"changes": row["flips"], "since": _iso(row["flips_since"])}
        if row["flips"]
        else None,
        "incident": {
            "why": incident.why,
            "findings": incident.findings,
            "added_ms_per_day": float(f"{incident.added_ms_per_day:.6g}"),
        },
    }


def _acknowledged(row: Row, name: str, incident_id: str, said: Sequence[Verdict]) -> Verdict | None:
    """Return the word by which somebody knows of a finding, or of the incident it joins."""
    for verdict in said:
        mine = verdict.finding_id == name or verdict.is_of(
            key_of(row), row["direction"], row["change_ts"]
        )
        joined = verdict.whole_incident and verdict.incident_id == incident_id
        if verdict.verdict == "acknowledged" and (mine or joined):
            return verdict
    return None


def _told(verdict: Verdict) -> dict[str, str]:
    return {
        "verdict": verdict.verdict,
        "by": verdict.given_by,
        "at": _iso(verdict.given_at),
        "reason": verdict.reason,
    }


def _row(draft: _Draft, around: Surroundings, incident: Incident) -> dict[str, Any]:
    row, name = draft.row, draft.name
    level, tier = around.context.baseline(row["as_of"], key_of(row), row["change_ts"])
    known = _acknowledged(row, name, incident.incident_id, around.said)
    evidence = _evidence(draft, incident) | {"feedback": None if known is None else _told(known)}
    # of a statement that flips, only the change that made it more than a few is news
    news = row["flips"] in {0, MOST_CHANGES + 1}
    return {
        **{column: row[column] for column in SCHEMA if column in row},
        **(_note(row) if row["flips"] else {}),
        "target_id": around.target_id,
        "day": row["as_of"],
        "finding_id": name,
        "incident_id": incident.incident_id,
        "is_new": draft.first.as_of == row["as_of"] and known is None and news,
        "metric": METRIC,
        "grain": around.plan.grain,
        "onset": row["change_ts"],
        "baseline_level": level,
        "baseline_tier": tier,
        "causes": to_json(draft.causes),
        "evidence": json.dumps(evidence, separators=(",", ":"), ensure_ascii=False),
    }


def _note(row: Row) -> dict[str, str]:
    """Return what a statement that flips is told as: it alarms nobody a fifth time."""
    text = (
        f"unstable (a plan that flips?): {row['flips']} alternating changes since"
        f" {row['flips_since']:%Y-%m-%d %H:%M} UTC, to no level that is new; {row['policy']}"
    )
    return {"severity": "info", "policy": text}
