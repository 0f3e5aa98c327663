"""All intervals of a sweep at once: what is new, what is the same, what an older program kept."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
import pytest

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import collect, counters, intervals
from perf_pipeline.snapshots.collect import Sweep
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import TABLES
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.store import state
from perf_pipeline_tests.snapshots.conftest import flush

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY_NAME = {source.name: source for source in SOURCES}
LATER = timedelta(minutes=20)


def seen(at: datetime = NOW, digest: str | None = None) -> Observation:
    return Observation(at, 180000, 7, fingerprint=digest)


def sweep(frames: Mapping[str, pl.DataFrame], unchanged: frozenset[str] = frozenset()) -> Sweep:
    names = {*frames, *unchanged}
    return Sweep(
        observation=seen(NOW + LATER),
        sources=tuple(source for source in SOURCES if source.name in names),
        frames=frames,
        unchanged=unchanged,
        digests=dict.fromkeys(names, "new"),
        fingerprint=None,
        schema_read=False,
        size_read=False,
        extension_schema="public",
        database_ms=0.0,
        rows_read=0,
        notes=(),
    )


def rows(name: str, *given: dict[str, object]) -> pl.DataFrame:
    schema = BY_NAME[name].schema
    blank = {key: "" if kind == pl.String else 0 for key, kind in schema.items()}
    return pl.DataFrame([blank | row for row in given], schema=dict(schema))


def test_a_family_of_its_own_cadence_says_when_its_interval_began() -> None:
    before = rows("table_io", {"part_relid": 1, "blocks_hit": 3})
    after = rows("table_io", {"part_relid": 1, "blocks_hit": 10})
    known = {"table_io": seen(), state.EVIDENCE: seen(NOW + LATER - timedelta(minutes=5))}
    made = intervals.compute(sweep({"table_io": after}), {"table_io": before}, known)
    (row,) = made.rows["table_io"].to_dicts()
    # 20 minutes are no gap for what is read every 15
    assert (row["blocks_hit"], row["quality"]) == (7, "exact")
    assert row["previous_ts"] == NOW.replace(tzinfo=None)
    assert made.previous_ts == NOW + LATER - timedelta(minutes=5)
    assert made.observations["table_io"].ts == NOW + LATER
    late = {**known, "table_io": seen(NOW - timedelta(hours=1))}
    made = intervals.compute(sweep({"table_io": after}), {"table_io": before}, late)
    assert made.rows["table_io"]["quality"].to_list() == ["gap"]


def test_what_a_sweep_could_not_read_is_later_told_of_more_than_one_interval() -> None:
    before = rows("functions", {"funcid": 1, "calls": 3})
    after = rows("functions", {"funcid": 1, "calls": 10})
    # the last sweep, five minutes ago, met a lock
    known = {"functions": seen(), state.EVIDENCE: seen(NOW + LATER - timedelta(minutes=5))}
    made = intervals.compute(
        sweep({"functions": after}), {"functions": before}, known, LATER.total_seconds()
    )
    (row,) = made.rows["functions"].to_dicts()
    assert (row["calls"], row["quality"]) == (7, "gap")
    assert made.quality == "exact"
    known["functions"] = known[state.EVIDENCE]
    made = intervals.compute(sweep({"functions": after}), {"functions": before}, known)
    assert made.rows["functions"]["quality"].to_list() == ["exact"]


def test_what_did_not_change_has_no_rows_and_is_known_to_be_of_now() -> None:
    known = {"wal": seen(), "settings": seen(), state.EVIDENCE: seen()}
    made = intervals.compute(sweep({}, frozenset({"wal", "settings"})), {}, known)
    assert made.rows["wal"].columns == list(counters.WAL.columns)
    assert made.rows["wal"].is_empty()
    assert made.rows["settings_changes"].is_empty()
    assert made.state == {}
    assert made.observations["wal"] == seen(NOW + LATER, "new")


def test_scans_count_for_a_table_whose_own_counters_stood_still() -> None:
    table = {"relid": 5, "schema_name": "app", "table_name": "orders", "n_live_tup": 9}
    tables = rows("tables", table)
    keys = {"indexrelid": 6, "relid": 5}
    known = dict.fromkeys(("tables", "indexes", state.EVIDENCE), seen())
    before = {"tables": tables, "indexes": rows("indexes", {**keys, "idx_scan": 2})}
    swept = sweep({"indexes": rows("indexes", {**keys, "idx_scan": 6})}, frozenset({"tables"}))
    (row,) = intervals.compute(swept, before, known).rows["tables"].to_dicts()
    assert (row["idx_scan"], row["n_live_tup"], row["table_name"]) == (4, 9, "orders")
    swept = sweep({"tables": rows("tables", {**table, "seq_scan": 1})}, frozenset({"indexes"}))
    (row,) = intervals.compute(swept, before, known).rows["tables"].to_dicts()
    assert (row["idx_scan"], row["seq_scan"]) == (0, 1)
    assert set(TABLES.columns) < set(row)


def test_a_state_without_a_new_counter_is_a_baseline_again() -> None:
    frame = rows("functions", {"funcid": 1, "calls": 4})
    known = dict.fromkeys(("functions", state.EVIDENCE), seen())
    older = {"functions": frame.drop("self_time")}
    made = intervals.compute(sweep({"functions": frame}), older, known)
    assert made.rows["functions"].is_empty()
    assert any(note.startswith("functions: kept by an older version") for note in made.notes)
    assert made.state["functions"].equals(frame)


@pytest.mark.server
def test_the_same_answer_is_not_read_twice(target: Target, admin: psycopg.Connection) -> None:
    def again(known: Mapping[str, Observation]) -> Sweep:
        with pg.session(target.url()) as connection:
            return collect.sweep(connection, seen=known)

    flush(admin)
    first = again({})
    assert first.unchanged == frozenset()
    known = intervals.compute(first, {}, {}).observations
    second = again(known)
    assert second.unchanged >= {"settings", "indexes", "functions"}
    assert not second.unchanged & set(second.frames)
    assert second.rows_read >= second.frames["statements"].height + 300
    admin.execute("CREATE INDEX other_index ON app.other (id)")
    third = again(known)
    assert "indexes" in third.frames
    known = intervals.compute(third, {**first.frames, **second.frames}, {}).observations
    # columns of another version of this program: the state has none of them
    index = BY_NAME["indexes"]
    renamed = replace(
        index, schema={"x" if n == "relpages" else n: kind for n, kind in index.schema.items()}
    )
    with pg.session(target.url()) as connection:
        flush(admin)
        swept = collect.sweep(connection, seen=known)
        assert "indexes" in swept.unchanged
        sources = [renamed if source is index else source for source in SOURCES]
        swept = collect.sweep(connection, seen=known, sources=sources)
    assert "indexes" in swept.frames
