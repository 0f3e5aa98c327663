"""Looking at targets without changing anything: who has work, and whether all is well."""

import concurrent.futures
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation import install, limits, logical, queue, record, stream
from perf_pipeline.invalidation.figures import Served, coalescing, worst
from perf_pipeline.invalidation.limits import FROM_DRAINS, Verdict
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, measurements

#: Targets looked at at the same time, and seconds for all of them: a sensor has 60.
THREADS: Final = 8
LOOK_S: Final = 10.0
#: Of one look: statement and lock, ms, and connecting, s.
_LIMITS: Final = pg.Limits(2_000, 500, 2)


def due(declared: Sequence[tuple[Target, Sequence[CacheType]]], told: list[str]) -> list[Target]:
    """Return the targets where something is to be folded or due; all are looked at at once.

    Parameters
    ----------
    declared : sequence of (Target, cache types)
    told : list of str
        Takes a line per target that could not be looked at in time.

    """
    found = []
    pool = concurrent.futures.ThreadPoolExecutor(THREADS)
    try:
        waiting = {pool.submit(has_work, target, caches): target for target, caches in declared}
        _, late = concurrent.futures.wait(waiting, timeout=LOOK_S)
        for future, target in waiting.items():
            if future in late:
                told.append(f"{target.name}: no answer within {LOOK_S:g} s")
                continue
            try:
                if future.result():
                    found.append(target)
            except PerfPipelineError as error:
                told.append(f"{target.name}: {error.message}")
            except psycopg.Error as error:
                told.append(f"{target.name}: {str(error).strip().splitlines()[0]}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found


def has_work(target: Target, caches: Sequence[CacheType]) -> bool:
    """Return whether a target has work: one connection, one statement of at most 2 s.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be reached, or has no queue.

    """
    with pg.session(
        target.maintenance_url(), limits=_LIMITS, read_only=True, autocommit=True
    ) as connection:
        if queue.due_now(connection, caches):
            return True
        return any(cache.is_streamed for cache in caches) and stream.is_waiting(connection)


def waiting(target: Target, caches: Sequence[CacheType]) -> dict[str, int]:
    """Return how many entries wait, by cache type; what is logged and not yet folded as `log`.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be reached, or has no queue.

    """
    with pg.session(
        target.maintenance_url(), limits=_LIMITS, read_only=True, autocommit=True
    ) as connection:
        queue.due_now(connection, caches)  # says so where there is no queue
        found = {row.cache_type: int(row.entries) for row in queue.depth(connection)}
        return {**found, "log": int(queue.log_depth(connection).entries)}


@dataclass(frozen=True)
class Status:
    """What was seen of one target.

    Attributes
    ----------
    depth : tuple of Depth
        What waits and is dead, by cache type.
    logged, logged_s : int, float or None
        Entries of the log that are not in the queue yet, and seconds since the oldest of them.
    drains : Sequence of Mapping
        Rows of `record.recent` of the last hour.
    missing : str
        Why the store could not be asked; then the drains of the last hour are not known, and what
        they are judged by is left out.

    """

    target: str
    depth: tuple[queue.Depth, ...]
    ages_s: Mapping[str, float]
    logged: int
    logged_s: float | None
    drains: Sequence[Mapping[str, Any]]
    verdicts: tuple[Verdict, ...]
    missing: str = ""

    @property
    def well(self) -> bool:
        """Whether every check that could be made passes."""
        return all(each.passed for each in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "target": self.target,
            "not_folded_yet": self.logged,
            "oldest_not_folded_seconds": self.logged_s,
            "queue": [
                {**vars(row), "oldest_seconds": self.ages_s.get(row.cache_type)}
                for row in self.depth
            ],
            "last_hour": None
            if self.missing
            else [vars(each) | {"avoided": each.avoided} for each in self.last_hour()],
            "not_known": self.missing or None,
            "checks": [
                {"check": each.check, "passed": each.passed, "severity": each.severity,
                 "told": each.told} for each in self.verdicts
            ],
        }  # fmt: skip

    def last_hour(self) -> list[Served]:
        """Return what drains of the last hour did, by cache type.

        Percentiles cannot be added: the largest of the drains' is told.
        """
        found = []
        for name in sorted({row["cache_type"] for row in self.drains}):
            rows = [row for row in self.drains if row["cache_type"] == name]
            found.append(
                Served(
                    name,
                    **{
                        field: sum(row[field] for row in rows)
                        for field in ("changes", "refreshed", "changed_meanwhile", "failed", "dead")
                    },
                    staleness_p50_s=worst(row["staleness_p50_s"] for row in rows),
                    staleness_p99_s=worst(row["staleness_p99_s"] for row in rows),
                    staleness_max_s=worst(row["staleness_max_s"] for row in rows),
                    slowest_s=max(row["slowest_s"] for row in rows),
                )
            )
        return found

    def lines(self) -> Iterator[str]:
        """Yield it for a reader."""
        for row in self.depth:
            age = self.ages_s.get(row.cache_type)
            since = "" if age is None else f", the oldest for {age:.1f} s"
            failing = f", {row.failing:,} failed before" if row.failing else ""
            dead = f"; {row.dead:,} are dead" if row.dead else ""
            yield f"{row.cache_type}: {row.entries:,} wait{since}{failing}{dead}"
        if self.logged:
            since = "" if self.logged_s is None else f", the oldest for {self.logged_s:.1f} s"
            yield f"{self.logged:,} changes are logged and not in the queue yet{since}"
        for each in self.last_hour():
            factor = coalescing(each.changes, each.refreshed)
            late = "" if each.staleness_p99_s is None else f", p99 {each.staleness_p99_s:.2f} s"
            yield (
                f"last hour, {each.cache_type}: {each.changes:,} changes, {each.refreshed:,} "
                f"refreshes{'' if factor is None else f' ({factor:.1f} changes each)'}{late}"
            )
        for verdict in self.verdicts:
            mark = "ok" if verdict.passed else verdict.severity
            yield f"{mark:<6} {verdict.check:<10} {verdict.told}"
        if self.missing:
            yield f"not known: the last hour's drains, {' and '.join(FROM_DRAINS)}: {self.missing}"


def status(
    store: Store | None, target: Target, caches: Sequence[CacheType], missing: str = ""
) -> Status:
    """Look at a target's queue, its capture and its drains of the last hour, and judge.

    Parameters
    ----------
    store : Store or None
        None: drains are not known, and nothing is kept for alerts.
    target : Target
    caches : sequence of CacheType
    missing : str
        Why there is no store.

    Raises
    ------
    UnreachableError, ConfigurationError
        The target cannot be reached, or has no queue.

    """
    with pg.session(target.maintenance_url(), read_only=True, autocommit=True) as connection:
        queue.due_now(connection, caches)  # says so where there is no queue
        depth, logged = queue.depth(connection), queue.log_depth(connection)
        now = _now(connection)
        steps = [f"{step.action} {step.name}" for step in install.look(connection, caches).steps]
        steps += logical.worries(connection)
    ages = {
        row.cache_type: max(0.0, (now - row.oldest).total_seconds())
        for row in depth
        if row.oldest is not None
    }
    logged_s = None
    if logged.oldest is not None:
        logged_s = max(0.0, (now - logged.oldest).total_seconds())
    drains: Sequence[Mapping[str, Any]] | None = None
    if store is not None:
        since = datetime.now(UTC) - timedelta(minutes=limits.LOOK_BACK_MINUTES)
        drains = record.recent(store, target.name, since, limit=10_000)
        _note(store, target, depth, [*ages.values(), logged_s or 0.0], logged.entries)
    judged = tuple(limits.judge(caches, depth, ages, logged.entries, logged_s, drains, steps))
    return Status(
        target.name, tuple(depth), ages, logged.entries, logged_s, drains or (), judged,
        "" if store is not None else missing or "no store was given",
    )  # fmt: skip


def _note(
    store: Store,
    target: Target,
    depth: Sequence[queue.Depth],
    ages_s: Sequence[float],
    logged: int,
) -> None:
    """Keep what was seen, for alerts and exports; one look has one time."""
    at = datetime.now(UTC)
    entries = {row.cache_type: float(row.entries) for row in depth}
    measurements.note(
        store, target.name, "pending_cache_invalidations", {**entries, "": logged}, at
    )
    oldest = {"": max(ages_s)}
    measurements.note(store, target.name, "oldest_cache_invalidation_seconds", oldest, at)


def _now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("SELECT /* perf-pipeline */ clock_timestamp()").fetchone()
    return row[0] if row else datetime.now(UTC)
