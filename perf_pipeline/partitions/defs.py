"""Assets, checks, jobs, schedules and the sensor of partitions: plan, create, archive, drop."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.partitions import judgement
from perf_pipeline.partitions.model import Kind, Plan
from perf_pipeline.partitions.sensor import Policies, headroom_sensor, job_name
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import measurements

if TYPE_CHECKING:
    from perf_pipeline.partitions.apply import Report

#: Assets of steps, in order: which kinds of steps each carries out, and what a row of it is.
STEPS: Final[tuple[tuple[str, tuple[Kind, ...], str], ...]] = (
    (
        "created",
        ("finalize", "forget", "create_default", "drain", "create"),
        "one partition that was made, or filled from a default partition",
    ),
    ("archived", ("archive",), "one old partition that was written to the archive and read back"),
    (
        "dropped",
        ("detach", "drop"),
        "one old partition that was detached, or dropped because the archive holds it",
    ),
)
#: The check on each of them.
DONE: Final = "every_step_done"
#: Checks on `<target>/partition_catalog/<table>`.
COVERED: Final = "current_and_premake_exist"
EMPTY: Final = "default_is_empty"
HEADROOM: Final = "headroom_in_days"
#: Check on the same, where partitions are by hash; told by the asset itself.
EVEN: Final = "buckets_are_even"


def names(policies: Policies) -> dict[str, str]:
    """Return the last part of the asset keys by parent: the table's name where that is enough."""
    used = Counter(name for policy in policies for name in policy.asset_names[:2])
    return {
        policy.parent: next(
            (name for name in policy.asset_names[:2] if used[name] == 1), policy.asset_names[2]
        )
        for policy in policies
    }


def archive_job_name(target: Target) -> str:
    """Return the name of the job that archives and drops only."""
    return f"partition_archive_{target.name}"


def _catalog_key(target: Target, name: str) -> dg.AssetKey:
    return vocabulary.key(target, "partition_catalog", name)


def _plan_key(target: Target, name: str) -> dg.AssetKey:
    return vocabulary.key(target, "partition_plan", name)


def partition_assets(target: Target, policies: Policies) -> list[dg.AssetsDefinition]:
    """Return `<target>/partition_catalog/*`, `partition_plan/*` and `partitions/<step>`."""
    if not policies:
        return []
    steps: list[dg.AssetsDefinition] = []
    before = [_plan_key(target, name) for name in names(policies).values()]
    for step in STEPS:
        steps.append(_step_asset(target, policies, step, before))
        before = [vocabulary.key(target, "partitions", step[0])]
    return [_looking(target, policies, "catalog"), _looking(target, policies, "plan"), *steps]


def _looking(target: Target, policies: Policies, what: str) -> dg.AssetsDefinition:
    """Return the assets of what is, or of what there is to do: one step, one query."""
    called = names(policies)
    rows = {
        "catalog": "one partition of {0}: its bounds, rows and bytes",
        "plan": "one thing to do about the partitions of {0}; none in steady state",
    }
    key = _catalog_key if what == "catalog" else _plan_key

    @dg.multi_asset(
        name=f"{target.name}__partition_{what}",
        specs=[
            dg.AssetSpec(
                key(target, called[policy.parent]),
                **vocabulary.head(target, f"partition_{what}", rows[what].format(policy.parent)),
                deps=[] if what == "catalog" else [_catalog_key(target, called[policy.parent])],
            )
            for policy in policies
        ],
        check_specs=[
            dg.AssetCheckSpec(
                EVEN,
                asset=key(target, called[policy.parent]),
                description=f"{policy.parent}: no hash partition has more than "
                f"{judgement.MOST_SKEW:g} times the rows of the mean.",
            )
            for policy in policies
            if what == "catalog" and policy.modulus is not None
        ],
        can_subset=True,
        pool=vocabulary.pool(target),
    )
    def look(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.partitions.apply import look_and_plan

        with vocabulary.explained(), vocabulary.open_store() as store:
            found, plans = look_and_plan(store, target.name, target.maintenance_url(), policies)
        for note in found.notes:
            context.log.warning("%s", note)
        for policy in policies:
            chosen = key(target, called[policy.parent])
            if chosen not in context.selected_asset_keys:
                continue
            existing, made = found.existing[policy.parent], plans[policy.parent]
            metadata = (
                judgement.catalog_metadata(existing, made)
                if what == "catalog"
                else judgement.plan_metadata(made)
            )
            table = metadata.pop("table")
            if isinstance(table, list) and table:
                metadata[what] = vocabulary.table(table)
            asked = dg.AssetCheckKey(chosen, EVEN) in context.selected_asset_check_keys
            results = [_result(chosen, EVEN, judgement.even(existing))] if asked else []
            yield dg.MaterializeResult(asset_key=chosen, metadata=metadata, check_results=results)

    return look


def _step_asset(
    target: Target,
    policies: Policies,
    step: tuple[str, tuple[Kind, ...], str],
    before: Sequence[dg.AssetKey],
) -> dg.AssetsDefinition:
    name, kinds, row = step
    key = vocabulary.key(target, "partitions", name)

    @dg.asset(
        key=key,
        **vocabulary.head(
            target,
            "partitions",
            row,
            "Every operation is a row of `maintenance.maintenance_log` in the store.",
            also=["parquet"] if name == "archived" else (),
        ),
        deps=list(before),
        pool=vocabulary.pool(target),
        check_specs=[
            dg.AssetCheckSpec(
                DONE,
                asset=key,
                description="No step of the run was blocked by a lock or failed; what was is told "
                "with who stood in the way, and is tried again by the next run.",
            )
        ],
    )
    def carry_out(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.partitions.apply import run

        with vocabulary.explained(), vocabulary.open_store() as store:
            report = run(store, target.name, target.maintenance_url(), policies, kinds=kinds)
        for each in report.done:
            if each.error:
                context.log.warning("%s %s: %s", each.kind, each.partition, each.error)
        yield dg.MaterializeResult(
            metadata=_report_metadata(report), check_results=[_done(key, report)]
        )

    return carry_out


def _report_metadata(report: "Report") -> vocabulary.Metadata:
    done = [each for each in report.done if each.outcome == "done"]
    rows = [
        {
            "step": each.kind,
            "partition": each.partition,
            "outcome": each.outcome,
            "rows": each.rows,
            "bytes": each.bytes,
            "lock_wait_ms": round(each.lock_wait_ms, 1),
        }
        for each in report.done
    ]
    return {
        "dagster/row_count": len(done),
        "not_done": len(report.done) - len(done),
        "lock_wait_ms": round(sum(each.lock_wait_ms for each in report.done), 1),
        "longest_lock_attempt_ms": round(max((d.longest_ms for d in report.done), default=0.0), 1),
        **({"steps": vocabulary.table(rows)} if rows else {}),
        **({"killed_before": "; ".join(report.killed)} if report.killed else {}),
    }


def _done(key: dg.AssetKey, report: "Report") -> dg.AssetCheckResult:
    wrong = [each for each in report.done if each.outcome != "done"]
    failed = any(each.outcome == "failed" for each in wrong)
    said = "; ".join(f"{w.kind} {w.partition}: {w.outcome}" for w in wrong[:5])
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=DONE,
        passed=not wrong,
        severity=vocabulary.severity(failed),
        description=said or f"{len(report.done)} steps",
        metadata={"not_done": len(wrong)},
    )


def partition_checks(target: Target, policies: Policies) -> list[dg.AssetChecksDefinition]:
    """Return the three checks of each policy: one step, after everything was done."""
    if not policies:
        return []
    called = names(policies)
    about = {
        COVERED: "the current partition and those to be kept ready exist",
        EMPTY: "no row lies in the default partition, or there is none",
        HEADROOM: "the partitions that are ready last as long as the policy says; a month where "
        "it says nothing and time is what counts",
    }

    @dg.multi_asset_check(
        name=f"{target.name}__partition_checks",
        specs=[
            dg.AssetCheckSpec(
                name=name,
                asset=_catalog_key(target, called[policy.parent]),
                description=f"{policy.parent}: {said}",
                additional_deps=[vocabulary.key(target, "partitions", STEPS[-1][0])],
            )
            for policy in policies
            for name, said in about.items()
        ],
        can_subset=True,
        pool=vocabulary.pool(target),
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from perf_pipeline.partitions.apply import look_and_plan

        with vocabulary.explained(), vocabulary.open_store() as store:
            _, plans = look_and_plan(
                store, target.name, target.maintenance_url(), policies, detail=False
            )
            days = {p: m.headroom_days for p, m in plans.items() if m.headroom_days is not None}
            measurements.note(store, target.name, "partition_headroom_days", days)
        judges: Mapping[str, Callable[[Plan], judgement.Verdict]] = {
            COVERED: judgement.covered,
            EMPTY: judgement.default_empty,
            HEADROOM: judgement.headroom,
        }
        for policy in policies:
            asset = _catalog_key(target, called[policy.parent])
            for name, judge in judges.items():
                if dg.AssetCheckKey(asset, name) not in context.selected_asset_check_keys:
                    continue
                yield _result(asset, name, judge(plans[policy.parent]))

    return [checks]


def _result(key: dg.AssetKey, name: str, verdict: judgement.Verdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=verdict.passed,
        severity=vocabulary.severity(verdict.error),
        description=verdict.message,
        metadata=vocabulary.numbers({"value": verdict.value}),
    )


def target_partition_definitions(target: Target, policies: Policies) -> dg.Definitions:
    """Return the assets and checks of one target's policies."""
    return dg.Definitions(
        assets=partition_assets(target, policies), asset_checks=partition_checks(target, policies)
    )


def partition_definitions(declared: Sequence[tuple[Target, Policies]]) -> dg.Definitions:
    """Return the jobs and schedules of every target with policies, and the fleet's sensor.

    Parameters
    ----------
    declared : sequence of (Target, sequence of Policy)

    """
    with_policies = [(target, policies) for target, policies in declared if policies]
    jobs, schedules = [], []
    for target, policies in with_policies:
        called = list(names(policies).values())
        looked = [_catalog_key(target, name) for name in called]
        planned = [_plan_key(target, name) for name in called]
        steps = [vocabulary.key(target, "partitions", step) for step, _, _ in STEPS]
        checks = [
            dg.AssetCheckKey(key, name) for key in looked for name in (COVERED, EMPTY, HEADROOM)
        ]
        job = _job(target, job_name(target), [*looked, *planned, *steps], checks, policies)
        jobs.append(job)
        schedules.append(_schedule(job, "0 1 * * 0", f"{job.name}_weekly", "Sundays at 01:00 UTC"))
        if any(policy.then == "archive_then_drop" for policy in policies):
            only = _job(
                target, archive_job_name(target), [*looked, *planned, *steps[1:]], (), policies
            )
            jobs.append(only)
            schedules.append(
                _schedule(only, "0 3 1 * *", f"{only.name}_monthly", "the first at 03:00 UTC")
            )
    sensors = [headroom_sensor(with_policies, jobs)] if jobs else []
    return dg.Definitions(jobs=jobs, schedules=schedules, sensors=sensors)


def _job(
    target: Target,
    name: str,
    keys: Collection[dg.AssetKey],
    checks: Collection[dg.AssetCheckKey],
    policies: Policies,
) -> vocabulary.AssetJob:
    selection = dg.AssetSelection.assets(*keys) | dg.AssetSelection.checks(*checks)
    tables = ", ".join(policy.parent for policy in policies)
    return singleton_job(
        name,
        selection,
        f"Partitions of {tables}: what is, plan, then step by step.",
        max_runtime_s=10_800,
        target=target,
        waits_for=job_name(target),  # both jobs of a target wait for each other
        tags={"dagster/priority": "6"},
    )


def _schedule(job: vocabulary.AssetJob, cron: str, name: str, when: str) -> dg.ScheduleDefinition:
    return utc_schedule(job, cron, f"{job.name}, {when}.", name=name)
