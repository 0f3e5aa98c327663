"""Statements that are slow, become slower, read from disk or spill to it (G-43); pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from perf_pipeline.advice.model import Advice, Severity

Row = Mapping[str, Any]

#: G-43: more calls than this, and longer than this on average (ms).
CALLS: Final = 5
SLOW_MS: Final = 1000.0
#: Most of a statement's time on blocks: it is bound by I/O.
IO_BOUND: Final = 0.8
#: Times as long in the later half of the days as in the earlier: it becomes slower.
SLOWER: Final = 1.2
#: Times that make it critical, and a warning, as of slow statements against their baseline.
CRITICAL: Final = 3.0
WARNING: Final = 1.5
#: Share of all time below which a change concerns nobody.
LEAST_SHARE: Final = 0.01
#: Bytes of temporary files per call that are worth memory.
SPILL_BYTES: Final = 8 * 1024**2
_BLOCK: Final = 8192
_TEXT: Final = 160


def advise(rows: Sequence[Row]) -> list[Advice]:
    """Return what is to say of statements, those that take most time first.

    Parameters
    ----------
    rows : sequence of Mapping
        Of `sql/store/advice_statements.sql`: calls, total_ms, io_ms, temp_blocks of some days,
        early_ms and late_ms per call in their two halves, all_ms of all statements.

    """
    found = []
    for row in rows:
        calls, total = row["calls"], row["total_ms"]
        if calls <= CALLS or total <= 0.0:
            continue
        mean = total / calls
        share = total / row["all_ms"] if row["all_ms"] else 0.0
        early, late = row["early_ms"], row["late_ms"]
        ratio = late / early if early and late is not None else None
        grown = ratio is not None and ratio > SLOWER and share >= LEAST_SHARE
        if mean > SLOW_MS or grown:
            found.append(_slow(row, mean, share, ratio))
        spilt = (row["temp_blocks"] or 0.0) * _BLOCK / calls
        if spilt > SPILL_BYTES and share >= LEAST_SHARE:
            found.append(_spills(row, spilt, share))
    return found


def _slow(row: Row, mean: float, share: float, ratio: float | None) -> Advice:
    io = None if row["io_ms"] is None else row["io_ms"] / row["total_ms"]
    severity: Severity = "info"
    if ratio is not None and ratio > SLOWER:
        severity = "critical" if ratio > CRITICAL else "warning" if ratio > WARNING else "info"
    bound = io is not None and io > IO_BOUND
    trend = (
        "no earlier days to compare with"
        if ratio is None
        else f"{row['early_ms']:,.1f} ms in the earlier, {row['late_ms']:,.1f} ms in the later half"
    )
    read = "I/O was not timed (track_io_timing)" if io is None else f"{100 * io:.0f} % on blocks"
    return Advice(
        "statements", "slow_statement", str(row["queryid"]), severity,
        f"{mean:,.1f} ms per call over {row['calls']:,.0f} calls of {row['days']} days, "
        f"{100 * share:.1f} % of all time; {trend}; {read}; {_shown(row['query'])}",
        "bound by reading: an index, fewer rows, or more memory" if bound
        else "its plan and its rows decide; an index advised for it says how much",
        "reading its plan",
        "perf-pipeline report --target ... ; EXPLAIN (ANALYZE, BUFFERS) of it, where it may run",
        mean_by_day(row["queryid"]),
        {"mean_ms": mean, "calls": row["calls"], "share": share, "io_share": io,
         "early_ms": row["early_ms"], "late_ms": row["late_ms"]},
    )  # fmt: skip


def _spills(row: Row, spilt: float, share: float) -> Advice:
    need = int(2 * spilt / 1024**2) + 1
    return Advice(
        "statements", "spills", str(row["queryid"]), "info",
        f"{spilt / 1024**2:,.1f} MB of temporary files per call, {100 * share:.1f} % of all time; "
        f"{_shown(row['query'])}",
        "its sorts and hashes stay in memory",
        f"up to {need} MB for each of its sorts and hashes at once",
        f"ALTER ROLE <its role> SET work_mem = '{need}MB'; -- or SET LOCAL in its transaction",
        mean_by_day(row["queryid"], "sum(temp_blks_written)"),
        {"spilt_bytes_per_call": spilt, "share": share},
    )  # fmt: skip


def mean_by_day(queryid: int, what: str = "sum(total_exec_time) / sum(calls)") -> str:
    """Return a query of the store, for a person to run: a statement's figure day by day."""
    shown = f"SELECT day, {what} FROM ledger.statements_daily"  # noqa: S608 - never run by us
    return f"{shown} WHERE queryid = {queryid} GROUP BY day ORDER BY day"


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT else f"{flat[: _TEXT - 3]}..."
