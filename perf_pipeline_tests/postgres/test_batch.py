from collections.abc import Callable, Iterator

import polars as pl
import psycopg
import pytest
from psycopg import sql

from perf_pipeline.postgres import batch, copy
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.batch import Query

pytestmark = pytest.mark.server

N = {"n": pl.Int64()}


@pytest.fixture
def connection(make_database: Callable[..., str]) -> Iterator[psycopg.Connection]:
    with pg.session(make_database(), bare=True) as opened:
        yield opened


def asked(name: str, text: str, schema: copy.Schema = N) -> Query:
    return Query(name, sql.SQL(text), schema)  # type: ignore[arg-type]


def numbers(answer: bytes | psycopg.Error) -> list[int]:
    assert isinstance(answer, bytes)
    return copy.parse(answer, N)["n"].to_list()


def test_many_queries_with_their_opening(connection: psycopg.Connection) -> None:
    rows = 200_000  # more than a socket's buffer
    found = batch.read(
        connection,
        [
            asked("one", "SELECT 1"),
            asked("set", "SELECT set_config('work_mem', '7MB', true)", {}),
            asked("many", f"SELECT generate_series(1, {rows})"),
            asked("none", "SELECT 1 WHERE false"),
            asked("memory", "SELECT current_setting('work_mem')", {"n": pl.String()}),
        ],
        pg.opening(connection),
    )
    assert list(found) == ["one", "set", "many", "none", "memory"]
    assert numbers(found["one"]) == [1]
    assert numbers(found["many"]) == list(range(1, rows + 1))
    assert found["none"] == b""
    assert found["memory"] == b"7MB\n"
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    pg.end(connection)
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize(
    "bad", ["SELECT nothing", "SELECT 1 / (g - 5000) FROM generate_series(1, 9999) g"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_fails_fails_alone(connection: psycopg.Connection, bad: str, place: int) -> None:
    queries = [asked("a", "SELECT 1"), asked("b", "SELECT 2")]
    queries.insert(place, asked("bad", bad))
    found = batch.read(connection, queries, pg.opening(connection))
    assert list(found) == [query.name for query in queries]
    assert isinstance(found["bad"], psycopg.Error)
    assert numbers(found["a"]) == [1]
    assert numbers(found["b"]) == [2]
    assert numbers(batch.read(connection, [asked("c", "SELECT 3")])["c"]) == [3]
    pg.end(connection)


def test_all_may_fail(connection: psycopg.Connection) -> None:
    queries = [asked(name, f"SELECT {name}") for name in "abc"]
    found = batch.read(connection, queries, pg.opening(connection))
    assert [type(found[name]) for name in "abc"] == [psycopg.errors.UndefinedColumn] * 3
    pg.end(connection)


def test_an_opening_that_fails_is_no_query_that_fails(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn):
        batch.read(connection, [asked("a", "SELECT 1")], sql.SQL("BEGIN; SELECT nothing"))


def test_a_lost_connection_is_told(connection: psycopg.Connection) -> None:
    end = "SELECT pg_terminate_backend(pg_backend_pid())::int"
    with pytest.raises(psycopg.OperationalError):
        batch.read(connection, [asked("a", end), asked("b", "SELECT 1")], pg.opening(connection))
    assert connection.closed
