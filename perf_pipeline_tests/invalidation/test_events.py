"""The event queue of an application: claims, poison, killed workers, batches that come in."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import schema
from perf_pipeline.invalidation import events, events_defs
from perf_pipeline.invalidation.event_model import Backlog, EventQueue, due
from perf_pipeline.postgres.target import Target

QUEUE = EventQueue(
    claim="omninode.get_pending_events",
    finish="omninode.finish_events",
    backlog="omninode.event_backlog",
    process="omninode.publish_events",
    ingest="omninode.batch_insert_hook_events",
    metrics="omninode.get_performance_metrics",
    batch=10,
)
NAME = "omninode_events"
AGO = "UPDATE omninode.hook_events SET claimed_until = now() - interval '1 s' WHERE NOT processed"


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    """Return the URL of a database with the schema and no row."""
    server.ensure_database(NAME)
    schema.apply(server.url(NAME), "omninode")
    yield server.url(NAME)
    server.drop_database(NAME)


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE omninode.hook_event_keys CASCADE")
        yield connection


def made(count: int = 1, **said: Any) -> list[dict[str, Any]]:
    return [
        {"id": str(uuid.uuid4()), "source": "shop", "action": "created", **said}
        for _ in range(count)
    ]


def bring(connection: psycopg.Connection, count: int, **said: Any) -> set[uuid.UUID]:
    some = made(count, **said)
    assert events.ingest(connection, QUEUE, some).inserted == count
    return {uuid.UUID(each["id"]) for each in some}


def state(connection: psycopg.Connection) -> dict[uuid.UUID, tuple[bool, int]]:
    rows = connection.execute("SELECT id, processed, retry_count FROM omninode.hook_events")
    return {row[0]: (row[1], row[2]) for row in rows.fetchall()}


# --- pure -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backlog", "why"),
    [
        (Backlog(0, 5, 0, 9, None), []),
        (Backlog(999, 0, 0, 0, 299.0), []),  # its own workers keep up
        (Backlog(1_000, 0, 0, 0, 2.0), ["1000 events wait, of 1000"]),
        (Backlog(1, 0, 1, 0, 7_200.0), ["one waits for 120 min, of 5"]),
    ],
)
def test_a_run_is_asked_for_when_the_workers_are_behind(backlog: Backlog, why: list[str]) -> None:
    assert due(backlog, QUEUE) == why


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"claim": "claim"}, "claim is 'claim'"),
        ({"finish": ""}, "finish is ''"),
        ({"process": "a.b.c"}, "process is 'a.b.c'"),
        ({"lease_s": 0.0}, "lease_s is 0.0"),
    ],
)
def test_what_cannot_be_a_queue_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        EventQueue(**{**vars(QUEUE), **change})


# --- work -----------------------------------------------------------------------------------


@pytest.mark.server
def test_a_batch_is_published_and_over(db: psycopg.Connection, url: str) -> None:
    ids = bring(db, 25) | bring(db, 3, created_at="2024-02-01T00:00:00Z")
    assert events.look(db, QUEUE).stranded == 3  # told, and worked on all the same
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN omninode_events")
        worked = events.work(db, QUEUE, "w")
        heard = [json.loads(each.payload) for each in listener.notifies(timeout=20, stop_after=3)]
    assert (worked.claimed, worked.done, worked.failed, worked.overtaken) == (28, 28, 0, 0)
    assert {uuid.UUID(one) for each in heard for one in each["ids"]} == ids
    assert {each["topic"] for each in heard} == {"shop.created"}
    assert events.look(db, QUEUE) == Backlog(0, 0, 0, 0, None)


@pytest.mark.server
def test_two_workers_share_no_event(db: psycopg.Connection, url: str) -> None:
    ids = bring(db, 60)
    seen: list[uuid.UUID] = []

    def note(_: psycopg.Connection, some: Sequence[events.Event]) -> Mapping[uuid.UUID, str]:
        seen.extend(each.id for each in some)
        if len(seen) == 10:  # in the middle of the first's batch the second does all the rest
            with psycopg.connect(url, autocommit=True) as other:
                assert events.work(other, QUEUE, "b", handle=note).done == 50
        return {}

    assert events.work(db, QUEUE, "a", handle=note).done == 10
    assert sorted(seen) == sorted(ids)


@pytest.mark.server
def test_poison_is_found_by_halving_and_ends_as_a_dead_letter(db: psycopg.Connection) -> None:
    good = bring(db, 15)
    raising, telling = bring(db, 1).pop(), bring(db, 1).pop()

    def handle(
        connection: psycopg.Connection, some: Sequence[events.Event]
    ) -> dict[uuid.UUID, str]:
        if raising in {each.id for each in some}:
            connection.execute("SELECT 1 / 0")
        return {telling: "no such topic"} if telling in {each.id for each in some} else {}

    first = events.work(db, QUEUE, "w", handle=handle)
    assert (first.claimed, first.done, first.failed) == (17, 15, 2)
    assert first.errors == {"division by zero": 1, "no such topic": 1}
    assert events.work(db, QUEUE, "w", handle=handle).claimed == 0  # it waits before it is tried
    for _ in range(9):
        db.execute(AGO)
        assert events.work(db, QUEUE, "w", handle=handle).failed == 2
    db.execute(AGO)
    assert events.work(db, QUEUE, "w", handle=handle).claimed == 0
    assert events.look(db, QUEUE).dead == 2
    assert state(db) == {
        **dict.fromkeys(good, (True, 0)),
        **dict.fromkeys((raising, telling), (False, 10)),
    }


@pytest.mark.server
def test_who_is_overtaken_ends_nothing(db: psycopg.Connection, url: str) -> None:
    bring(db, 4)

    def slow(_: psycopg.Connection, some: Sequence[events.Event]) -> Mapping[uuid.UUID, str]:
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(AGO)
            assert events.work(other, QUEUE, "quick").done == 4
        return {each.id: "too late" for each in some}

    worked = events.work(db, QUEUE, "slow", handle=slow)
    assert (worked.claimed, worked.done, worked.failed, worked.overtaken) == (4, 0, 0, 4)
    assert set(state(db).values()) == {(True, 0)}


KILLED = """
import os, signal, sys, psycopg
from perf_pipeline.invalidation import events
from perf_pipeline_tests.invalidation.test_events import QUEUE
done = []
def handle(connection, some):
    events.process(QUEUE)(connection, some)
    done.append(some)
    if len(done) == 2:  # all is done but the end of the claims
        os.kill(os.getpid(), signal.SIGKILL)
    return {}
events.work(psycopg.connect(sys.argv[1], autocommit=True), QUEUE, "mortal", handle=handle)
"""


@pytest.mark.server
def test_the_events_of_a_killed_worker_come_back(db: psycopg.Connection, url: str) -> None:
    bring(db, 30)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url],
        env={**os.environ, "PYTHONPATH": root},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left = events.look(db, QUEUE)
    assert (left.ready, left.claimed) == (10, 10)  # one batch is done, one is leased
    assert events.work(db, QUEUE, "next").done == 10
    db.execute(AGO)
    assert events.work(db, QUEUE, "next").done == 10
    assert set(state(db).values()) == {(True, 0)}


@pytest.mark.server
def test_a_function_that_is_not_there_is_told(db: psycopg.Connection) -> None:
    with pytest.raises(events.EventQueueError, match=r"omninode\.nothing"):
        events.look(db, EventQueue(**{**vars(QUEUE), "backlog": "omninode.nothing"}))
    bring(db, 1)
    with pytest.raises(events.EventQueueError, match=r"nowhere\.at_all"):
        events.work(db, EventQueue(**{**vars(QUEUE), "process": "nowhere.at_all"}), "w")


# --- ingest ---------------------------------------------------------------------------------


@pytest.mark.server
def test_what_cannot_be_taken_is_rejected_and_keeps_nothing_back(db: psycopg.Connection) -> None:
    good = made(7)
    bad: list[Any] = [
        {**made()[0], "payload": {"text": "a\0b"}},  # PostgreSQL's text has no such character
        {**made()[0], "payload": {"n": float("nan")}},
        {**made()[0], "payload": {"half": "\ud800"}},
        {**made()[0], "id": "seven"},
        "no event",
    ]
    mixed = [good[0], bad[0], *good[1:3], bad[1], bad[2], *good[3:5], bad[3], *good[5:], bad[4]]
    took = events.ingest(db, QUEUE, mixed, batch=5)
    assert (took.received, took.inserted, took.rejected) == (12, 7, 5)
    assert [each["position"] for each in took.rejects] == [1, 4, 5, 8, 11]
    assert [mixed[each["position"]] for each in took.rejects] == bad
    again = events.ingest(db, QUEUE, [{**each, "retry_count": 3} for each in good[:4]] + good[4:])
    assert (again.inserted, again.updated, again.unchanged) == (0, 4, 3)


# --- Dagster --------------------------------------------------------------------------------


@pytest.mark.server
def test_the_asset_the_checks_the_sensor_and_the_job_that_brings(
    db: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_URL", url)
    target = Target(name="bridge", url_env="BRIDGE_URL", history_start=date(2026, 1, 1))
    gone = Target(name="gone", url_env="GONE_URL", history_start=date(2026, 1, 1))
    monkeypatch.setenv("GONE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    definitions = dg.Definitions.merge(
        events_defs.queue_definitions(target, QUEUE),
        events_defs.queue_definitions(gone, QUEUE),
        events_defs.fleet_definitions([(gone, QUEUE), (target, QUEUE)]),
        dg.Definitions(executor=dg.in_process_executor),
    )
    assert events_defs.fleet_definitions([(target, None)]).jobs is None
    file = tmp_path / "events.jsonl"
    old = made(3, created_at="2024-02-01T00:00:00Z")
    file.write_text("\n".join(map(json.dumps, [*old, *made(2)])) + "\n\n{broken\n")
    sensor = definitions.get_repository_def().get_sensor_def("event_backlog")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        config = {"ops": {"bring_events_bridge": {"config": {"file": str(file)}}}}
        brought = definitions.resolve_job_def("ingest_events_bridge").execute_in_process(
            instance=instance, run_config=config
        )
        assert brought.success
        with dg.build_sensor_context(instance=instance) as context:
            asked = sensor.evaluate_tick(context).run_requests or []
        assert [each.job_name for each in asked] == ["event_queue_bridge"]  # one does not answer
        assert "one waits for" in asked[0].tags["perf_pipeline/reason"]
        db.execute("UPDATE omninode.hook_events SET retry_count = 10 WHERE id = %s", [old[0]["id"]])
        ran = definitions.resolve_job_def("event_queue_bridge").execute_in_process(
            instance=instance
        )
        (event,) = ran.get_asset_materialization_events()
        metadata = event.step_materialization_data.materialization.metadata
        assert {
            name: metadata[name].value for name in ("processed", "waiting", "dead_letters")
        } == {
            "processed": 4,
            "waiting": 0,
            "dead_letters": 1,
        }
        checks = {each.check_name: each.passed for each in ran.get_asset_check_evaluations()}
        assert checks == {"nothing_stranded": True, "no_dead_letters": False}
        with dg.build_sensor_context(instance=instance) as context:
            assert not sensor.evaluate_tick(context).run_requests  # dead ones start no run


@pytest.mark.server
def test_days_of_events_have_their_figures(
    db: psycopg.Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_URL", url)
    target = Target(name="bridge", url_env="BRIDGE_URL", history_start=date(2026, 1, 1))
    db.execute("TRUNCATE omninode.event_metrics")
    (event,) = bring(db, 1)
    db.execute(
        "INSERT INTO omninode.event_metrics"
        " (event_id, created_at, processing_time_ms, kafka_publish_success)"
        " VALUES (%(e)s, '2026-02-02 00:00Z', 10, true), (%(e)s, '2026-02-02 23:59Z', 30, true),"
        " (%(e)s, '2026-02-02 12:00Z', 900, false), (%(e)s, '2026-02-03 00:00Z', 50, true)",
        {"e": event},
    )
    definitions = dg.Definitions.merge(
        events_defs.queue_definitions(target, QUEUE),
        events_defs.fleet_definitions([(target, QUEUE)]),
        dg.Definitions(executor=dg.in_process_executor),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        ran = definitions.resolve_job_def("event_performance_bridge").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2026-02-01",
                "dagster/asset_partition_range_end": "2026-02-03",
            },
        )
        at = datetime(2026, 2, 3, 0, 35, tzinfo=UTC)
        everything = definitions.get_repository_def()
        schedule = everything.get_schedule_def("event_performance_bridge")
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=everything
        ) as context:
            (asked,) = schedule.evaluate_tick(context).run_requests or ()
        assert asked.partition_key == "2026-02-02"
    figures = {
        event.partition: {
            name: value.value
            for name, value in event.step_materialization_data.materialization.metadata.items()
            if name.endswith(("events", "_ms", "_percent"))
        }
        for event in ran.get_asset_materialization_events()
    }
    assert figures["2026-02-02"] == {
        "total_events": 3,
        "unknown_events": 0,
        "avg_processing_ms": 20,
        "p95_processing_ms": 29,
        "error_rate_percent": 33.33,
    }
    # nothing happened: a count of none, and no time that nobody measured
    assert figures["2026-02-01"] == {"total_events": 0, "unknown_events": 0}
    assert figures["2026-02-03"]["total_events"] == 1
