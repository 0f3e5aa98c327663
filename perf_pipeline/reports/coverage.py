"""How well the sweeps of a day cover it, what they cost, what they tell about the server; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from perf_pipeline.reports import units
from perf_pipeline.reports.model import Coverage, Database, Event, Gap

Row = Mapping[str, Any]

#: An interval longer than this many usual ones hides when things happened.
LONG_INTERVAL = 3

_WHY = {
    "first_seen": "the first sweep: counters seen for the first time have no interval",
    "reset": "the statistics were reset or the server restarted: only what followed is known",
    "gap": "a gap: counters of the two sweeps cannot be compared",
    "evicted_reinserted": "statements were evicted and came back",
    "lower_bound": "only a lower bound is known",
}


def coverage(rows: Sequence[Row], day: date) -> Coverage:
    """Return how well the sweeps of a day cover it, and what they cost.

    Parameters
    ----------
    rows : Sequence of Mapping
        Rows of `report_sweeps.sql` of the day's source, in time order.
    day : date

    """
    if not rows:
        return Coverage()
    start = datetime.combine(day, time())
    spans = _spans(rows)
    lengths = [(end - begin).total_seconds() for begin, end in spans if begin is not None]
    usual = timedelta(seconds=median(lengths)) if lengths else timedelta(0)
    return Coverage(
        sweeps=len(rows),
        sources=_tally(row["source"] for row in rows),
        qualities=_tally(row["quality"] for row in rows),
        exact_seconds=exact_seconds(rows, day),
        gaps=_gaps(rows, spans, usual, start),
        connect_ms=p95(row["connect_ms"] for row in rows),
        database_ms=_sum(row["database_ms"] for row in rows),
        duration_ms=_sum(row["duration_ms"] for row in rows),
        temp_bytes=_whole(row["sweep_temp_bytes"] for row in rows),
        rows_read=_whole(row["rows_read"] for row in rows),
        rows_written=_whole(row["rows_written"] for row in rows),
        dealloc=_whole(
            max(0, row["statements_dealloc"] - row["previous_dealloc"])
            for row in rows
            if row["statements_dealloc"] is not None and row["previous_dealloc"] is not None
        ),
        notes=tuple(dict.fromkeys(row["notes"] for row in rows if row["notes"])),
    )


def exact_seconds(rows: Sequence[Row], day: date) -> float:
    """Return the time of a day that exact intervals cover.

    Parameters
    ----------
    rows : Sequence of Mapping
        Of sweeps: `ts`, `previous_ts`, `quality`.
    day : date

    """
    start = datetime.combine(day, time())
    return sum(
        (end - max(begin, start)).total_seconds()
        for (begin, end), row in zip(_spans(rows), rows, strict=True)
        if begin is not None and row["quality"] == "exact" and end > start
    )


def _spans(rows: Sequence[Row]) -> list[tuple[datetime | None, datetime]]:
    return [(_begin(row), units.naive(row["ts"])) for row in rows]


def _begin(row: Row) -> datetime | None:
    return units.naive(row["previous_ts"]) if row["previous_ts"] is not None else None


def _tally(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(sorted(known)) if known else None


def _whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def p95(values: Iterable[float | None]) -> float | None:
    """Return the 95th percentile, interpolated between neighbours as `percentile_cont` does."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    whole, part = divmod(0.95 * (len(known) - 1), 1)
    low, high = known[int(whole)], known[min(int(whole) + 1, len(known) - 1)]
    return low + part * (high - low)


def _gaps(
    rows: Sequence[Row],
    spans: Sequence[tuple[datetime | None, datetime]],
    usual: timedelta,
    start: datetime,
) -> tuple[Gap, ...]:
    gaps = []
    end_of_day = start + timedelta(days=1)
    known_to = start
    for (begin, end), row in zip(spans, rows, strict=True):
        if begin is None or begin > known_to:
            gaps.append(Gap(known_to, begin or end, "no sweep"))
        since = max(begin or end, start)
        if row["quality"] != "exact" and begin is not None:
            gaps.append(Gap(since, end, _WHY.get(row["quality"], str(row["quality"]))))
        elif begin is not None and usual and end - begin > LONG_INTERVAL * usual:
            text = "no sweep in between: the sums are exact, their time within is not known"
            gaps.append(Gap(since, end, text))
        known_to = end
    if end_of_day - known_to > max(LONG_INTERVAL * usual, timedelta(minutes=1)):
        gaps.append(Gap(known_to, end_of_day, "no sweep until the end of the day"))
    return _joined(gap for gap in gaps if gap.end > gap.start)


def _joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    joined: list[Gap] = []
    for gap in gaps:
        if joined and joined[-1].end == gap.start and joined[-1].why == gap.why:
            joined[-1] = Gap(joined[-1].start, gap.end, gap.why)
        else:
            joined.append(gap)
    return tuple(joined)


def restarts(rows: Iterable[Row]) -> tuple[Event, ...]:
    """Return what the evidence of the sweeps tells about the server itself, by time.

    Parameters
    ----------
    rows : Iterable of Mapping
        Rows of `report_sweeps.sql`.

    """
    events = []
    for row in rows:
        after, end = row["previous_ts"], row["ts"]
        if after is None:
            continue
        instants = (
            ("postmaster_start", "server_restarted", "server restarted"),
            ("statements_stats_reset", "statistics_reset", "statistics of statements reset"),
        )
        for column, kind, what in instants:
            if row[column] is not None and after < row[column] <= end:
                events.append(Event(units.naive(row[column]), None, kind, what))
        moves = (
            ("timeline", "previous_timeline", "failover", "failover to another server"),
            (
                "server_version_num",
                "previous_version_num",
                "server_upgraded",
                "server version changed",
            ),
        )
        for column, previous, kind, what in moves:
            if None not in (row[column], row[previous]) and row[column] != row[previous]:
                events.append(Event(units.naive(end), units.naive(after), kind, what))
    return tuple(sorted(events, key=lambda event: (event.ts, event.kind)))


def database(rows: Sequence[Row], statement_ms: float | None) -> Database:
    """Return what the whole database did, summed over the intervals of a day."""
    seen = [row for row in rows if row["active_time"] is not None]
    if not seen:
        return Database(statement_ms=statement_ms)

    def total(column: str) -> int:
        return sum(row[column] for row in seen)

    return Database(
        active_ms=_sum(row["active_time"] for row in seen),
        statement_ms=statement_ms,
        blks_hit=total("blks_hit"),
        blks_read=total("blks_read"),
        commits=total("xact_commit"),
        rollbacks=total("xact_rollback"),
        deadlocks=total("deadlocks"),
        temp_bytes=total("temp_bytes"),
        database_bytes=seen[-1]["database_bytes"],
    )
