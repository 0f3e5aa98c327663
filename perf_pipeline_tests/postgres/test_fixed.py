from collections.abc import Iterator
from datetime import datetime

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import InputError
from perf_pipeline.postgres import connect, copy, fixed

pytestmark = pytest.mark.server

SCHEMA = {
    "number": pl.Int64(),
    "ratio": pl.Float64(),
    "flag": pl.Boolean(),
    "ts": pl.Datetime("us"),
    "other": pl.Int64(),
}
TYPES = "number int8, ratio float8, flag bool, ts timestamptz, other int8"

rows = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    st.none() | st.integers(0, 9),
)


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with connect.session(server.url(), read_only=False) as opened:
        yield opened


def sent(connection: psycopg.Connection, query: str) -> bytes:
    with connection.cursor() as cursor:
        statement = f"COPY ({query}) TO STDOUT (FORMAT binary)"
        with cursor.copy(statement.encode()) as copied:
            return b"".join(copied)


def there_and_back(connection: psycopg.Connection, frame: pl.DataFrame) -> pl.DataFrame:
    connection.execute(f"CREATE TEMPORARY TABLE fixed ({TYPES}, place int)".encode())
    (schema,) = connection.execute("SELECT pg_my_temp_schema()::regnamespace::text").fetchone() or (
        "",
    )
    copy.write_frame(connection, (schema, "fixed"), frame.with_row_index("place"))
    data = sent(connection, "SELECT number, ratio, flag, ts, other FROM fixed ORDER BY place")
    connection.rollback()
    return fixed.parse(data, SCHEMA)


@given(st.lists(rows, max_size=60))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nulls_anywhere(connection: psycopg.Connection, given_rows: list[object]) -> None:
    frame = pl.DataFrame(given_rows, schema=SCHEMA, orient="row")
    assert there_and_back(connection, frame).equals(frame)


@pytest.mark.parametrize("every", [1, 2, 700])
def test_long_runs_and_short_ones(connection: psycopg.Connection, every: int) -> None:
    frame = pl.DataFrame({"number": range(3000)}, schema={"number": pl.Int64()}).with_columns(
        pl.when(pl.col("number") % every == 0).then(1.5).alias("ratio"),
        pl.lit(True).alias("flag"),
        pl.lit(None, dtype=pl.Datetime("us")).alias("ts"),
        (pl.col("number") * 2).alias("other"),
    )
    assert there_and_back(connection, frame).equals(frame)


def test_floats_are_exact_whatever_the_server_prints(connection: psycopg.Connection) -> None:
    connection.execute("SET LOCAL extra_float_digits = 0")
    data = sent(connection, "SELECT 0.1::float8 + 0.2::float8 AS ratio")
    connection.rollback()
    assert fixed.parse(data, {"ratio": pl.Float64()})["ratio"].to_list() == [0.1 + 0.2]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELECT 1::int4 AS number", "4 bytes, not of 8"),
        ("SELECT 1.5::numeric AS number", "'number'"),
        ("SELECT 1::int8 AS number, 2::int8", "2 columns, not 1"),
    ],
)
def test_other_types_are_refused(connection: psycopg.Connection, query: str, word: str) -> None:
    data = sent(connection, query)
    connection.rollback()
    with pytest.raises(InputError, match=word):
        fixed.parse(data, {"number": pl.Int64()})


def test_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="no binary COPY"):
        fixed.parse(b"1,2\n", {"number": pl.Int64()})
