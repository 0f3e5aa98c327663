import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError
from perf_pipeline.examples import fill, schema, thorbis
from perf_pipeline.postgres.production import ProductionError
from perf_pipeline_tests.examples.test_schema import shape
from perf_pipeline_tests.examples.thorbis import SEED, SIZE, now

pytestmark = pytest.mark.server

ARGUMENTS = (SIZE.businesses, SIZE.orders_per_business, SEED)


def counts(url: str) -> dict[str, int]:
    found = {}
    with psycopg.connect(url) as connection:
        for schema_name, table in thorbis.TABLES:
            name = f"{schema_name}.{table}"
            row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            assert row is not None
            found[name] = row[0]
    return found


@pytest.fixture(scope="module")
def bare(server: EmbeddedServer) -> Iterator[str]:
    """Return the name of a database with the schema alone."""
    server.ensure_database("thorbis_bare")
    schema.apply(server.url("thorbis_bare"))
    yield "thorbis_bare"
    server.drop_database("thorbis_bare")


@pytest.fixture
def empty_url(bare: str, make_database: Callable[..., str]) -> str:
    return make_database(bare)


def test_generate_fills_once(empty_url: str) -> None:
    before = shape(empty_url)
    first = thorbis.generate(empty_url, *ARGUMENTS, now=now())
    assert first.created
    assert first.rows == counts(empty_url)
    assert first.rows["hs.work_orders"] == 8 * 400
    assert shape(empty_url) == before  # keys and indexes are back, by name and definition
    assert schema.apply(empty_url).applied == ()
    second = thorbis.generate(empty_url, *ARGUMENTS, now=now() + timedelta(days=6))
    assert (second.created, second.rows) == (False, first.rows)
    assert second.content_sha256 == first.content_sha256


def test_same_seed_same_content_in_another_database(thorbis_url: str, empty_url: str) -> None:
    here = thorbis.generate(empty_url, *ARGUMENTS, now=now())
    there = thorbis.generate(thorbis_url, *ARGUMENTS, now=now())
    assert (here.created, there.created) == (True, False)
    assert here.content_sha256 == there.content_sha256
    other = thorbis.generate(empty_url, *ARGUMENTS[:2], SEED + 1, now=now())
    assert other.created
    assert other.content_sha256 != here.content_sha256


@pytest.mark.parametrize(
    "change",
    [
        {"orders_per_business": 50},
        {"businesses": 4},
        {"seed": SEED + 1},
        {"now": now() + timedelta(days=8)},
        {"now": now() - timedelta(days=1)},
        {"replace": True},
    ],
    ids=str,
)
def test_other_parameters_or_old_data_are_made_anew(
    thorbis_url: str, change: dict[str, object]
) -> None:
    asked: dict[str, object] = {
        "businesses": SIZE.businesses,
        "orders_per_business": SIZE.orders_per_business,
        "seed": SEED,
        "now": now(),
    }
    made = thorbis.generate(thorbis_url, **{**asked, **change})  # type: ignore[arg-type]
    assert made.created
    assert made.rows == counts(thorbis_url)


def test_an_emptied_table_is_noticed(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url) as connection:
        connection.execute("TRUNCATE hs.payments")
    made = thorbis.generate(thorbis_url, *ARGUMENTS, now=now())
    assert made.created
    assert made.rows == counts(thorbis_url)


def test_load_on_top_is_no_reason_to_start_anew(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url) as connection:
        # the identity goes on after the generated ids
        connection.execute(
            "INSERT INTO hs.work_orders (business_id, customer_id, title, total_amount) "
            "VALUES (1, 1, 'added by the load', 1)"
        )
    assert not thorbis.generate(thorbis_url, *ARGUMENTS, now=now()).created


def test_rows_of_others_are_not_touched(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute(
            "INSERT INTO tenant_mgmt.businesses (name, industry) VALUES ('mine', 'retail')"
        )
    with pytest.raises(ConfigurationError, match=r"tenant_mgmt\.businesses: rows that"):
        thorbis.generate(empty_url, 4, 10)
    assert counts(empty_url)["tenant_mgmt.businesses"] == 1
    assert thorbis.generate(empty_url, 4, 10, replace=True).rows == counts(empty_url)


@pytest.mark.parametrize("value", ["production", "PRODUCTION", "prod"])
def test_production_is_refused(empty_url: str, value: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET perf_pipeline.environment = '{value}'")
    hidden = f"{empty_url}?options=-c%20perf_pipeline.environment%3Dtest"
    for url in (empty_url, hidden):
        with pytest.raises(ProductionError, match=name):
            thorbis.generate(url, 4, 10, replace=True)
    assert set(counts(empty_url).values()) == {0}


def test_a_database_marked_otherwise_is_filled(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            f"ALTER DATABASE {connection.info.dbname} SET perf_pipeline.environment = 'test'"
        )
    assert thorbis.generate(empty_url, 4, 10).created


_KILLED = """
import os, signal, sys
from perf_pipeline.examples import fill, thorbis

def dying(connection, bound):
    os.kill(os.getpid(), signal.SIGKILL)

fill._advance_identities = dying  # every row is copied by now, every index is made
thorbis.generate(sys.argv[1], 32, 400, 8)
"""


def test_a_killed_run_leaves_what_was_there(thorbis_url: str) -> None:
    before, rows = shape(thorbis_url), counts(thorbis_url)
    ended = subprocess.run([sys.executable, "-c", _KILLED, thorbis_url], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert counts(thorbis_url) == rows
    assert shape(thorbis_url) == before
    again = thorbis.generate(thorbis_url, *ARGUMENTS[:2], 8, now=now())
    assert again.created
    assert shape(thorbis_url) == before


def test_a_held_table_is_told(thorbis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "LOCK_TIMEOUT_MS", 200)
    with psycopg.connect(thorbis_url) as holder:
        holder.execute("SELECT 1 FROM hs.work_orders LIMIT 1")
        with pytest.raises(BusyError, match="200 ms"):
            thorbis.generate(thorbis_url, 4, 10)


def test_two_runs_at_once_do_not_collide(thorbis_url: str) -> None:
    with psycopg.connect(thorbis_url) as other:
        fill._lock(other, "thorbis")
        with pytest.raises(BusyError, match="another run"):
            thorbis.generate(thorbis_url, 4, 10)


def test_a_database_without_the_schema_is_told(make_database: Callable[..., str]) -> None:
    with pytest.raises(ConfigurationError, match=r"tenant_mgmt\.businesses.*does not exist"):
        thorbis.generate(make_database(), 4, 10)


def test_a_reference_time_in_another_zone_is_the_same_instant(empty_url: str) -> None:
    moment = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=5)))
    made = thorbis.generate(empty_url, 4, 10, now=moment)
    assert made.reference_time == moment.astimezone(UTC).replace(tzinfo=None)
