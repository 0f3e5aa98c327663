import polars as pl
import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.imports.columns import REQUIRED, counters, recognise
from perf_pipeline.snapshots.families import STATEMENTS

#: Columns of the view in some versions, beside what all have.
LEAST = ["userid", "dbid", "queryid", "calls", "total_exec_time", "rows", "stddev_exec_time"]
VIEWS = {
    13: [*LEAST, "blk_read_time", "blk_write_time"],
    14: ["toplevel", *LEAST, "blk_read_time", "blk_write_time"],
    15: ["toplevel", *LEAST, "blk_read_time", "jit_functions", "jit_generation_time"],
    17: ["toplevel", *LEAST, "shared_blk_read_time", "local_blk_read_time", "stats_since"],
}


@pytest.mark.parametrize("major", VIEWS)
def test_the_view_of_each_version_is_recognised(major: int) -> None:
    found = recognise(["now", *VIEWS[major]], "x.csv")
    assert found.oldest_major == major
    assert found.held["ts"] == "now"
    assert set(VIEWS[major]) <= set(found.held)


def test_names_are_recognised_in_any_case_and_others_are_left_alone() -> None:
    names = ["Snapshot_Time", "USERID", "DatId", "QueryId", "Calls", "Total_Exec_Time", "note"]
    found = recognise(names, "x.csv")
    assert dict(found.held) == dict(
        zip(("ts", "userid", "dbid", "queryid", "calls", "total_exec_time"), names, strict=False)
    )
    assert "exec_time_squares" in found.missing
    assert "rows" in found.missing


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_column_is_named_with_its_file_and_a_remedy(name: str) -> None:
    names = [other for other in REQUIRED if other != name]
    with pytest.raises(InputError, match=f"x.csv: column '{name}' is missing; it has") as raised:
        recognise(names, "x.csv")
    assert raised.value.remedy


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(InputError, match="columns 'calls' and 'CALLS' are the same"):
        recognise([*REQUIRED, "CALLS"], "x.csv")


def test_an_older_alias_does_not_hide_the_better_one() -> None:
    assert recognise([*REQUIRED, "time", "snapshot_time"], "x").held["ts"] == "ts"


def raw(**more: object) -> pl.DataFrame:
    least = {"userid": 10, "dbid": 5, "queryid": 1, "calls": 4, "total_exec_time": 20.0}
    return pl.DataFrame([{**least, **more}])


def one(frame: pl.DataFrame) -> dict[str, object]:
    assert frame.height == 1
    return frame.to_dicts()[0]


def test_what_is_not_there_is_null_and_toplevel_true() -> None:
    row = one(counters(raw()))
    assert (row["calls"], row["total_exec_time"], row["toplevel"]) == (4, 20.0, True)
    unknown = {"calls", "total_exec_time", "toplevel", "userid", "dbid", "queryid"}
    assert {name for name, value in row.items() if value is None} == set(row) - unknown
    frame = counters(raw())
    assert set(STATEMENTS.keys) | set(STATEMENTS.totals) <= set(frame.columns)


def test_what_newer_servers_keep_in_parts_is_added_up() -> None:
    parts = {"shared_blk_read_time": 2.0, "local_blk_read_time": 0.5}
    jit = {
        "jit_generation_time": 1.0,
        "jit_inlining_time": 2.0,
        "jit_optimization_time": 3.0,
        "jit_emission_time": 4.0,
    }
    row = one(counters(raw(**parts, **jit)))
    assert (row["blk_read_time"], row["blk_write_time"], row["jit_time"]) == (2.5, None, 10.0)
    assert one(counters(raw(shared_blk_read_time=2.0)))["blk_read_time"] == 2.0
    assert one(counters(raw(blk_read_time=3.0)))["blk_read_time"] == 3.0


def test_squares_come_from_the_spread_or_are_taken_as_they_are() -> None:
    assert one(counters(raw(stddev_exec_time=3.0)))["exec_time_squares"] == 4 * 9.0 + 400.0 / 4
    assert one(counters(raw(sum_exec_time_sq=7.0)))["exec_time_squares"] == 7.0
    assert one(counters(raw(stddev_exec_time=None)))["exec_time_squares"] is None
    idle = raw(stddev_exec_time=0.0).with_columns(calls=pl.lit(0), total_exec_time=pl.lit(0.0))
    assert one(counters(idle))["exec_time_squares"] == 0.0


def test_zeros_of_a_server_that_cannot_know_are_not_believed() -> None:
    zero = raw(jit_functions=0, jit_time=0.0)
    assert one(counters(zero))["jit_functions"] == 0
    row = one(counters(zero, absent={"jit_functions", "jit_time"}))
    assert (row["jit_functions"], row["jit_time"]) == (None, None)
