"""Read what surrounds a set of findings: events, statistics of relations, texts, parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import circumstances, pressure, relations, waits, work
from perf_pipeline.regressions.circumstances import Circumstances
from perf_pipeline.regressions.decompose import Work
from perf_pipeline.regressions.events import (
    Event,
    maintenance_events,
    refresh_events,
    schema_events,
    server_events,
    setting_events,
)
from perf_pipeline.regressions.explain import Rate, mentions
from perf_pipeline.regressions.plans import Use
from perf_pipeline.regressions.timeline import Timeline
from perf_pipeline.store import Store, frames, ledger, levels
from perf_pipeline.store.levels import Key, Levels
from perf_pipeline.store.samples import Plan, alike, midnight

#: Statistics of a relation are compared over at most a day on either side of an onset.
NEAR = timedelta(days=1)
HOUR = timedelta(hours=1)

_TS, _INT, _TEXT, _MS = pl.Datetime("us"), pl.Int64, pl.String, pl.Float64
SWEEPS = (
    "ts",
    "previous_ts",
    "server_version_num",
    "system_identifier",
    "timeline",
    "postmaster_start",
    "in_recovery",
    "database_stats_reset",
    "statements_stats_reset",
)
SCHEMA_CHANGES = (
    "ts",
    "previous_ts",
    "kind",
    "object_name",
    "relation_name",
    "change",
    "definition_before",
    "definition_after",
)
SETTINGS_CHANGES = (
    "ts",
    "previous_ts",
    "name",
    "value_before",
    "value_after",
    "unit",
    "pending_restart",
)
_ANALYZES = pl.col("analyze_count") + pl.col("autoanalyze_count")
_VACUUMS = pl.col("vacuum_count") + pl.col("autovacuum_count")
REFRESHES: Schema = {"queryid": _INT, "query": _TEXT}
RUNS: Schema = {"queryid": _INT, "start": _TS, "end": _TS, "calls": _INT}
TEXTS: Schema = {"userid": _INT, "dbid": _INT, "queryid": _INT, "query": _TEXT}


@dataclass(frozen=True)
class Context:
    """What was read around the onsets of one source and grain."""

    events: Timeline
    around: Circumstances
    sweeps: pl.DataFrame
    index_use: pl.DataFrame
    table_use: pl.DataFrame
    texts: Mapping[tuple[int, int, int], str]
    tables: Mapping[tuple[int, int, int], list[str]]
    works: work.Works
    waits: Mapping[int, pl.DataFrame]
    levels: Levels

    def scans(self, until: datetime) -> Rate:
        """Return scans per second of an index, from what was known before `until`."""
        return self._rate(self.index_use, "idx_scan", until, known_by_others=True)

    def reads(self, until: datetime) -> Rate:
        """Return rows read sequentially per second of a table, known before `until`."""
        return self._rate(self.table_use, "seq_tup_read", until, known_by_others=False)

    def _rate(
        self, use: pl.DataFrame, counter: str, until: datetime, *, known_by_others: bool
    ) -> Rate:
        """Sum over covered seconds.

        The ledger is sparse: no row says nothing happened, if the family was collected at all.
        """
        if use.is_empty():
            return lambda *_: None
        visible = use.filter(pl.col("ts") < until)
        sweeps = self.sweeps.filter(pl.col("ts") < until)

        def rate(name: str, start: datetime, end: datetime) -> float | None:
            inside = (pl.col("ts") > start) & (pl.col("ts") <= end)
            seconds = _covered(sweeps.filter(inside))
            rows = visible.filter(pl.col("name") == name)
            known = visible if known_by_others else rows
            if seconds <= 0 or known.is_empty():
                return None
            return int(rows.filter(inside)[counter].sum()) / seconds

        return rate

    def happened(
        self, row: Mapping[str, Any], until: datetime, covered: pressure.Covered
    ) -> list[Event]:
        """Return what coincides with the onset of a judged change and was known before `until`."""
        start, end, queryid = row["onset_start"], row["onset_end"], row["queryid"]
        return [
            *self.events.near(row["earliest"], row["latest"], until),
            *self.around.at(start, end, until, queryid, covered),
            *relations.growth(self.table_use, self.tables_of(row), start, end, until),
        ]

    def text(self, row: Mapping[str, Any]) -> str | None:
        """Return a statement's text, None when it is not known."""
        return self.texts.get((row["userid"], row["dbid"], row["queryid"]))

    def tables_of(self, row: Mapping[str, Any]) -> list[str]:
        """Return the tables a statement names, of those with statistics."""
        return self.tables.get((row["userid"], row["dbid"], row["queryid"]), [])

    def uses(self, row: Mapping[str, Any], until: datetime) -> list[Use]:
        """Return how the tables a statement names were used on both sides of an onset."""
        names = self.tables_of(row)
        if not names:
            return []
        spans = pressure.sides(row["onset_start"], row["onset_end"], until)
        inside = [(pl.col("ts") > span.start) & (pl.col("ts") <= span.end) for span in spans]
        seconds = [_covered(self.sweeps.filter(side)) for side in inside]
        found = []
        for name in names:
            rows = self.table_use.filter(pl.col("name") == name)
            rates = [relations.rates(rows, *side) for side in zip(spans, seconds, strict=True)]
            found.append(Use(name, *rates))
        return found

    def baseline(self, day: date, key: Key, at: datetime) -> tuple[float | None, str | None]:
        """Return the level and tier of the finest baseline of a statement for an instant."""
        level = self.levels.at(day, key, at)
        return (None, None) if level is None else (level.center, level.tier)

    def waited(
        self, key: Key, before: tuple[datetime, datetime], after: tuple[datetime, datetime]
    ) -> dict[str, Any] | None:
        """Return what a statement's sessions waited for, see `waits.compare`."""
        samples = self.waits.get(key[2])
        return None if samples is None else waits.compare(samples, before, after)

    def work(self, key: Key, start: datetime, end: datetime, seconds: float) -> Work:
        """Return what a statement did in samples with start <= ts < end: one of the spans read."""
        return self.works(key, start, end, seconds)


def _covered(sweeps: pl.DataFrame) -> float:
    """Return the seconds that sweeps cover."""
    return int((sweeps["ts"] - sweeps["previous_ts"]).dt.total_microseconds().sum()) / 1e6


def read(
    store: Store,
    target_id: int,
    plan: Plan,
    onsets: Sequence[tuple[datetime, datetime]],
    asked: Sequence[tuple[date, int]],
    spans: Sequence[work.Span],
    load: circumstances.HourLoad | None,
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
    asked : Sequence of (date, int)
        Day and queryid of each finding.
    spans : Sequence of Span
        Spans that are compared: what the statements' time is made of there is read.
    load : callable, optional
        As of `circumstances.read`.

    """
    start = min(earliest for earliest, _ in onsets) - NEAR
    end = midnight(max(day for day, _ in asked) + timedelta(days=1))
    span: dict[str, object] = {
        "target_id": target_id,
        "sources": list(alike(plan.source)),
        "start": start,
        "end": end,
    }

    def rows(name: str, schema: Schema, **more: object) -> pl.DataFrame:
        return frames.read(store, name, schema, {**span, **more})

    def raw(table: str, columns: Sequence[str], **only: Sequence[object]) -> pl.DataFrame:
        return ledger.read(store, table, target_id, start, end, columns=columns, only=only).sort(
            columns, nulls_last=True
        )

    sweeps = raw("sweeps", SWEEPS, source=alike(plan.source)).with_columns(
        previous_ts=pl.coalesce("previous_ts", "ts")
    )
    events = [
        *schema_events(raw("schema_changes", SCHEMA_CHANGES).to_dicts()),
        *setting_events(raw("settings_changes", SETTINGS_CHANGES).to_dicts()),
        *server_events(sweeps.to_dicts()),
        *maintenance_events(
            _maintenance(store, target_id, plan.source, start, end).to_dicts(),
        ),
    ]
    events += circumstances.told(store, target_id, start, end)
    events += _refreshes(store, target_id, plan, start, end)
    near = [e for e in events if any(e.end >= a and e.start <= b for a, b in onsets)]
    indexed = sorted({e.relation for e in near if e.relation and e.kind.startswith("index")})
    ids = sorted({queryid for _, queryid in asked})
    texts = rows("findings_texts", TEXTS, queryids=ids)
    names = {relations.unquoted(name)[-1] for name in indexed}
    for text in texts["query"]:
        names |= relations.words(text)
    table_use = relations.read_tables(store, target_id, start, end, names)
    known = table_use["name"].unique().sort().to_list()
    return Context(
        events=Timeline(events),
        around=circumstances.read(store, target_id, plan, onsets, end, load),
        sweeps=sweeps.select("ts", "previous_ts"),
        index_use=relations.read_indexes(store, target_id, start, end, indexed),
        table_use=table_use,
        texts={(u, d, q): text for u, d, q, text in texts.iter_rows()},
        tables={
            (u, d, q): [name for name in known if mentions(text, name)]
            for u, d, q, text in texts.iter_rows()
        },
        waits=_waits(store, target_id, min(start for _, start, _ in spans), end, ids),
        works=work.read(store, target_id, plan, spans),
        levels=Levels.of(levels.read_for(store, target_id, asked)),
    )


def _waits(
    store: Store, target_id: int, start: datetime, end: datetime, queryids: Sequence[int]
) -> dict[int, pl.DataFrame]:
    """Return the samples of sessions at work on some statements, by queryid."""
    rows = ledger.read(
        store,
        "activity",
        target_id,
        start,
        end,
        columns=tuple(waits.SCHEMA),
        only={"queryid": list(queryids)},
    )
    return {
        int(str(queryid)): frame
        for (queryid,), frame in rows.sort("ts").group_by("queryid", maintain_order=True)
    }


def _refreshes(
    store: Store, target_id: int, plan: Plan, start: datetime, end: datetime
) -> list[Event]:
    """Return the refreshes of materialized views that the ledger saw.

    Rows of any quality: a statement that is new is `first_seen`, and did run.
    """
    known = frames.read(store, "findings_refreshes", REFRESHES, {"target_id": target_id})
    if known.is_empty():
        return []
    ids = known["queryid"].unique().sort().to_list()
    if plan.grain == "hour":
        span: dict[str, object] = {
            "target_id": target_id,
            "sources": list(alike(plan.source)),
            "start": start,
            "end": end,
            "queryids": ids,
        }
        rows = frames.read(store, "findings_refresh_hours", RUNS, span)
    else:
        rows = ledger.intervals(
            store,
            "statements",
            target_id,
            start,
            end,
            columns=("queryid", "calls"),
            only={"queryid": ids},
            sources=alike(plan.source),
        ).select("queryid", "calls", start="begin", end="ts")
    texts = known.unique(subset="queryid", keep="first", maintain_order=True)
    found = rows.filter(pl.col("calls") > 0).join(texts, on="queryid").sort("end", "queryid")
    return refresh_events(found.iter_rows(named=True))


def _maintenance(
    store: Store, target_id: int, source: str, start: datetime, end: datetime
) -> pl.DataFrame:
    """Return intervals in which a table was analyzed or vacuumed."""
    counts = ("analyze_count", "autoanalyze_count", "vacuum_count", "autovacuum_count")
    return (
        ledger.intervals(
            store,
            "tables",
            target_id,
            start,
            end,
            columns=("schema_name", "table_name", *counts),
            only={"quality": ["exact"]},
            sources=alike(source),
        )
        .filter(_ANALYZES + _VACUUMS > 0)
        .select(
            "ts",
            "schema_name",
            "table_name",
            previous_ts="begin",
            analyzes=_ANALYZES,
            vacuums=_VACUUMS,
        )
        .sort("ts", "schema_name", "table_name")
    )
