import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import bloat, collect, highlights, intervals
from perf_pipeline.snapshots.bloat import KNOWN, Budget, choose
from perf_pipeline.snapshots.bloat_estimate import estimates
from perf_pipeline.snapshots.record import collect as record
from perf_pipeline.snapshots.sampled import BLOAT
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.sessions import SECRET, swept

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = pl.DataFrame(schema=KNOWN)


def relation(relid: int, pages: int, **more: Any) -> dict[str, Any]:
    """Return one column's row of `bloat.sql`: a table of one bigint."""
    return {
        "relid": relid,
        "table_relid": relid,
        "kind": "table",
        "schema_name": "app",
        "table_name": f"t{relid}",
        "relation_name": f"t{relid}",
        "block_bytes": 8192,
        "relpages": pages,
        "reltuples": 226.0 * pages,
        "relallvisible": 0,
        "fillfactor": None,
        "shares_entries": False,
        "is_hidden": False,
        "position": 1,
        "length": 8,
        "alignment": "d",
        "avg_width": 8,
        "null_frac": 0.0,
        "n_distinct": -1.0,
        **more,
    }


def relations(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=BLOAT.schema)


def measured(relid: int, ago: timedelta, method: str = "pgstattuple") -> dict[str, Any]:
    row = dict.fromkeys(KNOWN)
    at = (NOW - ago).replace(tzinfo=None)
    return {
        **row,
        "relid": relid,
        "relation_name": f"t{relid}",
        "method": method,
        "wasted_bytes": 1,
        "read_at": at,
        "is_new": True,
    }


def known(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=KNOWN)


# -- the estimate


def needed(*rows: dict[str, Any]) -> dict[int, int]:
    return dict(estimates(relations(*rows)).iter_rows())


def test_a_table_written_anew_needs_what_it_has() -> None:
    # 24 header + 8 + 4 of the pointer = 36 bytes: 226 to a page of 8192 - 24
    assert needed(relation(1, 1000)) == {1: 1000}
    assert needed(relation(1, 1000, reltuples=113_000.0)) == {1: 500}
    assert needed(relation(1, 1000, fillfactor=50)) == {1: 2000}


def test_padding_follows_the_order_of_the_columns() -> None:
    def bytes_of(*lengths: int) -> int:
        alignment = {1: "c", 2: "s", 4: "i", 8: "d"}
        rows = [
            relation(
                1, 1, reltuples=1e6, position=place, length=n, alignment=alignment[n], avg_width=n
            )
            for place, n in enumerate(lengths, 1)
        ]
        return round(8168 / (1e6 / needed(*rows)[1]))

    assert bytes_of(8, 1, 1) == pytest.approx(24 + 16 + 4, abs=1)
    assert bytes_of(1, 8, 1) == pytest.approx(24 + 24 + 4, abs=1)


def test_what_is_not_known_has_no_estimate() -> None:
    assert needed(relation(1, 1000, avg_width=None)) == {}
    assert needed(relation(1, 1000, reltuples=-1.0)) == {}
    assert needed(relation(1, 1000, kind="toast")) == {}
    second = relation(1, 1000, position=2, avg_width=None)
    assert needed(relation(1, 1000), second, relation(2, 10)) == {2: 10}


def test_equal_keys_of_an_index_share_entries() -> None:
    index = relation(1, 1000, kind="index", reltuples=1e6)
    alone = needed(index)[1]
    few = needed({**index, "shares_entries": True, "n_distinct": 10.0})[1]
    many = needed({**index, "shares_entries": True, "n_distinct": -1.0})[1]
    assert alone == many
    assert few < 0.4 * alone


# -- what is measured when


def test_what_was_never_measured_comes_first_the_largest_before() -> None:
    all_of_them = relations(*(relation(relid, 100 * relid) for relid in range(1, 6)))
    before = known(
        measured(5, timedelta(hours=30)),
        measured(4, timedelta(hours=40)),
        measured(3, timedelta(hours=2)),
        measured(2, timedelta(hours=2), "estimate"),
    )
    assert choose(all_of_them, before, NOW, Budget())["relid"].to_list() == [2, 1, 4, 5]
    assert choose(all_of_them, before, NOW, Budget(pages=350))["relid"].to_list() == [2, 1]
    assert choose(all_of_them, before, NOW, Budget(relations=1))["relid"].to_list() == [2]


def test_pages_that_hold_no_dead_rows_are_not_counted() -> None:
    table = relation(1, 100_000, relallvisible=99_000)
    index = relation(2, 100_000, kind="index", relallvisible=99_000)
    assert choose(relations(table, index), NOTHING, NOW, Budget())["relid"].to_list() == [1]


sizes = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None)
@given(sizes, st.randoms())
def test_each_run_keeps_to_its_budget_and_all_have_their_turn(
    pages: list[int], chance: random.Random
) -> None:
    rows = [relation(relid, size) for relid, size in enumerate(pages, 1)]
    chance.shuffle(rows)
    everything, budget, before = relations(*rows), Budget(pages=40, relations=5), NOTHING
    turns: dict[int, int] = {}
    for run in range(len(pages)):
        now = NOW + timedelta(hours=run)
        chosen = choose(everything, before, now, budget)
        assert chosen["relpages"].sum() <= 40
        assert chosen.height <= 5
        found = [
            {"relid": relid, "total_bytes": 1, "dead_bytes": 0, "free_bytes": 0, "tuples": 1}
            for relid in chosen["relid"]
        ]
        for row in found:
            turns[row["relid"]] = turns.get(row["relid"], 0) + 1
        made = bloat.arrange(everything, estimates(everything), found)
        before = bloat.with_known(everything, made, before, now)
        # of each something is known, and what is new is what is written
        assert before["relid"].to_list() == sorted(everything["relid"].to_list())
        assert before.filter("is_new", method="pgstattuple").height == len(found)
    assert set(turns) == {relid for relid, size in enumerate(pages, 1) if size <= 40}
    assert set(turns.values()) <= {1}  # within a day, none twice


def test_what_is_gone_is_forgotten_and_another_of_the_same_number_is_new() -> None:
    before = known(measured(1, timedelta(hours=1)), measured(2, timedelta(hours=1)))
    now = relations(relation(2, 200, relation_name="another"))
    after = bloat.with_known(now, bloat.arrange(now, estimates(now), []), before, NOW)
    assert after.select("relid", "relation_name", "method", "is_new").rows() == [
        (2, "another", "estimate", True)
    ]


def test_an_estimate_does_not_replace_a_measurement_of_the_same_day() -> None:
    now = relations(relation(1, 200))
    estimated = bloat.arrange(now, estimates(now), [])
    for hours, method, is_new in ((1, "pgstattuple", False), (21, "estimate", True)):
        before = known(measured(1, timedelta(hours=hours)))
        after = bloat.with_known(now, estimated, before, NOW)
        assert after.select("method", "is_new").rows() == [(method, is_new)]


def test_free_space_that_the_fillfactor_keeps_is_not_wasted() -> None:
    now = relations(relation(1, 200, fillfactor=70))
    found = {"relid": 1, "total_bytes": 1000, "dead_bytes": 10, "free_bytes": 350, "tuples": 1}
    assert bloat.arrange(now, estimates(now), [found])["wasted_bytes"].to_list() == [60]


# -- on a server


@pytest.fixture
def bloated(admin: psycopg.Connection) -> None:
    """Make tables and indexes of many shapes, half of whose rows were deleted, and full ones."""
    admin.execute(
        "CREATE TABLE app.full_ AS SELECT g AS id, g::bigint AS big, now() AS at, true AS yes"
        " FROM generate_series(1, 40000) g"
    )
    admin.execute(
        "CREATE TABLE app.half AS SELECT g AS id, repeat('x', g % 61) AS s,"
        f" CASE WHEN g % 3 = 0 THEN now() END AS t, g % 7 AS k, md5('{SECRET}' || g) AS m"
        " FROM generate_series(1, 40000) g"
    )
    for statement in (
        "CREATE INDEX full_big ON app.full_ (big, at)",
        "CREATE INDEX half_m ON app.half (m)",
        "CREATE INDEX half_lower ON app.half (lower(m), id)",
        "DELETE FROM app.half WHERE id % 2 = 0",
        "VACUUM ANALYZE app.half",
        "VACUUM ANALYZE app.full_",
    ):
        admin.execute(statement)


def shares(found: collect.Sweep) -> dict[str, tuple[str, float]]:
    """Return of each relation the method, and the wasted share of its bytes."""
    rows = found.frames["bloat"].filter(schema_name="app").iter_rows(named=True)
    return {
        row["relation_name"]: (row["method"], row["wasted_bytes"] / row["total_bytes"])
        for row in rows
    }


BLOATED = {"half": 0.48, "half_m": 0.5, "half_lower": 0.5}
FULL = {"full_": 0.0, "full_big": 0.0}


@pytest.mark.server
@pytest.mark.usefixtures("bloated")
def test_the_estimate_is_near_what_pgstattuple_measures(
    target_url: str, admin: psycopg.Connection
) -> None:
    estimated = shares(swept(target_url))
    admin.execute("CREATE SCHEMA elsewhere; CREATE EXTENSION pgstattuple SCHEMA elsewhere")
    exact = shares(swept(target_url))
    assert set(estimated) == set(exact) == {*BLOATED, *FULL}
    for name, expected in {**BLOATED, **FULL}.items():
        assert estimated[name][0] == "estimate"
        assert exact[name][0] == "pgstattuple"
        assert exact[name][1] == pytest.approx(expected, abs=0.05)
        assert estimated[name][1] == pytest.approx(exact[name][1], abs=0.1)


@pytest.mark.server
@pytest.mark.usefixtures("bloated")
def test_with_pg_monitor_alone_it_is_measured_or_unknown(
    target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE ROLE watcher LOGIN PASSWORD 'w'")
    admin.execute("GRANT pg_monitor TO watcher")
    url = psycopg.conninfo.make_conninfo(target_url, user="watcher", password="w")
    try:
        hidden = swept(url)
        assert shares(hidden) == {}
        (note,) = hidden.notes
        assert note.startswith("the bloat of 5 tables and indexes is unknown")
        assert "CREATE EXTENSION pgstattuple" in note
        admin.execute("CREATE EXTENSION pgstattuple")
        seen = swept(url)
        assert seen.notes == ()
        assert {method for method, _ in shares(seen).values()} == {"pgstattuple"}
        assert set(shares(seen)) == {*BLOATED, *FULL}
        admin.execute(
            "REVOKE EXECUTE ON FUNCTION pgstattuple_approx(regclass) FROM pg_stat_scan_tables"
        )
        refused = swept(url)
        assert any(
            note.startswith("bloat_table left out: permission denied") for note in refused.notes
        )
    finally:
        admin.execute("DROP OWNED BY watcher; DROP ROLE watcher")


@pytest.mark.server
@pytest.mark.usefixtures("bloated")
def test_a_table_held_exclusively_is_left_for_another_time(
    target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE EXTENSION pgstattuple")
    with psycopg.connect(target_url) as holder:
        holder.execute("LOCK TABLE app.half IN ACCESS EXCLUSIVE MODE")
        found = swept(target_url)
    # not even their index definitions are read
    assert [note for note in found.notes if "bloat" in note] == []
    methods = {name: method for name, (method, _) in shares(found).items()}
    assert methods == {
        **dict.fromkeys(BLOATED, "estimate"),
        **dict.fromkeys(FULL, "pgstattuple"),
    }


@pytest.mark.server
@pytest.mark.usefixtures("bloated")
def test_no_lock_and_no_snapshot_outlives_a_measurement(
    target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE EXTENSION pgstattuple")
    with pg.session(target_url) as connection:
        collect.sweep(connection)
        held = admin.execute(
            "SELECT count(*) FILTER (WHERE l.relation IS NOT NULL), max(a.backend_xmin::text)"
            " FROM pg_stat_activity AS a LEFT JOIN pg_locks AS l USING (pid) WHERE a.pid = %s",
            [connection.info.backend_pid],
        ).fetchone()
    assert held == (0, None)


@pytest.mark.server
@pytest.mark.usefixtures("bloated")
def test_it_is_kept_once_a_day_and_shown(
    store: Store, target: Target, target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE EXTENSION pgstattuple")
    first = record(target, store)
    assert first.rows["bloat"] >= 5
    with store.begin() as connection:
        kept = connection.execute("SELECT count(*) FROM ledger.bloat").fetchone()
    assert kept == (first.rows["bloat"],)
    assert "bloat" not in record(target, store).rows
    # an hour later it is due again, but none of the relations is
    with pg.session(target_url) as connection:
        known = collect.sweep(connection).frames["bloat"]
        again = collect.sweep(connection, states={"bloat": known})
    assert again.frames["bloat"].height == first.rows["bloat"]
    assert intervals.compute(again, {}, {}).rows["bloat"].is_empty()
    shown = highlights.read(store, target.name, "bloat", first.ts)
    assert SECRET not in repr(shown)
    assert shown.tables["most_wasted"][0]["relation"] == "app.half"
    assert shown.tables["most_wasted"][0]["method"] == "pgstattuple"
    assert shown.figures["wasted_bytes"] > 0.4 * 40000 * 60  # type: ignore[operator]
    assert shown.figures["estimated"] == 0
