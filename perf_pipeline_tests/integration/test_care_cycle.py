"""A cycle of maintenance as the daemon drives it: what ticks ask for is run, and then ticks again.

Everything comes from one YAML block; only the daemon's processes are missing, whose place the
functions here take.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from perf_pipeline import settings
from perf_pipeline.upkeep import schedule_defs
from perf_pipeline_tests.components.support import FLEET, block, project

pytestmark = pytest.mark.server

BLOCK = """
  views:
    - {{name: app.daily, schedule: "*/15 * * * *"}}
    - {{name: app.monthly, schedule: "0 3 * * *"}}
  partitions:
    - parent: app.events
      column: at
      every: month
      premake: 2
      retention: 3 months
      then: archive_then_drop
  upkeep:
    retention: [{{table: app.lines, column: at, keep: 90 days}}]
    operations:
      - {{name: clean, does: cleanup, cron: "0 3 * * *", priority: 2}}
      - {{name: count, does: analyze, cron: "0 4 * * *", depends_on: [clean]}}
      - name: look
        does: advise
        cron: "{minute} * * * *"
        windows: [{{begins: "{begins}", ends: "{ends}"}}]
      - {{name: partitions, job: partition_maintenance_shop}}
"""
SCHEMA = """
CREATE SCHEMA app;
CREATE TABLE app.events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE app.lines (id bigint, at timestamptz NOT NULL);
CREATE INDEX ON app.lines (at);
INSERT INTO app.lines SELECT g, now() - g * interval '1 day' FROM generate_series(1, 200) AS g;
CREATE MATERIALIZED VIEW app.daily AS SELECT count(*) AS n FROM app.lines;
CREATE UNIQUE INDEX ON app.daily (n);
CREATE MATERIALIZED VIEW app.monthly AS SELECT n FROM app.daily;
"""


def month(back: int) -> date:
    """Return the first day of a month, so many before this one."""
    today = datetime.now(UTC).date()
    whole = today.year * 12 + today.month - 1 - back
    return date(whole // 12, whole % 12 + 1, 1)


def suffix(back: int) -> str:
    return f"{month(back):_%Y_%m}"


@dataclass
class Daemon:
    """What Dagster's daemon does, one tick at a time, in this process."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    app: psycopg.Connection[Any]

    def next_tick(self, name: str) -> datetime:
        """Return when a schedule is evaluated next, as the daemon computes it."""
        schedule = self.definitions.get_repository_def().get_schedule_def(name)
        times = schedule_execution_time_iterator(
            datetime.now(UTC).timestamp(), schedule.cron_schedule, schedule.execution_timezone
        )
        return next(time for time in times if time > datetime.now(UTC))

    def schedule(self, name: str) -> Any:
        """Return what a schedule's next tick says, evaluated for its time."""
        repository = self.definitions.get_repository_def()
        with dg.build_schedule_context(
            instance=self.instance,
            repository_def=repository,
            scheduled_execution_time=self.next_tick(name),
        ) as context:
            return repository.get_schedule_def(name).evaluate_tick(context)

    def sensor(self, name: str, cursor: str | None = None) -> Any:
        """Return what a sensor's tick says."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=cursor, definitions=self.definitions
        ) as context:
            return self.definitions.resolve_sensor_def(name).evaluate_tick(context)

    def run(self, job: str, request: dg.RunRequest | None = None) -> dg.ExecuteInProcessResult:
        """Run a job as a request asks for it, or as it is started by hand."""
        made = self.definitions.resolve_job_def(job)
        asked = request or dg.RunRequest()
        return made.execute_in_process(
            instance=self.instance,
            run_config=asked.run_config or None,
            tags=dict(asked.tags),
            asset_selection=list(asked.asset_selection) if asked.asset_selection else None,
            raise_on_error=False,
        )

    def runs(self, tick: Any, job: str) -> dg.ExecuteInProcessResult:
        """Run the one run that a tick asks for; a tick of a schedule names no job."""
        (request,) = tick.run_requests
        assert request.job_name in (None, job)
        assert request.run_key is None
        return self.run(job, request)

    def one(self, statement: str) -> Any:
        """Return the one value of a query of the application's."""
        row = self.app.execute(statement).fetchone()  # type: ignore[call-overload]
        return row[0] if row else None

    def partitions(self) -> set[str]:
        rows = self.app.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'app.events'::regclass"
        )
        return {name.removeprefix("app.events") for (name,) in rows}


@pytest.fixture
def daemon(
    make_database: Callable[..., str],
    store_template: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Daemon]:
    """Yield the daemon of a shop whose partitions nobody has made since two months ago."""
    url = make_database()
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", make_database(store_template))
    monkeypatch.setenv("PERF_ARCHIVE_URL", str(tmp_path / "archive"))
    settings.current.cache_clear()
    (tmp_path / "dagster").mkdir()
    soon = datetime.now(UTC) + timedelta(hours=6)
    yaml = BLOCK.format(
        minute=soon.minute, begins=f"{soon:%H:%M}", ends=f"{soon + timedelta(hours=1):%H:%M}"
    )
    with (
        psycopg.connect(url, autocommit=True) as app,
        project({"fleet.py": FLEET, "shop/defs.yaml": block() + yaml.lstrip("\n")}) as loaded,
        dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance,
    ):
        app.execute(SCHEMA)
        for back in (6, 5, 4, 3, 2):
            app.execute(
                f"CREATE TABLE app.events{suffix(back)} PARTITION OF app.events"  # type: ignore[call-overload]
                f" FOR VALUES FROM ('{month(back)}') TO ('{month(back - 1)}')"
            )
        app.execute("INSERT INTO app.events VALUES (1, %s)", (month(6),))
        yield Daemon(loaded, instance, app)


def materialized(done: dg.ExecuteInProcessResult) -> list[str]:
    events = done.get_asset_materialization_events()
    return [event.asset_key.to_user_string() for event in events if event.asset_key]


def test_a_cycle_of_maintenance(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    partitions_are_caught_up(daemon)
    views_follow_their_sources(daemon)
    operations_wait_fail_and_come_back(daemon, monkeypatch)


def partitions_are_caught_up(daemon: Daemon) -> None:
    # two months without a partition, this one among them: the sensor asks at once
    done = daemon.runs(daemon.sensor("partition_headroom"), "partition_maintenance_shop")
    assert done.success
    assert materialized(done) == [
        "shop/partition_catalog/events",
        "shop/partition_plan/events",
        "shop/partitions/created",
        "shop/partitions/archived",
        "shop/partitions/dropped",
    ]
    assert {each.check_name: each.passed for each in done.get_asset_check_evaluations()} == {
        "every_step_done": True,
        "current_and_premake_exist": True,
        "default_is_empty": True,
        "headroom_in_days": True,
    }
    # the missed months, this one and two ahead; what was too old lies in the archive
    held = {suffix(back) for back in (3, 2, 1, 0, -1, -2)}
    assert daemon.partitions() == held
    assert not daemon.sensor("partition_headroom").run_requests
    # the weekly tick asks for the same job, once
    (weekly,) = daemon.schedule("partition_maintenance_shop_weekly").run_requests
    assert weekly.run_key is None
    schedule = daemon.definitions.resolve_schedule_def("partition_maintenance_shop_weekly")
    assert schedule.job_name == "partition_maintenance_shop"


def views_follow_their_sources(daemon: Daemon) -> None:
    daily, monthly = "shop/matview/daily", "shop/matview/monthly"
    # crons in the order of their text: each quarter of an hour, and once a day
    assert daemon.next_tick("refresh_shop_1") <= datetime.now(UTC) + timedelta(minutes=15)
    assert daemon.next_tick("refresh_shop_1").minute % 15 == 0
    assert daemon.next_tick("refresh_shop_2").strftime("%H:%M") == "03:00"
    quarterly = daemon.schedule("refresh_shop_1")
    assert materialized(daemon.runs(quarterly, "refresh_shop")) == [daily]
    nightly = daemon.schedule("refresh_shop_2")
    assert materialized(daemon.runs(nightly, "refresh_shop")) == [monthly]
    assert not daemon.sensor("views_asked_for").run_requests
    daemon.app.execute("DELETE FROM app.lines WHERE id > 199")
    for name in ("daily", "daily", "monthly"):
        daemon.app.execute("SELECT perf_pipeline_meta.request_refresh(%s)", (f"app.{name}",))
    asked = daemon.sensor("views_asked_for")
    # two requests of one view are one refresh, and what it rests on goes first
    assert materialized(daemon.runs(asked, "refresh_shop")) == [daily, monthly]
    assert daemon.one("SELECT n FROM app.monthly") == 199
    assert not daemon.sensor("views_asked_for").run_requests


def operations_wait_fail_and_come_back(daemon: Daemon, patch: pytest.MonkeyPatch) -> None:
    def skipped(name: str) -> str:
        return daemon.schedule(name).skip_message or ""

    began = daemon.sensor("maintenance_due")
    assert not began.run_requests  # what was due before it first looked is not made up for
    assert "outside: none of its windows is open" in skipped("shop_look")
    assert "waiting: clean did not succeed" in skipped("shop_count")
    daemon.app.execute(
        "CREATE FUNCTION app.never() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''not now''; END';"
        "CREATE TRIGGER never BEFORE DELETE ON app.lines EXECUTE FUNCTION app.never()"
    )
    for _ in range(3):
        assert not daemon.runs(daemon.schedule("shop_clean"), "shop_clean").success
    assert "cut off: it failed 3 times" in skipped("shop_clean")
    shown = status(daemon)
    assert (shown["clean"], shown["partitions"]) == (("cut off", 3), ("watched", 0))
    daemon.app.execute("DROP TRIGGER never ON app.lines")
    assert daemon.run("shop_clean").success  # by hand
    assert daemon.one("SELECT max(id) FROM app.lines") == 89
    assert daemon.schedule("shop_clean").run_requests
    # what waited for it begins now
    assert daemon.runs(daemon.schedule("shop_count"), "shop_count").success
    later = datetime.now(UTC) + timedelta(hours=6, minutes=30)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return later

    patch.setattr(schedule_defs, "datetime", Clock)
    found = daemon.sensor("maintenance_due", began.cursor)
    assert "shop_look" in [request.job_name for request in found.run_requests]


def status(daemon: Daemon) -> dict[str, tuple[str, int]]:
    done = daemon.run("maintenance_status")
    (event,) = done.asset_materializations_for_node("shop__upkeep__maintenance_status")
    table = event.metadata["operations"]
    assert isinstance(table, dg.TableMetadataValue)
    return {
        str(row.data["operation"]): (str(row.data["state"]), int(str(row.data["failures"])))
        for row in table.records
    }
