import math
from collections.abc import Iterator
from datetime import date, datetime

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import InputError
from perf_pipeline.postgres import connect, copy, few

pytestmark = pytest.mark.server

SCHEMA = {
    "number": pl.Int64(),
    "ratio": pl.Float64(),
    "word": pl.String(),
    "flag": pl.Boolean(),
    "ts": pl.Datetime("us"),
    "day": pl.Date(),
}


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with connect.session(server.url(), read_only=False) as opened:
        opened.execute(
            "CREATE TEMPORARY TABLE round_trip (number bigint, ratio double precision, word text,"
            " flag boolean, ts timestamptz, day date)"
        )
        opened.commit()
        yield opened


def there_and_back(connection: psycopg.Connection, frame: pl.DataFrame) -> pl.DataFrame:
    schema = connection.execute(
        "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relname = 'round_trip'"
    ).fetchone()
    assert schema is not None
    # rows of examples before, rolled back, may have left gaps in which these would come to lie
    connection.execute("TRUNCATE round_trip")
    written = copy.write_frame(connection, (schema[0], "round_trip"), frame)
    assert written == frame.height
    query = sql.SQL("SELECT number, ratio, word, flag, ts, day FROM {}").format(
        sql.Identifier(schema[0], "round_trip")
    )
    found = copy.read_frame(connection, query, SCHEMA)
    connection.rollback()
    return found


rows = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "ratio": st.none() | st.floats(allow_nan=False),
        "word": st.none() | st.text(st.characters(exclude_characters="\x00", codec="utf-8")),
        "flag": st.none() | st.booleans(),
        "ts": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
        "day": st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    }
)


@pytest.fixture(params=[few.MOST_BYTES, 0], ids=["by Python", "by Polars"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test on both ways a few rows may take."""
    monkeypatch.setattr(few, "MOST_BYTES", request.param)
    monkeypatch.setattr(few, "MOST_VALUES", request.param)


@pytest.mark.usefixtures("path")
@given(st.lists(rows, max_size=8))
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_there_and_back(connection: psycopg.Connection, given_rows: list[object]) -> None:
    frame = pl.DataFrame(given_rows, schema=SCHEMA)
    assert there_and_back(connection, frame).equals(frame)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "word", ["", "\\.", "\\N", '"', "a,b", "a\nb", "\r\n", " padded ", "null", "\t", "ä🙂", "t"]
)
def test_texts_that_csv_could_mistake(connection: psycopg.Connection, word: str) -> None:
    frame = pl.DataFrame([{"word": word}, {"word": None}], schema=SCHEMA)
    assert there_and_back(connection, frame)["word"].to_list() == [word, None]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("word", ["", "\\.", "\n", None, "x"])
def test_one_text_column_alone(connection: psycopg.Connection, word: str | None) -> None:
    connection.execute("CREATE TEMPORARY TABLE alone (word text)")
    name = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"
    ).fetchone()
    assert name is not None
    frame = pl.DataFrame({"word": ["a", word, "b"]}, schema={"word": pl.String()})
    assert copy.write_frame(connection, (name[0], "alone"), frame) == 3
    query = sql.SQL("SELECT word FROM {}").format(sql.Identifier(name[0], "alone"))
    found = copy.read_frame(connection, query, {"word": pl.String()})
    connection.rollback()
    assert found["word"].to_list() == ["a", word, "b"]


@pytest.mark.usefixtures("path")
def test_numbers_that_are_none(connection: psycopg.Connection) -> None:
    frame = copy.read_frame(
        connection,
        "SELECT 'NaN'::float8 AS a, 'Infinity'::float8 AS b, '-Infinity'::float8 AS c",
        {"a": pl.Float64(), "b": pl.Float64(), "c": pl.Float64()},
    )
    a, b, c = frame.row(0)
    assert math.isnan(a)
    assert (b, c) == (math.inf, -math.inf)
    back = there_and_back(
        connection, pl.DataFrame({"ratio": [math.nan, math.inf, -math.inf]}).pipe(_filled)
    )["ratio"].to_list()
    assert math.isnan(back[0])
    assert back[1:] == [math.inf, -math.inf]


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in SCHEMA.items()
        if name not in frame.columns
    )


@pytest.mark.usefixtures("path")
def test_no_rows_keep_the_schema(connection: psycopg.Connection) -> None:
    empty = pl.DataFrame(schema=SCHEMA)
    assert there_and_back(connection, empty).equals(empty)


def test_parameters_are_bound_not_pasted(connection: psycopg.Connection) -> None:
    word = "'; DROP TABLE x; --%s"
    found = copy.read_frame(
        connection,
        "SELECT %(word)s::text AS word, %(n)s::int8 AS n, '%%'::text AS percent;",
        {"word": pl.String(), "n": pl.Int64(), "percent": pl.String()},
        {"word": word, "n": 7},
    )
    assert found.row(0) == (word, 7, "%")
    assert copy.read_frame(connection, "SELECT '100%' AS p", {"p": pl.String()}).row(0) == ("100%",)


def test_nested_columns_are_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(InputError, match="column 'a' is List"):
        copy.write_frame(connection, ("x", "y"), pl.DataFrame({"a": [[1]]}))
