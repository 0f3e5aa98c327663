"""Benchmarks of a target: their words, that nothing of them stays."""

from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from perf_pipeline.cli import cli
from perf_pipeline.components.catalog import declared_targets
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep import benchmarks
from perf_pipeline.upkeep.defs import target_assets
from perf_pipeline.upkeep.model import Policy, policy_of
from perf_pipeline.upkeep.timing import Benchmark, Timed


def benchmark(*statements: str, **more: Any) -> Benchmark:
    limits = {"goal_ms": 1e6, "excellent_ms": 1e6, "good_ms": 2e6, "repeats": 3}
    given = {"name": "it", "statements": statements or ("SELECT 1",), **limits, **more}
    return Benchmark.model_validate(given)


QUERY = benchmark(goal_ms=500, excellent_ms=100, good_ms=500, acceptable_ms=1000)
TOGGLE = benchmark(goal_ms=200, excellent_ms=200, good_ms=500)


@pytest.mark.parametrize(
    ("declared", "times", "word", "reached", "far_off"),
    [
        (QUERY, [99.9] * 3, "EXCELLENT", True, False),
        (QUERY, [100.0] * 3, "GOOD", True, False),
        (QUERY, [1.0, 500.0, 9e9], "ACCEPTABLE", True, False),
        (QUERY, [999.0] * 3, "ACCEPTABLE", False, False),
        (QUERY, [1000.1] * 3, "POOR", False, True),
        (QUERY, [], "NO_DATA", False, True),
        (TOGGLE, [200.0] * 3, "GOOD", True, False),
        (TOGGLE, [500.0] * 3, "POOR", False, True),
    ],
)
def test_a_median_has_a_word_and_a_goal(
    declared: Benchmark, times: list[float], word: str, reached: bool, far_off: bool
) -> None:
    found = Timed(declared, times)
    assert (found.as_row()["rating"], found.reached, found.far_off) == (word, reached, far_off)


@pytest.mark.parametrize(
    "wrong",
    [
        {"good_ms": 1.0},
        {"statements": ["COMMIT"]},
        {"statements": ["SELECT 1; rollback"]},
        {"statements": [" "]},
        {"repeats": 2},
    ],
)
def test_a_benchmark_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        benchmark(**wrong)


def test_an_operation_needs_what_it_times() -> None:
    operation = {"name": "weekly", "does": "benchmark", "cron": "0 5 * * 1"}
    with pytest.raises(ValidationError, match="needs benchmarks"):
        Policy.model_validate({"operations": [operation]})
    twice = [QUERY.model_dump(), QUERY.model_dump()]
    with pytest.raises(ValidationError, match="there twice"):
        Policy.model_validate({"benchmarks": twice})
    policies = {target.name: policy_of(target) for target in declared_targets()}
    guardian = policies["guardian"]
    assert guardian is not None
    assert guardian.operation("weekly_performance_benchmark").cron == "0 5 * * 1"


@pytest.mark.server
def test_each_is_timed_and_taken_back(
    server: EmbeddedServer, make_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    monkeypatch.setenv("TIMED_URL", url)
    declared = (
        benchmark(
            "CREATE TABLE public.t AS SELECT 1 AS n",
            "SELECT * FROM generate_series(1, 4)",
            name="all",
        ),
        benchmark("SELECT * FROM generate_series(1, 4)", name="each", per_row=True),
        benchmark("SELECT 1 WHERE false", name="nothing", per_row=True),
        benchmark("SELECT 1 / 0", name="wrong"),
        benchmark("SELECT 1", name="slow", goal_ms=1e-9, excellent_ms=1e-9),
    )
    policy = Policy.model_validate({"benchmarks": [each.model_dump() for each in declared]})
    target = Target("timed", "TIMED_URL", date(2026, 1, 1), upkeep=policy)
    found = {each.benchmark.name: each for each in benchmarks.run(target, declared, seconds=60.0)}
    assert found["all"].problem == ""
    assert [found[name].rows for name in ("all", "each", "nothing")] == [4, 4, 0]
    assert len(found["all"].times) == 3
    assert found["nothing"].problem == "its last statement returned no row"
    assert found["wrong"].problem == "division by zero"
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('public.t')").fetchone() == (None,)
    over = benchmarks.run(target, declared[:1], seconds=-1.0)[0]
    assert (over.problem, over.reached) == ("the time of this run is over", False)
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: target)
    shown = CliRunner().invoke(cli, ["upkeep", "benchmark", "--target", "timed"])
    assert shown.exit_code == 1, shown.exception
    assert (
        "NO_DATA      wrong                     - of 1e+06 ms, 0 times; division by" in shown.output
    )
    assert "EXCELLENT    all" in shown.output
    bare = replace(target, upkeep=Policy())
    monkeypatch.setattr("perf_pipeline.components.catalog.declared_target", lambda _name: bare)
    refused = CliRunner().invoke(cli, ["upkeep", "benchmark", "--target", "timed"]).exception
    assert "declares no benchmarks" in str(refused)
    (asset,) = [
        each
        for each in target_assets(target)
        if each.key == dg.AssetKey(["timed", "upkeep", "benchmarks"])
    ]
    done = dg.materialize([asset])
    (check,) = done.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    told = "nothing: its last statement returned no row; wrong: division by zero; slow: GOOD"
    assert check.description == told
    (event,) = done.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["dagster/row_count"].value == 5
    assert {"all_ms", "each_ms"} <= set(metadata)
