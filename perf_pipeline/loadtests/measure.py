"""The stages of one run of load, one after the other, where it goes."""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from perf_pipeline.loadtests import drive, pooler, reduce, reference, stages, statements
from perf_pipeline.loadtests.drive import Seen
from perf_pipeline.loadtests.fresh import Place
from perf_pipeline.loadtests.pooler import Fullness, Pooler
from perf_pipeline.loadtests.progress import Sample
from perf_pipeline.loadtests.reference import Speed
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.loadtests.stages import Stage
from perf_pipeline.store import run_events


@dataclass(frozen=True)
class Measured:
    """What the stages of a run measured, and where.

    Attributes
    ----------
    where : Place
    seen : list of Seen
        In order.
    reference : Speed or None
        How fast the machine was; None: the test does not decide.
    statements : tuple of polars.DataFrame, or None
        Two readings (`statements.read`) around what was measured; None: it was not on a copy, or
        the server does not count them.
    pool : Fullness or None
        How full the pool was; None: there was none.

    """

    where: Place
    seen: list[Seen]
    reference: Speed | None
    statements: tuple[pl.DataFrame, pl.DataFrame] | None
    pool: Fullness | None = None


def run(
    where: Place,
    scenario: Scenario,
    planned: list[Stage],
    known: Mapping[str, int],
    sessions: int,
    *,
    decides: bool,
    via: Pooler | None,
    seed: int | None,
    program: Path,
    folder: Path,
    log: run_events.Log,
    say: Callable[[str], None],
) -> Measured:
    """Run the stages, each measured one after a block of the reference where the test decides.

    Parameters
    ----------
    where : Place
    scenario : Scenario
    planned : list of Stage
    known : Mapping
        As `drive.facts` returns.
    sessions : int
        At most.
    decides : bool
        Whether blocks of the reference come between.
    via : Pooler or None
        What the sessions go through.
    seed : int or None
        Of pgbench's choices.
    program : Path
        pgbench.
    folder : Path
        For scripts and logs.
    log : run_events.Log
        Told of each stage as it begins, goes on and ends.
    say : callable
        Told of each stage as it begins.

    Raises
    ------
    LoadError
        pgbench failed.

    """
    seen: list[Seen] = []
    blocks: list[pl.DataFrame] = []
    first = None
    threads = os.cpu_count() or 1
    run_stage = partial(drive.run_stage, where.url)
    if via is not None:
        run_stage = partial(drive.run_stage, via.url, protocol=via.protocol, pooled=True)
    with pooler.watched(via) if via is not None else nullcontext() as pool:
        for number, stage in enumerate(planned):
            asked = stages.drive(stage.users, scenario.think_time_ms, sessions)
            if decides and stage.measured:
                blocks.append(
                    reference.run_block(
                        where.url, asked, program, folder / "reference", min(threads, asked.clients)
                    )
                )
            if where.restored and stage.measured and first is None:
                first = statements.read(where.url)
            say(f"{stage.name}: {stage.users} users for {stage.seconds} s")
            log.add(run_events.STAGE, **vars(stage))
            seen.append(
                run_stage(scenario, stage, known, sessions, seed, program,
                       folder / f"{number:02d}", partial(_sampled, log, stage.name))
            )  # fmt: skip
            whole = seen[-1].totals
            log.add(
                run_events.STAGE_ENDED,
                stage=stage.name,
                **vars(whole),
                throughput_tps=whole.throughput_tps,
            )
            if stage.ends_when_broken and reduce.broken(scenario.limits, whole):
                break
    last = None
    if where.restored:
        last = statements.read(where.url)
        statements.forget(where.url)
    both = (first, last) if first is not None and last is not None else None
    return Measured(where, seen, reference.speed(blocks), both, pool)


def _sampled(log: run_events.Log, stage: str, sample: Sample) -> None:
    log.add(run_events.SAMPLED, stage=stage, **vars(sample))
