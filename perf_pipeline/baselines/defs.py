"""Assets of the statements' baselines, and of the slow statements judged by them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target

if TYPE_CHECKING:
    import polars as pl

#: The check on `<target>/report/slow_queries`.
SLOW_CHECK: Final = "slow_statements_as_fast_as_usual"


def baseline_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/baseline/statements`, daily.

    The baseline of a day rests on the rollups of the days *before* it. The dependency is still on
    the rollup of the same day: a mapping to earlier days would make Dagster run a backfill of both
    assets day by day, and the days before are in order anyway, done earlier in the same range or
    in an earlier run.
    """

    @vocabulary.daily_asset(
        target,
        "baseline",
        "statements",
        "what was normal for one statement and metric on the eve of the day: "
        "centre, spread and limits by hour of the week, or by a coarser tier",
        deps=[vocabulary.key(target, "rollup", "statements_hourly")],
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


def slow_queries_asset(target: Target) -> dg.AssetsDefinition:
    """Return `<target>/report/slow_queries`, daily, with its check of the newest day."""
    key = vocabulary.key(target, "report", "slow_queries")

    @vocabulary.daily_asset(
        target,
        "report",
        "slow_queries",
        "one statement that took more than 100 ms per call on the day, slowest first: against "
        "its baseline, whether reading blocks is what takes the time, and what to do first",
        "Rows are in `perf_mgmt.slow_queries`; on Mondays the baselines of the statements "
        "worth watching are appended to `perf_mgmt.analytics_query_baselines`.",
        deps=[
            vocabulary.key(target, "rollup", "statements_hourly"),
            vocabulary.key(target, "baseline", "statements"),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                SLOW_CHECK,
                asset=key,
                description="No statement called more than five times on the newest day at more "
                "than a second per call was slower than 1.2 times its baseline. Only a warning: "
                "whether that is proven, `report/findings` says.",
            )
        ],
    )
    def slow_queries(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.baselines.slow import Limits
        from perf_pipeline.baselines.slow_build import build

        asked = vocabulary.days(context)
        with vocabulary.explained(), vocabulary.open_store() as store:
            limits = Limits.of(target.regression_limits)
            built = build(store, target.name, asked.first, asked.last, limits)
            totals = vocabulary.day_totals(store, "slow", target, asked)
        vocabulary.add_day_metadata(context, totals, ("watched", "slower", "no_baseline"))
        newest = built.frame.filter(built.frame["day"] == asked.last)
        shown = [_slow_cells(row) for row in newest.head(20).iter_rows(named=True)]
        if shown:
            context.add_asset_metadata(
                {"slowest": vocabulary.table(shown)}, partition_key=asked.last.isoformat()
            )
        yield dg.MaterializeResult(
            metadata={
                "run": f"{asked}: {built.frame.height:,} slow statements and days, "
                f"{built.weekly:,} weekly baselines"
            },
            check_results=[_slow_result(key, newest, measured=built.measured)],
        )

    return slow_queries


def _slow_cells(row: dict[str, object]) -> dict[str, object]:
    """Return the columns of a slow statement that fit a table in an event; never its text."""
    change, bound = row["change"], row["io_bound"]
    return {
        "queryid": str(row["queryid"]),  # 64 bits: a browser would round it
        "category": row["category"],
        "calls": row["calls"],
        "mean_ms": f"{row['mean_ms']:,.0f}",
        "total_s": f"{row['total_ms'] / 1000:,.0f}",  # type: ignore[operator]
        "state": row["state"],
        "change": "" if change is None else f"{change:+.0%}",
        "reading": "" if bound is None else ("yes" if bound else "no"),
        "action": row["action"],
    }


def _slow_result(
    key: dg.AssetKey, newest: "pl.DataFrame", *, measured: bool
) -> dg.AssetCheckResult:
    """Return the check's result for the slow statements of one day."""
    watched = newest.filter(newest["watched"])
    counts = {
        state: int((watched["state"] == state).sum())
        for state in ("CRITICAL", "WARNING", "DEGRADED", "NORMAL", "NO_BASELINE")
    }
    slower = ("CRITICAL", "WARNING", "DEGRADED")
    worse = [row for row in watched.iter_rows(named=True) if row["state"] in slower]
    told = "; ".join(
        f"statement {row['queryid']}: {row['state']}, {row['mean_ms']:,.0f} ms, "
        f"{row['change']:+.0%}"
        for row in worse[:5]
    )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SLOW_CHECK,
        passed=measured and not worse,
        severity=dg.AssetCheckSeverity.WARN,
        description=(told or "none is slower than usual") if measured else "no statements that day",
        metadata={
            "outcome": ("slower" if worse else "as usual") if measured else "not measured",
            **counts,
        },
    )
