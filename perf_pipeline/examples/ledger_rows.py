"""Ledger rows of the simulated history; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from perf_pipeline.examples import story
from perf_pipeline.examples.simulate import CALL_CV, Behaviour, Statement, behave, load_profile
from perf_pipeline.examples.story import Happening

#: Object identifiers as a fresh cluster gives them to the first database and its owner.
DBID, USERID = 16_384, 10
SERVER_VERSION = 180_000
#: Sweeps run a while before the full hour, so that a day's last one still belongs to it.
FIRST_MINUTE = 55
#: Tables are analyzed about every 36 hours.
ANALYZE_HOURS = 36
#: A block is 8 KiB; a read that misses the cache takes about this long.
READ_MS = 0.08
EXACT = pl.lit("exact").alias("quality")


@dataclass(frozen=True)
class Timeline:
    """Ends of the sweeps' intervals and the distance of two."""

    ends: list[datetime]
    step: timedelta

    @property
    def previous(self) -> list[datetime]:
        """Start of each interval."""
        return [self.ends[0] - self.step, *self.ends[:-1]]


def timeline(first: date, last: date, step: timedelta) -> Timeline:
    """Return the sweeps of the days `first` to `last`: the last of an hour runs at minute 55."""
    offset = timedelta(minutes=FIRST_MINUTE) % step
    start = datetime.combine(first, time()) + offset
    count = (last - first + timedelta(days=1)) // step
    return Timeline([start + i * step for i in range(count)], step)


def statement_rows(
    line: Timeline,
    statements: Sequence[Statement],
    told: Sequence[tuple[datetime, Happening]],
    seed: int,
) -> tuple[pl.DataFrame, dict[str, Behaviour]]:
    """Return rows of ledger.statements (without target), and each statement's behaviour.

    Statements draw their numbers from streams of their own: one more changes none of the others.
    """
    hours = line.step / timedelta(hours=1)
    parts, behaviours = [], {}
    for statement in statements:
        rng = np.random.default_rng([seed, statement.queryid & 0xFFFF_FFFF])
        did = behave(statement, line.ends, hours, story.effects(told, statement.name), rng)
        behaviours[statement.name] = did
        parts.append(_rows(line, statement, did, rng))
    return pl.concat(parts).filter(pl.col("calls") > 0).sort("ts", "queryid"), behaviours


def _rows(
    line: Timeline, statement: Statement, did: Behaviour, rng: np.random.Generator
) -> pl.DataFrame:
    calls, total = did.calls, did.calls * did.mean_ms
    writes = statement.text.upper().startswith(("INSERT", "UPDATE"))
    blocks = np.rint(calls * 18.0 * statement.mean_ms**0.7 * did.factor).astype(np.int64)
    # what misses the cache never takes more than 40 % of the time
    reads = np.minimum(rng.poisson(blocks * 0.004), total * 0.4 / READ_MS).astype(np.int64)
    rows = np.rint(calls * statement.rows_per_call).astype(np.int64)
    dirtied = calls * 2 if writes else np.zeros_like(calls)
    zero = pl.lit(0, pl.Int64)
    return pl.DataFrame(
        {
            "ts": line.ends,
            "calls": calls,
            "total_exec_time": total,
            "exec_time_squares": calls * did.mean_ms**2 * (1 + CALL_CV**2),
            "rows": rows,
            "shared_blks_hit": blocks - np.minimum(reads, blocks),
            "shared_blks_read": reads,
            "shared_blks_dirtied": dirtied,
            "temp_blks_read": did.temp_blocks,
            "temp_blks_written": did.temp_blocks,
            "blk_read_time": reads * READ_MS,
            "wal_records": dirtied,
            "wal_bytes": dirtied * 160,
        },
        schema_overrides={"ts": pl.Datetime("us")},
    ).with_columns(
        EXACT,
        userid=pl.lit(USERID, pl.Int64),
        dbid=pl.lit(DBID, pl.Int64),
        queryid=pl.lit(statement.queryid, pl.Int64),
        toplevel=pl.lit(value=True),
        plans=zero,
        total_plan_time=pl.lit(0.0),
        blk_write_time=pl.lit(0.0),
        jit_functions=zero,
        jit_time=pl.lit(0.0),
        wal_fpi=zero,
        shared_blks_written=zero,
        local_blks_hit=zero,
        local_blks_read=zero,
        local_blks_dirtied=zero,
        local_blks_written=zero,
    )


def sweep_rows(
    line: Timeline, told: Sequence[tuple[datetime, Happening]], statements: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Return rows of ledger.sweeps (without target)."""
    rng = np.random.default_rng([seed, 1])
    n = len(line.ends)
    start = line.previous[0] - timedelta(days=12)
    restarts = [at for at, happening in told if happening.kind == "server_restarted"]
    counts = dict(statements.group_by("ts").len().iter_rows())
    connect, database = rng.gamma(9.0, 0.35, n), rng.gamma(16.0, 0.8, n)
    return pl.DataFrame(
        {
            "ts": line.ends,
            "previous_ts": line.previous,
            "source": ["generated"] * n,
            "quality": ["exact"] * n,
            "server_version_num": [SERVER_VERSION] * n,
            "system_identifier": [7_000_000_000_000_000_000 + seed] * n,
            "timeline": [1] * n,
            "postmaster_start": [
                max([start, *(at for at in restarts if at <= end)]) for end in line.ends
            ],
            "in_recovery": [False] * n,
            "statements_dealloc": [0] * n,
            "connect_ms": connect,
            "database_ms": database,
            "duration_ms": connect + database + rng.gamma(16.0, 0.9, n),
            "temp_bytes": [0] * n,
            "rows_read": [counts.get(end, 0) for end in line.ends],
            "rows_written": [counts.get(end, 0) for end in line.ends],
            "notes": ["generated example history"] * n,
        },
        schema_overrides={
            name: pl.Datetime("us") for name in ("ts", "previous_ts", "postmaster_start")
        },
    )


def database_rows(line: Timeline, statements: pl.DataFrame) -> pl.DataFrame:
    """Return rows of ledger.database (without target), adding up the statements."""
    load = load_profile(line.ends)
    grown = np.arange(len(line.ends)) * 40_000
    sums = statements.group_by("ts").agg(
        pl.col(
            "calls", "shared_blks_hit", "shared_blks_read", "total_exec_time", "blk_read_time"
        ).sum(),
        rows=pl.col("rows").sum(),
        temp=pl.col("temp_blks_written").sum() * 8192,
    )
    frame = pl.DataFrame(
        {"ts": line.ends, "load": load, "grown": grown},
        schema_overrides={"ts": pl.Datetime("us")},
    ).join(sums, on="ts", how="left", maintain_order="left")
    zero = pl.lit(0, pl.Int64)
    seconds = line.step.total_seconds()
    return frame.with_columns(pl.exclude("ts", "load", "grown").fill_null(0)).select(
        "ts",
        EXACT,
        xact_commit="calls",
        xact_rollback=pl.col("calls") // 5000,
        blks_read="shared_blks_read",
        blks_hit="shared_blks_hit",
        tup_returned=pl.col("rows") * 3,
        tup_fetched="rows",
        tup_inserted=pl.col("calls") // 8,
        tup_updated=pl.col("calls") // 10,
        tup_deleted=zero,
        conflicts=zero,
        temp_files=(pl.col("temp") > 0).cast(pl.Int64),
        temp_bytes="temp",
        deadlocks=zero,
        blk_read_time="blk_read_time",
        blk_write_time=pl.lit(0.0),
        session_time=pl.col("load") * 12_000.0 * seconds,
        active_time="total_exec_time",
        idle_in_transaction_time=pl.col("total_exec_time") * 0.1,
        sessions=(pl.col("load") * seconds / 60).cast(pl.Int64),
        sessions_abandoned=zero,
        sessions_fatal=zero,
        sessions_killed=zero,
        numbackends=(pl.col("load") * 12).cast(pl.Int64) + 2,
        database_bytes=pl.col("grown") + 1_200_000_000,
    )


def _relation(name: str) -> tuple[str, str]:
    schema, _, table = name.rpartition(".")
    return schema, table


def index_rows(
    line: Timeline, told: Sequence[tuple[datetime, Happening]], did: dict[str, Behaviour]
) -> pl.DataFrame:
    """Return rows of ledger.indexes (without target): the story's indexes while they exist."""
    parts = [
        _index(line, number, at, happening, did)
        for number, (at, happening) in enumerate(told)
        if happening.kind in {"index_created", "index_dropped"}
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def _index(
    line: Timeline,
    number: int,
    at: datetime,
    happening: Happening,
    did: dict[str, Behaviour],
) -> pl.DataFrame:
    scans = sum(did[name].calls for name, _, _ in happening.effects)
    dropped = happening.kind == "index_dropped"
    there = pl.col("ts") < at if dropped else pl.col("ts") - line.step >= at
    schema, index = _relation(happening.object)
    return (
        pl.DataFrame(
            {"ts": line.ends, "idx_scan": scans}, schema_overrides={"ts": pl.Datetime("us")}
        )
        .filter(there, pl.col("idx_scan") > 0)
        .select(
            "ts",
            EXACT,
            "idx_scan",
            indexrelid=pl.lit(20_000 + number, pl.Int64),
            relid=pl.lit(17_000 + number, pl.Int64),
            schema_name=pl.lit(schema),
            table_name=pl.lit(_relation(happening.relation)[1]),
            index_name=pl.lit(index),
            idx_tup_read=pl.col("idx_scan") * 5,
            idx_tup_fetch=pl.col("idx_scan") * 5,
            relpages=pl.lit(2_400, pl.Int64),
        )
    )


def table_rows(
    line: Timeline, told: Sequence[tuple[datetime, Happening]], did: dict[str, Behaviour], seed: int
) -> pl.DataFrame:
    """Return rows of ledger.tables (without target): the story's tables, scanned and analyzed."""
    names = sorted({happening.relation for _, happening in told if happening.relation})
    parts = [_table(line, i, name, told, did, seed) for i, name in enumerate(names)]
    return pl.concat(parts) if parts else pl.DataFrame()


def _table(
    line: Timeline,
    number: int,
    name: str,
    told: Sequence[tuple[datetime, Happening]],
    did: dict[str, Behaviour],
    seed: int,
) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 2, number])
    n = len(line.ends)
    ends = np.array(line.ends, dtype="datetime64[us]")
    scans, uses = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for at, happening in told:
        if happening.relation != name:
            continue
        calls = sum(did[statement].calls for statement, _, _ in happening.effects)
        after = ends > np.datetime64(at)
        without = {"index_dropped": after, "index_created": ~after}.get(happening.kind)
        scans += np.where(without, calls, 0) if without is not None else 0
        uses += calls
    every = max(1, int(timedelta(hours=ANALYZE_HOURS) / line.step))
    analyzed = (np.arange(n) + int(rng.integers(every))) % every == 0
    schema, table = _relation(name)
    zero = pl.lit(0, pl.Int64)
    frame = pl.DataFrame(
        {
            "ts": line.ends,
            "seq_scan": scans,
            "seq_tup_read": scans * 20_000,
            "idx_scan": uses - scans,
            "autoanalyze_count": analyzed.astype(np.int64),
            "n_tup_ins": rng.poisson(60, n),
        },
        schema_overrides={"ts": pl.Datetime("us")},
    )
    return frame.select(
        "ts",
        EXACT,
        "seq_scan",
        "seq_tup_read",
        "idx_scan",
        "n_tup_ins",
        "autoanalyze_count",
        relid=pl.lit(17_000 + number, pl.Int64),
        schema_name=pl.lit(schema),
        table_name=pl.lit(table),
        idx_tup_fetch=pl.col("idx_scan") * 5,
        n_tup_upd=zero,
        n_tup_del=zero,
        n_tup_hot_upd=zero,
        vacuum_count=zero,
        autovacuum_count=zero,
        analyze_count=zero,
        n_live_tup=pl.lit(20_000, pl.Int64),
        n_dead_tup=zero,
        n_mod_since_analyze=zero,
        relpages=pl.lit(2_000, pl.Int64),
    )


def change_rows(
    line: Timeline, told: Sequence[tuple[datetime, Happening]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows of ledger.schema_changes and ledger.settings_changes (without target)."""
    schema, settings = [], []
    for at, happening in told:
        end = next((ts for ts in line.ends if ts >= at), None)
        if end is None:
            continue
        seen = {"ts": end, "previous_ts": end - line.step}
        if happening.kind in {"index_created", "index_dropped"}:
            kind, _, change = happening.kind.partition("_")
            schema.append(
                {
                    **seen,
                    "kind": kind,
                    "object_name": happening.object,
                    "relation_name": happening.relation,
                    "change": change,
                    "definition_before": happening.before or None,
                    "definition_after": happening.after or None,
                }
            )
        elif happening.kind.endswith("setting_changed"):
            settings.append(
                {
                    **seen,
                    "name": happening.object,
                    "value_before": happening.before,
                    "value_after": happening.after,
                    "unit": "kB",
                    "pending_restart": False,
                }
            )
    return pl.DataFrame(schema), pl.DataFrame(settings)
