"""Every way of changing a captured table leaves the right entities in the log, and no other."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from perf_pipeline_tests.invalidation.support import (
    CLINIC,
    DASHBOARD,
    forget,
    installed,
    logged,
    run,
    waiting,
    worker,
)

pytestmark = pytest.mark.server

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def url(server: Any, databases: Any) -> Iterator[str]:
    databases.make(server, "capture_clinic")
    found = server.url("capture_clinic")
    run(found, CLINIC, "INSERT INTO clinic.patients SELECT generate_series(1, 9)")
    installed(found, DASHBOARD)
    yield found
    databases.drop(server, "capture_clinic")


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with worker(url) as opened:
        opened.execute("TRUNCATE clinic.visits, clinic.lines, clinic.readings, clinic.settings")
        opened.execute(
            "INSERT INTO clinic.visits (patient_id) SELECT p FROM generate_series(1, 4) AS p"
        )
        forget(opened)
        yield opened


def test_a_statement_is_one_entry_per_entity(connection: Connection) -> None:
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1), (1), (2), (NULL)")
    assert logged(connection) == 2
    assert waiting(connection) == {"1": 1, "2": 1}


def test_a_row_that_moves_concerns_both(connection: Connection) -> None:
    connection.execute("UPDATE clinic.visits SET patient_id = 7 WHERE patient_id = 3")
    assert waiting(connection) == {"3": 1, "7": 1}


def test_delete_and_cascades(connection: Connection) -> None:
    connection.execute("DELETE FROM clinic.visits WHERE patient_id = 2")
    assert waiting(connection) == {"2": 1}
    connection.execute("INSERT INTO clinic.patients VALUES (50)")
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (50)")
    connection.execute("INSERT INTO clinic.lines (visit_id) SELECT max(id) FROM clinic.visits")
    waiting(connection)
    connection.execute("UPDATE clinic.patients SET id = 51 WHERE id = 50")
    assert set(waiting(connection)) == {"50", "51"}
    connection.execute("DELETE FROM clinic.patients WHERE id = 51")
    assert set(waiting(connection)) == {"51"}


def test_truncate_concerns_everybody(connection: Connection) -> None:
    connection.execute("TRUNCATE clinic.lines")
    assert waiting(connection) == {"*": 1}


def test_copy_is_captured(connection: Connection) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY clinic.visits (patient_id) FROM STDIN") as copy,
    ):
        for patient in (5, 5, 6):
            copy.write_row((patient,))
    assert waiting(connection) == {"5": 1, "6": 1}


def test_a_statement_without_rows_writes_nothing(connection: Connection) -> None:
    connection.execute("UPDATE clinic.visits SET note = 'x' WHERE id = -1")
    connection.execute("DELETE FROM clinic.settings")
    assert logged(connection) == 0


def test_what_is_rolled_back_was_not(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    assert logged(connection) == 0


def test_a_table_without_an_entity_concerns_everybody(connection: Connection) -> None:
    connection.execute("INSERT INTO clinic.settings VALUES ('a', '1'), ('b', '2')")
    assert waiting(connection) == {"*": 1}


def test_an_upsert_is_captured(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO clinic.settings VALUES ('a', '1') ON CONFLICT (name) DO UPDATE SET value = '2'"
    )
    assert set(waiting(connection)) == {"*"}


def test_a_path_is_followed_when_the_log_is_folded(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO clinic.lines (visit_id) SELECT id FROM clinic.visits WHERE patient_id = 4"
    )
    assert waiting(connection) == {"4": 1}
    # two visits of two patients: both of them
    connection.execute(
        "UPDATE clinic.lines SET visit_id = (SELECT id FROM clinic.visits WHERE patient_id = 1)"
    )
    assert waiting(connection) == {"1": 1, "4": 1}


def test_a_parent_that_moves_is_seen_though_another_transaction_wrote_its_child(
    connection: Connection, url: str
) -> None:
    """Looked up by the writer, the entry would name the visit's patient of before."""
    with worker(url) as other:
        with other.transaction():
            other.execute("UPDATE clinic.visits SET patient_id = 9 WHERE patient_id = 4")
            with connection.transaction():
                connection.execute(
                    "INSERT INTO clinic.lines (visit_id)"
                    " SELECT id FROM clinic.visits WHERE patient_id = 4"
                )
            assert waiting(connection) == {"4": 1}
            with connection.transaction():
                connection.execute(
                    "INSERT INTO clinic.lines (visit_id)"
                    " SELECT id FROM clinic.visits WHERE patient_id = 4"
                )
        assert set(waiting(connection)) == {"4", "9"}


@pytest.mark.parametrize("table", ["readings", "readings_1"])
def test_partitions_by_the_parent_and_by_name(connection: Connection, table: str) -> None:
    connection.execute(f"INSERT INTO clinic.{table} VALUES (1, 5, 1), (2, 6, 1)")
    assert waiting(connection) == {"1": 1, "2": 1}
    connection.execute(f"UPDATE clinic.{table} SET patient_id = 3 WHERE patient_id = 1")
    assert waiting(connection) == {"1": 1, "3": 1}
    connection.execute(f"DELETE FROM clinic.{table} WHERE patient_id = 3")
    assert waiting(connection) == {"3": 1}
    connection.execute(f"TRUNCATE clinic.{table}")
    assert set(waiting(connection)) == {"*"}


def test_a_row_that_moves_to_another_partition(connection: Connection) -> None:
    connection.execute("INSERT INTO clinic.readings VALUES (1, 5, 1)")
    waiting(connection)
    connection.execute("UPDATE clinic.readings SET at = 120, patient_id = 2")
    assert waiting(connection) == {"1": 1, "2": 1}
    connection.execute("DELETE FROM clinic.readings_2a")
    assert waiting(connection) == {"2": 1}


@pytest.mark.parametrize("word", ["on", "1"])
def test_bulk_mode_is_one_entry_per_transaction(connection: Connection, word: str) -> None:
    with connection.transaction():
        connection.execute(f"SET LOCAL perf_pipeline.bulk = '{word}'")
        for _ in range(10):
            connection.execute("UPDATE clinic.visits SET note = note || 'x'")
            connection.execute("INSERT INTO clinic.settings VALUES (clock_timestamp()::text)")
    assert logged(connection) == 5
    assert waiting(connection) == {"1": 1, "2": 1, "3": 1, "4": 1, "*": 1}
    connection.execute("UPDATE clinic.visits SET note = ''")
    connection.execute("UPDATE clinic.visits SET note = ''")
    assert logged(connection) == 8, "it ends with the transaction"


def test_bulk_mode_and_savepoints(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL perf_pipeline.bulk = on")
        with connection.transaction(force_rollback=True):
            connection.execute("UPDATE clinic.visits SET note = 'a' WHERE patient_id <= 2")
        connection.execute("UPDATE clinic.visits SET note = 'b' WHERE patient_id = 2")
    assert waiting(connection) == {"2": 1}


def test_an_application_needs_no_rights_on_our_records(connection: Connection, url: str) -> None:
    connection.execute("CREATE ROLE capture_app")
    try:
        connection.execute("GRANT USAGE ON SCHEMA clinic TO capture_app")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON clinic.visits TO capture_app")
        connection.execute("SET ROLE capture_app")
        connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (8)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT perf_pipeline_meta.invalidate('dashboard')")
        connection.execute("RESET ROLE")
        assert waiting(connection) == {"8": 1}
        connection.execute(
            "GRANT USAGE ON SCHEMA perf_pipeline_meta TO capture_app; GRANT EXECUTE ON FUNCTION"
            " perf_pipeline_meta.invalidate(text, text, text) TO capture_app; SET ROLE capture_app"
        )
        connection.execute("SELECT perf_pipeline_meta.invalidate('dashboard', '9')")
        for more in ("rule_id", "queued_at"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    f"INSERT INTO perf_pipeline_meta.invalidation_log_0 ({more}) VALUES (NULL)"
                )
        connection.execute("RESET ROLE")
        assert waiting(connection)["9"] == 1
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY capture_app")
        connection.execute("DROP ROLE capture_app")


def test_replication_roles_are_captured(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE clinic.visits SET note = 'r' WHERE patient_id = 1")
    assert waiting(connection) == {"1": 1}


def test_two_writers_of_one_entity_do_not_wait_for_each_other(
    connection: Connection, url: str
) -> None:
    with worker(url) as other, other.transaction():
        other.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '100ms'")
            connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
        assert waiting(connection) == {"1": 1}
    assert waiting(connection) == {"1": 1}


def test_an_application_asks_itself(connection: Connection) -> None:
    connection.execute("SELECT perf_pipeline_meta.invalidate('dashboard', '7', 'by hand')")
    connection.execute("SELECT perf_pipeline_meta.invalidate('dashboard')")
    assert waiting(connection) == {"7": 1, "*": 1}
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="cache_type is empty"):
        connection.execute("SELECT perf_pipeline_meta.invalidate('')")
