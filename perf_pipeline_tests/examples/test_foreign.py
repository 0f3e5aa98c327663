"""Example data never goes into a database that is somebody else's."""

from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import fill, schema

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE orders (id integer)",
        "CREATE SCHEMA shop CREATE VIEW answer AS SELECT 42 AS n",
    ],
)
def test_a_database_with_other_relations_is_refused(
    make_database: Callable[..., str], statement: str
) -> None:
    with psycopg.connect(make_database(), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
        with pytest.raises(ConfigurationError, match="somebody else's: it holds"):
            fill.refuse_foreign(connection)


def test_an_empty_database_and_one_of_ours_are_taken(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")  # its views are not a user's
        fill.refuse_foreign(connection)
        schema.apply(url)
        connection.execute("CREATE TABLE public.mine_too (id integer)")
        fill.refuse_foreign(connection)
