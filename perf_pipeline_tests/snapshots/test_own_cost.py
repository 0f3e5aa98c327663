"""What a sweep says of itself: temporary files, sessions, and what it spends of its budget."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import budget, own_cost, reader, record
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.own_cost import OwnCost, observed, since, size_of
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.text_budget import Budget
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.conftest import flush

server = pytest.mark.server

NO_WAIT = Budget(minimum_seconds=0)
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "message",
    [
        'temporary file: path "base/pgsql_tmp/pgsql_tmp24100.1", size 40142630',
        "temporäre Datei: Pfad »base/pgsql_tmp/pgsql_tmp24100.1«, Größe 40142630",
        "fichier temporaire : chemin « base/pgsql_tmp/pgsql_tmp24100.1 », taille 40142630",
        '一時ファイル: パス"base/pgsql_tmp/pgsql_tmp24100.1"、サイズ40142630',
    ],
)
def test_the_size_of_a_file_in_any_language(message: str) -> None:
    assert size_of(message) == 40_142_630


def test_a_message_without_a_size_counts_nothing() -> None:
    assert size_of("temporary file") == 0


def seen(role: int | None, own: int | None, **other: Any) -> Observation:
    known = {"statements_dealloc": 0, "role_name": "watcher", "postmaster_start": T0, **other}
    return Observation(T0, 180_000, role_temp_bytes=role, own_temp_bytes=own, **known)


@pytest.mark.parametrize(
    ("before", "after", "bytes_"),
    [
        (seen(0, 0), seen(0, 0), 0),
        (seen(8192, 0), seen(8192, 8192), 0),  # nothing was written, whoever it was before
        (seen(0, 0), seen(81_920, 81_920), 81_920),
        (seen(8192, 8192), seen(24_576, 24_576), 16_384),
        (seen(0, 0), seen(81_920, 8192), None),  # some of it may be another's of the same role
        (seen(8192, 8192), seen(0, 0), None),
        (None, seen(0, 0), None),
        (seen(None, None), seen(0, 0), None),
        (seen(0, 0), seen(None, None), None),
        (seen(0, 0), seen(0, 0, statements_dealloc=1), None),
        (seen(0, 0, statements_dealloc=None), seen(0, 0, statements_dealloc=None), None),
        (seen(0, 0), seen(0, 0, statements_stats_reset=T0), None),
        (seen(0, 0), seen(0, 0, role_name="other"), None),
        (seen(0, 0), seen(0, 0, postmaster_start=T0 + timedelta(hours=1)), None),
    ],
)
def test_entries_prove_bytes_or_nothing(
    before: Observation | None, after: Observation, bytes_: int | None
) -> None:
    assert since(before, after) == bytes_


def test_only_what_the_role_wrote_is_added_up() -> None:
    statements = pl.DataFrame(
        {
            "userid": [10, 10, 11, 10],
            "dbid": [1, 1, 1, 1],
            "queryid": [1, 2, 1, 3],
            "toplevel": [True, True, True, False],
            "temp_blks_written": [3, 4, 5, 4],
        }
    )
    own = pl.DataFrame({"userid": [10], "dbid": [1], "queryid": [2]})
    cost = OwnCost(counted=True, role_oid=10, block_size=8192)
    found = observed(Observation(T0, 180_000), cost, statements, own)
    assert (found.role_temp_bytes, found.own_temp_bytes) == (7 * 8192, 4 * 8192)
    uncounted = observed(Observation(T0, 180_000), OwnCost(role_oid=10), statements, own)
    assert uncounted.role_temp_bytes is None
    assert observed(Observation(T0, 180_000), cost, None, own).role_temp_bytes is None


@pytest.fixture
def many_entries(admin: psycopg.Connection) -> None:
    """Make entries that need more memory than the database gives its sessions, 64 kB."""
    name = psycopg.sql.Identifier(admin.info.dbname)
    admin.execute(psycopg.sql.SQL("ALTER DATABASE {} SET work_mem = '64kB'").format(name))
    for columns in range(1, 300):
        admin.execute(f"SELECT {', '.join(['1'] * columns)}".encode())


def written(admin: psycopg.Connection) -> int:
    """Return the temporary bytes of the whole database by the server's own count, all sessions'."""
    sessions = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    while admin.execute(sessions).fetchone() != (0,):  # they tell when they end
        time.sleep(0.01)
    flush(admin)
    row = admin.execute(
        "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def stingy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sweeps have no more memory than the database gives."""
    real = sqlfiles.load

    def load(name: str, major: int = sqlfiles.MINIMUM_MAJOR) -> sqlfiles.SqlFile:
        file = real(name, major)
        if name != "snapshots/own_cost":
            return file
        return replace(file, text=file.text.replace("int8 * 8, 262144", "int8 * 0, 64"))

    monkeypatch.setattr(sqlfiles, "load", load)


@server
@pytest.mark.usefixtures("many_entries")
def test_a_sweep_writes_no_temporary_files(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    before = written(admin)
    for _ in range(2):
        swept = collect(target, store, text_budget=NO_WAIT)
        assert (swept.temp_bytes, swept.connections) == (0, 1)
    assert swept.texts_ms > 0.0
    assert written(admin) == before


@server
@pytest.mark.usefixtures("many_entries", "stingy")
def test_each_byte_of_a_sweep_is_told_where_the_role_may(
    store: Store, target: Target, admin: psycopg.Connection
) -> None:
    before = written(admin)
    swept = [collect(target, store, text_budget=NO_WAIT) for _ in range(3)]
    assert all(one.temp_bytes for one in swept)
    assert sum(one.temp_bytes or 0 for one in swept) == written(admin) - before
    with store.begin() as connection:
        kept = connection.execute("SELECT temp_bytes FROM ledger.sweeps ORDER BY ts").fetchall()
    assert [row[0] for row in kept] == [one.temp_bytes for one in swept]


@pytest.fixture
def watcher(
    admin: psycopg.Connection, target: Target, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Target]:
    """Return the target, watched by a role that has pg_monitor and nothing else."""
    admin.execute("CREATE ROLE watcher LOGIN PASSWORD 'w'")
    admin.execute("GRANT pg_monitor TO watcher")
    url = psycopg.conninfo.make_conninfo(target.url(), user="watcher", password="w")
    monkeypatch.setenv("SWEPT_URL", url)
    yield target
    admin.execute("DROP ROLE watcher")


@server
@pytest.mark.usefixtures("many_entries")
def test_a_role_that_is_not_told_knows_that_it_wrote_nothing(store: Store, watcher: Target) -> None:
    found = [collect(watcher, store, text_budget=NO_WAIT).temp_bytes for _ in range(3)]
    assert found == [None, 0, 0]


@server
@pytest.mark.usefixtures("many_entries", "stingy")
def test_a_role_that_is_not_told_adds_up_its_entries(
    store: Store, watcher: Target, admin: psycopg.Connection
) -> None:
    found: list[int | None] = [None]
    while found[-1] is None:  # until the texts of its own statements are known
        assert len(found) < 8
        found.append(collect(watcher, store, text_budget=NO_WAIT).temp_bytes)
    before = written(admin)
    # what the sweep before wrote after it had read the entries, and this one before that
    told = collect(watcher, store).temp_bytes
    assert told
    assert told == pytest.approx(written(admin) - before, rel=0.2)


@server
def test_more_sessions_of_ours_are_counted(
    store: Store, target: Target, make_database: Callable[..., str]
) -> None:
    with psycopg.connect(target.url(), application_name="perf-pipeline"):
        assert collect(target, store).connections == 2
    with psycopg.connect(make_database(), application_name="perf-pipeline"):
        assert collect(target, store).connections == 1


def accounts(store: Store) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT balance_ms, share, spacing_s FROM ledger.budgets"
        ).fetchall()


@server
def test_each_sweep_is_charged(store: Store, target: Target) -> None:
    cheap = replace(target, budget_percent=0.2)
    began = time.monotonic()
    swept = [collect(cheap, store, text_budget=NO_WAIT) for _ in range(2)]
    assert swept[1].texts_ms > 0.0
    cost = sum(one.connect_ms + one.database_ms + one.texts_ms for one in swept)
    ((balance, share, spacing),) = accounts(store)
    full = 0.002 * budget.CREDIT_SECONDS * 1000.0
    earned = 0.002 * (time.monotonic() - began) * 1000.0  # at most
    assert full - cost - 0.001 <= balance <= full - cost + earned + 0.001
    assert (share, spacing) == (0.002, 0.0)
    dear = replace(target, budget_percent=0.0001)
    for _ in range(3):
        collect(dear, store)
    ((balance, share, spacing),) = accounts(store)
    assert balance < 0.0
    assert (share, spacing) == (1e-6, 3000.0)
    # the next interval may be that long
    with store.begin() as connection:
        connection.execute("UPDATE ledger.budgets SET spacing_s = 900")
    assert collect(dear, store).expected_seconds == 900.0


@server
def test_a_throttled_interval_is_no_gap(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record.sweep

    def later(*args: Any, **kwargs: Any) -> Any:
        swept = real(*args, **kwargs)
        ts = swept.observation.ts + timedelta(seconds=1000)
        return replace(swept, observation=replace(swept.observation, ts=ts))

    first = collect(target, store)
    with store.begin() as connection:
        connection.execute("UPDATE ledger.budgets SET spacing_s = 900")
    monkeypatch.setattr(record, "sweep", later)
    second = collect(target, store)
    assert (second.ts - first.ts).total_seconds() > 3 * record.EXPECTED_SECONDS
    assert (second.quality, second.expected_seconds) == ("exact", 900.0)
    with store.begin() as connection:
        kept = connection.execute("SELECT expected_seconds FROM ledger.sweeps ORDER BY ts")
        assert kept.fetchall() == [(300.0,), (900.0,)]


@server
def test_a_sweep_that_breaks_off_is_charged_and_delays_a_little(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    collect(target, store)

    def silent(*_: Any, **__: Any) -> Any:
        raise UnreachableError("no answer", "wait")

    monkeypatch.setattr(record, "sweep", silent)
    ((before, _, _),) = accounts(store)
    with pytest.raises(UnreachableError):
        collect(target, store)
    ((after, _, _),) = accounts(store)
    earned = target.budget_share * (time.monotonic() - began) * 1000.0  # at most
    assert after < before + earned


def test_the_row_of_a_refused_query() -> None:
    assert OwnCost.of({}) == OwnCost(told=False, counted=False, connections=1)
    assert own_cost.OwnCost.of(
        {"told": None, "counted": None, "role_oid": 1, "block_size": 4096, "connections": 0}
    ) == OwnCost(False, False, 1, 4096, 1)


@server
def test_time_is_the_servers_not_ours(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(target, store)
    real = copy.parse

    def slowly(*args: Any, **kwargs: Any) -> pl.DataFrame:
        time.sleep(0.1)  # as if another thread had its turn
        return real(*args, **kwargs)

    monkeypatch.setattr(copy, "parse", slowly)
    swept = collect(target, store)
    assert swept.duration_ms > swept.database_ms + 500.0
    assert swept.database_ms > 0.0


@server
def test_time_is_as_we_waited_where_the_server_refuses_to_say(
    target: Target,
) -> None:
    with pg.session(target.url(), bare=True) as session:
        read = reader.Reader(session)
        slow = reader.query("slow", sqlfiles.load("snapshots/signs"), {"signs": pl.String()})
        asked = [
            replace(slow, text=psycopg.sql.SQL("SELECT pg_sleep(0.1)::text AS signs")),
            replace(slow, name="wrong", text=psycopg.sql.SQL("SELECT 1 / 0 AS signs")),
        ]
        with read.transaction(None):
            read.families(asked)
        assert read.meter.ms > 100.0  # the message that was answered began after the refusal
        assert any("wrong left out: division by zero" in note for note in read.notes)
