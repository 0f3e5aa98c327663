"""Read another program's tables: read-only, bounded, each statement a transaction of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.imports.layouts import Layout, Program, recognise
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.deadline import deadline


class TooSlowError(UnreachableError):
    """A statement did not end within the limit."""


class Repository:
    """One session on the database of a repository.

    No transaction spans two statements: a repository of many days would otherwise keep the
    database from cleaning up for as long as the import runs.

    Parameters
    ----------
    url : str
    program : str, optional
        Which repository, where the database has several.
    limits : postgres.connect.Limits, optional
        Default: the environment's.

    Raises
    ------
    ConfigurationError
        No repository, or one that is not supported.
    UnreachableError

    """

    def __init__(
        self, url: str, program: Program | None = None, limits: pg.Limits | None = None
    ) -> None:
        self.where = pg.describe(url)
        self._limits = limits or pg.Limits.from_settings()
        self._connection = pg.connect(url, limits=self._limits, read_only=True)
        self._schema = sql.Identifier("public")
        try:
            self.layout: Layout = self._look(program)
        except BaseException:
            self._connection.close()
            raise
        self._schema = sql.Identifier(self.layout.schema)

    @property
    def server_version(self) -> int:
        """`server_version_num` of the server that holds the repository."""
        return self._connection.info.server_version

    def _look(self, program: Program | None) -> Layout:
        relations = {
            (row["schema_name"], row["relation"]): row["columns"]
            for row in self.rows("repositories")
        }
        extensions = {row["name"]: row["version"] for row in self.rows("extensions")}
        return recognise(relations, extensions, self.where, program)

    def rows(self, name: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Return the rows of `sql/imports/<name>.sql`."""
        with self._statement(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._text(name), params).fetchall()

    def frame(self, name: str, schema: copy.Schema, params: Mapping[str, object]) -> pl.DataFrame:
        """Return the rows of `sql/imports/<name>.sql` as a frame with these columns."""
        with self._statement():
            return copy.read_frame(self._connection, self._text(name), schema, params)

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _text(self, name: str) -> sql.Composed:
        return sql.SQL(sqlfiles.load(f"imports/{name}").text).format(schema=self._schema)

    @contextmanager
    def _statement(self) -> Iterator[None]:
        """Bound one read, end its transaction, and say what its error means."""
        with deadline(self._connection, pg.most_seconds(self._limits), self.where):
            try:
                yield
            except pg_errors.InsufficientPrivilege as error:
                raise ConfigurationError(
                    f"{self.where}: {str(error).splitlines()[0]}",
                    "grant this role SELECT on the tables of the repository (pg_profile's texts:"
                    " pg_read_all_stats)",
                ) from error
            except pg_errors.QueryCanceled as error:
                raise TooSlowError(
                    f"{self.where}: a read did not end within its limit",
                    "set PERF_STATEMENT_TIMEOUT_MS higher for this command",
                ) from error
            finally:
                # a lost connection is told by the statement that lost it
                with suppress(psycopg.OperationalError):
                    self._connection.rollback()


def choose(
    found: Sequence[Mapping[str, Any]], wanted: str | None, key: str, what: str, option: str
) -> Mapping[str, Any]:
    """Return the one row that is wanted, by its name or its number. Pure.

    Parameters
    ----------
    found : Sequence of Mapping
        Each with `name` and the number under `key`.
    wanted : str or None
        None: the only one.
    key, what, option : str
        For messages: `server`, `--server`.

    Raises
    ------
    ConfigurationError
        None, or several, are meant; lists what there is.

    """
    match = [row for row in found if wanted is None or wanted in {str(row["name"]), str(row[key])}]
    if len(match) == 1:
        return match[0]
    if not found:
        raise ConfigurationError(
            f"the repository has no history of any {what}",
            "check that it is the right database, and that snapshots are taken",
        )
    listed = ", ".join(f"{row['name']} ({row[key]})" for row in found)
    said = f"several {what}s" if wanted is None or match else f"no {what} {wanted!r}"
    raise ConfigurationError(
        f"the repository has {said}: {listed}", f"choose with {option}, by name or number"
    )
