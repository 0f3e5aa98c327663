"""Two states of counters, and the evidence between them: what happened in the interval.

Pure. Nothing is negative and nothing is invented: a count is taken only where the counters prove
that it happened after the previous sweep.
"""

from dataclasses import dataclass
from datetime import UTC
from functools import cache

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
        return _nothing(current, family)
    _require_columns(previous, family)
    since = [_SINCE] if _SINCE in current.columns and _SINCE in previous.columns else []
    keys = list(family.keys)
    before = previous.select(*keys, *family.totals, *since, pl.lit(value=True).alias("known"))
    rules = _rules(
        family,
        with_since=bool(since),
        emptied=family.reset_proves_zero and evidence.statements_emptied,
        untraced=evidence.database_reset and not (family.reset_proves_zero or family.own_reset),
        gap=evidence.gap,
    )
    # most keys did nothing: they go before the rest is worked out
    moved = current.join(before, on=keys, how="left", suffix=_BEFORE).filter(rules.moved)
    if moved.is_empty():
        return _nothing(current, family)
    if evidence.sees_more:
        moved = moved.filter(pl.col("known") | _began_within(bool(since), evidence))
    judged = moved.with_columns(rules.judged).with_columns(rules.deltas).filter(rules.happened)
    if family.squares:
        judged = judged.with_columns(_at_least_possible(*family.squares))
    return judged.sort(*keys).select(family.columns)


def _nothing(current: pl.DataFrame, family: Family) -> pl.DataFrame:
    return current.clear().with_columns(pl.lit("exact").alias("quality")).select(family.columns)


def _check(frame: pl.DataFrame, family: Family) -> None:
    _require_columns(frame, family)
    if frame.height > 1 and frame.select(pl.struct(*family.keys).n_unique()).item() < frame.height:
        raise InputError(
            f"{family.name}: a key ({', '.join(family.keys)}) occurs twice",
            "pass one row per key",
        )


def _require_columns(frame: pl.DataFrame, family: Family) -> None:
    needed = [*family.keys, *family.totals]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise InputError(
            f"{family.name}: column {missing[0]!r} is missing",
            f"pass a frame with the columns {', '.join(needed)}",
        )


@dataclass(frozen=True)
class _Rules:
    """The expressions of one kind of interval of one family; made once, they are used for ever."""

    moved: pl.Expr
    judged: list[pl.Expr]
    deltas: list[pl.Expr]
    happened: pl.Expr


@cache
def _rules(family: Family, *, with_since: bool, emptied: bool, untraced: bool, gap: bool) -> _Rules:
    known = pl.col("known").fill_null(value=False)
    pairs = [(pl.col(name), pl.col(name + _BEFORE)) for name in family.counters]
    fell = pl.any_horizontal(now < then for now, then in pairs)
    differs = pl.any_horizontal(now != then for now, then in pairs)
    older = pl.lit(value=False)
    if with_since:
        now, then = pl.col(_SINCE), pl.col(_SINCE + _BEFORE)
        fell = fell | (now > then).fill_null(value=False)
        differs = differs | (now > then).fill_null(value=False)
        # an older entry than the one we knew: another server's, or the clock went back
        older = (now < then).fill_null(value=False)
    restarted = known if emptied else known & fell
    if emptied:
        differs = pl.lit(value=True)
    usual = "gap" if gap else "exact"
    quality = (
        pl.when(~known)
        .then(pl.lit("reset" if emptied else "gap" if gap else "first_seen"))
        .when(restarted | pl.lit(untraced))
        .then(pl.lit("reset"))
        .otherwise(pl.lit(usual))
    )
    fresh = pl.col("fresh")
    return _Rules(
        moved=(~known | differs.fill_null(value=False)) & ~older,
        judged=[(~known | restarted).alias("fresh"), quality.alias("quality")],
        deltas=[
            pl.when(fresh)
            .then(pl.col(name))
            .otherwise(pl.col(name) - pl.col(name + _BEFORE))
            .alias(name)
            for name in family.totals
        ],
        happened=pl.any_horizontal(pl.col(name) > 0 for name in family.counters),
    )


def _began_within(with_since: bool, evidence: Evidence) -> pl.Expr:
    """Whether `stats_since` proves that a key began after the previous sweep."""
    if not with_since or evidence.previous is None:
        return pl.lit(value=False)
    start = evidence.previous.ts.astimezone(UTC).replace(tzinfo=None)
    return (pl.col(_SINCE) > start).fill_null(value=False)


def _at_least_possible(squares: str, total: str, count: str) -> pl.Expr:
    """Keep a difference of sums of squares within what the sum and count allow (Cauchy-Schwarz)."""
    least = pl.when(pl.col(count) > 0).then(pl.col(total) ** 2 / pl.col(count)).otherwise(0.0)
    possible = pl.max_horizontal(pl.col(squares), least, pl.lit(0.0))
    return pl.when(pl.col(squares).is_not_null()).then(possible).alias(squares)
