"""`perf-pipeline capacity ...`: what runs out, and when."""

import sys
from typing import Any

import click

from perf_pipeline.cli_parts import print_json, say


@click.command("capacity")
@click.option("--target", required=True, help="A declared target.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--all", "everything", is_flag=True, help="Sequences that are far from full, too.")
def capacity(target: str, as_json: bool, everything: bool) -> None:
    """Say when disk, connections, ids, sequences and partitions run out; changes nothing there.

    Days left come with the earliest and the latest day of a 90 % interval. Exit code 1 when
    something runs out soon, or has less than a tenth left.
    """
    from perf_pipeline.capacity import collect, forecast
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, migrate

    declared = declared_target(target)
    with Store() as store:
        migrate.require_current(store)
        made = collect.plan(declared, store)
    scaling = forecast.scaling(made.forecasts)
    shown = made.forecasts if everything else forecast.told(made.forecasts, 10_000)
    if as_json:
        print_json(
            {
                "target": target,
                "day": made.day,
                "forecasts": [each.as_dict() for each in shown],
                "scaling": [dict(each.as_dict()) for each in scaling],
                "notes": made.notes,
            }
        )
    else:
        levels = {one.resource: one.priority for one in scaling}
        for each in shown:
            say(_line(each.as_dict(), levels.get(each.name, "LOW")))
        for one in scaling:
            if one.priority != "LOW":
                say(f"{one.priority:<8}  {one.resource} {one.percent:.0f} %: {one.advice}; "
                    f"within {one.within}")  # fmt: skip
        for note in made.notes:
            say(f"note: {note}")
    urgent = any(one.priority == "CRITICAL" for one in scaling)
    sys.exit(1 if urgent or any(each.severity == "critical" for each in made.forecasts) else 0)


def _line(row: dict[str, Any], room: str) -> str:
    """Return a thing's line, which begins with the worse of its trend and its room."""
    name = f"{row['resource']} {row['object']}".strip()
    taken = f"{row['used']:,.0f}"
    if row["capacity"] is not None:
        taken += f" of {row['capacity']:,.0f} ({row['percent']:.1f} %)"
    moves = (
        ""
        if row["per_day"] is None
        else f"; {row['per_day']:+,} a day ({row['per_day_low']:,} to {row['per_day_high']:,})"
    )
    left = ""
    if row["days_left"] is not None or row["days_left_earliest"] is not None:
        expected = "?" if row["days_left"] is None else f"{row['days_left']:,}"
        latest = "never" if row["days_left_latest"] is None else f"{row['days_left_latest']:,}"
        left = f"; full in {expected} days ({row['days_left_earliest']:,} to {latest})"
    note = f"; {row['note']}" if row["note"] else ""
    worst = {"CRITICAL": "critical", "HIGH": "warning"}.get(room, row["severity"])
    severity = row["severity"] if row["severity"] == "critical" else worst
    return f"{severity:<8}  {name}: {taken} {row['unit']}{moves}{left}{note}"
