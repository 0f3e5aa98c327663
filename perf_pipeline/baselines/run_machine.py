"""How much of a change is the machine's or the data's, and not the system's; pure.

A test that decides is run between blocks of a load that is the same on every database. Where that
reference is slower than in the runs of the baseline, the machine is, and as much is taken off the
change. It only ever excuses: a machine that is faster now makes nobody worse.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from perf_pipeline.baselines.run_model import Run

#: Which latency of the reference a metric is measured against; of the others, none.
OF_REFERENCE: Final[Mapping[str, str]] = {
    "p95_ms": "p95_ms",
    "p99_ms": "p99_ms",
    "throughput_tps": "mean_ms",
}
#: A machine slower than this is busy with others: its CPU says nothing of the system.
BUSY: Final = 1.2


def slower(metric: str, run: Run, normal: Run) -> float:
    """Return how many times slower the machine was than for the baseline; 1.0: not, or not known.

    Parameters
    ----------
    metric : str
        Of `METRICS`.
    run, normal : Run
        With their `reference`.

    """
    if run.reference is None or normal.reference is None:
        return 1.0
    name = OF_REFERENCE.get(metric, "mean_ms")
    now, then = run.reference.get(name), normal.reference.get(name)
    return max(1.0, now / then) if now and then else 1.0


def larger(run: Run, normal: Run) -> float:
    """Return how many times as large the data are, where they could not be restored; else 1.0."""
    if not run.not_restored or not run.data_bytes or not normal.data_bytes:
        return 1.0
    return max(1.0, run.data_bytes / normal.data_bytes)


def middle(found: Sequence[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Return the median of several runs' references, by name; None: a run has none.

    A baseline of which some runs had no reference has none: its level is of all of them.
    """
    known = [each for each in found if each]
    if not known or len(known) < len(found):
        return None
    return {
        name: median(each[name] for each in known)
        for name in sorted(set(OF_REFERENCE.values()))
        if all(name in each for each in known)
    }


def remark(run: Run, normal: Run | None) -> str:
    """Say what was taken into account of the run's circumstances; empty: nothing."""
    said = []
    if run.not_restored:
        said.append(run.not_restored)
        if normal is not None and (times := larger(run, normal)) > 1.005:
            said.append(f"its data are {times:.2f} times as large, which is allowed for")
    if normal is not None and (times := slower("throughput_tps", run, normal)) > BUSY:
        said.append(f"the machine was {times:.1f} times as slow, which is allowed for")
    return "; ".join(said)
