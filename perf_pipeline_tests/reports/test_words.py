from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.reports import arrange, words
from perf_pipeline.reports.model import Cause, Coverage, Judgement, Statement
from perf_pipeline_tests.reports import samples

TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (None, "statement 7"),
        ("  \n", "statement 7"),
        ("SELECT\n  1 -- one\n", "SELECT 1"),
        ("/* app */ SELECT 1", "SELECT 1"),
        ("-- only a comment", "-- only a comment"),
        (f"SELECT {'a, ' * 50}b FROM t WHERE x = $1", "SELECT … FROM t WHERE x = $1"),
        (f"UPDATE {'a' * 200}", f"UPDATE {'a' * 80}…"),
    ],
)
def test_label(text: str | None, label: str) -> None:
    assert words.label(Statement(7, text=text)) == label


@given(st.text(max_size=3000), st.integers(30, 120))
def test_a_label_is_one_short_line(text: str, limit: int) -> None:
    label = words.label(Statement(7, text=text), limit)
    assert 0 < len(label) <= limit
    assert "\n" not in label


def test_changes_in_words() -> None:
    slower = samples.finding()
    assert words.change(slower) == f"18.3{TIMES} slower"
    assert words.factor_interval(slower) == f"17.0{TIMES}\N{EN DASH}19.9{TIMES}"
    assert words.level_interval(slower) == "7.14 ms to 8.36 ms"
    down = {
        "direction": "down",
        "relative_change": -0.75,
        "relative_change_low": -0.8,
        "relative_change_high": -0.5,
    }
    faster = replace(slower, **down)
    assert words.change(faster) == f"4.00{TIMES} faster"
    assert words.factor_interval(faster) == f"2.00{TIMES}\N{EN DASH}5.00{TIMES}"
    nothing = replace(faster, metric="throughput", relative_change=-1.0)
    assert words.change(nothing) == "∞ less throughput"
    assert (
        words.change(replace(slower, metric="rows_per_call")) == f"18.3{TIMES} more rows per call"
    )


def test_causes_in_words() -> None:
    at = "2026-11-21T12:04:09+00:00"
    assert (
        words.cause(Cause("index_dropped", "hs.idx", at, 1.0), samples.DAY)
        == "index hs.idx dropped by 12:04:09"
    )
    assert words.cause(Cause("restart", "", None, 1.0)) == "restart"
    # what lies in the statement itself does not name it again
    assert words.cause(Cause("plan_changed", "queryid -77", None, 1.0)) == "plan changed"
    assert words.cause(Cause("table_grew", "hs.t", None, 1.0)) == "table hs.t grew"
    assert words.cause(Cause("server_restarted", "", at, 1.0), samples.DAY) == (
        "server restarted by 12:04:09"
    )
    assert words.cause(Cause("more_calls", "", None, 1.0)) == "more calls"
    assert words.cause(Cause("deploy", "v1.2", at, 1.0)) == "deploy v1.2 by 2026-11-21 12:04:09"
    assert words.cause(Cause("setting_changed", "work_mem", None, 1)) == "setting work_mem changed"


def test_tags_in_one_line() -> None:
    statement = Statement(1, tags=(("action", ("edit", "show")), ("controller", ("orders",))))
    assert words.tags(statement) == "action=edit|show controller=orders"
    assert words.tags(Statement(1)) == ""


def test_ticks_have_no_zeros_at_their_end() -> None:
    ticks = [words.tick("mean_exec_time", v) for v in (0.05, 2.5, 10, 100, 1000, 120_000)]
    assert ticks == ["0.05 ms", "2.5 ms", "10 ms", "100 ms", "1 s", "2 min"]
    assert words.tick("generic", 10_000) == "10,000"
    assert words.tick("throughput", 10) == "10/s"


def test_the_headline_names_statement_size_onset_and_cause() -> None:
    text = arrange.headline(samples.rich()).text
    assert text.startswith("1 critical regression and 2 warnings in thorbis on 2026-11-21: SELECT")
    assert text.endswith(
        f"is 18.3{TIMES} slower since 12:04:11 UTC; "
        "likely cause: index hs.idx_work_orders_business_status dropped by 12:04:09."
    )


def test_quiet_days_have_each_their_own_headline() -> None:
    empty = samples.empty()
    assert "no statistics were collected" in arrange.headline(empty).text
    swept = replace(empty, coverage=Coverage(sweeps=3))
    assert "no statement had enough data" in arrange.headline(swept).text
    doubtful = replace(swept, judgement=Judgement(statements=5, unjudged=5, unjudged_share=1.0))
    assert "no statement had enough data" in arrange.headline(doubtful).text
    judged = replace(swept, judgement=Judgement(statements=5, unjudged=1, unjudged_share=0.25))
    text = arrange.headline(judged).text
    assert text == (
        "No regression found in thorbis on 2026-11-21: 4 statements judged,"
        " 75 % of the execution time."
    )
    better = replace(judged, findings=(samples.finding(1, "improvement"),))
    assert arrange.headline(better).text.startswith("No regression, 1 improvement in thorbis")
    small = replace(judged, findings=(samples.finding(1, "info"),))
    assert arrange.headline(small).text.startswith("1 change below every alarm limit in")
    warned = replace(judged, findings=(samples.finding(1, "warning"),))
    assert arrange.headline(warned).text.startswith("1 regression warning in thorbis")


def test_incidents_hold_their_causes_once_and_come_worst_first() -> None:
    data = samples.rich()
    made = arrange.incidents(data.findings)
    assert [i.incident_id for i in made] == ["inc-1", "inc-2"]
    assert [f.severity for f in made[0].findings] == ["critical", "warning"]
    assert [c.kind for c in made[0].causes] == ["index_dropped", "setting_changed"]
    assert made[0].added_ms_per_day == pytest.approx(8_141_100)
    assert made == arrange.incidents(tuple(reversed(data.findings)))
    assert [f.finding_id for f in arrange.presented(data.findings)] == [
        *("f0001", "f0002", "f0003", "f0004")
    ]


def test_merged_causes_keep_the_best_score_and_all_evidence() -> None:
    one = samples.finding(1, causes=(Cause("a", "x", None, 0.2, ("e1",)),))
    two = samples.finding(
        2, causes=(Cause("a", "x", None, 0.7, ("e1", "e2")), Cause("b", "y", None, 0.5))
    )
    assert arrange.merge_causes((one, two)) == (
        Cause("a", "x", None, 0.7, ("e1", "e2")),
        Cause("b", "y", None, 0.5),
    )
