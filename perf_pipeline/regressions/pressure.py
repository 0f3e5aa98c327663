"""What rose or fell on a server as a statement changed: checkpoints, WAL, disk, load; pure.

Levels are compared over a few hours on either side of an onset, and with the same hours of the day
before where these are known: what rises every morning explains nothing.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions.events import Event
from perf_pipeline.regressions.summary import about, short

#: Hours on either side of an onset.
NEARBY = timedelta(hours=3)
DAY = timedelta(days=1)

#: What is summed: `amount` over `seconds`; of a level, the level times the seconds it stood for.
SCHEMA: Schema = {
    "name": pl.String(),
    "ts": pl.Datetime("us"),
    "seconds": pl.Float64(),
    "amount": pl.Float64(),
}


@dataclass(frozen=True)
class Gauge:
    """How one series is judged and told.

    Attributes
    ----------
    ratio : float
        The higher level is at least so many times the lower.
    floor : float
        The higher level is at least this, in the unit told: below it nobody waits.
    scale : float
        From the series' unit per second to the unit told.
    unit : str

    """

    ratio: float
    floor: float
    scale: float
    unit: str


#: A checkpoint that is asked for comes early: max_wal_size is full. Twice an hour is every half
#: hour, six times the default distance. The floors on bytes are a tenth of what one plain disk
#: writes, on lag what a reader of a replica sees, on processors what leaves no room.
GAUGES: Mapping[str, Gauge] = {
    "checkpoints": Gauge(3.0, 2.0, 3600.0, "requested checkpoints an hour"),
    "wal": Gauge(3.0, 1.0, 1e-6, "MB of WAL a second"),
    "processors": Gauge(1.3, 85.0, 100.0, "% of the processors in use"),
    "disk_waits": Gauge(2.0, 20.0, 100.0, "% of the processors waiting for the disk"),
    "disk": Gauge(3.0, 10.0, 1e-6, "MB a second from and to the disk"),
    "swapping": Gauge(3.0, 1.0, 1e-6, "MB a second from and to swap"),
    "replication_lag": Gauge(3.0, 5.0, 1.0, "seconds of replication lag"),
    "connections": Gauge(2.0, 20.0, 1.0, "connections"),
}


@dataclass(frozen=True)
class Span:
    """From `start`, not included, to `end`."""

    start: datetime
    end: datetime

    def moved(self, by: timedelta) -> "Span":
        """Return the span, moved."""
        return Span(self.start + by, self.end + by)


def sides(start: datetime, end: datetime, until: datetime) -> tuple[Span, Span]:
    """Return the hours before and after an onset that lies between `start` and `end`.

    Parameters
    ----------
    start, end : datetime
    until : datetime
        Nothing later is known.

    """
    return Span(start - NEARBY, start), Span(end, min(end + NEARBY, until))


class Series:
    """A series of `SCHEMA`, ready to be asked for many spans.

    Parameters
    ----------
    rows : polars.DataFrame
        Of one name, sorted by ts.

    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self._ts = rows["ts"].to_list()
        self._seconds = rows["seconds"].to_list()
        self._amounts = rows["amount"].to_list()

    def level(self, span: Span) -> float | None:
        """Return the mean rate over a span, None where nothing is known of it."""
        inside = slice(bisect_right(self._ts, span.start), bisect_right(self._ts, span.end))
        # fsum is exact: which rows lie around those of the span cannot show in the result
        seconds = math.fsum(self._seconds[inside])
        return math.fsum(self._amounts[inside]) / seconds if seconds > 0 else None


def moved(
    before: float | None, after: float | None, earlier: float | None, ratio: float, floor: float
) -> str | None:
    """Return `rose` or `fell` when a level moved at an onset, None when it did not.

    Parameters
    ----------
    before, after : float or None
        Levels just before and just after.
    earlier : float or None
        Level of the day before at the time of `after`; None: not known.
    ratio, floor : float
        Of the higher to the lower, and least higher level.

    """
    if before is None or after is None:
        return None
    references = [before] if earlier is None else [before, earlier]
    if after >= floor and all(after >= ratio * other for other in references):
        return "rose"
    if all(other >= floor and other >= ratio * after for other in references):
        return "fell"
    return None


def events(
    series: Mapping[str, Series], start: datetime, end: datetime, until: datetime
) -> list[Event]:
    """Return what rose or fell at an onset, as events of that onset's interval.

    Parameters
    ----------
    series : Mapping of name to Series
        Names of `GAUGES`.
    start, end : datetime
        The onset's interval.
    until : datetime
        Nothing later is known.

    """
    before, after = sides(start, end, until)
    found = []
    for name, gauge in GAUGES.items():
        rows = series.get(name)
        if rows is None:
            continue
        old, new, earlier = (
            None if rate is None else rate * gauge.scale
            for rate in map(rows.level, (before, after, after.moved(-DAY)))
        )
        direction = moved(old, new, earlier, gauge.ratio, gauge.floor)
        if direction is None or old is None or new is None:
            continue
        detail = f"{short(old)} -> {short(new)} {gauge.unit}"
        if earlier is not None:
            detail += f" ({short(earlier)} a day earlier)"
        found.append(Event(f"{name}_{direction}", "", None, start, end, detail))
    return found


def by_name(rows: pl.DataFrame) -> dict[str, Series]:
    """Return the series of a frame with columns of `SCHEMA`, by name."""
    ordered = rows.sort("name", "ts").group_by("name", maintain_order=True)
    return {str(name): Series(part) for (name,), part in ordered}


# --- load of other statements --------------------------------------------------------------------

#: A neighbour adds at least this share of all execution time after the onset, and so many ms of it
#: a second (a tenth of one session), by being called so much more often: one that is merely slower
#: suffers from the same cause.
LOAD_SHARE = 0.2
LOAD_MS = 100.0
LOAD_CALLS = 1.5

LOAD_SCHEMA: Schema = {
    "queryid": pl.Int64(),
    "ts": pl.Datetime("us"),
    "calls": pl.Int64(),
    "total_ms": pl.Float64(),
}

#: What answers the covered seconds of a span, and all statements' ms in it.
Covered = Callable[[Span], tuple[float, float]]


class Load:
    """What the busier statements did, sample by sample.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns of `LOAD_SCHEMA`; `ts` are the ends of samples.
    busy : Mapping of date to set of int
        Queryids of the statements with a share of a day's time worth looking at.
    exact : bool
        Whether the rows are; those of packed hours are within 5 %.

    """

    def __init__(
        self, rows: pl.DataFrame, busy: Mapping[date, Set[int]], *, exact: bool = True
    ) -> None:
        self.exact = exact
        ordered = rows.sort("ts", "queryid")
        self._ts = ordered["ts"].to_list()
        self._rows = list(ordered.select("queryid", "calls", "total_ms").iter_rows())
        self._busy = busy

    def sums(self, parts: Sequence[Span], day: date) -> dict[int, list[tuple[int, float]]]:
        """Return calls and ms in each of some spans, of the statements that were busy on a day."""
        wanted = self._busy.get(day, frozenset())
        found = {queryid: [(0, 0.0)] * len(parts) for queryid in sorted(wanted)}
        for n, part in enumerate(parts):
            first, last = (bisect_right(self._ts, moment) for moment in (part.start, part.end))
            for queryid, calls, ms in self._rows[first:last]:
                if queryid in wanted:
                    so_far = found[queryid][n]
                    found[queryid][n] = (so_far[0] + calls, so_far[1] + ms)
        return found


def neighbours(
    load: Load,
    own: int,
    span: tuple[datetime, datetime, datetime],
    covered: Covered,
    texts: Mapping[int, str],
) -> list[Event]:
    """Return the other statements whose load rose or fell at an onset.

    Those are looked at that were busy on the day of the onset: which others were read does not
    matter.

    Parameters
    ----------
    load : Load
    own : int
        The queryid the onset is of.
    span : tuple of datetime
        Start and end of the onset's interval, and until when anything is known.
    covered : Covered
        A span of which nothing is known has no seconds; a statement without a sample in a span of
        which something is known did nothing.
    texts : Mapping of queryid to str

    """
    start, end, until = span
    before, after = sides(start, end, until)
    parts = [before, after, after.moved(-DAY)]
    known = [covered(part) for part in parts]
    if not (known[0][0] > 0 and known[1][0] > 0):
        return []
    whole = [all_ms / seconds for seconds, all_ms in known[:2]]
    found = []
    for queryid, sums in load.sums(parts, end.date()).items():
        if queryid == own:
            continue
        calls, time = (
            [one[n] / s if s > 0 else None for one, (s, _) in zip(sums, known, strict=True)]
            for n in (0, 1)
        )
        event = _neighbour(
            queryid, (start, end), time, calls, whole, texts.get(queryid, ""), load.exact
        )
        if event is not None:
            found.append(event)
    return found


def _neighbour(
    queryid: int,
    interval: tuple[datetime, datetime],
    time: Sequence[float | None],
    calls: Sequence[float | None],
    whole: Sequence[float],
    text: str,
    exact: bool,
) -> Event | None:
    old, new, earlier = time[0] or 0.0, time[1] or 0.0, time[2]
    few, many = calls[0] or 0.0, calls[1] or 0.0
    high = 1 if new > old else 0
    low_calls, high_calls = (few, many) if high else (many, few)
    added = abs(new - old)
    if added < max(LOAD_MS, LOAD_SHARE * whole[high]) or high_calls < LOAD_CALLS * low_calls:
        return None
    if earlier is not None and abs(new - earlier) < added / 2:
        return None  # it does so every day
    verb = "rose" if high else "fell"
    shown = short if exact else about
    detail = (
        f"calls {shown(few * 3600)} -> {shown(many * 3600)} an hour, its time"
        f" {shown(old)} -> {shown(new)} ms a second"
    )
    told = " ".join(text.split())
    detail += f": {told[:80]}" if told else ""
    return Event(f"other_load_{verb}", f"queryid {queryid}", None, *interval, detail)


def rates(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows of `SCHEMA` as a frame."""
    return pl.DataFrame(list(rows), schema=dict(SCHEMA), orient="row")
