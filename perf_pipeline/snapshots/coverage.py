"""Conservation: how much of the time that sessions were active the counted statements explain.

`pg_stat_database.active_time` adds up the time in which sessions of a database executed anything.
pg_stat_statements adds up the time of the statements it kept. The first does not depend on the
second, so that their ratio tells what the ledger missed: statements that were thrown out, that
failed, that nobody tracks.

**It is never all of it, and what is usual differs.** Parsing, planning (unless it is tracked),
sending, and above all the commit, which waits for the disk after the statement has ended, are
active time and no statement's. Measured with pgbench on 14 and 18, on a busy machine of two cores:
90 to 107 % for statements of a millisecond and more, 22 to 79 % for look-ups by key (15 µs each;
prepared ones are the better half), 15 to 23 % for pgbench's own transactions, 2 to 5 % where each
waits for a slow disk, 5 to 10 % with a connection for each look-up. So a target is compared with
itself.

**A slow disk is no missing statement.** It lowers the share, too, but not the second witness: the
statements counted per transaction. Only when both fall has something not been counted. (Workers of
a parallel plan add transactions as they start, and no share is lost.)

**More than all of it** is possible: statements of background workers are counted, their time is
not. And time is told late: a session reports when its transaction ends, at most once a second, its
statements when each of them ends. What statements of an open transaction have beyond the time told
is therefore set against time that is told later.

Left out: nested statements (their time is in the top-level one's, too), idle time in transactions
(not active time), parallel workers (neither side counts them), and our own sweeps, whose time is
the sessions' but whose statements are kept out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import polars as pl

from perf_pipeline.snapshots.evidence import Quality
from perf_pipeline.snapshots.service_levels import ACTIVE_TIME_COVERED, MAX_AGE, Verdict
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store

Row = Mapping[str, Any]

#: What is judged, and with what it is compared.
SPAN: Final = timedelta(hours=1)
HISTORY: Final = timedelta(days=7)
#: Hours of its own that a target needs before something counts as usual.
LEAST_HOURS: Final = 12

#: Time is told up to a second late at either end of a span: below 1 % of this many seconds.
LEAST_SECONDS: Final = 300.0
#: Less is an idle database: our own sweeps and everybody's connecting are then most of it.
LEAST_ACTIVE_MS: Final = 10_000.0
#: Our own time is what the collector waited; the server's part of it is known to a fifth.
LEAST_OF_OWN: Final = 5.0

#: A drop is less than the usual by this share and by this many robust standard deviations, in both
#: witnesses: one hour in 16,000 has that by chance in either.
DROP_SHARE: Final = 0.15
DROP_DEVIATIONS: Final = 4.0
#: From the median absolute deviation to the standard deviation of a normal distribution.
_ROBUST: Final = 1.4826

#: Below both floors it is alarming without any history: less than half of the time, and of three
#: transactions not one with a counted statement. (A statement on a connection of its own is one in
#: two: connecting is a transaction, too.)
FLOOR_SHARE: Final = ACTIVE_TIME_COVERED.limit
FLOOR_STATEMENTS: Final = 1.0 / 3.0


@dataclass(frozen=True)
class Covered:
    """What an interval tells; times in ms.

    Attributes
    ----------
    active_ms : float
        `active_time` told in it, our own sweeps' included.
    explained_ms : float
        Of the top-level statements counted in it, planning included where it is tracked.
    explained_calls : int
    transactions : int
        Ended in it, committed or not.
    open_ms : float
        The most that clients' transactions which are open at its end can have been active: the age
        of the oldest, for each of them.

    """

    active_ms: float
    explained_ms: float
    explained_calls: int
    transactions: int
    open_ms: float


def of_interval(rows: Mapping[str, pl.DataFrame], quality: Quality) -> Covered | None:
    """Return what an interval tells; None where it cannot be measured.

    Parameters
    ----------
    rows : Mapping of ledger table to polars.DataFrame
        Of one sweep: statements (our own left out) and database over the same time, no row where
        nothing happened; activity at its end.
    quality : Quality
        Of the sweep: after a reset the two sides do not compare.

    """
    database = rows["database"]
    if quality not in {"exact", "gap", "lower_bound"} or not set(database["quality"]) <= {
        "exact",
        "gap",
    }:
        return None
    if database["active_time"].null_count():
        return None
    top = rows["statements"].filter("toplevel")
    return Covered(
        active_ms=float(database["active_time"].sum()),
        explained_ms=float(top["total_exec_time"].sum()) + float(top["total_plan_time"].sum()),
        explained_calls=int(top["calls"].sum()),
        transactions=int(database["xact_commit"].sum()) + int(database["xact_rollback"].sum()),
        open_ms=_open_ms(rows.get("activity", pl.DataFrame())),
    )


def _open_ms(activity: pl.DataFrame) -> float:
    if activity.is_empty():
        return 0.0
    clients = activity.filter(
        (pl.col("backend_type") == "client backend") & pl.col("oldest_xact_seconds").is_not_null()
    )
    oldest = clients["oldest_xact_seconds"].max()
    return 1000.0 * oldest * int(clients["sessions"].sum()) if isinstance(oldest, float) else 0.0


@dataclass(frozen=True)
class Share:
    """What the statements of a span explain; `why_not` says why that cannot be measured.

    Attributes
    ----------
    active_ms : float
        Without our own sweeps, and without what statements of an earlier span explain.
    explained_ms : float
    share : float or None
        Explained of active time; may exceed 1.
    per_transaction : float or None
        Counted top-level statements per transaction.
    why_not : str

    """

    active_ms: float = 0.0
    explained_ms: float = 0.0
    share: float | None = None
    per_transaction: float | None = None
    why_not: str = ""


def shares(rows: Sequence[Row], end: datetime, spans: int) -> list[Share]:
    """Return the shares of the spans that end at `end`, newest first. Pure.

    Parameters
    ----------
    rows : Sequence of Mapping
        Of `coverage_intervals.sql`, in order of time.
    end : datetime
    spans : int
        How many, each of `SPAN`.

    """
    parts: list[list[tuple[Row, float]]] = [[] for _ in range(spans)]
    untold = 0.0
    for row in rows:
        active = max(0.0, row["active_ms"] - row["own_ms"])
        late = min(untold, max(0.0, active - row["explained_ms"]))
        untold += row["explained_ms"] - active if row["explained_ms"] > active else -late
        untold = min(untold, row["open_ms"])
        index = int((end - row["ts"]) / SPAN)
        if 0 <= index < spans:
            parts[index].append((row, active - late))
    return [_share(part) for part in parts]


def _share(part: Sequence[tuple[Row, float]]) -> Share:
    seconds = sum(row["seconds"] for row, _ in part)
    active = sum(active for _, active in part)
    own = sum(row["own_ms"] for row, _ in part)
    explained = sum(row["explained_ms"] for row, _ in part)
    least = max(LEAST_ACTIVE_MS, LEAST_OF_OWN * own)
    if seconds < LEAST_SECONDS:
        why = f"{seconds:.0f} s of comparable intervals, {LEAST_SECONDS:.0f} s needed"
        return Share(active, explained, why_not=why)
    if active < least:
        why = f"{active / 1000:.1f} s of active time, {least / 1000:.0f} s needed"
        return Share(active, explained, why_not=why)
    ended = sum(row["transactions"] for row, _ in part)
    calls = sum(row["explained_calls"] for row, _ in part)
    return Share(active, explained, explained / active, calls / ended if ended else None)


def judge(found: Sequence[Share], newest: datetime | None, now: datetime) -> Verdict:
    """Return the verdict on the newest of some shares. Pure.

    Parameters
    ----------
    found : Sequence of Share
        Of `shares`: the newest span and those before it.
    newest : datetime or None
        The newest sweep; None when the target was never swept.
    now : datetime
        Aware.

    """
    if newest is None or not found:
        return _not_measurable("the target was never swept")
    latest = found[0]
    if now - newest > MAX_AGE:
        return _not_measurable(f"the newest sweep is of {newest:%Y-%m-%d %H:%M} UTC")
    if latest.share is None:
        return _not_measurable(latest.why_not)
    value, counted = latest.share, latest.per_transaction
    said = f"{value:.1%} of active time in the hour to {newest:%H:%M} UTC"
    said += "" if counted is None else f", {counted:.2f} counted statements per transaction"
    if value < FLOOR_SHARE and (counted is None or counted < FLOOR_STATEMENTS):
        why = "below half, and most transactions have none: see pg_stat_statements.track and .max"
        return Verdict(ACTIVE_TIME_COVERED, False, False, f"{said}: {why}", value)
    usual = [one for one in found[1:] if one.share is not None]
    if len(usual) < LEAST_HOURS:
        known = f"nothing is usual yet ({len(usual)} of {LEAST_HOURS} hours)"
        return Verdict(ACTIVE_TIME_COVERED, True, False, f"{said}; {known}", value)
    typical, limit = _limit([one.share for one in usual if one.share is not None])
    rates = [one.per_transaction for one in usual if one.per_transaction is not None]
    said += f"; usually {typical:.1%}"
    level = replace(ACTIVE_TIME_COVERED, limit=max(limit, 0.0))
    if value < limit and _fell(counted, rates):
        why = "statements were not counted: thrown out, failed, or not tracked any more"
        rate = f" and {median(rates):.2f}" if rates else ""
        return Verdict(level, False, False, f"{said}{rate}: {why}", value)
    return Verdict(level, True, False, said, value)


def _not_measurable(why: str) -> Verdict:
    return Verdict(
        ACTIVE_TIME_COVERED, False, False, f"not measurable: {why}", None, measured=False
    )


def _limit(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of values, and below what a value is a drop."""
    typical = median(values)
    deviation = _ROBUST * median(abs(value - typical) for value in values)
    return typical, typical - max(DROP_SHARE * typical, DROP_DEVIATIONS * deviation)


def _fell(counted: float | None, usual: Sequence[float]) -> bool:
    """Whether fewer statements per transaction were counted; so, too, where nobody knows."""
    if counted is None or len(usual) < LEAST_HOURS:
        return True
    return counted < _limit(usual)[1]


def read(store: Store, target_name: str, end: datetime, span: timedelta = HISTORY) -> list[Share]:
    """Return the shares of a target's hours up to a sweep, newest first.

    Parameters
    ----------
    store : Store
    target_name : str
    end : datetime
        A sweep's instant, aware.
    span : timedelta
        How far back, in whole hours.

    """
    rows = store.rows(
        "coverage_intervals",
        {
            "target_id": targets.find(store, target_name),
            # an hour more, for what was told late
            "start": end - span - SPAN,
            "finish": end,
        },
    )
    return shares(rows, end, int(span / SPAN))
