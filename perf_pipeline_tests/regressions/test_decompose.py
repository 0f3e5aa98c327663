"""Splitting a change of time, and saying in one sentence what it is made of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.regressions.decompose import Work, decompose
from perf_pipeline.regressions.summary import sentence

WORK = Work(3600.0, 1000, 2000.0, 500.0, 0.0, 0.0, 5000, 10, 900, 0)


def test_a_rise_is_split_into_calls_and_time_per_call_that_add_up():
    after = replace(WORK, calls=1500, exec_ms=9000.0, io_ms=3000.0, temp_blocks=3000)
    split = decompose(WORK, after)
    total = split["total_ms_per_day"]
    change = split["change_ms_per_day"]
    assert total["before"] == pytest.approx(2000 * 24)
    assert change["from_calls"] + change["from_time_per_call"] == pytest.approx(
        total["after"] - total["before"]
    )
    assert split["per_call"]["exec_ms"] == {"before": 2.0, "after": 6.0}
    assert split["per_call"]["io_ms"] == {"before": 0.5, "after": 2.0}
    assert split["per_call"]["rest_ms"] == {"before": 1.5, "after": 4.0}
    assert split["per_call"]["temp_blocks"] == {"before": 0.0, "after": 2.0}


def test_io_that_was_not_timed_is_not_called_zero():
    split = decompose(replace(WORK, io_ms=0.0), replace(WORK, io_ms=0.0))
    assert split["per_call"]["io_ms"] is None
    assert split["per_call"]["rest_ms"] is None


def test_what_is_not_told_is_not_called_zero():
    unknown = replace(WORK, jit_ms=None, plan_ms=None, rows=None, blocks=None)
    split = decompose(WORK, unknown)
    told = {name for name, pair in split["per_call"].items() if pair is not None}
    assert told == {"exec_ms", "io_ms", "rest_ms", "blocks_read", "temp_blocks"}
    assert split["per_call"]["rest_ms"] == {"before": 1.5, "after": 1.5}
    split = decompose(WORK, replace(WORK, io_ms=None))
    assert split["per_call"]["io_ms"] is None
    assert split["per_call"]["rest_ms"] is None


@pytest.mark.parametrize("missing", [{"calls": 0}, {"seconds": 0.0}])
def test_a_side_without_calls_or_time_cannot_be_split(missing):
    assert decompose(replace(WORK, **missing), WORK) is None
    assert decompose(WORK, replace(WORK, **missing)) is None


def test_planning_that_nobody_counted_is_not_called_zero():
    assert decompose(WORK, WORK)["per_call"]["plan_ms"] is None
    planned = replace(WORK, plans=1000, plan_ms=300.0)
    split = decompose(replace(WORK, plans=0), planned)
    assert split["per_call"]["plan_ms"] == {"before": 0.0, "after": 0.3}
    assert split["per_call"]["plans"] == {"before": 0.0, "after": 1.0}


def test_the_parts_of_time_per_call_add_up_and_the_largest_is_first():
    before = replace(WORK, io_ms=400.0, read_ms=300.0, write_ms=100.0)
    after = replace(before, exec_ms=7000.0, io_ms=4400.0, read_ms=4300.0, jit_ms=500.0)
    parts = decompose(before, after)["parts"]
    assert [part["part"] for part in parts] == ["read", "jit", "rest"]
    assert [part["share"] for part in parts] == [0.8, 0.1, 0.1]
    assert sum(part["ms_per_call"] for part in parts) == pytest.approx(5.0)


def test_time_nobody_split_is_one_part():
    untimed = replace(WORK, io_ms=0.0)
    parts = decompose(untimed, replace(untimed, exec_ms=4000.0))["parts"]
    assert parts == [{"part": "untold", "ms_per_call": 2.0, "share": 1.0}]
    assert decompose(WORK, WORK)["parts"] == []


AMOUNT = st.one_of(st.none(), st.integers(0, 10**6))


@st.composite
def works(draw):
    calls = draw(st.integers(1, 10**6))
    parts = [draw(st.floats(0, 1e7)) for _ in range(3)]
    timed = draw(st.booleans())
    return Work(
        draw(st.floats(1, 1e6)),
        calls,
        sum(parts),
        parts[0] if timed else draw(st.sampled_from([0.0, None])),
        parts[1] if draw(st.booleans()) else None,
        draw(st.one_of(st.none(), st.floats(0, 1e6))),
        *(draw(AMOUNT) for _ in range(4)),
        wal_bytes=draw(AMOUNT),
        plans=draw(AMOUNT),
    )


@given(works(), works(), st.sampled_from(["up", "down"]))
def test_whatever_is_known_the_parts_add_up_and_a_sentence_is_said(before, after, direction):
    split = decompose(before, after)
    change = split["change_ms_per_day"]
    total = split["total_ms_per_day"]["after"] - split["total_ms_per_day"]["before"]
    # six digits are kept of each: of two that nearly cancel, fewer are left
    size = max(*split["total_ms_per_day"].values(), *(abs(part) for part in change.values()))
    assert change["from_calls"] + change["from_time_per_call"] == pytest.approx(
        total, abs=1e-4 * size + 1e-9
    )
    if split["parts"]:
        mean = split["per_call"]["exec_ms"]
        largest = max(*mean.values(), *(abs(p["ms_per_call"]) for p in split["parts"]))
        assert sum(p["ms_per_call"] for p in split["parts"]) == pytest.approx(
            mean["after"] - mean["before"], abs=1e-4 * largest + 1e-9
        )
    assert "None" not in sentence(split, direction)


# --- the sentence --------------------------------------------------------------------------------


def test_the_sentence_says_time_per_call_reading_and_blocks():
    before = replace(WORK, exec_ms=410.0, io_ms=40.0, read_ms=40.0, write_ms=0.0, blocks_read=3100)
    after = replace(before, exec_ms=8200.0, io_ms=7206.0, read_ms=7206.0, blocks_read=812_000)
    after = replace(after, calls=1010)
    assert sentence(decompose(before, after), "up") == (
        "all of the rise is time per call (0.41 -> 8.12 ms)"
        "; of that 92 % is reading blocks: 3.1 -> 804 blocks read a call"
    ).replace("all of", "99 % of")


def test_more_calls_are_said_to_be_more_calls():
    after = replace(WORK, calls=3000, exec_ms=9000.0)
    assert sentence(decompose(WORK, after), "up").startswith(
        "29 % of the rise is time per call (2 -> 3 ms), the rest is more calls"
        " (24,000 -> 72,000 a day)"
    )


def test_a_rise_per_call_that_fewer_calls_outweigh_is_said_so():
    after = replace(WORK, calls=100, exec_ms=600.0)
    assert sentence(decompose(WORK, after), "up").startswith(
        "time per call rose (2 -> 6 ms), but fewer calls (24,000 -> 2,400 a day) made the total"
        " fall"
    )
    fewer = replace(WORK, calls=900, exec_ms=9000.0)
    assert sentence(decompose(WORK, fewer), "up").startswith(
        "all of the rise is time per call (2 -> 10 ms), with fewer calls (24,000 -> 21,600 a day)"
    )


def test_a_fall_is_called_a_fall():
    after = replace(WORK, exec_ms=500.0, io_ms=0.0, blocks_read=0)
    said = sentence(decompose(WORK, after), "down")
    assert said.startswith("100 % of the fall is time per call (2 -> 0.5 ms)")


def test_spilling_planning_wal_and_waits_are_told_besides():
    before = replace(WORK, wal_bytes=100_000, plans=1000, plan_ms=100.0)
    after = replace(before, exec_ms=4000.0, temp_blocks=90_000, wal_bytes=2_000_000, plan_ms=2100.0)
    waits = {
        "by_type": [
            {"type": "Lock", "before": 0.02, "after": 0.8},
            {"type": "running", "before": 0.9, "after": 0.1},
        ]
    }
    said = sentence(decompose(before, after), "up", waits)
    assert "0 -> 90 temporary blocks a call" in said
    assert "100 -> 2,000 bytes of WAL a call" in said
    assert "planning takes 0.1 -> 2.1 ms a call besides" in said
    assert said.endswith("80 % of its samples wait for Lock (2 % before)")


def test_a_wait_of_a_statement_never_seen_before_is_told():
    waits = {"by_type": [{"type": "Lock", "before": None, "after": 0.8}]}
    said = sentence(decompose(WORK, replace(WORK, exec_ms=4000.0)), "up", waits)
    assert said.endswith(
        "80 % of its samples wait for Lock (before it was hardly ever seen at work)"
    )


def test_without_a_split_nothing_is_said():
    assert sentence(None, "up") is None


def test_untimed_io_is_said_to_be_untimed():
    untimed = replace(WORK, io_ms=0.0)
    said = sentence(decompose(untimed, replace(untimed, exec_ms=4000.0, blocks=90_000)), "up")
    assert said.endswith("its I/O is not timed: 0.9 -> 90 blocks a call")
