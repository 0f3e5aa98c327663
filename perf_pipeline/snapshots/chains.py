"""Who waits for whom: the root of each wait, how far it is, and how many wait behind it. Pure."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

#: What `with_chains` adds.
CHAIN: Final = {
    "root_pid": pl.Int64(),
    "depth": pl.Int64(),
    "behind_root": pl.Int64(),
    "is_cycle": pl.Boolean(),
}

Edge = tuple[int, int]
_Neighbours = Mapping[int, Collection[int]]


@dataclass(frozen=True)
class _End:
    """Where chains end: a session nobody blocks, or a deadlock by its smallest pid."""

    pid: int
    is_cycle: bool
    waits_to: Mapping[int, int]

    @property
    def behind(self) -> int:
        return len(self.waits_to) - 1


def with_chains(waits: pl.DataFrame) -> pl.DataFrame:
    """Add to each wait where its chain ends.

    Parameters
    ----------
    waits : polars.DataFrame
        One row per session that waits and one in its way: `pid`, `blocker_pid` (0: a prepared
        transaction) and others, which are kept.

    Returns
    -------
    polars.DataFrame
        The rows in their order, with `root_pid`, who waits for nobody; `depth`, the waits from
        this session to the root (1: directly behind it); `behind_root`, the sessions that wait for
        the root, directly or not. Behind several roots, the one that most wait for is shown, of
        equals the smallest pid. `is_cycle`: the chain ends in a deadlock, which the server ends
        after `deadlock_timeout`; `root_pid` is then the smallest pid in it.

    """
    edges = list(zip(waits["pid"].to_list(), waits["blocker_pid"].to_list(), strict=True))
    ends = _ends(edges)
    found: dict[Edge, tuple[int, int, int, bool]] = {}
    for pid, blocker in edges:
        end = min(
            (end for end in ends if blocker in end.waits_to), key=lambda end: (-end.behind, end.pid)
        )
        depth = 1 + end.waits_to[blocker]
        found[pid, blocker] = (end.pid, depth, end.behind, end.is_cycle)
    return waits.with_columns(
        pl.Series(name, [found[edge][place] for edge in edges], dtype=kind)
        for place, (name, kind) in enumerate(CHAIN.items())
    )


def _ends(edges: Iterable[Edge]) -> list[_End]:
    """Return all ends: from each session of the edges at least one can be reached."""
    blockers: dict[int, set[int]] = defaultdict(set)
    waiting: dict[int, set[int]] = defaultdict(set)
    for pid, blocker in edges:
        blockers[pid].add(blocker)
        waiting[blocker].add(pid)
    roots = sorted(set(waiting) - set(blockers))
    ends = [_End(root, False, _distances(root, waiting)) for root in roots]
    endless = set(blockers).difference(*(end.waits_to for end in ends))
    while endless:
        smallest = _deadlock(min(endless), blockers, waiting)
        ends.append(_End(smallest, True, _distances(smallest, waiting)))
        endless -= set(ends[-1].waits_to)
    return ends


def _distances(start: int, neighbours: _Neighbours) -> dict[int, int]:
    """Return how many steps away each reachable session is, the start included."""
    found = {start: 0}
    left = deque([start])
    while left:
        here = left.popleft()
        for there in neighbours.get(here, ()):
            if there not in found:
                found[there] = found[here] + 1
                left.append(there)
    return found


def _deadlock(pid: int, blockers: _Neighbours, waiting: _Neighbours) -> int:
    """Return the smallest pid of a deadlock that a session without a root waits for.

    Whoever is ahead of it but not behind it is nearer to the end; when there is no such session,
    all that are ahead wait for each other.
    """
    while True:
        ahead = _distances(pid, blockers)
        nearer = set(ahead) - set(_distances(pid, waiting))
        if not nearer:
            return min(ahead)
        pid = min(nearer)
