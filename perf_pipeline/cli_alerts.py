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
    """Evaluate once, as the sensor does every minute.

    Exit code 1 when an incident is open, or a target could not be evaluated.
    """
    from datetime import UTC, datetime

    from perf_pipeline.alerts.look import end_undeclared, look_all
    from perf_pipeline.components.catalog import declared_target, declared_targets
    from perf_pipeline.store import Store, migrate

    declared = [declared_target(target)] if target else list(declared_targets())
    with Store() as store:
        migrate.require_current(store)
        now = datetime.now(UTC)
        looks = look_all(store, declared, now)
        ended = [] if target else end_undeclared(store, declared, now)
    rows = [
        {
            "target": each.target.name,
            "busy": each.evaluation is None and not each.error,
            "error": each.error or None,
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
                else f"{row['target']}: not evaluated: {row['error']}"
                if row["error"]
                else f"{row['target']}: {row['policies']} states, {row['without_data']} without "
                f"data, {row['open']} open, {row['messages']} new messages, {row['ms']} ms"
            )
        for name in ended:
            say(f"{name}: declared nowhere any more, its incidents ended")
    sys.exit(1 if any(row["open"] or row["error"] for row in rows) else 0)


@alerts.command("simulate")
@click.option("--target", required=True, help="The target whose history and policies are taken.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(min=1, max=400))
@click.option("--policy", "only", multiple=True, help="Only this policy; may be repeated.")
@_json
def simulate(target: str, days: int, only: tuple[str, ...], as_json: bool) -> None:
    """Say what the policies would have told over recorded history; writes nothing."""
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from perf_pipeline.alerts import simulate as simulation
    from perf_pipeline.alerts.model import alerts_of
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.errors import InputError
    from perf_pipeline.store import Store, migrate

    declared = alerts_of(declared_target(target).alerts)
    policies = [each for each in declared.active() if not only or each.name in only]
    unknown = set(only) - {each.name for each in policies}
    if unknown or not policies:
        raise InputError(
            f"target {target!r} has no active policy {', '.join(sorted(unknown)) or 'at all'}",
            "see `perf-pipeline alerts list --policies`",
        )
    finish = datetime.now(UTC)
    with Store() as store:
        migrate.require_current(store)
        made = simulation.simulate(
            store, target, policies, finish - timedelta(days=days), finish,
            most_messages=declared.most_messages,
        )  # fmt: skip
    if as_json:
        print_json(
            {
                "target": target,
                "start": made.start,
                "finish": made.finish,
                "policies": [asdict(row) for row in made.rows],
                "messages": len(made.messages),
                "messages_per_day": len(made.messages) / made.days,
            }
        )
        return
    say(f"{'policy':<36} {'no data':>8} {'breach':>8} {'incidents':>10} {'messages/day':>13}")
    for row in made.rows:
        say(
            f"{row.policy:<36} {row.no_data_percent:>7.1f}% {row.breach_percent:>7.2f}% "
            f"{row.incidents:>10} {row.messages_per_day:>13.2f}"
        )
    say(f"{len(made.messages)} messages in {days} days, {len(made.messages) / made.days:.2f} a day")


@alerts.command("status")
@click.option(
    "--minutes",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=1.0),
    help="An evaluation older than this is none.",
)
@click.option("--tell", is_flag=True, help="Tell it on the targets' channels, now, from here.")
@_json
def status(minutes: float, tell: bool, as_json: bool) -> None:
    """Say whether somebody watches; exit code 1 when a target's policies are not evaluated.

    For another scheduler than Dagster's own: it tells when the daemon is down.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from perf_pipeline.alerts import watch
    from perf_pipeline.alerts.deliver import deliver
    from perf_pipeline.components.catalog import declared_targets
    from perf_pipeline.store import Store, migrate

    limit, now = timedelta(minutes=minutes), datetime.now(UTC)
    declared = declared_targets()
    with Store() as store:
        migrate.require_current(store)
        found = watch.look(store, declared, now, limit)
        if tell:
            watch.tell(store, declared, now, limit)
            deliver(store, declared, lambda: datetime.now(UTC))
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        for each in found:
            age = "never evaluated" if each.minutes is None else f"{each.minutes:.1f} min ago"
            say(f"{'ok       ' if each.is_watched else 'UNWATCHED'}  {each.target}: {age}")
    sys.exit(0 if all(each.is_watched for each in found) else 1)


@alerts.command("deliver")
@_json
def deliver(as_json: bool) -> None:
    """Send what is due of the outbox, as the job does; exit code 1 when a channel refused."""
    from datetime import UTC, datetime

    from perf_pipeline.alerts import deliver as delivery
    from perf_pipeline.components.catalog import declared_targets
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        done = delivery.deliver(store, declared_targets(), lambda: datetime.now(UTC))
    if as_json:
        print_json({"sent": done.sent, "put_off": done.put_off, "errors": done.errors})
    else:
        for channel, why in sorted(done.errors.items()):
            say(f"{channel}: {why}")
        say(f"{done.sent} sent, {done.put_off} put off")
    sys.exit(1 if done.errors else 0)


@alerts.command("test")
@click.option("--target", required=True, help="The target whose channels are tried.")
@click.option("--channel", "only", multiple=True, help="Only this channel; may be repeated.")
def test(target: str, only: tuple[str, ...]) -> None:
    """Send a message to each channel now, past the outbox; exit code 1 when one refuses."""
    from datetime import UTC, datetime

    from perf_pipeline import settings
    from perf_pipeline.alerts import channels
    from perf_pipeline.alerts.model import alerts_of
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.errors import InputError

    declared = declared_target(target)
    ways = [each for each in alerts_of(declared.alerts).routes() if not only or each.name in only]
    if not ways:
        raise InputError(
            f"target {target!r} declares no such channel", "see docs/alerts.md, Where it is told"
        )
    now = datetime.now(UTC)
    note = channels.Note(
        f"{target}:test:{now.isoformat()}",
        "ok",
        f"[{target}] a test of perf-pipeline's alerts",
        "Nothing is wrong. Somebody tried whether messages arrive here.",
        {"target": target, "kind": "test", "type": "test"},
    )
    refused = 0
    for way in ways:
        try:
            url = settings.store_url() if way.notify == "store" else ""
            channels.send(way, declared, url, note)
            say(f"{way.name}: taken")
        except Exception as error:  # a service's library may raise anything; try the others
            refused += 1
            say(f"{way.name}: {channels.explained(error)}")
    sys.exit(1 if refused else 0)


@alerts.command("responses")
@click.option("--target", help="Only of this target.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(min=1, max=400))
@_json
def responses(target: str | None, days: int, as_json: bool) -> None:
    """Show what was done about incidents, or would have been, and whether it helped."""
    from datetime import UTC, datetime, timedelta

    from perf_pipeline.alerts import book
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        with store.begin() as connection:
            rows = book.responses(connection, target, datetime.now(UTC) - timedelta(days=days))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(
            f"{row['asked_at']:%Y-%m-%d %H:%M}  {row['target']}  {row['action']}  {row['mode']}  "
            f"{row['state']}"
        )
        say(f"    {row['policy']} {row['value_before']}: {row['told'] or 'not looked at yet'}")
    say(f"{len(rows)} answers")
