"""The main job from an empty folder to a regression found and explained, on the embedded server.

A thorbis database under a real pgbench load is swept while all is well, then an index is dropped
under the same load. What follows is what runs in production: rollup, baseline, findings and report
as Dagster assets. The other example systems then run for a moment beside each other.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from psycopg import sql

from perf_pipeline.components.catalog import declared_target
from perf_pipeline.embedded import demo_summary, demo_systems, example, orphans
from perf_pipeline.embedded.console import Steps
from perf_pipeline.embedded.dagster_runs import Runner, daily_assets, stats_assets
from perf_pipeline.embedded.demo_summary import Summary
from perf_pipeline.examples import history
from perf_pipeline.examples.systems import SYSTEMS
from perf_pipeline.examples.thorbis_kit import Size
from perf_pipeline.loadtests.pgbench import PgbenchRun
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import record
from perf_pipeline.store import Store

#: Larger than the examples' default, so that the lost index costs a factor of ten or more.
SIZE = Size(businesses=100, orders_per_business=2000)
THORBIS = SYSTEMS[example.TARGET]

#: The index the demo drops: a customer's history is then picked from all orders of the tenant,
#: through another index, so that nothing but that statement gets slower.
DROPPED_INDEX = ("hs", "idx_hs_work_orders_customer_history")


@dataclass(frozen=True)
class Plan:
    """How long and how hard the demo runs; sweeps are `spacing_s` apart, `rate` is in tps.

    `others_s` is how long the other systems are under load.
    """

    calm_sweeps: int
    regressed_sweeps: int
    spacing_s: float
    rate: float
    history_days: int
    others_s: int


# The detector needs a dozen samples before and half a dozen after; more make better pictures.
FULL = Plan(
    calm_sweeps=30, regressed_sweeps=18, spacing_s=2.0, rate=200, history_days=60, others_s=12
)
QUICK = Plan(
    calm_sweeps=18, regressed_sweeps=12, spacing_s=0.8, rate=200, history_days=0, others_s=4
)

#: The sessions connect and prepare, the first jobs of fresh data are picked up, caches fill.
WARM_UP_S = 3.0


def run(*, quick: bool = False, quiet: bool = False) -> Summary:
    """Run the demo.

    Parameters
    ----------
    quick : bool
        Fewer sweeps, closer together, and no generated history.
    quiet : bool
        Show no progress.

    Returns
    -------
    Summary

    Raises
    ------
    PerfPipelineError
        A server, the load or an asset failed, or the regression was not found; names it.

    """
    steps = Steps(quiet)
    steps.say("perf-pipeline demo: one real regression, found and explained")
    with steps.opening("start the embedded PostgreSQL", example.house()) as house:
        with steps.step("bring the store up to date"):
            store = example.prepare_store(house)
        with store, steps.opening("load the Dagster definitions", Runner(house)) as runner:
            orphans.bury_in(house)
            play = _Play(QUICK if quick else FULL, steps, house, store, runner)
            summary = play.perform()
    demo_summary.show(steps, summary)
    return summary


@dataclass
class _Play:
    plan: Plan
    steps: Steps
    house: example.House
    store: Store
    runner: Runner
    target: Target = field(default_factory=lambda: declared_target(example.TARGET))
    records: list[record.SweepRecord] = field(default_factory=list)

    def perform(self) -> Summary:
        """Play the demo's acts and return what came out."""
        title = f"thorbis: {SIZE.businesses} businesses x {SIZE.orders_per_business} orders"
        with self.steps.step(title):
            example.prepare_system(self.house, THORBIS, SIZE)
        sweeps = self.plan.calm_sweeps + self.plan.regressed_sweeps
        duration_s = int(sweeps * self.plan.spacing_s * 3) + 60  # it is stopped long before
        with example.start_load(
            self.house, THORBIS, SIZE, duration_s=duration_s, rate=self.plan.rate
        ) as load:
            time.sleep(WARM_UP_S)
            began = datetime.now(UTC)
            self._sweep("sweeps while all is well", self.plan.calm_sweeps, load)
            self._materialize(
                "baselines of what is normal", daily_assets(self.target.name)[:2], began
            )
            dropped_at = self._drop_index()
            self._sweep("sweeps under the same load", self.plan.regressed_sweeps, load)
        # before the report, which is then what the UI shows as the newest
        backfilled_days = self._backfill()
        # the same sweep and the same job as from the UI, their checks included
        self.runner.materialize(stats_assets(self.target.name))
        day = self._materialize("findings and the report", daily_assets(self.target.name), began)
        with self.steps.step("build the dropped index again"):
            example.prepare_system(self.house, THORBIS, SIZE)
        others = demo_systems.perform(
            self.house,
            self.store,
            self.runner,
            self.steps,
            self.plan.others_s,
            reports=bool(self.plan.history_days),
        )
        return demo_summary.summarize(
            self.store,
            self.target.name,
            self.house.home / "reports",
            demo_summary.Facts(
                began=began,
                day=day,
                dropped_at=dropped_at,
                dropped_index=".".join(DROPPED_INDEX),
                records=tuple(self.records),
                backfilled_days=backfilled_days,
                others=others,
                seconds=self.steps.seconds,
            ),
        )

    def _sweep(self, title: str, count: int, load: PgbenchRun) -> None:
        due = time.monotonic()
        with self.steps.bar(f"{count} {title}", count) as bar:
            for _ in range(count):
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due + self.plan.spacing_s, time.monotonic())
                self.records.append(record.collect(self.target, self.store))
                if not load.running():
                    load.wait()  # raises with what pgbench said
                bar.advance()

    def _drop_index(self) -> datetime:
        name = sql.Identifier(*DROPPED_INDEX)
        with pg.session(
            self.house.urls[THORBIS.name], read_only=False, autocommit=True
        ) as connection:
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(name))
        self.steps.say(f"           dropped index {'.'.join(DROPPED_INDEX)}")
        return datetime.now(UTC)

    def _materialize(self, title: str, keys: list[str], began: datetime) -> date:
        """Materialize the days since the demo began, two around midnight; return the last."""
        today = datetime.now(UTC).date()
        with self.steps.step(f"{title}, as Dagster assets"):
            self.runner.materialize(keys, began.date(), today)
        return today

    def _backfill(self) -> int:
        """Backfill generated history in one run, up to the eve of the first real sweep."""
        if not self.plan.history_days:
            return 0
        made = history.generate(self.store, self.target.name, days=self.plan.history_days)
        title = f"backfill of {self.plan.history_days} days of generated history, one run"
        with self.steps.step(title):
            self.runner.materialize(
                daily_assets(self.target.name),
                made.end - timedelta(days=self.plan.history_days - 1),
                made.end,
            )
        return self.plan.history_days
