"""Look at declared replicas with each collection, so that alerts know of one that is away."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from perf_pipeline.postgres import replicas
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import fleet
from perf_pipeline.store import Store, measurements

METRIC: Final = "unreadable_replicas"
#: A look at one server takes 2 s to connect and 2 s to answer at most.
_BUDGET_S: Final = 10.0
_THREADS: Final = 16


def note(
    store: Store,
    targets: Sequence[Target],
    now: datetime,
    look: Callable[[Target], Sequence[replicas.State]] = replicas.look,
) -> None:
    """Keep of each declared replica whether it may not be read: 1, or 0 where it may.

    A replica that was promoted takes writes and may be read: routing finds it.

    Parameters
    ----------
    store : Store
    targets : sequence of Target
        Those without replicas cost nothing.
    now : datetime
        Aware.
    look : callable
        As `replicas.look`: the first state is the target's own server.

    """
    declared = [target for target in targets if target.replicas]
    if not declared:
        return
    for each in fleet.sweep_all(declared, look, threads=_THREADS, budget_s=_BUDGET_S):
        states = each.record
        values = (
            {state.name: float(bool(state.wrong)) for state in states[1:]}
            if states is not None
            else {replica.name: 1.0 for replica in each.target.replicas}
        )
        measurements.note(store, each.target.name, METRIC, values, now)
