"""An empty copy of a database that plans as the full one does; `copying` makes it.

The planner asks the file system how many pages a table has, so the empty files are made as long as
the real ones: they are sparse, and take no room. Nothing is executed on it but EXPLAIN.
"""

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.advice.skew import Asked
from perf_pipeline.postgres import sqlfiles

Row = Mapping[str, Any]

#: Bytes of a page, and pages of a file before the next one begins: as PostgreSQL is built.
PAGE: Final = 8192
_SEGMENT: Final = 131_072
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
            set_rows(
                self,
                "clone_set_column",
                [{**row, "n_distinct": shares[_at(row, self.roots)]} for row in real],
            )
            return self.explain(text)
        finally:
            set_rows(self, "clone_set_column", real)

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


def set_rows(clone: Clone, name: str, rows: Sequence[Row]) -> None:
    """Write rows of statistics by `sql/catalog/<name>.sql`."""
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
