"""Make the copy that indexes are tried on: a database's schema, sizes and statistics, no row.

A private server on this machine gets the schema (pg_dump), the pages and rows of tables and
indexes, and how many different values columns have, never a value itself. The target's definitions
belong to a role that may do nothing elsewhere; the target is only read, while it is copied.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from psycopg import conninfo, sql

from perf_pipeline.advice.clone import Clone, Sizes, run, set_rows
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target

#: The copy's database, and the role that owns what is in it.
NAME: Final = "clone"
#: Folders of copies; the number of the process that made one comes next.
_FOLDER: Final = "perf-pipeline-clone-"
#: A copy plans alone: nothing may gather its (empty) statistics, nothing has to last.
_SETTINGS: Final = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "1GB",
    "shared_buffers": "32MB",
}
#: How long reading a schema may take, and how long it waits for a lock (another's DDL).
_DUMP_SECONDS: Final = 120.0
_LOCK_WAIT: Final = "2s"
_EXPLAIN_MS: Final = 5_000


def look(connection: psycopg.Connection[Any]) -> Sizes:
    """Read what the planner of a target knows."""
    return Sizes(
        run(connection, "advice/relation_sizes"),
        run(connection, "advice/column_statistics"),
        {row["name"]: row["value"] for row in run(connection, "advice/planner_settings")},
    )


def remove_leftovers(place: Path) -> None:
    """Remove the copies of processes that were killed; their servers ended with them."""
    for folder in place.glob(f"{_FOLDER}*-*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def of(target: Target) -> Iterator[Clone]:
    """Copy a target's schema and statistics to a private server, and remove it at the end.

    Raises
    ------
    ConfigurationError
        Its schema may not be read.
    UnreachableError
        The target does not answer.
    ServerStartError
        The private server does not start.

    """
    url = target.maintenance_url()
    with pg.session(url, read_only=True, autocommit=True) as connection:
        sizes = look(connection)
    remove_leftovers(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    try:
        folder.chmod(0o711)
        dump = folder / "schema.sql"
        _dump(url, dump, target.name)
        with EmbeddedServer(folder / "server", settings=_SETTINGS) as server:
            yield from _filled(server, dump, sizes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _dump(url: str, path: Path, name: str) -> None:
    """Write the schema of a database; locks it against dropped tables only, and not for long."""
    parts = conninfo.conninfo_to_dict(pg.libpq_url(url))
    password = parts.pop("password", None)
    environment = {
        **os.environ,
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": f"{pg.APPLICATION_NAME}:advice",
    }
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    # shorter than any writer's patience: it reads catalogs, and gives up where it has to wait
    environment["PGOPTIONS"] = f"-c lock_timeout={_LOCK_WAIT} -c statement_timeout=60s"
    program = binaries.find(None).program("pg_dump")
    command = [
        str(program), "--schema-only", "--no-owner", "--no-privileges", "--no-publications",
        "--no-subscriptions", "--no-security-labels", "--no-tablespaces", "--no-comments",
        f"--lock-wait-timeout={_LOCK_WAIT}", f"--file={path}",
        f"--dbname={conninfo.make_conninfo('', **parts)}",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True,
            timeout=_DUMP_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(
            f"target {name!r}: its schema was not read within {_DUMP_SECONDS:g} s", "try again"
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["pg_dump failed"])[-1]
        raise ConfigurationError(
            f"target {name!r}: its schema may not be read: {said}",
            "let <URL_ENV>_MAINTENANCE name a role with SELECT on its tables (pg_read_all_data), "
            "or try again when nobody changes the schema",
        )


def _filled(server: EmbeddedServer, dump: Path, sizes: Sizes) -> Iterator[Clone]:
    endpoint = server.start()
    with psycopg.connect(endpoint.url(), autocommit=True) as first:
        first.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(NAME), sql.Literal(endpoint.password)
            )
        )
        first.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(NAME), sql.Identifier(NAME)
            )
        )
    planner_url = conninfo.make_conninfo(
        "", host=endpoint.host, port=endpoint.port, user=NAME, password=endpoint.password,
        dbname=NAME,
    )  # fmt: skip
    with psycopg.connect(endpoint.url(NAME), autocommit=True) as first:
        _add_extensions(first, dump.read_text("utf-8"))
    wrong = _restore(planner_url, dump)
    with (
        psycopg.connect(endpoint.url(NAME), autocommit=True) as admin,
        # a named statement would keep the plan it had
        psycopg.connect(planner_url, autocommit=True, prepare_threshold=None) as planner,
    ):
        clone = Clone(admin, planner, endpoint.data_directory, sizes)
        if wrong:
            clone.notes.append(f"{wrong} objects could not be made on the copy (extensions, say)")
        _set_sizes(clone)
        for name, value in sizes.settings.items():
            planner.execute("SELECT set_config(%s, %s, false)", (name, value))
        planner.execute("SELECT set_config('statement_timeout', %s, false)", (str(_EXPLAIN_MS),))
        # a generic plan is asked for; compiling costs nothing here
        planner.execute("SELECT set_config('jit', 'off', false)")
        yield clone


_EXTENSION: Final = re.compile(
    r'^CREATE EXTENSION IF NOT EXISTS "?([a-z0-9_-]+)"? WITH SCHEMA ("?[^;"]+"?);$', re.MULTILINE
)


def _add_extensions(admin: psycopg.Connection[Any], schema: str) -> None:
    """Make the extensions a schema asks for as far as this server's own bundle has them."""
    there = {row[0] for row in admin.execute("SELECT name FROM pg_available_extensions").fetchall()}
    for name, place in _EXTENSION.findall(schema):
        if name not in there:
            continue
        where = sql.Identifier(place.strip('"'))
        admin.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(
                where, sql.Identifier(NAME)
            )
        )
        admin.execute(
            sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}").format(
                sql.Identifier(name), where
            )
        )


def _restore(url: str, dump: Path) -> int:
    """Make what the dump says, leaving out what cannot be made; return how much that was."""
    parts = conninfo.conninfo_to_dict(url)
    environment = {**os.environ, "PGPASSWORD": str(parts.pop("password", ""))}
    done = subprocess.run(
        [str(binaries.find(None).program("psql")), "--no-psqlrc", "--quiet",
         "--dbname", conninfo.make_conninfo("", **parts), "--file", str(dump)],
        env=environment, capture_output=True, text=True, timeout=_DUMP_SECONDS, check=False,
    )  # fmt: skip
    # what an extension needed is there already
    return sum(
        " ERROR: " in line and not line.endswith("already exists")
        for line in done.stderr.splitlines()
    )


def _set_sizes(clone: Clone) -> None:
    """Tell the copy's planner the sizes of relations and what columns hold."""
    there = {(row["schema_name"], row["name"]) for row in clone.relations()}
    relations = [r for r in clone.sizes.relations if (r["schema_name"], r["name"]) in there]
    columns = [r for r in clone.sizes.columns if (r["schema_name"], r["table_name"]) in there]
    for name, rows in (("clone_set_relation", relations), ("clone_set_column", columns)):
        set_rows(clone, name, rows)
    missing = len(clone.sizes.relations) - len(relations)
    if missing:
        clone.notes.append(f"{missing} tables or indexes are not on the copy")
