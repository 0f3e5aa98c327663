"""`perf-pipeline ci`: the load tests of every commit, and whether it may pass."""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from perf_pipeline.cli_parts import print_json, say
from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline.loadtests import report_ci
from perf_pipeline.loadtests.report_ci import Case
from perf_pipeline.terms import ENVIRONMENTS

if TYPE_CHECKING:
    from perf_pipeline.loadtests.run import Options
    from perf_pipeline.loadtests.scenario import Scenario
    from perf_pipeline.postgres.target import Target
    from perf_pipeline.store import Store


@click.command()
@click.option("--target", "name", required=True, help="A target of defs/targets.")
@click.option("--commit", required=True, help="Of the code under test.")
@click.option("--branch", required=True, help="Of the code under test.")
@click.option("--environment", type=click.Choice(ENVIRONMENTS), default="development")
@click.option(
    "--scenario",
    "chosen",
    multiple=True,
    help="Default: all that have a `ci` part and may run there.",
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML.")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def ci(
    name: str,
    commit: str,
    branch: str,
    environment: str,
    chosen: tuple[str, ...],
    junit: Path | None,
    summary: Path | None,
    as_json: bool,
) -> None:
    """Run the load tests that are meant for CI, and say whether this commit may pass.

    One that looks worse than its baselines is run again: it blocks when both agree. Ends with 1
    when a test blocks. A test without a baseline did not pass, and blocks nothing: its first good
    run becomes the baseline.
    """
    from perf_pipeline.components import catalog
    from perf_pipeline.loadtests.run import Options
    from perf_pipeline.store import Store, migrate

    tests = _meant(chosen, environment)
    target = catalog.declared_target(name)
    cases = []
    with Store() as store, tempfile.TemporaryDirectory(prefix="perf-pipeline-ci-") as folder:
        migrate.require_current(store)
        for test in tests:
            options = Options(
                environment=environment,
                users=test.ci.users if test.ci else None,
                seconds=test.ci.seconds if test.ci else None,
                connections=test.ci.connections if test.ci else None,
                commit_sha=commit,
                branch=branch,
                decides=True,
                restore=test.ci.restore if test.ci else False,
            )
            cases.append(
                _case(store, target, test, options, Path(folder) / test.name,
                      (lambda _text: None) if as_json else say)
            )  # fmt: skip
    if junit is not None:
        junit.write_text(report_ci.junit(cases), encoding="utf-8")
    if summary is not None:
        text = report_ci.markdown(cases, commit, branch, environment)
        summary.write_text(text, encoding="utf-8")
    blocked = report_ci.is_blocked(cases)
    if as_json:
        print_json({"blocked": blocked, "tests": [vars(case) for case in cases]})
    else:
        say(f"\n{report_ci.table(cases)}\n\ngate {'blocked' if blocked else 'open'}")
    if blocked:
        sys.exit(1)


def _meant(chosen: tuple[str, ...], environment: str) -> list["Scenario"]:
    """Return the tests with a `ci` part; without a choice, those that may run in an environment.

    One that is chosen and may not run there is refused by its name.
    """
    from perf_pipeline.loadtests import scenario as scenarios

    tests = [scenarios.load(each) for each in chosen or scenarios.names()]
    return [
        test
        for test in tests
        if test.ci is not None and (chosen or environment in test.environments)
    ]


def _case(
    store: "Store",
    target: "Target",
    test: "Scenario",
    options: "Options",
    folder: Path,
    tell: Callable[[str], None],
) -> Case:
    """Run one test, again if it is suspected; what goes wrong with it is its own outcome.

    Raises
    ------
    UnreachableError
        The target or the store cannot be reached: no test can be run.

    """
    from perf_pipeline import load_run
    from perf_pipeline.baselines import runs
    from perf_pipeline.store import executions

    def once(chosen: "Options") -> UUID:
        tell(f"{test.title}: {chosen.users} users for {chosen.seconds} s")
        done, _ = load_run.run(store, target, test, chosen, folder, lambda text: tell(f"  {text}"))
        return done.execution.execution_id

    start = time.monotonic()
    try:
        number = once(options)
        ids = [str(number)]
        rerun = None
        (row,) = executions.read(store, execution_id=number)
        broken = bool(row["metadata"].get("broken_limits"))
        if row["state"] == "SUSPECTED" or broken:
            tell(f"  {'a limit is broken' if broken else 'suspected'}: once more")
            again = once(replace(options, rerun_of=number))
            ids.append(str(again))
            runs.judge_one(store, number)
            (row,) = executions.read(store, execution_id=number)
            (rerun,) = executions.read(store, execution_id=again)
    except UnreachableError:
        raise
    except PerfPipelineError as error:
        told = f"{error.message}; {error.remedy}"
        return Case(test.name, report_ci.ERROR, False, True, told, time.monotonic() - start)
    gate = runs.gate(row, rerun)
    return Case(
        test.name,
        gate.outcome,
        gate.passed,
        gate.blocks,
        gate.reason,
        time.monotonic() - start,
        tuple(ids),
        row["p95_ms"],
        row["throughput_tps"],
    )
