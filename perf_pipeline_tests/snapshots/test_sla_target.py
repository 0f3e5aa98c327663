"""Queries timed on the target, and its tenants: read-only, bounded, and absent where refused."""

from dataclasses import replace

import psycopg
import pytest

from perf_pipeline.postgres.promises import Promises, TimedQuery
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import sla_target
from perf_pipeline.snapshots.sla_target import marked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", "SELECT /* perf-pipeline */ 1"),
        ("-- why\n/* a */ WITH x AS (SELECT 1) SELECT 2",
         "-- why\n/* a */ WITH /* perf-pipeline */ x AS (SELECT 1) SELECT 2"),
    ],
)  # fmt: skip
def test_our_mark_comes_after_the_first_word(text: str, expected: str) -> None:
    assert marked(text) == expected


def promising(target: Target, *queries: TimedQuery, limit: float = 50.0, **more: object) -> Target:
    promises = Promises(analytics_ms=limit, analytics=queries, **more)  # type: ignore[arg-type]
    return replace(target, promises=promises)


@pytest.mark.server
def test_the_slowest_query_counts(target: Target) -> None:
    quick = TimedQuery("quick", "SELECT count(*) FROM app.orders WHERE n > %(n)s", {"n": 3})
    slow = TimedQuery("slow", "SELECT pg_sleep(0.25)")
    reading = sla_target.read(promising(target, quick, slow, limit=60_000.0))["analytics_time"]
    assert reading.value is not None
    assert reading.value >= 250.0
    assert reading.figures["slow_ms"] == reading.value
    quick_ms = reading.figures["quick_ms"]
    assert quick_ms is not None
    assert quick_ms < reading.value


@pytest.mark.server
def test_a_query_that_takes_too_long_is_given_up_and_missed_by_twice(target: Target) -> None:
    endless = TimedQuery("endless", "SELECT pg_sleep(60)")
    reading = sla_target.read(promising(target, endless, limit=20.0))["analytics_time"]
    assert reading.value == 80.0


@pytest.mark.server
def test_nothing_can_be_written_and_what_fails_is_not_measured(
    target: Target, admin: psycopg.Connection
) -> None:
    queries = (
        TimedQuery("write", "INSERT INTO app.other VALUES (1) RETURNING id"),
        TimedQuery("two", "SELECT 1; DROP TABLE app.other"),
        TimedQuery("absent", "SELECT * FROM app.nothing"),
        TimedQuery("good", "SELECT 1"),
    )
    reading = sla_target.read(promising(target, *queries))["analytics_time"]
    assert reading.value is not None
    assert [text.split(":")[0] for text in reading.missing] == ["write", "two", "absent"]
    assert "read-only" in reading.missing[0]
    assert admin.execute("SELECT count(*) FROM app.other").fetchone() == (0,)
    nothing = sla_target.read(promising(target, queries[2]))["analytics_time"]
    assert nothing.value is None
    assert "app.nothing" in nothing.detail


@pytest.mark.server
def test_tenants_are_the_rows_the_planner_counts_on(
    target: Target, admin: psycopg.Connection
) -> None:
    def tenants(table: str) -> tuple[float | None, str]:
        promising_ = replace(target, promises=Promises(tenants=10, tenants_table=table))
        reading = sla_target.read(promising_)["tenants"]
        return reading.value, reading.detail

    value, detail = tenants("app.orders")
    assert value is None
    assert "never analyzed" in detail
    admin.execute("ANALYZE app.orders")
    assert tenants("app.orders")[0] == 100.0
    admin.execute("CREATE TABLE app.parted (id int) PARTITION BY HASH (id)")
    for part in (0, 1):
        admin.execute(
            f"CREATE TABLE app.parted_{part} PARTITION OF app.parted "
            f"FOR VALUES WITH (MODULUS 2, REMAINDER {part})"
        )
    admin.execute("INSERT INTO app.parted SELECT generate_series(1, 500)")
    admin.execute("ANALYZE app.parted")
    assert tenants("app.parted")[0] == 500.0
    assert tenants("app.gone") == (None, "there is no table app.gone")


def test_a_target_that_is_away_tells_nothing(
    target_away: Target,
) -> None:
    readings = sla_target.read(promising(target_away, TimedQuery("q", "SELECT 1")))
    assert readings["analytics_time"].value is None
    assert "refused" in readings["analytics_time"].detail


@pytest.fixture
def target_away(monkeypatch: pytest.MonkeyPatch) -> Target:
    from datetime import date

    monkeypatch.setenv("AWAY_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    return Target("away", "AWAY_URL", date(2026, 1, 1))
