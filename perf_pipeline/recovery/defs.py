"""Backups and drills as assets, with the promises as checks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
from pydantic import Field

from perf_pipeline import vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.target import Target
from perf_pipeline.recovery.model import Kind, Policy

_BACKUP_S: Final = 86_400
#: Longest times a promise may last, and the work around them.
_DRILL_S: Final = 43_200


class DrillConfig(dg.Config):
    """What to drill."""

    kinds: list[str] = Field(
        default=[], description="full, point_in_time, tenant, failover; none named: all declared."
    )


def chosen(policy: Policy, kinds: Sequence[str]) -> tuple[Kind, ...]:
    """Return which drills are asked for.

    Raises
    ------
    dagster.Failure
        One is no drill, or not declared.

    """
    strange = sorted(set(kinds) - set(policy.kinds))
    if strange:
        raise dg.Failure(
            f"kinds: {', '.join(strange)} cannot be drilled here; use {', '.join(policy.kinds)}"
        )
    return tuple(kind for kind in policy.kinds if kind in (kinds or policy.kinds))


def backup_job(target: Target) -> str:
    """Return the name of the job that backs a target up."""
    return f"recovery_backup_{target.name}"


def drill_job(target: Target) -> str:
    """Return the name of the job that drills a target's recovery."""
    return f"recovery_drill_{target.name}"


def target_definitions(
    target: Target, policy: Policy | None, backup_cron: str = "", drill_cron: str = ""
) -> dg.Definitions:
    """Return `<target>/recovery/base_backup` and `<target>/recovery/drills` with their jobs.

    Parameters
    ----------
    target : Target
    policy : Policy or None
        None: nothing is declared, and there is nothing.
    backup_cron, drill_cron : str
        In UTC; empty: only by hand.

    """
    if policy is None:
        return dg.Definitions()
    backup, drills = _backup_asset(target, policy), _drills_asset(target, policy)
    jobs = []
    schedules = []
    for name, asset, cron, seconds, what in (
        (backup_job(target), backup, backup_cron, _BACKUP_S, "Take a base backup and prove it."),
        (drill_job(target), drills, drill_cron, _DRILL_S, "Drill what is promised of recovery."),
    ):
        job = singleton_job(
            name,
            dg.AssetSelection.assets(asset),
            what,
            max_runtime_s=seconds,
            waits_for=backup_job(target),  # both work in one folder
        )
        jobs.append(job)
        if cron:
            schedules.append(utc_schedule(job, cron, what, name=f"{name}_schedule"))
    return dg.Definitions(
        assets=[backup, drills],
        asset_checks=[_checks(target, policy)],
        jobs=jobs,
        schedules=schedules,
    )


def _backup_asset(target: Target, policy: Policy) -> dg.AssetsDefinition:
    @dg.asset(
        key=vocabulary.key(target, "recovery", "base_backup"),
        **vocabulary.head(
            target,
            "recovery",
            "a base backup that matches its manifest",
            f"taken at {policy.rate_mb} MB/s at most; {policy.keep} are kept.",
        ),
    )
    def base_backup(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from perf_pipeline.recovery import run

        with vocabulary.explained(), vocabulary.open_store() as store:
            made = run.take_backup(store, target, policy)
        context.log.info("backup %s lies in %s", made.name, made.folder)
        return dg.MaterializeResult(
            metadata={
                "name": made.name,
                "bytes": made.bytes,
                "seconds": made.seconds,
                "folder": dg.MetadataValue.path(made.folder),
            }
        )

    return base_backup


def _drills_asset(target: Target, policy: Policy) -> dg.AssetsDefinition:
    @dg.asset(
        key=vocabulary.key(target, "recovery", "drills"),
        deps=[vocabulary.key(target, "recovery", "base_backup")],
        **vocabulary.head(
            target,
            "recovery",
            "a drill: what came back, and how long it took",
            "with copies on this machine.",
        ),
    )
    def drills(
        context: dg.AssetExecutionContext, config: DrillConfig
    ) -> dg.MaterializeResult[None]:
        from perf_pipeline.errors import PerfPipelineError
        from perf_pipeline.recovery import run

        rows, failures = [], []
        with vocabulary.explained(), vocabulary.open_store() as store:
            for kind in chosen(policy, config.kinds):
                try:
                    found = run.drill(store, target, policy, kind)
                except PerfPipelineError as error:  # one that cannot be done hides no other
                    context.log.error("%s: %s", kind, error)
                    failures.append(kind)
                    continue
                rows.append(
                    {
                        "drill": kind,
                        "seconds": found.seconds,
                        "promised_s": found.goal_s,
                        "met": found.met,
                        "proof": "; ".join(found.lost) or found.proof,
                    }
                )
        if not rows:
            raise dg.Failure(f"no drill could be carried out: {', '.join(failures)}")
        return dg.MaterializeResult(
            metadata={
                "drills": vocabulary.table(rows),
                "failed": len(failures),
                **{f"{row['drill']}_seconds": row["seconds"] for row in rows},
            }
        )

    return drills


def _checks(target: Target, policy: Policy) -> dg.AssetChecksDefinition:
    asset = vocabulary.key(target, "recovery", "drills")
    specs = [
        dg.AssetCheckSpec(
            f"{kind}_recovery_is_proved",
            asset=asset,
            description=f"Drilled within two months, nothing lost, in {policy.goals[kind]:g} s.",
        )
        for kind in policy.kinds
    ]
    wal = dg.AssetCheckSpec(
        "wal_reaches_any_moment",
        asset=asset,
        description="WAL is archived without delay, and kept long enough for standbys.",
    )

    @dg.multi_asset_check(name=f"recovery_checks_{target.name}", specs=[*specs, wal])
    def checks() -> Iterator[dg.AssetCheckResult]:
        from perf_pipeline.recovery import run

        with vocabulary.explained(), vocabulary.open_store() as store:
            found = run.drilled(store, target.name)
            lacks = run.wal_lacks(target)
        why = run.unproven(policy, found, datetime.now(UTC))
        for kind in policy.kinds:
            row = found.get(kind)
            seconds = row["detail"].get("seconds") if row is not None else None
            yield dg.AssetCheckResult(
                asset_key=asset,
                check_name=f"{kind}_recovery_is_proved",
                passed=kind not in why,
                severity=dg.AssetCheckSeverity.ERROR,
                description=why.get(kind, "proved"),
                metadata=vocabulary.numbers({"seconds": seconds, "promised_s": policy.goals[kind]}),
            )
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name="wal_reaches_any_moment",
            passed=not lacks,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(lacks) or "archived, and kept",
        )

    return checks
