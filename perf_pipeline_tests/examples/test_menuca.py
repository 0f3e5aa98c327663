"""Filling menuca: once, whole, through partitions, with everything as it was afterwards."""

from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.examples import bare, catalogue, menuca, schema
from perf_pipeline_tests.examples.menuca import SEED, SIZE, build, fill, now
from perf_pipeline_tests.examples.test_schema import shape

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def template(server: EmbeddedServer) -> str:
    return build(server)


@pytest.fixture
def url(template: str, make_database: Callable[..., str]) -> str:
    return make_database(template)


@pytest.fixture
def empty_url(make_database: Callable[..., str]) -> str:
    made = make_database()
    schema.apply(made, "menuca")
    return made


def counts(url: str) -> dict[str, int]:
    found = {}
    with psycopg.connect(url) as connection:
        for schema_name, table in menuca.TABLES:
            row = connection.execute(f"SELECT count(*) FROM {schema_name}.{table}").fetchone()
            assert row is not None
            found[f"{schema_name}.{table}"] = row[0]
    return found


def objects(url: str) -> dict[tuple[str, str], catalogue.Found]:
    with psycopg.connect(url) as connection:
        return catalogue.found(connection)


def test_it_fills_once_and_everything_is_as_it_was(empty_url: str) -> None:
    before, things = shape(empty_url), objects(empty_url)
    first = fill(empty_url)
    assert first.created
    assert first.rows == counts(empty_url)
    assert first.rows["menuca.orders"] == SIZE.restaurants * SIZE.orders_per_restaurant
    # months of the year before may have come; all else is back: keys, parts of indexes, triggers
    assert shape(empty_url) >= before
    after = objects(empty_url)
    assert {key: after[key] for key in things if key != ("table", "menuca.audit_logs")} == {
        key: things[key] for key in things if key != ("table", "menuca.audit_logs")
    }
    assert schema.apply(empty_url, "menuca").applied == ()
    second = fill(empty_url, now=now() + timedelta(days=6))
    assert (second.created, second.content_sha256) == (False, first.content_sha256)


def test_same_seed_same_content_other_seed_other_content(url: str, empty_url: str) -> None:
    there, here = fill(url), fill(empty_url)
    assert (there.created, here.created) == (False, True)
    assert there.content_sha256 == here.content_sha256
    assert fill(empty_url, SEED + 1).content_sha256 != here.content_sha256


def test_rows_are_spread_over_the_partitions_as_the_server_spreads_them(url: str) -> None:
    with psycopg.connect(url) as connection:
        orders = dict(
            connection.execute(
                "SELECT tableoid::regclass::text, count(*) FROM menuca.orders GROUP BY 1"
            ).fetchall()
        )
        months = connection.execute(
            "SELECT count(DISTINCT tableoid) FROM menuca.audit_logs"
        ).fetchone()
    assert len(orders) >= 12  # of 16; 40 tenants leave some empty
    assert max(orders.values()) < 0.3 * sum(orders.values())
    assert months in {(12,), (13,)}


def test_the_view_is_filled_with_it(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT sum(order_count) FROM menuca.restaurant_analytics),"
            " (SELECT count(*) FROM menuca.orders WHERE status = 'delivered'"
            "  AND order_day >= (now() AT TIME ZONE 'UTC')::date - 30)"
        ).fetchone()
    assert row is not None
    assert row[0] == row[1] > 0


def test_old_data_gets_its_months(empty_url: str) -> None:
    made = fill(empty_url, now=datetime(2020, 5, 5))
    assert made.rows == counts(empty_url)
    assert ("table", "menuca.audit_logs_2019_05") in objects(empty_url)


def test_the_load_goes_on_after_the_generated_ids(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "INSERT INTO menuca.orders "
            "(tenant_id, restaurant_id, user_id, total_amount, commission_amount) "
            "VALUES (1, 1, 5, 10, 1) RETURNING id"
        ).fetchone()
    assert row == (SIZE.restaurants * SIZE.orders_per_restaurant + 1,)
    assert not fill(url).created


def test_production_is_refused(url: str) -> None:
    before = counts(url)
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET perf_pipeline.environment = 'production'")
    with pytest.raises(PerfPipelineError, match="marked as production"):
        fill(url, replace=True)
    assert counts(url) == before


def test_a_run_that_fails_leaves_what_was_there(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, things = shape(url), objects(url)

    def fail(*_: object) -> None:
        raise RuntimeError("at the end")

    monkeypatch.setattr(menuca, "_refresh", fail)
    with pytest.raises(RuntimeError, match="at the end"):
        fill(url, SEED + 1)
    assert shape(url) == before
    assert objects(url) == things


def test_an_index_of_one_partition_alone_is_made_again(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE INDEX own_one ON menuca.orders_partition_3 (user_id)")
        connection.commit()
        before = shape(url)
        with bare.tables_without_extras(connection, menuca.TABLES):
            row = connection.execute(
                "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
                "WHERE c.relnamespace = 'menuca'::regnamespace AND NOT i.indisprimary "
                "AND c.relname <> 'restaurant_analytics' "
                "AND c.relname <> 'query_routes' "
            ).fetchone()
        connection.commit()
    assert row == (0,)
    assert shape(url) == before
