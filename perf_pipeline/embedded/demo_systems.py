"""The demo's second act: the other example systems, each under a short load of its own."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from perf_pipeline.components.catalog import declared_caches, declared_target
from perf_pipeline.embedded import example
from perf_pipeline.embedded.console import Steps
from perf_pipeline.embedded.dagster_runs import Runner, daily_assets, stats_assets
from perf_pipeline.examples.systems import SYSTEMS, System
from perf_pipeline.invalidation import record as drains
from perf_pipeline.loadtests import latency
from perf_pipeline.snapshots import record
from perf_pipeline.snapshots.record import SweepRecord
from perf_pipeline.store import Store

#: Transactions per second of each system: together as much as the first act's.
RATE = 60.0
CLIENTS = 2
#: Statistics that service levels are shown on.
CHECKED = ("/statements", "/database", "/tables")
#: A drain that ends as soon as nothing is due.
_NOW = {"ops": {"cached_values": {"config": {"idle_s": 0.0}}}}
#: Seconds between two sweeps of the same system.
SPACING_S = 2.0


@dataclass(frozen=True)
class Shown:
    """What the demo saw of one system.

    Attributes
    ----------
    system : str
    rows : int
        Generated, in all its tables.
    transactions : int
        That pgbench finished, in `seconds`.
    seconds : int
    p95_ms : float or None
        Of their latencies.
    sweeps : int
    sweep_ms : float
        Median.
    statements : int
        Rows of statements that the sweeps wrote.
    levels : dict of str to int
        Service levels and other checks by outcome: passed, missed, not measured.
    changes, refreshes : int
        Changes of what is cached, and the refreshes that answered them; 0 where nothing is cached.

    """

    system: str
    rows: int
    transactions: int
    seconds: int
    p95_ms: float | None
    sweeps: int
    sweep_ms: float
    statements: int
    levels: dict[str, int]
    changes: int = 0
    refreshes: int = 0

    def line(self) -> str:
        """Return what the summary says of it."""
        p95 = "" if self.p95_ms is None else f", p95 {self.p95_ms:.1f} ms"
        levels = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.levels.items()))
        cached = (
            f"; cached: {self.changes:,} changes, {self.refreshes:,} refreshes"
            if self.changes
            else ""
        )
        return (
            f"{self.system:<10} {self.rows:,} rows; {self.transactions:,} transactions in "
            f"{self.seconds} s{p95}; {self.sweeps} sweeps, {self.sweep_ms:.0f} ms each, "
            f"{self.statements} statement intervals; checks: {levels}{cached}"
        )


def others() -> tuple[System, ...]:
    """Return the systems beside that of the demo's story."""
    return tuple(system for name, system in SYSTEMS.items() if name != example.TARGET)


def perform(
    house: example.House,
    store: Store,
    runner: Runner,
    steps: Steps,
    seconds: int,
    *,
    reports: bool,
) -> tuple[Shown, ...]:
    """Create the other systems, run their loads side by side, sweep them, check them.

    Parameters
    ----------
    house : House
    store : Store
    runner : Runner
    steps : Steps
    seconds : int
        Of load.
    reports : bool
        Make their findings and reports of today, too.

    Returns
    -------
    tuple of Shown

    Raises
    ------
    PerfPipelineError
        A system could not be created, its load or a sweep failed, or an asset.

    """
    chosen = others()
    rows = {}
    for system in chosen:
        with steps.step(f"{system.name}: schema and data"):
            rows[system.name] = sum(
                example.prepare_system(house, system, system.demo).rows.values()
            )
    targets = [declared_target(system.name) for system in chosen]
    records: dict[str, list[SweepRecord]] = {target.name: [] for target in targets}

    def sweep() -> None:
        for target in targets:
            records[target.name].append(record.collect(target, store))

    began = datetime.now(UTC)
    with ExitStack() as running:
        loads = [
            (
                system,
                running.enter_context(
                    example.start_load(
                        house, system, system.demo, duration_s=seconds, rate=RATE, clients=CLIENTS
                    )
                ),
            )
            for system in chosen
        ]
        with steps.step(f"{seconds} s of load on each, swept every {SPACING_S:.0f} s"):
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                due = time.monotonic() + SPACING_S
                sweep()
                time.sleep(max(0.0, min(due, ends) - time.monotonic()))
            finished = {system.name: load.wait() for system, load in loads}
            sweep()  # what was done since; where sweeps take long, the whole load
    names = [system.name for system in chosen]
    with steps.step("their statistics with the checks, as Dagster assets"):
        shown = [key for name in names for key in stats_assets(name)]
        if not reports:  # in a hurry: those that have checks
            shown = [key for key in shown if key.endswith(CHECKED)]
        run_id = runner.materialize(shown)
    cached = [name for name in names if declared_caches(name)[1]]
    if cached:
        with steps.step("what they cache, made anew where it changed"):
            # what changed in the last moment still waits to be left alone for a moment
            runner.materialize([f"{name}/cache/invalidation_queue" for name in cached], config=_NOW)
    if reports:
        today = datetime.now(UTC).date()
        daily = [key for name in names for key in daily_assets(name)]
        with steps.step("their findings and reports, as Dagster assets"):
            runner.materialize(daily, began.date(), today)
    outcomes = runner.check_outcomes(run_id)
    return tuple(
        _shown(
            system,
            rows[system.name],
            finished[system.name].transactions,
            seconds,
            records[system.name],
            p95_ms=_p95(house, system),
            levels=outcomes.get(system.name, {}),
            served=served(store, system.name, began),
        )
        for system in chosen
    )


def served(store: Store, name: str, since: datetime) -> tuple[int, int]:
    """Return the changes of cached values that drains since then answered, and their refreshes."""
    rows = drains.recent(store, name, since)
    return sum(row["changes"] for row in rows), sum(row["refreshed"] for row in rows)


def _p95(house: example.House, system: System) -> float | None:
    folder = house.home / "load" / system.name
    names = [script.name for script in example.scripts(system)]
    whole = latency.percentiles(latency.read_logs(folder, names), by=None)
    value: float | None = whole["p95_ms"][0] if whole.height else None
    return value


def _shown(
    system: System,
    rows: int,
    transactions: int,
    seconds: int,
    records: list[SweepRecord],
    *,
    p95_ms: float | None,
    levels: dict[str, int],
    served: tuple[int, int],
) -> Shown:
    return Shown(
        system.name,
        rows,
        transactions,
        seconds,
        p95_ms,
        sweeps=len(records),
        sweep_ms=median(each.duration_ms for each in records),
        statements=sum(each.rows.get("statements", 0) for each in records),
        levels=levels,
        changes=served[0],
        refreshes=served[1],
    )
