"""A history of concurrent writers and workers that may be killed at any moment.

`python -m perf_pipeline_tests.invalidation.history` reads lines `writer <slot> <seed> <total>` and
`worker [mutant]`, forks for each (imports are paid once) and answers with the process's number.
What the processes need is in the environment: HISTORY_URL, PERF_REDIS_URL, and HISTORY_COUNTS, a
file of one counter per writer.
"""

import mmap
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import redis

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation import drain, pace, queue, serve, stream
from perf_pipeline.invalidation.client import CacheClient, Limits
from perf_pipeline.invalidation.model import CacheType, Captured, Per
from perf_pipeline.invalidation.sinks.policy import SinkPolicy
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

PATIENTS, ROWS, WRITERS = 40, 240, 8
SINK = SinkPolicy("redis", url_env="PERF_REDIS_URL", key="t:totals:{patient}", timeout_s=1.0)
TABLES = ("t.visits", "t.lines", "t.items", "t.orders")


def captured(per: Per) -> tuple[Captured, ...]:
    """Return what is captured: a column, a partitioned table, a path."""
    return (
        Captured("t.visits", "patient", per=per),
        Captured("t.lines", "patient", per=per),
        Captured("t.items", "order_id -> t.orders.id : patient", per=per),
    )


CACHES = (
    CacheType(
        "totals",
        captured("statement"),
        debounce_s=0.05,
        max_wait_s=0.3,
        batch=16,
        max_attempts=1_000,
        process="t.refresh",
        sinks=(SINK,),
    ),
    CacheType(
        "streamed",
        captured("logical"),
        debounce_s=0.05,
        max_wait_s=0.3,
        batch=16,
        max_attempts=1_000,
        process="t.refresh_streamed",
    ),
)

_TRUTH = """
    SELECT p.id AS patient,
        (SELECT count(*) FROM t.visits AS v WHERE v.patient = p.id) AS visits,
        (SELECT coalesce(sum(amount), 0) FROM t.visits AS v WHERE v.patient = p.id) AS amount,
        (SELECT coalesce(sum(amount), 0) FROM t.lines AS l WHERE l.patient = p.id) AS lines,
        (SELECT coalesce(sum(i.amount), 0) FROM t.items AS i JOIN t.orders AS o ON o.id = i.order_id
         WHERE o.patient = p.id) AS items
    FROM t.patients AS p
"""
_REFRESH = """
CREATE FUNCTION t.{name}(entities text[]) RETURNS TABLE (entity text, error text)
LANGUAGE plpgsql AS $$
DECLARE
    made t.{cache}[];
BEGIN
    IF nextval('t.calls') % 41 = 0 THEN
        RAISE EXCEPTION 'the function fails now and then';
    END IF;
    SELECT array_agg((t.patient, t.visits, t.amount, t.lines, t.items)::t.{cache}) INTO made
    FROM t.truth AS t
    WHERE '*' = ANY (entities) OR t.patient::text = ANY (entities);
    PERFORM pg_sleep({pause});
    INSERT INTO t.{cache} SELECT * FROM unnest(made)
    ON CONFLICT (patient) DO UPDATE SET visits = excluded.visits, amount = excluded.amount,
        lines = excluded.lines, items = excluded.items;
    RETURN QUERY SELECT e, 'not this time' FROM unnest(entities) AS e
    WHERE nextval('t.calls') % 97 = 0 LIMIT 1;
END $$;
"""
SCHEMA = f"""
CREATE SCHEMA t;
CREATE TABLE t.patients (id integer PRIMARY KEY);
INSERT INTO t.patients SELECT generate_series(1, {PATIENTS});
CREATE TABLE t.visits (id integer PRIMARY KEY, patient integer, amount bigint NOT NULL);
CREATE TABLE t.lines (id integer, patient integer NOT NULL, amount bigint NOT NULL, day integer,
    PRIMARY KEY (id, day)) PARTITION BY LIST (day);
CREATE TABLE t.lines_1 PARTITION OF t.lines FOR VALUES IN (1);
CREATE TABLE t.lines_2 PARTITION OF t.lines FOR VALUES IN (2);
CREATE TABLE t.orders (id integer PRIMARY KEY, patient integer NOT NULL);
CREATE TABLE t.items (id integer PRIMARY KEY, amount bigint NOT NULL,
    order_id integer NOT NULL REFERENCES t.orders ON DELETE CASCADE);
CREATE INDEX ON t.items (order_id);
ALTER TABLE t.visits REPLICA IDENTITY FULL;
ALTER TABLE t.lines_1 REPLICA IDENTITY FULL;
ALTER TABLE t.lines_2 REPLICA IDENTITY FULL;
ALTER TABLE t.orders REPLICA IDENTITY FULL;
ALTER TABLE t.items REPLICA IDENTITY FULL;
CREATE VIEW t.truth AS {_TRUTH};
CREATE TABLE t.cache (patient integer PRIMARY KEY, visits bigint, amount numeric, lines numeric,
    items numeric);
CREATE TABLE t.streamed (LIKE t.cache INCLUDING ALL);
CREATE SEQUENCE t.calls;
{_REFRESH.format(name="refresh", cache="cache", pause="0.004")}
{_REFRESH.format(name="refresh_streamed", cache="streamed", pause="0.004")}
"""


# --- writers -----------------------------------------------------------------------------------


def operation(chance: random.Random) -> str:
    """Return one thing to do to one table; all values are numbers."""
    (what,) = chance.choices(OPERATIONS, WEIGHTS)
    return what % {
        "id": chance.randint(1, ROWS),
        "patient": chance.randint(1, PATIENTS),
        "amount": chance.randint(1, 9),
        "day": chance.randint(1, 2),
        "order": chance.randint(1, 60),
    }


OPERATIONS = (
    "INSERT INTO t.visits VALUES (%(id)s, %(patient)s, %(amount)s) ON CONFLICT (id)"
    " DO UPDATE SET amount = excluded.amount",
    "UPDATE t.visits SET amount = amount + %(amount)s WHERE id = %(id)s",
    "UPDATE t.visits SET patient = %(patient)s WHERE id = %(id)s",  # moves
    "UPDATE t.visits SET patient = NULL WHERE id = %(id)s",
    "DELETE FROM t.visits WHERE id = %(id)s",
    "INSERT INTO t.lines VALUES (%(id)s, %(patient)s, %(amount)s, %(day)s) ON CONFLICT DO NOTHING",
    "UPDATE t.lines SET amount = amount + 1, day = %(day)s WHERE id = %(id)s AND day <> %(day)s"
    " AND NOT EXISTS (SELECT FROM t.lines AS o WHERE o.id = %(id)s AND o.day = %(day)s)",
    "UPDATE t.lines SET patient = %(patient)s WHERE id = %(id)s",
    "UPDATE t.lines_1 SET amount = %(amount)s WHERE id = %(id)s",  # a partition by its own name
    "DELETE FROM t.lines WHERE id = %(id)s",
    "INSERT INTO t.orders VALUES (%(order)s, %(patient)s) ON CONFLICT (id) DO NOTHING",
    "UPDATE t.orders SET patient = %(patient)s WHERE id = %(order)s",  # moves what hangs on it
    "INSERT INTO t.items SELECT %(id)s, %(amount)s, o.id FROM t.orders AS o WHERE o.id = %(order)s"
    " ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, order_id = excluded.order_id",
    "UPDATE t.items SET amount = amount + 1 WHERE order_id = %(order)s",
    "DELETE FROM t.orders WHERE id = %(order)s",  # cascades
    "UPDATE t.visits SET amount = amount + 1 WHERE id BETWEEN %(id)s AND %(id)s + 20",
    "TRUNCATE t.lines",
    "TRUNCATE t.lines_2",
    "TRUNCATE t.items",
)
WEIGHTS = (9, 9, 6, 1, 4, 9, 4, 5, 3, 4, 6, 4, 9, 6, 2, 3, 0.1, 0.1, 0.05)


def write(slot: int, seed: int, total: int) -> None:
    """Make transactions until all writers together made so many operations."""
    chance = random.Random(seed)
    counts = _counts()
    url = os.environ["HISTORY_URL"]
    connection: psycopg.Connection | None = None
    with CacheClient({"totals": SINK}, Limits(l1_keys=0, wait_s=0.2), listen=False) as client:
        while sum(counts[i] for i in range(WRITERS)) < total:
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(url, connect_timeout=10, autocommit=True)
                text, count = transaction(chance)
                connection.execute(text)  # type: ignore[call-overload]
                counts[slot] += count
                if chance.random() < 0.1:
                    _read(chance, connection, client)
            except psycopg.Error:
                # a deadlock, a lost connection: what an application meets
                with suppress(psycopg.Error):
                    if connection is not None:
                        connection.execute("ROLLBACK")
                if connection is None or connection.closed:
                    connection = None
                    time.sleep(0.02)


def transaction(chance: random.Random) -> tuple[str, int]:
    """Return the statements of a transaction, sent as one, and how many operations it has."""
    parts = ["BEGIN"]
    if chance.random() < 0.1:
        parts.append("SET LOCAL perf_pipeline.bulk = on")
    long, count = chance.random() < 0.01, chance.randint(1, 6)
    for _ in range(count):
        if chance.random() < 0.2:
            back = "ROLLBACK TO" if chance.random() < 0.5 else "RELEASE"
            parts += ["SAVEPOINT s", operation(chance), f"{back} s"]
        else:
            parts.append(operation(chance))
        if long:
            parts.append("SELECT pg_sleep(0.2)")
    parts.append("ROLLBACK" if chance.random() < 0.1 else "COMMIT")
    return "; ".join(parts), count


def _read(chance: random.Random, connection: psycopg.Connection, client: CacheClient) -> None:
    """Read a patient's total as an application does: from Redis, else from the truth."""
    patient = chance.randint(1, PATIENTS)
    client.get("totals", str(patient), lambda: truth(connection, patient))


def truth(connection: psycopg.Connection, patient: int) -> list[int]:
    """Return a patient's figures."""
    with connection.transaction():
        row = connection.execute("SELECT * FROM t.truth WHERE patient = %s", [patient]).fetchone()
    assert row is not None
    return [int(each) for each in row]


def _counts() -> Any:
    with Path(os.environ["HISTORY_COUNTS"]).open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 8 * WRITERS)).cast("q")


# --- workers -----------------------------------------------------------------------------------


def target() -> Target:
    """Return the target of the history."""
    return Target(name="history", url_env="HISTORY_URL", history_start=date(2026, 1, 1))


def work(mutant: str = "") -> None:
    """Drain for ever; whatever it meets, it goes on as the next run would."""
    drain.LEASE_S = 2.0  # type: ignore[misc]
    drain.LOOK_S = 0.1  # type: ignore[misc]
    pace.PAUSE_S = (0.1, 0.3)  # type: ignore[misc]
    if mutant:
        MUTANTS[mutant]()
    # failures are the rule here: nobody waits for minutes
    caches = [
        _Impatient(**{name: getattr(c, name) for name in c.__dataclass_fields__}) for c in CACHES
    ]
    while True:
        try:
            # two sessions hand each other what is claimed; the mutants know of one
            drain.drain(target(), caches, budget_s=3.0, idle_s=None, sessions=1 if mutant else 2)
        except (PerfPipelineError, psycopg.Error, redis.exceptions.RedisError):
            time.sleep(0.05)


class _Impatient(CacheType):
    def backoff_s(self, attempts: int) -> float:
        return min(0.5, 0.05 * attempts)


# --- mutants: what the test must notice ----------------------------------------------------------


def _changed(name: str, before: str, after: str) -> Callable[[], None]:
    """Return what changes the text of one of our statements."""

    def change() -> None:
        real = sqlfiles.load

        def load(asked: str, *rest: Any) -> Any:
            file = real(asked, *rest)
            if asked != f"invalidation/{name}":
                return file
            assert before in file.text
            return replace(file, text=file.text.replace(before, after))

        sqlfiles.load = load  # type: ignore[assignment]

    return change


def _any_generation() -> None:
    """Finish what changed meanwhile as well; slowly, so that much does."""
    _changed("finish", "AND q.generation = d.generation", "")()
    real = queue.finish

    def finish(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.1)
        return real(*args, **kwargs)

    queue.finish = finish


def _stale_snapshot() -> None:
    """Make the values from a snapshot that is older than the claim."""
    older = psycopg.connect(os.environ["HISTORY_URL"])
    older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    real_claim, real_fold = queue.claim, queue.fold

    def claim(*args: Any, **kwargs: Any) -> Any:
        older.rollback()
        older.execute("SELECT")
        time.sleep(0.1)
        return real_claim(*args, **kwargs)

    def fold(connection: Any, **_: Any) -> Any:
        return real_fold(connection)  # claims nothing: what one folds, the other claims

    def call(_: Any, cache: Any, batch: Any, *rest: Any) -> Any:
        try:
            older.execute(f"SELECT {cache.process}(%s)", [[due.entity for due in batch]])  # type: ignore[call-overload]
            older.commit()
        except psycopg.Error:
            older.rollback()
            return {due.entity: "failed" for due in batch}
        return {}

    queue.claim, queue.fold, serve._call = claim, fold, call  # type: ignore[assignment]


def _stream_forgets() -> None:
    """Let the server forget changes that were not written to the log."""
    real = stream._write

    def write(connection: Any, reading: Any) -> None:
        reading.pending = [each for each in reading.pending if random.random() < 0.8]
        real(connection, reading)

    stream._write = write


MUTANTS: dict[str, Callable[[], None]] = {
    "finish_any_generation": _any_generation,
    "fold_forgets": _changed(
        "fold",
        "WHERE e.entity IS NULL OR r.path IS NOT TRUE",
        "WHERE (e.entity IS NULL OR r.path IS NOT TRUE) AND random() < 0.8",
    ),
    "stale_snapshot": _stale_snapshot,
    "stream_forgets": _stream_forgets,
}


def main() -> None:
    """Fork what is asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        kind, *numbers = line.split()
        child = os.fork()
        if child == 0:
            try:
                if kind == "writer":
                    write(*map(int, numbers))
                else:
                    work(*numbers)
            except BaseException as error:
                sys.stderr.write(f"{kind} {numbers}: {type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
