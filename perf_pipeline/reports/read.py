"""Read the facts of a range of days from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

import polars as pl
import psycopg

from perf_pipeline import __version__
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.reports import (
    alerted,
    arrange,
    assemble,
    by_hour,
    cached,
    coverage,
    days_work,
    known,
    raw,
    render,
    series,
    texts,
    units,
    work,
)
from perf_pipeline.reports.model import (
    Alerted,
    CachedHour,
    Chart,
    Event,
    Finding,
    Point,
    ReportData,
    SchemaChange,
    SettingChange,
    Sla,
    Statement,
    Tags,
)
from perf_pipeline.store import Store, samples
from perf_pipeline.store.own import OWN_TEXT

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Range:
    """What was read for a range of days, by day."""

    findings: Mapping[date, list[Row]]
    sweeps: Mapping[date, list[Row]]
    work: Mapping[date, pl.DataFrame]
    hours: Mapping[date, by_hour.Hourly]
    texts: Mapping[tuple[int, int, int], Statement]
    tags: Mapping[tuple[int, int, int], Tags]
    schema: Mapping[date, list[Row]]
    settings: Mapping[date, list[Row]]
    calibrated: Mapping[date, pl.DataFrame]
    verdicts: list[Row]
    cached: Mapping[date, tuple[CachedHour, ...]]
    alerted: Sequence[Alerted]


def span(first: date, last: date) -> dict[str, Any]:
    """Return a range of UTC days as the parameters our SQL files take."""
    return {
        "first": first,
        "last": last,
        "start": datetime.combine(first, time(), UTC),
        "end": datetime.combine(last + timedelta(days=1), time(), UTC),
        "own_text": OWN_TEXT,
    }


def days(
    store: Store, target_id: int, target_name: str, first: date, last: date
) -> list[ReportData]:
    """Read the facts of the days `first` to `last`.

    Parameters
    ----------
    store : Store
    target_id : int
    target_name : str
    first, last : date
        UTC days, both included; held in memory at once.

    Returns
    -------
    list of ReportData
        One per day, days without any data included.

    """
    read = _read(store, target_id, target_name, first, last)
    wanted = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    reports = [_day(read, target_name, day) for day in wanted]
    charted = [
        (data.day, finding)
        for data in reports
        for finding in arrange.presented(data.findings)[: render.MAX_CHARTS]
    ]
    curves = series.read(store, target_id, charted, {_source(read, day) for day, _ in charted})
    with store.begin() as connection:
        return [_with_series(store, connection, target_id, data, read, curves) for data in reports]


def _read(store: Store, target_id: int, target_name: str, first: date, last: date) -> _Range:
    params = {"target_id": target_id} | span(first, last)
    early = span(first - series.LOOK_BACK["hour"], last)
    start, end = early["start"], early["end"]
    rows = days_work.read(store, params)
    by_day: dict[date, pl.DataFrame] = {}
    for (day,), part in rows.partition_by("day", as_dict=True).items():
        source = assemble.day_source(part["source"].unique())
        by_day[day] = part.filter(pl.col("source") == source)
    ids = sorted({queryid for part in by_day.values() for queryid in work.shown(part)})
    sources = {day: part["source"][0] for day, part in by_day.items()}
    hours = by_hour.read(store, target_id, sources, ids)
    findings = store.rows("report_findings", params)
    calibrated = known.detectability(store, target_id, first, last)
    ids = sorted({*ids, *(n for part in calibrated.values() for n in known.blind(part)["queryid"])})
    tags = texts.tags(store, target_id, {*ids, *(row["queryid"] for row in findings)})
    return _Range(
        findings=_grouped(findings, "day"),
        sweeps=_grouped(raw.sweeps(store, target_id, start, end), "ts"),
        work=by_day,
        hours=hours,
        texts=texts.known(store, target_id, ids, tags),
        tags=tags,
        schema=_grouped(raw.schema_changes(store, target_id, start, end), "ts"),
        settings=_grouped(raw.settings_changes(store, target_id, start, end), "ts"),
        calibrated=calibrated,
        verdicts=list(store.rows("report_verdicts", params)),
        cached=cached.read(store, target_name, first, last),
        alerted=alerted.read(store, target_name, first, last),
    )


def _grouped(rows: Sequence[Row], column: str) -> dict[date, list[Row]]:
    groups: dict[date, list[Row]] = {}
    for row in rows:
        value = row[column]
        day = units.naive(value).date() if isinstance(value, datetime) else value
        groups.setdefault(day, []).append(row)
    return groups


def _day(read: _Range, target_name: str, day: date) -> ReportData:
    all_sweeps = read.sweeps.get(day, [])
    source = assemble.day_source(row["source"] for row in all_sweeps)
    sweeps = [row for row in all_sweeps if row["source"] == source]
    rows = read.work.get(day, work.EMPTY)
    client = rows.filter("toplevel")
    exec_ns = int(client["exec_ns"].sum())
    plan_ns = int(client["plan_ns"].sum())  # imported history may not tell it
    # ours are part of the day's time, and nobody's question
    others = rows.filter(~pl.col("own"))
    asked = client.filter(~pl.col("own"))
    covered = coverage.coverage(sweeps, day)
    database = coverage.database(sweeps, None if rows.is_empty() else (exec_ns + plan_ns) / 1e6)
    blocks = database.blks_hit + database.blks_read
    schema = read.schema.get(day, [])
    calibrated = known.newest(read.calibrated, day)
    return ReportData(
        target=target_name,
        day=day,
        code_version=__version__,
        findings=tuple(finding(row, read.tags) for row in read.findings.get(day, [])),
        judgement=work.judgement(others, read.texts),
        sensitivity=None if calibrated is None else known.sensitivity(calibrated, read.texts),
        verdicts=known.verdicts(read.verdicts, day),
        coverage=covered,
        database=database,
        sla=Sla(
            p95_ms=work.p95_ms(asked),
            cache_hit_ratio=database.blks_hit / blocks if blocks else None,
            connection_ms=covered.connect_ms,
            calls=int(asked["calls"].sum()),
        ),
        total_ms=exec_ns / 1e6,
        top=assemble.statement_days(work.top(others), exec_ns, read.hours.get(day, {}), read.texts),
        schema_changes=tuple(schema_change(row) for row in schema),
        schema_changes_total=schema[0]["total"] if schema else 0,
        settings_changes=tuple(setting_change(row) for row in read.settings.get(day, [])),
        cached=read.cached.get(day, ()),
        alerted=alerted.of_day(read.alerted, day),
    )


def finding(row: Row, tags: Mapping[tuple[int, int, int], Tags]) -> Finding:
    """Return a row of `report_findings.sql` as a finding."""
    return Finding(
        finding_id=row["finding_id"],
        incident_id=row["incident_id"],
        is_new=row["is_new"],
        statement=Statement(
            row["queryid"],
            row["userid"],
            row["dbid"],
            row["toplevel"],
            row["query"],
            row["query_length"],
            tags.get((row["queryid"], row["userid"], row["dbid"]), ()),
        ),
        metric=row["metric"],
        grain=row["grain"],
        onset=units.naive(row["onset"]),
        direction=row["direction"],
        old_level=row["old_level"],
        new_level=row["new_level"],
        relative_change=row["relative_change"],
        relative_change_low=row["relative_change_low"],
        relative_change_high=row["relative_change_high"],
        p_value=row["p_value"],
        q_value=row["q_value"],
        baseline_level=row["baseline_level"],
        baseline_tier=row["baseline_tier"],
        severity=row["severity"],
        policy=row["policy"],
        calls_per_day=row["calls_per_day"],
        added_ms_per_day=row["added_ms_per_day"],
        causes=assemble.causes(row["causes"]),
        evidence=row["evidence"],
    )


def schema_change(row: Row) -> SchemaChange:
    """Return a row of `raw.schema_changes` as a change."""
    return SchemaChange(
        units.naive(row["ts"]),
        units.naive(row["previous_ts"]),
        row["kind"],
        row["object_name"],
        row["relation_name"],
        row["change"],
        row["definition_before"],
        row["definition_after"],
    )


def setting_change(row: Row) -> SettingChange:
    """Return a row of `raw.settings_changes` as a change."""
    return SettingChange(
        units.naive(row["ts"]),
        units.naive(row["previous_ts"]),
        row["name"],
        row["value_before"],
        row["value_after"],
        row["unit"],
        row["pending_restart"],
    )


def _with_series(
    store: Store,
    connection: psycopg.Connection,
    target_id: int,
    data: ReportData,
    read: _Range,
    curves: series.Known,
) -> ReportData:
    """Add what only the findings shown in detail need: their series, and the queries."""
    params = {"target_id": target_id} | span(data.day, data.day)
    order = arrange.presented(data.findings)
    detailed = [
        _with_chart(
            store,
            connection,
            params,
            data.day,
            finding,
            read,
            curves if place < render.MAX_CHARTS else None,
        )
        for place, finding in enumerate(order[: render.MAX_CARDS])
    ]
    queries = tuple(
        (name, filled(connection, sqlfiles.load(f"store/report_{name}").text, params))
        for name in ("findings", "statements", "sweeps")
    )
    findings = (*detailed, *order[render.MAX_CARDS :])
    return replace(data, findings=findings, queries=queries)


def _with_chart(
    store: Store,
    connection: psycopg.Connection,
    params: Mapping[str, object],
    day: date,
    finding: Finding,
    read: _Range,
    curves: series.Known | None,
) -> Finding:
    if finding.metric != series.CHARTED_METRIC:
        return finding
    statement = finding.statement
    source = _source(read, day)
    wanted = {
        **params,
        "day": day,
        "source": source,
        "sources": list(samples.alike(source)),
        "queryid": statement.queryid,
        "userid": statement.userid,
        "dbid": statement.dbid,
        "toplevel": statement.toplevel,
        "metric": finding.metric,
        "start": finding.onset.replace(tzinfo=UTC) - series.LOOK_BACK[finding.grain],
    }
    file = sqlfiles.load(f"store/report_series_{finding.grain}").text
    if curves is None:
        return replace(finding, query=filled(connection, file, wanted))
    if finding.grain == "hour":
        start = finding.onset - series.LOOK_BACK["hour"]
        end = datetime.combine(day + timedelta(days=1), time())
        seen = curves.points(finding, samples.alike(source), start, end)
    else:
        seen = [Point(*row) for row in raw.series(store, wanted).iter_rows()]
    points = assemble.window(seen, finding.onset)
    if points:
        wanted["start"] = points[0].ts.replace(tzinfo=UTC)
        wanted["end"] = points[-1].ts.replace(tzinfo=UTC) + timedelta(microseconds=1)
    normal = curves.normal(day, finding)
    spanned = (points[0].ts, points[-1].ts) if points else (finding.onset, finding.onset)
    made = Chart(points, assemble.bands(normal, *spanned), _events(read, day, source, *spanned))
    return replace(finding, chart=made, query=filled(connection, file, wanted))


def _source(read: _Range, day: date) -> str:
    swept = [row["source"] for row in read.sweeps.get(day, [])]
    present = swept or read.work.get(day, work.EMPTY)["source"]
    return assemble.day_source(present) or assemble.SOURCES[0]


def _events(
    read: _Range, day: date, source: str, start: datetime, end: datetime
) -> tuple[Event, ...]:
    # events are read so far back for every day, whatever the range it is built in
    start = max(start, datetime.combine(day, time()) - series.LOOK_BACK["hour"])
    near = [
        start.date() + timedelta(days=offset)
        for offset in range((end.date() - start.date()).days + 1)
    ]
    sweeps = (row for near_day in near for row in read.sweeps.get(near_day, []))
    found = assemble.change_events(
        [schema_change(row) for near_day in near for row in read.schema.get(near_day, [])],
        [setting_change(row) for near_day in near for row in read.settings.get(near_day, [])],
    ) + coverage.restarts(row for row in sweeps if row["source"] == source)
    return tuple(event for event in found if start <= event.ts <= end)


def filled(
    connection: psycopg.Connection, text: LiteralString, params: Mapping[str, object]
) -> str:
    """Return a statement of ours with its parameters filled in, to be run by hand.

    Its header is cut to the purpose.
    """
    header, _, body = text.partition("\n-- minimum version: 14\n")
    bound = psycopg.ClientCursor(connection).mogrify(f"{header}\n{body}", params)
    return f"{bound.rstrip()};"
