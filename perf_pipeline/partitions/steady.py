"""What is known to need nothing: a cheap look at all, and a whole one at those that changed.

Bounds change by attaching and detaching only, and each of them writes another row of
`pg_inherits`. So after a whole look that found nothing to do, it is enough to see that those rows
are the same, that the default partition is empty still, and that the clock has reached neither the
end of what is ready nor the retention of the oldest partition. What is known is kept in the
process: a sensor looks again and again, a run looks before and after each of its steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.errors import UnsupportedServerError
from perf_pipeline.partitions import periods, ranges
from perf_pipeline.partitions.model import Bound, Existing, Plan, Policy
from perf_pipeline.partitions.periods import cutoff_of, headroom_of
from perf_pipeline.partitions.plan import MOST_SKEW_S
from perf_pipeline.partitions.proofs import Proof, by_parent
from perf_pipeline.postgres import sqlfiles

#: Policies that are remembered; beyond, everything is forgotten and looked at again.
_MOST: Final = 50_000


@dataclass(frozen=True)
class Settled:
    """What a plan that had nothing to do depends on, besides attachments and the default partition.

    Attributes
    ----------
    since : datetime
        The server's clock then, naive UTC.
    column_type : str or None
        Of the partition key.
    reached : Bound or None
        End of the coverage without a gap; None: it has none, or the partitions are by hash.
    oldest : Bound or None
        The least upper bound that retention has not reached.
    default_empty : bool or None
        None: there is no default partition.

    """

    since: datetime
    column_type: str | None
    reached: Bound | None
    oldest: Bound | None
    default_empty: bool | None

    def plan(self, policy: Policy, now: datetime) -> Plan | None:
        """Return the plan at a later time, which has no steps; None: it may have some."""
        made = Plan(policy, covered=True, default_empty=self.default_empty)
        if policy.modulus is not None:
            return made
        if now < self.since:
            return None
        axis = periods.Axis(policy, self.column_type)
        here = axis.bound(axis.to_wall(now))
        cutoff = cutoff_of(policy, axis, now)
        if self.oldest is not None and cutoff is not None and self.oldest <= cutoff:  # type: ignore[operator]
            return None
        if self.reached is None:
            return made
        if axis.next(here, policy.premake)[1] > self.reached:  # type: ignore[operator]
            return None
        return Plan(
            policy,
            covered=True,
            headroom_days=headroom_of(here, self.reached),
            default_empty=self.default_empty,
        )


def settled(policy: Policy, existing: Existing, made: Plan, now: datetime) -> Settled | None:
    """Return what a plan without anything to do depends on; None: it must be made anew each time.

    Parameters
    ----------
    policy : Policy
    existing : Existing
        As `catalog.read` returned it.
    made : Plan
        As `plan` made it of that.
    now : datetime
        The server's clock, naive UTC.

    """
    depends_on_rows = policy.step is not None or policy.headroom_days is not None
    unfinished = made.steps or made.problems or made.notes or not made.covered
    default = existing.default
    unsure = default is not None and made.default_empty is not True
    if depends_on_rows or unfinished or unsure or existing.detached or existing.gone:
        return None
    if policy.modulus is not None:
        return Settled(now, existing.column_type, None, None, made.default_empty)
    axis = periods.Axis(policy, existing.column_type)
    here = axis.bound(axis.to_wall(now))
    parts = sorted((part for part in existing.partitions if not part.is_default), key=ranges.start)
    reached, endless = ranges.reached_from(here, parts)
    cutoff = cutoff_of(policy, axis, now)
    uppers: list[Any] = []
    if policy.then != "keep" and cutoff is not None:
        uppers = [p.upper for p in parts if p.upper is not None and p.upper > cutoff]  # type: ignore[operator]
    return Settled(
        now,
        existing.column_type,
        None if endless else reached,
        min(uppers, default=None),
        made.default_empty,
    )


@dataclass(frozen=True)
class Look:
    """A cheap look at all parents.

    Attributes
    ----------
    now : datetime
        The server's clock, naive UTC.
    plans : dict of parent to Plan
        Of policies that are known to need nothing.
    rest : list of Policy
        Those that must be looked at whole.

    """

    now: datetime
    plans: dict[str, Plan]
    rest: list[Policy]
    _keys: Mapping[str, tuple[object, ...]]

    def remember(self, existing: Mapping[str, Existing], plans: Mapping[str, Plan]) -> None:
        """Remember those looked at whole that need nothing.

        Parameters
        ----------
        existing : Mapping of parent to Existing
            Read after this look: what changed in between does not fit what was seen here.
        plans : Mapping of parent to Plan

        """
        with _lock:
            if len(_known) > _MOST:
                _known.clear()
            for policy in self.rest:
                key = self._keys.get(policy.parent)
                if key is None:
                    continue
                found = settled(policy, existing[policy.parent], plans[policy.parent], self.now)
                if found is not None:
                    _known[key[:-1]] = (key[-1], found)


#: By server, database and policy: what was attached then, and what it means.
_known: dict[tuple[object, ...], tuple[object, Settled]] = {}
_lock = Lock()


def forget() -> None:
    """Forget everything, so that the next look is a whole one."""
    with _lock:
        _known.clear()


def look(
    connection: psycopg.Connection[Any], policies: Sequence[Policy], proofs: Sequence[Proof] = ()
) -> Look:
    """Return what is known to need nothing, and what must be looked at whole; one query.

    Parameters
    ----------
    connection : psycopg.Connection
        On the target.
    policies : sequence of Policy
        At least one.
    proofs : sequence of Proof
        What the store knows of the target's archived partitions.

    Raises
    ------
    UnsupportedServerError
        The server is a replica.

    """
    ours = datetime.now(UTC).replace(tzinfo=None)
    values = {"schemas": [p.schema for p in policies], "tables": [p.table for p in policies]}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sqlfiles.load("partitions/probe").text, values).fetchall()
    first = rows[0]
    if first["in_recovery"]:
        raise UnsupportedServerError(
            "the server is a replica: partitions are made on its primary",
            "let the target's URL name the primary",
        )
    now = first["clock"].astimezone(UTC).replace(tzinfo=None)
    proven = by_parent(proofs)
    plans: dict[str, Plan] = {}
    keys: dict[str, tuple[object, ...]] = {}
    rest: list[Policy] = []
    skewed = abs((now - ours) / timedelta(seconds=1)) > MOST_SKEW_S
    for policy, row in zip(policies, rows, strict=True):
        made = None
        if not skewed and row["default_bytes"] == 0 and not row["pending"]:
            held = tuple((p.archive_id, p.relation, p.held) for p in proven.get(policy.parent, ()))
            seen = (row["oid"], row["column_name"], row["partitions"], row["attachments"], held)
            key = (first["server"], policy)
            keys[policy.parent] = (*key, seen)
            known = _known.get(key)
            if known is not None and known[0] == seen:
                made = known[1].plan(policy, now)
        if made is None:
            rest.append(policy)
        else:
            plans[policy.parent] = made
    return Look(now, plans, rest, keys)
