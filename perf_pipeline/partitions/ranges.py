"""Ranges of bounds: what nothing covers, what is after a plan, and how they are shown; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from perf_pipeline.partitions.model import Bound, Existing, Partition, Plan

Piece = tuple[Bound, Bound]
Range = tuple[Bound | None, Bound | None]


def subtract(whole: Piece, covered: Iterable[Range]) -> Iterator[Piece]:
    """Yield the pieces of `[lower, upper)` that nothing covers, in order.

    Parameters
    ----------
    whole : tuple of Bound
    covered : iterable of (Bound or None, Bound or None)
        None is unbounded.

    """
    pieces = [whole]
    for lower, upper in covered:
        left: list[Piece] = []
        for start, end in pieces:
            if (upper is not None and upper <= start) or (lower is not None and lower >= end):  # type: ignore[operator]
                left.append((start, end))
                continue
            if lower is not None and start < lower:  # type: ignore[operator]
                left.append((start, lower))
            if upper is not None and upper < end:  # type: ignore[operator]
                left.append((upper, end))
        pieces = left
    yield from pieces


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return what some ranges cover together: in order, and apart from each other.

    Parameters
    ----------
    ranges : iterable of (Bound or None, Bound or None)
        None is unbounded.

    """
    found: list[Range] = []
    for lower, upper in sorted(ranges, key=lambda each: start_of(each[0])):
        end = found[-1][1] if found else None
        if found and (end is None or lower is None or lower <= end):  # type: ignore[operator]
            if end is not None and (upper is None or upper > end):  # type: ignore[operator]
                found[-1] = (found[-1][0], upper)
        else:
            found.append((lower, upper))
    return found


def after(plan_: Plan, existing: Existing) -> Existing:
    """Return what is after a plan was carried out; for tests and for showing it; pure."""
    attached = {part.full_name: part for part in existing.partitions}
    detached = {part.full_name: part for part in existing.detached}
    drained = False
    for step in plan_.steps:
        name, part = step.partition.full_name, step.partition
        if step.kind in {"create", "create_default", "drain"}:
            attached[name] = part
            drained = drained or step.kind == "drain"
        elif step.kind == "archive":
            where = attached if name in attached else detached
            where[name] = replace(where[name], archived=True)
        elif step.kind in {"detach", "finalize"}:
            detached[name] = replace(attached.pop(name), pending=False)
        elif step.kind == "drop":
            detached.pop(name, None)
    return replace(
        existing,
        partitions=tuple(attached.values()),
        detached=tuple(part for part in detached.values() if part.archived),
        gone=(),
        default_periods=() if drained else existing.default_periods,
    )


def start(part: Partition) -> tuple[bool, Bound]:
    """Return the sort key of a partition: an unbounded one first."""
    return start_of(part.lower)


def start_of(lower: Bound | None) -> tuple[bool, Bound]:
    """Sort key: an unbounded one first."""
    return (lower is not None, lower if lower is not None else 0)


def reached_from(here: Bound, parts: Iterable[Partition]) -> tuple[Bound, bool]:
    """Return the end of the coverage without a gap from a bound on, and whether it has no end.

    Parameters
    ----------
    here : Bound
    parts : iterable of Partition
        Sorted by `start`.

    """
    reached = here
    for part in parts:
        if part.lower is not None and part.lower > reached:  # type: ignore[operator]
            continue
        if part.upper is None:
            return reached, True
        reached = max(reached, part.upper)
    return reached, False


def compact(bound: Bound) -> str:
    """Return a bound as part of a name."""
    return f"{bound:%Y%m%d%H%M%S}" if isinstance(bound, datetime) else f"{bound}".replace("-", "m")


def shown(bound: Bound) -> str:
    """Return a bound for people."""
    return f"{bound:%Y-%m-%d %H:%M}" if isinstance(bound, datetime) else f"{bound:,}"
