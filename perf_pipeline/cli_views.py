"""`perf-pipeline views ...`: plan and refresh a target's views, ask for one, write lineage."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from perf_pipeline.cli_parts import print_json, say

if TYPE_CHECKING:
    from perf_pipeline.views.model import Plan
    from perf_pipeline.views.run import Outcome

_TARGET = click.option("--target", required=True, help="The target's name.")
_VIEW = click.option("--view", "views", multiple=True, help="schema.name; default all declared.")
_FORCE = click.option("--force", is_flag=True, help="Also what did not change.")
_JSON = click.option("--json", "as_json", is_flag=True)


@click.group("views")
def views() -> None:
    """Keep materialized and incremental views fresh, in order, only where something changed."""


@views.command("plan")
@_TARGET
@_VIEW
@_FORCE
@_JSON
def plan(target: str, views: Sequence[str], force: bool, as_json: bool) -> None:
    """Say what a refresh would do now, and why; nothing is changed.

    Exits with 1 when a view of the YAML is not in the database.
    """
    from perf_pipeline.components.catalog import declared_views
    from perf_pipeline.postgres import connect
    from perf_pipeline.views.run import look

    found, policies = declared_views(target)
    only = _chosen(views, [each.name for each in policies])
    with connect.session(found.maintenance_url(), read_only=True, autocommit=True) as connection:
        made, _ = look(connection, found, policies, only=only, force=force)
    if as_json:
        print_json({"target": target, "at": made.at, "steps": [s.as_json() for s in made.steps]})
    else:
        _show(made)
    sys.exit(1 if any(step.action == "missing" for step in made.steps) else 0)


@views.command("refresh")
@_TARGET
@_VIEW
@_FORCE
@click.option("--seconds", default=1800.0, show_default=True, help="For all views together.")
@click.option(
    "--lock-seconds",
    type=click.FloatRange(min=0.0),
    default=30.0,
    show_default=True,
    help="For waits for locks of all views together; what is blocked lets the others go first.",
)
@_JSON
def refresh(
    target: str,
    views: Sequence[str],
    force: bool,
    seconds: float,
    lock_seconds: float,
    as_json: bool,
) -> None:
    """Refresh what changed; one view that fails leaves the others alone."""
    from perf_pipeline.components.catalog import declared_views
    from perf_pipeline.store import Store, migrate
    from perf_pipeline.views.run import run

    found, policies = declared_views(target)
    only = _chosen(views, [each.name for each in policies])
    with Store() as store:
        migrate.require_current(store)
        outcomes = run(
            store,
            found,
            policies,
            only=only,
            force=force,
            most_seconds=seconds,
            lock_seconds=lock_seconds,
            notify=None if as_json else _say_outcome,
        )
    if as_json:
        print_json([each.as_json() for each in outcomes])
    elif not outcomes:
        say(f"{target} declares no views")
    if any(not each.ok for each in outcomes):
        raise SystemExit(1)


@views.command("queue")
@_TARGET
@click.option("--ask", help="Ask for a refresh of this view, schema.name.")
@click.option("--reason", default="", help="Why, for a reader.")
@_JSON
def queue(target: str, ask: str | None, reason: str, as_json: bool) -> None:
    """Show which views are asked for, or ask for one; the sensor refreshes it within a minute."""
    from datetime import UTC, datetime

    from perf_pipeline.components.catalog import declared_views
    from perf_pipeline.views import catalog
    from perf_pipeline.views import queue as requests

    found, policies = declared_views(target)
    if ask is not None:
        _chosen([ask], [each.name for each in policies])
        with catalog.session(found) as connection:
            number = requests.ask(connection, ask, reason)
        if as_json:
            print_json({"request_id": number, "view": ask})
        else:
            say(f"request {number}: {ask}")
        return
    waiting = requests.probe(found, datetime.now(UTC))
    if as_json:
        print_json([vars(each) for each in waiting])
        return
    for each in waiting:
        told = f"  ({', '.join(each.reasons)})" if each.reasons else ""
        later = "" if each.due else "  it failed lately and waits"
        say(
            f"{each.view}  asked for {each.requests} times since {each.oldest:%H:%M:%S}"
            f"{told}{later}"
        )
    if not waiting:
        say(f"no view of {target} is asked for")


@views.command("remove")
@_TARGET
@click.option("--view", required=True, help="schema.name of an incremental view.")
@_JSON
def remove(target: str, view: str, as_json: bool) -> None:
    """Take an incremental view away with all that captures for it; its source is not touched."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.postgres.lock_budget import LockBudget
    from perf_pipeline.store import Store, migrate
    from perf_pipeline.store.maintenance_log import MaintenanceLog
    from perf_pipeline.views import catalog
    from perf_pipeline.views.incremental import setup

    found = declared_target(target)
    with Store() as store, catalog.session(found) as connection:
        migrate.require_current(store)
        with MaintenanceLog(store, target) as log, log.operation("view.remove", view) as entry:
            gone = setup.tear_down(connection, view, LockBudget())
            entry.outcome = "done" if gone else "skipped"
    if as_json:
        print_json({"view": view, "removed": gone})
    else:
        say(f"{view} is taken away" if gone else f"{view} is not kept incrementally")


@views.command("lineage")
@_TARGET
@click.option("--write", is_flag=True, help="Write it beside the target's YAML, for Dagster.")
@click.option("--check", is_flag=True, help="Exit 1 where what is written is not what is.")
@_JSON
def lineage(target: str, write: bool, check: bool, as_json: bool) -> None:
    """Read what the views rest on, and write it down: Dagster asks no server when it loads."""
    from perf_pipeline.components.catalog import declared_views, lineage_file
    from perf_pipeline.postgres import connect
    from perf_pipeline.views import catalog
    from perf_pipeline.views import lineage as written

    found, policies = declared_views(target)
    with connect.session(found.maintenance_url(), read_only=True, autocommit=True) as connection:
        graph = catalog.graph(connection, [each.name for each in policies])
    now = written.of(graph, policies, {each.name: each.reads for each in policies})
    path = lineage_file(target)
    if write:
        path.write_text(now.as_json(), encoding="utf-8")
    if as_json:
        say(now.as_json().rstrip())
    else:
        for name, reads in sorted(now.reads.items()):
            say(f"{name} <- {', '.join(reads) or 'nothing known'}")
        if write:
            say(f"written to {path}")
    if check and written.load(path) != now:
        say(f"{path} is not what the database says: write it again with --write")
        raise SystemExit(1)


def _chosen(named: Sequence[str], declared: Sequence[str]) -> list[str] | None:
    """Return the views that were named, None for all.

    Raises
    ------
    ConfigurationError
        One is not declared.

    """
    from perf_pipeline.errors import ConfigurationError

    for name in named:
        if name not in declared:
            raise ConfigurationError(
                f"view {name!r} is not declared",
                f"declared: {', '.join(declared) or 'none'}; add it under `views:` of the YAML",
            )
    return list(named) or None


def _show(made: "Plan") -> None:
    for step in made.steps:
        age = "never fresh" if step.age_s is None else f"{step.age_s / 60:.0f} min old"
        say(f"{step.level}  {step.action:<13} {step.policy.name}  {step.reason}  ({age})")
        for line in step.advice:
            say(f"     advice: {line}")
    if not made.steps:
        say(f"{made.target} declares no views")


def _say_outcome(outcome: "Outcome") -> None:
    rows = "" if outcome.rows is None else f"  {outcome.rows:,} rows"
    how = f" ({outcome.method}, {outcome.seconds:.3f} s)" if outcome.status == "refreshed" else ""
    say(f"{outcome.name}: {outcome.status}{how}{rows}  {outcome.why}")
    if outcome.remedy:
        say(f"     remedy: {outcome.remedy}")
