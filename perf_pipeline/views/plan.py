"""Which views to refresh, how, and in which order: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.views import changes
from perf_pipeline.views.graph import Graph, levels
from perf_pipeline.views.model import Action, Counter, Node, Plan, State, Step, ViewPolicy

#: Longest pause after refreshes that failed one after the other.
MOST_PAUSE: Final = timedelta(hours=1)
#: Why a view is left alone.
NOTHING_CHANGED: Final = "nothing it reads has changed"


@dataclass(frozen=True)
class Seen:
    """What a target looks like: all that a plan needs.

    Attributes
    ----------
    graph : Graph
    counters : Mapping of oid to Counter
    states : Mapping of view name to State
    extra : Mapping of view name to nodes
        What views read through functions, as declared and found.
    dirty : Mapping of view name to str
        Of incremental views: why there is something to do; empty text when there is not. One that
        is not set up yet is missing here.
    lacking : Mapping of view name to names
        Tables that a declaration names and that are not there.

    """

    graph: Graph
    counters: Mapping[int, Counter] = field(default_factory=dict)
    states: Mapping[str, State] = field(default_factory=dict)
    extra: Mapping[str, Sequence[Node]] = field(default_factory=dict)
    dirty: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)


def plan(
    target: str,
    policies: Sequence[ViewPolicy],
    seen: Seen,
    now: datetime,
    *,
    only: Sequence[str] | None = None,
    force: bool = False,
) -> Plan:
    """Order and justify the refreshes of a target.

    Parameters
    ----------
    target : str
    policies : sequence of ViewPolicy
    seen : Seen
        Read from the target just before.
    now : datetime
        Aware.
    only : sequence of str, optional
        Names of the views to look at; default: all. What they rest on is ordered before them only
        if it is among them.
    force : bool
        Refresh even what did not change.

    Returns
    -------
    Plan
        Every chosen view once, none before one it rests on; within a level first what is asked
        for, then what has missed its goal by most.

    """
    chosen = [each for each in policies if only is None or each.name in only]
    names = [each.name for each in chosen]
    level_of = levels(seen.graph, names)
    steps: dict[str, Step] = {}
    by_name = {each.name: each for each in chosen}
    for name, level in level_of.items():
        after = seen.graph.rests_on(name, names)
        moved = [other for other in after if steps[other].works]
        steps[name] = _step(by_name[name], seen, now, level, after, moved, force)
    ordered = sorted(steps.values(), key=lambda step: (step.level, *_urgency(step)))
    return Plan(target, now, tuple(ordered))


def pause(state: State) -> timedelta:
    """Return how long to leave a view alone after failures: 1, 2, 4, ... minutes, at most 1 h."""
    if state.failures == 0:
        return timedelta(0)
    return min(MOST_PAUSE, timedelta(minutes=2 ** min(state.failures - 1, 10)))


def how(node: Node) -> tuple[Action, tuple[str, ...]]:
    """Return how a materialized view can be refreshed, and what would make it better."""
    usable = [index for index in node.unique_indexes if not index.obstacle]
    advice = []
    if not node.owned:
        advice.append(f"grant this role the role that owns {node.name}: only its owner refreshes")
    if usable:
        if node.populated:
            return "concurrently", tuple(advice)
        return "refresh", (*advice, "it is empty: the first refresh keeps readers out")
    flaws = [f"{index.name} {index.obstacle}" for index in node.unique_indexes]
    advice.append(
        f"readers wait during the refresh; CREATE UNIQUE INDEX CONCURRENTLY ON {node.name} "
        "(the columns that tell its rows apart), without WHERE and expressions, would let them go "
        "on" + (f" ({'; '.join(flaws)})" if flaws else "")
    )
    return "refresh", tuple(advice)


def unchanged(policy: ViewPolicy) -> Step:
    """Return the step of a view that was found to have nothing to do before anything was read."""
    return Step(policy, "unchanged", NOTHING_CHANGED, age_s=0.0)


def _step(
    policy: ViewPolicy,
    seen: Seen,
    now: datetime,
    level: int,
    after: tuple[str, ...],
    moved: Sequence[str],
    force: bool,
) -> Step:
    state = seen.states.get(policy.name, State())
    fresh_at = state.checked_at or state.refreshed_at
    node = seen.graph.named(policy.name)
    action, reason, advice = _decision(policy, seen, state, node, now, moved, force)
    return Step(
        policy,
        action,
        reason,
        level=level,
        after=after,
        advice=advice,
        estimate_s=state.seconds,
        age_s=max(0.0, (now - fresh_at).total_seconds()) if fresh_at else None,
        requests=state.requests,
    )


def _decision(
    policy: ViewPolicy,
    seen: Seen,
    state: State,
    node: Node | None,
    now: datetime,
    moved: Sequence[str],
    force: bool,
) -> tuple[Action, str, tuple[str, ...]]:
    """Return action, reason and advice for one view."""
    if policy.rollup is None and (node is None or node.kind != "m"):
        found = "there is no such relation" if node is None else "it is no materialized view"
        return "missing", f"{policy.name}: {found}", ("create it, or take it out of the YAML",)
    absent = seen.lacking.get(policy.name, ())
    if absent:
        return (
            "missing",
            f"{policy.name} reads {', '.join(absent)}: there is no such table",
            ("create it, or correct the YAML",),
        )
    why = _why(policy, seen, state, node, now, moved, force)
    action: Action = "incremental"
    advice: tuple[str, ...] = ()
    if policy.rollup is None and node is not None:
        action, advice = how(node)
    if not why:
        return "unchanged", NOTHING_CHANGED, advice
    if state.failed_at is not None and not force:
        until = state.failed_at + pause(state)
        if now < until:
            return (
                "wait",
                f"failed {state.failures} times; tried again at {until:%H:%M} UTC",
                advice,
            )
    return action, why, advice


def _why(
    policy: ViewPolicy,
    seen: Seen,
    state: State,
    node: Node | None,
    now: datetime,
    moved: Sequence[str],
    force: bool,
) -> str:
    """Return why a view is to be refreshed; empty when it is not."""
    if force:
        return "asked for by hand"
    if policy.rollup is not None:
        if policy.name not in seen.dirty:
            return "it is not set up yet"
        # what is captured is all there is: a request changes nothing
        return seen.dirty[policy.name] or ("asked for" if state.requests else "")
    if node is not None and not node.populated:
        return "it has no content yet"
    if moved:
        return f"{moved[0]} comes before it in this plan"
    if state.requests:
        told = f": {', '.join(state.reasons[:3])}" if state.reasons else ""
        return (
            f"asked for {state.requests} times{told}" if state.requests > 1 else f"asked for{told}"
        )
    if node is None:
        return "it is not known"
    verdict = changes.judge(
        policy, state, seen.graph, node, seen.extra.get(policy.name, ()), seen.counters, now
    )
    return verdict.why if verdict.changed else ""


def _urgency(step: Step) -> tuple[bool, float, str]:
    """Sort key within a level: asked for first, then by age over goal, then by name."""
    late = float("inf") if step.age_s is None else step.age_s / 60.0 / step.policy.fresh_minutes
    return (step.requests == 0, -late, step.policy.name)
