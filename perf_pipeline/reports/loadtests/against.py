"""One figure of a run against the same of the runs its baseline is made of; pure.

The verdict on an execution is the judge's (`test_executions.state`). This says where in it a change
lies: which operation, which statement, and also what got better. It takes the same thresholds, and
a change counts only beyond what those runs vary by.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

#: Fewer runs of a baseline do not tell what they vary by; then only a factor of e (2.7) counts,
#: which is more than p95 of some dozens of transactions varies by.
MINIMUM_RUNS: Final = 3
_ASSUMED: Final = 1.0
#: What their median absolute deviation is multiplied by: of normal values 1.4826 makes it a
#: standard deviation; three of those hold all but 0.3 % (Tukey's and Iglewicz's outlier rules
#: stand at 2.7 and 3.5).
_WIDTH: Final = 3 * 1.4826
#: Below 2 % differences are timer resolution and code layout (the judge's floor).
_FLOOR: Final = 0.02
#: The logarithm of what a float holds.
_LARGEST: Final = 700.0
#: A verdict, the most important first.
VERDICTS: Final = ("worse", "better", "new", "gone", "few runs", "same", "no data")


@dataclass(frozen=True)
class Against:
    """A figure beside what was normal.

    Attributes
    ----------
    name : str
    current, normal : float or None
        Now, and the median of the baseline's runs.
    change : float or None
        Relative: 0.1 is 10 % more.
    verdict : str
        `worse` and `better`: beyond the threshold, and beyond what the runs vary by; `few runs`:
        beyond the threshold, but nobody knows what they vary by; `same`; `new` (none of the runs
        has it), `gone`; `no data`.
    runs : int
        Of the baseline that have it.
    weight : float
        What it is worth: ms of the run, for the order.

    """

    name: str
    current: float | None
    normal: float | None
    change: float | None
    verdict: str
    runs: int
    weight: float = 0.0


def against(
    name: str,
    current: float | None,
    earlier: Sequence[float | None],
    threshold_percent: float,
    *,
    more_is_worse: bool = True,
    weight: float = 0.0,
) -> Against:
    """Compare a figure that is above zero with the same of earlier runs.

    Parameters
    ----------
    name : str
    current : float or None
    earlier : sequence of float or None
        One a run of the baseline; what is None, zero or not finite was not measured.
    threshold_percent : float
        A smaller change is none.
    more_is_worse : bool
    weight : float

    """
    known = [value for value in earlier if _usable(value)]
    values = [float(value) for value in known if value is not None]
    if not _usable(current) or current is None:
        verdict = "gone" if values and current is None else "no data"
        return Against(
            name, current, median(values) if values else None, None, verdict, len(values), weight
        )
    if not values:
        return Against(name, current, None, None, "new", 0, weight)
    normal = median(values)
    # a fall by the same factor is as large as a rise
    moved = math.log(current) - math.log(normal)
    beyond = abs(moved) > math.log1p(threshold_percent / 100)
    verdict = "same"
    if beyond:
        few = len(values) < MINIMUM_RUNS
        around = [abs(math.log(value) - math.log(normal)) for value in values]
        if abs(moved) > (_ASSUMED if few else max(_FLOOR, _WIDTH * median(around))):
            verdict = "worse" if (moved > 0) is more_is_worse else "better"
        elif few:
            verdict = "few runs"
    change = math.expm1(moved) if moved < _LARGEST else None
    return Against(name, current, normal, change, verdict, len(values), weight)


def _usable(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def ordered(found: Sequence[Against]) -> list[Against]:
    """Return what got worse first, then what got better; within that the heaviest."""
    return sorted(found, key=lambda each: (VERDICTS.index(each.verdict), -each.weight, each.name))


def operations(
    now: Sequence[Mapping[str, Any]],
    earlier: Sequence[Sequence[Mapping[str, Any]]],
    threshold_percent: float,
    metric: str = "p95_ms",
) -> list[Against]:
    """Compare each kind of transaction of a run with those of the baseline's runs.

    Parameters
    ----------
    now : sequence of Mapping
        Rows of perf_mgmt.execution_transactions of the run.
    earlier : sequence of sequence of Mapping
        The same of each run of the baseline.
    threshold_percent : float
    metric : str

    """
    runs = [{row["name"]: row for row in rows} for rows in earlier]
    mine = {row["name"]: row for row in now}
    names = sorted({*mine, *(name for run in runs for name in run)})
    return ordered(
        [
            against(
                name,
                mine[name][metric] if name in mine else None,
                [run[name][metric] for run in runs if name in run],
                threshold_percent,
                weight=_time(mine.get(name)),
            )
            for name in names
        ]
    )


def _time(row: Mapping[str, Any] | None) -> float:
    if row is None or row["mean_ms"] is None:
        return 0.0
    return float(row["mean_ms"] * row["transactions"])


#: What identifies a statement within a target.
KEY: Final = ("userid", "dbid", "queryid", "toplevel")


def statements(
    now: Sequence[Mapping[str, Any]],
    earlier: Sequence[Sequence[Mapping[str, Any]]],
    threshold_percent: float,
) -> dict[tuple[Any, ...], Against]:
    """Compare the time per call of each statement of a run, by its key (`KEY`).

    Statements that only the baseline's runs have are not told: the lists hold the heaviest.
    """
    runs = [{_key(row): row["mean_ms"] for row in rows} for rows in earlier]
    return {
        _key(row): against(
            row["query_hash"],
            row["mean_ms"],
            [run[_key(row)] for run in runs if _key(row) in run],
            threshold_percent,
            weight=row["total_ms"],
        )
        for row in now
    }


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)
