"""Read what surrounds a set of findings: events, statistics of relations, texts, parts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions.decompose import Work
from perf_pipeline.regressions.events import (
    Event,
    maintenance_events,
    schema_events,
    server_events,
    setting_events,
)
from perf_pipeline.regressions.explain import Rate
from perf_pipeline.store import Store, frames
from perf_pipeline.store.samples import METRIC, Plan, midnight

#: Statistics of a relation are compared over at most a day on either side of an onset.
NEAR = timedelta(days=1)

_TS, _INT, _TEXT, _MS = pl.Datetime("us"), pl.Int64, pl.String, pl.Float64
SWEEPS: Schema = {
    "ts": _TS,
    "previous_ts": _TS,
    "server_version_num": _INT,
    "system_identifier": _INT,
    "timeline": _INT,
    "postmaster_start": _TS,
    "in_recovery": pl.Boolean,
}
SCHEMA_CHANGES: Schema = {
    "ts": _TS,
    "previous_ts": _TS,
    "kind": _TEXT,
    "object_name": _TEXT,
    "relation_name": _TEXT,
    "change": _TEXT,
    "definition_before": _TEXT,
    "definition_after": _TEXT,
}
SETTINGS_CHANGES: Schema = {
    "ts": _TS,
    "previous_ts": _TS,
    "name": _TEXT,
    "value_before": _TEXT,
    "value_after": _TEXT,
    "unit": _TEXT,
    "pending_restart": pl.Boolean,
}
MAINTENANCE: Schema = {
    "ts": _TS,
    "previous_ts": _TS,
    "schema_name": _TEXT,
    "table_name": _TEXT,
    "analyzes": _INT,
    "vacuums": _INT,
}
USE: Schema = {"ts": _TS, "name": _TEXT, "amount": _INT}
TEXTS: Schema = {"userid": _INT, "dbid": _INT, "queryid": _INT, "query": _TEXT}
PARTS: Schema = {
    "userid": _INT,
    "dbid": _INT,
    "queryid": _INT,
    "toplevel": pl.Boolean,
    "ts": _TS,
    "calls": _INT,
    "exec_ms": _MS,
    "io_ms": _MS,
    "jit_ms": _MS,
    "plan_ms": _MS,
    "rows": _INT,
    "blocks_read": _INT,
    "blocks": _INT,
    "temp_blocks": _INT,
}
BASELINES: Schema = {
    "day": pl.Date,
    "userid": _INT,
    "dbid": _INT,
    "queryid": _INT,
    "toplevel": pl.Boolean,
    "tier": _TEXT,
    "slot": pl.Int16,
    "center": _MS,
}
TIERS = ("hour_of_week", "hour_of_day", "all", "initial")

Key = tuple[int, int, int, bool]


@dataclass(frozen=True)
class Context:
    """What was read around the onsets of one source and grain."""

    events: Sequence[Event]
    sweeps: pl.DataFrame
    index_use: pl.DataFrame
    table_use: pl.DataFrame
    texts: Mapping[tuple[int, int, int], str]
    parts: Mapping[Key, pl.DataFrame]
    baselines: Mapping[tuple[date, Key, str, int], float]

    def scans(self, until: datetime) -> Rate:
        """Return scans per second of an index, from what was known before `until`."""
        return self._rate(self.index_use, until, known_by_others=True)

    def reads(self, until: datetime) -> Rate:
        """Return rows read sequentially per second of a table, known before `until`."""
        return self._rate(self.table_use, until, known_by_others=False)

    def _rate(self, use: pl.DataFrame, until: datetime, *, known_by_others: bool) -> Rate:
        """Sum over covered seconds.

        The ledger is sparse: no row says nothing happened, if the family was collected at all.
        """
        visible = use.filter(pl.col("ts") < until)
        sweeps = self.sweeps.filter(pl.col("ts") < until)

        def rate(name: str, start: datetime, end: datetime) -> float | None:
            inside = (pl.col("ts") > start) & (pl.col("ts") <= end)
            covered = sweeps.filter(inside).select(
                (pl.col("ts") - pl.col("previous_ts")).sum().dt.total_microseconds()
            )
            seconds = (covered.item() or 0) / 1e6
            rows = visible.filter(pl.col("name") == name)
            known = visible if known_by_others else rows
            if seconds <= 0 or known.is_empty():
                return None
            return int(rows.filter(inside)["amount"].sum()) / seconds

        return rate

    def baseline(self, day: date, key: Key, at: datetime) -> tuple[float | None, str | None]:
        """Return the level and tier of the finest baseline of a statement for an instant."""
        for tier in TIERS:
            slot = {"hour_of_week": at.weekday() * 24 + at.hour, "hour_of_day": at.hour}
            level = self.baselines.get((day, key, tier, slot.get(tier, 0)))
            if level is not None:
                return level, tier
        return None, None

    def work(self, key: Key, start: datetime, end: datetime, seconds: float) -> Work:
        """Return what a statement did in samples with start <= ts < end."""
        rows = self.parts.get(key)
        if rows is None:
            return Work(seconds, 0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0)
        inside = rows.filter(pl.col("ts") >= start, pl.col("ts") < end)
        # fsum is exact: the order and chunks of the rows cannot show in the result
        total: dict[str, Any] = {
            name: None
            if inside[name].null_count()
            else math.fsum(inside[name])
            if dtype == _MS
            else int(inside[name].sum())
            for name, dtype in list(PARTS.items())[5:]
        }
        return Work(seconds=seconds, **total)


def read(
    store: Store,
    target_id: int,
    plan: Plan,
    onsets: Sequence[tuple[datetime, datetime]],
    queryids: Sequence[int],
    days: tuple[date, date],
    parts_from: datetime,
) -> Context:
    """Read the surroundings of findings.

    Parameters
    ----------
    store : Store
    target_id : int
    plan : Plan
        Source and grain of the findings.
    onsets : Sequence of (earliest, latest)
        Spans in which their changes may have begun; at least one.
    queryids : Sequence of int
        Of the findings.
    days : tuple of date
        First and last day the findings belong to.
    parts_from : datetime
        What statements' time is made of is read from here on.

    """
    start = min(earliest for earliest, _ in onsets) - NEAR
    end = midnight(days[1] + timedelta(days=1))
    span: dict[str, object] = {
        "target_id": target_id,
        "source": plan.source,
        "start": start,
        "end": end,
    }

    def rows(name: str, schema: Schema, **more: object) -> pl.DataFrame:
        return frames.read(store, name, schema, {**span, **more})

    sweeps = rows("findings_sweeps", SWEEPS)
    events = [
        *schema_events(rows("findings_schema_changes", SCHEMA_CHANGES).to_dicts()),
        *setting_events(rows("findings_settings_changes", SETTINGS_CHANGES).to_dicts()),
        *server_events(sweeps.to_dicts()),
        *maintenance_events(rows("findings_maintenance", MAINTENANCE).to_dicts()),
    ]
    near = [e for e in events if any(e.end >= a and e.start <= b for a, b in onsets)]
    relations = sorted({e.relation for e in near if e.relation and e.kind.startswith("index")})
    ids = sorted(set(queryids))
    parts = rows(
        f"findings_parts_{plan.grain}",
        PARTS,
        queryids=ids,
        start=parts_from,
    )
    texts = rows("findings_texts", TEXTS, queryids=ids)
    baselines = rows(
        "findings_baselines", BASELINES, queryids=ids, first=days[0], last=days[1], metric=METRIC
    )
    use = {"relations": relations}
    return Context(
        events=sorted(near, key=lambda e: (e.end, e.kind, e.object)),
        sweeps=sweeps.select("ts", "previous_ts"),
        index_use=rows("findings_index_use", USE, **use),
        table_use=rows("findings_table_use", USE, **use),
        texts={(u, d, q): text for u, d, q, text in texts.iter_rows()},
        parts={
            (u, d, q, bool(t)): frame
            for (u, d, q, t), frame in parts.group_by(
                "userid", "dbid", "queryid", "toplevel", maintain_order=True
            )
        },
        baselines={
            (day, (u, d, q, t), tier, slot): level
            for day, u, d, q, t, tier, slot, level in baselines.iter_rows()
        },
    )
