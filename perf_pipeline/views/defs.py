"""Assets of views: `<target>/matview/*` over what they read, their job, schedules and sensor.

The functions that do the work are imported when a step runs: definitions load in every run's
process, most of which need none of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.views.lineage import Lineage
from perf_pipeline.views.model import ViewPolicy

if TYPE_CHECKING:
    from perf_pipeline.views.run import Outcome

#: Checks of each view.
FRESH: Final = "fresh"
READERS_GO_ON: Final = "readers_go_on"
_SPECS: Final = {
    FRESH: "as new as its sources, or at most as old as its goal",
    READERS_GO_ON: "a refresh does not keep readers out",
}


def view_key(target: Target, policy: ViewPolicy) -> dg.AssetKey:
    """Return the key of a view's asset."""
    return vocabulary.key(target, "matview", policy.short)


def report_key(target: Target, policy: ViewPolicy) -> dg.AssetKey:
    """Return the key of what shows a view's rows."""
    return vocabulary.key(target, "report", policy.short)


def keys_of(target: Target, policies: Sequence[ViewPolicy]) -> list[dg.AssetKey]:
    """Return the keys of views and of what shows their rows."""
    reports = [report_key(target, each) for each in policies if each.report]
    return [*(view_key(target, each) for each in policies), *reports]


def job_name(target: Target) -> str:
    """Return the name of the job that refreshes a target's views."""
    return f"refresh_{target.name}"


def source_key(target: Target, kind: str, name: str) -> dg.AssetKey:
    """Return the key of a table or a view that nobody materializes."""
    schema, _, relation = name.partition(".")
    return dg.AssetKey([target.name, "table" if kind == "table" else "view", schema, relation])


def view_definitions(
    target: Target,
    policies: Sequence[ViewPolicy],
    lineage: Lineage | None,
    made: Mapping[str, dg.AssetKey] | None = None,
) -> dg.Definitions:
    """Return a target's views with what they read.

    Parameters
    ----------
    target : Target
    policies : sequence of ViewPolicy
    lineage : Lineage or None
        As written down; None: views stand alone until it is.
    made : Mapping, optional
        Tables, `schema.name`, that an asset of another part makes: its key.

    """
    if not policies:
        return dg.Definitions()
    keys = {each.name: view_key(target, each) for each in policies}
    found = lineage or Lineage()
    for name, kind in found.kinds.items():
        keys.setdefault(name, source_key(target, kind, name))
    return dg.Definitions(
        assets=[
            *_sources(target, policies, found, keys, made or {}),
            _views(target, policies, found, keys),
            *(_report(target, each) for each in policies if each.report),
        ]
    )


def _sources(
    target: Target,
    policies: Sequence[ViewPolicy],
    lineage: Lineage,
    keys: Mapping[str, dg.AssetKey],
    made: Mapping[str, dg.AssetKey],
) -> list[dg.AssetSpec]:
    """Return the tables and views beneath, as external assets."""
    ours = {each.name for each in policies}
    return [
        dg.AssetSpec(
            keys[name],
            deps=[
                *(keys[other] for other in lineage.reads.get(name, ()) if other in keys),
                *([made[name]] if name in made else []),
            ],
            **vocabulary.head(
                target,
                "table" if kind == "table" else "view",
                f"one row of {name}",
                "Written by the application; read by views.",
                also=["table" if kind == "table" else "view"],
            ),
        )
        for name, kind in sorted(lineage.kinds.items())
        if name not in ours
    ]


def _views(
    target: Target,
    policies: Sequence[ViewPolicy],
    lineage: Lineage,
    keys: Mapping[str, dg.AssetKey],
) -> dg.AssetsDefinition:
    """Return `<target>/matview/*`: one step plans and refreshes what is selected."""
    by_key = {keys[each.name]: each for each in policies}

    @dg.multi_asset(
        name=f"{target.name}__views",
        specs=[
            dg.AssetSpec(
                keys[each.name],
                deps=[keys[other] for other in lineage.reads.get(each.name, ()) if other in keys],
                skippable=True,
                # nothing looks at a view without schedule while nothing happens: it is not late
                freshness_policy=_freshness(each) if each.schedule else None,
                **vocabulary.head(
                    target, "matview", f"one row of {each.name}", _told(each), also=["view"]
                ),
            )
            for each in policies
        ],
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=f"{each.name}: {text}")
            for key, each in by_key.items()
            for name, text in _SPECS.items()
        ],
        can_subset=True,
        pool=vocabulary.pool(target),
        description=f"Refreshes of {target.name}: in the order of what rests on what, only what "
        "changed, under budgets of locks and time.",
    )
    def views(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from perf_pipeline.views.run import run

        wanted = [by_key[key].name for key in context.selected_asset_keys if key in by_key]
        with vocabulary.explained(), vocabulary.open_store() as store:
            outcomes = run(store, target, policies, only=wanted)
        for outcome in outcomes:
            key = keys[outcome.name]
            context.log.info("%s: %s (%s)", outcome.name, outcome.status, outcome.why)
            if outcome.ok:
                yield dg.MaterializeResult(asset_key=key, metadata=_metadata(outcome))
            for name, judged in _checks(key, outcome).items():
                if dg.AssetCheckKey(key, name) in context.selected_asset_check_keys:
                    yield judged
        failed = [outcome for outcome in outcomes if not outcome.ok]
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(outcomes)} views were not refreshed; "
                f"{failed[0].name}: {failed[0].why}",
                metadata={"not_refreshed": vocabulary.table([_row(each) for each in failed])},
                allow_retries=False,
            )

    return views


def _freshness(policy: ViewPolicy) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(minutes=2 * policy.fresh_minutes),
        warn_window=timedelta(minutes=policy.fresh_minutes),
    )


def _report(target: Target, policy: ViewPolicy) -> dg.AssetsDefinition:
    """Return `<target>/report/<view>`: in a view's run it comes after the view."""

    @dg.asset(
        key=report_key(target, policy),
        deps=[view_key(target, policy)],
        **vocabulary.head(
            target,
            "report",
            f"one row of {policy.name}",
            "Its first 20 rows as a table, read again after each look at the view.",
            also=["table"],
        ),
    )
    def report() -> dg.MaterializeResult[None]:
        from perf_pipeline.views.shown import shown

        with vocabulary.explained():
            found = shown(target, policy)
        rows = {"rows": vocabulary.table(found.rows)} if found.rows else {}
        return dg.MaterializeResult(metadata={**rows, "dagster/row_count": found.count})

    return report


def _told(policy: ViewPolicy) -> str:
    goal = f"The goal is to be at most {policy.fresh_minutes:g} minutes old."
    if policy.rollup is None:
        return f"A materialized view, refreshed when what it reads has changed. {goal}"
    return f"Kept from what was captured of {policy.rollup.source}. {goal}"


def _metadata(outcome: "Outcome") -> vocabulary.Metadata:
    """Return what an event says of a refresh, or of the proof that none was needed."""
    return {
        "status": outcome.status,
        "method": outcome.method,
        "why": outcome.why,
        **({"dagster/row_count": outcome.rows} if outcome.rows is not None else {}),
        **vocabulary.numbers(
            {
                "seconds": outcome.seconds,
                "lock_wait_ms": outcome.waited_ms,
                "requests_answered": outcome.answered,
            }
        ),
    }


def _checks(key: dg.AssetKey, outcome: "Outcome") -> dict[str, dg.AssetCheckResult]:
    """Return the checks of one view after a run."""
    policy, age_s = outcome.step.policy, outcome.step.age_s
    goal_s = policy.fresh_minutes * 60.0
    known = {} if age_s is None else {"age_minutes": round(age_s / 60.0, 1)}
    unknown = age_s is None or outcome.status == "missing"
    late = not outcome.ok and (unknown or (age_s or 0.0) > goal_s)
    worse = late and (unknown or (age_s or 0.0) > 2 * goal_s)
    severity = vocabulary.severity(worse)
    fresh = dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESH,
        passed=not late,
        severity=severity,
        description=outcome.why,
        metadata={"goal_minutes": policy.fresh_minutes, **({} if outcome.ok else known)},
    )
    advice = list(outcome.step.advice)
    go_on = dg.AssetCheckResult(
        asset_key=key,
        check_name=READERS_GO_ON,
        passed=not advice,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(advice) or "readers go on during a refresh",
    )
    return {FRESH: fresh, READERS_GO_ON: go_on}


def _row(outcome: "Outcome") -> dict[str, object]:
    return {
        "view": outcome.name,
        "status": outcome.status,
        "why": outcome.why,
        "remedy": outcome.remedy,
    }
