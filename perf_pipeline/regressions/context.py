"""Read what surrounds a set of findings: events, statistics of relations, texts, parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from perf_pipeline.postgres.copy import Schema
from perf_pipeline.regressions import waits, work
from perf_pipeline.regressions.decompose import Work
from perf_pipeline.regressions.events import (
    Event,
    maintenance_events,
    schema_events,
    server_events,
    setting_events,
)
from perf_pipeline.regressions.explain import Rate
from perf_pipeline.store import Store, frames, ledger, levels
from perf_pipeline.store.levels import Key, Levels
from perf_pipeline.store.samples import Plan, alike, midnight

#: Statistics of a relation are compared over at most a day on either side of an onset.
NEAR = timedelta(days=1)

_TS, _INT, _TEXT, _MS = pl.Datetime("us"), pl.Int64, pl.String, pl.Float64
SWEEPS = (
    "ts",
    "previous_ts",
    "server_version_num",
    "system_identifier",
    "timeline",
    "postmaster_start",
    "in_recovery",
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
USE: Schema = {"ts": _TS, "name": _TEXT, "amount": _INT}
TEXTS: Schema = {"userid": _INT, "dbid": _INT, "queryid": _INT, "query": _TEXT}


@dataclass(frozen=True)
class Context:
    """What was read around the onsets of one source and grain."""

    events: Sequence[Event]
    sweeps: pl.DataFrame
    index_use: pl.DataFrame
    table_use: pl.DataFrame
    texts: Mapping[tuple[int, int, int], str]
    parts: Mapping[Key, pl.DataFrame]
    waits: Mapping[int, pl.DataFrame]
    levels: Levels

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
        level = self.levels.at(day, key, at)
        return (None, None) if level is None else (level.center, level.tier)

    def waited(
        self, key: Key, before: tuple[datetime, datetime], after: tuple[datetime, datetime]
    ) -> dict[str, Any] | None:
        """Return what a statement's sessions waited for, see `waits.compare`."""
        samples = self.waits.get(key[2])
        return None if samples is None else waits.compare(samples, before, after)

    def work(self, key: Key, start: datetime, end: datetime, seconds: float) -> Work:
        """Return what a statement did in samples with start <= ts < end."""
        return work.total(self.parts.get(key), start, end, seconds)


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
    near = [e for e in events if any(e.end >= a and e.start <= b for a, b in onsets)]
    relations = sorted({e.relation for e in near if e.relation and e.kind.startswith("index")})
    ids = sorted(set(queryids))
    texts = rows("findings_texts", TEXTS, queryids=ids)
    return Context(
        events=sorted(near, key=lambda e: (e.end, e.kind, e.object)),
        sweeps=sweeps.select("ts", "previous_ts"),
        index_use=_use(store, "index", target_id, start, end, relations),
        table_use=_use(store, "table", target_id, start, end, relations),
        texts={(u, d, q): text for u, d, q, text in texts.iter_rows()},
        waits=_waits(store, target_id, parts_from, end, ids),
        parts=work.read(store, target_id, plan, parts_from, end, ids),
        levels=Levels.of(levels.read(store, target_id, *days, ids)),
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


def _use(
    store: Store,
    what: str,
    target_id: int,
    start: datetime,
    end: datetime,
    relations: Sequence[str],
) -> pl.DataFrame:
    """Return scans of the indexes of some tables, or rows read sequentially from these tables.

    Relations, and the names returned, are as SQL writes them: `schema.table`, quoted where needed.
    """
    if not relations:
        return pl.DataFrame(schema=dict(USE))
    amount = "idx_scan" if what == "index" else "seq_tup_read"
    names = tuple(dict.fromkeys(("schema_name", "table_name", f"{what}_name")))
    found = ledger.read(
        store,
        "indexes" if what == "index" else "tables",
        target_id,
        start,
        end,
        columns=("ts", *names, amount),
        only={"quality": ["exact"], "table_name": [unquoted(r)[-1] for r in relations]},
    )
    for name in dict.fromkeys(("table_name", f"{what}_name")):
        found = _with_quoted(store, found, name)
    return (
        found.filter(pl.col("quoted_table_name").is_in(list(relations)))
        .select("ts", name=f"quoted_{what}_name", amount=amount)
        .sort("name", "ts")
    )


def _with_quoted(store: Store, rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add `quoted_<name>`: the schema and the name as SQL writes them."""
    pairs = rows.select("schema_name", name).unique()
    quoted = store.rows(
        "quoted_names", {"schemas": pairs["schema_name"].to_list(), "names": pairs[name].to_list()}
    )
    known = pl.DataFrame(
        [tuple(row.values()) for row in quoted],
        schema={"schema_name": _TEXT, name: _TEXT, f"quoted_{name}": _TEXT},
        orient="row",
    )
    return rows.join(known, on=["schema_name", name], how="left")


def unquoted(relation: str) -> list[str]:
    """Return the names in `schema.name`, each maybe in double quotes; pure."""
    parts = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', relation)
    return [inner.replace('""', '"') or plain for inner, plain in parts]
