"""Installing capture: idempotent, drift found and mended, bounded waits, nothing left behind."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import catalog, install, queue
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline.postgres.lock_budget import LockBudget, LockBudgetError
from perf_pipeline_tests.invalidation.support import (
    CLINIC,
    DASHBOARD,
    forget,
    logged,
    run,
    waiting,
    worker,
)

pytestmark = pytest.mark.server

Connection = psycopg.Connection[Any]
#: Spent at once.
IMPATIENT = LockBudget(100, 100, 0.3)


@pytest.fixture(scope="module")
def clinic(server: Any, databases: Any) -> Iterator[str]:
    databases.make(server, "install_clinic")
    run(server.url("install_clinic"), CLINIC, "INSERT INTO clinic.patients VALUES (1), (2)")
    yield "install_clinic"
    databases.drop(server, "install_clinic")


@pytest.fixture
def url(clinic: str, make_database: Callable[..., str]) -> str:
    return make_database(clinic)


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with worker(url) as opened:
        yield opened


def steps(connection: Connection, *caches: CacheType) -> list[str]:
    return [f"{s.action}: {s.name}: {s.why}" for s in install.look(connection, caches).steps]


def everything_of_ours(connection: Connection) -> list[tuple[str]]:
    return connection.execute(
        "SELECT tgname::text FROM pg_trigger WHERE tgname LIKE 'perf_pipeline%'"
        " UNION ALL SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace ="
        " to_regnamespace('perf_pipeline_meta') UNION ALL SELECT c.relname::text FROM pg_class AS c"
        " WHERE c.relnamespace = to_regnamespace('perf_pipeline_meta')"
    ).fetchall()


def test_installed_twice_nothing_is_done_the_second_time(connection: Connection) -> None:
    assert not install.look(connection, [DASHBOARD]).is_armed
    assert everything_of_ours(connection) == []
    install.install(connection, "clinic", [DASHBOARD])
    assert install.look(connection, [DASHBOARD]).is_armed
    done = install.install(connection, "clinic", [DASHBOARD])
    assert (done.plan.steps, done.spent.attempts) == ((), 0)


def test_tables_on_a_path_are_captured_too(connection: Connection) -> None:
    cache = _captured("clinic.lines", "visit_id -> clinic.visits.id : patient_id")
    assert install.look(connection, [cache]).notes == (
        "clinic.visits is captured, too: c reaches its entities through it",
    )
    install.install(connection, "clinic", [cache])
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1), (2)")
    connection.execute("INSERT INTO clinic.lines (visit_id) SELECT id FROM clinic.visits")
    forget(connection)
    connection.execute("UPDATE clinic.visits SET note = 'x'")
    assert logged(connection) == 0, "only columns of the path matter"
    connection.execute("UPDATE clinic.visits SET patient_id = 2 WHERE patient_id = 1")
    assert waiting(connection, "c") == {"1": 1, "2": 1}
    declared = replace(
        cache, captured=(*cache.captured, Captured("clinic.visits", "patient_id", "row", ("note",)))
    )
    install.install(connection, "clinic", [declared])
    connection.execute("DELETE FROM clinic.lines")
    forget(connection)
    connection.execute("UPDATE clinic.visits SET id = id + 100 WHERE note = 'x'")
    assert set(waiting(connection, "c")) == {"2"}


def test_uninstall_leaves_nothing(connection: Connection) -> None:
    install.install(connection, "clinic", [DASHBOARD])
    assert install.uninstall(connection) > 10
    assert everything_of_ours(connection) == []
    connection.execute("INSERT INTO clinic.settings VALUES ('a')")
    assert install.uninstall(connection) == 0
    install.install(connection, "clinic", [DASHBOARD])
    connection.execute(
        "CREATE VIEW clinic.queue AS SELECT * FROM perf_pipeline_meta.invalidation_queue"
    )
    with pytest.raises(ConfigurationError, match=r"view clinic\.queue depends on"):
        install.uninstall(connection)
    connection.execute("DROP VIEW clinic.queue")
    install.uninstall(connection)
    install.install(connection, "clinic", [DASHBOARD])
    assert install.look(connection, [DASHBOARD]).is_armed


@pytest.mark.parametrize(
    ("drift", "found", "everybody"),
    [
        (
            "DROP TRIGGER perf_pipeline_capture_update ON clinic.visits",
            "trigger: clinic.visits: perf_pipeline_capture_update: missing",
            True,
        ),
        (
            "ALTER TABLE clinic.visits DISABLE TRIGGER perf_pipeline_capture_delete",
            "trigger: clinic.visits: perf_pipeline_capture_delete: is disabled",
            True,
        ),
        (
            "ALTER TABLE clinic.visits DISABLE TRIGGER perf_pipeline_capture_delete;"
            " ALTER TABLE clinic.visits ENABLE TRIGGER perf_pipeline_capture_delete",
            "trigger: clinic.visits: perf_pipeline_capture_delete: "
            "does not fire in replication roles",
            False,
        ),
        (
            "CREATE TABLE clinic.readings_3 PARTITION OF clinic.readings FOR VALUES FROM (200) TO"
            " (300); INSERT INTO clinic.readings_3 VALUES (1, 201, 0)",
            "trigger: clinic.readings_3: perf_pipeline_capture_insert: missing",
            True,
        ),
        (
            "CREATE TABLE clinic.readings_3 PARTITION OF clinic.readings FOR VALUES FROM (200) TO"
            " (300)",
            "trigger: clinic.readings_3: perf_pipeline_capture_insert: missing",
            False,
        ),
        (
            "UPDATE perf_pipeline_meta.invalidation_rule SET per = 'row' WHERE source_name ="
            " 'clinic.settings'",
            "rule: dashboard: clinic.settings (*): declared otherwise",
            True,
        ),
        (
            "CREATE FUNCTION perf_pipeline_meta.capture_old() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER perf_pipeline_capture_insert AFTER INSERT"
            " ON clinic.patients EXECUTE FUNCTION perf_pipeline_meta.capture_old()",
            "drop trigger: clinic.patients: perf_pipeline_capture_insert: not declared",
            False,
        ),
    ],
)
def test_drift_is_found_and_mended(
    connection: Connection, drift: Any, found: str, everybody: bool
) -> None:
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    install.install(connection, "clinic", [DASHBOARD])
    forget(connection)
    connection.execute(drift)
    forget(connection)
    assert found in steps(connection, DASHBOARD)
    install.install(connection, "clinic", [DASHBOARD])
    assert steps(connection, DASHBOARD) == []
    assert set(waiting(connection)) == ({"*"} if everybody else set())


def test_a_changed_function_is_found(connection: Connection) -> None:
    install.install(connection, "clinic", [DASHBOARD])
    name = next(
        row["name"]
        for row in catalog.rows(connection, "functions")
        if row["name"].endswith("_insert")
    )
    connection.execute(f"ALTER FUNCTION perf_pipeline_meta.{name}() SECURITY INVOKER")
    assert steps(connection, DASHBOARD) == [f"function: {name}: changed"]
    install.install(connection, "clinic", [DASHBOARD])
    assert steps(connection, DASHBOARD) == []


def test_nobody_else_may_use_a_function_of_ours(connection: Connection) -> None:
    """On a table of a stranger its casts would be the stranger's, and run with our rights."""
    install.install(connection, "clinic", [DASHBOARD])
    names = [row["name"] for row in catalog.rows(connection, "functions")]
    connection.execute("CREATE ROLE capture_stranger_2")
    try:
        connection.execute(
            "GRANT USAGE ON SCHEMA perf_pipeline_meta TO capture_stranger_2;"
            " GRANT CREATE, USAGE ON SCHEMA clinic TO capture_stranger_2"
        )
        connection.execute("SET ROLE capture_stranger_2")
        connection.execute("CREATE TABLE clinic.bait (patient_id integer)")
        for name in names:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    "CREATE TRIGGER t AFTER INSERT ON clinic.bait"
                    f" EXECUTE FUNCTION perf_pipeline_meta.{name}()"
                )
        connection.execute("RESET ROLE")
        connection.execute(f"GRANT EXECUTE ON FUNCTION perf_pipeline_meta.{names[0]}() TO PUBLIC")
        assert steps(connection, DASHBOARD) == [f"function: {names[0]}: changed"]
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY capture_stranger_2")
        connection.execute("DROP ROLE capture_stranger_2")


def test_a_path_that_cannot_be_followed_concerns_everybody(connection: Connection) -> None:
    install.install(connection, "clinic", [DASHBOARD])
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    connection.execute("INSERT INTO clinic.lines (visit_id) SELECT id FROM clinic.visits")
    forget(connection)
    connection.execute("UPDATE clinic.lines SET code = 'x'")
    connection.execute("ALTER TABLE clinic.visits RENAME TO calls")
    told = queue.fold(connection)
    assert told.unresolved == (
        "dashboard: visit_id -> clinic.visits.id : patient_id: "
        'relation "clinic.visits" does not exist',
    )
    (depth,) = queue.depth(connection)
    assert depth.last_error == told.unresolved[0]
    assert waiting(connection) == {"*": 1}


def test_a_path_over_no_index_is_told(connection: Connection) -> None:
    cache = _captured("clinic.settings", "value -> clinic.lines.code : visit_id")
    assert install.look(connection, [cache]).notes[-1] == (
        "no index of clinic.lines begins with code: to follow a path reads all of the table"
    )


def test_what_is_declared_no_longer_is_taken_away(connection: Connection) -> None:
    other = CacheType("other", (Captured("clinic.visits", "id"),))
    install.install(connection, "clinic", [DASHBOARD, other])
    forget(connection)
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    install.install(connection, "clinic", [DASHBOARD])
    assert waiting(connection, "other") == {"1": 1}, "what was in the log is kept"
    assert waiting(connection) == {"1": 1}, "and the others have missed nothing"
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    assert waiting(connection, "other") == {}
    install.install(connection, "clinic", [])
    left = [name for (name,) in everything_of_ours(connection) if "capture" in name]
    assert left == []


def test_one_trigger_serves_all_caches_of_a_table(connection: Connection) -> None:
    caches = [CacheType(n, (Captured("clinic.visits", "patient_id"),)) for n in ("x", "y", "z")]
    install.install(connection, "clinic", caches)
    row = connection.execute(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'clinic.visits'::regclass"
        " AND NOT tgisinternal"
    ).fetchone()
    assert row == (5,)
    forget(connection)
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1), (2)")
    assert [set(waiting(connection, n)) for n in ("x", "y", "z")] == [{"1", "2"}] * 3


def test_a_table_that_gets_children_is_captured_otherwise(connection: Connection, url: str) -> None:
    """Old rows of all of them are looked at; meanwhile nobody's write fails."""
    cache = _captured("clinic.visits", "patient_id")
    install.install(connection, "clinic", [cache])
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    forget(connection)
    connection.execute("CREATE TABLE clinic.old_visits () INHERITS (clinic.visits)")
    with worker(url) as writer:
        with writer.transaction():
            writer.execute("UPDATE clinic.visits SET patient_id = 2")
            with pytest.raises(LockBudgetError):
                install.install(connection, "clinic", [cache], IMPATIENT)
            writer.execute("UPDATE clinic.visits SET patient_id = 1")
        writer.execute("UPDATE clinic.visits SET patient_id = 2")
    install.install(connection, "clinic", [cache])
    assert steps(connection, cache) == []
    forget(connection)
    connection.execute("INSERT INTO clinic.old_visits (id, patient_id) VALUES (9, 9)")
    assert waiting(connection, "c") == {"9": 1}
    connection.execute("UPDATE clinic.visits SET patient_id = 1")
    assert waiting(connection, "c") == {"1": 1, "2": 1, "9": 1}
    connection.execute("DROP TABLE clinic.old_visits")
    install.install(connection, "clinic", [cache])
    assert steps(connection, cache) == []
    forget(connection)
    connection.execute("UPDATE clinic.visits SET patient_id = 2")
    assert waiting(connection, "c") == {"1": 1, "2": 1}


@pytest.mark.parametrize("per", ["statement", "row"])
def test_only_columns_that_matter(connection: Connection, per: Any) -> None:
    cache = CacheType(
        "dashboard", (Captured("clinic.visits", "patient_id", per, ("note", "facts")),)
    )
    install.install(connection, "clinic", [cache])
    connection.execute("INSERT INTO clinic.visits (patient_id, note) VALUES (1, 'a'), (2, 'b')")
    forget(connection)
    connection.execute("UPDATE clinic.visits SET seen_on = now(), note = note")
    assert logged(connection) == 0
    connection.execute("UPDATE clinic.visits SET note = 'b' WHERE patient_id = 1")
    assert waiting(connection) == {"1": 1}
    connection.execute("UPDATE clinic.visits SET facts = '{}' WHERE patient_id = 2")
    assert waiting(connection) == {"2": 1}
    connection.execute("UPDATE clinic.visits SET patient_id = 1 WHERE patient_id = 2")
    assert set(waiting(connection)) == {"1", "2"}
    # two rows of one entity that exchange their values
    connection.execute("UPDATE clinic.visits SET note = id::text")
    waiting(connection)
    connection.execute(
        "UPDATE clinic.visits SET note = (SELECT sum(v.id) FROM clinic.visits AS v)::int"
        " - note::int"
    )
    assert set(waiting(connection)) == {"1"}


def test_entities_of_every_type(connection: Connection) -> None:
    connection.execute("CREATE TYPE clinic.kind AS ENUM ('one', 'two')")
    connection.execute("CREATE DOMAIN clinic.code AS text CHECK (value <> '')")
    values = {
        "integer": "1",
        "bigint": "2",
        "numeric": "1.50",
        "text": "t'x",
        "varchar(9)": "v",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "boolean": "true",
        "clinic.kind": "two",
        "clinic.code": "c",
    }
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(values))
    connection.execute(f'CREATE TABLE clinic."odd""name" ({columns}, f float)')
    caches = [
        CacheType(f"c{i}", (Captured('clinic.odd"name', f"c{i}"),)) for i in range(len(values))
    ]
    install.install(connection, "clinic", caches)
    forget(connection)
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f'INSERT INTO clinic."odd""name" VALUES ({marks})', [*values.values()])
    for text, cache in zip(values.values(), caches, strict=True):
        assert waiting(connection, cache.name) == {text: 1}
    connection.execute('UPDATE clinic."odd""name" SET c3 = \'u\', f = 1')
    assert waiting(connection, "c3") == {"t'x": 1, "u": 1}


def test_per_row(connection: Connection) -> None:
    cache = CacheType(
        "dashboard",
        (
            Captured("clinic.visits", "patient_id", "row"),
            Captured("clinic.readings", "patient_id", "row"),
        ),
    )
    install.install(connection, "clinic", [cache])
    forget(connection)
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1), (1), (NULL)")
    assert waiting(connection) == {"1": 2}
    connection.execute("UPDATE clinic.visits SET patient_id = 2 WHERE id = 1")
    assert waiting(connection) == {"1": 1, "2": 1}
    with connection.transaction():
        connection.execute("SET LOCAL perf_pipeline.bulk = on")
        connection.execute("UPDATE clinic.visits SET note = 'x'")
        connection.execute("UPDATE clinic.visits SET note = 'y'")
    assert waiting(connection) == {"1": 1, "2": 1}
    connection.execute("DELETE FROM clinic.visits WHERE patient_id = 2")
    assert waiting(connection) == {"2": 1}
    # a new partition has the row triggers at once, and needs that of TRUNCATE
    connection.execute(
        "CREATE TABLE clinic.readings_3 PARTITION OF clinic.readings FOR VALUES FROM (200) TO (300)"
    )
    connection.execute("INSERT INTO clinic.readings_3 VALUES (1, 201, 0)")
    assert waiting(connection) == {"1": 1}
    assert steps(connection, cache) == [
        "trigger: clinic.readings_3: perf_pipeline_capture_truncate: missing"
    ]
    install.install(connection, "clinic", [cache])
    assert steps(connection, cache) == []
    install.uninstall(connection)
    assert everything_of_ours(connection) == []


def _captured(*args: Any, **kwargs: Any) -> CacheType:
    return CacheType("c", (Captured(*args, **kwargs),))


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        (_captured("clinic.nothing", "id"), "table clinic.nothing does not exist"),
        (_captured("clinic.visits", "patent_id"), "entity names 'patent_id'.*no column"),
        (_captured("clinic.visits", "id", columns=("nota",)), "columns names 'nota'"),
        (_captured("clinic.visits", "seen_on"), "seen_on of type date.*not the same"),
        (_captured("clinic.visits", "facts"), "facts of type jsonb"),
        (_captured("clinic.readings_1", "patient_id"), "is a part of clinic.readings"),
        (_captured("clinic.a_view", "id"), "clinic.a_view is no table"),
        (
            _captured("clinic.lines", "code -> clinic.visits.id : patient_id"),
            "code is text, and clinic.visits.id, to which it leads, is bigint",
        ),
        (
            _captured("clinic.lines", "visit_id -> clinic.nothing.id : patient_id"),
            "table clinic.nothing does not exist",
        ),
        (replace(DASHBOARD, process="clinic.refresh"), "process names clinic.refresh"),
    ],
)
def test_what_cannot_be_captured_is_told(
    connection: Connection, cache: CacheType, message: str
) -> None:
    connection.execute("CREATE VIEW clinic.a_view AS SELECT 1 AS id")
    with pytest.raises(ConfigurationError, match=message):
        install.install(connection, "clinic", [cache])
    assert everything_of_ours(connection) == []


def test_who_does_not_own_a_table_is_told(connection: Connection, url: str) -> None:
    connection.execute("CREATE ROLE capture_stranger")
    try:
        connection.execute("GRANT USAGE ON SCHEMA clinic TO capture_stranger")
        connection.execute("SET ROLE capture_stranger")
        with pytest.raises(ConfigurationError, match="belongs to postgres") as told:
            install.install(connection, "clinic", [DASHBOARD])
        assert "GRANT postgres TO" in told.value.remedy
        connection.execute("RESET ROLE")
        connection.execute("ALTER TABLE clinic.settings OWNER TO capture_stranger")
        connection.execute("SET ROLE capture_stranger")
        with pytest.raises(ConfigurationError, match="records of invalidation cannot be made"):
            install.install(connection, "clinic", [_captured("clinic.settings", "*")])
    finally:
        connection.execute("RESET ROLE")
        connection.execute("REASSIGN OWNED BY capture_stranger TO postgres")
        connection.execute("DROP OWNED BY capture_stranger")
        connection.execute("DROP ROLE capture_stranger")


def test_a_role_that_owns_the_tables_is_enough(connection: Connection) -> None:
    """It installs, works the queue, and is no superuser."""
    connection.execute("CREATE ROLE capture_owner")
    try:
        connection.execute("GRANT USAGE, CREATE ON SCHEMA clinic TO capture_owner")
        connection.execute("ALTER TABLE clinic.settings OWNER TO capture_owner")
        connection.execute("ALTER TABLE clinic.visits OWNER TO capture_owner")
        row = connection.execute("SELECT current_database()").fetchone()
        connection.execute(f"GRANT CREATE ON DATABASE {row[0]} TO capture_owner")  # type: ignore[index]
        connection.execute("SET ROLE capture_owner")
        caches = [
            CacheType(
                "dashboard",
                (Captured("clinic.settings", "*"), Captured("clinic.visits", "patient_id")),
                debounce_s=0,
            )
        ]
        install.install(connection, "clinic", caches)
        forget(connection)
        connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (NULL)")
        connection.execute("SELECT perf_pipeline_meta.invalidate('dashboard', '7')")
        queue.fold(connection)
        batch = queue.claim(connection, caches[0])
        assert [due.entity for due in batch] == ["7"]
        queue.fail(connection, [(due, "x") for due in batch], caches[0])
        queue.tidy(connection)
        install.uninstall(connection)
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP SCHEMA IF EXISTS perf_pipeline_meta CASCADE")
        connection.execute("REASSIGN OWNED BY capture_owner TO postgres")
        connection.execute("DROP OWNED BY capture_owner")
        connection.execute("DROP ROLE capture_owner")


def test_a_table_in_use_makes_nobody_wait_long(connection: Connection, url: str) -> None:
    with worker(url) as other, other.transaction():
        other.execute("INSERT INTO clinic.settings VALUES ('a')")
        with pytest.raises(LockBudgetError, match=r"capture changes of clinic\.settings"):
            install.install(connection, "clinic", [DASHBOARD], IMPATIENT)
    assert install.look(connection, [DASHBOARD]).steps
    install.install(connection, "clinic", [DASHBOARD])
    assert steps(connection, DASHBOARD) == []


def test_a_new_cache_of_a_captured_table_waits_for_those_who_write_under_the_old_function(
    connection: Connection, url: str
) -> None:
    """What they wrote is in nobody's log: they must have ended before everything is queued."""
    install.install(connection, "clinic", [DASHBOARD])
    other = CacheType("other", (Captured("clinic.visits", "id"),))
    with worker(url) as writer, writer.transaction():
        writer.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
        with pytest.raises(LockBudgetError):
            install.install(connection, "clinic", [DASHBOARD, other], IMPATIENT)
        assert waiting(connection, "other") == {}
        assert steps(connection, DASHBOARD, other) == [
            "rule: other: clinic.visits (id): not captured everywhere",
            "trigger: clinic.visits: perf_pipeline_capture_moved: looks at other rows",
        ]
    install.install(connection, "clinic", [DASHBOARD, other])
    assert steps(connection, DASHBOARD, other) == []
    assert waiting(connection, "other") == {"*": 1}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", [4, 9, 14, 25, 40])
def test_a_killed_installation_is_finished_by_the_next(
    url: str, connection: Connection, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
    count = 0
    real = psycopg.Connection.execute

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == at + 13:  # the first look, and our records
            self.close()
            raise Killed
        return real(self, *args, **kwargs)

    with worker(url) as dying, monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", execute)
        with pytest.raises((Killed, psycopg.OperationalError)):
            install.install(dying, "clinic", [DASHBOARD])
    # what is there works: nobody's write fails
    connection.execute("UPDATE clinic.visits SET note = 'x'")
    install.install(connection, "clinic", [DASHBOARD])
    assert steps(connection, DASHBOARD) == []
    assert "*" in waiting(connection), "what was written meanwhile is made anew"
    connection.execute("UPDATE clinic.visits SET note = 'y'")
    assert waiting(connection) == {"1": 1}


def test_an_entity_s_column_is_not_dropped_under_its_trigger(connection: Connection) -> None:
    install.install(connection, "clinic", [_captured("clinic.lines", "code")])
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="capture_moved"):
        connection.execute("ALTER TABLE clinic.lines DROP COLUMN code")
    install.install(connection, "clinic", [])
    connection.execute("ALTER TABLE clinic.lines DROP COLUMN code")
