"""`perf-pipeline advice ...`: what a person may do, and why; nothing is ever done by it."""

import sys

import click

from perf_pipeline.cli_parts import print_json, say

_AREAS = ("statements", "indexes", "settings", "connections", "vacuum")


@click.command("advice")
@click.option("--target", required=True, help="A declared target.")
@click.option(
    "--area", "areas", multiple=True, type=click.Choice(_AREAS), help="One area; may be repeated."
)
@click.option("--pgbouncer", is_flag=True, help="Print PgBouncer's file for the declared pools.")
@click.option("--replica", "replica_url", help="URL of the replica, for pools that go there.")
@click.option("--json", "as_json", is_flag=True)
def advice(
    target: str, areas: tuple[str, ...], pgbouncer: bool, replica_url: str | None, as_json: bool
) -> None:
    """Say what a person may do about indexes, statements, settings, connections, vacuum.

    Missing indexes are tried on an empty copy of the schema and its statistics, on a private
    server here. Exit code 1 when something is critical.
    """
    from perf_pipeline.advice import gather
    from perf_pipeline.advice.model import AREAS
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, migrate

    declared = declared_target(target)
    with Store() as store:
        migrate.require_current(store)
        if pgbouncer:
            say(gather.pgbouncer(declared, store, replica_url).rstrip("\n"))
            return
        given = gather.give(declared, store, [each for each in AREAS if not areas or each in areas])
    if as_json:
        tried = given.tried
        print_json(
            {
                "target": target,
                "advice": [each.as_dict() for each in given.advice],
                "areas": given.areas,
                "confirmed": given.confirmed,
                "trial": None
                if tried is None
                else {
                    "candidates": tried.candidates,
                    "statements": tried.all,
                    "planned": tried.planned,
                    "time_covered": round(tried.covered, 4),
                    "seconds": round(tried.seconds, 3),
                },
                "notes": given.notes,
            }
        )
    else:
        for each in given.advice:
            say(f"{each.severity:<8}  {each.kind}  {each.object_name}")
            for name in ("evidence", "gain", "cost", "statement", "verify"):
                say(f"          {name:<9}  {getattr(each, name)}")
        for name in given.confirmed:
            say(f"confirmed: {name} made its statements faster")
        for note in given.notes:
            say(f"note: {note}")
        if given.tried is not None:
            say(
                f"{given.tried.candidates} indexes tried on {given.tried.planned} statements, "
                f"{100 * given.tried.covered:.0f} % of all time, in {given.tried.seconds:.1f} s"
            )
        say(f"{len(given.advice)} pieces of advice")
    sys.exit(1 if any(each.severity == "critical" for each in given.advice) else 0)
