"""When a queue of invalidations is not well: limits, and what is said of what was seen; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from perf_pipeline.invalidation.figures import SLOW_S, worst
from perf_pipeline.invalidation.model import CacheType

if TYPE_CHECKING:
    from perf_pipeline.invalidation.queue import Depth

#: Entries that wait: more are a warning, more are critical (G-47).
PENDING_WARN: Final = 500
PENDING_CRITICAL: Final = 1_000
#: Minutes of drains that are judged together.
LOOK_BACK_MINUTES: Final = 60

Severity = Literal["warn", "error"]

#: What is checked, and what a check that passes says.
CHECKS: Final[Mapping[str, str]] = {
    "pending": f"at most {PENDING_WARN} entries wait; more than {PENDING_CRITICAL:,} are critical",
    "oldest": "no entry waits for longer than its cache's goal; twice as long is critical",
    "staleness": "99 of 100 refreshes came within the cache's goal; twice as long is critical",
    "dead": "no entry failed so often that it was set aside",
    "known": "every entry is of a cache type that is declared",
    "captured": "triggers and functions of the target are as declared",
    "quick": f"no call of a processing function took more than {SLOW_S:g} s",
}
#: Those that judge what drains did, which only the store knows.
FROM_DRAINS: Final = ("staleness", "quick")


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Attributes
    ----------
    severity : str
        Of a check that does not pass.
    told : str
        A line for a reader.
    figures : Mapping
        Numbers and texts to show.

    """

    check: str
    passed: bool
    severity: Severity
    told: str
    figures: Mapping[str, Any]


def judge(
    caches: Sequence[CacheType],
    depth: Sequence["Depth"],
    ages_s: Mapping[str, float],
    logged: int,
    logged_s: float | None,
    drains: Sequence[Mapping[str, Any]] | None,
    steps: Sequence[str],
) -> list[Verdict]:
    """Judge what was seen of one target; one verdict per name of `CHECKS`, in their order.

    Parameters
    ----------
    caches : sequence of CacheType
        All that are declared.
    depth : sequence of Depth
        What waits and what is dead, by cache type.
    ages_s : Mapping
        Seconds since the first change of the oldest entry, of each cache type where one waits.
    logged : int
        Entries of the log.
    logged_s : float or None
        Seconds since the oldest of them; they may be of any cache type, so that the strictest goal
        is theirs.
    drains : sequence of Mapping or None
        Rows of `record.recent` of the last `LOOK_BACK_MINUTES`. None: not known, and what is judged
        by them (`FROM_DRAINS`) is left out.
    steps : sequence of str
        What would have to be done for everything to be captured as declared.

    """
    return [
        _pending(depth, logged),
        _oldest(caches, ages_s, logged_s),
        *([] if drains is None else [_staleness(caches, drains)]),
        _dead(depth),
        _known(caches, depth),
        _captured(steps),
        *([] if drains is None else [_quick(drains)]),
    ]


def _pending(depth: Sequence["Depth"], logged: int) -> Verdict:
    waiting = sum(row.entries for row in depth) + logged
    affected = sum(row.entries for row in depth)
    return Verdict(
        "pending",
        waiting <= PENDING_WARN,
        "error" if waiting > PENDING_CRITICAL else "warn",
        f"{waiting:,} entries wait",
        {"waiting": waiting, "affected_entities": affected, "not_folded_yet": logged},
    )


def _by_goal(
    check: str, caches: Sequence[CacheType], seconds: Mapping[str, float], what: str
) -> Verdict:
    """Compare one figure of each cache type with its goal."""
    goals = {cache.name: cache.fresh_s for cache in caches}
    shares = {name: seconds[name] / goals[name] for name in seconds if name in goals}
    if not shares:
        return Verdict(check, True, "warn", f"{what}: nothing to judge", {})
    name = max(shares, key=lambda each: shares[each])
    return Verdict(
        check,
        shares[name] <= 1.0,
        "error" if shares[name] > 2.0 else "warn",
        f"{what} of {name}: {seconds[name]:.1f} s, the goal is {goals[name]:g} s",
        {"seconds": round(seconds[name], 3), "goal_seconds": goals[name], "cache_type": name},
    )


def _oldest(
    caches: Sequence[CacheType], ages_s: Mapping[str, float], logged_s: float | None
) -> Verdict:
    ages = dict(ages_s)
    if logged_s is not None and caches:
        strictest = min(caches, key=lambda cache: cache.fresh_s).name
        ages[strictest] = max(logged_s, ages.get(strictest, 0.0))
    return _by_goal("oldest", caches, ages, "oldest entry")


def _staleness(caches: Sequence[CacheType], drains: Sequence[Mapping[str, Any]]) -> Verdict:
    slowest = {
        cache.name: worst(
            row["staleness_p99_s"] for row in drains if row["cache_type"] == cache.name
        )
        for cache in caches
    }
    known = {name: value for name, value in slowest.items() if value is not None}
    return _by_goal("staleness", caches, known, "worst p99 of the last hour")


def _dead(depth: Sequence["Depth"]) -> Verdict:
    dead = {row.cache_type: row.dead for row in depth if row.dead}
    told = ", ".join(f"{count:,} of {name}" for name, count in dead.items())
    return Verdict(
        "dead",
        not dead,
        "warn",
        f"set aside: {told}; `perf-pipeline invalidation retry` puts them back"
        if dead
        else "none is set aside",
        {"dead": sum(dead.values())},
    )


def _known(caches: Sequence[CacheType], depth: Sequence["Depth"]) -> Verdict:
    names = {cache.name for cache in caches}
    unknown = {row.cache_type: row.entries for row in depth if row.cache_type not in names}
    unknown = {name: count for name, count in unknown.items() if count}
    told = ", ".join(f"{name} ({count:,} entries)" for name, count in unknown.items())
    return Verdict(
        "known",
        not unknown,
        "error",
        f"nobody declares {told}: declare it, or stop asking for it" if unknown else "all are",
        {"unknown_types": len(unknown), "entries": sum(unknown.values())},
    )


def _captured(steps: Sequence[str]) -> Verdict:
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    return Verdict(
        "captured",
        not steps,
        "error",
        f"{steps[0]}{more}: run `perf-pipeline invalidation install`"
        if steps
        else "all as declared",
        {"differences": len(steps)},
    )


def _quick(drains: Sequence[Mapping[str, Any]]) -> Verdict:
    slow = [row for row in drains if row["slowest_s"] > SLOW_S]
    slowest = worst(row["slowest_s"] for row in drains)
    return Verdict(
        "quick",
        not slow,
        "warn",
        f"{slow[0]['cache_type']}: a call took {slowest:.1f} s"
        if slow
        else "no call was slow in the last hour",
        {} if slowest is None else {"slowest_seconds": round(slowest, 3)},
    )
