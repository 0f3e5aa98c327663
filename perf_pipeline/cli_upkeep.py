"""`perf-pipeline upkeep ...`: what is due on a target's indexes and rows, and doing it."""

import sys
from typing import Any

import click

from perf_pipeline.cli_parts import print_json, say, size

_DOINGS = ("cleanup", "orphans", "reindex", "analyze")
_only = click.option(
    "--only", multiple=True, type=click.Choice(_DOINGS), help="One kind of upkeep; may be repeated."
)
_target = click.option("--target", required=True, help="A target that declares upkeep.")


@click.group("upkeep")
def upkeep() -> None:
    """Statistics, indexes, old rows, orphans: what is due, what was done, what to look at."""


@upkeep.command("plan")
@_target
@_only
@click.option("--json", "as_json", is_flag=True)
def plan(target: str, only: tuple[str, ...], as_json: bool) -> None:
    """Say what is due, and why; changes nothing."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, migrate
    from perf_pipeline.upkeep import look
    from perf_pipeline.upkeep.model import DOINGS, require_policy

    declared = declared_target(target)
    doings = tuple(each for each in DOINGS if not only or each in only)
    with Store() as store:
        migrate.require_current(store)
        made = look.planned(declared, require_policy(declared), store, doings)
    if as_json:
        print_json({"target": made.target, "made_at": made.made_at, "notes": made.notes}
                   | {"steps": [step.as_dict() for step in made.steps]})  # fmt: skip
        return
    for step in made.steps:
        say(f"{'do   ' if step.todo else 'leave'}  {step.operation:<20}  {step.object_name}")
        say(f"       {'':<20}  {step.reason}")
    for note in made.notes:
        say(f"note: {note}")
    say(f"{len(made.todo)} to do, {len(made.steps) - len(made.todo)} left alone")


@upkeep.command("apply")
@_target
@_only
@click.option(
    "--minutes",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="After these no further statement or batch begins.",
)
@click.option("--json", "as_json", is_flag=True)
def apply(target: str, only: tuple[str, ...], minutes: float, as_json: bool) -> None:
    """Do what is due, within budgets; exit code 1 when something failed or was blocked."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store
    from perf_pipeline.upkeep import apply as doing
    from perf_pipeline.upkeep.model import DOINGS, require_policy

    declared = declared_target(target)
    doings = tuple(each for each in DOINGS if not only or each in only)
    with Store() as store:
        done = doing.run(declared, require_policy(declared), store, doings, seconds=60.0 * minutes)
    rows = [result.as_dict() for result in done.results]
    if as_json:
        print_json(
            {
                "target": target,
                "results": rows,
                "notes": done.plan.notes,
                "killed_before": done.closed,
                "held_back_by": done.held_back,
            }
        )
    else:
        for row in rows:
            what = f"{row['rows']:,} rows" if row["rows"] is not None else ""
            what += f" {size(row['bytes'])}" if row["bytes"] is not None else ""
            say(
                f"{row['outcome']:<7}  {row['operation']:<20}  {row['object']}  "
                f"{row['seconds']:.2f} s  {what}".rstrip()
            )
            if row["outcome"] != "done":
                say(f"         {'':<20}  {row['note']}")
        for note in (*done.plan.notes, *(f"held back by {who}" for who in done.held_back)):
            say(f"note: {note}")
        say(f"{len(done.of('done'))} done, {len(rows) - len(done.of('done'))} not")
    sys.exit(1 if done.of("failed") or done.of("blocked") else 0)


@upkeep.command("status")
@_target
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1, max=1000))
@click.option("--json", "as_json", is_flag=True)
def status(target: str, limit: int, as_json: bool) -> None:
    """Show the policy's operations, and the last lines of the maintenance log."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, maintenance_log, migrate
    from perf_pipeline.upkeep.model import require_policy
    from perf_pipeline.upkeep.windows import in_order

    policy = require_policy(declared_target(target))
    with Store() as store:
        migrate.require_current(store)
        maintenance_log.close_killed(store, target)
        rows: list[dict[str, Any]] = [
            dict(row) for row in maintenance_log.recent(store, target, limit=limit)
        ]
    operations = in_order(policy.operations)
    if as_json:
        print_json(
            {
                "target": target,
                "operations": [each.model_dump() for each in operations],
                "log": rows,
            }
        )
        return
    for each in operations:
        after = f", after {', '.join(each.depends_on)}" if each.depends_on else ""
        when = each.cron or f"as job {each.job}"
        off = "" if each.enabled else "  (off)"
        say(f"{each.priority:>2}  {each.name:<32}  {when}, {each.max_minutes} minutes{after}{off}")
    for row in rows:
        seconds = (
            f"{(row['finished_at'] - row['started_at']).total_seconds():.2f} s"
            if row["finished_at"]
            else ""
        )
        count = f"{row['rows']:,} rows" if row["rows"] is not None else ""
        say(
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}  {row['outcome']:<7}  {row['operation']:<20}  "
            f"{row['object']}  {seconds}  {count}".rstrip()
        )
        if row["error"]:
            say(f"    {row['error'].splitlines()[0]}")


@upkeep.command("advice")
@_target
@click.option("--json", "as_json", is_flag=True)
def advice(target: str, as_json: bool) -> None:
    """Show unused, duplicate and invalid indexes, vacuum and wraparound; changes nothing.

    Exit code 1 when something is critical.
    """
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.errors import PerfPipelineError
    from perf_pipeline.store import Store, migrate
    from perf_pipeline.upkeep import distance, look
    from perf_pipeline.upkeep.model import require_policy

    declared = declared_target(target)
    require_policy(declared)
    unknown = ""
    try:
        with Store() as store:
            migrate.require_current(store)
            found = look.advice(declared, store)
    except PerfPipelineError as error:
        # the store only tells the pace of ids; the advice is the target's
        found = look.advice(declared)
        unknown = error.message
    if as_json:
        print_json(
            {
                "target": target,
                "xid_age": found.xid_age,
                "xid_used_percent": round(found.xid_percent, 2),
                "xid_days_left": found.xid_days,
                "findings": [each.as_dict() for each in found.findings],
                "index_usage": found.usage,
            }
        )
    else:
        for each in found.findings:
            saved = f", {size(each.bytes)}" if each.bytes is not None else ""
            say(f"{each.severity:<8}  {each.kind:<16}  {each.object_name}{saved}")
            say(f"          {each.text}")
            say(f"          -> {each.advice}")
        say(
            f"{len(found.findings)} findings; transaction ids are {found.xid_percent:.2f} % used "
            f"({found.xid_age:,}); {distance.told(found.xid_age, found.xid_pace)}"
        )
        if unknown:
            say(f"the pace of ids is not known: {unknown}")
    sys.exit(1 if any(each.severity == "critical" for each in found.findings) else 0)


@upkeep.command("benchmark")
@_target
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="After these no further repetition begins.",
)
@click.option("--json", "as_json", is_flag=True)
def benchmark(target: str, minutes: float, as_json: bool) -> None:
    """Time the statements a target declares as benchmarks; each repetition is taken back.

    The median of each has a rating. Exit code 1 when one misses its goal, or could not be timed.
    """
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.errors import ConfigurationError
    from perf_pipeline.upkeep import benchmarks
    from perf_pipeline.upkeep.model import require_policy

    declared = declared_target(target)
    policy = require_policy(declared)
    if not policy.benchmarks:
        raise ConfigurationError(
            f"target {target!r} declares no benchmarks",
            "name statements with their goals under upkeep.benchmarks (docs/upkeep.md)",
        )
    timed = benchmarks.run(declared, policy.benchmarks, seconds=60.0 * minutes)
    rows = [each.as_row() for each in timed]
    if as_json:
        print_json({"target": target, "benchmarks": rows})
    else:
        for row in rows:
            took = "-" if row["median_ms"] is None else f"{row['median_ms']:,.2f} ms"
            problem = f"; {row['problem']}" if row["problem"] else ""
            say(f"{row['rating']:<11}  {row['benchmark']:<24}  {took} of {row['goal_ms']:g} ms, "
                f"{row['repeats']} times{problem}")  # fmt: skip
    sys.exit(0 if all(each.reached for each in timed) else 1)
