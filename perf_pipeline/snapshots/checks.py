"""Checks on a target's statistics, one step: its service levels, and what watching it costs."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import service_levels

if TYPE_CHECKING:
    from perf_pipeline.snapshots import spent

#: The check of what watching costs, on `<target>/stats/statements`.
COST: Final = "collection_cost"


def cost_check_key(target: Target) -> dg.AssetCheckKey:
    """Return the key of `collection_cost`."""
    return dg.AssetCheckKey(vocabulary.key(target, "stats", "statements"), COST)


def check_keys(target: Target) -> list[dg.AssetCheckKey]:
    """Return the keys of all of a target's checks."""
    return [*sla_check_keys(target), cost_check_key(target)]


def sla_check_keys(target: Target) -> list[dg.AssetCheckKey]:
    """Return the keys of the service levels, in their order."""
    return [
        dg.AssetCheckKey(vocabulary.key(target, "stats", level.family), level.name)
        for level in service_levels.levels(target.promises)
    ]


def target_checks(target: Target) -> dg.AssetChecksDefinition:
    """Return the checks of service levels and of cost (newest day), one step.

    They are part of `report_<target>`, not of the collection: an evaluation is as dear as a sweep.
    """
    keys = sla_check_keys(target)
    cost_key = cost_check_key(target)
    levels = service_levels.levels(target.promises)

    @dg.multi_asset_check(
        name=f"{target.name}__service_levels",
        specs=[
            dg.AssetCheckSpec(name=key.name, asset=key.asset_key, description=level.description)
            for key, level in zip(keys, levels, strict=True)
        ]
        + [
            dg.AssetCheckSpec(
                name=cost_key.name,
                asset=cost_key.asset_key,
                description="sweeps at their usual cadence cost no more of the database's time "
                "than their budget",
            )
        ],
        can_subset=True,
        # some are measured on the target's own server, one step at a time
        pool=vocabulary.pool(target) if target.promises.asks_target else None,
    )
    def service_level_checks(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from perf_pipeline.snapshots import coverage, readings, spent
        from perf_pipeline.snapshots.intervals import EXPECTED_SECONDS

        now = datetime.now(UTC)
        selected = context.selected_asset_check_keys
        wanted = {level.name for key, level in zip(keys, levels, strict=True) if key in selected}
        with vocabulary.explained(), vocabulary.open_store() as store:
            newest, read = readings.read(store, target, wanted, now)
            covered = coverage.read(store, target.name, newest) if newest is not None else []
            cost = spent.measure(store, target.name)
        for key, level in zip(keys, levels, strict=True):
            if key not in selected:
                continue
            told = (
                coverage.judge(covered, newest, now)
                if level is service_levels.ACTIVE_TIME_COVERED
                else service_levels.judge(level, read.get(level.name), newest, now)
            )
            yield _result(
                key,
                told,
                {f"limit{level.suffix}": level.limit, f"value{level.suffix}": told.value}
                | dict(told.figures),
            )
        if cost_key in context.selected_asset_check_keys:
            verdict = spent.judge(cost, target.budget_share, EXPECTED_SECONDS, now)
            yield _result(cost_key, verdict, spent.figures(cost, target.budget_share))

    return service_level_checks


def _result(
    key: dg.AssetCheckKey,
    verdict: "service_levels.Verdict | spent.Verdict",
    figures: Mapping[str, float | int | None],
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=verdict.passed,
        severity=vocabulary.severity(verdict.error),
        description=verdict.message,
        metadata={"outcome": verdict.outcome, **vocabulary.numbers(figures)},
    )
