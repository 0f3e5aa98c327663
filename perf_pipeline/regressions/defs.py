"""Asset of the findings: statements whose level changed, with size, onset and likely causes."""

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target


def findings_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/findings`, daily."""

    @dg.asset(
        key=vocabulary.key(target, "report", "findings"),
        group_name=target.name,
        kinds={"postgres", "polars"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, "report"),
        description=vocabulary.described(
            target,
            "one change of level of one statement and metric found in the day's data: "
            "onset, size, p-value, severity, and what else happened at that moment",
        ),
        deps=[
            vocabulary.key(target, "rollup", "statements_hourly"),
            vocabulary.key(target, "baseline", "statements"),
        ],
        partitions_def=vocabulary.daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def findings(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.regressions.find import find

        with vocabulary.stage(context, target, "findings") as (store, days):
            found = find(store, target.name, days.first, days.last)
            totals = vocabulary.day_totals(store, "findings", target, days)
        vocabulary.add_day_metadata(
            context, totals, ("incidents", "critical", "warning", "improvements")
        )
        metadata: vocabulary.Metadata = {
            "days": str(days),
            "series_judged": found.series_judged,
            "not_enough_data": found.not_enough_data,
        }
        return dg.MaterializeResult(metadata=metadata)

    return findings
