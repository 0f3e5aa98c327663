"""A copy of a table that follows it while it is written to: a trigger, batches, a comparison.

A trigger carries every change over, in the writer's own transaction; rows that were there before
are copied in small batches, locked for the moment of their batch and skipped where a writer has
them. So killed anywhere, it goes on from what the copy has.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.errors import ArchiveError
from perf_pipeline.partitions import names
from perf_pipeline.partitions.archive import content_of
from perf_pipeline.partitions.model import Partition

TRIGGER: Final = "perf_pipeline_sync"
#: A writer of a row that is being copied waits for its batch: this long, about.
_BATCH_S: Final = 0.1
_LEAST, _MOST = 200, 20_000


class Following:
    """One table and its copy, in the same schema.

    Parameters
    ----------
    connection : psycopg.Connection
        In autocommit, by a role that owns the table.
    schema, table : str
    relation : int
        The table's oid.
    own_key, key : sequence of str
        Columns of the table's primary key, and of the copy's.
    columns : sequence of str
        All that are not generated.

    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        schema: str,
        table: str,
        relation: int,
        own_key: Sequence[str],
        key: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        # where policies would hide rows from us, it is an error instead
        connection.execute("SET row_security = off")
        self._connection, self.schema, self.table = connection, schema, table
        self.relation = relation
        self._own_key, self._key, self._column_names = own_key, key, columns
        self.new = names.fitted(table, "perf_new")
        self.old = names.fitted(table, "perf_old")
        self._function = names.fitted(table, "perf_sync")
        self._table = sql.Identifier(schema, table)
        self._copy = sql.Identifier(schema, self.new)
        self._columns = sql.SQL(", ").join(map(sql.Identifier, columns))

    def is_followed(self) -> bool:
        """Whether changes are carried over."""
        row = self._connection.execute(
            "SELECT /* perf-pipeline */ EXISTS (SELECT FROM pg_catalog.pg_trigger"
            " WHERE tgrelid = %s AND tgname = %s)",
            (self.relation, TRIGGER),
        ).fetchone()
        return bool(row and row[0])

    def exists(self, name: str) -> bool:
        """Whether the table's schema has a relation of that name."""
        row = self._connection.execute(
            "SELECT /* perf-pipeline */ to_regclass(%s)",
            (sql.Identifier(self.schema, name).as_string(self._connection),),
        ).fetchone()
        return bool(row and row[0])

    def add_trigger(self, inside: psycopg.Connection[Any]) -> None:
        """Add what carries changes over: the copy's rows are the table's, at every commit."""
        function = sql.Identifier(self.schema, self._function)
        same = sql.SQL(" AND ").join(
            sql.SQL("{0} = OLD.{0}").format(sql.Identifier(name)) for name in self._key
        )
        values = sql.SQL(", ").join(
            sql.SQL("NEW.{}").format(sql.Identifier(name)) for name in self._column_names
        )
        body = sql.SQL(
            "BEGIN IF TG_OP = 'TRUNCATE' THEN TRUNCATE {copy}; RETURN NULL; END IF;"
            " IF TG_OP <> 'INSERT' THEN DELETE FROM {copy} WHERE {same}; END IF;"
            " IF TG_OP <> 'DELETE' THEN INSERT INTO {copy} ({columns}) OVERRIDING SYSTEM VALUE"
            " VALUES ({values}); END IF; RETURN NULL; END"
        ).format(copy=self._copy, same=same, columns=self._columns, values=values)
        inside.execute(
            sql.SQL(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
                " SET search_path = pg_catalog AS {}"
            ).format(function, sql.Literal(body.as_string(inside)))
        )
        for name, when in ((TRIGGER, "INSERT OR UPDATE OR DELETE"), (f"{TRIGGER}_all", "")):
            each = sql.SQL("AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW")
            all_ = sql.SQL("AFTER TRUNCATE ON {} FOR EACH STATEMENT")
            inside.execute(
                sql.SQL("CREATE TRIGGER {} ").format(sql.Identifier(name))
                + (each if when else all_).format(self._table)
                + sql.SQL(" EXECUTE FUNCTION {}()").format(function)
            )
            inside.execute(
                sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(
                    self._table, sql.Identifier(name)
                )
            )

    def copy(self) -> int:
        """Copy what is missing, in batches, until nothing is; return how many rows."""
        same = sql.SQL(" AND ").join(
            sql.SQL("c.{0} = s.{0}").format(sql.Identifier(name)) for name in self._key
        )
        keys = sql.SQL(", ").join(map(sql.Identifier, self._own_key))
        copied, size, after = 0, 1_000, None
        while True:
            start = time.monotonic()
            beyond: sql.SQL | sql.Composed = sql.SQL("")
            if after is not None:
                beyond = sql.SQL(" AND ({}) > ({})").format(
                    keys, sql.SQL(", ").join(map(sql.Literal, after))
                )
            statement = sql.SQL(
                "WITH taken AS MATERIALIZED (SELECT {columns} FROM {table} AS s WHERE NOT EXISTS"
                " (SELECT FROM {copy} AS c WHERE {same}){beyond} ORDER BY {keys} LIMIT {size}"
                " FOR SHARE SKIP LOCKED), put AS (INSERT INTO {copy} ({columns})"
                " OVERRIDING SYSTEM VALUE SELECT {columns} FROM taken ON CONFLICT DO NOTHING)"
                " SELECT count(*) OVER (), {last} FROM taken ORDER BY {descending} LIMIT 1"
            ).format(
                columns=self._columns,
                table=self._table,
                copy=self._copy,
                same=same,
                beyond=beyond,
                keys=keys,
                # as text: there are times that Python has not
                last=sql.SQL(", ").join(
                    sql.SQL("{}::text").format(sql.Identifier(name)) for name in self._own_key
                ),
                descending=sql.SQL(", ").join(
                    sql.SQL("{} DESC").format(sql.Identifier(name)) for name in self._own_key
                ),
                size=sql.Literal(size),
            )
            with self._connection.transaction():
                # other joins read the copy whole, or from its beginning, for each batch
                self._connection.execute(
                    "SELECT /* perf-pipeline */ set_config('enable_hashjoin', 'off', true),"
                    " set_config('enable_mergejoin', 'off', true)"
                )
                last = self._connection.execute(statement, prepare=False).fetchone()
            if last is None:
                if after is None and not self._missing(same):
                    return copied
                if after is None:  # somebody holds what is missing
                    time.sleep(0.05)
                after = None
                continue
            copied, after = copied + last[0], last[1:]
            took = time.monotonic() - start
            size = int(min(_MOST, max(_LEAST, size * min(2.0, _BATCH_S / max(took, 0.001)))))

    def _missing(self, same: sql.Composed) -> bool:
        row = self._connection.execute(
            sql.SQL(
                "SELECT /* perf-pipeline */ EXISTS (SELECT FROM {} AS s WHERE NOT EXISTS"
                " (SELECT FROM {} AS c WHERE {}))"
            ).format(self._table, self._copy, same)
        ).fetchone()
        return bool(row and row[0])

    def compare(self) -> int:
        """Compare both in one snapshot; return their rows."""
        shown = self._column_names
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            here = content_of(self._connection, Partition(self.schema, self.table), shown)
            there = content_of(
                self._connection, Partition(self.schema, self.new), shown, only=False
            )
        if here != there:
            raise ArchiveError(
                f"{self.schema}.{self.table} has {here[0]} rows, its copy {there[0]}; or they "
                "differ",
                "nothing was swapped; drop the copy, and begin again",
            )
        return here[0]

    def stop_following(self, inside: psycopg.Connection[Any]) -> None:
        """Remove the triggers and their function."""
        for name in (TRIGGER, f"{TRIGGER}_all"):
            inside.execute(
                sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(name), self._table)
            )
        function = sql.Identifier(self.schema, self._function)
        inside.execute(sql.SQL("DROP FUNCTION IF EXISTS {}()").format(function))
