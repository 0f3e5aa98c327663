from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.imports.columns import counters
from perf_pipeline.imports.intervals import (
    Snapshot,
    fold,
    merged,
    needed,
    returning_reset,
    spacing,
)
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=10)


def at(number: float) -> datetime:
    return START + number * STEP


def frame(entries: dict[int, tuple[int, float]], **more: object) -> pl.DataFrame:
    """Return a snapshot of calls and time by queryid."""
    kinds = {"userid": pl.Int64, "dbid": pl.Int64, "queryid": pl.Int64, "calls": pl.Int64}
    rows = [
        {"userid": 10, "dbid": 5, "queryid": q, "calls": n, "total_exec_time": ms, **more}
        for q, (n, ms) in entries.items()
    ]
    return counters(pl.DataFrame(rows, schema_overrides={**kinds, "total_exec_time": pl.Float64}))


def snapshot(number: float, entries: dict[int, tuple[int, float]], **more: object) -> Snapshot:
    kept = {name: more.pop(name) for name in [*STATEMENTS.extremes, "stats_since"] if name in more}
    made = frame(entries, **kept) if entries else frame({0: (0, 0.0)}).clear()
    return Snapshot(replace(Observation(at(number), 150_000), **more), made)


def calls(snapshots: Sequence[Snapshot], *, complete: bool) -> list[dict[int, tuple[int, str]]]:
    return [
        {row["queryid"]: (row["calls"], row["quality"]) for row in interval.rows.to_dicts()}
        for interval in fold(snapshots, STEP.total_seconds(), complete=complete)
    ]


@pytest.mark.parametrize("complete", [True, False])
def test_differences_follow_the_baseline(complete: bool) -> None:
    found = list(
        fold(
            [snapshot(0, {1: (10, 5.0)}), snapshot(1, {1: (14, 9.0)}), snapshot(2, {1: (14, 9.0)})],
            STEP.total_seconds(),
            complete=complete,
        )
    )
    assert [i.previous_ts for i in found] == [None, at(0), at(1)]
    assert found[0].quality == "first_seen"
    assert [i.rows.height for i in found] == [0, 1, 0]
    row = found[1].rows.to_dicts()[0]
    assert (row["calls"], row["total_exec_time"], row["wal_bytes"]) == (4, 4.0, None)
    assert tuple(found[1].rows.columns) == STATEMENTS.columns
    assert "baseline" in found[0].notes[0]


def test_what_appears_is_counted_only_where_it_must_be_new() -> None:
    """A file may hold the 100 busiest: what climbs among them has run before, uncounted."""
    climbing = [snapshot(0, {1: (10, 5.0)}), snapshot(1, {1: (11, 6.0), 2: (9_000, 70.0)})]
    assert set(calls(climbing, complete=False)[1]) == {1}
    assert calls(climbing, complete=True)[1][2][0] == 9_000
    since = at(0.5).replace(tzinfo=None)
    proved = [climbing[0], snapshot(1, {2: (9, 7.0)}, stats_since=since)]
    assert calls(proved, complete=False)[1][2][0] == 9


@given(
    st.lists(st.dictionaries(st.integers(1, 6), st.integers(1, 50), max_size=6), max_size=12),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_a_cut_snapshot_never_invents_a_call(
    work: list[dict[int, int]], shown: int, random: object
) -> None:
    """Each snapshot shows some of the entries; what is counted is at most what ran."""
    total: dict[int, int] = {}
    snapshots = []
    for number, did in enumerate([{}, *work]):
        for queryid, n in did.items():
            total[queryid] = total.get(queryid, 0) + n
        visible = random.sample(sorted(total), min(shown, len(total)))  # type: ignore[attr-defined]
        snapshots.append(
            snapshot(
                number, {queryid: (total[queryid], float(total[queryid])) for queryid in visible}
            )
        )
    for did, counted in zip(work, calls(snapshots, complete=False)[1:], strict=True):
        assert all(0 < n <= did.get(queryid, 0) for queryid, (n, _) in counted.items())


def test_counters_that_fall_began_again() -> None:
    found = calls([snapshot(0, {1: (10, 5.0)}), snapshot(1, {1: (3, 1.0)})], complete=True)
    assert found[1] == {1: (3, "reset")}


def test_a_reset_that_is_told_is_a_reset_although_the_counters_rose() -> None:
    before = snapshot(0, {1: (10, 5.0)}, statements_stats_reset=at(-9))
    after = snapshot(1, {1: (30, 9.0)}, statements_stats_reset=at(0.5))
    found = list(fold([before, after], STEP.total_seconds(), complete=True))
    assert found[1].rows["calls"].to_list() == [30]
    assert found[1].quality == "reset"
    assert any("were reset" in note for note in found[1].notes)


@pytest.mark.parametrize(
    ("number", "extremes", "quality"),
    [
        (1, {"min_exec_time": 0.1, "max_exec_time": 3.0}, "exact"),
        (9, {"min_exec_time": 0.1, "max_exec_time": 3.0}, "gap"),
        # nobody knows what was thrown out, and nothing proves that it was not this
        (1, {}, "lower_bound"),
    ],
)
def test_a_difference_is_exact_where_the_entry_proves_it(
    number: int, extremes: dict[str, float], quality: str
) -> None:
    made = [snapshot(0, {1: (10, 5.0)}, **extremes), snapshot(number, {1: (30, 9.0)}, **extremes)]
    assert calls(made, complete=True)[1][1] == (20, quality)


def test_after_a_hole_there_is_a_new_baseline() -> None:
    hole = replace(snapshot(2, {1: (30, 9.0)}), follows=False)
    found = list(fold([snapshot(0, {1: (10, 5.0)}), hole], STEP.total_seconds(), complete=True))
    assert found[1].previous_ts is None
    assert found[1].rows.is_empty()


# --- entries that look alike ----------------------------------------------------------------------


def twins(*calls: int) -> pl.DataFrame:
    return pl.concat([frame({1: (n, float(n))}) for n in calls])


def test_nested_and_top_level_calls_are_added_up_where_nobody_tells_them_apart() -> None:
    found, dropped = merged(twins(3, 4), "x", has_toplevel=False)
    assert found.select("calls", "total_exec_time", "parts").rows() == [(7, 7.0, 2)]
    assert found["wal_bytes"].to_list() == [None]
    assert dropped == 0


def test_a_row_that_is_there_twice_is_counted_once() -> None:
    found, dropped = merged(twins(3, 3), "x", has_toplevel=True)
    assert (found.height, dropped) == (1, 1)


@pytest.mark.parametrize(("entries", "has_toplevel"), [((3, 4), True), ((3, 4, 5), False)])
def test_more_entries_than_one_server_has_are_two_servers(
    entries: tuple[int, ...], has_toplevel: bool
) -> None:
    with pytest.raises(InputError, match=r"snapshot 1: statement 1 .* with different counters"):
        merged(twins(*entries), "snapshot 1", has_toplevel=has_toplevel)


def test_sums_of_different_entries_do_not_compare() -> None:
    def seen(number: int, *entries: int) -> Snapshot:
        rows, _ = merged(twins(*entries), "x", has_toplevel=False)
        return Snapshot(Observation(at(number), 150_000), rows)

    snapshots = [seen(0, 5), seen(1, 6, 100), seen(2, 8, 103), seen(3, 9)]
    found = list(fold(snapshots, STEP.total_seconds(), complete=True))
    assert [i.rows["calls"].to_list() for i in found] == [[], [], [5], []]
    assert "1 statements left out" in found[1].notes[-1]


# --- the whole of a history -----------------------------------------------------------------------


def test_times_of_rows_are_no_snapshots() -> None:
    rows = [START + timedelta(microseconds=number) for number in range(9)]
    with pytest.raises(InputError, match=r"x.csv: its 9 times are 0.001 ms apart"):
        spacing(rows, "x.csv")
    assert spacing([at(0), at(1), at(2), at(9)], "x") == 600.0
    assert spacing([at(0)], "x") == 300.0


def test_a_wanted_day_needs_the_snapshot_before_it() -> None:
    instants = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=9 * n) for n in range(10)]
    wanted = {date(2026, 3, 2), date(2026, 3, 4)}
    found = needed(instants, wanted.__contains__)
    assert [index for index, _ in found] == [2, 3, 4, 5, 7, 8, 9]
    assert [index for index, follows in found if not follows] == [2, 7]


def test_a_reset_that_comes_back_shows_two_servers() -> None:
    one, other = at(-50), at(-40)
    assert returning_reset([(at(0), one), (at(1), None), (at(2), one), (at(3), other)]) is None
    assert returning_reset([(at(0), one), (at(1), other), (at(2), one)]) == at(2)
