"""Whether two readings of a row are of one entry, where the server does not say so. Pure.

Before PostgreSQL 17 nothing tells since when an entry of pg_stat_statements counts. An entry that
was thrown out, or reset alone, and then ran more often than before looks like one that just went
on: its calls only rose. What gives it away, or clears it, are the execution times it remembers.

It *began again*, for certain, when its longest time fell or its shortest rose; when its sum of
squared deviations fell (the server adds a product of two numbers of the same sign at each call, so
it cannot fall by rounding); when its time or rows rose without a call.

It *is the same*, as good as certain, when it still has its longest or its shortest time to the
nanosecond, or another sum of times unchanged; or when few calls were added, and the extremes that
moved and the sum leave no more than one of their times open, which the squared deviations confirm.

Nothing else decides: the rest is neither, and `deltas` says so.
"""

from functools import reduce
from typing import Final

import polars as pl

from perf_pipeline.snapshots.families import Family

BEFORE: Final = "_before"
PROVED: Final = "proved"
_ROW: Final = "row"

#: Two extremes, and one time that the sum leaves.
_FEW_CALLS: Final = 3

#: A time may recur by chance, the sooner the shorter it is. Measured on 15, 20 to 20,000 executions
#: twice, on a clock that ticks in 10 ns: the longest time recurred in 0.2 % of `SELECT 1`, never
#: with 200 executions or more; the shortest in up to 30 % of `SELECT 1` (0.2 µs), 7 % of a look-up
#: by key (2 µs), 0.5 % at most from 10 µs on.
TELLING_MS: Final = 0.01

#: Of sums in double precision: a few calls cost about 1e-15 of a sum; a session that rounds to 15
#: digits (extra_float_digits = 0) 1e-14.
_ROUNDING: Final = 5e-14
#: How much of what the entry had before may hide in that error, for agreement to be no chance.
_RESOLVED: Final = 1e-8


def columns(family: Family) -> tuple[str, ...]:
    """Return the columns this needs beside the family's totals; none when it cannot tell."""
    return family.extremes if family.squares else ()


def began_again(family: Family, *, extremes_only_widen: bool) -> pl.Expr:
    """Whether a row certainly counts anew.

    Parameters
    ----------
    family : Family
        With `extremes` and `squares`; each column is there twice, once with the suffix `BEFORE`.
    extremes_only_widen : bool
        Whether nothing can reset the extremes alone (from 17 on, something can).

    """
    now, then = _moments(family)
    idle = (now.calls == then.calls) & (now.total != then.total)
    if "rows" in family.counters:
        idle |= (now.calls == then.calls) & (pl.col("rows") != pl.col("rows" + BEFORE))
    calmer = now.deviations < then.deviations - _ROUNDING * pl.max_horizontal(
        now.squares, then.squares
    )
    again = idle | calmer
    if extremes_only_widen:
        again = again | (now.longest < then.longest) | (now.shortest > then.shortest)
    return ((then.calls > 0) & again).fill_null(value=False)


def with_proof(rows: pl.DataFrame, family: Family, *, in_doubt: bool) -> pl.DataFrame:
    """Add whether each row that has not `began_again` is proved to be the same entry.

    Parameters
    ----------
    rows : polars.DataFrame
        As for `began_again`.
    family : Family
    in_doubt : bool
        Whether entries were thrown out, or may have been: short times then prove nothing.

    Returns
    -------
    polars.DataFrame
        With a column `PROVED`, never null.

    """
    rows = rows.with_columns(_kept(family, in_doubt=in_doubt).alias(PROVED))
    now, then = _moments(family)
    # dear, and seldom needed
    few = rows.with_row_index(_ROW).filter(
        ~pl.col(PROVED) & (then.calls > 0) & (now.calls - then.calls <= _FEW_CALLS)
    )
    if few.is_empty():
        return rows
    found = few.filter(_accounted_for(now, then))[_ROW]
    at = pl.int_range(pl.len(), dtype=pl.UInt32)
    return rows.with_columns(pl.col(PROVED) | at.is_in(found.implode()))


def _kept(family: Family, *, in_doubt: bool) -> pl.Expr:
    """Whether a row still has an extreme, or another sum of times, to the last digit."""
    now, then = _moments(family)
    least = TELLING_MS if in_doubt else 0.0
    kept = ((now.longest == then.longest) & (then.longest > 0.0)) | (
        (now.shortest == then.shortest) & (then.shortest > least)
    )
    _, total, _ = family.squares or ("", "", "")
    sums = [name for name, kind in family.counters.items() if kind == pl.Float64 and name != total]
    for name in sums:
        kept = kept | ((pl.col(name) == pl.col(name + BEFORE)) & (pl.col(name) > least))
    return ((then.calls > 0) & kept).fill_null(value=False)


class _Moments:
    """The expressions of one reading: count, sum, sum of squares, extremes."""

    def __init__(self, family: Family, suffix: str) -> None:
        squares, total, calls = family.squares or ("", "", "")
        shortest, longest = family.extremes
        self.calls = pl.col(calls + suffix)
        self.total = pl.col(total + suffix)
        self.squares = pl.col(squares + suffix)
        self.shortest = pl.col(shortest + suffix)
        self.longest = pl.col(longest + suffix)
        self.mean = self.total / self.calls
        #: of all times from their mean, squared
        self.deviations = self.squares - self.total * self.mean


def _moments(family: Family) -> tuple[_Moments, _Moments]:
    return _Moments(family, ""), _Moments(family, BEFORE)


def _accounted_for(now: _Moments, then: _Moments) -> pl.Expr:
    """Whether the calls in between are known one by one and give the new squared deviations.

    Each extreme that moved is one of their times; of the others at most one may be left, which the
    sum gives. Deviations add up as those of two samples do (Chan, Golub, LeVeque 1979).
    """
    calls = now.calls - then.calls
    added = now.total - then.total
    mean = added / calls
    extremes = [
        (now.longest > then.longest, now.longest),
        (now.shortest < then.shortest, now.shortest),
    ]
    known = reduce(pl.Expr.add, (moved.cast(pl.Int64) for moved, _ in extremes))
    rest = added - reduce(pl.Expr.add, (_if(moved, value) for moved, value in extremes))
    error = _ROUNDING * now.total
    spread = now.longest - now.shortest
    left = calls - known
    fits = (
        pl.when(left == 0)
        .then((rest.abs() <= error) & (error <= _RESOLVED * then.total))
        .when(left == 1)
        .then((rest >= now.shortest - error) & (rest <= now.longest + error))
        .otherwise(pl.lit(value=False))
    )
    within = reduce(pl.Expr.add, (_if(moved, (value - mean) ** 2) for moved, value in extremes))
    within = within + _if(left == 1, (rest - mean) ** 2)
    between = (mean - then.mean) ** 2 * then.calls * calls / now.calls
    off = (now.deviations - then.deviations - within - between).abs()
    tolerance = _ROUNDING * (now.squares + now.total * spread)
    # a time that only the sum gives makes up for another sum, as long as all were about as long
    resolved = (
        pl.when(left == 0).then(then.total * spread).otherwise((then.longest - then.shortest) ** 2)
    )
    return fits & (off <= tolerance) & (tolerance <= _RESOLVED * resolved)


def _if(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value).otherwise(0.0)
