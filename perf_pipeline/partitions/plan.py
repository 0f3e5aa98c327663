"""What to do for one policy, from what is and the server's clock; pure.

Nothing is assumed of names: bounds decide what exists. A partition that nobody expected (made by
hand, by pg_partman, of another length) counts for what it covers; what is missing beside it is made
around it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.partitions import names, periods
from perf_pipeline.partitions.model import (
    MOST_PREMAKE,
    Bound,
    Existing,
    Partition,
    Plan,
    Policy,
    Problem,
    Step,
)
from perf_pipeline.partitions.periods import cutoff_of, headroom_of
from perf_pipeline.partitions.ranges import (
    Piece,
    Range,
    compact,
    reached_from,
    shown,
    start,
    start_of,
    subtract,
    union,
)
from perf_pipeline.partitions.verdicts import problems_of

#: Clocks that differ by more are no reason to drop anything.
MOST_SKEW_S: Final = 3_600.0

#: A gap of more periods than this separates what does not belong together: it is not filled.
MOST_GAP: Final = 120
#: Periods drained from a default partition in one run.
MOST_DRAINS: Final = 200


def plan(policy: Policy, existing: Existing, now: datetime) -> Plan:
    """Return what to do, in order, and how things stand.

    Parameters
    ----------
    policy : Policy
    existing : Existing
        What is: `catalog.read` returns it.
    now : datetime
        The *server's* clock, naive UTC.

    Returns
    -------
    Plan
        Nothing to do gives no steps. What stands in the way is in `problems`; a blocking one leaves
        no step. Carrying a plan out and planning again gives no further step, except for what was
        blocked.

    """
    problems = problems_of(policy, existing)
    if any(problem.blocking for problem in problems):
        return Plan(policy, problems=tuple(problems))
    if policy.modulus is not None:
        return _hash_plan(policy, existing, problems)
    return _RangePlan(policy, existing, now, problems).made()


def _interrupted(existing: Existing) -> Iterator[Step]:
    for part in existing.partitions:
        if part.pending:
            yield Step("finalize", part, "its concurrent detach was interrupted")
    for part in existing.gone:
        yield Step("forget", part, "it was dropped, and the store does not say so yet")


def _hash_plan(policy: Policy, existing: Existing, problems: list[Problem]) -> Plan:
    modulus = policy.modulus or 2
    have = {part.remainder for part in existing.partitions if part.modulus == modulus}
    lacking = [remainder for remainder in range(modulus) if remainder not in have]
    if any(part.modulus != modulus for part in existing.partitions):
        found = sorted({part.modulus or 0 for part in existing.partitions})
        problems.append(
            Problem(
                f"{policy.parent} has hash partitions of modulus {found}, "
                f"the policy says {modulus}",
                "correct the policy's modulus, or repartition the table by a conversion",
            )
        )
        return Plan(policy, tuple(_interrupted(existing)), tuple(problems), missing=len(lacking))
    steps = [
        *_interrupted(existing),
        *(
            Step(
                "create",
                Partition(
                    policy.schema,
                    names.hash_name(policy.table, modulus, remainder),
                    modulus=modulus,
                    remainder=remainder,
                ),
                f"remainder {remainder} of {modulus} has no partition",
            )
            for remainder in lacking
        ),
    ]
    return Plan(policy, tuple(steps), tuple(problems), not lacking, len(lacking))


class _RangePlan:
    """The plan of one policy with ranges."""

    def __init__(
        self, policy: Policy, existing: Existing, now: datetime, problems: list[Problem]
    ) -> None:
        self._policy, self._existing, self._problems = policy, existing, problems
        self._axis = periods.Axis(policy, existing.column_type)
        self._now = self._bound_of(now)
        self._clock = now
        ranged = sorted((part for part in existing.partitions if not part.is_default), key=start)
        # what was half detached is gone when its detach is finished, before anything else
        self._covered = [part for part in ranged if not part.pending]
        self._ranged = ranged
        self._there = union((part.lower, part.upper) for part in self._covered)
        self._cutoff = cutoff_of(policy, self._axis, now, existing.position)
        self._taken = set(existing.taken) | {part.name for part in existing.partitions}
        self._taken |= {part.name for part in existing.detached}

    def _bound_of(self, now: datetime) -> Bound | None:
        """Return where on the axis we are: the clock, or the highest value."""
        if self._policy.step is not None:
            if self._existing.position is not None:
                return self._existing.position
            start = self._policy.start
            return start if isinstance(start, int) else 0
        return self._axis.bound(self._axis.to_wall(now))

    def made(self) -> Plan:
        """Return the plan."""
        steps = list(_interrupted(self._existing))
        if self._policy.default == "ensure" and self._existing.default is None:
            name = names.default_name(self._policy.table)
            part = Partition(self._policy.schema, name, is_default=True)
            steps.append(Step("create_default", part, "the policy asks for a default partition"))
        end = self._end()
        drains = list(self._drains(end))
        steps.extend(drains)
        ranges = [(step.partition.lower, step.partition.upper) for step in drains]
        creates = list(self._creates(end, ranges))
        steps.extend(creates)
        old = list(self._old([step.partition for step in drains]))
        steps.extend(old)
        ahead = self._missing_ahead(end)
        return Plan(
            self._policy,
            tuple(steps),
            tuple(self._problems),
            covered=ahead == 0,
            missing=ahead,
            headroom_days=self._headroom(),
            default_empty=self._default_empty(),
            notes=tuple(self._notes()),
        )

    # -- what must be there ---------------------------------------------------------------------

    def _end(self) -> Bound:
        """Return the end of what must be kept ready."""
        now = self._now
        if now is None:  # pragma: no cover - a start stands in for it
            raise AssertionError("no position")
        end = self._axis.next(now, self._policy.premake)[1]
        ahead = self._ahead()
        if ahead is not None:
            reached = self._axis.period(ahead)[1]
            end = max(end, reached)
        return end

    def _ahead(self) -> Bound | None:
        """Return the value that must still find a partition after `headroom_days`."""
        days, now = self._policy.headroom_days, self._now
        if days is None or now is None:
            return None
        if isinstance(now, int):
            rate = self._existing.fill_per_day
            return None if rate is None else now + round(rate * days)
        # rows may lie ahead of the clock (appointments): what is ready must last beyond them
        return now + timedelta(days=days + max(0.0, self._existing.lead or 0.0))

    def _first(self, drained: Sequence[Range]) -> Bound:
        """Return where coverage begins."""
        now = self._now
        assert now is not None  # noqa: S101 - _bound_of
        if not self._policy.fill_gaps:
            return now
        begin: list[Bound] = [now]
        if self._policy.start is not None:
            start = self._policy.start
            begin.append(start if isinstance(start, int) else self._axis.bound(start))
        else:
            begin.append(self._oldest(now, drained))
            if self._policy.step is not None and not self._covered:
                begin.append(0 if now >= 0 else now)  # type: ignore[operator]
        first = min(begin)
        if self._cutoff is not None and self._policy.then != "keep":
            first = max(first, self._cutoff)
        return first

    def _oldest(self, now: Bound, drained: Sequence[Range]) -> Bound:
        """Return the lower bound of the oldest partition that no long gap separates from now."""
        reached = now
        ranges = [(part.lower, part.upper) for part in self._covered] + list(drained)
        for lower, upper in sorted(ranges, key=lambda r: start_of(r[0]), reverse=True):
            if lower is None or lower >= reached:  # type: ignore[operator]
                continue
            if upper is not None and upper < reached:  # type: ignore[operator]
                gap = self._axis.between(upper, reached, MOST_GAP + 1)
                if len(gap) > MOST_GAP:
                    break
            reached = lower
        return reached

    def _creates(self, end: Bound, drained: Sequence[Range]) -> Iterator[Step]:
        wanted = self._axis.between(self._first(drained), end, MOST_PREMAKE + 1)
        if len(wanted) > MOST_PREMAKE:
            self._problems.append(
                Problem(
                    f"{self._policy.parent}: more than {MOST_PREMAKE} partitions between "
                    f"{shown(self._first(drained))} and {shown(end)}; only current ones are made",
                    "choose a later start or a longer interval, or say fill_gaps: false",
                )
            )
            wanted = self._axis.between(self._now or 0, end, MOST_PREMAKE)
        there = union([*self._there, *drained])
        pieces = [
            (whole, piece)
            for whole in wanted
            for piece in subtract(whole, there)
            # nothing is made only to be dropped
            if self._policy.then == "keep" or not self._is_old(piece[1])
        ]
        for whole, piece in pieces:
            why = "missing" if piece == whole else "missing beside a partition of other bounds"
            if self._now is not None and piece[0] > self._now:  # type: ignore[operator]
                why = "to be kept ready" if piece == whole else f"to be kept ready, {why}"
            ahead = self._now is not None and piece[0] >= self._axis.next(self._now)[0]  # type: ignore[operator]
            yield Step("create", self._new(piece), why, ahead=ahead)

    def _new(self, piece: Piece) -> Partition:
        lower, upper = piece
        wall = self._axis.wall(lower) if isinstance(lower, datetime) else None
        for name in names.names(self._policy, lower, upper, wall):
            if name not in self._taken:
                self._taken.add(name)
                return Partition(self._policy.schema, name, lower, upper)
        # every name of the rule is somebody else's: the bounds tell it apart
        name = names.fitted(self._policy.table, f"{compact(lower)}_{compact(upper)}")
        self._taken.add(name)
        return Partition(self._policy.schema, name, lower, upper)

    def _drains(self, end: Bound) -> Iterator[Step]:
        """Yield the periods whose rows leave the default partition."""
        if not self._policy.drain or self._existing.default is None:
            return
        there = list(self._there)
        # years like 9999 mean `never`: no partition is made for them
        far = self._axis.next(end, max(12, self._policy.premake))[1]
        left = 0
        for begin, rows in self._existing.default_periods[:MOST_DRAINS]:
            if begin >= far:  # type: ignore[operator]
                left += rows
                continue
            pieces = list(subtract(self._axis.period(begin), there))
            for piece in pieces:
                there.append(piece)
                yield Step("drain", self._new(piece), "rows lie in the default partition", rows)
        if left:
            self._problems.append(
                Problem(
                    f"{self._policy.parent}: {left} rows of the default partition lie beyond "
                    f"{shown(far)} and stay there",
                    "correct those rows, or raise premake so that they are within its reach",
                )
            )

    # -- what is old ----------------------------------------------------------------------------

    def _is_old(self, upper: Bound | None) -> bool:
        return upper is not None and self._cutoff is not None and upper <= self._cutoff  # type: ignore[operator]

    def _old(self, drained: Sequence[Partition]) -> Iterator[Step]:
        """Yield what follows from retention, oldest first."""
        then, cutoff = self._policy.then, self._cutoff
        if then == "keep" or cutoff is None:
            return
        if abs(self._existing.clock_skew_s) > MOST_SKEW_S:
            self._problems.append(
                Problem(
                    f"{self._policy.parent}: the server's clock and ours differ by "
                    f"{self._existing.clock_skew_s:.0f} s; nothing is archived or dropped",
                    "correct the clock that is wrong",
                )
            )
            return
        why = f"its upper bound is before {shown(cutoff)}, {self._retention_shown()}"
        for part in (*self._ranged, *drained):
            if not self._is_old(part.upper) or part.held or (part.pending and then == "archive"):
                continue
            if then in {"archive", "archive_then_drop"} and not part.archived:
                yield Step("archive", part, why)
            if then in {"detach", "archive_then_drop"} and not part.pending:
                yield Step("detach", part, why)
            if then == "archive_then_drop":
                yield Step("drop", part, why)
        if then == "archive_then_drop":
            for part in self._existing.detached:
                if not part.held and self._is_old(part.upper):
                    yield Step("drop", part, f"it was archived and detached; {why}")

    def _retention_shown(self) -> str:
        if self._policy.retention is not None:
            return f"{self._policy.retention} ago"
        return f"{self._policy.retention_count} values ago"

    # -- how things stand -----------------------------------------------------------------------

    def _missing_ahead(self, end: Bound) -> int:
        now = self._now
        assert now is not None  # noqa: S101 - _bound_of
        wanted = self._axis.between(now, end, 2 * MOST_PREMAKE)
        wanted[0] = (now, wanted[0][1])  # what lies behind us is no matter of keeping ready
        return sum(1 for whole in wanted if any(True for _ in subtract(whole, self._there)))

    def _headroom(self) -> float | None:
        """Return the days until rows find no partition but the default one."""
        now = self._now
        reached, endless = self._reached()
        if endless or now is None:
            return None
        if isinstance(now, int):
            rate = self._existing.fill_per_day
            if rate is None or rate <= 0.0:
                return None
            return max(0.0, (int(reached) - now) / rate)  # type: ignore[arg-type]
        if not isinstance(reached, datetime) or not isinstance(now, datetime):
            return 0.0
        return headroom_of(now, reached, max(0.0, self._existing.lead or 0.0))

    def _reached(self) -> tuple[Bound, bool]:
        """Return the end of the coverage without a gap from now on, and whether it has no end."""
        assert self._now is not None  # noqa: S101 - _bound_of
        return reached_from(self._now, self._covered)

    def _default_empty(self) -> bool | None:
        has_rows = self._existing.default_has_rows
        return None if has_rows is None else not has_rows

    def _notes(self) -> Iterator[str]:
        if self._existing.default_strays:
            yield (
                f"{self._existing.default_strays} rows of the default partition have no value in "
                f"{self._policy.column} and stay there"
            )
        rate = self._existing.fill_per_day
        if self._policy.step is not None and self._policy.headroom_days and rate is None:
            yield "the rate at which it fills is not known yet: premake alone decides"
