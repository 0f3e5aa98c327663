"""Baselines of load tests on a store: set, moved, frozen, one active; verdicts kept."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from perf_pipeline.baselines import kept, rolling, runs
from perf_pipeline.baselines.rolling import Line
from perf_pipeline.errors import InputError
from perf_pipeline.store import Store, executions
from perf_pipeline.store.load_tests import LoadTest, Thresholds
from perf_pipeline_tests.baselines.runs import NOW, TEST, judged, record, states

pytestmark = pytest.mark.server


@pytest.fixture
def test_id(store: Store) -> int:
    return executions.record_test(store, TEST)


def line(test_id: int) -> Line:
    return Line(test_id, "shop", "staging", 18)


def baselines(store: Store, *, active: bool = True) -> list[tuple[str, float]]:
    rows = kept.listed(store, active=active)
    return sorted((row["baseline_type"], row["p95_ms"]) for row in rows)


def test_the_first_good_runs_are_the_initial_baseline_that_never_moves(
    store: Store, test_id: int
) -> None:
    record(store, test_id, 50, status="FAILED")
    record(store, test_id, 45, p99_ms=None)
    record(store, test_id, 40)
    assert judged(store) == ["NO_DATA", "NO_DATA", "NO_BASELINE"]
    assert baselines(store) == [("ROLLING", 500.0)]
    for minutes, level in ((35, 510.0), (34, 590.0), (30, 540.0), (20, 540.0), (10, 540.0)):
        record(store, test_id, minutes, p95_ms=level)
    assert judged(store) == ["OK"] * 5
    assert baselines(store) == [("INITIAL", 510.0), ("ROLLING", 540.0)]
    kinds = [kind for kind, _ in baselines(store, active=False)]
    assert kinds == ["INITIAL"] + ["ROLLING"] * 6
    (initial,) = [r for r in kept.listed(store) if r["baseline_type"] == "INITIAL"]
    with pytest.raises(InputError, match="INITIAL one, which never moves"):
        kept.retire(store, initial["baseline_id"])


def test_the_rolling_baseline_is_the_median_of_ten_good_runs_within_30_days(
    store: Store, test_id: int
) -> None:
    record(store, test_id, 60 * 24 * 31, p95_ms=400.0)
    made = [record(store, test_id, 100 - n, p95_ms=400.0 + n) for n in range(12)]
    judged(store)
    (row,) = [r for r in kept.listed(store) if r["baseline_type"] == "ROLLING"]
    assert row["source_execution_ids"] == made[2:]
    assert row["source_execution_id"] == made[-1]
    assert (row["statistic"], row["p95_ms"]) == ("median of runs", 406.5)
    assert row["transactions"] + row["failed"] == 100_000
    assert "last 10 good executions" in row["notes"]
    assert kept.update(store, line(test_id), NOW).action == "unchanged"
    later = kept.update(store, line(test_id), NOW + timedelta(days=30, minutes=-90.5))
    assert (later.action, later.runs) == ("set", 2)
    assert kept.update(store, line(test_id), NOW + timedelta(days=40)).action == "kept"
    assert len([b for b in baselines(store) if b[0] == "ROLLING"]) == 1


def test_a_regression_needs_a_rerun_and_freezes_the_rolling_baseline(
    store: Store, test_id: int
) -> None:
    for n in range(6):
        record(store, test_id, 60 - n)
    assert judged(store)[1:] == ["OK"] * 5
    before = baselines(store)
    bad = record(store, test_id, 40, p95_ms=900.0)
    assert judged(store) == ["SUSPECTED"]
    assert judged(store) == []  # nothing new is known
    record(store, test_id, 39, p95_ms=880.0, rerun_of=bad)
    assert judged(store) == ["REGRESSED", "REGRESSED"]
    row = executions.read(store, execution_id=bad)[0]
    assert (row["is_regression"], row["worst"]) == (True, "CRITICAL")
    assert row["change_percent"] == pytest.approx(80.0)  # D-063
    assert row["baseline_id"] is not None
    assert {c["outcome"] for c in row["comparison"]["rows"] if c["metric"] == "p95_ms"} == {
        "CRITICAL"
    }
    change = kept.update(store, line(test_id), NOW)
    assert change.action == "frozen"
    assert baselines(store) == before
    record(store, test_id, 20)
    assert judged(store) == ["OK"]
    assert kept.update(store, line(test_id), NOW).action == "unchanged"
    (rolled,) = [r for r in kept.listed(store) if r["baseline_type"] == "ROLLING"]
    assert len(rolled["source_execution_ids"]) == 7
    assert rolled["p95_ms"] == 500.0


def test_a_rerun_settles_what_it_repeats_at_once(store: Store, test_id: int) -> None:
    for n in range(6):
        record(store, test_id, 60 - n)
    bad = record(store, test_id, 40, p95_ms=900.0)
    judged(store)
    again = record(store, test_id, 39, p95_ms=880.0, rerun_of=bad)
    found = runs.judge_one(store, again, NOW)
    assert found is not None
    assert found.verdict.state == "REGRESSED"
    assert states(store)[-2:] == ["REGRESSED", "REGRESSED"]
    assert runs.judge_one(store, again, NOW) is None
    fine = record(store, test_id, 30, p95_ms=900.0, rerun_of=None, target="other")
    assert runs.judge_one(store, fine, NOW) is not None
    with pytest.raises(InputError, match="is not recorded"):
        runs.judge_one(store, uuid.uuid4(), NOW)


def test_a_bad_machine_is_not_a_regression(store: Store, test_id: int) -> None:
    for n in range(6):
        record(store, test_id, 60 - n)
    bad = record(store, test_id, 40, p95_ms=900.0)
    record(store, test_id, 39, rerun_of=bad)
    assert judged(store)[-2:] == ["OK", "OK"]
    assert "not confirmed" in executions.read(store, execution_id=bad)[0]["comparison"]["reason"]


def test_a_second_run_confirms_but_does_not_acquit(store: Store, test_id: int) -> None:
    for n in range(6):
        record(store, test_id, 100 - n)
    record(store, test_id, 90, p95_ms=900.0)
    judged(store)
    record(store, test_id, 89)
    assert judged(store) == ["OK"]
    assert states(store)[-2:] == ["SUSPECTED", "OK"]
    # twice in a row, by nobody's order
    record(store, test_id, 80, p95_ms=900.0)
    record(store, test_id, 79, p95_ms=880.0)
    assert judged(store) == ["REGRESSED", "REGRESSED"]
    # and the next, without waiting for another
    record(store, test_id, 70, p95_ms=890.0)
    assert judged(store) == ["REGRESSED"]
    # a milder one before does not make a grave one mild
    record(store, test_id, 60, p95_ms=650.0)
    record(store, test_id, 59, p95_ms=5_000.0, p99_ms=6_000.0)
    assert judged(store)[-1] == "SUSPECTED"
    assert word(store) == ("SUSPECTED", False, True)


def test_a_baseline_that_moves_settles_nothing(store: Store, test_id: int) -> None:
    for n in range(6):
        record(store, test_id, 100 - n)
    record(store, test_id, 90, p95_ms=610.0)
    judged(store)
    assert states(store)[-1] == "SUSPECTED"
    for n in range(10):
        record(store, test_id, 80 - n, p95_ms=560.0)
    judged(store)
    assert states(store) == ["NO_BASELINE"] + ["OK"] * 5 + ["SUSPECTED"] + ["OK"] * 10


def test_what_differs_from_before_is_told(store: Store, test_id: int) -> None:
    before = {"settings": {"work_mem": "4MB", "jit": "on"}, "hardware": {"cpus": 2}}
    record(store, test_id, 30, **before, data_bytes=1_000)
    record(store, test_id, 25, **before, data_bytes=1_100)
    changed = {"settings": {"work_mem": "64MB", "jit": "on"}, "hardware": {"cpus": 2, "gb": 8}}
    record(store, test_id, 20, **changed, database_version="PostgreSQL 18.2", data_bytes=1_300)
    judged(store)
    rows = executions.read(store)
    assert rows[1]["comparison"]["differs"] == {}
    assert rows[2]["comparison"]["differs"] == {
        "data_bytes": [1_100, 1_300],
        "database_version": ["PostgreSQL 18.1", "PostgreSQL 18.2"],
        "hardware.gb": [None, 8],
        "settings.work_mem": ["4MB", "64MB"],
    }
    assert "settings.work_mem" in runs.newest(store, NOW)[0].reason


def test_a_drift_of_small_steps_does_not_get_far(store: Store, test_id: int) -> None:
    """D-056: each run 5 % slower than the one before; each re-run agrees."""
    level, reached = 500.0, []
    for n in range(30):
        first = record(store, test_id, 1000 - 10 * n, p95_ms=level, p99_ms=level * 2)
        if judged(store) == ["SUSPECTED"]:
            minutes = 999 - 10 * n
            record(store, test_id, minutes, p95_ms=level, p99_ms=level * 2, rerun_of=first)
            assert judged(store) == ["REGRESSED", "REGRESSED"]
            reached.append(level)
        level *= 1.05
    assert reached
    assert reached[0] < 1.3 * 500
    assert max(p95 for kind, p95 in baselines(store) if kind == "ROLLING") < 1.3 * 500


def test_other_environments_targets_and_versions_have_their_own(store: Store, test_id: int) -> None:
    record(store, test_id, 50)
    record(store, test_id, 49, environment="development", p95_ms=800.0)
    record(store, test_id, 48, target="other", p95_ms=800.0)
    record(store, test_id, 47, server_version_num=170005, p95_ms=800.0)
    assert judged(store) == ["NO_BASELINE"] * 4
    assert [kind for kind, _ in baselines(store)] == ["ROLLING"] * 4


def test_what_somebody_declares_normal_is_normal(store: Store, test_id: int) -> None:
    for n in range(6):
        record(store, test_id, 60 - n)
    bad = record(store, test_id, 40, p95_ms=900.0)
    again = record(store, test_id, 39, p95_ms=880.0, rerun_of=bad)
    judged(store)
    number = kept.set_manual(store, again, "new hardware", now=NOW)
    assert baselines(store) == [("INITIAL", 500.0), ("MANUAL", 880.0), ("ROLLING", 880.0)]
    row = next(r for r in kept.listed(store) if r["baseline_id"] == number)
    assert (row["notes"], row["statistic"]) == ("new hardware", "single run")
    record(store, test_id, 30, p95_ms=890.0)
    assert judged(store) == ["OK"]
    # retired: INITIAL is the anchor again
    kept.retire(store, number, "mistake")
    with pytest.raises(InputError, match="retired already"):
        kept.retire(store, number)
    record(store, test_id, 20, p95_ms=890.0)
    assert judged(store) == ["SUSPECTED"]
    retired = next(r for r in kept.listed(store, active=False) if r["baseline_id"] == number)
    assert retired["notes"] == "new hardware; mistake"


def test_a_manual_baseline_needs_numbers(store: Store, test_id: int) -> None:
    failed = record(store, test_id, 10, status="FAILED")
    with pytest.raises(InputError, match="FAILED"):
        kept.set_manual(store, failed)
    with pytest.raises(InputError, match="is not recorded"):
        kept.set_manual(store, uuid.uuid4())
    with pytest.raises(InputError, match="baseline 12345 does not exist"):
        kept.retire(store, 12345)


def test_thresholds_come_from_the_test_or_from_who_sets_it(store: Store) -> None:
    strict = LoadTest("strict", "1", thresholds=Thresholds(response_time_percent=5))
    test_id = executions.record_test(store, strict)
    first = record(store, test_id, 30)
    for n in range(4):
        record(store, test_id, 29 - n)
    record(store, test_id, 20, p95_ms=560.0)
    assert judged(store) == ["NO_BASELINE", *["OK"] * 4, "SUSPECTED"]
    kept.set_manual(store, first, thresholds=Thresholds(response_time_percent=50), now=NOW)
    limits = {
        row["baseline_type"]: row["response_time_threshold_percent"] for row in kept.listed(store)
    }
    assert limits == {"INITIAL": 5, "MANUAL": 50, "ROLLING": 5}


def test_two_setters_at_once_leave_one_active(
    store: Store, test_id: int, make_database: Callable[..., str]
) -> None:
    made = [record(store, test_id, 30 - n, p95_ms=500.0 + n) for n in range(2)]
    judged(store)
    barrier, errors = threading.Barrier(2), []

    def work(execution: uuid.UUID) -> None:
        with Store(store.url) as own:
            with own.begin() as warm:
                warm.execute("SELECT 1")
            barrier.wait(60)
            try:
                kept.set_manual(own, execution, now=NOW)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    kinds = [kind for kind, _ in baselines(store)]
    assert kinds == ["MANUAL", "ROLLING"]
    assert [kind for kind, _ in baselines(store, active=False)].count("MANUAL") == 2


def test_a_setter_waits_for_the_one_before_it(store: Store, test_id: int) -> None:
    first = record(store, test_id, 30)
    judged(store)
    done: list[float] = []
    with Store(store.url) as other, other.begin() as holder:
        kept.rows_in(holder, "baseline_lock", {"test_id": test_id})

        def work() -> None:
            kept.set_manual(store, first, now=NOW)
            done.append(time.monotonic())

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        assert done == []
        released = time.monotonic()
    thread.join(60)
    assert done
    assert done[0] >= released


def test_the_table_itself_allows_one_active_and_any_number_of_retired(
    store: Store, test_id: int
) -> None:
    record(store, test_id, 30)
    judged(store)
    copy = (
        "INSERT INTO perf_mgmt.performance_baselines (test_id, target, environment, server_major,"
        " baseline_type, source_execution_id, source_execution_ids, statistic, p95_ms, p99_ms,"
        " throughput_tps, transactions, failed, is_active, retired_at)"
        " SELECT test_id, target, environment, server_major, baseline_type, source_execution_id,"
        " source_execution_ids, statistic, p95_ms, p99_ms, throughput_tps, transactions, failed,"
        " %s, CASE WHEN NOT %s THEN now() END FROM perf_mgmt.performance_baselines LIMIT 1"
    )
    with store.begin() as connection:
        for _ in range(3):
            connection.execute(copy, (False, False))
    with pytest.raises(psycopg.errors.UniqueViolation), store.begin() as connection:
        connection.execute(copy, (True, True))
    row = kept.listed(store, active=False)[0]
    assert [
        row[f"{name}_threshold_{unit}"]
        for name, unit in (
            ("response_time", "percent"),
            ("throughput", "percent"),
            ("error_rate", "points"),
        )
    ] == [20, 15, 5]


# --- the gate ------------------------------------------------------------------------------------


def word(store: Store) -> tuple[str, bool, bool]:
    (found,) = runs.newest(store, NOW)
    return found.outcome, found.passed, found.blocks


def test_the_gate_says_what_may_pass(store: Store, test_id: int) -> None:
    assert runs.newest(store, NOW) == []
    record(store, test_id, 100)
    assert word(store) == ("UNJUDGED", False, True)
    judged(store)
    assert word(store) == ("NO_BASELINE", False, False)
    for n in range(5):
        record(store, test_id, 90 - n)
    judged(store)
    assert word(store) == ("OK", True, False)
    mild = record(store, test_id, 80, p95_ms=650.0)
    judged(store)
    assert word(store) == ("SUSPECTED", False, False)
    record(store, test_id, 79, p95_ms=650.0, rerun_of=mild)
    judged(store)
    assert word(store) == ("REGRESSED", False, False)
    bad = record(store, test_id, 70, p95_ms=5_000.0, p99_ms=9_000.0)
    judged(store)
    assert word(store) == ("SUSPECTED", False, True)
    assert "re-run" in runs.newest(store, NOW)[0].reason
    record(store, test_id, 69, p95_ms=5_000.0, p99_ms=9_000.0, rerun_of=bad)
    judged(store)
    assert word(store) == ("REGRESSED", False, True)
    record(store, test_id, 60, throughput_tps=0.0)
    judged(store)
    assert word(store) == ("NO_DATA", False, True)
    assert runs.counted(runs.newest(store, NOW))["NO_DATA"] == 1


def test_a_limit_of_the_test_itself_blocks_without_any_baseline(store: Store, test_id: int) -> None:
    record(store, test_id, 10, metadata={"broken_limits": ["p95 500 ms is above 200 ms"]})
    judged(store)
    assert word(store) == ("NO_BASELINE", False, True)
    assert "p95 500 ms is above 200 ms" in runs.newest(store, NOW)[0].reason
    record(store, test_id, 5, metadata={"broken_limits": []})
    judged(store)
    assert word(store) == ("OK", True, False)


def test_a_retired_test_holds_nobody_up(store: Store, test_id: int) -> None:
    record(store, test_id, 10, status="FAILED")
    judged(store)
    assert word(store)[2]
    executions.record_test(store, LoadTest("checkout", "1.0", is_active=False))
    assert runs.newest(store, NOW) == []
    assert kept.update_all(store, NOW) == []


def test_a_result_is_old_after_thirty_days(store: Store, test_id: int) -> None:
    record(store, test_id, 10, status="FAILED")
    judged(store)
    assert runs.newest(store, NOW + rolling.WINDOW) == []


def test_a_verdict_and_what_follows_from_it_are_kept_together(
    store: Store, test_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, test_id, 10)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kept, "update_in", die)
        with pytest.raises(KeyboardInterrupt):
            judged(store)
    assert states(store) == [None]
    assert judged(store) == ["NO_BASELINE"]
    assert [kind for kind, _ in baselines(store)] == ["ROLLING"]


def test_whatever_happens_the_baselines_stay_in_order(store: Store, test_id: int) -> None:
    """Random runs, verdicts and words of people: what must always hold is looked at each time."""
    rng = random.Random(7)
    seen: dict[int, tuple] = {}
    made: list[uuid.UUID] = []
    for step in range(40):
        level = 500.0 * rng.choice([1, 1, 1, 1.02, 0.97, 1.5, 3])
        last = made[-1] if made and rng.random() < 0.4 else None
        status = "FAILED" if rng.random() < 0.1 else "COMPLETED"
        changes = {"p95_ms": level, "p99_ms": level * 2, "status": status, "rerun_of": last}
        made.append(record(store, test_id, 1_000 - step, **changes))
        judged(store)
        if rng.random() < 0.15 and status == "COMPLETED":
            kept.set_manual(store, rng.choice(made[-1:]), now=NOW)
        manual = [row for row in kept.listed(store) if row["baseline_type"] == "MANUAL"]
        if manual and rng.random() < 0.2:
            kept.retire(store, manual[0]["baseline_id"])
        rows = kept.listed(store, active=False)
        now = {
            row["baseline_id"]: (row["baseline_type"], row["p95_ms"], row["source_execution_ids"])
            for row in rows
        }
        assert {number: now.get(number) for number in seen} == seen  # nothing lost or rewritten
        seen = now
        active = [row["baseline_type"] for row in rows if row["is_active"]]
        assert len(set(active)) == len(active)
        assert sum(kind == "INITIAL" for kind, _, _ in now.values()) <= 1
        verdicts = {row["execution_id"]: row["state"] for row in executions.read(store)}
        declared = {row["source_execution_id"] for row in rows if row["baseline_type"] == "MANUAL"}
        for row in rows:
            if row["baseline_type"] == "ROLLING" and row["is_active"]:
                of = set(row["source_execution_ids"]) - declared
                assert {verdicts[each] for each in of} <= {"OK", "NO_BASELINE"}
    assert {"REGRESSED", "NO_DATA", "OK"} <= set(verdicts.values())


def test_judging_is_repeatable(store: Store, test_id: int) -> None:
    for n in range(8):
        record(store, test_id, 90 - n)
    judged(store)
    before = (states(store), baselines(store, active=False))
    assert judged(store) == []
    kept.update_all(store, NOW)
    assert (states(store), baselines(store, active=False)) == before
