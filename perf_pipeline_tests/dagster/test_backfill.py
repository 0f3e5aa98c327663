"""A range of days is one run, and running it again changes nothing."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from perf_pipeline import vocabulary
from perf_pipeline.components.fleet import report_job
from perf_pipeline.components.watched import target_definitions
from perf_pipeline.examples import history
from perf_pipeline.postgres.target import Target
from perf_pipeline.settings import current
from perf_pipeline.store import Store, progress, targets
from perf_pipeline_tests.dagster.conftest import table_of, today

pytestmark = pytest.mark.server

DAYS = 21
TABLES = (
    "ledger.statements_hourly",
    "perf_mgmt.statement_baselines",
    "perf_mgmt.findings",
    "perf_mgmt.reports",
    "perf_mgmt.day_progress",
)


@pytest.fixture
def yard() -> Target:
    return Target("yard", "YARD_URL", today() - timedelta(days=60))


def run(
    target: Target, instance: dg.DagsterInstance, first: date, last: date, *, good: bool = True
) -> dg.ExecuteInProcessResult:
    definitions = dg.Definitions.merge(
        target_definitions(target),
        dg.Definitions(jobs=[report_job(target)], executor=dg.in_process_executor),
    )
    result = definitions.resolve_job_def(f"report_{target.name}").execute_in_process(
        instance=instance,
        tags={
            vocabulary.RANGE_START_TAG: first.isoformat(),
            vocabulary.RANGE_END_TAG: last.isoformat(),
        },
        raise_on_error=False,
    )
    assert result.success is good
    return result


def content(store: Store, target: Target) -> dict[str, tuple[int, str]]:
    """Return rows and a digest of each derived table of a target."""
    found = {}
    target_id = targets.find(store, target.name)
    with store.begin() as connection:
        for table in TABLES:
            rows = connection.execute(
                f"SELECT t::text FROM {table} AS t WHERE target_id = %s ORDER BY 1", (target_id,)
            ).fetchall()
            text = "\n".join(row[0] for row in rows)
            found[table] = (len(rows), hashlib.sha256(text.encode()).hexdigest())
    return found


def test_a_range_is_one_run_and_repeating_it_changes_nothing(
    store: Store, yard: Target, instance: dg.DagsterInstance
) -> None:
    made = history.generate(store, yard.name, days=DAYS)
    result = run(yard, instance, made.first, made.end)
    assert instance.get_runs_count() == 1
    events = result.get_asset_materialization_events()
    assert len(events) == 6 * DAYS
    report = vocabulary.key(yard, "report", "regressions")
    assert len(instance.get_materialized_partitions(report)) == DAYS
    before = content(store, yard)
    assert before["perf_mgmt.reports"][0] == DAYS
    assert before["perf_mgmt.day_progress"][0] == 4 * DAYS
    assert all(rows > 0 for rows, _ in before.values())
    run(yard, instance, made.first, made.end)
    assert content(store, yard) == before
    assert progress.uncovered(store, {yard.name: yard.history_start}, today(), 62) == []

    # each partition tells its own figures, and the reports are files as well
    rollups = [
        e for e in events if e.asset_key == vocabulary.key(yard, "rollup", "statements_hourly")
    ]
    calls = [e.materialization.metadata["calls"].value for e in rollups]
    assert len(set(calls)) > 1
    pages = [e.materialization.metadata for e in events if e.asset_key == report]
    assert all(Path(str(page["html"].value)).is_file() for page in pages)
    assert all(str(page["html"].value).startswith(str(current().home_dir)) for page in pages)
    texts = [str(page["report"].value) for page in pages]
    assert any("data:image/svg+xml;base64," in text for text in texts)
    found = [
        e.materialization.metadata
        for e in events
        if e.asset_key == vocabulary.key(yard, "report", "findings")
        and "found" in e.materialization.metadata
    ]
    assert found
    assert {"severity", "queryid", "onset", "change"} <= set(table_of(dict(found[-1]), "found")[0])


def test_day_by_day_gives_what_one_range_gives(
    store: Store, yard: Target, instance: dg.DagsterInstance
) -> None:
    made = history.generate(store, yard.name, days=4)
    run(yard, instance, made.first, made.end)
    whole = content(store, yard)
    for offset in range(4):
        day = made.first + timedelta(days=offset)
        run(yard, instance, day, day)
    assert content(store, yard) == whole
    # `--partition` and one day in the UI: a run with a partition instead of a range
    day = made.first + timedelta(days=2)
    job = dg.Definitions.merge(
        target_definitions(yard),
        dg.Definitions(jobs=[report_job(yard)], executor=dg.in_process_executor),
    ).resolve_job_def(f"report_{yard.name}")
    result = job.execute_in_process(instance=instance, partition_key=day.isoformat())
    pages = result.asset_materializations_for_node("yard__report__regressions")
    assert [page.partition for page in pages] == [day.isoformat()]
    assert content(store, yard) == whole


def test_a_range_that_runs_backwards_fails_instead_of_doing_nothing(
    store: Store, yard: Target, instance: dg.DagsterInstance
) -> None:
    result = run(
        yard, instance, today() - timedelta(days=1), today() - timedelta(days=3), good=False
    )
    data = result.failure_data_for_node("yard__rollup__statements_hourly")
    assert data is not None
    assert "runs backwards" in str(
        data.user_failure_data.description if data.user_failure_data else data
    )


def test_the_current_day_can_be_looked_at_before_it_ends(yard: Target) -> None:
    partitions = vocabulary.daily(yard)
    assert partitions.get_last_partition_key() == today().isoformat()
    assert partitions.get_first_partition_key() == yard.history_start.isoformat()


def test_a_target_without_history_says_so(
    store: Store, yard: Target, instance: dg.DagsterInstance
) -> None:
    unknown = replace(yard, name="unknown")
    result = run(unknown, instance, today(), today(), good=False)
    failures = [event for event in result.all_events if event.is_step_failure]
    assert len(failures) == 1
    assert "remedy: " in str(failures[0].step_failure_data.user_failure_data)
