"""Two states of counters, and the evidence between them: what happened in the interval.

Pure. Nothing is negative and nothing is invented: a count is taken only where the counters prove
that it happened after the previous sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from functools import reduce
from typing import NamedTuple

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots import continuity
from perf_pipeline.snapshots.continuity import BEFORE
from perf_pipeline.snapshots.evidence import Evidence
from perf_pipeline.snapshots.families import STATEMENTS, Family

#: Column of a family's rows that says since when each counts; null where the server does not say.
_SINCE = "stats_since"

#: The first version in which the extremes of a statement can be reset alone.
_EXTREMES_RESETTABLE = 170_000


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
      interval, `lower_bound` when it may have been there, thrown out and made again). No row when
      the role sees more than before: it may be an old one;
    - it began again, because everything was reset within the interval, a counter fell,
      `stats_since` moved, or `continuity.began_again`: the counters since then. `reset`, or
      `evicted_reinserted` when statements were thrown out in the interval;
    - else the differences. `exact`, or `gap` when the interval is far longer than usual. Where it
      may have begun again in a way that leaves no trace, the difference certainly happened, and
      more may have: `lower_bound`. That is so after a reset that cannot be traced to a key, and
      for statements before 17 unless proved by `continuity`.

    Keys whose counters did not change have no row; keys that vanished have none either: what they
    did since the previous sweep is lost. A counter that is null now or was null before is null,
    unless all of the row's counters are of this interval.

    Parameters
    ----------
    previous : polars.DataFrame or None
        Keys, counters and, where known, `stats_since` and `family.extremes` of the previous sweep.
    current : polars.DataFrame
        The same, with names and gauges, of this sweep. Counters are integers or milliseconds, null
        where the server does not tell them.
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
    with_since = _SINCE in previous.columns and _tells((_SINCE,), current)
    extremes = continuity.columns(family)
    # where every row says since when it counts, nothing else is asked
    with_extremes = (
        not (with_since and current[_SINCE].null_count() == 0)
        and _tells(extremes, previous)
        and _tells(extremes, current)
    )
    case = _Case(
        with_since=with_since,
        with_extremes=with_extremes,
        extremes_only_widen=evidence.current.server_version_num < _EXTREMES_RESETTABLE,
        same_process=evidence.same_process,
        emptied=family.reset_proves_zero and evidence.statements_emptied,
        untraced=evidence.database_reset and not (family.reset_proves_zero or family.own_reset),
        evicted=family.capped and bool(evidence.evictions),
        in_doubt=family.capped and evidence.entries_in_doubt,
        gap=evidence.gap,
    )
    kept = [
        *family.totals,
        *((_SINCE,) if with_since else ()),
        *(extremes if with_extremes else ()),
    ]
    # most keys did nothing: they go before the rest is worked out
    paired = _paired(current, previous, list(family.keys), kept)
    moved = paired.filter(_moved(paired, family, case))
    if evidence.sees_more:
        moved = moved.filter("known")
    elif evidence.partial:
        start = evidence.previous.ts.astimezone(UTC).replace(tzinfo=None)
        began = pl.col(_SINCE) > start if with_since else pl.lit(value=False)
        moved = moved.filter(pl.col("known") | began)
    if moved.is_empty():
        return _nothing(current, family)
    if with_extremes:
        moved = continuity.with_proof(moved, family, in_doubt=case.in_doubt)
    return _counted(moved, family, case)


def _paired(
    current: pl.DataFrame, previous: pl.DataFrame, keys: list[str], kept: list[str]
) -> pl.DataFrame:
    """Return the current rows, each with what its key had before, and whether it was `known`."""
    known = pl.lit(value=True).alias("known")
    if current.height == previous.height and current.select(keys).equals(previous.select(keys)):
        # as it mostly is: the same keys in the same order
        before = [previous[name].alias(name + BEFORE) for name in kept]
        return current.hstack(before).with_columns(known)
    before_by_key = previous.select(*keys, *kept, known)
    return current.join(before_by_key, on=keys, how="left", suffix=BEFORE)


def _tells(columns: tuple[str, ...], frame: pl.DataFrame) -> bool:
    """Whether a frame has these columns, and something in them (or no rows)."""
    return bool(columns) and all(
        name in frame.columns and frame[name].null_count() < max(frame.height, 1)
        for name in columns
    )


def _nothing(current: pl.DataFrame, family: Family) -> pl.DataFrame:
    return current.clear().with_columns(pl.lit("exact").alias("quality")).select(family.columns)


def _check(frame: pl.DataFrame, family: Family) -> None:
    _require_columns(frame, family)
    # mostly one column of the key differs in every row; all of it costs ten times as much to see
    if any(frame[name].n_unique() == frame.height for name in family.keys):
        return
    if frame.select(pl.struct(*family.keys).n_unique()).item() < frame.height:
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
class _Case:
    """What is known of an interval, beside its rows."""

    with_since: bool
    with_extremes: bool
    extremes_only_widen: bool
    same_process: bool
    emptied: bool
    untraced: bool
    evicted: bool
    in_doubt: bool
    gap: bool


# Column by column, not as one plan of expressions: most families have few rows, for which starting
# a plan of a hundred expressions takes longer than all else.


def _moved(paired: pl.DataFrame, family: Family, case: _Case) -> pl.Series:
    """Whether anything is to be told of each key."""
    since = _since(paired, case)
    if case.emptied:
        return ~since.older
    differs = _any(
        (paired[name] != paired[name + BEFORE] for name in family.counters), paired.height
    )
    return (~_sure(paired["known"]) | differs | since.moved) & ~since.older


def _counted(moved: pl.DataFrame, family: Family, case: _Case) -> pl.DataFrame:
    """Return what each key did, as `family.columns`."""
    count = moved.height
    known = _sure(moved["known"])
    since = _since(moved, case)
    fell = _any((moved[name] < moved[name + BEFORE] for name in family.counters), count)
    again, proved = fell | since.moved, since.same
    if case.with_extremes:
        began_again = moved.select(
            continuity.began_again(family, extremes_only_widen=case.extremes_only_widen)
        ).to_series()
        again = again | ~since.told & began_again
        proved = proved | ~since.told & moved[continuity.PROVED]
    if case.emptied:
        again = again | ~since.same
    fresh = ~known | again
    # where nothing could prove that an entry is the same, only a doubt counts against it
    doubtful = ~proved & (
        since.told | (case.untraced or case.in_doubt or (family.capped and case.with_extremes))
    )
    columns = {
        **{name: moved[name] for name in family.columns if name in moved.columns},
        **{name: _grown(moved, name, fresh) for name in family.totals},
        "quality": _quality(known, again, doubtful, case),
    }
    counted = pl.DataFrame({name: columns[name] for name in family.columns})
    # a counter that is another one and did not fall has grown: only what began again may be empty
    if case.emptied or fresh.any():
        counted = counted.filter(_any((counted[name] > 0 for name in family.counters), count))
    if family.squares:
        counted = counted.with_columns(_at_least_possible(*family.squares))
    return counted.sort(*family.keys) if count > 1 else counted


def _grown(moved: pl.DataFrame, name: str, fresh: pl.Series) -> pl.Series:
    now = moved[name]
    grown = now - moved[name + BEFORE]
    return now.zip_with(fresh, grown) if fresh.any() else grown


def _quality(known: pl.Series, again: pl.Series, doubtful: pl.Series, case: _Case) -> pl.Series:
    usual = "gap" if case.gap else "exact"
    if known.all() and not (again.any() or doubtful.any()):
        return pl.Series([usual]).new_from_index(0, known.len())
    new = "reset" if case.emptied else "gap" if case.gap else "first_seen"
    return pl.select(
        pl.when(~known)
        .then(pl.lit("lower_bound" if case.untraced or _lost(case) else new))
        .when(again)
        .then(pl.lit("evicted_reinserted" if case.evicted and not case.emptied else "reset"))
        .when(doubtful)
        .then(pl.lit("lower_bound"))
        .otherwise(pl.lit(usual))
    ).to_series()


def _sure(condition: pl.Series) -> pl.Series:
    """Whether a condition certainly holds."""
    return condition.fill_null(value=False) if condition.has_nulls() else condition


def _any(conditions: Iterable[pl.Series], count: int) -> pl.Series:
    """Whether some condition certainly holds."""
    return _sure(reduce(pl.Series.__or__, conditions, _all(count, value=False)))


def _all(count: int, *, value: bool) -> pl.Series:
    return pl.Series([value]).new_from_index(0, count)


def _lost(case: _Case) -> bool:
    """Whether a key that was absent may have come, gone and come again."""
    return case.in_doubt and not (case.emptied and not case.evicted)


class _Since(NamedTuple):
    """What `stats_since` says of each row, true or false.

    Whether it says anything; whether the entry is the same; whether it began again; whether it is
    older than the one we knew, which is another server's, unless one process answered twice (then
    its clock went back).
    """

    told: pl.Series
    same: pl.Series
    moved: pl.Series
    older: pl.Series


def _since(paired: pl.DataFrame, case: _Case) -> _Since:
    no = _all(paired.height, value=False)
    if not case.with_since:
        return _Since(no, no, no, no)
    now, then = paired[_SINCE], paired[_SINCE + BEFORE]
    same, later, older = (_sure(said) for said in (now == then, now > then, now < then))
    if case.same_process:
        return _Since(now.is_not_null(), same, later | older, no)
    return _Since(now.is_not_null(), same, later, older)


def _at_least_possible(squares: str, total: str, count: str) -> pl.Expr:
    """Keep a difference of sums of squares within what the sum and count allow (Cauchy-Schwarz)."""
    least = pl.when(pl.col(count) > 0).then(pl.col(total) ** 2 / pl.col(count)).otherwise(0.0)
    possible = pl.max_horizontal(pl.col(squares), least, pl.lit(0.0))
    return pl.when(pl.col(squares).is_not_null()).then(possible).alias(squares)
