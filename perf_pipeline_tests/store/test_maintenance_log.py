import time
from typing import Any

import pytest

from perf_pipeline.errors import BusyError
from perf_pipeline.store import Store, maintenance_log
from perf_pipeline.store.maintenance_log import MaintenanceLog

pytestmark = pytest.mark.server


def rows(store: Store, target: str) -> list[Any]:
    return [
        (r["operation"], r["object"], r["outcome"]) for r in maintenance_log.recent(store, target)
    ]


def closed_soon(store: Store, target: str) -> list[str]:
    """Return what is closed as killed, once the server has noticed that its session is gone."""
    until = time.monotonic() + 60.0
    while True:
        closed = [row["object"] for row in maintenance_log.close_killed(store, target)]
        if closed or time.monotonic() > until:
            return closed
        time.sleep(0.02)


def test_an_operation_is_seen_running_and_then_done(shared_store: Store) -> None:
    with MaintenanceLog(shared_store, "seen") as log:
        with log.operation("partition.create", "public.a", statement="CREATE  TABLE a ()") as entry:
            (row,) = maintenance_log.recent(shared_store, "seen")
            assert row["outcome"] == "running"
            assert row["finished_at"] is None
            assert row["rows"] is None
            assert log.close_killed() == []
            entry.rows = 0
            entry.lock_wait_ms = 1.5
            entry.detail["why"] = "missing"
        (row,) = maintenance_log.recent(shared_store, "seen")
    assert row["outcome"] == "done"
    assert row["finished_at"] >= row["started_at"]
    assert (row["rows"], row["bytes"], row["lock_wait_ms"]) == (0, None, 1.5)
    assert row["statement_digest"] == maintenance_log.digest("CREATE TABLE a ()")
    assert row["detail"] == {"why": "missing"}


def test_what_fails_says_so(shared_store: Store) -> None:
    with MaintenanceLog(shared_store, "failing") as log:
        with pytest.raises(ValueError, match="no"), log.operation("view.refresh", "v"):
            raise ValueError("no")
        with pytest.raises(BusyError), log.operation("view.refresh", "v"):
            raise BusyError("a lock is held")
        with log.operation("view.refresh", "v") as entry:
            entry.outcome = "skipped"
    newest = maintenance_log.recent(shared_store, "failing", operation="view.refresh")
    assert [row["outcome"] for row in newest] == ["skipped", "blocked", "failed"]
    assert [row["error"] for row in newest] == [None, "a lock is held", "no"]


def test_a_writer_that_is_gone_is_noticed(shared_store: Store) -> None:
    gone, alive = MaintenanceLog(shared_store, "gone"), MaintenanceLog(shared_store, "gone")
    gone.start("index.reindex", "i")
    alive.start("index.reindex", "j")
    assert gone._session is not None
    gone._session.close()  # what the server sees of kill -9
    assert closed_soon(shared_store, "gone") == ["i"]
    assert rows(shared_store, "gone") == [
        ("index.reindex", "j", "running"),
        ("index.reindex", "i", "killed"),
    ]
    alive.close()
    assert closed_soon(shared_store, "gone") == ["j"]


def test_who_comes_back_corrects_what_was_closed(shared_store: Store) -> None:
    """A store that was restarted forgets who is alive; the writer's own word stands."""
    with MaintenanceLog(shared_store, "back") as log:
        with log.operation("table.analyze", "t"):
            with shared_store.begin() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'perf-pipeline:maintenance'"
                    " AND datname = current_database()"
                )
            assert closed_soon(shared_store, "back") == ["t"]
        assert rows(shared_store, "back") == [("table.analyze", "t", "done")]
