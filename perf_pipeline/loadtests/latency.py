"""Per-transaction logs of pgbench -> exact percentiles and time series."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from perf_pipeline.errors import InputError

#: How pgbench says that a transaction failed; from 15 on it tells in which way.
FAILURES = ("failed", "serialization", "deadlock")
OUTCOMES = ("ok", *FAILURES, "skipped")
#: SQLSTATE of what it tells; of `failed` it is one or the other.
SQLSTATES = {
    "serialization": "40001 serialization_failure",
    "deadlock": "40P01 deadlock_detected",
    "failed": "serialization or deadlock",
}
_FIELDS = ("client", "transaction", "time", "script_no", "epoch_s", "epoch_us")


def read_logs(log_dir: Path, scripts: Sequence[str], *, prefix: str = "pgbench") -> pl.DataFrame:
    """Read every per-transaction log of a run.

    Parameters
    ----------
    log_dir : Path
        Holds `<prefix>.<pid>` and `<prefix>.<pid>.<thread>`; the last line of a run that was
        stopped may be cut and is left out then.
    scripts : sequence of str
        Names in the order the scripts were given to pgbench.
    prefix : str
        pgbench's `--log-prefix`.

    Returns
    -------
    polars.DataFrame
        `ts` Datetime us (naive UTC, end of the transaction), `script` Enum of the names, `client`
        i32, `latency_ms` f64 (null unless `ok`; under `--rate` counted from when it was due),
        `lag_ms` f64 (the part of it spent waiting to start; null without `--rate`), `outcome` Enum
        (`ok`, `failed`, `serialization`, `deadlock`, `skipped`). In order of `ts`.

    Raises
    ------
    InputError
        No log in the folder, lines that pgbench does not write, or a name used twice.

    """
    paths = sorted(log_dir.glob(f"{prefix}.*"))
    if not paths:
        raise InputError(
            f"no log {prefix}.* in {log_dir}", "pass the folder the run was started with"
        )
    if len(set(scripts)) != len(scripts):
        raise InputError(f"script names {list(scripts)} are not unique", "give each its own name")
    # file by file: the text of one log at a time is in memory
    frames = [_typed(frame, path, scripts) for path in paths if (frame := _read(path)) is not None]
    if not frames:
        return pl.DataFrame(schema=schema(scripts))
    return pl.concat(frames, rechunk=True).sort("ts", maintain_order=True)


def schema(scripts: Sequence[str]) -> dict[str, pl.DataType]:
    """Return the columns of a frame of transactions of these scripts."""
    return {
        "ts": pl.Datetime("us"),
        "script": pl.Enum(list(scripts)),
        "client": pl.Int32(),
        "latency_ms": pl.Float64(),
        "lag_ms": pl.Float64(),
        "outcome": pl.Enum(OUTCOMES),
    }


def _typed(raw: pl.DataFrame, path: Path, scripts: Sequence[str]) -> pl.DataFrame:
    top = raw["script_no"].max()
    if not isinstance(top, int) or top >= len(scripts):
        raise InputError(
            f"script number {top!r} in {path.name}, but {len(scripts)} script names",
            "name every script of the run, in its order",
        )
    kinds = schema(scripts)
    time = pl.col("time")
    return raw.select(
        ts=pl.from_epoch(pl.col("epoch_s") * 1_000_000 + pl.col("epoch_us"), time_unit="us"),
        script=pl.col("script_no").replace_strict(
            list(range(len(scripts))),
            pl.Series(list(scripts), dtype=kinds["script"]),
            return_dtype=kinds["script"],
        ),
        client=pl.col("client"),
        latency_ms=time.cast(pl.Int64, strict=False) / 1000.0,
        lag_ms=pl.col("lag") / 1000.0,
        outcome=pl.when(time.is_in(OUTCOMES[1:]))
        .then(time)
        .otherwise(pl.lit("ok"))
        .cast(kinds["outcome"]),
    )


def _read(path: Path) -> pl.DataFrame | None:
    with path.open("rb") as file:
        first = file.readline()
        if not first.endswith(b"\n"):
            return None  # stopped before the first line was whole
        file.seek(-1, 2)
        whole = file.read() == b"\n"
    fields = (*_FIELDS, "lag")[: len(first.split())]
    if not len(_FIELDS) <= len(first.split()) <= len(_FIELDS) + 1:
        raise InputError(
            f"{path.name}: a line of {len(first.split())} fields is not pgbench's "
            "per-transaction log",
            "run pgbench with --log, without --aggregate-interval and --max-tries",
        )
    kinds = dict.fromkeys(fields, pl.Int64()) | {"time": pl.String(), "client": pl.Int32()}
    source = path if whole else path.read_bytes().rpartition(b"\n")[0]
    try:
        frame = pl.read_csv(source, has_header=False, separator=" ", schema=kinds)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path.name}: not a per-transaction log of pgbench: {str(error).splitlines()[0]}",
            "remove the file, or read the folder of one run only",
        ) from error
    if "lag" not in frame.columns:
        frame = frame.with_columns(lag=pl.lit(None, pl.Int64))
    return frame.select(*_FIELDS, "lag")


def failures(transactions: pl.DataFrame) -> dict[str, int]:
    """Return how many transactions failed in which way, by SQLSTATE; none: empty. Pure."""
    counts = transactions.group_by(pl.col("outcome").cast(pl.String)).len()
    known = dict(counts.iter_rows())
    return {said: known[way] for way, said in sorted(SQLSTATES.items()) if known.get(way)}


def percentiles(transactions: pl.DataFrame, by: str | None = "script") -> pl.DataFrame:
    """Reduce transactions to exact latencies (pure).

    Parameters
    ----------
    transactions : polars.DataFrame
        As `read_logs` returns.
    by : str, optional
        Column to group by; None: one row over everything.

    Returns
    -------
    polars.DataFrame
        `by`, `transactions` (ok) u32, `failed` u32, `skipped` u32, `mean_ms`, `p50_ms`, `p95_ms`,
        `p99_ms`, `max_ms` f64 (null where no transaction succeeded); in order of `by`. Percentiles
        interpolate linearly between the two neighbouring samples, as numpy does.

    """
    if by is None:
        return transactions.select(_reductions())
    return _plain(transactions.group_by(by).agg(_reductions()), by).sort(by)


def time_series(
    transactions: pl.DataFrame, every: str = "1s", by: str | None = "script"
) -> pl.DataFrame:
    """Reduce transactions to one row per stretch of time (pure).

    Parameters
    ----------
    transactions : polars.DataFrame
        As `read_logs` returns.
    every : str
        Length of a stretch, in polars' notation.
    by : str, optional
        Column to group by as well; None: everything together.

    Returns
    -------
    polars.DataFrame
        `ts` Datetime us (start of the stretch), `by`, then the columns of `percentiles`. A stretch
        without transactions is there too, with 0 and null: an outage shows. The first and the last
        stretch are usually cut short.

    """
    keys = ["ts"] if by is None else ["ts", by]
    reduced = (
        transactions.with_columns(pl.col("ts").dt.truncate(every)).group_by(keys).agg(_reductions())
    )
    if transactions.is_empty():
        return _plain(reduced, by)
    grid = reduced.select(
        pl.datetime_range(pl.col("ts").min(), pl.col("ts").max(), every, time_unit="us")
    )
    if by is not None:
        grid = grid.join(transactions.select(by).unique(), how="cross")
    counts = ("transactions", "failed", "skipped")
    whole = grid.join(reduced, on=keys, how="left").with_columns(pl.col(counts).fill_null(0))
    return _plain(whole, by).sort(keys)


def _plain(frame: pl.DataFrame, by: str | None) -> pl.DataFrame:
    """Turn an Enum into text: results of several runs are put together."""
    if by is None or not isinstance(frame.schema[by], pl.Enum):
        return frame
    return frame.with_columns(pl.col(by).cast(pl.String))


def _reductions() -> list[pl.Expr]:
    latency = pl.col("latency_ms")
    counted = {"transactions": ("ok",), "failed": FAILURES, "skipped": ("skipped",)}
    return [
        *(
            pl.any_horizontal(pl.col("outcome") == value for value in values).sum().alias(name)
            for name, values in counted.items()
        ),
        latency.mean().alias("mean_ms"),
        *(
            latency.quantile(level, interpolation="linear").alias(f"p{level * 100:.0f}_ms")
            for level in (0.50, 0.95, 0.99)
        ),
        latency.max().alias("max_ms"),
    ]
