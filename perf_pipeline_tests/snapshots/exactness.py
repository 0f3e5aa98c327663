"""What a server counted of one statement beside what the ledger says of it."""

import time
from datetime import date
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import texts
from perf_pipeline.snapshots.record import SweepRecord, collect
from perf_pipeline.store import Store

NO_WAIT = texts.Budget(minimum_seconds=0)
_STATEMENT = "SELECT count(*) FROM app.counted WHERE n > 3"


class Counted:
    """A target with a statement that is run known times, and the store its calls are kept in.

    Two sweeps are made at once: the statement and its text are known afterwards, so that each
    further sweep is a usual one.
    """

    def __init__(self, store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SWEPT_URL", url)
        self.store, self.url = store, url
        self.target = Target("swept", "SWEPT_URL", date(2026, 1, 1))
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            admin.execute("CREATE SCHEMA IF NOT EXISTS app")
            admin.execute("CREATE TABLE app.counted (n int PRIMARY KEY)")
        self.work(1)
        self.sweep()
        self._start = self._by_the_server()
        self.work(1)
        self.sweep()

    def work(self, times: int) -> None:
        """Run the statement."""
        with psycopg.connect(self.url, autocommit=True) as session:
            for _ in range(times):
                session.execute(_STATEMENT)  # type: ignore[arg-type]

    def sweep(self) -> SweepRecord:
        """Sweep as usual, texts at once."""
        return collect(self.target, self.store, text_budget=NO_WAIT)

    def forgotten(self) -> None:
        """Say that the server counts from nothing again, and the ledger goes on."""
        self._start = -self.in_the_ledger()

    def require_exact(self, unswept: int = 0) -> None:
        """Each call is in the ledger once, except those since the last sweep."""
        found, expected = self.in_the_ledger(), self._by_the_server() - self._start - unswept
        assert found == expected

    def require_chain(self) -> None:
        """Each interval begins where the one before it ended: none missing, none twice."""
        sweeps = self.rows("SELECT previous_ts, ts FROM ledger.sweeps ORDER BY ts")
        assert sweeps[0][0] is None
        assert [later[0] for _, later in pairwise(sweeps)] == [ts for _, ts in sweeps[:-1]]

    def require_nothing_held(self) -> None:
        """No session and no lock of a collector is left, on neither side."""
        self.store.close()
        for url in (self.store.url, self.url):
            with psycopg.connect(url, autocommit=True) as session:
                deadline = time.monotonic() + 60
                while left := _left(session):
                    assert time.monotonic() < deadline, left
                    time.sleep(0.02)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the store."""
        with self.store.begin() as connection:
            return connection.execute(query.encode()).fetchall()

    def in_the_ledger(self) -> int:
        """Calls by the ledger, none of its rows without any."""
        ((calls, least),) = self.rows(
            "SELECT coalesce(sum(s.calls), 0), coalesce(min(s.calls), 1) FROM ledger.statements s"
            " JOIN ledger.statement_texts USING (target_id, userid, dbid, queryid)"
            " JOIN ledger.query_texts q USING (text_hash)"
            " WHERE q.query LIKE 'SELECT count(*) FROM app.counted%'"
        )
        assert least > 0
        return int(calls)

    def _by_the_server(self) -> int:
        with psycopg.connect(self.url, autocommit=True) as session:
            row = session.execute(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements"
                " WHERE query LIKE 'SELECT count(*) FROM app.counted%'"
                " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
        assert row is not None
        return int(row[0])


def _left(session: psycopg.Connection) -> list[tuple[Any, ...]]:
    return session.execute(
        "SELECT a.pid, a.application_name, a.state, l.locktype, l.mode"
        " FROM pg_stat_activity a LEFT JOIN pg_locks l USING (pid)"
        " WHERE a.datname = current_database() AND a.application_name LIKE 'perf-pipeline%'"
        " UNION ALL SELECT pid, '', '', locktype, mode FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchall()
