"""`perf-pipeline invalidation`: what is captured, what waits, and a worker."""

import click

from perf_pipeline.cli_parts import print_json, say

_TARGET = click.option("--target", required=True, help="The target's name.")
_JSON = click.option("--json", "as_json", is_flag=True)


@click.group("invalidation")
def invalidation() -> None:
    """Make cached values anew when, and only when, what they show has changed."""


@invalidation.command("plan")
@_TARGET
@_JSON
def plan(target: str, as_json: bool) -> None:
    """Say what is not captured as declared; nothing is changed. Exits with 1 if something is."""
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import catalog, install

    found, caches = declared_caches(target)
    with catalog.session(found, read_only=True) as connection:
        made = install.look(connection, caches)
    if as_json:
        print_json({"target": target, **made.as_json()})
    else:
        for step in made.steps:
            say(f"{step.action:<13} {step.name}  ({step.why})")
        for note in made.notes:
            say(f"note: {note}")
        if made.is_armed:
            say(f"{target}: all that is declared is captured")
    raise SystemExit(0 if made.is_armed else 1)


@invalidation.command("install")
@_TARGET
@click.option("--seconds", default=30.0, show_default=True, help="For the locks of each table.")
@_JSON
def install(target: str, seconds: float, as_json: bool) -> None:
    """Capture what is declared: tables, triggers, functions; what is right is not touched.

    A writer never waits longer behind it than a second. Run it again after partitions were added,
    after a change of the YAML, and whenever `plan` finds something.
    """
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import catalog
    from perf_pipeline.invalidation.install import install as apply
    from perf_pipeline.postgres.lock_budget import LockBudget

    found, caches = declared_caches(target)
    with catalog.session(found) as connection:
        done = apply(connection, target, caches, LockBudget(total_s=seconds))
    if as_json:
        print_json({"target": target, "done": [vars(step) for step in done.plan.steps]})
        return
    for step in done.plan.steps:
        say(f"{step.action:<13} {step.name}  ({step.why})")
    if done.plan.is_armed:
        say(f"{target}: all that is declared was captured already")
