"""What a view kept by us is: its declaration, its place in the graph, its state, its plan."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from perf_pipeline.errors import ConfigurationError

#: How often a view's content changes though no table does: it reads the clock.
Moves = Literal["never", "hour", "day", "month"]
MOVES: Final[tuple[Moves, ...]] = ("never", "hour", "day", "month")
#: What the plan says of a view.
Action = Literal["refresh", "concurrently", "incremental", "unchanged", "wait", "missing"]

_QUALIFIED = re.compile(r"^[^.\s]+\.[^.\s]+$")


@dataclass(frozen=True)
class Rollup:
    """How a view is kept incrementally: groups of the rows of one table.

    Attributes
    ----------
    source : str
        `schema.name` of the table.
    group_by : tuple of (column, expression)
        The key of a group; a key may be NULL.
    measures : tuple of (column, aggregate)
        `count(*)`, `count(x)`, `sum(x)`, `avg(x)` of whole or decimal numbers are kept by adding
        up what changed; any other aggregate by computing its group again.
    where : str
        Rows that count; empty: all.

    """

    source: str
    group_by: tuple[tuple[str, str], ...]
    measures: tuple[tuple[str, str], ...]
    where: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as it is recorded in the target."""
        return {
            "source": self.source,
            "group_by": [list(pair) for pair in self.group_by],
            "measures": [list(pair) for pair in self.measures],
            "where": self.where,
        }


@dataclass(frozen=True)
class ViewPolicy:
    """What a target declares of one view.

    Attributes
    ----------
    name : str
        `schema.name`.
    fresh_minutes : float
        The goal: no older than this, in minutes.
    schedule : str
        A cron expression in UTC; empty: only on request.
    moves : str or None
        When its content changes by the clock alone; None: not declared, and a view that reads the
        clock is refreshed every time.
    reads : tuple of str
        Tables (`schema.name`) that it reads through functions, which the catalog cannot tell.
    lock_ms : int
        Longest wait for a lock, ms: nobody waits longer behind it.
    seconds : float
        Most a refresh may take, s.
    blocking_seconds : float
        Most that a refresh may keep readers out where it cannot be done concurrently, s.
    at_least_hours : float
        Refreshed so often even if nothing is seen to have changed.
    rollup : Rollup or None
        Kept incrementally; None: a materialized view.
    report : bool
        Its first rows are shown as an asset that follows each refresh.

    """

    name: str
    fresh_minutes: float = 60.0
    schedule: str = ""
    moves: Moves | None = None
    reads: tuple[str, ...] = ()
    lock_ms: int = 500
    seconds: float = 600.0
    blocking_seconds: float = 10.0
    at_least_hours: float = 24.0
    rollup: Rollup | None = None
    report: bool = False

    def __post_init__(self) -> None:
        """Refuse a name without schema.

        Raises
        ------
        ConfigurationError
            Names the view.

        """
        for name in (self.name, *self.names):
            if not _QUALIFIED.fullmatch(name):
                raise ConfigurationError(
                    f"view {self.name!r}: {name!r} is no name with its schema",
                    "write it as schema.name",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The tables that the declaration itself names."""
        return (*self.reads, *([self.rollup.source] if self.rollup else []))

    @property
    def short(self) -> str:
        """The name without its schema: the last part of the asset key."""
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class UniqueIndex:
    """One unique index of a materialized view, and whether a concurrent refresh can use it."""

    name: str
    valid: bool
    immediate: bool
    partial: bool
    expressions: bool

    @property
    def obstacle(self) -> str:
        """Why a concurrent refresh cannot use it; empty when it can."""
        if not self.valid:
            return "is invalid: drop it and build it again"
        if self.partial:
            return "leaves rows out (WHERE)"
        if self.expressions:
            return "is of an expression, not of columns"
        if not self.immediate:
            return "is deferrable"
        return ""


@dataclass(frozen=True)
class Node:
    """One relation of the graph.

    Attributes
    ----------
    oid : int
    name : str
        `schema.name`.
    kind : str
        `r` table, `p` partitioned table, `f` foreign table, `v` view, `m` materialized view.
    reads : tuple of int
        Oids of what it reads itself.
    definition : str
        Digest of a view's stored rule; empty for tables.
    clock, opaque : tuple of str
        Functions whose result moves with time; functions that may look at anything.
    reads_catalog : bool
        It reads the system's own relations, whose changes nobody counts.

    """

    oid: int
    name: str
    kind: str
    reads: tuple[int, ...] = ()
    populated: bool = True
    owned: bool = True
    definition: str = ""
    clock: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    reads_catalog: bool = False
    unique_indexes: tuple[UniqueIndex, ...] = ()


@dataclass(frozen=True)
class Counter:
    """What was written to a table and its partitions so far.

    Attributes
    ----------
    digest : str
        Of the oids, files and counters of all its members.
    changes, scans : int
        Rows written; scans, which only become more.
    epoch : str
        Since when is counted, and in which database.
    counted : bool
        Whether the server counts at all (`track_counts`).

    """

    digest: str
    changes: int
    scans: int
    epoch: str
    counted: bool = True


@dataclass(frozen=True)
class State:
    """What is known of one view's refreshes, and how often it is asked for."""

    refreshed_at: datetime | None = None
    checked_at: datetime | None = None
    seconds: float | None = None
    method: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    failures: int = 0
    failed_at: datetime | None = None
    last_error: str | None = None
    requests: int = 0
    oldest_request: datetime | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """What is to be done with one view, and why.

    Attributes
    ----------
    level : int
        0: rests on no other planned view; n: on one of level n - 1.
    after : tuple of str
        Views that come first.
    advice : tuple of str
        What would make the refresh better.
    estimate_s : float or None
        Seconds of the last refresh; None: never done.
    age_s : float or None
        Seconds since it was last as fresh as its sources; None: never.

    """

    policy: ViewPolicy
    action: Action
    reason: str
    level: int = 0
    after: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    estimate_s: float | None = None
    age_s: float | None = None
    requests: int = 0

    @property
    def works(self) -> bool:
        """Whether there is something to do."""
        return self.action in {"refresh", "concurrently", "incremental"}

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "view": self.policy.name,
            "action": self.action,
            "reason": self.reason,
            "level": self.level,
            "after": list(self.after),
            "advice": list(self.advice),
            "estimate_s": self.estimate_s,
            "age_s": self.age_s,
            "fresh_minutes": self.policy.fresh_minutes,
            "requests": self.requests,
        }


@dataclass(frozen=True)
class Plan:
    """The steps of one target, in the order they are done."""

    target: str
    at: datetime
    steps: tuple[Step, ...]
