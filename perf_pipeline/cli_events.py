"""`perf-pipeline event ...`: tell what was done to a target, so that findings can name it."""

import getpass
from datetime import UTC, date, datetime

import click

from perf_pipeline.cli_parts import Day, Instant, print_json, say


@click.group("event")
def event() -> None:
    """Tell of deploys, load tests, runs: what a finding's cause may be."""


@event.command("add")
@click.option("--target", help="The target's name; --all-targets instead: every one.")
@click.option("--all-targets", is_flag=True, help="It concerns every target.")
@click.option("--kind", required=True, help="deploy, load_test, dagster_run, or a word of yours.")
@click.option("--object", "name", required=True, help="What was deployed, tested or run.")
@click.option("--at", "began", type=Instant(), help="When it began, ISO 8601; default now.")
@click.option("--until", "ended", type=Instant(), help="When it ended.")
@click.option("--detail", default="", help="A line for a reader.")
@click.option("--json", "as_json", is_flag=True)
def add(
    target: str | None,
    all_targets: bool,
    kind: str,
    name: str,
    began: datetime | None,
    ended: datetime | None,
    detail: str,
    as_json: bool,
) -> None:
    """Keep an event; told again with the same kind, object and beginning, it is replaced."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, happenings, migrate

    if (target is None) != all_targets:
        raise click.UsageError("name a --target, or say --all-targets")
    if target is not None:
        declared_target(target)
    at = began or datetime.now(UTC)
    with Store() as store:
        migrate.require_current(store)
        number = happenings.add(
            store, target, kind, name, at, ended_at=ended, detail=detail, source=getpass.getuser()
        )
    if as_json:
        print_json({"event_id": number, "target": target, "kind": kind, "object": name, "at": at})
    else:
        say(f"event {number}: {kind} {name} at {at:%Y-%m-%d %H:%M:%S} UTC")


@event.command("list")
@click.option("--target", required=True, help="The target's name.")
@click.option("--since", type=Day(), help="First UTC day; default all.")
@click.option("--json", "as_json", is_flag=True)
def list_events(target: str, since: date | None, as_json: bool) -> None:
    """List what was told of a target, the newest first."""
    from perf_pipeline.store import Store, happenings, migrate, samples

    with Store() as store:
        migrate.require_current(store)
        rows = happenings.listed(store, samples.target_id(store, target), since)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        until = f" to {row['ended_at']:%H:%M:%S}" if row["ended_at"] else ""
        say(
            f"{row['event_id']:>6}  {row['began_at']:%Y-%m-%d %H:%M:%S}{until}  {row['kind']}"
            f"  {row['object']}  {row['detail']}"
        )
    if not rows:
        say(f"nothing was told of {target}")


@event.command("remove")
@click.argument("event_id", type=int)
@click.option("--json", "as_json", is_flag=True)
def remove(event_id: int, as_json: bool) -> None:
    """Forget an event that was told by mistake."""
    from perf_pipeline.store import Store, happenings, migrate

    with Store() as store:
        migrate.require_current(store)
        happenings.remove(store, event_id)
    if as_json:
        print_json({"event_id": event_id, "removed": True})
    else:
        say(f"event {event_id} is forgotten")
