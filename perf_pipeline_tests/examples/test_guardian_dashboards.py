"""guardian's dashboards: many at once equal one by one, looks are counted, slowness is noted."""

import json
import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.components.capture import capture_declared
from perf_pipeline.components.catalog import declared_caches, declared_views, lineage_file
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import guardian, schema
from perf_pipeline.invalidation import defs as invalidation
from perf_pipeline.invalidation import drain
from perf_pipeline.invalidation.figures import Served
from perf_pipeline.store import Store
from perf_pipeline.views import follow_defs, lineage
from perf_pipeline.views.defs import view_definitions
from perf_pipeline.views.schedule_defs import schedules_definitions

pytestmark = pytest.mark.server

NAME = "guardian_dashboards"
#: What differs from one computation to the next of the same facts.
OF_THE_MOMENT = {"cache_updated_at", "cache_version", "cache_generation_time_ms"}
FACTS = {
    "documents": ("title", None, None),
    "patient_medications": ("name", ("active", "stopped", "completed"), None),
    "patient_conditions": ("name", ("active", "chronic", "resolved"), None),
    "patient_allergies": ("substance", ("active", "resolved"), None),
    "patient_lab_results": ("test_name", None, "measured_at"),
    "patient_encounters": ("kind", None, "happened_at"),
    "patient_vitals": (None, None, "measured_at"),
}


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    """Return the URL of a database with the schema and no row."""
    server.ensure_database(NAME)
    schema.apply(server.url(NAME), "guardian")
    yield server.url(NAME)
    server.drop_database(NAME)


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection]:
    """Return a transaction that ends without a trace."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def users(connection: psycopg.Connection, count: int) -> list[uuid.UUID]:
    rows = connection.execute(
        "INSERT INTO auth.users (email) SELECT gen_random_uuid() || '@example.test'"
        " FROM generate_series(1, %s) RETURNING id",
        (count,),
    ).fetchall()
    return [row[0] for row in rows]


def fill(connection: psycopg.Connection, patients: list[uuid.UUID], draw: random.Random) -> None:
    """Give some patients random facts, and relationships of which some lead nowhere."""
    connection.execute("SELECT guardian.enable_bulk_relationship_mode()")
    for table, (name, statuses, clock) in FACTS.items():
        for patient in draw.sample(patients, k=len(patients) * 2 // 3):
            for _ in range(draw.randint(1, 4)):
                values: dict[str, Any] = {
                    "user_id" if table == "documents" else "patient_id": patient,
                    "archived": draw.random() < 0.2,
                }
                if name:
                    values[name] = "x"
                if statuses:
                    values["status"] = draw.choice(statuses)
                if clock:
                    values[clock] = f"2020-01-0{draw.randint(1, 9)}"
                    if draw.random() < 0.5:
                        values[clock] = "now"
                if table in {"patient_conditions", "patient_allergies"}:
                    values["severity"] = draw.choice([None, "mild", "severe", "life_threatening"])
                if table not in {"patient_encounters", "patient_vitals"}:
                    values["requires_review"] = draw.random() < 0.3
                connection.execute(
                    f"INSERT INTO guardian.{table} ({', '.join(values)})"  # type: ignore[call-overload]
                    f" VALUES ({', '.join(['%s'] * len(values))})",
                    list(values.values()),
                )
    for patient in draw.sample(patients, k=len(patients) // 2):
        connection.execute(
            "INSERT INTO guardian.medical_data_relationships (patient_id, relationship_type,"
            " source_table, source_id, target_table, target_id, confidence_score, archived)"
            " VALUES (%s, 'treats', 'patient_medications', gen_random_uuid(),"
            " 'patient_conditions', gen_random_uuid(), %s, %s)",
            (patient, draw.choice([None, 0.5, 0.871]), draw.random() < 0.3),
        )


def kept(connection: psycopg.Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        "SELECT patient_id::text, row_to_json(k)::text FROM guardian.user_dashboard_cache AS k"
    ).fetchall()
    return {row[0]: json.loads(row[1]) for row in rows}


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in OF_THE_MOMENT}


def refresh(connection: psycopg.Connection, *entities: object) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT entity, error FROM guardian.refresh_dashboards(%s)", ([str(e) for e in entities],)
    ).fetchall()


@pytest.mark.parametrize("seed", [1, 3])
def test_many_at_once_equal_one_by_one(db: psycopg.Connection, seed: int) -> None:
    """G-30, G-32, D-095 to D-097, with patients who have nothing and one who is gone."""
    patients = users(db, 16)
    fill(db, patients[:-2], random.Random(seed))
    gone = patients.pop()
    db.execute("DELETE FROM auth.users WHERE id = %s", (gone,))
    assert refresh(db, gone, *patients, patients[0]) == []
    together = kept(db)
    assert set(together) == {str(patient) for patient in patients}
    for patient in patients:
        db.execute("SELECT guardian.refresh_user_dashboard_cache(%s)", (patient,))
    alone = kept(db)
    for patient, row in alone.items():
        assert lasting(row) == lasting(together[patient]), patient
        assert (together[patient]["cache_version"], row["cache_version"]) == (1, 2)
        assert together[patient]["cache_generation_time_ms"] > 0
    # the comparison has something to compare: each column differs between two patients
    told = {key for row in alone.values() for key, value in row.items() if value}
    assert told >= set(next(iter(alone.values()))) - {"cache_hits", "cache_misses"}
    fill(db, patients, random.Random(seed + 100))
    assert refresh(db, *patients) == []
    again = kept(db)
    assert again != together
    for patient in patients:
        db.execute("SELECT guardian.refresh_user_dashboard_cache(%s)", (patient,))
    assert {p: lasting(row) for p, row in kept(db).items()} == {
        p: lasting(row) for p, row in again.items()
    }


def test_what_is_no_patient_costs_only_itself(db: psycopg.Connection) -> None:
    (patient,) = users(db, 1)
    assert refresh(db, "nobody", patient) == [("nobody", "not the id of a patient")]
    assert set(kept(db)) == {str(patient)}
    assert refresh(db) == []


def test_an_older_look_never_replaces_a_newer_one(url: str) -> None:
    """The one who stores last has read last: here a slow refresh meets a change and its refresh."""
    with psycopg.connect(url) as slow, psycopg.connect(url, autocommit=True) as other:
        (patient,) = users(other, 1)
        refresh(other, patient)
        slow.execute(
            "SELECT FROM guardian.user_dashboard_cache WHERE patient_id = %s FOR NO KEY UPDATE",
            (patient,),
        )
        waiting = threading.Thread(target=refresh, args=(other, patient))
        waiting.start()  # it waits for `slow`, before it has read a fact
        with psycopg.connect(url, autocommit=True) as writer:
            while not writer.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %s",
                (other.info.backend_pid,),
            ).fetchall():
                assert waiting.is_alive()
            writer.execute(
                "INSERT INTO guardian.documents (user_id, title) VALUES (%s, 't')", (patient,)
            )
        slow.rollback()
        waiting.join(20)
        assert kept(other)[str(patient)]["total_documents"] == 1


def test_looks_are_counted_and_nobody_waits(db: psycopg.Connection, url: str) -> None:
    read = "SELECT total_documents FROM guardian.read_dashboard(%s)"
    (patient,) = users(db, 1)
    db.execute("INSERT INTO guardian.documents (user_id, title) VALUES (%s, 't')", (patient,))
    for _ in range(3):
        assert db.execute(read, (patient,)).fetchall() == [(1,)]
    assert db.execute(read, (uuid.uuid4(),)).fetchall() == []
    refresh(db)
    row = kept(db)[str(patient)]
    assert (row["cache_hits"], row["cache_misses"]) == (2, 1)
    assert db.execute("SELECT count(*) FROM guardian.dashboard_reads").fetchone() == (0,)


def test_who_may_not_write_reads_all_the_same(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            (patient, other) = users(connection, 2)
        refresh(connection, patient)
        connection.execute("SET default_transaction_read_only = on")
        read = "SELECT cache_version FROM guardian.read_dashboard(%s)"
        assert connection.execute(read, (patient,)).fetchall() == [(1,)]
        assert connection.execute(read, (other,)).fetchall() == []


def test_a_look_at_a_held_dashboard_is_counted_later(url: str) -> None:
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as other:
        (patient,) = users(other, 1)
        refresh(other, patient)
        holder.execute("SELECT FROM guardian.user_dashboard_cache FOR NO KEY UPDATE")
        other.execute("SET lock_timeout = '5s'")  # far less than the holder holds
        other.execute("SELECT FROM guardian.read_dashboard(%s)", (patient,))
        assert other.execute("SELECT guardian.count_dashboard_reads()").fetchone() == (0,)
        holder.rollback()
        counted = other.execute("SELECT guardian.count_dashboard_reads()").fetchone()
        assert counted is not None
        assert counted[0] >= 1
        assert kept(other)[str(patient)]["cache_hits"] == 1


def test_a_slow_refresh_is_noted(db: psycopg.Connection) -> None:
    """G-31: more than 2 s, here a hundredth of it, leave an entry of the audit."""
    patients = users(db, 2)
    assert refresh(db, *patients) == []
    noted = "SELECT reason, record_id FROM guardian.audit_log WHERE operation = 'SLOW_REFRESH'"
    assert db.execute(noted).fetchall() == []
    db.execute("SET LOCAL guardian.slow_refresh_ms = '20'")
    db.execute("ALTER TABLE guardian.documents RENAME TO documents_kept")
    db.execute(
        "CREATE VIEW guardian.documents AS SELECT d.* FROM guardian.documents_kept AS d"
        " CROSS JOIN (SELECT pg_sleep(0.05) OFFSET 0) AS slow"
    )
    assert refresh(db, *patients) == []
    ((reason, record),) = db.execute(noted).fetchall()
    assert reason.endswith(" ms for 2 dashboards")
    assert record is None


# --- as a whole: captured, queued, refreshed -------------------------------------------------


@pytest.fixture
def captured(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Return a session of an application on a database that captures as declared."""
    monkeypatch.setenv("GUARDIAN_URL", url)
    capture_declared("guardian", url)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def worked() -> Served:
    target, caches = declared_caches("guardian")
    (cache,) = caches
    drained = drain.drain(target, [replace(cache, debounce_s=0.0)])
    assert drained.down == ()
    return drained.served[0]


def test_a_change_is_captured_queued_and_shown(captured: psycopg.Connection) -> None:
    """D-093 to D-099: the whole chain, from a write to what is shown."""
    first, second = users(captured, 2)
    captured.execute(
        "INSERT INTO guardian.patient_medications (patient_id, name)"
        " SELECT %s, 'm' || n FROM generate_series(1, 9) AS n",
        (first,),
    )
    captured.execute(
        "UPDATE guardian.patient_medications SET patient_id = %s WHERE name = 'm1'", (second,)
    )
    worked()
    rows = kept(captured)
    assert rows[str(first)]["active_medications"] == 8
    assert rows[str(second)]["active_medications"] == 1
    waits = "SELECT count(*) FROM guardian.cache_invalidation_queue"
    assert captured.execute(waits).fetchone() == (0,)
    # everybody: an emptied table concerns whoever has a dashboard
    captured.execute("TRUNCATE guardian.patient_medications")
    served = worked()
    assert served.refreshed == 1 + len(kept(captured))
    assert {row["active_medications"] for row in kept(captured).values()} == {0}
    # a patient who is gone while he waits is no error
    captured.execute("INSERT INTO guardian.documents (user_id, title) VALUES (%s, 't')", (first,))
    captured.execute("DELETE FROM guardian.documents")
    captured.execute("DELETE FROM auth.users WHERE id = %s", (first,))
    assert worked().failed == 0
    assert str(first) not in kept(captured)


def test_dashboards_that_were_served_lead_to_their_view_and_its_report(
    captured: psycopg.Connection,
    shared_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Queue drained, then the view, only then its report: each by what Dagster is asked for."""
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    settings.current.cache_clear()
    target, caches = declared_caches("guardian")
    caches = tuple(replace(each, debounce_s=0.0) for each in caches)
    _, policies = declared_views("guardian")
    made = invalidation.made_tables(target, caches)
    written = lineage.load(lineage_file("guardian"))
    definitions = dg.Definitions.merge(
        view_definitions(target, policies, written, made),
        invalidation.target_definitions(target, caches, written.kinds if written else ()),
        invalidation.fleet_definitions([(target, caches)]),
        schedules_definitions([(target, policies)]),
    )
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(follow_defs.NAME)
    cursor: str | None = None

    def asked(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        nonlocal cursor
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository
        ) as context:
            found = sensor.evaluate_tick(context)
            cursor = found.cursor
            return list(found.run_requests or [])

    def run(
        job: str, instance: dg.DagsterInstance, **more: Any
    ) -> dict[str, dg.AssetMaterialization]:
        done = definitions.resolve_job_def(job).execute_in_process(instance=instance, **more)
        return {
            each.asset_key.path[-1]: each.materialization
            for each in done.get_asset_materialization_events()
        }

    drained = {"ops": {"cached_values": {"config": {"idle_s": 0.0}}}}
    (patient,) = users(captured, 1)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        captured.execute(
            "INSERT INTO guardian.documents (user_id, title, requires_review)"
            " VALUES (%s, 't', true)",
            (patient,),
        )
        assert asked(instance) == []
        assert "dashboard" in run("cache_invalidation", instance, run_config=drained)
        (request,) = asked(instance)
        assert request.job_name == "refresh_guardian"
        assert [key.path[-2] for key in request.asset_selection or ()] == ["matview", "report"]
        events = run("refresh_guardian", instance, asset_selection=request.asset_selection)
        assert events["dashboards_by_shard"].asset_key.path[1] == "report"
        shown = events["dashboards_by_shard"].metadata["rows"].value.records  # type: ignore[union-attr]
        (row,) = (
            each.data for each in shown if each.data["shard_id"] == guardian.user_shard(patient)
        )
        assert row["pending_reviews"] == 1
        # what is asked for is asked for once; a drain that served nothing leads to nothing
        assert asked(instance) == []
        assert set(run("cache_invalidation", instance, run_config=drained)) == {
            "invalidation_queue"
        }
        assert asked(instance) == []


def test_an_application_writes_while_dashboards_are_refreshed(
    captured: psycopg.Connection, url: str
) -> None:
    """D-103: the batch is as good as done and not committed; a write to its patient is."""
    (patient, first) = users(captured, 2)
    refresh(captured, patient)
    with psycopg.connect(url) as worker:
        refresh(worker, patient, first)
        captured.execute("SET lock_timeout = '1ms'")
        for table in ("patient_medications", "patient_conditions"):
            captured.execute(
                f"INSERT INTO guardian.{table} (patient_id, name) VALUES (%s, 'm')",  # type: ignore[call-overload]
                (patient,),
            )
        captured.execute("UPDATE auth.users SET created_at = now()")
        captured.execute("SELECT FROM guardian.read_dashboard(%s)", (patient,))
