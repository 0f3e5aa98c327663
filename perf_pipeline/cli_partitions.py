"""`perf-pipeline partitions plan | apply | restore`: what partitions lack, and doing it."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from perf_pipeline.cli_parts import print_json, say

if TYPE_CHECKING:
    from perf_pipeline.partitions.model import Plan, Policy, Step
    from perf_pipeline.postgres.target import Target


@click.group()
def partitions() -> None:
    """Keep tables partitioned: plan, show, apply; archive before anything is dropped."""


def _declared(target: str) -> "tuple[Target, tuple[Policy, ...]]":
    from perf_pipeline.components.catalog import declared_component

    component = declared_component(target)
    return component.target(), component.partition_policies()


@partitions.command("plan")
@click.option("--target", required=True, help="A target of defs/targets.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
def plan(target: str, as_json: bool) -> None:
    """Say what is missing and what is old; changes nothing.

    Exits with 1 when there is something to do, or something stands in the way.
    """
    from perf_pipeline.partitions import apply
    from perf_pipeline.store import Store, migrate

    declared, policies = _declared(target)
    with Store() as store:
        migrate.require_current(store)
        found, made = apply.look_and_plan(store, target, declared.maintenance_url(), policies)
    if as_json:
        print_json({"target": target, "notes": found.notes, "plans": _as_json(made)})
    else:
        if not policies:
            say(f"{target} declares no partition policies")
        for one in made.values():
            _show(one)
        for note in found.notes:
            say(f"note: {note}")
    sys.exit(1 if any(p.steps or p.problems for p in made.values()) else 0)


@partitions.command("apply")
@click.option("--target", required=True, help="A target of defs/targets.")
@click.option(
    "--lock-budget",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds to ask for locks for each step.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def apply_command(target: str, lock_budget: float, as_json: bool) -> None:
    """Do what `plan` says: create, drain, archive, detach, drop; safe to be killed and run again.

    Exits with 1 when a step was blocked or failed, or something stands in the way.
    """
    from perf_pipeline.partitions import apply
    from perf_pipeline.postgres.lock_budget import LockBudget
    from perf_pipeline.store import Store, migrate

    declared, policies = _declared(target)
    with Store() as store:
        migrate.require_current(store)
        done = apply.run(
            store,
            target,
            declared.maintenance_url(),
            policies,
            budget=LockBudget(total_s=lock_budget),
        )
    if as_json:
        print_json(
            {
                "target": target,
                "done": [vars(step) for step in done.done],
                "killed": done.killed,
                "notes": done.notes,
                "plans": _as_json(done.plans),
            }
        )
    else:
        for line in done.killed:
            say(f"an earlier run was killed in: {line}")
        for step in done.done:
            waited = f", {step.lock_wait_ms:.0f} ms lost to locks" if step.lock_wait_ms else ""
            rows = f", {step.rows:,} rows" if step.rows is not None else ""
            say(f"{step.outcome:<8} {step.kind:<14} {step.partition}{rows}{waited}")
            if step.error:
                say(f"         {step.error}")
        if not done.done:
            say("nothing to do")
        for one in done.plans.values():
            for problem in one.problems:
                say(f"problem: {problem.what}\n  remedy: {problem.remedy}")
        for note in done.notes:
            say(f"note: {note}")
    sys.exit(0 if done.ok else 1)


@partitions.command("restore")
@click.argument("partition")
@click.option("--target", required=True, help="A target of defs/targets.")
@click.option("--detached", is_flag=True, help="Leave it a table of its own.")
@click.option(
    "--hold-days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Days that the policy leaves it alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came back as JSON.")
def restore_command(
    partition: str, target: str, detached: bool, hold_days: int, as_json: bool
) -> None:
    """Bring an archived PARTITION back, checked against what was archived, and attach it."""
    from perf_pipeline.partitions.restore import restore
    from perf_pipeline.store import Store, migrate, place

    declared, policies = _declared(target)
    with Store() as store:
        migrate.require_current(store)
        done = restore(
            store,
            place.current(),
            target,
            declared.maintenance_url(),
            {policy.parent: policy for policy in policies},
            partition,
            attach=not detached,
            hold_days=hold_days,
        )
    if as_json:
        print_json(vars(done))
        return
    where = "attached" if done.attached else "a table of its own"
    say(f"restored {done.partition}: {done.rows:,} rows, {where}; compared: {done.checked}")


@partitions.command("adopt")
@click.argument("parents", nargs=-1, metavar="[SCHEMA.TABLE]...")
@click.option("--target", required=True, help="A target of defs/targets.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def adopt_command(parents: tuple[str, ...], target: str, as_json: bool) -> None:
    """Print policies for tables that are partitioned already, by hand or by pg_partman.

    Changes nothing: put what fits into the target's YAML. Exits with 1 when a table fits none.
    """
    import yaml

    from perf_pipeline.partitions.adopt import adopt
    from perf_pipeline.partitions.session import session

    declared, _ = _declared(target)
    with session(declared.maintenance_url()) as connection:
        found = adopt(connection, parents)
    if as_json:
        print_json([vars(one) for one in found])
    else:
        say("partitions:")
        for one in found:
            say(f"  # {one.parent}: {one.why}")
            if one.declared is not None:
                text = yaml.safe_dump([one.declared], sort_keys=False)
                say("".join(f"  {line}\n" for line in text.splitlines()).rstrip())
            if one.partman is not None:
                say("  # before the first apply, pg_partman must let go of it:")
                say(f"  #   {one.partman}")
    sys.exit(0 if all(one.declared for one in found) else 1)


@partitions.command("convert")
@click.argument("parent", metavar="SCHEMA.TABLE")
@click.option("--target", required=True, help="A target of defs/targets with a policy for it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def convert_command(parent: str, target: str, as_json: bool) -> None:
    """Turn a plain table into the partitioned one its policy asks for, while it is written to.

    Killed anywhere, the same command goes on. The old table stays beside it, renamed.
    """
    from perf_pipeline.errors import ConfigurationError
    from perf_pipeline.partitions.convert import convert
    from perf_pipeline.store import Store, migrate

    declared, policies = _declared(target)
    chosen = next((policy for policy in policies if policy.parent == parent), None)
    if chosen is None:
        raise ConfigurationError(
            f"{target} declares no partition policy for {parent}", "declare one: see docs"
        )
    with Store() as store:
        migrate.require_current(store)
        done = convert(store, target, declared.maintenance_url(), chosen)
    if as_json:
        print_json(vars(done))
        return
    say(
        f"{done.parent}: {done.rows:,} rows in {done.partitions} partitions; "
        f"swapped in {done.swap_ms:.0f} ms; the old table is {done.old}"
    )


def _show(made: "Plan") -> None:
    headroom = "" if made.headroom_days is None else f", {made.headroom_days:.1f} days of headroom"
    stuck = any(problem.blocking for problem in made.problems)
    state = "covered" if made.covered else f"{made.missing} missing"
    if stuck:
        state = "not planned"
    default = {None: "", True: ", default empty", False: ", default has rows"}[made.default_empty]
    say(f"{made.policy.parent}: {state}{headroom}{default}")
    for step in made.steps:
        rows = f", {step.rows:,} rows" if step.rows is not None else ""
        say(f"  {step.kind:<14} {step.partition.full_name} {_bounds(step)}: {step.why}{rows}")
    for problem in made.problems:
        say(f"  problem: {problem.what}\n    remedy: {problem.remedy}")
    for note in made.notes:
        say(f"  note: {note}")


def _bounds(step: "Step") -> str:
    from perf_pipeline.partitions.bounds import shown

    part = step.partition
    if part.is_default:
        return "default"
    if part.modulus is not None:
        return f"{part.remainder} of {part.modulus}"
    return shown(part.lower, part.upper)


def _as_json(plans: "Mapping[str, Plan]") -> list[dict[str, Any]]:
    return [
        {
            "parent": parent,
            "covered": made.covered,
            "missing": made.missing,
            "headroom_days": made.headroom_days,
            "default_empty": made.default_empty,
            "steps": [
                {
                    "kind": step.kind,
                    "partition": step.partition.full_name,
                    "lower": step.partition.lower,
                    "upper": step.partition.upper,
                    "remainder": step.partition.remainder,
                    "why": step.why,
                    "rows": step.rows,
                }
                for step in made.steps
            ],
            "problems": [vars(problem) for problem in made.problems],
            "notes": made.notes,
        }
        for parent, made in plans.items()
    ]
