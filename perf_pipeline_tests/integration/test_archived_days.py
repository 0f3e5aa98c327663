"""Rollups, baselines, findings and reports of a day are the same bytes after it was archived."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from perf_pipeline.baselines.build import build as build_baselines
from perf_pipeline.examples import history
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.regressions.find import find
from perf_pipeline.regressions.relations import read_indexes, read_tables, unquoted
from perf_pipeline.reports import raw, read
from perf_pipeline.reports.build import build as build_reports
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, archive, place, progress, samples, targets
from perf_pipeline.store.retention import Policy
from perf_pipeline_tests.regressions import ledger

pytestmark = pytest.mark.server

DERIVED = (
    "ledger.statements_hourly",
    "perf_mgmt.statement_baselines",
    "perf_mgmt.findings",
    "perf_mgmt.reports",
)


def two_minutes(store: Store) -> tuple[date, date]:
    """Write the sweeps of a short demonstration: judged interval by interval."""
    frames, at = ledger.demo()
    ledger.write(store, "hs", frames)
    return at.date(), at.date()


def weeks(store: Store) -> tuple[date, date]:
    """Write weeks of generated hours: judged hour by hour."""
    made = history.generate(store, "hs", days=16, end=date(2025, 3, 3))
    return made.end - timedelta(days=5), made.end


def derive(store: Store, first: date, last: date) -> dict[str, list[tuple[object, ...]]]:
    """Derive everything from the ledger, from nothing."""
    ledger.forget(store, *DERIVED)
    roll_up(store, "hs", first - timedelta(days=40), last)
    build_baselines(store, "hs", first, last)
    find(store, "hs", first, last)
    build_reports(store, "hs", first, last)
    return {table: ledger.rows(store, table) for table in DERIVED}


@pytest.mark.parametrize("write", [two_minutes, weeks])
def test_what_is_derived_does_not_depend_on_where_a_day_lies(
    store: Store, write: Callable[[Store], tuple[date, date]]
) -> None:
    first, last = write(store)
    before = derive(store, first, last)
    assert all(before.values())
    begun = progress.begin(store, "hs", "rollup", first, last)
    assert begun
    done = archive.run(
        store, place.current(), Policy.from_settings(), last + timedelta(days=9), first
    )
    partly = derive(store, first, last)
    assert partly == before
    done = archive.run(store, place.current(), Policy.from_settings(), last + timedelta(days=100))
    assert done.failures == done.busy == ()
    assert not [part for part in archive.held(store) if part.is_daily]
    assert derive(store, first, last) == before
    assert progress.begin(store, "hs", "rollup", first, last) == begun


def test_the_report_reads_what_its_queries_show(store: Store) -> None:
    frames, _ = ledger.demo()
    frames["database"] = frames["sweeps"].select("ts", "quality").with_columns(active_time=1.5)
    target_id = ledger.write(store, "hs", frames)
    day = frames["sweeps"]["ts"][0].date()
    span = {"target_id": target_id, **read.span(day, day)}
    # from the middle on: the first sweep's predecessor lies before what is asked for
    span["start"] = frames["sweeps"]["ts"][20].replace(tzinfo=span["end"].tzinfo)
    shown = store.rows("report_sweeps", span)
    found = raw.sweeps(store, target_id, span["start"], span["end"])
    assert len(found) == len(shown) > 30
    assert [*map(plain, found)] == [*map(plain, shown)]
    assert found[0]["previous_version_num"] == 180000
    statement = {"queryid": 100, **ledger.KEY, "source": "collected", "sources": ["collected"]}
    text = sqlfiles.load("store/report_series_sweep").text
    with store.begin() as connection:
        points = connection.execute(text, {**span, **statement}).fetchall()
    assert [
        (ts, value, calls) for ts, value, calls in raw.series(store, {**span, **statement}).rows()
    ] == [(ts.replace(tzinfo=None), value, calls) for ts, value, calls in points]


def plain(row: dict[str, object]) -> dict[str, object]:
    """Return a row without zones: both sides are UTC."""
    return {k: v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for k, v in row.items()}


def test_names_are_compared_as_sql_writes_them(store: Store) -> None:
    assert unquoted("hs.orders") == ["hs", "orders"]
    assert unquoted('"my.schema"."a ""b"""') == ["my.schema", 'a "b"']
    frames, _ = ledger.demo()
    for name in ("tables", "indexes"):
        frames[name] = frames[name].head(3)
        frames[name] = frames[name].with_columns(
            schema_name=pl.lit("my.schema"), table_name=pl.lit("order")
        )
    target_id = ledger.write(store, "hs", frames)
    span = (samples.midnight(date(2025, 3, 3)), samples.midnight(date(2025, 3, 4)))
    wanted = ['"my.schema"."order"', "other.order"]
    found = read_indexes(store, target_id, *span, wanted)
    assert set(found["name"]) == {'"my.schema".idx_customer'}
    assert found.height == 3
    assert read_indexes(store, target_id, *span, ["hs.order"]).is_empty()
    assert read_indexes(store, targets.register(store, "x"), *span, wanted).is_empty()
    tables = read_tables(store, target_id, *span, ["order", "nothing"])
    assert set(tables["name"]) == {'"my.schema"."order"'}
    assert read_tables(store, target_id, *span, []).is_empty()
