"""What a statement's sessions waited for when they were looked at, before and after; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema

SCHEMA: Schema = {
    "ts": pl.Datetime("us"),
    "queryid": pl.Int64(),
    "wait_event_type": pl.String(),
    "wait_event": pl.String(),
    "sessions": pl.Int64(),
}
#: Fewer samples say nothing of a side: of three, one more or less is a third.
LEAST_SAMPLES = 5
#: Name of what a session without a wait does.
RUNNING = "running"


def compare(
    samples: pl.DataFrame,
    before: tuple[datetime, datetime],
    after: tuple[datetime, datetime],
) -> dict[str, Any] | None:
    """Return the shares of a statement's samples by what it waited for.

    A sample is one session seen at work on the statement at the instant of a sweep. The server
    tells the statement's queryid only, so users of the same text are not told apart.

    Parameters
    ----------
    samples : polars.DataFrame
        Columns of `SCHEMA`, of one statement.
    before, after : tuple of datetime
        Spans: from the first on, and before the second.

    Returns
    -------
    dict or None
        None with fewer than `LEAST_SAMPLES` samples on both sides: a statement that takes no time
        is hardly ever seen. Else `samples_before`, `samples_after` and `by_type`: {"type", "event",
        "before", "after"}, shares of the samples by type of wait (`running`: none; None on a side
        with too few samples), with the most frequent event of the type after (before, if there is
        none after); the largest change first.

    """
    sides = [_counts(samples, span) for span in (before, after)]
    totals = [sum(counts.values()) for counts in sides]
    if max(totals) < LEAST_SAMPLES:
        return None
    types = sorted({kind for counts in sides for kind, _ in counts})
    shares: list[dict[str, Any]] = [
        {
            "type": kind,
            "event": _commonest(kind, sides),
            **{
                name: _share(kind, counts, total)
                for name, counts, total in zip(("before", "after"), sides, totals, strict=True)
            },
        }
        for kind in types
    ]
    shares.sort(key=lambda s: (-abs((s["after"] or 0.0) - (s["before"] or 0.0)), s["type"]))
    return {"samples_before": totals[0], "samples_after": totals[1], "by_type": shares}


def _share(kind: str, counts: dict[tuple[str, str], int], total: int) -> float | None:
    if total < LEAST_SAMPLES:
        return None
    return round(sum(n for (k, _), n in counts.items() if k == kind) / total, 4)


def _counts(samples: pl.DataFrame, span: tuple[datetime, datetime]) -> dict[tuple[str, str], int]:
    inside = samples.filter(pl.col("ts") >= span[0], pl.col("ts") < span[1])
    grouped = inside.group_by("wait_event_type", "wait_event").agg(pl.col("sessions").sum())
    return {(kind or RUNNING, event): int(n) for kind, event, n in grouped.iter_rows()}


def _commonest(kind: str, sides: Sequence[dict[tuple[str, str], int]]) -> str | None:
    for counts in reversed(sides):
        events = [(-n, event) for (k, event), n in counts.items() if k == kind and event]
        if events:
            return min(events)[1]
    return None
