"""Reading a target inside one transaction: many families in one round trip, a failing one alone."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.postgres import batch, copy, fixed, sqlfiles
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.snapshots import values
from perf_pipeline.snapshots.families import READ

GRANT_REMEDY = "GRANT pg_monitor TO the monitoring role (`doctor --grants` prints it)"

_T = TypeVar("_T")


#: Asked last in each round trip: our own wait holds the network, and turns of other threads.
_TOOK: Final = "took"


@dataclass
class Meter:
    """Adds up the milliseconds that the target was at work, or was waited for."""

    ms: float = 0.0

    def run(self, call: Callable[[], _T]) -> _T:
        """Call, and count the time it took."""
        start = time.perf_counter()
        try:
            return call()
        finally:
            self.ms += (time.perf_counter() - start) * 1000.0


class Reader:
    """Reads families of one target; what the server refuses is undone to its savepoint and noted.

    Attributes
    ----------
    meter : Meter
    rows_read : int
    notes : list of str
        One sentence for each family left out.
    digests : dict of str
        Of the answers of the families that `families` was asked to compare.

    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.meter = Meter()
        self.rows_read = 0
        self.notes: list[str] = []
        self.digests: dict[str, str] = {}
        self._opening: sql.Composable | None = None

    @contextmanager
    def transaction(self, limits: pg.Limits | None) -> Iterator[None]:
        """Read in one transaction; the first reading begins it, in the same round trip."""
        self._opening = pg.opening(self.connection, limits)
        try:
            yield
        finally:
            self.meter.run(lambda: pg.end(self.connection))

    def families(
        self,
        queries: Sequence[batch.Query],
        needed: str = "",
        known: Mapping[str, str | None] | None = None,
        each: Callable[[str, pl.DataFrame], None] | None = None,
    ) -> dict[str, pl.DataFrame]:
        """Read in one round trip; a family that the server refuses has a note and no frame.

        Parameters
        ----------
        queries : sequence of postgres.batch.Query
        needed : str
            Name of the one that nothing can be read without.
        known : Mapping of name to str or None, optional
            Families to compare with the digest of their last answer: one whose answer is the same,
            byte for byte, has no frame either.
        each : callable, optional
            Called with name and frame of each family as it arrives, while the server reads on.

        Raises
        ------
        psycopg.errors.ObjectNotInPrerequisiteState
            pg_stat_statements is not loaded.
        psycopg.Error
            The connection broke, or the needed one was refused.

        """
        opening, self._opening = self._opening, None
        queries = [*queries, query(_TOOK, sqlfiles.load(f"snapshots/{_TOOK}"), READ[_TOOK])]
        untyped = pg.is_untyped(self.connection)
        asked = {query.name: query for query in queries}
        frames: dict[str, pl.DataFrame] = {}
        waiting, own, took = Meter(), Meter(), Meter()

        def arrived(name: str, answer: bytes) -> None:
            if name == _TOOK:
                took.ms = float(answer)
                return
            if known is not None and name in known:
                self.digests[name] = _digest(asked[name], answer)
                if self.digests[name] == known[name]:
                    self.rows_read += answer.count(b"\n")
                    return
            schema = asked[name].schema
            frames[name] = (
                fixed.parse(answer, schema)
                if asked[name].binary
                else copy.parse(answer, schema, untyped=untyped)
            )
            self.rows_read += frames[name].height
            if each is not None:
                each(name, frames[name])

        refused = True
        try:
            answers = waiting.run(
                lambda: batch.read(
                    self.connection,
                    queries,
                    opening,
                    lambda name, answer: own.run(lambda: arrived(name, answer)),
                )
            )
            refused = any(isinstance(answer, psycopg.Error) for answer in answers.values())
        finally:
            # after a refusal the rest was asked for again, which the last message knows nothing of
            self.meter.ms += waiting.ms - own.ms if refused else took.ms
        for name, answer in answers.items():
            if isinstance(answer, pg_errors.ObjectNotInPrerequisiteState):
                raise answer
            if isinstance(answer, psycopg.Error):
                if name == needed:
                    raise answer
                self.notes.append(left_out(name, answer))
        return frames

    def and_undo(self, name: str, params: Mapping[str, object]) -> pl.DataFrame | None:
        """Read a family with parameters and give back the locks it took; None where refused."""
        text = sql.SQL(sqlfiles.load(f"snapshots/{name}").text)
        self._run("SAVEPOINT /* perf-pipeline */ family")
        try:
            frame = self.meter.run(lambda: read(self.connection, text, name, params))
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            self.notes.append(left_out(name, error))
            frame = None
        self._run("ROLLBACK TO SAVEPOINT /* perf-pipeline */ family")
        if frame is not None:
            self.rows_read += frame.height
        return frame

    def _run(self, text: str) -> None:
        self.meter.run(lambda: self.connection.execute(text.encode()))


@dataclass(frozen=True)
class Visit:
    """What a source may use that goes on after the sweep's transaction.

    Attributes
    ----------
    reader : Reader
        Outside a transaction; for its connection, notes and meter.
    limits : postgres.connect.Limits or None
        None: the environment's.
    extensions : Mapping of extension to schema
        Installed in the database.
    before : polars.DataFrame or None
        The source's own state.
    now : datetime
        The sweep's instant, aware.

    """

    reader: Reader
    limits: pg.Limits | None
    extensions: Mapping[str, str]
    before: pl.DataFrame | None
    now: datetime


def _digest(query: batch.Query, answer: bytes) -> str:
    """Return what tells an answer from others; the columns count, a later version may add some."""
    made = hashlib.blake2b(",".join(query.schema).encode(), digest_size=16)
    made.update(answer)
    return made.hexdigest()


def query(
    name: str, file: SqlFile, schema: copy.Schema, extension: str = "", *, binary: bool = False
) -> batch.Query:
    """Return the query of a file of sql/snapshots.

    Parameters
    ----------
    name : str
    file : SqlFile
    schema : Mapping of column to polars dtype
    extension : str
        Schema of the extension its header names.
    binary : bool
        Whether its rows travel in binary.

    """
    text: sql.Composable = sql.SQL(file.text)
    if "extension" in file.header:
        text = sql.SQL(file.text).format(extension=sql.Identifier(extension))
    return batch.Query(name, text, schema, binary)


def row(frame: pl.DataFrame | None) -> dict[str, Any]:
    """Return the first row, times aware; empty when there is none."""
    if frame is None or frame.is_empty():
        return {}
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in frame.row(0, named=True).items()
    }


def read(
    connection: psycopg.Connection,
    text: sql.SQL | sql.Composed,
    name: str,
    params: Mapping[str, object],
) -> pl.DataFrame:
    """Run a family's query with parameters and return its rows.

    Not by COPY, which has no parameters: a list of numbers written into the statement would make it
    a new statement of pg_stat_statements each time.
    """
    rows = connection.execute(text, params).fetchall()
    if pg.is_untyped(connection):
        rows = [tuple(pg.readable(v) if isinstance(v, str) else v for v in row) for row in rows]
    return pl.DataFrame(rows, schema=dict(READ[name]), orient="row")


def left_out(name: str, error: psycopg.Error) -> str:
    """Say which family could not be read, why, and what helps."""
    reason = values.screened(first_line(error))
    if isinstance(error, pg_errors.LockNotAvailable):
        reason += " (a catalog is locked; PERF_LOCK_TIMEOUT_MS sets how long we wait)"
    elif isinstance(error, pg_errors.QueryCanceled):
        reason += " (PERF_STATEMENT_TIMEOUT_MS sets the limit)"
    elif isinstance(error, pg_errors.InsufficientPrivilege):
        reason += f"; {GRANT_REMEDY}"
    return f"{name} left out: {reason}"


def first_line(error: psycopg.Error) -> str:
    """Return the server's message without its details."""
    return error.diag.message_primary or str(error).strip().partition("\n")[0]
