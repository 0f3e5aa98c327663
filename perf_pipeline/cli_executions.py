"""`perf-pipeline executions ...`: what load tests did, reported, advised on, and drawn."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import click

from perf_pipeline.cli_parts import print_json, say


@click.group()
def executions() -> None:
    """Show what load tests measured: one run, its events and advice, all of a range of days."""


_DAYS = click.option(
    "--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="Until now."
)
_TARGET = click.option("--target", help="Only of this target.")
_OUT = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="One self-contained HTML file; Markdown when it ends in .md.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@executions.command("list")
@_TARGET
@_DAYS
@_JSON
def list_executions(target: str | None, days: int, as_json: bool) -> None:
    """List executions with their health, the newest first."""
    from perf_pipeline.reports.loadtests import health, plain
    from perf_pipeline.store import Store, migrate
    from perf_pipeline.store import executions as kept

    with Store() as store:
        migrate.require_current(store)
        since = datetime.now(UTC) - timedelta(days=days)
        rows = kept.read(store, target=target, since=since)
    found = [plain.of_row(row) for row in reversed(rows)]
    if as_json:
        print_json({"score_percent": health.score(rows).percent, "executions": found})
        return
    for each in found:
        p95 = "-" if each["p95_ms"] is None else f"{each['p95_ms']:,.2f} ms"
        tps = "-" if each["throughput_tps"] is None else f"{each['throughput_tps']:,.1f}"
        say(
            f"{each['execution_id']}  {each['started_at']:%Y-%m-%d %H:%M}  {each['health']:<15} "
            f"p95 {p95:>12}  tps {tps:>9}  {each['test']} on {each['target']}"
        )
    if not found:
        say(f"no load test ran in {days} days: perf-pipeline loadtest SCENARIO --target NAME")


@executions.command()
@click.argument("execution", type=click.UUID)
@_JSON
def events(execution: UUID, as_json: bool) -> None:
    """Show what an execution went through, as it happened; of one that died, how far it got."""
    from perf_pipeline.reports.loadtests import say as words
    from perf_pipeline.store import Store, migrate, run_events
    from perf_pipeline.store import executions as kept

    with Store() as store:
        migrate.require_current(store)
        with store.begin() as connection:
            kept.get(connection, execution)
        rows = run_events.read(store, execution)
    if as_json:
        print_json([dict(row) for row in rows])
        return
    for row in rows:
        name, text = words.event(row)
        say(f"{row['ts'].astimezone(UTC):%H:%M:%S}  {name:<12} {text}")
    if not rows:
        say("none was kept")


@executions.command()
@click.argument("execution", type=click.UUID)
@_JSON
def advice(execution: UUID, as_json: bool) -> None:
    """Say what to do about an execution, the gravest first, with the figures it rests on."""
    from perf_pipeline.reports.loadtests.build import of_run
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        found = of_run(store, execution).advice
    if as_json:
        print_json([each.as_dict() for each in found])
        return
    for each in found:
        say(f"{each.severity:<8} {each.category}: {each.text}")
        for action in each.actions:
            say(f"         - {action}")


@executions.command("report")
@click.argument("execution", type=click.UUID, required=False)
@click.option("--target", help="Without an id: the newest execution on this target,")
@click.option("--test", help="of this scenario or test.")
@_OUT
@_JSON
def report_one(
    execution: UUID | None, target: str | None, test: str | None, out: Path | None, as_json: bool
) -> None:
    """Write the report of one execution: verdict, advice, operations, statements, pictures.

    Ends with 1 when it is not well, or says nothing: regressed, suspected, beyond a limit, failed,
    or not measured.
    """
    if (execution is None) == (target is None):
        raise click.UsageError("give the id of an execution, or --target for the newest there")
    _require_out(out, as_json)
    from perf_pipeline.reports.loadtests import health, plain, read, render
    from perf_pipeline.reports.loadtests import say as words
    from perf_pipeline.reports.loadtests.build import of_run
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        chosen = execution or read.newest_of(store, target or "", test)
        made = of_run(store, chosen)
    if out is not None:
        _write(out, render.run_markdown(made) if out.suffix == ".md" else render.run_html(made))
    if as_json:
        print_json(plain.of_run(made))
    else:
        say(f"{out}: {words.run_headline(made)}")
    sys.exit(1 if made.health in health.BAD | {"FAILED", "NO_DATA"} else 0)


@executions.command()
@_TARGET
@_DAYS
@_OUT
@_JSON
def summary(target: str | None, days: int, out: Path | None, as_json: bool) -> None:
    """Write the report of all load tests of some days: health, trends, slow statements, advice.

    Ends with 1 when the newest run of a test is not well.
    """
    _require_out(out, as_json)
    from perf_pipeline.reports.loadtests import health, plain, render
    from perf_pipeline.reports.loadtests import say as words
    from perf_pipeline.reports.loadtests.build import of_range
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        now = datetime.now(UTC)
        made = of_range(store, now - timedelta(days=days), now, target, now)
    if out is not None:
        text = render.range_markdown(made) if out.suffix == ".md" else render.range_html(made)
        _write(out, text)
    if as_json:
        print_json(plain.of_range(made))
    else:
        say(f"{out}: {words.range_headline(made)}")
    sys.exit(1 if any(line.health in health.BAD for line in made.current) else 0)


def _require_out(out: Path | None, as_json: bool) -> None:
    if out is None and not as_json:
        raise click.UsageError("give --out FILE or --json")


def _write(out: Path, text: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
