"""guardian filled, asked and under load."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import guardian, schema
from perf_pipeline.examples.guardian_data import ORPHANS, Size
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.production import ProductionError
from perf_pipeline_tests.examples.plans import body, indexes
from perf_pipeline_tests.examples.test_schema import shape

pytestmark = pytest.mark.server

SIZE, SEED = Size(patients=600, audit_rows=20_000), 7
TEMPLATE = "guardian_small"
LOADS = sqlfiles.folder("guardian/load")
#: The id of patient 5.
PATIENT = "(SELECT md5('patient 5')::uuid)"


@cache
def now() -> datetime:
    """Return the running hour, the same to the end: statements ask the server's clock."""
    return datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> str:
    """Return the name of a database with the schema and a little data."""
    server.ensure_database(TEMPLATE)
    url = server.url(TEMPLATE)
    schema.apply(url, "guardian")
    made = guardian.generate(url, SIZE.patients, SIZE.audit_rows, SIZE.years, SEED, now=now())
    assert made.created
    assert schema.apply(url, "guardian").applied == ()
    return TEMPLATE


@pytest.fixture(scope="module")
def shared(server: EmbeddedServer, template: str) -> Iterator[psycopg.Connection]:
    """Return a session on a copy that no test changes."""
    server.ensure_database(f"{TEMPLATE}_shared", template)
    with psycopg.connect(server.url(f"{TEMPLATE}_shared"), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def one(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return row[0] if len(row) == 1 else row


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        return {
            f"{space}.{table}": one(connection, f"SELECT count(*) FROM {space}.{table}")
            for space, table in guardian.TABLES
        }


# --- filling --------------------------------------------------------------------------------


def test_other_data_and_the_same_again(template: str, make_database: Callable[..., str]) -> None:
    url = make_database(template)
    size = (SIZE.patients, SIZE.audit_rows, SIZE.years, SEED)
    first = guardian.generate(url, *size, now=now() + timedelta(days=1))
    assert not first.created
    assert first.rows == counts(url)
    before = shape(url)
    other = guardian.generate(url, 10, 50, 1, now=now())
    assert other.content_sha256 != first.content_sha256
    assert shape(url) == before  # keys, indexes and their parts are back
    again = guardian.generate(url, *size, now=now())
    assert again.created
    assert again.content_sha256 == first.content_sha256
    assert again.rows == counts(url)


def test_seven_years_are_each_in_their_month(shared: psycopg.Connection) -> None:
    for table in ("audit_log", "document_processing_stages"):
        assert one(shared, f"SELECT count(*) FROM guardian.{table}_default") == 0
    months = one(
        shared,
        "SELECT count(DISTINCT tableoid), bool_and(right(tableoid::regclass::text, 7) ="
        " to_char(audit_date, 'YYYY_MM')) FROM guardian.audit_log",
    )
    # at the end of a month seven years of days began with a month of their own
    assert months in ((84, True), (85, True))


def test_production_is_refused(template: str, make_database: Callable[..., str]) -> None:
    url = make_database(template)
    before = counts(url)
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET perf_pipeline.environment = 'production'")  # type: ignore[call-overload]
    with pytest.raises(ProductionError, match=name):
        guardian.generate(url, 10, 10, replace=True)
    assert counts(url) == before


def test_orphans_are_found_in_the_shares_they_were_made_in(shared: psycopg.Connection) -> None:
    found = dict(
        shared.execute(
            "SELECT orphan_type, count(*) FROM guardian.detect_orphaned_relationships() GROUP BY 1"
        )
    )
    total = one(
        shared,
        "SELECT count(*) FROM guardian.medical_data_relationships WHERE archived IS NOT TRUE",
    )
    assert set(found) == {*ORPHANS, "archived_parent"}
    summary = "SELECT sum(orphans) FROM guardian.orphaned_relationships_summary"
    assert one(shared, summary) == sum(found.values())
    quality = "SELECT sum(total_records) FROM guardian.data_quality_metrics"
    assert one(shared, quality) > total
    for kind in ("missing_target", "missing_source", "missing_both"):
        assert found[kind] / total == pytest.approx(ORPHANS[kind], rel=0.4), kind


# --- what the statements use ----------------------------------------------------------------


def some(connection: psycopg.Connection, column: str, table: str) -> Any:
    return one(
        connection,
        f"SELECT {column} FROM guardian.{table} WHERE archived IS NOT TRUE ORDER BY id LIMIT 1",
    )


@pytest.fixture(scope="module")
def parameters(shared: psycopg.Connection) -> dict[str, dict[str, Any]]:
    """Return values of each query's parameters that lead to rows."""
    patient = one(shared, f"SELECT {PATIENT}")
    links = "medical_data_relationships"
    record = one(
        shared,
        "SELECT record_id FROM guardian.audit_log WHERE table_name = 'documents' LIMIT 1",
    )
    return {
        "patient_summary": {"patient_id": patient},
        "document_page": {
            "user_id": patient,
            "before_created_at": "infinity",
            "before_id": "ffffffff-ffff-ffff-ffff-ffffffffffff",
        },
        "document_search": {"words": '"started treatment with ibuprofen" migraine -wheel'},
        "relationships_from": {
            "source_table": some(shared, "source_table", links),
            "source_id": some(shared, "source_id", links),
        },
        "relationships_to": {
            "target_table": some(shared, "target_table", links),
            "target_id": some(shared, "target_id", links),
        },
        "review_queue": {},
        "facts_in_area": {"area": "(10,10),(60,60)", "page": 2},
        "record_history": {"table_name": "documents", "record_id": record},
    }


QUERY_INDEX = {
    "patient_summary": {
        "idx_patient_medications_patient_status",
        "idx_patient_conditions_patient_status",
        "idx_patient_allergies_patient",
        "idx_patient_lab_results_patient",
        "idx_documents_user_created",
        "idx_medical_relationships_patient",
    },
    "document_page": {"idx_documents_user_created"},
    "document_search": {"idx_documents_content_gin"},
    "relationships_from": {"idx_medical_relationships_source"},
    "relationships_to": {"idx_medical_relationships_target"},
    "review_queue": {"idx_medical_relationships_requires_review"},
    "facts_in_area": {"idx_clinical_fact_sources_spatial"},
    "record_history": {"idx_audit_log_record"},
}


@pytest.mark.parametrize("name", QUERY_INDEX)
def test_a_query_uses_its_index_and_finds_rows(
    shared: psycopg.Connection, parameters: dict[str, dict[str, Any]], name: str
) -> None:
    statement = sqlfiles.load(f"guardian/queries/{name}").text
    assert QUERY_INDEX[name] <= indexes(shared, statement, parameters[name])
    assert shared.execute(statement, parameters[name]).fetchall()


def test_every_query_is_tried() -> None:
    assert {file.path.stem for file in sqlfiles.folder("guardian/queries")} == set(QUERY_INDEX)


def test_a_statement_for_dashboards_names_no_patient(shared: psycopg.Connection) -> None:
    files = sqlfiles.folder("guardian/dashboards")
    assert {file.path.stem for file in files} == {"cache_over_time", "resource_use"}
    for file in files:
        found = shared.execute(file.text)
        assert found.description is not None
        assert not {column.type_display for column in found.description} & {"uuid", "jsonb"}


def test_a_summary_counts_the_facts_of_its_patient_only(
    shared: psycopg.Connection, parameters: dict[str, dict[str, Any]]
) -> None:
    statement = sqlfiles.load("guardian/queries/patient_summary").text
    row = shared.execute(statement, parameters["patient_summary"]).fetchone()
    facts = "SELECT count(*) FROM guardian.{} WHERE NOT archived AND {} = " + PATIENT
    expected = [
        one(shared, facts.format(table, key) + more)
        for table, key, more in (
            ("patient_medications", "patient_id", " AND status = 'active'"),
            ("patient_conditions", "patient_id", " AND status = 'active'"),
            ("patient_conditions", "patient_id", " AND status = 'chronic'"),
            ("patient_allergies", "patient_id", " AND status = 'active'"),
            (
                "patient_allergies",
                "patient_id",
                " AND status = 'active' AND severity IN ('severe', 'life_threatening')",
            ),
            ("patient_lab_results", "patient_id", " AND measured_at > now() - interval '90 days'"),
            ("documents", "user_id", ""),
            ("medical_data_relationships", "patient_id", ""),
        )
    ]
    assert row is not None
    assert list(row[:8]) == expected
    stranger = shared.execute(
        statement, {"patient_id": "00000000-0000-0000-0000-000000000000"}
    ).fetchone()
    assert stranger == (*[0] * 8, None)


def test_search_finds_the_words_and_not_the_others(
    shared: psycopg.Connection, parameters: dict[str, dict[str, Any]]
) -> None:
    statement = sqlfiles.load("guardian/queries/document_search").text
    rows = shared.execute(statement, parameters["document_search"]).fetchall()
    for row in rows:
        content = one(shared, f"SELECT content FROM guardian.documents WHERE id = '{row[0]}'")
        assert "started treatment with ibuprofen" in content
        assert "migraine" in content


def test_pages_show_every_document_once_in_order(shared: psycopg.Connection) -> None:
    statement = sqlfiles.load("guardian/queries/document_page").text.replace("LIMIT 25", "LIMIT 2")
    busiest = one(
        shared, "SELECT user_id FROM guardian.documents GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    cursor = {
        "user_id": busiest,
        "before_created_at": "infinity",
        "before_id": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    }
    shown: list[Any] = []
    while page := shared.execute(statement, cursor).fetchall():
        shown += [row[0] for row in page]
        cursor |= {"before_created_at": page[-1][3], "before_id": page[-1][0]}
    expected = shared.execute(
        "SELECT id FROM guardian.documents WHERE user_id = %s AND NOT archived"
        " ORDER BY created_at DESC, id DESC",
        (busiest,),
    ).fetchall()
    assert shown == [row[0] for row in expected]
    assert len(shown) > 5


# --- the load -------------------------------------------------------------------------------

LOAD_INDEX = {
    "patient_summary": QUERY_INDEX["patient_summary"],
    "document_page": {"idx_documents_user_created"},
    "recent_values": {
        "idx_patient_lab_results_patient",
        "idx_patient_encounters_patient",
        "idx_patient_vitals_patient",
    },
    "patient_relationships": {"idx_medical_relationships_patient"},
    "document_search": {"idx_documents_content_gin"},
    "review_queue": {"idx_medical_relationships_requires_review"},
    "record_history": {"idx_audit_log_record", "idx_patient_medications_patient_status"},
    "add_medication": {"idx_patient_conditions_patient_status"},
    "change_medication": {"idx_patient_medications_patient_status"},
    "add_document": set(),
}
VALUES = {"patient": 5, "one": 3, "other": 4}


def test_weights_add_up_to_100_and_every_script_is_tried() -> None:
    assert sum(int(file.header["weight"]) for file in LOADS) == 100
    assert {file.path.stem for file in LOADS} == set(LOAD_INDEX)


@pytest.mark.parametrize(("name", "used"), LOAD_INDEX.items())
def test_a_load_script_uses_its_index(
    shared: psycopg.Connection, name: str, used: set[str]
) -> None:
    statement = body(sqlfiles.load(f"guardian/load/{name}").text, VALUES)
    assert used <= indexes(shared, statement)


def test_what_the_load_writes_is_told_to_the_audit(
    template: str, make_database: Callable[..., str]
) -> None:
    scripts = {
        name: body(sqlfiles.load(f"guardian/load/{name}").text, VALUES)
        for name in ("add_medication", "change_medication", "add_document")
    }
    with psycopg.connect(make_database(template), autocommit=True) as connection:
        orphans = "SELECT count(*) FROM guardian.detect_orphaned_relationships()"
        before = one(connection, orphans)
        began = one(connection, "SELECT clock_timestamp()")  # what was generated is older
        connection.execute(
            f"UPDATE guardian.patient_conditions SET status = 'active' WHERE patient_id = {PATIENT}"
        )
        for script in scripts.values():
            connection.execute(script)  # type: ignore[call-overload]
        told = connection.execute(
            "SELECT operation, reason FROM guardian.audit_log"
            " WHERE changed_at >= %s ORDER BY changed_at",
            (began,),
        ).fetchall()
        waiting = one(
            connection,
            "SELECT count(*) FROM guardian.document_processing_stages AS s"
            " JOIN guardian.documents AS d ON d.id = s.document_id"
            " WHERE d.created_at >= %s AND s.status = 'pending'",
            began,
        )
        assert told == [("INSERT", "prescribed"), ("UPDATE", "stopped")]
        assert waiting == 3
        assert one(connection, orphans) == before
