from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.imports.values import instants, typed

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 1, 12)


def utc(*texts: str | None, zone: ZoneInfo | None = None) -> list[datetime | None]:
    return instants(pl.Series("ts", list(texts), dtype=pl.String), "x.csv", zone).to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01 12:00:00+00",
        "2026-07-01T12:00:00Z",
        "2026-07-01 12:00+00:00",
        "2026-07-01 14:00:00.000000+02",
        "2026-07-01 17:30:00+0530",
        "2026-07-01 06:30:00-05:30",
        " 2026-07-01 12:00:00 UTC ",
    ],
)
def test_a_time_with_a_zone_is_that_instant(text: str) -> None:
    assert utc(text) == [NOON]


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_offset_is_undone(naive: datetime, minutes: int) -> None:
    aware = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert utc(aware.isoformat()) == [aware.astimezone(UTC).replace(tzinfo=None)]


def test_microseconds_stay() -> None:
    assert utc("2026-07-01 12:00:00.000001+00") == [NOON + timedelta(microseconds=1)]


def test_a_time_without_a_zone_needs_one() -> None:
    assert utc("2026-07-01 14:00:00", zone=BERLIN) == [NOON]
    assert utc("2026-07-01 14:00:00", "2026-07-01 12:00:00Z", None, zone=BERLIN) == [
        NOON,
        NOON,
        None,
    ]
    with pytest.raises(InputError, match="names no time zone") as raised:
        utc("2026-07-01 14:00:00")
    assert "--timezone" in raised.value.remedy


def test_an_hour_that_the_clocks_repeat_or_skip_is_nobodys_guess() -> None:
    repeated, skipped = "2026-10-25 02:30:00", "2026-03-29 02:30:00"
    assert utc(repeated, skipped, zone=BERLIN) == [None, None]
    assert utc("2026-10-25 03:30:00", zone=BERLIN) == [datetime(2026, 10, 25, 2, 30)]


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01 00:00:00Z", "1782907200", "01.07.2026"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"x.csv: column 'ts'.*is not a time"):
        utc(text)


def test_datetimes_of_a_parquet_file_are_taken_as_they_are() -> None:
    aware = pl.Series("ts", [NOON.replace(tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    assert instants(aware, "x", None).to_list() == [NOON]
    naive = pl.Series("ts", [NOON + timedelta(hours=2)], dtype=pl.Datetime("ms"))
    assert instants(naive, "x", BERLIN).to_list() == [NOON]
    with pytest.raises(InputError, match="names no time zone"):
        instants(naive, "x", None)


def raw(**more: object) -> pl.DataFrame:
    least: dict[str, object] = {
        "ts": "2026-07-01 12:00:00Z",
        "userid": "10",
        "dbid": "5",
        "queryid": "-77",
        "calls": "4",
        "total_exec_time": "20.5",
    }
    return pl.DataFrame([{**least, **more}])


def test_texts_become_numbers() -> None:
    frame, left_out = typed(raw(toplevel="f", wal_bytes="12", stats_since=None), "x", None)
    assert frame.to_dicts()[0] == {
        "ts": NOON,
        "userid": 10,
        "dbid": 5,
        "queryid": -77,
        "calls": 4,
        "total_exec_time": 20.5,
        "toplevel": False,
        "wal_bytes": 12,
        "stats_since": None,
    }
    assert left_out == 0


def test_counts_with_decimals_are_counts_but_ids_have_lost_digits() -> None:
    frame, _ = typed(raw(calls="4.0", rows="8e3"), "x", None)
    assert frame.select("calls", "rows").row(0) == (4, 8000)
    frame, _ = typed(raw().with_columns(calls=pl.lit(4.0)), "x", None)
    assert frame["calls"].to_list() == [4]
    with pytest.raises(InputError, match=r"queryid.*last digits are lost"):
        typed(raw(queryid="1.0e18"), "x", None)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"calls": "many"}, "column 'calls': 'many' is not a whole number"),
        ({"calls": "4.5"}, "column 'calls': '4.5' is not a whole number"),
        ({"total_exec_time": "1,5"}, "column 'total_exec_time': '1,5' is not a number"),
        ({"toplevel": "maybe"}, "column 'toplevel': 'maybe' is not true or false"),
        ({"userid": None}, "column 'userid' is empty"),
        ({"total_exec_time": None}, "column 'total_exec_time' is empty"),
    ],
)
def test_a_wrong_value_is_named_with_file_and_column(more: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=f"some.csv: {told}"):
        typed(raw(**more), "some.csv", None)


def test_statements_hidden_from_the_role_are_left_out_and_counted() -> None:
    hidden = pl.concat([raw(), raw(queryid=None)], how="vertical_relaxed")
    frame, left_out = typed(hidden, "x", None)
    assert (frame.height, left_out) == (1, 1)
