import hashlib
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import BusyError, ConfigurationError
from perf_pipeline.examples import catalogue, partitioned, schema, thorbis
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile

FILES = sqlfiles.folder("thorbis/schema")

EXPECTED_INDEXES = {
    item.name for row in catalogue.rows("thorbis") for item in row.objects if item.kind == "index"
}
HISTORY = ("hs", "idx_hs_work_orders_customer_history")


def states(url: str) -> dict[tuple[str, str], bool]:
    with psycopg.connect(url) as connection:
        return schema.index_states(connection)


def shape(url: str) -> set[tuple[object, ...]]:
    """Return every column, constraint and index of the database."""
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, udt_name, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema NOT LIKE 'pg_%%' "
            "AND table_schema <> 'information_schema'",
            (),
        ).fetchall()
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE conrelid <> 0 AND connamespace "
            "NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        ).fetchall()
        indexes = connection.execute(
            "SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname !~ '^pg_'"
        ).fetchall()
    return {*columns, *constraints, *indexes}


# --- pure: what has to run ------------------------------------------------------------------


def sql_file(name: str, index: str | None = None, text: str = "SELECT 1") -> SqlFile:
    header = {"purpose": "test", "minimum version": "14"}
    if index is not None:
        header |= {"transaction": "none", "index": index}
    return SqlFile(Path(name), text, header)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


SAME, OTHER = digest("SELECT 1"), digest("SELECT 2")


@pytest.mark.parametrize(
    ("recorded", "indexes", "expected"),
    [
        ({}, {}, [("a.i", None)]),  # new
        ({"i.sql": SAME}, {("a", "i"): True}, []),  # there already
        ({"i.sql": SAME}, {}, [("a.i", None)]),  # dropped by somebody
        ({"i.sql": SAME}, {("a", "i"): False}, [("a.i", ("a", "i"))]),  # failed rebuild
        ({}, {("a", "i"): False}, [("a.i", ("a", "i"))]),  # killed while it was built
        ({}, {("a", "i"): True}, [("a.i", None)]),  # killed before it was recorded
        ({"i.sql": OTHER}, {("a", "i"): True}, [("a.i", ("a", "i"))]),  # definition changed
        ({"i.sql": SAME}, {("b", "i"): True}, [("a.i", None)]),  # of another schema
    ],
)
def test_plan_of_an_index_file(
    recorded: dict[str, str],
    indexes: dict[tuple[str, str], bool],
    expected: list[tuple[str, tuple[str, str] | None]],
) -> None:
    actions = schema.plan((sql_file("i.sql", "a.i"),), recorded, indexes)
    assert [(a.file.header["index"], a.drop_index) for a in actions] == expected


@pytest.mark.parametrize(("recorded", "runs"), [({}, True), ({"t.sql": OTHER}, True)])
def test_plan_of_another_file_runs_when_new_or_changed(
    recorded: dict[str, str], runs: bool
) -> None:
    assert bool(schema.plan((sql_file("t.sql"),), recorded, {})) is runs
    assert schema.plan((sql_file("t.sql"),), {"t.sql": SAME}, {}) == []


def test_plan_refuses_an_autocommit_file_that_names_no_index() -> None:
    file = SqlFile(Path("x.sql"), "SELECT 1", {"transaction": "none"})
    with pytest.raises(ConfigurationError, match=r"x\.sql.*index"):
        schema.plan((file,), {}, {})


@given(st.sets(st.integers(0, 30)))
def test_plan_keeps_the_order_of_the_files(known: set[int]) -> None:
    files = tuple(sql_file(f"{n:03d}.sql") for n in range(30))
    recorded = {f"{n:03d}.sql": SAME for n in known}
    names = [action.file.path.name for action in schema.plan(files, recorded, {})]
    assert names == [f"{n:03d}.sql" for n in range(30) if n not in known]


# --- the files ------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path.stem)
def test_files_are_numbered_and_built_outside_transactions_where_needed(file: SqlFile) -> None:
    assert re.fullmatch(r"\d{3}_[a-z0-9_]+\.sql", file.path.name)
    whole = file.header.get("build") == partitioned.BY_PARTITION
    builds = re.search(r"CREATE (UNIQUE )?INDEX (CONCURRENTLY )?IF NOT EXISTS (\w+)", file.text)
    assert bool(builds) == (file.header.get("transaction") == "none")
    if builds:  # a clock in a predicate cannot be built, and would be wrong tomorrow (D-001)
        assert not re.search(r"now\(\)|current_date|current_timestamp", file.text, re.IGNORECASE)
        assert builds[3] == file.header["index"].split(".")[1]
        assert ("ON ONLY" in file.text) == whole == (builds[2] is None)


def test_no_file_of_ours_takes_a_part_of_a_duration() -> None:
    """D-030: the milliseconds of two minutes and 3.5 s are 3,500; a duration is of the epoch."""
    part = re.compile(r"(extract\s*\(|date_part\s*\(\s*')\s*(milli|micro)?seconds?", re.IGNORECASE)
    assert part.search("EXTRACT(MILLISECONDS FROM took)")
    files = list(sqlfiles.root().rglob("*.sql"))
    assert [path.name for path in files if part.search(path.read_text())] == []


def test_no_file_of_ours_changes_a_servers_settings() -> None:
    """D-015: a list of libraries is somebody's; what should be set is said, never done."""
    change = re.compile(r"\bALTER\s+SYSTEM\b|\bpg_reload_conf\s*\(", re.IGNORECASE)
    assert change.search("SELECT 1; alter system SET shared_preload_libraries = 'x'")
    files = [*sqlfiles.root().rglob("*.sql")]
    bare = [re.sub(r"--.*", "", path.read_text()) for path in files]
    found = [path.name for path, text in zip(files, bare, strict=True) if change.search(text)]
    assert found == []


def test_numbers_are_unique() -> None:
    numbers = [file.path.name[:3] for file in FILES]
    assert len(numbers) == len(set(numbers))


# --- on a server ----------------------------------------------------------------------------


@pytest.mark.server
def test_apply_creates_everything_and_the_second_time_nothing(
    make_database: Callable[..., str],
) -> None:
    url = make_database()
    first = schema.apply(url)
    assert first.applied == tuple(file.path.name for file in FILES)
    assert first.skipped == ()
    found = states(url)
    assert {".".join(name) for name in found} >= EXPECTED_INDEXES
    assert all(found.values())
    before = shape(url)
    second = schema.apply(url)
    assert second.applied == ()
    assert len(second.skipped) == len(FILES)
    assert shape(url) == before


@pytest.mark.server
def test_every_table_says_what_a_row_is(shared: psycopg.Connection) -> None:
    rows = shared.execute(
        "SELECT relname, coalesce(obj_description(oid, 'pg_class'), ''), "
        "relnamespace::regnamespace::text = 'perf_pipeline_meta' FROM pg_class "
        "WHERE relkind IN ('r', 'p') AND NOT relispartition "
        "AND relnamespace::regnamespace::text = ANY (%s)",
        ([*{schema for schema, _ in thorbis.TABLES}, "perf_pipeline_meta"],),
    ).fetchall()
    assert sum(not ours for *_, ours in rows) == len(thorbis.TABLES)
    assert [name for name, comment, _ in rows if not comment.startswith("One row per ")] == []


@pytest.mark.server
def test_a_work_order_cannot_name_another_tenants_customer(thorbis_url: str) -> None:
    insert = (
        "INSERT INTO hs.work_orders (business_id, customer_id, title, total_amount) "
        "SELECT %s, min(id), 'test', 1 FROM hs.customers WHERE business_id = %s"
    )
    with psycopg.connect(thorbis_url) as connection:
        connection.execute(insert, (1, 1))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(insert, (1, 5))


_KILLED = """
import os, signal, sys
from perf_pipeline.examples import schema

real, count = schema._apply, 0

def dying(connection, system, action):
    global count
    count += 1
    if count == int(sys.argv[2]):
        connection.execute("BEGIN")
        schema._run(connection, action.file) if "transaction" not in action.file.header else None
        os.kill(os.getpid(), signal.SIGKILL)
    real(connection, system, action)

schema._apply = dying
schema.apply(sys.argv[1])
"""


@pytest.mark.server
@pytest.mark.parametrize("at", [50, 110])  # in the tables, in the indexes
def test_a_killed_apply_is_resumed(make_database: Callable[..., str], at: int) -> None:
    url, intact = make_database(), make_database()
    ended = subprocess.run([sys.executable, "-c", _KILLED, url, str(at)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    resumed = schema.apply(url)
    assert resumed.applied == tuple(file.path.name for file in FILES[at - 1 :])
    schema.apply(intact)
    assert shape(url) == shape(intact)


@pytest.mark.server
def test_an_invalid_leftover_is_rebuilt(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url, autocommit=True) as connection:
        connection.execute("DROP INDEX hs.idx_hs_work_orders_customer_history")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY idx_hs_work_orders_customer_history "
                "ON hs.work_orders (customer_id)"
            )
    assert states(thorbis_url)[HISTORY] is False
    assert schema.apply(thorbis_url).applied == ("210_idx_hs_work_orders_customer_history.sql",)
    assert states(thorbis_url)[HISTORY] is True
    with psycopg.connect(thorbis_url) as connection:
        row = connection.execute(
            "SELECT indisunique FROM pg_index WHERE indexrelid = "
            "'hs.idx_hs_work_orders_customer_history'::regclass"
        ).fetchone()
    assert row == (False,)


@pytest.mark.server
def test_a_dropped_index_comes_back_and_a_changed_one_is_rebuilt(thorbis_url: str) -> None:
    oid = "SELECT 'hs.idx_hs_work_orders_technician_schedule'::regclass::oid"
    with psycopg.connect(thorbis_url, autocommit=True) as connection:
        before = connection.execute(oid).fetchone()
        connection.execute("DROP INDEX hs.idx_hs_work_orders_customer_history")
        connection.execute(
            "UPDATE perf_pipeline_meta.applied_file SET content_sha256 = repeat('0', 64) "
            "WHERE file_name ~ '(technician_schedule|132_hs_work_orders).sql'"
        )
    assert schema.apply(thorbis_url).applied == (
        "132_hs_work_orders.sql",
        "209_idx_hs_work_orders_technician_schedule.sql",
        "210_idx_hs_work_orders_customer_history.sql",
    )
    with psycopg.connect(thorbis_url) as connection:
        assert connection.execute(oid).fetchone() != before
    assert schema.apply(thorbis_url).applied == ()


@pytest.mark.server
def test_two_appliers_do_not_collide(make_database: Callable[..., str]) -> None:
    url = make_database()
    results: list[schema.Applied | Exception] = []

    def work() -> None:
        try:
            results.append(schema.apply(url))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(result.applied) for result in results) == [0, len(FILES)]  # type: ignore[union-attr]


@pytest.mark.server
def test_apply_gives_up_while_another_applies(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_advisory_lock(%s, %s)", (schema._LOCK_SPACE, schema._lock_key("thorbis"))
        )
        with pytest.raises(BusyError, match="another process applies"):
            schema.apply(url, wait_s=0.2)
    assert len(schema.apply(url).applied) == len(FILES)


@pytest.mark.server
def test_a_held_table_is_told_and_not_queued_behind(
    thorbis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_TIMEOUT_MS", 200)
    with psycopg.connect(thorbis_url) as holder:
        holder.execute("DROP INDEX hs.idx_hs_work_orders_customer_history")
        holder.commit()
        holder.execute("LOCK TABLE hs.work_orders IN ROW EXCLUSIVE MODE")
        with pytest.raises(
            BusyError, match=r"210_idx_hs_work_orders_customer_history\.sql.*200 ms"
        ):
            schema.apply(thorbis_url)
    # the build that gave up left an invalid index behind, or none
    assert schema.apply(thorbis_url).applied == ("210_idx_hs_work_orders_customer_history.sql",)
    assert states(thorbis_url)[HISTORY] is True


@pytest.mark.server
def test_a_failing_file_is_named_and_leaves_nothing(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA hs CREATE VIEW customers AS SELECT 1 AS id")
    with pytest.raises(ConfigurationError, match=r"130_hs_customers\.sql: .*customers"):
        schema.apply(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP VIEW hs.customers")
    assert schema.apply(url).applied[0] == "130_hs_customers.sql"


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothere"):
        schema.apply("postgresql://127.0.0.1:1/x", "nothere")
