"""The events of an execution: kept in order, gone with it, and never worth a measurement."""

import time
import uuid
from datetime import UTC, datetime

import psycopg
import pytest

from perf_pipeline.store import Store, executions, run_events
from perf_pipeline_tests.baselines.runs import NOW, TEST, execution, record

pytestmark = pytest.mark.server


def test_events_are_kept_in_order_and_go_with_their_execution(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    one, other = record(store, test_id, 10), record(store, test_id, 5)
    log = run_events.Log(store, one)
    log.add(run_events.STARTED, users=5)
    log.add(run_events.SAMPLED, stage="steady", tps=12.5, latency_ms=None)
    assert log.lost == 0
    told = run_events.read(store, one)
    assert [each["event_type"] for each in told] == ["TEST_STARTED", "SAMPLED"]
    assert told[1]["detail"] == {"stage": "steady", "tps": 12.5, "latency_ms": None}
    assert told[0]["ts"] <= told[1]["ts"]
    assert run_events.read(store, other) == []
    with store.begin() as connection:
        connection.execute("DELETE FROM perf_mgmt.test_executions WHERE execution_id = %s", (one,))
    assert run_events.read(store, one) == []


def test_an_event_that_cannot_be_written_is_counted(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    lost = run_events.Log(store, uuid.uuid4())  # of no execution
    lost.add(run_events.STARTED)
    wrong = run_events.Log(store, record(store, test_id, 5))
    wrong.add("TEST_STARTET")
    assert (lost.lost, wrong.lost) == (1, 1)
    with store.begin() as connection:
        connection.execute("ALTER TABLE perf_mgmt.perf_events RENAME TO gone")
    log = run_events.Log(store, execution(test_id).execution_id)
    log.add(run_events.STARTED)
    assert log.lost == 1
    with store.begin() as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT 1 FROM perf_mgmt.perf_events")


def test_a_load_test_waits_for_no_lock_and_keeps_the_moment(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    log = run_events.Log(store, record(store, test_id, 5))
    with psycopg.connect(store.url) as other:
        other.execute("LOCK TABLE perf_mgmt.perf_events IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        log.add(run_events.STARTED)
        assert time.monotonic() - begun < 60  # it is held for ever
    assert log.lost == 1
    before = datetime.now(UTC)
    log.add(run_events.STAGE)
    (told,) = run_events.read(store, executions.read(store)[0]["execution_id"])
    assert before <= told["ts"] <= datetime.now(UTC)


def test_how_an_old_run_went_is_forgotten_and_how_it_ended_kept(store: Store) -> None:
    test_id = executions.record_test(store, TEST)
    log = run_events.Log(store, record(store, test_id, 10))
    for kind in (run_events.STARTED, run_events.SAMPLED, run_events.SAMPLED, run_events.JUDGED):
        log.add(kind)
    assert executions.forget_details(store, NOW) == 2
    told = run_events.read(store, executions.read(store)[0]["execution_id"])
    assert [each["event_type"] for each in told] == ["TEST_STARTED", "JUDGED"]
