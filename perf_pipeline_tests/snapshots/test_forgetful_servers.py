"""Real servers that forget: what a sweep makes of resets, evictions, restarts and crashes.

One server that tells since when a statement counts (17 and later), one that does not.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import psycopg
import pytest

from perf_pipeline.embedded import endpoint
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import UnsupportedServerError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots import collect, deltas
from perf_pipeline.snapshots.collect import Sweep
from perf_pipeline.snapshots.evidence import Evidence
from perf_pipeline.snapshots.families import STATEMENTS, TABLES, Family
from perf_pipeline_tests.conftest import FORGETFUL
from perf_pipeline_tests.servers import fetch
from perf_pipeline_tests.servers.crashes import session_again, until_noticed

pytestmark = pytest.mark.server

#: What is committed survives a crash of its processes.
SETTINGS = {**FORGETFUL, "synchronous_commit": "on"}
ROOM, LESS = 300, 100


class Forgetful:
    """A server of our own that is stopped, killed, and started with more or less room."""

    def __init__(self, directory: Path, pg_bin: Path | None) -> None:
        self._directory, self._pg_bin = directory, pg_bin
        self.start(ROOM)

    def start(self, room: int = ROOM) -> None:
        settings = {**SETTINGS, "pg_stat_statements.max": str(room)}
        self.server = EmbeddedServer(self._directory, pg_bin=self._pg_bin, settings=settings)
        self.server.start()

    def end(self, number: signal.Signals) -> None:
        """Have it end at once, and start it again."""
        found = endpoint.read(self._directory)
        assert found is not None
        os.kill(found.pid, number)
        with contextlib.suppress(Exception):
            self.server.stop()
        self.start()


@pytest.fixture(scope="module", params=[16, 18], ids=["untold", "told"])
def forgetful(
    request: pytest.FixtureRequest,
    server_of: Callable[[int], EmbeddedServer],
    server_directory: Path,
) -> Iterator[Forgetful]:
    """Return a server that does not tell since when a statement counts, and one that does."""
    server_of(request.param)  # says why where it cannot be had
    packaged = request.param == sqlfiles.NEWEST_TESTED_MAJOR
    pg_bin = None if packaged else fetch.ensure(request.param)
    running = Forgetful(server_directory / f"forgetful{request.param}", pg_bin)
    yield running
    running.server.stop()


@pytest.fixture
def database(forgetful: Forgetful) -> Iterator[str]:
    """Return the URL of a database with the extension and a table, nothing counted yet."""
    forgetful.server.ensure_database("forgets")
    url = forgetful.server.url("forgets")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute("CREATE TABLE public.t (n int)")
        session.execute("SELECT pg_stat_statements_reset()")
    yield url
    forgetful.server.drop_database("forgets")


def look(url: str) -> Sweep:
    with contextlib.closing(pg.connect(url, bare=True)) as session:
        return collect.sweep(session)


def evidence(before: Sweep, after: Sweep) -> Evidence:
    return Evidence(before.observation, after.observation, 300.0)


def between(before: Sweep, after: Sweep, family: Family = STATEMENTS) -> pl.DataFrame:
    previous, current = (swept.frames[family.name] for swept in (before, after))
    return deltas.interval(previous, current, evidence(before, after), family)


def sleep(url: str, *milliseconds: float) -> None:
    """Run one statement as long as told."""
    with psycopg.connect(url, autocommit=True) as session:
        for time_ms in milliseconds:
            session.execute(f"SELECT pg_sleep({time_ms / 1000})")


def slept(url: str, rows: pl.DataFrame) -> tuple[int, str] | None:
    """Return calls and quality of that statement; None without a row."""
    with psycopg.connect(url) as session:
        found = session.execute(
            "SELECT queryid FROM pg_stat_statements(true) WHERE query LIKE 'SELECT pg_sleep(%'"
        ).fetchall()
    queryids = [queryid for (queryid,) in found]
    of_it = rows.filter(pl.col("queryid").is_in(queryids)).select("calls", "quality").rows()
    return of_it[0] if of_it else None


def tells(swept: Sweep) -> bool:
    return swept.observation.server_version_num >= 170_000


def reset_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            "SELECT pg_stat_statements_reset(userid, dbid, queryid)"
            " FROM pg_stat_statements(true) WHERE query LIKE 'SELECT pg_sleep(%'"
        )


def test_a_statement_reset_alone(database: str) -> None:
    sleep(database, 8, 2)
    first = look(database)
    sleep(database, 5)
    second = look(database)
    assert slept(database, between(first, second)) == (1, "exact")
    reset_alone(database)
    sleep(database, 4, 5, 6, 5)
    third = look(database)
    assert slept(database, between(second, third)) == (4, "reset")
    assert evidence(second, third).quality == "exact"
    # more often than before, and only wider: unless another counter fell, a server that does not
    # tell since when it counts leaves a doubt
    reset_alone(database)
    sleep(database, 1, 12, 5, 5, 5, 5, 5, 5)
    fourth = look(database)
    expected = {(8, "reset")} | (set() if tells(fourth) else {(4, "lower_bound")})
    assert slept(database, between(third, fourth)) in expected


def test_extremes_reset_alone_are_no_reset(database: str) -> None:
    sleep(database, 8, 2)
    first = look(database)
    if not tells(first):
        assert "min_exec_time" in first.frames["statements"].columns
        return
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset(0, 0, 0, true)")
    sleep(database, 5)
    assert slept(database, between(first, look(database))) == (1, "exact")


def test_everything_reset(database: str) -> None:
    sleep(database, 2)
    first = look(database)
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset()")
    sleep(database, 2, 2)
    second = look(database)
    assert slept(database, between(first, second)) == (2, "reset")
    assert evidence(first, second).quality == "reset"


def run(url: str, shapes: Sequence[int], often: int = 0) -> None:
    """Run statements of these shapes, each another one, twice; and the shortest, `often` times."""
    with psycopg.connect(url, autocommit=True) as session:
        for count in [*shapes, *shapes, *[1] * often]:
            session.execute(f"SELECT {', '.join(['n'] * count)} FROM public.t")


def shown(url: str, like: str) -> list[int]:
    with psycopg.connect(url) as session:
        found = session.execute(
            "SELECT queryid FROM pg_stat_statements(true) WHERE query LIKE %s", [like]
        ).fetchall()
    return [queryid for (queryid,) in found]


def test_a_full_server_throws_out_what_is_used_least(database: str) -> None:
    sleep(database, 1)
    run(database, [], often=40)
    first = look(database)
    run(database, range(2, ROOM + 100), often=1)
    sleep(database, 2)
    second = look(database)
    judged = evidence(first, second)
    assert judged.evictions
    assert judged.quality == "lower_bound"
    rows = between(first, second)
    assert slept(database, rows) in {(1, "evicted_reinserted"), (1, "lower_bound")}
    often = rows.filter(pl.col("queryid").is_in(shown(database, "SELECT n FROM%")))
    assert often.select("calls", "quality").rows() == [(1, "exact")]
    others = rows.filter(pl.col("queryid").is_in(shown(database, "SELECT n, %")))
    assert set(others.select("calls", "quality").rows()) <= {
        (1, "lower_bound"),
        (2, "lower_bound"),
    }


def test_another_database_of_the_server_is_counted_for_nothing(
    database: str, forgetful: Forgetful
) -> None:
    first = look(database)
    other = forgetful.server.url("postgres")
    with psycopg.connect(other, autocommit=True) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    sleep(other, 1, 1)
    second = look(other)
    assert between(first, second).is_empty()
    assert between(first, second, TABLES).is_empty()
    assert "database" in (evidence(first, second).other_server or "")


def test_an_extension_dropped_and_made_again_keeps_its_counters(database: str) -> None:
    sleep(database, 8, 2)
    first = look(database)
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("DROP EXTENSION pg_stat_statements")
        with pytest.raises(UnsupportedServerError):
            look(database)
        sleep(database, 5)
        session.execute("CREATE EXTENSION pg_stat_statements")
    assert slept(database, between(first, look(database))) == (1, "exact")


def insert(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("INSERT INTO public.t SELECT generate_series(1, %s)", [rows])


def inserted(rows: pl.DataFrame) -> list[tuple[int, str]]:
    return rows.filter(pl.col("table_name") == "t").select("n_tup_ins", "quality").rows()


def test_a_restart_keeps_what_was_counted(database: str, forgetful: Forgetful) -> None:
    sleep(database, 8, 2)
    insert(database, 5)
    first = look(database)
    forgetful.server.stop()
    forgetful.start()
    again = forgetful.server.url("forgets")
    sleep(again, 5)
    insert(again, 7)
    second = look(again)
    judged = evidence(first, second)
    assert (judged.restarted, judged.crashed, judged.quality) == (True, False, "exact")
    assert slept(again, between(first, second)) == (1, "exact")
    assert inserted(between(first, second, TABLES)) == [(7, "exact")]


def test_a_restart_with_less_room_drops_statements_and_does_not_say_so(
    database: str, forgetful: Forgetful
) -> None:
    run(database, range(1, 200))
    with psycopg.connect(database) as session:
        found = session.execute(
            "SELECT query, queryid FROM pg_stat_statements(true) WHERE query LIKE 'SELECT n%FROM%'"
        ).fetchall()
    shapes = {query.count(",") + 1: queryid for query, queryid in found}
    first = look(database)
    forgetful.server.stop()
    forgetful.start(LESS)
    again = forgetful.server.url("forgets")
    second = look(again)
    known, kept = (set(swept.frames["statements"]["queryid"]) for swept in (first, second))
    assert len(known - kept) > 80
    # more than what making room for a sweep's own statements would throw out
    assert evidence(first, second).entries_in_doubt
    # three of the dropped ones begin again
    dropped = {shape: queryid for shape, queryid in shapes.items() if queryid not in kept}
    some = sorted(dropped)[:3]
    with psycopg.connect(again, autocommit=True) as session:
        for shape in some:
            session.execute(f"SELECT {', '.join(['n'] * shape)} FROM public.t")
    third = look(again)
    of_them = pl.col("queryid").is_in([dropped[shape] for shape in some])
    for before in (first, second):
        rows = between(before, third).filter(of_them)
        assert rows["calls"].to_list() == [1, 1, 1]
        assert "exact" not in rows["quality"].to_list()
    forgetful.server.stop()
    forgetful.start()


def test_a_crash_forgets_everything(database: str, forgetful: Forgetful) -> None:
    sleep(database, 2)
    insert(database, 5)
    first = look(database)
    forgetful.end(signal.SIGKILL)
    again = forgetful.server.url("forgets")
    sleep(again, 1, 3)
    insert(again, 7)
    second = look(again)
    judged = evidence(first, second)
    assert judged.statements_emptied
    assert judged.crashed
    assert judged.quality == "reset"
    assert slept(again, between(first, second)) == (2, "reset")
    # more than before: two of them certainly happened, and nothing tells that it were seven
    assert inserted(between(first, second, TABLES)) == [(2, "lower_bound")]


def test_an_immediate_stop_forgets_tables_and_keeps_statements(
    database: str, forgetful: Forgetful
) -> None:
    sleep(database, 8, 2)
    insert(database, 5)
    first = look(database)
    forgetful.end(signal.SIGQUIT)
    again = forgetful.server.url("forgets")
    sleep(again, 5)
    insert(again, 7)
    second = look(again)
    judged = evidence(first, second)
    assert (judged.statements_emptied, judged.crashed) == (False, True)
    assert slept(again, between(first, second)) == (1, "exact")
    assert inserted(between(first, second, TABLES)) == [(2, "lower_bound")]


def test_a_crashed_session_is_a_crash_of_all(database: str) -> None:
    sleep(database, 2)
    insert(database, 5)
    first = look(database)
    with psycopg.connect(database) as other, psycopg.connect(database) as killed:
        os.kill(killed.info.backend_pid, signal.SIGKILL)
        until_noticed(other)
    session_again(database).close()
    sleep(database, 1, 3)
    second = look(database)
    judged = evidence(first, second)
    assert (judged.restarted, judged.crashed, judged.statements_emptied) == (False, True, True)
    assert slept(database, between(first, second)) == (2, "reset")
