"""`perf-pipeline invalidation`: what is captured, what waits, and a worker."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from perf_pipeline.cli_parts import print_json, say, told_to_stop

if TYPE_CHECKING:
    from datetime import datetime

    from perf_pipeline.invalidation.figures import Drained
    from perf_pipeline.invalidation.model import CacheType
    from perf_pipeline.invalidation.sinks.counters import Counters

_TARGET = click.option("--target", required=True, help="The target's name.")
_JSON = click.option("--json", "as_json", is_flag=True)


@click.group("invalidation")
def invalidation() -> None:
    """Make cached values anew when, and only when, what they show has changed."""


@invalidation.command("plan")
@_TARGET
@_JSON
def plan(target: str, as_json: bool) -> None:
    """Say what is not captured as declared; nothing is changed. Exits with 1 if something is."""
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import catalog, install

    found, caches = declared_caches(target)
    with catalog.session(found, read_only=True) as connection:
        made = install.look(connection, caches)
    if as_json:
        print_json({"target": target, **made.as_json()})
    else:
        for step in made.steps:
            say(f"{step.action:<13} {step.name}  ({step.why})")
        for note in made.notes:
            say(f"note: {note}")
        if made.is_armed:
            say(f"{target}: all that is declared is captured")
    raise SystemExit(0 if made.is_armed else 1)


@invalidation.command("install")
@_TARGET
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    default=30.0,
    show_default=True,
    help="For the locks of each table.",
)
@_JSON
def install(target: str, seconds: float, as_json: bool) -> None:
    """Capture what is declared: tables, triggers, functions; what is right is not touched.

    A writer never waits longer behind it than a second. Run it again after partitions were added,
    after a change of the YAML, and whenever `plan` finds something.
    """
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import catalog
    from perf_pipeline.invalidation.install import install as apply
    from perf_pipeline.postgres.lock_budget import LockBudget

    found, caches = declared_caches(target)
    with catalog.session(found) as connection:
        done = apply(connection, target, caches, LockBudget(total_s=seconds))
    if as_json:
        print_json({"target": target, "done": [vars(step) for step in done.plan.steps]})
        return
    for step in done.plan.steps:
        say(f"{step.action:<13} {step.name}  ({step.why})")
    if done.plan.is_armed:
        say(f"{target}: all that is declared was captured already")


@invalidation.command("uninstall")
@_TARGET
@click.option("--yes", is_flag=True, help="Also what waits in the queue and what is dead is gone.")
@_JSON
def uninstall(target: str, yes: bool, as_json: bool) -> None:
    """Take every trigger, function and record of invalidation out of a target; needs --yes."""
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.errors import ConfigurationError
    from perf_pipeline.invalidation import catalog
    from perf_pipeline.invalidation.install import uninstall as apply

    if not yes:
        raise ConfigurationError(
            "uninstall forgets what waits in the queue and what is dead", "say so with --yes"
        )
    with catalog.session(declared_target(target)) as connection:
        triggers = apply(connection)
    if as_json:
        print_json({"target": target, "triggers": triggers})
    else:
        say(f"{target}: {triggers} triggers and all records of invalidation are taken away")


@invalidation.command("status")
@_TARGET
@_JSON
def status(target: str, as_json: bool) -> None:
    """Say what waits, what is dead, and what was served in the last hour.

    Exits with 1 when a check does not pass: too much waits or for too long, entries are dead or of
    a type nobody declares, something is not captured, a refresh came too late or was slow. Where
    the store cannot be read, what drains of the last hour did is not known, and it says so.
    """
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import looks, sinks
    from perf_pipeline.invalidation.keeping import Keeper

    found, caches = declared_caches(target)
    with Keeper(say) as keeper:
        store = keeper.store()
        seen = looks.status(store, found, caches, keeper.missing)
    left_out = sinks.left_out(sink for cache in caches for sink in cache.sinks)
    hits, unknown = _hits(caches)
    if as_json:
        counted = {name: {**asdict(c), "since": at.isoformat()} for name, (c, at) in hits.items()}
        print_json({**seen.as_json(), "not_told": left_out, "hits": counted})
    else:
        for line in seen.lines():
            say(line)
        for sink in left_out:
            say(f"not told: {sink}")
        for name, (counters, since) in hits.items():
            say(f"hits, {name}: {counters} since {since:%Y-%m-%d %H:%M} UTC")
        if unknown:
            say(f"hits: not known: {unknown}")
    raise SystemExit(0 if seen.well else 1)


def _hits(caches: "Sequence[CacheType]") -> "tuple[dict[str, tuple[Counters, datetime]], str]":
    """Return what applications' clients counted in Redis, and why it cannot be told."""
    from perf_pipeline import settings
    from perf_pipeline.errors import PerfPipelineError
    from perf_pipeline.invalidation.sinks.counters import read_counters

    policies = {
        cache.name: sink
        for cache in caches
        for sink in cache.sinks
        if sink.kind == "redis" and settings.variable(sink.url_env) is not None
    }
    try:
        return read_counters(policies), ""
    except PerfPipelineError as error:
        return {}, error.message


@invalidation.command("run")
@_TARGET
@click.option("--once", is_flag=True, help="End as soon as nothing is due.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    help="End after so long; default: until SIGTERM.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, 8),
    default=2,
    show_default=True,
    help="Connections that serve side by side.",
)
@_JSON
def run(target: str, once: bool, seconds: float | None, sessions: int, as_json: bool) -> None:
    """Serve what is due as it becomes due: a worker beside Dagster, with a delay below a second.

    Any number may run. SIGTERM or Ctrl-C ends it after its batch. A server that goes away is
    tried again until it is back. It serves without a store, too: then what it did is kept nowhere.
    """
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import worker
    from perf_pipeline.invalidation.keeping import Keeper

    found, caches = declared_caches(target)
    stop = told_to_stop()
    complain = partial(click.echo, err=as_json)
    with Keeper(complain) as keeper:
        if once:
            done = [worker.once(keeper, found, caches, stop, seconds, sessions)]
        else:
            notify = _tell_drained_json if as_json else _tell_drained
            done = worker.serve_on(keeper, found, caches, stop, seconds, notify, complain, sessions)
            if not done:
                complain(f"{target}: nothing was due")
    if once:
        (_tell_drained_json if as_json else _tell_drained)(done[0])
    raise SystemExit(1 if any(each.down for each in done) else 0)


def _tell_drained_json(drained: "Drained") -> None:
    print_json(drained.as_json())


def _tell_drained(drained: "Drained") -> None:
    told = [f"{drained.changes:,} changes", f"{drained.refreshed:,} refreshes"]
    late = [each.staleness_p99_s for each in drained.served if each.staleness_p99_s is not None]
    if late:
        told.append(f"p99 staleness {max(late):.2f} s")
    failed = sum(each.failed + each.dead for each in drained.served)
    if failed:
        told.append(f"{failed:,} failed")
    say(f"{drained.started_at:%H:%M:%S}  {', '.join(told)}; {drained.left.waiting:,} wait")
    for why in drained.down:
        say(f"          {why}")


@invalidation.command("retry")
@_TARGET
@click.option("--cache", help="Only of this cache type; default all.")
@click.option("--entity", "entities", multiple=True, help="Only this entity; may be repeated.")
@_JSON
def retry(target: str, cache: str | None, entities: tuple[str, ...], as_json: bool) -> None:
    """Put entries that failed too often back into the queue, due at once."""
    from perf_pipeline.components.catalog import declared_caches
    from perf_pipeline.invalidation import catalog, queue

    found, _ = declared_caches(target)
    with catalog.session(found) as connection:
        back = queue.retry(connection, cache, list(entities) or None)
    if as_json:
        print_json({"target": target, "put_back": back})
    else:
        say(f"{back:,} entries are put back")
