"""Apply one stage of a scenario to a database, and see what pgbench measured."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import psycopg
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import compile as scripts
from perf_pipeline.loadtests import latency, pgbench, progress, reduce, stages
from perf_pipeline.loadtests.pgbench_call import Protocol
from perf_pipeline.loadtests.progress import Sample
from perf_pipeline.loadtests.reduce import Totals
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.loadtests.stages import Stage
from perf_pipeline.postgres import sqlfiles

#: How often a run is asked what it has said.
_LOOK_S: Final = 0.5

#: Sessions that are made in a second, about: thousands of them must not use up the time of a stage.
CONNECTED_A_SECOND: Final = 1_000


@dataclass(frozen=True)
class Seen:
    """What one stage measured; `transactions` as `latency.read_logs` returns, `start` naive UTC."""

    stage: Stage
    start: datetime
    totals: Totals
    transactions: pl.DataFrame


def row(session: psycopg.Connection, name: str, **params: str) -> Mapping[str, Any]:
    """Return the one row of a file of `sql/`; empty where it has none."""
    with session.cursor(row_factory=dict_row) as cursor:
        cursor.execute(sqlfiles.load(name).text, params)
        found = cursor.fetchone()
    return found or {}


def facts(session: psycopg.Connection, scenario: Scenario) -> dict[str, int]:
    """Return what the generators of a scenario need to know of the data, for `pgbench -D`.

    Parameters
    ----------
    session : psycopg.Connection
        On the database with the scenario's system.
    scenario : Scenario

    Raises
    ------
    ConfigurationError
        A table is missing, or something is not known of the data.

    """
    wanted = scenario.facts | (scenario.volume.keys() - {"data_bytes"})
    if not wanted:
        return {}
    remedy = f"create and fill the example system {scenario.system!r} in this database"
    try:
        found = row(session, f"{scenario.system}/facts", industry=(scenario.industry or "").lower())
    except psycopg.errors.UndefinedTable as error:
        said = str(error).splitlines()[0]
        raise ConfigurationError(f"scenario {scenario.name!r}: {said}", remedy) from error
    for fact in sorted(wanted):
        if not found.get(fact):
            raise ConfigurationError(
                f"scenario {scenario.name!r}: its data have no {fact} ({found.get(fact)!r})", remedy
            )
    return {fact: int(found[fact]) for fact in wanted}


def require_volume(scenario: Scenario, known: Mapping[str, Any]) -> None:
    """Refuse a VOLUME test on little data: it would be a LOAD test under another name; pure.

    Parameters
    ----------
    scenario : Scenario
    known : Mapping
        What is known of the data: columns of `facts.sql`, and `data_bytes`.

    Raises
    ------
    ConfigurationError
        The scenario does not say how large the data must be, or they are smaller.

    """
    if not scenario.volume:
        raise ConfigurationError(
            f"scenario {scenario.name!r} does not say how large the data of a VOLUME test must be",
            "give it a `volume`: the least of a fact of the data, or of data_bytes",
        )
    for name, least in scenario.volume.items():
        value = known.get(name)
        if value is None or value < least:
            found = "is not known" if value is None else f"is {value:,}"
            raise ConfigurationError(
                f"scenario {scenario.name!r}: a VOLUME test needs {name} of {least:,}, it {found}",
                f"fill the example system {scenario.system!r} larger, or run another type",
            )


def run_stage(
    url: str,
    scenario: Scenario,
    stage: Stage,
    known: Mapping[str, int],
    sessions: int,
    seed: int | None,
    program: Path,
    folder: Path,
    sampled: Callable[[Sample], None] | None = None,
    *,
    protocol: Protocol = "prepared",
    pooled: bool = False,
) -> Seen:
    """Run a scenario with one number of users for some time, and reduce what pgbench logged.

    Parameters
    ----------
    url : str
    scenario : Scenario
    stage : Stage
    known : Mapping
        As `facts` returns.
    sessions : int
        At most.
    seed : int or None
        Of pgbench's choices.
    program : Path
        pgbench.
    folder : Path
        For scripts and logs; those of an earlier run in it are removed.
    sampled : callable, optional
        Told how it goes, every ten seconds (oftener in a short stage).
    protocol : str
        How statements are sent.
    pooled : bool
        `url` is a pooler's.

    Raises
    ------
    LoadError
        pgbench failed, or some of its clients gave up.

    """
    chosen = scripts.write(scenario, folder / "scripts", peak=stage.peak)
    asked = stages.drive(stage.users, scenario.think_time_ms, sessions)
    start = datetime.now(UTC).replace(tzinfo=None)
    with pgbench.start(
        url,
        chosen,
        pgbench=program,
        log_dir=folder,
        duration_s=stage.seconds + (asked.clients // CONNECTED_A_SECOND if pooled else 0),
        clients=asked.clients,
        threads=min(os.cpu_count() or 1, asked.clients),
        rate=asked.rate,
        variables=known,
        application_name=f"load {scenario.name}",
        seed=seed,
        protocol=protocol,
        pooled=pooled,
        progress_s=progress.every(stage.seconds) if sampled else None,
    ) as running:
        if sampled:
            _watch(running, sampled)
        summary = running.wait()
    transactions = latency.read_logs(folder, [script.name for script in chosen])
    # each frame has an Enum of its own: several stages are put together
    transactions = transactions.with_columns(pl.col("script").cast(pl.String))
    # connecting is part of pgbench's duration, and nothing is asked for meanwhile
    seconds = summary.transactions / summary.tps if summary.tps else float(stage.seconds)
    return Seen(stage, start, reduce.totals(transactions, seconds), transactions)


def _watch(running: pgbench.PgbenchRun, sampled: Callable[[Sample], None]) -> None:
    """Hand on each word of a run until it ends."""
    told = 0
    while True:
        ended = running.ends_within(_LOOK_S)
        said = (running.log_dir / "stderr.txt").read_text(errors="replace")
        samples = progress.parse(said)
        for sample in samples[told:]:
            sampled(sample)
        told = len(samples)
        if ended:
            return
