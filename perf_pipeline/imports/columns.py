"""Columns of pg_stat_statements, as other programs keep them, to counters of ours. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots.families import STATEMENTS

_COUNT: Final = pl.Int64()
_MILLISECONDS: Final = pl.Float64()
_INSTANT: Final = pl.Datetime("us")

#: Names under which exports keep what the view does not have, best first.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "ts": (
        "ts",
        "snapshot_time",
        "snapshot_ts",
        "sample_time",
        "captured_at",
        "collected_at",
        "timestamp",
        "time",
        "now",
    ),
    "dbid": ("dbid", "datid"),
    "server": (
        "system_identifier",
        "server",
        "server_name",
        "srvid",
        "server_id",
        "instance",
        "hostname",
        "host",
    ),
    "stats_reset": ("stats_reset", "statements_stats_reset"),
    "server_version": ("server_version_num", "server_version"),
}

#: Columns without which there is no statement to speak of.
REQUIRED: Final = ("ts", "userid", "dbid", "queryid", "calls", "total_exec_time")

#: Counters of ours that the view keeps in parts from some version on: the first must be there, the
#: others are added where they are.
SUMS: Mapping[str, tuple[str, ...]] = {
    "blk_read_time": ("shared_blk_read_time", "local_blk_read_time"),
    "blk_write_time": ("shared_blk_write_time", "local_blk_write_time"),
    "jit_time": (
        "jit_generation_time",
        "jit_inlining_time",
        "jit_optimization_time",
        "jit_emission_time",
    ),
}

#: Where the sum of squares of execution times comes from, best first.
_SQUARES: Final = ("exec_time_squares", "sum_exec_time_sq", "stddev_exec_time")

#: Everything that is read, with its type once read; `ts` and other instants are naive UTC.
RAW: Mapping[str, pl.DataType] = {
    "ts": _INSTANT,
    **STATEMENTS.keys,
    **STATEMENTS.counters,
    **{name: _MILLISECONDS for parts in SUMS.values() for name in parts},
    **dict.fromkeys(_SQUARES, _MILLISECONDS),
    **dict.fromkeys(STATEMENTS.extremes, _MILLISECONDS),
    "stats_since": _INSTANT,
    "stats_reset": _INSTANT,
    "dealloc": _COUNT,
    "server": pl.String(),
    "server_version": pl.String(),
    "datname": pl.String(),
    "query": pl.String(),
}

#: The oldest major whose view has a column; what an older server's export shows there is invented.
SINCE: Mapping[str, int] = {
    "toplevel": 14,
    "jit_functions": 15,
    "jit_time": 15,
    "jit_generation_time": 15,
    "shared_blk_read_time": 17,
    "local_blk_read_time": 17,
    "stats_since": 17,
    "wal_buffers_full": 18,
}


@dataclass(frozen=True)
class Columns:
    """Which column of an export holds what.

    Attributes
    ----------
    held : Mapping of str to str
        The export's column of each name in `RAW` that it has.
    missing : tuple of str
        Counters of ours it cannot give: they stay NULL.

    """

    held: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def oldest_major(self) -> int:
        """The oldest PostgreSQL major whose view has all these columns."""
        return max([13, *(SINCE[name] for name in self.held if name in SINCE)])


def recognise(names: Sequence[str], where: str) -> Columns:
    """Find out which column is what, whatever its case.

    Parameters
    ----------
    names : Sequence of str
        The columns of an export.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        A required column is missing, or two columns differ in case only.

    """
    actual: dict[str, str] = {}
    for name in names:
        lower = name.strip().lower()
        if lower in RAW or any(lower in aliases for aliases in ALIASES.values()):
            if lower in actual:
                raise InputError(
                    f"{where}: columns {actual[lower]!r} and {name!r} are the same name",
                    "export each column once",
                )
            actual[lower] = name
    held: dict[str, str] = {}
    for name in RAW:
        found = next((alias for alias in ALIASES.get(name, (name,)) if alias in actual), None)
        if found is not None:
            held[name] = actual[found]
    for name in REQUIRED:
        if name not in held:
            raise InputError(
                f"{where}: column {name!r} is missing; it has {', '.join(names) or 'no columns'}",
                _remedy(name),
            )
    return Columns(held, _missing(held))


_EXPORT = "export each snapshot with its time: SELECT now() AS ts, * FROM pg_stat_statements"


def _remedy(name: str) -> str:
    if name == "ts":
        return f"{_EXPORT} (also recognised: {', '.join(ALIASES['ts'][1:])})"
    if name == "total_exec_time":
        return "export from PostgreSQL 13 or later; older servers' total_time includes other things"
    return _EXPORT


def _missing(held: Collection[str]) -> tuple[str, ...]:
    counters = [
        name
        for name in STATEMENTS.counters
        if name not in held and not (name in SUMS and SUMS[name][0] in held)
    ]
    squares = [] if any(name in held for name in _SQUARES) else ["exec_time_squares"]
    return (*counters, *squares)


def counters(raw: pl.DataFrame, absent: Collection[str] = ()) -> pl.DataFrame:
    """Turn rows under the names of `RAW` into what `deltas.interval` takes.

    Parameters
    ----------
    raw : polars.DataFrame
        At least the keys but `toplevel`, `calls` and `total_exec_time`; instants are naive UTC.
        `stddev_exec_time` is the population's, `sum_exec_time_sq` a sum of squares (ms²).
    absent : Collection of str
        Counters of ours that the server did not have, whatever the rows say.

    Returns
    -------
    polars.DataFrame
        Keys, counters and derived counter of `families.STATEMENTS`, `stats_since`, its extremes
        where they are; what else is not there is null, `toplevel` is then true.

    """
    have = set(raw.columns)
    extremes = [name for name in STATEMENTS.extremes if set(STATEMENTS.extremes) <= have]
    return raw.select(
        *(pl.col(name).cast(kind) for name, kind in STATEMENTS.keys.items() if name != "toplevel"),
        (pl.col("toplevel").fill_null(value=True) if "toplevel" in have else pl.lit(value=True))
        .cast(pl.Boolean)
        .alias("toplevel"),
        *(
            _counter(name, kind, have if name not in absent else set())
            for name, kind in STATEMENTS.counters.items()
        ),
        _squares(have),
        (pl.col("stats_since") if "stats_since" in have else pl.lit(None))
        .cast(_INSTANT)
        .alias("stats_since"),
        *(pl.col(name).cast(_MILLISECONDS) for name in extremes),
    ).select(*STATEMENTS.keys, *STATEMENTS.totals, "stats_since", *extremes)


def _counter(name: str, kind: pl.DataType, have: Collection[str]) -> pl.Expr:
    parts = SUMS.get(name, ())
    if name in have:
        value = pl.col(name)
    elif parts and parts[0] in have:
        value = pl.col(parts[0])
        for part in parts[1:]:
            if part in have:
                value = value + pl.col(part).fill_null(0)
    else:
        value = pl.lit(None)
    return value.cast(kind).alias(name)


def _squares(have: Collection[str]) -> pl.Expr:
    name = next((name for name in _SQUARES if name in have), None)
    if name is None:
        value = pl.lit(None)
    elif name == "stddev_exec_time":
        calls, total = pl.col("calls"), pl.col("total_exec_time")
        spread = pl.col(name).cast(_MILLISECONDS)
        sums = calls * spread**2 + total**2 / calls
        value = pl.when(calls > 0).then(sums).otherwise(spread * 0.0)
    else:
        value = pl.col(name)
    return value.cast(_MILLISECONDS).alias("exec_time_squares")
