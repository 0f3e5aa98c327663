"""What follows what: views are looked at when an asset they rest on was made anew."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.postgres.target import Target
from perf_pipeline.views import follow
from perf_pipeline.views.defs import job_name, keys_of, view_key
from perf_pipeline.views.model import ViewPolicy

NAME: Final = "views_follow"


def follow_sensor(
    declared: Sequence[tuple[Target, tuple[ViewPolicy, ...]]], jobs: Sequence[vocabulary.AssetJob]
) -> dg.SensorDefinition:
    """Return `views_follow`: one look at the newest events, one run per target.

    Parameters
    ----------
    declared : sequence of (Target, policies)
    jobs : sequence of jobs
        `refresh_<target>` of each.

    """

    @dg.sensor(
        name=NAME,
        jobs=list(jobs),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for a run where an asset that views rest on was made anew, also through "
        "tables and plain views: cached values that were served, or an asset of yours. A view is "
        "asked for at most every half of its goal, and refreshed only if its tables changed.",
    )
    def views_follow(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if context.repository_def is None:
            yield dg.SkipReason("no definitions are loaded")
            return
        repository = context.repository_def
        ours = {view_key(target, each) for target, policies in declared for each in policies}
        made = {key: makers(repository, key, ours) for key in ours}
        newest = _newest(context.instance, set().union(*made.values()))
        asked, now = follow.read(context.cursor), datetime.now(UTC).timestamp()
        told, requested = [], 0
        for target, policies in declared:
            events = {
                each: max((newest.get(key, 0) for key in made[view_key(target, each)]), default=0)
                for each in policies
            }
            due = [
                each
                for each, event in events.items()
                if follow.is_due(
                    event, asked.get(_name(target, each), follow.Asked()), each.fresh_minutes, now
                )
            ]
            if not due:
                continue
            active = vocabulary.active_run(context.instance, job_name(target))
            if active is not None:
                told.append(f"{target.name}: run {active} is still active")
                continue
            asked |= {_name(target, each): follow.Asked(events[each], now) for each in due}
            requested += 1
            # no run_key: it would be remembered for ever, and the same views come again
            yield dg.RunRequest(job_name=job_name(target), asset_selection=keys_of(target, due))
        context.update_cursor(follow.written(asked))
        if not requested:
            yield dg.SkipReason("; ".join(told) or "nothing that views rest on was made anew")

    return views_follow


def makers(
    repository: dg.RepositoryDefinition, key: dg.AssetKey, ours: set[dg.AssetKey]
) -> set[dg.AssetKey]:
    """Return the assets of others that make what a view rests on.

    Through what nobody materializes (tables, plain views), and through our other views, which the
    same run refreshes before it.
    """
    graph = repository.asset_graph
    found, seen, waiting = set[dg.AssetKey](), {key}, [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent in seen:
                continue
            seen.add(parent)
            node = graph.get(parent)
            if node.is_executable and parent not in ours:
                found.add(parent)
            else:
                waiting.append(parent)
    return found


def _newest(instance: dg.DagsterInstance, keys: set[dg.AssetKey]) -> dict[dg.AssetKey, int]:
    """Return the number of the newest materialization of each asset that has one; one query."""
    return {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_storage_id or 0
        for record in (instance.get_asset_records(sorted(keys)) if keys else ())
    }


def _name(target: Target, policy: ViewPolicy) -> str:
    return f"{target.name}/{policy.name}"
