"""What the ledger says of a run: the sweeps after the one before it, up to the one after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from perf_pipeline.loadtests import reduce
from perf_pipeline.store import Store, frames, ledger, targets
from perf_pipeline.store.own import OWN_TEXT

#: The statements kept of a run: the heaviest; the report shows ten of them (B-46).
MOST_QUERIES: Final = 50

_STATEMENTS: Final = (
    *("userid", "dbid", "queryid", "toplevel", "calls", "total_exec_time", "exec_time_squares"),
    *("rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written"),
    *("temp_blks_read", "temp_blks_written", "blk_read_time", "blk_write_time", "wal_bytes"),
)
#: Column of ledger.host -> its name in an execution's hardware.
_MACHINE: Final = {"cpu_count": "server_cpus", "memory_total_bytes": "server_memory_bytes"}
_HOST: Final = (
    *(f"cpu_{part}_seconds" for part in ("user", "system", "idle", "iowait", "steal")),
    *("memory_total_bytes", "memory_available_bytes", "disk_read_bytes", "disk_write_bytes"),
)


@dataclass(frozen=True)
class Swept:
    """Which sweep of the target a callback made: its instant, and who keeps the server's rows."""

    ts: datetime
    server_target_id: int


def machine(store: Store, before: Swept, after: Swept) -> dict[str, float | None]:
    """Return what the server's machine was busy with (`reduce.host`)."""
    return reduce.host(_rows(store, "host", after.server_target_id, before, after, _HOST))


def series(store: Store, before: Swept, after: Swept) -> pl.DataFrame:
    """Return what the server's machine did over time (`reduce.host_series`)."""
    return reduce.host_series(_rows(store, "host", after.server_target_id, before, after, _HOST))


def hardware(store: Store, before: Swept, after: Swept) -> dict[str, int]:
    """Return what machine the server runs on, where that is known: processors and memory."""
    rows = _rows(store, "host", after.server_target_id, before, after, tuple(_MACHINE))
    if rows.is_empty():
        return {}
    last = rows.row(-1, named=True)
    return {name: last[column] for column, name in _MACHINE.items() if last[column] is not None}


def _rows(
    store: Store,
    table: str,
    target_id: int,
    before: Swept,
    after: Swept,
    columns: tuple[str, ...],
) -> pl.DataFrame:
    """Return the rows of the sweeps after `before`, up to and with `after`."""
    # an interval belongs to its end
    moment = timedelta(microseconds=1)
    return ledger.intervals(
        store, table, target_id, before.ts + moment, after.ts + moment, columns=columns
    ).sort("ts")


def queries(store: Store, target_name: str, before: Swept, after: Swept) -> pl.DataFrame | None:
    """Return what each statement of a target did, the heaviest first (`reduce.queries`)."""
    target_id = targets.find(store, target_name)
    if target_id is None:
        return None
    rows = _rows(store, "statements", target_id, before, after, _STATEMENTS)
    texts = frames.read(
        store,
        "findings_texts",
        {"userid": pl.Int64, "dbid": pl.Int64, "queryid": pl.Int64, "query": pl.String},
        {"target_id": target_id, "queryids": rows["queryid"].unique().to_list()},
    )
    ours = texts.filter(pl.col("query") == OWN_TEXT)
    rows = rows.join(ours, on=["userid", "dbid", "queryid"], how="anti")
    return reduce.queries(rows, texts).head(MOST_QUERIES)
