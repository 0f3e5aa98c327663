"""Calibration of a target in the store, and the asset over it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from perf_pipeline import settings, vocabulary
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import history
from perf_pipeline.postgres.target import Target
from perf_pipeline.regressions import calibration
from perf_pipeline.regressions.calibrate import Week, calibrate
from perf_pipeline.regressions.calibration_defs import (
    CHECK,
    calibration_asset,
    calibration_job,
    calibration_schedule,
    check,
    week_metadata,
)
from perf_pipeline.regressions.rates import rate_interval
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, migrate
from perf_pipeline_tests.regressions import ledger

pytestmark = pytest.mark.server

LAST = date(2025, 3, 30)
WEEK = date(2025, 3, 24)
TABLES = ("perf_mgmt.calibration", "perf_mgmt.detectability")
TARGET = Target("yard", "YARD_URL", date(2025, 3, 3))


@pytest.fixture(scope="module")
def month(server: EmbeddedServer) -> Iterator[Store]:
    server.ensure_database("calibrated", None)
    with Store(server.url("calibrated")) as store:
        migrate.upgrade(store)
        history.generate(store, "yard", 28, LAST, seed=3)
        roll_up(store, "yard", LAST - timedelta(days=27), LAST)
        yield store
    server.drop_database("calibrated")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take less: the whole size only makes the figures more certain."""
    monkeypatch.setattr(calibration, "REPLICATES", 2)


@pytest.mark.usefixtures("few")
def test_a_week_has_its_rates_and_every_statement_its_smallest_change(month: Store) -> None:
    done = calibrate(month, "yard", [WEEK])[0]
    assert (done.week, done.as_of, done.why_not) == (WEEK, LAST, "")
    alarms = done.rows[0]
    assert (alarms.kind, alarms.calls_class) == ("unchanged", "all")
    assert alarms.series_days == alarms.series * 2 * calibration.NIGHTS
    assert alarms.rate.low <= 0.8
    found = {row.factor: row for row in done.rows if row.calls_class == "all"}
    assert found[2.0].rate.value >= found[1.2].rate.value
    assert found[2.0].rate.value >= 0.9
    small = done.detectability
    assert small.height >= alarms.series
    assert set(small["outcome"]) <= {"judged", "constant", "too few samples"}
    judged = small.filter(pl.col("outcome") == "judged")
    assert judged["smallest_change"].min() >= 0.1
    assert (judged["smallest_change_day"] >= judged["smallest_change"]).all()
    before = [ledger.rows(month, table) for table in TABLES]
    assert all(before)
    calibrate(month, "yard", [date(2025, 3, 17), WEEK])
    ledger_now = [ledger.rows(month, table) for table in TABLES]
    assert [
        [row for row in rows if row in old] for rows, old in zip(ledger_now, before, strict=True)
    ] == before
    assert all(len(now) > len(old) for now, old in zip(ledger_now, before, strict=True))


def test_a_week_without_samples_and_a_target_without_history_are_said(month: Store) -> None:
    done = calibrate(month, "yard", [date(2025, 5, 5)])[0]
    assert (done.as_of, done.rows, done.why_not) == (None, (), "no samples in this week")
    with pytest.raises(ConfigurationError, match="nobody"):
        calibrate(month, "nobody", [WEEK])


def test_minutes_of_history_tell_the_smallest_changes_only(store: Store) -> None:
    ledger.write(store, "shop", ledger.demo()[0])
    done = calibrate(store, "shop", [date(2025, 3, 3)])[0]
    assert done.rows == ()
    assert "hours of history" in done.why_not
    assert done.detectability["grain"].unique().to_list() == ["sweep"]
    assert done.detectability.filter(pl.col("outcome") == "judged").height > 0
    assert week_metadata(done)["outcome"].startswith("not measured")


@pytest.mark.usefixtures("few")
def test_the_asset_shows_numbers_and_a_table_and_its_check_passes(
    month: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERF_STORE_URL", month.url)
    settings.current.cache_clear()
    definitions = dg.Definitions(
        assets=[calibration_asset(TARGET)],
        jobs=[calibration_job(TARGET)],
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def("calibrate_yard")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, partition_key=WEEK.isoformat())
        page = result.asset_materializations_for_node("yard__report__calibration")[0].metadata
        evaluation = result.get_asset_check_evaluations()[0]
    assert page["outcome"].value == "measured"
    assert page["found_x2"].value >= 0.9
    assert page["false_alarms_low"].value <= page["false_alarms_per_1000_series_days"].value
    assert "| shuffled | all |" in page["calibration"].value
    assert page["smallest_change_percent_median"].value >= 10
    assert isinstance(page["smallest_changes"], dg.TableMetadataValue)
    assert evaluation.passed
    assert "goal 0.8" in evaluation.description


def week(counts: list[int], days: float) -> Week:
    rate = rate_interval(counts, days)
    row = calibration.Row("unchanged", 1.0, "all", len(counts), 8, days, sum(counts), rate, None)
    return Week(WEEK, LAST, (row,), pl.DataFrame(), "")


def test_the_check_warns_only_when_the_rate_is_certainly_above_the_goal() -> None:
    key = vocabulary.key(TARGET, "report", "calibration")
    assert check(key, week([0] * 100, 5600.0)).passed
    # 2 per 1,000 in few days: may be chance
    assert check(key, week([1] + [0] * 9, 500.0)).passed
    many = check(key, week([1] * 30 + [0] * 70, 5600.0))
    assert not many.passed
    assert many.severity is dg.AssetCheckSeverity.WARN
    assert many.check_name == CHECK
    assert "5.36 false alarms" in str(many.description)
    unknown = check(key, Week(WEEK, None, (), pl.DataFrame(), "no samples in this week"))
    assert not unknown.passed
    assert "not measured: no samples" in str(unknown.description)


@pytest.mark.parametrize(
    ("monday", "expected"), [(date(2025, 3, 31), "2025-03-24"), (date(2025, 3, 3), None)]
)
def test_the_schedule_asks_for_the_week_that_has_ended(monday: date, expected: str | None) -> None:
    schedule = calibration_schedule(TARGET, calibration_job(TARGET))
    tick = dg.build_schedule_context(
        scheduled_execution_time=datetime(monday.year, monday.month, monday.day, 5, 30, tzinfo=UTC)
    )
    asked = schedule(tick)
    if expected is None:
        assert isinstance(asked, dg.SkipReason)
    else:
        assert isinstance(asked, dg.RunRequest)
        assert asked.partition_key == expected
        assert expected in calibration_asset(TARGET).partitions_def.get_partition_keys(
            current_time=datetime(2025, 4, 2, tzinfo=UTC)
        )
