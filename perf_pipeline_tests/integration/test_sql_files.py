"""Every SQL file has its header and is understood by the server: parsed, resolved, planned.

Files that define objects have been run by the fixture; load scripts go through pgbench.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import schema, thorbis
from perf_pipeline.examples.thorbis_data import Size
from perf_pipeline.loadtests import pgbench
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, migrate
from perf_pipeline_tests.conftest import PG_BIN

pytestmark = pytest.mark.server

#: Small, but with every kind of row.
SIZE = Size(businesses=8, orders_per_business=40)

#: Load scripts, and files whose objects the fixture made by running each of them.
DEFINING = re.compile(r"\w+/(load|schema|meta|\d{4})/")

#: psql script with variables; run as printed by test_cli.
NOT_PLAIN = {"catalog/grants.sql"}


def relative(path: Path) -> str:
    return str(path.relative_to(sqlfiles.root()))


def every_file() -> list[Path]:
    return sorted(sqlfiles.root().rglob("*.sql"))


def plain_files() -> list[str]:
    """Return the files to try one by one; of variants, the one for the tests' server."""
    names = [relative(path) for path in every_file()]
    plain = [name for name in names if not DEFINING.match(name) and name not in NOT_PLAIN]
    stems = {re.sub(r"(\.pg\d+)?\.sql$", "", name) for name in plain}
    major = binaries.find(PG_BIN).major
    return sorted(relative(sqlfiles.load(stem, major).path) for stem in stems)


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> Iterator[str]:
    """Yield a database with everything any file may speak of: the store and thorbis."""
    name = "sql_files"
    server.ensure_database(name)
    url = server.url(name)
    with Store(url) as store:
        migrate.upgrade(store)
    schema.apply(url)
    thorbis.generate(url, SIZE.businesses, SIZE.orders_per_business)
    yield url
    server.drop_database(name)


def test_there_are_files_of_every_kind() -> None:
    folders = {relative(path).split("/")[0] for path in every_file()}
    assert {"snapshots", "catalog", "store", "target", "thorbis"} <= folders


@pytest.mark.parametrize("name", [relative(path) for path in every_file()])
def test_header_names_purpose_and_version(name: str) -> None:
    file = sqlfiles.parse(sqlfiles.root() / name)
    assert file.purpose
    assert 14 <= file.minimum_version <= sqlfiles.NEWEST_TESTED_MAJOR


def understood(connection: psycopg.Connection, text: str) -> None:
    """Have the server parse, resolve and plan a statement, or execute one that is no query."""
    # identifiers that the code puts in: the extension's schema is public in this database
    text = re.sub(r"\{\w+\}", "public", text)
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    bare = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE).strip().rstrip(";")
    if re.match(r"(SELECT|INSERT|UPDATE|DELETE|WITH|VALUES)\b", bare, re.IGNORECASE):
        numbered = re.sub(r"%\((\w+)\)[sbt]", number, bare).replace("%%", "%")
        connection.execute(f"PREPARE understood AS {numbered}")  # type: ignore[call-overload]
        count = max((int(found) for found in re.findall(r"\$(\d+)", numbered)), default=0)
        values = f"({', '.join(['NULL'] * count)})" if count else ""
        connection.execute(f"EXPLAIN EXECUTE understood{values}")  # type: ignore[call-overload]
    else:
        connection.execute(text)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", plain_files())
def test_server_understands_it(template: str, name: str) -> None:
    file = sqlfiles.parse(sqlfiles.root() / name)
    with psycopg.connect(template) as connection:
        understood(connection, file.text)
        connection.rollback()


def test_a_wrong_name_is_noticed(template: str) -> None:
    with psycopg.connect(template) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        understood(connection, "SELECT no_such_column FROM ledger.sweeps WHERE ts > %(since)s")


@pytest.mark.parametrize("script", pgbench.scripts("thorbis/load"), ids=lambda script: script.name)
def test_load_script_runs(
    make_database: Callable[..., str],
    server: EmbeddedServer,
    template: str,
    script: pgbench.Script,
    tmp_path: Path,
) -> None:
    url = make_database(template.rsplit("/", 1)[1])
    done = subprocess.run(
        [
            *(str(binaries.find().program("pgbench")), "-n", "-t", "5", "-M", "prepared"),
            *(f"-D{name}={value}" for name, value in SIZE.variables().items()),
            *("-f", str(script.path), url),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 5/5" in done.stdout
