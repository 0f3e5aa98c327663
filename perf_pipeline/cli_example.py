"""`perf-pipeline example ...`: create an example system in any database that is not production."""

import functools
from collections.abc import Callable
from typing import Any

import click

from perf_pipeline.cli_parts import print_json, say
from perf_pipeline.errors import ConfigurationError

_AtLeastOne = click.IntRange(1)


@click.group()
def example() -> None:
    """Create the example systems: real databases to look at, to test and to load."""


@example.group()
def create() -> None:
    """Bring an empty database to a system's schema, every index and data.

    Safe to repeat: what is there stays, and a killed run is resumed. Refuses a database that is
    marked as production, and one that holds somebody else's tables.
    """


def _command(
    name: str, **numbers: tuple[int, str, str]
) -> Callable[[Callable[..., None]], click.Command]:
    """Make `create <name>`, with an option for each number of its size.

    `numbers`: field of the size -> default, option, help.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(
            target: str | None,
            url: str | None,
            seed: int,
            replace: bool,
            as_json: bool,
            **size: int,
        ) -> None:
            _create(name, target, url, size, seed, replace, as_json)

        command: Any = run
        for field, (default, option, text) in reversed(numbers.items()):
            command = click.option(
                option, field, type=_AtLeastOne, default=default, show_default=True, help=text
            )(command)
        for decorator in (
            click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
            click.option(
                "--replace", is_flag=True, help="Also overwrite rows that this did not write."
            ),
            click.option("--seed", default=1, show_default=True, help="Same seed: the same rows."),
            click.option("--url", help="A database's URL instead of a target."),
            click.option(
                "--target", help=f"A target of defs/targets; default: {name}, or use --url."
            ),
        ):
            command = decorator(command)
        made: click.Command = create.command(name)(command)
        return made

    return decorate


@_command(
    "thorbis",
    businesses=(100, "--tenants", "Businesses, a quarter in each of four industries."),
    orders_per_business=(1000, "--orders", "Orders of a business, on average."),
)
def thorbis() -> None:
    """Field service, repair shops, restaurants and shops: orders of a year."""


@_command(
    "menuca",
    tenants=(1000, "--tenants", "Companies; every tenth has three restaurants, the others one."),
    orders_per_restaurant=(100, "--orders", "Orders of a restaurant, on average."),
    items_per_restaurant=(30, "--items", "Items on a restaurant's menus."),
    users_per_tenant=(24, "--accounts", "Accounts of a company's staff and guests."),
)
def menuca() -> None:
    """Restaurants that take orders: menus, guests, orders and commissions of a year."""


@_command(
    "omninode",
    events=(100_000, "--events", "Events; about 1.2 attempts each are measured."),
    days=(45, "--days", "Days in which they arrive."),
)
def omninode() -> None:
    """Bridge events: a stream of events with their retries, dead letters and failures."""


@_command(
    "guardian",
    patients=(1000, "--patients", "Patients; about 70 rows each."),
    audit_rows=(200_000, "--audit-rows", "Rows of the audit."),
    years=(7, "--years", "Years that the audit reaches back."),
)
def guardian() -> None:
    """Healthcare records: patients, relationships with orphans, years of audit."""


def _create(
    name: str,
    target: str | None,
    url: str | None,
    numbers: dict[str, int],
    seed: int,
    replace: bool,
    as_json: bool,
) -> None:
    from perf_pipeline.components.capture import capture_declared
    from perf_pipeline.examples import systems

    if target is not None and url is not None:
        raise ConfigurationError("--target and --url are both given", "name the database once")
    system = systems.system(name)
    size = system.make_size(**numbers)
    chosen = url or _target_url(target or name)
    applied, generated = systems.create(chosen, system, size, seed=seed, replace=replace)
    captured = capture_declared(target or name, chosen)
    rows = sum(generated.rows.values())
    per_second = rows / generated.seconds if generated.created and generated.seconds else None
    if as_json:
        print_json(
            {
                "system": name,
                "files_applied": len(applied.applied),
                "files_skipped": len(applied.skipped),
                "schema_seconds": applied.seconds,
                "created": generated.created,
                "rows": rows,
                "seconds": generated.seconds,
                "rows_per_second": per_second,
                "tables": generated.rows,
                "capture_steps": captured,
                "content_sha256": generated.content_sha256,
                "reference_time": generated.reference_time,
            }
        )
        return
    say(
        f"schema: {len(applied.applied)} files applied, {len(applied.skipped)} were there"
        f" ({applied.seconds:.1f} s)"
    )
    if captured:
        say(f"capture of changes for its caches: {captured} steps")
    if per_second is None:
        say(f"data: {rows:,} rows were there already")
        return
    say(f"data: {rows:,} rows in {generated.seconds:.1f} s, {per_second:,.0f} a second")
    width = max(len(table) for table in generated.rows)
    for table, count in generated.rows.items():
        say(f"  {table:<{width}}  {count:>13,}")


def _target_url(name: str) -> str:
    from perf_pipeline.components.catalog import declared_target

    return declared_target(name).url()
