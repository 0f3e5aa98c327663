"""The reference of several runs, and of runs without one."""

from perf_pipeline.baselines import run_machine
from perf_pipeline.baselines.judge_run import Run

ONE = {"mean_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0}


def test_the_middle_is_of_each_latency() -> None:
    others = [{name: value * factor for name, value in ONE.items()} for factor in (5, 2)]
    assert run_machine.middle([ONE, *others]) == {"mean_ms": 2.0, "p95_ms": 4.0, "p99_ms": 6.0}


def test_a_baseline_of_which_a_run_has_none_has_none() -> None:
    assert run_machine.middle([ONE, None]) is None
    assert run_machine.middle([]) is None


def test_what_is_not_known_excuses_nothing() -> None:
    assert run_machine.slower("p95_ms", Run(reference=ONE), Run()) == 1.0
    assert run_machine.slower("p95_ms", Run(), Run(reference=ONE)) == 1.0
    assert run_machine.larger(Run(data_bytes=9), Run(data_bytes=3)) == 1.0
    assert run_machine.larger(Run(not_restored="x"), Run(data_bytes=3)) == 1.0
