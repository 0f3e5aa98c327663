"""The doctor names each aspect and a remedy for each failure."""

import re
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import doctor

pytestmark = pytest.mark.server


def by_name(aspects: list[doctor.Aspect]) -> dict[str, doctor.Aspect]:
    return {aspect.name: aspect for aspect in aspects}


def test_ready_database_has_no_failure(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    aspects = doctor.examine(url)
    assert [a.name for a in aspects if a.status == "fail"] == []
    assert by_name(aspects)["extension"].detail.startswith("pg_stat_statements 1.")
    # the tests connect as the embedded superuser, which deserves a word
    assert by_name(aspects)["privileges"].status == "warn"


def test_missing_extension_fails_with_its_remedy(make_database: Callable[..., str]) -> None:
    aspect = by_name(doctor.examine(make_database()))["extension"]
    assert aspect.status == "fail"
    assert "CREATE EXTENSION pg_stat_statements" in aspect.remedy


def test_role_without_pg_monitor_fails_and_with_it_passes(
    make_database: Callable[..., str], server: EmbeddedServer
) -> None:
    url = make_database()
    role = "doctor_" + re.sub(r"\W", "", url.rsplit("/", 1)[1])
    plain = re.sub(r"//[^@]+@", f"//{role}:secret@", url)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'").format(sql.Identifier(role))
        )
        try:
            assert by_name(doctor.examine(plain))["privileges"].status == "fail"
            admin.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(role)))
            aspects = doctor.examine(plain)
            assert [a for a in aspects if a.status == "fail"] == []
            assert by_name(aspects)["privileges"].status == "ok"
            assert "own entries" in by_name(aspects)["own temporary files"].detail
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_what_is_not_known_of_own_temporary_files_has_a_remedy() -> None:
    assert doctor.temporary_files(True, False, "watcher", 18).status == "ok"
    assert doctor.temporary_files(False, True, "watcher", 18).status == "ok"
    unknown = doctor.temporary_files(False, False, "watcher", 18)
    assert (unknown.status, unknown.remedy) == (
        "warn",
        "GRANT SET ON PARAMETER log_temp_files TO watcher",
    )
    assert "track_utility" in doctor.temporary_files(False, False, "watcher", 14).remedy


def test_wrong_password_is_a_configuration_error_without_the_password(
    server: EmbeddedServer,
) -> None:
    url = re.sub(r":[^:@/]+@", ":wrong-secret@", server.url())
    with pytest.raises(ConfigurationError) as caught:
        doctor.examine(url)
    assert "password authentication failed" in str(caught.value)
    assert "wrong-secret" not in str(caught.value)


def test_capacity_warns_when_nearly_full_or_after_evictions() -> None:
    assert doctor.capacity(4000, 5000, 0).status == "ok"
    assert doctor.capacity(4600, 5000, 0).status == "warn"
    assert doctor.capacity(10, 5000, 1).status == "warn"


def test_settings_without_io_timing_say_what_is_lost() -> None:
    row = {
        "track_io_timing": "off",
        "track_activities": "on",
        "track_counts": "on",
        "compute_query_id": "off",
    }
    aspects = by_name(doctor.settings_aspects(row))
    assert aspects["track_io_timing"].status == "warn"
    assert aspects["compute_query_id"].status == "fail"
    assert aspects["track_counts"].status == "ok"
