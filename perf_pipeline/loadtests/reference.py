"""A load that is the same on every database, run between the blocks of a test that decides.

How long its transactions take says how fast the server is at that time, whoever else is busy on its
machine: a test that is slower in the same measure is not what has changed. It runs by itself,
never beside the test, whose own load must not make the machine look slow.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from perf_pipeline.loadtests import latency, pgbench, reduce
from perf_pipeline.loadtests.stages import Drive

#: Seconds of one block.
BLOCK_S: Final = 1
#: An open loop of a test is followed at this multiple of its rate, within bounds: enough
#: transactions for a 95th percentile in a second, and no more than a busy machine does with ease.
RATE_FACTOR: Final = 4.0
RATES: Final = (200.0, 800.0)


@dataclass(frozen=True)
class Speed:
    """Latencies of the reference load over the blocks of a run, ms."""

    mean_ms: float
    p95_ms: float
    p99_ms: float
    transactions: int

    def as_dict(self) -> dict[str, Any]:
        """Return it for an execution's metadata."""
        return asdict(self)


def drive(asked: Drive) -> Drive:
    """Return how the reference is driven beside a test: as many sessions, open or closed as it."""
    if asked.rate is None:
        return asked
    low, high = RATES
    return Drive(asked.clients, min(high, max(low, RATE_FACTOR * asked.rate)))


def run_block(url: str, asked: Drive, program: Path, folder: Path, threads: int) -> pl.DataFrame:
    """Run one block and return its transactions (`latency.read_logs`).

    Raises
    ------
    LoadError
        pgbench failed.

    """
    chosen = pgbench.scripts("loadtests/reference")
    how = drive(asked)
    with pgbench.start(
        url,
        chosen,
        pgbench=program,
        log_dir=folder,
        duration_s=BLOCK_S,
        clients=how.clients,
        threads=threads,
        rate=how.rate,
        application_name="load reference",
    ) as running:
        running.wait()
    found = latency.read_logs(folder, [script.name for script in chosen])
    return found.with_columns(pl.col("script").cast(pl.String))


def speed(blocks: list[pl.DataFrame]) -> Speed | None:
    """Return what the blocks of a run say together; None: none of its transactions ended. Pure."""
    if not blocks:
        return None
    whole = reduce.totals(pl.concat(blocks), len(blocks) * BLOCK_S)
    if whole.mean_ms is None or whole.p95_ms is None or whole.p99_ms is None:
        return None
    return Speed(whole.mean_ms, whole.p95_ms, whole.p99_ms, whole.transactions)
