"""What a sweep knows about the server, and what two sweeps prove about the time between them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

import polars as pl

Quality = Literal["exact", "first_seen", "reset", "evicted_reinserted", "gap", "lower_bound"]

#: A previous sweep this many usual spacings old leaves a gap: what happened is known in sum only.
GAP_SPACINGS = 3.0


@dataclass(frozen=True)
class Observation:
    """Facts about the server at one sweep; times are aware, UTC, by the target's own clock.

    `None` means unknown (not permitted, not read) or, for `database_stats_reset`, never reset.
    `sees_all` says whether the role may see other users' statements; `fingerprint` is that of
    the catalogs, None when the schema objects must be read again. `address` and `port` are the
    server's own names of where it was reached.

    `cumulative_stats_reset` is when the counters of the archiver began, which nobody resets: the
    server throws away all statistics of tables, indexes and databases after a crash, and keeps no
    other trace of it. What pg_stat_statements says of itself is read just before and just after
    the statements: a reset in between shows as a difference (`_after` is None where it was read
    once).

    The last two are temporary bytes that entries of pg_stat_statements have counted: of the role's,
    and of those known to be the collector's.
    """

    ts: datetime
    server_version_num: int
    system_identifier: int | None = None
    timeline: int | None = None
    postmaster_start: datetime | None = None
    address: str | None = None
    port: int | None = None
    in_recovery: bool | None = None
    database_oid: int | None = None
    database_stats_reset: datetime | None = None
    cumulative_stats_reset: datetime | None = None
    statements_stats_reset: datetime | None = None
    statements_dealloc: int | None = None
    statements_stats_reset_after: datetime | None = None
    statements_dealloc_after: int | None = None
    role_name: str = ""
    sees_all: bool = True
    fingerprint: str | None = None
    role_temp_bytes: int | None = None
    own_temp_bytes: int | None = None

    @property
    def last_statements_reset(self) -> datetime | None:
        """`stats_reset` of pg_stat_statements as it was read last."""
        return self.statements_stats_reset_after or self.statements_stats_reset

    @property
    def last_dealloc(self) -> int | None:
        """`dealloc` of pg_stat_statements as it was read last."""
        after = self.statements_dealloc_after
        return self.statements_dealloc if after is None else after

    @property
    def emptied_meanwhile(self) -> bool:
        """Whether the statements were emptied just as they were read: before it or after it."""
        return _differ(self.statements_stats_reset, self.statements_stats_reset_after)


@dataclass(frozen=True)
class Evidence:
    """What two observations say about the interval between them.

    Attributes
    ----------
    previous : Observation or None
        Of the sweep that the previous counters come from; None when there was none.
    current : Observation
    expected_seconds : float
        The usual time between two sweeps.
    partial : bool
        Either may hold some of the entries only. A key that appears then counts where `stats_since`
        says that it began since the previous one, by a clock that is taken to have gone on.
    missed : bool
        A sweep in between could not read these counters: they tell of more time than its own.

    """

    previous: Observation | None
    current: Observation
    expected_seconds: float = 300.0
    partial: bool = False
    missed: bool = False

    @property
    def clock_stepped_back(self) -> bool:
        """Whether the target's clock shows no later time than at the previous sweep."""
        return self.previous is not None and self.current.ts <= self.previous.ts

    @property
    def gap(self) -> bool:
        """Whether the interval is longer than it seems, or than usual, or its length unknown."""
        if self.previous is None:
            return False
        if self.missed:
            return True
        elapsed = (self.current.ts - self.previous.ts).total_seconds()
        return elapsed <= 0 or elapsed > GAP_SPACINGS * self.expected_seconds

    @property
    def restarted(self) -> bool:
        """Whether the server was restarted (its counters may have been kept)."""
        before, after = self.previous, self.current
        return before is not None and _differ(before.postmaster_start, after.postmaster_start)

    @property
    def other_server(self) -> str | None:
        """Why these counters are another server's than the previous ones; None when they are not.

        The same cluster identifier is not enough: a replica has it, too. A statistics reset that
        the previous sweep must have seen, but did not, shows another server; so does a restart
        together with a promotion.
        """
        before, after = self.previous, self.current
        if before is None:
            return None
        if _differ(before.system_identifier, after.system_identifier):
            return f"system identifier {before.system_identifier} became {after.system_identifier}"
        if _differ(before.database_oid, after.database_oid):
            return f"database {before.database_oid} became {after.database_oid}"
        if self._moved_before(before.last_statements_reset, after.statements_stats_reset):
            return "its statement statistics were reset before the previous sweep, which saw none"
        if not self._database_first_told and self._moved_before(
            before.database_stats_reset, after.database_stats_reset
        ):
            return "its database statistics were reset before the previous sweep, which saw none"
        if before.cumulative_stats_reset is not None and self._moved_before(
            before.cumulative_stats_reset, after.cumulative_stats_reset
        ):
            return "its statistics began before the previous sweep, at another time than it saw"
        if self.restarted and (
            _differ(before.timeline, after.timeline)
            or _differ(before.in_recovery, after.in_recovery)
        ):
            return "it was restarted and promoted or demoted"
        return None

    @property
    def same_process(self) -> bool:
        """Whether one server process, without a restart, answered both sweeps."""
        before, after = self.previous, self.current
        return (
            before is not None
            and before.postmaster_start is not None
            and before.postmaster_start == after.postmaster_start
            and self.other_server is None
        )

    @property
    def statements_emptied(self) -> bool:
        """Whether all statement counters certainly started again within the interval.

        They did when the time of the reset moved between two readings of it that lie between the
        two readings of the statements.
        """
        before, after = self.previous, self.current
        return (
            before is not None
            and self.other_server is None
            and _differ(before.last_statements_reset, after.statements_stats_reset)
        )

    @property
    def evictions(self) -> int | None:
        """How often pg_stat_statements threw out its least used entries, about 5 % each time.

        None when that is not known. Counted from the last reset where there was one.
        """
        before, after = self.previous, self.current
        if before is None or after.last_dealloc is None:
            return None
        if self.statements_emptied:
            return after.last_dealloc
        first = 0 if before.emptied_meanwhile else before.statements_dealloc
        last = after.statements_dealloc if after.emptied_meanwhile else after.last_dealloc
        return None if first is None or last is None else max(0, last - first)

    @property
    def entries_in_doubt(self) -> bool:
        """Whether entries of statements may have gone within the interval, unknown which.

        Thrown out to make room; or emptied just as they were read; or not loaded by a restart: it
        drops, uncounted, what exceeds a lowered `pg_stat_statements.max`.
        """
        before, after = self.previous, self.current
        if before is None:
            return False
        meanwhile = before.emptied_meanwhile or after.emptied_meanwhile
        return self.evictions != 0 or meanwhile or self.restarted

    @property
    def crashed(self) -> bool:
        """Whether the server threw away all statistics of tables, indexes and databases."""
        before, after = self.previous, self.current
        return before is not None and _differ(
            before.cumulative_stats_reset, after.cumulative_stats_reset
        )

    @property
    def database_reset(self) -> bool:
        """Whether some counters of tables, indexes or the database were reset within the interval.

        The server moves the same time stamp for one table and for all, and somebody may reset the
        archiver's alone: it proves no single row.
        """
        before, after = self.previous, self.current
        if before is None or self.other_server is not None:
            return False
        told = (
            after.database_stats_reset is not None
            and before.database_stats_reset != after.database_stats_reset
            and not self._database_first_told
        )
        return told or self.crashed

    @property
    def _database_first_told(self) -> bool:
        """Whether the time of the reset is that of the first statistics of a new database.

        Before 15 the collector sets it then, and tells it up to a second later.
        """
        before = self.previous
        return (
            before is not None
            and before.server_version_num < 150_000
            and before.database_stats_reset is None
        )

    @property
    def sees_more(self) -> bool:
        """Whether rows may be visible now that existed, hidden, at the previous sweep."""
        before, after = self.previous, self.current
        return before is not None and (
            (after.sees_all and not before.sees_all)
            or (not after.sees_all and after.role_name != before.role_name)
        )

    @property
    def quality(self) -> Quality:
        """Quality of the interval as a whole."""
        if self.previous is None:
            return "first_seen"
        emptied = self.statements_emptied or self.current.emptied_meanwhile
        if self.other_server or emptied or self.database_reset:
            return "reset"
        if self.evictions or self.previous.emptied_meanwhile:
            return "lower_bound"
        return "gap" if self.gap else "exact"

    def notes(self) -> list[str]:
        """Return what a reader of the interval should know, one sentence each."""
        before, after, notes = self.previous, self.current, []
        if before is None:
            notes.append("first sweep of this target: it is the baseline, nothing is counted")
            if after.in_recovery:
                notes.append("it is a replica: its statements are those that ran there")
            return notes
        if self.other_server:
            notes.append(f"another server answered ({self.other_server}): nothing is counted")
        if self.clock_stepped_back:
            step = (before.ts - after.ts).total_seconds()
            notes.append(f"the target's clock went back by {step:.3f} s: the interval is a gap")
        elif self.gap:
            elapsed = (after.ts - before.ts).total_seconds()
            notes.append(
                f"{elapsed:.0f} s since the previous sweep, {self.expected_seconds:.0f} s expected"
            )
        if self.restarted:
            notes.append("the server was restarted")
        if _differ(before.in_recovery, after.in_recovery):
            notes.append("it is a replica now" if after.in_recovery else "it was promoted")
        if self.statements_emptied:
            notes.append(f"statement statistics were reset at {after.statements_stats_reset}")
        if after.emptied_meanwhile:
            notes.append(
                f"statement statistics were reset at {after.statements_stats_reset_after},"
                " just as they were read"
            )
        if self.database_reset:
            notes.append(
                f"statistics of tables, indexes and database began anew at"
                f" {after.cumulative_stats_reset}: the server crashed or was stopped at once"
                " (or somebody reset the archiver's)"
                if self.crashed
                else f"database statistics were reset at {after.database_stats_reset}"
            )
        if self.evictions:
            notes.append(
                f"pg_stat_statements made room {self.evictions} times: calls of evicted statements"
                " are missing; raise pg_stat_statements.max"
            )
        return notes

    def _moved_before(self, before: datetime | None, after: datetime | None) -> bool:
        if after is None or before == after or self.previous is None:
            return False
        return after <= self.previous.ts


def _differ(before: object, after: object) -> bool:
    return before is not None and after is not None and before != after


_TYPES: dict[str, pl.DataType] = {
    "ts": pl.Datetime("us", "UTC"),
    "server_version_num": pl.Int64(),
    "system_identifier": pl.Int64(),
    "timeline": pl.Int64(),
    "postmaster_start": pl.Datetime("us", "UTC"),
    "address": pl.String(),
    "port": pl.Int64(),
    "in_recovery": pl.Boolean(),
    "database_oid": pl.Int64(),
    "database_stats_reset": pl.Datetime("us", "UTC"),
    "cumulative_stats_reset": pl.Datetime("us", "UTC"),
    "statements_stats_reset": pl.Datetime("us", "UTC"),
    "statements_dealloc": pl.Int64(),
    "statements_stats_reset_after": pl.Datetime("us", "UTC"),
    "statements_dealloc_after": pl.Int64(),
    "role_name": pl.String(),
    "sees_all": pl.Boolean(),
    "fingerprint": pl.String(),
    "role_temp_bytes": pl.Int64(),
    "own_temp_bytes": pl.Int64(),
}


def to_frame(observations: dict[str, Observation]) -> pl.DataFrame:
    """Return observations by family as a frame, one row each, sorted by family."""
    rows = [
        {"family": family, **{f.name: getattr(seen, f.name) for f in fields(seen)}}
        for family, seen in sorted(observations.items())
    ]
    return pl.DataFrame(rows, schema={"family": pl.String(), **_TYPES})


def from_frame(frame: pl.DataFrame) -> dict[str, Observation]:
    """Undo `to_frame`."""
    return {row.pop("family"): Observation(**row) for row in frame.to_dicts()}
