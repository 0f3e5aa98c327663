"""One collection over many databases, some of which are down, silent, closed to us or locked."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any

import dagster as dg
import psycopg
import psycopg.sql
import pytest
from psycopg.rows import dict_row

from perf_pipeline import settings, vocabulary
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots.collection import collection_asset
from perf_pipeline.store import Store
from perf_pipeline_tests.dagster.conftest import table_of

pytestmark = pytest.mark.server

GOOD = tuple(f"good_{number}" for number in range(6))
LOCKED_TABLE, LOCKED_CATALOG = "locked_table", "locked_catalog"
#: Target and what is said of it on its own assets.
UNREACHED = {
    "dead": "refused",
    "hanging": "connection failed",
    "wrong_password": "authentication failed",
    "no_connect": "permission denied for database",
    "no_extension": "pg_stat_statements is not in this database",
    LOCKED_CATALOG: "the sweep broke off: canceling statement due to lock timeout",
}


@pytest.fixture
def template(make_database: Callable[..., str]) -> str:
    """Return the name of a database to copy."""
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE TABLE item (id integer PRIMARY KEY, name text)")
        connection.execute("INSERT INTO item SELECT g, 'n' FROM generate_series(1, 100) g")
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def stranger(server: EmbeddedServer) -> Iterator[str]:
    """Return the name of a role that may log in and no more."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'p-of-stranger'")
        yield "stranger"
        admin.execute("DROP ROLE stranger")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Return a socket that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def fleet(
    template: str,
    stranger: str,
    make_database: Callable[..., str],
    closed_port: int,
    silent: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> list[Target]:
    monkeypatch.setenv("PERF_CONNECT_TIMEOUT_S", "60")
    settings.current.cache_clear()
    urls = {name: make_database(template) for name in (*GOOD, LOCKED_TABLE, LOCKED_CATALOG)}
    closed = make_database(template)
    name = psycopg.sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(closed)["dbname"]))
    with psycopg.connect(closed, autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    other = psycopg.conninfo.make_conninfo
    urls |= {
        "dead": f"postgresql://ann@127.0.0.1:{closed_port}/shop",
        "hanging": f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/shop",
        "wrong_password": other(urls["good_0"], password="not-that-one"),
        "no_connect": other(closed, user=stranger, password="p-of-stranger"),
        "no_extension": make_database(),
    }
    for target, url in urls.items():
        monkeypatch.setenv(f"{target.upper()}_URL", url)
    return [Target(name, f"{name.upper()}_URL", date(2026, 1, 1)) for name in sorted(urls)]


@contextmanager
def locked(fleet: list[Target]) -> Iterator[None]:
    """Hold locks that nobody gets past: on a user's table, and on a catalog."""
    held = {LOCKED_TABLE: "item", LOCKED_CATALOG: "pg_catalog.pg_proc"}
    with ExitStack() as sessions:
        for target in fleet:
            if target.name in held:
                connection = sessions.enter_context(psycopg.connect(target.url()))
                sessions.callback(connection.rollback)
                lock = f"LOCK TABLE {held[target.name]} IN ACCESS EXCLUSIVE MODE"
                connection.execute(lock.encode())
        yield


def collect(targets: list[Target], instance: dg.DagsterInstance) -> dict[str, dg.MetadataValue]:
    result = dg.materialize([collection_asset(targets)], instance=instance)
    (event,) = result.asset_materializations_for_node("fleet__collection")
    return dict(event.metadata)


def shown(target: Target, instance: dg.DagsterInstance) -> dict[str, str]:
    """Return what each of a target's assets shows of the collection: that it was, or why not."""
    found = {}
    for family in vocabulary.STATS:
        key = vocabulary.key(target, "stats", family)
        swept = instance.fetch_materializations(key, limit=1).records
        missed = instance.fetch_observations(key, limit=1).records
        if swept and swept[0].asset_materialization is not None:
            found[family] = str(swept[0].asset_materialization.metadata["quality"].value)
        elif missed and missed[0].asset_observation is not None:
            found[family] = str(missed[0].asset_observation.metadata["unreachable"].value)
    return found


def newest(store: Store) -> list[dict[str, Any]]:
    """Return name, instant and notes of each target's newest sweep."""
    with store.begin() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (name) name, ts, notes FROM ledger.sweeps"
            " JOIN ledger.targets USING (target_id) ORDER BY name, ts DESC"
        ).fetchall()


@contextmanager
def closed_when_all_are_swept(silent: socket.socket, store: Store, count: int) -> Iterator[None]:
    """Let the hanging target hang until so many others are swept, however long that takes."""
    done = threading.Event()

    def watch() -> None:
        while len(newest(store)) < count and not done.wait(0.02):
            pass
        silent.close()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()


def test_those_that_cannot_be_swept_delay_nobody_and_say_why_on_their_own_assets(
    store: Store, silent: socket.socket, fleet: list[Target], instance: dg.DagsterInstance
) -> None:
    with locked(fleet), closed_when_all_are_swept(silent, store, 7):
        metadata = collect(fleet, instance)
    assert [metadata[name].value for name in ("targets", "swept", "failed")] == [13, 7, 6]
    sweeps = newest(store)
    assert {row["name"] for row in sweeps} == {*GOOD, LOCKED_TABLE}
    why = {str(row["target"]): str(row["why"]) for row in table_of(metadata, "failures")}
    assert why.keys() == UNREACHED.keys()
    for target in fleet:
        told = shown(target, instance)
        assert told.keys() == set(vocabulary.STATS)
        said = UNREACHED.get(target.name, "first_seen")
        assert all(said in text for text in told.values()), told
        assert target.name in why or set(told.values()) == {"first_seen"}
    (notes,) = [row["notes"] for row in sweeps if row["name"] == LOCKED_TABLE]
    assert "definitions of 1 indexes left out: tables locked" in notes
    # the locks are gone: both are read whole, and the catalogs' one shows that it is back
    back = [target for target in fleet if target.name.startswith("locked")]
    assert collect(back, instance)["swept"].value == 2
    assert set(shown(back[0], instance).values()) == {"first_seen"}
    assert [row for row in newest(store) if "tables locked" in row["notes"]] == []
