"""`perf-pipeline findings ...`: what was found, what it rests on, and saying what it is worth."""

import getpass
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from perf_pipeline.cli_parts import Day, print_json, say

#: Findings of so many days up to today are listed.
LISTED_DAYS = 7

Row = Mapping[str, Any]


@click.group("findings")
def findings() -> None:
    """List and explain what was found; say that it is known, expected or false."""


def _target(command: Callable[..., None]) -> Callable[..., None]:
    option = click.option("--target", required=True, help="The target's name.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    return option(as_json(command))


@findings.command("list")
@click.option("--since", type=Day(), help=f"First UTC day; default {LISTED_DAYS} days up to today.")
@click.option("--last", type=Day(), help="Last UTC day; default today.")
@_target
def list_findings(target: str, since: date | None, last: date | None, as_json: bool) -> None:
    """List findings, one line each, the newest first.

    Exits with 1 when a warning or a critical one among them is not acknowledged.
    """
    from perf_pipeline.regressions import verdicts
    from perf_pipeline.store import Store, migrate, samples

    final = last or datetime.now(UTC).date()
    first = since or final - timedelta(days=LISTED_DAYS - 1)
    samples.days_of(first, final)
    with Store() as store:
        migrate.require_current(store)
        rows = verdicts.listed(store, samples.target_id(store, target), first, final)
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            say(_line(row))
        if not rows:
            say(f"no findings of {target} from {first} to {final}")
    sys.exit(1 if any(verdicts.is_open(row) for row in rows) else 0)


def _line(row: Row) -> str:
    said = row["verdict"] or ("new" if row["is_new"] else "")
    return (
        f"{row['finding_id'][:8]}  {row['severity']:<11}  {said:<12}  {row['onset']:%Y-%m-%d %H:%M}"
        f"  {row['relative_change']:+8.0%}  {row['cause_kind'] or 'cause unknown'}"
        f"  {_short(row['query'] or str(row['queryid']))}"
    )


def _short(text: str, longest: int = 70) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


@findings.command("show")
@click.argument("name", metavar="ID")
@_target
def show(target: str, name: str, as_json: bool) -> None:
    """Show a finding or an incident with its evidence, causes and what was said of it.

    ID is the beginning of the finding's or the incident's name, at least four characters. Exits
    with 1 when it is a warning or critical and nothing was said of it.
    """
    from perf_pipeline.regressions import verdicts
    from perf_pipeline.store import Store, migrate, samples

    with Store() as store:
        migrate.require_current(store)
        rows = verdicts.shown(store, samples.target_id(store, target), name)
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            for line in verdicts.lines(row):
                say(line)
    sys.exit(1 if any(verdicts.is_open(row) for row in rows) else 0)


def _saying(name: str, verdict: str, text: str, done: str) -> None:
    @findings.command(name, help=text, short_help=text.split("\n", 1)[0])
    @click.argument("finding", metavar="ID")
    @click.option("--why", default="", help="The reason, kept with it.")
    @click.option("--who", help="Who says so; default: the user of this shell.")
    @_target
    def say_it(target: str, finding: str, why: str, who: str | None, as_json: bool) -> None:
        from perf_pipeline.store import Store, feedback, migrate, samples

        with Store() as store:
            migrate.require_current(store)
            samples.target_id(store, target)
            rows = feedback.give(
                store, target, finding, verdict, given_by=who or getpass.getuser(), reason=why
            )
        if as_json:
            print_json([{**_named(row), "verdict": verdict} for row in rows])
            return
        for row in rows:
            say(f"{row['finding_id']}  {done}")
        say(f"the next run of {target}/baseline/statements and {target}/report/findings heeds it")


def _named(row: Row) -> dict[str, Any]:
    names = ("finding_id", "incident_id", "queryid", "direction", "onset", "severity")
    return {name: row[name] for name in names}


_saying(
    "ack",
    "acknowledged",
    "Say that a finding, or an incident, is known.\n\nIt stays in the report, but not as new.",
    "is acknowledged",
)
_saying(
    "expected",
    "expected",
    "Say that a change is meant: the new level is normal from its onset on.\n\n"
    "Baselines take the new level, later changes are compared with it.",
    "is the new normal",
)
_saying(
    "false",
    "false",
    "Say that nothing changed: the finding is not told again.\n\n"
    "It counts against the precision of its rule.",
    "is not told again",
)
_saying(
    "clear",
    "cleared",
    "Take back what was said of a finding or an incident; the history stays.",
    "is as if nothing had been said",
)


@findings.command("precision")
@_target
def precision(target: str, as_json: bool) -> None:
    """Say how many findings were true, false and not judged, by likeliest cause and severity."""
    from perf_pipeline.regressions import verdicts
    from perf_pipeline.store import Store, migrate, samples

    with Store() as store:
        migrate.require_current(store)
        rows = verdicts.precision_of(store, samples.target_id(store, target))
    if as_json:
        print_json(rows)
        return
    say(f"{'cause':<26} {'severity':<12} {'true':>5} {'false':>6} {'unjudged':>9}  precision")
    for row in rows:
        share = "-" if row["precision"] is None else f"{row['precision']:.0%}"
        cause = row["cause_kind"] or "no cause named"
        say(
            f"{cause:<26} {row['severity']:<12} {row['true']:>5} {row['false']:>6}"
            f" {row['unjudged']:>9}  {share}"
        )
