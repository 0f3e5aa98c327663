"""`perf-pipeline baseline list | set | retire`: what load tests are compared with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import click

from perf_pipeline.cli_parts import print_json, say

#: What of a baseline is printed as JSON, beside its line.
_NUMBERS = (
    *("p95_ms", "p99_ms", "throughput_tps", "error_percent", "cpu_percent", "memory_percent"),
    *("response_time_threshold_percent", "throughput_threshold_percent"),
    *("error_rate_threshold_points", "resource_threshold_points"),
)


@click.group("baseline")
def baseline() -> None:
    """Show and set what load tests are compared with: INITIAL, ROLLING, MANUAL baselines."""


@baseline.command("list")
@click.option("--test", help="Only of the load test of this name.")
@click.option("--target", help="Only of this target.")
@click.option("--all", "everything", is_flag=True, help="The retired ones, too.")
@click.option("--json", "as_json", is_flag=True)
def list_baselines(test: str | None, target: str | None, everything: bool, as_json: bool) -> None:
    """List baselines, the newest of a test first."""
    from perf_pipeline.baselines import kept
    from perf_pipeline.store import Store, migrate

    with Store() as opened:
        migrate.require_current(opened)
        rows = kept.listed(opened, active=not everything, test_name=test, target=target)
    if as_json:
        print_json([_record(row) for row in rows])
        return
    for row in rows:
        say(_line(row))
    if not rows:
        say("no baselines: the first good execution of a load test sets its own")


@baseline.command("set")
@click.argument("execution", type=click.UUID)
@click.option("--note", default="", help="Why; kept with the baseline.")
@click.option(
    "--p95-percent", type=float, help="p95 and p99 may rise by this; default: the test's."
)
@click.option("--throughput-percent", type=float, help="Transactions per second may fall by this.")
@click.option("--error-points", type=float, help="The error rate may rise by this.")
@click.option("--json", "as_json", is_flag=True)
def set_baseline(
    execution: UUID,
    note: str,
    p95_percent: float | None,
    throughput_percent: float | None,
    error_points: float | None,
    as_json: bool,
) -> None:
    """Declare an execution normal: a MANUAL baseline.

    It is compared with instead of INITIAL, the rolling baseline begins anew with it, and a
    regression that was open is closed.
    """
    from perf_pipeline.baselines import kept
    from perf_pipeline.store import Store, executions, migrate
    from perf_pipeline.store.load_tests import Thresholds

    given = {
        "response_time_percent": p95_percent,
        "throughput_percent": throughput_percent,
        "error_rate_points": error_points,
    }
    limits = {name: value for name, value in given.items() if value is not None}
    Thresholds.of(limits)  # before the store is asked
    with Store() as opened:
        migrate.require_current(opened)
        with opened.begin() as connection:
            known = executions.get(connection, execution)["baseline_thresholds"]
        number = kept.set_manual(opened, execution, note, Thresholds.of({**known, **limits}))
        (row,) = kept.listed(opened, baseline_id=number)
    _show(row, as_json)


@baseline.command("retire")
@click.argument("number", type=int)
@click.option("--note", default="", help="Why; kept with the baseline.")
@click.option("--json", "as_json", is_flag=True)
def retire_baseline(number: int, note: str, as_json: bool) -> None:
    """Retire the ROLLING or MANUAL baseline of a NUMBER; it stays in the store."""
    from perf_pipeline.baselines import kept
    from perf_pipeline.store import Store, migrate

    with Store() as opened:
        migrate.require_current(opened)
        row = kept.retire(opened, number, note)
    _show(row, as_json)


@baseline.command("suggest")
@click.option("--test", help="Only of the load test of this name.")
@click.option("--target", help="Only of this target.")
@click.option("--json", "as_json", is_flag=True)
def suggest_thresholds(test: str | None, target: str | None, as_json: bool) -> None:
    """Say which thresholds would fit what a load test's own runs vary by; changes nothing.

    Each good run is judged again with the runs before it, under the thresholds of now and under
    the suggested ones: so many would have been false alarms.
    """
    from perf_pipeline.baselines import suggest_build
    from perf_pipeline.store import Store, migrate

    with Store() as opened:
        migrate.require_current(opened)
        found = suggest_build.suggest_all(opened, test, target)
    if as_json:
        print_json(
            [
                {"test": each.test, "of": str(each.line), "good_runs": each.runs,
                 "suggestions": each.as_dicts()}
                for each in found
            ]
        )  # fmt: skip
        return
    for each in found:
        say(f"{each.test} ({each.line}), {each.runs} good runs")
        for s in each.suggestions:
            say(
                f"  {s.threshold}: {s.now:g} now, {s.suggested:g} suggested ({s.note}); "
                f"false alarms {s.false_now} now, {s.false_suggested} then, of {s.runs} "
                f"(at most {s.most_false:.0%}); smallest change seen {s.smallest:.1f}"
            )
        if not each.suggestions:
            say(f"  {suggest_build.lacking(each)}")
    if not found:
        say("no load test ran yet")


def _show(row: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(_record(row))
    else:
        say(_line(row))


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "baseline": row["baseline_id"],
        "type": row["baseline_type"],
        "active": row["is_active"],
        "test": row["test_name"],
        "version": row["test_version"],
        "target": row["target"],
        "environment": row["environment"],
        "server_major": row["server_major"],
        "since": row["baseline_date"],
        "retired": row["retired_at"],
        "executions": row["source_execution_ids"],
        "statistic": row["statistic"],
        **{name: row[name] for name in _NUMBERS},
        "notes": row["notes"],
    }


def _line(row: Mapping[str, Any]) -> str:
    state = "" if row["is_active"] else f"  retired {row['retired_at']:%Y-%m-%d %H:%M}"
    runs = len(row["source_execution_ids"])
    return (
        f"{row['baseline_id']:>6}  {row['baseline_type']:<7}  "
        f"{row['test_name']} {row['test_version']} on {row['target']} ({row['environment']}, "
        f"PostgreSQL {row['server_major']})  p95 {row['p95_ms']:.4g} ms, "
        f"{row['throughput_tps']:.4g} tps, {row['error_percent']:.2g} % errors, "
        f"{runs} run{'s' * (runs != 1)}{state}  {row['notes']}"
    ).rstrip()
