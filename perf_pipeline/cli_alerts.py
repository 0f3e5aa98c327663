"""`perf-pipeline alerts`: what is wrong, what a policy would have said, and who took it."""

import getpass
import sys
from typing import Any

import click

from perf_pipeline.cli_parts import print_json, say

_json = click.option("--json", "as_json", is_flag=True)


@click.group("alerts")
def alerts() -> None:
    """Incidents: what is wrong now, who has it, what was told of it, what a policy would say."""


@alerts.command("list")
@click.option("--target", help="Only of this target.")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@click.option("--policies", is_flag=True, help="How each policy of --target stands, instead.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=10_000))
@_json
def listed(target: str | None, everything: bool, policies: bool, limit: int, as_json: bool) -> None:
    """Show incidents, the worst first; exit code 1 when one is open."""
    from perf_pipeline.alerts import people
    from perf_pipeline.errors import InputError
    from perf_pipeline.store import Store, migrate

    if policies and target is None:
        raise InputError("--policies needs --target", "name the target whose policies you mean")
    with Store() as store:
        migrate.require_current(store)
        if policies and target is not None:
            _show_policies(people.states(store, target, limit), as_json)
            return
        rows = people.listed(store, target, everything=everything, limit=limit)
    if as_json:
        print_json([dict(row) for row in rows])
    else:
        for row in rows:
            _show(row)
        opened = sum(row["status"] != "resolved" for row in rows)
        say(f"{opened} open, {len(rows) - opened} over")
    sys.exit(1 if any(row["status"] != "resolved" for row in rows) else 0)


def _show(row: Any) -> None:
    flapping = ", flapping" if row["flapping"] else ""
    say(f"{row['incident_id']}  {row['level']:<8}  {row['status']}{flapping}  {row['target']}")
    say(f"    {row['title']}")
    who = f", taken by {row['acknowledged_by']}" if row["acknowledged_by"] else ""
    until = f" until {row['resolved_at']:%Y-%m-%d %H:%M}" if row["resolved_at"] else ""
    say(f"    since {row['opened_at']:%Y-%m-%d %H:%M}{until} UTC{who}")


def _show_policies(rows: Any, as_json: bool) -> None:
    if as_json:
        print_json([dict(row) for row in rows])
        return
    for row in rows:
        value = "no data" if row["value"] is None else f"{row['value']:,.4g} {row['unit'] or ''}"
        limits = " / ".join(
            "-" if row[name] is None else f"{row[name]:,g}" for name in ("warning", "critical")
        )
        named = f"{row['policy']} {row['subject']}".strip()
        say(f"{row['level']:<8}  {named:<36}  {value:>20}  ({row['direction']} {limits})")


@alerts.command("ack")
@click.argument("incident")
@click.option("--by", "who", default=None, help="Who takes it; default: the user of this process.")
@click.option("--note", default="", help="A line for others.")
def acknowledge(incident: str, who: str | None, note: str) -> None:
    """Take an incident: it is not told again until it gets worse or is over."""
    from perf_pipeline.alerts import people
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        row = people.acknowledge(store, incident, who or getpass.getuser(), note)
    say(f"acknowledged: {row['title']}")


@alerts.command("resolve")
@click.argument("incident")
@click.option("--note", default="", help="What it was.")
def resolve(incident: str, note: str) -> None:
    """Say that an incident is over; where it is not, the next evaluation opens a new one."""
    from perf_pipeline.alerts import people
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        row = people.resolve(store, incident, note)
    say(f"resolved: {row['title']}")


@alerts.command("evaluate")
@click.option("--target", help="Only this target.")
@_json
def evaluate(target: str | None, as_json: bool) -> None:
    """Evaluate once, as the sensor does every minute; exit code 1 when an incident is open."""
    from datetime import UTC, datetime

    from perf_pipeline.alerts.look import look_all
    from perf_pipeline.components.catalog import declared_target, declared_targets
    from perf_pipeline.store import Store, migrate

    declared = [declared_target(target)] if target else list(declared_targets())
    with Store() as store:
        migrate.require_current(store)
        looks = look_all(store, declared, datetime.now(UTC))
    rows = [
        {
            "target": each.target.name,
            "busy": each.evaluation is None,
            "policies": len(each.evaluation.states) if each.evaluation else None,
            "without_data": sum(s.level == "no_data" for s in each.evaluation.states.values())
            if each.evaluation
            else None,
            "open": sum(not i.over for i in each.evaluation.incidents) if each.evaluation else None,
            "messages": each.messages,
            "ms": round(each.milliseconds, 1),
        }
        for each in looks
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            say(
                f"{row['target']}: somebody else evaluates it"
                if row["busy"]
                else f"{row['target']}: {row['policies']} states, {row['without_data']} without "
                f"data, {row['open']} open, {row['messages']} new messages, {row['ms']} ms"
            )
    sys.exit(1 if any(row["open"] for row in rows) else 0)
