"""Whether a statement began to wait for locks when it changed, and who was in the way; pure."""

from collections import Counter
from datetime import datetime

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.pressure import Span, sides

SCHEMA: Schema = {
    "ts": pl.Datetime("us"),
    "pid": pl.Int64(),
    "blocker_pid": pl.Int64(),
    "queryid": pl.Int64(),
    "blocker_queryid": pl.Int64(),
    "schema_name": pl.String(),
    "relation_name": pl.String(),
    "locktype": pl.String(),
    "mode": pl.String(),
    "blocker_application_name": pl.String(),
    "behind_root": pl.Int64(),
}
#: A statement waits when it was found waiting at this share of the sweeps of a side, and at so many
#: at least; and so many times as often as on the other side.
LEAST_SHARE = 0.1
LEAST_SWEEPS = 2
RATIO = 3.0


def events(
    waiting: pl.DataFrame,
    sweeps: pl.DataFrame,
    queryid: int,
    span: tuple[datetime, datetime, datetime],
) -> list[Event]:
    """Return a rise or a fall of a statement's lock waits at an onset; none when there is none.

    Parameters
    ----------
    waiting : polars.DataFrame
        Columns of `SCHEMA`, as of ledger.locks: a row per session that waits and blocker.
    sweeps : polars.DataFrame
        `ts` of every sweep: a sweep without a row is one at which nobody waited.
    queryid : int
    span : tuple of datetime
        Start and end of the onset's interval, and until when anything is known.

    """
    if waiting.is_empty():
        return []
    start, end, until = span
    mine = waiting.filter(pl.col("queryid") == queryid)
    if mine.is_empty():
        return []
    before, after = sides(start, end, until)
    (few, of_few), (many, of_many) = (_found(mine, sweeps, side) for side in (before, after))
    if not of_few or not of_many:
        return []
    old, new = few / of_few, many / of_many
    if many >= LEAST_SWEEPS and new >= max(LEAST_SHARE, RATIO * old):
        verb, side = "rose", after
    elif few >= LEAST_SWEEPS and old >= max(LEAST_SHARE, RATIO * new):
        verb, side = "fell", before
    else:
        return []
    detail = f"waited at {few} of {of_few} sweeps before, at {many} of {of_many} after"
    who, where = _in_the_way(mine.filter(_inside(side)))
    return [Event(f"lock_waits_{verb}", where, None, start, end, f"{detail}; {who}")]


def _inside(side: Span) -> pl.Expr:
    return (pl.col("ts") > side.start) & (pl.col("ts") <= side.end)


def _found(mine: pl.DataFrame, sweeps: pl.DataFrame, side: Span) -> tuple[int, int]:
    inside = _inside(side)
    return mine.filter(inside)["ts"].n_unique(), sweeps.filter(inside)["ts"].n_unique()


def _in_the_way(rows: pl.DataFrame) -> tuple[str, str]:
    """Say who was in the way most often, and of what."""
    counts = Counter(
        (
            row["blocker_queryid"],
            row["blocker_application_name"] or "",
            ".".join(filter(None, (row["schema_name"], row["relation_name"]))),
            row["locktype"],
            row["mode"],
        )
        for row in rows.iter_rows(named=True)
    )
    queryid, application, relation, locktype, mode = min(
        counts, key=lambda k: (-counts[k], tuple(str(part) for part in k))
    )
    who = "a statement that is not known" if queryid is None else f"queryid {queryid}"
    if application:
        who += f" of {application}"
    behind = int(rows["behind_root"].max() or 0)  # type: ignore[arg-type]
    queue = f", up to {behind} sessions behind one" if behind > 1 else ""
    return f"{mode} on {relation or locktype}, {who} in the way{queue}", relation
