import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import UnreachableError, UnsupportedServerError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots import collect, extension, objects
from perf_pipeline.snapshots.families import READ
from perf_pipeline.snapshots.reader import Reader, query
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.sources import due

pytestmark = pytest.mark.server

QUICK = pg.Limits(statement_timeout_ms=5_000, lock_timeout_ms=200, connect_timeout_s=5)


def families(connection: psycopg.Connection) -> set[str]:
    """Return the names of what a first sweep of this server reads."""
    major = connection.info.server_version // 10_000
    now = datetime.now(UTC)
    chosen = due(
        SOURCES,
        {},
        now,
        major,
        holds_server=True,
        extensions={"pg_stat_statements"},
        signs=(),
    )
    return {source.name for source in chosen} | {"schema_objects"}


@contextmanager
def session(url: str, limits: pg.Limits = QUICK) -> Iterator[psycopg.Connection]:
    with pg.session(url, limits=limits) as connection:
        yield connection


def test_one_sweep_reads_every_family(target_url: str, admin: psycopg.Connection) -> None:
    for _ in range(3):
        admin.execute("SELECT count(*) FROM app.orders WHERE state = 'secret'")
    with session(target_url) as connection:
        swept = collect.sweep(connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        expected = families(connection)
    assert set(swept.frames) == expected
    assert expected >= {"statements", "tables", "wal", "checkpointer", "table_io", "settings"}
    assert swept.notes == ()
    assert swept.observation.system_identifier
    assert swept.observation.timeline == 1
    assert swept.observation.statements_dealloc is not None
    assert swept.observation.statements_stats_reset is not None
    assert 0 < swept.database_ms < 60_000
    assert swept.rows_read >= sum(frame.height for frame in swept.frames.values())
    statements = swept.frames["statements"]
    assert 3 in statements["calls"].to_list()
    assert statements["exec_time_squares"].min() >= 0.0  # type: ignore[operator]
    assert statements.columns[-1] == "exec_time_squares"
    objects = swept.frames["schema_objects"]
    index = objects.filter(pl.col("object_name") == "app.orders_state").to_dicts()[0]
    assert index["relation_name"] == "app.orders"
    assert index["definition"].startswith("CREATE INDEX orders_state ON app.orders USING btree")
    assert swept.frames["database"]["database_bytes"][0] > 1_000_000


def test_our_own_work_is_not_counted(target_url: str, admin: psycopg.Connection) -> None:
    admin.execute("SELECT pg_stat_statements_reset()")
    with session(target_url) as connection:
        collect.sweep(connection)
        swept = collect.sweep(connection)
    seen = admin.execute(
        "SELECT query FROM pg_stat_statements WHERE query LIKE '%COPY%'"
        " OR query LIKE '%keep our own%'"
    ).fetchall()
    assert seen == []
    # `admin` is idle; our own session is not there
    activity = swept.frames["activity"].filter(pl.col("backend_type") == "client backend")
    assert activity.select("state", "sessions").rows() == [("idle", 1)]


def test_active_sessions_are_told_by_statement(target_url: str, admin: psycopg.Connection) -> None:
    with ThreadPoolExecutor(1) as pool, psycopg.connect(target_url, autocommit=True) as busy:
        asleep = pool.submit(busy.execute, "SELECT pg_sleep(60)")
        for _ in range(2_000):
            known = admin.execute(
                "SELECT query_id FROM pg_stat_activity"
                " WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
                " AND query_id IS NOT NULL"
            ).fetchone()
            if known is not None:
                break
            time.sleep(0.01)
        with session(target_url) as connection:
            activity = collect.sweep(connection).frames["activity"]
        busy.cancel()
        with pytest.raises(psycopg.errors.QueryCanceled):
            asleep.result()
    assert known is not None
    rows = activity.filter(pl.col("backend_type") == "client backend").sort("state")
    told = rows.select("state", "wait_event", "queryid", "sessions").rows()
    # a session without work is at work on nothing, whatever it did last
    assert told == [("active", "PgSleep", known[0], 1), ("idle", "ClientRead", None, 1)]


def test_the_sweep_can_not_write(target_url: str) -> None:
    with session(target_url) as connection:
        collect.sweep(connection)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE app.never (id int)")


def test_objects_are_read_again_only_when_the_catalogs_changed(
    target_url: str, admin: psycopg.Connection
) -> None:
    def again(known: collect.Sweep, objects: pl.DataFrame) -> collect.Sweep:
        with session(target_url) as connection:
            observed = replace(known.observation, fingerprint=known.fingerprint)
            return collect.sweep(
                connection, known_objects=objects, seen={"schema_objects": observed}
            )

    with session(target_url) as connection:
        first = collect.sweep(connection)
    objects = first.frames["schema_objects"]
    admin.execute("INSERT INTO app.orders VALUES (1000, 'y', 1)")
    admin.execute("ANALYZE app.orders")
    quiet = again(first, objects)
    assert "schema_objects" not in quiet.frames
    assert quiet.schema_read
    for statement in (
        "ALTER TABLE app.orders ALTER COLUMN n SET DEFAULT 4",
        "DROP INDEX app.orders_state",
        "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "CREATE VIEW app.v AS SELECT id FROM app.orders",
        "ALTER TABLE app.orders DROP COLUMN n",
        "ALTER SCHEMA app RENAME TO app2",
    ):
        admin.execute(statement)
        changed = again(quiet, objects)
        assert "schema_objects" in changed.frames, statement
        quiet, objects = changed, changed.frames["schema_objects"]


def test_a_table_held_exclusively_costs_only_its_index_definitions(
    target_url: str, admin: psycopg.Connection
) -> None:
    with psycopg.connect(target_url) as holder, session(target_url) as connection:
        holder.execute("LOCK TABLE app.orders IN ACCESS EXCLUSIVE MODE")
        start = time.perf_counter()
        swept = collect.sweep(connection)
        assert time.perf_counter() - start < 30.0  # it is held for ever
        assert set(swept.frames) == families(connection)
        assert swept.notes == ("definitions of 2 indexes left out: tables locked",)
        assert swept.fingerprint is None
        objects = swept.frames["schema_objects"]
        known = objects.filter(pl.col("object_name") == "app.other_pkey")["definition"][0]
        assert known.startswith("CREATE UNIQUE INDEX")
        assert swept.frames["tables"].height == 2
        holder.rollback()
        later = collect.sweep(connection, known_objects=objects)
    assert later.notes == ()
    assert later.frames["schema_objects"]["definition"].null_count() == 0


def test_a_locked_catalog_costs_only_the_families_that_need_it(
    target_url: str, admin: psycopg.Connection
) -> None:
    with psycopg.connect(target_url) as holder, session(target_url) as connection:
        holder.execute("LOCK TABLE pg_catalog.pg_attrdef IN ACCESS EXCLUSIVE MODE")
        start = time.perf_counter()
        swept = collect.sweep(connection)
        assert time.perf_counter() - start < 30.0
        assert set(swept.frames) == families(connection) - {"schema_objects"}
    assert not swept.schema_read
    (note,) = swept.notes
    assert note.startswith("schema_version left out: canceling statement due to lock timeout")
    assert "PERF_LOCK_TIMEOUT_MS" in note


def test_a_catalog_that_every_session_needs_bounds_the_wait(target_url: str) -> None:
    with psycopg.connect(target_url) as holder, session(target_url) as connection:
        holder.execute("LOCK TABLE pg_catalog.pg_index IN ACCESS EXCLUSIVE MODE")
        start = time.perf_counter()
        with pytest.raises(UnreachableError, match="lock timeout"):
            collect.sweep(connection)
        assert time.perf_counter() - start < 30.0


def test_no_lock_outlives_the_reading_of_definitions(target_url: str) -> None:
    with session(target_url) as connection:
        reader = Reader(connection)
        frames: dict[str, pl.DataFrame] = {}
        connection.execute("SELECT 1")
        objects.read(reader, frames, "changed", None, None)
        held = connection.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
            " WHERE l.pid = pg_backend_pid() AND c.oid >= 16384"
        ).fetchone()
    assert frames["schema_objects"]["definition"].null_count() == 0
    assert held == (0,)


def test_without_the_extension_the_remedy_is_named(make_database: object) -> None:
    url = make_database()  # type: ignore[operator]
    with session(url) as connection, pytest.raises(UnsupportedServerError) as caught:
        collect.sweep(connection, where="target 'x'")
    assert "CREATE EXTENSION pg_stat_statements" in caught.value.remedy
    assert "target 'x'" in caught.value.message


@pytest.mark.parametrize(
    ("version", "loaded", "words"),
    [
        (None, False, "shared_preload_libraries"),
        ("1.11", False, "shared_preload_libraries"),
        ("1.8", True, "ALTER EXTENSION pg_stat_statements UPDATE"),
    ],
)
def test_an_extension_that_does_not_serve(version: str, loaded: bool, words: str) -> None:
    with pytest.raises(UnsupportedServerError) as caught:
        extension.check({"statements_version": version, "statements_loaded": loaded}, "target 'x'")
    assert words in caught.value.remedy


@pytest.mark.parametrize(
    ("version", "major"), [("1.9", 14), ("1.10", 15), ("1.11", 17), ("1.12", 18), ("1.13", 18)]
)
def test_the_extension_chooses_the_columns(version: str, major: int) -> None:
    server = {"statements_version": version, "statements_loaded": True}
    assert extension.check(server, "x") == major


def test_older_columns_are_read_from_an_older_extension(
    make_database: object, server: EmbeddedServer
) -> None:
    """A server keeps an old extension's columns until ALTER EXTENSION ... UPDATE."""
    url = make_database()  # type: ignore[operator]
    with psycopg.connect(url, autocommit=True) as admin:
        for version in ("1.9", "1.10", "1.11", "1.12"):
            try:
                admin.execute(f"CREATE EXTENSION pg_stat_statements VERSION '{version}'")
            except psycopg.errors.Error:
                continue  # this server does not bring that version
            admin.execute("SELECT 1")
            with session(url) as connection:
                swept = collect.sweep(connection)
            assert swept.notes == ()
            assert swept.frames["statements"].height > 0
            since = swept.frames["statements"]["stats_since"].null_count()
            assert (since == 0) == (version in {"1.11", "1.12"})
            admin.execute("DROP EXTENSION pg_stat_statements")


@pytest.fixture
def monitor(server: EmbeddedServer, target_url: str, admin: psycopg.Connection) -> Iterator[str]:
    """Return a URL of a role without any grant."""
    admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    yield psycopg.conninfo.make_conninfo(target_url, user="plain", password="plain")
    admin.execute("DROP ROLE plain")


def test_pg_monitor_alone_is_enough(monitor: str, admin: psycopg.Connection) -> None:
    admin.execute("GRANT pg_monitor TO plain")
    with session(monitor) as connection:
        swept = collect.sweep(connection)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM app.orders")
        assert set(swept.frames) == families(connection)
    assert swept.notes == ()
    assert swept.observation.sees_all
    assert swept.frames["schema_objects"]["definition"].null_count() == 0


def test_without_pg_monitor_it_says_what_it_cannot_see(
    monitor: str, admin: psycopg.Connection
) -> None:
    admin.execute("SELECT 1")
    with session(monitor) as connection:
        swept = collect.sweep(connection)
    assert not swept.observation.sees_all
    assert any("hidden from plain: GRANT pg_monitor" in note for note in swept.notes)
    assert swept.frames["statements"]["queryid"].null_count() == 0


def test_a_lost_connection_is_unreachable(target_url: str, admin: psycopg.Connection) -> None:
    with session(target_url) as connection:
        admin.execute("SELECT pg_terminate_backend(%s, 20000)", [connection.info.backend_pid])
        with pytest.raises(UnreachableError, match="broke off"):
            collect.sweep(connection, where="target 'x'")


def test_every_snapshot_file_runs_and_gives_its_columns(
    target_url: str, admin: psycopg.Connection
) -> None:
    """All files, in the variant of this server, as our own session runs them."""
    admin.execute("CREATE EXTENSION pgstattuple; CREATE EXTENSION pg_buffercache")
    shapes = {**READ, **{source.name: source.schema for source in SOURCES}}
    files = sqlfiles.folder("snapshots")
    assert {file.path.name.partition(".")[0] for file in files} == set(shapes)
    parameters = {
        "schema_indexes": {"oids": [1]},
        "bloat_table": {"relid": 1},
        "bloat_index": {"relid": 1},
        "texts": {"queryids": [1], "characters": 9, "ending_characters": 9, "bytes": 99},
    }
    with session(target_url) as connection:
        major = connection.info.server_version // 10_000
        for name, shape in shapes.items():
            file = sqlfiles.load(f"snapshots/{name}", major)
            if file.minimum_version > major:
                continue
            cursor = psycopg.ClientCursor(connection)
            text = query(name, file, shape, "public").text
            cursor.execute(text, parameters.get(name))  # type: ignore[arg-type]
            assert cursor.description is not None
            assert [column.name for column in cursor.description] == (list(shape) or ["set_config"])
            connection.rollback()


def test_all_variants_of_a_file_give_the_same_columns() -> None:
    files = [f for f in sqlfiles.folder("snapshots") if f.path.name.startswith("statements.")]
    assert len(files) == 3
    shapes = {
        file.path.name: [
            part.split(".")[-1].split(" AS ")[-1].strip(" \n") for part in _selected(file.text)
        ]
        for file in files
    }
    assert len({tuple(shape) for shape in shapes.values()}) == 1, shapes


def _selected(text: str) -> list[str]:
    body = text.partition("/* perf-pipeline */")[2].partition("FROM {extension}")[0]
    return body.replace("\n", " ").split(",")
