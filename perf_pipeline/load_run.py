"""One load test as `loadtest` and `ci` run it: swept before and after, recorded, judged."""

from collections.abc import Callable
from pathlib import Path

from perf_pipeline import settings
from perf_pipeline.baselines import runs
from perf_pipeline.baselines.runs import Judged
from perf_pipeline.embedded import binaries
from perf_pipeline.loadtests import run as load
from perf_pipeline.loadtests.run import Options, Result
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.loadtests.swept import Swept
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.redact import redact
from perf_pipeline.store import Store


def pgbench() -> Path:
    """Return the program that makes load."""
    return binaries.find(settings.current().pg_bin).program("pgbench")


def run(
    store: Store,
    target: Target,
    scenario: Scenario,
    options: Options,
    folder: Path,
    say: Callable[[str], None],
) -> tuple[Result, Judged | None]:
    """Run a scenario on a target and judge what it measured.

    Parameters
    ----------
    store : Store
        Up to date.
    target : Target
    scenario : Scenario
    options : Options
    folder : Path
        For scripts and logs.
    say : callable
        Told of each stage as it begins.

    Returns
    -------
    tuple of Result and Judged
        As `loadtests.run.run` and `runs.judge_one` return them, which also say what is raised.

    """

    def sweep() -> Swept:
        record = collect(target, store)
        return Swept(record.ts, record.server_target_id)

    result = load.run(
        store,
        target,
        scenario,
        options,
        program=pgbench(),
        folder=folder,
        sweep=sweep,
        redact=redact,
        say=say,
    )
    return result, runs.judge_one(store, result.execution.execution_id)
