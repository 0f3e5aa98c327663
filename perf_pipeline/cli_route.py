"""`perf-pipeline route`: which server a kind of query goes to now."""

import sys

import click

from perf_pipeline.cli_parts import print_json, say


@click.command("route")
@click.option("--target", required=True, help="The target's name.")
@click.option(
    "--for",
    "role",
    type=click.Choice(["primary", "analytics", "reporting"]),
    default="analytics",
    show_default=True,
    help="primary: it writes; analytics: dashboards; reporting: reports and exports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every server, as JSON.")
def route(target: str, role: str, as_json: bool) -> None:
    """Name the server for a kind of query: a replica that is fresh, else what takes writes.

    Prints its name and the environment variable of its URL. Exits with 3 when no server serves it.
    """
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.postgres import replicas as logic

    found = declared_target(target)
    states = logic.look(found)
    wanted = next(each for each in logic.ROLES if each == role)
    if as_json:
        print_json([vars(each) for each in states])
    chosen = logic.choose(wanted, states)
    if not as_json:
        variables = {each.name: each.url_env for each in found.replicas}
        say(f"{chosen.name}\t{variables.get(chosen.name, found.url_env)}")
    sys.exit(0)
