"""Whether a view's sources changed since its last refresh: in doubt they did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from perf_pipeline.views.graph import Graph
from perf_pipeline.views.model import Counter, Moves, Node, State, ViewPolicy

_BUCKETS: Final[Mapping[str, str]] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass(frozen=True)
class Verdict:
    """Whether to refresh, and why.

    Attributes
    ----------
    changed : bool
        True also where it cannot be known.
    why : str
        One clause for a person.
    rows : int or None
        Rows written to the sources since; None where it cannot be told.

    """

    changed: bool
    why: str
    rows: int | None = None


def evidence(
    graph: Graph,
    node: Node,
    extra: Sequence[Node],
    counters: Mapping[int, Counter],
    moves: Moves | None,
    at: datetime,
) -> dict[str, Any]:
    """Return what a view's sources look like now, to be compared with later.

    Parameters
    ----------
    graph : Graph
    node : Node
        The view.
    extra : sequence of Node
        Tables it reads through functions, as declared.
    counters : Mapping of oid to Counter
        Read before the refresh begins; a source that is missing here makes every later comparison
        a doubt.
    moves : str or None
    at : datetime
        Aware; before the refresh begins.

    """
    sources = {each.oid: each for each in (*graph.sources(node), *extra)}
    known = {oid: counters[oid] for oid in sources if oid in counters}
    return {
        "oid": node.oid,
        "definition": " ".join(sorted(part.definition for part in graph.closure(node))),
        "epoch": min((counter.epoch for counter in known.values()), default=""),
        "sources": {
            str(oid): [counter.digest, counter.changes, counter.scans]
            for oid, counter in sorted(known.items())
        },
        "bucket": bucket(moves, at),
    }


def bucket(moves: Moves | None, at: datetime) -> str:
    """Return the hour, day or month (UTC) that a view's content belongs to; else nothing."""
    shape = _BUCKETS.get(moves or "")
    return at.astimezone(UTC).strftime(shape) if shape else ""


def judge(
    policy: ViewPolicy,
    state: State,
    graph: Graph,
    node: Node,
    extra: Sequence[Node],
    counters: Mapping[int, Counter],
    now: datetime,
) -> Verdict:
    """Say whether a view has to be refreshed.

    Returns
    -------
    Verdict
        Unchanged only where all is known: every source is a counted table, nothing the view calls
        is unknown or moves with time unseen, its definition and its sources are the same, the
        counters are those of the same epoch, and the last refresh is not too long ago.

    """
    if state.refreshed_at is None or not state.evidence:
        return Verdict(True, "it was never refreshed by us")
    if now - state.refreshed_at >= timedelta(hours=policy.at_least_hours):
        return Verdict(True, f"the last refresh is {policy.at_least_hours:g} hours ago")
    sources = [*graph.sources(node), *extra]
    doubt = _doubt(policy, graph, node, sources, counters)
    if doubt:
        return Verdict(True, doubt)
    seen = evidence(graph, node, extra, counters, policy.moves, now)
    return _compare(state.evidence, seen, {str(each.oid): each.name for each in sources})


def _doubt(
    policy: ViewPolicy,
    graph: Graph,
    node: Node,
    sources: Sequence[Node],
    counters: Mapping[int, Counter],
) -> str:
    """Return why it cannot be known whether something changed; empty when it can."""
    for part in graph.closure(node):
        if part.clock and policy.moves is None:
            return f"it reads {part.clock[0]}, and `moves` is not declared"
        if part.opaque and policy.moves is None and not policy.reads:
            return f"it calls {part.opaque[0]}: what that reads is not known (`reads`, `moves`)"
        if part.reads_catalog:
            return f"{part.name} reads the system's catalogs, which are not counted"
    if not sources:
        return "no table is known that it reads"
    for source in sources:
        counter = counters.get(source.oid)
        if source.kind == "f":
            return f"{source.name} is a foreign table, which is not counted"
        if counter is None:
            return f"nothing is counted of {source.name}"
        if not counter.counted:
            return "the server counts nothing (track_counts is off)"
    return ""


def _compare(
    before: Mapping[str, Any], seen: Mapping[str, Any], names: Mapping[str, str]
) -> Verdict:
    if before.get("oid") != seen["oid"]:
        return Verdict(True, "it was made anew")
    if before.get("definition") != seen["definition"]:
        return Verdict(True, "its definition changed")
    if before.get("epoch") != seen["epoch"]:
        return Verdict(True, "the counters began anew (a crash, a reset or another server)")
    old, new = before.get("sources") or {}, seen["sources"]
    if set(old) != set(new):
        return Verdict(True, "it reads other tables than before")
    rows, changed = 0, []
    for oid, (digest, changes, scans) in new.items():
        was_digest, was_changes, was_scans = old[oid]
        if scans < was_scans or changes < was_changes:
            return Verdict(True, f"the counters of {names.get(oid, oid)} began anew")
        if digest != was_digest:
            changed.append(names.get(oid, oid))
            rows += changes - was_changes
    if changed:
        told = f"{rows:,} rows written to " if rows else "another file or partition of "
        return Verdict(True, told + _several(changed), rows)
    if before.get("bucket") != seen["bucket"]:
        return Verdict(True, f"its content moves with time, and {seen['bucket']} has begun")
    return Verdict(False, "nothing it reads has changed", 0)


def _several(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
