from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots.deltas import interval
from perf_pipeline.snapshots.evidence import Evidence, Observation
from perf_pipeline.snapshots.families import DATABASE, FAMILIES, INDEXES, STATEMENTS, TABLES
from perf_pipeline_tests.snapshots.simulator import statements

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
T1 = T0 + timedelta(minutes=5)
RESET = T0 - timedelta(days=9)
BEFORE = Observation(
    T0,
    180000,
    system_identifier=7,
    timeline=1,
    postmaster_start=RESET,
    in_recovery=False,
    statements_stats_reset=RESET,
    statements_dealloc=0,
)
AFTER = replace(BEFORE, ts=T1)
CALM = Evidence(BEFORE, AFTER)


def one(rows: pl.DataFrame) -> dict[str, object]:
    assert rows.height == 1
    return rows.to_dicts()[0]


def test_a_difference_is_exact() -> None:
    rows = interval(
        statements([{"calls": 10, "total_exec_time": 100.0, "exec_time_squares": 1100.0}]),
        statements([{"calls": 14, "total_exec_time": 160.0, "exec_time_squares": 2100.0}]),
        CALM,
    )
    row = one(rows)
    assert (row["calls"], row["total_exec_time"], row["exec_time_squares"]) == (4, 60.0, 1000.0)
    assert row["quality"] == "exact"
    assert tuple(rows.columns) == STATEMENTS.columns


def test_a_counter_that_is_not_told_stays_unknown() -> None:
    missing = {"exec_time_squares": None, "wal_bytes": None}
    rows = interval(
        statements([{"calls": 10, "total_exec_time": 100.0, **missing}]),
        statements([{"calls": 14, "total_exec_time": 160.0, **missing}]),
        CALM,
    )
    row = one(rows)
    assert (row["calls"], row["exec_time_squares"], row["wal_bytes"]) == (4, None, None)


def test_the_first_sweep_is_a_baseline() -> None:
    current = statements([{"calls": 10}])
    assert interval(None, current, Evidence(None, BEFORE)).is_empty()
    assert interval(None, current, CALM).is_empty()
    assert tuple(interval(None, current, CALM).columns) == STATEMENTS.columns


def test_unchanged_statements_have_no_row() -> None:
    same = statements([{"calls": 10}])
    assert interval(same, same, CALM).is_empty()


def test_a_new_statement_is_first_seen() -> None:
    row = one(interval(statements([]), statements([{"calls": 3}]), CALM))
    assert (row["calls"], row["quality"]) == (3, "first_seen")


def test_a_statement_that_vanished_has_no_row() -> None:
    assert interval(statements([{"calls": 3}]), statements([]), CALM).is_empty()


@pytest.mark.parametrize("counter", ["calls", "rows", "total_exec_time", "wal_bytes"])
def test_one_counter_that_fell_restarts_the_whole_key(counter: str) -> None:
    before = {"calls": 10, "rows": 10, "total_exec_time": 10.0, "wal_bytes": 10}
    after = {"calls": 12, "rows": 12, "total_exec_time": 12.0, "wal_bytes": 12, counter: 2}
    row = one(interval(statements([before]), statements([after]), CALM))
    assert row["quality"] == "reset"
    assert all(row[name] == after[name] for name in after)


def test_noise_in_the_sum_of_squares_is_no_reset() -> None:
    before = {"calls": 10, "total_exec_time": 10.0, "exec_time_squares": 10.000000000000002}
    after = {"calls": 11, "total_exec_time": 12.0, "exec_time_squares": 9.999999999999998}
    row = one(interval(statements([before]), statements([after]), CALM))
    assert (row["calls"], row["quality"]) == (1, "exact")
    # one call of 2 ms: its square is 4, whatever the noise says
    assert row["exec_time_squares"] == 4.0


def test_a_moved_start_is_a_reset_even_when_the_counters_grew() -> None:
    before = statements([{"calls": 10, "stats_since": datetime(2026, 2, 1)}])
    after = statements([{"calls": 15, "stats_since": datetime(2026, 3, 1, 12, 3)}])
    row = one(interval(before, after, CALM))
    assert (row["calls"], row["quality"]) == (15, "reset")


def test_an_older_start_than_known_is_not_counted() -> None:
    before = statements([{"calls": 10, "stats_since": datetime(2026, 2, 2)}])
    after = statements([{"calls": 15, "stats_since": datetime(2026, 2, 1)}])
    assert interval(before, after, CALM).is_empty()


def test_a_reset_of_everything_counts_what_came_after_it() -> None:
    emptied = Evidence(BEFORE, replace(AFTER, statements_stats_reset=T0 + timedelta(minutes=1)))
    before = statements([{"queryid": 1, "calls": 10}])
    after = statements([{"queryid": 1, "calls": 15}, {"queryid": 2, "calls": 1}])
    rows = interval(before, after, emptied)
    assert rows.select("queryid", "calls", "quality").rows() == [(1, 15, "reset"), (2, 1, "reset")]
    assert emptied.quality == "reset"


@pytest.mark.parametrize(
    "changes",
    [
        {"system_identifier": 8},
        {"statements_stats_reset": T0 - timedelta(days=1)},
        {"database_stats_reset": T0 - timedelta(days=1)},
        {"postmaster_start": T0 + timedelta(minutes=1), "timeline": 2},
        {"postmaster_start": T0 + timedelta(minutes=1), "in_recovery": True},
    ],
)
def test_another_servers_counters_are_never_counted(changes: dict[str, object]) -> None:
    evidence = Evidence(BEFORE, replace(AFTER, **changes))  # type: ignore[arg-type]
    before, after = statements([{"calls": 10}]), statements([{"calls": 99}, {"queryid": 2}])
    assert interval(before, after, evidence).is_empty()
    assert evidence.quality == "reset"
    assert "another server" in evidence.notes()[0]


def test_a_plain_restart_keeps_the_counters() -> None:
    evidence = Evidence(BEFORE, replace(AFTER, postmaster_start=T0 + timedelta(minutes=1)))
    row = one(interval(statements([{"calls": 10}]), statements([{"calls": 12}]), evidence))
    assert (row["calls"], row["quality"]) == (2, "exact")
    assert evidence.notes() == ["the server was restarted"]


@pytest.mark.parametrize(("version", "quality"), [(140023, "exact"), (150018, "reset")])
def test_before_15_a_new_database_tells_a_reset_that_was_none(version: int, quality: str) -> None:
    before = replace(BEFORE, server_version_num=version, database_stats_reset=None)
    for told in (T0 - timedelta(seconds=1), T0 + timedelta(seconds=1)):
        after = replace(AFTER, server_version_num=version, database_stats_reset=told)
        assert Evidence(before, after).quality == quality


def test_a_replica_and_its_promotion_are_told() -> None:
    replica = replace(BEFORE, in_recovery=True)
    assert "it is a replica" in Evidence(None, replica).notes()[1]
    assert len(Evidence(None, replace(BEFORE, in_recovery=False)).notes()) == 1
    promoted = Evidence(replica, replace(AFTER, in_recovery=False))
    assert promoted.notes() == ["it was promoted"]
    assert promoted.quality == "exact"


def test_a_missed_sweep_is_a_gap() -> None:
    late = Evidence(BEFORE, replace(AFTER, ts=T0 + timedelta(minutes=16)), expected_seconds=300)
    rows = interval(
        statements([{"calls": 10}]), statements([{"calls": 12}, {"queryid": 2, "calls": 1}]), late
    )
    assert rows["quality"].to_list() == ["gap", "gap"]
    assert Evidence(BEFORE, replace(AFTER, ts=T0 + timedelta(minutes=15))).quality == "exact"


def test_a_clock_that_went_back_leaves_a_gap() -> None:
    evidence = Evidence(BEFORE, replace(AFTER, ts=T0 - timedelta(hours=1)))
    row = one(interval(statements([{"calls": 10}]), statements([{"calls": 12}]), evidence))
    assert (row["calls"], row["quality"], evidence.quality) == (2, "gap", "gap")
    assert "went back by 3600" in evidence.notes()[0]


def test_what_only_became_visible_is_not_counted() -> None:
    wider = Evidence(replace(BEFORE, sees_all=False), AFTER)
    old, new = datetime(2026, 2, 1), datetime(2026, 3, 1, 12, 1)
    current = statements(
        [
            {"queryid": 1, "calls": 5, "stats_since": old},
            {"queryid": 2, "calls": 5, "stats_since": new},
            {"queryid": 3, "calls": 5},
        ]
    )
    assert interval(statements([]), current, wider)["queryid"].to_list() == [2]
    other_role = Evidence(
        replace(BEFORE, sees_all=False, role_name="a"),
        replace(AFTER, sees_all=False, role_name="b"),
    )
    assert interval(statements([]), current, other_role)["queryid"].to_list() == [2]
    assert interval(statements([]), current, CALM).height == 3


def table(**counters: int) -> pl.DataFrame:
    row = {"relid": 1, "schema_name": "s", "table_name": "t"}
    zero = dict.fromkeys([*TABLES.counters, *TABLES.gauges], 0)
    return pl.DataFrame([{**row, **zero, **counters}])


def test_the_same_engine_serves_tables_and_copies_their_levels() -> None:
    row = one(
        interval(table(seq_scan=5), table(seq_scan=7, n_dead_tup=3, relpages=9), CALM, TABLES)
    )
    assert (row["seq_scan"], row["n_dead_tup"], row["relpages"]) == (2, 3, 9)
    assert (row["table_name"], row["quality"]) == ("t", "exact")


def test_levels_alone_make_no_row() -> None:
    assert interval(table(n_dead_tup=1), table(n_dead_tup=9), CALM, TABLES).is_empty()


def test_a_database_reset_marks_but_invents_nothing() -> None:
    """The server moves one time stamp for one table's reset and for all: it proves no row."""
    some = Evidence(BEFORE, replace(AFTER, database_stats_reset=T0 + timedelta(minutes=1)))
    row = one(interval(table(seq_scan=5), table(seq_scan=7), some, TABLES))
    assert (row["seq_scan"], row["quality"]) == (2, "reset")
    row = one(interval(table(seq_scan=5), table(seq_scan=3), some, TABLES))
    assert (row["seq_scan"], row["quality"]) == (3, "reset")


def test_every_family_gives_its_ledger_columns() -> None:
    for family in FAMILIES:
        schema = {
            **family.keys,
            **dict.fromkeys(family.names, pl.String()),
            **family.counters,
            **dict.fromkeys(family.totals[len(family.counters) :], pl.Float64()),
            **family.gauges,
        }
        empty = pl.DataFrame(schema=schema)
        for previous in (None, empty):
            assert tuple(interval(previous, empty, CALM, family).columns) == family.columns
    assert "datid" not in DATABASE.columns
    assert "indexrelid" in INDEXES.columns


def test_bad_input_is_refused() -> None:
    good = statements([{"calls": 1}])
    with pytest.raises(InputError, match="column 'wal_fpi' is missing"):
        interval(None, good.drop("wal_fpi"), CALM)
    with pytest.raises(InputError, match="column 'calls' is missing"):
        interval(good.drop("calls"), good, CALM)
    with pytest.raises(InputError, match="occurs twice"):
        interval(None, pl.concat([good, good]), CALM)


def test_row_order_does_not_matter() -> None:
    before = statements([{"queryid": n, "calls": n} for n in range(1, 30)])
    after = statements([{"queryid": n, "calls": 2 * n} for n in range(1, 31)])
    forward = interval(before, after, CALM)
    assert forward.equals(interval(before.reverse(), after.reverse(), CALM))
    assert forward["queryid"].to_list() == list(range(1, 31))
