"""How to bring a rollup up to date: apply what changed, compute its groups again, or all; pure."""

from dataclasses import dataclass
from typing import Final, Literal

Strategy = Literal["none", "apply", "recompute", "full"]

#: Where nothing was measured yet: computing a group again costs this many times its share of the
#: full computation (measured: with random rows it loses from about 30 % of the groups on).
RECOMPUTE_FACTOR: Final = 3.3
#: Seconds to apply one captured change, before it was measured.
APPLY_SECONDS: Final = 5e-6
#: Groups or changes from which on a measurement says something of the next one.
ENOUGH: Final = 500
#: Another way is taken where it is expected to cost at most this part of computing everything: what
#: is known of a way's cost is off by about as much (medians on a busy machine), and what is lost by
#: computing everything then is less than what a wrong guess loses.
MARGIN: Final = 0.8
#: Part of the new measurement in what is remembered.
_WEIGHT: Final = 0.5
#: A busy machine makes a refresh slow, nothing makes it fast: one measurement raises what is
#: remembered no further than if it had been this many times as slow.
_MOST_RISE: Final = 2.0
#: What stays of the remembered cost of other ways with each full computation: one that was measured
#: while the machine was busy is tried again some day (from 4 times too slow after about 50).
_FADES: Final = 0.97


@dataclass(frozen=True)
class Costs:
    """What the ways have cost.

    Attributes
    ----------
    groups : int
        Groups the rollup has, about.
    full_seconds : float or None
        Of the last full computation.
    seconds_per_group, seconds_per_change : float or None
        Measured, of computing one group again and of applying one captured change.

    """

    groups: int = 0
    full_seconds: float | None = None
    seconds_per_group: float | None = None
    seconds_per_change: float | None = None


@dataclass(frozen=True)
class Changes:
    """What was captured since the last refresh.

    Attributes
    ----------
    rows : int
        Captured rows: at most one for each statement and group.
    groups : int or None
        Different groups among them; None: not counted.
    everything : bool
        All of it may have changed (TRUNCATE).
    inexact : bool
        There is a value among them that cannot be added up (NaN, infinity).

    """

    rows: int
    groups: int | None = None
    everything: bool = False
    inexact: bool = False


def choose(changes: Changes, costs: Costs, *, adds_up: bool, doubt: str = "") -> Strategy:
    """Return the cheapest way that gives the same rows as computing everything.

    Parameters
    ----------
    changes : Changes
    costs : Costs
    adds_up : bool
        Whether every measure can be kept from what changed alone.
    doubt : str
        Why what was captured may not be all; empty when it is.

    """
    if doubt or changes.everything or costs.full_seconds is None:
        return "full"
    if changes.rows == 0:
        return "none"
    estimates: list[tuple[float, Strategy]] = [(MARGIN * costs.full_seconds, "full")]
    if adds_up and not changes.inexact:
        per_change = costs.seconds_per_change or APPLY_SECONDS
        estimates.append((changes.rows * per_change, "apply"))
    groups = changes.rows if changes.groups is None else changes.groups
    estimates.append((groups * per_group(costs), "recompute"))
    return min(estimates)[1]


def per_group(costs: Costs) -> float:
    """Return the seconds that computing one group again is expected to take."""
    if costs.seconds_per_group is not None:
        return costs.seconds_per_group
    return RECOMPUTE_FACTOR * (costs.full_seconds or 0.0) / max(1, costs.groups)


def learn(costs: Costs, way: Strategy, seconds: float, count: int) -> Costs:
    """Return what is known of the costs after one more refresh.

    Parameters
    ----------
    costs : Costs
    way : str
    seconds : float
        It took.
    count : int
        Groups computed by `full` and `recompute`, captured changes applied by `apply`. Few say
        nothing: what a refresh costs at least would be taken for the cost of a group.

    """
    if way == "full":
        alike = costs.groups / 2 <= count <= 2 * costs.groups
        return Costs(
            count,
            _mixed(costs.full_seconds if alike else None, seconds),
            _faded(costs.seconds_per_group),
            _faded(costs.seconds_per_change),
        )
    if way == "none" or count < ENOUGH:
        return costs
    each = seconds / count
    if way == "apply":
        known = _mixed(costs.seconds_per_change, each)
        return Costs(costs.groups, costs.full_seconds, costs.seconds_per_group, known)
    known = _mixed(costs.seconds_per_group, each)
    return Costs(costs.groups, costs.full_seconds, known, costs.seconds_per_change)


def _mixed(before: float | None, now: float) -> float:
    if before is None:
        return now
    return (1.0 - _WEIGHT) * before + _WEIGHT * min(now, _MOST_RISE * before)


def _faded(cost: float | None) -> float | None:
    return None if cost is None else _FADES * cost
