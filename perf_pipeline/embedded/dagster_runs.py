"""Run assets of our own definitions in this process, on Dagster's real storage.

The runs and their events lie in the instance that `perf-pipeline dev` shows: what the demo did can
be looked at in the UI afterwards.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from perf_pipeline import vocabulary
from perf_pipeline.embedded.example import House
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.examples.systems import SYSTEMS
from perf_pipeline.platform import dagster_home

#: Dagster's own log lines of a run go to its event log; the terminal gets errors only.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

#: Capturing the output of a step takes four processes, which a Ctrl-C hits as well: their
#: tracebacks would fill the terminal, and our steps print nothing.
_NO_CAPTURE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


class RunFailedError(PerfPipelineError):
    """A Dagster run of ours failed; names the step and its error."""

    exit_code = 1


def stats_assets(target: str) -> list[str]:
    """Return the keys of a target's sweep assets."""
    return [f"{target}/stats/{family}" for family in vocabulary.STATS]


def daily_assets(target: str) -> list[str]:
    """Return the keys of a target's daily-partitioned assets, in the order they depend."""
    return [
        f"{target}/rollup/statements_hourly",
        f"{target}/baseline/statements",
        f"{target}/report/findings",
        f"{target}/report/regressions",
        f"{target}/rollup/relations_daily",
        f"{target}/report/slow_queries",
    ]


def environment(house: House) -> dict[str, str]:
    """Return the variables that Dagster's processes need to work on this house."""
    return {
        **dagster_home.prepare(house.home / "dagster", house.dagster_url),
        "PERF_HOME": str(house.home),
        "PERF_STORE_URL": house.store_url,
        **{SYSTEMS[name].url_env: url for name, url in house.urls.items()},
    }


class Runner:
    """Our definitions and a Dagster instance, loaded once.

    Parameters
    ----------
    house : House
        Running servers.

    """

    def __init__(self, house: House) -> None:
        self._house = house

    def __enter__(self) -> Self:
        os.environ.update(environment(self._house))
        from perf_pipeline.definitions import defs

        self._job = defs().resolve_implicit_global_asset_job_def()
        reference = InstanceRef.from_dir(os.environ["DAGSTER_HOME"], overrides=_NO_CAPTURE)
        self._instance = dg.DagsterInstance.from_ref(reference)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._instance.dispose()

    def materialize(
        self,
        keys: Sequence[str],
        first: date | None = None,
        last: date | None = None,
        config: Mapping[str, object] | None = None,
    ) -> str:
        """Materialize assets with their checks in one run, over a range of days where partitioned.

        Parameters
        ----------
        keys : sequence of str
            Asset keys as `target/family/name`.
        first, last : date, optional
            UTC days, both included.
        config : Mapping, optional
            Configuration of the run besides its loggers.

        Returns
        -------
        str
            The run's id.

        Raises
        ------
        RunFailedError
            The run did not succeed.
        KeyboardInterrupt
            A Ctrl-C ended it, which Dagster takes for a failure.

        """
        tags = {}
        if first is not None and last is not None:
            tags = {
                vocabulary.RANGE_START_TAG: first.isoformat(),
                vocabulary.RANGE_END_TAG: last.isoformat(),
            }
        result = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
            tags=tags,
            run_config={**_QUIET, **(config or {})},
            raise_on_error=False,
        )
        if _was_interrupted(result):
            raise KeyboardInterrupt
        if not result.success:
            raise RunFailedError(
                f"Dagster run {result.run_id} failed: {_first_failure(result)}",
                "see the run in the UI: perf-pipeline dev",
            )
        return result.run_id

    def check_outcomes(self, run_id: str) -> dict[str, dict[str, int]]:
        """Return what became of the checks of a run: target -> outcome -> how many checks.

        A check that says no outcome of its own has passed, or has missed.
        """
        found: dict[str, dict[str, int]] = {}
        for entry in self._instance.all_logs(
            run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ):
            event = entry.dagster_event
            if event is None:
                continue
            evaluation = event.asset_check_evaluation_data
            said = evaluation.metadata.get("outcome")
            outcome = str(said.value) if said else "passed" if evaluation.passed else "missed"
            counts = found.setdefault(evaluation.asset_key.path[0], {})
            counts[outcome] = counts.get(outcome, 0) + 1
        return found


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[tuple[dg.DagsterEvent, Any]]:
    """Return each failure event with the error at the root of it, None where it has none."""
    for event in result.all_events:
        if event.is_failure:
            error = getattr(event.event_specific_data, "error", None)
            while error is not None and error.cause is not None:
                error = error.cause
            yield event, error


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    names = {error.cls_name for _, error in _errors(result) if error is not None}
    return bool(names & {"DagsterExecutionInterruptedError", "KeyboardInterrupt"})


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event, error in _errors(result):
        return f"{event.step_key or 'run'}: {error.message.strip() if error else event.message}"
    return "no failure event"
