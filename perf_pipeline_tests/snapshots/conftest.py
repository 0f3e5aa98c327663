"""A migrated store and a target to sweep."""

import time
from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import collect
from perf_pipeline_tests.servers.counters import until_collected, until_ended
from perf_pipeline_tests.snapshots import planted


def flush(session: psycopg.Connection) -> None:
    """Have a session's statistics show at the next sweep."""
    if session.info.server_version >= 150_000:
        session.execute("SELECT pg_stat_force_next_flush()")
        session.execute("SELECT 1")
        return
    time.sleep(0.6)  # before 15 sessions report twice a second
    session.execute("SELECT 1")
    until_collected(session)


@pytest.fixture
def target_url(make_database: Callable[..., str]) -> str:
    """Return the URL of a database with the extension and two tables that no worker analyzes.

    A hundred new rows are enough for autovacuum, and what it writes into pg_class in the middle
    of a test is a change that the next sweep rightly reads.
    """
    url = make_database()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE SCHEMA app")
        admin.execute("CREATE TABLE app.orders (id int PRIMARY KEY, state text NOT NULL, n int)")
        admin.execute("ALTER TABLE app.orders SET (autovacuum_enabled = off)")
        admin.execute("CREATE INDEX orders_state ON app.orders (state) WHERE n > 5")
        admin.execute("CREATE TABLE app.other (id int PRIMARY KEY) WITH (autovacuum_enabled = off)")
        admin.execute("INSERT INTO app.orders SELECT g, 'x', g FROM generate_series(1, 100) g")
        made_by = admin.info.backend_pid
    shown(url, made_by)
    return url


def shown(url: str, ended: int) -> None:
    """Wait until what a closed session did is in the statistics: it reports while it ends."""
    # from another database: this session itself is one that is still there for a moment
    with psycopg.connect(url, dbname="postgres", autocommit=True) as other:
        until_ended(other, ended)
        told_late = other.info.server_version < 150_000
    if told_late:
        with psycopg.connect(url, autocommit=True) as there:
            until_collected(there)


@pytest.fixture
def target(target_url: str, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return the target of `target_url`."""
    monkeypatch.setenv("SWEPT_URL", target_url)
    return Target("swept", "SWEPT_URL", date(2026, 1, 1))


@pytest.fixture
def admin(target_url: str) -> Iterator[psycopg.Connection]:
    """Return a superuser's session on the target, in autocommit."""
    with psycopg.connect(target_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def every_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sweeps read every source, also those with nothing to tell now."""
    real = collect._server
    monkeypatch.setattr(collect, "_server", lambda reader: (real(reader)[0], None))


@pytest.fixture
def planter() -> planted.Planter:
    """Return a maker of secrets."""
    return planted.Planter()


@pytest.fixture
def victim(
    make_database: Callable[..., str], planter: planted.Planter, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection]:
    """Yield a session of an application full of secrets, and make its database a target."""
    url = make_database()
    monkeypatch.setenv("VICTIM_URL", url)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(planted.SETUP)
        yield session
        session.execute("RESET ROLE; DROP SUBSCRIPTION IF EXISTS planted")
        for (role,) in session.execute("SELECT rolname FROM pg_roles").fetchall():
            if role.startswith("planted_") or any(mark in role for mark in planter.planted):
                session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        # its texts are read by whoever reads texts of this server
        session.execute(
            "SELECT pg_stat_statements_reset(0,"
            " (SELECT oid FROM pg_database WHERE datname = current_database()), 0)"
        )


@pytest.fixture
def victim_target() -> Target:
    """Return the target of `victim`."""
    return Target("victim", "VICTIM_URL", date(2026, 1, 1))
