"""What of a parent does not fit its policy; pure."""

from perf_pipeline.partitions.model import Existing, Policy, Problem

#: Types of a partition key that policies with `every` and with `step` understand.
TIME_TYPES = ("timestamptz", "timestamp", "date")


def problems_of(policy: Policy, existing: Existing) -> list[Problem]:
    """Return what stands in the way; each blocking one alone is reason to do nothing.

    Parameters
    ----------
    policy : Policy
    existing : Existing

    """
    parent = policy.parent
    if existing.kind == "absent":
        return [
            Problem(
                f"{parent} does not exist, or this role may not see it",
                "create the table, or correct the policy's parent",
                blocking=True,
            )
        ]
    if existing.kind == "table":
        return [
            Problem(
                f"{parent} is not partitioned",
                f"convert it: perf-pipeline partitions convert {parent} --target ...",
                blocking=True,
            )
        ]
    strategy = "hash" if policy.modulus is not None else "range"
    if existing.strategy != strategy:
        return [
            Problem(
                f"{parent} is partitioned by {existing.strategy}, the policy says {strategy}",
                "correct the policy: every or step for range, modulus for hash",
                blocking=True,
            )
        ]
    if existing.columns != (policy.column,):
        found = ", ".join(name or "an expression" for name in existing.columns)
        return [
            Problem(
                f"{parent} is partitioned by ({found}), the policy says ({policy.column})",
                "name that column in the policy; keys of several columns or expressions are not "
                "served",
                blocking=True,
            )
        ]
    wrong = wrong_type(policy, existing.column_type)
    return [wrong] if wrong else []


def wrong_type(policy: Policy, kind: str | None) -> Problem | None:
    """Return why a policy does not fit a key of a type; None: it does."""
    if policy.every is not None and kind not in TIME_TYPES:
        return Problem(
            f"{policy.parent}: {policy.column} is {kind}, the policy counts time",
            f"every needs one of {', '.join(TIME_TYPES)}; whole numbers have a step",
            blocking=True,
        )
    if policy.step is not None and kind != "integer":
        return Problem(
            f"{policy.parent}: {policy.column} is {kind}, the policy counts whole numbers",
            "step needs smallint, integer or bigint; times have an every",
            blocking=True,
        )
    if kind == "date" and policy.every == "hour":
        return Problem(
            f"{policy.parent}: {policy.column} is a date, the policy's partitions are hours",
            "choose day or longer",
            blocking=True,
        )
    return None
