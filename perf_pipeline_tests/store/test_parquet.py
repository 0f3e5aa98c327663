"""Rows to a file and back: not a bit is lost, and a changed bit is seen."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.store import parquet

SCHEMA = {
    "target_id": pl.Int32(),
    "ts": pl.Datetime("us"),
    "queryid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "quality": pl.String(),
    "calls": pl.Int64(),
    "time": pl.Float64(),
}
MOMENTS = st.datetimes(datetime(2026, 11, 21), datetime(2026, 11, 21, 23, 59))
INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(
        st.just(1),
        MOMENTS,
        INT64,
        st.none() | st.booleans(),
        st.none() | st.text(max_size=5),
        st.none() | INT64,
        st.none() | st.floats(allow_nan=False),
    ),
    min_size=1,
    max_size=20,
)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@settings(deadline=None, max_examples=60)
@given(ROWS, st.randoms())
def test_nothing_is_lost_and_order_does_not_matter(rows, random) -> None:
    before = frame(rows)
    after = parquet.decode(parquet.encode(before))
    assert after.schema == before.schema
    assert after.equals(parquet.ordered(before))
    random.shuffle(rows)
    assert parquet.checksum(frame(rows)) == parquet.checksum(before) == parquet.checksum(after)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.data())
def test_any_other_value_has_another_checksum(rows, data) -> None:
    before = frame(rows)
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(1, len(SCHEMA) - 1))
    replacement = data.draw(ROWS)[0][column]
    changed = [list(r) for r in rows]
    same = changed[row][column] == replacement and str(changed[row][column]) == str(replacement)
    changed[row][column] = replacement
    assert (parquet.checksum(frame(changed)) == parquet.checksum(before)) is same


def test_null_zero_and_nothing_differ() -> None:
    sums = {
        parquet.checksum(pl.DataFrame({"x": pl.Series([value], dtype=dtype)}))
        for value, dtype in [(None, pl.String), ("", pl.String), (None, pl.Int64), (0, pl.Int64)]
    }
    assert len(sums) == 4
    assert parquet.checksum(pl.DataFrame({"x": ["a", "b"]})) != parquet.checksum(
        pl.DataFrame({"x": ["ab", ""]})
    )


def test_a_file_tells_other_programs_that_its_times_are_utc() -> None:
    moment = datetime(2026, 11, 21, 12)
    data = parquet.encode(pl.DataFrame({"ts": [moment]}))
    assert pl.read_parquet(data)["ts"][0] == moment.replace(tzinfo=UTC)


def test_only_what_is_asked_for_is_returned_with_todays_columns() -> None:
    start = datetime(2026, 11, 21)
    written = pl.DataFrame(
        {
            "ts": [start + timedelta(hours=h) for h in range(24)] * 2,
            "queryid": [1] * 24 + [2] * 24,
            "calls": pl.Series(range(48), dtype=pl.Int32),
            "gone": ["x"] * 48,
        }
    )
    data = parquet.encode(written)
    today = {"calls": pl.Int64(), "ts": pl.Datetime("us"), "new": pl.Float64()}
    found = parquet.scan(
        data, today, (start + timedelta(hours=5), start + timedelta(hours=7)), {"queryid": [2, 9]}
    ).collect()
    assert found.schema == today
    assert found.sort("ts").to_dicts() == [
        {"calls": 29, "ts": start + timedelta(hours=5), "new": None},
        {"calls": 30, "ts": start + timedelta(hours=6), "new": None},
    ]
    assert parquet.scan(data, today, only={"new": [1.0]}).collect().is_empty()


@pytest.mark.parametrize("subject", ["queryid", "relid"])
def test_rows_about_one_thing_lie_together(subject: str) -> None:
    moments = [datetime(2026, 11, 21, hour) for hour in (3, 1, 2)]
    written = pl.DataFrame({"ts": moments * 2, subject: [2, 2, 2, 1, 1, 1]})
    assert parquet.ordered(written)[subject].to_list() == [1, 1, 1, 2, 2, 2]
    assert parquet.ordered(written)["ts"].to_list() == sorted(moments) * 2
