"""Many queries in one round trip: a savepoint and a COPY each, sent together.

A query that fails is undone to its savepoint, and what came after it is sent again: the others are
read as if it had not been there. Needs an open transaction, or an opening that begins one.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result
from psycopg.waiting import Ready, Wait

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.postgres.drain import encoding, rows, send

_SAVEPOINT = sql.SQL("SAVEPOINT /* perf-pipeline */ family; ")
_RELEASE = sql.SQL("; RELEASE SAVEPOINT /* perf-pipeline */ family; ")
_UNDO = sql.SQL(
    "ROLLBACK TO SAVEPOINT /* perf-pipeline */ family;"
    " RELEASE SAVEPOINT /* perf-pipeline */ family; "
)


@dataclass(frozen=True)
class Query:
    """One SELECT without parameters, and the columns it returns, in their order.

    Without columns it is run for what it does: not by COPY, and its rows are dropped. In binary,
    its answer is for `fixed.parse`, else for `copy.parse`.
    """

    name: str
    text: sql.Composable
    schema: Schema
    binary: bool = False


@dataclass
class _Got:
    """What one round trip brought."""

    opened: bool = False
    answers: list[bytes] = field(default_factory=list)
    error: psycopg.Error | None = None


def read(
    connection: psycopg.Connection,
    queries: Sequence[Query],
    opening: sql.Composable | None = None,
    arrived: Callable[[str, bytes], None] = lambda _name, _data: None,
) -> Mapping[str, bytes | psycopg.Error]:
    """Run queries and return each one's rows as COPY sent them, or the error that it alone met.

    Parameters
    ----------
    connection : psycopg.Connection
    queries : sequence of Query
        Names differ.
    opening : sql.Composable, optional
        Statements sent before them, in the same round trip; their own rows are dropped.
    arrived : callable
        Called with name and rows of each answer as it is complete: work to be done while the server
        makes the next ones.

    Returns
    -------
    Mapping of name to bytes or psycopg.Error
        In the order of `queries`.

    Raises
    ------
    psycopg.Error
        The opening failed, or the connection broke.

    """
    found: dict[str, bytes | psycopg.Error] = {}
    left = list(queries)
    before = opening
    while left or before is not None:
        parts = [] if before is None else [before, sql.SQL("; ")]
        for query in left:
            parts += [_SAVEPOINT, _copied(query), _RELEASE]
        names = [query.name for query in left]
        text = _bytes(connection, parts)
        got = connection.wait(_exchange(connection.pgconn, text, names, arrived))
        if got.error is not None and (connection.closed or not got.opened):
            raise got.error
        for query, data in zip(left, got.answers, strict=False):
            found[query.name] = data
        left = left[len(got.answers) :]
        before = None
        if got.error is not None:
            found[left.pop(0).name] = got.error
            before = _UNDO
    return found


def _copied(query: Query) -> sql.Composable:
    if not query.schema:
        return query.text
    form = sql.SQL("binary" if query.binary else "csv")
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT {})").format(query.text, form)


def _bytes(connection: psycopg.Connection, parts: Sequence[sql.Composable]) -> bytes:
    return sql.Composed(parts).as_bytes(connection)


def _exchange(
    link: pq.abc.PGconn, text: bytes, names: Sequence[str], arrived: Callable[[str, bytes], None]
) -> Generator[Wait, Ready | int, _Got]:
    """Send a string of statements and take all its answers."""
    yield from send(link, text)
    got = _Got()
    pending: bytearray | None = None
    while True:
        while link.is_busy():
            yield Wait.R
            link.consume_input()
        result = link.get_result()
        if result is None:
            return got
        if result.status == pq.ExecStatus.COPY_OUT:
            pending = yield from rows(link)
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            got.error = error_from_result(result, encoding=encoding(link))
            pending = None
        elif result.command_status == b"SAVEPOINT":
            got.opened = True
        elif result.status == pq.ExecStatus.TUPLES_OK and got.opened:
            got.answers.append(b"")
            arrived(names[len(got.answers) - 1], b"")
        elif pending is not None:  # COPY ended well
            got.answers.append(bytes(pending))
            pending = None
            arrived(names[len(got.answers) - 1], got.answers[-1])
