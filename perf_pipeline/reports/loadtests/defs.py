"""Assets of load tests' reports, their checks, and their daily job."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.jobs import singleton_job, utc_schedule_of

if TYPE_CHECKING:
    from perf_pipeline.reports.loadtests.model import RangeReport, RunReport

JOB: Final = "bench_reports"
#: The described spans: the dashboard and the issues, and the trends.
RECENT: Final = timedelta(days=7)
LONG: Final = timedelta(days=30)
#: Pages of executions that one run writes, the newest.
MOST_PAGES: Final = 50

_HEALTHY_CHECK: Final = "newest_runs_are_healthy"
_DRIFT_CHECK: Final = "no_test_gets_slower"


def bench_key(name: str) -> dg.AssetKey:
    """Return the key `bench/<name>`."""
    return dg.AssetKey(["bench", name])


ROLLING_KEY: Final = bench_key("rolling_baseline")
REPORT_KEY: Final = bench_key("performance_report")
ADVICE_KEY: Final = bench_key("recommendations")
DASHBOARD_KEY: Final = bench_key("dashboard")
TRENDS_KEY: Final = bench_key("performance_trends")
ISSUES_KEY: Final = bench_key("top_issues")


def _of(span: timedelta) -> "RangeReport":
    """Return the report of the last days."""
    from perf_pipeline.reports.loadtests.build import of_range

    now = datetime.now(UTC)
    with vocabulary.open_store() as store:
        return of_range(store, now - span, now, now=now)


@dg.asset(
    key=REPORT_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres", "markdown"},
    tags={"family": "bench"},
    # after the baselines, but not after the gate: a report is needed most when that is closed
    deps=[ROLLING_KEY],
    description="One row is the report of one execution of a load test of the last seven days: "
    "figures, comparison with baselines, operations and statements that changed, advice; "
    "self-contained HTML in `reports/loadtests/`, and of all of them together.",
)
def performance_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the page of each execution of the last seven days, and the one of all."""
    from perf_pipeline.reports.loadtests import build, plain, render
    from perf_pipeline.store import whole_file

    folder = settings.current().home_dir / "reports" / "loadtests"
    now = datetime.now(UTC)
    with vocabulary.explained(), vocabulary.open_store() as store:
        summary = build.of_range(store, now - RECENT, now, now=now)
        rows = sorted(
            (row for line in summary.lines for row in line.rows),
            key=lambda row: row["started_at"],
            reverse=True,
        )
        told: RunReport | None = None
        for row in rows[:MOST_PAGES]:
            made = build.of_run(store, row["execution_id"], now)
            whole_file.replace(folder / f"{row['execution_id']}.html", render.run_html(made))
            told = _more_telling(told, made)
    page = whole_file.replace(folder / "summary.html", render.range_html(summary))
    table = [_short(plain.of_row(row)) for row in rows]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": min(len(rows), MOST_PAGES),
            "executions": len(rows),
            **({"report": dg.MetadataValue.md(render.run_markdown(told))} if told else {}),
            **health_figures(summary),
            "html": dg.MetadataValue.path(page),
            **({"newest": vocabulary.table(table)} if table else {}),
        }
    )


def _more_telling(known: "RunReport | None", made: "RunReport") -> "RunReport":
    """Return the graver of two reports, the newer one (which came first) of two alike."""
    from perf_pipeline.reports.loadtests import health

    if known is None:
        return made
    order = health.WORDS.index
    return made if order(made.health) < order(known.health) else known


def _short(row: dict[str, Any]) -> dict[str, Any]:
    names = ("started_at", "health", "test", "target", "p95_ms", "throughput_tps", "execution_id")
    return {name: row[name] for name in names}


def health_figures(report: "RangeReport") -> dict[str, Any]:
    """Return the score, executions by kind of health as figures, and every word as text."""
    from perf_pipeline.reports.loadtests import health

    words = report.score.words
    bad = sum(words.get(word, 0) for word in health.BAD)
    healthy_ones = words.get(health.HEALTHY, 0)
    return {
        **vocabulary.numbers({"score_percent": report.score.percent}),
        "healthy": healthy_ones,
        "not_well": bad,
        "not_known": sum(words.values()) - bad - healthy_ones,
        "health": ", ".join(f"{word} {amount}" for word, amount in words.items()) or "none",
    }


@dg.asset(
    key=ADVICE_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    description="One row is one piece of advice on the newest execution of a load test of the last "
    "30 days, the gravest first, with the figures it rests on.",
)
def recommendations(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Apply the rules of advice to the newest execution of each test in use."""
    from perf_pipeline.reports.loadtests import advice

    with vocabulary.explained():
        report = _of(LONG)
    found = sorted(
        ((line, each) for line in report.current for each in line.advice),
        key=lambda pair: advice.SEVERITIES.index(pair[1].severity),
    )
    rows = [
        {
            "severity": each.severity,
            "category": each.category,
            "test": line.name,
            "where": line.place,
            "advice": each.text,
            "first": each.actions[0],
        }
        for line, each in found
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            **{name: sum(e.severity == name for _, e in found) for name in advice.SEVERITIES},
            **({"advice": vocabulary.table(rows)} if rows else {}),
            "json": dg.MetadataValue.json(
                [{"test": line.name, "where": line.place, **_plain(e)} for line, e in found[:20]]
            ),
        }
    )


def _plain(each: Any) -> dict[str, Any]:
    """Return a piece of advice without statements' texts or hashes: an event is kept for ever."""
    told: dict[str, Any] = each.as_dict()
    told["evidence"] = {
        name: value
        for name, value in told["evidence"].items()
        if isinstance(value, int | float | str)
    }
    return told


@dg.asset(
    key=DASHBOARD_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    check_specs=[
        dg.AssetCheckSpec(
            _HEALTHY_CHECK,
            asset=DASHBOARD_KEY,
            description="The newest execution of every load test in use, of the last seven days, "
            "is healthy. An error: it regressed, is suspected, broke a limit, failed, or was not "
            "measured; a warning: not judged, no baseline yet, cancelled, still running, or no "
            "test ran.",
        )
    ],
    description="One row is one execution of a load test of the last seven days with its baseline "
    "and its health (`perf_mgmt.performance_dashboard`).",
)
def dashboard(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Show the executions of seven days, and say which tests are not well."""
    with vocabulary.explained():
        report = _of(RECENT)
        with vocabulary.open_store() as store:
            rows = store.rows("run_dashboard")
    names = (
        *("started_at", "health_status", "test_name", "target", "environment", "p95_ms"),
        *("baseline_p95_ms", "change_percent", "throughput_tps", "error_percent", "last_event"),
    )
    table = [{name: row[name] for name in names} for row in rows]
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            **health_figures(report),
            **({"executions": vocabulary.table(table)} if table else {}),
        },
        check_results=[healthy(report)],
    )


def healthy(report: "RangeReport") -> dg.AssetCheckResult:
    """Return whether the newest execution of every test in use is healthy."""
    from perf_pipeline.reports.loadtests import health, say

    held = [line for line in report.current if line.health != health.HEALTHY]
    grave = [line for line in held if line.health in health.BAD | {"FAILED", "NO_DATA"}]
    told = "; ".join(f"{line.name} ({line.place}): {say.word(line.health)}" for line in held[:5])
    if not report.current:
        told = "no load test ran in seven days"
    return dg.AssetCheckResult(
        asset_key=DASHBOARD_KEY,
        check_name=_HEALTHY_CHECK,
        passed=bool(report.current) and not held,
        severity=vocabulary.severity(bool(grave)),
        description=told or "every one of them is",
        metadata={"tests": len(report.current), "not_healthy": len(held)},
    )


@dg.asset(
    key=TRENDS_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres", "markdown"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    check_specs=[
        dg.AssetCheckSpec(
            _DRIFT_CHECK,
            asset=TRENDS_KEY,
            description="No load test in use gets slower over its runs of 30 days: p95, p99, "
            "throughput and errors, by a robust slope with its 95 % interval. A warning: a drift "
            "may be of the data. Of fewer than eight runs nothing is said.",
        )
    ],
    description="One row is one hour of 30 days of one load test: means, how many ran, completed, "
    "regressed (`perf_mgmt.performance_trends`); and per test whether it drifts.",
)
def performance_trends(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Show how each test moves over its runs of 30 days."""
    from perf_pipeline.reports.loadtests import render, say

    with vocabulary.explained():
        report = _of(LONG)
        with vocabulary.open_store() as store:
            hours = store.rows("run_trends")
    trends = [(line, each) for line in report.current for each in line.trends]
    table = [
        {
            "metric": say.metric(each.metric),
            "verdict": each.verdict,
            "trend": say.trend(each),
            "test": line.name,
            "where": line.place,
        }
        for line, each in sorted(trends, key=lambda pair: not pair[1].is_told)
    ]
    names = ("hour", "test_name", "target", "runs", "completed_runs", "regressions")
    means = ("mean_p95_ms", "mean_throughput_tps", "mean_error_percent")
    newest = [
        {**{n: row[n] for n in names}, **{n: _rounded(row[n]) for n in means}} for row in hours
    ]
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(hours),
            "tests": len(report.current),
            "get_worse": sum(each.verdict == "worse" for _, each in trends),
            "get_better": sum(each.verdict == "better" for _, each in trends),
            "report": dg.MetadataValue.md(render.range_markdown(report)),
            **({"trends": vocabulary.table(table)} if table else {}),
            **({"hours": vocabulary.table(newest)} if newest else {}),
        },
        check_results=[drifts(report)],
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def drifts(report: "RangeReport") -> dg.AssetCheckResult:
    """Return whether no test in use gets slower."""
    from perf_pipeline.reports.loadtests import say

    slower = [
        (line, each)
        for line in report.current
        for each in line.trends
        if each.verdict == "worse" and each.metric != "cpu_percent"
    ]
    told = "; ".join(
        f"{line.name} ({line.place}): {say.metric(each.metric)} {say.trend(each)}"
        for line, each in slower[:5]
    )
    known = sum(each.change is not None for line in report.current for each in line.trends)
    return dg.AssetCheckResult(
        asset_key=TRENDS_KEY,
        check_name=_DRIFT_CHECK,
        passed=not slower,
        severity=dg.AssetCheckSeverity.WARN,
        description=told or ("none does" if known else "no test has enough runs for a trend"),
        metadata={"slower": len(slower), "trends_known": known},
    )


@dg.asset(
    key=ISSUES_KEY,
    group_name=vocabulary.FLEET_GROUP,
    kinds={"postgres"},
    tags={"family": "bench"},
    deps=[ROLLING_KEY],
    description="One row is one statement that took more than 100 ms a call in the load tests of "
    "the last seven days, by the time it took; fifty at most "
    "(`perf_mgmt.top_performance_issues`).",
)
def top_issues(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Show the statements that cost the load tests most."""
    with vocabulary.explained(), vocabulary.open_store() as store:
        rows = store.rows("run_issues")
    names = ("target", "query_preview", "impact", "executions", "calls", "query_hash")
    table = [
        {
            **{name: row[name] for name in names},
            "mean_ms": _rounded(row["mean_ms"]),
            "total_ms": _rounded(row["total_ms"]),
        }
        for row in rows
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            **{word: sum(row["impact"] == word for row in rows) for word in ("HIGH", "MEDIUM")},
            **({"statements": vocabulary.table(table)} if table else {}),
        }
    )


def daily_definitions() -> dg.Definitions:
    """Return the assets of every day with their job and schedule."""
    assets = [performance_report, recommendations, dashboard, performance_trends, top_issues]
    job = singleton_job(
        JOB,
        dg.AssetSelection.assets(*assets),
        "Report on the load tests of the last days: each run, health, trends, slow "
        "statements, advice.",
        max_runtime_s=1800,
    )

    @utc_schedule_of(
        job,
        "20 2 * * *",
        "Report on load tests at 02:20 UTC, after their baselines; not where none ran "
        "within 30 days.",
        name="bench_reports_daily",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request_where_tests_ran(datetime.now(UTC) - LONG, "30 days")

    return dg.Definitions(assets=assets, jobs=[job], schedules=[daily])


def request_where_tests_ran(
    since: datetime, told: str, **request: Any
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run where a load test ran since a moment."""
    from perf_pipeline.store import executions

    try:
        with vocabulary.open_store() as store:
            ran = executions.read(store, since=since, newest=1)
    except PerfPipelineError as error:
        return dg.SkipReason(str(error))
    return dg.RunRequest(**request) if ran else dg.SkipReason(f"no load test ran within {told}")
