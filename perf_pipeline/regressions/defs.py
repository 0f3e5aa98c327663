"""Asset of the findings: statements whose level changed, with size, onset and likely causes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, happenings

#: Runs of other jobs are looked for in the newest days of a range only, and so many at most: what
#: was recorded once is kept, what Dagster has forgotten cannot be.
RUNS_DAYS: Final = 7
MOST_RUNS: Final = 200


def findings_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/findings`, daily."""

    @vocabulary.daily_asset(
        target,
        "report",
        "findings",
        "one change of level of one statement and metric found in the day's data: "
        "onset, size, p-value, severity, and what else happened at that moment",
        deps=[
            vocabulary.key(target, "rollup", "statements_hourly"),
            vocabulary.key(target, "baseline", "statements"),
            # where causes are looked for
            *(
                vocabulary.key(target, "stats", family)
                for family in ("tables", "indexes", "settings", "schema_objects")
            ),
        ],
    )
    def findings(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.regressions.find import find
        from perf_pipeline.regressions.policy import Policy

        policy = Policy.of(target.regression_limits)
        with vocabulary.stage(context, target, "findings") as (store, days):
            record_runs(context.instance, store, target, days)
            found = find(store, target.name, days.first, days.last, policy)
            totals = vocabulary.day_totals(store, "findings", target, days)
        vocabulary.add_day_metadata(
            context, totals, ("incidents", "critical", "warning", "improvements")
        )
        for (day,), rows in found.findings.group_by("day", maintain_order=True):
            context.add_asset_metadata(
                {"found": vocabulary.table([_cells(row) for row in rows.iter_rows(named=True)])},
                partition_key=str(day),
            )
        left_out = "".join(f"\n- {note}" for note in found.notes[: vocabulary.TABLE_ROWS])
        return dg.MaterializeResult(
            metadata={
                **({"notes": dg.MetadataValue.md(left_out)} if left_out else {}),
                "run": f"{days}: {found.rows:,} findings in {found.incidents:,} incidents; "
                f"{found.series_judged:,} series judged, {found.not_enough_data:,} without enough "
                f"data, {found.rejected:,} changes without enough evidence",
            }
        )

    return findings


def record_runs(
    instance: dg.DagsterInstance, store: Store, target: Target, days: vocabulary.Days
) -> int:
    """Keep the runs of other jobs that did something to a target, as causes of what changed then.

    Such a run carries the tag `perf_pipeline/target` with the target's name. One look at Dagster's
    storage, by tag and time.

    Parameters
    ----------
    instance : dagster.DagsterInstance
    store : Store
    target : Target
    days : vocabulary.Days

    Returns
    -------
    int
        Runs kept; those that have not started are none.

    """
    end = datetime.combine(days.last + timedelta(days=1), time(), UTC)
    records = instance.get_run_records(
        dg.RunsFilter(
            tags={vocabulary.TARGET_TAG: target.name},
            created_after=end - timedelta(days=RUNS_DAYS + 1),
            created_before=end,
        ),
        limit=MOST_RUNS,
    )
    started = [record for record in records if record.start_time is not None]
    for record in started:
        run, finish = record.dagster_run, record.end_time
        happenings.add(
            store,
            target.name,
            "dagster_run",
            run.job_name,
            datetime.fromtimestamp(record.start_time or 0.0, UTC),
            ended_at=None if finish is None else datetime.fromtimestamp(finish, UTC),
            detail=f"run {run.run_id}, {run.status.value.lower()}",
            source="Dagster",
        )
    return len(started)


def _cells(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a finding that fit a table in an event; never a statement's text."""
    return {
        "severity": finding["severity"],
        "queryid": str(finding["queryid"]),  # 64 bits: a browser would round it
        "metric": finding["metric"],
        "onset": f"{finding['onset']:%Y-%m-%d %H:%M}",
        "old": f"{finding['old_level']:.4g}",
        "new": f"{finding['new_level']:.4g}",
        "change": f"{finding['relative_change']:+.0%}",
        "p": f"{finding['p_value']:.2g}",
        "new today": finding["is_new"],
        "made of": json.loads(finding["evidence"])["summary"],
        "likely cause": _likeliest(finding["causes"]),
    }


def _likeliest(causes: str) -> str | None:
    ranked = json.loads(causes)
    return (
        f"{ranked[0]['kind'].replace('_', ' ')} {ranked[0]['object']}".strip() if ranked else None
    )
