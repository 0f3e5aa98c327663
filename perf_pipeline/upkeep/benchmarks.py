"""Time what a target declares as benchmarks: each repetition is a transaction, taken back."""

import time
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.upkeep.timing import Benchmark, Timed

#: A statement of a benchmark may take so long, ms.
STATEMENT_MS: Final = 60_000
#: It waits no longer for a lock, ms: nobody waits longer behind it.
LOCK_MS: Final = 200


def run(target: Target, benchmarks: Sequence[Benchmark], *, seconds: float) -> list[Timed]:
    """Time all benchmarks of a target, one after the other.

    Parameters
    ----------
    target : Target
    benchmarks : sequence of Benchmark
    seconds : float
        For all of them; no repetition begins later.

    Returns
    -------
    list of Timed
        One per benchmark, in their order; what failed tells why and leaves the others alone.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be used.

    """
    until = time.monotonic() + seconds
    limits = pg.Limits(STATEMENT_MS, LOCK_MS, pg.Limits.from_settings().connect_timeout_s)
    with pg.session(
        target.maintenance_url(),
        limits=limits,
        read_only=False,
        autocommit=True,
        label=f"{pg.APPLICATION_NAME}:benchmark",
    ) as connection:
        return [_timed(connection, each, until) for each in benchmarks]


def _timed(connection: psycopg.Connection[Any], benchmark: Benchmark, until: float) -> Timed:
    """Time one benchmark; the first repetition fills caches and is not counted."""
    times: list[float] = []
    rows = 0
    try:
        for repetition in range(benchmark.repeats + 1):
            if time.monotonic() > until:
                return Timed(benchmark, times, rows, "the time of this run is over")
            took, rows = _once(connection, benchmark)
            if benchmark.per_row and rows == 0:
                return Timed(benchmark, (), 0, "its last statement returned no row")
            if repetition:
                times.append(took / rows if benchmark.per_row else took)
    except psycopg.Error as error:
        # without the statement and the values that PostgreSQL quotes below it
        said = error.diag.message_primary or str(error).strip().partition("\n")[0]
        return Timed(benchmark, times, rows, said)
    return Timed(benchmark, times, rows)


def _once(connection: psycopg.Connection[Any], benchmark: Benchmark) -> tuple[float, int]:
    """Run the statements and take them back; milliseconds, and rows of the last one."""
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        start = time.perf_counter()
        count = 0
        for statement in benchmark.statements:
            word, rest = (*statement.split(None, 1), "")[:2]
            # so that sweeps know it for ours
            cursor.execute(f"{word} /* perf-pipeline */ {rest}".encode())
            count = len(cursor.fetchall()) if cursor.description is not None else 0
        return (time.perf_counter() - start) * 1000.0, count
