"""Take what a COPY sends, all that has arrived at a time.

psycopg's own copy waits once for every row; a hundred thousand rows are seconds of waiting for
nothing.
"""

from collections.abc import Generator, Iterator

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result
from psycopg.waiting import Ready, Wait


def drain(connection: psycopg.Connection, statement: sql.Composable) -> bytearray:
    """Run one COPY ... TO STDOUT and return what it sent.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction, or one is begun, unless it commits by itself.
    statement : sql.Composable

    Raises
    ------
    psycopg.Error
        The statement failed, or the connection broke.

    """
    idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
    if idle and not connection.autocommit:
        connection.execute("")
    return connection.wait(_drained(connection.pgconn, statement.as_bytes(connection)))


def pieces(
    connection: psycopg.Connection, statement: sql.Composable, most_bytes: int
) -> Iterator[bytearray]:
    """Run one COPY ... TO STDOUT and yield what it sent, whole rows, some megabytes at a time.

    The connection is busy until the last piece was taken.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction, or in autocommit.
    statement : sql.Composable
    most_bytes : int
        A piece is as long as this, and one row more.

    Raises
    ------
    psycopg.Error
        The statement failed, or the connection broke.

    """
    link = connection.pgconn
    connection.wait(_sent(link, statement.as_bytes(connection)))
    while True:
        piece, ended = connection.wait(_piece(link, most_bytes))
        if piece:
            yield piece
        if ended:
            break


def send(link: pq.abc.PGconn, text: bytes) -> Generator[Wait, Ready | int, None]:
    """Send statements, reading meanwhile: a server that waits for us to read takes nothing."""
    link.send_query(text)
    while True:
        ready = yield Wait.RW
        if ready & Ready.R:
            link.consume_input()
        if link.flush() == 0:
            break


def _sent(link: pq.abc.PGconn, statement: bytes) -> Generator[Wait, Ready | int, None]:
    """Send one COPY and wait until its rows begin."""
    yield from send(link, statement)
    while link.is_busy():
        yield Wait.R
        link.consume_input()
    result = link.get_result()
    if result is not None and result.status == pq.ExecStatus.COPY_OUT:
        return
    error = error_from_result(result, encoding=encoding(link)) if result else None
    while link.get_result() is not None:
        pass
    raise error or psycopg.OperationalError("the server sent no rows")


def _piece(
    link: pq.abc.PGconn, most_bytes: int
) -> Generator[Wait, Ready | int, tuple[bytearray, bool]]:
    """Take rows until there are enough; True when those were the last."""
    taken = bytearray()
    while len(taken) < most_bytes:
        length, row = link.get_copy_data(1)
        if length > 0:
            taken += row
        elif length == 0:
            yield Wait.R
            link.consume_input()
        else:
            yield from _ended(link)
            return taken, True
    # a generator that never waits is no generator to psycopg: look for a word of the server
    yield Wait.RW
    return taken, False


def _ended(link: pq.abc.PGconn) -> Generator[Wait, Ready | int, None]:
    """Take the results after the last row; raise the error that ended the rows early."""
    while True:
        while link.is_busy():
            yield Wait.R
            link.consume_input()
        result = link.get_result()
        if result is None:
            return
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = error_from_result(result, encoding=encoding(link))
            while link.get_result() is not None:
                pass
            raise error


def _drained(link: pq.abc.PGconn, statement: bytes) -> Generator[Wait, Ready | int, bytearray]:
    yield from send(link, statement)
    found = bytearray()
    error: psycopg.Error | None = None
    while True:
        while link.is_busy():
            yield Wait.R
            link.consume_input()
        result = link.get_result()
        if result is None:
            break
        if result.status == pq.ExecStatus.COPY_OUT:
            found = yield from rows(link)
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            error = error_from_result(result, encoding=encoding(link))
    if error is not None:
        raise error
    return found


def rows(link: pq.abc.PGconn) -> Generator[Wait, Ready | int, bytearray]:
    """Take the rows of a COPY that has begun, to its end."""
    taken = bytearray()
    while True:
        length, row = link.get_copy_data(1)
        if length > 0:
            taken += row
        elif length == 0:
            yield Wait.R
            link.consume_input()
        else:
            return taken


def encoding(link: pq.abc.PGconn) -> str:
    """Return the name of the session's encoding for Python."""
    told = link.parameter_status(b"client_encoding") or b"UTF8"
    return "latin-1" if told == b"LATIN1" else "utf-8"
