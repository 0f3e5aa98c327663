"""How two sides differ; pure.

A difference in time per day is split symmetrically into calls and time per call (each factor's
change times the mean of the other). Whether a difference in time per call is beyond what is usual
is judged by the spread of the statement's own samples in its baseline.
"""

import math
from collections.abc import Sequence
from typing import Final

import polars as pl

from perf_pipeline.reports.comparison.model import (
    DATABASE,
    DAY_SECONDS,
    INDEX_WORK,
    KEY,
    TABLE_WORK,
    WORK,
    Side,
    Total,
)

#: Of pairs of samples of an unchanged statement, 99 of 100 differ by less (normal distribution).
Z_99: Final = 2.5758293035489004
#: Calls on each side below which a mean says little: as for `baselines`, one call varies about
#: three times as much (sqrt 10) as the means of samples do.
LEAST_CALLS: Final = 10
#: Sides whose lengths differ by more than this are compared with a warning.
LENGTHS_DIFFER: Final = 0.05

#: Counters shown per call.
PER_CALL: Final = (
    "plan_ms",
    "rows",
    "blocks_hit",
    "blocks_read",
    "temp_blocks",
    "io_ms",
    "wal_bytes",
    "jit_ms",
)


def statements(a: Side, b: Side, usual: pl.DataFrame) -> pl.DataFrame:
    """Compare two sides statement by statement.

    Parameters
    ----------
    a, b : Side
    usual : polars.DataFrame
        Columns of `USUAL`.

    Returns
    -------
    polars.DataFrame
        The key; `state` (`both`, `new`: only in b, `gone`: only in a); `calls_a`, `calls_b`; per
        day `calls_day_*`, `ms_day_*`, `change_ms`, and its split `from_calls`, `from_each`;
        `mean_*` (ms per call), `ratio` (b / a), `usual` (the factor up to which differences are
        usual, null when not known), `verdict` (`beyond`, `within`, `few calls`, `no baseline`,
        null unless in both); and each of `PER_CALL` as `*_a`, `*_b` per call, null where not
        known. By `change_ms`, largest in either direction first.

    """
    joined = _sums(a).join(_sums(b), on=KEY, how="full", suffix="_b", coalesce=True)
    joined = joined.rename({name: f"{name}_a" for name in WORK})
    joined = joined.join(usual.select(*KEY, "spread"), on=KEY, how="left")
    days = {"a": a.seconds / DAY_SECONDS, "b": b.seconds / DAY_SECONDS}
    rates: list[pl.Expr] = []
    for side, length in days.items():
        calls, ns = pl.col(f"calls_{side}").fill_null(0), pl.col(f"exec_ns_{side}").fill_null(0)
        rates += [
            calls.alias(f"calls_{side}"),
            (calls / length).alias(f"calls_day_{side}"),
            (ns / 1e6 / length).alias(f"ms_day_{side}"),
            pl.when(calls > 0).then(ns / 1e6 / calls).alias(f"mean_{side}"),
            *(_per_call(name, side) for name in PER_CALL),
        ]
    in_a, in_b = pl.col("calls_a").fill_null(0) > 0, pl.col("calls_b").fill_null(0) > 0
    state = pl.when(in_a & in_b).then(pl.lit("both")).when(in_b).then(pl.lit("new"))
    rated = joined.filter(in_a | in_b).select(
        *KEY, "spread", *rates, state=state.otherwise(pl.lit("gone"))
    )
    both = pl.col("state") == "both"
    change_calls = pl.col("calls_day_b") - pl.col("calls_day_a")
    change_mean = pl.col("mean_b") - pl.col("mean_a")
    ratio = pl.when(both & (pl.col("mean_a") > 0)).then(pl.col("mean_b") / pl.col("mean_a"))
    return (
        rated.with_columns(
            change_ms=pl.col("ms_day_b") - pl.col("ms_day_a"),
            from_calls=pl.when(both).then(change_calls * (pl.col("mean_a") + pl.col("mean_b")) / 2),
            from_each=pl.when(both).then(
                change_mean * (pl.col("calls_day_a") + pl.col("calls_day_b")) / 2
            ),
            ratio=ratio,
            usual=pl.when(both).then((Z_99 * math.sqrt(2.0) * pl.col("spread")).exp()),
        )
        .with_columns(verdict=_verdict())
        .drop("spread")
        .sort(pl.col("change_ms").abs(), *KEY, descending=[True, False, False, False, False])
    )


def _sums(side: Side) -> pl.DataFrame:
    return side.statements.select(*KEY, *WORK)


def _per_call(name: str, side: str) -> pl.Expr:
    calls = pl.col(f"calls_{side}").fill_null(0)
    column = f"{name.removesuffix('_ms')}_ns" if name.endswith("_ms") else name
    total = pl.col(f"{column}_{side}")
    scale = 1e6 if name.endswith("_ms") else 1.0
    return pl.when(calls > 0).then(total / scale / calls).alias(f"{name}_{side}")


def _verdict() -> pl.Expr:
    few = pl.min_horizontal("calls_a", "calls_b") < LEAST_CALLS
    distance = pl.max_horizontal(pl.col("ratio"), 1 / pl.col("ratio"))
    return (
        pl.when(pl.col("state") != "both")
        .then(None)
        .when(few)
        .then(pl.lit("few calls"))
        .when(pl.col("usual").is_null() | pl.col("ratio").is_null())
        .then(pl.lit("no baseline"))
        .when(distance > pl.col("usual"))
        .then(pl.lit("beyond"))
        .otherwise(pl.lit("within"))
    )


def total(side: Side) -> Total:
    """Return the work of the statements that clients called: that of nested ones is in theirs."""
    days = side.seconds / DAY_SECONDS
    client = side.statements.filter(pl.col("toplevel"), pl.col("calls") > 0)
    return Total(
        int(client["calls"].sum()) / days,
        int(client["exec_ns"].sum()) / 1e6 / days,
        client.height,
    )


def tables(a: Side, b: Side) -> pl.DataFrame:
    """Compare two sides table by table.

    Returns
    -------
    polars.DataFrame
        `relid`, `name`, and each of `TABLE_WORK` per day as `*_a`, `*_b` (no row is no work: 0);
        `touched_a`, `touched_b` (rows read and written per day), `change`; `bytes_a`, `bytes_b`
        (heap as last seen in that side, null where it did not change there). By `change`.

    """
    frame = _relations(a, b, "tables", "relid", tuple(TABLE_WORK))
    read = ("seq_tup_read", "idx_tup_fetch", "n_tup_ins", "n_tup_upd", "n_tup_del")
    return _by_change(frame, read, "relid")


def indexes(a: Side, b: Side) -> pl.DataFrame:
    """Compare two sides index by index: as `tables`, `touched` being entries read and scans."""
    frame = _relations(a, b, "indexes", "indexrelid", tuple(INDEX_WORK))
    return _by_change(frame, tuple(INDEX_WORK), "indexrelid")


def _relations(a: Side, b: Side, kind: str, key: str, work: Sequence[str]) -> pl.DataFrame:
    left, right = (
        (side.tables if kind == "tables" else side.indexes).select(key, "name", *work, "relpages")
        for side in (a, b)
    )
    joined = left.join(right, on=key, how="full", suffix="_b", coalesce=True)
    days = {"": a.seconds / DAY_SECONDS, "_b": b.seconds / DAY_SECONDS}
    present = {"": pl.col("name").is_not_null(), "_b": pl.col("name_b").is_not_null()}
    rates = [
        # no row is no work; a row without the figure is a figure nobody told
        pl.when(present[suffix])
        .then(pl.col(f"{name}{suffix}") / length)
        .otherwise(0.0)
        .alias(f"{name}_{'b' if suffix else 'a'}")
        for suffix, length in days.items()
        for name in work
    ]
    return joined.select(
        key,
        *rates,
        name=pl.coalesce("name_b", "name"),
        bytes_a=pl.col("relpages") * 8192,
        bytes_b=pl.col("relpages_b") * 8192,
    )


def _by_change(frame: pl.DataFrame, touched: Sequence[str], key: str) -> pl.DataFrame:
    def sums(side: str) -> pl.Expr:
        return pl.sum_horizontal(f"{name}_{side}" for name in touched)

    return (
        frame.with_columns(touched_a=sums("a"), touched_b=sums("b"))
        .with_columns(change=pl.col("touched_b") - pl.col("touched_a"))
        .sort(pl.col("change").abs(), "name", key, descending=[True, False, False])
    )


_SHOWN: Final = {
    "xact_commit": ("Commits", "count"),
    "xact_rollback": ("Rollbacks", "count"),
    "active_time": ("Active time of sessions", "ms"),
    "blks_read": ("Blocks read into shared buffers", "count"),
    "tup_returned": ("Rows read by scans", "count"),
    "tup_inserted": ("Rows inserted", "count"),
    "tup_updated": ("Rows updated", "count"),
    "tup_deleted": ("Rows deleted", "count"),
    "temp_files": ("Temporary files", "count"),
    "temp_bytes": ("Bytes of temporary files", "bytes"),
    "deadlocks": ("Deadlocks", "count"),
}


def database(a: Side, b: Side) -> tuple[tuple[str, str, float | None, float | None], ...]:
    """Return the figures of the whole database: name, kind, a and b, rates per day."""

    def rate(side: Side, name: str) -> float | None:
        value = side.database.get(name)
        return None if value is None else value / side.seconds * DAY_SECONDS

    def hits(side: Side) -> float | None:
        hit, read = side.database.get("blks_hit"), side.database.get("blks_read")
        if hit is None or read is None or hit + read <= 0:
            return None
        return hit / (hit + read)

    rows = [(*_SHOWN[name], rate(a, name), rate(b, name)) for name in DATABASE if name in _SHOWN]
    rows.insert(3, ("Share of blocks found in shared buffers", "share", hits(a), hits(b)))
    sizes = (a.database.get("database_bytes"), b.database.get("database_bytes"))
    rows.append(("Size at the end", "size", *sizes))
    return tuple(row for row in rows if row[2] is not None or row[3] is not None)


def notes(a: Side, b: Side, frame: pl.DataFrame) -> tuple[str, ...]:
    """Return what a reader must know before trusting a comparison.

    Parameters
    ----------
    a, b : Side
    frame : polars.DataFrame
        As `statements` returns it.

    """
    said = [f"{side.span}: {note}" for side in (a, b) for note in side.notes]
    if a.source != b.source:
        said.append(f"the first side is {a.source} history, the second {b.source}")
    if "generated" in (a.source, b.source):
        said.append("generated example history, not measured on a server, is part of this")
    longer = max(a.seconds, b.seconds)
    if abs(a.seconds - b.seconds) > LENGTHS_DIFFER * longer:
        said.append(
            f"the sides cover {a.seconds / 3600:.1f} h and {b.seconds / 3600:.1f} h: all figures"
            " are rates per day, and a daily rhythm is not taken out"
        )
    elif a.span.start.time() != b.span.start.time() and longer < DAY_SECONDS * 0.95:
        said.append("the sides cover different hours of the day: a daily rhythm is not taken out")
    kinds = [{_weekend(side)} for side in (a, b)]
    if longer <= DAY_SECONDS * 1.05 and kinds[0] != kinds[1]:
        said.append("one side is a weekend day, the other is not")
    judged = frame.filter(pl.col("verdict").is_in(["beyond", "within"])).height
    both = frame.filter(pl.col("state") == "both").height
    if judged:
        said.append(
            f"{judged:,} of {both:,} statements on both sides can be judged against their usual"
            " variation; about 1 in 100 of them would be beyond it by chance"
        )
    elif both:
        said.append(
            f"none of the {both:,} statements on both sides has a baseline and {LEAST_CALLS} calls"
            " on each side: no difference can be told from usual variation"
        )
    return tuple(said)


def _weekend(side: Side) -> bool:
    return side.span.start.weekday() >= 5
