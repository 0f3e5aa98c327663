"""The evidence of a finding, shown by name where it is known and in its own words where not."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports import breakdown as module
from perf_pipeline.reports.breakdown import breakdown
from perf_pipeline_tests.reports.samples import ACKNOWLEDGED, EVIDENCE

DAY = date(2026, 11, 21)
REST = "computing, and waits that nobody times"


def pair(before: float | None, after: float | None) -> dict[str, float | None]:
    return {"before": before, "after": after}


def test_the_change_is_split_into_calls_and_time_per_call() -> None:
    found = breakdown(EVIDENCE, DAY)
    assert (found.from_calls, found.from_time_per_call) == (400_000.0, 7_644_400.0)
    assert found.calls_share is not None
    assert 0.04 < found.calls_share < 0.06


def test_forces_that_work_apart_have_no_shares() -> None:
    change = {"from_calls": -5.0, "from_time_per_call": 9.0}
    assert breakdown({"time": {"change_ms_per_day": change}}).calls_share is None


def test_parts_of_a_call_have_their_share_of_the_rise() -> None:
    found = breakdown(EVIDENCE, DAY)
    parts = {part.name: part for part in found.parts}
    assert list(parts) == [REST, "reading blocks", "JIT", "writing blocks"]
    assert parts["reading blocks"].before == "0.0200 ms"
    assert parts["reading blocks"].change == "+0.200 ms"
    shares = [part.share for part in found.parts]
    assert sum(share or 0.0 for share in shares) == pytest.approx(1.0)


def test_parts_that_are_not_the_whole_have_no_shares() -> None:
    per_call = {"exec_ms": pair(1.0, 2.0), "io_ms": pair(0.1, 0.2), "rest_ms": pair(None, None)}
    found = breakdown({"time": {"per_call": per_call}})
    assert [part.share for part in found.parts] == [None]
    assert found.unknown == (REST,)


def test_planning_is_no_part_of_the_execution() -> None:
    found = breakdown(EVIDENCE, DAY)
    assert "planning per call" in [figure.name for figure in found.figures]


def test_what_is_not_told_is_unknown_and_never_zero() -> None:
    found = breakdown({"time": {"per_call": {"io_ms": None, "wal_bytes": pair(None, 3.0)}}})
    assert found.unknown == ("reading and writing blocks", "WAL per call")
    assert found.parts == found.figures == ()


def test_a_group_that_is_not_there_says_nothing() -> None:
    assert breakdown({"creep": None, "time": None}) == module.Breakdown()
    assert breakdown(None) == breakdown([1]) == breakdown("x") == module.Breakdown()


def test_new_fields_are_shown_in_their_own_words() -> None:
    evidence = {
        "plan": {"changed": True, "before": "Index Scan", "after": "Seq Scan"},
        "waits": [{"event": "IO:DataFileRead", "share": 0.4}],
        "table_growth_bytes": pair(1024, 4096),
        "deadlocks": 3,
    }
    found = breakdown(evidence)
    assert ("plan: after", "Seq Scan") in found.facts
    assert ("waits", "event IO:DataFileRead, share 0.400") in found.facts
    assert ("deadlocks", "3") in found.facts
    assert found.figures[0] == module.Figure("table growth", "1.00 kB", "4.00 kB", "+3.00 kB")


def test_waits_and_what_was_said_are_read_by_name() -> None:
    found = breakdown(ACKNOWLEDGED, DAY)
    assert breakdown(EVIDENCE, DAY).said is None
    assert found.waits == (
        module.Figure("running", "90 %", "75 %", "\N{MINUS SIGN}15.0 points"),
        module.Figure("IO: DataFileRead", "10 %", "25 %", "+15.0 points"),
    )
    assert found.said is not None
    assert (found.said.verdict, found.said.by) == ("acknowledged", "ann")
    assert found.summary.startswith("+7.28 ms a call")
    assert not [name for name, _ in found.facts if "feedback" in name or "part" in name]
    for odd in ({"feedback": 3}, {"feedback": {"verdict": None}}, {"waits": {"by_type": [1, {}]}}):
        assert breakdown(odd).said is None
        assert breakdown(odd).waits == ()


def test_instants_lose_the_date_of_the_day() -> None:
    facts = dict(breakdown(EVIDENCE, DAY).facts)
    assert facts["began between"] == "11:59:09 and 12:04:09"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text() | st.sampled_from(["before", "after", "per_call", "time"]), inner
        )
    ),
    max_leaves=30,
)


@given(json_values)
def test_any_json_is_shown_within_bounds(value: Any) -> None:
    found = breakdown(value, DAY)
    assert len(found.parts) <= module.MAX_ROWS
    assert len(found.figures) <= module.MAX_ROWS
    assert len(found.facts) <= module.MAX_FACTS
    assert all(len(text) <= module.MAX_TEXT for _, text in found.facts)
    assert breakdown(json.loads(json.dumps(EVIDENCE)), DAY) == breakdown(EVIDENCE, DAY)


def test_a_side_without_shares_is_unknown_and_not_zero() -> None:
    waits = {"by_type": [{"type": "Lock", "event": "tuple", "before": None, "after": 0.75}]}
    (figure,) = breakdown({"waits": waits}).waits
    assert (figure.name, figure.before, figure.change) == ("Lock: tuple", "unknown", "")
