"""Every SQL file has its header and has run on every PostgreSQL it claims.

Each file is one of four kinds, by its folder: applied once by the code that makes the store or an
example system, run by pgbench, run by psql, or executed here by itself with made-up parameters.
"""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import guardian, menuca, menuca_kit, omninode, schema, thorbis
from perf_pipeline.examples.thorbis_data import Size
from perf_pipeline.loadtests import compile as compile_scenario
from perf_pipeline.loadtests import drive, pgbench, scenario
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.recovery import drills
from perf_pipeline.store import Store, migrate, partitions, targets
from perf_pipeline.views import catalog as views_catalog
from perf_pipeline_tests.servers.running import MAJORS

pytestmark = pytest.mark.server

#: Small, but with every kind of row.
SIZE = Size(businesses=8, orders_per_business=40)
OMNINODE = omninode.Size(events=500, days=40)
GUARDIAN = guardian.Size(patients=20, audit_rows=200, years=1)
MENUCA = menuca_kit.Size(tenants=20, orders_per_restaurant=10)

#: Example systems, each with what fills it.
SYSTEMS: dict[str, Callable[[str], object]] = {
    "thorbis": lambda url: thorbis.generate(url, SIZE.businesses, SIZE.orders_per_business),
    "menuca": lambda url: menuca.generate(url, MENUCA.tenants, MENUCA.orders_per_restaurant),
    "omninode": lambda url: omninode.generate(url, OMNINODE.events, OMNINODE.days),
    "guardian": lambda url: guardian.generate(url, *astuple(GUARDIAN)),
}

#: Variables of the load scripts of each system that has some.
VARIABLES = {
    "thorbis": SIZE.variables(),
    "menuca": MENUCA.variables(),
    "omninode": OMNINODE.variables(),
    "guardian": GUARDIAN.variables(),
}

#: A day for every time parameter; the store has its partitions.
DAY = date(2026, 1, 2)

#: Files that run in the code that makes the store or a system: their text must have been sent.
APPLIED = re.compile(
    rf"store/\d{{4}}/|target/meta/|views/meta/|invalidation/meta/|recovery/meta/|({'|'.join(SYSTEMS)})/schema/"
)
LOAD = re.compile(rf"({'|'.join(SYSTEMS)})/(load|loadtests)/")
SCENARIOS = [scenario.load(name) for name in scenario.names()]

#: psql scripts.
PSQL = {"catalog/grants.sql"}

#: Tables of other programs, in a schema for each of their layouts.
LAYOUTS = sorted((Path(__file__).parents[1] / "imports" / "layouts").glob("*.sql"))

#: A made-up row that a constraint refuses: the statement was parsed, planned and run up to it.
REFUSED = psycopg.errors.IntegrityError

#: Values of the types our parameters have, as SQL.
_VALUES = {
    "boolean": "true",
    "date": f"'{DAY}'",
    "interval": "'1 hour'",
    "json": "'{}'",
    "jsonb": "'{}'",
    "text": "'day'",  # date_trunc takes it, too
    "character varying": "'x'",
    "name": "'x'",
    "bytea": "'x'",
    "uuid": "'00000000-0000-0000-0000-000000000001'",
    "timestamp with time zone": f"'{DAY} 12:00Z'",
    "timestamp without time zone": f"'{DAY} 12:00'",
    **dict.fromkeys(("smallint", "integer", "bigint", "oid", "numeric", "real"), "'1'"),
    "double precision": "'1'",
    "pg_lsn": "'0/1'",
    "regclass": "'pg_catalog.pg_class'",
    "box": "'(0,0),(1,1)'",
    "ledger.source": "'collected'",
}
#: Parameters that take not every value of their type.
_NAMED = {
    "client_encoding": "'UTF8'",
    **dict.fromkeys(("statement_timeout", "lock_timeout", "held"), "'1s'"),
    "read_only": "'on'",
    "of_schema": "'ledger'",
    "of_relation": "'sweeps'",
    "of_column": "'ts'",
    "tags": "ARRAY['{}']::text[]",
    **dict.fromkeys(("kinds", "entries", "records"), "'[]'"),
    "environments": "ARRAY['staging']::perf_mgmt.environment_enum[]",
}

#: What upkeep puts in for the tables and columns of a policy; elsewhere it is a schema.
_PLACED = {
    "links": "guardian.medical_data_relationships",
    "kinds_table": "guardian.relationship_types",
    **dict.fromkeys(("sources", "targets"), "guardian.documents"),
    **{name: name for name in ("source_table", "source_id", "target_table", "target_id")},
    "type_column": "relationship_type",
    "key": "id",
    "archived": "archived",
    "created_at": "created_at",
    "after": "true",
    "source_is": "r.source_table = %(source_table)s",
    "target_is": "r.target_table = %(target_table)s",
    "table": "guardian.documents",
    "column": "updated_at",
    "conditions": "true",
    "returned": "t.updated_at",
    "arrays": "pg_catalog.unnest(ARRAY[now()])",
    "names": "c0",
    "matches": "a.updated_at = k.c0",
    "balance": "guardian.analyze_shard_balance",
    "distribution": "guardian.shard_distribution_analysis",
    "relation": "monitoring.business_performance_metrics",
    "tenant": "business_id",
    "at": "measured_at",
    "load": "transactions_per_minute",
    "response_ms": "avg_response_ms",
    "metrics": "omninode.get_performance_metrics",
    "drawn": "t.business_id::text",
    "ordered": "1",
}


def relative(path: Path) -> str:
    return str(path.relative_to(sqlfiles.root()))


FILES = {relative(path): path for path in sorted(sqlfiles.root().rglob("*.sql"))}
PLAIN = [name for name in FILES if not (APPLIED.match(name) or LOAD.match(name) or name in PSQL)]


def claimed(major: int) -> list[str]:
    """Return the plain files for a version: of variants the one that is its."""
    stems = sorted({re.sub(r"(\.pg\d+)?\.sql$", "", name) for name in PLAIN})
    files = [sqlfiles.load(stem, major) for stem in stems]
    return [relative(file.path) for file in files if file.minimum_version <= major]


def test_there_are_files_of_every_kind() -> None:
    folders = {name.split("/")[0] for name in FILES}
    assert {"snapshots", "catalog", "store", "target", "thorbis"} <= folders


@pytest.mark.parametrize("name", FILES)
def test_header_names_purpose_and_version(name: str) -> None:
    file = sqlfiles.parse(FILES[name])
    assert file.purpose
    variant = re.search(r"\.pg(\d+)\.sql$", name)
    if variant:
        assert file.minimum_version == int(variant[1])
    assert file.minimum_version in MAJORS
    # the store and the example systems live on every version
    if not name.startswith(("snapshots/", "catalog/", "partitions/")):
        assert file.minimum_version == MAJORS[0]


def test_every_plain_file_is_claimed_by_some_version() -> None:
    assert {name for major in MAJORS for name in claimed(major)} == set(PLAIN)


def test_a_folder_that_nothing_runs_is_noticed() -> None:
    """Scripts of a system without an entry in SYSTEMS would be taken for single statements."""
    scripts = [name for name in PLAIN if re.search(r"/(load|loadtests|schema|meta|\d{4})/", name)]
    assert scripts == []


@dataclass(frozen=True)
class Prepared:
    """A database with everything any file may speak of, and every statement that made it."""

    url: str
    major: int
    sent: frozenset[str]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def recorded(sent: set[str]) -> Iterator[None]:
    """Note each statement that psycopg sends."""
    real = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.add(squeezed(query if isinstance(query, str) else query.as_string(self)))
        return real(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        yield


@pytest.fixture(scope="module")
def server(each_server: EmbeddedServer) -> EmbeddedServer:
    return each_server


@pytest.fixture(scope="module")
def prepared(server: EmbeddedServer, each_major: int) -> Iterator[Prepared]:
    name = "sql_files"
    server.ensure_database(name)
    url = server.url(name)
    sent: set[str] = set()
    with recorded(sent):
        with Store(url) as store:
            migrate.upgrade(store)
            targets.register(store, "day")
            with store.begin() as connection:
                connection.execute("CREATE EXTENSION pgstattuple SCHEMA public")
                connection.execute("CREATE EXTENSION pg_buffercache SCHEMA public")
                partitions.ensure(connection, DAY)
        for system, fill in SYSTEMS.items():
            schema.apply(url, system)
            fill(url)
        with psycopg.connect(url, autocommit=True) as connection:
            views_catalog.install(connection, name)
            drills.install(connection)
    with psycopg.connect(url) as connection:
        for layout in LAYOUTS:
            connection.execute(f"CREATE SCHEMA of_{layout.stem}")  # type: ignore[call-overload]
            connection.execute(f"SET LOCAL search_path = of_{layout.stem}")  # type: ignore[call-overload]
            connection.execute(layout.read_text("utf-8"))  # type: ignore[call-overload]
    yield Prepared(url, each_major, frozenset(sent))
    server.drop_database(name)


def test_files_that_make_store_and_systems_were_applied(prepared: Prepared) -> None:
    texts = {
        name: squeezed(FILES[name].read_text("utf-8")) for name in FILES if APPLIED.match(name)
    }
    assert len(texts) > 50
    assert [name for name, text in texts.items() if text not in prepared.sent] == []


def schema_of(name: str) -> str:
    """Return what the code puts in for the schema of an extension or of a repository."""
    program = re.match(r"imports/(powa|pg_profile)_(?:rows_(\d+))?", name)
    if program is None:
        return "public"
    return f"of_{program[1]}_{program[2] or {'powa': '50', 'pg_profile': '47'}[program[1]]}"


def executed(connection: psycopg.Connection, text: str, schema: str = "public") -> None:
    """Execute a statement with a made-up value for each of its parameters."""
    text = re.sub(r"\{(\w+)\}", lambda match: _PLACED.get(match[1], schema), text)
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    def run(statement: str) -> psycopg.Cursor:
        return connection.execute(statement)  # type: ignore[call-overload, no-any-return]

    bare = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE).strip().rstrip(";")
    if re.match(r"(SELECT|INSERT|UPDATE|DELETE|WITH|VALUES)\b", bare, re.IGNORECASE):
        numbered = re.sub(r"%\((\w+)\)[sbt]", number, bare).replace("%%", "%")
        run(f"PREPARE made_up AS {numbered}")
        found = run(
            "SELECT t.type::regtype::text, e.enum FROM pg_prepared_statements AS p,"
            " unnest(p.parameter_types) WITH ORDINALITY AS t (type, place)"
            " LEFT JOIN pg_type AS a ON a.oid = t.type"
            " LEFT JOIN LATERAL (SELECT min(enumlabel) FROM pg_enum"
            " WHERE enumtypid IN (t.type, a.typelem)) AS e (enum) ON true"
            " WHERE p.name = 'made_up' ORDER BY t.place"
        ).fetchall()
        values = ", ".join(
            _NAMED.get(name) or value(kind, label)
            for name, (kind, label) in zip_longest(names, found)
        )
        run(f"EXECUTE made_up{f'({values})' if values else ''}")
    else:
        run(text)


def value(kind: str, label: str | None) -> str:
    """Return a value of a type as SQL; `label` is one of the enumeration's, if it is one."""
    if kind.endswith("[]"):
        return f"ARRAY[{value(kind.removesuffix('[]'), label)}]::{kind}"
    return f"'{label}'::{kind}" if label is not None else f"{_VALUES[kind]}::{kind}"


def test_every_other_file_runs(prepared: Prepared) -> None:
    names = claimed(prepared.major)
    assert len(names) > 90
    wrong: dict[str, str] = {}
    with psycopg.connect(prepared.url) as connection:
        assert connection.info.server_version // 10_000 == prepared.major
        for name in names:
            connection.execute("SET LOCAL statement_timeout = '30s'")
            try:
                executed(connection, sqlfiles.parse(FILES[name]).text, schema_of(name))
            except REFUSED:
                pass
            except (psycopg.Error, KeyError) as error:
                wrong[name] = f"{type(error).__name__}: {error}"
            connection.rollback()
            connection.execute("DEALLOCATE ALL")
    assert wrong == {}


def test_a_wrong_name_is_noticed(prepared: Prepared) -> None:
    with psycopg.connect(prepared.url) as connection:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            executed(connection, "SELECT no_such_column FROM ledger.sweeps WHERE ts > %(since)s")
        connection.rollback()
        # found only by a statement that runs
        with pytest.raises(psycopg.errors.DivisionByZero):
            executed(connection, "SELECT 1 / (n - 1) FROM generate_series(1, %(n)s) AS n")


def test_every_load_script_is_of_a_system_whose_scripts_run() -> None:
    found = {name.split("/")[0] for name in FILES if LOAD.match(name) and "/load/" in name}
    assert found == set(VARIABLES)


@pytest.mark.parametrize("system", VARIABLES)
def test_load_scripts_run(prepared: Prepared, system: str, tmp_path: Path) -> None:
    run_by_pgbench(prepared.url, pgbench.scripts(f"{system}/load"), VARIABLES[system], tmp_path)


def test_operations_of_scenarios_run(prepared: Prepared, tmp_path: Path) -> None:
    named = {relative(file.path) for each in SCENARIOS for file in each.files.values()}
    assert named == {name for name in FILES if LOAD.match(name) and "/loadtests/" in name}
    with psycopg.connect(prepared.url) as connection:
        for each in SCENARIOS:
            facts = drive.facts(connection, each)
            scripts = compile_scenario.write(each, tmp_path / each.name)
            run_by_pgbench(prepared.url, scripts, facts, tmp_path)


def run_by_pgbench(
    url: str, scripts: Sequence[pgbench.Script], variables: Mapping[str, int], folder: Path
) -> None:
    done = subprocess.run(
        [
            *(str(binaries.find().program("pgbench")), "-n", "-t", "5", "-M", "prepared"),
            *(f"-D{name}={value}" for name, value in variables.items()),
            *(word for script in scripts for word in ("-f", f"{script.path}@1")),
            *("--random-seed=5", f"-t{20 * len(scripts)}", url),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # each of them ran: pgbench tells of every script how often
    ran = re.findall(r"^ - (\d+) transactions", done.stdout, re.MULTILINE)
    assert len(ran) == len(scripts)
    assert all(int(times) > 0 for times in ran), done.stdout


def test_grants_run(prepared: Prepared) -> None:
    psql = binaries.find().program("psql")
    script = "\\set ON_ERROR_STOP 1\nBEGIN;\n" + FILES["catalog/grants.sql"].read_text("utf-8")
    done = subprocess.run(
        [psql, "-X", "-q", "-v", "password=pw-1", "-v", "database=sql_files", prepared.url],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
