"""What the jobs of answers would do now, by the very functions that their runs plan with."""

from collections.abc import Mapping, Sequence
from typing import Any

from perf_pipeline.alerts.actions import Dry, DryRun
from perf_pipeline.components.target import PostgresTarget
from perf_pipeline.store import Store
from perf_pipeline.upkeep.model import Doing, Policy, policy_of

#: Steps named; how many more there are is told.
NAMED = 5


def of(component: PostgresTarget) -> Mapping[str, DryRun]:
    """Return the dry run of each answer that a job of this target may carry out."""
    target = component.target()
    made: dict[str, DryRun] = {}
    if component.cache_types():
        made["drain_queue"] = lambda _: _drain(component)
    if component.partition_policies():
        made["create_partitions"] = lambda store: _partitions(component, store)
    policy = policy_of(target)
    if policy is not None:
        made["clean_orphans"] = lambda store: _upkeep(component, policy, store, "orphans")
        made["analyze"] = lambda store: _upkeep(component, policy, store, "analyze")
    return made


def told(steps: Sequence[str], more: str = "") -> Dry:
    """Return steps as an answer's record has them."""
    text = "; ".join(steps[:NAMED])
    text += f"; and {len(steps) - NAMED} more" if len(steps) > NAMED else ""
    return Dry(len(steps), f"{text}; {more}".strip("; "))


def _drain(component: PostgresTarget) -> Dry:
    from perf_pipeline.invalidation import looks

    depth = looks.waiting(component.target(), component.cache_types())
    entries = {name: count for name, count in depth.items() if count}
    return told([f"serve {count:,} of {name}" for name, count in sorted(entries.items())])


def _partitions(component: PostgresTarget, store: Store) -> Dry:
    from perf_pipeline.partitions import apply

    target = component.target()
    _, plans = apply.look_and_plan(
        store, target.name, target.maintenance_url(), component.partition_policies(), detail=False
    )
    steps: list[Any] = [step for plan in plans.values() for step in plan.steps]
    return told([f"{step.kind} {step.partition.name}" for step in steps])


def _upkeep(component: PostgresTarget, policy: Policy, store: Store, does: Doing) -> Dry:
    from perf_pipeline.upkeep import look

    plan = look.planned(component.target(), policy, store, (does,))
    left = len(plan.steps) - len(plan.todo)
    return told(
        [f"{step.operation} {step.object_name}: {step.reason}" for step in plan.todo],
        f"{left} left alone" if left else "",
    )
