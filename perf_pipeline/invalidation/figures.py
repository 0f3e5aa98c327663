"""What a drain did, in figures: how much was folded, spared, served, and how stale it had been."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

#: How a drain ended: nothing was left to do, its time was over, or it was told to stop.
Ended = Literal["idle", "budget", "stopped"]

#: A call of a processing function that takes longer is slow, s (G-31).
SLOW_S: Final = 2.0


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least so large a share does not exceed; None of none.

    Parameters
    ----------
    ordered : sequence of float
        Ascending.
    share : float
        0 to 1.

    """
    if not ordered:
        return None
    rank = max(1, -int(-share * len(ordered) // 1))  # ceiling
    return ordered[min(rank, len(ordered)) - 1]


@dataclass
class Tally:
    """What is added up of one cache type while a drain runs.

    Attributes
    ----------
    changes : int
        Entries of the log behind what was refreshed.
    refreshed : int
        Entities that were recomputed, and every sink told.
    changed_meanwhile : int
        Those of them that stay in the queue, because they changed while they were.
    failed, dead : int
        Failures that are tried again; entities that failed too often and were set aside.
    lost_lease : int
        Entities that another worker took over: this one was too slow.
    staleness_s : list of float
        Of each entity refreshed, seconds from its first change until it was.
    process_s, slowest_s : float
        Seconds spent in the processing function, and of its longest call.
    calls : int
        Calls of the processing function.
    down : str
        Why the whole cache type could not be served; its entries stay due.

    """

    cache_type: str
    changes: int = 0
    refreshed: int = 0
    changed_meanwhile: int = 0
    failed: int = 0
    dead: int = 0
    lost_lease: int = 0
    staleness_s: list[float] = field(default_factory=list)
    process_s: float = 0.0
    slowest_s: float = 0.0
    calls: int = 0
    down: str = ""

    def called(self, seconds: float) -> None:
        """Count a call of the processing function."""
        self.calls += 1
        self.process_s += seconds
        self.slowest_s = max(self.slowest_s, seconds)

    def add(self, other: "Tally") -> None:
        """Add what another session did for the same cache type."""
        self.changes += other.changes
        self.refreshed += other.refreshed
        self.changed_meanwhile += other.changed_meanwhile
        self.failed += other.failed
        self.dead += other.dead
        self.lost_lease += other.lost_lease
        self.staleness_s += other.staleness_s
        self.process_s += other.process_s
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.calls += other.calls
        self.down = self.down or other.down

    def result(self) -> "Served":
        """Return the figures, final."""
        ordered = sorted(self.staleness_s)
        return Served(
            cache_type=self.cache_type,
            changes=self.changes,
            refreshed=self.refreshed,
            changed_meanwhile=self.changed_meanwhile,
            failed=self.failed,
            dead=self.dead,
            lost_lease=self.lost_lease,
            staleness_p50_s=percentile(ordered, 0.5),
            staleness_p99_s=percentile(ordered, 0.99),
            staleness_max_s=percentile(ordered, 1.0),
            process_s=self.process_s,
            slowest_s=self.slowest_s,
            calls=self.calls,
            down=self.down,
        )


@dataclass(frozen=True)
class Served:
    """What a drain did for one cache type; fields as of `Tally`, staleness in seconds.

    The staleness is None where nothing was done.
    """

    cache_type: str
    changes: int = 0
    refreshed: int = 0
    changed_meanwhile: int = 0
    failed: int = 0
    dead: int = 0
    lost_lease: int = 0
    staleness_p50_s: float | None = None
    staleness_p99_s: float | None = None
    staleness_max_s: float | None = None
    process_s: float = 0.0
    slowest_s: float = 0.0
    calls: int = 0
    down: str = ""

    @property
    def avoided(self) -> int:
        """Refreshes that were spared: changes of an entity that one refresh answered together."""
        return self.changes - self.refreshed

    @property
    def worked(self) -> bool:
        """Whether anything was tried."""
        return bool(self.refreshed or self.failed or self.dead or self.down)


@dataclass(frozen=True)
class Left:
    """What a drain left behind.

    Attributes
    ----------
    waiting : int
        Entries of the queue, and entries of the log that are not in it yet.
    oldest_s : float or None
        Seconds since the first change of the oldest of them; None where none waits.
    dead : int
        Entries that failed too often, of this and earlier drains.

    """

    waiting: int = 0
    oldest_s: float | None = None
    dead: int = 0


@dataclass(frozen=True)
class Drained:
    """What one drain of a target did.

    Attributes
    ----------
    folded : int
        Entries of the log that were moved to the queue.
    seconds : float
        How long it took, waiting included.
    served : tuple of Served
        One per declared cache type.
    unknown : int
        Entries of cache types that are not declared, newly marked.
    unresolved : tuple of str
        Paths that could not be followed.
    left : Left

    """

    target: str
    started_at: datetime
    seconds: float
    ended: Ended
    folded: int
    served: tuple[Served, ...]
    unknown: int = 0
    unresolved: tuple[str, ...] = ()
    left: Left = field(default_factory=Left)

    @property
    def refreshed(self) -> int:
        """Entities that were refreshed, of all cache types."""
        return sum(each.refreshed for each in self.served)

    @property
    def changes(self) -> int:
        """Entries of the log behind them."""
        return sum(each.changes for each in self.served)

    @property
    def worked(self) -> bool:
        """Whether anything was folded or tried."""
        return bool(self.folded) or any(each.worked for each in self.served)

    @property
    def down(self) -> tuple[str, ...]:
        """Why cache types could not be served, one line each."""
        return tuple(f"{each.cache_type}: {each.down}" for each in self.served if each.down)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "target": self.target,
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "ended": self.ended,
            "folded": self.folded,
            "unknown": self.unknown,
            "unresolved": list(self.unresolved),
            "left": vars(self.left),
            "served": [{**vars(each), "avoided": each.avoided} for each in self.served],
        }


def coalescing(changes: int, refreshed: int) -> float | None:
    """Return how many changes one refresh answered on average; None without a refresh."""
    return changes / refreshed if refreshed else None


def worst(values: Iterable[float | None]) -> float | None:
    """Return the largest of the values there are; None when there are none."""
    known = [value for value in values if value is not None]
    return max(known) if known else None
