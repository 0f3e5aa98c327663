"""Thresholds that fit what a load test's runs vary by, and what would have been false alarms."""

import json
import math
import random

import dagster as dg
import pytest
from click.testing import CliRunner

from perf_pipeline import settings
from perf_pipeline.baselines.judge_run import Run
from perf_pipeline.baselines.suggest import suggest, upper
from perf_pipeline.baselines.suggest_defs import suggested_thresholds
from perf_pipeline.cli import cli
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import Thresholds
from perf_pipeline_tests.baselines import runs as made


def varying(spread: float, count: int = 40, seed: int = 1) -> list[Run]:
    chance = random.Random(seed)
    return [
        Run(
            p95_ms=500.0 * math.exp(chance.gauss(0.0, spread)),
            p99_ms=900.0 * math.exp(chance.gauss(0.0, spread)),
            throughput_tps=165.0 * math.exp(chance.gauss(0.0, spread / 3.0)),
            transactions=9_900,
            failed=10,
        )
        for _ in range(count)
    ]


def test_a_threshold_fits_what_runs_vary_by() -> None:
    quiet, noisy = (
        {each.threshold: each for each in suggest(varying(spread), Thresholds())}
        for spread in (0.02, 0.1)
    )
    # nothing is said of CPU, which was not measured, nor of errors, which are counts
    assert set(quiet) == {"response_time_percent", "throughput_percent"}
    p95 = quiet["response_time_percent"]
    assert p95.suggested < p95.now == 20.0
    assert p95.smallest < p95.suggested <= p95.smallest + 5.0
    assert (p95.runs, p95.false_suggested) == (35, 0)
    assert "could be seen" in p95.note
    # where runs vary by a tenth, a change of a fifth cannot be seen in one
    assert noisy["response_time_percent"].suggested > 20.0
    assert "cannot be told" in noisy["response_time_percent"].note
    assert noisy["response_time_percent"].false_suggested <= noisy[
        "response_time_percent"
    ].false_now  # fmt: skip
    # a change of the suggested size, and a little more, is really seen
    worse = Run(**{**vars(varying(0.02)[0]), "p95_ms": 500.0 * (1.02 + p95.suggested / 100)})
    again = suggest([*varying(0.02), *varying(0.02, seed=2)[:9], worse], Thresholds())
    assert next(s for s in again if s.metric == "p95_ms").false_now == 0
    tight = Thresholds(response_time_percent=p95.suggested)
    assert suggest([*varying(0.02), worse], tight)[0].false_now == 1


def test_little_is_known_of_few_runs() -> None:
    assert suggest(varying(0.05, 12), Thresholds()) == []
    assert suggest(varying(0.05, 13), Thresholds())[0].runs == 8
    # three in a hundred may be, though none of a hundred was
    assert upper(0, 100) == pytest.approx(1 - 0.05**0.01)
    assert upper(2, 20) == pytest.approx(0.2826, abs=1e-4)
    assert upper(3, 3) == 1.0


@pytest.mark.server
def test_what_is_suggested_is_shown_and_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    command = ["baseline", "suggest"]
    assert "no load test ran yet" in CliRunner().invoke(cli, command).output
    test_id = executions.record_test(store, made.TEST)
    few = CliRunner().invoke(cli, [*command, "--json"])
    assert json.loads(few.output) == []
    for number, run in enumerate(varying(0.02, 15)):
        made.record(store, test_id, 20_000 - 100 * number, p95_ms=run.p95_ms, p99_ms=run.p99_ms)
    made.judged(store)
    before = made.states(store)
    (told,) = json.loads(CliRunner().invoke(cli, [*command, "--json"]).output)
    assert told["good_runs"] == 15
    assert told["suggestions"][0]["threshold"] == "response_time_percent"
    shown = CliRunner().invoke(cli, command).output
    assert "response_time_percent: 20 now," in shown
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([suggested_thresholds], instance=instance)
    (event,) = result.asset_materializations_for_node("bench__suggested_thresholds")
    assert event.metadata["dagster/row_count"].value == len(told["suggestions"])
    assert made.states(store) == before
