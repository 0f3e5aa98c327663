"""Work of statements: what counts as more of it, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.baselines import run_work
from perf_pipeline.baselines.judge_run import Baseline, Outcome, Run, State, judge, settle
from perf_pipeline.baselines.run_model import WORK
from perf_pipeline.baselines.run_work import Statement, Work

TEXT = "SELECT id FROM hs.work_orders WHERE business_id = $1"
USUAL: Work = {"a": Statement(100, 1_300, TEXT), "b": Statement(400, 20_000, "UPDATE x")}
SPEED = {"mean_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0}


def but(**changed: tuple[int, int]) -> Work:
    return {
        **USUAL,
        **{key: Statement(calls, blocks, TEXT) for key, (calls, blocks) in changed.items()},
    }


def found(current: Work, earlier: list[Work] | None = None, larger: float = 1.0):  # type: ignore[no-untyped-def]
    return run_work.grown(current, earlier or [USUAL] * 3, larger)


def test_a_lost_index_is_plain() -> None:
    grown = found(but(a=(100, 45_000)))
    assert grown.proven
    assert (grown.current, grown.normal, grown.what) == (450.0, 13.0, TEXT)
    assert grown.change > 2 * run_work.THRESHOLD


def test_what_varies_from_run_to_run_does_not_count() -> None:
    assert not found(but(a=(110, 1_600))).proven
    assert found(USUAL).change == 0.0


def test_what_adds_little_to_the_whole_does_not_count() -> None:
    # ten times as many, of a statement that is next to nothing
    tiny = {"a": Statement(20, 20, TEXT), "b": Statement(400, 20_000, "UPDATE x")}
    assert not found({**tiny, "a": Statement(20, 200, TEXT)}, [tiny] * 3).proven


def test_few_calls_are_no_measurement() -> None:
    grown = found(but(a=(run_work.LEAST_CALLS - 1, 45_000)))
    assert grown.what == "UPDATE x"


def test_a_statement_that_is_new_shows_in_the_whole() -> None:
    renamed = {"c": Statement(100, 45_000, TEXT), "b": USUAL["b"]}
    assert not found(renamed).proven
    whole = run_work.of_all(renamed, 500, [(USUAL, 500)] * 3)
    assert whole is not None
    assert whole.proven
    assert whole.change > 2 * run_work.THRESHOLD


def test_work_that_grows_as_the_data_do_is_allowed_for() -> None:
    doubled = {key: Statement(s.calls, 2 * s.blocks, s.text) for key, s in USUAL.items()}
    assert found(doubled).proven
    assert not found(doubled, larger=2.0).proven


def test_runs_that_differ_widely_prove_nothing() -> None:
    earlier: list[Work] = [but(a=(100, blocks)) for blocks in (200, 1_300, 9_000, 300, 20_000)]
    assert not found(but(a=(100, 22_000)), earlier).proven


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.builds(Statement, st.integers(1, 10**6), st.integers(0, 10**12)),
    ),
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.builds(Statement, st.integers(1, 10**6), st.integers(0, 10**12)),
        ),
        max_size=11,
    ),
)
def test_anything_counted_can_be_compared(current: Work, earlier: list[Work]) -> None:
    grown = run_work.grown(current, earlier)
    assert grown is None or grown.normal > 0
    run_work.of_all(current, 10, [(work, 10) for work in earlier])


# -- in the verdict ------------------------------------------------------------------------------


def run(work: Work | None, **changed: object) -> Run:
    usual = {"p95_ms": 10.0, "p99_ms": 20.0, "throughput_tps": 100.0, "transactions": 500}
    return Run(**{**usual, "failed": 0, "reference": SPEED, "work": work, **changed})  # type: ignore[arg-type]


BASE = Baseline("ROLLING", run(None), runs=3, work=((USUAL, 500),) * 3)


def test_more_work_is_worse_though_nothing_is_slower() -> None:
    first = judge(run(but(a=(100, 45_000))), [BASE])
    assert (first.state, first.worst) == (State.SUSPECTED, Outcome.CRITICAL)
    assert first.suspects == {WORK}
    assert f"450.0 blocks a call, not 13.0, in {TEXT}" in first.reason
    assert settle(first, first).state is State.REGRESSED
    assert settle(first, judge(run(USUAL), [BASE])).state is State.OK


def test_work_nobody_counts_any_more_is_no_pass() -> None:
    verdict = judge(run(None), [BASE])
    assert (verdict.state, verdict.missing) == (State.NO_DATA, (WORK,))


def test_only_tests_that_decide_are_compared_by_work() -> None:
    assert judge(run(but(a=(100, 45_000)), reference=None), [BASE]).state is State.OK


@pytest.mark.parametrize("metric", ["p95_ms", "p99_ms"])
def test_a_slow_machine_is_not_the_system(metric: str) -> None:
    slow = run(USUAL, **{metric: 60.0})
    base = Baseline("ROLLING", run(None), runs=3, work=((USUAL, 500),) * 3)
    assert judge(slow, [base]).suspects == {metric}
    busy = {name: 3 * value for name, value in SPEED.items()}
    excused = judge(run(USUAL, **{metric: 30.0, "reference": busy}), [base])
    assert excused.state is State.OK
    assert "the machine was 3.0 times as slow, which is allowed for" in excused.reason
    # and no more than that is excused
    assert judge(run(USUAL, **{metric: 180.0, "reference": busy}), [base]).suspects == {metric}


def test_a_fast_machine_makes_nobody_worse() -> None:
    fast = {name: value / 4 for name, value in SPEED.items()}
    assert judge(run(USUAL, reference=fast), [BASE]).state is State.OK


def test_throughput_is_measured_against_the_reference() -> None:
    assert judge(run(USUAL, throughput_tps=40.0), [BASE]).suspects == {"throughput_tps"}
    busy = {name: 2.5 * value for name, value in SPEED.items()}
    assert judge(run(USUAL, throughput_tps=40.0, reference=busy), [BASE]).state is State.OK


def test_data_that_grew_and_could_not_be_restored_are_allowed_for() -> None:
    level = run(None, data_bytes=100)
    base = Baseline("ROLLING", level, runs=3, work=((USUAL, 500),) * 3)
    slow = run(USUAL, p95_ms=20.0, data_bytes=200)
    assert judge(slow, [base]).suspects == {"p95_ms"}
    told = judge(run(USUAL, p95_ms=20.0, data_bytes=200, not_restored="not restored: x"), [base])
    assert told.state is State.OK
    assert told.reason.endswith(
        "not restored: x; its data are 2.00 times as large, which is allowed for"
    )


def test_a_busy_machine_says_nothing_of_cpu() -> None:
    base = Baseline("ROLLING", run(None, cpu_percent=20.0), runs=3, work=((USUAL, 500),) * 3)
    assert judge(run(USUAL, cpu_percent=90.0), [base]).suspects == {"cpu_percent"}
    busy = {name: 2 * value for name, value in SPEED.items()}
    assert judge(run(USUAL, cpu_percent=90.0, reference=busy), [base]).suspects == frozenset()
