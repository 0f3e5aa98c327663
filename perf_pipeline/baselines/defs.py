"""Asset of the baselines: what was normal for each statement on the eve of a day."""

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target


def baseline_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/baseline/statements`, daily.

    The baseline of a day rests on the rollups of the days *before* it. The dependency is still on
    the rollup of the same day: a mapping to earlier days would make Dagster run a backfill of both
    assets day by day, and the days before are in order anyway, done earlier in the same range or
    in an earlier run.
    """

    @dg.asset(
        key=vocabulary.key(target, "baseline", "statements"),
        group_name=target.name,
        kinds={"postgres", "polars"},
        owners=list(target.owners),
        tags=vocabulary.tags(target, "baseline"),
        description=vocabulary.described(
            target,
            "what was normal for one statement and metric on the eve of the day: "
            "centre, spread and limits by hour of the week, or by a coarser tier",
        ),
        deps=[vocabulary.key(target, "rollup", "statements_hourly")],
        partitions_def=vocabulary.daily(target),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def statements(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.baselines.build import build

        with vocabulary.stage(context, target, "baseline") as (store, days):
            built = build(store, target.name, days.first, days.last)
            totals = vocabulary.day_totals(store, "baselines", target, days)
        vocabulary.add_day_metadata(context, totals, ("statements",))
        return dg.MaterializeResult(
            metadata={
                "run": f"{days}: {built.rows:,} rows; "
                f"{built.not_enough_data:,} statement days without enough history",
            }
        )

    return statements
