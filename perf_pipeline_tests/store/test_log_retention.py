"""The store's logs: what goes when, and what stays because it is still needed."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.platform.defs import LogsConfig, logs
from perf_pipeline.store import Store
from perf_pipeline.store.log_retention import EVIDENCE_DAYS, Keep, prune

NOW = datetime(2026, 11, 22, 3, 20, tzinfo=UTC)
KEEP = Keep()


@pytest.mark.parametrize(
    ("log_days", "evidence_days", "said"),
    [
        (61, EVIDENCE_DAYS, "log_days is 61"),
        (400, EVIDENCE_DAYS - 1, "evidence_days is 2556"),
        (4_000, EVIDENCE_DAYS, "evidence_days is 2557"),
    ],
)
def test_what_is_still_needed_is_not_forgotten(
    log_days: int, evidence_days: int, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Keep(log_days, evidence_days)


def add(
    store: Store, target: str, operation: str, days: float, outcome: str = "done", name: str = "a.b"
) -> None:
    at = NOW - timedelta(days=days)
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO maintenance.maintenance_log"
            " (target, operation, object, started_at, finished_at, outcome)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (target, operation, name, at, None if outcome == "running" else at, outcome),
        )


def left(store: Store, target: str) -> list[tuple[str, int, str]]:
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT operation, started_at, outcome FROM maintenance.maintenance_log"
            " WHERE target = %s ORDER BY operation, started_at DESC",
            (target,),
        ).fetchall()
    return [(operation, (NOW - at).days, outcome) for operation, at, outcome in rows]


@pytest.mark.server
def test_routine_goes_and_the_last_of_each_stays(shared_store: Store) -> None:
    for days in (399, 401, 402, 900):
        add(shared_store, "routine", "view.refresh", days)
    # last done long ago; it has failed since
    add(shared_store, "routine", "index.reindex", 800)
    add(shared_store, "routine", "index.reindex", 700)
    add(shared_store, "routine", "index.reindex", 600, "failed")
    add(shared_store, "routine", "index.reindex", 500, "failed")
    # nobody closed it: it may be at work
    add(shared_store, "routine", "table.analyze", 900, "running")
    add(shared_store, "routine", "table.analyze", 1)
    # of an operation nobody knows, all
    add(shared_store, "routine", "nobody.knows", 900)
    add(shared_store, "routine", "nobody.knows", 1)
    assert prune(shared_store, KEEP, NOW, batch=2)["maintenance_log"] == 5
    assert left(shared_store, "routine") == [
        ("index.reindex", 500, "failed"),
        ("index.reindex", 700, "done"),
        ("nobody.knows", 1, "done"),
        ("nobody.knows", 900, "done"),
        ("table.analyze", 1, "done"),
        ("table.analyze", 900, "running"),
        ("view.refresh", 399, "done"),
    ]
    assert prune(shared_store, KEEP, NOW)["maintenance_log"] == 0


@pytest.mark.server
def test_what_was_taken_away_is_told_for_years_and_while_the_archive_holds_it(
    shared_store: Store,
) -> None:
    for operation in ("rows.delete", "partition.drop"):
        for days in (1, 2_556, 2_558):
            add(shared_store, "evidence", operation, days)
    add(shared_store, "evidence", "partition.drop", 5_000, name="s.held")
    add(shared_store, "evidence", "partition.drop", 5_000, name="s.anew")
    with shared_store.begin() as connection:
        for name, superseded in (("held", None), ("anew", NOW)):
            connection.execute(
                "INSERT INTO maintenance.partition_archive (target, parent, schema_name, name,"
                " relation, bounds, row_count, content_hash, columns, files, bytes, server_clock,"
                " dropped_at, superseded_at)"
                " VALUES ('evidence', 's.p', 's', %s, 1, '', 1, '', '[]', '[]', 1, %s, %s, %s)",
                (name, NOW, NOW, superseded),
            )
    assert prune(shared_store, KEEP, NOW)["maintenance_log"] == 3
    assert left(shared_store, "evidence") == [
        ("partition.drop", 1, "done"),
        ("partition.drop", 2_556, "done"),
        ("partition.drop", 5_000, "done"),
        ("rows.delete", 1, "done"),
        ("rows.delete", 2_556, "done"),
    ]


@pytest.mark.server
def test_looks_and_positions_end_also_of_what_is_no_longer_watched(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    with shared_store.begin() as connection:
        connection.execute(
            "INSERT INTO monitoring.unreached SELECT 'gone', %s - d * interval '1 day', 'away'"
            " FROM unnest(ARRAY[1, 399, 401, 402]) AS d",
            (now,),
        )
        connection.execute(
            "INSERT INTO maintenance.partition_positions"
            " SELECT 'gone', 's.p', %s - d * interval '1 day', 1 FROM unnest(ARRAY[1, 91]) AS d",
            (now,),
        )
        # over, over and not yet told as over, open; told and taken, told and waiting, new
        connection.execute(
            "INSERT INTO monitoring.incidents (incident_id, target, cause, status, level, title,"
            " opened_at, changed_at, resolved_at, told) SELECT c, 'gone', c, s, 'warning', '', at,"
            " at, CASE WHEN s = 'resolved' THEN at END, told::jsonb FROM (VALUES"
            " ('over', 'resolved', 401, '{\"level\": \"ok\"}'), ('lately', 'resolved', 399, '{}'),"
            " ('untold', 'resolved', 401, '{\"level\": \"warning\"}'), ('open', 'open', 900, '{}'))"
            " AS v (c, s, days, told), LATERAL (SELECT %s - days * interval '1 day' AS at) AS w",
            (now,),
        )
        connection.execute(
            "INSERT INTO monitoring.alert_responses (response_key, target, incident_id, policy,"
            " action, mode, state, asked_at) SELECT 'r' || days || s, 'gone', 'over', 'p',"
            " 'analyze', 'live', s, %s - days * interval '1 day' FROM (VALUES (399, 'would_act'),"
            " (401, 'would_act'), (401, 'helped'), (2558, 'done')) AS v (days, s)",
            (now,),
        )
        connection.execute(
            "WITH o AS (INSERT INTO monitoring.alert_outbox (message_key, target, kind, level,"
            " title, body, created_at) SELECT 'm' || d, 'gone', 'opened', 'warning', '', '',"
            " %s - d * interval '1 day' FROM unnest(ARRAY[399, 401]) AS d RETURNING message_id)"
            " INSERT INTO monitoring.alert_deliveries (message_id, channel, due_at)"
            " SELECT message_id, 'ops', %s FROM o",
            (now, now),
        )
        connection.execute(
            "INSERT INTO monitoring.measurements"
            " SELECT 'gone', 'm', '', %s - d * interval '1 day', 1 FROM unnest(ARRAY[1, 63]) AS d",
            (now,),
        )
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    settings.current.cache_clear()
    done = dg.materialize([logs])
    (event,) = done.asset_materializations_for_node("platform__logs")
    figures = {name: value.value for name, value in event.metadata.items()}
    assert (figures["unreached"], figures["partition_positions"]) == (2, 1)
    assert [figures[each] for each in ("incidents", "alert_outbox", "alert_responses")] == [1, 1, 2]
    assert figures["measurements"] == 1
    with shared_store.begin() as connection:
        left = connection.execute("SELECT incident_id FROM monitoring.incidents").fetchall()
    assert sorted(left) == [("lately",), ("open",), ("untold",)]
    config = dg.RunConfig(ops={"platform__logs": LogsConfig(log_days=30)})
    refused = dg.materialize([logs], run_config=config, raise_on_error=False)
    assert not refused.success
