"""Judging: evidence and size, grades, cost, and what is not judged."""

import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.regressions.judge import judge, large, q_values, severity, size_grade
from perf_pipeline.regressions.policy import Policy

GOOD = {
    "direction": "up",
    "relative_change": 1.0,
    "relative_change_low": 0.8,
    "relative_change_high": 1.2,
    "p_value": 1e-9,
    "old_level": 2.0,
    "new_level": 4.0,
    "n_before": 100,
    "n_after": 20,
    "steps": 1,
    "since": None,
    "calls_per_day": 1000.0,
    "database_ms_per_day": 1e5,
}
SCHEMA = {"since": pl.Datetime("us"), "old_level": pl.Float64, "p_value": pl.Float64}


def judged(*overrides, tested=10):
    rows = [{**GOOD, **override} for override in overrides]
    return judge(pl.DataFrame(rows, schema_overrides=SCHEMA), tested)


def test_a_clear_rise_is_a_finding_with_its_cost():
    row = judged({}).findings.row(0, named=True)
    assert row["severity"] == "warning"
    assert "150%" in row["policy"]
    assert row["added_ms_per_day"] == 2000.0
    assert row["q_value"] == pytest.approx(1e-8)


@pytest.mark.parametrize(
    ("low", "expected"),
    [(0.1, "info"), (0.49, "info"), (0.5, "warning"), (1.99, "warning"), (2.0, "critical")],
)
def test_the_lower_bound_decides_the_grade(low, expected):
    assert severity("up", low, 10.0, 1000.0)[0] == expected


def test_size_alone_is_no_finding_and_evidence_alone_neither():
    assert judged({"p_value": 0.02}, tested=10).findings.is_empty()
    assert judged({"relative_change_low": 0.09}).findings.is_empty()
    assert judged({"p_value": 0.02}, tested=1).findings.height == 1
    assert judged({"relative_change_low": 0.1}).findings.height == 1
    assert judged({"relative_change_low": 0.09}, {"p_value": 0.9}).rejected == 2


def test_each_finding_names_its_class_and_a_fall_has_none():
    lows = {0.1: "LOW", 0.2: "MEDIUM", 0.49: "MEDIUM", 0.5: "HIGH", 1.0: "CRITICAL"}
    found = judged(*({"relative_change_low": low} for low in lows)).findings
    assert found["size_class"].to_list() == list(lows.values())
    fall = {"direction": "down", "relative_change_low": -0.6, "relative_change_high": -0.5}
    assert judged(fall).findings["size_class"].to_list() == [None]


def test_a_target_s_own_limits_grade_and_bound():
    strict = Policy.of({"low": 1.05, "warning": 1.2, "critical": 1.5, "degraded": 1.1})
    rows = pl.DataFrame(
        [{**GOOD, "relative_change_low": low} for low in (0.04, 0.06, 0.2, 0.5)],
        schema_overrides=SCHEMA,
    )
    assert judge(rows, 4, strict).findings["severity"].to_list() == ["info", "warning", "critical"]
    assert judge(rows, 4).findings["severity"].to_list() == ["info", "warning"]
    few = Policy.of({"minimum_before": 200})
    assert judge(rows, 4, few).not_enough_data.height == 4


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"warning": 3.5}, "warning"),
        ({"warning": 3.0}, "warning"),
        ({"critical": 1.0}, "critical"),
        ({"critical": math.nan}, "critical"),
        ({"low": 0.5}, "low"),
        ({"medium": 1.6}, "medium"),
        ({"degraded": 1.05}, "degraded"),
        ({"minimum_after": 1}, "minimum_after"),
        ({"sever": 2.0}, "sever"),
    ],
)
def test_limits_that_contradict_each_other_are_named(wrong, named):
    with pytest.raises(ConfigurationError, match=named) as raised:
        Policy.of(wrong)
    assert raised.value.remedy


@pytest.mark.parametrize("low", [math.nan, math.inf, -math.inf])
def test_what_is_not_known_has_no_grade(low):
    with pytest.raises(InputError, match="no grade"):
        severity("up", low, 1.0, 100.0)
    row = pl.DataFrame({"direction": ["up"], "relative_change_low": [low]})
    assert row.select(size_grade(Policy())).item() == (2 if low == math.inf else 0)


def test_a_change_of_unknown_size_is_not_large():
    rows = pl.DataFrame(
        {
            "direction": ["up", "down", None],
            "relative_change_low": [None, None, 3.0],
            "relative_change_high": [None, None, 3.0],
        },
        schema_overrides={"relative_change_low": pl.Float64, "relative_change_high": pl.Float64},
    )
    assert rows.select(large(Policy())).to_series().to_list() == [False, False, False]


def test_a_fall_counts_by_the_same_factor_as_a_rise():
    fall = {"direction": "down", "relative_change": -0.2, "relative_change_low": -0.3}
    assert judged({**fall, "relative_change_high": -0.05}).findings.is_empty()
    found = judged({**fall, "relative_change_high": 1 / 1.1 - 1 - 1e-9, "new_level": 1.0})
    assert found.findings["severity"].to_list() == ["improvement"]
    assert found.findings["added_ms_per_day"].to_list() == [-1000.0]


def test_what_nobody_waits_for_is_a_step_down_and_what_everybody_does_a_step_up():
    assert severity("up", 2.5, 0.5, 1000.0) == (
        "warning",
        "at least 350% of the level before: critical limit 300% exceeded by 50 points, warning"
        " limit 150% exceeded by 200 points, degraded limit 120% exceeded by 230 points;"
        " class CRITICAL; one step down: adds 0.050% of the database's time",
    )
    assert severity("up", 0.6, 50.0, 1000.0)[0] == "critical"
    assert severity("up", 0.2, 50.0, 1000.0)[0] == "warning"
    assert severity("up", 0.2, 0.5, 1000.0)[0] == "info"


@pytest.mark.parametrize("database", [0.0, math.nan, math.inf])
def test_an_unknown_share_moves_no_grade_and_says_so(database):
    grade, policy = severity("up", 2.5, 0.5, database)
    assert grade == "critical"
    assert "unknown" in policy


@pytest.mark.parametrize(
    "override",
    [
        {"p_value": None},
        {"p_value": math.nan},
        {"old_level": None},
        {"old_level": 0.0},
        {"new_level": 0.0},
        {"relative_change_high": math.inf},
        {"n_before": 9},
        {"n_after": 4},
        {"n_after": None},
    ],
)
def test_missing_zero_or_too_few_is_not_enough_data_never_a_pass(override):
    verdict = judged(override, {})
    assert verdict.not_enough_data.height == 1
    assert verdict.not_enough_data["reason"].null_count() == 0
    assert verdict.findings.height == 1
    assert verdict.rejected == 0


def test_no_candidates_give_empty_frames_with_all_columns():
    empty = pl.DataFrame([GOOD], schema_overrides=SCHEMA).clear()
    verdict = judge(empty, 0)
    assert verdict.findings.is_empty()
    assert {"q_value", "severity", "policy", "added_ms_per_day"} <= set(verdict.findings.columns)


def test_a_creep_says_how_many_steps_since_when():
    policy = judged({"steps": 3, "since": datetime(2025, 3, 3, 4)}).findings["policy"].item()
    assert policy.endswith("; 3 small rises since 2025-03-03 04:00:00.000000 UTC added up")
    assert "small rises" not in judged({}).findings["policy"].item()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 100))
def test_q_values_are_benjamini_hochberg(p, more):
    p = np.array(p)
    tested = p.size + more
    q = q_values(p, tested)
    assert ((q >= p) & (q <= 1)).all()
    for limit in (0.01, 0.05, 0.2):
        ranked = np.sort(p)
        passing = np.flatnonzero(ranked * tested / np.arange(1, p.size + 1) <= limit)
        expected = p <= (ranked[passing[-1]] if passing.size else -1.0)
        assert ((q <= limit) == expected).all()
