"""An empty copy of a database that plans as the full one does: its schema, sizes and statistics.

A private server on this machine gets the schema (pg_dump), the pages and rows of tables and
indexes, and how many different values columns have, never a value itself. The planner asks the
file system how many pages a table has, so the empty files are made as long as the real ones: they
are sparse, and take no room. Nothing is executed on it but EXPLAIN; the target's definitions belong
to a role that may do nothing elsewhere. The target is only read, and only while it is copied.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from psycopg import conninfo, sql
from psycopg.rows import dict_row

from perf_pipeline.advice.skew import Asked
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

Row = Mapping[str, Any]

#: The copy's database, and the role that owns what is in it.
NAME: Final = "clone"
#: Bytes of a page, and pages of a file before the next one begins: as PostgreSQL is built.
PAGE: Final = 8192
_SEGMENT: Final = 131_072
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
#: Literals with the type before them take no parameter: the cast behind it does.
_TYPED: Final = re.compile(r"\b(interval|date|timestamp|timestamptz|time)\s+(\$\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Sizes:
    """What the planner of a target knows of sizes and columns.

    Attributes
    ----------
    relations : list of Mapping
        Rows of `sql/advice/relation_sizes.sql`.
    columns : list of Mapping
        Rows of `sql/advice/column_statistics.sql`.
    settings : dict
        Of `sql/advice/planner_settings.sql`.

    """

    relations: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    settings: dict[str, str]


@dataclass
class Clone:
    """A copy that is there to be planned on.

    Attributes
    ----------
    admin, planner : psycopg.Connection
        The private server's own role, and the one that plans.
    data_directory : Path
        Of the private server.
    sizes : Sizes
    notes : list of str
        What is missing of it.

    """

    admin: psycopg.Connection[Any]
    planner: psycopg.Connection[Any]
    data_directory: Path
    sizes: Sizes
    notes: list[str] = field(default_factory=list)

    @cached_property
    def roots(self) -> dict[tuple[str, str], tuple[str, str]]:
        """The table that each partition belongs to."""
        return {
            (row["schema_name"], row["name"]): (row["root_schema"], row["root_name"])
            for row in self.sizes.relations
            if row["root_name"] is not None and row["kind"] != "i"
        }

    def explain(self, text: str) -> dict[str, Any] | str:
        """Return the generic plan of a normalised statement, or why there is none."""
        statement = _TYPED.sub(r"CAST(\2 AS \1)", text)
        try:
            found = self.planner.execute(
                "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) " + statement,
            ).fetchone()
        except psycopg.Error as error:
            return (str(error).strip().splitlines() or [repr(error)])[0]
        plan = found[0] if found is not None else None
        if isinstance(plan, str):
            plan = json.loads(plan)
        if not isinstance(plan, list) or not plan or "Plan" not in plan[0]:
            return "it has no plan"
        made: dict[str, Any] = plan[0]["Plan"]
        return made

    def explain_asking(self, text: str, values: Sequence[Asked]) -> dict[str, Any] | str:
        """Return the generic plan for values that are not as frequent as the mean."""
        if not values:
            return self.explain(text)
        shares = {(each.table, each.column): each.n_distinct for each in values}
        real = [row for row in self.sizes.columns if _at(row, self.roots) in shares]
        try:
            _set_rows(
                self,
                "clone_set_column",
                [{**row, "n_distinct": shares[_at(row, self.roots)]} for row in real],
            )
            return self.explain(text)
        finally:
            _set_rows(self, "clone_set_column", real)

    def relations(self) -> list[dict[str, Any]]:
        """Return what is on the copy: schema_name, name, relid, kind."""
        return run(self.admin, "catalog/clone_relations")

    def index_keys(self) -> list[dict[str, Any]]:
        """Return the key columns of its usable plain btree indexes."""
        return run(self.admin, "catalog/clone_keys")

    def add_index(self, name: str, schema: str, table: str, columns: tuple[str, ...]) -> list[Row]:
        """Make an index that no plan uses until it is shown; call it before `stretch`.

        Returns
        -------
        list of Mapping
            It and those of partitions: relid, and schema_name, table_name, kind of its table.

        """
        self.admin.execute(
            sql.SQL("CREATE INDEX {} ON {} ({})").format(
                sql.Identifier(name),
                sql.Identifier(schema, table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
        )
        qualified = sql.Identifier(schema, name).as_string(self.admin)
        made: list[Row] = [*run(self.admin, "catalog/clone_index_tree", {"index": qualified})]
        return made

    def show(self, seen: Collection[int], tried: Collection[int]) -> None:
        """Let plans use some of the indexes that are tried, and none of the others."""
        self.admin.execute(
            sqlfiles.load("catalog/clone_valid").text, {"seen": list(seen), "tried": list(tried)}
        )

    def stretch(self, more: Mapping[int, int]) -> None:
        """Make files as long as the real ones: every relation of the target, and some more.

        Parameters
        ----------
        more : Mapping of oid to pages

        """
        known = {(row["schema_name"], row["name"]): row["relid"] for row in self.relations()}
        pages = {
            known[row["schema_name"], row["name"]]: row["pages"]
            for row in self.sizes.relations
            if row["kind"] in ("r", "m", "i") and (row["schema_name"], row["name"]) in known
        }
        for oid, count in {**pages, **more}.items():
            row = self.admin.execute("SELECT pg_relation_filepath(%s::oid)", (oid,)).fetchone()
            if row is not None and row[0] is not None and count > 0:
                _stretch(self.data_directory / row[0], count)


def run(
    connection: psycopg.Connection[Any], name: str, params: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of `sql/<name>.sql`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sqlfiles.load(name).text, dict(params or {})).fetchall()


def _stretch(path: Path, pages: int) -> None:
    """Make a relation's file, and the next ones, sparse and as long as so many pages."""
    owner = path.stat()
    number = 0
    while True:
        here = min(pages, _SEGMENT)
        part = path if number == 0 else path.with_name(f"{path.name}.{number}")
        with part.open("ab"):
            pass
        if part.stat().st_size < here * PAGE:
            os.truncate(part, here * PAGE)
        if os.geteuid() == 0:
            os.chown(part, owner.st_uid, owner.st_gid)
            part.chmod(owner.st_mode & 0o777)
        pages -= here
        number += 1
        # a full file is followed by another one, even an empty one
        if pages <= 0 and here < _SEGMENT:
            return


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
    done = subprocess.run(
        [str(binaries.find(None).program("psql")), "--no-psqlrc", "--quiet", "--dbname", url,
         "--file", str(dump)],
        capture_output=True, text=True, timeout=_DUMP_SECONDS, check=False,
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
        _set_rows(clone, name, rows)
    missing = len(clone.sizes.relations) - len(relations)
    if missing:
        clone.notes.append(f"{missing} tables or indexes are not on the copy")


def _set_rows(clone: Clone, name: str, rows: Sequence[Row]) -> None:
    text = sqlfiles.load(f"catalog/{name}", sqlfiles.NEWEST_TESTED_MAJOR).text
    with clone.admin.pipeline(), clone.admin.cursor() as cursor:
        for row in rows:
            of = {
                "of_schema": row["schema_name"],
                "of_relation": row.get("table_name") or row["name"],
                "of_column": row.get("column_name"),
            }
            cursor.execute(text, {**row, **of})


def _at(row: Row, roots: Mapping[tuple[str, str], tuple[str, str]]) -> tuple[Any, str]:
    table = (row["schema_name"], row["table_name"])
    return roots.get(table, table), row["column_name"]
