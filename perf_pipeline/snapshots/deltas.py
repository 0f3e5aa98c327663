"""Two states of counters, and the evidence between them: what happened in the interval.

Pure. Nothing is negative and nothing is invented: a count is taken only where the counters prove
that it happened after the previous sweep.
"""

from datetime import UTC
from functools import reduce
from operator import or_

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots.evidence import Evidence
from perf_pipeline.snapshots.families import STATEMENTS, Family

_SINCE = "stats_since"
_BEFORE = "_before"


def interval(
    previous: pl.DataFrame | None,
    current: pl.DataFrame,
    evidence: Evidence,
    family: Family = STATEMENTS,
) -> pl.DataFrame:
    """Return what each key did between two sweeps.

    Rules, first that applies, for a key of `current`:

    - no previous state, or another server's: no row (the state is a baseline only);
    - absent before: its full counters, `first_seen` (`reset` when everything was reset within the
      interval). When the role sees more than before, only if `stats_since` proves that the key
      began after the previous sweep;
    - everything reset within the interval, a counter fell, or `stats_since` moved: the counters
      since then, `reset`;
    - else the differences, `exact`; `gap` when the interval is far longer than usual; `reset` when
      some reset happened that cannot be traced to a key (the difference is then a lower bound).

    Keys whose counters did not change have no row; keys that vanished have none either.

    Parameters
    ----------
    previous : polars.DataFrame or None
        Keys, counters and, where known, `stats_since` of the previous sweep.
    current : polars.DataFrame
        The same, with names and gauges, of this sweep. Counters are integers or milliseconds.
    evidence : Evidence
        What was observed at both sweeps.
    family : Family
        Default: statements.

    Returns
    -------
    polars.DataFrame
        `family.columns` in that order, sorted by key. A sum of squares is exact to about
        1e-15 x (sum so far / sum of the interval), relative, and never below sum²/count.

    Raises
    ------
    InputError
        A column is missing or a key occurs twice.

    """
    _check(current, family)
    if previous is None or evidence.previous is None or evidence.other_server is not None:
        return _shaped(current.clear(), family)
    _check(previous, family)
    keys = list(family.keys)
    totals = [*family.counters, *([family.squares[0]] if family.squares else [])]
    since = [_SINCE] if _SINCE in current.columns and _SINCE in previous.columns else []
    before = previous.select(*keys, *totals, *since, pl.lit(True).alias("known"))
    joined = current.join(before, on=keys, how="left", suffix=_BEFORE)
    judged = joined.with_columns(
        pl.col("known").is_null().alias("absent"),
        _restarted(family, bool(since), evidence).fill_null(value=False).alias("restarted"),
    )
    if since:  # an older entry than the one we knew: not this server's, or its clock stepped back
        older = (pl.col(_SINCE) < pl.col(_SINCE + _BEFORE)).fill_null(value=False)
        judged = judged.filter(~older)
    if evidence.sees_more:
        judged = judged.filter(~pl.col("absent") | _began_within(judged, evidence))
    judged = judged.with_columns(_quality(family, evidence).alias("quality"))
    fresh = pl.col("absent") | pl.col("restarted")
    deltas = judged.with_columns(
        pl.when(fresh).then(pl.col(name)).otherwise(pl.col(name) - pl.col(name + _BEFORE))
        for name in totals
    ).filter(reduce(or_, (pl.col(name) > 0 for name in family.counters)))
    if family.squares:
        deltas = deltas.with_columns(_at_least_possible(*family.squares))
    return _shaped(deltas, family)


def _check(frame: pl.DataFrame, family: Family) -> None:
    needed = [*family.keys, *family.counters]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise InputError(
            f"{family.name}: column {missing[0]!r} is missing",
            f"pass a frame with the columns {', '.join(needed)}",
        )
    if frame.height > 1 and frame.select(list(family.keys)).is_duplicated().any():
        raise InputError(
            f"{family.name}: a key ({', '.join(family.keys)}) occurs twice",
            "pass one row per key",
        )


def _restarted(family: Family, with_since: bool, evidence: Evidence) -> pl.Expr:
    """Whether a known key's counters certainly began again after the previous sweep."""
    if family.reset_proves_zero and evidence.statements_emptied:
        return pl.col("known")
    fell = reduce(or_, (pl.col(name) < pl.col(name + _BEFORE) for name in family.counters))
    if with_since:
        return fell | (pl.col(_SINCE) > pl.col(_SINCE + _BEFORE)).fill_null(value=False)
    return fell


def _began_within(judged: pl.DataFrame, evidence: Evidence) -> pl.Expr:
    if _SINCE not in judged.columns or evidence.previous is None:
        return pl.lit(value=False)
    start = evidence.previous.ts.astimezone(UTC).replace(tzinfo=None)
    return (pl.col(_SINCE) > start).fill_null(value=False)


def _quality(family: Family, evidence: Evidence) -> pl.Expr:
    untraced = not family.reset_proves_zero and evidence.database_reset
    everything = family.reset_proves_zero and evidence.statements_emptied
    usual = "gap" if evidence.gap else "exact"
    new = "reset" if everything else "gap" if evidence.gap else "first_seen"
    return (
        pl.when(pl.col("absent"))
        .then(pl.lit(new))
        .when(pl.col("restarted") | pl.lit(untraced))
        .then(pl.lit("reset"))
        .otherwise(pl.lit(usual))
    )


def _at_least_possible(squares: str, total: str, count: str) -> pl.Expr:
    """Keep a difference of sums of squares within what the sum and count allow (Cauchy-Schwarz)."""
    least = pl.when(pl.col(count) > 0).then(pl.col(total) ** 2 / pl.col(count)).otherwise(0.0)
    return pl.max_horizontal(pl.col(squares), least, pl.lit(0.0)).alias(squares)


def _shaped(frame: pl.DataFrame, family: Family) -> pl.DataFrame:
    if "quality" not in frame.columns:
        frame = frame.with_columns(pl.lit("exact").alias("quality"))
    return frame.sort(*family.keys).select(family.columns)
