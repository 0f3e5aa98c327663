"""Reports of load tests from the store: what was recorded is what is told."""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.reports import page as pages
from perf_pipeline.reports.loadtests import build, plain, read, render
from perf_pipeline.store import Store, run_events
from perf_pipeline_tests.reports.loadtests.made import EMPTY, operation, record, statement

pytestmark = pytest.mark.server

NORMAL: dict[str, Any] = {
    "operations": [operation("read", 5.0), operation("write", 20.0)],
    "statements": [statement(1, 1000, 2.0), statement(2, 100, 15.0)],
    "cpu_percent": 40.0,
    "memory_percent": 50.0,
}


def now() -> datetime:
    return datetime.now(UTC)


def week(store: Store, **changes: Any) -> Any:
    return build.of_range(store, now() - timedelta(days=7), now() + timedelta(hours=1), **changes)


def test_a_regression_is_told_down_to_operation_and_statement(store: Store) -> None:
    for n in range(6):
        record(store, 600 - n, **NORMAL)
    bad = record(
        store,
        300,
        p95_ms=1_500.0,
        p99_ms=1_900.0,
        operations=[operation("read", 5.0), operation("write", 90.0)],
        statements=[statement(1, 1000, 2.0), statement(2, 100, 1_200.0)],
        cpu_percent=41.0,
        memory_percent=50.0,
        with_series=True,
        settings={"work_mem": "1MB"},
        commit_sha="abc123",
    )
    made = build.of_run(store, bad)
    assert made.health == "SLOW_RESPONSE"
    assert [(each.name, each.verdict) for each in made.operations] == [
        ("write", "worse"),
        ("read", "same"),
    ]
    assert made.operations[0].change == pytest.approx(3.5)
    first, second = made.statements
    assert (first.row["queryid"], first.impact) == (2, "HIGH")
    assert first.against is not None
    assert second.against is not None
    assert (first.against.verdict, second.against.verdict) == ("worse", "same")
    assert first.share == pytest.approx(120_000 / 122_000)
    assert [each.category for each in made.advice] == [
        "RESPONSE_TIME",
        "REGRESSION",
        "QUERY_PERFORMANCE",
    ]
    found = json.loads(json.dumps(plain.of_run(made), default=str))
    # B-43 to B-48
    assert list(found)[:3] == ["execution_summary", "performance_metrics", "baseline_comparison"]
    assert {"query_analysis", "recommendations", "generated_at"} <= set(found)
    assert found["execution_summary"]["minutes"] == 1.0
    assert {each["metric"] for each in found["baseline_comparison"]} >= {"p95_ms", "p99_ms"}
    assert found["differs"]["settings.work_mem"] == [None, "1MB"]
    assert found["query_analysis"][0]["against"]["verdict"] == "worse"
    html = render.run_html(made)
    for text in ("abc123", "work_mem", "too slow", "write", "+350 %", "1.50 s", "ROLLING"):
        assert text in html, text
    assert html.count('<svg class="chart"') == 3
    markdown = render.run_markdown(made)
    assert "| write | 90.0 ms | 20.0 ms | +350 % | worse |" in markdown
    assert "data:image/svg+xml;base64," in markdown


def test_what_got_better_is_told_too(store: Store) -> None:
    for n in range(6):
        record(store, 600 - n, **NORMAL)
    good = record(store, 300, **{**NORMAL, "operations": [operation("read", 1.0)]}, p95_ms=200.0)
    made = build.of_run(store, good)
    assert made.health == "HEALTHY"
    assert [each.name for each in made.better] == ["p95_ms"]
    assert [(each.name, each.verdict) for each in made.operations] == [
        ("read", "better"),
        ("write", "gone"),
    ]
    assert "Better than the runs of the baseline" in render.run_html(made)


def test_an_execution_without_anything_says_so(store: Store) -> None:
    failed = record(
        store, 60, status="FAILED", metadata={"reason": "pgbench <b>ended</b>"}, **EMPTY
    )
    running = record(store, 50, status="RUNNING", completed_at=None, **EMPTY)
    run_events.Log(store, running).add(run_events.STAGE, name="steady", users=5, seconds=60)
    made = build.of_run(store, failed)
    assert [(each.category, each.severity) for each in made.advice] == [("NO_DATA", "HIGH")]
    html = render.run_html(made)
    assert "pgbench &lt;b&gt;ended&lt;/b&gt;" in html
    assert "<b>ended" not in html
    assert "acceptable" not in html
    made = build.of_run(store, running)
    assert made.health == "RUNNING"
    assert "steady: 5 users for 60 s" in render.run_html(made)
    assert render.run_markdown(made)
    with pytest.raises(InputError, match="is not recorded"):  # D-058
        build.of_run(store, uuid.uuid4())


def test_a_first_execution_has_nothing_to_compare_with(store: Store) -> None:
    made = build.of_run(store, record(store, 60, **NORMAL))
    assert made.health == "NO_BASELINE"
    assert made.compared == ()
    assert {each.verdict for each in made.operations} == {"new"}
    html = render.run_html(made)
    assert "No baseline to compare with" in html
    assert "not enough runs for a trend (1 of 8)" in html


def test_a_range_ranks_tests_and_statements(store: Store) -> None:
    for n in range(12):
        record(store, 60 * 24 * 6 - 60 * n, p95_ms=300.0 * 1.04**n, p99_ms=2_000.0)
    heavy = [statement(7, 10, 5_000.0), statement(8, 1_000, 5.0)]
    record(store, 60, target="other", statements=heavy)
    record(store, 30, target="broken", status="FAILED", **EMPTY)
    made = week(store)
    assert [(line.newest["target"], line.health) for line in made.lines] == [
        ("shop", made.lines[0].health),
        ("broken", "FAILED"),
        ("other", "NO_BASELINE"),
    ]
    assert made.lines[0].trends[0].verdict == "worse"
    assert made.lines[0].trends[0].change == pytest.approx(1.04**11 - 1, rel=0.01)
    assert made.executions == 14
    assert sum(made.score.words.values()) == 14
    assert [each.query_hash for each in made.issues] == [heavy[0]["query_hash"]]
    # the same as the view says of seven days
    (row,) = store.rows("run_issues")
    for name in ("query_hash", "calls", "total_ms", "mean_ms", "worst_mean_ms", "impact"):
        assert row[name] == made.issues[0].as_dict()[name], name
    html = render.range_html(made)
    assert "gets worse: +5" in html
    assert html.count('<svg class="chart"') == 2  # of the broken one nothing was measured
    found = json.loads(json.dumps(plain.of_range(made), default=str))
    assert found["tests"][0]["trends"][0]["verdict"] == "worse"
    assert found["score_percent"] == made.score.percent
    assert "| checkout 1.0 | shop, staging, PostgreSQL 18 | 12 |" in render.range_markdown(made)
    assert (made.status, found["status"]) == (made.lines[0].health, made.lines[0].health)
    assert found["improvements"] == []
    only = week(store, target="other")
    assert (only.executions, only.score.percent) == (1, 0.0)


def test_a_test_that_gets_faster_is_an_improvement(store: Store) -> None:
    for n in range(10):
        record(store, 600 - 60 * n, p95_ms=500.0 * 0.95**n, p99_ms=900.0)
    made = week(store)
    ((line, found),) = made.improvements
    assert (line.name, found.metric, found.verdict) == ("checkout 1.0", "p95_ms", "better")
    assert "p95 gets better: \N{MINUS SIGN}37 %" in render.range_html(made)


def test_a_range_without_executions_is_no_good_news(store: Store) -> None:
    moment = now()
    made = week(store)
    assert made.score.percent is None
    assert made.status == "NO_DATA"
    assert "No load test ran" in render.range_html(made)
    assert "No load test ran" in render.range_markdown(made)
    with pytest.raises(InputError, match="is empty"):
        build.of_range(store, moment, moment)


def test_a_huge_run_stays_one_page(store: Store) -> None:
    names = [f"operation_{n:04d}_{'x' * 80}" for n in range(1_500)]
    chosen = record(
        store,
        60,
        operations=[operation(name, 5.0) for name in names],
        statements=[
            {**statement(n, 10, 5.0), "query": f"SELECT '{n}<&>' " + "<x>" * 20_000}
            for n in range(1, 12)
        ],
    )
    log = run_events.Log(store, chosen)
    with store.begin() as connection:
        connection.execute(
            "INSERT INTO perf_mgmt.perf_events (execution_id, event_type, detail)"
            " SELECT %s, 'SAMPLED', jsonb_build_object('stage', repeat('y', 200), 'tps', n)"
            " FROM generate_series(1, 3000) AS n",
            [chosen],
        )
    assert log.lost == 0
    html = render.run_html(build.of_run(store, chosen))
    assert len(html.encode()) < pages.MAX_BYTES
    assert re.search(r"[\d,]+ events in the middle left out", html)


def test_same_facts_same_bytes(store: Store) -> None:
    for n in range(4):
        record(store, 600 - n, **NORMAL)
    chosen = record(store, 60, **NORMAL, with_series=True)
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    one, two = (render.run_html(build.of_run(store, chosen, moment)) for _ in range(2))
    assert one == two
    digest = re.search(r'id="content-hash">([0-9a-f]{64})', one)
    assert digest is not None
    assert pages.content_hash(one) == digest[1]


def test_the_newest_of_a_scenario_is_found(store: Store) -> None:
    record(store, 60)
    chosen = record(store, 50)
    assert read.newest_of(store, "shop") == read.newest_of(store, "shop", "checkout") == chosen
    for wrong in (("nowhere", None), ("shop", "check")):
        with pytest.raises(InputError, match="has no execution"):
            read.newest_of(store, *wrong)


def test_an_old_execution_is_shown_with_what_came_before_it(store: Store) -> None:
    ids = [record(store, 600 - n) for n in range(4)]
    facts = read.facts(store, ids[0])
    found: list[Mapping[str, Any]] = list(facts.history)
    assert ids[0] in [row["execution_id"] for row in found]
