"""What the functions, views and indexes of guardian do, on every version."""

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from perf_pipeline.components.catalog import declared_caches
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import guardian, schema
from perf_pipeline.invalidation import install, queue
from perf_pipeline.postgres import sqlfiles

pytestmark = pytest.mark.server

NAME = "guardian_empty"


@pytest.fixture(scope="module")
def empty_url(each_server: EmbeddedServer) -> Iterator[str]:
    """Return the URL of a database with the schema and no row."""
    each_server.ensure_database(NAME)
    schema.apply(each_server.url(NAME), "guardian")
    with psycopg.connect(each_server.url(NAME), autocommit=True) as connection:
        install.install(connection, "guardian", declared_caches("guardian")[1])
        queue.fold(connection)  # whatever begins to be captured asks for everybody
        connection.execute("TRUNCATE perf_pipeline_meta.invalidation_queue")
    yield each_server.url(NAME)
    each_server.drop_database(NAME)


@pytest.fixture
def db(empty_url: str) -> Iterator[psycopg.Connection]:
    """Return a transaction that ends without a trace."""
    with psycopg.connect(empty_url) as connection:
        connection.execute("SET timezone = 'America/New_York'")  # nothing may depend on it
        yield connection
        connection.rollback()


def one(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return row[0] if len(row) == 1 else row


def user(connection: psycopg.Connection) -> uuid.UUID:
    made: uuid.UUID = one(
        connection,
        "INSERT INTO auth.users (email) VALUES (gen_random_uuid() || '@example.test') RETURNING id",
    )
    return made


def fact(connection: psycopg.Connection, table: str, patient: uuid.UUID, **more: Any) -> uuid.UUID:
    columns = {"patient_id": patient, "name": "x", **more}
    made: uuid.UUID = one(
        connection,
        f"INSERT INTO guardian.{table} ({', '.join(columns)})"
        f" VALUES ({', '.join(['%s'] * len(columns))}) RETURNING id",
        *columns.values(),
    )
    return made


# --- rows that no index may refuse ----------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4], ids=["of one byte", "of four bytes"])
def test_a_document_of_any_length_can_be_stored_and_found(
    make_database: Callable[..., str], size: int
) -> None:
    draw = random.Random(7)
    letters = [chr(n) for n in (range(97, 123) if size == 1 else range(0x20000, 0x27000))]
    words = {"".join(draw.choices(letters, k=6 if size == 1 else 2)) for _ in range(150_000)}
    url = make_database()
    schema.apply(url, "guardian")
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO guardian.documents (user_id, title, content) VALUES (%s, 't', %s)",
            (user(connection), f"migraine {' '.join(words)}"),
        )
        found = (
            "SELECT count(*) FROM guardian.documents"
            " WHERE content_vector @@ to_tsquery('english', %s)"
        )
        assert one(connection, found, "migraines") == 1
        assert one(connection, found, "nothing") == 0
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):  # as a whole it does not fit
            connection.execute("SELECT to_tsvector('english', content) FROM guardian.documents")


def test_places_in_documents_are_found_by_what_they_touch(db: psycopg.Connection) -> None:
    document = one(
        db,
        "INSERT INTO guardian.documents (user_id, title) VALUES (%s, 't') RETURNING id",
        user(db),
    )
    for corner in range(0, 100, 10):
        db.execute(
            "INSERT INTO guardian.clinical_fact_sources"
            " (document_id, source_table, source_id, page, bounding_box)"
            " VALUES (%s, 'patient_medications', gen_random_uuid(), 1,"
            " box(point(%s, 0), point(%s, 5)))",
            (document, corner, corner + 5),
        )
    touching = "SELECT count(*) FROM guardian.clinical_fact_sources WHERE bounding_box && %s::box"
    assert one(db, touching, "(12,1),(22,2)") == 2


# --- partitions -----------------------------------------------------------------------------


def test_a_change_is_in_the_month_of_its_utc_day(db: psycopg.Connection) -> None:
    insert = (
        "INSERT INTO guardian.audit_log (table_name, operation, changed_at, audit_date)"
        " VALUES ('t', 'UPDATE', %s, %s) RETURNING tableoid::regclass::text"
    )
    # 20:00 in New York is the next day, and month, in UTC
    assert one(db, insert, "2025-01-31T20:00-05", "2025-02-01") == "guardian.audit_log_2025_02"
    assert one(db, insert, "2017-06-01Z", "2017-06-01") == "guardian.audit_log_default"
    with pytest.raises(psycopg.errors.CheckViolation):
        one(db, insert, "2025-01-31T20:00-05", "2025-01-31")


@pytest.mark.parametrize(
    ("table", "column", "ahead"),
    [("audit_log", "audit_date", 3), ("document_processing_stages", "processing_date", 2)],
)
def test_the_months_to_come_have_a_partition(
    db: psycopg.Connection, table: str, column: str, ahead: int
) -> None:
    names = {
        row[0]
        for row in db.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            (f"guardian.{table}",),
        )
    }
    wanted = {
        one(
            db,
            "SELECT to_char((now() AT TIME ZONE 'UTC') + make_interval(months => %s), 'YYYY_MM')",
            month,
        )
        for month in range(ahead + 1)
    }
    assert {f"guardian.{table}_{month}" for month in {*wanted, "2025_01", "default"}} <= names


def test_a_month_of_the_past_can_be_made(db: psycopg.Connection) -> None:
    made = one(
        db, "SELECT guardian.create_monthly_partition('guardian.audit_log', '2019-11-30')::text"
    )
    assert made == "guardian.audit_log_2019_11"
    found = one(
        db,
        "SELECT count(*) FROM pg_index WHERE indrelid = 'guardian.audit_log_2019_11'::regclass",
    )
    assert found == 2  # the key and the index of records


# --- orphans --------------------------------------------------------------------------------

MEDICATIONS, CONDITIONS = "patient_medications", "patient_conditions"


def link(
    connection: psycopg.Connection,
    patient: uuid.UUID,
    source: tuple[str, uuid.UUID],
    target: tuple[str, uuid.UUID],
    kind: str = "treats",
    days: int = 0,
) -> uuid.UUID:
    made: uuid.UUID = one(
        connection,
        "INSERT INTO guardian.medical_data_relationships (patient_id, relationship_type,"
        " source_table, source_id, target_table, target_id, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, now() - make_interval(days => %s)) RETURNING id",
        patient, kind, *source, *target, days,
    )  # fmt: skip
    return made


def orphans(connection: psycopg.Connection) -> dict[uuid.UUID, tuple[str, str, str]]:
    rows = connection.execute(
        "SELECT relationship_id, orphan_type, source_state, target_state"
        " FROM guardian.detect_orphaned_relationships()"
    ).fetchall()
    assert len({row[0] for row in rows}) == len(rows)  # each once, both ends missing too
    return {row[0]: row[1:] for row in rows}


def test_each_relationship_is_told_once_and_by_what_is_wrong(db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO guardian.relationship_types VALUES"
        " ('treats', '{patient_medications}', '{patient_conditions}', true),"
        " ('caused', '{patient_medications}', '{patient_conditions}', false)"
    )
    db.execute("CREATE TABLE guardian.odd (number integer)")
    db.execute("SELECT guardian.enable_bulk_relationship_mode()")  # else they are refused
    patient = user(db)
    drug = (MEDICATIONS, fact(db, MEDICATIONS, patient))
    illness = (CONDITIONS, fact(db, CONDITIONS, patient))
    put_away = (CONDITIONS, fact(db, CONDITIONS, patient, archived=True))
    gone = uuid.uuid4()
    whole = link(db, patient, drug, illness)
    there = "present"
    wanted = {
        link(db, patient, (MEDICATIONS, gone), illness): ("missing_source", "missing", there),
        link(db, patient, drug, (CONDITIONS, gone)): ("missing_target", there, "missing"),
        link(db, patient, (MEDICATIONS, gone), (CONDITIONS, gone)): (
            "missing_both", "missing", "missing",
        ),
        link(db, patient, drug, put_away): ("archived_parent", there, "archived"),
        link(db, patient, drug, illness, "invented"): ("undeclared_type", there, there),
        link(db, patient, drug, illness, "caused"): ("inactive_type", there, there),
        link(db, patient, illness, drug): ("unlisted_table", there, there),
        link(db, patient, drug, ("no_such_table", gone)): ("unknown_table", there, "unknown table"),
        link(db, patient, drug, ("odd", gone)): ("unknown_table", there, "unknown table"),
        link(db, patient, drug, ("a.b.c.d; DROP", gone)): ("unknown_table", there, "unknown table"),
        # a name with its schema, of a table without the column archived
        link(db, patient, drug, ("auth.users", patient)): ("unlisted_table", there, there),
    }  # fmt: skip
    found = orphans(db)
    assert found == wanted
    assert whole not in found
    db.execute("UPDATE guardian.medical_data_relationships SET archived = true")
    assert orphans(db) == {}


def test_the_summary_is_refreshed_though_two_kinds_share_a_path(
    each_server: EmbeddedServer,
) -> None:
    name = "guardian_summary"
    each_server.ensure_database(name, NAME)
    with psycopg.connect(each_server.url(name), autocommit=True) as connection:
        patient = user(connection)
        ends = (MEDICATIONS, uuid.uuid4()), (CONDITIONS, uuid.uuid4())
        with connection.transaction():
            connection.execute("SELECT guardian.enable_bulk_relationship_mode()")
            for kind, days in (("treats", 1), ("treats", 10), ("caused", 40)):
                link(connection, patient, *ends, kind, days)
            assert one(connection, "SELECT guardian.disable_bulk_relationship_mode()") == 3
        connection.execute(
            "REFRESH MATERIALIZED VIEW CONCURRENTLY guardian.orphaned_relationships_summary"
        )
        rows = connection.execute(
            "SELECT relationship_type, orphans, newest_age_days, oldest_age_days, avg_age_days,"
            " older_than_30_days, older_than_7_days FROM guardian.orphaned_relationships_summary"
            " WHERE relationship_path = 'patient_medications -> patient_conditions'"
            " AND orphan_type = 'missing_both' ORDER BY 1"
        ).fetchall()
        refresh = "REFRESH MATERIALIZED VIEW CONCURRENTLY guardian.data_quality_metrics"
        connection.execute(refresh)
        fact(connection, MEDICATIONS, patient, confidence_score=0.5, requires_review=True)
        fact(connection, MEDICATIONS, patient, confidence_score=0.9, archived=True)
        connection.execute(refresh)
        quality = one(
            connection,
            "SELECT total_records, pending_review, low_confidence, avg_confidence, archived_records"
            " FROM guardian.data_quality_metrics WHERE table_name = 'patient_medications'",
        )
    each_server.drop_database(name)
    assert [(row[0], *map(float, row[1:])) for row in rows] == [
        ("caused", 1, 40, 40, 40, 1, 1),
        ("treats", 2, 1, 10, 5.5, 0, 1),
    ]
    assert tuple(map(float, quality)) == (2, 1, 1, 0.7, 1)


# --- shards, the pool, the system -----------------------------------------------------------


def test_users_are_on_ten_shards_by_a_digest_anybody_can_compute(db: psycopg.Connection) -> None:
    draw = random.Random(3)
    users = [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(10_000)]
    rows = db.execute(
        "SELECT u, guardian.calculate_user_shard(u::uuid) FROM unnest(%s::text[]) AS u", (users,)
    ).fetchall()
    ours = [guardian.user_shard(uuid.UUID(u)) for u in users]
    assert [shard for _, shard in rows] == ours
    assert set(ours) == set(range(1, 11))
    assert max(ours.count(shard) for shard in range(1, 11)) < 1.1 * 1000


def test_a_shard_with_more_than_its_share_is_told(db: psycopg.Connection) -> None:
    by_shard: dict[int, list[uuid.UUID]] = {1: [], 2: [], 3: []}
    for number in range(400):
        candidate = uuid.UUID(int=number)
        shard = one(db, "SELECT guardian.calculate_user_shard(%s)", candidate)
        if shard in by_shard and len(by_shard[shard]) < {1: 8, 2: 2, 3: 2}[shard]:
            by_shard[shard].append(candidate)
    for member in (member for members in by_shard.values() for member in members):
        db.execute("INSERT INTO auth.users (id, email) VALUES (%s, %s)", (member, str(member)))
    fact(db, MEDICATIONS, by_shard[2][0])
    db.execute(
        "INSERT INTO guardian.user_dashboard_cache (patient_id, cache_generation_time_ms)"
        " VALUES (%s, 1500)",
        (by_shard[1][0],),
    )
    rows = db.execute(
        "SELECT shard_id, users, estimated_mb, performance_score, imbalance"
        " FROM guardian.analyze_shard_balance()"
    ).fetchall()
    assert [(row[0], row[1], float(row[2]), *row[3:]) for row in rows] == [
        (1, 8, 0.0, 80, "HIGH"),
        (2, 2, 0.1, None, "LOW"),
        (3, 2, 0.0, None, "LOW"),
    ]


def test_clients_of_every_database_and_state_are_counted(
    db: psycopg.Connection, each_server: EmbeddedServer
) -> None:
    def seen() -> dict[str, int]:
        db.execute("SELECT pg_stat_clear_snapshot()")
        rows = db.execute("SELECT * FROM guardian.check_connection_pool_health()").fetchall()
        assert {row[3:] for row in rows} == {("OK", None)}
        return {row[0]: row[1] for row in rows}

    # what another test left may end while we look: until the count is the same twice
    before = seen()
    while (again := seen()) != before:
        before = again
    with psycopg.connect(each_server.url("postgres"), application_name="elsewhere") as other:
        other.execute("SELECT 1")  # idle in a transaction, of another database
        after = seen()
        told = one(
            db,
            "SELECT state, connections FROM guardian.connection_pool_metrics"
            " WHERE application_name = 'elsewhere'",
        )
    assert told == ("idle in transaction", 1)
    assert after["total"] >= before["total"] + 1
    assert after["idle"] >= before["idle"] + 1


@pytest.mark.parametrize(
    ("slots", "told"),
    [
        (10_000, {"active": "OK", "idle": "OK", "total": "OK"}),
        (1, {"active": "OK", "idle": "WARNING", "total": "CRITICAL"}),
    ],
)
def test_a_server_that_fills_up_is_told_with_advice(
    db: psycopg.Connection, each_server: EmbeddedServer, slots: int, told: dict[str, str]
) -> None:
    # the function with another number of slots for each client there is
    text = sqlfiles.load("guardian/schema/311_check_connection_pool_health").text
    most = "current_setting('max_connections')::integer"
    assert most in text
    db.execute(text.replace(most, f"({slots} * count(*))::integer"))  # type: ignore[call-overload]
    url = each_server.url("postgres")
    with psycopg.connect(url), psycopg.connect(url), psycopg.connect(url):  # idle, all three
        rows = db.execute(
            "SELECT metric_name, status, advice FROM guardian.check_connection_pool_health()"
        ).fetchall()
    assert {name: status for name, status, _ in rows} == told
    assert all((advice is None) == (status == "OK") for _, status, advice in rows)


def test_the_system_tells_size_activity_and_cache(db: psycopg.Connection) -> None:
    found = dict(
        db.execute("SELECT metric_name, metric_value FROM guardian.system_performance_metrics")
    )
    assert set(found) == {"database_size", "active_connections", "cache_hit_ratio"}
    assert found["database_size"] > 1_000_000
    assert found["active_connections"] >= 1


def test_a_summary_and_a_queue_entry_say_what_they_do_not_know(db: psycopg.Connection) -> None:
    patient = user(db)
    db.execute("SELECT perf_pipeline_meta.invalidate('dashboard', %s, 'r')", (str(patient),))
    entry = "SELECT patient_id, cache_type, reason, generation > 0, attempts, last_error"
    entry += " FROM guardian.cache_invalidation_queue"
    assert one(db, entry) == (patient, "dashboard", "r", None, 0, None)  # in the log alone
    queue.fold(db)
    assert one(db, entry) == (patient, "dashboard", "r", True, 0, None)
    for entity in (None, "nobody"):  # everybody, and what is no patient
        db.execute("SELECT perf_pipeline_meta.invalidate('dashboard', %s)", (entity,))
    found = "SELECT count(*) FROM guardian.cache_invalidation_queue WHERE patient_id IS NULL"
    assert one(db, found) == 2
    cache = one(
        db,
        "INSERT INTO guardian.user_dashboard_cache (patient_id, cache_generation_time_ms)"
        " VALUES (%s, 12.5) RETURNING row_to_json(user_dashboard_cache)::text",
        patient,
    )
    said = json.loads(cache)
    assert said["cache_version"] == 1
    assert {key for key, value in said.items() if value is None} == {
        "avg_confidence",
        *(f"last_{what}_at" for what in ("medication", "condition", "lab", "encounter", "vitals")),
    }


# --- what a dashboard shows, and what makes it out of date ------------------------------------


def queued(connection: psycopg.Connection) -> dict[str, tuple[str, int]]:
    queue.fold(connection)
    rows = connection.execute(
        "SELECT entity, reason, changes FROM perf_pipeline_meta.invalidation_queue"
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_whoever_a_statement_concerns_is_queued_once(db: psycopg.Connection) -> None:
    one_of, other = user(db), user(db)
    db.execute(
        "INSERT INTO guardian.patient_medications (patient_id, name)"
        " SELECT %s, 'm' || n FROM generate_series(1, 500) AS n",
        (one_of,),
    )
    assert queued(db) == {str(one_of): ("patient_medications_change", 1)}  # not 500 times
    since = "SELECT queued_at, last_changed_at FROM guardian.cache_invalidation_queue"
    since += " WHERE patient_id = %s"
    first, _ = one(db, since, one_of)
    db.execute(  # a row that moves concerns both
        "UPDATE guardian.patient_medications SET patient_id = %s WHERE name = 'm1'", (other,)
    )
    assert queued(db) == {
        str(one_of): ("patient_medications_change", 2),
        str(other): ("patient_medications_change", 1),
    }
    again, changed = one(db, since, one_of)
    assert (again, changed > first) == (first, True)  # D-104
    db.execute("DELETE FROM guardian.patient_medications WHERE patient_id = %s", (other,))
    assert queued(db)[str(other)] == ("patient_medications_change", 2)
    db.execute("INSERT INTO guardian.documents (user_id, title) VALUES (%s, 't')", (other,))
    assert queued(db)[str(other)] == ("documents_change", 3)


def test_every_table_a_dashboard_shows_queues(db: psycopg.Connection) -> None:
    (cache,) = declared_caches("guardian")[1]
    captured = {each.table.removeprefix("guardian.") for each in cache.captured}
    for function in ("refresh_user_dashboard_cache", "dashboards_now"):
        text = one(db, "SELECT prosrc FROM pg_proc WHERE proname = %s", function)
        shown = set(re.findall(r"FROM guardian\.(\w+)", text)) - {"user_dashboard_cache"}
        assert captured == shown
    for table in sorted(captured):
        db.execute("DELETE FROM perf_pipeline_meta.invalidation_queue")
        db.execute(f"TRUNCATE guardian.{table} CASCADE")  # type: ignore[call-overload]
        assert queued(db)["*"][0] == f"{table}_change"


def test_a_queue_that_was_a_table_is_taken_over(make_database: Callable[..., str]) -> None:
    """An earlier release's table, with what waits in it and the triggers that write it."""
    url = make_database()
    waits = uuid.uuid4()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE SCHEMA guardian;"
            " CREATE TABLE guardian.cache_invalidation_queue (patient_id uuid, cache_type text"
            " DEFAULT 'dashboard', reason text, queued_at timestamptz);"
            " CREATE TABLE guardian.other (id uuid);"
            " CREATE FUNCTION guardian.queue_dashboard_cache_invalidation() RETURNS trigger"
            " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            " CREATE TRIGGER dashboard_other_insert AFTER INSERT ON guardian.other"
            " EXECUTE FUNCTION guardian.queue_dashboard_cache_invalidation()"
        )
        connection.execute(
            "INSERT INTO guardian.cache_invalidation_queue VALUES (%s, DEFAULT, 'r')", (waits,)
        )
    schema.apply(url, "guardian")
    with psycopg.connect(url) as connection:
        entry = one(connection, "SELECT patient_id, reason FROM guardian.cache_invalidation_queue")
        assert entry == (waits, "r")
        left = "SELECT count(*) FROM pg_trigger WHERE tgname = 'dashboard_other_insert'"
        assert one(connection, left) == 0
        before = "SELECT to_regclass('guardian.cache_invalidation_queue_before') IS NULL"
        assert one(connection, before)


def test_a_dashboard_counts_the_patients_own(db: psycopg.Connection) -> None:
    """D-095 to D-097: a severity that is unknown, others' relationships, every column filled."""
    patient, other = user(db), user(db)
    db.execute("SELECT guardian.enable_bulk_relationship_mode()")
    for name, status in (("a", "active"), ("b", "stopped"), ("c", "active")):
        fact(db, MEDICATIONS, patient, name=name, status=status, requires_review=name == "a")
    fact(db, MEDICATIONS, patient, archived=True)
    fact(db, CONDITIONS, patient, status="chronic")
    fact(db, CONDITIONS, patient, severity="severe")
    db.execute(
        "INSERT INTO guardian.patient_allergies (patient_id, substance, severity) VALUES"
        " (%(p)s, 'nuts', 'life_threatening'), (%(p)s, 'dust', 'mild')",
        {"p": patient},
    )
    for table, column in (("encounters", "happened_at"), ("vitals", "measured_at")):
        kind = ("kind, ", "'visit', ") if table == "encounters" else ("", "")
        db.execute(
            f"INSERT INTO guardian.patient_{table} (patient_id, {kind[0]}{column})"  # type: ignore[call-overload]
            f" SELECT %s, {kind[1]}now() - d * interval '80 days' FROM generate_series(0, 3) AS d",
            (patient,),
        )
    gone = uuid.uuid4()
    link(db, patient, (MEDICATIONS, gone), (CONDITIONS, gone))
    link(db, other, (MEDICATIONS, gone), (CONDITIONS, gone))
    for version in (1, 2):
        assert one(db, "SELECT guardian.refresh_user_dashboard_cache(%s)", patient) >= 0
        row = one(
            db,
            "SELECT active_medications, active_conditions, chronic_conditions, active_allergies,"
            " critical_allergies, recent_encounters, recent_vitals, pending_reviews,"
            " total_relationships, cache_version, summary_data FROM guardian.user_dashboard_cache"
            " WHERE patient_id = %s AND last_vitals_at IS NOT NULL",
            patient,
        )
        assert row == (2, 1, 1, 2, 1, 2, 2, 1, 1, version, {
            "medication_statuses": {"active": 2, "stopped": 1},
            "condition_severities": {"unknown": 1, "severe": 1},
        })  # fmt: skip
    assert one(db, "SELECT guardian.refresh_user_dashboard_cache(%s)", gone) is None


# --- relationships are validated, but in bulk mode --------------------------------------------


def test_a_relationship_that_leads_nowhere_is_refused(db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO guardian.relationship_types VALUES"
        " ('treats', '{patient_medications}', '{patient_conditions}', true),"
        " ('caused', '{patient_medications}', '{patient_conditions}', false)"
    )
    patient = user(db)
    drug = (MEDICATIONS, fact(db, MEDICATIONS, patient))
    illness = (CONDITIONS, fact(db, CONDITIONS, patient))
    gone = (CONDITIONS, uuid.uuid4())
    wrong: list[tuple[Any, Any, str, str]] = [
        (drug, gone, "treats", "an end of it is missing"),
        (gone, illness, "treats", "does not lead between these tables"),
        (drug, illness, "caused", "not in use"),
        (drug, illness, "invented", "not declared"),
    ]
    for source, target, kind, said in wrong:
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match=said), db.transaction():
            link(db, patient, source, target, kind)
    made = link(db, patient, drug, illness)
    change = "UPDATE guardian.medical_data_relationships SET {} WHERE id = %s"
    with pytest.raises(psycopg.errors.ForeignKeyViolation), db.transaction():
        db.execute(change.format("target_id = gen_random_uuid()"), (made,))  # type: ignore[arg-type]
    db.execute("DELETE FROM guardian.patient_conditions")
    db.execute(change.format("confidence_score = 0.5"), (made,))  # type: ignore[arg-type]
    db.execute(change.format("archived = true"), (made,))  # type: ignore[arg-type]


def test_bulk_mode_ends_with_a_count_and_an_entry(db: psycopg.Connection) -> None:
    patient, gone = user(db), uuid.uuid4()
    before = one(db, "SELECT count(*) FROM guardian.detect_orphaned_relationships()")
    db.execute("SELECT guardian.enable_bulk_relationship_mode()")
    link(db, patient, (MEDICATIONS, gone), (CONDITIONS, gone), "invented")
    end = "SELECT guardian.disable_bulk_relationship_mode(%s, %s)"
    assert one(db, end, "import", 1) == before + 1
    reason = one(db, "SELECT reason FROM guardian.audit_log WHERE operation = 'BULK_COMPLETE'")
    assert re.fullmatch(rf"import: 1 records, [\d.]+ s, {before + 1} orphans by \w+", reason)
    for statement, wrong in (
        (end, psycopg.errors.ObjectNotInPrerequisiteState),
        ("INSERT INTO guardian.medical_data_relationships (patient_id, relationship_type,"
         " source_table, source_id, target_table, target_id)"
         " SELECT u.id, 'invented', 'a', u.id, 'b', u.id FROM auth.users AS u"
         " WHERE %s <> '' AND %s = 1 LIMIT 1", psycopg.errors.ForeignKeyViolation),
    ):  # fmt: skip
        with pytest.raises(wrong), db.transaction():
            one(db, statement, "import", 1)


def test_bulk_mode_is_for_who_may_and_cannot_be_left_open(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("SELECT guardian.enable_bulk_relationship_mode()")
        with pytest.raises(psycopg.errors.InvalidTransactionTermination, match="not ended"):
            connection.commit()
        connection.rollback()
        assert one(connection, "SELECT count(*) FROM guardian.bulk_operations") == 0
        connection.execute("CREATE ROLE guardian_loader")
        connection.execute("GRANT USAGE ON SCHEMA guardian TO guardian_loader")
        connection.execute("SET ROLE guardian_loader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="enable_bulk"):
            connection.execute("SELECT guardian.enable_bulk_relationship_mode()")
        connection.rollback()


# --- what is well, and what is not --------------------------------------------------------------


def health(connection: psycopg.Connection) -> dict[str, tuple[dict[str, Any], str]]:
    rows = connection.execute("SELECT * FROM guardian.performance_dashboard_metrics").fetchall()
    return {category: (metrics, status) for category, metrics, status in rows}


def test_categories_of_health_have_their_limits(db: psycopg.Connection) -> None:
    """D-091 and D-092: no data is not well, and the oldest entry is the first."""
    assert health(db)["cache_performance"][1] == "NO_DATA"
    assert health(db)["queue_performance"] == (
        {"pending": 0, "oldest_seconds": None, "affected_users": 0}, "OK",
    )  # fmt: skip
    insert = (
        "INSERT INTO perf_pipeline_meta.invalidation_queue"
        " (cache_type, entity, generation, first_queued_at, last_queued_at)"
        " SELECT 'dashboard', gen_random_uuid(), 1, now() - make_interval(hours => %s), now()"
        " FROM generate_series(1, %s)"
    )
    for hours, number, status in ((2, 500, "OK"), (0, 1, "WARNING"), (0, 500, "CRITICAL")):
        db.execute(insert, (hours, number))
        assert health(db)["queue_performance"][1] == status
    assert health(db)["queue_performance"][0]["oldest_seconds"] >= 7200
    for number, ms, status in ((1, 1_900, "OK"), (1, 2_500, "WARNING"), (9, 10, "OK")):
        for _ in range(number):
            db.execute(
                "INSERT INTO guardian.user_dashboard_cache"
                " (patient_id, cache_generation_time_ms, cache_hits, cache_misses)"
                " VALUES (%s, %s, 3, 1)",
                (user(db), ms),
            )
        assert health(db)["cache_performance"][1] == status
    assert health(db)["cache_performance"][0]["hit_percent"] == 75
    connections = health(db)["connection_metrics"][0]
    assert connections["active"] >= 1
    assert connections["longest_transaction_seconds"] >= 0
    # the queue is critical: so is the whole
    row = one(
        db,
        "SELECT service_name, pending_invalidations, health FROM guardian.apm_metrics_export",
    )
    assert row == ("guardian_database", 1001, "CRITICAL")
    told = one(db, "SELECT guardian.export_performance_metrics_json()")
    assert told["service"] == "guardian-database"
    assert {"category": "queue_performance", "severity": "CRITICAL"} in told["alerts"]
    assert set(told["metrics"]) == set(health(db))


def test_resources_are_told_in_one_unit(db: psycopg.Connection) -> None:
    """D-126: buffers were in use to 273,100 %, files without a limit to a negative share."""
    rows = db.execute(
        "SELECT resource_type, current_usage, capacity, utilization_percent"
        " FROM guardian.system_resource_metrics"
    ).fetchall()
    found = {name: rest for name, *rest in rows}
    assert set(found) == {"connections", "shared_buffers", "temporary_files"}
    used, most, percent = found["connections"]
    assert 1 <= used <= most
    assert float(percent) == pytest.approx(100 * used / most, abs=0.06)
    buffers = one(
        db, "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
    )
    assert found["shared_buffers"] == [None, buffers, None]
    assert found["temporary_files"][1:] == [None, None]
    advice = dict(
        db.execute(
            "SELECT resource_type, priority FROM guardian.generate_scaling_recommendations()"
        ).fetchall()
    )
    assert advice == {
        "connections": "LOW",
        "shared_buffers": "UNKNOWN",
        "temporary_files": "UNKNOWN",
    }
    db.execute("SET LOCAL temp_file_limit = '1MB'")
    assert one(
        db,
        "SELECT capacity FROM guardian.system_resource_metrics"
        " WHERE resource_type = 'temporary_files'",
    ) == 1_048_576  # fmt: skip
    db.execute("CREATE ROLE guardian_looker")
    db.execute("GRANT USAGE ON SCHEMA guardian TO guardian_looker")
    db.execute("SET LOCAL ROLE guardian_looker")
    assert one(db, "SELECT guardian.temporary_bytes()") is None


@pytest.mark.parametrize(
    ("percent", "priority", "days"),
    [(95, "CRITICAL", 1), (85, "HIGH", 7), (75, "MEDIUM", 30), (70, "LOW", None)],
)
def test_more_is_the_more_urgent_the_less_is_left(
    db: psycopg.Connection, percent: int, priority: str, days: int | None
) -> None:
    view = (
        "CREATE OR REPLACE VIEW guardian.system_resource_metrics AS SELECT 'connections' AS"
        " resource_type, 1::bigint AS current_usage, 1::bigint AS capacity, 'c' AS unit,"
        f" {percent}::numeric AS utilization_percent"
    )
    db.execute(view)  # type: ignore[call-overload]
    row = one(
        db, "SELECT priority, within, advice FROM guardian.generate_scaling_recommendations()"
    )
    assert row[0] == priority
    assert (row[1].days if row[1] else None) == days
    assert bool(row[2]) is bool(days)
