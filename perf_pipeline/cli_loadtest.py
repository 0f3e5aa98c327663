"""`perf-pipeline loadtest`, `ab`, `capture`: load on a target, two of them, and load as it was."""

import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from perf_pipeline.cli_parts import Instant, print_json, say
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.terms import COMPARED, ENVIRONMENTS, TEST_TYPES


@click.command()
@click.argument("scenario")
@click.option("--target", "name", required=True, help="A target of defs/targets.")
@click.option("--type", "test_type", type=click.Choice(TEST_TYPES), help="Default: the scenario's.")
@click.option("--duration", "seconds", type=int, help="Seconds that are measured; ramps shrink.")
@click.option("--users", type=int, help="Default: the scenario's.")
@click.option("--clients", "connections", type=int, help="Sessions at most.")
@click.option(
    "--pooler",
    "pooler_env",
    metavar="VARIABLE",
    help="Environment variable with the pooler's URL of the same database.",
)
@click.option("--environment", type=click.Choice(ENVIRONMENTS), default="development")
@click.option("--rerun-of", type=click.UUID, help="The suspected execution this is to confirm.")
@click.option("--seed", type=int, help="Makes pgbench's choices repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def loadtest(
    scenario: str,
    name: str,
    test_type: str | None,
    seconds: int | None,
    users: int | None,
    connections: int | None,
    pooler_env: str | None,
    environment: str,
    rerun_of: UUID | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Run a load scenario, keep what was measured, and compare it with what is normal.

    SCENARIO is the name of one that comes with the package, or a YAML file. Ends with 1 when a
    limit of the scenario is broken, or the run is worse than its baselines.
    """
    from perf_pipeline import load_run
    from perf_pipeline.components import catalog
    from perf_pipeline.loadtests import scenario as scenarios
    from perf_pipeline.loadtests.run import Options
    from perf_pipeline.store import Store, migrate

    chosen = scenarios.load(scenario)
    target = catalog.declared_target(name)
    options = Options(
        environment=environment,
        test_type=test_type,
        users=users,
        seconds=seconds,
        connections=connections,
        seed=seed,
        pooler_url=_variable(pooler_env) if pooler_env else None,
        rerun_of=rerun_of,
    )
    with Store() as store, tempfile.TemporaryDirectory(prefix="perf-pipeline-load-") as folder:
        migrate.require_current(store)
        tell = (lambda _text: None) if as_json else say
        result, judged = load_run.run(store, target, chosen, options, Path(folder), tell)
    verdict = judged.verdict if judged is not None else None
    if as_json:
        print_json(_as_dict(result, judged.as_dict() if judged is not None else {}))
    else:
        _print(result, verdict)
    worse = verdict is not None and verdict.state in {"SUSPECTED", "REGRESSED", "NO_DATA"}
    if result.broken or worse:
        sys.exit(1)


@click.command()
@click.argument("scenario")
@click.option("--a", "first", required=True, help="A target of defs/targets.")
@click.option("--b", "second", help="Another one; default: the same, with --b-set.")
@click.option("--a-set", multiple=True, metavar="NAME=VALUE", help="A setting of A's sessions.")
@click.option("--b-set", multiple=True, metavar="NAME=VALUE", help="A setting of B's sessions.")
@click.option("--metric", type=click.Choice(list(COMPARED)), default="p95_ms", show_default=True)
@click.option("--block", "block_s", type=click.IntRange(1), default=5, show_default=True)
@click.option("--users", type=int, help="Default: the scenario's.")
@click.option("--clients", "connections", type=click.IntRange(1), default=16, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def ab(
    scenario: str,
    first: str,
    second: str | None,
    a_set: tuple[str, ...],
    b_set: tuple[str, ...],
    metric: str,
    block_s: int,
    users: int | None,
    connections: int,
    as_json: bool,
) -> None:
    """Compare two targets, or two settings of one, under the same load in interleaved blocks.

    Stops as soon as it is decided, after at most 30 pairs of blocks, and says "no difference shown"
    when it cannot tell. Ends with 1 when B is worse.
    """
    from perf_pipeline import load_run
    from perf_pipeline.components import catalog
    from perf_pipeline.loadtests import ab as compared
    from perf_pipeline.loadtests import duel
    from perf_pipeline.loadtests import scenario as scenarios

    chosen = scenarios.load(scenario)
    a, b = (
        duel.Side(name, catalog.declared_target(name).url(), duel.settings(given))
        for name, given in ((first, a_set), (second or first, b_set))
    )
    with tempfile.TemporaryDirectory(prefix="perf-pipeline-ab-") as folder:
        blocks = duel.run(
            a,
            b,
            chosen,
            program=load_run.pgbench(),
            folder=Path(folder),
            metric=metric,
            users=users,
            block_s=block_s,
            connections=connections,
            say=(lambda _text: None) if as_json else say,
        )
    known = [name for name in COMPARED if all(getattr(each, name) for each in blocks)]
    found = {name: compared.compare(blocks, name) for name in {metric: 0} | dict.fromkeys(known)}
    if as_json:
        print_json(
            {
                "decision": found[metric].decision,
                "metric": metric,
                "metrics": [vars(each) for each in found.values()],
            }
        )
    else:
        say()
        for each in found.values():
            say(
                f"{each.metric:<16} B/A {each.ratio:.3f} ({each.low:.3f} to {each.high:.3f});"
                f" one pair may be off by {each.noise:.1%}"
            )
        say(f"\n{found[metric].decision} by {metric}, after {found[metric].pairs} pairs")
    if found[metric].decision is compared.Decision.A_BETTER:
        sys.exit(1)


@click.command()
@click.option("--target", "name", required=True, help="A target of defs/targets.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--start", type=Instant(), help="UTC; default: the busiest hour of seven days.")
@click.option("--finish", type=Instant(), help="UTC; default: an hour after --start.")
@click.option(
    "--most",
    type=click.IntRange(1, 100),
    default=20,
    show_default=True,
    help="Statements at most, those called most.",
)
@click.option("--reads-only", is_flag=True, help="Leave out what writes or locks.")
@click.option("--json", "as_json", is_flag=True, help="Print what was captured as JSON.")
def capture(
    name: str,
    out: Path,
    start: datetime | None,
    finish: datetime | None,
    most: int,
    reads_only: bool,
    as_json: bool,
) -> None:
    """Write a load scenario from what a target's clients really asked: `loadtest` runs it.

    Weights, rate and limits are those of the hours. The file holds columns and no values: these
    are drawn from the database under test. Nothing is executed on the target.
    """
    import yaml

    from perf_pipeline.components import catalog
    from perf_pipeline.loadtests import capture as capturing
    from perf_pipeline.loadtests import scenario as scenarios
    from perf_pipeline.store import Store, migrate

    if finish is not None and start is None:
        raise ConfigurationError("--finish without --start", "give both, or neither")
    target = catalog.declared_target(name)
    with Store() as store:
        migrate.require_current(store)
        made = capturing.capture(
            target, store, start=start, finish=finish, most=most, reads_only=reads_only
        )
    scenarios.parse(made.scenario, out.name)  # what is written can be run
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        yaml.safe_dump(made.scenario, sort_keys=False, allow_unicode=True, width=100), "utf-8"
    )
    left = sorted(made.left_out, key=lambda each: -each[1])
    if as_json:
        print_json(
            {
                "path": out,
                "scenario": made.scenario["name"],
                "start": made.start,
                "finish": made.finish,
                "calls": made.calls,
                "covered": made.covered,
                "left_out": [
                    {"queryid": queryid, "share": share, "why": why} for queryid, share, why in left
                ],
            }
        )
        return
    hours = f"{made.start:%Y-%m-%d %H:%M} to {made.finish:%H:%M} UTC"
    say(
        f"{out}: {len(made.scenario['operations'])} statements with {made.covered:.1%} of "
        f"{made.calls:,} calls from {hours}"
    )
    for queryid, share, why in left[:10]:
        say(f"left out: {share:.1%} of the calls, statement {queryid}: {why}")
    say(f"perf-pipeline loadtest {out} --target {name}")


def _variable(name: str) -> str:
    """Return the pooler's URL.

    Raises
    ------
    ConfigurationError
        The variable is not set.

    """
    from perf_pipeline import settings

    found = settings.variable(name)
    if found is None:
        raise ConfigurationError(
            f"environment variable {name} is not set",
            f"set {name} to the pooler's URL of the target's database",
        )
    return found


def _as_dict(result: Any, judged: dict[str, Any]) -> dict[str, Any]:
    execution = result.execution
    names = (
        *("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "throughput_tps"),
        *("transactions", "failed", "skipped", "cpu_percent", "memory_percent", "disk_mb_per_s"),
    )
    return {
        "execution_id": execution.execution_id,
        **{each: getattr(execution, each) for each in names},
        "operations": result.operations.to_dicts(),
        "stages": [
            {**vars(stage), **vars(totals), "throughput_tps": totals.throughput_tps}
            for stage, totals in result.stages
        ],
        "broken_limits": result.broken,
        "state": judged.get("state"),
        "reason": judged.get("reason"),
        "notes": list(result.notes),
    }


def _print(result: Any, verdict: Any) -> None:
    say()
    head = ("operation", "transactions", "failed", "p50", "p95", "p99", "max ms")
    say("{:<28}{:>14}{:>8}{:>10}{:>10}{:>10}{:>10}".format(*head))
    for row in result.operations.iter_rows(named=True):
        times = "".join(_ms(row[f"{level}_ms"]) for level in ("p50", "p95", "p99", "max"))
        say(f"{row['script']:<28}{row['transactions']:>14,}{row['failed']:>8,}{times}")
    execution = result.execution
    times = "".join(
        _ms(getattr(execution, f"{level}_ms")) for level in ("p50", "p95", "p99", "max")
    )
    say(f"{'all':<28}{execution.transactions:>14,}{execution.failed:>8,}{times}")
    say(f"\n{execution.throughput_tps:,.1f} transactions a second")
    say(f"execution {execution.execution_id}")
    for text in (*result.broken, *result.notes):
        say(f"- {text}")
    if verdict is not None:
        say(f"{verdict.state.value}: {verdict.reason}")


def _ms(value: float | None) -> str:
    return f"{'-':>10}" if value is None else f"{value:>10,.2f}"
