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
    database_oid=5,
    cumulative_stats_reset=RESET,
    statements_stats_reset=RESET,
    statements_dealloc=0,
)
AFTER = replace(BEFORE, ts=T1)
CALM = Evidence(BEFORE, AFTER)
RESTARTED = Evidence(BEFORE, replace(AFTER, postmaster_start=T0 + timedelta(minutes=1)))
EVICTED = Evidence(BEFORE, replace(AFTER, statements_dealloc=2))


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


def test_an_older_start_than_known_is_another_servers_unless_one_process_answered_twice() -> None:
    before = statements([{"calls": 10, "stats_since": datetime(2026, 2, 2)}])
    after = statements([{"calls": 15, "stats_since": datetime(2026, 2, 1)}])
    assert interval(before, after, RESTARTED).is_empty()
    # its clock went back, and the entry is a new one
    row = one(interval(before, after, CALM))
    assert (row["calls"], row["quality"]) == (15, "reset")


def test_a_start_that_is_told_for_the_first_time_proves_nothing_yet() -> None:
    """ALTER EXTENSION pg_stat_statements UPDATE on 17: whether the entry is the same is unknown."""
    since = {"stats_since": datetime(2026, 2, 1)}
    before, after = statements([{"calls": 10}]), statements([{"calls": 15, **since}])
    row = one(interval(before, after, CALM))
    assert (row["calls"], row["quality"]) == (5, "lower_bound")
    row = one(interval(after, statements([{"calls": 17, **since}]), CALM))
    assert (row["calls"], row["quality"]) == (2, "exact")


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
        {"database_oid": 6},
        {"cumulative_stats_reset": T0 - timedelta(days=1)},
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
    since = {"stats_since": datetime(2026, 2, 1)}
    before = statements([{"calls": 10, **since}])
    row = one(interval(before, statements([{"calls": 12, **since}]), RESTARTED))
    assert (row["calls"], row["quality"]) == (2, "exact")
    assert RESTARTED.notes() == ["the server was restarted"]
    # before 17 it may have dropped entries as it loaded them, and says nothing of it
    row = one(interval(statements([{"calls": 10}]), statements([{"calls": 12}]), RESTARTED))
    assert (row["calls"], row["quality"]) == (2, "lower_bound")


def test_evictions_mark_what_they_may_have_touched() -> None:
    since, moved = datetime(2026, 2, 1), datetime(2026, 3, 1, 12, 1)
    before = [
        {"queryid": 1, "calls": 10, "stats_since": since},
        {"queryid": 2, "calls": 10, "stats_since": since},
        {"queryid": 3, "calls": 10},
        {"queryid": 4, "calls": 10},
    ]
    after = [
        {"queryid": 1, "calls": 12, "stats_since": since},
        {"queryid": 2, "calls": 12, "stats_since": moved},
        {"queryid": 3, "calls": 9},
        {"queryid": 4, "calls": 12},
        {"queryid": 5, "calls": 1, "stats_since": moved},
    ]
    rows = interval(statements(before), statements(after), EVICTED)
    assert rows.select("queryid", "calls", "quality").rows() == [
        (1, 2, "exact"),
        (2, 12, "evicted_reinserted"),
        (3, 9, "evicted_reinserted"),
        (4, 2, "lower_bound"),
        (5, 1, "lower_bound"),
    ]
    assert (EVICTED.evictions, EVICTED.quality) == (2, "lower_bound")
    assert "made room 2 times" in EVICTED.notes()[0]
    unknown = Evidence(BEFORE, replace(AFTER, statements_dealloc=None))
    rows = interval(statements(before), statements(after), unknown)
    assert (unknown.evictions, unknown.quality) == (None, "exact")
    assert rows["quality"].to_list() == ["exact", "reset", "reset", "lower_bound", "lower_bound"]


def test_evictions_are_counted_around_both_readings() -> None:
    """What went between a reading of the statements and that of the counter is in doubt twice."""
    before = replace(BEFORE, statements_dealloc=3, statements_dealloc_after=4)
    after = replace(AFTER, statements_dealloc=4, statements_dealloc_after=6)
    assert Evidence(before, after).evictions == 3
    emptied = replace(after, statements_stats_reset_after=T1, statements_dealloc_after=0)
    assert Evidence(before, emptied).evictions == 1
    reset = replace(AFTER, statements_stats_reset=T0 + timedelta(minutes=1), statements_dealloc=2)
    assert Evidence(before, reset).evictions == 2


def test_a_reset_just_as_the_statements_are_read_counts_nothing_twice() -> None:
    """It was before or after the reading; only the counters can tell, and not all do."""
    emptied = replace(AFTER, statements_stats_reset_after=T1)
    now = Evidence(BEFORE, emptied)
    before = statements([{"queryid": 1, "calls": 10}, {"queryid": 2, "calls": 10}])
    after = statements([{"queryid": 1, "calls": 15}, {"queryid": 2, "calls": 1}])
    rows = interval(before, after, now)
    assert rows.select("calls", "quality").rows() == [(5, "lower_bound"), (1, "reset")]
    assert now.quality == "reset"
    assert "just as they were read" in now.notes()[0]
    # the next sweep sees that same time before and after its reading: no second reset
    later = replace(AFTER, ts=T1 + timedelta(minutes=5), statements_stats_reset=T1)
    then = Evidence(emptied, later)
    assert not then.statements_emptied
    assert (then.other_server, then.quality) == (None, "lower_bound")
    row = one(interval(statements([{"calls": 3}]), statements([{"calls": 5}]), then))
    assert (row["calls"], row["quality"]) == (2, "lower_bound")


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
    known = statements([{"queryid": 1, "calls": 2, "stats_since": old}])
    assert interval(known, current, wider).select("queryid", "calls").rows() == [(1, 3)]
    other_role = Evidence(
        replace(BEFORE, sees_all=False, role_name="a"),
        replace(AFTER, sees_all=False, role_name="b"),
    )
    assert interval(statements([]), current, other_role).is_empty()
    assert interval(statements([]), current, CALM).height == 3


def test_of_partial_snapshots_only_a_proved_beginning_counts() -> None:
    current = statements(
        [
            {"queryid": 1, "calls": 5, "stats_since": datetime(2026, 2, 1)},
            {"queryid": 2, "calls": 5, "stats_since": datetime(2026, 3, 1, 12, 1)},
            {"queryid": 3, "calls": 5},
        ]
    )
    partial = Evidence(BEFORE, AFTER, partial=True)
    assert interval(statements([]), current, partial)["queryid"].to_list() == [2]
    untold = current.with_columns(stats_since=pl.lit(None, dtype=pl.Datetime("us")))
    assert interval(statements([]), untold, partial).is_empty()


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


@pytest.mark.parametrize("field", ["database_stats_reset", "cumulative_stats_reset"])
def test_a_reset_or_a_crash_marks_but_invents_nothing(field: str) -> None:
    """One time stamp moves for one table's reset and for all: it proves no row."""
    when = T0 + timedelta(minutes=1)
    some = Evidence(BEFORE, replace(AFTER, **{field: when}))  # type: ignore[arg-type]
    row = one(interval(table(seq_scan=5), table(seq_scan=7), some, TABLES))
    assert (row["seq_scan"], row["quality"]) == (2, "lower_bound")
    row = one(interval(table(seq_scan=5), table(seq_scan=3), some, TABLES))
    assert (row["seq_scan"], row["quality"]) == (3, "reset")
    row = one(interval(table(), table(relid=2, seq_scan=3), some, TABLES))
    assert (row["seq_scan"], row["quality"]) == (3, "lower_bound")
    assert some.quality == "reset"
    assert str(when) in some.notes()[0]
    # statements are another matter
    row = one(interval(statements([{"calls": 5}]), statements([{"calls": 7}]), some))
    assert (row["calls"], row["quality"]) == (2, "exact")


def test_counters_that_nobody_tells_stay_null() -> None:
    wal = {"wal_bytes": None, "wal_fpi": 3}
    before = statements([{"calls": 10, **wal}])
    row = one(interval(before, statements([{"calls": 12, **wal}]), CALM))
    assert (row["calls"], row["wal_bytes"], row["wal_fpi"], row["quality"]) == (2, None, 0, "exact")
    # told for the first time: all of it happened at some time, nobody knows how much of it now
    row = one(interval(before, statements([{"calls": 12, "wal_bytes": 9}]), CALM))
    assert (row["calls"], row["wal_bytes"]) == (12, 9)  # wal_fpi fell: all of it is of now
    row = one(interval(before, statements([{"calls": 12, **wal, "wal_bytes": 9}]), CALM))
    assert (row["calls"], row["wal_bytes"], row["quality"]) == (2, None, "exact")
    untold = {name: None for name in STATEMENTS.counters if name not in {"calls", "plans"}}
    assert interval(statements([untold]), statements([untold]), CALM).is_empty()
    row = one(interval(statements([]), statements([{"calls": 1, **wal}]), CALM))
    assert (row["wal_bytes"], row["quality"]) == (None, "first_seen")


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
