"""The server's own pg_stat_statements, exported as the documentation says, with known work."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.imports import run
from perf_pipeline.imports.exports import FileHistory, Options
from perf_pipeline.store import Store

pytestmark = pytest.mark.server

#: What the README says to run.
EXPORT = "COPY (SELECT now() AS ts, * FROM pg_stat_statements) TO STDOUT (FORMAT csv, HEADER)"

OURS = (
    "SELECT name FROM goods WHERE id = $1",
    "INSERT INTO goods SELECT coalesce(max(id), $1) + $2, $3 FROM goods",
)


def test_what_the_server_counted_is_what_the_ledger_holds(
    make_database: Callable[..., str], store: Store, tmp_path: Path
) -> None:
    url = make_database()
    truth: list[Counter[str]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE TABLE goods (id int PRIMARY KEY, name text)")
        row = connection.execute(
            "SELECT oid, current_setting('server_version_num')::int FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        dbid, version = row
        for number in range(4):
            did: Counter[str] = Counter()
            for calls in range(3 + 2 * number):
                connection.execute(f"SELECT name FROM goods WHERE id = {calls}")
                did["SELECT"] += 1
            for _ in range(number):
                connection.execute(
                    "INSERT INTO goods SELECT coalesce(max(id), 0) + 1, 'it''s' FROM goods"
                )
                did["INSERT"] += 1
            if number == 2:  # one statement begins again
                connection.execute(
                    "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements"
                    " WHERE query LIKE 'INSERT INTO goods%%'"
                )
                did["INSERT"] = 0
            truth.append(did)
            if number:
                time.sleep(1.1)  # snapshots, not rows with a time each
            with (
                (tmp_path / f"{number}.csv").open("wb") as file,
                connection.cursor().copy(EXPORT) as copy,
            ):
                for block in copy:
                    file.write(block)
    options = Options(database=str(dbid), server_version=version, complete=True)
    with closing(FileHistory([str(tmp_path)], options)) as history:
        done = run.run(store, "shop", history, now=datetime.now(UTC) + timedelta(days=1))
    assert sum(day.intervals for day in done.days) == 3
    with store.begin() as connection:
        rows = connection.execute(
            "SELECT dense_rank() OVER (ORDER BY w.ts) AS number, q.query, s.calls, s.quality::text,"
            " s.exec_time_squares >= s.total_exec_time ^ 2 / s.calls * 0.999"
            " FROM ledger.sweeps AS w"
            " LEFT JOIN ledger.statements AS s USING (target_id, ts)"
            " LEFT JOIN ledger.statement_texts AS t USING (target_id, userid, dbid, queryid)"
            " LEFT JOIN ledger.query_texts AS q USING (text_hash) ORDER BY 1"
        ).fetchall()
    assert all(possible for *_, possible in rows if possible is not None)
    counted: list[Counter[str]] = [Counter() for _ in truth]
    for number, query, calls, quality, _ in rows:
        if query in OURS:
            assert quality != "gap"
            counted[number - 1][query.partition(" ")[0]] += calls
    for expected, found in zip(truth[1:], counted[1:], strict=True):
        assert {k: v for k, v in expected.items() if v} == dict(found)
