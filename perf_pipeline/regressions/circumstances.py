"""Read what else went on around a set of onsets: load, locks, the server, what people told us."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import locks, pressure
from perf_pipeline.regressions.candidates import BUSY_SHARE
from perf_pipeline.regressions.events import Event, tag_events, told_events
from perf_pipeline.store import Store, frames, ledger
from perf_pipeline.store.samples import KEY, Plan, midnight, read_intervals

#: Levels are compared with the hours around an onset and with those of the day before.
BACK = pressure.DAY + pressure.NEARBY
#: Onsets nearer to each other than this are read in one go.
TOGETHER = timedelta(days=7)
HOUR = timedelta(hours=1)

_INT, _TS, _TEXT = pl.Int64(), pl.Datetime("us"), pl.String()
BUSY: Schema = {"day": pl.Date(), "queryid": _INT}
TEXTS: Schema = {"queryid": _INT, "query": _TEXT}

Span = tuple[datetime, datetime]
#: What busier statements did in some hours, and which were busy on which day.
HourLoad = Callable[[Sequence[datetime]], tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(frozen=True)
class Circumstances:
    """What was read; `at` says what of it coincides with an onset."""

    series: Mapping[str, pressure.Series] = field(default_factory=dict)
    load: pressure.Load = field(
        default_factory=lambda: pressure.Load(pl.DataFrame(schema=dict(pressure.LOAD_SCHEMA)), {})
    )
    texts: Mapping[int, str] = field(default_factory=dict)
    waiting: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(locks.SCHEMA)))
    sweeps: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"ts": _TS}))

    def at(
        self,
        start: datetime,
        end: datetime,
        until: datetime,
        queryid: int,
        covered: pressure.Covered,
    ) -> list[Event]:
        """Return what coincides with an onset of a statement that lies between two instants.

        Parameters
        ----------
        start, end : datetime
        until : datetime
            Nothing later is known.
        queryid : int
        covered : pressure.Covered

        """
        span = (start, end, until)
        return [
            *pressure.events(self.series, *span),
            *pressure.neighbours(self.load, queryid, span, covered, self.texts),
            *locks.events(self.waiting, self.sweeps, queryid, span),
        ]


def read(
    store: Store,
    target_id: int,
    plan: Plan,
    onsets: Sequence[Span],
    end: datetime,
    load: HourLoad | None,
) -> Circumstances:
    """Read the circumstances of some onsets.

    Parameters
    ----------
    store : Store
    target_id : int
    plan : Plan
    onsets : Sequence of (earliest, latest)
    end : datetime
        Nothing from then on is read.
    load : callable, optional
        `HourTotals.load` where the grain is the hour.

    """
    spans = merged(onsets, end)
    holders = _holders(store, target_id, spans)
    near = merged(onsets, end, together=timedelta())
    rows, busy = load(hours_around(near)) if load else _load(store, target_id, plan, near)
    ids = busy["queryid"].unique().sort().to_list()
    texts = frames.read(store, "findings_labels", TEXTS, {"target_id": target_id, "queryids": ids})
    by_day: dict[date, set[int]] = defaultdict(set)
    for day, queryid in busy.iter_rows():
        by_day[day].add(queryid)
    sweeps = [ledger.read(store, "sweeps", target_id, *span, columns=("ts",)) for span in spans]
    return Circumstances(
        series=pressure.by_name(pl.concat(_series(store, target_id, holders, spans))),
        load=pressure.Load(rows, by_day, exact=load is None),
        texts=dict(texts.iter_rows()),
        waiting=pl.concat(_waiting(store, target_id, span) for span in spans),
        sweeps=pl.concat(sweeps).sort("ts"),
    )


def merged(onsets: Iterable[Span], end: datetime, *, together: timedelta = TOGETHER) -> list[Span]:
    """Return the spans to read, near ones as one; pure."""
    wanted = sorted((earliest - BACK, latest + pressure.NEARBY) for earliest, latest in onsets)
    spans: list[Span] = []
    for start, stop in wanted:
        if spans and start <= spans[-1][1] + together:
            spans[-1] = (spans[-1][0], max(spans[-1][1], stop))
        else:
            spans.append((start, stop))
    return [(start, min(stop, end)) for start, stop in spans]


def told(store: Store, target_id: int, start: datetime, end: datetime) -> list[Event]:
    """Return what people and Dagster told us of a target, and tags that were seen first."""
    span = {
        "target_id": target_id,
        "start": start.replace(tzinfo=UTC),
        "end": end.replace(tzinfo=UTC),
    }
    return [
        *told_events(store.rows("events_around", span)),
        *tag_events(store.rows("findings_tags", span)),
    ]


# --- load of other statements --------------------------------------------------------------------


def _load(
    store: Store, target_id: int, plan: Plan, spans: Sequence[Span]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what busier statements did, and which were busy on which day."""
    parts = [_load_sweeps(store, target_id, plan.source, span) for span in spans]
    rows, busy = (pl.concat(frames_) for frames_ in zip(*parts, strict=True))
    return rows.unique(subset=["queryid", "ts"]), busy.unique()


def hours_around(spans: Iterable[Span]) -> list[datetime]:
    """Return the hours of spans that levels are compared of: the newest, and a day earlier; pure.

    A span begins a day before the first hour that is compared.
    """
    hours = set()
    for start, stop in spans:
        first = (start + pressure.DAY).replace(minute=0, second=0, microsecond=0)
        for n in range(math.ceil((stop - first) / HOUR)):
            hours |= {first + n * HOUR, first + n * HOUR - pressure.DAY}
    return sorted(hours)


def _load_sweeps(
    store: Store, target_id: int, source: str, span: Span
) -> tuple[pl.DataFrame, pl.DataFrame]:
    # days are looked at whole, so that a day's busy statements are the same whatever is asked for
    days = midnight(span[0].date()), midnight(span[1].date() + timedelta(days=1))
    wanted = (*KEY, "calls", "total_exec_time")
    rows = read_intervals(store, target_id, *days, source, wanted, {"toplevel": [True]})
    rows = rows.with_columns(day=pl.col("ts").dt.date())
    time = pl.col("total_exec_time").sum()
    busy = rows.filter(time.over("queryid", "day") >= BUSY_SHARE * time.over("day"))
    load = (
        rows.join(busy.select("queryid").unique(), on="queryid", how="semi")
        .group_by("queryid", "ts")
        .agg(pl.col("calls").sum(), total_ms=time)
        .select(*pressure.LOAD_SCHEMA)
    )
    return load, busy.select(*BUSY).unique()


# --- the server ----------------------------------------------------------------------------------


def _holders(store: Store, target_id: int, spans: Sequence[Span]) -> set[int]:
    """Return the targets whose rows hold the families of this target's server."""
    found = {target_id}
    for span in spans:
        rows = ledger.read(store, "sweeps", target_id, *span, columns=("server_target_id",))
        found |= set(rows["server_target_id"].drop_nulls().to_list())
    return found


def _series(
    store: Store, target_id: int, holders: Iterable[int], spans: Sequence[Span]
) -> list[pl.DataFrame]:
    series = [pressure.rates([])]
    for span in spans:
        series.append(_connections(store, target_id, span))
        for holder in sorted(holders):
            series += [
                _checkpoints(store, holder, span),
                _wal(store, holder, span),
                *_host(store, holder, span),
                _lag(store, holder, span),
            ]
    return series


def _intervals(
    store: Store, table: str, target_id: int, span: Span, columns: Sequence[str], *, exact: bool
) -> pl.DataFrame:
    only = {"quality": ["exact"]} if exact else None
    rows = ledger.intervals(store, table, target_id, *span, columns=columns, only=only)
    return rows.with_columns(seconds=(pl.col("ts") - pl.col("begin")).dt.total_microseconds() / 1e6)


def _named(
    rows: pl.DataFrame, name: str, amount: pl.Expr, seconds: str = "seconds"
) -> pl.DataFrame:
    """Return rows as a series; what is not known is left out."""
    return rows.select(
        name=pl.lit(name),
        ts="ts",
        seconds=pl.col(seconds).cast(pl.Float64),
        amount=amount.cast(pl.Float64),
    ).filter(pl.col("amount").is_not_null(), pl.col("seconds") > 0)


def _checkpoints(store: Store, target_id: int, span: Span) -> pl.DataFrame:
    columns = ("process", "checkpoints_requested")
    rows = _intervals(store, "checkpointer", target_id, span, columns, exact=True)
    return _named(rows, "checkpoints", pl.col("checkpoints_requested"))


def _wal(store: Store, target_id: int, span: Span) -> pl.DataFrame:
    rows = _intervals(store, "wal", target_id, span, ("wal_bytes",), exact=True)
    return _named(rows, "wal", pl.col("wal_bytes"))


def _host(store: Store, target_id: int, span: Span) -> list[pl.DataFrame]:
    kinds = ("user", "system", "idle", "iowait", "steal")
    processors = [f"cpu_{kind}_seconds" for kind in kinds]
    moved = ("disk_read_bytes", "disk_write_bytes", "swap_in_bytes", "swap_out_bytes")
    rows = _intervals(store, "host", target_id, span, (*processors, *moved), exact=True)
    # of a system that does not tell a kind of time, that kind is none
    rows = rows.with_columns(processors=pl.sum_horizontal(processors))
    busy = pl.sum_horizontal("cpu_user_seconds", "cpu_system_seconds", "cpu_steal_seconds")
    known = pl.when(pl.col("cpu_idle_seconds").is_not_null())
    return [
        _named(rows, "processors", known.then(busy), "processors"),
        _named(rows, "disk_waits", pl.col("cpu_iowait_seconds"), "processors"),
        _named(rows, "disk", pl.col("disk_read_bytes") + pl.col("disk_write_bytes")),
        _named(rows, "swapping", pl.col("swap_in_bytes") + pl.col("swap_out_bytes")),
    ]


def _lag(store: Store, target_id: int, span: Span) -> pl.DataFrame:
    columns = ("direction", "replay_lag_seconds")
    rows = _intervals(store, "replication", target_id, span, columns, exact=False)
    worst = (
        rows.filter(pl.col("direction") == "sends")
        .group_by("ts", maintain_order=True)
        .agg(pl.col("seconds").first(), lag=pl.col("replay_lag_seconds").max())
    )
    return _named(worst, "replication_lag", pl.col("lag") * pl.col("seconds"))


def _connections(store: Store, target_id: int, span: Span) -> pl.DataFrame:
    rows = _intervals(store, "database", target_id, span, ("numbackends",), exact=False)
    return _named(rows, "connections", pl.col("numbackends") * pl.col("seconds"))


def _waiting(store: Store, target_id: int, span: Span) -> pl.DataFrame:
    rows = ledger.read(store, "locks", target_id, *span, columns=tuple(locks.SCHEMA))
    return rows.sort("ts", "pid", "blocker_pid")
