"""The state of a target's replicas as an asset with checks."""

from collections.abc import Iterator, Sequence

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule
from perf_pipeline.postgres.replicas import Replica
from perf_pipeline.postgres.target import Target


def target_definitions(target: Target) -> dg.Definitions:
    """Return `<target>/replicas/state`, its checks and its job; nothing without replicas."""
    replicas: Sequence[Replica] = target.replicas
    if not replicas:
        return dg.Definitions()

    @dg.multi_asset(
        name=f"{target.name}__replicas__state",
        specs=[
            dg.AssetSpec(
                vocabulary.key(target, "replicas", "state"),
                **vocabulary.head(
                    target,
                    "replicas",
                    "a server: its role, how far behind, and what is wrong with it",
                ),
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                f"{each.name}_may_be_read",
                asset=vocabulary.key(target, "replicas", "state"),
                description=f"Streams, and is at most {each.max_lag_s:g} s behind.",
            )
            for each in replicas
        ],
    )
    def state() -> Iterator[dg.MaterializeResult[None]]:
        from perf_pipeline.postgres import replicas as logic

        states = logic.look(target)
        rows = []
        for each in states:
            kind = {None: "away", True: "standby", False: "takes writes"}[each.in_recovery]
            row = {"server": each.name, "is": kind, "lag_s": each.lag_s, "wrong": each.wrong}
            rows.append(row)
        by_name = {each.name: each for each in states}
        yield dg.MaterializeResult(
            asset_key=vocabulary.key(target, "replicas", "state"),
            metadata={
                "servers": vocabulary.table(rows),
                **vocabulary.numbers(
                    {f"{each.name}_lag_seconds": each.lag_s for each in states[1:]}
                ),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=f"{each.name}_may_be_read",
                    passed=bool(by_name[each.name].in_recovery) and not by_name[each.name].wrong,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=by_name[each.name].wrong
                    or ("fresh" if by_name[each.name].in_recovery else "takes writes: promoted"),
                )
                for each in replicas
            ],
        )

    name = f"replicas_{target.name}"
    job = singleton_job(
        name,
        dg.AssetSelection.assets(state),
        "Look at the replicas.",
        max_runtime_s=120,
    )
    schedule = utc_schedule(
        job,
        "25 * * * *",
        "Look at the replicas, 25 minutes past each hour.",
        name=f"{name}_hourly",
    )
    return dg.Definitions(assets=[state], jobs=[job], schedules=[schedule])
